/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cables that leave the program: -netdev socket, stream and dgram. Thread: the test's. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "tests/unit/net_rig.h"

/* The main loop's turns until a condition holds, at most 20 s. */
#define WAIT_FOR(f, condition)                                                                     \
    do {                                                                                           \
        gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;                                 \
        while (!(condition)) {                                                                     \
            g_assert_cmpint(g_get_monotonic_time(), <, end);                                       \
            machine_iterate((f)->m, false);                                                        \
            g_usleep(200);                                                                         \
        }                                                                                          \
    } while (0)

static void turns(struct fixture *f, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        machine_iterate(f->m, false);
    }
}

/* The port that a listener says it has: "wait from 127.0.0.1:PORT". */
static unsigned port_of(const struct net_client *c)
{
    const char *colon = strrchr(c->info, ':');

    g_assert_true(g_str_has_prefix(c->info, "wait from "));
    return (unsigned)strtoul(colon + 1, NULL, 10);
}

/* From a to b, and back. */
static void assert_joined(struct fixture *f)
{
    unsigned to_b = f->b.frames, to_a = f->a.frames;

    net_send(&f->a.client, frame, sizeof(frame));
    WAIT_FOR(f, f->b.frames == to_b + 1);
    g_assert_cmpmem(f->b.last, f->b.len, frame, sizeof(frame));
    net_send(&f->b.client, frame, 42);
    WAIT_FOR(f, f->a.frames == to_a + 1);
    g_assert_cmpuint(f->a.len, ==, 42);
}

/* "%u" of `connect` is the port of `listen`. */
static struct net_client *join(struct fixture *f, const char *listen, const char *connect)
{
    struct net_client *server = netdev(f, listen), *client;
    g_auto(GStrv) parts = g_strsplit(connect, "PORT", 2);
    g_autofree char *text = parts[1]
                                ? g_strdup_printf("%s%u%s", parts[0], port_of(server), parts[1])
                                : g_strdup(connect);

    client = netdev(f, text);
    net_plug(&f->a.client, server, NULL);
    net_plug(&f->b.client, client, NULL);
    WAIT_FOR(f, g_str_has_prefix(server->info, "connection from") &&
                    g_str_has_prefix(client->info, "connect to"));
    return server;
}

static void a_listener_and_a_connection(struct fixture *f, gconstpointer data)
{
    (void)data;
    join(f, "socket,id=s,listen=127.0.0.1:0", "socket,id=c,connect=127.0.0.1:PORT");
    assert_joined(f);
}

static void a_stream_of_ipv6(struct fixture *f, gconstpointer data)
{
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    bool have = fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;

    (void)data;
    close(fd);
    if (!have) {
        g_test_skip("this host has no ::1");
        return;
    }
    join(f, "stream,id=s,server=on,addr.type=inet,addr.host=::1,addr.port=0",
         "stream,id=c,addr.type=inet,addr.host=::1,addr.port=PORT");
    assert_joined(f);
}

static void a_unix_socket_goes_with_its_listener(struct fixture *f, gconstpointer data)
{
    g_autofree char *folder = g_dir_make_tmp("rhea-net-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "s", NULL);
    g_autofree char *server =
        g_strdup_printf("stream,id=s,server=on,addr.type=unix,addr.path=%s", path);
    g_autofree char *client = g_strdup_printf("stream,id=c,addr.type=unix,addr.path=%s", path);

    (void)data;
    join(f, server, client);
    assert_joined(f);
    net_unplug(&f->a.client);
    g_assert_true(netdev_remove(f->m, "s", NULL));
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_rmdir(folder);
}

/* A client that is there first, and is still there when the server comes back. */
static void a_client_reconnects(struct fixture *f, gconstpointer data)
{
    static const char server[] =
        "stream,id=s,server=on,addr.type=unix,addr.abstract=on,addr.path=rhea-net-test-%d";
    g_autofree char *server_text = g_strdup_printf(server, getpid());
    g_autofree char *client_text = g_strdup_printf(
        "stream,id=c,reconnect=1,addr.type=unix,addr.abstract=on,addr.path=rhea-net-test-%d",
        getpid());
    struct net_client *client = netdev(f, client_text);

    (void)data;
    net_plug(&f->b.client, client, NULL);
    net_send(&f->b.client, frame, sizeof(frame)); /* to nobody */
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpstr(client->info, ==, "disconnected");
        net_plug(&f->a.client, netdev(f, server_text), NULL);
        WAIT_FOR(f, g_str_has_prefix(client->info, "connect to unix:"));
        assert_joined(f);
        net_unplug(&f->a.client);
        g_assert_true(netdev_remove(f->m, "s", NULL));
        WAIT_FOR(f, strcmp(client->info, "disconnected") == 0);
    }
}

