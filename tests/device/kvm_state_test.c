/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/kvm_state_test.c: a vCPU's state between x86_cpu and the kernel, by a model of the kernel.
 * Thread: the test's, which is the vCPU's while it runs.
 */
#include <errno.h>
#include <string.h>
#include "target/i386/operand.h"
#include "tests/device/kvm_rig.h"

static struct kvm_rig *new_rig(struct kvm_model *k)
{
    return kvm_rig_new(k, "kvm,kernel-irqchip=off", "qemu64");
}

/* State ------------------------------------------------------------------------------------------- */

static void fill_state(struct x86_cpu *cpu)
{
    for (unsigned i = 0; i < R_RIP; i++) {
        cpu->regs[i] = 0x1111111111111111ull * (i + 1);
    }
    cpu->regs[R_RIP] = 0x1000;
    flags_set(cpu, FLAG_CF | FLAG_ZF);
    cpu->eflags |= FLAG_DF;
    segment_set(&cpu->seg[SEG_FS], 0x33, 0x123456789000, 0xffffffff, 0xc0f3);
    segment_set(&cpu->ldt, 0x48, 0x5000, 0x27, 0x82);
    cpu->gdt = (struct desc_table){ 0x8000, 0x7f };
    cpu->idt = (struct desc_table){ 0x9000, 0xfff };
    cpu->cr2 = 0xdeadbeef;
    cpu->cr3 = 0x7000;
    cpu->dr[0] = 0x4242;
    cpu->dr[7] = 0x402;
    cpu->lstar = 0xffffffff81000000;
    cpu->star = 0x23001000000000;
    cpu->kernel_gs_base = 0x7000000;
    cpu->pat = 0x0007010600070106;
    cpu->mtrr_var[3] = 0x800;
    cpu->mtrr_fixed[4] = 0x0606060606060606;
    cpu->mtrr_def_type = 0xc06;
    cpu->mxcsr = 0x1fa0;
    for (unsigned i = 0; i < 16; i++) {
        memset(cpu->vec[i].b, (int)i + 1, 16);
    }
    cpu->x87.control = 0x27f;
    cpu->x87.top = 5;
    cpu->x87.empty = 0x0f;
    cpu->x87.reg[6] = (struct float80){ 0x8000000000000000, 0x3fff };
    cpu->nmi_blocked = true;
    cpu->intr_shadow = true;
    cpu_update_mode(cpu);
}

static GByteArray *saved(struct x86_cpu *cpu)
{
    GByteArray *out = g_byte_array_new();

    cpu_save(cpu, out);
    return out;
}

static void the_state_comes_back_as_it_was(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];
    g_autoptr(GByteArray) before = NULL, after = NULL;

    fill_state(r->cpu);
    before = saved(r->cpu);
    g_assert_true(kvm_store(v));
    g_assert_true(v->in_kernel);
    cpu_reset(r->cpu, false); /* x86_cpu's is old */
    kvm_fetch(v);
    g_assert_false(v->in_kernel);
    after = saved(r->cpu);
    g_assert_cmpmem(before->data, before->len, after->data, after->len);
    kvm_rig_free(r);
}

static void whoever_looks_twice_reads_once(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];

    g_assert_true(kvm_store(v));
    g_assert_true(kvm_store(v));
    g_assert_cmpuint(kvm_model_count(r->k, KVM_SET_REGS), ==, 1);
    kvm_fetch(v);
    kvm_fetch(v);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_GET_REGS), ==, 1);
    kvm_rig_free(r);
}

static void a_state_that_is_refused_is_an_internal_error(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    kvm_model_fail(r->k, KVM_SET_SREGS2, 1, EINVAL);
    KVM_RIG_RUN(r, kvm_exit_hlt);
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_INTERNAL_ERROR);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_RUN), ==, 0);
    kvm_rig_free(r);
}

static void what_is_in_delivery_is_delivered(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];
    struct kvm_vcpu_events e = { .interrupt = { .injected = 1, .nr = 0x20 } };

    kvm_rig_set_real(r);
    g_assert_true(kvm_store(v));
    kvm_model_answer(r->k, v->fd, KVM_GET_VCPU_EVENTS, &e, sizeof(e));
    kvm_fetch(v);
    g_assert_cmphex(r->cpu->regs[R_RIP], ==, 0x5678);
    g_assert_cmphex(r->cpu->regs[R_RSP], ==, 0x7ffa);
    g_assert_cmpmem(r->ram.ram->host + 0x7ffa, 2, "\x34\x12", 2);
    kvm_rig_free(r);
}

