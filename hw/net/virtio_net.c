/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/virtio_net.c: a network card: one pair of queues and a control queue.
 * Source: VIRTIO 1.2, 5.1.
 *
 * What is offered is done here: checksums and TCP segments of what the guest sends (offload.h). The guest
 * is offered nothing of the kind for what it receives: frames arrive whole and summed up.
 *
 * Invariants: buffers that wait for the rest of a frame (`held`) are in flight; pre_save gives them back.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/net/nic.h"
#include "hw/net/offload.h"
#include "hw/nvram/boot_order.h"
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_pci.h"
#include "util/error.h"

/* clang-format off */
enum net_feature {              /* 5.1.3: bit numbers */
    NET_F_CSUM = 0, NET_F_MTU = 3, NET_F_MAC = 5, NET_F_HOST_TSO4 = 11, NET_F_HOST_TSO6 = 12,
    NET_F_HOST_ECN = 13, NET_F_MRG_RXBUF = 15, NET_F_STATUS = 16, NET_F_CTRL_VQ = 17, NET_F_CTRL_RX = 18,
    NET_F_CTRL_VLAN = 19, NET_F_CTRL_RX_EXTRA = 20, NET_F_CTRL_MAC_ADDR = 23, NET_F_SPEED_DUPLEX = 63,
};
enum net_config {               /* 5.1.4: offsets */
    CONFIG_MAC = 0, CONFIG_STATUS = 6, CONFIG_PAIRS = 8, CONFIG_MTU = 10, CONFIG_SPEED = 12, CONFIG_DUPLEX = 16,
    CONFIG_SIZE = 17,
};
enum net_header_flag { HDR_NEEDS_CSUM = 1 };
enum net_gso { GSO_NONE = 0, GSO_TCPV4 = 1, GSO_TCPV6 = 4, GSO_ECN = 0x80 };
enum net_queue { QUEUE_RX = 0, QUEUE_TX = 1, QUEUE_CONTROL = 2 };
enum net_class { CLASS_RX = 0, CLASS_MAC = 1, CLASS_VLAN = 2 };
enum net_rx_mode { MODE_PROMISC, MODE_ALLMULTI, MODE_ALLUNI, MODE_NOMULTI, MODE_NOUNI, MODE_NOBCAST, MODES };
/* clang-format on */
#define CONTROL_SIZE 64u
#define CONTROL_MOST 4096u /* bytes of a command */
#define MAC_TABLE    64u
#define VLANS        4096u
#define HELD_MOST    64u
#define BIT(n)       (1ull << (n))

struct net_header {
    uint8_t flags, gso_type;
    uint16_t hdr_len, gso_size, csum_start, csum_offset;
    uint16_t num_buffers; /* not in the legacy layout without mergeable buffers */
};
#define HEADER_LEGACY 10u

struct virtio_net {
    struct virtio_device v;
    struct nic nic;
    bool csum, host_tso4, host_tso6, host_ecn, mrg_rxbuf, status, ctrl_vq, ctrl_rx, ctrl_vlan;
    bool ctrl_rx_extra, ctrl_mac_addr; /* properties */
    uint16_t mtu, rx_size, tx_size;
    int32_t speed;
    char *duplex;
    uint8_t mac[NET_MAC_BYTES]; /* now: the driver may change it */
    uint8_t mode[MODES];
    uint8_t unicasts, multicasts; /* of the table */
    uint8_t unicast_overflow, multicast_overflow;
    uint8_t table[MAC_TABLE * NET_MAC_BYTES]; /* unicast first */
    uint8_t vlans[VLANS / 8];
    struct virtio_element *held[HELD_MOST];
    unsigned n_held;
    uint8_t *frame, *scratch; /* NET_FRAME_MAX each */
};

static struct virtio_net *net_of(struct net_client *c)
{
    struct nic *n = nic_of(c);

    return (struct virtio_net *)((uint8_t *)n - offsetof(struct virtio_net, nic));
}

static unsigned header_size(const struct virtio_net *s)
{
    return virtio_has(&s->v, VIRTIO_F_VERSION_1) || virtio_has(&s->v, NET_F_MRG_RXBUF)
               ? sizeof(struct net_header)
               : HEADER_LEGACY;
}

/* Filters --------------------------------------------------------------------------------------- */

