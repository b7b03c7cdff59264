/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/qmp_rig.h: a machine without devices, a QMP session on a UNIX socket, and its client. */
#ifndef TESTS_UNIT_QMP_RIG_H
#define TESTS_UNIT_QMP_RIG_H

#include <errno.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "monitor/qmp.h"
#include "tests/unit/chardev_rig.h"
#include "util/socket.h"
#include "util/text.h"

struct qmp_rig {
    struct machine *m;
    struct qmp_session *session;
    char *dir, *path;
    int fd;
    GString *got; /* received, and not looked at yet */
};

static inline void qmp_rig_connect(struct qmp_rig *r)
{
    struct socket_address a = { .kind = SOCKET_ADDRESS_UNIX, .path = r->path };

    r->fd = socket_connect(&a, SOCK_STREAM, NULL);
    g_assert_cmpint(r->fd, >=, 0);
    g_string_truncate(r->got, 0);
    settle(r->m);
}

static inline void qmp_rig_init(struct qmp_rig *r, bool pretty)
{
    g_autofree char *spec = NULL;
    struct chardev *c;

    r->m = machine_new();
    machine_lock(r->m);
    r->got = g_string_new(NULL);
    r->dir = g_dir_make_tmp("rhea-qmp-XXXXXX", NULL);
    r->path = g_build_filename(r->dir, "s", NULL);
    spec = g_strdup_printf("unix:%s,server=on,wait=off", r->path);
    c = chardev_new(r->m, "qmp0", spec, NULL);
    r->session = qmp_session_new(r->m, c, pretty, NULL);
    g_assert_nonnull(r->session);
    qmp_rig_connect(r);
}

static inline void qmp_rig_clear(struct qmp_rig *r)
{
    qmp_session_free(r->session);
    machine_free(r->m);
    close(r->fd);
    g_assert_cmpint(g_rmdir(r->dir), ==, 0);
    g_string_free(r->got, TRUE);
    g_free(r->path);
    g_free(r->dir);
}

static inline void qmp_rig_write(struct qmp_rig *r, const char *text)
{
    size_t n = strlen(text);

    while (n > 0) {
        ssize_t done = send(r->fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL);

        g_assert_true(done > 0 || errno == EAGAIN);
        text += MAX(done, 0);
        n -= (size_t)MAX(done, 0);
        settle(r->m);
    }
}

static inline void qmp_rig_pump(struct qmp_rig *r)
{
    char buf[65536];
    ssize_t n;

    settle(r->m);
    while ((n = recv(r->fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
        g_string_append_len(r->got, buf, n);
        settle(r->m);
    }
}

/* The next line, which must end as lines of QMP do; NULL: there is none. */
static inline char *qmp_rig_line(struct qmp_rig *r)
{
    const char *end;
    char *line;

    qmp_rig_pump(r);
    end = strstr(r->got->str, "\r\n");
    if (!end) {
        g_assert_cmpuint(r->got->len, ==, 0);
        return NULL;
    }
    line = g_strndup(r->got->str, (gsize)(end - r->got->str));
    g_string_erase(r->got, 0, end + 2 - r->got->str);
    return line;
}

static inline void qmp_rig_expect(struct qmp_rig *r, const char *line)
{
    g_autofree char *got = qmp_rig_line(r);

    g_assert_cmpstr(got, ==, line);
}

static inline void qmp_rig_negotiate(struct qmp_rig *r)
{
    g_free(qmp_rig_line(r)); /* the greeting */
    qmp_rig_write(r, "{\"execute\": \"qmp_capabilities\"}");
    qmp_rig_expect(r, "{\"return\": {}}");
}

/* The answer to a command, which nothing may precede.  The caller frees. */
static inline json_t *qmp_rig_ask(struct qmp_rig *r, const char *request)
{
    g_autofree char *line = NULL;
    json_t *answer;

    qmp_rig_write(r, request);
    line = qmp_rig_line(r);
    g_assert_nonnull(line);
    answer = json_loads(line, 0, NULL);
    g_assert_nonnull(answer);
    return answer;
}

#endif
