/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/hyperv.c: the enlightenments of Hyper-V that -cpu hv-NAME shows a guest: their names, the bits that
 * stand for them, what they need; the CPUID leaves that tell.  The engine does what they promise.
 *
 * Thread: the one that builds the machine; leaves on a vCPU's own.
 * Source: Hypervisor Top Level Functional Specification, "Feature and Interface Discovery".
 */
#include "target/i386/cpu_request.h"
#include <inttypes.h>
#include <string.h>
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/text.h"

enum { EAX, EBX, ECX, EDX };

/* Leaves of features (3), recommendations (4), nested features (AH). */
#define BASE           0x40000000u
#define LAST           0x40000005u
#define LAST_NESTED    0x4000000au
#define HYPERCALL_MSRS (1u << 5)
#define NEVER_NOTIFY   UINT32_MAX
#define NEEDS(f)       (1ull << (f))
#define EVMCS_VERSIONS 0x0101u /* version 1 only */

/* clang-format off */
static const struct row {
    const char *name, *what;
    uint32_t eax3, edx3, eax4, eax_a; /* all of them */
    uint64_t needs;
} rows[HV_FEATURES] = {
    [HV_RELAXED]         = { "hv-relaxed",         "relaxed timing",            0, 0, 1u << 5, 0, 0 },
    [HV_VAPIC]           = { "hv-vapic",           "virtual APIC",              1u << 4, 0, 1u << 3, 0, 0 },
    [HV_TIME]            = { "hv-time",            "reference counter and TSC", 1u << 1 | 1u << 9, 0, 0, 0, 0 },
    [HV_VPINDEX]         = { "hv-vpindex",         "index of a processor",      1u << 6, 0, 0, 0, 0 },
    [HV_RUNTIME]         = { "hv-runtime",         "run time of a processor",   1u << 0, 0, 0, 0, 0 },
    [HV_SYNIC]           = { "hv-synic",           "synthetic interrupts",      1u << 2, 0, 0, 0, NEEDS(HV_VPINDEX) },
    [HV_STIMER]          = { "hv-stimer",          "synthetic timers",          1u << 3, 0, 0, 0, NEEDS(HV_SYNIC) | NEEDS(HV_TIME) },
    [HV_STIMER_DIRECT]   = { "hv-stimer-direct",   "direct synthetic timers",   0, 1u << 19, 0, 0, NEEDS(HV_STIMER) },
    [HV_RESET]           = { "hv-reset",           "reset register",            1u << 7, 0, 0, 0, 0 },
    [HV_FREQUENCIES]     = { "hv-frequencies",     "frequencies of timers",     1u << 11, 1u << 8, 0, 0, 0 },
    [HV_CRASH]           = { "hv-crash",           "crash registers",           0, 1u << 10, 0, 0, 0 },
    [HV_REENLIGHTENMENT] = { "hv-reenlightenment", "notice of migrations",      1u << 13, 0, 0, 0, 0 },
    [HV_TLBFLUSH]        = { "hv-tlbflush",        "TLB flushes by hypercall",  0, 0, 1u << 2 | 1u << 11, 0, NEEDS(HV_VPINDEX) },
    [HV_TLBFLUSH_EXT]    = { "hv-tlbflush-ext",    "flushes of ranges",         0, 1u << 14, 0, 0, NEEDS(HV_TLBFLUSH) },
    [HV_TLBFLUSH_DIRECT] = { "hv-tlbflush-direct", "direct flushes, nested",    0, 0, 0, 1u << 17, NEEDS(HV_VAPIC) | NEEDS(HV_EVMCS) },
    [HV_IPI]             = { "hv-ipi",             "IPIs by hypercall",         0, 0, 1u << 10 | 1u << 11, 0, NEEDS(HV_VPINDEX) },
    [HV_EVMCS]           = { "hv-evmcs",           "enlightened VMCS, nested",  0, 0, 1u << 14, 0, NEEDS(HV_VAPIC) },
    [HV_EMSR_BITMAP]     = { "hv-emsr-bitmap",     "MSR bitmap, nested",        0, 0, 0, 1u << 19, NEEDS(HV_EVMCS) },
    [HV_AVIC]            = { "hv-avic",            "no AutoEOI",                0, 0, 1u << 9, 0, 0 },
    [HV_XMM_INPUT]       = { "hv-xmm-input",       "hypercalls by XMM",         0, 1u << 4, 0, 0, 0 },
    [HV_NO_NONARCH_CORESHARING] = { "hv-no-nonarch-coresharing", "cores are not shared", 0, 0, 1u << 18, 0, 0 },
};

/* Options that are no single bit. */
enum { OPT_PASSTHROUGH, OPT_ENFORCE, OPT_SPINLOCKS, OPT_VENDOR, OPT_BUILD, OPT_MAJOR, OPT_MINOR, OPT_SPACK,
       OPT_SBRANCH, OPT_SNUMBER, OPT_APICV, OPT_SYNDBG, OPTIONS };
