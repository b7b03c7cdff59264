/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_wrap.S: the ends of segments.  16-bit code in ring 3 in a segment of 64 KiB that is
 * code, data and stack at once: what wraps around at FFFFH and what faults; segments that expand down.
 *
 * A piece of code is copied to its place, ends with INT 0x30, and finds `fill` in all registers that it
 * does not set itself.
 */
#include "guest.h"

#define CODE_U 0x3b  /* GATE's place */
#define DATA_U 0x53  /* DATA16's */
#define RUN(name, ip, sp) \
        mov $name, %esi; mov $area + (ip), %edi; mov $name##_end - name, %ecx; rep movsb; \
        movl $(ip), v_ip; movl $(sp), v_sp; TRY(jmp user16)
#define EXPECT_DONE EXPECT_VECTOR(0x30)
#define WORD_IS(value, at) movzwl area + (at), %eax; EXPECT_EQ($(value), %eax)
/* IRET to a 16-bit stack leaves the upper half of ESP. */
#define EXPECT_SP(value) movzwl fault_esp, %eax; EXPECT_EQ($(value), %eax)
#define REG(value, n) movzwl fault_regs + 4 * (n), %eax; EXPECT_EQ($(value), %eax)
#define DI 0
#define SI 1
#define BP 2
#define BX 4
#define DX 5
#define CX 6
#define AX 7

main:   movw    $0xffff, gdt + 0x38
        movl    $0x0000fb00, gdt + 0x3c
        movw    $0xffff, gdt + 0x50
        movl    $0x0000f300, gdt + 0x54
        mov     $area, %eax
        mov     $gdt + 0x38, %edi
        call    set_base
        mov     $area, %eax
        mov     $gdt + 0x50, %edi
        call    set_base
        mov     $area, %edi
        xor     %ecx, %ecx
