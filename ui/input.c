/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ui/input.c: see input.h.  Thread: under the machine lock. */
#include "ui/input.h"

#include <stdlib.h>
#include <string.h>
#include "softmmu/machine.h"
#include "ui/layout.h"
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
    struct layout *layout; /* NULL: a US keyboard's */
};

static void free_input(struct machine *m)
{
    timer_disarm(&m->input->timer);
    g_queue_clear_full(&m->input->entries, g_free);
    layout_free(m->input->layout);
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

void input_register_last(struct machine *m, struct input_handler *h)
{
    struct input_handler **link = &queue_of(m)->handlers;

    while (*link) {
        link = &(*link)->next;
    }
    h->next = NULL;
    *link = h;
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

/* Text ------------------------------------------------------------------------------------------ */

bool input_set_layout(struct machine *m, const char *name, GError **error)
{
    struct layout *l = layout_new(name, error);

    if (l) {
        layout_free(queue_of(m)->layout);
        queue_of(m)->layout = l;
    }
    return l != NULL;
}

const struct layout *input_layout(struct machine *m)
{
    return queue_of(m)->layout;
}

/* The keys of a character in the order in which they are pressed; 0: there are none. */
static unsigned keys_of_char(struct machine *m, uint32_t ch, uint16_t keys[4])
{
    struct key_chord chord;
    unsigned n = 0;

    if (ch < 0x20 ? !keymap_of_char(ch, &chord)
                  : !layout_find(input_layout(m), keysym_of_char(ch), &chord)) {
        return 0;
    }
    if (chord.ctrl) {
        keys[n++] = 0x1d;
    }
    if (chord.alt) {
        keys[n++] = 0xe038; /* AltGr */
    }
    if (chord.shift) {
        keys[n++] = 0x2a;
    }
    keys[n++] = chord.key;
    return n;
}

/* How many entries of the queue a text takes; 0 and *error: it cannot be typed. */
static size_t count_entries(struct machine *m, const char *text, GError **error)
{
    size_t total = 0;

    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        gunichar ch = g_utf8_get_char_validated(p, -1);
        uint16_t keys[4];
        unsigned n = ch < (gunichar)-2 ? keys_of_char(m, ch, keys) : 0;

        if (!n) {
            set_error(error, "type: the keyboard has no keys for the character at byte %zu of '%s'",
                      (size_t)(p - text), text);
            return 0;
        }
        total += 2 * n + 2;
    }
    return total;
}

bool input_type(struct machine *m, const char *text, unsigned hold_ms, GError **error)
{
    struct input_queue *q = queue_of(m);
    size_t entries = count_entries(m, text, error);

    if (!entries) {
        if (!*text) {
            set_error(error, "type: which text? type TEXT");
        }
        return false;
    }
    if (!key_handler(q)) {
        set_error(error, "type: the machine has no keyboard");
        return false;
    }
    if (q->entries.length + entries > INPUT_QUEUE_MAX) {
        set_error(error, "type: the text takes %zu events of %u, of which %u wait already", entries,
                  INPUT_QUEUE_MAX, q->entries.length);
        return false;
    }
    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        uint16_t keys[4];
        unsigned n = keys_of_char(m, g_utf8_get_char(p), keys);

        input_chord(m, keys, n, hold_ms);
        input_pause(m, hold_ms);
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
