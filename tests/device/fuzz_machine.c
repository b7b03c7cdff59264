/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/fuzz_machine.c: see fuzz_machine.h.
 *
 * The guest reads and writes what answers (half of the time what `usual` does not name), fills low
 * memory with numbers that look like addresses, so that rings and descriptors lead somewhere, moves
 * BARs, lets time pass; beside it the host resets, saves and loads, types and looks at the screens.
 * Thread: the test's, machine lock held.
 */
#include "tests/device/fuzz_machine.h"
#include "block/block.h"
#include "tests/device/fuzz.h"
#include "ui/input.h"
#include "ui/surface.h"

#define LOW_RAM  0x40000u /* where descriptors and what they point at are */
#define DEVFNS   256
#define BAR_BASE 0xe0000000u
#define BAR_STEP 0x02000000u

struct fuzz_machine *fuzz_machine_new(const char *command_line, uint32_t seed)
{
    struct fuzz_machine *f = g_new0(struct fuzz_machine, 1);
    g_autofree char *line = g_strconcat("fuzz ", command_line, NULL);
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    g_autoptr(GError) error = NULL;

    f->rand = g_rand_new_with_seed(seed);
    f->options = options_new();
    g_assert_true(options_parse(f->options, (int)g_strv_length(argv), argv, &error) &&
                  options_finish(f->options, &error));
    f->m = f->session.machine = machine_new();
    machine_lock(f->m);
    clock_virtual_manual(f->m);
    session_setup(&f->session, f->options, &error);
    g_assert_no_error(error);
    device_reset_all(f->m);
    return f;
}

void fuzz_machine_free(struct fuzz_machine *f)
{
    session_clear(&f->session);
    machine_free(f->m);
    options_free(f->options);
    g_rand_free(f->rand);
    if (f->usual) {
        g_hash_table_unref(f->usual);
    }
    g_free(f);
}

GHashTable *fuzz_machine_regions(struct fuzz_machine *f)
{
    struct address_space *const spaces[] = { &f->m->memory, &f->m->io };
    GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (unsigned s = 0; s < G_N_ELEMENTS(spaces); s++) {
        for (unsigned i = 0; i < spaces[s]->n_sections; i++) {
            g_hash_table_add(names, g_strdup(spaces[s]->sections[i].mr->name));
        }
    }
    return names;
}

static uint32_t below(struct fuzz_machine *f, uint32_t n)
{
    return g_rand_int(f->rand) % n;
}

/* What is written: anything, an address in low memory, a bit. */
static uint64_t value(struct fuzz_machine *f)
{
    switch (below(f, 4)) {
    case 0:
        return below(f, LOW_RAM) & ~0xfu;
    case 1:
        return 1ull << below(f, 64);
    default:
        return fuzz_value(f->rand);
    }
}

/* Accesses -------------------------------------------------------------------------------------- */

/* A section that is a device's; after some tries one that is not wanted. */
static const struct mem_section *pick(struct fuzz_machine *f, struct address_space *as)
{
    const struct mem_section *s = NULL;
    bool aim = f->usual && below(f, 4) != 0;

    for (unsigned tries = 0; as->n_sections > 0 && tries < 64; tries++) {
        s = &as->sections[below(f, as->n_sections)];
        if (!(s->ram && s->mr->kind == MEM_RAM) &&
            !(aim && g_hash_table_contains(f->usual, s->mr->name))) {
            break;
        }
    }
    return s;
}

static void access_once(struct fuzz_machine *f)
{
    struct address_space *as = below(f, 2) ? &f->m->memory : &f->m->io;
    const struct mem_section *s = pick(f, as);
    unsigned size = 1u << below(f, 4);
    uint64_t addr, offset;

    if (!s) {
        return;
    }
    /* Registers are at the beginning; what follows is looked at, too. */
    offset = below(f, 8) ? below(f, 0x200) : g_rand_int(f->rand);
    if (below(f, 4)) {
        offset &= ~(uint64_t)(size - 1);
    }
    addr = s->start + offset % (s->last - s->start + 1);
    if (below(f, 3)) {
        address_space_store(as, addr, value(f), size);
    } else {
        address_space_load(as, addr, size);
    }
}

