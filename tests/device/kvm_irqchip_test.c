/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/kvm_irqchip_test.c: what the KVM engine asks of the kernel for interrupts, eventfds, coalesced writes,
 * dirty rings and a debugger, by a model of the kernel.  That it works is shown by tests/boot/kvm_irqchip.py.
 * Thread: the test's.
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "hw/intc/apic.h"
#include "hw/intc/apic_kernel.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/timer/i8254.h"
#include "tests/device/kvm_rig.h"

/* The machine's chips: with one rig at a time. */
static struct chips {
    struct apic_bus bus;
    struct apic *apic;
    struct ioapic *ioapic;
    struct i8259 *pic;
    struct i8254 *pit;
} chips;

static void add_msr(struct kvm_rig *r, uint32_t index, uint64_t value)
{
    g_hash_table_insert(r->k->vcpus[0].msrs, GUINT_TO_POINTER(index),
                        g_memdup2(&value, sizeof(value)));
}

static void add_chips(struct kvm_rig *r)
{
    g_autoptr(GError) error = NULL;

    apic_bus_init(&chips.bus, r->m);
    chips.apic = (struct apic *)device_new(r->m, &apic_type);
    apic_connect(chips.apic, &chips.bus, r->cpu, 0);
    g_assert_true(device_realize(&chips.apic->dev, NULL, &error));
    chips.ioapic = (struct ioapic *)device_new(r->m, &ioapic_type);
    ioapic_connect(chips.ioapic, &chips.bus);
    g_assert_true(device_realize(&chips.ioapic->dev, NULL, &error));
    chips.pic = (struct i8259 *)device_new(r->m, &i8259_type);
    chips.pic->output = chips.apic->lint[0];
    g_assert_true(device_realize(&chips.pic->dev, NULL, &error));
    if (r->m->irqchip->full) {
        chips.pit = (struct i8254 *)device_new(r->m, &i8254_kernel_type);
        chips.pit->irq0 = chips.pic->inputs[0];
        g_assert_true(device_realize(&chips.pit->dev, NULL, &error));
    }
    g_assert_no_error(error);
}

static struct kvm_rig *new_rig(struct kvm_model *k, const char *accel)
{
    struct kvm_rig *r = kvm_rig_new(k, accel, "qemu64");

    memset(&chips, 0, sizeof(chips));
    if (r->m->irqchip) {
        add_msr(r, 0x1b, 0xfee00900);
        add_msr(r, 0x6e0, 0);
        add_chips(r);
    }
    return r;
}

/* Which chips ---------------------------------------------------------------------------------- */

static void the_kernel_has_all_chips_by_default(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), "kvm");

    g_assert_cmpint(r->m->kvm->irqchip, ==, KVM_IRQCHIP_FULL);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_CREATE_IRQCHIP), ==, 1);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_CREATE_PIT2), ==, 1);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_REINJECT_CONTROL), ==, 1);
    kvm_rig_free(r);
}

static void without_an_8254_the_chips_are_split(void)
{
    struct kvm_model *k = kvm_model_new();
    struct kvm_rig *r;

    kvm_model_cap(k, KVM_CAP_PIT2, 0);
    r = new_rig(k, "kvm");
    g_assert_cmpint(r->m->kvm->irqchip, ==, KVM_IRQCHIP_SPLIT);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_CREATE_IRQCHIP), ==, 0);
    kvm_rig_free(r);
}

static void refused(void (*prepare)(struct kvm_model *k), const char *accel, const char *text)
{
    struct kvm_model *k = kvm_model_new();
    struct machine *m = machine_new();
    g_autoptr(GError) error = NULL;

    machine_lock(m);
    m->config.accel = g_strdup(accel);
    m->config.cpus = 1;
    if (prepare) {
        prepare(k);
    }
    g_assert_false(kvm_init_with(m, &k->host, &error));
    g_assert_nonnull(strstr(error->message, text));
    machine_free(m);
    kvm_model_free(k);
}

static void no_pit(struct kvm_model *k)
{
    kvm_model_cap(k, KVM_CAP_PIT2, 0);
}

static void no_rings(struct kvm_model *k)
{
    kvm_model_cap(k, KVM_CAP_DIRTY_LOG_RING, 0);
    kvm_model_cap(k, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, 0);
}

