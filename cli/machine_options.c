/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/machine_options.c: options that describe the machine: -machine -cpu -smp -rtc ...
 * Thread: the program's first.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include "cli/options.h"
#include "softmmu/machine.h"
#include "target/i386/cpu.h"
#include "util/error.h"
#include "util/text.h"

static bool is_help(const char *text)
{
    return strcmp(text, "help") == 0 || strcmp(text, "?") == 0;
}

/* -machine ------------------------------------------------------------------------------------ */

static const char *board_name(void *opaque, unsigned i)
{
    (void)opaque;
    return board_types[i] ? board_types[i]->name : NULL;
}

static const char *board_alias(void *opaque, unsigned i)
{
    (void)opaque;
    /* closest_names stops at NULL: a board without an alias counts by its name. */
    return !board_types[i]         ? NULL
           : board_types[i]->alias ? board_types[i]->alias
                                   : board_types[i]->name;
}

static void print_boards(GString *out)
{
    g_string_append(out, "Supported machines are:\n");
    for (unsigned i = 0; board_types[i]; i++) {
        const struct board_type *b = board_types[i];

        if (b->alias) {
            g_string_append_printf(out, "%-20s %s (alias of %s)\n", b->alias, b->description,
                                   b->name);
        }
        g_string_append_printf(out, "%-20s %s%s\n", b->name, b->description,
                               b->is_default ? " (default)" : "");
    }
}

static bool find_board(struct options *o, const char *name, GError **error)
{
    g_autofree char *names = NULL, *aliases = NULL;

    for (unsigned i = 0; board_types[i]; i++) {
        const struct board_type *b = board_types[i];

        if (strcmp(b->name, name) == 0 || (b->alias && strcmp(b->alias, name) == 0)) {
            o->board = b;
            return true;
        }
    }
    aliases = closest_names(name, board_alias, NULL);
    names = closest_names(name, board_name, NULL);
    if (aliases || names) {
        set_error(error, "unsupported machine type '%s'; closest: %s", name,
                  aliases ? aliases : names);
    } else {
        set_error(error, "unsupported machine type '%s'; -machine help lists all", name);
    }
    return false;
}

static bool machine_type(struct options *o, const char *value, GError **error)
{
    if (is_help(value)) {
        print_boards(o->output);
        o->done = true;
        return true;
    }
    return find_board(o, value, error);
}

/* "kvm:tcg": the first that can be used. */
static bool machine_accel(struct options *o, const char *value, GError **error)
{
    g_auto(GStrv) names = g_strsplit(value, ":", -1);

    for (unsigned i = 0; names[i]; i++) {
        if (!option_accel(o, names[i], error)) {
            return false;
        }
    }
    return true;
}

static bool set_switch(bool *off, const char *key, const char *value, GError **error)
{
    bool on;

    if (!parse_bool(value, &on)) {
        set_error(error, "-machine: %s is '%s', must be on or off", key, value);
        return false;
    }
    *off = !on;
    return true;
}

static bool machine_acpi(struct options *o, const char *value, GError **error)
{
    return set_switch(&o->no_acpi, "acpi", value, error);
}

static bool machine_pic(struct options *o, const char *value, GError **error)
{
    return set_switch(&o->no_pic, "pic", value, error);
}

static bool machine_pit(struct options *o, const char *value, GError **error)
{
    return set_switch(&o->no_pit, "pit", value, error);
}

static bool machine_rtc(struct options *o, const char *value, GError **error)
{
    return set_switch(&o->no_rtc, "rtc", value, error);
}

static bool machine_isa_serial(struct options *o, const char *value, GError **error)
{
    return set_switch(&o->no_isa_serial, "isa-serial", value, error);
}

static bool machine_hpet(struct options *o, const char *value, GError **error)
{
    return set_switch(&o->no_hpet, "hpet", value, error);
}

