/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/i8237.c: two cascaded 8237A DMA controllers with the PC/AT's page registers.
 *
 * Source: Intel 8237A datasheet (231466); PC/AT Technical Reference (ports 0x00, 0xc0, 0x80).
 * Invariants: a transfer never leaves its 64 KiB (128 KiB of words) page: the page register does not
 *             carry; count wraps from 0 to 0xffff at terminal count and the channel is masked or reloaded.
 * Thread:     under the machine lock.
 */
#include "hw/misc/i8237.h"

#include "softmmu/machine.h"
#include "util/log.h"

enum { MODE_WRITE = 0x04, MODE_READ = 0x08, MODE_AUTO = 0x10, MODE_DOWN = 0x20 };
enum { COMMAND_OFF = 0x04 };

/* The page register of each channel: offset from port 0x80 (0: none). */
static const uint8_t page_ports[8] = { 7, 3, 1, 2, 15, 11, 9, 10 };

/* Transfers ------------------------------------------------------------------------------------- */

static void notify(struct i8237 *s)
{
    for (unsigned i = 0; i < 8; i++) {
        struct dma_chip *chip = &s->chips[i / 4];

        if ((chip->requests & ~chip->mask) >> i % 4 & 1 && !(chip->command & COMMAND_OFF) &&
            s->listeners[i].ready) {
            s->listeners[i].ready(s->listeners[i].device);
        }
    }
}

static bool reach_terminal_count(struct dma_chip *chip, unsigned n)
{
    struct dma_channel *c = &chip->channels[n];

    chip->terminal |= (uint8_t)(1u << n);
    if (c->mode & MODE_AUTO) {
        c->addr = c->base_addr;
        c->count = c->base_count;
    } else {
        chip->mask |= (uint8_t)(1u << n);
    }
    return true;
}

static void move(struct i8237 *s, uint32_t addr, uint8_t *buf, uint32_t len, uint8_t mode)
{
    if (mode & MODE_WRITE) {
        address_space_write(&s->dev.machine->memory, addr, buf, len);
    } else if (mode & MODE_READ) {
        address_space_read(&s->dev.machine->memory, addr, buf, len);
    }
}

/* Unit by unit when counting down, else in runs that end at the page's end or at terminal count. */
static uint32_t transfer(void *opaque, unsigned channel, uint8_t *buf, uint32_t len, bool to_memory,
                         bool *end)
{
    struct i8237 *s = opaque;
    struct dma_chip *chip = &s->chips[channel / 4 & 1];
    struct dma_channel *c = &chip->channels[channel & 3];
    unsigned shift = channel >= 4, bit = 1u << (channel & 3);
    uint8_t direction = c->mode & (MODE_WRITE | MODE_READ);
    uint32_t done = 0;

    *end = false;
    if (chip->mask & bit || chip->command & COMMAND_OFF) {
        return 0;
    }
    if (direction && direction != (to_memory ? MODE_WRITE : MODE_READ)) {
        log_line(LOG_GUEST_ERRORS, "i8237: channel %u is programmed for the other direction",
                 channel);
        direction = 0;
    }
    while (done + (1u << shift) <= len && !*end) {
        uint32_t units = (len - done) >> shift;
        uint32_t page = (uint32_t)(c->page & (shift ? 0xfe : 0xff)) << 16;

        units = MIN(units, (uint32_t)c->count + 1);
        units = c->mode & MODE_DOWN ? 1 : MIN(units, 0x10000u - c->addr);
        move(s, page + ((uint32_t)c->addr << shift), buf + done, units << shift, direction);
        done += units << shift;
        c->addr = (uint16_t)(c->mode & MODE_DOWN ? c->addr - units : c->addr + units);
        *end = units == (uint32_t)c->count + 1;
        c->count = (uint16_t)(c->count - units);
        if (*end) {
            reach_terminal_count(chip, channel & 3);
        }
    }
    return done;
}

