/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/fsdev_test.c: shared folders: options; that a tree cannot be left, by names, links, or who exchanges them
 * meanwhile; nodes whose descriptors were closed; security models; bounds; saved trees.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdatomic.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "fsdev/pack.h"
#include "fsdev/tree.h"
#include "softmmu/machine.h"
#include "util/text.h"

#define SECRET "not for guests"

struct rig {
    struct machine *m;
    char *dir, *share; /* the folder in which the shared one is */
    struct fsdev *dev;
    struct fs_tree *t;
};

static const struct fs_owner me = { 0, 0 };

static void put(struct rig *r, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(r->dir, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void set_up(struct rig *r, const char *options, const struct fs_limits *limits)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    g_autoptr(GPtrArray) opts = NULL;

    r->m = machine_new();
    machine_lock(r->m);
    r->dir = g_dir_make_tmp("rhea-fsdev-XXXXXX", NULL);
    r->share = g_build_filename(r->dir, "share", NULL);
    g_assert_cmpint(g_mkdir(r->share, 0755), ==, 0);
    put(r, "secret", SECRET);
    text = g_strdup_printf("local,id=f,path=%s,%s", r->share, options);
    opts = parse_options(text, "fsdriver");
    r->dev = fsdev_new(r->m, opts, &error);
    g_assert_no_error(error);
    r->t = fs_tree_new(r->dev, limits);
}

static void tear_down(struct rig *r)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", r->dir);

    fs_tree_free(r->t);
    machine_free(r->m);
    g_assert_cmpint(system(command), ==, 0);
    g_free(r->dir);
    g_free(r->share);
}

static struct fs_node *look(struct rig *r, struct fs_node *dir, const char *name)
{
    struct fs_node *n;

    g_assert_cmpint(fs_lookup(r->t, dir, name, &n), ==, 0);
    return n;
}

static struct fs_node *make_dir(struct rig *r, struct fs_node *dir, const char *name)
{
    struct fs_node *n;

    g_assert_cmpint(fs_mkdir(r->t, dir, name, 0755, &me, &n), ==, 0);
    return n;
}

static struct fs_node *make_file(struct rig *r, struct fs_node *dir, const char *name,
                                 const char *text)
{
    struct fs_node *n;
    int fd;

    g_assert_cmpint(fs_create(r->t, dir, name, O_WRONLY, 0644, &me, &n, &fd), ==, 0);
    g_assert_cmpint(fs_write(r->t, fd, text, strlen(text), 0), ==, (ssize_t)strlen(text));
    fs_close(r->t, fd);
    return n;
}

static void drop(struct rig *r, struct fs_node *n)
{
    fs_unref(r->t, n, 1);
}

static char *contents(struct rig *r, struct fs_node *n)
{
    char buf[100] = "";
    int fd;

    g_assert_cmpint(fs_open(r->t, n, O_RDONLY, &fd), ==, 0);
    g_assert_cmpint(pread(fd, buf, sizeof(buf) - 1, 0), >=, 0);
    fs_close(r->t, fd);
    return g_strdup(buf);
}

/* Options ----------------------------------------------------------------------------------------- */

