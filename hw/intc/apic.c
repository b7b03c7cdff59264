/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/intc/apic.c: one local APIC: what it accepts, what it gives its CPU, and its life as a device.
 *
 * Invariant: after apic_update, PENDING_INTR of the CPU says whether acknowledge() has a vector:
 *            the highest request is in a higher class than PPR, or ExtINT waits.
 * Thread:    under the machine lock, on any thread.
 */
#include "hw/intc/apic.h"
#include "hw/intc/apic_kernel.h"
#include "target/i386/cpu.h"
#include "util/error.h"
#include "util/log.h"

#define X2APIC_MSR 0x800

int apic_highest_bit(const uint32_t *words)
{
    for (int i = 7; i >= 0; i--) {
        if (words[i]) {
            return i * 32 + 31 - __builtin_clz(words[i]);
        }
    }
    return -1;
}

bool apic_hw_enabled(const struct apic *a)
{
    return a->base & APIC_BASE_ENABLE;
}

bool apic_sw_enabled(const struct apic *a)
{
    return apic_hw_enabled(a) && a->svr & APIC_SVR_ENABLE;
}

bool apic_in_x2apic(const struct apic *a)
{
    return a->base & APIC_BASE_X2APIC;
}

uint8_t apic_ppr(const struct apic *a)
{
    int isr = apic_highest_bit(a->isr);
    uint8_t isrv = isr < 0 ? 0 : isr & 0xf0;

    return (a->tpr & 0xf0) >= isrv ? a->tpr : isrv;
}

/* Does a message reach this APIC?  (SDM vol. 3, "Determining IPI Destination") */
bool apic_matches(const struct apic *a, uint32_t dest, bool logical)
{
    if (!apic_hw_enabled(a)) {
        return false;
    }
    if (dest == UINT32_MAX) {
        return true;
    }
    if (!logical) {
        return dest == (apic_in_x2apic(a) ? a->id : a->id_reg >> 24);
    }
    if (apic_in_x2apic(a)) {
        return a->ldr >> 16 == dest >> 16 && a->ldr & dest & 0xffff;
    }
    uint8_t ldr = a->ldr >> 24;

    if (a->dfr >> 28 == 0xf) {
        return dest <= 0xff && ldr & dest;
    }
    return dest <= 0xff && (dest >> 4 == 0xf || dest >> 4 == (ldr >> 4u)) && ldr & dest & 0xf;
}

/*
 * ExtINT reaches the CPU through LINT0 in ExtINT mode, or straight when the APIC is globally
 * disabled: LINT0 is then the INTR pin.
 */
static bool extint_waits(const struct apic *a)
{
    uint32_t lvt = a->lvt[APIC_LVT_LINT0];

    if (!apic_hw_enabled(a)) {
        return a->lint_level[0];
    }
    return a->extint ||
           (a->lint_level[0] && !(lvt & APIC_LVT_MASKED) && (lvt >> 8 & 7) == APIC_DM_EXTINT);
}

/* The vector that the CPU may take, or -1. */
static int deliverable(const struct apic *a)
{
    int v = apic_sw_enabled(a) ? apic_highest_bit(a->irr) : -1;

    return v >= 0 && (v & 0xf0) > (apic_ppr(a) & 0xf0) ? v : -1;
}

void apic_update(struct apic *a)
{
    /* The kernel knows of its own; of a level at LINT0 it is told, and decides whether it is an ExtINT. */
    bool want = apic_in_kernel(a->bus) ? a->lint_level[0] && !a->dev.machine->irqchip->full
                                       : extint_waits(a) || deliverable(a) >= 0;

    if (!a->cpu || want == !!(atomic_load(&a->cpu->pending) & PENDING_INTR)) {
        return;
    }
    if (want) {
        cpu_set_pending(a->cpu, PENDING_INTR);
    } else {
        cpu_clear_pending(a->cpu, PENDING_INTR);
    }
}

static void accept_fixed(struct apic *a, uint8_t vector, bool level)
{
    uint32_t bit = 1u << vector % 32;
    unsigned word = vector / 32;

    if (!apic_sw_enabled(a)) {
        return;
    }
    if (vector < 16) {
        apic_raise_error(a, APIC_ESR_RECEIVE_ILLEGAL);
        return;
    }
    a->irr[word] |= bit;
    a->tmr[word] = level ? a->tmr[word] | bit : a->tmr[word] & ~bit;
    apic_update(a);
}

