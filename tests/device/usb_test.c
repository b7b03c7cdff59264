/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/usb_test.c: USB devices by single packets: descriptors, requests, reports, hubs, bulk-only storage,
 * hosts that break the rules.
 */
#include "tests/device/char_rig.h"
#include "tests/device/drive_rig.h"
#include "tests/device/fuzz.h"
#include "tests/device/usb_rig.h"
#include "ui/input.h"

struct usb_test {
    struct rig *r;
    struct mem_region memory;
};

static void set_up(struct usb_test *f, gconstpointer data)
{
    (void)data;
    f->r = rig_new();
    usb_rig_controller(f->r, &f->memory);
}

static void tear_down(struct usb_test *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

/* Descriptors ----------------------------------------------------------------------------------- */

/* Every descriptor of a configuration has its length, and they fill the whole. */
static void check_config(struct usb_device *d, unsigned type)
{
    uint8_t b[512];
    int n = usb_rig_control(d, 0x8006, type << 8, 0, b, sizeof(b));
    unsigned interfaces = 0;
    int at = 0;

    g_assert_cmpint(n, >, 9);
    g_assert_cmpint(n, ==, b[2] | b[3] << 8);
    for (; at < n; at += b[at]) {
        g_assert_cmpint(b[at], >=, 2);
        interfaces += b[at + 1] == 4 && b[at + 3] == 0;
    }
    g_assert_cmpint(at, ==, n);
    g_assert_cmpint(b[4], ==, interfaces);
}

static void descriptors_are_whole(struct usb_test *f, gconstpointer data)
{
    static const char *const types[] = { "usb-kbd", "usb-mouse", "usb-tablet", "usb-hub",
                                         "usb-bot" };
    uint8_t b[256], desc[64];

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        struct usb_device *d = (struct usb_device *)rig_device(f->r, types[i], NULL);

        g_assert_cmpint(usb_rig_control(d, 0x8006, 0x100, 0, desc, 8), ==, 8);
        g_assert_cmpint(usb_rig_control(d, 0x8006, 0x100, 0, desc, 64), ==, 18);
        g_assert_cmpint(desc[0], ==, 18);
        g_assert_cmpint(usb_rig_control(d, 0x8006, 0x300, 0, b, 255), ==, 4);
        for (unsigned k = 14; k < 17; k++) { /* the strings that it names are there */
            int n = usb_rig_control(d, 0x8006, 0x300u + desc[k], 0x409, b, 255);

            g_assert_cmpint(n, >, 2);
            g_assert_cmpint(n, ==, b[0]);
        }
        check_config(d, 2);
        g_assert_cmpint(usb_rig_control(d, 0x8006, 0x3fe, 0x409, b, 255), ==, -1);
        g_assert_cmpint(usb_rig_control(d, 0x8006, 0x7700, 0, b, 255), ==, -1);
        g_assert_cmpint(usb_rig_control(d, 0x8006, 0x201, 0, b, 255), ==, -1);
        device_free(&d->dev);
    }
}

static void the_serial_number_is_the_property(struct usb_test *f, gconstpointer data)
{
    struct usb_device *d = usb_rig_device(f->r, "usb-kbd", "serial=abc");
    const uint8_t want[] = { 8, 3, 'a', 0, 'b', 0, 'c', 0 };
    uint8_t b[64];

    (void)data;
    g_assert_cmpint(usb_rig_control(d, 0x8006, 0x303, 0x409, b, 64), ==, 8);
    g_assert_cmpmem(b, 8, want, 8);
}

static void a_high_speed_device_knows_the_other_speed(struct usb_test *f, gconstpointer data)
{
    struct usb_device *two = usb_rig_device(f->r, "usb-kbd", "usb_version=2");
    struct usb_device *one = usb_rig_device(f->r, "usb-kbd", "usb_version=1");
    uint8_t b[64];

    (void)data;
    g_assert_cmpint(two->speed, ==, USB_HIGH);
    g_assert_cmpint(usb_rig_control(two, 0x8006, 0x600, 0, b, 64), ==, 10);
    check_config(two, 7);
    g_assert_cmpint(one->speed, ==, USB_FULL);
    g_assert_cmpint(usb_rig_control(one, 0x8006, 0x600, 0, b, 64), ==, -1);
}

/* Control transfers ----------------------------------------------------------------------------- */

static void standard_requests(struct usb_test *f, gconstpointer data)
{
    struct usb_device *d = usb_rig_device(f->r, "usb-kbd", NULL);
    uint8_t b[8] = { 0 };

    (void)data;
    g_assert_cmpint(d->addr, ==, 5);
    g_assert_cmpint(usb_rig_control(d, 0x8008, 0, 0, b, 1), ==, 1);
    g_assert_cmpint(b[0], ==, 1);
    g_assert_cmpint(usb_rig_control(d, 0x0003, 1, 0, NULL, 0), ==, 0);
    g_assert_cmpint(usb_rig_control(d, 0x8000, 0, 0, b, 2), ==, 2);
    g_assert_cmphex(b[0], ==, 2);
    g_assert_cmpint(usb_rig_control(d, 0x0203, 0, 0x81, NULL, 0), ==, 0);
    g_assert_cmpint(usb_rig_control(d, 0x8200, 0, 0x81, b, 2), ==, 2);
    g_assert_cmpint(b[0], ==, 1);
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 8, NULL), ==, USB_STALL);
    g_assert_cmpint(usb_rig_control(d, 0x0201, 0, 0x81, NULL, 0), ==, 0);
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 8, NULL), ==, USB_NAK);
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 2, b, 8, NULL), ==, USB_ERROR);
    g_assert_cmpint(usb_rig_packet(d, USB_OUT, 1, b, 8, NULL), ==, USB_ERROR);
    g_assert_cmpint(usb_rig_control(d, 0x0201, 0, 0x82, NULL, 0), ==, -1);
    g_assert_cmpint(usb_rig_control(d, 0x810a, 0, 0, b, 1), ==, 1);
    g_assert_cmpint(usb_rig_control(d, 0x810a, 0, 200, b, 1), ==, -1);
    g_assert_cmpint(usb_rig_control(d, 0x010b, 1, 0, NULL, 0), ==, -1);
    g_assert_cmpint(usb_rig_control(d, 0x0009, 2, 0, NULL, 0), ==, -1);
    g_assert_cmpint(usb_rig_control(d, 0x0005, 128, 0, NULL, 0), ==, -1);
    g_assert_cmpint(usb_rig_control(d, 0x0009, 0, 0, NULL, 0), ==, 0);
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 8, NULL), ==, USB_ERROR);
}

