/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/virtio_9p_test.c: 9P2000.L over virtio: what Linux sends and what it does not, saved sessions, resets,
 * messages of no sense.
 */
#include <errno.h>
#include <fcntl.h>
#include "hw/fs/p9.h"
#include "tests/device/share_rig.h"

enum {
    STATFS = 8,
    LOPEN = 12,
    LCREATE = 14,
    SYMLINK = 16,
    MKNOD = 18,
    RENAME = 20,
    READLINK = 22,
    GETATTR = 24,
    SETATTR = 26,
    XATTRWALK = 30,
    XATTRCREATE = 32,
    READDIR = 40,
    FSYNC = 50,
    LOCK = 52,
    GETLOCK = 54,
    LINK = 70,
    MKDIR = 72,
    RENAMEAT = 74,
    UNLINKAT = 76,
    VERSION = 100,
    AUTH = 102,
    ATTACH = 104,
    FLUSH = 108,
    WALK = 110,
    READ = 116,
    WRITE = 118,
    CLUNK = 120,
    REMOVE = 122
};

/* A message of b, w, d, q (numbers) and s (texts), and what follows ('.': n bytes). */
static size_t compose(struct share_rig *s, unsigned type, const char *args, va_list ap)
{
    struct pack_out size = { s->request, s->request + 4, false };

    s->out = (struct pack_out){ s->request + 4, s->request + sizeof(s->request), false };
    pack_put(&s->out, type, 1);
    pack_put(&s->out, 7, 2);
    for (; *args; args++) {
        if (*args == 's') {
            pack_put_text(&s->out, va_arg(ap, const char *));
        } else if (*args == '.') {
            unsigned n = va_arg(ap, unsigned);

            memcpy(s->out.p, va_arg(ap, const char *), n);
            s->out.p += n;
        } else if (*args == 'q') {
            pack_put(&s->out, va_arg(ap, uint64_t), 8);
        } else {
            pack_put(&s->out, va_arg(ap, unsigned), *args == 'b' ? 1 : *args == 'w' ? 2 : 4);
        }
    }
    pack_put(&size, (size_t)(s->out.p - s->request), 4);
    return (size_t)(s->out.p - s->request);
}

/* 0, or the error that came; the answer's body is in s->in. */
static int call(struct share_rig *s, unsigned type, const char *args, ...)
{
    va_list ap;
    size_t got;
    unsigned came;

    va_start(ap, args);
    compose(s, type, args, ap);
    va_end(ap);
    got = share_rig_send(s, 0, SHARE_ROOM);
    g_assert_cmpuint(got, >=, 7);
    g_assert_cmpuint(pack_get(&s->in, 4), ==, got);
    came = (unsigned)pack_get(&s->in, 1);
    g_assert_cmpuint(pack_get(&s->in, 2), ==, 7);
    if (came == 7) {
        return (int)pack_get(&s->in, 4);
    }
    g_assert_cmpuint(came, ==, type + 1);
    return 0;
}

#define OK(...)       g_assert_cmpint(call(__VA_ARGS__), ==, 0)
#define FAILS(e, ...) g_assert_cmpint(call(__VA_ARGS__), ==, e)

static void mount(struct share_rig *s)
{
    OK(s, VERSION, "ds", SHARE_ROOM, "9P2000.L");
    g_assert_cmpuint(pack_get(&s->in, 4), ==, SHARE_ROOM);
    g_assert_cmpstr(pack_get_text(&s->in), ==, "9P2000.L");
    OK(s, ATTACH, "ddssd", 1, P9_NO_FID, "root", "", 0);
    g_assert_cmpuint(pack_get(&s->in, 1), ==, 0x80);
}

static struct share_rig *set_up(const char *options)
{
    struct share_rig *s = g_new0(struct share_rig, 1);

