/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/nvme_io.c: physical region pages, and the commands of the NVM command set.
 * Source: NVM Express 1.4: 4.3 (PRPs), 6 (commands).  Invariants and thread: nvme.h.
 */
#include <errno.h>
#include <string.h>
#include "hw/block/nvme.h"

/* clang-format off */
enum io_opcode { IO_FLUSH = 0x00, IO_WRITE = 0x01, IO_READ = 0x02, IO_WRITE_ZEROES = 0x08, IO_DATASET = 0x09 };
enum { CDW12_FUA = 1u << 30, DATASET_DEALLOCATE = 1 << 2 };
/* clang-format on */

/* Physical region pages ------------------------------------------------------------------------- */

/* What is behind the first page: a list of pages, whose last entry leads on where it is full (4.3). */
static enum nvme_status map_list(struct nvme_request *r, uint64_t list, uint64_t left,
                                 bool to_guest)
{
    struct machine *m = nvme_machine(r->s);
    uint32_t page = nvme_page(r->s);

    /* `left` shrinks with every entry but the one that leads on, and each list has two or more. */
    for (bool first = true; left > 0; first = false) {
        unsigned n = (unsigned)(page - (list & (page - 1))) / 8;

        if (list & (first ? 7 : page - 1)) {
            return NVME_PRP_OFFSET;
        }
        for (unsigned i = 0; i < n && left > 0; i++) {
            uint64_t entry, len = MIN(left, page);

            if (!dma_load(m, list + i * 8, &entry, 8)) {
                return NVME_DATA_TRANSFER;
            }
            if (i == n - 1 && left > page) {
                list = entry;
                break;
            }
            if (entry & (page - 1)) {
                return NVME_PRP_OFFSET;
            }
            if (!dma_list_add(&r->data, m, entry, len, to_guest)) {
                return NVME_DATA_TRANSFER;
            }
            left -= len;
        }
    }
    return NVME_SUCCESS;
}

enum nvme_status nvme_map(struct nvme_request *r, uint64_t bytes, bool to_guest)
{
    struct machine *m = nvme_machine(r->s);
    uint32_t page = nvme_page(r->s);
    uint64_t first = MIN(bytes, page - (r->cmd.prp1 & (page - 1)));

    if (bytes > NVME_MAX_BYTES) {
        return NVME_INVALID_FIELD;
    }
    if (r->cmd.prp1 & 3) {
        return NVME_PRP_OFFSET;
    }
    if (!dma_list_add(&r->data, m, r->cmd.prp1, first, to_guest)) {
        return NVME_DATA_TRANSFER;
    }
    bytes -= first;
    if (bytes == 0) {
        return NVME_SUCCESS;
    }
    if (bytes > page) {
        return map_list(r, r->cmd.prp2, bytes, to_guest);
    }
    if (r->cmd.prp2 & (page - 1)) {
        return NVME_PRP_OFFSET;
    }
    return dma_list_add(&r->data, m, r->cmd.prp2, bytes, to_guest) ? NVME_SUCCESS
                                                                   : NVME_DATA_TRANSFER;
}

/* Block requests -------------------------------------------------------------------------------- */

static enum nvme_status status_of(int error, bool write)
{
    switch (error) {
    case -ENOSPC:
        return NVME_CAPACITY;
    case -EROFS:
        return NVME_READ_ONLY;
    case -EIO:
        return write ? NVME_WRITE_FAULT : NVME_READ_ERROR;
    default:
        return NVME_INTERNAL;
    }
}

static void block_done(void *opaque, int result)
{
    struct nvme_request *r = opaque;

    if (result) {
        nvme_complete(r, status_of(result, r->req.op != BLOCK_READ));
    } else {
        r->step(r);
    }
}

static void submit(struct nvme_request *r, enum block_op op, uint64_t offset, uint64_t bytes,
                   void (*step)(struct nvme_request *r))
{
    int n = 0;

    g_free(r->req.iov);
    r->step = step;
    r->req = (struct block_request){ .blk = r->s->disk.blk,
                                     .op = op,
                                     .offset = offset,
                                     .bytes = bytes,
                                     .done = block_done,
                                     .opaque = r };
    if (op == BLOCK_READ || op == BLOCK_WRITE) {
        r->req.iov = dma_list_slice(&r->data, 0, bytes, &n);
        r->req.n_iov = n;
    }
    block_submit(&r->req);
}

static void succeed(struct nvme_request *r)
{
    nvme_complete(r, NVME_SUCCESS);
}

static void transferred(struct nvme_request *r)
{
    if (r->req.op == BLOCK_READ) {
        dma_list_written(&r->data, nvme_machine(r->s), 0, r->data.bytes);
    } else if (r->fua && r->s->disk.blk->write_cache) {
        submit(r, BLOCK_FLUSH, 0, 0, succeed);
        return;
    }
    succeed(r);
}

