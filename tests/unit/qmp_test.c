/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/qmp_test.c: QMP's sessions: greeting, negotiation, requests, errors, events, clients that come
 * and go or do not read; the schema; arguments against it.
 */
#include "config.h"
#include "monitor/qmp_command.h"
#include "softmmu/event.h"
#include "tests/unit/qmp_rig.h"

#define GREETING                                                                                   \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, "              \
    "\"package\": \"\"}, \"capabilities\": [\"oob\"]}}"
#define GENERIC(desc)    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"" desc "\"}}"
#define NO_COMMAND(desc) "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"" desc "\"}}"
#define RUN(name, args)  "{\"execute\": \"" name "\", \"arguments\": " args "}"

static void a_client_is_greeted_and_negotiates(void)
{
    struct qmp_rig r;

    qmp_rig_init(&r, false);
    qmp_rig_expect(&r, GREETING);
    qmp_rig_write(&r, "{\"execute\": \"query-status\", \"id\": 7}");
    qmp_rig_expect(&r, "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Expecting "
                       "capabilities negotiation with 'qmp_capabilities'\"}, \"id\": 7}");
    qmp_rig_write(&r, RUN("qmp_capabilities", "{\"enable\": [\"foo\"]}"));
    qmp_rig_expect(&r, GENERIC("Parameter 'enable[0]' does not accept value 'foo'"));
    qmp_rig_write(&r, "{\"execute\": \"qmp_capabilities\", \"id\": {\"a\": [1]}}");
    qmp_rig_expect(&r, "{\"return\": {}, \"id\": {\"a\": [1]}}");
    qmp_rig_write(&r, "{\"execute\": \"qmp_capabilities\"}");
    qmp_rig_expect(&r, NO_COMMAND("Capabilities negotiation is already complete, command ignored"));
    qmp_rig_expect(&r, NULL);
    qmp_rig_clear(&r);
}

static void bad_requests_are_answered(void)
{
    static const struct {
        const char *request, *answer;
    } rows[] = {
        { "{\"execute\": \"nope\"}", NO_COMMAND("The command nope has not been found") },
        { "{\"exec-oob\": \"stop\"}", GENERIC("QMP input member 'exec-oob' is unexpected") },
        { RUN("stop", "{\"x\": 1}"), GENERIC("Parameter 'x' is unexpected") },
        { RUN("stop", "3"), GENERIC("QMP input member 'arguments' must be an object") },
        { "{\"execute\": 3}", GENERIC("QMP input member 'execute' must be a string") },
        { "{\"foo\": 1}", GENERIC("QMP input member 'foo' is unexpected") },
        { "{}", GENERIC("QMP input lacks member 'execute'") },
        { "[]", GENERIC("QMP input must be a JSON object") },
        { "3 ", GENERIC("QMP input must be a JSON object") },
        { RUN("human-monitor-command", "{}"), GENERIC("Parameter 'command-line' is missing") },
        { RUN("human-monitor-command", "{\"command-line\": 3}"),
          GENERIC("Invalid parameter type for 'command-line', expected: string") },
        { RUN("human-monitor-command", "{\"command-line\": \"\", \"cpu-index\": 1.5}"),
          GENERIC("Invalid parameter type for 'cpu-index', expected: integer") },
        { RUN("human-monitor-command",
              "{\"command-line\": \"\", \"cpu-index\": 18446744073709551615}"),
          GENERIC("Invalid parameter type for 'cpu-index', expected: integer") },
        { RUN("human-monitor-command", "{\"command-line\": \"\", \"cpu-index\": 5}"),
          GENERIC("Parameter 'cpu-index' expects a CPU number") },
        { RUN("set-action", "{\"reboot\": \"x\"}"),
          GENERIC("Parameter 'reboot' does not accept value 'x'") },
        { "xyz ", GENERIC("JSON parse error, invalid token near 'xyz'") },
        { "{\"a\": \"b\xc3\"}", NULL },
        { "{\"execute\": \"query-na\\u0000me\"}", NULL },
    };
    struct qmp_rig r;

    qmp_rig_init(&r, false);
    qmp_rig_negotiate(&r);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line = NULL;

        qmp_rig_write(&r, rows[i].request);
        line = qmp_rig_line(&r);
        g_test_message("%s: %s", rows[i].request, line);
        if (rows[i].answer) {
            g_assert_cmpstr(line, ==, rows[i].answer);
        }
        g_assert_nonnull(strstr(line, "\"error\""));
        qmp_rig_write(&r, "{'execute': 'query-kvm'}"); /* the session goes on */
        qmp_rig_expect(&r, CONFIG_KVM ? "{\"return\": {\"enabled\": false, \"present\": true}}"
                                      : "{\"return\": {\"enabled\": false, \"present\": false}}");
    }
    qmp_rig_clear(&r);
}

