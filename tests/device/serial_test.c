/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/serial_test.c: the 16550A on ISA. */
#include "hw/char/serial.h"
#include "tests/device/char_rig.h"
#include "tests/device/fuzz.h"
#include "util/text.h"

#define COM1 0x3f8
#define IRQ  4

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR };

static uint8_t in(struct rig *r, unsigned reg)
{
    return rig_inb(r, COM1 + reg);
}

static void out(struct rig *r, unsigned reg, uint8_t v)
{
    rig_outb(r, COM1 + reg, v);
}

static struct device *serial_new(struct rig *r, const char *props)
{
    struct device *dev = rig_device_new(r, &isa_serial_type, props);

    rig_device_realize(r, dev);
    return dev;
}

static struct char_rig *serial_with_back_end(struct rig *r)
{
    struct char_rig *c = char_rig_new(r->m, "c0");

    serial_new(r, "chardev=c0");
    return c;
}

static void transmits_at_once(void)
{
    g_autoptr(rig) r = rig_new();
    struct char_rig *c = serial_with_back_end(r);

    out(r, DATA, 'o');
    out(r, DATA, 'k');
    g_assert_cmpstr(c->text, ==, "ok");
    g_assert_cmphex(in(r, LSR), ==, 0x60);
}

static void refused_bytes_wait_and_are_not_lost(void)
{
    g_autoptr(rig) r = rig_new();
    struct char_rig *c = serial_with_back_end(r);

    out(r, IIR, 1);
    c->room = 1;
    out(r, DATA, 'a');
    out(r, DATA, 'b');
    out(r, DATA, 'c');
    g_assert_cmpstr(c->text, ==, "a");
    g_assert_cmphex(in(r, LSR) & 0x60, ==, 0);
    rig_step(r, 100 * MS);
    g_assert_cmphex(in(r, LSR) & 0x60, ==, 0);
    c->room = 10;
    rig_step(r, 20 * MS);
    g_assert_cmpstr(c->text, ==, "abc");
    g_assert_cmphex(in(r, LSR) & 0x60, ==, 0x60);
}

static void thre_interrupt_is_cleared_by_iir_and_by_writing(void)
{
    g_autoptr(rig) r = rig_new();
    struct char_rig *c = serial_with_back_end(r);

    out(r, IER, 2);
    g_assert_true(r->lines[IRQ].level); /* empty when enabled */
    g_assert_cmphex(in(r, IIR), ==, 2);
    g_assert_false(r->lines[IRQ].level);
    g_assert_cmphex(in(r, IIR), ==, 1);
    out(r, DATA, 'x'); /* sent, empty again */
    g_assert_true(r->lines[IRQ].level);
    c->room = 0;
    out(r, DATA, 'y');
    g_assert_false(r->lines[IRQ].level);
    c->room = 1;
    rig_step(r, 20 * MS);
    g_assert_true(r->lines[IRQ].level);
}

static void receive_interrupt_without_fifo(void)
{
    g_autoptr(rig) r = rig_new();
    struct char_rig *c = serial_with_back_end(r);

    out(r, IER, 1);
    g_assert_cmpuint(char_rig_send(c, "ab"), ==, 1);
    g_assert_true(r->lines[IRQ].level);
    g_assert_cmphex(in(r, IIR), ==, 4);
    g_assert_cmphex(in(r, LSR) & 1, ==, 1);
    g_assert_cmpint(in(r, DATA), ==, 'a');
    g_assert_false(r->lines[IRQ].level);
    g_assert_cmphex(in(r, LSR) & 1, ==, 0);
}

static void fifo_interrupts_at_its_trigger_level(void)
{
    g_autoptr(rig) r = rig_new();
    struct char_rig *c = serial_with_back_end(r);

    out(r, IIR, 0x81); /* 8 bytes */
    out(r, IER, 1);
    g_assert_cmphex(in(r, IIR), ==, 0xc1);
    char_rig_send(c, "1234567");
    g_assert_false(r->lines[IRQ].level);
    char_rig_send(c, "8");
    g_assert_cmphex(in(r, IIR), ==, 0xc4);
    g_assert_cmpint(in(r, DATA), ==, '1');
    g_assert_false(r->lines[IRQ].level);
    g_assert_cmpuint(char_rig_send(c, "abcdefghijklmnop"), ==, 9); /* 16 in all */
    g_assert_cmphex(in(r, LSR) & 2, ==, 0);
}

