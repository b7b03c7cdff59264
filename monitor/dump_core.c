/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/dump_core.c: see dump_core.h.
 * Thread: dump_new and dump_free the main loop, machine lock held, vCPUs stopped; dump_write any, alone.
 * Source: ELF-64 Object File Format; System V ABI, AMD64 supplement; Linux's struct elf_prstatus.
 */
#include "monitor/dump_core.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "migration/ram.h"
#include "target/i386/cpu.h"
#include "target/i386/operand.h"
#include "util/error.h"

/* Tables and mappings that are looked at: a guest may make its tables a maze. */
#define TABLES_MAX   (1u << 16)
#define MAPPINGS_MAX (1u << 20)

#define STOP_MS 100 /* between looks at `stop` */

#define PTE_PRESENT 1u
#define PTE_LARGE   0x80u
#define PTE_ADDRESS 0x000ffffffffff000ull

struct mapping {
    uint64_t virt, phys, len;
    const uint8_t *host; /* of RAM */
};

/* Of struct elf_prstatus, the registers in the order of struct user_regs_struct. */
struct prstatus {
    uint32_t signo, code, errno_value;
    uint16_t signal, pad;
    uint64_t pending, held;
    uint32_t pid, ppid, pgrp, sid;
    uint64_t times[8];
    uint64_t regs[27];
    uint32_t has_fp, pad2;
};

struct dump {
    struct machine *m;
    GArray *ram;      /* struct mapping: virt is where the bytes are in the file */
    GArray *mappings; /* struct mapping */
    unsigned tables;
    bool too_many;
    GByteArray *notes;
    uint64_t total, done; /* bytes of RAM; `done` is atomic */
    int fd;
    bool seeks;   /* the file; else what is between is written, too */
    bool stop;    /* atomic: whoever reads has no more time */
    uint64_t end; /* of what was written */
};

/* What there is --------------------------------------------------------------------------------- */

static void find_ram(struct dump *d, uint64_t begin, uint64_t end)
{
    const struct address_space *as = &d->m->memory;

    for (unsigned k = 0; k < as->n_sections; k++) {
        const struct mem_section *s = &as->sections[k];
        uint64_t first = MAX(s->start, begin), last = MIN(s->last, end);
        struct mapping r = { 0, first, last - first + 1, NULL };

        if (s->ram && !s->readonly && first <= last) {
            r.host = s->ram->host + s->ram_offset + (first - s->start);
            d->total += r.len;
            g_array_append_val(d->ram, r);
        }
    }
}

static void add_mapping(struct dump *d, uint64_t virt, uint64_t phys, uint64_t len)
{
    for (unsigned k = 0; k < d->ram->len; k++) {
        const struct mapping *r = &g_array_index(d->ram, struct mapping, k);
        uint64_t first = MAX(phys, r->phys), end = MIN(phys + len, r->phys + r->len);
        struct mapping n = { virt + (first - phys), first, end - first, NULL };

        if (first >= end) {
            continue;
        }
        if (d->mappings->len == MAPPINGS_MAX) {
            d->too_many = true;
            return;
        }
        g_array_append_val(d->mappings, n);
    }
}

static bool in_ram(const struct dump *d, uint64_t phys)
{
    for (unsigned k = 0; k < d->ram->len; k++) {
        const struct mapping *r = &g_array_index(d->ram, struct mapping, k);

        if (phys - r->phys < r->len) {
            return true;
        }
    }
    return false;
}

/* bits: of the index at this level.  Devices are no tables, whatever the guest says. */
static void walk(struct dump *d, struct x86_cpu *cpu, uint64_t table, unsigned shift, unsigned bits,
                 uint64_t virt)
{
    unsigned size = bits == 10 ? 4 : 8;

    if (!in_ram(d, table & cpu->a20_mask)) {
        return;
    }
    if (++d->tables > TABLES_MAX) {
        d->too_many = true;
    }
    for (uint64_t n = 0; n < 1u << bits && !d->too_many; n++) {
        uint64_t e = address_space_load(cpu->memory, (table + n * size) & cpu->a20_mask, size);
        uint64_t at = virt | n << shift, mask = (1ull << shift) - 1;
        bool large =
            shift > 12 && shift < 39 && (e & PTE_LARGE) && (size == 8 || (cpu->cr4 & CR4_PSE));

        if (!(e & PTE_PRESENT)) {
            continue;
        }
        if (shift == 39 && n >= 256) {
            at |= 0xffff000000000000ull;
        }
        if (shift == 12 || large) {
            uint64_t phys = size == 4 && large ? (e & 0xffc00000u) | (e >> 13 & 0xff) << 32
                                               : e & PTE_ADDRESS & ~mask;

            add_mapping(d, at, phys, mask + 1);
        } else {
            walk(d, cpu, e & PTE_ADDRESS, shift - (size == 4 ? 10 : 9), bits, at);
        }
    }
}