static char *event_name(struct qmp_rig *r)
{
    g_autofree char *line = qmp_rig_line(r);
    json_t *e;
    json_int_t s = 0, us = -1;
    const char *name;
    char *copy;

    if (!line) {
        return NULL;
    }
    e = json_loads(line, 0, NULL);
    g_assert_cmpint(json_unpack(e, "{s:{s:I, s:I}, s:s}", "timestamp", "seconds", &s,
                                "microseconds", &us, "event", &name),
                    ==, 0);
    g_assert_cmpint(s, >, 1600000000);
    g_assert_true(us >= 0 && us < 1000000);
    copy = g_strdup(name);
    json_decref(e);
    return copy;
}

static void expect_event(struct qmp_rig *r, const char *name)
{
    g_autofree char *got = event_name(r);

    g_assert_cmpstr(got, ==, name);
}

static void the_machine_is_run_and_events_tell(void)
{
    static const struct {
        const char *command, *event;
        bool event_first;
    } rows[] = {
        { "cont", "RESUME", true },         { "cont", NULL, false },
        { "stop", "STOP", true },           { "stop", NULL, false },
        { "system_reset", "RESET", false }, { "system_powerdown", "POWERDOWN", false },
        { "quit", "SHUTDOWN", false },
    };
    struct qmp_rig r;

    qmp_rig_init(&r, false);
    machine_set_run_state(r.m, RUN_STATE_RUNNING); /* not for who has not negotiated */
    machine_set_run_state(r.m, RUN_STATE_PAUSED);
    qmp_rig_negotiate(&r);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *request = g_strdup_printf("{\"execute\": \"%s\"}", rows[i].command);

        g_test_message("%s", request);
        qmp_rig_write(&r, request);
        if (rows[i].event_first) {
            expect_event(&r, rows[i].event);
        }
        qmp_rig_expect(&r, "{\"return\": {}}");
        if (rows[i].event && !rows[i].event_first) {
            expect_event(&r, rows[i].event);
        }
        qmp_rig_expect(&r, NULL);
    }
    g_assert_true(r.m->quit);
    qmp_rig_clear(&r);
}

