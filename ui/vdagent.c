/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/vdagent.c: -chardev qemu-vdagent: the host's side of the agent that runs in a guest's desktop (spice-vdagent):
 * copied text goes both ways, and the pointer by its position.
 *
 * Source: the SPICE project, "Agent Protocol": chunks of a port, in them messages, little-endian.
 * Invariants: of a message that is too long, or for another port, nothing is kept; what waits for the guest is
 *             bounded; there is a pointer only while an agent that takes one is there.
 * Thread:     main loop or a vCPU, machine lock held.
 */
#include <string.h>
#include "chardev/backend.h"
#include "softmmu/machine.h"
#include "ui/clipboard.h"
#include "ui/input.h"
#include "ui/screen.h"
#include "util/error.h"
#include "util/text.h"

#define CHUNK_HEADER   8u
#define CHUNK_MAX      2048u /* of data that goes to the agent */
#define CLIENT_PORT    1u
#define MESSAGE_HEADER 20u
#define PROTOCOL       1u
#define MESSAGE_MAX    (CLIPBOARD_MAX + 64u)
#define WAITING_MAX    (4u << 20) /* bytes for the guest */

/* clang-format off */
enum agent_message {
    AGENT_MOUSE_STATE = 1, AGENT_CLIPBOARD = 4, AGENT_CAPABILITIES = 6, AGENT_GRAB = 7, AGENT_REQUEST = 8,
};
enum agent_capability {
    CAN_MOUSE = 1 << 0, CAN_CLIPBOARD = 1 << 5, CAN_SELECTION = 1 << 6,
};
enum { SELECTION_CLIPBOARD = 0, TYPE_NONE = 0, TYPE_TEXT = 1 };
/* clang-format on */

struct vdagent {
    struct chardev chardev;
    bool use_clipboard, use_mouse;
    struct clipboard_peer peer;
    struct input_handler pointer;
    bool registered;
    struct input_pointer last; /* what the agent does not know yet, while `moved` */
    bool moved;
    uint32_t capabilities; /* of the agent; 0: it is not there */
    struct timer pump;

    uint8_t head[CHUNK_HEADER];
    unsigned head_len;
    uint32_t port, chunk_left;
    GByteArray *message;
    uint32_t drop; /* bytes of a message that is too long */
    GByteArray *out;
    size_t out_head;
};

static struct vdagent *of(struct chardev *c)
{
    return (struct vdagent *)c;
}

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put32(GByteArray *out, uint32_t v)
{
    uint32_t le = GUINT32_TO_LE(v);

    g_byte_array_append(out, (const uint8_t *)&le, 4);
}

/* To the guest ---------------------------------------------------------------------------------- */

static void send_message(struct vdagent *v, enum agent_message type, const GByteArray *data)
{
    g_autoptr(GByteArray) all = g_byte_array_new();

    if (v->out->len - v->out_head + data->len > WAITING_MAX) {
        return; /* nobody reads */
    }
    if (v->out_head > v->out->len / 2) { /* who reads slowly may never come to the end */
        g_byte_array_remove_range(v->out, 0, (guint)v->out_head);
        v->out_head = 0;
    }
    put32(all, PROTOCOL);
    put32(all, (uint32_t)type);
    put32(all, 0); /* opaque: 64 bits */
    put32(all, 0);
    put32(all, data->len);
    g_byte_array_append(all, data->data, data->len);
    for (unsigned at = 0, n; at < all->len; at += n) {
        n = MIN(CHUNK_MAX, all->len - at);
        put32(v->out, CLIENT_PORT);
        put32(v->out, n);
        g_byte_array_append(v->out, all->data + at, n);
    }
    timer_arm(&v->pump, clock_now(v->chardev.machine, CLOCK_KIND_REALTIME));
}

static void send_mouse(struct vdagent *v)
{
    static const struct {
        uint8_t ours, theirs;
    } buttons[] = { { INPUT_LEFT, 1 << 1 },
                    { INPUT_MIDDLE, 1 << 2 },
                    { INPUT_RIGHT, 1 << 3 },
                    { INPUT_SIDE, 1 << 6 },
                    { INPUT_EXTRA, 1 << 7 } };
    unsigned width = 0, height = 0;
    g_autoptr(GByteArray) data = g_byte_array_new();
    uint32_t down = 0;
    uint8_t display = 0;

    if (!screen_size(v->chardev.machine, 0, &width, &height) || width == 0 || height == 0) {
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(buttons); i++) {
        down |= v->last.buttons & buttons[i].ours ? buttons[i].theirs : 0;
    }
    put32(data, (uint32_t)((uint64_t)v->last.x * (width - 1) / INPUT_ABS_MAX));
    put32(data, (uint32_t)((uint64_t)v->last.y * (height - 1) / INPUT_ABS_MAX));
    put32(data, down | (v->last.dz < 0 ? 1 << 4 : v->last.dz > 0 ? 1 << 5 : 0));
    g_byte_array_append(data, &display, 1);
    send_message(v, AGENT_MOUSE_STATE, data);
    if (v->last.dz) { /* a click of the wheel is a button that comes up again */
        v->last.dz = 0;
        send_mouse(v);
    }
}

