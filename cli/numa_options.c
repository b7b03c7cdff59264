/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/numa_options.c: -numa: which CPUs and which part of RAM are near each other.  The texts are kept until
 * all options are known, for -smp says how many CPUs there are.
 * Thread: the program's first; numa_setup with the machine lock held.
 */
#include <inttypes.h>
#include <string.h>
#include "cli/options.h"
#include "softmmu/machine.h"
#include "softmmu/memory_backend.h"
#include "util/error.h"
#include "util/text.h"

#define NO_NODE        0xff /* of a CPU */
#define LOCAL_DISTANCE 10u
#define FAR_DISTANCE   20u

/* Where the texts go. */
struct numa_parse {
    struct numa_config *config;
    unsigned cpus, max_cpus;
    struct cpu_topology topology;
    bool present[NUMA_NODES];
    unsigned next; /* the number of a node that has none */
};

bool option_numa(struct options *o, const char *arg, GError **error)
{
    (void)error;
    g_ptr_array_add(o->numas, g_strdup(arg));
    return true;
}

static bool parse_number(const GPtrArray *opts, const char *key, uint64_t max, uint64_t *v,
                         GError **error)
{
    const char *text = options_get(opts, key);

    if (!text || !parse_uint(text, 0, max, v)) {
        set_error(error, "%s is '%s', must be 0 to %" PRIu64, key, text ? text : "", max);
        return false;
    }
    return true;
}

static bool check_keys(const GPtrArray *opts, const char *const *known, GError **error)
{
    g_autofree char *all = g_strjoinv(", ", (char **)known);

    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (strcmp(p->key, "type") != 0 && !g_strv_contains(known, p->key)) {
            set_error(error, "Invalid parameter '%s'; it takes: %s", p->key, all);
            return false;
        }
    }
    return true;
}

static bool set_cpu(struct numa_parse *n, uint64_t cpu, uint64_t node, GError **error)
{
    uint8_t *at;

    if (cpu >= n->max_cpus) {
        set_error(error, "CPU index (%" PRIu64 ") should be smaller than maxcpus (%u)", cpu,
                  n->max_cpus);
        return false;
    }
    at = &n->config->cpu_node[cpu];
    if (*at != NO_NODE && *at != node) {
        set_error(error, "CPU %" PRIu64 " is already assigned to node-id: %u", cpu, *at);
        return false;
    }
    *at = (uint8_t)node;
    return true;
}

/* "N" or "N-M"; a node has as many as are given. */
static bool set_cpus(struct numa_parse *n, const char *text, uint64_t node, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, "-", 2);
    uint64_t first, last;

    if (!parts[0] || !parse_uint(parts[0], 0, UINT16_MAX, &first) ||
        !parse_uint(parts[1] ? parts[1] : parts[0], first, UINT16_MAX, &last)) {
        set_error(error, "cpus is '%s', must be a CPU's index or a range N-M", text);
        return false;
    }
    for (uint64_t i = first; i <= last; i++) {
        if (!set_cpu(n, i, node, error)) {
            return false;
        }
    }
    return true;
}

static bool add_node(struct numa_parse *n, const GPtrArray *opts, GError **error)
{
    static const char *const keys[] = { "nodeid", "cpus", "mem", "memdev", NULL };
    const char *mem = options_get(opts, "mem"), *memdev = options_get(opts, "memdev");
    uint64_t id = n->next;
    struct numa_node *node;

    if (options_get(opts, "initiator")) {
        set_error(error, "initiator= is not supported: there is no HMAT");
        return false;
    }
    if (!check_keys(opts, keys, error) ||
        (options_get(opts, "nodeid") &&
         !parse_number(opts, "nodeid", NUMA_NODES - 1, &id, error))) {
        return false;
    }
    if (id >= NUMA_NODES || n->present[id]) {
        set_error(error,
                  id < NUMA_NODES ? "Duplicate NUMA nodeid: %" PRIu64
                                  : "there are more nodes than %" PRIu64,
                  id);
        return false;
    }
    node = &n->config->nodes[id];
    if (mem && memdev) {
        set_error(error, "cannot specify both mem= and memdev=");
        return false;
    }
    if (mem && !parse_size(mem, 1u << 20, &node->mem)) {
        set_error(error, "mem is '%s', must be a number of MiB or have a suffix: 512M", mem);
        return false;
    }
    node->memdev = g_strdup(memdev);
    n->present[id] = true;
    n->config->n_nodes = MAX(n->config->n_nodes, (unsigned)id + 1);
    for (n->next = 0; n->next < NUMA_NODES && n->present[n->next]; n->next++) {
    }
    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (strcmp(p->key, "cpus") == 0 && !set_cpus(n, p->value, id, error)) {
            return false;
        }
    }
    return true;
}

