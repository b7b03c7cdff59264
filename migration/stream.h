/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/stream.h: the sections that a saved machine is made of, on a pipe of bytes.
 *
 * A stream, little-endian: "RheaVM\r\n", u32 version; then sections, the last of which is "end":
 *     u32 "RhSe", u8 length, name, u32 instance, u32 version, u32 length, bytes, u32 CRC32 of all but "RhSe".
 *
 * Thread: whoever reads or writes, alone.
 */
#ifndef MIGRATION_STREAM_H
#define MIGRATION_STREAM_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define STREAM_VERSION     1u
#define STREAM_MAX_SECTION (512u << 20) /* bytes: what a graphics card holds for its driver */

/* How pages travel: as they are, or each section of them compressed. */
enum stream_packing { STREAM_PLAIN, STREAM_ZLIB, STREAM_ZSTD };

/* Where it goes; embedded. */
struct stream_out {
    bool (*write)(struct stream_out *s, const void *data, size_t len, GError **error);
    uint64_t bytes; /* so far */
    enum stream_packing packing;
    int level; /* of the compressor */
};

struct section;
/* Where it comes from: exactly len bytes, or false and *error. */
struct stream_in {
    bool (*read)(struct stream_in *s, void *data, size_t len, GError **error);
    /* RAM is elsewhere (ram_file.h); goes on reading behind it.  NULL: it cannot be. */
    bool (*map)(struct stream_in *s, const GPtrArray *blocks, const struct section *section,
                GError **error);
    /* RAM comes over more channels (multifd.h); called again without a section at the end.  NULL: it cannot. */
    bool (*join)(struct stream_in *s, const GPtrArray *blocks, const struct section *section,
                 GError **error);
    char *last; /* the section that was read, for messages; NULL: none yet */
};

struct section {
    char name[256];
    uint32_t instance, version;
    GByteArray *data;
};

bool stream_begin(struct stream_out *s, GError **error);
bool stream_put(struct stream_out *s, const char *name, uint32_t instance, uint32_t version,
                const void *data, size_t len, GError **error);
bool stream_end(struct stream_out *s, GError **error);

/* Errors name the section, or the one before what is none. */
bool stream_check_begin(struct stream_in *s, GError **error);
/* Into `section`, whose array is made when it is NULL and used again. */
bool stream_get(struct stream_in *s, struct section *section, GError **error);
bool section_is_end(const struct section *s);
/* "section 'NAME' INSTANCE" */
char *section_title(const struct section *s);
void section_clear(struct section *s);
void stream_in_clear(struct stream_in *s);

#endif