static void request(void *opaque, unsigned channel, bool level)
{
    struct i8237 *s = opaque;
    struct dma_chip *chip = &s->chips[channel / 4 & 1];
    unsigned bit = 1u << (channel & 3);

    chip->requests = (uint8_t)(level ? chip->requests | bit : chip->requests & ~bit);
}

static void listen(void *opaque, unsigned channel, void (*ready)(void *device), void *device)
{
    struct i8237 *s = opaque;

    s->listeners[channel & 7].ready = ready;
    s->listeners[channel & 7].device = device;
}

/* Registers ------------------------------------------------------------------------------------- */

static uint8_t half(struct dma_chip *chip, uint16_t v)
{
    chip->high_byte = !chip->high_byte;
    return (uint8_t)(chip->high_byte ? v : v >> 8);
}

static void set_half(struct dma_chip *chip, uint16_t *v, uint8_t byte)
{
    *v = (uint16_t)(chip->high_byte ? (*v & 0x00ff) | byte << 8 : (*v & 0xff00) | byte);
}

static uint8_t chip_read(struct dma_chip *chip, unsigned reg)
{
    uint8_t v;

    if (reg < 8) {
        struct dma_channel *c = &chip->channels[reg / 2];

        return half(chip, reg & 1 ? c->count : c->addr);
    }
    switch (reg) {
    case 8:
        v = (uint8_t)(chip->requests << 4 | chip->terminal);
        chip->terminal = 0;
        return v;
    case 15:
        return chip->mask | 0xf0;
    default:
        return 0;
    }
}

static void clear_chip(struct dma_chip *chip)
{
    chip->command = chip->terminal = 0;
    chip->mask = 15;
    chip->high_byte = false;
}

static void chip_write(struct dma_chip *chip, unsigned reg, uint8_t v)
{
    unsigned bit = 1u << (v & 3);

    if (reg < 8) {
        struct dma_channel *c = &chip->channels[reg / 2];

        set_half(chip, reg & 1 ? &c->base_count : &c->base_addr, v);
        set_half(chip, reg & 1 ? &c->count : &c->addr, v);
        chip->high_byte = !chip->high_byte;
        return;
    }
    switch (reg) {
    case 8:
        chip->command = v;
        break;
    case 10:
        chip->mask = (uint8_t)(v & 4 ? chip->mask | bit : chip->mask & ~bit);
        break;
    case 11:
        chip->channels[v & 3].mode = v;
        break;
    case 12:
        chip->high_byte = false;
        break;
    case 13:
        clear_chip(chip);
        break;
    case 14:
        chip->mask = 0;
        break;
    case 15:
        chip->mask = v & 15;
        break;
    default: /* 9: software requests, which no memory-to-memory transfer uses on a PC */
        break;
    }
}

static struct i8237 *first_of(void *opaque)
{
    return opaque;
}

static uint64_t low_read(void *opaque, uint64_t off, unsigned size)
{
    (void)size;
    return chip_read(&first_of(opaque)->chips[0], (unsigned)off);
}

static void low_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)size;
    chip_write(&first_of(opaque)->chips[0], (unsigned)off, (uint8_t)value);
    notify(opaque);
}

/* The second chip's registers are two ports apart. */
static uint64_t high_read(void *opaque, uint64_t off, unsigned size)
{
    (void)size;
    return off & 1 ? 0xff : chip_read(&first_of(opaque)->chips[1], (unsigned)off / 2);
}

static void high_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)size;
    if (!(off & 1)) {
        chip_write(&first_of(opaque)->chips[1], (unsigned)off / 2, (uint8_t)value);
        notify(opaque);
    }
}

static uint8_t *page_at(struct i8237 *s, unsigned off)
{
    for (unsigned i = 0; i < 8; i++) {
        if (page_ports[i] == off) {
            return &s->chips[i / 4].channels[i % 4].page;
        }
    }
    return &s->page_spare[off & 15];
}

/* Ports 0x81 to 0x8f; 0x80 is the POST code's, 0x92 is not here. */
static uint64_t page_read(void *opaque, uint64_t off, unsigned size)
{
    (void)size;
    return *page_at(opaque, (unsigned)off + 1);
}

