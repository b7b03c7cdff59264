/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/setup.c: see setup.h.  Monitors come last, so that on a mux the serial port is in focus first.
 * Thread: the program's first, machine lock held.
 */
#include <string.h>
#include "accel/qtest/qtest.h"
#include "block/node.h"
#include "chardev/chardev.h"
#include "cli/options.h"
#include "cli/setup.h"
#include "gdbstub/gdbstub.h"
#include "migration/migration.h"
#include "migration/snapshot.h"
#include "monitor/monitor.h"
#include "monitor/qmp.h"
#include "softmmu/hotplug.h"
#include "softmmu/machine.h"
#include "ui/display.h"
#include "ui/input.h"
#include "ui/vnc.h"
#include "util/error.h"
#include "util/json_pairs.h"
#include "util/log.h"
#include "util/text.h"

/* The character device of -gdb. */
#define GDB_LABEL "gdb"

static void setup_config(struct machine *m, struct options *o)
{
    struct machine_config *c = &m->config;

    c->board = o->board;
    c->ram_size = o->ram_size ? o->ram_size : o->board->default_ram;
    c->cpus = o->cpus;
    c->topology = o->topology;
    c->cpu_model = g_strdup(o->cpu_model);
    c->kernel = g_strdup(o->kernel);
    c->initrd = g_strdup(o->initrd);
    for (unsigned i = 0; i < MAX_PFLASH; i++) {
        c->pflash[i] = g_strdup(o->pflash[i]);
    }
    c->append = g_strdup(o->append);
    c->name = g_strdup(o->name);
    c->pcspk_audiodev = g_strdup(o->pcspk_audiodev);
    c->rtc_base = o->rtc_base;
    c->rtc_localtime = o->rtc_localtime;
    c->snapshot = o->snapshot;
    c->no_reboot = o->no_reboot;
    c->no_shutdown = o->no_shutdown;
    c->panic = o->panic;
    c->watchdog = o->watchdog;
    c->start_paused = o->start_paused;
    m->debugger.one_insn = o->singlestep;
    c->curses = strcmp(o->display->name, "curses") == 0;
    c->has_viewer = o->has_viewer;
    c->no_acpi = o->no_acpi;
    c->no_hpet = o->no_hpet;
    c->no_smm = o->no_smm;
    c->usb = o->usb;
    c->no_pic = o->no_pic;
    c->no_pit = o->no_pit;
    c->no_rtc = o->no_rtc;
    c->no_isa_serial = o->no_isa_serial;
    c->no_fd_bootchk = o->no_fd_bootchk;
    c->mem_prealloc = o->mem_prealloc;
    c->no_mem_merge = !o->mem_merge;
    c->no_dump_guest_core = !o->dump_guest_core;
    c->max_ram_below_4g = o->max_ram_below_4g;
    c->oem_id = g_strdup(o->oem_id);
    c->oem_table_id = g_strdup(o->oem_table_id);
    c->escape = o->escape;
}

/* Character devices --------------------------------------------------------------------------- */

/* "chardev:ID" is one that -chardev made; else a new one with this label. */
static struct chardev *open_chardev(struct machine *m, const char *option, const char *label,
                                    const char *spec, GError **error)
{
    struct chardev *c;

    if (g_str_has_prefix(spec, "chardev:")) {
        c = chardev_find(m, spec + 8);
        if (!c) {
            set_error(error, "%s: there is no -chardev with id '%s'", option, spec + 8);
        }
        return c;
    }
    c = chardev_new(m, label, spec, error);
    if (!c && error) {
        g_prefix_error(error, "%s %s: ", option, spec);
    }
    return c;
}

/* Under -nographic Ctrl-C is the guest's, also where stdio was named explicitly. */
static char *with_signals(const struct options *o, const char *text)
{
    g_autoptr(GPtrArray) opts = parse_options(text, "backend");
    const char *backend = options_get(opts, "backend");

    if (o->nographic && backend && strcmp(backend, "stdio") == 0 && !options_get(opts, "signal")) {
        return g_strconcat(text, ",signal=off", NULL);
    }
    return g_strdup(text);
}

