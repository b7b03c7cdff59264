/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/device_options.c: options that add devices and say where their bytes go.
 * Thread: the program's first.
 */
#include <string.h>
#include "chardev/chardev.h"
#include "cli/options.h"
#include "softmmu/hotplug.h"
#include "ui/curses.h"
#include "util/error.h"
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

bool option_monitor(struct options *o, const char *arg, GError **error)
{
    (void)error;
    o->monitor_given = true;
    if (strcmp(arg, "none") != 0) {
        g_ptr_array_add(o->monitors, g_strdup(arg));
    }
    return true;
}

bool option_mon(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "chardev");
    const char *id = options_get(opts, "chardev"), *mode = options_get(opts, "mode");

    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (strcmp(p->key, "chardev") != 0 && strcmp(p->key, "mode") != 0) {
            set_error(error, "-mon: no property '%s'; it takes: chardev, mode", p->key);
            return false;
        }
    }
    if (!id) {
        set_error(error, "-mon: chardev=ID is missing");
        return false;
    }
    if (mode && strcmp(mode, "readline") != 0) {
        set_error(error, "-mon: mode is '%s', only readline is supported yet", mode);
        return false;
    }
    o->monitor_given = true;
    g_ptr_array_add(o->monitors, g_strdup_printf("chardev:%s", id));
    return true;
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

bool option_curses(struct options *o, const char *arg, GError **error)
{
    (void)arg;
    (void)error;
    o->curses = true;
    o->display_none = false;
    return true;
}

/* "curses[,charset=CP437]": the only one that there is. */
static bool display_curses(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "type");

    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (strcmp(p->key, "type") != 0 &&
            (strcmp(p->key, "charset") != 0 || g_ascii_strcasecmp(p->value, "CP437") != 0)) {
            set_error(error, "-display curses: %s=%s is not supported; it takes: charset=CP437",
                      p->key, p->value);
            return false;
        }
    }
    return option_curses(o, NULL, error);
}

bool option_display(struct options *o, const char *arg, GError **error)
{
    if (is_help(arg)) {
        g_string_append(o->output, "Available display backend types:\nnone\n");
        g_string_append(o->output, curses_available() ? "curses\n" : "");
        o->done = true;
        return true;
    }
    if (strcmp(arg, "curses") == 0 || g_str_has_prefix(arg, "curses,")) {
        return display_curses(o, arg, error);
    }
    if (strcmp(arg, "none") != 0) {
        set_error(error,
                  "-display %s: windows are not supported yet; use -display curses, -display "
                  "none or -nographic",
                  arg);
        return false;
    }
    o->display_none = true;
    o->curses = false;
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

/* Options that accept a few words which mean "nothing". */
static bool only(const char *option, const char *arg, const char *const *words, const char *advice,
                 GError **error)
{
    for (; *words; words++) {
        if (strcmp(*words, arg) == 0) {
            return true;
        }
    }
    set_error(error, "%s %s: %s", option, arg, advice);
    return false;
}

static const char *const none_words[] = { "none", NULL };
static const char *const none_null_words[] = { "none", "null", NULL };

bool option_parallel(struct options *o, const char *arg, GError **error)
{
    (void)o;
    return only("-parallel", arg, none_null_words,
                "parallel ports are not supported yet; use -parallel none", error);
}

bool option_vga(struct options *o, const char *arg, GError **error)
{
    o->vga_given = true;
    o->vga_std = strcmp(arg, "std") == 0;
    return o->vga_std || only("-vga", arg, none_words,
                              "this graphics card is not supported yet; use -vga std", error);
}
