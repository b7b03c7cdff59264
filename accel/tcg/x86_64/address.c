/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/address.c: guest registers and memory operands in host code, and what happens
 * out of line where a check fails.
 *
 * A check compares the linear address with the tag of its slot in the soft TLB; the slot's addend
 * makes the host address.  Where the operand is a base and a displacement the addend becomes an
 * index register, and the address need not be computed twice.
 * Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"

#define STACK_REACH 1024 /* bytes from RSP: beyond them may well be another page */

int host_of(const struct trans *x, unsigned guest)
{
    return guest < G_N_ELEMENTS(x->host) ? x->host[guest] : -1;
}

struct emit_rm guest_memory(unsigned guest)
{
    return rm_cpu(CPU_REG(guest));
}

struct emit_rm register_operand(const struct trans *x, unsigned guest)
{
    int h = host_of(x, guest);

    return h < 0 ? guest_memory(guest) : rm_reg((unsigned)h);
}

unsigned in_register(struct trans *x, unsigned guest, unsigned scratch)
{
    int h = host_of(x, guest);

    if (h >= 0) {
        return (unsigned)h;
    }
    emit_load(x->e, scratch, guest_memory(guest));
    return scratch;
}

/* No base is added to the operand's address, and nothing but paging limits it. */
static bool is_flat(const struct trans *x, const struct insn *i)
{
    if (x->word == 8) {
        return i->seg < SEG_FS;
    }
    return !x->segmented && i->addrsize == 4 && (i->seg == SEG_DS || i->seg == SEG_SS);
}

struct address stack_address(const struct trans *x, unsigned base, int64_t disp)
{
    return (struct address){ .base = (uint8_t)base,
                             .index = R_ZERO,
                             .seg = x->segmented ? SEG_SS + 1 : 0,
                             .addr32 = x->stack <= 4,
                             .addr16 = x->stack == 2,
                             .disp = disp };
}

struct address operand_address(const struct trans *x, const struct insn *i)
{
    struct address a = { .base = i->base,
                         .index = i->index,
                         .scale = i->scale,
                         .seg = is_flat(x, i) ? 0 : i->seg + 1,
                         .addr32 = i->addrsize <= 4,
                         .addr16 = i->addrsize == 2,
                         .disp = i->disp };

    if (a.base == R_RIP) {
        a.base = R_ZERO;
        a.disp += (int64_t)(x->rip + i->len);
    }
    return a;
}

/* base + index << scale + disp to a register; uses R14 if it is not `to`. */
static void emit_offset(struct trans *x, const struct address *a, unsigned to)
{
    unsigned base = H_NONE, index = H_NONE;

    if (a->base == R_ZERO && a->index == R_ZERO) {
        x->moving = x->moving && !a->addr32;
        emit_mov_linear(x, to,
                        a->addr16   ? (uint16_t)a->disp
                        : a->addr32 ? (uint32_t)a->disp
                                    : (uint64_t)a->disp);
        return;
    }
    if (a->addr16) {
        bool sum = a->index != R_ZERO || a->disp;

        if (sum) {
            emit_insn(x->e, 0, 0x8d, to,
                      rm_sib(a->base == R_ZERO ? H_NONE : (unsigned)host_of(x, a->base),
                             a->index == R_ZERO ? H_NONE : (unsigned)host_of(x, a->index), a->scale,
                             (int32_t)a->disp));
        }
        emit_insn(x->e, MAP_0F, 0xb7, to, rm_reg(sum ? to : (unsigned)host_of(x, a->base)));
        return;
    }
    if (a->base != R_ZERO) {
        base = in_register(x, a->base, H_R13);
    }
    if (a->index != R_ZERO) {
        index = in_register(x, a->index, H_R14);
    }
    if (index == H_NONE && a->disp == 0) {
        if (base == to && !a->addr32) {
            return;
        }
        emit_insn(x->e, a->addr32 ? 0 : E_W, 0x89, base, rm_reg(to));
        return;
    }
    emit_insn(x->e, a->addr32 ? 0 : E_W, 0x8d, to, rm_sib(base, index, a->scale, (int32_t)a->disp));
}

