/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/system_rig.h: one CPU, 1 MiB of RAM and descriptor tables made by hand.
 *
 * Thread: the test's; the machine lock is not held, as on a vCPU's thread.
 */
#ifndef TESTS_INSN_SYSTEM_RIG_H
#define TESTS_INSN_SYSTEM_RIG_H

#include "target/i386/exec_system.h"
#include "target/i386/operand.h"

#define RIG_GDT      0x1000u
#define RIG_IDT      0x2000u
#define RIG_TSS      0x4000u
#define RIG_TSS2     0x5000u
#define RIG_CODE     0x7000u
#define RIG_STACK0   0x9000u /* top of the kernel's stack */
#define RIG_STACK3   0xa000u /* top of the user's */
#define RIG_PML4     0x10000u
#define RIG_RAM_SIZE (1u << 20)

/* Selectors that rig_protected and rig_long set up. */
enum {
    SEL_CODE0 = 0x08,
    SEL_DATA0 = 0x10,
    SEL_CODE3 = 0x1b,
    SEL_DATA3 = 0x23,
    SEL_TSS = 0x28,
    SEL_TSS2 = 0x38,
    SEL_FREE = 0x48, /* 0x48-0x78: the test's own */
};

/* ATTR_* of the usual descriptors. */
enum {
    A_CODE = 0x9b,
    A_DATA = 0x93,
    A_DPL3 = 0x60,
    A_32 = 0xc000,
    A_64 = 0xa000,
    A_TSS32 = 0x89,
    A_BUSY = 2,
};

struct system_rig {
    struct machine *m;
    struct mem_region ram;
    struct x86_cpu *cpu;
};

struct system_rig *system_rig_new(const char *model);
void system_rig_free(struct system_rig *r);
/* 32-bit protected mode at CPL 0 or 3 with flat segments; and 64-bit mode with identity paging. */
void rig_protected(struct system_rig *r, unsigned cpl);
void rig_long(struct system_rig *r, unsigned cpl);

void rig_store(struct system_rig *r, uint32_t at, uint64_t v, unsigned size);
uint64_t rig_load(struct system_rig *r, uint32_t at, unsigned size);
void rig_descriptor(struct system_rig *r, uint16_t selector, uint32_t base, uint32_t limit,
                    uint16_t attr);
/* An IDT gate: type with P and DPL, as in descriptor bits 8-15. */
void rig_gate(struct system_rig *r, unsigned vector, uint16_t selector, uint64_t offset,
              uint8_t type, unsigned ist);

/* Decodes and executes one instruction at RIG_CODE.  The vector of its fault, or -1. */
int rig_exec(struct system_rig *r, const char *bytes, unsigned len);
/* Calls cpu_deliver; the vector of a fault in it, or -1. */
int rig_deliver(struct system_rig *r, int vector, enum event_kind kind, bool has_error,
                uint32_t error);
/* The engine's loop: delivers what was raised until nothing is. */
void rig_deliver_raised(struct system_rig *r);

#define RIG_EXEC(r, text) rig_exec(r, text, sizeof(text) - 1)
#define assert_fault(r, got, vector, error)                                                        \
    do {                                                                                           \
        g_assert_cmpint(got, ==, vector);                                                          \
        g_assert_cmphex((r)->cpu->exc_error, ==, error);                                           \
    } while (0)

#endif
