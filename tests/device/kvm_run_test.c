/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/kvm_run_test.c: the KVM engine by a model of the kernel: memory slots and dirty pages, what makes the
 * guest leave, interrupts, the state and back, completion by the interpreter.  What a kernel does with a guest is in
 * tests/boot/kvm.py.
 * Thread: the test's, which is the vCPU's while it runs.
 */
#include <errno.h>
#include <string.h>
#include "accel/kvm/internal.h"
#include "softmmu/machine.h"
#include "target/i386/operand.h"
#include "tests/device/kvm_model.h"

#define RAM_SIZE  (4u << 20)
#define ROM_AT    0xfffff000u
#define PORT      0x500
#define DEVICE_AT 0x80000000u
#define NO_SLOT   UINT64_MAX

struct rig {
    struct kvm_model *k;
    struct machine *m;
    struct x86_cpu *cpu;
    struct mem_region ram, rom, ports, device, hole;
    uint64_t written[8], next;
    unsigned n_written;
    /* The exits to come, one after another; then the test leaves. */
    void (*const *exits)(struct rig *r, struct kvm_run *run);
    unsigned n_exits, entered;
};

/* A device that gives 0x10, 0x11, ..., and keeps what it gets. */
static uint64_t device_read(void *opaque, uint64_t offset, unsigned size)
{
    (void)offset;
    (void)size;
    return ((struct rig *)opaque)->next++;
}

static void device_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct rig *r = opaque;

    (void)offset;
    (void)size;
    g_assert_cmpuint(r->n_written, <, G_N_ELEMENTS(r->written));
    r->written[r->n_written++] = value;
}

static const struct mem_ops device_ops = { .read = device_read, .write = device_write };

static void leave(struct rig *r)
{
    atomic_store(&r->cpu->vcpu.leave, true);
    atomic_store(&r->cpu->vcpu.exit_request, true);
}

static int enter(void *opaque, struct kvm_model_vcpu *v)
{
    struct rig *r = opaque;

    if (r->entered == r->n_exits) {
        leave(r);
        return -EINTR;
    }
    v->run->if_flag = 1;
    r->exits[r->entered++](r, v->run);
    return 0;
}

static struct rig *rig_new_kvm(struct kvm_model *k)
{
    struct rig *r = g_new0(struct rig, 1);
    g_autoptr(GError) error = NULL;

    r->k = k;
    r->next = 0x10;
    k->enter = enter;
    k->opaque = r;
    r->m = machine_new();
    machine_lock(r->m);
    r->m->config.accel = g_strdup("kvm,kernel-irqchip=off");
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
    r->cpu = cpu_new(r->m, 0, "qemu64", &error);
    g_assert_no_error(error);
    r->cpu->vcpu.ops = &kvm_vcpu_ops;
    r->m->vcpus[r->m->n_vcpus++] = &r->cpu->vcpu;
    kvm_vcpu_ops.init(&r->cpu->vcpu, &error);
    g_assert_no_error(error);
    return r;
}

static void rig_end(struct rig *r)
{
    kvm_vcpu_ops.destroy(&r->cpu->vcpu);
    mem_region_destroy(&r->hole);
    mem_region_destroy(&r->ports);
    mem_region_destroy(&r->device);
    mem_region_destroy(&r->rom);
    mem_region_destroy(&r->ram);
    r->m->n_vcpus = 0;
    machine_free(r->m);
    cpu_free(r->cpu);
    kvm_model_free(r->k);
    g_free(r);
}

static void run(struct rig *r, void (*const *exits)(struct rig *, struct kvm_run *), unsigned n)
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

#define RUN(r, ...)                                                                                \
    do {                                                                                           \
        static void (*const list[])(struct rig *, struct kvm_run *) = { __VA_ARGS__ };             \
                                                                                                   \
        run(r, list, G_N_ELEMENTS(list));                                                          \
    } while (0)

/* Slots ---------------------------------------------------------------------------------------- */

