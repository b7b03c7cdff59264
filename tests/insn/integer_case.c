/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/insn/integer_case.c: see integer_case.h. */
#include "tests/insn/integer_case.h"
#include <string.h>
#include "target/i386/exec_int.h"
#include "target/i386/operand.h"

/* What a row needs beyond random registers, or why it is not run. */
enum row_needs {
    REFUSED,   /* depends on the system, or would hurt the process */
    TAKES_ANY, /* though it ends a block */
    BRANCHES,
    RETURNS,
    POPS_FLAGS,
};

static const struct {
    const char *mnemonic;
    enum row_needs needs;
} special_rows[] = {
    { "in", TAKES_ANY },     { "out", TAKES_ANY },   { "ins", TAKES_ANY },   { "outs", TAKES_ANY },
    { "cli", TAKES_ANY },    { "sti", TAKES_ANY },   { "hlt", TAKES_ANY },   { "ud2", TAKES_ANY },
    { "clts", TAKES_ANY },   { "wrmsr", TAKES_ANY }, { "rdmsr", TAKES_ANY }, { "invd", TAKES_ANY },
    { "wbinvd", TAKES_ANY }, { "jmp", BRANCHES },    { "call", BRANCHES },   { "loop", BRANCHES },
    { "loope", BRANCHES },   { "loopne", BRANCHES }, { "jcxz", BRANCHES },   { "ret", RETURNS },
    { "popf", POPS_FLAGS },  { "cpuid", REFUSED },   { "rdtsc", REFUSED },   { "rdpmc", REFUSED },
    { "fwait", REFUSED },    { "pushf", TAKES_ANY }, { "rdtscp", REFUSED },  { "rdrand", REFUSED },
    { "rdseed", REFUSED },   { "rdpid", REFUSED },   { "xsavec", REFUSED },  { "xsaves", REFUSED },
    { "xrstors", REFUSED },
};

static enum row_needs needs_of(const struct insn *i)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(special_rows); k++) {
        if (!strcmp(special_rows[k].mnemonic, i->row->mnemonic)) {
            return special_rows[k].needs;
        }
    }
    if (i->row->exec == x_jcc) {
        return BRANCHES;
    }
    return i->row->flags & (ROW_ENDS | ROW_PROT) ? REFUSED : TAKES_ANY;
}

/* 64-bit code has these no more; C4, C5 and 62 have become prefixes. */
static bool gone_in_64(const uint8_t *bytes, unsigned op, enum integer_map_id map)
{
    static const uint8_t gone[] = { 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37,
                                    0x3f, 0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xd5, 0xd6, 0xea };

    (void)bytes;
    return map == ONE_BYTE && memchr(gone, (int)op, sizeof(gone));
}

/* Descriptor tables, state images, FS and GS bases: other tests' subject, and this process's own. */
static bool is_system(enum integer_map_id map, unsigned op)
{
    /* 38 and 3A lead to other maps. */
    return map == TWO_BYTE && (op == 0x00 || op == 0x01 || op == 0x38 || op == 0x3a || op == 0xae);
}

static bool is_prefix(unsigned op, bool code32)
{
    static const uint8_t prefixes[] = { 0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x64,
                                        0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3 };

    if (op == 0xc4 || op == 0xc5 || (!code32 && (op & 0xf0) == 0x40)) {
        return true;
    }
    /* 62, C4 and C5 lead to EVEX and VEX. */
    return op == 0x62 || memchr(prefixes, (int)op, sizeof(prefixes));
}

static uint64_t edge(struct native *n)
{
    static const uint64_t edges[] = { 0,          1,          0x7f,       0x80,
                                      0xff,       0x7fff,     0x8000,     0xffff,
                                      0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff,
                                      1ull << 63, UINT64_MAX, 0x0f,       0x99 };
    uint64_t r = native_random(n), v = native_random(n);

    switch (r & 3) {
    case 0:
        return edges[r >> 8 & 15];
    case 1:
        return v >> (r >> 8 & 63);
    case 2:
        return (uint64_t)((int64_t)v >> (r >> 8 & 63));
    default:
        return v;
    }
}

/* An address in the arena; sometimes across a page's end, or the arena's. */
static uint64_t arena_address(struct native *n)
{
    uint64_t r = native_random(n), off = r >> 8 & 15;

    switch (r & 15) {
    case 0:
        return NATIVE_ARENA + NATIVE_ARENA_SIZE - off;
    case 1:
        return NATIVE_ARENA - off;
    case 2:
        return NATIVE_ARENA + ((r >> 16 & 3) << 12) - off;
    default:
        return NATIVE_ARENA + 0x200 + (r >> 16) % (NATIVE_ARENA_SIZE - 0x400);
    }
}