void emit_address(struct trans *x, const struct insn *i, unsigned to)
{
    struct address a = operand_address(x, i);

    emit_offset(x, &a, to);
}

static struct emit_rm segment_field(unsigned seg, size_t offset)
{
    return rm_cpu(offsetof(struct x86_cpu, seg) + seg * sizeof(struct segment) + offset);
}

void emit_linear(struct trans *x, const struct address *a)
{
    emit_offset(x, a, H_R13);
    if (a->seg) {
        emit_insn(x->e, x->word == 8 ? E_W : 0, 0x03, H_R13,
                  segment_field(a->seg - 1u, offsetof(struct segment, base)));
    }
}

/* Outside 64-bit code: all of it is within the segment, and so offsets of a group do not wrap. */
static void emit_segment_check(struct trans *x, const struct address *a, unsigned size, bool write)
{
    struct emit *e = x->e;

    if (!a->seg || x->word == 8) {
        return;
    }
    emit_offset(x, a, H_R13);
    emit_lea(e, H_R14, rm_mem(H_R13, (int32_t)size));
    emit_insn(e, E_W, 0x3b, H_R14,
              segment_field(a->seg - 1u, offsetof(struct segment, end[a->addr16][write])));
    add_site(x, emit_jump(e, CC_A), SITE_REST);
}

struct site *add_site(struct trans *x, uint8_t *jump, enum site_kind kind)
{
    struct site *s = &x->sites[x->n_sites++];

    *s = (struct site){ .kind = kind,
                        .jump = jump,
                        .insn = &x->b->insn[x->n],
                        .rip = x->rip,
                        .swapped = x->swapped,
                        .save = !x->memory_flags,
                        .vectors = (uint8_t)x->vectors_loaded,
                        .desc = x->desc };
    return s;
}

/* Checks ----------------------------------------------------------------------------------------- */

static struct emit_rm tlb_field(const struct trans *x, bool write)
{
    if (x->page) {
        return rm_cpu((size_t)x->page + offsetof(struct tlb_site, tag));
    }
    return rm_cpu_at(H_R14, (size_t)x->tlb + (write ? offsetof(struct tlb_entry, write_tag)
                                                    : offsetof(struct tlb_entry, read_tag)));
}

static struct emit_rm tlb_addend(const struct trans *x)
{
    if (x->page) {
        return rm_cpu((size_t)x->page + offsetof(struct tlb_site, addend));
    }
    return rm_cpu_at(H_R14, (size_t)x->tlb + offsetof(struct tlb_entry, addend));
}

/*
 * Accesses near RSP share a site: nearly all are to the page that the last one was to.  Not what has crossed a page,
 * which would change the site twice.
 */
static bool is_stack(const struct trans *x, const struct address *a)
{
    return a->base == R_RSP && a->index == R_ZERO && a->disp >= -STACK_REACH &&
           a->disp < STACK_REACH && !(x->variant & VARIANT_SINGLE);
}

static unsigned bank_of(const struct trans *x)
{
    return (unsigned)(x->tlb - (int32_t)offsetof(struct x86_cpu, tlb.entry)) /
           sizeof(x->t->cpu->tlb.entry[0]);
}

static int32_t stack_site(const struct trans *x, bool write)
{
    return (int32_t)(offsetof(struct x86_cpu, tlb.stack) +
                     (bank_of(x) * 2 + write) * sizeof(struct tlb_site));
}

/*
 * In a trace of user code that loops each check has a site of its own, until it is known to see many pages: others
 * run too seldom to make up for what finding that out costs.  The owner of a site is read while its code runs, so
 * sites are not given out twice.
 */
static void take_site(struct trans *x, const struct address *a, bool write, bool masked)
{
    uint32_t mixed = (uint32_t)((x->rip * 2 + write) * 0x9e3779b1u) % MIXED_BITS;
    struct backend *k = x->k;
    unsigned n = k->n_sites[write];

    x->page = !masked && is_stack(x, a) ? stack_site(x, write) : 0;
    if (x->page || masked || !x->b->path || !x->b->path->loops || n == TLB_SITES ||
        (k->mixed_sites[mixed / 64] >> mixed % 64 & 1) ||
        x->tlb != (int32_t)offsetof(struct x86_cpu, tlb.entry[TLB_USER])) {
        return;
    }
    k->n_sites[write]++;
    n += write ? TLB_SITES : 0;
    k->site_owner[n] = (struct site_owner){ x->b, mixed };
    x->t->cpu->tlb.site_left[n] = SITE_FILLS;
    x->t->cpu->tlb.site[n].tag = TLB_NO_TAG(0); /* one that is in the log stays there */
    x->page = (int32_t)(offsetof(struct x86_cpu, tlb.site) + n * sizeof(struct tlb_site));
}