static bool machine_usb(struct options *o, const char *value, GError **error)
{
    bool off;

    if (!set_switch(&off, "usb", value, error)) {
        return false;
    }
    o->usb = !off;
    return true;
}

static bool machine_pflash0(struct options *o, const char *value, GError **error)
{
    (void)error;
    g_free(o->pflash[0]);
    o->pflash[0] = g_strdup(value);
    return true;
}

static bool machine_pflash1(struct options *o, const char *value, GError **error)
{
    (void)error;
    g_free(o->pflash[1]);
    o->pflash[1] = g_strdup(value);
    return true;
}

static bool machine_pcspk_audiodev(struct options *o, const char *value, GError **error)
{
    (void)error;
    g_free(o->pcspk_audiodev);
    o->pcspk_audiodev = g_strdup(value);
    return true;
}

static bool machine_smm(struct options *o, const char *value, GError **error)
{
    o->smm_on = strcmp(value, "on") == 0;
    return set_switch(&o->no_smm, "smm", strcmp(value, "auto") == 0 ? "on" : value, error);
}

/* Features that are not there: off is what is. */
static bool machine_must_be_off(struct options *o, const char *value, GError **error)
{
    bool off;

    (void)o;
    if (!set_switch(&off, "the property", value, error)) {
        return false;
    }
    if (!off) {
        set_error(error, "-machine: vmport and graphics are not supported yet, only off");
    }
    return off;
}

static const struct machine_property {
    const char *name;
    option_fn *run;
} machine_properties[] = {
    /* clang-format off */
    { "type",     machine_type },
    { "accel",    machine_accel },
    { "acpi",     machine_acpi },
    { "hpet",     machine_hpet },
    { "pic",      machine_pic },
    { "pit",      machine_pit },
    { "rtc",      machine_rtc },
    { "isa-serial", machine_isa_serial },
    { "pflash0",  machine_pflash0 },
    { "pflash1",  machine_pflash1 },
    { "usb",      machine_usb },
    { "pcspk-audiodev", machine_pcspk_audiodev },
    { "vmport",   machine_must_be_off },
    { "smm",      machine_smm },
    { "graphics", machine_must_be_off },
    { "kernel",   option_kernel },
    { "initrd",   option_initrd },
    { "append",   option_append },
    { "firmware", option_bios },
    { "memory-backend", machine_memory_backend },
    { "mem-merge", machine_mem_merge },
    { "dump-guest-core", machine_dump_guest_core },
    { "fd-bootchk", machine_fd_bootchk },
    { "max-ram-below-4g", machine_max_ram_below_4g },
    { "i8042",    machine_i8042 },
    { "sata",     machine_sata },
    { "smbus",    machine_smbus },
    { "nvdimm",   machine_nvdimm },
    { "hmat",     machine_hmat },
    { "default-bus-bypass-iommu", machine_bypass_iommu },
    { "suppress-vmdesc", machine_suppress_vmdesc },
    { "memory-encryption", machine_memory_encryption },
    { "kernel-irqchip", machine_kernel_irqchip },
    { "kernel_irqchip", machine_kernel_irqchip },
    { "x-oem-id", machine_oem_id },
    { "x-oem-table-id", machine_oem_table_id },
    { 0 }
    /* clang-format on */
};

static const char *machine_property_name(void *opaque, unsigned i)
{
    (void)opaque;
    return machine_properties[i].name;
}

const char *machine_option_name(unsigned i)
{
    return machine_properties[i].name;
}

static bool set_machine_property(struct options *o, const struct option_pair *p, GError **error)
{
    g_autofree char *closest = NULL;

    for (unsigned i = 0; machine_properties[i].name; i++) {
        if (strcmp(machine_properties[i].name, p->key) == 0) {
            return machine_properties[i].run(o, p->value, error);
        }
    }
    closest = closest_names(p->key, machine_property_name, NULL);
    set_error(error, "-machine: no property '%s'%s%s", p->key, closest ? "; closest: " : "",
              closest ? closest : "");
    return false;
}

