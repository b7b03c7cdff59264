/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/smbios.c: see smbios.h.  Source: DMTF DSP0134, SMBIOS 2.8.
 *
 * A structure is a formatted area, then its strings, each with a NUL, then one more NUL; a string
 * field holds the string's number, from 1.
 * Thread: any.
 */
#include "hw/i386/smbios.h"

#include <string.h>
#include "hw/i386/smbios_options.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/text.h"

#define MAKER       "Rhea"
#define HANDLE_BIT  8 /* handles: type << 8 | n */
#define STATUS_SAFE 3
#define UNKNOWN     2
#define OTHER       1
#define DIMM_SIZE   (16ull << 30)

/* What the structures are made from and where they go. */
struct builder {
    const struct smbios_config *cfg;
    const struct smbios_options *o;
    const char *product, *version; /* of the board */
    struct smbios_tables *t;
};

/* A structure while it is written. */
struct table {
    const struct builder *b;
    GByteArray *out;
    size_t start;
    const char *strings[8];
    unsigned n_strings;
};

static void put(struct table *t, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = i < sizeof(v) ? (uint8_t)(v >> (8 * i)) : 0;

        g_byte_array_append(t->out, &byte, 1);
    }
}

/* NULL: no string. */
static void put_string(struct table *t, const char *text)
{
    if (text) {
        t->strings[t->n_strings++] = text;
    }
    put(t, text ? t->n_strings : 0, 1);
}

static const char *chosen(const struct builder *b, enum smbios_field field, const char *def)
{
    return b->o->text[field] ? b->o->text[field] : def;
}

static void put_field(struct table *t, enum smbios_field field, const char *def)
{
    put_string(t, chosen(t->b, field, def));
}

static struct table begin(const struct builder *b, unsigned type, unsigned n)
{
    GByteArray *out = b->t->structures;
    struct table t = { .b = b, .out = out, .start = out->len };

    put(&t, type, 1);
    put(&t, 0, 1); /* length: end() */
    put(&t, type << HANDLE_BIT | n, 2);
    return t;
}

static void end(struct table *t)
{
    t->out->data[t->start + 1] = (uint8_t)(t->out->len - t->start);
    for (unsigned i = 0; i < t->n_strings; i++) {
        g_byte_array_append(t->out, (const uint8_t *)t->strings[i],
                            (guint)strlen(t->strings[i]) + 1);
    }
    put(t, 0, t->n_strings ? 1 : 2);
    t->b->t->count++;
    t->b->t->largest = MAX(t->b->t->largest, t->out->len - (unsigned)t->start);
}

/* 7.1; bits of the characteristics and of their second extension byte. */
#define BIOS_NOT_SUPPORTED (1u << 3)
#define BIOS_TARGETED      (1u << 2)
#define BIOS_IS_UEFI       (1u << 3)
#define BIOS_IS_VIRTUAL    (1u << 4)

static void add_bios(const struct builder *b)
{
    struct table t = begin(b, 0, 0);
    const char *release = b->o->text[BIOS_RELEASE];
    const char *minor = release ? strchr(release, '.') + 1 : NULL;
    bool uefi = false;

    if (b->o->text[BIOS_UEFI]) {
        parse_bool(b->o->text[BIOS_UEFI], &uefi);
    }
    put_field(&t, BIOS_VENDOR, MAKER);
    put_field(&t, BIOS_VERSION, "0");
    put(&t, 0xe800, 2); /* the segment it begins in */
    put_field(&t, BIOS_DATE, "04/01/2014");
    put(&t, 0, 1); /* 64 KiB */
    put(&t, BIOS_NOT_SUPPORTED, 8);
    put(&t, 0, 1);
    put(&t, BIOS_TARGETED | BIOS_IS_VIRTUAL | (uefi ? BIOS_IS_UEFI : 0), 1);
    put(&t, release ? (uint8_t)g_ascii_strtoull(release, NULL, 0) : 0, 1);
    put(&t, release ? (uint8_t)g_ascii_strtoull(minor, NULL, 0) : 0, 1);
    put(&t, 0xffff, 2); /* no embedded controller */
    end(&t);
}

/* 7.2.1: the first three fields of a UUID are little-endian numbers. */
static void put_uuid(struct table *t, const uint8_t uuid[16])
{
    static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

    for (unsigned i = 0; i < 16; i++) {
        put(t, uuid[order[i]], 1);
    }
}

