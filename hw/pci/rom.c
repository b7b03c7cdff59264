/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/pci/rom.c: the expansion ROM of a function (PCI 3.0, 6.3): romfile= and rombar=.
 *
 * A type's own ROM (pci_ident.romfile) may be absent: the firmware then does without. One that a user
 * names must be there.
 * Thread: under the machine lock.
 */
#include <string.h>
#include "hw/pci/pci_internal.h"
#include "util/error.h"
#include "util/log.h"

#define ROM_SIZE_MIN 2048u /* the least that a ROM BAR can ask for */
#define ROM_SIZE_MAX (16u << 20)
#define ROM_UNIT     512u /* of the lengths in an image's headers */

/* clang-format off */
enum rom_header { ROM_SUM = 6, ROM_DATA = 0x18, ROM_HEADER = 0x1c };        /* 6.3.1.1 */
enum rom_data { DATA_VENDOR = 4, DATA_DEVICE = 6, DATA_LENGTH = 16, DATA_TYPE = 20, DATA_LAST = 21, DATA_SIZE = 24 };
/* clang-format on */

/* A name without a slash is looked for in the folders of firmware. */
char *pci_find_rom(struct machine *m, const char *name)
{
    const GPtrArray *dirs = m->config.data_dirs;

    if (strchr(name, '/')) {
        return g_strdup(name);
    }
    for (unsigned i = 0; i < dirs->len; i++) {
        g_autofree char *path = g_build_filename(g_ptr_array_index(dirs, i), name, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
            return g_steal_pointer(&path);
        }
    }
    return NULL;
}

static unsigned load16(const uint8_t *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

/* Changes a byte; the image's bytes still sum up to zero (ROM_SUM makes up for it). */
static void patch(uint8_t *image, unsigned at, uint8_t v)
{
    image[ROM_SUM] = (uint8_t)(image[ROM_SUM] + image[at] - v);
    image[at] = v;
}

/*
 * Firmware takes an image for the function when their ids agree. One file serves a model's variants:
 * its BIOS images (type 0) get the ids of this one.
 */
static void adopt_ids(const struct pci_device *d, uint8_t *rom, gsize len)
{
    for (gsize at = 0; at + ROM_HEADER <= len && load16(rom + at) == 0xaa55;) {
        uint8_t *image = rom + at;
        unsigned data = load16(image + ROM_DATA), length;

        if (data + DATA_SIZE > len - at || memcmp(image + data, "PCIR", 4) != 0) {
            return;
        }
        for (unsigned i = 0; image[data + DATA_TYPE] == 0 && i < 4; i++) {
            patch(image, data + DATA_VENDOR + i, d->config[PCI_VENDOR_ID + i]);
        }
        length = load16(image + data + DATA_LENGTH) * ROM_UNIT;
        if (image[data + DATA_LAST] & 0x80 || length == 0) {
            return;
        }
        at += length;
    }
}

static bool map_rom(struct pci_device *d, uint8_t *data, gsize len, GError **error)
{
    unsigned size = ROM_SIZE_MIN;

    while (size < len) {
        size *= 2;
    }
    if (!mem_region_init_rom(&d->rom, d->dev.machine, "pci.rom", size, error)) {
        memset(&d->rom, 0, sizeof(d->rom));
        return false;
    }
    memcpy(d->rom.ram->host, data, len);
    pci_add_bar(d, PCI_BARS, PCI_BAR_MEM32, &d->rom, size);
    return true;
}

bool pci_add_rom(struct pci_device *d, const char *own, GError **error)
{
    const char *name = d->romfile ? d->romfile : own, *type = d->dev.type->name;
    g_autofree char *path = NULL, *data = NULL;
    gsize len;

    if (!name || !*name || !d->rombar) {
        return true;
    }
    path = pci_find_rom(d->dev.machine, name);
    if (!path && !d->romfile) {
        log_line(LOG_DEVICE, "%s: there is no %s (Debian packages seabios, ipxe-qemu)", type, name);
        return true;
    }
    if (!path) {
        set_error(error, "%s: romfile '%s' is in none of the folders of firmware (-L help)", type,
                  name);
        return false;
    }
    if (!g_file_get_contents(path, &data, &len, error)) {
        return false;
    }
    if (len == 0 || len > ROM_SIZE_MAX) {
        set_error(error, "%s: romfile '%s' has %" G_GSIZE_FORMAT " bytes, must have 1 to 16 MiB",
                  type, path, len);
        return false;
    }
    if (!d->romfile) {
        adopt_ids(d, (uint8_t *)data, len);
    }
    return map_rom(d, (uint8_t *)data, len, error);
}
