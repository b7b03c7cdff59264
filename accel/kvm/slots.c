/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/slots.c: the kernel's memory slots follow the flat views of the machine's address spaces, and pages that
 * the guest wrote to are asked for.
 *
 * A slot is a run of whole pages of one RAM block.  What is no RAM, or only a part of a page, has none: accesses to it
 * leave the guest and go through the address space.  Writes to slots of ROM do, too.
 *
 * While the A20 gate is closed, each odd MiB below A20_END shows the even one below it.
 *
 * Dirty pages are logged from the first time that somebody collects them on, in all slots of the block: what was
 * written before counts as all.  A slot that goes hands its log over first.
 *
 * Invariants: a space's slots are sorted and disjoint, each with a number of its own.
 * Thread:     machine lock held; changes and collections in an exclusive section, no vCPU in KVM_RUN.
 * Source:     Linux, Documentation/virt/kvm/api.rst, 4.35, 4.8.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "accel/kvm/internal.h"
#include "util/error.h"
#include "util/log.h"

#define MIB      (1ull << 20)
#define A20_BIT  MIB
#define A20_END  (64 * MIB)
#define SLOT_MAX (1ull << 40) /* bytes: the kernel takes less than 2^31 pages */

static const uint8_t all_dirty = RAM_PAGE_DISPLAY | RAM_PAGE_MIGRATE;

static uint8_t *slot_host(const struct kvm_slot *s)
{
    return s->ram->host + s->ram_offset;
}

