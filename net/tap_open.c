/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/tap_open.c: how -netdev tap and bridge get their descriptors: from /dev/net/tun, from whoever started this
 * program, or from a helper with more privileges (qemu-bridge-helper). Linux: Documentation/networking/tuntap.rst.
 * Thread: under the machine lock; scripts and helpers are waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "net/netdev.h"
#include "net/tap.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

#define DEFAULT_SCRIPT     "/etc/qemu-ifup"
#define DEFAULT_DOWNSCRIPT "/etc/qemu-ifdown"
#define DEFAULT_HELPER     "/usr/lib/qemu/qemu-bridge-helper"
#define DEFAULT_BRIDGE     "br0"
#define HELPER_MS          30000

struct tap_fds {
    int fds[TAP_QUEUES];
    unsigned n, header;
    char ifname[IFNAMSIZ];
};

static void close_all(struct tap_fds *t)
{
    while (t->n > 0) {
        close(t->fds[--t->n]);
    }
}

bool tap_run_script(const char *script, const char *ifname, GError **error)
{
    char *argv[] = { (char *)script, (char *)ifname, NULL };
    int status;

    if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL, NULL,
                      &status, error)) {
        return false;
    }
    if (!g_spawn_check_wait_status(status, error)) {
        g_prefix_error(error, "%s %s: ", script, ifname);
        return false;
    }
    return true;
}

/* Descriptors ----------------------------------------------------------------------------------- */

/* What there is to know of a descriptor; the kernel is told what we take. False: it is not a tap. */
static bool adopt(struct tap_fds *t, int fd, GError **error)
{
    struct ifreq request = { 0 };
    int flags = fcntl(fd, F_GETFL), size = 0;

    if (flags < 0 || ioctl(fd, TUNGETIFF, &request) < 0) {
        set_errno_error(error, "file descriptor %d is not a tap interface", fd);
        return false;
    }
    if (!(request.ifr_flags & IFF_TAP) || !(request.ifr_flags & IFF_NO_PI)) {
        set_error(error, "interface %s must be of the mode tap, without packet information",
                  request.ifr_name);
        return false;
    }
    if (request.ifr_flags & IFF_VNET_HDR) {
        if (ioctl(fd, TUNGETVNETHDRSZ, &size) < 0 || size < 10 || size > (int)TAP_HEADER_MOST) {
            set_error(error, "interface %s: the header has %d bytes, must be 10 to %u",
                      request.ifr_name, size, TAP_HEADER_MOST);
            return false;
        }
    }
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    t->header = (unsigned)size;
    g_strlcpy(t->ifname, request.ifr_name, sizeof(t->ifname));
    t->fds[t->n++] = fd;
    return true;
}

/* "3" or "3:4:5" */
static bool take_fds(struct tap_fds *t, const char *text, GError **error)
{
    g_auto(GStrv) numbers = g_strsplit(text, ":", -1);
    unsigned n = g_strv_length(numbers);

    if (n == 0 || n > TAP_QUEUES) {
        set_error(error, "'%s' must be 1 to %u file descriptors", text, TAP_QUEUES);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        uint64_t fd;

        if (!parse_uint(numbers[i], 3, INT32_MAX, &fd)) {
            set_error(error, "'%s' must be the number of a file descriptor, from 3 on", numbers[i]);
            return false;
        }
        if (!adopt(t, (int)fd, error)) {
            return false;
        }
    }
    return true;
}

static bool open_queue(struct tap_fds *t, const char *ifname, bool header, bool several,
                       GError **error)
{
    struct ifreq request = { 0 };
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        set_errno_error(error, "cannot open /dev/net/tun");
        return false;
    }
    request.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | (header ? IFF_VNET_HDR : 0) |
                                (several ? IFF_MULTI_QUEUE : 0));
    g_strlcpy(request.ifr_name, ifname, sizeof(request.ifr_name));
    if (ioctl(fd, TUNSETIFF, &request) < 0) {
        set_errno_error(error, "cannot make the interface '%s'%s", ifname,
                        errno == EPERM ? ", which needs CAP_NET_ADMIN: try fd=, helper= or user"
                                       : "");
        close(fd);
        return false;
    }
    if (!adopt(t, fd, error)) {
        close(fd);
        return false;
    }
    return true;
}

/* From a program: a descriptor as ancillary data of one byte. */
static int receive_fd(int from)
{
    struct pollfd p = { .fd = from, .events = POLLIN };
    char byte;
    struct iovec part = { &byte, 1 };
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr msg = { .msg_iov = &part,
                          .msg_iovlen = 1,
                          .msg_control = control.room,
                          .msg_controllen = sizeof(control.room) };
    struct cmsghdr *c;
    int fd = -1;

    if (poll(&p, 1, HELPER_MS) <= 0 || recvmsg(from, &msg, MSG_CMSG_CLOEXEC) <= 0) {
        return -1;
    }
    c = CMSG_FIRSTHDR(&msg);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
    }
    return fd;
}

