/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/flags.c: where arithmetic flags are live, and moving them between the host's
 * EFLAGS and memory.  Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"
#include "target/i386/exec_int.h"

#define PEEK_INSNS 8

static bool count_may_be_zero(const struct x86_cpu *cpu, const struct insn *i)
{
    const struct emit_row *row = emit_row_find(cpu, i);
    unsigned n = i->op[2].kind != OPND_NONE ? 2 : 1;

    if (!row || !(row->flags & EMIT_SHIFT)) {
        return false;
    }
    if (i->op[n].kind != OPND_IMM) {
        return true;
    }
    return !(i->imm & (i->size == 8 ? 63 : 31));
}

/* Flags that an instruction may change.  MOVSXD shares its row with ARPL, which 64-bit code has not. */
static uint32_t flags_touched(const struct insn *i)
{
    return i->row->exec == x_movsxd ? 0 : (i->row->writes | i->row->undefined) & FLAGS_ARITH;
}

/* A fault shows EFLAGS to its handler, so what may fault reads them: so does all that is interpreted. */
static bool may_fault(const struct x86_cpu *cpu, const struct insn *i)
{
    const struct emit_row *row = emit_row_find(cpu, i);

    if (!row) {
        return i->row->exec != x_jcc && i->row->exec != x_jmp;
    }
    switch (row->kind) {
    case EMIT_LEA:
    case EMIT_NOTHING:
        return false;
    case EMIT_PUSH:
    case EMIT_POP:
    case EMIT_LEAVE:
        return true;
    default:
        return i->op[0].kind == OPND_MEM || i->op[1].kind == OPND_MEM;
    }
}

/* What an instruction needs of the flags, and which it surely overwrites. */
static void flag_use(const struct x86_cpu *cpu, const struct insn *i, uint32_t *reads,
                     uint32_t *kills)
{
    const struct insn_row *row = i->row;

    *reads = row->reads & FLAGS_ARITH;
    *kills = flags_touched(i);
    if (may_fault(cpu, i)) {
        *reads = FLAGS_ARITH;
    }
    if ((row->flags & ROW_ENDS) && !(row->flags & ROW_F64)) {
        *kills = 0;
    } else if (count_may_be_zero(cpu, i) || ((row->flags & ROW_REP) && i->prefixes)) {
        *kills = 0;
    }
}

/* The flags that code at a linear address of this page reads before it writes them. */
static uint32_t peek_live(struct trans *x, uint64_t target)
{
    const uint8_t *page = (const uint8_t *)((uintptr_t)x->b->host & ~(uintptr_t)4095);
    unsigned pos = (unsigned)(target & 4095), first = pos;
    uint32_t live = 0, open = FLAGS_ARITH;

    if ((target ^ x->start) >> 12) {
        return FLAGS_ARITH;
    }
    for (unsigned n = 0; n < PEEK_INSNS && open; n++) {
        struct insn i;
        uint32_t reads, kills;

        if (insn_decode(x->t->cpu, page + pos, MIN(15, 4096 - pos), &i) != DECODE_OK) {
            break;
        }
        flag_use(x->t->cpu, &i, &reads, &kills);
        live |= open & reads;
        open &= ~reads & ~kills;
        pos += i.len;
        if ((i.row->flags & ROW_ENDS) || pos >= 4096) {
            break;
        }
    }
    x->peek_low = MIN(x->peek_low, first);
    x->peek_high = MAX(x->peek_high, MIN(pos, 4096));
    return live | open;
}

/* Flags live behind the block's last instruction. */
static uint32_t live_at_end(struct trans *x, uint64_t end)
{
    const struct insn *i = &x->b->insn[x->b->n - 1];
    x86_exec_fn *fn = i->row->exec;

    if (fn == x_jcc) {
        return peek_live(x, end) | peek_live(x, end + i->imm);
    }
    if (fn == x_jmp || fn == x_call) {
        return peek_live(x, end + i->imm);
    }
    return i->row->flags & ROW_ENDS ? FLAGS_ARITH : peek_live(x, end);
}

void find_live_flags(struct trans *x)
{
    uint32_t live = live_at_end(x, x->start + x->b->bytes);

    x->live[x->b->n] = live;
    for (unsigned n = x->b->n; n-- > 0;) {
        uint32_t reads, kills;

        flag_use(x->t->cpu, &x->b->insn[n], &reads, &kills);
        live = (live & ~kills) | reads;
        x->live[n] = live;
    }
}

/* Live flags are in memory from here on; the host's EFLAGS stay. */
void save_flags(struct trans *x, uint32_t live)
{
    if (live && !x->memory_flags) {
        emit_save_flags(x->e);
        x->memory_flags = true;
    }
}

/* Whatever may happen next, the guest's EFLAGS are in memory. */
void flags_to_memory(struct trans *x)
{
    save_flags(x, FLAGS_ARITH);
}

void need_host_flags(struct trans *x)
{
    if (!x->host_flags) {
        emit_restore_flags(x->e);
        x->host_flags = true;
    }
}

/* Brings the flags where an instruction that is emitted as it stands wants them. */
void flags_before(struct trans *x, const struct insn *i, unsigned n)
{
    uint32_t reads, kills;
    uint32_t touched = flags_touched(i);

    flag_use(x->t->cpu, i, &reads, &kills);
    if (reads || (touched && (x->live[n + 1] & ~kills))) {
        need_host_flags(x);
    }
}

void flags_after(struct trans *x, const struct insn *i)
{
    if (flags_touched(i)) {
        x->host_flags = true;
        x->memory_flags = false;
    }
}
