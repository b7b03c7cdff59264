/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ui/websocket.c: see websocket.h. */
#include "ui/websocket.h"

#include <string.h>

#define GUID        "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, 1.3 */
#define CONTROL_MAX 125u

enum { OP_CONTINUE = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

struct websocket *websocket_new(void)
{
    struct websocket *w = g_new0(struct websocket, 1);

    w->held = g_byte_array_new();
    return w;
}

void websocket_free(struct websocket *w)
{
    if (w) {
        g_byte_array_unref(w->held);
        g_free(w);
    }
}

/* HTTP ------------------------------------------------------------------------------------------ */

static void put_text(GByteArray *out, const char *text)
{
    g_byte_array_append(out, (const uint8_t *)text, (guint)strlen(text));
}

char *http_header(const char *request, const char *name)
{
    size_t n = strlen(name);

    for (const char *line = strstr(request, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (g_ascii_strncasecmp(line, name, n) == 0 && line[n] == ':') {
            return g_strstrip(g_strndup(line + n + 1, strcspn(line + n + 1, "\r")));
        }
    }
    return NULL;
}

/* Is the word in a list of words and commas? */
static bool has_word(const char *list, const char *word)
{
    g_auto(GStrv) words = g_strsplit(list ? list : "", ",", -1);

    for (unsigned i = 0; words[i]; i++) {
        if (g_ascii_strcasecmp(g_strstrip(words[i]), word) == 0) {
            return true;
        }
    }
    return false;
}

static char *accept_key(const char *key)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
    uint8_t digest[20];
    gsize n = sizeof(digest);

    g_checksum_update(sum, (const guchar *)key, -1);
    g_checksum_update(sum, (const guchar *)GUID, -1);
    g_checksum_get_digest(sum, digest, &n);
    return g_base64_encode(digest, n);
}

bool websocket_accept(const char *request, const char *protocol, GByteArray *out)
{
    g_autofree char *upgrade = http_header(request, "Upgrade");
    g_autofree char *key = http_header(request, "Sec-WebSocket-Key");
    g_autofree char *version = http_header(request, "Sec-WebSocket-Version");
    g_autofree char *protocols = http_header(request, "Sec-WebSocket-Protocol");
    g_autofree char *accept = NULL, *answer = NULL;
    bool offered = has_word(protocols, protocol);

    if (!g_str_has_prefix(request, "GET ") || !has_word(upgrade, "websocket") || !key ||
        g_strcmp0(version, "13") != 0) {
        return false;
    }
    accept = accept_key(key);
    answer = g_strdup_printf("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
                             accept, offered ? "Sec-WebSocket-Protocol: " : "",
                             offered ? protocol : "", offered ? "\r\n" : "");
    put_text(out, answer);
    return true;
}

/* The request is whole when it ends with an empty line. */
static enum websocket_result take_request(struct websocket *w, GByteArray *out)
{
    char *end = g_strstr_len((char *)w->held->data, w->held->len, "\r\n\r\n");
    size_t n = end ? (size_t)(end + 4 - (char *)w->held->data) : 0;
    g_autofree char *request = g_strndup((char *)w->held->data, n);

