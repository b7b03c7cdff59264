/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/block_loose.c: immediate operands that programs patch again and again.
 *
 * Where stores into an immediate have taken translated blocks away, its instruction becomes the one with a
 * register in place of the immediate: R_LOOSE, which no guest has, loaded from the instruction's bytes
 * in guest memory each time before it executes.  A store that changes nothing but such bytes takes no
 * block away, on no vCPU, since none has read them beforehand.
 *
 * Invariants: the imm of a loose instruction is the host address of the immediate; all of the instruction
 *             lies in one page.
 * Thread:     the vCPU's own.
 */
#include "accel/tcg/block_int.h"
#include "target/i386/operand.h"

/* Stores that take a translated block away each, until an immediate is loose. */
#define LOOSE_AFTER 3

static struct loose_entry *loose_slot(const struct tcg *t, const uint8_t *at)
{
    uint64_t hash = (uintptr_t)at * 0x9e3779b97f4a7c15ull >> 32;

    return (struct loose_entry *)&t->loose[hash & (LOOSE_SIZE - 1)];
}

bool block_imm_is_loose(const struct tcg *t, const uint8_t *at)
{
    const struct loose_entry *l = loose_slot(t, at);

    return l->at == at && l->kills >= LOOSE_AFTER;
}

/* The same instruction with a register instead: opcode, and ModRM but for its reg field, which is 0. */
struct register_form {
    uint8_t opcode, modrm;
};

/* ADD to CMP, TEST and MOV, to registers and memory.  False: none of these. */
static bool find_form(const struct insn *i, struct register_form *f)
{
    uint8_t op = i->opcode, wide = op & 1, reg = i->modrm >> 3 & 7;

    if (i->map != MAP_1 || (i->prefixes & PREFIX_LOCK)) {
        return false;
    }
    f->modrm = i->modrm & 0xc7;
    if (op < 0x40 && (op & 6) == 4) {
        *f = (struct register_form){ (op & 0x38) | wide, 0xc0 };
    } else if (op == 0x80 || op == 0x81 || op == 0x83) {
        f->opcode = (uint8_t)(reg << 3 | wide);
    } else if (op == 0xa8 || op == 0xa9) {
        *f = (struct register_form){ 0x84 | wide, 0xc0 };
    } else if ((op == 0xf6 || op == 0xf7) && reg == 0) {
        f->opcode = 0x84 | wide;
    } else if (op == 0xc6 || op == 0xc7) {
        f->opcode = 0x88 | wide;
    } else if (op >= 0xb0 && op < 0xc0) {
        *f = (struct register_form){ op < 0xb8 ? 0x88 : 0x89, 0xc0 | (op & 7) };
    } else {
        return false;
    }
    return i->op[1].kind == OPND_IMM;
}

/* Bytes of the immediate, which is the last part; 0: it cannot be loose. */
static unsigned imm_bytes(const struct insn *i)
{
    struct register_form f;

    if (!find_form(i, &f)) {
        return 0;
    }
    switch (i->row->operands[1]) {
    case Ib:
    case Ibs:
        return 1;
    case Iz:
        return i->opsize == 2 ? 2 : 4;
    case Iv:
        return i->opsize;
    default: /* it is refused */
        return 0;
    }
}

unsigned block_loose_bytes(const struct tcg *t, const struct insn *i, const uint8_t *host)
{
    unsigned n = t->any_loose ? imm_bytes(i) : 0;

    return n && block_imm_is_loose(t, host + i->len - n) ? n : 0;
}

/* The register is loaded, sign-extended as the immediate would be, and then it is as the row says. */
static void x_loose(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned shift = 64 - 8 * i->loose;
    uint64_t v = guest_ram_load((const void *)(uintptr_t)i->imm, i->loose);

    cpu->regs[R_LOOSE] = (uint64_t)((int64_t)(v << shift) >> shift);
    i->row->exec(cpu, i);
}

void block_loosen(struct tcg *t, struct insn *i, const uint8_t *bytes, const uint8_t *host)
{
    unsigned n = block_loose_bytes(t, i, host), prefixes = 0, len;
    uint8_t form[16] = { 0 };
    struct register_form f;
    struct insn new;

    if (!n) {
        return;
    }
    (void)find_form(i, &f);
    while (bytes[prefixes] != i->opcode) {
        prefixes++;
    }
    len = i->len - n;
    memcpy(form, bytes, len);
    form[prefixes] = f.opcode;
    form[prefixes + 1] = f.modrm; /* where there was none it is the last byte */
    if (insn_decode(t->cpu, form, 15, &new) != DECODE_OK || new.op[1].kind != OPND_REG) {
        return;
    }
    new.op[1].reg = R_LOOSE;
    new.len = i->len;
    new.imm = (uintptr_t)(host + i->len - n);
    new.loose = (uint8_t)n;
    new.exec = x_loose;
    *i = new;
}

/* The instruction of a block that holds a byte, and where it begins; NULL: on another page. */
static const struct insn *insn_at(const struct block *b, const uint8_t *byte, const uint8_t **start)
{
    const uint8_t *at = b->host;

    for (unsigned k = 0; k < b->n && !b->host2; k++) {
        const struct insn *i = &b->insn[k];

        if (byte >= at && byte < at + i->len) {
            *start = at;
            return i;
        }
        at += i->len;
    }
    return NULL;
}

bool block_takes_store(const struct block *b, const uint8_t *first, const uint8_t *last)
{
    const uint8_t *start;
    const struct insn *i = insn_at(b, first, &start);

    return i && i->loose && first >= start + i->len - i->loose && last < start + i->len;
}

void block_note_patch(struct tcg *t, const struct block *b, const uint8_t *first,
                      const uint8_t *last)
{
    const uint8_t *start, *imm;
    const struct insn *i = insn_at(b, first, &start);
    unsigned n = i && !i->loose ? imm_bytes(i) : 0;
    struct loose_entry *l;

    if (!n || !b->code) {
        return;
    }
    imm = start + i->len - n;
    if (first < imm || last >= imm + n) {
        return;
    }
    l = loose_slot(t, imm);
    if (l->at != imm) {
        *l = (struct loose_entry){ .at = imm };
    }
    l->kills = (uint8_t)MIN(l->kills + 1, LOOSE_AFTER);
    t->any_loose |= l->kills == LOOSE_AFTER;
}
