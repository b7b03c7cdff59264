/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/timer/mc146818rtc.c: MC146818A at ports 0x70 and 0x71 with 128 bytes of CMOS RAM.
 *
 * The time is the virtual clock plus an offset; registers are made from it when they are read.
 * Flags of register C are found out when somebody looks (`seen` to now); the host timer is armed
 * only for interrupts that are enabled and not yet flagged, so an unread register C costs nothing.
 *
 * Thread: under the machine lock.
 */
#include "hw/timer/mc146818rtc.h"
#include <time.h>
#include "hw/isa/isa.h"
#include "softmmu/machine.h"
#include "util/log.h"

enum {
    RTC_SECONDS,
    RTC_SECONDS_ALARM,
    RTC_MINUTES,
    RTC_MINUTES_ALARM,
    RTC_HOURS,
    RTC_HOURS_ALARM,
    RTC_WEEKDAY,
    RTC_DAY,
    RTC_MONTH,
    RTC_YEAR,
    RTC_A,
    RTC_B,
    RTC_C,
    RTC_D,
    RTC_CENTURY = 0x32
};

#define A_UIP     0x80
#define A_DIVIDER 0x70
#define A_RATE    0x0f
#define B_SET     0x80
#define B_PIE     0x40
#define B_AIE     0x20
#define B_UIE     0x10
#define B_SQWE    0x08
#define B_BINARY  0x04
#define B_24H     0x02
#define C_IRQF    0x80
#define C_PF      0x40
#define C_AF      0x20
#define C_UF      0x10
#define D_VRT     0x80

#define BASE_HZ 32768
/* UIP rises this long before the update. */
#define UIP_NS  244000
#define DAY     86400
#define HOUR_PM 0x80
/* Times beyond the years 1970 to 9999 are not representable. */
#define MAX_SECONDS 253402300799ll

static int64_t rtc_now(struct rtc *r)
{
    return clock_now(r->dev.machine, CLOCK_KIND_VIRTUAL);
}

/* SET, or the divider held in reset (110 or 111). */
static bool is_stopped(const struct rtc *r)
{
    return r->cmos[RTC_B] & B_SET || (r->cmos[RTC_A] & 0x60) == 0x60;
}

/* ns since 1970 that the clock shows */
static int64_t time_at(const struct rtc *r, int64_t now)
{
    return is_stopped(r) ? r->stopped_at : now + r->offset;
}

static uint8_t encode(const struct rtc *r, unsigned v)
{
    return r->cmos[RTC_B] & B_BINARY ? v : (v / 10 % 10) << 4 | v % 10;
}

static unsigned decode(const struct rtc *r, uint8_t v)
{
    return r->cmos[RTC_B] & B_BINARY ? v : (v >> 4) * 10 + (v & 15);
}

static uint8_t encode_hour(const struct rtc *r, unsigned h)
{
    if (r->cmos[RTC_B] & B_24H) {
        return encode(r, h);
    }
    return encode(r, h % 12 ? h % 12 : 12) | (h >= 12 ? HOUR_PM : 0);
}

static unsigned decode_hour(const struct rtc *r, uint8_t v)
{
    if (r->cmos[RTC_B] & B_24H) {
        return decode(r, v);
    }
    return decode(r, v & ~HOUR_PM) % 12 + (v & HOUR_PM ? 12 : 0);
}

static void time_to_registers(struct rtc *r, int64_t time_ns)
{
    time_t t = time_ns / NS_PER_SEC;
    struct tm tm;

    gmtime_r(&t, &tm);
    r->cmos[RTC_SECONDS] = encode(r, tm.tm_sec);
    r->cmos[RTC_MINUTES] = encode(r, tm.tm_min);
    r->cmos[RTC_HOURS] = encode_hour(r, tm.tm_hour);
    r->cmos[RTC_WEEKDAY] = encode(r, tm.tm_wday + 1);
    r->cmos[RTC_DAY] = encode(r, tm.tm_mday);
    r->cmos[RTC_MONTH] = encode(r, tm.tm_mon + 1);
    r->cmos[RTC_YEAR] = encode(r, (tm.tm_year + 1900) % 100);
    r->cmos[RTC_CENTURY] = encode(r, (tm.tm_year + 1900) / 100);
}

