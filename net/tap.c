/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/tap.c: -netdev tap and bridge: an interface of the host's kernel whose other end is a card.
 *
 * Of several queues all are read, so that it does not matter which one the kernel chose; frames of the card's pairs
 * of queues go out through one each, and the kernel sends what answers them to the same. A descriptor with a header before each frame (IFF_VNET_HDR) gets an empty one, and the kernel is told
 * to send complete frames only.
 * Thread: under the machine lock; watches on the main loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>
#include "net/netdev.h"
#include "net/tap.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"

#define TURN_FRAMES 64 /* of one queue in one turn of the main loop */

struct tap_queue {
    struct net_tap *tap;
    int fd;
    GSource *in_watch, *out_watch;
};

struct net_tap {
    struct net_client client;
    struct tap_queue queues[TAP_QUEUES];
    unsigned n;
    unsigned header; /* bytes before each frame */
    char *down;      /* the script of the end; NULL: none */
    char *ifname;
    uint8_t buf[TAP_HEADER_MOST + NET_FRAME_MAX + 1];
};

static void drop_watch(GSource **watch)
{
    if (*watch) {
        g_source_destroy(*watch);
        g_source_unref(*watch);
        *watch = NULL;
    }
}

static void add_watch(struct tap_queue *q, GSource **watch, GIOCondition condition,
                      GUnixFDSourceFunc fn)
{
    if (!*watch) {
        *watch = g_unix_fd_source_new(q->fd, condition);
        g_source_set_callback(*watch, G_SOURCE_FUNC(fn), q, NULL);
        g_source_attach(*watch, q->tap->client.machine->context);
    }
}

static gboolean input_ready(gint fd, GIOCondition condition, gpointer opaque)
{
    struct tap_queue *q = opaque;
    struct net_tap *t = q->tap;

    (void)condition;
    for (unsigned i = 0; i < TURN_FRAMES && net_can_send(&t->client); i++) {
        ssize_t n = read(fd, t->buf, sizeof(t->buf));

        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            log_line(LOG_DEVICE, "netdev '%s': %s", t->client.name, g_strerror(errno));
            drop_watch(&q->in_watch); /* the interface has gone */
            return G_SOURCE_REMOVE;
        }
        if (n <= 0) {
            break;
        }
        if ((size_t)n > t->header) {
            struct net_offload o = { 0 };

            memcpy(&o, t->buf, MIN(sizeof(o), t->header));
            net_send_offload(&t->client, &o, t->buf + t->header, (size_t)n - t->header);
        }
    }
    if (!net_can_send(&t->client)) {
        drop_watch(&q->in_watch);
    }
    return G_SOURCE_CONTINUE;
}

static void tap_drained(struct net_client *c)
{
    struct net_tap *t = (struct net_tap *)c;

    for (unsigned i = 0; i < t->n; i++) {
        add_watch(&t->queues[i], &t->queues[i].in_watch, G_IO_IN, input_ready);
    }
}

static gboolean output_ready(gint fd, GIOCondition condition, gpointer opaque)
{
    struct tap_queue *q = opaque;

    (void)fd;
    (void)condition;
    drop_watch(&q->out_watch);
    net_ready(&q->tap->client);
    return G_SOURCE_CONTINUE;
}

static bool tap_receive(struct net_client *c, const struct net_offload *o, const uint8_t *frame,
                        size_t len)
{
    uint8_t header[TAP_HEADER_MOST] = { 0 };
    struct net_tap *t = (struct net_tap *)c;
    struct tap_queue *q = &t->queues[c->came_by % t->n];
    struct iovec parts[2] = { { header, t->header }, { (void *)frame, len } };

    memcpy(header, o, sizeof(*o));
    if (writev(q->fd, parts, 2) < 0 && errno == EAGAIN) {
        add_watch(q, &q->out_watch, G_IO_OUT, output_ready);
        return false;
    }
    return true; /* other errors: the interface is down, the frame is lost */
}

/* What the kernel may leave to us; where it refuses, it sends complete frames. */
static void tap_peer_takes_changed(struct net_client *c)
{
    static const struct {
        unsigned takes, flag;
    } rows[] = {
        { NET_TAKES_CSUM, TUN_F_CSUM }, { NET_TAKES_TSO4, TUN_F_TSO4 },
        { NET_TAKES_TSO6, TUN_F_TSO6 }, { NET_TAKES_ECN, TUN_F_TSO_ECN },
        { NET_TAKES_UFO, TUN_F_UFO },
    };
    struct net_tap *t = (struct net_tap *)c;
    unsigned takes = net_peer_takes(c), flags = 0;

    for (unsigned i = 0; takes & NET_TAKES_CSUM && i < G_N_ELEMENTS(rows); i++) {
        flags |= takes & rows[i].takes ? rows[i].flag : 0;
    }
    for (unsigned i = 0; t->header && i < t->n; i++) {
        if (ioctl(t->queues[i].fd, TUNSETOFFLOAD, flags) < 0 &&
            ioctl(t->queues[i].fd, TUNSETOFFLOAD, flags & ~(unsigned)TUN_F_UFO) < 0) {
            ioctl(t->queues[i].fd, TUNSETOFFLOAD, 0);
        }
    }
}

static void tap_free(struct net_client *c)
{
    struct net_tap *t = (struct net_tap *)c;

    net_unplug(c);
    if (t->down) {
        g_autoptr(GError) error = NULL;

        if (!tap_run_script(t->down, t->ifname, &error)) {
            report_warning("netdev '%s': downscript: %s", c->name, error->message);
        }
    }
    for (unsigned i = 0; i < t->n; i++) {
        drop_watch(&t->queues[i].in_watch);
        drop_watch(&t->queues[i].out_watch);
        close(t->queues[i].fd);
    }
    g_free(t->down);
    g_free(t->ifname);
    net_client_clear(c);
    g_free(t);
}

static const struct net_ops tap_ops = {
    .model = "tap",
    .receive_offload = tap_receive,
    .peer_takes_changed = tap_peer_takes_changed,
    .drained = tap_drained,
    .free = tap_free,
};

struct net_client *tap_new(struct machine *m, const char *id, const int *fds, unsigned n,
                           unsigned header, const char *ifname, const char *down)
{
    struct net_tap *t = g_new0(struct net_tap, 1);

    net_client_init(&t->client, m, &tap_ops, id, NULL);
    t->header = header;
    t->ifname = g_strdup(ifname);
    t->down = g_strdup(down);
    t->n = t->client.queues = n;
    net_set_takes(&t->client, header ? NET_TAKES_ALL & ~(unsigned)NET_TAKES_UFO : 0);
    for (unsigned i = 0; i < n; i++) {
        t->queues[i] = (struct tap_queue){ .tap = t, .fd = fds[i] };
        add_watch(&t->queues[i], &t->queues[i].in_watch, G_IO_IN, input_ready);
    }
    return &t->client;
}
