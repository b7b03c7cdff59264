/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target/i386/softfloat_f80.h: extended reals unpacked and packed, for softfloat_*.c. */
#ifndef TARGET_I386_SOFTFLOAT_F80_H
#define TARGET_I386_SOFTFLOAT_F80_H

#include "target/i386/softfloat_core.h"

struct num f80_unpack(struct float80 a);
struct float80 f80_pack(struct num n);
/* True when a or b is a NaN or unsupported: *out is the result, flags are raised. */
bool f80_nan_result(struct float_status *st, struct float80 a, struct float80 b,
                    struct float80 *out);
/* Raises flags (or DENORMAL when there are none and denormal is set), rounds to `bits`, packs. */
struct float80 f80_finish(struct float_status *st, struct wide w, int bits, unsigned flags,
                          bool denormal);

#endif
