/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/memory_backend.c: see memory_backend.h.
 * Source: QEMU's documentation of -object memory-backend-*; mmap(2), madvise(2), mbind(2), memfd_create(2).
 */
#include "softmmu/memory_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/map.h"

#define SIZE_MAX_ (1ull << 52)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MFD_HUGE_SHIFT
#define MFD_HUGE_SHIFT 26
#endif

const char *const memory_policy_names[] = { "default", "preferred", "bind", "interleave" };

static uint64_t round_up(uint64_t v, uint64_t to)
{
    return (v + to - 1) / to * to;
}

/* What the backend maps --------------------------------------------------------------------------- */

/* A file in a folder that nobody else sees. */
static int open_in_folder(const char *id, const char *folder)
{
    g_autofree char *name = g_strdup_printf("rhea_back_mem.%s.XXXXXX", id);
    g_autofree char *path = NULL;
    int fd;

    g_strdelimit(name, "/", '_');
    path = g_build_filename(folder, name, NULL);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) {
        unlink(path);
    }
    return fd;
}

static int open_file(const char *id, const struct memory_backend_options *o, bool *created)
{
    int fd;

    if (g_file_test(o->path, G_FILE_TEST_IS_DIR)) {
        return open_in_folder(id, o->path);
    }
    fd = open(o->path, O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        fd = open(o->path, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0644);
        *created = fd >= 0;
    }
    return fd;
}

/* A file that is there keeps its length, which must do. */
static bool size_file(int fd, const char *path, uint64_t size, GError **error)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        set_errno_error(error, "cannot look at '%s'", path);
        return false;
    }
    if (S_ISREG(st.st_mode) && st.st_size > 0 && (uint64_t)st.st_size < size) {
        set_error(error, "backing store size 0x%" PRIx64 " does not match 'size' option 0x%" PRIx64,
                  (uint64_t)st.st_size, size);
        return false;
    }
    if (S_ISREG(st.st_mode) && st.st_size == 0 && ftruncate(fd, (off_t)size) < 0) {
        set_errno_error(error, "cannot give '%s' %" PRIu64 " bytes", path, size);
        return false;
    }
    return true;
}

/* Of the host's, or of hugetlbfs. */
static uint64_t page_size(int fd)
{
    struct statfs fs;

    return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC ? (uint64_t)fs.f_bsize
                                                                            : GUEST_PAGE_SIZE;
}

