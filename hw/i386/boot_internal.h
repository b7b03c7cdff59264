/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/boot_internal.h: what the loaders of the kernel formats share.  A loader turns files into
 * blobs with guest addresses and an entry state; boot.c copies and enters.
 */
#ifndef HW_I386_BOOT_INTERNAL_H
#define HW_I386_BOOT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include "hw/i386/boot.h"
#include "hw/i386/boot_elf.h"

/* Low memory that direct boot uses; all of it is RAM on every board. */
#define BOOT_GDT         0x1000u
#define BOOT_TABLES      0x2000u /* PML4, PDPT, four page directories */
#define BOOT_PARAMS      0x10000u
#define BOOT_MODULES     0x11000u /* module lists, memory maps */
#define BOOT_CMDLINE     0x20000u
#define BOOT_CMDLINE_MAX 0x10000u

enum boot_mode { BOOT_FLAT32, BOOT_LONG64 };

/* Bytes for guest RAM, written at a reset and then let go; `size` beyond data's length is zeroed. */
struct boot_blob {
    const char *what; /* "initrd", for messages */
    uint64_t addr, size;
    GBytes *data;
};

struct boot_image {
    struct machine *machine;
    struct boot_config cfg; /* strings and map are copies */
    GArray *blobs;          /* struct boot_blob; none: to be read again */
    char *more;             /* behind cfg.append */
    enum boot_mode mode;
    uint64_t entry;
    uint32_t eax, ebx;
    uint64_t rsi;
};

/* A whole file, at most 2 GiB.  *error: "could not open KIND file 'PATH': why". */
GBytes *boot_read_file(const char *kind, const char *path, GError **error);
/*
 * Takes a range of low RAM for a blob (the reference to data is taken over; NULL: zeroes).  False:
 * it is not RAM, or it overlaps another.
 */
bool boot_add(struct boot_image *b, const char *what, uint64_t addr, uint64_t size, GBytes *data,
              GError **error);
/* Finds room for size bytes, page-aligned, as high as possible below `limit`; 0: none. */
uint64_t boot_find_room(struct boot_image *b, uint64_t size, uint64_t limit);
/* Splits a comma-separated list, ",," being a comma.  Free with g_strfreev. */
char **boot_split_list(const char *text);

/* The files of a comma-separated list as one. */
GBytes *boot_read_initrds(const char *list, GError **error);
bool boot_load_linux(struct boot_image *b, const uint8_t *file, size_t len, GError **error);
bool boot_is_linux(const uint8_t *file, size_t len);
bool boot_load_multiboot(struct boot_image *b, const uint8_t *file, size_t len, GError **error);
bool boot_is_multiboot(const uint8_t *file, size_t len);
bool boot_load_pvh(struct boot_image *b, const uint8_t *file, size_t len, GError **error);

/* ELF: adds the loadable segments at their physical addresses; *top: first byte behind them. */
bool boot_add_elf(struct boot_image *b, const uint8_t *file, size_t len, uint64_t *entry,
                  uint64_t *top, GError **error);
/* The 32-bit entry of a PVH note; false: there is none. */
bool boot_elf_pvh_entry(const uint8_t *file, size_t len, uint32_t *entry);

#endif