static bool in_table(const struct virtio_net *s, const uint8_t *mac, unsigned from, unsigned n)
{
    for (unsigned i = from; i < from + n; i++) {
        if (memcmp(s->table + i * NET_MAC_BYTES, mac, NET_MAC_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static bool passes_vlan(const struct virtio_net *s, const uint8_t *frame, size_t len)
{
    unsigned vid;

    if (!virtio_has(&s->v, NET_F_CTRL_VLAN) || len < 16 || frame[12] != 0x81 || frame[13] != 0) {
        return true;
    }
    vid = (frame[14] << 8 | frame[15]) & (VLANS - 1);
    return s->vlans[vid / 8] >> vid % 8 & 1;
}

/* 5.1.6.5.1: a card that was told nothing takes all. */
static bool passes(const struct virtio_net *s, const uint8_t *frame, size_t len)
{
    if (!passes_vlan(s, frame, len)) {
        return false;
    }
    if (s->mode[MODE_PROMISC]) {
        return true;
    }
    if (memcmp(frame, nic_broadcast, NET_MAC_BYTES) == 0) {
        return !s->mode[MODE_NOBCAST];
    }
    if (frame[0] & 1) {
        return !s->mode[MODE_NOMULTI] && (s->mode[MODE_ALLMULTI] || s->multicast_overflow ||
                                          in_table(s, frame, s->unicasts, s->multicasts));
    }
    return !s->mode[MODE_NOUNI] &&
           (s->mode[MODE_ALLUNI] || s->unicast_overflow ||
            memcmp(frame, s->mac, NET_MAC_BYTES) == 0 || in_table(s, frame, 0, s->unicasts));
}

/* To the guest ---------------------------------------------------------------------------------- */

static void drop_held(struct virtio_net *s)
{
    for (unsigned i = 0; i < s->n_held; i++) {
        virtqueue_drop(s->held[i]);
    }
    s->n_held = 0;
}

/* Buffers for `need` bytes; false: the guest has not given so many. */
static bool hold_buffers(struct virtio_net *s, uint64_t need, uint64_t *room)
{
    bool merge = virtio_has(&s->v, NET_F_MRG_RXBUF);

    *room = 0;
    for (unsigned i = 0; i < s->n_held; i++) {
        *room += s->held[i]->in.bytes;
    }
    while (s->n_held == 0 || (merge && *room < need && s->n_held < HELD_MOST)) {
        struct virtio_element *e = virtqueue_pop(&s->v.queues[QUEUE_RX]);

        if (!e) {
            return false;
        }
        if (e->in.bytes < header_size(s)) {
            virtio_error(&s->v, "a receive buffer without room for a header");
            virtqueue_drop(e);
            return false;
        }
        s->held[s->n_held++] = e;
        *room += e->in.bytes;
    }
    return true;
}

static bool net_receive(struct net_client *c, const uint8_t *frame, size_t len)
{
    struct virtio_net *s = net_of(c);
    struct net_header h = { 0 };
    unsigned head = header_size(s), n = 0;
    uint64_t room, done = 0;

    if (!(s->v.status & VIRTIO_DRIVER_OK) || s->v.status & VIRTIO_NEEDS_RESET ||
        !passes(s, frame, len)) {
        return true;
    }
    if (!hold_buffers(s, head + len, &room)) {
        return (s->v.status & VIRTIO_NEEDS_RESET) != 0;
    }
    if (room < head + len) {
        return true; /* larger than what the guest can take; the buffers stay for the next */
    }
    for (uint64_t at = 0; at < head + len; n++) {
        at += s->held[n]->in.bytes;
    }
    h.num_buffers = (uint16_t)n;
    for (unsigned i = 0; i < n; i++) {
        struct virtio_element *e = s->held[i];
        uint64_t skip = i == 0 ? head : 0, part = MIN(e->in.bytes - skip, len - done);

        if (i == 0) {
            dma_list_write(&e->in, c->machine, 0, &h, head);
        }
        dma_list_write(&e->in, c->machine, skip, frame + done, part);
        done += part;
        virtqueue_push(e, (uint32_t)(skip + part));
    }
    s->n_held -= n;
    memmove(s->held, s->held + n, s->n_held * sizeof(s->held[0]));
    virtqueue_notify(&s->v.queues[QUEUE_RX]);
    return true;
}

/* From the guest -------------------------------------------------------------------------------- */

static void emit(void *opaque, const uint8_t *segment, size_t len)
{
    net_send(opaque, segment, len);
}

/* A frame with its header; what makes no sense is dropped as a card would. */
static void send_frame(struct virtio_net *s, const struct net_header *h, size_t len)
{
    unsigned gso = h->gso_type & ~GSO_ECN;

    if (gso == GSO_TCPV4 || gso == GSO_TCPV6) {
        if (virtio_has(&s->v, gso == GSO_TCPV4 ? NET_F_HOST_TSO4 : NET_F_HOST_TSO6)) {
            offload_segment(s->frame, len, h->gso_size, s->scratch, emit, &s->nic.client);
        }
        return;
    }
    if (gso != GSO_NONE || (h->flags & HDR_NEEDS_CSUM &&
                            (!virtio_has(&s->v, NET_F_CSUM) ||
                             !offload_checksum(s->frame, len, h->csum_start, h->csum_offset)))) {
        return;
    }
    net_send(&s->nic.client, s->frame, len);
}

static void transmit(struct virtio_net *s)
{
    struct virtio_queue *vq = &s->v.queues[QUEUE_TX];
    struct virtio_element *e;
    unsigned head = header_size(s);

    while (net_can_send(&s->nic.client) && (e = virtqueue_pop(vq))) {
        struct net_header h = { 0 };
        size_t len = 0;

        if (dma_list_read(&e->out, 0, &h, head) != head) {
            virtio_error(&s->v, "a frame without a header");
            virtqueue_drop(e);
            return;
        }
        if (e->out.bytes - head <= NET_FRAME_MAX) {
            len = dma_list_read(&e->out, head, s->frame, NET_FRAME_MAX);
        }
        virtqueue_push(e, 0);
        if (len >= NET_FRAME_MIN) {
            send_frame(s, &h, len);
        }
    }
    virtqueue_notify(vq);
}

static void net_drained(struct net_client *c)
{
    transmit(net_of(c));
}

/* The control queue ----------------------------------------------------------------------------- */

static bool control_rx(struct virtio_net *s, unsigned command, const uint8_t *data, size_t len)
{
    if (command >= MODES || len != 1 ||
        !virtio_has(&s->v, command <= MODE_ALLMULTI ? NET_F_CTRL_RX : NET_F_CTRL_RX_EXTRA)) {
        return false;
    }
    s->mode[command] = data[0] != 0;
    return true;
}

/* A list of addresses: a count, then so many. False: it is cut. */
static bool take_macs(const uint8_t **data, size_t *len, const uint8_t **macs, size_t *n)
{
    uint32_t count;

    if (*len < sizeof(count)) {
        return false;
    }
    memcpy(&count, *data, sizeof(count));
    if (count > (*len - sizeof(count)) / NET_MAC_BYTES) {
        return false;
    }
    *macs = *data + sizeof(count);
    *n = count;
    *data = *macs + count * NET_MAC_BYTES;
    *len -= sizeof(count) + count * NET_MAC_BYTES;
    return true;
}

static void set_mac(struct virtio_net *s, const uint8_t *mac)
{
    memcpy(s->mac, mac, NET_MAC_BYTES);
    memcpy(s->v.config + CONFIG_MAC, mac, NET_MAC_BYTES);
}

static bool control_mac(struct virtio_net *s, unsigned command, const uint8_t *data, size_t len)
{
    const uint8_t *uni, *multi;
    size_t n_uni, n_multi;

    if (command == 1) {
        if (len != NET_MAC_BYTES || !virtio_has(&s->v, NET_F_CTRL_MAC_ADDR)) {
            return false;
        }
        set_mac(s, data);
        return true;
    }
    if (command != 0 || !virtio_has(&s->v, NET_F_CTRL_RX) ||
        !take_macs(&data, &len, &uni, &n_uni) || !take_macs(&data, &len, &multi, &n_multi)) {
        return false;
    }
    s->unicast_overflow = n_uni > MAC_TABLE;
    s->unicasts = (uint8_t)(s->unicast_overflow ? 0 : n_uni);
    s->multicast_overflow = n_multi > MAC_TABLE - s->unicasts;
    s->multicasts = (uint8_t)(s->multicast_overflow ? 0 : n_multi);
    memcpy(s->table, uni, s->unicasts * NET_MAC_BYTES);
    memcpy(s->table + s->unicasts * NET_MAC_BYTES, multi, s->multicasts * NET_MAC_BYTES);
    return true;
}

static bool control_vlan(struct virtio_net *s, unsigned command, const uint8_t *data, size_t len)
{
    unsigned vid;

    if (command > 1 || len != 2 || !virtio_has(&s->v, NET_F_CTRL_VLAN)) {
        return false;
    }
    vid = data[0] | data[1] << 8;
    if (vid >= VLANS) {
        return false;
    }
    if (command == 0) {
        s->vlans[vid / 8] |= (uint8_t)(1u << vid % 8);
    } else {
        s->vlans[vid / 8] &= (uint8_t) ~(1u << vid % 8);
    }
    return true;
}

static bool control(struct virtio_net *s, const uint8_t *data, size_t len)
{
    static bool (*const classes[])(struct virtio_net *, unsigned, const uint8_t *, size_t) = {
        [CLASS_RX] = control_rx,
        [CLASS_MAC] = control_mac,
        [CLASS_VLAN] = control_vlan,
    };

    return len >= 2 && data[0] < G_N_ELEMENTS(classes) &&
           classes[data[0]](s, data[1], data + 2, len - 2);
}

static void control_notified(struct virtio_net *s, struct virtio_queue *vq)
{
    struct virtio_element *e;
    uint8_t data[CONTROL_MOST];

    while ((e = virtqueue_pop(vq))) {
        size_t len = dma_list_read(&e->out, 0, data, sizeof(data));
        uint8_t refused = e->out.bytes > sizeof(data) || !control(s, data, len);

        if (e->in.bytes == 0) {
            virtio_error(&s->v, "a command without a place for its answer");
            virtqueue_drop(e);
            return;
        }
        dma_list_write(&e->in, virtio_machine(&s->v), 0, &refused, 1);
        virtqueue_push(e, 1);
    }
    virtqueue_notify(vq);
    net_ready(&s->nic.client);
}

static void net_notified(struct virtio_device *v, struct virtio_queue *vq)
{
    struct virtio_net *s = (struct virtio_net *)v;

    switch (vq->index) {
    case QUEUE_RX:
        net_ready(&s->nic.client);
        break;
    case QUEUE_TX:
        transmit(s);
        break;
    default:
        control_notified(s, vq);
        break;
    }
}

/* Configuration and life ------------------------------------------------------------------------ */

static void fill_status(struct virtio_net *s)
{
    virtio_config_put(&s->v, CONFIG_STATUS, nic_link_up(&s->nic), 2);
}

static void net_link_changed(struct net_client *c)
{
    struct virtio_net *s = net_of(c);

    if (s->v.dev && s->v.dev->realized) {
        fill_status(s);
        virtio_config_changed(&s->v);
    }
}

static const struct net_ops net_client_ops = {
    .model = "virtio-net-pci",
    .card = true,
    .receive = net_receive,
    .drained = net_drained,
    .link_changed = net_link_changed,
};

/* Only legacy drivers may write the address here (5.1.4.2). */
static void net_config_write(struct virtio_device *v, unsigned off, unsigned size, uint32_t value)
{
    struct virtio_net *s = (struct virtio_net *)v;
    uint8_t mac[NET_MAC_BYTES];

    if (virtio_has(v, VIRTIO_F_VERSION_1) || off >= NET_MAC_BYTES || size > NET_MAC_BYTES - off) {
        return;
    }
    memcpy(mac, s->mac, NET_MAC_BYTES);
    for (unsigned i = 0; i < size; i++) {
        mac[off + i] = (uint8_t)(value >> 8 * i);
    }
    set_mac(s, mac);
}

static bool check_size(const struct virtio_net *s, const char *what, unsigned size, GError **error)
{
    if (size < 64 || size > VIRTIO_MAX_SIZE || size & (size - 1)) {
        set_error(error, "%s: %s is %u, must be a power of two from 64 to %u", s->v.dev->type->name,
                  what, size, VIRTIO_MAX_SIZE);
        return false;
    }
    return true;
}

static uint64_t features_of(const struct virtio_net *s)
{
    const struct {
        bool on;
        unsigned bit;
    } rows[] = {
        /* clang-format off */
        { s->csum,                     NET_F_CSUM },      { s->csum && s->host_tso4, NET_F_HOST_TSO4 },
        { s->csum && s->host_tso6,     NET_F_HOST_TSO6 }, { s->csum && s->host_ecn,  NET_F_HOST_ECN },
        { s->mrg_rxbuf,                NET_F_MRG_RXBUF }, { s->status,               NET_F_STATUS },
        { s->ctrl_vq,                  NET_F_CTRL_VQ },   { s->ctrl_vq && s->ctrl_rx, NET_F_CTRL_RX },
        { s->ctrl_vq && s->ctrl_vlan,  NET_F_CTRL_VLAN },
        { s->ctrl_vq && s->ctrl_rx_extra, NET_F_CTRL_RX_EXTRA },
        { s->ctrl_vq && s->ctrl_mac_addr, NET_F_CTRL_MAC_ADDR },
        { s->mtu != 0,                 NET_F_MTU },       { s->speed >= 0,           NET_F_SPEED_DUPLEX },
        { true,                        NET_F_MAC },
        /* clang-format on */
    };
    uint64_t features = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        features |= rows[i].on ? BIT(rows[i].bit) : 0;
    }
    return features;
}

static bool net_realize(struct virtio_device *v, GError **error)
{
    struct virtio_net *s = (struct virtio_net *)v;
    bool half = s->duplex && strcmp(s->duplex, "half") == 0;

    if (!check_size(s, "rx_queue_size", s->rx_size, error) ||
        !check_size(s, "tx_queue_size", s->tx_size, error) ||
        !nic_attach(&s->nic, v->dev, &net_client_ops, error)) {
        return false;
    }
    virtio_add_queue(v, s->rx_size);
    virtio_add_queue(v, s->tx_size);
    if (s->ctrl_vq) {
        virtio_add_queue(v, CONTROL_SIZE);
    }
    v->offered |= features_of(s);
    s->frame = g_malloc(NET_FRAME_MAX);
    s->scratch = g_malloc(NET_FRAME_MAX);
    set_mac(s, s->nic.mac);
    fill_status(s);
    virtio_config_put(v, CONFIG_PAIRS, 1, 2);
    virtio_config_put(v, CONFIG_MTU, s->mtu, 2);
    virtio_config_put(v, CONFIG_SPEED, (uint32_t)s->speed, 4);
    virtio_config_put(v, CONFIG_DUPLEX, half ? 0 : s->duplex ? 1 : 0xff, 1);
    return true;
}

static bool net_plugged(struct virtio_device *v, GError **error)
{
    return boot_order_add(v->dev, v->dev, ((struct virtio_net *)v)->nic.bootindex,
                          "/ethernet-phy@0", error);
}

static void net_unrealize(struct virtio_device *v)
{
    struct virtio_net *s = (struct virtio_net *)v;

    boot_order_remove(v->dev);
    nic_detach(&s->nic);
    g_free(s->frame);
    g_free(s->scratch);
}

static void net_reset(struct virtio_device *v)
{
    struct virtio_net *s = (struct virtio_net *)v;

    drop_held(s);
    if (s->nic.client.machine) {
        net_purge(&s->nic.client);
    }
    memset(s->mode, 0, sizeof(s->mode));
    s->mode[MODE_PROMISC] = 1;
    s->unicasts = s->multicasts = s->unicast_overflow = s->multicast_overflow = 0;
    memset(s->table, 0, sizeof(s->table));
    memset(s->vlans, 0, sizeof(s->vlans));
    set_mac(s, s->nic.mac);
}

/* Buffers that wait for a frame go back empty: the driver gives them again. */
static void net_pre_save(struct virtio_device *v)
{
    struct virtio_net *s = (struct virtio_net *)v;

    for (unsigned i = 0; i < s->n_held; i++) {
        virtqueue_push(s->held[i], 0);
    }
    s->n_held = 0;
}

static bool net_post_load(struct virtio_device *v, GError **error)
{
    struct virtio_net *s = (struct virtio_net *)v;

    if (s->unicasts + s->multicasts > (int)MAC_TABLE) {
        set_error(error, "%u and %u addresses are filtered, must be at most %u", s->unicasts,
                  s->multicasts, MAC_TABLE);
        return false;
    }
    set_mac(s, s->mac);
    fill_status(s);
    return true;
}

static const struct virtio_ops net_ops = {
    .id = VIRTIO_ID_NET,
    .romfile = "efi-virtio.rom",
    .config_size = CONFIG_SIZE,
    .realize = net_realize,
    .plugged = net_plugged,
    .unrealize = net_unrealize,
    .reset = net_reset,
    .notified = net_notified,
    .config_write = net_config_write,
    .pre_save = net_pre_save,
    .post_load = net_post_load,
};

/* Types ----------------------------------------------------------------------------------------- */

struct virtio_net_pci {
    struct virtio_pci proxy;
    struct virtio_net net;
};
struct virtio_net_device {
    struct virtio_mmio_device proxy;
    struct virtio_net net;
};

static bool pci_realize(struct device *dev, GError **error)
{
    return virtio_pci_realize(dev, &net_ops, 0x0200, error);
}

static bool mmio_realize(struct device *dev, GError **error)
{
    return virtio_mmio_plug(dev, &net_ops, error);
}

/* clang-format off */
#define NET_PROPS(strct)                                                                                       \
    NIC_PROPS(strct, net.nic),                                                                                 \
    PROP_BOOL(strct, "csum",          net.csum,          true, "checksums of what the guest sends are made here"), \
    PROP_BOOL(strct, "host_tso4",     net.host_tso4,     true, "segments of TCP over IPv4 are made here"),     \
    PROP_BOOL(strct, "host_tso6",     net.host_tso6,     true, "segments of TCP over IPv6 are made here"),     \
    PROP_BOOL(strct, "host_ecn",      net.host_ecn,      true, "segments with ECN, too"),                      \
    PROP_BOOL(strct, "mrg_rxbuf",     net.mrg_rxbuf,     true, "a frame may take several buffers"),            \
    PROP_BOOL(strct, "status",        net.status,        true, "the guest sees the link's state"),             \
    PROP_BOOL(strct, "ctrl_vq",       net.ctrl_vq,       true, "a control queue"),                             \
    PROP_BOOL(strct, "ctrl_rx",       net.ctrl_rx,       true, "filters by address"),                          \
    PROP_BOOL(strct, "ctrl_vlan",     net.ctrl_vlan,     true, "filters by VLAN"),                             \
    PROP_BOOL(strct, "ctrl_rx_extra", net.ctrl_rx_extra, true, "more modes of filters"),                       \
    PROP_BOOL(strct, "ctrl_mac_addr", net.ctrl_mac_addr, true, "the guest may change the address"),            \
    PROP_U16(strct, "host_mtu",       net.mtu,           0,    "the MTU that the guest is told; 0: none"),     \
    PROP_U16(strct, "rx_queue_size",  net.rx_size,       256,  "entries of the receive queue"),                \
    PROP_U16(strct, "tx_queue_size",  net.tx_size,       256,  "entries of the transmit queue"),               \
    PROP_I32(strct, "speed",          net.speed,         -1,   "Mbit/s that the guest is told; -1: none"),     \
    PROP_STRING(strct, "duplex",      net.duplex,        NULL, "half or full, beside speed")
/* clang-format on */

static const struct state_row net_state[] = {
    STATE_BUF(struct virtio_net, mac, 1, "the address now"),
    STATE_BUF(struct virtio_net, mode, 1, "promiscuous, all multicast, ... (5.1.6.5.1)"),
    STATE_INT(struct virtio_net, unicasts, 1, "addresses in the table"),
    STATE_INT(struct virtio_net, multicasts, 1, "and behind them"),
    STATE_INT(struct virtio_net, unicast_overflow, 1, "too many for the table: all pass"),
    STATE_INT(struct virtio_net, multicast_overflow, 1, "too many for the table: all pass"),
    STATE_BUF(struct virtio_net, table, 1, "filtered addresses"),
    STATE_BUF(struct virtio_net, vlans, 1, "VLANs that pass, a bit for each"),
    { 0 },
};
#define NET_STATE(strct) STATE_SUB(strct, net, 1, net_state, 1, "network card")

static const struct property pci_props[] = {
    VIRTIO_PCI_PROPS(struct virtio_net_pci, proxy, net.v),
    NET_PROPS(struct virtio_net_pci),
    { 0 },
};
static const struct property pci_common_props[] = {
    VIRTIO_PCI_COMMON_PROPS(struct virtio_net_pci, proxy, net.v),
    NET_PROPS(struct virtio_net_pci),
    { 0 },
};
static const struct property mmio_props[] = {
    VIRTIO_PROPS(struct virtio_net_device, net.v),
    NET_PROPS(struct virtio_net_device),
    { 0 },
};
static const struct state_row pci_state[] = { VIRTIO_PCI_STATE(struct virtio_net_pci, proxy, net.v),
                                              NET_STATE(struct virtio_net_pci),
                                              { 0 } };
static const struct state_row mmio_state[] = { VIRTIO_STATE(struct virtio_net_device, net.v),
                                               NET_STATE(struct virtio_net_device),
                                               { 0 } };

VIRTIO_PCI_TYPES(virtio_net, "virtio-net", "virtio network card", struct virtio_net_pci, net,
                 pci_props, pci_common_props, pci_state, pci_realize);
VIRTIO_MMIO_TYPE(virtio_net_device_type, "virtio-net-device", "virtio network card",
                 struct virtio_net_device, net, mmio_props, mmio_state, mmio_realize);
