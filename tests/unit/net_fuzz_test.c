/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What comes from peers, by lot: lengths, frames and noise to -netdev socket, dgram and l2tpv3.
 * RHEA_FUZZ_STEPS and RHEA_FUZZ_SEED as for the devices' fuzzer. Thread: the test's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/unit/net_rig.h"

#define STEPS_DEFAULT 20000u

static unsigned number_of(const char *variable, unsigned otherwise)
{
    const char *text = g_getenv(variable);

    return text ? (unsigned)strtoul(text, NULL, 0) : otherwise;
}

static GRand *dice(void)
{
    unsigned seed = number_of("RHEA_FUZZ_SEED", 1);

    g_test_message("RHEA_FUZZ_SEED=%u", seed);
    return g_rand_new_with_seed(seed);
}

static size_t noise(GRand *r, uint8_t *buf, size_t most)
{
    size_t n = (size_t)g_rand_int_range(r, 0, (gint32)most + 1);

    for (size_t i = 0; i < n; i++) {
        buf[i] = (uint8_t)g_rand_int(r);
    }
    return n;
}

/* A length that is right, wrong by little, or anything; then some bytes. */
static size_t message(GRand *r, uint8_t *buf, size_t most)
{
    size_t n = noise(r, buf + 4, most - 4);
    uint32_t len = (uint32_t)n;

    switch (g_rand_int_range(r, 0, 12)) {
    case 0:
        len = g_rand_int(r);
        break;
    case 1:
        len = NET_FRAME_MAX + (uint32_t)g_rand_int_range(r, -2, 3);
        break;
    case 2:
        len += (uint32_t)g_rand_int_range(r, -20, 20);
        break;
    default:
        break;
    }
    len = htonl(len);
    memcpy(buf, &len, 4);
    return n + 4;
}

/* One end is ours; when the other has closed it, the next one begins. */
static void streams(struct fixture *f, gconstpointer data)
{
    unsigned steps = number_of("RHEA_FUZZ_STEPS", STEPS_DEFAULT), connections = 0;
    struct sockaddr_in to = { .sin_family = AF_INET };
    struct net_client *c = netdev(f, "socket,id=s,listen=127.0.0.1:0");
    GRand *r = dice();
    uint8_t buf[3000];
    int fd = -1;

    (void)data;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)strtoul(strrchr(c->info, ':') + 1, NULL, 10));
    net_plug(&f->a.client, c, NULL);
    for (unsigned i = 0; i < steps; i++) {
        size_t n = message(r, buf, sizeof(buf));

        if (fd < 0) {
            fd = socket(AF_INET, SOCK_STREAM, 0);
            g_assert_cmpint(connect(fd, (struct sockaddr *)&to, sizeof(to)), ==, 0);
            connections++;
        }
        if (send(fd, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN) {
            close(fd);
            fd = -1;
        }
        f->a.full = g_rand_int_range(r, 0, 4) == 0;
        if (!f->a.full) {
            net_ready(&f->a.client);
        }
        net_send(&f->a.client, buf, n);
        machine_iterate(f->m, false);
        g_assert_cmpuint(f->a.client.queue.length, <=, NET_QUEUE_FRAMES);
    }
    g_assert_cmpuint(connections, >, steps / 1000); /* it does end those that cannot be followed */
    g_assert_cmpuint(f->a.frames, >, 0);
    if (fd >= 0) {
        close(fd);
    }
    g_rand_free(r);
}

static void datagrams(struct fixture *f, gconstpointer data)
{
    unsigned steps = number_of("RHEA_FUZZ_STEPS", STEPS_DEFAULT);
    g_autofree char *text = NULL;
    GRand *r = dice();
    uint8_t buf[3000];
    int fds[2];

    (void)data;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), ==, 0);
    text = g_strdup_printf("dgram,id=d,local.type=fd,local.str=%d", fds[0]);
    net_plug(&f->a.client, netdev(f, text), NULL);
    for (unsigned i = 0; i < steps; i++) {
        send(fds[1], buf, noise(r, buf, sizeof(buf)), MSG_DONTWAIT);
        f->a.full = g_rand_int_range(r, 0, 4) == 0;
        if (!f->a.full) {
            net_ready(&f->a.client);
        }
        machine_iterate(f->m, false);
        g_assert_cmpuint(f->a.client.queue.length, <=, NET_QUEUE_FRAMES);
    }
    g_assert_cmpuint(f->a.frames, >, 0);
    close(fds[1]);
    g_rand_free(r);
}

/* Half of the datagrams begin as they should, and end anywhere. */
static void tunnels(struct fixture *f, gconstpointer data)
{
    static const uint8_t head[] = { 0, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0x40, 0, 0, 1, 0, 0, 0 };
    unsigned steps = number_of("RHEA_FUZZ_STEPS", STEPS_DEFAULT);
    struct sockaddr_in own = { .sin_family = AF_INET }, to = own;
    int fd = socket(AF_INET, SOCK_DGRAM, 0), other = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t len = sizeof(own);
    g_autofree char *text = NULL;
    GRand *r = dice();
    uint8_t buf[3000];

    (void)data;
    own.sin_addr.s_addr = to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&own, sizeof(own)), ==, 0);
    g_assert_cmpint(bind(other, (struct sockaddr *)&to, sizeof(to)), ==, 0);
    getsockname(fd, (struct sockaddr *)&own, &len);
    getsockname(other, (struct sockaddr *)&to, &len);
    close(other);
    text = g_strdup_printf("l2tpv3,id=t,udp=on,src=127.0.0.1,srcport=%u,dst=127.0.0.1,dstport=%u,"
                           "txsession=1,txcookie=2,rxcookie=2,counter=on,offset=3",
                           ntohs(to.sin_port), ntohs(own.sin_port));
    net_plug(&f->a.client, netdev(f, text), NULL);
    for (unsigned i = 0; i < steps; i++) {
        size_t n = noise(r, buf, g_rand_int_range(r, 0, 4) ? 100 : sizeof(buf));

        if (g_rand_boolean(r)) {
            memcpy(buf, head, sizeof(head));
        }
        sendto(fd, buf, n, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
        net_send(&f->a.client, buf, n);
        recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
        machine_iterate(f->m, false);
    }
    g_assert_cmpuint(f->a.frames, >, steps / 10);
    close(fd);
    g_rand_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/net/fuzz: streams", struct fixture, NULL, set_up, streams, tear_down);
    g_test_add("/net/fuzz: datagrams", struct fixture, NULL, set_up, datagrams, tear_down);
    g_test_add("/net/fuzz: tunnels", struct fixture, NULL, set_up, tunnels, tear_down);
    return g_test_run();
}
