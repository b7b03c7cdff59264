/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp.c: sessions: the greeting, requests in turn, answers and events.
 *
 * A command may turn the main loop while it waits for a disk: requests that arrive meanwhile wait in their
 * session's queue, but for those that may run out of band.
 *
 * Invariants: a line goes out whole, or waits in `out`, in the order in which lines came about; no request is
 *             read or run while there is something in `out` that the client does not read.
 * Thread:     main loop, machine lock held; events come from any thread with the lock.
 */
#include "monitor/qmp.h"

#include <string.h>
#include <unistd.h>
#include "chardev/chardev.h"
#include "monitor/qmp_command.h"
#include "softmmu/event.h"
#include "softmmu/machine.h"
#include "util/json_stream.h"

#define REQUESTS_MAX  8u
#define RECEIVE_MAX   4096
#define REQUEST_BYTES (16u << 20)
#define REQUEST_DEPTH 1000u
#define LOAD_FLAGS    (JSON_DECODE_ANY | JSON_ALLOW_NUL)
#define OUT_MAX       (16u << 20) /* beyond it a client that does not read misses events */

/* Of a machine, while it has a session. */
struct qmp {
    struct machine *machine;
    GPtrArray *sessions; /* struct qmp_session * */
    struct event_listener listener;
    bool busy; /* a command that is not out of band runs */
};

struct qmp_session {
    struct qmp *qmp;
    struct chardev *chardev;
    struct json_stream input;
    GQueue requests; /* json_t *, or NULL for what is no JSON: then `problems` has why */
    GQueue problems; /* char * */
    GHashTable *fds; /* name: GINT_TO_POINTER of a descriptor */
    GString *out;    /* what the chardev has not taken */
    bool negotiated, oob, pretty;
    unsigned connection; /* counts them: an answer to the last one is nobody's */
};

struct machine *qmp_machine(const struct qmp_session *s)
{
    return s->qmp->machine;
}

bool qmp_call(struct machine *m, qmp_fn *fn, json_t *args, json_t **result, GError **error)
{
    struct qmp qmp = { .machine = m };
    struct qmp_session s = { .qmp = &qmp };

    return fn(&s, args, result, error);
}

int qmp_take_fd(struct qmp_session *s)
{
    return chardev_take_fd(s->chardev);
}

static void close_fd(gpointer fd)
{
    close(GPOINTER_TO_INT(fd));
}

void qmp_name_fd(struct qmp_session *s, const char *name, int fd)
{
    g_hash_table_replace(s->fds, g_strdup(name), GINT_TO_POINTER(fd));
}

int qmp_named_fd(struct qmp_session *s, const char *name)
{
    gpointer key, fd;

    if (!g_hash_table_steal_extended(s->fds, name, &key, &fd)) {
        return -1;
    }
    g_free(key);
    return GPOINTER_TO_INT(fd);
}

void qmp_session_enable(struct qmp_session *s, bool oob)
{
    s->negotiated = true;
    s->oob = oob;
}

/* Output -------------------------------------------------------------------------------------- */

static void push_output(struct qmp_session *s)
{
    size_t done = chardev_write(s->chardev, s->out->str, s->out->len);

    g_string_erase(s->out, 0, (gssize)done);
}

/* One value, on one line unless the session is pretty; takes it over. */
static void send_value(struct qmp_session *s, json_t *value)
{
    size_t flags = JSON_ENSURE_ASCII | (s->pretty ? JSON_INDENT(4) : 0);
    char *text = json_dumps(value, flags);

    json_decref(value);
    g_assert(text);
    for (const char *p = text; s->out->len < OUT_MAX && *p;) {
        size_t n = strcspn(p, "\n");

        g_string_append_len(s->out, p, (gssize)n);
        g_string_append(s->out, "\r\n");
        p += n + (p[n] == '\n');
    }
    free(text);
    push_output(s);
}

static void greet(struct qmp_session *s)
{
    send_value(
        s, json_pack("{s:{s:o, s:[s]}}", "QMP", "version", qmp_version(), "capabilities", "oob"));
}

static void tell_event(struct event_listener *l, enum event_id id, json_t *data, int64_t us)
{
    struct qmp *qmp = (struct qmp *)((char *)l - offsetof(struct qmp, listener));

    for (unsigned i = 0; i < qmp->sessions->len; i++) {
        struct qmp_session *s = g_ptr_array_index(qmp->sessions, i);

        if (s->negotiated) {
            send_value(s, json_pack("{s:{s:I, s:I}, s:s, s:O*}", "timestamp", "seconds",
                                    (json_int_t)(us / G_USEC_PER_SEC), "microseconds",
                                    (json_int_t)(us % G_USEC_PER_SEC), "event", event_rows[id].name,
                                    "data", data));
        }
    }
}

/* Answers ------------------------------------------------------------------------------------- */

