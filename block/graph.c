/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/graph.c: names of nodes, and secrets.  Thread: the main one (under the machine lock). */
#include "block/graph.h"
#include "block/driver.h"
#include "block/throttle.h"
#include "util/error.h"
#include <string.h>

struct block_graph {
    GHashTable *nodes;   /* name: struct block_node *, not counted */
    GHashTable *secrets; /* id: GBytes */
    GHashTable *throttle_groups;
    GPtrArray *kept; /* struct block_node *, one count each, later ones may stand on earlier ones */
    unsigned next_name;
    bool inactive, only_migratable;
    block_threshold_fn *threshold; /* NULL: nobody is told */
    void *threshold_opaque;
};

struct block_graph *block_graph_new(void)
{
    struct block_graph *g = g_new0(struct block_graph, 1);

    g->nodes = g_hash_table_new(g_str_hash, g_str_equal);
    g->kept = g_ptr_array_new();
    g->throttle_groups = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                               (GDestroyNotify)throttle_group_leave_graph);
    g->secrets =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
    return g;
}

void block_graph_free(struct block_graph *g)
{
    if (g) {
        while (g->kept->len) {
            block_node_close(g_ptr_array_index(g->kept, g->kept->len - 1));
            g_ptr_array_set_size(g->kept, (int)g->kept->len - 1);
        }
        g_ptr_array_unref(g->kept);
        g_hash_table_unref(g->nodes);
        g_hash_table_unref(g->secrets);
        g_hash_table_unref(g->throttle_groups);
        g_free(g);
    }
}

struct block_node *block_graph_find(struct block_graph *g, const char *node_name)
{
    return g ? g_hash_table_lookup(g->nodes, node_name) : NULL;
}

void block_graph_set_threshold_fn(struct block_graph *g, block_threshold_fn *fn, void *opaque)
{
    g->threshold = fn;
    g->threshold_opaque = opaque;
}

void block_threshold_passed(struct block_node *node, uint64_t end)
{
    uint64_t threshold = __atomic_exchange_n(&node->write_threshold, 0, __ATOMIC_RELAXED);

    /* Else another thread was faster. */
    if (threshold && end > threshold && node->graph && node->graph->threshold) {
        node->graph->threshold(node->graph->threshold_opaque, node, threshold, end);
    }
}

bool block_graph_is_inactive(const struct block_graph *g)
{
    return g->inactive;
}

void block_graph_set_inactive(struct block_graph *g, bool inactive)
{
    g->inactive = inactive;
}

bool block_graph_is_only_migratable(const struct block_graph *g)
{
    return g && g->only_migratable;
}

void block_graph_set_only_migratable(struct block_graph *g)
{
    g->only_migratable = true;
}

void block_graph_keep(struct block_node *node)
{
    g_ptr_array_add(node->graph->kept, node);
}

bool block_graph_unkeep(struct block_node *node, GError **error)
{
    GPtrArray *kept = node->graph->kept;

    if (!g_ptr_array_find(kept, node, NULL)) {
        set_error(error, "Node '%s' is not owned by the monitor", node->node_name);
        return false;
    }
    if (node->refs > 1) {
        set_error(error, "Node %s is in use", node->node_name);
        return false;
    }
    g_ptr_array_remove(kept, node);
    block_node_close(node);
    return true;
}

static int by_name(gconstpointer a, gconstpointer b)
{
    const struct block_node *x = *(struct block_node *const *)a;
    const struct block_node *y = *(struct block_node *const *)b;

    return strcmp(x->node_name, y->node_name);
}

GPtrArray *block_graph_nodes(struct block_graph *g)
{
    GPtrArray *nodes = g_ptr_array_new();
    GHashTableIter it;
    gpointer node;

    g_hash_table_iter_init(&it, g->nodes);
    while (g_hash_table_iter_next(&it, NULL, &node)) {
        g_ptr_array_add(nodes, node);
    }
    g_ptr_array_sort(nodes, by_name);
    return nodes;
}

bool block_set_active_nothing(struct block_node *node, bool active, GError **error)
{
    (void)node;
    (void)active;
    (void)error;
    return true;
}

/* What QEMU takes as an id: a letter, then letters, digits and "-._". */
static bool is_id(const char *name)
{
    if (!g_ascii_isalpha(name[0])) {
        return false;
    }
    for (; *name; name++) {
        if (!g_ascii_isalnum(*name) && *name != '-' && *name != '.' && *name != '_') {
            return false;
        }
    }
    return true;
}

bool block_graph_add(struct block_graph *g, struct block_node *node, const char *name,
                     GError **error)
{
    if (name && !is_id(name)) {
        set_error(error, "Invalid node-name: '%s' (a letter, then letters, digits, '-', '.', '_')",
                  name);
        return false;
    }
    if (name && block_graph_find(g, name)) {
        set_error(error, "Duplicate nodes with node-name='%s'", name);
        return false;
    }
    node->graph = g;
    node->node_name = name ? g_strdup(name) : g_strdup_printf("#block%u", g ? g->next_name++ : 0);
    if (g) {
        g_hash_table_insert(g->nodes, node->node_name, node);
    }
    return true;
}

void block_graph_remove(struct block_node *node)
{
    if (node->graph && node->node_name) {
        g_hash_table_remove(node->graph->nodes, node->node_name);
    }
    node->graph = NULL;
}

GHashTable *block_graph_throttle_groups(struct block_graph *g)
{
    return g->throttle_groups;
}

void block_graph_add_secret(struct block_graph *g, const char *id, const void *data, size_t len)
{
    g_hash_table_replace(g->secrets, g_strdup(id), g_bytes_new(data, len));
}

void block_graph_del_secret(struct block_graph *g, const char *id)
{
    g_hash_table_remove(g->secrets, id);
}

const void *block_graph_secret(struct block_graph *g, const char *id, size_t *len)
{
    GBytes *bytes = g ? g_hash_table_lookup(g->secrets, id) : NULL;

    return bytes ? g_bytes_get_data(bytes, len) : NULL;
}
