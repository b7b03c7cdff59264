/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/plan.c: which accesses of a block share one check.
 *
 * Every register holds, at each instruction, a value (a number that stands for it) and a constant
 * offset from it.  Accesses whose base and index are the same values lie at known distances: one
 * check of the whole range serves them all, and R15 keeps its host address from the first to the
 * last of them.  Where two groups want R15 at the same time the larger one gets it, and the others'
 * addresses are kept in memory: one load in place of a check.  Within a chain of instructions that hand on flags
 * which a check would have to save (carries), the check stands before the chain.
 * Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"
#include "target/i386/exec_int.h"
#include "target/i386/exec_system.h"
#include "target/i386/vec_rows.h"

#define MAX_SPAN 256 /* bytes: a longer range would often cross a page */

struct value {
    uint32_t id;
    int64_t offset;
};

struct state {
    struct value reg[R_COUNT];
    uint32_t next;
};

static void begin_values(struct state *s)
{
    for (unsigned r = 0; r < R_COUNT; r++) {
        s->reg[r] = (struct value){ r, 0 };
    }
    s->next = R_COUNT;
}

static void note_access(struct trans *x, struct state *s, unsigned n, struct address a,
                        unsigned size, bool write, bool implicit)
{
    struct value base = s->reg[a.base], index = s->reg[a.index];
    struct access *acc;

    if (x->n_accesses == MAX_ACCESSES || size == 0) {
        return;
    }
    acc = &x->accesses[x->n_accesses++];
    *acc = (struct access){ .insn = (uint8_t)n,
                            .implicit = implicit,
                            .write = write,
                            .size = (uint8_t)size,
                            .group = -1,
                            .address = a };
    acc->from[0] = base.offset;
    acc->from[1] = index.offset;
    acc->offset = a.disp + base.offset + (int64_t)((uint64_t)index.offset << a.scale);
    for (unsigned g = x->n_groups; g-- > 0;) {
        struct group *p = &x->groups[g];
        int64_t low = MIN(p->low, acc->offset), high = MAX(p->high, acc->offset + (int64_t)size);

        if (!p->closed && p->key[0] == base.id && p->key[1] == index.id && p->scale == a.scale &&
            p->seg == a.seg && p->addr32 == a.addr32 && p->addr16 == a.addr16 &&
            (uint64_t)high - (uint64_t)low <= MAX_SPAN) {
            p->low = low;
            p->high = high;
            p->write |= write;
            p->in_host[0] &= host_of(x, a.base) >= 0;
            p->in_host[1] &= host_of(x, a.index) >= 0;
            p->uses++;
            p->last = (uint8_t)n;
            acc->group = (int16_t)g;
            return;
        }
    }
    acc->group = (int16_t)x->n_groups;
    x->groups[x->n_groups++] =
        (struct group){ .key = { base.id, index.id },
                        .scale = a.scale,
                        .seg = a.seg,
                        .addr32 = a.addr32,
                        .addr16 = a.addr16,
                        .write = write,
                        .in_host = { host_of(x, a.base) >= 0, host_of(x, a.index) >= 0 },
                        .first = (uint8_t)n,
                        .last = (uint8_t)n,
                        .uses = 1,
                        .window = -1,
                        .host = -1,
                        .low = acc->offset,
                        .high = acc->offset + (int64_t)size };
}

