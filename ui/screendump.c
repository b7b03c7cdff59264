/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/screendump.c: a picture of the screen as a PPM (netpbm, "P6") or PNG (RFC 2083) file.
 * Thread: under the machine lock.
 */
#include <string.h>
#include <zlib.h>
#include "softmmu/machine.h"
#include "ui/surface.h"
#include "util/error.h"

/* Rows of 3 bytes a pixel, each behind `lead` zero bytes: PNG's filter type "none". */
static GByteArray *rgb_rows(const struct surface *s, unsigned lead)
{
    size_t stride = lead + (size_t)s->width * 3;
    GByteArray *rows = g_byte_array_sized_new((guint)(stride * s->height));
    g_autofree uint8_t *row = g_malloc0(stride + 1);

    for (unsigned y = 0; y < s->height; y++) {
        const uint32_t *from = s->pixels + (size_t)y * s->width;
        uint8_t *to = row + lead;

        for (unsigned x = 0; x < s->width; x++, to += 3) {
            to[0] = (uint8_t)(from[x] >> 16);
            to[1] = (uint8_t)(from[x] >> 8);
            to[2] = (uint8_t)from[x];
        }
        g_byte_array_append(rows, row, (guint)stride);
    }
    return rows;
}

GByteArray *surface_to_ppm(const struct surface *s)
{
    g_autofree char *head = g_strdup_printf("P6\n%u %u\n255\n", s->width, s->height);
    g_autoptr(GByteArray) rows = rgb_rows(s, 0);
    GByteArray *out = g_byte_array_new();

    g_byte_array_append(out, (const uint8_t *)head, (guint)strlen(head));
    return g_byte_array_append(out, rows->data, rows->len);
}

static void put_be32(GByteArray *out, uint32_t v)
{
    v = GUINT32_TO_BE(v);
    g_byte_array_append(out, (const uint8_t *)&v, 4);
}

/* Length, type, data, CRC of type and data (3.2). */
static void put_chunk(GByteArray *out, const char *type, const uint8_t *data, size_t len)
{
    guint at;

    put_be32(out, (uint32_t)len);
    at = out->len;
    g_byte_array_append(out, (const uint8_t *)type, 4);
    if (len) {
        g_byte_array_append(out, data, (guint)len);
    }
    put_be32(out, (uint32_t)crc32(0, out->data + at, (uInt)(len + 4)));
}

GByteArray *surface_to_png(const struct surface *s)
{
    static const uint8_t signature[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    static const uint8_t format[5] = { 8, 2, 0, 0, 0 }; /* 8 bits, RGB, deflate, no interlace */
    g_autoptr(GByteArray) rows = rgb_rows(s, 1), head = g_byte_array_new();
    GByteArray *out = g_byte_array_new();
    uLongf len = compressBound(rows->len);
    g_autofree uint8_t *packed = g_malloc(len);

    put_be32(head, s->width);
    put_be32(head, s->height);
    g_byte_array_append(head, format, sizeof(format));
    compress2(packed, &len, rows->data, rows->len, Z_BEST_SPEED);
    g_byte_array_append(out, signature, sizeof(signature));
    put_chunk(out, "IHDR", head->data, head->len);
    put_chunk(out, "IDAT", packed, len);
    put_chunk(out, "IEND", NULL, 0);
    return out;
}

static const struct dump_format {
    const char *name, *suffix;
    GByteArray *(*make)(const struct surface *s);
} formats[] = {
    { "ppm", ".ppm", surface_to_ppm },
    { "png", ".png", surface_to_png },
};

static const struct dump_format *find_format(const char *path, const char *name, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (name ? strcmp(formats[i].name, name) == 0 : g_str_has_suffix(path, formats[i].suffix)) {
            return &formats[i];
        }
    }
    if (name) {
        set_error(error, "screendump: format is '%s', must be ppm or png", name);
        return NULL;
    }
    return &formats[0];
}

static struct display_console *find_screen(struct machine *m, const struct device *device,
                                           unsigned head, GError **error)
{
    struct display_console *c = m->displays;

    if (!device && !c) {
        set_error(error, "there is no screen to dump: start with -vga std or -device VGA");
        return NULL;
    }
    while (device && c && (c->device != device || c->head != head)) {
        c = c->next;
    }
    if (!c) {
        set_error(error, "device '%s' has no such screen", device->id ? device->id : "");
    }
    return c;
}

bool screendump(struct machine *m, const struct device *device, unsigned head, const char *path,
                const char *format, GError **error)
{
    const struct dump_format *f = find_format(path, format, error);
    struct display_console *c = f ? find_screen(m, device, head, error) : NULL;
    g_autoptr(GByteArray) file = NULL;
    struct surface s = { 0 };

    if (!c) {
        return false;
    }
    console_update(c, &s, true);
    if (!s.pixels) {
        set_error(error, "screendump: the host has no memory for the picture");
        return false;
    }
    file = f->make(&s);
    surface_clear(&s);
    return g_file_set_contents(path, (const char *)file->data, file->len, error);
}
