/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/insn/moo_later.c: see moo_later.h.  Sources: SDM vol. 3, 23.15 and 23.18; vol. 2, "LOCK". */
#include "tests/insn/moo_later.h"
#include <string.h>

#define OP_HLT      0xf4
#define ADDRESS_24  0xffffffu
#define LONGEST_286 10
#define LONGEST     15

enum { DE = 0, UD = 6, SS = 12, GP = 13 };

/* The instruction behind its prefixes, as bytes: this knows nothing of the decoder under test. */
struct plain {
    uint8_t op, modrm;
    bool lock, repeat, ss;
    unsigned at; /* of the opcode */
};

static struct plain plain_of(const struct moo_case *c)
{
    struct plain p = { 0 };

    for (; p.at < c->n_bytes && strchr("\x26\x2e\x36\x3e\xf0\xf2\xf3", c->bytes[p.at]); p.at++) {
        uint8_t b = c->bytes[p.at];

        p.lock |= b == 0xf0;
        p.repeat |= b == 0xf2 || b == 0xf3;
        p.ss = (b & 0xe7) == 0x26 ? b == 0x36 : p.ss;
    }
    if (p.at + 1 < c->n_bytes) {
        p.op = c->bytes[p.at];
        p.modrm = c->bytes[p.at + 1];
    }
    return p;
}

static unsigned length_of(const struct moo_case *c)
{
    return c->n_bytes - 1; /* without the HLT */
}

/* Memory -------------------------------------------------------------------------------------- */

static void want_byte(struct moo_want *w, uint32_t at, uint8_t v)
{
    at &= ADDRESS_24;
    for (unsigned k = 0; k < w->ram.n; k++) {
        if (w->ram.byte[k].at == at) {
            w->ram.byte[k].v = v;
            return;
        }
    }
    if (w->ram.n < MOO_MAX_RAM) {
        w->ram.byte[w->ram.n].at = at;
        w->ram.byte[w->ram.n++].v = v;
    }
}

/* Before the instruction; what is not listed is HLT. */
static uint8_t initial_byte(const struct moo_case *c, uint32_t at)
{
    for (unsigned k = 0; k < c->ram.n; k++) {
        if (c->ram.byte[k].at == (at & ADDRESS_24)) {
            return c->ram.byte[k].v;
        }
    }
    return OP_HLT;
}

static uint16_t initial_word(const struct moo_case *c, uint32_t at)
{
    return (uint16_t)(initial_byte(c, at) | initial_byte(c, at + 1) << 8);
}

void moo_want_captured(struct moo_want *w, const struct moo_case *c)
{
    memcpy(w->reg, c->after, sizeof(w->reg));
    w->ram = c->ram;
    for (unsigned k = 0; k < c->changed.n; k++) {
        want_byte(w, c->changed.byte[k].at, c->changed.byte[k].v);
    }
    w->exception = c->exception;
    w->shorter = w->unknown = false;
}

static void want_start(struct moo_want *w, const struct moo_case *c)
{
    memcpy(w->reg, c->before, sizeof(w->reg));
    w->ram = c->ram;
    for (unsigned k = 0; k < c->changed.n; k++) {
        want_byte(w, c->changed.byte[k].at, initial_byte(c, c->changed.byte[k].at));
    }
    w->exception = -1;
    w->undefined = 0;
}

/* The handler of a vector, where the HLT behind it ends the case. */
static void want_handler(struct moo_want *w, const struct moo_case *c, int vector)
{
    w->reg[MOO_CS] = initial_word(c, (uint32_t)vector * 4 + 2);
    w->reg[MOO_IP] = (uint16_t)(initial_word(c, (uint32_t)vector * 4) + 1);
    w->exception = vector;
    w->unknown = initial_byte(c, w->reg[MOO_CS] * 16u + (uint16_t)(w->reg[MOO_IP] - 1)) != OP_HLT;
}

/* Nothing but the exception. */
static void want_exception(struct moo_want *w, const struct moo_case *c, int vector)
{
    const uint16_t frame[] = { c->before[MOO_IP], c->before[MOO_CS],
                               (uint16_t)((c->before[MOO_FLAGS] & 0x0fd5) | 2) };

    want_start(w, c);
    w->reg[MOO_SP] = (uint16_t)(w->reg[MOO_SP] - 6);
    for (unsigned k = 0; k < 3; k++) {
        for (unsigned b = 0; b < 2; b++) {
            uint16_t off = (uint16_t)(w->reg[MOO_SP] + 2 * k + b);

            want_byte(w, w->reg[MOO_SS] * 16u + off, (uint8_t)(frame[k] >> 8 * b));
        }
    }
    w->reg[MOO_FLAGS] &= (uint16_t)~0x300; /* IF, TF */
    want_handler(w, c, vector);
}

