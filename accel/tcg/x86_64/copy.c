/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/copy.c: code for another linear address, made from the code that there is.
 *
 * Each process has its program and its libraries at addresses of its own, so that the same bytes are needed as code at
 * one address after the other.  Where user code was translated its code notes what depends on its linear address
 * or on where it stands in the buffer; a copy has these changed by what both differ in.
 *
 * Invariant: a copy is, byte for byte, what translation would have made at its address (translate_test compares).
 *            Addresses are from MIN_LINEAR to MAX_LINEAR and differ by whole pages, so that constants are as long and
 *            branches go the same ways.
 * Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"
#include "util/log.h"

/* What is 2 GiB from these has still more than 32 bits, and is in the lower half. */
#define MIN_LINEAR (1ull << 33)
#define MAX_LINEAR ((1ull << 47) - (1ull << 32))

/* What copies need, behind a code and its links in memory. */
struct code_image {
    uint8_t *cold; /* its part out of line, writable mapping */
    uint32_t size, cold_size;
    unsigned n_moves;
    struct move moves[];
};

static bool movable(uint64_t linear)
{
    return linear >= MIN_LINEAR && linear < MAX_LINEAR;
}

void moves_begin(struct trans *x)
{
    x->moving = x->word == 8 && !x->b->path && x->t->cpu->cpl == 3 && movable(x->start);
    x->e->field = x->moving ? x->k->field : NULL;
    x->e->n_fields = 0;
}

void note_move(struct trans *x, enum move_kind kind, uint64_t value)
{
    unsigned bytes = move_bytes(kind);
    bool cold = x->cold != NULL;
    size_t at = (size_t)(x->e->p - (cold ? x->cold : x->entry)) - bytes;
    int64_t rel = kind == MOVE_LINK ? (int64_t)value : (int64_t)(value - x->start);

    if (!x->moving) {
        return;
    }
    if (x->n_moves == MAX_MOVES || at > UINT16_MAX || rel != (int32_t)rel) {
        x->moving = false;
        return;
    }
    x->moves[x->n_moves++] = (struct move){ (uint16_t)at, (uint8_t)kind, cold, (int32_t)rel };
}

void emit_mov_linear(struct trans *x, unsigned reg, uint64_t linear)
{
    int64_t rel = (int64_t)(linear - x->start);

    emit_mov_imm(x->e, reg, linear);
    if (rel == (int32_t)rel) { /* others are absolute: far from all that is movable */
        note_move(x, MOVE_ADDRESS, linear);
    }
}

/* Relative jumps and calls that leave their part: all but those that links may patch are as they were emitted. */
static void note_fields(struct trans *x)
{
    const uint8_t *end = x->e->p, *cold_end = x->k->cold;

    for (unsigned n = 0; n < x->e->n_fields && x->moving; n++) {
        uint8_t *field = x->k->field[n];
        bool cold = field >= x->cold && field < cold_end, other;
        const uint8_t *from = cold ? x->cold : x->entry, *to = cold ? cold_end : end, *target;
        size_t at = (size_t)(field - from);
        int32_t rel;

        memcpy(&rel, field, sizeof(rel));
        target = field + 4 + rel;
        if (target >= from && target <= to) {
            continue;
        }
        other = cold ? target >= x->entry && target < end : target >= x->cold && target < cold_end;
        if (x->n_moves == MAX_MOVES || at > UINT16_MAX) {
            x->moving = false;
            return;
        }
        x->moves[x->n_moves++] =
            (struct move){ (uint16_t)at, other ? MOVE_JUMP : MOVE_CALL, cold, 0 };
    }
}

size_t moves_end(struct trans *x)
{
    x->moving = x->moving && x->e->n_fields < MAX_FIELDS;
    note_fields(x);
    x->e->field = NULL;
    return x->moving ? sizeof(struct code_image) + x->n_moves * sizeof(struct move) : 0;
}

void moves_keep(const struct trans *x, struct code_image *image)
{
    image->cold = x->cold;
    image->size = (uint32_t)(x->e->p - x->entry);
    image->cold_size = (uint32_t)(x->k->cold - x->cold);
    image->n_moves = x->n_moves;
    memcpy(image->moves, x->moves, x->n_moves * sizeof(struct move));
}

