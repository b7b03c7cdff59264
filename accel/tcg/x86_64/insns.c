/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/insns.c: emitting integer instructions: as they stand with their registers renamed
 * and their memory operand replaced by a checked host address.  Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"
#include "target/i386/exec_int.h"

unsigned immediate_bytes(const struct insn *i)
{
    for (unsigned n = 0; n < 4; n++) {
        switch (i->row->operands[n]) {
        case Ib:
        case Ibs:
            return 1;
        case Iz:
            return i->opsize == 2 ? 2 : 4;
        case Iv:
            return i->opsize;
        default:
            break;
        }
    }
    return 0;
}

static bool is_rm_code(unsigned code)
{
    switch (code) {
    case Eb:
    case Ew:
    case Ed:
    case Eq:
    case Ev:
    case Ey:
        return true;
    default:
        return false;
    }
}

static bool is_reg_code(unsigned code)
{
    return code == Gb || code == Gw || code == Gd || code == Gq || code == Gv || code == Gy;
}

/* Which operand is ModRM r/m, which ModRM reg; -1: none. */
static void find_fields(const struct insn *i, int *rm, int *reg)
{
    *rm = *reg = -1;
    for (int n = 0; n < 3; n++) {
        if (is_rm_code(i->row->operands[n])) {
            *rm = n;
        } else if (is_reg_code(i->row->operands[n])) {
            *reg = n;
        }
    }
}

static unsigned form_of(const struct insn *i, const struct emit_row *row)
{
    unsigned form = i->map;

    form |= i->opsize == 8 ? E_W : i->opsize == 2 && !(row->flags & EMIT_NO_66) ? E_66 : 0;
    form |= row->flags & EMIT_F3 ? E_F3 : 0;
    form |= i->prefixes & PREFIX_LOCK ? E_LOCK : 0;
    return form;
}

/* Byte registers: AH to BH need an encoding without REX, SPL to DIL one with it. */
static bool byte_register(const struct trans *x, const struct insn_operand *op, bool *high,
                          bool *rex)
{
    if (op->kind == OPND_REG8H) {
        *high = true;
    } else if (op->kind == OPND_REG && op->size == 1) {
        *rex |= host_of(x, op->reg) < 0 || host_of(x, op->reg) >= 4;
    }
    return true;
}

static bool can_encode(const struct trans *x, const struct insn *i, int rm, int reg)
{
    bool high = false, rex = i->opsize == 8;

    if (rm >= 0) {
        byte_register(x, &i->op[rm], &high, &rex);
        rex |= i->op[rm].kind == OPND_MEM ||
               (i->op[rm].kind == OPND_REG &&
                (host_of(x, i->op[rm].reg) < 0 || host_of(x, i->op[rm].reg) >= 8));
    }
    if (reg >= 0) {
        byte_register(x, &i->op[reg], &high, &rex);
        rex |= i->op[reg].kind == OPND_REG &&
               (host_of(x, i->op[reg].reg) < 0 || host_of(x, i->op[reg].reg) >= 8);
    }
    return !(high && rex);
}

/* The host register of a field, loaded if it lives in memory. */
static unsigned field_register(struct trans *x, const struct insn_operand *op, unsigned scratch)
{
    if (op->kind == OPND_REG8H) {
        return op->reg + 4u;
    }
    return in_register(x, op->reg, scratch);
}

void field_write_back(struct trans *x, const struct insn_operand *op, unsigned scratch)
{
    if (op->kind == OPND_REG && host_of(x, op->reg) < 0) {
        emit_store(x->e, scratch, guest_memory(op->reg));
    }
}

/* A value is worth keeping: flags are shown later, and made again from it. */
static enum slot_use kept_value(const struct trans *x, const struct insn *i, unsigned n)
{
    return x->live[n + 1] ? desc_slot(i) : SLOT_NONE;
}

static bool is_written(const struct emit_row *row, int operand)
{
    return operand == 0 ? row->flags & EMIT_WRITES_0 : row->flags & EMIT_WRITES_1;
}

/* Operand 0 is set whole, so that what it was does not matter. */
static bool is_set(const struct insn *i, const struct emit_row *row, int operand)
{
    return operand == 0 && (row->flags & EMIT_SETS) && i->op[0].kind == OPND_REG &&
           i->op[0].size >= 4;
}