/* The rows ------------------------------------------------------------------------------------ */

/* What LOCK may stand before: a read-modify-write of memory (SDM vol. 2, "LOCK"). */
static bool lockable(const struct plain *p)
{
    unsigned reg = p->modrm >> 3 & 7;

    if (p->modrm >= 0xc0) {
        return false;
    }
    if (p->op < 0x38) {
        return (p->op & 7) < 2; /* ADD to XOR */
    }
    switch (p->op) {
    case 0x80 ... 0x83:
        return reg != 7; /* but CMP */
    case 0x86:
    case 0x87:
        return true;
    case 0xf6:
    case 0xf7:
        return reg == 2 || reg == 3; /* NOT, NEG */
    case 0xfe:
    case 0xff:
        return reg < 2; /* INC, DEC */
    }
    return false;
}

static bool later_lock(struct moo_want *w, const struct moo_case *c, const struct plain *p,
                       const struct insn *i)
{
    (void)i;
    if (!p->lock || lockable(p) || length_of(c) > LONGEST) {
        return false;
    }
    want_exception(w, c, UD);
    return true;
}

/* 16-bit ModRM: the offset. */
static uint16_t offset_of(const struct moo_case *c, const struct plain *p, bool *bp)
{
    const uint16_t *r = c->before;
    const uint16_t base[] = { r[MOO_BX] + r[MOO_SI],
                              r[MOO_BX] + r[MOO_DI],
                              r[MOO_BP] + r[MOO_SI],
                              r[MOO_BP] + r[MOO_DI],
                              r[MOO_SI],
                              r[MOO_DI],
                              r[MOO_BP],
                              r[MOO_BX] };
    unsigned mod = p->modrm >> 6, rm = p->modrm & 7;
    const uint8_t *disp = c->bytes + p->at + 2;
    uint16_t word = (uint16_t)(disp[0] | disp[1] << 8);

    *bp = rm == 2 || rm == 3 || (rm == 6 && mod);
    if (mod == 0) {
        return rm == 6 ? word : base[rm];
    }
    return (uint16_t)(base[rm] + (mod == 1 ? (uint16_t)(int8_t)disp[0] : word));
}

/* What reaches memory by words: offsets in the order of access, and which are in the stack segment. */
struct words {
    unsigned n;
    struct {
        uint16_t offset;
        bool ss;
    } at[24];
};

static void add_words(struct words *a, uint16_t offset, bool ss, unsigned n)
{
    for (; n && a->n < G_N_ELEMENTS(a->at); n--, offset = (uint16_t)(offset + 2)) {
        a->at[a->n].offset = offset;
        a->at[a->n++].ss = ss;
    }
}

static void add_pushes(struct words *a, uint16_t sp, unsigned n)
{
    while (n--) {
        sp = (uint16_t)(sp - 2);
        add_words(a, sp, true, 1);
    }
}

/* The ModRM operand: how many words; 0 where it is a byte, a register or no memory at all. */
static unsigned operand_words(const struct plain *p, const struct insn *i)
{
    unsigned reg = p->modrm >> 3 & 7;
    bool memory = false, wide = false;

    for (unsigned k = 0; k < G_N_ELEMENTS(i->op); k++) {
        memory |= i->op[k].kind == OPND_MEM;
        wide |= i->op[k].kind == OPND_MEM && i->op[k].size != 1;
    }
    if (!memory || !wide || p->modrm >= 0xc0 || p->op == 0x8d) {
        return 0;
    }
    return p->op == 0x62 || p->op == 0xc4 || p->op == 0xc5 ||
                   (p->op == 0xff && (reg == 3 || reg == 5))
               ? 2
               : 1;
}

