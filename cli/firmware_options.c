/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/firmware_options.c: firmware and what it is told: -bios -L -boot -fw_cfg -option-rom -debugcon.
 * Thread: the program's first.
 */
#include <inttypes.h>
#include <string.h>
#include "cli/options.h"
#include "cli/setup.h"
#include "config.h"
#include "hw/i386/acpi.h"
#include "hw/nvram/fw_cfg.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

#define OPTION_ROM_DIR  "genroms/"
#define MAX_BOOT_INDEX  INT32_MAX
#define MAX_MENU_WAIT   0xffff
#define MAX_REBOOT_WAIT 0xffff
#define BOOT_DRIVES     "abcdn"

/* Where firmware is looked for after the -L folders. */
static const char *const data_dirs[] = {
    CONFIG_PREFIX "/share/rhea",
    "/usr/share/seabios",
    "/usr/share/qemu",
    "/usr/lib/ipxe/qemu",
};

bool option_bios(struct options *o, const char *arg, GError **error)
{
    (void)error;
    g_free(o->bios);
    o->bios = g_strdup(arg);
    return true;
}

bool option_data_dir(struct options *o, const char *arg, GError **error)
{
    (void)error;
    if (strcmp(arg, "help") == 0) {
        for (unsigned i = 0; i < G_N_ELEMENTS(data_dirs); i++) {
            g_string_append_printf(o->output, "%s\n", data_dirs[i]);
        }
        o->done = true;
        return true;
    }
    g_ptr_array_add(o->data_dirs, g_strdup(arg));
    return true;
}

/* -boot --------------------------------------------------------------------------------------- */

static bool set_drives(char **to, const struct option_pair *p, GError **error)
{
    size_t bad = strspn(p->value, BOOT_DRIVES);

    if (p->value[bad]) {
        set_error(error, "-boot: %s=%s: '%c' is not a drive, must be letters of %s", p->key,
                  p->value, p->value[bad], BOOT_DRIVES);
        return false;
    }
    for (const char *c = p->value; *c; c++) {
        if (strchr(c + 1, *c)) {
            set_error(error, "-boot: %s=%s: '%c' is there twice", p->key, p->value, *c);
            return false;
        }
    }
    g_free(*to);
    *to = g_strdup(p->value);
    return true;
}

static bool set_on_off(bool *to, const struct option_pair *p, GError **error)
{
    if (!parse_bool(p->value, to)) {
        set_error(error, "-boot: %s is '%s', must be on or off", p->key, p->value);
        return false;
    }
    return true;
}

static bool set_wait(int64_t *to, uint64_t max, const struct option_pair *p, GError **error)
{
    uint64_t v;

    if (!parse_uint(p->value, 0, max, &v)) {
        set_error(error, "-boot: %s is '%s', must be 0 to %" PRIu64 " ms", p->key, p->value, max);
        return false;
    }
    *to = (int64_t)v;
    return true;
}

static bool boot_property(struct options *o, const struct option_pair *p, GError **error)
{
    struct boot_options *b = o->boot;

    if (strcmp(p->key, "order") == 0) {
        return set_drives(&b->order, p, error);
    }
    if (strcmp(p->key, "once") == 0) {
        return set_drives(&b->once, p, error);
    }
    if (strcmp(p->key, "menu") == 0) {
        return set_on_off(&b->menu, p, error);
    }
    if (strcmp(p->key, "strict") == 0) {
        return set_on_off(&b->strict, p, error);
    }
    if (strcmp(p->key, "splash-time") == 0) {
        return set_wait(&b->menu_wait, MAX_MENU_WAIT, p, error);
    }
    if (strcmp(p->key, "reboot-timeout") == 0) {
        return strcmp(p->value, "-1") == 0 ||
               set_wait(&b->reboot_timeout, MAX_REBOOT_WAIT, p, error);
    }
    set_error(error,
              "-boot: no property '%s'; it takes: order, once, menu, strict, splash-time, "
              "reboot-timeout",
              p->key);
    return false;
}

