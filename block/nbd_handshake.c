/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/nbd_handshake.c: what an NBD client and the server agree upon.  Thread: the client's. */
#include <string.h>
#include "block/mapped.h"
#include "block/nbd_proto.h"
#include "block/nbd_session.h"

#define PREFERRED_BLOCK 4096u
/* A client that asks for ever is cut off. */
#define MAX_OPTIONS 1000u

static bool reply(struct nbd_session *s, uint32_t option, uint32_t type, const void *data,
                  uint32_t len)
{
    uint8_t head[20];

    mapped_put_be(head, 8, NBD_REPLY_MAGIC);
    mapped_put_be(head + 8, 4, option);
    mapped_put_be(head + 12, 4, type);
    mapped_put_be(head + 16, 4, len);
    return nbd_send(s->fd, head, sizeof(head)) && (len == 0 || nbd_send(s->fd, data, len));
}

static bool refuse(struct nbd_session *s, uint32_t option, uint32_t type, const char *text)
{
    return reply(s, option, type, text, (uint32_t)strlen(text));
}

uint16_t nbd_flags_of(const struct nbd_session *s, const struct nbd_export *e)
{
    uint16_t flags = NBD_HAS_FLAGS | NBD_SEND_FLUSH | NBD_SEND_FUA | NBD_SEND_CACHE;

    flags |= e->read_only ? NBD_READ_ONLY | NBD_CAN_MULTI_CONN
                          : NBD_SEND_TRIM | NBD_SEND_WRITE_ZEROES | NBD_SEND_FAST_ZERO;
    return s->structured ? flags | NBD_SEND_DF : flags;
}

/* NBD_OPT_EXPORT_NAME has no reply but the export itself. */
static bool answer_export_name(struct nbd_session *s, const uint8_t *data, uint32_t len)
{
    g_autoptr(nbd_export) e = nbd_export_find(s->exports, data, len);
    uint8_t out[8 + 2 + 124] = { 0 };

    if (!e || !nbd_export_choose(s, e)) {
        return false;
    }
    mapped_put_be(out, 8, e->size);
    mapped_put_be(out + 8, 2, nbd_flags_of(s, e));
    return nbd_send(s->fd, out, s->no_zeroes ? 10 : sizeof(out));
}

static bool answer_list(struct nbd_session *s, uint32_t len)
{
    g_autoptr(GPtrArray) all = nbd_export_list(s->exports);
    bool ok = true;

    if (len) {
        return refuse(s, NBD_OPT_LIST, NBD_REP_ERR_INVALID, "LIST takes no data");
    }
    for (unsigned i = 0; i < all->len && ok; i++) {
        const struct nbd_export *e = g_ptr_array_index(all, i);
        g_autofree uint8_t *out = NULL;
        size_t name = strlen(e->name), text = e->description ? strlen(e->description) : 0;

        out = g_malloc(4 + name + text);
        mapped_put_be(out, 4, name);
        memcpy(out + 4, e->name, name);
        if (text) {
            memcpy(out + 4 + name, e->description, text);
        }
        ok = reply(s, NBD_OPT_LIST, NBD_REP_SERVER, out, (uint32_t)(4 + name + text));
    }
    return ok && reply(s, NBD_OPT_LIST, NBD_REP_ACK, NULL, 0);
}

static bool send_info(struct nbd_session *s, uint32_t option, const struct nbd_export *e,
                      const uint8_t *asked, unsigned n_asked)
{
    uint8_t export[12], sizes[14];
    bool ok = true;

    for (unsigned i = 0; i < n_asked && ok; i++) {
        unsigned what = (unsigned)block_field_be(asked + i * 2, 2);
        const char *text = what == NBD_INFO_NAME          ? e->name
                           : what == NBD_INFO_DESCRIPTION ? e->description
                                                          : NULL;
        g_autofree uint8_t *out = NULL;

        if (text) {
            out = g_malloc(2 + strlen(text));
            mapped_put_be(out, 2, what);
            memcpy(out + 2, text, strlen(text));
            ok = reply(s, option, NBD_REP_INFO, out, (uint32_t)(2 + strlen(text)));
        }
    }
    mapped_put_be(sizes, 2, NBD_INFO_BLOCK_SIZE);
    mapped_put_be(sizes + 2, 4, 1);
    mapped_put_be(sizes + 6, 4, PREFERRED_BLOCK);
    mapped_put_be(sizes + 10, 4, NBD_MAX_PAYLOAD);
    mapped_put_be(export, 2, NBD_INFO_EXPORT);
    mapped_put_be(export + 2, 8, e->size);
    mapped_put_be(export + 10, 2, nbd_flags_of(s, e));
    return ok && reply(s, option, NBD_REP_INFO, sizes, sizeof(sizes)) &&
           reply(s, option, NBD_REP_INFO, export, sizeof(export)) &&
           reply(s, option, NBD_REP_ACK, NULL, 0);
}