/* 7.2 */
static void add_system(const struct builder *b)
{
    struct table t = begin(b, 1, 0);

    put_field(&t, SYSTEM_MANUFACTURER, MAKER);
    put_field(&t, SYSTEM_PRODUCT, b->product);
    put_field(&t, SYSTEM_VERSION, b->version);
    put_field(&t, SYSTEM_SERIAL, NULL);
    put_uuid(&t, b->t->uuid);
    put(&t, 6, 1); /* woken by the power switch */
    put_field(&t, SYSTEM_SKU, NULL);
    put_field(&t, SYSTEM_FAMILY, NULL);
    end(&t);
}

/* 7.3: nobody asks for it unless it has something to say. */
static void add_baseboard(const struct builder *b)
{
    struct table t = begin(b, 2, 0);

    put_field(&t, BOARD_MANUFACTURER, MAKER);
    put_field(&t, BOARD_PRODUCT, b->product);
    put_field(&t, BOARD_VERSION, b->version);
    put_field(&t, BOARD_SERIAL, NULL);
    put_field(&t, BOARD_ASSET, NULL);
    put(&t, 1, 1); /* a hosting board */
    put_field(&t, BOARD_LOCATION, NULL);
    put(&t, 3 << HANDLE_BIT, 2); /* the chassis */
    put(&t, 10, 1);              /* motherboard */
    put(&t, 0, 1);
    end(&t);
}

/* 7.4 */
static void add_chassis(const struct builder *b)
{
    struct table t = begin(b, 3, 0);

    put_field(&t, CHASSIS_MANUFACTURER, MAKER);
    put(&t, OTHER, 1);
    put_field(&t, CHASSIS_VERSION, b->version);
    put_field(&t, CHASSIS_SERIAL, NULL);
    put_field(&t, CHASSIS_ASSET, NULL);
    put(&t, STATUS_SAFE * 0x010101u, 3); /* boot-up, power supply, thermal */
    put(&t, UNKNOWN, 1);
    put(&t, 0, 4);
    put(&t, 0, 4); /* height, power cords, contained elements */
    put_field(&t, CHASSIS_SKU, NULL);
    end(&t);
}

/* 7.5 */
static void add_processor(const struct builder *b, unsigned n)
{
    g_autofree char *socket = g_strdup_printf("%s %u", chosen(b, CPU_SOCKET, "CPU"), n);
    struct table t = begin(b, 4, n);
    uint64_t family = smbios_number(b->o, CPU_FAMILY, OTHER);

    put_string(&t, socket);
    put(&t, 3, 1); /* central processor */
    put(&t, family > 0xfe ? 0xfe : family, 1);
    put_field(&t, CPU_MANUFACTURER, MAKER);
    put(&t, smbios_number(b->o, CPU_ID, 0), 8); /* 0: CPUID has it */
    put_field(&t, CPU_VERSION, b->version);
    put(&t, 0, 1); /* voltage */
    put(&t, 0, 2); /* external clock */
    put(&t, smbios_number(b->o, CPU_MAX_SPEED, 2000), 2);
    put(&t, smbios_number(b->o, CPU_CURRENT_SPEED, 2000), 2);
    put(&t, 0x41, 1); /* socket populated, CPU enabled */
    put(&t, OTHER, 1);
    put(&t, 0xffffffffffff, 6); /* cache handles: none */
    put_field(&t, CPU_SERIAL, NULL);
    put_field(&t, CPU_ASSET, NULL);
    put_field(&t, CPU_PART, NULL);
    put(&t, MIN(b->cfg->cores, 255), 1);
    put(&t, MIN(b->cfg->cores, 255), 1); /* enabled */
    put(&t, MIN(b->cfg->cores * b->cfg->threads, 255), 1);
    put(&t, 0, 2);
    put(&t, family, 2);
    end(&t);
}

/* 7.12 */
static void add_oem_strings(const struct builder *b)
{
    struct table t = begin(b, 11, 0);
    unsigned n = b->o->oem_strings->len;

    put(&t, n, 1);
    t.out->data[t.start + 1] = 5;
    for (unsigned i = 0; i < n; i++) { /* more than end() knows */
        const char *text = g_ptr_array_index(b->o->oem_strings, i);

        g_byte_array_append(t.out, (const uint8_t *)text, (guint)strlen(text) + 1);
    }
    put(&t, 0, 1);
    b->t->count++;
    b->t->largest = MAX(b->t->largest, t.out->len - (unsigned)t.start);
}

