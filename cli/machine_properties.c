/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/machine_properties.c: handlers of -machine's properties beyond switches of the board; rows are in
 * machine_options.c.
 * Thread: the program's first.
 */
#include <string.h>
#include "cli/options.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/text.h"

static bool parse_switch(const char *key, const char *value, bool *on, GError **error)
{
    if (!parse_bool(value, on)) {
        set_error(error, "-machine: %s is '%s', must be on or off", key, value);
        return false;
    }
    return true;
}

bool machine_memory_backend(struct options *o, const char *value, GError **error)
{
    (void)error;
    g_free(o->memory_backend);
    o->memory_backend = g_strdup(value);
    return true;
}

bool machine_mem_merge(struct options *o, const char *value, GError **error)
{
    return parse_switch("mem-merge", value, &o->mem_merge, error);
}

bool machine_dump_guest_core(struct options *o, const char *value, GError **error)
{
    return parse_switch("dump-guest-core", value, &o->dump_guest_core, error);
}

bool machine_fd_bootchk(struct options *o, const char *value, GError **error)
{
    bool on;

    if (!parse_switch("fd-bootchk", value, &on, error)) {
        return false;
    }
    o->no_fd_bootchk = !on;
    return true;
}

bool machine_max_ram_below_4g(struct options *o, const char *value, GError **error)
{
    uint64_t v;

    if (!parse_size(value, 1, &v) || v < 1u << 20 || v > 4ull << 30 || v % (1u << 20)) {
        set_error(error, "-machine: max-ram-below-4g is '%s', must be 1M to 4G in whole MiB",
                  value);
        return false;
    }
    o->max_ram_below_4g = v;
    return true;
}

/* What is always there, or never: only that can be said. */
static bool must_be(const char *key, const char *value, bool what, const char *why, GError **error)
{
    bool on;

    if (!parse_switch(key, value, &on, error)) {
        return false;
    }
    if (on != what) {
        set_error(error, "-machine: %s=%s is not supported: %s", key, value, why);
        return false;
    }
    return true;
}

bool machine_i8042(struct options *o, const char *value, GError **error)
{
    (void)o;
    return must_be("i8042", value, true, "the keyboard controller is always there", error);
}

bool machine_sata(struct options *o, const char *value, GError **error)
{
    (void)o;
    return must_be("sata", value, true, "q35's SATA controller is always there", error);
}

bool machine_smbus(struct options *o, const char *value, GError **error)
{
    (void)o;
    return must_be("smbus", value, true, "the registers are always there", error);
}

bool machine_nvdimm(struct options *o, const char *value, GError **error)
{
    (void)o;
    return must_be("nvdimm", value, false, "there are no NVDIMMs", error);
}

bool machine_hmat(struct options *o, const char *value, GError **error)
{
    (void)o;
    return must_be("hmat", value, false, "there is no HMAT", error);
}

bool machine_bypass_iommu(struct options *o, const char *value, GError **error)
{
    (void)o;
    return must_be("default-bus-bypass-iommu", value, false, "there is no IOMMU", error);
}

bool machine_suppress_vmdesc(struct options *o, const char *value, GError **error)
{
    bool on;

    (void)o;
    return parse_switch("suppress-vmdesc", value, &on, error); /* there is no such description */
}

bool machine_memory_encryption(struct options *o, const char *value, GError **error)
{
    (void)o;
    set_error(error, "-machine: memory-encryption=%s is not supported: guests are not encrypted",
              value);
    return false;
}

bool machine_kernel_irqchip(struct options *o, const char *value, GError **error)
{
    bool on;

    if (strcmp(value, "split") != 0 && !parse_bool(value, &on)) {
        set_error(error, "-machine: kernel-irqchip is '%s', must be on, off or split", value);
        return false;
    }
    g_free(o->kernel_irqchip);
    o->kernel_irqchip = g_strdup(value);
    return true;
}

bool machine_oem_id(struct options *o, const char *value, GError **error)
{
    if (strlen(value) > 6) {
        set_error(error, "-machine: x-oem-id is '%s', must have at most 6 characters", value);
        return false;
    }
    g_free(o->oem_id);
    o->oem_id = g_strdup(value);
    return true;
}

bool machine_oem_table_id(struct options *o, const char *value, GError **error)
{
    if (strlen(value) > 8) {
        set_error(error, "-machine: x-oem-table-id is '%s', must have at most 8 characters", value);
        return false;
    }
    g_free(o->oem_table_id);
    o->oem_table_id = g_strdup(value);
    return true;
}

/* "smp.cpus", "memory.size", "boot.order": what -smp, -m and -boot say. */
bool machine_nested(struct options *o, const GPtrArray *opts, GError **error)
{
    static const struct {
        const char *prefix;
        option_fn *run;
    } rows[] = {
        { "smp.", option_smp },
        { "boot.", option_boot },
        { "memory.", option_memory },
    };

    for (unsigned r = 0; r < G_N_ELEMENTS(rows); r++) {
        g_autoptr(GString) text = g_string_new(NULL);

        for (unsigned i = 0; i < opts->len; i++) {
            const struct option_pair *p = g_ptr_array_index(opts, i);

            if (g_str_has_prefix(p->key, rows[r].prefix)) {
                const char *key = p->key + strlen(rows[r].prefix);

                g_string_append_printf(text, "%s%s=%s", text->len ? "," : "",
                                       strcmp(key, "max-size") == 0 ? "maxmem" : key, p->value);
            }
        }
        if (text->len && !rows[r].run(o, text->str, error)) {
            g_prefix_error(error, "-machine: ");
            return false;
        }
    }
    return true;
}

bool machine_is_nested(const char *key)
{
    return g_str_has_prefix(key, "smp.") || g_str_has_prefix(key, "boot.") ||
           g_str_has_prefix(key, "memory.");
}