static int dial(unsigned port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&to, sizeof(to)), ==, 0);
    return fd;
}

static void put(int fd, const void *data, size_t n)
{
    g_assert_cmpint(send(fd, data, n, MSG_NOSIGNAL), ==, (ssize_t)n);
}

static void put_length(int fd, uint32_t len)
{
    len = htonl(len);
    put(fd, &len, sizeof(len));
}

/* Whole frames come out of any pieces; what is too short is dropped, what is too long ends the connection. */
static void a_peer_is_not_trusted(struct fixture *f, gconstpointer data)
{
    struct net_client *c = netdev(f, "socket,id=s,listen=127.0.0.1:0");
    unsigned port = port_of(c);
    int fd = dial(port);
    uint8_t byte;

    (void)data;
    net_plug(&f->a.client, c, NULL);
    put_length(fd, 0);
    put_length(fd, 13);
    put(fd, frame, 13);
    put_length(fd, sizeof(frame));
    for (unsigned i = 0; i < sizeof(frame); i++) {
        put(fd, frame + i, 1);
        turns(f, 2);
    }
    WAIT_FOR(f, f->a.frames == 1);
    g_assert_cmpmem(f->a.last, f->a.len, frame, sizeof(frame));
    put_length(fd, NET_FRAME_MAX + 1);
    WAIT_FOR(f, recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET);
    close(fd);
    g_assert_cmpuint(port_of(c), ==, port); /* it waits for the next one */
    fd = dial(port);
    put_length(fd, sizeof(frame));
    put(fd, frame, sizeof(frame));
    WAIT_FOR(f, f->a.frames == 2);
    close(fd);
}

/* Neither a peer that does not read nor a card that is full makes anything grow. */
static void nothing_grows_without_bound(struct fixture *f, gconstpointer data)
{
    struct net_client *c = netdev(f, "socket,id=s,listen=127.0.0.1:0");
    int fd = dial(port_of(c));
    uint8_t big[8192] = { 1 };
    unsigned sent = 0;

    (void)data;
    net_plug(&f->a.client, c, NULL);
    WAIT_FOR(f, g_str_has_prefix(c->info, "connection from"));
    for (unsigned i = 0; i < 5000; i++) {
        net_send(&f->a.client, big, sizeof(big));
    }
    g_assert_cmpuint(c->queue.length, ==, NET_QUEUE_FRAMES);
    f->a.full = true;
    put_length(fd, sizeof(frame));
    for (; send(fd, frame, sizeof(frame), MSG_DONTWAIT) == sizeof(frame) && sent < 200000; sent++) {
        uint32_t len = htonl(sizeof(frame));

        turns(f, 1);
        if (send(fd, &len, sizeof(len), MSG_DONTWAIT) != sizeof(len)) {
            break;
        }
    }
    g_assert_cmpuint(sent, <, 200000); /* held back */
    g_assert_cmpuint(f->a.client.queue.length, <=, NET_QUEUE_FRAMES);
    g_assert_cmpuint(f->a.client.dropped, ==, 0);
    f->a.full = false;
    net_ready(&f->a.client);
    WAIT_FOR(f, f->a.frames + 1 >= sent);
    close(fd);
}

static void descriptors_are_taken(struct fixture *f, gconstpointer data)
{
    int type = GPOINTER_TO_INT(data), fds[2];
    g_autofree char *one = NULL, *two = NULL;

    g_assert_cmpint(socketpair(AF_UNIX, type, 0, fds), ==, 0);
    one = g_strdup_printf("socket,id=x,fd=%d", fds[0]);
    two = type == SOCK_STREAM ? g_strdup_printf("stream,id=y,addr.type=fd,addr.str=%d", fds[1])
                              : g_strdup_printf("dgram,id=y,local.type=fd,local.str=%d", fds[1]);
    net_plug(&f->a.client, netdev(f, one), NULL);
    net_plug(&f->b.client, netdev(f, two), NULL);
    assert_joined(f);
}

