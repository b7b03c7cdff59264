/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/insn/decode_capstone.c: see decode_capstone.h. */
#include "tests/insn/decode_capstone.h"
#include <glib.h>
#include <string.h>
#include "config.h"

#if CONFIG_CAPSTONE
#include <capstone/capstone.h>

struct capstone {
    csh handle;
};

struct capstone *capstone_new(unsigned code_size)
{
    struct capstone *c = g_new0(struct capstone, 1);
    cs_mode mode = code_size == 8 ? CS_MODE_64 : code_size == 4 ? CS_MODE_32 : CS_MODE_16;

    if (cs_open(CS_ARCH_X86, mode, &c->handle) != CS_ERR_OK) {
        g_free(c);
        return NULL;
    }
    cs_option(c->handle, CS_OPT_DETAIL, CS_OPT_ON);
    return c;
}

void capstone_free(struct capstone *c)
{
    if (c) {
        cs_close(&c->handle);
        g_free(c);
    }
}

static void take_memory(struct capstone *c, const x86_op_mem *m, struct capstone_insn *out)
{
    out->has_memory = true;
    out->scale = (unsigned)m->scale;
    out->disp = m->disp;
    if (m->base) {
        g_strlcpy(out->base, cs_reg_name(c->handle, m->base), sizeof(out->base));
    }
    if (m->index) {
        g_strlcpy(out->index, cs_reg_name(c->handle, m->index), sizeof(out->index));
    }
}

void capstone_decode(struct capstone *c, const uint8_t *bytes, unsigned n,
                     struct capstone_insn *out)
{
    cs_insn *insn = NULL;
    size_t found = cs_disasm(c->handle, bytes, n, 0x1000, 1, &insn);

    memset(out, 0, sizeof(*out));
    if (!found) {
        return;
    }
    out->length = insn->size;
    g_strlcpy(out->mnemonic, insn->mnemonic, sizeof(out->mnemonic));
    g_strlcpy(out->operands, insn->op_str, sizeof(out->operands));
    for (unsigned k = 0; k < insn->detail->x86.op_count && !out->has_memory; k++) {
        if (insn->detail->x86.operands[k].type == X86_OP_MEM) {
            take_memory(c, &insn->detail->x86.operands[k].mem, out);
        }
    }
    cs_free(insn, found);
}

#else

struct capstone *capstone_new(unsigned code_size)
{
    (void)code_size;
    return NULL;
}

void capstone_free(struct capstone *c)
{
    (void)c;
}

void capstone_decode(struct capstone *c, const uint8_t *bytes, unsigned n,
                     struct capstone_insn *out)
{
    (void)c, (void)bytes, (void)n;
    memset(out, 0, sizeof(*out));
}

#endif
