/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util/capstone_library.h: capstone, for disassembly: include this in place of capstone.h. Nothing of it may be called
 * before capstone_library_load() was true. Thread: any: each vCPU logs its own code.
 */
#ifndef UTIL_CAPSTONE_LIBRARY_H
#define UTIL_CAPSTONE_LIBRARY_H

#include "config.h"
#include "util/library.h"

#if CONFIG_CAPSTONE
#include <capstone/capstone.h>

#define CAPSTONE_FUNCTIONS(f) f(cs_open) f(cs_disasm) f(cs_free) f(cs_close)

struct capstone_library {
    CAPSTONE_FUNCTIONS(LIBRARY_POINTER)
};
extern struct capstone_library capstone_library;

#ifndef CAPSTONE_LIBRARY_ITSELF
#define cs_open   capstone_library.cs_open
#define cs_disasm capstone_library.cs_disasm
#define cs_free   capstone_library.cs_free
#define cs_close  capstone_library.cs_close
#endif
#endif

/* False: this build is without it, or it is not installed. */
bool capstone_library_load(void);

#endif
