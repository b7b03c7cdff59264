/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/tpm_options.c: -tpmdev.
 * Thread: the program's first; tpm_setup with the machine lock held.
 */
#include <string.h>
#include "cli/options.h"
#include "hw/tpm/tpm.h"
#include "util/error.h"
#include "util/text.h"

bool option_tpmdev(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "type");
    const char *type = options_get(opts, "type");

    if (type && (strcmp(type, "help") == 0 || strcmp(type, "?") == 0)) {
        tpm_print_types(o->output);
        o->done = true;
        return true;
    }
    if (!tpm_check_options(opts, error)) {
        g_prefix_error(error, "-tpmdev %s: ", arg);
        return false;
    }
    g_ptr_array_add(o->tpmdevs, g_strdup(arg));
    return true;
}

bool tpm_setup(struct machine *m, const struct options *o, GError **error)
{
    for (unsigned i = 0; i < o->tpmdevs->len; i++) {
        g_autoptr(GPtrArray) opts = parse_options(g_ptr_array_index(o->tpmdevs, i), "type");

        if (!tpm_add(m, opts, error)) {
            g_prefix_error(error, "-tpmdev: ");
            return false;
        }
    }
    return true;
}
