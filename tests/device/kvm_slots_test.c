/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/kvm_slots_test.c: memory slots and dirty pages of the KVM engine, by a model of the kernel.
 * Thread: the test's, which is the vCPU's while it runs.
 */
#include <errno.h>
#include <string.h>
#include "tests/device/kvm_rig.h"

#define NO_SLOT UINT64_MAX

static struct kvm_rig *new_rig(struct kvm_model *k)
{
    return kvm_rig_new(k, "kvm,kernel-irqchip=off", "qemu64");
}

/* Slots ---------------------------------------------------------------------------------------- */

static const struct kvm_userspace_memory_region *slot_at(struct kvm_rig *r, unsigned space,
                                                         uint64_t at)
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
static uint64_t shows(struct kvm_rig *r, uint64_t at)
{
    const struct kvm_userspace_memory_region *s = slot_at(r, 0, at);

    return s ? s->userspace_addr + (at - s->guest_phys_addr) - (uintptr_t)r->ram.ram->host
             : NO_SLOT;
}

static void slots_follow_the_view(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());
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
    kvm_rig_free(r);
}

static void a_device_splits_a_slot(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    kvm_rig_add_hole(r, 0x100000, 0x2000);
    g_assert_cmphex(shows(r, 0xff000), ==, 0xff000);
    g_assert_cmphex(shows(r, 0x100000), ==, NO_SLOT);
    g_assert_cmphex(shows(r, 0x101000), ==, NO_SLOT);
    g_assert_cmphex(shows(r, 0x102000), ==, 0x102000);
    mem_region_del(&r->hole);
    g_assert_cmpuint(slot_at(r, 0, 0)->memory_size, ==, RAM_SIZE);
    g_assert_cmpuint(g_hash_table_size(r->k->slots), ==, 4);
    kvm_rig_free(r);
}

static void parts_of_pages_have_no_slot(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    kvm_rig_add_hole(r, 0x1800, 0x100);
    g_assert_cmphex(shows(r, 0), ==, 0);
    g_assert_cmphex(shows(r, 0x1000), ==, NO_SLOT);
    g_assert_cmphex(shows(r, 0x2000), ==, 0x2000);
    kvm_rig_free(r);
}

static void read_only_ram_is_a_read_only_slot(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    mem_region_set_readonly(&r->ram, true);
    g_assert_cmpuint(slot_at(r, 0, 0)->flags, ==, KVM_MEM_READONLY);
    mem_region_set_readonly(&r->ram, false);
    g_assert_cmpuint(slot_at(r, 0, 0)->flags, ==, 0);
    kvm_rig_free(r);
}

static void without_read_only_slots_rom_has_none(void)
{
    struct kvm_model *k = kvm_model_new();
    struct kvm_rig *r;

    kvm_model_cap(k, KVM_CAP_READONLY_MEM, 0);
    r = new_rig(k);
    g_assert_null(slot_at(r, 0, ROM_AT));
    g_assert_nonnull(slot_at(r, 0, 0));
    kvm_rig_free(r);
}

static void a20_shows_even_megabytes_twice(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

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
    kvm_rig_free(r);
}

static void a_refused_slot_is_an_internal_error(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());

    kvm_model_fail(r->k, KVM_SET_USER_MEMORY_REGION, -1, ENOMEM);
    kvm_rig_add_hole(r, 0x100000, 0x1000);
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_PRELAUNCH); /* not in the exclusive section */
    while (g_main_context_iteration(r->m->context, FALSE)) {
    }
    g_assert_cmpint(r->m->run_state, ==, RUN_STATE_INTERNAL_ERROR);
    kvm_rig_free(r);
}

/* Dirty pages ---------------------------------------------------------------------------------- */

#define PAGES (RAM_SIZE / GUEST_PAGE_SIZE)

static unsigned collect(struct kvm_rig *r, enum ram_page_flag flag, uint64_t *bitmap)
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
    struct kvm_rig *r = new_rig(kvm_model_new());
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
    kvm_rig_free(r);
}

static void logging_ends_with_the_last_who_wants_it(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());
    uint64_t bitmap[PAGES / 64];

    collect(r, RAM_PAGE_MIGRATE, bitmap);
    collect(r, RAM_PAGE_DISPLAY, bitmap);
    ram_dirty_end(r->m, RAM_PAGE_MIGRATE);
    g_assert_cmpuint(slot_at(r, 0, 0)->flags, ==, KVM_MEM_LOG_DIRTY_PAGES);
    ram_dirty_end(r->m, RAM_PAGE_DISPLAY);
    g_assert_cmpuint(slot_at(r, 0, 0)->flags, ==, 0);
    g_assert_cmpuint(collect(r, RAM_PAGE_MIGRATE, bitmap), ==, PAGES); /* nobody has looked */
    kvm_rig_free(r);
}

static void a_slot_that_goes_hands_its_log_over(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());
    uint64_t bitmap[PAGES / 64];

    collect(r, RAM_PAGE_MIGRATE, bitmap);
    kvm_model_dirty(r->k, slot_at(r, 0, 0)->slot, 5);
    kvm_rig_add_hole(r, 0x100000, 0x1000);
    g_assert_cmpuint(slot_at(r, 0, 0)->flags, ==, KVM_MEM_LOG_DIRTY_PAGES);
    g_assert_cmpuint(slot_at(r, 0, 0x200000)->flags, ==, KVM_MEM_LOG_DIRTY_PAGES);
    kvm_model_dirty(r->k, slot_at(r, 0, 0x101000)->slot, 0);
    g_assert_cmpuint(collect(r, RAM_PAGE_MIGRATE, bitmap), ==, 2);
    g_assert_cmphex(bitmap[0], ==, 1u << 5);
    g_assert_cmphex(bitmap[4], ==, 1u << 1);
    kvm_rig_free(r);
}

static void a_log_that_cannot_be_read_says_all(void)
{
    struct kvm_rig *r = new_rig(kvm_model_new());
    uint64_t bitmap[PAGES / 64];

    collect(r, RAM_PAGE_MIGRATE, bitmap);
    kvm_model_fail(r->k, KVM_GET_DIRTY_LOG, 1, ENOENT);
    g_assert_cmpuint(collect(r, RAM_PAGE_MIGRATE, bitmap), ==, PAGES);
    kvm_rig_free(r);
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
    return g_test_run();
}