    share_rig_machine(s, options);
    virtio_rig_set_up_on(&s->f, rig_device(s->f.r, "virtio-9p-pci", "fsdev=f,mount_tag=tag"));
    virtio_rig_start(&s->f, VIRTIO_RIG_BASIC | 1, 1, SHARE_QUEUE);
    share_rig_put(s, "secret", "not for guests");
    mount(s);
    return s;
}

static void tag_is_in_the_configuration(void)
{
    struct share_rig *s = set_up("security_model=none");

    g_assert_cmpuint(virtio_rig_offered(&s->f) & 1, ==, 1);
    g_assert_cmpuint(rig_load(s->f.r, VIRTIO_RIG_CONFIG, 2), ==, 3);
    g_assert_cmpuint(rig_load(s->f.r, VIRTIO_RIG_CONFIG + 2, 2), ==, 't' | 'a' << 8);
    share_rig_tear_down(s);
}

static void files_are_made_written_and_read(void)
{
    struct share_rig *s = set_up("security_model=none,writeout=immediate");

    OK(s, WALK, "ddw", 1, 2, 0);
    OK(s, LCREATE, "dsddd", 2, "f", O_RDWR, 0644, 0);
    OK(s, WRITE, "dqd.", 2, (uint64_t)3, 5, 5u, "hello");
    g_assert_cmpuint(pack_get(&s->in, 4), ==, 5);
    OK(s, READ, "dqd", 2, (uint64_t)0, 100);
    g_assert_cmpuint(pack_get(&s->in, 4), ==, 8);
    g_assert_cmpint(memcmp(s->in.p, "\0\0\0hello", 8), ==, 0);
    OK(s, FSYNC, "dd", 2, 0);
    OK(s, GETATTR, "dq", 2, (uint64_t)0x7ff);
    pack_get(&s->in, 8); /* valid, qid */
    s->in.p += 13;
    g_assert_cmpuint(pack_get(&s->in, 4), ==, S_IFREG | 0644);
    OK(s, SETATTR, "dddddqqqqq", 2, 8, 0, 0, 0, (uint64_t)4, (uint64_t)0, (uint64_t)0, (uint64_t)0,
       (uint64_t)0);
    OK(s, READ, "dqd", 2, (uint64_t)0, 100);
    g_assert_cmpuint(pack_get(&s->in, 4), ==, 4);
    FAILS(EINVAL, s, WRITE, "dqd.", 2, (uint64_t)0, 4000, 5u, "short");
    FAILS(EBADF, s, WRITE, "dqd.", 1, (uint64_t)0, 5, 5u, "short");
    OK(s, CLUNK, "d", 2);
    FAILS(EBADF, s, CLUNK, "d", 2);
    OK(s, STATFS, "d", 1);
    FAILS(EOPNOTSUPP, s, AUTH, "dssd", 9, "root", "", 0);
    FAILS(EINVAL, s, ATTACH, "ddssd", 5, 6, "root", "", 0);
    share_rig_tear_down(s);
}

static void walks_do_not_lead_out(void)
{
    struct share_rig *s = set_up("security_model=none");

    OK(s, MKDIR, "dsdd", 1, "d", 0755, 0);
    OK(s, SYMLINK, "dssd", 1, "up", "..", 0);
    OK(s, WALK, "ddwssss", 1, 2, 4, "..", "d", "..", "..");
    g_assert_cmpuint(pack_get(&s->in, 2), ==, 4);
    FAILS(ENOENT, s, WALK, "ddws", 2, 3, 1, "secret");
    FAILS(ENOENT, s, WALK, "ddws", 1, 3, 1, "secret");
    FAILS(EINVAL, s, WALK, "ddws", 1, 3, 1, "../secret");
    FAILS(EINVAL, s, WALK, "ddws", 1, 3, 1, "");
    FAILS(EINVAL, s, WALK, "ddw", 1, 3, 17);
    FAILS(EINVAL, s, WALK, "ddws", 1, 3, 2, "d");  /* cut */
    OK(s, WALK, "ddwss", 1, 3, 2, "up", "secret"); /* one name of two: no fid */
    g_assert_cmpuint(pack_get(&s->in, 2), ==, 1);
    FAILS(EBADF, s, CLUNK, "d", 3);
    OK(s, WALK, "ddws", 1, 3, 1, "up");
    FAILS(ELOOP, s, LOPEN, "dd", 3, O_RDONLY);
    FAILS(ENOTDIR, s, MKDIR, "dsdd", 3, "made", 0755, 0);
    OK(s, READLINK, "d", 3);
    g_assert_cmpstr(pack_get_text(&s->in), ==, "..");
    FAILS(EBUSY, s, REMOVE, "d", 2); /* the root, by way of ".." */
    FAILS(EINVAL, s, RENAMEAT, "dsds", 1, "d", 1, "../d");
    FAILS(EINVAL, s, UNLINKAT, "dsd", 1, "..", 0x200);
    FAILS(EINVAL, s, UNLINKAT, "dsd", 1, "d", 1);
    share_rig_tear_down(s);
}