/* Commands -------------------------------------------------------------------------------------- */

static uint64_t start_of(const struct nvme_command *cmd)
{
    return cmd->cdw10 | (uint64_t)cmd->cdw11 << 32;
}

static bool in_range(const struct nvme *s, uint64_t at, uint64_t n)
{
    uint64_t blocks = disk_blocks(&s->disk);

    return at <= blocks && n <= blocks - at;
}

static enum nvme_status transfer(struct nvme_request *r)
{
    struct nvme *s = r->s;
    uint64_t at = start_of(&r->cmd), n = (r->cmd.cdw12 & 0xffff) + 1u;
    uint64_t bytes = n * s->disk.logical_block_size;
    bool write = r->cmd.opcode == IO_WRITE;
    enum nvme_status status;

    if (bytes > NVME_MAX_BYTES) {
        return NVME_INVALID_FIELD;
    }
    if (!in_range(s, at, n)) {
        return NVME_LBA_RANGE;
    }
    status = nvme_map(r, bytes, !write);
    if (status != NVME_SUCCESS) {
        return status;
    }
    r->fua = r->cmd.cdw12 & CDW12_FUA;
    *(write ? &s->writes : &s->reads) += 1;
    *(write ? &s->written_units : &s->read_units) += bytes / BLOCK_SECTOR;
    submit(r, write ? BLOCK_WRITE : BLOCK_READ, at * s->disk.logical_block_size, bytes,
           transferred);
    return NVME_LATER;
}

static enum nvme_status write_zeroes(struct nvme_request *r)
{
    uint64_t at = start_of(&r->cmd), n = (r->cmd.cdw12 & 0xffff) + 1u;
    uint64_t block = r->s->disk.logical_block_size;

    if (!in_range(r->s, at, n)) {
        return NVME_LBA_RANGE;
    }
    r->fua = r->cmd.cdw12 & CDW12_FUA;
    submit(r, BLOCK_WRITE_ZEROES, at * block, n * block, transferred);
    return NVME_LATER;
}

/* The ranges one after the other: attributes, 32-bit number of blocks, 64-bit address (6.7.1.1). */
static void next_range(struct nvme_request *r)
{
    uint64_t block = r->s->disk.logical_block_size, at;
    uint32_t n = 0;

    while (r->range < r->n_ranges && n == 0) {
        memcpy(&n, r->ranges + r->range * 16 + 4, 4);
        memcpy(&at, r->ranges + r->range * 16 + 8, 8);
        r->range++;
    }
    if (n == 0) {
        succeed(r);
    } else {
        submit(r, BLOCK_DISCARD, at * block, n * block, next_range);
    }
}

static enum nvme_status dataset(struct nvme_request *r)
{
    unsigned n = (r->cmd.cdw10 & 0xff) + 1;
    enum nvme_status status = nvme_map(r, n * 16, false);

    if (status != NVME_SUCCESS || !(r->cmd.cdw11 & DATASET_DEALLOCATE)) {
        return status;
    }
    r->ranges = g_malloc0(n * 16);
    r->n_ranges = n;
    dma_list_read(&r->data, 0, r->ranges, n * 16);
    for (unsigned i = 0; i < n; i++) {
        uint64_t at;
        uint32_t blocks;

        memcpy(&blocks, r->ranges + i * 16 + 4, 4);
        memcpy(&at, r->ranges + i * 16 + 8, 8);
        if (!in_range(r->s, at, blocks)) {
            return NVME_LBA_RANGE;
        }
    }
    next_range(r);
    return NVME_LATER;
}

static enum nvme_status flush(struct nvme_request *r)
{
    submit(r, BLOCK_FLUSH, 0, 0, succeed);
    return NVME_LATER;
}

static const struct io_command {
    uint8_t opcode;
    bool broadcast, writes;
    enum nvme_status (*run)(struct nvme_request *r);
} commands[] = {
    /* clang-format off */
    { IO_FLUSH,        true,  false, flush },
    { IO_WRITE,        false, true,  transfer },
    { IO_READ,         false, false, transfer },
    { IO_WRITE_ZEROES, false, true,  write_zeroes },
    { IO_DATASET,      false, true,  dataset },
    /* clang-format on */
};

enum nvme_status nvme_io(struct nvme_request *r)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        const struct io_command *c = &commands[i];

        if (c->opcode != r->cmd.opcode) {
            continue;
        }
        if (r->cmd.nsid != 1 && !(c->broadcast && r->cmd.nsid == NVME_BROADCAST)) {
            return NVME_INVALID_NAMESPACE;
        }
        return c->writes && block_read_only(r->s->disk.blk) ? NVME_READ_ONLY : c->run(r);
    }
    return NVME_INVALID_OPCODE;
}
