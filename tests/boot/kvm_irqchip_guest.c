/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/boot/kvm_irqchip_guest.c: a multiboot guest that lives by interrupts, for kvm_irqchip.py: the 8254's through the
 * 8259 pair and the I/O APIC, the local APIC's timer's, MSI-X of a virtio-rng-pci.  In between it halts.
 *
 * It prints a letter for each thing that works, then '.' after every quarter of a second, each with a request to the
 * virtio device.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#ifndef ROUNDS
#define ROUNDS 1000 /* requests at once */
#endif

__asm__(".section .multiboot, \"a\"\n.long 0x1badb002, 0, -0x1badb002\n.text\n.globl _start\n"
        "_start: mov $0x300000, %esp\n lgdt gdt_pointer\n ljmp $8, $1f\n"
        "1: mov $16, %ax\n mov %ax, %ds\n mov %ax, %es\n mov %ax, %ss\n jmp run\n"
        ".p2align 3\ngdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\n"
        "gdt_pointer: .word 23\n.long gdt\n"
        ".macro gate name\n.globl on_\\name\non_\\name: pusha\n cld\n call \\name\n popa\n "
        "iret\n.endm\n"
        "gate tick\ngate pin_tick\ngate apic_timer\ngate queue\ngate other\n");

void on_tick(void), on_pin_tick(void), on_apic_timer(void), on_queue(void), on_other(void);

static volatile u32 ticks, pin_ticks, timers, queues;

static void outb(u16 port, u8 v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}
static void outl(u16 port, u32 v)
{
    __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}
