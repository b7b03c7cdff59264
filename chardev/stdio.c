/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/stdio.c: standard input and output, the terminal in raw mode.
 *
 * The terminal's mode belongs to the process: it is the one piece of file-scope state here, so that
 * it is given back at exit and on fatal signals, and taken again when a shell brings the program to the
 * foreground (SIGCONT).  A background process leaves the mode alone: it is the shell's then.
 *
 * Thread: machine lock held; the signal handler calls async-signal-safe functions only.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>
#include "chardev/backend.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/text.h"

static struct {
    bool wanted;  /* a stdio back end is open on a terminal */
    bool signals; /* Ctrl-C, Ctrl-\ and Ctrl-Z keep their meaning */
    bool saved_valid;
    bool hooked; /* handlers and atexit are installed */
    struct termios saved;
} terminal;

/* tcsetattr from the background would stop the process (SIGTTOU): it happens with that blocked. */
static void set_mode(const struct termios *t)
{
    sigset_t block, old;

    sigemptyset(&block);
    sigaddset(&block, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &block, &old);
    tcsetattr(STDIN_FILENO, TCSANOW, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static bool in_foreground(void)
{
    pid_t group = tcgetpgrp(STDIN_FILENO);

    /* -1: not our controlling terminal, so no job control can stop us from using it. */
    return group == -1 || group == getpgrp();
}

static void terminal_raw(void)
{
    struct termios t;

    if (!terminal.wanted || !in_foreground()) {
        return;
    }
    if (!terminal.saved_valid) {
        if (tcgetattr(STDIN_FILENO, &terminal.saved) < 0) {
            return;
        }
        terminal.saved_valid = true;
    }
    t = terminal.saved;
    t.c_iflag &= (tcflag_t) ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    t.c_oflag |= OPOST; /* our own lines end in \n; a guest's \r\n does no harm */
    t.c_lflag &= (tcflag_t) ~(ECHO | ECHONL | ICANON | IEXTEN);
    if (!terminal.signals) {
        t.c_lflag &= (tcflag_t)~ISIG;
    }
    t.c_cflag = (t.c_cflag & (tcflag_t) ~(CSIZE | PARENB)) | CS8;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    set_mode(&t);
}

static void terminal_restore(void)
{
    if (terminal.wanted && terminal.saved_valid && in_foreground()) {
        set_mode(&terminal.saved);
    }
}

static void on_continue(int sig)
{
    int saved_errno = errno;

    (void)sig;
    terminal_raw();
    errno = saved_errno;
}

/* SA_RESETHAND: the raise ends the process as if nobody had listened. */
static void on_fatal(int sig)
{
    terminal_restore();
    raise(sig);
}

static void hook_signals(void)
{
    static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT };
    struct sigaction old,
        on_fatal_action = { .sa_handler = on_fatal, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };
    struct sigaction on_continue_action = { .sa_handler = on_continue, .sa_flags = SA_RESTART };

    if (terminal.hooked) {
        return;
    }
    terminal.hooked = true;
    atexit(terminal_restore);
    sigaction(SIGCONT, &on_continue_action, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(fatal); i++) {
        if (sigaction(fatal[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL) {
            sigaction(fatal[i], &on_fatal_action, NULL);
        }
    }
}

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
    const char *signal_text = options_get(opts, "signal"), *mux_text = options_get(opts, "mux");
    bool mux = false, signals;
    int in, out;

    if (stdio_in_use(c->machine, c)) {
        set_error(error, "character device 'stdio' is in use already; mon:stdio lets a serial port "
                         "and the monitor share it");
        return false;
    }
    if (mux_text) {
        parse_bool(mux_text, &mux);
    }
    signals = !mux;
    if (signal_text && !parse_bool(signal_text, &signals)) {
        set_error(error, "character device 'stdio': signal is '%s', must be on or off",
                  signal_text);
        return false;
    }
    in = fd_reopen_nonblocking(STDIN_FILENO, O_RDONLY);
    out = fd_reopen_nonblocking(STDOUT_FILENO, O_WRONLY);
    backend_set_filename(c, "stdio");
    if (isatty(STDIN_FILENO)) {
        terminal.wanted = true;
        terminal.signals = signals;
        hook_signals();
        terminal_raw();
    }
    fd_backend_set(c, in, out); /* closed descriptors: no input, output vanishes */
    return true;
}

static void stdio_close(struct chardev *c)
{
    (void)c;
    terminal_restore();
    terminal.wanted = false;
    terminal.saved_valid = false;
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
