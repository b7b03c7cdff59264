/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/flags.c: where arithmetic flags are live, and moving them between the host's
 * EFLAGS and memory.
 *
 * A check of memory destroys the host's EFLAGS.  They are seldom read after that, but a fault would
 * show them: so the way out makes them again, by the instruction that made them (desc), and only where
 * that cannot be are they saved beforehand.
 * Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"
#include "target/i386/avx.h"
#include "target/i386/exec_int.h"
#include "target/i386/vec_rows.h"
#include "target/i386/x87_exec.h"

#define PEEK_INSNS 8

/* Liveness -------------------------------------------------------------------------------------- */

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

/* MOVSXD shares its row with ARPL, which 64-bit code has not. */
uint32_t flags_touched(const struct insn *i)
{
    return i->row->exec == x_movsxd ? 0 : (i->row->writes | i->row->undefined) & FLAGS_ARITH;
}

/* A branch that is taken or not, and does not fault where translated code does it. */
static bool is_conditional(const struct insn *i)
{
    x86_exec_fn *fn = i->row->exec;

    return fn == x_jcc || fn == x_loop || fn == x_jcxz;
}

/* A fault shows EFLAGS to its handler, so what may fault reads them: so does all that is interpreted. */
static bool may_fault(const struct x86_cpu *cpu, const struct insn *i)
{
    const struct emit_row *row = emit_row_find(cpu, i);

    if (!row) {
        return !is_conditional(i) && i->row->exec != x_jmp;
    }
    switch (row->kind) {
    case EMIT_LEA:
    case EMIT_NOTHING:
        return false;
    case EMIT_PUSH:
    case EMIT_POP:
    case EMIT_LEAVE:
    case EMIT_DIV:
        return true;
    default:
        return i->op[0].kind == OPND_MEM || i->op[1].kind == OPND_MEM;
    }
}

struct flag_use {
    uint32_t shows, kills;
};

/* What an instruction reads of the flags or shows at a fault, and which it surely overwrites. */
static struct flag_use flag_use(const struct x86_cpu *cpu, const struct insn *i)
{
    const struct insn_row *row = i->row;
    struct flag_use u = { .shows = row->reads & FLAGS_ARITH, .kills = flags_touched(i) };

    if (may_fault(cpu, i)) {
        u.shows = FLAGS_ARITH;
    }
    if (((row->flags & ROW_ENDS) && !(row->flags & ROW_F64)) || count_may_be_zero(cpu, i) ||
        ((row->flags & ROW_REP) && i->prefixes)) {
        u.kills = 0;
    }
    return u;
}

