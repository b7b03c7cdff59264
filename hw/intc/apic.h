/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/intc/apic.h: local APICs (SDM vol. 3, chapter 11 "APIC") and the bus that joins them to each
 * other, to the I/O APICs, to the 8259 pair and to devices that send MSIs.
 *
 * A board embeds one struct apic_bus, fills in its pic_* fields and makes one apic device per vCPU.
 * Thread: under the machine lock, on any thread.
 */
#ifndef HW_INTC_APIC_H
#define HW_INTC_APIC_H

#include "softmmu/clock.h"
#include "softmmu/device.h"
#include "softmmu/irq.h"
#include "softmmu/irqchip.h"
#include "softmmu/machine.h"
#include "softmmu/memory.h"

struct x86_cpu;
struct apic;

#define APIC_MMIO_BASE 0xfee00000u

/* What every APIC timer counts before its divider. */
#define APIC_TIMER_HZ 1000000000

enum apic_delivery_mode {
    APIC_DM_FIXED,
    APIC_DM_LOWEST,
    APIC_DM_SMI,
    APIC_DM_RESERVED,
    APIC_DM_NMI,
    APIC_DM_INIT,
    APIC_DM_SIPI, /* in ICR and nowhere else */
    APIC_DM_EXTINT,
};

enum apic_lvt {
    APIC_LVT_TIMER,
    APIC_LVT_THERMAL,
    APIC_LVT_PERF,
    APIC_LVT_LINT0,
    APIC_LVT_LINT1,
    APIC_LVT_ERROR,
    APIC_LVT_COUNT
};

#define APIC_BUS_MAX_EOI 8

struct apic_bus {
    struct machine *machine;
    struct apic *apics[MACHINE_MAX_VCPUS];
    unsigned n_apics;
    /* Told of each EOI of a level-triggered vector, and of each that a CPU takes: the I/O APICs. */
    struct {
        void (*fn)(void *opaque, uint8_t vector);
        void (*taken)(void *opaque, uint8_t vector);
        void *opaque;
    } eoi[APIC_BUS_MAX_EOI];
    unsigned n_eoi;
    /* Set by the board: the INTA cycle of the 8259 pair for ExtINT; NULL: there is none. */
    int (*pic_acknowledge)(void *opaque);
    void *pic_opaque;
    struct mem_region msi;  /* 0xfee00000-0xfeefffff: writes of devices are messages */
    struct mem_region regs; /* the page of registers, above it; follows IA32_APIC_BASE of CPU 0 */
};

struct apic {
    struct device dev;
    struct apic_bus *bus; /* these three set by apic_connect */
    struct x86_cpu *cpu;
    uint32_t id; /* initial APIC id */
    struct irq
        lint[2]; /* for the board, made by realize: the 8259's output goes to lint[0] of CPU 0 */

    uint64_t base; /* IA32_APIC_BASE */
    uint32_t id_reg, tpr, ldr, dfr, svr;
    uint32_t esr, esr_new; /* as read; gathered since ESR was last written */
    uint64_t icr;
    uint32_t lvt[APIC_LVT_COUNT];
    uint32_t irr[8], isr[8], tmr[8];
    bool lint_level[2];
    bool extint; /* an ExtINT message that nobody acknowledged yet */

    uint32_t timer_initial, timer_divide;
    int64_t timer_start;   /* virtual ns when timer_initial was written */
    uint64_t tsc_deadline; /* guest TSC; 0: disarmed */
    struct timer timer;
    bool borrowed;            /* ours is in charge while a register is accessed */
    struct irqchip_part part; /* its twin in the host's kernel, if there is one */
};

extern const struct device_type apic_type;

/* apic_bus.c -------------------------------------------------------------------------------- */

/* Maps the registers and the MSI window; call it before any APIC is realized. */
void apic_bus_init(struct apic_bus *bus, struct machine *m);
bool apic_bus_add_eoi(struct apic_bus *bus, void (*fn)(void *opaque, uint8_t vector),
                      void (*taken)(void *opaque, uint8_t vector), void *opaque);
