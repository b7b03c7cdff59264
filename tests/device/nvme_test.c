/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/nvme_test.c: an NVM Express controller: queues, what it says of itself, commands, events,
 * drivers that break the rules.
 */
#include "hw/block/nvme.h"
#include "tests/device/bad_disk.h"
#include "tests/device/drive_rig.h"
#include "tests/device/fuzz.h"
#include "tests/device/pci_rig.h"

#define SECTORS 4096u
#define BAR     0xe0000000u
#define MSIX    0xe1000000u
#define MSG     0x700000u
#define ASQ     0x100000u
#define ACQ     0x110000u
#define SQ      0x120000u /* of queue n: 64 KiB further */
#define CQ      0x220000u
#define DATA    0x400000u
#define LIST    0x300000u
#define SIZE    16u

struct nvme_rig {
    struct rig *r;
    struct mem_region memory;
    struct nvme *dev;
    struct block_backend *blk;
    unsigned tail[4], head[4];
    bool phase[4];
    uint32_t result;
};

static uint64_t sq_base(unsigned q)
{
    return q ? SQ + q * 0x10000 : ASQ;
}

static uint64_t cq_base(unsigned q)
{
    return q ? CQ + q * 0x10000 : ACQ;
}

static void reset_queue(struct nvme_rig *f, unsigned q)
{
    static const uint8_t zeroes[SIZE * 64];

    f->tail[q] = f->head[q] = 0;
    f->phase[q] = true;
    rig_write(f->r, sq_base(q), zeroes, sizeof(zeroes));
    rig_write(f->r, cq_base(q), zeroes, SIZE * 16);
}

static void enable(struct nvme_rig *f, uint32_t cc)
{
    rig_store(f->r, BAR + 0x14, 0, 4);
    g_assert_cmphex(rig_load(f->r, BAR + 0x1c, 4), ==, 0);
    reset_queue(f, 0);
    rig_store(f->r, BAR + 0x24, (SIZE - 1) * 0x10001, 4);
    rig_store(f->r, BAR + 0x28, ASQ, 8);
    rig_store(f->r, BAR + 0x30, ACQ, 8);
    rig_store(f->r, BAR + 0x14, cc | 0x460001, 4);
}

static void set_up(struct nvme_rig *f, gconstpointer data)
{
    g_autofree char *props = g_strdup_printf("drive=d0,serial=abc,%s", (const char *)data);

    f->r = rig_new();
    pci_rig_host(f->r, &f->memory)->bus.lines[0] = rig_irq_sink(f->r, 20);
    f->blk = drive_rig_new(f->r, "d0", SECTORS, false);
    f->dev = (struct nvme *)rig_device(f->r, "nvme", props);
    pci_rig_write(f->r, f->dev->pci.devfn, PCI_BAR0, BAR, 4);
    pci_rig_write(f->r, f->dev->pci.devfn, PCI_BAR0 + 16, MSIX, 4);
    pci_rig_write(f->r, f->dev->pci.devfn, PCI_COMMAND, 6, 2);
    enable(f, 0);
    g_assert_cmphex(rig_load(f->r, BAR + 0x1c, 4), ==, 1);
}