static const char *error_class(const GError *e)
{
    static const char *const classes[] = {
        [QMP_ERROR_GENERIC] = "GenericError",
        [QMP_ERROR_COMMAND_NOT_FOUND] = "CommandNotFound",
        [QMP_ERROR_DEVICE_NOT_FOUND] = "DeviceNotFound",
        [QMP_ERROR_DEVICE_NOT_ACTIVE] = "DeviceNotActive",
        [QMP_ERROR_KVM_MISSING_CAP] = "KVMMissingCap",
    };

    return classes[e->domain == QMP_ERROR ? e->code : QMP_ERROR_GENERIC];
}

void qmp_set_error(GError **error, enum qmp_error code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (error) {
        *error = g_error_new_valist(QMP_ERROR, (gint)code, fmt, ap);
    }
    va_end(ap);
}

/* A message may quote what is no UTF-8, such as a file's name. */
static json_t *error_answer(const GError *e)
{
    g_autofree char *text = g_utf8_make_valid(e->message, -1);

    return json_pack("{s:{s:s, s:s}}", "error", "class", error_class(e), "desc", text);
}

/* Takes over both; id may be NULL. */
static void answer(struct qmp_session *s, json_t *value, json_t *id)
{
    if (id) {
        json_object_set(value, "id", id);
    }
    send_value(s, value);
}

/* Requests ------------------------------------------------------------------------------------ */

/* The envelope: members that it may have, and of which kinds. */
static bool check_request(struct qmp_session *s, json_t *request, const char **name, GError **error)
{
    const char *execute = NULL, *key;
    json_t *value;

    json_object_foreach(request, key, value)
    {
        if (strcmp(key, "execute") == 0 || (s->oob && strcmp(key, "exec-oob") == 0)) {
            if (!json_is_string(value)) {
                qmp_set_error(error, 0, "QMP input member '%s' must be a string", key);
                return false;
            }
            if (execute) {
                qmp_set_error(error, 0, "QMP input member '%s' is unexpected", key);
                return false;
            }
            execute = json_string_value(value);
        } else if (strcmp(key, "arguments") == 0 && !json_is_object(value)) {
            qmp_set_error(error, 0, "QMP input member 'arguments' must be an object");
            return false;
        } else if (strcmp(key, "id") != 0 && strcmp(key, "arguments") != 0) {
            qmp_set_error(error, 0, "QMP input member '%s' is unexpected", key);
            return false;
        }
    }
    if (!execute) {
        qmp_set_error(error, 0, "QMP input lacks member 'execute'");
        return false;
    }
    *name = execute;
    return true;
}

static const struct qmp_command *find_command(struct qmp_session *s, const char *name,
                                              GError **error)
{
    const struct qmp_command *c = qmp_command_find(name);
    bool negotiates = c && (c->flags & QMP_NEGOTIATION);

    if (!s->negotiated && !negotiates) {
        qmp_set_error(error, QMP_ERROR_COMMAND_NOT_FOUND,
                      "Expecting capabilities negotiation with 'qmp_capabilities'");
        return NULL;
    }
    if (s->negotiated && negotiates) {
        qmp_set_error(error, QMP_ERROR_COMMAND_NOT_FOUND,
                      "Capabilities negotiation is already complete, command ignored");
        return NULL;
    }
    if (!c) {
        qmp_set_error(error, QMP_ERROR_COMMAND_NOT_FOUND, "The command %s has not been found",
                      name);
    }
    return c;
}

/* The answer without id; NULL and *error. */
static json_t *run_request(struct qmp_session *s, json_t *request, GError **error)
{
    const struct qmp_command *c;
    const char *name;
    json_t *args = json_object_get(request, "arguments"), *result = NULL;
    bool ok;

    if (!check_request(s, request, &name, error)) {
        return NULL;
    }
    c = find_command(s, name, error);
    if (!c) {
        return NULL;
    }
    if (json_object_get(request, "exec-oob") && !(c->flags & QMP_OOB)) {
        qmp_set_error(error, 0, "The command %s does not support OOB", name);
        return NULL;
    }
    args = args ? json_incref(args) : json_object();
    ok = qmp_check_arguments(c, args, error) && c->run(s, args, &result, error);
    json_decref(args);
    return ok ? json_pack("{s:o}", "return", result ? result : json_object()) : NULL;
}

/* Runs a request and answers; takes it over.  NULL: `problem` is why it is none. */
static void carry_out(struct qmp_session *s, json_t *request, const char *problem)
{
    unsigned connection = s->connection;
    g_autoptr(GError) error = NULL;
    json_t *value = NULL;

    if (!request) {
        qmp_set_error(&error, 0, "JSON parse error, %s", problem);
    } else if (!json_is_object(request)) {
        qmp_set_error(&error, 0, "QMP input must be a JSON object");
    } else {
        value = run_request(s, request, &error);
    }
    if (!value) {
        value = error_answer(error);
    }
    if (connection == s->connection) {
        answer(s, value, json_is_object(request) ? json_object_get(request, "id") : NULL);
    } else {
        json_decref(value);
    }
    json_decref(request);
}

/* Sessions take turns; what a command does while it waits may have brought more. */
static bool run_one(struct qmp_session *s)
{
    json_t *request;
    g_autofree char *problem = NULL;

    if (s->qmp->busy || s->out->len > 0 || g_queue_is_empty(&s->requests)) {
        return false;
    }
    request = g_queue_pop_head(&s->requests);
    problem = g_queue_pop_head(&s->problems);
    s->qmp->busy = true;
    carry_out(s, request, problem);
    s->qmp->busy = false;
    return true;
}

