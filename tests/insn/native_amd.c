/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/native_amd.c: see native_amd.h.
 *
 * COMPARED rows turn what the host did into Intel's result, and that is compared.  LEFT_OUT rows give up a
 * case, some of them every case of a form, so that nothing is known of it on such a host.  The rows were
 * found by the differences that a Zen 3 and a Zen 4 showed; docs/cpu.md says of which a manual speaks.
 */
#include "tests/insn/native_amd.h"
#include <string.h>
#include "target/i386/exec_int.h"
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>

bool native_amd_host(void)
{
    uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;

    __get_cpuid(0, &eax, &ebx, &ecx, &edx);
    return ebx == signature_AMD_ebx && ecx == signature_AMD_ecx && edx == signature_AMD_edx;
}
#else
bool native_amd_host(void)
{
    return false;
}
#endif

enum settled { COMPARED, LEFT_OUT, NOT_MINE };

static bool is(const struct insn *i, const char *mnemonic)
{
    return i->row->mnemonic && !strcmp(i->row->mnemonic, mnemonic);
}

static bool has_memory(const struct insn *i)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(i->op); k++) {
        if (i->op[k].kind == OPND_MEM) {
            return true;
        }
    }
    return false;
}

static bool is_near_branch(const struct insn *i)
{
    unsigned reg = i->modrm >> 3 & 7;

    if (i->map == MAP_0F) {
        return (i->opcode & 0xf0) == 0x80;
    }
    return i->map == MAP_1 && ((i->opcode & 0xf0) == 0x70 || (i->opcode & 0xfc) == 0xe0 ||
                               memchr("\xc2\xc3\xe8\xe9\xeb", i->opcode, 5) ||
                               (i->opcode == 0xff && (reg == 2 || reg == 4)));
}

/* The target has 16 bits, and so have an immediate and what is on the stack. */
static enum settled near_branch_16(const struct native_case *c)
{
    const struct insn *i = c->insn;

    if (c->code32 || !is_near_branch(i) || !(i->prefixes & PREFIX_66) || i->rex & 8) {
        return NOT_MINE;
    }
    return c->host->rip != c->guest->rip || c->host->gpr[R_RSP] != c->guest->gpr[R_RSP] ||
                   c->host->vector >= 0 || c->guest->vector >= 0
               ? LEFT_OUT
               : COMPARED;
}

static enum settled loop_condition(const struct native_case *c)
{
    const struct insn *i = c->insn;

    return i->map == MAP_1 && (i->opcode == 0xe0 || i->opcode == 0xe1) &&
                   i->prefixes & (i->opcode == 0xe0 ? PREFIX_REP : PREFIX_REPNE)
               ? LEFT_OUT
               : NOT_MINE;
}

static enum settled xchg_r8(const struct native_case *c)
{
    const struct insn *i = c->insn;

    return i->map == MAP_1 && i->opcode == 0x90 && i->prefixes & PREFIX_REP && i->rex & 1
               ? LEFT_OUT
               : NOT_MINE;
}

static enum settled flags_of_faulting_strings(const struct native_case *c)
{
    const struct insn *i = c->insn;

    if (i->map != MAP_1 || !memchr("\xa6\xa7\xae\xaf", i->opcode, 4) || c->host->vector != EXC_PF ||
        !(i->prefixes & (PREFIX_REP | PREFIX_REPNE)) ||
        c->host->gpr[R_RCX] == c->start->gpr[R_RCX]) {
        return NOT_MINE;
    }
    c->host->flags = (c->host->flags & ~(uint64_t)FLAGS_ARITH) | (c->start->flags & FLAGS_ARITH);
    return COMPARED;
}

/* Both elements are where nothing is: the fault is of the first that is read. */
static enum settled compared_bytes(const struct native_case *c)
{
    const struct insn *i = c->insn;
    uint32_t mask = i->addrsize == 2 ? 0xffff : UINT32_MAX;
    uint64_t rsi = c->host->gpr[R_RSI] & mask, rdi = c->host->gpr[R_RDI] & mask;

    if (i->map != MAP_1 || i->opcode != 0xa6 || !(i->prefixes & (PREFIX_REP | PREFIX_REPNE)) ||
        c->host->vector != EXC_PF || c->guest->vector != EXC_PF || c->host->cr2 != rsi ||
        c->guest->cr2 != rdi) {
        return NOT_MINE;
    }
    c->host->cr2 = c->guest->cr2;
    return COMPARED;
}