static void tear_down(struct nvme_rig *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

static void add(struct nvme_rig *f, unsigned q, const struct nvme_command *cmd)
{
    rig_write(f->r, sq_base(q) + f->tail[q] * 64, cmd, sizeof(*cmd));
    f->tail[q] = (f->tail[q] + 1) % SIZE;
}

static void ring(struct nvme_rig *f, unsigned q)
{
    rig_store(f->r, BAR + 0x1000 + q * 8, f->tail[q], 4);
}

/* The next completion's status, or -1. */
static int completed(struct nvme_rig *f, unsigned q)
{
    uint64_t at = cq_base(q) + f->head[q] * 16;
    uint16_t status = (uint16_t)rig_load(f->r, at + 14, 2);

    if ((status & 1) != f->phase[q]) {
        return -1;
    }
    f->result = (uint32_t)rig_load(f->r, at, 4);
    if (++f->head[q] == SIZE) {
        f->head[q] = 0;
        f->phase[q] = !f->phase[q];
    }
    rig_store(f->r, BAR + 0x1004 + q * 8, f->head[q], 4);
    g_assert_cmphex(status >> 15, ==, (status >> 1 & 0x7ff) != 0); /* do not retry */
    return status >> 1 & 0x7ff;
}

static int finish(struct nvme_rig *f, unsigned q)
{
    int status;

    ring(f, q);
    while ((status = completed(f, q)) < 0) {
        g_assert_cmphex(rig_load(f->r, BAR + 0x1c, 4), ==, 1);
        machine_iterate(f->r->m, true);
    }
    return status;
}

static int run(struct nvme_rig *f, unsigned q, struct nvme_command cmd)
{
    cmd.cid = 0x1234;
    add(f, q, &cmd);
    return finish(f, q);
}
#define RUN(q, ...) run(f, q, (struct nvme_command){ __VA_ARGS__ })

static void add_queues(struct nvme_rig *f, unsigned q)
{
    reset_queue(f, q);
    g_assert_cmphex(RUN(0, .opcode = 5, .prp1 = cq_base(q), .cdw10 = q | (SIZE - 1) << 16,
                        .cdw11 = 3 | q << 16),
                    ==, 0);
    g_assert_cmphex(RUN(0, .opcode = 1, .prp1 = sq_base(q), .cdw10 = q | (SIZE - 1) << 16,
                        .cdw11 = 1 | q << 16),
                    ==, 0);
}

static int transfer(struct nvme_rig *f, unsigned opcode, uint64_t at, unsigned n, uint64_t prp1,
                    uint64_t prp2)
{
    return RUN(1, .opcode = (uint8_t)opcode, .nsid = 1, .prp1 = prp1, .prp2 = prp2,
               .cdw10 = (uint32_t)at, .cdw11 = (uint32_t)(at >> 32), .cdw12 = n - 1);
}

/* What it says of itself ------------------------------------------------------------------------ */

static void it_says_what_it_is(struct nvme_rig *f, gconstpointer data)
{
    char text[41] = { 0 };

    (void)data;
    g_assert_cmphex(pci_rig_read(f->r, 0, 0, 4), ==, 0x00101b36);
    g_assert_cmphex(pci_rig_read(f->r, 0, PCI_REVISION, 4) >> 8, ==, 0x010802);
    g_assert_cmphex(rig_load(f->r, BAR, 8), ==, 0x004000200f0107ffull);
    g_assert_cmphex(rig_load(f->r, BAR + 8, 4), ==, 0x10400);
    g_assert_cmphex(RUN(0, .opcode = 6, .prp1 = DATA, .cdw10 = 1), ==, 0);
    rig_read(f->r, DATA + 4, text, 20);
    g_assert_cmpstr(text, ==, "abc                 ");
    g_assert_cmpuint(rig_load(f->r, DATA + 77, 1), ==, 7);
    g_assert_cmpuint(rig_load(f->r, DATA + 516, 4), ==, 1);
    g_assert_cmphex(RUN(0, .opcode = 6, .nsid = 1, .prp1 = DATA, .cdw10 = 0), ==, 0);
    g_assert_cmpuint(rig_load(f->r, DATA, 8), ==, SECTORS / 8);
    g_assert_cmphex(rig_load(f->r, DATA + 128, 4), ==, 12 << 16);
    g_assert_cmphex(RUN(0, .opcode = 6, .nsid = 0, .prp1 = DATA, .cdw10 = 2), ==, 0);
    g_assert_cmphex(rig_load(f->r, DATA, 8), ==, 1);
    g_assert_cmphex(RUN(0, .opcode = 6, .nsid = 1, .prp1 = DATA, .cdw10 = 2), ==, 0);
    g_assert_cmphex(rig_load(f->r, DATA, 8), ==, 0);
    g_assert_cmphex(RUN(0, .opcode = 6, .nsid = 1, .prp1 = DATA, .cdw10 = 3), ==, 0);
    g_assert_cmphex(rig_load(f->r, DATA, 2), ==, 0x0801);
    g_assert_cmphex(rig_load(f->r, DATA + 12, 2), ==, 0x1003);
    g_assert_cmphex(RUN(0, .opcode = 6, .nsid = 2, .prp1 = DATA, .cdw10 = 0), ==, 0x0b);
    g_assert_cmphex(RUN(0, .opcode = 6, .nsid = 1, .prp1 = DATA, .cdw10 = 0xff), ==, 2);
    g_assert_cmphex(RUN(0, .opcode = 0xff), ==, 1);
}

static void features_and_logs(struct nvme_rig *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(RUN(0, .opcode = 9, .cdw10 = 7, .cdw11 = 0x30003), ==, 0);
    g_assert_cmphex(f->result, ==, 0x10001);
    g_assert_cmphex(RUN(0, .opcode = 10, .cdw10 = 6), ==, 0);
    g_assert_cmphex(f->result, ==, 1);
    g_assert_cmphex(RUN(0, .opcode = 9, .cdw10 = 6, .cdw11 = 0), ==, 0);
    g_assert_false(f->blk->write_cache);
    g_assert_cmphex(RUN(0, .opcode = 9, .cdw10 = 4, .cdw11 = 0x150), ==, 0);
    rig_check_state(f->r, &f->dev->pci.dev);
    g_assert_false(f->blk->write_cache);
    g_assert_cmphex(RUN(0, .opcode = 10, .cdw10 = 4), ==, 0);
    g_assert_cmphex(f->result, ==, 0x150);
    g_assert_cmphex(RUN(0, .opcode = 10, .cdw10 = 0x104), ==, 0);
    g_assert_cmphex(f->result, ==, 343);
    g_assert_cmphex(RUN(0, .opcode = 10, .cdw10 = 0x30), ==, 2);
    g_assert_cmphex(RUN(0, .opcode = 2, .prp1 = DATA, .cdw10 = 2 | 127 << 16), ==, 0);
    g_assert_cmphex(rig_load(f->r, DATA + 3, 1), ==, 100);
    g_assert_cmphex(RUN(0, .opcode = 2, .prp1 = DATA, .cdw10 = 5 | 1023 << 16), ==, 0);
    g_assert_cmphex(rig_load(f->r, DATA + 1024 + 4, 4), ==, 3);
    g_assert_cmphex(RUN(0, .opcode = 2, .prp1 = DATA, .cdw10 = 2, .cdw12 = 4096), ==, 2);
    g_assert_cmphex(RUN(0, .opcode = 2, .prp1 = DATA, .cdw10 = 0x77), ==, 0x109);
}

/* Data ------------------------------------------------------------------------------------------ */

static void data_moves(struct nvme_rig *f, gconstpointer data)
{
    (void)data;
    add_queues(f, 1);
    for (unsigned i = 0; i < 40; i++) { /* around the rings */
        g_assert_cmphex(transfer(f, 2, 7 + i, 2, DATA + 512, 0), ==, 0);
        g_assert_cmphex(rig_load(f->r, DATA + 512, 1), ==, 7 + i);
        g_assert_cmphex(rig_load(f->r, DATA + 1535, 1), ==, 8 + i);
    }
    /* Over the end of a page, and over two. */
    g_assert_cmphex(transfer(f, 2, 100, 2, DATA + 4096 - 512, DATA + 0x8000), ==, 0);
    g_assert_cmphex(rig_load(f->r, DATA + 4095, 1), ==, 100);
    g_assert_cmphex(rig_load(f->r, DATA + 0x8000, 1), ==, 101);
    rig_store(f->r, LIST + 8, DATA + 0x10000, 8);
    rig_store(f->r, LIST + 16, DATA + 0x13000, 8);
    g_assert_cmphex(transfer(f, 2, 0, 24, DATA, LIST + 8), ==, 0);
    g_assert_cmphex(rig_load(f->r, DATA, 1), ==, 0);
    g_assert_cmphex(rig_load(f->r, DATA + 0x10fff, 1), ==, 15);
    g_assert_cmphex(rig_load(f->r, DATA + 0x13fff, 1), ==, 23);
    /* A list at the end of its page leads on to another one; all of 512 KiB. */
    rig_store(f->r, LIST + 0xff8, LIST + 0x2000, 8);
    for (unsigned i = 0; i < 127; i++) {
        rig_store(f->r, LIST + 0x2000 + i * 8, DATA + 0x1000 + i * 0x1000, 8);
    }
    g_assert_cmphex(transfer(f, 2, 1000, 1024, DATA, LIST + 0xff8), ==, 0);
    g_assert_cmphex(rig_load(f->r, DATA + 1023 * 512, 1), ==, (1000 + 1023) & 0xff);
    g_assert_cmphex(transfer(f, 1, 2000, 1024, DATA, LIST + 0xff8), ==, 0);
    g_assert_cmphex(drive_rig_byte(f->blk, 2000 * 512), ==, 1000 & 0xff);
    g_assert_cmphex(drive_rig_byte(f->blk, 3023 * 512), ==, 2023 & 0xff);
    g_assert_cmphex(RUN(1, .opcode = 1, .nsid = 1, .prp1 = DATA, .cdw12 = 1u << 30), ==, 0);
    g_assert_cmphex(RUN(1, .opcode = 0, .nsid = 1), ==, 0);
    g_assert_cmphex(RUN(1, .opcode = 0, .nsid = UINT32_MAX), ==, 0);
    rig_check_state(f->r, &f->dev->pci.dev);
}

static void bad_commands_fail(struct nvme_rig *f, gconstpointer data)
{
    (void)data;
    add_queues(f, 1);
    g_assert_cmphex(transfer(f, 2, SECTORS, 1, DATA, 0), ==, 0x80);
    g_assert_cmphex(transfer(f, 2, SECTORS - 1, 2, DATA, 0), ==, 0x80);
    g_assert_cmphex(transfer(f, 1, UINT64_MAX, 2, DATA, 0), ==, 0x80);
    g_assert_cmphex(transfer(f, 2, 0, 1025, DATA, LIST), ==, 2);
    g_assert_cmphex(transfer(f, 2, 0, 1, DATA + 1, 0), ==, 0x13);
    g_assert_cmphex(transfer(f, 2, 0, 9, DATA, DATA + 0x1008), ==, 0x13);
    g_assert_cmphex(transfer(f, 2, 0, 1, 0xf0000000, 0), ==, 4);
    g_assert_cmphex(transfer(f, 2, 0, 1, BAR + 0x1000, 0), ==, 4);
    g_assert_cmphex(transfer(f, 2, 0, 24, DATA, BAR), ==, 4);
    g_assert_cmphex(transfer(f, 2, 0, 24, DATA, LIST + 4), ==, 0x13);
    rig_store(f->r, LIST, DATA + 8, 8);
    g_assert_cmphex(transfer(f, 2, 0, 24, DATA, LIST), ==, 0x13);
    rig_store(f->r, LIST + 0xff8, LIST + 0x2008, 8);
    g_assert_cmphex(transfer(f, 2, 0, 24, DATA, LIST + 0xff8), ==, 0x13);
    g_assert_cmphex(RUN(1, .opcode = 2, .nsid = 2, .prp1 = DATA), ==, 0x0b);
    g_assert_cmphex(RUN(1, .opcode = 2, .nsid = UINT32_MAX, .prp1 = DATA), ==, 0x0b);
    g_assert_cmphex(RUN(1, .opcode = 2, .flags = 0x40, .nsid = 1, .prp1 = DATA), ==, 2);
    g_assert_cmphex(RUN(1, .opcode = 0x77, .nsid = 1), ==, 1);
    bad_disk_make(f->blk, 50, 1);
    g_assert_cmphex(transfer(f, 2, 48, 4, DATA, 0), ==, 0x281);
    g_assert_cmphex(transfer(f, 1, 50, 1, DATA, 0), ==, 0x280);
    g_assert_cmphex(transfer(f, 2, 51, 1, DATA, 0), ==, 0);
}

static void ranges_are_cleared(struct nvme_rig *f, gconstpointer data)
{
    (void)data;
    add_queues(f, 1);
    g_assert_cmphex(RUN(1, .opcode = 8, .nsid = 1, .cdw10 = 200, .cdw12 = 7), ==, 0);
    g_assert_cmphex(drive_rig_byte(f->blk, 199 * 512), ==, 199);
    g_assert_cmphex(drive_rig_byte(f->blk, 200 * 512), ==, 0);
    g_assert_cmphex(drive_rig_byte(f->blk, 208 * 512), ==, 208);
    g_assert_cmphex(RUN(1, .opcode = 8, .nsid = 1, .cdw10 = SECTORS - 1, .cdw12 = 1), ==, 0x80);
    for (unsigned i = 0; i < 3; i++) {
        rig_store(f->r, DATA + i * 16, 0, 4);
        rig_store(f->r, DATA + i * 16 + 4, i == 1 ? 0 : 4, 4);
        rig_store(f->r, DATA + i * 16 + 8, 300 + i * 10, 8);
    }
    g_assert_cmphex(RUN(1, .opcode = 9, .nsid = 1, .prp1 = DATA, .cdw10 = 2, .cdw11 = 4), ==, 0);
    g_assert_cmphex(RUN(1, .opcode = 9, .nsid = 1, .prp1 = DATA, .cdw10 = 2), ==, 0);
    rig_store(f->r, DATA + 40, UINT64_MAX, 8);
    g_assert_cmphex(RUN(1, .opcode = 9, .nsid = 1, .prp1 = DATA, .cdw10 = 2, .cdw11 = 4), ==, 0x80);
    g_assert_cmphex(RUN(1, .opcode = 9, .nsid = 1, .prp1 = 0xf0000000, .cdw11 = 4), ==, 4);
}

/* Queues ---------------------------------------------------------------------------------------- */

static void queues_are_checked(struct nvme_rig *f, gconstpointer data)
{
    const uint32_t size = (SIZE - 1) << 16;

    (void)data;
    g_assert_cmphex(RUN(0, .opcode = 5, .prp1 = CQ, .cdw10 = size, .cdw11 = 1), ==, 0x101);
    g_assert_cmphex(RUN(0, .opcode = 5, .prp1 = CQ, .cdw10 = 3 | size, .cdw11 = 1), ==, 0x101);
    g_assert_cmphex(RUN(0, .opcode = 5, .prp1 = CQ, .cdw10 = 1, .cdw11 = 1), ==, 0x102);
    g_assert_cmphex(RUN(0, .opcode = 5, .prp1 = CQ, .cdw10 = 1 | 0xffff0000, .cdw11 = 1), ==,
                    0x102);
    g_assert_cmphex(RUN(0, .opcode = 5, .prp1 = CQ + 8, .cdw10 = 1 | size, .cdw11 = 1), ==, 0x13);
    g_assert_cmphex(RUN(0, .opcode = 5, .prp1 = CQ, .cdw10 = 1 | size, .cdw11 = 0), ==, 2);
    g_assert_cmphex(RUN(0, .opcode = 5, .prp1 = CQ, .cdw10 = 1 | size, .cdw11 = 65 << 16 | 1), ==,
                    0x108);
    g_assert_cmphex(RUN(0, .opcode = 1, .prp1 = SQ, .cdw10 = 1 | size, .cdw11 = 1 | 1 << 16), ==,
                    0x100);
    add_queues(f, 1);
    g_assert_cmphex(RUN(0, .opcode = 5, .prp1 = CQ, .cdw10 = 1 | size, .cdw11 = 1), ==, 0x101);
    g_assert_cmphex(RUN(0, .opcode = 4, .cdw10 = 1), ==, 0x10c);
    g_assert_cmphex(RUN(0, .opcode = 0, .cdw10 = 1), ==, 0);
    g_assert_cmphex(RUN(0, .opcode = 0, .cdw10 = 1), ==, 0x101);
    g_assert_cmphex(RUN(0, .opcode = 4, .cdw10 = 1), ==, 0);
    g_assert_cmphex(RUN(0, .opcode = 4, .cdw10 = 0), ==, 0x101);
    add_queues(f, 1);
    add_queues(f, 2);
    g_assert_cmphex(transfer(f, 2, 9, 1, DATA, 0), ==, 0);
}

/* A driver that does not take completions gets no more of them than its queue holds. */
static void a_full_queue_waits(struct nvme_rig *f, gconstpointer data)
{
    const struct nvme_command flush = { .opcode = 0, .nsid = 1 };
    const struct nvme_command *cmd = &flush;
    unsigned n = 0;

    (void)data;
    add_queues(f, 1);
    for (unsigned round = 0; round < 3; round++) { /* 45 commands */
        for (unsigned i = 0; i < SIZE - 1; i++) {
            add(f, 1, cmd);
        }
        ring(f, 1);
        block_drain(f->blk);
    }
    g_assert_cmpuint(f->dev->cqs[1].tail, ==, SIZE - 1);
    rig_check_state(f->r, &f->dev->pci.dev);
    while (completed(f, 1) == 0) {
        block_drain(f->blk);
        n++;
    }
    /* The third round wrote over the second one, and moved the tail to 14 before the head. */
    g_assert_cmpuint(n, ==, SIZE - 1 + 14);
}

static void interrupts(struct nvme_rig *f, gconstpointer data)
{
    (void)data;
    RUN(0, .opcode = 8); /* taken by now */
    g_assert_false(f->r->lines[20].level);
    g_assert_cmpuint(f->r->lines[20].edges, ==, 1);
    rig_store(f->r, BAR + 0x0c, 1, 4); /* INTMS */
    RUN(0, .opcode = 8);
    g_assert_cmpuint(f->r->lines[20].edges, ==, 1);
    rig_store(f->r, BAR + 0x10, 1, 4);
    pci_rig_write(f->r, 0, f->dev->msix.cap + 2, 0x8000, 2);
    for (unsigned i = 0; i < 3; i++) {
        rig_store(f->r, MSIX + i * 16, MSG + i * 4, 8);
        rig_store(f->r, MSIX + i * 16 + 8, i + 1, 4);
        rig_store(f->r, MSIX + i * 16 + 12, 0, 4);
    }
    add_queues(f, 1);
    g_assert_cmpuint(rig_load(f->r, MSG, 4), ==, 1);
    g_assert_cmpuint(rig_load(f->r, MSG + 4, 4), ==, 0);
    RUN(1, .opcode = 0, .nsid = 1);
    g_assert_cmpuint(rig_load(f->r, MSG + 4, 4), ==, 2);
    g_assert_cmpuint(f->r->lines[20].edges, ==, 1);
}

static void add_event_request(struct nvme_rig *f)
{
    const struct nvme_command cmd = { .opcode = 12, .cid = 0x77 };

    add(f, 0, &cmd);
    ring(f, 0);
}

static void events_are_told(struct nvme_rig *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 4; i++) {
        add_event_request(f);
    }
    g_assert_cmpint(completed(f, 0), ==, -1);
    g_assert_cmphex(RUN(0, .opcode = 12), ==, 0x105);
    rig_store(f->r, BAR + 0x1000 + 9 * 8, 1, 4); /* a doorbell without a queue */
    g_assert_cmpint(completed(f, 0), ==, 0);
    g_assert_cmphex(f->result, ==, 0x10000);
    rig_store(f->r, BAR + 0x1004, 999, 4); /* a value that is out of range, masked until ... */
    g_assert_cmpint(completed(f, 0), ==, -1);
    rig_check_state(f->r, &f->dev->pci.dev);
    g_assert_cmphex(RUN(0, .opcode = 2, .prp1 = DATA, .cdw10 = 1 | 15 << 16), ==, 0); /* ... this */
    g_assert_cmphex(f->result, ==, 0x10100);
    g_assert_cmpint(completed(f, 0), ==, 0);
}