    if (!end) {
        return w->held->len > WEBSOCKET_REQUEST_MAX ? WEBSOCKET_BROKEN : WEBSOCKET_GOES_ON;
    }
    if (strlen(request) != n || !websocket_accept(request, "binary", out)) {
        put_text(out, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        return WEBSOCKET_BROKEN;
    }
    w->open = true;
    g_byte_array_remove_range(w->held, 0, (guint)n);
    return WEBSOCKET_GOES_ON;
}

/* Frames ---------------------------------------------------------------------------------------- */

static void put_frame(GByteArray *out, unsigned opcode, const uint8_t *data, size_t n)
{
    uint8_t head[10] = { (uint8_t)(0x80 | opcode) };
    unsigned len = 2;

    if (n < 126) {
        head[1] = (uint8_t)n;
    } else if (n < 65536) {
        head[1] = 126;
        head[2] = (uint8_t)(n >> 8);
        head[3] = (uint8_t)n;
        len = 4;
    } else {
        head[1] = 127;
        for (unsigned i = 0; i < 8; i++) {
            head[2 + i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
        }
        len = 10;
    }
    g_byte_array_append(out, head, len);
    g_byte_array_append(out, data, (guint)n);
}

void websocket_put(GByteArray *out, const uint8_t *data, size_t n)
{
    put_frame(out, OP_BINARY, data, n);
}

/* Reads a frame's header; 0: it is not whole.  w->left and the rest are set then. */
static unsigned read_header(struct websocket *w, bool *broken)
{
    const uint8_t *p = w->held->data;
    unsigned n = 2, size;

    if (w->held->len < 2) {
        return 0;
    }
    size = p[1] & 127;
    n += size == 126 ? 2 : size == 127 ? 8 : 0;
    if (w->held->len < n + 4) {
        return 0;
    }
    w->opcode = p[0] & 15;
    w->left = size;
    if (size >= 126) {
        w->left = 0;
        for (unsigned i = 2; i < n; i++) {
            w->left = w->left << 8 | p[i];
        }
    }
    memcpy(w->mask, p + n, 4);
    w->mask_at = 0;
    /* Clients mask (5.1); reserved bits need extensions; control frames are small and whole (5.5). */
    *broken = !(p[1] & 0x80) || (p[0] & 0x70) || w->left >> 63 ||
              (w->opcode >= OP_CLOSE && (w->left > CONTROL_MAX || !(p[0] & 0x80)));
    return n + 4;
}

/* A control frame, whose payload is all in `held`. */
static enum websocket_result take_control(struct websocket *w, GByteArray *out)
{
    uint8_t payload[CONTROL_MAX];
    unsigned n = (unsigned)w->left;

    for (unsigned i = 0; i < n; i++) {
        payload[i] = w->held->data[i] ^ w->mask[i & 3];
    }
    g_byte_array_remove_range(w->held, 0, n);
    w->left = 0;
    if (w->opcode == OP_PING) {
        put_frame(out, OP_PONG, payload, n);
    } else if (w->opcode == OP_CLOSE) {
        put_frame(out, OP_CLOSE, payload, MIN(n, 2));
        return WEBSOCKET_CLOSED;
    }
    return WEBSOCKET_GOES_ON;
}

static void take_payload(struct websocket *w, GByteArray *in)
{
    guint n = (guint)MIN(w->left, w->held->len), at = in->len;

    g_byte_array_append(in, w->held->data, n);
    for (guint i = 0; i < n; i++) {
        in->data[at + i] ^= w->mask[w->mask_at++ & 3];
    }
    g_byte_array_remove_range(w->held, 0, n);
    w->left -= n;
}

enum websocket_result websocket_take(struct websocket *w, const uint8_t *data, size_t n,
                                     GByteArray *in, GByteArray *out)
{
    enum websocket_result result = WEBSOCKET_GOES_ON;
    bool broken = false;
    unsigned header;

    g_byte_array_append(w->held, data, (guint)n);
    if (!w->open) {
        result = take_request(w, out);
        if (!w->open) {
            return result;
        }
    }
    for (;;) {
        if (w->left > 0 && w->opcode < OP_CLOSE) {
            take_payload(w, in);
            if (w->left > 0) {
                return WEBSOCKET_GOES_ON;
            }
        }
        header = read_header(w, &broken);
        if (broken) {
            return WEBSOCKET_BROKEN;
        }
        if (!header || (w->opcode >= OP_CLOSE && w->held->len < header + w->left)) {
            w->left = 0; /* read again when there is more */
            return WEBSOCKET_GOES_ON;
        }
        g_byte_array_remove_range(w->held, 0, header);
        if (w->opcode >= OP_CLOSE) {
            result = take_control(w, out);
            if (result != WEBSOCKET_GOES_ON) {
                return result;
            }
        }
    }
}
