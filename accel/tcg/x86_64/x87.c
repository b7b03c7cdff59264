/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/x87.c: x87 and MMX instructions as they stand, on the host's FPU: see x87_state.c.
 *
 * The instruction and data pointers that FNSTENV and FXSAVE show are stored to cpu->x87 once for a
 * row of x87 instructions, behind the last of them.  Where one of the row goes to the interpreter,
 * x87_settle() does it before: registers still are what they were at all before it.
 * Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"
#include "target/i386/exec_int.h"
#include "target/i386/vec_rows.h"
#include "target/i386/x87_exec.h"

#define EXCEPTIONS 0x3f

enum x87_kind {
    X87_NONE, /* the interpreter's */
    X87_PLAIN,
    X87_CONTROL, /* does not touch the pointers */
    X87_LDCW,
    X87_WAIT,
};

/* Those that are not X87_PLAIN.  The environment's images are the interpreter's work. */
static const struct {
    x86_exec_fn *exec;
    enum x87_kind kind;
} special[] = {
    { x_fnstcw, X87_CONTROL }, { x_fnstsw, X87_CONTROL }, { x_fnstsw_ax, X87_CONTROL },
    { x_fnclex, X87_CONTROL }, { x_f_nothing, X87_WAIT }, { x_fwait, X87_WAIT },
    { x_fldcw, X87_LDCW },     { x_fldenv, X87_NONE },    { x_fnstenv, X87_NONE },
    { x_fnsave, X87_NONE },    { x_frstor, X87_NONE },    { x_fninit, X87_NONE },
};

static enum x87_kind kind_of(const struct insn *i)
{
    if (i->map != MAP_1 || ((i->opcode & 0xf8) != 0xd8 && i->opcode != 0x9b) ||
        (i->row->flags & ROW_ENDS)) {
        return X87_NONE;
    }
    for (unsigned n = 0; n < G_N_ELEMENTS(special); n++) {
        if (special[n].exec == i->row->exec) {
            return special[n].kind;
        }
    }
    return X87_PLAIN;
}

/* Checks that the x87 is in the host's, once a block. */
static void need_x87(struct trans *x)
{
    struct site *s;

    if (x->x87_loaded) {
        return;
    }
    flags_for_check(x);
    emit_insn(x->e, 0, 0x80, 7, rm_cpu(offsetof(struct x86_cpu, x87_ready)));
    emit8(x->e, 0);
    s = add_site(x, emit_jump(x->e, CC_Z), SITE_CALL);
    s->thunk = x->k->load_x87[x->vectors_loaded];
    s->back = x->e->p;
    x->x87_loaded = true;
}

/* Pointers ------------------------------------------------------------------------------------- */

static bool is_memory(const struct insn *i)
{
    return i->modrm < 0xc0;
}

void forget_x87_pointers(struct trans *x)
{
    x->x87.selectors = false;
    x->x87.ds = -1;
}

/* A selector to a field of cpu->x87. */
static void emit_selector(struct trans *x, unsigned seg, size_t field)
{
    emit_insn(x->e, MAP_0F, 0xb7, H_R14,
              rm_cpu(offsetof(struct x86_cpu, seg) + seg * sizeof(struct segment) +
                     offsetof(struct segment, selector)));
    emit_insn(x->e, E_66, 0x89, H_R14, rm_cpu(field));
}

static void emit_store_imm64(struct trans *x, size_t field, uint64_t v)
{
    bool one = v == (uint64_t)(int64_t)(int32_t)v;

    x->moving = false; /* it is part of two instructions */
    emit_insn(x->e, one ? E_W : 0, 0xc7, 0, rm_cpu(field));
    emit32(x->e, (uint32_t)v);
    if (!one) {
        emit_insn(x->e, 0, 0xc7, 0, rm_cpu(field + 4));
        emit32(x->e, (uint32_t)(v >> 32));
    }
}

static void emit_instruction_pointer(struct trans *x)
{
    const struct insn *i = &x->b->insn[x->x87.last];
    unsigned opcode = (i->opcode & 7u) << 8 | i->modrm;

    if (!x->x87.selectors) {
        emit_selector(x, SEG_CS, offsetof(struct x86_cpu, x87.cs));
        x->x87.selectors = true;
    }
    emit_store_imm64(x, offsetof(struct x86_cpu, x87.ip), x->x87.last_rip);
    emit_insn(x->e, E_66, 0xc7, 0, rm_cpu(offsetof(struct x86_cpu, x87.opcode)));
    emit8(x->e, opcode & 0xff);
    emit8(x->e, opcode >> 8);
}

