/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/input/i8042.c: the PC's keyboard controller at ports 0x60 and 0x64, with a keyboard (IRQ 1)
 * and a mouse (IRQ 12) plugged in.
 *
 * Source: IBM PS/2 Technical Reference, "Keyboard and Auxiliary Device Controller"; Intel 8042.
 * Invariants: one byte at a time stands in the output buffer; the next is fetched when the host has
 *             read it: answers of the controller first, then the keyboard's, then the mouse's.
 * Thread:     under the machine lock.
 */
#include "hw/input/i8042.h"

#include <string.h>
#include "hw/isa/isa.h"
#include "util/error.h"
#include "util/log.h"

/* clang-format off */
enum status_bit {               /* read of port 0x64 */
    STATUS_OBF      = 0x01,     /* a byte waits in port 0x60 */
    STATUS_SYS      = 0x04,     /* self test passed */
    STATUS_COMMAND  = 0x08,     /* the last write was to port 0x64 */
    STATUS_UNLOCKED = 0x10,
    STATUS_AUX      = 0x20,     /* the byte is the mouse's */
};
enum mode_bit {                 /* the command byte: RAM address 0 */
    MODE_KBD_INT    = 0x01,
    MODE_AUX_INT    = 0x02,
    MODE_SYS        = 0x04,
    MODE_KBD_OFF    = 0x10,
    MODE_AUX_OFF    = 0x20,
    MODE_TRANSLATE  = 0x40,
};
enum out_port_bit {
    OUT_RESET       = 0x01,     /* 0: the CPU is held in reset */
    OUT_A20         = 0x02,
    OUT_KBD_FULL    = 0x10,
    OUT_AUX_FULL    = 0x20,
    OUT_PULLED_UP   = 0xcc,
};
enum controller_command {       /* write of port 0x64 */
    CMD_READ_RAM    = 0x20,     /* 0x20-0x3f */
    CMD_WRITE_RAM   = 0x60,     /* 0x60-0x7f */
    CMD_AUX_OFF     = 0xa7,
    CMD_AUX_ON      = 0xa8,
    CMD_AUX_TEST    = 0xa9,
    CMD_SELF_TEST   = 0xaa,
    CMD_KBD_TEST    = 0xab,
    CMD_KBD_OFF     = 0xad,
    CMD_KBD_ON      = 0xae,
    CMD_READ_INPUT  = 0xc0,
    CMD_READ_OUT    = 0xd0,
    CMD_WRITE_OUT   = 0xd1,
    CMD_WRITE_KBD   = 0xd2,     /* the next byte appears as if the keyboard had sent it */
    CMD_WRITE_AUX   = 0xd3,     /* the same for the mouse */
    CMD_TO_AUX      = 0xd4,     /* the next byte goes to the mouse */
    CMD_A20_OFF     = 0xdd,
    CMD_A20_ON      = 0xdf,
    CMD_PULSE       = 0xf0,     /* 0xf0-0xff: low nibble: output port bits to pulse low, inverted */
};
/* clang-format on */

static void update_irqs(struct i8042 *s)
{
    uint8_t mode = s->ram[0];
    bool kbd = s->full && !s->full_aux && (mode & MODE_KBD_INT) && !(mode & MODE_KBD_OFF);
    bool aux = s->full && s->full_aux && (mode & MODE_AUX_INT) && !(mode & MODE_AUX_OFF);

    irq_set(isa_irq(&s->dev, 1), kbd);
    irq_set(isa_irq(&s->dev, 12), aux);
}

/* The next byte of the keyboard as the host sees it; false: none. */
static bool next_keyboard_byte(struct i8042 *s, uint8_t *byte)
{
    while (ps2_keyboard_read(&s->keyboard, byte)) {
        if (!(s->ram[0] & MODE_TRANSLATE)) {
            return true;
        }
        if (*byte == 0xf0) { /* the break prefix becomes bit 7 of what follows */
            s->release = true;
            continue;
        }
        *byte = (uint8_t)(ps2_translate(*byte) | (s->release ? 0x80 : 0));
        s->release = false;
        return true;
    }
    return false;
}

/* Fills the output buffer when it is free, and drives the lines. */
static void update(struct i8042 *s)
{
    if (!s->full) {
        if (s->answering) {
            s->data = s->answer;
            s->full_aux = s->answer_aux;
            s->answering = false;
            s->full = true;
        } else if (!(s->ram[0] & MODE_KBD_OFF) && next_keyboard_byte(s, &s->data)) {
            s->full_aux = false;
            s->full = true;
        } else if (!(s->ram[0] & MODE_AUX_OFF) && ps2_queue_pop(&s->mouse.queue, &s->data)) {
            s->full_aux = true;
            s->full = true;
        }
    }
    update_irqs(s);
}

