/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/system.c: system instructions in translated code.
 *
 * Those that change the mode, the page tables or the flow end a block: the interpreter's own function
 * does the work, and translated code goes straight on in the mode that it left, unless something
 * asks for an instruction boundary.  Those that only move the CPU's own fields at CPL 0 are emitted.
 *
 * Invariant: IF is set, AC is changed and RIP is loaded only where what waits for it is looked at:
 *            an interrupt that an instruction lets in is taken at the boundary it should be.
 * Thread: the vCPU's own.  Source: SDM vol. 2.
 */
#include "accel/tcg/x86_64/trans.h"
#include "target/i386/exec_int.h"
#include "target/i386/exec_system.h"

#define EFLAGS_BYTE(n) rm_cpu(offsetof(struct x86_cpu, eflags) + (n))
#define FIELD(member)  rm_cpu(offsetof(struct x86_cpu, member))

/* Is there more to look at before the next instruction than the inline look-up does? */
static bool must_leave(const struct x86_cpu *cpu)
{
    return tcg_event_waits(cpu) || cpu->halted || cpu->intr_shadow || cpu->ss_shadow ||
           translator_mode(cpu) < 0 || (cpu->eflags & (FLAG_TF | FLAG_RF)) || (cpu->dr[7] & 0xff);
}

bool translator_goes_on(struct x86_cpu *cpu, uint64_t died)
{
    struct tcg *t = cpu->engine;

    flags_normalise(cpu);
    cpu->vectors_loaded = VECTORS_NONE;
    update_vectors_usable(cpu);
    update_x87_ready(cpu);
    if (t->n_invalidated != died || must_leave(cpu)) {
        return false;
    }
    /* Set by what changed the mode, or begins itself again. */
    cpu->stop_block = false;
    update_tables(t->backend, cpu);
    cpu->jump_key = translator_key(cpu);
    return true;
}

/* The last instruction of a block.  True: leave translated code. */
static int run_system(struct x86_cpu *cpu, const struct insn *i, uint64_t rip)
{
    const struct tcg *t = cpu->engine;
    uint64_t died = t->n_invalidated;

    x87_settle(cpu, i, rip);
    flags_normalise(cpu);
    cpu->insn_start = rip;
    cpu->regs[R_RIP] = rip + i->len;
    i->exec(cpu, i);
    return !translator_goes_on(cpu, died);
}

void emit_go_on(struct backend *k)
{
    struct emit *e = &k->e;
    uint8_t *leave;

    emit_load(e, H_RSP, FIELD(return_base)); /* nothing returns from here */
    emit_insn(e, 0, 0x85, H_RAX, rm_reg(H_RAX));
    leave = emit_jump(e, CC_NZ);
    emit_load_state(e);
    emit_load(e, H_R13, FIELD(jump_key));
    patch_jump(emit_jump(e, -1), k->lookup);
    patch_jump(leave, e->p);
    emit_insn(e, 0, 0x31, H_RAX, rm_reg(H_RAX));
    patch_jump(emit_jump(e, -1), k->epilogue);
}

/* Jumped to with R14 the instruction and R13 its rip, flags in memory. */
void emit_system_thunk(struct backend *k)
{
    k->system = k->e.p;
    emit_call_interpreter(k, run_system, 0);
    emit_go_on(k);
}

/* CPL is 0 whenever this code runs: the mode says so. */
static bool at_level_0(const struct trans *x)
{
    return !(x->t->cpu->exec_mode & (EXEC_MODE_CPL3 | EXEC_MODE_CPL12));
}

static void emit_or_byte(struct emit *e, struct emit_rm rm, unsigned bits)
{
    emit_insn(e, 0, 0x80, 1, rm);
    emit8(e, bits);
}

static void emit_and_byte(struct emit *e, struct emit_rm rm, unsigned bits)
{
    emit_insn(e, 0, 0x80, 4, rm);
    emit8(e, bits);
}

static void emit_set_byte(struct emit *e, struct emit_rm rm, unsigned v)
{
    emit_insn(e, 0, 0xc6, 0, rm);
    emit8(e, v);
}

static bool emit_cli(struct trans *x, unsigned n)
{
    (void)n;
    flags_for_check(x);
    emit_and_byte(x->e, EFLAGS_BYTE(1), ~(FLAG_IF >> 8) & 0xff);
    return true;
}

