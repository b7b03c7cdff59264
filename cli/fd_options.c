/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/fd_options.c: -add-fd: descriptors that this program inherited become those of /dev/fdset/N.
 * Thread: the program's first.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "cli/options.h"
#include "util/error.h"
#include "util/fdset.h"
#include "util/text.h"

bool option_add_fd(struct options *o, const char *arg, GError **error)
{
    static const char *const keys[] = { "fd", "set", "opaque", NULL };
    g_autoptr(GPtrArray) opts = parse_options(arg, NULL);
    const char *fd = options_get(opts, "fd"), *set = options_get(opts, "set");
    uint64_t n;

    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (!g_strv_contains(keys, p->key)) {
            set_error(error, "-add-fd: Invalid parameter '%s'; it takes: fd, set, opaque", p->key);
            return false;
        }
    }
    if (!fd || !parse_uint(fd, 0, INT32_MAX, &n)) {
        set_error(error, "-add-fd %s: fd option is required and must be non-negative", arg);
        return false;
    }
    if (n <= STDERR_FILENO) {
        set_error(error, "-add-fd %s: fd cannot be a standard I/O stream", arg);
        return false;
    }
    if (!set || !parse_uint(set, 0, INT64_MAX, &n)) {
        set_error(error, "-add-fd %s: set option is required and must be non-negative", arg);
        return false;
    }
    g_ptr_array_add(o->fds, g_strdup(arg));
    return true;
}

static int fd_of(const GPtrArray *opts)
{
    uint64_t n = 0;

    parse_uint(options_get(opts, "fd"), 0, INT32_MAX, &n);
    return (int)n;
}

/* What this program opened itself is closed on exec. */
static bool add_fd(const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, NULL);
    int fd = fd_of(opts), flags = fcntl(fd, F_GETFD), copy = -1;
    uint64_t set = 0;

    parse_uint(options_get(opts, "set"), 0, INT64_MAX, &set);
    if (flags < 0 || flags & FD_CLOEXEC) {
        set_error(error, "-add-fd %s: fd is not valid or already in use", arg);
        return false;
    }
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        set_errno_error(error, "-add-fd %s: error duplicating fd", arg);
        return false;
    }
    if (fdset_add((int64_t)set, copy, options_get(opts, "opaque"), error) < 0) {
        close(copy);
        return false;
    }
    return true;
}

/* The descriptors themselves are closed at last: one may be of several sets. */
bool fds_setup(const struct options *o, GError **error)
{
    for (unsigned i = 0; i < o->fds->len; i++) {
        if (!add_fd(g_ptr_array_index(o->fds, i), error)) {
            return false;
        }
    }
    for (unsigned i = 0; i < o->fds->len; i++) {
        g_autoptr(GPtrArray) opts = parse_options(g_ptr_array_index(o->fds, i), NULL);
        int fd = fd_of(opts), flags = fcntl(fd, F_GETFD);

        if (flags >= 0 &&
            !(flags & FD_CLOEXEC)) { /* not closed yet, nor the number of another by now */
            close(fd);
        }
    }
    return true;
}
