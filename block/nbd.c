/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/nbd.c: the protocol `nbd`: a disk that another program serves, through libnbd.
 *
 * Names: nbd://HOST[:PORT]/EXPORT, nbds://..., nbd+unix:///EXPORT?socket=PATH, nbd:HOST:PORT[:exportname=NAME],
 * nbd:unix:PATH[:exportname=NAME].
 * Thread: any; libnbd lets one call at a time onto a connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "block/driver.h"
#include "config.h"
#include "util/error.h"
#if CONFIG_NBD
#include <libnbd.h>

/* Servers must take this much; most take no more. */
#define MAX_TRANSFER (32u << 20)

struct nbd_node {
    struct block_node node;
    struct nbd_handle *nbd;
    bool has_status;
    int fd; /* the socket once more, for block_nbd_cut; -1: none */
};

/* clang-format off */
static const struct block_option_row nbd_options[] = {
    { "filename", BLOCK_OPTION_STRING, NULL, "the name" },
    { "uri",      BLOCK_OPTION_STRING, NULL, "the name, for libnbd" },
    { "export",   BLOCK_OPTION_STRING, "",   "which of the server's disks" },
    { "host",     BLOCK_OPTION_STRING, NULL, "the server" },
    { "port",     BLOCK_OPTION_STRING, "10809", "TCP port" },
    { "path",     BLOCK_OPTION_STRING, NULL, "socket in the file system" },
    { "server",   BLOCK_OPTION_TREE,   NULL, "type=inet,host=,port= or type=unix,path=" },
    { 0 }
};
/* clang-format on */

/* nbd:unix:PATH or nbd:HOST:PORT, then maybe :exportname=NAME */
static bool parse_old(const char *name, struct block_options *options, GError **error)
{
    const char *export = strstr(name, ":exportname=");
    g_autofree char *server = export ? g_strndup(name, (size_t)(export - name)) : g_strdup(name);
    char *colon = strrchr(server, ':');

    if (export) {
        block_options_set(options, "export", export + strlen(":exportname="));
    }
    if (g_str_has_prefix(server, "unix:")) {
        block_options_set(options, "path", server + strlen("unix:"));
        return true;
    }
    if (!colon || colon == server) {
        set_error(error, "nbd:%s: give it nbd:HOST:PORT or nbd:unix:PATH", name);
        return false;
    }
    *colon = '\0';
    block_options_set(options, "host", server);
    block_options_set(options, "port", colon + 1);
    return true;
}

static bool nbd_parse(const char *filename, struct block_options *options, GError **error)
{
    block_options_set(options, "filename", filename);
    if (g_str_has_prefix(filename, "nbd:") && !g_str_has_prefix(filename, "nbd://")) {
        return parse_old(filename + strlen("nbd:"), options, error);
    }
    block_options_set(options, "uri", filename);
    return true;
}

static bool fail(GError **error, const char *what)
{
    set_error(error, "%s: %s", what, nbd_get_error());
    return false;
}

/* "server.path" or "path" */
static const char *either(const struct block_options *o, const char *name)
{
    g_autofree char *long_name = g_strdup_printf("server.%s", name);
    const char *value = block_options_get(o, long_name);

    return value ? value : block_option_string(o, nbd_options, name);
}

static bool connect_to(struct nbd_node *n, const struct block_options *o, GError **error)
{
    const char *uri = block_options_get(o, "uri"), *path = either(o, "path"),
               *host = either(o, "host");
    int ret;

    nbd_add_meta_context(n->nbd, LIBNBD_CONTEXT_BASE_ALLOCATION);
    if (uri) {
        nbd_set_uri_allow_local_file(n->nbd, true);
        ret = nbd_connect_uri(n->nbd, uri);
    } else if (!path && !host) {
        set_error(error, "nbd: 'host' or 'path' is missing");
        return false;
    } else if (nbd_set_export_name(n->nbd, block_option_string(o, nbd_options, "export")) != 0) {
        return fail(error, "nbd: export");
    } else {
        ret = path ? nbd_connect_unix(n->nbd, path)
                   : nbd_connect_tcp(n->nbd, host, either(o, "port"));
    }
    return ret == 0 || fail(error, "Could not connect");
}

static bool nbd_node_open(struct block_node *node, const struct block_open_options *o,
                          GError **error)
{
    struct nbd_node *n = (struct nbd_node *)node;
    int64_t size;

    n->fd = -1;
    n->nbd = nbd_create();
    if (!n->nbd) {
        return fail(error, "nbd");
    }
    if (!connect_to(n, o->options, error)) {
        return false;
    }
    n->fd = fcntl(nbd_aio_get_fd(n->nbd), F_DUPFD_CLOEXEC, 0);
    size = nbd_get_size(n->nbd);
    if (size < 0) {
        return fail(error, "nbd: size");
    }
    node->size = (uint64_t)size;
    node->read_only = o->read_only;
    if (!node->read_only && nbd_is_read_only(n->nbd) > 0) {
        if (!o->auto_read_only) {
            set_error(error, "%s: the server's disk is read-only", node->filename);
            return false;
        }
        node->read_only = true;
    }
    n->has_status = nbd_can_meta_context(n->nbd, LIBNBD_CONTEXT_BASE_ALLOCATION) > 0;
    return true;
}

