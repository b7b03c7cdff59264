/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/chardev.c: the table of back ends, and what is the same for all of them: making them from
 * text, labels, fronts, writing.
 *
 * Invariant: a chardev is in machine->chardevs from its creation to chardev_free; labels are unique.
 * Thread:    machine lock held, any thread.
 */
#include <string.h>
#include "chardev/backend.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/text.h"

static bool null_open(struct chardev *c, const GPtrArray *opts, GError **error)
{
    (void)opts;
    (void)error;
    backend_set_filename(c, "null");
    return true;
}

static size_t null_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    (void)c;
    (void)buf;
    return n;
}

static const struct chardev_type chardev_null_type = {
    .name = "null",
    .summary = "drops output, has no input",
    .size = sizeof(struct chardev),
    .open = null_open,
    .write = null_write,
};

#define REFUSED(n, text, why)                                                                      \
    &(const struct chardev_type)                                                                   \
    {                                                                                              \
        .name = n, .summary = text, .refused = why                                                 \
    }
#define USE_TEXT "use stdio, pty, file:PATH, pipe:PATH or null"

/* clang-format off */
static const struct chardev_type *const chardev_types[] = {
    &chardev_null_type,
    &chardev_stdio_type,
    &chardev_pty_type,
    &chardev_file_type,
    &chardev_pipe_type,
    &chardev_vc_type,
    REFUSED("socket",   "a TCP or UNIX socket",          "not supported yet; " USE_TEXT),
    REFUSED("unix",     "a UNIX socket",                 "not supported yet; " USE_TEXT),
    REFUSED("tcp",      "a TCP socket",                  "not supported yet; " USE_TEXT),
    REFUSED("telnet",   "a TCP socket, telnet",          "not supported yet; " USE_TEXT),
    REFUSED("websocket", "a web socket",                 "not supported yet; " USE_TEXT),
    REFUSED("udp",      "UDP datagrams",                 "not supported yet; " USE_TEXT),
    REFUSED("msmouse",  "a serial mouse",                "not supported yet; " USE_TEXT),
    REFUSED("braille",  "a Braille display",             "not supported; " USE_TEXT),
    REFUSED("ringbuf",  "a ring of bytes in memory",     "not supported yet; " USE_TEXT),
    REFUSED("serial",   "a serial port of the host",     "not supported yet; " USE_TEXT),
    REFUSED("tty",      "a serial port of the host",     "not supported yet; " USE_TEXT),
    REFUSED("parport",  "a parallel port of the host",   "not supported; " USE_TEXT),
    REFUSED("spicevmc", "a SPICE channel",               "not supported; " USE_TEXT),
    NULL
};
/* clang-format on */

static const char *type_name(void *opaque, unsigned i)
{
    (void)opaque;
    return chardev_types[i] ? chardev_types[i]->name : NULL;
}

static const struct chardev_type *find_type(const char *name, GError **error)
{
    g_autofree char *closest = NULL;

    for (unsigned i = 0; chardev_types[i]; i++) {
        const struct chardev_type *t = chardev_types[i];

        if (strcmp(t->name, name) == 0) {
            if (t->refused) {
                set_error(error, "character device '%s': %s", name, t->refused);
                return NULL;
            }
            return t;
        }
    }
    closest = closest_names(name, type_name, NULL);
    set_error(error, "unknown character device '%s'; %s%s", name, closest ? "closest: " : USE_TEXT,
              closest ? closest : "");
    return NULL;
}

void chardev_print_list(GString *out)
{
    g_string_append(out, "Available chardev backend types:\n");
    for (unsigned i = 0; chardev_types[i]; i++) {
        if (!chardev_types[i]->refused) {
            g_string_append_printf(out, "  %-8s %s\n", chardev_types[i]->name,
                                   chardev_types[i]->summary);
        }
    }
}

bool backend_enter(struct chardev *c)
{
    if (machine_locked(c->machine)) {
        return false;
    }
    machine_lock(c->machine);
    return true;
}

void backend_leave(struct chardev *c, bool entered)
{
    if (entered) {
        machine_unlock(c->machine);
    }
}

void backend_set_filename(struct chardev *c, const char *fmt, ...)
{
    va_list ap;

    g_free(c->filename);
    va_start(ap, fmt);
    c->filename = g_strdup_vprintf(fmt, ap);
    va_end(ap);
}

void backend_event(struct chardev *c, enum chardev_event event)
{
    if (c->attached && c->front.event) {
        c->front.event(c->front.opaque, event);
    }
}

/* The newest first: a mux before what it stands on, which it frees. */
static void free_all(struct machine *m)
{
    while (m->chardevs->len > 0) {
        chardev_free(g_ptr_array_index(m->chardevs, m->chardevs->len - 1));
    }
}

struct chardev *backend_alloc(struct machine *m, const struct chardev_type *type, const char *label)
{
    struct chardev *c = g_malloc0(type->size);

    c->type = type;
    c->machine = m;
    c->label = g_strdup(label);
    c->fd_in = c->fd_out = -1;
    c->queue = g_byte_array_new();
    g_ptr_array_add(m->chardevs, c);
    m->find_chardev = chardev_find;
    m->free_chardevs = free_all;
    return c;
}

