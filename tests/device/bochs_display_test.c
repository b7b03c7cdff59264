/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/bochs_display_test.c: the PCI displays: DISPI modes, the bank window, BAR 2, EDID, dirty
 * pages.  Thread: the test's.
 */
#include <stdio.h>
#include "hw/pci/pci.h"
#include "tests/device/fuzz.h"
#include "tests/device/pci_rig.h"
#include "tests/device/vga_rig.h"

#define DEVFN PCI_DEVFN(3, 0)
#define LFB   0xe0000000u
#define MMIO  0xf0000000u
#define PORTS (MMIO + 0x400)
#define DISPI (MMIO + 0x500)

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

/* A card at slot 3 with its BARs mapped. */
static struct card *card_new(const char *name, const char *props)
{
    struct card *c = g_new0(struct card, 1);
    g_autofree char *all = g_strconcat("addr=03", props ? "," : "", props, NULL);

    c->r = rig_new();
    pci_rig_host(c->r, &c->pci);
    c->dev = rig_device(c->r, name, all);
    pci_rig_write(c->r, DEVFN, PCI_BAR0, LFB, 4);
    pci_rig_write(c->r, DEVFN, PCI_BAR0 + 8, MMIO, 4);
    pci_rig_write(c->r, DEVFN, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_IO, 2);
    return c;
}

static unsigned dispi(struct card *c, unsigned reg)
{
    return (unsigned)rig_load(c->r, DISPI + reg * 2, 2);
}

static void set_dispi(struct card *c, unsigned reg, unsigned value)
{
    rig_store(c->r, DISPI + reg * 2, value, 2);
}

static void set_vbe(struct card *c, unsigned x, unsigned y, unsigned bpp, unsigned flags)
{
    set_dispi(c, VBE_ENABLE, 0);
    set_dispi(c, VBE_XRES, x);
    set_dispi(c, VBE_YRES, y);
    set_dispi(c, VBE_BPP, bpp);
    set_dispi(c, VBE_ENABLE, VBE_ENABLED | VBE_LFB | flags);
}

/* Identity ---------------------------------------------------------------------------------- */

static void types_have_their_classes(void)
{
    static const struct {
        const char *name;
        unsigned class;
    } rows[] = { { "VGA", 0x0300 }, { "secondary-vga", 0x0380 }, { "bochs-display", 0x0380 } };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(card) c = card_new(rows[i].name, NULL);

        g_assert_cmphex(pci_rig_read(c->r, DEVFN, PCI_VENDOR_ID, 4), ==, 0x11111234);
        g_assert_cmphex(pci_rig_read(c->r, DEVFN, PCI_CLASS, 2), ==, rows[i].class);
        pci_rig_write(c->r, DEVFN, PCI_BAR0, UINT32_MAX, 4);
        g_assert_cmphex(pci_rig_read(c->r, DEVFN, PCI_BAR0, 4), ==, 0xff000008);
    }
}

static void only_vga_has_the_legacy_ports(void)
{
    g_autoptr(card) vga = card_new("VGA", "romfile="), second = card_new("secondary-vga", NULL);

    rig_outb(vga->r, 0x3c2, 0x67);
    g_assert_cmphex(rig_inb(vga->r, 0x3cc), ==, 0x67);
    rig_outb(second->r, 0x3c2, 0x67);
    g_assert_cmphex(rig_inb(second->r, 0x3cc), ==, 0xff);
    rig_store(second->r, PORTS + 2, 0x67, 1);
    g_assert_cmphex(rig_load(second->r, PORTS + 0xc, 1), ==, 0x67);
}

/* DISPI registers --------------------------------------------------------------------------- */

static void ports_take_an_index_and_unaligned_data(void)
{
    struct vga *v;
    g_autoptr(rig) r = vga_rig(NULL, &v);

    rig_outw(r, 0x1ce, VBE_ID);
    g_assert_cmphex(rig_inw(r, 0x1cf), ==, 0xb0c5);
    rig_outw(r, 0x1cf, 0xb0c2);
    g_assert_cmphex(rig_inw(r, 0x1d0), ==, 0xb0c2);
    rig_outw(r, 0x1cf, 0x1234);
    g_assert_cmphex(rig_inw(r, 0x1cf), ==, 0xb0c2);
    rig_outw(r, 0x1ce, VBE_MEMORY_64K);
    g_assert_cmphex(rig_inw(r, 0x1cf), ==, 256);
    rig_outw(r, 0x1ce, 0x7777);
    g_assert_cmphex(rig_inw(r, 0x1cf), ==, 0);
}

