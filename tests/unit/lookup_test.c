/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/lookup_test.c: names of hosts while a guest runs: whoever names one goes on at once, and so does the
 * main loop. The C library's getaddrinfo is replaced: "slow.test" has no address before the test says so, and it is a
 * failure to ask for it on the main loop's thread.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include "softmmu/lookup.h"
#include "tests/unit/chardev_rig.h"
#include "tests/unit/net_rig.h"

static struct {
    GMutex lock;
    GCond opened;
    bool open;
    unsigned answered;
    GThread *loop;
} names;

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **list)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    bool slow = host && g_str_has_suffix(host, ".test") && !(hints->ai_flags & AI_NUMERICHOST);
    int why;

    if (!real) {
        *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    }
    if (!slow) {
        return real(host, port, hints, list);
    }
    g_assert_true(g_thread_self() != names.loop);
    g_mutex_lock(&names.lock);
    while (!names.open) {
        g_cond_wait(&names.opened, &names.lock);
    }
    g_mutex_unlock(&names.lock);
    why = strcmp(host, "slow.test") == 0 ? real("127.0.0.1", port, hints, list) : EAI_NONAME;
    g_mutex_lock(&names.lock);
    names.answered++;
    g_mutex_unlock(&names.lock);
    return why;
}

static void set_open(bool open)
{
    g_mutex_lock(&names.lock);
    names.open = open;
    g_cond_broadcast(&names.opened);
    g_mutex_unlock(&names.lock);
}

static void begin(struct fixture *f, gconstpointer data)
{
    set_up(f, data);
    names.loop = g_thread_self();
    set_open(false);
    names.answered = 0;
    machine_reset(f->m); /* what it is after its start */
}

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

static unsigned free_port(int type)
{
    struct sockaddr_in sa = { .sin_family = AF_INET };
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET, type, 0);

    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), ==, 0);
    getsockname(fd, (struct sockaddr *)&sa, &len);
    close(fd);
    return ntohs(sa.sin_port);
}

static void assert_joined(struct fixture *f)
{
    net_send(&f->a.client, frame, sizeof(frame));
    WAIT_FOR(f, f->b.frames == 1);
    net_send(&f->b.client, frame, sizeof(frame));
    WAIT_FOR(f, f->a.frames == 1);
}

static void a_stream_at_a_name(struct fixture *f, gconstpointer data)
{
    unsigned port = free_port(SOCK_STREAM);
    g_autofree char *server = g_strdup_printf("socket,id=s,listen=slow.test:%u", port);
    g_autofree char *client = g_strdup_printf(
        "stream,id=c,reconnect=1,addr.type=inet,addr.host=slow.test,addr.port=%u", port);
    struct net_client *s = netdev(f, server), *c;

    (void)data;
    g_assert_cmpstr(s->info, ==, "looking up slow.test");
    net_plug(&f->a.client, s, NULL);
    net_send(&f->a.client, frame, sizeof(frame)); /* to nobody */
    set_open(true);
    WAIT_FOR(f, g_str_has_prefix(s->info, "wait from 127.0.0.1:"));
    c = netdev(f, client);
    net_plug(&f->b.client, c, NULL);
    WAIT_FOR(f, g_str_has_prefix(s->info, "connection from") &&
                    g_str_has_prefix(c->info, "connect to slow.test:"));
    assert_joined(f);
}

static void datagrams_between_names(struct fixture *f, gconstpointer data)
{
    unsigned p = free_port(SOCK_DGRAM), q = free_port(SOCK_DGRAM);
    g_autofree char *one =
        g_strdup_printf("socket,id=x,udp=slow.test:%u,localaddr=slow.test:%u", q, p);
    g_autofree char *two =
        g_strdup_printf("dgram,id=y,local.type=inet,local.host=slow.test,local.port=%u,"
                        "remote.type=inet,remote.host=slow.test,remote.port=%u",
                        q, p);
    struct net_client *y;

    (void)data;
    net_plug(&f->a.client, netdev(f, one), NULL);
    y = netdev(f, two);
    net_plug(&f->b.client, y, NULL);
    net_send(&f->a.client, frame, sizeof(frame));
    g_assert_cmpstr(y->info, ==, "looking up names");
    set_open(true);
    WAIT_FOR(f, names.answered == 4 && g_str_has_prefix(y->info, "udp=127.0.0.1:"));
    for (unsigned i = 0; i < 20; i++) { /* the other one may not have begun yet */
        machine_iterate(f->m, false);
        g_usleep(1000);
    }
    assert_joined(f);
}

