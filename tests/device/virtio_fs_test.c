/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/virtio_fs_test.c: FUSE over virtio: what Linux sends and what it does not, saved sessions, requests of no
 * sense.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include "hw/fs/fuse.h"
#include "tests/device/share_rig.h"

#define REQUESTS 1u /* the queue */

static void compose(struct share_rig *s, unsigned op, uint64_t node, const void *arg, size_t size,
                    const char *names, size_t names_size)
{
    struct fuse_in_header h = { .opcode = op, .unique = 77, .nodeid = node };

    h.len = (uint32_t)(sizeof(h) + size + names_size);
    g_assert_cmpuint(h.len, <=, sizeof(s->request));
    memcpy(s->request, &h, sizeof(h));
    if (size) {
        memcpy(s->request + sizeof(h), arg, size);
    }
    memcpy(s->request + sizeof(h) + size, names, names_size);
    s->out.p = s->request + h.len;
}

/* 0, or the error that came; the answer's body is in s->in. */
static int call_n(struct share_rig *s, unsigned op, uint64_t node, const void *arg, size_t size,
                  const char *names, size_t names_size)
{
    struct fuse_out_header h;
    size_t got;

    compose(s, op, node, arg, size, names, names_size);
    got = share_rig_send(s, REQUESTS, SHARE_ROOM);
    g_assert_cmpuint(got, >=, sizeof(h));
    memcpy(&h, s->answer, sizeof(h));
    g_assert_cmpuint(h.len, ==, got);
    g_assert_cmpuint(h.unique, ==, 77);
    s->in.p += sizeof(h);
    return -h.error;
}

/* A structure, and a literal with names, whose last NUL counts. */
#define CALL(s, op, node, arg, names) call_n(s, op, node, &(arg), sizeof(arg), names, sizeof(names))
#define CALL_ARG(s, op, node, arg)    call_n(s, op, node, &(arg), sizeof(arg), "", 0)
#define CALL_NAME(s, op, node, names) call_n(s, op, node, NULL, 0, names, sizeof(names))
#define OK(e)                         g_assert_cmpint(e, ==, 0)

static void init(struct share_rig *s)
{
    struct fuse_init_in in = { .major = 7,
                               .minor = 31,
                               .flags = FUSE_DO_READDIRPLUS | FUSE_POSIX_LOCKS };
    struct fuse_init_out out;

    OK(CALL_ARG(s, FUSE_INIT, 0, in));
    memcpy(&out, s->in.p, sizeof(out));
    g_assert_cmpuint(out.minor, ==, 31);
    g_assert_cmphex(out.flags, ==, FUSE_DO_READDIRPLUS); /* locks are the guest's own */
    g_assert_cmpuint(out.max_write, ==, FUSE_MAX_WRITE);
}

static struct share_rig *set_up(const char *options)
{
    struct share_rig *s = g_new0(struct share_rig, 1);

    share_rig_machine(s, options);
    virtio_rig_set_up_on(
        &s->f, rig_device(s->f.r, "virtio-fs-pci", "fsdev=f,tag=tag,num-request-queues=2"));
    virtio_rig_start(&s->f, VIRTIO_RIG_BASIC, 3, SHARE_QUEUE);
    share_rig_put(s, "secret", "not for guests");
    return s;
}

static struct share_rig *mounted(const char *options)
{
    struct share_rig *s = set_up(options);

    init(s);
    return s;
}

static struct fuse_entry_out entry(const struct share_rig *s)
{
    struct fuse_entry_out e;

    memcpy(&e, s->in.p, sizeof(e));
    return e;
}

static uint64_t look(struct share_rig *s, uint64_t dir, const char *name)
{
    OK(call_n(s, FUSE_LOOKUP, dir, NULL, 0, name, strlen(name) + 1));
    return entry(s).nodeid;
}

static uint64_t open_node(struct share_rig *s, unsigned op, uint64_t node, uint32_t flags)
{
    struct fuse_open_in in = { .flags = flags };
    struct fuse_open_out out;

    OK(CALL_ARG(s, op, node, in));
    memcpy(&out, s->in.p, sizeof(out));
    return out.fh;
}

static void tag_is_in_the_configuration(void)
{
    struct share_rig *s = set_up("security_model=none");
    struct fuse_getattr_in in = { 0 };

    g_assert_cmpuint(rig_load(s->f.r, VIRTIO_RIG_CONFIG, 4), ==, 't' | 'a' << 8 | 'g' << 16);
    g_assert_cmpuint(rig_load(s->f.r, VIRTIO_RIG_CONFIG + 36, 4), ==, 2);
    g_assert_cmpint(CALL_ARG(s, FUSE_GETATTR, 1, in), ==, EIO); /* before INIT */
    init(s);
    OK(CALL_ARG(s, FUSE_GETATTR, 1, in));
    share_rig_tear_down(s);
}

