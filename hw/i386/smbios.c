/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/smbios.c: see smbios.h.  Source: DMTF DSP0134, SMBIOS 2.8.
 *
 * A structure is a formatted area, then its strings, each with a NUL, then one more NUL; a string
 * field holds the string's number, from 1.
 * Thread: any.
 */
#include "hw/i386/smbios.h"

#include <stdbool.h>
#include <string.h>

#define MAKER       "Rhea"
#define HANDLE_BIT  8 /* handles: type << 8 | n */
#define STATUS_SAFE 3
#define UNKNOWN     2
#define OTHER       1

/* A structure while it is written. */
struct table {
    GByteArray *out;
    size_t start;
    const char *strings[8];
    unsigned n_strings;
};

/* What the entry point says about all of them. */
struct totals {
    unsigned count, largest;
};

static void put(struct table *t, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = i < sizeof(v) ? (uint8_t)(v >> (8 * i)) : 0;

        g_byte_array_append(t->out, &byte, 1);
    }
}

static void put_string(struct table *t, const char *text)
{
    t->strings[t->n_strings++] = text;
    put(t, t->n_strings, 1);
}

static struct table begin(GByteArray *out, unsigned type, unsigned n)
{
    struct table t = { .out = out, .start = out->len };

    put(&t, type, 1);
    put(&t, 0, 1); /* length: end() */
    put(&t, type << HANDLE_BIT | n, 2);
    return t;
}

static void end(struct table *t, struct totals *sum)
{
    t->out->data[t->start + 1] = (uint8_t)(t->out->len - t->start);
    for (unsigned i = 0; i < t->n_strings; i++) {
        g_byte_array_append(t->out, (const uint8_t *)t->strings[i],
                            (guint)strlen(t->strings[i]) + 1);
    }
    put(t, 0, t->n_strings ? 1 : 2);
    sum->count++;
    sum->largest = MAX(sum->largest, t->out->len - (unsigned)t->start);
}

/* 7.2 */
static void add_system(const struct smbios_config *cfg, GByteArray *out, struct totals *sum)
{
    struct table t = begin(out, 1, 0);

    put_string(&t, MAKER);
    put_string(&t, cfg->product);
    put_string(&t, cfg->version);
    put(&t, 0, 1);  /* no serial number */
    put(&t, 0, 16); /* UUID: not set */
    put(&t, 6, 1);  /* woken by the power switch */
    put(&t, 0, 2);  /* no SKU, no family */
    end(&t, sum);
}

/* 7.4 */
static void add_chassis(const struct smbios_config *cfg, GByteArray *out, struct totals *sum)
{
    struct table t = begin(out, 3, 0);

    put_string(&t, MAKER);
    put(&t, OTHER, 1);
    put_string(&t, cfg->version);
    put(&t, 0, 2);                       /* no serial number, no asset tag */
    put(&t, STATUS_SAFE * 0x010101u, 3); /* boot-up, power supply, thermal */
    put(&t, UNKNOWN, 1);
    put(&t, 0, 4);
    put(&t, 0, 5); /* height, power cords, contained elements, SKU */
    end(&t, sum);
}

/* 7.5 */
static void add_processor(const struct smbios_config *cfg, unsigned n, GByteArray *out,
                          struct totals *sum)
{
    g_autofree char *socket = g_strdup_printf("CPU %u", n);
    struct table t = begin(out, 4, n);

    put_string(&t, socket);
    put(&t, 3, 1); /* central processor */
    put(&t, OTHER, 1);
    put_string(&t, MAKER);
    put(&t, 0, 8); /* id: CPUID has it */
    put_string(&t, cfg->version);
    put(&t, 0, 1); /* voltage */
    put(&t, 0, 2); /* external clock */
    put(&t, 2000, 2);
    put(&t, 2000, 2);
    put(&t, 0x41, 1); /* socket populated, CPU enabled */
    put(&t, OTHER, 1);
    put(&t, 0xffffffffffff, 6); /* cache handles: none */
    put(&t, 0, 3);              /* no serial number, asset tag, part number */
    put(&t, 0x010101, 3);       /* cores, enabled cores, threads */
    put(&t, 0, 2);
    put(&t, OTHER, 2);
    end(&t, sum);
}

/* 7.17: one array of memory; sizes from 2 TiB on stand in the extended field. */
static void add_memory_array(uint64_t bytes, unsigned devices, GByteArray *out, struct totals *sum)
{
    struct table t = begin(out, 16, 0);
    bool extended = bytes >> 10 >= 0x80000000u;

    put(&t, OTHER, 1);
    put(&t, 3, 1); /* system memory */
    put(&t, 6, 1); /* multi-bit ECC */
    put(&t, extended ? 0x80000000u : bytes >> 10, 4);
    put(&t, 0xfffe, 2); /* no error information */
    put(&t, devices, 2);
    put(&t, extended ? bytes : 0, 8);
    end(&t, sum);
}