/* What events say of why. */
static void events_carry_causes(void)
{
    static const struct {
        enum shutdown_cause cause;
        bool reset, no_shutdown;
        const char *data[3]; /* what follows "event": */
        bool no_reboot;
    } rows[] = {
        { SHUTDOWN_GUEST_RESET,
          true,
          false,
          { "\"RESET\", \"data\": {\"guest\": true, \"reason\": \"guest-reset\"}}" } },
        { SHUTDOWN_HOST_RESET,
          true,
          false,
          { "\"RESET\", \"data\": {\"guest\": false, \"reason\": \"host-qmp-system-reset\"}}" } },
        { SHUTDOWN_GUEST_SHUTDOWN,
          false,
          true,
          { "\"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": \"guest-shutdown\"}}",
            "\"STOP\"}" } },
        { SHUTDOWN_HOST_RESET,
          true,
          true,
          { "\"SHUTDOWN\", \"data\": {\"guest\": false, \"reason\": \"host-qmp-system-reset\"}}",
            "\"STOP\"}" },
          true },
        { SHUTDOWN_GUEST_RESET,
          true,
          true,
          { "\"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": \"guest-reset\"}}",
            "\"STOP\"}" },
          true },
        { SHUTDOWN_GUEST_PANIC,
          false,
          true,
          { "\"GUEST_PANICKED\", \"data\": {\"action\": \"pause\"}}", "\"STOP\"}" } },
        { SHUTDOWN_GUEST_PANIC,
          false,
          false,
          { "\"GUEST_PANICKED\", \"data\": {\"action\": \"poweroff\"}}",
            "\"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": \"guest-panic\"}}" } },
        { SHUTDOWN_HOST_SIGNAL,
          false,
          true,
          { "\"SHUTDOWN\", \"data\": {\"guest\": false, \"reason\": \"host-signal\"}}" } },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct qmp_rig r;

        qmp_rig_init(&r, false);
        r.m->config.no_shutdown = rows[i].no_shutdown;
        r.m->config.no_reboot = rows[i].no_reboot;
        machine_set_run_state(r.m, RUN_STATE_RUNNING);
        qmp_rig_negotiate(&r);
        if (rows[i].reset) {
            machine_request_reset(r.m, rows[i].cause);
        } else {
            machine_request_shutdown(r.m, rows[i].cause);
        }
        for (unsigned n = 0; n < G_N_ELEMENTS(rows[i].data); n++) {
            g_autofree char *line = qmp_rig_line(&r);
            const char *event = line ? strstr(line, "\"event\": ") : NULL;

            g_assert_cmpstr(event ? event + 9 : NULL, ==, rows[i].data[n]);
        }
        qmp_rig_clear(&r);
    }
}

static void panics_do_what_was_asked(void)
{
    static const struct {
        const char *action, *event;
        bool quits;
        int status;
        enum run_state state;
    } rows[] = {
        { "none", "run", false, 0, RUN_STATE_RUNNING },
        { "pause", "pause", false, 0, RUN_STATE_GUEST_PANICKED },
        { "shutdown", "poweroff", true, 0, RUN_STATE_SHUTDOWN },
        { "exit-failure", "poweroff", true, 1, RUN_STATE_SHUTDOWN },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *ask =
            g_strdup_printf(RUN("set-action", "{\"panic\": \"%s\"}"), rows[i].action);
        g_autofree char *line = NULL;
        struct qmp_rig r;

        qmp_rig_init(&r, false);
        machine_set_run_state(r.m, RUN_STATE_RUNNING);
        qmp_rig_negotiate(&r);
        qmp_rig_write(&r, ask);
        qmp_rig_expect(&r, "{\"return\": {}}");
        machine_request_shutdown(r.m, SHUTDOWN_GUEST_PANIC);
        line = qmp_rig_line(&r);
        g_assert_nonnull(strstr(line, rows[i].event));
        g_assert_cmpint(r.m->quit, ==, rows[i].quits);
        g_assert_cmpint(r.m->exit_status, ==, rows[i].status);
        g_assert_cmpint(r.m->run_state, ==, rows[i].state);
        qmp_rig_clear(&r);
    }
}

static void out_of_band_needs_its_capability(void)
{
    struct qmp_rig r;

    qmp_rig_init(&r, false);
    g_free(qmp_rig_line(&r));
    qmp_rig_write(&r, RUN("qmp_capabilities", "{\"enable\": [\"oob\"]}"));
    qmp_rig_expect(&r, "{\"return\": {}}");
    qmp_rig_write(&r, "{\"exec-oob\": \"query-kvm\", \"id\": 1}");
    qmp_rig_expect(&r,
                   "{\"error\": {\"class\": \"GenericError\", \"desc\": \"The command query-kvm "
                   "does not support OOB\"}, \"id\": 1}");
    qmp_rig_clear(&r);
}

