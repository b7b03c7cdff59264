/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_rules.S: rules that hold for many instructions: LOCK, alignment checks, segment
 * limits and what a faulting instruction leaves, when an interrupt comes in, the A20 gate, segments
 * that keep their limit in real mode, the layout of XSAVE.
 */
#include "guest.h"

#define APIC 0xfee00000
#define SELF_IPI movl $0x44040, APIC + 0x300 /* fixed, vector 0x40, to itself */
#define EOI movl $0, APIC + 0xb0
#define LOW 0x7000
#define SMALL 0x53 /* DATA16's descriptor becomes one of ring 3, 256 bytes long, at `small` */

/* Ring 3 with this selector as SS, ESP and flags. */
#define USER(what, ss, esp, flags) \
        movl $(ss), user_ss; movl $(esp), user_stack; movl $(flags), user_flags; \
        movl $what, user_eip; TRY(jmp user)
#define LOCK_OK(...) TRY(lock; __VA_ARGS__) EXPECT_NO_FAULT
#define LOCK_UD(...) TRY(.byte 0xf0; __VA_ARGS__) EXPECT_VECTOR(6)

main:   mov     $small, %eax
        movl    $0x00ff, gdt + 0x50
        mov     %ax, gdt + 0x52
        shr     $16, %eax
        mov     %al, gdt + 0x54
        movw    $0x40f3, gdt + 0x55             # 32-bit, writable, ring 3, bytes
        mov     %ah, gdt + 0x57

        TEST("LOCK with what reads and writes memory")
        mov     $buffer, %edi
        xor     %eax, %eax
        LOCK_OK(addl %eax, (%edi))
        LOCK_OK(incb (%edi))
        LOCK_OK(notl (%edi))
        LOCK_OK(btsl %eax, (%edi))
        LOCK_OK(xchgl %eax, (%edi))
        LOCK_OK(xaddl %eax, (%edi))
        LOCK_OK(cmpxchgl %ecx, (%edi))
        LOCK_OK(cmpxchg8b (%edi))

        TEST("LOCK with anything else is #UD")
        LOCK_UD(addl %eax, %ecx)
        LOCK_UD(addl (%edi), %eax)
        LOCK_UD(cmpl %eax, (%edi))
        LOCK_UD(movl %eax, (%edi))
        LOCK_UD(btl %eax, (%edi))
        LOCK_UD(testl %eax, (%edi))
        LOCK_UD(shll %cl, (%edi))
        LOCK_UD(xchgl %eax, %ecx)
        LOCK_UD(pushl (%edi))

        TEST("alignment is checked in ring 3 with CR0.AM and EFLAGS.AC alone")
        USER(unaligned4, UDATA, user_top, 0x43002)
        EXPECT_VECTOR(0x30)
        mov     %cr0, %eax
        or      $0x40000, %eax
        mov     %eax, %cr0
        USER(unaligned4, UDATA, user_top, 0x3002)
        EXPECT_VECTOR(0x30)
        USER(unaligned4, UDATA, user_top, 0x43002)
        EXPECT_FAULT(17, 0)
        EXPECT_EQ($unaligned4, fault_eip)
        USER(unaligned2, UDATA, user_top, 0x43002)
        EXPECT_FAULT(17, 0)
        USER(unaligned8, UDATA, user_top, 0x43002)
        EXPECT_FAULT(17, 0)
        USER(aligned, UDATA, user_top, 0x43002)
        EXPECT_VECTOR(0x30)
        USER(aligned_push, UDATA, user_top - 2, 0x43002)
        EXPECT_FAULT(17, 0)
        EXPECT_EQ($user_top - 2, fault_esp)
        pushf
        orl     $0x40000, (%esp)
        popf
        TRY(movl buffer + 1, %eax)
        EXPECT_NO_FAULT
        pushf
        andl    $~0x40000, (%esp)
        popf
        mov     %cr0, %eax
        and     $~0x40000, %eax
        mov     %eax, %cr0

        TEST("POPA, PUSHA, ENTER and LEAVE that fault move no stack")
        USER(user_popa, SMALL, 0xf0, 0x3002)
        EXPECT_FAULT(12, 0)
        EXPECT_EQ($0xf0, fault_esp)
        EXPECT_EQ($user_popa, fault_eip)
        USER(user_pusha, SMALL, 0x10, 0x3002)
        EXPECT_FAULT(12, 0)
        EXPECT_EQ($0x10, fault_esp)
        mov     $0x1111, %ebp
        USER(user_enter, SMALL, 0, 0x3002)
        EXPECT_FAULT(12, 0)
        EXPECT_EQ($0, fault_esp)
        EXPECT_EQ($0x1111, fault_regs + 8)
        USER(user_enter2, SMALL, 0x80, 0x3002)
        EXPECT_FAULT(12, 0)
        EXPECT_EQ($0x80, fault_esp)
        EXPECT_EQ($0x1111, fault_regs + 8)
        USER(user_leave, SMALL, 0x80, 0x3002)
        EXPECT_FAULT(12, 0)
        EXPECT_EQ($0x80, fault_esp)
        EXPECT_EQ($0x1111, fault_regs + 8)
        USER(user_call, SMALL, 2, 0x3002)
        EXPECT_FAULT(12, 0)
        EXPECT_EQ($2, fault_esp)
        EXPECT_EQ($user_call, fault_eip)

        TEST("REP STOSB and MOVSD stop at a segment's limit and can go on")
        mov     $SMALL & ~3, %eax
        mov     %eax, %es
        mov     $0xfa, %edi
        mov     $20, %ecx
        TRY( \
stos:   rep stosb)
        EXPECT_FAULT(13, 0)
        EXPECT_EQ($stos, fault_eip)
        EXPECT_EQ($0x100, fault_regs)
        EXPECT_EQ($14, fault_regs + 24)
        mov     $SMALL & ~3, %eax
        mov     %eax, %es
        mov     $0xf6, %edi                     # the third would cross the limit
        mov     $buffer, %esi
        mov     $20, %ecx
        TRY( \
movs:   rep movsl)
        EXPECT_FAULT(13, 0)
        EXPECT_EQ($movs, fault_eip)
        EXPECT_EQ($0xfe, fault_regs)
        EXPECT_EQ($buffer + 8, fault_regs + 4)
        EXPECT_EQ($18, fault_regs + 24)

        TEST("POPF and IRET let a waiting interrupt in at once, a second STI too")
        mov     $0xff, %al
        out     %al, $0x21
        out     %al, $0xa1
        movl    $0x1ff, APIC + 0xf0
        xor     %ebx, %ebx
        SELF_IPI
        TRY(pushf; orl $0x200, (%esp); popf; \
popf_at: inc %ebx; cli)
        EOI
        EXPECT_VECTOR(0x40)
        EXPECT_EQ($popf_at, fault_eip)
        SELF_IPI
        TRY(pushf; orl $0x200, (%esp); push $CODE; push $iret_at; iret; \
iret_at: inc %ebx; cli)
        EOI
        EXPECT_VECTOR(0x40)
        EXPECT_EQ($iret_at, fault_eip)
        cli
        SELF_IPI
        TRY(sti; sti; \
sti_at: inc %ebx; inc %ebx; cli)
        EOI
        EXPECT_VECTOR(0x40)
        EXPECT_EQ($sti_at, fault_eip)
        EXPECT_EQ($0, %ebx)
        cli

        TEST("an interrupt that comes while IF is set goes into a loop")
        mov     $1000, %ecx
        TRY(sti; SELF_IPI; \
1:      loop 1b; cli)
        cli
        EOI
        EXPECT_VECTOR(0x40)

        UNLESS_KVM(no_a20)                      # which has no such gate
        TEST("the A20 gate takes address bit 20 away and gives it back")
        mov     $a20_code, %esi
        mov     $LOW, %edi
        mov     $a20_end - a20_code, %ecx
        rep movsb
        movl    $0x11111111, 0x400000
        movl    $0x22222222, 0x500000
        mov     $LOW, %eax
        call    *%eax
        EXPECT_EQ($0x11111111, %ebx)            # read of 0x500000 while it was off
        EXPECT_EQ($0x33333333, 0x400000)        # written there as 0x500004 - 4
        EXPECT_EQ($0x22222222, 0x500000)

