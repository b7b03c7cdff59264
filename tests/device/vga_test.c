/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/vga_test.c: the VGA's registers and memory.  Thread: the test's. */
#include "tests/device/fuzz.h"
#include "tests/device/vga_rig.h"

/* Four planes' bytes at an offset, as 0xPPPPPPPP with plane 3 first. */
static uint32_t planes(struct vga *v, unsigned offset)
{
    uint32_t value;

    memcpy(&value, plane_byte(v, 0, offset), 4);
    return value;
}

static void set_planes(struct vga *v, unsigned offset, uint32_t value)
{
    memcpy(plane_byte(v, 0, offset), &value, 4);
}

/* Registers --------------------------------------------------------------------------------- */

static void indexed_registers_keep_the_bits_that_exist(void)
{
    g_autoptr(rig) r = vga_rig(NULL, NULL);

    rig_outb(r, 0x3c2, MISC_COLOUR);
    for (unsigned value = 0; value < 256; value += 255) {
        sr(r, SR_MAP_MASK, value);
        g_assert_cmphex(rig_inb(r, 0x3c5), ==, value & 0x0f);
        gr(r, GR_BIT_MASK, value);
        g_assert_cmphex(rig_inb(r, 0x3cf), ==, value);
        cr(r, CR_CURSOR_LOW, value);
        g_assert_cmphex(rig_inb(r, 0x3d5), ==, value);
        ar(r, AR_PANNING, value);
        rig_outb(r, 0x3c0, AR_PANNING);
        g_assert_cmphex(rig_inb(r, 0x3c1), ==, value & 0x0f);
    }
    rig_outb(r, 0x3c4, 0xff);
    g_assert_cmphex(rig_inb(r, 0x3c5), ==, 0);
}

static void misc_moves_the_crtc_between_mono_and_colour_ports(void)
{
    g_autoptr(rig) r = vga_rig(NULL, NULL);

    rig_outb(r, 0x3c2, MISC_COLOUR);
    g_assert_cmphex(rig_inb(r, 0x3cc), ==, MISC_COLOUR);
    cr(r, CR_CURSOR_LOW, 0x12);
    g_assert_cmphex(rig_inb(r, 0x3b5), ==, 0xff);
    rig_outb(r, 0x3c2, 0);
    g_assert_cmphex(rig_inb(r, 0x3d5), ==, 0xff);
    g_assert_cmphex(rig_inb(r, 0x3b5), ==, 0x12);
}

static void protected_crtc_registers_change_in_the_line_compare_bit_only(void)
{
    g_autoptr(rig) r = vga_rig(&mode_03, NULL);

    cr(r, CR_H_END, 0x11);
    g_assert_cmphex(rig_inb(r, 0x3d5), ==, 0x4f);
    cr(r, CR_OVERFLOW, 0);
    g_assert_cmphex(rig_inb(r, 0x3d5), ==, 0x0f);
}

static void reading_status_makes_the_next_attribute_write_an_index(void)
{
    g_autoptr(rig) r = vga_rig(&mode_03, NULL);

    rig_outb(r, 0x3c0, AR_OVERSCAN);
    rig_inb(r, 0x3da);
    rig_outb(r, 0x3c0, AR_PLANES);
    g_assert_cmphex(rig_inb(r, 0x3c0), ==, AR_PLANES);
    rig_outb(r, 0x3c0, 0x07);
    g_assert_cmphex(rig_inb(r, 0x3c1), ==, 0x07);
}

static void dac_entries_follow_each_other(void)
{
    g_autoptr(rig) r = vga_rig(NULL, NULL);

    rig_outb(r, 0x3c8, 0x10);
    for (unsigned i = 0; i < 6; i++) {
        rig_outb(r, 0x3c9, (uint8_t)(0xc1 + i)); /* 6 bits stay */
    }
    g_assert_cmphex(rig_inb(r, 0x3c8), ==, 0x12);
    g_assert_cmphex(rig_inb(r, 0x3c7), ==, 0);
    rig_outb(r, 0x3c7, 0x10);
    g_assert_cmphex(rig_inb(r, 0x3c7), ==, 3);
    for (unsigned i = 0; i < 6; i++) {
        g_assert_cmphex(rig_inb(r, 0x3c9), ==, 1 + i);
    }
}

