/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/mem_print.c: `info mtree`: the tree of each address space's root, or the flat views.
 * Thread: under the machine lock.
 */
#include <inttypes.h>
#include "softmmu/machine.h"
#include "softmmu/memory.h"

#define MAX_DEPTH 64

static const char *kind_name(const struct mem_region *mr, bool readonly)
{
    static const char *const names[] = {
        [MEM_CONTAINER] = "container", [MEM_RAM] = "ram", [MEM_ROM] = "rom", [MEM_MMIO] = "i/o",
        [MEM_ALIAS] = "alias",
    };

    return mr->kind == MEM_RAM && readonly ? "rom" : names[mr->kind];
}

static void print_region(const struct mem_region *mr, uint64_t base, unsigned depth, bool disabled,
                         GString *out)
{
    uint64_t last = mr->size == UINT64_MAX ? UINT64_MAX : base + mr->size - 1;

    if (!mr->enabled && !disabled) {
        return;
    }
    g_string_append_printf(out, "%*s%016" PRIx64 "-%016" PRIx64 " (prio %d, %s): %s", depth * 2, "",
                           base, last, mr->priority, kind_name(mr, mr->readonly), mr->name);
    if (mr->kind == MEM_ALIAS) {
        g_string_append_printf(out, " -> %s @%016" PRIx64 "%s", mr->target->name, mr->target_offset,
                               mr->readonly ? " read-only" : "");
    }
    g_string_append(out, mr->enabled ? "\n" : " [disabled]\n");
    if (depth < MAX_DEPTH) {
        for (const struct mem_region *c = mr->first_child; c; c = c->next_sibling) {
            print_region(c, base + c->addr, depth + 1, disabled, out);
        }
    }
}

static void print_view(const struct address_space *as, GString *out)
{
    g_string_append_printf(out, "flat view of %s\n", as->name);
    for (unsigned i = 0; i < as->n_sections; i++) {
        const struct mem_section *s = &as->sections[i];

        g_string_append_printf(out, "  %016" PRIx64 "-%016" PRIx64 " (%s): %s @%016" PRIx64 "\n",
                               s->start, s->last, kind_name(s->mr, s->readonly), s->mr->name,
                               s->offset);
    }
}

void mem_print_tree(struct machine *m, bool disabled, GString *out)
{
    for (const struct address_space *as = m->address_spaces; as; as = as->next) {
        g_string_append_printf(out, "address-space: %s\n", as->name);
        print_region(as->root, 0, 1, disabled, out);
        g_string_append_c(out, '\n');
    }
}

void mem_print_flat(struct machine *m, GString *out)
{
    for (const struct address_space *as = m->address_spaces; as; as = as->next) {
        print_view(as, out);
        g_string_append_c(out, '\n');
    }
}
