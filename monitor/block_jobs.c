/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/block_jobs.c: snapshots, jobs and sizes of drives: `snapshot_blkdev`, `drive_mirror`,
 * `drive_backup`, `block_stream`, `block_job_*`, `block_resize`, `block_set_io_throttle`, `commit`,
 * `info block-jobs`.
 * Thread: machine lock held.
 */
#include <string.h>
#include "block/driver.h"
#include "block/live.h"
#include "block/throttle.h"
#include "monitor/command.h"
#include "monitor/qmp_block.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

#define MIB      (1ull << 20)
#define MAX_ARGS 3u

/* What follows a command's name: flags, then words. */
struct words {
    char **argv;
    unsigned n;
    bool flags[128];
};

static void words_clear(struct words *w)
{
    g_strfreev(w->argv);
}
typedef struct words words; /* for g_auto */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(words, words_clear)

/* `flags`: the letters there are.  The words are counted from argv[0]. */
static bool split(const char *command, const char *args, const char *flags, unsigned min,
                  unsigned max, struct words *w, GError **error)
{
    unsigned to = 0;

    if (!*args) {
        w->argv = g_new0(char *, 1);
    } else if (!g_shell_parse_argv(args, NULL, &w->argv, error)) {
        g_prefix_error(error, "%s: ", command);
        return false;
    }
    for (unsigned i = 0; w->argv[i]; i++) {
        char *word = w->argv[i];

        if (word[0] == '-' && word[1] > 0 && !word[2] && strchr(flags, word[1]) && to == 0) {
            w->flags[(unsigned char)word[1]] = true;
            g_free(word);
        } else {
            w->argv[to++] = word;
        }
    }
    w->argv[to] = NULL;
    w->n = to;
    if (to < min || to > max) {
        set_error(error, "%s: see 'help %s' for what it takes", command, command);
        return false;
    }
    return true;
}

/* Bytes; a number alone counts MiB. */
static bool parse_octets(const char *what, const char *text, uint64_t *out, GError **error)
{
    if (!parse_size(text, MIB, out) || *out > INT64_MAX) {
        set_error(error, "%s: '%s' is no size", what, text);
        return false;
    }
    return true;
}

static struct block_backend *find_drive(struct machine *m, const char *id, GError **error)
{
    struct block_backend *blk = block_backend_find(m, id);

    if (!blk) {
        set_error(error, "Device '%s' not found", id);
    } else if (!blk->root) {
        set_error(error, "Device '%s' has no medium", id);
        blk = NULL;
    }
    return blk;
}

/* Below the layers that options put over the image. */
static struct block_node *image_of(struct block_backend *blk)
{
    struct block_node *node = blk->root;

    while (node->driver->filter && node->file) {
        node = node->file;
    }
    return node;
}

/* Jobs ------------------------------------------------------------------------------------------ */

static void on_event(void *opaque, enum block_live_event event, const struct block_live_info *info)
{
    (void)opaque;
    if (info->error && event == BLOCK_LIVE_COMPLETED) {
        report_warning("block job '%s' (%s) failed: %s", info->id, info->type, info->error);
    } else if (info->busy_error && event == BLOCK_LIVE_ERROR) {
        report_warning("block job '%s' (%s) is paused after an error, 'block_job_resume' goes on",
                       info->id, info->type);
    }
}

/* The image that a mirror or backup writes: made unless it is there already. */
struct block_node *monitor_open_target(struct block_backend *blk, const char *path,
                                       const char *format, bool reuse, bool full, GError **error)
{
    struct block_node *image = image_of(blk);
    struct block_open_options o = blk->options;
    g_autoptr(block_options) options = block_options_new();

    o.filename = path;
    o.format = format ? format : reuse ? NULL : image->driver->name;
    o.graph = image->graph;
    o.read_only = o.copy_on_read = o.snapshot = false;
    block_options_setf(options, "size", "%" G_GUINT64_FORMAT, image->size);
    if (!full && image->backing) {
        g_autofree char *backing = g_canonicalize_filename(image->backing->filename, NULL);

        block_options_set(options, "backing_file", backing);
        block_options_set(options, "backing_fmt", image->backing->driver->name);
    }
    return reuse || block_create(o.format, path, options, image->graph, error)
               ? block_node_open(&o, error)
               : NULL;
}

typedef struct block_live *copy_fn(struct block_backend *blk, struct block_node *target,
                                   const struct block_live_options *o, GError **error);

