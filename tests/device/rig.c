/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/rig.c: see rig.h.  Thread: the test's, with the machine lock held. */
#include "tests/device/rig.h"
#include "util/text.h"

static void line_set(void *opaque, int n, bool level)
{
    struct rig_line *line = &((struct rig *)opaque)->lines[n];

    line->calls++;
    line->edges += level && !line->level;
    line->level = level;
}

struct irq rig_irq_sink(struct rig *r, unsigned n)
{
    g_assert_cmpuint(n, <, RIG_LINES);
    return (struct irq){ line_set, r, n };
}

struct rig *rig_new(void)
{
    struct rig *r = g_new0(struct rig, 1);
    g_autoptr(GError) error = NULL;

    r->m = machine_new();
    machine_lock(r->m);
    clock_virtual_manual(r->m);
    mem_region_init_ram(&r->ram, r->m, "rig.ram", RIG_RAM_SIZE, &error);
    g_assert_no_error(error);
    mem_region_add(&r->m->system_memory, 0, &r->ram, 0);
    for (unsigned i = 0; i < ISA_IRQS; i++) {
        r->isa_irqs[i] = rig_irq_sink(r, i);
    }
    isa_bus_init(&r->isa, r->m, "isa.0", NULL, r->isa_irqs);
    return r;
}

void rig_free(struct rig *r)
{
    machine_free(r->m);
    g_free(r);
}

static bool set_properties(struct device *dev, const char *props, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(props ? props : "", NULL);

    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *pair = g_ptr_array_index(opts, i);

        if (!device_set_property(dev, pair->key, pair->value, error)) {
            return false;
        }
    }
    return true;
}

struct device *rig_device_new(struct rig *r, const struct device_type *type, const char *props)
{
    g_autoptr(GError) error = NULL;
    struct device *dev = device_new(r->m, type);

    set_properties(dev, props, &error);
    g_assert_no_error(error);
    return dev;
}

void rig_device_realize(struct rig *r, struct device *dev)
{
    g_autoptr(GError) error = NULL;

    device_realize(dev, bus_find(r->m, dev->type->bus, NULL), &error);
    g_assert_no_error(error);
    if (dev->type->reset) {
        dev->type->reset(dev);
    }
}

struct device *rig_device(struct rig *r, const char *name, const char *props)
{
    const struct device_type *type = device_type_find(name);
    struct device *dev;

    if (!type) {
        g_error("no device type '%s' in hw/device_list.c", name);
    }
    dev = rig_device_new(r, type, props);
    rig_device_realize(r, dev);
    return dev;
}

char *rig_device_error(struct rig *r, const struct device_type *type, const char *props)
{
    g_autoptr(GError) error = NULL;
    struct device *dev = device_new(r->m, type);
    bool ok = set_properties(dev, props, &error) &&
              device_realize(dev, bus_find(r->m, type->bus, NULL), &error);

    g_assert_false(ok);
    g_assert_nonnull(error);
    device_free(dev);
    return g_strdup(error->message);
}

void rig_step(struct rig *r, int64_t ns)
{
    clock_step(r->m, ns);
}

void rig_poll(struct rig *r)
{
    for (int turn = 0; turn < 100 && (turn == 0 || g_main_context_pending(r->m->context)); turn++) {
        machine_iterate(r->m, false);
    }
}

void rig_check_state(struct rig *r, struct device *dev)
{
    g_autoptr(GByteArray) first = g_byte_array_new(), second = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    size_t pos = 0;

    (void)r;
    device_save(dev, first);
    iothread_pause_all(dev->machine);
    if (dev->type->reset) {
        dev->type->reset(dev);
    }
    iothread_resume_all(dev->machine);
    device_load(dev, first->data, first->len, &pos, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(pos, ==, first->len);
    device_save(dev, second);
    g_assert_cmpmem(first->data, first->len, second->data, second->len);
}

uint8_t rig_inb(struct rig *r, uint16_t port)
{
    return address_space_load(&r->m->io, port, 1);
}

uint16_t rig_inw(struct rig *r, uint16_t port)
{
    return address_space_load(&r->m->io, port, 2);
}

uint32_t rig_inl(struct rig *r, uint16_t port)
{
    return address_space_load(&r->m->io, port, 4);
}

void rig_outb(struct rig *r, uint16_t port, uint8_t v)
{
    address_space_store(&r->m->io, port, v, 1);
}

void rig_outw(struct rig *r, uint16_t port, uint16_t v)
{
    address_space_store(&r->m->io, port, v, 2);
}

void rig_outl(struct rig *r, uint16_t port, uint32_t v)
{
    address_space_store(&r->m->io, port, v, 4);
}

uint64_t rig_load(struct rig *r, uint64_t addr, unsigned size)
{
    return address_space_load(&r->m->memory, addr, size);
}

void rig_store(struct rig *r, uint64_t addr, uint64_t v, unsigned size)
{
    address_space_store(&r->m->memory, addr, v, size);
}

void rig_read(struct rig *r, uint64_t addr, void *buf, size_t len)
{
    address_space_read(&r->m->memory, addr, buf, len);
}

void rig_write(struct rig *r, uint64_t addr, const void *buf, size_t len)
{
    address_space_write(&r->m->memory, addr, buf, len);
}
