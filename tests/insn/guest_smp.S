/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_smp.S: two processors: code that one changes while the other runs it, by the SDM's
 * rules for cross-modifying code (vol. 3, 8.1.3), with and without what it asks for.
 *
 * The second processor comes by INIT and SIPI, and executes what `task` points to until it is zero.
 */
#include "guest.h"

#define APIC 0xfee00000
#define ICR_LOW (APIC + 0x300)
#define AP_START 0x8000     /* SIPI vector 8 */
#define ROUNDS 3000

/* On the other processor: the function, until it returns. */
#define START(function) movl $function, task
#define JOIN 1: pause; cmpl $0, task; jne 1b

main:   mov     $ap_start, %esi
        mov     $AP_START, %edi
        mov     $ap_end - ap_start, %ecx
        rep movsb
        movl    $0x1ff, APIC + 0xf0
        movl    $0, APIC + 0x310
        movl    $0xc4500, ICR_LOW               # INIT, SIPI to all but itself
        mov     $1000000, %ecx
1:      pause
        loop    1b
        movl    $0xc4608, ICR_LOW
        mov     $100000000, %ecx
2:      pause
        cmpl    $1, ap_here
        je      3f
        loop    2b
        pushl   ap_here
        push    $__LINE__
        call    fail
3:
        TEST("a flag, then code: the other serialises and sees it")
        movl    $0, asked
        movl    $0, answered
        START(serialised)
        mov     $1, %ebx
4:      mov     %ebx, patched + 1
        mov     %ebx, asked                     # stores are seen in order
5:      pause
        cmp     %ebx, answered
        jne     5b
        inc     %ebx
        cmp     $ROUNDS, %ebx
        jbe     4b
        JOIN
        EXPECT_EQ($0, wrong)

        TEST("an immediate that changes while it runs: old or new, and new for who serialises")
        movl    $0, stop
        movl    $0, torn
        movl    $0xb8, patched2 - 1             # mov eax, 0
        START(running)
        mov     $ROUNDS * 20, %ecx
6:      xorl    $-1, patched2                   # aligned: all or none of it
        loop    6b
        movl    $0x13579bdf, patched2
        movl    $1, stop
        JOIN
        EXPECT_EQ($0, torn)
        EXPECT_EQ($0x13579bdf, last)

        TEST("a jump that is redirected while it runs")
        movl    $0, stop
        START(jumping)
        mov     $ROUNDS * 20, %ecx
7:      xorb    $way_1 - way_2, jump_at + 1
        loop    7b
        movl    $1, stop
        JOIN
        EXPECT_EQ($0, torn)

        TEST("a page of code that is written anew")
        mov     $ROUNDS / 10, %ebp
8:      mov     %ebp, %eax
        movb    $0xb8, fresh
        mov     %eax, fresh + 1
        movb    $0xc3, fresh + 5
        movl    $0, last
        START(fresh_code)
        JOIN
        EXPECT_EQ(%ebp, last)
        dec     %ebp
        jnz     8b

        TEST("locked increments of one byte beside code that runs")
        movl    $0, counter
        START(count)
        mov     $ROUNDS * 10, %ecx
9:      lock; incl counter
        loop    9b
        JOIN
        EXPECT_EQ($ROUNDS * 20, counter)
        ret

/* The other processor's side. */
serialised:
        mov     $1, %esi
1:      pause
        cmp     %esi, asked
        jne     1b
        xor     %eax, %eax
        cpuid
        call    patched
        cmp     %esi, %eax
        je      2f
        incl    wrong
2:      mov     %esi, answered
        inc     %esi
        cmp     $ROUNDS, %esi
        jbe     1b
        ret

running:
1:      call    patched2 - 1
        test    %eax, %eax
        jz      2f
        cmp     $-1, %eax
        je      2f
        cmp     $0x13579bdf, %eax
        je      2f
        incl    torn
2:      cmpl    $0, stop
        je      1b
        cpuid                                   # serialises: from here on the last value
        call    patched2 - 1
        mov     %eax, last
        ret

jumping:
1:      xor     %eax, %eax
jump_at: jmp    way_1
        nop
way_1:  mov     $1, %al
        jmp     2f
way_2:  mov     $2, %al
2:      dec     %eax
        cmp     $1, %eax
        jbe     3f
        incl    torn
3:      cmpl    $0, stop
        je      1b
        ret

fresh_code:
        xor     %eax, %eax
        cpuid
        call    fresh
        mov     %eax, last
        ret

count:  mov     $ROUNDS * 10, %ecx
1:      lock; incl counter
        loop    1b
        ret

patched: mov    $0, %eax
        ret

        .align  16
        .skip   3
        .byte   0xb8
patched2: .long 0                               # aligned
        ret

        .align  4
counter: .long  0                               # among code

        .code16
ap_start:
        cli
        xor     %ax, %ax
        mov     %ax, %ds
        lgdtl   AP_START + ap_gdt - ap_start
        mov     %cr0, %eax
        or      $1, %al
        mov     %eax, %cr0
        ljmpl   $CODE, $ap_main
ap_gdt: .word   gdt_end - gdt - 1
        .long   gdt
ap_end:
        .code32
ap_main:
        mov     $DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     $ap_stack, %esp
        movl    $1, ap_here
1:      pause
        mov     task, %eax
        test    %eax, %eax
        jz      1b
        call    *%eax
        movl    $0, task
        jmp     1b

        .bss
        .align  4096
fresh:  .skip   4096
        .align  64
task:   .skip   64
asked:  .skip   64
answered: .skip 64
stop:   .skip   64
wrong:  .skip   4
torn:   .skip   4
last:   .skip   4
ap_here: .skip  4
        .skip   4096
ap_stack:
