/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/insn/translate_gen.c: see translate_gen.h. */
#include "tests/insn/translate_gen_internal.h"
#include "target/i386/exec_int.h"
#include "target/i386/exec_system.h"
#include "target/i386/vec_rows.h"
#include "target/i386/x87_exec.h"
#include "target/i386/xsave.h"

uint64_t gen_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

unsigned gen_below(uint64_t *state, unsigned n)
{
    return (unsigned)((gen_random(state) >> 32) * n >> 32);
}

uint64_t gen_pointer(uint64_t *state)
{
    unsigned kind = gen_below(state, 100), near = gen_below(state, 10);
    uint64_t page, offset;

    if (kind < 78) {
        /* Mostly plain memory, so that blocks get far. */
        static const uint8_t pages[] = { PAGE_A,    PAGE_A,          PAGE_A,     PAGE_B,
                                         PAGE_B,    PAGE_B,          PAGE_C,     PAGE_C,
                                         PAGE_D,    PAGE_NONE,       PAGE_CLEAN, PAGE_READ_ONLY,
                                         PAGE_MMIO, PAGE_SUPERVISOR, PAGE_CODE };

        page = GEN_DATA + pages[gen_below(state, sizeof(pages))] * 4096ull;
    } else if (kind < 84) {
        page = GEN_HIGH + GEN_DATA + gen_below(state, PAGE_TOP) * 4096ull;
    } else if (kind < 90) {
        page = GEN_TOP;
    } else if (kind < 95) {
        return GEN_CODE + gen_below(state, 512);
    } else if (kind < 97) {
        page = gen_random(state) & ~4095ull;
    } else {
        page = GEN_DATA;
    }
    offset = near < 4   ? gen_below(state, 256) * 16ull
             : near < 7 ? gen_below(state, 32)
                        : 4096 - gen_below(state, 32);
    return page + offset;
}

uint64_t gen_number(uint64_t *state)
{
    uint64_t v = gen_random(state);

    switch (gen_below(state, 8)) {
    case 0:
        return v & 7;
    case 1:
        return (uint64_t)0 - (v & 7);
    case 2:
        return 1ull << (v & 63);
    case 3:
        return (1ull << (v & 63)) - 1;
    case 4:
        return v & 0xff;
    case 5:
        return (uint32_t)v;
    default:
        return v;
    }
}

bool gen_allowed(const struct insn *i)
{
    static x86_exec_fn *const refused[] = {
        x_rdtsc, x_rdtscp, x_rdpmc, x_rdrand, x_rdseed, x_rcpps, x_rcpss, x_rsqrtps, x_rsqrtss,
    };
    static x86_exec_fn *const system[] = { x_hlt,     x_popf,   x_stac, x_clac, x_swapgs,
                                           x_syscall, x_sysret, x_iret, x_ud };
    const struct insn_row *row = i->row;

    for (unsigned k = 0; k < G_N_ELEMENTS(system); k++) {
        if (system[k] == row->exec) {
            return true;
        }
    }
    if ((row->flags & (ROW_CPL0 | ROW_IO)) ||
        ((row->flags & ROW_ENDS) && !(row->flags & ROW_F64))) {
        return false;
    }
    for (unsigned k = 0; k < G_N_ELEMENTS(refused); k++) {
        if (refused[k] == row->exec) {
            return false;
        }
    }
    return true;
}

void gen_put(struct maker *m, const uint8_t *bytes, unsigned len)
{
    struct gen_case *c = m->c;

    memcpy(c->code + m->pos, bytes, len);
    c->at[c->n] = (uint16_t)m->pos;
    c->len[c->n++] = (uint8_t)len;
    m->pos += len;
}

static bool reserved(const struct maker *m, unsigned reg)
{
    const struct gen_case *c = m->c;

    return reg == c->pointers[0] || reg == c->pointers[1] || reg == c->pointers[2] ||
           reg == c->indices[0] || reg == c->indices[1] || reg == R_RSP;
}

/* The forms of 16-bit addresses: mostly by one register, or none. */
static unsigned put_modrm16(struct maker *m, uint8_t *p, unsigned reg)
{
    static const uint8_t rms[] = { 4, 5, 6, 7, 4, 5, 6, 7, 0, 1, 2, 3 };
    unsigned mod = below(m, 3), rm = rms[below(m, sizeof(rms))];
    int disp = (int)below(m, 40) - 20;

    p[0] = (uint8_t)(mod << 6 | reg | rm);
    memcpy(p + 1, &disp, 4);
    return mod == 0 && rm != 6 ? 1 : mod == 1 ? 2 : 3;
}

