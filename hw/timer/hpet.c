/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/timer/hpet.c: the HPET (IA-PC HPET specification 1.0a): a 64-bit counter at 100 MHz and three
 * comparators, all of them periodic-capable, without FSB (MSI) delivery.
 *
 * Invariant: a running counter is computed from the virtual clock; each comparator's host timer is
 *            armed for its next match, unless nobody would hear of it: then a periodic comparator catches up
 *            when it is looked at.  Matches closer than MIN_PERIOD_NS are merged; those of a
 *            slower edge that went by while the host did not run this thread are made up for.
 * Thread:    under the machine lock.
 */
#include "hw/timer/hpet.h"
#include "softmmu/machine.h"
#include "util/log.h"

#define MIN_PERIOD_NS (10 * NS_PER_US)
/* Matches further away than this (29 years) never come. */
#define NEVER_TICKS (INT64_MAX / 1000)

#define REG_CAP     0x000
#define REG_CONFIG  0x010
#define REG_STATUS  0x020
#define REG_COUNTER 0x0f0
#define REG_TIMERS  0x100

#define CAP_LOW (0x8086u << 16 | 1u << 15 | 1u << 13 | (HPET_TIMERS - 1) << 8 | 1)

#define CONFIG_ENABLE 1u
#define CONFIG_LEGACY 2u

#define TIMER_LEVEL        (1u << 1)
#define TIMER_ENABLE       (1u << 2)
#define TIMER_PERIODIC     (1u << 3)
#define TIMER_CAN_PERIODIC (1u << 4)
#define TIMER_CAN_64       (1u << 5)
#define TIMER_SET          (1u << 6)
#define TIMER_32BIT        (1u << 8)
#define TIMER_ROUTE_SHIFT  9
#define TIMER_WRITABLE     0x3f4eu
/* Pins that a timer may be routed to: those that no ISA device uses. */
#define TIMER_ROUTES 0x00f00000ull

static int64_t hpet_now(struct hpet *h)
{
    return clock_now(h->dev.machine, CLOCK_KIND_VIRTUAL);
}

static uint64_t counter_at(const struct hpet *h, int64_t now)
{
    return h->config & CONFIG_ENABLE ? h->counter + (uint64_t)now / HPET_PERIOD_NS : h->counter;
}

static unsigned timer_index(const struct hpet_timer *t)
{
    return t - t->hpet->timers;
}

static uint64_t timer_mask(const struct hpet_timer *t)
{
    return t->config & TIMER_32BIT ? UINT32_MAX : UINT64_MAX;
}

static const struct irq *timer_line(const struct hpet_timer *t)
{
    struct hpet *h = t->hpet;
    unsigned i = timer_index(t), route = t->config >> TIMER_ROUTE_SHIFT & 31;

    if (h->config & CONFIG_LEGACY && i < 2) {
        return &h->legacy_out[i];
    }
    return route < HPET_PINS && TIMER_ROUTES >> route & 1 ? &h->pins[route] : NULL;
}

/* With legacy replacement the route is forced and the trigger is an edge. */
static bool timer_is_level(const struct hpet_timer *t)
{
    return t->config & TIMER_LEVEL && !(t->hpet->config & CONFIG_LEGACY && timer_index(t) < 2);
}

/* Matches change nothing but the comparator. */
static bool timer_is_silent(const struct hpet_timer *t)
{
    return !timer_is_level(t) && !(t->config & TIMER_ENABLE);
}

/* Arms for the next time that the counter equals the comparator. */
static void timer_rearm(struct hpet_timer *t)
{
    struct hpet *h = t->hpet;
    int64_t now = hpet_now(h), at;
    uint64_t ticks = (t->comparator - counter_at(h, now)) & timer_mask(t);

    t->due = INT64_MAX;
    if (!(h->config & CONFIG_ENABLE) || ticks > NEVER_TICKS) {
        timer_disarm(&t->timer);
        return;
    }
    if (ticks ==
        0) { /* equal now: that match is over, the next comes when the counter has wrapped */
        if (!(t->config & TIMER_32BIT)) {
            timer_disarm(&t->timer);
            return;
        }
        ticks = 1ull << 32;
    }
    at = now - now % HPET_PERIOD_NS + (int64_t)ticks * HPET_PERIOD_NS;
    if (timer_is_silent(t)) {
        timer_disarm(&t->timer);
        t->due = at;
    } else {
        timer_arm(&t->timer, at);
    }
}

