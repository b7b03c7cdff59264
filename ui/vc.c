/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/vc.c: see vc.h.  Sources: ECMA-48 (control functions), the VT100 User Guide.
 *
 * Invariants: 0 <= x < columns, 0 <= y < rows; lines is a ring of `high` lines, of which the last `rows`
 *             are the screen and `above` before them are history.
 * Thread:     under the machine lock.
 */
#include "ui/vc.h"

#include <stdlib.h>
#include <string.h>
#include "chardev/backend.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/text.h"

#define VC_INPUT  4096u
#define VC_PARAMS 8u

enum vc_state { VC_TEXT, VC_ESCAPE, VC_CSI };

struct vc {
    struct chardev chardev;
    unsigned columns, rows;
    struct text_cell *cells; /* high * columns */
    unsigned high, first;    /* first: the ring's index of the screen's first line */
    unsigned above, scrolled;
    unsigned generation;

    unsigned x, y;
    bool wrap; /* the last column was written: the next character begins a line */
    uint16_t attr;
    bool reverse;
    enum vc_state state;
    unsigned params[VC_PARAMS], n_params;
    bool private_sequence; /* CSI ? or the like: not ours */
    char utf8[6];
    unsigned utf8_len;

    uint8_t input[VC_INPUT];
    unsigned head, count;

    uint8_t sent[VC_REPLAY]; /* a ring */
    uint64_t n_sent;
    struct vc_listener *listeners;
};

static struct text_cell *line_at(const struct vc *vc, unsigned line)
{
    return vc->cells + (size_t)(line % vc->high) * vc->columns;
}

static struct text_cell *screen_line(const struct vc *vc, unsigned y)
{
    return line_at(vc, vc->first + y);
}

static void blank(struct vc *vc, unsigned y, unsigned from, unsigned to)
{
    struct text_cell *line = screen_line(vc, y);

    for (unsigned x = from; x < to; x++) {
        line[x] = (struct text_cell){ ' ', TEXT_NORMAL };
    }
}

static void line_feed(struct vc *vc)
{
    vc->wrap = false;
    if (vc->y + 1 < vc->rows) {
        vc->y++;
        return;
    }
    vc->first = (vc->first + 1) % vc->high;
    vc->above = MIN(vc->above + 1, vc->high - vc->rows);
    blank(vc, vc->rows - 1, 0, vc->columns);
}

static void put_char(struct vc *vc, uint32_t ch)
{
    uint16_t attr = vc->attr;

    if (vc->wrap) {
        vc->x = 0;
        line_feed(vc);
    }
    if (vc->reverse) {
        attr = TEXT_ATTR(text_back(attr), text_fore(attr));
    }
    screen_line(vc, vc->y)[vc->x] = (struct text_cell){ ch, attr };
    if (vc->x + 1 < vc->columns) {
        vc->x++;
    } else {
        vc->wrap = true;
    }
}

/* Control sequences ----------------------------------------------------------------------------- */

/* ANSI's order of colours is red, green, blue from bit 0; the VGA's is the other way round. */
static unsigned vga_colour(unsigned ansi)
{
    return (ansi & 1) << 2 | (ansi & 2) | (ansi & 4) >> 2;
}

static void set_attribute(struct vc *vc, unsigned p)
{
    unsigned fore = text_fore(vc->attr), back = text_back(vc->attr);

    if (p == 0) {
        fore = 7;
        back = 0;
        vc->reverse = false;
    } else if (p == 1) {
        fore |= 8;
    } else if (p == 22) {
        fore &= 7;
    } else if (p == 7 || p == 27) {
        vc->reverse = p == 7;
    } else if (p >= 30 && p <= 37) {
        fore = (fore & 8) | vga_colour(p - 30);
    } else if (p == 39) {
        fore = (fore & 8) | 7;
    } else if (p >= 40 && p <= 47) {
        back = vga_colour(p - 40);
    } else if (p == 49) {
        back = 0;
    } else if (p >= 90 && p <= 97) {
        fore = 8 | vga_colour(p - 90);
    }
    vc->attr = TEXT_ATTR(fore, back);
}

static void erase_screen(struct vc *vc, unsigned how)
{
    unsigned from = how == 0 ? vc->y + 1 : 0, to = how == 1 ? vc->y : vc->rows;

    for (unsigned y = from; y < to; y++) {
        blank(vc, y, 0, vc->columns);
    }
}

static void erase_line(struct vc *vc, unsigned how)
{
    blank(vc, vc->y, how == 0 ? vc->x : 0, how == 1 ? vc->x + 1 : vc->columns);
}

