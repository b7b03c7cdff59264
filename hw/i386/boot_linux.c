/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/boot_linux.c: Linux bzImage, by the boot protocol (kernel Documentation/arch/x86/boot.rst
 * and zero-page.rst).  The payload is unpacked on the host and entered where its own decompressor
 * would jump: 64-bit ELF with paging on, 32-bit ELF with paging off.  A payload in a format that this
 * build cannot unpack is left to the kernel's decompressor, entered by the same protocols.
 * Thread: under the machine lock.
 */
#include <inttypes.h>
#include <string.h>
#include "hw/i386/boot_internal.h"
#include "hw/i386/decompress.h"
#include "util/error.h"

/* Offsets in the file's first sectors, and the same in the zero page. */
#define HDR_SETUP_SECTS  0x1f1
#define HDR_SYSSIZE      0x1f4 /* of the part behind the setup sectors, in 16 bytes */
#define HDR_MAGIC        0x202 /* "HdrS" */
#define HDR_VERSION      0x206
#define HDR_LOADER       0x210
#define HDR_LOADFLAGS    0x211
#define HDR_RAMDISK      0x218
#define HDR_RAMDISK_SIZE 0x21c
#define HDR_HEAP_END     0x224
#define HDR_CMDLINE      0x228
#define HDR_INITRD_MAX   0x22c
#define HDR_XLOADFLAGS   0x236
#define HDR_CMDLINE_SIZE 0x238
#define HDR_PAYLOAD      0x248
#define HDR_PAYLOAD_LEN  0x24c
#define HDR_PREF_ADDRESS 0x258
#define HDR_INIT_SIZE    0x260
#define HDR_END          0x268
#define ZP_RSDP          0x070
#define ZP_E820_COUNT    0x1e8
#define ZP_E820          0x2d0
#define ZP_E820_MAX      128
#define ZP_SIZE          4096

#define MIN_VERSION   0x0208 /* the first with payload_offset */
#define XLF_KERNEL_64 1
#define MAX_UNPACKED  (1u << 30)

