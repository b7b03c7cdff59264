/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/memory.c: the tree of memory regions, and its flattening into address spaces.
 *
 * Invariants: siblings are sorted by priority, highest first, the later of equals first;
 *             an address space's sections are sorted, disjoint, and each served by one leaf region.
 * Thread:     under the machine lock.  A commit that changes a flat view swaps it within an
 *             exclusive section, so that vCPUs read views without a lock.
 *
 * Positions are 128 bits wide and signed while flattening: an alias puts the begin of its target below
 * the window, and a region may end at 2^64.
 */
#include <string.h>
#include "softmmu/machine.h"
#include "softmmu/memory.h"

/* Aliases may be nested, not endlessly. */
#define MAX_DEPTH 64

typedef __int128 wide; /* not a struct: a number */

static void init_region(struct mem_region *mr, struct machine *m, const char *name,
                        enum mem_kind kind, uint64_t size)
{
    *mr = (struct mem_region){
        .name = name,
        .kind = kind,
        .machine = m,
        .size = size,
        .enabled = true,
    };
}

void mem_region_init_container(struct mem_region *mr, struct machine *m, const char *name,
                               uint64_t size)
{
    init_region(mr, m, name, MEM_CONTAINER, size);
}

bool mem_region_init_ram(struct mem_region *mr, struct machine *m, const char *name, uint64_t size,
                         GError **error)
{
    init_region(mr, m, name, MEM_RAM, size);
    mr->ram = ram_block_new(m, name, size, error);
    return mr->ram != NULL;
}

void mem_region_init_ram_block(struct mem_region *mr, struct machine *m, struct ram_block *ram)
{
    init_region(mr, m, ram->name, MEM_RAM, ram->size);
    mr->ram = ram;
}

bool mem_region_init_rom(struct mem_region *mr, struct machine *m, const char *name, uint64_t size,
                         GError **error)
{
    init_region(mr, m, name, MEM_ROM, size);
    mr->readonly = true;
    mr->ram = ram_block_new(m, name, size, error);
    return mr->ram != NULL;
}

void mem_region_trap_writes(struct mem_region *rom, const struct mem_ops *ops, void *opaque)
{
    rom->ops = ops;
    rom->opaque = opaque;
}

void mem_region_init_mmio(struct mem_region *mr, struct machine *m, const char *name,
                          const struct mem_ops *ops, void *opaque, uint64_t size)
{
    init_region(mr, m, name, MEM_MMIO, size);
    mr->ops = ops;
    mr->opaque = opaque;
}

void mem_region_init_alias(struct mem_region *mr, struct machine *m, const char *name,
                           struct mem_region *target, uint64_t target_offset, uint64_t size)
{
    init_region(mr, m, name, MEM_ALIAS, size);
    mr->target = target;
    mr->target_offset = target_offset;
}

static void free_retired(struct machine *m)
{
    struct ram_block *ram = m->ram_blocks, *next;

    for (; ram; ram = next) {
        next = ram->next;
        if (ram->retired) {
            ram_block_free(m, ram);
        }
    }
}

void mem_region_destroy(struct mem_region *mr)
{
    if (!mr->machine) {
        return; /* never initialized */
    }
    mem_transaction_begin(mr->machine);
    if (mr->ram && !mr->ram->kept) {
        mr->ram->retired = mr->machine->ram_retired = true;
    }
    mem_region_del(mr);
    while (mr->first_child) {
        mem_region_del(mr->first_child);
    }
    mem_transaction_commit(mr->machine);
    memset(mr, 0, sizeof(*mr));
}

void mem_transaction_begin(struct machine *m)
{
    m->mem_transaction_depth++;
}

static void changed(struct machine *m)
{
    m->mem_changed = true;
}

void mem_region_add(struct mem_region *parent, uint64_t addr, struct mem_region *child,
                    int priority)
{
    struct mem_region **link = &parent->first_child;

    mem_transaction_begin(parent->machine);
    mem_region_del(child);
    child->parent = parent;
    child->addr = addr;
    child->priority = priority;
    while (*link && (*link)->priority > priority) {
        link = &(*link)->next_sibling;
    }
    child->next_sibling = *link;
    *link = child;
    changed(parent->machine);
    mem_transaction_commit(parent->machine);
}