static bool copy_drive(struct machine *m, const char *command, const char *args, const char *flags,
                       copy_fn *fn, GError **error)
{
    struct block_live_options o = { .event = on_event };
    g_auto(words) w = { 0 };
    struct block_backend *blk;
    struct block_node *target;
    bool full;

    if (!split(command, args, flags, 2, MAX_ARGS, &w, error)) {
        return false;
    }
    o.compress = w.flags['c'];
    blk = find_drive(m, w.argv[0], error);
    if (!blk) {
        return false;
    }
    full = w.flags['f'] || !image_of(blk)->backing;
    o.sync = full ? BLOCK_LIVE_FULL : BLOCK_LIVE_TOP;
    target =
        monitor_open_target(blk, w.argv[1], w.n > 2 ? w.argv[2] : NULL, w.flags['n'], full, error);
    return target && fn(blk, target, &o, error);
}

/* [-n] [-f] DEVICE TARGET [FORMAT] */
bool command_drive_mirror(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    return copy_drive(m, "drive_mirror", args, "nf", block_live_mirror, error);
}

/* [-n] [-f] [-c] DEVICE TARGET [FORMAT] */
bool command_drive_backup(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    return copy_drive(m, "drive_backup", args, "nfc", block_live_backup, error);
}

/* The layer of the chain that has this name, or NULL and *error. */
static struct block_node *find_base(struct block_backend *blk, const char *name, GError **error)
{
    for (struct block_node *n = image_of(blk); n; n = n->backing) {
        if (n->backing &&
            (g_strcmp0(n->backing_name, name) == 0 || strcmp(n->backing->filename, name) == 0)) {
            return n->backing;
        }
    }
    set_error(error, "Can't find '%s' in the backing chain of device '%s'", name, blk->id);
    return NULL;
}

/* DEVICE [SPEED [BASE]] */
bool command_block_stream(struct machine *m, const char *args, GString *out, GError **error)
{
    struct block_live_options o = { .event = on_event };
    g_auto(words) w = { 0 };
    struct block_node *base = NULL;
    struct block_backend *blk;

    (void)out;
    if (!split("block_stream", args, "", 1, MAX_ARGS, &w, error) ||
        (w.n > 1 && !parse_octets("block_stream", w.argv[1], &o.speed, error))) {
        return false;
    }
    blk = find_drive(m, w.argv[0], error);
    if (!blk || (w.n > 2 && !(base = find_base(blk, w.argv[2], error)))) {
        return false;
    }
    return block_live_stream(blk, base, w.n > 2 ? w.argv[2] : NULL, &o, error);
}

/* The job of the only word; NULL and *error. */
static struct block_live *job_of(struct machine *m, const char *id, GError **error)
{
    struct block_live *job = block_live_find(m, id);

    if (!job) {
        set_error(error, "No active block job on device '%s'", id);
    }
    return job;
}

static struct block_live *named_job(struct machine *m, const char *command, const char *args,
                                    GError **error)
{
    g_auto(words) w = { 0 };

    return split(command, args, "", 1, 1, &w, error) ? job_of(m, w.argv[0], error) : NULL;
}

/* DEVICE SPEED */
bool command_block_job_set_speed(struct machine *m, const char *args, GString *out, GError **error)
{
    g_auto(words) w = { 0 };
    struct block_live *job;
    uint64_t speed;

    (void)out;
    if (!split("block_job_set_speed", args, "", 2, 2, &w, error) ||
        !parse_octets("block_job_set_speed", w.argv[1], &speed, error)) {
        return false;
    }
    job = job_of(m, w.argv[0], error);
    if (job) {
        block_live_set_speed(job, speed);
    }
    return job != NULL;
}

/* [-f] DEVICE */
bool command_block_job_cancel(struct machine *m, const char *args, GString *out, GError **error)
{
    g_auto(words) w = { 0 };
    struct block_live *job;

    (void)out;
    if (!split("block_job_cancel", args, "f", 1, 1, &w, error)) {
        return false;
    }
    job = job_of(m, w.argv[0], error);
    if (job) {
        block_live_cancel(job, w.flags['f']);
    }
    return job != NULL;
}

bool command_block_job_complete(struct machine *m, const char *args, GString *out, GError **error)
{
    struct block_live *job = named_job(m, "block_job_complete", args, error);

    (void)out;
    return job && block_live_complete(job, error);
}