static void run_queues(struct qmp *qmp)
{
    bool ran;

    do {
        ran = false;
        for (unsigned i = 0; i < qmp->sessions->len; i++) {
            ran |= run_one(g_ptr_array_index(qmp->sessions, i));
        }
    } while (ran);
    for (unsigned i = 0; i < qmp->sessions->len; i++) {
        struct qmp_session *s = g_ptr_array_index(qmp->sessions, i);

        chardev_accept_input(s->chardev);
    }
}

/* Input --------------------------------------------------------------------------------------- */

static bool is_out_of_band(const struct qmp_session *s, const json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "exec-oob"));
    const struct qmp_command *c = s->oob && name ? qmp_command_find(name) : NULL;

    return c && (c->flags & QMP_OOB);
}

static void take_value(void *opaque, const char *text, size_t len, const char *problem)
{
    struct qmp_session *s = opaque;
    json_error_t e;
    json_t *request = problem ? NULL : json_loadb(text, len, LOAD_FLAGS, &e);

    if (!problem && !request && json_error_code(&e) == json_error_numeric_overflow) {
        /* Integers that are too large: those that are wanted are missed where they are named. */
        request = json_loadb(text, len, LOAD_FLAGS | JSON_DECODE_INT_AS_REAL, &e);
    }

    if (request && is_out_of_band(s, request)) {
        carry_out(s, request, NULL);
        return;
    }
    g_queue_push_tail(&s->requests, request);
    g_queue_push_tail(&s->problems, g_strdup(request ? NULL : problem ? problem : e.text));
}

static size_t can_receive(void *opaque)
{
    const struct qmp_session *s = opaque;

    return s->out->len == 0 && s->requests.length < REQUESTS_MAX ? RECEIVE_MAX : 0;
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct qmp_session *s = opaque;

    json_stream_feed(&s->input, buf, n);
    if (!s->qmp->busy) {
        run_queues(s->qmp);
    }
}

static void drained(void *opaque)
{
    struct qmp_session *s = opaque;

    push_output(s);
    if (!s->qmp->busy) {
        run_queues(s->qmp);
    }
}

/* The client is gone: the next one begins anew. */
static void forget_client(struct qmp_session *s)
{
    s->connection++;
    s->negotiated = s->oob = false;
    json_stream_reset(&s->input);
    g_hash_table_remove_all(s->fds);
    g_string_truncate(s->out, 0);
    while (!g_queue_is_empty(&s->requests)) {
        json_decref(g_queue_pop_head(&s->requests));
        g_free(g_queue_pop_head(&s->problems));
    }
}

static void event(void *opaque, enum chardev_event what)
{
    struct qmp_session *s = opaque;

    if (what == CHARDEV_OPENED) {
        forget_client(s);
        greet(s);
    } else if (what == CHARDEV_CLOSED) {
        forget_client(s);
    }
}

/* Life ---------------------------------------------------------------------------------------- */

static struct qmp *qmp_of(struct machine *m)
{
    if (!m->qmp) {
        m->qmp = g_new0(struct qmp, 1);
        m->qmp->machine = m;
        m->qmp->sessions = g_ptr_array_new();
        m->qmp->listener.event = tell_event;
        event_add_listener(m, &m->qmp->listener);
    }
    return m->qmp;
}

static void forget_session(struct qmp *qmp, struct qmp_session *s)
{
    g_ptr_array_remove(qmp->sessions, s);
    if (qmp->sessions->len == 0) {
        event_remove_listener(qmp->machine, &qmp->listener);
        qmp->machine->qmp = NULL;
        g_ptr_array_unref(qmp->sessions);
        g_free(qmp);
    }
}

static void free_session(struct qmp_session *s)
{
    forget_client(s);
    forget_session(s->qmp, s);
    json_stream_clear(&s->input);
    g_hash_table_unref(s->fds);
    g_string_free(s->out, TRUE);
    g_free(s);
}

struct qmp_session *qmp_session_new(struct machine *m, struct chardev *c, bool pretty,
                                    GError **error)
{
    struct qmp_session *s = g_new0(struct qmp_session, 1);
    struct chardev_front front = { .can_receive = can_receive,
                                   .receive = receive,
                                   .event = event,
                                   .drained = drained,
                                   .opaque = s };

    s->qmp = qmp_of(m);
    s->chardev = c;
    s->pretty = pretty;
    s->out = g_string_new(NULL);
    s->fds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_fd);
    s->input = (struct json_stream){
        .value = take_value, .opaque = s, .max_bytes = REQUEST_BYTES, .max_depth = REQUEST_DEPTH
    };
    json_stream_init(&s->input);
    g_ptr_array_add(s->qmp->sessions, s);
    if (!chardev_attach(c, &front, error)) {
        free_session(s);
        return NULL;
    }
    return s;
}

void qmp_session_free(struct qmp_session *s)
{
    if (s) {
        chardev_detach(s->chardev, s);
        free_session(s);
    }
}