bool option_boot(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "order");

    for (unsigned i = 0; i < opts->len; i++) {
        if (!boot_property(o, g_ptr_array_index(opts, i), error)) {
            return false;
        }
    }
    return true;
}

/* Files --------------------------------------------------------------------------------------- */

bool option_fw_cfg(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "name");
    const char *name = options_get(opts, "name");
    bool file = options_get(opts, "file"), string = options_get(opts, "string");

    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (!g_strv_contains((const char *const[]){ "name", "file", "string", NULL }, p->key)) {
            set_error(error, "-fw_cfg: no property '%s'; it takes: name, file, string", p->key);
            return false;
        }
    }
    if (!name || !*name || file == string) {
        set_error(error, "-fw_cfg '%s': must be name=NAME,file=FILE or name=NAME,string=TEXT", arg);
        return false;
    }
    if (strlen(name) > FW_CFG_NAME_MAX) {
        set_error(error, "-fw_cfg: the name '%s' has %zu characters, must have at most %u", name,
                  strlen(name), FW_CFG_NAME_MAX);
        return false;
    }
    if (!g_str_has_prefix(name, "opt/")) {
        options_warn(o, "-fw_cfg %s: names of users' files should begin with 'opt/'", name);
    }
    g_ptr_array_add(o->fw_cfg, g_strdup(arg));
    return true;
}

bool option_option_rom(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "romfile");
    const char *index = options_get(opts, "bootindex");
    uint64_t n;

    if (!options_get(opts, "romfile")) {
        set_error(error, "-option-rom '%s': must be FILE[,bootindex=N]", arg);
        return false;
    }
    if (index && !parse_uint(index, 0, MAX_BOOT_INDEX, &n)) {
        set_error(error, "-option-rom: bootindex is '%s', must be a number from 0 on", index);
        return false;
    }
    g_ptr_array_add(o->option_roms, g_strdup(arg));
    return true;
}

bool option_debugcon(struct options *o, const char *arg, GError **error)
{
    (void)error;
    g_ptr_array_add(o->debugcons, g_strdup(arg));
    return true;
}

/* hw/i386/smbios_options.c parses it. */
bool option_smbios(struct options *o, const char *arg, GError **error)
{
    (void)error;
    g_ptr_array_add(o->smbios, g_strdup(arg));
    return true;
}

/* hw/i386/acpi_user.c parses it. */
bool option_acpitable(struct options *o, const char *arg, GError **error)
{
    if (o->acpi_tables->len == ACPI_USER_MAX) {
        set_error(error, "-acpitable: there are more than %u", ACPI_USER_MAX);
        return false;
    }
    g_ptr_array_add(o->acpi_tables, g_strdup(arg));
    return true;
}

bool option_uuid(struct options *o, const char *arg, GError **error)
{
    if (!g_uuid_string_is_valid(arg)) {
        set_error(error,
                  "-uuid: '%s' is not a UUID, must be like "
                  "01234567-89ab-cdef-0123-456789abcdef",
                  arg);
        return false;
    }
    g_free(o->uuid);
    o->uuid = g_strdup(arg);
    return true;
}

static GBytes *read_file(const char *option, const char *path, GError **error)
{
    char *data;
    size_t len;

    if (!g_file_get_contents(path, &data, &len, error)) {
        g_prefix_error(error, "%s: ", option);
        return NULL;
    }
    return g_bytes_new_take(data, len);
}

static void add_file(struct machine *m, char *name, GBytes *data, int32_t bootindex)
{
    struct firmware_file *f = g_new0(struct firmware_file, 1);

    *f = (struct firmware_file){ name, data, bootindex };
    g_ptr_array_add(m->config.firmware_files, f);
}

