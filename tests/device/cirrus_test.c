/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/cirrus_test.c: the CL-GD5446: identity, packed modes, banks, the pointer, the engine.
 * Thread: the test's.
 */
#include "hw/display/cirrus.h"
#include <string.h>
#include "tests/device/fuzz.h"
#include "tests/device/pci_rig.h"
#include "tests/device/vga_rig.h"

#define DEVFN  PCI_DEVFN(3, 0)
#define LFB    0xe0000000u
#define MMIO   0xf0000000u
#define ENGINE (MMIO + 0x100)
#define SIDE   64u

struct card {
    struct rig *r;
    struct mem_region pci;
    struct device *dev;
};

static void card_free(struct card *c)
{
    rig_free(c->r);
    g_free(c);
}
typedef struct card card; /* for g_autoptr only */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(card, card_free)

static struct card *card_new(const char *props)
{
    struct card *c = g_new0(struct card, 1);
    g_autofree char *all = g_strconcat("addr=03,romfile=", props ? "," : "", props, NULL);

    c->r = rig_new();
    pci_rig_host(c->r, &c->pci);
    c->dev = rig_device(c->r, "cirrus-vga", all);
    pci_rig_write(c->r, DEVFN, PCI_BAR0, LFB, 4);
    pci_rig_write(c->r, DEVFN, PCI_BAR0 + 4, MMIO, 4);
    pci_rig_write(c->r, DEVFN, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_IO, 2);
    rig_outb(c->r, 0x3c2, 0x63);
    return c;
}

static uint8_t *vram(struct card *c)
{
    return ((struct cirrus *)c->dev)->vga.vram.ram->host;
}

/* The window at 0xa0000, which the rig's RAM hides. */
static void window_store(struct card *c, unsigned off, uint64_t value, unsigned size)
{
    cirrus_window_ops.write(&((struct cirrus *)c->dev)->vga, off, value, size);
}

/* 64x64 packed pixels, rows of 64 * bytes. */
static void packed(struct card *c, unsigned sr7, unsigned dac, unsigned bytes)
{
    sr(c->r, 6, 0x12);
    sr(c->r, 7, sr7);
    cr(c->r, 0x11, 0);
    cr(c->r, 1, SIDE / 8 - 1);
    cr(c->r, 0x12, SIDE - 1);
    cr(c->r, 7, 0);
    cr(c->r, 0x13, SIDE * bytes / 8);
    ar(c->r, 0x10, 1);
    sr(c->r, 1, 1);
    for (unsigned i = 0; i < 4; i++) {
        rig_inb(c->r, 0x3c6);
    }
    rig_outb(c->r, 0x3c6, (uint8_t)dac);
    rig_outb(c->r, 0x3c6, 0xff);
}

static void identity_is_that_of_a_5446(void)
{
    g_autoptr(card) c = card_new(NULL);

    g_assert_cmphex(pci_rig_read(c->r, DEVFN, 0, 4), ==, 0x00b81013);
    g_assert_cmphex(pci_rig_read(c->r, DEVFN, 8, 4), ==, 0x03000000);
    rig_outb(c->r, 0x3d4, 0x27);
    g_assert_cmphex(rig_inb(c->r, 0x3d5), ==, 0xb8);
    rig_outb(c->r, 0x3c4, 6);
    g_assert_cmphex(rig_inb(c->r, 0x3c5), ==, 0x0f);
    rig_outb(c->r, 0x3c5, 0x92); /* as the VGA BIOS asks */
    g_assert_cmphex(rig_inb(c->r, 0x3c5), ==, 0x12);
    rig_outb(c->r, 0x3c5, 0x55);
    g_assert_cmphex(rig_inb(c->r, 0x3c5), ==, 0x0f);
    rig_outb(c->r, 0x3c4, 0x0f);
    g_assert_cmphex(rig_inb(c->r, 0x3c5) & 0x18, ==, 0x18);
    g_assert_cmphex(rig_inw(c->r, 0x1ce), ==, 0xffff); /* no Bochs registers */
    /* The same registers through BAR 1. */
    rig_store(c->r, MMIO + 0x14, 0x27, 1);
    g_assert_cmphex(rig_load(c->r, MMIO + 0x15, 1), ==, 0xb8);
}