static void capabilities_are_told_without_changing_the_mode(void)
{
    g_autoptr(card) c = card_new("bochs-display", NULL);

    set_dispi(c, VBE_XRES, 800);
    set_dispi(c, VBE_ENABLE, VBE_GETCAPS);
    g_assert_cmpuint(dispi(c, VBE_XRES), ==, VBE_MAX_XRES);
    g_assert_cmpuint(dispi(c, VBE_YRES), ==, VBE_MAX_YRES);
    g_assert_cmpuint(dispi(c, VBE_BPP), ==, 32);
    set_dispi(c, VBE_ENABLE, 0);
    g_assert_cmpuint(dispi(c, VBE_XRES), ==, 800);
}

static void sizes_are_cut_to_the_memory(void)
{
    g_autoptr(card) c = card_new("bochs-display", "vgamem=1M");

    set_vbe(c, 1027, 1000, 32, 0);
    g_assert_cmpuint(dispi(c, VBE_XRES), ==, 1024);
    g_assert_cmpuint(dispi(c, VBE_YRES), ==, 256);
    set_dispi(c, VBE_Y_OFFSET, 5);
    g_assert_cmpuint(dispi(c, VBE_Y_OFFSET), ==, 0);
    set_vbe(c, 512, 256, 32, 0);
    g_assert_cmpuint(dispi(c, VBE_VIRT_HEIGHT), ==, 512);
    set_dispi(c, VBE_Y_OFFSET, 1000);
    g_assert_cmpuint(dispi(c, VBE_Y_OFFSET), ==, 256);
    set_dispi(c, VBE_VIRT_WIDTH, 65535);
    g_assert_cmpuint(dispi(c, VBE_YRES), ==, 4);
}

static void enabling_clears_unless_asked_not_to(void)
{
    g_autoptr(card) c = card_new("bochs-display", NULL);

    rig_store(c->r, LFB, 0x12345678, 4);
    set_vbe(c, 640, 480, 32, VBE_NOCLEAR);
    g_assert_cmphex(rig_load(c->r, LFB, 4), ==, 0x12345678);
    set_vbe(c, 640, 480, 32, 0);
    g_assert_cmphex(rig_load(c->r, LFB, 4), ==, 0);
}

/* Pictures ---------------------------------------------------------------------------------- */

static void every_depth_shows_its_colours(void)
{
    static const struct {
        unsigned bpp, bytes;
        uint32_t value, shown;
    } rows[] = {
        { 15, 2, 0x7c00, RED },
        { 15, 2, 0x03e0, GREEN },
        { 16, 2, 0xf800, RED },
        { 16, 2, 0x07e0, GREEN },
        { 16, 2, 0x8410, 0x848284 },
        { 24, 3, 0x123456, 0x123456 },
        { 32, 4, 0xff123456, 0x00123456 },
    };
    g_autoptr(card) c = card_new("bochs-display", NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        set_vbe(c, 640, 480, rows[i].bpp, 0);
        rig_write(c->r, LFB + (640 * 2 + 3) * rows[i].bytes, &rows[i].value, rows[i].bytes);
        g_assert_cmphex(pixel(c->r, 3, 2), ==, rows[i].shown);
        g_assert_cmphex(pixel(c->r, 4, 2), ==, 0);
    }
}

static void eight_bits_use_the_dac_with_6_or_8_bits(void)
{
    g_autoptr(card) c = card_new("VGA", "romfile=");

    rig_outb(c->r, 0x3c2, 1);
    set_dac(c->r, 9, 0x80ff00);
    set_vbe(c, 640, 480, 8, 0);
    rig_store(c->r, LFB + 641, 9, 1);
    g_assert_cmphex(pixel(c->r, 1, 1), ==, 0x82ff00);
    set_dispi(c, VBE_ENABLE, VBE_ENABLED | VBE_8BIT_DAC);
    g_assert_cmphex(pixel(c->r, 1, 1), ==, 0x82ff00); /* colours stay */
    rig_outb(c->r, 0x3c8, 9);
    for (unsigned i = 0; i < 3; i++) {
        rig_outb(c->r, 0x3c9, 0x81);
    }
    g_assert_cmphex(pixel(c->r, 1, 1), ==, 0x818181);
}

