/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/cpu_model.c: from "-cpu NAME,+feat,-feat,feat=on" to feature words; `-cpu help`.
 *
 * Thread: the one that builds the machine.
 */
#include <inttypes.h>
#include "softmmu/machine.h"
#include "target/i386/cpu_request.h"
#include "target/i386/host_vec.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

static const char *feature_name(void *opaque, unsigned n)
{
    (void)opaque;
    return cpu_feature_names[n].name;
}

/* Options, features, Hyper-V's. */
static const char *item_name(void *opaque, unsigned n)
{
    const char *(*const lists[])(unsigned) = { cpu_option_name, hyperv_option_name };

    for (unsigned i = 0; i < G_N_ELEMENTS(lists); i++) {
        for (unsigned k = 0; lists[i](k); k++) {
            if (n-- == 0) {
                return lists[i](k);
            }
        }
    }
    return feature_name(opaque, n);
}

static void unknown_name(GError **error, const char *what, const char *name,
                         const char *(*get)(void *opaque, unsigned i), void *opaque)
{
    g_autofree char *close = closest_names(name, get, opaque);

    if (close) {
        set_error(error, "unable to find CPU %s '%s'; the closest: %s", what, name, close);
    } else {
        set_error(error, "unable to find CPU %s '%s'; see -cpu help", what, name);
    }
}

static void add_name(void *opaque, const char *name, const char *summary)
{
    (void)summary;
    g_ptr_array_add(opaque, g_strdup(name));
}

static const char *model_name(void *opaque, unsigned n)
{
    const GPtrArray *names = opaque;

    return n < names->len ? names->pdata[n] : NULL;
}

static void unknown_model(GError **error, const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    cpu_model_each_name(add_name, names);
    unknown_name(error, "model", name, model_name, names);
}

bool cpu_feature_supported(const struct cpu_support *s, const struct cpu_feature_name *f)
{
    if (s) {
        return s->features[f->feature / 32] >> f->feature % 32 & 1;
    }
    return f->supported == FEATURE_ON_HOST ? host_vec_has(f->feature) : f->supported == FEATURE_YES;
}

static void set_feature(uint32_t words[FEAT_WORDS], unsigned feature, bool on)
{
    uint32_t bit = 1u << (feature % 32);

    words[feature / 32] = on ? words[feature / 32] | bit : words[feature / 32] & ~bit;
}

/* names: separated by spaces. */
static void set_features(uint32_t words[FEAT_WORDS], const char *names, bool on)
{
    g_auto(GStrv) list = g_strsplit(names, " ", -1);

    for (const struct cpu_feature_name *f = cpu_feature_names; f->name; f++) {
        if (g_strv_contains((const char *const *)list, f->name)) {
            set_feature(words, f->feature, on);
        }
    }
}

/* -cpu host and max: everything, or what has a name and another host may have, too. */
static void all_features(const struct cpu_request *r, uint32_t words[FEAT_WORDS])
{
    for (const struct cpu_feature_name *f = cpu_feature_names; f->name; f++) {
        if (cpu_feature_supported(r->support, f)) {
            set_feature(words, f->feature, true);
        }
    }
    if (r->support && r->not_migratable) {
        memcpy(words, r->support->features, sizeof(r->support->features));
    } else if (r->support) {
        set_feature(words, X86_INVTSC, false);
        set_feature(words, X86_TOPOEXT, false); /* the guest's topology is not the host's */
    }
    words[FEAT_KVM_HINTS] = 0; /* what the host promises, and only who starts it knows */
}

/* What hypervisors give and take whatever the model is, as QEMU does under KVM. */
static void adapt_features(const struct cpu_support *s, uint32_t words[FEAT_WORDS])
{
    static const char plus[] = "x2apic kvmclock kvm-nopiodelay kvm-asyncpf kvm-steal-time "
                               "kvm-pv-eoi kvmclock-stable-bit";

    set_features(words, "acpi monitor svm", false);
    set_features(words, plus, true);
    for (unsigned n = 0; n < G_N_ELEMENTS(s->features); n++) { /* quietly: nobody asked for them */
        uint32_t own = n == FEAT_KVM ? UINT32_MAX : n == FEAT_1_ECX ? 1u << X86_X2APIC % 32 : 0;

        words[n] &= s->features[n] | ~own;
    }
}

