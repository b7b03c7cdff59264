/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/string.c: MOVS, STOS, LODS, SCAS and CMPS by the host's own instructions.
 *
 * One thunk for each bank of the soft TLB, width of addresses, instruction, prefix and element size. It checks the page
 * of each operand, lets the host repeat to the nearer page's end, and goes on with the next pages.
 * Whatever else there is (DF, a miss, a device, code on the page, an element across pages, an ES of
 * 32-bit code that is not flat, a request to leave) is the interpreter's, which finds RSI, RDI and RCX as they are by then.
 *
 * Invariants: addresses are those of the mode without a segment base; registers of 32-bit ones are
 *             cut to 32 bits before and after each run. Flags are in memory before and after;
 *             flags of a comparison are stored once the instruction is through; R15 is kept.
 * Thread: the vCPU's own.  Source: SDM vol. 2, "REP".
 */
#include "accel/tcg/x86_64/trans.h"
#include "target/i386/exec_int.h"

enum { USES_RSI = 1, USES_RDI = 2, WRITES = 4, LOADS = 8, COMPARES = 16 };

/* In the order of backend.string. */
static const struct {
    x86_exec_fn *exec;
    uint8_t flags;
    uint8_t opcode; /* of the byte form */
} rows[STRING_OPS] = {
    { x_movs, USES_RSI | USES_RDI | WRITES, 0xa4 },
    { x_stos, USES_RDI | WRITES, 0xaa },
    { x_lods, USES_RSI | LOADS, 0xac },
    { x_scas, USES_RDI | COMPARES, 0xae },
    { x_cmps, USES_RSI | USES_RDI | COMPARES, 0xa6 },
};

struct maker {
    struct emit *e;
    struct backend *k;
    unsigned flags, opcode, size, prefix; /* prefix: 0, 0xf3, 0xf2 */
    bool narrow;                          /* 32-bit addresses */
    int32_t tlb;
    uint8_t *fallback[5], *dropping[2]; /* jumps to the interpreter; with 16 bytes to drop first */
    unsigned n_fallback, n_dropping;
};

/* An instruction with byte and larger forms, on R13's memory. */
static void emit_sized(struct maker *m, unsigned opcode, unsigned reg)
{
    emit_insn(m->e, size_form(m->size), opcode | (m->size > 1), reg, rm_mem(H_R13, 0));
}

static void emit_advance(struct maker *m, unsigned reg)
{
    emit_insn(m->e, m->narrow ? 0 : E_W, 0x8d, reg, rm_mem(reg, (int32_t)m->size));
}

static void emit_cut(struct maker *m)
{
    struct emit *e = m->e;

    if (m->narrow && (m->flags & USES_RSI)) {
        emit_insn(e, 0, 0x89, H_RSI, rm_reg(H_RSI));
    }
    if (m->narrow && (m->flags & USES_RDI)) {
        emit_insn(e, 0, 0x89, H_RDI, rm_reg(H_RDI));
    }
    if (m->narrow && m->prefix) {
        emit_insn(e, 0, 0x89, H_RCX, rm_reg(H_RCX));
    }
}

static void emit_check_es(struct maker *m)
{
    if (m->narrow && (m->flags & USES_RDI)) {
        emit_insn(m->e, 0, 0xf6, 0, rm_cpu(offsetof(struct x86_cpu, seg[SEG_ES].access)));
        emit8(m->e, m->flags & WRITES ? SEGMENT_FLAT_WRITE : SEGMENT_FLAT_READ);
        m->fallback[m->n_fallback++] = emit_jump(m->e, CC_Z);
    }
}

/* R13: the host address of what `reg` points to, R15: its offset in the page.  Returns the jump of a miss. */
static uint8_t *emit_page(struct maker *m, unsigned reg, bool write)
{
    struct emit *e = m->e;
    size_t tag =
        write ? offsetof(struct tlb_entry, write_tag) : offsetof(struct tlb_entry, read_tag);
    uint8_t *miss;

    emit_insn(e, 0, 0x89, reg, rm_reg(H_R14));
    emit_insn(e, 0, 0xc1, 5, rm_reg(H_R14));
    emit8(e, 7);
    emit_insn(e, 0, 0x81, 4, rm_reg(H_R14));
    emit32(e, (TLB_SIZE - 1) << 5);
    emit_insn(e, E_W, 0x89, reg, rm_reg(H_R15));
    emit_insn(e, E_W, 0x2b, H_R15, rm_cpu_at(H_R14, (size_t)m->tlb + tag));
    emit_insn(e, E_W, 0x81, 7, rm_reg(H_R15));
    emit32(e, 4096 - m->size);
    miss = emit_jump(e, CC_A);
    emit_load(e, H_R13, rm_cpu_at(H_R14, (size_t)m->tlb + offsetof(struct tlb_entry, addend)));
    emit_insn(e, E_W, 0x03, H_R13, rm_reg(reg));
    return miss;
}

