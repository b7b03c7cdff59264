/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frames of -netdev tap, whose descriptors are sockets here: they keep frames apart as the kernel's do.
 * Thread: the test's.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include "net/tap.h"
#include "tests/unit/net_rig.h"

#define QUEUES 3u
#define HEADER 12u

struct tap_fixture {
    struct fixture f;
    int ends[QUEUES]; /* the kernel's */
};

static void set_up_tap(struct tap_fixture *t, gconstpointer data)
{
    int fds[QUEUES];

    set_up(&t->f, data);
    for (unsigned i = 0; i < QUEUES; i++) {
        int pair[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), ==, 0);
        fds[i] = pair[0];
        t->ends[i] = pair[1];
    }
    g_assert_true(
        net_plug(&t->f.a.client, tap_new(t->f.m, "t", fds, QUEUES, HEADER, "tap", NULL), NULL));
}

static void tear_down_tap(struct tap_fixture *t, gconstpointer data)
{
    for (unsigned i = 0; i < QUEUES; i++) {
        close(t->ends[i]);
    }
    tear_down(&t->f, data);
}

/* A frame of the card's; its first byte of data is a number. */
static void send_by(struct tap_fixture *t, unsigned queue, uint8_t number)
{
    uint8_t copy[sizeof(frame)];

    memcpy(copy, frame, sizeof(frame));
    copy[NET_FRAME_MIN] = number;
    t->f.a.client.sends_by = queue;
    net_send(&t->f.a.client, copy, sizeof(copy));
}

/* The number of the next frame that the kernel has from a queue; -1: none. */
static int next_of(struct tap_fixture *t, unsigned queue)
{
    uint8_t got[128];
    ssize_t n = read(t->ends[queue], got, sizeof(got));

    if (n < 0) {
        g_assert_cmpint(errno, ==, EAGAIN);
        return -1;
    }
    g_assert_cmpint(n, ==, HEADER + sizeof(frame));
    return got[HEADER + NET_FRAME_MIN];
}

static void each_pair_has_its_queue(struct tap_fixture *t, gconstpointer data)
{
    (void)data;
    for (uint8_t i = 0; i < 2 * QUEUES; i++) { /* a pair without a queue shares another's */
        send_by(t, i, i);
    }
    for (unsigned i = 0; i < QUEUES; i++) {
        g_assert_cmpint(next_of(t, i), ==, (int)i);
        g_assert_cmpint(next_of(t, i), ==, (int)(i + QUEUES));
        g_assert_cmpint(next_of(t, i), ==, -1);
    }
}

static void what_waits_keeps_its_queue(struct tap_fixture *t, gconstpointer data)
{
    unsigned full = 0;

    (void)data;
    while (g_queue_is_empty(&t->f.a.client.peer->queue)) {
        send_by(t, 1, (uint8_t)full++);
        g_assert_cmpuint(full, <, 100000);
    }
    send_by(t, 2, 7); /* behind it, on another queue */
    g_assert_cmpint(next_of(t, 2), ==, -1);
    for (unsigned i = 0; i < full; i++) {
        g_assert_cmpint(next_of(t, 1), ==, (int)(i & 0xff));
        machine_iterate(t->f.m, false);
    }
    g_assert_cmpint(next_of(t, 1), ==, -1);
    g_assert_cmpint(next_of(t, 2), ==, 7);
    g_assert_cmpint(next_of(t, 0), ==, -1);
}

static void all_queues_are_read(struct tap_fixture *t, gconstpointer data)
{
    uint8_t packet[HEADER + sizeof(frame)] = { 0 };

    (void)data;
    memcpy(packet + HEADER, frame, sizeof(frame));
    for (unsigned i = 0; i < QUEUES; i++) {
        g_assert_cmpint(write(t->ends[i], packet, sizeof(packet)), ==, sizeof(packet));
        machine_iterate(t->f.m, false);
        g_assert_cmpuint(t->f.a.frames, ==, i + 1);
        g_assert_cmpmem(t->f.a.last, t->f.a.len, frame, sizeof(frame));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn)                                                                              \
    g_test_add("/tap/" name, struct tap_fixture, NULL, set_up_tap, fn, tear_down_tap)
    ADD("each pair has its queue", each_pair_has_its_queue);
    ADD("what waits keeps its queue", what_waits_keeps_its_queue);
    ADD("all queues are read", all_queues_are_read);
    return g_test_run();
}