void apic_accept(struct apic *a, unsigned mode, uint8_t vector, bool level)
{
    if (apic_in_kernel(a->bus) && !a->borrowed) {
        apic_send_to_kernel(a->bus, a->id, false, mode, vector, level);
        return;
    }
    if (!apic_hw_enabled(a)) {
        return;
    }
    if (mode == APIC_DM_FIXED || mode == APIC_DM_LOWEST) {
        accept_fixed(a, vector, level);
    } else if (mode == APIC_DM_EXTINT) {
        a->extint = true;
        apic_update(a);
    } else if (!a->cpu) {
        return;
    } else if (mode == APIC_DM_NMI) {
        cpu_set_pending(a->cpu, PENDING_NMI);
    } else if (mode == APIC_DM_SMI) {
        cpu_set_pending(a->cpu, PENDING_SMI);
    } else if (mode == APIC_DM_INIT) {
        cpu_clear_pending(a->cpu, PENDING_SIPI); /* it came before */
        cpu_set_pending(a->cpu, PENDING_INIT);
    } else if (mode == APIC_DM_SIPI) {
        cpu_send_sipi(a->cpu, vector);
    } else {
        log_line(LOG_UNIMP, "apic %u: message with delivery mode %u", a->id, mode);
    }
}

void apic_fire_lvt(struct apic *a, enum apic_lvt n)
{
    uint32_t lvt = a->lvt[n];
    /* The timer and the error entry have no mode field: always fixed. */
    bool fixed = n == APIC_LVT_TIMER || n == APIC_LVT_ERROR;

    if (lvt & APIC_LVT_MASKED) {
        return;
    }
    apic_accept(a, fixed ? APIC_DM_FIXED : lvt >> 8 & 7, lvt & 0xff, false);
}

/* LINT0, LINT1.  Fixed mode is taken as an edge; ExtINT is a level that apic_update looks at. */
static void apic_lint(void *opaque, int n, bool level)
{
    struct apic *a = opaque;
    bool rising = level && !a->lint_level[n];

    a->lint_level[n] = level;
    if (rising && !apic_in_kernel(a->bus) &&
        (a->lvt[APIC_LVT_LINT0 + n] >> 8 & 7) != APIC_DM_EXTINT) {
        apic_fire_lvt(a, APIC_LVT_LINT0 + n);
    }
    apic_update(a);
}

static int apic_acknowledge(void *opaque)
{
    struct apic *a = opaque;
    int v = -1;

    if (apic_in_kernel(a->bus) || extint_waits(a)) {
        a->extint = false;
        v = a->bus->pic_acknowledge ? a->bus->pic_acknowledge(a->bus->pic_opaque) : -1;
    } else {
        v = deliverable(a);
        if (v >= 0) {
            a->irr[v / 32] &= ~(1u << v % 32);
            a->isr[v / 32] |= 1u << v % 32;
            apic_bus_taken(a->bus, v);
        }
    }
    apic_update(a);
    return v;
}

/* Registers as after power-on; identity, base and pins stay. */
static void reset_registers(struct apic *a)
{
    a->tpr = 0;
    a->ldr = 0;
    a->dfr = UINT32_MAX;
    a->svr = 0xff;
    a->esr = a->esr_new = 0;
    a->icr = 0;
    memset(a->irr, 0, sizeof(a->irr));
    memset(a->isr, 0, sizeof(a->isr));
    memset(a->tmr, 0, sizeof(a->tmr));
    for (int i = 0; i < APIC_LVT_COUNT; i++) {
        a->lvt[i] = APIC_LVT_MASKED;
    }
    a->extint = false;
    a->timer_initial = a->timer_divide = 0;
    a->timer_start = 0;
    a->tsc_deadline = 0;
    timer_disarm(&a->timer);
    if (apic_in_x2apic(a)) {
        a->ldr = (a->id >> 4) << 16 | 1u << (a->id & 15);
    }
}

