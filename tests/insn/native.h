/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/native.h: the same instruction on this host and in the interpreter, compared.
 *
 * The host runs the bytes from a page of its own, with every register loaded before and stored
 * after; the interpreter runs them through insn_decode on a CPU in flat 64-bit code at CPL 0.  Both
 * see one arena of memory at the same addresses.  Faults are caught on both sides: the exception
 * vectors and the whole state must agree then too.
 *
 * On hosts that are not x86-64 Linux only the interpreter runs, and native_skip skips the test.
 * Thread: one; the signal handlers of SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGTRAP are taken over.
 */
#ifndef TESTS_INSN_NATIVE_H
#define TESTS_INSN_NATIVE_H

#include "target/i386/insn.h"

#define NATIVE_ARENA      0x10000000ull /* guest and host address */
#define NATIVE_ARENA_SIZE 0x4000u /* whole pages; those around it are not mapped on the host */
#define NATIVE_MIDDLE     (NATIVE_ARENA + NATIVE_ARENA_SIZE / 2)
#define NATIVE_CODE       0x10100000ull        /* where the instruction is, on both sides */
#define NATIVE_TARGET     (NATIVE_CODE + 0x40) /* a branch may go here, and nowhere else */
#define NATIVE_TABLES     0x11000000ull        /* page tables of the guest alone */

struct native_state {
    _Alignas(16) uint8_t fx[512]; /* FXSAVE64 image: x87, MMX, MXCSR, XMM */
    uint64_t gpr[16];
    uint64_t flags; /* EFLAGS: the arithmetic flags and DF are compared */
    int vector;     /* enum x86_exception, or -1 */
    uint32_t error; /* of a page fault; compared with user pages only, as is cr2 */
    uint64_t cr2;
    uint64_t rip; /* after it; NATIVE_CODE after a fault */
    /* With native.avx: whole vectors; the low 16 bytes of the first 16 are in fx. */
    _Alignas(64) uint8_t zmm[32][64];
    uint64_t k[8];
};

/* Offsets within fx. */
#define FX_CONTROL 0
#define FX_STATUS  2
#define FX_TAG     4
#define FX_OPCODE  6 /* the last three are loaded, and not compared */
#define FX_IP      8
#define FX_DP      16
#define FX_MXCSR   24
#define FX_ST(n)   (32 + 16 * (n))
#define FX_XMM(n)  (160 + 16 * (n))

struct native {
    struct machine *machine;
    struct mem_region ram;
    struct x86_cpu *cpu;
    bool has_host;
    uint8_t *arena; /* guest NATIVE_ARENA on the host: with has_host the same address */
    uint8_t *code;  /* the host's page of code */
    uint64_t seed;
    unsigned runs, faults; /* since native_new */
    unsigned left_out;     /* that an AMD host does otherwise: native_amd.c */
    bool amd_host;
    bool user_pages; /* the guest runs at CPL 3 with only the arena mapped */
    bool code32;     /* compatibility mode: 32-bit code */
    bool avx;        /* whole vectors are loaded and compared */
    bool avx512;     /* and with them 512 bits, registers 16 to 31, mask registers */
    bool specialise; /* native_check runs the guest a second time, with insn_specialise */
    struct mem_region tables;
    unsigned times;                   /* more rounds of native_check_map: RHEA_TIMES */
    struct native_coverage *coverage; /* NULL: nothing is counted */
};

/* RHEA_FIRST: another seed; RHEA_TIMES: that many times the rounds; RHEA_COVERAGE: see there. */
struct native *native_new(void);
void native_free(struct native *n);
/* From now on the guest has page tables like the host's and CPL 3: page faults are compared. */
void native_user_pages(struct native *n);
/* The arena's last page becomes read-only, or writable again; after native_user_pages. */
void native_protect(struct native *n, bool read_only);
/* 32-bit code in compatibility mode, or 64-bit code.  False: this host has no 32-bit code. */
bool native_set_code32(struct native *n, bool code32);
/* Whole vectors take part, as long as the host has them.  False: this host has no AVX2. */
bool native_use_avx(struct native *n);
/* True, and the test is skipped, where nothing can be compared. */
bool native_skip(const struct native *n);
/* Does the host have what the row asks for? */
bool native_host_has(enum x86_feature feature);
uint64_t native_random(struct native *n);

/*
 * Registers of random and of interesting values; RSI, RDI, RBX and RSP point into the arena, MXCSR
 * masks all exceptions, the x87 is empty.
 */
void native_randomize(struct native *n, struct native_state *s);
/* A random number, more often than chance an interesting integer or floating-point value. */
uint64_t native_interesting(struct native *n);

/* Runs the instruction; the state and the arena are changed in place. */
void native_run_host(struct native *n, const uint8_t *bytes, unsigned len, struct native_state *s);
void native_run_guest(struct native *n, const uint8_t *bytes, unsigned len, struct native_state *s);
/* Little-endian fields of fx. */
void native_put(struct native_state *s, unsigned offset, uint64_t v, unsigned size);
uint64_t native_get(const struct native_state *s, unsigned offset, unsigned size);

/*
 * Both from the same start, and compares: flags but `undefined` (EFLAGS bits), registers, x87, MMX,
 * XMM, MXCSR, the arena.  A difference is printed and fails the test; false then.
 */
bool native_check(struct native *n, const uint8_t *bytes, unsigned len,
                  const struct native_state *start, uint32_t undefined);

/*
 * Every row of a map: random registers, memory operands and immediates, `rounds` times an opcode
 * and prefix.  accept: which instructions (NULL: all whose feature the host has).  Rows that branch,
 * do I/O or need CPL 0 are never run; `accept` must refuse the rest of what a process cannot do, or
 * must not.
 */
enum native_map {
    NATIVE_1, /* one-byte opcodes */
    NATIVE_0F,
    NATIVE_0F38,
    NATIVE_0F3A,
    NATIVE_VEX_0F38,
    NATIVE_VEX_0F3A,
};
void native_check_map(struct native *n, enum native_map map, unsigned rounds,
                      bool (*accept)(const struct insn *i));

#endif
