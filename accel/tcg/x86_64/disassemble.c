/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/disassemble.c: a file of its own, because capstone's header and
 * target/i386/cpu.h use the same names.  Thread: any.
 */
#include "accel/tcg/x86_64/disassemble.h"
#include <inttypes.h>
#include "util/capstone_library.h"

#if CONFIG_CAPSTONE
bool host_disassemble(const uint8_t *code, size_t size, uint64_t address, GString *out)
{
    cs_insn *insn;
    size_t n;
    csh handle;

    if (!capstone_library_load() || cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK) {
        return false;
    }
    n = cs_disasm(handle, code, size, address, 0, &insn);
    for (size_t k = 0; k < n; k++) {
        g_string_append_printf(out, "0x%" PRIx64 ":  %-8s %s\n", insn[k].address, insn[k].mnemonic,
                               insn[k].op_str);
    }
    if (n) {
        cs_free(insn, n);
    }
    cs_close(&handle);
    return true;
}
#else
bool host_disassemble(const uint8_t *code, size_t size, uint64_t address, GString *out)
{
    (void)code;
    (void)size;
    (void)address;
    (void)out;
    return false;
}
#endif
