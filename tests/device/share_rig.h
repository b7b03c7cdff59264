/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/share_rig.h: a device with a shared folder on the rig, and a server without a device, for many messages.
 * Thread: the test's.
 */
#ifndef TESTS_DEVICE_SHARE_RIG_H
#define TESTS_DEVICE_SHARE_RIG_H

#include <stdlib.h>
#include <unistd.h>
#include "fsdev/pack.h"
#include "fsdev/tree.h"
#include "hw/fs/worker.h"
#include "tests/device/virtio_rig.h"
#include "util/text.h"

#define SHARE_OUT   0x300000u /* a request, */
#define SHARE_IN    0x500000u /* and its answer */
#define SHARE_ROOM  0x10000u
#define SHARE_QUEUE 16u

struct share_rig {
    struct virtio_rig f;
    char *dir, *share;
    struct fsdev *dev;
    uint8_t request[SHARE_ROOM];
    uint8_t answer[SHARE_ROOM];
    struct pack_out out; /* into request */
    struct pack_in in;   /* from answer */
};

static inline void share_rig_machine(struct share_rig *s, const char *options)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    g_autoptr(GPtrArray) opts = NULL;

    virtio_rig_machine(&s->f);
    virtio_rig_iothread(
        &s->f); /* answers come without a turn of the main loop: see virtio_rig_wait */
    s->dir = g_dir_make_tmp("rhea-share-XXXXXX", NULL);
    s->share = g_build_filename(s->dir, "share", NULL);
    g_assert_cmpint(g_mkdir_with_parents(s->share, 0755), ==, 0);
    text = g_strdup_printf("local,id=f,path=%s,%s", s->share, options);
    opts = parse_options(text, "fsdriver");
    s->dev = fsdev_new(s->f.r->m, opts, &error);
    g_assert_no_error(error);
}

static inline void share_rig_tear_down(struct share_rig *s)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", s->dir);

    virtio_rig_tear_down(&s->f);
    g_assert_cmpint(system(command), ==, 0);
    g_free(s->dir);
    g_free(s->share);
    g_free(s);
}

static inline void share_rig_put(struct share_rig *s, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(s->dir, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

/* What is in s->request goes to queue q of the device, and the answer comes. */
static inline size_t share_rig_send(struct share_rig *s, unsigned q, size_t room)
{
    size_t size = (size_t)(s->out.p - s->request);
    const struct rig_buffer b[] = { { SHARE_OUT, (uint32_t)size, false },
                                    { SHARE_IN, (uint32_t)room, true } };
    size_t got;

    rig_write(s->f.r, SHARE_OUT, s->request, size);
    got = virtio_rig_run(&s->f, q, b, room ? 2 : 1);
    g_assert_cmpuint(got, <=, room);
    rig_read(s->f.r, SHARE_IN, s->answer, got);
    s->in = (struct pack_in){ s->answer, s->answer + got, false };
    return got;
}

/* Bytes of a request of ours, some of them others, to a server; it must live. */
static inline void share_rig_damage(GRand *rand, const struct worker_ops *ops, void *server,
                                    const uint8_t *request, size_t size)
{
    static uint8_t answer[1 << 17];
    size_t room = (size_t)g_rand_int_range(rand, 0, 8) ? sizeof(answer)
                                                       : (size_t)g_rand_int_range(rand, 0, 200);
    size_t cut =
        g_rand_int_range(rand, 0, 8) ? size : (size_t)g_rand_int_range(rand, 0, (gint)size + 1);
    g_autofree uint8_t *copy = g_memdup2(request, size);
    size_t got;

    for (int n = g_rand_int_range(rand, 0, 4); n > 0 && size; n--) {
        copy[g_rand_int_range(rand, 0, (gint)size)] =
            (uint8_t)(g_rand_boolean(rand) ? g_rand_int(rand) % 12 : g_rand_int(rand));
    }
    copy = g_realloc(copy, cut); /* so that a sanitizer sees what is read behind it */
    got = ops->serve(server, copy, cut, answer, room);
    g_assert_cmpuint(got, <=, room);
}

#endif
