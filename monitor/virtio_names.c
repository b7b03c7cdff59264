/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/virtio_names.c: see virtio_names.h.  Bits are those of VIRTIO 1.2 (2.1, 5 and 6) and of the legacy
 * interface.
 * Thread: constant.
 */
#include "monitor/virtio_names.h"

/* clang-format off */
const struct virtio_bit_name virtio_status_names[] = {
    { 0, "VIRTIO_CONFIG_S_ACKNOWLEDGE: Valid virtio device found" },
    { 1, "VIRTIO_CONFIG_S_DRIVER: Guest OS compatible with device" },
    { 3, "VIRTIO_CONFIG_S_FEATURES_OK: Feature negotiation complete" },
    { 2, "VIRTIO_CONFIG_S_DRIVER_OK: Driver setup and ready" },
    { 6, "VIRTIO_CONFIG_S_NEEDS_RESET: Irrecoverable error, device needs reset" },
    { 7, "VIRTIO_CONFIG_S_FAILED: Error in guest, device failed" },
    { 0 }
};

const struct virtio_bit_name virtio_transport_names[] = {
    { 24, "VIRTIO_F_NOTIFY_ON_EMPTY: Notify when device runs out of avail. descs. on VQ" },
    { 27, "VIRTIO_F_ANY_LAYOUT: Device accepts arbitrary desc. layouts" },
    { 28, "VIRTIO_RING_F_INDIRECT_DESC: Indirect descriptors supported" },
    { 29, "VIRTIO_RING_F_EVENT_IDX: Used & avail. event fields enabled" },
    { 32, "VIRTIO_F_VERSION_1: Device compliant for v1 spec (legacy)" },
    { 33, "VIRTIO_F_IOMMU_PLATFORM: Addresses are those of the platform's IOMMU" },
    { 34, "VIRTIO_F_RING_PACKED: Device supports packed VQ layout" },
    { 35, "VIRTIO_F_IN_ORDER: Buffers come back in the order in which they were made available" },
    { 36, "VIRTIO_F_ORDER_PLATFORM: Barriers are those of the platform" },
    { 37, "VIRTIO_F_SR_IOV: The function has virtual functions" },
    { 0 }
};

static const struct virtio_bit_name none[] = { { 0 } };

static const struct virtio_bit_name net[] = {
    { 0,  "VIRTIO_NET_F_CSUM: Device handling packets with partial checksum supported" },
    { 1,  "VIRTIO_NET_F_GUEST_CSUM: Driver handling packets with partial checksum supported" },
    { 2,  "VIRTIO_NET_F_CTRL_GUEST_OFFLOADS: Control channel offloading reconfig. supported" },
    { 3,  "VIRTIO_NET_F_MTU: Device max MTU reporting supported" },
    { 5,  "VIRTIO_NET_F_MAC: Device has given MAC address" },
    { 6,  "VIRTIO_NET_F_GSO: Handling GSO-type packets supported" },
    { 7,  "VIRTIO_NET_F_GUEST_TSO4: Driver can receive TSOv4" },
    { 8,  "VIRTIO_NET_F_GUEST_TSO6: Driver can receive TSOv6" },
    { 9,  "VIRTIO_NET_F_GUEST_ECN: Driver can receive TSO with ECN" },
    { 10, "VIRTIO_NET_F_GUEST_UFO: Driver can receive UFO" },
    { 11, "VIRTIO_NET_F_HOST_TSO4: Device can receive TSOv4" },
    { 12, "VIRTIO_NET_F_HOST_TSO6: Device can receive TSOv6" },
    { 13, "VIRTIO_NET_F_HOST_ECN: Device can receive TSO with ECN" },
    { 14, "VIRTIO_NET_F_HOST_UFO: Device can receive UFO" },
    { 15, "VIRTIO_NET_F_MRG_RXBUF: Driver can merge receive buffers" },
    { 16, "VIRTIO_NET_F_STATUS: Configuration status field available" },
    { 17, "VIRTIO_NET_F_CTRL_VQ: Control channel available" },
    { 18, "VIRTIO_NET_F_CTRL_RX: Control channel RX mode supported" },
    { 19, "VIRTIO_NET_F_CTRL_VLAN: Control channel VLAN filtering supported" },
    { 20, "VIRTIO_NET_F_CTRL_RX_EXTRA: Extra RX mode control supported" },
    { 21, "VIRTIO_NET_F_GUEST_ANNOUNCE: Driver sending gratuitous packets supported" },
    { 22, "VIRTIO_NET_F_MQ: Multiqueue with automatic receive steering supported" },
    { 23, "VIRTIO_NET_F_CTRL_MAC_ADDR: MAC address set through control channel" },
    { 57, "VIRTIO_NET_F_HASH_REPORT: Hash reporting supported" },
    { 60, "VIRTIO_NET_F_RSS: RSS RX steering supported" },
    { 61, "VIRTIO_NET_F_RSC_EXT: Extended coalescing info supported" },
    { 62, "VIRTIO_NET_F_STANDBY: Device acting as standby for primary device with same MAC addr. supported" },
    { 63, "VIRTIO_NET_F_SPEED_DUPLEX: Device set linkspeed and duplex" },
    { 0 }
};