static void model_features(const struct cpu_request *r, const struct cpu_version *v,
                           uint32_t words[FEAT_WORDS])
{
    const struct cpu_model *m = &r->own->model;

    if (m->features) {
        set_features(words, m->features, true);
    } else {
        all_features(r, words);
    }
    if (m->features && r->support) {
        adapt_features(r->support, words);
    }
    if (v) {
        set_features(words, v->plus, true);
        set_features(words, v->minus, false);
    }
}

void cpu_model_lacks(const struct cpu_support *s, const struct cpu_model *model,
                     const struct cpu_version *v, void (*each)(void *opaque, const char *name),
                     void *opaque)
{
    struct cpu_own_model own = { .model = *model };
    struct cpu_request r = { .own = &own, .support = s };
    int last = -1; /* an alias follows its name */

    model_features(&r, v, r.features);
    for (const struct cpu_feature_name *f = cpu_feature_names; f->name; f++) {
        if (f->feature != last && (r.features[f->feature / 32] >> f->feature % 32 & 1) &&
            !cpu_feature_supported(s, f)) {
            each(opaque, f->name);
        }
        last = f->feature;
    }
}

/* Some names stand for two bits.  False: there is none of this name. */
static bool set_named(uint32_t words[FEAT_WORDS], const char *name, bool on)
{
    g_autofree char *dashed = g_strdelimit(g_strdup(name), "_", '-');
    bool found = false;

    for (const struct cpu_feature_name *f = cpu_feature_names; f->name; f++) {
        if (strcmp(f->name, dashed) == 0) {
            set_feature(words, f->feature, on);
            found = true;
        }
    }
    return found;
}

/* "+feat", "-feat", "feat=on", "feat" or an option. */
static bool parse_item(struct x86_cpu *cpu, struct cpu_request *r, const char *item, GError **error)
{
    bool sign = item[0] == '+' || item[0] == '-', on = true, known = false;
    g_auto(GStrv) parts = g_strsplit(sign ? item + 1 : item, "=", 2);
    const char *key = parts[0] ? parts[0] : "", *value = parts[0] && parts[1] ? parts[1] : NULL;
    uint32_t ignored[FEAT_WORDS];

    if (!cpu_option_parse(cpu, r, key,
                          value            ? value
                          : item[0] == '-' ? "off"
                                           : "on",
                          &known, error)) {
        return false;
    }
    if (known) {
        return true;
    }
    if (!set_named(ignored, key, true)) {
        unknown_name(error, "feature", key, item_name, NULL);
        return false;
    }
    if (value && (sign || !parse_bool(value, &on))) {
        set_error(error, "-cpu: %s is '%s', must be on or off", key, value);
        return false;
    }
    return set_named(!sign ? r->features : item[0] == '+' ? r->plus : r->minus, key, sign || on);
}

/* What signs ask for comes last, whatever the order (QEMU's "-cpu"). */
static void apply_signs(struct cpu_request *r)
{
    for (unsigned n = 0; n < FEAT_WORDS; n++) {
        r->features[n] = (r->features[n] | r->plus[n]) & ~r->minus[n];
    }
}

/* Takes what there is; says what there is not. */
static bool grant(struct x86_cpu *cpu, const struct cpu_request *r, GError **error)
{
    g_autoptr(GString) missing = g_string_new(NULL);
    const char *who = r->support ? "host" : "TCG";
    int last = -1; /* an alias follows its name */

    for (const struct cpu_feature_name *f = cpu_feature_names; f->name; f++) {
        unsigned word = f->feature / 32, bit = f->feature % 32;

        if (f->feature == last || !(r->features[word] >> bit & 1)) {
            continue;
        }
        last = f->feature;
        if (cpu_feature_supported(r->support, f)) {
            set_feature(cpu->features, f->feature, true);
        } else if (r->enforce) {
            g_string_append_printf(missing, "%s%s.%s [bit %u]", missing->len ? ", " : "",
                                   cpu_feature_words[word], f->name, bit);
        } else if (!r->quiet && cpu->vcpu.index == 0) { /* once, not for each CPU */
            report_warning("%s doesn't support requested feature: %s.%s [bit %u]", who,
                           cpu_feature_words[word], f->name, bit);
        }
    }
    if (missing->len) {
        set_error(error, "%s doesn't support requested features: %s", who, missing->str);
        return false;
    }
    for (unsigned n = 0; r->support && n < FEAT_WORDS; n++) { /* those without a name, too */
        cpu->features[n] |= r->features[n] & r->support->features[n];
    }
    set_feature(cpu->features, X86_BASE, true);
    return true;
}