void mem_region_del(struct mem_region *child)
{
    struct mem_region **link;

    if (!child->parent) {
        return;
    }
    mem_transaction_begin(child->machine);
    link = &child->parent->first_child;
    while (*link != child) {
        link = &(*link)->next_sibling;
    }
    *link = child->next_sibling;
    child->parent = child->next_sibling = NULL;
    changed(child->machine);
    mem_transaction_commit(child->machine);
}

void mem_region_set_enabled(struct mem_region *mr, bool enabled)
{
    if (mr->enabled != enabled) {
        mem_transaction_begin(mr->machine);
        mr->enabled = enabled;
        changed(mr->machine);
        mem_transaction_commit(mr->machine);
    }
}

void mem_region_set_addr(struct mem_region *mr, uint64_t addr)
{
    if (mr->addr != addr) {
        mem_transaction_begin(mr->machine);
        mr->addr = addr;
        changed(mr->machine);
        mem_transaction_commit(mr->machine);
    }
}

void mem_region_set_readonly(struct mem_region *mr, bool readonly)
{
    if (mr->readonly != readonly) {
        mem_transaction_begin(mr->machine);
        mr->readonly = readonly;
        changed(mr->machine);
        mem_transaction_commit(mr->machine);
    }
}

void mem_region_set_alias_offset(struct mem_region *mr, uint64_t target_offset)
{
    if (mr->target_offset != target_offset) {
        mem_transaction_begin(mr->machine);
        mr->target_offset = target_offset;
        changed(mr->machine);
        mem_transaction_commit(mr->machine);
    }
}

/* Puts [start, last] of a leaf, which begins at base, where the view has nothing yet. */
static void fill_gaps(GArray *view, const struct mem_region *mr, wide base, uint64_t start,
                      uint64_t last, bool readonly)
{
    unsigned i = 0;

    while (i < view->len && g_array_index(view, struct mem_section, i).last < start) {
        i++;
    }
    for (;;) {
        const struct mem_section *next =
            i < view->len ? &g_array_index(view, struct mem_section, i) : NULL;

        if (!next || start < next->start) {
            uint64_t offset = (uint64_t)((wide)start - base);
            struct mem_section s = {
                .start = start,
                .last = next && next->start <= last ? next->start - 1 : last,
                .mr = (struct mem_region *)mr,
                .offset = offset,
                .ram = mr->ram,
                .ram_offset = mr->ram ? offset : 0,
                .readonly = readonly || mr->readonly || mr->kind == MEM_ROM,
            };

            if (s.last == last) {
                g_array_insert_val(view, i, s);
                return;
            }
            g_array_insert_val(view, i, s);
            i++;
            next = &g_array_index(view, struct mem_section, i);
        }
        if (next->last >= last) {
            return;
        }
        start = next->last + 1;
        i++;
    }
}

/* Renders a region that begins at base, as far as it is within [start, last], below what is there. */
static void flatten(GArray *view, const struct mem_region *mr, wide base, uint64_t start,
                    uint64_t last, bool readonly, int depth)
{
    wide end = base + (mr->size == UINT64_MAX ? (wide)1 << 64 : (wide)mr->size);

    if (!mr->enabled || depth > MAX_DEPTH || end <= start || base > last) {
        return;
    }
    if (base > start) {
        start = (uint64_t)base;
    }
    if (end <= last) {
        last = (uint64_t)(end - 1);
    }
    switch (mr->kind) {
    case MEM_CONTAINER:
        break;
    case MEM_ALIAS:
        flatten(view, mr->target, base - mr->target_offset, start, last, readonly || mr->readonly,
                depth + 1);
        return;
    default:
        fill_gaps(view, mr, base, start, last, readonly);
        return;
    }
    for (const struct mem_region *c = mr->first_child; c; c = c->next_sibling) {
        flatten(view, c, base + c->addr, start, last, readonly || mr->readonly, depth + 1);
    }
}