/* ADD to CMP and MOV of a register to r/m, which with 2 more are those of r/m to a register. */
static bool is_reversible(const struct insn *i)
{
    return i->map == MAP_1 &&
           ((i->opcode < 0x40 && (i->opcode & 7) < 2) || (i->opcode & ~1u) == 0x88);
}

/* Changes its r/m in memory as cheaply as anything could: ALU operations, shifts, NOT, NEG, INC and DEC. */
static bool works_in_memory(const struct insn *i)
{
    unsigned group = i->modrm >> 3 & 7;

    return i->map == MAP_1 &&
           ((i->opcode < 0x40 && (i->opcode & 7) == 1) || i->opcode == 0x81 || i->opcode == 0x83 ||
            i->opcode == 0xc1 || i->opcode == 0xd1 || i->opcode == 0xd3 || i->opcode == 0xff ||
            (i->opcode == 0xf7 && (group == 2 || group == 3)));
}

/*
 * A register as ModRM r/m: where it is, or in R13 if it is in memory and is written; kept: what it was is wanted,
 * too.
 */
static struct emit_rm rm_operand(struct trans *x, const struct insn *i, const struct emit_row *row,
                                 int rm, bool kept)
{
    const struct insn_operand *op = &i->op[rm];

    if (op->kind != OPND_REG || host_of(x, op->reg) >= 0) {
        return rm_reg(field_register(x, op, H_R13));
    }
    if (!is_written(row, rm) && row->kind != EMIT_BIT) {
        return guest_memory(op->reg);
    }
    if (is_set(i, row, rm)) {
        return row->kind == EMIT_MOV && op->size == 8 ? guest_memory(op->reg) : rm_reg(H_R13);
    }
    if (!kept && op->size == 8 && works_in_memory(i)) { /* 32 bits would have to clear the others */
        return guest_memory(op->reg);
    }
    return rm_reg(field_register(x, op, H_R13));
}

/* "r, r/m" in place of "r/m, r", where that saves a load of the latter's r. */
static bool emit_reversed(struct trans *x, const struct insn *i, unsigned form, int rm, int reg)
{
    if (reg < 0 || !is_reversible(i) || i->op[rm].kind != OPND_REG || i->op[rm].size < 4 ||
        host_of(x, i->op[rm].reg) < 0 || host_of(x, i->op[reg].reg) >= 0) {
        return false;
    }
    emit_insn(x->e, form, i->opcode + 2u, (unsigned)host_of(x, i->op[rm].reg),
              guest_memory(i->op[reg].reg));
    return true;
}

/* Opcode 82 is 80 in 32-bit code, and nothing in the host's. */
static unsigned host_opcode(const struct insn *i)
{
    return i->map == MAP_1 && i->opcode == 0x82 ? 0x80 : i->opcode;
}

static void emit_sized_move(struct emit *e, unsigned size, bool store, unsigned reg,
                            struct emit_rm rm)
{
    unsigned form = size == 8 ? E_W : size == 2 ? E_66 : 0;

    emit_insn(e, form, (store ? 0x88u : 0x8au) | (size > 1), reg, rm);
}

/* The operation on memory by way of R14, whose value is kept. */
static void emit_kept_result(struct trans *x, const struct insn *i, unsigned form, int reg,
                             unsigned field, struct emit_rm operand)
{
    struct emit *e = x->e;
    unsigned size = i->op[0].size;

    emit_sized_move(e, size, false, H_R14, operand);
    if (reg >= 0 && host_of(x, i->op[reg].reg) < 0) { /* "r, r/m" instead of "r/m, r" */
        emit_insn(e, form, i->opcode + 2u, H_R14, guest_memory(i->op[reg].reg));
    } else {
        emit_insn(e, form, host_opcode(i), reg >= 0 ? (unsigned)host_of(x, i->op[reg].reg) : field,
                  rm_reg(H_R14));
        emit_bytes(e, &i->imm, immediate_bytes(i));
    }
    emit_sized_move(e, size, true, H_R14, operand);
    emit_store(e, H_R14, rm_cpu(offsetof(struct x86_cpu, flag_operand)));
}

/* The instruction as it stands, its operands in place. */
static void emit_in_place(struct trans *x, const struct insn *i, const struct emit_row *row,
                          unsigned form, int rm, int reg, struct emit_rm operand,
                          enum slot_use kept)
{
    const struct emit_rm slot = rm_cpu(offsetof(struct x86_cpu, flag_operand));
    unsigned field = i->modrm >> 3 & 7, scratch = H_R14;
    struct emit *e = x->e;

