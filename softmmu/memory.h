/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/memory.h: guest memory and I/O: regions, address spaces, RAM blocks.
 *
 * A tree of `struct mem_region` (containers, RAM, ROM, MMIO, aliases; higher priority wins where
 * siblings overlap) is flattened into the `struct address_space`s rooted in it.  Guest memory and
 * the 64 KiB of I/O ports are both address spaces.
 *
 * Thread: the tree changes under the machine lock only; the commit stops every other vCPU and iothread, so
 *         that lookups need no lock there.  MMIO callbacks run with the machine lock held, on any thread.
 */
#ifndef SOFTMMU_MEMORY_H
#define SOFTMMU_MEMORY_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_PAGE_BITS 12
#define GUEST_PAGE_SIZE (1u << GUEST_PAGE_BITS)
#define GUEST_PAGE_MASK (~(uint64_t)(GUEST_PAGE_SIZE - 1))

struct machine;
struct address_space;

/* Per-page flags of a RAM block, changed with atomic or/and from any thread. */
enum ram_page_flag {
    RAM_PAGE_CODE = 1 << 0,    /* translated or decoded from: writes must be announced */
    RAM_PAGE_DISPLAY = 1 << 1, /* written since a display last looked */
    RAM_PAGE_MIGRATE = 1 << 2, /* written since migration last looked */
};

/* Host memory behind RAM and ROM regions, in huge pages where the host has them.  The size is a whole number of pages. */
struct ram_block {
    struct ram_block *next; /* machine->ram_blocks */
    const char *name;
    uint8_t *host;
    uint64_t size;
    uint8_t *page_flags; /* enum ram_page_flag, one byte a page */
    bool from_file;      /* a private mapping of a file: what is given back reads as that again */
    bool shared;         /* others may map the same memory: giving it back makes a hole for all */
    bool kept;           /* a memory backend's: it outlives its region */
    bool retired;        /* its region is gone: freed when no view has it any more */
};

/* size is rounded up to whole pages, the memory zeroed and touched lazily.  Lock held. */
struct ram_block *ram_block_new(struct machine *m, const char *name, uint64_t size, GError **error);
/* The same over memory that the caller mapped, `size` bytes in whole pages: the block's from now on. */
struct ram_block *ram_block_adopt(struct machine *m, const char *name, uint64_t size, uint8_t *host,
                                  GError **error);
void ram_block_free(struct machine *m, struct ram_block *ram);
/* Gives whole pages of the host back, which then read as zeroes (of a file's mapping: as the file).  False: it cannot. */
bool ram_block_discard(struct ram_block *ram, uint64_t offset, uint64_t len);
/* While it is pinned no block goes, so that a thread may read them without the lock.  Lock held. */
void ram_pin(struct machine *m, bool pinned);

/*
 * What a device answers to. Offsets are relative to the region.  The callbacks see only naturally
 * sized accesses from min_size to max_size bytes (1, 2, 4 or 8; 0 means 1 and 8): the floor splits
 * larger guest accesses in ascending order and widens smaller ones (a widened write is a read of
 * the aligned unit, a merge and a write only if `widen_writes`, else the value is passed shifted
 * into place with zeroes around it).  Accesses are aligned within the region; others are split.
 */
struct mem_ops {
    uint64_t (*read)(void *opaque, uint64_t offset, unsigned size);
    void (*write)(void *opaque, uint64_t offset, uint64_t value, unsigned size);
    uint8_t min_size, max_size;
    bool widen_writes;
    bool unaligned; /* offsets that are no multiple of the size are passed on, not split */
};

enum mem_kind { MEM_CONTAINER, MEM_RAM, MEM_ROM, MEM_MMIO, MEM_ALIAS };

/* Embedded in devices; zero-initialize, then one of the init functions. */
struct mem_region {
    const char *name; /* borrowed; must outlive the region */
    enum mem_kind kind;
    struct machine *machine;
    uint64_t size; /* bytes; UINT64_MAX means 2^64 */
    const struct mem_ops *ops;
    void *opaque;
    struct ram_block *ram;     /* MEM_RAM, MEM_ROM */
    struct mem_region *target; /* MEM_ALIAS */
    uint64_t target_offset;
    struct mem_region *parent;
    uint64_t addr; /* within parent */
    int priority;
    bool enabled;
    bool readonly; /* alias or RAM that guest writes do not change */
    struct mem_region *first_child, *next_sibling; /* highest priority first */
};

void mem_region_init_container(struct mem_region *mr, struct machine *m, const char *name,
                               uint64_t size);
/* Allocates a zeroed RAM block.  False and *error when the host has no memory for it. */
bool mem_region_init_ram(struct mem_region *mr, struct machine *m, const char *name, uint64_t size,
                         GError **error);
/* RAM in a block that is there already. */
void mem_region_init_ram_block(struct mem_region *mr, struct machine *m, struct ram_block *ram);
/* RAM that the guest cannot write; the host fills mr->ram->host. */
bool mem_region_init_rom(struct mem_region *mr, struct machine *m, const char *name, uint64_t size,
                         GError **error);
/* Guest writes to a ROM region go to ops->write from now on: flash memory. */
void mem_region_trap_writes(struct mem_region *rom, const struct mem_ops *ops, void *opaque);
void mem_region_init_mmio(struct mem_region *mr, struct machine *m, const char *name,
                          const struct mem_ops *ops, void *opaque, uint64_t size);
/* A window of `size` bytes onto `target` from target_offset. */
void mem_region_init_alias(struct mem_region *mr, struct machine *m, const char *name,
                           struct mem_region *target, uint64_t target_offset, uint64_t size);
/*
 * Removes the region from its parent and frees what it owns; its RAM, which vCPUs may still use, when the
 * outermost transaction is committed.
 */