static void small_rings(struct kvm_model *k)
{
    kvm_model_cap(k, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, 1024 * sizeof(struct kvm_dirty_gfn));
}

static void what_is_asked_for_and_is_not_there_is_refused(void)
{
    refused(no_pit, "kvm,kernel-irqchip=on", "kernel-irqchip is on");
    refused(no_rings, "kvm,dirty-ring-size=4096", "no dirty rings");
    refused(small_rings, "kvm,dirty-ring-size=4096", "must be at most 1024");
}

/* Routes --------------------------------------------------------------------------------------- */

static const struct kvm_irq_routing *table(struct kvm_rig *r)
{
    return kvm_model_last(r->k, KVM_SET_GSI_ROUTING, NULL);
}

/* The kernel finds back from a pin to the last that leads to it: its 8254's. */
static void the_8254s_routes_stand_last(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), "kvm");
    const struct kvm_irq_routing *t = table(r);

    g_assert_cmpuint(t->nr, ==, 24 + 16 + 2);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpuint(t->entries[t->nr - 2 + i].gsi, ==, 0);
    }
    g_assert_cmpuint(t->entries[t->nr - 2].u.irqchip.irqchip, ==, KVM_IRQCHIP_PIC_MASTER);
    g_assert_cmpuint(t->entries[t->nr - 1].u.irqchip.irqchip, ==, KVM_IRQCHIP_IOAPIC);
    g_assert_cmpuint(t->entries[t->nr - 1].u.irqchip.pin, ==, 2);
    kvm_rig_free(r);
}

static void levels_reach_the_kernel_while_it_is_in_charge(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), "kvm");
    const struct kvm_irq_level *line;

    kvm_model_forget(r->k);
    irq_raise(&chips.pic->inputs[5]);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_IRQ_LINE), ==, 0);
    g_assert_cmphex(chips.pic->chip[0].irr, ==, 0x20);
    irqchip_give(r->m);
    kvm_model_forget(r->k);
    irq_raise(&chips.ioapic->inputs[0]);
    line = kvm_model_last(r->k, KVM_IRQ_LINE, NULL);
    g_assert_cmpuint(line->irq, ==, 40);
    g_assert_cmpuint(line->level, ==, 1);
    irq_lower(&chips.pic->inputs[5]);
    line = kvm_model_last(r->k, KVM_IRQ_LINE, NULL);
    g_assert_cmpuint(line->irq, ==, 24 + 5);
    g_assert_cmpuint(line->level, ==, 0);
    kvm_rig_free(r);
}

static void a_message_has_an_eventfd(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), "kvm");
    struct irqchip_route route = { .fd = -1 };
    const struct kvm_irqfd *irqfd;
    const struct kvm_irq_routing *t;

    g_assert_false(irqchip_route_add(r->m, &route, 0xfee01000, 0x51)); /* nobody listens */
    irqchip_give(r->m);
    g_assert_true(irqchip_route_add(r->m, &route, 0xfee01000, 0x51));
    irqfd = kvm_model_last(r->k, KVM_IRQFD, NULL);
    g_assert_cmpint((int)irqfd->fd, ==, route.fd);
    g_assert_cmpuint(irqfd->gsi, ==, 41);
    g_assert_cmpuint(irqfd->flags, ==, 0);
    t = table(r);
    g_assert_cmphex(t->entries[t->nr - 3].u.msi.address_lo, ==, 0xfee01000);
    g_assert_cmphex(t->entries[t->nr - 3].u.msi.data, ==, 0x51);
    irqchip_route_set(r->m, &route, 0xfee02000, 0x52);
    t = table(r);
    g_assert_cmphex(t->entries[t->nr - 3].u.msi.data, ==, 0x52);
    irqchip_take(r->m);
    irqfd = kvm_model_last(r->k, KVM_IRQFD, NULL);
    g_assert_cmpuint(irqfd->flags, ==, KVM_IRQFD_FLAG_DEASSIGN);
    irqchip_give(r->m);
    irqfd = kvm_model_last(r->k, KVM_IRQFD, NULL);
    g_assert_cmpuint(irqfd->flags, ==, 0);
    irqchip_route_remove(r->m, &route);
    irqfd = kvm_model_last(r->k, KVM_IRQFD, NULL);
    g_assert_cmpuint(irqfd->flags, ==, KVM_IRQFD_FLAG_DEASSIGN);
    kvm_model_fail(r->k, KVM_IRQFD, 1, ENOMEM);
    g_assert_false(irqchip_route_add(r->m, &route, 0xfee01000, 0x51));
    g_assert_true(irqchip_route_add(r->m, &route, 0xfee01000, 0x51));
    g_assert_cmpint(route.gsi, ==, 41); /* the number came back */
    irqchip_route_remove(r->m, &route);
    kvm_rig_free(r);
}

