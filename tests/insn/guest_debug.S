/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_debug.S: traps and where they point: single-step, breakpoints, the shadows of STI
 * and MOV SS, INT3, INTO, BOUND.
 */
#include "guest.h"

#define APIC 0xfee00000
#define SELF_IPI movl $0x44040, APIC + 0x300 /* fixed, vector 0x40, to itself */

main:
        TEST("single-step")
        TRY(pushf; orl $0x100, (%esp); popf; nop; \
stepped: nop)
        EXPECT_VECTOR(1)
        EXPECT_EQ($stepped, fault_eip)
        mov     %dr6, %eax
        and     $0x4000, %eax
        EXPECT_EQ($0x4000, %eax)

        TEST("a repeated string instruction steps by elements")
        mov     $buffer, %edi
        mov     $5, %ecx
        TRY(pushf; orl $0x100, (%esp); popf; \
rep_at: rep stosb; nop)
        EXPECT_VECTOR(1)
        EXPECT_EQ($rep_at, fault_eip)
        EXPECT_EQ($4, fault_regs + 24)

        TEST("MOV SS holds the single-step back")
        mov     %ss, %eax
        TRY(pushf; orl $0x100, (%esp); popf; mov %eax, %ss; nop; \
after_ss: nop)
        EXPECT_VECTOR(1)
        EXPECT_EQ($after_ss, fault_eip)

        TEST("breakpoint on an instruction is a fault")
        mov     $break_at, %eax
        mov     %eax, %dr0
        mov     $1, %eax
        mov     %eax, %dr7
        xor     %ebx, %ebx
        TRY(nop; \
break_at: inc %ebx)
        EXPECT_VECTOR(1)
        EXPECT_EQ($break_at, fault_eip)
        EXPECT_EQ($0, fault_regs + 16)
        mov     %dr6, %eax
        and     $15, %eax
        EXPECT_EQ($1, %eax)

        TEST("breakpoint on data is a trap")
        mov     $buffer + 4, %eax
        mov     %eax, %dr1
        mov     $0xd00008, %eax                 # G1, writes of 4 bytes
        mov     %eax, %dr7
        xor     %eax, %eax
        mov     %eax, %dr6
        TRY(mov buffer + 4, %eax)
        EXPECT_NO_FAULT
        TRY(movb $1, buffer + 7; \
data_at: nop)
        EXPECT_VECTOR(1)
        EXPECT_EQ($data_at, fault_eip)
        mov     %dr6, %eax
        and     $15, %eax
        EXPECT_EQ($2, %eax)
        xor     %eax, %eax
        mov     %eax, %dr7

        TEST("INT3, INTO and INT n point behind, BOUND and UD2 at themselves")
        TRY(int3; \
int3_at: nop)
        EXPECT_VECTOR(3)
        EXPECT_EQ($int3_at, fault_eip)
        mov     $0x7f, %al
        add     $1, %al
        TRY(into; \
into_at: nop)
        EXPECT_VECTOR(4)
        EXPECT_EQ($into_at, fault_eip)
        xor     %eax, %eax
        TRY(into)
        EXPECT_NO_FAULT
        mov     $100, %eax
        TRY( \
bound_at: bound %eax, bounds)
        EXPECT_VECTOR(5)
        EXPECT_EQ($bound_at, fault_eip)
        TRY( \
ud_at:  ud2)
        EXPECT_VECTOR(6)
        EXPECT_EQ($ud_at, fault_eip)
        TRY(.byte 0xf0; nop)
        EXPECT_VECTOR(6)

        TEST("STI takes effect after the next instruction")
        mov     $0xff, %al                      # no interrupts of the 8259 pair
        out     %al, $0x21
        out     %al, $0xa1
        movl    $0x1ff, APIC + 0xf0
        xor     %ebx, %ebx
        SELF_IPI
        TRY(sti; inc %ebx; \
sti_at: nop; nop)
        cli
        movl    $0, APIC + 0xb0
        EXPECT_VECTOR(0x40)
        EXPECT_EQ($sti_at, fault_eip)
        EXPECT_EQ($1, fault_regs + 16)

        TEST("STI, CLI lets nothing in")
        SELF_IPI
        TRY(sti; cli; nop; nop)
        EXPECT_NO_FAULT

        TEST("STI, HLT wakes")
        SELF_IPI
        TRY(sti; hlt; \
hlt_at: nop)
        cli
        movl    $0, APIC + 0xb0
        EXPECT_VECTOR(0x40)
        EXPECT_EQ($hlt_at, fault_eip)
        ret

        .data
        .align  8
bounds: .long   0, 99
buffer: .skip   16
