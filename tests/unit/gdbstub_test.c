/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/gdbstub_test.c: the remote protocol, by a client that is not gdb. */
#include "tests/unit/gdbstub_rig.h"

/* Packets ----------------------------------------------------------------------------------------- */

static void damaged_packets_are_asked_for_again(void)
{
    struct gdb_rig *r = gdb_rig_new("tcg", 1);
    g_autofree char *big = g_strnfill(PACKET_MAX + 100, 'm');
    static const char *const bad[] = { "$qC#00", "$qC#zz", "$qC#b", "$}" };

    rig_feed(r, bad[0], strlen(bad[0]));
    g_assert_cmpstr(r->got->str, ==, "-");
    rig_feed(r, bad[1], strlen(bad[1]));
    g_assert_cmpstr(r->got->str, ==, "--");
    rig_send(r, big);
    g_assert_cmpstr(r->got->str, ==, "---");
    rig_feed(r, bad[2], strlen(bad[2])); /* cut short ... */
    rig_feed(r, "4", 1);                 /* ... and finished */
    rig_expect(r, "QC01");
    rig_feed(r, bad[3], strlen(bad[3]));
    rig_feed(r, "\x04$qC#b4", 7); /* an escaped '$', and then one that begins anew */
    rig_expect(r, "QC01");
    rig_feed(r, "-", 1); /* the answer was lost */
    rig_expect(r, "QC01");
    rig_feed(r, "noise+++", 8);
    rig_ask(r, "T1", "OK");
    gdb_rig_free(r);
}

static void without_acknowledgments_none_are_sent(void)
{
    struct gdb_rig *r = gdb_rig_new("tcg", 1);

    rig_ask(r, "QStartNoAckMode", "OK");
    rig_send(r, "qC");
    g_assert_cmpstr(r->got->str, ==, "$QC01#f5");
    gdb_rig_free(r);
}

static void replies(void)
{
    static const struct {
        const char *packet, *reply;
    } rows[] = {
        { "?", "T05thread:01;" },
        { "qAttached", "1" },
        { "vAttach;1", "T05thread:01;" },
        { "qC", "QC01" },
        { "qfThreadInfo", "m01,02" },
        { "qsThreadInfo", "l" },
        { "T2", "OK" },
        { "T3", "E22" },
        { "Hg2", "OK" },
        { "qC", "QC02" },
        { "Hg1", "OK" },
        { "Hg9", "E22" },
        { "Hx1", "E22" },
        { "Hc-1", "OK" },
        { "qThreadExtraInfo,2", "4350552331205b72756e6e696e675d" }, /* CPU#1 [running] */
        { "vCont?", "vCont;c;C;s;S" },
        { "vCont;x", "" },
        { "vCont", "E22" },
        { "vCont;c:9", "E22" },
        { "vMustReplyEmpty", "" },
        { "qTStatus", "" },
        { "qCRC:0,10", "" },
        { "!", "" },
        { "", "" },
        { "qqemu.sstepbits", "ENABLE=1,NOIRQ=2,NOTIMER=4" },
        { "qqemu.sstep", "0x7" },
        { "Qqemu.sstep=0x1", "OK" },
        { "qqemu.sstep", "0x1" },
        { "Qqemu.sstep=8", "E22" },
        { "qqemu.PhyMemMode", "0" },
        { "Qqemu.PhyMemMode:1", "OK" },
        { "qqemu.PhyMemMode", "1" },
        { "Qqemu.PhyMemMode:0", "OK" },
        { "Z0,1000,1", "OK" },
        { "Z0,1000,1", "OK" }, /* as often as one likes */
        { "z0,1000,1", "OK" },
        { "z0,1000,1", "E22" },
        { "Z2,ffffffffffffffff,2", "E22" }, /* wraps */
        { "Z2,1000,0", "E22" },
        { "Z5,0,1", "" },
        { "Z0,1000", "E22" },
        { "Z0,11111111111111111,1", "E22" },
        { "qXfer:features:read:foo.xml:0,100", "E00" },
        { "qXfer:features:read:target.xml:0,5", "m<?xml" },
        { "qXfer:features:read:target.xml:fffffffffffffff0,5", "l" },
        { "p999", "E22" },
        { "pffffffffffffffff", "E22" },
        { "P10", "E22" },
        { "qRcmd,zz", "E22" },
        { "qRcmd,", "E22" },
    };
    struct gdb_rig *r = gdb_rig_new("tcg", 2);

    for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++) {
        rig_ask(r, rows[k].packet, rows[k].reply);
    }
    rig_ask(r, "qSupported:multiprocess+;xmlRegisters=i386",
            "PacketSize=4000;qXfer:features:read+;vContSupported+;QStartNoAckMode+;swbreak+;"
            "hwbreak+;multiprocess+");
    rig_ask(r, "qC", "QCp01.01");
    rig_ask(r, "Tp1.2", "OK");
    rig_ask(r, "Tp2.1", "E22");
    gdb_rig_free(r);
}