static void versions_are_agreed(void)
{
    struct share_rig *s = set_up("security_model=none");
    struct fuse_init_in old = { .major = 7, .minor = 12 }, new = { .major = 8, .minor = 1 };
    struct fuse_init_out out;

    g_assert_cmpint(CALL_ARG(s, FUSE_INIT, 0, old), ==, EPROTO);
    OK(CALL_ARG(s, FUSE_INIT, 0, new));
    memcpy(&out, s->in.p, sizeof(out));
    g_assert_cmpuint(out.major, ==, 7);
    g_assert_cmpint(CALL_NAME(s, FUSE_LOOKUP, 1, "a"), ==, EIO); /* it is to ask again */
    share_rig_tear_down(s);
}

static void files_are_made_written_and_read(void)
{
    struct share_rig *s = mounted("security_model=none");
    struct fuse_create_in create = { .flags = O_RDWR, .mode = S_IFREG | 0640 };
    struct fuse_open_out opened;
    struct fuse_write_in write = { .offset = 2, .size = 5 };
    struct fuse_read_in read = { .size = 100 };
    struct fuse_setattr_in set = { .valid = FATTR_SIZE | FATTR_MODE, .size = 4, .mode = 0600 };
    struct fuse_fallocate_in allocate = { .length = 4096 };
    struct fuse_lseek_in seek = { .whence = SEEK_HOLE };
    struct fuse_copy_file_range_in copy = { .len = 2, .off_in = 2, .off_out = 10 };
    struct fuse_release_in release = { 0 };
    struct fuse_attr_out attr;
    uint64_t node;

    OK(CALL(s, FUSE_CREATE, 1, create, "f"));
    node = entry(s).nodeid;
    g_assert_cmpuint(entry(s).attr.mode, ==, S_IFREG | 0640);
    g_assert_cmpuint(entry(s).attr_valid, ==, 1);
    memcpy(&opened, s->in.p + sizeof(struct fuse_entry_out), sizeof(opened));
    write.fh = read.fh = set.fh = allocate.fh = seek.fh = copy.fh_in = copy.fh_out = release.fh =
        opened.fh;
    copy.nodeid_out = node;
    OK(call_n(s, FUSE_WRITE, node, &write, sizeof(write), "hello", 5));
    OK(CALL_ARG(s, FUSE_READ, node, read));
    g_assert_cmpint(s->in.end - s->in.p, ==, 7);
    g_assert_cmpint(memcmp(s->in.p, "\0\0hello", 7), ==, 0);
    write.size = 6;
    g_assert_cmpint(call_n(s, FUSE_WRITE, node, &write, sizeof(write), "hello", 5), ==, EINVAL);
    OK(CALL_ARG(s, FUSE_COPY_FILE_RANGE, node, copy));
    OK(CALL_ARG(s, FUSE_FALLOCATE, node, allocate));
    OK(CALL_ARG(s, FUSE_LSEEK, node, seek));
    seek.whence = SEEK_SET;
    g_assert_cmpint(CALL_ARG(s, FUSE_LSEEK, node, seek), ==, EINVAL);
    OK(CALL_ARG(s, FUSE_SETATTR, node, set));
    memcpy(&attr, s->in.p, sizeof(attr));
    g_assert_cmpuint(attr.attr.size, ==, 4);
    g_assert_cmpuint(attr.attr.mode, ==, S_IFREG | 0600);
    OK(CALL_ARG(s, FUSE_RELEASE, node, release));
    g_assert_cmpint(CALL_ARG(s, FUSE_READ, node, read), ==, EBADF);
    share_rig_tear_down(s);
}

