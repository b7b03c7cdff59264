/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/dump_memory.c: dump-guest-memory of both monitors, while they wait or, detached, beside them.
 *
 * The guest stands still until all is written.
 * Thread: main loop, machine lock held; `run` on its own when detached.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "monitor/command.h"
#include "monitor/dump_core.h"
#include "monitor/qmp_command.h"
#include "softmmu/event.h"
#include "util/error.h"
#include "util/fdset.h"

/* The last one, or the one that runs: m->dump. */
struct dump_job {
    struct machine *machine;
    struct dump *dump; /* NULL: it has ended */
    int fd;            /* the thread's; -1: closed */
    enum run_state was;
    GThread *thread;
    GError *error;
    const char *status; /* of query-dump */
    uint64_t done, total;
    bool quit;
};

static void dump_job_free(struct machine *m)
{
    struct dump_job *j = m->dump;

    if (j->thread) {
        __atomic_store_n(&j->quit, true, __ATOMIC_RELAXED);
        dump_stop(j->dump);
        machine_unlock(m);
        g_thread_join(j->thread);
        machine_lock(m);
    }
    dump_free(j->dump);
    g_clear_error(&j->error);
    g_free(j);
    m->dump = NULL;
}

static struct dump_job *job_of(struct machine *m)
{
    if (!m->dump) {
        m->dump = g_new0(struct dump_job, 1);
        m->free_dump = dump_job_free;
        m->dump->machine = m;
        m->dump->fd = -1;
        m->dump->status = "none";
    }
    return m->dump;
}

static json_t *describe(const struct dump_job *j)
{
    return json_pack("{s:s, s:I, s:I}", "status", j->status, "completed",
                     (json_int_t)(j->dump ? dump_done(j->dump) : j->done), "total",
                     (json_int_t)(j->dump ? dump_total(j->dump) : j->total));
}

/* The guest goes on as it was. */
static void end(struct dump_job *j)
{
    struct machine *m = j->machine;
    json_t *data;

    j->done = dump_done(j->dump);
    j->total = dump_total(j->dump);
    g_clear_pointer(&j->dump, dump_free);
    j->status = j->error ? "failed" : "completed";
    ram_pin(m, false);
    data = json_pack("{s:o}", "result", describe(j));
    if (j->error) {
        json_object_set_new(data, "error", qmp_text(j->error->message));
    }
    event_emit(m, EVENT_DUMP_COMPLETED, data);
    if (m->run_state == RUN_STATE_SAVE_VM) {
        machine_set_run_state(m, j->was);
    }
}

static void ended(void *opaque)
{
    struct dump_job *j = opaque;

    g_thread_join(j->thread);
    j->thread = NULL;
    end(j);
}

static void write_out(struct dump_job *j)
{
    bool ok = dump_write(j->dump, j->fd, &j->error);

    if (close(j->fd) != 0 && ok) {
        set_errno_error(&j->error, "dump: failed to save memory");
    }
    j->fd = -1;
}

static gpointer run(gpointer opaque)
{
    struct dump_job *j = opaque;

    write_out(j);
    if (!__atomic_load_n(&j->quit, __ATOMIC_RELAXED)) {
        machine_call_soon(j->machine, ended, j);
    }
    return NULL;
}

/* What both monitors ask for. */
struct request {
    bool paging, detach, has_range;
    uint64_t begin, length;
    const char *path; /* or the descriptor, which is taken over */
    int fd;
};

static bool check(struct machine *m, const struct request *r, GError **error)
{
    if (m->n_vcpus == 0) {
        set_error(error, "this machine has no CPU");
        return false;
    }
    if (m->ram_pinned) {
        set_error(error, m->dump && m->dump->dump ? "There is a dump in process, please wait."
                                                  : "the machine is being migrated");
        return false;
    }
    if (r->paging && r->has_range) {
        set_error(error, "dump-guest-memory: -p takes no begin and length");
        return false;
    }
    if (r->has_range && (r->length == 0 || r->begin + r->length - 1 < r->begin ||
                         (r->begin | r->length) % GUEST_PAGE_SIZE)) {
        set_error(error, "dump-guest-memory: begin and length are whole pages of 4 KiB");
        return false;
    }
    return true;
}

