/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_traces.S: loops that run long enough for the translator to record them.
 */
#include "guest.h"

#define PASSES 200000

main:   mov     $area, %edi
        xor     %eax, %eax
1:      mov     %eax, (%edi, %eax, 4)
        inc     %eax
        cmp     $0x4000, %eax
        jb      1b

        TEST("a way back out of the middle of a loop finds its pointer moved")
        # Every 64th pass leaves %ebx 16 bytes further, by a branch that the other passes do not take.
        mov     $area, %ebx
        xor     %ecx, %ecx
        mov     $PASSES, %edx
        mov     $32, %esi
        mov     $2f, %edi
2:      mov     (%ebx), %eax
        add     %eax, %ecx
        mov     4(%ebx), %eax
        add     %eax, %ecx
        add     $16, %ebx
        inc     %esi
        test    $63, %esi
        jz      2b
        sub     $16, %ebx
        dec     %edx
        jz      3f
        jmp     *%edi                           # a look-up expects nothing of the flags
3:      # 32 passes of 0 + 1, 64 each of 8 k + 1 for k from 1 to 3174, and 7 of the next.
        EXPECT_EQ($(32 + 64 * (4 * 3174 * 3175 + 3174) + 7 * (8 * 3175 + 1)), %ecx)
        lea     area + 3175 * 16, %eax
        EXPECT_EQ(%eax, %ebx)
        ret

        .bss
        .align  16
area:   .skip   0x10000
