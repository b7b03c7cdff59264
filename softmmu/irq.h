/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/irq.h: interrupt lines.  A line is a handler with an argument; the level is the
 * controller's to remember.  Thread: under the machine lock.
 */
#ifndef SOFTMMU_IRQ_H
#define SOFTMMU_IRQ_H

#include <stdbool.h>
#include <stddef.h>

/* Ticks of a periodic timer that a controller holds back for a CPU that the host does not run: a
 * second of Linux's.  Real CPUs never sleep through so many, more are lost. */
#define MAX_OWED_TICKS 250
/* A timer makes up for what it missed itself; of faster ones ticks are merged. */
#define OWED_PERIOD_NS 500000

struct irq {
    void (*handler)(void *opaque, int n, bool level);
    void *opaque;
    int n;
};

/* Drives the line; a NULL or unwired line goes nowhere. */
static inline void irq_set(const struct irq *irq, bool level)
{
    if (irq && irq->handler) {
        irq->handler(irq->opaque, irq->n, level);
    }
}

static inline void irq_raise(const struct irq *irq)
{
    irq_set(irq, true);
}

static inline void irq_lower(const struct irq *irq)
{
    irq_set(irq, false);
}

static inline void irq_pulse(const struct irq *irq)
{
    irq_set(irq, true);
    irq_set(irq, false);
}

#endif