static void mistakes_are_named(void)
{
    static const struct {
        const char *options, *says;
    } rows[] = {
        { "local,id=f,path=/tmp", "security_model is missing" },
        { "local,path=/tmp,security_model=none", "id is missing" },
        { "local,id=f,security_model=none", "path is missing" },
        { "id=f,path=/tmp,security_model=none", "fsdriver is missing" },
        { "proxy,id=f,path=/tmp,security_model=none", "fsdriver is 'proxy': the helper" },
        { "synth,id=f,path=/tmp,security_model=none", "fsdriver is 'synth'" },
        { "disk,id=f,path=/tmp,security_model=none", "fsdriver is 'disk', must be one of: local" },
        { "local,id=f,path=/tmp,security_model=x",
          "must be one of: passthrough, none, mapped-xattr" },
        { "local,id=f,path=/tmp,security_model=mapped-file", "use mapped-xattr" },
        { "local,id=f,path=/tmp,security_model=none,readonly=x",
          "readonly is 'x', must be on or off" },
        { "local,id=f,path=/tmp,security_model=none,multidevs=x", "warn, remap, forbid" },
        { "local,id=f,path=/tmp,security_model=none,writeout=x", "must be one of: immediate" },
        { "local,id=f,path=/tmp,security_model=none,fmode=600", "for security_model=mapped-xattr" },
        { "local,id=f,path=/tmp,security_model=mapped-xattr,fmode=9", "must be an octal mode" },
        { "local,id=f,path=/tmp,security_model=none,throttling.bps-total=1", "limits are not" },
        { "local,id=f,path=/tmp,security_model=none,dax=on", "there is no option 'dax'" },
        { "local,id=f,path=/nonexistent,security_model=none", "'/nonexistent' cannot be opened" },
        { "local,id=f,path=/etc/passwd,security_model=none",
          "'/etc/passwd' cannot be opened as a folder" },
        { "local,id=twice,path=/tmp,security_model=none", "Duplicate ID 'twice'" },
    };
    struct machine *m = machine_new();
    g_autoptr(GPtrArray) first =
        parse_options("local,id=twice,path=/tmp,security_model=none", "fsdriver");

    machine_lock(m);
    g_assert_nonnull(fsdev_new(m, first, NULL));
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GPtrArray) opts = parse_options(rows[i].options, "fsdriver");
        g_autoptr(GError) error = NULL;

        g_assert_null(fsdev_new(m, opts, &error));
        g_test_message("%s: %s", rows[i].options, error->message);
        g_assert_nonnull(strstr(error->message, rows[i].says));
    }
    machine_free(m);
}

/* Confinement ------------------------------------------------------------------------------------- */

static void names_do_not_lead_out(void)
{
    static const char *const names[] = {
        "", ".", "..", "/", "../secret", "a/../../secret", "/etc/passwd", "a/b"
    };
    struct rig r;
    struct fs_node *n, *a;
    int fd;

    set_up(&r, "security_model=none", NULL);
    a = make_dir(&r, fs_root(r.t), "a");
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        struct fs_node *root = fs_root(r.t);

        g_assert_cmpint(fs_lookup(r.t, root, names[i], &n), ==, -EINVAL);
        g_assert_cmpint(fs_create(r.t, root, names[i], O_RDWR, 0644, &me, &n, &fd), ==, -EINVAL);
        g_assert_cmpint(fs_mkdir(r.t, root, names[i], 0755, &me, &n), ==, -EINVAL);
        g_assert_cmpint(fs_mknod(r.t, root, names[i], S_IFIFO | 0644, 0, 0, &me, &n), ==, -EINVAL);
        g_assert_cmpint(fs_symlink(r.t, root, names[i], "x", &me, &n), ==, -EINVAL);
        g_assert_cmpint(fs_link(r.t, a, root, names[i]), ==, -EINVAL);
        g_assert_cmpint(fs_remove(r.t, root, names[i], false), ==, -EINVAL);
        g_assert_cmpint(fs_remove(r.t, root, names[i], true), ==, -EINVAL);
        g_assert_cmpint(fs_rename(r.t, root, names[i], root, "b", 0), ==, -EINVAL);
        g_assert_cmpint(fs_rename(r.t, root, "a", root, names[i], 0), ==, -EINVAL);
    }
    g_assert_true(fs_parent(r.t, fs_root(r.t)) == fs_root(r.t));
    g_assert_true(fs_parent(r.t, a) == fs_root(r.t));
    drop(&r, a);
    tear_down(&r);
}