static void nbd_node_close(struct block_node *node)
{
    struct nbd_node *n = (struct nbd_node *)node;

    if (n->nbd) {
        (void)nbd_shutdown(n->nbd, 0);
        nbd_close(n->nbd);
        if (n->fd >= 0) {
            close(n->fd);
        }
    }
}

void block_nbd_cut(struct block_node *node)
{
    (void)shutdown(((struct nbd_node *)node)->fd, SHUT_RDWR);
}

static int result(int ret)
{
    return ret == 0 ? 0 : nbd_get_errno() ? -nbd_get_errno() : -EIO;
}

static int nbd_transfer(struct block_node *node, bool write, uint64_t offset,
                        const struct iovec *iov, int n)
{
    struct nbd_handle *nbd = ((struct nbd_node *)node)->nbd;
    int ret = 0;

    for (int i = 0; i < n; i++) {
        for (size_t done = 0, len; done < iov[i].iov_len && ret == 0; done += len, offset += len) {
            char *at = (char *)iov[i].iov_base + done;

            len = MIN(iov[i].iov_len - done, MAX_TRANSFER);
            ret = result(write ? nbd_pwrite(nbd, at, len, offset, 0)
                               : nbd_pread(nbd, at, len, offset, 0));
        }
    }
    return ret;
}

static int nbd_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    return nbd_transfer(node, false, offset, iov, n);
}

static int nbd_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    return nbd_transfer(node, true, offset, iov, n);
}

static int nbd_node_flush(struct block_node *node)
{
    struct nbd_handle *nbd = ((struct nbd_node *)node)->nbd;

    return nbd_can_flush(nbd) > 0 ? result(nbd_flush(nbd, 0)) : 0;
}

static int nbd_discard(struct block_node *node, uint64_t offset, uint64_t bytes)
{
    struct nbd_handle *nbd = ((struct nbd_node *)node)->nbd;
    int ret = 0;

    for (uint64_t len; bytes && ret == 0 && nbd_can_trim(nbd) > 0; offset += len, bytes -= len) {
        len = MIN(bytes, 1u << 30);
        ret = result(nbd_trim(nbd, len, offset, 0));
    }
    return ret;
}

static int nbd_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes,
                            unsigned flags)
{
    struct nbd_handle *nbd = ((struct nbd_node *)node)->nbd;
    int ret = nbd_can_zero(nbd) > 0 ? 0 : -ENOTSUP;

    for (uint64_t len; bytes && ret == 0; offset += len, bytes -= len) {
        len = MIN(bytes, 1u << 30);
        ret = result(
            nbd_zero(nbd, len, offset, flags & BLOCK_MAY_UNMAP ? 0 : LIBNBD_CMD_FLAG_NO_HOLE));
    }
    return ret;
}

struct extent {
    uint32_t bytes, flags;
    bool found;
};

static int take_extent(void *opaque, const char *context, uint64_t offset, uint32_t *entries,
                       size_t n, int *error)
{
    struct extent *e = opaque;

    (void)offset, (void)error;
    if (strcmp(context, LIBNBD_CONTEXT_BASE_ALLOCATION) == 0 && n >= 2 && entries[0]) {
        *e = (struct extent){ entries[0], entries[1], true };
    }
    return 0;
}

static int nbd_status(struct block_node *node, uint64_t offset, uint64_t bytes,
                      struct block_status *out)
{
    struct nbd_node *n = (struct nbd_node *)node;
    struct extent e = { 0 };

    out->flags = BLOCK_DATA | BLOCK_ALLOCATED | BLOCK_OFFSET_VALID;
    out->host_offset = offset;
    out->file = node;
    if (n->has_status &&
        nbd_block_status(n->nbd, MIN(bytes, 1u << 30), offset,
                         (nbd_extent_callback){ .callback = take_extent, .user_data = &e },
                         LIBNBD_CMD_FLAG_REQ_ONE) == 0 &&
        e.found) {
        out->bytes = MIN(bytes, e.bytes);
        if (e.flags & LIBNBD_STATE_ZERO) {
            out->flags ^= BLOCK_DATA | BLOCK_ZERO;
        }
    }
    return 0;
}

static int64_t nbd_allocated(struct block_node *node)
{
    (void)node;
    return -1;
}

const struct block_driver block_nbd = {
    .name = "nbd",
    .summary = "a disk that another program serves",
    .set_active = block_set_active_nothing,
    .protocol = true,
    .prefixes = "nbd:|nbds:|nbd+unix:|nbds+unix:",
    .size = sizeof(struct nbd_node),
    .open_options = nbd_options,
    .parse_filename = nbd_parse,
    .open = nbd_node_open,
    .close = nbd_node_close,
    .read = nbd_read,
    .write = nbd_write,
    .flush = nbd_node_flush,
    .discard = nbd_discard,
    .write_zeroes = nbd_write_zeroes,
    .status = nbd_status,
    .allocated = nbd_allocated,
};
#else
const struct block_driver block_nbd = {
    .name = "nbd",
    .summary = "a disk that another program serves",
    .refused = "Rhea was built without libnbd (Debian package libnbd-dev)",
    .protocol = true,
};

void block_nbd_cut(struct block_node *node)
{
    (void)node; /* there are none */
}
#endif
