/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/intc/apic_regs.c: the registers of a local APIC, one row each, for MMIO and for x2APIC MSRs
 * (SDM vol. 3, tables "Local APIC Register Address Map" and "... Supported by x2APIC").
 * Thread: under the machine lock.
 */
#include "hw/intc/apic.h"
#include "target/i386/cpu.h"
#include "util/log.h"

#define VERSION              0x14
#define VERSION_EOI_SUPPRESS (1u << 24)

#define ICR_LOGICAL  (1u << 11)
#define ICR_ASSERT   (1u << 14)
#define ICR_LEVEL    (1u << 15)
#define ICR_LOW_BITS 0x000ccfffu

enum reg {
    REG_ID = 0x02,
    REG_VERSION,
    REG_TPR = 0x08,
    REG_APR,
    REG_PPR,
    REG_EOI,
    REG_RRD,
    REG_LDR,
    REG_DFR,
    REG_SVR,
    REG_ISR,
    REG_TMR = 0x18,
    REG_IRR = 0x20,
    REG_ESR = 0x28,
    REG_ICR_LOW = 0x30,
    REG_ICR_HIGH,
    REG_LVT_TIMER,
    REG_LVT_THERMAL,
    REG_LVT_PERF,
    REG_LVT_LINT0,
    REG_LVT_LINT1,
    REG_LVT_ERROR,
    REG_INITIAL,
    REG_CURRENT,
    REG_DIVIDE = 0x3e,
    REG_SELF_IPI,
    REG_COUNT
};

/* R and W through MMIO, XR and XW through an MSR. */
enum access { R = 1 << 0, W = 1 << 1, XR = 1 << 2, XW = 1 << 3 };

/* `bits` are those that can be written; others read as 0 and are #GP in x2APIC mode. */
struct reg_row {
    const char *name;
    uint8_t access;
    uint32_t bits;
};

/* clang-format off */
static const struct reg_row rows[REG_COUNT] = {
    [REG_ID]          = { "ID",          R | W | XR,      0xff000000 },
    [REG_VERSION]     = { "version",     R | XR,          0 },
    [REG_TPR]         = { "TPR",         R | W | XR | XW, 0xff },
    [REG_APR]         = { "APR",         R,               0 },
    [REG_PPR]         = { "PPR",         R | XR,          0 },
    [REG_EOI]         = { "EOI",         W | XW,          0 },
    [REG_RRD]         = { "RRD",         R,               0 },
    [REG_LDR]         = { "LDR",         R | W | XR,      0xff000000 },
    [REG_DFR]         = { "DFR",         R | W,           0xf0000000 },
    [REG_SVR]         = { "SVR",         R | W | XR | XW, 0x11ff },
    [REG_ISR ... REG_ISR + 7] = { "ISR", R | XR,          0 },
    [REG_TMR ... REG_TMR + 7] = { "TMR", R | XR,          0 },
    [REG_IRR ... REG_IRR + 7] = { "IRR", R | XR,          0 },
    [REG_ESR]         = { "ESR",         R | W | XR | XW, 0 },
    [REG_ICR_LOW]     = { "ICR",         R | W | XR | XW, ICR_LOW_BITS },
    [REG_ICR_HIGH]    = { "ICR2",        R | W,           0xff000000 },
    [REG_LVT_TIMER]   = { "LVT timer",   R | W | XR | XW, 0x700ff },
    [REG_LVT_THERMAL] = { "LVT thermal", R | W | XR | XW, 0x107ff },
    [REG_LVT_PERF]    = { "LVT perf",    R | W | XR | XW, 0x107ff },
    [REG_LVT_LINT0]   = { "LVT LINT0",   R | W | XR | XW, 0x1a7ff },
    [REG_LVT_LINT1]   = { "LVT LINT1",   R | W | XR | XW, 0x1a7ff },
    [REG_LVT_ERROR]   = { "LVT error",   R | W | XR | XW, 0x100ff },
    [REG_INITIAL]     = { "initial count", R | W | XR | XW, 0xffffffff },
    [REG_CURRENT]     = { "current count", R | XR,        0 },
    [REG_DIVIDE]      = { "divide",      R | W | XR | XW, 0xb },
    [REG_SELF_IPI]    = { "self IPI",    XW,              0xff },
};
/* Bits that hardware owns: a write of any value is accepted. */
static const uint32_t read_only_bits[REG_COUNT] = {
    [REG_ICR_LOW] = 1u << 12,
    [REG_LVT_TIMER ... REG_LVT_PERF] = 1u << 12,
    [REG_LVT_LINT0 ... REG_LVT_LINT1] = 1u << 12 | 1u << 14,
    [REG_LVT_ERROR] = 1u << 12,
};
/* clang-format on */

