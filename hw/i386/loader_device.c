/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/loader_device.c: -device loader: bytes that are in guest memory, and where a CPU begins, at every reset.
 * Source: QEMU's documentation, "Generic Loader".
 *
 * Invariant: what a realized loader writes was read and checked then; nothing is read later.
 * Thread:    under the machine lock, vCPUs stopped.
 */
#include <inttypes.h>
#include <string.h>
#include "hw/i386/boot_elf.h"
#include "hw/i386/pc.h"
#include "softmmu/machine.h"
#include "target/i386/cpu.h"
#include "util/error.h"

#define NO_CPU    UINT32_MAX
#define FILE_MOST (1ull << 31)

struct loader {
    struct device dev;
    uint64_t addr, data; /* properties */
    uint8_t data_len;    /* 0: no data */
    bool data_be, force_raw;
    char *file;
    uint32_t cpu_num;
    char *bytes; /* of the file; NULL: none */
    size_t len;
    bool elf;
    uint64_t entry; /* where the CPU begins */
};

static void write_segment(void *opaque, uint64_t addr, const uint8_t *bytes, uint64_t filled,
                          uint64_t len)
{
    struct machine *m = opaque;
    static const uint8_t zeroes[4096];

    address_space_write(&m->memory, addr, bytes, filled);
    while (filled < len) {
        uint64_t n = MIN(len - filled, sizeof(zeroes));

        address_space_write(&m->memory, addr + filled, zeroes, n);
        filled += n;
    }
}

/* Only what is RAM or ROM shadowed in RAM takes it; the rest is written to nobody. */
static void load(void *opaque)
{
    struct loader *s = opaque;
    struct machine *m = s->dev.machine;
    struct pc *pc = m->board;
    uint64_t unused;

    if (m->waking) {
        return; /* RAM is the sleeper's */
    }
    if (s->elf) {
        boot_elf_segments((const uint8_t *)s->bytes, s->len, write_segment, m, &unused);
    } else if (s->bytes) {
        address_space_write(&m->memory, s->addr, (const uint8_t *)s->bytes, s->len);
    } else if (s->data_len) {
        uint64_t v =
            s->data_be ? GUINT64_TO_BE(s->data << (64 - 8 * s->data_len)) : GUINT64_TO_LE(s->data);

        address_space_write(&m->memory, s->addr, (const uint8_t *)&v, s->data_len);
    }
    if (s->cpu_num != NO_CPU) {
        pc->cpus[s->cpu_num]->regs[R_RIP] = s->entry;
    }
}

/* What the properties mean together. */
static const char *misuse(const struct loader *s)
{
    if (s->data_len || s->data || s->data_be) {
        return s->file                ? "Specifying a file is not supported with data"
               : s->force_raw         ? "Specifying force-raw is not supported with data"
               : !s->data_len         ? "Both data and data-len must be specified"
               : s->data_len > 8      ? "data-len cannot be greater then 8 bytes"
               : s->cpu_num != NO_CPU ? "Specifying cpu-num is not supported with data"
                                      : NULL;
    }
    if (s->file) {
        return NULL;
    }
    return s->force_raw ? "force-raw is of a file"
           : !s->addr || s->cpu_num == NO_CPU
               ? "please include valid arguments: file=, or addr= and "
                 "data= and data-len=, or addr= and cpu-num="
               : NULL;
}

static bool read_file(struct loader *s, GError **error)
{
    uint64_t entry;

    if (!g_file_get_contents(s->file, &s->bytes, &s->len, error)) {
        g_prefix_error(error, "Cannot load specified image %s: ", s->file);
        return false;
    }
    if (s->len > FILE_MOST) {
        set_error(error, "Cannot load specified image %s: it has more than 2 GiB", s->file);
        return false;
    }
    if (!s->force_raw && boot_is_elf((const uint8_t *)s->bytes, s->len)) {
        if (!boot_elf_segments((const uint8_t *)s->bytes, s->len, NULL, NULL, &entry)) {
            set_error(error, "Cannot load specified image %s: it is no whole ELF image for x86",
                      s->file);
            return false;
        }
        s->elf = true;
        s->entry = entry;
    }
    return true;
}

static bool loader_realize(struct device *dev, GError **error)
{
    struct loader *s = (struct loader *)dev;
    const char *why = misuse(s);

    if (why) {
        set_error(error, "loader: %s", why);
        return false;
    }
    if (s->cpu_num != NO_CPU && s->cpu_num >= dev->machine->n_vcpus) {
        set_error(error, "loader: Specified boot CPU#%u is nonexistent: there are %u", s->cpu_num,
                  dev->machine->n_vcpus);
        return false;
    }
    s->entry = s->addr;
    if (s->file && !read_file(s, error)) {
        g_clear_pointer(&s->bytes, g_free);
        return false;
    }
    machine_add_reset_hook(dev->machine, load, s);
    return true;
}

static void loader_unrealize(struct device *dev)
{
    g_clear_pointer(&((struct loader *)dev)->bytes, g_free);
}

static const struct property loader_props[] = {
    PROP_U64(struct loader, "addr", addr, 0, "where bytes go, or the CPU begins"),
    PROP_U32(struct loader, "cpu-num", cpu_num, NO_CPU,
             "the CPU that begins there (default: none)"),
    PROP_U64(struct loader, "data", data, 0, "a number"),
    PROP_BOOL(struct loader, "data-be", data_be, false, "its highest byte comes first"),
    PROP_U8(struct loader, "data-len", data_len, 0, "its bytes: 1 to 8"),
    PROP_STRING(struct loader, "file", file, NULL, "an ELF image, or any bytes"),
    PROP_BOOL(struct loader, "force-raw", force_raw, false, "an ELF image is any bytes, too"),
    { 0 },
};

static const struct state_row loader_state[] = { { 0 } };

const struct device_type loader_type = {
    .name = "loader",
    .summary = "Generic Loader: bytes in memory, where a CPU begins",
    .bus = BUS_NONE,
    .cold_only = true,
    .size = sizeof(struct loader),
    .props = loader_props,
    .state = loader_state,
    .realize = loader_realize,
    .unrealize = loader_unrealize,
};
