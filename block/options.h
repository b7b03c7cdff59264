/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/options.h: the options of a node or of an image to be made, as one ordered list of dotted keys.
 *
 * "driver=qcow2,file.driver=file,file.filename=a.img" and the JSON object {"driver": "qcow2", "file":
 * {"driver": "file", "filename": "a.img"}} are the same list; elements of JSON arrays have numbers as
 * keys ("server.0.host"), true and false are "on" and "off", null is the empty text.
 *
 * A driver lists the keys it takes in rows; the list is checked against the rows before the driver sees
 * it, so that the typed getters cannot fail.
 * Thread: any, one at a time.
 */
#ifndef BLOCK_OPTIONS_H
#define BLOCK_OPTIONS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum block_option_type {
    BLOCK_OPTION_STRING,
    BLOCK_OPTION_BOOL,   /* on/off/yes/no/true/false */
    BLOCK_OPTION_UINT,   /* min to max */
    BLOCK_OPTION_SIZE,   /* the same with suffixes: 64k */
    BLOCK_OPTION_CHOICE, /* one of `choices` */
    BLOCK_OPTION_NODE,   /* a node's name, or options of a node to be made below `name.` */
    BLOCK_OPTION_TREE,   /* anything below `name.` */
};

/* One key.  Tables end with a row without a name. */
struct block_option_row {
    const char *name;
    enum block_option_type type;
    const char *value;   /* what it is when nobody says; NULL: nothing */
    const char *help;    /* the description in `-o help` */
    uint64_t min, max;   /* of UINT and SIZE; max 0: no bound */
    const char *choices; /* of CHOICE: "off|metadata|falloc|full" */
};

struct block_options;

struct block_options *block_options_new(void);
struct block_options *block_options_copy(const struct block_options *o);
void block_options_free(struct block_options *o);
typedef struct block_options block_options; /* for g_autoptr */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(block_options, block_options_free)

/* "key=value,..." (",," is a comma), added to what is there; a first word without '=' is implied_key's. */
void block_options_parse(struct block_options *o, const char *text, const char *implied_key);
/* A JSON object, added to what is there. */
bool block_options_parse_json(struct block_options *o, const char *text, GError **error);
/* Either: JSON when the text begins with '{' or "json:". */
bool block_options_parse_any(struct block_options *o, const char *text, const char *implied_key,
                             GError **error);
/* A later value replaces an earlier one. */
void block_options_set(struct block_options *o, const char *key, const char *value);
void block_options_setf(struct block_options *o, const char *key, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);
void block_options_remove(struct block_options *o, const char *key);
/* Every key of `from`, below `prefix` when that is not NULL. */
void block_options_merge(struct block_options *o, const char *prefix,
                         const struct block_options *from);

unsigned block_options_count(const struct block_options *o);
const char *block_options_key(const struct block_options *o, unsigned i);
const char *block_options_value(const struct block_options *o, unsigned i);
/* NULL: not given.  `o` may be NULL. */
const char *block_options_get(const struct block_options *o, const char *key);
/* What is below `prefix.`, without it; empty when there is nothing. */
struct block_options *block_options_child(const struct block_options *o, const char *prefix);
bool block_options_has_child(const struct block_options *o, const char *prefix);
/* One line of JSON, nested again. */
char *block_options_to_json(const struct block_options *o);

/*
 * Every key is in the rows, or in `more` when that is not NULL, and its value is of the row's type and
 * within its bounds.  `what` begins the message: "driver 'qcow2'".
 */
bool block_options_check(const struct block_options *o, const struct block_option_row *rows,
                         const struct block_option_row *more, const char *what, GError **error);
/* The value given, or the row's.  The list was checked. */
const char *block_option_string(const struct block_options *o, const struct block_option_row *rows,
                                const char *name);
bool block_option_bool(const struct block_options *o, const struct block_option_row *rows,
                       const char *name);
uint64_t block_option_uint(const struct block_options *o, const struct block_option_row *rows,
                           const char *name); /* of UINT and SIZE; 0 when there is no value */
/* The index of the value in the row's choices. */
unsigned block_option_choice(const struct block_options *o, const struct block_option_row *rows,
                             const char *name);
/* "  name=<type>  - help" for each row, as `create -o help` prints it: rows are in the order of names. */
void block_option_help(const struct block_option_row *rows, GString *out);

#endif
