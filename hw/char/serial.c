/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/char/serial.c: the 16550A UART (PC16550D datasheet).
 *
 * A byte goes to the back end when it is written; only what the back end refuses waits in the
 * transmit FIFO, so LSR nearly always says "empty" and reading it costs a load.  OUT2 does not gate
 * the interrupt line: guests that leave it off expect interrupts all the same.
 *
 * Invariant: `level` is the level of the line and equals "IIR would not read 1".
 * Thread:    under the machine lock.
 */
#include "hw/char/serial.h"
#include "chardev/chardev.h"
#include "softmmu/machine.h"
#include "util/log.h"

enum { REG_DATA, REG_IER, REG_IIR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR };

#define IER_RX       0x01
#define IER_THRE     0x02
#define IER_LINE     0x04
#define IER_MODEM    0x08
#define IIR_NONE     0x01
#define IIR_MODEM    0x00
#define IIR_THRE     0x02
#define IIR_RX       0x04
#define IIR_LINE     0x06
#define IIR_TIMEOUT  0x0c
#define IIR_FIFO     0xc0
#define FCR_ENABLE   0x01
#define FCR_CLEAR_RX 0x02
#define FCR_CLEAR_TX 0x04
#define FCR_KEPT     0xc9
#define LCR_STOP     0x04
#define LCR_PARITY   0x08
#define LCR_EVEN     0x10
#define LCR_BREAK    0x40
#define LCR_DLAB     0x80
#define MCR_DTR      0x01
#define MCR_RTS      0x02
#define MCR_OUT1     0x04
#define MCR_OUT2     0x08
#define MCR_LOOP     0x10
#define LSR_DR       0x01
#define LSR_OE       0x02
#define LSR_BI       0x10
#define LSR_ERRORS   0x1e
#define LSR_THRE     0x20
#define LSR_TEMT     0x40
#define MSR_CTS      0x10
#define MSR_DSR      0x20
#define MSR_RI       0x40
#define MSR_DCD      0x80

/* The back end is asked again after a character's time, but not more often than this. */
#define MIN_RETRY_NS (100 * NS_PER_US)

static bool fifo_push(struct serial_fifo *f, unsigned depth, uint8_t byte)
{
    if (f->count >= depth) {
        return false;
    }
    f->data[(f->head + f->count++) % SERIAL_FIFO] = byte;
    return true;
}

static uint8_t fifo_pop(struct serial_fifo *f)
{
    uint8_t byte = f->data[f->head];

    f->head = (f->head + 1) % SERIAL_FIFO;
    f->count--;
    return byte;
}

static unsigned fifo_depth(const struct serial *s)
{
    return s->fcr & FCR_ENABLE ? SERIAL_FIFO : 1;
}

static unsigned trigger_level(const struct serial *s)
{
    static const uint8_t levels[4] = { 1, 4, 8, 14 };

    return s->fcr & FCR_ENABLE ? levels[s->fcr >> 6] : 1;
}

/* Nanoseconds that a character takes on the wire: 115200 baud at divisor 1. */
static int64_t character_ns(const struct serial *s)
{
    unsigned bits = 1 + 5 + (s->lcr & 3) + (s->lcr >> 3 & 1) + 1 + (s->lcr >> 2 & 1);

    return bits * NS_PER_SEC * (s->divisor ? s->divisor : 1) / 115200;
}

/* The most urgent interrupt that is enabled, as IIR shows it (datasheet, table IV). */
static uint8_t interrupt_source(const struct serial *s)
{
    if (s->ier & IER_LINE && s->lsr & LSR_ERRORS) {
        return IIR_LINE;
    }
    if (s->ier & IER_RX && s->rx.count >= trigger_level(s)) {
        return IIR_RX;
    }
    if (s->ier & IER_RX && s->timeout) {
        return IIR_TIMEOUT;
    }
    if (s->ier & IER_THRE && s->thre_pending) {
        return IIR_THRE;
    }
    if (s->ier & IER_MODEM && s->msr & 0x0f) {
        return IIR_MODEM;
    }
    return IIR_NONE;
}

static void serial_update(struct serial *s)
{
    bool level = interrupt_source(s) != IIR_NONE;

    /* Lines are shared by ports 1 and 3, 2 and 4: an idle port leaves them alone. */
    if (level != s->level) {
        s->level = level;
        irq_set(&s->irq, level);
    }
}

