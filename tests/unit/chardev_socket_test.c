/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/chardev_socket_test.c: -chardev socket: the test is at the other end of the connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "chardev/backend.h"
#include "tests/unit/chardev_rig.h"

struct fixture {
    struct machine *m;
    char *dir, *path;
    struct recorder rec;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->m = machine_new();
    machine_lock(f->m);
    f->dir = g_dir_make_tmp("rhea-socket-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "s", NULL);
    recorder_init(&f->rec);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    machine_free(f->m);
    g_unlink(f->path);
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    recorder_clear(&f->rec);
    g_free(f->dir);
    g_free(f->path);
}

static struct chardev *open_chardev(struct fixture *f, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
static struct chardev *open_chardev(struct fixture *f, const char *fmt, ...)
{
    g_autofree char *spec = NULL;
    GError *error = NULL;
    struct chardev *c;
    va_list ap;

    va_start(ap, fmt);
    spec = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    c = chardev_new(f->m, "c", spec, &error);
    g_assert_no_error(error);
    g_assert_true(recorder_attach(&f->rec, c, NULL));
    return c;
}

static int unix_socket(const char *path, bool listens)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(sa.sun_path, path, sizeof(sa.sun_path));
    if (listens) {
        g_assert_cmpint(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), ==, 0);
        g_assert_cmpint(listen(fd, 1), ==, 0);
    } else {
        g_assert_cmpint(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), ==, 0);
    }
    return fd;
}

/* The port of "...:PORT..." after `prefix` in the chardev's file name. */
static uint16_t port_of(struct chardev *c, const char *prefix)
{
    const char *name = chardev_filename(c);

    g_assert_true(g_str_has_prefix(name, prefix));
    return (uint16_t)g_ascii_strtoull(name + strlen(prefix), NULL, 10);
}

static int tcp_connect(uint16_t port)
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), ==, 0);
    return fd;
}

static void put(struct fixture *f, int fd, const char *bytes, size_t n)
{
    g_assert_cmpint(write(fd, bytes, n), ==, (gssize)n);
    settle(f->m);
}

/* Turns the loop until `events` or `got` has that length: TCP takes its time. */
static void wait_len(struct fixture *f, GString *s, size_t len)
{
    while (s->len < len) {
        machine_iterate(f->m, true);
    }
}

static void assert_reads(int fd, const char *bytes, size_t n)
{
    char buf[256];
    size_t got = 0;

    while (got < n) {
        ssize_t k = recv(fd, buf + got, n - got, 0);

        g_assert_cmpint(k, >, 0);
        got += (size_t)k;
    }
    g_assert_cmpmem(buf, got, bytes, n);
}

static void assert_quiet(int fd)
{
    char byte;

    g_assert_cmpint(recv(fd, &byte, 1, MSG_DONTWAIT), ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);
}

static void a_server_takes_one_after_the_other(struct fixture *f, gconstpointer data)
{
    struct chardev *c = open_chardev(f, "unix:%s,server,nowait", f->path);
    g_autofree char *off = g_strdup_printf("disconnected:unix:%s,server=on", f->path);
    struct stat st;
    int fd, second;

    (void)data;
    g_assert_cmpstr(chardev_filename(c), ==, off);
    g_assert_cmpstr(f->rec.events->str, ==, "");
    g_assert_cmpuint(chardev_write(c, "lost", 4), ==, 4);
    settle(f->m);
    fd = unix_socket(f->path, false);
    settle(f->m);
    g_assert_cmpstr(chardev_filename(c), ==, off + strlen("disconnected:"));
    g_assert_true(chardev_is_open(c));
    g_assert_cmpstr(f->rec.events->str, ==, "o");
    put(f, fd, "in", 2);
    chardev_write(c, "out", 3);
    assert_reads(fd, "out", 3);
    second = unix_socket(f->path, false);
    put(f, second, "later", 5);
    g_assert_cmpstr(f->rec.got->str, ==, "in");
    close(fd);
    settle(f->m);
    g_assert_cmpstr(f->rec.got->str, ==, "inlater");
    g_assert_cmpstr(f->rec.events->str, ==, "oco");
    close(second);
    settle(f->m);
    g_assert_cmpstr(chardev_filename(c), ==, off);
    g_assert_false(chardev_is_open(c));
    chardev_free(c);
    g_assert_cmpint(stat(f->path, &st), ==, -1);
}

