/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migration/channel.c: see channel.h, also for the thread. */
#include "migration/channel.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "migration/ram_file.h"
#include "util/error.h"
#include "util/socket.h"
#include "util/text.h"

#define BUFFER   (256u << 10)
#define DRAIN_MS 2000
#define BACKLOG  64

/* Kinds ----------------------------------------------------------------------------------------- */

typedef bool open_fn(struct channel *c, const char *rest, bool out, GError **error);
static open_fn open_tcp, open_unix, open_exec, open_fd, open_file;

static const struct kind {
    const char *prefix;
    open_fn *open;
} kinds[] = {
    { "tcp:", open_tcp }, { "unix:", open_unix }, { "exec:", open_exec },
    { "fd:", open_fd },   { "file:", open_file },
};

static const struct kind *kind_of(const char *uri)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_has_prefix(uri, kinds[i].prefix)) {
            return &kinds[i];
        }
    }
    return NULL;
}

bool channel_check_uri(const char *uri, GError **error)
{
    if (!kind_of(uri)) {
        set_error(error, "unknown migration protocol: %s (tcp:, unix:, exec:, fd:, file:)", uri);
        return false;
    }
    return true;
}

/* Waiting --------------------------------------------------------------------------------------- */

bool channel_is_cancelled(const struct channel *c)
{
    struct pollfd p = { .fd = c->cancel_fd, .events = POLLIN };

    return poll(&p, 1, 0) > 0;
}

void channel_cancel(struct channel *c)
{
    eventfd_write(c->cancel_fd, 1);
}

void channel_sleep(struct channel *c, unsigned ms)
{
    struct pollfd p = { .fd = c->cancel_fd, .events = POLLIN };

    (void)poll(&p, 1, (int)ms);
}

static bool wait_for(struct channel *c, int fd, short events, GError **error)
{
    struct pollfd p[] = { { .fd = c->cancel_fd, .events = POLLIN },
                          { .fd = fd, .events = events },
                          { .fd = events == POLLIN ? c->alarm_fd : -1, .events = POLLIN } };

    while (poll(p, G_N_ELEMENTS(p), -1) < 0 && errno == EINTR) {
    }
    if (p[0].revents) {
        set_error(error, "%s: it was cancelled", c->uri);
        return false;
    }
    if (p[2].revents) {
        set_error(error, "another channel of it has failed");
        return false;
    }
    return true;
}

void channel_end_reads(struct channel *c)
{
    eventfd_write(c->alarm_fd, 1);
}

void channel_shut(struct channel *c)
{
    shutdown(c->fd, SHUT_RDWR);
}

/* Bytes ----------------------------------------------------------------------------------------- */

static bool write_all(struct channel *c, const uint8_t *data, size_t len, GError **error)
{
    while (len > 0) {
        ssize_t n;

        if (!wait_for(c, c->fd, POLLOUT, error)) {
            return false;
        }
        n = write(c->fd, data, len);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            set_errno_error(error, "%s: cannot write", c->uri);
            return false;
        }
        data += MAX(n, 0);
        len -= (size_t)MAX(n, 0);
    }
    return true;
}

bool channel_flush(struct channel *c, GError **error)
{
    bool ok = write_all(c, c->to_write->data, c->to_write->len, error);

    g_byte_array_set_size(c->to_write, 0);
    return ok;
}

static bool write_bytes(struct stream_out *s, const void *data, size_t len, GError **error)
{
    struct channel *c = (struct channel *)((char *)s - offsetof(struct channel, out));

    g_byte_array_append(c->to_write, data, (guint)len);
    return c->to_write->len < BUFFER || channel_flush(c, error);
}

/* Some bytes into the buffer, which is empty. */
static bool fill(struct channel *c, GError **error)
{
    ssize_t n;

    do {
        if (!wait_for(c, c->fd, POLLIN, error)) {
            return false;
        }
        n = read(c->fd, c->buffer, BUFFER);
    } while (n < 0 && (errno == EAGAIN || errno == EINTR));
    if (n < 0) {
        set_errno_error(error, "%s: cannot read", c->uri);
        return false;
    }
    if (n == 0) {
        set_error(error, "the stream ends in it");
        return false;
    }
    c->at = 0;
    c->len = (size_t)n;
    return true;
}

bool channel_has_input(const struct channel *c)
{
    struct pollfd p = { .fd = c->fd, .events = POLLIN };

    return c->at < c->len || poll(&p, 1, 0) > 0;
}

void channel_drain(struct channel *c)
{
    int64_t until = g_get_monotonic_time() + DRAIN_MS * 1000;
    ssize_t n;
    struct pollfd p = { .fd = c->fd, .events = POLLIN };

    while (g_get_monotonic_time() < until && !channel_is_cancelled(c) &&
           poll(&p, 1, DRAIN_MS / 10) >= 0) {
        if (p.revents && (n = read(c->fd, c->buffer, BUFFER)) <= 0 && (n == 0 || errno != EAGAIN)) {
            break;
        }
    }
}

