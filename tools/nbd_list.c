/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tools/nbd_list.c: asks an NBD server what it exports (the protocol's proto.md, "Option types").
 *
 * What the server says is bounded: lengths by NBD_MAX_OPTION, the number of exports by MAX_EXPORTS.
 */
#include "tools/nbd_list.h"
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "block/mapped.h"
#include "block/nbd_proto.h"
#include "block/nbd_session.h"
#include "util/error.h"
#include "util/log.h"

#define MAX_EXPORTS 1000u
#define MAX_REPLIES 100u

struct text {
    char *name, *description;
};

struct reply {
    uint32_t type, len;
    uint8_t *data;
};

static int connect_unix(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        report_error("Failed to connect to '%s': %s", path, g_strerror(errno));
        return -1;
    }
    return fd;
}

static int connect_tcp(const char *address, const char *port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all;
    int fd = -1, ret = getaddrinfo(address, port, &hints, &all);

    if (ret != 0) {
        report_error("address resolution failed for %s:%s: %s", address, port, gai_strerror(ret));
        return -1;
    }
    for (const struct addrinfo *a = all; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(all);
    if (fd < 0) {
        report_error("Failed to connect to '%s:%s': %s", address, port, g_strerror(errno));
    }
    return fd;
}

/* The server's greeting and ours. */
static bool greet(int fd)
{
    uint8_t hello[18], flags[4];

    if (!nbd_receive(fd, hello, sizeof(hello)) || block_field_be(hello, 8) != NBD_MAGIC ||
        block_field_be(hello + 8, 8) != NBD_OPTION_MAGIC) {
        report_error("the server does not speak newstyle NBD");
        return false;
    }
    mapped_put_be(flags, 4, block_field_be(hello + 16, 2) & (NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES));
    return nbd_send(fd, flags, sizeof(flags));
}

static bool ask(int fd, uint32_t option, const void *data, size_t len)
{
    uint8_t head[16];

    mapped_put_be(head, 8, NBD_OPTION_MAGIC);
    mapped_put_be(head + 8, 4, option);
    mapped_put_be(head + 12, 4, len);
    return nbd_send(fd, head, sizeof(head)) && (len == 0 || nbd_send(fd, data, len));
}

static bool receive(int fd, struct reply *r)
{
    uint8_t head[20];

    g_clear_pointer(&r->data, g_free);
    if (!nbd_receive(fd, head, sizeof(head)) || block_field_be(head, 8) != NBD_REPLY_MAGIC ||
        block_field_be(head + 16, 4) > NBD_MAX_OPTION) {
        report_error("the server's answer cannot be understood");
        return false;
    }
    r->type = (uint32_t)block_field_be(head + 12, 4);
    r->len = (uint32_t)block_field_be(head + 16, 4);
    r->data = g_malloc0(r->len + 1);
    return nbd_receive(fd, r->data, r->len);
}

static void text_free(gpointer data)
{
    struct text *t = data;

    g_free(t->name);
    g_free(t->description);
    g_free(t);
}

static bool list_names(int fd, GPtrArray *names)
{
    struct reply r = { 0 };
    bool ok = ask(fd, NBD_OPT_LIST, NULL, 0);

    while (ok && (ok = receive(fd, &r)) && r.type == NBD_REP_SERVER && names->len < MAX_EXPORTS) {
        uint64_t len = r.len >= 4 ? block_field_be(r.data, 4) : UINT64_MAX;
        struct text *t;

        if (len > r.len - MIN(r.len, 4)) {
            report_error("the server's answer cannot be understood");
            ok = false;
            break;
        }
        t = g_new0(struct text, 1);
        t->name = g_strndup((char *)r.data + 4, len);
        t->description = g_strdup((char *)r.data + 4 + len);
        g_ptr_array_add(names, t);
    }
    if (ok && r.type != NBD_REP_ACK) {
        report_error("the server does not list its exports");
        ok = false;
    }
    g_free(r.data);
    return ok;
}

static void print_flags(uint64_t flags)
{
    static const char *const names[] = { NULL,         "readonly", "flush",  "fua",
                                         "rotational", "trim",     "zeroes", "df",
                                         "multi",      "resize",   "cache",  "fast-zero" };

    printf("  flags: 0x%" G_GINT64_MODIFIER "x (", flags);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i] && flags & 1u << i) {
            printf(" %s", names[i]);
        }
    }
    puts(" )");
}