no_a20:
        TEST("a segment keeps its limit into real mode")
        movl    $0x44444444, 0x600000
        mov     $unreal_code, %esi
        mov     $LOW, %edi
        mov     $unreal_end - unreal_code, %ecx
        rep movsb
        ljmp    $CODE16, $LOW
back32: mov     $DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     %eax, %fs
        mov     %eax, %gs
        mov     %ebp, %esp
        lidt    idt_pointer
        EXPECT_EQ($0x44444444, %ebx)
        EXPECT_EQ($0x55555555, 0x600004)

        TEST("XSAVE: legacy area, header, and what XRSTOR makes of it")
        mov     $1, %eax
        cpuid
        test    $1 << 26, %ecx
        jz      no_xsave
        mov     %cr4, %eax
        or      $0x40600, %eax                  # OSXSAVE, OSXMMEXCPT, OSFXSR
        mov     %eax, %cr4
        xor     %ecx, %ecx
        mov     $3, %eax
        xor     %edx, %edx
        xsetbv
        TRY(mov $2, %eax; xsetbv)
        EXPECT_FAULT(13, 0)
        mov     $0xd, %eax
        xor     %ecx, %ecx
        cpuid
        EXPECT_EQ($576, %ebx)                   # bytes for what XCR0 enables
        fninit
        fld1
        mov     $0x66666666, %eax
        movd    %eax, %xmm3
        mov     $area, %edi
        mov     $576 / 4, %ecx
        mov     $-1, %eax
        rep stosl
        xor     %eax, %eax
        mov     $area + 512, %edi
        mov     $16, %ecx
        rep stosl
        mov     $3, %eax
        xor     %edx, %edx
        xsave   area
        EXPECT_EQ($3, area + 512)
        EXPECT_EQ($0, area + 520)
        EXPECT_EQ($0x80000000, area + 36)
        movzwl  area + 40, %eax
        EXPECT_EQ($0x3fff, %eax)
        EXPECT_EQ($0x66666666, area + 160 + 3 * 16)
        EXPECT_EQ($0x1f80, area + 24)
        EXPECT_EQ($-1, area + 464)              # what is software's stays
        movzbl  area + 4, %eax
        EXPECT_EQ($0x80, %eax)                  # abridged tags: ST(0) is physical register 7
        movl    $1, area + 512                  # SSE is in its initial state
        mov     $3, %eax
        xor     %edx, %edx
        xrstor  area
        movd    %xmm3, %ebx
        EXPECT_EQ($0, %ebx)
        movl    $0x77777777, area + 160 + 3 * 16
        movl    $3, area + 512
        mov     $1, %eax                        # only the x87 is asked for
        xrstor  area
        movd    %xmm3, %ebx
        EXPECT_EQ($0, %ebx)
        mov     $3, %eax
        xrstor  area
        movd    %xmm3, %ebx
        EXPECT_EQ($0x77777777, %ebx)
        movl    $4, area + 512                  # AVX is not in XCR0
        TRY(xrstor area)
        EXPECT_FAULT(13, 0)
        movl    $3, area + 512
        movl    $1, area + 528                  # reserved
        TRY(xrstor area)
        EXPECT_FAULT(13, 0)
        TRY(xsave area + 8)                     # 64-byte alignment
        EXPECT_FAULT(13, 0)
        mov     %cr0, %eax
        or      $8, %eax
        mov     %eax, %cr0
        TRY(xsave area)                         # CR0.TS
        EXPECT_VECTOR(7)
        mov     %cr0, %eax
        and     $~8, %eax
        mov     %eax, %cr0