static const struct option {
    const char *name;
    uint64_t max;   /* of a number */
} options[OPTIONS] = {
    [OPT_PASSTHROUGH] = { "hv-passthrough",        0 },
    [OPT_ENFORCE]     = { "hv-enforce-cpuid",      0 },
    [OPT_SPINLOCKS]   = { "hv-spinlocks",          UINT32_MAX },
    [OPT_VENDOR]      = { "hv-vendor-id",          0 },
    [OPT_BUILD]       = { "hv-version-id-build",   UINT32_MAX },
    [OPT_MAJOR]       = { "hv-version-id-major",   UINT16_MAX },
    [OPT_MINOR]       = { "hv-version-id-minor",   UINT16_MAX },
    [OPT_SPACK]       = { "hv-version-id-spack",   UINT32_MAX },
    [OPT_SBRANCH]     = { "hv-version-id-sbranch", UINT8_MAX },
    [OPT_SNUMBER]     = { "hv-version-id-snumber", 0xffffff },
    [OPT_APICV]       = { "hv-apicv",              0 }, /* another name of hv-avic */
    [OPT_SYNDBG]      = { "hv-syndbg",             0 }, /* only off */
};
/* clang-format on */

const char *hyperv_option_name(unsigned n)
{
    return n < HV_FEATURES             ? rows[n].name
           : n < HV_FEATURES + OPTIONS ? options[n - HV_FEATURES].name
                                       : NULL;
}

static bool set_bit(struct cpu_paravirt *v, unsigned feature, const char *name, const char *value,
                    GError **error)
{
    bool on;

    /* "auto": what the host says, and this program places no CPUs on cores. */
    if (feature == HV_NO_NONARCH_CORESHARING && strcmp(value, "auto") == 0) {
        value = "off";
    }
    if (!parse_bool(value, &on)) {
        set_error(error, "-cpu: %s is '%s', must be on or off", name, value);
        return false;
    }
    v->hyperv = on ? v->hyperv | 1ull << feature : v->hyperv & ~(1ull << feature);
    return true;
}

static void set_number(struct cpu_paravirt *v, unsigned option, uint64_t n)
{
    switch (option) {
    case OPT_SPINLOCKS:
        v->spinlocks = (uint32_t)n;
        v->has_spinlocks = true;
        break;
    case OPT_BUILD:
        v->build = (uint32_t)n;
        break;
    case OPT_MAJOR:
        v->major = (uint16_t)n;
        break;
    case OPT_MINOR:
        v->minor = (uint16_t)n;
        break;
    case OPT_SPACK:
        v->service_pack = (uint32_t)n;
        break;
    case OPT_SBRANCH:
        v->service_branch = (uint8_t)n;
        break;
    default:
        v->service_number = (uint32_t)n;
        break;
    }
}

static bool set_option(struct cpu_paravirt *v, unsigned option, const char *value, GError **error)
{
    const struct option *o = &options[option];
    uint64_t n;

    if (option == OPT_VENDOR) {
        if (strlen(value) > 12) {
            set_error(error, "-cpu: %s is '%s', must have at most 12 characters", o->name, value);
            return false;
        }
        g_strlcpy(v->vendor, value, sizeof(v->vendor));
        return true;
    }
    if (o->max) {
        if (!parse_uint(value, option == OPT_SPINLOCKS ? 0xfff : 0, o->max, &n)) {
            set_error(error, "-cpu: %s is '%s', must be %s to %" PRIu64, o->name, value,
                      option == OPT_SPINLOCKS ? "4095" : "0", o->max);
            return false;
        }
        set_number(v, option, n);
        return true;
    }
    if (option == OPT_SYNDBG) {
        bool on;

        if (!parse_bool(value, &on) || on) {
            set_error(error, "-cpu: %s=%s is not supported: there is no such debugger; only off",
                      o->name, value);
            return false;
        }
        return true;
    }
    if (!parse_bool(value, option == OPT_ENFORCE ? &v->enforce_hyperv : &v->passthrough)) {
        set_error(error, "-cpu: %s is '%s', must be on or off", o->name, value);
        return false;
    }
    return true;
}

bool hyperv_option(struct cpu_request *r, const char *name, const char *value, bool *known,
                   GError **error)
{
    struct cpu_paravirt *v = &r->own->paravirt;

    *known = true;
    for (unsigned n = 0; n < HV_FEATURES; n++) {
        if (strcmp(rows[n].name, name) == 0) {
            return set_bit(v, n, name, value, error);
        }
    }
    for (unsigned n = 0; n < OPTIONS; n++) {
        if (strcmp(options[n].name, name) == 0) {
            return n == OPT_APICV ? set_bit(v, HV_AVIC, name, value, error)
                                  : set_option(v, n, value, error);
        }
    }
    *known = false;
    return true;
}

