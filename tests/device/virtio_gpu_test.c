/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/virtio_gpu_test.c: the virtio graphics card: resources, backing, scanouts, flushes, pointer, EDID,
 * commands that must fail, state.  Thread: the test's.
 */
#include "hw/display/virtio_gpu.h"
#include "tests/device/virtio_rig.h"
#include "ui/text.h"

#define COMMAND 0x600000u
#define ENTRIES 0x601000u
#define REPLY   0x602000u
#define PICTURE 0xa00000u
#define ALL     (VIRTIO_RIG_BASIC | 1ull << 1)
#define BGRX    2u

static void set_up_as(struct virtio_rig *f, const char *name, const char *props)
{
    virtio_rig_machine(f);
    virtio_rig_set_up_on(f, rig_device(f->r, name, props));
    if (strcmp(name, "virtio-vga") == 0) {
        pci_rig_write(f->r, f->dev->pci.devfn, PCI_BAR0, 0xd0000000, 4);
        pci_rig_write(f->r, f->dev->pci.devfn, PCI_BAR0 + 8, VIRTIO_RIG_BAR, 4);
        pci_rig_write(f->r, f->dev->pci.devfn, PCI_BAR0 + 16, VIRTIO_RIG_MSIX, 4);
    }
    virtio_rig_start(f, ALL, 2, 16);
}

static void set_up(struct virtio_rig *f, const char *props)
{
    set_up_as(f, "virtio-gpu-pci", props);
}

static struct display_console *screen(struct virtio_rig *f, unsigned n)
{
    struct display_console *c = f->r->m->displays;

    while (n-- > 0) {
        c = c->next;
    }
    return c;
}

/* Words of a command behind its header, to a queue; the answer's type. */
static uint32_t command_on(struct virtio_rig *f, unsigned queue, uint32_t type,
                           const uint32_t *words, unsigned n, uint32_t extra)
{
    struct rig_buffer b[2] = { { COMMAND, 24 + n * 4 + extra, false }, { REPLY, 1100, true } };

    rig_store(f->r, COMMAND, type, 4);
    for (unsigned i = 4; i < 24; i += 4) {
        rig_store(f->r, COMMAND + i, 0, 4);
    }
    rig_write(f->r, COMMAND + 24, words, n * sizeof(*words));
    rig_store(f->r, REPLY, 0, 4);
    virtio_rig_run(f, queue, b, queue ? 1 : 2);
    return (uint32_t)rig_load(f->r, REPLY, 4);
}

#define COMMAND_OF(f, type, ...)                                                                   \
    command_on(f, 0, type, (const uint32_t[]){ __VA_ARGS__ },                                      \
               sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4, 0)

static uint32_t create(struct virtio_rig *f, uint32_t id, uint32_t format, uint32_t w, uint32_t h)
{
    return COMMAND_OF(f, 0x101, id, format, w, h);
}

/* The backing: runs of `piece` bytes, the later ones at lower addresses. */
static uint32_t attach(struct virtio_rig *f, uint32_t id, uint64_t addr, uint32_t bytes,
                       uint32_t piece)
{
    uint32_t words[2 + 4 * 64] = { id }, n = 0;

    for (uint32_t at = 0; at < bytes; at += piece, n++) {
        uint64_t where = addr + bytes - at - MIN(piece, bytes - at);

        words[2 + n * 4] = (uint32_t)where;
        words[3 + n * 4] = (uint32_t)(where >> 32);
        words[4 + n * 4] = MIN(piece, bytes - at);
    }
    words[1] = n;
    return command_on(f, 0, 0x106, words, 2 + n * 4, 0);
}

static uint32_t transfer(struct virtio_rig *f, uint32_t id, uint32_t x, uint32_t y, uint32_t w,
                         uint32_t h, uint32_t offset)
{
    return COMMAND_OF(f, 0x105, x, y, w, h, offset, 0, id, 0);
}

