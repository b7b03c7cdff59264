/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/chardev_kinds_test.c: rings, log files, and back ends that monitors add, change and remove.
 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include "chardev/backend.h"
#include "monitor/monitor.h"
#include "softmmu/machine.h"
#include "tests/unit/chardev_rig.h"
#include "util/text.h"

struct rig {
    struct machine *m;
    char *dir;
};

static void rig_init(struct rig *r)
{
    r->m = machine_new();
    machine_lock(r->m);
    r->dir = g_dir_make_tmp("rhea-chardev-XXXXXX", NULL);
}

static void rig_clear(struct rig *r)
{
    machine_free(r->m);
    g_rmdir(r->dir);
    g_free(r->dir);
}

/* "BACKEND,id=ID,...", as -chardev takes it. */
static struct chardev *make(struct rig *r, const char *text, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(text, "backend");

    return chardev_new_options(r->m, options_get(opts, "backend"), options_get(opts, "id"), opts,
                               error);
}

static char *file_text(struct rig *r, const char *name)
{
    g_autofree char *path = g_build_filename(r->dir, name, NULL);
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    return text;
}

static void file_remove(struct rig *r, const char *name)
{
    g_autofree char *path = g_build_filename(r->dir, name, NULL);

    g_assert_cmpint(g_unlink(path), ==, 0);
}

/* What a line of the monitor answers. */
static void check_line(struct rig *r, const char *line, const char *answer)
{
    g_autoptr(GString) out = g_string_new(NULL);

    g_test_message("%s", line);
    monitor_execute(r->m, line, out);
    g_assert_cmpstr(out->str, ==, answer);
}

/* Rings --------------------------------------------------------------------------------------- */

static void ring_gives_the_newest_in_order(void)
{
    struct rig r;
    struct chardev *c;
    char buf[64] = { 0 };

    rig_init(&r);
    c = make(&r, "ringbuf,id=r,size=16", NULL);
    g_assert_cmpuint(chardev_write(c, "0123456789", 10), ==, 10);
    g_assert_cmpuint(ringbuf_read(c, buf, 4), ==, 4);
    g_assert_cmpstr(buf, ==, "0123");
    g_assert_cmpuint(chardev_write(c, "abcdefghijklm", 13), ==, 13);
    g_assert_cmpuint(ringbuf_waiting(c), ==, 16);
    g_assert_cmpuint(ringbuf_read(c, buf, sizeof(buf)), ==, 16);
    g_assert_cmpstr(buf, ==, "789abcdefghijklm");
    g_assert_cmpuint(chardev_write(c, "a much longer text than fits into it.", 37), ==, 37);
    memset(buf, 0, sizeof(buf));
    g_assert_cmpuint(ringbuf_read(c, buf, sizeof(buf)), ==, 16);
    g_assert_cmpstr(buf, ==, "an fits into it.");
    rig_clear(&r);
}

static void ring_commands_speak_as_documented(void)
{
    static const struct {
        const char *line, *answer;
    } rows[] = {
        { "ringbuf_write r abc\\d", "" },
        { "ringbuf_write r \"e \\\"\\\\\\n\\r\\'\"", "" },
        { "ringbuf_read r 4", "abc\\\\\n" },
        { "ringbuf_read r 100", "de \"\\\\\n\\u000D'\n" },
        { "ringbuf_read r 100", "\n" },
        { "ringbuf_write r \"a\\tb\"", "ringbuf_write: unsupported escape code: '\\t'\n" },
        { "ringbuf_write r \"ab", "ringbuf_write: unterminated string\n" },
        { "ringbuf_write r a b", "ringbuf_write: extraneous characters at the end of line\n" },
        { "ringbuf_write r", "ringbuf_write: string expected\n" },
        { "ringbuf_write x a", "Device 'x' not found\n" },
        { "ringbuf_write n a", "n is not a ringbuf device\n" },
        { "ringbuf_read n 1", "n is not a ringbuf device\n" },
        { "ringbuf_read r 0", "size must be greater than zero\n" },
        { "ringbuf_read r -1", "ringbuf_read: the size is '-1', must be 1 to 2147483647\n" },
        { "ringbuf_read r 2147483647", "\n" },
    };
    struct rig r;

    rig_init(&r);
    make(&r, "ringbuf,id=r", NULL);
    make(&r, "null,id=n", NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        check_line(&r, rows[i].line, rows[i].answer);
    }
    rig_clear(&r);
}

/* Log files ----------------------------------------------------------------------------------- */

