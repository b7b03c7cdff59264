/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/boot_elf.c: ELF images of either class, and kernels entered by PVH (Xen's x86/HVM direct
 * boot ABI: a note with a 32-bit entry, EBX pointing at hvm_start_info).
 * Every offset and size of the file is checked against its length first.
 * Thread: under the machine lock.
 */
#include <elf.h>
#include <inttypes.h>
#include <string.h>
#include "hw/i386/boot_elf.h"
#include "hw/i386/boot_internal.h"
#include "util/error.h"

#define PVH_NOTE_PHYS32_ENTRY 18
#define PVH_MAGIC             0x336ec578u
#define MAX_PVH_MODULES       64 /* their list has a page before the memory map */

/* The fields that matter of either class of program header. */
struct segment_header {
    uint32_t type;
    uint64_t offset, paddr, filesz, memsz, align;
};

/* Zeroes are written one by one: more is a mistake. */
#define SEGMENT_MOST (4ull << 30)

bool boot_is_elf(const uint8_t *file, size_t len)
{
    return len >= sizeof(Elf32_Ehdr) && !memcmp(file, ELFMAG, SELFMAG);
}

/* Number of program headers, 0 if the table is not within the file or the file not x86 of its class. */
static unsigned count_segments(const uint8_t *file, size_t len)
{
    uint64_t phoff;
    unsigned phnum, phentsize, want;

    if (file[EI_DATA] != ELFDATA2LSB) {
        return 0;
    }
    if (file[EI_CLASS] == ELFCLASS64) {
        Elf64_Ehdr h;

        if (len < sizeof(h)) {
            return 0;
        }
        memcpy(&h, file, sizeof(h));
        phoff = h.e_phoff;
        phnum = h.e_machine == EM_X86_64 ? h.e_phnum : 0;
        phentsize = h.e_phentsize;
        want = sizeof(Elf64_Phdr);
    } else {
        Elf32_Ehdr h;

        memcpy(&h, file, sizeof(h));
        phoff = h.e_phoff;
        phnum = h.e_machine == EM_386 || h.e_machine == EM_X86_64 ? h.e_phnum : 0;
        phentsize = h.e_phentsize;
        want = sizeof(Elf32_Phdr);
    }
    if (phentsize != want || phoff > len || (uint64_t)phnum * want > len - phoff) {
        return 0;
    }
    return phnum;
}

static void read_segment(const uint8_t *file, unsigned n, struct segment_header *s)
{
    if (file[EI_CLASS] == ELFCLASS64) {
        Elf64_Ehdr h;
        Elf64_Phdr p;

        memcpy(&h, file, sizeof(h));
        memcpy(&p, file + h.e_phoff + n * sizeof(p), sizeof(p));
        *s = (struct segment_header){ p.p_type,   p.p_offset, p.p_paddr,
                                      p.p_filesz, p.p_memsz,  p.p_align };
    } else {
        Elf32_Ehdr h;
        Elf32_Phdr p;

        memcpy(&h, file, sizeof(h));
        memcpy(&p, file + h.e_phoff + n * sizeof(p), sizeof(p));
        *s = (struct segment_header){ p.p_type,   p.p_offset, p.p_paddr,
                                      p.p_filesz, p.p_memsz,  p.p_align };
    }
}

static uint64_t elf_entry(const uint8_t *file)
{
    if (file[EI_CLASS] == ELFCLASS64) {
        Elf64_Ehdr h;

        memcpy(&h, file, sizeof(h));
        return h.e_entry;
    } else {
        Elf32_Ehdr h;

        memcpy(&h, file, sizeof(h));
        return h.e_entry;
    }
}

