/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/vnc_messages.c: what a client says after the handshake (RFC 6143, 7.5; rfbproto, "QEMU Client Message"): a row
 * for each message with its size.
 * Thread: main loop, machine lock held.
 */
#include "ui/vnc_server.h"

#include "softmmu/machine.h"

#define CUT_TEXT_MAX  (16u << 20) /* it is dropped as it comes */
#define ENCODINGS_MAX 4096u
#define SCREEN_SIZE   16u /* of SetDesktopSize */

enum pseudo_encoding {
    PSEUDO_DESKTOP_SIZE = -223,
    PSEUDO_CURSOR = -239,
    PSEUDO_EXTENDED_SIZE = -308,
    PSEUDO_ALPHA_CURSOR = -314,
    PSEUDO_POINTER_CHANGE = -257,
    PSEUDO_KEY_EVENT = -258,
    PSEUDO_LEVEL_0 = -256,
    PSEUDO_LEVEL_9 = -247,
};

static vnc_step take_type;

static unsigned be16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static void next(struct vnc_client *c)
{
    vnc_ask(c, 1, take_type);
}

/* The colours of a client that has a map: three bits of red and green, two of blue. */
static void put_colour_map(struct vnc_client *c)
{
    vnc_put8(c, 1);
    vnc_put8(c, 0);
    vnc_put16(c, 0);
    vnc_put16(c, 256);
    for (unsigned i = 0; i < 256; i++) {
        vnc_put16(c, (i & 7) * 0xffff / 7);
        vnc_put16(c, (i >> 3 & 7) * 0xffff / 7);
        vnc_put16(c, (i >> 6) * 0xffff / 3);
    }
}

static void set_pixel_format(struct vnc_client *c, const uint8_t *data)
{
    static const uint8_t mapped[16] = { 8, 8, 0, 1, 0, 7, 0, 7, 0, 3, 0, 3, 6 };
    bool has_map = data[3 + 3] == 0;

    if (!vnc_set_pixels(&c->pixels, has_map ? mapped : data + 3)) {
        vnc_client_end(c);
        return;
    }
    if (has_map) {
        put_colour_map(c);
    }
    vnc_mark(c, 0, 0, c->width, c->height);
    next(c);
}

static void take_encodings(struct vnc_client *c, const uint8_t *data)
{
    unsigned n = (unsigned)(c->need / 4);
    bool chosen = false;

    c->encoding = VNC_RAW;
    c->level = 1;
    c->can_resize = c->can_extend = c->wants_keys = c->knows_relative = c->told_keys = false;
    c->cursor = VNC_CURSOR_NONE;
    for (unsigned i = 0; i < n; i++) {
        int encoding = (int32_t)be32(data + i * (size_t)4);

        if (!chosen && vnc_encodes(encoding)) {
            c->encoding = encoding;
            chosen = true;
        }
        if (encoding >= PSEUDO_LEVEL_0 && encoding <= PSEUDO_LEVEL_9) {
            c->level = encoding - PSEUDO_LEVEL_0;
        }
        c->can_resize |= encoding == PSEUDO_DESKTOP_SIZE || encoding == PSEUDO_EXTENDED_SIZE;
        c->can_extend |= encoding == PSEUDO_EXTENDED_SIZE;
        if (encoding == PSEUDO_ALPHA_CURSOR) {
            c->cursor = VNC_CURSOR_ALPHA;
        } else if (encoding == PSEUDO_CURSOR && c->cursor == VNC_CURSOR_NONE) {
            c->cursor = VNC_CURSOR_MASK;
        }
        c->knows_relative |= encoding == PSEUDO_POINTER_CHANGE;
        c->wants_keys |= encoding == PSEUDO_KEY_EVENT;
    }
    vnc_update_abilities(c);
    next(c);
}

static void set_encodings(struct vnc_client *c, const uint8_t *data)
{
    unsigned n = be16(data + 1);

    if (n > ENCODINGS_MAX) {
        vnc_client_end(c);
        return;
    }
    vnc_ask(c, n * (size_t)4, take_encodings);
}

static void request_update(struct vnc_client *c, const uint8_t *data)
{
    if (!data[0]) {
        vnc_mark(c, be16(data + 1), be16(data + 3), be16(data + 5), be16(data + 7));
    }
    c->requested = true;
    next(c);
    vnc_update(c);
}

static void key_event(struct vnc_client *c, const uint8_t *data)
{
    vnc_key(c, be32(data + 3), 0, data[0] != 0);
    next(c);
}

static void pointer_event(struct vnc_client *c, const uint8_t *data)
{
    vnc_pointer(c, data[0], be16(data + 1), be16(data + 3));
    next(c);
}

static void cut_text(struct vnc_client *c, const uint8_t *data)
{
    uint32_t n = be32(data + 3);

    if (n > CUT_TEXT_MAX) {
        vnc_client_end(c);
        return;
    }
    c->skip = n;
    next(c);
}

/* rfbproto, "SetDesktopSize": a list of screens, of which one covers all. */
static void take_screens(struct vnc_client *c, const uint8_t *data)
{
    unsigned n = (unsigned)(c->need / SCREEN_SIZE), width = c->want_width, height = c->want_height;
    bool whole = n == 1 && be16(data + 4) == 0 && be16(data + 6) == 0 && be16(data + 8) == width &&
                 be16(data + 10) == height;

    vnc_tell_size(c, !whole                                        ? VNC_SIZE_INVALID
                     : viewer_want_size(&c->viewer, width, height) ? VNC_SIZE_FORWARDED
                                                                   : VNC_SIZE_PROHIBITED);
    next(c);
    vnc_update(c);
}

static void set_desktop_size(struct vnc_client *c, const uint8_t *data)
{
    c->want_width = be16(data + 1);
    c->want_height = be16(data + 3);
    vnc_ask(c, data[5] * (size_t)SCREEN_SIZE, take_screens);
}

/* down (16 bits), keysym, and the key as a code of set 1 with 0x80 for 0xe0. */
static void extended_key(struct vnc_client *c, const uint8_t *data)
{
    uint32_t code = be32(data + 6);

    if ((code & 0x7f) && code <= 0xff) {
        vnc_key(c, be32(data + 2), (uint16_t)(code & 0x80 ? 0xe000 | (code & 0x7f) : code),
                be16(data) != 0);
    }
    next(c);
}

static void qemu_message(struct vnc_client *c, const uint8_t *data)
{
    if (data[0] != 0) { /* sound was not offered */
        vnc_client_end(c);
        return;
    }
    vnc_ask(c, 10, extended_key);
}

static const struct {
    uint8_t type, size; /* size: without the type */
    vnc_step *take;
} messages[] = {
    { 0, 19, set_pixel_format },  { 2, 3, set_encodings },  { 3, 9, request_update },
    { 4, 7, key_event },          { 5, 5, pointer_event },  { 6, 7, cut_text },
    { 251, 7, set_desktop_size }, { 255, 1, qemu_message },
};

static void take_type(struct vnc_client *c, const uint8_t *data)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(messages); i++) {
        if (messages[i].type == data[0]) {
            vnc_ask(c, messages[i].size, messages[i].take);
            return;
        }
    }
    vnc_client_end(c); /* how long it is nobody knows */
}

void vnc_messages_begin(struct vnc_client *c)
{
    next(c);
}