static enum settled movsxd_16(const struct native_case *c)
{
    return is(c->insn, "movsxd") && c->insn->opsize == 2 && c->host->vector == EXC_PF &&
                   c->guest->vector < 0
               ? LEFT_OUT
               : NOT_MINE;
}

/* The two bytes above the selector are zero. */
static enum settled push_segment(const struct native_case *c)
{
    const struct insn *i = c->insn;
    uint64_t at = (uint32_t)c->host->gpr[R_RSP] - NATIVE_ARENA + 2;

    if (!c->code32 || i->op[0].kind != OPND_SEG || i->opsize != 4 || !is(i, "push")) {
        return NOT_MINE;
    }
    if (c->host->vector == EXC_PF) { /* the third byte, perhaps */
        return c->guest->vector == EXC_PF && c->guest->cr2 == c->host->cr2 ? COMPARED : LEFT_OUT;
    }
    if (at > NATIVE_ARENA_SIZE - 2 || c->after[at] || c->after[at + 1]) {
        return NOT_MINE;
    }
    memcpy(c->after + at, c->before + at, 2);
    return COMPARED;
}

static enum settled prefetch_register(const struct native_case *c)
{
    const struct insn *i = c->insn;

    return i->map == MAP_0F && i->opcode == 0x0d && i->modrm >= 0xc0 && c->host->vector == EXC_UD &&
                   c->guest->vector < 0
               ? LEFT_OUT
               : NOT_MINE;
}

static enum settled lock_mov_cr(const struct native_case *c)
{
    const struct insn *i = c->insn;

    return i->map == MAP_0F && (i->opcode == 0x20 || i->opcode == 0x22) &&
                   i->prefixes & PREFIX_LOCK && c->host->vector == EXC_GP &&
                   c->guest->vector == EXC_UD
               ? LEFT_OUT
               : NOT_MINE;
}

static enum settled double_shift_16(const struct native_case *c)
{
    const struct insn *i = c->insn;
    unsigned count = i->opcode & 1 ? (unsigned)c->start->gpr[R_RCX] : (unsigned)i->imm;

    return i->map == MAP_0F && (i->opcode & 0xf6) == 0xa4 && i->size == 2 && (count & 31) > 16 &&
                   c->host->vector < 0
               ? LEFT_OUT
               : NOT_MINE;
}

static enum settled sha_alignment(const struct native_case *c)
{
    return c->insn->row->feature == X86_SHA && has_memory(c->insn) && c->host->vector < 0 &&
                   c->guest->vector == EXC_GP
               ? LEFT_OUT
               : NOT_MINE;
}

static bool is_nan(const uint8_t *at, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, at, size);
    return size == 8 ? (v & INT64_MAX) > 0x7ffull << 52 : (v & INT32_MAX) > 0xffu << 23;
}

/* Of two NaNs each passes on another. */
static enum settled dot_product_nan(const struct native_case *c)
{
    bool wide = is(c->insn, "dppd") || is(c->insn, "vdppd");
    unsigned reg = c->insn->op[0].reg & 31;
    uint8_t *host[2] = { c->host->fx + FX_XMM(reg & 15), c->host->zmm[reg] };
    const uint8_t *guest = c->guest->fx + FX_XMM(reg & 15);

    if (!wide && !is(c->insn, "dpps") && !is(c->insn, "vdpps")) {
        return NOT_MINE;
    }
    for (unsigned at = 0, size = wide ? 8 : 4; at < 32; at += size) {
        uint8_t *h = host[at / 16] + at;
        const uint8_t *g = at < 16 ? guest + at : c->guest->zmm[reg] + at;

        if (is_nan(h, size) && is_nan(g, size)) {
            memcpy(h, g, size);
        }
    }
    return COMPARED;
}

static bool saves_x87(const struct insn *i)
{
    return is(i, "fxsave") || is(i, "xsave") || is(i, "xsavec") || is(i, "xsaveopt");
}

/* MXCSR_MASK in the saved image, at offset 28. */
static enum settled misaligned_mask(const struct native_case *c)
{
    static const uint8_t amd[] = { 0xff, 0xff, 2, 0 }, intel[] = { 0xff, 0xff, 0, 0 };