static void split_pins_are_messages_whose_eois_come_back(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), "kvm,kernel-irqchip=split");
    const struct kvm_irq_routing *t;
    const struct kvm_msi *msi;

    irqchip_give(r->m);
    address_space_store(&r->m->memory, IOAPIC_BASE, 0x10 + 2 * 7, 4);
    address_space_store(&r->m->memory, IOAPIC_BASE + 0x10, 0x8061, 4); /* level, vector 61h */
    t = table(r);
    g_assert_cmpuint(t->nr, ==, 24);
    g_assert_cmpuint(t->entries[7].type, ==, KVM_IRQ_ROUTING_MSI);
    g_assert_cmphex(t->entries[7].u.msi.data, ==, 0x8061);
    irq_raise(&chips.ioapic->inputs[7]);
    msi = kvm_model_last(r->k, KVM_SIGNAL_MSI, NULL);
    g_assert_cmphex(msi->data & 0x80ff, ==, 0x8061);
    g_assert_true(chips.ioapic->redir[7] & 1u << 14);
    irq_lower(&chips.ioapic->inputs[7]);
    r->m->irqchip->eoi(r->m->irqchip->eoi_opaque, 0x61);
    g_assert_false(chips.ioapic->redir[7] & 1u << 14);
    kvm_rig_free(r);
}

/* State ---------------------------------------------------------------------------------------- */

/* What we give, the model keeps; what it has kept we take. */
static void chips_come_back_as_they_were(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), "kvm");
    struct i8259_chip chip = { .irr = 0x10,
                               .imr = 0xa5,
                               .isr = 0x02,
                               .elcr = 0x08,
                               .top = 3,
                               .vector_base = 0x68,
                               .icw_next = 3,
                               .icw_has_4 = true,
                               .read_isr = true,
                               .auto_eoi = true };
    struct pit_channel c = { .mode = 2,
                             .access = 3,
                             .bcd = true,
                             .gate = true,
                             .loaded = true,
                             .write_high = true,
                             .write_low = 0x12,
                             .count = 4321,
                             .next_count = 4321 };

    chips.pic->chip[1] = chip;
    chips.ioapic->redir[9] = 0x0300000000008931;
    chips.ioapic->select = 0x22;
    chips.apic->tpr = 0x40;
    chips.apic->irr[2] = 0x10;
    chips.apic->tmr[2] = 0x10;
    chips.apic->lvt[APIC_LVT_LINT1] = 0x400;
    chips.apic->icr = 0x0200000000000841;
    chips.apic->tsc_deadline = 123456789;
    chips.pit->channel[1] = c;
    irqchip_give(r->m);
    memset(&chips.pic->chip[1], 0, sizeof(chip));
    memset(&chips.pit->channel[1], 0, sizeof(c));
    chips.ioapic->redir[9] = chips.ioapic->select = 0;
    chips.apic->tpr = chips.apic->irr[2] = chips.apic->tmr[2] = chips.apic->lvt[APIC_LVT_LINT1] = 0;
    chips.apic->icr = chips.apic->tsc_deadline = 0;
    irqchip_take(r->m);
    g_assert_cmpmem(&chips.pic->chip[1], sizeof(chip), &chip, sizeof(chip));
    g_assert_cmphex(chips.ioapic->redir[9], ==, 0x0300000000008931);
    g_assert_cmphex(chips.ioapic->select, ==, 0x22);
    g_assert_cmphex(chips.apic->tpr, ==, 0x40);
    g_assert_cmphex(chips.apic->irr[2], ==, 0x10);
    g_assert_cmphex(chips.apic->tmr[2], ==, 0x10);
    g_assert_cmphex(chips.apic->lvt[APIC_LVT_LINT1], ==, 0x400);
    g_assert_cmphex(chips.apic->icr, ==, 0x0200000000000841);
    g_assert_cmpuint(chips.apic->tsc_deadline, ==,
                     123456789); /* not written yet: the TSC is older */
    g_assert_cmpuint(chips.pit->channel[1].count, ==, 4321);
    g_assert_cmpuint(chips.pit->channel[1].mode, ==, 2);
    g_assert_true(chips.pit->channel[1].bcd && chips.pit->channel[1].write_high);
    g_assert_cmphex(chips.pit->channel[1].write_low, ==, 0x12);
    kvm_rig_free(r);
}