static bool setup_chardevs(struct machine *m, struct options *o, GError **error)
{
    for (unsigned i = 0; i < o->chardevs->len; i++) {
        const char *text = g_ptr_array_index(o->chardevs, i);
        g_autofree char *full = with_signals(o, text);
        g_autoptr(GPtrArray) opts = parse_options(full, "backend");

        if (!chardev_new_options(m, options_get(opts, "backend"), options_get(opts, "id"), opts,
                                 error)) {
            g_prefix_error(error, "-chardev %s: ", text);
            return false;
        }
    }
    return true;
}

static bool setup_serials(struct machine *m, struct options *o, GError **error)
{
    for (unsigned i = 0; i < o->serials->len; i++) {
        const char *spec = g_ptr_array_index(o->serials, i);
        g_autofree char *label = g_strdup_printf("serial%u", i), *full = with_signals(o, spec);

        if (strcmp(spec, "none") == 0) {
            continue;
        }
        m->config.serial[i] = open_chardev(m, "-serial", label, full, error);
        if (!m->config.serial[i]) {
            return false;
        }
    }
    return true;
}

static bool setup_parallels(struct machine *m, struct options *o, GError **error)
{
    for (unsigned i = 0; i < o->parallels->len; i++) {
        const char *spec = g_ptr_array_index(o->parallels, i);
        g_autofree char *label = g_strdup_printf("parallel%u", i);

        if (strcmp(spec, "none") == 0) {
            continue;
        }
        m->config.parallel[i] = open_chardev(m, "-parallel", label, spec, error);
        if (!m->config.parallel[i]) {
            return false;
        }
    }
    return true;
}

/* Monitors ------------------------------------------------------------------------------------ */

static bool add_monitor(struct session *s, struct chardev *c, GError **error)
{
    struct monitor *mon = monitor_new(s->machine, c, error);

    if (mon) {
        g_ptr_array_add(s->monitors, mon);
    }
    return mon != NULL;
}

static bool add_qmp(struct session *s, struct chardev *c, bool pretty, GError **error)
{
    struct qmp_session *q = qmp_session_new(s->machine, c, pretty, error);

    if (q) {
        g_ptr_array_add(s->qmp, q);
    }
    return q != NULL;
}

static bool setup_monitors(struct session *s, struct options *o, GError **error)
{
    struct machine *m = s->machine;

    for (unsigned i = 0; i < o->serials->len; i++) {
        if (g_str_has_prefix(g_ptr_array_index(o->serials, i), "mon:") &&
            !add_monitor(s, m->config.serial[i], error)) {
            return false;
        }
    }
    for (unsigned i = 0; i < o->monitors->len; i++) {
        g_autofree char *label = g_strdup_printf("compat_monitor%u", i);
        const struct monitor_option *mon = g_ptr_array_index(o->monitors, i);
        const char *option = mon->control ? "-qmp" : "-monitor";
        g_autofree char *spec = with_signals(o, mon->chardev);
        struct chardev *c = open_chardev(m, option, label, spec, error);

        if (!c || !(mon->control ? add_qmp(s, c, mon->pretty, error) : add_monitor(s, c, error))) {
            return false;
        }
    }
    return true;
}

/* gdb ----------------------------------------------------------------------------------------- */

static void close_gdbserver(struct machine *m)
{
    struct chardev *c = m->gdbstub ? gdbstub_chardev(m->gdbstub) : NULL;

    gdbstub_free(m->gdbstub);
    if (c && strcmp(chardev_label(c), GDB_LABEL) == 0) { /* it was made for this */
        chardev_free(c);
    }
}

/* A port is one that gdb connects to; packets are small and wait for each other. */
static char *gdb_chardev_spec(const char *device)
{
    return g_str_has_prefix(device, "tcp:")
               ? g_strconcat(device, ",server=on,wait=off,nodelay=on", NULL)
               : g_strdup(device);
}

