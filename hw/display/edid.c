/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/edid.c: the base block of a digital monitor.  Source: VESA E-EDID 1.4, section 3.
 * Thread: any.
 */
#include "hw/display/edid.h"

#include <string.h>
#include "util/error.h"

#define DTD_MAX   4095u  /* twelve bits (3.10.2) */
#define REFRESH   60u    /* Hz */
#define PIXEL_MAX 65535u /* of the clock, in units of 10 kHz */

/* The blanking of our detailed timing; the height's is at least that of a real monitor. */
enum { H_FRONT = 48, H_SYNC = 32, H_BLANK = 160, V_FRONT = 3, V_SYNC = 6, V_BLANK = 35 };

/* clang-format off */
/* Established timings (3.8): bit of bytes 35 and 36. */
static const struct { uint16_t x, y; uint8_t byte, bit; } established[] = {
    {  640,  480, 35, 0x20 },
    {  800,  600, 35, 0x01 },
    { 1024,  768, 36, 0x08 },
};

/* Standard timings (3.9); aspect: 0 is 16:10, 1 is 4:3, 2 is 5:4, 3 is 16:9. */
static const struct { uint16_t x, y; uint8_t aspect; } standard[8] = {
    { 1920, 1080, 3 },
    { 1920, 1200, 0 },
    { 1680, 1050, 0 },
    { 1600, 1200, 1 },
    { 1440,  900, 0 },
    { 1280, 1024, 2 },
    { 1280,  960, 1 },
    { 1280,  720, 3 },
};
/* clang-format on */

static bool offered(const struct edid_info *info, unsigned x, unsigned y)
{
    return (!info->xmax || x <= info->xmax) && (!info->ymax || y <= info->ymax);
}

bool edid_check(const struct edid_info *info, const char *device, GError **error)
{
    uint64_t clock = (uint64_t)(info->xres + H_BLANK) * (info->yres + V_BLANK) * REFRESH / 10000;

    if (info->xres < 64 || info->xres > DTD_MAX || info->yres < 64 || info->yres > DTD_MAX) {
        set_error(error, "%s: xres and yres are %u and %u, must be 64 to %u", device, info->xres,
                  info->yres, DTD_MAX);
        return false;
    }
    if (clock > PIXEL_MAX) {
        set_error(error, "%s: %ux%u needs a pixel clock above 655 MHz, which EDID cannot say",
                  device, info->xres, info->yres);
        return false;
    }
    return true;
}

/* 3.10.2 */
static void detailed_timing(uint8_t *d, const struct edid_info *info)
{
    unsigned x = info->xres, y = info->yres;
    unsigned clock = (unsigned)((uint64_t)(x + H_BLANK) * (y + V_BLANK) * REFRESH / 10000);
    unsigned mm_x = x * 254 / 1000, mm_y = y * 254 / 1000; /* 100 dpi */

    d[0] = (uint8_t)clock;
    d[1] = (uint8_t)(clock >> 8);
    d[2] = (uint8_t)x;
    d[3] = H_BLANK & 0xff;
    d[4] = (uint8_t)((x >> 8) << 4 | H_BLANK >> 8);
    d[5] = (uint8_t)y;
    d[6] = V_BLANK;
    d[7] = (uint8_t)((y >> 8) << 4);
    d[8] = H_FRONT;
    d[9] = H_SYNC;
    d[10] = V_FRONT << 4 | V_SYNC;
    d[12] = (uint8_t)mm_x;
    d[13] = (uint8_t)mm_y;
    d[14] = (uint8_t)((mm_x >> 8) << 4 | mm_y >> 8);
    d[17] = 0x18; /* digital separate sync */
}

/* 3.10.3: a descriptor that is text, ended by a newline and padded with blanks. */
static void text_descriptor(uint8_t *d, uint8_t tag, const char *text)
{
    size_t len = strlen(text);

    d[3] = tag;
    memset(d + 5, ' ', 13);
    memcpy(d + 5, text, len);
    d[5 + len] = '\n';
}

static void range_descriptor(uint8_t *d)
{
    static const uint8_t range[] = {
        0, 0,    0,   0xfd, 0,   50,  125, 30,  160, 66, /* Hz, kHz, up to 660 MHz */
        1, '\n', ' ', ' ',  ' ', ' ', ' ', ' ',          /* limits only: no GTF */
    };

    memcpy(d, range, sizeof(range));
}

void edid_generate(uint8_t out[EDID_SIZE], const struct edid_info *info)
{
    /* Chromaticity of sRGB (3.7). */
    static const uint8_t srgb[10] = { 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54 };
    unsigned id = ('R' - '@') << 10 | ('H' - '@') << 5 | ('E' - '@');
    uint8_t sum = 0;

    memset(out, 0, EDID_SIZE);
    memset(out + 1, 0xff, 6);
    out[8] = (uint8_t)(id >> 8);
    out[9] = (uint8_t)id;
    out[10] = 1; /* product code */
    out[12] = 1; /* serial number */
    out[17] = 2022 - 1990;
    out[18] = 1; /* version 1.4 */
    out[19] = 4;
    out[20] = 0xa5; /* digital, 8 bits a colour, DisplayPort */
    out[21] = (uint8_t)MIN(info->xres * 254 / 10000, 255); /* cm */
    out[22] = (uint8_t)MIN(info->yres * 254 / 10000, 255);
    out[23] = 220 - 100; /* gamma 2.2 */
    out[24] = 0x06;      /* sRGB, the first detailed timing is preferred */
    memcpy(out + 25, srgb, sizeof(srgb));
    for (unsigned i = 0; i < G_N_ELEMENTS(established); i++) {
        if (offered(info, established[i].x, established[i].y)) {
            out[established[i].byte] |= established[i].bit;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(standard); i++) {
        bool use = offered(info, standard[i].x, standard[i].y);

        out[38 + i * 2] = use ? (uint8_t)(standard[i].x / 8 - 31) : 1;
        out[39 + i * 2] = use ? (uint8_t)(standard[i].aspect << 6 | (REFRESH - 60)) : 1;
    }
    detailed_timing(out + 54, info);
    range_descriptor(out + 72);
    text_descriptor(out + 90, 0xfc, "Rhea Monitor");
    out[108 + 3] = 0x10; /* dummy */
    for (unsigned i = 0; i < EDID_SIZE - 1; i++) {
        sum = (uint8_t)(sum + out[i]);
    }
    out[127] = (uint8_t)-sum;
}
