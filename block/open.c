/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/open.c: from names and options to nodes that stand on each other.
 *
 * A tree of options is opened from its root: the driver's row of options is checked, the child `file` is
 * opened below `file.`, then the driver, then the backing file that the image names.
 * Invariant: the options of a node are complete: with them alone the same node opens again.
 * Thread: the main one (under the machine lock).
 */
#include <string.h>
#include <sys/stat.h>
#include "block/driver.h"
#include "block/graph.h"
#include "block/throttle.h"
#include "util/error.h"
#include "util/text.h"

/* A chain that is longer is taken for a circle. */
#define MAX_DEPTH 200

/* clang-format off */
static const struct block_option_row common_rows[] = {
    { "driver",         BLOCK_OPTION_STRING, NULL, "the format or protocol" },
    { "node-name",      BLOCK_OPTION_STRING, NULL, "name of the node" },
    { "read-only",      BLOCK_OPTION_BOOL,   NULL, "no writes" },
    { "auto-read-only", BLOCK_OPTION_BOOL,   NULL, "read-only where the host allows no writing" },
    { "force-share",    BLOCK_OPTION_BOOL,   NULL, "others may write meanwhile" },
    { "discard",        BLOCK_OPTION_CHOICE, NULL, "give space back", .choices = "ignore|off|unmap|on" },
    { "detect-zeroes",  BLOCK_OPTION_CHOICE, NULL, "look for zeroes in what is written",
      .choices = "off|on|unmap" },
    { "cache",          BLOCK_OPTION_TREE,   NULL, "direct: no page cache; no-flush: ignore flushes" },
    { "file",           BLOCK_OPTION_NODE,   NULL, "what the format stands on" },
    { "backing",        BLOCK_OPTION_NODE,   NULL, "instead of the backing file in the header; '': none" },
    { 0 }
};
/* clang-format on */

static struct block_node *open_tree(struct block_options *opts, bool protocol,
                                    const struct block_open_options *flags, unsigned depth,
                                    GError **error);

/* Names ----------------------------------------------------------------------------------------- */

/* "prefix:" of the name that some protocol knows; NULL: none. */
static const struct block_driver *protocol_of(const char *filename)
{
    for (unsigned i = 0; block_drivers[i]; i++) {
        g_auto(GStrv) prefixes =
            block_drivers[i]->prefixes ? g_strsplit(block_drivers[i]->prefixes, "|", -1) : NULL;

        for (unsigned k = 0; prefixes && prefixes[k]; k++) {
            if (g_str_has_prefix(filename, prefixes[k])) {
                return block_drivers[i];
            }
        }
    }
    return NULL;
}

/* "name:" before any slash: what looks like a protocol. */
static bool has_protocol(const char *filename)
{
    size_t len = strcspn(filename, ":/");

    return filename[len] == ':' && len > 0;
}

static bool parse_filename(const char *filename, struct block_options *to, GError **error)
{
    const struct block_driver *d = protocol_of(filename);

    if (d && d->parse_filename) {
        block_options_set(to, "driver", d->name);
        return d->parse_filename(filename, to, error);
    }
    if (g_str_has_prefix(filename, "file:")) {
        filename += strlen("file:");
    } else if (has_protocol(filename)) {
        struct stat st;

        /* A file may well have a colon in its name: then it is meant. */
        if (stat(filename, &st) != 0) {
            set_error(error, "Unknown protocol '%.*s'", (int)strcspn(filename, ":"), filename);
            return false;
        }
    }
    block_options_set(to, "filename", filename);
    return true;
}

char *block_path_combine(const char *base, const char *name)
{
    const char *slash = base ? strrchr(base, '/') : NULL;

    if (name[0] == '/' || has_protocol(name) || !slash) {
        return g_strdup(name);
    }
    return g_strdup_printf("%.*s/%s", (int)(slash - base), base, name);
}