static const struct kvm_userspace_memory_region *slot_at(struct rig *r, unsigned space, uint64_t at)
{
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init(&iter, r->k->slots);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        const struct kvm_userspace_memory_region *s = value;

        if (s->slot >> 16 == space && at >= s->guest_phys_addr &&
            at - s->guest_phys_addr < s->memory_size) {
            return s;
        }
    }
    return NULL;
}

/* Which offset of the RAM a physical address shows; NO_SLOT: none. */
static uint64_t shows(struct rig *r, uint64_t at)
{
    const struct kvm_userspace_memory_region *s = slot_at(r, 0, at);

    return s ? s->userspace_addr + (at - s->guest_phys_addr) - (uintptr_t)r->ram.ram->host
             : NO_SLOT;
}

static void add_hole(struct rig *r, uint64_t at, uint64_t size)
{
    mem_region_init_mmio(&r->hole, r->m, "hole", &device_ops, r, size);
    mem_region_add(&r->m->system_memory, at, &r->hole, 1);
}

static void slots_follow_the_view(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());
    const struct kvm_userspace_memory_region *s = slot_at(r, 0, 0);

    g_assert_nonnull(s);
    g_assert_cmpuint(s->memory_size, ==, RAM_SIZE);
    g_assert_cmpuint(s->flags, ==, 0);
    g_assert_cmphex(s->userspace_addr, ==, (uintptr_t)r->ram.ram->host);
    g_assert_nonnull(slot_at(r, 1, 0)); /* SMM sees it, too */
    s = slot_at(r, 0, ROM_AT);
    g_assert_nonnull(s);
    g_assert_cmpuint(s->flags, ==, KVM_MEM_READONLY);
    g_assert_null(slot_at(r, 0, DEVICE_AT));
    g_assert_cmpuint(g_hash_table_size(r->k->slots), ==, 4);
    rig_end(r);
}

static void a_device_splits_a_slot(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    add_hole(r, 0x100000, 0x2000);
    g_assert_cmphex(shows(r, 0xff000), ==, 0xff000);
    g_assert_cmphex(shows(r, 0x100000), ==, NO_SLOT);
    g_assert_cmphex(shows(r, 0x101000), ==, NO_SLOT);
    g_assert_cmphex(shows(r, 0x102000), ==, 0x102000);
    mem_region_del(&r->hole);
    g_assert_cmpuint(slot_at(r, 0, 0)->memory_size, ==, RAM_SIZE);
    g_assert_cmpuint(g_hash_table_size(r->k->slots), ==, 4);
    rig_end(r);
}

static void parts_of_pages_have_no_slot(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    add_hole(r, 0x1800, 0x100);
    g_assert_cmphex(shows(r, 0), ==, 0);
    g_assert_cmphex(shows(r, 0x1000), ==, NO_SLOT);
    g_assert_cmphex(shows(r, 0x2000), ==, 0x2000);
    rig_end(r);
}

static void read_only_ram_is_a_read_only_slot(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    mem_region_set_readonly(&r->ram, true);
    g_assert_cmpuint(slot_at(r, 0, 0)->flags, ==, KVM_MEM_READONLY);
    mem_region_set_readonly(&r->ram, false);
    g_assert_cmpuint(slot_at(r, 0, 0)->flags, ==, 0);
    rig_end(r);
}

static void without_read_only_slots_rom_has_none(void)
{
    struct kvm_model *k = kvm_model_new();
    struct rig *r;

    kvm_model_cap(k, KVM_CAP_READONLY_MEM, 0);
    r = rig_new_kvm(k);
    g_assert_null(slot_at(r, 0, ROM_AT));
    g_assert_nonnull(slot_at(r, 0, 0));
    rig_end(r);
}