/* The next client begins anew, whatever the last one left. */
static void clients_come_and_go(void)
{
    struct qmp_rig r;

    qmp_rig_init(&r, false);
    for (int i = 0; i < 3; i++) {
        qmp_rig_negotiate(&r);
        qmp_rig_write(&r, "{\"execute\": \"query-st");
        close(r.fd);
        settle(r.m);
        machine_request_powerdown(r.m); /* nobody hears of it */
        settle(r.m);
        qmp_rig_connect(&r);
    }
    qmp_rig_expect(&r, GREETING);
    qmp_rig_expect(&r, NULL);
    qmp_rig_clear(&r);
}

/* Answers wait for who does not read, none is lost or cut, and meanwhile nothing more is run. */
static void slow_readers_lose_nothing(void)
{
    const char *ask = "{\"execute\": \"query-qmp-schema\"}";
    struct qmp_rig r;
    unsigned answers = 0;

    qmp_rig_init(&r, false);
    qmp_rig_negotiate(&r);
    for (unsigned i = 0; i < 200; i++) {
        g_assert_cmpint(send(r.fd, ask, strlen(ask), MSG_DONTWAIT), ==, (ssize_t)strlen(ask));
        settle(r.m);
    }
    for (;;) {
        g_autofree char *line = qmp_rig_line(&r);
        json_t *answer;

        if (!line) {
            break;
        }
        answer = json_loads(line, 0, NULL);
        g_assert_nonnull(answer);
        g_assert_true(json_is_array(json_object_get(answer, "return")));
        json_decref(answer);
        answers++;
    }
    g_assert_cmpuint(answers, ==, 200);
    qmp_rig_clear(&r);
}

static void pretty_sessions_indent(void)
{
    struct qmp_rig r;

    qmp_rig_init(&r, true);
    qmp_rig_expect(&r, "{");
    qmp_rig_expect(&r, "    \"QMP\": {");
    qmp_rig_clear(&r);
}

/* Two sessions, each with its own negotiation. */
static void sessions_are_apart(void)
{
    struct qmp_rig r;
    int fds[2];
    char text[4096];
    ssize_t n;
    g_autofree char *spec = NULL;
    struct qmp_session *other;

    qmp_rig_init(&r, false);
    qmp_rig_negotiate(&r);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    spec = g_strdup_printf("socket,id=x,fd=%d", fds[0]);
    {
        g_autoptr(GPtrArray) opts = parse_options(spec, "backend");
        struct chardev *c = chardev_new_options(r.m, "socket", "x", opts, NULL);

        g_assert_nonnull(c);
        other = qmp_session_new(r.m, c, false, NULL);
        g_assert_null(qmp_session_new(r.m, c, false, NULL)); /* it is taken */
    }
    machine_request_powerdown(r.m);
    settle(r.m);
    n = recv(fds[1], text, sizeof(text) - 1, MSG_DONTWAIT);
    g_assert_cmpint(n, >, 0);
    text[n] = '\0';
    g_assert_cmpstr(text, ==, GREETING "\r\n");
    expect_event(&r, "POWERDOWN");
    qmp_session_free(other);
    close(fds[1]);
    qmp_rig_clear(&r);
}

static void human_commands_answer(void)
{
    struct qmp_rig r;

    qmp_rig_init(&r, false);
    qmp_rig_negotiate(&r);
    qmp_rig_write(&r, RUN("human-monitor-command", "{\"command-line\": \"info status\"}"));
    qmp_rig_expect(&r, "{\"return\": \"VM status: paused (prelaunch)\\r\\n\"}");
    qmp_rig_write(&r, RUN("human-monitor-command", "{\"command-line\": \"log none\"}"));
    qmp_rig_expect(&r, "{\"return\": \"\"}");
    qmp_rig_clear(&r);
}

/* The tables ---------------------------------------------------------------------------------- */

static void check_type(const char *type)
{
    if (type[0] == '[') {
        g_autofree char *element = g_strndup(type + 1, strlen(type) - 2);

        g_assert_true(g_str_has_suffix(type, "]"));
        check_type(element);
        return;
    }
    if (!qmp_builtin_name(type) && !qmp_type_find(type)) {
        g_error("there is no type '%s'", type);
    }
}