/* HELPER --fd=3 --br=BRIDGE, whose descriptor 3 is our socket. */
static bool run_helper(struct tap_fds *t, const char *helper, const char *bridge, bool header,
                       GError **error)
{
    g_autofree char *br = g_strdup_printf("--br=%s", bridge), *quoted = g_shell_quote(br);
    g_autofree char *line =
        g_strdup_printf("%s %s --fd=3 %s", helper, header ? "--use-vnet" : "", quoted);
    g_auto(GStrv) argv = NULL;
    int pair[2], target = 3, status = 0, fd;
    GPid pid;
    bool ok;

    if (!g_shell_parse_argv(line, NULL, &argv, error)) {
        return false;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        set_errno_error(error, "cannot make a socket for %s", helper);
        return false;
    }
    ok = g_spawn_async_with_pipes_and_fds(NULL, (const char *const *)argv, NULL,
                                          G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, -1, -1, -1,
                                          &pair[1], &target, 1, &pid, NULL, NULL, NULL, error);
    close(pair[1]);
    fd = ok ? receive_fd(pair[0]) : -1;
    close(pair[0]);
    if (!ok) {
        return false;
    }
    waitpid(pid, &status, 0);
    if (fd < 0) {
        set_error(error, "%s for bridge '%s' ended with status %d and gave no interface", helper,
                  bridge, WIFEXITED(status) ? WEXITSTATUS(status) : status);
        return false;
    }
    if (!adopt(t, fd, error)) {
        close(fd);
        return false;
    }
    return true;
}

/* Options --------------------------------------------------------------------------------------- */

struct tap_options {
    const char *fd, *fds, *ifname, *script, *downscript, *br, *helper;
    uint64_t queues, sndbuf;
    bool header, down; /* down: the script of the end is ours to run */
};