bool option_machine(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "type");

    for (unsigned i = 0; i < opts->len && !o->done; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (!machine_is_nested(p->key) && !set_machine_property(o, p, error)) {
            return false;
        }
    }
    return o->done || machine_nested(o, opts, error);
}

/* -cpu, -smp ---------------------------------------------------------------------------------- */

bool option_cpu(struct options *o, const char *arg, GError **error)
{
    (void)error;
    if (is_help(arg)) {
        cpu_model_print_list(o->output);
        o->done = true;
        return true;
    }
    g_free(o->cpu_model);
    o->cpu_model = g_strdup(arg);
    return true;
}

enum { SMP_CPUS, SMP_SOCKETS, SMP_DIES, SMP_CORES, SMP_THREADS, SMP_MAX, SMP_CLUSTERS, SMP_KEYS };

static bool parse_smp(const char *arg, uint64_t values[SMP_KEYS], GError **error)
{
    static const char *const keys[SMP_KEYS] = {
        "cpus", "sockets", "dies", "cores", "threads", "maxcpus", "clusters",
    };
    g_autoptr(GPtrArray) opts = parse_options(arg, "cpus");

    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);
        unsigned k = 0;

        while (k < SMP_KEYS && strcmp(keys[k], p->key) != 0) {
            k++;
        }
        if (k == SMP_KEYS) {
            set_error(error,
                      "-smp: no property '%s'; it takes: cpus, sockets, dies, cores, "
                      "threads, maxcpus, clusters",
                      p->key);
            return false;
        }
        if (!parse_uint(p->value, 1, 4096, &values[k])) {
            set_error(error, "-smp: %s is '%s', must be 1 to 4096", p->key, p->value);
            return false;
        }
    }
    return true;
}

/* What is not given follows from the rest: cores first, then sockets, then threads. */
static void complete_smp(uint64_t v[SMP_KEYS])
{
    uint64_t max = v[SMP_MAX] ? v[SMP_MAX] : v[SMP_CPUS];

    v[SMP_DIES] = MAX(v[SMP_DIES], 1);
    if (!max) {
        v[SMP_CORES] = MAX(v[SMP_CORES], 1);
    }
    if (!v[SMP_CORES]) {
        v[SMP_SOCKETS] = MAX(v[SMP_SOCKETS], 1);
        v[SMP_THREADS] = MAX(v[SMP_THREADS], 1);
        v[SMP_CORES] = MAX(max / (v[SMP_SOCKETS] * v[SMP_DIES] * v[SMP_THREADS]), 1);
    } else if (!v[SMP_SOCKETS]) {
        v[SMP_THREADS] = MAX(v[SMP_THREADS], 1);
        v[SMP_SOCKETS] = MAX(max / (v[SMP_DIES] * v[SMP_CORES] * v[SMP_THREADS]), 1);
    }
    if (!v[SMP_THREADS]) {
        v[SMP_THREADS] = MAX(max / (v[SMP_SOCKETS] * v[SMP_DIES] * v[SMP_CORES]), 1);
    }
    v[SMP_MAX] = max ? max : v[SMP_SOCKETS] * v[SMP_DIES] * v[SMP_CORES] * v[SMP_THREADS];
    v[SMP_CPUS] = v[SMP_CPUS] ? v[SMP_CPUS] : v[SMP_MAX];
}

