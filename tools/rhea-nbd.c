/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tools/rhea-nbd.c: exports an image over NBD: options, and the life of the server.
 * Thread: signals are blocked in every thread and read from a descriptor by the main one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "block/driver.h"
#include "block/nbd_proto.h"
#include "block/nbd_server.h"
#include "tools/img.h"
#include "tools/nbd_list.h"
#include "util/error.h"
#include "util/log.h"

#define MAX_CLIENTS 1024

struct nbd {
    struct img_common common;
    const char *port, *bind, *socket, *snapshot_param, *discard, *detect_zeroes, *name,
        *description, *bitmap, *pid_file, *connect, *tls;
    uint64_t offset, shared;
    bool read_only, snapshot, no_cache, persistent, list, allocation_depth, fork, verbose, version,
        disconnect;
};

/* clang-format off */
static const struct tool_option nbd_rows[] = {
    TOOL_ROW_LIST  (struct nbd, "object", 0, "OBJECTDEF", common.objects, "secret,id=ID,data=TEXT|file=PATH: for encrypted images; throttle-group,id=ID,x-bps-total=N: for the driver throttle"),
    TOOL_ROW_STRING(struct nbd, "port", 'p', "PORT", port, "TCP port to listen on [10809]"),
    TOOL_ROW_SIZE  (struct nbd, "offset", 'o', "OFFSET", offset, 0, INT64_MAX, "the first byte of the image to export", "Invalid offset '%s'"),
    TOOL_ROW_STRING(struct nbd, "bind", 'b', "IFACE", bind, "address to listen on [0.0.0.0]"),
    TOOL_ROW_STRING(struct nbd, "socket", 'k', "PATH", socket, "listen on a UNIX socket instead"),
    TOOL_ROW_FLAG  (struct nbd, "image-opts", 0, common.image_opts, "FILE is a list of options: driver=qcow2,file.filename=a"),
    TOOL_ROW_STRING(struct nbd, "format", 'f', "FMT", common.format, "format of the image [found out]"),
    TOOL_ROW_FLAG  (struct nbd, "read-only", 'r', read_only, "clients may not write"),
    TOOL_ROW_FLAG  (struct nbd, "allocation-depth", 'A', allocation_depth, "tell which image of the chain has what"),
    TOOL_ROW_STRING(struct nbd, "bitmap", 'B', "NAME", bitmap, "expose a persistent dirty bitmap"),
    TOOL_ROW_FLAG  (struct nbd, "snapshot", 's', snapshot, "what is written goes to a temporary file"),
    TOOL_ROW_STRING(struct nbd, "load-snapshot", 'l', "SNAPSHOT_PARAM", snapshot_param, "export an internal snapshot, read-only"),
    TOOL_ROW_STRING(struct nbd, "cache", 0, "CACHE", common.cache, "none, writeback, writethrough, directsync or unsafe"),
    TOOL_ROW_FLAG  (struct nbd, "nocache", 'n', no_cache, "the same as --cache=none"),
    IMG_ROW_AIO(struct nbd, 0),
    TOOL_ROW_STRING(struct nbd, "discard", 0, "DISCARD", discard, "ignore or unmap [ignore]"),
    TOOL_ROW_STRING(struct nbd, "detect-zeroes", 0, "DETECT_ZEROES", detect_zeroes, "off, on or unmap [off]"),
    TOOL_ROW_UINT  (struct nbd, "shared", 'e', "NUM", shared, 0, MAX_CLIENTS, "clients at a time [1]; 0: no limit", "Invalid shared device number '%s'"),
    TOOL_ROW_FLAG  (struct nbd, "persistent", 't', persistent, "stay when the last client has left"),
    TOOL_ROW_STRING(struct nbd, "export-name", 'x', "NAME", name, "name of the export ['']"),
    TOOL_ROW_STRING(struct nbd, "description", 'D', "TEXT", description, "what the export is, for people"),
    TOOL_ROW_FLAG  (struct nbd, "list", 'L', list, "ask a server what it exports"),
    TOOL_ROW_STRING(struct nbd, "connect", 'c', "DEV", connect, "not supported: see nbd-client(8)"),
    TOOL_ROW_FLAG  (struct nbd, "disconnect", 'd', disconnect, "not supported: see nbd-client(8)"),
    TOOL_ROW_STRING(struct nbd, "tls-creds", 0, "ID", tls, "not supported yet"),
    TOOL_ROW_FLAG  (struct nbd, "fork", 0, fork, "return when the server listens"),
    TOOL_ROW_STRING(struct nbd, "pid-file", 0, "PATH", pid_file, "write the server's process id there"),
    TOOL_ROW_FLAG  (struct nbd, "verbose", 'v', verbose, "tell what happens"),
    TOOL_ROW_FLAG  (struct nbd, "version", 'V', version, "print the version"),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};