static void check_members(const char *text)
{
    struct qmp_member m;

    while (qmp_member_next(&text, &m)) {
        check_type(m.type);
    }
}

static void tables_are_sound(void)
{
    for (const struct qmp_type *t = qmp_types; t->name; t++) {
        const char *text = t->kind == QMP_STRUCT && t->variants ? t->variants : "";
        char value[QMP_NAME_MAX], type[QMP_NAME_MAX];

        g_assert_true(qmp_type_find(t->name) == t);
        if (t->kind == QMP_STRUCT) {
            check_members(t->members);
        }
        g_assert_true(!t->tag == !t->variants);
        while (qmp_variant_next(&text, value, type)) {
            g_assert_nonnull(qmp_type_find(type));
        }
        text = t->kind == QMP_ALTERNATE ? t->members : "";
        while (qmp_word_next(&text, '|', type)) {
            check_type(type);
        }
    }
    for (const struct qmp_command *c = qmp_commands; c->name; c++) {
        g_assert_true(qmp_command_find(c->name) == c);
        if (*c->args && !strchr(c->args, ':')) {
            check_type(c->args);
        } else {
            check_members(c->args);
        }
        if (*c->result) {
            check_type(c->result);
        }
    }
    for (unsigned i = 0; i < EVENT_COUNT; i++) {
        check_members(event_rows[i].members);
    }
}

/* Every name that the schema uses is described once. */
static void the_schema_is_closed(void)
{
    static const char *const links[] = { "arg-type", "ret-type", "element-type", "type" };
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    struct qmp_rig r;
    json_t *answer, *entity, *member;
    size_t i, n;

    qmp_rig_init(&r, false);
    qmp_rig_negotiate(&r);
    answer = qmp_rig_ask(&r, "{\"execute\": \"query-qmp-schema\"}");
    json_array_foreach(json_object_get(answer, "return"), i, entity)
    {
        const char *name = json_string_value(json_object_get(entity, "name"));

        g_assert_true(g_hash_table_add(names, (gpointer)name));
    }
    json_array_foreach(json_object_get(answer, "return"), i, entity)
    {
        json_t *members = json_object_get(entity, "members");

        for (unsigned l = 0; l < G_N_ELEMENTS(links); l++) {
            const char *to = json_string_value(json_object_get(entity, links[l]));

            g_assert_true(!to || g_hash_table_contains(names, to));
        }
        json_array_foreach(members, n, member)
        {
            const char *to = json_string_value(json_object_get(member, "type"));

            g_assert_true(!to || g_hash_table_contains(names, to));
        }
    }
    g_assert_true(g_hash_table_contains(names, "query-status"));
    g_assert_true(g_hash_table_contains(names, "SHUTDOWN"));
    json_decref(answer);
    qmp_rig_clear(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qmp/session/negotiation", a_client_is_greeted_and_negotiates);
    g_test_add_func("/qmp/session/errors", bad_requests_are_answered);
    g_test_add_func("/qmp/session/oob", out_of_band_needs_its_capability);
    g_test_add_func("/qmp/session/reconnect", clients_come_and_go);
    g_test_add_func("/qmp/session/slow", slow_readers_lose_nothing);
    g_test_add_func("/qmp/session/pretty", pretty_sessions_indent);
    g_test_add_func("/qmp/session/several", sessions_are_apart);
    g_test_add_func("/qmp/session/human", human_commands_answer);
    g_test_add_func("/qmp/events/run", the_machine_is_run_and_events_tell);
    g_test_add_func("/qmp/events/causes", events_carry_causes);
    g_test_add_func("/qmp/events/panic", panics_do_what_was_asked);
    g_test_add_func("/qmp/tables", tables_are_sound);
    g_test_add_func("/qmp/schema", the_schema_is_closed);
    return g_test_run();
}
