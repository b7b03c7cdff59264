/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/chardev_rig.h: a front that writes down what it gets, and a loop that must come to rest. */
#ifndef TESTS_UNIT_CHARDEV_RIG_H
#define TESTS_UNIT_CHARDEV_RIG_H

#include "chardev/chardev.h"
#include "softmmu/machine.h"

/* Turns the loop until nothing is ready; a loop that never rests fails. */
static inline void settle(struct machine *m)
{
    unsigned turns = 0;

    while (g_main_context_pending(m->context)) {
        machine_iterate(m, false);
        g_assert_cmpuint(++turns, <, 10000);
    }
}

/* A front that writes down what it gets. */
struct recorder {
    GString *got;
    GString *events; /* a letter each: o c b i u */
    size_t room;
};

static inline size_t recorder_can_receive(void *opaque)
{
    return ((struct recorder *)opaque)->room;
}

static inline void recorder_receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct recorder *rec = opaque;

    g_assert_cmpuint(n, <=, rec->room);
    rec->room -= n;
    g_string_append_len(rec->got, (const char *)buf, (gssize)n);
}

static inline void recorder_event(void *opaque, enum chardev_event event)
{
    g_string_append_c(((struct recorder *)opaque)->events, "ocbiu"[event]);
}

static inline void recorder_init(struct recorder *rec)
{
    *rec = (struct recorder){ g_string_new(NULL), g_string_new(NULL), 100000 };
}

static inline void recorder_clear(struct recorder *rec)
{
    g_string_free(rec->got, TRUE);
    g_string_free(rec->events, TRUE);
}

static inline bool recorder_attach(struct recorder *rec, struct chardev *c, GError **error)
{
    struct chardev_front front = { recorder_can_receive, recorder_receive, recorder_event, rec };

    return chardev_attach(c, &front, error);
}

#endif
