/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chardev/null.c: drops output, has no input.  Thread: machine lock held. */
#include "chardev/backend.h"

static bool null_open(struct chardev *c, const GPtrArray *opts, GError **error)
{
    (void)opts;
    (void)error;
    backend_set_filename(c, "null");
    return true;
}

static size_t null_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    (void)c;
    (void)buf;
    return n;
}

const struct chardev_type chardev_null_type = {
    .name = "null",
    .summary = "drops output, has no input",
    .size = sizeof(struct chardev),
    .open = null_open,
    .write = null_write,
};