/* NBD_OPT_INFO and NBD_OPT_GO: a name, then numbers of what is asked for. */
static bool answer_info(struct nbd_session *s, uint32_t option, const uint8_t *data, uint32_t len)
{
    g_autoptr(nbd_export) e = NULL;
    uint64_t name, asked;

    if (len < 6) {
        return refuse(s, option, NBD_REP_ERR_INVALID, "the request is too short");
    }
    name = block_field_be(data, 4);
    if (name > len - 6) {
        return refuse(s, option, NBD_REP_ERR_INVALID, "the name is longer than the request");
    }
    asked = block_field_be(data + 4 + name, 2);
    if (len != 6 + name + asked * 2) {
        return refuse(s, option, NBD_REP_ERR_INVALID,
                      "the request has another length than it says");
    }
    e = nbd_export_find(s->exports, data + 4, name);
    if (!e) {
        return refuse(s, option, NBD_REP_ERR_UNKNOWN, "there is no export of that name");
    }
    if (!send_info(s, option, e, data + 6 + name, (unsigned)asked)) {
        return false;
    }
    if (option == NBD_OPT_GO) {
        s->contexts = s->context_export == e ? s->contexts : 0;
        return nbd_export_choose(s, e);
    }
    return true;
}

/* Contexts -------------------------------------------------------------------------------------- */

/* NULL: the export has no such context. */
char *nbd_context_name(const struct nbd_export *e, enum nbd_context context)
{
    switch (context) {
    case NBD_CONTEXT_ALLOCATION:
        return g_strdup("base:allocation");
    case NBD_CONTEXT_DEPTH:
        return e->allocation_depth ? g_strdup("qemu:allocation-depth") : NULL;
    default:
        return e->bitmap_name ? g_strdup_printf("qemu:dirty-bitmap:%s", e->bitmap_name) : NULL;
    }
}

/* "base:", "base:allocation", "qemu:", "qemu:dirty-bitmap:" ... name all that begin so when listed. */
static bool query_matches(const char *name, const char *query, size_t len, bool list)
{
    if (strlen(name) == len && memcmp(name, query, len) == 0) {
        return true;
    }
    return list && len > 0 && query[len - 1] == ':' && strncmp(name, query, len) == 0;
}

static bool send_context(struct nbd_session *s, uint32_t option, unsigned id, const char *name)
{
    g_autofree uint8_t *out = g_malloc(4 + strlen(name));

    mapped_put_be(out, 4, option == NBD_OPT_SET_META_CONTEXT ? id : 0);
    memcpy(out + 4, name, strlen(name));
    return reply(s, option, NBD_REP_META_CONTEXT, out, (uint32_t)(4 + strlen(name)));
}

/* The contexts that one query of the list names; UINT_MAX: the list is damaged. */
static unsigned match_queries(const struct nbd_export *e, const uint8_t *data, uint32_t len,
                              bool list)
{
    uint64_t n = len >= 4 ? block_field_be(data, 4) : 0;
    unsigned chosen = n == 0 && list ? (1u << NBD_CONTEXTS) - 1 : 0;
    uint32_t at = 4;

    for (uint64_t i = 0; i < n; i++) {
        uint64_t size;

        if (len - at < 4 || (size = block_field_be(data + at, 4)) > len - at - 4) {
            return UINT_MAX;
        }
        for (unsigned k = 0; k < NBD_CONTEXTS; k++) {
            g_autofree char *name = nbd_context_name(e, k);

            if (name && query_matches(name, (const char *)data + at + 4, size, list)) {
                chosen |= 1u << k;
            }
        }
        at += 4 + (uint32_t)size;
    }
    return at == MAX(len, 4) ? chosen : UINT_MAX;
}

