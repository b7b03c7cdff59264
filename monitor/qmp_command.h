/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_command.h: rows of QMP's commands and types, inside the monitor.
 *
 * Members of arguments and results are written as QAPI's documentation has them:
 *     "id: str, force?: bool, keys: [KeyValue], device?: str deprecated"
 * where ? says optional, [] a list, and a word after the type is a feature of the member.  Types are
 * str, bool, int, u8, u16, u32, u64 (all "int" to clients; the latter are not negative), number, any, null, and
 * the rows of qmp_types.
 *
 * Thread: main loop, machine lock held.
 */
#ifndef MONITOR_QMP_COMMAND_H
#define MONITOR_QMP_COMMAND_H

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct machine;
struct qmp_session;

/* Types and checking -------------------------------------------------------------------------- */

enum qmp_kind { QMP_STRUCT, QMP_ENUM, QMP_ALTERNATE };

struct qmp_type {
    const char *name;
    enum qmp_kind kind;
    const char
        *members; /* of an enum its values "a|b", of an alternate its types "str|BlockdevOptions" */
    const char *tag; /* of a union: the member that chooses the variant */
    const char
        *variants; /* "raw=BlockdevOptionsRaw, nbd=..."; values that are not there have none */
    const char *features;
};
extern const struct qmp_type qmp_types[]; /* qmp_types.c; ends with name NULL */

#define QMP_NAME_MAX 64

struct qmp_member {
    char name[QMP_NAME_MAX], type[QMP_NAME_MAX], feature[QMP_NAME_MAX];
    bool optional;
};
/* The next of a list of members, and where to go on; false at the end. */
bool qmp_member_next(const char **text, struct qmp_member *member);
/* The next of "a|b" or of words between blanks. */
bool qmp_word_next(const char **text, char separator, char word[QMP_NAME_MAX]);
/* The same of variants: value and type. */
bool qmp_variant_next(const char **text, char value[QMP_NAME_MAX], char type[QMP_NAME_MAX]);
const struct qmp_type *qmp_type_find(const char *name);
/* The kind that JSON has for a built-in type: "int" for u8; NULL: not built in. */
const char *qmp_builtin_name(const char *type);

/* Commands ------------------------------------------------------------------------------------ */

/*
 * The arguments have been checked against the row.  False and *error; else *result, which the caller
 * frees, or NULL for {}.
 */
typedef bool qmp_fn(struct qmp_session *s, json_t *args, json_t **result, GError **error);

enum qmp_flags {
    QMP_OOB = 1 << 0,         /* may run out of band */
    QMP_OPEN = 1 << 1,        /* further members are allowed, and the handler's matter */
    QMP_NEGOTIATION = 1 << 2, /* before the session's capabilities are agreed on, and only then */
};

struct qmp_command {
    const char *name;
    const char *args;   /* members, or the name of a type; "" for none */
    const char *result; /* a type; "" for none */
    unsigned flags;
    qmp_fn *run;
    const char *features; /* words, or NULL */
};
extern const struct qmp_command qmp_commands[]; /* qmp_commands.c; ends with name NULL */

const struct qmp_command *qmp_command_find(const char *name);
/* False and *error in QEMU's words: "Parameter 'x' is missing". */
bool qmp_check_arguments(const struct qmp_command *c, json_t *args, GError **error);

/* A handler's answer for others than QMP's clients: of those that look at the machine only. */
bool qmp_call(struct machine *m, qmp_fn *fn, json_t *args, json_t **result, GError **error);

/* Sessions ------------------------------------------------------------------------------------ */

/* What a session that handlers see is: qmp.c has the rest. */
struct machine *qmp_machine(const struct qmp_session *s);
/* A descriptor that came with the command, which is the caller's now; -1: none. */
int qmp_take_fd(struct qmp_session *s);
/* getfd: takes it over; one of that name is closed. */
void qmp_name_fd(struct qmp_session *s, const char *name, int fd);
/* The caller's from now on; -1: there is none. */
int qmp_named_fd(struct qmp_session *s, const char *name);
/* qmp_fds.c: names of descriptors in fd=, fds= and addresses of type fd become numbers.  NULL and *error; else for qmp_end_fds. */
GArray *qmp_replace_fds(struct qmp_session *s, GPtrArray *opts, GError **error);
/* Closes them unless somebody uses them now. */
void qmp_end_fds(GArray *taken, bool used);
/* The session's negotiation is over. */
void qmp_session_enable(struct qmp_session *s, bool oob);

