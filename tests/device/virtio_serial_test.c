/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/virtio_serial_test.c: the virtio console device: ports, messages, flow control, ports that come and go. */
#include "hw/char/virtio_serial.h"
#include "softmmu/hotplug.h"
#include "tests/device/char_rig.h"
#include "tests/device/virtio_rig.h"
#include "ui/input.h"
#include "util/text.h"

#define RX     0x400000u /* buffers of queue n: + n * 0x10000 */
#define MULTI  (VIRTIO_RIG_BASIC | 2)
#define QUEUES 8u

enum { ADD = 1, REMOVE = 2, READY = 3, CONSOLE = 4, OPEN = 6, NAME = 7 };

static uint64_t layout; /* features beside those that a test needs */

struct serial_rig {
    struct virtio_rig f;
    struct char_rig *c[3];
};

/* A port of each kind: a console at 0, a named one at 1. */
static void set_up(struct serial_rig *s, uint64_t features)
{
    virtio_rig_machine(&s->f);
    for (unsigned i = 0; i < 3; i++) {
        g_autofree char *label = g_strdup_printf("c%u", i);

        s->c[i] = char_rig_new(s->f.r->m, label);
    }
    virtio_rig_set_up_on(&s->f,
                         rig_device(s->f.r, "virtio-serial-pci", layout ? "packed=on" : NULL));
    rig_device(s->f.r, "virtconsole", "chardev=c0");
    rig_device(s->f.r, "virtserialport", "chardev=c1,name=org.test.0");
    virtio_rig_start(&s->f, features | layout, QUEUES, 16);
}

static struct virtio_serial *serial_of(struct serial_rig *s)
{
    return (struct virtio_serial *)virtio_rig_device(&s->f);
}

static struct virtio_serial_port *port(struct serial_rig *s, unsigned nr)
{
    return serial_of(s)->ports[nr];
}

static void tear_down(struct serial_rig *s)
{
    virtio_rig_tear_down(&s->f);
}

/* Gives the device a buffer of n bytes on a queue. */
static void give(struct serial_rig *s, unsigned queue, uint32_t n)
{
    struct rig_buffer b = { RX + queue * 0x10000u + s->f.q[queue].avail * 256u, n, true };

    virtio_rig_add(&s->f, queue, &b, 1, false);
    virtio_rig_kick(&s->f, queue);
}

/* What the next used buffer of a queue holds; NULL: none. `at` counts them. */
static char *take(struct serial_rig *s, unsigned queue, unsigned at, uint32_t *len)
{
    static char text[256];
    unsigned id;

    if (!virtio_rig_used(&s->f, queue, &id, len)) {
        return NULL;
    }
    g_assert_cmpuint(*len, <, sizeof(text));
    rig_read(s->f.r, RX + queue * 0x10000u + at * 256u, text, *len);
    text[*len] = 0;
    return text;
}

static void check_taken(struct serial_rig *s, unsigned queue, unsigned at, const char *text)
{
    uint32_t len;

    g_assert_cmpstr(take(s, queue, at, &len), ==, text);
}

/* The guest sends; the element's buffers lie one behind the other. */
static void send_text(struct serial_rig *s, unsigned queue, const char *text)
{
    struct rig_buffer b = { 0x600000u + queue * 0x10000u + s->f.q[queue].avail * 256u,
                            (uint32_t)strlen(text), false };

    rig_write(s->f.r, b.addr, text, b.len);
    virtio_rig_add(&s->f, queue, &b, 1, false);
    virtio_rig_kick(&s->f, queue);
}

static void send_control(struct serial_rig *s, uint32_t id, uint16_t event, uint16_t value)
{
    struct rig_buffer b = { 0x600000u + s->f.q[3].avail * 256u, 8, false };

    rig_store(s->f.r, b.addr, id, 4);
    rig_store(s->f.r, b.addr + 4, event, 2);
    rig_store(s->f.r, b.addr + 6, value, 2);
    virtio_rig_add(&s->f, 3, &b, 1, false);
    virtio_rig_kick(&s->f, 3);
}

