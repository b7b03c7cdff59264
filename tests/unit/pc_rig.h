/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/pc_rig.h: whole machines whose CPUs do not run.  The caller holds their locks. */
#ifndef TESTS_UNIT_PC_RIG_H
#define TESTS_UNIT_PC_RIG_H

#include "softmmu/machine.h"

static inline const struct board_type *board(const char *alias)
{
    for (unsigned i = 0; board_types[i]; i++) {
        if (g_strcmp0(board_types[i]->alias, alias) == 0) {
            return board_types[i];
        }
    }
    g_error("no board '%s'", alias);
}

static inline struct machine *pc_new(const char *alias, unsigned cpus, uint64_t ram)
{
    struct machine *m = machine_new();
    g_autoptr(GError) error = NULL;

    machine_lock(m);
    m->config.board = board(alias);
    m->config.ram_size = ram;
    m->config.cpus = cpus;
    if (!m->config.board->init(m, &error)) {
        g_error("%s", error->message);
    }
    machine_reset(m);
    return m;
}

#endif
