/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/options.c: the table of back ends, and making them from options and from texts.
 * Thread: machine lock held.
 */
#include <string.h>
#include "chardev/backend.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/socket.h"
#include "util/text.h"

#define REFUSED(n, text, why)                                                                      \
    &(const struct chardev_type)                                                                   \
    {                                                                                              \
        .name = n, .summary = text, .refused = why                                                 \
    }
#define USE_TEXT "use stdio, pty, socket, file, pipe or null"

/* clang-format off */
static const struct chardev_type *const chardev_types[] = {
    &chardev_null_type,
    &chardev_stdio_type,
    &chardev_pty_type,
    &chardev_file_type,
    &chardev_pipe_type,
    &chardev_socket_type,
    &chardev_ringbuf_type,
    &chardev_udp_type,
    &chardev_serial_type,
    &chardev_tty_type,
    &chardev_vc_type,
    &chardev_vdagent_type,
    REFUSED("msmouse",  "a serial mouse",                "not supported yet; " USE_TEXT),
    REFUSED("braille",  "a Braille display",             "not supported; " USE_TEXT),
    REFUSED("parport",  "a parallel port of the host",   "not supported; " USE_TEXT),
    REFUSED("parallel", "a parallel port of the host",   "not supported; " USE_TEXT),
    REFUSED("spiceport", "a SPICE channel",              "not supported; " USE_TEXT),
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

const char *chardev_type_name(unsigned i)
{
    for (unsigned at = 0; chardev_types[at]; at++) {
        if (!chardev_types[at]->refused && i-- == 0) {
            return chardev_types[at]->name;
        }
    }
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

/* Options --------------------------------------------------------------------------------------- */

bool backend_flag(const char *type, const GPtrArray *opts, const char *key, bool otherwise,
                  bool *on, GError **error)
{
    g_autofree char *negated = g_strconcat("no", key, NULL);
    const char *value = options_get(opts, key);

    *on = otherwise && !options_get(opts, negated);
    if (value && !parse_bool(value, on)) {
        set_error(error, "character device '%s': %s is '%s', must be on or off", type, key, value);
        return false;
    }
    return true;
}

static bool takes_key(const struct chardev_type *type, const char *key)
{
    bool negated = g_str_has_prefix(key, "no");

    for (unsigned i = 0; type->keys && type->keys[i]; i++) {
        if (strcmp(type->keys[i], key) == 0 || (negated && strcmp(type->keys[i], key + 2) == 0)) {
            return true;
        }
    }
    return false;
}

static bool is_common_key(const char *key)
{
    static const char *const keys[] = { "backend", "id",        "mux",         "nomux",
                                        "logfile", "logappend", "nologappend", NULL };

    return g_strv_contains(keys, key);
}

static bool check_keys(const struct chardev_type *type, const GPtrArray *opts, GError **error)
{
    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);
        g_autofree char *known = NULL;

        if (is_common_key(p->key) || takes_key(type, p->key)) {
            continue;
        }
        known = type->keys ? g_strjoinv(", ", (char **)type->keys) : NULL;
        set_error(error,
                  "character device '%s' has no option '%s'; it takes: %s%sid, mux, "
                  "logfile, logappend",
                  type->name, p->key, known ? known : "", known ? ", " : "");
        return false;
    }
    return true;
}