static int set_region(struct kvm_slots *l, const struct kvm_slot *s, uint64_t size)
{
    struct kvm_userspace_memory_region region = {
        .slot = s->id | l->space << 16,
        .flags = (s->readonly ? KVM_MEM_READONLY : 0) | (s->logged ? KVM_MEM_LOG_DIRTY_PAGES : 0),
        .guest_phys_addr = s->start,
        .memory_size = size,
        .userspace_addr = (uintptr_t)slot_host(s),
    };

    return kvm_vm_ioctl(l->kvm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* Dirty pages --------------------------------------------------------------------------------- */

static void mark(struct kvm_slot *s, uint64_t page)
{
    uint8_t *flags = &s->ram->page_flags[(s->ram_offset >> GUEST_PAGE_BITS) + page];

    __atomic_fetch_or(flags, all_dirty, __ATOMIC_RELAXED);
}

static void mark_all(struct kvm_slot *s)
{
    for (uint64_t page = 0; page < s->size >> GUEST_PAGE_BITS; page++) {
        mark(s, page);
    }
}

/* The kernel's log of a slot to the pages' flags; it begins again. */
static void read_log(struct kvm_slots *l, struct kvm_slot *s)
{
    uint64_t pages = s->size >> GUEST_PAGE_BITS, words = (pages + 63) / 64;
    g_autofree uint64_t *bitmap = g_new0(uint64_t, words);
    struct kvm_dirty_log log = { .slot = s->id | l->space << 16, .dirty_bitmap = bitmap };

    if (l->kvm->ring_size) {
        kvm_ring_collect(l->kvm); /* of all slots */
        return;
    }
    if (kvm_vm_ioctl(l->kvm, KVM_GET_DIRTY_LOG, &log) < 0) {
        mark_all(s); /* no page that was written may be missed */
        return;
    }
    for (uint64_t w = 0; w < words; w++) {
        for (uint64_t bits = bitmap[w]; bits; bits &= bits - 1) {
            uint64_t page = w * 64 + (unsigned)__builtin_ctzll(bits);

            if (page < pages) {
                mark(s, page);
            }
        }
    }
}

void kvm_slot_dirty(struct kvm *k, uint32_t slot, uint64_t page)
{
    struct kvm_slots *l = slot >> 16 < G_N_ELEMENTS(k->slots) ? k->slots[slot >> 16] : NULL;

    for (unsigned i = 0; l && i < l->n; i++) {
        struct kvm_slot *s = &l->slot[i];

        if (s->id == (slot & 0xffff)) {
            if (page < s->size >> GUEST_PAGE_BITS) {
                mark(s, page);
            }
            return;
        }
    }
}

/* Failures ------------------------------------------------------------------------------------ */

static void tell_failure(void *opaque)
{
    struct kvm_slots *l = opaque;
    g_autofree char *why = g_steal_pointer(&l->failure);

    if (why) {
        machine_internal_error(l->kvm->machine, why);
    }
}

/*
 * The first one is told of by the main loop: this is an exclusive section, in which nobody can wait for vCPUs that wait
 * for its end.  A failure of the start is the caller's.
 */
static void note_failure(struct kvm_slots *l, char *why)
{
    if (l->failure) {
        g_free(why);
        return;
    }
    l->failure = why;
    if (l->started) {
        machine_call_soon(l->kvm->machine, tell_failure, l);
    }
}

/* Logs ---------------------------------------------------------------------------------------- */

static bool wants_log(const struct kvm *k, const struct kvm_slot *s)
{
    return !s->readonly && g_hash_table_contains(k->logged, s->ram);
}

static void set_log(struct kvm_slots *l, struct kvm_slot *s, bool logged)
{
    s->logged = logged;
    if (set_region(l, s, s->size) < 0) {
        s->logged = false;
        note_failure(l, g_strdup_printf("the kernel does not log writes to RAM '%s': %s",
                                        s->ram->name, g_strerror(errno)));
    }
}

static bool overlaps(const struct kvm_slot *s, const struct ram_block *ram, uint64_t offset,
                     uint64_t len)
{
    return s->ram == ram && s->ram_offset < offset + len && offset < s->ram_offset + s->size;
}

static void collect(struct dirty_listener *d, struct ram_block *ram, uint64_t offset, uint64_t len,
                    enum ram_page_flag flag)
{
    struct kvm *k = (struct kvm *)((char *)d - offsetof(struct kvm, dirty));
    unsigned flags = GPOINTER_TO_UINT(g_hash_table_lookup(k->logged, ram));

    g_hash_table_insert(k->logged, ram, GUINT_TO_POINTER(flags | flag));
    for (unsigned space = 0; space < G_N_ELEMENTS(k->slots) && k->slots[space]; space++) {
        struct kvm_slots *l = k->slots[space];

        for (unsigned i = 0; i < l->n; i++) {
            struct kvm_slot *s = &l->slot[i];

            if (s->ram != ram || s->readonly) {
                continue;
            }
            if (!s->logged) {
                set_log(l, s, true);
                mark_all(s);
            } else if (overlaps(s, ram, offset, len)) {
                read_log(l, s);
            }
        }
    }
}

/* What nobody else wants is not logged any more: large pages and writes at full speed come back. */
static void end_log(struct dirty_listener *d, enum ram_page_flag flag)
{
    struct kvm *k = (struct kvm *)((char *)d - offsetof(struct kvm, dirty));
    GHashTableIter iter;
    gpointer ram, flags;

    g_hash_table_iter_init(&iter, k->logged);
    while (g_hash_table_iter_next(&iter, &ram, &flags)) {
        unsigned left = GPOINTER_TO_UINT(flags) & ~(unsigned)flag;

        if (left) {
            g_hash_table_iter_replace(&iter, GUINT_TO_POINTER(left));
        } else {
            g_hash_table_iter_remove(&iter);
        }
    }
    for (unsigned space = 0; space < G_N_ELEMENTS(k->slots) && k->slots[space]; space++) {
        struct kvm_slots *l = k->slots[space];

        for (unsigned i = 0; i < l->n; i++) {
            if (l->slot[i].logged && !wants_log(k, &l->slot[i])) {
                set_log(l, &l->slot[i], false);
            }
        }
    }
}

/* From a flat view to slots ------------------------------------------------------------------- */

/* Adds [start, end), which lies at an offset of a block, to the end of a list; continues its last one if it can. */
static void add_run(GArray *list, uint64_t start, uint64_t end, struct ram_block *ram,
                    uint64_t ram_offset, bool readonly)
{
    struct kvm_slot *last = list->len ? &g_array_index(list, struct kvm_slot, list->len - 1) : NULL;

    if (last && last->ram == ram && last->readonly == readonly &&
        last->start + last->size == start && last->ram_offset + last->size == ram_offset &&
        last->size + (end - start) <= SLOT_MAX) {
        last->size += end - start;
        return;
    }
    while (start < end) {
        struct kvm_slot s = { .start = start,
                              .size = MIN(end - start, SLOT_MAX),
                              .ram = ram,
                              .ram_offset = ram_offset,
                              .readonly = readonly };

        g_array_append_val(list, s);
        start += s.size;
        ram_offset += s.size;
    }
}

/* The whole pages of a view's section within [first, end), shown `shift` higher. */
static void add_section(struct kvm_slots *l, GArray *list, const struct mem_section *s,
                        uint64_t first, uint64_t end, uint64_t shift)
{
    uint64_t start = MAX(s->start, first), offset;

    start = (start + GUEST_PAGE_SIZE - 1) & GUEST_PAGE_MASK;
    end = s->last < end - 1 ? s->last + 1 : end;
    end &= GUEST_PAGE_MASK;
    if (!s->ram || start >= end || start < s->start ||
        (s->readonly && !l->kvm->caps.readonly_mem)) {
        return;
    }
    offset = s->ram_offset + (start - s->start);
    if (offset & ~GUEST_PAGE_MASK) {
        return; /* pages that are not the host's */
    }
    add_run(list, start + shift, end + shift, s->ram, offset, s->readonly);
}

static void add_range(struct kvm_slots *l, GArray *list, uint64_t first, uint64_t end,
                      uint64_t shift)
{
    const struct address_space *as = l->as;

    for (unsigned i = 0; i < as->n_sections; i++) {
        if (as->sections[i].last >= first && as->sections[i].start < end) {
            add_section(l, list, &as->sections[i], first, end, shift);
        }
    }
}

static GArray *wanted_slots(struct kvm_slots *l)
{
    GArray *list = g_array_new(FALSE, TRUE, sizeof(struct kvm_slot));
    uint64_t from = 0;

    if (l->kvm->machine->a20_masked) {
        for (; from < A20_END; from += 2 * MIB) {
            add_range(l, list, from, from + MIB, 0);
            add_range(l, list, from, from + MIB, A20_BIT);
        }
    }
    add_range(l, list, from, UINT64_MAX & GUEST_PAGE_MASK, 0);
    return list;
}

uint64_t kvm_a20(const struct kvm *k, uint64_t phys)
{
    return k->machine->a20_masked && phys < A20_END ? phys & ~A20_BIT : phys;
}

/* Changes ------------------------------------------------------------------------------------- */

static bool same_slot(const struct kvm_slot *a, const struct kvm_slot *b)
{
    return a->start == b->start && a->size == b->size && a->ram == b->ram &&
           a->ram_offset == b->ram_offset && a->readonly == b->readonly;
}

/* The slot in a sorted list that begins at an address, or NULL. */
static struct kvm_slot *find_start(struct kvm_slot *list, unsigned n, uint64_t start)
{
    unsigned low = 0, high = n;

    while (low < high) {
        unsigned mid = (low + high) / 2;

        if (list[mid].start < start) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < n && list[low].start == start ? &list[low] : NULL;
}

static void fail(struct kvm_slots *l, const char *what, const struct kvm_slot *s)
{
    note_failure(l, g_strdup_printf("the kernel does not %s memory of 0x%" PRIx64
                                    " bytes at 0x%" PRIx64 " (%s): %s",
                                    what, s->size, s->start, s->ram->name, g_strerror(errno)));
}

/* Slots that are not wanted go, and those that are keep their number. */
static void drop_unwanted(struct kvm_slots *l, GArray *wanted)
{
    struct kvm_slot *list = (struct kvm_slot *)wanted->data;

    for (unsigned i = 0; i < l->n; i++) {
        struct kvm_slot *s = &l->slot[i], *same = find_start(list, wanted->len, s->start);

        if (same && same_slot(s, same)) {
            *same = *s;
            same->placed = true;
            continue;
        }
        if (s->logged) {
            read_log(l, s);
        }
        s->logged = false;
        if (set_region(l, s, 0) < 0) {
            fail(l, "give back", s);
        }
        l->used[s->id] = false;
    }
}

static bool find_id(struct kvm_slots *l, uint32_t *id)
{
    for (unsigned i = 0; i < l->n_ids; i++) {
        if (!l->used[i]) {
            l->used[i] = true;
            *id = i;
            return true;
        }
    }
    errno = ENOSPC;
    return false;
}

static void place_wanted(struct kvm_slots *l, GArray *wanted)
{
    for (unsigned i = 0; i < wanted->len; i++) {
        struct kvm_slot *s = &g_array_index(wanted, struct kvm_slot, i);

        if (s->placed) {
            continue;
        }
        s->logged = wants_log(l->kvm, s);
        if (!find_id(l, &s->id)) {
            fail(l, "take", s);
        } else if (set_region(l, s, s->size) < 0) {
            l->used[s->id] = false;
            fail(l, "take", s);
        } else {
            s->placed = true;
        }
    }
}

static void view_changed(struct mem_listener *listener, struct address_space *as)
{
    struct kvm_slots *l =
        (struct kvm_slots *)((char *)listener - offsetof(struct kvm_slots, listener));
    GArray *wanted;
    unsigned kept = 0;

    l->as = as;
    wanted = wanted_slots(l);
    drop_unwanted(l, wanted);
    place_wanted(l, wanted);
    for (unsigned i = 0; i < wanted->len; i++) {
        if (g_array_index(wanted, struct kvm_slot, i).placed) {
            g_array_index(wanted, struct kvm_slot, kept++) =
                g_array_index(wanted, struct kvm_slot, i);
        }
    }
    g_array_set_size(wanted, kept);
    g_free(l->slot);
    l->n = kept;
    l->slot = (struct kvm_slot *)g_array_free(wanted, FALSE);
}

static bool init_space(struct kvm *k, unsigned space, struct address_space *as, GError **error)
{
    struct kvm_slots *l = g_new0(struct kvm_slots, 1);

    l->kvm = k;
    l->space = space;
    l->as = as;
    l->n_ids = (unsigned)MIN(k->caps.max_slots, 32767);
    l->used = g_new0(bool, l->n_ids);
    l->listener.changed = view_changed;
    k->slots[space] = l;
    address_space_add_listener(as, &l->listener);
    if (l->failure) {
        set_error(error, "-accel kvm: %s", l->failure);
        return false;
    }
    l->started = true;
    return true;
}

bool kvm_slots_init(struct kvm *k, GError **error)
{
    struct machine *m = k->machine;

    k->logged = g_hash_table_new(NULL, NULL);
    k->dirty.collect = collect;
    k->dirty.end = end_log;
    dirty_listener_add(m, &k->dirty);
    return init_space(k, 0, &m->memory, error) &&
           (!k->caps.x86_smm || init_space(k, 1, &m->smm_memory, error));
}

void kvm_slots_free(struct kvm *k)
{
    for (unsigned space = 0; space < G_N_ELEMENTS(k->slots); space++) {
        struct kvm_slots *l = k->slots[space];

        if (l) {
            address_space_del_listener(l->as, &l->listener);
            g_free(l->failure);
            g_free(l->used);
            g_free(l->slot);
            g_clear_pointer(&k->slots[space], g_free);
        }
    }
    if (k->logged) {
        dirty_listener_del(k->machine, &k->dirty);
        g_clear_pointer(&k->logged, g_hash_table_unref);
    }
}