static void names_and_links_do_not_lead_out(void)
{
    struct share_rig *s = mounted("security_model=none");
    struct fuse_open_in open = { 0 };
    struct fuse_mkdir_in mkdir = { .mode = 0755 };
    struct fuse_rename2_in rename = { .newdir = 1, .flags = RENAME_NOREPLACE };
    uint64_t link;

    g_assert_cmpint(CALL_NAME(s, FUSE_LOOKUP, 1, ".."), ==, EINVAL);
    g_assert_cmpint(CALL_NAME(s, FUSE_LOOKUP, 1, "../secret"), ==, EINVAL);
    g_assert_cmpint(CALL_NAME(s, FUSE_LOOKUP, 1, ""), ==, EINVAL);
    g_assert_cmpint(call_n(s, FUSE_LOOKUP, 1, NULL, 0, "secret", 6), ==, EINVAL); /* no end */
    g_assert_cmpint(CALL_NAME(s, FUSE_LOOKUP, 99, "a"), ==, ESTALE);
    OK(CALL_NAME(s, FUSE_SYMLINK, 1, "up\0.."));
    link = entry(s).nodeid;
    g_assert_cmpint(CALL_ARG(s, FUSE_OPEN, link, open), ==, ELOOP);
    g_assert_cmpint(CALL_ARG(s, FUSE_OPENDIR, link, open), ==, ENOTDIR);
    g_assert_cmpint(CALL_NAME(s, FUSE_LOOKUP, link, "secret"), ==, ENOTDIR);
    g_assert_cmpint(CALL(s, FUSE_MKDIR, link, mkdir, "d"), ==, ENOTDIR);
    OK(call_n(s, FUSE_READLINK, link, NULL, 0, "", 0));
    g_assert_cmpint(memcmp(s->in.p, "..", 2), ==, 0);
    OK(CALL(s, FUSE_MKDIR, 1, mkdir, "d"));
    g_assert_cmpint(CALL(s, FUSE_RENAME2, 1, rename, "d\0up"), ==, EEXIST);
    g_assert_cmpint(CALL(s, FUSE_RENAME2, 1, rename, "d\0../d"), ==, EINVAL);
    rename.flags = RENAME_EXCHANGE;
    OK(CALL(s, FUSE_RENAME2, 1, rename, "d\0up"));
    rename.flags = RENAME_WHITEOUT;
    g_assert_cmpint(CALL(s, FUSE_RENAME2, 1, rename, "d\0x"), ==, EINVAL);
    OK(CALL_NAME(s, FUSE_UNLINK, 1, "d"));
    OK(CALL_NAME(s, FUSE_RMDIR, 1, "up"));
    share_rig_tear_down(s);
}

static void folders_are_listed_with_their_nodes(void)
{
    struct share_rig *s = mounted("security_model=none");
    struct fuse_read_in read = { .size = 2000 };
    unsigned names = 0;

    for (unsigned i = 0; i < 100; i++) {
        g_autofree char *name = g_strdup_printf("share/file-%u", i);

        share_rig_put(s, name, "text");
    }
    read.fh = open_node(s, FUSE_OPENDIR, 1, O_RDONLY);
    for (;;) {
        OK(CALL_ARG(s, FUSE_READDIRPLUS, 1, read));
        if (s->in.p == s->in.end) {
            break;
        }
        while (s->in.p < s->in.end) {
            struct fuse_direntplus d;

            memcpy(&d, s->in.p, FUSE_NAME_OFFSET_DIRENTPLUS);
            if (memcmp(s->in.p + FUSE_NAME_OFFSET_DIRENTPLUS, "file-", 5) == 0) {
                names++;
                g_assert_cmpuint(d.entry_out.nodeid, >, 1);
                g_assert_cmpuint(d.entry_out.attr.size, ==, 4);
            } else {
                g_assert_cmpuint(d.entry_out.nodeid, ==, 0);
            }
            read.offset = d.dirent.off;
            s->in.p += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET_DIRENTPLUS + d.dirent.namelen);
        }
    }
    g_assert_cmpuint(names, ==, 100);
    share_rig_tear_down(s);
}

/* A node lives as long as it is known, and no forget takes more than that. */
static void forgets_are_counted(void)
{
    struct share_rig *s = mounted("security_model=none");
    struct fuse_forget_in forget = { .nlookup = 1 };
    struct fuse_getattr_in get = { 0 };
    struct fuse_batch_forget_in batch = { .count = 1000 };
    struct fuse_forget_one one = { 0, UINT64_MAX };
    struct rig_buffer b = { SHARE_OUT, 0, false };
    uint64_t node;

    share_rig_put(s, "share/f", "");
    node = look(s, 1, "f");
    g_assert_cmpuint(look(s, 1, "f"), ==, node);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpint(CALL_ARG(s, FUSE_GETATTR, node, get), ==, i < 2 ? 0 : ESTALE);
        compose(s, FUSE_FORGET, node, &forget, sizeof(forget), "", 0);
        b.len = (uint32_t)(s->out.p - s->request);
        rig_write(s->f.r, SHARE_OUT, s->request, b.len);
        g_assert_cmpuint(virtio_rig_run(&s->f, 0, &b, 1), ==, 0); /* no answer */
    }
    g_assert_cmpint(CALL_ARG(s, FUSE_GETATTR, node, get), ==, ESTALE);
    node = look(s, 1, "f");
    one.nodeid = node;
    compose(s, FUSE_BATCH_FORGET, 0, &batch, sizeof(batch), (const char *)&one, sizeof(one));
    b.len = (uint32_t)(s->out.p - s->request);
    rig_write(s->f.r, SHARE_OUT, s->request, b.len);
    g_assert_cmpuint(virtio_rig_run(&s->f, 0, &b, 1), ==, 0);
    g_assert_cmpint(CALL_ARG(s, FUSE_GETATTR, node, get), ==, ESTALE);
    one.nodeid = 1;
    OK(CALL_ARG(s, FUSE_GETATTR, 1, get));
    share_rig_tear_down(s);
}

