/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/vcpu_test.c: vCPU threads with an engine that only counts. */
#include "softmmu/machine.h"

/* Runs "instructions" until told to leave; each may take the machine lock as an MMIO access does. */
struct fake_cpu {
    struct vcpu vcpu;
    atomic_bool work, mmio, in_run, ask_exclusive, ask_pause;
    atomic_uint laps, resets, exclusives, kicks;
};

static bool fake_init(struct vcpu *cpu, GError **error)
{
    (void)cpu;
    (void)error;
    return true;
}

static void fake_run(struct vcpu *cpu)
{
    struct fake_cpu *f = (struct fake_cpu *)cpu;
    struct machine *m = cpu->machine;

    f->in_run = true;
    while (!cpu->exit_request && f->work) {
        f->laps++;
        if (f->mmio) {
            f->in_run = false; /* at the safe point */
            machine_lock(m);
            if (f->ask_exclusive) {
                vcpu_exclusive_begin(m);
                for (unsigned i = 0; i < m->n_vcpus; i++) {
                    g_assert_false(((struct fake_cpu *)m->vcpus[i])->in_run);
                }
                f->exclusives++;
                vcpu_exclusive_end(m);
            }
            if (f->ask_pause) {
                f->ask_pause = false;
                vcpu_pause_all(m);
            }
            machine_unlock(m);
            f->in_run = true;
        }
    }
    f->in_run = false;
}

static bool fake_has_work(struct vcpu *cpu)
{
    return ((struct fake_cpu *)cpu)->work;
}

static void fake_reset(struct vcpu *cpu)
{
    ((struct fake_cpu *)cpu)->resets++;
}

static void fake_kick(struct vcpu *cpu)
{
    ((struct fake_cpu *)cpu)->kicks++;
}

static const struct vcpu_ops fake_ops = {
    .name = "fake",
    .init = fake_init,
    .run = fake_run,
    .has_work = fake_has_work,
    .reset = fake_reset,
    .kick = fake_kick,
};

static struct machine *new_machine(struct fake_cpu *cpus, unsigned n)
{
    struct machine *m = machine_new();
    g_autoptr(GError) error = NULL;

    machine_lock(m);
    for (unsigned i = 0; i < n; i++) {
        cpus[i].vcpu.ops = &fake_ops;
        cpus[i].work = true;
        m->vcpus[m->n_vcpus++] = &cpus[i].vcpu;
    }
    vcpu_start_all(m, &error);
    g_assert_no_error(error);
    return m;
}

/* Without the lock, until the counter moves on. */
static void wait_for_more(struct machine *m, atomic_uint *counter, unsigned by)
{
    unsigned from = *counter;

    machine_unlock(m);
    while (*counter - from < by) {
        g_usleep(100);
    }
    machine_lock(m);
}

static void starts_stopped_and_runs_after_resume(void)
{
    struct fake_cpu cpu = { 0 };
    struct machine *m = new_machine(&cpu, 1);

    g_assert_true(cpu.vcpu.created);
    g_assert_cmpint(cpu.vcpu.thread_id, >, 0);
    g_assert_cmpuint(cpu.laps, ==, 0);
    g_assert_null(vcpu_current());
    vcpu_resume_all(m);
    wait_for_more(m, &cpu.laps, 100);
    machine_free(m);
}

static void pause_means_no_guest_code(void)
{
    struct fake_cpu cpus[3] = { 0 };
    struct machine *m = new_machine(cpus, 3);

    for (int round = 0; round < 20; round++) {
        unsigned laps[3];

        vcpu_resume_all(m);
        wait_for_more(m, &cpus[round % 3].laps, 10);
        vcpu_pause_all(m);
        for (int i = 0; i < 3; i++) {
            g_assert_false(cpus[i].in_run);
            g_assert_true(cpus[i].vcpu.stop);
            laps[i] = cpus[i].laps;
        }
        machine_unlock(m);
        g_usleep(200);
        machine_lock(m);
        for (int i = 0; i < 3; i++) {
            g_assert_cmpuint(cpus[i].laps, ==, laps[i]);
        }
    }
    machine_free(m);
}

static void kick_wakes_an_idle_vcpu(void)
{
    struct fake_cpu cpu = { 0 };
    struct machine *m = new_machine(&cpu, 1);

    cpu.work = false;
    vcpu_resume_all(m);
    machine_unlock(m);
    for (int round = 0; round < 50; round++) {
        unsigned laps = cpu.laps;

        cpu.work = true;
        vcpu_kick(&cpu.vcpu); /* without the lock, as an inter-processor interrupt may */
        while (cpu.laps == laps) {
            g_usleep(10);
        }
        cpu.work = false;
    }
    machine_lock(m);
    g_assert_cmpuint(cpu.kicks, >=, 50);
    machine_free(m);
}

