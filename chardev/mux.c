/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/mux.c: several fronts on one back end, and the keys that follow Ctrl-A.
 *
 * Output of every front goes out; input goes to the front in focus, through a buffer of its own so
 * that Ctrl-A works while a guest does not read.
 *
 * Thread: machine lock held.
 */
#include <string.h>
#include "chardev/backend.h"
#include "softmmu/machine.h"
#include "util/error.h"

#define MUX_FRONTS   4
#define MUX_BUFFER   4096
#define MUX_ESCAPE   0x01 /* Ctrl-A, unless -echr says otherwise */
#define MUX_LINE_MAX 256

struct mux_front {
    struct chardev_front front;
    bool used;
    uint8_t input[MUX_BUFFER];
    size_t head, count; /* ring */
};

struct mux {
    struct chardev chardev;
    struct chardev *backend;
    struct mux_front fronts[MUX_FRONTS];
    unsigned focus;
    bool escaped; /* the last byte was Ctrl-A */
    bool timestamps;
    bool line_start; /* the next byte of output begins a line */
    int64_t timestamps_since;
};

static void say(struct mux *x, const char *text)
{
    chardev_write(x->backend, text, strlen(text));
}

static void mux_event_to(struct mux_front *f, enum chardev_event event)
{
    if (f->used && f->front.event) {
        f->front.event(f->front.opaque, event);
    }
}

/* Gives buffered input to the front in focus, as far as it takes it. */
static void mux_deliver(struct mux *x)
{
    struct mux_front *f = &x->fronts[x->focus];

    while (f->used && f->count > 0) {
        size_t room = f->front.can_receive(f->front.opaque);
        size_t n = MIN(MIN(room, f->count), MUX_BUFFER - f->head);

        if (n == 0) {
            return;
        }
        /* The front may switch or fill the mux while it receives: take the bytes out first. */
        size_t at = f->head;
        f->head = (f->head + n) % MUX_BUFFER;
        f->count -= n;
        f->front.receive(f->front.opaque, f->input + at, n);
    }
}

static void mux_put(struct mux *x, uint8_t byte)
{
    struct mux_front *f = &x->fronts[x->focus];

    if (f->used && f->count < MUX_BUFFER) {
        f->input[(f->head + f->count++) % MUX_BUFFER] = byte;
    }
}

/* The keys after Ctrl-A, one row a key. ------------------------------------------------------- */

static void key_help(struct mux *x);

static void key_quit(struct mux *x)
{
    say(x, "\r\nRhea: terminated\r\n");
    machine_request_shutdown(x->chardev.machine, SHUTDOWN_HOST_MONITOR);
}

static void key_save(struct mux *x)
{
    say(x, "\r\nno disk has anything to write back\r\n");
}

static void key_timestamps(struct mux *x)
{
    x->timestamps = !x->timestamps;
    x->timestamps_since = g_get_monotonic_time();
    x->line_start = false;
}

static void key_break(struct mux *x)
{
    mux_event_to(&x->fronts[x->focus], CHARDEV_BREAK);
}

static void key_switch(struct mux *x)
{
    unsigned next = x->focus;

    do {
        next = (next + 1) % MUX_FRONTS;
    } while (!x->fronts[next].used && next != x->focus);
    if (next == x->focus) {
        return;
    }
    mux_deliver(x);
    mux_event_to(&x->fronts[x->focus], CHARDEV_MUX_OUT);
    x->focus = next;
    mux_event_to(&x->fronts[x->focus], CHARDEV_MUX_IN);
}

static uint8_t escape_byte(const struct mux *x)
{
    uint8_t given = x->chardev.machine->config.escape;

    return given ? given : MUX_ESCAPE;
}

/* "Ctrl-A", "'x'", "0x80" */
static char *escape_name(const struct mux *x)
{
    uint8_t c = escape_byte(x);

    return c < 0x20                                ? g_strdup_printf("Ctrl-%c", c + '@')
           : c == ' ' || !g_ascii_isprint((char)c) ? g_strdup_printf("0x%02x", c)
                                                   : g_strdup_printf("'%c'", c);
}