static void names_come_and_go(void)
{
    struct share_rig *s = set_up("security_model=none");
    g_autofree char *path = g_build_filename(s->share, "d/b", NULL);

    OK(s, MKDIR, "dsdd", 1, "d", 0755, 0);
    OK(s, MKNOD, "dsdddd", 1, "p", S_IFIFO | 0600, 0, 0, 0);
    OK(s, WALK, "ddws", 1, 2, 1, "d");
    OK(s, WALK, "ddws", 1, 3, 1, "p");
    OK(s, RENAME, "dds", 3, 2, "a");
    OK(s, LINK, "dds", 2, 3, "b");
    OK(s, RENAMEAT, "dsds", 2, "a", 1, "c");
    FAILS(ENXIO, s, LOPEN, "dd", 3, O_RDONLY);
    g_assert_cmpint(access(path, F_OK), ==, 0);
    FAILS(ENOTEMPTY, s, REMOVE, "d", 2);
    FAILS(EBADF, s, CLUNK, "d", 2); /* the fid is gone all the same */
    OK(s, WALK, "ddwss", 1, 4, 2, "d", "b");
    OK(s, REMOVE, "d", 4);
    g_assert_cmpint(access(path, F_OK), ==, -1);
    OK(s, UNLINKAT, "dsd", 1, "d", 0x200);
    OK(s, FLUSH, "w", 3);
    share_rig_tear_down(s);
}

static void folders_are_listed_in_pieces(void)
{
    struct share_rig *s = set_up("security_model=none");
    uint64_t at = 0;
    unsigned names = 0;

    for (unsigned i = 0; i < 200; i++) {
        g_autofree char *name = g_strdup_printf("share/file-%u", i);

        share_rig_put(s, name, "");
    }
    OK(s, WALK, "ddw", 1, 2, 0);
    FAILS(EBADF, s, READDIR, "dqd", 2, at, 1000);
    OK(s, LOPEN, "dd", 2, O_RDONLY);
    FAILS(EISDIR, s, READ, "dqd", 2, (uint64_t)0, 10);
    for (;;) {
        struct pack_in list;

        OK(s, READDIR, "dqd", 2, at, 1000);
        g_assert_cmpuint(pack_get(&s->in, 4), <=, 1000);
        list = s->in;
        if (list.p == list.end) {
            break;
        }
        while (list.p < list.end) {
            list.p += 13;
            at = pack_get(&list, 8);
            pack_get(&list, 1);
            names += g_str_has_prefix(pack_get_text(&list), "file-");
            g_assert_false(list.bad);
        }
    }
    g_assert_cmpuint(names, ==, 200);
    share_rig_tear_down(s);
}