static void block_access(struct fuzz_machine *f)
{
    struct address_space *as = below(f, 2) ? &f->m->memory : &f->m->io;
    const struct mem_section *s = pick(f, as);
    uint8_t bytes[600] = { 0 };
    uint64_t len = below(f, sizeof(bytes)), addr;

    if (!s) {
        return;
    }
    addr = s->start + g_rand_int(f->rand) % (s->last - s->start + 1);
    if (below(f, 2)) {
        address_space_write(as, addr, bytes, len);
    } else {
        address_space_read(as, addr, bytes, len);
    }
}

static void fill_memory(struct fuzz_machine *f)
{
    uint64_t at = below(f, LOW_RAM) & ~7u;

    for (unsigned i = 0; i < 16; i++) {
        address_space_store(&f->m->memory, at + i * 8, value(f), 1u << below(f, 4));
    }
}

/* PCI ------------------------------------------------------------------------------------------- */

static void config_store(struct fuzz_machine *f, unsigned devfn, unsigned reg, uint32_t v,
                         unsigned size)
{
    address_space_store(&f->m->io, 0xcf8, 0x80000000u | devfn << 8 | (reg & 0xfc), 4);
    address_space_store(&f->m->io, 0xcfc + (reg & 3), v, size);
}

static uint32_t config_load(struct fuzz_machine *f, unsigned devfn, unsigned reg)
{
    address_space_store(&f->m->io, 0xcf8, 0x80000000u | devfn << 8 | reg, 4);
    return (uint32_t)address_space_load(&f->m->io, 0xcfc, 4);
}

/* Gives each function of bus 0 places for its BARs and lets it use them, as firmware does. */
static void enable_pci(struct fuzz_machine *f)
{
    uint32_t memory = BAR_BASE, io = 0xc000;

    for (unsigned devfn = 0; devfn < DEVFNS; devfn++) {
        uint32_t id = config_load(f, devfn, 0);

        if (id == UINT32_MAX || id == 0) {
            continue;
        }
        for (unsigned bar = 0; bar < 6; bar++) {
            unsigned reg = 0x10 + bar * 4;

            if (config_load(f, devfn, reg) & 1) {
                config_store(f, devfn, reg, io, 4);
                io = io == 0xfe00 ? 0xc000 : io + 0x200;
            } else {
                config_store(f, devfn, reg, memory, 4);
                memory = memory > 0xf8000000u ? BAR_BASE : memory + BAR_STEP;
            }
        }
        config_store(f, devfn, 4, 7, 2);
    }
}

static void config_once(struct fuzz_machine *f)
{
    unsigned size = 1u << below(f, 3), reg = below(f, 256) & ~(size - 1);
    unsigned devfn = below(f, 2) ? below(f, 8) << 3 : below(f, DEVFNS);

    config_store(f, devfn, reg, (uint32_t)value(f), size);
}

/* The host's part ------------------------------------------------------------------------------- */

static void let_time_pass(struct fuzz_machine *f)
{
    static const int64_t steps[] = { 1000, 100 * 1000, 10 * 1000 * 1000 };

    clock_step(f->m, steps[below(f, G_N_ELEMENTS(steps))]);
}

/* Requests to end or reset the machine are not carried out: the test does that. */
static void turn_loop(struct fuzz_machine *f)
{
    struct machine *m = f->m;

    for (unsigned turn = 0; turn < 50 && g_main_context_pending(m->context); turn++) {
        m->shutdown_requested = m->reset_requested = SHUTDOWN_NONE;
        m->powerdown_requested = false;
        machine_iterate(m, false);
    }
}

static void reset(struct fuzz_machine *f)
{
    device_reset_all(f->m);
    enable_pci(f);
}

/* False: *error says why what was saved does not load. */
static bool load_all(struct device *dev, const GByteArray *stream, GError **error)
{
    size_t pos = 0;

    return device_load(dev, stream->data, stream->len, &pos, error);
}