static bool takes_key(const struct chardev_type *type, const char *key)
{
    for (unsigned i = 0; type->keys && type->keys[i]; i++) {
        if (strcmp(type->keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static bool check_keys(const struct chardev_type *type, const GPtrArray *opts, GError **error)
{
    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);
        g_autofree char *known = NULL;

        if (strcmp(p->key, "id") == 0 || strcmp(p->key, "mux") == 0 ||
            strcmp(p->key, "backend") == 0 || takes_key(type, p->key)) {
            continue;
        }
        known = type->keys ? g_strjoinv(", ", (char **)type->keys) : NULL;
        set_error(error, "character device '%s' has no option '%s'; it takes: %s%sid, mux",
                  type->name, p->key, known ? known : "", known ? ", " : "");
        return false;
    }
    return true;
}

struct chardev *chardev_new_options(struct machine *m, const char *backend, const char *label,
                                    const GPtrArray *opts, GError **error)
{
    const struct chardev_type *type = find_type(backend, error);
    const char *mux_text = options_get(opts, "mux");
    bool mux = false;
    g_autofree char *inner = NULL;
    struct chardev *c, *over;

    if (!type || !check_keys(type, opts, error)) {
        return NULL;
    }
    if (chardev_find(m, label)) {
        set_error(error, "character device id '%s' is in use already", label);
        return NULL;
    }
    if (mux_text && !parse_bool(mux_text, &mux)) {
        set_error(error, "character device '%s': mux is '%s', must be on or off", label, mux_text);
        return NULL;
    }
    inner = mux ? g_strdup_printf("%s-base", label) : g_strdup(label);
    c = backend_alloc(m, type, inner);
    if (!type->open(c, opts, error)) {
        chardev_free(c);
        return NULL;
    }
    if (!mux) {
        return c;
    }
    over = mux_new(m, label, c, error);
    if (!over) {
        chardev_free(c);
    }
    return over;
}

/*
 * Text after a colon is the value of the type's implied key, commas and all ("file:a,b" writes to
 * "a,b"); after the bare name options may follow: "stdio,signal=off".
 */
struct chardev *chardev_new(struct machine *m, const char *label, const char *spec, GError **error)
{
    bool mux = g_str_has_prefix(spec, "mon:");
    const char *text = mux ? spec + 4 : spec;
    size_t name_len = strcspn(text, ":,");
    g_autofree char *name = g_strndup(text, name_len);
    const struct chardev_type *type;
    g_autoptr(GString) options = g_string_new("backend=");

    type = find_type(name, error);
    if (!type) {
        return NULL;
    }
    g_string_append(options, name);
    if (text[name_len] == ':') {
        if (!type->implied_key) {
            set_error(error, "character device '%s': '%s' takes nothing after a colon", text, name);
            return NULL;
        }
        g_string_append_printf(options, ",%s=", type->implied_key);
        for (const char *p = text + name_len + 1; *p; p++) {
            g_string_append(options, *p == ',' ? ",," : (char[]){ *p, 0 });
        }
    } else if (text[name_len] == ',') {
        g_string_append(options, text + name_len);
    }
    if (mux) {
        g_string_append(options, ",mux=on");
    }
    {
        g_autoptr(GPtrArray) opts = parse_options(options->str, NULL);

        return chardev_new_options(m, name, label, opts, error);
    }
}

struct chardev *chardev_find(struct machine *m, const char *label)
{
    for (unsigned i = 0; i < m->chardevs->len; i++) {
        struct chardev *c = g_ptr_array_index(m->chardevs, i);

        if (strcmp(c->label, label) == 0) {
            return c;
        }
    }
    return NULL;
}

void chardev_free(struct chardev *c)
{
    if (!c) {
        return;
    }
    if (c->type->close) {
        c->type->close(c);
    }
    fd_backend_close(c);
    g_ptr_array_remove(c->machine->chardevs, c);
    g_byte_array_unref(c->queue);
    g_free(c->label);
    g_free(c->filename);
    g_free(c);
}

const char *chardev_label(const struct chardev *c)
{
    return c->label;
}

const char *chardev_filename(const struct chardev *c)
{
    return c->filename ? c->filename : c->type->name;
}

bool chardev_attach(struct chardev *c, const struct chardev_front *front, GError **error)
{
    if (c->type->attach) {
        return c->type->attach(c, front, error);
    }
    if (c->attached) {
        set_error(error, "character device '%s' is in use already; mux=on lets several share it",
                  c->label);
        return false;
    }
    c->front = *front;
    c->attached = true;
    backend_event(c, CHARDEV_OPENED);
    fd_backend_update_input(c);
    return true;
}

void chardev_detach(struct chardev *c, const void *opaque)
{
    if (c->type->detach) {
        c->type->detach(c, opaque);
    } else if (c->attached && c->front.opaque == opaque) {
        c->attached = false;
        fd_backend_update_input(c);
    }
}

size_t chardev_write(struct chardev *c, const void *buf, size_t n)
{
    if (!c) {
        return n;
    }
    return c->type->write ? c->type->write(c, buf, n) : fd_backend_write(c, buf, n);
}

void chardev_accept_input(struct chardev *c)
{
    if (!c) {
        return;
    }
    if (c->type->accept_input) {
        c->type->accept_input(c);
    } else {
        fd_backend_update_input(c);
    }
}

void chardev_flush_all(struct machine *m)
{
    int64_t deadline = g_get_monotonic_time() + G_USEC_PER_SEC;

    for (unsigned i = 0; i < m->chardevs->len; i++) {
        fd_backend_flush(g_ptr_array_index(m->chardevs, i), deadline);
    }
}
