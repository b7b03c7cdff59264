/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/nbd_requests.c: requests of an NBD client.
 *
 * The client's thread reads requests and gives them to the pool; whoever has run one sends its reply.
 * Invariant: not more than MAX_IN_FLIGHT requests of a client are held at a time, so that their memory
 *            is bounded.
 */
#include <errno.h>
#include <string.h>
#include "block/mapped.h"
#include "block/nbd_proto.h"
#include "block/nbd_session.h"

#define MAX_IN_FLIGHT 16
#define MAX_EXTENTS   4096u
#define MIN_HOLE      4096u

struct nbd_request {
    struct nbd_session *session;
    uint16_t flags, type;
    uint8_t cookie[8];
    uint64_t offset;
    uint32_t len;
    uint8_t *data; /* what is written */
};

/* Replies --------------------------------------------------------------------------------------- */

static uint32_t error_number(int ret)
{
    static const struct {
        int ours;
        uint32_t theirs;
    } numbers[] = {
        { EPERM, 1 },   { EROFS, 1 },  { EIO, 5 },        { ENOMEM, 12 },  { EINVAL, 22 },
        { ENOSPC, 28 }, { EFBIG, 28 }, { EOVERFLOW, 75 }, { ENOTSUP, 95 }, { ESHUTDOWN, 108 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (numbers[i].ours == -ret) {
            return numbers[i].theirs;
        }
    }
    return 22;
}

/* Under the mutex. */
static void send_parts(struct nbd_session *s, const void *head, size_t head_len, const void *data,
                       size_t len)
{
    if (!s->broken && (!nbd_send(s->fd, head, head_len) || (len && !nbd_send(s->fd, data, len)))) {
        s->broken = true;
    }
}

static void send_simple(const struct nbd_request *r, int ret, const void *data, size_t len)
{
    struct nbd_session *s = r->session;
    uint8_t head[16];

    mapped_put_be(head, 4, NBD_SIMPLE_MAGIC);
    mapped_put_be(head + 4, 4, ret ? error_number(ret) : 0);
    memcpy(head + 8, r->cookie, 8);
    pthread_mutex_lock(&s->mutex);
    send_parts(s, head, sizeof(head), data, len);
    pthread_mutex_unlock(&s->mutex);
}

/* A chunk of `body`, then (for data) `data`. */
static void send_chunk(const struct nbd_request *r, bool done, unsigned type, const void *body,
                       size_t body_len, const void *data, size_t len)
{
    struct nbd_session *s = r->session;
    uint8_t head[20 + 16];

    mapped_put_be(head, 4, NBD_STRUCTURED_MAGIC);
    mapped_put_be(head + 4, 2, done ? NBD_CHUNK_DONE : 0);
    mapped_put_be(head + 6, 2, type);
    memcpy(head + 8, r->cookie, 8);
    mapped_put_be(head + 16, 4, body_len + len);
    memcpy(head + 20, body, body_len);
    pthread_mutex_lock(&s->mutex);
    send_parts(s, head, 20 + body_len, data, len);
    pthread_mutex_unlock(&s->mutex);
}

static void send_result(const struct nbd_request *r, int ret)
{
    uint8_t body[6];

    if (!r->session->structured) {
        send_simple(r, ret, NULL, 0);
        return;
    }
    mapped_put_be(body, 4, ret ? error_number(ret) : 0);
    mapped_put_be(body + 4, 2, 0);
    send_chunk(r, true, ret ? NBD_CHUNK_ERROR : NBD_CHUNK_NONE, body, ret ? 6 : 0, NULL, 0);
}

/* Requests -------------------------------------------------------------------------------------- */

/* Around transfers, and nothing that waits for the client. */
static void enter(const struct nbd_export *e)
{
    if (e->enter) {
        e->enter(e->opaque);
    }
}

static void leave(const struct nbd_export *e)
{
    if (e->leave) {
        e->leave(e->opaque);
    }
}

static int read_node(const struct nbd_export *e, uint64_t offset, void *buf, uint64_t len)
{
    int ret;

    enter(e);
    ret = block_node_read(e->node, e->offset + offset, buf, len);
    leave(e);
    return ret;
}

static int status_of(const struct nbd_export *e, uint64_t offset, uint64_t len,
                     struct block_status *out)
{
    int ret;

    enter(e);
    ret = block_node_status_above(e->node, NULL, e->offset + offset, len, out);
    leave(e);
    return ret;
}

/* Data and holes, each a chunk of its own. */
static int send_sparse(const struct nbd_request *r, uint8_t *buf)
{
    const struct nbd_export *e = r->session->export;
    uint64_t end = r->offset + r->len;

    for (uint64_t at = r->offset, next; at < end; at = next) {
        struct block_status status;
        uint8_t body[12];
        int ret = status_of(e, at, end - at, &status);
        bool hole;

        if (ret) {
            return ret;
        }
        hole = status.flags & BLOCK_ZERO && status.bytes >= MIN_HOLE;
        next = at + status.bytes;
        mapped_put_be(body, 8, at);
        mapped_put_be(body + 8, 4, status.bytes);
        if (hole) {
            send_chunk(r, next == end, NBD_CHUNK_HOLE, body, 12, NULL, 0);
            continue;
        }
        ret = read_node(e, at, buf, status.bytes);
        if (ret) {
            return ret;
        }
        send_chunk(r, next == end, NBD_CHUNK_DATA, body, 8, buf, status.bytes);
    }
    return 0;
}

static void do_read(const struct nbd_request *r)
{
    const struct nbd_export *e = r->session->export;
    g_autofree uint8_t *buf = g_try_malloc(MAX(r->len, 1));
    uint8_t body[8];
    int ret = buf ? 0 : -ENOMEM;

    if (ret == 0 && r->session->structured && !(r->flags & NBD_DF) && r->len) {
        ret = send_sparse(r, buf);
        if (ret == 0) {
            return;
        }
    } else if (ret == 0) {
        ret = read_node(e, r->offset, buf, r->len);
        if (ret == 0 && !r->session->structured) {
            send_simple(r, 0, buf, r->len);
            return;
        }
        if (ret == 0 && r->len) {
            mapped_put_be(body, 8, r->offset);
            send_chunk(r, true, NBD_CHUNK_DATA, body, 8, buf, r->len);
            return;
        }
    }
    send_result(r, ret);
}

/* One extent of a context from `at`: its length and its state. */
static int extent_of(const struct nbd_export *e, enum nbd_context context, uint64_t at,
                     uint64_t end, uint64_t *bytes, uint32_t *state)
{
    struct block_status status;
    int ret;

    if (context == NBD_CONTEXT_BITMAP) {
        const struct block_bitmap *b = e->bitmap;
        uint64_t bit = (e->offset + at) / b->granularity, last = bit;
        bool dirty = bit < b->bits && b->bytes[bit / 8] >> bit % 8 & 1;

        while (++last * b->granularity < e->offset + end &&
               (last < b->bits && b->bytes[last / 8] >> last % 8 & 1) == dirty) {
        }
        *bytes = MIN(last * b->granularity - e->offset, end) - at;
        *state = dirty ? NBD_STATE_DIRTY : 0;
        return 0;
    }
    ret = status_of(e, at, end - at, &status);
    *bytes = status.bytes;
    if (context == NBD_CONTEXT_DEPTH) {
        *state = status.flags & BLOCK_ALLOCATED ? status.depth + 1 : 0;
    } else {
        *state = (status.flags & BLOCK_DATA ? 0 : NBD_STATE_HOLE) |
                 (status.flags & BLOCK_ZERO ? NBD_STATE_ZERO : 0);
    }
    return ret;
}

/* False: an error was the reply's last chunk. */
static bool send_extents(const struct nbd_request *r, enum nbd_context context, bool done)
{
    const struct nbd_export *e = r->session->export;
    unsigned most = r->flags & NBD_REQ_ONE ? 1 : MAX_EXTENTS, n = 0;
    uint64_t end = r->offset + r->len;
    g_autofree uint8_t *extents = g_malloc((size_t)most * 8);
    uint8_t id[4];

    for (uint64_t at = r->offset, bytes; at < end; at += bytes) {
        uint32_t state = 0;
        uint8_t *before = n ? extents + (n - 1) * 8 : NULL;
        int ret = extent_of(e, context, at, end, &bytes, &state);

        if (ret) {
            send_result(r, ret);
            return false;
        }
        if (before && block_field_be(before + 4, 4) == state) {
            mapped_put_be(before, 4, block_field_be(before, 4) + bytes);
            continue;
        }
        if (n == most) {
            break;
        }
        mapped_put_be(extents + n * 8, 4, bytes);
        mapped_put_be(extents + n * 8 + 4, 4, state);
        n++;
    }
    mapped_put_be(id, 4, context);
    send_chunk(r, done, NBD_CHUNK_STATUS, id, 4, extents, (size_t)n * 8);
    return true;
}

static void do_status(const struct nbd_request *r)
{
    unsigned contexts = r->session->contexts;

    if (!contexts || r->len == 0) {
        send_result(r, -EINVAL);
        return;
    }
    for (unsigned k = 0; k < NBD_CONTEXTS; k++) {
        if (contexts & 1u << k) {
            contexts &= ~(1u << k);
            if (!send_extents(r, k, contexts == 0)) {
                return;
            }
        }
    }
}

static int change(const struct nbd_request *r)
{
    const struct nbd_export *e = r->session->export;
    uint64_t offset = e->offset + r->offset;
    unsigned flags = (r->flags & NBD_NO_HOLE ? 0 : BLOCK_MAY_UNMAP) |
                     (r->flags & NBD_FAST_ZERO ? BLOCK_NO_FALLBACK : 0);
    int ret;

    switch (r->type) {
    case NBD_CMD_WRITE:
        ret = block_node_write(e->node, offset, r->data, r->len);
        break;
    case NBD_CMD_WRITE_ZEROES:
        ret = block_node_write_zeroes(e->node, offset, r->len, flags);
        break;
    case NBD_CMD_TRIM:
        ret = block_node_discard(e->node, offset, r->len);
        break;
    case NBD_CMD_FLUSH:
        return block_node_flush(e->node);
    case NBD_CMD_CACHE: /* the host's page cache does what can be done */
        return 0;
    default:
        return -EINVAL;
    }
    return ret == 0 && (r->flags & NBD_FUA || e->writethrough) ? block_node_flush(e->node) : ret;
}

static int perform(const struct nbd_request *r)
{
    int ret;

    enter(r->session->export);
    ret = change(r);
    leave(r->session->export);
    return ret;
}

void nbd_run_request(gpointer data, gpointer opaque)
{
    struct nbd_request *r = data;
    struct nbd_session *s = r->session;

    (void)opaque;
    if (r->type == NBD_CMD_READ) {
        do_read(r);
    } else if (r->type == NBD_CMD_BLOCK_STATUS) {
        do_status(r);
    } else {
        send_result(r, perform(r));
    }
    g_free(r->data);
    g_free(r);
    pthread_mutex_lock(&s->mutex);
    s->in_flight--;
    pthread_cond_broadcast(&s->finished);
    pthread_mutex_unlock(&s->mutex);
}

/* 0: the request may run. */
static int refusal(const struct nbd_request *r)
{
    const struct nbd_export *e = r->session->export;
    bool writes =
        r->type == NBD_CMD_WRITE || r->type == NBD_CMD_WRITE_ZEROES || r->type == NBD_CMD_TRIM;

    if (r->type > NBD_CMD_BLOCK_STATUS || (r->type == NBD_CMD_READ && r->len > NBD_MAX_PAYLOAD)) {
        return -EINVAL;
    }
    if (writes && e->read_only) {
        return -EPERM;
    }
    if (r->type != NBD_CMD_FLUSH && (r->len > e->size || r->offset > e->size - r->len)) {
        return r->type == NBD_CMD_WRITE || r->type == NBD_CMD_WRITE_ZEROES ? -ENOSPC : -EINVAL;
    }
    return 0;
}

static void wait_for_room(struct nbd_session *s, unsigned most)
{
    pthread_mutex_lock(&s->mutex);
    while (s->in_flight > most) {
        pthread_cond_wait(&s->finished, &s->mutex);
    }
    pthread_mutex_unlock(&s->mutex);
}

/* False: the client is gone, or says what cannot be understood. */
static bool serve_one(struct nbd_session *s)
{
    uint8_t head[28];
    struct nbd_request r = { .session = s };
    int ret;

    if (!nbd_receive(s->fd, head, sizeof(head)) || block_field_be(head, 4) != NBD_REQUEST_MAGIC) {
        return false;
    }
    r.flags = (uint16_t)block_field_be(head + 4, 2);
    r.type = (uint16_t)block_field_be(head + 6, 2);
    memcpy(r.cookie, head + 8, 8);
    r.offset = block_field_be(head + 16, 8);
    r.len = (uint32_t)block_field_be(head + 24, 4);
    if (r.type == NBD_CMD_DISC) {
        return false;
    }
    wait_for_room(s, MAX_IN_FLIGHT - 1);
    if (r.type == NBD_CMD_WRITE) {
        if (r.len > NBD_MAX_PAYLOAD) {
            return false;
        }
        r.data = g_malloc(MAX(r.len, 1));
        if (!nbd_receive(s->fd, r.data, r.len)) {
            g_free(r.data);
            return false;
        }
    }
    ret = refusal(&r);
    if (ret) {
        send_result(&r, ret);
        g_free(r.data);
        return !s->broken;
    }
    pthread_mutex_lock(&s->mutex);
    s->in_flight++;
    pthread_mutex_unlock(&s->mutex);
    g_thread_pool_push(s->pool, g_memdup2(&r, sizeof(r)), NULL);
    return !s->broken;
}

void nbd_serve(struct nbd_session *s)
{
    while (serve_one(s)) {
    }
    wait_for_room(s, 0);
}