/* Gives the matches that are due: one, and those that went by since. */
static uint64_t timer_advance_period(struct hpet_timer *t)
{
    struct hpet *h = t->hpet;
    int64_t now = hpet_now(h);
    uint64_t mask = timer_mask(t), late = (counter_at(h, now) - t->comparator) & mask;

    t->comparator = (t->comparator + (late / t->period + 1) * t->period) & mask;
    timer_rearm(t);
    if (t->timer.armed && t->timer.deadline < now + MIN_PERIOD_NS &&
        t->period < MIN_PERIOD_NS / HPET_PERIOD_NS) {
        timer_arm(&t->timer, now + MIN_PERIOD_NS);
    }
    return t->period < OWED_PERIOD_NS / HPET_PERIOD_NS
               ? 1
               : MIN(late / t->period, MAX_OWED_TICKS - 1) + 1;
}

/* Before the comparator is looked at, or what its matches go by changes. */
static void catch_up(struct hpet_timer *t)
{
    if (hpet_now(t->hpet) < t->due) {
        return;
    }
    if (t->config & TIMER_PERIODIC && t->period) {
        timer_advance_period(t);
    } else {
        timer_rearm(t);
    }
}

static void timer_fire(void *opaque)
{
    struct hpet_timer *t = opaque;
    struct hpet *h = t->hpet;
    unsigned i = timer_index(t);
    uint64_t due = 1;

    if (t->config & TIMER_PERIODIC && t->period) {
        due = timer_advance_period(t);
    } else {
        timer_rearm(t);
    }
    if (timer_is_level(t)) {
        h->status |= 1u << i; /* set even when the interrupt is disabled, for polling */
        if (t->config & TIMER_ENABLE) {
            irq_raise(timer_line(t));
        }
    } else if (t->config & TIMER_ENABLE) {
        for (; due; due--) {
            irq_pulse(timer_line(t));
        }
    }
}

static void clear_status(struct hpet *h, uint32_t bits)
{
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        struct hpet_timer *t = &h->timers[i];

        if (bits & h->status & 1u << i && timer_is_level(t)) {
            irq_lower(timer_line(t));
        }
    }
    h->status &= ~(uint64_t)bits;
}

static void legacy_input(void *opaque, int n, bool level)
{
    struct hpet *h = opaque;

    h->legacy_level[n] = level;
    if (!(h->config & CONFIG_LEGACY)) {
        irq_set(&h->legacy_out[n], level);
    }
}

static void write_config(struct hpet *h, uint64_t v)
{
    int64_t now = hpet_now(h);
    uint64_t old = h->config, count = counter_at(h, now);

    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        catch_up(&h->timers[i]);
    }
    v &= CONFIG_ENABLE | CONFIG_LEGACY;
    if ((old ^ v) & CONFIG_LEGACY) {
        clear_status(h, 3); /* the lines change their meaning */
    }
    h->config = v;
    h->counter = v & CONFIG_ENABLE ? count - (uint64_t)now / HPET_PERIOD_NS : count;
    if ((old ^ v) & CONFIG_LEGACY) {
        irq_set(&h->legacy_on, v & CONFIG_LEGACY);
        for (int n = 0; n < 2; n++) {
            irq_set(&h->legacy_out[n], !(v & CONFIG_LEGACY) && h->legacy_level[n]);
        }
    }
    for (unsigned i = 0; old != v && i < HPET_TIMERS; i++) {
        timer_rearm(&h->timers[i]);
    }
}

static void write_counter(struct hpet *h, uint64_t v)
{
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        catch_up(&h->timers[i]);
    }
    if (h->config & CONFIG_ENABLE) {
        log_line(LOG_GUEST_ERRORS, "hpet: the main counter is written while it runs");
        v -= (uint64_t)hpet_now(h) / HPET_PERIOD_NS;
    }
    h->counter = v;
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        timer_rearm(&h->timers[i]);
    }
}