void emit_probe(struct trans *x, const struct address *a, unsigned size, bool write, bool masked)
{
    struct emit *e = x->e;

    take_site(x, a, write, masked);
    if (x->page) {
        emit_insn(e, E_W, 0x2b, H_R13, tlb_field(x, write));
        emit_insn(e, E_W, 0x81, 7, rm_reg(H_R13));
        emit32(e, 4096 - size);
        return;
    }
    if (host_has(x->k, X86_BMI2)) {
        emit_vex_insn(e, &(const struct emit_vex){ .map = 3, .prefix = 3 }, 0xf0, H_R14,
                      rm_reg(H_R13)); /* rorx */
        emit8(e, 7);
    } else {
        emit_insn(e, 0, 0x89, H_R13, rm_reg(H_R14));
        emit_insn(e, 0, 0xc1, 5, rm_reg(H_R14));
        emit8(e, 7);
    }
    emit_insn(e, 0, 0x81, 4, rm_reg(H_R14));
    emit32(e, (TLB_SIZE - 1) << 5);
    emit_insn(e, E_W, 0x2b, H_R13, tlb_field(x, write));
    emit_insn(e, E_W, 0x81, 7, rm_reg(H_R13));
    emit32(e, 4096 - size);
}

/* Where the check of an access fails.  a: what was checked, which may begin before the access. */
static struct site *check_site(struct trans *x, uint8_t *retry, const struct access *acc,
                               const struct address *a, unsigned size, bool write,
                               enum site_kind kind)
{
    struct site *s = add_site(x, emit_jump(x->e, CC_A), kind);

    s->refill = !acc->masked;
    s->retry = retry;
    s->address = *a;
    s->span = (uint16_t)size;
    s->page = x->page;
    s->fill = x->page == stack_site(x, write) ? x->k->fill_stack[bank_of(x)][write]
                                              : x->k->fill_site[write];
    s->how = !write ? REFILL_READ : acc->write ? REFILL_WRITE : REFILL_WRITE_LATER;
    if (acc->aligned) {
        unsigned log2 = (unsigned)__builtin_ctz(acc->aligned / 16u);

        s->how |= (uint16_t)(REFILL_ALIGNED | log2 << REFILL_ALIGN_SHIFT |
                             (acc->address.disp - a->disp) << 8);
    }
    return s;
}

/* An address that is known, in one page. */
static bool is_constant(const struct address *a, unsigned size)
{
    return a->base == R_ZERO && a->index == R_ZERO && !a->seg &&
           ((uint64_t)a->disp & 4095) + size <= 4096;
}

/* The displacement just emitted is of a field of the slot; absolute addresses do not move. */
static void note_slot(struct trans *x, uint64_t linear)
{
    int64_t rel = (int64_t)(linear - x->start);

    if (rel == (int32_t)rel) {
        note_move(x, MOVE_TLB_SLOT, linear);
    }
}

/* The check of one, whose slot is known, too: the host address of its page to a register. */
static struct site *check_constant(struct trans *x, const struct access *acc,
                                   const struct address *a, unsigned size, bool write,
                                   enum site_kind kind, unsigned to)
{
    struct emit *e = x->e;
    uint64_t linear = a->addr32 ? (uint32_t)a->disp : (uint64_t)a->disp;
    size_t slot = (size_t)x->tlb + (linear >> 12 & (TLB_SIZE - 1)) * sizeof(struct tlb_entry);
    uint8_t *retry = e->p;
    struct site *s;