static void attributes_are_set_by_clunks(void)
{
    struct share_rig *s = set_up("security_model=none");
    g_autofree char *long_name = g_strnfill(256, 'a');

    share_rig_put(s, "share/f", "");
    OK(s, WALK, "ddws", 1, 2, 1, "f");
    OK(s, WALK, "ddws", 1, 3, 1, "f");
    OK(s, XATTRCREATE, "dsqd", 2, "user.a", (uint64_t)5, 0);
    OK(s, WRITE, "dqd.", 2, (uint64_t)0, 5, 5u, "value");
    FAILS(ENOSPC, s, WRITE, "dqd.", 2, (uint64_t)3, 5, 5u, "value");
    if (call(s, CLUNK, "d", 2) == EOPNOTSUPP) {
        g_test_skip("the temporary folder has no attributes user.*");
        share_rig_tear_down(s);
        return;
    }
    OK(s, XATTRWALK, "dds", 3, 4, "user.a");
    g_assert_cmpuint(pack_get(&s->in, 8), ==, 5);
    OK(s, READ, "dqd", 4, (uint64_t)2, 10);
    g_assert_cmpuint(pack_get(&s->in, 4), ==, 3);
    g_assert_cmpint(memcmp(s->in.p, "lue", 3), ==, 0);
    OK(s, READ, "dqd", 4, UINT64_MAX, 10);
    g_assert_cmpuint(pack_get(&s->in, 4), ==, 0);
    OK(s, XATTRWALK, "dds", 3, 5, "");
    g_assert_cmpuint(pack_get(&s->in, 8), ==, sizeof("user.a"));
    FAILS(ENOSPC, s, XATTRCREATE, "dsqd", 3, "user.b", UINT64_MAX, 0);
    FAILS(ERANGE, s, XATTRCREATE, "dsqd", 3, long_name, (uint64_t)0, 0);
    /* As Linux takes one away: nothing, in the place of another. */
    OK(s, XATTRCREATE, "dsqd", 3, "user.a", (uint64_t)0, 2);
    OK(s, CLUNK, "d", 3);
    OK(s, WALK, "ddws", 1, 3, 1, "f");
    FAILS(ENODATA, s, XATTRWALK, "dds", 3, 6, "user.a");
    share_rig_tear_down(s);
}

static unsigned lock(struct share_rig *s, unsigned type, uint64_t start, uint64_t length,
                     unsigned proc)
{
    OK(s, LOCK, "dbdqqds", 2, type, 0, start, length, proc, "guest");
    return (unsigned)pack_get(&s->in, 1);
}

static void locks_are_of_processes(void)
{
    struct share_rig *s = set_up("security_model=none");

    share_rig_put(s, "share/f", "");
    OK(s, WALK, "ddws", 1, 2, 1, "f");
    g_assert_cmpuint(lock(s, 1, 10, 10, 5), ==, 0);
    g_assert_cmpuint(lock(s, 1, 10, 10, 5), ==, 0); /* mine */
    g_assert_cmpuint(lock(s, 0, 19, 1, 6), ==, 1);
    g_assert_cmpuint(lock(s, 0, 20, 0, 6), ==, 0);
    g_assert_cmpuint(lock(s, 2, 12, 4, 5), ==, 0); /* a hole in the first */
    g_assert_cmpuint(lock(s, 1, 12, 4, 6), ==, 0);
    g_assert_cmpuint(lock(s, 0, 11, 1, 6), ==, 1);
    OK(s, GETLOCK, "dbqqds", 2, 1, (uint64_t)16, (uint64_t)0, 7, "other");
    pack_get(&s->in, 1);
    g_assert_cmpuint(pack_get(&s->in, 8), >=, 16);
    OK(s, CLUNK, "d", 2); /* they go with the fid */
    OK(s, WALK, "ddws", 1, 2, 1, "f");
    g_assert_cmpuint(lock(s, 1, 0, 0, 9), ==, 0);
    share_rig_tear_down(s);
}