static void another_size_is_told(struct nvme_rig *f, gconstpointer data)
{
    (void)data;
    add_event_request(f);
    f->blk->root->size = 2 * f->blk->root->size;
    block_backend_resized(f->blk);
    g_assert_cmpint(completed(f, 0), ==, 0);
    g_assert_cmphex(f->result, ==, 0x40002); /* a notice: look at page 4 */
    g_assert_cmphex(RUN(0, .opcode = 2, .prp1 = DATA, .cdw10 = 4 | 1023 << 16), ==, 0);
    g_assert_cmphex(rig_load(f->r, DATA, 8), ==, 1); /* namespace 1, and no other */
    g_assert_cmphex(RUN(0, .opcode = 6, .nsid = 1, .prp1 = DATA), ==, 0);
    g_assert_cmpuint(rig_load(f->r, DATA, 8), ==, f->blk->root->size / 512);
}

/* Resets ---------------------------------------------------------------------------------------- */

static void resets_give_up(struct nvme_rig *f, gconstpointer data)
{
    const struct nvme_command read = { .opcode = 2, .nsid = 1, .prp1 = DATA };

    (void)data;
    add_queues(f, 1);
    add(f, 1, &read);
    ring(f, 1);
    g_assert_cmphex(RUN(0, .opcode = 0, .cdw10 = 1), ==, 0); /* its queue goes */
    g_assert_cmpint(completed(f, 1), ==, 8);
    add_queues(f, 2);
    add(f, 2, &read);
    ring(f, 2);
    rig_check_state(f->r, &f->dev->pci.dev);
    g_assert_cmpint(completed(f, 2), ==, 0);
    add(f, 2, &read);
    ring(f, 2);
    enable(f, 0);
    g_assert_cmpuint(f->blk->in_flight, ==, 0);
    g_assert_cmpint(completed(f, 2), ==, -1);
    rig_store(f->r, BAR + 0x14, 0x464001, 4); /* shutdown */
    while ((rig_load(f->r, BAR + 0x1c, 4) & 12) == 4) {
        machine_iterate(f->r->m, true);
    }
    g_assert_cmphex(rig_load(f->r, BAR + 0x1c, 4) & 12, ==, 8);
    enable(f, 0);
    g_assert_cmphex(rig_load(f->r, BAR + 0x1c, 4), ==, 1);
    add_queues(f, 1);
    add(f, 1, &read);
    ring(f, 1);
    device_free(&f->dev->pci.dev); /* unplugged */
    g_assert_null(f->blk->front);
}

