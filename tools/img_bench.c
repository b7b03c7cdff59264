/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_bench.c: rhea-img bench.  Thread: requests run on `depth` threads; `mutex` gives them out. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "tools/img.h"
#include "util/log.h"

#define MAX_DEPTH 1024

struct bench {
    struct img_common common;
    uint64_t count, depth, flush_interval, offset, size, step, pattern;
    bool native, no_drain, write;
    /* Not options: */
    struct block_node *node;
    pthread_mutex_t mutex;
    pthread_cond_t idle;
    uint64_t started, running;
    int error;
};

/* clang-format off */
#define BAD(what) "Invalid " what " specified"

static const struct tool_option bench_rows[] = {
    TOOL_ROW_UINT  (struct bench, "count", 'c', "COUNT", count, 1, INT32_MAX, "how many requests [75000]", BAD("request count")),
    TOOL_ROW_UINT  (struct bench, "depth", 'd', "DEPTH", depth, 1, MAX_DEPTH, "requests at a time [64]", BAD("queue depth")),
    IMG_ROW_FORMAT(struct bench),
    TOOL_ROW_UINT  (struct bench, "flush-interval", 0, "FLUSH_INTERVAL", flush_interval, 0, INT32_MAX, "flush after so many writes", BAD("flush interval")),
    IMG_ROW_AIO(struct bench, 'i'),
    TOOL_ROW_FLAG  (struct bench, "native", 'n', native, "the same as -i native"),
    TOOL_ROW_FLAG  (struct bench, "no-drain", 0, no_drain, "flush beside other requests"),
    TOOL_ROW_SIZE  (struct bench, "offset", 'o', "OFFSET", offset, 0, INT64_MAX, "where the first request is", BAD("offset")),
    TOOL_ROW_UINT  (struct bench, "pattern", 0, "PATTERN", pattern, 0, 255, "byte to write [0]", BAD("pattern byte")),
    IMG_ROW_QUIET(struct bench),
    TOOL_ROW_SIZE  (struct bench, "buffer-size", 's', "BUFFER_SIZE", size, 1, INT32_MAX, "bytes of a request [4k]", BAD("buffer size")),
    TOOL_ROW_SIZE  (struct bench, "step-size", 'S', "STEP_SIZE", step, 0, INT32_MAX, "from a request to the next [BUFFER_SIZE]", BAD("step size")),
    IMG_ROW_CACHE(struct bench),
    TOOL_ROW_FLAG  (struct bench, "write", 'w', write, "write; without it the image is read"),
    IMG_ROW_FORCE_SHARE(struct bench),
    IMG_ROW_IMAGE_OPTS(struct bench),
    IMG_ROW_OBJECT(struct bench),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};
/* clang-format on */

/* The next request's number; false: there is none.  At an interval's end the queue is drained first. */
static bool take(struct bench *b, uint64_t *number)
{
    bool got;

    pthread_mutex_lock(&b->mutex);
    got = b->started < b->count && !b->error;
    if (got) {
        *number = b->started++;
        b->running++;
        if (b->flush_interval && b->started % b->flush_interval == 0) {
            while (!b->no_drain && b->running > 1) {
                pthread_cond_wait(&b->idle, &b->mutex);
            }
            b->error = block_node_flush(b->node);
        }
    }
    pthread_mutex_unlock(&b->mutex);
    return got;
}

static void give_back(struct bench *b, int ret)
{
    pthread_mutex_lock(&b->mutex);
    b->error = b->error ? b->error : ret;
    b->running--;
    pthread_cond_broadcast(&b->idle);
    pthread_mutex_unlock(&b->mutex);
}

static void *work(void *opaque)
{
    struct bench *b = opaque;
    uint8_t *buf = img_buffer(b->size);
    uint64_t number;

    memset(buf, (int)b->pattern, b->size);
    while (take(b, &number)) {
        uint64_t offset = b->offset + number * b->step;

        offset = offset % (b->node->size - b->size + 1);
        give_back(b, b->write ? block_node_write(b->node, offset, buf, b->size)
                              : block_node_read(b->node, offset, buf, b->size));
    }
    g_aligned_free(buf);
    return NULL;
}

static int measure(struct bench *b)
{
    g_autofree pthread_t *threads = g_new(pthread_t, b->depth);
    int64_t began = g_get_monotonic_time();
    unsigned started = 0;

    if (!b->common.quiet) {
        printf("Sending %" G_GUINT64_FORMAT " %s requests, %" G_GUINT64_FORMAT
               " bytes each, %" G_GUINT64_FORMAT
               " in parallel (starting at offset %" G_GUINT64_FORMAT
               ", step size %" G_GUINT64_FORMAT ")\n",
               b->count, b->write ? "write" : "read", b->size, b->depth, b->offset, b->step);
        if (b->flush_interval) {
            printf("Sending flush every %" G_GUINT64_FORMAT " %srequests\n", b->flush_interval,
                   b->no_drain ? "requests without draining, " : "");
        }
        fflush(stdout);
    }
    while (started < b->depth && pthread_create(&threads[started], NULL, work, b) == 0) {
        started++;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    if (b->error || started == 0) {
        report_error("Failed request: %s", g_strerror(-b->error));
        return 1;
    }
    if (!b->common.quiet) {
        printf("Run completed in %3.3f seconds.\n", (double)(g_get_monotonic_time() - began) / 1e6);
    }
    return 0;
}

static const char *misuse(const struct bench *b)
{
    return b->flush_interval && !b->write ? "--flush-interval is only available in write tests"
           : b->flush_interval && b->flush_interval < b->depth
               ? "Flush interval can't be smaller than depth"
               : NULL;
}

static int run(const struct tool_command *command, int argc, char **argv)
{
    struct bench b = { .count = 75000, .depth = 64, .size = 4096 };
    int at = tool_parse(command, argc, argv, &b), status = 1;
    g_autoptr(block_graph) graph = NULL;
    const char *wrong;

    if (at < 0) {
        return at == -2 ? 0 : 1;
    }
    if (argc - at != 1) {
        return tool_usage_error("Expecting one image file name");
    }
    wrong = misuse(&b);
    if (wrong) {
        report_error("%s", wrong);
        return 1;
    }
    b.step = b.step ? b.step : b.size;
    b.common.aio = b.native ? "native" : b.common.aio;
    graph = img_graph(&b.common);
    b.node = graph ? img_open(&b.common, graph, argv[at], b.write ? IMG_WRITE : 0) : NULL;
    if (!b.node) {
        return 1;
    }
    if (b.node->size < b.size) {
        report_error("the image is smaller than a request of %" G_GUINT64_FORMAT " bytes", b.size);
    } else {
        pthread_mutex_init(&b.mutex, NULL);
        pthread_cond_init(&b.idle, NULL);
        status = measure(&b);
        pthread_cond_destroy(&b.idle);
        pthread_mutex_destroy(&b.mutex);
    }
    return img_close(b.node) ? status : 1;
}

const struct tool_command img_bench = {
    .name = "bench",
    .operands = "FILENAME",
    .summary = "time requests of one size that follow each other",
    .options = bench_rows,
    .run = run,
    .details = "With -w the image's content is lost.\n\n"
               "Example:\n  rhea-img bench -c 100000 -d 8 -s 64k -f qcow2 disk.qcow2\n",
};