/* Running ----------------------------------------------------------------------------------------- */

static void check_rip(struct gdb_rig *r, unsigned cpu, uint64_t rip)
{
    g_assert_cmphex(r->cpus[cpu]->regs[R_RIP], ==, rip);
}

static void steps_are_of_one_instruction(const char *engine)
{
    struct gdb_rig *r = gdb_rig_new(engine, 1);

    rig_ask(r, "s", "T05thread:01;");
    check_rip(r, 0, 0x1001);
    rig_ask(r, "vCont;s:1;c", "T05thread:01;");
    check_rip(r, 0, 0x1004);
    rig_ask(r, "S05", "T05thread:01;");
    check_rip(r, 0, 0x1008);
    rig_ask(r, "Z0,1000,1", "OK"); /* where it comes to: a step all the same */
    rig_ask(r, "vCont;s", "T05thread:01;");
    check_rip(r, 0, 0x1000);
    rig_ask(r, "vCont;s", "T05thread:01;");
    check_rip(r, 0, 0x1001);
    rig_ask(r, "s1004", "T05thread:01;"); /* from another address */
    check_rip(r, 0, 0x1008);
    gdb_rig_free(r);
}

static void breakpoints_are_met_before_the_instruction(const char *engine)
{
    struct gdb_rig *r = gdb_rig_new(engine, 1);

    rig_ask(r, "qSupported:swbreak+;hwbreak+",
            "PacketSize=4000;qXfer:features:read+;vContSupported+;QStartNoAckMode+;swbreak+;"
            "hwbreak+");
    rig_send(r, "c");
    rig_wait(r, 50); /* long enough to be translated */
    rig_feed(r, "\x03", 1);
    rig_expect(r, "T02thread:01;");
    rig_ask(r, "Z0,1001,1", "OK");
    rig_ask(r, "c", "T05thread:01;swbreak:;");
    for (unsigned k = 0; k < 100; k++) {
        uint16_t ax = (uint16_t)r->cpus[0]->regs[R_RAX];

        check_rip(r, 0, 0x1001);
        rig_ask(r, k % 2 ? "c" : "vCont;c", "T05thread:01;swbreak:;"); /* once around */
        g_assert_cmphex(r->cpus[0]->regs[R_RAX] & 0xffff, ==, (uint16_t)(ax + 1));
    }
    rig_ask(r, "z0,1001,1", "OK");
    rig_ask(r, "Z1,1008,1", "OK");
    rig_ask(r, "c", "T05thread:01;hwbreak:;");
    check_rip(r, 0, 0x1008);
    rig_ask(r, "z1,1008,1", "OK");
    rig_send(r, "c");
    rig_wait(r, 20);
    rig_feed(r, "\x03", 1);
    rig_expect(r, "T02thread:01;");
    gdb_rig_free(r);
}