/* A line that our 8254 left high would hide the pulses of the kernel's. */
static void irq_0_is_low_when_the_kernel_takes_over(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), "kvm");
    const struct kvm_irq_level *line;

    irq_raise(&chips.pit->irq0);
    g_assert_cmphex(chips.pic->chip[0].lines & 1, ==, 1);
    irqchip_give(r->m);
    line = kvm_model_last(r->k, KVM_IRQ_LINE, NULL);
    g_assert_cmpuint(line->irq, ==, 24);
    g_assert_cmpuint(line->level, ==, 0);
    kvm_rig_free(r);
}

/* A count that has run down is over: given back as it is the kernel would begin it anew. */
static void a_timer_that_is_over_stays_so(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), "kvm");
    const uint8_t *page;
    uint32_t initial;

    chips.apic->svr |= APIC_SVR_ENABLE;
    chips.apic->lvt[APIC_LVT_TIMER] = 0x40;
    chips.apic->timer_initial = 1000;
    chips.apic->timer_start = clock_now(r->m, CLOCK_KIND_VIRTUAL) - NS_PER_SEC;
    irqchip_give(r->m);
    page = kvm_model_last(r->k, KVM_SET_LAPIC, NULL);
    memcpy(&initial, page + 0x380, sizeof(initial));
    g_assert_cmpuint(initial, ==, 0);
    kvm_rig_free(r);
}

/* Chips that are borrowed: ours answers one access while the kernel's are in charge ------------- */

/* Calls about chips, and how many of them came while vCPUs might run. */
static unsigned chip_calls, careless_calls;

static void watch_chips(void *opaque, unsigned long request)
{
    static const unsigned long of_chips[] = { KVM_GET_IRQCHIP, KVM_SET_IRQCHIP, KVM_GET_PIT2,
                                              KVM_SET_PIT2,    KVM_GET_LAPIC,   KVM_SET_LAPIC };
    const struct kvm_rig *r = opaque;

    for (unsigned i = 0; i < G_N_ELEMENTS(of_chips); i++) {
        if (request == of_chips[i]) {
            chip_calls++;
            careless_calls += r->m->exclusive_depth == 0;
        }
    }
}

/* The calls since the last time, which all came while no vCPU runs; nor is that so any more. */
static unsigned careful_calls(struct kvm_rig *r)
{
    unsigned n = chip_calls;

    g_assert_cmpuint(careless_calls, ==, 0);
    g_assert_cmpuint(r->m->exclusive_depth, ==, 0);
    g_assert_true(irqchip_has_apics(r->m));
    chip_calls = 0;
    return n;
}

static struct kvm_rig *new_watched_rig(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), "kvm");

    irqchip_give(r->m);
    chip_calls = careless_calls = 0;
    r->k->seen = watch_chips;
    return r;
}

static void cpus_stand_still_while_a_chip_is_borrowed(void)
{
    struct kvm_rig *r = new_watched_rig();

    address_space_store(&r->m->memory, IOAPIC_BASE, 0x10 + 2 * 7, 4);
    g_assert_cmpuint(careful_calls(r), ==, 2); /* read and written */
    address_space_store(&r->m->memory, IOAPIC_BASE + 0x10, 0x8061, 4);
    g_assert_cmpuint(careful_calls(r), ==, 2);
    g_assert_cmphex(chips.ioapic->redir[7], ==, 0x8061);
    address_space_store(&r->m->io, 0x21, 0x5a, 1);
    g_assert_cmpuint(careful_calls(r), ==, 4); /* of two 8259 */
    g_assert_cmphex(chips.pic->chip[0].imr, ==, 0x5a);
    address_space_load(&r->m->io, 0x20, 1);
    g_assert_cmpuint(careful_calls(r), ==, 4);
    address_space_store(&r->m->io, 0x43, 0x34, 1);
    g_assert_cmpuint(careful_calls(r), ==, 2);
    kvm_rig_free(r);
}

