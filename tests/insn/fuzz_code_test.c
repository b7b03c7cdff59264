/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/fuzz_code_test.c: random bytes as guest code, in every mode and at both ends of
 * privilege, by each engine.  Nothing that a guest executes may crash or hang the host.
 *
 * A timer asks the engine to leave after a slice of time.  If it does not, the watchdog names the
 * round and aborts.  The translator, which wants to see a block a few times, has each round's code
 * several times from the same registers.
 * --rounds=N a mode and engine, --first=N: the seed of the first round, --slice=US.
 * Thread: one, which is the vCPU's; the timer's signal only sets atomics.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include "accel/tcg/block.h"
#include "accel/tcg/tcg.h"
#include "target/i386/exec_system.h"
#include "tests/insn/system_rig.h"

#define CODE        0x20000u /* from here on RAM is random */
#define MAX_TICKS   10000    /* of a slice each: a hang */
#define PAGE_TABLES 0x18000u
#define REPEATS     12 /* of a round's code: more than a block runs before it is translated */

static unsigned rounds = 150, slice_us = 1000;
static uint64_t first_seed = 1;

/* What the signal handler sees. */
static struct x86_cpu *volatile watched;
static volatile uint64_t current_seed;
static volatile unsigned ticks;

static void on_tick(int sig)
{
    (void)sig;
    if (!watched) {
        return;
    }
    atomic_store(&watched->vcpu.leave, true);
    atomic_store(&watched->vcpu.exit_request, true);
    if (++ticks > MAX_TICKS) {
        static const char text[] = "# the engine does not leave: ";
        char number[32];
        int n = snprintf(number, sizeof(number), "--first=%" PRIu64 "\n", current_seed);

        if (write(1, text, sizeof(text) - 1) < 0 || write(1, number, (size_t)n) < 0) {
            _exit(3);
        }
        abort();
    }
}

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

enum fuzz_mode { REAL, PROTECTED16, PROTECTED32, PAGED32, PAGED_PAE, LONG64, LONG32, VM86 };

static const struct fuzz_row {
    const char *name;
    enum fuzz_mode mode;
    unsigned cpl;
} fuzz_rows[] = {
    { "real", REAL, 0 },
    { "virtual-8086", VM86, 3 },
    { "16-bit/ring0", PROTECTED16, 0 },
    { "16-bit/ring3", PROTECTED16, 3 },
    { "32-bit/ring0", PROTECTED32, 0 },
    { "32-bit/ring3", PROTECTED32, 3 },
    { "32-bit-paged/ring0", PAGED32, 0 },
    { "32-bit-paged/ring3", PAGED32, 3 },
    { "32-bit-pae/ring0", PAGED_PAE, 0 },
    { "32-bit-pae/ring3", PAGED_PAE, 3 },
    { "64-bit/ring0", LONG64, 0 },
    { "64-bit/ring3", LONG64, 3 },
    { "compatibility/ring3", LONG32, 3 },
};

/* Half of the bytes lead to something: escapes, prefixes, ModRM near the random data. */
static void random_code(struct system_rig *r, uint64_t *s)
{
    static const uint8_t common[] = { 0x0f, 0x66, 0x67, 0xf3, 0xf2, 0xf0, 0x48, 0x8b,
                                      0x89, 0xff, 0xa5, 0xab, 0xcd, 0xcf, 0xea, 0x8e };
    uint8_t *p = r->ram.ram->host + CODE;

    for (unsigned k = 0; k < RIG_RAM_SIZE - CODE; k += 8) {
        uint64_t v = next(s);

        memcpy(p + k, &v, 8);
        if (k < 0x4000 && v % 3 == 0) {
            p[k + (v >> 8 & 7)] = common[v >> 16 & 15];
        }
    }
    ram_written(r->m, r->ram.ram, CODE, RIG_RAM_SIZE - CODE);
}

