/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/state.h: what a device saves, as rows.  Save, load, migration and `info` come from them.
 *
 * A row names one member.  `version` is the first version of the device's section that has it: the
 * version of a section is the highest of its rows; rows newer than a loaded section keep the value
 * that reset gave them.
 */
#ifndef SOFTMMU_STATE_H
#define SOFTMMU_STATE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum state_type {
    STATE_END,
    STATE_UINT,   /* unsigned or signed integer or bool of `size` bytes: 1, 2, 4, 8 */
    STATE_BYTES,  /* `size` raw bytes (no pointers, no padding) */
    STATE_TIMER,  /* struct timer: armed flag and deadline */
    STATE_STRUCT, /* `count` embedded structs with rows of their own, `size` bytes apart */
    STATE_BOOL,   /* bool: 0 or 1, nothing else is loaded */
    STATE_BLOB,   /* GByteArray * of the owner's, never NULL: up to `size` bytes */
};

struct state_row {
    const char *name;
    enum state_type type;
    size_t offset;
    size_t size;
    unsigned count; /* array elements */
    unsigned version;
    const struct state_row *rows; /* STATE_STRUCT */
    const char *help;
};

/* Tells bool from other integers, so that a stream cannot put a 2 into one. */
#define STATE_INT_TYPE(expr)                                                                       \
    (__builtin_types_compatible_p(__typeof__(expr), bool) ? STATE_BOOL : STATE_UINT)

/* clang-format off */
/* The member must be an integer, enum or bool scalar. */
#define STATE_INT(strct, member, ver, text)                                                        \
    {                                                                                              \
        #member, STATE_INT_TYPE(((strct *)0)->member), offsetof(strct, member),                    \
            sizeof(((strct *)0)->member), 1, ver, NULL, text                                       \
    }
/* A one-dimensional array of integers. */
#define STATE_ARRAY(strct, member, ver, text)                                                      \
    {                                                                                              \
        #member, STATE_INT_TYPE(((strct *)0)->member[0]), offsetof(strct, member),                 \
            sizeof(((strct *)0)->member[0]),                                                       \
            sizeof(((strct *)0)->member) / sizeof(((strct *)0)->member[0]), ver, NULL, text        \
    }
#define STATE_BUF(strct, member, ver, text)                                                        \
    {                                                                                              \
        #member, STATE_BYTES, offsetof(strct, member), sizeof(((strct *)0)->member), 1, ver, NULL, \
            text                                                                                   \
    }
#define STATE_TIMER_ROW(strct, member, ver, text)                                                  \
    {                                                                                              \
        #member, STATE_TIMER, offsetof(strct, member), sizeof(struct timer), 1, ver, NULL, text    \
    }
/* A GByteArray * that pre_save fills and post_load takes apart, of at most `max` bytes. */
#define STATE_BLOB_ROW(strct, member, max, ver, text)                                              \
    {                                                                                              \
        #member, STATE_BLOB, offsetof(strct, member), max, 1, ver, NULL, text                      \
    }
/* member is a struct, or with n > 1 an array of them. */
#define STATE_SUB(strct, member, n, subrows, ver, text)                                            \
    {                                                                                              \
        #member, STATE_STRUCT, offsetof(strct, member), sizeof(((strct *)0)->member) / (n), n,     \
            ver, subrows, text                                                                     \
    }
/* clang-format on */

/* Appends the rows' values of obj; little-endian, each row with its name, so that streams can be read. */
void state_save(const struct state_row *rows, const void *obj, GByteArray *out);
/*
 * Reads what state_save wrote, from *pos on.  False and *error (which names the row) for a stream
 * that is cut, has a wrong size or an unknown row; obj is then unchanged.
 */
bool state_load(const struct state_row *rows, void *obj, const uint8_t *data, size_t len,
                size_t *pos, GError **error);
/* The first half of it: all of the stream is looked at and nothing stored. */
bool state_check(const struct state_row *rows, const void *obj, const uint8_t *data, size_t len,
                 size_t *pos, GError **error);
/* "name=value" lines for monitors. */
void state_print(const struct state_row *rows, const void *obj, GString *out);

#endif