static void a_transfer_in_small_packets(struct usb_test *f, gconstpointer data)
{
    struct usb_device *d = usb_rig_device(f->r, "usb-kbd", NULL);
    uint8_t setup[8] = { 0x80, 6, 0, 1, 0, 0, 18, 0 }, whole[18], part[18];
    size_t done;

    (void)data;
    g_assert_cmpint(usb_rig_control(d, 0x8006, 0x100, 0, whole, 18), ==, 18);
    usb_rig_packet(d, USB_SETUP, 0, setup, 8, NULL);
    for (unsigned at = 0; at < 18; at += 8) {
        g_assert_cmpint(usb_rig_packet(d, USB_IN, 0, part + at, MIN(8, 18 - at), &done), ==,
                        USB_OK);
        g_assert_cmpuint(done, ==, MIN(8, 18 - at));
        rig_check_state(f->r, &d->dev);
    }
    g_assert_cmpint(usb_rig_packet(d, USB_OUT, 0, NULL, 0, NULL), ==, USB_OK);
    g_assert_cmpmem(whole, 18, part, 18);
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 0, part, 8, NULL), ==, USB_STALL); /* it is over */
}

static void more_data_than_promised_stalls(struct usb_test *f, gconstpointer data)
{
    struct usb_device *d = usb_rig_device(f->r, "usb-kbd", NULL);
    uint8_t setup[8] = { 0x21, 9, 0, 2, 0, 0, 1, 0 }, huge[8] = { 0x21, 9, 0, 2, 0, 0, 0xff, 0xff };
    uint8_t b[16] = { 0 };

    (void)data;
    usb_rig_packet(d, USB_SETUP, 0, setup, 8, NULL);
    g_assert_cmpint(usb_rig_packet(d, USB_OUT, 0, b, 2, NULL), ==, USB_STALL);
    usb_rig_packet(d, USB_SETUP, 0, huge, 8, NULL);
    g_assert_cmpint(usb_rig_packet(d, USB_OUT, 0, b, 16, NULL), ==, USB_STALL);
    g_assert_cmpint(usb_rig_packet(d, USB_SETUP, 0, setup, 7, NULL), ==, USB_ERROR);
}

/* HID ------------------------------------------------------------------------------------------- */

static void each_key_is_a_report(struct usb_test *f, gconstpointer data)
{
    static const uint8_t want[][8] = {
        { 0, 0, 0x04 },       { 0 },          { 2 },          { 2, 0, 0x05 },
        { 2, 0, 0x05, 0x52 }, { 2, 0, 0x52 }, { 0, 0, 0x52 },
    };
    struct usb_device *d = usb_rig_device(f->r, "usb-kbd", NULL);
    uint8_t b[8];
    size_t done;

    (void)data;
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 8, NULL), ==, USB_NAK);
    usb_rig_woken = 0;
    input_key(f->r->m, 0x1e, true);
    input_key(f->r->m, 0x1e, false);
    input_key(f->r->m, 0x2a, true);
    input_key(f->r->m, 0x30, true);
    input_key(f->r->m, 0xe048, true);
    input_key(f->r->m, 0x30, false);
    input_key(f->r->m, 0x2a, false);
    g_assert_cmpuint(usb_rig_woken, ==, 7);
    rig_check_state(f->r, &d->dev);
    for (unsigned i = 0; i < G_N_ELEMENTS(want); i++) {
        g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 8, &done), ==, USB_OK);
        g_assert_cmpmem(b, done, want[i], 8);
    }
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 8, NULL), ==, USB_NAK);
}

static void keys_that_nobody_reads_are_lost(struct usb_test *f, gconstpointer data)
{
    struct usb_device *d = usb_rig_device(f->r, "usb-kbd", NULL);
    unsigned n = 0;
    uint8_t b[8];

    (void)data;
    usb_rig_packet(d, USB_IN, 1, b, 8, NULL);
    for (unsigned i = 0; i < 500; i++) {
        input_key(f->r->m, (uint16_t)(2 + i % 80), i & 1);
    }
    rig_check_state(f->r, &d->dev);
    while (usb_rig_packet(d, USB_IN, 1, b, 8, NULL) == USB_OK) {
        n++;
    }
    g_assert_cmpuint(n, ==, 64);
}

static void input_comes_with_the_first_poll(struct usb_test *f, gconstpointer data)
{
    struct usb_device *a = usb_rig_device(f->r, "usb-tablet", NULL);
    struct usb_device *b = usb_rig_device(f->r, "usb-mouse", NULL);
    uint8_t report[8];

    (void)data;
    usb_rig_packet(b, USB_IN, 1, report, 8, NULL);
    g_assert_false(input_pointer_handler(f->r->m)->absolute);
    usb_rig_packet(a, USB_IN, 1, report, 8, NULL);
    g_assert_true(input_pointer_handler(f->r->m)->absolute);
    rig_check_state(f->r, &a->dev);
    g_assert_true(input_pointer_handler(f->r->m)->absolute);
    usb_device_reset(a);
    g_assert_false(input_pointer_handler(f->r->m)->absolute);
}

