/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/vector_state.c: the guest's vector registers, between memory and the host's.
 *
 * Invariants: cpu->vectors_loaded (enum vector_level) says what the host's registers hold of the
 *             guest's; memory holds the rest, and all of it while C code runs.  They are loaded when
 *             a block first needs them, as much as it needs, and stored before any C code.
 *             Legacy SSE leaves bits 128 and up alone and VEX clears those from 256 up: at
 *             VECTORS_SSE the former stay in memory, at VECTORS_AVX the latter are 0 there, so
 *             both do as they should.  Where they are not 0, all is loaded.
 *             Uppers that are 0 are loaded as such, so that legacy SSE does not have to merge.
 *             Guest MXCSR is loaded only while it masks every exception, and vectors only while
 *             CR0, CR4 and XCR0 allow them (cpu->vectors_usable); else the interpreter does the work.
 * Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"

#define MXCSR_MASKS 0x1f80
#define XCR0_AVX    0x06u
#define XCR0_AVX512 0xe6u

#define LOADED offsetof(struct x86_cpu, vectors_loaded)
#define USABLE offsetof(struct x86_cpu, vectors_usable)

enum { MOVUPS_LOAD = 0x10, MOVUPS_STORE = 0x11, KMOV_LOAD = 0x90, KMOV_STORE = 0x91 };

static size_t vec_offset(unsigned n)
{
    return offsetof(struct x86_cpu, vec) + n * sizeof(union vec);
}

/* cmp byte [field], v */
static void emit_compare(struct emit *e, size_t field, unsigned v)
{
    emit_insn(e, 0, 0x80, 7, rm_cpu(field));
    emit8(e, v);
}

static void emit_set_loaded(struct emit *e, enum vector_level level)
{
    emit_insn(e, 0, 0xc6, 0, rm_cpu(LOADED));
    emit8(e, level);
}

static void emit_mxcsr(struct emit *e, unsigned operation, size_t offset)
{
    emit_insn(e, MAP_0F, 0xae, operation, rm_cpu(offset));
}

/*
 * Guest MXCSR from memory.  LDMXCSR is slow, and C code seldom changes what is there.  The scratch
 * word and the compare are the thunks' own: R14 and R13 stay.
 */
static void emit_load_mxcsr(struct emit *e)
{
    uint8_t *same;

    emit_mxcsr(e, 3, offsetof(struct x86_cpu, scratch_mxcsr));
    emit8(e, 0x50); /* push rax */
    emit_insn(e, 0, 0x8b, H_RAX, rm_cpu(offsetof(struct x86_cpu, scratch_mxcsr)));
    emit_insn(e, 0, 0x3b, H_RAX, rm_cpu(offsetof(struct x86_cpu, mxcsr)));
    emit8(e, 0x58);
    same = emit_jump(e, CC_Z);
    emit_mxcsr(e, 2, offsetof(struct x86_cpu, mxcsr));
    patch_jump(same, e->p);
}

/* MXCSR for C code, which does not mind exception flags; all exceptions are masked in both. */
static void emit_host_mxcsr(struct emit *e)
{
    uint8_t *same;

    emit_mxcsr(e, 3, offsetof(struct x86_cpu, mxcsr));
    emit_insn(e, 0, 0xf7, 0,
              rm_cpu(offsetof(struct x86_cpu, mxcsr))); /* test: DAZ, FTZ, rounding */
    emit32(e, 0xe040);
    same = emit_jump(e, CC_Z);
    emit_mxcsr(e, 2, offsetof(struct x86_cpu, host_mxcsr));
    patch_jump(same, e->p);
}

static void emit_vzeroupper(struct emit *e)
{
    static const uint8_t vzeroupper[] = { 0xc5, 0xf8, 0x77 };

    emit_bytes(e, vzeroupper, sizeof(vzeroupper));
}

/* Moves between registers and cpu->vec; `length` as VEX and EVEX count, legacy SSE if `sse`. */
static void emit_move_all(struct emit *e, unsigned opcode, unsigned length, bool sse)
{
    const struct emit_vex v = { .map = 1, .length = (uint8_t)length, .evex = length == 2 };

    for (unsigned n = 0; n < 16; n++) {
        if (sse) {
            emit_insn(e, MAP_0F, opcode, n, rm_cpu(vec_offset(n)));
        } else {
            emit_vex_insn(e, &v, opcode, n, rm_cpu(vec_offset(n)));
        }
    }
}