static void logfile_has_what_was_written(void)
{
    struct rig r;
    g_autofree char *text = NULL, *first = NULL, *second = NULL, *third = NULL;

    rig_init(&r);
    text = g_strdup_printf("null,id=a,logfile=%s/log", r.dir);
    chardev_write(make(&r, text, NULL), "first", 5);
    first = file_text(&r, "log");
    g_assert_cmpstr(first, ==, "first");
    g_assert_true(chardev_remove(r.m, "a", NULL));
    g_free(text);
    text = g_strdup_printf("null,id=a,logfile=%s/log,logappend=on,mux=on", r.dir);
    chardev_write(make(&r, text, NULL), "+", 1);
    second = file_text(&r, "log");
    g_assert_cmpstr(second, ==, "first+");
    g_assert_true(chardev_remove(r.m, "a", NULL));
    text[strlen(text) - strlen(",logappend=on,mux=on")] = 0;
    chardev_write(make(&r, text, NULL), "new", 3);
    third = file_text(&r, "log");
    g_assert_cmpstr(third, ==, "new");
    file_remove(&r, "log");
    rig_clear(&r);
}

/* Datagrams ----------------------------------------------------------------------------------- */

/* The test's end of a pair: a socket at a port of its own. */
static int udp_peer(unsigned *port)
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(sin);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&sin, &len), ==, 0);
    *port = ntohs(sin.sin_port);
    return fd;
}

static void send_to(int fd, const struct sockaddr_in *to, const char *text)
{
    g_assert_cmpint(sendto(fd, text, strlen(text), 0, (const struct sockaddr *)to, sizeof(*to)), ==,
                    (gssize)strlen(text));
}

static void datagrams_go_both_ways(void)
{
    struct rig r;
    unsigned port;
    int fd = udp_peer(&port);
    g_autofree char *text = g_strdup_printf("udp:127.0.0.1:%u@127.0.0.1:0", port);
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    struct recorder rec;
    struct chardev *c;
    char buf[16] = { 0 };

    rig_init(&r);
    recorder_init(&rec);
    c = chardev_new(r.m, "u", text, NULL);
    g_assert_nonnull(c);
    g_assert_true(recorder_attach(&rec, c, NULL));
    chardev_write(c, "one", 3);
    chardev_write(c, "two", 3);
    g_assert_cmpint(recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len), ==, 3);
    g_assert_cmpint(recv(fd, buf, sizeof(buf), 0), ==, 3);
    g_assert_cmpstr(buf, ==, "two");
    rec.room = 2; /* the rest waits, and what comes after it */
    send_to(fd, &from, "abcdef");
    send_to(fd, &from, "");
    send_to(fd, &from, "ghi");
    settle(r.m);
    g_assert_cmpstr(rec.got->str, ==, "ab");
    rec.room = 100;
    chardev_accept_input(c);
    settle(r.m);
    g_assert_cmpstr(rec.got->str, ==, "abcdefghi");
    close(fd); /* nobody is there any more: nothing is lost but the bytes, and nothing spins */
    g_assert_cmpuint(chardev_write(c, "gone", 4), ==, 4);
    settle(r.m);
    g_assert_cmpuint(chardev_write(c, "gone", 4), ==, 4);
    settle(r.m);
    check_line(&r, "info chardev", "u: filename=udp\n");
    rig_clear(&r);
    recorder_clear(&rec);
}

/* Flow of output ------------------------------------------------------------------------------ */

static void count_drained(void *opaque)
{
    ++*(unsigned *)opaque;
}

static size_t no_room(void *opaque)
{
    (void)opaque;
    return 0;
}

static void a_front_is_told_when_there_is_room_again(void)
{
    struct rig r;
    unsigned drained = 0;
    struct chardev_front front = { .can_receive = no_room,
                                   .opaque = &drained,
                                   .drained = count_drained };
    g_autofree char *path = NULL, *text = NULL;
    g_autofree uint8_t *data = g_malloc0(4u << 20);
    size_t taken, back = 0;
    ssize_t n;
    int fd;

    rig_init(&r);
    path = g_build_filename(r.dir, "p", NULL);
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    fd = open(path, O_RDWR | O_NONBLOCK);
    text = g_strdup_printf("pipe:%s", path);
    g_assert_true(chardev_attach(chardev_new(r.m, "p", text, NULL), &front, NULL));
    taken = chardev_write(chardev_find(r.m, "p"), data, 4u << 20);
    g_assert_cmpuint(taken, <, 4u << 20);
    settle(r.m);
    g_assert_cmpuint(drained, ==, 0);
    while (back < taken && (n = read(fd, data, 65536)) > 0) {
        back += (size_t)n;
        settle(r.m);
        g_assert_cmpuint(drained, <=, back >= taken / 4); /* not for each byte that leaves */
    }
    g_assert_cmpuint(back, ==, taken);
    g_assert_cmpuint(drained, ==, 1);
    close(fd);
    file_remove(&r, "p");
    rig_clear(&r);
}

/* Monitors ------------------------------------------------------------------------------------ */

