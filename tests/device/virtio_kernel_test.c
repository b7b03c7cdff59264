/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/virtio_kernel_test.c: virtio devices where an engine takes notifications by eventfds and makes
 * interrupts of eventfds (softmmu/io_event.h, softmmu/irqchip.h), by an engine that only keeps what it is given.
 * Thread: the test's, with the machine lock; an iothread serves the queues of some.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "hw/virtio/virtio_internal.h"
#include "hw/virtio/virtio_mmio.h"
#include "softmmu/io_event.h"
#include "softmmu/irqchip.h"
#include "tests/device/virtio_rig.h"

#ifndef SYS_poll /* arm64 has but the other */
#define SYS_poll SYS_ppoll
#endif

#define BUF      0x200000u
#define ANSWER   0x201000u
#define RNG      "virtio-rng-pci", "disable-legacy=on" /* one way to notify */
#define SCSI     "virtio-scsi-pci", "iothread=t0"
#define MMIO     0xfeb00000u
#define MESSAGES 0xfee00000u

/* The engine: with one machine at a time. */
static struct engine {
    struct io_events events;
    struct irqchip chip;
    unsigned attaches, detaches; /* calls */
    bool refuses;                /* routes */
    struct mem_region apics;     /* counts the messages that the device writes itself */
    unsigned messages;
} engine;

static void added(struct machine *m)
{
    (void)m;
}

static void removed(struct machine *m, struct io_event *e)
{
    (void)m, (void)e;
}

static bool attach(struct machine *m, struct irqchip_route *r)
{
    (void)m;
    engine.attaches++;
    r->gsi = engine.refuses ? -1 : 41;
    return !engine.refuses;
}

static void detach(struct machine *m, struct irqchip_route *r)
{
    (void)m, (void)r;
    engine.detaches++;
}

static void forget(struct machine *m, struct irqchip_route *r)
{
    (void)m;
    r->gsi = -1;
}

static const struct irqchip_ops chip_ops = { .attach = attach, .detach = detach, .forget = forget };

static uint64_t no_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque, (void)off, (void)size;
    return 0;
}

static void message(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)opaque, (void)off, (void)value, (void)size;
    engine.messages++;
}

static const struct mem_ops message_ops = { .read = no_read, .write = message };

/* A machine on the engine. */
static void set_engine(struct machine *m)
{
    engine = (struct engine){ .events = { .added = added, .removed = removed },
                              .chip = { .ops = &chip_ops, .in_charge = true } };
    m->io_events = &engine.events;
    m->irqchip = &engine.chip;
    mem_region_init_mmio(&engine.apics, m, "apics", &message_ops, NULL, 0x1000);
    mem_region_add(&m->system_memory, MESSAGES, &engine.apics, 1);
}

static void set_up(struct virtio_rig *f, const char *name, const char *props, unsigned queues)
{
    virtio_rig_machine(f);
    set_engine(f->r->m);
    if (strstr(props, "iothread=")) {
        virtio_rig_iothread(f);
    }
    virtio_rig_set_up_on(f, rig_device(f->r, name, props));
    virtio_rig_start(f, VIRTIO_RIG_BASIC, queues, 8);
    virtio_rig_msix(f);
    for (unsigned n = 0; n < f->dev->msix.vectors; n++) {
        rig_store(f->r, VIRTIO_RIG_MSIX + n * 16, MESSAGES, 8);
    }
}

static void tear_down(struct virtio_rig *f)
{
    mem_region_destroy(&engine.apics);
    virtio_rig_tear_down(f);
}

static struct io_event *event_at(uint64_t offset)
{
    for (struct io_event *e = engine.events.events; e; e = e->next) {
        if (e->offset == offset) {
            return e;
        }
    }
    return NULL;
}

static unsigned count_events(void)
{
    unsigned n = 0;

    for (struct io_event *e = engine.events.events; e; e = e->next) {
        n++;
    }
    return n;
}

/* What the kernel does with the driver's write. */
static void notify(int fd)
{
    g_assert_cmpint(eventfd_write(fd, 1), ==, 0);
}

/* Interrupts that went by the eventfd of the only route since the last time; without a route none. */
static unsigned posted(void)
{
    eventfd_t count = 0;

    if (engine.chip.routes) {
        eventfd_read(engine.chip.routes->fd, &count);
    }
    return (unsigned)count;
}

/* virtio-rng: a buffer, and the word about it. */
static void request_bytes(struct virtio_rig *f)
{
    struct rig_buffer b = { BUF, 16, true };
    unsigned id;
    uint32_t len;

    virtio_rig_add(f, 0, &b, 1, false);
    notify(event_at(0)->fd);
    while (!virtio_rig_used(f, 0, &id, &len)) {
        machine_iterate(f->r->m, true);
    }
    g_assert_cmpuint(len, ==, 16);
}

