/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/virtio_balloon_test.c: the balloon: pages given back, targets, statistics, reports of free pages. */
#include "hw/virtio/virtio_balloon.h"
#include "monitor/monitor.h"
#include "softmmu/event.h"
#include "tests/device/virtio_rig.h"

#define PAGES    0xa00000u /* what goes into the balloon */
#define LIST     0x600000u
#define STATS    0x601000u
#define POISON   (1ull << 4)
#define ALL      (VIRTIO_RIG_BASIC | 1ull << 1 | 1ull << 5)
#define INFLATE  0u
#define STATS_VQ 2u
#define REPORT   3u

static void set_up(struct virtio_rig *f, const char *props, uint64_t features)
{
    virtio_rig_machine(f);
    f->r->m->config.ram_size = RIG_RAM_SIZE;
    virtio_rig_set_up_on(f, rig_device(f->r, "virtio-balloon-pci", props));
    virtio_rig_start(f, features, features & 1u << 5 ? 4 : 3, 16);
    for (unsigned i = 0; i < 16; i++) {
        rig_store(f->r, PAGES + i * 4096u, 0x1111u + i, 8);
    }
}

static uint64_t page(struct virtio_rig *f, unsigned i)
{
    return rig_load(f->r, PAGES + i * 4096u, 8);
}

static void inflated_pages_go_back_to_the_host(void)
{
    struct virtio_rig f;
    static const uint32_t pfns[] = {
        0xa00, 0xa01, 0xa02, 0xa05, 0xa04, 0xfffffffe, 0x80000, 0xa07
    };
    struct rig_buffer b = { LIST, sizeof(pfns), false };

    set_up(&f, NULL, ALL);
    rig_write(f.r, LIST, pfns, sizeof(pfns));
    g_assert_cmpuint(virtio_rig_run(&f, INFLATE, &b, 1), ==, 0);
    for (unsigned i = 0; i < 9; i++) {
        bool gone = i <= 2 || i == 4 || i == 5 || i == 7;

        g_assert_cmphex(page(&f, i), ==, gone ? 0 : 0x1111u + i);
    }
    b = (struct rig_buffer){ LIST, 3, false }; /* no whole number */
    virtio_rig_run(&f, INFLATE, &b, 1);
    virtio_rig_run(&f, 1, &b, 1);
    virtio_rig_tear_down(&f);
}

static void targets_are_told_and_answered(void)
{
    struct virtio_rig f;
    uint64_t bytes;
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    set_up(&f, NULL, ALL);
    virtio_rig_msix(&f);
    virtio_rig_put(&f, 16, 0, 2);
    monitor_execute(f.r->m, "balloon 12", out);
    g_assert_cmpstr(out->str, ==, "");
    g_assert_cmpuint(virtio_rig_messages(&f, 0), ==, 1);
    g_assert_cmpuint(rig_load(f.r, VIRTIO_RIG_CONFIG, 4), ==, 1024);
    g_assert_true(balloon_query(f.r->m, &bytes, NULL));
    g_assert_cmpuint(bytes, ==, RIG_RAM_SIZE); /* the guest has not done anything yet */
    rig_store(f.r, VIRTIO_RIG_CONFIG + 4, 1024, 4);
    monitor_execute(f.r->m, "info balloon", out);
    g_assert_cmpstr(out->str, ==, "balloon: actual=12\n");
    rig_store(f.r, VIRTIO_RIG_CONFIG + 4, UINT32_MAX, 4); /* more than there is */
    g_assert_true(balloon_query(f.r->m, &bytes, NULL));
    g_assert_cmpuint(bytes, ==, 0);
    g_assert_true(balloon_set_target(f.r->m, UINT64_MAX, NULL));
    g_assert_cmpuint(rig_load(f.r, VIRTIO_RIG_CONFIG, 4), ==, 0);
    g_assert_false(balloon_set_target(f.r->m, 0, &error));
    g_assert_cmpstr(error->message, ==, "Parameter 'target' expects a size");
    rig_store(f.r, VIRTIO_RIG_CONFIG, 77, 4); /* read-only */
    g_assert_cmpuint(rig_load(f.r, VIRTIO_RIG_CONFIG, 4), ==, 0);
    virtio_rig_tear_down(&f);
}

static void give_stats(struct virtio_rig *f, uint64_t value)
{
    struct rig_buffer b = { STATS, 40, false };
    static const uint16_t tags[] = { 4, 5, 0xffff, 9 };

    for (unsigned i = 0; i < G_N_ELEMENTS(tags); i++) {
        rig_write(f->r, STATS + i * 10, &tags[i], 2);
        value++;
        rig_write(f->r, STATS + i * 10 + 2, &value, 8);
    }
    virtio_rig_add(f, STATS_VQ, &b, 1, false);
    virtio_rig_kick(f, STATS_VQ);
}