no_xsave:
        ret

user:   mov     $UDATA, %ecx
        mov     %ecx, %ds
        mov     %ecx, %es
        pushl   user_ss
        pushl   user_stack
        pushl   user_flags
        pushl   $UCODE
        pushl   user_eip
        iret

unaligned4: mov buffer + 2, %eax
        int     $0x30
unaligned2: mov buffer + 1, %ax
        int     $0x30
unaligned8: fldl buffer + 4
        int     $0x30
aligned: mov    buffer + 4, %eax
        mov     buffer + 2, %ax
        mov     buffer + 1, %al
        int     $0x30
aligned_push: push %eax
        int     $0x30
user_popa: popa
        int     $0x30
user_pusha: pusha
        int     $0x30
user_enter: enter $8, $0
        int     $0x30
user_enter2: enter $8, $2                       # reads a display at EBP, which is outside
        int     $0x30
user_leave: leave
        int     $0x30
user_call: call user_popa
        int     $0x30

/* Nothing here is above 1 MiB while the gate is closed: no stack, no IDT. */
a20_code:
        in      $0x92, %al
        mov     %al, %cl
        and     $0xfc, %al
        out     %al, $0x92
        mov     0x500000, %ebx
        movl    $0x33333333, 0x500000
        mov     %cl, %al
        or      $2, %al
        and     $0xfe, %al
        out     %al, $0x92
        ret
a20_end:

        .code16
unreal_code:
        mov     $DATA, %ax                      # 4 GiB
        mov     %ax, %ds
        mov     %ax, %fs
        mov     %esp, %ebp
        mov     %cr0, %eax
        and     $~1, %al
        mov     %eax, %cr0
        ljmp    $0, $LOW + unreal_at - unreal_code
unreal_at:
        xor     %ax, %ax
        mov     %ax, %ds                        # base 0; the limit stays
        addr32 mov 0x600000, %ebx
        addr32 movl $0x55555555, %fs:0x600004
        mov     %cr0, %eax
        or      $1, %al
        mov     %eax, %cr0
        ljmpl   $CODE, $back32
unreal_end:
        .code32

        .data
        .align  16
buffer: .long   1, 2, 3, 4, 5, 6, 7, 8
        .fill   16, 4, 9
user_ss: .long  0
user_stack: .long 0
user_flags: .long 0
user_eip: .long 0

        .bss
        .align  64
area:   .skip   640
small:  .skip   512
