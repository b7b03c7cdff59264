/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/accel_setup.c: which of the accelerators that were asked for runs the machine; with no option the fastest
 * that works: KVM, where hardware virtualization is behind it, else tcg.
 *
 * Evidence decides, never a measurement: see accel/kvm/probe.h.  A KVM without hardware emulates a guest's
 * kernel and is slower than tcg: it is taken if nothing else is asked for.
 * Thread: the program's first, machine lock held.
 */
#include <string.h>
#include "accel/kvm/kvm.h"
#include "accel/kvm/options.h"
#include "accel/kvm/probe.h"
#include "cli/options.h"
#include "util/error.h"
#include "util/log.h"

#define KVM_PREFIX "-accel kvm: "

/* What is said of those that were tried before the one that is taken. */
struct choice {
    struct options *options;
    bool by_default;
    char *refused; /* why KVM is not taken; NULL: it was not tried, or it is */
    char *what;    /* to do about it; NULL: nothing */
};

static bool is_kvm(const char *text)
{
    return g_str_has_prefix(text, "kvm") && (text[3] == ',' || !text[3]);
}

static void refuse(struct choice *c, const char *why, const char *what)
{
    if (!c->refused) { /* the first is what was wanted most */
        c->refused = g_strdup(why);
        c->what = g_strdup(what);
    }
}

static bool make_kvm(struct machine *m, const char *text, GError **error)
{
    m->config.accel = g_strdup(text);
    if (kvm_init(m, error)) {
        return true;
    }
    g_clear_pointer(&m->config.accel, g_free);
    if (m->kvm) {
        m->free_kvm(m);
    }
    return false;
}

/* The errors of the engine say whose they are; so does what is made of them here. */
static const char *without_prefix(const char *message)
{
    return g_str_has_prefix(message, KVM_PREFIX) ? message + strlen(KVM_PREFIX) : message;
}

/* False: something else has to run the machine, if there is anything. */
static bool begin_kvm(struct machine *m, struct choice *c, const char *text, bool last)
{
    g_autoptr(GError) error = NULL;
    struct kvm_options properties;
    struct kvm_probe p;
    bool ok = false;

    if (!kvm_options_parse(text, &properties, &error)) {
        refuse(c, without_prefix(error->message), NULL);
        return false;
    }
    kvm_probe(properties.device, NULL, NULL, &p);
    if (p.why) {
        refuse(c, p.why, p.what);
    } else if (!p.hardware && !last) {
        refuse(c, p.behind, NULL);
    } else if (!make_kvm(m, text, &error)) {
        refuse(c, without_prefix(error->message), NULL);
    } else {
        m->config.accel_why = g_strdup(p.behind);
        m->config.accel_emulates = !p.hardware;
        if (!p.hardware) {
            options_warn(c->options,
                         "-accel kvm: %s: guests may be far slower than with -accel tcg, or not "
                         "run",
                         p.behind);
        }
        ok = true;
    }
    kvm_probe_clear(&p);
    return ok;
}

/* Of the engine in software: why it is that. */
static void explain_other(struct machine *m, struct choice *c, const char *text)
{
    if (c->refused) {
        m->config.accel_why = g_strdup(c->refused);
    }
    if (c->refused && !c->by_default) {
        options_warn(c->options, KVM_PREFIX "%s%s%s: going on with %s", c->refused,
                     c->what ? ": " : "", c->what ? c->what : "", text);
    }
}

static bool take(struct machine *m, struct choice *c, const GPtrArray *list)
{
    const struct options *o = c->options;

    for (unsigned i = 0; i < list->len; i++) {
        const char *given = g_ptr_array_index(list, i);
        bool kvm = is_kvm(given);
        g_autofree char *text =
            g_strconcat(given, kvm && o->kernel_irqchip ? ",kernel-irqchip=" : "",
                        kvm && o->kernel_irqchip ? o->kernel_irqchip : "",
                        g_str_has_prefix(given, "tcg") && o->perfmap ? ",perfmap=on" : "", NULL);

        if (kvm && !begin_kvm(m, c, text, i + 1 == list->len)) {
            continue;
        }
        if (!kvm) {
            explain_other(m, c, given);
        }
        g_free(m->config.accel);
        m->config.accel = g_steal_pointer(&text);
        log_line(LOG_ACCEL, "accel: %s%s%s%s", m->config.accel,
                 c->by_default ? ", the default" : "", m->config.accel_why ? ": " : "",
                 m->config.accel_why ? m->config.accel_why : "");
        return true;
    }
    return false;
}

bool accel_setup(struct machine *m, struct options *o, GError **error)
{
    struct choice c = { .options = o, .by_default = o->accels->len == 0 };
    g_autoptr(GPtrArray) defaults = g_ptr_array_new();
    bool ok;

    g_ptr_array_add(defaults, "kvm");
    g_ptr_array_add(defaults, "tcg");
    ok = take(m, &c, c.by_default ? defaults : o->accels);
    if (!ok) {
        set_error(error, KVM_PREFIX "%s%s%s (or use -accel tcg)", c.refused, c.what ? ": " : "",
                  c.what ? c.what : "");
    }
    g_free(c.refused);
    g_free(c.what);
    return ok;
}