/* ModRM, SIB and displacement at p; the register bits that need REX in *rex.  Returns the bytes. */
unsigned gen_put_modrm(struct maker *m, uint8_t *p, uint8_t *rex)
{
    unsigned reg = below(m, 8) << 3, base, mod = below(m, 8), n = 1;
    int disp = (int)below(m, 40) - 20;

    if (m->c->mode == GEN_16 && mod > 2) {
        return put_modrm16(m, p, reg);
    }

    if (mod < 3) { /* register */
        p[0] = (uint8_t)(0xc0 | reg | below(m, 8));
        return 1;
    }
    if (mod == 3) { /* RIP-relative, patched later, or absolute with SIB */
        p[0] = (uint8_t)(reg | 5);
        return 5;
    }
    base = chance(m, 92) ? m->c->pointers[below(m, 3)] : below(m, 16);
    *rex = (uint8_t)((*rex & ~3u) | base >> 3);
    mod = disp ? 1 + (mod & 1) : 1;
    if (!chance(m, 75) || (base & 7) == 4) {
        unsigned index = chance(m, 40)   ? 4
                         : chance(m, 95) ? m->c->indices[below(m, 2)]
                                         : below(m, 16);

        *rex |= (uint8_t)(index >> 3 << 1);
        p[n++] = (uint8_t)(below(m, 4) << 6 | (index & 7) << 3 | (base & 7));
        p[0] = (uint8_t)(mod << 6 | reg | 4);
    } else {
        p[0] = (uint8_t)(mod << 6 | reg | (base & 7));
    }
    memcpy(p + n, &disp, 4);
    return n + (mod == 1 ? 1 : 4);
}

static unsigned put_prefixes(struct maker *m, uint8_t *p)
{
    static const uint8_t segments[] = { 0x64, 0x65, 0x64, 0x65, 0x26, 0x2e, 0x36, 0x3e };
    unsigned n = 0;

    if (chance(m, 16)) {
        p[n++] = 0x66;
    }
    if (chance(m, 5)) {
        p[n++] = 0x67;
    }
    if (chance(m, 8)) {
        p[n++] = segments[below(m, sizeof(segments))];
    }
    if (chance(m, 8)) {
        p[n++] = 0xf0;
    }
    if (chance(m, 5)) {
        p[n++] = (uint8_t)(0xf2 + below(m, 2));
    }
    return n;
}

/* An escape, WAIT, or an opcode of which most are MMX's. */
static unsigned put_x87_opcode(struct maker *m, uint8_t *p, uint8_t *rex_at)
{
    unsigned n = 0;

    if (*rex_at) {
        *rex_at = 1;
        n++;
    }
    if (chance(m, 70)) {
        p[n++] = chance(m, 3) ? 0x9b : (uint8_t)(0xd8 + below(m, 8));
        return n;
    }
    p[n++] = 0x0f;
    if (chance(m, 10)) {
        p[n++] = chance(m, 70) ? 0x38 : 0x3a;
        p[n++] = (uint8_t)below(m, 32);
    } else {
        p[n++] = (uint8_t)(chance(m, 50) ? 0x60 + below(m, 32) : 0xc0 + below(m, 64));
    }
    return n;
}

/* INC and DEC, what reads or keeps a carry, products, and comparisons of floats. */
static unsigned put_flags_opcode(struct maker *m, uint8_t *p, uint8_t *rex_at)
{
    static const uint8_t rows[][5] = {
        /* bytes, mandatory prefix, opcode */
        { 1, 0, 0xff },       { 1, 0, 0xff },          { 1, 0, 0xfe },
        { 1, 0, 0x11 },       { 1, 0, 0x13 },          { 1, 0, 0x1b },
        { 1, 0, 0x83 },       { 1, 0, 0xf7 },          { 1, 0, 0xd1 },
        { 2, 0, 0x0f, 0xaf }, { 2, 0x66, 0x0f, 0x2e }, { 2, 0, 0x0f, 0x2f },
        { 2, 0, 0x0f, 0x2e }, { 2, 0x66, 0x0f, 0x2f }, { 3, 0x66, 0x0f, 0x38, 0xf6 },
        { 2, 0, 0x0f, 0x90 }, { 2, 0, 0x0f, 0x42 },    { 3, 0xf3, 0x0f, 0x38, 0xf6 },
    };
    unsigned row = below(m, G_N_ELEMENTS(rows)), n = 0;

    if (rows[row][1]) {
        p[n++] = rows[row][1];
    }
    if (*rex_at) {
        *rex_at = (uint8_t)(n + 1);
        n++;
    }
    memcpy(p + n, rows[row] + 2, rows[row][0]);
    return n + rows[row][0];
}