uint32_t live_at(struct trans *x, uint64_t target)
{
    const uint8_t *page = (const uint8_t *)((uintptr_t)x->b->host & ~(uintptr_t)4095);
    uint64_t linear = linear_of(x, target);
    unsigned pos = (unsigned)(linear & 4095), first = pos;
    uint32_t live = 0, open = FLAGS_ARITH;

    if ((linear ^ linear_of(x, x->start)) >> 12) {
        return FLAGS_ARITH;
    }
    for (unsigned n = 0; n < PEEK_INSNS && open; n++) {
        struct insn i;
        struct flag_use u;

        if (insn_decode(x->t->cpu, page + pos, MIN(15, 4096 - pos), &i) != DECODE_OK) {
            break;
        }
        if (block_loose_bytes(x->t, &i, page + pos)) {
            break; /* so that this block stays when the immediate changes */
        }
        u = flag_use(x->t->cpu, &i);
        live |= open & u.shows;
        open &= ~u.shows & ~u.kills;
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

    if (is_conditional(i)) {
        return live_at(x, end) | live_at(x, branch_target(x, end, i));
    }
    if (fn == x_jmp || fn == x_call) {
        return live_at(x, branch_target(x, end, i));
    }
    return i->row->flags & ROW_ENDS ? FLAGS_ARITH : live_at(x, end);
}

void find_live_flags(struct trans *x)
{
    unsigned last = x->b->n - 1u;
    uint32_t live = live_at_end(x, rip_of(x, last) + x->b->insn[last].len);

    x->live[x->b->n] = live;
    for (unsigned n = x->b->n; n-- > 0;) {
        const struct insn *i = &x->b->insn[n];
        struct flag_use u = flag_use(x->t->cpu, i);

        if (i->row->exec == x_jcc && n < last) { /* a trace's: it may be left here */
            uint64_t next = rip_of(x, n) + i->len;

            live |= live_at(x, next) | live_at(x, branch_target(x, next, i));
        }
        live = (live & ~u.kills) | u.shows;
        x->live[n] = live;
    }
}

/* What made the flags ---------------------------------------------------------------------------- */

static struct emit_rm desc_rm(const struct trans *x, unsigned source, unsigned reg)
{
    if (source == SOURCE_CARRY) {
        return rm_cpu(offsetof(struct x86_cpu, flag_carry));
    }
    if (source == SOURCE_SLOT) {
        return rm_cpu(offsetof(struct x86_cpu, flag_operand));
    }
    return register_operand(x, reg);
}

/* op r14 or `a`, b: the opcodes of "r/m, r", and the group's number for immediates. */
static void desc_operation(struct trans *x, const struct flag_desc *d, unsigned a, unsigned opcode,
                           unsigned number)
{
    unsigned form = d->size == 8 ? E_W : d->size == 2 ? E_66 : d->size == 1 ? E_REX : 0;
    struct emit *e = x->e;
    bool test = d->kind == DESC_TEST;

    if (d->b_source == SOURCE_IMM) {
        emit_insn(e, form, (test ? 0xf6u : 0x80u) | (d->size > 1), number, rm_reg(a));
        emit_bytes(e, &d->imm, MIN(d->size, 4));
    } else {
        struct emit_rm b = desc_rm(x, d->b_source, d->b);

        /* "r, r/m" is two further on, but for TEST, which is the same both ways. */
        emit_insn(e, form, (test ? opcode : opcode + 2) | (d->size > 1), a, b);
    }
}

/* cpu->flag_carry to CF; no other flag is kept. */
static void emit_load_carry(struct emit *e)
{
    emit_insn(e, MAP_0F, 0xb6, H_R14, rm_cpu(offsetof(struct x86_cpu, flag_carry)));
    emit_insn(e, MAP_0F, 0xba, 4, rm_reg(H_R14)); /* bt r14d, 0 */
    emit8(e, 0);
}

/* The value before it, and once more. */
static void recompute_step(struct trans *x, const struct flag_desc *d, unsigned form)
{
    struct emit_rm rm = desc_rm(x, d->a_source, d->a);
    struct emit *e = x->e;

    emit_load_carry(e);
    if (rm.memory) {
        emit_load(e, H_R14, rm);
        rm = rm_reg(H_R14);
    }
    emit_lea(e, H_R14, rm_mem(rm.reg, d->kind == DESC_INC ? -1 : 1));
    emit_insn(e, form, 0xfeu | (d->size > 1), d->kind == DESC_DEC, rm_reg(H_R14));
}

void emit_recompute(struct trans *x, const struct flag_desc *d)
{
    struct emit_rm rm = desc_rm(x, d->a_source, d->a);
    unsigned form = d->size == 8 ? E_W : d->size == 2 ? E_66 : d->size == 1 ? E_REX : 0;
    struct emit *e = x->e;
    unsigned a = rm.reg;

    if (d->kind == DESC_INC || d->kind == DESC_DEC) {
        recompute_step(x, d, form);
        return;
    }
    if (rm.memory || d->kind == DESC_ADD || d->kind == DESC_SUB || d->kind == DESC_NEG) {
        emit_load(e, H_R14, rm);
        a = H_R14;
    }
    switch (d->kind) {
    case DESC_CMP:
        desc_operation(x, d, a, 0x38, 7);
        break;
    case DESC_TEST:
        desc_operation(x, d, a, 0x84, 0);
        break;
    case DESC_ADD:
        desc_operation(x, d, a, 0x28, 5);
        desc_operation(x, d, a, 0x00, 0);
        break;
    case DESC_SUB:
        desc_operation(x, d, a, 0x00, 0);
        desc_operation(x, d, a, 0x28, 5);
        break;
    case DESC_NEG:
        emit_insn(e, form, 0xf6u | (d->size > 1), 3, rm_reg(a));
        emit_insn(e, form, 0xf6u | (d->size > 1), 3, rm_reg(a));
        break;
    case DESC_SHL:
    case DESC_SHR:
    case DESC_SAR:
        emit_insn(e, form, 0xc0u | (d->size > 1),
                  d->kind == DESC_SHL   ? 4
                  : d->kind == DESC_SHR ? 5
                                        : 7,
                  rm_reg(a));
        emit8(e, (unsigned)d->imm);
        break;
    default:
        break;
    }
}

uint64_t desc_pack(const struct flag_desc *d)
{
    if (d->kind == DESC_NONE) {
        return 0;
    }
    return d->kind | (uint64_t)d->size << 4 | (uint64_t)d->a_source << 8 | (uint64_t)d->a << 12 |
           (uint64_t)d->b_source << 18 | (uint64_t)d->b << 20 | (uint64_t)(uint32_t)d->imm << 32;
}

struct flag_desc desc_unpack(uint64_t v)
{
    return (struct flag_desc){ .kind = v & 15,
                               .size = v >> 4 & 15,
                               .a_source = v >> 8 & 15,
                               .a = v >> 12 & 63,
                               .b_source = v >> 18 & 3,
                               .b = v >> 20 & 63,
                               .imm = (int32_t)(uint32_t)(v >> 32) };
}

/* Operand n as a part of a description; false: it has no place to stay. */
static bool describe_operand(const struct trans *x, const struct insn *i, unsigned n,
                             uint8_t *source, uint8_t *reg, int32_t *imm)
{
    const struct insn_operand *op = &i->op[n];

    switch (op->kind) {
    case OPND_REG:
        *source = SOURCE_REG;
        *reg = op->reg;
        return true;
    case OPND_IMM:
        *source = SOURCE_IMM;
        *imm = (int32_t)i->imm;
        return true;
    case OPND_MEM:
        *source = SOURCE_SLOT;
        return x->slot_used;
    default:
        return false;
    }
}

static uint8_t desc_of(const struct insn *i)
{
    static const struct {
        x86_exec_fn *exec;
        uint8_t kind;
    } rows[] = {
        { x_cmp, DESC_CMP },  { x_test, DESC_TEST }, { x_add, DESC_ADD },  { x_sub, DESC_SUB },
        { x_and, DESC_TEST }, { x_or, DESC_TEST },   { x_xor, DESC_TEST }, { x_neg, DESC_NEG },
        { x_shl, DESC_SHL },  { x_shr, DESC_SHR },   { x_sar, DESC_SAR },  { x_inc, DESC_INC },
        { x_dec, DESC_DEC },
    };

    for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++) {
        if (rows[k].exec == i->row->exec) {
            return rows[k].kind;
        }
    }
    return DESC_NONE;
}

