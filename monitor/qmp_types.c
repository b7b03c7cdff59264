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

    /* What comes and goes */
    { "ObjectType",          QMP_ENUM,   "filter-dump|iothread|secret|throttle-group" },
    { "ObjectOptions",       QMP_STRUCT, "qom-type: ObjectType, id: str", "qom-type",
      "filter-dump=FilterDumpProperties, iothread=IothreadProperties, secret=SecretProperties, throttle-group=ThrottleGroupProperties" },
    { "NetFilterDirection",  QMP_ENUM,   "all|rx|tx" },
    { "NetfilterInsert",     QMP_ENUM,   "before|behind" },
    { "FilterDumpProperties", QMP_STRUCT, "netdev: str, queue?: NetFilterDirection, status?: str, position?: str, insert?: NetfilterInsert, file: str, maxlen?: int" },
    { "IothreadProperties",  QMP_STRUCT, "aio-max-batch?: int, thread-pool-min?: int, thread-pool-max?: int, poll-max-ns?: int, poll-grow?: int, poll-shrink?: int" },
    { "QCryptoSecretFormat", QMP_ENUM,   "raw|base64" },
    { "SecretProperties",    QMP_STRUCT, "loaded?: bool deprecated, format?: QCryptoSecretFormat, keyid?: str, iv?: str, data?: str, file?: str" },
    { "ThrottleLimits",      QMP_STRUCT, "iops-total?: int, iops-total-max?: int, iops-total-max-length?: int, iops-read?: int, iops-read-max?: int, iops-read-max-length?: int, "
                                         "iops-write?: int, iops-write-max?: int, iops-write-max-length?: int, bps-total?: int, bps-total-max?: int, bps-total-max-length?: int, "
                                         "bps-read?: int, bps-read-max?: int, bps-read-max-length?: int, bps-write?: int, bps-write-max?: int, bps-write-max-length?: int, iops-size?: int" },
    { "ThrottleGroupProperties", QMP_STRUCT, "limits?: ThrottleLimits, "
                                         "x-iops-total?: int unstable, x-iops-total-max?: int unstable, x-iops-total-max-length?: int unstable, x-iops-read?: int unstable, "
                                         "x-iops-read-max?: int unstable, x-iops-read-max-length?: int unstable, x-iops-write?: int unstable, x-iops-write-max?: int unstable, "
                                         "x-iops-write-max-length?: int unstable, x-bps-total?: int unstable, x-bps-total-max?: int unstable, x-bps-total-max-length?: int unstable, "
                                         "x-bps-read?: int unstable, x-bps-read-max?: int unstable, x-bps-read-max-length?: int unstable, x-bps-write?: int unstable, "
                                         "x-bps-write-max?: int unstable, x-bps-write-max-length?: int unstable, x-iops-size?: int unstable" },
    { "NetClientDriver",     QMP_ENUM,   "user|tap|socket|stream|dgram|bridge|hubport" },
    { "Netdev",              QMP_STRUCT, "id: str, type: NetClientDriver", "type",
      "user=NetdevUserOptions, tap=NetdevTapOptions, socket=NetdevSocketOptions, stream=NetdevStreamOptions, dgram=NetdevDgramOptions, bridge=NetdevBridgeOptions, hubport=NetdevHubPortOptions" },
    { "String",              QMP_STRUCT, "str: str" },
    { "NetdevUserOptions",   QMP_STRUCT, "hostname?: str, restrict?: bool, ipv4?: bool, ipv6?: bool, ip?: str, net?: str, host?: str, tftp?: str, bootfile?: str, dhcpstart?: str, dns?: str, "
                                         "dnssearch?: [String], domainname?: str, ipv6-prefix?: str, ipv6-prefixlen?: int, ipv6-host?: str, ipv6-dns?: str, smb?: str, smbserver?: str, "
                                         "hostfwd?: [String], guestfwd?: [String], tftp-server-name?: str" },
    { "NetdevTapOptions",    QMP_STRUCT, "ifname?: str, fd?: str, fds?: str, script?: str, downscript?: str, br?: str, helper?: str, sndbuf?: int, vnet_hdr?: bool, vhost?: bool, vhostfd?: str, "
                                         "vhostfds?: str, vhostforce?: bool, queues?: int, poll-us?: int" },
    { "NetdevSocketOptions", QMP_STRUCT, "fd?: str, listen?: str, connect?: str, mcast?: str, localaddr?: str, udp?: str" },
    { "SocketAddressType",   QMP_ENUM,   "inet|unix|vsock|fd" },
    { "SocketAddress",       QMP_STRUCT, "type: SocketAddressType", "type", "inet=InetSocketAddress, unix=UnixSocketAddress, vsock=VsockSocketAddress, fd=String" },
    { "InetSocketAddress",   QMP_STRUCT, "host: str, port: str, numeric?: bool, to?: u16, ipv4?: bool, ipv6?: bool, keep-alive?: bool, mptcp?: bool" },
    { "UnixSocketAddress",   QMP_STRUCT, "path: str, abstract?: bool, tight?: bool" },
    { "VsockSocketAddress",  QMP_STRUCT, "cid: str, port: str" },
    { "NetdevStreamOptions", QMP_STRUCT, "addr: SocketAddress, server?: bool" },
    { "NetdevDgramOptions",  QMP_STRUCT, "local?: SocketAddress, remote?: SocketAddress" },
    { "NetdevBridgeOptions", QMP_STRUCT, "br?: str, helper?: str" },
    { "NetdevHubPortOptions", QMP_STRUCT, "hubid: int, netdev?: str" },
    { "ChardevReturn",       QMP_STRUCT, "pty?: str" },
    { "ChardevBackendKind",  QMP_ENUM,   "file|pipe|socket|udp|pty|null|stdio|vc|ringbuf" },
    { "ChardevBackend",      QMP_STRUCT, "type: ChardevBackendKind", "type",
      "file=ChardevFileWrapper, pipe=ChardevHostdevWrapper, socket=ChardevSocketWrapper, pty=ChardevCommonWrapper, null=ChardevCommonWrapper, stdio=ChardevStdioWrapper, vc=ChardevVCWrapper, "
      "udp=ChardevUdpWrapper, ringbuf=ChardevRingbufWrapper" },
    { "DataFormat",          QMP_ENUM,   "utf8|base64" },
    { "ChardevUdpWrapper",   QMP_STRUCT, "data: ChardevUdp" },
    { "ChardevUdp",          QMP_STRUCT, "logfile?: str, logappend?: bool, remote: SocketAddressLegacy, local?: SocketAddressLegacy" },
    { "ChardevRingbufWrapper", QMP_STRUCT, "data: ChardevRingbuf" },
    { "ChardevRingbuf",      QMP_STRUCT, "logfile?: str, logappend?: bool, size?: int" },
    { "ChardevCommonWrapper", QMP_STRUCT, "data: ChardevCommon" },
    { "ChardevCommon",       QMP_STRUCT, "logfile?: str, logappend?: bool" },
    { "ChardevFileWrapper",  QMP_STRUCT, "data: ChardevFile" },
    { "ChardevFile",         QMP_STRUCT, "logfile?: str, logappend?: bool, in?: str, out: str, append?: bool" },
    { "ChardevHostdevWrapper", QMP_STRUCT, "data: ChardevHostdev" },
    { "ChardevHostdev",      QMP_STRUCT, "logfile?: str, logappend?: bool, device: str" },
    { "ChardevStdioWrapper", QMP_STRUCT, "data: ChardevStdio" },
    { "ChardevStdio",        QMP_STRUCT, "logfile?: str, logappend?: bool, signal?: bool" },
    { "ChardevVCWrapper",    QMP_STRUCT, "data: ChardevVC" },
    { "ChardevVC",           QMP_STRUCT, "logfile?: str, logappend?: bool, width?: int, height?: int, cols?: int, rows?: int" },
    { "ChardevSocketWrapper", QMP_STRUCT, "data: ChardevSocket" },
    { "ChardevSocket",       QMP_STRUCT, "logfile?: str, logappend?: bool, addr: SocketAddressLegacy, tls-creds?: str, tls-authz?: str, server?: bool, wait?: bool, nodelay?: bool, telnet?: bool, "
                                         "tn3270?: bool, websocket?: bool, reconnect?: int" },
    { "SocketAddressLegacy", QMP_STRUCT, "type: SocketAddressType", "type",
      "inet=InetSocketAddressWrapper, unix=UnixSocketAddressWrapper, vsock=VsockSocketAddressWrapper, fd=StringWrapper" },
    { "InetSocketAddressWrapper", QMP_STRUCT, "data: InetSocketAddress" },
    { "UnixSocketAddressWrapper", QMP_STRUCT, "data: UnixSocketAddress" },
    { "VsockSocketAddressWrapper", QMP_STRUCT, "data: VsockSocketAddress" },
    { "StringWrapper",       QMP_STRUCT, "data: String" },
    { "AddfdInfo",           QMP_STRUCT, "fdset-id: int, fd: int" },
    { "FdsetFdInfo",         QMP_STRUCT, "fd: int, opaque?: str" },
    { "FdsetInfo",           QMP_STRUCT, "fdset-id: int, fds: [FdsetFdInfo]" },

    /* A person at the machine */
    { "QKeyCode",            QMP_ENUM,
      "unmapped|shift|shift_r|alt|alt_r|ctrl|ctrl_r|menu|esc|1|2|3|4|5|6|7|8|9|0|minus|equal|backspace|tab|q|w|e|r|t|"
      "y|u|i|o|p|bracket_left|bracket_right|ret|a|s|d|f|g|h|j|k|l|semicolon|apostrophe|grave_accent|backslash|z|x|c|v|"
      "b|n|m|comma|dot|slash|asterisk|spc|caps_lock|f1|f2|f3|f4|f5|f6|f7|f8|f9|f10|num_lock|scroll_lock|kp_divide|"
      "kp_multiply|kp_subtract|kp_add|kp_enter|kp_decimal|sysrq|kp_0|kp_1|kp_2|kp_3|kp_4|kp_5|kp_6|kp_7|kp_8|kp_9|"
      "less|f11|f12|print|home|pgup|pgdn|end|left|up|down|right|insert|delete|stop|again|props|undo|front|copy|open|"
      "paste|find|cut|lf|help|meta_l|meta_r|compose|pause|ro|hiragana|henkan|yen|muhenkan|katakanahiragana|kp_comma|"
      "kp_equals|power|sleep|wake|audionext|audioprev|audiostop|audioplay|audiomute|volumeup|volumedown|mediaselect|"
      "mail|calculator|computer|ac_home|ac_back|ac_forward|ac_refresh|ac_bookmarks|lang1|lang2" },
    { "KeyValueKind",        QMP_ENUM,   "number|qcode" },
    { "KeyValue",            QMP_STRUCT, "type: KeyValueKind", "type", "number=IntWrapper, qcode=QKeyCodeWrapper" },
    { "IntWrapper",          QMP_STRUCT, "data: int" },
    { "QKeyCodeWrapper",     QMP_STRUCT, "data: QKeyCode" },
    { "InputButton",         QMP_ENUM,   "left|middle|right|wheel-up|wheel-down|side|extra|wheel-left|wheel-right" },
    { "InputAxis",           QMP_ENUM,   "x|y" },
    { "InputEventKind",      QMP_ENUM,   "key|btn|rel|abs" },
    { "InputEvent",          QMP_STRUCT, "type: InputEventKind", "type",
      "key=InputKeyEventWrapper, btn=InputBtnEventWrapper, rel=InputMoveEventWrapper, abs=InputMoveEventWrapper" },
    { "InputKeyEventWrapper", QMP_STRUCT, "data: InputKeyEvent" },
    { "InputKeyEvent",       QMP_STRUCT, "key: KeyValue, down: bool" },
    { "InputBtnEventWrapper", QMP_STRUCT, "data: InputBtnEvent" },
    { "InputBtnEvent",       QMP_STRUCT, "button: InputButton, down: bool" },
    { "InputMoveEventWrapper", QMP_STRUCT, "data: InputMoveEvent" },
    { "InputMoveEvent",      QMP_STRUCT, "axis: InputAxis, value: int" },
    { "ImageFormat",         QMP_ENUM,   "ppm|png" },

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
