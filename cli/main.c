/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/main.c: rhea-system-x86_64: options, a machine made of them, its life, its exit status.
 *
 * Thread: the program's first; it becomes the main loop.  The machine lock is held from machine_new to
 *         machine_free but for the waits inside machine_run.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "softmmu/machine.h"
#include "accel/tcg/tcg.h"
#include "chardev/chardev.h"
#include "cli/daemon.h"
#include "cli/options.h"
#include "cli/setup.h"
#include "util/error.h"
#include "util/log.h"

static bool setup_log(struct options *o, GError **error)
{
    return (!o->log_file || log_set_file(o->log_file, error)) &&
           (!o->log_items || log_set_items(o->log_items, error)) &&
           (!o->log_filter || log_set_filter(o->log_filter, error));
}

static bool write_pidfile(const char *path, GError **error)
{
    FILE *f = fopen(path, "we");

    if (!f || fprintf(f, "%ld\n", (long)getpid()) < 0 || fclose(f) != 0) {
        set_errno_error(error, "cannot write the -pidfile '%s'", path);
        return false;
    }
    return true;
}

static void log_end(struct machine *m, double seconds)
{
    g_autofree char *name = g_strndup(m->config.accel, strcspn(m->config.accel, ","));

    if (strcmp(name, tcg_vcpu_ops.name) == 0) {
        log_line(LOG_ACCEL, "accel: tcg: %" PRIu64 " %sinstructions in %.3f s", tcg_executed(m),
                 tcg_translates(m) ? "interpreted " : "", seconds);
    } else {
        log_line(LOG_ACCEL, "accel: %s: %.3f s", name, seconds);
    }
}

/* `parent`: what -daemonize's daemon_ready wants; -1: none waits. */
static bool run_session(struct session *s, struct options *o, int parent, int *status,
                        GError **error)
{
    struct machine *m = s->machine;
    int64_t start;

    /* -runas needs what elevateprivileges=deny takes away. */
    bool early = !o->runas || !o->sandbox.no_privileges;

    if (!process_begin(o, error) || (early && !sandbox_enter(&o->sandbox, error)) ||
        !session_setup(s, o, error) || (o->pidfile && !write_pidfile(o->pidfile, error)) ||
        !memory_lock(o, error) || !process_confine(o, error) ||
        (!early && !sandbox_enter(&o->sandbox, error))) {
        return false;
    }
    /* Not before: a mistake is told in one line. */
    for (unsigned i = 0; i < o->warnings->len; i++) {
        report_warning("%s", (char *)g_ptr_array_index(o->warnings, i));
    }
    if (parent >= 0 && !daemon_ready(parent, error)) {
        return false;
    }
    start = g_get_monotonic_time();
    if (!session_show(s, o, error) || !session_start(s, o, error)) {
        return false;
    }
    *status = machine_run(m);
    log_end(m, (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC);
    return true;
}

/* False and *error: a line for the user, status 1. */
static bool run(struct options *o, int argc, char **argv, int *status, GError **error)
{
    struct session s = { 0 };
    int parent = -1;
    bool ok;

    if (!options_parse(o, argc, argv, error)) {
        return false;
    }
    if (o->done) {
        fputs(o->output->str, stdout);
        return true;
    }
    if (!options_finish(o, error) || !setup_log(o, error)) {
        return false;
    }
    if (o->dump_vmstate) {
        return dump_vmstate(o->dump_vmstate, o->board, error);
    }
    if (o->process_name) {
        prctl(PR_SET_NAME, o->process_name);
    }
    report_set_prefix(o->timestamps, o->message_name ? o->name : NULL);
    if (o->daemonize && (parent = daemon_begin(error)) < 0) {
        return false;
    }
    s.machine = machine_new();
    machine_lock(s.machine);
    ok = run_session(&s, o, parent, status, error);
    chardev_flush_all(s.machine);
    session_clear(&s);
    machine_free(s.machine);
    if (ok && o->pidfile) {
        unlink(o->pidfile);
    }
    return ok;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_path_get_basename(argc > 0 ? argv[0] : "rhea-system-x86_64");
    struct options *o = options_new();
    int status = EXIT_SUCCESS;

    g_set_prgname(name);
    signal(SIGPIPE, SIG_IGN); /* a reader that leaves must not end the guest */
    signal(SIGXFSZ, SIG_IGN); /* nor a file as long as the host lets it be: EFBIG */
    if (!run(o, argc, argv, &status, &error)) {
        report_error("%s", error->message);
        status = EXIT_FAILURE;
    }
    options_free(o);
    return status;
}