static const struct virtio_bit_name blk[] = {
    { 0,  "VIRTIO_BLK_F_BARRIER: Barriers between requests" },
    { 1,  "VIRTIO_BLK_F_SIZE_MAX: Segments are at most size_max bytes long" },
    { 2,  "VIRTIO_BLK_F_SEG_MAX: Max segments in a request is seg_max" },
    { 4,  "VIRTIO_BLK_F_GEOMETRY: Legacy geometry available" },
    { 5,  "VIRTIO_BLK_F_RO: The disk cannot be written" },
    { 6,  "VIRTIO_BLK_F_BLK_SIZE: Block size of disk available" },
    { 7,  "VIRTIO_BLK_F_SCSI: SCSI commands pass through" },
    { 9,  "VIRTIO_BLK_F_FLUSH: Flush command supported" },
    { 10, "VIRTIO_BLK_F_TOPOLOGY: Topology information available" },
    { 11, "VIRTIO_BLK_F_CONFIG_WCE: Cache writeback and writethrough modes supported" },
    { 12, "VIRTIO_BLK_F_MQ: Multiqueue supported" },
    { 13, "VIRTIO_BLK_F_DISCARD: Discard command supported" },
    { 14, "VIRTIO_BLK_F_WRITE_ZEROES: Write zeroes command supported" },
    { 0 }
};

static const struct virtio_bit_name console[] = {
    { 0, "VIRTIO_CONSOLE_F_SIZE: The configuration has the console's size" },
    { 1, "VIRTIO_CONSOLE_F_MULTIPORT: Multiple ports for device supported" },
    { 2, "VIRTIO_CONSOLE_F_EMERG_WRITE: Emergency write supported" },
    { 0 }
};

static const struct virtio_bit_name balloon[] = {
    { 0, "VIRTIO_BALLOON_F_MUST_TELL_HOST: Driver tells before it uses pages again" },
    { 1, "VIRTIO_BALLOON_F_STATS_VQ: Guest memory stats VQ available" },
    { 2, "VIRTIO_BALLOON_F_DEFLATE_ON_OOM: Deflate balloon when guest OOM" },
    { 3, "VIRTIO_BALLOON_F_FREE_PAGE_HINT: Queue for hints about free pages" },
    { 4, "VIRTIO_BALLOON_F_PAGE_POISON: Guest page poisoning enabled" },
    { 5, "VIRTIO_BALLOON_F_REPORTING: Page reporting VQ enabled" },
    { 0 }
};

static const struct virtio_bit_name scsi[] = {
    { 0, "VIRTIO_SCSI_F_INOUT: One request carries data both ways" },
    { 1, "VIRTIO_SCSI_F_HOTPLUG: Reporting and handling hot-plug events supported" },
    { 2, "VIRTIO_SCSI_F_CHANGE: Reporting and handling LUN changes supported" },
    { 3, "VIRTIO_SCSI_F_T10_PI: Requests carry protection information" },
    { 0 }
};

static const struct virtio_bit_name gpu[] = {
    { 0, "VIRTIO_GPU_F_VIRGL: 3D commands of virgl" },
    { 1, "VIRTIO_GPU_F_EDID: EDID metadata supported" },
    { 2, "VIRTIO_GPU_F_RESOURCE_UUID: Resources have UUIDs" },
    { 3, "VIRTIO_GPU_F_RESOURCE_BLOB: Resources of a size in bytes" },
    { 4, "VIRTIO_GPU_F_CONTEXT_INIT: Contexts have types and timelines" },
    { 0 }
};

static const struct virtio_bit_name p9[] = {
    { 0, "VIRTIO_9P_MOUNT_TAG: The configuration has the mount tag" },
    { 0 }
};

static const struct virtio_bit_name fs[] = {
    { 0, "VIRTIO_FS_F_NOTIFICATION: The device has a queue for notifications" },
    { 0 }
};
/* clang-format on */

const struct virtio_bit_name *virtio_feature_names(enum virtio_id id)
{
    static const struct virtio_bit_name *const lists[] = {
        [VIRTIO_ID_NET] = net,         [VIRTIO_ID_BLOCK] = blk, [VIRTIO_ID_CONSOLE] = console,
        [VIRTIO_ID_BALLOON] = balloon, [VIRTIO_ID_SCSI] = scsi, [VIRTIO_ID_GPU] = gpu,
        [VIRTIO_ID_9P] = p9,           [VIRTIO_ID_FS] = fs,
    };

    return id < G_N_ELEMENTS(lists) && lists[id] ? lists[id] : none;
}
