/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/device_test.c: devices, their properties, buses and sections. */
#include <string.h>
#include "softmmu/machine.h"
#include "util/error.h"

struct gadget {
    struct device dev;
    bool flag;
    uint8_t u8;
    uint16_t port;
    uint32_t u32;
    uint64_t u64, size;
    int32_t i32, addr;
    char *text;
    struct chardev *chr;
    uint8_t level;
    uint8_t derived; /* not saved */
    unsigned resets;
};

static const struct property gadget_props[] = {
    PROP_BOOL(struct gadget, "flag", flag, true, "a switch"),
    PROP_U8(struct gadget, "u8", u8, 1, "small"),
    PROP_U16(struct gadget, "iobase", port, 0x3f8, "I/O port"),
    PROP_U32(struct gadget, "u32", u32, 3, "medium"),
    PROP_U64(struct gadget, "u64", u64, 4, "large"),
    PROP_I32(struct gadget, "i32", i32, -7, "signed"),
    PROP_SIZE(struct gadget, "size", size, 4096, "bytes"),
    PROP_STRING(struct gadget, "text", text, "hello", "words"),
    PROP_CHARDEV(struct gadget, "chardev", chr, "where bytes go"),
    PROP_PCI_ADDR(struct gadget, "addr", addr, "where it sits"),
    { 0 },
};

static const struct state_row gadget_state[] = {
    STATE_INT(struct gadget, level, 1, "fill level, 0 to 10"),
    { 0 },
};

static bool gadget_realize(struct device *dev, GError **error)
{
    if (((struct gadget *)dev)->u8 == 99) {
        set_error(error, "99 is taken");
        return false;
    }
    return true;
}

static void gadget_reset(struct device *dev)
{
    ((struct gadget *)dev)->level = 0;
    ((struct gadget *)dev)->resets++;
}

static bool gadget_post_load(struct device *dev, GError **error)
{
    struct gadget *g = (struct gadget *)dev;

    if (g->level > 10) {
        set_error(error, "level is %u, must be 0 to 10", g->level);
        return false;
    }
    g->derived = g->level * 2;
    return true;
}

static const struct device_type gadget_type = {
    .name = "gadget",
    .summary = "a test device",
    .bus = BUS_ISA,
    .size = sizeof(struct gadget),
    .props = gadget_props,
    .state = gadget_state,
    .realize = gadget_realize,
    .reset = gadget_reset,
    .post_load = gadget_post_load,
};

static struct machine *new_machine(void)
{
    struct machine *m = machine_new();

    machine_lock(m);
    return m;
}

static void defaults_come_from_the_rows(void)
{
    struct machine *m = new_machine();
    struct gadget *g = (struct gadget *)device_new(m, &gadget_type);

    g_assert_true(g->flag);
    g_assert_cmphex(g->port, ==, 0x3f8);
    g_assert_cmpint(g->i32, ==, -7);
    g_assert_cmpint(g->addr, ==, -1);
    g_assert_cmpuint(g->size, ==, 4096);
    g_assert_cmpstr(g->text, ==, "hello");
    g_assert_null(g->chr);
    device_free(&g->dev);
    machine_free(m);
}

static void values_parse_by_type(void)
{
    /* value, then what device_get_property says; NULL: refused */
    static const struct {
        const char *name, *value, *result;
    } rows[] = {
        /* clang-format off */
        { "flag",   "off",        "off" },
        { "flag",   "1",          NULL },
        { "u8",     "255",        "0xff" },
        { "u8",     "256",        NULL },
        { "iobase", "0x2f8",      "0x2f8" },
        { "iobase", "65536",      NULL },
        { "iobase", "",           NULL },
        { "u32",    "4294967295", "4294967295" },
        { "u32",    "4294967296", NULL },
        { "u64",    "0xffffffffffffffff", "18446744073709551615" },
        { "i32",    "-2147483648", "-2147483648" },
        { "i32",    "-2147483649", NULL },
        { "i32",    "2147483648", NULL },
        { "size",   "64k",        "65536" },
        { "size",   "big",        NULL },
        { "text",   "a b",        "a b" },
        { "addr",   "1f.7",       "1f.7" },
        { "addr",   "3",          "03.0" },
        { "addr",   "-1",         "-1" },
        { "addr",   "20",         NULL },
        { "addr",   "1.8",        NULL },
        { "addr",   "1.",         NULL },
        { "addr",   "1.2.3",      NULL },
        { "id",     "me",         "me" },
        /* clang-format on */
    };
    struct machine *m = new_machine();
    struct device *dev = device_new(m, &gadget_type);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *before = device_get_property(dev, rows[i].name), *after = NULL;
        bool ok = device_set_property(dev, rows[i].name, rows[i].value, &error);

        after = device_get_property(dev, rows[i].name);
        g_test_message("%s=%s", rows[i].name, rows[i].value);
        g_assert_true(ok == (rows[i].result != NULL));
        g_assert_cmpstr(after, ==, ok ? rows[i].result : before);
        g_assert_true(ok == (error == NULL));
    }
    device_free(dev);
    machine_free(m);
}