/* A reader that is gone must end neither the process nor the guest's output. */
static void output_to_nobody_is_dropped(struct fixture *f, gconstpointer data)
{
    struct chardev *c = open_chardev(f, "unix:%s,server=on,wait=off", f->path);
    g_autofree char *text = g_strnfill(65536, 'x');
    int fd = unix_socket(f->path, false);

    (void)data;
    settle(f->m);
    close(fd);
    for (int i = 0; i < 100; i++) {
        g_assert_cmpuint(chardev_write(c, text, 65536), ==, 65536);
    }
    settle(f->m);
    fd = unix_socket(f->path, false);
    settle(f->m);
    chardev_write(c, "new", 3);
    assert_reads(fd, "new", 3); /* and nothing of the old */
    close(fd);
    settle(f->m);
}

/* Nor must one that never reads fill the memory. */
static void output_is_bounded(struct fixture *f, gconstpointer data)
{
    struct chardev *c = open_chardev(f, "unix:%s,server=on,wait=off", f->path);
    g_autofree char *text = g_strnfill(65536, 'x');
    int fd = unix_socket(f->path, false);
    size_t taken = 0;

    (void)data;
    settle(f->m);
    for (int i = 0; i < 100; i++) {
        taken += chardev_write(c, text, 65536);
    }
    g_assert_cmpuint(taken, <, 100 * 65536);
    g_assert_cmpuint(c->queue->len, <=, CHARDEV_QUEUE_MAX);
    close(fd);
    settle(f->m);
    g_assert_cmpuint(c->queue->len, ==, 0);
}

static void input_survives_the_sender(struct fixture *f, gconstpointer data)
{
    struct chardev *c = open_chardev(f, "unix:%s,server=on,wait=off", f->path);
    int fd = unix_socket(f->path, false);

    (void)data;
    settle(f->m);
    f->rec.room = 2;
    put(f, fd, "abcdef", 6);
    close(fd);
    settle(f->m); /* the loop rests although the other end is gone */
    g_assert_cmpstr(f->rec.got->str, ==, "ab");
    f->rec.room = 100;
    chardev_accept_input(c);
    settle(f->m);
    g_assert_cmpstr(f->rec.got->str, ==, "abcdef");
    g_assert_cmpstr(f->rec.events->str, ==, "oc");
}

/* A guest that does not read must not lock out the next one. */
static void the_next_one_replaces_who_left(struct fixture *f, gconstpointer data)
{
    struct chardev *c = open_chardev(f, "unix:%s,server=on,wait=off", f->path);
    int fd = unix_socket(f->path, false);

    (void)data;
    settle(f->m);
    f->rec.room = 2;
    put(f, fd, "abcdef", 6);
    close(fd);
    settle(f->m);
    fd = unix_socket(f->path, false);
    put(f, fd, "new", 3);
    g_assert_cmpstr(f->rec.events->str, ==, "oco");
    f->rec.room = 100;
    chardev_accept_input(c);
    settle(f->m);
    g_assert_cmpstr(f->rec.got->str, ==, "abnew");
    close(fd);
}

static void the_end_is_seen_without_room(struct fixture *f, gconstpointer data)
{
    int fd;

    (void)data;
    open_chardev(f, "unix:%s,server=on,wait=off", f->path);
    fd = unix_socket(f->path, false);
    settle(f->m);
    f->rec.room = 1;
    put(f, fd, "x", 1);
    close(fd);
    settle(f->m);
    g_assert_cmpstr(f->rec.events->str, ==, "oc");
}

static void tcp_names_both_ends(struct fixture *f, gconstpointer data)
{
    struct chardev *c = open_chardev(f, "tcp:127.0.0.1:0,server=on,wait=off,nodelay=on");
    uint16_t port = port_of(c, "disconnected:tcp:127.0.0.1:");
    g_autofree char *on = g_strdup_printf("tcp:127.0.0.1:%u,server=on <-> 127.0.0.1:", port);
    int fd = tcp_connect(port);

    (void)data;
    wait_len(f, f->rec.events, 1);
    g_assert_true(g_str_has_prefix(chardev_filename(c), on));
    put(f, fd, "tcp", 3);
    wait_len(f, f->rec.got, 3);
    g_assert_cmpstr(f->rec.got->str, ==, "tcp");
    close(fd);
    wait_len(f, f->rec.events, 2);
    g_assert_cmpstr(f->rec.events->str, ==, "oc");
}

static void a_range_of_ports(struct fixture *f, gconstpointer data)
{
    struct chardev *a = open_chardev(f, "tcp:127.0.0.1:0,server=on,wait=off"), *b;
    unsigned port = port_of(a, "disconnected:tcp:127.0.0.1:");
    g_autofree char *spec = NULL;

    (void)data;
    if (port > 65000) {
        g_test_skip("the host gave a port at the end of the range");
        return;
    }
    spec =
        g_strdup_printf("socket,host=127.0.0.1,port=%u,to=%u,server=on,wait=off", port, port + 100);
    b = chardev_new(f->m, "b", spec, NULL);
    g_assert_nonnull(b);
    g_assert_cmpuint(port_of(b, "disconnected:tcp:127.0.0.1:"), >, port);
}