static void random_registers(struct x86_cpu *cpu, uint64_t *s)
{
    for (unsigned k = 0; k < 16; k++) {
        uint64_t v = next(s);

        cpu->regs[k] = v & 3 ? CODE + (v >> 8 & 0xffff) : v >> (v >> 56 & 63);
    }
    for (unsigned k = 0; k < 8; k++) {
        cpu->x87.reg[k].mant = next(s);
        cpu->x87.reg[k].sexp = (uint16_t)next(s);
        cpu->vec[k].q[0] = next(s);
        cpu->vec[k].q[1] = next(s);
    }
}

/* Interrupts land in random code, so that the guest goes on for a while. */
static void random_gates(struct system_rig *r, uint64_t *s)
{
    for (unsigned v = 0; v < 256; v++) {
        uint64_t x = next(s);

        if (r->cpu->protected_mode) {
            static const uint8_t types[] = { 0xee, 0xef, 0x8e, 0xe6, 0xe5, 0x0e, 0xef, 0xee };
            bool wide = r->cpu->long_mode;

            if (wide && v >= 128) {
                break; /* the rig's IDT is a page */
            }
            rig_gate(r, v, x >> 32 & 7 ? SEL_CODE0 : SEL_TSS2, CODE + (x & 0xffff),
                     types[x >> 40 & 7], wide ? x >> 48 & 1 : 0);
        } else {
            rig_store(r, v * 4, (CODE >> 4) << 16 | (x & 0x3fff), 4);
        }
    }
}

static void page_tables(struct system_rig *r, bool pae)
{
    struct x86_cpu *cpu = r->cpu;

    if (pae) {
        rig_store(r, PAGE_TABLES, (PAGE_TABLES + 0x1000) | 1, 8);
        rig_store(r, PAGE_TABLES + 0x1000, 0xe7, 8);
        cpu->pdpte[0] = (PAGE_TABLES + 0x1000) | 1;
        cpu->cr4 |= CR4_PAE;
    } else {
        rig_store(r, PAGE_TABLES, 0xe7, 4);
        cpu->cr4 |= CR4_PSE;
    }
    cpu->cr3 = PAGE_TABLES;
    cpu->cr0 |= CR0_PG;
}

static void set_code_size(struct system_rig *r, uint16_t clear, uint16_t set)
{
    struct segment *cs = &r->cpu->seg[SEG_CS];
    uint16_t attr = (uint16_t)((cs->attr & ~clear) | set);

    segment_set(cs, cs->selector, 0, UINT32_MAX, attr);
    rig_descriptor(r, cs->selector, 0, 0xfffff, attr);
}

static void enter_mode(struct system_rig *r, const struct fuzz_row *row)
{
    struct x86_cpu *cpu = r->cpu;

    memset(r->ram.ram->host, 0, CODE);
    ram_written(r->m, r->ram.ram, 0, CODE);
    machine_lock(r->m);
    tcg_vcpu_ops.reset(&cpu->vcpu);
    machine_unlock(r->m);
    cpu->cr4 = CR4_OSFXSR | CR4_OSXSAVE;
    cpu->idt = (struct desc_table){ 0, 0x3ff };
    switch (row->mode) {
    case REAL:
        for (unsigned k = 0; k < SEG_COUNT; k++) {
            segment_set_real(&cpu->seg[k], CODE >> 4);
        }
        break;
    case LONG64:
    case LONG32:
        rig_long(r, row->cpl);
        if (row->mode == LONG32) {
            set_code_size(r, ATTR_L, ATTR_DB);
        }
        break;
    default:
        rig_protected(r, row->cpl);
        if (row->mode == PROTECTED16) {
            set_code_size(r, ATTR_DB, 0);
        } else if (row->mode == PAGED32 || row->mode == PAGED_PAE) {
            page_tables(r, row->mode == PAGED_PAE);
        }
    }
    if (row->mode == VM86) {
        cpu->eflags |= FLAG_VM | FLAG_IOPL;
        for (unsigned k = 0; k < SEG_COUNT; k++) {
            load_segment_real(cpu, k, CODE >> 4);
        }
    }
    cpu_update_mode(cpu);
    tlb_flush(cpu);
}