static void write_timer_config(struct hpet_timer *t, uint64_t v)
{
    struct hpet *h = t->hpet;
    unsigned i = timer_index(t);

    catch_up(t);
    v &= TIMER_WRITABLE;
    /* A level that is up goes down when its timer loses the line. */
    if (h->status >> i & 1 && timer_is_level(t) &&
        ((t->config ^ v) & (TIMER_ENABLE | TIMER_LEVEL | 0x3e00))) {
        irq_lower(timer_line(t));
        if (!(v & TIMER_LEVEL)) {
            h->status &= ~(1ull << i);
        }
    }
    t->config = v;
    if (v & TIMER_32BIT) {
        t->comparator &= UINT32_MAX;
        t->period &= UINT32_MAX;
    }
    if (h->status >> i & 1 && timer_is_level(t) && v & TIMER_ENABLE) {
        irq_raise(timer_line(t));
    }
    timer_rearm(t);
}

/*
 * In periodic mode a write sets the period; with TIMER_SET also the next match (2.3.9.2.2).  Guests
 * that want them different write twice: the match, then the period.
 */
static void write_comparator(struct hpet_timer *t, uint64_t v)
{
    bool periodic = t->config & TIMER_PERIODIC;

    catch_up(t);
    v &= timer_mask(t);
    if (!periodic || t->config & TIMER_SET) {
        t->comparator = v;
    }
    if (periodic) {
        t->period = v;
    }
    t->config &= ~(uint64_t)TIMER_SET;
    timer_rearm(t);
}

static uint64_t read_timer(struct hpet_timer *t, unsigned reg)
{
    switch (reg) {
    case 0x00:
        return t->config | TIMER_CAN_PERIODIC | TIMER_CAN_64 | TIMER_ROUTES << 32;
    case 0x08:
        catch_up(t);
        return t->comparator;
    }
    return 0; /* 0x10: no FSB route */
}

static uint64_t read_register(struct hpet *h, unsigned reg)
{
    if (reg >= REG_TIMERS && reg < REG_TIMERS + 0x20 * HPET_TIMERS) {
        return read_timer(&h->timers[(reg - REG_TIMERS) / 0x20], reg & 0x1f);
    }
    switch (reg) {
    case REG_CAP:
        return CAP_LOW | (uint64_t)HPET_PERIOD_NS * 1000000 << 32;
    case REG_CONFIG:
        return h->config;
    case REG_STATUS:
        return h->status;
    case REG_COUNTER:
        return counter_at(h, hpet_now(h));
    }
    log_line(LOG_UNIMP, "hpet: read of register 0x%x", reg);
    return 0;
}

/* What a 4-byte write is merged with. */
static uint64_t merge_base(struct hpet *h, unsigned reg)
{
    if (reg == REG_STATUS) {
        return 0; /* write 1 to clear */
    }
    if (reg >= REG_TIMERS && (reg & 0x1f) == 8 && reg < REG_TIMERS + 0x20 * HPET_TIMERS) {
        struct hpet_timer *t = &h->timers[(reg - REG_TIMERS) / 0x20];

        catch_up(t);
        return t->config & TIMER_PERIODIC && !(t->config & TIMER_SET) ? t->period : t->comparator;
    }
    return read_register(h, reg);
}

static void write_register(struct hpet *h, unsigned reg, uint64_t v)
{
    if (reg >= REG_TIMERS && reg < REG_TIMERS + 0x20 * HPET_TIMERS) {
        struct hpet_timer *t = &h->timers[(reg - REG_TIMERS) / 0x20];

        if ((reg & 0x1f) == 0) {
            write_timer_config(t, v);
        } else if ((reg & 0x1f) == 8) {
            write_comparator(t, v);
        }
        return;
    }
    switch (reg) {
    case REG_CAP: /* read-only */
        break;
    case REG_CONFIG:
        write_config(h, v);
        break;
    case REG_STATUS:
        clear_status(h, v & ((1u << HPET_TIMERS) - 1));
        break;
    case REG_COUNTER:
        write_counter(h, v);
        break;
    default:
        log_line(LOG_UNIMP, "hpet: write to register 0x%x", reg);
    }
}