static void motion_adds_up_and_is_cut(struct usb_test *f, gconstpointer data)
{
    struct usb_device *d = usb_rig_device(f->r, "usb-mouse", NULL);
    const uint8_t want[][4] = {
        { 0, 127, 0xfb, 0 }, { 0, 73, 0, 0 }, { 1, 0, 0, 0 }, { 1, 0, 0, 0xff }
    };
    uint8_t b[8];
    size_t done;

    (void)data;
    usb_rig_packet(d, USB_IN, 1, b, 8, NULL);
    input_move(f->r->m, 150, -5, 0);
    input_move(f->r->m, 50, 0, 0);
    input_buttons(f->r->m, INPUT_LEFT);
    for (unsigned i = 0; i < G_N_ELEMENTS(want); i++) {
        g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 8, &done), ==, USB_OK);
        g_assert_cmpmem(b, done, want[i], 4);
        if (i == 2) {
            input_move(f->r->m, 0, 0, 1);
        }
    }
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 8, NULL), ==, USB_NAK);
    g_assert_cmpint(usb_rig_control(d, 0x210b, 0, 0, NULL, 0), ==, 0); /* boot protocol */
    input_buttons(f->r->m, 0);
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 8, &done), ==, USB_OK);
    g_assert_cmpuint(done, ==, 3);
}

static void a_tablet_tells_places(struct usb_test *f, gconstpointer data)
{
    struct usb_device *d = usb_rig_device(f->r, "usb-tablet", NULL);
    const uint8_t place[6] = { 0, 0xe8, 3, 0x20, 0x4e, 0 },
                  click[6] = { 4, 0xe8, 3, 0x20, 0x4e, 0 };
    uint8_t b[8];
    size_t done;

    (void)data;
    usb_rig_packet(d, USB_IN, 1, b, 8, NULL);
    input_move_to(f->r->m, 5, 5);
    input_move_to(f->r->m, 1000, 20000);
    input_buttons(f->r->m, INPUT_MIDDLE);
    input_buttons(f->r->m, 0);
    usb_rig_packet(d, USB_IN, 1, b, 8, &done);
    g_assert_cmpmem(b, done, place, 6);
    usb_rig_packet(d, USB_IN, 1, b, 8, &done);
    g_assert_cmpmem(b, done, click, 6);
    usb_rig_packet(d, USB_IN, 1, b, 8, &done);
    g_assert_cmpmem(b, done, place, 6);
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 8, NULL), ==, USB_NAK);
    input_move(f->r->m, -30000, 30000, 0); /* motion is kept within */
    usb_rig_packet(d, USB_IN, 1, b, 8, &done);
    g_assert_cmphex(b[1] | b[2] << 8, ==, 0);
    g_assert_cmphex(b[3] | b[4] << 8, ==, 0x7fff);
}

static void an_idle_rate_repeats_reports(struct usb_test *f, gconstpointer data)
{
    struct usb_device *d = usb_rig_device(f->r, "usb-kbd", NULL);
    uint8_t b[8];

    (void)data;
    usb_rig_packet(d, USB_IN, 1, b, 8, NULL);
    g_assert_cmpint(clock_next_deadline(f->r->m), ==, -1); /* nothing runs when nothing is to do */
    g_assert_cmpint(usb_rig_control(d, 0x210a, 5 << 8, 0, NULL, 0), ==, 0);
    g_assert_cmpint(usb_rig_control(d, 0xa102, 0, 0, b, 1), ==, 1);
    g_assert_cmpint(b[0], ==, 5);
    rig_step(f->r, 19 * MS);
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 8, NULL), ==, USB_NAK);
    rig_step(f->r, 1 * MS);
    rig_check_state(f->r, &d->dev);
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 8, NULL), ==, USB_OK);
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 8, NULL), ==, USB_NAK);
    g_assert_cmpint(usb_rig_control(d, 0x210a, 0, 0, NULL, 0), ==, 0);
    g_assert_cmpint(clock_next_deadline(f->r->m), ==, -1);
}

/* Hub ------------------------------------------------------------------------------------------- */

static void a_hub_tells_of_its_ports(struct usb_test *f, gconstpointer data)
{
    struct usb_device *hub = usb_rig_device(f->r, "usb-hub", "port=2"), *d;
    uint8_t b[16];
    size_t done;

    (void)data;
    g_assert_cmpint(usb_rig_control(hub, 0xa006, 0x2900, 0, b, 16), ==, 9);
    g_assert_cmpint(b[2], ==, 8);
    g_assert_cmpint(usb_rig_packet(hub, USB_IN, 1, b, 2, NULL), ==, USB_NAK);
    d = (struct usb_device *)rig_device(f->r, "usb-mouse", "port=2.8");
    g_assert_cmpint(d->speed, ==, USB_FULL);
    g_assert_cmpint(usb_rig_packet(hub, USB_IN, 1, b, 2, &done), ==, USB_OK);
    g_assert_cmpuint(done, ==, 2);
    g_assert_cmphex(b[0] | b[1] << 8, ==, 1 << 8);
    g_assert_cmpint(usb_rig_control(hub, 0xa300, 0, 8, b, 4), ==, 4);
    g_assert_cmphex(b[0], ==, 1);
    g_assert_cmphex(b[2], ==, 1);
    g_assert_null(usb_find_address(hub->port, 9));
    g_assert_cmpint(usb_rig_control(hub, 0x2301, 16, 8, NULL, 0), ==, 0);
    g_assert_cmpint(usb_rig_control(hub, 0x2303, 4, 8, NULL, 0), ==, 0); /* reset: enabled */
    g_assert_cmpint(usb_rig_control(hub, 0xa300, 0, 8, b, 4), ==, 4);
    g_assert_cmphex(b[0], ==, 3);
    g_assert_cmphex(b[2], ==, 0x10);
    rig_check_state(f->r, &hub->dev);
    d->addr = 9;
    g_assert_true(usb_find_address(hub->port, 9) == d);
    g_assert_true(usb_port_at(hub->port->bus, 2, 8)->dev == d);
    device_free(&d->dev);
    g_assert_cmpint(usb_rig_control(hub, 0xa300, 0, 8, b, 4), ==, 4);
    g_assert_cmphex(b[0], ==, 0);
    g_assert_cmpint(usb_rig_control(hub, 0xa300, 0, 9, b, 4), ==, -1);
    g_assert_cmpint(usb_rig_control(hub, 0x2303, 77, 1, NULL, 0), ==, -1);
}

