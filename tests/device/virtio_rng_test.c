/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/virtio_rng_test.c: where entropy comes from, and how much of it there is. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "monitor/objects.h"
#include "tests/device/char_rig.h"
#include "tests/device/virtio_rig.h"
#include "util/random.h"

#define BUF 0x200000u
#define LEN 16u

static void set_up(struct virtio_rig *f, const char *object, const char *props)
{
    g_autoptr(GError) error = NULL;

    virtio_rig_machine(f);
    if (object) {
        object_add(f->r->m, object, &error);
        g_assert_no_error(error);
    }
    virtio_rig_set_up_on(f, rig_device(f->r, "virtio-rng-pci", props));
    virtio_rig_start(f, VIRTIO_RIG_BASIC, 1, 8);
}

/* Another buffer of LEN bytes, and the driver's word about it. */
static void give(struct virtio_rig *f, unsigned i)
{
    struct rig_buffer b = { BUF + i * 0x1000, LEN, true };

    virtio_rig_add(f, 0, &b, 1, false);
    virtio_rig_kick(f, 0);
}

static void expect_used(struct virtio_rig *f, unsigned i, const char *bytes)
{
    unsigned id;
    uint32_t len;
    char got[LEN + 1] = "";

    g_assert_true(virtio_rig_used(f, 0, &id, &len));
    g_assert_cmpuint(len, ==, strlen(bytes));
    rig_read(f->r, BUF + i * 0x1000, got, len);
    g_assert_cmpstr(got, ==, bytes);
}

static void expect_none(struct virtio_rig *f)
{
    unsigned id;
    uint32_t len;

    g_assert_false(virtio_rig_used(f, 0, &id, &len));
}

