/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_info.c: rhea-img info. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "block/driver.h"
#include "tools/img.h"
#include "util/log.h"
#include "util/text.h"

#define MAX_CHAIN 200

struct info {
    struct img_common common;
    bool chain;
};

/* clang-format off */
static const struct tool_option info_rows[] = {
    IMG_ROW_OBJECT(struct info),
    IMG_ROW_IMAGE_OPTS(struct info),
    IMG_ROW_FORMAT(struct info),
    IMG_ROW_OUTPUT(struct info),
    TOOL_ROW_FLAG(struct info, "backing-chain", 0, chain, "tell of the backing files too"),
    IMG_ROW_FORCE_SHARE(struct info),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};
/* clang-format on */

/* What one image says. */
struct facts {
    struct block_image_info image;
    struct block_info_row *specific;
    GPtrArray *snapshots;
    int64_t allocated;
    char *backing_path;
};

static void facts_clear(struct facts *f)
{
    block_info_free(f->specific);
    g_ptr_array_unref(f->snapshots);
    g_free(f->backing_path);
}

static struct facts facts_of(struct block_node *node)
{
    struct facts f = { .specific = block_info_new(),
                       .snapshots = block_snapshots(node),
                       .allocated = block_node_allocated(node) };

    block_node_info(node, &f.image, f.specific);
    if (!f.snapshots) {
        f.snapshots = block_snapshots_new();
    }
    if (node->backing_name) {
        f.backing_path = block_path_combine(node->filename, node->backing_name);
    }
    return f;
}

static void print_text(const struct block_node *node, const struct facts *f)
{
    g_autofree char *size = size_text(node->size);
    g_autofree char *disk =
        f->allocated < 0 ? g_strdup("unavailable") : size_text((uint64_t)f->allocated);
    g_autoptr(GString) out = g_string_new("");

    g_string_append_printf(out,
                           "image: %s\nfile format: %s\nvirtual size: %s (%" G_GUINT64_FORMAT
                           " bytes)\ndisk size: %s\n",
                           node->filename, node->driver->name, size, node->size, disk);
    if (f->image.encrypted) {
        g_string_append(out, "encrypted: yes\n");
    }
    if (f->image.cluster_size) {
        g_string_append_printf(out, "cluster_size: %" G_GUINT64_FORMAT "\n", f->image.cluster_size);
    }
    if (f->image.dirty) {
        g_string_append(out, "cleanly shut down: no\n");
    }
    if (node->backing_name) {
        g_string_append_printf(out, "backing file: %s", node->backing_name);
        if (strcmp(node->backing_name, f->backing_path) != 0) {
            g_string_append_printf(out, " (actual path: %s)", f->backing_path);
        }
        g_string_append_c(out, '\n');
    }
    if (node->backing_format) {
        g_string_append_printf(out, "backing file format: %s\n", node->backing_format);
    }
    if (f->snapshots->len) {
        img_snapshots_text(f->snapshots, out);
    }
    if (f->specific->rows->len) {
        g_string_append(out, "Format specific information:\n");
        img_info_text(f->specific, 1, out);
    }
    fputs(out->str, stdout);
}

