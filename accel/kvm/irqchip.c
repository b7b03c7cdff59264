/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/irqchip.c: interrupt controllers in the kernel, behind softmmu/irqchip.h: which there are, their state, and
 * who is in charge.  routes.c has the ways that lead to them.
 *
 * Invariant: a TSC deadline is written after the TSC that it is one of, with the vCPU's own state.
 * Thread:    machine lock held; kvm_irqchip_store as kvm_store.
 * Source:    Linux, Documentation/virt/kvm/api.rst; the registers' own specifications.
 */
#include "accel/kvm/irqchip.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include "util/error.h"
#include "util/log.h"

#define MSR_APIC_BASE    0x1bu
#define MSR_TSC_DEADLINE 0x6e0u

static struct kvm *kvm_of(struct machine *m)
{
    return m->kvm;
}

static void complain(const char *what)
{
    report_error("kvm: the kernel refuses %s: %s", what, g_strerror(errno));
}

/* Local APICs --------------------------------------------------------------------------------- */

/* 0: the kernel has none, or does not take it. */
static uint64_t get_msr(struct kvm_vcpu *v, uint32_t index)
{
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entry;
    } msrs = { .head.nmsrs = 1, .entry.index = index };

    return kvm_vcpu_ioctl(v, KVM_GET_MSRS, &msrs) == 1 ? msrs.entry.data : 0;
}

static bool set_msr(struct kvm_vcpu *v, uint32_t index, uint64_t value)
{
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entry;
    } msrs = { .head.nmsrs = 1, .entry = { .index = index, .data = value } };

    return kvm_vcpu_ioctl(v, KVM_SET_MSRS, &msrs) == 1;
}

static void get_apic(struct vcpu *cpu, struct irqchip_apic *a)
{
    struct kvm_vcpu *v = kvm_vcpu_of(cpu);
    struct kvm_lapic_state page;

    if (!v || v->fd < 0) {
        return;
    }
    if (kvm_vcpu_ioctl(v, KVM_GET_LAPIC, &page) < 0) {
        complain("to tell of a local APIC");
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(a->regs); i++) {
        memcpy(&a->regs[i], page.regs + 16 * i, sizeof(a->regs[i]));
    }
    a->base = get_msr(v, MSR_APIC_BASE);
    a->tsc_deadline = v->deadline_waits ? v->deadline : get_msr(v, MSR_TSC_DEADLINE);
}

static void set_apic(struct vcpu *cpu, const struct irqchip_apic *a)
{
    struct kvm_vcpu *v = kvm_vcpu_of(cpu);
    struct kvm_lapic_state page = { 0 };

    if (!v || v->fd < 0) {
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(a->regs); i++) {
        memcpy(page.regs + 16 * i, &a->regs[i], sizeof(a->regs[i]));
    }
    if (!set_msr(v, MSR_APIC_BASE, a->base) || kvm_vcpu_ioctl(v, KVM_SET_LAPIC, &page) < 0) {
        complain("the state of a local APIC");
    }
    v->deadline = a->tsc_deadline;
    v->deadline_waits = true;
}

void kvm_irqchip_store(struct kvm_vcpu *v)
{
    if (v->deadline_waits) {
        v->deadline_waits = false;
        if (!set_msr(v, MSR_TSC_DEADLINE, v->deadline) && v->deadline) {
            complain("a TSC deadline");
        }
    }
}

/* The 8259 pair ------------------------------------------------------------------------------- */

/* Inputs whose trigger mode PIIX lets be chosen. */
static const uint8_t elcr_masks[2] = { 0xf8, 0xde };

static void get_pic(struct machine *m, struct irqchip_pic pic[2])
{
    for (unsigned n = 0; n < 2; n++) {
        struct kvm_irqchip chip = { .chip_id = n ? KVM_IRQCHIP_PIC_SLAVE : KVM_IRQCHIP_PIC_MASTER };
        const struct kvm_pic_state *k = &chip.chip.pic;

        if (kvm_vm_ioctl(kvm_of(m), KVM_GET_IRQCHIP, &chip) < 0) {
            complain("to tell of an 8259");
        }
        pic[n] = (struct irqchip_pic){
            .lines = k->last_irr,
            .irr = k->irr,
            .imr = k->imr,
            .isr = k->isr,
            .elcr = k->elcr,
            .vector_base = k->irq_base,
            .top = k->priority_add,
            /* Words of initialization that are still to come: the kernel counts those that came. */
            .icw_next = k->init_state ? (uint8_t)MIN(k->init_state + 1, 4) : 0,
            .icw_has_4 = k->init4 != 0,
            .read_isr = k->read_reg_select != 0,
            .poll = k->poll != 0,
            .special_mask = k->special_mask != 0,
            .auto_eoi = k->auto_eoi != 0,
            .rotate_on_auto_eoi = k->rotate_on_auto_eoi != 0,
            .fully_nested = k->special_fully_nested_mode != 0,
        };
    }
}

