/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/edu.c: a device to learn drivers with: a register that answers, a factorial that takes
 * its time, a DMA engine with a buffer of 4 KiB, and an interrupt (MSI or INTx) for each.
 *
 * Source: QEMU's documentation, "EDU device" (specs/edu).
 * Invariants: `computing` and `dma_command & DMA_RUN` are set exactly while their timers run.  No
 *             transfer leaves the buffer.
 * Thread:     under the machine lock.
 */
#include <inttypes.h>
#include <string.h>
#include "hw/misc/misc.h"
#include "hw/pci/pci.h"
#include "util/log.h"

#define EDU_SIZE       0x100000u
#define EDU_ID         0x010000edu
#define BUFFER_ADDR    0x40000u
#define BUFFER_SIZE    4096u
#define FACTORIAL_TIME (100 * NS_PER_US)
#define DMA_TIME       (100 * NS_PER_US)

/* clang-format off */
enum edu_register {
    REG_ID         = 0x00,
    REG_LIVENESS   = 0x04,      /* reads what was written, inverted */
    REG_FACTORIAL  = 0x08,
    REG_STATUS     = 0x20,
    REG_IRQ_STATUS = 0x24,
    REG_IRQ_RAISE  = 0x60,
    REG_IRQ_ACK    = 0x64,
    REG_DMA_SOURCE = 0x80,      /* from here on 4 or 8 bytes */
    REG_DMA_TARGET = 0x88,
    REG_DMA_COUNT  = 0x90,
    REG_DMA_COMMAND = 0x98,
};
enum { STATUS_COMPUTING = 0x01, STATUS_INTERRUPT = 0x80 };
enum { DMA_RUN = 1, DMA_TO_RAM = 2, DMA_INTERRUPT = 4, DMA_COMMAND_BITS = 7 };
enum { IRQ_FACTORIAL = 0x001, IRQ_DMA = 0x100 };
/* clang-format on */

struct edu {
    struct pci_device pci;
    struct mem_region mmio;
    uint64_t dma_mask;
    uint32_t liveness, factorial, irq_status;
    uint8_t status; /* STATUS_INTERRUPT alone */
    bool computing;
    uint64_t dma_source, dma_target, dma_count, dma_command;
    struct timer factorial_timer, dma_timer;
    uint8_t buffer[BUFFER_SIZE];
};

static void raise_interrupt(struct edu *s, uint32_t why)
{
    s->irq_status |= why;
    if (!s->irq_status) {
        return;
    }
    if (pci_msi_enabled(&s->pci)) {
        pci_msi_send(&s->pci, 0);
    } else {
        pci_set_intx(&s->pci, true);
    }
}

static void acknowledge(struct edu *s, uint32_t what)
{
    s->irq_status &= ~what;
    if (!s->irq_status) {
        pci_set_intx(&s->pci, false);
    }
}

/* In 32 bits; from 34! on it is 0, so that no number keeps the host busy. */
static void factorial_done(void *opaque)
{
    struct edu *s = opaque;
    uint32_t product = 1;

    for (uint32_t i = 2; i <= MIN(s->factorial, 34u); i++) {
        product *= i;
    }
    s->factorial = product;
    s->computing = false;
    if (s->status & STATUS_INTERRUPT) {
        raise_interrupt(s, IRQ_FACTORIAL);
    }
}

static uint64_t dma_address(const struct edu *s, uint64_t addr)
{
    if (addr & ~s->dma_mask) {
        log_line(LOG_GUEST_ERRORS, "edu: DMA address 0x%" PRIx64 " is beyond the mask 0x%" PRIx64,
                 addr, s->dma_mask);
    }
    return addr & s->dma_mask;
}

static bool within_buffer(uint64_t addr, uint64_t count)
{
    return addr >= BUFFER_ADDR && addr - BUFFER_ADDR <= BUFFER_SIZE &&
           count <= BUFFER_SIZE - (addr - BUFFER_ADDR);
}