bool boot_add_elf(struct boot_image *b, const uint8_t *file, size_t len, uint64_t *entry,
                  uint64_t *top, GError **error)
{
    unsigned n = count_segments(file, len), loaded = 0;

    *top = 0;
    for (unsigned k = 0; k < n; k++) {
        struct segment_header s;

        read_segment(file, k, &s);
        if (s.type != PT_LOAD || !s.memsz) {
            continue;
        }
        if (s.offset > len || s.filesz > len - s.offset || s.filesz > s.memsz) {
            set_error(error,
                      "kernel file '%s' is truncated or damaged: segment %u has bytes 0x%" PRIx64
                      " to 0x%" PRIx64 " of %zu",
                      b->cfg.kernel, k, s.offset, s.offset + s.filesz, len);
            return false;
        }
        if (!boot_add(b, "kernel", s.paddr, s.memsz, g_bytes_new(file + s.offset, s.filesz),
                      error)) {
            return false;
        }
        *top = MAX(*top, s.paddr + s.memsz);
        loaded++;
    }
    if (!loaded) {
        set_error(error, "kernel file '%s' is an ELF image without loadable x86 segments",
                  b->cfg.kernel);
        return false;
    }
    *entry = elf_entry(file);
    return true;
}

/* Of a segment that belongs in memory; the others are skipped. */
static bool is_loaded(const struct segment_header *s)
{
    return s->type == PT_LOAD && s->memsz;
}

bool boot_elf_segments(const uint8_t *file, size_t len,
                       void (*load)(void *opaque, uint64_t addr, const uint8_t *bytes,
                                    uint64_t filled, uint64_t len),
                       void *opaque, uint64_t *entry)
{
    unsigned n = count_segments(file, len), loaded = 0;
    struct segment_header s;

    for (unsigned k = 0; k < n; k++) {
        read_segment(file, k, &s);
        if (is_loaded(&s) && (s.offset > len || s.filesz > len - s.offset || s.filesz > s.memsz ||
                              s.memsz > SEGMENT_MOST)) {
            return false;
        }
        loaded += is_loaded(&s);
    }
    for (unsigned k = 0; k < n && load; k++) {
        read_segment(file, k, &s);
        if (is_loaded(&s)) {
            load(opaque, s.paddr, file + s.offset, s.filesz, s.memsz);
        }
    }
    *entry = n ? elf_entry(file) : 0;
    return loaded > 0;
}

/* Walks one PT_NOTE segment. */
static bool find_note(const uint8_t *p, uint64_t len, uint64_t align, uint32_t *entry)
{
    uint64_t pos = 0;

    align = align == 8 ? 8 : 4;
    while (pos + sizeof(Elf32_Nhdr) <= len) {
        Elf32_Nhdr h;
        uint64_t name, desc;

        memcpy(&h, p + pos, sizeof(h));
        name = pos + sizeof(h);
        desc = name + ((h.n_namesz + align - 1) & ~(align - 1));
        if (desc > len || h.n_descsz > len - desc) {
            return false;
        }
        if (h.n_type == PVH_NOTE_PHYS32_ENTRY && h.n_namesz == 4 && !memcmp(p + name, "Xen", 4) &&
            h.n_descsz >= 4) {
            memcpy(entry, p + desc, 4);
            return true;
        }
        pos = desc + ((h.n_descsz + align - 1) & ~(align - 1));
    }
    return false;
}

bool boot_elf_pvh_entry(const uint8_t *file, size_t len, uint32_t *entry)
{
    unsigned n = count_segments(file, len);

    for (unsigned k = 0; k < n; k++) {
        struct segment_header s;

        read_segment(file, k, &s);
        if (s.type == PT_NOTE && s.offset <= len && s.filesz <= len - s.offset &&
            find_note(file + s.offset, s.filesz, s.align, entry)) {
            return true;
        }
    }
    return false;
}

/* PVH ------------------------------------------------------------------------------------------- */

struct pvh_start_info {
    uint32_t magic, version, flags, nr_modules;
    uint64_t modlist, cmdline, rsdp, memmap;
    uint32_t memmap_entries, reserved;
};

struct pvh_module {
    uint64_t addr, size, cmdline, reserved;
};

struct pvh_memmap {
    uint64_t addr, size;
    uint32_t type, reserved;
};