static void a20_shows_even_megabytes_twice(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    r->m->a20_masked = true;
    vcpu_exclusive_begin(r->m);
    address_space_notify(&r->m->memory);
    g_assert_cmphex(shows(r, 0x100000), ==, 0);
    g_assert_cmphex(shows(r, 0x2ff000), ==, 0x2ff000);
    g_assert_cmphex(shows(r, 0x300000), ==, 0x200000);
    g_assert_cmphex(kvm_a20(r->m->kvm, 0x100010), ==, 0x10);
    r->m->a20_masked = false;
    address_space_notify(&r->m->memory);
    vcpu_exclusive_end(r->m);
    g_assert_cmphex(shows(r, 0x100000), ==, 0x100000);
    g_assert_cmpuint(slot_at(r, 0, 0)->memory_size, ==, RAM_SIZE);
    rig_end(r);
}

static void a_refused_slot_is_an_internal_error(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    kvm_model_fail(r->k, KVM_SET_USER_MEMORY_REGION, -1, ENOMEM);
    add_hole(r, 0x100000, 0x1000);
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_PRELAUNCH); /* not in the exclusive section */
    while (g_main_context_iteration(r->m->context, FALSE)) {
    }
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_INTERNAL_ERROR);
    rig_end(r);
}

/* Dirty pages ---------------------------------------------------------------------------------- */

#define PAGES (RAM_SIZE / GUEST_PAGE_SIZE)

static unsigned collect(struct rig *r, enum ram_page_flag flag, uint64_t *bitmap)
{
    unsigned n = 0;

    ram_dirty_collect(r->m, r->ram.ram, 0, RAM_SIZE, flag, bitmap);
    for (unsigned i = 0; i < PAGES / 64; i++) {
        n += (unsigned)__builtin_popcountll(bitmap[i]);
    }
    return n;
}

static void the_first_look_says_all_and_begins_to_log(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());
    uint64_t bitmap[PAGES / 64];

    g_assert_cmpuint(collect(r, RAM_PAGE_MIGRATE, bitmap), ==, PAGES);
    g_assert_cmpuint(slot_at(r, 0, 0)->flags, ==, KVM_MEM_LOG_DIRTY_PAGES);
    g_assert_cmpuint(slot_at(r, 1, 0)->flags, ==, KVM_MEM_LOG_DIRTY_PAGES);
    g_assert_cmpuint(collect(r, RAM_PAGE_MIGRATE, bitmap), ==, 0);
    kvm_model_dirty(r->k, slot_at(r, 0, 0)->slot, 3);
    kvm_model_dirty(r->k, slot_at(r, 1, 0)->slot, 70);
    g_assert_cmpuint(collect(r, RAM_PAGE_MIGRATE, bitmap), ==, 2);
    g_assert_cmphex(bitmap[0], ==, 1u << 3);
    g_assert_cmphex(bitmap[1], ==, 1u << 6);
    g_assert_cmpuint(collect(r, RAM_PAGE_MIGRATE, bitmap), ==, 0);
    rig_end(r);
}

static void logging_ends_with_the_last_who_wants_it(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());
    uint64_t bitmap[PAGES / 64];

    collect(r, RAM_PAGE_MIGRATE, bitmap);
    collect(r, RAM_PAGE_DISPLAY, bitmap);
    ram_dirty_end(r->m, RAM_PAGE_MIGRATE);
    g_assert_cmpuint(slot_at(r, 0, 0)->flags, ==, KVM_MEM_LOG_DIRTY_PAGES);
    ram_dirty_end(r->m, RAM_PAGE_DISPLAY);
    g_assert_cmpuint(slot_at(r, 0, 0)->flags, ==, 0);
    g_assert_cmpuint(collect(r, RAM_PAGE_MIGRATE, bitmap), ==, PAGES); /* nobody has looked */
    rig_end(r);
}

