/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/socket.c: see socket.h. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "util/error.h"
#include "util/socket.h"
#include "util/text.h"

/* Texts ----------------------------------------------------------------------------------------- */

/* One row for each key of an address. */
enum { KEY_TEXT, KEY_BOOL };
static const struct {
    const char *name;
    int kind;
} keys[] = {
    /* clang-format off */
    { "type", KEY_TEXT },      { "host", KEY_TEXT },  { "port", KEY_TEXT },  { "to", KEY_TEXT },
    { "path", KEY_TEXT },      { "str", KEY_TEXT },   { "numeric", KEY_BOOL }, { "keep-alive", KEY_BOOL },
    { "mptcp", KEY_BOOL },     { "ipv4", KEY_BOOL },  { "ipv6", KEY_BOOL },  { "abstract", KEY_BOOL },
    { "tight", KEY_BOOL },
    /* clang-format on */
};

void socket_address_add_keys(GPtrArray *list, const char *prefix)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_ptr_array_add(list, g_strdup_printf("%s%s", prefix, keys[i].name));
    }
}

void socket_address_clear(struct socket_address *a)
{
    g_free(a->host);
    g_free(a->port);
    g_free(a->path);
    *a = (struct socket_address){ .fd = -1 };
}

void socket_address_copy(struct socket_address *to, const struct socket_address *from)
{
    *to = *from;
    to->host = g_strdup(from->host);
    to->port = g_strdup(from->port);
    to->path = g_strdup(from->path);
}

void socket_address_set_host(struct socket_address *a, const struct sockaddr *sa, socklen_t len)
{
    char host[NI_MAXHOST];

    if (getnameinfo(sa, len, host, sizeof(host), NULL, 0, NI_NUMERICHOST) == 0) {
        g_free(a->host);
        a->host = g_strdup(host);
    }
}

bool socket_address_parse(struct socket_address *a, const char *text, GError **error)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    bool bracket = n >= 2 && text[0] == '[' && text[n - 1] == ']';
    uint64_t port;

    if (!colon || !parse_uint(colon + 1, 0, 65535, &port) || (!bracket && memchr(text, ':', n))) {
        set_error(error, "'%s' must be HOST:PORT or [IPV6]:PORT, PORT 0 to 65535", text);
        return false;
    }
    *a = (struct socket_address){ .kind = SOCKET_ADDRESS_INET, .family = AF_UNSPEC, .fd = -1 };
    a->host = bracket ? g_strndup(text + 1, n - 2) : g_strndup(text, n);
    a->port = g_strdup(colon + 1);
    return true;
}

static const char *get(const GPtrArray *opts, const char *prefix, const char *key)
{
    g_autofree char *full = g_strdup_printf("%s%s", prefix, key);

    return options_get(opts, full);
}

static bool get_on(const GPtrArray *opts, const char *prefix, const char *key, bool otherwise)
{
    const char *value = get(opts, prefix, key);

    if (value) {
        parse_bool(value, &otherwise);
    }
    return otherwise;
}

static bool check_flags(const GPtrArray *opts, const char *prefix, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        const char *value = get(opts, prefix, keys[i].name);
        bool on;

        if (keys[i].kind == KEY_BOOL && value && !parse_bool(value, &on)) {
            set_error(error, "%s%s is '%s', must be on or off", prefix, keys[i].name, value);
            return false;
        }
    }
    if (get_on(opts, prefix, "mptcp", false)) {
        set_error(error, "%smptcp=on is not supported", prefix);
        return false;
    }
    return true;
}

static bool take_inet(struct socket_address *a, const GPtrArray *opts, const char *prefix,
                      GError **error)
{
    const char *host = get(opts, prefix, "host"), *port = get(opts, prefix, "port");
    const char *to = get(opts, prefix, "to");
    bool v4 = get_on(opts, prefix, "ipv4", !get_on(opts, prefix, "ipv6", false));
    bool v6 = get_on(opts, prefix, "ipv6", !get_on(opts, prefix, "ipv4", false));
    uint64_t first = 0, last = 0;

    if (!host) {
        set_error(error, "%shost is missing", prefix);
        return false;
    }
    if (port && !parse_uint(port, 0, 65535, &first)) {
        set_error(error, "%sport is '%s', must be 0 to 65535", prefix, port);
        return false;
    }
    if (to && !parse_uint(to, first, 65535, &last)) {
        set_error(error, "%sto is '%s', must be %sport to 65535", prefix, to, prefix);
        return false;
    }
    if (!v4 && !v6) {
        set_error(error, "Cannot disable IPv4 and IPv6 at same time: %sipv4 and %sipv6 are off",
                  prefix, prefix);
        return false;
    }
    a->host = g_strdup(host);
    a->port = g_strdup(port ? port : "0");
    a->last_port = (unsigned)last;
    a->family = v4 && v6 ? AF_UNSPEC : v4 ? AF_INET : AF_INET6;
    a->numeric = get_on(opts, prefix, "numeric", false);
    a->keep_alive = get_on(opts, prefix, "keep-alive", false);
    return true;
}