static void pump(void *opaque)
{
    struct vdagent *v = opaque;
    struct chardev *c = &v->chardev;
    size_t room;

    while (v->out_head < v->out->len && c->attached &&
           (room = c->front.can_receive(c->front.opaque)) > 0) {
        size_t n = MIN(room, v->out->len - v->out_head);

        v->out_head += n;
        c->front.receive(c->front.opaque, v->out->data + v->out_head - n, n);
    }
    if (v->out_head == v->out->len) {
        g_byte_array_set_size(v->out, 0);
        v->out_head = 0;
        if (v->moved) {
            v->moved = false;
            send_mouse(v);
        }
    }
}

static void vdagent_accept_input(struct chardev *c)
{
    pump(of(c));
}

/* Between the clipboard's owner and the text: with a selection where both know of several. */
static void put_selection(const struct vdagent *v, GByteArray *data)
{
    if (v->capabilities & CAN_SELECTION) {
        put32(data, SELECTION_CLIPBOARD);
    }
}

static void send_types(struct vdagent *v, enum agent_message type)
{
    g_autoptr(GByteArray) data = g_byte_array_new();

    put_selection(v, data);
    put32(data, TYPE_TEXT);
    send_message(v, type, data);
}

/* Somebody on the host copied something: the agent asks for it when it is pasted. */
static void host_copied(struct clipboard_peer *p)
{
    struct vdagent *v = (struct vdagent *)((char *)p - offsetof(struct vdagent, peer));

    if (v->capabilities & CAN_CLIPBOARD) {
        send_types(v, AGENT_GRAB);
    }
}

static void send_text(struct vdagent *v, uint32_t type)
{
    const char *text = type == TYPE_TEXT ? clipboard_text(v->chardev.machine) : NULL;
    g_autoptr(GByteArray) data = g_byte_array_new();

    put_selection(v, data);
    put32(data, text ? TYPE_TEXT : TYPE_NONE);
    if (text) {
        g_byte_array_append(data, (const uint8_t *)text, (guint)strlen(text));
    }
    send_message(v, AGENT_CLIPBOARD, data);
}

/* Only the last position counts, while the agent has not read the one before; the buttons of each do. */
static void pointer_event(void *opaque, const struct input_pointer *p)
{
    struct vdagent *v = opaque;
    bool only_moves = p->buttons == v->last.buttons && p->dz == 0;

    v->last = *p;
    if (only_moves && v->out->len > v->out_head) {
        v->moved = true;
        return;
    }
    v->moved = false;
    send_mouse(v);
}

/* From the guest -------------------------------------------------------------------------------- */

static void set_pointer(struct vdagent *v, bool on)
{
    if (on && !v->registered) {
        input_register(v->chardev.machine, &v->pointer);
    } else if (!on && v->registered) {
        input_unregister(v->chardev.machine, &v->pointer);
    }
    v->registered = on;
}

/* ask: the agent is to say what it can. */
static void send_capabilities(struct vdagent *v, bool ask)
{
    g_autoptr(GByteArray) data = g_byte_array_new();

    put32(data, ask);
    put32(data,
          (v->use_mouse ? CAN_MOUSE : 0) | (v->use_clipboard ? CAN_CLIPBOARD | CAN_SELECTION : 0));
    send_message(v, AGENT_CAPABILITIES, data);
}

static void take_capabilities(struct vdagent *v, const uint8_t *data, uint32_t n)
{
    if (n < 8) {
        return;
    }
    v->capabilities = le32(data + 4);
    if (le32(data)) {
        send_capabilities(v, false);
    }
    set_pointer(v, v->use_mouse && (v->capabilities & CAN_MOUSE));
    if (v->use_clipboard && clipboard_text(v->chardev.machine)) {
        host_copied(&v->peer);
    }
}

/* What follows the selection; NULL: another one than the clipboard, or too short. */
static const uint8_t *skip_selection(const struct vdagent *v, const uint8_t *data, uint32_t *n)
{
    if (!(v->capabilities & CAN_SELECTION)) {
        return data;
    }
    if (*n < 4 || data[0] != SELECTION_CLIPBOARD) {
        return NULL;
    }
    *n -= 4;
    return data + 4;
}

static void take_clipboard(struct vdagent *v, uint32_t type, const uint8_t *data, uint32_t n)
{
    data = skip_selection(v, data, &n);
    if (!data || n < 4) {
        return;
    }
    if (type == AGENT_REQUEST) {
        send_text(v, le32(data));
    } else if (type == AGENT_CLIPBOARD && le32(data) == TYPE_TEXT) {
        clipboard_set(v->chardev.machine, &v->peer, (const char *)data + 4, n - 4);
    }
    for (uint32_t at = 0; type == AGENT_GRAB && at + 4 <= n; at += 4) {
        if (le32(data + at) == TYPE_TEXT) {
            send_types(v, AGENT_REQUEST);
            return;
        }
    }
}

