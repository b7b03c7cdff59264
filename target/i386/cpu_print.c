/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/cpu_print.c: `info registers` in the layout that QEMU's users and scripts know.
 *
 * Thread: any, with the vCPU stopped, or the vCPU's own.
 */
#include <inttypes.h>
#include "target/i386/operand.h"

static void print_general(const struct x86_cpu *cpu, GString *out)
{
    static const char *const name[8] = { "AX", "BX", "CX", "DX", "SI", "DI", "BP", "SP" };
    static const uint8_t reg[8] = { R_RAX, R_RBX, R_RCX, R_RDX, R_RSI, R_RDI, R_RBP, R_RSP };

    for (unsigned n = 0; n < 8; n++) {
        char end = n % 4 == 3 ? '\n' : ' ';

        if (cpu->code64) {
            g_string_append_printf(out, "R%s=%016" PRIx64 "%c", name[n], cpu->regs[reg[n]], end);
        } else {
            g_string_append_printf(out, "E%s=%08x%c", name[n], (uint32_t)cpu->regs[reg[n]], end);
        }
    }
    for (unsigned n = 8; cpu->code64 && n < 16; n++) {
        g_string_append_printf(out, "R%-2u=%016" PRIx64 "%c", n, cpu->regs[n],
                               n % 4 == 3 ? '\n' : ' ');
    }
}

static void print_flags(const struct x86_cpu *cpu, GString *out)
{
    static const struct {
        uint32_t bit;
        char letter;
    } flags[] = { { FLAG_DF, 'D' }, { FLAG_OF, 'O' }, { FLAG_SF, 'S' }, { FLAG_ZF, 'Z' },
                  { FLAG_AF, 'A' }, { FLAG_PF, 'P' }, { FLAG_CF, 'C' } };
    uint32_t f = cpu_eflags(cpu);
    char text[8] = { 0 };

    for (unsigned n = 0; n < G_N_ELEMENTS(flags); n++) {
        text[n] = f & flags[n].bit ? flags[n].letter : '-';
    }
    if (cpu->code64) {
        g_string_append_printf(out, "RIP=%016" PRIx64 " RFL=", cpu->regs[R_RIP]);
    } else {
        g_string_append_printf(out, "EIP=%08x EFL=", (uint32_t)cpu->regs[R_RIP]);
    }
    g_string_append_printf(out, "%08x [%s] CPL=%u II=%d A20=%d SMM=%d HLT=%d\n", f, text, cpu->cpl,
                           cpu->intr_shadow, (int)(cpu->a20_mask >> 20 & 1), cpu->in_smm,
                           cpu->halted);
}

static const char *segment_kind(const struct x86_cpu *cpu, const struct segment *s)
{
    if (!(s->attr & ATTR_CODE)) {
        return s->attr & ATTR_DB || cpu->code64 ? "DS  " : "DS16";
    }
    return s->attr & ATTR_L ? "CS64" : s->attr & ATTR_DB ? "CS32" : "CS16";
}

static void print_segment(const struct x86_cpu *cpu, GString *out, const char *name,
                          const struct segment *s, bool system)
{
    bool code = s->attr & ATTR_CODE;
    uint32_t raw_limit = s->attr & ATTR_G ? s->limit >> 12 : s->limit;

    g_string_append_printf(out, "%-3s=%04x ", name, s->selector);
    g_string_append_printf(out, cpu->long_mode ? "%016" PRIx64 : "%08" PRIx64, s->base);
    g_string_append_printf(out, " %08x %08x", s->limit,
                           (uint32_t)s->attr << 8 | (raw_limit & 0xf0000));
    if (!cpu->protected_mode || !(s->attr & ATTR_P)) {
        g_string_append_c(out, '\n');
        return;
    }
    g_string_append_printf(out, " DPL=%u ", (unsigned)(s->attr & ATTR_DPL) >> ATTR_DPL_SHIFT);
    if (system || !(s->attr & ATTR_S)) {
        static const char *const type[16] = {
            "Reserved",   "TSS16-avl",  "LDT",       "TSS16-busy", "CallGate16", "TaskGate",
            "IntGate16",  "TrapGate16", "Reserved",  "TSS32-avl",  "Reserved",   "TSS32-busy",
            "CallGate32", "Reserved",   "IntGate32", "TrapGate32"
        };
        unsigned t = s->attr & ATTR_TYPE;
        const char *text = type[t];

        if (cpu->long_mode && (t == 9 || t == 11)) {
            text = t == 9 ? "TSS64-avl" : "TSS64-busy";
        }
        g_string_append_printf(out, "%s\n", text);
        return;
    }
    g_string_append_printf(out, "%s [%c%c%c]\n", segment_kind(cpu, s),
                           !(s->attr & ATTR_E) ? '-'
                           : code              ? 'C'
                                               : 'E',
                           !(s->attr & ATTR_W) ? '-'
                           : code              ? 'R'
                                               : 'W',
                           s->attr & ATTR_A ? 'A' : '-');
}

