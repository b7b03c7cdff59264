/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ui/input.c: see input.h.  Thread: under the machine lock. */
#include "ui/input.h"

#include <stdlib.h>
#include <string.h>
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/text.h"

struct input_entry {
    unsigned pause; /* ms; 0: a key */
    uint16_t key;
    bool down;
};

struct input_queue {
    struct machine *machine;
    struct input_handler *handlers; /* the newest first */
    struct input_handler *selected; /* whose pointer was chosen; NULL: the newest */
    GQueue entries;                 /* struct input_entry * */
    struct timer timer;             /* armed during a pause */
    uint8_t buttons;
};

static void free_input(struct machine *m)
{
    timer_disarm(&m->input->timer);
    g_queue_clear_full(&m->input->entries, g_free);
    g_free(m->input);
    m->input = NULL;
}

static void drain(void *opaque);

static struct input_queue *queue_of(struct machine *m)
{
    if (!m->input) {
        m->input = g_new0(struct input_queue, 1);
        m->input->machine = m;
        m->free_input = free_input;
        g_queue_init(&m->input->entries);
        timer_init(&m->input->timer, m, CLOCK_KIND_VIRTUAL, drain, m->input);
    }
    return m->input;
}

static struct input_handler *key_handler(const struct input_queue *q)
{
    struct input_handler *h = q->handlers;

    while (h && !h->key) {
        h = h->next;
    }
    return h;
}

const struct input_handler *input_pointer_handler(struct machine *m)
{
    struct input_handler *h = queue_of(m)->handlers;

    if (queue_of(m)->selected) {
        return queue_of(m)->selected;
    }
    while (h && !h->pointer) {
        h = h->next;
    }
    return h;
}

bool input_select_pointer(struct machine *m, unsigned n)
{
    for (struct input_handler *h = queue_of(m)->handlers; h; h = h->next) {
        if (h->pointer && n-- == 0) {
            queue_of(m)->selected = h;
            return true;
        }
    }
    return false;
}

/* Delivers up to the next pause. */
static void drain(void *opaque)
{
    struct input_queue *q = opaque;
    struct input_entry *e;

    while (!q->timer.armed && (e = g_queue_pop_head(&q->entries))) {
        struct input_handler *h = key_handler(q);

        if (e->pause) {
            timer_arm(&q->timer, clock_now(q->machine, CLOCK_KIND_VIRTUAL) + e->pause * NS_PER_MS);
        } else if (h) {
            h->key(h->opaque, e->key, e->down);
        }
        g_free(e);
    }
}

static bool push(struct machine *m, struct input_entry entry)
{
    struct input_queue *q = queue_of(m);

    if (q->entries.length >= INPUT_QUEUE_MAX) {
        return false;
    }
    g_queue_push_tail(&q->entries, g_memdup2(&entry, sizeof(entry)));
    drain(q);
    return true;
}

bool input_key(struct machine *m, uint16_t key, bool down)
{
    return push(m, (struct input_entry){ .key = key, .down = down });
}

bool input_pause(struct machine *m, unsigned ms)
{
    return ms == 0 || push(m, (struct input_entry){ .pause = ms });
}

static void point(struct machine *m, struct input_pointer p)
{
    const struct input_handler *h = input_pointer_handler(m);

    p.buttons = queue_of(m)->buttons;
    if (h) {
        h->pointer(h->opaque, &p);
    }
}

void input_move(struct machine *m, int dx, int dy, int dz)
{
    point(m, (struct input_pointer){ .dx = dx, .dy = dy, .dz = dz });
}

void input_move_to(struct machine *m, int x, int y)
{
    point(m, (struct input_pointer){ .absolute = true,
                                     .x = CLAMP(x, 0, INPUT_ABS_MAX),
                                     .y = CLAMP(y, 0, INPUT_ABS_MAX) });
}

void input_buttons(struct machine *m, uint8_t buttons)
{
    queue_of(m)->buttons = buttons;
    point(m, (struct input_pointer){ 0 });
}

void input_register(struct machine *m, struct input_handler *h)
{
    struct input_queue *q = queue_of(m);

    h->next = q->handlers;
    q->handlers = h;
    q->selected = h->pointer ? NULL : q->selected;
}

void input_unregister(struct machine *m, struct input_handler *h)
{
    struct input_queue *q = queue_of(m);
    struct input_handler **link = &q->handlers;

    q->selected = q->selected == h ? NULL : q->selected;
    while (*link && *link != h) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = h->next;
    }
}

static const char *key_name(void *opaque, unsigned i)
{
    (void)opaque;
    return input_key_name(i);
}

/* One name of a chord, or a number in hex: a set 1 code, above 0x80 an extended one. */
static bool parse_key(const char *name, size_t len, uint16_t *key, GError **error)
{
    g_autofree char *text = g_strndup(name, len), *closest = NULL;
    uint64_t code;

    *key = input_key_of_name(name, len);
    if (*key) {
        return true;
    }
    if (g_str_has_prefix(text, "0x") && parse_uint(text, 1, 0xff, &code) && (code & 0x7f)) {
        *key = (uint16_t)(code & 0x80 ? 0xe000 | (code & 0x7f) : code);
        return true;
    }
    closest = closest_names(text, key_name, NULL);
    set_error(error, "sendkey: unknown key '%s'%s%s", text, closest ? "; closest: " : "",
              closest ? closest : "");
    return false;
}

bool input_chord(struct machine *m, const uint16_t *keys, unsigned n, unsigned hold_ms)
{
    if (queue_of(m)->entries.length + 2 * n + 2 > INPUT_QUEUE_MAX) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        input_key(m, keys[i], true);
    }
    input_pause(m, hold_ms);
    while (n > 0) {
        input_key(m, keys[--n], false);
    }
    return true;
}

bool input_send_keys(struct machine *m, const char *names, unsigned hold_ms, GError **error)
{
    struct input_queue *q = queue_of(m);
    uint16_t keys[16];
    unsigned n = 0;

    for (const char *p = names;; p++) {
        size_t len = strcspn(p, "-");

        if (n == G_N_ELEMENTS(keys)) {
            set_error(error, "sendkey: too many keys, at most %u", n);
            return false;
        }
        if (!parse_key(p, len, &keys[n++], error)) {
            return false;
        }
        p += len;
        if (!*p) {
            break;
        }
    }
    if (!key_handler(q)) {
        set_error(error, "sendkey: the machine has no keyboard");
        return false;
    }
    if (!input_chord(m, keys, n, hold_ms)) {
        set_error(error, "sendkey: %u events wait already", q->entries.length);
        return false;
    }
    return true;
}

const struct input_handler *input_handler_at(struct machine *m, unsigned i)
{
    const struct input_handler *h = queue_of(m)->handlers;

    while (h && i-- > 0) {
        h = h->next;
    }
    return h;
}

void input_print_mice(struct machine *m, GString *out)
{
    const struct input_handler *current = input_pointer_handler(m);
    unsigned n = 0;

    for (struct input_handler *h = queue_of(m)->handlers; h; h = h->next) {
        if (h->pointer) {
            g_string_append_printf(out, "%c Mouse #%u: %s%s\n", h == current ? '*' : ' ', n++,
                                   h->name, h->absolute ? " (absolute)" : "");
        }
    }
    if (n == 0) {
        g_string_append(out, "No mouse devices connected\n");
    }
}