static void fatal_states(struct nvme_rig *f, gconstpointer data)
{
    (void)data;
    enable(f, 1 << 4); /* another command set */
    g_assert_cmphex(rig_load(f->r, BAR + 0x1c, 4), ==, 2);
    enable(f, 5 << 7); /* pages of 128 KiB */
    g_assert_cmphex(rig_load(f->r, BAR + 0x1c, 4), ==, 2);
    enable(f, 0);
    rig_store(f->r, BAR + 0x14, 0, 4);
    rig_store(f->r, BAR + 0x28, BAR, 8); /* a queue in its own registers */
    rig_store(f->r, BAR + 0x14, 0x460001, 4);
    rig_store(f->r, BAR + 0x1000, 1, 4);
    g_assert_cmphex(rig_load(f->r, BAR + 0x1c, 4), ==, 3);
    rig_store(f->r, BAR + 0x1000, 2, 4);
    rig_store(f->r, BAR + 0x14, 0, 4);
    rig_store(f->r, BAR + 0x28, ASQ, 8);
    rig_store(f->r, BAR + 0x30, BAR + 0x1000, 8);
    rig_store(f->r, BAR + 0x14, 0x460001, 4);
    rig_store(f->r, BAR + 0x1000, 1, 4);
    g_assert_cmphex(rig_load(f->r, BAR + 0x1c, 4), ==, 3);
    enable(f, 0);
    g_assert_cmphex(RUN(0, .opcode = 8), ==, 0);
    fuzz_memory(f->r, BAR, 0x1100);
}

