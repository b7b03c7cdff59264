/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/chardev_test.c: character back ends and the mux, on named pipes and pseudo-terminals whose
 * other side is the test.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "chardev/backend.h"
#include "softmmu/machine.h"
#include "tests/unit/chardev_rig.h"
#include "util/error.h"
#include "util/text.h"

/* A machine, and a pair of named pipes for "pipe:PATH". */
struct rig {
    struct machine *m;
    char *dir, *path, *in_path, *out_path;
    int to_guest, from_guest; /* the test's ends */
};

static struct rig *rig_new(void)
{
    struct rig *r = g_new0(struct rig, 1);

    r->m = machine_new();
    machine_lock(r->m);
    r->dir = g_dir_make_tmp("rhea-chardev-XXXXXX", NULL);
    r->path = g_build_filename(r->dir, "pipe", NULL);
    r->in_path = g_strconcat(r->path, ".in", NULL);
    r->out_path = g_strconcat(r->path, ".out", NULL);
    g_assert_cmpint(mkfifo(r->in_path, 0600), ==, 0);
    g_assert_cmpint(mkfifo(r->out_path, 0600), ==, 0);
    r->to_guest = open(r->in_path, O_RDWR | O_NONBLOCK);
    r->from_guest = open(r->out_path, O_RDWR | O_NONBLOCK);
    return r;
}

static void rig_free(struct rig *r)
{
    machine_free(r->m);
    close(r->to_guest);
    close(r->from_guest);
    g_unlink(r->in_path);
    g_unlink(r->out_path);
    g_rmdir(r->dir);
    g_free(r->dir);
    g_free(r->path);
    g_free(r->in_path);
    g_free(r->out_path);
    g_free(r);
}

static struct chardev *open_spec(struct rig *r, const char *label, const char *prefix)
{
    g_autofree char *spec = g_strdup_printf("%s%s", prefix, r->path);
    GError *error = NULL;
    struct chardev *c = chardev_new(r->m, label, spec, &error);

    g_assert_no_error(error);
    return c;
}

static void type_text(struct rig *r, const char *text)
{
    g_assert_cmpint(write(r->to_guest, text, strlen(text)), ==, (gssize)strlen(text));
    settle(r->m);
}

static char *read_output(struct rig *r)
{
    static char buf[65536];
    ssize_t n = read(r->from_guest, buf, sizeof(buf) - 1);

    buf[n > 0 ? n : 0] = 0;
    return buf;
}

static void a_missing_chardev_takes_all_bytes(void)
{
    g_assert_cmpuint(chardev_write(NULL, "abc", 3), ==, 3);
}

static void file_holds_what_was_written(void)
{
    struct rig *r = rig_new();
    g_autofree char *file = g_build_filename(r->dir, "a,b", NULL);
    g_autofree char *spec = g_strconcat("file:", file, NULL), *text = NULL;
    struct chardev *c = chardev_new(r->m, "serial0", spec, NULL);

    g_assert_nonnull(c);
    g_assert_cmpuint(chardev_write(c, "hello", 5), ==, 5);
    chardev_flush_all(r->m);
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "hello");
    g_unlink(file);
    rig_free(r);
}

static void bytes_go_both_ways(void)
{
    struct rig *r = rig_new();
    struct chardev *c = open_spec(r, "serial0", "pipe:");
    struct recorder rec;

    recorder_init(&rec);
    g_assert_true(recorder_attach(&rec, c, NULL));
    type_text(r, "in");
    chardev_write(c, "out", 3);
    settle(r->m);
    g_assert_cmpstr(rec.got->str, ==, "in");
    g_assert_cmpstr(rec.events->str, ==, "o");
    g_assert_cmpstr(read_output(r), ==, "out");
    g_assert_true(chardev_find(r->m, "serial0") == c);
    rig_free(r);
    recorder_clear(&rec);
}