/* Parameters are bounded when they are read, so that sums cannot overflow. */
static void control_sequence(struct vc *vc, uint8_t final)
{
    unsigned first = vc->params[0], n = MAX(first, 1);

    vc->wrap = false;
    switch (final) {
    case 'A':
        vc->y -= MIN(n, vc->y);
        break;
    case 'B':
        vc->y = MIN(vc->y + n, vc->rows - 1);
        break;
    case 'C':
        vc->x = MIN(vc->x + n, vc->columns - 1);
        break;
    case 'D':
        vc->x -= MIN(n, vc->x);
        break;
    case 'G':
        vc->x = MIN(n, vc->columns) - 1;
        break;
    case 'd':
        vc->y = MIN(n, vc->rows) - 1;
        break;
    case 'H':
    case 'f':
        vc->y = MIN(n, vc->rows) - 1;
        vc->x = MIN(MAX(vc->params[1], 1), vc->columns) - 1;
        break;
    case 'J':
        erase_screen(vc, first);
        if (first < 2) {
            erase_line(vc, first);
        }
        break;
    case 'K':
        erase_line(vc, first);
        break;
    case 'm':
        for (unsigned i = 0; i <= vc->n_params; i++) {
            set_attribute(vc, vc->params[i]);
        }
        break;
    default:
        break;
    }
}

static void csi_byte(struct vc *vc, uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        unsigned *p = &vc->params[vc->n_params];

        *p = MIN(*p * 10 + (byte - '0'), 9999);
    } else if (byte == ';') {
        vc->n_params = MIN(vc->n_params + 1, VC_PARAMS - 1);
    } else if (byte >= 0x20 && byte < 0x40) {
        vc->private_sequence = true;
    } else if (byte >= 0x40) {
        vc->state = VC_TEXT;
        if (!vc->private_sequence) {
            control_sequence(vc, byte);
        }
    }
}

static void control(struct vc *vc, uint8_t byte)
{
    switch (byte) {
    case '\r':
        vc->x = 0;
        vc->wrap = false;
        break;
    case '\n':
    case '\v':
    case '\f':
        line_feed(vc);
        break;
    case '\b':
        vc->x -= vc->x > 0 && !vc->wrap;
        vc->wrap = false;
        break;
    case '\t':
        vc->x = MIN((vc->x | 7) + 1, vc->columns - 1);
        break;
    case 0x1b:
        vc->state = VC_ESCAPE;
        vc->utf8_len = 0;
        break;
    default:
        break;
    }
}

static void text_byte(struct vc *vc, uint8_t byte)
{
    gunichar ch;

    vc->utf8[vc->utf8_len++] = (char)byte;
    ch = g_utf8_get_char_validated(vc->utf8, vc->utf8_len);
    if (ch == (gunichar)-2 && vc->utf8_len < sizeof(vc->utf8)) {
        return; /* incomplete */
    }
    vc->utf8_len = 0;
    put_char(vc, ch >= (gunichar)-2 || g_unichar_iswide(ch) ? '?' : ch);
}

static void take_byte(struct vc *vc, uint8_t byte)
{
    if (byte < 0x20) {
        control(vc, byte); /* also within a sequence, as the VT100 does */
    } else if (vc->state == VC_ESCAPE) {
        vc->state = byte == '[' ? VC_CSI : VC_TEXT;
        vc->n_params = 0;
        vc->private_sequence = false;
        memset(vc->params, 0, sizeof(vc->params));
    } else if (vc->state == VC_CSI) {
        csi_byte(vc, byte);
    } else if (byte != 0x7f) {
        text_byte(vc, byte);
    }
}

/* The back end ---------------------------------------------------------------------------------- */

static size_t vc_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    struct vc *vc = (struct vc *)c;

    for (size_t i = 0; i < n; i++) {
        take_byte(vc, buf[i]);
        vc->sent[vc->n_sent++ % VC_REPLAY] = buf[i];
    }
    for (struct vc_listener *l = vc->listeners, *next; l; l = next) {
        next = l->next;
        l->bytes(l, buf, n);
    }
    vc->scrolled = 0;
    vc->generation++;
    return n;
}

static void vc_accept_input(struct chardev *c)
{
    struct vc *vc = (struct vc *)c;

    while (c->attached && vc->count > 0) {
        size_t room = c->front.can_receive(c->front.opaque);
        unsigned n = (unsigned)MIN(MIN(room, vc->count), VC_INPUT - vc->head), at = vc->head;

        if (n == 0) {
            return;
        }
        vc->head = (vc->head + n) % VC_INPUT;
        vc->count -= n;
        c->front.receive(c->front.opaque, vc->input + at, n);
    }
}

void vc_type(struct vc *vc, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < n && vc->count < VC_INPUT; i++) {
        vc->input[(vc->head + vc->count++) % VC_INPUT] = p[i];
    }
    vc->scrolled = 0;
    vc->generation++;
    vc_accept_input(&vc->chardev);
}