static bool open_file(struct dump_job *j, const struct request *r, GError **error)
{
    j->fd = r->path ? open_path(r->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : r->fd;
    if (j->fd < 0) {
        set_errno_error(error, "dump: cannot open '%s'", r->path);
    }
    return j->fd >= 0;
}

static bool begin(struct machine *m, const struct request *r, GError **error)
{
    struct dump_job *j = job_of(m);

    j->was = m->run_state;
    machine_set_run_state(m, RUN_STATE_SAVE_VM);
    j->dump = dump_new(m, r->paging, r->has_range ? r->begin : 0,
                       r->has_range ? r->begin + r->length - 1 : UINT64_MAX, error);
    if (!j->dump || !open_file(j, r, error)) {
        g_clear_pointer(&j->dump, dump_free);
        machine_set_run_state(m, j->was);
        return false;
    }
    ram_pin(m, true);
    g_clear_error(&j->error);
    j->status = "active";
    return true;
}

/* A descriptor is closed, whatever happens. */
static bool dump(struct machine *m, const struct request *r, GError **error)
{
    struct dump_job *j;

    if (!check(m, r, error) || !begin(m, r, error)) {
        if (!r->path) {
            close(r->fd);
        }
        return false;
    }
    j = job_of(m);
    if (r->detach) {
        j->thread = g_thread_try_new("dump", run, j, &j->error);
        if (j->thread) {
            return true;
        }
        close(j->fd);
        j->fd = -1;
    } else {
        write_out(j);
    }
    end(j);
    if (j->error) {
        g_propagate_error(error, g_error_copy(j->error));
    }
    return !j->error;
}

/* The human monitor ----------------------------------------------------------------------------- */

/* Flags, then words, which are the caller's strings. */
static bool take_words(char **words, struct request *r, GPtrArray *given, GError **error)
{
    for (unsigned k = 0; words[k]; k++) {
        if (strcmp(words[k], "-p") == 0) {
            r->paging = true;
        } else if (strcmp(words[k], "-d") == 0) {
            r->detach = true;
        } else if (words[k][0] == '-') {
            set_error(error, "dump-guest-memory: %s is not supported, only -p and -d", words[k]);
            return false;
        } else if (*words[k]) {
            g_ptr_array_add(given, words[k]);
        }
    }
    if (given->len != 1 && given->len != 3) {
        set_error(error, "dump-guest-memory: it takes a file name, or one, begin and length");
        return false;
    }
    return true;
}

/* "[-p] [-d] filename [begin length]" */
bool command_dump_guest_memory(struct machine *m, const char *args, GString *out, GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(args, " \t", -1);
    g_autoptr(GPtrArray) given = g_ptr_array_new();
    struct request r = { .fd = -1 };

    (void)out;
    if (!take_words(words, &r, given, error)) {
        return false;
    }
    r.path = given->pdata[0];
    r.has_range = given->len == 3;
    if (r.has_range) {
        const char *first = given->pdata[1], *second = given->pdata[2];

        if (!expression_parse(&first, cpu_access_register, m, &r.begin, error) ||
            !expression_parse(&second, cpu_access_register, m, &r.length, error)) {
            return false;
        }
    }
    return dump(m, &r, error);
}

bool command_info_dump(struct machine *m, const char *args, GString *out, GError **error)
{
    const struct dump_job *j = job_of(m);

    (void)args;
    (void)error;
    g_string_append_printf(out, "Status: %s\n", j->status);
    if (j->dump) {
        g_string_append_printf(out, "Finished: %.2f %%\n",
                               100.0 * (double)dump_done(j->dump) / (double)dump_total(j->dump));
    }
    return true;
}

/* QMP ------------------------------------------------------------------------------------------- */

bool qmp_dump_guest_memory(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *to = qmp_str(args, "protocol", ""), *format = qmp_str(args, "format", "elf");
    bool begins = json_object_get(args, "begin"), ends = json_object_get(args, "length");
    struct request r = { .paging = qmp_bool(args, "paging", false),
                         .detach = qmp_bool(args, "detach", false),
                         .has_range = begins,
                         .begin = (uint64_t)qmp_int(args, "begin", 0),
                         .length = (uint64_t)qmp_int(args, "length", 0),
                         .fd = -1 };

    (void)result;
    if (strcmp(format, "elf") != 0) {
        set_error(error, "dump-guest-memory: format '%s' is not supported, only elf", format);
        return false;
    }
    if (begins != ends) {
        set_error(error, "Parameter '%s' is missing", begins ? "length" : "begin");
        return false;
    }
    if (g_str_has_prefix(to, "file:")) {
        r.path = to + strlen("file:");
    } else if (!g_str_has_prefix(to, "fd:")) {
        set_error(error, "parameter 'protocol' must start with 'file:' or 'fd:'");
        return false;
    } else if ((r.fd = qmp_named_fd(s, to + strlen("fd:"))) < 0) {
        set_error(error, "File descriptor named '%s' has not been found", to + strlen("fd:"));
        return false;
    }
    return dump(qmp_machine(s), &r, error);
}

bool qmp_query_dump(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)args;
    (void)error;
    *result = describe(job_of(qmp_machine(s)));
    return true;
}

bool qmp_query_dump_capability(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)s;
    (void)args;
    (void)error;
    *result = json_pack("{s:[s]}", "formats", "elf");
    return true;
}