static void input_waits_for_room(void)
{
    struct rig *r = rig_new();
    struct chardev *c = open_spec(r, "serial0", "pipe:");
    struct recorder rec;

    recorder_init(&rec);
    rec.room = 2;
    g_assert_true(recorder_attach(&rec, c, NULL));
    type_text(r, "abcdef");
    g_assert_cmpstr(rec.got->str, ==, "ab");
    rec.room = 3;
    chardev_accept_input(c);
    settle(r->m);
    g_assert_cmpstr(rec.got->str, ==, "abcde");
    rig_free(r);
    recorder_clear(&rec);
}

static void queue_is_bounded_and_keeps_the_order(void)
{
    struct rig *r = rig_new();
    struct chardev *c = open_spec(r, "serial0", "pipe:");
    size_t n = 3u << 20, taken, got = 0;
    g_autofree uint8_t *data = g_malloc(n), *back = g_malloc(n);

    for (size_t i = 0; i < n; i++) {
        data[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
    }
    taken = chardev_write(c, data, n);
    g_assert_cmpuint(taken, >=, CHARDEV_QUEUE_MAX);
    g_assert_cmpuint(taken, <, n);
    g_assert_cmpuint(c->queue->len, <=, CHARDEV_QUEUE_MAX);
    g_assert_cmpuint(chardev_write(c, data, 1), ==, 0);
    for (unsigned turn = 0; turn < 10000 && got < taken; turn++) {
        ssize_t k = read(r->from_guest, back + got, n - got);

        got += k > 0 ? (size_t)k : 0;
        machine_iterate(r->m, false);
    }
    g_assert_cmpuint(got, ==, taken);
    g_assert_cmpint(memcmp(data, back, taken), ==, 0);
    g_assert_cmpuint(chardev_write(c, data, 1), ==, 1);
    rig_free(r);
}

static void one_front_only_without_a_mux(void)
{
    struct rig *r = rig_new();
    struct chardev *c = open_spec(r, "serial0", "pipe:");
    g_autoptr(GError) error = NULL;
    struct recorder a, b;

    recorder_init(&a);
    recorder_init(&b);
    g_assert_true(recorder_attach(&a, c, NULL));
    g_assert_false(recorder_attach(&b, c, &error));
    g_assert_nonnull(strstr(error->message, "serial0"));
    chardev_detach(c, &a);
    g_assert_true(recorder_attach(&b, c, NULL));
    rig_free(r);
    recorder_clear(&a);
    recorder_clear(&b);
}

/* The mux ------------------------------------------------------------------------------------- */

struct mux_rig {
    struct rig *r;
    struct chardev *mux;
    struct recorder console, monitor;
};

static void mux_rig_init(struct mux_rig *x)
{
    x->r = rig_new();
    x->mux = open_spec(x->r, "serial0", "mon:pipe:");
    recorder_init(&x->console);
    recorder_init(&x->monitor);
    g_assert_true(recorder_attach(&x->console, x->mux, NULL));
    g_assert_true(recorder_attach(&x->monitor, x->mux, NULL));
}

static void mux_rig_clear(struct mux_rig *x)
{
    rig_free(x->r);
    recorder_clear(&x->console);
    recorder_clear(&x->monitor);
}

static void mux_switches_with_ctrl_a_c(void)
{
    struct mux_rig x;

    mux_rig_init(&x);
    g_assert_cmpstr(x.console.events->str, ==, "io");
    g_assert_cmpstr(x.monitor.events->str, ==, "uo");
    type_text(x.r, "a\001cb\001cc");
    g_assert_cmpstr(x.console.got->str, ==, "ac");
    g_assert_cmpstr(x.monitor.got->str, ==, "b");
    g_assert_cmpstr(x.console.events->str, ==, "ioui");
    g_assert_cmpstr(x.monitor.events->str, ==, "uoiu");
    mux_rig_clear(&x);
}

static void mux_sends_ctrl_a_and_break(void)
{
    struct mux_rig x;

    mux_rig_init(&x);
    type_text(x.r, "a\001"); /* the key may come much later */
    type_text(x.r, "\001b\001b\001zc");
    g_assert_cmpstr(x.console.got->str, ==, "a\001bc");
    g_assert_cmpstr(x.console.events->str, ==, "iob");
    mux_rig_clear(&x);
}

static void mux_helps_and_says_what_it_saved(void)
{
    struct mux_rig x;
    const char *out;

    mux_rig_init(&x);
    type_text(x.r, "\001h");
    out = read_output(x.r);
    g_assert_nonnull(strstr(out, "Ctrl-A x"));
    g_assert_nonnull(strstr(out, "Ctrl-A c"));
    g_assert_nonnull(strstr(out, "Ctrl-A Ctrl-A"));
    type_text(x.r, "\001s");
    g_assert_nonnull(strstr(read_output(x.r), "no disk"));
    g_assert_cmpstr(x.console.got->str, ==, "");
    mux_rig_clear(&x);
}

/* Also when the guest does not read. */
static void mux_quits_with_ctrl_a_x(void)
{
    struct mux_rig x;

    mux_rig_init(&x);
    x.console.room = 0;
    type_text(x.r, "unread\001x");
    settle(x.r->m);
    g_assert_true(x.r->m->quit);
    g_assert_cmpint(x.r->m->exit_status, ==, 0);
    mux_rig_clear(&x);
}

static void mux_stamps_lines(void)
{
    struct mux_rig x;

    mux_rig_init(&x);
    type_text(x.r, "\001t");
    g_assert_cmpuint(chardev_write(x.mux, "one\ntwo\nth", 10), ==, 10);
    g_assert_cmpuint(chardev_write(x.mux, "ree\n", 4), ==, 4);
    g_assert_true(
        g_regex_match_simple("^one\n\\[\\d\\d:\\d\\d:\\d\\d\\.\\d{3}\\] two\n\\[[^]]+\\] three\n$",
                             read_output(x.r), 0, 0));
    type_text(x.r, "\001t");
    chardev_write(x.mux, "four\n", 5);
    g_assert_cmpstr(read_output(x.r), ==, "four\n");
    mux_rig_clear(&x);
}

static void mux_input_waits_for_room(void)
{
    struct mux_rig x;
    g_autofree char *text = g_strnfill(3000, 'q');

    mux_rig_init(&x);
    x.console.room = 10;
    for (int i = 0; i < 3; i++) { /* more than the mux holds */
        type_text(x.r, text);
    }
    g_assert_cmpuint(x.console.got->len, ==, 10);
    x.console.room = 100000;
    chardev_accept_input(x.mux);
    settle(x.r->m);
    g_assert_cmpuint(x.console.got->len, ==, 9000);
    mux_rig_clear(&x);
}

/* Terminals ----------------------------------------------------------------------------------- */

static void pty_is_named_and_works(void)
{
    struct rig *r = rig_new();
    struct chardev *c = chardev_new(r->m, "serial0", "pty", NULL);
    struct recorder rec;
    char buf[8] = "";
    int fd;

    recorder_init(&rec);
    g_assert_true(g_str_has_prefix(chardev_filename(c), "pty:/dev/pts/"));
    g_assert_true(recorder_attach(&rec, c, NULL));
    settle(r->m); /* nobody is connected: the loop rests */
    chardev_write(c, "boot", 4);
    fd = open(chardev_filename(c) + 4, O_RDWR | O_NOCTTY);
    g_assert_cmpint(read(fd, buf, sizeof(buf)), ==, 4);
    g_assert_cmpstr(buf, ==, "boot");
    g_assert_cmpint(write(fd, "ls\r", 3), ==, 3);
    settle(r->m);
    g_assert_cmpstr(rec.got->str, ==, "ls\r"); /* and no echo */
    close(fd);
    settle(r->m);
    rig_free(r);
    recorder_clear(&rec);
}

static void end_of_stdin_does_not_spin(void)
{
    struct rig *r = rig_new();
    struct recorder rec;
    int saved = dup(STDIN_FILENO), ends[2];
    struct chardev *c;

    recorder_init(&rec);
    g_assert_cmpint(pipe(ends), ==, 0);
    g_assert_cmpint(write(ends[1], "x", 1), ==, 1);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    c = chardev_new(r->m, "serial0", "stdio", NULL);
    g_assert_nonnull(c);
    g_assert_true(recorder_attach(&rec, c, NULL));
    settle(r->m);
    g_assert_cmpstr(rec.got->str, ==, "x");
    g_assert_true(c->in_ended);
    rig_free(r);
    dup2(saved, STDIN_FILENO);
    close(saved);
    recorder_clear(&rec);
}

/* In a child on a terminal of its own: opens spec, tells the parent, waits, ends by `how`. */
static void terminal_child(int slave, int ready, int go, const char *spec, int how)
{
    struct machine *m;
    char byte = 0;

    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    dup2(slave, STDIN_FILENO);
    m = machine_new();
    machine_lock(m);
    if (!chardev_new(m, "serial0", spec, NULL) || write(ready, &byte, 1) != 1 ||
        read(go, &byte, 1) != 1) {
        _exit(1);
    }
    if (how == 0) {
        exit(0);
    }
    raise(how);
    _exit(1);
}

static void check_terminal(const char *spec, int how, bool want_signals)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave, ready[2], go[2], status;
    struct termios before, raw, after;
    char byte = 0;
    pid_t pid;

    g_assert_cmpint(grantpt(master) + unlockpt(master), ==, 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    g_assert_cmpint(pipe(ready) + pipe(go), ==, 0);
    g_assert_cmpint(tcgetattr(master, &before), ==, 0);
    pid = fork();
    if (pid == 0) {
        terminal_child(slave, ready[1], go[0], spec, how);
    }
    g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
    g_assert_cmpint(tcgetattr(master, &raw), ==, 0);
    g_assert_cmpint(write(go[1], &byte, 1), ==, 1);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(tcgetattr(master, &after), ==, 0);
    g_assert_cmpuint(raw.c_lflag & (ICANON | ECHO), ==, 0);
    g_assert_cmpint((raw.c_lflag & ISIG) != 0, ==, want_signals);
    g_assert_cmpuint(after.c_lflag, ==, before.c_lflag);
    g_assert_cmpuint(after.c_iflag, ==, before.c_iflag);
    if (how) {
        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == how);
    }
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(go[i]);
    }
    close(master);
    close(slave);
}

