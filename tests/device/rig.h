/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/rig.h: a machine without a CPU and a board, for tests of single devices.
 *
 * It has 16 MiB of RAM at 0, an ISA bus whose 16 lines are the sinks 0 to 15, and a virtual clock that
 * moves by rig_step only.  The test's thread holds the machine lock from rig_new to rig_free.
 *
 *     g_autoptr(rig) r = rig_new();
 *     struct device *dev = rig_device(r, "isa-debug-exit", "iobase=0xf4");
 *     rig_outb(r, 0xf4, 1);
 *     g_assert_cmpuint(r->lines[4].edges, ==, 1);
 */
#ifndef TESTS_DEVICE_RIG_H
#define TESTS_DEVICE_RIG_H

#include <glib.h>
#include "hw/isa/isa.h"
#include "softmmu/machine.h"

#define RIG_LINES    64
#define RIG_RAM_SIZE (16u << 20)
#define MS           NS_PER_MS
#define US           NS_PER_US

/* What arrived on a line. */
struct rig_line {
    bool level;
    unsigned edges; /* rising */
    unsigned calls; /* raised or lowered, with or without a change */
};

struct rig {
    struct machine *m;
    struct mem_region ram;
    struct isa_bus isa;
    struct irq isa_irqs[ISA_IRQS];
    struct rig_line lines[RIG_LINES];
};
typedef struct rig rig; /* for g_autoptr only */

struct rig *rig_new(void);
void rig_free(struct rig *r);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(rig, rig_free)

/* Sink n, to be wired to a device's output; counts into r->lines[n]. */
struct irq rig_irq_sink(struct rig *r, unsigned n);

/*
 * A realized and reset device; props as after "-device NAME,", or NULL.  It sits on the first bus of
 * its kind.  Any error fails the test.
 */
struct device *rig_device(struct rig *r, const char *name, const char *props);
/* The same in two steps, for fields that a board wires before realize. */
struct device *rig_device_new(struct rig *r, const struct device_type *type, const char *props);
void rig_device_realize(struct rig *r, struct device *dev);
/* The message with which setting props or realizing fails; the test fails when it does not. */
char *rig_device_error(struct rig *r, const struct device_type *type, const char *props);

/* Steps the virtual clock, running timers in order. */
void rig_step(struct rig *r, int64_t ns);
/* Runs what is due on the main loop without waiting: calls made soon, requests, host events. */
void rig_poll(struct rig *r);

/* Saves, resets, loads; fails the test unless a second save is the same as the first. */
void rig_check_state(struct rig *r, struct device *dev);

uint8_t rig_inb(struct rig *r, uint16_t port);
uint16_t rig_inw(struct rig *r, uint16_t port);
uint32_t rig_inl(struct rig *r, uint16_t port);
void rig_outb(struct rig *r, uint16_t port, uint8_t v);
void rig_outw(struct rig *r, uint16_t port, uint16_t v);
void rig_outl(struct rig *r, uint16_t port, uint32_t v);
/* size: 1, 2, 4 or 8 */
uint64_t rig_load(struct rig *r, uint64_t addr, unsigned size);
void rig_store(struct rig *r, uint64_t addr, uint64_t v, unsigned size);
void rig_read(struct rig *r, uint64_t addr, void *buf, size_t len);
void rig_write(struct rig *r, uint64_t addr, const void *buf, size_t len);

#endif
