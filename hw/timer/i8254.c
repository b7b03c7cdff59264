/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/timer/i8254.c: the 8254 (Intel 231164) at ports 0x40-0x43, and port 0x61 (PIIX datasheet,
 * "NMI Status and Control").
 *
 * Counts and outputs are computed from the virtual clock when somebody looks.  Only channel 0 has a
 * line, and a host timer that is armed for its next rising edge; edges closer than MIN_PERIOD_NS
 * are merged, so that a tiny count cannot starve the host.  Edges of slower ones that went by while
 * the host did not run this thread are made up for, as the guest counts them.
 *
 * Thread: under the machine lock.
 */
#include "hw/timer/i8254.h"
#include "hw/isa/isa.h"
#include "softmmu/machine.h"
#include "util/log.h"

#define MIN_PERIOD_NS (20 * NS_PER_US)
/* Bit 4 of port 0x61 toggles with each DRAM refresh. */
#define REFRESH_NS 15085

#define SPEAKER_GATE 0x01
#define SPEAKER_BITS 0x0f

static int64_t pit_now(struct i8254 *pit)
{
    return clock_now(pit->dev.machine, CLOCK_KIND_VIRTUAL);
}

/* The first nanosecond at which `ticks` have passed. */
static int64_t ticks_to_ns(uint64_t ticks)
{
    return muldiv64(ticks, NS_PER_SEC, PIT_HZ) + 1;
}

static bool is_periodic(const struct pit_channel *c)
{
    return c->mode == 2 || c->mode == 3;
}

static bool is_triggered(const struct pit_channel *c)
{
    return c->mode == 1 || c->mode == 5;
}

static uint64_t raw_ticks(const struct pit_channel *c, int64_t now)
{
    if (!c->counting) {
        return c->frozen;
    }
    return now > c->start ? muldiv64(now - c->start, PIT_HZ, NS_PER_SEC) : 0;
}

/* Ticks since the count was loaded; one written during modes 2 and 3 takes over at its period. */
static uint64_t channel_ticks(struct pit_channel *c, int64_t now)
{
    uint64_t d = raw_ticks(c, now);

    if (c->reload && d >= c->reload_at) {
        if (c->counting) {
            c->start += muldiv64(c->reload_at, NS_PER_SEC, PIT_HZ);
        } else {
            c->frozen -= c->reload_at;
        }
        c->count = c->next_count;
        c->reload = false;
        d = raw_ticks(c, now);
    }
    return d;
}

static bool channel_out(struct pit_channel *c, int64_t now)
{
    uint64_t d = channel_ticks(c, now), n = c->count;

    if (!c->loaded || (is_triggered(c) && !c->started)) {
        return c->mode != 0;
    }
    switch (c->mode) {
    case 0:
    case 1:
        return d >= n;
    case 2: /* a low gate forces the output of modes 2 and 3 high */
        return !c->gate || d % n != n - 1;
    case 3:
        return !c->gate || d % n < (n + 1) / 2;
    default:
        return d != n;
    }
}

static uint16_t to_bcd(uint32_t v)
{
    return v % 10 | (v / 10 % 10) << 4 | (v / 100 % 10) << 8 | (v / 1000 % 10) << 12;
}

static uint32_t from_bcd(uint16_t v)
{
    return (v & 15) + (v >> 4 & 15) * 10 + (v >> 8 & 15) * 100 + (v >> 12) * 1000;
}

static uint16_t channel_count(struct pit_channel *c, int64_t now)
{
    uint64_t d = channel_ticks(c, now), n = c->count, wrap = c->bcd ? 10000 : 65536, value;

    if (!c->loaded || (is_triggered(c) && !c->started)) {
        value = c->loaded ? n : 0;
    } else if (c->mode == 2) {
        value = n - d % n;
    } else if (c->mode == 3) {
        value = n - 2 * d % n; /* counts by two, twice a period */
        value &= ~1ull;
    } else {
        value = (n + wrap - d % wrap) % wrap;
    }
    value %= wrap;
    return c->bcd ? to_bcd(value) : value;
}

/* Stops or resumes the passing of time. */
static void set_counting(struct pit_channel *c, int64_t now, bool on)
{
    if (on == c->counting) {
        return;
    }
    if (on) {
        c->start = now - muldiv64(c->frozen, NS_PER_SEC, PIT_HZ);
    } else {
        c->frozen = channel_ticks(c, now);
    }
    c->counting = on;
}