static void a_software_interrupt_is_done_again(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];
    struct kvm_vcpu_events e = { .interrupt = { .injected = 1, .nr = 0x20, .soft = 1 } };

    kvm_rig_set_real(r);
    g_assert_true(kvm_store(v));
    kvm_model_answer(r->k, v->fd, KVM_GET_VCPU_EVENTS, &e, sizeof(e));
    kvm_fetch(v);
    g_assert_cmphex(r->cpu->regs[R_RIP], ==, 0x1234);
    kvm_rig_free(r);
}

static void a_pending_nmi_is_kept(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];
    struct kvm_vcpu_events e = { .nmi = { .pending = 1, .masked = 1 } };

    g_assert_true(kvm_store(v));
    kvm_model_answer(r->k, v->fd, KVM_GET_VCPU_EVENTS, &e, sizeof(e));
    kvm_fetch(v);
    g_assert_true(r->cpu->nmi_blocked);
    g_assert_true(atomic_load(&r->cpu->pending) & PENDING_NMI);
    kvm_rig_free(r);
}

/* A hypervisor in the guest ----------------------------------------------------------------------- */

#define VMCS_SIZE 64 /* of this test's: the kernel's own business */

struct nested {
    struct kvm_nested_state head;
    uint8_t vmcs[VMCS_SIZE];
};

static struct kvm_rig *nested_rig(const char *cpu)
{
    struct kvm_model *k = kvm_model_new();

    kvm_model_cpuid(&k->cpuid, 1, 0)->ecx |= 1u << 5; /* VMX */
    return kvm_rig_new(k, "kvm,kernel-irqchip=off", cpu);
}

static struct nested nested_state(uint16_t flags)
{
    struct nested n = {
        .head = { .flags = flags,
                  .size = sizeof(n),
                  .hdr.vmx = { .vmxon_pa = 0x1000, .vmcs12_pa = 0x2000 } },
    };

    memset(n.vmcs, 0xa5, sizeof(n.vmcs));
    return n;
}

static void without_a_hypervisor_there_is_nothing_to_save(void)
{
    struct kvm_rig *r = nested_rig("qemu64,+vmx");
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];

    g_assert_true(kvm_store(v));
    kvm_fetch(v);
    g_assert_cmpuint(r->cpu->kvm_nested->len, ==, 0);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_SET_NESTED_STATE), ==, 0);
    kvm_rig_free(r);
}

static void without_vmx_the_kernel_is_not_asked(void)
{
    struct kvm_rig *r = nested_rig("qemu64");
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];

    g_assert_true(kvm_store(v));
    kvm_fetch(v);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_GET_NESTED_STATE), ==, 0);
    kvm_rig_free(r);
}

/* A machine that is saved while a hypervisor runs. */
static GByteArray *saved_with(const struct nested *n)
{
    struct kvm_rig *r = nested_rig("qemu64,+vmx");
    GByteArray *stream;

    g_assert_true(kvm_store(r->m->kvm->vcpus[0]));
    kvm_model_answer(r->k, KVM_MODEL_VCPU, KVM_GET_NESTED_STATE, n, sizeof(*n));
    kvm_fetch(r->m->kvm->vcpus[0]);
    stream = saved(r->cpu);
    kvm_rig_free(r);
    return stream;
}

static void a_hypervisor_goes_on_elsewhere(void)
{
    struct nested n = nested_state(0);
    g_autoptr(GByteArray) stream = saved_with(&n);
    struct kvm_rig *other = nested_rig("qemu64,+vmx");
    g_autoptr(GError) error = NULL;
    const struct kvm_nested_state *got;
    size_t size;

    g_assert_true(cpu_load(other->cpu, stream->data, stream->len, &error));
    g_assert_no_error(error);
    g_assert_true(kvm_store(other->m->kvm->vcpus[0]));
    got = kvm_model_last(other->k, KVM_SET_NESTED_STATE, &size);
    g_assert_nonnull(got);
    g_assert_cmpmem(got, size, &n, sizeof(n));
    kvm_rig_free(other);
}

