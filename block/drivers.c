/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/drivers.c: the table of drivers.  Thread: any.
 */
#include <string.h>
#include "block/driver.h"
#include "util/error.h"
#include "util/text.h"

/* clang-format off */
const struct block_driver *const block_drivers[] = {
    &block_file,
    &block_host_device,
    &block_nbd,
    &block_http,
    &block_https,
    &block_ftp,
    &block_null_co,
    &block_null_aio,
    &block_blkdebug,
    &block_blkverify,
    &block_copy_on_read,
    &block_throttle,
    &block_raw,
    &block_snapshot,
    &block_qcow2,
    &block_vmdk,
    &block_vdi,
    &block_vpc,
    &block_vhdx,
    &block_qcow,
    &block_parallels,
    &block_bochs,
    &block_cloop,
    &block_dmg,
    &block_luks,
    NULL
};
/* clang-format on */

static const char *driver_name(void *opaque, unsigned i)
{
    (void)opaque;
    for (unsigned k = 0; block_drivers[k]; k++) {
        if (!block_drivers[k]->hidden && i-- == 0) {
            return block_drivers[k]->name;
        }
    }
    return NULL;
}

const struct block_driver *block_driver_find(const char *name, GError **error)
{
    g_autofree char *closest = NULL;

    for (unsigned i = 0; block_drivers[i]; i++) {
        const struct block_driver *d = block_drivers[i];

        if (!d->hidden && strcmp(d->name, name) == 0) {
            if (d->refused) {
                set_error(error, "image format '%s': %s", name, d->refused);
                return NULL;
            }
            return d;
        }
    }
    closest = closest_names(name, driver_name, NULL);
    set_error(error, "Unknown driver '%s'%s%s", name, closest ? "; closest: " : "",
              closest ? closest : "");
    return NULL;
}

void block_print_formats(GString *out)
{
    g_string_append(out, "Supported formats:\n");
    for (unsigned i = 0; block_drivers[i]; i++) {
        if (!block_drivers[i]->protocol && !block_drivers[i]->hidden && !block_drivers[i]->filter &&
            !block_drivers[i]->refused) {
            g_string_append_printf(out, "  %-8s %s\n", block_drivers[i]->name,
                                   block_drivers[i]->summary);
        }
    }
}