/* Whole seconds since 1970 of the registers; nonsense is normalized. */
static int64_t registers_to_seconds(const struct rtc *r)
{
    struct tm tm = {
        .tm_sec = decode(r, r->cmos[RTC_SECONDS]),
        .tm_min = decode(r, r->cmos[RTC_MINUTES]),
        .tm_hour = decode_hour(r, r->cmos[RTC_HOURS]),
        .tm_mday = decode(r, r->cmos[RTC_DAY]),
        .tm_mon = (int)decode(r, r->cmos[RTC_MONTH]) - 1,
        .tm_year =
            (int)(decode(r, r->cmos[RTC_CENTURY]) * 100 + decode(r, r->cmos[RTC_YEAR])) - 1900,
    };

    return CLAMP((int64_t)timegm(&tm), 0, (int64_t)(INT64_MAX / 2 / NS_PER_SEC));
}

/* Ticks of 32768 Hz between periodic interrupts; 0: none (datasheet, table 5). */
static unsigned period_ticks(const struct rtc *r)
{
    unsigned rate = r->cmos[RTC_A] & A_RATE;

    if (rate == 0 || is_stopped(r)) {
        return 0;
    }
    return 1u << ((rate <= 2 ? rate + 7 : rate) - 1);
}

static bool alarm_matches(unsigned field, uint8_t alarm, unsigned decoded)
{
    return (alarm & 0xc0) == 0xc0 || field == decoded;
}

/* Seconds from second-of-day `sod` to the next alarm, 1 to 86400; 0: it never comes. */
static unsigned seconds_to_alarm(const struct rtc *r, unsigned sod)
{
    uint8_t ah = r->cmos[RTC_HOURS_ALARM], am = r->cmos[RTC_MINUTES_ALARM],
            as = r->cmos[RTC_SECONDS_ALARM];
    unsigned h = decode_hour(r, ah), m = decode(r, am), s = decode(r, as);
    unsigned t = sod + 1, end = sod + DAY;

    while (t <= end) {
        unsigned now = t % DAY;

        if (!alarm_matches(now / 3600, ah, h)) {
            t += 3600 - now % 3600;
        } else if (!alarm_matches(now / 60 % 60, am, m)) {
            t += 60 - now % 60;
        } else if (!alarm_matches(now % 60, as, s)) {
            t++;
        } else {
            return t - sod;
        }
    }
    return 0;
}

/* Virtual ns of the first event of each kind after virtual time `after`; INT64_MAX: none. */
static int64_t next_update(const struct rtc *r, int64_t after)
{
    if (is_stopped(r)) {
        return INT64_MAX;
    }
    return ((after + r->offset) / NS_PER_SEC + 1) * NS_PER_SEC - r->offset;
}

static int64_t next_alarm(const struct rtc *r, int64_t after)
{
    int64_t second = (after + r->offset) / NS_PER_SEC;
    unsigned wait = is_stopped(r) ? 0 : seconds_to_alarm(r, second % DAY);

    return wait ? (second + wait) * NS_PER_SEC - r->offset : INT64_MAX;
}

static int64_t next_periodic(const struct rtc *r, int64_t after)
{
    unsigned period = period_ticks(r);

    if (!period) {
        return INT64_MAX;
    }
    uint64_t k = muldiv64(after, BASE_HZ, NS_PER_SEC) / period + 1;

    /* Rounded up: at that nanosecond the tick has come. */
    return muldiv64(k * period, NS_PER_SEC, BASE_HZ) + (k * period * NS_PER_SEC % BASE_HZ != 0);
}