/* A copy in the making. */
struct copy {
    const struct code *from;
    struct code *to;
    uint8_t *part[2];   /* of the copy: what runs often, what is out of line */
    ptrdiff_t shift[2]; /* from those of the original */
    uint64_t by;        /* linear addresses */
};

static uint8_t *moved(const struct copy *y, uint8_t *p)
{
    const struct code_image *image = y->from->image;

    return p ? p + y->shift[p >= image->cold && p <= image->cold + image->cold_size] : NULL;
}

static uint32_t slot_of(uint64_t linear)
{
    return (uint32_t)((linear >> 12 & (TLB_SIZE - 1)) * sizeof(struct tlb_entry));
}

static void change(const struct copy *y, const struct move *m)
{
    uint64_t old = y->from->key + (uint64_t)(int64_t)m->rel, now = old + y->by, v = 0;
    uint8_t *at = y->part[m->cold] + m->at;

    memcpy(&v, at, move_bytes(m->kind));
    switch ((enum move_kind)m->kind) {
    case MOVE_ADDRESS:
        v += y->by;
        break;
    case MOVE_NEXT_PAGE:
        v = tlb_exec_key(now, (uintptr_t)y->to->block->host2);
        break;
    case MOVE_LINK:
        v = (uintptr_t)&y->to->links[m->rel];
        break;
    case MOVE_EXEC_SLOT:
        v += (tlb_exec_slot(now) - tlb_exec_slot(old)) * sizeof(uint64_t);
        break;
    case MOVE_TLB_SLOT:
        v += slot_of(now) - slot_of(old);
        break;
    case MOVE_COUNTER:
        v += CPU_COUNTER(now) - CPU_COUNTER(old);
        break;
    case MOVE_JUMP:
        v += (uint64_t)(y->shift[!m->cold] - y->shift[m->cold]);
        break;
    case MOVE_CALL:
        v -= (uint64_t)y->shift[m->cold];
        break;
    }
    memcpy(at, &v, move_bytes(m->kind));
}

/* None of the copy's links is patched. */
static void copy_links(const struct copy *y)
{
    static const uint64_t none;

    for (unsigned n = 0; n < y->to->n_links; n++) {
        struct code_link *link = &y->to->links[n];

        *link = y->from->links[n];
        link->field = moved(y, link->field);
        link->stub = moved(y, link->stub);
        link->generic = moved(y, link->generic);
        link->key = moved(y, link->key);
        link->target += y->by;
        link->to = NULL;
        link->next = NULL;
        if (link->key) {
            memcpy(link->key, &none, sizeof(none));
        }
        patch_jump(link->field, link->stub);
        patch_jump(link->generic, link->generic + 4);
    }
}

static const struct code *find_original(const struct block *b, int mode, uint64_t variant)
{
    const struct code *c;

    for (c = b->code; c && !(c->image && c->mode == mode && c->variant == variant); c = c->next) {
    }
    return c;
}

struct code *copy_code(struct tcg *t, struct block *b, uint64_t rip, uint64_t variant)
{
    const struct code *from = find_original(b, translator_mode(t->cpu), variant);
    struct backend *k = t->backend;
    const struct code_image *image;
    struct copy y;

    if (!from || !movable(rip) || log_enabled(LOG_OP) || log_enabled(LOG_OUT_ASM)) {
        return NULL;
    }
    image = from->image;
    y.from = from;
    y.to = g_malloc0(sizeof(*y.to) + from->n_links * sizeof(struct code_link));
    y.part[0] = code_start(k);
    y.part[1] = k->cold;
    y.shift[0] = y.part[0] - from->entry;
    y.shift[1] = y.part[1] - image->cold;
    y.by = rip - from->key;
    *y.to = (struct code){ .block = b,
                           .key = rip,
                           .mode = from->mode,
                           .variant = variant,
                           .entry = y.part[0],
                           .links = (struct code_link *)(y.to + 1),
                           .n_links = from->n_links };
    memcpy(y.part[0], from->entry, image->size);
    memcpy(y.part[1], image->cold, image->cold_size);
    k->e.p = y.part[0] + image->size;
    k->cold = y.part[1] + image->cold_size;
    for (unsigned n = 0; n < image->n_moves; n++) {
        change(&y, &image->moves[n]);
    }
    copy_links(&y);
    log_perf_map(k, rip, y.part[0], image->size, y.part[1], image->cold_size);
    t->n_copied++;
    return y.to;
}