/* Notifications -------------------------------------------------------------------------------- */

static void an_eventfd_notifies(void)
{
    struct virtio_rig f;

    set_up(&f, RNG, 1);
    g_assert_cmpuint(count_events(), ==, 1);
    g_assert_true(event_at(0)->mr == &f.dev->notify_mmio && !event_at(0)->match);
    request_bytes(&f);
    tear_down(&f);
}

/* The engine is told, and the descriptor is closed, as soon as there is no driver any more, or no device. */
static void notifiers_go_with_the_driver_and_the_device(void)
{
    struct virtio_rig f;
    int fd;

    set_up(&f, RNG, 1);
    fd = event_at(0)->fd;
    virtio_rig_put(&f, 20, 0, 1);
    g_assert_cmpuint(count_events(), ==, 0);
    g_assert_true(fcntl(fd, F_GETFD) < 0 && errno == EBADF);
    virtio_rig_start(&f, VIRTIO_RIG_BASIC, 1, 8);
    g_assert_cmpuint(count_events(), ==, 1);
    fd = event_at(0)->fd;
    virtio_rig_put(&f, 20, 15, 1); /* once more */
    g_assert_cmpuint(count_events(), ==, 1);
    device_free(&f.dev->pci.dev);
    g_assert_cmpuint(count_events(), ==, 0);
    g_assert_true(fcntl(fd, F_GETFD) < 0 && errno == EBADF);
    tear_down(&f);
}

/* Until the iothread is in one of two system calls of the host's, where the host tells. */
static void wait_for_call(struct iothread *t, int call, int other)
{
    for (;; g_thread_yield()) {
        int thread = atomic_load(&t->thread_id);
        g_autofree char *path = g_strdup_printf("/proc/self/task/%d/syscall", thread);
        g_autofree char *text = NULL;

        if (thread && (!g_file_get_contents(path, &text, NULL, NULL) || atoi(text) == call ||
                       atoi(text) == other)) {
            return;
        }
    }
}

/* One that has begun to serve its queue while its device is reset finds that there is nothing to do. */
static void a_notifier_outlives_its_device_while_it_waits(void)
{
    struct virtio_rig f;
    struct virtio_device *v;
    struct iothread *t;
    struct rig_buffer b[] = { { BUF, 51, false }, { ANSWER, 108, true } };
    unsigned id;
    uint32_t len;

    set_up(&f, SCSI, 3);
    v = virtio_rig_device(&f);
    t = v->iothread;
    wait_for_call(t, SYS_poll, SYS_ppoll); /* it sleeps */
    iothread_lock(t);
    virtio_rig_add(&f, 2, b, 2, false);
    notify(event_at(8)->fd);
    wait_for_call(t, SYS_futex, SYS_futex); /* it waits for the lock */
    virtio_notifiers_stop(v);
    g_assert_cmpuint(count_events(), ==, 0);
    iothread_unlock(t);
    virtio_rig_settle(&f);
    g_assert_false(virtio_rig_used(&f, 2, &id, &len));
    tear_down(&f);
}

/* Memory-mapped: all queues have one register, so that the value that is written says whose it is. */
static void events_of_memory_mapped_devices_match_the_queue(void)
{
    struct rig *r = rig_new();
    struct virtio_mmio *s = (struct virtio_mmio *)rig_device_new(r, &virtio_mmio_type, NULL);
    static const uint32_t start[][2] = {
        { 0x70, 3 },       { 0x24, 1 },        { 0x20, 1 },        { 0x70, 11 }, { 0x38, 4 },
        { 0x80, 1 << 20 }, { 0x90, 0x101000 }, { 0xa0, 0x102000 }, { 0x44, 1 },  { 0x70, 15 },
    };
    const struct io_event *e;

    set_engine(r->m);
    s->addr = MMIO;
    s->irq = rig_irq_sink(r, 21);
    rig_device_realize(r, &s->dev);
    rig_device(r, "virtio-rng-device", NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(start); i++) {
        rig_store(r, MMIO + start[i][0], start[i][1], 4);
    }
    g_assert_cmpuint(count_events(), ==, 1);
    e = engine.events.events;
    g_assert_true(e->mr == &s->mmio && e->match);
    g_assert_cmphex(e->offset, ==, 0x50);
    g_assert_cmpuint(e->size, ==, 4);
    g_assert_cmpuint(e->value, ==, 0);
    rig_store(r, 1 << 20, BUF, 8);
    rig_store(r, (1 << 20) + 8, 32, 4);
    rig_store(r, (1 << 20) + 12, 2, 2);
    rig_store(r, 0x101002, 1, 2);
    notify(e->fd);
    while (rig_load(r, 0x102002, 2) != 1) {
        machine_iterate(r->m, true);
    }
    g_assert_true(r->lines[21].level);
    rig_store(r, MMIO + 0x70, 0, 4);
    g_assert_cmpuint(count_events(), ==, 0);
    mem_region_destroy(&engine.apics);
    rig_free(r);
}