static void access_goes_by_the_mode(void)
{
    struct share_rig *s = mounted("security_model=none,readonly=on");
    struct fuse_access_in access = { .mask = R_OK };
    uint64_t node;

    share_rig_put(s, "share/f", "");
    node = look(s, 1, "f");
    OK(CALL_ARG(s, FUSE_ACCESS, node, access));
    access.mask = W_OK;
    g_assert_cmpint(CALL_ARG(s, FUSE_ACCESS, node, access), ==, EROFS);
    access.mask = X_OK;
    g_assert_cmpint(CALL_ARG(s, FUSE_ACCESS, node, access), ==, EACCES);
    share_rig_tear_down(s);
}

static void xattrs_are_set_and_listed(void)
{
    struct share_rig *s = mounted("security_model=none");
    struct fuse_getxattr_in get = { .size = 0 };
    struct fuse_getxattr_out size;
    const uint32_t set[2] = { 5, 0 };
    uint64_t node;

    share_rig_put(s, "share/f", "");
    node = look(s, 1, "f");
    if (call_n(s, FUSE_SETXATTR, node, set, sizeof(set), "user.a\0value", 12) == EOPNOTSUPP) {
        g_test_skip("the temporary folder has no attributes user.*");
        share_rig_tear_down(s);
        return;
    }
    OK(CALL(s, FUSE_GETXATTR, node, get, "user.a"));
    memcpy(&size, s->in.p, sizeof(size));
    g_assert_cmpuint(size.size, ==, 5);
    get.size = 100;
    OK(CALL(s, FUSE_GETXATTR, node, get, "user.a"));
    g_assert_cmpmem(s->in.p, (size_t)(s->in.end - s->in.p), "value", 5);
    OK(CALL_ARG(s, FUSE_LISTXATTR, node, get));
    g_assert_cmpmem(s->in.p, (size_t)(s->in.end - s->in.p), "user.a", 7);
    get.size = 3;
    g_assert_cmpint(CALL_ARG(s, FUSE_LISTXATTR, node, get), ==, ERANGE);
    get.size = UINT32_MAX;
    g_assert_cmpint(CALL_ARG(s, FUSE_LISTXATTR, node, get), ==, EINVAL);
    g_assert_cmpint(call_n(s, FUSE_SETXATTR, node, set, sizeof(set), "user.a\0val", 10), ==,
                    EINVAL);
    OK(CALL_NAME(s, FUSE_REMOVEXATTR, node, "user.a"));
    g_assert_cmpint(CALL(s, FUSE_GETXATTR, node, get, "user.a"), ==, EINVAL);
    share_rig_tear_down(s);
}

static void a_mount_is_saved(void)
{
    struct share_rig *s = mounted("security_model=none");
    struct fuse_read_in read = { .size = 4, .offset = 3 };
    uint64_t node, dir;
    struct fuse_mkdir_in mkdir = { .mode = 0755 };

    OK(CALL(s, FUSE_MKDIR, 1, mkdir, "d"));
    dir = entry(s).nodeid;
    share_rig_put(s, "share/d/f", "0123456789");
    node = look(s, dir, "f");
    read.fh = open_node(s, FUSE_OPEN, node, O_RDWR);
    open_node(s, FUSE_OPENDIR, dir, O_RDONLY);
    rig_check_state(s->f.r, virtio_rig_device(&s->f)->dev);
    OK(CALL_ARG(s, FUSE_READ, node, read));
    g_assert_cmpint(memcmp(s->in.p, "3456", 4), ==, 0);
    g_assert_cmpuint(look(s, dir, "f"), ==, node);
    share_rig_tear_down(s);
}