static void stack_words(const struct moo_case *c, const struct plain *p, struct words *a)
{
    uint16_t sp = c->before[MOO_SP], bp = c->before[MOO_BP];

    switch (p->op) {
    case 0x50 ... 0x57:
    case 0x06:
    case 0x0e:
    case 0x16:
    case 0x1e:
    case 0x68:
    case 0x6a:
    case 0x9c:
    case 0xe8:
        add_pushes(a, sp, 1);
        break;
    case 0x58 ... 0x5f:
    case 0x07:
    case 0x17:
    case 0x1f:
    case 0x9d:
    case 0xc2:
    case 0xc3:
        add_words(a, sp, true, 1);
        break;
    case 0x60:
        add_pushes(a, sp, 8);
        break;
    case 0x61:
        add_words(a, sp, true, 8);
        break;
    case 0x9a:
        add_pushes(a, sp, 2);
        break;
    case 0xca:
    case 0xcb:
        add_words(a, sp, true, 2);
        break;
    case 0xcf:
        add_words(a, sp, true, 3);
        break;
    case 0xc8: /* the frame, the display of the frame before, the frame's own */
        add_pushes(a, sp, 1);
        for (unsigned k = 1; k < (c->bytes[p->at + 3] & 31u); k++) {
            add_words(a, (uint16_t)(bp - 2 * k), true, 1);
            add_pushes(a, (uint16_t)(sp - 2 * k), 1);
        }
        break;
    case 0xc9:
        add_words(a, bp, true, 1);
        break;
    }
}

/* Beyond the stack segment's limit it is another vector; the frame is the same, and nothing else is. */
static bool later_stack(struct moo_want *w, const struct moo_case *c, const struct plain *p,
                        const struct insn *i)
{
    struct words a = { 0 };
    unsigned n = operand_words(p, i), reg = p->modrm >> 3 & 7;
    bool bp;
    uint16_t offset = offset_of(c, p, &bp);

    if (c->exception != GP || length_of(c) > LONGEST_286) {
        return false;
    }
    if (p->op == 0x8f) { /* read from the stack first */
        add_words(&a, c->before[MOO_SP], true, 1);
    }
    add_words(&a, offset, i->seg == SEG_SS, n);
    if (p->op == 0xff && reg >= 2 && reg != 4 && reg != 5) {
        add_pushes(&a, c->before[MOO_SP], reg == 3 ? 2 : 1);
    }
    stack_words(c, p, &a);
    for (unsigned k = 0; k < a.n; k++) {
        if (a.at[k].offset == 0xffff) {
            if (a.at[k].ss) {
                want_exception(w, c, SS);
            }
            return a.at[k].ss;
        }
    }
    return false;
}

static uint32_t segment_base(const struct moo_case *c, const struct plain *p, bool bp)
{
    uint16_t selector = c->before[bp ? MOO_SS : MOO_DS];

    for (unsigned k = 0; k < p->at; k++) {
        static const uint8_t of[] = { MOO_ES, MOO_CS, MOO_SS, MOO_DS };

        if ((c->bytes[k] & 0xe7) == 0x26) {
            selector = c->before[of[c->bytes[k] >> 3 & 3]];
        }
    }
    return selector * 16u;
}

/* MOV to and from FS and GS, which hold what DS does. */
static bool later_fs_gs(struct moo_want *w, const struct moo_case *c, const struct plain *p,
                        const struct insn *i)
{
    unsigned reg = p->modrm >> 3 & 7;
    uint16_t value = c->before[MOO_DS], offset;
    bool bp;

    (void)i;
    if (c->exception != UD || (p->op != 0x8c && p->op != 0x8e) || (reg != 4 && reg != 5)) {
        return false;
    }
    offset = offset_of(c, p, &bp);
    if (p->modrm < 0xc0 && offset == 0xffff) {
        want_exception(w, c, bp || p->ss ? SS : GP);
        return true;
    }
    want_start(w, c);
    w->reg[MOO_IP] = (uint16_t)(w->reg[MOO_IP] + c->n_bytes);
    if (p->op == 0x8c && p->modrm >= 0xc0) {
        w->reg[MOO_AX + (p->modrm & 7)] = value;
    } else if (p->op == 0x8c) {
        uint32_t at = segment_base(c, p, bp) + offset;

        want_byte(w, at, (uint8_t)value);
        want_byte(w, at + 1, (uint8_t)(value >> 8));
    }
    return true;
}