static unsigned put_opcode(struct maker *m, uint8_t *p, uint8_t *rex_at)
{
    static const uint8_t mandatory[] = { 0, 0x66, 0xf3, 0xf2 };
    unsigned kind = below(m, 100), n = 0;

    if (m->divide) {
        *rex_at = *rex_at != 0;
        n = *rex_at;
        p[n++] = (uint8_t)(0xf6 + below(m, 2));
        return n;
    }
    if (m->flags) {
        return put_flags_opcode(m, p, rex_at);
    }
    if (m->c->x87 && chance(m, 70)) {
        return put_x87_opcode(m, p, rex_at);
    }
    if (kind >= 76) {
        uint8_t prefix = mandatory[below(m, 4)];

        if (prefix) {
            p[n++] = prefix;
        }
    }
    if (*rex_at) {
        *rex_at = (uint8_t)(n + 1);
        n++;
    }
    if (kind < 60) {
        p[n++] = (uint8_t)below(m, 256);
        return n;
    }
    p[n++] = 0x0f;
    if (kind >= 95) {
        p[n++] = chance(m, 60) ? 0x38 : 0x3a;
    }
    p[n++] = (uint8_t)below(m, 256);
    return n;
}

void gen_patch_disp(struct maker *m, uint8_t *bytes, const struct insn *i, unsigned modrm)
{
    uint32_t pages = chance(m, 60) ? 2 : PAGE_TOP; /* plain memory, or anything */
    uint32_t disp = (uint32_t)GEN_DATA + PAGE_A * 4096u + below(m, pages * 4096);

    if ((bytes[modrm] & 0xc7) == 5 && (i->base == R_RIP || (m->c->narrow && i->addrsize == 4))) {
        disp -= i->base == R_RIP ? (uint32_t)GEN_CODE + m->pos + i->len : 0;
        memcpy(bytes + modrm + 1, &disp, 4);
    }
    if (i->addrsize == 2 && (bytes[modrm] & 0xc7) == 6) {
        disp -= (uint32_t)GEN_DATA;
        memcpy(bytes + modrm + 1, &disp, 2);
    }
}

/* An address as far as the mode has bits. */
uint64_t gen_address(struct maker *m)
{
    uint64_t v = gen_pointer(&m->rng);

    return m->c->mode == GEN_16 ? (uint16_t)(v - GEN_DATA) : m->c->narrow ? (uint32_t)v : v;
}

/* Percent.  What may unmask exceptions ends the x87's life in the host's registers. */
static unsigned x87_chance(const struct maker *m, const struct insn *i)
{
    x86_exec_fn *fn = i->row->exec;

    if (!m->c->x87) {
        return 4;
    }
    return fn == x_fldenv || fn == x_frstor || fn == x_fnsave || fn == x_fxrstor ? 20 : 100;
}

bool gen_wanted(struct maker *m, const struct insn *i, enum decode_result r)
{
    if (r == DECODE_UD) {
        return chance(m, 1);
    }
    if (r != DECODE_OK || !gen_allowed(i) || (i->row->flags & ROW_ENDS)) {
        return false;
    }
    if ((i->row->flags & (ROW_X87 | ROW_MMX)) && !chance(m, x87_chance(m, i))) {
        return false;
    }
    if (m->divide && i->row->exec != x_div && i->row->exec != x_idiv) {
        return false;
    }
    if (i->row->exec == x_enter && !chance(m, 5)) {
        return false;
    }
    if (i->op[0].kind == OPND_REG && reserved(m, i->op[0].reg) && (i->row->exec != x_push) &&
        !chance(m, 15)) {
        return false;
    }
    if ((i->row->exec == x_leave || i->row->exec == x_pushf || i->row->exec == x_lahf) &&
        !chance(m, 10)) {
        return false;
    }
    return true;
}