/* All CPUs of a socket, a die, a core, or one thread. */
static bool add_cpu(struct numa_parse *n, const GPtrArray *opts, GError **error)
{
    static const char *const keys[] = { "node-id", "socket-id", "die-id",
                                        "core-id", "thread-id", NULL };
    const struct cpu_topology *t = &n->topology;
    const unsigned counts[] = { t->sockets, t->dies, t->cores, t->threads };
    uint64_t node, wanted[4];
    bool any = false;

    if (!check_keys(opts, keys, error) ||
        !parse_number(opts, "node-id", NUMA_NODES - 1, &node, error)) {
        return false;
    }
    if (!n->present[node]) {
        set_error(error,
                  "Invalid node-id=%" PRIu64 ", NUMA node must be defined with -numa node,"
                  "nodeid=ID before it's used with -numa cpu,node-id=ID",
                  node);
        return false;
    }
    for (unsigned i = 0; i < 4; i++) {
        wanted[i] = UINT64_MAX;
        if (options_get(opts, keys[i + 1]) &&
            !parse_number(opts, keys[i + 1], counts[i] - 1, &wanted[i], error)) {
            return false;
        }
    }
    for (unsigned cpu = 0; cpu < n->max_cpus; cpu++) {
        const unsigned at[] = { cpu / (t->threads * t->cores * t->dies),
                                cpu / (t->threads * t->cores) % t->dies,
                                cpu / t->threads % t->cores, cpu % t->threads };
        bool is = true;

        for (unsigned i = 0; i < 4; i++) {
            is = is && (wanted[i] == UINT64_MAX || wanted[i] == at[i]);
        }
        if (is && !set_cpu(n, cpu, node, error)) {
            return false;
        }
        any |= is;
    }
    if (!any) {
        set_error(error, "no match found: there is no such CPU");
    }
    return any;
}

static bool add_distance(struct numa_parse *n, const GPtrArray *opts, GError **error)
{
    static const char *const keys[] = { "src", "dst", "val", NULL };
    uint64_t src, dst, val;

    if (!check_keys(opts, keys, error) || !parse_number(opts, "src", NUMA_NODES - 1, &src, error) ||
        !parse_number(opts, "dst", NUMA_NODES - 1, &dst, error) ||
        !parse_number(opts, "val", 255, &val, error)) {
        return false;
    }
    if (!n->present[src] || !n->present[dst]) {
        set_error(error,
                  "Source/Destination NUMA node is missing. Please use '-numa node' option to "
                  "declare it first.");
        return false;
    }
    if (val < LOCAL_DISTANCE || (src == dst && val != LOCAL_DISTANCE)) {
        set_error(error, "NUMA distance (%" PRIu64 ") is invalid, it should be %s%u", val,
                  src == dst ? "for a node itself " : "at least ", LOCAL_DISTANCE);
        return false;
    }
    n->config->distance[src][dst] = (uint8_t)val;
    n->config->has_distances = true;
    return true;
}

static const struct numa_type {
    const char *name;
    bool (*add)(struct numa_parse *n, const GPtrArray *opts, GError **error); /* NULL: refused */
} types[] = {
    { "node", add_node }, { "dist", add_distance }, { "cpu", add_cpu },
    { "hmat-lb", NULL },  { "hmat-cache", NULL },
};

static bool parse_one(struct numa_parse *n, const char *text, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(text, "type");
    const char *type = options_get(opts, "type");

    for (unsigned i = 0; type && i < G_N_ELEMENTS(types); i++) {
        if (strcmp(types[i].name, type) != 0) {
            continue;
        }
        if (!types[i].add) {
            set_error(error, "%s is not supported: there is no HMAT", type);
            return false;
        }
        return types[i].add(n, opts, error);
    }
    set_error(error, "the type is '%s', must be node, dist or cpu", type ? type : "");
    return false;
}

/* By socket, as QEMU does where nothing is said. */
static void default_cpus(struct options *o, struct numa_parse *n)
{
    g_autoptr(GString) missing = g_string_new(NULL);
    const struct cpu_topology *t = &n->topology;
    bool given = false;

    for (unsigned i = 0; i < n->max_cpus; i++) {
        given |= n->config->cpu_node[i] != NO_NODE;
    }
    for (unsigned i = 0; i < n->max_cpus; i++) {
        if (n->config->cpu_node[i] != NO_NODE) {
            continue;
        }
        n->config->cpu_node[i] =
            given ? 0 : (uint8_t)(i / (t->threads * t->cores * t->dies) % n->config->n_nodes);
        if (given) {
            g_string_append_printf(missing, "%s%u", missing->len ? ", " : "", i);
        }
    }
    if (missing->len) {
        options_warn(o, "CPU(s) not present in any NUMA nodes: CPU %s: they are on node 0",
                     missing->str);
    }
}

