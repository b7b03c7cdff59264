/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/device_options.c: options that add devices and say where their bytes go.
 * Thread: the program's first.
 */
#include <string.h>
#include "chardev/chardev.h"
#include "cli/options.h"
#include "softmmu/hotplug.h"
#include "ui/display.h"
#include "ui/vnc.h"
#include "util/error.h"
#include "util/json_pairs.h"
#include "util/text.h"

static bool is_help(const char *text)
{
    return strcmp(text, "help") == 0 || strcmp(text, "?") == 0;
}

/* The port's place counts, also for "none". */
bool option_serial(struct options *o, const char *arg, GError **error)
{
    (void)error;
    o->serial_given = true;
    o->monitor_given |= g_str_has_prefix(arg, "mon:");
    g_ptr_array_add(o->serials, g_strdup(arg));
    return true;
}

void options_add_monitor(struct options *o, const char *chardev, bool control, bool pretty)
{
    struct monitor_option *mon = g_new0(struct monitor_option, 1);

    mon->chardev = g_strdup(chardev);
    mon->control = control;
    mon->pretty = pretty;
    g_ptr_array_add(o->monitors, mon);
}

static bool add_given_monitor(struct options *o, const char *arg, bool control, bool pretty)
{
    o->monitor_given = true;
    if (strcmp(arg, "none") != 0) {
        options_add_monitor(o, arg, control, pretty);
    }
    return true;
}

bool option_monitor(struct options *o, const char *arg, GError **error)
{
    (void)error;
    return add_given_monitor(o, arg, false, false);
}

bool option_qmp(struct options *o, const char *arg, GError **error)
{
    (void)error;
    return add_given_monitor(o, arg, true, false);
}

bool option_qmp_pretty(struct options *o, const char *arg, GError **error)
{
    (void)error;
    return add_given_monitor(o, arg, true, true);
}

/* Where a property of -mon goes; an id is a name that nobody asks for. */
static bool mon_property(const struct option_pair *p, const char **chardev, bool *control,
                         bool *pretty, GError **error)
{
    if (strcmp(p->key, "chardev") == 0) {
        *chardev = p->value;
    } else if (strcmp(p->key, "mode") == 0) {
        *control = strcmp(p->value, "control") == 0;
        if (!*control && strcmp(p->value, "readline") != 0) {
            set_error(error, "-mon: mode is '%s', must be readline or control", p->value);
            return false;
        }
    } else if (strcmp(p->key, "pretty") == 0) {
        if (!parse_bool(p->value, pretty)) {
            set_error(error, "-mon: pretty is '%s', must be on or off", p->value);
            return false;
        }
    } else if (strcmp(p->key, "id") != 0) {
        set_error(error, "-mon: no property '%s'; it takes: chardev, mode, pretty, id", p->key);
        return false;
    }
    return true;
}

bool option_mon(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "chardev");
    g_autofree char *spec = NULL;
    const char *id = NULL;
    bool control = false, pretty = false;

    for (unsigned i = 0; i < opts->len; i++) {
        if (!mon_property(g_ptr_array_index(opts, i), &id, &control, &pretty, error)) {
            return false;
        }
    }
    if (!id) {
        set_error(error, "-mon: chardev=ID is missing");
        return false;
    }
    if (pretty && !control) {
        set_error(error, "-mon: pretty=on is for mode=control only");
        return false;
    }
    spec = g_strdup_printf("chardev:%s", id);
    return add_given_monitor(o, spec, control, pretty);
}

bool option_chardev(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "backend");

    if (is_help(arg)) {
        chardev_print_list(o->output);
        o->done = true;
        return true;
    }
    if (!options_get(opts, "backend") || !options_get(opts, "id")) {
        set_error(error, "-chardev '%s': must be BACKEND,id=ID[,prop=VALUE]", arg);
        return false;
    }
    g_ptr_array_add(o->chardevs, g_strdup(arg));
    return true;
}

bool option_nographic(struct options *o, const char *arg, GError **error)
{
    (void)arg;
    (void)error;
    o->nographic = true;
    return true;
}

static bool set_display(struct options *o, const char *name, const char *arg, GError **error)
{
    const struct display_type *t = display_type_find(name);
    g_autoptr(GPtrArray) opts = parse_options(arg, "type");

    if (!t) {
        set_error(error,
                  "-display %s: there is no such display; it can be none, curses, sdl, "
                  "vnc=ADDRESS or web=[HOST:]PORT",
                  arg);
        return false;
    }
    if (!display_type_usable(t, error) || (t->check && !t->check(opts, error))) {
        return false;
    }
    if (!t->check && opts->len > 1) {
        set_error(error, "-display %s: %s takes no properties", arg, name);
        return false;
    }
    g_clear_pointer(&o->display_opts, g_ptr_array_unref);
    o->display_opts = g_steal_pointer(&opts);
    o->display = t;
    return true;
}

bool option_curses(struct options *o, const char *arg, GError **error)
{
    (void)arg;
    return set_display(o, "curses", "curses", error);
}

