/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_types.c: the table of QMP's types, as in QEMU 7.2's QMP reference manual; qmp_command.h says how
 * members are written.
 * Thread: any.
 */
#include "monitor/qmp_command.h"

/* clang-format off */
const struct qmp_type qmp_types[] = {
    /* The protocol and its description */
    { "QMPCapability",       QMP_ENUM,   "oob" },
    { "VersionTriple",       QMP_STRUCT, "major: int, minor: int, micro: int" },
    { "VersionInfo",         QMP_STRUCT, "qemu: VersionTriple, package: str" },
    { "CommandInfo",         QMP_STRUCT, "name: str" },
    { "SchemaMetaType",      QMP_ENUM,   "builtin|enum|array|object|alternate|command|event" },
    { "SchemaInfo",          QMP_STRUCT, "name: str, meta-type: SchemaMetaType, features?: [str]", "meta-type",
      "builtin=SchemaInfoBuiltin, enum=SchemaInfoEnum, array=SchemaInfoArray, object=SchemaInfoObject, "
      "alternate=SchemaInfoAlternate, command=SchemaInfoCommand, event=SchemaInfoEvent" },
    { "JSONType",            QMP_ENUM,   "string|number|int|boolean|null|object|array|value" },
    { "SchemaInfoBuiltin",   QMP_STRUCT, "json-type: JSONType" },
    { "SchemaInfoEnumMember", QMP_STRUCT, "name: str, features?: [str]" },
    { "SchemaInfoEnum",      QMP_STRUCT, "members: [SchemaInfoEnumMember], values: [str] deprecated" },
    { "SchemaInfoArray",     QMP_STRUCT, "element-type: str" },
    { "SchemaInfoObjectMember", QMP_STRUCT, "name: str, type: str, default?: any, features?: [str]" },
    { "SchemaInfoObjectVariant", QMP_STRUCT, "case: str, type: str" },
    { "SchemaInfoObject",    QMP_STRUCT, "members: [SchemaInfoObjectMember], tag?: str, variants?: [SchemaInfoObjectVariant]" },
    { "SchemaInfoAlternateMember", QMP_STRUCT, "type: str" },
    { "SchemaInfoAlternate", QMP_STRUCT, "members: [SchemaInfoAlternateMember]" },
    { "SchemaInfoCommand",   QMP_STRUCT, "arg-type: str, ret-type: str, allow-oob?: bool" },
    { "SchemaInfoEvent",     QMP_STRUCT, "arg-type: str" },

    /* The machine's life */
    { "RunState",            QMP_ENUM,   "debug|inmigrate|internal-error|io-error|paused|postmigrate|prelaunch|finish-migrate|"
                                         "restore-vm|running|save-vm|shutdown|suspended|watchdog|guest-panicked|colo" },
    { "ShutdownCause",       QMP_ENUM,   "none|host-error|host-qmp-quit|host-qmp-system-reset|host-signal|host-ui|"
                                         "guest-shutdown|guest-reset|guest-panic|subsystem-reset|snapshot-load" },
    { "StatusInfo",          QMP_STRUCT, "running: bool, singlestep: bool, status: RunState" },
    { "RebootAction",        QMP_ENUM,   "reset|shutdown" },
    { "ShutdownAction",      QMP_ENUM,   "poweroff|pause" },
    { "PanicAction",         QMP_ENUM,   "pause|shutdown|exit-failure|none" },
    { "WatchdogAction",      QMP_ENUM,   "reset|shutdown|poweroff|pause|debug|none|inject-nmi" },
    { "GuestPanicAction",    QMP_ENUM,   "pause|poweroff|run" },
    { "GuestPanicInformationType", QMP_ENUM, "hyper-v|s390" },
    { "GuestPanicInformation", QMP_STRUCT, "type: GuestPanicInformationType", "type", "hyper-v=GuestPanicInformationHyperV" },
    { "GuestPanicInformationHyperV", QMP_STRUCT, "arg1: int, arg2: int, arg3: int, arg4: int, arg5: int" },

    /* The machine as a whole */
    { "NameInfo",            QMP_STRUCT, "name?: str" },
    { "UuidInfo",            QMP_STRUCT, "UUID: str" },
    { "KvmInfo",             QMP_STRUCT, "enabled: bool, present: bool" },
    { "SysEmuTarget",        QMP_ENUM,   "x86_64" },
    { "TargetInfo",          QMP_STRUCT, "arch: SysEmuTarget" },
    { "CurrentMachineParams", QMP_STRUCT, "wakeup-suspend-support: bool" },
    { "CpuInstanceProperties", QMP_STRUCT, "node-id?: int, socket-id?: int, die-id?: int, cluster-id?: int, core-id?: int, thread-id?: int" },
    { "CpuInfoFast",         QMP_STRUCT, "cpu-index: int, qom-path: str, thread-id: int, props?: CpuInstanceProperties, target: SysEmuTarget" },
    { "MemoryInfo",          QMP_STRUCT, "base-memory: int, plugged-memory?: int" },
    { "IOThreadInfo",        QMP_STRUCT, "id: str, thread-id: int, poll-max-ns: int, poll-grow: int, poll-shrink: int, aio-max-batch: int" },
    { "MouseInfo",           QMP_STRUCT, "name: str, index: int, current: bool, absolute: bool" },
    { "ChardevInfo",         QMP_STRUCT, "label: str, filename: str, frontend-open: bool" },
    { "ChardevBackendInfo",  QMP_STRUCT, "name: str" },
    { 0 }
};
/* clang-format on */
