/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/cpu_options.c: the options of -cpu that are no features: check and enforce, and what
 * CPUID says of vendor, family and levels.
 *
 * Thread: the one that builds the machine.
 */
#include "target/i386/cpu_request.h"
#include <inttypes.h>
#include <string.h>
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

struct cpu_option {
    const char *name;
    bool (*set)(struct x86_cpu *cpu, struct cpu_request *r, const struct cpu_option *o,
                const char *value, GError **error);
    uint64_t min, max; /* of a number */
    bool engine;       /* without one it has no effect */
};

static bool set_bool(const struct cpu_option *o, const char *value, bool *out, GError **error)
{
    if (!parse_bool(value, out)) {
        set_error(error, "-cpu: %s is '%s', must be on or off", o->name, value);
        return false;
    }
    return true;
}

static bool set_number(const struct cpu_option *o, const char *value, uint64_t *out, GError **error)
{
    if (!parse_uint(value, o->min, o->max, out)) {
        set_error(error, "-cpu: %s is '%s', must be %" PRIu64 " to %" PRIu64, o->name, value,
                  o->min, o->max);
        return false;
    }
    return true;
}

static bool set_check(struct x86_cpu *cpu, struct cpu_request *r, const struct cpu_option *o,
                      const char *value, GError **error)
{
    bool on = false, ok = set_bool(o, value, &on, error);

    (void)cpu;
    r->quiet = !on;
    return ok;
}

static bool set_enforce(struct x86_cpu *cpu, struct cpu_request *r, const struct cpu_option *o,
                        const char *value, GError **error)
{
    (void)cpu;
    return set_bool(o, value, &r->enforce, error);
}

static bool set_phys_bits(struct x86_cpu *cpu, struct cpu_request *r, const struct cpu_option *o,
                          const char *value, GError **error)
{
    uint64_t n = cpu->phys_bits;

    if (strcmp(value, "0") != 0 && !set_number(o, value, &n, error)) { /* 0: as it would be */
        return false;
    }
    cpu->phys_bits = (unsigned)n;
    r->phys_bits = strcmp(value, "0") != 0;
    return true;
}

static bool set_tsc(struct x86_cpu *cpu, struct cpu_request *r, const struct cpu_option *o,
                    const char *value, GError **error)
{
    (void)r;
    return set_number(o, value, &cpu->tsc_hz, error);
}

static bool set_signature(struct x86_cpu *cpu, struct cpu_request *r, const struct cpu_option *o,
                          const char *value, GError **error)
{
    struct cpu_model *m = &r->own->model;
    unsigned *field = o->name[0] == 'f' ? &m->family : o->name[0] == 'm' ? &m->model : &m->stepping;
    uint64_t n;

    (void)cpu;
    if (!set_number(o, value, &n, error)) {
        return false;
    }
    *field = (unsigned)n;
    return true;
}

static bool set_level(struct x86_cpu *cpu, struct cpu_request *r, const struct cpu_option *o,
                      const char *value, GError **error)
{
    bool extended = strstr(o->name, "xlevel"), at_least = g_str_has_prefix(o->name, "min");
    uint32_t *field = extended ? &r->own->model.xlevel : &r->own->model.level;
    uint64_t n;

    (void)cpu;
    if (!set_number(o, value, &n, error)) {
        return false;
    }
    *field = at_least ? MAX(*field, (uint32_t)n) : (uint32_t)n;
    if (!at_least) {
        *(extended ? &r->xlevel : &r->level) = true;
    }
    return true;
}

static bool set_vendor(struct x86_cpu *cpu, struct cpu_request *r, const struct cpu_option *o,
                       const char *value, GError **error)
{
    (void)cpu;
    if (strlen(value) != 12) {
        set_error(error, "-cpu: %s is '%s', must have 12 characters", o->name, value);
        return false;
    }
    g_strlcpy(r->own->vendor, value, sizeof(r->own->vendor));
    r->own->model.vendor = r->own->vendor;
    return true;
}

static bool set_brand(struct x86_cpu *cpu, struct cpu_request *r, const struct cpu_option *o,
                      const char *value, GError **error)
{
    (void)cpu;
    if (strlen(value) >= sizeof(r->own->brand)) {
        set_error(error, "-cpu: %s has %zu characters, must have at most 48", o->name,
                  strlen(value));
        return false;
    }
    g_strlcpy(r->own->brand, value, sizeof(r->own->brand));
    r->own->model.brand = r->own->brand;
    return true;
}

static bool set_l3_cache(struct x86_cpu *cpu, struct cpu_request *r, const struct cpu_option *o,
                         const char *value, GError **error)
{
    bool on;

    (void)cpu;
    if (!parse_bool(value, &on)) {
        set_error(error, "-cpu: %s is '%s', must be on or off", o->name, value);
        return false;
    }
    r->own->model.no_l3_cache = !on;
    return true;
}

/* Of an engine that has them (cpu_support.h). ------------------------------------------------- */

static bool set_kvm(struct x86_cpu *cpu, struct cpu_request *r, const struct cpu_option *o,
                    const char *value, GError **error)
{
    bool on = true, ok = set_bool(o, value, &on, error);

    (void)cpu;
    r->own->paravirt.no_kvm = !on;
    return ok;
}

