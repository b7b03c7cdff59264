/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/kvm_cpuid_test.c: what -cpu comes to under KVM, by a model of the kernel: models cut down, what is
 * missing named, the leaves that the kernel is given, KVM's and Hyper-V's interfaces.
 */
#include <errno.h>
#include <string.h>
#include "accel/kvm/internal.h"
#include "softmmu/machine.h"
#include "target/i386/cpu_request.h"
#include "tests/device/kvm_model.h"

enum { EAX, EBX, ECX, EDX };

struct kvm_rig {
    struct kvm_model *k;
    struct machine *m;
};

static struct kvm_rig rig_with(struct kvm_model *k, const char *accel)
{
    struct kvm_rig r = { k, machine_new() };
    g_autoptr(GError) error = NULL;

    machine_lock(r.m);
    r.m->config.accel = g_strdup(accel);
    r.m->config.cpus = 1;
    kvm_init_with(r.m, &k->host, &error);
    g_assert_no_error(error);
    if (!strstr(accel, "irqchip=off") && r.m->kvm->irqchip == KVM_IRQCHIP_OFF) {
        /* As if the kernel's were there. */
        kvm_cpuid_free(r.m->kvm);
        r.m->kvm->irqchip = KVM_IRQCHIP_FULL;
        kvm_cpuid_init(r.m->kvm, &error);
        g_assert_no_error(error);
    }
    return r;
}

static struct kvm_rig rig_new_kvm(void)
{
    return rig_with(kvm_model_new(), "kvm,kernel-irqchip=on");
}

static void rig_end(struct kvm_rig *r)
{
    machine_free(r->m);
    kvm_model_free(r->k);
}

static bool has_irqchip(const struct kvm_rig *r)
{
    return r->m->kvm->irqchip != KVM_IRQCHIP_OFF;
}

/* Those of CPUID.40000001H that there can be: some need a local APIC in the kernel. */
static uint32_t kvm_features(const struct kvm_rig *r)
{
    return has_irqchip(r)
               ? 0x01007efb
               : 0x01007efb & ~(1u << 4 | 1u << 6 | 1u << 7 | 1u << 10 | 1u << 11 | 1u << 14);
}

/* The machine's one CPU, as far as its leaves; NULL and *error. */
static struct x86_cpu *try_cpu(struct kvm_rig *r, const char *model, GError **error)
{
    struct x86_cpu *cpu = cpu_new(r->m, 0, model, error);

    if (!cpu) {
        return NULL;
    }
    cpu->vcpu.ops = &kvm_vcpu_ops;
    if (!kvm_vcpu_ops.init(&cpu->vcpu, error)) {
        kvm_vcpu_ops.destroy(&cpu->vcpu);
        cpu_free(cpu);
        return NULL;
    }
    return cpu;
}

static struct x86_cpu *add_cpu(struct kvm_rig *r, const char *model)
{
    g_autoptr(GError) error = NULL;
    struct x86_cpu *cpu = try_cpu(r, model, &error);

    g_assert_no_error(error);
    return cpu;
}

static void drop_cpu(struct x86_cpu *cpu)
{
    kvm_vcpu_ops.destroy(&cpu->vcpu);
    cpu_free(cpu);
}

static bool was_set(const struct kvm_rig *r, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    const struct kvm_cpuid2 *t = kvm_model_last(r->k, KVM_SET_CPUID2, NULL);

    memset(out, 0, 16);
    g_assert_nonnull(t);
    for (unsigned i = 0; i < t->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &t->entries[i];

        if (e->function == leaf && e->index == sub) {
            out[EAX] = e->eax;
            out[EBX] = e->ebx;
            out[ECX] = e->ecx;
            out[EDX] = e->edx;
            return true;
        }
    }
    return false;
}

static uint32_t set_reg(const struct kvm_rig *r, uint32_t leaf, uint32_t sub, unsigned reg)
{
    uint32_t out[4];

    was_set(r, leaf, sub, out);
    return out[reg];
}