static void transfer(struct edu *s)
{
    struct address_space *memory = &s->pci.dev.machine->memory;
    bool to_ram = s->dma_command & DMA_TO_RAM;
    uint64_t inside = to_ram ? s->dma_source : s->dma_target;
    uint8_t copy[BUFFER_SIZE];

    if (!within_buffer(inside, s->dma_count)) {
        log_line(LOG_GUEST_ERRORS,
                 "edu: DMA of %" PRIu64 " bytes at 0x%" PRIx64 " leaves the buffer", s->dma_count,
                 inside);
        return;
    }
    if (!(pci_config_load(&s->pci, PCI_COMMAND, 2) & PCI_COMMAND_MASTER)) {
        log_line(LOG_GUEST_ERRORS, "edu: DMA without bus mastering");
        return;
    }
    /* By a copy: the other end may be the device's own registers. */
    if (to_ram) {
        memcpy(copy, s->buffer + (inside - BUFFER_ADDR), s->dma_count);
        address_space_write(memory, dma_address(s, s->dma_target), copy, s->dma_count);
    } else {
        address_space_read(memory, dma_address(s, s->dma_source), copy, s->dma_count);
        memcpy(s->buffer + (inside - BUFFER_ADDR), copy, s->dma_count);
    }
}

static void dma_done(void *opaque)
{
    struct edu *s = opaque;

    transfer(s);
    s->dma_command &= ~(uint64_t)DMA_RUN;
    if (s->dma_command & DMA_INTERRUPT) {
        raise_interrupt(s, IRQ_DMA);
    }
}

/* The 64-bit DMA register at an offset of a multiple of 8; NULL: none. */
static uint64_t *dma_register(struct edu *s, uint64_t off)
{
    switch (off & ~7ull) {
    case REG_DMA_SOURCE:
        return &s->dma_source;
    case REG_DMA_TARGET:
        return &s->dma_target;
    case REG_DMA_COUNT:
        return &s->dma_count;
    case REG_DMA_COMMAND:
        return &s->dma_command;
    default:
        return NULL;
    }
}

static uint64_t edu_read(void *opaque, uint64_t off, unsigned size)
{
    struct edu *s = opaque;
    const uint64_t *reg = dma_register(s, off);

    if (reg) {
        return *reg >> (off % 8 * 8);
    }
    if (size != 4) {
        return UINT64_MAX;
    }
    switch (off) {
    case REG_ID:
        return EDU_ID;
    case REG_LIVENESS:
        return s->liveness;
    case REG_FACTORIAL:
        return s->factorial;
    case REG_STATUS:
        return s->status | (s->computing ? STATUS_COMPUTING : 0u);
    case REG_IRQ_STATUS:
        return s->irq_status;
    default:
        log_line(LOG_UNIMP, "edu: read of 0x%x", (unsigned)off);
        return UINT64_MAX;
    }
}

/* While a transfer runs its registers stay as they are. */
static void dma_write(struct edu *s, uint64_t off, uint64_t value, unsigned size)
{
    uint64_t *reg = dma_register(s, off);
    unsigned shift = off % 8 * 8;
    uint64_t mask = (size == 8 ? UINT64_MAX : UINT32_MAX) << shift;

    if (s->dma_command & DMA_RUN) {
        log_line(LOG_GUEST_ERRORS, "edu: a DMA register is written while a transfer runs");
        return;
    }
    *reg = (*reg & ~mask) | (value << shift & mask);
    if (reg != &s->dma_command) {
        return;
    }
    s->dma_command &= DMA_COMMAND_BITS;
    if (off % 8 == 0 && (s->dma_command & DMA_RUN)) {
        timer_arm(&s->dma_timer, clock_now(s->pci.dev.machine, CLOCK_KIND_VIRTUAL) + DMA_TIME);
    }
}

static void edu_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct edu *s = opaque;

    if (dma_register(s, off)) {
        dma_write(s, off, value, size);
        return;
    }
    if (size != 4) {
        log_line(LOG_GUEST_ERRORS, "edu: %u-byte write of 0x%x, must be 4", size, (unsigned)off);
        return;
    }
    switch (off) {
    case REG_LIVENESS:
        s->liveness = ~(uint32_t)value;
        break;
    case REG_FACTORIAL:
        if (!s->computing) {
            s->factorial = (uint32_t)value;
            s->computing = true;
            timer_arm(&s->factorial_timer,
                      clock_now(s->pci.dev.machine, CLOCK_KIND_VIRTUAL) + FACTORIAL_TIME);
        }
        break;
    case REG_STATUS:
        s->status = value & STATUS_INTERRUPT;
        break;
    case REG_IRQ_RAISE:
        raise_interrupt(s, (uint32_t)value);
        break;
    case REG_IRQ_ACK:
        acknowledge(s, (uint32_t)value);
        break;
    default:
        log_line(LOG_UNIMP, "edu: write of 0x%x", (unsigned)off);
    }
}