/* rig_check_state compares two saves around a reset and a load. */
static void a_mount_is_saved(void)
{
    struct share_rig *s = set_up("security_model=none");

    share_rig_put(s, "share/f", "0123456789");
    OK(s, MKDIR, "dsdd", 1, "d", 0755, 0);
    OK(s, WALK, "ddws", 1, 2, 1, "f");
    OK(s, LOPEN, "dd", 2, O_RDWR);
    OK(s, WALK, "ddws", 1, 3, 1, "d");
    OK(s, WALK, "ddw", 3, 4, 0);
    OK(s, LOPEN, "dd", 4, O_RDONLY);
    OK(s, WALK, "ddws", 1, 5, 1, "f");
    OK(s, XATTRCREATE, "dsqd", 5, "user.a", (uint64_t)3, 0);
    OK(s, LOCK, "dbdqqds", 2, 1, 0, (uint64_t)0, (uint64_t)0, 5, "guest");
    rig_check_state(s->f.r, virtio_rig_device(&s->f)->dev);
    OK(s, READ, "dqd", 2, (uint64_t)4, 3);
    g_assert_cmpuint(pack_get(&s->in, 4), ==, 3);
    g_assert_cmpint(memcmp(s->in.p, "456", 3), ==, 0);
    OK(s, READDIR, "dqd", 4, (uint64_t)0, 1000);
    OK(s, WALK, "ddws", 3, 6, 1, "..");
    OK(s, WRITE, "dqd.", 5, (uint64_t)0, 3, 3u, "abc");
    OK(s, LOCK, "dbdqqds", 2, 1, 0, (uint64_t)0, (uint64_t)0, 6, "guest");
    g_assert_cmpuint(pack_get(&s->in, 1), ==, 1);
    share_rig_tear_down(s);
}

/* Requests that the thread has not answered yet are given up, and what was agreed is forgotten. */
static void a_reset_forgets(void)
{
    struct share_rig *s = set_up("security_model=none");

    for (unsigned i = 0; i < 50; i++) {
        const struct rig_buffer b[] = { { SHARE_OUT, 7, false }, { SHARE_IN, SHARE_ROOM, true } };

        virtio_rig_add(&s->f, 0, b, 2, false);
        virtio_rig_kick(&s->f, 0);
        virtio_rig_start(&s->f, VIRTIO_RIG_BASIC, 1, SHARE_QUEUE);
    }
    FAILS(EBADF, s, CLUNK, "d", 1);
    mount(s);
    virtio_rig_start(&s->f, VIRTIO_RIG_BASIC, 1, SHARE_QUEUE);
    FAILS(EBADF, s, CLUNK, "d", 1);
    share_rig_tear_down(s);
}

static void mistakes_are_named(void)
{
    static const char *const rows[][2] = {
        { "mount_tag=t", "there is no -fsdev with this id" },
        { "fsdev=none,mount_tag=t", "fsdev is 'none'" },
        { "fsdev=f", "mount_tag is '', must be 1 to 32 bytes long" },
        { "fsdev=f,mount_tag=012345678901234567890123456789012", "must be 1 to 32" },
    };
    struct share_rig *s = g_new0(struct share_rig, 1);

    share_rig_machine(s, "security_model=none");
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *why =
            rig_device_error(s->f.r, device_type_find("virtio-9p-pci"), rows[i][0]);

        g_test_message("%s", why);
        g_assert_nonnull(strstr(why, rows[i][1]));
    }
    share_rig_tear_down(s);
}

/* Messages ---------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct { unsigned type; const char *args; } forms[] = {
    { STATFS, "d" }, { LOPEN, "dd" }, { LCREATE, "dsddd" }, { SYMLINK, "dssd" }, { MKNOD, "dsdddd" }, { RENAME, "dds" },
    { READLINK, "d" }, { GETATTR, "dq" }, { SETATTR, "dddddqqqqq" }, { XATTRWALK, "dds" }, { XATTRCREATE, "dsqd" },
    { READDIR, "dqd" }, { FSYNC, "dd" }, { LOCK, "dbdqqds" }, { GETLOCK, "dbqqds" }, { LINK, "dds" }, { MKDIR, "dsdd" },
    { RENAMEAT, "dsds" }, { UNLINKAT, "dsd" }, { WALK, "ddws" }, { WALK, "ddwss" }, { WALK, "ddw" }, { READ, "dqd" },
    { WRITE, "dqds" }, { CLUNK, "d" }, { REMOVE, "d" }, { ATTACH, "ddssd" }, { VERSION, "ds" },
};
/* clang-format on */

