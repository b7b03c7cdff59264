/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/fdset.c: see fdset.h, also for the thread. */
#include "util/fdset.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "util/error.h"
#include "util/text.h"

#define PREFIX  "/dev/fdset/"
#define FDS_MAX 4096u

static GMutex lock;
static GArray *fds; /* struct fdset_fd, sorted by set; NULL: none yet */

static struct fdset_fd *at(unsigned i)
{
    return &g_array_index(fds, struct fdset_fd, i);
}

static unsigned count(void)
{
    return fds ? fds->len : 0;
}

int64_t fdset_add(int64_t set, int fd, const char *opaque, GError **error)
{
    struct fdset_fd new = { .fd = fd };
    unsigned i;

    g_mutex_lock(&lock);
    if (count() >= FDS_MAX) {
        g_mutex_unlock(&lock);
        set_error(error, "there are %u descriptors in sets already, more are not taken", FDS_MAX);
        return -1;
    }
    if (!fds) {
        fds = g_array_new(FALSE, FALSE, sizeof(struct fdset_fd));
    }
    if (set == FDSET_NEW) {
        set = 0;
        for (i = 0; i < count() && at(i)->set <= set; i++) {
            set = at(i)->set + 1;
        }
    }
    for (i = 0; i < count() && at(i)->set <= set; i++) {
    }
    new.set = set;
    new.opaque = g_strdup(opaque);
    g_array_insert_val(fds, i, new);
    g_mutex_unlock(&lock);
    return set;
}

bool fdset_remove(int64_t set, int fd, GError **error)
{
    bool found = false;

    g_mutex_lock(&lock);
    for (unsigned i = count(); i-- > 0;) {
        if (at(i)->set == set && (fd < 0 || at(i)->fd == fd)) {
            found = true;
            close(at(i)->fd);
            g_free(at(i)->opaque);
            g_array_remove_index(fds, i);
        }
    }
    g_mutex_unlock(&lock);
    if (!found && fd < 0) {
        set_error(error, "File descriptor named 'fdset-id:%" G_GINT64_FORMAT "' not found", set);
    } else if (!found) {
        set_error(error, "File descriptor named 'fdset-id:%" G_GINT64_FORMAT ", fd:%d' not found",
                  set, fd);
    }
    return found;
}

GArray *fdset_list(void)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(struct fdset_fd));

    g_mutex_lock(&lock);
    for (unsigned i = 0; i < count(); i++) {
        struct fdset_fd copy = *at(i);

        copy.opaque = g_strdup(copy.opaque);
        g_array_append_val(list, copy);
    }
    g_mutex_unlock(&lock);
    return list;
}

void fdset_list_free(GArray *list)
{
    for (unsigned i = 0; i < list->len; i++) {
        g_free(g_array_index(list, struct fdset_fd, i).opaque);
    }
    g_array_unref(list);
}

/* The set's descriptor with this access; -1 and errno.  Lock held. */
static int find(uint64_t set, int access)
{
    int found = -1;

    errno = ENOENT;
    for (unsigned i = 0; i < count() && found < 0; i++) {
        if ((uint64_t)at(i)->set == set) {
            int flags = fcntl(at(i)->fd, F_GETFL);

            errno = EACCES;
            found = flags >= 0 && (flags & O_ACCMODE) == access ? at(i)->fd : -1;
        }
    }
    return found;
}

static int open_of_set(const char *number, int flags)
{
    uint64_t set;
    int fd;

    if (!parse_uint(number, 0, INT64_MAX, &set)) {
        errno = EINVAL;
        return -1;
    }
    g_mutex_lock(&lock);
    fd = find(set, flags & O_ACCMODE);
    if (fd >= 0 && flags & O_DIRECT) { /* the flag is the description's, which others share */
        g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);

        fd = open(path, (flags & ~(O_CREAT | O_TRUNC | O_EXCL)) | O_CLOEXEC);
    } else if (fd >= 0) {
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    }
    g_mutex_unlock(&lock);
    if (fd >= 0 && flags & O_APPEND) {
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_APPEND);
    }
    return fd;
}

int open_path(const char *path, int flags, mode_t mode)
{
    if (g_str_has_prefix(path, PREFIX)) {
        return open_of_set(path + strlen(PREFIX), flags);
    }
    return open(path, flags | O_CLOEXEC, mode);
}

bool path_is_writable(const char *path)
{
    uint64_t set;
    int fd = -1;

    if (!g_str_has_prefix(path, PREFIX)) {
        return access(path, W_OK) == 0;
    }
    errno = EINVAL;
    if (parse_uint(path + strlen(PREFIX), 0, INT64_MAX, &set)) {
        g_mutex_lock(&lock);
        fd = find(set, O_RDWR);
        g_mutex_unlock(&lock);
    }
    return fd >= 0;
}
