/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/timer/i8254_kernel.c: kvm-pit: the 8254 that takes turns with the one in the host's kernel (softmmu/irqchip.h).
 *
 * Saved, it is an isa-pit: a machine goes on under every engine.  The kernel's begins a count anew when it is given
 * one, so the first period after a standstill is a whole one; and it has no gate that stops a count.
 * Thread: under the machine lock.
 */
#include "hw/timer/i8254.h"
#include "softmmu/machine.h"
#include "util/error.h"

#define SPEAKER_DATA 0x02
#define SPEAKER_GATE 0x01

static struct irqchip *kernel_of(const struct i8254 *pit)
{
    return pit->dev.machine->irqchip;
}

static void take_channel(struct pit_channel *c, const struct irqchip_pit_channel *k, int64_t now)
{
    *c = (struct pit_channel){
        .mode = k->mode,
        .access = k->access,
        .bcd = k->bcd,
        .gate = k->gate,
        .loaded = true,
        .started = true,
        .counting = true,
        .write_high = k->write_high,
        .read_high = k->read_high,
        .count_latched = k->count_latched,
        .status_latched = k->status_latched,
        .write_low = k->write_low,
        .status = k->status,
        .latch = k->latch,
        .count = k->count,
        .next_count = k->count,
        .start = MAX(now - k->age, 0),
    };
}

static void take(void *opaque)
{
    struct i8254 *pit = opaque;
    int64_t now = clock_now(pit->dev.machine, CLOCK_KIND_VIRTUAL);
    struct irqchip_pit k = { 0 };

    if (!kernel_of(pit)->full) {
        return;
    }
    kernel_of(pit)->ops->get_pit(pit->dev.machine, &k);
    for (unsigned n = 0; n < 3; n++) {
        take_channel(&pit->channel[n], &k.channel[n], now);
    }
    pit->speaker =
        (uint8_t)((pit->speaker & ~(SPEAKER_DATA | SPEAKER_GATE)) | (k.speaker ? SPEAKER_DATA : 0) |
                  (k.channel[2].gate ? SPEAKER_GATE : 0));
    if (!irqchip_has_all(pit->dev.machine)) {
        i8254_rearm(pit);
    }
}

static void give(void *opaque)
{
    struct i8254 *pit = opaque;
    struct irqchip_pit k = { .muted = pit->muted, .speaker = pit->speaker & SPEAKER_DATA };
    int64_t now = clock_now(pit->dev.machine, CLOCK_KIND_VIRTUAL);

    if (!kernel_of(pit)->full) {
        return;
    }
    timer_disarm(&pit->timer);
    irq_lower(&pit->irq0); /* the kernel's pulses would be no edges on a line that is high */
    for (unsigned n = 0; n < 3; n++) {
        const struct pit_channel *c = &pit->channel[n];

        k.channel[n] = (struct irqchip_pit_channel){
            .mode = c->mode,
            .access = c->access,
            .bcd = c->bcd,
            .gate = c->gate,
            .write_high = c->write_high,
            .read_high = c->read_high,
            .count_latched = c->count_latched,
            .status_latched = c->status_latched,
            .status = c->status,
            .write_low = c->write_low,
            .latch = c->latch,
            .count = c->reload ? c->next_count : c->count,
            .age = MAX(now - c->start, 0),
        };
    }
    kernel_of(pit)->ops->set_pit(pit->dev.machine, &k);
}

void i8254_join_kernel(struct i8254 *pit)
{
    pit->part = (struct irqchip_part){ take, give, pit, NULL };
    irqchip_add_part(pit->dev.machine, &pit->part);
}

void i8254_leave_kernel(struct i8254 *pit)
{
    irqchip_remove_part(pit->dev.machine, &pit->part);
}

void i8254_peek(struct i8254 *pit)
{
    if (irqchip_has_all(pit->dev.machine)) {
        take(pit);
    }
}

/* Port 61h is ours where its tone is heard, and the interpreter may access the others: CPUs stand still meanwhile. */
void i8254_borrow(struct i8254 *pit)
{
    if (irqchip_has_all(pit->dev.machine)) {
        vcpu_exclusive_begin(pit->dev.machine);
        take(pit);
    }
}

void i8254_give_back(struct i8254 *pit)
{
    if (irqchip_has_all(pit->dev.machine)) {
        give(pit);
        vcpu_exclusive_end(pit->dev.machine);
    }
}

void i8254_mute(void *opaque, int n, bool muted)
{
    struct i8254 *pit = opaque;

    (void)n;
    if (muted != pit->muted) {
        i8254_borrow(pit);
        pit->muted = muted;
        i8254_give_back(pit);
    }
}

static bool kernel_realize(struct device *dev, GError **error)
{
    struct i8254 *pit = (struct i8254 *)dev;
    bool delay = g_strcmp0(pit->lost_tick_policy, "delay") == 0;

    if (!dev->machine->irqchip || !dev->machine->irqchip->full) {
        set_error(error, "kvm-pit: the engine has none in the kernel: it needs -accel "
                         "kvm,kernel-irqchip=on");
        return false;
    }
    if (!delay && g_strcmp0(pit->lost_tick_policy, "discard") != 0) {
        set_error(error, "Property 'kvm-pit.lost_tick_policy' is '%s', must be delay or discard",
                  pit->lost_tick_policy);
        return false;
    }
    if (!i8254_realize(dev, error)) {
        return false;
    }
    kernel_of(pit)->ops->set_reinjection(dev->machine, delay);
    return true;
}

static const struct property kernel_props[] = {
    PROP_STRING(struct i8254, "lost_tick_policy", lost_tick_policy, "delay",
                "ticks that the guest is too slow for: delay (sent later) or discard"),
    { 0 },
};

static const struct device_lines kernel_outputs = { offsetof(struct i8254, irq0), 1, NULL };

const struct device_type i8254_kernel_type = {
    .name = "kvm-pit",
    .section = "isa-pit",
    .summary = "8254 interval timer in the host's kernel, and speaker port",
    .bus = BUS_ISA,
    .internal = true,
    .size = sizeof(struct i8254),
    .props = kernel_props,
    .state = i8254_rows,
    .outputs = &kernel_outputs,
    .realize = kernel_realize,
    .reset = i8254_reset,
    .unrealize = i8254_unrealize,
    .post_load = i8254_post_load,
};