static uint64_t hpet_read(void *opaque, uint64_t off, unsigned size)
{
    uint64_t v = read_register(opaque, off & ~7u);

    return size == 8 ? v : (uint32_t)(v >> (off & 4 ? 32 : 0));
}

static void hpet_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    unsigned reg = off & ~7u;

    if (size == 4) {
        uint64_t old = merge_base(opaque, reg);

        value = off & 4 ? (uint32_t)old | value << 32 : (old & ~0xffffffffull) | (uint32_t)value;
    }
    write_register(opaque, reg, value);
}

static const struct mem_ops hpet_ops = {
    .read = hpet_read, .write = hpet_write, .min_size = 4, .max_size = 8
};

static bool hpet_realize(struct device *dev, GError **error)
{
    struct hpet *h = (struct hpet *)dev;

    (void)error;
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        h->timers[i].hpet = h;
        timer_init(&h->timers[i].timer, dev->machine, CLOCK_KIND_VIRTUAL, timer_fire,
                   &h->timers[i]);
    }
    for (int n = 0; n < 2; n++) {
        h->legacy_in[n] = (struct irq){ legacy_input, h, n };
    }
    mem_region_init_mmio(&h->mmio, dev->machine, "hpet", &hpet_ops, h, 0x400);
    mem_region_add(&dev->machine->system_memory, HPET_BASE, &h->mmio, 100);
    return true;
}

static void hpet_reset(struct device *dev)
{
    struct hpet *h = (struct hpet *)dev;

    clear_status(h, UINT32_MAX);
    h->config = 0;
    irq_lower(&h->legacy_on);
    h->counter = 0;
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        struct hpet_timer *t = &h->timers[i];

        timer_disarm(&t->timer);
        t->config = 0;
        t->comparator = UINT64_MAX;
        t->period = 0;
        t->due = INT64_MAX;
    }
}

static void hpet_unrealize(struct device *dev)
{
    struct hpet *h = (struct hpet *)dev;

    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        timer_disarm(&h->timers[i].timer);
    }
    mem_region_destroy(&h->mmio);
}

static bool hpet_post_load(struct device *dev, GError **error)
{
    struct hpet *h = (struct hpet *)dev;

    (void)error;
    h->config &= CONFIG_ENABLE | CONFIG_LEGACY;
    irq_set(&h->legacy_on, h->config & CONFIG_LEGACY);
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        h->timers[i].config &= TIMER_WRITABLE;
    }
    return true;
}

static const struct state_row timer_rows[] = {
    STATE_INT(struct hpet_timer, config, 1, "configuration, writable bits"),
    STATE_INT(struct hpet_timer, comparator, 1, "next match"),
    STATE_INT(struct hpet_timer, period, 1, "ticks between matches"),
    STATE_TIMER_ROW(struct hpet_timer, timer, 1, "next match in virtual time"),
    STATE_INT(struct hpet_timer, due, 2, "the same of one that nobody hears"),
    { 0 },
};

static const struct state_row hpet_rows[] = {
    STATE_INT(struct hpet, config, 1, "general configuration"),
    STATE_INT(struct hpet, status, 1, "level interrupts that are up"),
    STATE_INT(struct hpet, counter, 1, "counter, or its offset while it runs"),
    STATE_ARRAY(struct hpet, legacy_level, 1, "lines of the 8254 and the RTC"),
    STATE_SUB(struct hpet, timers, HPET_TIMERS, timer_rows, 1, "comparators"),
    { 0 },
};

const struct device_type hpet_type = {
    .name = "hpet",
    .summary = "high precision event timer",
    .bus = BUS_SYSTEM,
    .internal = true,
    .size = sizeof(struct hpet),
    .state = hpet_rows,
    .realize = hpet_realize,
    .reset = hpet_reset,
    .unrealize = hpet_unrealize,
    .post_load = hpet_post_load,
};
