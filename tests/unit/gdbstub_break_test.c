/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/gdbstub_break_test.c: breakpoints, watchpoints and steps in 64-bit code that was translated before: on
 * several pages, across them, at two addresses of one page.
 */
#include "tests/unit/gdbstub_rig.h"

#define LOOP  0x10000
#define FUNC  0x11000
#define ALIAS 0x211000 /* the same page */
#define CROSS 0x11ffd  /* an instruction on two pages */
#define AFTER 0x12002
#define DATA  0x20000
#define PML4  0x8000

struct piece {
    unsigned at;
    const char *bytes;
    unsigned n;
};

#define PIECE(at, bytes)                                                                           \
    {                                                                                              \
        at, bytes, sizeof(bytes) - 1                                                               \
    }

/* clang-format off */
static const struct piece program[] = {
    PIECE(LOOP, "\xff\xc1"                         /* inc ecx */
                "\xe8\xf9\x0f\x00\x00"             /* call FUNC */
                "\xe8\xf4\x0f\x20\x00"             /* call ALIAS */
                "\xe8\xec\x1f\x00\x00"             /* call CROSS */
                "\xeb\xed"),                       /* jmp LOOP */
    PIECE(FUNC, "\xff\xc0"                         /* inc eax */
                "\x89\x04\x25\x00\x00\x02\x00"     /* mov [DATA],eax */
                "\x31\xd2"                         /* xor edx,edx */
                "\xc3"),                           /* ret */
    PIECE(CROSS, "\xbb\x44\x33\x22\x11"            /* mov ebx,0x11223344 */
                 "\xff\xc3"                        /* inc ebx */
                 "\xc3"),                          /* ret */
};
/* clang-format on */

static void store(struct gdb_rig *r, unsigned at, uint64_t v)
{
    memcpy(r->ram.ram->host + at, &v, sizeof(v));
}

/* Linear 0 and 2 MiB are both physical 0. */
static struct gdb_rig *new_rig(const char *accel, unsigned cpus)
{
    struct gdb_rig *r = gdb_rig_new(accel, cpus);

    for (unsigned k = 0; k < G_N_ELEMENTS(program); k++) {
        memcpy(r->ram.ram->host + program[k].at, program[k].bytes, program[k].n);
    }
    store(r, PML4, (PML4 + 0x1000) | 3);
    store(r, PML4 + 0x1000, (PML4 + 0x2000) | 3);
    store(r, PML4 + 0x2000, 0x83);
    store(r, PML4 + 0x2008, 0x83);
    for (unsigned k = 0; k < cpus; k++) {
        struct x86_cpu *cpu = r->cpus[k];

        cpu->cr3 = PML4;
        cpu->cr4 = CR4_PAE | CR4_OSFXSR;
        cpu->efer = EFER_LME | EFER_LMA;
        cpu->cr0 = CR0_PE | CR0_PG | CR0_ET;
        for (unsigned s = 0; s < SEG_COUNT; s++) {
            segment_set(&cpu->seg[s], 0x10, 0, UINT32_MAX,
                        ATTR_P | ATTR_S | ATTR_W | ATTR_A | ATTR_DB);
        }
        segment_set(&cpu->seg[SEG_CS], 8, 0, UINT32_MAX,
                    ATTR_P | ATTR_S | ATTR_CODE | ATTR_W | ATTR_A | ATTR_L);
        cpu->regs[R_RSP] = 0x7000 - 0x1000 * k;
        cpu->regs[R_RIP] = LOOP;
        cpu_update_mode(cpu);
    }
    return r;
}

static void check_rip(struct gdb_rig *r, unsigned cpu, uint64_t rip)
{
    g_assert_cmphex(r->cpus[cpu]->regs[R_RIP], ==, rip);
}

/* Long enough to be translated, traces too. */
static void run_hot(struct gdb_rig *r)
{
    g_autofree char *reply = NULL;

    rig_send(r, "vCont;c");
    rig_wait(r, 60);
    rig_feed(r, "\x03", 1);
    reply = rig_receive(r);
    g_assert_cmpint(strncmp(reply, "T02thread:0", 11), ==, 0);
}