bool flags_described(const struct insn *i)
{
    return desc_of(i) != DESC_NONE && !(i->prefixes & PREFIX_LOCK);
}

static bool is_shift(unsigned kind)
{
    return kind >= DESC_SHL && kind <= DESC_SAR;
}

/* INC and DEC: the flag that they leave alone is kept apart. */
static bool is_step(unsigned kind)
{
    return kind == DESC_INC || kind == DESC_DEC;
}

/* By a count that leaves a bit of the operand. */
static bool shifts_by_known(const struct insn *i)
{
    unsigned count = (unsigned)i->imm & (i->size == 8 ? 63 : 31);

    return i->op[0].kind == OPND_REG && i->op[1].kind == OPND_IMM && count > 0 &&
           count < i->size * 8u;
}

static bool same_register(const struct insn *i)
{
    return i->op[0].kind == OPND_REG && i->op[1].kind == OPND_REG && i->op[0].reg == i->op[1].reg;
}

enum slot_use desc_slot(const struct insn *i)
{
    uint8_t kind = desc_of(i);
    bool result_only = kind == DESC_TEST && i->row->exec != x_test;

    if (kind == DESC_NONE || (i->prefixes & PREFIX_LOCK) || i->op[0].kind == OPND_REG8H ||
        i->op[1].kind == OPND_REG8H) {
        return SLOT_NONE;
    }
    if (is_shift(kind)) {
        return shifts_by_known(i) ? SLOT_OLD : SLOT_NONE;
    }
    if (kind == DESC_ADD && same_register(i)) {
        return SLOT_OLD;
    }
    if (i->op[0].kind == OPND_MEM) {
        return i->row->exec == x_cmp || i->row->exec == x_test ? SLOT_OPERAND : SLOT_RESULT;
    }
    return i->op[1].kind == OPND_MEM && !result_only ? SLOT_OPERAND : SLOT_NONE;
}

