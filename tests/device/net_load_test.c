/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every card under load: queues that are full, resets and removals amid traffic. Frames have numbers: between two
 * resets none may be lost, doubled or out of its place as long as the sender heeds net_can_send, and nothing of what
 * waited reaches the next driver. The sanitizers see what is used or left behind.
 * Thread: the test's.
 */
#include "softmmu/hotplug.h"
#include "tests/device/net_drivers.h"

#define FRAME_LEAST 60u
#define FRAME_MOST  1500u
#define STEPS       20000u

struct wire {
    struct net_client client;
    bool full;
    unsigned drained;
    uint32_t next, sent; /* numbers: what must come next, what was sent last */
    GHashTable
        *begins; /* numbers of the first frame after each reset: those before may be missing */
};

struct fixture {
    struct net_driver d;
    const struct net_driver_row *row;
    struct wire wire;
    GRand *rand;
    uint32_t next, sent; /* of the driver's side */
};

/* Frames ---------------------------------------------------------------------------------------- */

static size_t make_frame(uint8_t *frame, uint32_t number)
{
    size_t len = FRAME_LEAST + number * 37 % (FRAME_MOST - FRAME_LEAST);

    net_fill(frame, len, NET_RIG_MAC);
    memcpy(frame + NET_FRAME_MIN, &number, sizeof(number));
    return len;
}

static uint32_t check_frame(const uint8_t *frame, size_t len)
{
    uint8_t want[FRAME_MOST];
    uint32_t number;

    g_assert_cmpuint(len, >=, FRAME_LEAST);
    memcpy(&number, frame + NET_FRAME_MIN, sizeof(number));
    g_assert_cmpmem(frame, len, want, make_frame(want, number));
    return number;
}

/* The wire -------------------------------------------------------------------------------------- */

static bool wire_receive(struct net_client *c, const uint8_t *frame, size_t len)
{
    struct wire *w = (struct wire *)c;
    uint32_t number;

    if (w->full) {
        return false;
    }
    number = check_frame(frame, len);
    if (number != w->next) {
        g_assert_cmpuint(number, >, w->next);
        g_assert_true(g_hash_table_contains(w->begins, GUINT_TO_POINTER(number)));
    }
    w->next = number + 1;
    return true;
}

static void wire_drained(struct net_client *c)
{
    ((struct wire *)c)->drained++;
}

static const struct net_ops wire_ops = { .model = "wire",
                                         .receive = wire_receive,
                                         .drained = wire_drained };

/* One frame for the card. */
static void wire_send(struct fixture *f)
{
    uint8_t frame[FRAME_MOST];
    size_t len = make_frame(frame, f->wire.sent++);

    net_send(&f->wire.client, frame, len);
}

static void wire_open(struct fixture *f)
{
    f->wire.full = false;
    net_ready(&f->wire.client);
}

static struct net_client *card(struct fixture *f)
{
    return f->wire.client.peer;
}

/* The driver ------------------------------------------------------------------------------------ */

static void start(struct fixture *f)
{
    f->d.given = f->d.taken = f->d.sent = f->d.done = 0;
    f->next = f->wire.sent;
    g_hash_table_add(f->wire.begins, GUINT_TO_POINTER(f->sent));
    f->row->start(&f->d);
}

static bool give(struct fixture *f)
{
    if (f->d.given - f->d.taken == NET_DRIVER_RING) {
        return false;
    }
    if (f->row->give) {
        f->row->give(&f->d, f->d.given % NET_DRIVER_RING);
    }
    f->d.given++;
    return true;
}

static bool take(struct fixture *f)
{
    unsigned i = f->d.taken % NET_DRIVER_RING;
    size_t len = f->d.taken == f->d.given ? 0 : f->row->arrived(&f->d, i);
    uint8_t frame[FRAME_MOST];

    if (len == 0) {
        return false;
    }
    g_assert_cmpuint(len, <=, FRAME_MOST);
    rig_read(f->d.v.r, NET_DRIVER_RXBUF + i * 0x1000, frame, len);
    g_assert_cmpuint(check_frame(frame, len), ==, f->next);
    f->next++;
    f->d.taken++;
    return true;
}

