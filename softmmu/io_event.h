/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/io_event.h: guest writes that need not wait for their device, where the engine can do without an exit.
 *
 * An io_event is a write whose only meaning is that it happened: it adds to an eventfd, and whoever waits for that acts
 * later, on another thread.  A coalesced range takes writes late, but in order: before any other access to a
 * device, when the machine stops, and when somebody calls io_coalesced_flush.
 *
 * The region's callbacks stay right: they serve engines without m->io_events, writes that match no event, and those
 * that are no vCPU's.
 *
 * Thread: machine lock held.
 */
#ifndef SOFTMMU_IO_EVENT_H
#define SOFTMMU_IO_EVENT_H

#include <stdbool.h>
#include <stdint.h>

struct machine;
struct mem_region;

struct io_event {
    struct mem_region *mr;
    uint64_t offset; /* within it */
    unsigned size;   /* bytes of the write; 0: any */
    bool match;      /* only a write of `value` */
    uint64_t value;
    int fd;
    struct io_event *next; /* machine's list */
    /* The engine's: where it has placed it; where it lies in the view that is looked at. */
    bool placed, port, found;
    uint64_t addr, now;
};

struct io_coalesced {
    struct mem_region *mr;
    uint64_t offset, size; /* within it, bytes */
    struct io_coalesced *next;
    bool placed, port, found;
    uint64_t addr, last, now, now_last; /* all inclusive */
};

struct io_events {
    struct io_event *events;
    struct io_coalesced *ranges;
    /* Something was added: the flat views say where it lies.  They are looked at again when they change. */
    void (*added)(struct machine *m);
    /* On return no write is told of any more. */
    void (*removed)(struct machine *m, struct io_event *e);
    void (*range_removed)(struct machine *m, struct io_coalesced *c);
    void (*flush)(struct machine *m);
};

/* False: the engine knows of none; every write calls the region.  *e is the caller's, until removed. */
bool io_event_add(struct machine *m, struct io_event *e);
void io_event_remove(struct machine *m, struct io_event *e);

/* The same for a range of a region, which goes before its region does. */
void io_coalesced_add(struct machine *m, struct io_coalesced *c);
void io_coalesced_remove(struct machine *m, struct io_coalesced *c);
/* What was written is there. */
void io_coalesced_flush(struct machine *m);

#endif