static struct flag_desc describe(const struct trans *x, const struct insn *i)
{
    const struct flag_desc unknown = { 0 };
    struct flag_desc d = { .kind = desc_of(i), .size = i->op[0].size };
    enum slot_use slot = desc_slot(i);
    int32_t unused;

    if (i->row->exec == x_sbb && same_register(i)) { /* 0 or -1, as NEG would leave it */
        return (struct flag_desc){ .kind = DESC_NEG, .size = d.size, .a = i->op[0].reg };
    }
    if (d.kind == DESC_NONE || (slot != SLOT_NONE && !x->slot_used) ||
        (i->prefixes & PREFIX_LOCK) || !describe_operand(x, i, 0, &d.a_source, &d.a, &unused)) {
        return unknown;
    }
    if (is_step(d.kind)) {
        d.b_source = SOURCE_CARRY;
        return d;
    }
    if (is_shift(d.kind)) {
        d.a_source = SOURCE_SLOT;
        d.b_source = SOURCE_IMM;
        d.imm = (int32_t)i->imm & (i->size == 8 ? 63 : 31);
        return slot == SLOT_OLD ? d : unknown;
    }
    if (d.kind == DESC_NEG) {
        return d;
    }
    if (d.kind == DESC_TEST && i->row->exec != x_test) { /* by the result */
        d.b_source = d.a_source;
        d.b = d.a;
        return d;
    }
    if (!describe_operand(x, i, 1, &d.b_source, &d.b, &d.imm)) {
        return unknown;
    }
    if (slot == SLOT_OLD) {
        d.b_source = SOURCE_SLOT;
    } else if (d.kind == DESC_SUB && same_register(i)) {
        return unknown;
    }
    return d;
}

bool desc_uses(const struct flag_desc *d, uint32_t registers)
{
    return d->kind != DESC_NONE && ((d->a_source == SOURCE_REG && (registers >> d->a & 1)) ||
                                    (d->b_source == SOURCE_REG && (registers >> d->b & 1)));
}

/* What has no row in emit_rows.c. */
static uint32_t written_by_others(const struct insn *i)
{
    uint32_t w = 0;

    x86_exec_fn *fn = i->row->exec;

    if (fn == x_jcc || fn == x_jmp || fn == x_jmp_ind) {
        return 0;
    }
    if (fn == x_call || fn == x_call_ind || fn == x_ret || fn == x_ret_imm) {
        return 1u << R_RSP;
    }
    if (system_writes(i, &w)) {
        return w;
    }
    if (i->row->flags & ROW_X87) {
        return i->row->exec == x_fnstsw_ax ? 1u << R_RAX : 0;
    }
    if (!(i->row->flags & (ROW_SSE | ROW_MMX)) && i->map != MAP_VEX &&
        (i->map != MAP_0F38 || (i->row->flags & ROW_CPL0))) {
        return UINT32_MAX;
    }
    for (unsigned n = 0; n < (i->row->exec == x_mulx ? 2 : 1); n++) {
        w |= i->op[n].kind == OPND_REG || i->op[n].kind == OPND_REG8H ? 1u << i->op[n].reg : 0;
    }
    if (fn == x_pcmpestri || fn == x_pcmpistri || fn == x_avx_pcmpestri || fn == x_avx_pcmpistri) {
        w |= 1u << R_RCX;
    }
    return w;
}

