/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/accel_options.c: -accel, -enable-kvm, -machine accel=: the table of accelerators.
 * Thread: the program's first.
 */
#include <string.h>
#include "accel/kvm/options.h"
#include "cli/options.h"
#include "config.h"
#include "util/error.h"
#include "util/text.h"

#define USE_TCG " (use -accel tcg)"

static const struct accel_row {
    const char *name, *help;
    const char *refused; /* NULL: it can be used */
} accels[] = {
    /* clang-format off */
    { "tcg",   "run the guest's code in software", NULL },
    { "kvm",   "hardware virtualization",          CONFIG_KVM ? NULL : "accelerator kvm: this program was built without it" USE_TCG },
    { "qtest", "run nothing, be driven by a test", NULL },
    { "hax",   "hardware virtualization",          "accelerator hax is not supported" USE_TCG },
    { "xen",   "under the Xen hypervisor",         "accelerator xen is not supported" USE_TCG },
    { 0 }
    /* clang-format on */
};

static const char *accel_name(void *opaque, unsigned i)
{
    (void)opaque;
    return accels[i].name;
}

/* -accel tcg,KEY=VALUE: what each value means; a refusal says what to do. NULL: any value. */
static const struct tcg_row {
    const char *key, *value;
    const char *refused; /* NULL: it is what happens */
} tcg_rows[] = {
    /* clang-format off */
    { "engine",  "interp",    NULL },
    { "engine",  "auto",      NULL },
    { "engine",  "translate", NULL },
    { "thread",  "multi",     NULL },
    { "thread",  "single",    NULL },
    { "tb-size", NULL,        NULL },
    { 0 }
    /* clang-format on */
};

static bool check_tcg_property(const struct option_pair *p, GError **error)
{
    g_autoptr(GString) allowed = g_string_new(NULL);

    for (const struct tcg_row *row = tcg_rows; row->key; row++) {
        if (strcmp(row->key, p->key) != 0) {
            continue;
        }
        if (!row->value || strcmp(row->value, p->value) == 0) {
            if (row->refused) {
                set_error(error, "-accel tcg: %s=%s: %s", p->key, p->value, row->refused);
            }
            return !row->refused;
        }
        if (!row->refused) {
            g_string_append_printf(allowed, "%s%s", allowed->len ? " or " : "", row->value);
        }
    }
    if (allowed->len) {
        set_error(error, "-accel tcg: %s is '%s', must be %s", p->key, p->value, allowed->str);
    } else {
        set_error(error, "-accel tcg: no property '%s'; it takes: engine, thread, tb-size", p->key);
    }
    return false;
}

static bool check_properties(const char *accel, const char *arg, const GPtrArray *opts,
                             GError **error)
{
    struct kvm_options kvm;

    if (strcmp(accel, "kvm") == 0) {
        return kvm_options_parse(arg, &kvm, error);
    }
    for (unsigned i = 1; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (strcmp(accel, "tcg") != 0) {
            set_error(error, "-accel %s: no property '%s'; it takes none", accel, p->key);
            return false;
        }
        if (!check_tcg_property(p, error)) {
            return false;
        }
    }
    return true;
}

static bool is_accel(const char *text, const char *name)
{
    size_t n = strcspn(text, ",");

    return n == strlen(name) && strncmp(text, name, n) == 0;
}

/* One that was given before has these properties, too. */
static void add_accel(struct options *o, const char *name, const char *arg)
{
    for (unsigned i = 0; i < o->accels->len; i++) {
        char **text = (char **)&g_ptr_array_index(o->accels, i), *both;

        if (is_accel(*text, name)) {
            both = g_strconcat(*text, arg + strcspn(arg, ","), NULL);
            g_free(*text);
            *text = both;
            return;
        }
    }
    g_ptr_array_add(o->accels, g_strdup(arg));
}

/* Which of those that were given can be used is seen when the machine is set up: accel_setup.c. */
bool option_accel(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "accel");
    g_autofree char *closest = NULL, *text = NULL;
    const char *name = options_get(opts, "accel");
    const struct accel_row *row;

    if (name && (strcmp(name, "help") == 0 || strcmp(name, "?") == 0)) {
        g_string_append(o->output, "Accelerators supported:\n");
        for (row = accels; row->name; row++) {
            if (!row->refused) {
                g_string_append_printf(o->output, "%s\n", row->name);
            }
        }
        o->done = true;
        return true;
    }
    for (row = accels; name && row->name && strcmp(row->name, name) != 0; row++) {
    }
    if (!name || !row->name) {
        closest = name ? closest_names(name, accel_name, NULL) : NULL;
        set_error(error, "unknown accelerator '%s'; %s%s", name ? name : arg,
                  closest ? "closest: " : "-accel help lists all", closest ? closest : "");
        return false;
    }
    if (row->refused) {
        if (!o->accel_refused) {
            o->accel_refused = g_strdup(row->refused);
        }
        return true;
    }
    text = g_str_has_prefix(arg, "accel=") ? g_strdup(arg + strlen("accel=")) : g_strdup(arg);
    if (!check_properties(name, text, opts, error)) {
        return false;
    }
    add_accel(o, name, text);
    return true;
}

bool accel_options_finish(struct options *o, GError **error)
{
    bool kvm = o->accels->len == 0;

    if (o->accels->len == 0 && o->accel_refused) {
        set_error(error, "%s", o->accel_refused);
        return false;
    }
    for (unsigned i = 0; i < o->accels->len; i++) {
        const char *text = g_ptr_array_index(o->accels, i);

        kvm |= is_accel(text, "kvm");
        if (is_accel(text, "tcg") && o->cpus > 1 && strstr(text, ",thread=single")) {
            set_error(error,
                      "-accel tcg,thread=single: %u CPUs have a thread each; use thread=multi",
                      o->cpus);
            return false;
        }
    }
    if (o->accel_refused) {
        options_warn(o, "%s: going on with %s", o->accel_refused,
                     (char *)g_ptr_array_index(o->accels, 0));
    }
    if (o->kernel_irqchip && !kvm) {
        options_warn(o, "-machine kernel-irqchip=%s has no effect: it is kvm's", o->kernel_irqchip);
    }
    return true;
}

bool option_enable_kvm(struct options *o, const char *arg, GError **error)
{
    (void)arg;
    return option_accel(o, "kvm", error);
}
