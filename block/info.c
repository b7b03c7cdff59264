/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/info.c: what formats say about themselves, as a tree of typed rows; a row of a list of snapshots.  Thread: any. */
#include "block/node.h"
#include <time.h>
#include "util/text.h"

static struct block_info_row *row_new(struct block_info_row *to, const char *name,
                                      enum block_info_type type)
{
    struct block_info_row *row = g_new0(struct block_info_row, 1);

    row->name = g_strdup(name);
    row->type = type;
    if (type == BLOCK_INFO_LIST || type == BLOCK_INFO_TREE) {
        row->rows = g_ptr_array_new();
    }
    if (to) {
        g_ptr_array_add(to->rows, row);
    }
    return row;
}

struct block_info_row *block_info_new(void)
{
    return row_new(NULL, NULL, BLOCK_INFO_TREE);
}

void block_info_free(struct block_info_row *row)
{
    if (!row) {
        return;
    }
    for (unsigned i = 0; row->rows && i < row->rows->len; i++) {
        block_info_free(g_ptr_array_index(row->rows, i));
    }
    if (row->rows) {
        g_ptr_array_unref(row->rows);
    }
    g_free(row->name);
    g_free(row->string);
    g_free(row);
}

void block_info_string(struct block_info_row *to, const char *name, const char *value)
{
    if (to) {
        row_new(to, name, BLOCK_INFO_STRING)->string = g_strdup(value);
    }
}

void block_info_uint(struct block_info_row *to, const char *name, uint64_t value)
{
    if (to) {
        row_new(to, name, BLOCK_INFO_UINT)->number = value;
    }
}

void block_info_bool(struct block_info_row *to, const char *name, bool value)
{
    if (to) {
        row_new(to, name, BLOCK_INFO_BOOL)->number = value;
    }
}

struct block_info_row *block_info_list(struct block_info_row *to, const char *name)
{
    return to ? row_new(to, name, BLOCK_INFO_LIST) : NULL;
}

struct block_info_row *block_info_tree(struct block_info_row *to, const char *name)
{
    return to ? row_new(to, name, BLOCK_INFO_TREE) : NULL;
}

void block_snapshot_print(const struct block_snapshot *s, const char *id, GString *out)
{
    g_autofree char *size = size_text(s->vm_state_size);
    uint64_t ms = s->vm_clock_nsec / 1000000;
    char date[32] = "", clock[48], icount[24] = "";
    time_t seconds = (time_t)s->date_sec;
    struct tm tm;

    if (localtime_r(&seconds, &tm)) {
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
    }
    g_snprintf(clock, sizeof(clock), "%02u:%02u:%02u.%03u", (unsigned)(ms / 3600000),
               (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60), (unsigned)(ms % 1000));
    if (s->icount != UINT64_MAX) {
        g_snprintf(icount, sizeof(icount), "%" G_GUINT64_FORMAT, s->icount);
    }
    g_string_append_printf(out, "%-9s %-16s %8s%20s%13s%11s\n", id, s->name, size, date, clock,
                           icount);
}