static void set_pic(struct machine *m, const struct irqchip_pic pic[2])
{
    for (unsigned n = 0; n < 2; n++) {
        const struct irqchip_pic *p = &pic[n];
        struct kvm_irqchip chip = {
            .chip_id = n ? KVM_IRQCHIP_PIC_SLAVE : KVM_IRQCHIP_PIC_MASTER,
            .chip.pic = {
                .last_irr = p->lines,
                .irr = p->irr,
                .imr = p->imr,
                .isr = p->isr,
                .elcr = p->elcr,
                .elcr_mask = elcr_masks[n],
                .irq_base = p->vector_base,
                .priority_add = p->top,
                .init_state = p->icw_next ? p->icw_next - 1 : 0,
                .init4 = p->icw_has_4,
                .read_reg_select = p->read_isr,
                .poll = p->poll,
                .special_mask = p->special_mask,
                .auto_eoi = p->auto_eoi,
                .rotate_on_auto_eoi = p->rotate_on_auto_eoi,
                .special_fully_nested_mode = p->fully_nested,
            },
        };

        if (kvm_vm_ioctl(kvm_of(m), KVM_SET_IRQCHIP, &chip) < 0) {
            complain("the state of an 8259");
        }
    }
}

/* The I/O APIC -------------------------------------------------------------------------------- */

static void get_ioapic(struct machine *m, struct irqchip_ioapic *io)
{
    struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
    const struct kvm_ioapic_state *k = &chip.chip.ioapic;

    if (kvm_vm_ioctl(kvm_of(m), KVM_GET_IRQCHIP, &chip) < 0) {
        complain("to tell of the I/O APIC");
    }
    *io = (struct irqchip_ioapic){ .id = (uint8_t)k->id,
                                   .select = (uint8_t)k->ioregsel,
                                   .requests = k->irr };
    for (unsigned pin = 0; pin < IRQCHIP_IOAPIC_PINS; pin++) {
        io->redir[pin] = k->redirtbl[pin].bits;
    }
}

static void set_ioapic(struct machine *m, const struct irqchip_ioapic *io)
{
    struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
    struct kvm_ioapic_state *k = &chip.chip.ioapic;

    k->base_address = IOAPIC_DEFAULT_BASE;
    k->id = io->id;
    k->ioregsel = io->select;
    k->irr = io->requests;
    for (unsigned pin = 0; pin < IRQCHIP_IOAPIC_PINS; pin++) {
        k->redirtbl[pin].bits = io->redir[pin];
    }
    if (kvm_vm_ioctl(kvm_of(m), KVM_SET_IRQCHIP, &chip) < 0) {
        complain("the state of the I/O APIC");
    }
}

/* The 8254 ------------------------------------------------------------------------------------ */

/* What the kernel's read_state, write_state and count_latched hold: which byte is next. */
enum { BYTE_NONE, BYTE_LOW, BYTE_HIGH, BYTE_FIRST, BYTE_SECOND };

static int64_t host_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_SEC + t.tv_nsec;
}

static void get_channel(struct irqchip_pit_channel *c, const struct kvm_pit_channel_state *k,
                        int64_t now)
{
    *c = (struct irqchip_pit_channel){
        .mode = k->mode <= 5 ? k->mode : 3, /* nobody has programmed it */
        .access = k->rw_mode >= 1 && k->rw_mode <= 3 ? k->rw_mode : 3,
        .bcd = k->bcd != 0,
        .gate = k->gate != 0,
        .write_high = k->write_state == BYTE_SECOND,
        .read_high = k->read_state == BYTE_SECOND,
        .count_latched = k->count_latched != BYTE_NONE,
        .status_latched = k->status_latched != 0,
        .status = k->status,
        .write_low = k->write_latch,
        .latch = k->latched_count,
        .count = CLAMP(k->count, 1, 65536),
        .age = now - k->count_load_time,
    };
    /* Of a latched count the low byte was read. */
    if (c->count_latched && c->access == 3 && k->count_latched == BYTE_HIGH) {
        c->read_high = true;
    }
}

static void get_pit(struct machine *m, struct irqchip_pit *pit)
{
    struct kvm_pit_state2 k = { 0 };
    int64_t now;

    if (kvm_vm_ioctl(kvm_of(m), KVM_GET_PIT2, &k) < 0) {
        complain("to tell of the 8254");
    }
    now = host_now();
    for (unsigned n = 0; n < 3; n++) {
        get_channel(&pit->channel[n], &k.channels[n], now);
    }
    pit->muted = k.flags & KVM_PIT_FLAGS_HPET_LEGACY;
    pit->speaker = k.flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON;
}

static void set_channel(struct kvm_pit_channel_state *k, const struct irqchip_pit_channel *c,
                        int64_t now)
{
    uint8_t first = c->access == 3 ? BYTE_FIRST : c->access;

    *k = (struct kvm_pit_channel_state){
        .mode = c->mode,
        .rw_mode = c->access,
        .bcd = c->bcd,
        .gate = c->gate,
        .write_state = c->write_high ? BYTE_SECOND : first,
        .read_state = c->read_high && !c->count_latched ? BYTE_SECOND : first,
        .count_latched = !c->count_latched ? BYTE_NONE
                         : c->read_high    ? BYTE_HIGH
                                           : first,
        .status_latched = c->status_latched,
        .status = c->status,
        .write_latch = c->write_low,
        .latched_count = c->latch,
        .count = c->count,
        .count_load_time = now - c->age,
    };
}

static void set_pit(struct machine *m, const struct irqchip_pit *pit)
{
    struct kvm_pit_state2 k = { .flags = (pit->muted ? KVM_PIT_FLAGS_HPET_LEGACY : 0) |
                                         (pit->speaker ? KVM_PIT_FLAGS_SPEAKER_DATA_ON : 0) };
    int64_t now = host_now();

    for (unsigned n = 0; n < 3; n++) {
        set_channel(&k.channels[n], &pit->channel[n], now);
    }
    if (kvm_vm_ioctl(kvm_of(m), KVM_SET_PIT2, &k) < 0) {
        complain("the state of the 8254");
    }
}

static void set_reinjection(struct machine *m, bool reinject)
{
    struct kvm_reinject_control control = { .pit_reinject = reinject };

    if (kvm_vm_ioctl(kvm_of(m), KVM_REINJECT_CONTROL, &control) < 0) {
        complain("the 8254's policy for lost ticks");
    }
}

static const struct irqchip_ops ops = {
    .set_pin = kvm_set_pin,
    .send_msi = kvm_send_msi,
    .set_message = kvm_set_message,
    .get_apic = get_apic,
    .set_apic = set_apic,
    .get_pic = get_pic,
    .set_pic = set_pic,
    .get_ioapic = get_ioapic,
    .set_ioapic = set_ioapic,
    .get_pit = get_pit,
    .set_pit = set_pit,
    .set_reinjection = set_reinjection,
    .attach = kvm_route_attach,
    .detach = kvm_route_detach,
    .forget = kvm_route_forget,
};

/* Who is in charge ---------------------------------------------------------------------------- */

/* Our chips are, as soon as the machine stands still. */
static void run_state_changed(struct run_state_listener *l, enum run_state state)
{
    struct kvm *k = (struct kvm *)((char *)l - offsetof(struct kvm, chip_listener));

    if (state != RUN_STATE_RUNNING) {
        kvm_flush_coalesced(k->machine);
        irqchip_take(k->machine);
    }
}

void kvm_irqchip_enter(struct kvm_vcpu *v)
{
    struct machine *m = v->kvm->machine;

    if (m->irqchip && !m->irqchip->in_charge) {
        machine_lock(m);
        irqchip_give(m);
        machine_unlock(m);
    }
}

void kvm_irqchip_eoi(struct kvm_vcpu *v)
{
    struct machine *m = v->kvm->machine;

    machine_lock(m);
    if (m->irqchip && m->irqchip->eoi) {
        m->irqchip->eoi(m->irqchip->eoi_opaque, v->run->eoi.vector);
    }
    machine_unlock(m);
}