static bool take_unix(struct socket_address *a, const GPtrArray *opts, const char *prefix,
                      GError **error)
{
    const char *path = get(opts, prefix, "path");
    size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

    if (!path || !*path || strlen(path) > most) {
        set_error(error, "%spath is '%s', must have 1 to %zu bytes", prefix, path ? path : "",
                  most);
        return false;
    }
    a->path = g_strdup(path);
    a->abstract = get_on(opts, prefix, "abstract", false);
    a->tight = get_on(opts, prefix, "tight", true);
    return true;
}

static bool take_fd(struct socket_address *a, const GPtrArray *opts, const char *prefix,
                    GError **error)
{
    const char *text = get(opts, prefix, "str");
    uint64_t n;

    if (!text || !parse_uint(text, 0, INT32_MAX, &n)) {
        set_error(error, "%sstr is '%s', must be the number of an open file descriptor", prefix,
                  text ? text : "");
        return false;
    }
    a->path = g_strdup(text);
    a->fd = (int)n;
    return true;
}

bool socket_address_take_options(struct socket_address *a, const char *type, const GPtrArray *opts,
                                 const char *prefix, GError **error)
{
    static const struct {
        const char *name;
        enum socket_address_kind kind;
        bool (*take)(struct socket_address *a, const GPtrArray *opts, const char *prefix,
                     GError **error);
    } types[] = { { "inet", SOCKET_ADDRESS_INET, take_inet },
                  { "unix", SOCKET_ADDRESS_UNIX, take_unix },
                  { "fd", SOCKET_ADDRESS_FD, take_fd } };

    *a = (struct socket_address){ .fd = -1 };
    for (unsigned i = 0; type && i < G_N_ELEMENTS(types); i++) {
        if (strcmp(types[i].name, type) == 0) {
            a->kind = types[i].kind;
            return check_flags(opts, prefix, error) && types[i].take(a, opts, prefix, error);
        }
    }
    set_error(error, "%stype is '%s', must be inet, unix or fd", prefix, type ? type : "");
    return false;
}

void socket_address_text(const struct sockaddr *sa, socklen_t len, char text[SOCKET_ADDRESS_TEXT])
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)sa;
    size_t head = offsetof(struct sockaddr_un, sun_path);
    char host[64], port[8];

    if (sa->sa_family == AF_UNIX) {
        bool abstract = len > head && un->sun_path[0] == '\0';
        size_t n = len > head ? len - head - abstract : 0;

        snprintf(text, SOCKET_ADDRESS_TEXT, "unix:%s%.*s", abstract ? "@" : "", (int)n,
                 un->sun_path + abstract);
    } else if (getnameinfo(sa, len, host, sizeof(host), port, sizeof(port),
                           NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        snprintf(text, SOCKET_ADDRESS_TEXT, sa->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
                 port);
    } else {
        snprintf(text, SOCKET_ADDRESS_TEXT, "unknown");
    }
}

bool socket_address_of(int fd, struct socket_address *a)
{
    struct sockaddr_storage sa = { 0 };
    struct sockaddr_un *un = (struct sockaddr_un *)&sa;
    socklen_t len = sizeof(sa), head = offsetof(struct sockaddr_un, sun_path);
    struct socket_address found = { .fd = -1, .family = AF_UNSPEC };
    char host[64], port[8];

    if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0) {
        return false;
    }
    if (sa.ss_family == AF_UNIX) {
        found.kind = SOCKET_ADDRESS_UNIX;
        found.abstract = len > head && un->sun_path[0] == '\0';
        found.tight = found.abstract && len < sizeof(*un);
        found.path = len > head
                         ? g_strndup(un->sun_path + found.abstract, len - head - found.abstract)
                         : g_strdup("");
    } else if (getnameinfo((struct sockaddr *)&sa, len, host, sizeof(host), port, sizeof(port),
                           NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        found.kind = SOCKET_ADDRESS_INET;
        found.host = g_strdup(host);
        found.port = g_strdup(port);
    } else {
        return false;
    }
    socket_address_clear(a);
    *a = found;
    return true;
}

/* Sockets --------------------------------------------------------------------------------------- */

/* An abstract name that is tight is as long as its text; others fill the whole field. */
static void fill_unix(const struct socket_address *a, struct sockaddr_storage *sa, socklen_t *len)
{
    struct sockaddr_un *un = (struct sockaddr_un *)sa;
    size_t n = strlen(a->path);

    memset(sa, 0, sizeof(*sa));
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path + a->abstract, a->path, n);
    *len = a->abstract && a->tight ? (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)
                                   : (socklen_t)sizeof(*un);
}

struct addrinfo *socket_look_up(const struct socket_address *a, int type, bool passive,
                                GError **error)
{
    struct addrinfo hints = { .ai_socktype = type, .ai_family = a->family }, *list = NULL;
    int why;

    hints.ai_flags = (passive ? AI_PASSIVE : 0) | (a->numeric ? AI_NUMERICHOST : 0);
    why = getaddrinfo(*a->host ? a->host : NULL, a->port, &hints, &list);
    if (why != 0) {
        set_error(error, "address resolution failed for %s:%s: %s", a->host, a->port,
                  gai_strerror(why));
        return NULL;
    }
    return list;
}