/*
 * Interrupts stay out until the next instruction is done, which stands in this block: nothing
 * polls before it.  One that waits already is the interpreter's business.
 */
static bool emit_sti(struct trans *x, unsigned n)
{
    struct site *s;

    if (n + 1u == x->b->n) {
        return false;
    }
    flags_to_memory(x);
    x->host_flags = false;
    emit_insn(x->e, 0, 0x83, 7, FIELD(pending));
    emit8(x->e, 0);
    s = add_site(x, emit_jump(x->e, CC_NZ), SITE_RESUME);
    emit_or_byte(x->e, EFLAGS_BYTE(1), FLAG_IF >> 8);
    s->back = x->e->p;
    return true;
}

/* GS is not flat from here on, whatever its base: only 32-bit code asks. */
static bool emit_swapgs(struct trans *x, unsigned n)
{
    (void)n;
    emit_load(x->e, H_R13, FIELD(seg[SEG_GS].base));
    emit_load(x->e, H_R14, FIELD(kernel_gs_base));
    emit_store(x->e, H_R13, FIELD(kernel_gs_base));
    emit_store(x->e, H_R14, FIELD(seg[SEG_GS].base));
    emit_set_byte(x->e, FIELD(seg[SEG_GS].access), 0);
    return true;
}

static bool emit_pushf(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    struct emit *e = x->e;
    struct emit_rm rm;

    if (!stack_operand(x, i) || (x->segmented && !at_level_0(x))) { /* virtual-8086 mode? */
        return false;
    }
    if (x->memory_flags) {
        need_exact_memory(x);
    } else {
        need_host_flags(x);
        emit_save_flags(e);
        x->memory_flags = x->memory_exact = true;
    }
    rm = stack_begin(x, n, R_RSP, -(int32_t)i->opsize, true, SITE_RESUME);
    x->host_flags = false;
    emit_insn(e, 0, 0x8b, H_R14, FIELD(cc_src));
    emit_insn(e, 0, 0x81, 4, rm_reg(H_R14));
    emit32(e, FLAGS_ARITH);
    emit_insn(e, 0, 0x0b, H_R14, FIELD(eflags));
    emit_insn(e, 0, 0x81, 4, rm_reg(H_R14));
    emit32(e, ~(FLAG_RF | FLAG_VM));
    emit_insn(e, size_form(i->opsize), 0x89, H_R14, rm);
    emit_add_rsp(x, -(int32_t)i->opsize);
    mem_end(x);
    return true;
}

/* Of a selector; one of 32 bits leaves half of its slot as it is. */
static bool emit_push_seg(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    struct emit_rm rm;

    if (i->opsize != 2 || x->word == 8) {
        return false;
    }
    rm = stack_begin(x, n, R_RSP, -2, true, SITE_RESUME);
    emit_insn(x->e, MAP_0F, 0xb7, H_R14, FIELD(seg[i->op[0].reg].selector));
    emit_insn(x->e, E_66, 0x89, H_R14, rm);
    emit_add_rsp(x, -2);
    mem_end(x);
    return true;
}

/*
 * PUSH of memory: the value waits where a branch's target would, while the stack is checked.  That may
 * give R15 to a group, so nothing resumes behind it whose check of the operand failed.
 */
static bool emit_push_memory(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    struct emit_rm rm;

    if (!stack_operand(x, i) || i->op[0].kind != OPND_MEM) {
        return false;
    }
    emit_insn(x->e, size_form(i->opsize), 0x8b, H_R13, mem_begin_last(x, n, &i->op[0]));
    emit_store(x->e, H_R13, FIELD(branch_target));
    rm = stack_begin(x, n, R_RSP, -(int32_t)i->opsize, true, SITE_RESUME);
    emit_load(x->e, H_R14, FIELD(branch_target));
    emit_insn(x->e, size_form(i->opsize), 0x89, H_R14, rm);
    emit_add_rsp(x, -(int32_t)i->opsize);
    mem_end(x);
    return true;
}

/* CLD and STD: DF is a field; the host's stays clear. */
static bool emit_cld(struct trans *x, unsigned n)
{
    (void)n;
    flags_for_check(x);
    emit_and_byte(x->e, EFLAGS_BYTE(1), ~(FLAG_DF >> 8) & 0xff);
    return true;
}

static bool emit_std(struct trans *x, unsigned n)
{
    (void)n;
    flags_for_check(x);
    emit_or_byte(x->e, EFLAGS_BYTE(1), FLAG_DF >> 8);
    return true;
}

