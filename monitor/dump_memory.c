/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/dump_memory.c: dump-guest-memory: an ELF core of RAM and CPUs, which gdb reads.
 *
 * A segment is a range of RAM, at its physical address; with -p one of a CPU's page tables, at its
 * linear address.  RAM is in the file once, whatever refers to it; pages of zeros are holes.
 * Thread: machine lock held, vCPUs stopped.
 * Source: ELF-64 Object File Format; System V ABI, AMD64 supplement; Linux's struct elf_prstatus.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "monitor/command.h"
#include "softmmu/machine.h"
#include "target/i386/cpu.h"
#include "target/i386/operand.h"
#include "util/error.h"
#include "util/fdset.h"

/* Tables and mappings that are looked at: a guest may make its tables a maze. */
#define TABLES_MAX   (1u << 16)
#define MAPPINGS_MAX (1u << 20)

#define PTE_PRESENT 1u
#define PTE_LARGE   0x80u
#define PTE_ADDRESS 0x000ffffffffff000ull

struct mapping {
    uint64_t virt, phys, len;
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
};

/* What there is --------------------------------------------------------------------------------- */

static void find_ram(struct dump *d, uint64_t begin, uint64_t end)
{
    const struct address_space *as = &d->m->memory;

    for (unsigned k = 0; k < as->n_sections; k++) {
        const struct mem_section *s = &as->sections[k];
        uint64_t first = MAX(s->start, begin), last = MIN(s->last, end);
        struct mapping r = { 0, first, last - first + 1 };

        if (s->ram && !s->readonly && first <= last) {
            g_array_append_val(d->ram, r);
        }
    }
}

