/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/throttle.h: groups that share limits of bytes and transfers a second, and the layer `throttle`,
 * whose transfers wait for their group.
 *
 * Each limit is a leaky bucket: it leaks `avg` units a second, and who makes it overflow waits.  Without
 * `max` it holds a tenth of a second's units, with it what `max` gives in `length` seconds; when that is
 * more than one second, a second bucket that leaks `max` units keeps bursts at that rate.
 * Thread: the main one (under the machine lock); transfers on any.
 */
#ifndef BLOCK_THROTTLE_H
#define BLOCK_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "block/options.h"

struct block_backend;
struct block_graph;
struct block_node;

enum throttle_limit { BPS_TOTAL, BPS_READ, BPS_WRITE, IOPS_TOTAL, IOPS_READ, IOPS_WRITE, N_LIMITS };
/* Options of throttling.*: "bps-total", "bps-total-max" ... */
extern const struct block_option_row throttle_rows[];

struct throttle_limits {
    uint64_t avg[N_LIMITS]; /* units a second; 0: no limit */
    uint64_t max[N_LIMITS]; /* 0: no bursts */
    uint64_t length[N_LIMITS];
    uint64_t iops_size; /* bytes that count as one transfer; 0: all do */
};

/*
 * Options "PREFIXbps-total", "...-max", "...-max-length" and "PREFIXiops-size" into *l, which has what is not
 * given.  Other options are left alone.  False and *error: no numbers, or numbers that do not go together.
 */
bool throttle_limits_parse(const struct block_options *o, const char *prefix,
                           struct throttle_limits *l, GError **error);
/* Whether this is the name of such an option. */
bool throttle_limits_name(const char *key, const char *prefix);
bool throttle_limits_check(const struct throttle_limits *l, GError **error);
bool throttle_limits_any(const struct throttle_limits *l);
/* No limits, bursts of a second. */
void throttle_limits_init(struct throttle_limits *l);

/* -object throttle-group,id=ID,x-bps-total=... (or limits.bps-total=...). */
bool throttle_object(struct block_graph *graph, const struct block_options *o, GError **error);

/*
 * throttling.* of a drive: a layer of the group that "group" names, which is made when it is not there, over
 * the node, which is taken over also when that fails.  Limits become the group's.
 */
struct block_node *throttle_over(struct block_node *node, const struct block_options *o,
                                 GError **error);

/* The same of a group by its name, with these limits unless they are none. */
struct block_node *throttle_group_over(struct block_node *node, const char *group,
                                       const struct throttle_limits *l, GError **error);
/* The uppermost throttling layer among those over an image (NULL: there is none), its limits, its group. */
struct block_node *throttle_layer(struct block_node *root);
const char *throttle_layer_get(struct block_node *layer, struct throttle_limits *l);
void throttle_layer_set(struct block_node *layer, const struct throttle_limits *l);
/* While `on`, nobody waits on these layers: a drive is to be idle soon. */
void throttle_hurry(struct block_node *root, bool on);

/* live_graph.c: other limits for the drive's group; a drive without one gets one of its own name. */
bool throttle_set(struct block_backend *blk, const struct throttle_limits *l, GError **error);

/* The graph of the group goes: so does what -object holds of it. */
struct throttle_group;
void throttle_group_leave_graph(struct throttle_group *g);

#endif