/* Code and registers follow from the seed; `again`: the code is there, as the last run left it. */
static void fuzz_run(struct system_rig *r, const struct fuzz_row *row, uint64_t seed, bool again)
{
    struct x86_cpu *cpu = r->cpu;
    uint64_t s = seed * 0xd1342543de82ef95ull, code = ~s;
    bool small = row->mode == REAL || row->mode == VM86;

    current_seed = seed;
    enter_mode(r, row);
    random_gates(r, &s);
    random_registers(cpu, &s);
    if (!again) {
        random_code(r, &code);
    }
    cpu->regs[R_RSP] = small ? 0x8000 : CODE + 0x40000;
    cpu->regs[R_RIP] = (small ? 0 : CODE) + (next(&s) & 0x3fff);
    ticks = 0;
    atomic_store(&cpu->vcpu.leave, false);
    atomic_store(&cpu->vcpu.exit_request, false);
    tcg_vcpu_ops.run(&cpu->vcpu);
}

static void test_mode(const struct fuzz_row *row, const char *engine, unsigned repeats)
{
    struct system_rig *r = system_rig_new("max");
    uint64_t executed, entered;

    g_free(r->m->config.accel);
    r->m->config.accel = g_strdup_printf("tcg,engine=%s", engine);
    r->cpu->vcpu.machine = r->m;
    r->cpu->memory = &r->m->memory;
    r->cpu->vcpu.ops = &tcg_vcpu_ops;
    if (!tcg_vcpu_ops.init(&r->cpu->vcpu, NULL)) {
        g_test_skip("no such engine on this host");
        tcg_vcpu_ops.destroy(&r->cpu->vcpu);
        system_rig_free(r);
        return;
    }
    watched = r->cpu;
    for (unsigned k = 0; k < rounds; k++) {
        fuzz_run(r, row, first_seed + k / repeats, k % repeats);
    }
    watched = NULL;
    executed = r->cpu->executed;
    entered = ((const struct tcg *)r->cpu->engine)->n_entered;
    tcg_vcpu_ops.destroy(&r->cpu->vcpu);
    system_rig_free(r);
    g_test_message("%u rounds, %" PRIu64 " instructions interpreted, code entered %" PRIu64, rounds,
                   executed, entered);
    g_assert_cmpuint(executed + entered, >, rounds);
}

static void test_interpreter(gconstpointer row)
{
    test_mode(row, "interp", 1);
}

static void test_translator(gconstpointer row)
{
    test_mode(row, "translate", REPEATS);
}

int main(int argc, char **argv)
{
    struct itimerval timer = { 0 };

    g_test_init(&argc, &argv, NULL);
    for (int k = 1; k < argc; k++) {
        if (g_str_has_prefix(argv[k], "--rounds=")) {
            rounds = (unsigned)atoi(argv[k] + 9);
        } else if (g_str_has_prefix(argv[k], "--first=")) {
            first_seed = strtoull(argv[k] + 8, NULL, 0);
        } else if (g_str_has_prefix(argv[k], "--slice=")) {
            slice_us = (unsigned)atoi(argv[k] + 8);
        }
    }
    signal(SIGALRM, on_tick);
    timer.it_interval.tv_usec = timer.it_value.tv_usec = slice_us;
    setitimer(ITIMER_REAL, &timer, NULL);
    for (unsigned k = 0; k < G_N_ELEMENTS(fuzz_rows); k++) {
        const struct fuzz_row *row = &fuzz_rows[k];
        g_autofree char *name = g_strdup_printf("/insn/fuzz-code/interp/%s", row->name);
        g_autofree char *other = g_strdup_printf("/insn/fuzz-code/translate/%s", row->name);

        g_test_add_data_func(name, row, test_interpreter);
        g_test_add_data_func(other, row, test_translator);
    }
    return g_test_run();
}
