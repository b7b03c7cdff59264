/* SPDX-License-Identifier: GPL-2.0-or-later */
/* softmmu/event.c: the table of events, and telling of them.  Thread: see event.h. */
#include "softmmu/event.h"

#include <glib.h>
#include "softmmu/machine.h"

/* clang-format off */
const struct event_row event_rows[EVENT_COUNT] = {
    [EVENT_SHUTDOWN]       = { "SHUTDOWN",       "guest: bool, reason: ShutdownCause" },
    [EVENT_POWERDOWN]      = { "POWERDOWN",      "" },
    [EVENT_RESET]          = { "RESET",          "guest: bool, reason: ShutdownCause" },
    [EVENT_STOP]           = { "STOP",           "" },
    [EVENT_RESUME]         = { "RESUME",         "" },
    [EVENT_SUSPEND]        = { "SUSPEND",        "" },
    [EVENT_WAKEUP]         = { "WAKEUP",         "" },
    [EVENT_GUEST_PANICKED] = { "GUEST_PANICKED", "action: GuestPanicAction, info?: GuestPanicInformation" },
    [EVENT_GUEST_CRASHLOADED] = { "GUEST_CRASHLOADED", "action: GuestPanicAction, info?: GuestPanicInformation" },
    [EVENT_DEVICE_TRAY_MOVED] = { "DEVICE_TRAY_MOVED", "device: str, id: str, tray-open: bool" },
    [EVENT_BLOCK_IO_ERROR] = { "BLOCK_IO_ERROR", "device: str, node-name?: str, operation: IoOperationType, action: BlockErrorAction, nospace?: bool, reason: str" },
    [EVENT_BLOCK_JOB_READY] = { "BLOCK_JOB_READY", "type: JobType, device: str, len: int, offset: int, speed: int" },
    [EVENT_BLOCK_JOB_PENDING] = { "BLOCK_JOB_PENDING", "type: JobType, id: str" },
    [EVENT_BLOCK_JOB_COMPLETED] = { "BLOCK_JOB_COMPLETED", "type: JobType, device: str, len: int, offset: int, speed: int, error?: str" },
    [EVENT_BLOCK_JOB_CANCELLED] = { "BLOCK_JOB_CANCELLED", "type: JobType, device: str, len: int, offset: int, speed: int" },
    [EVENT_BLOCK_JOB_ERROR] = { "BLOCK_JOB_ERROR", "device: str, operation: IoOperationType, action: BlockErrorAction" },
    [EVENT_BLOCK_WRITE_THRESHOLD] = { "BLOCK_WRITE_THRESHOLD", "node-name: str, amount-exceeded: u64, write-threshold: u64" },
    [EVENT_BLOCK_EXPORT_DELETED] = { "BLOCK_EXPORT_DELETED", "id: str" },
    [EVENT_JOB_STATUS_CHANGE] = { "JOB_STATUS_CHANGE", "id: str, status: JobStatus" },
    [EVENT_DEVICE_DELETED] = { "DEVICE_DELETED", "device?: str, path: str" },
    [EVENT_MIGRATION] = { "MIGRATION", "status: MigrationStatus" },
    [EVENT_DUMP_COMPLETED] = { "DUMP_COMPLETED", "result: DumpQueryResult, error?: str" },
    [EVENT_VNC_CONNECTED] = { "VNC_CONNECTED", "server: VncServerInfo, client: VncBasicInfo" },
    [EVENT_VNC_INITIALIZED] = { "VNC_INITIALIZED", "server: VncServerInfo, client: VncClientInfo" },
    [EVENT_VNC_DISCONNECTED] = { "VNC_DISCONNECTED", "server: VncServerInfo, client: VncClientInfo" },
    [EVENT_BALLOON_CHANGE] = { "BALLOON_CHANGE", "actual: int" },
    [EVENT_WATCHDOG]       = { "WATCHDOG",       "action: WatchdogAction" },
    [EVENT_NIC_RX_FILTER_CHANGED] = { "NIC_RX_FILTER_CHANGED", "name?: str, path: str" },
    [EVENT_VSERPORT_CHANGE] = { "VSERPORT_CHANGE", "id: str, open: bool" },
};
/* clang-format on */

void event_add_listener(struct machine *m, struct event_listener *l)
{
    l->next = m->event_listeners;
    m->event_listeners = l;
}

void event_remove_listener(struct machine *m, struct event_listener *l)
{
    for (struct event_listener **p = &m->event_listeners; *p; p = &(*p)->next) {
        if (*p == l) {
            *p = l->next;
            return;
        }
    }
}

/* One that waits for the main loop. */
struct waiting_event {
    struct machine *machine;
    enum event_id id;
    json_t *data;
    int64_t us;
};

static void tell(struct machine *m, enum event_id id, json_t *data, int64_t us)
{
    for (struct event_listener *l = m->event_listeners, *next; l; l = next) {
        next = l->next;
        l->event(l, id, data, us);
    }
    json_decref(data);
}

static void tell_waiting(void *opaque)
{
    g_autofree struct waiting_event *e = opaque;

    tell(e->machine, e->id, e->data, e->us);
}

void event_emit(struct machine *m, enum event_id id, json_t *data)
{
    int64_t us = g_get_real_time();
    struct waiting_event *e;

    if (machine_locked(m)) {
        tell(m, id, data, us);
        return;
    }
    e = g_new(struct waiting_event, 1);
    *e = (struct waiting_event){ m, id, data, us };
    machine_call_soon(m, tell_waiting, e);
}
