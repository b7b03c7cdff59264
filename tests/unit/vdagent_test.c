/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/vdagent_test.c: -chardev qemu-vdagent and the clipboard, with an agent that the test plays. */
#include <malloc.h>
#include <string.h>
#include "chardev/chardev.h"
#include "softmmu/machine.h"
#include "ui/clipboard.h"
#include "ui/input.h"
#include "ui/surface.h"
#include "util/text.h"

enum { MOUSE = 1, CLIPBOARD = 4, CAPABILITIES = 6, GRAB = 7, REQUEST = 8, RELEASE = 9 };
enum { CAN_MOUSE = 1 << 0, CAN_CLIPBOARD = 1 << 5, CAN_SELECTION = 1 << 6 };

struct fixture {
    struct machine *m;
    struct chardev *c;
    GByteArray *got; /* what the agent was sent: messages without chunks' headers */
    uint32_t chunk;  /* bytes of one to come */
    GByteArray *head;
    size_t room;
    bool takes_once; /* what there is room for, then nothing */
    struct clipboard_peer person;
    unsigned told;
    struct display_console console;
};

static size_t can_receive(void *opaque)
{
    return ((struct fixture *)opaque)->room;
}

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct fixture *f = opaque;

    g_assert_cmpuint(n, <=, f->room);
    f->room -= f->takes_once ? n : 0;
    for (; n > 0; n--, buf++) {
        if (f->chunk) {
            g_byte_array_append(f->got, buf, 1);
            f->chunk--;
            continue;
        }
        g_byte_array_append(f->head, buf, 1);
        if (f->head->len == 8) {
            g_assert_cmpuint(le32(f->head->data), ==, 1);
            f->chunk = le32(f->head->data + 4);
            g_assert_cmpuint(f->chunk, <=, 2048);
            g_byte_array_set_size(f->head, 0);
        }
    }
}

static void person_told(struct clipboard_peer *p)
{
    ((struct fixture *)((char *)p - offsetof(struct fixture, person)))->told++;
}

static void draw(void *opaque, struct surface *s, bool full)
{
    (void)opaque;
    (void)full;
    surface_resize(s, 1000, 500);
}

static void put32(GByteArray *out, uint32_t v)
{
    v = GUINT32_TO_LE(v);
    g_byte_array_append(out, (const uint8_t *)&v, 4);
}

/* From the agent, in chunks of `piece` bytes. */
static void agent_says(struct fixture *f, uint32_t type, const void *data, uint32_t n,
                       uint32_t piece)
{
    g_autoptr(GByteArray) message = g_byte_array_new(), wire = g_byte_array_new();

    put32(message, 1);
    put32(message, type);
    put32(message, 0);
    put32(message, 0);
    put32(message, n);
    g_byte_array_append(message, data, n);
    for (uint32_t at = 0; at < message->len; at += piece) {
        put32(wire, 1);
        put32(wire, MIN(piece, message->len - at));
        g_byte_array_append(wire, message->data + at, MIN(piece, message->len - at));
    }
    g_assert_cmpuint(chardev_write(f->c, wire->data, wire->len), ==, wire->len);
}

static void turn(struct fixture *f)
{
    for (unsigned i = 0; i < 10; i++) {
        machine_iterate(f->m, false);
    }
}

/* The next message that the agent was sent: its data; the test fails when it is another one. */
static GByteArray *expect(struct fixture *f, uint32_t type)
{
    GByteArray *data = g_byte_array_new();
    uint32_t n;

    turn(f);
    g_assert_cmpuint(f->got->len, >=, 20);
    g_assert_cmpuint(le32(f->got->data), ==, 1);
    g_assert_cmpuint(le32(f->got->data + 4), ==, type);
    n = le32(f->got->data + 16);
    g_assert_cmpuint(f->got->len, >=, 20 + n);
    g_byte_array_append(data, f->got->data + 20, n);
    g_byte_array_remove_range(f->got, 0, 20 + n);
    return data;
}

/* It is asked at once what it can. */
static void agent_comes(struct fixture *f)
{
    g_autoptr(GByteArray) asked = NULL;

    chardev_set_front_open(f->c, true);
    asked = expect(f, CAPABILITIES);
    g_assert_cmpuint(le32(asked->data), ==, 1);
}

