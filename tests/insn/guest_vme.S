/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_vme.S: CR4.VME and PVI: the virtual interrupt flag of virtual-8086 mode and of
 * ring 3, and the bitmap that sends INT n to the 8086 program (SDM vol. 3, 20.3 and 20.4).
 *
 * A piece of 16-bit code runs in segment V86 at offset 0 and ends with INT3, which IOPL does not hold
 * back, or with the fault that is expected.
 */
#include "guest.h"

#define V86 0x8000
#define STACK 0x900         /* SP there; SS is the same segment */
#define HANDLER 0x200       /* of INT n that is redirected */
#define TSS_SIZE (104 + 32 + 8)
#define BITMAP (vtss + 104) /* 32 bytes, below the I/O bitmap */
#define IF 0x200
#define IOPL3 0x3000
#define VM 0x20000
#define VIF 0x80000
#define VIP 0x100000
#define VME 1
#define PVI 2

#define CR4(off, on) mov %cr4, %eax; and $~(off), %eax; or $(on), %eax; mov %eax, %cr4
/* From `name` to `name_end` with these flags. */
#define RUN(name, flags) \
        mov $name, %esi; mov $V86, %edi; mov $name##_end - name, %ecx; rep movsb; \
        movl $(flags) | VM | 2, v86_flags; TRY(jmp enter_v86)
#define EXPECT_FLAGS(mask, value) \
        mov fault_flags, %eax; and $(mask), %eax; EXPECT_EQ($(value), %eax)
#define EXPECT_GP(name, offset) EXPECT_FAULT(13, 0) EXPECT_EQ($offset, fault_eip)
#define WORD(at) movzwl V86 + (at), %eax
/* Ring 3 with these flags: INT 0x30 ends it. */
#define USER(name, flags) movl $(flags) | 2, v86_flags; movl $name, user_eip; TRY(jmp user)