static void walk_cpu(struct dump *d, struct x86_cpu *cpu)
{
    if (!(cpu->cr0 & CR0_PG)) {
        add_mapping(d, 0, 0, 1ull << 32);
    } else if (cpu->efer & EFER_LMA) {
        walk(d, cpu, cpu->cr3 & PTE_ADDRESS, 39, 9, 0);
    } else if (cpu->cr4 & CR4_PAE) {
        for (unsigned n = 0; n < 4; n++) {
            if (cpu->pdpte[n] & PTE_PRESENT) {
                walk(d, cpu, cpu->pdpte[n] & PTE_ADDRESS, 21, 9, (uint64_t)n << 30);
            }
        }
    } else {
        walk(d, cpu, cpu->cr3 & 0xfffff000u, 22, 10, 0);
    }
}

static int by_address(gconstpointer a, gconstpointer b)
{
    const struct mapping *x = a, *y = b;

    return x->virt < y->virt ? -1 : x->virt > y->virt;
}

/* CPUs share most of theirs; what continues the one before it becomes a part of it. */
static void merge_mappings(struct dump *d)
{
    struct mapping *to = NULL;
    unsigned n = 0;

    g_array_sort(d->mappings, by_address);
    for (unsigned k = 0; k < d->mappings->len; k++) {
        struct mapping *at = &g_array_index(d->mappings, struct mapping, k);

        if (to && at->virt - to->virt < to->len) {
            continue;
        }
        if (to && at->virt == to->virt + to->len && at->phys == to->phys + to->len) {
            to->len += at->len;
            continue;
        }
        to = &g_array_index(d->mappings, struct mapping, n++);
        *to = *at;
    }
    g_array_set_size(d->mappings, n);
}

/* The file -------------------------------------------------------------------------------------- */

static bool write_all(struct dump *d, const void *from, uint64_t n, GError **error)
{
    const char *p = from;

    while (n) {
        ssize_t done = d->seeks ? pwrite(d->fd, p, n, (off_t)d->end) : write(d->fd, p, n);

        if (done < 0 && (errno == EINTR || errno == EAGAIN)) {
            struct pollfd p = { .fd = d->fd, .events = POLLOUT };

            (void)poll(&p, 1, STOP_MS);
            if (!__atomic_load_n(&d->stop, __ATOMIC_RELAXED)) {
                continue;
            }
        }
        if (done <= 0) {
            set_errno_error(error, "dump: failed to save memory");
            return false;
        }
        p += done;
        d->end += (uint64_t)done;
        n -= (uint64_t)done;
    }
    return true;
}

/* Never before what was written. */
static bool write_at(struct dump *d, uint64_t at, const void *from, uint64_t n, GError **error)
{
    static const uint8_t zeros[GUEST_PAGE_SIZE];

    while (!d->seeks && d->end < at) {
        if (!write_all(d, zeros, MIN(at - d->end, sizeof(zeros)), error)) {
            return false;
        }
    }
    d->end = at;
    return write_all(d, from, n, error);
}

static void append_note(GByteArray *notes, struct x86_cpu *cpu)
{
    static const uint8_t order[] = { R_R15, R_R14, R_R13, R_R12, R_RBP, R_RBX, R_R11, R_R10,
                                     R_R9,  R_R8,  R_RAX, R_RCX, R_RDX, R_RSI, R_RDI };
    Elf64_Nhdr head = { 5, sizeof(struct prstatus), NT_PRSTATUS };
    struct prstatus p = { .pid = (uint32_t)cpu->vcpu.index + 1 };
    uint64_t *r = p.regs;
    const struct segment *s = cpu->seg;

    for (unsigned k = 0; k < G_N_ELEMENTS(order); k++) {
        *r++ = cpu->regs[order[k]];
    }
    *r++ = cpu->regs[R_RAX];
    *r++ = cpu->regs[R_RIP];
    *r++ = s[SEG_CS].selector;
    *r++ = cpu_eflags(cpu);
    *r++ = cpu->regs[R_RSP];
    *r++ = s[SEG_SS].selector;
    *r++ = s[SEG_FS].base;
    *r++ = s[SEG_GS].base;
    *r++ = s[SEG_DS].selector;
    *r++ = s[SEG_ES].selector;
    *r++ = s[SEG_FS].selector;
    *r++ = s[SEG_GS].selector;
    g_byte_array_append(notes, (const uint8_t *)&head, sizeof(head));
    g_byte_array_append(notes, (const uint8_t *)"CORE\0\0\0", 8);
    g_byte_array_append(notes, (const uint8_t *)&p, sizeof(p));
}

static uint64_t place_in_file(const struct dump *d, uint64_t phys)
{
    for (unsigned k = 0; k < d->ram->len; k++) {
        const struct mapping *r = &g_array_index(d->ram, struct mapping, k);

        if (phys - r->phys < r->len) {
            return r->virt + (phys - r->phys);
        }
    }
    g_assert_not_reached();
}