static void host_is_what_the_kernel_has(void)
{
    struct kvm_rig r = rig_new_kvm();
    struct x86_cpu *cpu = add_cpu(&r, "host");
    uint32_t out[4];

    g_assert_true(was_set(&r, 0, 0, out));
    g_assert_cmpmem(&out[EBX], 4, "Genu", 4);
    g_assert_cmpuint(out[EAX], >=, 0x16);
    g_assert_cmphex(set_reg(&r, 1, 0, EAX), ==, 0x00050654);
    g_assert_cmphex(set_reg(&r, 7, 0, EBX), ==, 0xd19f47ab & ~(1u << 25 | 1u << 6 | 1u << 13));
    g_assert_cmphex(set_reg(&r, 0x80000007, 0, EDX), ==,
                    0); /* invtsc: another host may have none */
    g_assert_cmpuint(set_reg(&r, 0x80000008, 0, EAX) & 0xff, ==, 0x2e);
    g_assert_cmpstr(cpu->model->name, ==, "host");
    g_assert_true(cpu_has(cpu, X86_HYPERVISOR));
    drop_cpu(cpu);
    cpu = add_cpu(&r, "host,migratable=off");
    g_assert_cmphex(set_reg(&r, 0x80000007, 0, EDX), ==, 0x100);
    drop_cpu(cpu);
    cpu = add_cpu(&r, "max,phys-bits=40");
    g_assert_cmpuint(set_reg(&r, 0x80000008, 0, EAX) & 0xff, ==, 40);
    drop_cpu(cpu);
    cpu = add_cpu(&r, "host,host-phys-bits-limit=42");
    g_assert_cmpuint(set_reg(&r, 0x80000008, 0, EAX) & 0xff, ==, 42);
    drop_cpu(cpu);
    rig_end(&r);
}

static void a_model_has_no_more_than_the_kernel(void)
{
    struct kvm_rig r = rig_new_kvm();
    struct x86_cpu *cpu = add_cpu(&r, "EPYC,check=off");
    g_autoptr(GError) error = NULL;

    g_assert_false(cpu_has(cpu, X86_FEATURE(FEAT_80000001_ECX, 6))); /* sse4a */
    g_assert_false(cpu_has(cpu, X86_SVM));
    g_assert_true(cpu_has(cpu, X86_AVX2));
    g_assert_true(cpu_has(cpu, X86_X2APIC) == has_irqchip(&r)); /* that every model gets */
    g_assert_cmpstr(cpu->model->vendor, ==, "GenuineIntel");
    g_assert_cmpuint(cpu->model->family, ==, 23);
    g_assert_cmphex(set_reg(&r, 0x40000001, 0, EAX), ==, 0x0100007b & kvm_features(&r));
    drop_cpu(cpu);
    g_assert_null(try_cpu(&r, "EPYC,enforce", &error));
    g_assert_nonnull(strstr(error->message, "host doesn't support requested features: "));
    g_assert_nonnull(strstr(error->message, "CPUID.80000001H:ECX.sse4a [bit 6]"));
    g_assert_null(strstr(error->message, "x2apic"));
    g_assert_null(strstr(error->message, "svm")); /* nobody asked for it */
    g_clear_error(&error);
    g_assert_null(try_cpu(&r, "qemu64,+svm,enforce", &error));
    g_assert_nonnull(strstr(error->message, "CPUID.80000001H:ECX.svm [bit 2]"));
    rig_end(&r);
}

static void lack(void *opaque, const char *name)
{
    g_ptr_array_add(opaque, (void *)name);
}

static void what_a_model_lacks_is_listed(void)
{
    struct kvm_rig r = rig_new_kvm();
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const struct cpu_version *version;
    struct cpu_model model;

    g_assert_true(cpu_model_find("EPYC", &model, &version));
    cpu_model_lacks(r.m->cpu_support, &model, version, lack, names);
    g_assert_true(g_ptr_array_find_with_equal_func(names, "sse4a", g_str_equal, NULL));
    g_assert_false(g_ptr_array_find_with_equal_func(names, "avx2", g_str_equal, NULL));
    g_assert_false(g_ptr_array_find_with_equal_func(names, "svm", g_str_equal, NULL));
    rig_end(&r);
}

/* Features that are the kernel's local APIC's go with it. */
static void without_an_irqchip_there_is_less(void)
{
    struct kvm_rig r = rig_with(kvm_model_new(), "kvm,kernel-irqchip=off");
    struct x86_cpu *cpu = add_cpu(&r, "host");

    g_assert_false(has_irqchip(&r));
    g_assert_false(cpu_has(cpu, X86_X2APIC));
    g_assert_false(cpu_has(cpu, X86_TSC_DEADLINE));
    g_assert_cmphex(set_reg(&r, 0x40000001, 0, EAX), ==, 0x0100322b);
    drop_cpu(cpu);
    rig_end(&r);
}

static void kvm_can_be_hidden(void)
{
    struct kvm_rig r = rig_new_kvm();
    struct x86_cpu *cpu = add_cpu(&r, "host,kvm=off");
    uint32_t out[4];

    was_set(&r, 0x40000000, 0, out);
    g_assert_cmphex(out[EAX] | out[EBX] | out[ECX] | out[EDX], ==, 0);
    drop_cpu(cpu);
    cpu = add_cpu(&r, "host");
    g_assert_true(was_set(&r, 0x40000000, 0, out));
    g_assert_cmpmem(&out[EBX], 12, "KVMKVMKVM\0\0\0", 12);
    g_assert_cmphex(out[EAX], ==, 0x40000001);
    drop_cpu(cpu);
    cpu = add_cpu(&r, "host,-kvmclock,kvm-steal-time=off,+kvm-hint-dedicated");
    g_assert_cmphex(set_reg(&r, 0x40000001, 0, EAX), ==,
                    kvm_features(&r) & ~(1u << 0 | 1u << 3 | 1u << 5));
    g_assert_cmphex(set_reg(&r, 0x40000001, 0, EDX), ==, 1);
    drop_cpu(cpu);
    cpu = add_cpu(&r, "host,-hypervisor");
    g_assert_false(was_set(&r, 0x40000000, 0, out));
    drop_cpu(cpu);
    rig_end(&r);
}

/* The processor's layout, for the components of the CPU's features. */
static void xsave_is_laid_out_as_the_processor_does(void)
{
    struct kvm_rig r = rig_new_kvm();
    struct x86_cpu *cpu = add_cpu(&r, "host");
    uint32_t out[4];

    g_assert_cmphex(set_reg(&r, 0xd, 0, EAX), ==, 0x2e7);
    g_assert_cmphex(set_reg(&r, 0xd, 0, ECX), ==, 0xa88);
    g_assert_cmphex(set_reg(&r, 0xd, 9, EBX), ==, 0xa80);
    drop_cpu(cpu);
    cpu = add_cpu(&r, "Haswell-noTSX,check=off");
    g_assert_cmphex(set_reg(&r, 0xd, 0, EAX), ==, 7);
    g_assert_cmphex(set_reg(&r, 0xd, 0, ECX), ==, 0x340);
    g_assert_false(was_set(&r, 0xd, 9, out));
    drop_cpu(cpu);
    cpu = add_cpu(
        &r, "qemu64,check=off"); /* it has no XSAVE: the kernel answers, with zeroes or its own */
    g_assert_false(was_set(&r, 0xd, 0, out) || was_set(&r, 0xd, 1, out));
    drop_cpu(cpu);
    rig_end(&r);
}