static bool set_gdbserver(struct machine *m, const char *device, GError **error)
{
    g_autofree char *spec = gdb_chardev_spec(device);
    struct chardev *c;

    if (m->gdbstub && gdbstub_is_busy(m->gdbstub)) {
        set_error(error, "gdbserver: gdb itself asks for it; use another monitor");
        return false;
    }
    close_gdbserver(m);
    if (strcmp(device, "none") == 0) {
        return true;
    }
    c = open_chardev(m, "-gdb", GDB_LABEL, spec, error);
    if (!c) {
        return false;
    }
    if (!gdbstub_new(m, c, error)) {
        if (strcmp(chardev_label(c), GDB_LABEL) == 0) {
            chardev_free(c);
        }
        return false;
    }
    return true;
}

static bool setup_gdb(struct machine *m, struct options *o, GError **error)
{
    m->set_gdbserver = set_gdbserver;
    return !o->gdb || set_gdbserver(m, o->gdb, error);
}

/* Tests --------------------------------------------------------------------------------------- */

static bool setup_qtest(struct session *s, struct options *o, GError **error)
{
    struct chardev *c =
        o->qtest ? open_chardev(s->machine, "-qtest", "qtest", o->qtest, error) : NULL;

    if (!c) {
        return !o->qtest;
    }
    s->qtest = qtest_new(s->machine, c, o->qtest_log, error);
    return s->qtest != NULL;
}

/* Devices ------------------------------------------------------------------------------------- */

/* A misspelt -global is a warning, as users of QEMU expect. */
static void setup_globals(struct machine *m, struct options *o)
{
    for (unsigned i = 0; i < o->globals->len; i++) {
        const char *text = g_ptr_array_index(o->globals, i);
        const char *dot = strchr(text, '.'), *equals = strchr(text, '=');
        g_autofree char *driver = NULL, *prop = NULL;
        const struct device_type *type;

        /* The last dot before the value: cfi.pflash01.secure=on. */
        for (const char *p = dot; p && p < equals; p = strchr(p + 1, '.')) {
            dot = p;
        }
        driver = g_strndup(text, (size_t)(dot - text));
        prop = g_strndup(dot + 1, (size_t)(equals - dot - 1));
        type = device_type_find(driver);
        if (type) {
            device_add_global(m, type->name, prop, equals + 1);
        } else {
            report_warning("global %s.%s has invalid class name", driver, prop);
        }
    }
}

static void warn_of_unused_globals(const struct machine *m)
{
    for (unsigned i = 0; i < m->globals->len; i++) {
        const struct device_global *g = g_ptr_array_index(m->globals, i);

        if (!g->used) {
            report_warning("global %s.%s=%s not used", g->driver, g->prop, g->value);
        }
    }
}

static bool add_device(struct machine *m, const char *text, GError **error)
{
    g_autoptr(GPtrArray) opts = json_or_options(text, "driver", error);

    if (!opts || !device_add(m, opts, DEVICE_COLD, error)) {
        g_prefix_error(error, "-device %s: ", text);
        return false;
    }
    return true;
}

/* -debugcon CHARDEV: "isa-debugcon" as by -device, which -global reaches. */
static bool setup_debugcons(struct machine *m, struct options *o, GError **error)
{
    for (unsigned i = 0; i < o->debugcons->len; i++) {
        g_autofree char *label = g_strdup_printf("debugcon%u", i);
        struct chardev *c =
            open_chardev(m, "-debugcon", label, g_ptr_array_index(o->debugcons, i), error);

        if (!c) {
            return false;
        }
        g_ptr_array_add(o->devices, g_strdup_printf("isa-debugcon,chardev=%s", chardev_label(c)));
    }
    return true;
}

static bool setup_devices(struct machine *m, struct options *o, GError **error)
{
    for (unsigned i = 0; i < o->devices->len; i++) {
        if (!add_device(m, g_ptr_array_index(o->devices, i), error)) {
            return false;
        }
    }
    warn_of_unused_globals(m);
    return true;
}

/* Passwords end at the first NUL. */
static char *find_secret(struct machine *m, const char *id)
{
    size_t len;
    const void *data = block_graph_secret(block_graph_of(m), id, &len);

    return data ? g_strndup(data, len) : NULL;
}