static void emit_data_pointer(struct trans *x)
{
    const struct insn *i = &x->b->insn[x->x87.memory];
    size_t field = offsetof(struct x86_cpu, x87.dp);
    uint64_t rip = x->rip;

    if (x->x87.ds != i->seg) {
        emit_selector(x, i->seg, offsetof(struct x86_cpu, x87.ds));
        x->x87.ds = i->seg;
    }
    if (i->base == R_RIP && i->addrsize == 8) {
        emit_store_imm64(x, field, x->x87.memory_rip + i->len + (uint64_t)i->disp);
        return;
    }
    x->rip = x->x87.memory_rip;
    emit_address(x, i, H_R13);
    x->rip = rip;
    emit_store(x->e, H_R13, rm_cpu(field));
}

/* Instruction n, which is not the block's last, leaves the pointers to those behind it. */
static void defer_pointers(struct trans *x, unsigned n)
{
    if (!x->x87.pending) {
        x->x87.pending = true;
        x->x87.first = n;
        x->x87.memory = -1;
    }
    x->x87.last = n;
    x->x87.last_rip = x->rip;
    if (is_memory(&x->b->insn[n])) {
        x->x87.memory = (int)n;
        x->x87.memory_rip = x->rip;
        if (x->x87.ds != x->b->insn[n].seg) { /* where the interpreter does it, it stores that */
            x->x87.ds = -1;
        }
    }
}

/* Leaves general registers alone, so that addresses of data can be had later. */
static bool goes_on_pending(const struct trans *x, const struct insn *i)
{
    return kind_of(i) != X87_NONE && host_has(x->k, i->row->feature) && i->row->exec != x_fnstsw_ax;
}

void settle_x87_pointers(struct trans *x, unsigned n)
{
    if (!x->x87.pending || (n < x->b->n && goes_on_pending(x, &x->b->insn[n]))) {
        return;
    }
    x->x87.pending = false;
    emit_instruction_pointer(x);
    if (x->x87.memory >= 0) {
        emit_data_pointer(x);
    }
}

/* The last of the instructions before i that stores a pointer. */
static void record_before(struct x86_cpu *cpu, const struct insn *i, uint64_t rip, bool memory)
{
    for (unsigned k = 1; k <= i->x87_deferred; k++) {
        const struct insn *before = i - k;

        rip -= before->len;
        if (kind_of(before) == X87_PLAIN && (!memory || is_memory(before))) {
            cpu->insn_start = rip;
            cpu->regs[R_RIP] = rip + before->len;
            x87_record(cpu, before);
            return;
        }
    }
}

void x87_settle(struct x86_cpu *cpu, const struct insn *i, uint64_t rip)
{
    if (i->x87_deferred) {
        record_before(cpu, i, rip, true);
        record_before(cpu, i, rip, false);
    }
}

/* Instructions --------------------------------------------------------------------------------- */

bool x87_writes_memory(const struct insn *i)
{
    x86_exec_fn *fn = i->row->exec;

    return fn == x_fst_mem || fn == x_fstp_m80 || fn == x_fist || fn == x_fisttp || fn == x_fbstp ||
           fn == x_fnstcw || fn == x_fnstsw;
}

/* A control word that unmasks is the interpreter's.  Read once: another CPU may write it. */
static void emit_fldcw(struct trans *x, const struct insn *i, struct emit_rm operand)
{
    struct emit_rm word = rm_cpu(offsetof(struct x86_cpu, x87_control));

    flags_for_check(x);
    emit_insn(x->e, MAP_0F, 0xb7, H_R14, operand);
    emit_store(x->e, H_R14, word);
    emit_insn(x->e, 0, 0xf7, 2, rm_reg(H_R14));
    emit_insn(x->e, 0, 0xf6, 0, rm_reg(H_R14)); /* not r14d; test r14b, masks */
    emit8(x->e, EXCEPTIONS);
    mem_decline(x, emit_jump(x->e, CC_NZ));
    emit_insn(x->e, 0, i->opcode, i->modrm >> 3 & 7, word);
}