static void packed_modes_have_their_depths(void)
{
    static const struct {
        unsigned sr7, dac, bytes;
        uint32_t raw, pixel;
    } rows[] = {
        { 0x11, 0x00, 1, 0x04, 0xff0000 },       { 0x17, 0xc0, 2, 0x7c00, 0xff0000 },
        { 0x17, 0xc1, 2, 0xf800, 0xff0000 },     { 0x15, 0xc5, 3, 0x123456, 0x123456 },
        { 0x19, 0xc5, 4, 0xff123456, 0x123456 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(card) c = card_new(NULL);
        unsigned at = (SIDE * 5 + 7) * rows[i].bytes;

        packed(c, rows[i].sr7, rows[i].dac, rows[i].bytes);
        set_dac(c->r, 4, 0xff0000);
        for (unsigned k = 0; k < rows[i].bytes; k++) {
            rig_store(c->r, LFB + at + k, rows[i].raw >> 8 * k & 0xff, 1);
        }
        g_assert_cmphex(pixel(c->r, 7, 5), ==, rows[i].pixel);
        /* The picture may begin elsewhere: in units of four bytes. */
        cr(c->r, 0x0c, (SIDE * 4 * rows[i].bytes / 4) >> 8);
        cr(c->r, 0x0d, (SIDE * 4 * rows[i].bytes / 4) & 0xff);
        g_assert_cmphex(pixel(c->r, 7, 1), ==, rows[i].pixel);
        rig_check_state(c->r, c->dev);
        g_assert_cmphex(pixel(c->r, 7, 1), ==, rows[i].pixel);
    }
}

static void only_written_rows_are_drawn(void)
{
    g_autoptr(card) c = card_new(NULL);
    struct surface s = { 0 };

    packed(c, 0x11, 0, 1);
    cr(c->r, 0x13, 512); /* overflows: bit 8 is CR1B's */
    cr(c->r, 0x1b, 0x10);
    console_update(c->r->m->displays, &s, false);
    console_update(c->r->m->displays, &s, false);
    g_assert_cmpuint(s.dirty_first, ==, s.dirty_end);
    rig_store(c->r, LFB + 2048 * 10, 1, 1);
    console_update(c->r->m->displays, &s, false);
    g_assert_cmpuint(s.dirty_first, ==, 10);
    g_assert_cmpuint(s.dirty_end, <=, 12); /* rows of a page */
    surface_clear(&s);
}

static void banks_reach_all_memory(void)
{
    g_autoptr(card) c = card_new(NULL);

    packed(c, 0x11, 0, 1);
    gr(c->r, 6, 5);
    gr(c->r, 9, 0x20); /* of 4 KiB */
    window_store(c, 0x0010, 0x5a, 1);
    g_assert_cmphex(vram(c)[0x20010], ==, 0x5a);
    gr(c->r, 0xb, GRB_16K | GRB_TWO);
    gr(c->r, 9, 1);
    gr(c->r, 0xa, 0xff);
    window_store(c, 0x0001, 0x11, 1);
    window_store(c, 0x8001, 0x22, 1);
    g_assert_cmphex(vram(c)[0x4001], ==, 0x11);
    g_assert_cmphex(vram(c)[0x3fc001], ==, 0x22);
    g_assert_cmphex(cirrus_window_ops.read(&((struct cirrus *)c->dev)->vga, 0x8001, 1), ==, 0x22);
    /* Bits as pixels: mode 5 gives the clear ones a colour, mode 4 leaves them. */
    gr(c->r, 0xb, GRB_WRITE_MODES | GRB_BY8);
    gr(c->r, 9, 0);
    gr(c->r, 0, 0x33);
    gr(c->r, 1, 0xcc);
    gr(c->r, 5, 5);
    window_store(c, 0x0002, 0xa0, 1);
    g_assert_cmpmem(vram(c) + 16, 4, "\xcc\x33\xcc\x33", 4);
    gr(c->r, 5, 4);
    gr(c->r, 1, 0xee);
    window_store(c, 0x0002, 0x40, 1);
    g_assert_cmpmem(vram(c) + 16, 4, "\xcc\xee\xcc\x33", 4);
}

static void the_pointer_is_drawn(void)
{
    g_autoptr(card) c = card_new(NULL);
    struct surface s = { 0 };
    uint8_t *pattern = vram(c) + (4u << 20) - 0x4000 + 2 * 256;

    packed(c, 0x19, 0xc5, 4);
    for (unsigned i = 0; i < SIDE * SIDE; i++) {
        rig_store(c->r, LFB + i * 4, 0x102030, 4);
    }
    memset(pattern, 0, 256);
    pattern[0] = 0x50; /* pixels 1 and 3 invert, or have the second colour */
    pattern[128] = 0x30;
    sr(c->r, 0x13, 2);
    sr(c->r, 0x12, SR12_COLOURS);
    rig_outb(c->r, 0x3c8, 0);
    rig_outb(c->r, 0x3c9, 63);
    rig_outb(c->r, 0x3c9, 0);
    rig_outb(c->r, 0x3c9, 0);
    rig_outb(c->r, 0x3c8, 15);
    rig_outb(c->r, 0x3c9, 0);
    rig_outb(c->r, 0x3c9, 63);
    rig_outb(c->r, 0x3c9, 0);
    sr(c->r, 0x12, SR12_SHOWN);
    sr(c->r, 0x11, 1);                             /* y is 8 */
    rig_outw(c->r, 0x3c4, 0x0100 | 0x10 | 3 << 5); /* x is 11 */
    console_update(c->r->m->displays, &s, false);
    g_assert_cmphex(surface_row(&s, 8)[11], ==, 0x102030);
    g_assert_cmphex(surface_row(&s, 8)[12], ==, 0x102030 ^ 0xffffff);
    g_assert_cmphex(surface_row(&s, 8)[13], ==, 0xff0000);
    g_assert_cmphex(surface_row(&s, 8)[14], ==, 0x00ff00);
    rig_check_state(c->r, c->dev);
    console_update(c->r->m->displays, &s, false);
    g_assert_cmphex(surface_row(&s, 8)[14], ==, 0x00ff00);
    sr(c->r, 0x12, 0);
    console_update(c->r->m->displays, &s, false);
    g_assert_cmphex(surface_row(&s, 8)[14], ==, 0x102030);
    surface_clear(&s);
}

/* The engine --------------------------------------------------------------------------------- */

static void engine(struct card *c, unsigned off, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        rig_store(c->r, ENGINE + off + i, value >> 8 * i & 0xff, 1);
    }
}

