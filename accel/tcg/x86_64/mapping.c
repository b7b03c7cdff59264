/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/mapping.c: guest registers that change places with one another for one piece of code.
 *
 * host_registers leaves four guest registers in memory. Code that uses one of them more than one that has a host
 * register exchanges the two at its start, and again wherever it is left.
 *
 * A loop whose groups have more host addresses than R15 holds gets those that it uses most in host registers whose
 * guest registers it does not name: these are in memory then. The window has the address, too.
 *
 * Invariants: outside the code proper (other blocks, every thunk, what is out of line) registers are where
 *             host_registers says; x->swapped says which holds where code is emitted now. Neither way touches
 *             the host's EFLAGS, nor R13 to R15.
 * Thread:     the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"
#include "target/i386/exec_int.h"

/* So many more uses, or it does not pay for the exchanges: in code that loops, and else. */
#define GAIN_LOOP 2
#define GAIN      6
#define GAIN_TEST                                                                                  \
    1 /* where all that can be a trace is one: tests want all exchanges that there can be */

/*
 * What an address is made of counts while it changes: else accesses share a check. In a loop what does not change
 * is needed before it alone, and what moves by a constant at each access.
 */
static void count_addresses(const struct trans *x, unsigned uses[R_COUNT])
{
    bool loops = x->b->path && x->b->path->loops;
    uint32_t changes = 0, known = 0;

    for (unsigned n = 0; n < x->b->n && loops; n++) {
        changes |= registers_written(x->t->cpu, &x->b->insn[n]);
    }
    for (unsigned n = 0; n < x->b->n; n++) {
        const struct insn *i = &x->b->insn[n];
        const uint8_t parts[2] = { i->base, i->index };
        bool memory =
            i->op[0].kind == OPND_MEM || i->op[1].kind == OPND_MEM || i->op[2].kind == OPND_MEM;

        for (unsigned k = 0; k < 2 && memory; k++) {
            if (loops ? changes >> parts[k] & 1 : !(known >> parts[k] & 1)) {
                uses[parts[k]]++;
            }
            known |= 1u << parts[k];
        }
        known &= ~registers_written(x->t->cpu, i);
    }
}

static void count_uses(const struct trans *x, unsigned uses[R_COUNT])
{
    for (unsigned n = 0; n < x->b->n; n++) {
        const struct insn *i = &x->b->insn[n];

        for (unsigned k = 0; k < G_N_ELEMENTS(i->op); k++) {
            if (i->op[k].kind == OPND_REG) {
                uses[i->op[k].reg]++;
            }
        }
        if (i->row->exec == x_leave) { /* which is emitted for RBP in its own place */
            uses[R_RBP] = x->b->n;
        }
    }
    count_addresses(x, uses);
}

/* The others have a place that code takes for granted. */
static const uint8_t movable[] = { R_RBP, R_RSI, R_RDI, R_R8,  R_R9, R_R10,
                                   R_R11, R_R12, R_R13, R_R14, R_R15 };

/* The one that is used most, or least, and is (not) in memory so far. */
static int extreme(const struct trans *x, const unsigned *uses, bool in_memory)
{
    int best = -1;

    for (unsigned k = 0; k < G_N_ELEMENTS(movable); k++) {
        unsigned r = movable[k];

        if (in_memory == (x->host[r] < 0) &&
            (best < 0 || (in_memory ? uses[r] > uses[best] : uses[r] < uses[best]))) {
            best = (int)r;
        }
    }
    return best;
}

void choose_mapping(struct trans *x)
{
    unsigned uses[R_COUNT] = { 0 };
    unsigned gain = x->k->hot_after == 0              ? GAIN_TEST
                    : x->b->path && x->b->path->loops ? GAIN_LOOP
                                                      : GAIN;

    memcpy(x->host, host_registers, sizeof(x->host));
    if (x->word != 8 || x->b->n < gain) {
        return;
    }
    count_uses(x, uses);
    while (x->n_swaps < MAX_SWAPS / 2) {
        int in = extreme(x, uses, true), out = extreme(x, uses, false);

        if (uses[in] < uses[out] + gain) {
            break;
        }
        x->swaps[x->n_swaps++] =
            (struct swap){ (uint8_t)in, (uint8_t)out, (uint8_t)x->host[out], -1 };
        x->host[in] = x->host[out];
        x->host[out] = -1;
    }
    x->swapped = x->n_swaps != 0;
}

/* Guest registers that instructions name, a bit each. */
static uint32_t registers_named(const struct trans *x)
{
    uint32_t named = 0;

    for (unsigned n = 0; n < x->b->n; n++) {
        const struct insn *i = &x->b->insn[n];

        named |= 1u << i->base | 1u << i->index;
        for (unsigned k = 0; k < G_N_ELEMENTS(i->op); k++) {
            named |= i->op[k].kind == OPND_REG ? 1u << i->op[k].reg : 0;
        }
        named |= i->row->exec == x_leave ? 1u << R_RBP : 0;
    }
    return named;
}

static struct group *busiest_window(struct trans *x)
{
    struct group *best = NULL;

    for (unsigned g = 0; g < x->n_groups; g++) {
        struct group *p = &x->groups[g];

        if (p->hoisted && p->window >= 0 && p->host < 0 && (!best || p->uses > best->uses)) {
            best = p;
        }
    }
    return best;
}

void lend_registers(struct trans *x)
{
    uint32_t named = registers_named(x);

    if (!x->b->path || !x->b->path->loops || x->word != 8) {
        return;
    }
    for (unsigned k = 0; k < G_N_ELEMENTS(movable) && x->n_swaps < MAX_SWAPS; k++) {
        unsigned out = movable[k];
        struct group *p = busiest_window(x);

        if (!p) {
            return;
        }
        if (x->host[out] >= 0 && !(named >> out & 1)) {
            p->host = x->host[out];
            x->swaps[x->n_swaps++] =
                (struct swap){ .out = (uint8_t)out, .host = (uint8_t)p->host, .window = p->window };
            x->host[out] = -1;
            x->swapped = true;
        }
    }
}

void set_swapped(struct trans *x, bool swapped)
{
    if (swapped != x->swapped) {
        x->swapped = swapped;
        for (unsigned k = 0; k < x->n_swaps; k++) {
            const struct swap *s = &x->swaps[k];

            if (s->window < 0) {
                x->host[s->in] = swapped ? (int8_t)s->host : -1;
            }
            x->host[s->out] = swapped ? -1 : (int8_t)s->host;
        }
    }
}

static void emit_exchange(struct trans *x, bool swapped)
{
    for (unsigned k = 0; k < x->n_swaps; k++) {
        const struct swap *s = &x->swaps[k];
        struct emit_rm in = s->window < 0 ? guest_memory(s->in) : rm_cpu(CPU_WINDOW(s->window));

        if (swapped || s->window < 0) { /* a window is in memory anyway */
            emit_store(x->e, s->host, swapped ? guest_memory(s->out) : in);
        }
        emit_load(x->e, s->host, swapped ? in : guest_memory(s->out));
    }
    set_swapped(x, swapped);
}

void emit_enter_mapping(struct trans *x)
{
    emit_exchange(x, true);
}

bool emit_leave_mapping(struct trans *x)
{
    bool was = x->swapped;

    if (was) {
        emit_exchange(x, false);
    }
    return was;
}