static void emit_push(struct emit *e, unsigned reg)
{
    emit_insn(e, 0, 0xff, 6, rm_reg(reg));
}

static void emit_pop(struct emit *e, unsigned reg)
{
    emit_insn(e, 0, 0x8f, 0, rm_reg(reg));
}

/* One element: a second operand's value waits on the stack, above 8 bytes that nobody reads. */
static void emit_single(struct maker *m)
{
    struct emit *e = m->e;
    bool two = (m->flags & (USES_RSI | USES_RDI)) == (USES_RSI | USES_RDI);
    unsigned first = m->flags & COMPARES ? H_RDI : H_RSI;

    if (two) {
        m->fallback[m->n_fallback++] = emit_page(m, first, false);
        emit_sized(m, 0x8a, H_R14);
        emit_push(e, H_R14);
        emit_push(e, H_R14);
        m->dropping[m->n_dropping++] =
            emit_page(m, first == H_RDI ? H_RSI : H_RDI, m->flags & WRITES);
        emit_pop(e, H_R14);
        emit_pop(e, H_R14);
    } else {
        m->fallback[m->n_fallback++] =
            emit_page(m, m->flags & USES_RSI ? H_RSI : H_RDI, m->flags & WRITES);
    }
    if (m->flags & COMPARES) {
        emit_sized(m, two ? 0x38 : 0x3a, two ? H_R14 : H_RAX);
        emit_save_flags(e);
    } else if (m->flags & LOADS) {
        emit_sized(m, 0x8a, H_RAX);
    } else {
        emit_sized(m, 0x88, two ? H_R14 : H_RAX);
    }
    if (m->flags & USES_RSI) {
        emit_advance(m, H_RSI);
    }
    if (m->flags & USES_RDI) {
        emit_advance(m, H_RDI);
    }
}

/* Elements to the nearer page's end, at most RCX, to R15; host addresses: RSI's on the stack, RDI's in R13. */
static void emit_run_length(struct maker *m)
{
    struct emit *e = m->e;

    if (m->flags & USES_RSI) {
        m->fallback[m->n_fallback++] = emit_page(m, H_RSI, false);
        emit_push(e, H_R13);
        emit_push(e, H_R15);
        m->dropping[m->n_dropping++] = emit_page(m, H_RDI, m->flags & WRITES);
        emit_pop(e, H_R14);
        emit_insn(e, E_W, 0x39, H_R15, rm_reg(H_R14));
        emit_insn(e, E_W | MAP_0F, 0x47, H_R15, rm_reg(H_R14)); /* cmova */
    } else {
        m->fallback[m->n_fallback++] = emit_page(m, H_RDI, m->flags & WRITES);
    }
    emit_insn(e, E_W, 0xf7, 3, rm_reg(H_R15));
    emit_insn(e, E_W, 0x81, 0, rm_reg(H_R15));
    emit32(e, 4096);
    if (m->size > 1) {
        emit_insn(e, E_W, 0xc1, 5, rm_reg(H_R15));
        emit8(e, (unsigned)__builtin_ctz(m->size));
    }
    emit_insn(e, E_W, 0x39, H_RCX, rm_reg(H_R15));
    emit_insn(e, E_W | MAP_0F, 0x47, H_R15, rm_reg(H_RCX));
}

#define CHUNK 64 /* bytes */

/* All of a chunk by XMM0 to XMM3: from RSI to them, from them to RDI, to or from the host's stack. */
static void emit_chunk(struct emit *e, unsigned opcode, unsigned reg)
{
    for (unsigned n = 0; n < CHUNK / 16; n++) {
        emit_insn(e, MAP_0F, opcode, n, rm_mem(reg, (int32_t)(16 * n))); /* movups */
    }
}

/*
 * RCX elements from RSI to RDI, host addresses, but for less than a chunk, where REP MOVS would be slow: where
 * the low 12 bits alone look as if operands overlapped, a Zen 4 copies byte by byte, 16 times as long.
 */