/* Begins an operation on w bytes by h rows. */
static void blit(struct card *c, uint32_t dst, uint32_t src, unsigned w, unsigned h, unsigned mode,
                 unsigned rop)
{
    engine(c, 0x08, w - 1, 2);
    engine(c, 0x0a, h - 1, 2);
    engine(c, 0x0c, 256, 2);
    engine(c, 0x0e, 256, 2);
    engine(c, 0x10, dst, 3);
    engine(c, 0x14, src, 3);
    engine(c, 0x18, mode, 1);
    engine(c, 0x1a, rop, 1);
    engine(c, 0x40, BLT_START, 1);
}

static void copies_go_either_way(void)
{
    g_autoptr(card) c = card_new(NULL);

    packed(c, 0x11, 0, 1);
    for (unsigned i = 0; i < 16; i++) {
        vram(c)[i] = vram(c)[256 + i] = (uint8_t)(i + 1);
    }
    blit(c, 0x1000, 0, 4, 2, 0, 0x0d);
    g_assert_cmpmem(vram(c) + 0x1000, 5, "\1\2\3\4\0", 5);
    g_assert_cmpmem(vram(c) + 0x1100, 5, "\1\2\3\4\0", 5);
    g_assert_cmphex(vram(c)[0x1200], ==, 0);
    g_assert_cmphex(rig_load(c->r, ENGINE + 0x40, 1) & BLT_BUSY, ==, 0);
    blit(c, 2 + 7, 7, 8, 1, BLT_BACKWARDS, 0x0d); /* onto itself, two further on */
    g_assert_cmpmem(vram(c), 12, "\1\2\1\2\3\4\5\6\7\10\13\14", 12);
    blit(c, 256, 258, 8, 1, 0, 0x0d);
    g_assert_cmpmem(vram(c) + 256, 8, "\3\4\5\6\7\10\11\12", 8);
}

static void raster_operations_are_those_of_the_manual(void)
{
    static const struct {
        uint8_t rop, result;
    } rows[] = {
        { 0x00, 0x0 }, { 0x90, 0x8 }, { 0x50, 0x4 }, { 0xd0, 0xc }, { 0x09, 0x2 }, { 0x0b, 0xa },
        { 0x59, 0x6 }, { 0xda, 0xe }, { 0x05, 0x1 }, { 0x95, 0x9 }, { 0x06, 0x5 }, { 0xd6, 0xd },
        { 0x0d, 0x3 }, { 0xad, 0xb }, { 0x6d, 0x7 }, { 0x0e, 0xf },
    };
    g_autoptr(card) c = card_new(NULL);

    packed(c, 0x11, 0, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        vram(c)[0] = 0x3;
        vram(c)[0x1000] = 0x5;
        blit(c, 0x1000, 0, 1, 1, 0, rows[i].rop);
        g_assert_cmphex(vram(c)[0x1000] & 0xf, ==, rows[i].result);
    }
}