/* A link is a link: neither what it leads to nor a folder on the way. */
static void links_do_not_lead_out(void)
{
    struct rig r;
    struct fs_node *up, *above, *far, *n;
    g_autofree char *absolute = NULL;
    const struct fs_change change = { .set = FS_SET_SIZE | FS_SET_MODE, .mode = 0777 };
    char target[FS_TARGET_MAX + 1];
    struct statx x;
    int fd;

    set_up(&r, "security_model=none", NULL);
    absolute = g_build_filename(r.dir, "secret", NULL);
    g_assert_cmpint(fs_symlink(r.t, fs_root(r.t), "up", "../secret", &me, &up), ==, 0);
    g_assert_cmpint(fs_symlink(r.t, fs_root(r.t), "far", absolute, &me, &far), ==, 0);
    g_assert_cmpint(fs_symlink(r.t, fs_root(r.t), "above", "..", &me, &above), ==, 0);
    g_assert_cmpint(fs_open(r.t, up, O_RDONLY, &fd), ==, -ELOOP);
    g_assert_cmpint(fs_open(r.t, far, O_RDWR, &fd), ==, -ELOOP);
    g_assert_cmpint(fs_open(r.t, above, O_RDONLY, &fd), ==, -ELOOP);
    g_assert_cmpint(fs_lookup(r.t, above, "secret", &n), ==, -ENOTDIR);
    g_assert_cmpint(fs_create(r.t, above, "new", O_RDWR, 0644, &me, &n, &fd), ==, -ENOTDIR);
    g_assert_cmpint(fs_remove(r.t, above, "secret", false), ==, -ENOTDIR);
    g_assert_cmpint(fs_create(r.t, fs_root(r.t), "up", O_RDWR, 0644, &me, &n, &fd), ==, -ELOOP);
    g_assert_cmpint(fs_change(r.t, up, -1, &change), <, 0);
    g_assert_cmpint(fs_stat(r.t, far, -1, &x), ==, 0);
    g_assert_true(S_ISLNK(x.stx_mode));
    g_assert_cmpint(fs_readlink(r.t, far, target, sizeof(target)), ==, (int)strlen(absolute));
    g_assert_cmpstr(target, ==, absolute);
    drop(&r, up);
    drop(&r, far);
    drop(&r, above);
    g_assert_cmpint(g_stat(absolute, &(GStatBuf){ 0 }), ==, 0);
    tear_down(&r);
}

/* Somebody on the host exchanges a folder of ours and a link to the one above, all the time. */
struct exchanger {
    char *a, *b;
    _Atomic bool stop;
    unsigned turns;
};

static void *exchange(void *opaque)
{
    struct exchanger *e = opaque;

    while (!e->stop) {
        g_assert_cmpint(renameat2(AT_FDCWD, e->a, AT_FDCWD, e->b, RENAME_EXCHANGE), ==, 0);
        e->turns++;
    }
    return NULL;
}

/* What a guest may get to see there. */
static void look_into(struct rig *r, const char *folder, const char *file, const char *kept,
                      unsigned *seen)
{
    struct fs_node *d, *n;
    int fd, ret = fs_lookup(r->t, fs_root(r->t), folder, &d);

    if (ret < 0) {
        return;
    }
    ret = fs_lookup(r->t, d, file, &n);
    if (ret == 0) {
        g_autofree char *text = NULL;

        if (fs_open(r->t, n, O_RDWR, &fd) == 0) {
            fs_close(r->t, fd);
            text = contents(r, n);
            g_assert_cmpstr(text, ==, kept);
            (*seen)++;
        }
        drop(r, n);
    }
    ret = fs_create(r->t, d, "made", O_WRONLY, 0644, &me, &n, &fd);
    if (ret == 0) {
        fs_close(r->t, fd);
        drop(r, n);
        fs_remove(r->t, d, "made", false);
    }
    drop(r, d);
}