/* Begins the loaded count anew. */
static void restart(struct pit_channel *c, int64_t now, bool counting)
{
    if (c->reload) {
        c->count = c->next_count;
        c->reload = false;
    }
    c->start = now;
    c->frozen = 0;
    c->counting = counting;
}

/* Arms the host timer for the next rising edge of channel 0. */
static void arm_irq0(struct i8254 *pit, int64_t now, bool merge)
{
    struct pit_channel *c = &pit->channel[0];
    uint64_t d = channel_ticks(c, now), edge;

    if (!c->loaded || !c->counting || (is_triggered(c) && !c->started)) {
        timer_disarm(&pit->timer);
        return;
    }
    if (is_periodic(c)) {
        edge = (d / c->count + 1) * c->count;
    } else {
        /* Modes 4 and 5 strobe low for a tick, so they rise one later. */
        edge = c->count + (c->mode >= 4);
        if (d >= edge) {
            timer_disarm(&pit->timer);
            return;
        }
    }
    int64_t at = c->start + ticks_to_ns(edge);

    timer_arm(&pit->timer, merge ? MAX(at, now + MIN_PERIOD_NS) : at);
}

void i8254_rearm(struct i8254 *pit)
{
    arm_irq0(pit, pit_now(pit), false);
}

/* Edges that are due: one, and those that went by since. */
static int64_t edges_due(const struct i8254 *pit, int64_t now)
{
    const struct pit_channel *c = &pit->channel[0];
    int64_t period = ticks_to_ns(c->count), late = now - pit->timer.deadline;

    if (!is_periodic(c) || period < OWED_PERIOD_NS || late < period) {
        return 1;
    }
    return MIN(1 + late / period, MAX_OWED_TICKS);
}

static void irq0_fire(void *opaque)
{
    struct i8254 *pit = opaque;
    int64_t now = pit_now(pit);

    for (int64_t n = edges_due(pit, now); n > 0; n--) {
        irq_lower(&pit->irq0);
        irq_raise(&pit->irq0);
    }
    arm_irq0(pit, now, true);
}

static void load_count(struct i8254 *pit, unsigned n, uint16_t v)
{
    struct pit_channel *c = &pit->channel[n];
    int64_t now = pit_now(pit);
    uint32_t count = c->bcd ? from_bcd(v) : v;

    if (count == 0) {
        count = c->bcd ? 10000 : 65536;
    }
    if (c->loaded && is_periodic(c)) {
        uint64_t d = channel_ticks(c, now);

        c->next_count = count;
        c->reload_at = (d / c->count + 1) * c->count;
        c->reload = true;
    } else {
        c->count = count;
        c->loaded = true;
        c->reload = false;
        if (!is_triggered(c)) {
            restart(c, now, c->gate);
        }
    }
    if (n == 0) {
        if (c->mode == 0) {
            irq_lower(&pit->irq0);
        }
        arm_irq0(pit, now, false);
    }
}

static void write_count(struct i8254 *pit, unsigned n, uint8_t v)
{
    struct pit_channel *c = &pit->channel[n];

    switch (c->access) {
    case 1:
        load_count(pit, n, v);
        break;
    case 2:
        load_count(pit, n, v << 8);
        break;
    default:
        if (!c->write_high) {
            c->write_low = v;
            if (c->mode == 0) { /* "writing the first byte disables counting" */
                set_counting(c, pit_now(pit), false);
            }
        } else {
            load_count(pit, n, c->write_low | v << 8);
        }
        c->write_high = !c->write_high;
    }
}

static void latch_count(struct pit_channel *c, int64_t now)
{
    if (!c->count_latched) {
        c->latch = channel_count(c, now);
        c->count_latched = true;
    }
}

static void read_back(struct i8254 *pit, uint8_t v)
{
    int64_t now = pit_now(pit);

    for (unsigned n = 0; n < 3; n++) {
        struct pit_channel *c = &pit->channel[n];

        if (!(v >> (n + 1) & 1)) {
            continue;
        }
        if (!(v & 0x20)) {
            latch_count(c, now);
        }
        if (!(v & 0x10) && !c->status_latched) {
            c->status = channel_out(c, now) << 7 | (!c->loaded || c->reload) << 6 | c->access << 4 |
                        c->mode << 1 | c->bcd;
            c->status_latched = true;
        }
    }
}