static int open_memfd(const char *id, const struct memory_backend_options *o, GError **error)
{
    unsigned flags = MFD_CLOEXEC | (o->seal ? MFD_ALLOW_SEALING : 0);
    int fd;

    if (o->hugetlb) {
        flags |= MFD_HUGETLB;
        flags |= o->hugetlb_size ? (unsigned)__builtin_ctzll(o->hugetlb_size) << MFD_HUGE_SHIFT : 0;
    }
    fd = memfd_create(id, flags);
    if (fd < 0 || ftruncate(fd, (off_t)round_up(o->size, page_size(fd))) < 0 ||
        (o->seal && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)) {
        set_errno_error(error, "cannot make a memfd of %" PRIu64 " bytes%s", o->size,
                        o->hugetlb ? " in huge pages" : "");
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

static bool open_backing(struct memory_backend *b, const struct memory_backend_options *o,
                         GError **error)
{
    bool created = false;

    if (o->kind == MEMORY_BACKEND_MEMFD) {
        b->fd = open_memfd(b->id, o, error);
        return b->fd >= 0;
    }
    if (o->kind == MEMORY_BACKEND_RAM) {
        return true;
    }
    b->fd = open_file(b->id, o, &created);
    if (b->fd < 0) {
        set_errno_error(error, "can't open backing store %s for guest RAM", o->path);
        return false;
    }
    if (!size_file(b->fd, o->path, round_up(o->size, page_size(b->fd)), error)) {
        if (created) {
            unlink(o->path);
        }
        return false;
    }
    return true;
}

/* Mapping ----------------------------------------------------------------------------------------- */

/* Aligned address space, over which the memory is mapped: huge pages need that. */
static uint8_t *map_memory(const struct memory_backend *b, uint64_t size, uint64_t align)
{
    const struct memory_backend_options *o = &b->options;
    int flags = MAP_FIXED | (o->share ? MAP_SHARED : MAP_PRIVATE) |
                (b->fd < 0 ? MAP_ANONYMOUS : 0) | (o->reserve ? 0 : MAP_NORESERVE);
    uint8_t *whole =
        mmap(NULL, size + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint8_t *at;

    if (whole == MAP_FAILED) {
        return NULL;
    }
    at = (uint8_t *)round_up((uintptr_t)whole, align);
    if (mmap(at, size, PROT_READ | PROT_WRITE, flags, b->fd, 0) == MAP_FAILED) {
        int why = errno;

        munmap(whole, size + align);
        errno = why;
        return NULL;
    }
    if (at > whole) {
        munmap(whole, (size_t)(at - whole));
    }
    if (whole + align > at) {
        munmap(at + size, (size_t)(whole + align - at));
    }
    return at;
}

static bool apply_policy(const struct memory_backend *b, GError **error)
{
    const struct memory_backend_options *o = &b->options;
    bool any = false;

    for (unsigned i = 0; i < G_N_ELEMENTS(o->host_nodes); i++) {
        any |= o->host_nodes[i] != 0;
    }
    if (o->policy == MEMORY_DEFAULT) {
        if (any) {
            set_error(error,
                      "host-nodes must be empty for policy default, or you should explicitly "
                      "specify a policy other than default");
        }
        return !any;
    }
    if (!any) {
        set_error(error, "host-nodes must be set for policy %s", memory_policy_names[o->policy]);
        return false;
    }
#ifdef SYS_mbind
    /* The kernel counts one bit less than it is told. */
    if (syscall(SYS_mbind, b->ram->host, b->ram->size, (int)o->policy, o->host_nodes,
                (unsigned long)MEMORY_HOST_NODES + 1, 0u) == 0) {
        return true;
    }
#else
    errno = ENOSYS;
#endif
    set_errno_error(error, "cannot bind memory to host NUMA nodes");
    return false;
}

struct slice {
    uint8_t *at;
    size_t len;
};

/* Touches without a change, where the kernel cannot do it itself; no vCPU runs on it yet. */
static gpointer populate(gpointer opaque)
{
    const struct slice *s = opaque;

    if (s->len == 0 || madvise(s->at, s->len, MADV_POPULATE_WRITE) == 0) {
        return NULL;
    }
    if (errno != EINVAL) {
        return GINT_TO_POINTER(errno);
    }
    for (size_t i = 0; i < s->len; i += GUEST_PAGE_SIZE) {
        __atomic_fetch_or(s->at + i, 0, __ATOMIC_RELAXED);
    }
    return NULL;
}

static bool preallocate(const struct memory_backend *b, uint64_t page, GError **error)
{
    unsigned n = b->options.prealloc_threads;
    g_autofree struct slice *slices = g_new0(struct slice, n);
    g_autofree GThread **threads = g_new0(GThread *, n);
    uint64_t each = round_up((b->ram->size + n - 1) / n, page);
    int problem = b->fd >= 0 ? posix_fallocate(b->fd, 0, (off_t)b->ram->size) : 0;

    problem = problem == EOPNOTSUPP || problem == EINVAL || problem == ENODEV ? 0 : problem;
    for (unsigned i = 0; i < n && !problem; i++) {
        uint64_t from = MIN(i * each, b->ram->size);

        slices[i] = (struct slice){ b->ram->host + from, MIN(each, b->ram->size - from) };
        threads[i] = g_thread_new("prealloc", populate, &slices[i]);
    }
    for (unsigned i = 0; i < n; i++) {
        int why = threads[i] ? GPOINTER_TO_INT(g_thread_join(threads[i])) : 0;

        problem = problem ? problem : why;
    }
    if (problem) {
        errno = problem;
        set_errno_error(error, "os_mem_prealloc: preallocating memory failed: %" PRIu64 " bytes",
                        b->ram->size);
    }
    return !problem;
}

static bool map_backend(struct machine *m, struct memory_backend *b, GError **error)
{
    struct memory_backend_options *o = &b->options;
    uint64_t page = page_size(b->fd), size = round_up(o->size, page);
    uint64_t align = MAX(MAX(o->align, page), size >= HUGE_PAGE ? HUGE_PAGE : 0);
    uint8_t *host = map_memory(b, size, align);

    if (!host) {
        set_errno_error(error,
                        "unable to map backing store for guest RAM '%s' of %" PRIu64 " bytes",
                        b->id, size);
        return false;
    }
    b->ram = ram_block_adopt(m, b->id, size, host, error);
    if (!b->ram) {
        munmap(host, size);
        return false;
    }
    b->ram->shared = o->share;
    b->ram->from_file = o->kind == MEMORY_BACKEND_FILE && !o->share;
    b->ram->kept = true;
    if (b->fd < 0) {
        madvise(host, size, MADV_HUGEPAGE); /* this one and the next: wishes */
    }
    madvise(host, size, o->merge ? MADV_MERGEABLE : MADV_UNMERGEABLE);
    madvise(host, size, o->dump ? MADV_DODUMP : MADV_DONTDUMP);
    return apply_policy(b, error) && (!o->prealloc || preallocate(b, page, error));
}

/* Backends ---------------------------------------------------------------------------------------- */

static void backend_free(struct machine *m, struct memory_backend *b)
{
    if (b->ram) {
        if (b->options.discard_data) {
            madvise(b->ram->host, b->ram->size, MADV_REMOVE); /* before the kernel writes it back */
        }
        ram_block_free(m, b->ram);
    }
    if (b->fd >= 0) {
        close(b->fd);
    }
    g_free(b->id);
    g_free(b);
}

struct memory_backend *memory_backend_new(struct machine *m, const char *id,
                                          const struct memory_backend_options *options,
                                          GError **error)
{
    struct memory_backend *b;

    if (options->size == 0 || options->size > SIZE_MAX_) {
        set_error(error,
                  "property 'size' of memory backend '%s' is %" PRIu64 ", must be 1 to 2^52 bytes",
                  id, options->size);
        return NULL;
    }
    if (options->align & (options->align - 1) || options->align > SIZE_MAX_) {
        set_error(error,
                  "property 'align' of memory backend '%s' is %" PRIu64 ", must be a power of two",
                  id, options->align);
        return NULL;
    }
    b = g_new0(struct memory_backend, 1);
    b->id = g_strdup(id);
    b->options = *options;
    b->options.path = NULL;
    b->options.size = round_up(options->size, GUEST_PAGE_SIZE);
    b->fd = -1;
    if (!open_backing(b, options, error) || !map_backend(m, b, error)) {
        backend_free(m, b);
        return NULL;
    }
    g_ptr_array_add(m->memory_backends, b);
    return b;
}

struct memory_backend *memory_backend_find(struct machine *m, const char *id)
{
    for (unsigned i = 0; i < m->memory_backends->len; i++) {
        struct memory_backend *b = g_ptr_array_index(m->memory_backends, i);

        if (strcmp(b->id, id) == 0) {
            return b;
        }
    }
    return NULL;
}

bool memory_backend_delete(struct machine *m, struct memory_backend *b, GError **error)
{
    if (b->used) {
        set_error(error, "object '%s' is in use, can not be deleted", b->id);
        return false;
    }
    if (m->ram_pinned) { /* a migration sends every block, also one that no device has */
        set_error(error, "object '%s' can not be deleted during a migration or a dump", b->id);
        return false;
    }
    g_ptr_array_remove(m->memory_backends, b);
    backend_free(m, b);
    return true;
}

void memory_backends_free(struct machine *m)
{
    for (unsigned i = 0; i < m->memory_backends->len; i++) {
        backend_free(m, g_ptr_array_index(m->memory_backends, i));
    }
    g_ptr_array_unref(m->memory_backends);
}

/* The board's RAM --------------------------------------------------------------------------------- */

static struct memory_backend *take_backend(struct machine *m, const char *id, uint64_t size,
                                           const char *what, GError **error)
{
    struct memory_backend *b = memory_backend_find(m, id);

    if (!b) {
        set_error(error, "%s: there is no -object memory-backend-... with id '%s'", what, id);
        return NULL;
    }
    if (b->used) {
        set_error(error, "%s: memory backend '%s' is used multiple times", what, id);
        return NULL;
    }
    if (b->options.size != size) {
        set_error(error,
                  "%s: memory backend '%s' has %" PRIu64 " bytes, must have the %" PRIu64
                  " of the machine's memory",
                  what, id, b->options.size, size);
        return NULL;
    }
    b->used = true;
    return b;
}

/* Each node's memory after the one of the node before. */
static bool init_from_nodes(struct machine *m, struct mem_region *mr, const char *name,
                            uint64_t size, GError **error)
{
    const struct numa_config *numa = &m->config.numa;
    uint64_t at = 0;

    mem_region_init_container(mr, m, name, size);
    for (unsigned i = 0; i < numa->n_nodes; i++) {
        const struct numa_node *n = &numa->nodes[i];
        struct memory_backend *b =
            n->memdev ? take_backend(m, n->memdev, n->mem, "-numa node,memdev=", error) : NULL;

        if (n->memdev && !b) {
            return false;
        }
        if (b) {
            mem_region_init_ram_block(&b->region, m, b->ram);
            b->region.size = n->mem; /* the block may end in a huge page's rest */
            mem_region_add(mr, at, &b->region, 0);
            at += n->mem;
        }
    }
    g_assert(at == size);
    return true;
}

bool memory_init_board_ram(struct machine *m, struct mem_region *mr, const char *name,
                           uint64_t size, GError **error)
{
    const struct numa_config *numa = &m->config.numa;
    struct memory_backend *b;

    if (m->config.memory_backend) {
        b = take_backend(m, m->config.memory_backend, size, "-machine memory-backend=", error);
        if (b) {
            mem_region_init_ram_block(mr, m, b->ram);
            mr->size = size;
        }
        return b != NULL;
    }
    for (unsigned i = 0; i < numa->n_nodes; i++) {
        if (numa->nodes[i].memdev) {
            return init_from_nodes(m, mr, name, size, error);
        }
    }
    if (!mem_region_init_ram(mr, m, name, size, error)) {
        return false;
    }
    madvise(mr->ram->host, size, m->config.no_dump_guest_core ? MADV_DONTDUMP : MADV_DODUMP);
    return true;
}