static void set_up(struct fixture *f, gconstpointer options)
{
    const struct chardev_front front = { can_receive, receive, NULL, f, NULL, NULL };
    g_autoptr(GPtrArray) opts = parse_options(options, "backend");
    g_autoptr(GError) error = NULL;

    f->m = machine_new();
    machine_lock(f->m);
    f->got = g_byte_array_new();
    f->head = g_byte_array_new();
    f->room = SIZE_MAX;
    f->console = (struct display_console){ .name = "screen", .update = draw };
    console_register(f->m, &f->console);
    f->c = chardev_new_options(f->m, "qemu-vdagent", "v", opts, &error);
    g_assert_no_error(error);
    g_assert_true(chardev_attach(f->c, &front, &error));
    f->person.changed = person_told;
    clipboard_add(f->m, &f->person);
    agent_comes(f);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    chardev_detach(f->c, f);
    clipboard_remove(f->m, &f->person);
    console_unregister(f->m, &f->console);
    machine_free(f->m);
    g_byte_array_unref(f->got);
    g_byte_array_unref(f->head);
}

static void expect_nothing(struct fixture *f)
{
    turn(f);
    g_assert_cmpuint(f->got->len, ==, 0);
}

static void announce(struct fixture *f, uint32_t capabilities, uint32_t expected)
{
    const uint32_t data[] = { GUINT32_TO_LE(1), GUINT32_TO_LE(capabilities) };
    g_autoptr(GByteArray) answer = NULL;

    agent_says(f, CAPABILITIES, data, sizeof(data), 2048);
    answer = expect(f, CAPABILITIES);
    g_assert_cmpuint(answer->len, ==, 8);
    g_assert_cmphex(le32(answer->data), ==, 0);
    g_assert_cmphex(le32(answer->data + 4), ==, expected);
}

static const uint8_t text_type[8] = { 0, 0, 0, 0, 1, 0, 0, 0 };

static void guest_copies(struct fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) request = NULL;

    (void)data;
    announce(f, CAN_CLIPBOARD | CAN_SELECTION, CAN_CLIPBOARD | CAN_SELECTION);
    agent_says(f, GRAB, "\0\0\0\0\2\0\0\0\1\0\0\0", 12, 5); /* as a picture, too */
    request = expect(f, REQUEST);
    g_assert_cmpmem(request->data, request->len, text_type, 8);
    agent_says(f, CLIPBOARD, "\0\0\0\0\1\0\0\0gr\xc3\xbc\xc3\x9f", 14, 3);
    turn(f);
    g_assert_cmpstr(clipboard_text(f->m), ==, "grüß");
    g_assert_cmpuint(f->told, ==, 1);
    expect_nothing(f); /* it is not told of its own, */
    g_assert_true(clipboard_set(f->m, &f->person, "gr\xc3\xbc\xc3\x9f", 6));
    expect_nothing(f);                                /* nor of an echo */
    agent_says(f, GRAB, "\1\0\0\0\1\0\0\0", 8, 2048); /* the mouse's selection */
    agent_says(f, GRAB, "\0\0\0\0\2\0\0\0", 8, 2048); /* no text */
    agent_says(f, CLIPBOARD, "\0\0\0\0\1\0\0\0\xff\xfe", 10, 2048);
    agent_says(f, CLIPBOARD, "\0\0", 2, 2048);
    expect_nothing(f);
    g_assert_cmpstr(clipboard_text(f->m), ==, "grüß");
    g_assert_cmpuint(f->told, ==, 1);
}

static void host_copies(struct fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) grab = NULL, text = NULL, none = NULL;

    (void)data;
    announce(f, CAN_CLIPBOARD | CAN_SELECTION, CAN_CLIPBOARD | CAN_SELECTION);
    g_assert_true(clipboard_set(f->m, &f->person, "copied", 6));
    grab = expect(f, GRAB);
    g_assert_cmpmem(grab->data, grab->len, text_type, 8);
    agent_says(f, REQUEST, text_type, 8, 2048);
    text = expect(f, CLIPBOARD);
    g_assert_cmpmem(text->data, text->len, "\0\0\0\0\1\0\0\0copied", 14);
    agent_says(f, REQUEST, "\0\0\0\0\2\0\0\0", 8, 2048);
    none = expect(f, CLIPBOARD);
    g_assert_cmpmem(none->data, none->len, "\0\0\0\0\0\0\0\0", 8);
    g_assert_cmpuint(f->told, ==, 0);
}