static void a_client_connects_at_the_start(struct fixture *f, gconstpointer data)
{
    int listener = unix_socket(f->path, true), fd;
    struct chardev *c = open_chardev(f, "unix:%s", f->path);

    (void)data;
    g_assert_cmpstr(f->rec.events->str, ==, "o");
    chardev_write(c, "first", 5);
    fd = accept(listener, NULL, NULL);
    assert_reads(fd, "first", 5);
    close(fd);
    close(listener);
    settle(f->m);
    g_assert_cmpstr(f->rec.events->str, ==, "oc");
}

static void a_client_comes_again(struct fixture *f, gconstpointer data)
{
    struct chardev *c = open_chardev(f, "socket,path=%s,reconnect=1", f->path);
    int listener, fd;

    (void)data;
    settle(f->m);
    g_assert_false(chardev_is_open(c)); /* nobody is there: no mistake */
    listener = unix_socket(f->path, true);
    wait_len(f, f->rec.events, 1);
    fd = accept(listener, NULL, NULL);
    put(f, fd, "x", 1);
    close(fd);
    wait_len(f, f->rec.events, 3);
    g_assert_cmpstr(f->rec.events->str, ==, "oco");
    g_assert_cmpstr(f->rec.got->str, ==, "x");
    close(listener);
}

static void descriptors_are_inherited(struct fixture *f, gconstpointer data)
{
    int pair[2], listener = unix_socket(f->path, true), fd;
    struct chardev *c;
    struct stat st;

    (void)data;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    c = open_chardev(f, "socket,fd=%d", pair[0]);
    g_assert_cmpstr(chardev_filename(c), ==, "unix:");
    put(f, pair[1], "pair", 4);
    chardev_detach(c, &f->rec);
    chardev_free(c);
    close(pair[1]);
    c = open_chardev(f, "socket,fd=%d,server=on,wait=off", listener);
    fd = unix_socket(f->path, false);
    put(f, fd, "served", 6);
    g_assert_cmpstr(f->rec.got->str, ==, "pairserved");
    g_assert_true(g_str_has_suffix(chardev_filename(c), "/s,server=on"));
    close(fd);
    chardev_free(c);
    g_assert_cmpint(stat(f->path, &st), ==, 0); /* it is whose it was */
}

static void names_may_be_abstract(struct fixture *f, gconstpointer data)
{
    struct chardev *c = open_chardev(f, "socket,path=%s,abstract=on,server=on,wait=off", f->path);
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    size_t n = strlen(f->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)data;
    g_assert_true(g_str_has_suffix(chardev_filename(c), ",abstract=on,tight=on,server=on"));
    memcpy(sa.sun_path + 1, f->path, n);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&sa,
                            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)),
                    ==, 0);
    settle(f->m);
    g_assert_cmpstr(f->rec.events->str, ==, "o");
    close(fd);
}

/* One message with descriptors; they stay the caller's. */
static void send_fds(int fd, const char *text, const int *fds, size_t n)
{
    char control[CMSG_SPACE(sizeof(int) * 64)] = { 0 };
    struct iovec iov = { (char *)text, strlen(text) };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = CMSG_SPACE(sizeof(int) * n) };
    struct cmsghdr *h = CMSG_FIRSTHDR(&msg);

    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int) * n);
    memcpy(CMSG_DATA(h), fds, sizeof(int) * n);
    g_assert_cmpint(sendmsg(fd, &msg, 0), ==, (gssize)strlen(text));
}

static unsigned open_fds(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    unsigned n = 0;

    while (g_dir_read_name(dir)) {
        n++;
    }
    return n;
}

