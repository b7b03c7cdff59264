/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/ringbuf.c: output into a ring of bytes in memory, whose oldest give way; the monitor reads and writes it.
 *
 * Invariant: in - out <= size; size is a power of two. Both counts only grow.
 * Thread:    machine lock held.
 */
#include <string.h>
#include "chardev/backend.h"
#include "util/error.h"
#include "util/text.h"

#define RINGBUF_DEFAULT 65536u
#define RINGBUF_MAX     (1u << 30)

struct ringbuf {
    struct chardev chardev;
    uint64_t size, in, out;
    uint8_t *bytes;
};

static bool ringbuf_open(struct chardev *c, const GPtrArray *opts, GError **error)
{
    struct ringbuf *r = (struct ringbuf *)c;
    const char *text = options_get(opts, "size");

    if (text && !parse_size(text, 1, &r->size)) {
        set_error(error, "character device 'ringbuf': size is '%s', must be a number of bytes",
                  text);
        return false;
    }
    r->size = r->size ? r->size : RINGBUF_DEFAULT;
    if (r->size & (r->size - 1)) {
        set_error(error, "size of ringbuf chardev must be power of two");
        return false;
    }
    if (r->size <= RINGBUF_MAX) {
        r->bytes = g_try_malloc0(r->size);
    }
    if (!r->bytes) {
        set_error(error,
                  "character device 'ringbuf': size is %" G_GUINT64_FORMAT ", must be at most %u",
                  r->size, RINGBUF_MAX);
        return false;
    }
    backend_set_filename(c, "ringbuf");
    return true;
}

/* The part of n bytes from a count's place on that comes before the end of `bytes`; the rest is at its start. */
static size_t first_part(const struct ringbuf *r, uint64_t at, size_t n, size_t *begin)
{
    *begin = at & (r->size - 1);
    return MIN(n, r->size - *begin);
}

static size_t ringbuf_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    struct ringbuf *r = (struct ringbuf *)c;
    size_t kept = MIN(n, r->size), begin, first;

    buf += n - kept;
    first = first_part(r, r->in + (n - kept), kept, &begin);
    memcpy(r->bytes + begin, buf, first);
    memcpy(r->bytes, buf + first, kept - first);
    r->in += n;
    r->out = MAX(r->out, r->in - MIN(r->in, r->size));
    return n;
}

bool chardev_is_ringbuf(const struct chardev *c)
{
    return c->type == &chardev_ringbuf_type;
}

size_t ringbuf_read(struct chardev *c, void *buf, size_t n)
{
    struct ringbuf *r = (struct ringbuf *)c;
    size_t begin, first;

    g_assert(chardev_is_ringbuf(c));
    n = MIN(n, r->in - r->out);
    first = first_part(r, r->out, n, &begin);
    memcpy(buf, r->bytes + begin, first);
    memcpy((uint8_t *)buf + first, r->bytes, n - first);
    r->out += n;
    return n;
}

size_t ringbuf_waiting(const struct chardev *c)
{
    const struct ringbuf *r = (const struct ringbuf *)c;

    return r->in - r->out;
}

static void ringbuf_close(struct chardev *c)
{
    g_free(((struct ringbuf *)c)->bytes);
}

static const char *const ringbuf_keys[] = { "size", NULL };

const struct chardev_type chardev_ringbuf_type = {
    .name = "ringbuf",
    .summary = "a ring of bytes in memory (size=64K), for ringbuf_read and ringbuf_write",
    .keys = ringbuf_keys,
    .size = sizeof(struct ringbuf),
    .open = ringbuf_open,
    .write = ringbuf_write,
    .close = ringbuf_close,
};
