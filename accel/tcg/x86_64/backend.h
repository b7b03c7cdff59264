/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accel/tcg/x86_64/backend.h: what thunks.c and translate.c share; see thunks.c for the registers. */
#ifndef ACCEL_TCG_X86_64_BACKEND_H
#define ACCEL_TCG_X86_64_BACKEND_H

#include "accel/tcg/translator.h"
#include "accel/tcg/x86_64/emit.h"

#define CODE_CACHE_SIZE 4096

/* Read by translated code: 32 bytes each. */
struct code_cache_entry {
    uint64_t rip;
    const void *exec;
    uint64_t key; /* cpu->jump_key when it was filled */
    uint64_t unused;
};

struct backend {
    struct emit e;
    struct code_link *(*enter)(struct x86_cpu *cpu, const void *code);
    /* Writable mapping: */
    uint8_t *exit;     /* stores state; R14 is the link or 0 */
    uint8_t *epilogue; /* state is stored; RAX is the link or 0 */
    uint8_t
        *interpret; /* call: R14 instruction, R13 its rip; comes back, flags in host and memory */
    uint8_t *interpret_last; /* jump: the same, and leaves */
    uint8_t
        *load_vectors; /* call: XMM registers become the guest's; or leaves like interpret_last */
    uint8_t *lookup;   /* jump: R13 target */
    uint8_t *blocks_begin;
    struct code_cache_entry cache[CODE_CACHE_SIZE];
};

#define CPU_REG(r)       ((int32_t)(offsetof(struct x86_cpu, regs) + 8 * (r)))
#define CPU_EXIT_REQUEST ((int32_t)offsetof(struct x86_cpu, vcpu.exit_request))

void emit_save_flags(struct emit *e);
void emit_restore_flags(struct emit *e);

/* vector.c */
void emit_store_vectors(struct emit *e);
uint8_t *emit_reload_vectors(struct emit *e);
void emit_vector_thunk(struct backend *k);
/* After anything that may change CR0, CR4 or MXCSR. */
void update_vectors_usable(struct x86_cpu *cpu);

#endif