    if (!saves_x87(c->insn)) {
        return NOT_MINE;
    }
    for (unsigned k = 12; k < NATIVE_ARENA_SIZE; k += 16) {
        if (!memcmp(c->after + k, amd, 4) && !memcmp(c->now + k, intel, 4)) {
            memcpy(c->after + k, intel, 4);
        }
    }
    return COMPARED;
}

static enum settled misaligned_bit(const struct native_case *c)
{
    uint32_t mxcsr;

    memcpy(&mxcsr, c->host->fx + FX_MXCSR, 4);
    return (is(c->insn, "ldmxcsr") || is(c->insn, "vldmxcsr")) && mxcsr & 0x20000 &&
                   c->guest->vector == EXC_GP
               ? LEFT_OUT
               : NOT_MINE;
}

static enum settled xsave_fault(const struct native_case *c)
{
    return (saves_x87(c->insn) || is(c->insn, "xrstor")) && !is(c->insn, "fxsave") &&
                   c->host->vector == EXC_GP && c->guest->vector == EXC_SS
               ? LEFT_OUT
               : NOT_MINE;
}

static bool is_vex(const struct insn *i, unsigned map, unsigned opcode)
{
    return i->map == MAP_VEX && i->vex >> 2 == map && i->opcode == opcode;
}

static bool vex_w(const struct native_case *c)
{
    return c->bytes[0] == 0xc4 && c->bytes[2] & 0x80;
}

/* The elements that are not yet gathered keep their whole mask, and what is above them its value. */
static enum settled faulting_gather(const struct native_case *c)
{
    const struct insn *i = c->insn;
    unsigned data = vex_w(c) ? 8 : 4, index = i->opcode & 1 ? 8 : 4;
    unsigned end = (16u << i->vex_l) / MAX(data, index) * data;

    if (!is_vex(i, 2, i->opcode) || i->opcode < 0x90 || i->opcode > 0x93 || c->host->vector < 0) {
        return NOT_MINE;
    }
    for (unsigned r = 0; r < 2; r++) {
        unsigned reg = (r ? i->vvvv : i->op[0].reg) & (c->code32 ? 7 : 15);

        for (unsigned k = 0; k < 64; k += data) {
            uint8_t *h = k < 16 ? c->host->fx + FX_XMM(reg) + k : c->host->zmm[reg] + k;
            const uint8_t *g = k < 16 ? c->guest->fx + FX_XMM(reg) + k : c->guest->zmm[reg] + k;

            if (k >= end || (r && !((h[data - 1] ^ g[data - 1]) & 0x80))) {
                memcpy(h, g, data);
            }
        }
    }
    return COMPARED;
}

static enum settled permute_w0(const struct native_case *c)
{
    const struct insn *i = c->insn;

    return (is_vex(i, 3, 0) || is_vex(i, 3, 1)) && !vex_w(c) && c->guest->vector == EXC_UD &&
                   c->host->vector != EXC_UD
               ? LEFT_OUT
               : NOT_MINE;
}

/* Elsewhere both must agree, on #UD too. */
static enum settled w1_of_32_bits(const struct native_case *c)
{
    bool row = is_vex(c->insn, 3, 0x16) || is_vex(c->insn, 3, 0x22);

    return c->code32 && row && vex_w(c) && c->host->vector == EXC_UD && c->guest->vector != EXC_UD
               ? LEFT_OUT
               : NOT_MINE;
}

/* The mask register gets the upper half of a register that 32-bit code does not see. */
static enum settled kmov_w1_of_32_bits(const struct native_case *c)
{
    uint64_t *k = &c->host->k[c->insn->op[0].reg & 7];

    if (!c->code32 || !is_vex(c->insn, 1, 0x92) || !vex_w(c) || !is(c->insn, "kmovd")) {
        return NOT_MINE;
    }
    *k = (uint32_t)*k;
    return COMPARED;
}

/* What comes after the legacy prefixes of an encoding that is #UD here alone; NULL elsewhere. */
static const uint8_t *taken_by_host(const struct native_case *c)
{
    const uint8_t *p = c->bytes;

    while (memchr("\x26\x2e\x36\x3e\x64\x65\x67", *p, 7)) {
        p++;
    }
    return c->guest->vector == EXC_UD && c->host->vector != EXC_UD ? p : NULL;
}

