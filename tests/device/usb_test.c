/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/usb_test.c: USB devices by single packets: descriptors, requests, a serial adapter.
 */
#include "tests/device/char_rig.h"
#include "tests/device/usb_rig.h"

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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    USB_TEST("descriptors", descriptors_are_whole);
    USB_TEST("serial-number", the_serial_number_is_the_property);
    USB_TEST("other-speed", a_high_speed_device_knows_the_other_speed);
    USB_TEST("standard-requests", standard_requests);
    USB_TEST("small-packets", a_transfer_in_small_packets);
    USB_TEST("too-much-data", more_data_than_promised_stalls);
    USB_TEST("serial", a_serial_adapter_passes_bytes);
    return g_test_run();
}
