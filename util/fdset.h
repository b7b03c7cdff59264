/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util/fdset.h: sets of descriptors that somebody else opened: -add-fd, add-fd, and paths /dev/fdset/N that stand for
 * the one of set N with the access that is asked for.
 * Thread: any; the sets are this process's, with a lock of their own.
 */
#ifndef UTIL_FDSET_H
#define UTIL_FDSET_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FDSET_NEW (-1) /* the lowest number that no set has */

struct fdset_fd {
    int64_t set;
    int fd;
    char *opaque; /* or NULL */
};

/* Takes fd over, unless it fails: the number of its set, or -1 and *error. */
int64_t fdset_add(int64_t set, int fd, const char *opaque, GError **error);
/* Closes one descriptor of the set, or all (fd -1); what was opened of it stays open. */
bool fdset_remove(int64_t set, int fd, GError **error);
/* All, by sets and in the order of their coming: struct fdset_fd; free with fdset_list_free. */
GArray *fdset_list(void);
void fdset_list_free(GArray *list);

/*
 * open(2), but /dev/fdset/N is a duplicate of that set's descriptor with the same access (ENOENT: no such set,
 * EACCES: none with that access, EINVAL: not a number), as long as it is. O_CLOEXEC is always set, O_DIRECT is had by opening anew.
 */
int open_path(const char *path, int flags, mode_t mode);
/* access(2) for writing, of such paths too. */
bool path_is_writable(const char *path);

#endif