static void key_escape(struct mux *x)
{
    mux_put(x, escape_byte(x));
}

struct mux_key {
    const char *keys; /* each of them; "": the escape character */
    const char *name;
    const char *help;
    void (*run)(struct mux *x);
};

/* clang-format off */
static const struct mux_key mux_keys[] = {
    { "h?",   "h",      "print this help",                          key_help },
    { "x",    "x",      "leave the emulator",                       key_quit },
    { "s",    "s",      "write the disks' data back to their files", key_save },
    { "t",    "t",      "turn timestamps of the console on or off", key_timestamps },
    { "b",    "b",      "send a break",                             key_break },
    { "c",    "c",      "switch between console and monitor",       key_switch },
    { "",     NULL,     "send",                                     key_escape },
};
/* clang-format on */

static void key_help(struct mux *x)
{
    g_autoptr(GString) text = g_string_new("\r\n");

    g_autofree char *escape = escape_name(x);

    for (unsigned i = 0; i < G_N_ELEMENTS(mux_keys); i++) {
        const char *name = mux_keys[i].name;

        g_string_append_printf(text, "%s %-6s  %s%s%s\r\n", escape, name ? name : escape,
                               mux_keys[i].help, name ? "" : " ", name ? "" : escape);
    }
    say(x, text->str);
}

static void mux_escape(struct mux *x, uint8_t byte)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(mux_keys); i++) {
        if (*mux_keys[i].keys ? byte && strchr(mux_keys[i].keys, byte) : byte == escape_byte(x)) {
            mux_keys[i].run(x);
            return;
        }
    }
}

/* The mux as the front of its back end. ------------------------------------------------------- */

static size_t mux_can_receive(void *opaque)
{
    struct mux *x = opaque;

    return x->fronts[x->focus].used ? MUX_BUFFER - x->fronts[x->focus].count : MUX_BUFFER;
}

static void mux_receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct mux *x = opaque;

    for (size_t i = 0; i < n; i++) {
        if (x->escaped) {
            x->escaped = false;
            mux_escape(x, buf[i]);
        } else if (buf[i] == escape_byte(x)) {
            x->escaped = true;
        } else {
            mux_put(x, buf[i]);
        }
    }
    mux_deliver(x);
}

static void mux_backend_event(void *opaque, enum chardev_event event)
{
    struct mux *x = opaque;

    x->chardev.open = chardev_is_open(x->backend);

    for (unsigned i = 0; i < MUX_FRONTS; i++) {
        mux_event_to(&x->fronts[i], event);
    }
}

static void mux_drained(void *opaque)
{
    struct mux *x = opaque;

    for (unsigned i = 0; i < MUX_FRONTS; i++) {
        if (x->fronts[i].used && x->fronts[i].front.drained) {
            x->fronts[i].front.drained(x->fronts[i].front.opaque);
        }
    }
}

/* The mux as a back end. ---------------------------------------------------------------------- */

static bool mux_attach(struct chardev *c, const struct chardev_front *front, GError **error)
{
    struct mux *x = (struct mux *)c;

    for (unsigned i = 0; i < MUX_FRONTS; i++) {
        struct mux_front *f = &x->fronts[i];

        if (f->used) {
            continue;
        }
        f->front = *front;
        f->used = true;
        f->head = f->count = 0;
        if (!x->fronts[x->focus].used) {
            x->focus = i;
        }
        /* The event first, so that a monitor out of focus prints no prompt when it opens. */
        mux_event_to(f, x->focus == i ? CHARDEV_MUX_IN : CHARDEV_MUX_OUT);
        if (chardev_is_open(x->backend)) {
            mux_event_to(f, CHARDEV_OPENED);
        }
        chardev_accept_input(x->backend);
        return true;
    }
    set_error(error, "character device '%s' has %d users already, more cannot share it", c->label,
              MUX_FRONTS);
    return false;
}