static uint32_t flush(struct virtio_rig *f, uint32_t id, uint32_t x, uint32_t y, uint32_t w,
                      uint32_t h)
{
    return COMMAND_OF(f, 0x104, x, y, w, h, id, 0);
}

static uint32_t scanout(struct virtio_rig *f, uint32_t n, uint32_t id, uint32_t x, uint32_t y,
                        uint32_t w, uint32_t h)
{
    return COMMAND_OF(f, 0x103, x, y, w, h, n, id);
}

/* 64x32 pixels whose values say where they are, shown on screen 0. */
static void show_picture(struct virtio_rig *f)
{
    for (uint32_t i = 0; i < 64 * 32; i++) {
        rig_store(f->r, PICTURE + i * 4, 0xaa000000 | (i / 64) << 8 | i % 64, 4);
    }
    g_assert_cmphex(create(f, 1, BGRX, 64, 32), ==, GPU_OK);
    g_assert_cmphex(attach(f, 1, PICTURE, 64 * 32 * 4, 64 * 32 * 4), ==, GPU_OK);
    g_assert_cmphex(transfer(f, 1, 0, 0, 64, 32, 0), ==, GPU_OK);
    g_assert_cmphex(scanout(f, 0, 1, 0, 0, 64, 32), ==, GPU_OK);
    g_assert_cmphex(flush(f, 1, 0, 0, 64, 32), ==, GPU_OK);
}

static void a_picture_is_shown(void)
{
    struct virtio_rig f;
    struct surface s = { 0 };

    set_up(&f, NULL);
    show_picture(&f);
    console_update(screen(&f, 0), &s, false);
    g_assert_cmpuint(s.width, ==, 64);
    g_assert_cmpuint(s.height, ==, 32);
    for (unsigned i = 0; i < 64 * 32; i++) {
        g_assert_cmphex(s.pixels[i], ==, (i / 64) << 8 | i % 64);
    }
    surface_clear(&s);
    virtio_rig_tear_down(&f);
}

/* Nothing is looked at but what was transferred and flushed. */
static void only_what_was_flushed_is_drawn(void)
{
    struct virtio_rig f;
    struct surface s = { 0 };

    set_up(&f, NULL);
    show_picture(&f);
    console_update(screen(&f, 0), &s, false);
    console_update(screen(&f, 0), &s, false);
    g_assert_cmpuint(s.dirty_first, ==, s.dirty_end);
    rig_store(f.r, PICTURE + (10 * 64 + 5) * 4, 0x123456, 4);
    rig_store(f.r, PICTURE + (20 * 64 + 5) * 4, 0x123456, 4);
    transfer(&f, 1, 5, 10, 1, 1, (10 * 64 + 5) * 4);
    console_update(screen(&f, 0), &s, false);
    g_assert_cmpuint(s.dirty_first, ==, s.dirty_end); /* not flushed yet */
    flush(&f, 1, 0, 8, 64, 4);
    console_update(screen(&f, 0), &s, false);
    g_assert_cmpuint(s.dirty_first, ==, 10);
    g_assert_cmpuint(s.dirty_end, ==, 11);
    g_assert_cmphex(surface_row(&s, 10)[5], ==, 0x123456);
    g_assert_cmphex(surface_row(&s, 20)[5], ==, 20 << 8 | 5); /* not transferred */
    surface_clear(&s);
    virtio_rig_tear_down(&f);
}

