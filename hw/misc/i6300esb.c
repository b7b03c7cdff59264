/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/i6300esb.c: "i6300esb": the watchdog of Intel's 6300ESB I/O controller hub (datasheet
 * 300641, 16: watchdog timer, device 29 function 4).  It counts twice: at the end of the first stage
 * it may interrupt, at the end of the second its output resets the machine.
 *
 * Invariants: the timer is armed exactly while `running`.  Preloads have 20 bits, so that a stage ends
 *             within 18 minutes.
 * Thread:     under the machine lock.
 */
#include "hw/misc/watchdog.h"
#include "hw/pci/pci.h"
#include "target/i386/cpu.h"
#include "util/log.h"

/* Configuration space */
#define ESB_CONFIG       0x60 /* 16 bits */
#define CONFIG_INT_TYPE  0x0003u
#define CONFIG_INT_APIC  0u
#define CONFIG_INT_SMI   2u
#define CONFIG_FAST      0x0004u /* a tick is 1 us, not 1 ms */
#define CONFIG_NO_OUTPUT 0x0020u
#define CONFIG_BITS      0x0027u
#define ESB_LOCK         0x68 /* 8 bits */
#define LOCK_LOCKED      0x01u
#define LOCK_ENABLE      0x02u
#define LOCK_FREE_RUN    0x04u
#define LOCK_BITS        0x07u

/* Memory */
#define ESB_BAR_SIZE   16u
#define ESB_PRELOAD1   0x00
#define ESB_PRELOAD2   0x04
#define ESB_STATUS     0x08
#define STATUS_ACTIVE  0x01u
#define ESB_RELOAD     0x0c
#define RELOAD_RELOAD  0x100u
#define RELOAD_TIMEOUT 0x200u
#define PRELOAD_MASK   0xfffffu

/* Ticks are PCI clocks, divided by 2^15 or 2^5. */
#define PCI_CLOCK_HZ 33000000u
/* One that counts from nothing over and over must leave the host time for others. */
#define SHORTEST_STAGE_NS NS_PER_MS

struct i6300esb {
    struct pci_device pci;
    struct mem_region mmio;
    struct timer timer;
    uint32_t preload[2];
    uint8_t stage;    /* 0 or 1 */
    uint8_t unlocked; /* writes of the sequence that came: 2: the next write counts */
    bool running, active;
    bool timed_out; /* since power-on: survives the reset that it causes */
};

static unsigned lock_bits(const struct i6300esb *s)
{
    return pci_config_load(&s->pci, ESB_LOCK, 1);
}

static void start_stage(struct i6300esb *s, unsigned stage)
{
    struct machine *m = s->pci.dev.machine;
    bool fast = pci_config_load(&s->pci, ESB_CONFIG, 2) & CONFIG_FAST;
    uint64_t clocks = (uint64_t)s->preload[stage] << (fast ? 5 : 15);
    int64_t ns = (int64_t)muldiv64(clocks, NS_PER_SEC, PCI_CLOCK_HZ);

    s->stage = (uint8_t)stage;
    s->running = true;
    timer_arm(&s->timer, clock_now(m, CLOCK_KIND_VIRTUAL) + MAX(ns, SHORTEST_STAGE_NS));
}

static void stop(struct i6300esb *s)
{
    s->running = false;
    timer_disarm(&s->timer);
}

/* The APIC's interrupt is INTA's line here. */
static void end_first_stage(struct i6300esb *s)
{
    struct machine *m = s->pci.dev.machine;
    unsigned type = pci_config_load(&s->pci, ESB_CONFIG, 2) & CONFIG_INT_TYPE;

    if (type == CONFIG_INT_APIC) {
        s->active = true;
        pci_set_intx(&s->pci, true);
    } else if (type == CONFIG_INT_SMI && m->n_vcpus && !m->config.no_smm) {
        s->active = true;
        cpu_set_pending(x86_cpu_of(m->vcpus[0]), PENDING_SMI);
    }
    start_stage(s, 1);
}

static void end_second_stage(struct i6300esb *s)
{
    bool output = !(pci_config_load(&s->pci, ESB_CONFIG, 2) & CONFIG_NO_OUTPUT);

    s->timed_out = true;
    if (lock_bits(s) & LOCK_FREE_RUN) {
        start_stage(s, 0);
    } else {
        stop(s);
    }
    if (output) {
        watchdog_expired(s->pci.dev.machine);
    }
}

static void timer_fire(void *opaque)
{
    struct i6300esb *s = opaque;

    if (s->stage == 0) {
        end_first_stage(s);
    } else {
        end_second_stage(s);
    }
}

/* Configuration space: the lock bit stays until a reset, and holds the others. */
static void config_written(struct pci_device *d, unsigned off, unsigned size)
{
    struct i6300esb *s = (struct i6300esb *)d;

    if (off > ESB_LOCK || off + size <= ESB_LOCK) {
        return;
    }
    if (lock_bits(s) & LOCK_LOCKED) {
        pci_config_set_wmask(d, ESB_LOCK, 0, 1);
    }
    if (!(lock_bits(s) & LOCK_ENABLE)) {
        stop(s);
    } else if (!s->running) {
        start_stage(s, 0);
    }
}

/* Memory -------------------------------------------------------------------------------------- */

