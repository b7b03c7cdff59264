/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/secret.c: secrets as -object and --object name them.  Thread: the main one. */
#include <string.h>
#include "block/node.h"
#include "util/error.h"

bool block_graph_add_object(struct block_graph *graph, const char *text, GError **error)
{
    g_autoptr(block_options) o = block_options_new();
    const char *id, *data, *path, *format;
    g_autofree char *bytes = NULL;
    size_t len;

    if (!block_options_parse_any(o, text, "qom-type", error)) {
        return false;
    }
    id = block_options_get(o, "id");
    data = block_options_get(o, "data");
    path = block_options_get(o, "file");
    format = block_options_get(o, "format");
    if (g_strcmp0(block_options_get(o, "qom-type"), "secret") != 0) {
        set_error(error, "object %s: the only type here is 'secret'", text);
        return false;
    }
    if (!id || !data == !path) {
        set_error(error, "object secret needs id= and either data= or file=");
        return false;
    }
    if (path ? !g_file_get_contents(path, &bytes, &len, error)
             : !(bytes = g_memdup2(data, (len = strlen(data)) + 1))) {
        return false;
    }
    if (format && strcmp(format, "base64") == 0) {
        g_base64_decode_inplace(bytes, &len);
    } else if (format && strcmp(format, "raw") != 0) {
        set_error(error, "object secret: format is '%s', must be raw or base64", format);
        return false;
    }
    block_graph_add_secret(graph, id, bytes, len);
    return true;
}
