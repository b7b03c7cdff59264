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
    { "Memdev",              QMP_STRUCT, "id?: str, size: int, merge: bool, dump: bool, prealloc: bool, share: bool, reserve?: bool, host-nodes: [int], policy: HostMemPolicy" },
    { "HostMemPolicy",       QMP_ENUM,   "default|preferred|bind|interleave" },
    { "MemoryDeviceInfoKind", QMP_ENUM,  "dimm|nvdimm|virtio-pmem|virtio-mem|sgx-epc" },
    { "MemoryDeviceInfo",    QMP_STRUCT, "type: MemoryDeviceInfoKind", "type", "dimm=PCDIMMDeviceInfoWrapper, nvdimm=PCDIMMDeviceInfoWrapper" },
    { "PCDIMMDeviceInfoWrapper", QMP_STRUCT, "data: PCDIMMDeviceInfo" },
    { "PCDIMMDeviceInfo",    QMP_STRUCT, "id?: str, addr: int, size: int, slot: int, node: int, memdev: str, hotplugged: bool, hotpluggable: bool" },
    { "BalloonInfo",         QMP_STRUCT, "actual: int" },
    { "ACPISlotType",        QMP_ENUM,   "DIMM|CPU" },
    { "ACPIOSTInfo",         QMP_STRUCT, "device?: str, slot: str, slot-type: ACPISlotType, source: int, status: int" },
    { "TpmModel",            QMP_ENUM,   "tpm-tis|tpm-crb|tpm-spapr" },
    { "TpmType",             QMP_ENUM,   "passthrough|emulator" },
    { "TPMInfo",             QMP_STRUCT, "id: str, model: TpmModel" },
    { "GuidInfo",            QMP_STRUCT, "guid: str" },
    { "PciMemoryRegion",     QMP_STRUCT, "bar: int, type: str, address: int, size: int, prefetch?: bool, mem_type_64?: bool" },
    { "PciMemoryRange",      QMP_STRUCT, "base: int, limit: int" },
    { "PciBusInfo",          QMP_STRUCT, "number: int, secondary: int, subordinate: int, io_range: PciMemoryRange, memory_range: PciMemoryRange, prefetchable_range: PciMemoryRange" },
    { "PciBridgeInfo",       QMP_STRUCT, "bus: PciBusInfo, devices?: [PciDeviceInfo]" },
    { "PciDeviceClass",      QMP_STRUCT, "desc?: str, class: int" },
    { "PciDeviceId",         QMP_STRUCT, "device: int, vendor: int, subsystem?: int, subsystem-vendor?: int" },
    { "PciDeviceInfo",       QMP_STRUCT, "bus: int, slot: int, function: int, class_info: PciDeviceClass, id: PciDeviceId, irq?: int, irq_pin: int, qdev_id: str, pci_bridge?: PciBridgeInfo, regions: [PciMemoryRegion]" },
    { "PciInfo",             QMP_STRUCT, "bus: int, devices: [PciDeviceInfo]" },

    /* What there is to choose from */
    { "MachineInfo",         QMP_STRUCT, "name: str, alias?: str, is-default?: bool, cpu-max: int, hotpluggable-cpus: bool, numa-mem-supported: bool, deprecated: bool, default-cpu-type?: str, default-ram-id?: str" },
    { "HotpluggableCPU",     QMP_STRUCT, "type: str, vcpus-count: int, props: CpuInstanceProperties, qom-path?: str" },
    { "CpuDefinitionInfo",   QMP_STRUCT, "name: str, migration-safe?: bool, static: bool, unavailable-features?: [str], typename: str, alias-of?: str, deprecated: bool" },
    { "CpuModelExpansionType", QMP_ENUM, "static|full" },
    { "CpuModelInfo",        QMP_STRUCT, "name: str, props?: any" },
    { "CpuModelExpansionInfo", QMP_STRUCT, "model: CpuModelInfo" },
    { "CommandLineParameterType", QMP_ENUM, "string|boolean|number|size" },
    { "CommandLineParameterInfo", QMP_STRUCT, "name: str, type: CommandLineParameterType, help?: str, default?: str" },
    { "CommandLineOptionInfo", QMP_STRUCT, "option: str, parameters: [CommandLineParameterInfo]" },
    { "MigrationCapability", QMP_ENUM,   "xbzrle|rdma-pin-all|auto-converge|zero-blocks|compress|events|postcopy-ram|x-colo|release-ram|block|return-path|"
                                         "pause-before-switchover|multifd|dirty-bitmaps|postcopy-blocktime|late-block-activate|x-ignore-shared|"
                                         "validate-uuid|background-snapshot|zero-copy-send|postcopy-preempt" },
    { "MigrationCapabilityStatus", QMP_STRUCT, "capability: MigrationCapability, state: bool" },

    /* The object model */
    { "ObjectPropertyInfo",  QMP_STRUCT, "name: str, type: str, description?: str, default-value?: any" },
    { "ObjectTypeInfo",      QMP_STRUCT, "name: str, abstract?: bool, parent?: str" },
    { 0 }
};
/* clang-format on */
