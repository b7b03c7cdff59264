/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/x87_state.c: the guest's x87 and MMX state in the host's FPU.
 *
 * Invariants: cpu->x87 is the truth while x87_in_host is false; while it is true the host's FPU is,
 *             but for the instruction and data pointers, which are in cpu->x87 always.
 *             The state is loaded by the first block that needs it, on the vCPU's thread, and stays
 *             while C code runs there: it goes back to memory, and the host's FPU is initialised,
 *             when C code asks for cpu->x87 (x87_to_memory) and before the thread leaves the engine.
 *             In between C code must not use the x87 or MMX: none of it has long doubles, and all
 *             else that compilers and libc make of floating point is SSE.
 *             It is loaded only while the guest masks every exception and none is pending, so the
 *             host's FPU never faults; code that unmasks one is interpreted.
 *             The transcendental instructions are the host's in translated code and interpreted
 *             alike (x87_run).
 *             x87_ready is x87_in_host, and CR0 lets the guest use it.
 * Thread:     the vCPU's own.
 */
#include "accel/tcg/x86_64/backend.h"
#include "target/i386/x87_exec.h"

#define EXCEPTIONS 0x3fu

/* What FNSAVE and FRSTOR move: SDM vol. 1, figure 8-9, and ST(0) to ST(7). */
struct host_image {
    uint32_t control, status, tags, pointers[4];
    uint8_t st[8][10];
};
G_STATIC_ASSERT(sizeof(struct host_image) == 108);

static void load_x87(struct x86_cpu *cpu)
{
    const struct x87_state *x = &cpu->x87;
    struct host_image h = { .control = x->control, .status = x87_status_word(cpu) };

    for (unsigned n = 0; n < 8; n++) {
        const struct float80 *r = &x->reg[(x->top + n) & 7];

        h.tags |= (x->empty >> n & 1 ? 3u : 0) << (2 * n);
        memcpy(h.st[n], &r->mant, 8);
        memcpy(h.st[n] + 8, &r->sexp, 2);
    }
    __asm__ volatile("frstor %0" : : "m"(h));
    cpu->x87_in_host = true;
}

/* FNSAVE initialises the FPU, too. */
static void fetch_x87(struct x86_cpu *cpu)
{
    struct x87_state *x = &cpu->x87;
    struct host_image h;

    __asm__ volatile("fnsave %0" : "=m"(h));
    x->control = (h.control & 0x1f3f) | 0x40;
    x->status = h.status & 0x477f;
    x->top = h.status >> 11 & 7;
    x->empty = 0;
    for (unsigned n = 0; n < 8; n++) {
        struct float80 *r = &x->reg[(x->top + n) & 7];

        x->empty |= (uint8_t)((h.tags >> (2 * n) & 3) == 3) << n;
        memcpy(&r->mant, h.st[n], 8);
        memcpy(&r->sexp, h.st[n] + 8, 2);
    }
    cpu->x87_in_host = cpu->x87_ready = false;
}

void update_x87_ready(struct x86_cpu *cpu)
{
    cpu->x87_ready = cpu->x87_in_host && !(cpu->cr0 & (CR0_TS | CR0_EM));
}

static bool make_ready(struct x86_cpu *cpu)
{
    if (!cpu->x87_in_host && !(cpu->cr0 & (CR0_TS | CR0_EM)) &&
        (cpu->x87.control & EXCEPTIONS) == EXCEPTIONS && !(cpu->x87.status & X87_STATUS_ES)) {
        load_x87(cpu);
    }
    update_x87_ready(cpu);
    return cpu->x87_ready;
}

int enter_x87(struct x86_cpu *cpu, const struct insn *i, uint64_t rip)
{
    if (make_ready(cpu)) {
        return false;
    }
    run_insn(cpu, i, rip);
    return true;
}

/* An x87 instruction is followed by others; what else wanted the state was most likely a kernel. */
bool x87_lost(struct x86_cpu *cpu, const struct insn *i, bool ready)
{
    if (ready && (i->row->flags & (ROW_X87 | ROW_X87_WAIT | ROW_MMX))) {
        return !make_ready(cpu);
    }
    update_x87_ready(cpu);
    return ready && !cpu->x87_ready;
}

/* A transcendental instruction; false: not with this state, nothing has changed. */
static bool run_x87(struct x86_cpu *cpu, const struct insn *i)
{
    if (!make_ready(cpu)) {
        return false;
    }
    switch (i->modrm) {
    case 0xf0:
        __asm__ volatile("f2xm1");
        break;
    case 0xf1:
        __asm__ volatile("fyl2x");
        break;
    case 0xf2:
        __asm__ volatile("fptan");
        break;
    case 0xf3:
        __asm__ volatile("fpatan");
        break;
    case 0xf9:
        __asm__ volatile("fyl2xp1");
        break;
    case 0xfb:
        __asm__ volatile("fsincos");
        break;
    case 0xfe:
        __asm__ volatile("fsin");
        break;
    case 0xff:
        __asm__ volatile("fcos");
        break;
    default:
        return false;
    }
    fetch_x87(cpu);
    x87_record(cpu, i);
    return true;
}

void init_x87(struct x86_cpu *cpu)
{
    cpu->x87_run = run_x87;
    cpu->x87_fetch = fetch_x87;
}