static void a_slot_that_goes_hands_its_log_over(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());
    uint64_t bitmap[PAGES / 64];

    collect(r, RAM_PAGE_MIGRATE, bitmap);
    kvm_model_dirty(r->k, slot_at(r, 0, 0)->slot, 5);
    add_hole(r, 0x100000, 0x1000);
    g_assert_cmpuint(slot_at(r, 0, 0)->flags, ==, KVM_MEM_LOG_DIRTY_PAGES);
    g_assert_cmpuint(slot_at(r, 0, 0x200000)->flags, ==, KVM_MEM_LOG_DIRTY_PAGES);
    kvm_model_dirty(r->k, slot_at(r, 0, 0x101000)->slot, 0);
    g_assert_cmpuint(collect(r, RAM_PAGE_MIGRATE, bitmap), ==, 2);
    g_assert_cmphex(bitmap[0], ==, 1u << 5);
    g_assert_cmphex(bitmap[4], ==, 1u << 1);
    rig_end(r);
}

static void a_log_that_cannot_be_read_says_all(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());
    uint64_t bitmap[PAGES / 64];

    collect(r, RAM_PAGE_MIGRATE, bitmap);
    kvm_model_fail(r->k, KVM_GET_DIRTY_LOG, 1, ENOENT);
    g_assert_cmpuint(collect(r, RAM_PAGE_MIGRATE, bitmap), ==, PAGES);
    rig_end(r);
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

static void exit_in_three(struct rig *r, struct kvm_run *run)
{
    (void)r;
    set_io(run, KVM_EXIT_IO_IN, 2, 3);
}

/* What came in goes out again: the kernel has it in the same place. */
static void exit_out_three(struct rig *r, struct kvm_run *run)
{
    (void)r;
    set_io(run, KVM_EXIT_IO_OUT, 2, 3);
}

static void strings_of_ports(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    RUN(r, exit_in_three, exit_out_three);
    g_assert_cmpuint(r->n_written, ==, 3);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmphex(r->written[i], ==, 0x10 + i);
    }
    rig_end(r);
}

static void exit_io_beyond(struct rig *r, struct kvm_run *run)
{
    (void)r;
    set_io(run, KVM_EXIT_IO_OUT, 4, 1u << 30);
}

static void port_data_stays_in_its_page(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    RUN(r, exit_io_beyond);
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_INTERNAL_ERROR);
    g_assert_cmpuint(r->n_written, ==, 0);
    rig_end(r);
}

static void set_mmio(struct kvm_run *run, uint64_t at, uint32_t len, bool write)
{
    run->exit_reason = KVM_EXIT_MMIO;
    run->mmio.phys_addr = at;
    run->mmio.len = len;
    run->mmio.is_write = write;
}

static void exit_read_four(struct rig *r, struct kvm_run *run)
{
    r->next = 0x12345678;
    set_mmio(run, DEVICE_AT + 8, 4, false);
}

static void exit_write_four(struct rig *r, struct kvm_run *run)
{
    (void)r;
    set_mmio(run, DEVICE_AT + 8, 4, true);
}

static void exit_write_rom(struct rig *r, struct kvm_run *run)
{
    (void)r;
    set_mmio(run, ROM_AT, 1, true);
}

static void exit_nine_bytes(struct rig *r, struct kvm_run *run)
{
    (void)r;
    set_mmio(run, DEVICE_AT, 9, true);
}

static void memory_of_devices(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    RUN(r, exit_read_four, exit_write_four, exit_write_rom);
    g_assert_cmpuint(r->n_written, ==, 1);
    g_assert_cmphex(r->written[0], ==, 0x12345678);
    g_assert_cmphex(r->rom.ram->host[0], ==, 0);
    RUN(r, exit_nine_bytes);
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_INTERNAL_ERROR);
    rig_end(r);
}

static void io_is_completed_before_run_is_left(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());
    unsigned runs;

    RUN(r, exit_read_four);
    runs = kvm_model_count(r->k, KVM_RUN);
    kvm_model_forget(r->k);
    r->entered = 0;
    r->n_exits = 1;
    leave(r); /* seen before the first entry: then nothing waits for its end */
    machine_unlock(r->m);
    kvm_vcpu_ops.run(&r->cpu->vcpu);
    machine_lock(r->m);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_RUN), ==, 0);
    g_assert_cmpuint(runs, ==, 2);
    r->m->kvm->vcpus[0]->needs_entry = true;
    leave(r);
    machine_unlock(r->m);
    kvm_vcpu_ops.run(&r->cpu->vcpu);
    machine_lock(r->m);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_RUN), ==, 1);
    g_assert_false(r->m->kvm->vcpus[0]->needs_entry);
    rig_end(r);
}

