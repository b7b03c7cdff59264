/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/dirty_test.c: a CPU that writes through its TLB marks pages dirty again after somebody looked.
 * Thread: the test's, which stands for the vCPU's.
 */
#include "accel/tcg/tcg.h"
#include "target/i386/mem.h"
#include "tests/insn/system_rig.h"

#define PAGE 0x20000u

static bool collect(struct system_rig *r)
{
    uint64_t bitmap[RIG_RAM_SIZE / GUEST_PAGE_SIZE / 64];
    bool dirty;

    machine_lock(r->m);
    ram_dirty_collect(r->m, r->ram.ram, 0, RIG_RAM_SIZE, RAM_PAGE_DISPLAY, bitmap);
    dirty = bitmap[PAGE / GUEST_PAGE_SIZE / 64] >> (PAGE / GUEST_PAGE_SIZE % 64) & 1;
    machine_unlock(r->m);
    return dirty;
}

static void stores_after_a_look_are_seen_by_the_next(void)
{
    struct system_rig *r = system_rig_new("qemu64");
    struct vcpu *v = &r->cpu->vcpu;

    g_assert_true(tcg_vcpu_ops.init(v, NULL));
    rig_protected(r, 0);
    collect(r);
    for (unsigned i = 0; i < 3; i++) {
        linear_store(r->cpu, PAGE + i * 4, i, 4);
        linear_store(r->cpu, PAGE + i * 4, i, 4); /* by way of the TLB */
        g_assert_true(collect(r));
        g_assert_false(collect(r));
    }
    tcg_vcpu_ops.destroy(v);
    g_assert_null(r->m->dirty_listeners);
    /* The rig's memory goes after its engine, unlike a machine's. */
    r->m->memory.listeners = NULL;
    r->m->code_watches = NULL;
    system_rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dirty/stores", stores_after_a_look_are_seen_by_the_next);
    return g_test_run();
}
