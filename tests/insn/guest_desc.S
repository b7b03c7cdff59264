/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_desc.S: LAR, LSL, VERR and VERW: every type of descriptor, with every DPL, RPL and
 * CPL of 0 and 3, present or not; operand sizes; selectors that lead nowhere.
 *
 * One descriptor of the LDT is made anew for each case.  What is expected is computed here, from the
 * tables of the SDM (vol. 2, "LAR" and "LSL").
 */
#include "guest.h"

#define LDT    0x38  /* in GATE's place */
#define ENTRY  0x0c  /* selector of the descriptor, with the table bit; its RPL is added */
#define HIGH   0x00900000 /* of the descriptor: AVL and G */
#define LIMIT  0x2abcd
#define LAR_TYPES 0x1a3e  /* 1 to 5, 9, 11, 12 */
#define LSL_TYPES 0x0a0e  /* 1 to 3, 9, 11 */

main:   mov     $ldt, %eax
        movl    $31, gdt + LDT                  # the limit
        mov     %ax, gdt + LDT + 2
        shr     $16, %eax
        mov     %al, gdt + LDT + 4
        movw    $0x82, gdt + LDT + 5
        mov     %ah, gdt + LDT + 7
        mov     $LDT, %eax
        lldt    %ax

        TEST("LAR, LSL, VERR and VERW in ring 0")
        movl    $0, level
        call    all_cases

        TEST("LAR, LSL, VERR and VERW in ring 3")
        movl    $3, level
        mov     $user_cases, %eax
        TRY(jmp enter_user)
        EXPECT_FAULT(0x30, 0)
        EXPECT_EQ($0, fault_regs + 28)

        TEST("16-bit and memory operands")
        movl    $(LIMIT & 0xffff) | 0x1110000, ldt + 8
        movl    $0x00c0f300 | (LIMIT & 0xf0000), ldt + 12
        mov     $ENTRY, %ecx
        mov     $0xeeeeeeee, %eax
        lar     %cx, %ax
        EXPECT_ZF
        EXPECT_EQ($0xeeeef300, %eax)
        lsl     %cx, %ax
        EXPECT_ZF
        EXPECT_EQ($0xeeeedfff, %eax)
        movw    %cx, word
        lar     word, %eax
        EXPECT_ZF
        EXPECT_EQ($0x00c0f300, %eax)
        lsl     word, %eax
        EXPECT_ZF
        EXPECT_EQ($0x2abcdfff, %eax)
        lsl     word, %ax
        EXPECT_EQ($0x2abcdfff, %eax)
        verr    word
        EXPECT_ZF
        verw    word
        EXPECT_ZF

        TEST("null selectors and those beyond a table's limit clear ZF alone")
        mov     $bad, %esi
1:      lodsw
        cmp     $-1, %ax
        je      2f
        mov     %eax, %ecx
        mov     $0x12345678, %edx
        xor     %ebx, %ebx                      # sets ZF
        lar     %cx, %edx
        jz      8f
        cmp     %ebx, %ebx
        lsl     %cx, %edx
        jz      8f
        cmp     %ebx, %ebx
        verr    %cx
        jz      8f
        cmp     %ebx, %ebx
        verw    %cx
        jz      8f
        EXPECT_EQ($0x12345678, %edx)
        jmp     1b
8:      push    %ecx
        push    $__LINE__
        call    fail
2:      stc                                     # and other flags stay
        mov     $ENTRY, %ecx
        lar     %cx, %edx
        jc      8f
        push    %edx
        push    $__LINE__
        call    fail
8:
        TEST("an operand that faults comes first")
        movw    $0x40, gdt + DATA16             # 65 bytes
        mov     $DATA16, %eax
        mov     %eax, %fs
        TRY(lar %fs:0x40, %eax)
        EXPECT_FAULT(13, 0)
        TRY(verr %fs:0x3f)
        EXPECT_NO_FAULT
        ret

user_cases:
        call    all_cases
        mov     $0, %eax
        int     $0x30

/* Each of 256 access bytes with each RPL, at `level`. */
all_cases:
        movl    $0, access
1:      movl    $0, rpl
2:      call    one_case
        incl    rpl
        cmpl    $4, rpl
        jb      2b
        incl    access
        cmpl    $256, access
        jb      1b
        ret

/* esi: 1 where this level may see the descriptor. */
visible:
        mov     access, %eax
        and     $0x1c, %eax
        cmp     $0x1c, %eax                     # conforming code
        je      1f
        mov     access, %eax
        shr     $5, %eax
        and     $3, %eax
        cmp     rpl, %eax
        jb      2f
        cmp     level, %eax
        jb      2f
1:      mov     $1, %esi
        ret
2:      xor     %esi, %esi
        ret

/* edi: 1 where the type is one of edx, or the segment is one of code or data. */
type_of: mov    access, %ecx
        mov     $1, %edi
        test    $0x10, %ecx
        jnz     1f
        and     $15, %ecx
        mov     %edx, %edi
        shr     %cl, %edi
        and     $1, %edi
1:      and     %esi, %edi
        ret

/* edi: what ZF is to be. */
#define CHECK_ZF \
        setz    %al; movzx %al, %eax; cmp %edi, %eax; je 8f; \
        pushl   access; push $__LINE__; call fail; 8:

one_case:
        mov     access, %eax
        shl     $8, %eax
        or      $HIGH | (LIMIT & 0xf0000), %eax
        mov     %eax, ldt + 12
        movl    $(LIMIT & 0xffff) | 0x77770000, ldt + 8
        mov     rpl, %ebp
        add     $ENTRY, %ebp
        call    visible

        mov     $LAR_TYPES, %edx
        call    type_of
        mov     $0x12345678, %ebx
        lar     %bp, %ebx
        CHECK_ZF
        mov     $0x12345678, %eax
        test    %edi, %edi
        jz      1f
        mov     ldt + 12, %eax
        and     $0x00f0ff00, %eax
1:      EXPECT_EQ(%eax, %ebx)

        mov     $LSL_TYPES, %edx
        call    type_of
        mov     $0x12345678, %ebx
        lsl     %bp, %ebx
        CHECK_ZF
        mov     $0x12345678, %eax
        test    %edi, %edi
        jz      1f
        mov     $LIMIT << 12 | 0xfff, %eax
1:      EXPECT_EQ(%eax, %ebx)

        mov     access, %eax                    # code that may be read, data
        mov     %esi, %edi
        and     $0x1a, %eax
        cmp     $0x18, %eax
        je      1f
        test    $0x10, %eax
        jnz     2f
1:      xor     %edi, %edi
2:      verr    %bp
        CHECK_ZF

        mov     access, %eax                    # data that may be written
        mov     %esi, %edi
        and     $0x1a, %eax
        cmp     $0x12, %eax
        je      1f
        xor     %edi, %edi
1:      verw    %bp
        CHECK_ZF
        ret

        .section .rodata
bad:    .word   0, 1, 2, 3, 0x70, 0x73, 0xfff8, 0x24, 0x27, 0xfffc, 0xffff - 0x2000, -1

        .data
        .align  8
ldt:    .quad   0, 0, 0, 0
level:  .long   0
rpl:    .long   0
access: .long   0
word:   .word   0, 0