static void print_table(const struct x86_cpu *cpu, GString *out, const char *name,
                        const struct desc_table *t)
{
    g_string_append_printf(out, "%s=     ", name);
    g_string_append_printf(out, cpu->long_mode ? "%016" PRIx64 : "%08" PRIx64, t->base);
    g_string_append_printf(out, " %08x\n", t->limit);
}

static void print_control(const struct x86_cpu *cpu, GString *out)
{
    int w = cpu->long_mode ? 16 : 8;

    g_string_append_printf(out, "CR0=%08x CR2=%0*" PRIx64 " CR3=%0*" PRIx64 " CR4=%08x\n",
                           (uint32_t)cpu->cr0, w, cpu->cr2, w, cpu->cr3, (uint32_t)cpu->cr4);
    g_string_append_printf(
        out, "DR0=%016" PRIx64 " DR1=%016" PRIx64 " DR2=%016" PRIx64 " DR3=%016" PRIx64 " \n",
        cpu->dr[0], cpu->dr[1], cpu->dr[2], cpu->dr[3]);
    g_string_append_printf(out, "DR6=%016" PRIx64 " DR7=%016" PRIx64 "\n", cpu->dr[6], cpu->dr[7]);
    g_string_append_printf(out, "EFER=%016" PRIx64 "\n", cpu->efer);
}

/* A vector of `words` quadwords, the highest first. */
static void print_long_vector(const struct x86_cpu *cpu, GString *out, unsigned n, unsigned words)
{
    g_string_append_printf(out, "%cMM%02u=", words == 8 ? 'Z' : 'Y', n);
    for (unsigned k = words; k-- > 0;) {
        g_string_append_printf(out, "%016" PRIx64 "%c", cpu->vec[n].q[k], k ? ' ' : '\n');
    }
}

static void print_vectors(const struct x86_cpu *cpu, GString *out)
{
    unsigned n_xmm = cpu->code64 ? 16 : 8;
    bool avx512 = (cpu->xcr0 & 0xe6) == 0xe6, avx = (cpu->xcr0 & 6) == 6;

    g_string_append_printf(out, "FCW=%04x FSW=%04x [ST=%u] FTW=%02x MXCSR=%08x\n", cpu->x87.control,
                           cpu->x87.status | cpu->x87.top << 11, cpu->x87.top,
                           (uint8_t)~cpu->x87.empty, cpu->mxcsr);
    for (unsigned n = 0; n < 8; n++) {
        g_string_append_printf(out, "FPR%u=%016" PRIx64 " %04x%c", n, cpu->x87.reg[n].mant,
                               cpu->x87.reg[n].sexp, n % 2 ? '\n' : ' ');
    }
    for (unsigned n = 0; avx512 && n < 8; n++) {
        g_string_append_printf(out, "Opmask%02u=%016" PRIx64 "%c", n, cpu->kmask[n],
                               n % 4 == 3 ? '\n' : ' ');
    }
    if (avx) {
        for (unsigned n = 0; n < (avx512 ? n_xmm * (cpu->code64 ? 2 : 1) : n_xmm); n++) {
            print_long_vector(cpu, out, n, avx512 ? 8 : 4);
        }
        return;
    }
    for (unsigned n = 0; n < n_xmm; n++) {
        g_string_append_printf(out, "XMM%02u=%016" PRIx64 " %016" PRIx64 "%c", n, cpu->vec[n].q[1],
                               cpu->vec[n].q[0], n % 2 ? '\n' : ' ');
    }
}

void cpu_print_state(struct x86_cpu *cpu, GString *out)
{
    static const char *const name[SEG_COUNT] = { "ES", "CS", "SS", "DS", "FS", "GS" };

    print_general(cpu, out);
    print_flags(cpu, out);
    for (unsigned s = 0; s < SEG_COUNT; s++) {
        print_segment(cpu, out, name[s], &cpu->seg[s], false);
    }
    print_segment(cpu, out, "LDT", &cpu->ldt, true);
    print_segment(cpu, out, "TR", &cpu->tr, true);
    print_table(cpu, out, "GDT", &cpu->gdt);
    print_table(cpu, out, "IDT", &cpu->idt);
    print_control(cpu, out);
    print_vectors(cpu, out);
}
