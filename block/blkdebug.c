/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/blkdebug.c: the protocol `blkdebug`: errors on purpose, for tests.
 *
 * Names: blkdebug:[CONFIG]:IMAGE.  Rules are options inject-error.N.event=, state=, errno=, sector=, iotype=,
 * once= and set-state.N.event=, state=, new_state=, or sections [inject-error] and [set-state] of the file
 * CONFIG.  A rule whose state= is not that of the layer (1 at first) rests.
 *
 * Events are transfers of the layer itself, which fail then and there (read_aio, write_aio, flush_to_disk,
 * discard, none: any), or what the format above is about to do (l2_update, cluster_alloc and so on): from such
 * an event on, until another one of a rule, transfers fail.
 * Thread: any; the mutex guards rules and state.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include "block/driver.h"
#include "util/error.h"
#include "util/text.h"

#define MAX_RULES 64u

enum io_kind { IO_READ, IO_WRITE, IO_FLUSH, IO_DISCARD, IO_ZERO, N_KINDS };

struct rule {
    const char *event; /* of the format; NULL: of the layer itself */
    unsigned kinds;    /* bits of enum io_kind */
    uint64_t state;    /* 0: any */
    int error;         /* 0: the layer's state becomes new_state */
    uint64_t new_state;
    bool any_place, once, active, gone;
    uint64_t sector;
};

struct debug_node {
    struct block_node node;
    pthread_mutex_t mutex;
    struct rule rules[MAX_RULES];
    unsigned n;
    uint64_t align, state;
};

/* clang-format off */
static const struct block_option_row debug_options[] = {
    { "filename",     BLOCK_OPTION_STRING, NULL,  "the name" },
    { "image",        BLOCK_OPTION_NODE,   NULL,  "what is below" },
    { "config",       BLOCK_OPTION_STRING, NULL,  "file of rules" },
    { "align",        BLOCK_OPTION_SIZE,   "1",   "transfers must be multiples of this", 1, 1u << 30 },
    { "inject-error", BLOCK_OPTION_TREE,   NULL,  "rules" },
    { "set-state",    BLOCK_OPTION_TREE,   NULL,  "rules" },
    { 0 }
};
static const struct event {
    const char *name;
    unsigned kinds;
} events[] = {
    { "none",          0xff },
    { "read_aio",      1u << IO_READ },
    { "pread",         1u << IO_READ },
    { "write_aio",     1u << IO_WRITE | 1u << IO_ZERO },
    { "pwritev",       1u << IO_WRITE },
    { "pwritev_zero",  1u << IO_ZERO },
    { "flush_to_disk", 1u << IO_FLUSH },
    { "flush_to_os",   1u << IO_FLUSH },
    { "discard",       1u << IO_DISCARD },
    { 0 }
}, types[] = {
    { "read",         1u << IO_READ },
    { "write",        1u << IO_WRITE },
    { "write-zeroes", 1u << IO_ZERO },
    { "discard",      1u << IO_DISCARD },
    { "flush",        1u << IO_FLUSH },
    { 0 }
};

/* What block_event is called with, and what QEMU has beside it, which never happens here. */
static const char *const format_events[] = {
    "l1_update", "l1_grow_alloc_table", "l1_grow_write_table", "l1_grow_activate_table", "l1_shrink_write_table",
    "l1_shrink_free_l2_clusters", "l2_load", "l2_update", "l2_update_compressed", "l2_alloc_cow_read", "l2_alloc_write",
    "read_backing_aio", "read_compressed", "write_compressed", "vmstate_load", "vmstate_save", "cow_read", "cow_write",
    "cor_write", "reftable_load", "reftable_grow", "reftable_update", "refblock_load", "refblock_update",
    "refblock_update_part", "refblock_alloc", "refblock_alloc_hookup", "refblock_alloc_write",
    "refblock_alloc_write_blocks", "refblock_alloc_write_table", "refblock_alloc_switch_table", "cluster_alloc",
    "cluster_alloc_bytes", "cluster_alloc_space", "cluster_free", "empty_image_prepare", "pwritev_rmw_head",
    "pwritev_rmw_after_head", "pwritev_rmw_tail", "pwritev_rmw_after_tail", "pwritev_done", NULL
};
/* clang-format on */

/* blkdebug:CONFIG:IMAGE */
static bool debug_parse(const char *filename, struct block_options *options, GError **error)
{
    const char *config = filename + strlen("blkdebug:"), *colon = strchr(config, ':');

    if (!colon) {
        set_error(error, "%s: give it blkdebug:[CONFIG]:IMAGE", filename);
        return false;
    }
    if (colon > config) {
        g_autofree char *name = g_strndup(config, (size_t)(colon - config));

        block_options_set(options, "config", name);
    }
    block_options_set(options, "filename", filename);
    block_options_set(options, "image.filename", colon + 1);
    return true;
}