/* Interrupts ----------------------------------------------------------------------------------- */

static void from_the_second_on_a_vector_has_an_eventfd(void)
{
    struct virtio_rig f;

    set_up(&f, RNG, 1);
    request_bytes(&f);
    g_assert_cmpuint(engine.messages, ==, 1);
    g_assert_cmpuint(engine.attaches, ==, 1);
    for (unsigned n = 0; n < 3; n++) {
        request_bytes(&f);
        g_assert_cmpuint(posted(), ==, 1);
    }
    g_assert_cmpuint(engine.messages, ==, 1);
    rig_store(f.r, VIRTIO_RIG_MSIX + 1 * 16 + 12, 1, 4); /* masked: it is pending */
    request_bytes(&f);
    g_assert_cmpuint(posted() + engine.messages, ==, 1);
    rig_store(f.r, VIRTIO_RIG_MSIX + 1 * 16 + 12, 0, 4);
    g_assert_cmpuint(posted() + engine.messages, ==, 2);
    virtio_rig_put(&f, 20, 0, 1);
    device_free(&f.dev->pci.dev);
    g_assert_cmpuint(engine.detaches, ==, 1);
    g_assert_null(engine.chip.routes);
    tear_down(&f);
}

/* An engine that has no route for it is asked once; each interrupt is a message. */
static void a_vector_without_a_route_sends_messages(void)
{
    struct virtio_rig f;

    set_up(&f, RNG, 1);
    engine.refuses = true;
    for (unsigned n = 1; n <= 4; n++) {
        request_bytes(&f);
        g_assert_cmpuint(engine.messages, ==, n);
    }
    g_assert_cmpuint(engine.attaches, ==, 1);
    g_assert_null(engine.chip.routes);
    tear_down(&f);
}

/* One that is lost while the machine runs is no way any more: what came by it would stay there. */
static void a_vector_that_loses_its_route_sends_messages(void)
{
    struct virtio_rig f;

    set_up(&f, RNG, 1);
    request_bytes(&f);
    request_bytes(&f);
    g_assert_cmpuint(posted(), ==, 1);
    engine.refuses = true;
    rig_store(f.r, VIRTIO_RIG_MSIX + 1 * 16, MESSAGES + 0x10, 4); /* another CPU's */
    request_bytes(&f);
    g_assert_cmpuint(engine.messages, ==, 2);
    tear_down(&f);
}

/* virtio-scsi: a request to a unit that is not there. */
static void ask_nobody(struct virtio_rig *f)
{
    struct rig_buffer b[] = { { BUF, 51, false }, { ANSWER, 108, true } };
    unsigned id;
    uint32_t len;

    virtio_rig_add(f, 2, b, 2, false);
    notify(event_at(8)->fd);
    while (!virtio_rig_used(f, 2, &id, &len)) {
        virtio_rig_wait(f);
    }
    virtio_rig_settle(f);
}

/* The iothread serves the queue and writes to the eventfd, while somebody else has the machine lock. */
static void an_iothread_interrupts_without_the_machine_lock(void)
{
    struct virtio_rig f;
    struct rig_buffer b[] = { { BUF, 51, false }, { ANSWER, 108, true } };

    set_up(&f, SCSI, 3);
    ask_nobody(&f);
    while (engine.messages == 0) {
        virtio_rig_wait(&f);
    }
    g_assert_nonnull(engine.chip.routes);
    virtio_rig_add(&f, 2, b, 2, false);
    notify(event_at(8)->fd);
    while (posted() == 0) { /* the lock stays here */
        g_thread_yield();
    }
    g_assert_cmpuint(engine.messages, ==, 1);
    tear_down(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/virtio-kernel/" #name, name)
    TEST(an_eventfd_notifies);
    TEST(notifiers_go_with_the_driver_and_the_device);
    TEST(a_notifier_outlives_its_device_while_it_waits);
    TEST(events_of_memory_mapped_devices_match_the_queue);
    TEST(from_the_second_on_a_vector_has_an_eventfd);
    TEST(a_vector_without_a_route_sends_messages);
    TEST(a_vector_that_loses_its_route_sends_messages);
    TEST(an_iothread_interrupts_without_the_machine_lock);
    return g_test_run();
}