/* What there is ------------------------------------------------------------------------------- */

/* What a mode needs of the kernel. */
static const struct {
    unsigned cap;
    bool split, full;
    const char *name;
} needed[] = {
    { KVM_CAP_IRQCHIP, true, true, "local APICs" },
    { KVM_CAP_SPLIT_IRQCHIP, true, false, "local APICs without an I/O APIC" },
    { KVM_CAP_IRQ_ROUTING, true, true, "routes of interrupts" },
    { KVM_CAP_SIGNAL_MSI, true, true, "messages" },
    { KVM_CAP_MP_STATE, true, true, "the state of processors" },
    { KVM_CAP_PIT2, false, true, "an 8254" },
    { KVM_CAP_PIT_STATE2, false, true, "the state of its 8254" },
    { KVM_CAP_REINJECT_CONTROL, false, true, "the lost ticks of its 8254" },
};

/* What is missing for a mode; NULL: nothing. */
static const char *missing(struct kvm *k, enum kvm_irqchip_mode mode)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(needed); i++) {
        bool wanted = mode == KVM_IRQCHIP_FULL    ? needed[i].full
                      : mode == KVM_IRQCHIP_SPLIT ? needed[i].split
                                                  : false;

        if (wanted && kvm_cap(k, needed[i].cap) <= 0) {
            return needed[i].name;
        }
    }
    return NULL;
}

/* What -accel kvm,kernel-irqchip= asks for, or the most that there is. */
static bool choose(struct kvm *k, GError **error)
{
    enum kvm_irqchip_mode mode = k->options.irqchip;
    const char *lacks;

    for (; (lacks = missing(k, mode)); mode--) {
        if (k->options.irqchip_given) {
            set_error(error,
                      "-accel kvm: kernel-irqchip is %s, but this kernel's KVM has no interface "
                      "for %s; use kernel-irqchip=off",
                      kvm_irqchip_names[mode], lacks);
            return false;
        }
        log_line(LOG_ACCEL, "kvm: no kernel-irqchip=%s: the kernel has no interface for %s",
                 kvm_irqchip_names[mode], lacks);
    }
    k->irqchip = mode;
    return true;
}

/* Whoever hears the speaker has port 61h; else the kernel answers for it, too. */
static bool make_full(struct kvm *k, GError **error)
{
    const struct machine_config *config = &k->machine->config;
    struct kvm_pit_config pit = { .flags = config->pcspk_audiodev ? 0 : KVM_PIT_SPEAKER_DUMMY };

    if (kvm_vm_ioctl(k, KVM_CREATE_IRQCHIP, NULL) < 0) {
        set_errno_error(error, "-accel kvm: KVM makes no interrupt controllers");
        return false;
    }
    if (!config->no_pit && kvm_vm_ioctl(k, KVM_CREATE_PIT2, &pit) < 0) {
        set_errno_error(error, "-accel kvm: KVM makes no 8254");
        return false;
    }
    return true;
}

static bool make_split(struct kvm *k, GError **error)
{
    if (!kvm_enable_cap(k, KVM_CAP_SPLIT_IRQCHIP, IRQCHIP_IOAPIC_PINS)) {
        set_errno_error(error, "-accel kvm: KVM makes no local APICs alone");
        return false;
    }
    return true;
}

bool kvm_irqchip_init(struct kvm *k, GError **error)
{
    if (!choose(k, error)) {
        return false;
    }
    k->chip_listener.changed = run_state_changed;
    machine_add_run_listener(k->machine, &k->chip_listener);
    if (k->irqchip == KVM_IRQCHIP_OFF) {
        return true;
    }
    if (!(k->irqchip == KVM_IRQCHIP_FULL ? make_full : make_split)(k, error) ||
        !kvm_routes_init(k, error)) {
        return false;
    }
    k->chip = (struct irqchip){ .ops = &ops, .full = k->irqchip == KVM_IRQCHIP_FULL };
    k->machine->irqchip = &k->chip;
    return true;
}

void kvm_irqchip_free(struct kvm *k)
{
    if (k->chip_listener.changed) {
        machine_del_run_listener(k->machine, &k->chip_listener);
    }
    k->machine->irqchip = NULL;
    kvm_routes_free(k);
}