static void set(struct gdb_rig *r, char letter, unsigned type, unsigned at)
{
    g_autofree char *packet = g_strdup_printf("%c%u,%x,1", letter, type, at);

    rig_ask(r, packet, "OK");
}

/* Each visit stops once, whatever was hot before. */
static void hot_code_stops_at_each_visit(const char *engine)
{
    static const unsigned at[] = { LOOP, FUNC, ALIAS, CROSS, AFTER, FUNC + 9, LOOP + 12 };
    struct gdb_rig *r = new_rig(engine, 1);

    for (unsigned k = 0; k < G_N_ELEMENTS(at); k++) {
        uint32_t laps;

        run_hot(r);
        set(r, 'Z', k % 2, at[k]);
        rig_ask(r, "c", "T05thread:01;");
        laps = (uint32_t)r->cpus[0]->regs[R_RCX];
        for (unsigned n = 0; n < 20; n++) {
            check_rip(r, 0, at[k]);
            rig_ask(r, "c", "T05thread:01;");
            g_assert_cmphex((uint32_t)r->cpus[0]->regs[R_RCX], ==, laps + n + 1);
        }
        set(r, 'z', k % 2, at[k]);
    }
    gdb_rig_free(r);
}

static void several_in_one_block(const char *engine)
{
    static const unsigned at[] = { FUNC, FUNC + 2, FUNC + 9, FUNC + 11 };
    struct gdb_rig *r = new_rig(engine, 1);

    run_hot(r);
    rig_ask(r, "P10=0000010000000000", "OK"); /* at LOOP */
    for (unsigned k = 0; k < G_N_ELEMENTS(at); k++) {
        set(r, 'Z', 0, at[k]);
    }
    for (unsigned k = 0; k < 40; k++) {
        rig_ask(r, "c", "T05thread:01;");
        check_rip(r, 0, at[k % G_N_ELEMENTS(at)]);
    }
    gdb_rig_free(r);
}

static void inside_of_an_instruction_nothing_stops(const char *engine)
{
    struct gdb_rig *r = new_rig(engine, 1);

    set(r, 'Z', 0, FUNC + 1);
    set(r, 'Z', 0, CROSS + 3); /* the second page's first byte */
    set(r, 'Z', 0, DATA);
    run_hot(r);
    gdb_rig_free(r);
}

/* What the debugger or another CPU writes is what is executed, also beside a breakpoint. */
static void code_that_is_written_takes_effect(const char *engine)
{
    struct gdb_rig *r = new_rig(engine, 1);
    uint32_t eax;

    run_hot(r);
    set(r, 'Z', 0, FUNC);
    rig_ask(r, "c", "T05thread:01;");
    rig_ask(r, "c", "T05thread:01;");
    eax = (uint32_t)r->cpus[0]->regs[R_RAX];
    rig_ask(r, "M11000,2:ffc8", "OK"); /* dec eax, twice a lap */
    rig_ask(r, "c", "T05thread:01;");
    g_assert_cmphex((uint32_t)r->cpus[0]->regs[R_RAX], ==, eax - 2);
    rig_ask(r, "M11000,2:ffc0", "OK");
    set(r, 'z', 0, FUNC);
    set(r, 'Z', 0, LOOP);
    rig_ask(r, "c", "T05thread:01;");
    eax = (uint32_t)r->cpus[0]->regs[R_RAX];
    rig_ask(r, "c", "T05thread:01;");
    g_assert_cmphex((uint32_t)r->cpus[0]->regs[R_RAX], ==, eax + 2);
    gdb_rig_free(r);
}

static uint64_t interpreted_in_a_while(struct gdb_rig *r)
{
    uint64_t before = tcg_executed(r->m);

    run_hot(r);
    return tcg_executed(r->m) - before;
}

