/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/kvm_run_test.c: the KVM engine's run loop by a model of the kernel: what makes the guest leave,
 * interrupts, completion by the interpreter, progress.  What a kernel does with a guest is in tests/boot/kvm.py.
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

/* Exits ----------------------------------------------------------------------------------------- */

static void set_io(struct kvm_run *run, unsigned direction, unsigned size, unsigned count)
{
    run->exit_reason = KVM_EXIT_IO;
    run->io.direction = (uint8_t)direction;
    run->io.size = (uint8_t)size;
    run->io.port = PORT;
    run->io.count = count;
    run->io.data_offset = 4096;
}

static void exit_in_three(struct kvm_rig *r, struct kvm_run *run)
{
    (void)r;
    set_io(run, KVM_EXIT_IO_IN, 2, 3);
}

/* What came in goes out again: the kernel has it in the same place. */
static void exit_out_three(struct kvm_rig *r, struct kvm_run *run)
{
    (void)r;
    set_io(run, KVM_EXIT_IO_OUT, 2, 3);
}

static void strings_of_ports(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    KVM_RIG_RUN(r, exit_in_three, exit_out_three);
    g_assert_cmpuint(r->n_written, ==, 3);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmphex(r->written[i], ==, 0x10 + i);
    }
    kvm_rig_free(r);
}

static void exit_io_beyond(struct kvm_rig *r, struct kvm_run *run)
{
    (void)r;
    set_io(run, KVM_EXIT_IO_OUT, 4, 1u << 30);
}

static void port_data_stays_in_its_page(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    KVM_RIG_RUN(r, exit_io_beyond);
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_INTERNAL_ERROR);
    g_assert_cmpuint(r->n_written, ==, 0);
    kvm_rig_free(r);
}

static void set_mmio(struct kvm_run *run, uint64_t at, uint32_t len, bool write)
{
    run->exit_reason = KVM_EXIT_MMIO;
    run->mmio.phys_addr = at;
    run->mmio.len = len;
    run->mmio.is_write = write;
}

static void exit_read_four(struct kvm_rig *r, struct kvm_run *run)
{
    r->next = 0x12345678;
    set_mmio(run, DEVICE_AT + 8, 4, false);
}

static void exit_write_four(struct kvm_rig *r, struct kvm_run *run)
{
    (void)r;
    set_mmio(run, DEVICE_AT + 8, 4, true);
}

static void exit_write_rom(struct kvm_rig *r, struct kvm_run *run)
{
    (void)r;
    set_mmio(run, ROM_AT, 1, true);
}

static void exit_nine_bytes(struct kvm_rig *r, struct kvm_run *run)
{
    (void)r;
    set_mmio(run, DEVICE_AT, 9, true);
}

static void memory_of_devices(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    KVM_RIG_RUN(r, exit_read_four, exit_write_four, exit_write_rom);
    g_assert_cmpuint(r->n_written, ==, 1);
    g_assert_cmphex(r->written[0], ==, 8ull << 32 | 0x12345678);
    g_assert_cmphex(r->rom.ram->host[0], ==, 0);
    KVM_RIG_RUN(r, exit_nine_bytes);
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_INTERNAL_ERROR);
    kvm_rig_free(r);
}

static void io_is_completed_before_run_is_left(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());
    unsigned runs;

    KVM_RIG_RUN(r, exit_read_four);
    runs = kvm_model_count(r->k, KVM_RUN);
    kvm_model_forget(r->k);
    r->entered = 0;
    r->n_exits = 1;
    kvm_rig_leave(r); /* seen before the first entry: then nothing waits for its end */
    machine_unlock(r->m);
    kvm_vcpu_ops.run(&r->cpu->vcpu);
    machine_lock(r->m);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_RUN), ==, 0);
    g_assert_cmpuint(runs, ==, 2);
    r->m->kvm->vcpus[0]->needs_entry = true;
    kvm_rig_leave(r);
    machine_unlock(r->m);
    kvm_vcpu_ops.run(&r->cpu->vcpu);
    machine_lock(r->m);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_RUN), ==, 1);
    g_assert_false(r->m->kvm->vcpus[0]->needs_entry);
    kvm_rig_free(r);
}