    if (kept == SLOT_OPERAND) {
        emit_sized_move(e, i->op[rm].size, false, H_R14, operand);
        emit_store(e, H_R14, slot);
        operand = rm_reg(H_R14);
        scratch = H_R13;
    } else if (i->op[rm].kind != OPND_MEM) {
        if (kept == SLOT_NONE && emit_reversed(x, i, form, rm, reg)) {
            return;
        }
        operand = rm_operand(x, i, row, rm, kept != SLOT_NONE);
    }
    if (reg >= 0) {
        field = is_set(i, row, reg) && host_of(x, i->op[reg].reg) < 0
                    ? scratch
                    : field_register(x, &i->op[reg], scratch);
    }
    if (kept == SLOT_OLD) {
        emit_store(e, operand.memory ? field : operand.reg, slot);
    }
    emit_insn(e, form, host_opcode(i), field, operand);
    emit_bytes(e, &i->imm, immediate_bytes(i));
    /* The same register twice: XADD leaves the sum. */
    if (reg >= 0 && is_written(row, reg)) {
        field_write_back(x, &i->op[reg], scratch);
    }
    if (i->op[rm].kind != OPND_MEM && is_written(row, rm) && !operand.memory) {
        field_write_back(x, &i->op[rm], H_R13);
    }
}

/* The instruction as it stands.  False: it has no encoding with these registers. */
static bool emit_copy(struct trans *x, unsigned n, const struct emit_row *row)
{
    const struct insn *i = &x->b->insn[n];
    enum slot_use kept = kept_value(x, i, n);
    struct emit_rm operand = rm_reg(0);
    unsigned form = form_of(i, row);
    bool high = false, rex = false;
    int rm, reg;

    find_fields(i, &rm, &reg);
    if (rm < 0 || !can_encode(x, i, rm, reg)) {
        return false;
    }
    byte_register(x, &i->op[rm], &high, &rex);
    if (reg >= 0) {
        byte_register(x, &i->op[reg], &high, &rex);
    }
    form |= rex ? E_REX : 0;
    x->slot_used = kept != SLOT_NONE;
    if (i->op[rm].kind == OPND_MEM) {
        operand = mem_begin(x, n, &i->op[rm], is_written(row, rm));
    }
    flags_before(x, i, n);
    if (kept == SLOT_RESULT) {
        emit_kept_result(x, i, form, reg, i->modrm >> 3 & 7, operand);
    } else {
        emit_in_place(x, i, row, form, rm, reg, operand, kept);
    }
    flags_after(x, i);
    mem_end(x);
    return true;
}

/* AL or rAX with an immediate: shorter forms without ModRM. */
static bool emit_accumulator(struct trans *x, unsigned n, const struct emit_row *row)
{
    const struct insn *i = &x->b->insn[n];
    unsigned form = form_of(i, row), imm = immediate_bytes(i);

    if (!imm) {
        return false;
    }
    flags_before(x, i, n);
    if (form & E_66) {
        emit8(x->e, 0x66);
    }
    if (form & E_W) {
        emit8(x->e, 0x48);
    }
    emit8(x->e, i->opcode);
    emit_bytes(x->e, &i->imm, imm);
    flags_after(x, i);
    return true;
}

/* INC and DEC of one byte, which 64-bit code has not. */
static bool emit_short(struct trans *x, unsigned n, const struct emit_row *row)
{
    const struct insn *i = &x->b->insn[n];

    flags_before(x, i, n);
    emit_insn(x->e, form_of(i, row), 0xff, i->row->exec == x_dec,
              rm_reg((unsigned)host_of(x, i->op[0].reg)));
    flags_after(x, i);
    return true;
}

static bool emit_alu(struct trans *x, unsigned n, const struct emit_row *row)
{
    const struct insn *i = &x->b->insn[n];
    unsigned code = i->row->operands[0];

    if (i->row->flags & ROW_ENDS) {
        return false;
    }
    if (code == Zv) {
        return emit_short(x, n, row);
    }
    return code == ALo || code == AXv ? emit_accumulator(x, n, row) : emit_copy(x, n, row);
}

static void store_register(struct trans *x, unsigned guest, unsigned host)
{
    if (host_of(x, guest) < 0) {
        emit_store(x->e, host, guest_memory(guest));
    } else if ((unsigned)host_of(x, guest) != host) {
        emit_insn(x->e, E_W, 0x89, host, rm_reg((unsigned)host_of(x, guest)));
    }
}

