/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/vector.c: SSE instructions, and integer instructions of their time, as they stand
 * on the host's own registers, by the operand codes of their rows.  Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"
#include "target/i386/avx.h"
#include "target/i386/exec_int.h"
#include "target/i386/vec_rows.h"
#include "target/i386/xsave.h"

#define MXCSR_MASKS 0x1f80

/* What may be emitted though it is no vector instruction. */
static bool is_integer_feature(unsigned feature)
{
    return feature == X86_MOVBE || feature == X86_SSE42 || feature == X86_ADX;
}

static bool is_vector_reg(unsigned code)
{
    return code == Vx;
}

/* Operand n is ModRM r/m rather than ModRM reg. */
static bool is_rm(unsigned code)
{
    switch (code) {
    case Wx:
    case Wb:
    case Ww:
    case Wd:
    case Wq:
    case Ux:
    case Ed:
    case Eq:
    case Ew:
    case Eb:
    case Ev:
    case Ey:
    case Mb:
    case Mw:
    case Md:
    case Mq:
    case Mdq:
    case Mv:
    case My:
    case Rd:
    case Rq:
    case Rv:
    case Ry:
        return true;
    default:
        return false;
    }
}

/* A general register that could be memory as well. */
static bool is_gpr_rm(unsigned code)
{
    return code == Eb || code == Ew || code == Ed || code == Eq || code == Ev || code == Ey;
}

static bool is_gpr_reg(unsigned code)
{
    return code == Gd || code == Gq || code == Gv || code == Gy || code == Gw;
}

/* CRC32 has a mandatory prefix and 66 besides. */
static unsigned vector_form(const struct insn *i, int rm)
{
    unsigned form = i->map;

    form |= i->prefixes & PREFIX_REPNE ? E_F2 : i->prefixes & PREFIX_REP ? E_F3 : 0;
    if (i->row->exec == x_crc32 || i->row->exec == x_movbe) { /* not part of the opcode */
        form |= i->opsize == 2 ? E_66 : 0;
    } else {
        form |= (i->prefixes & PREFIX_66) && !(form & (E_F2 | E_F3)) ? E_66 : 0;
    }
    form |= i->op[rm].kind == OPND_REG && i->op[rm].size == 1 ? E_REX : 0;
    return form | (i->rex & 8 ? E_W : 0);
}

/* False: not such an instruction, or one that the interpreter does. */
static bool emittable(const struct trans *x, const struct insn *i, int *rm, int *reg)
{
    uint32_t flags = i->row->flags;

    *rm = *reg = -1;
    if (i->map == MAP_VEX || !host_has(x->k, i->row->feature) ||
        (flags & (ROW_MMX | ROW_ENDS | ROW_CPL0)) || (i->map == MAP_0F && i->opcode == 0xae) ||
        i->row->exec == x_maskmov ||
        !((flags & ROW_SSE) || i->row->exec == x_movnti ||
          (i->map == MAP_0F38 && is_integer_feature(i->row->feature)))) {
        return false;
    }
    for (int n = 0; n < 3; n++) {
        unsigned code = i->row->operands[n];

        if (is_rm(code)) {
            *rm = n;
        } else if (is_vector_reg(code) || is_gpr_reg(code)) {
            *reg = n;
        } else if (code != OP_NONE && code != Ib) {
            return false;
        }
        if (i->op[n].kind == OPND_REG8H) {
            return false; /* no encoding with a REX prefix */
        }
    }
    return *rm >= 0;
}

/* LFENCE, MFENCE, SFENCE. */
static bool is_fence(const struct insn *i)
{
    return i->map == MAP_0F && i->opcode == 0xae && i->modrm >= 0xe8 &&
           !(i->prefixes & (PREFIX_66 | PREFIX_REP | PREFIX_REPNE));
}

static bool is_mxcsr(const struct insn *i)
{
    return i->row->exec == x_ldmxcsr || i->row->exec == x_stmxcsr;
}

