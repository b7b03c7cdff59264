/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/info_apic.c: `info lapic`: a local APIC's registers (SDM vol. 3, ch. 11).
 * Thread: machine lock held, the CPUs standing still.
 */
#include <inttypes.h>
#include "hw/intc/apic.h"
#include "monitor/command.h"
#include "softmmu/irqchip.h"
#include "softmmu/machine.h"
#include "target/i386/cpu.h"
#include "util/error.h"
#include "util/text.h"

#define LVT_PENDING     (1u << 12)
#define LVT_LOW         (1u << 13)
#define LVT_LEVEL       (1u << 15)
#define LVT_MASKED      (1u << 16)
#define SPIV_ENABLED    (1u << 8)
#define SPIV_FOCUS      (1u << 9)
#define ICR_LOGICAL     (1u << 11)
#define ICR_ASSERT      (1u << 14)
#define ICR_LEVEL       (1u << 15)
#define REG_TIMER_COUNT 0x39

static void print_lvt(const char *name, uint32_t v, bool is_timer, GString *out)
{
    static const char *const modes[] = { "Fixed", "...",  "SMI", "...",
                                         "NMI",   "INIT", "...", "ExtINT" };
    static const char *const timers[] = { "one-shot", "periodic", "tsc-deadline", "..." };
    unsigned mode = v >> 8 & 7;

    g_string_append_printf(out, "%s\t 0x%08x %s %-5s %-6s %-7s %-12s %-6s", name, v,
                           v & LVT_LOW ? "active-lo" : "active-hi",
                           v & LVT_LEVEL ? "level" : "edge", v & LVT_MASKED ? "masked" : "",
                           v & LVT_PENDING ? "pending" : "", is_timer ? timers[v >> 17 & 3] : "",
                           modes[mode]);
    if (mode != APIC_DM_NMI) {
        g_string_append_printf(out, " (vec %u)", v & 0xff);
    }
    g_string_append_c(out, '\n');
}

static void print_timer(struct apic *a, GString *out)
{
    static const uint8_t divisors[] = { 2, 4, 8, 16, 32, 64, 128, 1 };
    uint64_t count = 0;

    apic_reg_read(a, REG_TIMER_COUNT, &count);
    g_string_append_printf(
        out, "Timer\t DCR=0x%x (divide by %u) initial_count = %u current_count = %u\n",
        a->timer_divide, divisors[(a->timer_divide & 3) | (a->timer_divide >> 1 & 4)],
        a->timer_initial, (uint32_t)count);
}

static void print_icr(const struct apic *a, GString *out)
{
    static const char *const shorthands[] = { "no-shorthand", "self", "all-self", "all" };
    uint32_t low = (uint32_t)a->icr, high = (uint32_t)(a->icr >> 32);
    bool logical = low & ICR_LOGICAL;
    unsigned dest = apic_in_x2apic(a) ? high : high >> 24;

    g_string_append_printf(out, "ICR\t 0x%08x %s %s %s %s\n", low, logical ? "logical" : "physical",
                           low & ICR_LEVEL ? "level" : "edge",
                           low & ICR_ASSERT ? "assert" : "de-assert", shorthands[low >> 18 & 3]);
    g_string_append_printf(out, "ICR2\t 0x%08x", high);
    if (!(low >> 18 & 3)) {
        g_string_append_printf(out, logical ? " mask 0x%02x" : " cpu %u (APIC ID)", dest);
    }
    g_string_append_c(out, '\n');
}

static void print_vectors(const char *name, const uint32_t *set, const uint32_t *level,
                          GString *out)
{
    bool any = false;

    g_string_append_printf(out, "%s\t ", name);
    for (unsigned i = 0; i < 256; i++) {
        if (set[i / 32] >> i % 32 & 1) {
            g_string_append_printf(out, "%u%s ", i, level[i / 32] >> i % 32 & 1 ? "(level)" : "");
            any = true;
        }
    }
    g_string_append(out, any ? "\n" : "(none)\n");
}

static void print_apic(struct apic *a, GString *out)
{
    static const struct {
        const char *name;
        enum apic_lvt lvt;
    } rows[] = {
        { "LVT0", APIC_LVT_LINT0 },   { "LVT1", APIC_LVT_LINT1 },      { "LVTPC", APIC_LVT_PERF },
        { "LVTERR", APIC_LVT_ERROR }, { "LVTTHMR", APIC_LVT_THERMAL }, { "LVTT", APIC_LVT_TIMER },
    };

    g_string_append_printf(out, "dumping local APIC state for CPU %-2d\n\n", a->cpu->vcpu.index);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        print_lvt(rows[i].name, a->lvt[rows[i].lvt], rows[i].lvt == APIC_LVT_TIMER, out);
    }
    print_timer(a, out);
    g_string_append_printf(out, "SPIV\t 0x%08x APIC %s, focus=%s, spurious vec %u\n", a->svr,
                           a->svr & SPIV_ENABLED ? "enabled" : "disabled",
                           a->svr & SPIV_FOCUS ? "on" : "off", a->svr & 0xff);
    print_icr(a, out);
    g_string_append_printf(out, "ESR\t 0x%08x\n", a->esr);
    print_vectors("ISR", a->isr, a->tmr, out);
    print_vectors("IRR", a->irr, a->tmr, out);
    g_string_append_printf(out, "\nAPR 0x00 TPR 0x%02x DFR 0x%02x LDR 0x%02x PPR 0x%02x\n", a->tpr,
                           a->dfr >> 28, apic_in_x2apic(a) ? a->ldr : a->ldr >> 24, apic_ppr(a));
}

/* [APIC-ID]: that of the chosen CPU without. */
bool command_info_lapic(struct machine *m, const char *args, GString *out, GError **error)
{
    uint64_t id = UINT64_MAX;
    struct x86_cpu *cpu;
    bool found = false;

    if (*args && !parse_uint(args, 0, UINT32_MAX, &id)) {
        set_error(error, "info lapic: '%s' is no APIC id", args);
        return false;
    }
    cpu = cpu_access_begin(m, error);
    if (!cpu) {
        return false;
    }
    irqchip_refresh(m);
    for (unsigned i = 0; i < m->devices->len && !found; i++) {
        struct apic *a = g_ptr_array_index(m->devices, i);

        if (a->dev.type == &apic_type && (*args ? a->id == id : a->cpu == cpu)) {
            print_apic(a, out);
            found = true;
        }
    }
    cpu_access_end(m);
    if (!found) {
        set_error(error, "No CPU available");
    }
    return found;
}