static void errors_say_what_is_allowed(void)
{
    struct machine *m = new_machine();
    struct device *dev = device_new(m, &gadget_type);
    g_autoptr(GError) range = NULL, unknown = NULL, chardev = NULL;

    g_assert_false(device_set_property(dev, "iobase", "0x10000", &range));
    g_assert_cmpstr(range->message, ==,
                    "Property 'gadget.iobase' is '0x10000', must be a number from 0 to 65535");
    g_assert_false(device_set_property(dev, "iobas", "1", &unknown));
    g_assert_cmpstr(unknown->message, ==,
                    "Property 'gadget.iobas' not found, closest: iobase; "
                    "'-device gadget,help' lists them");
    g_assert_false(device_set_property(dev, "chardev", "c0", &chardev));
    g_assert_cmpstr(
        chardev->message, ==,
        "Property 'gadget.chardev' can't find value 'c0': there is no -chardev with this id");
    device_free(dev);
    machine_free(m);
}

static struct chardev *find_c0(struct machine *m, const char *label)
{
    return strcmp(label, "c0") == 0 ? (struct chardev *)m : NULL;
}

static void chardev_is_looked_up_by_its_owner(void)
{
    struct machine *m = new_machine();
    struct gadget *g = (struct gadget *)device_new(m, &gadget_type);

    m->find_chardev = find_c0;
    g_assert_true(device_set_property(&g->dev, "chardev", "c0", NULL));
    g_assert_true(g->chr == (struct chardev *)m);
    device_free(&g->dev);
    machine_free(m);
}