struct rtc_event {
    uint8_t enable, flag;
    int64_t (*next)(const struct rtc *r, int64_t after);
};

static const struct rtc_event events[] = {
    { B_PIE, C_PF, next_periodic },
    { B_AIE, C_AF, next_alarm },
    { B_UIE, C_UF, next_update },
};

/* Flags what has happened since `seen`, drives the line, arms for what comes next. */
static void rtc_sync(struct rtc *r)
{
    int64_t now = rtc_now(r), first = INT64_MAX;
    uint8_t before = r->cmos[RTC_C];

    for (unsigned i = 0; i < G_N_ELEMENTS(events); i++) {
        const struct rtc_event *e = &events[i];

        if (!(r->cmos[RTC_C] & e->flag) && e->next(r, r->seen) <= now) {
            r->cmos[RTC_C] |= e->flag;
        }
        if (r->cmos[RTC_B] & e->enable && !(r->cmos[RTC_C] & e->flag)) {
            first = MIN(first, e->next(r, now));
        }
    }
    r->seen = now;
    if (r->cmos[RTC_B] & r->cmos[RTC_C] & (C_PF | C_AF | C_UF)) {
        r->cmos[RTC_C] |= C_IRQF;
    } else {
        r->cmos[RTC_C] &= ~C_IRQF;
    }
    if (r->cmos[RTC_B] & r->cmos[RTC_C] & (before ^ r->cmos[RTC_C]) & C_AF) {
        irq_pulse(&r->alarm);
    }
    if ((before ^ r->cmos[RTC_C]) & C_IRQF) {
        irq_set(&r->irq, r->cmos[RTC_C] & C_IRQF);
    }
    if (first == INT64_MAX) {
        timer_disarm(&r->timer);
    } else {
        timer_arm(&r->timer, first);
    }
}

static void rtc_fire(void *opaque)
{
    rtc_sync(opaque);
}

/* Changes A or B; stopping freezes the time, going on resumes from what the registers say. */
static void write_control(struct rtc *r, unsigned reg, uint8_t v)
{
    int64_t now = rtc_now(r), shown = time_at(r, now);
    bool was_stopped = is_stopped(r), divider_held = (r->cmos[RTC_A] & 0x60) == 0x60;

    /* The registers keep their coding until software writes them again; time does not jump. */
    if (reg == RTC_B && (r->cmos[RTC_B] & B_SET) && !(v & B_SET)) {
        shown = registers_to_seconds(r) * NS_PER_SEC + shown % NS_PER_SEC;
    }
    r->cmos[reg] = v;
    if (is_stopped(r)) {
        r->stopped_at = shown;
        if (!was_stopped) {
            time_to_registers(r, shown);
        }
        if (r->cmos[RTC_B] & B_SET) {
            r->cmos[RTC_B] &= ~B_UIE;
        }
    } else {
        if (divider_held) { /* the first update comes half a second after the divider starts */
            shown = shown / NS_PER_SEC * NS_PER_SEC + NS_PER_SEC / 2;
        }
        r->offset = shown - now;
    }
}

/* A time register: at once, with the fraction of the second kept. */
static void write_time(struct rtc *r, unsigned reg, uint8_t v)
{
    int64_t now = rtc_now(r), fraction = time_at(r, now) % NS_PER_SEC;

    if (r->cmos[RTC_B] & B_SET) {
        r->cmos[reg] = v; /* taken when SET goes */
        return;
    }
    time_to_registers(r, time_at(r, now));
    r->cmos[reg] = v;
    int64_t shown = registers_to_seconds(r) * NS_PER_SEC + fraction;

    r->stopped_at = shown;
    r->offset = shown - now;
}

