/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/ram_pack.h: sections of pages, compressed or not: "ram", or "ram-zlib" and "ram-zstd", which are u32 bytes of
 * the "ram" section, then these, compressed.
 * Thread: whoever reads or writes the stream.
 */
#ifndef MIGRATION_RAM_PACK_H
#define MIGRATION_RAM_PACK_H

#include "migration/stream.h"

/* The pages of a block, as out->packing says; as they are where that is smaller. */
bool ram_pack_put(struct stream_out *out, uint32_t block, const GByteArray *data, GError **error);
/* Any such section becomes "ram"; others stay.  False and *error: it is none of this program's. */
bool ram_unpack(struct section *s, GError **error);
/* This program can; false and *error: it was built without it. */
bool ram_packing_is_there(enum stream_packing packing, GError **error);

#endif