static void terminal_is_raw_and_given_back(void)
{
    check_terminal("stdio", 0, true);
    check_terminal("mon:stdio", 0, false);
    check_terminal("stdio,signal=off", SIGQUIT, false);
    check_terminal("mon:stdio", SIGABRT, false);
}

static bool is_raw(int fd)
{
    struct termios t;

    return tcgetattr(fd, &t) == 0 && !(t.c_lflag & ICANON);
}

/* A shell's part: a job in the background, brought to the foreground.  0: all was as it should be. */
static int background_session(int slave)
{
    int ready[2];
    char byte = 0;
    pid_t job;

    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    dup2(slave, STDIN_FILENO);
    signal(SIGTTOU, SIG_IGN);
    if (pipe(ready) != 0) {
        return 1;
    }
    job = fork();
    if (job == 0) {
        struct machine *m = machine_new();

        setpgid(0, 0);
        signal(SIGTTOU, SIG_DFL);
        machine_lock(m);
        if (chardev_new(m, "serial0", "mon:stdio", NULL) && write(ready[1], &byte, 1) == 1) {
            for (;;) {
                pause();
            }
        }
        _exit(1);
    }
    if (read(ready[0], &byte, 1) != 1 || is_raw(slave)) {
        kill(job, SIGKILL);
        return 2; /* the terminal was the shell's, and it must not have been touched */
    }
    tcsetpgrp(slave, job);
    kill(job, SIGCONT);
    for (int i = 0; i < 500 && !is_raw(slave); i++) {
        g_usleep(10000);
    }
    kill(job, SIGKILL);
    return is_raw(slave) ? 0 : 3;
}

