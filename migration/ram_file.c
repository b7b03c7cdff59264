/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migration/ram_file.c: see ram_file.h, also for the thread. */
#include "migration/ram_file.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/error.h"

#define ALIGN (2ull << 20) /* as RAM itself is */

static const struct ram_block *block_of(const GPtrArray *blocks, unsigned i)
{
    return g_ptr_array_index(blocks, i);
}

static uint64_t round_up(uint64_t v)
{
    return (v + ALIGN - 1) / ALIGN * ALIGN;
}

static uint32_t section_size(unsigned n)
{
    return 12 + n * 8;
}

struct ram_file *ram_file_new(int fd, const GPtrArray *blocks, uint64_t position)
{
    struct ram_file *f = g_new0(struct ram_file, 1);
    uint64_t at =
        round_up(position + section_size(blocks->len) + 300); /* the section's own frame */

    f->fd = fd;
    f->blocks = blocks;
    f->offsets = g_new0(uint64_t, blocks->len);
    f->written = g_new0(uint64_t *, blocks->len);
    for (unsigned i = 0; i < blocks->len; i++) {
        f->offsets[i] = at;
        f->written[i] = g_new0(uint64_t, (block_of(blocks, i)->size >> GUEST_PAGE_BITS) / 64 + 1);
        at = round_up(at + block_of(blocks, i)->size);
    }
    f->rest = at;
    return f;
}

void ram_file_free(struct ram_file *f)
{
    for (unsigned i = 0; f && i < f->blocks->len; i++) {
        g_free(f->written[i]);
    }
    if (f) {
        g_free(f->written);
        g_free(f->offsets);
        g_free(f);
    }
}

static void put(GByteArray *to, uint64_t v, unsigned size)
{
    v = GUINT64_TO_LE(v);
    g_byte_array_append(to, (const uint8_t *)&v, size);
}

bool ram_file_put(const struct ram_file *f, struct stream_out *out, GError **error)
{
    g_autoptr(GByteArray) data = g_byte_array_new();

    put(data, f->rest, 8);
    put(data, f->blocks->len, 4);
    for (unsigned i = 0; i < f->blocks->len; i++) {
        put(data, f->offsets[i], 8);
    }
    return stream_put(out, "mapped", 0, 1, data->data, data->len, error);
}

static bool write_page(struct ram_file *f, unsigned block, uint64_t page, const void *bytes,
                       GError **error)
{
    off_t at = (off_t)(f->offsets[block] + (page << GUEST_PAGE_BITS));
    ssize_t n = pwrite(f->fd, bytes, GUEST_PAGE_SIZE, at);

    if (n != GUEST_PAGE_SIZE) {
        errno = n < 0 ? errno : ENOSPC;
        set_errno_error(error, "cannot write RAM");
        return false;
    }
    return true;
}

bool ram_file_save_pages(struct ram_file *f, unsigned block, uint64_t first, uint64_t n,
                         const uint64_t *bitmap, struct ram_progress *progress, GError **error)
{
    const uint8_t *host = block_of(f->blocks, block)->host;
    uint64_t *written = f->written[block];

    for (uint64_t i = 0; i < n; i++) {
        uint64_t page = first + i, bit = 1ull << page % 64;
        uint8_t copy[GUEST_PAGE_SIZE];
        bool zero;

        if (!(bitmap[i / 64] >> i % 64 & 1)) {
            continue;
        }
        zero = ram_page_is_zero(host + (page << GUEST_PAGE_BITS));
        *(zero ? &progress->zero_pages : &progress->normal_pages) += 1;
        if (zero && !(written[page / 64] & bit)) {
            continue; /* a hole */
        }
        ram_copy_page(copy, host + (page << GUEST_PAGE_BITS));
        written[page / 64] |= bit;
        if (!write_page(f, block, page, copy, error)) {
            return false;
        }
    }
    return true;
}

/* Loading --------------------------------------------------------------------------------------- */

static uint64_t get(const struct section *s, guint at, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, s->data->data + at, size);
    return GUINT64_FROM_LE(v);
}

static bool check(const GPtrArray *blocks, const struct section *s, uint64_t end, GError **error)
{
    if (s->version != 1 || s->data->len != section_size(blocks->len) ||
        get(s, 8, 4) != blocks->len) {
        set_error(error, "section 'mapped' 0: version %u, %u bytes, must be 1, %u", s->version,
                  s->data->len, section_size(blocks->len));
        return false;
    }
    for (unsigned i = 0; i < blocks->len; i++) {
        uint64_t at = get(s, 12 + i * 8, 8), size = block_of(blocks, i)->size;

        if (at % GUEST_PAGE_SIZE || at > end || size > end - at) {
            set_error(error,
                      "section 'mapped' 0: %s is at %" PRIu64 ", must be in whole pages within the "
                      "%" PRIu64 " bytes of the file",
                      block_of(blocks, i)->name, at, end);
            return false;
        }
    }
    if (get(s, 0, 8) > end) {
        set_error(error, "section 'mapped' 0: the stream ends in what it tells of");
        return false;
    }
    return true;
}

/* Memory that others map, too, must stay what they see. */
static bool read_block(int fd, struct ram_block *b, uint64_t at, GError **error)
{
    for (uint64_t done = 0; done < b->size;) {
        ssize_t n = pread(fd, b->host + done, b->size - done, (off_t)(at + done));

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            set_errno_error(error, "section 'mapped' 0: cannot read %s", b->name);
            return false;
        }
        done += (uint64_t)n;
    }
    return true;
}

bool ram_file_map(int fd, const GPtrArray *blocks, const struct section *s, uint64_t *rest,
                  GError **error)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        set_error(error, "section 'mapped' 0: only a regular file can have it");
        return false;
    }
    if (!check(blocks, s, (uint64_t)st.st_size, error)) {
        return false;
    }
    for (unsigned i = 0; i < blocks->len; i++) {
        struct ram_block *b = g_ptr_array_index(blocks, i);
        uint64_t at = get(s, 12 + i * 8, 8);

        if (b->shared) {
            if (!read_block(fd, b, at, error)) {
                return false;
            }
            continue;
        }
        if (mmap(b->host, b->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd,
                 (off_t)at) == MAP_FAILED) {
            set_errno_error(error, "section 'mapped' 0: cannot map %s", b->name);
            return false;
        }
        b->from_file = true;
    }
    *rest = get(s, 0, 8);
    return true;
}