/* The next message, "ID EVENT VALUE TEXT", or "none"; buffers were given in advance, `at` counts them. */
static void check_message(struct serial_rig *s, unsigned *at, const char *expected)
{
    uint32_t len;
    char *b = take(s, 2, *at, &len);
    g_autofree char *text = NULL;

    if (b) {
        g_assert_cmpuint(len, >=, 8);
        text = g_strdup_printf("%u %u %u %s", b[0], b[4], b[6], b + 8);
        ++*at;
    }
    g_assert_cmpstr(text ? text : "none", ==, expected);
}

/* All that a driver does until both ports are open. */
static void open_ports(struct serial_rig *s, unsigned *at)
{
    for (unsigned i = 0; i < 8; i++) {
        give(s, 2, 64);
    }
    send_control(s, 0, 0, 1);
    check_message(s, at, "0 1 1 ");
    check_message(s, at, "1 1 1 ");
    check_message(s, at, "none");
    send_control(s, 0, READY, 1);
    check_message(s, at, "0 4 1 ");
    check_message(s, at, "0 6 1 ");
    send_control(s, 1, READY, 1);
    check_message(s, at, "1 7 1 org.test.0");
    check_message(s, at, "1 6 1 ");
    check_message(s, at, "none");
    send_control(s, 0, OPEN, 1);
    send_control(s, 1, OPEN, 1);
}

static void a_console_alone_needs_no_messages(void)
{
    struct serial_rig s;

    set_up(&s, VIRTIO_RIG_BASIC);
    g_assert_cmphex(rig_load(s.f.r, VIRTIO_RIG_CONFIG + 4, 4), ==, 31);
    send_text(&s, 1, "login: ");
    g_assert_cmpstr(s.c[0]->text, ==, "login: ");
    g_assert_cmpuint(char_rig_send(s.c[0], "root"), ==, 0); /* no buffers yet */
    give(&s, 0, 3);
    give(&s, 0, 64);
    g_assert_cmpuint(char_rig_send(s.c[0], "root"), ==, 3);
    g_assert_cmpuint(char_rig_send(s.c[0], "t"), ==, 1);
    check_taken(&s, 0, 0, "roo");
    check_taken(&s, 0, 1, "t");
    tear_down(&s);
}

static void ports_are_announced_and_named(void)
{
    struct serial_rig s;
    unsigned at = 0;

    set_up(&s, MULTI);
    open_ports(&s, &at);
    send_text(&s, 1, "console");
    send_text(&s, 5, "port");
    g_assert_cmpstr(s.c[0]->text, ==, "console");
    g_assert_cmpstr(s.c[1]->text, ==, "port");
    give(&s, 4, 64);
    g_assert_cmpuint(char_rig_send(s.c[1], "answer"), ==, 6);
    check_taken(&s, 4, 0, "answer");
    /* What the guest has closed takes nothing. */
    give(&s, 4, 64);
    send_control(&s, 1, OPEN, 0);
    g_assert_cmpuint(char_rig_send(s.c[1], "more"), ==, 0);
    send_control(&s, 1, OPEN, 1);
    g_assert_cmpuint(char_rig_send(s.c[1], "more"), ==, 4);
    tear_down(&s);
}

/* Any number of changes waits for buffers; the last one counts. */
static void messages_wait_for_buffers(void)
{
    struct serial_rig s;
    unsigned at = 0;

    set_up(&s, MULTI);
    send_control(&s, 0, 0, 1);
    give(&s, 2, 64);
    check_message(&s, &at, "0 1 1 ");
    check_message(&s, &at, "none");
    give(&s, 2, 64);
    check_message(&s, &at, "1 1 1 ");
    send_control(&s, 1, READY, 1);
    for (unsigned i = 0; i < 1000; i++) {
        backend_event(&s.c[1]->base, i % 2 ? CHARDEV_OPENED : CHARDEV_CLOSED);
    }
    backend_event(&s.c[1]->base, CHARDEV_CLOSED);
    for (unsigned i = 0; i < 4; i++) {
        give(&s, 2, 64);
    }
    check_message(&s, &at, "1 7 1 org.test.0");
    check_message(&s, &at, "1 6 0 ");
    check_message(&s, &at, "none");
    tear_down(&s);
}

