/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_migration.c: a machine goes to another process, or comes from one.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "block/block.h"
#include "migration/migration.h"
#include "monitor/qmp_command.h"
#include "util/error.h"

/* "fd:NAME": *fd is the descriptor of that name of getfd's, the caller's from now on; else -1. */
static bool take_named_fd(struct qmp_session *s, const char *uri, int *fd, GError **error)
{
    const char *name = g_str_has_prefix(uri, "fd:") ? uri + 3 : "";

    *fd = -1;
    if (!*name || g_ascii_isdigit(*name)) {
        return true;
    }
    *fd = qmp_named_fd(s, name);
    if (*fd < 0) {
        set_error(error, "File descriptor named '%s' has not been found", name);
    }
    return *fd >= 0;
}

bool qmp_migrate(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    static const char *const refused[] = { "blk", "inc", "resume" };
    const char *uri = qmp_str(args, "uri", "");
    int fd;

    (void)result;
    for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
        if (qmp_bool(args, refused[i], false)) {
            set_error(error, "migrate: '%s' is not supported%s", refused[i],
                      i < 2 ? ": use drive-mirror" : "");
            return false;
        }
    }
    return take_named_fd(s, uri, &fd, error) && migration_start(qmp_machine(s), uri, fd, error);
}

bool qmp_migrate_cancel(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)args;
    (void)result;
    (void)error;
    migration_cancel(qmp_machine(s));
    return true;
}

bool qmp_migrate_continue(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *state = qmp_str(args, "state", "");

    (void)result;
    if (strcmp(state, migration_status_names[MIGRATION_PRE_SWITCHOVER]) != 0) {
        set_error(error, "Migration not in expected state: %s", state);
        return false;
    }
    return migration_continue(qmp_machine(s), error);
}

bool qmp_migrate_incoming(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *uri = qmp_str(args, "uri", "");
    int fd;

    (void)result;
    return take_named_fd(s, uri, &fd, error) && migration_incoming(qmp_machine(s), uri, fd, error);
}

static void put_time(json_t *to, const char *name, int64_t ms)
{
    if (ms >= 0) {
        json_object_set_new(to, name, json_integer(ms));
    }
}

static json_t *describe_ram(const struct migration_info *i)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:i, s:I, s:I, s:I, s:f, s:I, s:i, s:i, s:I, s:I, s:I, s:I, s:i, "
        "s:i}",
        "transferred", (json_int_t)i->transferred, "remaining", (json_int_t)i->remaining, "total",
        (json_int_t)i->total, "duplicate", (json_int_t)i->duplicate, "skipped", 0, "normal",
        (json_int_t)i->normal, "normal-bytes", (json_int_t)(i->normal * 4096), "dirty-pages-rate",
        (json_int_t)i->dirty_pages_rate, "mbps", i->mbps, "dirty-sync-count",
        (json_int_t)i->dirty_syncs, "postcopy-requests", 0, "page-size", 4096, "multifd-bytes",
        (json_int_t)i->multifd_bytes, "pages-per-second", (json_int_t)i->pages_per_second,
        "precopy-bytes", (json_int_t)i->precopy_bytes, "downtime-bytes",
        (json_int_t)i->downtime_bytes, "postcopy-bytes", 0, "dirty-sync-missed-zero-copy", 0);
}

bool qmp_query_migrate(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct machine *m = qmp_machine(s);
    g_autoptr(GError) why = NULL;
    struct migration_info i;

    (void)args;
    (void)error;
    migration_query(m, &i);
    *result = json_object();
    if (!block_formats_can_inactivate(m, &why)) {
        json_object_set_new(*result, "blocked-reasons", json_pack("[o]", qmp_text(why->message)));
    }
    if (i.status == MIGRATION_NONE) {
        return true;
    }
    json_object_set_new(*result, "status", json_string(migration_status_names[i.status]));
    put_time(*result, "total-time", i.total_time);
    put_time(*result, "setup-time", i.setup_time);
    put_time(*result, "downtime", i.downtime);
    put_time(*result, "expected-downtime", migration_is_running(m) ? i.expected_downtime : -1);
    if (i.cpu_throttle) {
        json_object_set_new(*result, "cpu-throttle-percentage", json_integer(i.cpu_throttle));
    }
    if (i.error) {
        json_object_set_new(*result, "error-desc", qmp_text(i.error));
    }
    if (i.total) {
        json_object_set_new(*result, "ram", describe_ram(&i));
    }
    return true;
}

bool qmp_migrate_set_capabilities(struct qmp_session *s, json_t *args, json_t **result,
                                  GError **error)
{
    json_t *list = json_object_get(args, "capabilities"), *item;
    size_t n;

    (void)result;
    json_array_foreach(list, n, item)
    {
        if (!migration_set_capability(qmp_machine(s), qmp_str(item, "capability", ""),
                                      qmp_bool(item, "state", false), error)) {
            return false;
        }
    }
    return true;
}

bool qmp_query_migrate_capabilities(struct qmp_session *s, json_t *args, json_t **result,
                                    GError **error)
{
    (void)args;
    (void)error;
    *result = json_array();
    for (unsigned i = 0; migration_capabilities[i].name; i++) {
        json_array_append_new(*result,
                              json_pack("{s:s, s:b}", "capability", migration_capabilities[i].name,
                                        "state", migration_capability(qmp_machine(s), i)));
    }
    return true;
}

bool qmp_migrate_set_parameters(struct qmp_session *s, json_t *args, json_t **result,
                                GError **error)
{
    (void)result;
    for (unsigned i = 0; i < MIGRATION_PARAMETER_COUNT; i++) {
        const char *name = migration_parameters[i].name;
        const json_t *v = json_object_get(args, name);
        uint64_t number = json_is_boolean(v) ? json_is_true(v) : (uint64_t)qmp_int(args, name, 0);

        if (v && !(json_is_string(v) ? migration_set_parameter_text(qmp_machine(s), name,
                                                                    json_string_value(v), error)
                                     : migration_set_parameter(qmp_machine(s), i, number, error))) {
            return false;
        }
    }
    return true;
}

static json_t *describe_parameter(struct machine *m, enum migration_parameter p)
{
    uint64_t v = migration_parameter(m, p);
    g_autofree char *word = NULL;

    switch (migration_parameters[p].kind) {
    case MIGRATION_BOOL:
        return json_boolean(v);
    case MIGRATION_CHOICE:
        word = migration_parameter_word(m, p);
        return json_string(word);
    default:
        return json_integer((json_int_t)v);
    }
}

bool qmp_query_migrate_parameters(struct qmp_session *s, json_t *args, json_t **result,
                                  GError **error)
{
    (void)args;
    (void)error;
    *result = json_object();
    for (unsigned i = 0; i < MIGRATION_PARAMETER_COUNT; i++) {
        json_object_set_new(*result, migration_parameters[i].name,
                            describe_parameter(qmp_machine(s), i));
    }
    return true;
}