uint64_t hyperv_found(const uint32_t leaf3[4], const uint32_t leaf4[4], const uint32_t leaf_a[4])
{
    uint64_t found = 0;

    for (unsigned n = 0; n < HV_FEATURES; n++) {
        const struct row *row = &rows[n];

        if (!(row->eax3 & ~leaf3[EAX]) && !(row->edx3 & ~leaf3[EDX]) &&
            !(row->eax4 & ~leaf4[EAX]) && !(row->eax_a & ~leaf_a[EAX])) {
            found |= 1ull << n;
        }
    }
    return found;
}

bool hyperv_shown(const struct cpu_paravirt *v)
{
    return v->hyperv || v->has_spinlocks || v->passthrough;
}

/* hv-passthrough takes what there is, but for what has a need that is not there. */
static void take_all(struct cpu_paravirt *v, const struct cpu_support *s)
{
    bool again = true;

    v->hyperv |= s->hyperv;
    while (again) {
        again = false;
        for (unsigned n = 0; n < HV_FEATURES; n++) {
            if ((v->hyperv >> n & 1) && (rows[n].needs & ~v->hyperv)) {
                v->hyperv &= ~(1ull << n);
                again = true;
            }
        }
    }
    if (!v->has_spinlocks && s->hyperv_spinlocks) {
        v->spinlocks = s->hyperv_spinlocks;
        v->has_spinlocks = true;
    }
}

bool hyperv_finish(struct cpu_paravirt *v, const struct cpu_support *s, GError **error)
{
    if (v->passthrough) {
        take_all(v, s);
    }
    for (unsigned n = 0; n < HV_FEATURES; n++) {
        uint64_t lacks = rows[n].needs & ~v->hyperv;

        if (!(v->hyperv >> n & 1)) {
            continue;
        }
        if (lacks) {
            set_error(error, "-cpu: %s (%s) needs %s", rows[n].name, rows[n].what,
                      rows[__builtin_ctzll(lacks)].name);
            return false;
        }
        if (!(s->hyperv >> n & 1)) {
            set_error(error, "-cpu: %s (%s) is not supported by the kernel's KVM", rows[n].name,
                      rows[n].what);
            return false;
        }
    }
    if (v->enforce_hyperv && !s->has_hyperv_enforce) {
        set_error(error, "-cpu: hv-enforce-cpuid is not supported by the kernel's KVM: Linux has "
                         "it since 5.14");
        return false;
    }
    return true;
}

static void put_text(const char text[13], uint32_t out[4])
{
    char padded[12] = { 0 };

    memcpy(padded, text, strlen(text));
    memcpy(&out[EBX], padded, 12);
}

static void put_version(const struct cpu_paravirt *v, uint32_t out[4])
{
    out[EAX] = v->build;
    out[EBX] = (uint32_t)v->major << 16 | v->minor;
    out[ECX] = v->service_pack;
    out[EDX] = (uint32_t)v->service_branch << 24 | v->service_number;
}

void hyperv_init(struct cpu_paravirt *v)
{
    v->spinlocks = NEVER_NOTIFY;
    v->build = 14393; /* Windows Server 2016 */
    v->major = 10;
}

void hyperv_leaf(const struct x86_cpu *cpu, uint32_t leaf, uint32_t out[4])
{
    const struct cpu_paravirt *v = &cpu->own_model->paravirt;
    uint32_t eax3 = HYPERCALL_MSRS, edx3 = 0, eax4 = 0, eax_a = 0;
    bool nested = v->hyperv & NEEDS(HV_EVMCS);

    for (unsigned n = 0; n < HV_FEATURES; n++) {
        if (v->hyperv >> n & 1) {
            eax3 |= rows[n].eax3;
            edx3 |= rows[n].edx3;
            eax4 |= rows[n].eax4;
            eax_a |= rows[n].eax_a;
        }
    }
    memset(out, 0, 4 * sizeof(out[0]));
    switch (leaf) {
    case BASE:
        out[EAX] = nested ? LAST_NESTED : LAST;
        put_text(v->vendor[0] ? v->vendor : "Microsoft Hv", out);
        break;
    case BASE + 1:
        memcpy(&out[EAX], "Hv#1", 4);
        break;
    case BASE + 2:
        put_version(v, out);
        break;
    case BASE + 3:
        out[EAX] = eax3;
        out[EDX] = edx3;
        break;
    case BASE + 4:
        out[EAX] = eax4;
        out[EBX] = v->spinlocks;
        break;
    case BASE + 5: /* processors: virtual, and of the host: as many as may be */
        out[EAX] = MACHINE_MAX_VCPUS;
        out[EBX] = 64;
        break;
    case BASE + 0xa:
        out[EAX] = nested ? eax_a | EVMCS_VERSIONS : 0;
        break;
    default:
        break;
    }
}