void apic_raise_error(struct apic *a, uint32_t esr_bit)
{
    bool again = a->esr_new & esr_bit;

    a->esr_new |= esr_bit;
    if (!again) {
        apic_fire_lvt(a, APIC_LVT_ERROR);
    }
}

static void write_eoi(struct apic *a)
{
    int v = apic_highest_bit(a->isr);

    if (v < 0) {
        return;
    }
    a->isr[v / 32] &= ~(1u << v % 32);
    if (a->tmr[v / 32] >> v % 32 & 1 && !(a->svr & APIC_SVR_NO_BROADCAST)) {
        apic_bus_eoi(a->bus, v);
    }
    apic_update(a);
}

static void write_svr(struct apic *a, uint32_t v)
{
    a->svr = v;
    if (!(v & APIC_SVR_ENABLE)) {
        for (int i = 0; i < APIC_LVT_COUNT; i++) {
            a->lvt[i] |= APIC_LVT_MASKED;
        }
    }
    apic_update(a);
}

/* ICR: sends what it says (SDM vol. 3, "Interrupt Command Register"). */
static void send_ipi(struct apic *a)
{
    uint32_t low = a->icr;
    unsigned mode = low >> 8 & 7, shorthand = low >> 18 & 3;
    uint8_t vector = low;
    uint32_t dest = a->icr >> 32;

    if (!apic_in_x2apic(a)) {
        dest = apic_dest_from_8bit(dest >> 24);
    }
    if (mode == APIC_DM_INIT && low & ICR_LEVEL && !(low & ICR_ASSERT)) {
        return; /* INIT level de-assert: nothing since the Pentium 4 */
    }
    if (mode == APIC_DM_RESERVED || mode == APIC_DM_EXTINT) {
        log_line(LOG_GUEST_ERRORS, "apic %u: IPI with reserved delivery mode %u", a->id, mode);
        return;
    }
    if (mode <= APIC_DM_LOWEST && vector < 16) {
        apic_raise_error(a, APIC_ESR_SEND_ILLEGAL);
        return;
    }
    /* IPIs are edges, whatever the trigger bit says. */
    switch (shorthand) {
    case 0:
        apic_deliver(a->bus, dest, low & ICR_LOGICAL, mode, vector, false);
        break;
    case 1:
        apic_accept(a, mode == APIC_DM_LOWEST ? APIC_DM_FIXED : mode, vector, false);
        break;
    default:
        for (unsigned i = 0; i < a->bus->n_apics; i++) {
            if (shorthand == 2 || a->bus->apics[i] != a) {
                apic_accept(a->bus->apics[i], mode == APIC_DM_LOWEST ? APIC_DM_FIXED : mode, vector,
                            false);
            }
        }
    }
}

static void write_lvt(struct apic *a, enum apic_lvt n, uint32_t v)
{
    if (n == APIC_LVT_TIMER && a->cpu && !cpu_has(a->cpu, X86_TSC_DEADLINE)) {
        v &= ~(1u << 18);
    }
    if (!apic_sw_enabled(a)) {
        v |= APIC_LVT_MASKED;
    }
    if (n == APIC_LVT_TIMER) {
        apic_timer_set_lvt(a, v);
    } else {
        a->lvt[n] = v;
    }
    apic_update(a);
}

static uint32_t arbitration_priority(const struct apic *a)
{
    int irr = apic_highest_bit(a->irr), isr = apic_highest_bit(a->isr);
    uint32_t irrv = irr < 0 ? 0 : irr & 0xf0, isrv = isr < 0 ? 0 : isr & 0xf0, tpr = a->tpr & 0xf0;

    return tpr >= irrv && tpr > isrv ? a->tpr : MAX(tpr & isrv, irrv);
}