static void add_mapping(struct dump *d, uint64_t virt, uint64_t phys, uint64_t len)
{
    for (unsigned k = 0; k < d->ram->len; k++) {
        const struct mapping *r = &g_array_index(d->ram, struct mapping, k);
        uint64_t first = MAX(phys, r->phys), end = MIN(phys + len, r->phys + r->len);
        struct mapping n = { virt + (first - phys), first, end - first };

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

static bool write_at(int fd, uint64_t at, const void *from, uint64_t n, GError **error)
{
    const char *p = from;

    while (n) {
        ssize_t done = pwrite(fd, p, n, (off_t)at);

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            set_errno_error(error, "dump: failed to save memory");
            return false;
        }
        p += done;
        at += (uint64_t)done;
        n -= (uint64_t)done;
    }
    return true;
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
static bool write_headers(struct dump *d, int fd, GError **error)
{
    unsigned n = d->mappings->len + 1;
    bool many = n >= PN_XNUM;
    g_autoptr(GByteArray) notes = g_byte_array_new();
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

    for (unsigned k = 0; k < d->m->n_vcpus; k++) {
        append_note(notes, x86_cpu_of(d->m->vcpus[k]));
    }
    ph[0] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = at, .p_filesz = notes->len };
    at = (at + notes->len + GUEST_PAGE_SIZE - 1) & GUEST_PAGE_MASK;
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
    return write_at(fd, 0, &e, sizeof(e), error) &&
           (!many || write_at(fd, e.e_shoff, &section, sizeof(section), error)) &&
           write_at(fd, e.e_phoff, ph, n * sizeof(*ph), error) &&
           write_at(fd, ph[0].p_offset, notes->data, notes->len, error);
}

static bool write_ram(struct dump *d, int fd, GError **error)
{
    static const uint8_t zeros[GUEST_PAGE_SIZE];
    uint64_t end = 0;

    for (unsigned k = 0; k < d->ram->len; k++) {
        const struct mapping *r = &g_array_index(d->ram, struct mapping, k);

        for (uint64_t done = 0; done < r->len; done += GUEST_PAGE_SIZE) {
            uint8_t page[GUEST_PAGE_SIZE];
            uint64_t n = MIN(r->len - done, GUEST_PAGE_SIZE);

            address_space_read(&d->m->memory, r->phys + done, page, n);
            if (memcmp(page, zeros, n) != 0 && !write_at(fd, r->virt + done, page, n, error)) {
                return false;
            }
        }
        end = r->virt + r->len;
    }
    if (end && ftruncate(fd, (off_t)end) < 0) {
        set_errno_error(error, "dump: failed to save memory");
        return false;
    }
    return true;
}

static bool write_core(struct dump *d, const char *path, GError **error)
{
    int fd = open_path(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok;

    if (fd < 0) {
        set_errno_error(error, "dump: cannot open '%s'", path);
        return false;
    }
    ok = write_headers(d, fd, error) && write_ram(d, fd, error);
    if (close(fd) < 0 && ok) {
        set_errno_error(error, "dump: failed to save memory");
        ok = false;
    }
    return ok;
}

static bool dump_memory(struct machine *m, bool paging, uint64_t begin, uint64_t end,
                        const char *path, GError **error)
{
    struct dump d = { .m = m };
    bool ok;

    d.ram = g_array_new(FALSE, FALSE, sizeof(struct mapping));
    d.mappings = g_array_new(FALSE, FALSE, sizeof(struct mapping));
    find_ram(&d, begin, end);
    for (unsigned k = 0; paging && k < m->n_vcpus; k++) {
        walk_cpu(&d, x86_cpu_of(m->vcpus[k]));
    }
    if (paging) {
        merge_mappings(&d);
    } else {
        g_array_append_vals(d.mappings, d.ram->data, d.ram->len);
        for (unsigned k = 0; k < d.mappings->len; k++) {
            struct mapping *p = &g_array_index(d.mappings, struct mapping, k);

            p->virt = p->phys;
        }
    }
    if (d.too_many) {
        set_error(error,
                  "dump: the guest has more than %u page tables or %u mappings; try it without -p",
                  TABLES_MAX, MAPPINGS_MAX);
    } else if (d.ram->len == 0) {
        set_error(error, "dump: there is no memory in this range");
    }
    ok = !d.too_many && d.ram->len > 0 && write_core(&d, path, error);
    g_array_unref(d.ram);
    g_array_unref(d.mappings);
    return ok;
}

/* "[-p] filename [begin length]" */
bool command_dump_guest_memory(struct machine *m, const char *args, GString *out, GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(args, " \t", -1);
    g_autoptr(GPtrArray) given = g_ptr_array_new();
    uint64_t begin = 0, length = UINT64_MAX;
    bool paging = false, ok;

    (void)out;
    for (unsigned k = 0; words[k]; k++) {
        if (strcmp(words[k], "-p") == 0) {
            paging = true;
        } else if (words[k][0] == '-') {
            set_error(error, "dump-guest-memory: %s is not supported, only -p", words[k]);
            return false;
        } else if (*words[k]) {
            g_ptr_array_add(given, words[k]);
        }
    }
    if (paging && given->len == 3) {
        set_error(error, "dump-guest-memory: -p takes no begin and length");
        return false;
    }
    if (given->len != 1 && given->len != 3) {
        set_error(error, "dump-guest-memory: it takes a file name, or one, begin and length");
        return false;
    }
    if (given->len == 3) {
        const char *first = given->pdata[1], *second = given->pdata[2];

        if (!expression_parse(&first, cpu_access_register, m, &begin, error) ||
            !expression_parse(&second, cpu_access_register, m, &length, error)) {
            return false;
        }
    }
    if (length == 0 || (length != UINT64_MAX && begin + length - 1 < begin) ||
        (given->len == 3 && (begin | length) % GUEST_PAGE_SIZE)) {
        set_error(error, "dump-guest-memory: begin and length are whole pages of 4 KiB");
        return false;
    }
    if (!cpu_access_begin(m, error)) {
        return false;
    }
    ok = dump_memory(m, paging, begin, given->len == 3 ? begin + length - 1 : UINT64_MAX,
                     given->pdata[0], error);
    cpu_access_end(m);
    return ok;
}