static bool set_pmu(struct x86_cpu *cpu, struct cpu_request *r, const struct cpu_option *o,
                    const char *value, GError **error)
{
    (void)cpu;
    if (!set_bool(o, value, &r->own->paravirt.pmu, error)) {
        return false;
    }
    if (r->own->paravirt.pmu && !r->support->has_pmu) {
        set_error(error, "-cpu: pmu=on is not supported by this host: its KVM shows no counters "
                         "(CPUID.0AH)");
        return false;
    }
    return true;
}

static bool set_migratable(struct x86_cpu *cpu, struct cpu_request *r, const struct cpu_option *o,
                           const char *value, GError **error)
{
    bool on;

    (void)cpu, (void)r;
    return set_bool(o, value, &on, error); /* cpu_model.c has looked at it before */
}

static bool set_host_phys_bits(struct x86_cpu *cpu, struct cpu_request *r,
                               const struct cpu_option *o, const char *value, GError **error)
{
    (void)cpu;
    if (!set_bool(o, value, &r->host_phys_bits, error)) {
        return false;
    }
    r->own_phys_bits = !r->host_phys_bits;
    return true;
}

static bool set_phys_bits_limit(struct x86_cpu *cpu, struct cpu_request *r,
                                const struct cpu_option *o, const char *value, GError **error)
{
    (void)cpu;
    return set_number(o, value, &r->phys_bits_limit, error);
}

static bool set_host_caches(struct x86_cpu *cpu, struct cpu_request *r, const struct cpu_option *o,
                            const char *value, GError **error)
{
    (void)cpu;
    return set_bool(o, value, &r->own->paravirt.host_caches, error);
}

static bool set_enforce_kvm(struct x86_cpu *cpu, struct cpu_request *r, const struct cpu_option *o,
                            const char *value, GError **error)
{
    (void)cpu;
    if (!set_bool(o, value, &r->own->paravirt.enforce_kvm, error)) {
        return false;
    }
    if (r->own->paravirt.enforce_kvm && !r->support->has_enforce) {
        set_error(error, "-cpu: kvm-pv-enforce-cpuid=on is not supported by the kernel's KVM: "
                         "Linux has it since 5.10");
        return false;
    }
    return true;
}

/* clang-format off */
static const struct cpu_option options[] = {
    /* name               set            from        to */
    { "check",            set_check,     0,          0 },
    { "enforce",          set_enforce,   0,          0 },
    { "phys-bits",        set_phys_bits, 36,         52 },
    { "family",           set_signature, 0,          15 + 255 },
    { "model",            set_signature, 0,          255 },
    { "stepping",         set_signature, 0,          15 },
    { "vendor",           set_vendor,    0,          0 },
    { "model-id",         set_brand,     0,          0 },
    { "level",            set_level,     1,          0x1f },
    { "min-level",        set_level,     0,          0x1f },
    { "xlevel",           set_level,     0x80000000, 0x8000001f },
    { "min-xlevel",       set_level,     0,          0x8000001f },
    { "l3-cache",         set_l3_cache,  0,          0 },
    { "tsc-frequency",    set_tsc,       1000000,    100000000000 },
    { "kvm",              set_kvm,       0,          0,  true },
    { "pmu",              set_pmu,       0,          0,  true },
    { "migratable",       set_migratable, 0,         0,  true },
    { "host-phys-bits",   set_host_phys_bits, 0,     0,  true },
    { "host-phys-bits-limit", set_phys_bits_limit, 0, 52, true },
    { "host-cache-info",  set_host_caches, 0,        0,  true },
    { "kvm-pv-enforce-cpuid", set_enforce_kvm, 0,    0,  true },
};
/* clang-format on */

/* Hyper-V's and KVM's interfaces for guests, by how a name begins. */
static bool is_interface(const char *name)
{
    return g_str_has_prefix(name, "hv-") || g_str_has_prefix(name, "kvm-") ||
           g_str_has_prefix(name, "kvmclock");
}

static const struct cpu_option *find_option(const char *name)
{
    for (unsigned n = 0; n < G_N_ELEMENTS(options); n++) {
        if (strcmp(options[n].name, name) == 0) {
            return &options[n];
        }
    }
    return NULL;
}

static void warn_no_effect(const struct x86_cpu *cpu, const char *name)
{
    if (cpu->vcpu.index == 0) { /* once, not for each CPU */
        report_warning("-cpu: %s has no effect without hardware virtualization", name);
    }
}

const char *cpu_option_name(unsigned n)
{
    return n < G_N_ELEMENTS(options) ? options[n].name : NULL;
}

const char *cpu_option_type(unsigned n)
{
    const struct cpu_option *o = &options[n];

    return o->set == set_vendor || o->set == set_brand ? "string" : o->max ? "uint32" : "bool";
}

bool cpu_option_parse(struct x86_cpu *cpu, struct cpu_request *r, const char *key,
                      const char *value, bool *known, GError **error)
{
    g_autofree char *dashed = g_strdelimit(g_strdup(key), "_", '-');
    const struct cpu_option *o = find_option(dashed);

    *known = o || (!r->support && is_interface(dashed));
    if (*known && !r->support && (!o || o->engine)) {
        warn_no_effect(cpu, o ? o->name : dashed);
        return true;
    }
    if (!o && r->support && g_str_has_prefix(dashed, "hv-")) {
        return hyperv_option(r, dashed, value, known, error);
    }
    return !o || o->set(cpu, r, o, value, error);
}
