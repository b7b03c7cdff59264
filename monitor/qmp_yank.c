/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_yank.c: connections that are cut because whoever is at their other end does not answer any more.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "chardev/chardev.h"
#include "migration/migration.h"
#include "monitor/qmp_block.h"
#include "softmmu/machine.h"

static bool is_socket(const struct chardev *c)
{
    return strcmp(chardev_backend(c), "socket") == 0;
}

bool qmp_query_yank(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct machine *m = qmp_machine(s);
    g_autoptr(GPtrArray) nodes = block_graph_nodes(block_graph_of(m));

    (void)args;
    (void)error;
    *result = json_array();
    for (unsigned i = 0; i < nodes->len; i++) {
        const struct block_node *n = g_ptr_array_index(nodes, i);

        if (n->driver == &block_nbd) {
            json_array_append_new(
                *result, json_pack("{s:s, s:s}", "type", "block-node", "node-name", n->node_name));
        }
    }
    for (unsigned i = 0; i < m->chardevs->len; i++) {
        const struct chardev *c = g_ptr_array_index(m->chardevs, i);

        if (is_socket(c)) {
            json_array_append_new(*result, json_pack("{s:s, s:o}", "type", "chardev", "id",
                                                     qmp_text(chardev_label(c))));
        }
    }
    if (migration_is_running(m)) {
        json_array_append_new(*result, json_pack("{s:s}", "type", "migration"));
    }
    return true;
}

/* `cut`: and is cut.  False: there is none such. */
static bool instance(struct machine *m, const json_t *i, bool cut)
{
    const char *type = qmp_str(i, "type", "");
    struct block_node *node;
    struct chardev *c;

    if (strcmp(type, "block-node") == 0) {
        node = block_graph_find(block_graph_of(m), qmp_str(i, "node-name", ""));
        if (!node || node->driver != &block_nbd) {
            return false;
        }
        if (cut) {
            block_nbd_cut(node);
        }
        return true;
    }
    if (strcmp(type, "chardev") == 0) {
        c = chardev_find(m, qmp_str(i, "id", ""));
        if (!c || !is_socket(c)) {
            return false;
        }
        if (cut) {
            chardev_cut(c);
        }
        return true;
    }
    if (cut) {
        migration_cut(m);
    }
    return migration_is_running(m);
}

/* All of them or none. */
bool qmp_yank(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    json_t *list = json_object_get(args, "instances"), *i;
    size_t n;

    (void)result;
    json_array_foreach(list, n, i)
    {
        if (!instance(qmp_machine(s), i, false)) {
            qmp_set_error(error, QMP_ERROR_DEVICE_NOT_FOUND, "Instance not found");
            return false;
        }
    }
    json_array_foreach(list, n, i)
    {
        instance(qmp_machine(s), i, true);
    }
    return true;
}