static uint32_t get32(const uint8_t *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static void put(uint8_t *p, uint64_t v, unsigned size)
{
    for (unsigned k = 0; k < size; k++) {
        p[k] = (uint8_t)(v >> (8 * k));
    }
}

bool boot_is_linux(const uint8_t *file, size_t len)
{
    return len >= HDR_END && !memcmp(file + HDR_MAGIC, "HdrS", 4) && file[0x1fe] == 0x55 &&
           file[0x1ff] == 0xaa;
}

/* The part behind the setup sectors, and in it the payload; both within the file. */
static bool find_payload(struct boot_image *b, const uint8_t *file, size_t len, size_t *code,
                         size_t *payload, size_t *payload_len, GError **error)
{
    unsigned version = get16(file + HDR_VERSION);
    unsigned sects = file[HDR_SETUP_SECTS] ? file[HDR_SETUP_SECTS] : 4;
    uint64_t offset = get32(file + HDR_PAYLOAD), size = get32(file + HDR_PAYLOAD_LEN), begin, whole;

    *code = (sects + 1) * 512;
    if (version < MIN_VERSION) {
        set_error(error,
                  "kernel file '%s' uses boot protocol %u.%02u, must be at least %u.%02u (Linux "
                  "2.6.26)",
                  b->cfg.kernel, version >> 8, version & 0xff, MIN_VERSION >> 8,
                  MIN_VERSION & 0xff);
        return false;
    }
    begin = *code + offset;
    if (begin + size > len || size < 8) {
        set_error(error,
                  "kernel file '%s' is truncated or damaged: its payload ends at byte %" PRIu64
                  ", the file has %zu",
                  b->cfg.kernel, begin + size, len);
        return false;
    }
    whole = *code + 16 * (uint64_t)get32(file + HDR_SYSSIZE);
    if (whole > len) {
        set_error(error,
                  "kernel file '%s' is truncated: it should have %" PRIu64 " bytes and has %zu",
                  b->cfg.kernel, whole, len);
        return false;
    }
    *payload = (size_t)begin;
    *payload_len = (size_t)size;
    return true;
}

/* The kernel's own decompressor, which wants its image at the preferred address. */
static bool add_packed(struct boot_image *b, const uint8_t *file, size_t len, size_t code,
                       uint64_t *top, GError **error)
{
    bool wide = get16(file + HDR_XLOADFLAGS) & XLF_KERNEL_64;
    uint64_t at = get32(file + HDR_PREF_ADDRESS) | (uint64_t)get32(file + HDR_PREF_ADDRESS + 4)
                                                       << 32;
    uint64_t size = MAX(len - code, get32(file + HDR_INIT_SIZE));

    if (!boot_add(b, "packed kernel", at, size, g_bytes_new(file + code, len - code), error)) {
        return false;
    }
    b->mode = wide ? BOOT_LONG64 : BOOT_FLAT32;
    b->entry = at + (wide ? 0x200 : 0);
    *top = at + size;
    return true;
}

static bool add_kernel(struct boot_image *b, const uint8_t *file, size_t len, uint64_t *top,
                       GError **error)
{
    size_t code, at, size;
    g_autoptr(GByteArray) unpacked = NULL;
    const uint8_t *elf;
    size_t elf_len;

    if (!find_payload(b, file, len, &code, &at, &size, error)) {
        return false;
    }
    elf = file + at;
    elf_len = size;
    if (!boot_is_elf(elf, elf_len)) {
        if (!compression_supported(file + at, size)) {
            return add_packed(b, file, len, code, top, error);
        }
        /* The last four bytes are the unpacked size, put there by the kernel's build. */
        unpacked = decompress(file + at, size, MAX_UNPACKED, error);
        if (!unpacked) {
            g_prefix_error(error, "kernel file '%s': ", b->cfg.kernel);
            return false;
        }
        elf = unpacked->data;
        elf_len = unpacked->len;
    }
    if (!boot_is_elf(elf, elf_len)) {
        set_error(error, "kernel file '%s': its payload is not an ELF image", b->cfg.kernel);
        return false;
    }
    b->mode = elf[4] == 2 ? BOOT_LONG64 : BOOT_FLAT32;
    return boot_add_elf(b, elf, elf_len, &b->entry, top, error);
}

/* All initrds one after another, each begun on 4 bytes as the kernel's unpacker wants. */
GBytes *boot_read_initrds(const char *list, GError **error)
{
    g_auto(GStrv) names = boot_split_list(list);
    GByteArray *all = g_byte_array_new();
    static const uint8_t padding[4];

    for (unsigned k = 0; names[k]; k++) {
        g_autoptr(GBytes) one = boot_read_file("initrd", names[k], error);
        size_t len;
        const void *data;

        if (!one) {
            g_byte_array_unref(all);
            return NULL;
        }
        data = g_bytes_get_data(one, &len);
        if (all->len + len > G_MAXINT32) {
            set_error(error, "initrd '%s' is too large: 2 GiB at most", list);
            g_byte_array_unref(all);
            return NULL;
        }
        g_byte_array_append(all, padding, -all->len & 3);
        g_byte_array_append(all, data, (guint)len);
    }
    return g_byte_array_free_to_bytes(all);
}

static bool add_initrd(struct boot_image *b, uint8_t *zero_page, uint64_t kernel_top,
                       GError **error)
{
    GBytes *data = boot_read_initrds(b->cfg.initrd, error);
    uint64_t limit = (uint64_t)get32(zero_page + HDR_INITRD_MAX) + 1, size, at;

    if (!data) {
        return false;
    }
    size = g_bytes_get_size(data);
    at = boot_find_room(b, size, limit);
    if (size && at < kernel_top) {
        set_error(error,
                  "initrd '%s' has %" PRIu64
                  " bytes, which do not fit beside the kernel in %" PRIu64
                  " MiB of RAM; give the machine more with -m",
                  b->cfg.initrd, size, (b->cfg.ram_below_4g + b->cfg.ram_above_4g) >> 20);
        g_bytes_unref(data);
        return false;
    }
    put(zero_page + HDR_RAMDISK, at, 4);
    put(zero_page + HDR_RAMDISK_SIZE, size, 4);
    return boot_add(b, "initrd", at, size, data, error);
}

static bool add_cmdline(struct boot_image *b, const uint8_t *zero_page, GError **error)
{
    size_t len = strlen(b->cfg.append), max = get32(zero_page + HDR_CMDLINE_SIZE);

    max = MIN(max ? max : 255, BOOT_CMDLINE_MAX - 1);
    if (len > max) {
        set_error(error, "-append has %zu characters, the kernel takes at most %zu", len, max);
        return false;
    }
    return boot_add(b, "command line", BOOT_CMDLINE, len + 1, g_bytes_new(b->cfg.append, len + 1),
                    error);
}

static void fill_e820(const struct boot_image *b, uint8_t *zero_page)
{
    unsigned n = MIN(b->cfg.n_e820, ZP_E820_MAX);

    zero_page[ZP_E820_COUNT] = (uint8_t)n;
    for (unsigned k = 0; k < n; k++) {
        uint8_t *e = zero_page + ZP_E820 + 20 * k;

        put(e, b->cfg.e820[k].addr, 8);
        put(e + 8, b->cfg.e820[k].size, 8);
        put(e + 16, b->cfg.e820[k].type, 4);
    }
}

bool boot_load_linux(struct boot_image *b, const uint8_t *file, size_t len, GError **error)
{
    uint8_t zp[ZP_SIZE] = { 0 };
    size_t header_end = MIN((size_t)0x202 + file[0x201], HDR_END + 0x18u);
    uint64_t top = 0;

    memcpy(zp + HDR_SETUP_SECTS, file + HDR_SETUP_SECTS, MIN(header_end, len) - HDR_SETUP_SECTS);
    if (!add_kernel(b, file, len, &top, error)) {
        return false;
    }
    zp[HDR_LOADER] = 0xff; /* no assigned number */
    zp[HDR_LOADFLAGS] |= 0x01;
    put(zp + HDR_CMDLINE, BOOT_CMDLINE, 4);
    put(zp + ZP_RSDP, b->cfg.rsdp, 8);
    fill_e820(b, zp);
    if (!add_cmdline(b, zp, error)) {
        return false;
    }
    if (b->cfg.initrd && !add_initrd(b, zp, top, error)) {
        return false;
    }
    b->rsi = BOOT_PARAMS;
    return boot_add(b, "zero page", BOOT_PARAMS, ZP_SIZE, g_bytes_new(zp, ZP_SIZE), error);
}