static bool add_pvh_modules(struct boot_image *b, struct pvh_start_info *info, GError **error)
{
    g_auto(GStrv) names = boot_split_list(b->cfg.initrd);
    GArray *list = g_array_new(FALSE, TRUE, sizeof(struct pvh_module));

    if (g_strv_length(names) > MAX_PVH_MODULES) {
        set_error(error, "-initrd names more than %u PVH modules", MAX_PVH_MODULES);
        g_array_free(list, TRUE);
        return false;
    }
    for (unsigned k = 0; names[k]; k++) {
        GBytes *data = boot_read_file("initrd", names[k], error);
        struct pvh_module m = { 0 };

        if (!data) {
            g_array_free(list, TRUE);
            return false;
        }
        m.size = g_bytes_get_size(data);
        m.addr = boot_find_room(b, m.size, UINT32_MAX);
        if (m.size && !m.addr) {
            set_error(error, "initrd '%s' has %" PRIu64 " bytes, which do not fit into RAM",
                      names[k], m.size);
            g_bytes_unref(data);
            g_array_free(list, TRUE);
            return false;
        }
        if (!boot_add(b, "initrd", m.addr, m.size, data, error)) {
            g_array_free(list, TRUE);
            return false;
        }
        g_array_append_val(list, m);
    }
    info->nr_modules = list->len;
    info->modlist = BOOT_MODULES;
    return boot_add(b, "module list", BOOT_MODULES, list->len * sizeof(struct pvh_module),
                    g_bytes_new_take(list->data, list->len * sizeof(struct pvh_module)), error) &&
           (g_array_free(list, FALSE), true);
}

static bool add_pvh_memmap(struct boot_image *b, struct pvh_start_info *info, GError **error)
{
    struct pvh_memmap *map = g_new0(struct pvh_memmap, b->cfg.n_e820);

    for (unsigned k = 0; k < b->cfg.n_e820; k++) {
        map[k].addr = b->cfg.e820[k].addr;
        map[k].size = b->cfg.e820[k].size;
        map[k].type = b->cfg.e820[k].type;
    }
    info->memmap = BOOT_MODULES + 0x2000;
    info->memmap_entries = b->cfg.n_e820;
    return boot_add(b, "memory map", info->memmap, b->cfg.n_e820 * sizeof(*map),
                    g_bytes_new_take(map, b->cfg.n_e820 * sizeof(*map)), error);
}

bool boot_load_pvh(struct boot_image *b, const uint8_t *file, size_t len, GError **error)
{
    struct pvh_start_info info = { .magic = PVH_MAGIC, .version = 1 };
    size_t cmdline_len = strlen(b->cfg.append);
    uint32_t pvh_entry;
    uint64_t entry, top;

    if (!boot_elf_pvh_entry(file, len, &pvh_entry)) {
        set_error(error,
                  "kernel file '%s' is an ELF image without a PVH note or a multiboot header, so "
                  "there is no way to enter it",
                  b->cfg.kernel);
        return false;
    }
    if (cmdline_len >= BOOT_CMDLINE_MAX) {
        set_error(error, "-append has %zu characters, must be fewer than %u", cmdline_len,
                  BOOT_CMDLINE_MAX);
        return false;
    }
    if (!boot_add_elf(b, file, len, &entry, &top, error) ||
        (b->cfg.initrd && !add_pvh_modules(b, &info, error)) || !add_pvh_memmap(b, &info, error) ||
        !boot_add(b, "command line", BOOT_CMDLINE, cmdline_len + 1,
                  g_bytes_new(b->cfg.append, cmdline_len + 1), error)) {
        return false;
    }
    info.cmdline = BOOT_CMDLINE;
    info.rsdp = b->cfg.rsdp;
    b->mode = BOOT_FLAT32;
    b->entry = pvh_entry;
    b->ebx = BOOT_PARAMS;
    return boot_add(b, "start info", BOOT_PARAMS, sizeof(info), g_bytes_new(&info, sizeof(info)),
                    error);
}