static void put_any(struct maker *m)
{
    for (;;) {
        bool has_rex = chance(m, 65) && !m->c->narrow;
        uint8_t b[32], rex = has_rex ? (uint8_t)(0x40 | below(m, 16)) : 0, rex_at = rex;
        unsigned n = put_prefixes(m, b), modrm, opcode_n;
        struct insn i;
        enum decode_result r;

        opcode_n = put_opcode(m, b + n, &rex_at);
        if (rex_at) {
            rex_at = (uint8_t)(rex_at + n - 1);
        }
        n += opcode_n;
        modrm = n;
        n += gen_put_modrm(m, b + n, &rex);
        if (rex_at) {
            b[rex_at] = 0x40 | rex;
        } else if (rex & 7) {
            continue; /* needs REX, has none */
        }
        for (unsigned k = 0; k < 8; k++) {
            b[n + k] = (uint8_t)(gen_number(&m->rng) >> (below(m, 2) * 8));
        }
        r = insn_decode(m->cpu, b, 15, &i);
        if (!gen_wanted(m, &i, r)) {
            continue;
        }
        if (r == DECODE_OK) {
            gen_patch_disp(m, b, &i, modrm);
        }
        gen_put(m, b, i.len);
        return;
    }
}

/* A dividend whose upper half is the lower's sign, or 0, or anything; then a division. */
static void put_division(struct maker *m)
{
    static const uint8_t cqo[] = { 0x48, 0x99 }, cdq[] = { 0x99 }, clear[] = { 0x31, 0xd2 };
    unsigned kind = below(m, 5);

    if (kind < 3) {
        kind = kind == 0 && m->c->narrow ? 1 : kind;
        gen_put(m, kind == 0 ? cqo : kind == 1 ? cdq : clear, kind == 1 ? 1 : 2);
    }
    m->divide = true;
    put_any(m);
    m->divide = false;
}

/* UCOMISS or UCOMISD; JP; a jump by the same flags: floats that are equal or not. */
static void put_unordered(struct maker *m)
{
    const uint8_t jump[] = { 0x7a, 0, (uint8_t)(0x70 | below(m, 16)), 0 };
    uint8_t compare[] = { 0x66, 0x0f, 0x2e, (uint8_t)(0xc0 | below(m, 64)) };
    unsigned single = below(m, 2);

    gen_put(m, compare + single, sizeof(compare) - single);
    gen_put(m, jump, 2);
    gen_put(m, jump + 2, 2);
}

static void put_flags(struct maker *m)
{
    if (chance(m, 8)) {
        put_unordered(m);
        return;
    }
    m->flags = true;
    put_any(m);
    m->flags = false;
}

/* fxsave, xsave, or one that loads, at a pointer: most likely what one before it has stored. */
static void put_image(struct maker *m)
{
    static const uint8_t forms[] = { 0, 1, 4, 5 };
    unsigned base = m->c->pointers[0], reg = forms[below(m, 4)];
    uint8_t b[6] = { (uint8_t)(0x40 | below(m, 2) << 3 | base >> 3), 0x0f, 0xae,
                     (uint8_t)(0x40 | reg << 3 | (base & 7)) };

    if ((base & 7) == 4) {
        b[4] = 0x24;
    }
    gen_put(m, b + m->c->narrow, ((base & 7) == 4 ? 6 : 5) - m->c->narrow);
}

/* mov reg, imm64 with an address or a number. */
static void put_load(struct maker *m)
{
    unsigned reg = chance(m, 50) ? m->c->pointers[below(m, 3)] : below(m, m->c->narrow ? 8 : 16);
    uint8_t b[10] = { (uint8_t)(0x48 | reg >> 3), (uint8_t)(0xb8 | (reg & 7)) };
    uint64_t v = reserved(m, reg) || chance(m, 30) ? gen_address(m) : gen_number(&m->rng);

    memcpy(b + 2, &v, 8);
    if (m->c->narrow) {
        gen_put_immediate(m, b[1], v);
        return;
    }
    gen_put(m, b, 10);
}