/* Joins neighbours that continue each other. */
static void merge(GArray *view)
{
    unsigned kept = 0;

    for (unsigned i = 1; i < view->len; i++) {
        struct mem_section *a = &g_array_index(view, struct mem_section, kept);
        const struct mem_section *b = &g_array_index(view, struct mem_section, i);

        if (a->mr == b->mr && a->readonly == b->readonly && a->last + 1 == b->start &&
            a->offset + (b->start - a->start) == b->offset) {
            a->last = b->last;
        } else {
            kept++;
            g_array_index(view, struct mem_section, kept) = *b;
        }
    }
    if (view->len) {
        g_array_set_size(view, kept + 1);
    }
}

static bool same_section(const struct mem_section *a, const struct mem_section *b)
{
    return a->start == b->start && a->last == b->last && a->mr == b->mr && a->offset == b->offset &&
           a->ram == b->ram && a->readonly == b->readonly;
}

static bool same_view(const struct address_space *as, const GArray *view)
{
    if (as->n_sections != view->len) {
        return false;
    }
    for (unsigned i = 0; i < view->len; i++) {
        if (!same_section(&as->sections[i], &g_array_index(view, struct mem_section, i))) {
            return false;
        }
    }
    return true;
}

static GArray *build_view(const struct address_space *as)
{
    GArray *view = g_array_new(FALSE, FALSE, sizeof(struct mem_section));

    flatten(view, as->root, 0, 0, UINT64_MAX, false, 0);
    merge(view);
    return view;
}

static void set_view(struct address_space *as, GArray *view)
{
    g_free(as->sections);
    as->n_sections = view->len;
    as->sections = (struct mem_section *)g_array_free(view, FALSE);
}

static void update_views(struct machine *m)
{
    bool exclusive = false;

    for (struct address_space *as = m->address_spaces; as; as = as->next) {
        GArray *view = build_view(as);

        if (same_view(as, view)) {
            g_array_unref(view);
            continue;
        }
        if (!exclusive) {
            vcpu_exclusive_begin(m);
            exclusive = true;
        }
        set_view(as, view);
        address_space_notify(as);
    }
    if (exclusive) {
        vcpu_exclusive_end(m);
    }
}

void mem_transaction_commit(struct machine *m)
{
    g_assert(m->mem_transaction_depth > 0);
    if (--m->mem_transaction_depth > 0) {
        return;
    }
    if (m->mem_changed) {
        m->mem_changed = false;
        update_views(m);
    }
    if (m->ram_retired && !m->ram_pinned) {
        m->ram_retired = false;
        free_retired(m);
    }
}

void ram_pin(struct machine *m, bool pinned)
{
    m->ram_pinned = pinned;
    mem_transaction_begin(m);
    mem_transaction_commit(m);
}

void address_space_init(struct address_space *as, struct machine *m, struct mem_region *root,
                        const char *name)
{
    *as = (struct address_space){ .name = name, .machine = m, .root = root };
    set_view(as, build_view(as));
    as->next = m->address_spaces;
    m->address_spaces = as;
}

void address_space_destroy(struct address_space *as)
{
    struct address_space **link;

    if (!as->machine) {
        return;
    }
    link = &as->machine->address_spaces;
    while (*link != as) {
        link = &(*link)->next;
    }
    *link = as->next;
    g_free(as->sections);
    memset(as, 0, sizeof(*as));
}

void address_space_add_listener(struct address_space *as, struct mem_listener *l)
{
    l->next = as->listeners;
    as->listeners = l;
    l->changed(l, as);
}

void address_space_notify(struct address_space *as)
{
    for (struct mem_listener *l = as->listeners; l; l = l->next) {
        l->changed(l, as);
    }
}

void address_space_del_listener(struct address_space *as, struct mem_listener *l)
{
    struct mem_listener **link = &as->listeners;

    while (*link && *link != l) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = l->next;
    }
}