static void colours_can_be_left_out(void)
{
    g_autoptr(card) c = card_new(NULL);

    packed(c, 0x11, 0, 1);
    memcpy(vram(c), "\1\2\3\2\1\2", 6);
    memset(vram(c) + 0x1000, 9, 8);
    engine(c, 0x1c, 2, 2);
    blit(c, 0x1000, 0, 6, 1, BLT_TRANSPARENT, 0x0d);
    g_assert_cmpmem(vram(c) + 0x1000, 7, "\1\11\3\11\1\11\11", 7);
    memset(vram(c) + 0x1000, 9, 8);
    engine(c, 0x1c, 0x0203, 2);
    blit(c, 0x1000, 0, 6, 1, BLT_TRANSPARENT | 0x10, 0x0d);
    g_assert_cmpmem(vram(c) + 0x1000, 7, "\1\2\11\11\1\2\11", 7);
}

static void bits_become_pixels(void)
{
    g_autoptr(card) c = card_new(NULL);

    packed(c, 0x11, 0, 1);
    vram(c)[0] = 0xa5;
    vram(c)[1] = 0x80;
    engine(c, 0, 0x44332211, 4); /* background */
    engine(c, 4, 0x88776655, 4); /* foreground */
    blit(c, 0x1000, 0, 9, 1, BLT_EXPAND, 0x0d);
    g_assert_cmpmem(vram(c) + 0x1000, 10, "\x55\x11\x55\x11\x11\x55\x11\x55\x55\0", 10);
    blit(c, 0x1000, 0, 8, 1, BLT_EXPAND | 0x10, 0x0d);
    g_assert_cmpmem(vram(c) + 0x1000, 8, "\x55\x66\x11\x22\x55\x66\x11\x22", 8);
    memset(vram(c) + 0x1000, 0, 32);
    blit(c, 0x1000, 0, 16, 1, BLT_EXPAND | BLT_TRANSPARENT | 0x30, 0x0d);
    g_assert_cmpmem(vram(c) + 0x1000, 12, "\x55\x66\x77\x88\0\0\0\0\x55\x66\x77\x88", 12);
    /* A pattern of eight rows of bits, and a plain colour. */
    memcpy(vram(c) + 8, "\x80\x40\x20\x10\x08\x04\x02\x01", 8);
    blit(c, 0x2000, 8, 10, 9, BLT_EXPAND | BLT_PATTERN, 0x0d);
    g_assert_cmpmem(vram(c) + 0x2000, 10, "\x55\x11\x11\x11\x11\x11\x11\x11\x55\x11", 10);
    g_assert_cmpmem(vram(c) + 0x2100, 3, "\x11\x55\x11", 3);
    g_assert_cmpmem(vram(c) + 0x2800, 3, "\x55\x11\x11", 3);
    engine(c, 0x1b, BLT_SOLID, 1);
    blit(c, 0x3000, 8, 6, 1, BLT_EXPAND | BLT_PATTERN | 0x20, 0x0d);
    g_assert_cmpmem(vram(c) + 0x3000, 7, "\x55\x66\x77\x55\x66\x77\0", 7);
}

static void patterns_repeat(void)
{
    g_autoptr(card) c = card_new(NULL);

    packed(c, 0x11, 0, 1);
    for (unsigned i = 0; i < 64; i++) {
        vram(c)[64 + i] = (uint8_t)i;
    }
    blit(c, 0x1000, 64 + 1, 10, 8, BLT_PATTERN, 0x0d); /* the second row first */
    g_assert_cmpmem(vram(c) + 0x1000, 10, "\10\11\12\13\14\15\16\17\10\11", 10);
    g_assert_cmpmem(vram(c) + 0x1700, 3, "\0\1\2", 3);
}

