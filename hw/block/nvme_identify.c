/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/nvme_identify.c: what the controller and its namespace say about themselves.
 * Source: NVM Express 1.4, 5.15.  Thread: under the machine lock.
 */
#include <string.h>
#include "hw/block/nvme.h"

enum { CNS_NAMESPACE = 0, CNS_CONTROLLER = 1, CNS_ACTIVE = 2, CNS_DESCRIPTORS = 3 };

static void put_text(uint8_t *at, const char *text, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        at[i] = (uint8_t)(*text ? *text++ : ' ');
    }
}

/* Bytes are those of figure 251. */
static void controller(const struct nvme *s, uint8_t *b)
{
    g_autofree char *nqn = g_strdup_printf("nqn.2014-08.rhea:nvme:%s", s->disk.serial);

    nvme_put(b, 0x1b36, 2);
    nvme_put(b + 2, PCI_DEFAULT_SUBSYS_VENDOR, 2);
    put_text(b + 4, s->disk.serial, 20);
    put_text(b + 24, "RHEA NVMe Ctrl", 40);
    put_text(b + 64, "1.0", 8);
    b[72] = 6; /* arbitration burst */
    b[77] = NVME_MDTS;
    nvme_put(b + 80, NVME_VERSION, 4);
    nvme_put(b + 92, 1 << 8, 4); /* tells of changed namespaces */
    b[111] = 1;                  /* an I/O controller */
    b[258] = 3;                  /* aborts at a time */
    b[259] = NVME_AERS - 1;
    b[260] = 3;                /* one firmware slot, read-only */
    b[261] = 1 << 1 | 1 << 2;  /* log pages: command effects, offsets */
    nvme_put(b + 266, 343, 2); /* warning and critical temperature */
    nvme_put(b + 268, 373, 2);
    b[512] = 0x66; /* sizes of entries: 64 and 16 bytes */
    b[513] = 0x44;
    nvme_put(b + 516, 1, 4);               /* namespaces */
    nvme_put(b + 520, 1 << 2 | 1 << 3, 2); /* dataset management, write zeroes */
    b[525] =
        s->disk.write_cache_on ? 7 : 6; /* a volatile write cache, flushed for all namespaces */
    memcpy(b + 768, nqn, MIN(strlen(nqn), 255));
    nvme_put(b + 2048, 2500, 2); /* power state 0: centiwatts, latencies */
    nvme_put(b + 2052, 16, 4);
    nvme_put(b + 2056, 4, 4);
}

/* Figure 249. */
static void namespace(const struct nvme *s, uint8_t *b)
{
    const struct disk *d = &s->disk;
    uint64_t blocks = disk_blocks(d), unit = disk_discard_unit(d) / d->logical_block_size;
    uint64_t physical = d->physical_block_size / d->logical_block_size;

    nvme_put(b, blocks, 8);
    nvme_put(b + 8, blocks, 8);
    nvme_put(b + 16, blocks, 8);
    b[24] = 1 << 4;                    /* the following are given */
    nvme_put(b + 64, physical - 1, 2); /* NPWG */
    nvme_put(b + 66, physical - 1, 2); /* NPWA */
    nvme_put(b + 68, unit - 1, 2);     /* NPDG */
    nvme_put(b + 70, unit - 1, 2);     /* NPDA */
    nvme_put(b + 72, d->opt_io_size ? d->opt_io_size / d->logical_block_size - 1 : 0, 2);
    for (unsigned i = 0; i < 8; i++) {
        b[120 + i] = (uint8_t)(s->eui64 >> (56 - 8 * i));
    }
    b[128 + 2] = (uint8_t)__builtin_ctzll(d->logical_block_size);
}

/* A name-based UUID (RFC 4122, version 3) of the serial number: the same at every start. */
static void put_uuid(const struct nvme *s, uint8_t *b)
{
    g_autoptr(GChecksum) md5 = g_checksum_new(G_CHECKSUM_MD5);
    gsize len = 16;

    g_checksum_update(md5, (const guchar *)"rhea nvme namespace ", -1);
    g_checksum_update(md5, (const guchar *)s->disk.serial, -1);
    g_checksum_get_digest(md5, b, &len);
    b[6] = (b[6] & 0x0f) | 0x30;
    b[8] = (b[8] & 0x3f) | 0x80;
}

static void descriptors(const struct nvme *s, uint8_t *b)
{
    if (s->eui64) {
        b[0] = 1;
        b[1] = 8;
        for (unsigned i = 0; i < 8; i++) {
            b[4 + i] = (uint8_t)(s->eui64 >> (56 - 8 * i));
        }
        b += 12;
    }
    b[0] = 3;
    b[1] = 16;
    put_uuid(s, b + 4);
}

enum nvme_status nvme_identify(struct nvme *s, const struct nvme_command *cmd, uint8_t *page)
{
    switch (cmd->cdw10 & 0xff) {
    case CNS_CONTROLLER:
        controller(s, page);
        return NVME_SUCCESS;
    case CNS_ACTIVE:
        if (cmd->nsid >= NVME_BROADCAST - 1) {
            return NVME_INVALID_NAMESPACE;
        }
        nvme_put(page, cmd->nsid < 1 ? 1 : 0, 4);
        return NVME_SUCCESS;
    case CNS_NAMESPACE:
        /* For all of them: what they have in common (5.15.2.1). */
        if (cmd->nsid != 1 && cmd->nsid != NVME_BROADCAST) {
            return NVME_INVALID_NAMESPACE;
        }
        namespace(s, page);
        return NVME_SUCCESS;
    case CNS_DESCRIPTORS:
        if (cmd->nsid != 1) {
            return NVME_INVALID_NAMESPACE;
        }
        descriptors(s, page);
        return NVME_SUCCESS;
    default:
        return NVME_INVALID_FIELD;
    }
}