/* clang-format on */

/* NULL: the options go together. */
static const char *misuse(const struct nbd *n, int operands)
{
    return n->connect || n->disconnect
               ? "devices of the kernel are not supported: export over a socket and use nbd-client"
           : n->tls ? "TLS is not supported yet"
           : n->list && (operands || n->name || n->read_only || n->common.format)
               ? "List mode is incompatible with a file name and the options of an export"
           : !n->list && operands != 1 ? "Invalid number of arguments"
           : n->socket && (n->port || n->bind)
               ? "--socket cannot be used together with --port or --bind"
           : n->snapshot && n->snapshot_param
               ? "--snapshot and --load-snapshot are mutually exclusive"
           : n->name && strlen(n->name) > NBD_MAX_NAME ? "the name of the export is too long"
           : n->description && strlen(n->description) > NBD_MAX_NAME ? "the description is too long"
                                                                     : NULL;
}

/* The image ------------------------------------------------------------------------------------- */

static struct block_node *open_image(const struct nbd *n, struct block_graph *graph,
                                     const char *name)
{
    g_autoptr(block_options) options = block_options_new();
    struct block_open_options o = {
        .format = n->common.format,
        .options = options,
        .graph = graph,
        .read_only = n->read_only || n->snapshot_param,
        .snapshot = n->snapshot,
        .aio = n->common.aio,
        .discard =
            n->discard && (strcmp(n->discard, "unmap") == 0 || strcmp(n->discard, "on") == 0),
        .cache = n->no_cache ? BLOCK_CACHE_NONE : BLOCK_CACHE_WRITEBACK,
    };
    struct block_node *node = NULL;
    GError *error = NULL;

    if (n->common.cache && !img_cache(n->common.cache, &o.cache)) {
        report_error("Invalid cache mode `%s'", n->common.cache);
        return NULL;
    }
    if (!img_check_aio(n->common.aio)) {
        return NULL;
    }
    if (n->detect_zeroes) {
        block_options_set(options, "detect-zeroes", n->detect_zeroes);
    }
    if (!n->common.image_opts || block_options_parse_any(options, name, NULL, &error)) {
        o.filename = n->common.image_opts ? NULL : name;
        node = block_node_open(&o, &error);
    }
    if (!node) {
        tool_error(&error, "Failed to open '%s'", name);
        return NULL;
    }
    if (n->snapshot_param &&
        !block_snapshot_load(node, img_snapshot_param(n->snapshot_param), &error)) {
        tool_error(&error, "Failed to load snapshot");
        block_node_close(node);
        return NULL;
    }
    return node;
}

/* False after a message. */
static bool find_bitmap(const GPtrArray *all, const char *name, const struct block_bitmap **out)
{
    for (unsigned i = 0; all && i < all->len; i++) {
        *out = g_ptr_array_index(all, i);
        if (strcmp((*out)->name, name) == 0) {
            return true;
        }
    }
    report_error("Bitmap '%s' is not found", name);
    return false;
}

/* The server ------------------------------------------------------------------------------------ */

static bool write_pid(const char *path)
{
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    g_autoptr(GError) error = NULL;

    if (path && !g_file_set_contents(path, text, -1, &error)) {
        report_error("Failed to store PID file: %s", error->message);
        return false;
    }
    return true;
}