enum vector_level vector_level(const struct trans *x, const struct insn *i)
{
    int rm, reg;

    if (i->map == MAP_VEX) {
        return vex_level(x, i);
    }
    return (i->row->flags & ROW_SSE) && (is_mxcsr(i) || emittable(x, i, &rm, &reg)) ? VECTORS_SSE
                                                                                    : VECTORS_NONE;
}

int vector_access(const struct trans *x, const struct insn *i, bool *write)
{
    int rm, reg;

    if (i->map == MAP_VEX) {
        return vex_access(x, i, write);
    }
    if (is_mxcsr(i)) {
        *write = i->row->exec == x_stmxcsr;
        return 0;
    }
    if (!emittable(x, i, &rm, &reg) || i->op[rm].kind != OPND_MEM) {
        return -1;
    }
    *write = rm == 0;
    return rm;
}

unsigned vector_alignment(const struct insn *i, unsigned size)
{
    if (i->map == MAP_VEX) {
        return vex_alignment(i, size);
    }
    return size == 16 && (i->row->flags & ROW_SSE) && !(i->row->flags & ROW_UNALIGNED) ? 16 : 0;
}

/* Once a test has passed, the rest of the group needs none. */
void decline_unaligned(struct trans *x, struct emit_rm operand, unsigned size)
{
    unsigned reg = operand.reg;
    bool group =
        x->active >= 0 && reg == H_R15 && operand.index == H_NONE && operand.disp % (int)size == 0;

    if (x->known_aligned || (group && x->active_aligned >= size)) {
        return;
    }

    flags_for_check(x);
    if (operand.index != H_NONE || operand.disp % (int)size || reg == H_NONE) {
        emit_lea(x->e, H_R14, operand);
        reg = H_R14;
    }
    decline_bits(x, reg, size);
    x->active_aligned = group ? size : x->active_aligned;
}

/* Only a value that was checked is loaded: other CPUs may write the memory meanwhile. */
void emit_ldmxcsr(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    struct emit *e = x->e;

    need_vectors(x, n);
    if (x->memory_flags) { /* those of a comparison depend on it */
        x->host_flags = false;
        need_exact_memory(x);
    }
    flags_for_check(x);
    emit_insn(e, 0, 0x8b, H_R14, mem_begin(x, n, &i->op[0], false));
    emit_insn(e, 0, 0x81, 6, rm_reg(H_R14)); /* xor */
    emit32(e, MXCSR_MASKS);
    emit_insn(e, 0, 0xf7, 0, rm_reg(H_R14)); /* test: all masked, none reserved */
    emit32(e, 0xffff0000 | MXCSR_MASKS);
    mem_decline(x, emit_jump(e, CC_NZ));
    emit_insn(e, 0, 0x81, 6, rm_reg(H_R14));
    emit32(e, MXCSR_MASKS);
    emit_insn(e, 0, 0x89, H_R14, rm_cpu(offsetof(struct x86_cpu, mxcsr)));
    emit_insn(e, MAP_0F, 0xae, 2, rm_cpu(offsetof(struct x86_cpu, mxcsr)));
    mem_end(x);
}

void emit_stmxcsr(struct trans *x, unsigned n)
{
    need_vectors(x, n);
    emit_insn(x->e, MAP_0F, 0xae, 3, mem_begin(x, n, &x->b->insn[n].op[0], true));
    mem_end(x);
}

/* UCOMISS, UCOMISD, COMISS, COMISD and their VEX forms. */
static unsigned compared_size(const struct insn *i)
{
    bool vex = i->map == MAP_VEX;

    if ((vex ? i->vex >> 2 != 1 || (i->imm2 & EVEX_IS) : i->map != MAP_0F) ||
        (i->opcode & 0xfe) != 0x2e) {
        return 0;
    }
    return (vex ? (i->vex & 3) == 1 : (i->prefixes & PREFIX_66) != 0) ? 8 : 4;
}