static void who_is_at_the_other_end_is_told(void)
{
    struct serial_rig s;
    unsigned at = 0;

    set_up(&s, MULTI);
    open_ports(&s, &at);
    backend_event(&s.c[1]->base, CHARDEV_CLOSED);
    check_message(&s, &at, "1 6 0 ");
    send_text(&s, 5, "nobody hears this");
    g_assert_cmpstr(s.c[1]->text, ==, "");
    backend_event(&s.c[1]->base, CHARDEV_OPENED);
    check_message(&s, &at, "1 6 1 ");
    send_text(&s, 5, "this");
    g_assert_cmpstr(s.c[1]->text, ==, "this");
    backend_event(&s.c[0]->base, CHARDEV_CLOSED); /* a console is always there */
    check_message(&s, &at, "none");
    send_text(&s, 1, "that");
    g_assert_cmpstr(s.c[0]->text, ==, "that");
    tear_down(&s);
}

static void a_blocked_chardev_stops_the_queue(void)
{
    struct serial_rig s;
    unsigned at = 0, id;
    uint32_t len;

    set_up(&s, MULTI);
    open_ports(&s, &at);
    s.c[1]->room = 4;
    send_text(&s, 5, "first");
    send_text(&s, 5, "second");
    g_assert_cmpstr(s.c[1]->text, ==, "firs");
    g_assert_false(virtio_rig_used(&s.f, 5, &id, &len));
    g_assert_true(virtio_idle(virtio_rig_device(&s.f)));
    rig_check_state(s.f.r,
                    &port(&s, 1)->dev); /* resets: all but the byte that is to come is there */
    s.c[1]->room = SIZE_MAX;
    s.c[1]->base.front.drained(s.c[1]->base.front.opaque);
    rig_poll(s.f.r);
    g_assert_cmpstr(s.c[1]->text, ==, "firstsecond");
    g_assert_true(virtio_rig_used(&s.f, 5, &id, &len));
    g_assert_true(virtio_rig_used(&s.f, 5, &id, &len));
    tear_down(&s);
}

/* The lock is not held for a gigabyte: 4 MiB go in turns. */
static void one_turn_is_bounded(void)
{
    struct serial_rig s;
    unsigned at = 0, id, turns = 0;
    uint32_t len;
    struct rig_buffer b[4];

    set_up(&s, MULTI);
    open_ports(&s, &at);
    for (unsigned i = 0; i < 4; i++) {
        b[i] = (struct rig_buffer){ 0x800000, 1u << 20, false };
    }
    virtio_rig_add(&s.f, 5, b, 4, false);
    virtio_rig_kick(&s.f, 5);
    for (; !virtio_rig_used(&s.f, 5, &id, &len); turns++) {
        g_assert_cmpuint(turns, <, 100);
        machine_iterate(s.f.r->m, true);
    }
    g_assert_cmpuint(turns, >, 1);
    g_assert_cmpuint(SIZE_MAX - s.c[1]->room, ==, 4u << 20);
    tear_down(&s);
}

static bool change(struct serial_rig *s, const char *device, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(device, "driver");

    return device_add(s->f.r->m, opts, DEVICE_HOT, error);
}

static void ports_come_and_go(void)
{
    struct serial_rig s;
    unsigned at = 0;

    set_up(&s, MULTI);
    open_ports(&s, &at);
    give(&s, 2, 64);
    g_assert_true(change(&s, "virtserialport,id=p,chardev=c2,name=new", NULL));
    check_message(&s, &at, "2 1 1 ");
    send_control(&s, 2, READY, 1);
    check_message(&s, &at, "2 7 1 new");
    check_message(&s, &at, "2 6 1 "); /* the buffers are used up now */
    g_assert_true(device_unplug(device_find(s.f.r->m, "p"), NULL));
    g_assert_false(s.c[2]->base.attached);
    g_assert_true(change(&s, "virtserialport,id=q,chardev=c2,nr=2", NULL));
    for (unsigned i = 0; i < 3; i++) {
        give(&s, 2, 64);
    }
    check_message(&s, &at, "2 2 1 ");
    check_message(&s, &at, "2 1 1 ");
    check_message(&s, &at, "none");
    send_control(&s, 2, READY, 1);
    check_message(&s, &at, "2 6 1 ");
    tear_down(&s);
}