/* What random bytes seldom make: system instructions, returns to a frame, and strings. */
static void put_system(struct maker *m)
{
    static const struct {
        uint8_t len;
        const char *bytes;
    } single[] = {
        { 1, "\xfa" },         { 1, "\xfb" },         { 1, "\x9c" },         { 1, "\xfc" },
        { 1, "\xfd" },         { 3, "\x0f\x01\xca" }, { 3, "\x0f\x01\xcb" }, { 3, "\x0f\x01\xf8" },
        { 3, "\x0f\xae\xe8" }, { 3, "\x0f\xae\xf0" }, { 3, "\x0f\xae\xf8" }, { 2, "\xf3\x90" },
        { 2, "\x0f\x05" },     { 3, "\x0f\x01\xd0" }, { 2, "\x0f\xa2" },
    };
    unsigned n = below(m, G_N_ELEMENTS(single));

    gen_put(m, (const uint8_t *)single[n].bytes, single[n].len);
}

/* PUSH of flags without TF; POPF. */
static void put_popf(struct maker *m)
{
    uint32_t v = (uint32_t)gen_random(&m->rng) & 0x7fffffff & ~(FLAG_TF | FLAG_RF);

    gen_put_immediate(m, 0x68, v);
    gen_put(m, (const uint8_t *)"\x9d", 1);
}

/* LEA RCX,[next]; flags without TF and AC to R11; SYSRET. */
static void put_sysret(struct maker *m)
{
    gen_put(m, (const uint8_t *)"\x48\x8d\x0d\x0a\x00\x00\x00", 7);
    gen_put(m, (const uint8_t *)"\x41\x81\xe3\xd5\x0e\x00\x00", 7);
    gen_put(m, (const uint8_t *)"\x48\x0f\x07", 3);
}

/* A frame that leads behind IRETQ at the case's level. */
static void put_iret(struct maker *m)
{
    uint8_t ss[] = { 0x6a, m->c->cpl ? 0x23 : 0x10 }, cs[] = { 0x6a, m->c->cpl ? 0x1b : 0x08 };

    gen_put(m, (const uint8_t *)"\x48\x89\xe0", 3);
    gen_put(m, ss, 2);
    gen_put(m, (const uint8_t *)"\x50", 1);
    gen_put(m, (const uint8_t *)"\x9c", 1);
    gen_put(m, cs, 2);
    gen_put(m, (const uint8_t *)"\x48\x8d\x05\x03\x00\x00\x00", 7);
    gen_put(m, (const uint8_t *)"\x50", 1);
    gen_put(m, (const uint8_t *)"\x48\xcf", 2);
}

/* MOV reg, an address. */
static void put_string_address(struct maker *m, unsigned reg)
{
    uint64_t v = gen_address(m);
    uint8_t mov[10] = { 0x48, (uint8_t)(0xb8 | reg) };

    memcpy(mov + 2, &v, 8);
    if (m->c->narrow) {
        gen_put_immediate(m, mov[1], v);
    } else {
        gen_put(m, mov, 10);
    }
}

/*
 * LEA RDI,[RSI + d], so that operands overlap, or lie alike in their pages; and an access to each, so that the
 * soft TLB has them.
 */
static void put_beside(struct maker *m)
{
    int32_t d = (int)below(m, 160) - 80 + ((int)below(m, 3) - 1) * 4096;
    uint8_t lea[7] = { 0x48, 0x8d, 0xbe };

    put_string_address(m, R_RSI);
    memcpy(lea + 3, &d, 4);
    gen_put(m, lea + m->c->narrow, 7u - m->c->narrow);
    gen_put(m, (const uint8_t *)"\x8a\x06", 2); /* MOV AL,[RSI] */
    gen_put(m, (const uint8_t *)"\x88\x07", 2); /* MOV [RDI],AL */
}

static void put_string(struct maker *m)
{
    static const uint8_t opcodes[] = { 0xa4, 0xa4, 0xa6, 0xaa, 0xac, 0xae };
    unsigned prefix = below(m, 4), n = 0, size = below(m, m->c->narrow ? 3 : 4);
    uint8_t b[5];

    if (chance(m, 60)) { /* RSI or RDI anew, and a count */
        uint32_t c = below(m, chance(m, 50) ? 40 : chance(m, 60) ? 600 : 9000);

        if (m->c->mode != GEN_16 && chance(m, 60)) {
            put_beside(m);
        } else {
            put_string_address(m, chance(m, 50) ? R_RSI : R_RDI);
        }
        gen_put_immediate(m, 0xb9, c);
    }
    if (prefix) {
        b[n++] = prefix == 3 ? 0xf2 : 0xf3;
    }
    if (size == 1) {
        b[n++] = 0x66;
    } else if (size == 3) {
        b[n++] = 0x48;
    }
    b[n++] = (uint8_t)(opcodes[below(m, sizeof(opcodes))] | (size > 0));
    gen_put(m, b, n);
}