static void emit_chunks(struct maker *m)
{
    uint8_t *overlap, *quick, *few, *start;
    unsigned a_chunk = CHUNK / m->size;
    struct emit *e = m->e;

    emit_insn(e, E_W, 0x89, H_RDI, rm_reg(H_R13));
    emit_insn(e, E_W, 0x29, H_RSI, rm_reg(H_R13));
    emit_insn(e, E_W, 0x83, 7, rm_reg(H_R13));
    emit8(e, CHUNK);
    overlap = emit_jump(e, CC_B);
    emit_insn(e, 0, 0x81, 4, rm_reg(H_R13));
    emit32(e, 4095);
    emit_insn(e, 0, 0xff, 1, rm_reg(H_R13));
    emit_insn(e, 0, 0x83, 7, rm_reg(H_R13));
    emit8(e, CHUNK - 1);
    quick = emit_jump(e, CC_AE);
    emit_insn(e, E_W, 0x83, 7, rm_reg(H_RCX));
    emit8(e, a_chunk);
    few = emit_jump(e, CC_B);
    emit_lea(e, H_RSP, rm_mem(H_RSP, -CHUNK));
    emit_chunk(e, 0x11, H_RSP);
    start = e->p;
    emit_chunk(e, 0x10, H_RSI);
    emit_chunk(e, 0x11, H_RDI);
    emit_lea(e, H_RSI, rm_mem(H_RSI, CHUNK));
    emit_lea(e, H_RDI, rm_mem(H_RDI, CHUNK));
    emit_insn(e, E_W, 0x83, 5, rm_reg(H_RCX));
    emit8(e, a_chunk);
    emit_insn(e, E_W, 0x83, 7, rm_reg(H_RCX));
    emit8(e, a_chunk);
    patch_jump(emit_jump(e, CC_AE), start);
    emit_chunk(e, 0x10, H_RSP);
    emit_lea(e, H_RSP, rm_mem(H_RSP, CHUNK));
    patch_jump(overlap, e->p);
    patch_jump(quick, e->p);
    patch_jump(few, e->p);
}

/* The host's instruction on host addresses, and back to the guest's; R14 keeps RDI's difference. */
static void emit_host_run(struct maker *m)
{
    struct emit *e = m->e;

    emit_insn(e, E_W, 0x89, H_RDI, rm_reg(H_R14));
    emit_insn(e, E_W, 0x29, H_R13, rm_reg(H_R14));
    emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_RDI));
    if (m->flags & USES_RSI) {
        emit_pop(e, H_R13);
        emit_insn(e, E_W, 0x29, H_R13, rm_reg(H_RSI));
        emit_push(e, H_RSI);
        emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_RSI));
    }
    emit_insn(e, E_W, 0x29, H_R15, rm_reg(H_RCX));
    emit_push(e, H_RCX);
    emit_insn(e, E_W, 0x89, H_R15, rm_reg(H_RCX));
    if ((m->flags & USES_RSI) && (m->flags & WRITES)) {
        emit_chunks(m);
    }
    if (m->size == 2) {
        emit8(e, 0x66);
    }
    emit8(e, m->prefix);
    if (m->size == 8) {
        emit8(e, 0x48);
    }
    emit8(e, m->opcode | (m->size > 1));
    if (m->flags & COMPARES) {
        emit8(e, 0x9c); /* pushfq */
        emit_pop(e, H_R15);
    }
    emit_insn(e, E_W, 0x03, H_RCX, rm_mem(H_RSP, 0));
    emit_pop(e, H_R13);
    if (m->flags & USES_RSI) {
        emit_pop(e, H_R13);
        emit_insn(e, E_W, 0x01, H_R13, rm_reg(H_RSI));
    }
    emit_insn(e, E_W, 0x01, H_R14, rm_reg(H_RDI));
}

/* R15 holds the comparison's flags: REPE ends at ZF clear, REPNE at ZF set. */
static void emit_repeated(struct maker *m)
{
    struct emit *e = m->e;
    uint8_t *none, *again, *ended, *over, *start;

    emit_insn(e, E_W, 0x85, H_RCX, rm_reg(H_RCX));
    none = emit_jump(e, CC_Z);
    start = e->p;
    emit_insn(e, 0, 0x80, 7, rm_cpu(CPU_EXIT_REQUEST));
    emit8(e, 0);
    m->fallback[m->n_fallback++] = emit_jump(e, CC_NZ);
    emit_run_length(m);
    emit_host_run(m);
    emit_cut(m);
    if (m->flags & COMPARES) {
        emit_insn(e, 0, 0xf7, 0, rm_reg(H_R15));
        emit32(e, FLAG_ZF);
        ended = emit_jump(e, m->prefix == 0xf2 ? CC_NZ : CC_Z);
        emit_insn(e, E_W, 0x85, H_RCX, rm_reg(H_RCX));
        again = emit_jump(e, CC_NZ);
        patch_jump(ended, e->p);
        emit_store(e, H_R15, rm_cpu(offsetof(struct x86_cpu, cc_src)));
        emit_insn(e, 0, 0xc7, 0, rm_cpu(offsetof(struct x86_cpu, cc_op)));
        emit32(e, CC_FLAGS << 2);
        over = emit_jump(e, -1);
        patch_jump(again, start);
        patch_jump(over, e->p);
    } else {
        emit_insn(e, E_W, 0x85, H_RCX, rm_reg(H_RCX));
        patch_jump(emit_jump(e, CC_NZ), start);
    }
    patch_jump(none, e->p);
}