/* A named pipe: what is written into it, when it is. */
static void bytes_of_a_file(void)
{
    struct virtio_rig f;
    g_autofree char *dir = g_dir_make_tmp("rhea-rng-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "f", NULL);
    g_autofree char *object = g_strdup_printf("rng-random,id=r,filename=%s", path);
    int fd;

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    fd = open(path, O_RDWR | O_NONBLOCK);
    set_up(&f, object, "rng=r");
    give(&f, 0);
    give(&f, 1);
    rig_poll(f.r);
    expect_none(&f);
    g_assert_cmpint(write(fd, "abc", 3), ==, 3);
    rig_poll(f.r);
    expect_used(&f, 0, "abc");
    expect_none(&f);
    rig_check_state(f.r, virtio_rig_device(&f)->dev);
    g_assert_cmpint(write(fd, "0123456789abcdefXY", 18), ==, 18);
    rig_poll(f.r);
    expect_used(&f, 1, "0123456789abcdef");
    give(&f, 2);
    expect_used(&f, 2, "XY");
    virtio_rig_tear_down(&f);
    close(fd);
    g_unlink(path);
    g_rmdir(dir);
}

/* A daemon is asked for what is wanted, and for no more until that is there. */
static void bytes_of_a_daemon(void)
{
    struct virtio_rig f;
    struct char_rig *c;
    g_autoptr(GError) error = NULL;

    virtio_rig_machine(&f);
    c = char_rig_new(f.r->m, "c0");
    object_add(f.r->m, "rng-egd,id=r,chardev=c0", &error);
    g_assert_no_error(error);
    virtio_rig_set_up_on(&f, rig_device(f.r, "virtio-rng-pci", "rng=r"));
    virtio_rig_start(&f, VIRTIO_RIG_BASIC, 1, 8);
    g_assert_cmpuint(char_rig_send(c, "early"), ==, 0);
    give(&f, 0);
    give(&f, 1);
    g_assert_cmpuint(c->len, ==, 2);
    g_assert_cmpint(c->text[0], ==, 2);
    g_assert_cmpint(c->text[1], ==, LEN);
    g_assert_cmpuint(char_rig_send(c, "0123456789abcdefXY"), ==, LEN);
    expect_used(&f, 0, "0123456789abcdef");
    g_assert_cmpuint(c->len, ==, 4); /* the next */
    g_assert_cmpuint(char_rig_send(c, "short"), ==, 5);
    expect_used(&f, 1, "short");
    g_assert_cmpuint(char_rig_send(c, "0123456789abcdef"), ==, 11); /* kept */
    give(&f, 2);
    expect_used(&f, 2, "0123456789a");
    g_assert_false(object_delete(f.r->m, "r", &error));
    g_assert_nonnull(strstr(error->message, "in use"));
    virtio_rig_tear_down(&f);
}

static void max_bytes_in_a_period(void)
{
    struct virtio_rig f;
    unsigned id;
    uint32_t len;

    set_up(&f, "rng-builtin,id=r", "rng=r,max-bytes=20,period=100");
    give(&f, 0);
    give(&f, 1);
    give(&f, 2);
    g_assert_true(virtio_rig_used(&f, 0, &id, &len));
    g_assert_cmpuint(len, ==, 16);
    g_assert_true(virtio_rig_used(&f, 0, &id, &len));
    g_assert_cmpuint(len, ==, 4);
    expect_none(&f);
    rig_check_state(f.r, virtio_rig_device(&f)->dev);
    rig_step(f.r, 99 * MS);
    expect_none(&f);
    rig_step(f.r, 2 * MS);
    g_assert_true(virtio_rig_used(&f, 0, &id, &len));
    g_assert_cmpuint(len, ==, 16);
    virtio_rig_tear_down(&f);
}

/* With a seed both sources of its kind say the same. */
static void builtin_follows_the_seed(void)
{
    static const char *const props[] = { "rng=r", NULL };
    char got[2][LEN];

    for (unsigned i = 0; i < 2; i++) {
        struct virtio_rig f;
        unsigned id;
        uint32_t len;

        guest_random_seed(5);
        set_up(&f, "rng-builtin,id=r", props[i]);
        give(&f, 0);
        g_assert_true(virtio_rig_used(&f, 0, &id, &len));
        rig_read(f.r, BUF, got[i], LEN);
        virtio_rig_tear_down(&f);
    }
    g_assert_cmpmem(got[0], LEN, got[1], LEN);
}

static void mistakes_are_named(void)
{
    static const struct {
        const char *object, *says;
    } objects[] = {
        { "rng-random,id=r,filename=/nonexistent", "Could not open '/nonexistent'" },
        { "rng-egd,id=r", "must be the id of a -chardev" },
        { "rng-egd,id=r,chardev=c", "Device 'c' not found" },
        { "rng-builtin,id=r,filename=x", "does not support the option 'filename'" },
    };
    static const struct {
        const char *props, *says;
    } devices[] = {
        { "rng=r", "there is no -object rng-... with id 'r'" },
        { "period=0", "'period' parameter expects a positive integer" },
        { "max-bytes=0x8000000000000000", "'max-bytes' parameter" },
    };
    struct virtio_rig f;

    virtio_rig_machine(&f);
    for (unsigned i = 0; i < G_N_ELEMENTS(objects); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(object_add(f.r->m, objects[i].object, &error));
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, objects[i].says));
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(devices); i++) {
        g_autofree char *why =
            rig_device_error(f.r, device_type_find("virtio-rng-pci"), devices[i].props);

        g_test_message("%s", why);
        g_assert_nonnull(strstr(why, devices[i].says));
    }
    rig_free(f.r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-rng/file", bytes_of_a_file);
    g_test_add_func("/virtio-rng/egd", bytes_of_a_daemon);
    g_test_add_func("/virtio-rng/max-bytes", max_bytes_in_a_period);
    g_test_add_func("/virtio-rng/mistakes", mistakes_are_named);
    g_test_add_func("/virtio-rng/seed", builtin_follows_the_seed);
    return g_test_run();
}