static void leaves_follow_the_topology(void)
{
    struct kvm_rig r = rig_new_kvm();
    struct x86_cpu *cpu;

    r.m->config.cpus = 8;
    r.m->config.topology = (struct cpu_topology){ 8, 1, 1, 4, 2 };
    cpu = add_cpu(&r, "host");
    g_assert_cmphex(set_reg(&r, 0xb, 0, EBX), ==, 2);
    g_assert_cmphex(set_reg(&r, 0xb, 1, EBX), ==, 8);
    g_assert_cmphex(set_reg(&r, 0xb, 2, ECX), ==, 2);
    g_assert_cmphex(set_reg(&r, 1, 0, EBX) >> 16 & 0xff, ==, 8);
    /* The local APIC in the kernel counts nanoseconds: TSC = 1 GHz * EBX / EAX. */
    g_assert_cmphex(set_reg(&r, 0x15, 0, ECX), ==, 1000000000);
    g_assert_cmpuint((uint64_t)set_reg(&r, 0x15, 0, ECX) * set_reg(&r, 0x15, 0, EBX) /
                         set_reg(&r, 0x15, 0, EAX),
                     ==, 2000000000u);
    g_assert_cmphex(set_reg(&r, 0xa, 0, EAX), ==, 0);
    drop_cpu(cpu);
    cpu = add_cpu(&r, "host,pmu=on");
    g_assert_cmphex(set_reg(&r, 0xa, 0, EAX), ==, 0x08300402);
    drop_cpu(cpu);
    rig_end(&r);
}

static void refused_capabilities_are_dropped(void)
{
    struct kvm_rig r = rig_new_kvm();
    struct x86_cpu *cpu = add_cpu(&r, "host");

    g_assert_true(cpu_has(cpu, X86_ARCH_CAPABILITIES));
    g_assert_cmphex(*(uint64_t *)g_hash_table_lookup(r.k->vcpus[0].msrs, GUINT_TO_POINTER(0x10a)),
                    !=, 0);
    drop_cpu(cpu);
    r.k->refuses_arch_capabilities = true;
    cpu = add_cpu(&r, "host");
    g_assert_false(cpu_has(cpu, X86_ARCH_CAPABILITIES));
    g_assert_cmphex(set_reg(&r, 7, 0, EDX) & 1u << 29, ==, 0);
    drop_cpu(cpu);
    rig_end(&r);
}

/* Hyper-V --------------------------------------------------------------------------------------- */

static void hyperv_is_shown_before_kvm(void)
{
    struct kvm_rig r = rig_new_kvm();
    struct x86_cpu *cpu = add_cpu(&r, "host,hv-relaxed,hv_vapic,hv-time,hv-spinlocks=0x1fff");
    uint32_t out[4];

    g_assert_true(was_set(&r, 0x40000000, 0, out));
    g_assert_cmpmem(&out[EBX], 12, "Microsoft Hv", 12);
    g_assert_cmphex(out[EAX], ==, 0x40000005);
    g_assert_cmphex(set_reg(&r, 0x40000001, 0, EAX), ==, 0x31237648);
    g_assert_cmphex(set_reg(&r, 0x40000002, 0, EAX), ==, 14393);
    g_assert_cmphex(set_reg(&r, 0x40000002, 0, EBX), ==, 10 << 16);
    g_assert_cmphex(set_reg(&r, 0x40000003, 0, EAX), ==, 1u << 1 | 1u << 4 | 1u << 5 | 1u << 9);
    g_assert_cmphex(set_reg(&r, 0x40000004, 0, EAX), ==, 1u << 3 | 1u << 5);
    g_assert_cmphex(set_reg(&r, 0x40000004, 0, EBX), ==, 0x1fff);
    g_assert_true(was_set(&r, 0x40000100, 0, out));
    g_assert_cmpmem(&out[EBX], 9, "KVMKVMKVM", 9);
    g_assert_cmphex(out[EAX], ==, 0x40000101);
    drop_cpu(cpu);
    cpu = add_cpu(&r, "host,hv-vpindex,kvm=off,hv-vendor-id=0123456789ab,hv-version-id-build=7");
    g_assert_true(was_set(&r, 0x40000000, 0, out));
    g_assert_cmpmem(&out[EBX], 12, "0123456789ab", 12);
    g_assert_cmphex(set_reg(&r, 0x40000002, 0, EAX), ==, 7);
    g_assert_cmphex(set_reg(&r, 0x40000100, 0, EBX), ==, 0);
    drop_cpu(cpu);
    rig_end(&r);
}