/* ZMM16-31 and the mask registers. */
static void emit_move_high(struct emit *e, unsigned opcode, unsigned k_opcode)
{
    const struct emit_vex zmm = { .map = 1, .length = 2, .evex = true };
    const struct emit_vex kmovq = { .map = 1, .w = true };

    for (unsigned n = 16; n < 32; n++) {
        emit_vex_insn(e, &zmm, opcode, n, rm_cpu(vec_offset(n)));
    }
    for (unsigned n = 0; n < 8; n++) {
        emit_vex_insn(e, &kmovq, k_opcode, n, rm_cpu(offsetof(struct x86_cpu, kmask) + 8 * n));
    }
}

static void emit_store_thunk(struct backend *k)
{
    struct emit *e = &k->e;
    uint8_t *none, *sse, *avx = NULL, *done[2] = { NULL, NULL };

    k->store_vectors = e->p;
    emit_compare(e, LOADED, VECTORS_SSE);
    none = emit_jump(e, CC_B);
    sse = emit_jump(e, CC_Z);
    if (k->host_level >= VECTORS_AVX512) {
        emit_compare(e, LOADED, VECTORS_AVX);
        avx = emit_jump(e, CC_Z);
        emit_move_all(e, MOVUPS_STORE, 2, false);
        emit_move_high(e, MOVUPS_STORE, KMOV_STORE);
        emit_vzeroupper(e);
        done[0] = emit_jump(e, -1);
        patch_jump(avx, e->p);
    }
    if (k->host_level >= VECTORS_AVX) {
        emit_move_all(e, MOVUPS_STORE, 1, false);
        emit_vzeroupper(e);
        done[1] = emit_jump(e, -1);
    }
    patch_jump(sse, e->p);
    emit_move_all(e, MOVUPS_STORE, 0, true);
    for (unsigned n = 0; n < 2; n++) {
        if (done[n]) {
            patch_jump(done[n], e->p);
        }
    }
    emit_host_mxcsr(e);
    emit_set_loaded(e, VECTORS_NONE);
    patch_jump(none, e->p);
    emit8(e, 0xc3);
}

/* The end of a filling: carry says that it could not be. */
static void emit_filled(struct emit *e, enum vector_level level)
{
    emit_load_mxcsr(e);
    emit_set_loaded(e, level);
    emit8(e, 0xf8); /* clc */
    emit8(e, 0xc3);
}

static void emit_refused(struct emit *e)
{
    emit8(e, 0xf9); /* stc */
    emit8(e, 0xc3);
}

static void emit_fill_sse(struct backend *k)
{
    struct emit *e = &k->e;
    uint8_t *unusable;

    k->fill_vectors[VECTORS_SSE] = e->p;
    emit_compare(e, USABLE, VECTORS_SSE);
    unusable = emit_jump(e, CC_B);
    emit_move_all(e, MOVUPS_LOAD, 0, true);
    emit_filled(e, VECTORS_SSE);
    patch_jump(unusable, e->p);
    emit_refused(e);
}

/* Tests bits 256 and up of all registers, then bits 128 and up: the jumps if any is not 0. */
static void emit_test_uppers(struct emit *e, uint8_t *jumps[2])
{
    const struct emit_vex load = { .map = 1, .length = 1 };
    const struct emit_vex test = { .map = 2, .length = 1, .prefix = 1 };

    for (unsigned n = 0; n < 16; n++) {
        struct emit_vex vorps = { .map = 1, .length = 1 };

        for (unsigned half = 0; half < 2;
             half++) { /* YMM1 of bits 128 to 383, YMM0 of 256 and up */
            struct emit_rm at = rm_cpu(vec_offset(n) + 32 - 16 * half);

            vorps.vvvv = (uint8_t)half;
            if (n == 0) {
                emit_vex_insn(e, &load, MOVUPS_LOAD, half, at);
            } else {
                emit_vex_insn(e, &vorps, 0x56, half, at);
            }
        }
    }
    for (unsigned half = 0; half < 2; half++) {
        emit_vex_insn(e, &test, 0x17, half, rm_reg(half)); /* vptest */
        jumps[half] = emit_jump(e, CC_NZ);
    }
}

/* At the level's end: ZMM16-31 too, or not. */
static void emit_fill_end(struct backend *k, enum vector_level level)
{
    if (level == VECTORS_AVX512) {
        emit_move_high(&k->e, MOVUPS_LOAD, KMOV_LOAD);
    }
    emit_filled(&k->e, level);
}

