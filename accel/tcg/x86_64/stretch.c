/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/stretch.c: guest registers in R13 and R14, too, as long as nothing else wants these.
 *
 * Code that uses all sixteen registers (SHA-512, long multiplication) has some in memory, and waits for what it has
 * just stored there. In a stretch of instructions that become one host instruction each, with no check and no way
 * out, R13 and R14 have nothing to do, and neither have the host registers of guest registers that are not named:
 * they hold what is in memory otherwise, from the stretch's start to its end.
 *
 * Invariants: in a stretch code is not left, so that nobody sees where registers are. What an instruction becomes is
 *             looked at behind it: where it is more than one host instruction, which may have used R13 or R14,
 *             it is taken back, and the stretch ends before it.
 * Thread:     the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"
#include "target/i386/exec_int.h"

/*
 * In host instructions: a register in memory that is written; its load and store; those, and of one whose place it
 * takes; what all of a stretch must gain. Where all that can be a trace is one, tests want every stretch there can be.
 */
#define COST_WRITE   3
#define COST_SCRATCH 2
#define COST_PLACE   4
#define GAIN         3
#define N_SCRATCH    2 /* R13 and R14 */

static bool names_memory(const struct insn *i)
{
    return i->op[0].kind == OPND_MEM || i->op[1].kind == OPND_MEM || i->op[2].kind == OPND_MEM;
}

/* It has no check of its own: all that it accesses is in the group whose address R15 holds. */
static bool is_checked(const struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    unsigned accesses = 0;

    for (unsigned k = 0; k < x->n_accesses && x->accesses[k].insn <= n; k++) {
        if (x->accesses[k].insn == n) {
            accesses++;
            if (x->accesses[k].group < 0 || x->accesses[k].group != x->active ||
                x->groups[x->active].moves) {
                return false;
            }
        }
    }
    return accesses || !names_memory(i) || i->row->exec == x_lea;
}

static bool early_check_at(const struct trans *x, unsigned n)
{
    for (unsigned g = 0; g < x->n_groups && x->n_early; g++) {
        if (x->groups[g].early && !x->groups[g].checked && x->groups[g].first == n) {
            return true;
        }
    }
    return false;
}

static bool kind_may_join(const struct emit_row *row)
{
    return row->kind == EMIT_ALU || row->kind == EMIT_MOV || row->kind == EMIT_LEA ||
           row->kind == EMIT_BSWAP || row->kind == EMIT_BIT || row->kind == EMIT_NOTHING;
}

/* It is likely to be one host instruction that needs no scratch register, once its registers are in the host's. */
static bool may_join(const struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    const struct emit_row *row = emit_row_find(x->t->cpu, i);

    if ((i->row->flags & (ROW_ENDS | ROW_X87 | ROW_MMX)) || i->loose ||
        (row && !kind_may_join(row)) || (!row && registers_written(x->t->cpu, i) == UINT32_MAX)) {
        return false;
    }
    if (!row && vector_level(x, i) > x->vectors_loaded) {
        return false;
    }
    for (unsigned k = 0; k < G_N_ELEMENTS(i->op); k++) {
        if (i->op[k].kind == OPND_REG8H) {
            return false;
        }
    }
    return is_checked(x, n) && !early_check_at(x, n);
}

/* Guest registers that instructions [n, end) name, where that matters to what they become, and what that costs in memory. */
static uint32_t count_uses(const struct trans *x, unsigned n, unsigned end, uint16_t uses[R_COUNT])
{
    uint32_t named = 0;

    for (; n < end; n++) {
        const struct insn *i = &x->b->insn[n];
        uint32_t written = registers_written(x->t->cpu, i);

        for (unsigned k = 0; k < G_N_ELEMENTS(i->op); k++) {
            unsigned r = i->op[k].reg;

            if (i->op[k].kind == OPND_REG) {
                uses[r] += written >> r & 1 ? COST_WRITE : 1;
                named |= 1u << r;
            }
        }
        if (i->row->exec == x_lea) {
            uses[i->base]++;
            uses[i->index]++;
            named |= 1u << i->base | 1u << i->index;
        }
    }
    return named;
}

/* The guest register in memory that is used most, or -1. */
static int most_used(const struct trans *x, const uint16_t uses[R_COUNT])
{
    int best = -1;

    for (int r = 0; r < 16; r++) {
        if (x->host[r] < 0 && uses[r] && (best < 0 || uses[r] > uses[best])) {
            best = r;
        }
    }
    return best;
}

/* A guest register that is not named, nor in a place that instructions take for granted, or -1. */
static int not_named(const struct trans *x, uint32_t named)
{
    static const uint8_t places[] = { R_RSP, R_RBP, R_RSI, R_RDI, R_R8,  R_R9,
                                      R_R10, R_R11, R_R12, R_R13, R_R14, R_R15 };

    for (unsigned k = 0; k < G_N_ELEMENTS(places); k++) {
        if (x->host[places[k]] >= 0 && !(named >> places[k] & 1)) {
            return places[k];
        }
    }
    return -1;
}