/* The accesses that instruction n makes; those of what the interpreter does do not count. */
static void find_accesses(struct trans *x, struct state *s, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    const struct emit_row *row = emit_row_find(x->t->cpu, i);
    x86_exec_fn *fn = i->row->exec;
    unsigned w = x->word;

    if (i->addrsize > x->word) { /* registers are followed as far as the word */
        return;
    }
    if (!row && fn != x_call && fn != x_ret && fn != x_call_ind &&
        !(i->row->flags & (ROW_MMX | ROW_X87))) {
        bool write;
        int k = vector_access(x, i, &write);

        if (k >= 0) {
            note_access(x, s, n, operand_address(x, i), i->op[k].size, write, false);
        }
        return;
    }
    if (row && (row->kind == EMIT_LEA || row->kind == EMIT_NOTHING)) {
        return;
    }
    for (unsigned k = 0; k < 2; k++) {
        if (i->op[k].kind == OPND_MEM) {
            bool write = row ? (k == 0 ? row->flags & EMIT_WRITES_0 : row->flags & EMIT_WRITES_1)
                         : i->row->flags & ROW_X87 ? x87_writes_memory(i)
                                                   : k == 0 && fn != x_call_ind;

            note_access(x, s, n, operand_address(x, i), i->op[k].size, write, false);
        }
    }
    if (i->opsize != w || x->stack != w) {
        return;
    }
    if (fn == x_push || fn == x_push_seg || fn == x_call || fn == x_call_ind) {
        note_access(x, s, n, stack_address(x, R_RSP, -(int64_t)w), w, true, true);
    } else if (fn == x_pop || fn == x_ret) {
        note_access(x, s, n, stack_address(x, R_RSP, 0), w, false, true);
    } else if (fn == x_leave) {
        note_access(x, s, n, stack_address(x, R_RBP, 0), w, false, true);
    }
}

static bool is_register(const struct trans *x, const struct insn *i, unsigned n)
{
    return i->op[n].kind == OPND_REG && i->op[n].size == x->word;
}

/* The values behind instruction n. */
static void step(struct trans *x, struct state *s, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    x86_exec_fn *fn = i->row->exec;
    uint32_t written = registers_written(x->t->cpu, i);
    int64_t w = x->word;
    struct value rsp = s->reg[R_RSP], rbp = s->reg[R_RBP], v = { 0, 0 };
    bool known = false, on_stack = i->opsize == w && x->stack == w;

    if (i->loose) {
        s->reg[R_LOOSE] = (struct value){ s->next++, 0 };
    }
    if (written == UINT32_MAX) { /* the interpreter's: segment bases may change */
        for (unsigned g = 0; g < x->n_groups; g++) {
            x->groups[g].closed |= x->groups[g].seg != 0 && x->word == 8;
        }
    }
    if (is_register(x, i, 0) && i->opsize == w) {
        unsigned to = i->op[0].reg;

        v = s->reg[to];
        if (fn == x_mov && is_register(x, i, 1)) {
            v = s->reg[i->op[1].reg];
            known = true;
        } else if ((fn == x_add || fn == x_sub) && i->op[1].kind == OPND_IMM) {
            v.offset += fn == x_add ? (int64_t)i->imm : -(int64_t)i->imm;
            known = true;
        } else if (fn == x_inc || fn == x_dec) {
            v.offset += fn == x_inc ? 1 : -1;
            known = true;
        } else if (fn == x_lea && i->addrsize == w && i->index == R_ZERO && i->base < R_RIP) {
            v = s->reg[i->base];
            v.offset += i->disp;
            known = true;
        }
    }
    for (unsigned r = 0; r < 16; r++) {
        if (written >> r & 1) {
            s->reg[r] = (struct value){ s->next++, 0 };
        }
    }
    if (known) {
        s->reg[i->op[0].reg] = v;
    } else if (on_stack && (fn == x_push || fn == x_push_seg || fn == x_call || fn == x_call_ind)) {
        s->reg[R_RSP] = (struct value){ rsp.id, rsp.offset - w };
    } else if (on_stack && fn == x_pop && is_register(x, i, 0) && i->op[0].reg != R_RSP) {
        s->reg[R_RSP] = (struct value){ rsp.id, rsp.offset + w };
    } else if (on_stack && fn == x_leave) {
        s->reg[R_RSP] = (struct value){ rbp.id, rbp.offset + w };
    } else if (on_stack && (fn == x_ret || fn == x_ret_imm)) {
        int64_t more = fn == x_ret ? 0 : (int64_t)(i->imm & 0xffff);

        s->reg[R_RSP] = (struct value){ rsp.id, rsp.offset + w + more };
    }
}

