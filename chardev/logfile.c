/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/logfile.c: logfile=PATH[,logappend=on] of every back end: what it took from its front, written down.
 *
 * What the host does not take at once is missing in the log; it never holds the guest up.
 * Thread: machine lock held.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "chardev/backend.h"
#include "util/error.h"
#include "util/fdset.h"
#include "util/text.h"

bool logfile_open(struct chardev *c, const GPtrArray *opts, GError **error)
{
    const char *path = options_get(opts, "logfile");
    bool append;

    if (!backend_flag(c->type->name, opts, "logappend", false, &append, error)) {
        return false;
    }
    if (!path) {
        return true;
    }
    c->log_fd = open_path(
        path, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | (append ? O_APPEND : O_TRUNC), 0666);
    if (c->log_fd < 0) {
        set_errno_error(error, "Could not create '%s'", path);
        return false;
    }
    return true;
}

void logfile_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    while (c->log_fd >= 0 && n > 0) {
        ssize_t done = write(c->log_fd, buf, n);

        if (done <= 0 && errno != EINTR) {
            return;
        }
        buf += MAX(done, 0);
        n -= (size_t)MAX(done, 0);
    }
}
