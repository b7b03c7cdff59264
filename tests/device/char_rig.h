/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/char_rig.h: a character back end that keeps what it is given, takes only as much as
 * the test allows, and gives the device bytes.  Thread: the test's, machine lock held.
 */
#ifndef TESTS_DEVICE_CHAR_RIG_H
#define TESTS_DEVICE_CHAR_RIG_H

#include <string.h>
#include "chardev/backend.h"

struct char_rig {
    struct chardev base;
    char text[256];
    size_t len;
    size_t room; /* bytes it still takes */
};

static inline size_t char_rig_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    struct char_rig *t = (struct char_rig *)c;

    n = MIN(n, t->room);
    for (size_t i = 0; i < n && t->len < sizeof(t->text) - 1; i++) {
        t->text[t->len++] = buf[i];
    }
    t->room -= n;
    return n;
}

static inline void char_rig_accept_input(struct chardev *c)
{
    (void)c;
}

static const struct chardev_type char_rig_type = {
    .name = "test",
    .size = sizeof(struct char_rig),
    .write = char_rig_write,
    .accept_input = char_rig_accept_input,
};

static inline struct char_rig *char_rig_new(struct machine *m, const char *label)
{
    struct char_rig *t = (struct char_rig *)backend_alloc(m, &char_rig_type, label);

    t->room = SIZE_MAX;
    return t;
}

/* Gives the device what it takes of text; returns how much that was. */
static inline size_t char_rig_send(struct char_rig *t, const char *text)
{
    const struct chardev_front *f = &t->base.front;
    size_t n = MIN(strlen(text), f->can_receive(f->opaque));

    if (n) {
        f->receive(f->opaque, (const uint8_t *)text, n);
    }
    return n;
}

#endif