static void races_do_not_lead_out(void)
{
    const struct fs_limits few = { .fds = 1, .open = 8, .nodes = 100 };
    struct exchanger e = { 0 };
    struct rig r;
    GThread *thread;
    g_autofree char *made = NULL;
    unsigned seen = 0;

    set_up(&r, "security_model=none", &few); /* what was closed is opened again by its name */
    drop(&r, make_dir(&r, fs_root(r.t), "d"));
    put(&r, "share/d/secret", "for guests");
    e.a = g_build_filename(r.share, "d", NULL);
    e.b = g_build_filename(r.share, "l", NULL);
    g_assert_cmpint(symlink("..", e.b), ==, 0);
    made = g_build_filename(r.dir, "made", NULL);
    thread = g_thread_new("exchange", exchange, &e);
    for (unsigned i = 0; i < 20000 || seen == 0; i++) {
        look_into(&r, i & 1 ? "d" : "l", "secret", "for guests", &seen);
        g_assert_cmpint(access(made, F_OK), ==, -1);
    }
    e.stop = true;
    g_thread_join(thread);
    g_test_message("%u exchanges, %u looks", e.turns, seen);
    g_assert_cmpuint(e.turns, >, 0);
    tear_down(&r);
    g_free(e.a);
    g_free(e.b);
}

static void only_files_and_folders_are_opened(void)
{
    struct rig r;
    struct fs_node *n;
    int fd;

    set_up(&r, "security_model=none", NULL);
    g_assert_cmpint(fs_mknod(r.t, fs_root(r.t), "p", S_IFIFO | 0644, 0, 0, &me, &n), ==, 0);
    g_assert_cmpint(fs_open(r.t, n, O_RDONLY, &fd), ==, -ENXIO); /* and nothing waits */
    drop(&r, n);
    g_assert_cmpint(fs_mknod(r.t, fs_root(r.t), "s", S_IFSOCK | 0644, 0, 0, &me, &n), ==, 0);
    g_assert_cmpint(fs_open(r.t, n, O_RDWR, &fd), ==, -ENXIO);
    drop(&r, n);
    g_assert_cmpint(fs_mknod(r.t, fs_root(r.t), "x", S_IFDIR | 0644, 0, 0, &me, &n), ==, -EINVAL);
    tear_down(&r);
}

static void readonly_is_kept(void)
{
    struct rig r;
    struct fs_node *n, *f;
    const struct fs_change change = { .set = FS_SET_MODE, .mode = 0600 };
    int fd;

    set_up(&r, "security_model=none,readonly=on", NULL);
    put(&r, "share/f", "text");
    f = look(&r, fs_root(r.t), "f");
    g_assert_cmpint(fs_open(r.t, f, O_WRONLY, &fd), ==, -EROFS);
    g_assert_cmpint(fs_open(r.t, f, O_RDONLY | O_TRUNC, &fd), ==, -EROFS);
    g_assert_cmpint(fs_create(r.t, fs_root(r.t), "f", O_RDONLY, 0644, &me, &n, &fd), ==, -EROFS);
    g_assert_cmpint(fs_mkdir(r.t, fs_root(r.t), "d", 0755, &me, &n), ==, -EROFS);
    g_assert_cmpint(fs_mknod(r.t, fs_root(r.t), "p", S_IFIFO, 0, 0, &me, &n), ==, -EROFS);
    g_assert_cmpint(fs_symlink(r.t, fs_root(r.t), "l", "x", &me, &n), ==, -EROFS);
    g_assert_cmpint(fs_link(r.t, f, fs_root(r.t), "l"), ==, -EROFS);
    g_assert_cmpint(fs_remove(r.t, fs_root(r.t), "f", false), ==, -EROFS);
    g_assert_cmpint(fs_rename(r.t, fs_root(r.t), "f", fs_root(r.t), "g", 0), ==, -EROFS);
    g_assert_cmpint(fs_change(r.t, f, -1, &change), ==, -EROFS);
    g_assert_cmpint(fs_setxattr(r.t, f, "user.a", "b", 1, 0), ==, -EROFS);
    g_assert_cmpint(fs_removexattr(r.t, f, "user.a"), ==, -EROFS);
    drop(&r, f);
    tear_down(&r);
}

