/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/event.h: what happened to the machine, for whoever wants to be told (QMP's events).
 *
 * Thread: listeners are called under the machine lock, on the thread that emits or the main loop.
 */
#ifndef SOFTMMU_EVENT_H
#define SOFTMMU_EVENT_H

#include <jansson.h>
#include <stdint.h>

struct machine;

enum event_id {
    EVENT_SHUTDOWN,
    EVENT_POWERDOWN,
    EVENT_RESET,
    EVENT_STOP,
    EVENT_RESUME,
    EVENT_SUSPEND,
    EVENT_WAKEUP,
    EVENT_GUEST_PANICKED,
    EVENT_GUEST_CRASHLOADED,
    EVENT_DEVICE_DELETED,
    EVENT_DEVICE_TRAY_MOVED,
    EVENT_BLOCK_IO_ERROR,
    EVENT_BLOCK_JOB_READY,
    EVENT_BLOCK_JOB_PENDING,
    EVENT_BLOCK_JOB_COMPLETED,
    EVENT_BLOCK_JOB_CANCELLED,
    EVENT_BLOCK_JOB_ERROR,
    EVENT_JOB_STATUS_CHANGE,
    EVENT_BLOCK_EXPORT_DELETED,
    EVENT_BLOCK_WRITE_THRESHOLD,
    EVENT_MIGRATION,
    EVENT_DUMP_COMPLETED,
    EVENT_VNC_CONNECTED,
    EVENT_VNC_INITIALIZED,
    EVENT_VNC_DISCONNECTED,
    EVENT_BALLOON_CHANGE,
    EVENT_NIC_RX_FILTER_CHANGED,
    EVENT_VSERPORT_CHANGE,
    EVENT_WATCHDOG,
    EVENT_COUNT
};

/* QEMU's names; `members` as in monitor/qmp_types.c: "guest: bool, device?: str". */
struct event_row {
    const char *name, *members;
};
extern const struct event_row event_rows[EVENT_COUNT];

struct event_listener {
    /* `us`: microseconds since 1970; data: NULL for an event without members. */
    void (*event)(struct event_listener *l, enum event_id id, json_t *data, int64_t us);
    struct event_listener *next;
};

void event_add_listener(struct machine *m, struct event_listener *l);
void event_remove_listener(struct machine *m, struct event_listener *l);
/* Any thread.  Takes over `data`; without the machine lock the listeners are told by the main loop. */
void event_emit(struct machine *m, enum event_id id, json_t *data);

#endif