/* Clients are let in from now on. */
static bool setup_vncs(struct machine *m, struct options *o, GError **error)
{
    for (unsigned i = 0; i < o->vncs->len; i++) {
        if (!vnc_open(m, g_ptr_array_index(o->vncs, i), error)) {
            return false;
        }
    }
    return true;
}

/* The engine may have none. */
static bool check_smm(const struct machine *m, const struct options *o, GError **error)
{
    if (o->smm_on && m->config.no_smm) {
        set_error(
            error,
            "-machine smm=on: this kernel's KVM has no system-management mode; use smm=auto, or "
            "-accel tcg");
        return false;
    }
    return true;
}

static bool begin_engine(struct machine *m, struct options *o, GError **error)
{
    if (!accel_setup(m, o, error)) {
        return false;
    }
    if (g_str_has_prefix(m->config.accel, qtest_vcpu_ops.name)) {
        clock_virtual_manual(m);
    }
    return true;
}

bool session_setup(struct session *s, struct options *o, GError **error)
{
    struct machine *m = s->machine;

    s->monitors = g_ptr_array_new_with_free_func((GDestroyNotify)monitor_free);
    s->qmp = g_ptr_array_new_with_free_func((GDestroyNotify)qmp_session_free);
    setup_config(m, o);
    m->describe_options = options_describe;
    m->find_secret = find_secret;
    setup_globals(m, o);
    if (o->only_migratable) {
        block_only_migratable(m);
    }
    if (o->incoming) {
        migration_expect(m);
    }
    return fds_setup(o, error) && begin_engine(m, o, error) &&
           (!o->layout || input_set_layout(m, o->layout, error)) &&
           objects_setup(m, o, true, error) && setup_chardevs(m, o, error) &&
           setup_serials(m, o, error) && setup_parallels(m, o, error) &&
           drives_setup(m, o, error) && memory_setup(m, o, error) && net_setup(m, o, error) &&
           audio_setup(m, o, error) && tpm_setup(m, o, error) && firmware_setup(m, o, error) &&
           m->config.board->init(m, error) && check_smm(m, o, error) && drives_check(m, error) &&
           drives_add_devices(m, o, error) && net_add_devices(m, o, error) &&
           setup_debugcons(m, o, error) && setup_devices(m, o, error) && setup_qtest(s, o, error) &&
           setup_monitors(s, o, error) && setup_gdb(m, o, error) && setup_vncs(m, o, error);
}

bool session_show(struct session *s, const struct options *o, GError **error)
{
    s->display_type = o->display;
    if (!o->display->open) {
        return true;
    }
    s->display = o->display->open(s->machine, o->display_opts, error);
    return s->display != NULL;
}

/* The guest waits until the state that it begins with is there. */
bool session_start(struct session *s, const struct options *o, GError **error)
{
    struct machine *m = s->machine;
    bool elsewhere = o->loadvm || o->incoming;

    m->config.start_paused |= elsewhere;
    if (!machine_start(m, error)) {
        return false;
    }
    m->config.start_paused = o->start_paused;
    if (o->incoming) {
        machine_set_run_state(m, RUN_STATE_INMIGRATE);
        return strcmp(o->incoming, "defer") == 0 || migration_incoming(m, o->incoming, -1, error);
    }
    if (o->loadvm && !snapshot_load(m, o->loadvm, NULL, error)) {
        return false;
    }
    if (m->run_state == RUN_STATE_PRELAUNCH && !o->start_paused) {
        machine_set_run_state(m, RUN_STATE_RUNNING);
    }
    return true;
}

void session_clear(struct session *s)
{
    if (s->display) {
        s->display_type->close(s->display);
        s->display = NULL;
    }
    vnc_close_all(s->machine);
    gdbstub_free(s->machine->gdbstub);
    qtest_free(s->qtest);
    s->qtest = NULL;
    chardev_flush_all(s->machine);
    g_clear_pointer(&s->monitors, g_ptr_array_unref);
    g_clear_pointer(&s->qmp, g_ptr_array_unref);
}