/* Pages without breakpoints are translated as before, and all of them once these are gone. */
static void speed_comes_back(void)
{
    struct gdb_rig *r = new_rig("tcg", 1);

    if (!tcg_translates(r->m)) {
        g_test_skip("there is no translator for this host");
        gdb_rig_free(r);
        return;
    }
    run_hot(r);
    g_assert_cmpuint(interpreted_in_a_while(r), <, 20000);
    set(r, 'Z', 0, DATA); /* elsewhere */
    g_assert_cmpuint(interpreted_in_a_while(r), <, 20000);
    set(r, 'Z', 0, FUNC + 1); /* on a page of the loop */
    g_assert_cmpuint(interpreted_in_a_while(r), >, 20000);
    set(r, 'z', 0, FUNC + 1);
    run_hot(r);
    g_assert_cmpuint(interpreted_in_a_while(r), <, 20000);
    gdb_rig_free(r);
}

static void steps_go_through_hot_code(const char *engine)
{
    static const uint64_t path[] = { LOOP,      LOOP + 2,  FUNC,       FUNC + 2,
                                     FUNC + 9,  FUNC + 11, LOOP + 7,   ALIAS,
                                     ALIAS + 2, ALIAS + 9, ALIAS + 11, LOOP + 12,
                                     CROSS,     AFTER,     AFTER + 2,  LOOP + 17 };
    struct gdb_rig *r = new_rig(engine, 1);

    run_hot(r);
    rig_ask(r, "P10=0000010000000000", "OK");
    for (unsigned k = 0; k < 5 * G_N_ELEMENTS(path); k++) {
        check_rip(r, 0, path[k % G_N_ELEMENTS(path)]);
        rig_ask(r, k & 1 ? "s" : "vCont;s:1", "T05thread:01;");
    }
    gdb_rig_free(r);
}

static void watchpoints_stop_hot_code(const char *engine)
{
    struct gdb_rig *r = new_rig(engine, 1);

    run_hot(r);
    rig_ask(r, "Z2,20002,1", "OK");
    for (unsigned k = 0; k < 10; k++) {
        rig_ask(r, "c", "T05thread:01;watch:20002;");
        g_assert_cmphex(r->cpus[0]->regs[R_RIP] & 0xffff, ==, 0x1009);
    }
    rig_ask(r, "z2,20002,1", "OK");
    run_hot(r);
    gdb_rig_free(r);
}

static void two_cpus_meet_one_breakpoint(const char *engine)
{
    struct gdb_rig *r = new_rig(engine, 2);
    unsigned met[2] = { 0 };

    run_hot(r);
    set(r, 'Z', 0, FUNC);
    /* Which one comes first is the host's to say. */
    for (unsigned k = 0; k < 200 || (k < 100000 && (!met[0] || !met[1])); k++) {
        g_autofree char *reply = NULL;
        unsigned cpu;

        rig_send(r, "vCont;c");
        reply = rig_receive(r);
        g_assert_cmpint(strncmp(reply, "T05thread:0", 11), ==, 0);
        cpu = (unsigned)(reply[11] - '1');
        g_assert_cmpuint(cpu, <, 2);
        met[cpu]++;
        check_rip(r, cpu, FUNC);
    }
    g_assert_cmpuint(met[0], >, 0);
    g_assert_cmpuint(met[1], >, 0);
    set(r, 'z', 0, FUNC);
    run_hot(r);
    gdb_rig_free(r);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        engine_test *run;
    } tests[] = {
        { "/gdbstub-break/hot-code-stops", hot_code_stops_at_each_visit },
        { "/gdbstub-break/several-in-one-block", several_in_one_block },
        { "/gdbstub-break/inside-of-an-instruction", inside_of_an_instruction_nothing_stops },
        { "/gdbstub-break/written-code", code_that_is_written_takes_effect },
        { "/gdbstub-break/steps", steps_go_through_hot_code },
        { "/gdbstub-break/watchpoints", watchpoints_stop_hot_code },
        { "/gdbstub-break/two-cpus", two_cpus_meet_one_breakpoint },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned k = 0; k < G_N_ELEMENTS(tests); k++) {
        g_test_add_data_func(tests[k].name, &tests[k].run, run_under_engines);
    }
    g_test_add_func("/gdbstub-break/speed-comes-back", speed_comes_back);
    return g_test_run();
}