    x->page = 0;
    x->moving = x->moving && !a->addr32;
    emit_mov_linear(x, to, linear & ~4095ull);
    emit_insn(e, E_W, 0x39, to,
              rm_cpu(slot + (write ? offsetof(struct tlb_entry, write_tag)
                                   : offsetof(struct tlb_entry, read_tag))));
    note_slot(x, linear);
    s = check_site(x, retry, acc, a, size, write, kind);
    s->jump[-1] = 0x80 | CC_NZ;
    emit_insn(e, E_W, 0x03, to, rm_cpu(slot + offsetof(struct tlb_entry, addend)));
    note_slot(x, linear);
    return s;
}

/* Registers of the host hold what the address is made of, and nothing else is added. */
static bool is_plain(const struct trans *x, const struct address *a)
{
    return !a->seg && !a->addr32 && a->base != R_ZERO && host_of(x, a->base) >= 0 &&
           (a->index == R_ZERO || host_of(x, a->index) >= 0);
}

/* Behind the check of a plain address: the addend and the index to R13.  The address's own operand. */
static struct emit_rm plain_operand(struct trans *x, const struct address *a)
{
    emit_load(x->e, H_R13, tlb_addend(x));
    if (a->index != R_ZERO) {
        emit_lea(x->e, H_R13, rm_sib(H_R13, (unsigned)host_of(x, a->index), a->scale, 0));
    }
    return rm_sib((unsigned)host_of(x, a->base), H_R13, 0, (int32_t)a->disp);
}

void decline_bits(struct trans *x, unsigned reg, unsigned size)
{
    emit_insn(x->e, E_REX, 0xf6, 0, rm_reg(reg)); /* test */
    emit8(x->e, size - 1);
    mem_decline(x, emit_jump(x->e, CC_NZ));
}

/*
 * A load for which a copy is worth more code: by the interpreter it would cost the vectors a way through memory.
 */
static bool may_cross(const struct trans *x, const struct access *acc, enum site_kind kind)
{
    return kind == SITE_RESUME && !acc->write && !x->page && !acc->aligned && !acc->masked &&
           acc->size > 1 && (acc->size >= 16 || (x->variant & VARIANT_SINGLE));
}

/* An access on its own. */
static struct emit_rm check_single(struct trans *x, const struct access *acc, enum site_kind kind,
                                   struct site **site)
{
    const struct address *a = &acc->address;
    struct emit *e = x->e;
    bool plain = is_plain(x, a);
    uint8_t *retry;

    emit_segment_check(x, a, acc->size, acc->write);
    retry = e->p;
    if (is_constant(a, acc->size)) {
        *site = check_constant(x, acc, a, acc->size, acc->write, kind, H_R13);
        return rm_mem(H_R13, (int32_t)(a->disp & 4095));
    }
    emit_linear(x, a);
    if (!plain && x->active < 0) {
        emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_R15));
    }
    emit_probe(x, a, acc->size, acc->write, acc->masked);
    *site = check_site(x, retry, acc, a, acc->size, acc->write, kind);
    if (may_cross(x, acc, kind)) {
        (*site)->checked = e->p;
        (*site)->in_r15 = !plain && x->active < 0;
    }
    if (plain) {
        if (acc->aligned) { /* the tag has none of these bits */
            decline_bits(x, H_R13, acc->aligned);
            x->known_aligned = true;
        }
        return plain_operand(x, a);
    }
    if (x->active < 0) {
        emit_insn(e, E_W, 0x03, H_R15, tlb_addend(x));
        return rm_mem(H_R15, 0);
    }
    emit_host_address(x, a, acc->write);
    return rm_mem(H_R13, 0);
}

/*
 * Where the check of a group fails, as a rule because it crosses a page, code that checks each access
 * goes on.  Not while x87 pointers wait for being stored: the interpreter knows them.
 */
static void single_instead(struct trans *x, struct site *s)
{
    uint64_t linear = linear_of(x, x->rip);

    if (x->x87.pending || x->n_singles == MAX_SINGLES ||
        ((linear ^ linear_of(x, x->start)) >> 12)) {
        return;
    }
    x->n_singles++;
    s->kind = SITE_SINGLE;
    s->link = (uint8_t)x->n_links++;
    x->links[s->link] =
        (struct code_link){ .target = key_of(x, x->rip), .variant = VARIANT_SINGLE };
}

