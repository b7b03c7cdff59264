/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tools/convert.c: copying images into an image, on several threads.
 *
 * A thread takes the next piece of the disk, finds out which of its bytes are data, reads and compresses
 * them without a lock, and waits for its turn to write unless order does not matter.
 * Invariants: pieces are taken in the order of the disk; `written` is the end of what was written.
 * Thread:     `mutex` guards what is behind it in struct copy.
 */
#include "tools/convert.h"
#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include "tools/img.h"
#include "util/log.h"

#define KEPT_MEMORY (16 << 20)

struct copy {
    const struct convert_job *job;
    uint64_t piece;
    pthread_mutex_t mutex;
    pthread_cond_t *turns; /* of the piece numbers modulo the threads: one waits at each */
    uint64_t next, written, done;
    bool failed;
    int64_t began;
};

/* A run of bytes of one piece: what is to be done with them. */
enum action { SKIP, ZERO, DATA };

/* Under the lock: the first error is told and stops everybody. */
static void fail(struct copy *c, const char *what, uint64_t offset, int ret)
{
    pthread_mutex_lock(&c->mutex);
    if (!c->failed) {
        report_error("error while %s at byte %" G_GUINT64_FORMAT ": %s", what, offset,
                     g_strerror(-ret));
    }
    c->failed = true;
    for (unsigned i = 0; i < c->job->threads; i++) {
        pthread_cond_signal(&c->turns[i]);
    }
    pthread_mutex_unlock(&c->mutex);
}

static const struct convert_source *source_of(const struct convert_job *job, uint64_t offset)
{
    unsigned i = job->n_sources - 1;

    while (i > 0 && job->sources[i].start > offset) {
        i--;
    }
    return &job->sources[i];
}

/* What the target needs of [offset, offset + *bytes), of which *bytes are alike. */
static enum action classify(struct copy *c, const struct convert_source *s, uint64_t offset,
                            uint64_t *bytes)
{
    const struct convert_job *job = c->job;
    struct block_node *base = job->backed ? s->node->backing : NULL;
    struct block_status status;
    int ret = block_node_status_above(s->node, base, offset - s->start, *bytes, &status);

    if (ret) {
        if (!job->salvage) {
            fail(c, "looking for data", offset, ret);
        }
        return DATA;
    }
    *bytes = status.bytes;
    if (!(status.flags & BLOCK_ALLOCATED) && base) {
        return SKIP;
    }
    /* What no layer has reads as zeroes, also through the target's backing file if it has one. */
    if (status.flags & BLOCK_ZERO || !(status.flags & (BLOCK_DATA | BLOCK_ALLOCATED))) {
        return job->sparse || !job->zeroed ? ZERO : DATA;
    }
    return DATA;
}

/* As much as can be had: what cannot be read is zeroes. */
static void salvage(struct copy *c, const struct convert_source *s, uint64_t offset, uint8_t *buf,
                    uint64_t bytes)
{
    for (uint64_t at = 0; at < bytes; at += BLOCK_SECTOR) {
        uint64_t len = MIN(BLOCK_SECTOR, bytes - at);
        int ret = block_node_read(s->node, offset + at - s->start, buf + at, len);

        if (ret) {
            memset(buf + at, 0, len);
            if (!c->job->quiet) {
                report_warning("error while reading offset %" G_GUINT64_FORMAT ": %s", offset + at,
                               g_strerror(-ret));
            }
        }
    }
}

static int write_data(const struct convert_job *job, uint64_t offset, const uint8_t *buf,
                      uint64_t bytes)
{
    int ret = 0;

    for (uint64_t at = 0; at < bytes && ret == 0;) {
        bool zero = false;
        /* A sparse target's zeroes in whole units; a run of data is one write. */
        uint64_t len =
            job->sparse ? img_zero_run(buf + at, bytes - at, job->unit, &zero) : bytes - at;

        if (!zero) {
            ret = block_node_write(job->target, offset + at, buf + at, len);
        } else if (!job->zeroed) {
            ret = block_node_write_zeroes(job->target, offset + at, len, BLOCK_MAY_UNMAP);
        }
        at += len;
    }
    return ret;
}