static void exit_hlt(struct rig *r, struct kvm_run *run)
{
    (void)r;
    run->exit_reason = KVM_EXIT_HLT;
}

static void a_halt_leaves_until_something_comes(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    RUN(r, exit_hlt);
    g_assert_true(r->cpu->halted);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_RUN), ==, 1);
    g_assert_false(kvm_vcpu_ops.has_work(&r->cpu->vcpu));
    cpu_set_pending(r->cpu, PENDING_INTR);
    g_assert_true(kvm_vcpu_ops.has_work(&r->cpu->vcpu)); /* IF is as the kernel said */
    rig_end(r);
}

static void exit_shutdown(struct rig *r, struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_SHUTDOWN;
    leave(r);
}

static void a_triple_fault_asks_for_a_reset(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    RUN(r, exit_shutdown);
    g_assert_cmpint(r->m->reset_requested, ==, SHUTDOWN_GUEST_RESET);
    rig_end(r);
}

static void exit_fail_entry(struct rig *r, struct kvm_run *run)
{
    (void)r;
    run->exit_reason = KVM_EXIT_FAIL_ENTRY;
}

static void exit_9999(struct rig *r, struct kvm_run *run)
{
    (void)r;
    run->exit_reason = 9999;
}

static void exit_unexpected(struct rig *r, struct kvm_run *run)
{
    (void)r;
    run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
    run->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
}

static void what_cannot_go_on_is_an_internal_error(void)
{
    static void (*const exits[])(struct rig *, struct kvm_run *) = { exit_fail_entry, exit_9999,
                                                                     exit_unexpected };

    for (unsigned i = 0; i < G_N_ELEMENTS(exits); i++) {
        struct rig *r = rig_new_kvm(kvm_model_new());

        run(r, &exits[i], 1);
        g_assert_cmpint(r->m->run_state, ==, RUN_STATE_INTERNAL_ERROR);
        g_assert_cmpuint(kvm_model_count(r->k, KVM_RUN), ==, 1);
        rig_end(r);
    }
}

static void a_run_that_fails_is_an_internal_error(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    kvm_model_fail(r->k, KVM_RUN, 1, EFAULT);
    RUN(r, exit_hlt);
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_INTERNAL_ERROR);
    rig_end(r);
}

static void exit_system_reset(struct rig *r, struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_SYSTEM_EVENT;
    run->system_event.type = KVM_SYSTEM_EVENT_RESET;
    leave(r);
}

static void a_system_event_resets(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    RUN(r, exit_system_reset);
    g_assert_cmpint(r->m->reset_requested, ==, SHUTDOWN_GUEST_RESET);
    rig_end(r);
}

/* Another thread's kick while the guest runs. */
static void exit_kicked(struct rig *r, struct kvm_run *run)
{
    g_assert_cmpuint(run->immediate_exit, ==, 0);
    r->cpu->vcpu.thread_id = (int)gettid();
    leave(r);
    kvm_vcpu_ops.kick(&r->cpu->vcpu);
    g_assert_cmpuint(run->immediate_exit, ==, 1);
    run->exit_reason = KVM_EXIT_INTR;
}

static void a_kick_makes_it_leave(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    RUN(r, exit_kicked, exit_hlt);
    g_assert_cmpuint(r->entered, ==, 1);
    g_assert_false(r->cpu->halted);
    rig_end(r);
}

/* Interrupts --------------------------------------------------------------------------------------- */

static int acknowledge(void *opaque)
{
    struct rig *r = opaque;

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
    ((struct rig *)opaque)->next = value;
    return true;
}

