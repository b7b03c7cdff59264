/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_calls.S: SYSENTER and SYSEXIT, what IRET refuses and leaves, BOUND, INTO, ENTER's
 * nesting, XLAT, RDPMC, MONITOR and MWAIT.
 */
#include "guest.h"

#define SYSENTER_CS 0x174
#define SYSENTER_ESP 0x175
#define SYSENTER_EIP 0x176
#define GATE_DESC 0x38      /* GATE's place: a descriptor of the tests' own */

#define MSR(n, low) mov $(n), %ecx; mov low, %eax; xor %edx, %edx; wrmsr
/* GDT entry: limit 4 GiB, access byte and flags. */
#define DESC(selector, access) \
        movl $0x0000ffff, gdt + (selector); movl $0x00cf0000 | (access) << 8, gdt + (selector) + 4
/* An IRET frame of 32 bits that stays in ring 0, or goes to ring 3. */
#define IRET(cs, eip, flags) TRY(pushl $(flags); pushl $(cs); pushl $(eip); iret)
#define IRET_OUT(ss, esp, flags, cs, eip) \
        TRY(pushl $(ss); pushl $(esp); pushl $(flags); pushl $(cs); pushl $(eip); iret)

main:   TEST("SYSENTER and SYSEXIT")
        MSR(SYSENTER_CS, $0)
        TRY(sysenter)
        EXPECT_FAULT(13, 0)
        TRY(sysexit)
        EXPECT_FAULT(13, 0)
        MSR(SYSENTER_CS, $1)                    # null but for the RPL
        TRY(sysenter)
        EXPECT_FAULT(13, 0)
        MSR(SYSENTER_CS, $CODE)
        MSR(SYSENTER_ESP, $stack0_top)
        MSR(SYSENTER_EIP, $entered)
        pushl   $0x3a03                         # SYSENTER clears IF alone
        popf
        mov     $do_sysenter, %eax
        TRY(jmp enter_user)
        EXPECT_VECTOR(0x30)
        EXPECT_EQ($CODE, seen_cs)
        EXPECT_EQ($DATA, seen_ss)
        EXPECT_EQ($stack0_top, seen_esp)
        mov     seen_flags, %eax
        and     $0x0200, %eax
        EXPECT_EQ($0, %eax)
        EXPECT_EQ($UCODE, fault_cs)             # 16 and 24 above, RPL 3
        EXPECT_EQ($UDATA, fault_ss)
        EXPECT_EQ($user_top - 16, fault_esp)

        TEST("SYSEXIT in ring 3 is #GP")
        mov     $do_sysexit, %eax
        TRY(jmp enter_user)
        EXPECT_FAULT(13, 0)
        EXPECT_EQ($do_sysexit, fault_eip)

        TEST("SYSENTER reads no descriptor")
        movl    gdt + CODE + 4, %ebx
        movl    $0, gdt + CODE + 4              # the cache holds what is used
        MSR(SYSENTER_ESP, $stack0_top)
        MSR(SYSENTER_EIP, $entered_flat)
        movl    $0, entered_count
        TRY(sysenter)
        movl    %ebx, gdt + CODE + 4
        EXPECT_NO_FAULT
        EXPECT_EQ($1, entered_count)
        ljmp    $CODE, $1f
1:
        TEST("IRET: code segments that are refused")
        IRET(0, refused, 2)
        EXPECT_FAULT(13, 0)
        IRET(3, refused, 2)
        EXPECT_FAULT(13, 0)
        IRET(0x70, refused, 2)                  # beyond the limit
        EXPECT_FAULT(13, 0x70)
        IRET(DATA, refused, 2)
        EXPECT_FAULT(13, DATA)
        IRET(TSS, refused, 2)
        EXPECT_FAULT(13, TSS)
        IRET(CODE | 3, refused, 2)              # RPL above DPL
        EXPECT_FAULT(13, CODE)
        IRET(UCODE & ~3, refused, 2)            # DPL above RPL
        EXPECT_FAULT(13, UCODE & ~3)
        DESC(GATE_DESC, 0x1b)                   # not present
        IRET(GATE_DESC, refused, 2)
        EXPECT_FAULT(11, GATE_DESC)
        movl    $0x00000010, gdt + GATE_DESC    # 17 bytes of it
        movl    $0x00409b00, gdt + GATE_DESC + 4
        IRET(GATE_DESC, 0x11, 2)
        EXPECT_FAULT(13, 0)
        DESC(GATE_DESC, 0x9f)                   # conforming, DPL 0
        IRET(GATE_DESC, went, 2)
        EXPECT_NO_FAULT
        EXPECT_EQ($GATE_DESC, %ebx)
        ljmp    $CODE, $1f
