/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/vector.c: SSE instructions as they stand, on the host's own XMM registers.
 *
 * Invariants: cpu->vectors_loaded says that XMM0-15 and MXCSR hold the guest's; they are loaded when
 *             a block first needs them, and stored before any C code runs.
 *             Guest MXCSR is loaded only while it masks every exception, and vectors only while
 *             CR0 and CR4 allow SSE (cpu->vectors_usable); else the interpreter does the work.
 * Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"
#include "target/i386/vec_rows.h"

#define MXCSR_MASKS 0x1f80

/* 16 moves between XMM registers and cpu->vec. */
static void emit_move_all(struct emit *e, unsigned opcode)
{
    for (unsigned n = 0; n < 16; n++) {
        emit_insn(e, MAP_0F, opcode, n,
                  rm_cpu((int32_t)(offsetof(struct x86_cpu, vec) + n * sizeof(union vec))));
    }
}

static void emit_mxcsr(struct emit *e, unsigned operation, size_t offset)
{
    emit_insn(e, MAP_0F, 0xae, operation, rm_cpu((int32_t)offset));
}

static void emit_load_all(struct emit *e)
{
    emit_move_all(e, 0x10);
    emit_mxcsr(e, 2, offsetof(struct x86_cpu, mxcsr));
}

static void emit_test_byte(struct emit *e, size_t offset)
{
    emit_insn(e, 0, 0x80, 7, rm_cpu((int32_t)offset));
    emit8(e, 0);
}

/* Before C code: the guest's registers go to memory if they are in the host's. */
void emit_store_vectors(struct emit *e)
{
    uint8_t *skip;

    emit_test_byte(e, offsetof(struct x86_cpu, vectors_loaded));
    skip = emit_jump(e, CC_Z);
    emit_move_all(e, 0x11);
    emit_mxcsr(e, 3, offsetof(struct x86_cpu, mxcsr));
    emit_mxcsr(e, 2, offsetof(struct x86_cpu, host_mxcsr));
    patch_jump(skip, e->p);
}

/* After C code: back again, if code goes on that expects them.  Returns the jump of "not usable". */
uint8_t *emit_reload_vectors(struct emit *e)
{
    uint8_t *skip, *unusable;

    emit_test_byte(e, offsetof(struct x86_cpu, vectors_loaded));
    skip = emit_jump(e, CC_Z);
    emit_test_byte(e, offsetof(struct x86_cpu, vectors_usable));
    unusable = emit_jump(e, CC_Z);
    emit_load_all(e);
    patch_jump(skip, e->p);
    return unusable;
}

/* Called by a site: loads the registers and returns, or leaves by the interpreter. */
void emit_vector_thunk(struct backend *k)
{
    struct emit *e = &k->e;
    uint8_t *unusable;

    k->load_vectors = e->p;
    emit_test_byte(e, offsetof(struct x86_cpu, vectors_usable));
    unusable = emit_jump(e, CC_Z);
    emit_load_all(e);
    emit_insn(e, 0, 0xc6, 0, rm_cpu(offsetof(struct x86_cpu, vectors_loaded)));
    emit8(e, 1);
    emit8(e, 0xc3);
    patch_jump(unusable, e->p);
    emit_lea(e, H_RSP, rm_mem(H_RSP, 8));
    patch_jump(emit_jump(e, -1), k->interpret_last);
}

void update_vectors_usable(struct x86_cpu *cpu)
{
    cpu->vectors_usable = !(cpu->cr0 & (CR0_TS | CR0_EM)) && (cpu->cr4 & CR4_OSFXSR) &&
                          (cpu->mxcsr & MXCSR_MASKS) == MXCSR_MASKS;
}

/* Does the host run what the row needs?  The interpreter does without it. */
static bool host_has(unsigned feature)
{
    switch (feature) {
    case X86_SSE3:
        return __builtin_cpu_supports("sse3");
    case X86_SSSE3:
        return __builtin_cpu_supports("ssse3");
    case X86_SSE41:
        return __builtin_cpu_supports("sse4.1");
    case X86_SSE42:
        return __builtin_cpu_supports("sse4.2");
    case X86_AES:
        return __builtin_cpu_supports("aes");
    case X86_PCLMUL:
        return __builtin_cpu_supports("pclmul");
    case X86_SSE:
    case X86_SSE2:
        return true;
    default:
        return false;
    }
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
    case Rd:
    case Rq:
    case Rv:
    case Ry:
        return true;
    default:
        return false;
    }
}

static bool is_gpr_reg(unsigned code)
{
    return code == Gd || code == Gq || code == Gv || code == Gy || code == Gw;
}

/* Checks that vectors are in the host's registers, once a block. */
static void need_vectors(struct trans *x)
{
    struct site *s;

    if (x->vectors_loaded) {
        return;
    }
    flags_for_check(x);
    emit_test_byte(x->e, offsetof(struct x86_cpu, vectors_loaded));
    s = add_site(x, emit_jump(x->e, CC_Z), SITE_CALL);
    s->thunk = x->k->load_vectors;
    s->back = x->e->p;
    x->vectors_loaded = true;
}

static unsigned vector_form(const struct insn *i)
{
    unsigned form = i->map;

    form |= i->prefixes & PREFIX_REPNE ? E_F2
            : i->prefixes & PREFIX_REP ? E_F3
            : i->prefixes & PREFIX_66  ? E_66
                                       : 0;
    return form | (i->rex & 8 ? E_W : 0);
}

/* False: not an SSE instruction, or one that the interpreter does. */
static bool emittable(const struct insn *i, int *rm, int *reg)
{
    *rm = *reg = -1;
    if (!(i->row->flags & ROW_SSE) || (i->row->flags & (ROW_MMX | ROW_ENDS)) ||
        (i->map == MAP_0F && i->opcode == 0xae) || i->row->exec == x_maskmov ||
        !host_has(i->row->feature)) {
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
    }
    return *rm >= 0;
}

bool emit_vector(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    unsigned field = i->modrm >> 3 & 7;
    struct emit_rm operand = rm_reg(0);
    int rm, reg;

    if (!emittable(i, &rm, &reg)) {
        return false;
    }
    need_vectors(x);
    if (i->op[rm].kind == OPND_MEM) {
        operand = mem_begin(x, n, &i->op[rm], rm == 0);
        if (i->op[rm].size == 16 && !(i->row->flags & ROW_UNALIGNED)) {
            mem_align_check(x, operand, 15);
        }
    } else if (i->op[rm].kind == OPND_XMM) {
        operand = rm_reg(i->op[rm].reg);
    }
    flags_before(x, i, n);
    if (i->op[rm].kind == OPND_REG) {
        operand = rm_reg(in_register(x, i->op[rm].reg, H_R13));
    }
    if (reg >= 0) {
        field =
            i->op[reg].kind == OPND_XMM ? i->op[reg].reg : in_register(x, i->op[reg].reg, H_R14);
    }
    emit_insn(x->e, vector_form(i), i->opcode, field, operand);
    emit_bytes(x->e, &i->imm, immediate_bytes(i));
    if (rm == 0 && i->op[rm].kind == OPND_REG) {
        field_write_back(x, &i->op[rm], H_R13);
    }
    if (reg == 0 && i->op[reg].kind == OPND_REG) {
        field_write_back(x, &i->op[reg], H_R14);
    }
    flags_after(x, i);
    mem_end(x);
    return true;
}