static void print_sizes(const uint8_t *data)
{
    printf("  min block: %" G_GUINT64_FORMAT "\n  opt block: %" G_GUINT64_FORMAT
           "\n  max block: %" G_GUINT64_FORMAT "\n",
           block_field_be(data, 4), block_field_be(data + 4, 4), block_field_be(data + 8, 4));
}

/* Sizes come before the export itself or after it; they are printed after it. */
static bool print_info(int fd, const char *name)
{
    size_t len = strlen(name);
    g_autofree uint8_t *query = g_malloc0(len + 6);
    uint8_t sizes[12];
    bool ok, has_sizes = false;
    struct reply r = { 0 };

    mapped_put_be(query, 4, len);
    memcpy(query + 4, name, len);
    ok = ask(fd, NBD_OPT_INFO, query, len + 6);
    for (unsigned i = 0; ok && i < MAX_REPLIES && (ok = receive(fd, &r)) && r.type == NBD_REP_INFO;
         i++) {
        if (r.len == 12 && block_field_be(r.data, 2) == NBD_INFO_EXPORT) {
            printf("  size:  %" G_GUINT64_FORMAT "\n", block_field_be(r.data + 2, 8));
            print_flags(block_field_be(r.data + 10, 2));
        } else if (r.len == 14 && block_field_be(r.data, 2) == NBD_INFO_BLOCK_SIZE) {
            memcpy(sizes, r.data + 2, sizeof(sizes));
            has_sizes = true;
        }
    }
    if (ok && has_sizes) {
        print_sizes(sizes);
    }
    g_free(r.data);
    return ok;
}

static bool print_contexts(int fd, const char *name)
{
    size_t len = strlen(name);
    g_autofree uint8_t *query = g_malloc0(len + 8);
    g_autoptr(GString) lines = g_string_new("");
    struct reply r = { 0 };
    unsigned n = 0;
    bool ok;

    mapped_put_be(query, 4, len);
    memcpy(query + 4, name, len);
    ok = ask(fd, NBD_OPT_LIST_META_CONTEXT, query, len + 8);
    for (; ok && n < MAX_REPLIES && (ok = receive(fd, &r)) && r.type == NBD_REP_META_CONTEXT; n++) {
        g_string_append_printf(lines, "   %s\n", r.len > 4 ? (char *)r.data + 4 : "");
    }
    if (ok && n) {
        printf("  available meta contexts: %u\n%s", n, lines->str);
    }
    g_free(r.data);
    return ok;
}

static bool list(int fd, GPtrArray *names)
{
    struct reply r = { 0 };
    bool structured;

    if (!greet(fd) || !ask(fd, NBD_OPT_STRUCTURED_REPLY, NULL, 0) || !receive(fd, &r)) {
        return false;
    }
    structured = r.type == NBD_REP_ACK;
    g_free(r.data);
    if (!list_names(fd, names)) {
        return false;
    }
    printf("exports available: %u\n", names->len);
    for (unsigned i = 0; i < names->len; i++) {
        const struct text *t = g_ptr_array_index(names, i);

        printf(" export: '%s'\n", t->name);
        if (*t->description) {
            printf("  description: %s\n", t->description);
        }
        if (!print_info(fd, t->name) || (structured && !print_contexts(fd, t->name))) {
            return false;
        }
    }
    return ask(fd, NBD_OPT_ABORT, NULL, 0);
}

int nbd_list(const char *path, const char *address, const char *port)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(text_free);
    int fd = path ? connect_unix(path) : connect_tcp(address, port);
    bool ok = fd >= 0 && list(fd, names);

    if (fd >= 0) {
        close(fd);
    }
    return ok ? 0 : 1;
}