static void answer(struct i8042 *s, uint8_t value, bool aux)
{
    s->answer = value;
    s->answer_aux = aux;
    s->answering = true;
}

static uint8_t read_out_port(struct i8042 *s)
{
    unsigned v = s->out_port | OUT_RESET;

    v |= s->dev.machine->a20_masked ? 0 : OUT_A20;
    v |= s->full ? (s->full_aux ? OUT_AUX_FULL : OUT_KBD_FULL) : 0;
    return (uint8_t)v;
}

static void write_out_port(struct i8042 *s, uint8_t value)
{
    s->out_port = value & OUT_PULLED_UP;
    irq_set(&s->a20, value & OUT_A20);
    if (!(value & OUT_RESET)) {
        machine_request_reset(s->dev.machine, SHUTDOWN_GUEST_RESET);
    }
}

static uint64_t data_read(void *opaque, uint64_t off, unsigned size)
{
    struct i8042 *s = opaque;
    uint8_t value = s->data;

    (void)off;
    (void)size;
    /* The lines fall before the next byte raises them: the 8259 wants an edge for each. */
    s->full = false;
    update_irqs(s);
    update(s);
    return value;
}

static void data_write(void *opaque, uint64_t off, uint64_t v, unsigned size)
{
    struct i8042 *s = opaque;
    uint8_t command = s->command, value = (uint8_t)v;

    (void)off;
    (void)size;
    s->last_command = false;
    s->command = 0;
    switch (command) {
    case 0: /* the controller turns the keyboard's clock on to pass a byte to it */
        s->ram[0] &= (uint8_t)~MODE_KBD_OFF;
        ps2_keyboard_write(&s->keyboard, value);
        break;
    case CMD_WRITE_RAM ... CMD_WRITE_RAM + 31:
        s->ram[command & 31] = value;
        if (command == CMD_WRITE_RAM) {
            s->sys = value & MODE_SYS;
        }
        break;
    case CMD_WRITE_OUT:
        write_out_port(s, value);
        break;
    case CMD_WRITE_KBD:
    case CMD_WRITE_AUX:
        answer(s, value, command == CMD_WRITE_AUX);
        break;
    case CMD_TO_AUX:
        s->ram[0] &= (uint8_t)~MODE_AUX_OFF;
        ps2_mouse_write(&s->mouse, value);
        break;
    }
    update(s);
}

static uint64_t status_read(void *opaque, uint64_t off, unsigned size)
{
    struct i8042 *s = opaque;

    (void)off;
    (void)size;
    return (uint64_t)(STATUS_UNLOCKED | (s->full ? STATUS_OBF : 0) | (s->sys ? STATUS_SYS : 0) |
                      (s->last_command ? STATUS_COMMAND : 0) |
                      (s->full && s->full_aux ? STATUS_AUX : 0));
}

/* What the low nibble of 0xf0-0xff leaves 0 pulses low; the CPU's reset is all that hears it. */
static void pulse(struct i8042 *s, uint8_t value)
{
    if (!(value & OUT_RESET)) {
        machine_request_reset(s->dev.machine, SHUTDOWN_GUEST_RESET);
    }
}

static void command_write(void *opaque, uint64_t off, uint64_t v, unsigned size)
{
    struct i8042 *s = opaque;
    uint8_t value = (uint8_t)v;

    (void)off;
    (void)size;
    s->last_command = true;
    s->command = 0;
    switch (value) {
    case CMD_READ_RAM ... CMD_READ_RAM + 31:
        answer(s, s->ram[value & 31], false);
        break;
    case CMD_WRITE_RAM ... CMD_WRITE_RAM + 31:
    case CMD_WRITE_OUT ... CMD_TO_AUX:
        s->command = value;
        break;
    case CMD_AUX_OFF:
        s->ram[0] |= MODE_AUX_OFF;
        break;
    case CMD_AUX_ON:
        s->ram[0] &= (uint8_t)~MODE_AUX_OFF;
        break;
    case CMD_KBD_OFF:
        s->ram[0] |= MODE_KBD_OFF;
        break;
    case CMD_KBD_ON:
        s->ram[0] &= (uint8_t)~MODE_KBD_OFF;
        break;
    case CMD_SELF_TEST:
        s->sys = true;
        s->ram[0] |= MODE_SYS;
        answer(s, 0x55, false);
        break;
    case CMD_AUX_TEST:
    case CMD_KBD_TEST:
        answer(s, 0x00, false); /* neither line is stuck */
        break;
    case CMD_READ_INPUT:
        answer(s, 0x80, false); /* keyboard not locked */
        break;
    case CMD_READ_OUT:
        answer(s, read_out_port(s), false);
        break;
    case CMD_A20_OFF:
    case CMD_A20_ON:
        irq_set(&s->a20, value == CMD_A20_ON);
        break;
    case CMD_PULSE ... CMD_PULSE + 15:
        pulse(s, value);
        break;
    default:
        log_line(LOG_GUEST_ERRORS, "i8042: unknown command 0x%02x", value);
    }
    update(s);
}