/* At most 8 instructions. */
static void put_special(struct maker *m)
{
    switch (below(m, 12)) {
    case 0:
        put_popf(m);
        break;
    case 1:
        (m->c->narrow ? gen_put_segment : put_sysret)(m);
        break;
    case 2:
        (m->c->narrow ? gen_put_iret_narrow : put_iret)(m);
        break;
    case 3:
        gen_put_indirect(m);
        break;
    case 4:
    case 5:
    case 6:
        put_string(m);
        break;
    default:
        put_system(m);
    }
}

/* Branches get their displacement when every instruction has its place. */
static void put_branch(struct maker *m)
{
    unsigned kind = below(m, 10), reg = below(m, m->c->narrow ? 8 : 16);
    bool longer = m->c->mode != GEN_16; /* displacements of 4 bytes */
    uint8_t b[8] = { 0 };

    if (!longer && chance(m, 20) && kind >= 4 && kind < 8) {
        b[0] = 0x66;
        b[1] = kind < 6 ? 0x0f : 0xe8 | (kind & 1);
        b[2] = kind < 6 ? (uint8_t)(0x80 | below(m, 16)) : 0;
        gen_put(m, b, kind < 6 ? 7 : 6);
    } else if (kind < 4) {
        b[0] = (uint8_t)(0x70 | below(m, 16));
        gen_put(m, b, 2);
    } else if (kind < 6) {
        b[0] = 0x0f;
        b[1] = (uint8_t)(0x80 | below(m, 16));
        gen_put(m, b, longer ? 6 : 4);
    } else if (kind == 6) {
        b[0] = 0xe8;
        gen_put(m, b, longer ? 5 : 3);
    } else if (kind == 7) {
        b[0] = chance(m, 50) ? 0xe9 : 0xe8;
        gen_put(m, b, longer ? 5 : 3);
    } else if (kind == 8) {
        b[0] = 0xc3;
        if (chance(m, 30)) {
            b[0] = 0xc2;
            b[1] = 8;
            gen_put(m, b, 3);
        } else {
            gen_put(m, b, 1);
        }
    } else if (chance(m, 50)) {
        b[0] = (uint8_t)(0xe0 + below(m, 4));
        gen_put(m, b, 2);
    } else { /* mov reg, label; jmp or call reg, or push imm; ret */
        gen_put_immediate(m, 0x68, 0);
        if (chance(m, 30)) {
            b[0] = 0xc3;
            gen_put(m, b, 1);
            return;
        }
        b[0] = (uint8_t)(0x40 | reg >> 3);
        b[1] = (uint8_t)(0x58 | (reg & 7));
        gen_put(m, b + m->c->narrow, 2 - m->c->narrow);
        b[0] = (uint8_t)(0x40 | reg >> 3);
        b[1] = 0xff;
        b[2] = (uint8_t)((chance(m, 60) ? 0xe0 : 0xd0) | (reg & 7));
        gen_put(m, b + m->c->narrow, 3 - m->c->narrow);
    }
}

static void fix_branches(struct maker *m)
{
    struct gen_case *c = m->c;

    for (unsigned n = 0; n < c->n; n++) {
        uint8_t *b = c->code + c->at[n];
        unsigned to = below(m, c->n), len = c->len[n], size, wide = c->mode == GEN_16 ? 2 : 4, op;
        int32_t d;

        if (wide == 2 && b[0] == 0x66 && len > 5) {
            b++;
            len--;
            wide = 4;
        }
        op = b[0];

        if (chance(m, 70) && n + 1 < c->n) { /* forward, so that most cases end */
            to = n + 1 + below(m, c->n - n - 1);
        }
        if (op == 0x68 && len == 1 + wide && c->at[n] && !b[1] && !b[2] &&
            (wide == 2 || (!b[3] && !b[4]))) {
            d = (int32_t)(GEN_CODE - c->base + c->at[to]);
            memcpy(b + 1, &d, wide);
            continue;
        }
        size = len == 2 && ((op & 0xf0) == 0x70 || (op & 0xfc) == 0xe0) ? 1
               : len == 1 + wide && (op == 0xe8 || op == 0xe9)          ? wide
               : len == 2 + wide && op == 0x0f && (b[1] & 0xf0) == 0x80 ? wide
                                                                        : 0;
        if (size) {
            d = (int32_t)c->at[to] - (int32_t)(c->at[n] + c->len[n]);
            d = size == 1 && d != (int8_t)d ? (d < 0 ? -2 - (int)c->len[n] : 0) : d;
            memcpy(b + len - size, &d, size);
        }
    }
}