void apic_bus_remove_eoi(struct apic_bus *bus, void *opaque);
void apic_bus_eoi(struct apic_bus *bus, uint8_t vector);
void apic_bus_taken(struct apic_bus *bus, uint8_t vector);

/* Destinations are 32 bits, UINT32_MAX is everybody: widens those of I/O APIC, MSIs and xAPIC. */
static inline uint32_t apic_dest_from_8bit(uint8_t dest)
{
    return dest == 0xff ? UINT32_MAX : dest;
}

/* A message to whom dest names; vector is looked at by fixed, lowest-priority and SIPI modes. */
void apic_deliver(struct apic_bus *bus, uint32_t dest, bool logical, unsigned mode, uint8_t vector,
                  bool level);
/* Somebody whom dest names has that vector in IRR: one more would be the same one. */
bool apic_requested(struct apic_bus *bus, uint32_t dest, bool logical, uint8_t vector);
/* A device's message-signalled interrupt: a memory write of its address and data. */
void apic_msi(struct machine *m, uint64_t addr, uint32_t data);

/* apic.c ------------------------------------------------------------------------------------ */

/* Before realize: the CPU it belongs to.  CPU 0's APIC is the first and says BSP. */
void apic_connect(struct apic *a, struct apic_bus *bus, struct x86_cpu *cpu, uint32_t id);

/* For this folder. */
/* Index of the highest bit set in 256, or -1. */
int apic_highest_bit(const uint32_t *words);
bool apic_hw_enabled(const struct apic *a);
bool apic_sw_enabled(const struct apic *a);
bool apic_in_x2apic(const struct apic *a);
bool apic_matches(const struct apic *a, uint32_t dest, bool logical);
uint8_t apic_ppr(const struct apic *a);
void apic_accept(struct apic *a, unsigned mode, uint8_t vector, bool level);
void apic_fire_lvt(struct apic *a, enum apic_lvt n);
/* Tells the CPU whether there is an interrupt for it. */
void apic_update(struct apic *a);

/* apic_regs.c: registers by their MMIO offset / 16, as 32 bits.  False: #GP in x2APIC mode. */
bool apic_reg_read(struct apic *a, unsigned reg, uint64_t *value);
bool apic_reg_write(struct apic *a, unsigned reg, uint64_t value);
void apic_raise_error(struct apic *a, uint32_t esr_bit);

#define APIC_ESR_SEND_ILLEGAL    (1u << 5)
#define APIC_ESR_RECEIVE_ILLEGAL (1u << 6)
#define APIC_ESR_ILLEGAL_REG     (1u << 7)

#define APIC_LVT_MASKED     (1u << 16)
#define APIC_LVT_LEVEL      (1u << 15)
#define APIC_TIMER_ONE_SHOT 0
#define APIC_TIMER_PERIODIC 1
#define APIC_TIMER_DEADLINE 2

#define APIC_BASE_BSP    (1u << 8)
#define APIC_BASE_X2APIC (1u << 10)
#define APIC_BASE_ENABLE (1u << 11)

#define APIC_SVR_ENABLE       (1u << 8)
#define APIC_SVR_NO_BROADCAST (1u << 12)

/* apic_timer.c */
static inline unsigned apic_timer_mode(const struct apic *a)
{
    return a->lvt[APIC_LVT_TIMER] >> 17 & 3;
}
/* Log2 of the divider. */
unsigned apic_timer_shift(const struct apic *a);
/* Arms the host timer for what the fields say. */
void apic_timer_rearm(struct apic *a);
uint32_t apic_timer_count(struct apic *a);
void apic_timer_set_initial(struct apic *a, uint32_t count);
void apic_timer_set_divide(struct apic *a, uint32_t divide);
void apic_timer_set_lvt(struct apic *a, uint32_t lvt);
void apic_timer_set_deadline(struct apic *a, uint64_t tsc);
void apic_timer_fire(void *opaque);

#endif