static void a_scanout_is_a_part_of_its_resource(void)
{
    struct virtio_rig f;
    struct surface s = { 0 };
    g_autoptr(GError) error = NULL;
    struct text_screen t = { 0 };

    set_up(&f, "max_outputs=3");
    show_picture(&f);
    g_assert_cmphex(scanout(&f, 2, 1, 16, 8, 32, 16), ==, GPU_OK);
    g_assert_true(screen(&f, 2)->device == &f.dev->pci.dev); /* by which a screendump finds it */
    g_assert_cmpuint(screen(&f, 2)->head, ==, 2);
    console_update(screen(&f, 2), &s, false);
    g_assert_cmpuint(s.width, ==, 32);
    g_assert_cmpuint(s.height, ==, 16);
    g_assert_cmphex(surface_row(&s, 0)[0], ==, 8 << 8 | 16);
    g_assert_cmphex(surface_row(&s, 15)[31], ==, 23 << 8 | 47);
    rig_store(f.r, PICTURE + (8 * 64 + 16) * 4, 0x777777, 4);
    transfer(&f, 1, 0, 0, 64, 32, 0);
    flush(&f, 1, 16, 8, 1, 1);
    console_update(screen(&f, 2), &s, false);
    g_assert_cmpuint(s.dirty_first, ==, 0);
    g_assert_cmpuint(s.dirty_end, ==, 1);
    g_assert_false(console_cells(screen(&f, 2), &t, &error));
    g_assert_nonnull(strstr(error->message, "32x16"));
    g_assert_cmphex(scanout(&f, 2, 0, 0, 0, 0, 0), ==, GPU_OK);
    console_update(screen(&f, 2), &s, false);
    g_assert_cmphex(surface_row(&s, 0)[0], ==, 0);
    surface_clear(&s);
    virtio_rig_tear_down(&f);
}

static void a_backing_may_be_in_pieces(void)
{
    struct virtio_rig f;
    struct surface s = { 0 };

    set_up(&f, NULL);
    show_picture(&f);
    g_assert_cmphex(COMMAND_OF(&f, 0x107, 1, 0), ==, GPU_OK);
    g_assert_cmphex(transfer(&f, 1, 0, 0, 64, 32, 0), ==, GPU_UNSPEC); /* none now */
    /* Rows of 256 bytes, the last one first; a piece of a row and a half in the middle. */
    g_assert_cmphex(attach(&f, 1, PICTURE, 64 * 32 * 4, 256), ==, GPU_OK);
    g_assert_cmphex(transfer(&f, 1, 3, 0, 60, 32, 12), ==, GPU_OK);
    flush(&f, 1, 0, 0, 64, 32);
    console_update(screen(&f, 0), &s, false);
    g_assert_cmphex(surface_row(&s, 0)[2], ==, 2); /* not part of it */
    g_assert_cmphex(surface_row(&s, 0)[3], ==, 31 << 8 | 3);
    g_assert_cmphex(surface_row(&s, 31)[62], ==, 62);
    g_assert_cmphex(surface_row(&s, 31)[63], ==, 31 << 8 | 63);
    COMMAND_OF(&f, 0x107, 1, 0);
    g_assert_cmphex(attach(&f, 1, PICTURE, 64 * 32 * 4, 200), ==, GPU_OK);
    g_assert_cmphex(transfer(&f, 1, 0, 0, 64, 32, 0), ==, GPU_OK);
    flush(&f, 1, 0, 0, 64, 32);
    console_update(screen(&f, 0), &s, false);
    g_assert_cmphex(surface_row(&s, 0)[0], ==, 31 << 8 | 14); /* 200 bytes from the end */
    g_assert_cmphex(surface_row(&s, 0)[49], ==, 31 << 8 | 63);
    g_assert_cmphex(surface_row(&s, 0)[50], ==, 30 << 8 | 28);
    surface_clear(&s);
    virtio_rig_tear_down(&f);
}