struct chardev *chardev_new_options(struct machine *m, const char *backend, const char *label,
                                    const GPtrArray *opts, GError **error)
{
    const struct chardev_type *type = find_type(backend, error);
    bool mux;
    g_autofree char *inner = NULL;
    struct chardev *c, *over;

    if (!type || !check_keys(type, opts, error)) {
        return NULL;
    }
    if (chardev_find(m, label)) {
        set_error(error, "Duplicate ID '%s' for chardev", label);
        return NULL;
    }
    if (!backend_flag(backend, opts, "mux", false, &mux, error)) {
        return NULL;
    }
    inner = mux ? g_strdup_printf("%s-base", label) : g_strdup(label);
    c = backend_alloc(m, type, inner);
    if (!logfile_open(c, opts, error) || !type->open(c, opts, error)) {
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

/* Texts: "NAME:REST" ---------------------------------------------------------------------------- */

/* The value of the key, commas and all: "file:a,b" is about "a,b". */
static void append_whole(const char *key, const char *rest, GString *options)
{
    g_string_append_printf(options, ",%s=", key);
    for (const char *p = rest; *p; p++) {
        g_string_append(options, *p == ',' ? ",," : (char[]){ *p, 0 });
    }
}

/* "PATH,OPTIONS" */
static bool take_path(const char *rest, GString *options)
{
    g_string_append_printf(options, ",path=%s", rest);
    return true;
}

/* "HOST:PORT,OPTIONS"; an IPv6 address in brackets. */
static bool take_host_port(const char *rest, GString *options)
{
    g_autofree char *address = g_strndup(rest, strcspn(rest, ","));
    struct socket_address a;

    if (!socket_address_parse(&a, address, NULL)) {
        return false;
    }
    g_string_append_printf(options, ",host=%s,port=%s%s", a.host, a.port, rest + strlen(address));
    socket_address_clear(&a);
    return true;
}

/* "[HOST]:PORT[@[LOCALADDR]:LOCALPORT]" */
static bool take_udp(const char *rest, GString *options)
{
    g_auto(GStrv) ends = g_strsplit(rest, "@", 2);
    for (unsigned i = 0; i < g_strv_length(ends); i++) {
        struct socket_address a;

        if (!socket_address_parse(&a, ends[i], NULL)) {
            return false;
        }
        g_string_append_printf(options, ",%s=%s,%s=%s", i ? "localaddr" : "host", a.host,
                               i ? "localport" : "port", a.port);
        socket_address_clear(&a);
    }
    return ends[0] != NULL;
}

/* What may stand before a colon, beside the types with an implied key. */
static const struct text_form {
    const char *name, *type, *form, *extra;
    bool (*take)(const char *rest, GString *options);
} text_forms[] = {
    /* clang-format off */
    { "tcp",       "socket", "tcp:[HOST]:PORT[,OPTION...]",       "",              take_host_port },
    { "telnet",    "socket", "telnet:[HOST]:PORT[,OPTION...]",    ",telnet=on",    take_host_port },
    { "tn3270",    "socket", "tn3270:[HOST]:PORT[,OPTION...]",    ",tn3270=on",    take_host_port },
    { "websocket", "socket", "websocket:[HOST]:PORT[,OPTION...]", ",websocket=on", take_host_port },
    { "udp",       "udp",    "udp:[HOST]:PORT[@[ADDR]:PORT]",     "",              take_udp },
    { "unix",      "socket", "unix:PATH[,OPTION...]",             "",              take_path },
    /* clang-format on */
};

static const struct text_form *find_form(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(text_forms); i++) {
        if (strcmp(text_forms[i].name, name) == 0) {
            return &text_forms[i];
        }
    }
    return NULL;
}

/* The options that a text stands for, "backend=TYPE,..."; NULL and *error. */
static GString *text_options(const char *text, GError **error)
{
    size_t name_len = strcspn(text, ":,");
    g_autofree char *name = g_strndup(text, name_len);
    const struct text_form *form = find_form(name);
    const struct chardev_type *type = find_type(form ? form->type : name, error);
    g_autoptr(GString) options = g_string_new("backend=");
    const char *rest = text + name_len + 1;

    if (!type) {
        return NULL;
    }
    g_string_append(options, type->name);
    if (form && (text[name_len] != ':' || !form->take(rest, options))) {
        set_error(error, "character device '%s': must be %s", text, form->form);
        return NULL;
    }
    if (form) {
        g_string_append(options, form->extra);
    } else if (text[name_len] == ':' && !type->implied_key) {
        set_error(error, "character device '%s': '%s' takes nothing after a colon", text, name);
        return NULL;
    } else if (text[name_len] == ':') {
        append_whole(type->implied_key, rest, options);
    } else { /* after the bare name options may follow: "stdio,signal=off" */
        g_string_append(options, text + name_len);
    }
    return g_steal_pointer(&options);
}

/* A serial port of the host, by its name alone. */
static GString *port_options(const char *path)
{
    GString *options = g_string_new("backend=serial");

    append_whole("path", path, options);
    return options;
}

struct chardev *chardev_new(struct machine *m, const char *label, const char *spec, GError **error)
{
    bool mux = g_str_has_prefix(spec, "mon:");
    const char *text = mux ? spec + 4 : spec;
    g_autoptr(GString) options =
        g_str_has_prefix(text, "/dev/") ? port_options(text) : text_options(text, error);
    g_autoptr(GPtrArray) opts = NULL;

    if (!options) {
        return NULL;
    }
    g_string_append(options, mux ? ",mux=on" : "");
    opts = parse_options(options->str, NULL);
    return chardev_new_options(m, options_get(opts, "backend"), label, opts, error);
}