bool block_option_is_known(const char *name)
{
    for (unsigned i = 0; block_drivers[i]; i++) {
        for (const struct block_option_row *r = block_drivers[i]->open_options; r && r->name; r++) {
            if (strcmp(r->name, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Nodes ----------------------------------------------------------------------------------------- */

struct block_node *block_node_ref(struct block_node *node)
{
    node->refs++;
    return node;
}

void block_node_close(struct block_node *node)
{
    struct block_node *below[3];

    if (!node || --node->refs > 0) {
        return;
    }
    below[0] = node->backing;
    below[1] = node->data_file;
    below[2] = node->file;
    if (node->driver->close) {
        node->driver->close(node);
    }
    block_graph_remove(node);
    g_free(node->node_name);
    g_free(node->filename);
    g_free(node->backing_name);
    g_free(node->backing_format);
    block_options_free(node->options);
    g_free(node);
    for (unsigned i = 0; i < G_N_ELEMENTS(below); i++) {
        block_node_close(below[i]);
    }
}

static void take_cache_options(struct block_node *node, const struct block_options *opts)
{
    static const struct block_option_row rows[] = { { "direct", BLOCK_OPTION_BOOL },
                                                    { "no-flush", BLOCK_OPTION_BOOL },
                                                    { 0 } };
    g_autoptr(block_options) cache = block_options_child(opts, "cache");
    bool direct = block_option_bool(cache, rows, "direct");

    if (block_options_get(cache, "no-flush")) {
        node->cache = block_option_bool(cache, rows, "no-flush") ? BLOCK_CACHE_UNSAFE
                      : direct                                   ? BLOCK_CACHE_NONE
                                                                 : BLOCK_CACHE_WRITEBACK;
    } else if (block_options_get(cache, "direct")) {
        node->cache = direct ? BLOCK_CACHE_NONE : BLOCK_CACHE_WRITEBACK;
    }
}

/* What options of the node itself say beats what is inherited.  They were checked. */
static void take_common_options(struct block_node *node, const struct block_open_options *o)
{
    const struct block_options *opts = o->options;
    const char *discard = block_options_get(opts, "discard");
    const char *detect = block_options_get(opts, "detect-zeroes");

    node->cache = o->cache;
    node->discard = o->discard;
    take_cache_options(node, opts);
    if (discard) {
        node->discard = strcmp(discard, "unmap") == 0 || strcmp(discard, "on") == 0;
    }
    if (detect) {
        node->detect_zeroes = strcmp(detect, "off") != 0;
        node->detect_unmap = strcmp(detect, "unmap") == 0;
    }
}

/* The options that are this node's, not its children's. */
static struct block_options *own_options(const struct block_options *opts)
{
    struct block_options *own = block_options_new();

    for (unsigned i = 0; i < block_options_count(opts); i++) {
        const char *key = block_options_key(opts, i);

        if (!g_str_has_prefix(key, "file.") && !g_str_has_prefix(key, "backing.")) {
            block_options_set(own, key, block_options_value(opts, i));
        }
    }
    return own;
}

struct block_node *block_node_new(const struct block_driver *driver, struct block_node *file,
                                  const struct block_open_options *o, GError **error)
{
    struct block_node *node = g_malloc0(driver->size);

    node->driver = driver;
    node->refs = 1;
    node->file = file;
    node->filename = g_strdup(o->filename ? o->filename : file ? file->filename : driver->name);
    node->options = own_options(o->options);
    take_common_options(node, o);
    node->inactive = o->inactive;
    if (!block_graph_add(o->graph, node, block_options_get(o->options, "node-name"), error)) {
        node->driver = &(const struct block_driver){ 0 };
        block_node_close(node);
        return NULL;
    }
    if (!driver->open(node, o, error)) {
        block_node_close(node);
        return NULL;
    }
    if (!driver->write) {
        node->read_only = true;
    }
    if ((!node->read_only || node->inactive) && !driver->set_active &&
        block_graph_is_only_migratable(node->graph)) {
        set_error(error,
                  "disallowing migration blocker (--only-migratable) for: The %s format used by "
                  "node '%s' does not support live migration",
                  driver->name, node->node_name);
        block_node_close(node);
        return NULL;
    }
    return node;
}

/* Opening a tree -------------------------------------------------------------------------------- */

const struct block_driver *block_probe_head(const uint8_t head[BLOCK_PROBE_BYTES],
                                            const char *filename)
{
    const struct block_driver *best = &block_raw;
    int best_score = 0;

    for (unsigned i = 0; block_drivers[i]; i++) {
        const struct block_driver *d = block_drivers[i];
        int score = d->probe ? d->probe(head, filename)
                    : d->n_magic && memcmp(head, d->magic, d->n_magic) == 0 ? 100
                                                                            : 0;

        if (score > best_score) {
            best = d;
            best_score = score;
        }
    }
    return best;
}

static const struct block_driver *probe(struct block_node *file, GError **error)
{
    uint8_t head[BLOCK_PROBE_BYTES] = { 0 };

    if (block_node_read(file, 0, head, sizeof(head)) != 0) {
        set_error(error, "cannot read the first sectors of '%s'", file->filename);
        return NULL;
    }
    return block_probe_head(head, file->filename);
}

/* A node that options name ("file": "node0"), or one made from those below "file.". */
static struct block_node *open_named(struct block_options *opts, const char *child, bool protocol,
                                     const struct block_open_options *flags, unsigned depth,
                                     GError **error)
{
    const char *name = block_options_get(opts, child);
    g_autoptr(block_options) below = NULL;
    struct block_node *node;

    if (name && *name) {
        node = block_graph_find(flags->graph, name);
        if (!node) {
            set_error(error, "Cannot find device='' nor node-name='%s'", name);
            return NULL;
        }
        return block_node_ref(node);
    }
    below = block_options_child(opts, child);
    return open_tree(below, protocol, flags, depth + 1, error);
}

static bool open_backing(struct block_node *node, struct block_options *opts,
                         const struct block_open_options *o, unsigned depth, GError **error)
{
    const char *named = block_options_get(opts, "backing");
    struct block_open_options flags = *o;
    g_autoptr(block_options) below = NULL;

    flags.read_only = true;
    flags.force_share = o->force_share && !o->inactive;
    flags.snapshot = flags.check = flags.inactive = false;
    flags.filename = flags.format = NULL;
    if (named || block_options_has_child(opts, "backing")) {
        if (named && !*named) {
            return true;
        }
        node->backing = open_named(opts, "backing", false, &flags, depth, error);
    } else if (node->backing_name && !o->no_backing) {
        g_autofree char *path = block_path_combine(node->filename, node->backing_name);

        below = block_options_new();
        if (node->backing_format) {
            block_options_set(below, "driver", node->backing_format);
        }
        flags.filename = path;
        node->backing = open_tree(below, false, &flags, depth + 1, error);
    } else {
        return true;
    }
    if (!node->backing) {
        g_prefix_error(error, "Could not open backing file: ");
        return false;
    }
    return true;
}

const struct block_driver *block_protocol_of(const char *filename)
{
    const struct block_driver *d = filename ? protocol_of(filename) : NULL;

    return d ? d : &block_file;
}

static bool check_options(const struct block_driver *d, const struct block_options *opts,
                          GError **error)
{
    g_autofree char *what = g_strdup_printf("Block driver '%s'", d->name);

    return block_options_check(opts, common_rows, d->open_options, what, error);
}

static bool option_is_on(const struct block_options *opts, const char *name, bool otherwise)
{
    return block_options_get(opts, name) ? block_option_bool(opts, common_rows, name) : otherwise;
}

/* Protocols have their name among their options. */
static struct block_node *open_protocol(const struct block_driver *d, struct block_options *opts,
                                        struct block_open_options *o, GError **error)
{
    if (!check_options(d, opts, error)) {
        return NULL;
    }
    o->filename = block_options_get(opts, "filename");
    return block_node_new(d, NULL, o, error);
}

static struct block_node *open_format(const struct block_driver *d, struct block_options *opts,
                                      struct block_open_options *o, unsigned depth, GError **error)
{
    struct block_open_options below = *o;
    struct block_node *file, *node;

    below.filename = below.format = NULL;
    below.snapshot = false;
    file = open_named(opts, "file", !d || !d->filter, &below, depth, error);
    if (!file) {
        return NULL;
    }
    if (!d) {
        d = probe(file, error);
    }
    if (!d || !check_options(d, opts, error)) {
        block_node_close(file);
        return NULL;
    }
    o->filename = file->filename;
    node = block_node_new(d, file, o, error);
    if (node && !open_backing(node, opts, o, depth, error)) {
        g_prefix_error(error, "Could not open '%s': ", node->filename);
        block_node_close(node);
        node = NULL;
    }
    return node;
}

/* `opts` is changed.  flags->filename and ->format are the tree's when they are given. */
static struct block_node *open_tree(struct block_options *opts, bool protocol,
                                    const struct block_open_options *flags, unsigned depth,
                                    GError **error)
{
    struct block_open_options o = *flags;
    g_autoptr(block_options) named = block_options_new();
    const char *name = block_options_get(opts, "driver");
    const struct block_driver *d = NULL;

    if (depth > MAX_DEPTH) {
        set_error(error, "more than %d images on each other: does one name itself?", MAX_DEPTH);
        return NULL;
    }
    name = name ? name : flags->format;
    if (flags->filename && g_str_has_prefix(flags->filename, "json:")) {
        if (!block_options_parse_any(named, flags->filename, NULL, error)) {
            return NULL;
        }
        name = name ? name : block_options_get(named, "driver");
    } else if (flags->filename) {
        g_autoptr(block_options) parsed = block_options_new();

        d = name ? block_driver_find(name, error) : NULL;
        if ((name && !d) || !parse_filename(flags->filename, parsed, error)) {
            return NULL;
        }
        block_options_merge(named, protocol || (d && d->protocol) ? NULL : "file", parsed);
    }
    block_options_merge(named, NULL, opts);
    if (name) {
        block_options_set(named, "driver", name);
        name = block_options_get(named, "driver"); /* the other one may be gone now */
    }
    d = name ? block_driver_find(name, error) : NULL;
    if (name && !d) {
        return NULL;
    }
    if (!d &&
        (protocol || (block_options_get(named, "filename") && !block_options_get(named, "file") &&
                      !block_options_has_child(named, "file")))) {
        d = block_protocol_of(block_options_get(named, "filename"));
    }
    o.options = named;
    o.read_only = option_is_on(named, "read-only", o.read_only);
    o.auto_read_only = option_is_on(named, "auto-read-only", o.auto_read_only);
    o.force_share = option_is_on(named, "force-share", o.force_share);
    if (!o.read_only && o.graph && block_graph_is_inactive(o.graph)) {
        o.inactive = o.read_only = o.force_share = true;
    }
    return d && d->protocol ? open_protocol(d, named, &o, error)
                            : open_format(d, named, &o, depth, error);
}

struct block_node *block_open_child(struct block_node *node, const char *child, const char *name,
                                    const char *format, const struct block_open_options *o,
                                    GError **error)
{
    struct block_open_options flags = *o;
    struct block_options *opts = (struct block_options *)o->options;
    g_autofree char *path = NULL;
    g_autoptr(block_options) below = NULL;

    flags.filename = flags.format = NULL;
    if (block_options_get(opts, child) || block_options_has_child(opts, child)) {
        return open_named(opts, child, !format, &flags, 1, error);
    }
    if (!name) {
        set_error(error, "%s: '%s' is missing", node->filename, child);
        return NULL;
    }
    below = block_options_new();
    path = block_path_combine(node->filename, name);
    flags.filename = path;
    flags.format = format;
    return open_tree(below, !format, &flags, 1, error);
}

struct block_node *block_open_image(struct block_node *node, const char *child,
                                    const struct block_open_options *o, GError **error)
{
    struct block_open_options flags = *o;

    (void)node;
    flags.filename = flags.format = NULL;
    return open_named((struct block_options *)o->options, child, false, &flags, 1, error);
}

struct block_node *block_layer_new(const struct block_driver *driver, struct block_node *node,
                                   const struct block_options *options, GError **error)
{
    struct block_open_options flags = { .filename = node->filename,
                                        .graph = node->graph,
                                        .options = options,
                                        .inactive = node->inactive,
                                        .discard = true,
                                        .cache = node->cache };

    return block_node_new(driver, node, &flags, error);
}

struct block_node *block_node_open(const struct block_open_options *o, GError **error)
{
    g_autoptr(block_options) opts = block_options_copy(o->options);
    struct block_open_options flags = *o;
    struct block_node *node;

    flags.read_only |= flags.snapshot;
    node = open_tree(opts, false, &flags, 0, error);
    if (node && o->copy_on_read && (!node->read_only || node->inactive)) {
        node = block_layer_new(&block_copy_on_read, node, NULL, error);
    }
    if (node && o->throttle) {
        node = throttle_over(node, o->throttle, error);
    }
    if (node && o->snapshot) {
        node = block_layer_new(&block_snapshot, node, NULL, error);
    }
    return node;
}

struct block_node *block_open_protocol(const char *filename, const struct block_open_options *o,
                                       GError **error)
{
    g_autoptr(block_options) opts = block_options_new();
    struct block_open_options flags = *o;

    flags.filename = filename;
    flags.format = NULL;
    return open_tree(opts, true, &flags, 0, error);
}

/* Read-only and back ---------------------------------------------------------------------------- */

bool block_node_set_read_only(struct block_node *node, bool read_only, GError **error)
{
    if (node->read_only == read_only) {
        return true;
    }
    if (!read_only && !node->driver->write) {
        set_error(error, "'%s': format %s cannot be written", node->filename, node->driver->name);
        return false;
    }
    if (read_only && node->driver->set_read_only &&
        !node->driver->set_read_only(node, read_only, error)) {
        return false;
    }
    if (node->file && !block_node_set_read_only(node->file, read_only, error)) {
        return false;
    }
    if (node->data_file && !block_node_set_read_only(node->data_file, read_only, error)) {
        return false;
    }
    node->read_only = read_only;
    if (!read_only && node->driver->set_read_only &&
        !node->driver->set_read_only(node, read_only, error)) {
        node->read_only = true;
        return false;
    }
    return true;
}