static bool find_kinds(const struct event *table, const char *name, const char *what,
                       unsigned *kinds, GError **error)
{
    for (; table->name; table++) {
        if (strcmp(table->name, name) == 0) {
            *kinds &= table->kinds;
            return true;
        }
    }
    set_error(error, "blkdebug: %s '%s' is not supported", what, name);
    return false;
}

static bool find_event(struct rule *rule, const char *name, GError **error)
{
    for (unsigned i = 0; format_events[i]; i++) {
        if (strcmp(format_events[i], name) == 0) {
            rule->event = format_events[i];
            return true;
        }
    }
    return find_kinds(events, name, "event", &rule->kinds, error);
}

/* A number that may be missing. */
static bool take_number(const struct block_options *o, const char *name, uint64_t min, uint64_t max,
                        uint64_t *out, GError **error)
{
    const char *text = block_options_get(o, name);

    if (text && !parse_uint(text, min, max, out)) {
        set_error(error,
                  "blkdebug: %s is '%s', must be %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, name,
                  text, min, max);
        return false;
    }
    return true;
}

/* `set`: a rule of set-state. */
static bool add_rule(struct debug_node *d, const struct block_options *o, bool set, GError **error)
{
    const char *event = block_options_get(o, "event"), *type = block_options_get(o, "iotype");
    const char *sector = block_options_get(o, "sector"), *once = block_options_get(o, "once");
    struct rule rule = { .kinds = 0xff, .any_place = true };
    uint64_t number = EIO;

    if (!event || d->n == MAX_RULES) {
        set_error(error, "blkdebug: a rule has no event, or there are more than %u", MAX_RULES);
        return false;
    }
    if (!find_event(&rule, event, error) ||
        (type && !find_kinds(types, type, "iotype", &rule.kinds, error)) ||
        !take_number(o, "state", 0, UINT32_MAX, &rule.state, error) ||
        !take_number(o, "new_state", 0, UINT32_MAX, &rule.new_state, error) ||
        !take_number(o, "errno", 1, 4095, &number, error)) {
        return false;
    }
    rule.error = set ? 0 : (int)number;
    if (sector && strcmp(sector, "-1") != 0) {
        rule.any_place = !parse_uint(sector, 0, INT64_MAX, &rule.sector);
    }
    rule.once = once && parse_bool(once, &rule.once) && rule.once;
    d->rules[d->n++] = rule;
    return true;
}

/* Sections of one name may come several times: read by hand, a line at a time. */
static bool read_config(struct debug_node *d, const char *path, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    g_autoptr(block_options) rule = NULL;
    bool set = false;

    if (!g_file_get_contents(path, &text, NULL, error)) {
        return false;
    }
    lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i]; i++) {
        char *line = g_strstrip(lines[i]), *equals = strchr(line, '=');

        if (line[0] == '[') {
            if (rule && !add_rule(d, rule, set, error)) {
                return false;
            }
            g_clear_pointer(&rule, block_options_free);
            set = strcmp(line, "[set-state]") == 0;
            if (!set && strcmp(line, "[inject-error]") != 0) {
                set_error(error, "%s: section %s is not supported", path, line);
                return false;
            }
            rule = block_options_new();
        } else if (equals && rule) {
            char *value = g_strstrip(equals + 1);
            size_t len = strlen(value);

            *equals = '\0';
            if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
                value[len - 1] = '\0';
                value++;
            }
            block_options_set(rule, g_strstrip(line), value);
        }
    }
    return !rule || add_rule(d, rule, set, error);
}

/* inject-error.0., .1. ...: rules as options. */
static bool read_options(struct debug_node *d, const struct block_options *o, const char *what,
                         bool set, GError **error)
{
    for (unsigned i = 0; i < MAX_RULES; i++) {
        g_autofree char *name = g_strdup_printf("%s.%u", what, i);
        g_autoptr(block_options) rule = block_options_child(o, name);

        if (block_options_count(rule) && !add_rule(d, rule, set, error)) {
            return false;
        }
    }
    return true;
}

static bool debug_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    struct debug_node *d = (struct debug_node *)node;
    const char *config = block_options_get(o->options, "config");

    pthread_mutex_init(&d->mutex, NULL);
    node->file = block_open_child(node, "image", NULL, NULL, o, error);
    d->state = 1;
    if (!node->file || (config && !read_config(d, config, error)) ||
        !read_options(d, o->options, "inject-error", false, error) ||
        !read_options(d, o->options, "set-state", true, error)) {
        return false;
    }
    d->align = block_option_uint(o->options, debug_options, "align");
    node->size = node->file->size;
    node->read_only = node->file->read_only;
    return true;
}