static void a_port_goes_on_at_another_back_end(void)
{
    struct serial_rig s;
    unsigned at = 0;
    g_autoptr(GPtrArray) opts = parse_options("ringbuf", "backend");
    char got[16] = { 0 };

    set_up(&s, MULTI);
    open_ports(&s, &at);
    s.c[1]->room = 2;
    send_text(&s, 5, "abcd");
    g_assert_true(chardev_change(s.f.r->m, "c1", "ringbuf", opts, NULL));
    rig_poll(s.f.r);
    g_assert_cmpuint(ringbuf_read(chardev_find(s.f.r->m, "c1"), got, sizeof(got)), ==, 2);
    g_assert_cmpstr(got, ==, "cd");
    tear_down(&s);
}

/* The guest's program is asked what it can by a back end that comes later; its pointer goes with the port. */
static void agents_come_and_go(void)
{
    struct serial_rig s;
    unsigned at = 0;
    g_autoptr(GPtrArray) opts = parse_options("qemu-vdagent", "backend");
    struct machine *m;
    uint8_t says[8 + 20 + 8] = { [0] = 1, [4] = 28, [8] = 1, [12] = 6, [24] = 8, [32] = 1 };
    uint32_t len;

    set_up(&s, MULTI);
    m = s.f.r->m;
    open_ports(&s, &at);
    give(&s, 4, 64);
    g_assert_true(chardev_change(m, "c1", "qemu-vdagent", opts, NULL));
    rig_poll(s.f.r);
    g_assert_nonnull(take(&s, 4, 0, &len));
    g_assert_cmpuint(len, ==, sizeof(says));
    g_assert_null(input_pointer_handler(m));
    g_assert_cmpuint(chardev_write(chardev_find(m, "c1"), says, sizeof(says)), ==, sizeof(says));
    g_assert_nonnull(input_pointer_handler(m));
    device_free(&port(&s, 1)->dev);
    g_assert_null(input_pointer_handler(m));
    tear_down(&s);
}

static void a_reset_forgets_all(void)
{
    struct serial_rig s;
    unsigned at = 0;

    set_up(&s, MULTI);
    open_ports(&s, &at);
    s.c[1]->room = 1;
    send_text(&s, 5, "ab");
    g_assert_true(port(&s, 1)->blocked);
    virtio_rig_put(&s.f, 20, 0, 1);
    g_assert_false(port(&s, 1)->blocked || port(&s, 1)->guest_open || port(&s, 1)->ready);
    g_assert_cmpuint(port(&s, 1)->skip, ==, 0);
    g_assert_cmpuint(char_rig_send(s.c[1], "x"), ==, 0);
    s.c[1]->room = SIZE_MAX;
    virtio_rig_start(&s.f, MULTI | layout, QUEUES, 16);
    at = 0;
    open_ports(&s, &at);
    tear_down(&s);
}

static void emergency_writes_reach_the_console(void)
{
    struct serial_rig s;

    set_up(&s, VIRTIO_RIG_BASIC);
    virtio_rig_put(&s.f, 20, 0, 1);
    rig_store(s.f.r, VIRTIO_RIG_CONFIG + 8, '!', 4);
    rig_store(s.f.r, VIRTIO_RIG_CONFIG + 4, 99, 4);
    g_assert_cmpstr(s.c[0]->text, ==, "!");
    g_assert_cmphex(rig_load(s.f.r, VIRTIO_RIG_CONFIG + 4, 4), ==, 31);
    tear_down(&s);
}

