/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/net_rig.h: two cards that count what they get, and back ends for them. Thread: the test's. */
#ifndef TESTS_UNIT_NET_RIG_H
#define TESTS_UNIT_NET_RIG_H

#include <string.h>
#include "net/netdev.h"
#include "softmmu/machine.h"
#include "util/text.h"

struct card {
    struct net_client client;
    bool full;
    unsigned frames, drained, links;
    uint8_t last[2048];
    size_t len;
};

static inline bool card_receive(struct net_client *c, const uint8_t *frame, size_t len)
{
    struct card *card = (struct card *)c;

    if (card->full) {
        return false;
    }
    card->frames++;
    card->len = len;
    memcpy(card->last, frame, MIN(len, sizeof(card->last)));
    return true;
}

static inline void card_drained(struct net_client *c)
{
    ((struct card *)c)->drained++;
}

static inline void card_link_changed(struct net_client *c)
{
    ((struct card *)c)->links++;
}

static const struct net_ops card_ops = { .model = "test-card",
                                         .card = true,
                                         .receive = card_receive,
                                         .drained = card_drained,
                                         .link_changed = card_link_changed };

struct fixture {
    struct machine *m;
    struct card a, b;
};

static inline void set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    memset(f, 0, sizeof(*f));
    f->m = machine_new();
    machine_lock(f->m);
    net_client_init(&f->a.client, f->m, &card_ops, "a", "model=test");
    net_client_init(&f->b.client, f->m, &card_ops, NULL, "model=test");
}

static inline void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    net_client_clear(&f->a.client);
    net_client_clear(&f->b.client);
    machine_free(f->m);
}

static inline struct net_client *netdev(struct fixture *f, const char *text)
{
    g_autoptr(GPtrArray) opts = parse_options(text, "type");
    g_autoptr(GError) error = NULL;
    struct net_client *c = netdev_add(f->m, opts, &error);

    g_assert_no_error(error);
    g_assert_nonnull(c);
    return c;
}

static inline void assert_refused(struct fixture *f, const char *text, const char *part)
{
    g_autoptr(GPtrArray) opts = parse_options(text, "type");
    g_autoptr(GError) error = NULL;

    g_assert_null(netdev_add(f->m, opts, &error));
    g_test_message("%s: %s", text, error->message);
    g_assert_nonnull(strstr(error->message, part));
}

static const uint8_t frame[60] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x12, 0x34
};

#endif