static bool read_bytes(struct stream_in *s, void *data, size_t len, GError **error)
{
    struct channel *c = (struct channel *)((char *)s - offsetof(struct channel, in));
    uint8_t *to = data;

    while (len > 0) {
        size_t n = MIN(len, c->len - c->at);

        if (n == 0) {
            if (!fill(c, error)) {
                return false;
            }
            continue;
        }
        memcpy(to, c->buffer + c->at, n);
        c->at += n;
        to += n;
        len -= n;
    }
    return true;
}

static bool map_file(struct stream_in *s, const GPtrArray *blocks, const struct section *section,
                     GError **error)
{
    struct channel *c = (struct channel *)((char *)s - offsetof(struct channel, in));
    uint64_t rest;

    if (!ram_file_map(c->fd, blocks, section, &rest, error)) {
        return false;
    }
    c->at = c->len = 0;
    if (lseek(c->fd, (off_t)rest, SEEK_SET) < 0) {
        set_errno_error(error, "%s: cannot seek", c->uri);
        return false;
    }
    return true;
}

/* Opening --------------------------------------------------------------------------------------- */

static bool open_socket(struct channel *c, const struct socket_address *a, bool out, GError **error)
{
    if (out) {
        c->fd = socket_connect(a, SOCK_STREAM, error);
    } else {
        c->listener = socket_bind(a, SOCK_STREAM, error);
        if (c->listener >= 0 && c->more) {
            listen(c->listener, BACKLOG);
        }
    }
    c->two_way = true;
    return c->fd >= 0 || c->listener >= 0;
}

static bool open_tcp(struct channel *c, const char *rest, bool out, GError **error)
{
    struct socket_address a = { .fd = -1 };
    bool ok = socket_address_parse(&a, rest, error) && open_socket(c, &a, out, error);

    socket_address_clear(&a);
    return ok;
}

static bool open_unix(struct channel *c, const char *rest, bool out, GError **error)
{
    struct socket_address a = {
        .kind = SOCKET_ADDRESS_UNIX, .path = g_strdup(rest), .tight = true, .fd = -1
    };
    bool ok = open_socket(c, &a, out, error);

    socket_address_clear(&a);
    return ok;
}

/* Signals of the terminal are this program's, which ends the command by closing its pipe. */
static void own_group(gpointer unused)
{
    (void)unused;
    setpgid(0, 0);
}

static bool open_exec(struct channel *c, const char *rest, bool out, GError **error)
{
    char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)rest, NULL };
    GPid child;

    if (!g_spawn_async_with_pipes(
            NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | (out ? 0 : G_SPAWN_CHILD_INHERITS_STDIN),
            own_group, NULL, &child, out ? &c->fd : NULL, out ? NULL : &c->fd, NULL, error)) {
        return false;
    }
    c->child = child;
    return true;
}

static bool open_fd(struct channel *c, const char *rest, bool out, GError **error)
{
    int type, flags;
    socklen_t len = sizeof(type);
    uint64_t fd = (uint64_t)c->given;

    if ((c->given < 0 && !parse_uint(rest, 0, INT32_MAX, &fd)) ||
        (flags = fcntl((int)fd, F_GETFL)) < 0 || fd <= 2) {
        set_error(error, "fd:%s: this is no descriptor that was handed to the program", rest);
        return false;
    }
    if ((flags & O_ACCMODE) == (out ? O_RDONLY : O_WRONLY)) {
        set_error(error, "fd:%s: it cannot be %s", rest, out ? "written" : "read");
        return false;
    }
    c->fd = (int)fd;
    c->given = -1;
    c->two_way = getsockopt(c->fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
    fcntl(c->fd, F_SETFD, FD_CLOEXEC);
    return true;
}

static bool open_file(struct channel *c, const char *rest, bool out, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(rest, "path");
    const char *path = options_get(opts, "path"), *offset = options_get(opts, "offset");
    uint64_t at = 0;
    struct stat st;

    if (!path || opts->len != (offset ? 2 : 1) ||
        (offset && (!parse_size(offset, 1, &at) || at > INT64_MAX))) {
        set_error(error, "file:%s: must be file:PATH[,offset=BYTES]", rest);
        return false;
    }
    c->fd = open(path, out ? O_WRONLY | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0600);
    if (c->fd < 0) {
        set_errno_error(error, "cannot open '%s'", path);
        return false;
    }
    c->is_file = true;
    c->in.map = map_file;
    if (fstat(c->fd, &st) != 0 || (at && lseek(c->fd, (off_t)at, SEEK_SET) < 0) ||
        (out && S_ISREG(st.st_mode) && ftruncate(c->fd, (off_t)at) != 0)) {
        set_errno_error(error, "'%s', offset %s", path, offset ? offset : "0");
        return false;
    }
    return true;
}

static bool open_any(struct channel *c, bool out, GError **error)
{
    const struct kind *kind = kind_of(c->uri);
    int flags;

    if (!channel_check_uri(c->uri, error) ||
        !kind->open(c, c->uri + strlen(kind->prefix), out, error)) {
        return false;
    }
    if (c->fd >= 0 && (flags = fcntl(c->fd, F_GETFL)) >= 0) {
        fcntl(c->fd, F_SETFL, flags | O_NONBLOCK);
    }
    return true;
}

bool channel_open_out(struct channel *c, GError **error)
{
    return open_any(c, true, error);
}

bool channel_open_in(struct channel *c, GError **error)
{
    return open_any(c, false, error);
}

/* -1 and *error. */
static int accept_one(struct channel *c, GError **error)
{
    int fd = -1;

    while (fd < 0) {
        if (!wait_for(c, c->listener, POLLIN, error)) {
            return -1;
        }
        fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
            set_errno_error(error, "%s: cannot accept", c->uri);
            return -1;
        }
    }
    return fd;
}