static void a_hub_takes_its_devices_with_it(struct usb_test *f, gconstpointer data)
{
    struct usb_device *hub = usb_rig_device(f->r, "usb-hub", "port=1");
    struct usb_port *port = hub->port;
    unsigned n = f->r->m->devices->len;

    (void)data;
    usb_rig_device(f->r, "usb-hub", "port=1.3");
    usb_rig_device(f->r, "usb-kbd", "port=1.3.2");
    usb_rig_device(f->r, "usb-mouse", "port=1.1");
    g_assert_cmpuint(f->r->m->devices->len, ==, n + 3);
    device_free(&hub->dev);
    g_assert_cmpuint(f->r->m->devices->len, ==, n - 1);
    g_assert_null(port->dev);
    usb_rig_device(f->r, "usb-kbd", "port=1");
}

static void the_last_port_gets_a_hub(struct usb_test *f, gconstpointer data)
{
    static const char *const paths[] = { "1", "2", "3", "4.1", "4.2" };

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_assert_cmpstr(usb_rig_device(f->r, "usb-kbd", NULL)->port->path, ==, paths[i]);
    }
}

static void a_fast_device_takes_the_last_port(struct usb_test *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 3; i++) {
        usb_rig_device(f->r, "usb-kbd", NULL);
    }
    g_assert_cmpstr(usb_rig_device(f->r, "usb-bot", NULL)->port->path, ==, "4");
}

static void bad_places_are_refused(struct usb_test *f, gconstpointer data)
{
    static const struct {
        const char *type, *props, *message;
    } rows[] = {
        { "usb-kbd", "port=9", "has no port '9'" },
        { "usb-kbd", "port=1", "port '1' of bus usb-bus.0 has a usb-hub" },
        { "usb-kbd", "port=1.9", "has no port '1.9'" },
        { "usb-kbd", "usb_version=3", "usb_version is 3, must be 1 or 2" },
        { "usb-hub", "ports=9", "ports is 9, must be 1 to 8" },
        { "usb-hub", "port=1.1.1.1.1.1", "at most 5 may be in a row" },
        { "usb-storage", "port=2", "needs a drive" },
    };

    (void)data;
    usb_rig_device(f->r, "usb-hub", "port=1");
    usb_rig_device(f->r, "usb-hub", "port=1.1");
    usb_rig_device(f->r, "usb-hub", "port=1.1.1");
    usb_rig_device(f->r, "usb-hub", "port=1.1.1.1");
    usb_rig_device(f->r, "usb-hub", "port=1.1.1.1.1");
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *message =
            rig_device_error(f->r, device_type_find(rows[i].type), rows[i].props);

        g_test_message("%s", message);
        g_assert_nonnull(strstr(message, rows[i].message));
    }
}

/* Storage --------------------------------------------------------------------------------------- */

struct cbw {
    uint32_t signature, tag, length;
    uint8_t flags, lun, cdb_len, cdb[16];
} __attribute__((packed));

static enum usb_result command(struct usb_device *d, uint32_t length, bool in, const uint8_t *cdb,
                               unsigned n)
{
    struct cbw c = { 0x43425355, 0x1234, length, in ? 0x80 : 0, 0, (uint8_t)n, { 0 } };

    memcpy(c.cdb, cdb, n);
    return usb_rig_packet(d, USB_OUT, 2, &c, sizeof(c), NULL);
}
#define COMMAND(d, length, in, ...)                                                                \
    g_assert_cmpint(command(d, length, in, (const uint8_t[]){ __VA_ARGS__ },                       \
                            sizeof((const uint8_t[]){ __VA_ARGS__ })),                             \
                    ==, USB_OK)

/* Asks until there is an answer, as a controller does. */
static enum usb_result in(struct rig *r, struct usb_device *d, void *buf, size_t len, size_t *done)
{
    enum usb_result result;

    while ((result = usb_rig_packet(d, USB_IN, 1, buf, len, done)) == USB_NAK) {
        machine_iterate(r->m, true);
    }
    return result;
}

/* The status of the command; *residue: bytes that did not move. */
static int status(struct rig *r, struct usb_device *d, uint32_t *residue)
{
    uint8_t b[13];
    size_t done;

    g_assert_cmpint(in(r, d, b, sizeof(b), &done), ==, USB_OK);
    g_assert_cmpuint(done, ==, 13);
    g_assert_cmpmem(b, 8, "USBS\x34\x12\0\0", 8);
    memcpy(residue, b + 8, 4);
    return b[12];
}