static void descriptors_come_with_the_bytes(struct fixture *f, gconstpointer data)
{
    struct chardev *c = open_chardev(f, "mon:unix:%s,server=on,wait=off", f->path);
    int fd = unix_socket(f->path, false), got, many[40];
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    unsigned before;
    struct stat a, b;

    (void)data;
    settle(f->m);
    before = open_fds();
    g_assert_cmpint(chardev_take_fd(c), ==, -1);
    g_assert_cmpint(fstat(null, &a), ==, 0);
    send_fds(fd, "one", &null, 1);
    settle(f->m);
    g_assert_cmpstr(f->rec.got->str, ==, "one");
    got = chardev_take_fd(c);
    g_assert_cmpint(fstat(got, &b), ==, 0);
    g_assert_cmpuint(a.st_ino, ==, b.st_ino);
    g_assert_cmpint(fcntl(got, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
    close(got);
    g_assert_cmpint(chardev_take_fd(c), ==, -1);
    /* What is not taken is closed, and so is what nobody keeps. */
    for (int i = 0; i < 40; i++) {
        many[i] = null;
    }
    send_fds(fd, "many", many, 40);
    send_fds(fd, "more", many, 3);
    settle(f->m);
    g_assert_cmpuint(open_fds(), ==, before + 3);
    close(fd);
    settle(f->m);
    g_assert_cmpuint(open_fds(), ==, before - 2);
    close(null);
}

static void telnet_talks_as_it_must(struct fixture *f, gconstpointer data)
{
    static const char greeting[] = "\xff\xfb\x01\xff\xfb\x03\xff\xfb\x00\xff\xfd\x00";
    struct chardev *c = open_chardev(f, "telnet:127.0.0.1:0,server=on,wait=off");
    int fd = tcp_connect(port_of(c, "disconnected:telnet:127.0.0.1:"));

    (void)data;
    wait_len(f, f->rec.events, 1);
    assert_reads(fd, greeting, sizeof(greeting) - 1);
    g_assert_true(g_str_has_prefix(chardev_filename(c), "telnet:127.0.0.1:"));
    put(f, fd, "a\xff\xfd\x03", 4); /* DO: nobody argues */
    put(f, fd, "\xff", 1);          /* a command in two parts */
    put(f, fd, "\xff\r\0b\xff\xf3", 6);
    put(f, fd, "\xff\xfa\x18\x00vt100\xff\xff\xff\xf0", 13);
    put(f, fd, "\xff\xfb\x00\r\0c", 6); /* binary from here on */
    wait_len(f, f->rec.got, 7);
    g_assert_cmpmem(f->rec.got->str, f->rec.got->len, "a\xff\rb\r\0c", 7);
    g_assert_cmpstr(f->rec.events->str, ==, "ob");
    assert_quiet(fd);
    g_assert_cmpuint(chardev_write(c, "x\xff\xffy", 4), ==, 4);
    assert_reads(fd, "x\xff\xff\xff\xffy", 6);
    close(fd);
}

static void waiting_ends_with_the_first(struct fixture *f, gconstpointer data)
{
    struct chardev *c;
    pid_t pid = fork();

    (void)data;
    if (pid == 0) { /* the one who comes */
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        alarm(20);
        g_strlcpy(sa.sun_path, f->path, sizeof(sa.sun_path));
        while (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
            g_usleep(1000);
        }
        pause();
        _exit(0);
    }
    c = open_chardev(f, "unix:%s,server", f->path);
    g_assert_true(chardev_is_open(c));
    g_assert_cmpstr(f->rec.events->str, ==, "o");
    kill(pid, SIGKILL);
}

/* Later nobody waits. */
static void a_running_machine_never_waits(struct fixture *f, gconstpointer data)
{
    g_autofree char *no = g_strdup_printf("unix:%s,server=on,wait=on", f->path);
    g_autoptr(GError) error = NULL;

    (void)data;
    machine_reset(f->m);
    g_assert_null(chardev_new(f->m, "c", no, &error));
    g_assert_nonnull(strstr(error->message, "use wait=off"));
    open_chardev(f, "unix:%s,server=on", f->path);
    g_assert_cmpstr(f->rec.events->str, ==, "");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct fixture *f, gconstpointer data);
    } tests[] = {
        { "server", a_server_takes_one_after_the_other },
        { "output-to-nobody", output_to_nobody_is_dropped },
        { "output-bound", output_is_bounded },
        { "input-survives", input_survives_the_sender },
        { "next-replaces", the_next_one_replaces_who_left },
        { "end-without-room", the_end_is_seen_without_room },
        { "tcp", tcp_names_both_ends },
        { "port-range", a_range_of_ports },
        { "client", a_client_connects_at_the_start },
        { "reconnect", a_client_comes_again },
        { "inherited", descriptors_are_inherited },
        { "abstract", names_may_be_abstract },
        { "received", descriptors_come_with_the_bytes },
        { "telnet", telnet_talks_as_it_must },
        { "wait", waiting_ends_with_the_first },
        { "no-wait", a_running_machine_never_waits },
    };

    signal(SIGPIPE, SIG_IGN);
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/chardev-socket/", tests[i].name, NULL);

        g_test_add(path, struct fixture, NULL, set_up, tests[i].run, tear_down);
    }
    return g_test_run();
}