static struct chardev *make_chardev(struct fixture *f, const char *text)
{
    g_autoptr(GPtrArray) opts = parse_options(text, "backend");
    g_autoptr(GError) error = NULL;
    struct chardev *c = chardev_new_options(f->m, options_get(opts, "backend"), "c", opts, &error);

    g_assert_no_error(error);
    return c;
}

static void a_chardev_listens_at_a_name(struct fixture *f, gconstpointer data)
{
    struct sockaddr_in to = { .sin_family = AF_INET };
    unsigned port = free_port(SOCK_STREAM);
    g_autofree char *text =
        g_strdup_printf("socket,id=c,host=slow.test,port=%u,server=on,wait=off", port);
    struct chardev *c = make_chardev(f, text);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)data;
    g_assert_true(g_str_has_prefix(chardev_filename(c), "disconnected:tcp:slow.test:"));
    set_open(true);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)port);
    WAIT_FOR(f, connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    WAIT_FOR(f, chardev_is_open(c));
    close(fd);
    chardev_free(c);
}

static void a_chardev_sends_datagrams_to_a_name(struct fixture *f, gconstpointer data)
{
    struct sockaddr_in sa = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unsigned port = free_port(SOCK_DGRAM);
    g_autofree char *text =
        g_strdup_printf("udp,id=c,host=slow.test,port=%u,localaddr=slow.test", port);
    struct recorder rec;
    struct chardev *c;
    socklen_t len = sizeof(sa);
    char buf[8];

    (void)data;
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sa.sin_port = htons((uint16_t)port);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), ==, 0);
    recorder_init(&rec);
    c = make_chardev(f, text);
    recorder_attach(&rec, c, NULL);
    g_assert_cmpuint(chardev_write(c, "lost", 4), ==, 4);
    set_open(true);
    WAIT_FOR(f, chardev_write(c, "found", 5) == 5 &&
                    recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&sa, &len) == 5);
    g_assert_cmpint(sendto(fd, "back", 4, 0, (struct sockaddr *)&sa, len), ==, 4);
    WAIT_FOR(f, strcmp(rec.got->str, "back") == 0);
    chardev_free(c);
    recorder_clear(&rec);
    close(fd);
}

/* A name without an address is told, and nothing else happens. */
static void a_name_that_nobody_has(struct fixture *f, gconstpointer data)
{
    static const char *const texts[] = {
        "socket,id=0,listen=gone.test:0",
        "socket,id=1,udp=127.0.0.1:1,localaddr=gone.test:0",
        "socket,id=2,connect=gone.test:1",
        "dgram,id=3,local.type=inet,local.host=127.0.0.1,remote.type=inet,remote.host=gone.test,"
        "remote.port=1",
    };
    struct net_client *c[G_N_ELEMENTS(texts)];

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        c[i] = netdev(f, texts[i]);
    }
    set_open(true);
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        WAIT_FOR(f, strcmp(c[i]->info, "disconnected") == 0);
    }
}

/* What goes amid its look-up leaves nothing behind, and the answer finds nobody. */
static void gone_before_the_answer(struct fixture *f, gconstpointer data)
{
    static const char *const texts[] = {
        "socket,id=x,listen=slow.test:0",
        "socket,id=x,udp=127.0.0.1:1,localaddr=slow.test:0",
        "socket,id=x,connect=slow.test:1",
    };

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        netdev(f, texts[i]);
        g_assert_true(netdev_remove(f->m, "x", NULL));
    }
    set_open(true);
    WAIT_FOR(f, names.answered == G_N_ELEMENTS(texts));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add("/lookup/" name, struct fixture, NULL, begin, fn, tear_down)
    ADD("stream", a_stream_at_a_name);
    ADD("datagrams", datagrams_between_names);
    ADD("chardev: a server", a_chardev_listens_at_a_name);
    ADD("chardev: datagrams", a_chardev_sends_datagrams_to_a_name);
    ADD("nobody", a_name_that_nobody_has);
    ADD("gone", gone_before_the_answer);
    return g_test_run();
}