/* 7.18 */
static void add_memory_device(unsigned n, uint64_t bytes, GByteArray *out, struct totals *sum)
{
    g_autofree char *slot = g_strdup_printf("DIMM %u", n);
    struct table t = begin(out, 17, n);
    uint64_t mib = bytes >> 20;

    put(&t, 16 << HANDLE_BIT, 2);
    put(&t, 0xfffe, 2); /* no error information */
    put(&t, 0xffff, 2); /* widths: unknown */
    put(&t, 0xffff, 2);
    put(&t, mib < 0x7fff ? mib : 0x7fff, 2);
    put(&t, 9, 1); /* DIMM */
    put(&t, 0, 1);
    put_string(&t, slot);
    put(&t, 0, 1); /* no bank */
    put(&t, 7, 1); /* RAM */
    put(&t, OTHER << 1, 2);
    put(&t, 0, 2); /* speed: unknown */
    put_string(&t, MAKER);
    put(&t, 0, 3); /* no serial number, asset tag, part number */
    put(&t, 0, 1);
    put(&t, mib < 0x7fff ? 0 : mib, 4);
    put(&t, 0, 2); /* speed, voltages: unknown */
    put(&t, 0, 6);
    end(&t, sum);
}

/* 7.20; addresses in KiB, both inclusive, or from 4 TiB on in bytes. */
static void add_mapped(unsigned n, uint64_t start, uint64_t bytes, GByteArray *out,
                       struct totals *sum)
{
    struct table t = begin(out, 19, n);
    uint64_t last = start + bytes - 1;
    bool extended = last >> 10 >= 0xffffffffu;

    put(&t, extended ? 0xffffffffu : start >> 10, 4);
    put(&t, extended ? 0xffffffffu : last >> 10, 4);
    put(&t, 16 << HANDLE_BIT, 2);
    put(&t, 1, 1);
    put(&t, extended ? start : 0, 8);
    put(&t, extended ? last : 0, 8);
    end(&t, sum);
}

static void add_memory(const struct smbios_config *cfg, GByteArray *out, struct totals *sum)
{
    const uint64_t dimm = 16ull << 30;
    uint64_t bytes = cfg->ram_below_4g + cfg->ram_above_4g;
    unsigned devices = (unsigned)((bytes + dimm - 1) / dimm);

    add_memory_array(bytes, devices, out, sum);
    for (unsigned i = 0; i < devices; i++) {
        add_memory_device(i, MIN(dimm, bytes - i * dimm), out, sum);
    }
    add_mapped(0, 0, cfg->ram_below_4g, out, sum);
    if (cfg->ram_above_4g) {
        add_mapped(1, 4ull << 30, cfg->ram_above_4g, out, sum);
    }
}

static uint8_t checksum(const uint8_t *data, size_t len)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + data[i]);
    }
    return (uint8_t)-sum;
}

/* 5.2.1; firmware puts the tables somewhere, their address here, and sums it up again. */
static void build_anchor(unsigned len, const struct totals *sum, uint8_t out[SMBIOS_ANCHOR_SIZE])
{
    memset(out, 0, SMBIOS_ANCHOR_SIZE);
    memcpy(out, "_SM_", 4);
    out[5] = SMBIOS_ANCHOR_SIZE;
    out[6] = 2; /* 2.8 */
    out[7] = 8;
    out[8] = (uint8_t)sum->largest;
    out[9] = (uint8_t)(sum->largest >> 8);
    memcpy(out + 16, "_DMI_", 5);
    out[22] = (uint8_t)len;
    out[23] = (uint8_t)(len >> 8);
    out[28] = (uint8_t)sum->count;
    out[29] = (uint8_t)(sum->count >> 8);
    out[30] = 0x28;
    out[21] = checksum(out + 16, 15);
    out[4] = checksum(out, SMBIOS_ANCHOR_SIZE);
}

void smbios_build(const struct smbios_config *cfg, GByteArray *tables,
                  uint8_t anchor[SMBIOS_ANCHOR_SIZE])
{
    struct totals sum = { 0 };
    struct table last;

    add_system(cfg, tables, &sum);
    add_chassis(cfg, tables, &sum);
    for (unsigned i = 0; i < cfg->n_cpus; i++) {
        add_processor(cfg, i, tables, &sum);
    }
    add_memory(cfg, tables, &sum);
    last = begin(tables, 32, 0); /* 7.33: booted without an error */
    put(&last, 0, 7);
    end(&last, &sum);
    last = begin(tables, 127, 0);
    end(&last, &sum);
    build_anchor(tables->len, &sum, anchor);
}
