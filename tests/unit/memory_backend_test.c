/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/memory_backend_test.c: memory backends: what they map, what they refuse, RAM that is made of them. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "monitor/objects.h"
#include "softmmu/machine.h"
#include "softmmu/memory_backend.h"

#define MIB (1ull << 20)

struct rig {
    struct machine *m;
    char *dir, *path;
};

static void set_up(struct rig *r)
{
    r->m = machine_new();
    machine_lock(r->m);
    r->dir = g_dir_make_tmp("rhea-memory-XXXXXX", NULL);
    r->path = g_build_filename(r->dir, "ram", NULL);
}

static void tear_down(struct rig *r)
{
    machine_free(r->m);
    g_unlink(r->path);
    g_assert_cmpint(g_rmdir(r->dir), ==, 0);
    g_free(r->path);
    g_free(r->dir);
}

static struct memory_backend *add(struct rig *r, const char *fmt)
{
    g_autofree char *text = g_strdup_printf(fmt, r->path);
    g_autoptr(GError) error = NULL;

    object_add(r->m, text, &error);
    g_assert_no_error(error);
    return memory_backend_find(r->m, "b");
}

static void refuse(struct rig *r, const char *fmt, const char *says)
{
    g_autofree char *text = g_strdup_printf(fmt, r->path);
    g_autoptr(GError) error = NULL;

    g_assert_false(object_add(r->m, text, &error));
    g_test_message("%s: %s", text, error->message);
    g_assert_nonnull(strstr(error->message, says));
    g_assert_null(memory_backend_find(r->m, "b"));
}

static void a_shared_file_is_the_memory(void)
{
    struct rig r;
    struct memory_backend *b;
    char byte = 0;
    int fd;

    set_up(&r);
    b = add(&r, "memory-backend-file,id=b,mem-path=%s,size=4M,share=on");
    g_assert_cmpuint(b->ram->size, ==, 4 * MIB);
    b->ram->host[3 * MIB] = 'x';
    fd = open(r.path, O_RDWR);
    g_assert_cmpint(pread(fd, &byte, 1, 3 * MIB), ==, 1);
    g_assert_cmpint(byte, ==, 'x');
    g_assert_cmpint(pwrite(fd, "y", 1, MIB), ==, 1);
    g_assert_cmpint(b->ram->host[MIB], ==, 'y');
    /* What is given back is a hole for all. */
    g_assert_true(ram_block_discard(b->ram, 3 * MIB, 4096));
    g_assert_cmpint(pread(fd, &byte, 1, 3 * MIB), ==, 1);
    g_assert_cmpint(byte, ==, 0);
    g_assert_false(ram_block_discard(b->ram, 4 * MIB, 4096));
    close(fd);
    tear_down(&r);
}

static void a_private_file_is_not_written(void)
{
    struct rig r;
    g_autofree char *bytes = g_malloc(2 * MIB), *after = NULL;
    struct memory_backend *b;
    gsize len;

    set_up(&r);
    memset(bytes, 'a', 2 * MIB);
    g_assert_true(g_file_set_contents(r.path, bytes, 2 * MIB, NULL));
    b = add(&r, "memory-backend-file,id=b,mem-path=%s,size=2M,align=4M");
    g_assert_cmphex((uintptr_t)b->ram->host % (4 * MIB), ==, 0);
    g_assert_cmpint(b->ram->host[5], ==, 'a');
    b->ram->host[5] = 'b';
    g_assert_true(g_file_get_contents(r.path, &after, &len, NULL));
    g_assert_cmpint(after[5], ==, 'a');
    tear_down(&r);
}

/* A folder gets a file that has no name; nothing is left of it. */
static void a_folder_does(void)
{
    struct rig r;
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    set_up(&r);
    text = g_strdup_printf("memory-backend-file,id=b,mem-path=%s,size=1M,share=on,discard-data=on",
                           r.dir);
    g_assert_true(object_add(r.m, text, &error));
    memory_backend_find(r.m, "b")->ram->host[0] = 1;
    tear_down(&r);
}

static uint64_t resident(const void *at, size_t len)
{
    g_autofree unsigned char *pages = g_malloc(len / 4096);
    uint64_t n = 0;

    g_assert_cmpint(mincore((void *)at, len, pages), ==, 0);
    for (size_t i = 0; i < len / 4096; i++) {
        n += pages[i] & 1;
    }
    return n;
}

