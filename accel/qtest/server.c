/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/qtest/server.c: -qtest: lines of a test come in, are carried out in turn, and answered.
 *
 * Invariants: what the character device does not take waits in `out`, in order; meanwhile no more is read.
 *             A line that is too long is dropped up to its end, and answered once.
 * Thread:     main loop; qtest_send on a vCPU's thread, too.  Machine lock held.
 */
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include "accel/qtest/internal.h"
#include "chardev/chardev.h"
#include "softmmu/machine.h"
#include "util/error.h"

#define RECEIVE_MAX 65536u

struct qtest {
    struct machine *machine;
    struct chardev *chardev;
    GString *line;
    GByteArray *out;
    bool dropping; /* the line is too long */
    bool opened;
    FILE *log;     /* NULL: none */
    int64_t start; /* us, when it was opened */
    struct qtest_watch *watch;
};

struct machine *qtest_machine(const struct qtest *q)
{
    return q->machine;
}

struct qtest_watch **qtest_watch_of(struct qtest *q)
{
    return &q->watch;
}

/* The log ------------------------------------------------------------------------------------- */

/* R: received, S: sent, I: about the connection. */
static void log_text(struct qtest *q, char what, const char *text)
{
    if (q->log) {
        fprintf(q->log, "[%c +%.6f] %s\n", what,
                (double)(g_get_monotonic_time() - q->start) / G_USEC_PER_SEC, text);
        fflush(q->log);
    }
}

static void log_opened(struct qtest *q)
{
    q->start = g_get_monotonic_time();
    if (q->log) {
        fprintf(q->log, "[I %.6f] OPENED\n", 0.0);
        fflush(q->log);
    }
}

static bool open_log(struct qtest *q, const char *log, GError **error)
{
    if (log && strcmp(log, "none") == 0) {
        return true;
    }
    q->log = log ? fopen(log, "we") : stderr;
    if (!q->log) {
        set_errno_error(error, "cannot write the -qtest-log '%s'", log);
    }
    return q->log != NULL;
}

/* Out ----------------------------------------------------------------------------------------- */

static void flush(struct qtest *q)
{
    size_t done = q->out->len ? chardev_write(q->chardev, q->out->data, q->out->len) : 0;

    if (done > 0) {
        g_byte_array_remove_range(q->out, 0, (guint)MIN(done, q->out->len));
    }
}

static void drained(void *opaque)
{
    struct qtest *q = opaque;

    flush(q);
    if (q->out->len == 0) {
        chardev_accept_input(q->chardev);
    }
}

void qtest_send(struct qtest *q, const char *line)
{
    if (!q->opened) {
        return;
    }
    log_text(q, 'S', line);
    g_byte_array_append(q->out, (const uint8_t *)line, (guint)strlen(line));
    g_byte_array_append(q->out, (const uint8_t *)"\n", 1);
    flush(q);
}

/* In ------------------------------------------------------------------------------------------ */

/* Words stand between single or several blanks. */
static void carry_out(struct qtest *q, const char *line)
{
    g_auto(GStrv) words = g_strsplit_set(line, " \t", -1);
    g_autoptr(GString) answer = g_string_new("OK");
    g_autoptr(GError) error = NULL;
    unsigned n = 0;

    for (unsigned i = 0; words[i]; i++) {
        if (*words[i]) {
            words[n++] = words[i];
        } else {
            g_free(words[i]);
        }
    }
    words[n] = NULL;
    log_text(q, 'R', line);
    if (n == 0) {
        set_error(&error, "an empty line");
    } else {
        qtest_execute(q, words, n, answer, &error);
    }
    if (error) {
        g_string_printf(answer, "FAIL %s", error->message);
    }
    qtest_send(q, answer->str);
}

static void end_line(struct qtest *q)
{
    if (q->dropping) {
        qtest_send(q, "FAIL the line is too long");
        q->dropping = false;
    } else {
        if (g_str_has_suffix(q->line->str, "\r")) {
            g_string_truncate(q->line, q->line->len - 1);
        }
        carry_out(q, q->line->str);
    }
    g_string_truncate(q->line, 0);
}

static size_t can_receive(void *opaque)
{
    return ((struct qtest *)opaque)->out->len ? 0 : RECEIVE_MAX;
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct qtest *q = opaque;

    while (n > 0) {
        const uint8_t *end = memchr(buf, '\n', n);
        size_t part = end ? (size_t)(end - buf) : n;

        if (q->line->len + part > QTEST_LINE_MAX) {
            q->dropping = true;
        }
        if (!q->dropping) {
            g_string_append_len(q->line, (const char *)buf, (gssize)part);
        }
        if (end) {
            end_line(q);
            part++;
        }
        buf += part;
        n -= part;
    }
}

static void event(void *opaque, enum chardev_event what)
{
    struct qtest *q = opaque;

    if (what == CHARDEV_OPENED && !q->opened) {
        q->opened = true;
        log_opened(q);
    } else if (what == CHARDEV_CLOSED && q->opened) {
        log_text(q, 'I', "CLOSED");
        q->opened = q->dropping = false;
        g_string_truncate(q->line, 0);
        g_byte_array_set_size(q->out, 0);
    }
}

/* Life ---------------------------------------------------------------------------------------- */

void qtest_free(struct qtest *q)
{
    if (!q) {
        return;
    }
    qtest_watch_free(q->machine, q->watch);
    chardev_detach(q->chardev, q);
    if (q->log && q->log != stderr) {
        fclose(q->log);
    }
    g_string_free(q->line, TRUE);
    g_byte_array_unref(q->out);
    g_free(q);
}

struct qtest *qtest_new(struct machine *m, struct chardev *c, const char *log, GError **error)
{
    struct qtest *q = g_new0(struct qtest, 1);
    struct chardev_front front = { .can_receive = can_receive,
                                   .receive = receive,
                                   .event = event,
                                   .opaque = q,
                                   .drained = drained };

    q->machine = m;
    q->chardev = c;
    q->line = g_string_new(NULL);
    q->out = g_byte_array_new();
    if (!open_log(q, log, error) || !chardev_attach(c, &front, error)) {
        qtest_free(q);
        return NULL;
    }
    return q;
}