static void few_bytes_time_out(void)
{
    g_autoptr(rig) r = rig_new();
    struct char_rig *c = serial_with_back_end(r);

    out(r, IIR, 0xc1);
    out(r, IER, 1);
    out(r, LCR, 0x83);
    out(r, DATA, 1); /* 115200 baud, 8n1: 86.8 us a character */
    out(r, IER, 0);
    out(r, LCR, 0x03);
    char_rig_send(c, "x");
    rig_step(r, 340 * US);
    g_assert_false(r->lines[IRQ].level);
    rig_step(r, 10 * US);
    g_assert_true(r->lines[IRQ].level);
    g_assert_cmphex(in(r, IIR), ==, 0xcc);
    g_assert_cmpint(in(r, DATA), ==, 'x');
    g_assert_false(r->lines[IRQ].level);
}

static void loopback_returns_bytes_and_modem_lines(void)
{
    g_autoptr(rig) r = rig_new();
    struct char_rig *c = serial_with_back_end(r);

    out(r, MCR, 0x1a);
    g_assert_cmphex(in(r, MSR) & 0xf0, ==, 0x90); /* as Linux probes: CTS and DCD */
    out(r, DATA, 'q');
    g_assert_cmpint(in(r, DATA), ==, 'q');
    g_assert_cmpstr(c->text, ==, "");
    g_assert_cmpuint(char_rig_send(c, "x"), ==, 0);
    out(r, MCR, 0x0b);
    g_assert_cmphex(in(r, MSR) & 0xf0, ==, 0xb0);
}

static void loopback_overrun_is_a_line_status_interrupt(void)
{
    g_autoptr(rig) r = rig_new();

    serial_with_back_end(r);
    out(r, IER, 4);
    out(r, MCR, 0x10);
    out(r, DATA, 'a');
    out(r, DATA, 'b');
    g_assert_true(r->lines[IRQ].level);
    g_assert_cmphex(in(r, IIR), ==, 6);
    g_assert_cmphex(in(r, LSR) & 0x02, ==, 0x02);
    g_assert_false(r->lines[IRQ].level);
    g_assert_cmphex(in(r, LSR) & 0x02, ==, 0);
}

static void modem_change_interrupts_until_msr_is_read(void)
{
    g_autoptr(rig) r = rig_new();

    serial_with_back_end(r);
    out(r, MCR, 0x10);
    in(r, MSR);
    out(r, IER, 8);
    g_assert_false(r->lines[IRQ].level);
    out(r, MCR, 0x12);
    g_assert_cmphex(in(r, IIR), ==, 0);
    g_assert_cmphex(in(r, MSR), ==, 0x11);
    g_assert_false(r->lines[IRQ].level);
}

static void line_status_comes_before_data_before_transmit(void)
{
    g_autoptr(rig) r = rig_new();

    serial_with_back_end(r);
    out(r, MCR, 0x10);
    out(r, DATA, 'a');
    out(r, DATA, 'b');
    out(r, IER, 0xf);
    g_assert_cmphex(in(r, IIR), ==, 6);
    in(r, LSR);
    g_assert_cmphex(in(r, IIR), ==, 4);
    in(r, DATA);
    g_assert_cmphex(in(r, IIR), ==, 2);
    in(r, MSR);
    g_assert_cmphex(in(r, IIR), ==, 1);
}

static void break_is_reported_with_a_zero(void)
{
    g_autoptr(rig) r = rig_new();
    struct char_rig *c = serial_with_back_end(r);

    c->base.front.event(c->base.front.opaque, CHARDEV_BREAK);
    g_assert_cmphex(in(r, LSR), ==, 0x71);
    g_assert_cmpint(in(r, DATA), ==, 0);
    g_assert_cmphex(in(r, LSR), ==, 0x60);
}

