/* SPDX-License-Identifier: GPL-2.0-or-later */
/* softmmu/io_event.c: see io_event.h.  Thread: machine lock held. */
#include "softmmu/io_event.h"

#include "softmmu/machine.h"

bool io_event_add(struct machine *m, struct io_event *e)
{
    if (!m->io_events) {
        return false;
    }
    e->placed = false;
    e->next = m->io_events->events;
    m->io_events->events = e;
    m->io_events->added(m);
    return true;
}

void io_event_remove(struct machine *m, struct io_event *e)
{
    for (struct io_event **link = m->io_events ? &m->io_events->events : NULL; link && *link;
         link = &(*link)->next) {
        if (*link == e) {
            *link = e->next;
            m->io_events->removed(m, e);
            return;
        }
    }
}

void io_coalesced_add(struct machine *m, struct io_coalesced *c)
{
    if (m->io_events) {
        c->placed = false;
        c->next = m->io_events->ranges;
        m->io_events->ranges = c;
        m->io_events->added(m);
    }
}

void io_coalesced_remove(struct machine *m, struct io_coalesced *c)
{
    for (struct io_coalesced **link = m->io_events ? &m->io_events->ranges : NULL; link && *link;
         link = &(*link)->next) {
        if (*link == c) {
            *link = c->next;
            m->io_events->range_removed(m, c);
            return;
        }
    }
}

void io_coalesced_flush(struct machine *m)
{
    if (m->io_events && m->io_events->ranges) {
        m->io_events->flush(m);
    }
}