bool socket_address_resolve(const struct socket_address *a, int type, bool passive,
                            struct sockaddr_storage *sa, socklen_t *len, GError **error)
{
    struct addrinfo *list;

    if (a->kind == SOCKET_ADDRESS_UNIX) {
        fill_unix(a, sa, len);
        return true;
    }
    list = socket_look_up(a, type, passive, error);
    if (!list) {
        return false;
    }
    memset(sa, 0, sizeof(*sa));
    memcpy(sa, list->ai_addr, list->ai_addrlen);
    *len = list->ai_addrlen;
    freeaddrinfo(list);
    return true;
}

static void set_port(struct sockaddr_storage *sa, unsigned port)
{
    if (sa->ss_family == AF_INET) {
        ((struct sockaddr_in *)sa)->sin_port = htons((uint16_t)port);
    } else {
        ((struct sockaddr_in6 *)sa)->sin6_port = htons((uint16_t)port);
    }
}

/* The first free port of the range. */
static bool bind_range(const struct socket_address *a, int fd, struct sockaddr_storage *sa,
                       socklen_t len)
{
    unsigned first = a->kind == SOCKET_ADDRESS_INET ? (unsigned)strtoul(a->port, NULL, 0) : 0;

    for (unsigned port = first; port <= MAX(first, a->last_port); port++) {
        if (a->kind == SOCKET_ADDRESS_INET) {
            set_port(sa, port);
        }
        if (bind(fd, (struct sockaddr *)sa, len) == 0) {
            return true;
        }
    }
    return false;
}

int socket_bind(const struct socket_address *a, int type, GError **error)
{
    struct sockaddr_storage sa;
    struct stat st;
    socklen_t len;
    int fd, on = 1;

    if (!socket_address_resolve(a, type, true, &sa, &len, error)) {
        return -1;
    }
    if (a->kind == SOCKET_ADDRESS_UNIX && !a->abstract && lstat(a->path, &st) == 0 &&
        S_ISSOCK(st.st_mode)) {
        unlink(a->path);
    }
    fd = socket(sa.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        set_errno_error(error, "Failed to create a socket");
        return -1;
    }
    if (sa.ss_family != AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    if (!bind_range(a, fd, &sa, len) || (type == SOCK_STREAM && listen(fd, 1) < 0)) {
        if (a->kind == SOCKET_ADDRESS_UNIX) {
            set_errno_error(error, "Failed to bind socket to %s", a->path);
        } else {
            set_errno_error(error, "Failed to find an available port at '%s:%s'", a->host, a->port);
        }
        close(fd);
        return -1;
    }
    return fd;
}

static int connect_to(const struct sockaddr *sa, socklen_t len, int type)
{
    int fd = socket(sa->sa_family, type | SOCK_CLOEXEC, 0), why;

    if (fd >= 0 && connect(fd, sa, len) < 0) {
        why = errno;
        close(fd);
        errno = why;
        fd = -1;
    }
    return fd;
}

int socket_connect(const struct socket_address *a, int type, GError **error)
{
    struct sockaddr_storage sa;
    struct addrinfo *list;
    socklen_t len;
    int fd = -1;

    if (a->kind == SOCKET_ADDRESS_UNIX) {
        fill_unix(a, &sa, &len);
        fd = connect_to((struct sockaddr *)&sa, len, type);
        if (fd < 0) {
            set_errno_error(error, "Failed to connect to '%s'", a->path);
        }
        return fd;
    }
    list = socket_look_up(a, type, false, error);
    if (!list) {
        return -1;
    }
    for (const struct addrinfo *i = list; i && fd < 0; i = i->ai_next) {
        fd = connect_to(i->ai_addr, i->ai_addrlen, type);
    }
    if (fd < 0) {
        set_errno_error(error, "Failed to connect to '%s:%s'", a->host, a->port);
    }
    freeaddrinfo(list);
    return fd;
}

int socket_take_fd(const char *text, int type, GError **error)
{
    uint64_t n;
    int have, flags;
    socklen_t len = sizeof(have);

    if (!parse_uint(text, 3, INT32_MAX, &n)) {
        set_error(error, "Unable to parse FD number %s: must be a file descriptor's, from 3 on",
                  text);
        return -1;
    }
    flags = fcntl((int)n, F_GETFL);
    if (flags < 0 || getsockopt((int)n, SOL_SOCKET, SO_TYPE, &have, &len) < 0 ||
        (type && have != type)) {
        set_error(error, "File descriptor '%s' is not a %s", text,
                  type == SOCK_STREAM  ? "stream socket"
                  : type == SOCK_DGRAM ? "datagram socket"
                                       : "socket");
        return -1;
    }
    fcntl((int)n, F_SETFL, flags | O_NONBLOCK);
    fcntl((int)n, F_SETFD, FD_CLOEXEC);
    return (int)n;
}