1:
        TEST("IRET to ring 3: stack segments that are refused")
        IRET_OUT(0, user_top, 0x3002, UCODE, user_int)
        EXPECT_FAULT(13, 0)
        IRET_OUT(3, user_top, 0x3002, UCODE, user_int)
        EXPECT_FAULT(13, 0)
        IRET_OUT(DATA, user_top, 0x3002, UCODE, user_int)
        EXPECT_FAULT(13, DATA)
        IRET_OUT(DATA | 3, user_top, 0x3002, UCODE, user_int)
        EXPECT_FAULT(13, DATA)
        IRET_OUT(UDATA & ~3, user_top, 0x3002, UCODE, user_int)
        EXPECT_FAULT(13, UDATA & ~3)
        IRET_OUT(UCODE, user_top, 0x3002, UCODE, user_int)
        EXPECT_FAULT(13, UCODE & ~3)
        DESC(GATE_DESC, 0x73)                   # not present
        IRET_OUT(GATE_DESC | 3, user_top, 0x3002, UCODE, user_int)
        EXPECT_FAULT(12, GATE_DESC)
        DESC(GATE_DESC, 0xf1)                   # read-only
        IRET_OUT(GATE_DESC | 3, user_top, 0x3002, UCODE, user_int)
        EXPECT_FAULT(13, GATE_DESC)

        TEST("IRET to ring 3 takes segments of ring 0 away, and leaves those of ring 3")
        DESC(GATE_DESC, 0x9f)                   # conforming code stays
        mov     $DATA, %eax
        mov     %eax, %ds
        mov     $UDATA, %eax
        mov     %eax, %es
        mov     $GATE_DESC, %eax
        mov     %eax, %fs
        mov     $DATA, %eax
        mov     %eax, %gs
        IRET_OUT(UDATA, user_top, 0x3002, UCODE, user_segments)
        EXPECT_VECTOR(0x30)
        EXPECT_EQ($UDATA << 16, fault_regs + 28)            # eax: es, ds
        EXPECT_EQ($GATE_DESC, fault_regs + 16)              # ebx: gs, fs

        TEST("IRET of 16 bits")
        movl    $0x0000ffff, gdt + GATE_DESC    # code and data at `small_code`, 64 KiB
        movl    $0x00009b00, gdt + GATE_DESC + 4
        mov     $small_code, %eax
        mov     $gdt + GATE_DESC, %edi
        call    set_base
        pushl   $0x40002                        # AC
        popf
        TRY(pushw $0x0003; pushw $GATE_DESC; pushw $0; iretw)
        EXPECT_VECTOR(0x31)
        mov     fault_flags, %eax               # the upper half stays
        and     $0x40001, %eax
        EXPECT_EQ($0x40001, %eax)
        EXPECT_EQ($2, fault_eip)
        pushl   $2
        popf

        TEST("IRET in ring 3 changes neither IOPL nor, above it, IF")
        IRET_OUT(UDATA, user_top, 0x0202, UCODE, user_iret)
        EXPECT_VECTOR(0x30)
        mov     fault_flags, %eax
        and     $0x3201, %eax
        EXPECT_EQ($0x0201, %eax)

        TEST("BOUND: both ends, both sizes, signed; #BR at itself")
        mov     $-5, %eax
        TRY(bound %eax, bounds)
        EXPECT_NO_FAULT
        mov     $7, %eax
        TRY(bound %eax, bounds)
        EXPECT_NO_FAULT
        mov     $8, %eax
        TRY(bound %eax, bounds)
        EXPECT_VECTOR(5)
        mov     $-6, %eax
        TRY( \
bound_at: bound %eax, bounds)
        EXPECT_VECTOR(5)
        EXPECT_EQ($bound_at, fault_eip)
        mov     $0xffff0003, %eax
        TRY(bound %ax, bounds16)
        EXPECT_NO_FAULT
        mov     $0x00008000, %eax
        TRY(bound %ax, bounds16)
        EXPECT_VECTOR(5)
        TRY(.byte 0x62, 0xc0)                   # a register: #UD
        EXPECT_VECTOR(6)

        TEST("INTO: OF alone decides, the gate's DPL is checked")
        xor     %eax, %eax
        TRY(into)
        EXPECT_NO_FAULT
        movb    $0x8e, idt + 4 * 8 + 5          # DPL 0
        mov     $user_into, %eax
        TRY(jmp enter_user)
        EXPECT_FAULT(13, 4 * 8 + 2)
        EXPECT_EQ($into_at, fault_eip)
        movb    $0xee, idt + 4 * 8 + 5
        mov     $user_into, %eax
        TRY(jmp enter_user)
        EXPECT_VECTOR(4)
        EXPECT_EQ($into_at + 1, fault_eip)

        TEST("ENTER copies the display of each level")
        mov     $display, %edi
        mov     $1, %eax
        mov     $64, %ecx
1:      mov     %eax, (%edi)
        add     $4, %edi
        inc     %eax
        loop    1b
        movl    $0, level
2:      mov     level, %ecx
        mov     $display + 128, %ebp            # what is below it is copied
        mov     %esp, %esi
        mov     %cl, enter_at + 3
        jmp     3f                              # the code was changed