static struct chardev *moved_to;

static void recorder_moved(void *opaque, struct chardev *to)
{
    (void)opaque;
    moved_to = to;
}

static void a_front_goes_over_to_another_back_end(void)
{
    struct rig r;
    struct recorder rec;
    struct chardev_front front = { recorder_can_receive, recorder_receive, recorder_event, &rec,
                                   recorder_moved };
    g_autofree char *line = NULL, *text = NULL;

    rig_init(&r);
    recorder_init(&rec);
    g_assert_true(chardev_attach(make(&r, "null,id=a", NULL), &front, NULL));
    line = g_strdup_printf("chardev-change a file,path=%s/out", r.dir);
    check_line(&r, line, "");
    g_assert_true(moved_to == chardev_find(r.m, "a"));
    g_assert_cmpstr(rec.events->str, ==, "oo");
    check_line(&r, "info chardev", "a: filename=file\n");
    chardev_write(moved_to, "text", 4);
    text = file_text(&r, "out");
    g_assert_cmpstr(text, ==, "text");

    check_line(&r, "chardev-change a file",
               "character device 'file' needs a path: 'file:PATH' or path=PATH\n");
    g_assert_true(moved_to == chardev_find(r.m, "a")); /* a mistake leaves all as it was */
    chardev_send_break(r.m, "a", NULL);
    g_assert_cmpstr(rec.events->str, ==, "oob");
    check_line(&r, "chardev-remove a", "Chardev 'a' is busy\n");
    chardev_detach(moved_to, &rec);
    check_line(&r, "chardev-remove a", "");
    g_assert_null(chardev_find(r.m, "a"));
    file_remove(&r, "out");
    rig_clear(&r);
    recorder_clear(&rec);
}

static void commands_refuse_what_cannot_be(void)
{
    static const struct {
        const char *line, *answer;
    } rows[] = {
        { "chardev-add null", "chardev: no id specified\n" },
        { "chardev-add", "chardev-add: string expected\n" },
        { "chardev-add null,id=n", "Duplicate ID 'n' for chardev\n" },
        { "chardev-add null,id=q,mux=on", "" },
        { "chardev-send-break q", "" },
        { "chardev-remove q", "" },
        { "chardev-send-break q", "Chardev 'q' not found\n" },
        { "chardev-remove q", "Chardev 'q' not found\n" },
        { "chardev-change q null", "Chardev 'q' does not exist\n" },
        { "chardev-change n null,id=q", "Unexpected 'id' parameter\n" },
        { "chardev-change n null,mux=on", "Mux device hotswap not supported yet\n" },
        { "chardev-change m null", "Mux device hotswap not supported yet\n" },
        { "chardev-change m-base null", "Chardev user does not support chardev hotswap\n" },
        { "chardev-change n",
          "chardev-change: string expected: chardev-change ID BACKEND[,OPTIONS]\n" },
        { "chardev-remove m-base", "Chardev 'm-base' is busy\n" },
        { "chardev-remove m", "Chardev 'm' is busy\n" },
        { "chardev-remove n", "" },
    };
    struct rig r;
    struct recorder rec;

    rig_init(&r);
    recorder_init(&rec);
    make(&r, "null,id=n", NULL);
    recorder_attach(&rec, make(&r, "null,id=m,mux=on", NULL), NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        check_line(&r, rows[i].line, rows[i].answer);
    }
    chardev_send_break(r.m, "m", NULL);
    g_assert_cmpstr(rec.events->str, ==, "iob");
    rig_clear(&r);
    recorder_clear(&rec);
}

static void bad_options_get_one_clear_line(void)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "ringbuf,id=r,size=17", "size of ringbuf chardev must be power of two" },
        { "ringbuf,id=r,size=x", "size is 'x'" },
        { "ringbuf,id=r,size=-1", "size is '-1'" },
        { "ringbuf,id=r,size=2G", "size is 2147483648, must be at most 1073741824" },
        { "ringbuf,id=r,sise=16", "no option 'sise'; it takes: size, id, mux, logfile, logappend" },
        { "udp,id=u", "chardev: udp: remote port not specified" },
        { "udp,id=u,port=x", "port is 'x', must be 0 to 65535" },
        { "udp,id=u,port=1,localport=65536", "port is '65536', must be 0 to 65535" },
        { "udp,id=u,port=1,ipv4=off,ipv6=off", "Cannot disable IPv4 and IPv6" },
        { "udp,id=u,port=1,host=127.0.0.1,localaddr=192.0.2.1",
          "Failed to find an available port" },
        { "udp,id=u,port=1,host=no.such.host.invalid", "address resolution failed" },
        { "null,id=n,logfile=/nonexistent/x", "Could not create '/nonexistent/x'" },
        { "null,id=n,logappend=perhaps", "logappend is 'perhaps', must be on or off" },
    };
    struct rig r;

    rig_init(&r);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(make(&r, rows[i].text, &error));
        g_test_message("%s: %s", rows[i].text, error->message);
        g_assert_nonnull(strstr(error->message, rows[i].says));
        g_assert_null(strchr(error->message, '\n'));
        g_assert_cmpuint(r.m->chardevs->len, ==, 0);
    }
    rig_clear(&r);
}