static void debug_close(struct block_node *node)
{
    pthread_mutex_destroy(&((struct debug_node *)node)->mutex);
}

static bool holds(const struct debug_node *d, const struct rule *r, const char *event)
{
    return !r->gone && r->event == event && (!r->state || r->state == d->state);
}

void block_event(struct block_node *node, const char *event)
{
    struct debug_node *d = (struct debug_node *)node;
    uint64_t state;
    bool first = true;

    if (node->driver != &block_blkdebug) {
        return;
    }
    pthread_mutex_lock(&d->mutex);
    state = d->state;
    for (unsigned i = 0; i < d->n; i++) {
        struct rule *r = &d->rules[i];

        if (!r->event || strcmp(r->event, event) != 0 || !holds(d, r, r->event)) {
            continue;
        }
        if (!r->error) {
            state = r->new_state;
            continue;
        }
        for (unsigned k = 0; first && k < d->n; k++) {
            d->rules[k].active = false;
        }
        first = false;
        r->active = true;
    }
    d->state = state;
    pthread_mutex_unlock(&d->mutex);
}

static bool is_meant(const struct debug_node *d, const struct rule *r, enum io_kind kind,
                     uint64_t offset, uint64_t bytes)
{
    return (r->event ? r->active && !r->gone : holds(d, r, NULL)) && r->kinds >> kind & 1 &&
           (r->any_place || (r->sector * 512 < offset + bytes && r->sector * 512 + 512 > offset));
}

/* 0, or the error that a rule wants. */
static int ask(struct block_node *node, enum io_kind kind, uint64_t offset, uint64_t bytes)
{
    struct debug_node *d = (struct debug_node *)node;
    int ret = (offset | bytes) % d->align ? -EINVAL : 0;
    uint64_t state;

    pthread_mutex_lock(&d->mutex);
    state = d->state;
    for (unsigned i = 0; i < d->n; i++) {
        struct rule *r = &d->rules[i];

        if (!is_meant(d, r, kind, offset, bytes)) {
            continue;
        }
        if (!r->error) {
            state = r->new_state;
        } else if (ret == 0) {
            ret = -r->error;
            r->gone = r->once;
        }
    }
    d->state = state;
    pthread_mutex_unlock(&d->mutex);
    return ret;
}

static int debug_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    int ret = ask(node, IO_READ, offset, block_iov_bytes(iov, n));

    return ret ? ret : block_node_readv(node->file, offset, iov, n);
}

static void follow_size(struct block_node *node)
{
    __atomic_store_n(&node->size, __atomic_load_n(&node->file->size, __ATOMIC_RELAXED),
                     __ATOMIC_RELAXED);
}

static int debug_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    int ret = ask(node, IO_WRITE, offset, block_iov_bytes(iov, n));

    ret = ret ? ret : block_node_writev(node->file, offset, iov, n);
    follow_size(node);
    return ret;
}

static int debug_flush(struct block_node *node)
{
    int ret = ask(node, IO_FLUSH, 0, 0);

    return ret ? ret : block_node_flush(node->file);
}

static int debug_discard(struct block_node *node, uint64_t offset, uint64_t bytes)
{
    int ret = ask(node, IO_DISCARD, offset, bytes);

    return ret ? ret : block_node_discard(node->file, offset, bytes);
}

static int debug_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes,
                              unsigned flags)
{
    int ret = ask(node, IO_ZERO, offset, bytes);

    ret = ret ? ret : block_node_write_zeroes(node->file, offset, bytes, flags);
    follow_size(node);
    return ret;
}

static int debug_status(struct block_node *node, uint64_t offset, uint64_t bytes,
                        struct block_status *out)
{
    return block_node_status(node->file, offset, bytes, out);
}

static bool debug_truncate(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                           GError **error)
{
    bool ok = block_node_truncate(node->file, size, prealloc, true, error);

    follow_size(node);
    return ok;
}

const struct block_driver block_blkdebug = {
    .name = "blkdebug",
    .summary = "errors on purpose",
    .protocol = true,
    .grows = true,
    .prefixes = "blkdebug:",
    .size = sizeof(struct debug_node),
    .open_options = debug_options,
    .parse_filename = debug_parse,
    .open = debug_open,
    .close = debug_close,
    .read = debug_read,
    .write = debug_write,
    .flush = debug_flush,
    .discard = debug_discard,
    .write_zeroes = debug_write_zeroes,
    .status = debug_status,
    .truncate = debug_truncate,
};