static void formats_say_where_colours_are(void)
{
    static const struct {
        uint32_t format;
        uint8_t bytes[4];
    } rows[] = {
        { 1, { 3, 2, 1, 9 } },   { 2, { 3, 2, 1, 9 } },   { 3, { 9, 1, 2, 3 } },
        { 4, { 9, 1, 2, 3 } },   { 67, { 1, 2, 3, 9 } },  { 68, { 9, 3, 2, 1 } },
        { 121, { 9, 3, 2, 1 } }, { 134, { 1, 2, 3, 9 } },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct virtio_rig f;
        struct surface s = { 0 };

        set_up(&f, NULL);
        show_picture(&f);
        rig_write(f.r, PICTURE, rows[i].bytes, 4);
        g_assert_cmphex(create(&f, 2, rows[i].format, 16, 16), ==, GPU_OK);
        attach(&f, 2, PICTURE, 1024, 1024);
        g_assert_cmphex(transfer(&f, 2, 0, 0, 1, 1, 0), ==, GPU_OK);
        scanout(&f, 0, 2, 0, 0, 16, 16);
        console_update(screen(&f, 0), &s, false);
        g_assert_cmphex(s.pixels[0], ==, 0x010203);
        surface_clear(&s);
        virtio_rig_tear_down(&f);
    }
}

/* Each is refused with what the specification names, and nothing changes. */
static void bad_commands_are_refused(void)
{
    struct virtio_rig f;
    struct surface s = { 0 };
    struct rig_buffer b[2] = { { COMMAND, 20, false }, { REPLY, 1100, true } };

    set_up(&f, "max_hostmem=100000");
    show_picture(&f);
    g_assert_cmphex(create(&f, 0, BGRX, 8, 8), ==, GPU_INVALID_RESOURCE);
    g_assert_cmphex(create(&f, 1, BGRX, 8, 8), ==, GPU_INVALID_RESOURCE);
    g_assert_cmphex(create(&f, 2, 5, 8, 8), ==, GPU_INVALID_PARAMETER);
    g_assert_cmphex(create(&f, 2, BGRX, 0, 8), ==, GPU_INVALID_PARAMETER);
    g_assert_cmphex(create(&f, 2, BGRX, UINT32_MAX, UINT32_MAX), ==, GPU_INVALID_PARAMETER);
    g_assert_cmphex(create(&f, 2, BGRX, 16384, 16384), ==, GPU_OUT_OF_MEMORY);
    g_assert_cmphex(create(&f, 2, BGRX, 300, 100), ==, GPU_OUT_OF_MEMORY);
    g_assert_cmphex(COMMAND_OF(&f, 0x102, 2, 0), ==, GPU_INVALID_RESOURCE);
    g_assert_cmphex(scanout(&f, 1, 1, 0, 0, 64, 32), ==, GPU_INVALID_SCANOUT);
    g_assert_cmphex(scanout(&f, 0, 2, 0, 0, 64, 32), ==, GPU_INVALID_RESOURCE);
    g_assert_cmphex(scanout(&f, 0, 1, 1, 0, 64, 32), ==, GPU_INVALID_PARAMETER);
    g_assert_cmphex(scanout(&f, 0, 1, UINT32_MAX, 0, 64, 32), ==, GPU_INVALID_PARAMETER);
    g_assert_cmphex(scanout(&f, 0, 1, 0, 0, 0, 0), ==, GPU_INVALID_PARAMETER);
    g_assert_cmphex(flush(&f, 2, 0, 0, 1, 1), ==, GPU_INVALID_RESOURCE);
    g_assert_cmphex(flush(&f, 1, 0, 31, 1, 2), ==, GPU_INVALID_PARAMETER);
    g_assert_cmphex(transfer(&f, 2, 0, 0, 1, 1, 0), ==, GPU_INVALID_RESOURCE);
    g_assert_cmphex(transfer(&f, 1, 60, 0, 5, 1, 0), ==, GPU_INVALID_PARAMETER);
    g_assert_cmphex(transfer(&f, 1, 0, 0, 64, 32, 4), ==, GPU_UNSPEC); /* behind the backing */
    g_assert_cmphex(COMMAND_OF(&f, 0x105, 0, 0, 1, 1, UINT32_MAX, UINT32_MAX, 1, 0), ==,
                    GPU_INVALID_PARAMETER);
    g_assert_cmphex(attach(&f, 1, PICTURE, 256, 256), ==, GPU_UNSPEC); /* it has one */
    g_assert_cmphex(COMMAND_OF(&f, 0x106, 1, 1), ==, GPU_UNSPEC);      /* no entries follow */
    g_assert_cmphex(COMMAND_OF(&f, 0x106, 1, 0x10000000), ==, GPU_UNSPEC);
    g_assert_cmphex(COMMAND_OF(&f, 0x107, 3, 0), ==, GPU_INVALID_RESOURCE);
    g_assert_cmphex(COMMAND_OF(&f, 0x10c, 1, 0, 0, 0, 0, 0), ==, GPU_UNSPEC); /* a blob */
    g_assert_cmphex(COMMAND_OF(&f, 0x200, 1, 0), ==, GPU_UNSPEC);             /* 3D */
    g_assert_cmphex(COMMAND_OF(&f, 0x105, 1), ==, GPU_INVALID_PARAMETER);     /* cut */
    virtio_rig_run(&f, 0, b, 2);
    g_assert_cmphex(rig_load(f.r, REPLY, 4), ==, GPU_UNSPEC); /* not even a header */
    console_update(screen(&f, 0), &s, false);
    g_assert_cmphex(surface_row(&s, 31)[63], ==, 31 << 8 | 63);
    surface_clear(&s);
    virtio_rig_tear_down(&f);
}

