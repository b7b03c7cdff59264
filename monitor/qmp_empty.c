/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_empty.c: questions about what this machine seldom or never has: the answer that says so.
 * Thread: main loop.
 */
#include "hw/misc/vmgenid.h"
#include "monitor/qmp_command.h"
#include "softmmu/machine.h"
#include "util/error.h"

/* A list of none. */
bool qmp_query_none(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)s;
    (void)args;
    (void)error;
    *result = json_array();
    return true;
}

bool qmp_query_vm_generation_id(struct qmp_session *s, json_t *args, json_t **result,
                                GError **error)
{
    const struct vmgenid *gen = vmgenid_find(qmp_machine(s));
    g_autofree char *text = gen ? vmgenid_text(gen) : NULL;

    (void)args;
    if (!gen) {
        set_error(error, "VM Generation ID device not found");
        return false;
    }
    *result = json_pack("{s:s}", "guid", text);
    return true;
}

bool qmp_query_command_line_options(struct qmp_session *s, json_t *args, json_t **result,
                                    GError **error)
{
    const struct machine *m = qmp_machine(s);
    const char *only = qmp_str(args, "option", NULL);

    *result = m->describe_options ? m->describe_options(only) : json_array();
    if (only && json_array_size(*result) == 0) {
        json_decref(*result);
        *result = NULL;
        set_error(error, "invalid option name: %s", only);
        return false;
    }
    return true;
}