static const struct mem_ops edu_ops = {
    .read = edu_read, .write = edu_write, .min_size = 4, .max_size = 8
};

static bool edu_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = {
        .vendor = 0x1234, .device = 0x11e8, .revision = 0x10, .class = 0x00ff, .int_pin = 1
    };
    struct edu *s = (struct edu *)dev;

    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    pci_msi_setup(&s->pci, 1);
    mem_region_init_mmio(&s->mmio, dev->machine, "edu-mmio", &edu_ops, s, EDU_SIZE);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM32, &s->mmio, EDU_SIZE);
    timer_init(&s->factorial_timer, dev->machine, CLOCK_KIND_VIRTUAL, factorial_done, s);
    timer_init(&s->dma_timer, dev->machine, CLOCK_KIND_VIRTUAL, dma_done, s);
    return true;
}

static void edu_reset(struct device *dev)
{
    struct edu *s = (struct edu *)dev;

    timer_disarm(&s->factorial_timer);
    timer_disarm(&s->dma_timer);
    s->liveness = s->factorial = s->irq_status = 0;
    s->status = 0;
    s->computing = false;
    s->dma_source = s->dma_target = s->dma_count = s->dma_command = 0;
    memset(s->buffer, 0, sizeof(s->buffer));
    pci_device_reset(&s->pci);
}

static void edu_unrealize(struct device *dev)
{
    struct edu *s = (struct edu *)dev;

    timer_disarm(&s->factorial_timer);
    timer_disarm(&s->dma_timer);
    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->mmio);
}

static bool edu_post_load(struct device *dev, GError **error)
{
    struct edu *s = (struct edu *)dev;

    s->status &= STATUS_INTERRUPT;
    s->computing = s->factorial_timer.armed;
    s->dma_command &= DMA_COMMAND_BITS & ~(s->dma_timer.armed ? 0u : DMA_RUN);
    return pci_device_post_load(&s->pci, error);
}

static const struct property edu_props[] = {
    PCI_PROPS(struct edu, pci),
    PROP_U64(struct edu, "dma_mask", dma_mask, (1ull << 28) - 1, "address bits that DMA reaches"),
    { 0 },
};
static const struct state_row edu_state[] = {
    PCI_STATE(struct edu, pci),
    STATE_INT(struct edu, liveness, 1, "inverted value of the liveness check"),
    STATE_INT(struct edu, factorial, 1, "argument, then result"),
    STATE_INT(struct edu, irq_status, 1, "reasons of the interrupt"),
    STATE_INT(struct edu, status, 1, "interrupt after the factorial"),
    STATE_INT(struct edu, computing, 1, "the factorial is being computed"),
    STATE_INT(struct edu, dma_source, 1, "DMA from here"),
    STATE_INT(struct edu, dma_target, 1, "DMA to here"),
    STATE_INT(struct edu, dma_count, 1, "bytes to move"),
    STATE_INT(struct edu, dma_command, 1, "DMA direction, and whether it runs"),
    STATE_TIMER_ROW(struct edu, factorial_timer, 1, "end of the computation"),
    STATE_TIMER_ROW(struct edu, dma_timer, 1, "end of the transfer"),
    STATE_BUF(struct edu, buffer, 1, "DMA buffer"),
    { 0 },
};

const struct device_type edu_type = {
    .name = "edu",
    .summary = "educational device: factorial, DMA, interrupts",
    .bus = BUS_PCI,
    .size = sizeof(struct edu),
    .props = edu_props,
    .state = edu_state,
    .realize = edu_realize,
    .reset = edu_reset,
    .unrealize = edu_unrealize,
    .post_load = edu_post_load,
};
