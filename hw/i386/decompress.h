/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i386/decompress.h: kernel payloads unpacked on the host.  Thread: any; no state. */
#ifndef HW_I386_DECOMPRESS_H
#define HW_I386_DECOMPRESS_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "gzip", "xz", ... by the first bytes; NULL: none of those that kernels use. */
const char *compression_name(const uint8_t *data, size_t len);
/* False when this build has no library for the format that the data begins with. */
bool compression_supported(const uint8_t *data, size_t len);
/*
 * Unpacks at most max bytes.  NULL and *error for damaged or cut data, or for more than max.
 * The result is freed with g_byte_array_unref.
 */
GByteArray *decompress(const uint8_t *data, size_t len, size_t max, GError **error);

#endif