/* The kernel tells of a CPU that is out of the guest; by itself that one may never leave. */
static void another_cpus_apic_is_read_while_cpus_stand_still(void)
{
    struct kvm_rig *r = new_watched_rig();

    chips.apic->base = 0;
    g_assert_cmphex(r->cpu->apic->get_base(r->cpu->apic_opaque), ==, 0xfee00900);
    g_assert_cmpuint(careful_calls(r), ==, 1);
    kvm_rig_free(r);
}

static uint32_t lapic_tpr(struct kvm_rig *r)
{
    const uint8_t *page = kvm_model_last(r->k, KVM_SET_LAPIC, NULL);
    uint32_t tpr;

    memcpy(&tpr, page + 0x80, sizeof(tpr));
    return tpr;
}

static uint32_t svr_in_the_kernel(const char *accel)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), accel);
    const uint8_t *page;
    uint32_t svr;

    chips.apic->svr = 0x1000 | 0x1ff;
    irqchip_give(r->m);
    page = kvm_model_last(r->k, KVM_SET_LAPIC, NULL);
    memcpy(&svr, page + 0xf0, sizeof(svr));
    kvm_rig_free(r);
    return svr;
}

/* Directed EOIs would never come to the kernel's I/O APIC, to ours they do. */
static void eois_reach_the_io_apic_that_there_is(void)
{
    g_assert_cmphex(svr_in_the_kernel("kvm,kernel-irqchip=on"), ==, 0x1ff);
    g_assert_cmphex(svr_in_the_kernel("kvm,kernel-irqchip=split"), ==, 0x11ff);
}

/* INIT resets one local APIC, and the kernel stays in charge of all. */
static void an_init_resets_the_kernels_apic(void)
{
    struct kvm_rig *r = new_watched_rig();
    struct kvm_lapic_state page = { 0 };

    page.regs[0x80] = 0x40;
    kvm_model_answer(r->k, KVM_MODEL_VCPU, KVM_GET_LAPIC, &page, sizeof(page));
    r->cpu->apic->reset(r->cpu->apic_opaque, true);
    g_assert_cmpuint(careful_calls(r), ==, 2);
    g_assert_cmphex(lapic_tpr(r), ==, 0);
    kvm_rig_free(r);
}

/* While ours is borrowed what comes is for ours: it goes to the kernel with the rest, and once. */
static void an_init_may_come_to_a_borrowed_apic(void)
{
    struct kvm_rig *r = new_watched_rig();
    bool borrowed = apic_borrow(chips.apic);

    g_assert_true(borrowed);
    chips.apic->tpr = 0x40;
    kvm_model_forget(r->k);
    apic_accept(chips.apic, APIC_DM_INIT, 0, false);
    g_assert_true(atomic_load(&r->cpu->pending) & PENDING_INIT);
    r->cpu->apic->reset(r->cpu->apic_opaque, true);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_GET_LAPIC), ==, 0);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_SET_LAPIC), ==, 0);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_SIGNAL_MSI), ==, 0);
    g_assert_cmpuint(r->m->exclusive_depth, ==, 1);
    apic_give_back(chips.apic, borrowed);
    g_assert_cmpuint(careful_calls(r), ==, 2);
    g_assert_cmphex(lapic_tpr(r), ==, 0);
    apic_accept(chips.apic, APIC_DM_INIT, 0, false); /* now it is the kernel's */
    g_assert_cmpuint(kvm_model_count(r->k, KVM_SIGNAL_MSI), ==, 1);
    kvm_rig_free(r);
}

/* Writes --------------------------------------------------------------------------------------- */

