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
    { "HumanReadableText",   QMP_STRUCT, "human-readable-text: str" },
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
    { "TPMInfo",             QMP_STRUCT, "id: str, model: TpmModel, options: TpmTypeOptions" },
    { "TpmTypeOptions",      QMP_STRUCT, "type: TpmType", "type", "passthrough=TPMPassthroughOptionsWrapper, emulator=TPMEmulatorOptionsWrapper" },
    { "TPMPassthroughOptionsWrapper", QMP_STRUCT, "data: TPMPassthroughOptions" },
    { "TPMPassthroughOptions", QMP_STRUCT, "path?: str, cancel-path?: str" },
    { "TPMEmulatorOptionsWrapper", QMP_STRUCT, "data: TPMEmulatorOptions" },
    { "TPMEmulatorOptions",  QMP_STRUCT, "chardev: str" },
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
    { "ObjectType",          QMP_ENUM,   "filter-dump|iothread|memory-backend-file|memory-backend-memfd|memory-backend-ram|rng-builtin|rng-egd|rng-random|secret|throttle-group|tls-creds-anon|tls-creds-psk|tls-creds-x509" },
    { "ObjectOptions",       QMP_STRUCT, "qom-type: ObjectType, id: str", "qom-type",
      "filter-dump=FilterDumpProperties, iothread=IothreadProperties, memory-backend-file=MemoryBackendFileProperties, memory-backend-memfd=MemoryBackendMemfdProperties, memory-backend-ram=MemoryBackendProperties, rng-egd=RngEgdProperties, rng-random=RngRandomProperties, secret=SecretProperties, throttle-group=ThrottleGroupProperties, tls-creds-anon=TlsCredsAnonProperties, tls-creds-psk=TlsCredsPskProperties, tls-creds-x509=TlsCredsX509Properties" },
    { "MemoryBackendProperties", QMP_STRUCT, "dump?: bool, host-nodes?: [int], merge?: bool, policy?: HostMemPolicy, prealloc?: bool, prealloc-threads?: int, share?: bool, reserve?: bool, size: int, x-use-canonical-path-for-ramblock-id?: bool" },
    { "MemoryBackendFileProperties", QMP_STRUCT, "dump?: bool, host-nodes?: [int], merge?: bool, policy?: HostMemPolicy, prealloc?: bool, prealloc-threads?: int, share?: bool, reserve?: bool, size: int, x-use-canonical-path-for-ramblock-id?: bool, align?: int, discard-data?: bool, mem-path: str, pmem?: bool, readonly?: bool" },
    { "MemoryBackendMemfdProperties", QMP_STRUCT, "dump?: bool, host-nodes?: [int], merge?: bool, policy?: HostMemPolicy, prealloc?: bool, prealloc-threads?: int, share?: bool, reserve?: bool, size: int, x-use-canonical-path-for-ramblock-id?: bool, hugetlb?: bool, hugetlbsize?: int, seal?: bool" },
    { "QCryptoTLSCredsEndpoint", QMP_ENUM, "client|server" },
    { "TlsCredsAnonProperties", QMP_STRUCT, "verify-peer?: bool, dir?: str, endpoint?: QCryptoTLSCredsEndpoint, priority?: str" },
    { "TlsCredsPskProperties", QMP_STRUCT, "verify-peer?: bool, dir?: str, endpoint?: QCryptoTLSCredsEndpoint, priority?: str, username?: str" },
    { "TlsCredsX509Properties", QMP_STRUCT, "verify-peer?: bool, dir?: str, endpoint?: QCryptoTLSCredsEndpoint, priority?: str, sanity-check?: bool, passwordid?: str" },
    { "RngEgdProperties",    QMP_STRUCT, "chardev: str" },
    { "RngRandomProperties", QMP_STRUCT, "filename?: str" },
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
    { "NetClientDriver",     QMP_ENUM,   "user|tap|l2tpv3|socket|stream|dgram|bridge|hubport" },
    { "Netdev",              QMP_STRUCT, "id: str, type: NetClientDriver", "type",
      "user=NetdevUserOptions, tap=NetdevTapOptions, l2tpv3=NetdevL2TPv3Options, socket=NetdevSocketOptions, stream=NetdevStreamOptions, dgram=NetdevDgramOptions, bridge=NetdevBridgeOptions, hubport=NetdevHubPortOptions" },
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
    { "NetdevL2TPv3Options", QMP_STRUCT, "src: str, dst: str, srcport?: str, dstport?: str, ipv6?: bool, udp?: bool, cookie64?: bool, counter?: bool, pincounter?: bool, "
                                         "txcookie?: u64, rxcookie?: u64, txsession: u32, rxsession?: u32, offset?: u32" },
    { "RxState",             QMP_ENUM,   "normal|none|all" },
    { "RxFilterInfo",        QMP_STRUCT, "name: str, promiscuous: bool, multicast: RxState, unicast: RxState, vlan: RxState, broadcast-allowed: bool, multicast-overflow: bool, "
                                         "unicast-overflow: bool, main-mac: str, vlan-table: [int], unicast-table: [str], multicast-table: [str]" },
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

    /* Drives and their images */
    { "IoOperationType",     QMP_ENUM,   "read|write" },
    { "BlockErrorAction",    QMP_ENUM,   "ignore|report|stop" },
    { "JobType",             QMP_ENUM,   "commit|stream|mirror|backup|create|amend|snapshot-load|snapshot-save|snapshot-delete" },
    { "JobStatus",           QMP_ENUM,   "undefined|created|running|paused|ready|standby|waiting|pending|aborting|concluded|null" },
    { "BlockDeviceIoStatus", QMP_ENUM,   "ok|failed|nospace" },
    { "BlockInfo",           QMP_STRUCT, "device: str, qdev?: str, type: str, removable: bool, locked: bool, inserted?: BlockDeviceInfo, tray_open?: bool, io-status?: BlockDeviceIoStatus" },
    { "BlockdevDetectZeroesOptions", QMP_ENUM, "off|on|unmap" },
    { "BlockdevCacheInfo",   QMP_STRUCT, "writeback: bool, direct: bool, no-flush: bool" },
    { "BlockDirtyInfo",      QMP_STRUCT, "name?: str, count: int, granularity: int, recording: bool, busy: bool, persistent: bool, inconsistent?: bool" },
    { "BlockDeviceInfo",     QMP_STRUCT, "file: str, node-name?: str, ro: bool, drv: str, backing_file?: str, backing_file_depth: int, encrypted: bool, detect_zeroes: BlockdevDetectZeroesOptions, "
                                         "bps: int, bps_rd: int, bps_wr: int, iops: int, iops_rd: int, iops_wr: int, image: ImageInfo, "
                                         "bps_max?: int, bps_rd_max?: int, bps_wr_max?: int, iops_max?: int, iops_rd_max?: int, iops_wr_max?: int, "
                                         "bps_max_length?: int, bps_rd_max_length?: int, bps_wr_max_length?: int, iops_max_length?: int, iops_rd_max_length?: int, iops_wr_max_length?: int, iops_size?: int, group?: str, "
                                         "cache: BlockdevCacheInfo, write_threshold: int, dirty-bitmaps?: [BlockDirtyInfo]" },
    { "SnapshotInfo",        QMP_STRUCT, "id: str, name: str, vm-state-size: int, date-sec: int, date-nsec: int, vm-clock-sec: int, vm-clock-nsec: int, icount?: int" },
    { "ImageInfo",           QMP_STRUCT, "filename: str, format: str, dirty-flag?: bool, actual-size?: int, virtual-size: int, cluster-size?: int, encrypted?: bool, compressed?: bool, "
                                         "backing-filename?: str, full-backing-filename?: str, backing-filename-format?: str, snapshots?: [SnapshotInfo], backing-image?: ImageInfo, "
                                         "format-specific?: ImageInfoSpecific" },
    { "ImageInfoSpecificKind", QMP_ENUM, "qcow2|vmdk|luks" },
    { "ImageInfoSpecific",   QMP_STRUCT, "type: ImageInfoSpecificKind", "type",
      "qcow2=ImageInfoSpecificQCow2Wrapper, vmdk=ImageInfoSpecificVmdkWrapper, luks=QCryptoBlockInfoLUKSWrapper" },
    { "Qcow2BitmapInfoFlags", QMP_ENUM,  "in-use|auto" },
    { "Qcow2BitmapInfo",     QMP_STRUCT, "name: str, granularity: int, flags: [Qcow2BitmapInfoFlags]" },
    { "Qcow2CompressionType", QMP_ENUM,  "zlib|zstd" },
    { "BlockdevQcow2EncryptionFormat", QMP_ENUM, "aes|luks" },
    { "ImageInfoSpecificQCow2Encryption", QMP_STRUCT, "format: BlockdevQcow2EncryptionFormat", "format", "luks=QCryptoBlockInfoLUKS" },
    { "ImageInfoSpecificQCow2Wrapper", QMP_STRUCT, "data: ImageInfoSpecificQCow2" },
    { "ImageInfoSpecificQCow2", QMP_STRUCT, "compat: str, data-file?: str, data-file-raw?: bool, extended-l2?: bool, lazy-refcounts?: bool, corrupt?: bool, refcount-bits: int, "
                                         "encrypt?: ImageInfoSpecificQCow2Encryption, bitmaps?: [Qcow2BitmapInfo], compression-type: Qcow2CompressionType" },
    { "ImageInfoSpecificVmdkWrapper", QMP_STRUCT, "data: ImageInfoSpecificVmdk" },
    { "ImageInfoSpecificVmdk", QMP_STRUCT, "create-type: str, cid: int, parent-cid: int, extents: [ImageInfo]" },
    { "QCryptoBlockInfoLUKSWrapper", QMP_STRUCT, "data: QCryptoBlockInfoLUKS" },
    { "QCryptoBlockInfoLUKS", QMP_STRUCT, "cipher-alg: str, cipher-mode: str, ivgen-alg: str, ivgen-hash-alg?: str, hash-alg: str, payload-offset: int, master-key-iters: int, uuid: str, "
                                         "slots: [QCryptoBlockInfoLUKSSlot]" },
    { "QCryptoBlockInfoLUKSSlot", QMP_STRUCT, "active: bool, iters?: int, stripes?: int, key-offset: int" },
    { "BlockDeviceStats",    QMP_STRUCT, "rd_bytes: int, wr_bytes: int, unmap_bytes: int, rd_operations: int, wr_operations: int, flush_operations: int, unmap_operations: int, rd_total_time_ns: int, wr_total_time_ns: int, flush_total_time_ns: int, unmap_total_time_ns: int, wr_highest_offset: int, rd_merged: int, wr_merged: int, unmap_merged: int, "
                                         "idle_time_ns?: int, failed_rd_operations: int, failed_wr_operations: int, failed_flush_operations: int, failed_unmap_operations: int, invalid_rd_operations: int, invalid_wr_operations: int, invalid_flush_operations: int, invalid_unmap_operations: int, "
                                         "account_invalid: bool, account_failed: bool, timed_stats: [BlockDeviceTimedStats]" },
    { "BlockDeviceTimedStats", QMP_STRUCT, "interval_length: int, min_rd_latency_ns: int, max_rd_latency_ns: int, avg_rd_latency_ns: int, min_wr_latency_ns: int, max_wr_latency_ns: int, "
                                         "avg_wr_latency_ns: int, min_flush_latency_ns: int, max_flush_latency_ns: int, avg_flush_latency_ns: int, avg_rd_queue_depth: number, avg_wr_queue_depth: number" },
    { "BlockStats",          QMP_STRUCT, "device?: str, qdev?: str, node-name?: str, stats: BlockDeviceStats, parent?: BlockStats, backing?: BlockStats" },
    { "BlockdevChangeReadOnlyMode", QMP_ENUM, "retain|read-only|read-write" },
    { "BlockdevDriver",      QMP_ENUM,   "blkdebug|blkverify|bochs|cloop|copy-on-read|dmg|file|ftp|host_device|http|https|luks|nbd|null-aio|null-co|parallels|qcow|qcow2|raw|throttle|vdi|vhdx|vmdk|vpc" },
    { "BlockdevDiscardOptions", QMP_ENUM, "ignore|unmap" },
    { "BlockdevCacheOptions", QMP_STRUCT, "direct?: bool, no-flush?: bool" },
    { "BlockdevRef",         QMP_ALTERNATE, "BlockdevOptions|str" },
    { "BlockdevRefOrNull",   QMP_ALTERNATE, "BlockdevOptions|str|null" },
    { "BlockdevOptions",     QMP_STRUCT, "driver: BlockdevDriver, node-name?: str, discard?: BlockdevDiscardOptions, cache?: BlockdevCacheOptions, read-only?: bool, auto-read-only?: bool, "
                                         "force-share?: bool, detect-zeroes?: BlockdevDetectZeroesOptions", "driver",
      "blkdebug=BlockdevOptionsBlkdebug, blkverify=BlockdevOptionsBlkverify, bochs=BlockdevOptionsGenericFormat, cloop=BlockdevOptionsGenericFormat, copy-on-read=BlockdevOptionsCor, "
      "dmg=BlockdevOptionsGenericFormat, file=BlockdevOptionsFile, ftp=BlockdevOptionsCurlFtp, host_device=BlockdevOptionsFile, http=BlockdevOptionsCurlHttp, https=BlockdevOptionsCurlHttps, "
      "luks=BlockdevOptionsLUKS, nbd=BlockdevOptionsNbd, null-aio=BlockdevOptionsNull, null-co=BlockdevOptionsNull, parallels=BlockdevOptionsGenericFormat, qcow=BlockdevOptionsQcow, "
      "qcow2=BlockdevOptionsQcow2, raw=BlockdevOptionsRaw, throttle=BlockdevOptionsThrottle, vdi=BlockdevOptionsGenericFormat, vhdx=BlockdevOptionsGenericFormat, "
      "vmdk=BlockdevOptionsGenericCOWFormat, vpc=BlockdevOptionsGenericFormat" },
    { "BlkdebugEvent",       QMP_ENUM,
      "l1_update|l1_grow_alloc_table|l1_grow_write_table|l1_grow_activate_table|l2_load|l2_update|"
      "l2_update_compressed|l2_alloc_cow_read|l2_alloc_write|read_aio|read_backing_aio|read_compressed|write_aio|"
      "write_compressed|vmstate_load|vmstate_save|cow_read|cow_write|reftable_load|reftable_grow|reftable_update|"
      "refblock_load|refblock_update|refblock_update_part|refblock_alloc|refblock_alloc_hookup|refblock_alloc_write|"
      "refblock_alloc_write_blocks|refblock_alloc_write_table|refblock_alloc_switch_table|cluster_alloc|"
      "cluster_alloc_bytes|cluster_free|flush_to_os|flush_to_disk|pwritev_rmw_head|pwritev_rmw_after_head|"
      "pwritev_rmw_tail|pwritev_rmw_after_tail|pwritev|pwritev_zero|pwritev_done|empty_image_prepare|"
      "l1_shrink_write_table|l1_shrink_free_l2_clusters|cor_write|cluster_alloc_space|none" },
    { "BlkdebugIOType",      QMP_ENUM,   "read|write|write-zeroes|discard|flush|block-status" },
    { "BlkdebugInjectErrorOptions", QMP_STRUCT, "event: BlkdebugEvent, state?: int, iotype?: BlkdebugIOType, errno?: int, sector?: int, once?: bool, immediately?: bool" },
    { "BlkdebugSetStateOptions", QMP_STRUCT, "event: BlkdebugEvent, state?: int, new_state: int" },
    { "BlockPermission",     QMP_ENUM,   "consistent-read|write|write-unchanged|resize" },
    { "BlockdevOptionsBlkdebug", QMP_STRUCT, "image: BlockdevRef, config?: str, align?: int, max-transfer?: int, opt-write-zero?: int, max-write-zero?: int, opt-discard?: int, max-discard?: int, "
                                         "inject-error?: [BlkdebugInjectErrorOptions], set-state?: [BlkdebugSetStateOptions], take-child-perms?: [BlockPermission], unshare-child-perms?: [BlockPermission]" },
    { "BlockdevOptionsBlkverify", QMP_STRUCT, "test: BlockdevRef, raw: BlockdevRef" },
    { "BlockdevOptionsGenericFormat", QMP_STRUCT, "file: BlockdevRef" },
    { "BlockdevOptionsGenericCOWFormat", QMP_STRUCT, "file: BlockdevRef, backing?: BlockdevRefOrNull" },
    { "BlockdevOptionsCor",  QMP_STRUCT, "file: BlockdevRef, bottom?: str" },
    { "OnOffAuto",           QMP_ENUM,   "auto|on|off" },
    { "BlockdevAioOptions",  QMP_ENUM,   "threads|native|io_uring" },
    { "BlockdevOptionsFile", QMP_STRUCT, "filename: str, pr-manager?: str, locking?: OnOffAuto, aio?: BlockdevAioOptions, aio-max-batch?: int, drop-cache?: bool, x-check-cache-dropped?: bool unstable",
      NULL, NULL, "dynamic-auto-read-only" },
    { "BlockdevOptionsCurlFtp", QMP_STRUCT, "url: str, readahead?: int, timeout?: int, username?: str, password-secret?: str, proxy-username?: str, proxy-password-secret?: str" },
    { "BlockdevOptionsCurlHttp", QMP_STRUCT, "url: str, readahead?: int, timeout?: int, username?: str, password-secret?: str, proxy-username?: str, proxy-password-secret?: str, cookie?: str, cookie-secret?: str" },
    { "BlockdevOptionsCurlHttps", QMP_STRUCT, "url: str, readahead?: int, timeout?: int, username?: str, password-secret?: str, proxy-username?: str, proxy-password-secret?: str, cookie?: str, sslverify?: bool, cookie-secret?: str" },
    { "BlockdevOptionsLUKS", QMP_STRUCT, "file: BlockdevRef, key-secret?: str" },
    { "BlockdevOptionsNbd",  QMP_STRUCT, "server: SocketAddress, export?: str, tls-creds?: str, tls-hostname?: str, x-dirty-bitmap?: str unstable, reconnect-delay?: int, open-timeout?: int" },
    { "BlockdevOptionsNull", QMP_STRUCT, "size?: int, latency-ns?: u64, read-zeroes?: bool" },
    { "BlockdevQcowEncryptionFormat", QMP_ENUM, "aes" },
    { "QCryptoBlockOptionsSecret", QMP_STRUCT, "key-secret?: str" },
    { "BlockdevQcowEncryption", QMP_STRUCT, "format: BlockdevQcowEncryptionFormat", "format", "aes=QCryptoBlockOptionsSecret" },
    { "BlockdevOptionsQcow", QMP_STRUCT, "file: BlockdevRef, backing?: BlockdevRefOrNull, encrypt?: BlockdevQcowEncryption" },
    { "BlockdevQcow2Encryption", QMP_STRUCT, "format: BlockdevQcow2EncryptionFormat", "format", "aes=QCryptoBlockOptionsSecret, luks=QCryptoBlockOptionsSecret" },
    { "Qcow2OverlapCheckMode", QMP_ENUM, "none|constant|cached|all" },
    { "Qcow2OverlapCheckFlags", QMP_STRUCT, "template?: Qcow2OverlapCheckMode, main-header?: bool, active-l1?: bool, active-l2?: bool, refcount-table?: bool, refcount-block?: bool, "
                                         "snapshot-table?: bool, inactive-l1?: bool, inactive-l2?: bool, bitmap-directory?: bool" },
    { "Qcow2OverlapChecks",  QMP_ALTERNATE, "Qcow2OverlapCheckFlags|Qcow2OverlapCheckMode" },
    { "BlockdevOptionsQcow2", QMP_STRUCT, "file: BlockdevRef, backing?: BlockdevRefOrNull, lazy-refcounts?: bool, pass-discard-request?: bool, pass-discard-snapshot?: bool, pass-discard-other?: bool, "
                                         "overlap-check?: Qcow2OverlapChecks, cache-size?: int, l2-cache-size?: int, l2-cache-entry-size?: int, refcount-cache-size?: int, cache-clean-interval?: int, "
                                         "encrypt?: BlockdevQcow2Encryption, data-file?: BlockdevRef" },
    { "BlockdevOptionsRaw",  QMP_STRUCT, "file: BlockdevRef, offset?: int, size?: int" },
    { "BlockdevOptionsThrottle", QMP_STRUCT, "throttle-group: str, file: BlockdevRef" },

    /* Jobs on them */
    { "BlockJobInfo",        QMP_STRUCT, "type: str, device: str, len: int, offset: int, busy: bool, paused: bool, speed: int, io-status: BlockDeviceIoStatus, ready: bool, status: JobStatus, "
                                         "auto-finalize: bool, auto-dismiss: bool, error?: str" },
    { "JobInfo",             QMP_STRUCT, "id: str, type: JobType, status: JobStatus, current-progress: int, total-progress: int, error?: str" },
    { "MirrorSyncMode",      QMP_ENUM,   "top|full|none|incremental|bitmap" },
    { "BitmapSyncMode",      QMP_ENUM,   "on-success|never|always" },
    { "MirrorCopyMode",      QMP_ENUM,   "background|write-blocking" },
    { "NewImageMode",        QMP_ENUM,   "existing|absolute-paths" },
    { "BlockdevOnError",     QMP_ENUM,   "report|ignore|enospc|stop|auto" },
    { "BackupPerf",          QMP_STRUCT, "use-copy-range?: bool, max-workers?: int, max-chunk?: int" },
    { "BlockdevBackup",      QMP_STRUCT, "job-id?: str, device: str, sync: MirrorSyncMode, speed?: int, bitmap?: str, bitmap-mode?: BitmapSyncMode, compress?: bool, on-source-error?: BlockdevOnError, on-target-error?: BlockdevOnError, auto-finalize?: bool, auto-dismiss?: bool, filter-node-name?: str, x-perf?: BackupPerf unstable, target: str" },
    { "BlockdevSnapshot",    QMP_STRUCT, "node: str, overlay: str" },
    { "XDbgBlockGraphNodeType", QMP_ENUM, "block-backend|block-job|block-driver" },
    { "XDbgBlockGraphNode",  QMP_STRUCT, "id: u64, type: XDbgBlockGraphNodeType, name: str" },
    { "XDbgBlockGraphEdge",  QMP_STRUCT, "parent: u64, child: u64, name: str, perm: [BlockPermission], shared-perm: [BlockPermission]" },
    { "XDbgBlockGraph",      QMP_STRUCT, "nodes: [XDbgBlockGraphNode], edges: [XDbgBlockGraphEdge]" },
    { "BlockdevSnapshotInternal", QMP_STRUCT, "device: str, name: str" },
    { "BlockDirtyBitmap",    QMP_STRUCT, "node: str, name: str" },
    { "BlockDirtyBitmapAdd", QMP_STRUCT, "node: str, name: str, granularity?: u32, persistent?: bool, disabled?: bool" },
    { "BlockDirtyBitmapOrStr", QMP_ALTERNATE, "str|BlockDirtyBitmap" },
    { "PreallocMode",        QMP_ENUM,   "off|metadata|falloc|full" },
    { "BlockdevCreateDriver", QMP_ENUM,  "file|parallels|qcow|qcow2|vdi|vhdx|vmdk|vpc" },
    { "BlockdevCreateOptions", QMP_STRUCT, "driver: BlockdevCreateDriver", "driver",
      "file=BlockdevCreateOptionsFile, parallels=BlockdevCreateOptionsParallels, qcow=BlockdevCreateOptionsQcow, qcow2=BlockdevCreateOptionsQcow2, vdi=BlockdevCreateOptionsVdi, "
      "vhdx=BlockdevCreateOptionsVhdx, vmdk=BlockdevCreateOptionsVmdk, vpc=BlockdevCreateOptionsVpc" },
    { "BlockdevCreateOptionsFile", QMP_STRUCT, "filename: str, size: u64, preallocation?: PreallocMode, nocow?: bool, extent-size-hint?: u64" },
    { "BlockdevCreateOptionsParallels", QMP_STRUCT, "file: BlockdevRef, size: u64, cluster-size?: u64" },
    { "BlockdevCreateOptionsQcow", QMP_STRUCT, "file: BlockdevRef, size: u64, backing-file?: str" },
    { "BlockdevQcow2Version", QMP_ENUM,  "v2|v3" },
    { "BlockdevCreateOptionsQcow2", QMP_STRUCT, "file: BlockdevRef, data-file?: BlockdevRef, data-file-raw?: bool, extended-l2?: bool, size: u64, version?: BlockdevQcow2Version, backing-file?: str, "
                                         "backing-fmt?: BlockdevDriver, cluster-size?: u64, preallocation?: PreallocMode, lazy-refcounts?: bool, refcount-bits?: int, compression-type?: Qcow2CompressionType" },
    { "BlockdevCreateOptionsVdi", QMP_STRUCT, "file: BlockdevRef, size: u64, preallocation?: PreallocMode" },
    { "BlockdevVhdxSubformat", QMP_ENUM, "dynamic|fixed" },
    { "BlockdevCreateOptionsVhdx", QMP_STRUCT, "file: BlockdevRef, size: u64, log-size?: u64, block-size?: u64, subformat?: BlockdevVhdxSubformat, block-state-zero?: bool" },
    { "BlockdevVmdkSubformat", QMP_ENUM, "monolithicSparse|monolithicFlat|twoGbMaxExtentSparse|twoGbMaxExtentFlat|streamOptimized" },
    { "BlockdevVmdkAdapterType", QMP_ENUM, "ide|buslogic|lsilogic|legacyESX" },
    { "BlockdevCreateOptionsVmdk", QMP_STRUCT, "file: BlockdevRef, size: u64, extents?: [BlockdevRef], subformat?: BlockdevVmdkSubformat, backing-file?: str, adapter-type?: BlockdevVmdkAdapterType, "
                                         "hwversion?: str, toolsversion?: str, zeroed-grain?: bool" },
    { "BlockdevCreateOptionsVpc", QMP_STRUCT, "file: BlockdevRef, size: u64, subformat?: BlockdevVhdxSubformat, force-size?: bool" },
    { "TransactionActionKind", QMP_ENUM, "abort|block-dirty-bitmap-add|blockdev-backup|blockdev-snapshot|blockdev-snapshot-internal-sync" },
    { "TransactionAction",   QMP_STRUCT, "type: TransactionActionKind", "type",
      "abort=AbortWrapper, block-dirty-bitmap-add=BlockDirtyBitmapAddWrapper, blockdev-backup=BlockdevBackupWrapper, blockdev-snapshot=BlockdevSnapshotWrapper, blockdev-snapshot-internal-sync=BlockdevSnapshotInternalWrapper" },
    { "Abort",               QMP_STRUCT, "" },
    { "AbortWrapper",        QMP_STRUCT, "data: Abort" },
    { "BlockDirtyBitmapAddWrapper", QMP_STRUCT, "data: BlockDirtyBitmapAdd" },
    { "BlockdevBackupWrapper", QMP_STRUCT, "data: BlockdevBackup" },
    { "BlockdevSnapshotWrapper", QMP_STRUCT, "data: BlockdevSnapshot" },
    { "BlockdevSnapshotInternalWrapper", QMP_STRUCT, "data: BlockdevSnapshotInternal" },
    { "ActionCompletionMode", QMP_ENUM,  "individual|grouped" },
    { "TransactionProperties", QMP_STRUCT, "completion-mode?: ActionCompletionMode" },

    /* For others */
    { "BlockExportRemoveMode", QMP_ENUM, "safe|hard" },
    { "BlockExportType",     QMP_ENUM,   "nbd|vhost-user-blk|fuse|vduse-blk" },
    { "BlockExportOptions",  QMP_STRUCT, "type: BlockExportType, id: str, fixed-iothread?: bool, iothread?: str, node-name: str, writable?: bool, writethrough?: bool", "type",
      "nbd=BlockExportOptionsNbd" },
    { "BlockExportOptionsNbd", QMP_STRUCT, "name?: str, description?: str, bitmaps?: [BlockDirtyBitmapOrStr], allocation-depth?: bool" },
    { "BlockExportInfo",     QMP_STRUCT, "id: str, type: BlockExportType, node-name: str, shutting-down: bool" },

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
    { "DumpGuestMemoryFormat", QMP_ENUM, "elf|kdump-zlib|kdump-lzo|kdump-snappy|win-dmp" },
    { "DumpStatus",          QMP_ENUM,   "none|active|completed|failed" },
    { "DumpQueryResult",     QMP_STRUCT, "status: DumpStatus, completed: int, total: int" },
    { "DumpGuestMemoryCapability", QMP_STRUCT, "formats: [DumpGuestMemoryFormat]" },
    { "ImageFormat",         QMP_ENUM,   "ppm|png" },
    { "NetworkAddressFamily", QMP_ENUM,  "ipv4|ipv6|unix|vsock|unknown" },
    { "VncPrimaryAuth",      QMP_ENUM,   "none|vnc|ra2|ra2ne|tight|ultra|tls|vencrypt|sasl" },
    { "VncVencryptSubAuth",  QMP_ENUM,   "plain|tls-none|x509-none|tls-vnc|x509-vnc|tls-plain|x509-plain|tls-sasl|x509-sasl" },
    { "VncBasicInfo",        QMP_STRUCT, "host: str, service: str, family: NetworkAddressFamily, websocket: bool" },
    { "VncServerInfo",       QMP_STRUCT, "host: str, service: str, family: NetworkAddressFamily, websocket: bool, auth?: str" },
    { "VncServerInfo2",      QMP_STRUCT, "host: str, service: str, family: NetworkAddressFamily, websocket: bool, auth: VncPrimaryAuth, vencrypt?: VncVencryptSubAuth" },
    { "VncClientInfo",       QMP_STRUCT, "host: str, service: str, family: NetworkAddressFamily, websocket: bool, x509_dname?: str, sasl_username?: str" },
    { "VncInfo",             QMP_STRUCT, "enabled: bool, host?: str, family?: NetworkAddressFamily, service?: str, auth?: str, clients?: [VncClientInfo]" },
    { "VncInfo2",            QMP_STRUCT, "id: str, server: [VncServerInfo2], clients: [VncClientInfo], auth: VncPrimaryAuth, vencrypt?: VncVencryptSubAuth, display?: str" },
    { "DisplayProtocol",     QMP_ENUM,   "vnc|spice" },
    { "SetPasswordAction",   QMP_ENUM,   "keep|fail|disconnect" },
    { "SetPasswordOptions",  QMP_STRUCT, "protocol: DisplayProtocol, password: str, connected?: SetPasswordAction", "protocol", "vnc=SetPasswordOptionsVnc" },
    { "SetPasswordOptionsVnc", QMP_STRUCT, "display?: str" },
    { "ExpirePasswordOptions", QMP_STRUCT, "protocol: DisplayProtocol, time: str", "protocol", "vnc=ExpirePasswordOptionsVnc" },
    { "ExpirePasswordOptionsVnc", QMP_STRUCT, "display?: str" },

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
                                         "validate-uuid|background-snapshot|zero-copy-send|postcopy-preempt|mapped-ram" },
    { "MigrationCapabilityStatus", QMP_STRUCT, "capability: MigrationCapability, state: bool" },

    { "YankInstanceType",    QMP_ENUM,   "block-node|chardev|migration" },
    { "YankInstance",        QMP_STRUCT, "type: YankInstanceType", "type", "block-node=YankInstanceBlockNode, chardev=YankInstanceChardev" },
    { "YankInstanceBlockNode", QMP_STRUCT, "node-name: str" },
    { "YankInstanceChardev", QMP_STRUCT, "id: str" },
    { "MigrationStatus",     QMP_ENUM,   "none|setup|cancelling|cancelled|active|postcopy-active|postcopy-paused|postcopy-recover|completed|failed|colo|pre-switchover|device|wait-unplug" },
    { "MigrationStats",      QMP_STRUCT, "transferred: int, remaining: int, total: int, duplicate: int, skipped: int, normal: int, normal-bytes: int, dirty-pages-rate: int, mbps: number, dirty-sync-count: int, "
                                         "postcopy-requests: int, page-size: int, multifd-bytes: u64, pages-per-second: u64, precopy-bytes: u64, downtime-bytes: u64, postcopy-bytes: u64, dirty-sync-missed-zero-copy: u64" },
    { "MigrationInfo",       QMP_STRUCT, "status?: MigrationStatus, ram?: MigrationStats, total-time?: int, expected-downtime?: int, downtime?: int, setup-time?: int, cpu-throttle-percentage?: int, error-desc?: str, blocked-reasons?: [str]" },
    { "MigrateParameters",   QMP_STRUCT, "announce-initial?: u64, announce-max?: u64, announce-rounds?: u64, announce-step?: u64, max-bandwidth?: u64, downtime-limit?: u64, multifd-channels?: u8, multifd-compression?: MultiFDCompression, multifd-zlib-level?: u8, multifd-zstd-level?: u8, throttle-trigger-threshold?: u8, cpu-throttle-initial?: u8, cpu-throttle-increment?: u8, cpu-throttle-tailslow?: bool, max-cpu-throttle?: u8" },
    { "MultiFDCompression",  QMP_ENUM,   "none|zlib|zstd" },

    /* What this program has not */
    { "NumaOptionsType",     QMP_ENUM,   "node|dist|cpu|hmat-lb|hmat-cache" },
    { "NumaNodeOptions",     QMP_STRUCT, "nodeid?: u16, cpus?: [u16], mem?: u64, memdev?: str, initiator?: u16" },
    { "NumaDistOptions",     QMP_STRUCT, "src: u16, dst: u16, val: u8" },
    { "NumaCpuOptions",      QMP_STRUCT, "node-id?: int, socket-id?: int, die-id?: int, cluster-id?: int, core-id?: int, thread-id?: int" },
    { "NumaOptions",         QMP_STRUCT, "type: NumaOptionsType", "type", "node=NumaNodeOptions, dist=NumaDistOptions, cpu=NumaCpuOptions" },
    { "PRManagerInfo",       QMP_STRUCT, "id: str, connected: bool" },
    { "StatsType",           QMP_ENUM,   "cumulative|instant|peak|linear-histogram|log2-histogram" },
    { "StatsUnit",           QMP_ENUM,   "bytes|seconds|cycles|boolean" },
    { "StatsProvider",       QMP_ENUM,   "kvm" },
    { "StatsTarget",         QMP_ENUM,   "vm|vcpu" },
    { "StatsRequest",        QMP_STRUCT, "provider: StatsProvider, names?: [str]" },
    { "StatsVCPUFilter",     QMP_STRUCT, "vcpus?: [str]" },
    { "StatsFilter",         QMP_STRUCT, "target: StatsTarget, providers?: [StatsRequest]", "target", "vcpu=StatsVCPUFilter" },
    { "StatsValue",          QMP_ALTERNATE, "u64|bool|[u64]" },
    { "Stats",               QMP_STRUCT, "name: str, value: StatsValue" },
    { "StatsResult",         QMP_STRUCT, "provider: StatsProvider, qom-path?: str, stats: [Stats]" },
    { "StatsSchemaValue",    QMP_STRUCT, "name: str, type: StatsType, unit?: StatsUnit, base?: int, exponent: int, bucket-size?: u32" },
    { "StatsSchema",         QMP_STRUCT, "provider: StatsProvider, target: StatsTarget, stats: [StatsSchemaValue]" },
    { "ReplayMode",          QMP_ENUM,   "none|record|play" },
    { "ReplayInfo",          QMP_STRUCT, "mode: ReplayMode, filename?: str, icount: int" },
    { "COLOMode",            QMP_ENUM,   "none|primary|secondary" },
    { "COLOExitReason",      QMP_ENUM,   "none|request|error|processing" },
    { "COLOStatus",          QMP_STRUCT, "mode: COLOMode, last-mode: COLOMode, reason: COLOExitReason" },
    { "SpiceQueryMouseMode", QMP_ENUM,   "client|server|unknown" },
    { "SpiceInfo",           QMP_STRUCT, "enabled: bool, migrated: bool, host?: str, port?: int, tls-port?: int, auth?: str, compiled-version?: str, mouse-mode: SpiceQueryMouseMode" },
    { "SevState",            QMP_ENUM,   "uninit|launch-update|launch-secret|running|send-update|receive-update" },
    { "SevInfo",             QMP_STRUCT, "enabled: bool, api-major: u8, api-minor: u8, build-id: u8, policy: u32, state: SevState, handle: u32" },
    { "SevCapability",       QMP_STRUCT, "pdh: str, cert-chain: str, cpu0-id: str, cbitpos: int, reduced-phys-bits: int" },
    { "SevLaunchMeasureInfo", QMP_STRUCT, "data: str" },
    { "SevAttestationReport", QMP_STRUCT, "data: str" },
    { "SGXEPCSection",       QMP_STRUCT, "node: int, size: u64" },
    { "SGXInfo",             QMP_STRUCT, "sgx: bool, sgx1: bool, sgx2: bool, flc: bool, section-size: u64, sections: [SGXEPCSection]" },
    { "RockerSwitch",        QMP_STRUCT, "name: str, id: u64, ports: u32" },
    { "RockerPort",          QMP_STRUCT, "name: str, enabled: bool, link-up: bool, speed: u32" },
    { "RockerOfDpaFlow",     QMP_STRUCT, "cookie: u64, hits: u64" },
    { "RockerOfDpaGroup",    QMP_STRUCT, "id: u32, type: u8" },
    { "TraceEventState",     QMP_ENUM,   "unavailable|disabled|enabled" },
    { "TraceEventInfo",      QMP_STRUCT, "name: str, state: TraceEventState, vcpu: bool" },

    /* Virtio devices */
    { "VirtioInfo",          QMP_STRUCT, "path: str, name: str" },
    { "VirtioDeviceStatus",  QMP_STRUCT, "statuses: [str], unknown-statuses?: u8" },
    { "VirtioDeviceFeatures", QMP_STRUCT, "transports: [str], dev-features?: [str], unknown-dev-features?: u64" },
    { "VirtioStatus",        QMP_STRUCT, "name: str, device-id: u16, vhost-started: bool, device-endian: str, guest-features: VirtioDeviceFeatures, host-features: VirtioDeviceFeatures, "
                                         "backend-features: VirtioDeviceFeatures, num-vqs: int, status: VirtioDeviceStatus, isr: u8, queue-sel: u16, vm-running: bool, broken: bool, disabled: bool, "
                                         "use-started: bool, started: bool, start-on-kick: bool, disable-legacy-check: bool, bus-name: str, use-guest-notifier-mask: bool" },
    { "VirtQueueStatus",     QMP_STRUCT, "name: str, queue-index: u16, inuse: u32, vring-num: u32, vring-num-default: u32, vring-align: u32, vring-desc: u64, vring-avail: u64, vring-used: u64, "
                                         "last-avail-idx?: u16, shadow-avail-idx?: u16, used-idx: u16, signalled-used: u16, signalled-used-valid: bool" },
    { "VirtioRingDesc",      QMP_STRUCT, "addr: u64, len: u32, flags: [str]" },
    { "VirtioRingAvail",     QMP_STRUCT, "flags: u16, idx: u16, ring: u16" },
    { "VirtioRingUsed",      QMP_STRUCT, "flags: u16, idx: u16" },
    { "VirtioQueueElement",  QMP_STRUCT, "name: str, index: u32, descs: [VirtioRingDesc], avail: VirtioRingAvail, used: VirtioRingUsed" },
    { "VirtVhostQueueStatus", QMP_STRUCT, "name: str, kick: int, call: int, desc: u64, avail: u64, used: u64, num: int, desc-phys: u64, desc-size: u32, avail-phys: u64, avail-size: u32, used-phys: u64, used-size: u32" },

    /* The object model */
    { "ObjectPropertyInfo",  QMP_STRUCT, "name: str, type: str, description?: str, default-value?: any" },
    { "ObjectTypeInfo",      QMP_STRUCT, "name: str, abstract?: bool, parent?: str" },
    { 0 }
};
/* clang-format on */
