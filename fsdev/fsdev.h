/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fsdev/fsdev.h: folders of the host that the machine may use: -fsdev local,id=ID,path=PATH,...  Devices share them
 * with the guest (hw/fs).
 *
 * Nothing is shared but what an -fsdev names.  The folder is opened once; everything in it is reached from there.
 * Thread: made and found under the machine lock; a device's thread reads what does not change.
 */
#ifndef FSDEV_FSDEV_H
#define FSDEV_FSDEV_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct machine;

/* How owners, modes and special files of the guest are kept on the host. */
enum fsdev_model {
    FSDEV_PASSTHROUGH,  /* as they are; who may not make them so fails */
    FSDEV_NONE,         /* the same; owners that may not be set stay */
    FSDEV_MAPPED_XATTR, /* in attributes user.virtfs.* of plain files */
    FSDEV_MODEL_COUNT
};
/* What is done about files of other devices, whose numbers may be those of others: */
enum fsdev_multidevs { FSDEV_WARN, FSDEV_REMAP, FSDEV_FORBID, FSDEV_MULTIDEVS_COUNT };

struct fsdev {
    struct machine *machine;
    char *id, *path;
    enum fsdev_model model;
    enum fsdev_multidevs multidevs;
    bool readonly;
    bool writeout;         /* what is written is on the disk before the guest is told */
    uint32_t fmode, dmode; /* MAPPED_*: of files and folders that are made */
    int root;              /* the folder, O_PATH */
    int proc;              /* /proc/self/fd, O_PATH */
    unsigned users;        /* devices */
};

/* -fsdev's options (util/text.h); NULL and *error: they make no sense, the id is taken, there is no such folder. */
struct fsdev *fsdev_new(struct machine *m, const GPtrArray *opts, GError **error);
/* The same check without a machine: no file is touched. */
bool fsdev_check_options(const GPtrArray *opts, GError **error);
struct fsdev *fsdev_find(struct machine *m, const char *id);

#endif
