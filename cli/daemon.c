/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/daemon.c: see daemon.h, also for the thread. */
#include "cli/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdlib.h>
#include <unistd.h>
#include "util/error.h"

/* The parent: the child's byte, or its end. */
G_GNUC_NORETURN static void wait_for_child(int fd)
{
    char byte;
    ssize_t n;

    do {
        n = read(fd, &byte, 1);
    } while (n < 0 && errno == EINTR);
    _exit(n == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
}

int daemon_begin(GError **error)
{
    int fds[2];
    pid_t child;

    if (!g_unix_open_pipe(fds, FD_CLOEXEC, error)) {
        return -1;
    }
    child = fork();
    if (child < 0) {
        set_errno_error(error, "-daemonize: cannot fork");
        close(fds[0]);
        close(fds[1]);
        return -1;
    }
    if (child > 0) {
        close(fds[1]);
        wait_for_child(fds[0]);
    }
    close(fds[0]);
    setsid();
    return fds[1];
}

bool daemon_ready(int fd, GError **error)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    ssize_t n;

    if (null < 0 || chdir("/") < 0) {
        set_errno_error(error, "-daemonize: cannot let go of terminal and folder");
        return false;
    }
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++) {
        dup2(null, i);
    }
    close(null);
    do {
        n = write(fd, "", 1);
    } while (n < 0 && errno == EINTR);
    close(fd);
    return true; /* a parent that was killed is no reason to end */
}