static void page_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)size;
    *page_at(opaque, (unsigned)off + 1) = (uint8_t)value;
}

static const struct mem_ops low_ops = { .read = low_read, .write = low_write, .max_size = 1 };
static const struct mem_ops high_ops = { .read = high_read, .write = high_write, .max_size = 1 };
static const struct mem_ops page_ops = { .read = page_read, .write = page_write, .max_size = 1 };

/* Life ------------------------------------------------------------------------------------------ */

static bool i8237_realize(struct device *dev, GError **error)
{
    struct i8237 *s = (struct i8237 *)dev;
    struct isa_bus *isa = (struct isa_bus *)dev->bus;

    (void)error;
    s->dma = (struct isa_dma){ s, transfer, request, listen };
    mem_region_init_mmio(&s->chips[0].ports, dev->machine, "i8237-1", &low_ops, s, 16);
    mem_region_init_mmio(&s->chips[1].ports, dev->machine, "i8237-2", &high_ops, s, 32);
    mem_region_init_mmio(&s->pages, dev->machine, "dma-pages", &page_ops, s, 15);
    isa_register_ports(dev, 0x00, &s->chips[0].ports);
    isa_register_ports(dev, 0xc0, &s->chips[1].ports);
    isa_register_ports(dev, 0x81, &s->pages);
    if (isa) {
        isa->dma = &s->dma;
    }
    return true;
}

static void i8237_reset(struct device *dev)
{
    struct i8237 *s = (struct i8237 *)dev;

    for (unsigned i = 0; i < 2; i++) {
        clear_chip(&s->chips[i]);
        for (unsigned k = 0; k < 4; k++) {
            s->chips[i].channels[k] = (struct dma_channel){ 0 };
        }
    }
}

static void i8237_unrealize(struct device *dev)
{
    struct i8237 *s = (struct i8237 *)dev;
    struct isa_bus *isa = (struct isa_bus *)dev->bus;

    if (isa && isa->dma == &s->dma) {
        isa->dma = NULL;
    }
    mem_region_destroy(&s->chips[0].ports);
    mem_region_destroy(&s->chips[1].ports);
    mem_region_destroy(&s->pages);
}

static const struct state_row channel_state[] = {
    STATE_INT(struct dma_channel, base_addr, 1, "address to reload"),
    STATE_INT(struct dma_channel, base_count, 1, "count to reload"),
    STATE_INT(struct dma_channel, addr, 1, "current address"),
    STATE_INT(struct dma_channel, count, 1, "current count, minus one"),
    STATE_INT(struct dma_channel, mode, 1, "mode register"),
    STATE_INT(struct dma_channel, page, 1, "page register"),
    { 0 },
};

static const struct state_row chip_state[] = {
    STATE_SUB(struct dma_chip, channels, 4, channel_state, 1, "channels"),
    STATE_INT(struct dma_chip, command, 1, "command register"),
    STATE_INT(struct dma_chip, mask, 1, "masked channels"),
    STATE_INT(struct dma_chip, requests, 1, "channels whose DREQ is high"),
    STATE_INT(struct dma_chip, terminal, 1, "channels that reached terminal count"),
    STATE_INT(struct dma_chip, high_byte, 1, "byte pointer flip-flop"),
    { 0 },
};

static const struct state_row i8237_state[] = {
    STATE_SUB(struct i8237, chips, 2, chip_state, 1, "the two controllers"),
    STATE_BUF(struct i8237, page_spare, 1, "page registers without a channel"),
    { 0 },
};

const struct device_type i8237_type = {
    .name = "i8237",
    .summary = "DMA controllers of a PC/AT",
    .bus = BUS_ISA,
    .internal = true,
    .size = sizeof(struct i8237),
    .state = i8237_state,
    .realize = i8237_realize,
    .reset = i8237_reset,
    .unrealize = i8237_unrealize,
};
