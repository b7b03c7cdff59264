/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/boot/gdb_modes.S: a boot sector that goes from real mode through protected mode to long mode, for gdb to
 * follow.  Linked at 0x7c00; it ends in a loop that counts.
 */
        .globl _start, protected, compatible, long_mode, loop, counter
#define TABLES  0x10000
#define CR0_PE  1
#define CR0_PG  0x80000000
#define CR4_PAE 0x20
#define EFER    0xc0000080
#define LME     0x100

        .code16
_start:
        cli
        xor %ax, %ax
        mov %ax, %ds
        lgdt gdt_pointer
        mov %cr0, %eax
        or $CR0_PE, %al
        mov %eax, %cr0
        ljmp $8, $protected

        .code32
protected:
        mov $0x10, %ax
        mov %ax, %ds
        mov %ax, %es
        mov %ax, %ss
        movl $(TABLES + 0x1003), TABLES         /* 2 MiB, where they are */
        movl $(TABLES + 0x2003), TABLES + 0x1000
        movl $0x83, TABLES + 0x2000
        mov $CR4_PAE, %eax
        mov %eax, %cr4
        mov $TABLES, %eax
        mov %eax, %cr3
        mov $EFER, %ecx
        rdmsr
        or $LME, %eax
        wrmsr
        mov %cr0, %eax
        or $CR0_PG, %eax
        mov %eax, %cr0
compatible:
        ljmp $0x18, $long_mode

        .code64
long_mode:
        mov $0x1122334455667788, %rax
        xor %ebx, %ebx
loop:
        inc %ebx
        mov %ebx, counter
        cmp %ebx, counter
        jmp loop

        .balign 8
counter:
        .quad 0
gdt:
        .quad 0
        .quad 0x00cf9b000000ffff
        .quad 0x00cf93000000ffff
        .quad 0x00af9b000000ffff
gdt_pointer:
        .word . - gdt - 1
        .long gdt
        .org 510
        .word 0xaa55
