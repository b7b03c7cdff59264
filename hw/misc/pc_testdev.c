/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/pc_testdev.c: what kernels' unit tests for virtual machines poke at: ports that read back
 * what was written, interrupt lines at will, and a window of memory that is a device's.
 *
 *   0xe0-0xe3       four bytes that are kept, accessed in any size
 *   0xe4-0xe7       writes of an address: "flush this page", which has no effect here
 *   0xe8-0xeb       four bytes that are kept, accessed by bytes
 *   0x2000-0x2017   the level of interrupt line n
 *   0xff000000      64 KiB that are kept; the size of the last access is recorded, and logged
 * Thread: under the machine lock.
 */
#include <string.h>
#include "hw/isa/isa.h"
#include "hw/misc/misc.h"
#include "softmmu/machine.h"
#include "util/log.h"

#define TESTDEV_LINES  24u
#define TESTDEV_MEMORY 0xff000000u

struct pc_testdev {
    struct device dev;
    struct mem_region ports, flush, byte_ports, lines, memory;
    uint8_t port_bytes[4], byte_port_bytes[4];
    uint32_t levels; /* of the lines */
    uint8_t bytes[0x10000];
    uint8_t access_size; /* of the last access to them */
};

static uint64_t load(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)p[i] << (8 * i);
    }
    return v;
}

static void store(uint8_t *p, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        p[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t ports_read(void *opaque, uint64_t off, unsigned size)
{
    return load(((struct pc_testdev *)opaque)->port_bytes + off, size);
}

static void ports_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    store(((struct pc_testdev *)opaque)->port_bytes + off, value, size);
}

static uint64_t byte_ports_read(void *opaque, uint64_t off, unsigned size)
{
    return load(((struct pc_testdev *)opaque)->byte_port_bytes + off, size);
}

static void byte_ports_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    store(((struct pc_testdev *)opaque)->byte_port_bytes + off, value, size);
}

static uint64_t nothing_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque;
    (void)off;
    (void)size;
    return UINT64_MAX;
}

static void nothing_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)opaque;
    (void)off;
    (void)value;
    (void)size;
}

static void set_line(struct pc_testdev *s, unsigned n)
{
    irq_set(isa_gsi(&s->dev, n), s->levels >> n & 1);
}

/* Of a wide write the lowest byte is for the line that the port names. */
static void lines_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct pc_testdev *s = opaque;

    (void)size;
    s->levels = value ? s->levels | 1u << off : s->levels & ~(1u << off);
    set_line(s, (unsigned)off);
}

static void record(struct pc_testdev *s, const char *what, uint64_t off, unsigned size)
{
    s->access_size = (uint8_t)size;
    log_line(LOG_DEVICE, "pc-testdev: %s of %u bytes at 0x%x", what, size, (unsigned)off);
}

static uint64_t memory_read(void *opaque, uint64_t off, unsigned size)
{
    record(opaque, "read", off, size);
    return load(((struct pc_testdev *)opaque)->bytes + off, size);
}

static void memory_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    record(opaque, "write", off, size);
    store(((struct pc_testdev *)opaque)->bytes + off, value, size);
}

static const struct mem_ops ports_ops = {
    .read = ports_read, .write = ports_write, .min_size = 1, .max_size = 4
};
static const struct mem_ops byte_ports_ops = {
    .read = byte_ports_read, .write = byte_ports_write, .min_size = 1, .max_size = 1
};
static const struct mem_ops flush_ops = {
    .read = nothing_read, .write = nothing_write, .min_size = 1, .max_size = 4
};
static const struct mem_ops lines_ops = {
    .read = nothing_read, .write = lines_write, .min_size = 1, .max_size = 4, .unaligned = true
};
static const struct mem_ops memory_ops = {
    .read = memory_read, .write = memory_write, .min_size = 1, .max_size = 8
};

static bool pc_testdev_realize(struct device *dev, GError **error)
{
    struct pc_testdev *s = (struct pc_testdev *)dev;
    struct machine *m = dev->machine;

    (void)error;
    mem_region_init_mmio(&s->ports, m, "pc-testdev-ioport", &ports_ops, s, 4);
    mem_region_init_mmio(&s->flush, m, "pc-testdev-flush-page", &flush_ops, s, 4);
    mem_region_init_mmio(&s->byte_ports, m, "pc-testdev-ioport-byte", &byte_ports_ops, s, 4);
    mem_region_init_mmio(&s->lines, m, "pc-testdev-irq-line", &lines_ops, s, TESTDEV_LINES);
    mem_region_init_mmio(&s->memory, m, "pc-testdev-iomem", &memory_ops, s, sizeof(s->bytes));
    isa_register_ports(dev, 0xe0, &s->ports);
    isa_register_ports(dev, 0xe4, &s->flush);
    isa_register_ports(dev, 0xe8, &s->byte_ports);
    isa_register_ports(dev, 0x2000, &s->lines);
    mem_region_add(&m->system_memory, TESTDEV_MEMORY, &s->memory, 0);
    return true;
}

static void pc_testdev_reset(struct device *dev)
{
    struct pc_testdev *s = (struct pc_testdev *)dev;

    memset(s->port_bytes, 0, sizeof(s->port_bytes));
    memset(s->byte_port_bytes, 0, sizeof(s->byte_port_bytes));
    memset(s->bytes, 0, sizeof(s->bytes));
    s->access_size = 0;
    for (unsigned n = 0; n < TESTDEV_LINES; n++) {
        if (s->levels >> n & 1) {
            s->levels &= ~(1u << n);
            set_line(s, n);
        }
    }
}

static void pc_testdev_unrealize(struct device *dev)
{
    struct pc_testdev *s = (struct pc_testdev *)dev;

    mem_region_destroy(&s->ports);
    mem_region_destroy(&s->flush);
    mem_region_destroy(&s->byte_ports);
    mem_region_destroy(&s->lines);
    mem_region_destroy(&s->memory);
}

/* The lines' levels are in the controllers' own state. */
static bool pc_testdev_post_load(struct device *dev, GError **error)
{
    struct pc_testdev *s = (struct pc_testdev *)dev;

    (void)error;
    s->levels &= (1u << TESTDEV_LINES) - 1;
    return true;
}

static const struct state_row pc_testdev_state[] = {
    STATE_BUF(struct pc_testdev, port_bytes, 1, "ports 0xe0-0xe3"),
    STATE_BUF(struct pc_testdev, byte_port_bytes, 1, "ports 0xe8-0xeb"),
    STATE_INT(struct pc_testdev, levels, 1, "interrupt lines"),
    STATE_BUF(struct pc_testdev, bytes, 1, "memory at 0xff000000"),
    STATE_INT(struct pc_testdev, access_size, 1, "bytes of the last access to it"),
    { 0 },
};

const struct device_type pc_testdev_type = {
    .name = "pc-testdev",
    .summary = "ports, lines and memory for unit tests in guests",
    .bus = BUS_ISA,
    .size = sizeof(struct pc_testdev),
    .state = pc_testdev_state,
    .realize = pc_testdev_realize,
    .reset = pc_testdev_reset,
    .unrealize = pc_testdev_unrealize,
    .post_load = pc_testdev_post_load,
};