/* Nodes ------------------------------------------------------------------------------------------- */

/* With few descriptors nodes are opened again, where they moved, too; what is another file now is stale. */
static void closed_nodes_are_found_again(void)
{
    const struct fs_limits few = { .fds = 2, .open = 8, .nodes = 100 };
    struct fs_node *d[5], *f, *other;
    g_autofree char *path = NULL, *aside = NULL;
    struct statx x;
    struct rig r;
    unsigned i;

    set_up(&r, "security_model=none", &few);
    d[0] = fs_root(r.t);
    for (i = 1; i < G_N_ELEMENTS(d); i++) {
        d[i] = make_dir(&r, d[i - 1], "d");
    }
    f = make_file(&r, d[4], "f", "deep");
    for (i = 0; i < 10; i++) {
        g_autofree char *name = g_strdup_printf("n%u", i), *text = NULL;

        drop(&r, make_file(&r, fs_root(r.t), name, name));
        text = contents(&r, f);
        g_assert_cmpstr(text, ==, "deep");
        g_assert_cmpuint(fs_tree_fds(r.t), <=, few.fds);
    }
    g_assert_cmpint(fs_rename(r.t, d[1], "d", fs_root(r.t), "moved", 0), ==, 0);
    for (i = 0; i < 4; i++) {
        g_assert_cmpint(fs_stat(r.t, d[i], -1, &x), ==, 0);
    }
    g_assert_cmpint(fs_stat(r.t, f, -1, &x), ==, 0);
    g_assert_true(fs_parent(r.t, d[2]) == fs_root(r.t));
    /* Another file in its place. */
    path = g_build_filename(r.share, "moved/d/d/f", NULL);
    aside = g_build_filename(r.share, "aside", NULL);
    for (i = 1; i < 5; i++) {
        g_assert_cmpint(fs_stat(r.t, d[i], -1, &x), ==, 0); /* the file's is closed now */
    }
    g_assert_cmpint(g_rename(path, aside), ==, 0);
    put(&r, "share/moved/d/d/f", "another");
    g_assert_cmpint(fs_stat(r.t, f, -1, &x), ==, -ESTALE);
    other = look(&r, d[4], "f");
    g_assert_true(other != f);
    drop(&r, other);
    drop(&r, f);
    for (i = 4; i > 0; i--) {
        drop(&r, d[i]);
    }
    g_assert_cmpuint(fs_tree_nodes(r.t), ==, 1);
    tear_down(&r);
}

static void one_file_is_one_node(void)
{
    struct rig r;
    struct fs_node *a, *b;
    struct statx x;

    set_up(&r, "security_model=none", NULL);
    a = make_file(&r, fs_root(r.t), "a", "x");
    g_assert_cmpint(fs_link(r.t, a, fs_root(r.t), "b"), ==, 0);
    b = look(&r, fs_root(r.t), "b");
    g_assert_true(a == b);
    g_assert_cmpint(fs_remove(r.t, fs_root(r.t), "b", false), ==, 0);
    g_assert_cmpint(fs_stat(r.t, a, -1, &x), ==, 0);
    g_assert_cmpuint(x.stx_nlink, ==, 1);
    drop(&r, a);
    drop(&r, b);
    g_assert_cmpuint(fs_tree_nodes(r.t), ==, 1);
    tear_down(&r);
}

/* A folder that nothing but the place of its file keeps changes places with another name of that file. */
static void a_folder_and_its_file_are_exchanged(void)
{
    struct fs_node *d, *f;
    struct rig r;

    set_up(&r, "security_model=none", NULL);
    d = make_dir(&r, fs_root(r.t), "d");
    f = make_file(&r, d, "f", "x");
    g_assert_cmpint(fs_link(r.t, f, fs_root(r.t), "g"), ==, 0);
    drop(&r, look(&r, d, "f")); /* its place is in the folder again */
    drop(&r, d);
    g_assert_cmpint(fs_rename(r.t, fs_root(r.t), "d", fs_root(r.t), "g", RENAME_EXCHANGE), ==, 0);
    g_assert_cmpuint(fs_tree_nodes(r.t), ==, 2);
    drop(&r, f);
    g_assert_cmpuint(fs_tree_nodes(r.t), ==, 1);
    tear_down(&r);
}