/* An agent without selections, which comes after the text was copied. */
static void late_agents_are_told(struct fixture *f, gconstpointer data)
{
    g_autofree char *large = g_strnfill(5000, 'x');
    g_autoptr(GByteArray) grab = NULL, text = NULL;

    (void)data;
    g_assert_true(clipboard_set(f->m, &f->person, large, 5000));
    expect_nothing(f);
    announce(f, CAN_CLIPBOARD, CAN_CLIPBOARD | CAN_SELECTION);
    grab = expect(f, GRAB);
    g_assert_cmpmem(grab->data, grab->len, text_type + 4, 4);
    f->room = 7; /* the guest takes little at a time */
    agent_says(f, REQUEST, text_type + 4, 4, 2048);
    text = expect(f, CLIPBOARD);
    g_assert_cmpuint(text->len, ==, 5004);
    g_assert_cmpmem(text->data + 4, 5000, large, 5000);
}

static void bounds_hold(struct fixture *f, gconstpointer data)
{
    g_autofree char *huge = g_strnfill(CLIPBOARD_MAX + 100, 'y');

    (void)data;
    memcpy(huge, text_type, 8);
    announce(f, CAN_CLIPBOARD | CAN_SELECTION, CAN_CLIPBOARD | CAN_SELECTION);
    agent_says(f, CLIPBOARD, huge, CLIPBOARD_MAX + 100, 60000);
    g_assert_null(clipboard_text(f->m));
    agent_says(f, CLIPBOARD, huge, CLIPBOARD_MAX + 8, 60000); /* the most */
    g_assert_cmpuint(strlen(clipboard_text(f->m)), ==, CLIPBOARD_MAX);
    g_assert_false(clipboard_set(f->m, &f->person, huge + 8, CLIPBOARD_MAX + 1));
    g_assert_false(clipboard_set(f->m, &f->person, "a\0b", 3));
    f->room = 0; /* nobody reads what is asked for again and again */
    for (unsigned i = 0; i < 100; i++) {
        agent_says(f, REQUEST, text_type, 8, 2048);
    }
    turn(f);
    f->room = SIZE_MAX;
    turn(f);
    chardev_accept_input(f->c);
    turn(f);
    g_assert_cmpuint(f->got->len, <, 6u << 20);
    g_assert_cmpuint(f->got->len, >, 1u << 20);
}

/* It reads as much as it asks for, but never all. */
static void slow_readers_cost_little(struct fixture *f, gconstpointer data)
{
    g_autofree char *large = g_strnfill(CLIPBOARD_MAX, 'z');
    g_autoptr(GByteArray) grab = NULL;

    (void)data;
    announce(f, CAN_CLIPBOARD, CAN_CLIPBOARD | CAN_SELECTION);
    g_assert_true(clipboard_set(f->m, &f->person, large, CLIPBOARD_MAX));
    grab = expect(f, GRAB);
    f->takes_once = true;
    f->room = 0;
    for (unsigned i = 0; i < 100; i++) {
        agent_says(f, REQUEST, text_type + 4, 4, 2048);
        f->room += i ? CLIPBOARD_MAX : 0;
        chardev_accept_input(f->c);
        g_byte_array_set_size(f->got, 0);
    }
    g_assert_cmpuint(mallinfo2().hblkhd, <, 32u << 20); /* of large blocks */
}

/* One that goes amid a message leaves nothing behind, and its pointer goes with it. */
static void agents_come_and_go(struct fixture *f, gconstpointer data)
{
    (void)data;
    announce(f, CAN_MOUSE, CAN_MOUSE);
    g_assert_nonnull(input_pointer_handler(f->m));
    chardev_write(f->c, "\1\0\0\0\xff\xff", 6);
    chardev_set_front_open(f->c, false);
    g_assert_null(input_pointer_handler(f->m));
    agent_comes(f);
    announce(f, CAN_MOUSE, CAN_MOUSE);
    g_assert_cmpstr(input_pointer_handler(f->m)->name, ==, "vdagent mouse");
    g_assert_true(input_pointer_handler(f->m)->absolute);
}

