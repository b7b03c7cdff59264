/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/threshold.c: a node that is written beyond a place that clients of QMP have set tells so, once.
 * Thread: `passed` any; the rest the main loop, machine lock held.
 */
#include "block/graph.h"
#include "block/pool.h"
#include "softmmu/event.h"

struct note {
    struct machine *machine;
    char *node_name;
    uint64_t threshold, exceeded;
};

static void tell(void *opaque)
{
    struct note *n = opaque;

    event_emit(n->machine, EVENT_BLOCK_WRITE_THRESHOLD,
               json_pack("{s:s, s:I, s:I}", "node-name", n->node_name, "amount-exceeded",
                         (json_int_t)n->exceeded, "write-threshold", (json_int_t)n->threshold));
    g_free(n->node_name);
    g_free(n);
}

static void passed(void *opaque, const struct block_node *node, uint64_t threshold, uint64_t end)
{
    struct note *n = g_new(struct note, 1);

    *n = (struct note){ opaque, g_strdup(node->node_name), threshold, end - threshold };
    machine_call_soon(opaque, tell, n);
}

void block_thresholds_init(struct block_pool *pool)
{
    block_graph_set_threshold_fn(pool->graph, passed, pool->machine);
}