static void realize_puts_on_the_bus_and_free_takes_off(void)
{
    struct machine *m = new_machine();
    struct bus isa, pci;
    struct device *dev, *bad;
    g_autoptr(GError) wrong = NULL, refused = NULL, error = NULL;

    bus_init(&isa, m, BUS_ISA, "isa.0", NULL);
    bus_init(&pci, m, BUS_PCI, "pci.0", NULL);
    g_assert_true(bus_find(m, BUS_PCI, NULL) == &pci);
    g_assert_true(bus_find(m, BUS_NONE, "isa.0") == &isa);
    g_assert_null(bus_find(m, BUS_ISA, "isa.1"));
    g_assert_null(device_create(m, &gadget_type, &pci, &wrong));
    g_assert_nonnull(wrong);
    bad = device_new(m, &gadget_type);
    g_assert_true(device_set_property(bad, "u8", "99", &error));
    g_assert_false(device_realize(bad, &isa, &refused));
    g_assert_cmpstr(refused->message, ==, "99 is taken");
    g_assert_cmpuint(m->devices->len, ==, 0);
    device_free(bad);
    dev = device_create(m, &gadget_type, &isa, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(isa.devices->len, ==, 1);
    g_assert_false(device_set_property(dev, "u8", "1", NULL)); /* too late */
    device_reset_all(m);
    g_assert_cmpuint(((struct gadget *)dev)->resets, ==, 1);
    device_free(dev);
    g_assert_cmpuint(isa.devices->len, ==, 0);
    g_assert_cmpuint(m->devices->len, ==, 0);
    machine_free(m);
}

static void section_round_trip_and_refusals(void)
{
    struct machine *m = new_machine();
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autoptr(GError) error = NULL, name = NULL, bounds = NULL;
    struct gadget *g = (struct gadget *)device_create(m, &gadget_type, NULL, &error);
    size_t pos = 0;

    g->level = 6;
    device_save(&g->dev, out);
    g->level = 2;
    g_assert_true(device_load(&g->dev, out->data, out->len, &pos, &error));
    g_assert_cmpuint(g->level, ==, 6);
    g_assert_cmpuint(g->derived, ==, 12);
    for (size_t len = 0; len < out->len; len++) {
        pos = 0;
        g_assert_false(device_load(&g->dev, out->data, len, &pos, NULL));
        g_assert_cmpuint(pos, ==, 0);
    }
    out->data[out->len - 2] = 11; /* post_load's bound: what was before stays */
    g->level = 3;
    g_assert_false(device_load(&g->dev, out->data, out->len, &pos, &bounds));
    g_assert_cmpstr(bounds->message, ==, "device 'gadget': level is 11, must be 0 to 10");
    g_assert_cmpuint(g->level, ==, 3);
    g_assert_cmpuint(g->derived, ==, 6);
    out->data[1] = 'b';
    g_assert_false(device_load(&g->dev, out->data, out->len, &pos, &name));
    g_assert_nonnull(strstr(name->message, "'badget'"));
    machine_free(m);
}

static void help_and_tree_come_from_the_rows(void)
{
    struct machine *m = new_machine();
    g_autoptr(GString) help = g_string_new(NULL), tree = g_string_new(NULL);
    struct bus isa;

    bus_init(&isa, m, BUS_ISA, "isa.0", NULL);
    device_create(m, &gadget_type, &isa, NULL);
    device_print_help(&gadget_type, help);
    g_assert_true(g_str_has_prefix(help->str, "gadget options:\n  flag=<bool>"));
    g_assert_nonnull(strstr(help->str, "iobase=<uint16>        - I/O port (default: 0x3f8)\n"));
    device_print_tree(m, tree);
    g_assert_nonnull(strstr(tree->str, "bus: isa.0\n    type ISA\n    dev: gadget, id \"\"\n"));
    g_assert_nonnull(strstr(tree->str, "      text = \"hello\"\n"));
    machine_free(m);
}

static void note_irq(void *opaque, int n, bool level)
{
    g_string_append_printf(opaque, "%d%c", n, level ? '+' : '-');
}

static void irq_reaches_its_handler(void)
{
    g_autoptr(GString) log = g_string_new(NULL);
    struct irq irq = { note_irq, log, 4 }, unwired = { 0 };

    irq_raise(&irq);
    irq_lower(&irq);
    irq_pulse(&irq);
    irq_pulse(&unwired);
    irq_pulse(NULL);
    g_assert_cmpstr(log->str, ==, "4+4-4+4-");
}

/* What -global says holds for every device of the type; what is set on one device wins. */
static void globals_are_defaults(void)
{
    struct machine *m = new_machine();
    g_autoptr(GError) error = NULL;
    struct gadget *g;

    device_add_global(m, "gadget", "u8", "5");
    device_add_global(m, "gadget", "u8", "6");
    device_add_global(m, "widget", "u8", "7");
    g = (struct gadget *)device_new(m, &gadget_type);
    g_assert_cmpuint(g->u8, ==, 6);
    g_assert_true(device_set_property(&g->dev, "u8", "8", &error));
    g_assert_true(device_realize(&g->dev, NULL, &error));
    g_assert_cmpuint(g->u8, ==, 8);
    g_assert_true(((struct device_global *)g_ptr_array_index(m->globals, 1))->used);
    g_assert_false(((struct device_global *)g_ptr_array_index(m->globals, 2))->used);

    device_add_global(m, "gadget", "nosuch", "1");
    g_assert_null(device_create(m, &gadget_type, NULL, &error));
    g_assert_nonnull(strstr(error->message, "-global gadget.nosuch=1: "));
    machine_free(m);
}

/* Both names find the same type, and a list tells both. */
static void aliases_are_second_names(void)
{
    g_autoptr(GString) list = g_string_new(NULL);
    unsigned found = 0;

    device_print_list(list);
    for (const struct device_alias *a = device_aliases; a->alias; a++) {
        const struct device_type *type = device_type_find(a->name);
        g_autofree char *row =
            g_strdup_printf("name \"%s\", bus PCI, alias \"%s\"", a->name, a->alias);

        g_assert_true(device_type_find(a->alias) == type);
        for (unsigned i = 0; device_types[i]; i++) {
            g_assert_cmpstr(device_types[i]->name, !=, a->alias);
        }
        if (type) {
            g_assert_cmpstr(device_type_alias(type), ==, a->alias);
            g_assert_nonnull(strstr(list->str, row));
            found++;
        }
    }
    g_assert_cmpuint(found, >=, 8);
    g_assert_true(device_type_find("virtio-blk") == device_type_find("virtio-blk-pci"));
    g_assert_null(device_type_alias(device_type_find("edu")));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/defaults", defaults_come_from_the_rows);
    g_test_add_func("/device/values", values_parse_by_type);
    g_test_add_func("/device/errors", errors_say_what_is_allowed);
    g_test_add_func("/device/chardev", chardev_is_looked_up_by_its_owner);
    g_test_add_func("/device/life", realize_puts_on_the_bus_and_free_takes_off);
    g_test_add_func("/device/section", section_round_trip_and_refusals);
    g_test_add_func("/device/globals", globals_are_defaults);
    g_test_add_func("/device/text", help_and_tree_come_from_the_rows);
    g_test_add_func("/irq/lines", irq_reaches_its_handler);
    g_test_add_func("/device/aliases", aliases_are_second_names);
    return g_test_run();
}
