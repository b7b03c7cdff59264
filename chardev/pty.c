/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/pty.c: a new pseudo-terminal of the host; its name is printed.
 *
 * Invariant: the slave stays open here, so that the master never reports a hang-up while nobody is
 *            connected (which would have to be polled).  What the guest wrote waits for the reader, up to
 *            the size of the queue; then it is dropped, for nobody may ever come.
 * Thread:    machine lock held.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>
#include "chardev/backend.h"
#include "util/error.h"

struct pty {
    struct chardev chardev;
    int slave;
};

static bool pty_open(struct chardev *c, const GPtrArray *opts, GError **error)
{
    struct pty *p = (struct pty *)c;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    char name[64];
    struct termios t;

    (void)opts;
    p->slave = -1;
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
        ptsname_r(master, name, sizeof(name)) != 0) {
        set_errno_error(error, "cannot make a pseudo-terminal");
        goto fail;
    }
    p->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p->slave < 0) {
        set_errno_error(error, "cannot open '%s'", name);
        goto fail;
    }
    if (tcgetattr(p->slave, &t) == 0) {
        cfmakeraw(&t); /* no echo: it would come back to the guest as input */
        tcsetattr(p->slave, TCSANOW, &t);
    }
    fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK);
    backend_set_filename(c, "pty:%s", name);
    fd_backend_set(c, master, master);
    printf("char device redirected to %s (label %s)\n", name, c->label);
    fflush(stdout);
    return true;
fail:
    if (master >= 0) {
        close(master);
    }
    return false;
}

static size_t pty_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    fd_backend_write(c, buf, n);
    return n;
}

static void pty_close(struct chardev *c)
{
    struct pty *p = (struct pty *)c;

    if (p->slave >= 0) {
        close(p->slave);
    }
}

const struct chardev_type chardev_pty_type = {
    .name = "pty",
    .summary = "a new pseudo-terminal; its name is printed",
    .size = sizeof(struct pty),
    .open = pty_open,
    .write = pty_write,
    .close = pty_close,
};