static json_t *snapshots_json(const GPtrArray *snapshots)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < snapshots->len; i++) {
        const struct block_snapshot *s = g_ptr_array_index(snapshots, i);
        json_t *o = json_object();

        if (s->icount != UINT64_MAX) {
            json_object_set_new(o, "icount", json_integer((json_int_t)s->icount));
        }
        json_object_set_new(o, "vm-clock-nsec",
                            json_integer((json_int_t)(s->vm_clock_nsec % 1000000000)));
        json_object_set_new(o, "name", json_string(s->name));
        json_object_set_new(o, "date-sec", json_integer(s->date_sec));
        json_object_set_new(o, "date-nsec", json_integer(s->date_nsec));
        json_object_set_new(o, "vm-clock-sec",
                            json_integer((json_int_t)(s->vm_clock_nsec / 1000000000)));
        json_object_set_new(o, "id", json_string(s->id));
        json_object_set_new(o, "vm-state-size", json_integer((json_int_t)s->vm_state_size));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *to_json(const struct block_node *node, const struct facts *f)
{
    json_t *o = json_object();

    if (f->snapshots->len) {
        json_object_set_new(o, "snapshots", snapshots_json(f->snapshots));
    }
    if (node->backing_format) {
        json_object_set_new(o, "backing-filename-format", json_string(node->backing_format));
    }
    json_object_set_new(o, "virtual-size", json_integer((json_int_t)node->size));
    json_object_set_new(o, "filename", json_string(node->filename));
    if (f->image.cluster_size) {
        json_object_set_new(o, "cluster-size", json_integer((json_int_t)f->image.cluster_size));
    }
    json_object_set_new(o, "format", json_string(node->driver->name));
    if (f->allocated >= 0) {
        json_object_set_new(o, "actual-size", json_integer(f->allocated));
    }
    if (f->specific->rows->len) {
        json_object_set_new(o, "format-specific",
                            json_pack("{s:s, s:o}", "type", node->driver->name, "data",
                                      img_info_json(f->specific)));
    }
    if (node->backing_name) {
        json_object_set_new(o, "full-backing-filename", json_string(f->backing_path));
        json_object_set_new(o, "backing-filename", json_string(node->backing_name));
    }
    if (f->image.encrypted) {
        json_object_set_new(o, "encrypted", json_true());
    }
    json_object_set_new(o, "dirty-flag", json_boolean(f->image.dirty));
    return o;
}

/* Each image of the chain is opened alone, so that those above a broken one are told of. */
static int tell_chain(struct info *i, struct block_graph *graph, const char *filename, json_t *list,
                      bool json)
{
    g_autofree char *name = g_strdup(filename), *format = g_strdup(i->common.format);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (unsigned depth = 0; name; depth++) {
        struct block_node *node;
        struct facts f;

        if (!g_hash_table_add(seen, g_strdup(name)) || depth >= MAX_CHAIN) {
            report_error("Backing file '%s' creates an infinite loop.", name);
            return 1;
        }
        node = img_open_as(&i->common, graph, name, format, IMG_NO_BACKING | IMG_NO_IO);
        if (!node) {
            return 1;
        }
        f = facts_of(node);
        if (json) {
            json_array_append_new(list, to_json(node, &f));
        } else {
            if (depth) {
                putchar('\n');
            }
            print_text(node, &f);
        }
        g_free(name);
        g_free(format);
        name = i->chain ? g_steal_pointer(&f.backing_path) : NULL;
        format = g_strdup(node->backing_format);
        i->common.image_opts = false;
        facts_clear(&f);
        block_node_close(node);
    }
    return 0;
}

static int run(const struct tool_command *command, int argc, char **argv)
{
    struct info i = { 0 };
    int at = tool_parse(command, argc, argv, &i), status;
    g_autoptr(block_graph) graph = NULL;
    json_t *list;
    bool json;

    if (at < 0) {
        return at == -2 ? 0 : 1;
    }
    if (argc - at != 1) {
        return tool_usage_error("Expecting one image file name");
    }
    graph = img_wants_json(&i.common, &json) ? img_graph(&i.common) : NULL;
    if (!graph) {
        return 1;
    }
    list = json_array();
    status = tell_chain(&i, graph, argv[at], list, json);
    if (status == 0 && json) {
        img_print_json(i.chain ? json_incref(list) : json_incref(json_array_get(list, 0)));
    }
    json_decref(list);
    return status;
}

const struct tool_command img_info = {
    .name = "info",
    .operands = "FILENAME",
    .summary = "tell what an image is: format, sizes, backing file, snapshots",
    .options = info_rows,
    .run = run,
    .details = "An image that a guest is using can be looked at with -U.\n\n"
               "Examples:\n"
               "  rhea-img info --backing-chain overlay.qcow2\n"
               "  rhea-img info --output=json disk.qcow2\n",
};
