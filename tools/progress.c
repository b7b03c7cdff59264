/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tools/progress.c: how far long work has come.
 *
 * With -p the line is rewritten whenever a whole percent was made; without it SIGUSR1 asks for it.
 * Thread: tool_progress_set from any thread.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include "tools/tool.h"

struct tool_progress {
    pthread_mutex_t mutex;
    bool show;
    double shown;
};

/* What the signal handler may touch: there is one terminal to a process. */
static volatile sig_atomic_t asked;

static void on_usr1(int number)
{
    (void)number;
    asked = 1;
}

struct tool_progress *tool_progress_new(bool show)
{
    struct tool_progress *p = g_new0(struct tool_progress, 1);
    struct sigaction action = { .sa_handler = on_usr1, .sa_flags = SA_RESTART };

    pthread_mutex_init(&p->mutex, NULL);
    p->show = show;
    p->shown = -1;
    sigaction(SIGUSR1, &action, NULL);
    if (show) {
        tool_progress_set(p, 0, 1);
    }
    return p;
}

void tool_progress_set(struct tool_progress *p, uint64_t done, uint64_t total)
{
    double percent = total ? (double)done * 100.0 / (double)total : 100.0;

    if (!p) {
        return;
    }
    pthread_mutex_lock(&p->mutex);
    if (p->show && (percent >= p->shown + 1 || (percent >= 100 && p->shown < 100))) {
        printf("    (%3.2f/100%%)\r", percent);
        fflush(stdout);
        p->shown = percent;
    } else if (!p->show && asked) {
        asked = 0;
        printf("    (%3.2f/100%%)\n", percent);
        fflush(stdout);
    }
    pthread_mutex_unlock(&p->mutex);
}

void tool_progress_free(struct tool_progress *p)
{
    if (!p) {
        return;
    }
    if (p->show) {
        putchar('\n');
    }
    pthread_mutex_destroy(&p->mutex);
    g_free(p);
}