static uint64_t esb_read(void *opaque, uint64_t off, unsigned size)
{
    struct i6300esb *s = opaque;

    (void)size;
    switch (off) {
    case ESB_STATUS:
        return s->active ? STATUS_ACTIVE : 0;
    case ESB_RELOAD:
        return s->timed_out ? RELOAD_TIMEOUT : 0;
    default:
        return 0; /* preloads are written only */
    }
}

/* 0x80, then 0x86 to the reload register: the write that follows counts. */
static bool is_key(struct i6300esb *s, uint64_t off, uint64_t value)
{
    static const uint16_t keys[] = { 0x80, 0x86 };

    if (s->unlocked < G_N_ELEMENTS(keys) && off == ESB_RELOAD && value == keys[s->unlocked]) {
        s->unlocked++;
        return true;
    }
    return false;
}

static void write_reload(struct i6300esb *s, uint64_t value)
{
    if (value & RELOAD_TIMEOUT) {
        s->timed_out = false;
    }
    if (value & RELOAD_RELOAD && s->running) {
        start_stage(s, 0);
    }
}

static void esb_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct i6300esb *s = opaque;
    bool counts;

    (void)size;
    if (off == ESB_STATUS) { /* not behind the sequence */
        s->active &= !(value & STATUS_ACTIVE);
        pci_set_intx(&s->pci, s->active);
        return;
    }
    if (is_key(s, off, value)) {
        return;
    }
    counts = s->unlocked == 2;
    s->unlocked = 0;
    if (!counts) {
        log_line(LOG_GUEST_ERRORS, "i6300esb: a write at 0x%x without the unlock sequence",
                 (unsigned)off);
    } else if (off == ESB_RELOAD) {
        write_reload(s, value);
    } else if (off == ESB_PRELOAD1 || off == ESB_PRELOAD2) {
        s->preload[off == ESB_PRELOAD2] = value & PRELOAD_MASK;
    }
}

static const struct mem_ops esb_ops = {
    .read = esb_read, .write = esb_write, .min_size = 1, .max_size = 4, .unaligned = false
};

/* Life ---------------------------------------------------------------------------------------- */

static bool i6300esb_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = {
        .vendor = 0x8086, .device = 0x25ab, .class = 0x0880, .int_pin = 1
    };
    struct i6300esb *s = (struct i6300esb *)dev;

    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    timer_init(&s->timer, dev->machine, CLOCK_KIND_VIRTUAL, timer_fire, s);
    mem_region_init_mmio(&s->mmio, dev->machine, "i6300esb", &esb_ops, s, ESB_BAR_SIZE);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM32, &s->mmio, ESB_BAR_SIZE);
    pci_config_set_wmask(&s->pci, ESB_CONFIG, CONFIG_BITS, 2);
    pci_config_set_wmask(&s->pci, ESB_LOCK, LOCK_BITS, 1);
    s->pci.config_written = config_written;
    s->preload[0] = s->preload[1] = PRELOAD_MASK;
    return true;
}

static void i6300esb_reset(struct device *dev)
{
    struct i6300esb *s = (struct i6300esb *)dev;

    stop(s);
    s->stage = s->unlocked = 0;
    s->active = false;
    s->preload[0] = s->preload[1] = PRELOAD_MASK;
    pci_config_set_wmask(&s->pci, ESB_LOCK, LOCK_BITS, 1);
    pci_device_reset(&s->pci);
}

static void i6300esb_unrealize(struct device *dev)
{
    struct i6300esb *s = (struct i6300esb *)dev;

    timer_disarm(&s->timer);
    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->mmio);
}

static bool i6300esb_post_load(struct device *dev, GError **error)
{
    struct i6300esb *s = (struct i6300esb *)dev;

    s->stage &= 1;
    s->unlocked = MIN(s->unlocked, 2);
    s->preload[0] &= PRELOAD_MASK;
    s->preload[1] &= PRELOAD_MASK;
    s->running = s->timer.armed;
    pci_config_set_wmask(&s->pci, ESB_LOCK, lock_bits(s) & LOCK_LOCKED ? 0 : LOCK_BITS, 1);
    return pci_device_post_load(&s->pci, error);
}

static const struct property i6300esb_props[] = {
    PCI_PROPS(struct i6300esb, pci),
    { 0 },
};
static const struct state_row i6300esb_state[] = {
    PCI_STATE(struct i6300esb, pci),
    STATE_TIMER_ROW(struct i6300esb, timer, 1, "end of the stage"),
    STATE_ARRAY(struct i6300esb, preload, 1, "ticks of the stages"),
    STATE_INT(struct i6300esb, stage, 1, "stage that is counted"),
    STATE_INT(struct i6300esb, unlocked, 1, "part of the unlock sequence"),
    STATE_INT(struct i6300esb, active, 1, "interrupt of the first stage"),
    STATE_INT(struct i6300esb, timed_out, 1, "the second stage ended once"),
    { 0 },
};

const struct device_type i6300esb_type = {
    .name = "i6300esb",
    .summary = "Intel 6300ESB watchdog",
    .bus = BUS_PCI,
    .size = sizeof(struct i6300esb),
    .props = i6300esb_props,
    .state = i6300esb_state,
    .realize = i6300esb_realize,
    .reset = i6300esb_reset,
    .unrealize = i6300esb_unrealize,
    .post_load = i6300esb_post_load,
};
