/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/insn/native_host.h: the part of native.h that only x86-64 Linux hosts have. */
#ifndef TESTS_INSN_NATIVE_HOST_H
#define TESTS_INSN_NATIVE_HOST_H

#include "tests/insn/native.h"

bool native_host_init(struct native *n); /* false: not on this host */
void native_host_free(struct native *n);
/* Maps host memory a second time, at NATIVE_ARENA. */
bool native_host_alias(struct native *n, void *host);
/* The arena's last page, as the process sees it. */
void native_host_protect(struct native *n, bool read_only);
/* Bits of the host's vectors, 0 without AVX2.  From now on they are loaded and stored. */
unsigned native_host_use_avx(struct native *n);
/* Does 32-bit code run here? */
bool native_host_has_code32(struct native *n);

#endif