/* Memory that is not there, and a resource whose memory the limit does not cover. */
static void backings_that_are_not_ram_fail_when_they_are_read(void)
{
    struct virtio_rig f;

    set_up(&f, NULL);
    create(&f, 1, BGRX, 16, 16);
    g_assert_cmphex(attach(&f, 1, 0xc0000000, 1024, 1024), ==, GPU_OK);
    g_assert_cmphex(transfer(&f, 1, 0, 0, 16, 16, 0), ==, GPU_UNSPEC);
    create(&f, 2, BGRX, 16, 16);
    g_assert_cmphex(attach(&f, 2, RIG_RAM_SIZE - 512, 1024, 1024), ==, GPU_OK);
    g_assert_cmphex(transfer(&f, 2, 0, 0, 16, 8, 0), ==, GPU_OK);
    g_assert_cmphex(transfer(&f, 2, 0, 0, 16, 9, 0), ==, GPU_UNSPEC);
    create(&f, 3, BGRX, 16, 16);
    g_assert_cmphex(attach(&f, 3, UINT64_MAX - 8, 1024, 1024), ==, GPU_OK);
    g_assert_cmphex(transfer(&f, 3, 0, 0, 16, 16, 0), ==, GPU_UNSPEC);
    virtio_rig_tear_down(&f);
}

static void fences_come_back(void)
{
    struct virtio_rig f;
    struct rig_buffer b[2] = { { COMMAND, 40, false }, { REPLY, 24, true } };

    set_up(&f, NULL);
    create(&f, 1, BGRX, 8, 8);
    rig_store(f.r, COMMAND, 0x102, 4);
    rig_store(f.r, COMMAND + 4, 1, 4);
    rig_store(f.r, COMMAND + 8, 0x1122334455667788, 8);
    rig_store(f.r, COMMAND + 16, 7, 4);
    rig_store(f.r, COMMAND + 24, 1, 4);
    g_assert_cmpuint(virtio_rig_run(&f, 0, b, 2), ==, 24);
    g_assert_cmphex(rig_load(f.r, REPLY, 4), ==, GPU_OK);
    g_assert_cmphex(rig_load(f.r, REPLY + 4, 4), ==, 1);
    g_assert_cmphex(rig_load(f.r, REPLY + 8, 8), ==, 0x1122334455667788);
    g_assert_cmphex(rig_load(f.r, REPLY + 16, 4), ==, 7);
    virtio_rig_tear_down(&f);
}

