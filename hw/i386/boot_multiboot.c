/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/boot_multiboot.c: Multiboot 1 images (specification 0.6.96): ELF32, or any file whose header
 * gives load addresses (flag 16).  Modules come from -initrd: "file arguments,file arguments".
 * Thread: under the machine lock.
 */
#include <elf.h>
#include <inttypes.h>
#include <string.h>
#include "hw/i386/boot_internal.h"
#include "util/error.h"

#define MULTIBOOT_MAGIC    0x1badb002u
#define MULTIBOOT_LOADED   0x2badb002u
#define MULTIBOOT_SEARCH   8192u
#define FLAG_WANTS_VIDEO   (1u << 2)
#define FLAG_HAS_ADDRESSES (1u << 16)
#define INFO_MEMORY        (1u << 0)
#define INFO_CMDLINE       (1u << 2)
#define INFO_MODULES       (1u << 3)
#define INFO_MEMMAP        (1u << 6)
#define INFO_LOADER        (1u << 9)
#define MAX_MODULES        64

struct multiboot_header {
    uint32_t magic, flags, checksum;
    uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};

struct multiboot_info {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr;
    uint32_t syms[4];
    uint32_t mmap_length, mmap_addr, drives_length, drives_addr, config_table, loader_name, apm;
};

struct multiboot_module {
    uint32_t start, end, string, reserved;
};

/* The header's offset, -1: none. */
static int find_header(const uint8_t *file, size_t len, struct multiboot_header *h)
{
    for (size_t at = 0; at + 12 <= MIN(len, MULTIBOOT_SEARCH); at += 4) {
        memcpy(h, file + at, 12);
        if (h->magic == MULTIBOOT_MAGIC && h->magic + h->flags + h->checksum == 0) {
            size_t n = MIN(sizeof(*h), len - at);

            memset(h, 0, sizeof(*h));
            memcpy(h, file + at, n);
            return (int)at;
        }
    }
    return -1;
}

bool boot_is_multiboot(const uint8_t *file, size_t len)
{
    struct multiboot_header h;

    return find_header(file, len, &h) >= 0;
}

static bool add_by_addresses(struct boot_image *b, const uint8_t *file, size_t len, size_t at,
                             const struct multiboot_header *h, GError **error)
{
    uint64_t before = (uint64_t)h->header_addr - h->load_addr, offset, size, memory;

    if (h->header_addr < h->load_addr || before > at) {
        set_error(error,
                  "kernel file '%s': multiboot header_addr 0x%x does not match load_addr 0x%x",
                  b->cfg.kernel, h->header_addr, h->load_addr);
        return false;
    }
    offset = at - before;
    size = h->load_end_addr ? (uint64_t)h->load_end_addr - h->load_addr : len - offset;
    memory = h->bss_end_addr ? (uint64_t)h->bss_end_addr - h->load_addr : size;
    if ((h->load_end_addr && h->load_end_addr < h->load_addr) || size > len - offset ||
        (h->bss_end_addr && h->bss_end_addr < h->load_addr)) {
        set_error(error,
                  "kernel file '%s' is truncated or damaged: its multiboot addresses want %" PRIu64
                  " bytes from byte %" PRIu64 " of %zu",
                  b->cfg.kernel, size, offset, len);
        return false;
    }
    b->entry = h->entry_addr;
    return boot_add(b, "kernel", h->load_addr, MAX(memory, size),
                    g_bytes_new(file + offset, (size_t)size), error);
}

/* Strings and tables in one low blob: offsets are taken while it grows. */
static uint32_t add_string(GByteArray *low, const char *text)
{
    uint32_t at = BOOT_CMDLINE + low->len;

    g_byte_array_append(low, (const uint8_t *)text, (guint)strlen(text) + 1);
    return at;
}