static void four_bits_are_planar(void)
{
    g_autoptr(card) c = card_new("VGA", "romfile=");
    struct vga *v = c->r->m->displays->opaque;

    set_mode(c->r, &mode_12);
    set_vbe(c, 800, 600, 4, 0);
    *plane_byte(v, 2, 100 * 5 + 1) = 0x80;
    g_assert_cmphex(pixel(c->r, 8, 5), ==, colour(4));
    g_assert_cmphex(pixel(c->r, 9, 5), ==, colour(0));
    set_dispi(c, VBE_Y_OFFSET, 3);
    g_assert_cmphex(pixel(c->r, 8, 2), ==, colour(4));
}

static void virtual_width_and_offsets_pan(void)
{
    g_autoptr(card) c = card_new("bochs-display", NULL);

    set_vbe(c, 640, 480, 32, 0);
    set_dispi(c, VBE_VIRT_WIDTH, 1024);
    rig_store(c->r, LFB + (1024 * 20 + 30) * 4, WHITE, 4);
    g_assert_cmphex(pixel(c->r, 30, 20), ==, WHITE);
    set_dispi(c, VBE_X_OFFSET, 10);
    set_dispi(c, VBE_Y_OFFSET, 15);
    g_assert_cmphex(pixel(c->r, 20, 5), ==, WHITE);
}

static void banks_appear_in_the_legacy_window(void)
{
    struct vga *v;
    g_autoptr(rig) r = vga_rig(NULL, &v);

    vbe_write(v, VBE_BPP, 8);
    vbe_write(v, VBE_ENABLE, VBE_ENABLED);
    rig_outw(r, 0x1ce, VBE_BANK);
    rig_outw(r, 0x1cf, 3);
    rig_store(r, WINDOW + 0x1234, 0x5a, 1);
    g_assert_cmphex(v->vram.ram->host[0x31234], ==, 0x5a);
    g_assert_cmphex(rig_load(r, WINDOW + 0x1234, 1), ==, 0x5a);
    g_assert_cmphex(rig_load(r, 0xb1234, 1), ==, 0xff); /* 64 KiB only */
    rig_outw(r, 0x1cf, 256);                            /* beyond the memory */
    g_assert_cmpuint(rig_inw(r, 0x1cf), ==, 3);
    rig_outw(r, 0x1cf, 255);
    rig_store(r, 0xaffff, 0x77, 1);
    g_assert_cmphex(v->vram.ram->host[v->vram.ram->size - 1], ==, 0x77);
}

static void byte_order_can_be_swapped(void)
{
    g_autoptr(card) c = card_new("bochs-display", NULL);

    set_vbe(c, 640, 480, 32, 0);
    rig_store(c->r, LFB, 0x78563412, 4);
    g_assert_cmphex(rig_load(c->r, MMIO + 0x600, 4), ==, 8);
    g_assert_cmphex(rig_load(c->r, MMIO + 0x604, 4), ==, 0x1e1e1e1e);
    g_assert_cmphex(pixel(c->r, 0, 0), ==, 0x563412);
    rig_store(c->r, MMIO + 0x604, 0xbebebebe, 4);
    g_assert_cmphex(pixel(c->r, 0, 0), ==, 0x345678);
}

/* Dirty pages ------------------------------------------------------------------------------- */

struct flusher {
    struct dirty_listener listener;
    unsigned calls;
    uint64_t offset, len;
};

static void note_cleared(struct dirty_listener *l, struct ram_block *ram, uint64_t offset,
                         uint64_t len)
{
    struct flusher *f = (struct flusher *)l;

    (void)ram;
    f->calls++;
    f->offset = offset;
    f->len = len;
}