static void an_eventfd_follows_its_region(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), "kvm");
    struct io_event e = { .mr = &r->device, .offset = 0x10, .size = 2, .match = true, .value = 7 };
    const struct kvm_ioeventfd *io;

    e.fd = eventfd(0, EFD_CLOEXEC);
    g_assert_true(io_event_add(r->m, &e));
    io = kvm_model_last(r->k, KVM_IOEVENTFD, NULL);
    g_assert_cmphex(io->addr, ==, DEVICE_AT + 0x10);
    g_assert_cmpuint(io->len, ==, 2);
    g_assert_cmpuint(io->datamatch, ==, 7);
    g_assert_cmpuint(io->flags, ==, KVM_IOEVENTFD_FLAG_DATAMATCH);
    g_assert_cmpint(io->fd, ==, e.fd);
    kvm_model_forget(r->k);
    mem_region_set_addr(&r->device, DEVICE_AT + 0x1000);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_IOEVENTFD), ==, 2); /* there no more, here */
    io = kvm_model_last(r->k, KVM_IOEVENTFD, NULL);
    g_assert_cmphex(io->addr, ==, DEVICE_AT + 0x1010);
    mem_region_set_enabled(&r->device, false);
    io = kvm_model_last(r->k, KVM_IOEVENTFD, NULL);
    g_assert_true(io->flags & KVM_IOEVENTFD_FLAG_DEASSIGN);
    g_assert_false(e.placed);
    kvm_model_fail(r->k, KVM_IOEVENTFD, 1, ENOSPC);
    mem_region_set_enabled(&r->device, true);
    g_assert_false(e.placed); /* exits, then */
    g_assert_cmpuint(r->m->kvm->n_events, ==, 0);
    io_event_remove(r->m, &e);
    close(e.fd);
    kvm_rig_free(r);
}

static void put_late(struct kvm_coalesced_mmio_ring *ring, uint64_t at, uint8_t value, bool pio)
{
    struct kvm_coalesced_mmio *w = &ring->coalesced_mmio[ring->last++];

    *w = (struct kvm_coalesced_mmio){ .phys_addr = at, .len = 1, .pio = pio, .data = { value } };
}

static void late_writes_come_in_order(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), "kvm");
    struct io_coalesced memory = { .mr = &r->device, .size = GUEST_PAGE_SIZE };
    struct io_coalesced port = { .mr = &r->ports, .offset = 2, .size = 2 };
    const struct kvm_coalesced_mmio_zone *zone;
    struct kvm_coalesced_mmio_ring *ring =
        (void *)((uint8_t *)r->k->vcpus[0].run + 2 * GUEST_PAGE_SIZE);

    io_coalesced_add(r->m, &memory);
    zone = kvm_model_last(r->k, KVM_REGISTER_COALESCED_MMIO, NULL);
    g_assert_cmphex(zone->addr, ==, DEVICE_AT);
    g_assert_cmpuint(zone->size, ==, GUEST_PAGE_SIZE);
    io_coalesced_add(r->m, &port);
    zone = kvm_model_last(r->k, KVM_REGISTER_COALESCED_MMIO, NULL);
    g_assert_cmphex(zone->addr, ==, PORT + 2);
    g_assert_cmpuint(zone->size, ==, 2);
    g_assert_cmpuint(zone->pio, ==, 1);
    put_late(ring, DEVICE_AT + 4, 0x11, false);
    put_late(ring, PORT + 3, 0x22, true);
    put_late(ring, DEVICE_AT + 5, 0x33, false);
    io_coalesced_flush(r->m);
    g_assert_cmpuint(r->n_written, ==, 3);
    g_assert_cmphex(r->written[0], ==, 4ull << 32 | 0x11);
    g_assert_cmphex(r->written[1], ==, 3ull << 32 | 0x22);
    g_assert_cmphex(r->written[2], ==, 5ull << 32 | 0x33);
    g_assert_cmpuint(ring->first, ==, ring->last);
    io_coalesced_remove(r->m, &memory);
    io_coalesced_remove(r->m, &port);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_UNREGISTER_COALESCED_MMIO), ==, 2);
    kvm_rig_free(r);
}

static struct kvm_coalesced_mmio_ring *ring_of(struct kvm_rig *r)
{
    return (void *)((uint8_t *)r->k->vcpus[0].run + 2 * GUEST_PAGE_SIZE);
}