1:      mov     %cl, (%edi, %ecx)
        inc     %ecx
        cmp     $0x10000, %ecx
        jb      1b

        TEST("code that runs beyond the limit faults behind it")
        RUN(do_nop, 0xffff, 0x8000)
        EXPECT_FAULT(13, 0)
        EXPECT_EQ($0x10000, fault_eip)
        RUN(do_inc, 0xffff, 0x8000)             # two bytes
        EXPECT_FAULT(13, 0)
        EXPECT_EQ($0xffff, fault_eip)

        TEST("a near branch of 16 bits wraps around")
        movw    $0x30cd, area + 0x12            # INT 0x30
        RUN(do_jmp, 0xfff0, 0x8000)
        EXPECT_DONE
        EXPECT_EQ($0x14, fault_eip)
        RUN(do_call, 0xfff0, 0)
        EXPECT_DONE
        EXPECT_EQ($0x14, fault_eip)
        WORD_IS(0xfff3, 0xfffe)
        EXPECT_SP(0xfffe)

        TEST("operands may not cross the end")
        RUN(do_word, 0x100, 0x8000)
        EXPECT_FAULT(13, 0)
        EXPECT_EQ($0x103, fault_eip)
        RUN(do_word_bp, 0x100, 0x8000)
        EXPECT_FAULT(12, 0)
        RUN(do_dword, 0x100, 0x8000)
        EXPECT_FAULT(13, 0)
        RUN(do_byte, 0x100, 0x8000)
        EXPECT_DONE
        RUN(do_les, 0x100, 0x8000)
        EXPECT_FAULT(13, 0)
        RUN(do_bound, 0x100, 0x8000)
        EXPECT_FAULT(13, 0)
        RUN(do_fld, 0x100, 0x8000)
        EXPECT_FAULT(13, 0)
        RUN(do_cmpxchg8b, 0x100, 0x8000)
        EXPECT_FAULT(13, 0)
        RUN(do_far, 0x100, 0x8000)
        EXPECT_FAULT(13, 0)

        TEST("a store that would cross the end stores nothing")
        movl    $0x77, area + 0xffff
        RUN(do_store, 0x100, 0x8000)
        EXPECT_FAULT(13, 0)
        EXPECT_EQ($0x77, area + 0xffff)         # and what is behind is zero

        TEST("sums of base, index and displacement wrap around")
        movw    $0x3344, area + 0x30
        RUN(do_sum, 0x100, 0x8000)
        EXPECT_DONE
        REG(0x3344, AX)
        REG(0x3344, BX)
        REG(0x3344, DX)

        TEST("a 32-bit address does not")
        RUN(do_sum32, 0x100, 0x8000)
        EXPECT_FAULT(13, 0)

        TEST("strings wrap around, up and down")
        movb    $0xab, area + 0xffff
        movb    $0xcd, area
        RUN(do_lods, 0x100, 0x8000)
        EXPECT_DONE
        REG(0xcdab, AX)
        REG(1, SI)
        RUN(do_movs, 0x200, 0x8000)
        EXPECT_DONE
        WORD_IS(0xcdab, 0x1001)
        REG(2, SI)
        REG(0x1004, DI)
        REG(0, CX)
        movb    $0x99, area + 1
        RUN(do_stos_down, 0x200, 0x8000)
        EXPECT_DONE
        REG(0xfffe, DI)
        WORD_IS(0x2222, 0)
        EXPECT_EQ($0x22, area + 0xffff)

        TEST("words of a string may not cross, and what was done stays")
        RUN(do_movsw, 0x200, 0x8000)
        EXPECT_FAULT(13, 0)
        REG(0xffff, SI)
        REG(0x1004, DI)
        REG(3, CX)
        RUN(do_scasw, 0x200, 0x8000)
        EXPECT_FAULT(13, 0)
        REG(0xffff, DI)
        RUN(do_cmpsw, 0x200, 0x8000)
        EXPECT_FAULT(13, 0)
        REG(0xffff, DI)
        REG(0x1002, SI)

        TEST("the stack wraps around at 0; words may not cross")
        RUN(do_push, 0x100, 0)
        EXPECT_DONE
        EXPECT_SP(0xfffe)
        WORD_IS(0x1234, 0xfffe)
        RUN(do_push, 0x100, 1)
        EXPECT_FAULT(12, 0)
        EXPECT_SP(1)
        RUN(do_pushl, 0x100, 2)
        EXPECT_FAULT(12, 0)
        RUN(do_pop, 0x100, 0xfffe)
        EXPECT_DONE
        REG(0x1234, AX)
        EXPECT_SP(0)
        RUN(do_pop, 0x100, 0xffff)
        EXPECT_FAULT(12, 0)
        EXPECT_SP(0xffff)
        movw    $0x30cd, area + 0x1234
        RUN(do_ret, 0x100, 0xfffe)
        EXPECT_DONE
        EXPECT_EQ($0x1236, fault_eip)
        EXPECT_SP(0)

        TEST("PUSHA, POPA and ENTER wrap around between words")
        RUN(do_pusha, 0x100, 8)
        EXPECT_DONE
        EXPECT_SP(0xfff8)
        WORD_IS(0xa0a0, 6)
        WORD_IS(0xe0e0, 0)
        WORD_IS(8, 0xfffe)                      # SP as it was
        WORD_IS(0xf0f0, 0xfff8)
        RUN(do_popa, 0x100, 0xfff8)
        EXPECT_DONE
        REG(0xf0f0, DI)
        REG(0xa0a0, AX)
        EXPECT_SP(8)
        RUN(do_pusha, 0x100, 7)
        EXPECT_FAULT(12, 0)
        EXPECT_SP(7)
        RUN(do_enter, 0x100, 2)
        EXPECT_DONE
        REG(0, BP)
        EXPECT_SP(0xfff0)
        WORD_IS(0xb0b0, 0)
        RUN(do_enter2, 0x100, 4)                # BP's display wraps, too
        EXPECT_DONE
        REG(2, BP)
        WORD_IS(0x4444, 0)
        WORD_IS(2, 0xfffe)

        TEST("a 16-bit stack leaves the upper half of ESP")
        RUN(do_esp, 0x100, 0x8000)
        EXPECT_DONE
        EXPECT_EQ($0x1234fffe, fault_esp)
        WORD_IS(0xa0a0, 0xfffe)

        TEST("segments that expand down")
        movl    $0x00000fff, gdt + 0x50         # 1000H to FFFFH
        movl    $0x0000f700, gdt + 0x54
        mov     $area, %eax
        mov     $gdt + 0x50, %edi
        call    set_base
        mov     $DATA_U, %eax
        mov     %eax, %fs
        TRY(movb %fs:0x1000, %al)
        EXPECT_NO_FAULT
        TRY(movb %fs:0xffff, %al)
        EXPECT_NO_FAULT
        TRY(movb %fs:0xfff, %al)
        EXPECT_FAULT(13, 0)
        TRY(movw %fs:0xffff, %ax)
        EXPECT_FAULT(13, 0)
        TRY(movl %fs:0xffd, %eax)
        EXPECT_FAULT(13, 0)
        TRY(movb %fs:0x10000, %al)
        EXPECT_FAULT(13, 0)
        movb    $0x40, gdt + 0x56               # B: 1000H to FFFFFFFFH
        mov     $DATA_U, %eax
        mov     %eax, %fs
        TRY(movb %fs:0x10000, %al)
        EXPECT_NO_FAULT
        TRY(movl %fs:0xffd, %eax)
        EXPECT_FAULT(13, 0)
        movl    $0x0000ffff, gdt + 0x50         # nothing is left of 64 KiB
        movb    $0x00, gdt + 0x56
        mov     $area, %eax
        mov     $gdt + 0x50, %edi
        call    set_base
        mov     $DATA_U, %eax
        mov     %eax, %fs
        TRY(movb %fs:0xffff, %al)
        EXPECT_FAULT(13, 0)
        ret

