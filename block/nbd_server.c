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

#define POOL_THREADS 8 /* a client: who does not read replies holds up nobody else */
#define BACKLOG      16

struct nbd_server {
    int listener, left; /* left: an eventfd, written when a client goes */
    unsigned max_clients;
    struct nbd_exports exports; /* its mutex guards the rest, too */
    GPtrArray *clients;
    pthread_cond_t gone; /* some client is */
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
    pthread_mutex_lock(&c->server->exports.mutex);
    c->gone = true;
    pthread_cond_broadcast(&c->server->gone);
    pthread_mutex_unlock(&c->server->exports.mutex);
    (void)!write(c->server->left, &one, sizeof(one));
    return NULL;
}

static void client_free(gpointer data)
{
    struct client *c = data;

    g_thread_join(c->thread);
    g_thread_pool_free(c->session.pool, FALSE, TRUE);
    nbd_export_unref(c->session.export);
    nbd_export_unref(c->session.context_export);
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
    c->session.exports = &s->exports;
    c->session.pool = g_thread_pool_new(nbd_run_request, NULL, POOL_THREADS, FALSE, NULL);
    pthread_mutex_init(&c->session.mutex, NULL);
    pthread_cond_init(&c->session.finished, NULL);
    pthread_mutex_lock(&s->exports.mutex);
    c->thread = g_thread_try_new("nbd", serve_client, c, NULL);
    if (c->thread) {
        g_ptr_array_add(s->clients, c);
    }
    pthread_mutex_unlock(&s->exports.mutex);
    if (!c->thread) {
        close(fd);
        g_thread_pool_free(c->session.pool, FALSE, TRUE);
        pthread_mutex_destroy(&c->session.mutex);
        pthread_cond_destroy(&c->session.finished);
        g_free(c);
    }
}

/* How many are left. */
static unsigned remove_gone(struct nbd_server *s)
{
    g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(client_free);
    unsigned left;

    pthread_mutex_lock(&s->exports.mutex);
    for (unsigned i = 0; i < s->clients->len;) {
        struct client *c = g_ptr_array_index(s->clients, i);

        if (c->gone) {
            g_ptr_array_add(gone, g_ptr_array_steal_index_fast(s->clients, i));
        } else {
            i++;
        }
    }
    left = s->clients->len;
    pthread_mutex_unlock(&s->exports.mutex);
    return left;
}

/* Exports --------------------------------------------------------------------------------------- */

static void clear_export(gpointer p)
{
    struct nbd_export *e = p;

    g_free((char *)e->name);
    g_free((char *)e->description);
    g_free((char *)e->bitmap_name);
}

void nbd_export_unref(struct nbd_export *e)
{
    if (e) {
        g_atomic_rc_box_release_full(e, clear_export);
    }
}

/* Its place in the list, or -1.  Under the mutex. */
static int index_of(const struct nbd_exports *all, const void *name, size_t len)
{
    for (unsigned i = 0; i < all->list->len; i++) {
        const struct nbd_export *e = g_ptr_array_index(all->list, i);

        if (strlen(e->name) == len && memcmp(e->name, name, len) == 0) {
            return (int)i;
        }
    }
    return -1;
}

struct nbd_export *nbd_export_find(struct nbd_exports *all, const void *name, size_t len)
{
    struct nbd_export *e = NULL;
    int i;

    pthread_mutex_lock(&all->mutex);
    i = index_of(all, name, len);
    if (i >= 0) {
        e = g_atomic_rc_box_acquire(g_ptr_array_index(all->list, i));
    }
    pthread_mutex_unlock(&all->mutex);
    return e;
}

GPtrArray *nbd_export_list(struct nbd_exports *all)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)nbd_export_unref);

    pthread_mutex_lock(&all->mutex);
    for (unsigned i = 0; i < all->list->len; i++) {
        g_ptr_array_add(list, g_atomic_rc_box_acquire(g_ptr_array_index(all->list, i)));
    }
    pthread_mutex_unlock(&all->mutex);
    return list;
}

bool nbd_export_choose(struct nbd_session *s, struct nbd_export *e)
{
    bool listed;

    pthread_mutex_lock(&s->exports->mutex);
    listed = g_ptr_array_find(s->exports->list, e, NULL);
    if (listed) {
        s->export = g_atomic_rc_box_acquire(e);
    }
    pthread_mutex_unlock(&s->exports->mutex);
    return listed;
}

bool nbd_server_add(struct nbd_server *s, const struct nbd_export *e, GError **error)
{
    struct nbd_export *own;
    bool taken;

    pthread_mutex_lock(&s->exports.mutex);
    taken = index_of(&s->exports, e->name, strlen(e->name)) >= 0;
    if (!taken) {
        own = g_atomic_rc_box_new(struct nbd_export);
        *own = *e;
        own->name = g_strdup(e->name);
        own->description = g_strdup(e->description);
        own->bitmap_name = e->bitmap ? g_strdup(e->bitmap->name) : NULL;
        g_ptr_array_add(s->exports.list, own);
    }
    pthread_mutex_unlock(&s->exports.mutex);
    if (taken) {
        set_error(error, "NBD server already has export named '%s'", e->name);
    }
    return !taken;
}

/* How many clients work on it; `cut`: and are disconnected.  Under the mutex. */
static unsigned users_of(struct nbd_server *s, const struct nbd_export *e, bool cut)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->clients->len; i++) {
        struct client *c = g_ptr_array_index(s->clients, i);

        if (c->session.export == e && !c->gone) {
            n++;
            if (cut) {
                shutdown(c->session.fd, SHUT_RDWR);
            }
        }
    }
    return n;
}

bool nbd_server_remove(struct nbd_server *s, const char *name, bool hard, GError **error)
{
    struct nbd_export *e = NULL;
    bool ok = true;
    int i;

    pthread_mutex_lock(&s->exports.mutex);
    i = index_of(&s->exports, name, strlen(name));
    if (i < 0) {
        set_error(error, "Export '%s' is not found", name);
        ok = false;
    } else if (!hard && users_of(s, g_ptr_array_index(s->exports.list, i), false)) {
        set_error(error, "export '%s' still in use", name);
        ok = false;
    } else {
        e = g_ptr_array_steal_index(s->exports.list, i);
        while (users_of(s, e, true)) {
            pthread_cond_wait(&s->gone, &s->exports.mutex);
        }
    }
    pthread_mutex_unlock(&s->exports.mutex);
    nbd_export_unref(e);
    return ok;
}

/* The server ------------------------------------------------------------------------------------ */

struct nbd_server *nbd_server_new(int listener, unsigned max_clients)
{
    struct nbd_server *s = g_new0(struct nbd_server, 1);

    s->listener = listener;
    s->left = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->exports.list = g_ptr_array_new_with_free_func((GDestroyNotify)nbd_export_unref);
    s->max_clients = max_clients;
    s->clients = g_ptr_array_new_with_free_func(client_free);
    pthread_mutex_init(&s->exports.mutex, NULL);
    pthread_cond_init(&s->gone, NULL);
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
            if (remove_gone(s) == 0 && !persistent &&
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
    g_ptr_array_unref(s->exports.list);
    close(s->listener);
    close(s->left);
    pthread_mutex_destroy(&s->exports.mutex);
    pthread_cond_destroy(&s->gone);
    g_free(s);
}