uint32_t registers_written(const struct x86_cpu *cpu, const struct insn *i)
{
    const struct emit_row *row = emit_row_find(cpu, i);
    uint32_t w = 0;

    if (!row) {
        return written_by_others(i);
    }
    for (unsigned n = 0; n < 2; n++) {
        const struct insn_operand *op = &i->op[n];
        bool writes = n == 0 ? row->flags & EMIT_WRITES_0 : row->flags & EMIT_WRITES_1;

        if (writes && (op->kind == OPND_REG || op->kind == OPND_REG8H)) {
            w |= 1u << op->reg;
        }
    }
    switch (row->kind) {
    case EMIT_PUSH:
    case EMIT_POP:
        return w | 1u << R_RSP;
    case EMIT_LEAVE:
        return 1u << R_RSP | 1u << R_RBP;
    case EMIT_FIXED:
    case EMIT_DIV:
        return 1u << R_RAX | 1u << R_RDX;
    case EMIT_ALU:
        if (i->row->exec == x_mul || i->row->exec == x_imul1) {
            return 1u << R_RAX | 1u << R_RDX;
        }
        return i->row->exec == x_cmpxchg ? w | 1u << R_RAX : w;
    case EMIT_MOV: /* moffs */
        return i->op[0].kind == OPND_MEM ? 0
                                         : w | (i->op[0].kind == OPND_REG ? 1u << i->op[0].reg : 0);
    default:
        return w;
    }
}

/* Moving ----------------------------------------------------------------------------------------- */

static void store_part(struct trans *x, unsigned source, unsigned reg, int32_t imm, size_t offset)
{
    struct emit *e = x->e;
    struct emit_rm rm;

    if (source == SOURCE_IMM) {
        emit_insn(e, E_W, 0xc7, 0, rm_cpu(offset));
        emit32(e, (uint32_t)imm);
        return;
    }
    rm = desc_rm(x, source, reg);
    if (rm.memory) {
        emit_insn(e, source == SOURCE_CARRY ? MAP_0F : E_W, source == SOURCE_CARRY ? 0xb6 : 0x8b,
                  H_R14, rm);
        rm = rm_reg(H_R14);
    }
    emit_store(e, rm.reg, rm_cpu(offset));
}

/* What made the flags, for C code to make them from: no flag of the host changes; uses R14. */
static void store_desc(struct trans *x)
{
    static const uint8_t kinds[] = {
        [DESC_CMP] = CC_CMP, [DESC_TEST] = CC_TEST, [DESC_ADD] = CC_ADD, [DESC_SUB] = CC_SUB,
        [DESC_NEG] = CC_NEG, [DESC_SHL] = CC_SHL,   [DESC_SHR] = CC_SHR, [DESC_SAR] = CC_SAR,
        [DESC_INC] = CC_INC, [DESC_DEC] = CC_DEC,
    };
    const struct flag_desc *d = &x->desc;

    store_part(x, d->a_source, d->a, d->imm, offsetof(struct x86_cpu, cc_dst));
    if (d->kind != DESC_NEG) {
        store_part(x, d->b_source, d->b, d->imm, offsetof(struct x86_cpu, cc_src));
    }
    emit_insn(x->e, 0, 0xc7, 0, rm_cpu(offsetof(struct x86_cpu, cc_op)));
    emit32(x->e, (uint32_t)kinds[d->kind] << 2 | size_log2(d->size));
}

void flags_to_memory(struct trans *x)
{
    if (x->memory_flags) {
        return;
    }
    x->memory_flags = true;
    x->memory_exact = x->desc.kind == DESC_NONE;
    if (x->memory_exact) {
        need_host_flags(x);
        emit_save_flags(x->e);
    } else {
        store_desc(x);
    }
}

void need_exact_memory(struct trans *x)
{
    struct site *s;

    if (x->memory_exact) {
        return;
    }
    emit_insn(x->e, 0, 0x81, 7, rm_cpu(offsetof(struct x86_cpu, cc_op)));
    emit32(x->e, (CC_FLAGS << 2) + 3);
    s = add_site(x, emit_jump(x->e, CC_A), SITE_PLAIN);
    s->thunk = x->k->normalise;
    s->back = x->e->p;
    x->memory_exact = true;
}

void need_host_flags(struct trans *x)
{
    if (x->host_flags) {
        return;
    }
    if (x->desc.kind != DESC_NONE) {
        emit_recompute(x, &x->desc);
    } else {
        need_exact_memory(x);
        emit_restore_flags(x->e);
    }
    x->host_flags = true;
}

