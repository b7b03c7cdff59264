/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accel/tcg/x86_64/backend.h: what thunks.c and translate.c share; see thunks.c for the registers. */
#ifndef ACCEL_TCG_X86_64_BACKEND_H
#define ACCEL_TCG_X86_64_BACKEND_H

#include <stdio.h>
#include "accel/tcg/trace.h"
#include "accel/tcg/translator.h"
#include "accel/tcg/x86_64/emit.h"
#include "accel/tcg/x86_64/emit_rows.h"

struct insn;

#define CODE_TABLES 8 /* 64-bit, flat and segmented code, by bank */

/* String instructions: string.c. */
enum { STRING_OPS = 5, STRING_PREFIXES = 3, STRING_BANKS = TLB_KERNEL_AC + 1 };

/* Where translated code is; read by translated code, so 32 bytes. */
struct code_entry {
    uint64_t rip; /* translator_key */
    const void *exec;
    uint64_t key;  /* tlb_exec_key of the page that it was made from */
    uint32_t slot; /* of the page in a bank of the soft TLB's code, in bytes */
    int32_t left;  /* look-ups until it counts as hot */
};

/* What of the guest's vector registers is in the host's; see vector_state.c. */
enum vector_level {
    VECTORS_NONE,
    VECTORS_SSE,    /* XMM0-15 and MXCSR */
    VECTORS_AVX,    /* YMM0-15, and the guest's ZMM0-15 are 0 above */
    VECTORS_AVX512, /* ZMM0-31 and the mask registers */
    VECTOR_LEVELS
};

/*
 * Calls of the guest are on the host's stack, from cpu->return_base down: where code goes on behind the call, and above
 * that the guest's return address.  The first is nobody's, with address 0.  Whoever leaves code, or changes the
 * mode or what the soft TLB says, drops them all.
 */
#define RETURNS      1024 /* at most */
#define RETURN_SIZE  16
#define RETURN_GUEST 8 /* offset of the address */

#define MIXED_BITS 32768u
/* A site that is filled so often, in so many cycles each at most, is mixed. */
#define SITE_FILLS  32
#define SITE_CYCLES 2048

/* Below 2 GiB, as the CPU is. */
struct backend {
    struct emit e;
    FILE *perf_map; /* or NULL */
    struct code_link *(*enter)(struct x86_cpu *cpu, const void *code);
    /* Writable mapping: */
    uint8_t *exit_to;  /* as exit; R13 is RIP */
    uint8_t *exit;     /* stores state; R14 is the link or 0 */
    uint8_t *epilogue; /* state is stored; RAX is the link or 0 */
    /*
     * Call: R14 instruction, R13 its rip; then flags are in host and memory, and vectors in the
     * host's registers at the level of the index.
     */
    uint8_t *interpret[VECTOR_LEVELS];
    uint8_t *interpret_in_place; /* call: the same, flags and vectors in memory alone */
    uint8_t *system; /* jump: the same for a block's last instruction; goes on where it leads */
    uint8_t *interpret_rest; /* jump: R15 the block: from R14 to its end, and goes on likewise */
    /* Call: R13 linear, R14 size | how << 16; NZ: the soft TLB has it now.  Vectors as above. */
    uint8_t *refill[VECTOR_LEVELS];
    uint8_t *cross;
    uint8_t
        *fill_site[2]; /* call: R13 linear, R14 the site's address; Z: it is filled.  [1]: writes */
    uint8_t *fill_stack[TLB_BANKS][2];     /* the same for a site of the stack */
    unsigned n_sites[2];                   /* given out */
    uint64_t mixed_sites[MIXED_BITS / 64]; /* instructions whose accesses go without, by a hash */
    /* Call: vector registers become the guest's; or as system. */
    uint8_t *load_vectors[VECTOR_LEVELS];
    uint8_t *fill_vectors[VECTOR_LEVELS]; /* call: the same, or carry; uses no general register */
    uint8_t *store_vectors; /* call: back to memory if they are the guest's, for C code */
    uint8_t *normalise;     /* call: the flags in memory are CC_FLAGS; EFLAGS are lost */
    /* Call: the x87 becomes the guest's; or as system.  Vectors as above. */
    uint8_t *load_x87[VECTOR_LEVELS];
    uint8_t *lookup;      /* jump: R13 the key of RIP, which is in memory, in the mode of now */
    uint8_t *other_entry; /* call: see thunks.c */
    uint8_t *leave;       /* jump: to the run loop; R13 target */
    uint8_t *leave_hot;   /* jump: the same, to record a trace there of variant R14 */
    /* call: as interpret_in_place, but vectors stay; by log2 of the size, bank, 32-bit addresses */
    uint8_t *string[STRING_OPS][STRING_PREFIXES][4][STRING_BANKS][2];
    uint8_t *blocks_begin;      /* what runs often grows from here, */
    uint8_t *cold_begin, *cold; /* and what is out of line from here: the first stays dense */
    unsigned n_huge;            /* of what runs often: so many are full and were asked for */
    int32_t hot_after;          /* look-ups */
    uint32_t host_features[FEAT_WORDS];
    enum vector_level host_level;
    uint8_t *field[MAX_FIELDS];        /* for e.field */
    bool no_copies;                    /* for tests */
    uint8_t emit_rows[EMIT_ROWS_HASH]; /* see emit_rows_init */
    struct site_owner {
        struct block *block;
        uint32_t mixed; /* the bit */
    } site_owner[2 * TLB_SITES];
    unsigned table_size;      /* entries of one of the tables: a power of two */
    struct code_entry *table; /* CODE_TABLES of them, below 2 GiB */
};

