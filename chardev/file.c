/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/file.c: output to a file, and named pipes both ways.
 * Thread: machine lock held.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "chardev/backend.h"
#include "util/error.h"
#include "util/fdset.h"
#include "util/text.h"

static const char *need_path(struct chardev *c, const GPtrArray *opts, GError **error)
{
    const char *path = options_get(opts, "path");

    if (!path || !*path) {
        set_error(error, "character device '%s' needs a path: '%s:PATH' or path=PATH",
                  c->type->name, c->type->name);
        return NULL;
    }
    return path;
}

static bool file_open(struct chardev *c, const GPtrArray *opts, GError **error)
{
    const char *path = need_path(c, opts, error);
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, fd;
    bool append;

    if (!path || !backend_flag("file", opts, "append", false, &append, error)) {
        return false;
    }
    flags |= append ? O_APPEND : O_TRUNC;
    fd = open_path(path, flags | O_NONBLOCK, 0666);
    if (fd < 0 && errno == ENXIO) { /* a named pipe that nobody reads yet: wait for the reader */
        fd = open_path(path, flags, 0666);
    }
    if (fd < 0) {
        set_errno_error(error, "cannot open '%s' for writing", path);
        return false;
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    backend_set_filename(c, "file");
    fd_backend_set(c, -1, fd);
    return true;
}

/* PATH.in and PATH.out as the guest's input and output, or PATH for both. */
static bool pipe_open(struct chardev *c, const GPtrArray *opts, GError **error)
{
    const char *path = need_path(c, opts, error);
    g_autofree char *in_path = NULL, *out_path = NULL;
    int in, out;

    if (!path) {
        return false;
    }
    in_path = g_strdup_printf("%s.in", path);
    out_path = g_strdup_printf("%s.out", path);
    /* O_RDWR: opening does not wait for the other side, and its leaving is no end of file. */
    in = open_path(in_path, O_RDWR | O_NONBLOCK, 0);
    out = open_path(out_path, O_RDWR | O_NONBLOCK, 0);
    if (in < 0 || out < 0) {
        if (in >= 0) {
            close(in);
        }
        if (out >= 0) {
            close(out);
        }
        in = out = open_path(path, O_RDWR | O_NONBLOCK, 0);
        if (in >= 0) { /* of a set of descriptors it may be otherwise */
            fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK);
        }
    }
    if (in < 0) {
        set_errno_error(error, "cannot open the named pipes '%s' and '%s', nor '%s'", in_path,
                        out_path, path);
        return false;
    }
    backend_set_filename(c, "pipe");
    fd_backend_set(c, in, out);
    return true;
}

static const char *const file_keys[] = { "path", "append", NULL };
static const char *const pipe_keys[] = { "path", NULL };

const struct chardev_type chardev_file_type = {
    .name = "file",
    .summary = "output to a file (path=PATH, append=on|off), no input",
    .implied_key = "path",
    .keys = file_keys,
    .size = sizeof(struct chardev),
    .open = file_open,
};

const struct chardev_type chardev_pipe_type = {
    .name = "pipe",
    .summary = "named pipes PATH.in and PATH.out, or PATH for both (path=PATH)",
    .implied_key = "path",
    .keys = pipe_keys,
    .size = sizeof(struct chardev),
    .open = pipe_open,
};