static void there_are_bounds(void)
{
    const struct fs_limits few = { .fds = 4, .open = 2, .nodes = 6 };
    struct fs_node *f[8];
    unsigned made = 0;
    int fd[3], ret = 0;
    struct rig r;

    set_up(&r, "security_model=none", &few);
    for (unsigned i = 0; i < 8; i++) {
        g_autofree char *name = g_strdup_printf("share/%u", i);

        put(&r, name, "");
        ret = fs_lookup(r.t, fs_root(r.t), name + 6, &f[made]);
        made += ret == 0;
    }
    g_assert_cmpint(ret, ==, -ENFILE);
    g_assert_cmpuint(made, ==, 5);
    g_assert_cmpint(fs_open(r.t, f[0], O_RDONLY, &fd[0]), ==, 0);
    g_assert_cmpint(fs_open(r.t, f[0], O_RDONLY, &fd[1]), ==, 0);
    g_assert_cmpint(fs_open(r.t, f[0], O_RDONLY, &fd[2]), ==, -EMFILE);
    fs_close(r.t, fd[0]);
    fs_close(r.t, fd[1]);
    while (made) {
        drop(&r, f[--made]);
    }
    tear_down(&r);
}

/* Security models --------------------------------------------------------------------------------- */

static bool has_user_xattrs(struct rig *r)
{
    return setxattr(r->share, "user.rhea", "x", 1, 0) == 0;
}

static void mapped_is_in_attributes(void)
{
    const struct fs_owner other = { 1234, 4321 };
    const struct fs_change change = { .set = FS_SET_MODE | FS_SET_UID, .mode = 04711, .uid = 77 };
    struct fs_node *n, *l;
    g_autofree char *path = NULL;
    char target[FS_TARGET_MAX + 1], list[100];
    GStatBuf host;
    struct statx x;
    struct rig r;

    set_up(&r, "security_model=mapped-xattr,fmode=0640,dmode=0750", NULL);
    if (!has_user_xattrs(&r)) {
        g_test_skip("the temporary folder has no attributes user.*");
        tear_down(&r);
        return;
    }
    g_assert_cmpint(fs_mknod(r.t, fs_root(r.t), "n", S_IFBLK | 0606, 8, 300, &other, &n), ==, 0);
    g_assert_cmpint(fs_stat(r.t, n, -1, &x), ==, 0);
    g_assert_cmpuint(x.stx_mode, ==, S_IFBLK | 0606);
    g_assert_cmpuint(x.stx_uid, ==, 1234);
    g_assert_cmpuint(x.stx_gid, ==, 4321);
    g_assert_cmpuint(x.stx_rdev_major, ==, 8);
    g_assert_cmpuint(x.stx_rdev_minor, ==, 300);
    path = g_build_filename(r.share, "n", NULL);
    g_assert_cmpint(g_lstat(path, &host), ==, 0);
    g_assert_cmpuint(host.st_mode & ~umask(umask(0)), ==, S_IFREG | (0640 & ~umask(umask(0))));
    g_assert_cmpuint(host.st_uid, ==, geteuid());
    g_assert_cmpint(fs_change(r.t, n, -1, &change), ==, 0);
    g_assert_cmpint(fs_stat(r.t, n, -1, &x), ==, 0);
    g_assert_cmpuint(x.stx_mode, ==, S_IFBLK | 04711);
    g_assert_cmpuint(x.stx_uid, ==, 77);
    /* Hidden from the guest, and not to be written by it. */
    g_assert_cmpint(fs_listxattr(r.t, n, list, sizeof(list)), ==, 0);
    g_assert_cmpint(fs_getxattr(r.t, n, "user.virtfs.uid", list, sizeof(list)), ==, -EACCES);
    g_assert_cmpint(fs_setxattr(r.t, n, "user.virtfs.uid", "", 0, 0), ==, -EACCES);
    g_assert_cmpint(fs_setxattr(r.t, n, "security.capability", "x", 1, 0), ==, -EOPNOTSUPP);
    g_assert_cmpint(fs_setxattr(r.t, n, "user.mine", "x", 1, 0), ==, 0);
    g_assert_cmpint(fs_listxattr(r.t, n, list, sizeof(list)), ==, sizeof("user.mine"));
    g_assert_cmpstr(list, ==, "user.mine");
    g_assert_cmpint(fs_symlink(r.t, fs_root(r.t), "l", "../secret", &other, &l), ==, 0);
    g_assert_cmpint(fs_readlink(r.t, l, target, sizeof(target)), ==, 9);
    g_assert_cmpstr(target, ==, "../secret");
    g_assert_cmpint(fs_readlink(r.t, n, target, sizeof(target)), ==, -EINVAL);
    drop(&r, n);
    drop(&r, l);
    tear_down(&r);
}