/* An immediate of one or two bytes to a part of a register: opcodes B0 to BF. */
static bool emit_mov_short(struct trans *x, const struct insn *i)
{
    const struct insn_operand *op = &i->op[0];
    struct emit_rm rm =
        op->kind == OPND_REG8H ? rm_reg(op->reg + 4u) : register_operand(x, op->reg);
    unsigned form = op->size == 2 ? E_66 : op->kind == OPND_REG ? E_REX : 0;

    emit_insn(x->e, form, 0xc6 | (op->size == 2), 0, rm);
    emit_bytes(x->e, &i->imm, op->size == 2 ? 2 : 1);
    return true;
}

static bool emit_mov(struct trans *x, unsigned n, const struct emit_row *row)
{
    const struct insn *i = &x->b->insn[n];
    unsigned code0 = i->row->operands[0], code1 = i->row->operands[1];

    if (code0 == Zb || (code0 == Zv && i->opsize == 2)) {
        return emit_mov_short(x, i);
    }
    if (code0 == Zv) {
        int h = host_of(x, i->op[0].reg);
        uint64_t v = i->opsize == 8 ? i->imm : (uint32_t)i->imm;

        emit_mov_imm(x->e, h >= 0 ? (unsigned)h : H_R14, v);
        store_register(x, i->op[0].reg, h >= 0 ? (unsigned)h : H_R14);
        return true;
    }
    if (code0 == Ob || code0 == Ov || code1 == Ob || code1 == Ov) {
        bool store = code0 == Ob || code0 == Ov;
        unsigned form = form_of(i, row), size = i->op[0].size;
        struct emit_rm operand = mem_begin(x, n, &i->op[store ? 0 : 1], store);

        x->moving = false; /* an absolute address may be anywhere */

        emit_insn(x->e, size == 1 ? 0 : form, (store ? 0x88 : 0x8a) | (size > 1), H_RAX, operand);
        mem_end(x);
        return true;
    }
    return emit_copy(x, n, row);
}

static bool emit_lea_insn(struct trans *x, unsigned n, const struct emit_row *row)
{
    const struct insn *i = &x->b->insn[n];
    int h = host_of(x, i->op[0].reg);
    unsigned to = h >= 0 && i->opsize != 2 ? (unsigned)h : H_R13;

    (void)row;
    emit_address(x, i, to);
    if (i->opsize == 2) {
        emit_insn(x->e, E_66, 0x89, H_R13, register_operand(x, i->op[0].reg));
        return true;
    }
    if (i->opsize == 4 && i->addrsize != 4) {
        emit_insn(x->e, 0, 0x89, to, rm_reg(to)); /* the upper half goes */
    }
    store_register(x, i->op[0].reg, to);
    return true;
}

static bool emit_xchg(struct trans *x, unsigned n, const struct emit_row *row)
{
    const struct insn *i = &x->b->insn[n];
    unsigned a, b;

    if (i->row->operands[0] != AXv) {
        return emit_copy(x, n, row);
    }
    if (i->opcode == 0x90 && ((i->prefixes & PREFIX_REP) || !(i->rex & 1))) {
        return !(i->prefixes & PREFIX_REP); /* NOP, or PAUSE, which yields */
    }
    a = H_RAX;
    b = in_register(x, i->op[1].reg, H_R14);
    emit_insn(x->e, form_of(i, row), 0x87, a, rm_reg(b));
    field_write_back(x, &i->op[1], H_R14);
    return true;
}

/* No operands beyond fixed registers that the host has in the same place. */
static bool emit_fixed(struct trans *x, unsigned n, const struct emit_row *row)
{
    const struct insn *i = &x->b->insn[n];
    unsigned form = form_of(i, row);

    flags_before(x, i, n);
    if (form & E_66) {
        emit8(x->e, 0x66);
    }
    if (form & E_W) {
        emit8(x->e, 0x48);
    }
    emit8(x->e, i->opcode);
    flags_after(x, i);
    return true;
}

static bool emit_nothing(struct trans *x, unsigned n, const struct emit_row *row)
{
    (void)x;
    (void)n;
    (void)row;
    return true;
}

static bool emit_bswap(struct trans *x, unsigned n, const struct emit_row *row)
{
    const struct insn *i = &x->b->insn[n];
    unsigned r;

    (void)row;
    if (i->opsize == 2) {
        return false;
    }
    r = in_register(x, i->op[0].reg, H_R14);
    emit8(x->e, 0x40 | (i->opsize == 8 ? 8 : 0) | (r & 8 ? 1 : 0));
    emit8(x->e, 0x0f);
    emit8(x->e, 0xc8 | (r & 7));
    field_write_back(x, &i->op[0], H_R14);
    return true;
}

