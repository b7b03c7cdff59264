/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/qtest/lines.c: interrupt lines that a test watches or drives.
 *
 * A watched line goes through a tap: the tap tells the test, and hands the level on.
 * Invariant: taps live until the lines are as they were, or their device is gone.
 * Thread:    machine lock held; a tap also on a vCPU's thread.
 */
#include <inttypes.h>
#include <string.h>
#include "accel/qtest/internal.h"
#include "softmmu/hotplug.h"
#include "softmmu/machine.h"
#include "util/error.h"

struct tap {
    struct qtest *q;
    struct irq to;
    unsigned number; /* as the test knows it */
    bool level;
};

struct qtest_watch {
    struct device *dev;
    const struct device_lines *lines;
    struct tap taps[];
};

static struct irq *line_at(struct device *dev, const struct device_lines *lines, unsigned i)
{
    return (struct irq *)((char *)dev + lines->offset) + i;
}

static unsigned number_of(const struct device_lines *lines, unsigned i)
{
    return lines->numbers ? lines->numbers[i] : i;
}

struct device *qtest_find_device(struct machine *m, const char *name)
{
    struct device *dev = *name == '/' ? NULL : device_find(m, name);

    for (unsigned i = 0; !dev && i < m->devices->len; i++) {
        struct device *at = g_ptr_array_index(m->devices, i);
        g_autofree char *path = device_path(at);

        if (strcmp(*name == '/' ? path : at->type->name, name) == 0) {
            dev = at;
        }
    }
    return dev;
}

static void tap_set(void *opaque, int n, bool level)
{
    struct tap *t = (struct tap *)opaque + n;

    if (t->level != level) {
        g_autofree char *text = g_strdup_printf("IRQ %s %u", level ? "raise" : "lower", t->number);

        t->level = level;
        qtest_send(t->q, text);
    }
    irq_set(&t->to, level);
}

bool qtest_watch_lines(struct qtest *q, struct device *dev, const struct device_lines *lines,
                       GError **error)
{
    struct qtest_watch **at = qtest_watch_of(q), *w = *at;
    unsigned count = lines ? lines->count : 0;

    if (w && w->dev != dev) {
        set_error(error, "IRQ intercept already enabled");
        return false;
    }
    if (w || count == 0) {
        return true;
    }
    w = g_malloc0(sizeof(*w) + count * sizeof(struct tap));
    w->dev = dev;
    w->lines = lines;
    for (unsigned i = 0; i < count; i++) {
        struct irq *line = line_at(dev, lines, i);

        w->taps[i] = (struct tap){ q, *line, number_of(lines, i), false };
        *line = (struct irq){ tap_set, w->taps, (int)i };
    }
    *at = w;
    return true;
}

void qtest_watch_free(struct machine *m, struct qtest_watch *w)
{
    bool there = w && g_ptr_array_find(m->devices, w->dev, NULL);

    for (unsigned i = 0; there && i < w->lines->count; i++) {
        *line_at(w->dev, w->lines, i) = w->taps[i].to;
    }
    g_free(w);
}

bool qtest_set_line(struct device *dev, const char *name, uint64_t number, bool level,
                    GError **error)
{
    const struct device_lines *lines = dev->type->inputs;

    if (strcmp(name, "unnamed-gpio-in") != 0) {
        set_error(error, "Unknown input '%s': the lines of a device are 'unnamed-gpio-in'", name);
        return false;
    }
    for (unsigned i = 0; lines && i < lines->count; i++) {
        if (number_of(lines, i) == number) {
            irq_set(line_at(dev, lines, i), level);
            return true;
        }
    }
    set_error(error, "Unknown input %" PRIu64 ": %s has %u", number, dev->type->name,
              lines ? lines->count : 0);
    return false;
}
