/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/disk.h: the properties that disks of virtio, SCSI and NVMe share, and their drive.
 * Thread: under the machine lock.
 */
#ifndef HW_BLOCK_DISK_H
#define HW_BLOCK_DISK_H

#include "block/block.h"
#include "softmmu/device.h"

struct disk {
    struct block_backend *blk;
    char *serial;
    char *write_cache, *rerror, *werror; /* auto, or words */
    uint64_t logical_block_size, physical_block_size, min_io_size, opt_io_size;
    uint64_t discard_granularity; /* UINT64_MAX: a logical block */
    int32_t bootindex;
    bool attached;
    bool write_cache_on; /* at power-on: the guest may change blk->write_cache */
};

#define DISK_PROPS(strct, member)                                                                  \
    DISK_PROPS_BUT_SERIAL(strct, member),                                                          \
        PROP_STRING(strct, "serial", member.serial, NULL, "serial number")
#define DISK_PROPS_BUT_SERIAL(strct, member)                                                       \
    PROP_DRIVE(strct, "drive", member.blk, "the -drive behind it"),                                \
        PROP_SIZE(strct, "logical_block_size", member.logical_block_size, 512,                     \
                  "bytes that a request is a multiple of"),                                        \
        PROP_SIZE(strct, "physical_block_size", member.physical_block_size, 512,                   \
                  "bytes that the medium writes at once"),                                         \
        PROP_SIZE(strct, "min_io_size", member.min_io_size, 0, "smallest good request, bytes"),    \
        PROP_SIZE(strct, "opt_io_size", member.opt_io_size, 0, "best request, bytes"),             \
        PROP_SIZE(strct, "discard_granularity", member.discard_granularity, UINT64_MAX,            \
                  "bytes that a discard is a multiple of (default: a logical block)"),             \
        PROP_I32(strct, "bootindex", member.bootindex, -1,                                         \
                 "place in firmware's boot order, from 0 on (-1: none)"),                          \
        PROP_STRING(strct, "write-cache", member.write_cache, "auto",                              \
                    "on, off or auto: as the drive's cache="),                                     \
        PROP_STRING(strct, "rerror", member.rerror, "auto",                                        \
                    "report, ignore, stop, or auto: the drive's"),                                 \
        PROP_STRING(strct, "werror", member.werror, "auto",                                        \
                    "report, ignore, stop, enospc, or auto: the drive's")

/*
 * Checks the properties and takes the drive.  False and *error: a value is out of range, there is no
 * drive or no medium, another device has it.
 */
bool disk_attach(struct disk *d, struct device *dev, const struct block_front *front, void *opaque,
                 GError **error);
/* The drive is left as it was; no request of the device is in flight.  Not attached: nothing. */
void disk_detach(struct disk *d);
/* Power-on: the write cache is what the properties say. */
void disk_reset(struct disk *d);

static inline uint64_t disk_blocks(const struct disk *d)
{
    return block_size(d->blk) / d->logical_block_size;
}
/* log2 of physical blocks to logical ones. */
static inline unsigned disk_physical_exponent(const struct disk *d)
{
    return (unsigned)__builtin_ctzll(d->physical_block_size / d->logical_block_size);
}
/* Bytes. */
static inline uint64_t disk_discard_unit(const struct disk *d)
{
    return d->discard_granularity == UINT64_MAX ? d->logical_block_size : d->discard_granularity;
}

#endif