static struct usb_device *new_stick(struct usb_test *f, const char *props)
{
    struct usb_device *d;
    uint32_t residue;
    uint8_t b[18];

    drive_rig_new(f->r, "d0", 4096, false);
    d = usb_rig_device(f->r, "usb-storage", props);
    COMMAND(d, 0, false, 0, 0, 0, 0, 0, 0); /* it was reset */
    g_assert_cmpint(status(f->r, d, &residue), ==, 1);
    COMMAND(d, 18, true, 3, 0, 0, 0, 18, 0);
    g_assert_cmpint(in(f->r, d, b, 18, NULL), ==, USB_OK);
    g_assert_cmphex(b[2] << 16 | b[12] << 8 | b[13], ==, 0x062900);
    g_assert_cmpint(status(f->r, d, &residue), ==, 0);
    return d;
}

static void a_stick_reads_and_writes(struct usb_test *f, gconstpointer data)
{
    struct usb_device *d = new_stick(f, "drive=d0");
    uint8_t b[4096];
    uint32_t residue;
    size_t done;

    (void)data;
    COMMAND(d, 1024, true, 0x28, 0, 0, 0, 0, 7, 0, 0, 2, 0);
    rig_check_state(f->r, &d->dev); /* with the data on its way */
    g_assert_cmpint(in(f->r, d, b, 64, &done), ==, USB_OK);
    g_assert_cmpuint(done, ==, 64);
    rig_check_state(f->r, &d->dev);
    g_assert_cmpint(in(f->r, d, b + 64, 960, &done), ==, USB_OK);
    g_assert_cmpint(b[0], ==, 7);
    g_assert_cmpint(b[511], ==, 7);
    g_assert_cmpint(b[1023], ==, 8);
    g_assert_cmpint(status(f->r, d, &residue), ==, 0);
    g_assert_cmpuint(residue, ==, 0);

    memset(b, 0xa5, sizeof(b));
    COMMAND(d, 1024, false, 0x2a, 0, 0, 0, 0, 100, 0, 0, 2, 0);
    g_assert_cmpint(usb_rig_packet(d, USB_OUT, 2, b, 100, NULL), ==, USB_OK);
    rig_check_state(f->r, &d->dev);
    g_assert_cmpint(usb_rig_packet(d, USB_OUT, 2, b, 924, NULL), ==, USB_OK);
    rig_check_state(f->r, &d->dev);
    g_assert_cmpint(status(f->r, d, &residue), ==, 0);
    g_assert_cmpint(drive_rig_byte(block_backend_find(f->r->m, "d0"), 100 * 512 + 1023), ==, 0xa5);
}

static void less_data_than_wanted(struct usb_test *f, gconstpointer data)
{
    struct usb_device *d = new_stick(f, "drive=d0,removable=on");
    uint8_t b[512];
    uint32_t residue;
    size_t done;

    (void)data;
    COMMAND(d, 255, true, 0x12, 0, 0, 0, 255, 0);
    g_assert_cmpint(in(f->r, d, b, 255, &done), ==, USB_OK);
    g_assert_cmpuint(done, ==, 36);
    g_assert_cmphex(b[1], ==, 0x80);
    g_assert_cmpint(status(f->r, d, &residue), ==, 0);
    g_assert_cmpuint(residue, ==, 255 - 36);
    /* All of it went in whole packets: the pipe is halted to say so. */
    COMMAND(d, 255, true, 0x12, 0, 0, 0, 36, 0);
    g_assert_cmpint(in(f->r, d, b, 36, &done), ==, USB_OK);
    g_assert_cmpint(in(f->r, d, b, 36, &done), ==, USB_STALL);
    g_assert_cmpint(usb_rig_control(d, 0x0201, 0, 0x81, NULL, 0), ==, 0);
    g_assert_cmpint(status(f->r, d, &residue), ==, 0);
    /* A command that fails has none at all. */
    COMMAND(d, 512, true, 0x28, 0, 0xff, 0, 0, 0, 0, 0, 1, 0);
    g_assert_cmpint(in(f->r, d, b, 512, &done), ==, USB_STALL);
    g_assert_cmpint(usb_rig_control(d, 0x0201, 0, 0x81, NULL, 0), ==, 0);
    g_assert_cmpint(status(f->r, d, &residue), ==, 1);
    g_assert_cmpuint(residue, ==, 512);
    COMMAND(d, 18, true, 3, 0, 0, 0, 18, 0);
    g_assert_cmpint(in(f->r, d, b, 18, NULL), ==, USB_OK);
    g_assert_cmphex(b[2] << 16 | b[12] << 8 | b[13], ==, 0x052100);
    g_assert_cmpint(status(f->r, d, &residue), ==, 0);
}