main:   mov     $0xff, %al                      # nothing comes while IF is set
        out     %al, $0x21
        out     %al, $0xa1
        movw    $TSS_SIZE - 1, gdt + TSS2
        mov     $vtss, %eax
        mov     $gdt + TSS2, %edi
        call    set_base
        movl    $stack0_top, vtss + 4
        movl    $DATA, vtss + 8
        movw    $136, vtss + 102                # where the I/O bitmap begins
        mov     $TSS2, %eax
        ltr     %ax
        movw    $HANDLER, 0x60 * 4
        movw    $V86 >> 4, 0x60 * 4 + 2
        mov     $handler, %esi
        mov     $V86 + HANDLER, %edi
        mov     $handler_end - handler, %ecx
        rep movsb

        TEST("without VME: CLI, STI, PUSHF, POPF, IRET and INT n below IOPL 3 are #GP")
        RUN(do_cli, IF)
        EXPECT_GP(do_cli, 0)
        RUN(do_sti, IF)
        EXPECT_GP(do_sti, 0)
        RUN(do_pushf, IF)
        EXPECT_GP(do_pushf, 0)
        RUN(do_popf, IF)
        EXPECT_GP(do_popf, 4)
        RUN(do_int, IF)
        EXPECT_GP(do_int, 0)
        RUN(do_cli, IF | IOPL3)
        EXPECT_VECTOR(3)
        EXPECT_FLAGS(IF | VIF, 0)

        CR4(0, VME)
        TEST("CLI and STI change VIF, and leave IF")
        RUN(do_sti, IF)
        EXPECT_VECTOR(3)
        EXPECT_FLAGS(IF | VIF, IF | VIF)
        RUN(do_cli, IF | VIF)
        EXPECT_VECTOR(3)
        EXPECT_FLAGS(IF | VIF, IF)
        RUN(do_cli, IF | VIF | IOPL3)           # with IOPL 3 IF itself
        EXPECT_VECTOR(3)
        EXPECT_FLAGS(IF | VIF, VIF)
        RUN(do_sti, IOPL3)
        EXPECT_VECTOR(3)
        EXPECT_FLAGS(IF | VIF, IF)

        TEST("STI while an interrupt is due is #GP")
        RUN(do_sti, IF | VIP)
        EXPECT_GP(do_sti, 0)
        EXPECT_FLAGS(VIF | VIP, VIP)
        RUN(do_cli, IF | VIP | VIF)
        EXPECT_VECTOR(3)
        EXPECT_FLAGS(VIF | VIP, VIP)

        TEST("PUSHF shows VIF as IF, and IOPL 3")
        RUN(do_pushf, IF)
        EXPECT_VECTOR(3)
        WORD(STACK - 2)
        and     $IF | IOPL3, %eax
        EXPECT_EQ($IOPL3, %eax)
        RUN(do_pushf, VIF)
        EXPECT_VECTOR(3)
        WORD(STACK - 2)
        and     $IF | IOPL3, %eax
        EXPECT_EQ($IF | IOPL3, %eax)
        RUN(do_pushfd, IF)                      # of 32 bits: #GP
        EXPECT_GP(do_pushfd, 0)

        TEST("POPF changes VIF, and neither IF nor IOPL")
        RUN(do_popf, IF)                        # pops IF, IOPL 3, CF
        EXPECT_VECTOR(3)
        EXPECT_FLAGS(IF | VIF | IOPL3 | 1, IF | VIF | 1)
        RUN(do_popf_off, IF | VIF | 1)
        EXPECT_VECTOR(3)
        EXPECT_FLAGS(IF | VIF | IOPL3 | 1, IF)
        RUN(do_popf, IF | VIP)
        EXPECT_GP(do_popf, 4)
        RUN(do_popf_off, IF | VIP | VIF)
        EXPECT_VECTOR(3)
        RUN(do_popf_tf, IF)
        EXPECT_GP(do_popf_tf, 4)
        RUN(do_popfd, IF)
        EXPECT_GP(do_popfd, 0)

        TEST("IRET does likewise")
        RUN(do_iret, IF)
        EXPECT_VECTOR(3)
        EXPECT_FLAGS(IF | VIF | IOPL3, IF | VIF)
        RUN(do_iret, IF | VIP)
        EXPECT_GP(do_iret, 7)
        RUN(do_iretd, IF)
        EXPECT_GP(do_iretd, 0)

        TEST("INT n whose bit is clear goes to the program's own handler")
        movl    $0, BITMAP + 0x60 / 8
        RUN(do_int, IF | VIF)
        EXPECT_VECTOR(3)
        EXPECT_EQ($HANDLER + 1, fault_eip)
        EXPECT_FLAGS(IF | VIF, IF)
        WORD(STACK - 2)
        and     $IF | IOPL3, %eax               # VIF was set
        EXPECT_EQ($IF | IOPL3, %eax)
        WORD(STACK - 4)
        EXPECT_EQ($V86 >> 4, %eax)
        WORD(STACK - 6)
        EXPECT_EQ($2, %eax)
        RUN(do_int, IF)
        WORD(STACK - 2)
        and     $IF | IOPL3, %eax
        EXPECT_EQ($IOPL3, %eax)
        RUN(do_int, IF | VIF | IOPL3)           # with IOPL 3: IF is cleared
        EXPECT_VECTOR(3)
        EXPECT_EQ($HANDLER + 1, fault_eip)
        EXPECT_FLAGS(IF | VIF, VIF)
        WORD(STACK - 2)
        and     $IF | IOPL3, %eax
        EXPECT_EQ($IF | IOPL3, %eax)

        TEST("and comes back by IRET")
        movb    $0xcf, V86 + HANDLER
        RUN(do_int, IF | VIF)
        EXPECT_VECTOR(3)
        EXPECT_EQ($3, fault_eip)
        EXPECT_FLAGS(IF | VIF, IF | VIF)
        EXPECT_EQ($STACK, fault_esp)
        movb    $0xcc, V86 + HANDLER

        TEST("INT n whose bit is set: #GP, with IOPL 3 by the IDT")
        movl    $-1, BITMAP + 0x60 / 8
        RUN(do_int, IF | VIF)
        EXPECT_GP(do_int, 0)
        RUN(do_int, IF | VIF | IOPL3)
        EXPECT_VECTOR(0x60)
        EXPECT_EQ($2, fault_eip)

        TEST("INT3 is never redirected")
        movl    $0, BITMAP
        movw    $HANDLER + 1, 3 * 4
        movw    $V86 >> 4, 3 * 4 + 2
        RUN(do_cli, IF)
        EXPECT_VECTOR(3)
        EXPECT_EQ($V86 >> 4, fault_cs)

        TEST("a bitmap beyond the TSS's limit is #GP")
        movl    $0, BITMAP + 0x60 / 8
        movw    $104 + 0x60 / 8 - 1, gdt + TSS2
        movb    $0x89, gdt + TSS2 + 5
        mov     $TSS2, %eax
        ltr     %ax
        RUN(do_int, IF)
        EXPECT_GP(do_int, 0)
        movw    $104 + 0x60 / 8, gdt + TSS2
        movb    $0x89, gdt + TSS2 + 5
        mov     $TSS2, %eax
        ltr     %ax
        RUN(do_int, IF)
        EXPECT_VECTOR(3)
        CR4(VME, 0)

        TEST("ring 3 without PVI: CLI and STI are #GP")
        USER(user_cli, IF | VIF)
        EXPECT_FAULT(13, 0)
        USER(user_sti, IF)
        EXPECT_FAULT(13, 0)

        CR4(0, PVI)
        TEST("ring 3 with PVI: CLI and STI change VIF")
        USER(user_sti, IF)
        EXPECT_VECTOR(0x30)
        EXPECT_FLAGS(IF | VIF, IF | VIF)
        USER(user_cli, IF | VIF)
        EXPECT_VECTOR(0x30)
        EXPECT_FLAGS(IF | VIF, IF)
        USER(user_sti, IF | VIP)
        EXPECT_FAULT(13, 0)
        EXPECT_EQ($user_sti, fault_eip)
        USER(user_cli, IF | VIF | VIP)
        EXPECT_VECTOR(0x30)
        EXPECT_FLAGS(VIF | VIP, VIP)
        USER(user_cli, IF | IOPL3)
        EXPECT_VECTOR(0x30)
        EXPECT_FLAGS(IF | VIF, 0)

        TEST("PUSHF and POPF of ring 3 leave VIF alone")
        USER(user_pushf, VIF)
        EXPECT_VECTOR(0x30)
        mov     fault_regs + 28, %eax
        and     $IF | VIF | IOPL3, %eax
        EXPECT_EQ($VIF, %eax)
        USER(user_popf, IF | VIF)
        EXPECT_VECTOR(0x30)
        EXPECT_FLAGS(IF | VIF, IF | VIF)

        TEST("ring 0 has no use for PVI")
        TRY(sti; pushf; pop %ebx; cli; pushf; pop %ecx)
        EXPECT_NO_FAULT
        xor     %ecx, %ebx
        EXPECT_EQ($IF, %ebx)
        CR4(PVI, 0)
        ret

