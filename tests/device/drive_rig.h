/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/drive_rig.h: drives over temporary files on the rig; sector n is filled with n.
 * Thread: the test's.
 */
#ifndef TESTS_DEVICE_DRIVE_RIG_H
#define TESTS_DEVICE_DRIVE_RIG_H

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include "block/block.h"
#include "tests/device/rig.h"

/* The file is unlinked at once: it lives as long as the drive. */
static inline struct block_backend *drive_rig_new(struct rig *r, const char *id, unsigned sectors,
                                                  bool cdrom)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;
    struct block_backend *blk = block_backend_new(r->m, id, &error);
    struct block_open_options o = { .format = "raw", .read_only = cdrom };
    uint8_t sector[512];
    int fd = g_file_open_tmp("rhea-drive-XXXXXX", &path, &error);

    g_assert_no_error(error);
    for (unsigned i = 0; i < sectors; i++) {
        memset(sector, (int)(i & 0xff), sizeof(sector));
        g_assert_cmpint(write(fd, sector, sizeof(sector)), ==, 512);
    }
    close(fd);
    o.filename = path;
    blk->cdrom = cdrom;
    blk->werror = BLOCK_ON_ERROR_REPORT;
    g_assert_true(block_backend_open(blk, &o, &error));
    g_unlink(path);
    return blk;
}

/* Byte at an offset of the image. */
static inline uint8_t drive_rig_byte(struct block_backend *blk, uint64_t at)
{
    uint8_t sector[512];

    g_assert_cmpint(block_read_now(blk, at & ~511ull, sector, 512), ==, 0);
    return sector[at & 511];
}

#endif