/* Header, program headers, and the section header that tells of more than 65534 of these; then notes. */
static bool write_headers(struct dump *d, GError **error)
{
    unsigned n = d->mappings->len + 1;
    bool many = n >= PN_XNUM;
    g_autofree Elf64_Phdr *ph = g_new0(Elf64_Phdr, n);
    uint64_t at = sizeof(Elf64_Ehdr) + (many ? sizeof(Elf64_Shdr) : 0) + n * sizeof(*ph);
    Elf64_Shdr section = { .sh_info = n };
    Elf64_Ehdr e = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_CORE,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_phoff = sizeof(Elf64_Ehdr) + (many ? sizeof(Elf64_Shdr) : 0),
        .e_shoff = many ? sizeof(Elf64_Ehdr) : 0,
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = many ? PN_XNUM : (uint16_t)n,
        .e_shentsize = many ? sizeof(Elf64_Shdr) : 0,
        .e_shnum = many,
    };

    ph[0] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = at, .p_filesz = d->notes->len };
    at = (at + d->notes->len + GUEST_PAGE_SIZE - 1) & GUEST_PAGE_MASK;
    for (unsigned k = 0; k < d->ram->len; k++) {
        struct mapping *r = &g_array_index(d->ram, struct mapping, k);

        r->virt = at;
        at += r->len;
    }
    for (unsigned k = 1; k < n; k++) {
        const struct mapping *p = &g_array_index(d->mappings, struct mapping, k - 1);

        ph[k] = (Elf64_Phdr){ .p_type = PT_LOAD,
                              .p_offset = place_in_file(d, p->phys),
                              .p_vaddr = p->virt,
                              .p_paddr = p->phys,
                              .p_filesz = p->len,
                              .p_memsz = p->len };
    }
    return write_at(d, 0, &e, sizeof(e), error) &&
           (!many || write_at(d, e.e_shoff, &section, sizeof(section), error)) &&
           write_at(d, e.e_phoff, ph, n * sizeof(*ph), error) &&
           write_at(d, ph[0].p_offset, d->notes->data, d->notes->len, error);
}

static bool write_ram(struct dump *d, GError **error)
{
    uint64_t end = 0;

    for (unsigned k = 0; k < d->ram->len; k++) {
        const struct mapping *r = &g_array_index(d->ram, struct mapping, k);

        for (uint64_t done = 0; done < r->len; done += GUEST_PAGE_SIZE) {
            uint8_t page[GUEST_PAGE_SIZE];

            if (!ram_page_is_zero(r->host + done)) {
                ram_copy_page(page, r->host + done); /* a device may write to it */
                if (!write_at(d, r->virt + done, page, sizeof(page), error)) {
                    return false;
                }
            }
            __atomic_add_fetch(&d->done, GUEST_PAGE_SIZE, __ATOMIC_RELAXED);
        }
        end = r->virt + r->len;
    }
    if (!d->seeks) {
        return write_at(d, end, NULL, 0, error);
    }
    if (ftruncate(d->fd, (off_t)end) < 0) {
        set_errno_error(error, "dump: failed to save memory");
        return false;
    }
    return true;
}

/* The whole ------------------------------------------------------------------------------------- */

static void look(struct dump *d, bool paging, uint64_t begin, uint64_t end)
{
    struct machine *m = d->m;

    find_ram(d, begin, end);
    for (unsigned k = 0; paging && k < m->n_vcpus; k++) {
        walk_cpu(d, x86_cpu_of(m->vcpus[k]));
    }
    if (paging) {
        merge_mappings(d);
    } else {
        g_array_append_vals(d->mappings, d->ram->data, d->ram->len);
        for (unsigned k = 0; k < d->mappings->len; k++) {
            struct mapping *p = &g_array_index(d->mappings, struct mapping, k);

            p->virt = p->phys;
        }
    }
    for (unsigned k = 0; k < m->n_vcpus; k++) {
        append_note(d->notes, x86_cpu_of(m->vcpus[k]));
    }
}

struct dump *dump_new(struct machine *m, bool paging, uint64_t begin, uint64_t end, GError **error)
{
    struct dump *d = g_new0(struct dump, 1);

    d->m = m;
    d->ram = g_array_new(FALSE, FALSE, sizeof(struct mapping));
    d->mappings = g_array_new(FALSE, FALSE, sizeof(struct mapping));
    d->notes = g_byte_array_new();
    look(d, paging, begin, end);
    if (d->too_many) {
        set_error(error,
                  "dump: the guest has more than %u page tables or %u mappings; try it without -p",
                  TABLES_MAX, MAPPINGS_MAX);
    } else if (d->ram->len == 0) {
        set_error(error, "dump: there is no memory in this range");
    } else {
        return d;
    }
    dump_free(d);
    return NULL;
}

void dump_free(struct dump *d)
{
    if (d) {
        g_array_unref(d->ram);
        g_array_unref(d->mappings);
        g_byte_array_unref(d->notes);
        g_free(d);
    }
}

bool dump_write(struct dump *d, int fd, GError **error)
{
    d->fd = fd;
    d->seeks = lseek(fd, 0, SEEK_CUR) >= 0;
    if (!d->seeks) {
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
    return write_headers(d, error) && write_ram(d, error);
}

void dump_stop(struct dump *d)
{
    __atomic_store_n(&d->stop, true, __ATOMIC_RELAXED);
}

uint64_t dump_done(const struct dump *d)
{
    return __atomic_load_n(&d->done, __ATOMIC_RELAXED);
}

uint64_t dump_total(const struct dump *d)
{
    return d->total;
}