static void check_stats(uint64_t features, const char *props)
{
    struct virtio_rig f;
    struct balloon_stats s;
    unsigned id;
    uint32_t len;

    set_up(&f, props, ALL | features);
    g_assert_true(balloon_stats(f.r->m, &s, NULL));
    g_assert_cmpuint(s.last_update, ==, 0);
    g_assert_cmphex(s.value[4], ==, UINT64_MAX);
    give_stats(&f, 100);
    g_assert_true(balloon_stats(f.r->m, &s, NULL));
    g_assert_cmpuint(s.last_update, >, 0);
    g_assert_cmpuint(s.value[4], ==, 101);
    g_assert_cmpuint(s.value[5], ==, 102);
    g_assert_cmpuint(s.value[9], ==, 104);
    g_assert_cmphex(s.value[0], ==, UINT64_MAX);
    g_assert_true(virtio_idle(virtio_rig_device(&f)));
    for (unsigned turn = 0; turn < 3; turn++) {
        g_assert_false(virtio_rig_used(&f, STATS_VQ, &id, &len));
        rig_check_state(f.r, &f.dev->pci.dev);
        rig_step(f.r, 2 * NS_PER_SEC);
        g_assert_true(virtio_rig_used(&f, STATS_VQ, &id, &len));
        give_stats(&f, 200 + turn);
        balloon_stats(f.r->m, &s, NULL);
        g_assert_cmpuint(s.value[4], ==, 201 + turn);
    }
    g_assert_true(balloon_set_polling(f.r->m, 0, NULL));
    rig_step(f.r, 10 * NS_PER_SEC);
    g_assert_false(virtio_rig_used(&f, STATS_VQ, &id, &len));
    virtio_rig_tear_down(&f);
}

static void statistics_are_asked_for(void)
{
    check_stats(0, "guest-stats-polling-interval=2");
    check_stats(1ull << VIRTIO_F_EVENT_IDX, "guest-stats-polling-interval=2");
    check_stats(1ull << VIRTIO_F_RING_PACKED, "guest-stats-polling-interval=2,packed=on");
}

static void check_report(uint32_t poison, bool gone)
{
    struct virtio_rig f;
    struct rig_buffer b[2] = { { PAGES, 8192, true }, { PAGES + 0x3800, 0x1800, true } };

    set_up(&f, "free-page-reporting=on", ALL | POISON);
    rig_store(f.r, VIRTIO_RIG_CONFIG + 12, poison, 4);
    g_assert_cmpuint(virtio_rig_run(&f, REPORT, b, 2), ==, 0);
    for (unsigned i = 0; i < 6; i++) {
        bool free_page = i < 2 || i == 4;

        g_assert_cmphex(page(&f, i), ==, gone && free_page ? 0 : 0x1111u + i);
    }
    virtio_rig_tear_down(&f);
}

static void free_pages_go_back_to_the_host(void)
{
    check_report(0, true);
    check_report(0xaaaaaaaa, false); /* they must read as the guest's poison */
}

static void features_follow_properties(void)
{
    struct virtio_rig f;

    set_up(&f, NULL, ALL);
    g_assert_cmphex(virtio_rig_offered(&f) & 0x3f, ==, 1u << 1 | 1u << 4);
    virtio_rig_tear_down(&f);
    set_up(&f, "deflate-on-oom=on,free-page-reporting=on,page-poison=off", ALL);
    g_assert_cmphex(virtio_rig_offered(&f) & 0x3f, ==, 1u << 1 | 1u << 2 | 1u << 5);
    {
        g_autofree char *why = rig_device_error(f.r, device_type_find("virtio-balloon-pci"), NULL);

        g_assert_nonnull(strstr(why, "Only one balloon device is supported"));
    }
    virtio_rig_tear_down(&f);
}

struct listener {
    struct event_listener base;
    unsigned count;
    int64_t actual;
};

static void heard(struct event_listener *l, enum event_id id, json_t *data, int64_t us)
{
    struct listener *h = (struct listener *)l;

    (void)us;
    if (id == EVENT_BALLOON_CHANGE) {
        h->count++;
        h->actual = json_integer_value(json_object_get(data, "actual"));
    }
}

/* A guest that changes its mind all the time is told of once a second. */
static void changes_are_told(void)
{
    struct virtio_rig f;
    struct listener h = { .base.event = heard };
    int64_t until;

    set_up(&f, NULL, ALL);
    event_add_listener(f.r->m, &h.base);
    for (unsigned i = 1; i <= 256; i++) {
        rig_store(f.r, VIRTIO_RIG_CONFIG + 4, i, 4);
    }
    g_assert_cmpuint(h.count, ==, 0);
    for (until = g_get_monotonic_time() + 5 * G_USEC_PER_SEC; !h.count;) {
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        machine_iterate(f.r->m, true);
    }
    g_assert_cmpuint(h.count, ==, 1);
    g_assert_cmpint(h.actual, ==, RIG_RAM_SIZE - (1 << 20));
    event_remove_listener(f.r->m, &h.base);
    virtio_rig_tear_down(&f);
}

static void no_balloon_is_an_error(void)
{
    struct virtio_rig f;
    g_autoptr(GString) out = g_string_new(NULL);

    virtio_rig_machine(&f);
    monitor_execute(f.r->m, "info balloon", out);
    monitor_execute(f.r->m, "balloon 100", out);
    g_assert_cmpstr(out->str, ==,
                    "No balloon device has been activated\n"
                    "No balloon device has been activated\n");
    virtio_rig_tear_down(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-balloon/inflate", inflated_pages_go_back_to_the_host);
    g_test_add_func("/virtio-balloon/target", targets_are_told_and_answered);
    g_test_add_func("/virtio-balloon/stats", statistics_are_asked_for);
    g_test_add_func("/virtio-balloon/report", free_pages_go_back_to_the_host);
    g_test_add_func("/virtio-balloon/features", features_follow_properties);
    g_test_add_func("/virtio-balloon/event", changes_are_told);
    g_test_add_func("/virtio-balloon/none", no_balloon_is_an_error);
    return g_test_run();
}