static void viewers_ask_for_sizes(void)
{
    struct virtio_rig f;
    uint8_t sum = 0;

    set_up(&f, "max_outputs=2,xres=800,yres=600");
    virtio_rig_msix(&f);
    virtio_rig_put(&f, 16, 0, 2);
    g_assert_cmpuint(rig_load(f.r, VIRTIO_RIG_CONFIG + 8, 4), ==, 2);
    g_assert_cmphex(command_on(&f, 0, 0x100, NULL, 0, 0), ==, GPU_OK_DISPLAY_INFO);
    g_assert_cmpuint(rig_load(f.r, REPLY + 24 + 8, 4), ==, 800);
    g_assert_cmpuint(rig_load(f.r, REPLY + 24 + 12, 4), ==, 600);
    g_assert_cmpuint(rig_load(f.r, REPLY + 24 + 16, 4), ==, 1);
    g_assert_cmpuint(rig_load(f.r, REPLY + 48 + 16, 4), ==, 0); /* nobody looks at the second */
    g_assert_true(screen(&f, 1)->resize(screen(&f, 1)->opaque, 1024, 700));
    g_assert_cmpuint(virtio_rig_messages(&f, 0), ==, 1);
    g_assert_cmphex(rig_load(f.r, VIRTIO_RIG_CONFIG, 4), ==, 1);
    rig_store(f.r, VIRTIO_RIG_CONFIG + 4, 1, 4);
    g_assert_cmphex(rig_load(f.r, VIRTIO_RIG_CONFIG, 4), ==, 0);
    command_on(&f, 0, 0x100, NULL, 0, 0);
    g_assert_cmpuint(rig_load(f.r, REPLY + 48 + 8, 4), ==, 1024);
    g_assert_cmpuint(rig_load(f.r, REPLY + 48 + 16, 4), ==, 1);
    g_assert_true(screen(&f, 1)->resize(screen(&f, 1)->opaque, 1024, 700)); /* nothing new */
    g_assert_false(screen(&f, 1)->resize(screen(&f, 1)->opaque, 1, 70000)); /* no monitor's */
    g_assert_cmpuint(virtio_rig_messages(&f, 0), ==, 0);
    g_assert_cmphex(COMMAND_OF(&f, 0x10a, 1, 0), ==, GPU_OK_EDID);
    g_assert_cmpuint(rig_load(f.r, REPLY + 24, 4), ==, 128);
    for (unsigned i = 0; i < 128; i++) {
        sum = (uint8_t)(sum + rig_load(f.r, REPLY + 32 + i, 1));
    }
    g_assert_cmphex(sum, ==, 0);
    g_assert_cmphex(rig_load(f.r, REPLY + 32 + 56, 1), ==, 1024 & 0xff);
    g_assert_cmphex(rig_load(f.r, REPLY + 32 + 59, 1), ==, 700 & 0xff);
    g_assert_cmphex(COMMAND_OF(&f, 0x10a, 2, 0), ==, GPU_INVALID_PARAMETER);
    rig_check_state(f.r, &f.dev->pci.dev);
    virtio_rig_tear_down(&f);
    set_up(&f, "edid=off");
    g_assert_cmphex(virtio_rig_offered(&f) & 2, ==, 0);
    g_assert_cmphex(COMMAND_OF(&f, 0x10a, 0, 0), ==, GPU_INVALID_PARAMETER);
    virtio_rig_tear_down(&f);
}

#define CURSOR(f, type, ...) command_on(f, 1, type, (const uint32_t[]){ __VA_ARGS__ }, 8, 0)