static bool in_arena(uint64_t at, unsigned size)
{
    return at >= NATIVE_ARENA && at + size <= NATIVE_ARENA + NATIVE_ARENA_SIZE;
}

static void arena_put(struct native *n, uint64_t at, uint64_t v, unsigned size)
{
    if (in_arena(at, size)) {
        memcpy(n->ram.ram->host + (at - NATIVE_ARENA), &v, size);
    }
}

static void put_prefixes(struct native *n, struct integer_case *c)
{
    static const uint8_t segments[] = { 0x26, 0x2e, 0x36, 0x3e };
    uint64_t r = native_random(n);

    if ((r & 7) == 0) {
        c->bytes[c->len++] = segments[r >> 3 & 3];
    }
    if ((r >> 8 & 7) == 0) {
        c->bytes[c->len++] = 0x67;
    }
    if ((r >> 16 & 7) < 3) {
        c->bytes[c->len++] = r >> 20 & 1 ? 0xf3 : 0xf2;
    }
    if ((r >> 24 & 7) < 2) {
        c->bytes[c->len++] = 0x66;
    }
    if ((r >> 32 & 7) == 0) {
        c->bytes[c->len++] = 0xf0;
    }
    if (!n->code32 && r >> 40 & 1) {
        c->bytes[c->len++] = 0x40 | (r >> 41 & 15);
    }
}

/* Prefixes, opcode, ModRM and what may follow; *tail is where a displacement would begin. */
static void put_bytes(struct native *n, enum integer_map_id map, unsigned op, unsigned reg,
                      struct integer_case *c, unsigned *tail)
{
    uint64_t r = native_random(n), v = edge(n);
    uint8_t modrm = (uint8_t)((r & 0xc7) | reg << 3);

    put_prefixes(n, c);
    if (map != ONE_BYTE) {
        c->bytes[c->len++] = 0x0f;
    }
    if (map == THREE_BYTE) {
        c->bytes[c->len++] = 0x38;
    }
    c->bytes[c->len++] = (uint8_t)op;
    c->bytes[c->len++] = modrm;
    *tail = c->len;
    if (modrm < 0xc0 && (modrm & 7) == 4) {
        c->bytes[c->len++] = (uint8_t)(r >> 8);
        *tail = c->len;
    }
    memcpy(c->bytes + c->len, &v, 8);
    v = edge(n);
    memcpy(c->bytes + c->len + 4, &v, 4);
    c->len += 8;
}

static uint64_t ea_of(const struct insn *i, const struct native_state *s, unsigned len)
{
    uint64_t base = i->base == R_RIP ? NATIVE_CODE + len : i->base < 16 ? s->gpr[i->base] : 0;
    uint64_t index = i->index < 16 ? s->gpr[i->index] << i->scale : 0;
    uint64_t ea = base + index + (uint64_t)i->disp;

    return i->addrsize == 8 ? ea : ea & size_mask(i->addrsize);
}

/* Makes the memory operand's address `at`, by its base register or else its displacement. */
static void aim(struct integer_case *c, unsigned tail, uint64_t at)
{
    struct insn *i = &c->insn;
    struct native_state *s = &c->state;
    uint32_t disp;

    if (i->addrsize == 2) {
        return; /* the first 64 KiB, which no process has */
    }
    if (i->base < 16) {
        if (i->index == i->base) {
            s->gpr[i->base] = (at - (uint64_t)i->disp) / ((1ull << i->scale) + 1);
        } else {
            s->gpr[i->base] += at - ea_of(i, s, c->len);
        }
        return;
    }
    if (i->index < 16) {
        s->gpr[i->index] &= 0xff;
    }
    disp = (uint32_t)(at - (ea_of(i, s, c->len) - (uint64_t)i->disp));
    i->disp = (int32_t)disp;
    memcpy(c->bytes + tail, &disp, 4);
}

static bool has_memory(const struct insn *i, unsigned *which)
{
    for (*which = 0; *which < 4; ++*which) {
        if (i->op[*which].kind == OPND_MEM) {
            return true;
        }
    }
    return false;
}

static bool is_moffs(const struct insn *i)
{
    return i->row->operands[0] == Ob || i->row->operands[0] == Ov || i->row->operands[1] == Ob ||
           i->row->operands[1] == Ov;
}