static void owners_are_passed_through(void)
{
    const struct fs_owner other = { 1234, 4321 };
    struct fs_node *n;
    struct statx x;
    struct rig r;
    int fd, ret;

    set_up(&r, "security_model=passthrough", NULL);
    ret = fs_create(r.t, fs_root(r.t), "f", O_RDWR, 06755, &other, &n, &fd);
    if (geteuid() != 0) {
        g_autofree char *path = g_build_filename(r.share, "f", NULL);

        g_assert_cmpint(ret, ==, -EPERM);
        g_assert_cmpint(access(path, F_OK), ==, -1);
        tear_down(&r);
        return;
    }
    g_assert_cmpint(ret, ==, 0);
    fs_close(r.t, fd);
    g_assert_cmpint(fs_stat(r.t, n, -1, &x), ==, 0);
    g_assert_cmpuint(x.stx_uid, ==, 1234);
    g_assert_cmpuint(x.stx_gid, ==, 4321);
    g_assert_cmpuint(x.stx_mode, ==, S_IFREG | 06755);
    drop(&r, n);
    tear_down(&r);
}

/* Entries ----------------------------------------------------------------------------------------- */

static void entries_do_not_tell_of_the_folder_above(void)
{
    struct rig r;
    struct fs_dir *d;
    struct fs_entry e;
    uint64_t at = 0, root_ino = 0, up_ino = 1;
    unsigned names = 0;
    int fd;

    set_up(&r, "security_model=none", NULL);
    for (unsigned i = 0; i < 300; i++) {
        g_autofree char *name = g_strdup_printf("share/f%u", i);

        put(&r, name, "");
    }
    g_assert_cmpint(fs_open(r.t, fs_root(r.t), O_RDONLY, &fd), ==, 0);
    g_assert_cmpint(fs_dir_open(r.t, fs_root(r.t), fd, &d), ==, 0);
    while (fs_dir_read(r.t, d, at, &e) == 1) {
        up_ino = strcmp(e.name, "..") == 0 ? e.ino : up_ino;
        root_ino = strcmp(e.name, ".") == 0 ? e.ino : root_ino;
        names += *e.name == 'f';
        at = e.next;
        if (names == 100) { /* from anywhere else, and back */
            g_assert_cmpint(fs_dir_read(r.t, d, 0, &e), ==, 1);
            g_assert_cmpint(fs_dir_read(r.t, d, UINT64_MAX, &e), ==, -EINVAL);
        }
    }
    g_assert_cmpuint(names, ==, 300);
    g_assert_cmpuint(up_ino, ==, root_ino);
    fs_dir_close(r.t, d);
    tear_down(&r);
}

/* Saved trees ------------------------------------------------------------------------------------- */