bool option_smp(struct options *o, const char *arg, GError **error)
{
    uint64_t v[SMP_KEYS] = { 0 };

    if (!parse_smp(arg, v, error)) {
        return false;
    }
    if (v[SMP_CLUSTERS] > 1) {
        set_error(error, "-smp: clusters not supported by this machine's CPU topology");
        return false;
    }
    complete_smp(v);
    if (v[SMP_SOCKETS] * v[SMP_DIES] * v[SMP_CORES] * v[SMP_THREADS] != v[SMP_MAX]) {
        set_error(error,
                  "-smp %s: sockets (%" PRIu64 ") * dies (%" PRIu64 ") * cores (%" PRIu64
                  ") * threads (%" PRIu64 ") must be maxcpus (%" PRIu64 ")",
                  arg, v[SMP_SOCKETS], v[SMP_DIES], v[SMP_CORES], v[SMP_THREADS], v[SMP_MAX]);
        return false;
    }
    if (v[SMP_CPUS] > v[SMP_MAX]) {
        set_error(error, "-smp %s: maxcpus is %" PRIu64 ", must be at least cpus (%" PRIu64 ")",
                  arg, v[SMP_MAX], v[SMP_CPUS]);
        return false;
    }
    o->cpus = (unsigned)v[SMP_CPUS];
    o->topology = (struct cpu_topology){
        .max_cpus = (unsigned)v[SMP_MAX],
        .sockets = (unsigned)v[SMP_SOCKETS],
        .dies = (unsigned)v[SMP_DIES],
        .cores = (unsigned)v[SMP_CORES],
        .threads = (unsigned)v[SMP_THREADS],
    };
    return true;
}

/* -rtc, -action, -global ----------------------------------------------------------------------- */

/* "2006-06-17" or "2006-06-17T16:01:21", in UTC. */
static bool rtc_base(struct options *o, const char *text, GError **error)
{
    struct tm tm = { 0 };
    const char *end;
    int day;

    o->rtc_base = INT64_MIN;
    o->rtc_localtime = false;
    if (strcmp(text, "utc") == 0) {
        return true;
    }
    if (strcmp(text, "localtime") == 0) {
        o->rtc_localtime = true;
        return true;
    }
    end = strptime(text, "%Y-%m-%d", &tm);
    if (end && *end == 'T') {
        end = strptime(end, "T%H:%M:%S", &tm);
    }
    if (!end || *end || tm.tm_year < 70) {
        set_error(error,
                  "-rtc: base is '%s', must be utc, localtime, YYYY-MM-DD or "
                  "YYYY-MM-DDTHH:MM:SS",
                  text);
        return false;
    }
    day = tm.tm_mday;
    o->rtc_base = timegm(&tm);
    if (tm.tm_mday != day) { /* timegm makes March of February 30 */
        set_error(error, "-rtc: base is '%s', which is no day of the calendar", text);
        return false;
    }
    return true;
}

struct choice {
    const char *key, *value;
    bool (*set)(struct options *o);
};

/* "key=value,..." where rows list what is accepted. */
static bool choose(struct options *o, const char *option, const struct choice *rows,
                   const struct option_pair *p, GError **error)
{
    g_autoptr(GString) allowed = g_string_new(NULL);

    for (; rows->key; rows++) {
        if (strcmp(rows->key, p->key) != 0) {
            continue;
        }
        if (strcmp(rows->value, p->value) == 0) {
            return !rows->set || rows->set(o);
        }
        g_string_append_printf(allowed, "%s%s", allowed->len ? ", " : "", rows->value);
    }
    if (allowed->len) {
        set_error(error, "%s: %s=%s is not supported; it can be: %s", option, p->key, p->value,
                  allowed->str);
    } else {
        set_error(error, "%s: no property '%s'", option, p->key);
    }
    return false;
}

static bool clock_is_vm(struct options *o)
{
    options_warn(o, "-rtc clock=rt: the clock stops while the machine does, as with clock=vm");
    return true;
}

static bool drift_is_not_fixed(struct options *o)
{
    options_warn(o,
                 "-rtc driftfix=slew has no effect: periodic interrupts that the guest misses are "
                 "not sent again");
    return true;
}

