/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/ramfb_test.c: a screen in RAM, as firmware describes it.  Thread: the test's. */
#include <string.h>
#include "hw/nvram/fw_cfg.h"
#include "tests/device/rig.h"
#include "ui/surface.h"

#define PICTURE 0x400000u
#define REQUEST 0x1000u
#define FILE_AT 0x2000u
#define XR24    0x34325258u

struct fixture {
    struct rig *r;
    struct device *dev;
};

static void set_up(struct fixture *f)
{
    f->r = rig_new();
    rig_device_realize(f->r, rig_device_new(f->r, &fw_cfg_type, NULL));
    f->dev = rig_device(f->r, "ramfb", NULL);
}

/* Writes "etc/ramfb" by DMA, as firmware does. */
static void describe(struct fixture *f, uint64_t addr, uint32_t fourcc, uint32_t w, uint32_t h,
                     uint32_t stride)
{
    struct fw_cfg *fw = fw_cfg_find(f->r->m);
    unsigned i = 0;

    while (strcmp(g_array_index(fw->files, struct fw_cfg_file, i).name, "etc/ramfb") != 0) {
        g_assert_cmpuint(++i, <, fw->files->len);
    }
    rig_store(f->r, FILE_AT, GUINT64_TO_BE(addr), 8);
    rig_store(f->r, FILE_AT + 8, GUINT32_TO_BE(fourcc), 4);
    rig_store(f->r, FILE_AT + 12, 0, 4);
    rig_store(f->r, FILE_AT + 16, GUINT32_TO_BE(w), 4);
    rig_store(f->r, FILE_AT + 20, GUINT32_TO_BE(h), 4);
    rig_store(f->r, FILE_AT + 24, GUINT32_TO_BE(stride), 4);
    rig_store(f->r, REQUEST, GUINT32_TO_BE((FW_CFG_FILE_FIRST + i) << 16 | 8 | 16), 4);
    rig_store(f->r, REQUEST + 4, GUINT32_TO_BE(28), 4);
    rig_store(f->r, REQUEST + 8, GUINT64_TO_BE(FILE_AT), 8);
    rig_outl(f->r, 0x514, 0);
    rig_outl(f->r, 0x518, GUINT32_TO_BE(REQUEST));
    g_assert_cmphex(rig_load(f->r, REQUEST, 4), ==, 0);
}

static void a_picture_in_ram_is_shown(void)
{
    struct fixture f;
    struct surface s = { 0 };

    set_up(&f);
    console_update(f.r->m->displays, &s, false);
    g_assert_cmpuint(s.width, ==, 640); /* nothing yet */
    rig_store(f.r, PICTURE + 8192 * 3 + 5 * 4, 0xff123456, 4);
    describe(&f, PICTURE, XR24, 100, 50, 8192);
    console_update(f.r->m->displays, &s, false);
    g_assert_cmpuint(s.width, ==, 100);
    g_assert_cmpuint(s.height, ==, 50);
    g_assert_cmphex(surface_row(&s, 3)[5], ==, 0x123456);
    console_update(f.r->m->displays, &s, false);
    g_assert_cmpuint(s.dirty_first, ==, s.dirty_end); /* nothing was written */
    rig_store(f.r, PICTURE + 8192 * 20, 0x777777, 4);
    console_update(f.r->m->displays, &s, false);
    g_assert_cmpuint(s.dirty_first, ==, 20);
    g_assert_cmpuint(s.dirty_end, ==, 21);
    g_assert_cmphex(surface_row(&s, 20)[0], ==, 0x777777);
    surface_clear(&s);
    rig_free(f.r);
}

static void formats_have_their_depths(void)
{
    static const struct {
        uint32_t fourcc, bytes, pixel;
    } rows[] = {
        { XR24, 0x00112233, 0x112233 },       { 0x34325241, 0x80112233, 0x112233 },
        { 0x34324752, 0x00332211, 0x332211 }, { 0x36314752, 0x0000f800, 0xff0000 },
        { 0x35315258, 0x00007c00, 0xff0000 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct fixture f;
        struct surface s = { 0 };

        set_up(&f);
        rig_store(f.r, PICTURE, rows[i].bytes, 4);
        describe(&f, PICTURE, rows[i].fourcc, 32, 8, 0);
        console_update(f.r->m->displays, &s, true);
        g_assert_cmphex(s.pixels[0], ==, rows[i].pixel);
        surface_clear(&s);
        rig_free(f.r);
    }
}

/* What cannot be shown leaves what was shown; memory that is not RAM is not read. */
static void bad_descriptions_are_harmless(void)
{
    static const struct {
        uint64_t addr;
        uint32_t fourcc, w, h, stride;
    } rows[] = {
        { PICTURE, 0x20202020, 32, 8, 0 },
        { PICTURE, XR24, 0, 8, 0 },
        { PICTURE, XR24, 32, 0, 0 },
        { PICTURE, XR24, 32, 8, 127 },
        { PICTURE, XR24, UINT32_MAX, UINT32_MAX, UINT32_MAX },
        { PICTURE, XR24, 0x40000001, 8, 0 },
    };
    struct fixture f;
    struct surface s = { 0 };

    set_up(&f);
    describe(&f, PICTURE, XR24, 64, 16, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        describe(&f, rows[i].addr, rows[i].fourcc, rows[i].w, rows[i].h, rows[i].stride);
        console_update(f.r->m->displays, &s, false);
        g_assert_cmpuint(s.width, ==, 64);
    }
    describe(&f, RIG_RAM_SIZE - 100, XR24, 32, 8, 0);
    console_update(f.r->m->displays, &s, false);
    describe(&f, UINT64_MAX - 50, XR24, 32, 8, 0);
    console_update(f.r->m->displays, &s, true);
    describe(&f, 0xc0000000, XR24, 16384, 16384, UINT32_MAX);
    console_update(f.r->m->displays, &s, false);
    g_assert_cmpuint(s.width, ==, 64);
    surface_clear(&s);
    rig_free(f.r);
}

static void state_has_the_mode(void)
{
    struct fixture f;
    struct surface s = { 0 };

    set_up(&f);
    describe(&f, PICTURE, XR24, 64, 16, 0);
    rig_check_state(f.r, f.dev);
    rig_store(f.r, PICTURE, 0xabcdef, 4);
    console_update(f.r->m->displays, &s, false);
    g_assert_cmpuint(s.width, ==, 64);
    g_assert_cmphex(s.pixels[0], ==, 0xabcdef);
    surface_clear(&s);
    rig_free(f.r);
}

static void it_needs_fw_cfg(void)
{
    struct rig *r = rig_new();
    g_autofree char *why = rig_device_error(r, device_type_find("ramfb"), NULL);

    g_assert_nonnull(strstr(why, "fw_cfg"));
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ramfb/picture", a_picture_in_ram_is_shown);
    g_test_add_func("/ramfb/formats", formats_have_their_depths);
    g_test_add_func("/ramfb/bad", bad_descriptions_are_harmless);
    g_test_add_func("/ramfb/state", state_has_the_mode);
    g_test_add_func("/ramfb/fw-cfg", it_needs_fw_cfg);
    return g_test_run();
}
