/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/net_l2tpv3_test.c: -netdev l2tpv3: bytes on the wire, what is dropped, options. Thread: the test's. */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/unit/net_rig.h"

/* The test's end of the tunnel, and where the client's is. */
struct wire {
    int fd;
    struct sockaddr_in own, client;
};

static int bound_socket(struct sockaddr_in *sa)
{
    socklen_t len = sizeof(*sa);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    *sa = (struct sockaddr_in){ .sin_family = AF_INET };
    sa->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    g_assert_cmpint(bind(fd, (struct sockaddr *)sa, sizeof(*sa)), ==, 0);
    getsockname(fd, (struct sockaddr *)sa, &len);
    return fd;
}

static void wire_init(struct wire *w, struct fixture *f, const char *options)
{
    g_autofree char *text = NULL;

    close(bound_socket(&w->client)); /* a free port */
    w->fd = bound_socket(&w->own);
    text =
        g_strdup_printf("l2tpv3,id=t,udp=on,src=127.0.0.1,srcport=%u,dst=127.0.0.1,dstport=%u,%s",
                        ntohs(w->client.sin_port), ntohs(w->own.sin_port), options);
    net_plug(&f->a.client, netdev(f, text), NULL);
}

static void wire_clear(struct wire *w, struct fixture *f)
{
    net_unplug(&f->a.client);
    g_assert_true(netdev_remove(f->m, "t", NULL));
    close(w->fd);
}

static void assert_sent(struct wire *w, struct fixture *f, const uint8_t *head, size_t n)
{
    uint8_t buf[256], want[256];

    memcpy(want, head, n);
    memcpy(want + n, frame, sizeof(frame));
    net_send(&f->a.client, frame, sizeof(frame));
    g_assert_cmpmem(want, n + sizeof(frame), buf, recv(w->fd, buf, sizeof(buf), 0));
}

static void turns(struct fixture *f)
{
    for (unsigned i = 0; i < 20; i++) {
        machine_iterate(f->m, false);
        g_usleep(500);
    }
}

static void put(struct wire *w, const uint8_t *head, size_t n, size_t frame_bytes)
{
    uint8_t buf[256];

    memcpy(buf, head, n);
    memcpy(buf + n, frame, frame_bytes);
    g_assert_cmpint(
        sendto(w->fd, buf, n + frame_bytes, 0, (struct sockaddr *)&w->client, sizeof(w->client)),
        ==, (gssize)(n + frame_bytes));
}

static void assert_comes(struct wire *w, struct fixture *f, const uint8_t *head, size_t n)
{
    unsigned before = f->a.frames;

    put(w, head, n, sizeof(frame));
    turns(f);
    g_assert_cmpuint(f->a.frames, ==, before + 1);
    g_assert_cmpmem(f->a.last, f->a.len, frame, sizeof(frame));
}

static void assert_dropped(struct wire *w, struct fixture *f, const uint8_t *head, size_t n)
{
    unsigned before = f->a.frames;

    put(w, head, n, sizeof(frame));
    turns(f);
    g_assert_cmpuint(f->a.frames, ==, before);
}

/* RFC 3931, figure 4.1.2.1: flags and version, reserved, session. */
static void sessions_alone(struct fixture *f, gconstpointer data)
{
    static const uint8_t out[] = { 0, 3, 0, 0, 0xff, 0xff, 0xff, 0xfe };
    static const uint8_t in[] = { 0, 3, 0, 0, 0, 0, 0, 9 };
    struct wire w;

    (void)data;
    wire_init(&w, f, "txsession=0xfffffffe,rxsession=9");
    assert_sent(&w, f, out, sizeof(out));
    assert_sent(&w, f, out, sizeof(out));
    assert_comes(&w, f, in, sizeof(in));
    assert_dropped(&w, f, out, sizeof(out)); /* another session */
    put(&w, in, 4, 0);                       /* too short for one */
    put(&w, in, 0, 0);
    put(&w, in, sizeof(in), 5); /* no frame */
    turns(f);
    g_assert_cmpuint(f->a.frames, ==, 1);
    wire_clear(&w, f);
}

static void all_parts(struct fixture *f, gconstpointer data)
{
    static const uint8_t out[] = { 0, 3, 0, 0,    0, 0, 0, 7, 1, 2, 3, 4, 5,
                                   6, 7, 8, 0x40, 0, 0, 1, 0, 0, 0, 0, 0 };
    static const uint8_t in[] = { 0, 3, 0, 0, 0, 0, 0, 7, 0x11, 2, 3, 4, 5,
                                  6, 7, 8, 0, 0, 0, 0, 9, 9,    9, 9, 9 };
    uint8_t second[sizeof(out)], wrong[sizeof(in)];
    struct wire w;

    (void)data;
    wire_init(
        &w, f,
        "txsession=7,cookie64=on,txcookie=0x102030405060708,rxcookie=0x1102030405060708,counter=on,"
        "offset=5");
    assert_sent(&w, f, out, sizeof(out));
    memcpy(second, out, sizeof(out));
    second[19] = 2;
    assert_sent(&w, f, second, sizeof(second));
    assert_comes(&w, f, in, sizeof(in));
    for (unsigned i = 4; i < 16; i++) { /* each byte of session and cookie counts */
        memcpy(wrong, in, sizeof(in));
        wrong[i] ^= 0x80;
        assert_dropped(&w, f, wrong, sizeof(wrong));
    }
    wire_clear(&w, f);
}