/* The clusters of a piece, compressed; sizes as those of block_node_pack. */
struct packed {
    uint8_t *bytes;
    int *sizes;
};

static void pack_clusters(const struct convert_job *job, const uint8_t *buf, uint64_t bytes,
                          struct packed *p)
{
    for (uint64_t at = 0; at < bytes; at += job->unit) {
        uint64_t len = MIN(job->unit, bytes - at);

        p->sizes[at / job->unit] = job->zeroed && img_is_zero(buf + at, len)
                                       ? 0
                                       : block_node_pack(job->target, buf + at, len, p->bytes + at);
    }
}

static int write_clusters(const struct convert_job *job, uint64_t offset, const uint8_t *buf,
                          uint64_t bytes, const struct packed *p)
{
    int ret = 0;

    for (uint64_t at = 0; at < bytes && ret == 0; at += job->unit) {
        uint64_t len = MIN(job->unit, bytes - at);
        int size = p->sizes[at / job->unit];

        if (size > 0) {
            ret = block_node_write_packed(job->target, offset + at, p->bytes + at, (size_t)size);
        } else if (size < 0) { /* through a filter, or an error that this finds too */
            ret = block_node_write_compressed(job->target, offset + at, buf + at, len);
        } else if (!job->zeroed || !img_is_zero(buf + at, len)) {
            ret = block_node_write(job->target, offset + at, buf + at, len);
        }
    }
    return ret;
}

/* Where the thread that has the piece at offset waits. As many pieces as threads are on the way. */
static pthread_cond_t *turn_of(struct copy *c, uint64_t offset)
{
    return &c->turns[offset / c->piece % c->job->threads];
}

/* False: somebody failed, or it is another's turn and never this one's. */
static bool wait_for_turn(struct copy *c, uint64_t offset)
{
    bool go;

    if (c->job->out_of_order) {
        return !__atomic_load_n(&c->failed, __ATOMIC_RELAXED);
    }
    pthread_mutex_lock(&c->mutex);
    while (!c->failed && c->written != offset) {
        pthread_cond_wait(turn_of(c, offset), &c->mutex);
    }
    go = !c->failed;
    pthread_mutex_unlock(&c->mutex);
    return go;
}

static void finish_piece(struct copy *c, uint64_t offset, uint64_t bytes)
{
    uint64_t done;

    pthread_mutex_lock(&c->mutex);
    c->written = offset + bytes;
    done = c->done += bytes;
    pthread_cond_signal(turn_of(c, c->written));
    pthread_mutex_unlock(&c->mutex);
    tool_progress_set(c->job->progress, done, c->job->size);
    if (c->job->rate) {
        int64_t until = c->began + (int64_t)((double)done / (double)c->job->rate * 1e6);

        g_usleep((gulong)MAX(until - g_get_monotonic_time(), 0));
    }
}

struct run {
    enum action action;
    uint64_t offset, bytes;
};

static bool write_runs(struct copy *c, const GArray *runs, uint64_t offset, const uint8_t *buf,
                       const struct packed *packed)
{
    const struct convert_job *job = c->job;
    int ret = 0;

    for (unsigned i = 0; i < runs->len; i++) {
        const struct run *r = &g_array_index(runs, struct run, i);

        if (r->action == DATA) {
            ret = job->compressed
                      ? write_clusters(job, offset, buf, r->bytes, packed)
                      : write_data(job, r->offset, buf + (r->offset - offset), r->bytes);
        } else if (r->action == ZERO && !job->zeroed) {
            ret = block_node_write_zeroes(job->target, r->offset, r->bytes, BLOCK_MAY_UNMAP);
        }
        if (ret) {
            fail(c, "writing", r->offset, ret);
            return false;
        }
    }
    return true;
}