/* Called with R14 the instruction and R13 its rip; kept on the stack for the interpreter. */
static void emit_thunk(struct maker *m)
{
    struct emit *e = m->e;

    emit_push(e, H_R13);
    emit_push(e, H_R14);
    emit_push(e, H_R15);
    emit_insn(e, 0, 0xf6, 0, rm_cpu(offsetof(struct x86_cpu, eflags) + 1));
    emit8(e, FLAG_DF >> 8);
    m->fallback[m->n_fallback++] = emit_jump(e, CC_NZ);
    emit_check_es(m);
    emit_cut(m);
    if (m->prefix) {
        emit_repeated(m);
    } else {
        emit_single(m);
    }
    emit_pop(e, H_R15);
    emit_lea(e, H_RSP, rm_mem(H_RSP, 16));
    emit8(e, 0xc3);
    for (unsigned n = 0; n < m->n_dropping; n++) {
        patch_jump(m->dropping[n], e->p);
    }
    if (m->n_dropping) {
        emit_lea(e, H_RSP, rm_mem(H_RSP, 16));
    }
    for (unsigned n = 0; n < m->n_fallback; n++) {
        patch_jump(m->fallback[n], e->p);
    }
    emit_pop(e, H_R15);
    emit_pop(e, H_R14);
    emit_pop(e, H_R13);
    patch_jump(emit_jump(e, -1), m->k->interpret_in_place);
}

void emit_string_thunks(struct backend *k)
{
    static const uint8_t prefixes[STRING_PREFIXES] = { 0, 0xf3, 0xf2 };

    for (unsigned n = 0; n < STRING_OPS * STRING_PREFIXES * 4 * STRING_BANKS * 2; n++) {
        unsigned narrow = n % 2, bank = n / 2 % STRING_BANKS, size = n / 2 / STRING_BANKS % 4;
        unsigned prefix = n / 8 / STRING_BANKS % STRING_PREFIXES, op = n / 8 / STRING_BANKS / 3;
        struct maker m = {
            .e = &k->e,
            .k = k,
            .flags = rows[op].flags,
            .opcode = rows[op].opcode,
            .size = 1u << size,
            .prefix = prefixes[prefix],
            .narrow = narrow,
            .tlb = (int32_t)(offsetof(struct x86_cpu, tlb.entry) +
                             bank * sizeof(((struct tlb *)NULL)->entry[0])),
        };

        /* F2 is F3 where nothing is compared. */
        if ((prefix == 2 && !(m.flags & COMPARES)) || (prefix && (m.flags & LOADS)) ||
            (narrow && m.size == 8)) {
            continue;
        }
        k->string[op][prefix][size][bank][narrow] = k->e.p;
        emit_thunk(&m);
    }
}

bool emit_string(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    unsigned op = 0, prefix = 0;
    uint8_t *thunk;

    while (op < STRING_OPS && rows[op].exec != i->row->exec) {
        op++;
    }
    if (op == STRING_OPS || x->segmented || i->addrsize != x->word ||
        ((rows[op].flags & USES_RSI) &&
         (x->word == 8 ? i->seg >= SEG_FS : i->seg != SEG_DS && i->seg != SEG_SS))) {
        return false;
    }
    if (i->prefixes & (PREFIX_REP | PREFIX_REPNE)) {
        prefix = (i->prefixes & PREFIX_REPNE) && (rows[op].flags & COMPARES) ? 2 : 1;
    }
    thunk = x->k->string[op][prefix][size_log2(i->size)][x->t->cpu->bank][x->word == 4];
    if (!thunk) {
        return false;
    }
    flags_to_memory(x);
    emit_mov_imm(x->e, H_R14, (uintptr_t)i);
    emit_mov_linear(x, H_R13, x->rip);
    emit_call(x->e, thunk);
    x->host_flags = false;
    x->desc.kind = DESC_NONE;
    return true;
}