static void mux_detach(struct chardev *c, const void *opaque)
{
    struct mux *x = (struct mux *)c;

    for (unsigned i = 0; i < MUX_FRONTS; i++) {
        if (x->fronts[i].used && x->fronts[i].front.opaque == opaque) {
            x->fronts[i].used = false;
        }
    }
    for (unsigned i = 0; i < MUX_FRONTS && !x->fronts[x->focus].used; i++) {
        if (x->fronts[i].used) {
            x->focus = i;
            mux_event_to(&x->fronts[i], CHARDEV_MUX_IN);
        }
    }
}

/* A stamp and the bytes of one line, or of its part; returns how many bytes of buf went. */
static size_t write_stamped_line(struct mux *x, const uint8_t *buf, size_t n)
{
    const uint8_t *newline = memchr(buf, '\n', MIN(n, MUX_LINE_MAX));
    size_t len = newline ? (size_t)(newline - buf) + 1 : MIN(n, MUX_LINE_MAX), done;

    if (x->line_start) {
        int64_t ms = (g_get_monotonic_time() - x->timestamps_since) / 1000;
        g_autofree char *stamp =
            g_strdup_printf("[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000), (int)(ms / 60000 % 60),
                            (int)(ms / 1000 % 60), (int)(ms % 1000));

        say(x, stamp);
        x->line_start = false;
    }
    done = chardev_write(x->backend, buf, len);
    if (done > 0) {
        x->line_start = buf[done - 1] == '\n';
    }
    return done;
}

static size_t mux_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    struct mux *x = (struct mux *)c;
    size_t done = 0;

    if (!x->timestamps) {
        return chardev_write(x->backend, buf, n);
    }
    while (done < n) {
        size_t step = write_stamped_line(x, buf + done, n - done);

        if (step == 0) {
            break;
        }
        done += step;
    }
    return done;
}

static void mux_accept_input(struct chardev *c)
{
    struct mux *x = (struct mux *)c;

    mux_deliver(x);
    chardev_accept_input(x->backend);
}

static int mux_take_fd(struct chardev *c)
{
    return chardev_take_fd(((struct mux *)c)->backend);
}

static void mux_close(struct chardev *c)
{
    chardev_free(((struct mux *)c)->backend);
}

bool mux_in_use(const struct chardev *c)
{
    const struct mux *x = (const struct mux *)c;

    for (unsigned i = 0; i < MUX_FRONTS; i++) {
        if (x->fronts[i].used) {
            return true;
        }
    }
    return false;
}

void mux_send_break(struct chardev *c)
{
    key_break((struct mux *)c);
}

const struct chardev_type chardev_mux_type = {
    .name = "mux",
    .summary = "several users of one back end; Ctrl-A c switches",
    .size = sizeof(struct mux),
    .write = mux_write,
    .accept_input = mux_accept_input,
    .attach = mux_attach,
    .detach = mux_detach,
    .take_fd = mux_take_fd,
    .close = mux_close,
};

struct chardev *mux_new(struct machine *m, const char *label, struct chardev *backend,
                        GError **error)
{
    struct mux *x = (struct mux *)backend_alloc(m, &chardev_mux_type, label);
    struct chardev_front front = { .can_receive = mux_can_receive,
                                   .receive = mux_receive,
                                   .event = mux_backend_event,
                                   .opaque = x,
                                   .drained = mux_drained };

    x->backend = backend;
    if (!chardev_attach(backend, &front, error)) {
        x->backend = NULL; /* it stays the caller's */
        chardev_free(&x->chardev);
        return NULL;
    }
    x->chardev.open = chardev_is_open(backend);
    backend_set_filename(&x->chardev, "mux");
    chardev_accept_input(backend);
    return &x->chardev;
}
