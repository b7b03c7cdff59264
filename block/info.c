/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/info.c: what formats say about themselves, as a tree of typed rows.  Thread: any. */
#include "block/node.h"

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
