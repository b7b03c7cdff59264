/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/active.c: images that go from one machine to another which has the same files: the one flushes and lets go,
 * then the other reads what there is anew.
 *
 * Invariant: an inactive node is read_only, and so are its `file` and `data_file`.
 * Thread:    the main loop, machine lock held, while no transfer runs.
 */
#include "block/graph.h"
#include "softmmu/machine.h"
#include "util/error.h"

bool block_activate(struct block_node *node, GError **error)
{
    if (!node->inactive) {
        return true;
    }
    if ((node->file && !block_activate(node->file, error)) ||
        (node->data_file && !block_activate(node->data_file, error))) {
        return false;
    }
    node->read_only = node->inactive = false;
    if (node->driver->set_active && !node->driver->set_active(node, true, error)) {
        node->read_only = node->inactive = true;
        return false;
    }
    return true;
}

static bool inactivate(struct block_node *node, GError **error)
{
    if (node->read_only) {
        return true; /* or inactive */
    }
    if (node->driver->set_active && !node->driver->set_active(node, false, error)) {
        return false;
    }
    node->read_only = node->inactive = true;
    return (!node->file || inactivate(node->file, error)) &&
           (!node->data_file || inactivate(node->data_file, error));
}

/* Is the node on top, so that nobody's cache is above it? */
static bool is_child(const GPtrArray *nodes, const struct block_node *node)
{
    for (unsigned i = 0; i < nodes->len; i++) {
        const struct block_node *n = g_ptr_array_index(nodes, i);

        if (n->file == node || n->data_file == node) {
            return true;
        }
    }
    return false;
}

bool block_activate_all(struct machine *m, GError **error)
{
    struct block_graph *g = block_graph_of(m);
    g_autoptr(GPtrArray) nodes = block_graph_nodes(g);

    block_exports_quiesce(m);
    block_graph_set_inactive(g, false);
    for (unsigned i = 0; i < nodes->len; i++) {
        if (!block_activate(g_ptr_array_index(nodes, i), error)) {
            return false;
        }
    }
    return true;
}

bool block_inactivate_all(struct machine *m, GError **error)
{
    g_autoptr(GPtrArray) nodes = block_graph_nodes(block_graph_of(m));

    block_exports_quiesce(m);
    for (unsigned i = 0; i < nodes->len; i++) {
        struct block_node *node = g_ptr_array_index(nodes, i);

        if (!is_child(nodes, node) && !inactivate(node, error)) {
            (void)block_activate_all(m, NULL);
            return false;
        }
    }
    return true;
}

bool block_can_inactivate(struct machine *m, GError **error)
{
    struct block_backend *blk;

    for (unsigned i = 0; (blk = block_backend_nth(m, i)); i++) {
        if (blk->job) {
            set_error(error, "Device '%s' has a job: wait for its end, or block_job_cancel it",
                      blk->id);
            return false;
        }
    }
    return block_formats_can_inactivate(m, error);
}

bool block_formats_can_inactivate(struct machine *m, GError **error)
{
    g_autoptr(GPtrArray) nodes = block_graph_nodes(block_graph_of(m));

    for (unsigned i = 0; i < nodes->len; i++) {
        const struct block_node *node = g_ptr_array_index(nodes, i);

        if (!node->read_only && !node->driver->set_active) {
            set_error(error, "The %s format used by node '%s' does not support live migration",
                      node->driver->name, node->node_name);
            return false;
        }
    }
    return true;
}

void block_only_migratable(struct machine *m)
{
    block_graph_set_only_migratable(block_graph_of(m));
}

void block_start_inactive(struct machine *m)
{
    block_graph_set_inactive(block_graph_of(m), true);
}
