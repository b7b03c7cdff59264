/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/object.c: objects as -object and --object name them: a row each.  Thread: the main one. */
#include <string.h>
#include "block/node.h"
#include "block/throttle.h"
#include "util/error.h"

static bool secret_object(struct block_graph *graph, const struct block_options *o, GError **error)
{
    const char *id = block_options_get(o, "id"), *data = block_options_get(o, "data");
    const char *path = block_options_get(o, "file"), *format = block_options_get(o, "format");
    g_autofree char *bytes = NULL;
    size_t len;

    if (!data == !path) {
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

static const struct object_type {
    const char *name;
    bool (*make)(struct block_graph *graph, const struct block_options *o, GError **error);
} types[] = {
    { "secret", secret_object },
    { "throttle-group", throttle_object },
};

bool block_graph_add_object(struct block_graph *graph, const char *text, GError **error)
{
    g_autoptr(block_options) o = block_options_new();
    const char *type;

    if (!block_options_parse_any(o, text, "qom-type", error)) {
        return false;
    }
    type = block_options_get(o, "qom-type");
    if (!block_options_get(o, "id")) {
        set_error(error, "Parameter 'id' is missing");
        return false;
    }
    for (unsigned i = 0; type && i < G_N_ELEMENTS(types); i++) {
        if (strcmp(types[i].name, type) == 0) {
            return types[i].make(graph, o, error);
        }
    }
    set_error(error, "object %s: the types here are 'secret' and 'throttle-group'", text);
    return false;
}
