/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/virtio_input_test.c: keyboard, mouse and tablet over virtio.  Thread: the test's. */
#include "tests/device/virtio_rig.h"
#include "ui/input.h"

#define EVENTS 0x600000u
#define STATUS 0x601000u

static void set_up(struct virtio_rig *f, const char *name, const char *props)
{
    virtio_rig_set_up(f, name, props);
    virtio_rig_start(f, VIRTIO_RIG_BASIC, 2, 16);
    for (unsigned i = 0; i < 16; i++) {
        struct rig_buffer b = { EVENTS + i * 8, 8, true };

        virtio_rig_add(f, 0, &b, 1, false);
    }
    virtio_rig_kick(f, 0);
}

/* The next event is that. */
static void expect(struct virtio_rig *f, unsigned type, unsigned code, uint32_t value)
{
    unsigned id;
    uint32_t len;
    uint64_t at;

    g_assert_true(virtio_rig_used(f, 0, &id, &len));
    g_assert_cmpuint(len, ==, 8);
    at = EVENTS + id * 8;
    g_assert_cmphex(rig_load(f->r, at, 2), ==, type);
    g_assert_cmphex(rig_load(f->r, at + 2, 2), ==, code);
    g_assert_cmphex(rig_load(f->r, at + 4, 4), ==, value);
}

static void expect_nothing(struct virtio_rig *f)
{
    unsigned id;
    uint32_t len;

    g_assert_false(virtio_rig_used(f, 0, &id, &len));
}

/* Selects, and reads `size`; *value is the union. */
static unsigned config(struct virtio_rig *f, unsigned select, unsigned subsel, uint8_t value[128])
{
    rig_store(f->r, VIRTIO_RIG_CONFIG, select, 1);
    rig_store(f->r, VIRTIO_RIG_CONFIG + 1, subsel, 1);
    rig_read(f->r, VIRTIO_RIG_CONFIG + 8, value, 128);
    return (unsigned)rig_load(f->r, VIRTIO_RIG_CONFIG + 2, 1);
}

static void keys_arrive_as_codes(void)
{
    static const struct {
        const char *name;
        unsigned code;
    } rows[] = { { "a", 30 },        { "esc", 1 },      { "f12", 88 },       { "less", 86 },
                 { "kp_enter", 96 }, { "ctrl_r", 97 },  { "up", 103 },       { "delete", 111 },
                 { "pause", 119 },   { "meta_l", 125 }, { "volumeup", 115 }, { "menu", 127 } };
    struct virtio_rig f;

    set_up(&f, "virtio-keyboard-pci", NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint16_t key = input_key_of_name(rows[i].name, strlen(rows[i].name));

        virtio_rig_msix(&f);
        input_key(f.r->m, key, true);
        g_assert_cmpuint(virtio_rig_messages(&f, 1), ==, 1);
        expect(&f, 1, rows[i].code, 1);
        expect(&f, 0, 0, 0);
        if (i < 2) {
            input_key(f.r->m, key, false);
            expect(&f, 1, rows[i].code, 0);
            expect(&f, 0, 0, 0);
        }
        expect_nothing(&f);
        if (i == 1 || i % 6 == 5) { /* the buffers are used up: anew */
            virtio_rig_tear_down(&f);
            set_up(&f, "virtio-keyboard-pci", NULL);
        }
    }
    virtio_rig_tear_down(&f);
}

/* Every key that has a name has a code, and is among the bits that the guest is told. */
static void every_key_is_announced(void)
{
    struct virtio_rig f;
    uint8_t bits[128];
    unsigned len;

    set_up(&f, "virtio-keyboard-pci", NULL);
    len = config(&f, 0x11, 1, bits);
    g_assert_cmpuint(len, ==, 226 / 8 + 1);
    for (unsigned i = 0; input_key_name(i); i++) {
        const char *name = input_key_name(i);
        unsigned id, code;
        uint32_t n;

        virtio_rig_tear_down(&f);
        set_up(&f, "virtio-keyboard-pci", NULL);
        input_key(f.r->m, input_key_of_name(name, strlen(name)), true);
        g_test_message("%s", name);
        g_assert_true(virtio_rig_used(&f, 0, &id, &n));
        code = (unsigned)rig_load(f.r, EVENTS + 2, 2);
        g_assert_cmpuint(code, >, 0);
        g_assert_true(bits[code / 8] >> code % 8 & 1);
    }
    g_assert_cmpuint(config(&f, 0x11, 0x11, bits), ==, 1);
    g_assert_cmphex(bits[0], ==, 7);
    g_assert_cmpuint(config(&f, 0x11, 0x14, bits), ==, 1);
    g_assert_cmpuint(config(&f, 0x11, 2, bits), ==, 0);
    g_assert_cmpuint(config(&f, 0x12, 0, bits), ==, 0);
    virtio_rig_tear_down(&f);
}

