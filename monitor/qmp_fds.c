/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_fds.c: descriptors that clients send: by name (getfd), which other commands then use, and in sets.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include <unistd.h>
#include "monitor/qmp.h"
#include "monitor/qmp_command.h"
#include "util/error.h"
#include "util/fdset.h"
#include "util/text.h"

bool qmp_getfd(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *name = qmp_str(args, "fdname", "");
    int fd = qmp_take_fd(s);

    (void)result;
    if (fd < 0) {
        set_error(error, "No file descriptor supplied via SCM_RIGHTS");
        return false;
    }
    if (g_ascii_isdigit(*name)) {
        close(fd);
        set_error(error, "Parameter 'fdname' expects a name not starting with a digit");
        return false;
    }
    qmp_name_fd(s, name, fd);
    return true;
}

bool qmp_closefd(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *name = qmp_str(args, "fdname", "");
    int fd = qmp_named_fd(s, name);

    (void)result;
    if (fd < 0) {
        set_error(error, "File descriptor named '%s' not found", name);
        return false;
    }
    close(fd);
    return true;
}

/* fd=NAME becomes the number; fds=A:B likewise. */
static bool replace(struct qmp_session *s, struct option_pair *p, GArray *taken, GError **error)
{
    g_auto(GStrv) names = g_strsplit(p->value, ":", -1);

    for (unsigned i = 0; names[i]; i++) {
        int fd;

        if (g_ascii_isdigit(*names[i])) {
            continue;
        }
        fd = qmp_named_fd(s, names[i]);
        if (fd < 0) {
            set_error(error, "File descriptor named '%s' has not been found", names[i]);
            return false;
        }
        g_array_append_val(taken, fd);
        g_free(names[i]);
        names[i] = g_strdup_printf("%d", fd);
    }
    g_free(p->value);
    p->value = g_strjoinv(":", names);
    return true;
}

/* "fd", "fds", "addr.str" of "addr.type": "fd" and the like. */
static bool is_descriptor(const GPtrArray *opts, const char *key)
{
    g_autofree char *type = NULL;

    if (strcmp(key, "fd") == 0 || strcmp(key, "fds") == 0) {
        return true;
    }
    if (!g_str_has_suffix(key, ".str")) {
        return false;
    }
    type = g_strdup_printf("%.*s.type", (int)(strlen(key) - strlen(".str")), key);
    return g_strcmp0(options_get(opts, type), "fd") == 0;
}

GArray *qmp_replace_fds(struct qmp_session *s, GPtrArray *opts, GError **error)
{
    GArray *taken = g_array_new(FALSE, FALSE, sizeof(int));

    for (unsigned i = 0; i < opts->len; i++) {
        struct option_pair *p = g_ptr_array_index(opts, i);

        if (is_descriptor(opts, p->key) && !replace(s, p, taken, error)) {
            qmp_end_fds(taken, false);
            return NULL;
        }
    }
    return taken;
}

void qmp_end_fds(GArray *taken, bool used)
{
    for (unsigned i = 0; !used && i < taken->len; i++) {
        close(g_array_index(taken, int, i));
    }
    g_array_unref(taken);
}

/* Sets ---------------------------------------------------------------------------------------- */

bool qmp_add_fd(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    int fd = qmp_take_fd(s);
    int64_t id = qmp_int(args, "fdset-id", FDSET_NEW);

    if (fd < 0) {
        set_error(error, "No file descriptor supplied via SCM_RIGHTS");
        return false;
    }
    if (json_object_get(args, "fdset-id") && id < 0) {
        set_error(error, "Parameter 'fdset-id' expects a non-negative value");
        close(fd);
        return false;
    }
    id = fdset_add(id, fd, qmp_str(args, "opaque", NULL), error);
    if (id < 0) {
        close(fd);
        return false;
    }
    *result = json_pack("{s:I, s:i}", "fdset-id", (json_int_t)id, "fd", fd);
    return true;
}

bool qmp_remove_fd(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    int64_t fd = qmp_int(args, "fd", -1);

    (void)s;
    (void)result;
    if (fd > INT32_MAX || (json_object_get(args, "fd") && fd < 0)) {
        set_error(error, "File descriptor named 'fd:%" G_GINT64_FORMAT "' not found", fd);
        return false;
    }
    return fdset_remove(qmp_int(args, "fdset-id", -1), (int)fd, error);
}

static json_t *set_of(json_t *list, int64_t id)
{
    json_t *set;
    size_t i;

    json_array_foreach(list, i, set)
    {
        if (json_integer_value(json_object_get(set, "fdset-id")) == id) {
            return set;
        }
    }
    set = json_pack("{s:I, s:[]}", "fdset-id", (json_int_t)id, "fds");
    json_array_append_new(list, set);
    return set;
}

bool qmp_query_fdsets(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    GArray *list = fdset_list();

    (void)s;
    (void)args;
    (void)error;
    *result = json_array();
    for (unsigned i = 0; i < list->len; i++) {
        const struct fdset_fd *f = &g_array_index(list, struct fdset_fd, i);

        json_array_append_new(json_object_get(set_of(*result, f->set), "fds"),
                              json_pack("{s:i, s:o*}", "fd", f->fd, "opaque",
                                        f->opaque ? qmp_text(f->opaque) : NULL));
    }
    fdset_list_free(list);
    return true;
}