static void hosts_that_break_the_rules(struct usb_test *f, gconstpointer data)
{
    struct usb_device *d = new_stick(f, "drive=d0");
    uint8_t b[4096] = { 0 };
    uint32_t residue;

    (void)data;
    /* More than there is to be: a phase error. */
    COMMAND(d, 512, false, 0x2a, 0, 0, 0, 0, 1, 0, 0, 1, 0);
    g_assert_cmpint(usb_rig_packet(d, USB_OUT, 2, b, 513, NULL), ==, USB_STALL);
    g_assert_cmpint(usb_rig_control(d, 0x0201, 0, 0x02, NULL, 0), ==, 0);
    g_assert_cmpint(status(f->r, d, &residue), ==, 2);
    g_assert_cmpint(drive_rig_byte(block_backend_find(f->r->m, "d0"), 512), ==, 1);
    /* The unit would move more than the host wants. */
    COMMAND(d, 512, true, 0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0);
    g_assert_cmpint(in(f->r, d, b, 512, NULL), ==, USB_STALL);
    g_assert_cmpint(usb_rig_control(d, 0x0201, 0, 0x81, NULL, 0), ==, 0);
    g_assert_cmpint(status(f->r, d, &residue), ==, 2);
    /* More than is served. */
    COMMAND(d, 0xffffffff, true, 0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0);
    g_assert_cmpint(in(f->r, d, b, 512, NULL), ==, USB_STALL);
    g_assert_cmpint(usb_rig_control(d, 0x0201, 0, 0x81, NULL, 0), ==, 0);
    g_assert_cmpint(status(f->r, d, &residue), ==, 2);
    COMMAND(d, 0xffffffff, false, 0x2a, 0, 0, 0, 0, 0, 0, 0, 8, 0);
    g_assert_cmpint(usb_rig_packet(d, USB_OUT, 2, b, 512, NULL), ==, USB_STALL);
    g_assert_cmpint(usb_rig_control(d, 0x0201, 0, 0x02, NULL, 0), ==, 0);
    g_assert_cmpint(status(f->r, d, &residue), ==, 2);
    /* No command block: both pipes are halted until the reset. */
    g_assert_cmpint(usb_rig_packet(d, USB_OUT, 2, b, 31, NULL), ==, USB_STALL);
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 13, NULL), ==, USB_STALL);
    g_assert_cmpint(usb_rig_control(d, 0x21ff, 0, 0, NULL, 0), ==, 0);
    g_assert_cmpint(usb_rig_control(d, 0x0201, 0, 0x81, NULL, 0), ==, 0);
    g_assert_cmpint(usb_rig_control(d, 0x0201, 0, 0x02, NULL, 0), ==, 0);
    COMMAND(d, 0, false, 0, 0, 0, 0, 0, 0);
    g_assert_cmpint(status(f->r, d, &residue), ==, 0);
    /* Pulled in the middle of a command. */
    COMMAND(d, 4096, true, 0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0);
    device_free(&d->dev);
    rig_poll(f->r);
}

/* Serial ---------------------------------------------------------------------------------------- */

static void a_serial_adapter_passes_bytes(struct usb_test *f, gconstpointer data)
{
    struct char_rig *c = char_rig_new(f->r->m, "c");
    struct usb_device *d = usb_rig_device(f->r, "usb-serial", "chardev=c");
    uint8_t b[256];
    size_t done;

    (void)data;
    g_assert_cmpint(usb_rig_control(d, 0xc00a, 0, 0, b, 1), ==, 1);
    g_assert_cmpint(b[0], ==, 16);
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 64, &done), ==, USB_OK); /* status alone */
    g_assert_cmpuint(done, ==, 2);
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 64, NULL), ==, USB_NAK);
    usb_rig_woken = 0;
    g_assert_cmpuint(
        char_rig_send(c, "seventy bytes of text, which are more than one packet of 64 takes: two"),
        ==, 70);
    g_assert_cmpuint(usb_rig_woken, ==, 1);
    rig_check_state(f->r, &d->dev);
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 200, &done), ==, USB_OK);
    g_assert_cmpuint(done, ==, 70 + 2 * 2); /* each packet has its status */
    g_assert_cmpmem(b + 2, 7, "seventy", 7);
    g_assert_cmpmem(b + 71, 3, "two", 3);
    c->room = 3; /* the other end is slow */
    g_assert_cmpint(usb_rig_packet(d, USB_OUT, 2, (void *)"hello", 5, NULL), ==, USB_OK);
    g_assert_cmpstr(c->text, ==, "hel");
    rig_check_state(f->r, &d->dev);
    c->room = 100;
    c->base.front.drained(c->base.front.opaque);
    g_assert_cmpstr(c->text, ==, "hello");
    c->base.front.event(c->base.front.opaque, CHARDEV_BREAK);
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 64, &done), ==, USB_OK);
    g_assert_cmphex(b[1], ==, 0x70);
    g_assert_cmpuint(done, ==, 2);
    for (unsigned i = 0; i < 200; i++) { /* nobody reads: it has room for so much */
        char_rig_send(c, "0123456789012345678901234567890123456789");
    }
    g_assert_cmpuint(char_rig_send(c, "x"), ==, 0);
    g_assert_cmpint(usb_rig_control(d, 0x4000, 1, 0, NULL, 0), ==, 0);
    g_assert_cmpint(usb_rig_packet(d, USB_IN, 1, b, 64, NULL), ==, USB_NAK);
}

/* UAS ------------------------------------------------------------------------------------------- */

static enum usb_result on_stream(struct usb_device *d, enum usb_token token, unsigned ep,
                                 unsigned stream, void *buf, size_t len, size_t *done)
{
    struct dma_list list = { 0 };
    struct usb_packet p = {
        .token = token, .ep = (uint8_t)ep, .stream = (uint16_t)stream, .data = &list
    };
    enum usb_result result;

    dma_list_add_own(&list, buf, len);
    result = usb_handle(d, &p);
    dma_list_clear(&list);
    if (done) {
        *done = p.done;
    }
    return result;
}