user16: mov     $DATA_U, %eax
        mov     %eax, %ds
        mov     %eax, %es
        push    $DATA_U
        pushl   %ss:v_sp
        push    $0x3002
        push    $CODE_U
        pushl   %ss:v_ip
        mov     $0xa0a0, %eax
        mov     $0xc0c0, %ecx
        mov     $0xd0d0, %edx
        mov     $0xe0e0, %ebx
        mov     $0xb0b0, %ebp
        mov     $0x5050, %esi
        mov     $0xf0f0, %edi
        iret

#define CODE_OF(name, ...) name: __VA_ARGS__; int $0x30; name##_end:

        .code16
do_nop: nop
do_nop_end:
do_inc: .byte   0xfe, 0xc0
do_inc_end:
do_jmp: jmp     .+0x22
do_jmp_end:
do_call: .byte  0xe8, 0x1f, 0x00
do_call_end:
CODE_OF(do_word, mov $0xffff, %bx; mov (%bx), %ax)
CODE_OF(do_word_bp, mov $0xffff, %bp; mov (%bp), %ax)
CODE_OF(do_dword, mov $0xfffd, %bx; mov (%bx), %eax)
CODE_OF(do_byte, mov $0xffff, %bx; mov (%bx), %al)
CODE_OF(do_les, les 0xfffd, %bx)
CODE_OF(do_bound, mov $0, %ax; bound %ax, 0xfffd)
CODE_OF(do_fld, fldt 0xfff7)
CODE_OF(do_cmpxchg8b, cmpxchg8b 0xfff9)
CODE_OF(do_far, ljmp *0xfffd)
CODE_OF(do_store, mov %ax, 0xffff)
CODE_OF(do_sum, mov $0xfff0, %bx; mov $0x30, %si; mov 0x10(%bx,%si), %ax; \
        mov $0xff00, %bp; mov $0x100, %di; mov %ds:0x30(%bp,%di), %dx; mov $0xb0, %bx; mov -0x80(%bx), %bx)
CODE_OF(do_sum32, mov $0xfff0, %ebx; mov $0x40, %esi; addr32 mov (%ebx,%esi), %al)
CODE_OF(do_lods, mov $0xffff, %si; lodsb; mov %al, %ah; lodsb; xchg %al, %ah)
CODE_OF(do_movs, mov $0xfffe, %si; mov $0x1000, %di; mov $4, %cx; rep movsb)
CODE_OF(do_stos_down, std; mov $1, %di; mov $3, %cx; mov $0x22, %al; rep stosb; cld)
CODE_OF(do_movsw, mov $0xfffb, %si; mov $0x1000, %di; mov $5, %cx; rep movsw)
CODE_OF(do_scasw, mov $0xffff, %di; scasw)
CODE_OF(do_cmpsw, mov $0x1002, %si; mov $0xffff, %di; cmpsw)
CODE_OF(do_push, mov $0x1234, %ax; push %ax)
CODE_OF(do_esp, mov $0x12340000, %esp; push %ax)
CODE_OF(do_pushl, push %eax)
CODE_OF(do_pop, pop %ax)
CODE_OF(do_ret, ret)
CODE_OF(do_pusha, pusha)
CODE_OF(do_popa, popa)
CODE_OF(do_enter, enter $0x10, $0)
CODE_OF(do_enter2, mov $0, %bp; movw $0x4444, 0xfffe; enter $0, $2)
        .code32

        .data
v_ip:   .long   0
v_sp:   .long   0

        .bss
        .align  16
area:   .skip   0x10000
        .skip   64