static u32 inl(u16 port)
{
    u32 v;

    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
static void put(char c)
{
    outb(0x3f8, (u8)c);
}
static volatile u32 *at(u32 addr)
{
    return (volatile u32 *)addr;
}

/* Local APIC registers. */
enum {
    APIC = 0xfee00000,
    EOI = 0xb0,
    SVR = 0xf0,
    LVT_TIMER = 0x320,
    INITIAL = 0x380,
    DIVIDE = 0x3e0
};

void tick(void)
{
    ticks++;
    outb(0x20, 0x20);
}
void pin_tick(void)
{
    pin_ticks++;
    *at(APIC + EOI) = 0;
}
void apic_timer(void)
{
    timers++;
    *at(APIC + EOI) = 0;
}
void queue(void)
{
    queues++;
    *at(APIC + EOI) = 0;
}
void other(void)
{
    put('!');
}

static u64 idt[256];

static void set_gate(unsigned n, void (*fn)(void))
{
    u32 a = (u32)fn;

    idt[n] = (u64)(a & 0xffff0000u) << 32 | 0x8e00ull << 32 | 8u << 16 | (a & 0xffff);
}

static void init_interrupts(void)
{
    struct {
        u16 limit;
        u32 base;
    } __attribute__((packed)) pointer = { sizeof(idt) - 1, (u32)idt };

    for (unsigned n = 0; n < 256; n++) {
        set_gate(n, on_other);
    }
    set_gate(0x20, on_tick);
    set_gate(0x40, on_pin_tick);
    set_gate(0x48, on_apic_timer);
    set_gate(0x50, on_queue);
    __asm__ volatile("lidt %0" : : "m"(pointer));
    outb(0x20, 0x11);
    outb(0xa0, 0x11);
    outb(0x21, 0x20);
    outb(0xa1, 0x28);
    outb(0x21, 4);
    outb(0xa1, 2);
    outb(0x21, 1);
    outb(0xa1, 1);
    outb(0x21, 0xfe);
    outb(0xa1, 0xff);
    *at(APIC + SVR) = 0x1ff;
    *at(APIC + 0x350) = 0x700; /* LINT0: ExtINT */
}

/* Halts until *count has reached a number: whatever wakes it. */
static void wait_for(volatile u32 *count, u32 n)
{
    for (;;) {
        __asm__ volatile("cli");
        if ((int)(*count - n) >= 0) {
            __asm__ volatile("sti");
            return;
        }
        __asm__ volatile("sti; hlt");
    }
}

static void start_pit(void)
{
    outb(0x43, 0x34); /* channel 0, mode 2, 100 Hz */
    outb(0x40, 11932 & 0xff);
    outb(0x40, 11932 >> 8);
}

static void io_apic(u32 reg, u32 v)
{
    *at(0xfec00000) = reg;
    *at(0xfec00010) = v;
}

/* virtio-rng-pci ------------------------------------------------------------------------------ */

enum { BAR = 0xfe000000, TABLE = 0xfe100000, NOTIFY = 0x3000 };
#define DESC  ((volatile u64 *)0x200000)
#define AVAIL ((volatile u16 *)0x201000)
#define USED  ((volatile u16 *)0x202000)

static u32 config(u32 devfn, u32 reg)
{
    outl(0xcf8, 0x80000000u | devfn << 8 | reg);
    return inl(0xcfc);
}
static void set_config(u32 devfn, u32 reg, u32 v)
{
    outl(0xcf8, 0x80000000u | devfn << 8 | reg);
    outl(0xcfc, v);
}

static int start_rng(void)
{
    volatile u8 *c8 = (volatile u8 *)BAR;
    u32 devfn, cap;

    for (devfn = 0; devfn < 256 && config(devfn, 0) != 0x10441af4u; devfn++) {
    }
    if (devfn == 256) {
        return 0;
    }
    set_config(devfn, 0x14, TABLE);
    set_config(devfn, 0x20, BAR);
    set_config(devfn, 0x24, 0);
    set_config(devfn, 4, 6);
    for (cap = config(devfn, 0x34) & 0xff; cap && (config(devfn, cap) & 0xff) != 0x11;
         cap = config(devfn, cap) >> 8 & 0xff) {
    }
    set_config(devfn, cap, 0x80000000u | config(devfn, cap));
    at(TABLE)[0] = 0xfee00000;
    at(TABLE)[1] = 0;
    at(TABLE)[2] = 0x50;
    at(TABLE)[3] = 0;
    c8[20] = 0;
    c8[20] = 3;
    at(BAR)[2] = 1; /* VIRTIO_F_VERSION_1 */
    at(BAR)[3] = 1;
    c8[20] = 11;
    *(volatile u16 *)(BAR + 22) = 0;
    *(volatile u16 *)(BAR + 24) = 8;
    *(volatile u16 *)(BAR + 26) = 0;
    at(BAR)[8] = 0x200000;
    at(BAR)[9] = 0;
    at(BAR)[10] = 0x201000;
    at(BAR)[11] = 0;
    at(BAR)[12] = 0x202000;
    at(BAR)[13] = 0;
    *(volatile u16 *)(BAR + 28) = 1;
    c8[20] = 15;
    DESC[0] = 0x203000;
    DESC[1] = 16 | 2ull << 32; /* the device writes 16 bytes */
    return 1;
}

static void request(void)
{
    u32 before = queues;
    u16 index = AVAIL[1];

    AVAIL[2 + index % 8] = 0;
    __asm__ volatile("" ::: "memory");
    AVAIL[1] = (u16)(index + 1);
    *(volatile u16 *)(BAR + NOTIFY) = 0;
    wait_for(&queues, before + 1);
    while (USED[1] != AVAIL[1]) {
    }
}

__attribute__((noinline)) void step(u32 n)
{
    static volatile u32 seen;

    seen = n;
}

__attribute__((used, noreturn)) void run(void)
{
    int rng;

    init_interrupts();
    start_pit();
    wait_for(&ticks, 10);
    put('P');
    *at(APIC + DIVIDE) = 0xb;
    *at(APIC + LVT_TIMER) = 0x20048; /* periodic */
    *at(APIC + INITIAL) = 5000000;
    wait_for(&timers, 5);
    *at(APIC + INITIAL) = 0;
    put('L');
    io_apic(0x10 + 2 * 2 + 1, 0);
    io_apic(0x10 + 2 * 2, 0x40);
    outb(0x21, 0xff);
    wait_for(&pin_ticks, 5);
    io_apic(0x10 + 2 * 2, 0x10040);
    outb(0x21, 0xfe);
    put('I');
    rng = start_rng();
    for (u32 i = 0; rng && i < ROUNDS; i++) {
        request();
    }
    put(rng ? 'R' : 'n');
#ifdef IDLE
    outb(0x21, 0xff);
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
#endif
    for (u32 n = 1;; n++) {
        wait_for(&ticks, ticks + 25);
        if (rng) {
            request();
        }
        step(n);
        put('.');
    }
}