static bool answer_contexts(struct nbd_session *s, uint32_t option, const uint8_t *data,
                            uint32_t len)
{
    g_autoptr(nbd_export) e = NULL;
    unsigned chosen;
    uint64_t name;
    bool ok = true;

    if (!s->structured) {
        return refuse(s, option, NBD_REP_ERR_INVALID, "contexts need structured replies");
    }
    if (len < 8 || (name = block_field_be(data, 4)) > len - 8) {
        return refuse(s, option, NBD_REP_ERR_INVALID, "the request is too short");
    }
    e = nbd_export_find(s->exports, data + 4, name);
    if (!e) {
        return refuse(s, option, NBD_REP_ERR_UNKNOWN, "there is no export of that name");
    }
    chosen = match_queries(e, data + 4 + name, len - 4 - (uint32_t)name,
                           option == NBD_OPT_LIST_META_CONTEXT);
    if (chosen == UINT_MAX) {
        return refuse(s, option, NBD_REP_ERR_INVALID,
                      "the request has another length than it says");
    }
    if (option == NBD_OPT_SET_META_CONTEXT) {
        s->contexts = chosen;
        nbd_export_unref(s->context_export);
        s->context_export = g_atomic_rc_box_acquire(e);
    }
    for (unsigned k = 0; k < NBD_CONTEXTS && ok; k++) {
        g_autofree char *text = chosen & 1u << k ? nbd_context_name(e, k) : NULL;

        ok = !text || send_context(s, option, k, text);
    }
    return ok && reply(s, option, NBD_REP_ACK, NULL, 0);
}

/* Options --------------------------------------------------------------------------------------- */

static bool answer(struct nbd_session *s, uint32_t option, const uint8_t *data, uint32_t len)
{
    switch (option) {
    case NBD_OPT_EXPORT_NAME:
        return answer_export_name(s, data, len);
    case NBD_OPT_ABORT:
        reply(s, option, NBD_REP_ACK, NULL, 0);
        return false;
    case NBD_OPT_LIST:
        return answer_list(s, len);
    case NBD_OPT_INFO:
    case NBD_OPT_GO:
        return answer_info(s, option, data, len);
    case NBD_OPT_STRUCTURED_REPLY:
        if (len) {
            return refuse(s, option, NBD_REP_ERR_INVALID, "STRUCTURED_REPLY takes no data");
        }
        s->structured = true;
        return reply(s, option, NBD_REP_ACK, NULL, 0);
    case NBD_OPT_LIST_META_CONTEXT:
    case NBD_OPT_SET_META_CONTEXT:
        return answer_contexts(s, option, data, len);
    case NBD_OPT_STARTTLS:
        return refuse(s, option, NBD_REP_ERR_POLICY, "this server has no TLS");
    default:
        return refuse(s, option, NBD_REP_ERR_UNSUP, "unknown option");
    }
}

bool nbd_handshake(struct nbd_session *s)
{
    uint8_t hello[18], flags[4], head[16];

    mapped_put_be(hello, 8, NBD_MAGIC);
    mapped_put_be(hello + 8, 8, NBD_OPTION_MAGIC);
    mapped_put_be(hello + 16, 2, NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES);
    if (!nbd_send(s->fd, hello, sizeof(hello)) || !nbd_receive(s->fd, flags, sizeof(flags)) ||
        block_field_be(flags, 4) & ~(uint64_t)(NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES)) {
        return false;
    }
    s->no_zeroes = flags[3] & NBD_NO_ZEROES;
    for (unsigned i = 0; i < MAX_OPTIONS && !s->export; i++) {
        g_autofree uint8_t *data = NULL;
        uint32_t option, len;

        if (!nbd_receive(s->fd, head, sizeof(head)) ||
            block_field_be(head, 8) != NBD_OPTION_MAGIC) {
            return false;
        }
        option = (uint32_t)block_field_be(head + 8, 4);
        len = (uint32_t)block_field_be(head + 12, 4);
        if (len > NBD_MAX_OPTION) {
            return false;
        }
        data = g_malloc(MAX(len, 1));
        if (!nbd_receive(s->fd, data, len) || !answer(s, option, data, len)) {
            return false;
        }
    }
    return s->export;
}