static void rtc_write_register(struct rtc *r, unsigned reg, uint8_t v)
{
    rtc_sync(r);
    switch (reg) {
    case RTC_SECONDS:
    case RTC_MINUTES:
    case RTC_HOURS:
    case RTC_WEEKDAY ... RTC_YEAR:
    case RTC_CENTURY:
        write_time(r, reg, v);
        break;
    case RTC_A:
        write_control(r, reg, v & ~A_UIP);
        break;
    case RTC_B:
        write_control(r, reg, v);
        break;
    case RTC_C:
    case RTC_D:
        log_line(LOG_GUEST_ERRORS, "mc146818rtc: write to read-only register 0x%x", reg);
        break;
    default:
        r->cmos[reg] = v;
    }
    rtc_sync(r);
}

static uint8_t rtc_read_register(struct rtc *r, unsigned reg)
{
    int64_t now = rtc_now(r);
    uint8_t v;

    switch (reg) {
    case RTC_SECONDS:
    case RTC_MINUTES:
    case RTC_HOURS:
    case RTC_WEEKDAY ... RTC_YEAR:
    case RTC_CENTURY:
        if (!(r->cmos[RTC_B] & B_SET)) {
            time_to_registers(r, time_at(r, now));
        }
        return r->cmos[reg];
    case RTC_A:
        v = r->cmos[RTC_A];
        if (!is_stopped(r) && time_at(r, now) % NS_PER_SEC >= NS_PER_SEC - UIP_NS) {
            v |= A_UIP;
        }
        return v;
    case RTC_C:
        rtc_sync(r);
        v = r->cmos[RTC_C];
        r->cmos[RTC_C] = 0;
        if (v & C_IRQF) {
            irq_lower(&r->irq);
        }
        rtc_sync(r);
        return v;
    case RTC_D:
        return D_VRT;
    }
    return r->cmos[reg];
}

static uint64_t rtc_read(void *opaque, uint64_t off, unsigned size)
{
    struct rtc *r = opaque;

    (void)size;
    return off ? rtc_read_register(r, r->index) : 0xff; /* the index cannot be read */
}

static void rtc_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct rtc *r = opaque;

    (void)size;
    if (off) {
        rtc_write_register(r, r->index, value);
    } else {
        r->index = value & 0x7f;
        r->nmi_masked = value & 0x80;
    }
}

static const struct mem_ops rtc_ops = {
    .read = rtc_read, .write = rtc_write, .min_size = 1, .max_size = 1
};

void rtc_set_cmos(struct rtc *r, unsigned index, uint8_t value)
{
    if (index > RTC_D && index < RTC_CMOS_SIZE) {
        r->cmos[index] = value;
    }
}

static void set_cmos_16(struct rtc *r, unsigned index, uint64_t value)
{
    value = MIN(value, 0xffff);
    r->cmos[index] = value;
    r->cmos[index + 1] = value >> 8;
}

void rtc_set_memory(struct rtc *r, uint64_t below_4g, uint64_t above_4g)
{
    uint64_t above_1m = below_4g > 1 << 20 ? below_4g - (1 << 20) : 0;
    uint64_t above_16m = below_4g > 16 << 20 ? below_4g - (16 << 20) : 0;
    uint64_t high = MIN(above_4g >> 16, 0xffffff);

    set_cmos_16(r, 0x15, MIN(below_4g >> 10, 640)); /* base memory, KiB */
    set_cmos_16(r, 0x17, above_1m >> 10);           /* 1 MiB and up, KiB */
    set_cmos_16(r, 0x30, above_1m >> 10);
    set_cmos_16(r, 0x34, above_16m >> 16); /* 16 MiB and up, 64 KiB */
    r->cmos[0x5b] = high;                  /* 4 GiB and up, 64 KiB */
    r->cmos[0x5c] = high >> 8;
    r->cmos[0x5d] = high >> 16;
}

bool rtc_nmi_masked(const struct rtc *r)
{
    io_coalesced_flush(r->dev.machine);
    return r->nmi_masked;
}