/* Each flag alone, with what it needs: its bits and no others'. */
static void each_enlightenment_has_its_bits(void)
{
    static const struct {
        const char *flags;
        uint32_t eax3, edx3, eax4, eax_a;
    } rows[] = {
        /* clang-format off */
        { "hv-relaxed",                                        0,      0,       1u << 5, 0 },
        { "hv-runtime",                                        1u << 0, 0,      0, 0 },
        { "hv-reset",                                          1u << 7, 0,      0, 0 },
        { "hv-frequencies",                                    1u << 11, 1u << 8, 0, 0 },
        { "hv-crash",                                          0,      1u << 10, 0, 0 },
        { "hv-reenlightenment",                                1u << 13, 0,     0, 0 },
        { "hv-vpindex,hv-synic",                               1u << 6 | 1u << 2, 0, 0, 0 },
        { "hv-vpindex,hv-synic,hv-time,hv-stimer",             0x24e,  0,       0, 0 },
        { "hv-vpindex,hv-synic,hv-time,hv-stimer,hv-stimer-direct", 0x24e, 1u << 19, 0, 0 },
        { "hv-vpindex,hv-tlbflush",                            1u << 6, 0,      1u << 2 | 1u << 11, 0 },
        { "hv-vpindex,hv-tlbflush,hv-tlbflush-ext",            1u << 6, 1u << 14, 1u << 2 | 1u << 11, 0 },
        { "hv-vpindex,hv-ipi",                                 1u << 6, 0,      1u << 10 | 1u << 11, 0 },
        { "hv-apicv",                                          0,      0,       1u << 9, 0 },
        { "hv-xmm-input",                                      0,      1u << 4, 0, 0 },
        { "hv-vapic,hv-evmcs",                                 1u << 4, 0,      1u << 3 | 1u << 14, 0x101 },
        { "hv-vapic,hv-evmcs,hv-emsr-bitmap,hv-tlbflush-direct", 1u << 4, 0,    1u << 3 | 1u << 14, 0x101 | 1u << 17 | 1u << 19 },
        /* clang-format on */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strconcat("host,", rows[i].flags, NULL);
        struct kvm_model *k = kvm_model_new();
        struct kvm_rig r;
        struct x86_cpu *cpu;

        g_test_message("%s", text);
        kvm_model_cpuid(&k->hv_cpuid, 0x40000004, 0)->eax = UINT32_MAX;
        r = rig_with(k, "kvm,kernel-irqchip=on");
        cpu = add_cpu(&r, text);
        g_assert_cmphex(set_reg(&r, 0x40000003, 0, EAX), ==, rows[i].eax3 | 1u << 5);
        g_assert_cmphex(set_reg(&r, 0x40000003, 0, EDX), ==, rows[i].edx3);
        g_assert_cmphex(set_reg(&r, 0x40000004, 0, EAX), ==, rows[i].eax4);
        g_assert_cmphex(set_reg(&r, 0x4000000a, 0, EAX), ==, rows[i].eax_a);
        g_assert_cmphex(set_reg(&r, 0x40000004, 0, EBX), ==, UINT32_MAX);
        drop_cpu(cpu);
        rig_end(&r);
    }
}