static void write_control(struct i8254 *pit, uint8_t v)
{
    unsigned n = v >> 6;
    struct pit_channel *c = &pit->channel[n < 3 ? n : 0];

    if (n == 3) {
        read_back(pit, v);
        return;
    }
    if (!(v >> 4 & 3)) {
        latch_count(c, pit_now(pit));
        return;
    }
    bool gate = c->gate;

    *c = (struct pit_channel){
        .gate = gate, .access = v >> 4 & 3, .bcd = v & 1, .count = 65536, .next_count = 65536
    };
    c->mode = v >> 1 & 7;
    if (c->mode > 5) {
        c->mode -= 4; /* bit 2 of modes 2 and 3 is ignored */
    }
    if (n == 0) {
        timer_disarm(&pit->timer);
        if (c->mode == 0) {
            irq_lower(&pit->irq0);
        }
    }
}

static uint8_t read_count(struct i8254 *pit, unsigned n)
{
    struct pit_channel *c = &pit->channel[n];
    uint16_t v;

    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    v = c->count_latched ? c->latch : channel_count(c, pit_now(pit));
    if (c->access != 3) {
        c->count_latched = false;
        return c->access == 2 ? v >> 8 : v;
    }
    c->read_high = !c->read_high;
    if (c->read_high) {
        return v;
    }
    c->count_latched = false;
    return v >> 8;
}

static void set_gate(struct i8254 *pit, unsigned n, bool gate)
{
    struct pit_channel *c = &pit->channel[n];
    int64_t now = pit_now(pit);
    bool rising = gate && !c->gate;

    if (gate == c->gate) {
        return;
    }
    c->gate = gate;
    if (!c->loaded) {
        return;
    }
    if (is_triggered(c)) {
        if (rising) {
            c->started = true;
            restart(c, now, true);
        }
    } else if (is_periodic(c)) {
        if (rising) {
            restart(c, now, true);
        } else {
            set_counting(c, now, false);
        }
    } else {
        set_counting(c, now, gate);
    }
}

static uint64_t pit_read(void *opaque, uint64_t off, unsigned size)
{
    uint64_t value;

    (void)size;
    i8254_borrow(opaque);
    value = off < 3 ? read_count(opaque, off) : 0xff; /* the control word cannot be read */
    i8254_give_back(opaque);
    return value;
}

static void tell_speaker(struct i8254 *pit)
{
    if (pit->speaker_changed) {
        pit->speaker_changed(pit->speaker_opaque);
    }
}

static void pit_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)size;
    i8254_borrow(opaque);
    if (off < 3) {
        write_count(opaque, off, value);
    } else {
        write_control(opaque, value);
    }
    i8254_give_back(opaque);
    tell_speaker(opaque);
}

static uint64_t port61_read(void *opaque, uint64_t off, unsigned size)
{
    struct i8254 *pit = opaque;
    int64_t now = pit_now(pit);

    (void)off;
    (void)size;
    i8254_peek(pit);
    return pit->speaker | (now / REFRESH_NS & 1) << 4 | channel_out(&pit->channel[2], now) << 5;
}

static void port61_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct i8254 *pit = opaque;

    (void)off;
    (void)size;
    i8254_borrow(pit);
    pit->speaker = value & SPEAKER_BITS;
    set_gate(pit, 2, value & SPEAKER_GATE);
    i8254_give_back(pit);
    tell_speaker(pit);
}

static const struct mem_ops pit_ops = {
    .read = pit_read, .write = pit_write, .min_size = 1, .max_size = 1
};
static const struct mem_ops port61_ops = {
    .read = port61_read, .write = port61_write, .min_size = 1, .max_size = 1
};

bool i8254_realize(struct device *dev, GError **error)
{
    struct i8254 *pit = (struct i8254 *)dev;
    const struct irq *line = isa_irq(dev, 0);

    (void)error;
    if (!pit->irq0.handler && line) {
        pit->irq0 = *line;
    }
    timer_init(&pit->timer, dev->machine, CLOCK_KIND_VIRTUAL, irq0_fire, pit);
    mem_region_init_mmio(&pit->ports, dev->machine, "pit", &pit_ops, pit, 4);
    isa_register_ports(dev, 0x40, &pit->ports);
    mem_region_init_mmio(&pit->port61, dev->machine, "port61", &port61_ops, pit, 1);
    isa_register_ports(dev, 0x61, &pit->port61);
    i8254_join_kernel(pit);
    return true;
}

