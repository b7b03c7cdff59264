/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/moo.h: captures of single instructions on a real 80286 in real mode, one file an
 * opcode: gzip, one JSON object a line.
 *
 * Thread: any; a reader belongs to one.
 */
#ifndef TESTS_INSN_MOO_H
#define TESTS_INSN_MOO_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
/* In the order of moo_reg_names. */
enum moo_reg {
    MOO_AX, MOO_CX, MOO_DX, MOO_BX, MOO_SP, MOO_BP, MOO_SI, MOO_DI,
    MOO_ES, MOO_CS, MOO_SS, MOO_DS, MOO_IP, MOO_FLAGS, MOO_REGS
};
/* clang-format on */
extern const char *const moo_reg_names[MOO_REGS];

#define MOO_MAX_RAM 2048

struct moo_ram {
    unsigned n;
    struct {
        uint32_t at; /* physical */
        uint8_t v;
    } byte[MOO_MAX_RAM];
};

struct moo_case {
    unsigned index;
    char name[64];
    uint8_t bytes[64]; /* the instruction and the HLT behind it */
    unsigned n_bytes;
    uint16_t before[MOO_REGS],
        after[MOO_REGS]; /* `after` is whole: what did not change is copied */
    struct moo_ram ram, changed;
    int exception; /* the vector, or -1 */
};

/* One line.  False: it is not of this form, or holds more than fits. */
bool moo_parse(const char *line, struct moo_case *c);
/* Calls `each` for every case of a file; false and *error (which names file and line): unreadable. */
bool moo_read(const char *path, void (*each)(const struct moo_case *c, void *opaque), void *opaque,
              GError **error);

#endif