/* Not where a jump by parity follows: another by the same flags stands behind it, as a rule. */
bool keeps_comparison(const struct trans *x, unsigned n)
{
    const struct insn *next = &x->b->insn[n + 1];

    if (!compared_size(&x->b->insn[n])) {
        return false;
    }
    if (n + 1u == x->b->n || next->row->exec != x_jcc) {
        return x->live[n + 1] != 0;
    }
    return (next->opcode & 0xe) != 0xa && x->live[n + 2];
}

/* A value in memory is read once. */
struct emit_rm begin_comparison(struct trans *x, unsigned n, struct emit_rm operand)
{
    const struct emit_rm kept = rm_cpu(offsetof(struct x86_cpu, cc_src));
    unsigned form = compared_size(&x->b->insn[n]) == 8 ? E_W : 0;

    if (!operand.memory) {
        return operand;
    }
    emit_insn(x->e, form, 0x8b, H_R14, operand);
    emit_insn(x->e, form, 0x89, H_R14, kept);
    return kept;
}

void end_comparison(struct trans *x, unsigned n, unsigned reg, struct emit_rm operand)
{
    unsigned size = compared_size(&x->b->insn[n]);
    unsigned form = MAP_0F | (size == 8 ? E_F2 : E_F3);

    emit_insn(x->e, form, 0x11, reg, rm_cpu(offsetof(struct x86_cpu, cc_dst)));
    if (!operand.memory) {
        emit_insn(x->e, form, 0x11, operand.reg, rm_cpu(offsetof(struct x86_cpu, cc_src)));
    }
    flags_in_memory(x, CC_COMIS << 2 | size_log2(size));
}

/* The operand in ModRM r/m, checked. */
static struct emit_rm begin_operand(struct trans *x, unsigned n, int rm)
{
    const struct insn *i = &x->b->insn[n];
    struct emit_rm operand;

    if (i->op[rm].kind != OPND_MEM) {
        return rm_reg(i->op[rm].reg);
    }
    operand = mem_begin(x, n, &i->op[rm], rm == 0);
    if (vector_alignment(i, i->op[rm].size)) {
        decline_unaligned(x, operand, 16);
    }
    return operand;
}

bool emit_vector(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    unsigned field = i->modrm >> 3 & 7;
    struct emit_rm operand;
    int rm, reg;
    bool kept;

    if (is_mxcsr(i)) {
        (i->row->exec == x_ldmxcsr ? emit_ldmxcsr : emit_stmxcsr)(x, n);
        return true;
    }
    if (is_fence(i)) {
        emit_insn(x->e, MAP_0F, 0xae, i->modrm >> 3 & 7, rm_reg(0));
        return true;
    }
    if (!emittable(x, i, &rm, &reg)) {
        return false;
    }
    if (i->row->flags & ROW_SSE) {
        need_vectors(x, n);
    }
    operand = begin_operand(x, n, rm);
    kept = keeps_comparison(x, n);
    if (kept) {
        operand = begin_comparison(x, n, operand);
    }
    flags_before(x, i, n);
    if (i->op[rm].kind == OPND_REG) {
        operand = rm != 0 && is_gpr_rm(i->row->operands[rm])
                      ? register_operand(x, i->op[rm].reg)
                      : rm_reg(in_register(x, i->op[rm].reg, H_R13));
    }
    if (reg >= 0) {
        field =
            i->op[reg].kind == OPND_XMM ? i->op[reg].reg : in_register(x, i->op[reg].reg, H_R14);
    }
    emit_insn(x->e, vector_form(i, rm), i->opcode, field, operand);
    emit_bytes(x->e, &i->imm, immediate_bytes(i));
    if (rm == 0 && i->op[rm].kind == OPND_REG) {
        field_write_back(x, &i->op[rm], H_R13);
    }
    if (reg == 0 && i->op[reg].kind == OPND_REG) {
        field_write_back(x, &i->op[reg], H_R14);
    }
    flags_after(x, i);
    if (kept) {
        end_comparison(x, n, field, operand);
    }
    mem_end(x);
    return true;
}