static void the_pointer_is_its_own(void)
{
    struct virtio_rig f;
    const struct display_cursor *c;
    unsigned serial;

    set_up(&f, NULL);
    show_picture(&f);
    c = screen(&f, 0)->cursor;
    g_assert_false(c->visible);
    rig_store(f.r, PICTURE, 0x80112233, 4);
    create(&f, 9, 1, 64, 64);
    attach(&f, 9, PICTURE, 64 * 64 * 4, 64 * 64 * 4);
    transfer(&f, 9, 0, 0, 64, 64, 0);
    CURSOR(&f, 0x300, 0, 30, (uint32_t)-5, 0, 9, 3, 4, 0);
    g_assert_true(c->visible);
    g_assert_cmphex(c->pixels[0], ==, 0x80112233);
    g_assert_cmpuint(c->width, ==, 64);
    g_assert_cmpint(c->x, ==, 30);
    g_assert_cmpint(c->y, ==, -5);
    g_assert_cmpint(c->hot_x, ==, 3);
    g_assert_cmpint(c->hot_y, ==, 4);
    serial = c->serial;
    CURSOR(&f, 0x301, 0, 31, 6, 0, 0, 0, 0, 0);
    g_assert_cmpint(c->x, ==, 31);
    g_assert_true(c->visible);
    g_assert_cmpuint(c->serial, ==, serial);
    CURSOR(&f, 0x300, 0, 1, 1, 0, 77, 0, 0, 0); /* no such resource */
    CURSOR(&f, 0x300, 5, 1, 1, 0, 9, 0, 0, 0);  /* no such screen */
    g_assert_cmpint(c->x, ==, 31);
    rig_check_state(f.r, &f.dev->pci.dev);
    g_assert_true(c->visible);
    g_assert_cmphex(c->pixels[0], ==, 0x80112233);
    CURSOR(&f, 0x300, 0, 1, 1, 0, 0, 0, 0, 0);
    g_assert_false(c->visible);
    virtio_rig_tear_down(&f);
}

static void state_has_the_pictures(void)
{
    struct virtio_rig f;
    struct surface s = { 0 };

    set_up(&f, "max_outputs=2");
    show_picture(&f);
    create(&f, 5, 67, 20, 20);
    scanout(&f, 1, 1, 4, 4, 16, 16);
    for (unsigned i = 0; i < 64 * 32; i++) {
        rig_store(f.r, PICTURE + i * 4, 0x555555, 4); /* the host's copy is older */
    }
    rig_check_state(f.r, &f.dev->pci.dev);
    console_update(screen(&f, 1), &s, true);
    g_assert_cmpuint(s.width, ==, 16);
    g_assert_cmphex(s.pixels[0], ==, 4 << 8 | 4);
    transfer(&f, 1, 0, 0, 64, 32, 0); /* by the backing, which is there again */
    console_update(screen(&f, 1), &s, true);
    g_assert_cmphex(s.pixels[0], ==, 0x555555);
    g_assert_cmphex(create(&f, 5, 67, 20, 20), ==, GPU_INVALID_RESOURCE);
    /* A resource in use may go: its screens are off then. */
    g_assert_cmphex(COMMAND_OF(&f, 0x102, 1, 0), ==, GPU_OK);
    console_update(screen(&f, 1), &s, true);
    g_assert_cmphex(s.pixels[0], ==, 0);
    rig_check_state(f.r, &f.dev->pci.dev);
    surface_clear(&s);
    virtio_rig_tear_down(&f);
}

/* Every damage of the saved resources is refused or harmless. */
static void damaged_state_is_refused(void)
{
    struct virtio_rig f;
    g_autoptr(GByteArray) saved = g_byte_array_new();
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    struct device *dev;
    unsigned refused = 0;

    set_up(&f, NULL);
    dev = &f.dev->pci.dev;
    create(&f, 1, BGRX, 16, 16);
    attach(&f, 1, PICTURE, 1024, 1024);
    scanout(&f, 0, 1, 0, 0, 16, 16);
    virtio_rig_device(&f)->ops->pre_save(virtio_rig_device(&f));
    device_save(dev, saved);
    for (unsigned i = 0; i < 3000; i++) {
        g_autoptr(GByteArray) bad = g_byte_array_new();
        g_autoptr(GError) error = NULL;
        size_t pos = 0;
        struct surface s = { 0 };

        g_byte_array_append(bad, saved->data, saved->len);
        /* The resources are what comes last but for the end. */
        bad->data[bad->len - 1100 + g_rand_int_range(rand, 0, 80)] = (uint8_t)g_rand_int(rand);
        if (!device_load(dev, bad->data, bad->len, &pos, &error)) {
            refused++;
        }
        console_update(screen(&f, 0), &s, true);
        surface_clear(&s);
    }
    g_assert_cmpuint(refused, >, 100);
    virtio_rig_tear_down(&f);
}

