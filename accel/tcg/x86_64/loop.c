/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/loop.c: checks that stand before the loop of a trace.
 *
 * Where a turn leaves the registers of a group as they are, one check serves all turns.  Where it moves
 * one of them by a constant, the group's host address moves with it: what is kept is that address less the
 * register, and the register is part of the operand.  It holds as long as the group stays in its page.  All such
 * groups move in step, so one register, the leader, is compared with a limit where a turn ends; beyond
 * it all of them are looked up again, and the limit is set by the one that is closest to its page's end.  Many loops make
 * few turns: at first it is only looked whether the pages hold so many.
 * Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"
#include "target/i386/exec_int.h"

#define MAX_MOVE 64 /* bytes a turn: beyond it a page serves few turns, and copies make few */

/* What is looked up at first is enough for so many turns, if no more groups than that move. */
#define FIRST_TURNS  16
#define FIRST_GROUPS 8

#define CPU_LIMIT (offsetof(struct x86_cpu, loop_limit))
#define CPU_ROOM  (offsetof(struct x86_cpu, loop_room))

bool may_hoist(const struct trans *x, struct group *g, int64_t base, int64_t index)
{
    int64_t moves = base + (int64_t)((uint64_t)index << g->scale);

    if (!base && !index) {
        return true;
    }
    g->part = index != 0;
    g->moves = (int16_t)moves;
    /* Longer paths are those of interpreters and of recursion, which make few turns before they leave. */
    return x->b->path->n_blocks == 1 && x->word == 8 && !g->addr32 && !(base && index) &&
           moves >= -MAX_MOVE && moves <= MAX_MOVE && g->in_host[g->part] &&
           host_of(x, g->key[g->part]) >= 0;
}

/* The power of two by which a is more than b, or less; false: it is none. */
static bool ratio(int64_t a, int64_t b, int *shift)
{
    uint64_t more = (uint64_t)(a < 0 ? -a : a), less = (uint64_t)(b < 0 ? -b : b);

    *shift = __builtin_ctzll(more) - __builtin_ctzll(less);
    return more >> __builtin_ctzll(more) == less >> __builtin_ctzll(less);
}

void choose_leader(struct trans *x, const int64_t *moves)
{
    unsigned most = 0;

    for (unsigned g = 0; g < x->n_groups; g++) {
        const struct group *p = &x->groups[g];

        if (p->hoisted && p->moves && p->uses > most) {
            most = p->uses;
            x->leader = (uint8_t)p->key[p->part];
            x->leader_moves = moves[x->leader];
        }
    }
    for (unsigned g = 0; g < x->n_groups; g++) {
        struct group *p = &x->groups[g];
        int shift;

        if (!p->hoisted || (p->moves && !ratio(x->leader_moves, p->moves, &shift))) {
            p->hoisted = false;
            p->moves = 0;
        }
    }
}

static bool is_kept(const struct group *p)
{
    return p->hoisted && (p->in_register || p->window >= 0);
}

/* The group's lowest byte, by registers as they are where a turn begins. */
static struct access lowest(const struct trans *x, const struct group *p)
{
    return (struct access){ .group = (int16_t)(p - x->groups),
                            .offset = p->low,
                            .address = { .base = (uint8_t)p->key[0],
                                         .index = (uint8_t)p->key[1],
                                         .scale = p->scale,
                                         .seg = p->seg,
                                         .addr32 = p->addr32,
                                         .addr16 = p->addr16,
                                         .disp = p->low } };
}

/*
 * To how much accesses are aligned in all turns, or not in one; 0: to nothing that is known.  *ahead: where, of the
 * lowest byte.
 */
static unsigned alignment_of(const struct trans *x, const struct group *p, unsigned *ahead)
{
    unsigned aligned = 0;

    for (unsigned k = 0; k < x->n_accesses; k++) {
        const struct access *a = &x->accesses[k];
        const struct insn *i = &x->b->insn[a->insn];
        unsigned size = &x->groups[MAX(a->group, 0)] == p && !a->implicit && a->group >= 0
                            ? vector_alignment(i, a->size)
                            : 0;

        if (size) {
            unsigned here = (unsigned)(a->offset - p->low) % size;

            if (p->moves % (int)size || (aligned && (size != aligned || here != *ahead))) {
                return 0;
            }
            aligned = size;
            *ahead = here;
        }
    }
    return aligned;
}

/* R13 is the host address of a group: the jump if accesses to it are not aligned, or NULL. */
static uint8_t *emit_alignment(struct trans *x, const struct group *p)
{
    unsigned ahead = 0, aligned = alignment_of(x, p, &ahead);

    if (!aligned) {
        return NULL;
    }
    emit_lea(x->e, H_R14, rm_mem(H_R13, (int32_t)ahead));
    emit_insn(x->e, E_REX, 0xf6, 0, rm_reg(H_R14)); /* test */
    emit8(x->e, aligned - 1);
    return emit_jump(x->e, CC_NZ);
}

/* R13, a host address, less the register that moves. */
static void emit_less_part(struct trans *x, const struct group *p)
{
    unsigned reg = (unsigned)host_of(x, p->key[p->part]), scale = p->part ? p->scale : 0;

    if (scale) {
        emit_lea(x->e, H_R14, rm_sib(H_NONE, reg, scale, 0));
        reg = H_R14;
    }
    emit_insn(x->e, E_W, 0x29, reg, rm_reg(H_R13));
}

/* To R14, how far the leader may move until the group leaves its page. */
static void emit_room(struct trans *x, const struct group *p)
{
    struct access a = lowest(x, p);
    struct emit *e = x->e;
    int shift;

    emit_linear(x, &a.address);
    emit_insn(e, 0, 0x89, H_R13, rm_reg(H_R14));
    if (p->moves > 0) {
        emit_insn(e, 0, 0xf7, 2, rm_reg(H_R14)); /* not */
    }
    emit_insn(e, 0, 0x81, 4, rm_reg(H_R14)); /* and */
    emit32(e, 4095);
    if (p->moves > 0 && p->high - p->low > 1) {
        emit_insn(e, 0, 0x81, 5, rm_reg(H_R14)); /* sub */
        emit32(e, (uint32_t)(p->high - p->low - 1));
    }
    ratio(x->leader_moves, p->moves, &shift);
    if (shift) {
        emit_insn(e, E_W, 0xc1, shift > 0 ? 4 : 5, rm_reg(H_R14));
        emit8(e, (unsigned)(shift > 0 ? shift : -shift));
    }
}

/* The least of all groups' rooms so far, in memory. */
static void emit_least(struct trans *x, bool first)
{
    if (!first) {
        emit_insn(x->e, E_W, 0x3b, H_R14, rm_cpu(CPU_ROOM));
        emit_insn(x->e, E_W | MAP_0F, 0x47, H_R14, rm_cpu(CPU_ROOM)); /* cmova */
    }
    emit_store(x->e, H_R14, rm_cpu(CPU_ROOM));
}

/* R13, the host address, is kept for the turns. */
static void keep_moved(struct trans *x, const struct group *p)
{
    emit_less_part(x, p);
    if (p->in_register) {
        emit_insn(x->e, E_W, 0x89, H_R13, rm_reg(H_R15));
    } else {
        emit_keep(x, H_R13, p);
    }
}

static void check_moved(struct trans *x, struct group *p, bool first)
{
    struct access a = lowest(x, p);
    uint8_t *unaligned;
    unsigned ahead;

    check_span(x, &a, p);
    emit_host_address(x, &a.address, p->write);
    unaligned = emit_alignment(x, p);
    if (unaligned) {
        single_at(x, unaligned);
    }
    keep_moved(x, p);
    emit_room(x, p);
    emit_least(x, first);
    p->aligned = (uint8_t)alignment_of(x, p, &ahead);
    p->checked = true;
    if (p->in_register) {
        x->active = a.group;
    }
}

/*
 * The comparison before the branch that closes the loop, if the branch is taken wherever the leader, which goes up, is below
 * the operand that it is compared with, as an unsigned number.
 */
static const struct insn *closing_comparison(const struct trans *x)
{
    unsigned last = x->b->n - 1u;
    const struct insn *branch = &x->b->insn[last], *compare = branch - 1;
    uint32_t written = 0;

    if (last == 0 || x->leader_moves < 0 || branch->row->exec != x_jcc ||
        branch_target(x, rip_of(x, last) + branch->len, branch) != x->start ||
        compare->row->exec != x_cmp || compare->opsize != 8 || compare->loose ||
        compare->op[0].kind != OPND_REG || compare->op[0].reg != x->leader) {
        return NULL;
    }
    for (unsigned n = 0; n < last; n++) {
        written |= registers_written(x->t->cpu, &x->b->insn[n]);
    }
    if (compare->op[1].kind != OPND_IMM &&
        (compare->op[1].kind != OPND_REG || (written >> compare->op[1].reg & 1))) {
        return NULL;
    }
    switch (branch->opcode & 15) {
    case CC_NZ:
    case CC_B:
        return compare;
    case CC_L:
        return compare->op[1].kind == OPND_IMM && (int64_t)compare->imm >= 0 ? compare : NULL;
    default:
        return NULL;
    }
}

/* R14, a limit, is not above the bound.  Uses R13. */
static void emit_bound(struct trans *x)
{
    struct emit_rm bound = rm_reg(H_R13);

    if (!x->bound) {
        return;
    }
    if (x->bound->op[1].kind == OPND_IMM) {
        emit_mov_imm(x->e, H_R13, x->bound->imm);
    } else {
        bound = register_operand(x, x->bound->op[1].reg);
    }
    emit_insn(x->e, E_W, 0x3b, H_R14, bound);
    emit_insn(x->e, E_W | MAP_0F, 0x47, H_R14, bound); /* cmova */
}

/*
 * R14, how far the leader may move, becomes what it must stay below, or above if it goes down.  Where the next
 * turns might go round the end of 64 bits it is what never holds.
 */
static void emit_limit(struct trans *x)
{
    struct emit *e = x->e;
    int32_t by = (int32_t)x->leader_moves;

    if (by < 0) {
        emit_insn(e, E_W, 0xf7, 3, rm_reg(H_R14)); /* neg */
    }
    emit_lea(e, H_R14, rm_mem(H_R14, by));
    emit_insn(e, E_W, 0x01, (unsigned)host_of(x, x->leader),
              rm_reg(H_R14)); /* CF; LEA and MOV leave it */
    emit_lea(e, H_R14, rm_mem(H_R14, by > 0 ? 1 - by : -1 - by));
    emit_mov_imm(e, H_R13, by > 0 ? 0 : UINT64_MAX);
    emit_insn(e, E_W | MAP_0F, by > 0 ? 0x42 : 0x43, H_R14, rm_reg(H_R13)); /* cmovc, cmovnc */
    emit_bound(x);
    emit_store(e, H_R14, rm_cpu(CPU_LIMIT));
}

/* Those that move, one after another: those in memory first, as a check that fails may change R15. */
static struct group *next_moved(struct trans *x, struct group *p)
{
    unsigned pass = p ? p->in_register : 0, g = p ? (unsigned)(p - x->groups) + 1 : 0;

    for (; pass < 2; pass++, g = 0) {
        for (; g < x->n_groups; g++) {
            p = &x->groups[g];
            if (is_kept(p) && p->moves && p->in_register == pass) {
                return p;
            }
        }
    }
    return NULL;
}

/*
 * For loops of few turns: a check of all bytes that the first FIRST_TURNS reach.  Where it fails, to x->move; else the
 * loop, by the jump that is given.
 */
static uint8_t *emit_first_turns(struct trans *x, uint8_t *fails[], unsigned *n_fails)
{
    struct emit *e = x->e;

    for (struct group *p = next_moved(x, NULL); p; p = next_moved(x, p)) {
        int32_t more = (FIRST_TURNS - 1) * p->moves;
        struct access a = lowest(x, p);
        struct address all = a.address;
        uint8_t *unaligned;

        all.disp += MIN(more, 0);
        emit_linear(x, &all);
        emit_probe(x, &all, (unsigned)(p->high - p->low + ABS(more)), p->write, true);
        fails[(*n_fails)++] = emit_jump(e, CC_A);
        emit_host_address(x, &a.address, p->write);
        unaligned = emit_alignment(x, p);
        if (unaligned) {
            fails[(*n_fails)++] = unaligned;
        }
        keep_moved(x, p);
    }
    emit_lea(e, H_R14,
             rm_mem((unsigned)host_of(x, x->leader), FIRST_TURNS * (int32_t)x->leader_moves));
    emit_bound(x);
    emit_store(e, H_R14, rm_cpu(CPU_LIMIT));
    return emit_jump(e, -1);
}

/* Their host addresses can be made from the registers again, and displacements have room. */
static bool may_begin_with_few(struct trans *x)
{
    unsigned n = 0;

    for (struct group *p = next_moved(x, NULL); p; p = next_moved(x, p)) {
        int64_t first = p->low + (FIRST_TURNS - 1) * MIN(p->moves, 0);

        if (first != (int32_t)first || (p->key[1] != R_ZERO && host_of(x, p->key[1]) < 0)) {
            return false;
        }
        n++;
    }
    return n > 0 && n <= FIRST_GROUPS;
}

/* All that move, and how far the leader may.  The jump to the loop, or NULL: it is behind. */
static uint8_t *check_all_moved(struct trans *x)
{
    uint8_t *fails[2 * FIRST_GROUPS], *begin = NULL;
    unsigned n_fails = 0;
    bool any = false;

    x->bound = next_moved(x, NULL) ? closing_comparison(x) : NULL;
    if (may_begin_with_few(x)) {
        begin = emit_first_turns(x, fails, &n_fails);
    }
    x->move = x->e->p;
    while (n_fails > 0) {
        patch_jump(fails[--n_fails], x->move);
    }
    for (struct group *p = next_moved(x, NULL); p; p = next_moved(x, p)) {
        check_moved(x, p, !any);
        any = true;
    }
    if (any) {
        emit_limit(x);
    } else {
        x->move = NULL;
    }
    return begin;
}

void emit_hoisted(struct trans *x)
{
    uint8_t *begin;

    flags_for_check(x);
    for (unsigned g = 0; g < x->n_groups; g++) {
        struct group *p = &x->groups[g];

        if (is_kept(p) && !p->moves) {
            struct access a = lowest(x, p);

            check_hoisted(x, &a, p);
        }
    }
    begin = check_all_moved(x);
    emit_align(x->e, 64);
    if (begin) {
        patch_jump(begin, x->e->p);
    }
}

void emit_turn(struct trans *x)
{
    if (x->move) {
        emit_insn(x->e, E_W, 0x3b, (unsigned)host_of(x, x->leader), rm_cpu(CPU_LIMIT));
        patch_jump(emit_jump(x->e, x->leader_moves > 0 ? CC_B : CC_A), x->loop);
    }
}

void emit_bounded_turn(struct trans *x)
{
    /* With x->variant the flags are those of the comparison where the loop begins, too, by what made them. */
    if (!x->move || !x->bound || x->n != x->b->n - 1u || !x->variant ||
        desc_pack(&x->desc) != x->variant || x->vectors_loaded < x->loop_vectors) {
        return;
    }
    emit_rewind(x->e, x->before_last);
    emit_insn(x->e, E_W, 0x3b, (unsigned)host_of(x, x->leader), rm_cpu(CPU_LIMIT));
    patch_jump(emit_jump(x->e, CC_B), x->loop);
    x->host_flags = false;
}

struct emit_rm moved_operand(struct trans *x, const struct access *acc)
{
    const struct group *p = &x->groups[acc->group];
    unsigned reg = p->part ? acc->address.index : acc->address.base;
    unsigned scale = p->part ? acc->address.scale : 0;
    unsigned base = p->in_register ? H_R15 : kept_address(x, p);
    int64_t ahead = (int64_t)((uint64_t)acc->from[p->part] << scale);

    return rm_sib(base, (unsigned)host_of(x, reg), scale, (int32_t)(acc->offset - p->low - ahead));
}