static void enlightenments_are_turned_on(void)
{
    struct kvm_rig r = rig_new_kvm();
    struct x86_cpu *cpu = add_cpu(&r, "host,hv-vpindex,hv-synic");
    const struct kvm_enable_cap *e = kvm_model_last(r.k, KVM_ENABLE_CAP, NULL);

    g_assert_nonnull(e);
    g_assert_cmpuint(e->cap, ==, KVM_CAP_HYPERV_SYNIC2);
    drop_cpu(cpu);
    cpu = add_cpu(&r, "host,hv-relaxed,hv-enforce-cpuid");
    e = kvm_model_last(r.k, KVM_ENABLE_CAP, NULL);
    g_assert_cmpuint(e->cap, ==, KVM_CAP_HYPERV_ENFORCE_CPUID);
    g_assert_cmpuint(e->args[0], ==, 1);
    drop_cpu(cpu);
    cpu = add_cpu(&r, "host,kvm-pv-enforce-cpuid");
    e = kvm_model_last(r.k, KVM_ENABLE_CAP, NULL);
    g_assert_cmpuint(e->cap, ==, KVM_CAP_ENFORCE_PV_FEATURE_CPUID);
    drop_cpu(cpu);
    rig_end(&r);
}

static void everything_is_passed_through(void)
{
    struct kvm_rig r = rig_new_kvm();
    struct x86_cpu *cpu = add_cpu(&r, "host,hv-passthrough");

    g_assert_cmphex(set_reg(&r, 0x40000003, 0, EAX), ==, 0x2aff);
    g_assert_cmphex(set_reg(&r, 0x40000004, 0, EBX), ==, 0xfff);
    drop_cpu(cpu);
    rig_end(&r);
}

static void mistakes_get_one_clear_line(void)
{
    static const struct {
        const char *cpu, *says;
        int lacks; /* a capability that the kernel has not; 0: none */
    } rows[] = {
        { "host,hv-synic", "hv-synic (synthetic interrupts) needs hv-vpindex", 0 },
        { "host,hv-vpindex,hv-synic,hv-stimer", "hv-stimer (synthetic timers) needs hv-time", 0 },
        { "host,hv-time",
          "hv-time (reference counter and TSC) is not supported by the kernel's KVM",
          KVM_CAP_HYPERV },
        { "host,hv-time", "is not supported", KVM_CAP_SYS_HYPERV_CPUID },
        { "host,hv-vpindex,hv-synic", "hv-synic", KVM_CAP_HYPERV_SYNIC2 },
        { "host,hv-vapic,hv-evmcs", "is not supported", KVM_CAP_HYPERV_ENLIGHTENED_VMCS },
        { "host,hv-relaxed,hv-enforce-cpuid", "since 5.14", KVM_CAP_HYPERV_ENFORCE_CPUID },
        { "host,kvm-pv-enforce-cpuid", "since 5.10", KVM_CAP_ENFORCE_PV_FEATURE_CPUID },
        { "host,hv-relaxed=2", "hv-relaxed is '2', must be on or off", 0 },
        { "host,hv-spinlocks=5", "hv-spinlocks is '5', must be 4095 to 4294967295", 0 },
        { "host,hv-vendor-id=0123456789abc", "must have at most 12 characters", 0 },
        { "host,hv-syndbg", "there is no such debugger", 0 },
        { "host,hv-relaxd", "unable to find CPU feature 'hv-relaxd'; the closest: hv-relaxed", 0 },
        { "host,kvm-clock", "unable to find CPU feature 'kvm-clock'", 0 },
        { "host,kvm=2", "kvm is '2', must be on or off", 0 },
        { "host,migratable=2", "migratable is '2', must be on or off", 0 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct kvm_model *k = kvm_model_new();
        g_autoptr(GError) error = NULL;
        struct kvm_rig r;

        if (rows[i].lacks) {
            kvm_model_cap(k, (unsigned)rows[i].lacks, 0);
        }
        r = rig_with(k, "kvm,kernel-irqchip=on");
        g_assert_null(try_cpu(&r, rows[i].cpu, &error));
        g_test_message("%s: %s", rows[i].cpu, error->message);
        g_assert_nonnull(strstr(error->message, rows[i].says));
        rig_end(&r);
    }
}

/* What the kernel refuses is an error, never a crash. */
static void refusals_of_the_kernel_are_told(void)
{
    static const struct {
        unsigned long request;
        const char *cpu, *says;
    } rows[] = {
        { KVM_SET_CPUID2, "host", "the kernel does not take the CPUID leaves of CPU 0" },
        { KVM_ENABLE_CAP, "host,hv-vpindex,hv-synic", "hv-synic: the kernel refuses" },
        { KVM_ENABLE_CAP, "host,kvm-pv-enforce-cpuid", "kvm-pv-enforce-cpuid: the kernel refuses" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct kvm_rig r = rig_new_kvm();
        g_autoptr(GError) error = NULL;

        kvm_model_fail(r.k, rows[i].request, -1, EINVAL);
        g_assert_null(try_cpu(&r, rows[i].cpu, &error));
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, rows[i].says));
        rig_end(&r);
    }
}

