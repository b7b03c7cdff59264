/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/usb_storage_test.c: USB storage by single packets: bulk-only and UAS; packets at random for all devices.
 */
#include "tests/device/drive_rig.h"
#include "tests/device/fuzz.h"
#include "tests/device/usb_rig.h"
#include "ui/input.h"

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
    USB_TEST("storage/data", a_stick_reads_and_writes);
    USB_TEST("storage/less", less_data_than_wanted);
    USB_TEST("storage/broken-rules", hosts_that_break_the_rules);
    USB_TEST("uas/commands", uas_commands_overtake_each_other);
    USB_TEST("uas/tasks", uas_tasks_and_mistakes);
    USB_TEST("random", packets_at_random);
    return g_test_run();
}
