/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_print.c: what images say of themselves, as text and as JSON. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "tools/img.h"

static json_t *value_json(const struct block_info_row *row)
{
    json_t *list;

    switch (row->type) {
    case BLOCK_INFO_STRING:
        list = json_string(row->string ? row->string : "");
        return list ? list : json_string("(not UTF-8)");
    case BLOCK_INFO_UINT:
        return json_integer((json_int_t)row->number);
    case BLOCK_INFO_BOOL:
        return json_boolean(row->number);
    case BLOCK_INFO_LIST:
        list = json_array();
        for (unsigned i = 0; i < row->rows->len; i++) {
            json_array_append_new(list, value_json(g_ptr_array_index(row->rows, i)));
        }
        return list;
    case BLOCK_INFO_TREE:
        break;
    }
    return img_info_json(row);
}

json_t *img_info_json(const struct block_info_row *tree)
{
    json_t *object = json_object();

    for (unsigned i = 0; i < tree->rows->len; i++) {
        const struct block_info_row *row = g_ptr_array_index(tree->rows, i);

        json_object_set_new(object, row->name, value_json(row));
    }
    return object;
}

/* "    name: value", deeper trees and lists below their name. */
void img_info_text(const struct block_info_row *tree, unsigned depth, GString *out)
{
    for (unsigned i = 0; i < tree->rows->len; i++) {
        const struct block_info_row *row = g_ptr_array_index(tree->rows, i);
        g_autofree char *name =
            tree->type == BLOCK_INFO_LIST ? g_strdup_printf("[%u]", i) : g_strdup(row->name);

        g_strdelimit(name, "-", ' ');
        g_string_append_printf(out, "%*s%s:", (int)depth * 4, "", name);
        switch (row->type) {
        case BLOCK_INFO_STRING:
            g_string_append_printf(out, " %s\n", row->string ? row->string : "");
            break;
        case BLOCK_INFO_UINT:
            g_string_append_printf(out, " %" G_GUINT64_FORMAT "\n", row->number);
            break;
        case BLOCK_INFO_BOOL:
            g_string_append_printf(out, " %s\n", row->number ? "true" : "false");
            break;
        case BLOCK_INFO_LIST:
        case BLOCK_INFO_TREE:
            g_string_append_c(out, '\n');
            img_info_text(row, depth + 1, out);
            break;
        }
    }
}

void img_snapshots_text(const GPtrArray *snapshots, GString *out)
{
    g_string_append(out, "Snapshot list:\n" BLOCK_SNAPSHOT_HEADING);
    for (unsigned i = 0; i < snapshots->len; i++) {
        const struct block_snapshot *s = g_ptr_array_index(snapshots, i);

        block_snapshot_print(s, s->id, out);
    }
}

void img_print_json(json_t *root)
{
    char *text = json_dumps(root, JSON_INDENT(4));

    puts(text);
    free(text);
    json_decref(root);
}