static void mistakes_are_named(void)
{
    static const char *const rows[][2] = {
        { "tag=t", "there is no -fsdev with this id" },
        { "fsdev=f", "tag is '', must be 1 to 36 bytes long" },
        { "fsdev=f,tag=t,cache=x", "cache is 'x', must be never, auto or always" },
        { "fsdev=f,tag=t,num-request-queues=0", "num-request-queues is 0" },
        { "fsdev=f,tag=t,queue-size=100", "queue-size is 100, must be a power of two" },
        { "fsdev=f,tag=t,disable-modern=on", "disable-modern" },
    };
    struct share_rig *s = g_new0(struct share_rig, 1);

    share_rig_machine(s, "security_model=none");
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *why =
            rig_device_error(s->f.r, device_type_find("virtio-fs-pci"), rows[i][0]);

        g_test_message("%s", why);
        g_assert_nonnull(strstr(why, rows[i][1]));
    }
    share_rig_tear_down(s);
}

/* Small numbers and few names, so that much of it makes sense. */
static size_t compose_any(struct share_rig *s, GRand *rand)
{
    static const char names[][10] = { "a\0b",     "b\0c",      "c\0a", "..\0a",
                                      "link\0..", "user.x\0y", "\0\0", "d\0d" };
    uint32_t arg[26];
    size_t words = (size_t)g_rand_int_range(rand, 0, G_N_ELEMENTS(arg) + 1);

    for (unsigned i = 0; i < G_N_ELEMENTS(arg); i++) {
        arg[i] = i % 2 ? 0 : (uint32_t)g_rand_int_range(rand, 0, 10);
    }
    compose(s, (unsigned)g_rand_int_range(rand, 0, 52), (uint64_t)g_rand_int_range(rand, 0, 8), arg,
            words * 4, names[g_rand_int_range(rand, 0, G_N_ELEMENTS(names))], 10);
    return (size_t)(s->out.p - s->request);
}

static void any_request_does_no_harm(void)
{
    static const char *const options[] = { "security_model=none",
                                           "security_model=mapped-xattr,multidevs=forbid",
                                           "security_model=none,readonly=on" };

    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(200 + i);
        const struct fs_limits few = { .fds = 3, .open = 5, .nodes = 20 };
        struct share_rig *s = g_new0(struct share_rig, 1);
        struct fuse_init_in in = { .major = 7, .minor = 31 };
        g_autofree char *above = NULL, *text = NULL;
        static uint8_t answer[4096];
        struct fuse *p;

        share_rig_machine(s, options[i]);
        share_rig_put(s, "secret", "not for guests");
        p = fuse_new(s->dev, &few, FUSE_CACHE_AUTO);
        for (unsigned k = 0; k < 30000; k++) {
            if (!p->minor) {
                compose(s, FUSE_INIT, 0, &in, sizeof(in), "", 0);
                fuse_worker_ops.serve(p, s->request, (size_t)(s->out.p - s->request), answer,
                                      sizeof(answer));
            }
            share_rig_damage(rand, &fuse_worker_ops, p, s->request, compose_any(s, rand));
            if (k % 2000 == 0) {
                g_autoptr(GByteArray) saved = g_byte_array_new();
                g_autoptr(GError) error = NULL;
                struct pack_in state;

                fuse_save(p, saved, 1 << 20);
                state = (struct pack_in){ saved->data, saved->data + saved->len, false };
                g_assert_true(fuse_load(p, &state, &error));
                g_assert_no_error(error);
            }
        }
        g_assert_cmpuint(fs_tree_nodes(p->tree), <=, 20);
        fuse_free(p);
        above = g_build_filename(s->dir, "secret", NULL);
        g_assert_true(g_file_get_contents(above, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, "not for guests");
        share_rig_tear_down(s);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-fs/tag", tag_is_in_the_configuration);
    g_test_add_func("/virtio-fs/versions", versions_are_agreed);
    g_test_add_func("/virtio-fs/files", files_are_made_written_and_read);
    g_test_add_func("/virtio-fs/names", names_and_links_do_not_lead_out);
    g_test_add_func("/virtio-fs/folders", folders_are_listed_with_their_nodes);
    g_test_add_func("/virtio-fs/forgets", forgets_are_counted);
    g_test_add_func("/virtio-fs/access", access_goes_by_the_mode);
    g_test_add_func("/virtio-fs/xattrs", xattrs_are_set_and_listed);
    g_test_add_func("/virtio-fs/saved", a_mount_is_saved);
    g_test_add_func("/virtio-fs/mistakes", mistakes_are_named);
    g_test_add_func("/virtio-fs/any", any_request_does_no_harm);
    return g_test_run();
}