/* Mode 3: 449 lines at 70 Hz, the pulse 2 lines from line 412 on. */
static void retrace_follows_the_virtual_clock(void)
{
    g_autoptr(rig) r = vga_rig(&mode_03, NULL);
    unsigned retrace = 0, blank = 0, pulses = 0, n = 0;
    bool before = true;

    for (int64_t t = 0; t < NS_PER_SEC; t += 20 * US, n++) {
        uint8_t status = rig_inb(r, 0x3da);
        bool now = status & 0x08;

        retrace += now;
        blank += status & 1;
        pulses += now && !before;
        before = now;
        rig_step(r, 20 * US);
    }
    g_assert_cmpuint(pulses, >=, 69);
    g_assert_cmpuint(pulses, <=, 71);
    g_assert_cmpuint(retrace * 1000 / n, >=, 3); /* 2 of 449 */
    g_assert_cmpuint(retrace * 1000 / n, <=, 6);
    g_assert_cmpuint(blank * 100 / n, >=, 24); /* all but 400 of 449 lines, 80 of 100 clocks */
    g_assert_cmpuint(blank * 100 / n, <=, 33);
}

/* Memory ------------------------------------------------------------------------------------ */

static void window_follows_the_memory_map(void)
{
    static const struct {
        unsigned map;
        uint32_t hit, miss;
    } rows[] = {
        { 0, 0xb8000, 0 },
        { 1, 0xa8000, 0xb0000 },
        { 2, 0xb0000, 0xb8000 },
        { 3, 0xb8000, 0xa0000 },
    };
    struct vga *v;
    g_autoptr(rig) r = vga_rig(&mode_12, &v);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        gr(r, GR_MISC, rows[i].map << 2 | 1);
        rig_store(r, rows[i].hit, 0x5a, 1);
        g_assert_cmphex(rig_load(r, rows[i].hit, 1), ==, 0x5a);
        if (rows[i].miss) {
            rig_store(r, rows[i].miss, 0x5a, 1);
            g_assert_cmphex(rig_load(r, rows[i].miss, 1), ==, 0xff);
        }
    }
    rig_outb(r, 0x3c2, MISC_COLOUR); /* the RAM is off */
    g_assert_cmphex(rig_load(r, TEXT, 1), ==, 0xff);
}

static void write_mode_0_rotates_and_combines_with_latches_under_the_bit_mask(void)
{
    struct vga *v;
    g_autoptr(rig) r = vga_rig(&mode_12, &v);

    rig_store(r, WINDOW, 0xa5, 1);
    g_assert_cmphex(planes(v, 0), ==, 0xa5a5a5a5);
    sr(r, SR_MAP_MASK, 0x5);
    rig_store(r, WINDOW + 1, 0xff, 1);
    g_assert_cmphex(planes(v, 1), ==, 0x00ff00ff);

    sr(r, SR_MAP_MASK, 0xf);
    gr(r, GR_ROTATE, 4);
    rig_store(r, WINDOW, 0x12, 1);
    g_assert_cmphex(planes(v, 0), ==, 0x21212121);

    gr(r, GR_ROTATE, 0);
    gr(r, GR_BIT_MASK, 0x0f);
    set_planes(v, 2, 0x11223344);
    rig_load(r, WINDOW + 2, 1);
    rig_store(r, WINDOW + 2, 0xab, 1);
    g_assert_cmphex(planes(v, 2), ==, 0x1b2b3b4b);
}

static void logical_functions_take_the_latches(void)
{
    static const uint32_t results[] = { 0x0f0f0f0f, 0x0002040c, 0x1f2f3f4f, 0x1f2d3b43 };
    struct vga *v;
    g_autoptr(rig) r = vga_rig(&mode_12, &v);

    for (unsigned f = 0; f < 4; f++) {
        set_planes(v, 0, 0x1022344c);
        rig_load(r, WINDOW, 1);
        gr(r, GR_ROTATE, f << 3);
        rig_store(r, WINDOW, 0x0f, 1);
        g_assert_cmphex(planes(v, 0), ==, results[f]);
    }
}

static void set_reset_replaces_data_where_enabled(void)
{
    struct vga *v;
    g_autoptr(rig) r = vga_rig(&mode_12, &v);

    gr(r, GR_SET_RESET, 0x1);
    gr(r, GR_ENABLE_SR, 0x3);
    rig_store(r, WINDOW, 0x5a, 1);
    g_assert_cmphex(planes(v, 0), ==, 0x5a5a00ff);
}

static void write_mode_1_copies_latches(void)
{
    struct vga *v;
    g_autoptr(rig) r = vga_rig(&mode_12, &v);

    set_planes(v, 7, 0x12345678);
    gr(r, GR_MODE, 1);
    rig_load(r, WINDOW + 7, 1);
    rig_store(r, WINDOW + 9, 0xff, 1);
    g_assert_cmphex(planes(v, 9), ==, 0x12345678);
}

