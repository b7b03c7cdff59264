/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/disassemble.c: a file of its own, because capstone's header and target/i386/cpu.h use the
 * same names.  Thread: any.
 */
#include "monitor/disassemble.h"
#include "util/capstone_library.h"

bool capstone_available(void)
{
    return capstone_library_load();
}

#if CONFIG_CAPSTONE
unsigned capstone_print(unsigned code_size, const uint8_t *buf, unsigned avail, uint64_t addr,
                        GString *out)
{
    cs_mode mode = code_size == 8 ? CS_MODE_64 : code_size == 4 ? CS_MODE_32 : CS_MODE_16;
    unsigned len = 0;
    cs_insn *insn;
    csh handle;

    if (!capstone_library_load() || cs_open(CS_ARCH_X86, mode, &handle) != CS_ERR_OK) {
        return 0;
    }
    if (cs_disasm(handle, buf, avail, addr, 1, &insn) == 1) {
        g_string_append_printf(out, "%-8s %s", insn->mnemonic, insn->op_str);
        len = insn->size;
        cs_free(insn, 1);
    }
    cs_close(&handle);
    return len;
}
#else
unsigned capstone_print(unsigned code_size, const uint8_t *buf, unsigned avail, uint64_t addr,
                        GString *out)
{
    (void)code_size;
    (void)buf;
    (void)avail;
    (void)addr;
    (void)out;
    return 0;
}
#endif