static void a_narrow_cookie_and_a_pinned_counter(struct fixture *f, gconstpointer data)
{
    static const uint8_t out[] = { 0, 3, 0, 0, 0, 0, 0, 1, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0 };
    static const uint8_t in[] = { 0, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5, 0x40, 0, 9, 9 };
    struct wire w;

    (void)data;
    wire_init(&w, f, "txsession=1,txcookie=0xdeadbeef,rxcookie=5,pincounter=on");
    assert_sent(&w, f, out, sizeof(out));
    assert_sent(&w, f, out, sizeof(out));
    assert_comes(&w, f, in, sizeof(in));
    wire_clear(&w, f);
}

static void another_sender_is_not_heard(struct fixture *f, gconstpointer data)
{
    static const uint8_t in[] = { 0, 3, 0, 0, 0, 0, 0, 1 };
    struct sockaddr_in sa;
    struct wire w, other;

    (void)data;
    wire_init(&w, f, "txsession=1");
    other = w;
    other.fd = bound_socket(&sa);
    assert_dropped(&other, f, in, sizeof(in));
    assert_comes(&w, f, in, sizeof(in));
    close(other.fd);
    wire_clear(&w, f);
}

/* Two ends right over IP. Both hear both on the loopback interface: sessions tell them apart. */
static void over_ip(struct fixture *f, gconstpointer data)
{
    static const char *const ends[][2] = { { "127.0.0.1", "127.0.0.2" }, { "::1", "::1" } };
    bool v6 = GPOINTER_TO_INT(data);
    const char *const *end = ends[v6];
    g_autofree char *one = g_strdup_printf("l2tpv3,id=x,src=%s,dst=%s,txsession=1,rxsession=2%s",
                                           end[0], end[1], v6 ? ",ipv6=on" : ",counter=on");
    g_autofree char *two = g_strdup_printf("l2tpv3,id=y,src=%s,dst=%s,txsession=2,rxsession=1%s",
                                           end[1], end[0], v6 ? ",ipv6=on" : ",counter=on");
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW, 115);
    struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    bool have = fd >= 0 && (!v6 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);

    if (fd >= 0) {
        close(fd);
    }
    if (!have) {
        g_test_skip("this user has no raw sockets, or the host has no ::1");
        return;
    }
    net_plug(&f->a.client, netdev(f, one), NULL);
    net_plug(&f->b.client, netdev(f, two), NULL);
    net_send(&f->a.client, frame, sizeof(frame));
    net_send(&f->b.client, frame, 42);
    turns(f);
    g_assert_cmpmem(f->b.last, f->b.len, frame, sizeof(frame));
    g_assert_cmpmem(f->a.last, f->a.len, frame, 42);
    g_assert_cmpuint(f->a.frames + f->b.frames, ==, 2);
}

static void options_are_checked(struct fixture *f, gconstpointer data)
{
    static const char *const rows[][2] = {
        { "l2tpv3,id=t,src=a,dst=b", "txsession= is missing" },
        { "l2tpv3,id=t,dst=b,txsession=1", "src= is missing" },
        { "l2tpv3,id=t,src=a,txsession=1", "dst= is missing" },
        { "l2tpv3,id=t,src=127.0.0.1,dst=127.0.0.1,txsession=1,udp=on", "srcport= is missing" },
        { "l2tpv3,id=t,src=127.0.0.1,dst=127.0.0.1,txsession=1,udp=on,srcport=1,dstport=x",
          "dstport is 'x', must be 0 to 65535" },
        { "l2tpv3,id=t,src=a,dst=b,txsession=4294967296", "must be 0 to 4294967295" },
        { "l2tpv3,id=t,src=a,dst=b,txsession=1,txcookie=1", "must be given together" },
        { "l2tpv3,id=t,src=a,dst=b,txsession=1,txcookie=4294967296,rxcookie=1",
          "txcookie is '4294967296', must be 0 to 4294967295" },
        { "l2tpv3,id=t,src=a,dst=b,txsession=1,offset=1025",
          "offset is '1025', must be 0 to 1024" },
        { "l2tpv3,id=t,src=a,dst=b,txsession=1,counter=perhaps", "must be on or off" },
        { "l2tpv3,id=t,src=192.0.2.1,dst=192.0.2.2,txsession=1,udp=on,srcport=1,dstport=1",
          "cannot be at src '192.0.2.1'" },
        { "l2tpv3,id=t,colour=red", "no property 'colour'" },
    };

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_refused(f, rows[i][0], rows[i][1]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn, data) g_test_add("/l2tpv3/" name, struct fixture, data, set_up, fn, tear_down)
    ADD("sessions", sessions_alone, NULL);
    ADD("cookie64, counter, offset", all_parts, NULL);
    ADD("cookie, pincounter", a_narrow_cookie_and_a_pinned_counter, NULL);
    ADD("the peer alone is heard", another_sender_is_not_heard, NULL);
    ADD("over IPv4", over_ip, GINT_TO_POINTER(false));
    ADD("over IPv6", over_ip, GINT_TO_POINTER(true));
    ADD("options", options_are_checked, NULL);
    return g_test_run();
}