static void write_mode_2_spreads_a_colour(void)
{
    struct vga *v;
    g_autoptr(rig) r = vga_rig(&mode_12, &v);

    gr(r, GR_MODE, 2);
    gr(r, GR_BIT_MASK, 0x80);
    rig_load(r, WINDOW, 1); /* latches: 0 */
    rig_store(r, WINDOW, 0x09, 1);
    g_assert_cmphex(planes(v, 0), ==, 0x80000080);
}

static void write_mode_3_masks_with_the_rotated_byte(void)
{
    struct vga *v;
    g_autoptr(rig) r = vga_rig(&mode_12, &v);

    set_planes(v, 0, 0xffff0000);
    gr(r, GR_MODE, 3);
    gr(r, GR_SET_RESET, 0x5);
    gr(r, GR_ROTATE, 1);
    gr(r, GR_BIT_MASK, 0xf0);
    rig_load(r, WINDOW, 1);
    rig_store(r, WINDOW, 0x7e, 1); /* rotated 0x3f, masked 0x30 */
    g_assert_cmphex(planes(v, 0), ==, 0xcfff0030);
}

static void read_mode_0_takes_the_selected_plane(void)
{
    struct vga *v;
    g_autoptr(rig) r = vga_rig(&mode_12, &v);

    set_planes(v, 3, 0x44332211);
    for (unsigned p = 0; p < 4; p++) {
        gr(r, GR_READ_MAP, p);
        g_assert_cmphex(rig_load(r, WINDOW + 3, 1), ==, 0x11 * (p + 1));
    }
}

static void read_mode_1_compares_colours(void)
{
    struct vga *v;
    g_autoptr(rig) r = vga_rig(&mode_12, &v);

    set_planes(v, 0, 0x0000ff0f); /* pixels: 2 2 2 2 3 3 3 3 */
    gr(r, GR_MODE, GR5_COMPARE);
    gr(r, GR_COMPARE, 3);
    gr(r, GR_DONT_CARE, 0xf);
    g_assert_cmphex(rig_load(r, WINDOW, 1), ==, 0x0f);
    gr(r, GR_DONT_CARE, 0x2);
    g_assert_cmphex(rig_load(r, WINDOW, 1), ==, 0xff);
    gr(r, GR_DONT_CARE, 0);
    g_assert_cmphex(rig_load(r, WINDOW, 1), ==, 0xff);
}

static void odd_even_puts_characters_in_plane_0_and_attributes_in_plane_1(void)
{
    struct vga *v;
    g_autoptr(rig) r = vga_rig(&mode_03, &v);

    rig_store(r, TEXT + 4, 0x1741, 2);
    g_assert_cmphex(planes(v, 4), ==, 0x00001741);
    g_assert_cmphex(planes(v, 5), ==, 0);
    g_assert_cmphex(rig_load(r, TEXT + 4, 2), ==, 0x1741);
}

static void chain_4_addresses_follow_each_other_through_the_planes(void)
{
    struct vga *v;
    g_autoptr(rig) r = vga_rig(&mode_13, &v);

    rig_store(r, WINDOW + 8, 0x44332211, 4);
    g_assert_cmphex(planes(v, 2), ==, 0x44332211);
    g_assert_cmphex(rig_load(r, WINDOW + 8, 8), ==, 0x44332211);
    sr(r, SR_MAP_MASK, 0x2);
    rig_store(r, WINDOW + 8, 0xffffffff, 4);
    g_assert_cmphex(planes(v, 2), ==, 0x4433ff11);
}

/* State ------------------------------------------------------------------------------------- */

static void state_survives(void)
{
    struct vga *v, before;
    g_autoptr(rig) r = vga_rig(&mode_13, &v);

    rig_outb(r, 0x3c8, 5);
    rig_outb(r, 0x3c9, 1);
    rig_outb(r, 0x3c0, 3);
    rig_store(r, WINDOW, 0x12345678, 4);
    rig_load(r, WINDOW, 1);
    rig_outw(r, 0x1ce, VBE_XRES);
    rig_outw(r, 0x1cf, 320);
    before = *v;
    rig_check_state(r, g_ptr_array_index(r->m->devices, 0));
    g_assert_cmpmem(v->sr, VGA_SR, before.sr, VGA_SR);
    g_assert_cmpmem(v->gr, VGA_GR, before.gr, VGA_GR);
    g_assert_cmpmem(v->cr, VGA_CR, before.cr, VGA_CR);
    g_assert_cmpmem(v->ar, VGA_AR, before.ar, VGA_AR);
    g_assert_cmpmem(v->dac, 768, before.dac, 768);
    g_assert_cmpmem(v->dac_pending, 3, before.dac_pending, 3);
    g_assert_cmpmem(v->latch, 4, before.latch, 4);
    g_assert_cmphex(v->misc, ==, 0x63);
    g_assert_cmpuint(v->dac_write_index, ==, 5);
    g_assert_cmpuint(v->dac_sub, ==, 1);
    g_assert_true(v->ar_data);
    g_assert_cmpuint(v->ar_index, ==, 3);
    g_assert_cmpuint(rig_inw(r, 0x1cf), ==, 320);
}