static void mistakes_are_named(void)
{
    static const char *const rows[][2] = {
        { "drive=d0", "serial=TEXT is needed" },
        { "serial=abc", "drive=ID is missing" },
        { "drive=d0,serial=abc,max_ioqpairs=65", "must be 1 to 64" },
        { "drive=d0,serial=abc,msix_qsize=129", "must be 1 to 128" },
    };
    g_autoptr(rig) r = rig_new();
    struct mem_region memory;

    pci_rig_host(r, &memory);
    drive_rig_new(r, "d0", 64, false);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = rig_device_error(r, &nvme_type, rows[i][0]);

        g_assert_nonnull(strstr(text, rows[i][1]));
    }
}

#define ADD(path, props, function)                                                                 \
    g_test_add("/nvme/" path, struct nvme_rig, props, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("identify", "logical_block_size=4k,physical_block_size=4k,eui64=1", it_says_what_it_is);
    ADD("features", "max_ioqpairs=2", features_and_logs);
    ADD("io/data", "", data_moves);
    ADD("io/bad", "", bad_commands_fail);
    ADD("io/ranges", "", ranges_are_cleared);
    ADD("queues/checks", "max_ioqpairs=2", queues_are_checked);
    ADD("queues/full", "", a_full_queue_waits);
    ADD("interrupts", "", interrupts);
    ADD("events", "", events_are_told);
    ADD("size", "", another_size_is_told);
    ADD("resets", "", resets_give_up);
    ADD("fatal", "", fatal_states);
    g_test_add_func("/nvme/mistakes", mistakes_are_named);
    return g_test_run();
}
