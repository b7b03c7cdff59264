/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_modes.S: from one mode or privilege to another and back: call gate, task gate,
 * virtual-8086 mode, real mode, 64-bit and compatibility mode.
 */
#include "guest.h"

#define LOW   0x7000  /* where real-mode code is copied; segment 0 or 0x700 */
#define V86   0x8000
#define PML4  0x200000

main:
        TEST("a call gate copies parameters and RETF drops them")
        mov     $gate_entry, %eax
        mov     %ax, gdt + 0x38
        movw    $CODE, gdt + 0x3a
        movw    $0xec02, gdt + 0x3c
        shr     $16, %eax
        mov     %ax, gdt + 0x3e
        mov     $gate_user, %eax
        TRY(jmp enter_user)
        EXPECT_VECTOR(0x30)
        EXPECT_EQ($0x5678, gate_param)
        EXPECT_EQ($0x1234, gate_param2)
        EXPECT_EQ($UCODE, gate_cs)
        EXPECT_EQ($user_top, fault_esp)
        EXPECT_EQ($UDATA, fault_ss)

        TEST("what ring 3 may not do")
        mov     $user_hlt, %eax
        TRY(jmp enter_user)
        EXPECT_FAULT(13, 0)
        mov     $user_far, %eax
        TRY(jmp enter_user)
        EXPECT_FAULT(13, CODE)
        mov     $user_seg, %eax
        TRY(jmp enter_user)
        EXPECT_FAULT(13, DATA)

        TEST("a task gate and IRET from the task")
        movl    $TSS2 << 16, idt + 0x31 * 8
        movl    $0xe500, idt + 0x31 * 8 + 4
        movl    $task_entry, tss2 + 32
        movl    $2, tss2 + 36
        movl    $0xa1a2a3a4, tss2 + 40
        movl    $stack0_top, tss2 + 56
        movl    $DATA, tss2 + 72
        movl    $CODE, tss2 + 76
        movl    $DATA, tss2 + 80
        movl    $DATA, tss2 + 84
        mov     $0x77, %ebx
        TRY(int $0x31; mov %ebx, %ebx)
        EXPECT_NO_FAULT
        EXPECT_EQ($0xa1a2a3a4, task_eax)
        EXPECT_EQ($0x4000, task_nt)
        EXPECT_EQ($0x77, %ebx)
        movzbl  task_busy, %eax
        EXPECT_EQ($0x8b, %eax)
        movzbl  gdt + TSS2 + 5, %eax
        EXPECT_EQ($0x89, %eax)
        movzwl  tss2, %eax
        EXPECT_EQ($TSS, %eax)
        TRY(int $0x31)
        EXPECT_NO_FAULT
        EXPECT_EQ($2, task_count)
        str     %eax
        movzwl  %ax, %eax
        EXPECT_EQ($TSS, %eax)

        TEST("virtual-8086 mode")
        mov     $v86_code, %esi
        mov     $V86, %edi
        mov     $v86_end - v86_code, %ecx
        rep movsb
        mov     $0x23002, %ebx                  # VM, IOPL 3
        TRY(jmp enter_v86)
        EXPECT_VECTOR(0x30)
        mov     fault_flags, %eax
        and     $0x23000, %eax
        EXPECT_EQ($0x23000, %eax)
        EXPECT_EQ($V86 >> 4, fault_cs)
        EXPECT_EQ($v86_int - v86_code + 2, fault_eip)
        movzwl  V86 + 0x100, %eax
        EXPECT_EQ($0xbeef, %eax)
        mov     %gs, %eax
        EXPECT_EQ($0, %eax)

        TEST("virtual-8086 mode below IOPL 3")
        mov     $0x20002, %ebx
        TRY(jmp enter_v86)
        EXPECT_FAULT(13, 0)
        EXPECT_EQ($0, fault_eip)

        TEST("real mode and back")
        mov     $real_code, %esi
        mov     $LOW, %edi
        mov     $real_end - real_code, %ecx
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
        EXPECT_EQ($0x00601234, %ebx)
        EXPECT_EQ($LOW + real_int - real_code + 2, %edi)

        TEST("64-bit and compatibility mode")
        call    long_tables
        mov     %cr4, %eax
        or      $0x20, %eax
        mov     %eax, %cr4
        mov     $PML4, %eax
        mov     %eax, %cr3
        mov     $0xc0000080, %ecx
        rdmsr
        or      $0x100, %eax
        wrmsr
        mov     %cr0, %eax
        or      $0x80000000, %eax
        mov     %eax, %cr0
        ljmp    $CODE64, $long_code
compat: mov     $1, %eax
        .byte   0x40                            # INC EAX; REX in 64-bit code
        nop
        mov     %eax, compat_eax
        ljmp    $CODE64, $long_again