/* VECTORS_AVX or VECTORS_AVX512, from any lower level. */
static void emit_fill_wide(struct backend *k, enum vector_level level)
{
    struct emit *e = &k->e;
    uint8_t *unusable, *upper[2], *high = NULL;

    k->fill_vectors[level] = e->p;
    emit_compare(e, USABLE, level);
    unusable = emit_jump(e, CC_B);
    if (level == VECTORS_AVX512) {
        emit_compare(e, LOADED, VECTORS_AVX);
        high = emit_jump(e, CC_Z);
    }
    emit_call(e, k->store_vectors);
    emit_test_uppers(e, upper);
    emit_vzeroupper(e);
    emit_move_all(e, MOVUPS_LOAD, 0, false);
    emit_fill_end(k, level);
    patch_jump(upper[1], e->p);
    emit_move_all(e, MOVUPS_LOAD, 1, false);
    emit_fill_end(k, level);
    if (high) {
        patch_jump(high, e->p);
        emit_mxcsr(e, 3, offsetof(struct x86_cpu, mxcsr));
        emit_fill_end(k, level);
    }
    patch_jump(upper[0], e->p);
    if (k->host_level >= VECTORS_AVX512) {
        uint8_t *narrow;

        emit_compare(e, USABLE, VECTORS_AVX512);
        narrow = emit_jump(e, CC_B);
        emit_move_all(e, MOVUPS_LOAD, 2, false);
        emit_fill_end(k, VECTORS_AVX512);
        patch_jump(narrow, e->p);
    }
    emit_vzeroupper(e);
    patch_jump(unusable, e->p);
    emit_refused(e);
}

void emit_vector_state(struct backend *k)
{
    emit_store_thunk(k);
    emit_fill_sse(k);
    for (unsigned level = VECTORS_AVX; level <= k->host_level; level++) {
        emit_fill_wide(k, level);
    }
    for (unsigned level = k->host_level + 1; level < VECTOR_LEVELS; level++) {
        k->fill_vectors[level] = k->fill_vectors[k->host_level]; /* nothing asks for it */
    }
}

/* Called by sites: R14 and R13 are the instruction's. */
void emit_vector_thunks(struct backend *k)
{
    struct emit *e = &k->e;

    for (unsigned level = VECTORS_SSE; level < VECTOR_LEVELS; level++) {
        uint8_t *unusable;

        k->load_vectors[level] = e->p;
        emit_call(e, k->fill_vectors[level]);
        unusable = emit_jump(e, CC_B);
        emit8(e, 0xc3);
        patch_jump(unusable, e->p);
        emit_lea(e, H_RSP, rm_mem(H_RSP, 8));
        patch_jump(emit_jump(e, -1), k->system);
    }
}

void update_vectors_usable(struct x86_cpu *cpu)
{
    if ((cpu->cr0 & (CR0_TS | CR0_EM)) || !(cpu->cr4 & CR4_OSFXSR) ||
        (cpu->mxcsr & MXCSR_MASKS) != MXCSR_MASKS) {
        cpu->vectors_usable = VECTORS_NONE;
    } else if (!(cpu->cr4 & CR4_OSXSAVE) || (cpu->xcr0 & XCR0_AVX) != XCR0_AVX) {
        cpu->vectors_usable = VECTORS_SSE;
    } else {
        cpu->vectors_usable =
            (cpu->xcr0 & XCR0_AVX512) == XCR0_AVX512 ? VECTORS_AVX512 : VECTORS_AVX;
    }
}

/* What the instructions from n on need. */
static enum vector_level highest_level(const struct trans *x, unsigned n)
{
    enum vector_level level = VECTORS_NONE;

    for (unsigned k = n; k < x->b->n; k++) {
        level = MAX(level, vector_level(x, &x->b->insn[k]));
    }
    return level;
}

static void load_vectors(struct trans *x, enum vector_level level)
{
    struct site *s;

    if (x->vectors_loaded >= level) {
        return;
    }
    flags_for_check(x);
    emit_compare(x->e, LOADED, level);
    s = add_site(x, emit_jump(x->e, CC_B), SITE_CALL);
    s->thunk = x->k->load_vectors[level];
    s->back = x->e->p;
    x->vectors_loaded = level;
}

/*
 * As much as the rest of the block needs, so that there is one check.  Where the guest may not use
 * it all, the interpreter goes on from here.
 */
void need_vectors(struct trans *x, unsigned n)
{
    enum vector_level level = vector_level(x, &x->b->insn[n]);

    if (x->vectors_loaded == VECTORS_NONE || x->vectors_loaded < level) {
        load_vectors(x, MAX(highest_level(x, n), VECTORS_SSE));
    }
}

void hoist_vectors(struct trans *x)
{
    load_vectors(x, highest_level(x, 0));
    x->loop_vectors = x->vectors_loaded;
}

void vectors_for_loop(struct trans *x)
{
    enum vector_level before = x->vectors_loaded;
    uint64_t rip = x->rip;
    unsigned n = x->n;

    x->n = 0; /* where the interpreter goes on */
    x->rip = x->start;
    load_vectors(x, x->loop_vectors);
    x->n = n;
    x->rip = rip;
    x->vectors_loaded = before;
}