static void a_halt_leaves_until_something_comes(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    KVM_RIG_RUN(r, kvm_exit_hlt);
    g_assert_true(r->cpu->halted);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_RUN), ==, 1);
    g_assert_false(kvm_vcpu_ops.has_work(&r->cpu->vcpu));
    cpu_set_pending(r->cpu, PENDING_INTR);
    g_assert_true(kvm_vcpu_ops.has_work(&r->cpu->vcpu)); /* IF is as the kernel said */
    kvm_rig_free(r);
}

static void exit_shutdown(struct kvm_rig *r, struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_SHUTDOWN;
    kvm_rig_leave(r);
}

static void a_triple_fault_asks_for_a_reset(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    KVM_RIG_RUN(r, exit_shutdown);
    g_assert_cmpint(r->m->reset_requested, ==, SHUTDOWN_GUEST_RESET);
    g_assert_false(atomic_load(&r->m->kvm->told));
    kvm_rig_free(r);
}

static void one_without_hardware_is_told_of(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    r->m->config.accel_emulates = true;
    KVM_RIG_RUN(r, exit_shutdown);
    g_assert_true(atomic_load(&r->m->kvm->told));
    kvm_rig_free(r);
}

static void exit_fail_entry(struct kvm_rig *r, struct kvm_run *run)
{
    (void)r;
    run->exit_reason = KVM_EXIT_FAIL_ENTRY;
}

static void exit_9999(struct kvm_rig *r, struct kvm_run *run)
{
    (void)r;
    run->exit_reason = 9999;
}

static void exit_unexpected(struct kvm_rig *r, struct kvm_run *run)
{
    (void)r;
    run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
    run->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
}

static void what_cannot_go_on_is_an_internal_error(void)
{
    static void (*const exits[])(struct kvm_rig *, struct kvm_run *) = { exit_fail_entry, exit_9999,
                                                                         exit_unexpected };

    for (unsigned i = 0; i < G_N_ELEMENTS(exits); i++) {
        struct kvm_rig *r = new_rig(kvm_model_new());

        kvm_rig_run(r, &exits[i], 1);
        g_assert_cmpint(r->m->run_state, ==, RUN_STATE_INTERNAL_ERROR);
        g_assert_cmpuint(kvm_model_count(r->k, KVM_RUN), ==, 1);
        kvm_rig_free(r);
    }
}

static void a_run_that_fails_is_an_internal_error(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    kvm_model_fail(r->k, KVM_RUN, 1, EFAULT);
    KVM_RIG_RUN(r, kvm_exit_hlt);
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_INTERNAL_ERROR);
    kvm_rig_free(r);
}

static void exit_system_reset(struct kvm_rig *r, struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_SYSTEM_EVENT;
    run->system_event.type = KVM_SYSTEM_EVENT_RESET;
    kvm_rig_leave(r);
}

static void a_system_event_resets(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    KVM_RIG_RUN(r, exit_system_reset);
    g_assert_cmpint(r->m->reset_requested, ==, SHUTDOWN_GUEST_RESET);
    kvm_rig_free(r);
}

/* Another thread's kick while the guest runs. */
static void exit_kicked(struct kvm_rig *r, struct kvm_run *run)
{
    g_assert_cmpuint(run->immediate_exit, ==, 0);
    r->cpu->vcpu.thread_id = (int)gettid();
    kvm_rig_leave(r);
    kvm_vcpu_ops.kick(&r->cpu->vcpu);
    g_assert_cmpuint(run->immediate_exit, ==, 1);
    run->exit_reason = KVM_EXIT_INTR;
}

static void a_kick_makes_it_leave(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    KVM_RIG_RUN(r, exit_kicked, kvm_exit_hlt);
    g_assert_cmpuint(r->entered, ==, 1);
    g_assert_false(r->cpu->halted);
    kvm_rig_free(r);
}

/* Interrupts --------------------------------------------------------------------------------------- */

static int acknowledge(void *opaque)
{
    struct kvm_rig *r = opaque;

    atomic_fetch_and(&r->cpu->pending, ~(uint32_t)PENDING_INTR);
    return 0x31;
}

static uint64_t get_base(void *opaque)
{
    (void)opaque;
    return 0xfee00900;
}

static bool set_base(void *opaque, uint64_t value)
{
    ((struct kvm_rig *)opaque)->next = value;
    return true;
}

static uint8_t get_tpr(void *opaque)
{
    (void)opaque;
    return 3;
}

static void set_tpr(void *opaque, uint8_t cr8)
{
    ((struct kvm_rig *)opaque)->written[7] = cr8;
}