static uint8_t get_tpr(void *opaque)
{
    (void)opaque;
    return 3;
}

static void set_tpr(void *opaque, uint8_t cr8)
{
    ((struct rig *)opaque)->written[7] = cr8;
}

static const struct x86_apic_ops apic_ops = {
    .acknowledge = acknowledge,
    .get_base = get_base,
    .set_base = set_base,
    .get_tpr = get_tpr,
    .set_tpr = set_tpr,
};

static void exit_window(struct rig *r, struct kvm_run *run)
{
    g_assert_cmpuint(run->request_interrupt_window, ==, 1);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_INTERRUPT), ==, 0);
    run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
    run->ready_for_interrupt_injection = 1;
}

static void exit_after_injection(struct rig *r, struct kvm_run *run)
{
    g_assert_cmpuint(run->request_interrupt_window, ==, 0);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_INTERRUPT), ==, 1);
    run->exit_reason = KVM_EXIT_INTR;
}

static void an_interrupt_waits_for_its_window(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());
    const struct kvm_interrupt *i;

    r->cpu->apic = &apic_ops;
    r->cpu->apic_opaque = r;
    cpu_set_pending(r->cpu, PENDING_INTR);
    RUN(r, exit_window, exit_after_injection);
    i = kvm_model_last(r->k, KVM_INTERRUPT, NULL);
    g_assert_nonnull(i);
    g_assert_cmphex(i->irq, ==, 0x31);
    r->cpu->apic = NULL;
    rig_end(r);
}

static void exit_cr8(struct rig *r, struct kvm_run *run)
{
    (void)r;
    g_assert_cmpuint(run->cr8, ==, 3); /* the local APIC's */
    run->cr8 = 5;
    run->apic_base = 0xfee00100;
    run->exit_reason = KVM_EXIT_SET_TPR;
}

static void the_apic_learns_of_cr8_and_its_base(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    r->cpu->apic = &apic_ops;
    r->cpu->apic_opaque = r;
    RUN(r, exit_cr8);
    g_assert_cmpuint(r->written[7], ==, 5);
    g_assert_cmphex(r->next, ==, 0xfee00100);
    r->cpu->apic = NULL;
    rig_end(r);
}

static void exit_intr(struct rig *r, struct kvm_run *run)
{
    (void)r;
    run->exit_reason = KVM_EXIT_INTR;
}

static void nmi_and_smi_are_the_kernels(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    cpu_set_pending(r->cpu, PENDING_NMI | PENDING_SMI);
    RUN(r, exit_intr);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_NMI), ==, 1);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_SMI), ==, 1);
    g_assert_cmphex(atomic_load(&r->cpu->pending), ==, 0);
    rig_end(r);
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
    struct rig *r = rig_new_kvm(kvm_model_new());
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
    rig_end(r);
}

static void whoever_looks_twice_reads_once(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];

    g_assert_true(kvm_store(v));
    g_assert_true(kvm_store(v));
    g_assert_cmpuint(kvm_model_count(r->k, KVM_SET_REGS), ==, 1);
    kvm_fetch(v);
    kvm_fetch(v);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_GET_REGS), ==, 1);
    rig_end(r);
}

static void a_state_that_is_refused_is_an_internal_error(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    kvm_model_fail(r->k, KVM_SET_SREGS2, 1, EINVAL);
    RUN(r, exit_hlt);
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_INTERNAL_ERROR);
    g_assert_cmpuint(kvm_model_count(r->k, KVM_RUN), ==, 0);
    rig_end(r);
}

/* Real mode: vector 0x20 goes to 0000:5678, with what it interrupts on the stack. */
static void set_real(struct rig *r)
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