/* The first byte that differs, or -1. */
static int difference(const GByteArray *a, const GByteArray *b)
{
    for (unsigned i = 0; i < a->len || i < b->len; i++) {
        if (i >= a->len || i >= b->len || a->data[i] != b->data[i]) {
            return (int)i;
        }
    }
    return -1;
}

/*
 * What was saved loads.  The first load may catch up with the time that has passed; from then on what
 * is saved is what was loaded.
 */
static void save_and_load(struct fuzz_machine *f)
{
    struct device *dev = g_ptr_array_index(f->m->devices, below(f, f->m->devices->len));
    g_autoptr(GByteArray) first = g_byte_array_new(), second = g_byte_array_new();
    g_autoptr(GByteArray) third = g_byte_array_new();
    g_autoptr(GError) error = NULL;

    device_prepare_save_all(f->m);
    device_save(dev, first);
    if (load_all(dev, first, &error)) {
        device_save(dev, second);
        load_all(dev, second, &error);
        device_save(dev, third);
    }
    g_assert_no_error(error);
    if (difference(second, third) >= 0) {
        g_error("%s: what is saved after a load differs in byte %d of %u from what was loaded",
                dev->type->name, difference(second, third), second->len);
    }
}

/* A stream with mistakes is refused or taken; the machine is reset after it. */
static void load_damaged(struct fuzz_machine *f)
{
    struct device *dev = g_ptr_array_index(f->m->devices, below(f, f->m->devices->len));
    g_autoptr(GByteArray) stream = g_byte_array_new();
    g_autoptr(GError) error = NULL;

    device_prepare_save_all(f->m);
    device_save(dev, stream);
    for (unsigned i = 1 + below(f, 8); i > 0; i--) {
        stream->data[below(f, stream->len)] = (uint8_t)g_rand_int(f->rand);
    }
    if (load_all(dev, stream, &error)) {
        for (unsigned i = 0; i < 50; i++) {
            access_once(f);
        }
    }
    reset(f);
}

static void look_and_type(struct fuzz_machine *f)
{
    struct surface s = { 0 };

    for (struct display_console *c = f->m->displays; c; c = c->next) {
        g_autoptr(GString) text = g_string_new(NULL);

        console_update(c, &s, below(f, 2));
        console_text(c, text, NULL);
    }
    surface_clear(&s);
    input_key(f->m, (uint16_t)(1 + below(f, 0x58)), below(f, 2));
    input_move(f->m, (int)below(f, 600) - 300, (int)below(f, 600) - 300, (int)below(f, 3) - 1);
}

static void take_media_out(struct fuzz_machine *f)
{
    static const char *const names[] = { "ide1-cd0", "ide0-cd0", "floppy0" };
    struct block_backend *blk = block_backend_find(f->m, names[below(f, G_N_ELEMENTS(names))]);

    if (blk && blk->removable && blk->root) {
        g_autofree char *path = g_strdup(blk->filename);
        struct block_open_options o = blk->options;

        o.filename = path;
        block_backend_eject(blk, true, NULL);
        for (unsigned i = 0; i < 20; i++) {
            access_once(f);
        }
        block_backend_open(blk, &o, NULL);
    }
}

/* What happens, and how often in so many steps. */
static const struct action {
    unsigned weight;
    void (*run)(struct fuzz_machine *f);
} actions[] = {
    /* clang-format off */
    { 6000, access_once },
    {  100, block_access },
    {  600, fill_memory },
    {   60, config_once },
    {    5, enable_pci },
    { 1000, let_time_pass },
    {  400, turn_loop },
    {   20, look_and_type },
    {   10, save_and_load },
    {    6, load_damaged },
    {    4, reset },
    {    4, take_media_out },
    /* clang-format on */
};

void fuzz_machine_run(struct fuzz_machine *f, unsigned steps)
{
    unsigned all = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(actions); i++) {
        all += actions[i].weight;
    }
    enable_pci(f);
    while (steps-- > 0 && f->m->devices->len > 0) {
        unsigned choice = below(f, all), i = 0;

        while (choice >= actions[i].weight) {
            choice -= actions[i++].weight;
        }
        actions[i].run(f);
    }
    turn_loop(f);
}