/* What the command line says that the clock shows at the start: seconds since 1970. */
static int64_t start_time_ns(struct machine *m)
{
    int64_t base = m->config.rtc_base;
    int64_t ns = base == INT64_MIN ? clock_now(m, CLOCK_KIND_HOST)
                                   : CLAMP(base, 0, INT64_MAX / 4 / NS_PER_SEC) * NS_PER_SEC;

    if (m->config.rtc_localtime) {
        time_t t = ns / NS_PER_SEC;
        struct tm tm;

        localtime_r(&t, &tm);
        ns += tm.tm_gmtoff * NS_PER_SEC;
    }
    return MAX(ns, 0);
}

static bool rtc_realize(struct device *dev, GError **error)
{
    struct rtc *r = (struct rtc *)dev;
    const struct irq *line = isa_irq(dev, r->irq_number);

    (void)error;
    if (!r->irq.handler && line) {
        r->irq = *line;
    }
    r->cmos[RTC_A] = 0x26;
    r->cmos[RTC_B] = B_24H;
    r->seen = rtc_now(r);
    r->offset = start_time_ns(dev->machine) - r->seen;
    timer_init(&r->timer, dev->machine, CLOCK_KIND_VIRTUAL, rtc_fire, r);
    mem_region_init_mmio(&r->ports, dev->machine, "rtc", &rtc_ops, r, 2);
    isa_register_ports(dev, 0x70, &r->ports);
    r->late = (struct io_coalesced){ .mr = &r->ports, .size = 1 };
    io_coalesced_add(dev->machine, &r->late);
    return true;
}

/* The battery keeps the time and the RAM. */
static void rtc_reset(struct device *dev)
{
    struct rtc *r = (struct rtc *)dev;

    r->cmos[RTC_B] &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    r->cmos[RTC_C] = 0;
    r->index = 0;
    r->nmi_masked = false;
    r->seen = rtc_now(r);
    timer_disarm(&r->timer);
    irq_lower(&r->irq);
}

static void rtc_unrealize(struct device *dev)
{
    struct rtc *r = (struct rtc *)dev;

    timer_disarm(&r->timer);
    io_coalesced_remove(dev->machine, &r->late);
    mem_region_destroy(&r->ports);
}

static bool rtc_post_load(struct device *dev, GError **error)
{
    struct rtc *r = (struct rtc *)dev;
    int64_t limit = INT64_MAX / 2;

    (void)error;
    r->index &= 0x7f;
    r->seen = CLAMP(r->seen, 0, limit);
    r->offset = CLAMP(r->offset, -r->seen, limit);
    r->stopped_at = CLAMP(r->stopped_at, 0, limit);
    return true;
}

static const struct property rtc_props[] = {
    PROP_U8(struct rtc, "irq", irq_number, 8, "ISA interrupt line"),
    { 0 },
};

static const struct state_row rtc_rows[] = {
    STATE_INT(struct rtc, index, 1, "CMOS register selected through port 0x70"),
    STATE_INT(struct rtc, nmi_masked, 1, "port 0x70 bit 7"),
    STATE_BUF(struct rtc, cmos, 1, "CMOS RAM; 0-13 are the clock's registers"),
    STATE_INT(struct rtc, offset, 1, "ns between virtual time and the time shown"),
    STATE_INT(struct rtc, stopped_at, 1, "time shown while the clock is stopped"),
    STATE_INT(struct rtc, seen, 1, "virtual ns up to which register C is known"),
    STATE_TIMER_ROW(struct rtc, timer, 1, "next interrupt"),
    { 0 },
};

static const struct device_lines rtc_outputs = { offsetof(struct rtc, irq), 1, NULL };

const struct device_type mc146818rtc_type = {
    .name = "mc146818rtc",
    .summary = "real-time clock and CMOS RAM",
    .bus = BUS_ISA,
    .size = sizeof(struct rtc),
    .props = rtc_props,
    .state = rtc_rows,
    .outputs = &rtc_outputs,
    .realize = rtc_realize,
    .reset = rtc_reset,
    .unrealize = rtc_unrealize,
    .post_load = rtc_post_load,
};
