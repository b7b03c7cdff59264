/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/command.h: rows of monitor commands, inside the monitor.
 * Thread: machine lock held.
 */
#ifndef MONITOR_COMMAND_H
#define MONITOR_COMMAND_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include "monitor/expression.h"

struct machine;

/* A handler prints to `out`; false and *error: a message, on one line. */
typedef bool command_fn(struct machine *m, const char *args, GString *out, GError **error);

struct command {
    const char *names;  /* "quit|q": the first is the full one */
    const char *params; /* for help; "" where it takes none (the parser then refuses arguments) */
    const char *help;
    command_fn *run;
    /* Without `run`: what it prints, or its error: for what this program has not. */
    const char *says, *refuses;
};

extern const struct command monitor_commands[]; /* commands.c; ends with names NULL */
extern const struct command info_commands[];    /* info.c */

/* Calls its handler, or gives its fixed answer.  Arguments are refused where it takes none. */
bool command_run(const struct command *c, struct machine *m, const char *args, GString *out,
                 GError **error);
/* The row that answers to a name, or NULL. */
const struct command *command_find(const struct command *table, const char *name);
void command_print_help(const char *prefix, const struct command *c, GString *out);
/* "unknown WHAT: 'name'" with the closest names. */
void command_set_unknown(const struct command *table, const char *what, const char *name,
                         GError **error);

command_fn command_info; /* info.c */

/* commands.c: the number of a CPU that exists. */
bool command_parse_cpu(struct machine *m, const char *args, uint64_t *n, GError **error);

/* cpu_access.c: the CPU that `cpu N` chose, CPU 0 at first, stands still between begin and end. */
struct x86_cpu;
struct x86_cpu *cpu_access_begin(struct machine *m, GError **error); /* NULL: no CPU */
void cpu_access_end(struct machine *m);
/* register_fn with the machine as opaque. */
bool cpu_access_register(void *opaque, const char *name, uint64_t *value);
/* Memory as that CPU sees it; false: not mapped, or nothing there. */
bool cpu_access_read(struct machine *m, struct x86_cpu *cpu, bool physical, uint64_t addr,
                     void *buf, unsigned len);

/* info_paging.c, info_apic.c, info_memory.c, info_machine.c */
command_fn command_info_tlb, command_info_mem, command_info_lapic;
command_fn command_info_mtree, command_info_ramblock, command_info_roms, command_info_memdev,
    command_info_memory_size_summary;
command_fn command_gpa2hva, command_gpa2hpa, command_gva2gpa, command_memsave, command_pmemsave;
command_fn command_info_numa, command_info_uuid, command_info_kvm, command_info_hotpluggable_cpus,
    command_info_vm_generation_id, command_info_blockstats, command_info_qdm, command_info_history,
    command_info_stats, command_info_rocker;

/* virtio.c */
command_fn command_info_virtio, command_info_virtio_status, command_info_virtio_queue_status,
    command_info_virtio_vhost_queue_status, command_info_virtio_queue_element;

/* qom_commands.c, control.c */
command_fn command_qom_list, command_qom_get, command_qom_set, command_info_qom_tree;
command_fn command_logfile, command_singlestep, command_mouse_set, command_boot_set,
    command_trace_event, command_sync_profile;

/* dump.c: x, xp, print, i, o */
command_fn command_x, command_xp, command_print, command_in, command_out;

/* dump_memory.c */
command_fn command_dump_guest_memory, command_info_dump;

/* watchdog.c */
bool watchdog_set_action(struct machine *m, const char *name, GError **error);
command_fn command_watchdog_action;

/* screen.c */
command_fn command_screendump, command_screentext;

/* qmp_snapshot.c */
command_fn command_snapshot_blkdev_internal, command_snapshot_delete_blkdev_internal;

/* qmp_export.c */
command_fn command_nbd_server_start, command_nbd_server_add, command_nbd_server_remove,
    command_nbd_server_stop;

/* block_jobs.c */
command_fn command_drive_mirror, command_drive_backup, command_block_stream,
    command_snapshot_blkdev;
command_fn command_block_job_set_speed, command_block_job_cancel, command_block_job_complete;
command_fn command_block_job_pause, command_block_job_resume, command_info_block_jobs;
command_fn command_block_resize, command_block_set_io_throttle, command_commit;

/* migration.c */
command_fn command_savevm, command_loadvm, command_delvm, command_info_snapshots;
command_fn command_migrate, command_migrate_cancel, command_migrate_continue,
    command_migrate_incoming, command_migrate_set_capability, command_migrate_set_parameter;
command_fn command_info_migrate, command_info_migrate_capabilities, command_info_migrate_parameters;

/* media.c */
command_fn command_info_block, command_eject, command_change;

/* device.c */
command_fn command_device_add, command_device_del, command_drive_add, command_drive_del;

/* audio.c */
command_fn command_wavcapture, command_stopcapture, command_info_capture;

/* tpm.c */
command_fn command_info_tpm;
/* balloon.c */
command_fn command_balloon, command_info_balloon;

/* chardev.c */
command_fn command_chardev_add, command_chardev_change, command_chardev_remove,
    command_chardev_send_break, command_ringbuf_read, command_ringbuf_write, command_info_chardev;

/* net.c */
command_fn command_hostfwd_add, command_hostfwd_remove, command_set_link, command_netdev_add,
    command_netdev_del, command_announce_self, command_info_network, command_info_usernet;

/* objects.c */
command_fn command_object_add, command_object_del, command_info_iothreads;

/* vnc.c */
command_fn command_info_vnc, command_set_password, command_expire_password;
bool command_change_vnc(struct machine *m, const char *args, GError **error);

/* interrupts.c, input.c */
command_fn command_info_pic, command_info_irq, command_info_mice;
command_fn command_sendkey, command_type, command_mouse_move, command_mouse_button;

#endif