/* Bytes came or went: data ready, and a new timeout of four characters. */
static void rx_changed(struct serial *s)
{
    s->timeout = false;
    if (s->rx.count) {
        s->lsr |= LSR_DR;
    } else {
        s->lsr &= ~LSR_DR;
    }
    if (s->rx.count && s->rx.count < trigger_level(s)) {
        timer_arm(&s->rx_timer, clock_now(s->machine, CLOCK_KIND_VIRTUAL) + 4 * character_ns(s));
    } else {
        timer_disarm(&s->rx_timer);
    }
}

static void rx_timeout(void *opaque)
{
    struct serial *s = opaque;

    s->timeout = s->rx.count > 0;
    serial_update(s);
}

static void rx_push(struct serial *s, uint8_t byte)
{
    if (!fifo_push(&s->rx, fifo_depth(s), byte)) {
        s->lsr |= LSR_OE;
    }
    rx_changed(s);
}

static size_t serial_can_receive(void *opaque)
{
    struct serial *s = opaque;

    return s->mcr & MCR_LOOP ? 0 : fifo_depth(s) - MIN(s->rx.count, fifo_depth(s));
}

static void serial_receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct serial *s = opaque;

    for (size_t i = 0; i < n; i++) {
        rx_push(s, buf[i]);
    }
    serial_update(s);
}

static void serial_event(void *opaque, enum chardev_event event)
{
    struct serial *s = opaque;

    if (event == CHARDEV_BREAK) {
        s->lsr |= LSR_BI;
        rx_push(s, 0);
        serial_update(s);
    }
}

static void tx_emptied(struct serial *s)
{
    s->lsr |= LSR_THRE | LSR_TEMT;
    s->thre_pending = true;
}

/* Offers what waits, oldest first. */
static void tx_retry(void *opaque)
{
    struct serial *s = opaque;

    while (s->tx.count && chardev_write(s->out, &s->tx.data[s->tx.head], 1) == 1) {
        fifo_pop(&s->tx);
    }
    if (s->tx.count) {
        timer_arm(&s->tx_timer,
                  clock_now(s->machine, CLOCK_KIND_VIRTUAL) + MAX(character_ns(s), MIN_RETRY_NS));
    } else if (!(s->lsr & LSR_THRE)) {
        tx_emptied(s);
    }
    serial_update(s);
}

static void write_thr(struct serial *s, uint8_t byte)
{
    s->thre_pending = false;
    if (s->mcr & MCR_LOOP) {
        rx_push(s, byte);
        tx_emptied(s);
    } else if (!s->tx.count && chardev_write(s->out, &byte, 1) == 1) {
        tx_emptied(s);
    } else {
        s->lsr &= ~(LSR_THRE | LSR_TEMT);
        if (!fifo_push(&s->tx, fifo_depth(s), byte)) {
            log_line(LOG_GUEST_ERRORS, "serial: a byte is written to a full transmitter");
        }
        if (!s->tx_timer.armed) {
            tx_retry(s);
        }
    }
    serial_update(s);
}

static uint8_t read_rbr(struct serial *s)
{
    uint8_t byte = 0;

    if (s->rx.count) {
        byte = fifo_pop(&s->rx);
        rx_changed(s);
        serial_update(s);
        if (!(s->mcr & MCR_LOOP)) {
            chardev_accept_input(s->out);
        }
    }
    return byte;
}

static void write_ier(struct serial *s, uint8_t v)
{
    /* Enabling THRE while the transmitter is empty asks at once. */
    if (v & IER_THRE && !(s->ier & IER_THRE) && s->lsr & LSR_THRE) {
        s->thre_pending = true;
    }
    s->ier = v & 0x0f;
    serial_update(s);
}