static void exit_mmio_after_late(struct kvm_rig *r, struct kvm_run *run)
{
    put_late(ring_of(r), DEVICE_AT + 4, 0x11, false);
    put_late(ring_of(r), DEVICE_AT + 5, 0x12, false);
    run->exit_reason = KVM_EXIT_MMIO;
    run->mmio.phys_addr = DEVICE_AT + 8;
    run->mmio.len = 1;
    run->mmio.is_write = true;
    run->mmio.data[0] = 0x13;
}

static void exit_io_after_late(struct kvm_rig *r, struct kvm_run *run)
{
    put_late(ring_of(r), DEVICE_AT + 4, 0x21, false);
    run->exit_reason = KVM_EXIT_IO;
    run->io.direction = KVM_EXIT_IO_OUT;
    run->io.size = run->io.count = 1;
    run->io.port = PORT + 1;
    run->io.data_offset = 4096;
    ((uint8_t *)run)[4096] = 0x22;
}

/* The interpreter's OUT. */
static void exit_emulation_after_late(struct kvm_rig *r, struct kvm_run *run)
{
    put_late(ring_of(r), DEVICE_AT + 4, 0x31, false);
    run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
    run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
}

/* No access to a device overtakes those that the kernel has gathered, by whichever way it comes. */
static void late_writes_come_before_the_next_access(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), "kvm,kernel-irqchip=off");
    struct io_coalesced memory = { .mr = &r->device, .size = 8 };
    static const uint64_t expected[] = { 4ull << 32 | 0x11, 5ull << 32 | 0x12, 8ull << 32 | 0x13,
                                         4ull << 32 | 0x21, 1ull << 32 | 0x22, 4ull << 32 | 0x31,
                                         0 | 0x32 };

    io_coalesced_add(r->m, &memory);
    kvm_rig_set_real(r);
    r->cpu->regs[R_RDX] = PORT;
    r->ram.ram->host[0x1234] = 0xee; /* OUT DX, AL */
    r->cpu->regs[R_RAX] = 0x32;
    KVM_RIG_RUN(r, exit_mmio_after_late, exit_io_after_late, exit_emulation_after_late);
    g_assert_cmpuint(r->n_written, ==, G_N_ELEMENTS(expected));
    for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_assert_cmphex(r->written[i], ==, expected[i]);
    }
    io_coalesced_remove(r->m, &memory);
    kvm_rig_free(r);
}

/* A debugger ----------------------------------------------------------------------------------- */

static const struct kvm_guest_debug *guest_debug(struct kvm_rig *r)
{
    kvm_debug(&r->cpu->vcpu, true);
    machine_unlock(r->m);
    g_assert_true(kvm_debug_enter(r->m->kvm->vcpus[0]));
    machine_lock(r->m);
    return kvm_model_last(r->k, KVM_SET_GUEST_DEBUG, NULL);
}

static void points_are_in_registers(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), "kvm");
    struct debug_point points[] = { { DEBUG_BREAK_SOFT, 0x1234, 0 },
                                    { DEBUG_WATCH_WRITE, 0x2000, 4 },
                                    { DEBUG_WATCH_ACCESS, 0x3008, 8 } };
    const struct kvm_guest_debug *d;

    for (unsigned i = 0; i < G_N_ELEMENTS(points); i++) {
        g_assert_true(debugger_insert(r->m, &points[i]));
    }
    d = guest_debug(r);
    g_assert_cmphex(d->control, ==, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP);
    g_assert_cmphex(d->arch.debugreg[0], ==, 0x2000); /* watchpoints first */
    g_assert_cmphex(d->arch.debugreg[1], ==, 0x3008);
    g_assert_cmphex(d->arch.debugreg[2], ==, 0x1234);
    /* LEN and R/W: 4 bytes written (1101), 8 bytes accessed (1011), executed (0000); G0 to G2. */
    g_assert_cmphex(d->arch.debugreg[7], ==, 0x400 | 0x2a | 0xd << 16 | 0xb << 20);
    r->m->kvm->vcpus[0]->run->debug.arch.dr6 = 2;
    r->m->kvm->vcpus[0]->run->debug.arch.exception = EXC_DB;
    machine_unlock(r->m);
    kvm_debug_exit(r->m->kvm->vcpus[0]);
    machine_lock(r->m);
    g_assert_cmpint(r->m->debugger.stop.reason, ==, DEBUG_STOP_WATCH);
    g_assert_cmphex(r->m->debugger.stop.addr, ==, 0x3008);
    kvm_rig_free(r);
}