/* "80Cx24C" in characters, "800x600" in pixels of a font of 8x16. */
static bool set_size(struct vc *vc, const char *text, GError **error)
{
    const char *x = text ? strchr(text, 'x') : NULL;
    uint64_t columns = 80, rows = 24;

    if (text) {
        bool chars = g_str_has_suffix(text, "C");
        g_autofree char *left = g_strndup(text, x ? (size_t)(x - text) : 0);
        g_autofree char *right = g_strdup(x ? x + 1 : "");

        left[strcspn(left, "C")] = right[strcspn(right, "C")] = 0;
        if (!parse_uint(left, chars ? 20 : 160, chars ? 250 : 2000, &columns) ||
            !parse_uint(right, chars ? 5 : 80, chars ? 100 : 1600, &rows)) {
            set_error(error,
                      "character device 'vc': the size is '%s', must be like 80Cx24C or "
                      "640x384",
                      text);
            return false;
        }
        columns /= chars ? 1 : 8;
        rows /= chars ? 1 : 16;
    }
    vc->columns = (unsigned)columns;
    vc->rows = (unsigned)rows;
    return true;
}

static bool vc_open(struct chardev *c, const GPtrArray *opts, GError **error)
{
    struct vc *vc = (struct vc *)c;

    if (!c->machine->config.has_viewer) {
        set_error(error, "character device 'vc': there is nothing to show it in; use -display "
                         "curses, -display sdl or -vnc, or stdio, pty or null");
        return false;
    }
    if (!set_size(vc, options_get(opts, "size"), error)) {
        return false;
    }
    backend_set_filename(c, "vc");
    vc->high = vc->rows + VC_HISTORY;
    vc->cells = g_new(struct text_cell, (size_t)vc->high * vc->columns);
    vc->attr = TEXT_NORMAL;
    for (unsigned y = 0; y < vc->high; y++) {
        blank(vc, y, 0, vc->columns);
    }
    return true;
}

static void vc_close(struct chardev *c)
{
    struct vc *vc = (struct vc *)c;

    for (struct vc_listener *l = vc->listeners, *next; l; l = next) {
        next = l->next;
        l->gone(l);
    }
    g_free(vc->cells);
}

static const char *const vc_keys[] = { "size", NULL };

const struct chardev_type chardev_vc_type = {
    .name = "vc",
    .summary = "a text console of windows, VNC and curses (vc:80Cx24C)",
    .implied_key = "size",
    .keys = vc_keys,
    .size = sizeof(struct vc),
    .open = vc_open,
    .write = vc_write,
    .accept_input = vc_accept_input,
    .close = vc_close,
};

/* For displays ---------------------------------------------------------------------------------- */

static bool is_monitor(const struct chardev *c)
{
    return g_str_has_prefix(c->label, "compat_monitor");
}

struct vc *vc_at(struct machine *m, unsigned i)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned k = 0; k < m->chardevs->len; k++) {
            struct chardev *c = g_ptr_array_index(m->chardevs, k);

            if (c->type == &chardev_vc_type && is_monitor(c) == (pass == 0) && i-- == 0) {
                return (struct vc *)c;
            }
        }
    }
    return NULL;
}

const char *vc_label(const struct vc *vc)
{
    return vc->chardev.label;
}

unsigned vc_generation(const struct vc *vc)
{
    return vc->generation;
}

void vc_scroll(struct vc *vc, int lines)
{
    int to = (int)vc->scrolled + lines;

    vc->scrolled = (unsigned)CLAMP(to, 0, (int)vc->above);
    vc->generation++;
}

void vc_show(const struct vc *vc, struct text_screen *t)
{
    text_screen_resize(t, vc->columns, vc->rows);
    for (unsigned y = 0; y < vc->rows; y++) {
        memcpy(text_row(t, y), line_at(vc, vc->first + vc->high - vc->scrolled + y),
               vc->columns * sizeof(*t->cells));
    }
    if (vc->scrolled == 0) {
        t->cursor_x = (int)vc->x;
        t->cursor_y = (int)vc->y;
    }
}

void vc_listen(struct vc *vc, struct vc_listener *l)
{
    l->next = vc->listeners;
    vc->listeners = l;
}

void vc_unlisten(struct vc *vc, struct vc_listener *l)
{
    struct vc_listener **link = &vc->listeners;

    while (*link && *link != l) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = l->next;
    }
}

void vc_replay(const struct vc *vc, struct vc_listener *l)
{
    size_t n = (size_t)MIN(vc->n_sent, VC_REPLAY);
    size_t at = (size_t)((vc->n_sent - n) % VC_REPLAY), first = MIN(n, VC_REPLAY - at);

    l->bytes(l, vc->sent + at, first);
    l->bytes(l, vc->sent, n - first);
}
