/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/curl.c: the protocols `http`, `https` and `ftp`: images on a server, read through libcurl.
 *
 * Reads fetch whole pieces, of which the last few are kept.
 * Thread: any; one transfer of a node at a time.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include "block/driver.h"
#include "config.h"
#include "util/error.h"
#include "util/library.h"
#if CONFIG_CURL
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

/* Loaded with the first image that needs it: it brings two dozen libraries along. */
/* clang-format off */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#define CURL_FUNCTIONS(f) \
    f(curl_easy_cleanup) \
    f(curl_easy_getinfo) \
    f(curl_easy_init) \
    f(curl_easy_perform) \
    f(curl_easy_setopt)
/* clang-format on */
static struct {
    CURL_FUNCTIONS(LIBRARY_POINTER)
} library;
static const char *const library_names[] = { CURL_FUNCTIONS(LIBRARY_NAME) };
#define curl_easy_cleanup library.curl_easy_cleanup
#define curl_easy_getinfo library.curl_easy_getinfo
#define curl_easy_init    library.curl_easy_init
#define curl_easy_perform library.curl_easy_perform
#define curl_easy_setopt  library.curl_easy_setopt

#define PIECES 8u

struct piece {
    uint64_t number, used;
    uint8_t *data; /* NULL: none */
};

struct curl_node {
    struct block_node node;
    pthread_mutex_t mutex;
    CURL *curl;
    uint64_t piece_bytes, clock;
    struct piece pieces[PIECES];
    uint8_t *to; /* where the transfer under way writes */
    size_t room, got;
    char error[CURL_ERROR_SIZE];
};

/* clang-format off */
static const struct block_option_row curl_options[] = {
    { "filename",  BLOCK_OPTION_STRING, NULL,   "the name" },
    { "url",       BLOCK_OPTION_STRING, NULL,   "http://..., https://..., ftp://..." },
    { "readahead", BLOCK_OPTION_SIZE,   "256k", "bytes that are fetched at a time", 512, 64u << 20 },
    { "timeout",   BLOCK_OPTION_UINT,   "5",    "seconds until a server that says nothing is given up", 1, 3600 },
    { "sslverify", BLOCK_OPTION_BOOL,   "on",   "check the server's certificate" },
    { "cookie",    BLOCK_OPTION_STRING, NULL,   "cookies to send" },
    { "username",  BLOCK_OPTION_STRING, NULL,   "who logs in" },
    { 0 }
};
/* clang-format on */

static bool curl_parse(const char *filename, struct block_options *options, GError **error)
{
    (void)error;
    block_options_set(options, "filename", filename);
    block_options_set(options, "url", filename);
    return true;
}

static size_t take(char *data, size_t size, size_t n, void *opaque)
{
    struct curl_node *c = opaque;
    size_t len = size * n, fits = MIN(len, c->room - c->got);

    if (c->to) {
        memcpy(c->to + c->got, data, fits);
    }
    c->got += fits;
    return c->to ? fits : len; /* a server that ignores the range is stopped by a short count */
}

static bool set_up(struct curl_node *c, const struct block_options *o, GError **error)
{
    const char *url = block_options_get(o, "url"), *cookie = block_options_get(o, "cookie");
    const char *user = block_options_get(o, "username");
    long verify = block_option_bool(o, curl_options, "sslverify");

    if (!url) {
        set_error(error, "%s: 'url' is missing", c->node.driver->name);
        return false;
    }
    curl_easy_setopt(c->curl, CURLOPT_URL, url);
    curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https,ftp,ftps");
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c->curl, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(c->curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT,
                     (long)block_option_uint(o, curl_options, "timeout"));
    curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME,
                     (long)block_option_uint(o, curl_options, "timeout"));
    curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->error);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYPEER, verify);
    curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
    if (cookie) {
        curl_easy_setopt(c->curl, CURLOPT_COOKIE, cookie);
    }
    if (user) {
        curl_easy_setopt(c->curl, CURLOPT_USERNAME, user);
    }
    return true;
}