/* A user's text comes without a NUL. */
static bool add_fw_cfg(struct machine *m, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "name");
    const char *path = options_get(opts, "file"), *text = options_get(opts, "string");
    GBytes *data = path ? read_file("-fw_cfg", path, error) : g_bytes_new(text, strlen(text));

    if (data) {
        add_file(m, g_strdup(options_get(opts, "name")), data, -1);
    }
    return data != NULL;
}

static bool add_acpi_table(struct machine *m, const char *arg, GError **error)
{
    GByteArray *table = acpi_user_table(arg, error);

    if (!table) {
        g_prefix_error(error, "-acpitable %s: ", arg);
        return false;
    }
    g_ptr_array_add(m->config.acpi_tables, table);
    return true;
}

static bool add_option_rom(struct machine *m, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "romfile");
    const char *path = options_get(opts, "romfile"), *index = options_get(opts, "bootindex");
    g_autofree char *base = g_path_get_basename(path);
    GBytes *data = read_file("-option-rom", path, error);
    uint64_t n = 0;

    if (!data) {
        return false;
    }
    if (index) {
        parse_uint(index, 0, MAX_BOOT_INDEX, &n);
    }
    add_file(m, g_strconcat(OPTION_ROM_DIR, base, NULL), data, index ? (int32_t)n : -1);
    return true;
}

bool firmware_setup(struct machine *m, struct options *o, GError **error)
{
    struct machine_config *c = &m->config;

    c->bios = g_strdup(o->bios);
    c->serial_console = o->nographic;
    c->boot = *o->boot;
    c->boot.order = g_strdup(o->boot->order);
    c->boot.once = g_strdup(o->boot->once);
    for (unsigned i = 0; i < o->data_dirs->len; i++) {
        g_ptr_array_add(c->data_dirs, g_strdup(g_ptr_array_index(o->data_dirs, i)));
    }
    c->uuid = g_strdup(o->uuid);
    for (unsigned i = 0; i < o->smbios->len; i++) {
        g_ptr_array_add(c->smbios, g_strdup(g_ptr_array_index(o->smbios, i)));
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(data_dirs); i++) {
        g_ptr_array_add(c->data_dirs, g_strdup(data_dirs[i]));
    }
    for (unsigned i = 0; i < o->fw_cfg->len; i++) {
        if (!add_fw_cfg(m, g_ptr_array_index(o->fw_cfg, i), error)) {
            return false;
        }
    }
    for (unsigned i = 0; i < o->acpi_tables->len; i++) {
        if (!add_acpi_table(m, g_ptr_array_index(o->acpi_tables, i), error)) {
            return false;
        }
    }
    for (unsigned i = 0; i < o->option_roms->len; i++) {
        if (!add_option_rom(m, g_ptr_array_index(o->option_roms, i), error)) {
            return false;
        }
    }
    return true;
}

void firmware_options_init(struct options *o)
{
    o->boot = g_new0(struct boot_options, 1);
    o->boot->menu_wait = o->boot->reboot_timeout = -1;
    o->data_dirs = g_ptr_array_new_with_free_func(g_free);
    o->fw_cfg = g_ptr_array_new_with_free_func(g_free);
    o->option_roms = g_ptr_array_new_with_free_func(g_free);
    o->debugcons = g_ptr_array_new_with_free_func(g_free);
    o->acpi_tables = g_ptr_array_new_with_free_func(g_free);
    o->smbios = g_ptr_array_new_with_free_func(g_free);
}

void firmware_options_clear(struct options *o)
{
    g_free(o->bios);
    g_free(o->boot->order);
    g_free(o->boot->once);
    g_free(o->boot);
    g_ptr_array_unref(o->data_dirs);
    g_ptr_array_unref(o->fw_cfg);
    g_ptr_array_unref(o->option_roms);
    g_ptr_array_unref(o->debugcons);
    g_ptr_array_unref(o->acpi_tables);
    g_ptr_array_unref(o->smbios);
    g_free(o->uuid);
}