static void collecting_clears_flags_and_tells_engines(void)
{
    g_autoptr(rig) r = rig_new();
    struct flusher f = { .listener.cleared = note_cleared };
    uint64_t bitmap[2];

    dirty_listener_add(r->m, &f.listener);
    rig_store(r, 0x3000, 1, 1);
    rig_store(r, 0x50000, 1, 1);
    g_assert_true(ram_dirty_collect(r->m, r->ram.ram, 0x2800, 0x50000, RAM_PAGE_DISPLAY, bitmap));
    g_assert_cmphex(bitmap[0], ==, 0x2); /* bit 0 is page 2 */
    g_assert_cmphex(bitmap[1], ==, 1ull << (0x50 - 2 - 64));
    g_assert_cmpuint(f.calls, ==, 1);
    g_assert_cmphex(f.offset, ==, 0x2000);
    g_assert_cmphex(f.len, ==, 0x51000);
    g_assert_cmphex(r->ram.ram->page_flags[3], ==, RAM_PAGE_MIGRATE);
    g_assert_false(ram_dirty_collect(r->m, r->ram.ram, 0x2800, 0x50000, RAM_PAGE_DISPLAY, bitmap));
    g_assert_cmpuint(f.calls, ==, 1);
    g_assert_false(ram_dirty_collect(r->m, r->ram.ram, RIG_RAM_SIZE, 1, RAM_PAGE_DISPLAY, bitmap));
    dirty_listener_del(r->m, &f.listener);
}

static void only_rows_on_written_pages_are_drawn(void)
{
    g_autoptr(card) c = card_new("bochs-display", NULL);
    struct display_console *con = c->r->m->displays;
    struct surface s = { 0 };

    set_vbe(c, 1024, 768, 32, 0); /* a row is a page */
    console_update(con, &s, false);
    console_update(con, &s, false);
    g_assert_cmpuint(s.dirty_end, ==, 0);
    rig_store(c->r, LFB + 100 * 4096 + 8, RED, 4);
    console_update(con, &s, false);
    g_assert_cmpuint(s.dirty_first, ==, 100);
    g_assert_cmpuint(s.dirty_end, ==, 101);
    g_assert_cmphex(surface_row(&s, 100)[2], ==, RED);
    /* A full picture for somebody else takes nothing away. */
    rig_store(c->r, LFB + 200 * 4096, RED, 4);
    g_assert_cmphex(pixel(c->r, 0, 200), ==, RED);
    console_update(con, &s, false);
    g_assert_cmpuint(s.dirty_first, ==, 200);
    set_dispi(c, VBE_Y_OFFSET, 1);
    console_update(con, &s, false);
    g_assert_cmphex(surface_row(&s, 99)[2], ==, RED);
    surface_clear(&s);
}

/* EDID -------------------------------------------------------------------------------------- */

static void edid_names_the_preferred_mode_and_sums_to_zero(void)
{
    static const uint8_t header[] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
    g_autoptr(card) c = card_new("bochs-display", "xres=1366,yres=768,xmax=1400,ymax=1050");
    uint8_t edid[EDID_SIZE], sum = 0;

    rig_read(c->r, MMIO, edid, sizeof(edid));
    g_assert_cmpmem(edid, 8, header, 8);
    for (unsigned i = 0; i < EDID_SIZE; i++) {
        sum = (uint8_t)(sum + edid[i]);
    }
    g_assert_cmpuint(sum, ==, 0);
    g_assert_cmpuint(edid[56] | (edid[58] & 0xf0) << 4, ==, 1366);
    g_assert_cmpuint(edid[59] | (edid[61] & 0xf0) << 4, ==, 768);
    g_assert_cmphex(edid[38], ==, 1);             /* 1920x1080 is too large */
    g_assert_cmphex(edid[48], ==, 1280 / 8 - 31); /* 1280x1024 is not */
    g_assert_cmphex(rig_load(c->r, MMIO + 128, 4), ==, 0);
}

static void edid_names_what_a_viewer_wants(void)
{
    g_autoptr(card) c = card_new("VGA", "xres=1366,yres=768");
    struct display_console *con = c->r->m->displays;
    uint8_t edid[EDID_SIZE];

    g_assert_true(con->resize(con->opaque, 1000, 700));
    g_assert_false(con->resize(con->opaque, 1000, 30));
    rig_read(c->r, MMIO, edid, sizeof(edid));
    g_assert_cmpuint(edid[56] | (edid[58] & 0xf0) << 4, ==, 1000);
    g_assert_cmpuint(edid[59] | (edid[61] & 0xf0) << 4, ==, 700);
    rig_check_state(c->r, c->dev);
}

