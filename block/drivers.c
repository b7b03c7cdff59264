/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/drivers.c: the table of drivers, and opening an image as a stack of nodes.
 * Thread: under the machine lock.
 */
#include <string.h>
#include "block/driver.h"
#include "util/error.h"
#include "util/text.h"

#define CONVERT_TEXT "not supported yet; convert the image: qemu-img convert -O raw"
#define REFUSED(n, text, bytes)                                                                    \
    &(const struct block_driver)                                                                   \
    {                                                                                              \
        .name = n, .summary = text, .refused = CONVERT_TEXT, .magic = bytes,                       \
        .n_magic = sizeof(bytes) - 1                                                               \
    }

/* clang-format off */
const struct block_driver *const block_drivers[] = {
    &block_file,
    &block_raw,
    &block_snapshot,
    REFUSED("qcow2",     "QEMU's copy-on-write image",     "QFI\xfb\0\0\0"),
    REFUSED("vmdk",      "VMware's image",                 "KDMV"),
    REFUSED("vdi",       "VirtualBox's image",             "<<< "),
    REFUSED("vhdx",      "Hyper-V's image",                "vhdxfile"),
    REFUSED("vpc",       "Virtual PC's image",             "conectix"),
    REFUSED("parallels", "Parallels' image",               "WithoutFreeSpace"),
    REFUSED("luks",      "an encrypted image",             "LUKS\xba\xbe"),
    NULL
};
/* clang-format on */

static const char *format_name(void *opaque, unsigned i)
{
    (void)opaque;
    for (unsigned k = 0; block_drivers[k]; k++) {
        if (!block_drivers[k]->protocol && i-- == 0) {
            return block_drivers[k]->name;
        }
    }
    return NULL;
}

static const struct block_driver *find_format(const char *name, GError **error)
{
    g_autofree char *closest = NULL;

    for (unsigned i = 0; block_drivers[i]; i++) {
        const struct block_driver *d = block_drivers[i];

        if (!d->protocol && strcmp(d->name, name) == 0) {
            if (d->refused) {
                set_error(error, "image format '%s': %s", name, d->refused);
                return NULL;
            }
            return d;
        }
    }
    closest = closest_names(name, format_name, NULL);
    set_error(error, "unknown image format '%s'; %s%s", name, closest ? "closest: " : "use raw",
              closest ? closest : "");
    return NULL;
}

void block_print_formats(GString *out)
{
    g_string_append(out, "Supported formats:\n");
    for (unsigned i = 0; block_drivers[i]; i++) {
        if (!block_drivers[i]->protocol && !block_drivers[i]->refused) {
            g_string_append_printf(out, "  %-8s %s\n", block_drivers[i]->name,
                                   block_drivers[i]->summary);
        }
    }
}

/* Without format=: whatever no magic names is raw. */
static const struct block_driver *probe(struct block_node *file, GError **error)
{
    uint8_t head[BLOCK_SECTOR] = { 0 };
    struct iovec iov = { head, MIN(sizeof(head), file->size) };

    if (iov.iov_len > 0 && file->driver->read(file, 0, &iov, 1) != 0) {
        set_error(error, "cannot read the first sector of '%s'", file->filename);
        return NULL;
    }
    for (unsigned i = 0; block_drivers[i]; i++) {
        const struct block_driver *d = block_drivers[i];

        if (d->n_magic && memcmp(head, d->magic, d->n_magic) == 0) {
            set_error(error, "'%s' looks like format '%s': %s (or give format=raw)", file->filename,
                      d->name, d->refused);
            return NULL;
        }
    }
    return &block_raw;
}

struct block_node *block_node_new(const struct block_driver *driver, struct block_node *file,
                                  const struct block_open_options *o, GError **error)
{
    struct block_node *node = g_malloc0(driver->size);

    node->driver = driver;
    node->filename = g_strdup(o->filename);
    node->file = file;
    if (!driver->open(node, o, error)) {
        block_node_close(node);
        return NULL;
    }
    return node;
}

void block_node_close(struct block_node *node)
{
    while (node) {
        struct block_node *below = node->file;

        if (node->driver->close) {
            node->driver->close(node);
        }
        g_free(node->filename);
        g_free(node);
        node = below;
    }
}

struct block_node *block_node_open(const struct block_open_options *o, GError **error)
{
    const struct block_driver *format = o->format ? find_format(o->format, error) : NULL;
    struct block_node *node;

    if (o->format && !format) {
        return NULL;
    }
    node = block_node_new(&block_file, NULL, o, error);
    if (!node) {
        return NULL;
    }
    if (!format) {
        format = probe(node, error);
    }
    if (!format) {
        block_node_close(node);
        return NULL;
    }
    node = block_node_new(format, node, o, error);
    return node && o->snapshot ? block_node_new(&block_snapshot, node, o, error) : node;
}