static void what_is_in_delivery_is_delivered(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];
    struct kvm_vcpu_events e = { .interrupt = { .injected = 1, .nr = 0x20 } };

    set_real(r);
    g_assert_true(kvm_store(v));
    kvm_model_answer(r->k, v->fd, KVM_GET_VCPU_EVENTS, &e, sizeof(e));
    kvm_fetch(v);
    g_assert_cmphex(r->cpu->regs[R_RIP], ==, 0x5678);
    g_assert_cmphex(r->cpu->regs[R_RSP], ==, 0x7ffa);
    g_assert_cmpmem(r->ram.ram->host + 0x7ffa, 2, "\x34\x12", 2);
    rig_end(r);
}

static void a_software_interrupt_is_done_again(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];
    struct kvm_vcpu_events e = { .interrupt = { .injected = 1, .nr = 0x20, .soft = 1 } };

    set_real(r);
    g_assert_true(kvm_store(v));
    kvm_model_answer(r->k, v->fd, KVM_GET_VCPU_EVENTS, &e, sizeof(e));
    kvm_fetch(v);
    g_assert_cmphex(r->cpu->regs[R_RIP], ==, 0x1234);
    rig_end(r);
}

static void a_pending_nmi_is_kept(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];
    struct kvm_vcpu_events e = { .nmi = { .pending = 1, .masked = 1 } };

    g_assert_true(kvm_store(v));
    kvm_model_answer(r->k, v->fd, KVM_GET_VCPU_EVENTS, &e, sizeof(e));
    kvm_fetch(v);
    g_assert_true(r->cpu->nmi_blocked);
    g_assert_true(atomic_load(&r->cpu->pending) & PENDING_NMI);
    rig_end(r);
}

/* Completion ---------------------------------------------------------------------------------------- */

static void exit_emulation(struct rig *r, struct kvm_run *run)
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
    struct rig *r = rig_new_kvm(kvm_model_new());
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];
    const struct kvm_regs *regs;

    set_real(r);
    r->cpu->regs[R_RIP] = 0x1000;
    memcpy(r->ram.ram->host + 0x1000, four_moves, sizeof(four_moves));
    RUN(r, exit_emulation);
    regs = kvm_model_last(r->k, KVM_SET_REGS, NULL);
    g_assert_cmphex(regs->rip, ==, 0x1003);
    g_assert_cmphex(regs->rax & 0xffff, ==, 0x1234);
    g_assert_cmpuint(atomic_load(&v->count[KVM_COUNT_COMPLETED]), ==, 1);
    g_assert_cmpint(r->m->run_state, !=, RUN_STATE_INTERNAL_ERROR);
    rig_end(r);
}

/* One, then two more where the kernel gives up at once again. */
static void it_does_more_where_the_kernel_does_nothing(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());
    struct kvm_vcpu *v = r->m->kvm->vcpus[0];
    const struct kvm_regs *regs;

    set_real(r);
    r->cpu->regs[R_RIP] = 0x1000;
    memcpy(r->ram.ram->host + 0x1000, four_moves, sizeof(four_moves));
    RUN(r, exit_emulation, exit_emulation);
    regs = kvm_model_last(r->k, KVM_SET_REGS, NULL);
    g_assert_cmphex(regs->rip, ==, 0x1009);
    g_assert_cmpuint(atomic_load(&v->count[KVM_COUNT_COMPLETED]), ==, 3);
    rig_end(r);
}

/* What the guest has written meanwhile, which no code watch saw, is what is executed. */
static void it_sees_code_that_the_guest_changed(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());
    const struct kvm_regs *regs;

    for (unsigned i = 0; i < 2; i++) {
        kvm_fetch(r->m->kvm->vcpus[0]);
        set_real(r);
        r->cpu->regs[R_RIP] = 0x1000;
        memcpy(r->ram.ram->host + 0x1000, four_moves, sizeof(four_moves));
        r->ram.ram->host[0x1001] = (uint8_t)(0x40 + i);
        RUN(r, exit_emulation);
        regs = kvm_model_last(r->k, KVM_SET_REGS, NULL);
        g_assert_cmphex(regs->rax & 0xffff, ==, 0x1240 + i);
    }
    rig_end(r);
}