static bool emit_escape(struct trans *x, unsigned n, enum x87_kind kind)
{
    struct insn *i = &x->b->insn[n];

    need_x87(x);
    i->x87_deferred = x->x87.pending ? (uint8_t)(n - x->x87.first) : 0;
    if (kind == X87_WAIT) {
        return true; /* nothing is pending */
    }
    if (is_memory(i)) {
        struct emit_rm operand = mem_begin(x, n, &i->op[0], x87_writes_memory(i));

        if (kind == X87_LDCW) {
            emit_fldcw(x, i, operand);
        } else {
            emit_insn(x->e, 0, i->opcode, i->modrm >> 3 & 7, operand);
        }
    } else {
        if (i->row->reads) { /* FCMOV */
            flags_before(x, i, n);
        }
        emit8(x->e, i->opcode);
        emit8(x->e, i->modrm);
        if (i->row->writes) { /* FCOMI: all of them */
            flags_after(x, i);
        }
    }
    if (kind == X87_PLAIN) {
        defer_pointers(x, n);
    }
    mem_end(x);
    return true;
}

/* MMX ------------------------------------------------------------------------------------------ */

/* Which operand is ModRM r/m, which ModRM reg; -1: none. */
static void find_mmx_fields(const struct insn *i, int *rm, int *reg)
{
    *rm = *reg = -1;
    for (int n = 0; n < 3; n++) {
        switch (i->row->operands[n]) {
        case OP_NONE:
        case Ib:
            break;
        case Pq:
        case Vx:
        case Gd:
            *reg = n;
            break;
        default: /* Qq Qd Nq Ey Mw Mq Rd Wq Wx Ux */
            *rm = n;
        }
    }
}

static unsigned mmx_form(const struct insn *i)
{
    unsigned form = i->map;

    form |= i->prefixes & PREFIX_REPNE ? E_F2
            : i->prefixes & PREFIX_REP ? E_F3
            : i->prefixes & PREFIX_66  ? E_66
                                       : 0;
    return form | (i->rex & 8 ? E_W : 0);
}

/* The host's register of an operand that is none in memory. */
static unsigned mmx_register(struct trans *x, const struct insn_operand *op, unsigned scratch)
{
    if (op->kind == OPND_REG) {
        return in_register(x, op->reg, scratch);
    }
    return op->kind == OPND_MMX ? op->reg & 7u : op->reg;
}

static struct emit_rm mmx_memory(struct trans *x, unsigned n, int rm)
{
    const struct insn_operand *op = &x->b->insn[n].op[rm];
    struct emit_rm operand = mem_begin(x, n, op, rm == 0);

    if (op->size == 16) {
        decline_unaligned(x, operand, 16);
    }
    return operand;
}

static bool emit_mmx(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    unsigned field = i->modrm >> 3 & 7;
    struct emit_rm operand;
    int rm, reg;

    find_mmx_fields(i, &rm, &reg);
    need_x87(x);
    if (i->row->flags & ROW_SSE) {
        need_vectors(x, n);
    }
    if (rm < 0) { /* EMMS */
        emit8(x->e, 0x0f);
        emit8(x->e, i->opcode);
        return true;
    }
    operand = i->op[rm].kind == OPND_MEM ? mmx_memory(x, n, rm)
                                         : rm_reg(mmx_register(x, &i->op[rm], H_R13));
    if (reg >= 0) {
        field = mmx_register(x, &i->op[reg], H_R14);
    }
    emit_insn(x->e, mmx_form(i), i->opcode, field, operand);
    emit_bytes(x->e, &i->imm, immediate_bytes(i));
    if (rm == 0) {
        field_write_back(x, &i->op[rm], H_R13);
    }
    if (reg == 0) {
        field_write_back(x, &i->op[reg], H_R14);
    }
    mem_end(x);
    return true;
}

bool emit_x87(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    enum x87_kind kind = kind_of(i);

    if (!host_has(x->k, i->row->feature)) {
        return false;
    }
    if ((i->row->flags & ROW_MMX) && i->row->exec != x_maskmov) {
        return emit_mmx(x, n);
    }
    return kind != X87_NONE && emit_escape(x, n, kind);
}