/* Short, wild and wrong messages; buffers of the wrong kind. */
static void hostile_drivers_break_nothing(void)
{
    struct serial_rig s;
    unsigned at = 0;
    struct rig_buffer none = { 0x600000, 4, false }, readable = { 0x700000, 16, false };

    set_up(&s, MULTI);
    open_ports(&s, &at);
    for (uint32_t id = 0; id < 40; id++) {
        for (uint16_t event = 0; event < 9; event++) {
            send_control(&s, id, event, 0);
        }
    }
    send_control(&s, UINT32_MAX, READY, 1);
    send_control(&s, 0x80000000, OPEN, 1);
    virtio_rig_add(&s.f, 3, &none, 1, false);
    virtio_rig_kick(&s.f, 3);
    send_control(&s, 1, OPEN, 1);
    for (unsigned i = 0; i < 4; i++) {
        virtio_rig_add(&s.f, 4, &readable, 1, false); /* no room for input */
        virtio_rig_add(&s.f, 2, &readable, 1, false);
    }
    virtio_rig_kick(&s.f, 4);
    virtio_rig_kick(&s.f, 2);
    g_assert_cmpuint(char_rig_send(s.c[1], "x"), ==, 0);
    backend_event(&s.c[1]->base, CHARDEV_CLOSED);
    g_assert_cmphex(virtio_rig_get(&s.f, 20, 1), ==, 15);
    tear_down(&s);
}

static void properties_are_checked(void)
{
    static const struct {
        const struct device_type *type;
        const char *props, *says;
    } rows[] = {
        { &virtserialport_type, "nr=0",
          "Port number 0 on virtio-serial devices reserved for virtconsole" },
        { &virtserialport_type, "nr=31",
          "virtio-serial-bus: Out-of-range port id specified, max. allowed: 30" },
        { &virtserialport_type, "nr=1", "virtio-serial-bus: A port already exists at id 1" },
        { &virtconsole_type, "nr=0", "virtio-serial-bus: A port already exists at id 0" },
        { &virtserialport_type, "name=org.test.0",
          "virtio-serial-bus: A port already exists by name org.test.0" },
        { &virtserialport_type, "chardev=c1", "'c1' is in use already" },
    };
    struct serial_rig s;

    set_up(&s, MULTI);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strdup_printf("%s,%s", rows[i].type->name, rows[i].props);

        g_assert_false(change(&s, text, &error));
        g_test_message("%s: %s", text, error->message);
        g_assert_nonnull(strstr(error->message, rows[i].says));
    }
    for (unsigned i = 2; i < 31; i++) {
        g_assert_true(change(&s, "virtserialport", NULL));
    }
    {
        g_autoptr(GError) error = NULL;

        g_assert_false(change(&s, "virtserialport", &error));
        g_assert_cmpstr(error->message, ==,
                        "virtio-serial-bus: Maximum port limit for this device reached");
    }
    rig_check_state(s.f.r, &s.f.dev->pci.dev);
    tear_down(&s);
}

struct run {
    const char *name;
    void (*fn)(void);
};

/* clang-format off */
static const struct run runs[] = {
    { "console",  a_console_alone_needs_no_messages },
    { "ports",    ports_are_announced_and_named },
    { "messages", messages_wait_for_buffers },
    { "open",     who_is_at_the_other_end_is_told },
    { "blocked",  a_blocked_chardev_stops_the_queue },
    { "bounded",  one_turn_is_bounded },
    { "hotplug",  ports_come_and_go },
    { "change",   a_port_goes_on_at_another_back_end },
    { "agents",   agents_come_and_go },
    { "reset",    a_reset_forgets_all },
    { "emergency", emergency_writes_reach_the_console },
    { "hostile",  hostile_drivers_break_nothing },
    { "properties", properties_are_checked },
};
/* clang-format on */

static void run_split(const void *data)
{
    layout = 0;
    ((const struct run *)data)->fn();
}

static void run_packed(const void *data)
{
    layout = 1ull << VIRTIO_F_RING_PACKED;
    ((const struct run *)data)->fn();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(runs); i++) {
        g_autofree char *split = g_strdup_printf("/virtio-serial/split/%s", runs[i].name);
        g_autofree char *packed = g_strdup_printf("/virtio-serial/packed/%s", runs[i].name);

        g_test_add_data_func(split, &runs[i], run_split);
        g_test_add_data_func(packed, &runs[i], run_packed);
    }
    return g_test_run();
}
