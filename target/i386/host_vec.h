/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/host_vec.h: vector instructions run on the host's own vector unit.
 *
 * An instruction is encoded anew with fixed registers, between code that loads its operands from
 * a frame and stores its results there.  One such stub serves every register and address.
 * Thread: a struct host_vec belongs to one vCPU.
 */
#ifndef TARGET_I386_HOST_VEC_H
#define TARGET_I386_HOST_VEC_H

#include "target/i386/avx.h"

struct host_vec;

/* What a stub works on.  Vectors are 64 bytes each, or the memory operand's size. */
struct host_vec_frame {
    void *reg; /* ModRM.reg */
    void *vvvv;
    void *rm;      /* ModRM.r/m: a register, or memory that may be accessed as a whole */
    void *is4;     /* the register in bits 7-4 of the immediate */
    uint64_t mask; /* EVEX.aaa */
    uint64_t k_reg, k_vvvv, k_rm;
    uint64_t gpr_reg, gpr_rm;
    uint64_t flags; /* EFLAGS after it, of rows that write them */
    uint32_t mxcsr; /* before and after, of rows with AVX_FP */
    uint32_t host_mxcsr;
    bool raised;  /* an unmasked exception ended it; mxcsr has its flags, nothing else changed */
    bool illegal; /* the host does not have this form */
};

typedef void host_vec_fn(struct host_vec_frame *frame);

/* Does the host have this, and its operating system the registers?  False on other machines. */
bool host_vec_has(unsigned feature);
/* NULL: the host gives no executable memory. */
host_vec_fn *host_vec_stub(struct x86_cpu *cpu, const struct insn *i);
/* Runs a stub; the host's SIGFPE becomes `raised`, and SIGILL `illegal`. */
void host_vec_run(struct host_vec *h, host_vec_fn *fn, struct host_vec_frame *frame);
void host_vec_free(struct host_vec *h);

#endif