static void memory_is_taken_at_once_or_when_touched(void)
{
    struct rig r;
    struct memory_backend *b;
    g_autoptr(GError) error = NULL;

    set_up(&r);
    b = add(&r, "memory-backend-memfd,id=b,size=4M");
    g_assert_true(b->ram->shared);
    g_assert_cmpint(fcntl(b->fd, F_GET_SEALS), ==, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    g_assert_cmpuint(resident(b->ram->host, 4 * MIB), ==, 0);
    g_assert_true(object_delete(r.m, "b", &error));
    b = add(&r, "memory-backend-memfd,id=b,size=4M,prealloc=on,prealloc-threads=3,seal=off");
    g_assert_cmpuint(resident(b->ram->host, 4 * MIB), ==, 1024);
    g_assert_true(object_delete(r.m, "b", &error));
    r.m->config.mem_prealloc = true;
    b = add(&r, "memory-backend-ram,id=b,size=1M");
    g_assert_false(b->ram->shared);
    g_assert_cmpuint(resident(b->ram->host, MIB), ==, 256);
    tear_down(&r);
}

static void mistakes_are_named(void)
{
    struct rig r;
    struct stat st;

    set_up(&r);
    refuse(&r, "memory-backend-ram,id=b", "'size'");
    refuse(&r, "memory-backend-ram,id=b,size=0", "size");
    refuse(&r, "memory-backend-ram,id=b,size=1M,hugetlb=on",
           "does not support the option 'hugetlb'");
    refuse(&r, "memory-backend-ram,id=b,size=1M,policy=bind",
           "host-nodes must be set for policy bind");
    refuse(&r, "memory-backend-ram,id=b,size=1M,host-nodes=0",
           "host-nodes must be empty for policy default");
    refuse(&r, "memory-backend-ram,id=b,size=1M,policy=bind,host-nodes=5-2", "host-nodes is '5-2'");
    refuse(&r, "memory-backend-ram,id=b,size=1M,policy=some", "must be one of: default");
    refuse(&r, "memory-backend-file,id=b,size=1M", "mem-path property not set");
    refuse(&r, "memory-backend-file,id=b,size=1M,mem-path=%s/x", "can't open backing store");
    refuse(&r, "memory-backend-file,id=b,size=1M,mem-path=%s,align=3000", "'align'");
    refuse(&r, "memory-backend-file,id=b,size=1M,mem-path=%s,pmem=on", "NVDIMM");
    refuse(&r, "memory-backend-file,id=b,size=1M,mem-path=%s,readonly=on", "NVDIMM");
    refuse(&r, "memory-backend-memfd,id=b,size=1M,hugetlb=on,hugetlbsize=3M", "power of two");
    refuse(&r, "memory-backend-ram,id=b,size=4000000T", "2^52");
    g_assert_true(g_file_set_contents(r.path, "short", 5, NULL));
    refuse(&r, "memory-backend-file,id=b,size=1M,mem-path=%s",
           "backing store size 0x5 does not match");
    g_assert_cmpint(stat(r.path, &st), ==, 0);
    g_assert_cmpint(st.st_size, ==, 5);
    tear_down(&r);
}

static void ram_is_the_backend_that_is_named(void)
{
    struct rig r;
    struct mem_region ram = { 0 };
    struct memory_backend *b;
    g_autoptr(GError) error = NULL;

    set_up(&r);
    b = add(&r, "memory-backend-memfd,id=b,size=2M");
    r.m->config.memory_backend = g_strdup("b");
    g_assert_false(memory_init_board_ram(r.m, &ram, "pc.ram", 4 * MIB, &error));
    g_assert_nonnull(strstr(error->message, "2097152 bytes"));
    g_clear_error(&error);
    g_assert_true(memory_init_board_ram(r.m, &ram, "pc.ram", 2 * MIB, &error));
    mem_region_add(&r.m->system_memory, 0, &ram, 0);
    address_space_store(&r.m->memory, 0x1234, 0x5678, 2);
    g_assert_cmphex(b->ram->host[0x1235], ==, 0x56);
    g_assert_false(object_delete(r.m, "b", &error));
    g_assert_nonnull(strstr(error->message, "in use"));
    mem_region_destroy(&ram);
    g_assert_cmphex(b->ram->host[0x1234], ==, 0x78); /* it outlives its region */
    tear_down(&r);
}

static void nodes_follow_each_other(void)
{
    struct rig r;
    struct mem_region ram = { 0 };
    struct numa_config *numa;
    g_autoptr(GError) error = NULL;

    set_up(&r);
    numa = &r.m->config.numa;
    g_assert_true(object_add(r.m, "memory-backend-ram,id=a,size=2M", &error));
    g_assert_true(object_add(r.m, "memory-backend-ram,id=c,size=1M", &error));
    numa->n_nodes = 3;
    numa->nodes[0] = (struct numa_node){ MIB, g_strdup("c") };
    numa->nodes[2] = (struct numa_node){ 2 * MIB, g_strdup("a") };
    g_assert_true(memory_init_board_ram(r.m, &ram, "pc.ram", 3 * MIB, &error));
    mem_region_add(&r.m->system_memory, 0, &ram, 0);
    address_space_store(&r.m->memory, MIB - 1, 0xbbaa, 2);
    g_assert_cmphex(memory_backend_find(r.m, "c")->ram->host[MIB - 1], ==, 0xaa);
    g_assert_cmphex(memory_backend_find(r.m, "a")->ram->host[0], ==, 0xbb);
    mem_region_destroy(&ram);
    tear_down(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memory-backend/shared-file", a_shared_file_is_the_memory);
    g_test_add_func("/memory-backend/private-file", a_private_file_is_not_written);
    g_test_add_func("/memory-backend/folder", a_folder_does);
    g_test_add_func("/memory-backend/prealloc", memory_is_taken_at_once_or_when_touched);
    g_test_add_func("/memory-backend/mistakes", mistakes_are_named);
    g_test_add_func("/memory-backend/ram", ram_is_the_backend_that_is_named);
    g_test_add_func("/memory-backend/nodes", nodes_follow_each_other);
    return g_test_run();
}