static uint8_t read_iir(struct serial *s)
{
    uint8_t v = interrupt_source(s);

    if (v == IIR_THRE) {
        s->thre_pending = false;
        serial_update(s);
    }
    return v | (s->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static void write_fcr(struct serial *s, uint8_t v)
{
    bool toggled = (v ^ s->fcr) & FCR_ENABLE;

    s->fcr = v & FCR_ENABLE ? v & FCR_KEPT : 0;
    if (toggled || v & FCR_CLEAR_RX) {
        s->rx.count = 0;
        s->lsr &= ~LSR_BI;
    }
    if ((toggled || v & FCR_CLEAR_TX) && s->tx.count) {
        s->tx.count = 0;
        timer_disarm(&s->tx_timer);
        tx_emptied(s);
    }
    rx_changed(s);
    serial_update(s);
    if (s->out && serial_can_receive(s)) {
        chardev_accept_input(s->out);
    }
}

/* Where the back end is a line of wire. */
static void tell_line(struct serial *s)
{
    struct chardev_line line = {
        .baud = 115200u / (s->divisor ? s->divisor : 1),
        .data_bits = 5 + (s->lcr & 3u),
        .stop_bits = s->lcr & LCR_STOP ? 2 : 1,
        .parity = !(s->lcr & LCR_PARITY) ? 'N'
                  : s->lcr & LCR_EVEN    ? 'E'
                                         : 'O',
    };

    chardev_set_line(s->out, &line);
}

static void write_lcr(struct serial *s, uint8_t v)
{
    uint8_t changed = v ^ s->lcr;

    s->lcr = v;
    if (changed & ~LCR_BREAK && !(v & LCR_DLAB)) {
        tell_line(s);
    }
    if (changed & LCR_BREAK) {
        chardev_set_break(s->out, v & LCR_BREAK);
    }
}

/* Of the wire's other end; false: there is no such thing. */
static bool wire_lines(const struct serial *s, uint8_t *lines)
{
    unsigned now;

    if (!chardev_get_modem(s->out, &now)) {
        return false;
    }
    *lines = (now & CHARDEV_CTS ? MSR_CTS : 0) | (now & CHARDEV_DSR ? MSR_DSR : 0) |
             (now & CHARDEV_RI ? MSR_RI : 0) | (now & CHARDEV_DCD ? MSR_DCD : 0);
    return true;
}

/* The modem's lines: those of a null modem with somebody there, or the loop. */
static void update_msr(struct serial *s)
{
    uint8_t lines = s->out ? MSR_CTS | MSR_DSR | MSR_DCD : 0, changed;

    if (s->mcr & MCR_LOOP) {
        lines = (s->mcr & MCR_RTS ? MSR_CTS : 0) | (s->mcr & MCR_DTR ? MSR_DSR : 0) |
                (s->mcr & MCR_OUT1 ? MSR_RI : 0) | (s->mcr & MCR_OUT2 ? MSR_DCD : 0);
    } else if (s->out) {
        wire_lines(s, &lines);
    }
    changed = (lines ^ s->msr) & 0xf0;
    if (changed & MSR_RI && lines & MSR_RI) {
        changed &= ~MSR_RI; /* only the trailing edge of RI counts */
    }
    s->msr = lines | (s->msr & 0x0f) | changed >> 4;
}

static void write_mcr(struct serial *s, uint8_t v)
{
    bool left_loop = s->mcr & MCR_LOOP && !(v & MCR_LOOP);

    s->mcr = v & 0x1f;
    chardev_set_modem(s->out, (v & MCR_DTR ? CHARDEV_DTR : 0) | (v & MCR_RTS ? CHARDEV_RTS : 0));
    update_msr(s);
    serial_update(s);
    if (left_loop) {
        chardev_accept_input(s->out);
    }
}

static uint64_t serial_read(void *opaque, uint64_t off, unsigned size)
{
    struct serial *s = opaque;
    uint8_t v;

    (void)size;
    switch (off) {
    case REG_LSR:
        v = s->lsr;
        if (v & LSR_ERRORS) {
            s->lsr &= ~LSR_ERRORS;
            serial_update(s);
        }
        return v;
    case REG_DATA:
        return s->lcr & LCR_DLAB ? s->divisor & 0xff : read_rbr(s);
    case REG_IER:
        return s->lcr & LCR_DLAB ? s->divisor >> 8 : s->ier;
    case REG_IIR:
        return read_iir(s);
    case REG_LCR:
        return s->lcr;
    case REG_MCR:
        return s->mcr;
    case REG_MSR:
        update_msr(s); /* a wire's lines change without a word */
        v = s->msr;
        s->msr &= 0xf0;
        serial_update(s);
        return v;
    default:
        return s->scr;
    }
}

static void serial_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct serial *s = opaque;
    uint8_t v = value;

    (void)size;
    switch (off) {
    case REG_DATA:
        if (s->lcr & LCR_DLAB) {
            s->divisor = (s->divisor & 0xff00) | v;
        } else {
            write_thr(s, v);
        }
        break;
    case REG_IER:
        if (s->lcr & LCR_DLAB) {
            s->divisor = (s->divisor & 0xff) | v << 8;
        } else {
            write_ier(s, v);
        }
        break;
    case REG_IIR:
        write_fcr(s, v);
        break;
    case REG_LCR:
        write_lcr(s, v);
        break;
    case REG_MCR:
        write_mcr(s, v);
        break;
    case REG_SCR:
        s->scr = v;
        break;
    default: /* LSR and MSR: factory tests only */
        log_line(LOG_GUEST_ERRORS, "serial: write to read-only register %u", (unsigned)off);
    }
}

static const struct mem_ops serial_ops = {
    .read = serial_read, .write = serial_write, .min_size = 1, .max_size = 1
};

static void serial_moved(void *opaque, struct chardev *to)
{
    ((struct serial *)opaque)->out = to;
}

bool serial_init(struct serial *s, struct machine *m, GError **error)
{
    struct chardev_front front = {
        .can_receive = serial_can_receive,
        .receive = serial_receive,
        .event = serial_event,
        .moved = serial_moved,
        .opaque = s,
    };

    s->machine = m;
    timer_init(&s->tx_timer, m, CLOCK_KIND_VIRTUAL, tx_retry, s);
    timer_init(&s->rx_timer, m, CLOCK_KIND_VIRTUAL, rx_timeout, s);
    serial_reset(s);
    if (s->out && !chardev_attach(s->out, &front, error)) {
        return false;
    }
    mem_region_init_mmio(&s->ports, m, "serial", &serial_ops, s, 8);
    return true;
}

void serial_reset(struct serial *s)
{
    timer_disarm(&s->tx_timer);
    timer_disarm(&s->rx_timer);
    s->divisor = 12; /* 9600 baud */
    s->ier = s->fcr = s->lcr = s->scr = 0;
    s->mcr = MCR_OUT2;
    s->lsr = LSR_THRE | LSR_TEMT;
    s->rx.head = s->rx.count = s->tx.head = s->tx.count = 0;
    s->thre_pending = s->timeout = false;
    update_msr(s);
    s->msr &= 0xf0;
    serial_update(s);
}

void serial_destroy(struct serial *s)
{
    timer_disarm(&s->tx_timer);
    timer_disarm(&s->rx_timer);
    if (s->out) {
        chardev_detach(s->out, s);
    }
    mem_region_destroy(&s->ports);
}

void serial_post_load(struct serial *s)
{
    struct serial_fifo *fifos[] = { &s->rx, &s->tx };

    for (unsigned i = 0; i < G_N_ELEMENTS(fifos); i++) {
        fifos[i]->head %= SERIAL_FIFO;
        fifos[i]->count = MIN(fifos[i]->count, SERIAL_FIFO);
    }
}

static const struct state_row fifo_rows[] = {
    STATE_BUF(struct serial_fifo, data, 1, "bytes"),
    STATE_INT(struct serial_fifo, head, 1, "oldest byte"),
    STATE_INT(struct serial_fifo, count, 1, "bytes held"),
    { 0 },
};

const struct state_row serial_rows[] = {
    STATE_INT(struct serial, divisor, 1, "divisor latch"),
    STATE_INT(struct serial, ier, 1, "interrupt enable"),
    STATE_INT(struct serial, fcr, 1, "FIFO control"),
    STATE_INT(struct serial, lcr, 1, "line control"),
    STATE_INT(struct serial, mcr, 1, "modem control"),
    STATE_INT(struct serial, lsr, 1, "line status"),
    STATE_INT(struct serial, msr, 1, "modem status"),
    STATE_INT(struct serial, scr, 1, "scratch"),
    STATE_INT(struct serial, thre_pending, 1, "transmitter empty, not yet told"),
    STATE_INT(struct serial, timeout, 1, "character timeout has come"),
    STATE_INT(struct serial, level, 1, "level of the line"),
    STATE_SUB(struct serial, rx, 1, fifo_rows, 1, "received bytes"),
    STATE_SUB(struct serial, tx, 1, fifo_rows, 1, "bytes the back end refused"),
    STATE_TIMER_ROW(struct serial, tx_timer, 1, "next offer to the back end"),
    STATE_TIMER_ROW(struct serial, rx_timer, 1, "character timeout"),
    { 0 },
};