static void background_leaves_the_terminal_alone(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave, status;
    pid_t pid;

    g_assert_cmpint(grantpt(master) + unlockpt(master), ==, 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    pid = fork();
    if (pid == 0) {
        _exit(background_session(slave));
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
    close(master);
    close(slave);
}

static void bad_specs_get_one_clear_line(void)
{
    static const struct {
        const char *spec, *says;
    } rows[] = {
        { "vc", "nothing to show it in" },
        { "msmouse", "not supported" },
        { "tcp:localhost,server", "must be tcp:[HOST]:PORT" },
        { "tcp:127.0.0.1:0,server,nowayt", "no option 'nowayt'" },
        { "websocket::1,server", "websocket=on is not supported" },
        { "socket,path=/x,host=y", "exactly one of" },
        { "socket,host=y", "no port given" },
        { "socket,path=/x,wait=off", "client connect mode" },
        { "socket,path=/x,server,reconnect=1", "server listen mode" },
        { "socket,path=/x,reconnect=999999", "must be 0 to 86400 seconds" },
        { "socket,fd=999,server", "File descriptor '999' is not a stream socket" },
        { "socket,fd=x", "Unable to parse FD number x" },
        { "socket,host=a,port=1,tls-authz=t", "tls-authz= is not supported" },
        { "socket,host=a,port=1,tls-creds=t", "No TLS credentials with id 't'" },
        { "socket,path=a,tls-creds=t", "for TCP without telnet=on only" },
        { "unix:/nonexistent/x", "Failed to connect to '/nonexistent/x'" },
        { "unix:/nonexistent/x,server,nowait", "Failed to bind socket to /nonexistent/x" },
        { "tcp:127.0.0.1:1", "Failed to connect to '127.0.0.1:1'" },
        { "stdoi", "closest: stdio" },
        { "file:", "needs a path" },
        { "file:/nonexistent/x", "/nonexistent/x" },
        { "pipe:/nonexistent/x", "/nonexistent/x" },
        { "null:x", "nothing after a colon" },
        { "stdio,sigal=off", "no option 'sigal'" },
        { "stdio,signal=maybe", "must be on or off" },
        { "", "unknown character device" },
    };
    struct rig *r = rig_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(chardev_new(r->m, "c", rows[i].spec, &error));
        g_test_message("%s: %s", rows[i].spec, error->message);
        g_assert_nonnull(strstr(error->message, rows[i].says));
        g_assert_null(strchr(error->message, '\n'));
        g_assert_cmpuint(r->m->chardevs->len, ==, 0);
    }
    rig_free(r);
}

static void labels_are_unique(void)
{
    struct rig *r = rig_new();

    g_assert_nonnull(chardev_new(r->m, "c", "null", NULL));
    g_assert_null(chardev_new(r->m, "c", "null", NULL));
    rig_free(r);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chardev/null-pointer", a_missing_chardev_takes_all_bytes);
    g_test_add_func("/chardev/file", file_holds_what_was_written);
    g_test_add_func("/chardev/pipe", bytes_go_both_ways);
    g_test_add_func("/chardev/input-waits", input_waits_for_room);
    g_test_add_func("/chardev/queue-bound", queue_is_bounded_and_keeps_the_order);
    g_test_add_func("/chardev/one-front", one_front_only_without_a_mux);
    g_test_add_func("/chardev/mux/switch", mux_switches_with_ctrl_a_c);
    g_test_add_func("/chardev/mux/escape-break", mux_sends_ctrl_a_and_break);
    g_test_add_func("/chardev/mux/help", mux_helps_and_says_what_it_saved);
    g_test_add_func("/chardev/mux/quit", mux_quits_with_ctrl_a_x);
    g_test_add_func("/chardev/mux/timestamps", mux_stamps_lines);
    g_test_add_func("/chardev/mux/input-waits", mux_input_waits_for_room);
    g_test_add_func("/chardev/pty", pty_is_named_and_works);
    g_test_add_func("/chardev/stdio/eof", end_of_stdin_does_not_spin);
    g_test_add_func("/chardev/stdio/terminal", terminal_is_raw_and_given_back);
    g_test_add_func("/chardev/stdio/background", background_leaves_the_terminal_alone);
    g_test_add_func("/chardev/bad-specs", bad_specs_get_one_clear_line);
    g_test_add_func("/chardev/labels", labels_are_unique);
    return g_test_run();
}
