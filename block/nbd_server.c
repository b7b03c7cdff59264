/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/nbd_server.c: listening for NBD clients, and their coming and going.  Thread: see the header. */
#include "block/nbd_server.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "block/nbd_session.h"
#include "util/error.h"

#define POOL_THREADS 8
#define BACKLOG      16

struct nbd_server {
    int listener, left; /* left: an eventfd, written when a client goes */
    const struct nbd_export *exports;
    unsigned n_exports, max_clients;
    GThreadPool *pool;
    pthread_mutex_t mutex; /* guards the rest */
    GPtrArray *clients;
    unsigned served;
};

struct client {
    struct nbd_server *server;
    struct nbd_session session;
    GThread *thread;
    bool gone;
};

/* Bytes ----------------------------------------------------------------------------------------- */

bool nbd_receive(int fd, void *buf, size_t len)
{
    uint8_t *at = buf;

    while (len > 0) {
        ssize_t n = recv(fd, at, len, 0);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

bool nbd_send(int fd, const void *buf, size_t len)
{
    const uint8_t *at = buf;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* Listening ------------------------------------------------------------------------------------- */

int nbd_listen_unix(const char *path, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd;

    if (strlen(path) >= sizeof(address.sun_path)) {
        set_error(error, "UNIX socket path '%s' is too long: at most %zu bytes", path,
                  sizeof(address.sun_path) - 1);
        return -1;
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        set_errno_error(error, "Failed to create socket");
        return -1;
    }
    unlink(path);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, BACKLOG) != 0) {
        set_errno_error(error, "Failed to bind socket to %s", path);
        close(fd);
        return -1;
    }
    return fd;
}

static int listen_at(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol), on = 1, saved;

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
        return fd;
    }
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int nbd_listen_tcp(const char *address, const char *port, GError **error)
{
    struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM }, *all;
    int fd = -1, ret = getaddrinfo(address, port, &hints, &all);

    if (ret != 0) {
        set_error(error, "address resolution failed for %s:%s: %s", address, port,
                  gai_strerror(ret));
        return -1;
    }
    for (const struct addrinfo *a = all; a && fd < 0; a = a->ai_next) {
        fd = listen_at(a);
    }
    if (fd < 0) {
        set_errno_error(error, "Failed to listen on %s:%s", address, port);
    }
    freeaddrinfo(all);
    return fd;
}

/* Clients --------------------------------------------------------------------------------------- */

static gpointer serve_client(gpointer opaque)
{
    struct client *c = opaque;
    uint64_t one = 1;

    if (nbd_handshake(&c->session)) {
        nbd_serve(&c->session);
        __atomic_add_fetch(&c->server->served, 1, __ATOMIC_RELAXED);
    }
    shutdown(c->session.fd, SHUT_RDWR);
    pthread_mutex_lock(&c->server->mutex);
    c->gone = true;
    pthread_mutex_unlock(&c->server->mutex);
    (void)!write(c->server->left, &one, sizeof(one));
    return NULL;
}

static void client_free(gpointer data)
{
    struct client *c = data;

    g_thread_join(c->thread);
    close(c->session.fd);
    pthread_mutex_destroy(&c->session.mutex);
    pthread_cond_destroy(&c->session.finished);
    g_free(c);
}

static void accept_client(struct nbd_server *s)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC), on = 1;
    struct client *c;

    if (fd < 0) {
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* no error on UNIX sockets counts */
    c = g_new0(struct client, 1);
    c->server = s;
    c->session.fd = fd;
    c->session.exports = s->exports;
    c->session.n_exports = s->n_exports;
    c->session.pool = s->pool;
    pthread_mutex_init(&c->session.mutex, NULL);
    pthread_cond_init(&c->session.finished, NULL);
    g_ptr_array_add(s->clients, c);
    c->thread = g_thread_new("nbd", serve_client, c);
}

static void remove_gone(struct nbd_server *s)
{
    for (unsigned i = 0; i < s->clients->len;) {
        struct client *c = g_ptr_array_index(s->clients, i);
        bool gone;

        pthread_mutex_lock(&s->mutex);
        gone = c->gone;
        pthread_mutex_unlock(&s->mutex);
        if (gone) {
            g_ptr_array_remove_index_fast(s->clients, i);
        } else {
            i++;
        }
    }
}

struct nbd_server *nbd_server_new(int listener, const struct nbd_export *exports, unsigned n,
                                  unsigned max_clients)
{
    struct nbd_server *s = g_new0(struct nbd_server, 1);

    s->listener = listener;
    s->left = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->exports = exports;
    s->n_exports = n;
    s->max_clients = max_clients;
    s->clients = g_ptr_array_new_with_free_func(client_free);
    s->pool = g_thread_pool_new(nbd_run_request, NULL, POOL_THREADS, FALSE, NULL);
    pthread_mutex_init(&s->mutex, NULL);
    return s;
}

void nbd_server_run(struct nbd_server *s, int stop_fd, bool persistent)
{
    for (;;) {
        bool full = s->max_clients && s->clients->len >= s->max_clients;
        struct pollfd fds[] = { { stop_fd, POLLIN, 0 },
                                { s->left, POLLIN, 0 },
                                { full ? -1 : s->listener, POLLIN, 0 } };
        uint64_t count;

        if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 && errno != EINTR) {
            return;
        }
        if (fds[0].revents) {
            return;
        }
        if (fds[1].revents) {
            (void)!read(s->left, &count, sizeof(count));
            remove_gone(s);
            if (!persistent && s->clients->len == 0 &&
                __atomic_load_n(&s->served, __ATOMIC_RELAXED) > 0) {
                return;
            }
        }
        if (fds[2].revents) {
            accept_client(s);
        }
    }
}

void nbd_server_free(struct nbd_server *s)
{
    for (unsigned i = 0; i < s->clients->len; i++) {
        struct client *c = g_ptr_array_index(s->clients, i);

        shutdown(c->session.fd, SHUT_RDWR);
    }
    g_ptr_array_unref(s->clients);
    g_thread_pool_free(s->pool, FALSE, TRUE);
    close(s->listener);
    close(s->left);
    pthread_mutex_destroy(&s->mutex);
    g_free(s);
}
