/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/dump_vmstate.c: -dump-vmstate: the state rows of every device type as JSON, for programs that compare two
 * versions of them.
 * Thread: the program's first.
 */
#include <jansson.h>
#include "cli/options.h"
#include "softmmu/device.h"
#include "util/error.h"

static unsigned newest(const struct state_row *rows)
{
    unsigned version = 1;

    for (; rows && rows->type != STATE_END; rows++) {
        version = MAX(version, rows->version);
    }
    return version;
}

static json_t *describe(const char *name, const struct state_row *rows)
{
    json_t *fields = json_array();
    unsigned version = newest(rows);

    for (; rows && rows->type != STATE_END; rows++) {
        json_t *field =
            json_pack("{s:s, s:i, s:b, s:I}", "field", rows->name, "version_id", (int)rows->version,
                      "field_exists", 0, "size", (json_int_t)(rows->size * rows->count));

        if (rows->type == STATE_STRUCT) {
            json_object_set_new(field, "Description", describe(rows->name, rows->rows));
        }
        json_array_append_new(fields, field);
    }
    return json_pack("{s:s, s:i, s:i, s:o}", "name", name, "version_id", (int)version,
                     "minimum_version_id", 1, "Fields", fields);
}

bool dump_vmstate(const char *path, const struct board_type *board, GError **error)
{
    json_t *all = json_pack("{s:{s:s}}", "vmschkmachine", "Name", board->name);
    int rc;

    for (unsigned i = 0; device_types[i]; i++) {
        const struct device_type *t = device_types[i];
        int version = (int)newest(t->state);

        json_object_set_new(all, t->name,
                            json_pack("{s:s, s:i, s:i, s:o}", "Name", t->name, "version_id",
                                      version, "minimum_version_id", 1, "Description",
                                      describe(t->name, t->state)));
    }
    rc = json_dump_file(all, path, JSON_INDENT(2));
    json_decref(all);
    if (rc != 0) {
        set_errno_error(error, "-dump-vmstate: cannot write '%s'", path);
    }
    return rc == 0;
}