/* DIV by 0: the fault is delivered. */
static void it_delivers_faults(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());
    const struct kvm_regs *regs;

    set_real(r);
    r->cpu->regs[R_RIP] = 0x1000;
    r->cpu->regs[R_RCX] = 0;
    memcpy(r->ram.ram->host + 0x1000, "\xf7\xf1", 2);
    memcpy(r->ram.ram->host, "\x00\x30\x00\x00", 4);
    RUN(r, exit_emulation);
    regs = kvm_model_last(r->k, KVM_SET_REGS, NULL);
    g_assert_cmphex(regs->rip, ==, 0x3000);
    rig_end(r);
}

/* Progress ------------------------------------------------------------------------------------------ */

static void exit_looked(struct rig *r, struct kvm_run *run)
{
    r->m->kvm->vcpus[0]->inside = true; /* as if the tick came now */
    machine_lock(r->m);
    kvm_watch_tick(r->m->kvm);
    machine_unlock(r->m);
    run->exit_reason = KVM_EXIT_INTR;
}

static void a_guest_that_stands_is_told_of(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    /* The first look finds the place, five more find it again; the last of these is at the entry that follows. */
    RUN(r, exit_looked, exit_looked, exit_looked, exit_looked, exit_looked);
    g_assert_false(atomic_load(&r->m->kvm->told));
    rig_end(r);
    r = rig_new_kvm(kvm_model_new());
    RUN(r, exit_looked, exit_looked, exit_looked, exit_looked, exit_looked, exit_looked);
    g_assert_true(atomic_load(&r->m->kvm->told));
    rig_end(r);
}

/* The same ticks, and the guest leaves between them. */
static void a_guest_that_does_io_is_not(void)
{
    struct rig *r = rig_new_kvm(kvm_model_new());

    for (unsigned i = 0; i < 20; i++) {
        RUN(r, exit_looked, exit_read_four, exit_intr);
    }
    g_assert_false(atomic_load(&r->m->kvm->told));
    rig_end(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/kvm/" #name, name)
    TEST(slots_follow_the_view);
    TEST(a_device_splits_a_slot);
    TEST(parts_of_pages_have_no_slot);
    TEST(read_only_ram_is_a_read_only_slot);
    TEST(without_read_only_slots_rom_has_none);
    TEST(a20_shows_even_megabytes_twice);
    TEST(a_refused_slot_is_an_internal_error);
    TEST(the_first_look_says_all_and_begins_to_log);
    TEST(logging_ends_with_the_last_who_wants_it);
    TEST(a_slot_that_goes_hands_its_log_over);
    TEST(a_log_that_cannot_be_read_says_all);
    TEST(strings_of_ports);
    TEST(port_data_stays_in_its_page);
    TEST(memory_of_devices);
    TEST(io_is_completed_before_run_is_left);
    TEST(a_halt_leaves_until_something_comes);
    TEST(a_triple_fault_asks_for_a_reset);
    TEST(what_cannot_go_on_is_an_internal_error);
    TEST(a_run_that_fails_is_an_internal_error);
    TEST(a_system_event_resets);
    TEST(a_kick_makes_it_leave);
    TEST(an_interrupt_waits_for_its_window);
    TEST(the_apic_learns_of_cr8_and_its_base);
    TEST(nmi_and_smi_are_the_kernels);
    TEST(the_state_comes_back_as_it_was);
    TEST(whoever_looks_twice_reads_once);
    TEST(a_state_that_is_refused_is_an_internal_error);
    TEST(what_is_in_delivery_is_delivered);
    TEST(a_software_interrupt_is_done_again);
    TEST(a_pending_nmi_is_kept);
    TEST(the_interpreter_completes_an_instruction);
    TEST(it_does_more_where_the_kernel_does_nothing);
    TEST(it_sees_code_that_the_guest_changed);
    TEST(it_delivers_faults);
    TEST(a_guest_that_stands_is_told_of);
    TEST(a_guest_that_does_io_is_not);
    return g_test_run();
}
