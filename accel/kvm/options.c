/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/options.c: the properties of -accel kvm: one row each, with what is refused.
 *
 * Thread: the program's first.
 */
#include "accel/kvm/options.h"
#include <inttypes.h>
#include <string.h>
#include "util/error.h"
#include "util/text.h"

const char *const kvm_irqchip_names[] = { "off", "split", "on" };

/* An entry is 16 bytes; KVM takes a page of them at least, and 64 K at most. */
#define MIN_RING 256u
#define MAX_RING 65536u

typedef bool set_fn(struct kvm_options *o, const char *value, GError **error);

static bool set_irqchip(struct kvm_options *o, const char *value, GError **error)
{
    bool on;

    if (strcmp(value, "split") == 0) {
        o->irqchip = KVM_IRQCHIP_SPLIT;
    } else if (parse_bool(value, &on)) {
        o->irqchip = on ? KVM_IRQCHIP_FULL : KVM_IRQCHIP_OFF;
    } else {
        set_error(error, "-accel kvm: kernel-irqchip is '%s', must be on, off or split", value);
        return false;
    }
    o->irqchip_given = true;
    return true;
}

static bool set_dirty_ring(struct kvm_options *o, const char *value, GError **error)
{
    uint64_t n;

    if (!parse_uint(value, 0, MAX_RING, &n) || (n && n < MIN_RING) || (n & (n - 1))) {
        set_error(error,
                  "-accel kvm: dirty-ring-size is '%s', must be 0 or a power of two from %u to %u",
                  value, MIN_RING, MAX_RING);
        return false;
    }
    o->dirty_ring = (uint32_t)n;
    return true;
}

static bool set_shadow_mem(struct kvm_options *o, const char *value, GError **error)
{
    if (!parse_size(value, 1, &o->shadow_mem) || (o->shadow_mem >> 12) > UINT32_MAX) {
        set_error(error, "-accel kvm: kvm-shadow-mem is '%s', must be a size below 16T", value);
        return false;
    }
    return true;
}

static bool set_device(struct kvm_options *o, const char *value, GError **error)
{
    if (!value[0] || strlen(value) >= sizeof(o->device)) {
        set_error(error, "-accel kvm: device is '%s', must be a path", value);
        return false;
    }
    g_strlcpy(o->device, value, sizeof(o->device));
    return true;
}

/* The exit is off unless asked for, and that is what can be asked for. */
static bool set_notify_vmexit(struct kvm_options *o, const char *value, GError **error)
{
    (void)o;
    if (strcmp(value, "disable") != 0) {
        set_error(error, "-accel kvm: notify-vmexit=%s is not supported: it can be: disable",
                  value);
        return false;
    }
    return true;
}

static bool set_notify_window(struct kvm_options *o, const char *value, GError **error)
{
    (void)o;
    set_error(error, "-accel kvm: notify-window=%s is not supported: there is no notify-vmexit",
              value);
    return false;
}

static const struct row {
    const char *name;
    set_fn *set;
} rows[] = {
    /* clang-format off */
    { "kernel-irqchip",  set_irqchip       },
    { "dirty-ring-size", set_dirty_ring    },
    { "kvm-shadow-mem",  set_shadow_mem    },
    { "device",          set_device        },
    { "notify-vmexit",   set_notify_vmexit },
    { "notify-window",   set_notify_window },
    /* clang-format on */
};

const char *kvm_option_name(unsigned n)
{
    return n < G_N_ELEMENTS(rows) ? rows[n].name : NULL;
}

static const char *name_at(void *opaque, unsigned n)
{
    (void)opaque;
    return kvm_option_name(n);
}

static bool set_row(struct kvm_options *o, const struct option_pair *p, GError **error)
{
    g_autofree char *closest = NULL, *dashed = g_strdelimit(g_strdup(p->key), "_", '-');

    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        if (strcmp(rows[n].name, dashed) == 0) {
            return rows[n].set(o, p->value, error);
        }
    }
    closest = closest_names(p->key, name_at, NULL);
    set_error(error, "-accel kvm: no property '%s'; %s%s", p->key,
              closest ? "closest: "
                      : "it takes: kernel-irqchip, dirty-ring-size, kvm-shadow-mem, "
                        "device",
              closest ? closest : "");
    return false;
}

bool kvm_options_parse(const char *accel, struct kvm_options *o, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(accel, "accel");

    memset(o, 0, sizeof(*o));
    o->irqchip = KVM_IRQCHIP_FULL;
    g_strlcpy(o->device, "/dev/kvm", sizeof(o->device));
    for (unsigned i = 1; i < opts->len; i++) {
        if (!set_row(o, g_ptr_array_index(opts, i), error)) {
            return false;
        }
    }
    return true;
}