bool command_block_job_pause(struct machine *m, const char *args, GString *out, GError **error)
{
    struct block_live *job = named_job(m, "block_job_pause", args, error);

    (void)out;
    if (job) {
        block_live_pause(job);
    }
    return job != NULL;
}

bool command_block_job_resume(struct machine *m, const char *args, GString *out, GError **error)
{
    struct block_live *job = named_job(m, "block_job_resume", args, error);

    (void)out;
    if (job) {
        block_live_resume(job);
    }
    return job != NULL;
}

bool command_info_block_jobs(struct machine *m, const char *args, GString *out, GError **error)
{
    struct block_live *job;
    struct block_live_info info;

    (void)args, (void)error;
    for (unsigned i = 0; (job = block_live_at(m, i)); i++) {
        block_live_info(job, &info);
        if (strcmp(info.type, "stream") == 0) {
            g_string_append_printf(out, "Streaming device %s", info.id);
        } else {
            g_string_append_printf(out, "Type %s, device %s", info.type, info.id);
        }
        g_string_append_printf(out,
                               ": Completed %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                               " bytes, speed limit %" G_GUINT64_FORMAT " bytes/s\n",
                               info.done, info.total, info.speed);
    }
    if (!block_live_at(m, 0)) {
        g_string_append(out, "No active jobs\n");
    }
    return true;
}

/* At once --------------------------------------------------------------------------------------- */

/* [-n] DEVICE [FILE [FORMAT]] */
bool command_snapshot_blkdev(struct machine *m, const char *args, GString *out, GError **error)
{
    g_auto(words) w = { 0 };
    struct block_backend *blk;

    (void)out;
    if (!split("snapshot_blkdev", args, "n", 1, MAX_ARGS, &w, error)) {
        return false;
    }
    if (w.n < 2) {
        set_error(error, "Parameter 'snapshot-file' is missing");
        return false;
    }
    blk = find_drive(m, w.argv[0], error);
    return blk &&
           block_live_snapshot(blk, w.argv[1], w.n > 2 ? w.argv[2] : "qcow2", w.flags['n'], error);
}

/* DEVICE SIZE */
bool command_block_resize(struct machine *m, const char *args, GString *out, GError **error)
{
    g_auto(words) w = { 0 };
    struct block_backend *blk;
    uint64_t size;

    (void)out;
    if (!split("block_resize", args, "", 2, 2, &w, error) ||
        !parse_octets("block_resize", w.argv[1], &size, error)) {
        return false;
    }
    blk = find_drive(m, w.argv[0], error);
    return blk && block_live_resize(blk, size, error);
}

/* DEVICE BPS BPS_RD BPS_WR IOPS IOPS_RD IOPS_WR */
bool command_block_set_io_throttle(struct machine *m, const char *args, GString *out,
                                   GError **error)
{
    g_auto(words) w = { 0 };
    struct block_backend *blk;
    struct throttle_limits limits;

    (void)out;
    if (!split("block_set_io_throttle", args, "", 1 + N_LIMITS, 1 + N_LIMITS, &w, error)) {
        return false;
    }
    throttle_limits_init(&limits);
    for (unsigned i = 0; i < N_LIMITS; i++) {
        if (!parse_uint(w.argv[1 + i], 0, INT64_MAX, &limits.avg[i])) {
            set_error(error, "block_set_io_throttle: '%s' is no number", w.argv[1 + i]);
            return false;
        }
    }
    blk = find_drive(m, w.argv[0], error);
    return blk && throttle_set(blk, &limits, error);
}

/* DEVICE, or "all": those that have a backing file */
bool command_commit(struct machine *m, const char *args, GString *out, GError **error)
{
    g_auto(words) w = { 0 };
    struct block_backend *blk;

    (void)out;
    if (!split("commit", args, "", 1, 1, &w, error)) {
        return false;
    }
    if (strcmp(w.argv[0], "all") != 0) {
        blk = find_drive(m, w.argv[0], error);
        return blk && block_live_commit_now(blk, error);
    }
    for (unsigned i = 0; (blk = block_backend_nth(m, i)); i++) {
        if (blk->root && image_of(blk)->backing && !block_live_commit_now(blk, error)) {
            g_prefix_error(error, "'commit' error for '%s': ", blk->id);
            return false;
        }
    }
    return true;
}