static int signals_fd(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* The parent waits for the child's byte: the server listens.  In the child: where to write it. */
static int fork_server(int *status)
{
    int pipe_fds[2];
    char byte;
    pid_t child;

    *status = 1;
    if (pipe(pipe_fds) != 0 || (child = fork()) < 0) {
        report_error("Failed to fork: %s", g_strerror(errno));
        return -1;
    }
    if (child == 0) {
        close(pipe_fds[0]);
        setsid();
        return pipe_fds[1];
    }
    close(pipe_fds[1]);
    *status = read(pipe_fds[0], &byte, 1) == 1 ? 0 : 1;
    return -1;
}

static void tell_parent(int fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        return;
    }
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    (void)!write(fd, "", 1);
    close(fd);
}

static int serve(const struct nbd *n, struct block_node *node, const struct block_bitmap *bitmap,
                 int parent)
{
    struct nbd_export export = { .name = n->name ? n->name : "",
                                 .description = n->description,
                                 .node = node,
                                 .offset = n->offset,
                                 .size = node->size - MIN(n->offset, node->size),
                                 .read_only = node->read_only || n->read_only,
                                 .allocation_depth = n->allocation_depth,
                                 .bitmap = bitmap };
    struct nbd_server *server;
    GError *error = NULL;
    int listener, stop = signals_fd();

    if (n->offset > node->size) {
        report_error("Offset (%" G_GUINT64_FORMAT
                     ") has to be smaller than the image size (%" G_GUINT64_FORMAT ")",
                     n->offset, node->size);
        return 1;
    }
    listener = n->socket ? nbd_listen_unix(n->socket, &error)
                         : nbd_listen_tcp(n->bind ? n->bind : "0.0.0.0",
                                          n->port ? n->port : NBD_DEFAULT_PORT, &error);
    if (listener < 0) {
        return tool_error(&error, NULL);
    }
    server = nbd_server_new(listener, (unsigned)n->shared);
    nbd_server_add(server, &export, NULL); /* there is no other one */
    if (!write_pid(n->pid_file)) {
        nbd_server_free(server);
        return 1;
    }
    if (n->verbose) {
        fprintf(stderr, "NBD server listening on %s\n",
                n->socket ? n->socket
                : n->port ? n->port
                          : NBD_DEFAULT_PORT);
    }
    tell_parent(parent);
    nbd_server_run(server, stop, n->persistent);
    nbd_server_free(server);
    if (n->socket) {
        unlink(n->socket);
    }
    if (n->pid_file) {
        unlink(n->pid_file);
    }
    return 0;
}

static int run_server(struct nbd *n, const char *name)
{
    g_autoptr(block_graph) graph = img_graph(&n->common);
    g_autoptr(GPtrArray) bitmaps = NULL;
    const struct block_bitmap *bitmap = NULL;
    struct block_node *node;
    int status = 1, parent = n->fork ? fork_server(&status) : -1;

    if (!graph || (n->fork && parent < 0)) {
        return status;
    }
    node = open_image(n, graph, name);
    if (!node) {
        return 1;
    }
    if (n->bitmap) {
        bitmaps = block_bitmaps(node);
    }
    status =
        n->bitmap && !find_bitmap(bitmaps, n->bitmap, &bitmap) ? 1 : serve(n, node, bitmap, parent);
    return img_close(node) ? status : 1;
}

int main(int argc, char **argv)
{
    struct nbd n = { .shared = 1 };
    struct tool_command self = {
        .operands = "FILE",
        .summary = "Exports a disk image over the Network Block Device protocol.",
        .options = nbd_rows,
        .details =
            "Without --persistent the server ends when its last client has left.\n\nExamples:\n"
            "  rhea-nbd -f qcow2 -k /tmp/disk.sock disk.qcow2\n"
            "  rhea-nbd --fork -t -e 5 -r -f raw -p 10810 disk.raw\n"
            "  rhea-nbd -L -b localhost -p 10810\n",
    };
    const char *wrong;
    int at;

    tool_start(argv);
    self.name = g_get_prgname();
    at = tool_parse(&self, argc, argv, &n);
    if (at < 0) {
        return at == -2 ? 0 : 1;
    }
    if (n.version) {
        tool_print_version();
        return 0;
    }
    wrong = misuse(&n, argc - at);
    if (wrong) {
        return tool_usage_error("%s", wrong);
    }
    return n.list ? nbd_list(n.socket, n.bind ? n.bind : "localhost",
                             n.port ? n.port : NBD_DEFAULT_PORT)
                  : run_server(&n, argv[at]);
}
