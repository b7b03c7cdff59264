/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accel/tcg/tcg.h: the engine that runs x86 CPUs in software. */
#ifndef ACCEL_TCG_TCG_H
#define ACCEL_TCG_TCG_H

#include <glib.h>
#include <stdint.h>
#include "softmmu/vcpu.h"

struct machine;

extern const struct vcpu_ops tcg_vcpu_ops;

/*
 * The interpreter as another engine's help.  init: once a vCPU, tcg_vcpu_ops.destroy takes it back.  assist, on the
 * vCPU's own thread, no lock held: x86_cpu's state goes on by at most n instructions, each with the faults that it
 * raises delivered, until the CPU halts; how many.  What others wrote to memory since the last time is seen.
 */
void tcg_assist_init(struct vcpu *v);
unsigned tcg_assist(struct vcpu *v, unsigned n);

/* `info jit`: instructions executed, blocks cached, decoded and thrown away.  Lock held, vCPUs paused. */
void tcg_print_stats(struct machine *m, GString *out);
/* Instructions that the interpreter has executed on every vCPU; translated code does not count. */
uint64_t tcg_executed(struct machine *m);
/* Does a translator do what is executed often, or the interpreter everything? */
bool tcg_translates(struct machine *m);

#endif
