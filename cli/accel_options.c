/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/accel_options.c: -accel, -enable-kvm, -machine accel=: the table of accelerators.
 * Thread: the program's first.
 */
#include <string.h>
#include "cli/options.h"
#include "util/error.h"
#include "util/text.h"

#define USE_TCG " (use -accel tcg)"

static const struct accel_row {
    const char *name, *help;
    const char *refused; /* NULL: it can be used */
} accels[] = {
    /* clang-format off */
    { "tcg",   "run the guest's code in software", NULL },
    { "kvm",   "hardware virtualization",          NULL },
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

static bool check_property(const char *accel, const struct option_pair *p, GError **error)
{
    g_autoptr(GString) allowed = g_string_new(NULL);

    if (strcmp(accel, "tcg") != 0) {
        set_error(error, "-accel %s: no property '%s'; it takes none", accel, p->key);
        return false;
    }
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

/* The first that can be used is taken; one that cannot is an error if none follows. */
bool option_accel(struct options *o, const char *arg, GError **error)
{
    g_autofree char *closest = NULL, *name = g_strndup(arg, strcspn(arg, ","));
    g_autoptr(GPtrArray) opts = parse_options(arg, "accel");
    const struct accel_row *row;

    if (strcmp(name, "help") == 0 || strcmp(name, "?") == 0) {
        g_string_append(o->output, "Accelerators supported:\n");
        for (row = accels; row->name; row++) {
            if (!row->refused) {
                g_string_append_printf(o->output, "%s\n", row->name);
            }
        }
        o->done = true;
        return true;
    }
    for (row = accels; row->name && strcmp(row->name, name) != 0; row++) {
    }
    if (!row->name) {
        closest = closest_names(name, accel_name, NULL);
        set_error(error, "unknown accelerator '%s'; %s%s", name,
                  closest ? "closest: " : "-accel help lists all", closest ? closest : "");
        return false;
    }
    if (row->refused) {
        if (!o->accel_refused) {
            o->accel_refused = g_strdup(row->refused);
        }
        return true;
    }
    for (unsigned i = 1; i < opts->len; i++) {
        if (!check_property(name, g_ptr_array_index(opts, i), error)) {
            return false;
        }
    }
    if (!o->accel) {
        o->accel = g_strdup(arg);
    }
    return true;
}

bool option_enable_kvm(struct options *o, const char *arg, GError **error)
{
    (void)arg;
    return option_accel(o, "kvm", error);
}