void mem_region_destroy(struct mem_region *mr);

void mem_region_add(struct mem_region *parent, uint64_t addr, struct mem_region *child,
                    int priority);
void mem_region_del(struct mem_region *child);
void mem_region_set_enabled(struct mem_region *mr, bool enabled);
void mem_region_set_addr(struct mem_region *mr, uint64_t addr);
void mem_region_set_readonly(struct mem_region *mr, bool readonly);
void mem_region_set_alias_offset(struct mem_region *mr, uint64_t target_offset);

/* Several changes, one flattening: nests. */
void mem_transaction_begin(struct machine *m);
void mem_transaction_commit(struct machine *m);

/* A run of an address space that one region serves. */
struct mem_section {
    uint64_t start, last; /* within the address space, both inclusive */
    struct mem_region *mr;
    uint64_t offset;       /* of `start` within mr */
    struct ram_block *ram; /* NULL: MMIO */
    uint64_t ram_offset;   /* of `start` within ram */
    bool readonly;
};

/* Told after a commit has changed the flat view; runs under the machine lock, vCPUs stopped. */
struct mem_listener {
    void (*changed)(struct mem_listener *l, struct address_space *as);
    struct mem_listener *next;
};

struct address_space {
    const char *name;
    struct machine *machine;
    struct mem_region *root;
    struct mem_section *sections; /* sorted, disjoint, replaced whole on commit */
    unsigned n_sections;
    struct mem_listener *listeners;
    struct address_space *next;
};

void address_space_init(struct address_space *as, struct machine *m, struct mem_region *root,
                        const char *name);
void address_space_destroy(struct address_space *as);
void address_space_add_listener(struct address_space *as, struct mem_listener *l);
void address_space_del_listener(struct address_space *as, struct mem_listener *l);
/* Tells them of the view as it is, since what it depends on besides (the A20 gate) changed; in an exclusive section. */
void address_space_notify(struct address_space *as);

/* The section that holds addr, or NULL where nothing answers.  Valid until the next commit. */
const struct mem_section *address_space_lookup(struct address_space *as, uint64_t addr);

/*
 * Transfers of any length and alignment, from any thread (the lock is taken for MMIO when the
 * caller does not hold it).  Unclaimed bytes read as ones and are logged under -d unimp; the result
 * is false if any byte was unclaimed or a write met ROM.  Writes to RAM announce code pages and set
 * dirty flags.
 */
bool address_space_read(struct address_space *as, uint64_t addr, void *buf, uint64_t len);
bool address_space_write(struct address_space *as, uint64_t addr, const void *buf, uint64_t len);
/* One little-endian access of 1, 2, 4 or 8 bytes: what a CPU does for MMIO and port I/O. */
uint64_t address_space_load(struct address_space *as, uint64_t addr, unsigned size);
void address_space_store(struct address_space *as, uint64_t addr, uint64_t value, unsigned size);

/*
 * A host pointer to guest RAM for DMA: *len (bytes) shrinks to what is contiguous.  NULL where it is
 * not writable RAM (for_write) or RAM or ROM (else): use the bounce functions above.  After writing, call
 * ram_written.
 */
void *address_space_map(struct address_space *as, uint64_t addr, uint64_t *len, bool for_write);

/* Somebody wrote len bytes of a block at offset behind the CPU's back: dirty flags, code pages. */
void ram_written(struct machine *m, struct ram_block *ram, uint64_t offset, uint64_t len);

/* Told before or after bytes of a page flagged RAM_PAGE_CODE change; any thread, no lock needed. */
struct code_watch {
    void (*written)(struct code_watch *w, struct ram_block *ram, uint64_t offset, uint64_t len);
    struct code_watch *next;
};
void code_watch_add(struct machine *m, struct code_watch *w);

/*
 * An engine that lets writes pass once it has set a page's dirty flags.  Told after flags of pages within
 * [offset, offset + len) of a block were cleared: such permissions are to be taken back before it returns.
 * Lock held, vCPUs exclusive.
 */
struct dirty_listener {
    void (*cleared)(struct dirty_listener *l, struct ram_block *ram, uint64_t offset, uint64_t len);
    /*
     * An engine that learns of writes from elsewhere: the flags of pages in this range are about to be read, for
     * `flag`: sets those of pages that were written.  The same lock and section; may be NULL.
     */
    void (*collect)(struct dirty_listener *l, struct ram_block *ram, uint64_t offset, uint64_t len,
                    enum ram_page_flag flag);
    /* Nobody asks for `flag` of RAM in general any more, see ram_dirty_end; may be NULL. */
    void (*end)(struct dirty_listener *l, enum ram_page_flag flag);
    struct dirty_listener *next;
};
void dirty_listener_add(struct machine *m, struct dirty_listener *l);
void dirty_listener_del(struct machine *m, struct dirty_listener *l);
/*
 * Moves a dirty flag of the pages that [offset, offset + len) touches into a bitmap: bit n is the n-th of
 * these pages (of 64 bits a word, the caller's, overwritten).  No write is lost: one that comes after the
 * flag was cleared sets it again.  False: no page was dirty.  Lock held.
 */
bool ram_dirty_collect(struct machine *m, struct ram_block *ram, uint64_t offset, uint64_t len,
                       enum ram_page_flag flag, uint64_t *bitmap);
/* Who collected this flag has ended: what keeping account of writes costs may be saved.  Lock held. */
void ram_dirty_end(struct machine *m, enum ram_page_flag flag);

/* `info mtree`: the tree of each address space, with regions that are switched off if asked for; flat views (-f). */
void mem_print_tree(struct machine *m, bool disabled, GString *out);
void mem_print_flat(struct machine *m, GString *out);

#endif