/* Of small numbers and few names, so that much of it makes sense. */
static size_t compose_any(struct share_rig *s, GRand *rand)
{
    static const char *const names[] = { "a", "b", "c", "..", "link", "user.x", "", "9P2000.L" };
    unsigned form = (unsigned)g_rand_int_range(rand, 0, G_N_ELEMENTS(forms));
    struct pack_out size = { s->request, s->request + 4, false };

    s->out = (struct pack_out){ s->request + 4, s->request + sizeof(s->request), false };
    pack_put(&s->out, forms[form].type, 1);
    pack_put(&s->out, 7, 2);
    for (const char *a = forms[form].args; *a; a++) {
        if (*a == 's') {
            pack_put_text(&s->out, names[g_rand_int_range(rand, 0, G_N_ELEMENTS(names))]);
        } else {
            uint64_t v = a == forms[form].args ? (uint64_t)g_rand_int_range(rand, 0, 8)
                                               : (uint64_t)g_rand_int_range(rand, 0, 600);

            pack_put(&s->out, v, *a == 'b' ? 1 : *a == 'w' ? 2 : *a == 'd' ? 4 : 8);
        }
    }
    pack_put(&size, (size_t)(s->out.p - s->request), 4);
    return (size_t)(s->out.p - s->request);
}

static void any_message_does_no_harm(void)
{
    static const char *const options[] = { "security_model=none",
                                           "security_model=mapped-xattr,multidevs=remap",
                                           "security_model=none,readonly=on" };

    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(100 + i);
        const struct fs_limits few = { .fds = 3, .open = 5, .nodes = 20 };
        struct share_rig *s = g_new0(struct share_rig, 1);
        g_autofree char *above = NULL, *text = NULL;
        struct p9 *p;

        share_rig_machine(s, options[i]);
        share_rig_put(s, "secret", "not for guests");
        p = p9_new(s->dev, &few);
        for (unsigned k = 0; k < 30000; k++) {
            size_t size = compose_any(s, rand);

            share_rig_damage(rand, &p9_worker_ops, p, s->request, size);
            if (k % 2000 == 0) { /* and the same again, saved and loaded */
                g_autoptr(GByteArray) saved = g_byte_array_new();
                g_autoptr(GError) error = NULL;
                struct pack_in in;

                p9_save(p, saved, 1 << 20);
                in = (struct pack_in){ saved->data, saved->data + saved->len, false };
                g_assert_true(p9_load(p, &in, &error));
                g_assert_no_error(error);
            }
        }
        g_assert_cmpuint(fs_tree_nodes(p->tree), <=, 20);
        p9_free(p);
        above = g_build_filename(s->dir, "secret", NULL);
        g_assert_true(g_file_get_contents(above, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, "not for guests");
        share_rig_tear_down(s);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-9p/tag", tag_is_in_the_configuration);
    g_test_add_func("/virtio-9p/files", files_are_made_written_and_read);
    g_test_add_func("/virtio-9p/walks", walks_do_not_lead_out);
    g_test_add_func("/virtio-9p/names", names_come_and_go);
    g_test_add_func("/virtio-9p/folders", folders_are_listed_in_pieces);
    g_test_add_func("/virtio-9p/xattrs", attributes_are_set_by_clunks);
    g_test_add_func("/virtio-9p/locks", locks_are_of_processes);
    g_test_add_func("/virtio-9p/saved", a_mount_is_saved);
    g_test_add_func("/virtio-9p/reset", a_reset_forgets);
    g_test_add_func("/virtio-9p/mistakes", mistakes_are_named);
    g_test_add_func("/virtio-9p/any", any_message_does_no_harm);
    return g_test_run();
}