static const struct x86_apic_ops apic_ops = {
    .acknowledge = acknowledge,
    .get_base = get_base,
    .set_base = set_base,
    .get_tpr = get_tpr,
    .set_tpr = set_tpr,
};

static void exit_window(struct kvm_rig *r, struct kvm_run *run)
{
    g_assert_cmpuint(run->request_interrupt_window, ==, 1);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_INTERRUPT), ==, 0);
    run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
    run->ready_for_interrupt_injection = 1;
}

static void exit_after_injection(struct kvm_rig *r, struct kvm_run *run)
{
    g_assert_cmpuint(run->request_interrupt_window, ==, 0);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_INTERRUPT), ==, 1);
    run->exit_reason = KVM_EXIT_INTR;
}

static void an_interrupt_waits_for_its_window(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());
    const struct kvm_interrupt *i;

    r->cpu->apic = &apic_ops;
    r->cpu->apic_opaque = r;
    cpu_set_pending(r->cpu, PENDING_INTR);
    KVM_RIG_RUN(r, exit_window, exit_after_injection);
    i = kvm_model_last(r->k, KVM_INTERRUPT, NULL);
    g_assert_nonnull(i);
    g_assert_cmphex(i->irq, ==, 0x31);
    r->cpu->apic = NULL;
    kvm_rig_free(r);
}

static void exit_cr8(struct kvm_rig *r, struct kvm_run *run)
{
    (void)r;
    g_assert_cmpuint(run->cr8, ==, 3); /* the local APIC's */
    run->cr8 = 5;
    run->apic_base = 0xfee00100;
    run->exit_reason = KVM_EXIT_SET_TPR;
}

static void the_apic_learns_of_cr8_and_its_base(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    r->cpu->apic = &apic_ops;
    r->cpu->apic_opaque = r;
    KVM_RIG_RUN(r, exit_cr8);
    g_assert_cmpuint(r->written[7], ==, 5);
    g_assert_cmphex(r->next, ==, 0xfee00100);
    r->cpu->apic = NULL;
    kvm_rig_free(r);
}

static void exit_intr(struct kvm_rig *r, struct kvm_run *run)
{
    (void)r;
    run->exit_reason = KVM_EXIT_INTR;
}

static void nmi_and_smi_are_the_kernels(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    cpu_set_pending(r->cpu, PENDING_NMI | PENDING_SMI);
    KVM_RIG_RUN(r, exit_intr);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_NMI), ==, 1);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_SMI), ==, 1);
    g_assert_cmphex(atomic_load(&r->cpu->pending), ==, 0);
    kvm_rig_free(r);
}

/* Completion ---------------------------------------------------------------------------------------- */

static void exit_emulation(struct kvm_rig *r, struct kvm_run *run)
{
    (void)r;
    run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
    run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
}

/* mov ax,1234; mov bx,5678; mov cx,9abc; mov dx,def0 */
static const uint8_t four_moves[] = { 0xb8, 0x34, 0x12, 0xbb, 0x78, 0x56,
                                      0xb9, 0xbc, 0x9a, 0xba, 0xf0, 0xde };

static void the_interpreter_completes_an_instruction(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];
    const struct kvm_regs *regs;

    kvm_rig_set_real(r);
    r->cpu->regs[R_RIP] = 0x1000;
    memcpy(r->ram.ram->host + 0x1000, four_moves, sizeof(four_moves));
    KVM_RIG_RUN(r, exit_emulation);
    regs = kvm_model_last(r->k, KVM_SET_REGS, NULL);
    g_assert_cmphex(regs->rip, ==, 0x1003);
    g_assert_cmphex(regs->rax & 0xffff, ==, 0x1234);
    g_assert_cmpuint(atomic_load(&v->count[KVM_COUNT_COMPLETED]), ==, 1);
    g_assert_cmpint(r->m->run_state, !=, RUN_STATE_INTERNAL_ERROR);
    kvm_rig_free(r);
}