static uint64_t read_value(struct apic *a, unsigned reg)
{
    switch (reg) {
    case REG_ID:
        return apic_in_x2apic(a) ? a->id : a->id_reg;
    case REG_VERSION:
        return VERSION | (APIC_LVT_COUNT - 1) << 16 | VERSION_EOI_SUPPRESS;
    case REG_TPR:
        return a->tpr;
    case REG_APR:
        return arbitration_priority(a);
    case REG_PPR:
        return apic_ppr(a);
    case REG_LDR:
        return a->ldr;
    case REG_DFR:
        return a->dfr;
    case REG_SVR:
        return a->svr;
    case REG_ISR ... REG_ISR + 7:
        return a->isr[reg - REG_ISR];
    case REG_TMR ... REG_TMR + 7:
        return a->tmr[reg - REG_TMR];
    case REG_IRR ... REG_IRR + 7:
        return a->irr[reg - REG_IRR];
    case REG_ESR:
        return a->esr;
    case REG_ICR_LOW:
        return apic_in_x2apic(a) ? a->icr : (uint32_t)a->icr;
    case REG_ICR_HIGH:
        return a->icr >> 32;
    case REG_LVT_TIMER ... REG_LVT_ERROR:
        return a->lvt[reg - REG_LVT_TIMER];
    case REG_INITIAL:
        return a->timer_initial;
    case REG_CURRENT:
        return apic_timer_count(a);
    case REG_DIVIDE:
        return a->timer_divide;
    }
    return 0;
}

static void write_value(struct apic *a, unsigned reg, uint64_t v)
{
    switch (reg) {
    case REG_ID:
        a->id_reg = v;
        break;
    case REG_TPR:
        a->tpr = v;
        apic_update(a);
        break;
    case REG_EOI:
        write_eoi(a);
        break;
    case REG_LDR:
        a->ldr = v;
        break;
    case REG_DFR:
        a->dfr = v | 0x0fffffff;
        break;
    case REG_SVR:
        write_svr(a, v);
        break;
    case REG_ESR:
        a->esr = a->esr_new;
        a->esr_new = 0;
        break;
    case REG_ICR_LOW:
        a->icr = apic_in_x2apic(a) ? v : (a->icr & ~0xffffffffull) | v;
        send_ipi(a);
        break;
    case REG_ICR_HIGH:
        a->icr = (uint32_t)a->icr | v << 32;
        break;
    case REG_LVT_TIMER ... REG_LVT_ERROR:
        write_lvt(a, reg - REG_LVT_TIMER, v);
        break;
    case REG_INITIAL:
        apic_timer_set_initial(a, v);
        break;
    case REG_DIVIDE:
        apic_timer_set_divide(a, v);
        break;
    case REG_SELF_IPI:
        apic_accept(a, APIC_DM_FIXED, v, false);
        break;
    }
}

static bool reg_allowed(struct apic *a, unsigned reg, bool write)
{
    uint8_t need = apic_in_x2apic(a) ? (write ? XW : XR) : (write ? W : R);

    if (reg < REG_COUNT && rows[reg].access & need) {
        return true;
    }
    log_line(LOG_GUEST_ERRORS, "apic %u: %s of register 0x%x0 (%s)", a->id,
             write ? "write" : "read", reg,
             reg < REG_COUNT && rows[reg].name ? rows[reg].name : "reserved");
    return false;
}

bool apic_reg_read(struct apic *a, unsigned reg, uint64_t *value)
{
    *value = 0;
    if (!reg_allowed(a, reg, false)) {
        if (!apic_in_x2apic(a)) {
            apic_raise_error(a, APIC_ESR_ILLEGAL_REG);
        }
        return false;
    }
    *value = read_value(a, reg);
    return true;
}

bool apic_reg_write(struct apic *a, unsigned reg, uint64_t value)
{
    uint64_t bits;

    if (!reg_allowed(a, reg, true)) {
        if (!apic_in_x2apic(a)) {
            apic_raise_error(a, APIC_ESR_ILLEGAL_REG);
        }
        return false;
    }
    bits = rows[reg].bits;
    if (apic_in_x2apic(a)) {
        bits |= reg == REG_ICR_LOW ? ~0xffffffffull : 0;
        if (value & ~(bits | read_only_bits[reg])) {
            return false;
        }
    }
    write_value(a, reg, value & bits);
    return true;
}