void flags_for_check(struct trans *x)
{
    if (!x->memory_flags && x->desc.kind == DESC_NONE) {
        flags_to_memory(x);
    }
    x->host_flags = false;
}

void desc_before(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    struct flag_use u;

    x->desc_fresh = x->slot_used = false;
    if (is_step(x->desc.kind) && is_step(desc_of(i)) && i->op[0].kind == OPND_REG &&
        x->desc.a_source == SOURCE_REG) {
        return; /* CF stays where it is kept */
    }
    if (x->desc.kind == DESC_NONE || x->memory_flags ||
        !(desc_uses(&x->desc, registers_written(x->t->cpu, i)) ||
          (desc_slot(i) != SLOT_NONE &&
           (x->desc.a_source == SOURCE_SLOT || x->desc.b_source == SOURCE_SLOT)))) {
        return;
    }
    u = flag_use(x->t->cpu, i);
    if (x->live[n + 1] & ~u.kills) {
        flags_to_memory(x);
    }
}

void desc_after(struct trans *x, unsigned n)
{
    if (!x->desc_fresh && (flags_touched(&x->b->insn[n]) ||
                           desc_uses(&x->desc, registers_written(x->t->cpu, &x->b->insn[n])))) {
        x->desc.kind = DESC_NONE;
    }
}

/* Some of the flags, from memory; uses R14. */
static void load_flags(struct trans *x, uint32_t which)
{
    static const uint8_t sahf = 0x9e;
    struct emit *e = x->e;

    need_exact_memory(x);
    if (which == FLAG_CF) { /* movzx r14d, byte [cc_src]; bt r14d, 0 */
        emit_insn(e, MAP_0F, 0xb6, H_R14, rm_cpu(CPU_FLAGS_LOW));
        emit_insn(e, MAP_0F, 0xba, 4, rm_reg(H_R14));
        emit8(e, 0);
    } else if (!(which & FLAG_OF)) {
        emit_insn(e, E_W, 0x89, H_RAX, rm_reg(H_R14));
        emit_insn(e, 0, 0x8a, 4 /* ah */, rm_cpu(CPU_FLAGS_LOW));
        emit_bytes(e, &sahf, 1);
        emit_insn(e, E_W, 0x89, H_R14, rm_reg(H_RAX));
    } else {
        emit_restore_flags(e);
        x->host_flags = true;
    }
}

/* Before INC and DEC where CF is live: it is in the host's, and kept. */
static void step_before(struct trans *x)
{
    if (is_step(x->desc.kind)) {
        if (!x->host_flags) {
            emit_load_carry(x->e);
        }
        return;
    }
    if (!x->host_flags) {
        if (x->desc.kind != DESC_NONE) {
            need_host_flags(x);
        } else {
            load_flags(x, FLAG_CF);
        }
    }
    emit_insn(x->e, MAP_0F, 0x92, 0, rm_cpu(offsetof(struct x86_cpu, flag_carry))); /* setc */
}

/* Brings the flags where an instruction that is emitted as it stands wants them. */
void flags_before(struct trans *x, const struct insn *i, unsigned n)
{
    struct flag_use u = flag_use(x->t->cpu, i);
    uint32_t which = i->row->reads & FLAGS_ARITH;

    if (flags_touched(i)) {
        which |= x->live[n + 1] & ~u.kills;
    }
    if (!which) {
        return;
    }
    if (is_step(desc_of(i)) && !(i->prefixes & PREFIX_LOCK)) {
        step_before(x);
    } else if (x->host_flags) {
        return;
    } else if (x->desc.kind != DESC_NONE) {
        need_host_flags(x);
    } else {
        load_flags(x, which);
    }
}

void flags_in_memory(struct trans *x, unsigned op)
{
    emit_insn(x->e, 0, 0xc7, 0, rm_cpu(offsetof(struct x86_cpu, cc_op)));
    emit32(x->e, op);
    x->memory_flags = true;
    x->memory_exact = false;
    x->desc.kind = DESC_NONE;
}

void flags_after(struct trans *x, const struct insn *i)
{
    if (flags_touched(i)) {
        x->host_flags = true;
        x->memory_flags = false;
        x->desc = describe(x, i);
        x->desc_fresh = true;
    }
}