static void apic_do_reset(void *opaque, bool init)
{
    struct apic *a = opaque;
    bool borrowed = false;

    if (init) {
        borrowed = apic_borrow(a); /* one CPU's: the kernel's stay in charge of the others */
    } else {
        irqchip_take(a->bus->machine);
    }
    if (!init) {
        a->base = APIC_MMIO_BASE | APIC_BASE_ENABLE;
        a->base |= a->bus->apics[0] == a ? APIC_BASE_BSP : 0;
        a->id_reg = a->id << 24;
        if (a->bus->apics[0] == a) {
            mem_region_set_addr(&a->bus->regs, APIC_MMIO_BASE);
        }
    }
    reset_registers(a);
    /* Virtual wire, as firmware leaves it (MP specification 1.4, 3.6.2.2) for 8259 users. */
    if (!init && a->bus->apics[0] == a) {
        a->lvt[APIC_LVT_LINT0] = APIC_DM_EXTINT << 8;
    }
    apic_update(a);
    apic_give_back(a, borrowed);
}

static uint64_t apic_get_base(void *opaque)
{
    struct apic *a = opaque;

    apic_peek(a);
    return a->base;
}

/* SDM vol. 3, "x2APIC State Transitions". */
static bool change_base(struct apic *a, uint64_t v)
{
    uint64_t x2apic = !a->cpu || cpu_has(a->cpu, X86_X2APIC) ? APIC_BASE_X2APIC : 0;
    unsigned phys_bits = a->cpu && a->cpu->phys_bits ? a->cpu->phys_bits : 40;
    uint64_t allowed =
        APIC_BASE_BSP | APIC_BASE_ENABLE | x2apic | (((1ull << phys_bits) - 1) & GUEST_PAGE_MASK);
    bool was_on = apic_hw_enabled(a), was_x2 = apic_in_x2apic(a);
    bool on = v & APIC_BASE_ENABLE, x2 = v & APIC_BASE_X2APIC;

    if (v & ~allowed || (x2 && !on) || (x2 && !was_on) || (was_x2 && on && !x2)) {
        return false;
    }
    if ((v ^ a->base) & GUEST_PAGE_MASK && a->bus->apics[0] == a) {
        mem_region_set_addr(&a->bus->regs, v & GUEST_PAGE_MASK);
    }
    a->base = v;
    if (was_on && !on) {
        reset_registers(a);
    } else if (x2 && !was_x2) {
        a->ldr = (a->id >> 4) << 16 | 1u << (a->id & 15);
        a->icr &= 0xffffffff; /* the destination field is another one now */
    } else if (!x2 && on && !was_on) {
        a->id_reg = a->id << 24;
    }
    apic_update(a);
    return true;
}

static bool apic_set_base(void *opaque, uint64_t v)
{
    bool borrowed = apic_borrow(opaque), ok = change_base(opaque, v);

    apic_give_back(opaque, borrowed);
    return ok;
}

static uint8_t apic_get_tpr(void *opaque)
{
    struct apic *a = opaque;

    apic_peek(a);
    return a->tpr >> 4;
}

static void apic_set_tpr(void *opaque, uint8_t cr8)
{
    struct apic *a = opaque;

    bool borrowed = apic_borrow(a);

    a->tpr = (cr8 & 0xf) << 4;
    apic_update(a);
    apic_give_back(a, borrowed);
}

static bool apic_read_msr(void *opaque, uint32_t msr, uint64_t *value)
{
    struct apic *a = opaque;

    apic_peek(a);
    return apic_in_x2apic(a) && apic_reg_read(a, msr - X2APIC_MSR, value);
}

static bool apic_write_msr(void *opaque, uint32_t msr, uint64_t value)
{
    struct apic *a = opaque;

    bool borrowed = apic_borrow(a), ok;

    ok = apic_in_x2apic(a) && apic_reg_write(a, msr - X2APIC_MSR, value);
    apic_give_back(a, borrowed);
    return ok;
}

static uint64_t apic_get_tsc_deadline(void *opaque)
{
    struct apic *a = opaque;

    apic_peek(a);
    return apic_timer_mode(a) == APIC_TIMER_DEADLINE ? a->tsc_deadline : 0;
}

static void apic_set_tsc_deadline(void *opaque, uint64_t value)
{
    bool borrowed = apic_borrow(opaque);

    apic_timer_set_deadline(opaque, value);
    apic_give_back(opaque, borrowed);
}

static const struct x86_apic_ops apic_ops = {
    .acknowledge = apic_acknowledge,
    .get_base = apic_get_base,
    .set_base = apic_set_base,
    .get_tpr = apic_get_tpr,
    .set_tpr = apic_set_tpr,
    .read_msr = apic_read_msr,
    .write_msr = apic_write_msr,
    .get_tsc_deadline = apic_get_tsc_deadline,
    .set_tsc_deadline = apic_set_tsc_deadline,
    .reset = apic_do_reset,
};