/* LFENCE, MFENCE, SFENCE as they stand: 0F AE with a register form. */
static bool emit_fence(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];

    if (i->map != MAP_0F || i->modrm < 0xe8) {
        return false;
    }
    emit_insn(x->e, MAP_0F, 0xae, i->modrm >> 3 & 7, rm_reg(0));
    return true;
}

static bool emit_nop_or_pause(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];

    if (i->prefixes & PREFIX_REP) {
        emit_bytes(x->e, "\xf3\x90", 2);
        return true;
    }
    return !(i->rex & 1);
}

enum { ANY_LEVEL, LEVEL_0 };

/* clang-format off */
static const struct system_row {
    x86_exec_fn *exec;
    uint8_t level;
    bool (*emit)(struct trans *x, unsigned n);
} rows[] = {
    { x_cli,      LEVEL_0,   emit_cli },    { x_sti,   LEVEL_0,   emit_sti },
    { x_swapgs,   LEVEL_0,   emit_swapgs }, { x_pushf, ANY_LEVEL, emit_pushf },
    { x_push,     ANY_LEVEL, emit_push_memory }, { x_push_seg, ANY_LEVEL, emit_push_seg },
    { x_cld,      ANY_LEVEL, emit_cld },    { x_std,   ANY_LEVEL, emit_std },
    { x_fence,    ANY_LEVEL, emit_fence },  { x_nop_xchg, ANY_LEVEL, emit_nop_or_pause },
};
/* clang-format on */

bool emit_system(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];

    for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++) {
        if (rows[k].exec == i->row->exec) {
            return (rows[k].level == ANY_LEVEL || at_level_0(x)) && rows[k].emit(x, n);
        }
    }
    return false;
}

#define STRING_REGS (1u << R_RSI | 1u << R_RDI | 1u << R_RCX | 1u << R_RAX)

bool system_writes(const struct insn *i, uint32_t *written)
{
    static const struct {
        x86_exec_fn *exec;
        uint32_t written;
    } known[] = {
        { x_cli, 0 },
        { x_sti, 0 },
        { x_cld, 0 },
        { x_std, 0 },
        { x_fence, 0 },
        { x_pushf, 1u << R_RSP },
        { x_push_seg, 1u << R_RSP },
        { x_movs, STRING_REGS },
        { x_stos, STRING_REGS },
        { x_lods, STRING_REGS },
        { x_scas, STRING_REGS },
        { x_cmps, STRING_REGS },
    };

    for (unsigned k = 0; k < G_N_ELEMENTS(known); k++) {
        if (known[k].exec == i->row->exec) {
            *written = known[k].written;
            return true;
        }
    }
    return false;
}

/* STAC and CLAC under SMAP: the other bank of the soft TLB, and code that was made for it. */
static bool emit_smap(struct trans *x, const struct insn *i, bool on)
{
    unsigned bank = on ? TLB_KERNEL_AC : TLB_KERNEL, mode = x->t->cpu->exec_mode;
    struct emit *e = x->e;

    mode = (mode & ~(3u << EXEC_MODE_BANK_SHIFT)) | bank << EXEC_MODE_BANK_SHIFT;
    emit_insn(e, 0, 0xf7, 0, FIELD(cr4));
    emit32(e, CR4_SMAP);
    add_site(x, emit_jump(e, CC_Z), SITE_LAST);
    if (on) {
        emit_or_byte(e, EFLAGS_BYTE(2), FLAG_AC >> 16);
    } else {
        emit_and_byte(e, EFLAGS_BYTE(2), ~(FLAG_AC >> 16) & 0xff);
    }
    emit_set_byte(e, FIELD(bank), bank);
    emit_set_byte(e, FIELD(exec_mode), mode);
    emit_goto(x, x->rip + i->len);
    return true;
}

/* The last instruction of a block, no branch that is emitted. */
void emit_system_last(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    x86_exec_fn *fn = i->row->exec;

    flags_to_memory(x);
    x->host_flags = false;
    if ((fn == x_stac || fn == x_clac) && at_level_0(x) && !x->segmented) {
        emit_smap(x, i, fn == x_stac);
        return;
    }
    emit_mov_imm(x->e, H_R14, (uintptr_t)i);
    emit_mov_linear(x, H_R13, x->rip);
    patch_jump(emit_jump(x->e, -1), x->k->system);
}