/* 7.17: one array of memory; sizes from 2 TiB on stand in the extended field. */
static void add_memory_array(const struct builder *b, uint64_t bytes, unsigned devices)
{
    struct table t = begin(b, 16, 0);
    bool extended = bytes >> 10 >= 0x80000000u;

    put(&t, OTHER, 1);
    put(&t, 3, 1); /* system memory */
    put(&t, 6, 1); /* multi-bit ECC */
    put(&t, extended ? 0x80000000u : bytes >> 10, 4);
    put(&t, 0xfffe, 2); /* no error information */
    put(&t, devices, 2);
    put(&t, extended ? bytes : 0, 8);
    end(&t);
}

/* 7.18 */
static void add_memory_device(const struct builder *b, unsigned n, uint64_t bytes)
{
    g_autofree char *slot = g_strdup_printf("%s %u", chosen(b, DIMM_LOCATION, "DIMM"), n);
    struct table t = begin(b, 17, n);
    uint64_t mib = bytes >> 20;

    put(&t, 16 << HANDLE_BIT, 2);
    put(&t, 0xfffe, 2); /* no error information */
    put(&t, 0xffff, 2); /* widths: unknown */
    put(&t, 0xffff, 2);
    put(&t, mib < 0x7fff ? mib : 0x7fff, 2);
    put(&t, 9, 1); /* DIMM */
    put(&t, 0, 1);
    put_string(&t, slot);
    put_field(&t, DIMM_BANK, NULL);
    put(&t, 7, 1); /* RAM */
    put(&t, OTHER << 1, 2);
    put(&t, smbios_number(b->o, DIMM_SPEED, 0), 2); /* 0: unknown */
    put_field(&t, DIMM_MANUFACTURER, MAKER);
    put_field(&t, DIMM_SERIAL, NULL);
    put_field(&t, DIMM_ASSET, NULL);
    put_field(&t, DIMM_PART, NULL);
    put(&t, 0, 1);
    put(&t, mib < 0x7fff ? 0 : mib, 4);
    put(&t, smbios_number(b->o, DIMM_SPEED, 0), 2); /* as configured; voltages: unknown */
    put(&t, 0, 6);
    end(&t);
}

/* 7.20; addresses in KiB, both inclusive, or from 4 TiB on in bytes. */
static void add_mapped(const struct builder *b, unsigned n, uint64_t start, uint64_t bytes)
{
    struct table t = begin(b, 19, n);
    uint64_t last = start + bytes - 1;
    bool extended = last >> 10 >= 0xffffffffu;

    put(&t, extended ? 0xffffffffu : start >> 10, 4);
    put(&t, extended ? 0xffffffffu : last >> 10, 4);
    put(&t, 16 << HANDLE_BIT, 2);
    put(&t, 1, 1);
    put(&t, extended ? start : 0, 8);
    put(&t, extended ? last : 0, 8);
    end(&t);
}

static unsigned dimms(const struct smbios_config *cfg)
{
    return (unsigned)((cfg->ram_below_4g + cfg->ram_above_4g + DIMM_SIZE - 1) / DIMM_SIZE);
}

static void add_dimms(const struct builder *b)
{
    uint64_t bytes = b->cfg->ram_below_4g + b->cfg->ram_above_4g;

    for (unsigned i = 0; i < dimms(b->cfg); i++) {
        add_memory_device(b, i, MIN(DIMM_SIZE, bytes - i * DIMM_SIZE));
    }
}

static void add_array(const struct builder *b)
{
    add_memory_array(b, b->cfg->ram_below_4g + b->cfg->ram_above_4g, dimms(b->cfg));
}

static void add_ranges(const struct builder *b)
{
    add_mapped(b, 0, 0, b->cfg->ram_below_4g);
    if (b->cfg->ram_above_4g) {
        add_mapped(b, 1, 4ull << 30, b->cfg->ram_above_4g);
    }
}

static void add_processors(const struct builder *b)
{
    for (unsigned i = 0; i < b->cfg->packages; i++) {
        add_processor(b, i);
    }
}

/* 7.33: booted without an error. */
static void add_boot_status(const struct builder *b)
{
    struct table t = begin(b, 32, 0);

    put(&t, 0, 7);
    end(&t);
}

static const struct {
    unsigned type;
    void (*add)(const struct builder *b);
    bool on_demand; /* only with a field of -smbios */
} structures[] = {
    { 0, add_bios, true },          { 1, add_system, false },     { 2, add_baseboard, true },
    { 3, add_chassis, false },      { 4, add_processors, false }, { 11, add_oem_strings, true },
    { 16, add_array, false },       { 17, add_dimms, false },     { 19, add_ranges, false },
    { 32, add_boot_status, false },
};

