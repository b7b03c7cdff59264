/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/usb_hid_test.c: USB keyboards, mice, tablets and hubs by single packets.
 */
#include "tests/device/usb_rig.h"
#include "ui/input.h"

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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    USB_TEST("hid/keys", each_key_is_a_report);
    USB_TEST("hid/lost-keys", keys_that_nobody_reads_are_lost);
    USB_TEST("hid/first-poll", input_comes_with_the_first_poll);
    USB_TEST("hid/mouse", motion_adds_up_and_is_cut);
    USB_TEST("hid/tablet", a_tablet_tells_places);
    USB_TEST("hid/idle", an_idle_rate_repeats_reports);
    USB_TEST("hub/ports", a_hub_tells_of_its_ports);
    USB_TEST("hub/goes", a_hub_takes_its_devices_with_it);
    USB_TEST("hub/last-port", the_last_port_gets_a_hub);
    USB_TEST("hub/fast-last-port", a_fast_device_takes_the_last_port);
    USB_TEST("hub/bad-places", bad_places_are_refused);
    return g_test_run();
}