static void a_mouse_moves(void)
{
    struct virtio_rig f;
    uint8_t bits[128];

    set_up(&f, "virtio-mouse-pci", NULL);
    input_move(f.r->m, 5, -3, 0);
    expect(&f, 2, 0, 5);
    expect(&f, 2, 1, (uint32_t)-3);
    expect(&f, 0, 0, 0);
    input_move(f.r->m, 0, 0, 1);
    expect(&f, 2, 8, UINT32_MAX);
    expect(&f, 0, 0, 0);
    input_buttons(f.r->m, INPUT_RIGHT | INPUT_EXTRA);
    expect(&f, 1, 0x111, 1);
    expect(&f, 1, 0x114, 1);
    expect(&f, 0, 0, 0);
    rig_check_state(f.r, &f.dev->pci.dev);
    input_buttons(f.r->m, INPUT_EXTRA);
    expect(&f, 1, 0x111, 0);
    expect(&f, 0, 0, 0);
    input_move_to(f.r->m, 1, 1); /* not a tablet */
    input_move(f.r->m, 0, 0, 0);
    expect_nothing(&f);
    g_assert_cmpuint(config(&f, 0x11, 2, bits), ==, 2);
    g_assert_cmphex(bits[0] | bits[1] << 8, ==, 0x103);
    g_assert_cmpuint(config(&f, 0x11, 1, bits), ==, 0x114 / 8 + 1);
    g_assert_cmphex(bits[0x110 / 8], ==, 0x1f);
    virtio_rig_tear_down(&f);
    set_up(&f, "virtio-mouse-pci", "wheel-axis=off");
    input_move(f.r->m, 0, 0, 1);
    expect_nothing(&f);
    g_assert_cmpuint(config(&f, 0x11, 2, bits), ==, 1);
    virtio_rig_tear_down(&f);
}

static void a_tablet_points(void)
{
    struct virtio_rig f;
    uint8_t value[128];

    set_up(&f, "virtio-tablet-pci", "serial=S 1");
    g_assert_true(input_pointer_handler(f.r->m)->absolute);
    input_move_to(f.r->m, 100, 0x7fff);
    expect(&f, 3, 0, 100);
    expect(&f, 3, 1, 0x7fff);
    expect(&f, 0, 0, 0);
    input_move(f.r->m, 5, 5, 0); /* not a mouse */
    expect_nothing(&f);
    g_assert_cmpuint(config(&f, 0x12, 1, value), ==, 20);
    g_assert_cmphex(value[4] | value[5] << 8, ==, 0x7fff);
    g_assert_cmpuint(config(&f, 0x12, 2, value), ==, 0);
    g_assert_cmpuint(config(&f, 1, 0, value), ==, 18);
    g_assert_cmpmem(value, 18, "QEMU Virtio Tablet", 18);
    g_assert_cmpuint(config(&f, 2, 0, value), ==, 3);
    g_assert_cmpmem(value, 4, "S 1\0", 4);
    g_assert_cmpuint(config(&f, 3, 0, value), ==, 8);
    g_assert_cmphex(value[0], ==, 6);
    g_assert_cmphex(value[4], ==, 3);
    g_assert_cmpuint(config(&f, 0xff, 0xff, value), ==, 0);
    virtio_rig_tear_down(&f);
}

/* A moment for which there are too few buffers is lost as a whole. */
static void moments_come_whole(void)
{
    struct virtio_rig f;

    set_up(&f, "virtio-mouse-pci", NULL);
    for (unsigned i = 0; i < 5; i++) {
        input_move(f.r->m, 1, 1, 0);
    }
    input_move(f.r->m, 1, 1, 0); /* three, and there is one */
    for (unsigned i = 0; i < 5; i++) {
        expect(&f, 2, 0, 1);
        expect(&f, 2, 1, 1);
        expect(&f, 0, 0, 0);
    }
    expect_nothing(&f);
    g_assert_true(virtio_idle(virtio_rig_device(&f)));
    virtio_rig_tear_down(&f);
}

/* Without a driver the user's events are somebody else's. */
static void only_a_driver_takes_events(void)
{
    struct virtio_rig f;

    set_up(&f, "virtio-tablet-pci", NULL);
    g_assert_nonnull(input_pointer_handler(f.r->m));
    rig_check_state(f.r, &f.dev->pci.dev);
    g_assert_nonnull(input_pointer_handler(f.r->m));
    virtio_rig_put(&f, 20, 0, 1);
    g_assert_null(input_pointer_handler(f.r->m));
    input_move_to(f.r->m, 1, 1);
    virtio_rig_tear_down(&f);
}

static void leds_are_taken(void)
{
    struct virtio_rig f;
    struct rig_buffer b = { STATUS, 8, false };

    set_up(&f, "virtio-keyboard-pci", NULL);
    rig_store(f.r, STATUS, 0x11 | 1 << 16, 4);
    rig_store(f.r, STATUS + 4, 1, 4);
    g_assert_cmpuint(virtio_rig_run(&f, 1, &b, 1), ==, 0);
    rig_check_state(f.r, &f.dev->pci.dev);
    b.len = 3; /* cut */
    virtio_rig_run(&f, 1, &b, 1);
    virtio_rig_tear_down(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-input/keys", keys_arrive_as_codes);
    g_test_add_func("/virtio-input/every-key", every_key_is_announced);
    g_test_add_func("/virtio-input/mouse", a_mouse_moves);
    g_test_add_func("/virtio-input/tablet", a_tablet_points);
    g_test_add_func("/virtio-input/moments", moments_come_whole);
    g_test_add_func("/virtio-input/driver", only_a_driver_takes_events);
    g_test_add_func("/virtio-input/leds", leds_are_taken);
    return g_test_run();
}