/* What is not given is as far as the way back, else 20. */
static bool complete_distances(struct numa_config *c, GError **error)
{
    bool asymmetric = false;

    for (unsigned i = 0; i < c->n_nodes && c->has_distances; i++) {
        for (unsigned k = 0; k < c->n_nodes; k++) {
            uint8_t there = c->distance[i][k], back = c->distance[k][i];

            asymmetric |= there && back && there != back;
            if (i != k && !there && !back) {
                set_error(error,
                          "-numa: The distance between node %u and %u is missing, at least one "
                          "distance value between each nodes should be provided.",
                          i, k);
                return false;
            }
        }
    }
    for (unsigned i = 0; i < c->n_nodes; i++) {
        for (unsigned k = 0; k < c->n_nodes; k++) {
            uint8_t *at = &c->distance[i][k];

            if (i != k && !*at && asymmetric) {
                set_error(error,
                          "-numa: At least one asymmetrical pair of distances is given, please "
                          "provide distances for both directions of all node pairs.");
                return false;
            }
            *at = i == k              ? LOCAL_DISTANCE
                  : *at               ? *at
                  : c->distance[k][i] ? c->distance[k][i]
                                      : FAR_DISTANCE;
        }
    }
    return true;
}

static void finish_topology(const struct options *o, struct numa_parse *n)
{
    n->max_cpus = MAX(o->cpus, o->topology.max_cpus);
    n->topology = o->topology;
    n->topology.dies = MAX(n->topology.dies, 1);
    n->topology.threads = MAX(n->topology.threads, 1);
    n->topology.cores = n->topology.cores ? n->topology.cores : n->max_cpus;
    n->topology.sockets = MAX(n->topology.sockets, 1);
}

bool numa_options_finish(struct options *o, GError **error)
{
    struct numa_parse n = { .config = &o->numa };

    if (o->numas->len == 0) {
        return true;
    }
    finish_topology(o, &n);
    memset(o->numa.cpu_node, NO_NODE, sizeof(o->numa.cpu_node));
    for (unsigned i = 0; i < o->numas->len; i++) {
        const char *text = g_ptr_array_index(o->numas, i);

        if (!parse_one(&n, text, error)) {
            g_prefix_error(error, "-numa %s: ", text);
            return false;
        }
    }
    for (unsigned i = 0; i < o->numa.n_nodes; i++) {
        if (!n.present[i]) {
            set_error(error, "-numa: numa: Node ID missing: %u", i);
            return false;
        }
    }
    if (o->numa.n_nodes == 0) {
        set_error(error, "-numa: no node is there: -numa node,... is missing");
        return false;
    }
    default_cpus(o, &n);
    return complete_distances(&o->numa, error);
}

/* Either every node with memory names a backend, or none does; together they are the machine's memory. */
bool numa_setup(struct machine *m, const struct options *o, GError **error)
{
    struct numa_config *c = &m->config.numa;
    uint64_t total = 0;
    bool plain = false, named = false;

    *c = o->numa;
    for (unsigned i = 0; i < c->n_nodes; i++) {
        struct numa_node *n = &c->nodes[i];

        n->memdev = g_strdup(n->memdev);
    }
    for (unsigned i = 0; i < c->n_nodes; i++) {
        struct numa_node *n = &c->nodes[i];
        const struct memory_backend *b = n->memdev ? memory_backend_find(m, n->memdev) : NULL;

        if (n->memdev && !b) {
            set_error(error,
                      "-numa node,memdev=: there is no -object memory-backend-... with id '%s'",
                      n->memdev);
            return false;
        }
        n->mem = b ? b->options.size : n->mem;
        plain |= n->mem && !b;
        named |= b != NULL;
        total += n->mem;
    }
    if (plain && named) {
        set_error(error,
                  "-numa: numa configuration should use either mem= or memdev=, mixing both is "
                  "not allowed");
        return false;
    }
    if (c->n_nodes && total != m->config.ram_size) {
        set_error(error,
                  "-numa: total memory for NUMA nodes (0x%" PRIx64
                  ") should equal RAM size (0x%" PRIx64 ")",
                  total, m->config.ram_size);
        return false;
    }
    return true;
}
