/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_commands.c: the table of QMP's commands.  Arguments and results are as in QEMU 7.2's QMP
 * reference manual; qmp_command.h says how they are written.
 * Thread: main loop.
 */
#include <string.h>
#include "monitor/qmp_command.h"

/* clang-format off */
const struct qmp_command qmp_commands[] = {
    { "qmp_capabilities",      "enable?: [QMPCapability]", "", QMP_NEGOTIATION, qmp_capabilities },
    { "query-version",         "", "VersionInfo", 0, qmp_query_version },
    { "query-commands",        "", "[CommandInfo]", 0, qmp_query_commands },
    { "query-qmp-schema",      "", "[SchemaInfo]", 0, qmp_query_qmp_schema },
    { "human-monitor-command", "command-line: str, cpu-index?: int", "str", 0, qmp_human_monitor_command, "savevm-monitor-nodes" },

    /* The machine's life */
    { "stop",                  "", "", 0, qmp_stop },
    { "cont",                  "", "", 0, qmp_cont },
    { "quit",                  "", "", 0, qmp_quit },
    { "system_reset",          "", "", 0, qmp_system_reset },
    { "system_powerdown",      "", "", 0, qmp_system_powerdown },
    { "system_wakeup",         "", "", 0, qmp_system_wakeup },
    { "inject-nmi",            "", "", 0, qmp_inject_nmi },
    { "watchdog-set-action",   "action: WatchdogAction", "", 0, qmp_watchdog_set_action },
    { "set-action",            "reboot?: RebootAction, shutdown?: ShutdownAction, panic?: PanicAction, watchdog?: WatchdogAction", "", 0, qmp_set_action },

    /* The machine as a whole */
    { "query-status",          "", "StatusInfo", 0, qmp_query_status },
    { "query-name",            "", "NameInfo", 0, qmp_query_name },
    { "query-uuid",            "", "UuidInfo", 0, qmp_query_uuid },
    { "query-kvm",             "", "KvmInfo", 0, qmp_query_kvm },
    { "query-target",          "", "TargetInfo", 0, qmp_query_target },
    { "query-current-machine", "", "CurrentMachineParams", 0, qmp_query_current_machine },
    { "query-cpus-fast",       "", "[CpuInfoFast]", 0, qmp_query_cpus_fast },
    { "query-memory-size-summary", "", "MemoryInfo", 0, qmp_query_memory_size_summary },
    { "query-memdev",          "", "[Memdev]", 0, qmp_query_memdev },
    { "query-memory-devices",  "", "[MemoryDeviceInfo]", 0, qmp_query_none },
    { "query-balloon",         "", "BalloonInfo", 0, qmp_query_balloon },
    { "balloon",               "value: u64", "", 0, qmp_balloon },
    { "query-pci",             "", "[PciInfo]", 0, qmp_query_pci },
    { "query-acpi-ospm-status", "", "[ACPIOSTInfo]", 0, qmp_query_none },
    { "query-tpm",             "", "[TPMInfo]", 0, qmp_query_tpm },
    { "query-tpm-models",      "", "[TpmModel]", 0, qmp_query_tpm_models },
    { "query-tpm-types",       "", "[TpmType]", 0, qmp_query_tpm_types },
    { "query-vm-generation-id", "", "GuidInfo", 0, qmp_query_vm_generation_id },
    { "query-iothreads",       "", "[IOThreadInfo]", 0, qmp_query_iothreads },
    { "query-mice",            "", "[MouseInfo]", 0, qmp_query_mice },
    { "x-query-usb",           "", "HumanReadableText", 0, qmp_query_usb, "unstable" },
    { "query-chardev",         "", "[ChardevInfo]", 0, qmp_query_chardev },
    { "query-chardev-backends", "", "[ChardevBackendInfo]", 0, qmp_query_chardev_backends },

    /* What comes and goes */
    { "device_add",            "driver: str, bus?: str, id?: str", "", QMP_OPEN, qmp_device_add, "json-cli json-cli-hotplug" },
    { "device_del",            "id: str", "", 0, qmp_device_del },
    { "object-add",            "ObjectOptions", "", 0, qmp_object_add },
    { "object-del",            "id: str", "", 0, qmp_object_del },
    { "netdev_add",            "Netdev", "", 0, qmp_netdev_add },
    { "netdev_del",            "id: str", "", 0, qmp_netdev_del },
    { "set_link",              "name: str, up: bool", "", 0, qmp_set_link },
    { "announce-self",         "initial: int, max: int, rounds: int, step: int, interfaces?: [str], id?: str", "", 0, qmp_announce_self },
    { "query-rx-filter",       "name?: str", "[RxFilterInfo]", 0, qmp_query_rx_filter },
    { "chardev-add",           "id: str, backend: ChardevBackend", "ChardevReturn", 0, qmp_chardev_add },
    { "chardev-change",        "id: str, backend: ChardevBackend", "ChardevReturn", 0, qmp_chardev_change },
    { "ringbuf-read",          "device: str, size: int, format?: DataFormat", "str", 0, qmp_ringbuf_read },
    { "ringbuf-write",         "device: str, data: str, format?: DataFormat", "", 0, qmp_ringbuf_write },
    { "chardev-remove",        "id: str", "", 0, qmp_chardev_remove },
    { "chardev-send-break",    "id: str", "", 0, qmp_chardev_send_break },
    { "getfd",                 "fdname: str", "", 0, qmp_getfd },
    { "closefd",               "fdname: str", "", 0, qmp_closefd },
    { "add-fd",                "fdset-id?: int, opaque?: str", "AddfdInfo", 0, qmp_add_fd },
    { "remove-fd",             "fdset-id: int, fd?: int", "", 0, qmp_remove_fd },
    { "query-fdsets",          "", "[FdsetInfo]", 0, qmp_query_fdsets },

    /* Drives and their images */
    { "query-block",           "", "[BlockInfo]", 0, qmp_query_block },
    { "query-named-block-nodes", "flat?: bool", "[BlockDeviceInfo]", 0, qmp_query_named_block_nodes },
    { "query-blockstats",      "query-nodes?: bool", "[BlockStats]", 0, qmp_query_blockstats },
    { "blockdev-add",          "BlockdevOptions", "", 0, qmp_blockdev_add },
    { "blockdev-del",          "node-name: str", "", 0, qmp_blockdev_del },
    { "blockdev-reopen",       "options: [BlockdevOptions]", "", 0, qmp_blockdev_reopen },
    { "change-backing-file",   "device: str, image-node-name: str, backing-file: str", "", 0, qmp_change_backing_file },
    { "block-set-write-threshold", "node-name: str, write-threshold: u64", "", 0, qmp_block_set_write_threshold },
    { "x-debug-query-block-graph", "", "XDbgBlockGraph", 0, qmp_query_block_graph, "unstable" },
    { "block_resize",          "device?: str, node-name?: str, size: int", "", 0, qmp_block_resize },
    { "block_set_io_throttle", "device?: str deprecated, id?: str, bps: u64, bps_rd: u64, bps_wr: u64, iops: u64, iops_rd: u64, iops_wr: u64, "
                               "bps_max?: u64, bps_rd_max?: u64, bps_wr_max?: u64, iops_max?: u64, iops_rd_max?: u64, iops_wr_max?: u64, "
                               "bps_max_length?: u64, bps_rd_max_length?: u64, bps_wr_max_length?: u64, iops_max_length?: u64, iops_rd_max_length?: u64, iops_wr_max_length?: u64, "
                               "iops_size?: u64, group?: str", "", 0, qmp_block_set_io_throttle },
    { "eject",                 "device?: str deprecated, id?: str, force?: bool", "", 0, qmp_eject },
    { "blockdev-open-tray",    "device?: str deprecated, id?: str, force?: bool", "", 0, qmp_blockdev_open_tray },
    { "blockdev-close-tray",   "device?: str deprecated, id?: str", "", 0, qmp_blockdev_close_tray },
    { "blockdev-remove-medium", "id: str", "", 0, qmp_blockdev_remove_medium },
    { "blockdev-insert-medium", "id: str, node-name: str", "", 0, qmp_blockdev_insert_medium },
    { "blockdev-change-medium", "device?: str deprecated, id?: str, filename: str, format?: str, force?: bool, read-only-mode?: BlockdevChangeReadOnlyMode", "", 0, qmp_blockdev_change_medium },

    /* Jobs on them, and what is done at once */
    { "query-block-jobs",      "", "[BlockJobInfo]", 0, qmp_query_block_jobs },
    { "query-jobs",            "", "[JobInfo]", 0, qmp_query_jobs },
    { "block-job-set-speed",   "device: str, speed: int", "", 0, qmp_block_job_set_speed },
    { "block-job-cancel",      "device: str, force?: bool", "", 0, qmp_block_job_cancel },
    { "block-job-pause",       "device: str", "", 0, qmp_block_job_pause },
    { "block-job-resume",      "device: str", "", 0, qmp_block_job_resume },
    { "block-job-complete",    "device: str", "", 0, qmp_block_job_complete },
    { "block-job-dismiss",     "id: str", "", 0, qmp_job_dismiss },
    { "block-job-finalize",    "id: str", "", 0, qmp_block_job_finalize },
    { "job-pause",             "id: str", "", 0, qmp_job_pause },
    { "job-resume",            "id: str", "", 0, qmp_job_resume },
    { "job-cancel",            "id: str", "", 0, qmp_job_cancel },
    { "job-complete",          "id: str", "", 0, qmp_job_complete },
    { "job-dismiss",           "id: str", "", 0, qmp_job_dismiss },
    { "job-finalize",          "id: str", "", 0, qmp_job_finalize },
    { "blockdev-mirror",       "job-id?: str, device: str, target: str, replaces?: str, sync: MirrorSyncMode, speed?: int, granularity?: u32, buf-size?: int, on-source-error?: BlockdevOnError, "
                               "on-target-error?: BlockdevOnError, filter-node-name?: str, copy-mode?: MirrorCopyMode, auto-finalize?: bool, auto-dismiss?: bool", "", 0, qmp_blockdev_mirror },
    { "drive-mirror",          "job-id?: str, device: str, target: str, format?: str, node-name?: str, replaces?: str, sync: MirrorSyncMode, mode?: NewImageMode, speed?: int, granularity?: u32, "
                               "buf-size?: int, on-source-error?: BlockdevOnError, on-target-error?: BlockdevOnError, unmap?: bool, copy-mode?: MirrorCopyMode, auto-finalize?: bool, auto-dismiss?: bool", "", 0, qmp_drive_mirror },
    { "blockdev-backup",       "BlockdevBackup", "", 0, qmp_blockdev_backup },
    { "drive-backup",          "job-id?: str, device: str, sync: MirrorSyncMode, speed?: int, bitmap?: str, bitmap-mode?: BitmapSyncMode, compress?: bool, on-source-error?: BlockdevOnError, on-target-error?: BlockdevOnError, auto-finalize?: bool, auto-dismiss?: bool, filter-node-name?: str, x-perf?: BackupPerf unstable, target: str, format?: str, mode?: NewImageMode", "", 0, qmp_drive_backup, "deprecated" },
    { "block-stream",          "job-id?: str, device: str, base?: str, base-node?: str, backing-file?: str, bottom?: str, speed?: int, on-error?: BlockdevOnError, filter-node-name?: str, "
                               "auto-finalize?: bool, auto-dismiss?: bool", "", 0, qmp_block_stream },
    { "block-commit",          "job-id?: str, device: str, base-node?: str, base?: str deprecated, top-node?: str, top?: str deprecated, backing-file?: str, speed?: int, on-error?: BlockdevOnError, "
                               "filter-node-name?: str, auto-finalize?: bool, auto-dismiss?: bool", "", 0, qmp_block_commit },
    { "blockdev-create",       "job-id: str, options: BlockdevCreateOptions", "", 0, qmp_blockdev_create },
    { "blockdev-snapshot",     "BlockdevSnapshot", "", 0, qmp_blockdev_snapshot, "allow-write-only-overlay" },
    { "blockdev-snapshot-sync", "device?: str, node-name?: str, snapshot-file: str, snapshot-node-name?: str, format?: str, mode?: NewImageMode", "", 0, qmp_blockdev_snapshot_sync },
    { "blockdev-snapshot-internal-sync", "BlockdevSnapshotInternal", "", 0, qmp_blockdev_snapshot_internal_sync },
    { "blockdev-snapshot-delete-internal-sync", "device: str, id?: str, name?: str", "SnapshotInfo", 0, qmp_blockdev_snapshot_delete_internal_sync },
    { "snapshot-save",         "job-id: str, tag: str, vmstate: str, devices: [str]", "", 0, qmp_snapshot_save },
    { "snapshot-load",         "job-id: str, tag: str, vmstate: str, devices: [str]", "", 0, qmp_snapshot_load },
    { "snapshot-delete",       "job-id: str, tag: str, devices: [str]", "", 0, qmp_snapshot_delete },
    { "block-dirty-bitmap-add", "BlockDirtyBitmapAdd", "", 0, qmp_bitmap_add },
    { "block-dirty-bitmap-remove", "BlockDirtyBitmap", "", 0, qmp_bitmap_remove },
    { "block-dirty-bitmap-clear", "BlockDirtyBitmap", "", 0, qmp_bitmap_clear },
    { "block-dirty-bitmap-enable", "BlockDirtyBitmap", "", 0, qmp_bitmap_enable },
    { "block-dirty-bitmap-disable", "BlockDirtyBitmap", "", 0, qmp_bitmap_disable },
    { "block-dirty-bitmap-merge", "node: str, target: str, bitmaps: [BlockDirtyBitmapOrStr]", "", 0, qmp_bitmap_merge },
    { "transaction",           "actions: [TransactionAction], properties?: TransactionProperties", "", 0, qmp_transaction },

    /* For others */
    { "nbd-server-start",      "addr: SocketAddressLegacy, tls-creds?: str, tls-authz?: str, max-connections?: u32", "", 0, qmp_nbd_server_start },
    { "nbd-server-stop",       "", "", 0, qmp_nbd_server_stop },
    { "nbd-server-add",        "name?: str, description?: str, device: str, writable?: bool, bitmap?: str", "", 0, qmp_nbd_server_add, "deprecated" },
    { "nbd-server-remove",     "name: str, mode?: BlockExportRemoveMode", "", 0, qmp_nbd_server_remove, "deprecated" },
    { "block-export-add",      "BlockExportOptions", "", 0, qmp_block_export_add },
    { "block-export-del",      "id: str, mode?: BlockExportRemoveMode", "", 0, qmp_block_export_del },
    { "query-block-exports",   "", "[BlockExportInfo]", 0, qmp_query_block_exports },

    /* A person at the machine */
    { "send-key",              "keys: [KeyValue], hold-time?: int", "", 0, qmp_send_key },
    { "input-send-event",      "device?: str, head?: int, events: [InputEvent]", "", 0, qmp_input_send_event },
    { "screendump",            "filename: str, device?: str, head?: int, format?: ImageFormat", "", 0, qmp_screendump },
    { "dump-guest-memory",     "paging: bool, protocol: str, detach?: bool, begin?: u64, length?: u64, format?: DumpGuestMemoryFormat", "", 0, qmp_dump_guest_memory },
    { "query-dump",            "", "DumpQueryResult", 0, qmp_query_dump },
    { "query-dump-guest-memory-capability", "", "DumpGuestMemoryCapability", 0, qmp_query_dump_capability },
    { "query-vnc",             "", "VncInfo", 0, qmp_query_vnc },
    { "query-vnc-servers",     "", "[VncInfo2]", 0, qmp_query_vnc_servers },
    { "set_password",          "SetPasswordOptions", "", 0, qmp_set_password },
    { "expire_password",       "ExpirePasswordOptions", "", 0, qmp_expire_password },
    { "change-vnc-password",   "password: str", "", 0, qmp_change_vnc_password },
    { "add_client",            "protocol: str, fdname: str, skipauth?: bool, tls?: bool", "", 0, qmp_add_client },
    { "memsave",               "val: int, size: u64, filename: str, cpu-index?: int", "", 0, qmp_memsave },
    { "pmemsave",              "val: int, size: u64, filename: str", "", 0, qmp_pmemsave },

    /* What there is to choose from */
    { "query-machines",        "", "[MachineInfo]", 0, qmp_query_machines },
    { "query-hotpluggable-cpus", "", "[HotpluggableCPU]", 0, qmp_query_hotpluggable_cpus },
    { "query-cpu-definitions", "", "[CpuDefinitionInfo]", 0, qmp_query_cpu_definitions },
    { "query-cpu-model-expansion", "type: CpuModelExpansionType, model: CpuModelInfo", "CpuModelExpansionInfo", 0, qmp_query_cpu_model_expansion },
    { "query-command-line-options", "option?: str", "[CommandLineOptionInfo]", 0, qmp_query_command_line_options },

    /* To another process */
    { "migrate",               "uri: str, blk?: bool, inc?: bool, detach?: bool, resume?: bool", "", 0, qmp_migrate },
    { "migrate_cancel",        "", "", 0, qmp_migrate_cancel },
    { "query-yank",            "", "[YankInstance]", QMP_OOB, qmp_query_yank },
    { "yank",                  "instances: [YankInstance]", "", QMP_OOB, qmp_yank },
    { "migrate-continue",      "state: MigrationStatus", "", 0, qmp_migrate_continue },
    { "migrate-incoming",      "uri: str", "", 0, qmp_migrate_incoming },
    { "query-migrate",         "", "MigrationInfo", 0, qmp_query_migrate },
    { "migrate-set-capabilities", "capabilities: [MigrationCapabilityStatus]", "", 0, qmp_migrate_set_capabilities },
    { "query-migrate-capabilities", "", "[MigrationCapabilityStatus]", 0, qmp_query_migrate_capabilities },
    { "migrate-set-parameters", "MigrateParameters", "", 0, qmp_migrate_set_parameters },
    { "query-migrate-parameters", "", "MigrateParameters", 0, qmp_query_migrate_parameters },

    /* Texts for people */
    { "x-query-irq",           "", "HumanReadableText", 0, qmp_x_query_irq, "unstable" },
    { "x-query-jit",           "", "HumanReadableText", 0, qmp_x_query_jit, "unstable" },
    { "x-query-numa",          "", "HumanReadableText", 0, qmp_x_query_numa, "unstable" },
    { "x-query-opcount",       "", "HumanReadableText", 0, qmp_x_query_opcount, "unstable" },
    { "x-query-profile",       "", "HumanReadableText", 0, qmp_x_query_profile, "unstable" },
    { "x-query-ramblock",      "", "HumanReadableText", 0, qmp_x_query_ramblock, "unstable" },
    { "x-query-rdma",          "", "HumanReadableText", 0, qmp_x_query_rdma, "unstable" },
    { "x-query-roms",          "", "HumanReadableText", 0, qmp_x_query_roms, "unstable" },

    /* Virtio devices */
    { "x-query-virtio",        "", "[VirtioInfo]", 0, qmp_x_query_virtio, "unstable" },
    { "x-query-virtio-status", "path: str", "VirtioStatus", 0, qmp_x_query_virtio_status, "unstable" },
    { "x-query-virtio-queue-status", "path: str, queue: u16", "VirtQueueStatus", 0, qmp_x_query_virtio_queue_status, "unstable" },
    { "x-query-virtio-queue-element", "path: str, queue: u16, index?: u16", "VirtioQueueElement", 0, qmp_x_query_virtio_queue_element, "unstable" },
    { "x-query-virtio-vhost-queue-status", "path: str, queue: u16", "VirtVhostQueueStatus", 0, qmp_x_query_virtio_vhost_queue_status, "unstable" },

    /* What this program has not: the answers of one that was built without */
    { "query-pr-managers",     "", "[PRManagerInfo]", 0, qmp_query_none },
    { "query-stats",           "StatsFilter", "[StatsResult]", 0, qmp_query_none },
    { "query-stats-schemas",   "provider?: StatsProvider", "[StatsSchema]", 0, qmp_query_none },
    { "query-replay",          "", "ReplayInfo", 0, qmp_query_replay },
    { "replay-break",          "icount: int", "", 0, qmp_replay_break },
    { "replay-delete-break",   "", "", 0, qmp_replay_delete_break },
    { "replay-seek",           "icount: int", "", 0, qmp_replay_seek },
    { "query-colo-status",     "", "COLOStatus", 0, qmp_query_colo_status },
    { "x-colo-lost-heartbeat", "", "", 0, qmp_x_colo_lost_heartbeat, "unstable" },
    { "x-exit-preconfig",      "", "", 0, qmp_x_exit_preconfig, "unstable" },
    { "set-numa-node",         "NumaOptions", "", 0, qmp_set_numa_node },
    { "dumpdtb",               "filename: str", "", 0, qmp_dumpdtb },
    { "rtc-reset-reinjection", "", "", 0, qmp_rtc_reset_reinjection },
    { "query-spice",           "", "SpiceInfo", 0, qmp_query_spice },
    { "query-sev",             "", "SevInfo", 0, qmp_query_sev },
    { "query-sev-capabilities", "", "SevCapability", 0, qmp_query_sev_capabilities },
    { "query-sev-launch-measure", "", "SevLaunchMeasureInfo", 0, qmp_query_sev_launch_measure },
    { "query-sev-attestation-report", "mnonce: str", "SevAttestationReport", 0, qmp_query_sev_attestation_report },
    { "sev-inject-launch-secret", "packet-header: str, secret: str, gpa?: u64", "", 0, qmp_sev_inject_launch_secret },
    { "query-sgx",             "", "SGXInfo", 0, qmp_query_sgx },
    { "query-sgx-capabilities", "", "SGXInfo", 0, qmp_query_sgx_capabilities },
    { "query-rocker",          "name: str", "RockerSwitch", 0, qmp_rocker },
    { "query-rocker-ports",    "name: str", "[RockerPort]", 0, qmp_rocker },
    { "query-rocker-of-dpa-flows", "name: str, tbl-id?: u32", "[RockerOfDpaFlow]", 0, qmp_rocker },
    { "query-rocker-of-dpa-groups", "name: str, type?: u8", "[RockerOfDpaGroup]", 0, qmp_rocker },
    { "trace-event-get-state", "name: str, vcpu?: int", "[TraceEventInfo]", 0, qmp_trace_event_get_state },
    { "trace-event-set-state", "name: str, enable: bool, ignore-unavailable?: bool, vcpu?: int", "", 0, qmp_trace_event_set_state },

    /* The object model */
    { "qom-list",              "path: str", "[ObjectPropertyInfo]", 0, qmp_qom_list },
    { "qom-get",               "path: str, property: str", "any", 0, qmp_qom_get },
    { "qom-set",               "path: str, property: str, value: any", "", 0, qmp_qom_set },
    { "qom-list-types",        "implements?: str, abstract?: bool", "[ObjectTypeInfo]", 0, qmp_qom_list_types },
    { "qom-list-properties",   "typename: str", "[ObjectPropertyInfo]", 0, qmp_qom_list_properties },
    { "device-list-properties", "typename: str", "[ObjectPropertyInfo]", 0, qmp_device_list_properties },
    { 0 }
};
/* clang-format on */

const struct qmp_command *qmp_command_find(const char *name)
{
    for (const struct qmp_command *c = qmp_commands; c->name; c++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}