/* Is it a register's value at the start, by which the register has then moved at the end? */
static bool moved_by(const struct state *s, uint32_t id, int64_t *by)
{
    if (id >= R_COUNT || s->reg[id].id != id) {
        return false;
    }
    *by = s->reg[id].offset;
    return true;
}

/* Its host address is used behind its check's own access. */
static bool is_kept(const struct group *p)
{
    return p->uses > 1 || p->hoisted || p->early;
}

/* Groups whose check holds for more than one turn of a trace's loop. */
static void hoist(struct trans *x, const struct state *s)
{
    int64_t moves[R_COUNT] = { 0 };

    for (unsigned g = 0; g < x->n_groups; g++) {
        struct group *p = &x->groups[g];
        int64_t base, index;

        p->hoisted = moved_by(s, p->key[0], &base) && moved_by(s, p->key[1], &index) &&
                     (!p->seg || x->word != 8) && may_hoist(x, p, base, index);
    }
    for (unsigned r = 0; r < R_COUNT; r++) {
        moved_by(s, r, &moves[r]);
    }
    choose_leader(x, moves);
    for (unsigned g = 0; g < x->n_groups; g++) {
        if (x->groups[g].hoisted) {
            x->groups[g].first = 0;
            x->groups[g].last = UINT8_MAX;
        }
    }
}

static const struct access *first_access(const struct trans *x, unsigned group)
{
    unsigned k = 0;

    while (x->accesses[k].group != (int)group) {
        k++;
    }
    return &x->accesses[k];
}

/* The values before instruction n. */
static void values_at(struct trans *x, struct state *s, unsigned n)
{
    begin_values(s);
    for (unsigned k = 0; k < n; k++) {
        step(x, s, k);
    }
}

/* Where the operand of a group's first access can be made of the same registers: n is before it. */
static bool made_early(struct trans *x, struct group *p, const struct access *a, unsigned n)
{
    struct state s;
    struct value base, index;

    values_at(x, &s, n);
    base = s.reg[a->address.base];
    index = s.reg[a->address.index];
    if (base.id != p->key[0] || index.id != p->key[1]) {
        return false;
    }
    p->early_disp = a->offset - base.offset - (int64_t)((uint64_t)index.offset << a->address.scale);
    return p->early_disp == (int32_t)p->early_disp;
}

/*
 * Groups whose check would have to save flags that cannot be made again (ADC, ADCX, MUL): it stands where that chain
 * began, if no branch is between.
 */
static void find_early(struct trans *x)
{
    bool costly[BLOCK_MAX_INSNS + 1] = { false }; /* before an instruction: the flags are such */

    for (unsigned n = 0; n < x->b->n; n++) {
        const struct insn *i = &x->b->insn[n];

        costly[n + 1] = flags_touched(i) ? !flags_described(i) : costly[n];
    }
    for (unsigned g = 0; g < x->n_groups; g++) {
        struct group *p = &x->groups[g];
        const struct access *a = first_access(x, g);
        unsigned n = p->first;

        if (p->hoisted || p->seg || x->word != 8 || !costly[n] || !x->live[n] ||
            vex_masked(&x->b->insn[n])) {
            continue;
        }
        while (n > 0 && costly[n] && !(x->b->insn[n - 1].row->flags & ROW_ENDS)) {
            n--;
        }
        if (!costly[n] && made_early(x, p, a, n)) {
            p->early = true;
            p->first = (uint8_t)n;
            x->n_early++;
        }
    }
}

