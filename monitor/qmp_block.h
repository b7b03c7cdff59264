/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_block.h: what the files of QMP's block commands share.
 * Thread: main loop, machine lock held.
 */
#ifndef MONITOR_QMP_BLOCK_H
#define MONITOR_QMP_BLOCK_H

#include "block/driver.h"
#include "monitor/qmp_command.h"

/*
 * The drive that arguments name: "device", a drive's id; "id", its device's id or path; or that stands on the node
 * `node` (may be NULL).  NULL and *error.
 */
struct block_backend *qmp_find_drive(struct qmp_session *s, const char *device, const char *id,
                                     const char *node, GError **error);
/* By a drive's id or the name of a node that a drive stands on, as jobs' "device". */
struct block_backend *qmp_drive_or_node(struct qmp_session *s, const char *name, GError **error);
/* The node of that name; NULL and *error. */
struct block_node *qmp_find_node(struct qmp_session *s, const char *name, GError **error);
/* The drive whose topmost image, or a layer over it, the node is; NULL: none. */
struct block_backend *qmp_drive_of_node(struct machine *m, const struct block_node *node);
/* Below the layers that options put over an image. */
struct block_node *qmp_image_of(struct block_node *root);
/* BlockDeviceInfo of a node; blk may be NULL.  `flat`: without images below. */
json_t *qmp_node_info(struct block_backend *blk, struct block_node *node, bool flat);

/* SnapshotInfo */
json_t *qmp_snapshot_info(const struct block_snapshot *s);

/* qmp_snapshot.c: the undoing of blockdev-snapshot-internal-sync. */
void qmp_undo_snapshot_internal(struct qmp_session *s, json_t *args);

/*
 * qmp_jobs.c: a job that is carried out before its command is answered, and stays until it is dismissed.  What goes wrong
 * in it is the job's error.  False and *error: it cannot begin.
 */
bool qmp_job_at_once(struct machine *m, const char *id, const char *type,
                     bool (*run)(void *opaque, GError **error), void *opaque, GError **error);

/* block_jobs.c: the image that a mirror or backup writes: made unless it is there already (`reuse`). */
struct block_node *monitor_open_target(struct block_backend *blk, const char *path,
                                       const char *format, bool reuse, bool full, GError **error);

#endif