bool option_sdl(struct options *o, const char *arg, GError **error)
{
    (void)arg;
    return set_display(o, "sdl", "sdl", error);
}

/* "none" takes back what was said before. */
bool option_vnc(struct options *o, const char *arg, GError **error)
{
    if (strcmp(arg, "none") == 0) {
        g_ptr_array_set_size(o->vncs, 0);
        return true;
    }
    if (!vnc_check_options(arg, error)) {
        return false;
    }
    g_ptr_array_add(o->vncs, g_strdup(arg));
    return true;
}

bool option_display(struct options *o, const char *arg, GError **error)
{
    g_autofree char *name = g_strndup(arg, strcspn(arg, ",="));

    if (is_help(arg)) {
        g_string_append(o->output, "Available display backend types:\n");
        for (const struct display_type *t = display_types; t->name; t++) {
            if (display_type_is_there(t)) {
                g_string_append_printf(o->output, "%s\n", t->name);
            }
        }
        o->done = true;
        return true;
    }
    if (g_str_has_prefix(arg, "vnc=")) {
        return option_vnc(o, arg + strlen("vnc="), error) && set_display(o, "none", "none", error);
    }
    return set_display(o, name, arg, error);
}

static bool add_json_device(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = json_or_options(arg, NULL, error);
    const char *driver = opts ? options_get(opts, "driver") : NULL;

    if (opts && !driver) {
        set_error(error, "Parameter 'driver' is missing");
    }
    if (!driver || !device_type_named(driver, error)) {
        g_prefix_error(error, "-device: ");
        return false;
    }
    g_ptr_array_add(o->devices, g_strdup(arg));
    return true;
}

bool option_device(struct options *o, const char *arg, GError **error)
{
    g_autofree char *name = g_strndup(arg, strcspn(arg, ","));
    const struct device_type *type;
    const char *rest = arg + strlen(name);

    if (is_help(name)) {
        device_print_list(o->output);
        o->done = true;
        return true;
    }
    if (arg[0] == '{') {
        return add_json_device(o, arg, error);
    }
    type = device_type_find(name);
    if (type && (strcmp(rest, ",help") == 0 || strcmp(rest, ",?") == 0)) {
        device_print_help(type, o->output);
        o->done = true;
        return true;
    }
    if (g_str_has_prefix(name, "driver=")) { /* the long form of the same */
        arg += strlen("driver=");
        return option_device(o, arg, error);
    }
    if (!device_type_named(name, error)) {
        g_prefix_error(error, "-device: ");
        return false;
    }
    g_ptr_array_add(o->devices, g_strdup(arg));
    return true;
}

/* The old way to name a few of them. */
bool option_usbdevice(struct options *o, const char *arg, GError **error)
{
    static const struct {
        const char *name, *device;
    } names[] = {
        { "keyboard", "usb-kbd" },
        { "mouse", "usb-mouse" },
        { "tablet", "usb-tablet" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i].name, arg) == 0) {
            o->usb = true;
            g_ptr_array_add(o->devices, g_strdup(names[i].device));
            return true;
        }
    }
    set_error(error,
              "-usbdevice: no device '%s', must be keyboard, mouse or tablet; others by "
              "-device",
              arg);
    return false;
}

bool option_parallel(struct options *o, const char *arg, GError **error)
{
    (void)error;
    g_ptr_array_add(o->parallels, g_strdup(arg));
    return true;
}

/* What -vga names.  device: of -device; NULL with advice: there is none like it. */
static const struct {
    const char *name, *summary, *device, *advice;
} vga_cards[] = {
    { "none", "no graphic card", NULL, NULL },
    { "std", "standard VGA (default)", "VGA", NULL },
    { "cirrus", "Cirrus VGA", "cirrus-vga", NULL },
    { "virtio", "Virtio VGA", "virtio-vga", NULL },
    { "vmware", "VMWare SVGA", NULL,
      "this graphics card is not supported; use -vga std or virtio" },
    { "qxl", "QXL VGA", NULL, "SPICE's graphics card is not supported; use -vga virtio" },
};

static void print_vga_cards(GString *out)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(vga_cards); i++) {
        if (!vga_cards[i].advice) {
            g_string_append_printf(out, "%-20s %s\n", vga_cards[i].name, vga_cards[i].summary);
        }
    }
}

bool option_vga(struct options *o, const char *arg, GError **error)
{
    if (is_help(arg)) {
        print_vga_cards(o->output);
        o->done = true;
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(vga_cards); i++) {
        if (strcmp(vga_cards[i].name, arg) == 0) {
            o->vga_given = true;
            o->vga = vga_cards[i].device;
            if (vga_cards[i].advice) {
                set_error(error, "-vga %s: %s", arg, vga_cards[i].advice);
            }
            return !vga_cards[i].advice;
        }
    }
    set_error(error, "unknown vga type: %s; must be none, std, cirrus or virtio", arg);
    return false;
}