/* Bit offsets in registers reach memory far away: most are kept near. */
static void limit_bit_offset(struct native *n, struct integer_case *c)
{
    uint64_t *v = &c->state.gpr[c->insn.op[1].reg & 15];

    if (c->insn.op[1].kind == OPND_REG && native_random(n) & 7) {
        *v = (uint64_t)((int64_t)(*v << 49) >> 49);
    }
}

static bool aim_branch(struct native *n, struct integer_case *c, uint64_t ea)
{
    struct insn *i = &c->insn;
    uint64_t disp = NATIVE_TARGET - (NATIVE_CODE + c->len);

    if (n->code32 && i->opsize == 2) {
        return false; /* goes to the first 64 KiB */
    }
    if (i->op[0].kind == OPND_IMM) {
        unsigned size = i->row->operands[0] == Jb ? 1 : 4;

        memcpy(c->bytes + c->len - size, &disp, size);
    } else if (i->op[0].kind == OPND_MEM) {
        arena_put(n, ea, NATIVE_TARGET, i->opsize);
        return in_arena(ea, i->opsize) || !in_arena(ea, 1);
    } else {
        c->state.gpr[i->op[0].reg] = NATIVE_TARGET;
        return i->op[0].reg != R_RSP;
    }
    return true;
}

/* Registers that instructions use without naming them. */
static void set_implicit(struct native *n, struct integer_case *c)
{
    struct native_state *s = &c->state;
    uint64_t r = native_random(n);

    s->gpr[R_RSP] = arena_address(n);
    if (c->insn.row->exec == x_leave || c->insn.row->exec == x_enter) {
        s->gpr[R_RBP] = arena_address(n);
    }
    if (c->insn.row->flags & ROW_REP) {
        s->gpr[R_RSI] = arena_address(n);
        s->gpr[R_RDI] = r & 1 ? arena_address(n) : s->gpr[R_RSI] + (r >> 8 & 31) - 16;
        s->gpr[R_RCX] = r >> 16 & 7 ? r >> 24 & 63 : r >> 24 & 0xffff;
        s->flags |= r >> 48 & 1 ? FLAG_DF : 0;
    }
    if (c->insn.row->exec == x_popa) {
        s->gpr[R_RSP] = NATIVE_MIDDLE; /* where a fault leaves some registers loaded is no rule */
    }
    if (c->insn.row->exec == x_xlat) {
        s->gpr[R_RBX] = arena_address(n) - (s->gpr[R_RAX] & 0xff);
    }
}

/* Flags that a shift by this count leaves undefined (SDM vol. 2): none if it shifts nothing. */
static uint32_t undefined_flags(const struct integer_case *c)
{
    const struct insn *i = &c->insn;
    unsigned n = i->op[2].kind ? 2 : 1;
    uint64_t count = i->op[n].kind == OPND_IMM ? i->imm : c->state.gpr[R_RCX];
    x86_exec_fn *f = i->row->exec;
    bool shift = f == x_shl || f == x_shr || f == x_sar, twice = f == x_shld || f == x_shrd;
    bool rotate = f == x_rol || f == x_ror || f == x_rcl || f == x_rcr;
    uint32_t undefined = i->row->undefined;

    if (!shift && !twice && !rotate) {
        return undefined;
    }
    count &= i->size == 8 ? 63 : 31;
    if (count == 0) {
        return 0;
    }
    if (twice && count > i->size * 8) {
        return FLAGS_ARITH;
    }
    if (count == 1) {
        undefined &= ~(uint32_t)FLAG_OF;
    }
    return undefined | (shift && f != x_sar && count >= i->size * 8 ? FLAG_CF : 0);
}

static bool decode(struct native *n, enum integer_map_id map, unsigned op, struct integer_case *c)
{
    enum decode_result r = insn_decode(n->cpu, c->bytes, c->len, &c->insn);
    uint8_t *lock = memchr(c->bytes, 0xf0, 5);

    if (r == DECODE_UD && lock && (c->insn.prefixes & PREFIX_LOCK)) {
        struct insn without;

        *lock = 0x3e; /* the same with a prefix of no effect: is it LOCK that is refused? */
        r = insn_decode(n->cpu, c->bytes, c->len, &without);
        *lock = 0xf0;
        if (r == DECODE_OK && needs_of(&without) == TAKES_ANY &&
            !(without.row->flags & (ROW_SSE | ROW_MMX | ROW_X87 | ROW_X87_WAIT))) {
            c->len = without.len;
            return true;
        }
        return false;
    }
    if (r == DECODE_UD && !n->code32 && gone_in_64(c->bytes, op, map)) {
        c->len = c->insn.len;
        return true;
    }
    c->len = c->insn.len;
    return r == DECODE_OK && !(c->insn.row->flags & (ROW_SSE | ROW_MMX | ROW_X87 | ROW_X87_WAIT)) &&
           needs_of(&c->insn) != REFUSED && native_host_has(c->insn.row->feature);
}