/* Errors -------------------------------------------------------------------------------------- */

#define QMP_ERROR (g_quark_from_static_string("rhea-qmp"))
/* An error of this domain has a class of its own; others are GenericError. */
enum qmp_error {
    QMP_ERROR_GENERIC,
    QMP_ERROR_COMMAND_NOT_FOUND,
    QMP_ERROR_DEVICE_NOT_FOUND,
    QMP_ERROR_DEVICE_NOT_ACTIVE,
    QMP_ERROR_KVM_MISSING_CAP,
};
void qmp_set_error(GError **error, enum qmp_error code, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

/* Arguments that were checked; the second is for a member that is not there. */
const char *qmp_str(const json_t *args, const char *name, const char *otherwise);
bool qmp_bool(const json_t *args, const char *name, bool otherwise);
int64_t qmp_int(const json_t *args, const char *name, int64_t otherwise);

/* What results are made of: text that may be no UTF-8 (NULL is ""), and the version. */
json_t *qmp_text(const char *text);
json_t *qmp_version(void);
/* {"socket-id": 0, ...} */
json_t *qmp_cpu_place(const struct machine *m, unsigned index);

/* Handlers, by file --------------------------------------------------------------------------- */

/* qmp_schema.c */
qmp_fn qmp_query_qmp_schema, qmp_query_commands;

/* qmp_machine.c */
qmp_fn qmp_capabilities, qmp_stop, qmp_cont, qmp_quit, qmp_system_reset, qmp_system_powerdown,
    qmp_system_wakeup, qmp_inject_nmi, qmp_set_action, qmp_human_monitor_command;

/* qmp_cpu.c, qmp_pci.c, qmp_empty.c */
qmp_fn qmp_query_machines, qmp_query_hotpluggable_cpus, qmp_query_cpu_definitions,
    qmp_query_cpu_model_expansion, qmp_query_pci, qmp_query_none, qmp_query_vm_generation_id,
    qmp_query_memdev, qmp_query_command_line_options;

/* qmp_migration.c */
qmp_fn qmp_migrate, qmp_migrate_cancel, qmp_migrate_continue, qmp_migrate_incoming,
    qmp_query_migrate, qmp_migrate_set_capabilities, qmp_query_migrate_capabilities,
    qmp_migrate_set_parameters, qmp_query_migrate_parameters;

/* dump_memory.c */
qmp_fn qmp_dump_guest_memory, qmp_query_dump, qmp_query_dump_capability;

/* qmp_human.c */
qmp_fn qmp_x_query_irq, qmp_x_query_jit, qmp_x_query_numa, qmp_x_query_opcount, qmp_x_query_profile,
    qmp_x_query_ramblock, qmp_x_query_rdma, qmp_x_query_roms;
qmp_fn qmp_replay_break, qmp_replay_delete_break, qmp_replay_seek, qmp_query_replay,
    qmp_x_colo_lost_heartbeat, qmp_query_colo_status, qmp_x_exit_preconfig, qmp_dumpdtb;
qmp_fn qmp_query_sev, qmp_query_sev_capabilities, qmp_query_sev_launch_measure,
    qmp_query_sev_attestation_report, qmp_sev_inject_launch_secret, qmp_query_sgx,
    qmp_query_sgx_capabilities, qmp_query_spice, qmp_rtc_reset_reinjection, qmp_rocker,
    qmp_trace_event_get_state, qmp_trace_event_set_state, qmp_set_numa_node;

/* virtio.c */
qmp_fn qmp_x_query_virtio, qmp_x_query_virtio_status, qmp_x_query_virtio_queue_status,
    qmp_x_query_virtio_vhost_queue_status, qmp_x_query_virtio_queue_element;

/* tpm.c */
qmp_fn qmp_query_tpm, qmp_query_tpm_models, qmp_query_tpm_types;

/* watchdog.c */
qmp_fn qmp_watchdog_set_action;

/* balloon.c */
qmp_fn qmp_balloon, qmp_query_balloon;

/* qmp_devices.c, qmp_fds.c, qmp_input.c */
qmp_fn qmp_device_add, qmp_device_del, qmp_object_add, qmp_object_del, qmp_netdev_add,
    qmp_netdev_del, qmp_set_link, qmp_announce_self, qmp_chardev_add, qmp_chardev_remove,
    qmp_chardev_send_break, qmp_chardev_change, qmp_ringbuf_read, qmp_ringbuf_write;
/* qmp_net.c */
qmp_fn qmp_query_rx_filter;

qmp_fn qmp_getfd, qmp_closefd, qmp_add_fd, qmp_remove_fd, qmp_query_fdsets;
/* vnc.c */
qmp_fn qmp_query_vnc, qmp_query_vnc_servers, qmp_set_password, qmp_expire_password,
    qmp_change_vnc_password, qmp_add_client;
qmp_fn qmp_send_key, qmp_input_send_event, qmp_screendump, qmp_memsave, qmp_pmemsave;

/* qmp_block.c, qmp_block_change.c */
qmp_fn qmp_query_block, qmp_query_named_block_nodes, qmp_query_blockstats;
/* qmp_block_nodes.c */
qmp_fn qmp_change_backing_file, qmp_block_set_write_threshold, qmp_query_block_graph,
    qmp_blockdev_reopen;

qmp_fn qmp_blockdev_add, qmp_blockdev_del, qmp_block_resize, qmp_block_set_io_throttle, qmp_eject,
    qmp_blockdev_open_tray, qmp_blockdev_close_tray, qmp_blockdev_remove_medium,
    qmp_blockdev_insert_medium, qmp_blockdev_change_medium;

/* qmp_jobs.c, qmp_copy.c, qmp_transaction.c */
qmp_fn qmp_query_block_jobs, qmp_query_jobs, qmp_block_job_pause, qmp_block_job_resume,
    qmp_block_job_complete, qmp_block_job_cancel, qmp_block_job_set_speed, qmp_block_job_finalize,
    qmp_job_pause, qmp_job_resume, qmp_job_complete, qmp_job_cancel, qmp_job_finalize,
    qmp_job_dismiss;
qmp_fn qmp_blockdev_mirror, qmp_drive_mirror, qmp_blockdev_backup, qmp_drive_backup,
    qmp_block_stream, qmp_block_commit, qmp_blockdev_create;
/* qmp_yank.c */
qmp_fn qmp_query_yank, qmp_yank;

/* qmp_export.c */
qmp_fn qmp_nbd_server_start, qmp_nbd_server_stop, qmp_nbd_server_add, qmp_nbd_server_remove,
    qmp_block_export_add, qmp_block_export_del, qmp_query_block_exports;

/* qmp_snapshot.c */
qmp_fn qmp_snapshot_save, qmp_snapshot_load, qmp_snapshot_delete,
    qmp_blockdev_snapshot_internal_sync, qmp_blockdev_snapshot_delete_internal_sync;

qmp_fn qmp_blockdev_snapshot, qmp_blockdev_snapshot_sync, qmp_bitmap_add, qmp_bitmap_remove,
    qmp_bitmap_clear, qmp_bitmap_enable, qmp_bitmap_disable, qmp_bitmap_merge, qmp_transaction;

/* qmp_qom.c */
qmp_fn qmp_qom_list, qmp_qom_get, qmp_qom_set, qmp_qom_list_types, qmp_qom_list_properties,
    qmp_device_list_properties;

/* qmp_query.c */
qmp_fn qmp_query_status, qmp_query_version, qmp_query_name, qmp_query_uuid, qmp_query_kvm,
    qmp_query_target, qmp_query_cpus_fast, qmp_query_chardev, qmp_query_chardev_backends,
    qmp_query_iothreads, qmp_query_mice, qmp_query_usb, qmp_query_current_machine,
    qmp_query_memory_size_summary;

#endif