static void a_saved_tree_is_found_again(void)
{
    g_autoptr(GByteArray) saved = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    struct fs_node *d, *f, *g, *again;
    g_autofree char *text = NULL, *path = NULL;
    struct pack_in in;
    struct statx x;
    struct rig r;
    uint64_t ids[3];

    set_up(&r, "security_model=none", NULL);
    d = make_dir(&r, fs_root(r.t), "d");
    f = make_file(&r, d, "f", "saved");
    g = make_file(&r, fs_root(r.t), "g", "gone");
    d->known = f->known = g->known = 1;
    ids[0] = d->id, ids[1] = f->id, ids[2] = g->id;
    fs_tree_save(r.t, saved, 1 << 20);
    path = g_build_filename(r.share, "g", NULL);
    g_assert_cmpint(g_unlink(path), ==, 0);
    in = (struct pack_in){ saved->data, saved->data + saved->len, false };
    g_assert_true(fs_tree_load(r.t, &in, &error));
    g_assert_no_error(error);
    g_assert_true(in.p == in.end && !in.bad);
    f = fs_node_find(r.t, ids[1]);
    text = contents(&r, f);
    g_assert_cmpstr(text, ==, "saved");
    g_assert_true(fs_parent(r.t, f) == fs_node_find(r.t, ids[0]));
    g_assert_cmpint(fs_stat(r.t, fs_node_find(r.t, ids[2]), -1, &x), ==, -ESTALE);
    again = look(&r, fs_node_find(r.t, ids[0]), "f");
    g_assert_true(again == f);
    tear_down(&r);
}

/* Any byte of it may be another: it is refused, or is a tree. */
static void a_damaged_tree_does_no_harm(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(9);
    g_autoptr(GByteArray) saved = g_byte_array_new();
    struct fs_node *d;
    struct rig r;

    set_up(&r, "security_model=none", NULL);
    d = make_dir(&r, fs_root(r.t), "d");
    make_file(&r, d, "f", "saved");
    fs_tree_save(r.t, saved, 1 << 20);
    for (unsigned i = 0; i < 3000; i++) {
        g_autofree uint8_t *bytes = g_memdup2(saved->data, saved->len);
        g_autoptr(GError) error = NULL;
        struct pack_in in = { bytes, bytes + g_rand_int_range(rand, 0, (gint)saved->len + 1),
                              false };

        for (unsigned k = 0; k < 1 + i % 4; k++) {
            bytes[g_rand_int_range(rand, 0, (gint)saved->len)] = (uint8_t)g_rand_int(rand);
        }
        if (fs_tree_load(r.t, &in, &error)) {
            fs_tree_sweep(r.t);
        } else {
            g_assert_nonnull(error);
        }
        g_assert_nonnull(fs_root(r.t));
    }
    tear_down(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fsdev/mistakes", mistakes_are_named);
    g_test_add_func("/fsdev/names", names_do_not_lead_out);
    g_test_add_func("/fsdev/links", links_do_not_lead_out);
    g_test_add_func("/fsdev/races", races_do_not_lead_out);
    g_test_add_func("/fsdev/kinds", only_files_and_folders_are_opened);
    g_test_add_func("/fsdev/readonly", readonly_is_kept);
    g_test_add_func("/fsdev/closed", closed_nodes_are_found_again);
    g_test_add_func("/fsdev/hard-links", one_file_is_one_node);
    g_test_add_func("/fsdev/exchange", a_folder_and_its_file_are_exchanged);
    g_test_add_func("/fsdev/bounds", there_are_bounds);
    g_test_add_func("/fsdev/mapped", mapped_is_in_attributes);
    g_test_add_func("/fsdev/passthrough", owners_are_passed_through);
    g_test_add_func("/fsdev/entries", entries_do_not_tell_of_the_folder_above);
    g_test_add_func("/fsdev/saved", a_saved_tree_is_found_again);
    g_test_add_func("/fsdev/damaged", a_damaged_tree_does_no_harm);
    return g_test_run();
}
