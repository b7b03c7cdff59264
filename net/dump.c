/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/dump.c: -object filter-dump: a back end's frames in a file for tcpdump and wireshark.
 * Format: libpcap's, version 2.4 (pcap-savefile(5)), microseconds of the host's clock, Ethernet, host's byte order.
 * Thread: under the machine lock. Each frame is one write, so that the file can be read meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "net/netdev.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"

#define MAXLEN_DEFAULT 65536u
#define MAXLEN_MOST    (1u << 24)

struct pcap_header {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, accuracy, maxlen, network;
};

struct pcap_record {
    uint32_t sec, usec, stored, len;
};

enum { PCAP_MAGIC = 0xa1b2c3d4, PCAP_ETHERNET = 1 };

struct net_dump {
    char *id, *path;
    int fd; /* -1: writing failed */
    uint32_t maxlen;
    bool on, received, sent; /* by the back end */
};

static const char *const keys[] = { "qom-type", "netdev",   "file",   "maxlen", "queue",
                                    "status",   "position", "insert", NULL };

static void free_dump(void *opaque)
{
    struct net_dump *d = opaque;

    if (d->fd >= 0) {
        close(d->fd);
    }
    g_free(d->id);
    g_free(d->path);
    g_free(d);
}

void net_dump_frame(struct net_client *c, bool received, const uint8_t *frame, size_t len)
{
    int64_t now = clock_now(c->machine, CLOCK_KIND_HOST);

    for (unsigned i = 0; i < c->dumps->len; i++) {
        struct net_dump *d = g_ptr_array_index(c->dumps, i);
        struct pcap_record r = { .sec = (uint32_t)(now / NS_PER_SEC),
                                 .usec = (uint32_t)(now % NS_PER_SEC / NS_PER_US),
                                 .stored = (uint32_t)MIN(len, d->maxlen),
                                 .len = (uint32_t)len };
        struct iovec parts[2] = { { &r, sizeof(r) }, { (void *)frame, r.stored } };

        if (!d->on || d->fd < 0 || !(received ? d->received : d->sent)) {
            continue;
        }
        if (writev(d->fd, parts, 2) != (ssize_t)(sizeof(r) + r.stored)) {
            report_warning("filter-dump '%s' ends: %s", d->id, g_strerror(errno));
            close(d->fd);
            d->fd = -1;
        }
    }
}

void net_print_dumps(const struct net_client *c, GString *out)
{
    g_string_append(out, c->dumps->len ? "filters:\n" : "");
    for (unsigned i = 0; i < c->dumps->len; i++) {
        const struct net_dump *d = g_ptr_array_index(c->dumps, i);

        g_string_append_printf(out,
                               "  - %s: type=filter-dump,file=%s,maxlen=%u,position=tail,"
                               "status=%s,insert=behind,netdev=%s,queue=%s\n",
                               d->id, d->path, d->maxlen, d->on ? "on" : "off", c->name,
                               d->received && d->sent ? "all"
                               : d->received          ? "rx"
                                                      : "tx");
    }
}

static bool check(const GPtrArray *opts, struct net_dump *d, GError **error)
{
    const char *maxlen = options_get(opts, "maxlen"), *queue = options_get(opts, "queue");
    const char *status = options_get(opts, "status");
    uint64_t n = MAXLEN_DEFAULT;

    if (!netdev_check_keys("filter-dump", opts, keys, error)) {
        return false;
    }
    d->on = d->received = d->sent = true;
    if (maxlen && !parse_uint(maxlen, 1, MAXLEN_MOST, &n)) {
        set_error(error, "filter-dump: maxlen is '%s', must be 1 to %u", maxlen, MAXLEN_MOST);
        return false;
    }
    d->maxlen = (uint32_t)n;
    if (status && !parse_bool(status, &d->on)) {
        set_error(error, "filter-dump: status is '%s', must be on or off", status);
        return false;
    }
    if (queue && strcmp(queue, "all") != 0) {
        d->received = strcmp(queue, "rx") == 0;
        d->sent = strcmp(queue, "tx") == 0;
    }
    if (!d->received && !d->sent) {
        set_error(error, "filter-dump: queue is '%s', must be all, rx or tx", queue);
        return false;
    }
    return true;
}

static bool open_file(struct net_dump *d, const char *path, GError **error)
{
    struct pcap_header h = { PCAP_MAGIC, 2, 4, 0, 0, d->maxlen, PCAP_ETHERNET };

    d->fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    if (d->fd < 0 || write(d->fd, &h, sizeof(h)) != sizeof(h)) {
        set_errno_error(error, "filter-dump: cannot write '%s'", path);
        return false;
    }
    return true;
}

static struct net_client *find_dump(struct machine *m, const char *id, unsigned *at)
{
    for (unsigned i = 0; m->net && i < m->net->clients->len; i++) {
        struct net_client *c = g_ptr_array_index(m->net->clients, i);

        for (*at = 0; c->dumps && *at < c->dumps->len; (*at)++) {
            if (strcmp(((struct net_dump *)g_ptr_array_index(c->dumps, *at))->id, id) == 0) {
                return c;
            }
        }
    }
    return NULL;
}

static bool add_dump(struct machine *m, const GPtrArray *opts, GError **error)
{
    const char *id = options_get(opts, "id"), *netdev = options_get(opts, "netdev");
    const char *file = options_get(opts, "file");
    struct net_client *c = netdev ? net_find(m, netdev) : NULL;
    struct net_dump *d;
    unsigned at;

    if (!id || !*id || !netdev || !file) {
        set_error(error, "filter-dump: '%s=' is missing",
                  !id || !*id ? "id"
                  : !netdev   ? "netdev"
                              : "file");
        return false;
    }
    if (!c || c->ops->card) {
        set_error(error, "filter-dump: there is no netdev '%s'", netdev);
        return false;
    }
    if (find_dump(m, id, &at)) {
        set_error(error, "filter-dump: duplicate id '%s'", id);
        return false;
    }
    d = g_new0(struct net_dump, 1);
    d->fd = -1;
    d->id = g_strdup(id);
    d->path = g_strdup(file);
    if (!check(opts, d, error) || !open_file(d, file, error)) {
        free_dump(d);
        return false;
    }
    if (!c->dumps) {
        c->dumps = g_ptr_array_new_with_free_func(free_dump);
    }
    g_ptr_array_add(c->dumps, d);
    return true;
}

bool net_filter_add(struct machine *m, const GPtrArray *opts, GError **error)
{
    const char *type = options_get(opts, "qom-type");

    if (strcmp(type, "filter-dump") != 0) {
        set_error(error, "object type '%s' is not supported; of filters there is filter-dump",
                  type);
        return false;
    }
    return add_dump(m, opts, error);
}

bool net_filter_remove(struct machine *m, const char *id)
{
    unsigned at;
    struct net_client *c = find_dump(m, id, &at);

    if (c) {
        g_ptr_array_remove_index(c->dumps, at);
    }
    return c != NULL;
}