/* -accel kvm's properties that go to the kernel as they are. */
static void properties_reach_the_kernel(void)
{
    struct kvm_rig r = rig_with(kvm_model_new(), "kvm,kvm-shadow-mem=64M,device=/dev/other");
    const struct kvm_model_call *c = kvm_model_last_call(r.k, KVM_SET_NR_MMU_PAGES);

    g_assert_nonnull(c);
    g_assert_cmpuint(c->value, ==, (64u << 20) / 4096);
    g_assert_cmpstr(r.m->kvm->options.device, ==, "/dev/other");
    rig_end(&r);
    r = rig_new_kvm();
    g_assert_cmpuint(kvm_model_count(r.k, KVM_SET_NR_MMU_PAGES), ==, 0);
    rig_end(&r);
}

/* More leaves than were made room for at first. */
static void long_lists_are_asked_again(void)
{
    struct kvm_model *k = kvm_model_new();
    struct kvm_rig r;
    struct x86_cpu *cpu;

    for (uint32_t i = 0; i < 90; i++) {
        kvm_model_cpuid(&k->cpuid, 0x80000020 + i, 0)->eax = i;
    }
    r = rig_with(k, "kvm,kernel-irqchip=on");
    g_assert_cmpuint(kvm_model_count(k, KVM_GET_SUPPORTED_CPUID) % 2, ==, 0);
    cpu = add_cpu(&r, "host");
    g_assert_cmphex(set_reg(&r, 1, 0, EAX), ==, 0x00050654);
    drop_cpu(cpu);
    rig_end(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kvm-cpuid/host", host_is_what_the_kernel_has);
    g_test_add_func("/kvm-cpuid/models", a_model_has_no_more_than_the_kernel);
    g_test_add_func("/kvm-cpuid/lacks", what_a_model_lacks_is_listed);
    g_test_add_func("/kvm-cpuid/irqchip-off", without_an_irqchip_there_is_less);
    g_test_add_func("/kvm-cpuid/hidden", kvm_can_be_hidden);
    g_test_add_func("/kvm-cpuid/xsave", xsave_is_laid_out_as_the_processor_does);
    g_test_add_func("/kvm-cpuid/topology", leaves_follow_the_topology);
    g_test_add_func("/kvm-cpuid/arch-capabilities", refused_capabilities_are_dropped);
    g_test_add_func("/kvm-cpuid/hyperv", hyperv_is_shown_before_kvm);
    g_test_add_func("/kvm-cpuid/hyperv-bits", each_enlightenment_has_its_bits);
    g_test_add_func("/kvm-cpuid/hyperv-on", enlightenments_are_turned_on);
    g_test_add_func("/kvm-cpuid/hyperv-passthrough", everything_is_passed_through);
    g_test_add_func("/kvm-cpuid/mistakes", mistakes_get_one_clear_line);
    g_test_add_func("/kvm-cpuid/refusals", refusals_of_the_kernel_are_told);
    g_test_add_func("/kvm-cpuid/properties", properties_reach_the_kernel);
    g_test_add_func("/kvm-cpuid/long-lists", long_lists_are_asked_again);
    return g_test_run();
}