/* Rows of whole double words, wherever they are written; the rest of the last one is lost. */
static void data_comes_from_the_cpu(void)
{
    g_autoptr(card) c = card_new(NULL);

    packed(c, 0x11, 0, 1);
    gr(c->r, 6, 5);
    blit(c, 0x1000, 0, 6, 2, BLT_FROM_CPU, 0x0d);
    g_assert_cmphex(rig_load(c->r, ENGINE + 0x40, 1) & BLT_BUSY, ==, BLT_BUSY);
    rig_store(c->r, LFB, 0x04030201, 4);
    rig_check_state(c->r, c->dev);
    rig_store(c->r, LFB + (16u << 20), 0xffff0605, 4);
    window_store(c, 0x0000, 0x0d0c0b0a, 4);
    rig_store(c->r, LFB + 4, 0xffff0f0e, 4);
    g_assert_cmphex(rig_load(c->r, ENGINE + 0x40, 1) & BLT_BUSY, ==, 0);
    g_assert_cmpmem(vram(c) + 0x1000, 7, "\1\2\3\4\5\6\0", 7);
    g_assert_cmpmem(vram(c) + 0x1100, 7, "\12\13\14\15\16\17\0", 7);
    rig_store(c->r, LFB, 0x99, 1); /* memory again */
    g_assert_cmphex(vram(c)[0], ==, 0x99);
    engine(c, 0, 0x11, 1);
    engine(c, 4, 0x55, 1);
    blit(c, 0x1000, 0, 4, 2, BLT_FROM_CPU | BLT_EXPAND, 0x0d);
    rig_store(c->r, LFB, 0xff60, 2); /* a byte for each row */
    g_assert_cmpmem(vram(c) + 0x1000, 4, "\x11\x55\x55\x11", 4);
    g_assert_cmpmem(vram(c) + 0x1100, 4, "\x55\x55\x55\x55", 4);
    blit(c, 0x1000, 0, 4, 2, BLT_FROM_CPU, 0x0d);
    engine(c, 0x40, BLT_RESET, 1);
    g_assert_cmphex(rig_load(c->r, ENGINE + 0x40, 1) & BLT_BUSY, ==, 0);
}

static void what_the_engine_writes_is_seen(void)
{
    g_autoptr(card) c = card_new(NULL);
    struct surface s = { 0 };

    packed(c, 0x11, 0, 1);
    set_dac(c->r, 7, 0xffffff);
    rig_store(c->r, LFB + 0x100000, 7, 1);
    console_update(c->r->m->displays, &s, false);
    blit(c, 64 * 20 + 3, 0x100000, 1, 1, 0, 0x0d);
    console_update(c->r->m->displays, &s, false);
    g_assert_cmphex(surface_row(&s, 20)[3] & 0xf8f8f8, ==, 0xf8f8f8);
    surface_clear(&s);
}

/* Any numbers: addresses wrap around memory. */
static void the_engine_stays_in_memory(void)
{
    g_autoptr(card) c = card_new(NULL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(5446);

    packed(c, 0x11, 0, 1);
    for (unsigned i = 0; i < 300; i++) {
        for (unsigned off = 0; off < 0x22; off++) {
            engine(c, off, g_rand_int(rand), 1);
        }
        engine(c, 0x0b, 0, 1); /* not that high */
        engine(c, 0x40, BLT_START, 1);
        for (unsigned k = 0; k < 50; k++) {
            rig_store(c->r, LFB + (g_rand_int(rand) & 0xffffff), g_rand_int(rand), 4);
        }
        if (i % 16 == 0) {
            rig_check_state(c->r, c->dev);
        }
        engine(c, 0x40, BLT_RESET, 1);
    }
}

static void random_accesses_are_survived(void)
{
    g_autoptr(card) c = card_new(NULL);
    struct surface s = { 0 };

    fuzz_ports(c->r, 0x3c0, 0x20);
    fuzz_memory(c->r, MMIO, 0x200);
    rig_check_state(c->r, c->dev);
    console_update(c->r->m->displays, &s, false);
    surface_clear(&s);
}

static void bad_properties_are_refused(void)
{
    struct rig *r = rig_new();
    struct mem_region pci = { 0 };
    g_autofree char *why = NULL;

    pci_rig_host(r, &pci);
    why = rig_device_error(r, device_type_find("cirrus-vga"), "vgamem_mb=5");
    g_assert_cmpstr(why, ==, "cirrus-vga: vgamem_mb is 5, must be 4, 8 or 16");
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cirrus/identity", identity_is_that_of_a_5446);
    g_test_add_func("/cirrus/depths", packed_modes_have_their_depths);
    g_test_add_func("/cirrus/dirty", only_written_rows_are_drawn);
    g_test_add_func("/cirrus/banks", banks_reach_all_memory);
    g_test_add_func("/cirrus/pointer", the_pointer_is_drawn);
    g_test_add_func("/cirrus/copy", copies_go_either_way);
    g_test_add_func("/cirrus/rop", raster_operations_are_those_of_the_manual);
    g_test_add_func("/cirrus/transparent", colours_can_be_left_out);
    g_test_add_func("/cirrus/expand", bits_become_pixels);
    g_test_add_func("/cirrus/pattern", patterns_repeat);
    g_test_add_func("/cirrus/cpu-data", data_comes_from_the_cpu);
    g_test_add_func("/cirrus/engine-seen", what_the_engine_writes_is_seen);
    g_test_add_func("/cirrus/engine-bounds", the_engine_stays_in_memory);
    g_test_add_func("/cirrus/fuzz", random_accesses_are_survived);
    g_test_add_func("/cirrus/properties", bad_properties_are_refused);
    return g_test_run();
}