enter_v86:
        push    $0
        push    $0
        push    $V86 >> 4                       # ds
        push    $V86 >> 4
        push    $V86 >> 4                       # ss:sp
        push    $STACK
        pushl   v86_flags
        push    $V86 >> 4
        push    $0
        iret

user:   mov     $UDATA, %ecx
        mov     %ecx, %ds
        mov     %ecx, %es
        push    $UDATA
        push    $user_top
        pushl   %ss:v86_flags
        push    $UCODE
        pushl   %ss:user_eip
        iret

user_cli: cli
        int     $0x30
user_sti: sti
        int     $0x30
user_pushf: pushf
        pop     %eax
        int     $0x30
user_popf: push $2
        popf
        int     $0x30

        .code16
do_cli: cli
        int3
do_cli_end:
do_sti: sti
        int3
do_sti_end:
do_pushf: pushf
        int3
do_pushf_end:
do_pushfd: pushfl
        int3
do_pushfd_end:
do_popf: mov    $IF | IOPL3 | 1, %ax
        push    %ax
        popf
        int3
do_popf_end:
do_popf_off: mov $IOPL3, %ax
        push    %ax
        popf
        int3
do_popf_off_end:
do_popf_tf: mov $0x100, %ax
        push    %ax
        popf
        int3
do_popf_tf_end:
do_popfd: popfl
        int3
do_popfd_end:
do_iret: pushw  $IF | IOPL3
        pushw   %cs
        pushw   $8
        nop
        iret
        int3
do_iret_end:
do_iretd: iretl
        int3
do_iretd_end:
do_int: int     $0x60
        int3
do_int_end:
handler: int3
handler_end:

        .data
v86_flags: .long 0
user_eip: .long 0

        .bss
        .align  16
vtss:   .skip   TSS_SIZE