static void a_vga_is_shown_until_a_driver_comes(void)
{
    struct virtio_rig f;
    struct surface s = { 0 };

    set_up_as(&f, "virtio-vga", NULL);
    g_assert_null(screen(&f, 0)->next);
    rig_outw(f.r, 0x1ce, 4); /* DISPI: off, 32x16 of 32 bits, on */
    rig_outw(f.r, 0x1d0, 0);
    for (unsigned i = 0; i < 4; i++) {
        static const uint16_t values[] = { 32, 16, 32, 0x41 };

        rig_outw(f.r, 0x1ce, (uint16_t)(1 + i));
        rig_outw(f.r, 0x1d0, values[i]);
    }
    rig_store(f.r, 0xd0000000, 0x654321, 4);
    console_update(screen(&f, 0), &s, false);
    g_assert_cmpuint(s.width, ==, 32);
    g_assert_cmphex(s.pixels[0], ==, 0x654321);
    show_picture(&f);
    console_update(screen(&f, 0), &s, false);
    g_assert_cmpuint(s.width, ==, 64);
    rig_check_state(f.r, &f.dev->pci.dev);
    virtio_rig_put(&f, 20, 0, 1); /* the driver leaves */
    console_update(screen(&f, 0), &s, false);
    g_assert_cmpuint(s.width, ==, 32);
    g_assert_cmphex(s.pixels[0], ==, 0x654321);
    surface_clear(&s);
    virtio_rig_tear_down(&f);
}

static void bad_properties_are_refused(void)
{
    static const char *const rows[][2] = {
        { "max_outputs=0", "max_outputs is 0, must be 1 to 16" },
        { "max_outputs=17", "max_outputs is 17, must be 1 to 16" },
        { "max_hostmem=1G", "must be at most" },
        { "blob=on", "blob is on, must be off" },
        { "xres=5", "xres" },
        { "disable-modern=on", "disable-modern is on" },
    };
    struct virtio_rig f;

    virtio_rig_machine(&f);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *why =
            rig_device_error(f.r, device_type_find("virtio-gpu-pci"), rows[i][0]);

        g_test_message("%s", why);
        g_assert_nonnull(strstr(why, rows[i][1]));
        g_assert_null(f.r->m->displays);
    }
    virtio_rig_tear_down(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-gpu/picture", a_picture_is_shown);
    g_test_add_func("/virtio-gpu/flush", only_what_was_flushed_is_drawn);
    g_test_add_func("/virtio-gpu/scanout", a_scanout_is_a_part_of_its_resource);
    g_test_add_func("/virtio-gpu/backing", a_backing_may_be_in_pieces);
    g_test_add_func("/virtio-gpu/formats", formats_say_where_colours_are);
    g_test_add_func("/virtio-gpu/bad-commands", bad_commands_are_refused);
    g_test_add_func("/virtio-gpu/bad-backing", backings_that_are_not_ram_fail_when_they_are_read);
    g_test_add_func("/virtio-gpu/fence", fences_come_back);
    g_test_add_func("/virtio-gpu/edid", viewers_ask_for_sizes);
    g_test_add_func("/virtio-gpu/cursor", the_pointer_is_its_own);
    g_test_add_func("/virtio-gpu/state", state_has_the_pictures);
    g_test_add_func("/virtio-gpu/damaged-state", damaged_state_is_refused);
    g_test_add_func("/virtio-gpu/vga", a_vga_is_shown_until_a_driver_comes);
    g_test_add_func("/virtio-gpu/properties", bad_properties_are_refused);
    return g_test_run();
}