/* Which registers go where: true if it is worth it.  x->host is as it is to be then. */
static bool choose(struct trans *x, unsigned n)
{
    struct stretch *s = &x->stretch;
    uint16_t uses[R_COUNT] = { 0 };
    uint32_t named = count_uses(x, n, s->end, uses);
    bool test = x->k->hot_after == 0;
    int gain = 0;

    for (s->n = 0; s->n < MAX_STRETCH; s->n++) {
        int in = most_used(x, uses), out = s->n < N_SCRATCH ? -1 : not_named(x, named);
        int more = in < 0 ? 0 : uses[in] - (s->n < N_SCRATCH ? COST_SCRATCH : COST_PLACE);

        if (in < 0 || (s->n >= N_SCRATCH && (out < 0 || (more <= 0 && !test)))) {
            break;
        }
        gain += more;
        s->reg[s->n].in = (uint8_t)in;
        s->reg[s->n].out = (int8_t)out;
        s->reg[s->n].host = (uint8_t)(s->n < N_SCRATCH ? H_R13 + (int)s->n : x->host[out]);
        x->host[in] = (int8_t)s->reg[s->n].host;
        if (out >= 0) {
            x->host[out] = -1;
        }
    }
    return s->n && (test || gain >= GAIN);
}

static bool in_memory(const struct trans *x, unsigned r)
{
    return r < G_N_ELEMENTS(x->host) && x->host[r] < 0;
}

/* It names a register that is in memory. */
static bool gains(const struct trans *x, const struct insn *i)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(i->op); k++) {
        if (i->op[k].kind == OPND_REG && in_memory(x, i->op[k].reg)) {
            return true;
        }
    }
    return i->row->exec == x_lea && (in_memory(x, i->base) || in_memory(x, i->index));
}

static void begin(struct trans *x, unsigned n)
{
    struct stretch *s = &x->stretch;
    /* The loop's closing comparison and its branch are emitted anew: loop.c. */
    unsigned limit = x->b->n - MIN(x->b->n, 2u);

    if (n < s->end || x->word != 8 || x->x87.pending || !gains(x, &x->b->insn[n])) {
        return;
    }
    for (s->end = (uint8_t)n; s->end < limit && may_join(x, s->end); s->end++) {
    }
    memcpy(s->host, x->host, sizeof(s->host));
    s->open = s->end > n && choose(x, n);
    if (!s->open) {
        memcpy(x->host, s->host, sizeof(s->host));
        return;
    }
    s->written = 0;
    s->begin = x->e->p;
    for (unsigned k = 0; k < s->n; k++) {
        if (s->reg[k].out >= 0) {
            emit_store(x->e, s->reg[k].host, guest_memory((unsigned)s->reg[k].out));
        }
        emit_load(x->e, s->reg[k].host, guest_memory(s->reg[k].in));
    }
    s->first = x->e->p;
}

void end_stretch(struct trans *x)
{
    struct stretch *s = &x->stretch;

    if (s->open && x->e->p == s->first) { /* nothing came of it */
        emit_rewind(x->e, s->begin);
        s->n = 0;
    }
    for (unsigned k = 0; k < s->n && s->open; k++) {
        if (s->written >> s->reg[k].in & 1) {
            emit_store(x->e, s->reg[k].host, guest_memory(s->reg[k].in));
        }
        if (s->reg[k].out >= 0) {
            emit_load(x->e, s->reg[k].host, guest_memory((unsigned)s->reg[k].out));
        }
    }
    if (s->open) {
        memcpy(x->host, s->host, sizeof(s->host));
        s->open = false;
    }
}

/* What was emitted from p on is one instruction, or nothing. */
static bool is_one(const struct trans *x, const uint8_t *p)
{
    size_t bytes = (size_t)(x->e->p - p);
    struct insn i;

    return bytes == 0 ||
           (bytes <= 15 && insn_decode(x->t->cpu, p, (unsigned)bytes, &i) == DECODE_OK &&
            i.len == bytes);
}

bool emit_in_stretch(struct trans *x, unsigned n)
{
    uint8_t before[offsetof(struct trans, live)];
    uint8_t *p;

    if (!x->stretch.open) {
        begin(x, n);
    }
    if (!x->stretch.open) {
        return false;
    }
    memcpy(before, x, sizeof(before));
    p = x->e->p;
    desc_before(x, n);
    if (emit_one(x, n) && is_one(x, p)) {
        desc_after(x, n);
        x->stretch.written |= registers_written(x->t->cpu, &x->b->insn[n]);
        return true;
    }
    memcpy(x, before, sizeof(before));
    emit_rewind(x->e, p);
    end_stretch(x);
    x->stretch.end = (uint8_t)(n + 1);
    return false;
}