/* The table for the CPU's mode of now. */
struct code_entry *code_table(struct backend *k, const struct x86_cpu *cpu);
/* After anything that may change the mode: k->lookup looks into the right tables. */
void update_tables(struct backend *k, struct x86_cpu *cpu);
/* R14: where the entry of R13 lies in a table. */
void emit_table_slot(const struct backend *k, struct emit *e);

/* The host register that a guest register lives in, or -1: it is in memory. */
extern const int8_t host_registers[16];

#define CPU_REG(r)    ((int32_t)(offsetof(struct x86_cpu, regs) + 8 * (r)))
#define CPU_WINDOW(n) ((int32_t)(offsetof(struct x86_cpu, window) + 8 * (unsigned)(n)))
/* CC_FLAGS: two bytes, stored and loaded as such. */
#define CPU_FLAGS_LOW  ((int32_t)offsetof(struct x86_cpu, cc_src))
#define CPU_FLAGS_HIGH (CPU_FLAGS_LOW + 1)
/* Counter of jumps back to a linear address. */
#define HEAT_INDEX(rip)  (((rip) ^ (rip) >> 12) & (CPU_HEAT - 1))
#define CPU_COUNTER(rip) (offsetof(struct x86_cpu, heat) + 4 * HEAT_INDEX(rip))
#define CPU_EXIT_REQUEST ((int32_t)offsetof(struct x86_cpu, vcpu.exit_request))

void emit_save_flags(struct emit *e);
void emit_restore_flags(struct emit *e);

/* buffer.c: e.start, e.end and e.to_exec, of so many bytes. */
bool code_buffer_map(struct backend *k, size_t size, GError **error);
void code_buffer_unmap(struct backend *k);
/* Code of the CPU's mode that runs often stands up to e.p now. */
void code_buffer_written(struct backend *k, const struct x86_cpu *cpu);

/* sites.c: k->fill_site and k->fill_stack; traces whose sites are noted as mixed are translated again without them. */
void emit_site_thunks(struct backend *k);
void sites_settle(struct tcg *t);

/* thunks.c */
void emit_load_state(struct emit *e);
/* Calls run(cpu, R14: instruction, R13: its rip), state stored; the stack is moved by `adjust` first. */
typedef int thunk_fn(struct x86_cpu *cpu, const struct insn *i, uint64_t rip);
void emit_call_interpreter(struct backend *k, thunk_fn *run, unsigned adjust);
/* One instruction by the interpreter; afterwards the flags are in cc_src.  True: leave the code. */
int run_insn(struct x86_cpu *cpu, const struct insn *i, uint64_t rip);

/* system.c */
void emit_system_thunk(struct backend *k);
/* RAX: leave; or go on at regs[R_RIP] in the mode of now. */
void emit_go_on(struct backend *k);
/* Behind an instruction that may have changed anything: may translated code go on?  `died`: t->n_invalidated before it. */
bool translator_goes_on(struct x86_cpu *cpu, uint64_t died);

#define MAX_CODES 16 /* of one block: linear addresses, modes and variants */

/* thunks.c: MAX_CODES are reached: what is not needed for copies goes, or all. */
void forget_copies(struct tcg *t, struct block *b);
static inline void keep_code(struct block *b, struct code *c)
{
    c->next = b->code;
    b->code = c;
    b->code_keys |= code_key_bit(c->key);
    b->n_codes++;
}

/* Where the next code begins. */
static inline uint8_t *code_start(const struct backend *k)
{
    return (uint8_t *)(((uintptr_t)k->e.p + 15) & ~(uintptr_t)15);
}

/* log.c: true without -perfmap. */
bool perf_map_open(struct tcg *t, struct backend *k, GError **error);
/* Code at a linear address: the part that runs often, that out of line. */
void log_perf_map(const struct backend *k, uint64_t linear, const uint8_t *entry, size_t size,
                  const uint8_t *cold, size_t cold_size);

/* string.c */
void emit_string_thunks(struct backend *k);

/* x87_state.c */
/* A thunk's: true: the x87 could not be loaded, the instruction was interpreted; leave the code. */
int enter_x87(struct x86_cpu *cpu, const struct insn *i, uint64_t rip);
/* After an instruction of C code; `ready` is what x87_ready was before.  True: leave the code. */
bool x87_lost(struct x86_cpu *cpu, const struct insn *i, bool ready);
/* After anything that may change CR0. */
void update_x87_ready(struct x86_cpu *cpu);
void init_x87(struct x86_cpu *cpu);

/* x87.c */
/* Before C code executes an instruction, or raises a fault, in the midst of a block. */
void x87_settle(struct x86_cpu *cpu, const struct insn *i, uint64_t rip);

/* host.c */
void find_host_features(struct backend *k);
static inline bool host_has(const struct backend *k, unsigned feature)
{
    return k->host_features[feature / 32] >> (feature % 32) & 1;
}

/* vector_state.c: before and after the other thunks. */
void emit_vector_state(struct backend *k);
void emit_vector_thunks(struct backend *k);
/* After anything that may change CR0, CR4, XCR0 or MXCSR. */
void update_vectors_usable(struct x86_cpu *cpu);

#endif
