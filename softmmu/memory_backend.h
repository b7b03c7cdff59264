/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/memory_backend.h: -object memory-backend-ram, -file and -memfd: host memory with an id, from which
 * guest RAM is made.
 *
 * Invariants: a backend's block lives until the backend is deleted, which a backend in use is not;
 *             at most one region has it.
 * Thread:     machine lock held.
 */
#ifndef SOFTMMU_MEMORY_BACKEND_H
#define SOFTMMU_MEMORY_BACKEND_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include "softmmu/memory.h"

struct machine;

enum memory_backend_kind { MEMORY_BACKEND_RAM, MEMORY_BACKEND_FILE, MEMORY_BACKEND_MEMFD };
/* In the order of the kernel's MPOL_ values. */
enum memory_policy { MEMORY_DEFAULT, MEMORY_PREFERRED, MEMORY_BIND, MEMORY_INTERLEAVE };
extern const char *const memory_policy_names[]; /* "default", "preferred", "bind", "interleave" */

#define MEMORY_HOST_NODES 1024u

/* What the options say; the backend keeps a copy. */
struct memory_backend_options {
    enum memory_backend_kind kind;
    uint64_t size, align; /* bytes; align: 0 or a power of two */
    const char *path;     /* FILE: a file, or a folder for one without a name */
    bool share, prealloc, reserve, merge, dump;
    unsigned prealloc_threads; /* at least 1 */
    bool discard_data;         /* FILE: what it holds is worth nothing at the end */
    bool hugetlb, seal;        /* MEMFD */
    uint64_t hugetlb_size;     /* bytes; 0: the host's default */
    enum memory_policy policy;
    uint64_t host_nodes[MEMORY_HOST_NODES / 64];
};

struct memory_backend {
    char *id;
    struct memory_backend_options options; /* path is NULL */
    struct ram_block *ram;
    int fd;                   /* what `ram` maps; -1: nothing has a name for it */
    bool used;                /* guest RAM is made of it */
    struct mem_region region; /* of a part of the board's RAM */
};

/* Makes it and its memory; lists it in the machine.  NULL and *error: the host does not give it. */
struct memory_backend *memory_backend_new(struct machine *m, const char *id,
                                          const struct memory_backend_options *options,
                                          GError **error);
struct memory_backend *memory_backend_find(struct machine *m, const char *id);
/* False and *error: it is in use. */
bool memory_backend_delete(struct machine *m, struct memory_backend *b, GError **error);
void memory_backends_free(struct machine *m); /* the machine ends */

/*
 * The board's RAM: what -machine memory-backend= or -numa memdev= name, or memory of its own with this name.
 * `size` bytes, whole pages; it fits what was named (memory_config_check).
 */
bool memory_init_board_ram(struct machine *m, struct mem_region *mr, const char *name,
                           uint64_t size, GError **error);

#endif