static void a_hypervisor_needs_a_cpu_with_vmx(void)
{
    struct nested n = nested_state(0);
    g_autoptr(GByteArray) stream = saved_with(&n);
    struct kvm_rig *other = nested_rig("qemu64");
    g_autoptr(GError) error = NULL;

    g_assert_false(cpu_load(other->cpu, stream->data, stream->len, &error));
    g_assert_nonnull(strstr(error->message, "hypervisor"));
    kvm_rig_free(other);
}

/* Before anything else is written: the registers may be none of that hypervisor's. */
static void a_reset_ends_the_hypervisor_first(void)
{
    struct kvm_rig *r = nested_rig("qemu64,+vmx");
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];
    struct nested n = nested_state(KVM_STATE_NESTED_GUEST_MODE);
    const struct kvm_nested_state *got;

    g_assert_true(kvm_store(v));
    kvm_model_answer(r->k, v->fd, KVM_GET_NESTED_STATE, &n, sizeof(n));
    kvm_vcpu_ops.reset(&r->cpu->vcpu);
    kvm_model_forget(r->k);
    kvm_model_fail(r->k, KVM_SET_VCPU_EVENTS, 1, EINVAL);
    g_assert_false(kvm_store(v));
    got = kvm_model_last(r->k, KVM_SET_NESTED_STATE, NULL);
    g_assert_nonnull(got);
    g_assert_cmphex(got->hdr.vmx.vmxon_pa, ==, UINT64_MAX);
    kvm_rig_free(r);
}

/* The interpreter does not know the memory of a guest's guest. */
static void what_a_guests_guest_is_delivered_stays_with_the_kernel(void)
{
    struct kvm_rig *r = nested_rig("qemu64,+vmx");
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];
    struct nested n = nested_state(KVM_STATE_NESTED_GUEST_MODE);
    struct kvm_vcpu_events e = { .interrupt = { .injected = 1, .nr = 0x20 },
                                 .nmi = { .pending = 1 } };
    const struct kvm_vcpu_events *got;
    g_autoptr(GByteArray) stream = NULL;
    g_autoptr(GError) error = NULL;

    kvm_rig_set_real(r);
    g_assert_true(kvm_store(v));
    kvm_model_answer(r->k, v->fd, KVM_GET_NESTED_STATE, &n, sizeof(n));
    kvm_model_answer(r->k, v->fd, KVM_GET_VCPU_EVENTS, &e, sizeof(e));
    kvm_fetch(v);
    g_assert_cmphex(r->cpu->regs[R_RIP], ==, 0x1234);
    g_assert_cmphex(atomic_load(&r->cpu->pending), ==, 0);
    stream = saved(r->cpu);
    cpu_reset(r->cpu, false);
    g_assert_true(cpu_load(r->cpu, stream->data, stream->len, &error));
    g_assert_true(kvm_store(v));
    got = kvm_model_last(r->k, KVM_SET_VCPU_EVENTS, NULL);
    g_assert_cmpuint(got->interrupt.injected, ==, 1);
    g_assert_cmphex(got->interrupt.nr, ==, 0x20);
    g_assert_cmpuint(got->nmi.pending, ==, 1);
    kvm_rig_free(r);
}

/* Tiles ------------------------------------------------------------------------------------------- */

#define TILES_AT   0xc00u
#define TILES_SIZE 0x80u
#define TILE_BIT   18

static struct kvm_rig *tile_rig(void)
{
    struct kvm_model *k = kvm_model_new();
    struct kvm_cpuid_entry2 *leaf;

    k->xcomp = 1u << TILE_BIT;
    kvm_model_cpuid(&k->cpuid, 7, 0)->edx |= 1u << 24;
    kvm_model_cpuid(&k->cpuid, 0xd, 0)->eax |= 3u << 17;
    leaf = kvm_model_cpuid(&k->cpuid, 0xd, TILE_BIT);
    leaf->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
    leaf->eax = TILES_SIZE;
    leaf->ebx = TILES_AT;
    return kvm_rig_new(k, "kvm,kernel-irqchip=off", "host");
}

static void tiles_are_asked_for(void)
{
    struct kvm_rig *r = tile_rig();

    g_assert_cmphex(r->k->permitted, ==, 1u << TILE_BIT);
    kvm_rig_free(r);
    r = kvm_rig_new(kvm_model_new(), "kvm,kernel-irqchip=off", "host");
    g_assert_cmphex(r->k->permitted, ==, 0);
    kvm_rig_free(r);
}

static void tiles_go_on_elsewhere(void)
{
    struct kvm_rig *r = tile_rig(), *other;
    uint8_t area[sizeof(struct kvm_xsave)] = { 0 }, tiles[TILES_SIZE];
    uint64_t present = 1u << TILE_BIT;
    struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = 7 | 3u << 17 };
    g_autoptr(GByteArray) stream = NULL;
    g_autoptr(GError) error = NULL;
    const uint8_t *got;

    memset(tiles, 0x7e, sizeof(tiles));
    memcpy(area + 512, &present, sizeof(present));
    memcpy(area + TILES_AT, tiles, sizeof(tiles));
    g_assert_true(kvm_store(r->m->kvm->vcpus[0]));
    kvm_model_answer(r->k, KVM_MODEL_VCPU, KVM_GET_XSAVE2, area, sizeof(area));
    kvm_model_answer(r->k, KVM_MODEL_VCPU, KVM_GET_XCRS, &xcrs, sizeof(xcrs));
    kvm_fetch(r->m->kvm->vcpus[0]);
    stream = saved(r->cpu);
    kvm_rig_free(r);

    other = tile_rig();
    g_assert_true(cpu_load(other->cpu, stream->data, stream->len, &error));
    g_assert_no_error(error);
    g_assert_true(kvm_store(other->m->kvm->vcpus[0]));
    got = kvm_model_last(other->k, KVM_SET_XSAVE, NULL);
    memcpy(&present, got + 512, sizeof(present));
    g_assert_true(present >> TILE_BIT & 1);
    g_assert_cmpmem(got + TILES_AT, TILES_SIZE, tiles, sizeof(tiles));
    kvm_rig_free(other);
}

/* PKRU, which the interpreter has not, is part of the state. */
static void protection_keys_go_on_elsewhere(void)
{
    struct kvm_rig *r = kvm_rig_new(kvm_model_new(), "kvm,kernel-irqchip=off", "host"), *other;
    uint8_t area[sizeof(struct kvm_xsave)] = { 0 };
    const uint64_t present = 1u << 9;
    const uint32_t pkru = 0x55555554;
    g_autoptr(GByteArray) stream = NULL;
    g_autoptr(GError) error = NULL;
    const uint8_t *got;

    memcpy(area + 512, &present, sizeof(present));
    memcpy(area + 0xa80, &pkru, sizeof(pkru));
    g_assert_true(kvm_store(r->m->kvm->vcpus[0]));
    kvm_model_answer(r->k, KVM_MODEL_VCPU, KVM_GET_XSAVE2, area, sizeof(area));
    kvm_fetch(r->m->kvm->vcpus[0]);
    stream = saved(r->cpu);
    kvm_rig_free(r);

    other = kvm_rig_new(kvm_model_new(), "kvm,kernel-irqchip=off", "host");
    g_assert_true(cpu_load(other->cpu, stream->data, stream->len, &error));
    g_assert_no_error(error);
    g_assert_true(kvm_store(other->m->kvm->vcpus[0]));
    got = kvm_model_last(other->k, KVM_SET_XSAVE, NULL);
    g_assert_cmpmem(got + 0xa80, sizeof(pkru), &pkru, sizeof(pkru));
    kvm_rig_free(other);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/kvm/" #name, name)
    TEST(the_state_comes_back_as_it_was);
    TEST(whoever_looks_twice_reads_once);
    TEST(a_state_that_is_refused_is_an_internal_error);
    TEST(what_is_in_delivery_is_delivered);
    TEST(a_software_interrupt_is_done_again);
    TEST(a_pending_nmi_is_kept);
    TEST(without_a_hypervisor_there_is_nothing_to_save);
    TEST(without_vmx_the_kernel_is_not_asked);
    TEST(a_hypervisor_goes_on_elsewhere);
    TEST(a_hypervisor_needs_a_cpu_with_vmx);
    TEST(a_reset_ends_the_hypervisor_first);
    TEST(what_a_guests_guest_is_delivered_stays_with_the_kernel);
    TEST(tiles_are_asked_for);
    TEST(tiles_go_on_elsewhere);
    TEST(protection_keys_go_on_elsewhere);
    return g_test_run();
}