/* What another one of two decides. */
static bool check_exclusive(const GPtrArray *opts, GError **error)
{
    static const char *const pairs[][2] = {
        { "fd", "fds" },         { "fd", "ifname" },         { "fd", "script" },
        { "fd", "helper" },      { "fd", "downscript" },     { "fd", "br" },
        { "fd", "queues" },      { "fds", "ifname" },        { "fds", "script" },
        { "fds", "downscript" }, { "fds", "helper" },        { "fds", "br" },
        { "fds", "queues" },     { "helper", "ifname" },     { "helper", "script" },
        { "helper", "queues" },  { "helper", "downscript" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
        if (options_get(opts, pairs[i][0]) && options_get(opts, pairs[i][1])) {
            set_error(error, "tap: %s= and %s= exclude each other", pairs[i][0], pairs[i][1]);
            return false;
        }
    }
    return true;
}

static bool check_flag(const GPtrArray *opts, const char *key, bool *on, GError **error)
{
    const char *value = options_get(opts, key);

    if (value && !parse_bool(value, on)) {
        set_error(error, "tap: %s is '%s', must be on or off", key, value);
        return false;
    }
    return true;
}

static bool check_vhost(const GPtrArray *opts, GError **error)
{
    bool vhost = false, force = false;

    if (!check_flag(opts, "vhost", &vhost, error) ||
        !check_flag(opts, "vhostforce", &force, error)) {
        return false;
    }
    if (vhost || force || options_get(opts, "vhostfd") || options_get(opts, "vhostfds")) {
        set_error(error, "tap: vhost is not supported; use vhost=off");
        return false;
    }
    return true;
}

/* What would do nothing here, as it does with QEMU. */
static void warn_of_useless(const char *id, const GPtrArray *opts)
{
    if (options_get(opts, "br") && !options_get(opts, "helper")) {
        report_warning("netdev '%s': br= is for helper=: the interface is in no bridge", id);
    }
    if (options_get(opts, "poll-us")) {
        report_warning("netdev '%s': poll-us= is for vhost=on", id);
    }
}

static bool take_options(struct tap_options *o, const GPtrArray *opts, GError **error)
{
    const char *queues = options_get(opts, "queues"), *sndbuf = options_get(opts, "sndbuf");
    const char *poll = options_get(opts, "poll-us");
    uint64_t n;

    *o = (struct tap_options){ .queues = 1, .header = true };
    o->fd = options_get(opts, "fd");
    o->fds = options_get(opts, "fds");
    o->ifname = options_get(opts, "ifname");
    o->script = options_get(opts, "script");
    o->downscript = options_get(opts, "downscript");
    o->br = options_get(opts, "br");
    o->helper = options_get(opts, "helper");
    if (queues && !parse_uint(queues, 1, TAP_QUEUES, &o->queues)) {
        set_error(error, "tap: queues is '%s', must be 1 to %u", queues, TAP_QUEUES);
        return false;
    }
    if (sndbuf && (!parse_size(sndbuf, 1, &o->sndbuf) || o->sndbuf > INT32_MAX)) {
        set_error(error, "tap: sndbuf is '%s', must be 0 to 2147483647 bytes", sndbuf);
        return false;
    }
    if (poll && !parse_uint(poll, 0, UINT32_MAX, &n)) {
        set_error(error, "tap: poll-us is '%s', must be 0 to 4294967295", poll);
        return false;
    }
    if (o->ifname && (!*o->ifname || strlen(o->ifname) >= IFNAMSIZ)) {
        set_error(error, "tap: ifname is '%s', must have 1 to %d bytes", o->ifname, IFNAMSIZ - 1);
        return false;
    }
    return check_exclusive(opts, error) && check_vhost(opts, error) &&
           check_flag(opts, "vnet_hdr", &o->header, error);
}

/* NULL: none. A default script is run where it is. */
static const char *script_of(const char *given, const char *otherwise)
{
    if (given) {
        return *given && strcmp(given, "no") != 0 ? given : NULL;
    }
    return access(otherwise, X_OK) == 0 ? otherwise : NULL;
}

static bool open_own(struct tap_fds *t, const struct tap_options *o, GError **error)
{
    const char *script = script_of(o->script, DEFAULT_SCRIPT);

    for (unsigned i = 0; i < o->queues; i++) {
        const char *name = i > 0 ? t->ifname : o->ifname ? o->ifname : "tap%d";

        if (!open_queue(t, name, o->header, o->queues > 1, error)) {
            return false;
        }
    }
    return !script || tap_run_script(script, t->ifname, error);
}

static bool open_any(struct tap_fds *t, struct tap_options *o, GError **error)
{
    bool ok;

    if (o->fd || o->fds) {
        ok = take_fds(t, o->fd ? o->fd : o->fds, error);
    } else if (o->helper) {
        ok = run_helper(t, o->helper, o->br ? o->br : DEFAULT_BRIDGE, o->header, error);
    } else {
        ok = open_own(t, o, error);
        o->down = true;
    }
    for (unsigned i = 0; ok && o->sndbuf && i < t->n; i++) {
        int bytes = (int)o->sndbuf;

        ok = ioctl(t->fds[i], TUNSETSNDBUF, &bytes) == 0;
        if (!ok) {
            set_errno_error(error, "cannot set sndbuf to %d bytes", bytes);
        }
    }
    return ok;
}

static char *describe(const struct tap_fds *t, const struct tap_options *o, const char *down)
{
    const char *up = script_of(o->script, DEFAULT_SCRIPT);

    if (o->fd || o->fds) {
        return g_strdup_printf("fd=%d", t->fds[0]);
    }
    return o->helper ? g_strdup_printf("helper=%s", o->helper)
                     : g_strdup_printf("ifname=%s,script=%s,downscript=%s", t->ifname,
                                       up ? up : "no", down ? down : "no");
}

struct net_client *tap_open(struct machine *m, const char *id, const GPtrArray *opts,
                            GError **error)
{
    static const char *const keys[] = { "fd",         "fds",      "ifname",   "script",
                                        "downscript", "br",       "helper",   "sndbuf",
                                        "queues",     "vnet_hdr", "vhost",    "vhostfd",
                                        "vhostforce", "poll-us",  "vhostfds", NULL };
    g_autofree char *info = NULL;
    struct tap_fds t = { .n = 0 };
    struct net_client *c;
    struct tap_options o;
    const char *down;

    if (!netdev_check_keys("tap", opts, keys, error) || !take_options(&o, opts, error)) {
        return NULL;
    }
    if (!open_any(&t, &o, error)) {
        close_all(&t);
        g_prefix_error(error, "tap: ");
        return NULL;
    }
    warn_of_useless(id, opts);
    down = o.down ? script_of(o.downscript, DEFAULT_DOWNSCRIPT) : NULL;
    info = describe(&t, &o, down);
    c = tap_new(m, id, t.fds, t.n, t.header, t.ifname, down);
    net_set_info(c, "%s", info);
    return c;
}

struct net_client *bridge_open(struct machine *m, const char *id, const GPtrArray *opts,
                               GError **error)
{
    static const char *const keys[] = { "br", "helper", NULL };
    const char *br = options_get(opts, "br"), *helper = options_get(opts, "helper");
    struct tap_fds t = { .n = 0 };
    struct net_client *c;

    if (!netdev_check_keys("bridge", opts, keys, error)) {
        return NULL;
    }
    br = br ? br : DEFAULT_BRIDGE;
    helper = helper ? helper : DEFAULT_HELPER;
    if (!run_helper(&t, helper, br, true, error)) {
        g_prefix_error(error, "bridge: ");
        return NULL;
    }
    c = tap_new(m, id, t.fds, t.n, t.header, t.ifname, NULL);
    net_set_info(c, "helper=%s,br=%s", helper, br);
    return c;
}