static void random_state(struct native *n, struct integer_case *c)
{
    uint64_t *arena = (uint64_t *)(void *)n->ram.ram->host;

    memset(&c->state, 0, sizeof(c->state));
    native_put(&c->state, FX_CONTROL, 0x37f, 2);
    native_put(&c->state, FX_MXCSR, 0x1f80, 4);
    for (unsigned k = 0; k < 16; k++) {
        c->state.gpr[k] = edge(n);
    }
    c->state.flags = 0x202 | (native_random(n) & FLAGS_ARITH);
    c->state.vector = -1;
    for (unsigned k = 0; k < NATIVE_ARENA_SIZE / 8; k++) {
        arena[k] = native_random(n);
    }
}

/*
 * A bit offset may lead to the page of the code, which only the host has, or across 4 GiB, where
 * processors fault or do not (SDM vol. 3, 5.3).
 */
static bool reaches_code(const struct insn *i, const struct native_state *s, uint64_t ea)
{
    unsigned size = i->op[0].size;
    int64_t offset = (int64_t)s->gpr[i->op[1].reg & 15];

    if (i->op[1].kind != OPND_REG) {
        return false;
    }
    offset = size == 2 ? (int16_t)offset : size == 4 ? (int32_t)offset : offset;
    ea = (uint32_t)(ea + (uint64_t)(offset >> 3));
    return ea > UINT32_MAX - 16 || (ea + 16 >= NATIVE_CODE && ea < NATIVE_CODE + 0x1010);
}

/* Memory, stack and branch targets for the decoded instruction. */
static bool set_operands(struct native *n, struct integer_case *c, unsigned tail)
{
    struct insn *i = &c->insn;
    struct native_state *s = &c->state;
    unsigned which;
    uint64_t at = arena_address(n);
    bool bits = i->row->exec == x_bt || i->row->exec == x_bts || i->row->exec == x_btr ||
                i->row->exec == x_btc;

    set_implicit(n, c);
    if (bits) {
        limit_bit_offset(n, c);
    }
    if (has_memory(i, &which)) {
        if (is_moffs(i)) {
            memcpy(c->bytes + c->len - i->addrsize, &at, i->addrsize);
        } else {
            aim(c, tail, at);
            at = ea_of(i, s, c->len);
        }
        if (bits && reaches_code(i, s, at)) {
            return false;
        }
        if (native_random(n) & 1) {
            arena_put(n, at, edge(n), i->op[which].size == 16 ? 8 : i->op[which].size);
        }
    }
    switch (needs_of(i)) {
    case BRANCHES:
        return aim_branch(n, c, at);
    case RETURNS:
        arena_put(n, s->gpr[R_RSP], NATIVE_TARGET, i->opsize);
        return !(n->code32 && i->opsize == 2) &&
               (in_arena(s->gpr[R_RSP], i->opsize) || !in_arena(s->gpr[R_RSP], 1));
    case POPS_FLAGS:
        arena_put(n, s->gpr[R_RSP], native_random(n) & (FLAGS_ARITH | FLAG_DF | FLAG_IF), 8);
        return in_arena(s->gpr[R_RSP], 8) || !in_arena(s->gpr[R_RSP], 1);
    default:
        return true;
    }
}

bool integer_case_make(struct native *n, enum integer_map_id map, unsigned op, uint64_t seed,
                       struct integer_case *c)
{
    unsigned tail;

    n->seed = seed * 0x9e3779b97f4a7c15ull + op * 3 + map;
    native_random(n);
    if ((map == ONE_BYTE && is_prefix(op, n->code32)) || is_system(map, op)) {
        return false;
    }
    c->len = 0;
    put_bytes(n, map, op, (unsigned)seed & 7, c, &tail);
    if (!decode(n, map, op, c)) {
        return false;
    }
    random_state(n, c);
    if (!set_operands(n, c, tail)) {
        return false;
    }
    for (unsigned k = 0; n->code32 && k < 16; k++) {
        c->state.gpr[k] = k < 8 ? (uint32_t)c->state.gpr[k] : 0;
    }
    insn_decode(n->cpu, c->bytes, c->len, &c->insn); /* with the displacement that it now has */
    c->undefined = undefined_flags(c);
    return true;
}