void emit_keep(struct trans *x, unsigned reg, const struct group *g)
{
    emit_store(x->e, reg, rm_cpu(CPU_WINDOW(g->window)));
    if (g->host >= 0) {
        emit_insn(x->e, E_W, 0x89, reg, rm_reg((unsigned)g->host));
    }
}

unsigned kept_address(struct trans *x, const struct group *g)
{
    if (g->host >= 0) {
        return (unsigned)g->host;
    }
    emit_load(x->e, H_R13, rm_cpu(CPU_WINDOW(g->window)));
    return H_R13;
}

/* The same where its addresses are known: the group begins with its page. */
static struct emit_rm check_constant_group(struct trans *x, const struct access *acc,
                                           struct address a, struct group *g)
{
    unsigned span = (unsigned)(g->high - g->low), to = g->in_register ? H_R15 : H_R13;

    single_instead(x, check_constant(x, acc, &a, span, g->write, SITE_REST, to));
    g->low -= a.disp & 4095;
    if (g->in_register) {
        x->active_aligned = 4096;
    } else {
        emit_keep(x, to, g);
    }
    return rm_mem(to, 0);
}

/*
 * The first access of a group: the host address of its lowest byte to R15, or to its window where
 * R15 serves another group.  The operand of that byte.
 */
static struct emit_rm check_group(struct trans *x, const struct access *acc, struct group *g)
{
    struct address a = acc->address;
    unsigned span = (unsigned)(g->high - g->low);
    struct emit *e = x->e;
    uint8_t *retry;

    a.disp += g->low - acc->offset;
    if (is_constant(&a, span)) {
        return check_constant_group(x, acc, a, g);
    }
    emit_segment_check(x, &a, span, g->write);
    retry = e->p;
    emit_linear(x, &a);
    if (g->in_register) {
        emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_R15));
    }
    emit_probe(x, &a, span, g->write, acc->masked);
    single_instead(x, check_site(x, retry, acc, &a, span, g->write, SITE_REST));
    if (g->in_register) {
        emit_insn(e, E_W, 0x03, H_R15, tlb_addend(x));
        return rm_mem(H_R15, 0);
    }
    if (is_plain(x, &a)) { /* the access need not wait for the sum */
        struct emit_rm operand = plain_operand(x, &a);

        emit_lea(e, H_R14, operand);
        emit_keep(x, H_R14, g);
        return operand;
    }
    emit_host_address(x, &a, g->write);
    emit_keep(x, H_R13, g);
    return rm_mem(H_R13, 0);
}

void check_span(struct trans *x, const struct access *acc, const struct group *g)
{
    unsigned span = (unsigned)(g->high - g->low);
    uint8_t *retry = x->e->p;

    emit_linear(x, &acc->address);
    emit_probe(x, &acc->address, span, g->write, true); /* no site: it is made once in many turns */
    single_instead(x, check_site(x, retry, acc, &acc->address, span, g->write, SITE_REST));
}

void single_at(struct trans *x, uint8_t *jump)
{
    single_instead(x, add_site(x, jump, SITE_REST));
}

void emit_host_address(struct trans *x, const struct address *a, bool write)
{
    if (a->index == R_ZERO || host_of(x, a->index) >= 0) {
        emit_linear(x, a); /* again: sooner there than the tag, and R14 stays */
    } else {
        emit_insn(x->e, E_W, 0x03, H_R13, tlb_field(x, write));
    }
    emit_insn(x->e, E_W, 0x03, H_R13, tlb_addend(x));
}

void check_hoisted(struct trans *x, const struct access *a, struct group *g)
{
    flags_for_check(x);
    check_group(x, a, g);
    g->checked = true;
    if (g->in_register) {
        x->active = a->group;
    }
}

void check_early(struct trans *x, unsigned n)
{
    for (unsigned k = 0; k < x->n_accesses && x->n_early; k++) {
        struct access a = x->accesses[k];
        struct group *g = a.group < 0 ? NULL : &x->groups[a.group];

        if (!g || !g->early || g->first != n || g->checked) {
            continue;
        }
        x->n_early--;
        a.address.disp = g->early_disp;
        a.write = false; /* not yet: the page is not to be marked as written */
        flags_for_check(x);
        x->active_aligned = g->in_register ? 0 : x->active_aligned;
        check_group(x, &a, g);
        g->checked = true;
        if (g->in_register) {
            x->active = a.group;
        }
    }
}