static void scratch_and_divisor(void)
{
    g_autoptr(rig) r = rig_new();

    serial_new(r, NULL);
    out(r, SCR, 0xa5);
    g_assert_cmphex(in(r, SCR), ==, 0xa5);
    out(r, LCR, 0x80);
    out(r, DATA, 0x34);
    out(r, IER, 0x12);
    g_assert_cmphex(in(r, DATA), ==, 0x34);
    g_assert_cmphex(in(r, IER), ==, 0x12);
    out(r, LCR, 0);
    g_assert_cmphex(in(r, IER), ==, 0);
}

static void ports_take_the_next_free_place(void)
{
    static const uint16_t base[4] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
    g_autoptr(rig) r = rig_new();
    g_autofree char *message = NULL;

    for (int i = 0; i < 4; i++) {
        serial_new(r, NULL);
        rig_outb(r, base[i] + SCR, i + 1);
    }
    for (int i = 0; i < 4; i++) {
        g_assert_cmpint(rig_inb(r, base[i] + SCR), ==, i + 1);
    }
    rig_outb(r, base[1] + IER, 2);
    g_assert_true(r->lines[3].level);
    message = rig_device_error(r, &isa_serial_type, NULL);
    g_assert_nonnull(strstr(message, "index"));
}

static void state_survives(void)
{
    g_autoptr(rig) r = rig_new();
    struct char_rig *c = char_rig_new(r->m, "c0");
    struct device *dev = serial_new(r, "chardev=c0");

    out(r, IIR, 0x81);
    out(r, IER, 1);
    char_rig_send(c, "abc");
    c->room = 0;
    out(r, DATA, 'z');
    rig_check_state(r, dev);
    g_assert_cmpint(in(r, DATA), ==, 'a');
    c->room = 1;
    rig_step(r, 20 * MS);
    g_assert_cmpstr(c->text, ==, "z");
}

static void random_accesses(void)
{
    g_autoptr(rig) r = rig_new();
    struct char_rig *c = char_rig_new(r->m, "c0");
    struct device *dev = serial_new(r, "chardev=c0");

    c->room = 100;
    for (int i = 0; i < 4; i++) {
        fuzz_ports(r, COM1, 8);
        char_rig_send(c, "0123456789abcdefghijklm");
    }
    rig_check_state(r, dev);
}

/* chardev-change, while a byte waits. */
static void goes_on_at_another_back_end(void)
{
    g_autoptr(rig) r = rig_new();
    struct char_rig *c = serial_with_back_end(r);
    g_autoptr(GPtrArray) opts = parse_options("ringbuf", "backend");
    char got[8] = { 0 };

    c->room = 0;
    out(r, DATA, 'a');
    g_assert_true(chardev_change(r->m, "c0", "ringbuf", opts, NULL));
    rig_step(r, 20 * MS);
    out(r, DATA, 'b');
    ringbuf_read(chardev_find(r->m, "c0"), got, sizeof(got));
    g_assert_cmpstr(got, ==, "ab");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/serial/transmit", transmits_at_once);
    g_test_add_func("/serial/refused", refused_bytes_wait_and_are_not_lost);
    g_test_add_func("/serial/thre", thre_interrupt_is_cleared_by_iir_and_by_writing);
    g_test_add_func("/serial/receive", receive_interrupt_without_fifo);
    g_test_add_func("/serial/fifo", fifo_interrupts_at_its_trigger_level);
    g_test_add_func("/serial/timeout", few_bytes_time_out);
    g_test_add_func("/serial/loopback", loopback_returns_bytes_and_modem_lines);
    g_test_add_func("/serial/overrun", loopback_overrun_is_a_line_status_interrupt);
    g_test_add_func("/serial/modem", modem_change_interrupts_until_msr_is_read);
    g_test_add_func("/serial/priority", line_status_comes_before_data_before_transmit);
    g_test_add_func("/serial/break", break_is_reported_with_a_zero);
    g_test_add_func("/serial/registers", scratch_and_divisor);
    g_test_add_func("/serial/places", ports_take_the_next_free_place);
    g_test_add_func("/serial/change", goes_on_at_another_back_end);
    g_test_add_func("/serial/state", state_survives);
    g_test_add_func("/serial/fuzz", random_accesses);
    return g_test_run();
}