bool channel_accept(struct channel *c, GError **error)
{
    if (c->listener >= 0 && c->fd < 0 && (c->fd = accept_one(c, error)) < 0) {
        return false;
    }
    if (c->listener >= 0 && !c->more) {
        close(c->listener);
        c->listener = -1;
    }
    return true;
}

/* Beside another -------------------------------------------------------------------------------- */

/* Which is cancelled with it. */
static struct channel *new_beside(const struct channel *c, GError **error)
{
    struct channel *n = channel_new(c->uri, -1, error);

    if (n && dup3(c->cancel_fd, n->cancel_fd, O_CLOEXEC) < 0) {
        set_errno_error(error, "%s: no descriptor is left", c->uri);
        g_clear_pointer(&n, channel_free);
    }
    return n;
}

struct channel *channel_open_beside(struct channel *c, GError **error)
{
    struct channel *n = new_beside(c, error);

    if (n && !channel_open_out(n, error)) {
        g_clear_pointer(&n, channel_free);
    }
    return n;
}

struct channel *channel_accept_beside(struct channel *c, GError **error)
{
    struct channel *n = new_beside(c, error);

    if (n && (n->fd = accept_one(c, error)) < 0) {
        g_clear_pointer(&n, channel_free);
    }
    return n;
}

/* The end --------------------------------------------------------------------------------------- */

static void close_fd(struct channel *c)
{
    if (c->fd >= 0) {
        close(c->fd);
        c->fd = -1;
    }
}

/* A command that ended; cancelled: one that is told to. */
static bool wait_for_child(struct channel *c, GError **error)
{
    int status = 0;

    while (waitpid(c->child, &status, WNOHANG) == 0) {
        if (channel_is_cancelled(c)) {
            kill(-c->child, SIGTERM);
            g_usleep(10000);
        }
        channel_sleep(c, 10);
    }
    c->child = 0;
    if (status != 0) {
        set_error(error, "%s: the command ended with %s %d", c->uri,
                  WIFEXITED(status) ? "status" : "signal",
                  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
        return false;
    }
    return true;
}

bool channel_finish(struct channel *c, GError **error)
{
    if (!channel_flush(c, error)) {
        return false;
    }
    if (c->is_file && fdatasync(c->fd) != 0 && errno != EINVAL && errno != EROFS) {
        set_errno_error(error, "%s: cannot write", c->uri);
        return false;
    }
    close_fd(c);
    return c->child == 0 || wait_for_child(c, error);
}

struct channel *channel_new(const char *uri, int given, GError **error)
{
    struct channel *c = g_new0(struct channel, 1);

    c->fd = c->listener = -1;
    c->given = given;
    c->uri = g_strdup(uri);
    c->out.write = write_bytes;
    c->in.read = read_bytes;
    c->to_write = g_byte_array_new();
    c->buffer = g_malloc(BUFFER);
    c->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->alarm_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->cancel_fd < 0 || c->alarm_fd < 0) {
        set_errno_error(error, "cannot create an eventfd");
        channel_free(c);
        return NULL;
    }
    return c;
}

void channel_free(struct channel *c)
{
    if (!c) {
        return;
    }
    close_fd(c);
    if (c->listener >= 0) {
        close(c->listener);
    }
    if (c->given >= 0) {
        close(c->given);
    }
    if (c->child) {
        channel_cancel(c);
        wait_for_child(c, NULL);
    }
    if (c->cancel_fd >= 0) {
        close(c->cancel_fd);
    }
    if (c->alarm_fd >= 0) {
        close(c->alarm_fd);
    }
    stream_in_clear(&c->in);
    g_byte_array_unref(c->to_write);
    g_free(c->buffer);
    g_free(c->uri);
    g_free(c);
}