static struct emit_rm checked(struct trans *x, const struct access *acc, enum site_kind kind)
{
    struct group *g = acc->group >= 0 ? &x->groups[acc->group] : NULL;
    struct site *site = NULL;
    struct emit_rm rm;

    if (x->active >= 0 && x->groups[x->active].last < acc->insn) {
        x->active = -1;
    }
    if (g && g->moves && g->checked) {
        x->known_aligned = acc->aligned <= g->aligned;
        return moved_operand(x, acc);
    }
    if (g && g->window >= 0) {
        if (g->checked) {
            rm = rm_mem(kept_address(x, g), 0);
        } else {
            flags_for_check(x);
            rm = check_group(x, acc, g);
            g->checked = true;
        }
        rm.disp += (int32_t)(acc->offset - g->low);
        return rm;
    }
    if (!g || !g->in_register) {
        flags_for_check(x);
        rm = check_single(x, acc, kind, &site);
        x->open[0] = kind == SITE_RESUME ? site : NULL;
        return rm;
    }
    if (x->active != acc->group) {
        flags_for_check(x);
        x->active_aligned = 0;
        check_group(x, acc, g);
        x->active = acc->group;
    }
    return rm_mem(H_R15, (int32_t)(acc->offset - g->low));
}

static const struct access *find_access(struct trans *x, unsigned n, bool implicit)
{
    for (unsigned k = 0; k < x->n_accesses; k++) {
        if (x->accesses[k].insn == n && x->accesses[k].implicit == implicit) {
            return &x->accesses[k];
        }
    }
    return NULL;
}

static struct emit_rm operand_begin(struct trans *x, unsigned n, const struct insn_operand *op,
                                    bool write, enum site_kind kind)
{
    const struct insn *i = &x->b->insn[n];
    const struct access *known = find_access(x, n, false);
    struct access a = { .insn = (uint8_t)n, .write = write, .size = op->size, .group = -1 };

    if (known && known->write == write && known->size == op->size) {
        a = *known;
    } else {
        a.address = operand_address(x, i);
    }
    a.masked = vex_masked(i);
    a.aligned = (uint8_t)vector_alignment(i, op->size);
    x->known_aligned = false;
    return checked(x, &a, kind);
}

struct emit_rm mem_begin(struct trans *x, unsigned n, const struct insn_operand *op, bool write)
{
    return operand_begin(x, n, op, write, x->slot_used ? SITE_REST : SITE_RESUME);
}

struct emit_rm mem_begin_last(struct trans *x, unsigned n, const struct insn_operand *op)
{
    return operand_begin(x, n, op, false, SITE_REST);
}

struct emit_rm stack_begin(struct trans *x, unsigned n, unsigned base, int32_t disp, bool write,
                           enum site_kind kind)
{
    const struct access *known = find_access(x, n, true);
    struct access alone = {
        .insn = (uint8_t)n, .write = write, .size = x->b->insn[n].opsize, .group = -1
    };

    if (known) {
        return checked(x, known, kind);
    }
    alone.address = stack_address(x, base, disp);
    return checked(x, &alone, kind);
}

void mem_decline(struct trans *x, uint8_t *jump)
{
    x->open[1] = add_site(x, jump, SITE_RESUME);
}

void mem_end(struct trans *x)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(x->open); k++) {
        if (x->open[k]) {
            x->open[k]->back = x->e->p;
        }
        x->open[k] = NULL;
    }
}

void emit_add_rsp(struct trans *x, int32_t v)
{
    emit_insn(x->e, size_form(x->stack), 0x8d, H_R12, rm_mem(H_R12, v));
}

/* Out of line ------------------------------------------------------------------------------------ */