/* Compressed clusters are written whole: a piece is either left out or read as a whole. */
static void make_whole(GArray *runs, uint64_t offset, uint64_t bytes)
{
    bool any = false;

    for (unsigned i = 0; i < runs->len; i++) {
        any |= g_array_index(runs, struct run, i).action == DATA;
    }
    if (any) {
        struct run all = { DATA, offset, bytes };

        g_array_set_size(runs, 0);
        g_array_append_val(runs, all);
    }
}

/* Finds out what the piece holds, and reads it. */
static bool read_runs(struct copy *c, GArray *runs, uint64_t offset, uint64_t bytes, uint8_t *buf)
{
    g_array_set_size(runs, 0);
    for (uint64_t at = offset; at < offset + bytes;) {
        const struct convert_source *s = source_of(c->job, at);
        uint64_t source_end = s->start + s->node->size;
        struct run r = { DATA, at, MIN(offset + bytes, source_end) - at };

        r.action = classify(c, s, at, &r.bytes);
        g_array_append_val(runs, r);
        at += r.bytes;
    }
    if (c->job->compressed) {
        make_whole(runs, offset, bytes);
    }
    for (unsigned i = 0; i < runs->len; i++) {
        const struct run *r = &g_array_index(runs, struct run, i);

        for (uint64_t at = r->offset; r->action == DATA && at < r->offset + r->bytes;) {
            const struct convert_source *s = source_of(c->job, at);
            uint64_t len = MIN(r->offset + r->bytes, s->start + s->node->size) - at;
            int ret = block_node_read(s->node, at - s->start, buf + (at - offset), len);

            if (ret && c->job->salvage) {
                salvage(c, s, at, buf + (at - offset), len);
            } else if (ret) {
                fail(c, "reading", at, ret);
                return false;
            }
            at += len;
        }
    }
    return true;
}

static void *work(void *opaque)
{
    struct copy *c = opaque;
    uint8_t *buf = img_buffer(c->piece);
    GArray *runs = g_array_new(FALSE, FALSE, sizeof(struct run));
    struct packed packed = { 0 };

    if (c->job->compressed) {
        packed.bytes = img_buffer(c->piece);
        packed.sizes = g_new0(int, c->piece / c->job->unit);
    }
    for (;;) {
        uint64_t offset, bytes;

        pthread_mutex_lock(&c->mutex);
        offset = c->next;
        bytes = c->failed ? 0 : MIN(c->piece, c->job->size - offset);
        c->next += bytes;
        pthread_mutex_unlock(&c->mutex);
        if (bytes == 0 || !read_runs(c, runs, offset, bytes, buf)) {
            break;
        }
        if (c->job->compressed && g_array_index(runs, struct run, 0).action == DATA) {
            pack_clusters(c->job, buf, bytes, &packed); /* one run: see make_whole */
        }
        if (!wait_for_turn(c, offset) || !write_runs(c, runs, offset, buf, &packed)) {
            break;
        }
        finish_piece(c, offset, bytes);
    }
    g_array_unref(runs);
    g_free(packed.sizes);
    g_aligned_free(packed.bytes);
    g_aligned_free(buf);
    return NULL;
}

bool convert_copy(const struct convert_job *job)
{
    struct copy c = {
        .job = job,
        .piece = MAX(IMG_CHUNK / job->unit * job->unit, job->unit),
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .turns = g_new0(pthread_cond_t, job->threads),
        .began = g_get_monotonic_time(),
    };
    g_autofree pthread_t *threads = g_new(pthread_t, job->threads);
    unsigned started = 0;

    for (unsigned i = 0; i < job->threads; i++) {
        pthread_cond_init(&c.turns[i], NULL);
    }
    /* Formats take and give back memory for each cluster: it stays with the process meanwhile. */
    mallopt(M_TRIM_THRESHOLD, KEPT_MEMORY);
    mallopt(M_MMAP_THRESHOLD, KEPT_MEMORY);
    while (started + 1 < job->threads && pthread_create(&threads[started], NULL, work, &c) == 0) {
        started++;
    }
    work(&c);
    for (unsigned i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    for (unsigned i = 0; i < job->threads; i++) {
        pthread_cond_destroy(&c.turns[i]);
    }
    g_free(c.turns);
    return !c.failed;
}