static void pointer_has_pixels(struct fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) first = NULL, second = NULL, third = NULL;

    (void)data;
    announce(f, CAN_MOUSE | CAN_CLIPBOARD, CAN_MOUSE);
    input_move_to(f->m, INPUT_ABS_MAX, INPUT_ABS_MAX / 2);
    first = expect(f, MOUSE);
    g_assert_cmpuint(first->len, ==, 13);
    g_assert_cmpuint(le32(first->data), ==, 999);
    g_assert_cmpuint(le32(first->data + 4), ==, 249);
    g_assert_cmphex(le32(first->data + 8), ==, 0);
    input_buttons(f->m, INPUT_LEFT | INPUT_RIGHT);
    second = expect(f, MOUSE);
    g_assert_cmphex(le32(second->data + 8), ==, 1 << 1 | 1 << 3);
    f->room = 0; /* of many moves that the agent does not read, the last one counts */
    for (int i = 0; i < 1000; i++) {
        input_move_to(f->m, i, 0);
    }
    turn(f);
    f->room = SIZE_MAX;
    chardev_accept_input(f->c);
    third = expect(f, MOUSE);
    g_assert_cmpuint(le32(third->data), ==, 0);
    g_byte_array_unref(third);
    third = expect(f, MOUSE);
    g_assert_cmpuint(le32(third->data), ==, 999u * 999 / INPUT_ABS_MAX);
    expect_nothing(f);
}

/* What a person copies is not another person's. */
static void people_are_apart(void)
{
    struct machine *m = machine_new();
    struct fixture f = { .m = m, .person = { .changed = person_told } };
    struct clipboard_peer other = { .changed = person_told };

    machine_lock(m);
    clipboard_add(m, &f.person);
    clipboard_add(m, &other);
    g_assert_true(clipboard_set(m, &other, "secret", 6));
    machine_iterate(m, false);
    g_assert_null(clipboard_text(m));
    g_assert_cmpuint(f.told, ==, 0);
    machine_free(m);
}

static void options_are_checked(void)
{
    static const char *const rows[][2] = {
        { "qemu-vdagent,mouse=maybe", "must be on or off" },
        { "qemu-vdagent,name=spice", "name is 'spice', must be vdagent" },
        { "qemu-vdagent,colour=red", "colour" },
    };
    struct machine *m = machine_new();

    machine_lock(m);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GPtrArray) opts = parse_options(rows[i][0], "backend");
        g_autoptr(GError) error = NULL;

        g_assert_null(chardev_new_options(m, "qemu-vdagent", "v", opts, &error));
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, rows[i][1]));
    }
    machine_free(m);
}

static void random_bytes(struct fixture *f, gconstpointer data)
{
    uint8_t buf[64];

    (void)data;
    announce(f, CAN_MOUSE | CAN_CLIPBOARD, CAN_MOUSE | CAN_CLIPBOARD | CAN_SELECTION);
    for (unsigned i = 0; i < 20000; i++) {
        for (unsigned k = 0; k < sizeof(buf); k++) {
            buf[k] =
                (uint8_t)(g_random_int() & (k % 4 ? g_random_int() & g_random_int() & 1 : 0xff));
        }
        chardev_write(f->c, buf, (size_t)g_random_int_range(1, sizeof(buf)));
        if (i % 50 == 0) {
            chardev_set_front_open(f->c, true);
        }
    }
    turn(f);
}

#define ADD(path, options, fn)                                                                     \
    g_test_add("/vdagent/" path, struct fixture, options, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("guest-copies", "qemu-vdagent,name=vdagent,clipboard=on,mouse=off", guest_copies);
    ADD("host-copies", "qemu-vdagent,clipboard=on,mouse=off", host_copies);
    ADD("late", "qemu-vdagent,clipboard=on,mouse=off", late_agents_are_told);
    ADD("bounds", "qemu-vdagent,clipboard=on,mouse=off", bounds_hold);
    ADD("slow", "qemu-vdagent,clipboard=on,mouse=off", slow_readers_cost_little);
    ADD("come-and-go", "qemu-vdagent", agents_come_and_go);
    ADD("pointer", "qemu-vdagent,mouse=on", pointer_has_pixels);
    ADD("random", "qemu-vdagent,clipboard=on", random_bytes);
    g_test_add_func("/vdagent/people", people_are_apart);
    g_test_add_func("/vdagent/options", options_are_checked);
    return g_test_run();
}