static void what_fits_no_register_is_refused_or_stepped(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), "kvm");
    struct debug_point p = { DEBUG_WATCH_READ, 0x2000, 4 };

    g_assert_false(debugger_insert(r->m, &p)); /* of reads alone */
    p = (struct debug_point){ DEBUG_WATCH_WRITE, 0x2001, 4 };
    g_assert_false(debugger_insert(r->m, &p)); /* not aligned */
    p.len = 3;
    g_assert_false(debugger_insert(r->m, &p));
    for (unsigned i = 0; i < 5; i++) {
        p = (struct debug_point){ DEBUG_BREAK_HARD, 0x1000 + i, 0 };
        g_assert_true(debugger_insert(r->m, &p));
    }
    g_assert_cmphex(guest_debug(r)->control, ==, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP);
    for (unsigned i = 0; i < 4; i++) {
        p = (struct debug_point){ DEBUG_WATCH_WRITE, 0x2000 + i, 1 };
        g_assert_true(debugger_insert(r->m, &p));
    }
    p.addr = 0x3000;
    g_assert_false(debugger_insert(r->m, &p)); /* a fifth */
    kvm_rig_free(r);
}

static void a_step_blocks_interrupts_if_asked_to(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), "kvm");

    debugger_set_step(&r->cpu->vcpu, true, true);
    g_assert_cmphex(guest_debug(r)->control, ==,
                    KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_BLOCKIRQ);
    debugger_set_step(&r->cpu->vcpu, false, false);
    g_assert_cmphex(guest_debug(r)->control, ==, 0);
    kvm_rig_free(r);
}

/* The guest's clock ---------------------------------------------------------------------------- */

static void the_clock_goes_on_where_it_stopped(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new(), "kvm");
    struct kvm_clock_data data = { .clock = 987654321 };
    const struct kvm_clock_data *set;

    machine_set_run_state(r->m, RUN_STATE_RUNNING);
    kvm_model_answer(r->k, KVM_MODEL_VM, KVM_GET_CLOCK, &data, sizeof(data));
    machine_set_run_state(r->m, RUN_STATE_PAUSED);
    g_assert_cmpuint(r->cpu->kvm_clock, ==, 987654321);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_KVMCLOCK_CTRL), ==, 1);
    machine_set_run_state(r->m, RUN_STATE_RUNNING);
    set = kvm_model_last(r->k, KVM_SET_CLOCK, NULL);
    g_assert_cmpuint(set->clock, ==, 987654321);
    machine_set_run_state(r->m, RUN_STATE_PAUSED);
    kvm_rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/kvm-irqchip/" #name, name)
    TEST(the_kernel_has_all_chips_by_default);
    TEST(without_an_8254_the_chips_are_split);
    TEST(what_is_asked_for_and_is_not_there_is_refused);
    TEST(the_8254s_routes_stand_last);
    TEST(levels_reach_the_kernel_while_it_is_in_charge);
    TEST(a_message_has_an_eventfd);
    TEST(split_pins_are_messages_whose_eois_come_back);
    TEST(chips_come_back_as_they_were);
    TEST(irq_0_is_low_when_the_kernel_takes_over);
    TEST(a_timer_that_is_over_stays_so);
    TEST(cpus_stand_still_while_a_chip_is_borrowed);
    TEST(another_cpus_apic_is_read_while_cpus_stand_still);
    TEST(eois_reach_the_io_apic_that_there_is);
    TEST(an_init_resets_the_kernels_apic);
    TEST(an_init_may_come_to_a_borrowed_apic);
    TEST(an_eventfd_follows_its_region);
    TEST(late_writes_come_in_order);
    TEST(late_writes_come_before_the_next_access);
    TEST(points_are_in_registers);
    TEST(what_fits_no_register_is_refused_or_stepped);
    TEST(a_step_blocks_interrupts_if_asked_to);
    TEST(the_clock_goes_on_where_it_stopped);
    return g_test_run();
}