static void collect(struct fixture *f)
{
    while (f->d.done != f->d.sent && f->row->sent(&f->d, f->d.done % NET_DRIVER_RING)) {
        f->d.done++;
    }
}

static bool driver_send(struct fixture *f)
{
    unsigned i = f->d.sent % NET_DRIVER_RING;
    uint8_t frame[FRAME_MOST];
    size_t len;

    collect(f);
    if (f->d.sent - f->d.done == f->row->sends) {
        return false;
    }
    len = make_frame(frame, f->sent++);
    rig_write(f->d.v.r, NET_DRIVER_TXBUF + i * 0x1000, frame, len);
    f->row->send(&f->d, i, len);
    f->d.sent++;
    return true;
}

/* Everything that is under way arrives. */
static void settle(struct fixture *f)
{
    wire_open(f);
    collect(f);
    g_assert_cmpuint(f->d.done, ==, f->d.sent);
    g_assert_true(f->d.sent == 0 || f->wire.next == f->sent);
    while (take(f) || give(f)) {
    }
    g_assert_cmpuint(f->next, ==, f->wire.sent);
    g_assert_true(g_queue_is_empty(&card(f)->queue) && g_queue_is_empty(&f->wire.client.queue));
}

/* Life ------------------------------------------------------------------------------------------ */

static void plug(struct fixture *f)
{
    f->d.dev = rig_device(f->d.v.r, f->row->card, NET_RIG_PROPS);
    start(f);
}

static void unplug(struct fixture *f)
{
    unsigned drained = f->wire.drained;
    bool held = card(f)->held;

    device_remove(f->d.dev);
    g_assert_null(card(f));
    g_assert_true(g_queue_is_empty(&f->wire.client.queue));
    g_assert_true(net_can_send(&f->wire.client));
    g_assert_cmpuint(f->wire.drained - drained, ==, held); /* whoever waited goes on */
}

static void reset(struct fixture *f)
{
    unsigned drained = f->wire.drained;
    bool held = card(f)->held;

    f->d.dev->type->reset(f->d.dev);
    g_assert_true(g_queue_is_empty(&card(f)->queue));
    g_assert_true(net_can_send(&f->wire.client));
    g_assert_cmpuint(f->wire.drained - drained, ==, held);
    start(f);
}

static void set_up(struct fixture *f, gconstpointer data)
{
    memset(f, 0, sizeof(*f));
    f->row = data;
    f->rand = g_rand_new_with_seed(1);
    virtio_rig_machine(&f->d.v);
    net_client_init(&f->wire.client, f->d.v.r->m, &wire_ops, "w", NULL);
    f->wire.begins = g_hash_table_new(NULL, NULL);
    plug(f);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    net_client_clear(&f->wire.client);
    virtio_rig_tear_down(&f->d.v);
    g_hash_table_unref(f->wire.begins);
    g_rand_free(f->rand);
}

/* Tests ----------------------------------------------------------------------------------------- */

static void a_full_card_keeps_what_it_promised(struct fixture *f, gconstpointer data)
{
    (void)data;
    while (net_can_send(&f->wire.client)) {
        wire_send(f);
    }
    g_assert_cmpuint(card(f)->queue.length, ==, NET_QUEUE_FRAMES / 2);
    for (unsigned i = 0; i < NET_QUEUE_FRAMES; i++) { /* one that does not heed it */
        wire_send(f);
    }
    g_assert_cmpuint(card(f)->queue.length, ==, NET_QUEUE_FRAMES);
    g_assert_cmpuint(card(f)->dropped, ==, NET_QUEUE_FRAMES / 2);
    while (take(f) || give(f)) {
    }
    g_assert_cmpuint(f->next, ==, f->wire.sent - NET_QUEUE_FRAMES / 2); /* in order, then none */
    g_assert_cmpuint(f->wire.drained, ==, 1);
    f->next = f->wire.sent;
    wire_send(f);
    settle(f);
}