static bool add_modules(struct boot_image *b, struct multiboot_info *info, GByteArray *low,
                        GError **error)
{
    g_auto(GStrv) specs = boot_split_list(b->cfg.initrd);
    struct multiboot_module mods[MAX_MODULES] = { 0 };
    unsigned n = 0;

    for (; specs[n]; n++) {
        g_autofree char *path = g_strdup(specs[n]);
        char *space = strchr(path, ' ');
        GBytes *data;
        uint64_t size, at;

        if (n == MAX_MODULES) {
            set_error(error, "-initrd names more than %u multiboot modules", MAX_MODULES);
            return false;
        }
        if (space) {
            *space = '\0';
        }
        data = boot_read_file("initrd", path, error);
        if (!data) {
            return false;
        }
        size = g_bytes_get_size(data);
        at = boot_find_room(b, size, UINT32_MAX);
        if (size && !at) {
            set_error(error, "initrd '%s' has %" PRIu64 " bytes, which do not fit into RAM", path,
                      size);
            g_bytes_unref(data);
            return false;
        }
        if (!boot_add(b, "module", at, size, data, error)) {
            return false;
        }
        mods[n] = (struct multiboot_module){ (uint32_t)at, (uint32_t)(at + size),
                                             add_string(low, specs[n]), 0 };
    }
    g_byte_array_set_size(low, (low->len + 3) & ~3u);
    info->flags |= INFO_MODULES;
    info->mods_count = n;
    info->mods_addr = BOOT_CMDLINE + low->len;
    g_byte_array_append(low, (const uint8_t *)mods, (guint)(n * sizeof(mods[0])));
    return true;
}

static void add_memmap(struct boot_image *b, struct multiboot_info *info, GByteArray *low)
{
    g_byte_array_set_size(low, (low->len + 3) & ~3u);
    info->mmap_addr = BOOT_CMDLINE + low->len;
    for (unsigned k = 0; k < b->cfg.n_e820; k++) {
        const struct e820_entry *e = &b->cfg.e820[k];
        uint32_t size = 20; /* of what follows */

        g_byte_array_append(low, (const uint8_t *)&size, 4);
        g_byte_array_append(low, (const uint8_t *)&e->addr, 8);
        g_byte_array_append(low, (const uint8_t *)&e->size, 8);
        g_byte_array_append(low, (const uint8_t *)&e->type, 4);
        if (e->type == E820_RAM && e->addr == 0) {
            info->mem_lower = (uint32_t)(MIN(e->size, 640u << 10) >> 10);
        } else if (e->type == E820_RAM && e->addr == 0x100000) {
            info->mem_upper = (uint32_t)(e->size >> 10);
        }
    }
    info->mmap_length = BOOT_CMDLINE + low->len - info->mmap_addr;
    info->flags |= INFO_MEMMAP | INFO_MEMORY;
}

bool boot_load_multiboot(struct boot_image *b, const uint8_t *file, size_t len, GError **error)
{
    struct multiboot_header h;
    struct multiboot_info info = { 0 };
    int at = find_header(file, len, &h);
    g_autoptr(GByteArray) low = g_byte_array_new();
    g_autofree char *cmdline = g_strdup_printf("%s %s", b->cfg.kernel, b->cfg.append);
    uint64_t top;

    if (h.flags & FLAG_WANTS_VIDEO) {
        /* A wish, not a demand: the machine has no video mode to give, and says so in the flags. */
        h.flags &= ~FLAG_WANTS_VIDEO;
    }
    if (h.flags & 0xfffc) {
        set_error(error, "kernel file '%s': multiboot flags 0x%x ask for what does not exist",
                  b->cfg.kernel, h.flags & 0xffff);
        return false;
    }
    if (h.flags & FLAG_HAS_ADDRESSES) {
        if (!add_by_addresses(b, file, len, (size_t)at, &h, error)) {
            return false;
        }
    } else if (!boot_is_elf(file, len)) {
        set_error(error,
                  "kernel file '%s' has a multiboot header without load addresses and is not ELF",
                  b->cfg.kernel);
        return false;
    } else if (file[EI_CLASS] != ELFCLASS32) {
        set_error(error,
                  "kernel file '%s' is a 64-bit multiboot ELF image; multiboot takes 32-bit ones",
                  b->cfg.kernel);
        return false;
    } else if (!boot_add_elf(b, file, len, &b->entry, &top, error)) {
        return false;
    }
    info.cmdline = add_string(low, cmdline);
    info.loader_name = add_string(low, "rhea");
    info.flags = INFO_CMDLINE | INFO_LOADER;
    if (b->cfg.initrd && !add_modules(b, &info, low, error)) {
        return false;
    }
    add_memmap(b, &info, low);
    b->mode = BOOT_FLAT32;
    b->eax = MULTIBOOT_LOADED;
    b->ebx = BOOT_PARAMS;
    return boot_add(b, "boot strings", BOOT_CMDLINE, low->len, g_bytes_new(low->data, low->len),
                    error) &&
           boot_add(b, "boot information", BOOT_PARAMS, sizeof(info),
                    g_bytes_new(&info, sizeof(info)), error);
}