/* AVX needs XSAVE, AVX2 and its like need AVX, and the AVX-512 subsets AVX512F. */
static void drop_vector_dependents(struct x86_cpu *cpu)
{
    static const struct {
        uint16_t feature, needs;
    } rows[] = {
        { X86_AVX, X86_XSAVE },
        { X86_FMA, X86_AVX },
        { X86_F16C, X86_AVX },
        { X86_AVX2, X86_AVX },
        { X86_VAES, X86_AVX },
        { X86_VPCLMULQDQ, X86_AVX },
        { X86_AVX_VNNI, X86_AVX2 },
        { X86_AVX512F, X86_AVX2 },
        { X86_AVX512DQ, X86_AVX512F },
        { X86_AVX512_IFMA, X86_AVX512F },
        { X86_AVX512CD, X86_AVX512F },
        { X86_AVX512BW, X86_AVX512F },
        { X86_AVX512VL, X86_AVX512F },
        { X86_AVX512_VBMI, X86_AVX512BW },
        { X86_AVX512_VBMI2, X86_AVX512BW },
        { X86_AVX512_VNNI, X86_AVX512F },
        { X86_AVX512_BITALG, X86_AVX512BW },
        { X86_AVX512_VPOPCNTDQ, X86_AVX512F },
        { X86_AVX512_BF16, X86_AVX512BW },
        { X86_AVX512_FP16, X86_AVX512BW },
    };

    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) { /* what is needed comes first */
        if (!cpu_has(cpu, rows[n].needs)) {
            set_feature(cpu->features, rows[n].feature, false);
        }
    }
}

/* Features that mean nothing without another. */
static void drop_dependents(struct x86_cpu *cpu)
{
    if (!cpu_has(cpu, X86_XSAVE)) {
        cpu->features[FEAT_D_1_EAX] = 0;
    }
    drop_vector_dependents(cpu);
    if (!cpu_has(cpu, X86_ARCH_CAPABILITIES)) {
        cpu->features[FEAT_ARCH_CAPS] = cpu->features[FEAT_ARCH_CAPS_HI] = 0;
    }
    if (!cpu_has(cpu, X86_PCID)) {
        set_feature(cpu->features, X86_INVPCID, false);
    }
    if (!cpu_has(cpu, X86_SVM)) {
        cpu->features[FEAT_8000000A_EDX] = 0;
    }
}

/* The leaves that the features are in must be there (QEMU's "full-cpuid-auto-level"). */
static void raise_levels(const struct x86_cpu *cpu, const struct cpu_request *r)
{
    static const struct {
        uint8_t word; /* when it has a feature */
        uint32_t leaf;
    } rows[] = {
        { FEAT_6_EAX, 6 },
        { FEAT_7_0_EBX, 7 },
        { FEAT_7_0_ECX, 7 },
        { FEAT_7_0_EDX, 7 },
        { FEAT_7_1_EAX, 7 },
        { FEAT_7_2_EDX, 7 },
        { FEAT_D_1_EAX, 0xd },
        { FEAT_80000001_EDX, 0x80000001 },
        { FEAT_80000001_ECX, 0x80000001 },
        { FEAT_80000007_EDX, 0x80000007 },
        { FEAT_80000008_EBX, 0x80000008 },
        { FEAT_8000000A_EDX, 0x8000000a },
    };
    struct cpu_model *m = &r->own->model;
    uint32_t level = cpu_has(cpu, X86_XSAVE) ? 0xd : 0,
             xlevel = cpu_has(cpu, X86_LM) ? 0x80000008 : 0;

    if (cpu_has(cpu, X86_TOPOEXT) && strcmp(m->vendor, "AuthenticAMD") == 0) {
        xlevel = 0x8000001e;
    }
    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        if (cpu->features[rows[n].word]) {
            uint32_t *to = rows[n].leaf >> 31 ? &xlevel : &level;

            *to = MAX(*to, rows[n].leaf);
        }
    }
    m->level = r->level ? m->level : MAX(m->level, level);
    m->xlevel = r->xlevel ? m->xlevel : MAX(m->xlevel, xlevel);
}