3:
enter_at: enter $16, $0
        mov     %esp, %edx
        mov     %ebp, %ebx
        mov     %esi, %esp
        lea     -4(%esi), %eax                  # the frame is what was pushed first
        cmp     %eax, %ebx
        jne     bad_enter
        cmpl    $display + 128, (%ebx)
        jne     bad_enter
        mov     level, %ecx
        and     $31, %ecx
        lea     (, %ecx, 4), %eax               # level pointers and 16 bytes
        neg     %eax
        lea     -16(%ebx, %eax), %eax
        cmp     %eax, %edx
        jne     bad_enter
        test    %ecx, %ecx
        jz      5f
        neg     %ecx
        cmp     %ebx, (%ebx, %ecx, 4)           # the last is the frame
        jne     bad_enter
        neg     %ecx
        mov     $1, %eax
4:      cmp     %ecx, %eax
        jae     5f
        mov     $32, %edi                       # those between are 32 - n of the display
        sub     %eax, %edi
        mov     display(, %edi, 4), %edi
        neg     %eax
        cmp     %edi, (%ebx, %eax, 4)
        jne     bad_enter
        neg     %eax
        inc     %eax
        jmp     4b
5:      incl    level
        cmpl    $64, level                      # the level is modulo 32
        jb      2b
        jmp     6f
bad_enter:
        pushl   level
        push    $__LINE__
        call    fail
6:
        TEST("XLAT: 16-bit addresses wrap, the segment may be overridden")
        mov     $DATA16, %eax
        movw    $0xffff, gdt + DATA16
        mov     $area, %eax
        mov     $gdt + DATA16, %edi
        call    set_base
        mov     $DATA16, %eax
        mov     %eax, %fs
        movb    $0x5a, area + 0x10
        mov     $0x1234fff0, %ebx
        mov     $0x77777720, %eax
        TRY(.byte 0x64, 0x67; xlat)
        EXPECT_NO_FAULT
        EXPECT_EQ($0x7777775a, %eax)
        mov     $0x0000fff0, %ebx               # of 32 bits: beyond the limit
        mov     $0x20, %eax
        TRY(.byte 0x64; xlat)
        EXPECT_FAULT(13, 0)
        EXPECT_EQ($0x20, %eax)

        TEST("RDPMC: no counter is there, and ring 3 needs CR4.PCE")
        mov     $0x12345, %ecx
        TRY(rdpmc)
        EXPECT_FAULT(13, 0)
        mov     $user_rdpmc, %eax
        TRY(jmp enter_user)
        EXPECT_FAULT(13, 0)

        TEST("MONITOR and MWAIT: as CPUID says; in ring 3 #UD")
        mov     $user_monitor, %eax
        TRY(jmp enter_user)
        EXPECT_VECTOR(6)
        mov     $user_mwait, %eax
        TRY(jmp enter_user)
        EXPECT_VECTOR(6)
        mov     $1, %eax
        cpuid
        test    $8, %ecx
        jnz     1f
        TRY(monitor)
        EXPECT_VECTOR(6)
        TRY(mwait)
        EXPECT_VECTOR(6)
        jmp     2f
1:      mov     $level, %eax
        mov     $1, %ecx
        TRY(monitor)
        EXPECT_FAULT(13, 0)
        mov     $4, %ecx
        TRY(mwait)
        EXPECT_FAULT(13, 0)
2:
        TEST("SALC copies CF, and leaves flags")
        mov     $0x11223344, %eax
        stc
        .byte   0xd6
        jnc     3f
        EXPECT_EQ($0x112233ff, %eax)
        clc
        .byte   0xd6
        jc      3f
        EXPECT_EQ($0x11223300, %eax)
        ret
3:      push    %eax
        push    $__LINE__
        call    fail

do_sysenter:
        pushl   $0x3203
        popf
        sysenter
do_sysexit:
        sysexit

entered:
        mov     %ss, %eax                       # the user's segments are still in ds
        mov     %eax, seen_ss
        mov     %cs, %eax
        mov     %eax, seen_cs
        mov     %esp, seen_esp
        pushf
        pop     %eax
        mov     %eax, seen_flags
        mov     $user_int, %edx
        mov     $user_top - 16, %ecx
        sysexit

entered_flat:
        incl    entered_count
        mov     resume_esp, %esp
        jmp     *resume

user_int: int   $0x30
user_segments:
        xor     %eax, %eax
        mov     %es, %ax
        shl     $16, %eax
        mov     %ds, %cx
        mov     %cx, %ax
        xor     %ebx, %ebx
        mov     %gs, %bx
        shl     $16, %ebx
        mov     %fs, %cx
        mov     %cx, %bx
        int     $0x30
user_iret:
        push    $0x3003                         # IOPL 3, no IF, CF
        push    $UCODE
        push    $user_int
        iret
user_into:
        mov     $0x7fffffff, %eax
        inc     %eax
into_at: into
        int     $0x30
user_rdpmc: rdpmc
        int     $0x30
user_monitor: monitor
        int     $0x30
user_mwait: mwait
        int     $0x30
refused: ud2
went:   mov     %cs, %ebx
        jmp     *resume

        .data
        .align  16
small_code:
        int     $0x31
bounds: .long   -5, 7
bounds16: .word -5, 7
seen_cs: .long  0
seen_ss: .long  0
seen_esp: .long 0
seen_flags: .long 0
entered_count: .long 0
level:  .long   0

        .bss
        .align  16
display: .skip  256
area:   .skip   0x10020