/* What carry chains are made of, which faults by its accesses alone. */
static bool faults_by_access(const struct insn *i)
{
    static x86_exec_fn *const fns[] = { x_mov, x_lea, x_add,  x_adc,  x_sub,  x_sbb,
                                        x_and, x_or,  x_xor,  x_cmp,  x_test, x_inc,
                                        x_dec, x_mul, x_adcx, x_adox, x_mulx };

    for (unsigned k = 0; k < G_N_ELEMENTS(fns); k++) {
        if (i->row->exec == fns[k]) {
            return !(i->prefixes & PREFIX_LOCK);
        }
    }
    return false;
}

/* Does a check before instruction `early`, and before those that stand there, cover the access? */
static bool checked_before(const struct trans *x, const struct access *a, unsigned group,
                           unsigned early)
{
    const struct group *p;

    if (a->group < 0 || a->group >= (int)group) {
        return false;
    }
    p = &x->groups[a->group];
    return (p->in_register || p->window >= 0) &&
           (p->hoisted || p->first < early || (p->early && p->first == early));
}

/*
 * An early check makes its page accessed: so what stands between it and the access must not fault.  Otherwise the
 * check stands at the access, as others do.
 */
static bool early_is_safe(const struct trans *x, unsigned group)
{
    unsigned early = x->groups[group].first, first = first_access(x, group)->insn;

    for (unsigned n = early; n <= first; n++) {
        const struct insn *i = &x->b->insn[n];
        bool memory =
            (i->op[0].kind == OPND_MEM || i->op[1].kind == OPND_MEM || i->op[2].kind == OPND_MEM) &&
            i->row->exec != x_lea;
        unsigned accesses = 0;

        if (!faults_by_access(i)) {
            return false;
        }
        for (unsigned k = 0; k < x->n_accesses && n < first; k++) {
            if (x->accesses[k].insn == n) {
                accesses++;
                if (!checked_before(x, &x->accesses[k], group, early)) {
                    return false;
                }
            }
        }
        if (memory && n < first && !accesses) {
            return false;
        }
    }
    return true;
}

/* Once it is known which groups are kept. */
static void settle_early(struct trans *x)
{
    for (unsigned g = 0; g < x->n_groups; g++) {
        struct group *p = &x->groups[g];

        if (p->early && !((p->in_register || p->window >= 0) && early_is_safe(x, g))) {
            p->early = false;
            x->n_early--;
        }
    }
}

/* The others that are used again. */
static void assign_windows(struct trans *x)
{
    int8_t window = 0;

    for (unsigned g = 0; g < x->n_groups && window < CPU_WINDOWS; g++) {
        if (is_kept(&x->groups[g]) && !x->groups[g].in_register) {
            x->groups[g].window = window++;
        }
    }
}

/* Who gets R15: those with most uses, as long as they do not meet. */
static void assign_register(struct trans *x)
{
    for (;;) {
        struct group *best = NULL;

        for (unsigned g = 0; g < x->n_groups; g++) {
            struct group *p = &x->groups[g];
            bool free = is_kept(p) && !p->in_register && (!best || p->uses > best->uses);

            for (unsigned o = 0; o < x->n_groups && free; o++) {
                const struct group *q = &x->groups[o];

                free = !q->in_register || q->last < p->first || q->first > p->last;
            }
            if (free) {
                best = p;
            }
        }
        if (!best) {
            return;
        }
        best->in_register = true;
    }
}

void plan_accesses(struct trans *x)
{
    struct state s;

    begin_values(&s);
    for (unsigned n = 0; n < x->b->n; n++) {
        x->rip = x->b->path ? x->b->path->rip[n] : x->rip + (n ? x->b->insn[n - 1].len : 0u);
        find_accesses(x, &s, n);
        step(x, &s, n);
    }
    x->rip = x->start;
    if (!x->b->ungrouped && !(x->variant & VARIANT_SINGLE)) {
        if (x->b->path && x->b->path->loops) {
            hoist(x, &s);
        }
        find_early(x);
        assign_register(x);
        assign_windows(x);
        settle_early(x);
    }
}