static bool curl_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    struct curl_node *c = (struct curl_node *)node;
    curl_off_t size = -1;

    pthread_mutex_init(&c->mutex, NULL);
    if (!o->read_only && !o->auto_read_only) {
        set_error(error, "%s: images of %s are read-only: give it read-only=on (or snapshot=on)",
                  node->filename, node->driver->name);
        return false;
    }
    if (!library_load("libcurl.so.4", library_names, &library, G_N_ELEMENTS(library_names),
                      error)) {
        return false;
    }
    c->curl = curl_easy_init();
    c->piece_bytes = block_option_uint(o->options, curl_options, "readahead");
    if (!c->curl || !set_up(c, o->options, error)) {
        return false;
    }
    curl_easy_setopt(c->curl, CURLOPT_NOBODY, 1L);
    if (curl_easy_perform(c->curl) != CURLE_OK) {
        set_error(error, "CURL: Error opening file: %s", c->error);
        return false;
    }
    curl_easy_getinfo(c->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
    if (size < 0) {
        set_error(error, "%s: Server didn't report file size.", node->filename);
        return false;
    }
    curl_easy_setopt(c->curl, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(c->curl, CURLOPT_HTTPGET, 1L);
    node->size = (uint64_t)size;
    node->read_only = true;
    return true;
}

static void curl_close(struct block_node *node)
{
    struct curl_node *c = (struct curl_node *)node;

    if (c->curl) {
        curl_easy_cleanup(c->curl);
    }
    for (unsigned i = 0; i < PIECES; i++) {
        g_free(c->pieces[i].data);
    }
    pthread_mutex_destroy(&c->mutex);
}

static struct piece *oldest(struct curl_node *c)
{
    struct piece *p = &c->pieces[0];

    for (unsigned i = 1; i < PIECES; i++) {
        p = c->pieces[i].used < p->used ? &c->pieces[i] : p;
    }
    return p;
}

static int fetch(struct curl_node *c, struct piece *p, uint64_t number)
{
    uint64_t from = number * c->piece_bytes, len = MIN(c->piece_bytes, c->node.size - from);
    g_autofree char *range =
        g_strdup_printf("%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT, from, from + len - 1);
    CURLcode ret;

    p->data = p->data ? p->data : g_malloc(c->piece_bytes);
    p->number = UINT64_MAX;
    c->to = p->data;
    c->room = len;
    c->got = 0;
    curl_easy_setopt(c->curl, CURLOPT_RANGE, range);
    ret = curl_easy_perform(c->curl);
    c->to = NULL;
    if (c->got < len || (ret != CURLE_OK && ret != CURLE_WRITE_ERROR)) {
        return -EIO;
    }
    /* A whole file for an answer is right for its beginning alone. */
    if (ret == CURLE_WRITE_ERROR && from != 0) {
        return -ENOTSUP;
    }
    p->number = number;
    return 0;
}

static int piece_of(struct curl_node *c, uint64_t number, struct piece **out)
{
    int ret = 0;

    for (unsigned i = 0; i < PIECES; i++) {
        if (c->pieces[i].data && c->pieces[i].number == number) {
            *out = &c->pieces[i];
            (*out)->used = ++c->clock;
            return 0;
        }
    }
    *out = oldest(c);
    ret = fetch(c, *out, number);
    (*out)->used = ++c->clock;
    return ret;
}

static int curl_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    struct curl_node *c = (struct curl_node *)node;
    uint64_t bytes = block_iov_bytes(iov, n), done = 0;
    int ret = 0;

    pthread_mutex_lock(&c->mutex);
    while (done < bytes && ret == 0) {
        uint64_t at = offset + done, in = at % c->piece_bytes,
                 len = MIN(bytes - done, c->piece_bytes - in);
        struct piece *p;

        ret = piece_of(c, at / c->piece_bytes, &p);
        if (ret == 0) {
            block_iov_write(iov, n, done, p->data + in, len);
            done += len;
        }
    }
    pthread_mutex_unlock(&c->mutex);
    return ret;
}

static int64_t curl_allocated(struct block_node *node)
{
    (void)node;
    return -1;
}

#define CURL_DRIVER(n)                                                                             \
    {                                                                                              \
        .name = n, .summary = "an image on a server", .protocol = true, .prefixes = n ":",         \
        .size = sizeof(struct curl_node), .open_options = curl_options,                            \
        .parse_filename = curl_parse, .open = curl_open, .close = curl_close, .read = curl_read,   \
        .allocated = curl_allocated                                                                \
    }
#else
#define CURL_DRIVER(n)                                                                             \
    {                                                                                              \
        .name = n, .summary = "an image on a server", .protocol = true,                            \
        .refused = "Rhea was built without libcurl (Debian package libcurl4-openssl-dev)"          \
    }
#endif

const struct block_driver block_http = CURL_DRIVER("http");
const struct block_driver block_https = CURL_DRIVER("https");
const struct block_driver block_ftp = CURL_DRIVER("ftp");