static unsigned free_udp_port(void)
{
    struct sockaddr_in sa = { .sin_family = AF_INET };
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), ==, 0);
    getsockname(fd, (struct sockaddr *)&sa, &len);
    close(fd);
    return ntohs(sa.sin_port);
}

/* Between two ports; a third one is not heard. */
static void datagrams_of_the_peer_alone(struct fixture *f, gconstpointer data)
{
    unsigned p = free_udp_port(), q = free_udp_port();
    g_autofree char *one =
        g_strdup_printf("socket,id=x,udp=127.0.0.1:%u,localaddr=127.0.0.1:%u", q, p);
    g_autofree char *two =
        g_strdup_printf("dgram,id=y,local.type=inet,local.host=127.0.0.1,local.port=%u,"
                        "remote.type=inet,remote.host=127.0.0.1,remote.port=%u",
                        q, p);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)p) };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    (void)data;
    net_plug(&f->a.client, netdev(f, one), NULL);
    net_send(&f->a.client, frame, sizeof(frame)); /* nobody is there: an error that is forgotten */
    turns(f, 3);
    net_plug(&f->b.client, netdev(f, two), NULL);
    assert_joined(f);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    f->a.frames = 0;
    g_assert_cmpint(sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)), ==,
                    sizeof(frame));
    turns(f, 20);
    g_assert_cmpuint(f->a.frames, ==, 0);
    assert_joined(f);
    close(fd);
}

static void unix_datagrams(struct fixture *f, gconstpointer data)
{
    g_autofree char *folder = g_dir_make_tmp("rhea-net-XXXXXX", NULL);
    g_autofree char *one = g_strdup_printf(
        "dgram,id=x,local.type=unix,local.path=%s/x,remote.type=unix,remote.path=%s/y", folder,
        folder);
    g_autofree char *two = g_strdup_printf(
        "dgram,id=y,local.type=unix,local.path=%s/y,remote.type=unix,remote.path=%s/x", folder,
        folder);

    (void)data;
    net_plug(&f->a.client, netdev(f, one), NULL);
    net_plug(&f->b.client, netdev(f, two), NULL);
    assert_joined(f);
    net_unplug(&f->a.client);
    net_unplug(&f->b.client);
    netdev_remove(f->m, "x", NULL);
    netdev_remove(f->m, "y", NULL);
    g_assert_cmpint(g_rmdir(folder), ==, 0); /* the sockets have gone */
}

/* Each member hears the others, not itself. */
static void members_of_a_group(struct fixture *f, gconstpointer data)
{
    unsigned port = free_udp_port();
    g_autofree char *one =
        g_strdup_printf("socket,id=x,mcast=230.0.0.1:%u,localaddr=127.0.0.1", port);
    g_autofree char *two =
        g_strdup_printf("dgram,id=y,remote.type=inet,remote.host=230.0.0.1,remote.port=%u,"
                        "local.type=inet,local.host=127.0.0.1",
                        port);
    struct net_client *member = netdev(f, one);

    (void)data;
    g_assert_true(g_str_has_prefix(member->info, "socket: mcast=230.0.0.1:"));
    net_plug(&f->a.client, member, NULL);
    net_plug(&f->b.client, netdev(f, two), NULL);
    assert_joined(f);
    turns(f, 20);
    g_assert_cmpuint(f->a.frames, ==, 1);
    g_assert_cmpuint(f->b.frames, ==, 1);
}