/* Addresses: a guest must not have more bits than the host, whose pages would fault. */
static void choose_phys_bits(struct x86_cpu *cpu, const struct cpu_request *r)
{
    unsigned host = r->support ? r->support->phys_bits : 0;
    bool follow = r->host_phys_bits || (!r->own->model.features && !r->own_phys_bits);

    if (!host || r->phys_bits) {
        if (host && cpu->phys_bits > host && cpu->vcpu.index == 0) {
            report_warning("host physical bits (%u) are fewer than phys-bits (%u)", host,
                           cpu->phys_bits);
        }
        return;
    }
    cpu->phys_bits = follow ? host : MIN(cpu->phys_bits, host);
    if (r->phys_bits_limit) {
        cpu->phys_bits = MIN(cpu->phys_bits, (unsigned)r->phys_bits_limit);
    }
}

static bool parse_request(struct x86_cpu *cpu, struct cpu_request *r, char **items, GError **error)
{
    for (unsigned n = 1; items[n]; n++) {
        if (items[n][0] && !parse_item(cpu, r, items[n], error)) {
            return false;
        }
    }
    apply_signs(r);
    if (!grant(cpu, r, error)) {
        return false;
    }
    drop_dependents(cpu);
    raise_levels(cpu, r);
    choose_phys_bits(cpu, r);
    cpu->linear_bits = r->support && cpu_has(cpu, X86_LA57) ? 57 : 48;
    return !r->support || hyperv_finish(&r->own->paravirt, r->support, error);
}

/* migratable=off says what host and max mean, wherever it stands. */
static bool find_migratable(struct cpu_request *r, char **items, GError **error)
{
    bool on = true;

    for (unsigned n = 1; r->support && items[n]; n++) {
        if (g_str_has_prefix(items[n], "migratable=") && !parse_bool(items[n] + 11, &on)) {
            set_error(error, "-cpu: migratable is '%s', must be on or off", items[n] + 11);
            return false;
        }
    }
    r->not_migratable = !on;
    return true;
}

/*
 * An engine's CPUs have its host's vendor: where SYSENTER and SYSCALL work, and which leaves mean what, are the
 * processor's.
 */
static void take_host(struct x86_cpu *cpu, struct cpu_request *r)
{
    const struct cpu_support *s = r->support;
    struct cpu_model *m = &r->own->model;

    if (!m->features) {
        const char *name = m->name, *summary = m->summary;

        *m = s->host;
        m->name = name;
        m->summary = summary;
    }
    m->vendor = s->host.vendor;
    if (s->tsc_hz) {
        cpu->tsc_hz = s->tsc_hz;
    }
}

bool cpu_model_parse(struct x86_cpu *cpu, const char *text, GError **error)
{
    g_auto(GStrv) items = g_strsplit(text, ",", -1);
    struct cpu_request r = { 0 };
    const struct cpu_version *version;
    struct cpu_model m;

    if (!items[0] || !items[0][0]) {
        set_error(error, "-cpu option cannot be empty");
        return false;
    }
    if (!cpu_model_find(items[0], &m, &version)) {
        unknown_model(error, items[0]);
        return false;
    }
    r.support = cpu->vcpu.machine ? cpu->vcpu.machine->cpu_support : NULL;
    if (strcmp(m.name, "host") == 0 && !r.support) {
        report_warning("-cpu host without hardware virtualization is the same as -cpu max");
    }
    if (!find_migratable(&r, items, error)) {
        return false;
    }
    g_free(cpu->own_model);
    r.own = cpu->own_model = g_new0(struct cpu_own_model, 1);
    r.own->model = m;
    hyperv_init(&r.own->paravirt);
    if (r.support) {
        take_host(cpu, &r);
    }
    cpu->model = &r.own->model;
    memset(cpu->features, 0, sizeof(cpu->features));
    model_features(&r, version, r.features);
    return parse_request(cpu, &r, items, error);
}

static void print_model(void *opaque, const char *name, const char *summary)
{
    g_string_append_printf(opaque, "x86 %-20s  %s\n", name, summary);
}

void cpu_model_print_list(GString *out)
{
    size_t column = 2;

    g_string_append(out, "Available CPUs:\n");
    cpu_model_each_name(print_model, out);
    g_string_append(out, "\nRecognized CPUID flags:\n ");
    for (const struct cpu_feature_name *f = cpu_feature_names; f->name; f++) {
        size_t width = strlen(f->name) + 1;

        if (column + width > 78) {
            g_string_append(out, "\n ");
            column = 2;
        }
        g_string_append_printf(out, " %s", f->name);
        column += width;
    }
    g_string_append_c(out, '\n');
}