static void watchpoints_stop_behind_the_access(const char *engine)
{
    static const struct {
        const char *type;
        unsigned addr, len;
        const char *reply;
        uint64_t rip;
    } rows[] = {
        { "2", RIG_DATA, 2, "T05thread:01;watch:2000;", 0x1004 },
        { "3", RIG_DATA, 2, "T05thread:01;rwatch:2000;", 0x1008 },
        { "4", RIG_DATA, 2, "T05thread:01;awatch:2000;", 0x1004 },
        { "4", RIG_DATA + 1, 1, "T05thread:01;awatch:2001;", 0x1008 }, /* goes on from there */
        { "2", RIG_DATA - 0x1000, 0x2000, "T05thread:01;watch:2000;", 0x1004 },
    };
    struct gdb_rig *r = gdb_rig_new(engine, 1);

    rig_send(r, "c");
    rig_wait(r, 20);
    rig_send(r, "?"); /* stops it, too */
    rig_expect(r, "T02thread:01;");
    rig_expect(r, "T02thread:01;");
    rig_ask(r, "P10=0010000000000000", "OK");
    for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++) {
        g_autofree char *set =
            g_strdup_printf("Z%s,%x,%x", rows[k].type, rows[k].addr, rows[k].len);
        g_autofree char *reset = g_ascii_strdown(set, -1);

        rig_ask(r, set, "OK");
        rig_ask(r, "c", rows[k].reply);
        check_rip(r, 0, rows[k].rip);
        rig_ask(r, reset, "OK");
    }
    gdb_rig_free(r);
}

static void cpus_run_alone_or_together(const char *engine)
{
    struct gdb_rig *r = gdb_rig_new(engine, 2);
    uint64_t bx;

    rig_ask(r, "vCont;s:2", "T05thread:02;");
    check_rip(r, 0, 0x1000);
    check_rip(r, 1, 0x1001);
    rig_ask(r, "qC", "QC02");
    r->cpus[0]->regs[R_RBX] = bx = 0xffff0000;
    rig_ask(r, "Z0,1008,1", "OK");
    rig_ask(r, "vCont;c:2", "T05thread:02;");
    check_rip(r, 1, 0x1008);
    check_rip(r, 0, 0x1000);
    rig_ask(r, "Hc1", "OK");
    rig_ask(r, "c", "T05thread:01;");
    check_rip(r, 0, 0x1008);
    rig_ask(r, "z0,1008,1", "OK");
    rig_send(r, "vCont;s:1;c");
    rig_expect(r, "T05thread:01;");
    check_rip(r, 0, 0x1000);
    rig_send(r, "vCont;c");
    rig_wait(r, 20);
    rig_feed(r, "\x03", 1);
    rig_expect(r, "T02thread:01;");
    gdb_rig_free(r);
}

/* With interrupts it may, which end the wait; meanwhile the client has the last word. */
static void a_halted_cpu_steps_when_it_is_woken(const char *engine)
{
    struct gdb_rig *r = gdb_rig_new(engine, 1);

    r->ram.ram->host[RIG_CODE] = 0xf4; /* HLT */
    rig_ask(r, "s", "T05thread:01;");
    check_rip(r, 0, 0x1001);
    rig_send(r, "s");
    rig_wait(r, 20);
    g_assert_cmpstr(r->got->str, ==, "+");
    rig_feed(r, "\x03", 1);
    rig_expect(r, "T02thread:01;");
    check_rip(r, 0, 0x1001);
    rig_send(r, "s");
    rig_wait(r, 5);
    r->cpus[0]->idt = (struct desc_table){ 0, 0x3ff };
    r->cpus[0]->regs[R_RSP] = 0x7000;
    memcpy(r->ram.ram->host + 8, "\x00\x30\x00\x00", 4); /* the NMI's handler */
    cpu_set_pending(r->cpus[0], PENDING_NMI);
    rig_expect(r, "T05thread:01;");
    check_rip(r, 0, 0x3000);
    gdb_rig_free(r);
}

