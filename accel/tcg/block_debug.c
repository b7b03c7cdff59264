/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/block_debug.c: blocks of pages that have a debugger's breakpoints.
 *
 * Invariants: the soft TLB has no exec key for such a page, so that neither translated code nor a
 *             look-up by the page's host address leads into it; its blocks are found here alone,
 *             belong to one linear address and are never translated.
 *             They are dropped whenever breakpoints change.
 * Thread:     the vCPU's own, or machine lock held and the vCPU stopped.
 */
#include "accel/tcg/block_int.h"
#include "target/i386/exec_system.h"

static uint64_t linear_of(const struct x86_cpu *cpu, uint64_t rip)
{
    return cpu->code64 ? rip : (uint32_t)(cpu->seg[SEG_CS].base + rip);
}

/* In the place of an instruction's own function.  When the machine goes on, the instruction is executed. */
static void x_breakpoint(struct x86_cpu *cpu, const struct insn *i)
{
    struct vcpu_debug *debug = &cpu->vcpu.debug;
    uint64_t linear = linear_of(cpu, cpu->insn_start);
    const struct debug_point *p = debugger_break_at(&cpu->vcpu.machine->debugger, linear);
    struct debug_stop why = { .reason = DEBUG_STOP_BREAK };

    if (!p || (debug->pass && debug->pass_at == linear)) {
        debug->pass = false; /* once: the next time is a visit */
        insn_row_exec(i->row)(cpu, i);
        return;
    }
    why.type = p->type;
    why.addr = linear;
    cpu->regs[R_RIP] = cpu->insn_start;
    cpu->executed--; /* the loop counts it */
    cpu->stop_block = true;
    if (debugger_stop(&cpu->vcpu, &why)) {
        debug->pass = true;
        debug->pass_at = linear;
    }
}

void block_set_breakpoints(struct tcg *t, struct block *b, uint64_t linear)
{
    const struct debugger *d = &t->cpu->vcpu.machine->debugger;
    uint64_t at = linear;

    if (!debugger_breaks_page(d, linear)) {
        return;
    }
    for (unsigned k = 0; k < b->n; k++) {
        if (debugger_break_at(d, at)) {
            b->insn[k].exec = x_breakpoint;
        }
        at += b->insn[k].len;
    }
    b->debug = t->any_debug = true;
    b->linear = linear;
}

struct block *block_find_debug(struct tcg *t, uint64_t linear, const uint8_t *host)
{
    for (struct block *b = *hash_bucket(t, host); b; b = b->hash_next) {
        if (b->debug && b->host == host && b->linear == linear &&
            b->code_size == t->cpu->code_size) {
            return b;
        }
    }
    return NULL;
}

void block_cache_drop_debug(struct tcg *t)
{
    for (unsigned h = 0; t->any_debug && h < t->hash_size; h++) {
        struct block *next;

        for (struct block *b = t->hash[h]; b; b = next) {
            next = b->hash_next;
            if (b->debug) {
                block_kill(t, b);
            }
        }
    }
    t->any_debug = false;
}
