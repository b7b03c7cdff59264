/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/kvm_rig.c: see kvm_rig.h. */
#include "tests/device/kvm_rig.h"
#include <errno.h>
#include <string.h>
#include "target/i386/operand.h"

/* A device that gives 0x10, 0x11, ..., and keeps what it gets. */
static uint64_t device_read(void *opaque, uint64_t offset, unsigned size)
{
    (void)offset;
    (void)size;
    return ((struct kvm_rig *)opaque)->next++;
}

static void device_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct kvm_rig *r = opaque;

    (void)size;
    g_assert_cmpuint(r->n_written, <, G_N_ELEMENTS(r->written));
    r->written[r->n_written++] = offset << 32 | value;
}

static const struct mem_ops device_ops = { .read = device_read, .write = device_write };

void kvm_rig_leave(struct kvm_rig *r)
{
    atomic_store(&r->cpu->vcpu.leave, true);
    atomic_store(&r->cpu->vcpu.exit_request, true);
}

static int enter(void *opaque, struct kvm_model_vcpu *v)
{
    struct kvm_rig *r = opaque;

    if (r->entered == r->n_exits) {
        kvm_rig_leave(r);
        return -EINTR;
    }
    v->run->if_flag = 1;
    r->exits[r->entered++](r, v->run);
    return 0;
}

struct kvm_rig *kvm_rig_new(struct kvm_model *k, const char *accel, const char *cpu)
{
    struct kvm_rig *r = g_new0(struct kvm_rig, 1);
    g_autoptr(GError) error = NULL;

    r->k = k;
    r->next = 0x10;
    k->enter = enter;
    k->opaque = r;
    r->m = machine_new();
    machine_lock(r->m);
    r->m->config.accel = g_strdup(accel);
    r->m->config.cpus = 1;
    g_assert_true(mem_region_init_ram(&r->ram, r->m, "ram", RAM_SIZE, &error));
    g_assert_true(mem_region_init_rom(&r->rom, r->m, "rom", GUEST_PAGE_SIZE, &error));
    mem_region_init_mmio(&r->ports, r->m, "ports", &device_ops, r, 8);
    mem_region_init_mmio(&r->device, r->m, "device", &device_ops, r, GUEST_PAGE_SIZE);
    mem_region_add(&r->m->system_memory, 0, &r->ram, 0);
    mem_region_add(&r->m->system_memory, ROM_AT, &r->rom, 0);
    mem_region_add(&r->m->system_memory, DEVICE_AT, &r->device, 0);
    mem_region_add(&r->m->system_io, PORT, &r->ports, 0);
    kvm_init_with(r->m, &k->host, &error);
    g_assert_no_error(error);
    r->cpu = cpu_new(r->m, 0, cpu, &error);
    g_assert_no_error(error);
    r->cpu->vcpu.ops = &kvm_vcpu_ops;
    r->m->vcpus[r->m->n_vcpus++] = &r->cpu->vcpu;
    kvm_vcpu_ops.init(&r->cpu->vcpu, &error);
    g_assert_no_error(error);
    return r;
}

void kvm_rig_free(struct kvm_rig *r)
{
    mem_region_destroy(&r->hole);
    mem_region_destroy(&r->ports);
    mem_region_destroy(&r->device);
    mem_region_destroy(&r->rom);
    mem_region_destroy(&r->ram);
    machine_free(r->m);
    cpu_free(r->cpu);
    kvm_model_free(r->k);
    g_free(r);
}

void kvm_rig_run(struct kvm_rig *r, void (*const *exits)(struct kvm_rig *, struct kvm_run *),
                 unsigned n)
{
    r->exits = exits;
    r->n_exits = n;
    r->entered = 0;
    atomic_store(&r->cpu->vcpu.leave, false);
    atomic_store(&r->cpu->vcpu.exit_request, false);
    machine_unlock(r->m);
    kvm_vcpu_ops.run(&r->cpu->vcpu);
    machine_lock(r->m);
}

void kvm_rig_add_hole(struct kvm_rig *r, uint64_t at, uint64_t size)
{
    mem_region_init_mmio(&r->hole, r->m, "hole", &device_ops, r, size);
    mem_region_add(&r->m->system_memory, at, &r->hole, 1);
}

void kvm_exit_hlt(struct kvm_rig *r, struct kvm_run *run)
{
    (void)r;
    run->exit_reason = KVM_EXIT_HLT;
}

void kvm_rig_set_real(struct kvm_rig *r)
{
    struct x86_cpu *cpu = r->cpu;

    segment_set_real(&cpu->seg[SEG_CS], 0);
    segment_set_real(&cpu->seg[SEG_SS], 0);
    cpu->regs[R_RIP] = 0x1234;
    cpu->regs[R_RSP] = 0x8000;
    cpu->eflags |= FLAG_IF;
    cpu_update_mode(cpu);
    memcpy(r->ram.ram->host + 0x20 * 4, "\x78\x56\x00\x00", 4);
}