void apic_connect(struct apic *a, struct apic_bus *bus, struct x86_cpu *cpu, uint32_t id)
{
    a->bus = bus;
    a->cpu = cpu;
    a->id = id;
}

static bool apic_realize(struct device *dev, GError **error)
{
    struct apic *a = (struct apic *)dev;

    if (!a->bus || a->bus->n_apics == MACHINE_MAX_VCPUS) {
        set_error(error, "apic: %s", a->bus ? "too many CPUs" : "no APIC bus is connected");
        return false;
    }
    timer_init(&a->timer, dev->machine, CLOCK_KIND_VIRTUAL, apic_timer_fire, a);
    for (int n = 0; n < 2; n++) {
        a->lint[n] = (struct irq){ apic_lint, a, n };
    }
    a->bus->apics[a->bus->n_apics++] = a;
    if (a->cpu) {
        a->cpu->apic = &apic_ops;
        a->cpu->apic_opaque = a;
        apic_join_kernel(a);
    }
    apic_do_reset(a, false);
    return true;
}

static void apic_device_reset(struct device *dev)
{
    apic_do_reset(dev, false);
}

static void apic_unrealize(struct device *dev)
{
    struct apic *a = (struct apic *)dev;
    struct apic_bus *bus = a->bus;

    timer_disarm(&a->timer);
    if (a->cpu) {
        apic_leave_kernel(a);
        a->cpu->apic = NULL;
    }
    for (unsigned i = 0; i < bus->n_apics; i++) {
        if (bus->apics[i] == a) {
            memmove(&bus->apics[i], &bus->apics[i + 1], (--bus->n_apics - i) * sizeof(a));
            bus->apics[bus->n_apics] = NULL;
            return;
        }
    }
}

static bool apic_post_load(struct device *dev, GError **error)
{
    struct apic *a = (struct apic *)dev;

    (void)error;
    a->timer_start = CLAMP(a->timer_start, 0, INT64_MAX / 4);
    if (a->bus->apics[0] == a) {
        mem_region_set_addr(&a->bus->regs, a->base & GUEST_PAGE_MASK);
    }
    apic_update(a);
    return true;
}

static const struct state_row apic_rows[] = {
    STATE_INT(struct apic, base, 1, "IA32_APIC_BASE"),
    STATE_INT(struct apic, id_reg, 1, "xAPIC ID register"),
    STATE_INT(struct apic, tpr, 1, "task priority"),
    STATE_INT(struct apic, ldr, 1, "logical destination"),
    STATE_INT(struct apic, dfr, 1, "destination format"),
    STATE_INT(struct apic, svr, 1, "spurious vector and enable"),
    STATE_INT(struct apic, esr, 1, "errors as read"),
    STATE_INT(struct apic, esr_new, 1, "errors since ESR was written"),
    STATE_INT(struct apic, icr, 1, "interrupt command"),
    STATE_ARRAY(struct apic, lvt, 1, "timer, thermal, perf, LINT0, LINT1, error"),
    STATE_ARRAY(struct apic, irr, 1, "requests"),
    STATE_ARRAY(struct apic, isr, 1, "in service"),
    STATE_ARRAY(struct apic, tmr, 1, "level-triggered"),
    STATE_ARRAY(struct apic, lint_level, 1, "level of LINT0 and LINT1"),
    STATE_INT(struct apic, extint, 1, "an ExtINT message waits"),
    STATE_INT(struct apic, timer_initial, 1, "initial count"),
    STATE_INT(struct apic, timer_divide, 1, "divide configuration"),
    STATE_INT(struct apic, timer_start, 1, "virtual ns when the count began"),
    STATE_INT(struct apic, tsc_deadline, 1, "guest TSC of the next interrupt, 0: none"),
    STATE_TIMER_ROW(struct apic, timer, 1, "next expiry"),
    { 0 },
};

const struct device_type apic_type = {
    .name = "apic",
    .summary = "local APIC of one CPU",
    .bus = BUS_SYSTEM,
    .internal = true,
    .size = sizeof(struct apic),
    .state = apic_rows,
    .realize = apic_realize,
    .reset = apic_device_reset,
    .unrealize = apic_unrealize,
    .post_load = apic_post_load,
};