static void take_message(struct vdagent *v)
{
    const uint8_t *data = v->message->data + MESSAGE_HEADER;
    uint32_t type = le32(v->message->data + 4), n = v->message->len - MESSAGE_HEADER;

    if (le32(v->message->data) != PROTOCOL) {
        return;
    }
    if (type == AGENT_CAPABILITIES) {
        take_capabilities(v, data, n);
    } else if (v->use_clipboard && v->capabilities &&
               (type == AGENT_CLIPBOARD || type == AGENT_GRAB || type == AGENT_REQUEST)) {
        take_clipboard(v, type, data, n);
    }
}

/* Bytes of messages, which may begin and end anywhere in a chunk. */
static void take_bytes(struct vdagent *v, const uint8_t *data, size_t n)
{
    while (n > 0) {
        uint32_t wanted = MESSAGE_HEADER;
        size_t take;

        if (v->drop) {
            take = MIN(n, v->drop);
            v->drop -= (uint32_t)take;
            data += take;
            n -= take;
            continue;
        }
        if (v->message->len >= MESSAGE_HEADER) {
            wanted += le32(v->message->data + 16);
        }
        take = MIN(n, wanted - v->message->len);
        g_byte_array_append(v->message, data, (guint)take);
        data += take;
        n -= take;
        if (v->message->len < MESSAGE_HEADER) {
            return;
        }
        if (le32(v->message->data + 16) > MESSAGE_MAX) {
            v->drop = le32(v->message->data + 16);
            g_byte_array_set_size(v->message, 0);
        } else if (v->message->len == MESSAGE_HEADER + le32(v->message->data + 16)) {
            take_message(v);
            g_byte_array_set_size(v->message, 0);
        }
    }
}

static size_t vdagent_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    struct vdagent *v = of(c);

    for (size_t left = n; left > 0;) {
        size_t take;

        if (v->chunk_left) {
            take = MIN(left, v->chunk_left);
            if (v->port == CLIENT_PORT) {
                take_bytes(v, buf, take);
            }
            v->chunk_left -= (uint32_t)take;
        } else {
            take = MIN(left, CHUNK_HEADER - v->head_len);
            memcpy(v->head + v->head_len, buf, take);
            v->head_len += (unsigned)take;
            if (v->head_len == CHUNK_HEADER) {
                v->port = le32(v->head);
                v->chunk_left = le32(v->head + 4);
                v->head_len = 0;
            }
        }
        buf += take;
        left -= take;
    }
    return n;
}

/* Life ------------------------------------------------------------------------------------------ */

/* The agent came, or came with a guest that was loaded, or has gone: nothing of the last one counts. */
static void vdagent_front_open(struct chardev *c, bool open)
{
    struct vdagent *v = of(c);

    set_pointer(v, false);
    v->capabilities = 0;
    v->head_len = 0;
    v->chunk_left = v->drop = 0;
    v->moved = false;
    g_byte_array_set_size(v->message, 0);
    g_byte_array_set_size(v->out, 0);
    v->out_head = 0;
    if (open) {
        send_capabilities(v, true);
    }
}

static bool vdagent_open(struct chardev *c, const GPtrArray *opts, GError **error)
{
    struct vdagent *v = of(c);
    const char *name = options_get(opts, "name");

    v->message = g_byte_array_new();
    v->out = g_byte_array_new();
    timer_init(&v->pump, c->machine, CLOCK_KIND_REALTIME, pump, v);
    v->peer.changed = host_copied;
    v->peer.guest = true;
    v->pointer = (struct input_handler){
        .name = "vdagent mouse", .absolute = true, .pointer = pointer_event, .opaque = v
    };
    if (!backend_flag("qemu-vdagent", opts, "mouse", true, &v->use_mouse, error) ||
        !backend_flag("qemu-vdagent", opts, "clipboard", false, &v->use_clipboard, error)) {
        return false;
    }
    if (name && strcmp(name, "vdagent") != 0) {
        set_error(error, "name is '%s', must be vdagent", name);
        return false;
    }
    if (v->use_clipboard) {
        clipboard_add(c->machine, &v->peer);
    }
    backend_set_filename(c, "qemu-vdagent");
    c->open = true;
    return true;
}

static void vdagent_close(struct chardev *c)
{
    struct vdagent *v = of(c);

    timer_disarm(&v->pump);
    set_pointer(v, false);
    clipboard_remove(c->machine, &v->peer);
    g_byte_array_unref(v->message);
    g_byte_array_unref(v->out);
}

static const char *const vdagent_keys[] = { "name", "mouse", "clipboard", NULL };

const struct chardev_type chardev_vdagent_type = {
    .name = "qemu-vdagent",
    .summary = "an agent in the guest's desktop, at virtserialport,name=com.redhat.spice.0 "
               "(mouse=on|off, clipboard=on|off)",
    .keys = vdagent_keys,
    .size = sizeof(struct vdagent),
    .open = vdagent_open,
    .write = vdagent_write,
    .accept_input = vdagent_accept_input,
    .front_open = vdagent_front_open,
    .close = vdagent_close,
};