static enum settled mask_operand_8(const struct native_case *c)
{
    const uint8_t *p = taken_by_host(c);
    unsigned map = p ? p[1] & 31 : 0;

    if (!p || p[0] != 0xc4 || (p[1] & 0x80 && p[2] & 0x40)) {
        return NOT_MINE;
    }
    return (map == 1 && (p[3] & 0xf0) == 0x40) || (map == 1 && (p[3] & 0xf0) == 0x90) ||
                   (map == 3 && (p[3] & 0xfc) == 0x30)
               ? LEFT_OUT
               : NOT_MINE;
}

static enum settled evex_broadcast_register(const struct native_case *c)
{
    const uint8_t *p = taken_by_host(c);

    return p && p[0] == 0x62 && p[3] & 0x10 && p[5] >= 0xc0 ? LEFT_OUT : NOT_MINE;
}

static enum settled evex_zeroing_unmasked(const struct native_case *c)
{
    const uint8_t *p = taken_by_host(c);

    return p && p[0] == 0x62 && (p[3] & 0x87) == 0x80 ? LEFT_OUT : NOT_MINE;
}

static enum settled evex_v_of_32_bits(const struct native_case *c)
{
    const uint8_t *p = taken_by_host(c);

    return c->code32 && p && p[0] == 0x62 && !(p[3] & 8) ? LEFT_OUT : NOT_MINE;
}

static enum settled half_store(const struct native_case *c)
{
    if (!is_vex(c->insn, 3, 0x1d) || c->host->vector < 0) {
        return NOT_MINE;
    }
    if (c->guest->vector == EXC_XM) {
        return c->host->vector == EXC_XM ? COMPARED : LEFT_OUT;
    }
    memcpy(c->host->fx + FX_MXCSR, c->guest->fx + FX_MXCSR, 4);
    return COMPARED;
}

static const struct {
    enum settled (*settle)(const struct native_case *c);
    const char *reason;
} rows[] = {
    { near_branch_16, "66 before a near branch of 64-bit code makes it one of 16 bits" },
    { loop_condition, "F3 makes of LOOPNE a LOOPE, F2 of LOOPE a LOOPNE" },
    { xchg_r8, "F3 90 with REX.B is XCHG R8, not PAUSE" },
    { flags_of_faulting_strings,
      "REP CMPS and SCAS that fault leave the flags of the last element" },
    { compared_bytes, "REP CMPSB of a Zen 4 reads DS:rSI first" },
    { movsxd_16, "MOVSXD of 16 bits reads 32" },
    { push_segment, "PUSH of a segment register writes all four bytes" },
    { prefetch_register, "0F 0D with a register is #UD" },
    { lock_mov_cr, "LOCK MOV CR0 is MOV CR8" },
    { double_shift_16, "SHLD and SHRD of 16 bits by more than 16 are undefined" },
    { sha_alignment, "SHA operands need no alignment" },
    { dot_product_nan, "DPPS and DPPD add in another order: of two NaNs it is the other" },
    { xsave_fault, "XSAVE looks at the alignment before the address" },
    { misaligned_mask, "MXCSR has the bit MM" },
    { misaligned_bit, "MXCSR has the bit MM" },
    { faulting_gather, "gathers that fault leave the mask of elements to come as it was" },
    { permute_w0, "VPERMQ and VPERMPD take either VEX.W" },
    { w1_of_32_bits, "VPINSRD and VPEXTRD with VEX.W in 32-bit code are #UD" },
    { kmov_w1_of_32_bits, "KMOVQ from a register moves 64 bits in 32-bit code too" },
    { mask_operand_8, "the fourth bit of a mask register's number is ignored" },
    { evex_broadcast_register, "EVEX.b with a register and nothing to round is ignored" },
    { evex_zeroing_unmasked, "EVEX.z without a mask is ignored where no mask is possible" },
    { evex_v_of_32_bits, "EVEX.V' is ignored in 32-bit code" },
    { half_store, "VCVTPS2PH looks at its operand before MXCSR" },
};

const char *native_amd_settle(const struct native_case *c)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++) {
        switch (rows[k].settle(c)) {
        case LEFT_OUT:
            return rows[k].reason;
        case COMPARED:
            return NULL;
        case NOT_MINE:
            break;
        }
    }
    return NULL;
}