void i8042_key_event(struct device *dev, uint16_t key, bool down)
{
    struct i8042 *s = (struct i8042 *)dev;

    ps2_keyboard_event(&s->keyboard, key, down);
    update(s);
}

void i8042_mouse_event(struct device *dev, int dx, int dy, int dz, uint8_t buttons)
{
    struct i8042 *s = (struct i8042 *)dev;

    ps2_mouse_event(&s->mouse, dx, dy, dz, buttons);
    update(s);
}

static void key_input(void *opaque, uint16_t key, bool down)
{
    i8042_key_event(opaque, key, down);
}

static void pointer_input(void *opaque, const struct input_pointer *p)
{
    i8042_mouse_event(opaque, p->dx, p->dy, p->dz, p->buttons);
}

static const struct mem_ops data_ops = {
    .read = data_read, .write = data_write, .min_size = 1, .max_size = 1
};
static const struct mem_ops command_ops = {
    .read = status_read, .write = command_write, .min_size = 1, .max_size = 1
};

static bool i8042_realize(struct device *dev, GError **error)
{
    struct i8042 *s = (struct i8042 *)dev;

    (void)error;
    mem_region_init_mmio(&s->data_port, dev->machine, "i8042-data", &data_ops, s, 1);
    mem_region_init_mmio(&s->command_port, dev->machine, "i8042-cmd", &command_ops, s, 1);
    isa_register_ports(dev, 0x60, &s->data_port);
    isa_register_ports(dev, 0x64, &s->command_port);
    s->input = (struct input_handler){
        .name = "QEMU PS/2 Mouse", .key = key_input, .pointer = pointer_input, .opaque = s
    };
    input_register(dev->machine, &s->input);
    return true;
}

static void i8042_reset(struct device *dev)
{
    struct i8042 *s = (struct i8042 *)dev;

    ps2_keyboard_reset(&s->keyboard);
    ps2_mouse_reset(&s->mouse);
    memset(s->ram, 0, sizeof(s->ram));
    s->ram[0] = MODE_KBD_INT | MODE_AUX_INT | MODE_TRANSLATE;
    s->out_port = OUT_PULLED_UP;
    s->command = s->data = s->answer = 0;
    s->full = s->full_aux = s->answering = s->answer_aux = false;
    s->last_command = s->sys = s->release = false;
    update_irqs(s);
}

static void i8042_unrealize(struct device *dev)
{
    struct i8042 *s = (struct i8042 *)dev;

    input_unregister(dev->machine, &s->input);
    mem_region_destroy(&s->data_port);
    mem_region_destroy(&s->command_port);
}

static bool i8042_post_load(struct device *dev, GError **error)
{
    struct i8042 *s = (struct i8042 *)dev;

    if (!ps2_keyboard_valid(&s->keyboard) || !ps2_mouse_valid(&s->mouse)) {
        set_error(error, "i8042: a queue or a mode of the keyboard or the mouse is out of range");
        return false;
    }
    update_irqs(s);
    return true;
}

static const struct state_row i8042_state[] = {
    STATE_SUB(struct i8042, keyboard, 1, ps2_keyboard_state, 1, "keyboard"),
    STATE_SUB(struct i8042, mouse, 1, ps2_mouse_state, 1, "mouse"),
    STATE_BUF(struct i8042, ram, 1, "controller RAM; byte 0 is the command byte"),
    STATE_INT(struct i8042, out_port, 1, "output port"),
    STATE_INT(struct i8042, command, 1, "command that waits for its argument"),
    STATE_INT(struct i8042, data, 1, "output buffer"),
    STATE_INT(struct i8042, answer, 1, "the controller's next byte"),
    STATE_INT(struct i8042, full, 1, "the output buffer holds a byte"),
    STATE_INT(struct i8042, full_aux, 1, "it is the mouse's"),
    STATE_INT(struct i8042, answering, 1, "`answer` waits"),
    STATE_INT(struct i8042, answer_aux, 1, "it poses as the mouse's"),
    STATE_INT(struct i8042, last_command, 1, "the last write was to port 0x64"),
    STATE_INT(struct i8042, sys, 1, "system flag"),
    STATE_INT(struct i8042, release, 1, "translation has seen the break prefix"),
    { 0 },
};

const struct device_type i8042_type = {
    .name = "i8042",
    .summary = "keyboard controller with a keyboard and a mouse",
    .bus = BUS_ISA,
    .internal = true,
    .size = sizeof(struct i8042),
    .state = i8042_state,
    .realize = i8042_realize,
    .reset = i8042_reset,
    .unrealize = i8042_unrealize,
    .post_load = i8042_post_load,
};
