/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/graph.h: what the files of the graph share: names, and protocols by the names of files. */
#ifndef BLOCK_GRAPH_H
#define BLOCK_GRAPH_H

#include "block/driver.h"

/* A write ended there, beyond the node's write_threshold, which is taken away.  Any thread. */
typedef void block_threshold_fn(void *opaque, const struct block_node *node, uint64_t threshold,
                                uint64_t end);
void block_graph_set_threshold_fn(struct block_graph *g, block_threshold_fn *fn, void *opaque);
/* Images are opened inactive: block_start_inactive. */
bool block_graph_is_inactive(const struct block_graph *g);
void block_graph_set_inactive(struct block_graph *g, bool inactive);
/* Images of formats that stay with one machine are not opened for writing: block_only_migratable. */
bool block_graph_is_only_migratable(const struct block_graph *g);
void block_graph_set_only_migratable(struct block_graph *g);
/* Names the node (NULL: by a number).  False and *error: the name is taken, or is none. */
bool block_graph_add(struct block_graph *g, struct block_node *node, const char *name,
                     GError **error);
void block_graph_remove(struct block_node *node);
/* Name: struct throttle_group *, not counted; throttle.c keeps it. */
GHashTable *block_graph_throttle_groups(struct block_graph *g);
/* The format whose images begin so; raw when none does. */
const struct block_driver *block_probe_head(const uint8_t head[BLOCK_PROBE_BYTES],
                                            const char *filename);
/* The protocol that serves a name: `file` for a path. */
const struct block_driver *block_protocol_of(const char *filename);
/* The file that a format is to be made in, writable, without a look at what is in it. */
struct block_node *block_open_protocol(const char *filename, const struct block_open_options *o,
                                       GError **error);

#endif
