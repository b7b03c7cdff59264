/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/bios.c: see bios.h.
 * Thread: under the machine lock.
 */
#include "hw/i386/bios.h"

#include <string.h>
#include "hw/i386/boot_internal.h"
#include "util/error.h"

#define BIOS_MIN      (64u << 10)
#define BIOS_MAX      (16u << 20)
#define BIOS_UNIT     (64u << 10)
#define BIOS_LOW_SIZE (128u << 10) /* what shows below 1 MiB */

/* The path of a data file; NULL: it is nowhere. */
static char *find_file(struct machine *m, const char *name)
{
    if (g_file_test(name, G_FILE_TEST_IS_REGULAR)) {
        return g_strdup(name);
    }
    for (unsigned i = 0; !strchr(name, '/') && i < m->config.data_dirs->len; i++) {
        char *path = g_build_filename(g_ptr_array_index(m->config.data_dirs, i), name, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
            return path;
        }
        g_free(path);
    }
    return NULL;
}

static void set_not_found(struct machine *m, const char *name, const char *package, GError **error)
{
    g_autoptr(GString) where = g_string_new(NULL);

    for (unsigned i = 0; !strchr(name, '/') && i < m->config.data_dirs->len; i++) {
        g_string_append_printf(where, "%s%s", i ? ", " : " in ",
                               (char *)g_ptr_array_index(m->config.data_dirs, i));
    }
    if (package) {
        set_error(error,
                  "could not find the firmware '%s'%s: install Debian's package '%s', say where it "
                  "is with -L DIR, or boot a kernel with -kernel FILE",
                  name, where->str, package);
    } else {
        set_error(error, "could not load the firmware '%s': there is no such file%s", name,
                  where->str);
    }
}

static void map(struct bios_rom *b, struct machine *m, struct mem_region *pci_memory, GBytes *bytes)
{
    size_t size = g_bytes_get_size(bytes);
    uint64_t low = MIN(size, BIOS_LOW_SIZE);

    memcpy(b->rom.ram->host, g_bytes_get_data(bytes, NULL), size);
    mem_region_init_alias(&b->low, m, "isa-bios", &b->rom, size - low, low);
    mem_transaction_begin(m);
    mem_region_add(pci_memory, (4ull << 30) - size, &b->rom, 0);
    mem_region_add(pci_memory, (1u << 20) - low, &b->low, 1);
    mem_transaction_commit(m);
}

struct bios_rom *bios_load(struct machine *m, struct mem_region *pci_memory, const char *name,
                           const char *package, GError **error)
{
    g_autofree char *path = find_file(m, name);
    g_autoptr(GBytes) bytes = NULL;
    struct bios_rom *b;
    size_t size;

    if (!path) {
        set_not_found(m, name, package, error);
        return NULL;
    }
    bytes = boot_read_file("firmware", path, error);
    if (!bytes) {
        return NULL;
    }
    size = g_bytes_get_size(bytes);
    if (size < BIOS_MIN || size > BIOS_MAX || size % BIOS_UNIT) {
        set_error(
            error,
            "the firmware '%s' has %zu bytes, must have a multiple of 64 KiB, 64 KiB to 16 MiB",
            path, size);
        return NULL;
    }
    b = g_new0(struct bios_rom, 1);
    if (!mem_region_init_rom(&b->rom, m, "pc.bios", size, error)) {
        g_free(b);
        return NULL;
    }
    map(b, m, pci_memory, bytes);
    return b;
}

void bios_free(struct bios_rom *b)
{
    if (b) {
        mem_region_destroy(&b->low);
        mem_region_destroy(&b->rom);
        g_free(b);
    }
}
