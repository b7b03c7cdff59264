/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtio_balloon.h: what monitors ask of the balloon, of which a machine has one at most.
 * Thread: under the machine lock.
 */
#ifndef HW_VIRTIO_VIRTIO_BALLOON_H
#define HW_VIRTIO_VIRTIO_BALLOON_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct machine;

#define BALLOON_STATS 10u /* VIRTIO 1.2, 5.5.6.3: by tag */

struct balloon_stats {
    uint64_t value[BALLOON_STATS]; /* UINT64_MAX: not known */
    int64_t last_update;           /* seconds since 1970; 0: never */
};
extern const char *const balloon_stat_names[BALLOON_STATS]; /* "stat-swap-in", ... */

/* False and *error: there is no balloon.  bytes: what the guest has. */
bool balloon_query(struct machine *m, uint64_t *bytes, GError **error);
/* Asks the guest to keep that many bytes, at most all. */
bool balloon_set_target(struct machine *m, uint64_t bytes, GError **error);
/* The newest that the guest told; asks for them every so many seconds from now on (0: no more). */
bool balloon_stats(struct machine *m, struct balloon_stats *stats, GError **error);
bool balloon_set_polling(struct machine *m, uint32_t seconds, GError **error);

#endif
