/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/fs/p9.c: messages of 9P2000.L, one row each; fids.  See p9.h, also for the thread. */
#include "hw/fs/p9.h"

#include <errno.h>
#include <unistd.h>

#define HEADER  7u
#define RLERROR 7u
/* Messages before anything is agreed. */
#define FIRST_MSIZE 8192u

static void forget_all(struct p9 *s);

static int version(struct p9 *s, struct p9_call *c)
{
    bool known = strcmp(c->text[0], "9P2000.L") == 0;

    if (c->n[0] < P9_MIN_MSIZE) {
        return -EMSGSIZE;
    }
    forget_all(s);
    s->msize = (uint32_t)MIN(c->n[0], P9_MSIZE);
    pack_put(&c->out, s->msize, 4);
    pack_put_text(&c->out, known ? "9P2000.L" : "unknown");
    return 0;
}

/* Requests are answered in their order: what is to be flushed was. */
static int flush(struct p9 *s, struct p9_call *c)
{
    (void)s;
    (void)c;
    return 0;
}

/* Arguments: b, w, d, q: 1, 2, 4, 8 bytes; s: a text. */
/* clang-format off */
static const struct row {
    const char *args;
    p9_fn *run;
} rows[] = {
    [8]   = { "d",          p9_statfs },
    [12]  = { "dd",         p9_lopen },         /* fid flags */
    [14]  = { "dsddd",      p9_lcreate },       /* fid name flags mode gid */
    [16]  = { "dssd",       p9_symlink },       /* fid name target gid */
    [18]  = { "dsdddd",     p9_mknod },         /* dfid name mode major minor gid */
    [20]  = { "dds",        p9_rename },        /* fid dfid name */
    [22]  = { "d",          p9_readlink },
    [24]  = { "dq",         p9_getattr },       /* fid mask */
    [26]  = { "dddddqqqqq", p9_setattr },       /* fid valid mode uid gid size atime(2) mtime(2) */
    [30]  = { "dds",        p9_xattrwalk },     /* fid newfid name */
    [32]  = { "dsqd",       p9_xattrcreate },   /* fid name size flags */
    [40]  = { "dqd",        p9_readdir },       /* fid offset count */
    [50]  = { "dd",         p9_fsync },         /* fid datasync */
    [52]  = { "dbdqqds",    p9_lock },          /* fid type flags start length proc client */
    [54]  = { "dbqqds",     p9_getlock },       /* fid type start length proc client */
    [70]  = { "dds",        p9_link },          /* dfid fid name */
    [72]  = { "dsdd",       p9_mkdir },         /* dfid name mode gid */
    [74]  = { "dsds",       p9_renameat },      /* olddirfid oldname newdirfid newname */
    [76]  = { "dsd",        p9_unlinkat },      /* dirfd name flags */
    [100] = { "ds",         version },          /* msize version */
    [104] = { "ddssd",      p9_attach },        /* fid afid uname aname n_uname */
    [108] = { "w",          flush },            /* oldtag */
    [110] = { "ddw",        p9_walk },          /* fid newfid nwname; names */
    [116] = { "dqd",        p9_read },          /* fid offset count */
    [118] = { "dqd",        p9_write },         /* fid offset count; data */
    [120] = { "d",          p9_clunk },
    [122] = { "d",          p9_remove },
};
/* clang-format on */

static bool take_apart(struct p9_call *c, const char *args)
{
    unsigned numbers = 0, texts = 0;

    for (; *args; args++) {
        if (*args == 's') {
            c->text[texts++] = pack_get_text(&c->rest);
        } else {
            c->n[numbers++] = pack_get(&c->rest, *args == 'b'   ? 1
                                                 : *args == 'w' ? 2
                                                 : *args == 'd' ? 4
                                                                : 8);
        }
    }
    return !c->rest.bad;
}

static int run(struct p9 *s, unsigned type, struct p9_call *c)
{
    const struct row *row = type < G_N_ELEMENTS(rows) ? &rows[type] : NULL;
    int ret;

    if (!row || !row->run) {
        return -EOPNOTSUPP;
    }
    if (!take_apart(c, row->args)) {
        return -EINVAL;
    }
    ret = row->run(s, c);
    return ret == 0 && c->out.full ? -EMSGSIZE : ret;
}