static uint8_t checksum(const uint8_t *data, size_t len)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + data[i]);
    }
    return (uint8_t)-sum;
}

static void sum_up(uint8_t anchor[SMBIOS_ANCHOR_SIZE])
{
    anchor[4] = anchor[21] = 0;
    anchor[21] = checksum(anchor + 16, 15);
    anchor[4] = checksum(anchor, SMBIOS_ANCHOR_SIZE);
}

/* 5.2.1; firmware puts the tables somewhere, their address here, and sums it up again. */
static void build_anchor(struct smbios_tables *t)
{
    uint8_t *out = t->anchor;
    unsigned len = t->structures->len;

    memcpy(out, "_SM_", 4);
    out[5] = SMBIOS_ANCHOR_SIZE;
    out[6] = 2; /* 2.8 */
    out[7] = 8;
    out[8] = (uint8_t)t->largest;
    out[9] = (uint8_t)(t->largest >> 8);
    memcpy(out + 16, "_DMI_", 5);
    out[22] = (uint8_t)len;
    out[23] = (uint8_t)(len >> 8);
    out[28] = (uint8_t)t->count;
    out[29] = (uint8_t)(t->count >> 8);
    out[30] = 0x28;
    sum_up(out);
}

static void add_files(const struct builder *b)
{
    const GByteArray *files = b->o->files;

    if (files->len) {
        g_byte_array_append(b->t->structures, files->data, files->len);
    }
    b->t->count += b->o->n_in_files;
    b->t->largest = MAX(b->t->largest, files->len); /* an upper bound will do */
}

static void add_ports(const struct builder *b)
{
    for (unsigned i = 0; i < b->o->ports->len; i++) {
        GByteArray *port = g_ptr_array_index(b->o->ports, i);
        unsigned handle = (unsigned)port->data[0] << HANDLE_BIT | i;

        port->data[2] = (uint8_t)handle;
        port->data[3] = (uint8_t)(handle >> 8);
        g_byte_array_append(b->t->structures, port->data, port->len);
        b->t->count++;
        b->t->largest = MAX(b->t->largest, port->len);
    }
}

static void add_all(const struct builder *b)
{
    struct table last;

    for (unsigned i = 0; i < G_N_ELEMENTS(structures); i++) {
        unsigned type = structures[i].type;

        if (!smbios_in_files(b->o, type) &&
            (!structures[i].on_demand || smbios_has_type(b->o, type))) {
            structures[i].add(b);
        }
    }
    add_ports(b);
    add_files(b);
    last = begin(b, 127, 0);
    end(&last);
}

struct smbios_tables *smbios_build(struct machine *m, const struct smbios_config *cfg,
                                   GError **error)
{
    const struct board_type *board = m->config.board;
    struct smbios_options *o = smbios_options_new(&m->config, error);
    struct smbios_tables *t;
    struct builder b = { cfg, o, board ? board->description : "PC", board ? board->name : "none" };

    if (!o) {
        return NULL;
    }
    t = b.t = g_new0(struct smbios_tables, 1);
    t->structures = g_byte_array_new();
    smbios_uuid(o, t->uuid);
    add_all(&b);
    smbios_options_free(o);
    if (t->structures->len > UINT16_MAX) {
        set_error(error, "-smbios: the tables have %u bytes, must have at most 65535",
                  t->structures->len);
        smbios_free(t);
        return NULL;
    }
    build_anchor(t);
    return t;
}

void smbios_install(const struct smbios_tables *t, struct machine *m)
{
    uint8_t anchor[SMBIOS_ANCHOR_SIZE];
    uint32_t addr = GUINT32_TO_LE(SMBIOS_ADDR);

    g_assert(t->structures->len <= SMBIOS_ROOM);
    memcpy(anchor, t->anchor, sizeof(anchor));
    memcpy(anchor + 24, &addr, 4);
    sum_up(anchor);
    address_space_write(&m->memory, SMBIOS_ADDR, t->structures->data, t->structures->len);
    address_space_write(&m->memory, SMBIOS_ANCHOR_ADDR, anchor, sizeof(anchor));
}

void smbios_free(struct smbios_tables *t)
{
    if (t) {
        g_byte_array_unref(t->structures);
        g_free(t);
    }
}