bool option_rtc(struct options *o, const char *arg, GError **error)
{
    static const struct choice rows[] = {
        { "clock", "host", NULL },
        { "clock", "vm", NULL }, /* the virtual clock is what it runs on */
        { "clock", "rt", clock_is_vm },
        { "driftfix", "none", NULL },
        { "driftfix", "slew", drift_is_not_fixed },
        { 0 },
    };
    g_autoptr(GPtrArray) opts = parse_options(arg, "base");

    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (strcmp(p->key, "base") == 0 ? !rtc_base(o, p->value, error)
                                        : !choose(o, "-rtc", rows, p, error)) {
            return false;
        }
    }
    return true;
}

static bool reboot_leaves(struct options *o)
{
    return o->no_reboot = true;
}

static bool reboot_resets(struct options *o)
{
    return !(o->no_reboot = false);
}

static bool shutdown_pauses(struct options *o)
{
    return o->no_shutdown = true;
}

static bool shutdown_leaves(struct options *o)
{
    return !(o->no_shutdown = false);
}

static bool panic_shuts_down(struct options *o)
{
    o->panic = PANIC_ACTION_SHUTDOWN;
    return true;
}

static bool panic_pauses(struct options *o)
{
    o->panic = PANIC_ACTION_PAUSE;
    return true;
}

static bool panic_fails(struct options *o)
{
    o->panic = PANIC_ACTION_EXIT_FAILURE;
    return true;
}

static bool panic_is_ignored(struct options *o)
{
    o->panic = PANIC_ACTION_NONE;
    return true;
}

static bool set_watchdog(struct options *o, const char *option, const char *value, GError **error)
{
    g_autoptr(GString) allowed = g_string_new(NULL);

    for (unsigned i = 0; i < WATCHDOG_ACTION_COUNT; i++) {
        if (strcmp(watchdog_action_names[i], value) == 0) {
            o->watchdog = i;
            return true;
        }
        g_string_append_printf(allowed, "%s%s", i ? ", " : "", watchdog_action_names[i]);
    }
    set_error(error, "%s%s is not supported; it can be: %s", option, value, allowed->str);
    return false;
}

bool option_watchdog_action(struct options *o, const char *arg, GError **error)
{
    return set_watchdog(o, "-watchdog-action: ", arg, error);
}

bool option_action(struct options *o, const char *arg, GError **error)
{
    static const struct choice rows[] = {
        { "reboot", "reset", reboot_resets },
        { "reboot", "shutdown", reboot_leaves },
        { "shutdown", "poweroff", shutdown_leaves },
        { "shutdown", "pause", shutdown_pauses },
        { "panic", "shutdown", panic_shuts_down },
        { "panic", "pause", panic_pauses },
        { "panic", "exit-failure", panic_fails },
        { "panic", "none", panic_is_ignored },
        { 0 },
    };
    g_autoptr(GPtrArray) opts = parse_options(arg, NULL);

    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (strcmp(p->key, "watchdog") == 0
                ? !set_watchdog(o, "-action: watchdog=", p->value, error)
                : !choose(o, "-action", rows, p, error)) {
            return false;
        }
    }
    return true;
}

bool option_global(struct options *o, const char *arg, GError **error)
{
    const char *dot = strchr(arg, '.'), *equals = strchr(arg, '=');
    g_autoptr(GPtrArray) opts = NULL;

    if (dot && equals && dot < equals) {
        g_ptr_array_add(o->globals, g_strdup(arg));
        return true;
    }
    opts = parse_options(arg, NULL);
    if (!options_get(opts, "driver") || !options_get(opts, "property") ||
        !options_get(opts, "value")) {
        set_error(error,
                  "-global '%s': must be DEVICE.PROP=VALUE, or "
                  "driver=DEVICE,property=PROP,value=VALUE",
                  arg);
        return false;
    }
    g_ptr_array_add(o->globals,
                    g_strdup_printf("%s.%s=%s", options_get(opts, "driver"),
                                    options_get(opts, "property"), options_get(opts, "value")));
    return true;
}
