/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util/terminal.c: see terminal.h.  A terminal's mode is per process, and so is this state.
 * Thread: main loop; the signal handlers call async-signal-safe functions only.
 */
#include "util/terminal.h"
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct {
    bool wanted;  /* somebody uses the terminal */
    bool signals; /* of the raw mode */
    bool screen;  /* a library draws: `mode` and `leave` are its own */
    bool saved_valid;
    bool hooked; /* handlers and atexit are installed */
    volatile sig_atomic_t retaken;
    struct termios saved, mode;
    const char *leave;
    int real_stderr, held_stderr; /* while held: the terminal, the file; else -1 */
} terminal = { .real_stderr = -1, .held_stderr = -1 };

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

void terminal_save(void)
{
    if (!terminal.saved_valid) {
        terminal.saved_valid = tcgetattr(STDIN_FILENO, &terminal.saved) == 0;
    }
}

static void take(void)
{
    struct termios t;

    if (!terminal.wanted || !in_foreground()) {
        return;
    }
    terminal_save();
    if (!terminal.saved_valid) {
        return;
    }
    if (terminal.screen) {
        set_mode(&terminal.mode);
        return;
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

static void write_all(int fd, const char *buf, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, buf, n);

        if (done <= 0) {
            return;
        }
        buf += done;
        n -= (size_t)done;
    }
}

/* What was said while the screen was up. */
static void release_stderr(void)
{
    char buf[1024];
    off_t at = 0;
    ssize_t n;

    if (terminal.held_stderr < 0) {
        return;
    }
    dup2(terminal.real_stderr, STDERR_FILENO);
    while ((n = pread(terminal.held_stderr, buf, sizeof(buf), at)) > 0) {
        write_all(STDERR_FILENO, buf, (size_t)n);
        at += n;
    }
    close(terminal.held_stderr);
    close(terminal.real_stderr);
    terminal.held_stderr = terminal.real_stderr = -1;
}

static void restore(void)
{
    if (terminal.wanted && terminal.saved_valid && in_foreground()) {
        if (terminal.screen) {
            write_all(STDOUT_FILENO, terminal.leave, strlen(terminal.leave));
        }
        set_mode(&terminal.saved);
    }
    release_stderr();
}

static void on_continue(int sig)
{
    int saved_errno = errno;

    (void)sig;
    take();
    terminal.retaken = 1;
    errno = saved_errno;
}

/* SA_RESETHAND: the raise ends the process as if nobody had listened. */
static void on_fatal(int sig)
{
    restore();
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
    atexit(restore);
    sigaction(SIGCONT, &on_continue_action, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(fatal); i++) {
        if (sigaction(fatal[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL) {
            sigaction(fatal[i], &on_fatal_action, NULL);
        }
    }
}

void terminal_take_raw(bool signals)
{
    terminal.wanted = true;
    terminal.signals = signals;
    hook_signals();
    take();
}

static void hold_stderr(void)
{
    FILE *file = isatty(STDERR_FILENO) ? tmpfile() : NULL;

    if (!file) {
        return;
    }
    terminal.held_stderr = dup(fileno(file));
    terminal.real_stderr = dup(STDERR_FILENO);
    fclose(file);
    if (terminal.held_stderr < 0 || terminal.real_stderr < 0) {
        return;
    }
    fflush(stderr);
    dup2(terminal.held_stderr, STDERR_FILENO);
}

void terminal_take_screen(const char *leave)
{
    terminal.wanted = terminal.screen = true;
    terminal.leave = leave;
    tcgetattr(STDIN_FILENO, &terminal.mode);
    hook_signals();
    hold_stderr();
}

bool terminal_was_retaken(void)
{
    bool was = terminal.retaken;

    terminal.retaken = 0;
    return was;
}

void terminal_release(void)
{
    restore();
    terminal.wanted = terminal.screen = terminal.saved_valid = false;
}