static size_t serve(void *server, uint8_t *request, size_t request_size, uint8_t *answer,
                    size_t room)
{
    struct p9 *s = server;
    struct p9_call c = { 0 };
    struct pack_in head = { request, request + request_size, false };
    struct pack_out start = { answer, answer + room, false };
    uint64_t size = pack_get(&head, 4), type = pack_get(&head, 1), tag = pack_get(&head, 2);
    int ret;

    if (head.bad || room < HEADER + 4) {
        return 0;
    }
    room = MIN(room, s->msize ? s->msize : FIRST_MSIZE);
    c.rest = (struct pack_in){ request + HEADER, request + MIN(size, request_size), false };
    c.out = (struct pack_out){ answer + HEADER, answer + room, false };
    ret = size < HEADER || size > request_size ? -EINVAL : run(s, (unsigned)type, &c);
    if (ret < 0) {
        type = RLERROR - 1;
        c.out.p = answer + HEADER;
        c.out.full = false;
        pack_put(&c.out, (uint64_t)-ret, 4);
    }
    size = (size_t)(c.out.p - answer);
    pack_put(&start, size, 4);
    pack_put(&start, type + 1, 1);
    pack_put(&start, tag, 2);
    return size;
}

/* Fids -------------------------------------------------------------------------------------------- */

struct p9_fid *p9_find(struct p9 *s, uint64_t fid)
{
    uint32_t key = (uint32_t)fid;

    return g_hash_table_lookup(s->fids, &key);
}

int p9_add(struct p9 *s, uint64_t fid, uint32_t uid, struct fs_node *node, struct p9_fid **out)
{
    struct p9_fid *f;

    if (fid == P9_NO_FID || p9_find(s, fid) || g_hash_table_size(s->fids) >= P9_MAX_FIDS) {
        fs_unref(s->tree, node, 1);
        return fid == P9_NO_FID || p9_find(s, fid) ? -EBADF : -ENFILE;
    }
    f = g_new0(struct p9_fid, 1);
    f->fid = (uint32_t)fid;
    f->uid = uid;
    f->node = node;
    f->fd = -1;
    g_hash_table_insert(s->fids, &f->fid, f);
    if (out) {
        *out = f;
    }
    return 0;
}

/* An empty value in the place of another takes it away: so Linux's removexattr arrives. */
static int commit_xattr(struct p9 *s, struct p9_fid *f)
{
    if (f->value->len == 0 && f->xattr_flags & 2) {
        return fs_removexattr(s->tree, f->node, f->xattr_name);
    }
    return fs_setxattr(s->tree, f->node, f->xattr_name, f->value->data, f->value->len,
                       f->xattr_flags);
}

static void free_fid(struct p9 *s, struct p9_fid *f)
{
    if (f->fd >= 0) {
        fs_close(s->tree, f->fd);
    }
    if (f->dir) {
        fs_dir_close(s->tree, f->dir);
    }
    if (f->value) {
        s->xattr_bytes -= p9_xattr_size(f);
        g_byte_array_unref(f->value);
    }
    g_free(f->xattr_name);
    fs_unref(s->tree, f->node, 1);
    g_free(f);
}

int p9_clunk_fid(struct p9 *s, struct p9_fid *f)
{
    int ret = f->xattr == P9_XATTR_WRITE ? commit_xattr(s, f) : 0;

    p9_drop_locks(s, f->fid);
    g_hash_table_remove(s->fids, &f->fid);
    free_fid(s, f);
    return ret;
}

static void forget_all(struct p9 *s)
{
    GHashTableIter i;
    gpointer f;

    g_hash_table_iter_init(&i, s->fids);
    while (g_hash_table_iter_next(&i, NULL, &f)) {
        g_hash_table_iter_remove(&i);
        free_fid(s, f);
    }
    g_array_set_size(s->locks, 0);
    fs_tree_clear(s->tree);
}

static void reset(void *server)
{
    struct p9 *s = server;

    forget_all(s);
    s->msize = 0;
}

struct p9 *p9_new(const struct fsdev *dev, const struct fs_limits *limits)
{
    struct p9 *s = g_new0(struct p9, 1);

    s->tree = fs_tree_new(dev, limits);
    s->fids = g_hash_table_new(g_int_hash, g_int_equal);
    s->locks = g_array_new(FALSE, FALSE, sizeof(struct p9_lock));
    return s;
}

void p9_free(void *server)
{
    struct p9 *s = server;

    forget_all(s);
    fs_tree_free(s->tree);
    g_hash_table_unref(s->fids);
    g_array_unref(s->locks);
    g_free(s);
}

const struct worker_ops p9_worker_ops = {
    .max_out = P9_MSIZE, .max_in = P9_MSIZE, .serve = serve, .reset = reset
};