static void exclusive_passes_a_vcpu_that_waits_for_the_lock(void)
{
    struct fake_cpu cpus[2] = { 0 };
    struct machine *m = new_machine(cpus, 2);

    cpus[0].mmio = true; /* wants the lock most of the time */
    vcpu_resume_all(m);
    for (int round = 0; round < 50; round++) {
        wait_for_more(m, &cpus[round & 1].laps, 1);
        g_usleep(50); /* cpus[0] is inside run and waits for this thread */
        vcpu_exclusive_begin(m);
        vcpu_exclusive_begin(m);
        g_assert_false(cpus[0].in_run);
        g_assert_false(cpus[1].in_run);
        vcpu_exclusive_end(m);
        g_assert_false(cpus[1].in_run);
        vcpu_exclusive_end(m);
    }
    machine_free(m);
}

static void vcpus_may_be_exclusive_in_turn(void)
{
    struct fake_cpu cpus[3] = { 0 };
    struct machine *m = new_machine(cpus, 3);

    cpus[0].mmio = cpus[1].mmio = true;
    cpus[0].ask_exclusive = cpus[1].ask_exclusive = true;
    vcpu_resume_all(m);
    wait_for_more(m, &cpus[0].exclusives, 50);
    wait_for_more(m, &cpus[1].exclusives, 50);
    vcpu_pause_all(m);
    machine_free(m);
}

static void vcpus_may_pause_all_at_once(void)
{
    struct fake_cpu cpus[3] = { 0 };
    struct machine *m = new_machine(cpus, 3);

    for (int i = 0; i < 3; i++) {
        cpus[i].mmio = cpus[i].ask_pause = true;
    }
    vcpu_resume_all(m);
    machine_unlock(m);
    while (cpus[0].ask_pause && cpus[1].ask_pause && cpus[2].ask_pause) {
        g_usleep(100);
    }
    machine_lock(m);
    vcpu_pause_all(m);
    for (int i = 0; i < 3; i++) {
        g_assert_false(cpus[i].vcpu.in_guest);
    }
    machine_free(m);
}

/* A flat view that changes under running vCPUs. */
struct reader {
    struct vcpu vcpu;
    atomic_uint laps;
};

static void reader_run(struct vcpu *cpu)
{
    struct machine *m = cpu->machine;

    while (!cpu->exit_request) {
        uint64_t v = address_space_load(&m->memory, 0x1000, 4);

        g_assert_true(v == 0 || v == 0xffffffff);
        v = address_space_load(&m->memory, 0x9000, 4);
        g_assert_true(v == 7 || v == 0xffffffff);
        ((struct reader *)cpu)->laps++;
    }
}

static bool reader_has_work(struct vcpu *cpu)
{
    (void)cpu;
    return true;
}

static uint64_t read_seven(void *opaque, uint64_t offset, unsigned size)
{
    (void)opaque;
    (void)offset;
    (void)size;
    return 7;
}

static void lookups_need_no_lock_while_the_view_changes(void)
{
    static const struct vcpu_ops ops = {
        .name = "reader", .run = reader_run, .has_work = reader_has_work, .reset = fake_reset
    };
    static const struct mem_ops seven = { .read = read_seven, .min_size = 4, .max_size = 4 };
    struct reader cpus[2] = { { .vcpu.ops = &ops }, { .vcpu.ops = &ops } };
    struct machine *m = machine_new();
    struct mem_region ram, mmio;
    g_autoptr(GError) error = NULL;

    machine_lock(m);
    g_assert_true(mem_region_init_ram(&ram, m, "ram", 0x1000, &error));
    mem_region_add(&m->system_memory, 0x1000, &ram, 0);
    mem_region_init_mmio(&mmio, m, "mmio", &seven, NULL, 0x1000);
    mem_region_add(&m->system_memory, 0x9000, &mmio, 0);
    m->vcpus[0] = &cpus[0].vcpu;
    m->vcpus[1] = &cpus[1].vcpu;
    m->n_vcpus = 2;
    g_assert_true(vcpu_start_all(m, &error));
    vcpu_resume_all(m);
    for (int round = 0; round < 100; round++) {
        wait_for_more(m, &cpus[round & 1].laps, 1);
        mem_region_set_enabled(&ram, round & 1);
        mem_region_set_enabled(&mmio, round & 2);
    }
    machine_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vcpu/start", starts_stopped_and_runs_after_resume);
    g_test_add_func("/vcpu/pause", pause_means_no_guest_code);
    g_test_add_func("/vcpu/kick-idle", kick_wakes_an_idle_vcpu);
    g_test_add_func("/vcpu/exclusive-waiter", exclusive_passes_a_vcpu_that_waits_for_the_lock);
    g_test_add_func("/vcpu/exclusive-in-turn", vcpus_may_be_exclusive_in_turn);
    g_test_add_func("/vcpu/pause-at-once", vcpus_may_pause_all_at_once);
    g_test_add_func("/vcpu/view-changes", lookups_need_no_lock_while_the_view_changes);
    return g_test_run();
}