static void uas_command(struct usb_device *d, unsigned tag, const uint8_t *cdb, unsigned n)
{
    uint8_t b[32] = { 1, 0, 0, (uint8_t)tag };

    memcpy(b + 16, cdb, n);
    g_assert_cmpint(on_stream(d, USB_OUT, 1, 0, b, sizeof(b), NULL), ==, USB_OK);
}
#define UAS_COMMAND(d, tag, ...)                                                                   \
    uas_command(d, tag, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* Waits for a packet of a stream. */
static size_t from_stream(struct rig *r, struct usb_device *d, unsigned ep, unsigned stream,
                          void *buf, size_t len)
{
    enum usb_result result;
    size_t done;

    while ((result = on_stream(d, USB_IN, ep, stream, buf, len, &done)) == USB_NAK) {
        machine_iterate(r->m, true);
    }
    g_assert_cmpint(result, ==, USB_OK);
    return done;
}

static struct usb_device *new_uas(struct usb_test *f)
{
    struct usb_device *d;

    drive_rig_new(f->r, "d0", 4096, false);
    d = usb_rig_device(f->r, "usb-uas", NULL);
    rig_device(f->r, "scsi-hd", "drive=d0");
    return d;
}

static void uas_commands_overtake_each_other(struct usb_test *f, gconstpointer data)
{
    struct usb_device *d = new_uas(f);
    uint8_t b[4096], out[512];

    (void)data;
    g_assert_cmpint(d->speed, ==, USB_SUPER);
    UAS_COMMAND(d, 1, 0, 0, 0, 0, 0, 0); /* it was reset */
    g_assert_cmpuint(from_stream(f->r, d, 2, 1, b, 512), ==, 16 + 18);
    g_assert_cmpint(b[0], ==, 3);
    g_assert_cmpint(b[6], ==, 2);
    g_assert_cmpint(b[16 + 12], ==, 0x29);
    /* A write that waits for its data; a read meanwhile. */
    memset(out, 0x3c, sizeof(out));
    UAS_COMMAND(d, 2, 0x2a, 0, 0, 0, 0, 50, 0, 0, 1, 0);
    UAS_COMMAND(d, 9, 0x28, 0, 0, 0, 0, 50, 0, 0, 2, 0);
    rig_check_state(f->r, &d->dev);
    g_assert_cmpint(on_stream(d, USB_IN, 2, 2, b, 512, NULL), ==, USB_NAK);
    g_assert_cmpint(on_stream(d, USB_IN, 2, 9, b, 512, NULL), ==, USB_NAK); /* the data is first */
    g_assert_cmpint(on_stream(d, USB_IN, 3, 2, b, 512, NULL), ==, USB_NAK);
    g_assert_cmpuint(from_stream(f->r, d, 3, 9, b, 700), ==, 700);
    rig_check_state(f->r, &d->dev);
    g_assert_cmpuint(from_stream(f->r, d, 3, 9, b + 700, 4000), ==, 324);
    g_assert_cmpint(b[511], ==, 50);
    g_assert_cmpint(b[1023], ==, 51);
    g_assert_cmpuint(from_stream(f->r, d, 2, 9, b, 512), ==, 16);
    g_assert_cmpint(b[3], ==, 9);
    g_assert_cmpint(on_stream(d, USB_OUT, 4, 9, out, 512, NULL), ==, USB_NAK);
    g_assert_cmpint(on_stream(d, USB_OUT, 4, 2, out, 513, NULL), ==, USB_STALL);
    g_assert_cmpint(usb_rig_control(d, 0x0201, 0, 0x04, NULL, 0), ==, 0);
    g_assert_cmpint(on_stream(d, USB_OUT, 4, 2, out, 512, NULL), ==, USB_OK);
    g_assert_cmpuint(from_stream(f->r, d, 2, 2, b, 512), ==, 16);
    g_assert_cmpint(b[6], ==, 0);
    g_assert_cmpint(drive_rig_byte(block_backend_find(f->r->m, "d0"), 50 * 512), ==, 0x3c);
}

static void uas_tasks_and_mistakes(struct usb_test *f, gconstpointer data)
{
    struct usb_device *d = new_uas(f);
    uint8_t reset[16] = { 5, 0, 0, 7, 8 }, abort[16] = { 5, 0, 0, 7, 1, 0, 0, 3 },
            odd[16] = { 9, 0, 0, 4 };
    uint8_t none[32] = { 1, 0, 0, 17 }, b[512];

    (void)data;
    g_assert_cmpint(on_stream(d, USB_OUT, 1, 0, reset, 16, NULL), ==, USB_OK);
    g_assert_cmpuint(from_stream(f->r, d, 2, 7, b, 512), ==, 8);
    g_assert_cmpint(b[0], ==, 4);
    g_assert_cmpint(b[7], ==, 0);
    UAS_COMMAND(d, 3, 0x2a, 0, 0, 0, 0, 50, 0, 0, 1, 0);
    g_assert_cmpint(on_stream(d, USB_OUT, 1, 0, abort, 16, NULL), ==, USB_OK);
    g_assert_cmpuint(from_stream(f->r, d, 2, 7, b, 512), ==, 8);
    g_assert_cmpint(on_stream(d, USB_OUT, 4, 3, b, 512, NULL), ==, USB_NAK); /* it is gone */
    UAS_COMMAND(d, 3, 0x2a, 0, 0, 0, 0, 50, 0, 0, 1, 0);
    UAS_COMMAND(d, 3, 0x2a, 0, 0, 0, 0, 50, 0, 0, 1, 0);
    g_assert_cmpuint(from_stream(f->r, d, 2, 3, b, 512), ==, 8);
    g_assert_cmpint(b[7], ==, 0x0a); /* overlapped tag */
    g_assert_cmpint(on_stream(d, USB_OUT, 1, 0, odd, 16, NULL), ==, USB_OK);
    g_assert_cmpuint(from_stream(f->r, d, 2, 4, b, 512), ==, 8);
    g_assert_cmpint(b[7], ==, 2); /* invalid message */
    /* More data than is served; a command for a unit that is not there. */
    UAS_COMMAND(d, 5, 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff);
    g_assert_cmpuint(from_stream(f->r, d, 2, 5, b, 512), ==, 34);
    g_assert_cmphex(b[18] << 16 | b[28] << 8 | b[29], ==, 0x052400);
    g_assert_cmpint(on_stream(d, USB_OUT, 1, 0, none, 32, NULL), ==,
                    USB_STALL); /* no such stream */
}

/* Anything ------------------------------------------------------------------------------------- */

static void packets_at_random(struct usb_test *f, gconstpointer data)
{
    struct usb_device *devices[7];
    g_autoptr(GRand) rand = g_rand_new_with_seed(16);
    uint8_t *b = g_malloc0(70000);

    (void)data;
    drive_rig_new(f->r, "d0", 4096, false);
    devices[0] = usb_rig_device(f->r, "usb-storage", "drive=d0");
    devices[1] = usb_rig_device(f->r, "usb-hub", NULL);
    devices[2] = usb_rig_device(f->r, "usb-kbd", NULL);
    devices[3] = usb_rig_device(f->r, "usb-mouse", "port=2.1");
    devices[4] = usb_rig_device(f->r, "usb-tablet", "port=2.2");
    devices[6] = usb_rig_device(f->r, "usb-uas", "port=4");
    drive_rig_new(f->r, "d1", 4096, false);
    rig_device(f->r, "scsi-hd", "drive=d1,lun=0");
    devices[5] = usb_rig_device(f->r, "usb-bot", "port=2.3");
    for (unsigned i = 0; i < 100000; i++) {
        struct usb_device *d = devices[g_rand_int_range(rand, 0, 7)];
        size_t len =
            (size_t)(g_rand_int(rand) % 8 ? g_rand_int(rand) % 600 : g_rand_int(rand) % 70000);
        unsigned token = g_rand_int(rand) % 3, ep = token == USB_SETUP ? 0 : g_rand_int(rand) % 3;

        for (unsigned k = 0; k < 40; k++) {
            b[k] = (uint8_t)(g_rand_int(rand) & g_rand_int(rand));
        }
        if (token == USB_SETUP) {
            static const uint8_t types[] = { 0x80, 0x00, 0x81, 0xa1, 0x21,
                                             0xa0, 0x23, 0xa3, 0x01, 0x02 };

            len = 8;
            b[0] = types[g_rand_int(rand) % sizeof(types)];
            b[1] &= 0x0f;
            b[7] &= 3;
        } else if (ep == 2 && g_rand_int(rand) % 2) {
            len = 31;
            memcpy(b, "USBC", 4);
            b[10] &= 1;
            b[11] = b[13] = 0;
            b[14] = 16;
            b[15] = (uint8_t)(g_rand_int(rand) % 2 ? 0x28 : g_rand_int(rand));
        }
        if (d == devices[6] && token != USB_SETUP) { /* tags are streams */
            static const uint8_t codes[] = { 0, 3, 0x12, 0x28, 0x2a, 0x42, 0x55, 0xa0 };

            ep = token == USB_IN ? 2 + g_rand_int(rand) % 2 : g_rand_int(rand) % 2 ? 1 : 4;
            len = ep == 1 ? 32 : len + 1;
            b[0] = g_rand_int(rand) % 8 ? 1 : 5;
            b[2] = 0;
            b[3] &= 0x0f;
            b[8] = b[9] = 0;
            b[16] = codes[g_rand_int(rand) % sizeof(codes)];
            b[18] = b[19] = b[20] = b[23] = 0;
            on_stream(d, (enum usb_token)token, ep, g_rand_int(rand) % 16, b, len, NULL);
        } else {
            usb_rig_packet(d, (enum usb_token)token, ep, b, len, NULL);
        }
        if (i % 64 == 0) {
            memset(d->halted, 0, sizeof(d->halted));
            d->config = 1;
            input_key(f->r->m, (uint16_t)(g_rand_int(rand) % 0x60), i & 64);
            input_move(f->r->m, (int)(g_rand_int(rand) % 4000) - 2000, 3, 1);
            rig_poll(f->r);
        }
        if (i % 1024 == 0) {
            rig_check_state(f->r, &d->dev);
        }
    }
    g_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name, fn) g_test_add("/usb/" name, struct usb_test, NULL, set_up, fn, tear_down)
    TEST("descriptors", descriptors_are_whole);
    TEST("serial-number", the_serial_number_is_the_property);
    TEST("other-speed", a_high_speed_device_knows_the_other_speed);
    TEST("standard-requests", standard_requests);
    TEST("small-packets", a_transfer_in_small_packets);
    TEST("too-much-data", more_data_than_promised_stalls);
    TEST("hid/keys", each_key_is_a_report);
    TEST("hid/lost-keys", keys_that_nobody_reads_are_lost);
    TEST("hid/first-poll", input_comes_with_the_first_poll);
    TEST("hid/mouse", motion_adds_up_and_is_cut);
    TEST("hid/tablet", a_tablet_tells_places);
    TEST("hid/idle", an_idle_rate_repeats_reports);
    TEST("hub/ports", a_hub_tells_of_its_ports);
    TEST("hub/goes", a_hub_takes_its_devices_with_it);
    TEST("hub/last-port", the_last_port_gets_a_hub);
    TEST("hub/fast-last-port", a_fast_device_takes_the_last_port);
    TEST("hub/bad-places", bad_places_are_refused);
    TEST("storage/data", a_stick_reads_and_writes);
    TEST("storage/less", less_data_than_wanted);
    TEST("storage/broken-rules", hosts_that_break_the_rules);
    TEST("serial", a_serial_adapter_passes_bytes);
    TEST("uas/commands", uas_commands_overtake_each_other);
    TEST("uas/tasks", uas_tasks_and_mistakes);
    TEST("random", packets_at_random);
    return g_test_run();
}