static void edid_can_be_left_out_and_refuses_what_it_cannot_say(void)
{
    g_autoptr(card) c = card_new("bochs-display", "edid=off");
    g_autofree char *wide = NULL, *fast = NULL;

    g_assert_cmphex(rig_load(c->r, MMIO, 8), ==, 0);
    wide = rig_device_error(c->r, device_type_find("bochs-display"), "xres=5000");
    g_assert_nonnull(strstr(wide, "5000"));
    fast = rig_device_error(c->r, device_type_find("bochs-display"), "xres=4000,yres=4000");
    g_assert_nonnull(strstr(fast, "655 MHz"));
}

/* State ------------------------------------------------------------------------------------- */

static void state_survives(void)
{
    g_autoptr(card) c = card_new("VGA", "romfile=");

    set_vbe(c, 800, 600, 16, 0);
    set_dispi(c, VBE_Y_OFFSET, 7);
    rig_store(c->r, MMIO + 0x604, 0xbebebebe, 4);
    rig_check_state(c->r, c->dev);
    g_assert_cmpuint(dispi(c, VBE_Y_OFFSET), ==, 7);
    rig_store(c->r, LFB + 800 * 2 * 7, 0x00f8, 2); /* big-endian red */
    g_assert_cmphex(pixel(c->r, 0, 0), ==, RED);
}

static void random_accesses_are_survived(void)
{
    static const char *const names[] = { "VGA", "bochs-display", "secondary-vga" };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(card) c = card_new(names[i], NULL);
        g_autoptr(GRand) rand = g_rand_new_with_seed(7);

        for (unsigned k = 0; k < 100; k++) {
            struct surface s = { 0 };

            for (unsigned n = 0; n < 50; n++) {
                set_dispi(c, (unsigned)g_rand_int_range(rand, 0, VBE_REGS + 1),
                          g_rand_int(rand) & (k % 2 ? 0xffff : 0x3ff));
            }
            set_dispi(c, VBE_XRES, (unsigned)g_rand_int_range(rand, 0, 2000));
            set_dispi(c, VBE_YRES, (unsigned)g_rand_int_range(rand, 0, 300));
            console_update(c->r->m->displays, &s, k % 3 == 0);
            surface_clear(&s);
        }
        fuzz_memory(c->r, MMIO, VGA_MMIO_SIZE);
        fuzz_memory(c->r, LFB, 16u << 20);
        rig_check_state(c->r, c->dev);
    }
}

/* clang-format off */
static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    { "identity",     types_have_their_classes },
    { "legacy",       only_vga_has_the_legacy_ports },
    { "ports",        ports_take_an_index_and_unaligned_data },
    { "capabilities", capabilities_are_told_without_changing_the_mode },
    { "sizes",        sizes_are_cut_to_the_memory },
    { "clear",        enabling_clears_unless_asked_not_to },
    { "depths",       every_depth_shows_its_colours },
    { "8-bit-dac",    eight_bits_use_the_dac_with_6_or_8_bits },
    { "planar",       four_bits_are_planar },
    { "panning",      virtual_width_and_offsets_pan },
    { "banks",        banks_appear_in_the_legacy_window },
    { "byte-order",   byte_order_can_be_swapped },
    { "collect",      collecting_clears_flags_and_tells_engines },
    { "dirty-rows",   only_rows_on_written_pages_are_drawn },
    { "edid",         edid_names_the_preferred_mode_and_sums_to_zero },
    { "edid-wanted",  edid_names_what_a_viewer_wants },
    { "edid-limits",  edid_can_be_left_out_and_refuses_what_it_cannot_say },
    { "state",        state_survives },
    { "fuzz",         random_accesses_are_survived },
};
/* clang-format on */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/bochs-display/", tests[i].name, NULL);

        g_test_add_func(path, tests[i].run);
    }
    return g_test_run();
}