/* One, then two more where the kernel gives up at once again. */
static void it_does_more_where_the_kernel_does_nothing(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];
    const struct kvm_regs *regs;

    kvm_rig_set_real(r);
    r->cpu->regs[R_RIP] = 0x1000;
    memcpy(r->ram.ram->host + 0x1000, four_moves, sizeof(four_moves));
    KVM_RIG_RUN(r, exit_emulation, exit_emulation);
    regs = kvm_model_last(r->k, KVM_SET_REGS, NULL);
    g_assert_cmphex(regs->rip, ==, 0x1009);
    g_assert_cmpuint(atomic_load(&v->count[KVM_COUNT_COMPLETED]), ==, 3);
    kvm_rig_free(r);
}

/* What the guest has written meanwhile, which no code watch saw, is what is executed. */
static void it_sees_code_that_the_guest_changed(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());
    const struct kvm_regs *regs;

    for (unsigned i = 0; i < 2; i++) {
        kvm_fetch(r->m->kvm->vcpus[0]);
        kvm_rig_set_real(r);
        r->cpu->regs[R_RIP] = 0x1000;
        memcpy(r->ram.ram->host + 0x1000, four_moves, sizeof(four_moves));
        r->ram.ram->host[0x1001] = (uint8_t)(0x40 + i);
        KVM_RIG_RUN(r, exit_emulation);
        regs = kvm_model_last(r->k, KVM_SET_REGS, NULL);
        g_assert_cmphex(regs->rax & 0xffff, ==, 0x1240 + i);
    }
    kvm_rig_free(r);
}

/* DIV by 0: the fault is delivered. */
static void it_delivers_faults(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());
    const struct kvm_regs *regs;

    kvm_rig_set_real(r);
    r->cpu->regs[R_RIP] = 0x1000;
    r->cpu->regs[R_RCX] = 0;
    memcpy(r->ram.ram->host + 0x1000, "\xf7\xf1", 2);
    memcpy(r->ram.ram->host, "\x00\x30\x00\x00", 4);
    KVM_RIG_RUN(r, exit_emulation);
    regs = kvm_model_last(r->k, KVM_SET_REGS, NULL);
    g_assert_cmphex(regs->rip, ==, 0x3000);
    kvm_rig_free(r);
}

/* Progress ------------------------------------------------------------------------------------------ */

static void exit_looked(struct kvm_rig *r, struct kvm_run *run)
{
    r->m->kvm->vcpus[0]->inside = true; /* as if the tick came now */
    machine_lock(r->m);
    kvm_watch_tick(r->m->kvm);
    machine_unlock(r->m);
    run->exit_reason = KVM_EXIT_INTR;
}

static void a_guest_that_stands_is_told_of(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    /* The first look finds the place, five more find it again; the last of these is at the entry that follows. */
    KVM_RIG_RUN(r, exit_looked, exit_looked, exit_looked, exit_looked, exit_looked);
    g_assert_false(atomic_load(&r->m->kvm->told));
    kvm_rig_free(r);
    r = new_rig(kvm_model_new());
    KVM_RIG_RUN(r, exit_looked, exit_looked, exit_looked, exit_looked, exit_looked, exit_looked);
    g_assert_true(atomic_load(&r->m->kvm->told));
    kvm_rig_free(r);
}

/* The same ticks, and the guest leaves between them. */
static void a_guest_that_does_io_is_not(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    for (unsigned i = 0; i < 20; i++) {
        KVM_RIG_RUN(r, exit_looked, exit_read_four, exit_intr);
    }
    g_assert_false(atomic_load(&r->m->kvm->told));
    kvm_rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/kvm/" #name, name)
    TEST(strings_of_ports);
    TEST(port_data_stays_in_its_page);
    TEST(memory_of_devices);
    TEST(io_is_completed_before_run_is_left);
    TEST(a_halt_leaves_until_something_comes);
    TEST(a_triple_fault_asks_for_a_reset);
    TEST(one_without_hardware_is_told_of);
    TEST(what_cannot_go_on_is_an_internal_error);
    TEST(a_run_that_fails_is_an_internal_error);
    TEST(a_system_event_resets);
    TEST(a_kick_makes_it_leave);
    TEST(an_interrupt_waits_for_its_window);
    TEST(the_apic_learns_of_cr8_and_its_base);
    TEST(nmi_and_smi_are_the_kernels);
    TEST(the_interpreter_completes_an_instruction);
    TEST(it_does_more_where_the_kernel_does_nothing);
    TEST(it_sees_code_that_the_guest_changed);
    TEST(it_delivers_faults);
    TEST(a_guest_that_stands_is_told_of);
    TEST(a_guest_that_does_io_is_not);
    return g_test_run();
}