/* dec ecx; jnz to the beginning, ECX having been set small before it. */
static void put_loop_end(struct maker *m, unsigned start)
{
    static const uint8_t dec[] = { 0xff, 0xc9 };
    uint8_t jnz[] = { 0x0f, 0x85, 0, 0, 0, 0 };
    unsigned len = m->c->mode == GEN_16 ? 4 : 6;
    int32_t d;

    gen_put(m, dec, 2);
    d = (int32_t)start - (int32_t)(m->pos + len);
    memcpy(jnz + 2, &d, 4);
    gen_put(m, jnz, len);
}

static void choose_registers(struct maker *m)
{
    static const uint8_t candidates[] = { R_RBX, R_RSI, R_RDI, R_RBP, R_R8,  R_R9,
                                          R_R10, R_R11, R_R12, R_R13, R_R14, R_R15 };

    for (unsigned k = 0; k < 3; k++) {
        m->c->pointers[k] = candidates[below(m, m->c->narrow ? 4 : sizeof(candidates))];
    }
    for (unsigned k = 0; k < 2; k++) {
        m->c->indices[k] = candidates[below(m, m->c->narrow ? 4 : sizeof(candidates))];
    }
}

void gen_make(struct gen_case *c, const struct x86_cpu *cpu, uint64_t seed)
{
    static const uint8_t hlt = 0xf4;
    struct maker m = { .c = c, .cpu = cpu, .rng = seed };
    unsigned total = 1 + below(&m, 16), start, branches = below(&m, 100), wide, carries;
    bool loop = chance(&m, 30), special = chance(&m, 50), crowd = chance(&m, 15);

    memset(c, 0, sizeof(*c));
    c->mode = gen_mode_of(seed);
    c->narrow = c->mode != GEN_64;
    c->base = c->mode == GEN_16 ? (uint32_t)GEN_CODE : c->mode == GEN_MOVED_32 ? GEN_MOVED_BASE : 0;
    memset(c->code, 0xf4, sizeof(c->code));
    c->seed = seed;
    c->cpl = chance(&m, 50) ? 3 : 0;
    wide = chance(&m, 40) ? 60 : 10;
    carries = chance(&m, 30) ? 50 : 4;
    if (chance(&m, 4)) { /* longer than a block */
        total = 32 + below(&m, 120);
    }
    c->x87 = chance(&m, 35);
    choose_registers(&m);
    m.pos = c->entry = chance(&m, 12) ? 4096 - below(&m, 64) : 64 + below(&m, 16);
    if (chance(&m, 12)) {
        gen_put_walk(&m);
        gen_put(&m, &hlt, 1);
        return;
    }
    if (loop) {
        gen_put_immediate(&m, 0xb9, 2 + below(&m, 3));
    }
    start = m.pos;
    for (unsigned n = 0; n < total && c->n + 12 < GEN_MAX_INSNS; n++) {
        if (special && chance(&m, 20)) {
            put_special(&m);
        } else if (crowd && c->mode == GEN_64 && c->n + 44 < GEN_MAX_INSNS && chance(&m, 30)) {
            gen_put_crowd(&m);
        } else if (chance(&m, 8)) {
            put_load(&m);
        } else if (c->x87 && chance(&m, 5)) {
            put_image(&m);
        } else if (chance(&m, 3)) {
            put_division(&m);
        } else if (branches < 60 && chance(&m, 18)) {
            put_branch(&m);
        } else if (chance(&m, carries)) {
            put_flags(&m);
        } else if (chance(&m, wide) && cpu_has(cpu, X86_AVX)) {
            gen_put_wide(&m);
        } else {
            put_any(&m);
        }
    }
    fix_branches(&m);
    if (loop) {
        put_loop_end(&m, start);
    }
    gen_put(&m, &hlt, 1);
}