static void bad_state_is_refused(void)
{
    struct vga *v;
    g_autoptr(rig) r = vga_rig(&mode_13, &v);
    struct device *dev = g_ptr_array_index(r->m->devices, 0);
    g_autoptr(GByteArray) saved = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    size_t pos = 0;

    v->dac_sub = 3;
    device_save(dev, saved);
    v->dac_sub = 1;
    g_assert_false(device_load(dev, saved->data, saved->len, &pos, &error));
    g_assert_nonnull(strstr(error->message, "dac_sub is 3"));
    g_assert_cmpuint(v->dac_sub, ==, 1);
}

static void memory_size_must_be_a_power_of_two(void)
{
    g_autoptr(rig) r = rig_new();
    g_autofree char *text = rig_device_error(r, device_type_find("isa-vga"), "vgamem_mb=3");

    g_assert_nonnull(strstr(text, "vgamem_mb is 3"));
    g_assert_null(r->m->displays);
}

/* Any register value makes some picture, and some text or an error. */
static void look(struct rig *r)
{
    struct surface s = { 0 };
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    console_update(r->m->displays, &s, false);
    console_update(r->m->displays, &s, true);
    console_text(r->m->displays, text, &error);
    surface_clear(&s);
}

static void random_accesses_are_survived(void)
{
    g_autoptr(rig) r = vga_rig(&mode_03, NULL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);

    for (unsigned i = 0; i < 60; i++) {
        for (unsigned k = 0; k < 200; k++) {
            uint16_t port = (uint16_t)(0x3b4 + g_rand_int_range(rand, 0, 0x28));

            rig_outb(r, port, (uint8_t)fuzz_value(rand));
            rig_outw(r, 0x1ce, (uint16_t)g_rand_int_range(rand, 0, 12));
            rig_outw(r, 0x1cf, (uint16_t)fuzz_value(rand));
        }
        rig_store(r, WINDOW + (uint32_t)g_rand_int_range(rand, 0, 0x20000), fuzz_value(rand), 8);
        rig_load(r, WINDOW + (uint32_t)g_rand_int_range(rand, 0, 0x20000), 8);
        look(r);
    }
    fuzz_ports(r, 0x3b0, 0x30);
    fuzz_memory(r, WINDOW, VGA_WINDOW_SIZE);
    fuzz_ports(r, 0x1ce, 4);
    look(r);
    rig_check_state(r, g_ptr_array_index(r->m->devices, 0));
}

/* clang-format off */
static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    { "register-masks",    indexed_registers_keep_the_bits_that_exist },
    { "mono-colour",       misc_moves_the_crtc_between_mono_and_colour_ports },
    { "crtc-protect",      protected_crtc_registers_change_in_the_line_compare_bit_only },
    { "flip-flop",         reading_status_makes_the_next_attribute_write_an_index },
    { "dac",               dac_entries_follow_each_other },
    { "retrace",           retrace_follows_the_virtual_clock },
    { "memory-map",        window_follows_the_memory_map },
    { "write-mode-0",      write_mode_0_rotates_and_combines_with_latches_under_the_bit_mask },
    { "logical-functions", logical_functions_take_the_latches },
    { "set-reset",         set_reset_replaces_data_where_enabled },
    { "write-mode-1",      write_mode_1_copies_latches },
    { "write-mode-2",      write_mode_2_spreads_a_colour },
    { "write-mode-3",      write_mode_3_masks_with_the_rotated_byte },
    { "read-mode-0",       read_mode_0_takes_the_selected_plane },
    { "read-mode-1",       read_mode_1_compares_colours },
    { "odd-even",          odd_even_puts_characters_in_plane_0_and_attributes_in_plane_1 },
    { "chain-4",           chain_4_addresses_follow_each_other_through_the_planes },
    { "state",             state_survives },
    { "bad-state",         bad_state_is_refused },
    { "memory-size",       memory_size_must_be_a_power_of_two },
    { "fuzz",              random_accesses_are_survived },
};
/* clang-format on */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/vga/", tests[i].name, NULL);

        g_test_add_func(path, tests[i].run);
    }
    return g_test_run();
}