static void options_are_checked(struct fixture *f, gconstpointer data)
{
    static const char *const rows[][2] = {
        { "socket,id=s", "exactly one of" },
        { "socket,id=s,listen=:1,connect=:2", "exclude each other" },
        { "socket,id=s,listen=1234", "HOST:PORT" },
        { "socket,id=s,listen=127.0.0.1:70000", "PORT 0 to 65535" },
        { "socket,id=s,connect=127.0.0.1:1", "Failed to connect to '127.0.0.1:1'" },
        { "socket,id=s,listen=:0,localaddr=127.0.0.1", "localaddr= is for" },
        { "socket,id=s,udp=127.0.0.1:1", "localaddr= must be given" },
        { "socket,id=s,mcast=10.0.0.1:1", "must be a multicast address" },
        { "socket,id=s,mcast=230.0.0.1:1,localaddr=lo", "address of an interface" },
        { "socket,id=s,fd=999", "File descriptor '999' is not a socket" },
        { "socket,id=s,fd=1", "from 3 on" },
        { "stream,id=s", "addr.type is '', must be inet, unix or fd" },
        { "stream,id=s,addr.type=inet,addr.port=1", "addr.host is missing" },
        { "stream,id=s,addr.type=inet,addr.host=a,addr.port=x", "addr.port is 'x'" },
        { "stream,id=s,addr.type=unix,addr.path=", "must have 1 to 107 bytes" },
        { "stream,id=s,addr.type=unix,addr.path=/nowhere/s", "Failed to connect to '/nowhere/s'" },
        { "stream,id=s,server=on,addr.type=unix,addr.path=/nowhere/s",
          "Failed to bind socket to /now" },
        { "stream,id=s,addr.type=unix,addr.path=/x,reconnect=-1", "must be 0 to 86400 seconds" },
        { "stream,id=s,server=on,reconnect=1,addr.type=unix,addr.path=/x", "is for server=off" },
        { "stream,id=s,addr.type=inet,addr.host=a,addr.port=1,addr.mptcp=on", "not supported" },
        { "stream,id=s,addr.type=inet,addr.host=a,addr.ipv4=maybe", "must be on or off" },
        { "stream,id=s,addr.type=inet,addr.host=a,colour=red", "no property 'colour'" },
        { "tap,id=s,fd=999", "file descriptor 999 is not a tap interface" },
        { "tap,id=s,fd=x", "must be the number of a file descriptor" },
        { "tap,id=s,fd=7,ifname=x", "fd= and ifname= exclude each other" },
        { "tap,id=s,ifname=abcdefghijklmnop", "must have 1 to 15 bytes" },
        { "tap,id=s,queues=17", "must be 1 to 16" },
        { "vhost-user,id=s", "use tap, or stream with passt" },
        { "vhost-vdpa,id=s", "it is not supported; use tap" },
        { "vde,id=s", "use socket, stream or dgram" },
        { "tap,id=s,vhostfd=7", "vhost is not supported" },
        { "tap,id=s,poll-us=x", "poll-us is 'x', must be 0 to 4294967295" },
        { "tap,id=s,vhost=on", "use vhost=off" },
        { "tap,id=s,sndbuf=x", "must be 0 to 2147483647 bytes" },
        { "tap,id=s,helper=/nowhere/helper", "/nowhere/helper" },
        { "bridge,id=s,helper=/bin/false", "ended with status 1 and gave no interface" },
        { "dgram,id=s", "local.type is missing" },
        { "dgram,id=s,local.type=inet,local.host=,remote.type=unix,remote.path=/x",
          "must be the same" },
        { "dgram,id=s,remote.type=fd,remote.str=7", "must be inet or unix" },
    };

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_refused(f, rows[i][0], rows[i][1]);
        g_assert_null(net_find(f->m, "s"));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn, data) g_test_add("/net/" name, struct fixture, data, set_up, fn, tear_down)
    ADD("socket: a listener and a connection", a_listener_and_a_connection, NULL);
    ADD("stream: IPv6", a_stream_of_ipv6, NULL);
    ADD("stream: a unix socket", a_unix_socket_goes_with_its_listener, NULL);
    ADD("stream: reconnect", a_client_reconnects, NULL);
    ADD("socket: a peer is not trusted", a_peer_is_not_trusted, NULL);
    ADD("socket: nothing grows", nothing_grows_without_bound, NULL);
    ADD("stream: descriptors", descriptors_are_taken, GINT_TO_POINTER(SOCK_STREAM));
    ADD("dgram: descriptors", descriptors_are_taken, GINT_TO_POINTER(SOCK_DGRAM));
    ADD("dgram: the peer alone is heard", datagrams_of_the_peer_alone, NULL);
    ADD("dgram: unix sockets", unix_datagrams, NULL);
    ADD("dgram: a group", members_of_a_group, NULL);
    ADD("socket: options are checked", options_are_checked, NULL);
    return g_test_run();
}