void i8254_reset(struct device *dev)
{
    struct i8254 *pit = (struct i8254 *)dev;

    irqchip_take(dev->machine);
    timer_disarm(&pit->timer);
    for (unsigned n = 0; n < 3; n++) {
        pit->channel[n] = (struct pit_channel){
            .mode = 3, .access = 3, .gate = n < 2, .count = 65536, .next_count = 65536
        };
    }
    pit->speaker = 0;
    irq_lower(&pit->irq0);
}

void i8254_unrealize(struct device *dev)
{
    struct i8254 *pit = (struct i8254 *)dev;

    i8254_leave_kernel(pit);
    timer_disarm(&pit->timer);
    mem_region_destroy(&pit->ports);
    mem_region_destroy(&pit->port61);
}

bool i8254_post_load(struct device *dev, GError **error)
{
    struct i8254 *pit = (struct i8254 *)dev;

    (void)error;
    for (unsigned n = 0; n < 3; n++) {
        struct pit_channel *c = &pit->channel[n];

        c->mode = MIN(c->mode, 5);
        c->access = CLAMP(c->access, 1, 3);
        c->count = CLAMP(c->count, 1, 65536);
        c->next_count = CLAMP(c->next_count, 1, 65536);
        c->start = CLAMP(c->start, 0, INT64_MAX / 4);
        c->frozen = MIN(c->frozen, INT64_MAX / 4 / 1000);
        c->reload_at = MIN(c->reload_at, INT64_MAX / 4 / 1000);
    }
    return true;
}

static const struct state_row channel_rows[] = {
    STATE_INT(struct pit_channel, mode, 1, "0-5"),
    STATE_INT(struct pit_channel, access, 1, "bytes accessed: 1 low, 2 high, 3 both"),
    STATE_INT(struct pit_channel, bcd, 1, "counts in BCD"),
    STATE_INT(struct pit_channel, gate, 1, "gate input"),
    STATE_INT(struct pit_channel, loaded, 1, "a count was written"),
    STATE_INT(struct pit_channel, started, 1, "the gate has triggered"),
    STATE_INT(struct pit_channel, counting, 1, "time passes"),
    STATE_INT(struct pit_channel, write_high, 1, "the high byte is written next"),
    STATE_INT(struct pit_channel, read_high, 1, "the high byte is read next"),
    STATE_INT(struct pit_channel, reload, 1, "next_count waits for the end of the period"),
    STATE_INT(struct pit_channel, count_latched, 1, "latch holds a count"),
    STATE_INT(struct pit_channel, status_latched, 1, "status is read next"),
    STATE_INT(struct pit_channel, write_low, 1, "low byte written"),
    STATE_INT(struct pit_channel, status, 1, "latched status"),
    STATE_INT(struct pit_channel, latch, 1, "latched count"),
    STATE_INT(struct pit_channel, count, 1, "ticks of the loaded count"),
    STATE_INT(struct pit_channel, next_count, 1, "ticks of the next count"),
    STATE_INT(struct pit_channel, start, 1, "virtual ns when it was loaded"),
    STATE_INT(struct pit_channel, frozen, 1, "ticks that have passed while stopped"),
    STATE_INT(struct pit_channel, reload_at, 1, "tick at which next_count begins"),
    { 0 },
};

const struct state_row i8254_rows[] = {
    STATE_SUB(struct i8254, channel, 3, channel_rows, 1, "counters 0-2"),
    STATE_INT(struct i8254, speaker, 1, "port 0x61 bits 3-0"),
    STATE_TIMER_ROW(struct i8254, timer, 1, "next interrupt of channel 0"),
    { 0 },
};

static const struct device_lines i8254_outputs = { offsetof(struct i8254, irq0), 1, NULL };

const struct device_type i8254_type = {
    .name = "isa-pit",
    .summary = "8254 interval timer and speaker port",
    .bus = BUS_ISA,
    .internal = true,
    .size = sizeof(struct i8254),
    .state = i8254_rows,
    .outputs = &i8254_outputs,
    .realize = i8254_realize,
    .reset = i8254_reset,
    .unrealize = i8254_unrealize,
    .post_load = i8254_post_load,
};