static void clients_come_and_go(void)
{
    struct gdb_rig *r = gdb_rig_new("tcg", 1);

    rig_ask(r, "Z0,1008,1", "OK");
    rig_ask(r, "D", "OK");
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_RUNNING);
    rig_wait(r, 20);
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_RUNNING); /* no breakpoint is left */
    backend_event(r->c, CHARDEV_CLOSED);
    backend_event(r->c, CHARDEV_OPENED);
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_PAUSED);
    rig_ask(r, "Z0,1008,1", "OK");
    rig_ask(r, "c", "T05thread:01;");
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_DEBUG);
    backend_event(r->c, CHARDEV_CLOSED); /* without a word */
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_RUNNING);
    rig_wait(r, 20);
    backend_event(r->c, CHARDEV_OPENED);
    rig_ask(r, "Z0,3000,1", "OK");
    rig_send(r, "c");
    rig_wait(r, 20);
    backend_event(r->c, CHARDEV_CLOSED); /* while it runs */
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_RUNNING);
    g_assert_cmpuint(r->m->debugger.n_points, ==, 0);
    rig_wait(r, 20);
    machine_set_run_state(r->m, RUN_STATE_PAUSED);
    backend_event(r->c, CHARDEV_OPENED);
    backend_event(r->c, CHARDEV_CLOSED);
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_PAUSED); /* as it was found */
    backend_event(r->c, CHARDEV_OPENED);
    rig_send(r, "k");
    g_assert_cmpint(r->m->shutdown_requested, ==, SHUTDOWN_HOST_MONITOR);
    gdb_rig_free(r);
}

static void monitor_commands_pass_through(void)
{
    struct gdb_rig *r = gdb_rig_new("tcg", 1);

    rig_send(r, "qRcmd,696e666f20737461747573"); /* info status */
    rig_expect(r, "O564d207374617475733a2070617573656420287072656c61756e6368290a616363656c657261746"
                  "f723a207463670a");
    rig_expect(r, "OK");
    rig_send(r, "qRcmd,63"); /* c: behind the client's back */
    rig_expect(r, "OK");
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_RUNNING);
    rig_ask(r, "m1000,1", "40"); /* stops it again */
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_PAUSED);
    gdb_rig_free(r);
}

/* Any bytes, in packets and without them. */
static void hostile_clients_do_no_harm(void)
{
    struct gdb_rig *r = gdb_rig_new("tcg", 2);
    static const char letters[] = "?gGpPmMXcCsSHTDzZqQvk;:,=-0123456789abcdef}*#$\x03";
    g_autoptr(GRand) rnd = g_rand_new_with_seed(7);

    for (unsigned k = 0; k < 20000; k++) {
        char text[40];
        unsigned n = (unsigned)g_rand_int_range(rnd, 0, sizeof(text));

        for (unsigned i = 0; i < n; i++) {
            text[i] = g_rand_int_range(rnd, 0, 20)
                          ? letters[g_rand_int_range(rnd, 0, sizeof(letters) - 1)]
                          : (char)g_rand_int(rnd);
        }
        if (g_rand_boolean(rnd)) {
            rig_send_bytes(r, text, n);
        } else {
            rig_feed(r, text, n);
        }
        machine_iterate(r->m, false);
        g_string_truncate(r->got, 0);
        r->m->shutdown_requested = SHUTDOWN_NONE;
    }
    gdb_rig_free(r);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        engine_test *run;
    } engine_tests[] = {
        { "/gdbstub/steps-are-of-one-instruction", steps_are_of_one_instruction },
        { "/gdbstub/breakpoints-are-met-before", breakpoints_are_met_before_the_instruction },
        { "/gdbstub/watchpoints-stop-behind", watchpoints_stop_behind_the_access },
        { "/gdbstub/cpus-run-alone-or-together", cpus_run_alone_or_together },
        { "/gdbstub/halted-cpus", a_halted_cpu_steps_when_it_is_woken },
    };

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gdbstub/damaged-packets", damaged_packets_are_asked_for_again);
    g_test_add_func("/gdbstub/no-acknowledgments", without_acknowledgments_none_are_sent);
    g_test_add_func("/gdbstub/replies", replies);
    g_test_add_func("/gdbstub/clients-come-and-go", clients_come_and_go);
    g_test_add_func("/gdbstub/monitor-commands", monitor_commands_pass_through);
    g_test_add_func("/gdbstub/hostile-clients", hostile_clients_do_no_harm);
    for (unsigned k = 0; k < G_N_ELEMENTS(engine_tests); k++) {
        g_test_add_data_func(engine_tests[k].name, &engine_tests[k].run, run_under_engines);
    }
    return g_test_run();
}