/* BT and its family: a register offset into memory reaches beyond the operand. */
static bool emit_bit(struct trans *x, unsigned n, const struct emit_row *row)
{
    const struct insn *i = &x->b->insn[n];

    if (i->op[0].kind == OPND_MEM && i->op[1].kind != OPND_IMM) {
        return false;
    }
    return emit_copy(x, n, row);
}

bool stack_operand(const struct trans *x, const struct insn *i)
{
    return x->word != 8 || i->opsize == 8;
}

static bool emit_push(struct trans *x, unsigned n, const struct emit_row *row)
{
    const struct insn *i = &x->b->insn[n];
    unsigned form = size_form(i->opsize);
    struct emit_rm rm;

    (void)row;
    if (!stack_operand(x, i) || (i->op[0].kind != OPND_IMM && i->op[0].kind != OPND_REG)) {
        return false;
    }
    rm = stack_begin(x, n, R_RSP, -(int32_t)i->opsize, true, SITE_RESUME);
    if (i->op[0].kind == OPND_IMM) {
        emit_insn(x->e, form, 0xc7, 0, rm);
        emit_bytes(x->e, &i->imm, i->opsize == 2 ? 2 : 4);
    } else {
        emit_insn(x->e, form, 0x89, in_register(x, i->op[0].reg, H_R14), rm);
    }
    emit_add_rsp(x, -(int32_t)i->opsize);
    mem_end(x);
    return true;
}

static bool emit_pop(struct trans *x, unsigned n, const struct emit_row *row)
{
    const struct insn *i = &x->b->insn[n];
    struct emit_rm rm;
    int h;

    (void)row;
    if (!stack_operand(x, i) || i->op[0].kind != OPND_REG) {
        return false;
    }
    h = host_of(x, i->op[0].reg);
    rm = stack_begin(x, n, R_RSP, 0, false, SITE_RESUME);
    emit_insn(x->e, size_form(i->opsize), 0x8b,
              h < 0 || i->op[0].reg == R_RSP ? H_R14 : (unsigned)h, rm);
    emit_add_rsp(x, (int32_t)i->opsize);
    if (i->opsize == 2 && i->op[0].reg == R_RSP) {
        emit_insn(x->e, E_66, 0x89, H_R14, rm_reg(H_R12));
    } else if (h < 0 || i->op[0].reg == R_RSP) {
        store_register(x, i->op[0].reg, H_R14);
    }
    mem_end(x);
    return true;
}

static bool emit_leave(struct trans *x, unsigned n, const struct emit_row *row)
{
    const struct insn *i = &x->b->insn[n];
    struct emit_rm rm;

    (void)row;
    if (!stack_operand(x, i)) {
        return false;
    }
    rm = stack_begin(x, n, R_RBP, 0, false, SITE_RESUME);
    emit_insn(x->e, size_form(x->stack), 0x8d, H_R12, rm_mem(H_RBP, (int32_t)i->opsize));
    emit_insn(x->e, size_form(i->opsize), 0x8b, H_RBP, rm);
    mem_end(x);
    return true;
}

/* clang-format off */
static const struct { uint8_t kind; bool (*emit)(struct trans *, unsigned, const struct emit_row *); } emitters[] = {
    { EMIT_ALU, emit_alu }, { EMIT_MOV, emit_mov }, { EMIT_LEA, emit_lea_insn },
    { EMIT_XCHG, emit_xchg }, { EMIT_FIXED, emit_fixed }, { EMIT_NOTHING, emit_nothing },
    { EMIT_BSWAP, emit_bswap }, { EMIT_BIT, emit_bit }, { EMIT_PUSH, emit_push },
    { EMIT_POP, emit_pop }, { EMIT_LEAVE, emit_leave }, { EMIT_DIV, emit_div },
};
/* clang-format on */

bool emit_one(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    const struct emit_row *row = emit_row_find(x->t->cpu, i);

    if (!row) {
        return (i->map == MAP_VEX ? emit_vex(x, n) : emit_vector(x, n)) || emit_x87(x, n);
    }
    for (unsigned k = 0; k < G_N_ELEMENTS(emitters); k++) {
        if (emitters[k].kind == row->kind) {
            return emitters[k].emit(x, n, row);
        }
    }
    return false;
}
