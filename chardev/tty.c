/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/tty.c: a serial port of the host (or another terminal), raw; the guest's UART sets its speed, its format
 * and its lines.  Source: termios(3), ioctl_tty(2).
 *
 * Invariant: the settings that were found are there again after the end.
 * Thread:    machine lock held.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "chardev/backend.h"
#include "util/error.h"
#include "util/text.h"

struct tty {
    struct chardev chardev;
    struct termios found;
    bool changed; /* `found` is to be put back */
};

static const struct {
    unsigned baud;
    speed_t speed;
} speeds[] = {
    { 50, B50 },         { 75, B75 },         { 110, B110 },     { 134, B134 },
    { 150, B150 },       { 200, B200 },       { 300, B300 },     { 600, B600 },
    { 1200, B1200 },     { 1800, B1800 },     { 2400, B2400 },   { 4800, B4800 },
    { 9600, B9600 },     { 19200, B19200 },   { 38400, B38400 }, { 57600, B57600 },
    { 115200, B115200 }, { 230400, B230400 },
};

/* The nearest that a host's port has: dividing a clock seldom gives the number itself. */
static speed_t nearest_speed(unsigned baud)
{
    unsigned best = 0;

    for (unsigned i = 1; i < G_N_ELEMENTS(speeds); i++) {
        if (ABS((int)speeds[i].baud - (int)baud) < ABS((int)speeds[best].baud - (int)baud)) {
            best = i;
        }
    }
    return speeds[best].speed;
}

static void tty_set_line(struct chardev *c, const struct chardev_line *line)
{
    static const tcflag_t sizes[] = { CS5, CS6, CS7, CS8 };
    struct termios t;

    if (tcgetattr(c->fd_in, &t) < 0) {
        return;
    }
    cfsetispeed(&t, nearest_speed(line->baud));
    cfsetospeed(&t, nearest_speed(line->baud));
    t.c_cflag &= ~(tcflag_t)(CSIZE | CSTOPB | PARENB | PARODD);
    t.c_cflag |= sizes[CLAMP(line->data_bits, 5, 8) - 5];
    t.c_cflag |= line->stop_bits > 1 ? CSTOPB : 0;
    t.c_cflag |= line->parity == 'N' ? 0 : line->parity == 'O' ? PARENB | PARODD : PARENB;
    tcsetattr(c->fd_in, TCSANOW, &t);
}

static void tty_set_break(struct chardev *c, bool on)
{
    ioctl(c->fd_in, on ? TIOCSBRK : TIOCCBRK);
}

/* Names here, and bits of the host's. */
static const struct {
    unsigned line;
    int host;
} lines[] = {
    { CHARDEV_DTR, TIOCM_DTR }, { CHARDEV_RTS, TIOCM_RTS }, { CHARDEV_CTS, TIOCM_CTS },
    { CHARDEV_DSR, TIOCM_DSR }, { CHARDEV_DCD, TIOCM_CAR }, { CHARDEV_RI, TIOCM_RI },
};

static void tty_set_modem(struct chardev *c, unsigned set)
{
    int bits;

    if (ioctl(c->fd_in, TIOCMGET, &bits) < 0) {
        return; /* a terminal without such lines */
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        if (lines[i].line & (CHARDEV_DTR | CHARDEV_RTS)) {
            bits = set & lines[i].line ? bits | lines[i].host : bits & ~lines[i].host;
        }
    }
    ioctl(c->fd_in, TIOCMSET, &bits);
}

static bool tty_get_modem(struct chardev *c, unsigned *now)
{
    int bits;

    if (ioctl(c->fd_in, TIOCMGET, &bits) < 0) {
        return false;
    }
    *now = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        *now |= bits & lines[i].host ? lines[i].line : 0;
    }
    return true;
}

static bool tty_open(struct chardev *c, const GPtrArray *opts, GError **error)
{
    struct tty *t = (struct tty *)c;
    const char *path = options_get(opts, "path");
    const struct chardev_line line = { 115200, 8, 1, 'N' };
    struct termios raw;
    int fd;

    if (!path || !*path) {
        set_error(error, "character device '%s' needs a path: path=/dev/ttyS0", c->type->name);
        return false;
    }
    fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        set_errno_error(error, "cannot open '%s'", path);
        return false;
    }
    if (tcgetattr(fd, &t->found) < 0) {
        set_error(error, "character device '%s': '%s' is no terminal or serial port", c->type->name,
                  path);
        close(fd);
        return false;
    }
    raw = t->found;
    cfmakeraw(&raw);
    raw.c_cflag |= CREAD | CLOCAL;
    tcsetattr(fd, TCSANOW, &raw);
    t->changed = true;
    backend_set_filename(c, "%s:%s", c->type->name, path);
    fd_backend_set(c, fd, fd);
    tty_set_line(c, &line);
    return true;
}

static void tty_close(struct chardev *c)
{
    struct tty *t = (struct tty *)c;

    if (t->changed && c->fd_in >= 0) {
        tcsetattr(c->fd_in, TCSANOW, &t->found);
    }
}

static const char *const tty_keys[] = { "path", NULL };

#define TTY_TYPE(n, text)                                                                          \
    {                                                                                              \
        .name = n, .summary = text, .keys = tty_keys, .size = sizeof(struct tty),                  \
        .open = tty_open, .set_line = tty_set_line, .set_break = tty_set_break,                    \
        .set_modem = tty_set_modem, .get_modem = tty_get_modem, .close = tty_close,                \
    }

const struct chardev_type chardev_serial_type =
    TTY_TYPE("serial", "a serial port of the host (path=/dev/ttyS0)");
const struct chardev_type chardev_tty_type = TTY_TYPE("tty", "the same as serial");