/* R13 is an address: the jump if so many bytes there reach into the next page (CC_A), or do not (CC_BE).  Uses R14. */
static uint8_t *emit_crossing(struct emit *e, unsigned span, int cc)
{
    emit_insn(e, 0, 0x89, H_R13, rm_reg(H_R14));
    emit_insn(e, 0, 0x81, 4, rm_reg(H_R14));
    emit32(e, 4095);
    emit_insn(e, 0, 0x81, 7, rm_reg(H_R14));
    emit32(e, 4096 - span);
    return emit_jump(e, cc);
}

/* Back into the code, if condition cc holds (negative: always). */
static void emit_back(struct trans *x, const struct site *s, int cc, const uint8_t *to)
{
    uint8_t *over = NULL;

    if (s->swapped) {
        over = cc >= 0 ? emit_jump(x->e, cc ^ 1) : NULL;
        emit_enter_mapping(x);
        set_swapped(x, false);
        cc = -1;
    }
    patch_jump(emit_jump(x->e, cc), to);
    if (over) {
        patch_jump(over, x->e->p);
    }
}

/* R13 is what a load is from: where it crosses into another page, it is from a copy.  Else goes on. */
static void emit_cross_read(struct trans *x, const struct site *s)
{
    struct emit *e = x->e;
    uint8_t *within, *fails;

    within = emit_crossing(e, s->span, CC_BE);
    emit_mov_imm(e, H_R14, s->span);
    emit_call(e, x->k->cross);
    fails = emit_jump(e, CC_Z);
    emit_linear(x, &s->address);
    if (s->in_r15) {
        emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_R15));
    }
    emit_mov_imm(e, H_R14, (uint64_t)((int64_t)offsetof(struct x86_cpu, tlb.cross) - x->tlb));
    emit_back(x, s, -1, s->checked);
    patch_jump(fails, e->p);
    emit_linear(x, &s->address);
    patch_jump(within, e->p);
}

static void emit_site(struct trans *x, const struct site *s)
{
    uint8_t *crosses = NULL;

    patch_jump(s->jump, x->e->p);
    set_swapped(x, s->swapped);
    emit_leave_mapping(x);
    if (s->refill) {
        emit_linear(x, &s->address);
        if (s->checked) {
            emit_cross_read(x, s);
        }
        if (s->kind == SITE_SINGLE || s->page) {
            crosses = emit_crossing(x->e, s->span, CC_A);
        }
        if (s->page) {
            emit_mov_imm(x->e, H_R14, (uint32_t)(x->e->cpu + s->page));
            emit_call(x->e, s->fill);
            emit_back(x, s, CC_Z, s->retry);
        }
        emit_mov_imm(x->e, H_R14, s->span | (uint64_t)s->how << 16);
        emit_call(x->e, x->k->refill[s->vectors]);
        emit_back(x, s, CC_NZ, s->retry);
    }
    if (crosses) {
        patch_jump(crosses, x->e->p);
    }
    if (s->save) {
        emit_recompute(x, &s->desc);
        emit_save_flags(x->e);
    }
    if (s->kind == SITE_SINGLE) {
        struct code_link *link = &x->links[s->link];

        link->field = emit_jump(x->e, -1);
        link->stub = x->e->p;
        patch_jump(link->field, link->stub);
        emit_link_stub(x, link);
        return;
    }
    if (s->kind != SITE_PLAIN) {
        emit_mov_imm(x->e, H_R14, (uintptr_t)s->insn);
        emit_mov_linear(x, H_R13, s->rip);
    }
    switch (s->kind) {
    case SITE_RESUME:
        emit_call(x->e, x->k->interpret[s->vectors]);
        emit_back(x, s, -1, s->back);
        break;
    case SITE_CALL:
    case SITE_PLAIN:
        emit_call(x->e, s->thunk);
        emit_back(x, s, -1, s->back);
        break;
    case SITE_REST:
        emit_mov_imm(x->e, H_R15, (uintptr_t)x->b);
        patch_jump(emit_jump(x->e, -1), x->k->interpret_rest);
        break;
    case SITE_LAST:
        patch_jump(emit_jump(x->e, -1), x->k->system);
        break;
    }
}

void emit_sites(struct trans *x)
{
    for (unsigned n = 0; n < x->n_sites; n++) {
        emit_site(x, &x->sites[n]);
    }
}