void moo_shorten(struct moo_case *c)
{
    struct plain p = plain_of(c);
    uint8_t kept[2], n = 0, segment = 0, repeat = 0;

    for (unsigned k = 0; k < p.at; k++) {
        uint8_t b = c->bytes[k];

        segment = (b & 0xe7) == 0x26 ? b : segment;
        repeat = b == 0xf2 || b == 0xf3 ? b : repeat;
    }
    if (segment) {
        kept[n++] = segment;
    }
    if (repeat) {
        kept[n++] = repeat;
    }
    for (unsigned k = 0; k < p.at; k++) {
        uint32_t at = c->before[MOO_CS] * 16u + (uint16_t)(c->before[MOO_IP] + k);

        c->bytes[k] = k + n < p.at ? 0x90 : kept[k + n - p.at];
        for (unsigned b = 0; b < c->ram.n; b++) {
            if (c->ram.byte[b].at == (at & ADDRESS_24)) {
                c->ram.byte[b].v = c->bytes[k];
            }
        }
    }
}

/*
 * Words of a string that would cross offset FFFF: the 286 has passed the element that faults.  Later the
 * registers are those before it, and CMPS and SCAS leave the flags.
 */
static bool later_string(struct moo_want *w, const struct moo_case *c, const struct plain *p,
                         const struct insn *i)
{
    bool reads = p->op == 0xa5 || p->op == 0xa7 || p->op == 0xad || p->op == 0x6f;
    bool writes = p->op == 0xa5 || p->op == 0xa7 || p->op == 0xab || p->op == 0xaf || p->op == 0x6d;
    int step = c->before[MOO_FLAGS] & 0x400 ? -2 : 2;
    uint16_t si = c->before[MOO_SI], di = c->before[MOO_DI], done = 0;
    struct moo_want was = *w;

    (void)i;
    if (c->exception != GP || length_of(c) > LONGEST_286 || !(reads || writes)) {
        return false;
    }
    for (; !(reads && si == 0xffff) && !(writes && di == 0xffff); done++) {
        if (done == (p->repeat ? c->before[MOO_CX] : 1)) {
            return false; /* nothing crosses: whatever this is, it is no such case */
        }
        si = (uint16_t)(si + step), di = (uint16_t)(di + step);
    }
    if (p->op == 0xa7 || p->op == 0xaf) {
        want_exception(w, c, GP);
    }
    w->reg[MOO_SI] = reads ? si : c->before[MOO_SI];
    w->reg[MOO_DI] = writes ? di : c->before[MOO_DI];
    w->reg[MOO_CX] = (uint16_t)(c->before[MOO_CX] - (p->repeat ? done : 0));
    if (reads && si == 0xffff && p->ss) {
        want_handler(w, c, SS);
    }
    return memcmp(was.reg, w->reg, sizeof(was.reg)) != 0;
}

/* AAM by zero is a fault now: the flags that are pushed are those before it. */
static bool later_aam(struct moo_want *w, const struct moo_case *c, const struct plain *p,
                      const struct insn *i)
{
    (void)i;
    if (c->exception != DE || p->op != 0xd4 || c->bytes[p->at + 1] || length_of(c) > LONGEST_286) {
        return false;
    }
    want_exception(w, c, DE);
    return true;
}

/* 11 bytes and more, most of them prefixes that say the same again: the capture has but a #GP. */
static bool later_long(struct moo_want *w, const struct moo_case *c, const struct plain *p,
                       const struct insn *i)
{
    (void)p;
    (void)i;
    if (c->exception != GP || length_of(c) <= LONGEST_286 || length_of(c) > LONGEST) {
        return false;
    }
    want_start(w, c);
    w->shorter = true;
    return true;
}

static const struct {
    bool (*change)(struct moo_want *w, const struct moo_case *c, const struct plain *p,
                   const struct insn *i);
    const char *reason;
} rows[] = {
    { later_lock, "LOCK before anything but a read-modify-write of memory is #UD since the 386" },
    { later_long, "the 286 takes 10 bytes of instruction, later processors 15" },
    { later_stack, "beyond the stack segment's limit it is #SS, not #GP, since the 386" },
    { later_fs_gs, "FS and GS came with the 386" },
    { later_aam, "the 286 may have changed flags when AAM by zero faults" },
    { later_string, "the 286 has advanced its registers when a word of a string faults" },
};

const char *moo_want_later(struct moo_want *w, const struct moo_case *c, const struct insn *i)
{
    struct plain p = plain_of(c);

    for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++) {
        if (rows[k].change(w, c, &p, i)) {
            return rows[k].reason;
        }
    }
    return NULL;
}
