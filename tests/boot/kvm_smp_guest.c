/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/boot/kvm_smp_guest.c: a multiboot guest of CPUS processors that interrupt each other, for kvm_irqchip.py.
 *
 * A token goes round: who gets it, by an interrupt, sends it to the next, and halts.  After each 16 rounds the boot
 * processor interrupts all others at once, waits until they have said so, and prints '.'.  An interrupt that is lost
 * ends it all; one that nobody sent prints '!'.  'A' says that all processors are there.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define START 0x8000 /* of the other processors, in real mode */
enum { TOKEN = 0x60, SHOUT = 0x61, ROUNDS = 16 };

__asm__(
    ".section .multiboot, \"a\"\n.long 0x1badb002, 0, -0x1badb002\n.text\n.globl _start\n"
    "_start: mov $0x300000, %esp\n lgdt gdt_pointer\n ljmp $8, $1f\n"
    "1: mov $16, %ax\n mov %ax, %ds\n mov %ax, %es\n mov %ax, %ss\n jmp run\n"
    ".p2align 3\ngdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\n"
    "gdt_pointer: .word 23\n.long gdt\n"
    /* Copied to START. */
    ".globl real, real_end\n.code16\n"
    "real: cli\n xor %ax, %ax\n mov %ax, %ds\n lgdtl 0x8000 + real_gdt - real\n mov %cr0, %eax\n"
    " or $1, %al\n mov %eax, %cr0\n ljmpl $8, $2f\n"
    "real_gdt: .word 23\n.long gdt\nreal_end:\n.code32\n"
    /* A stack by the local APIC's ID. */
    "2: mov $16, %ax\n mov %ax, %ds\n mov %ax, %es\n mov %ax, %ss\n mov 0xfee00020, %esp\n"
    " shr $12, %esp\n add $0x310000, %esp\n jmp run_other\n"
    ".macro gate name\n.globl on_\\name\non_\\name: pusha\n cld\n call \\name\n popa\n "
    "iret\n.endm\n"
    "gate token\ngate shout\ngate other\n");

void on_token(void), on_shout(void), on_other(void);
extern const u8 real[], real_end[];

static volatile u32 here, rounds, heard;
static u64 idt[256];

/* Local APIC registers. */
enum { ID = 0x20, EOI = 0xb0, SVR = 0xf0, ICR_LOW = 0x300, ICR_HIGH = 0x310, LINT0 = 0x350 };

static volatile u32 *apic(u32 reg)
{
    return (volatile u32 *)(0xfee00000u + reg);
}
static void put(char c)
{
    __asm__ volatile("outb %0, %1" : : "a"(c), "d"((u16)0x3f8));
}
static void send(u32 to, u32 what)
{
    *apic(ICR_HIGH) = to << 24;
    *apic(ICR_LOW) = what;
}
static void pass_on(u32 from)
{
    send((from + 1) % CPUS, 0x4000 | TOKEN);
}

void token(void)
{
    u32 id = *apic(ID) >> 24;

    *apic(EOI) = 0;
    if (id == 0) {
        rounds++;
    }
    pass_on(id);
}
void shout(void)
{
    __asm__ volatile("lock incl %0" : "+m"(heard));
    *apic(EOI) = 0;
}
void other(void)
{
    put('!');
}

static void set_gate(unsigned n, void (*fn)(void))
{
    u32 a = (u32)fn;

    idt[n] = (u64)(a & 0xffff0000u) << 32 | 0x8e00ull << 32 | 8u << 16 | (a & 0xffff);
}
static void start_interrupts(void)
{
    struct {
        u16 limit;
        u32 base;
    } __attribute__((packed)) pointer = { sizeof(idt) - 1, (u32)idt };

    __asm__ volatile("lidt %0" : : "m"(pointer));
    *apic(SVR) = 0x1ff;
    *apic(LINT0) = 0x10000;
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

__attribute__((used, noreturn)) void run_other(void)
{
    start_interrupts();
    __asm__ volatile("lock incl %0" : "+m"(here));
    for (;;) {
        __asm__ volatile("sti; hlt");
    }
}

__attribute__((used, noreturn)) void run(void)
{
    for (unsigned n = 0; n < 256; n++) {
        set_gate(n, on_other);
    }
    set_gate(TOKEN, on_token);
    set_gate(SHOUT, on_shout);
    start_interrupts();
    for (u32 i = 0; i < (u32)(real_end - real); i++) {
        ((volatile u8 *)START)[i] = real[i];
    }
    *apic(ICR_LOW) = 0xc4500; /* INIT, then SIPI, to all but itself */
    *apic(ICR_LOW) = 0xc4600 | START >> 12;
    while (here < CPUS - 1) {
        __asm__ volatile("pause");
    }
    put('A');
    pass_on(0);
    for (u32 n = 1;; n++) {
        wait_for(&rounds, n * ROUNDS);
        __asm__ volatile("cli"); /* a command takes two writes */
        send(0, 0xc4000 | SHOUT);
        wait_for(&heard, n * (CPUS - 1));
        put('.');
    }
}