/* A serial port of the host: the other end of a pseudo-terminal, whose settings the test sees. */
static void a_port_of_the_host(void)
{
    struct rig r;
    struct recorder rec;
    struct chardev *c;
    struct termios t, before;
    int master = posix_openpt(O_RDWR | O_NOCTTY), watch;
    g_autofree char *text = NULL, *path = NULL;
    g_autoptr(GError) error = NULL;
    unsigned lines = 0;
    char got[8] = "";

    grantpt(master);
    unlockpt(master);
    path = g_strdup(ptsname(master));
    watch = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    g_assert_cmpint(tcgetattr(watch, &before), ==, 0);
    rig_init(&r);
    recorder_init(&rec);
    text = g_strdup_printf("serial,id=c,path=%s", path);
    c = make(&r, text, &error);
    g_assert_no_error(error);
    g_assert_true(recorder_attach(&rec, c, &error));
    tcgetattr(watch, &t);
    g_assert_cmpuint(t.c_lflag & (ECHO | ICANON | ISIG), ==, 0);
    g_assert_cmpuint(cfgetospeed(&t), ==, B115200);
    chardev_set_line(c, &(struct chardev_line){ 1201, 7, 2, 'O' });
    tcgetattr(watch, &t);
    g_assert_cmpuint(cfgetospeed(&t), ==, B1200);
    g_assert_cmpuint(cfgetispeed(&t), ==, B1200);
    g_assert_cmpuint(t.c_cflag & CSTOPB, ==, CSTOPB);
    chardev_set_line(c, &(struct chardev_line){ 115200, 8, 1, 'N' });
    tcgetattr(watch, &t);
    g_assert_cmpuint(t.c_cflag & (CSTOPB | PARENB), ==, 0);
    g_assert_false(chardev_get_modem(c, &lines)); /* a terminal has no such lines */
    chardev_set_modem(c, CHARDEV_DTR);
    chardev_set_break(c, true);
    chardev_set_break(c, false);
    g_assert_cmpuint(chardev_write(c, "out\n", 4), ==, 4);
    g_assert_cmpint(read(master, got, 8), ==, 4);
    g_assert_cmpstr(got, ==, "out\n");
    g_assert_cmpint(write(master, "\x03in\r", 4), ==, 4);
    settle(r.m);
    g_assert_cmpstr(rec.got->str, ==, "\x03in\r");
    g_assert_true(g_str_has_prefix(chardev_filename(c), "serial:/dev/pts/"));
    recorder_clear(&rec);
    rig_clear(&r);
    tcgetattr(watch, &t); /* as it was found */
    g_assert_cmpuint(t.c_lflag, ==, before.c_lflag);
    close(watch);
    close(master);
}

static void ports_of_the_host_that_are_none(void)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "serial,id=c", "needs a path" },
        { "tty,id=c,path=/nonexistent", "cannot open '/nonexistent'" },
        { "tty,id=c,path=/dev/null", "'/dev/null' is no terminal or serial port" },
        { "parport,id=c,path=/dev/parport0", "not supported" },
    };
    struct rig r;

    rig_init(&r);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(make(&r, rows[i].text, &error));
        g_assert_nonnull(strstr(error->message, rows[i].says));
    }
    g_autoptr(GError) error = NULL;
    g_assert_null(chardev_new(r.m, "s", "/dev/zero", &error));
    g_assert_nonnull(strstr(error->message, "'/dev/zero' is no terminal"));
    rig_clear(&r);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chardev/ringbuf/order", ring_gives_the_newest_in_order);
    g_test_add_func("/chardev/ringbuf/commands", ring_commands_speak_as_documented);
    g_test_add_func("/chardev/logfile", logfile_has_what_was_written);
    g_test_add_func("/chardev/drained", a_front_is_told_when_there_is_room_again);
    g_test_add_func("/chardev/udp", datagrams_go_both_ways);
    g_test_add_func("/chardev/change", a_front_goes_over_to_another_back_end);
    g_test_add_func("/chardev/refused", commands_refuse_what_cannot_be);
    g_test_add_func("/chardev/bad-options", bad_options_get_one_clear_line);
    g_test_add_func("/chardev/serial", a_port_of_the_host);
    g_test_add_func("/chardev/serial-mistakes", ports_of_the_host_that_are_none);
    return g_test_run();
}