leave:  mov     %cr0, %eax
        and     $0x7fffffff, %eax
        mov     %eax, %cr0
        mov     $0xc0000080, %ecx
        rdmsr
        and     $~0x100, %eax
        wrmsr
        EXPECT_EQ($2, compat_eax)
        EXPECT_EQ($0x9abcdef0, long_low)
        EXPECT_EQ($0x12345678, long_high)
        EXPECT_EQ($0xffffffff, long_zero)
        EXPECT_EQ($0, long_zero + 4)
        EXPECT_EQ($0x9abcdef0, long_kept)
        EXPECT_EQ($1, long_fault)
        ret

gate_user:
        push    $0x1234
        push    $0x5678
        lcall   $GATE, $0
        int     $0x30
gate_entry:
        mov     8(%esp), %eax
        mov     %eax, %ss:gate_param
        mov     12(%esp), %eax
        mov     %eax, %ss:gate_param2
        mov     4(%esp), %eax
        mov     %eax, %ss:gate_cs
        lret    $8
user_hlt:
        hlt
user_far:
        ljmp    $CODE, $gate_entry
user_seg:
        mov     $DATA, %eax
        mov     %eax, %ds

task_entry:
        mov     %eax, task_eax
        pushf
        pop     %eax
        and     $0x4000, %eax
        mov     %eax, task_nt
        mov     gdt + TSS2 + 5, %al
        mov     %al, task_busy
        incl    task_count
        mov     task_eax, %eax
        iret
        jmp     task_entry

enter_v86:                                      # flags in ebx
        push    $0
        push    $0
        push    $V86 >> 4                       # ds
        push    $V86 >> 4
        push    $0x900                          # ss:sp
        push    $0xff0
        push    %ebx
        push    $V86 >> 4
        push    $0
        iret

        .code16
v86_code:
        cli
        mov     $0xbeef, %ax
        mov     %ax, 0x100
        push    %ax
        pop     %bx
v86_int: int    $0x30
v86_end:

real_code:
        mov     $DATA16, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %ss
        mov     %esp, %ebp
        mov     %cr0, %eax
        and     $~1, %al
        mov     %eax, %cr0
        ljmp    $0, $LOW + real_at - real_code
real_at: xor    %ax, %ax
        mov     %ax, %ds
        mov     %ax, %ss
        mov     $0x6f00, %sp
        lidt    LOW + real_idt - real_code
        movw    $LOW + real_handler - real_code, 0x60 * 4
        movw    $0, 0x60 * 4 + 2
        xor     %ebx, %ebx
real_int: int   $0x60
        mov     %cr0, %eax
        or      $1, %al
        mov     %eax, %cr0
        ljmpl   $CODE, $back32
real_handler:
        mov     $0x00601234, %ebx
        push    %bp
        mov     %sp, %bp
        movzwl  2(%bp), %edi
        pop     %bp
        iret
real_idt: .word 0x3ff
        .long   0
real_end:

        .code32
/* 1 GiB in 2 MiB pages. */
long_tables:
        movl    $PML4 + 0x1003, PML4
        movl    $PML4 + 0x2003, PML4 + 0x1000
        xor     %ecx, %ecx
        mov     $0x83, %eax
1:      mov     %eax, PML4 + 0x2000(, %ecx, 8)
        add     $0x200000, %eax
        inc     %ecx
        cmp     $512, %ecx
        jb      1b
        /* #UD of 64-bit code: 16-byte gate 6. */
        mov     $long_ud, %eax
        mov     %ax, idt64 + 6 * 16
        movw    $CODE64, idt64 + 6 * 16 + 2
        movw    $0x8e00, idt64 + 6 * 16 + 4
        shr     $16, %eax
        mov     %ax, idt64 + 6 * 16 + 6
        ret

        .code64
long_code:
        lidt    idt64_pointer(%rip)
        movabs  $0x123456789abcdef0, %r9
        push    %r9
        pop     %rax
        mov     %eax, long_low(%rip)
        shr     $32, %rax
        mov     %eax, long_high(%rip)
        mov     $-1, %r10
        mov     $-1, %r10d                      # clears the upper half
        mov     %r10, long_zero(%rip)
        ud2
long_on:
        mov     $compat, %eax
        push    $CODE
        push    %rax
        lretq
long_again:
        mov     %r9d, long_kept(%rip)           # R8 to R15 live through compatibility mode here
        lidt    idt_pointer64(%rip)
        mov     $leave, %eax
        push    $CODE
        push    %rax
        lretq
long_ud:
        incl    long_fault(%rip)
        mov     $long_on, %eax
        mov     %rax, (%rsp)
        iretq
        .code32

        .data
idt64_pointer:
        .word   16 * 16 - 1
        .long   idt64, 0
idt_pointer64:
        .word   128 * 8 - 1
        .long   idt, 0

        .bss
        .align  16
idt64:  .skip   16 * 16
gate_param: .skip 4
gate_param2: .skip 4
gate_cs: .skip  4
task_eax: .skip 4
task_nt: .skip  4
task_busy: .skip 4
task_count: .skip 4
compat_eax: .skip 4
long_low: .skip 4
long_high: .skip 4
long_zero: .skip 8
long_kept: .skip 4
long_fault: .skip 4
