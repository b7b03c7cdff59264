/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_shadow.S: what arrives where loads of SS and STI hold it off, and what RF, TF and
 * the debug registers do to string instructions, IRET, INT n and each other.
 */
#include "guest.h"

#define APIC 0xfee00000
#define SELF_IPI movl $0x44040, APIC + 0x300 /* fixed, vector 0x40, to itself */
#define EOI movl $0, APIC + 0xb0
#define RF 0x10000
#define SET_TF pushf; orl $0x100, (%esp); popf
#define DR6_IS(bits) mov %dr6, %eax; and $0xe00f, %eax; EXPECT_EQ($(bits), %eax)
#define WATCH(at, how) \
        mov $(at), %eax; mov %eax, %dr0; xor %eax, %eax; mov %eax, %dr6; mov $(how), %eax; \
        mov %eax, %dr7
#define NO_WATCH xor %eax, %eax; mov %eax, %dr7
#define ON_CODE  0x401
#define ON_WRITE 0x10401   /* of a byte */
#define ON_READ2 0x70401   /* of two bytes, writes too */
#define ON_PORT  0x20401
#define PUSHED_RF(v) mov fault_flags, %eax; and $RF, %eax; EXPECT_EQ($(v), %eax)

main:   mov     $0xff, %al                      # no interrupts of the 8259 pair
        out     %al, $0x21
        out     %al, $0xa1
        movl    $0x1ff, APIC + 0xf0
        movl    $0, APIC + 0x80

        TEST("an interrupt at MOV SS waits for the next instruction")
        mov     %ss, %edx
        xor     %ebx, %ebx
        SELF_IPI
        TRY(sti; mov %edx, %ss; inc %ebx; \
mov_at: inc %ebx; cli)
        cli
        EOI
        EXPECT_VECTOR(0x40)
        EXPECT_EQ($mov_at, fault_eip)
        EXPECT_EQ($1, fault_regs + 16)

        TEST("an interrupt at POP SS waits for the next instruction")
        xor     %ebx, %ebx
        SELF_IPI
        TRY(push %ss; sti; pop %ss; inc %ebx; \
pop_at: inc %ebx; cli)
        cli
        EOI
        EXPECT_VECTOR(0x40)
        EXPECT_EQ($pop_at, fault_eip)
        EXPECT_EQ($1, fault_regs + 16)

        TEST("LSS and loads of other segments hold nothing off")
        mov     %esp, stack_pointer
        SELF_IPI
        TRY(sti; lss stack_pointer, %esp; \
lss_at: nop; cli)
        cli
        EOI
        EXPECT_VECTOR(0x40)
        EXPECT_EQ($lss_at, fault_eip)
        SELF_IPI
        TRY(sti; mov %edx, %es; \
es_at:  nop; cli)
        cli
        EOI
        EXPECT_VECTOR(0x40)
        EXPECT_EQ($es_at, fault_eip)

        TEST("of two loads of SS the second holds nothing off")
        SELF_IPI
        TRY(sti; mov %edx, %ss; mov %edx, %ss; \
two_at: nop; cli)
        cli
        EOI
        EXPECT_VECTOR(0x40)
        EXPECT_EQ($two_at, fault_eip)
        TRY(SET_TF; mov %edx, %ss; mov %edx, %ss; \
two_tf: nop; nop)
        EXPECT_VECTOR(1)
        EXPECT_EQ($two_tf, fault_eip)

        TEST("a fault in the shadow is taken, and ends it")
        TRY(mov %edx, %ss; \
ud_at:  ud2)
        EXPECT_VECTOR(6)
        EXPECT_EQ($ud_at, fault_eip)

        TEST("a single-step at POP SS is lost, at STI it is not")
        TRY(push %ss; SET_TF; pop %ss; nop; \
pop_tf: nop)
        EXPECT_VECTOR(1)
        EXPECT_EQ($pop_tf, fault_eip)
        TRY(SET_TF; sti; \
sti_tf: nop)
        cli
        EXPECT_VECTOR(1)
        EXPECT_EQ($sti_tf, fault_eip)

        TEST("no breakpoint on the instruction behind a load of SS")
        WATCH(no_break, ON_CODE)
        TRY(mov %edx, %ss; \
no_break: nop)
        EXPECT_NO_FAULT
        TRY(mov %edx, %es; jmp no_break2; \
no_break2: nop)
        EXPECT_NO_FAULT
        NO_WATCH

        TEST("a data breakpoint at MOV SS waits for the next instruction")
        WATCH(selector, ON_READ2)
        TRY(mov selector, %ss; nop; \
held_at: nop)
        EXPECT_VECTOR(1)
        EXPECT_EQ($held_at, fault_eip)
        DR6_IS(1)
        PUSHED_RF(0)

        TEST("and with INT n behind it for the handler's first instruction")
        WATCH(selector, ON_READ2)
        TRY(mov selector, %ss; int $0x31)
        EXPECT_VECTOR(1)
        EXPECT_EQ($stubs + 0x31 * 8, fault_eip)
        EXPECT_EQ($CODE, fault_cs)
        DR6_IS(1)
        NO_WATCH

        TEST("single-steps within a string instruction push RF")
        mov     $buffer, %edi
        mov     $2, %ecx
        TRY(SET_TF; \
rep_at: rep stosb; \
rep_end: nop)
        EXPECT_VECTOR(1)
        EXPECT_EQ($rep_at, fault_eip)
        PUSHED_RF(RF)
        mov     $buffer, %edi
        mov     $1, %ecx
        TRY(SET_TF; rep stosb; \
rep_one: nop)
        EXPECT_VECTOR(1)
        EXPECT_EQ($rep_one, fault_eip)
        PUSHED_RF(0)

        TEST("a data breakpoint stops a string instruction behind its element")
        mov     $buffer, %edi
        mov     $20, %ecx
        WATCH(buffer + 5, ON_WRITE)
        TRY( \
dat_at: rep stosb)
        NO_WATCH
        EXPECT_VECTOR(1)
        EXPECT_EQ($dat_at, fault_eip)
        EXPECT_EQ($14, fault_regs + 24)
        EXPECT_EQ($buffer + 6, fault_regs)
        PUSHED_RF(RF)
        DR6_IS(1)

        TEST("IRET with RF passes one breakpoint, an interrupt keeps it")
        WATCH(iret_to, ON_CODE)
        TRY(pushl $0x10002; pushl $CODE; pushl $iret_to; iret; \
iret_to: nop)
        EXPECT_NO_FAULT
        SELF_IPI
        TRY(pushl $0x10202; pushl $CODE; pushl $iret_to; iret)
        cli
        EOI
        NO_WATCH
        EXPECT_VECTOR(0x40)
        EXPECT_EQ($iret_to, fault_eip)
        PUSHED_RF(RF)

        TEST("faults push RF, an instruction breakpoint does not")
        TRY(ud2)
        PUSHED_RF(RF)
        WATCH(break_at, ON_CODE)
        TRY( \
break_at: nop)
        NO_WATCH
        EXPECT_VECTOR(1)
        PUSHED_RF(0)
        TRY(int $0x31)
        PUSHED_RF(0)

        TEST("INT n under TF goes to its handler, without a trap")
        mov     fault_count, %edx
        xor     %eax, %eax
        mov     %eax, %dr6
        TRY(SET_TF; int $0x31; \
int_at: nop)
        EXPECT_VECTOR(0x31)
        EXPECT_EQ($int_at, fault_eip)
        sub     fault_count, %edx
        EXPECT_EQ($-1, %edx)
        mov     fault_flags, %eax
        and     $0x100, %eax
        EXPECT_EQ($0x100, %eax)
        DR6_IS(0)

        TEST("INT1 is a trap that leaves DR6")
        xor     %eax, %eax
        mov     %eax, %dr6
        TRY(.byte 0xf1; \
one_at: nop)
        EXPECT_VECTOR(1)
        EXPECT_EQ($one_at, fault_eip)
        DR6_IS(0)

        TEST("general detection faults at the access and ends")
        mov     $0x2400, %eax
        mov     %eax, %dr7
        TRY( \
gd_at:  mov %dr0, %eax)
        EXPECT_VECTOR(1)
        EXPECT_EQ($gd_at, fault_eip)
        mov     %dr7, %eax
        EXPECT_EQ($0x400, %eax)
        DR6_IS(0x2000)

        TEST("DR4 and DR5 are DR6 and DR7, or #UD with CR4.DE")
        mov     %cr4, %edx
        and     $~8, %edx
        mov     %edx, %cr4
        TRY(.byte 0x0f, 0x21, 0xe8)             # mov %dr5, %eax
        EXPECT_NO_FAULT
        EXPECT_EQ($0x400, %eax)
        or      $8, %edx
        mov     %edx, %cr4
        TRY(.byte 0x0f, 0x21, 0xe8)
        EXPECT_VECTOR(6)

        TEST("a breakpoint on a port, with CR4.DE")
        WATCH(0x80, ON_PORT)
        TRY(out %al, $0x80; \
port_at: nop)
        EXPECT_VECTOR(1)
        EXPECT_EQ($port_at, fault_eip)
        DR6_IS(1)
        NO_WATCH
        mov     %cr4, %eax
        and     $~8, %eax
        mov     %eax, %cr4

        TEST("a task whose T bit is set begins with a trap")
        movl    $TSS2 << 16, idt + 0x32 * 8
        movl    $0xe500, idt + 0x32 * 8 + 4
        movl    $traced, tss2 + 32
        movl    $2, tss2 + 36
        movl    $stack0_top, tss2 + 56
        movl    $DATA, tss2 + 72
        movl    $CODE, tss2 + 76
        movl    $DATA, tss2 + 80
        movl    $DATA, tss2 + 84
        movl    $1, tss2 + 100
        xor     %eax, %eax
        mov     %eax, %dr6
        TRY(int $0x32)                          # the handler returns here, still in the task
        EXPECT_VECTOR(1)
        EXPECT_EQ($traced, fault_eip)
        DR6_IS(0x8000)
        ret
traced: hlt

        .data
        .align  4
stack_pointer: .long 0, DATA
selector: .word DATA
buffer: .skip   32