static void a_full_wire_holds_the_card_back(struct fixture *f, gconstpointer data)
{
    unsigned rounds = 0;

    (void)data;
    for (; rounds < 3; rounds++) {
        f->wire.full = true;
        while (driver_send(f)) {
        }
        g_assert_cmpuint(f->wire.client.queue.length, ==, NET_QUEUE_FRAMES / 2);
        g_assert_cmpuint(f->sent - f->wire.next, ==, NET_QUEUE_FRAMES / 2 + f->row->sends);
        settle(f);
    }
    g_assert_cmpuint(f->wire.client.dropped, ==, 0);
}

/* Both directions are full when it happens; then both go on. */
static void fill_both(struct fixture *f)
{
    while (give(f)) {
    }
    while (net_can_send(&f->wire.client)) {
        wire_send(f);
    }
    f->wire.full = true;
    while (driver_send(f)) {
    }
}

static void resets_amid_traffic(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 5; i++) {
        fill_both(f);
        reset(f);
        wire_open(f);
        g_assert_true(driver_send(f));
        wire_send(f);
        settle(f);
    }
}

static void removals_amid_traffic(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 5; i++) {
        fill_both(f);
        unplug(f);
        wire_send(f); /* into the void */
        plug(f);
        wire_open(f);
        g_assert_true(driver_send(f));
        wire_send(f);
        settle(f);
    }
}

static void replug(struct fixture *f)
{
    unplug(f);
    plug(f);
}

static void wire_close(struct fixture *f)
{
    f->wire.full = true;
}

static void maybe_wire_send(struct fixture *f)
{
    if (net_can_send(&f->wire.client)) {
        wire_send(f);
    }
}

static void maybe_give(struct fixture *f)
{
    give(f);
}

static void maybe_take(struct fixture *f)
{
    take(f);
}

static void maybe_driver_send(struct fixture *f)
{
    driver_send(f);
}

static void step(struct fixture *f)
{
    static const struct {
        int weight;
        void (*fn)(struct fixture *f);
    } rows[] = {
        { 1, reset },
        { 1, replug },
        { 1, settle },
        { 18, wire_close },
        { 18, wire_open },
        { 150, maybe_give },
        { 130, maybe_take },
        { 160, maybe_driver_send },
        { 120, maybe_wire_send },
    };
    int n = g_rand_int_range(f->rand, 0, 599);
    unsigned i = 0;

    for (; i < G_N_ELEMENTS(rows) - 1 && n >= rows[i].weight; i++) {
        n -= rows[i].weight;
    }
    rows[i].fn(f);
}

static void anything_in_any_order(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < STEPS; i++) {
        step(f);
    }
    settle(f);
    g_assert_cmpuint(f->wire.sent, >, STEPS / 20);
    g_assert_cmpuint(f->sent, >, STEPS / 20);
}

static void add(const struct net_driver_row *row, const char *name,
                void (*fn)(struct fixture *, gconstpointer))
{
    g_autofree char *path = g_strdup_printf("/net load/%s/%s", row->card, name);

    g_test_add(path, struct fixture, row, set_up, fn, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(net_driver_rows); i++) {
        const struct net_driver_row *row = &net_driver_rows[i];

        add(row, "a full card keeps what it promised", a_full_card_keeps_what_it_promised);
        add(row, "a full wire holds the card back", a_full_wire_holds_the_card_back);
        add(row, "resets amid traffic", resets_amid_traffic);
        add(row, "removals amid traffic", removals_amid_traffic);
        add(row, "anything in any order", anything_in_any_order);
    }
    return g_test_run();
}
