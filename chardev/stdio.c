/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/stdio.c: standard input and output, the terminal in raw mode (util/terminal.h).
 * Thread: machine lock held.
 */
#include <fcntl.h>
#include <unistd.h>
#include "chardev/backend.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/terminal.h"

static bool stdio_in_use(struct machine *m, const struct chardev *except)
{
    for (unsigned i = 0; i < m->chardevs->len; i++) {
        const struct chardev *c = g_ptr_array_index(m->chardevs, i);

        if (c != except && c->type == &chardev_stdio_type) {
            return true;
        }
    }
    return false;
}

/* Signals stay on by default, except under a mux, where Ctrl-C is the guest's. */
static bool stdio_open(struct chardev *c, const GPtrArray *opts, GError **error)
{
    bool mux, signals;
    int in, out;

    if (c->machine->config.curses) {
        set_error(error, "character device 'stdio': -display curses has the terminal; use vc, pty, "
                         "file:PATH or null");
        return false;
    }
    if (stdio_in_use(c->machine, c)) {
        set_error(error, "character device 'stdio' is in use already; mon:stdio lets a serial port "
                         "and the monitor share it");
        return false;
    }
    if (!backend_flag("stdio", opts, "mux", false, &mux, error) ||
        !backend_flag("stdio", opts, "signal", !mux, &signals, error)) {
        return false;
    }
    in = fd_reopen_nonblocking(STDIN_FILENO, O_RDONLY);
    out = fd_reopen_nonblocking(STDOUT_FILENO, O_WRONLY);
    backend_set_filename(c, "stdio");
    if (isatty(STDIN_FILENO)) {
        terminal_take_raw(signals);
    }
    fd_backend_set(c, in, out); /* closed descriptors: no input, output vanishes */
    return true;
}

/* One that was refused has no descriptor: the terminal is somebody else's. */
static void stdio_close(struct chardev *c)
{
    if (c->fd_in >= 0) {
        terminal_release();
    }
}

static const char *const stdio_keys[] = { "signal", NULL };

const struct chardev_type chardev_stdio_type = {
    .name = "stdio",
    .summary = "this terminal (signal=on|off: does Ctrl-C end the program)",
    .keys = stdio_keys,
    .size = sizeof(struct chardev),
    .open = stdio_open,
    .close = stdio_close,
};
