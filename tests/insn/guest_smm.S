/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_smm.S: system-management mode: what an SMI saves and starts with, RSM back to
 * protected, real, virtual-8086 and long mode, SMBASE's move, HLT, and what waits meanwhile.
 *
 * SMIs come from the local APIC, which sends them to itself, and from the timer by the I/O APIC.
 * The handler at SMBASE + 0x8000 notes what it sees below `seen`, and does what `order` says.
 */
#include "guest.h"

#define APIC 0xfee00000
/* Delivery mode SMI, physical destination 0; an engine may take it at the end of a block. */
#define SMI movl $0x4200, APIC + 0x300; jmp .+2
#define EOI movl $0, APIC + 0xb0
#define IOAPIC 0xfec00000
#define SMBASE 0x30000
#define MOVED  0x50000
#define SAVE   0xfe00                   /* the area, from SMBASE; AMD64's layout */
#define LOW    0x7000
#define PML4   0x200000
#define SEEN   0x6000                   /* below 64 KiB, for the handler */

/* At SEEN; cleared by CLEAR. */
#define COUNT  (SEEN + 0)
#define CR0    (SEEN + 4)
#define CR4    (SEEN + 8)
#define FLAGS  (SEEN + 12)
#define CS     (SEEN + 16)
#define DR7    (SEEN + 20)
#define REV    (SEEN + 24)
#define HALTED (SEEN + 28)
#define EFER   (SEEN + 32)
#define EIP    (SEEN + 36)
#define LIMIT  (SEEN + 40)              /* could it read above 1 MiB? */
#define ORDER  (SEEN + 44)
#define BASE   (SEEN + 48)
#define CLEAR mov $SEEN, %edi; mov $16, %ecx; xor %eax, %eax; rep stosl

/* What the handler does besides. */
#define SET_EAX   1
#define MOVE      2                     /* SMBASE */
#define SEND      4                     /* an NMI, an interrupt and an SMI to itself */
#define NO_REHALT 8

main:   mov     $0xff, %al
        out     %al, $0x21
        out     %al, $0xa1
        movl    $0x1ff, APIC + 0xf0
        movl    $0, APIC + 0x80
        movl    $0, APIC + 0x310
        mov     $handler, %esi
        mov     $SMBASE + 0x8000, %edi
        mov     $handler_end - handler, %ecx
        rep movsb
        mov     $handler, %esi
        mov     $MOVED + 0x8000, %edi
        mov     $handler_end - handler, %ecx
        rep movsb
        movl    $0x12345678, 0x600000

        TEST("an SMI saves the state, starts anew, and RSM returns")
        CLEAR
        mov     $0x11111111, %eax
        mov     $0x22222222, %ebx
        mov     $0x44444444, %edx
        mov     $0x55555555, %esi
        mov     $0x66666666, %edi
        mov     $0x77777777, %ebp
        mov     %esp, saved_esp
        mov     $0x33333333, %ecx
        stc
        SMI
smi_at: jnc     1f                              # flags are back
        cmp     saved_esp, %esp
        jne     1f
        EXPECT_EQ($0x11111111, %eax)
        EXPECT_EQ($0x22222222, %ebx)
        EXPECT_EQ($0x33333333, %ecx)
        EXPECT_EQ($0x44444444, %edx)
        EXPECT_EQ($0x55555555, %esi)
        EXPECT_EQ($0x66666666, %edi)
        EXPECT_EQ($0x77777777, %ebp)
        EXPECT_EQ($1, COUNT)
        EXPECT_EQ($0, HALTED)
        mov     CR0, %eax
        and     $0x8000000d, %eax
        EXPECT_EQ($0, %eax)                     # PE, EM, TS, PG
        EXPECT_EQ($0, CR4)
        EXPECT_EQ($2, FLAGS)
        EXPECT_EQ($0x3000, CS)
        EXPECT_EQ($0x400, DR7)
        EXPECT_EQ($0, EFER)
        EXPECT_EQ($smi_at, EIP)
        EXPECT_EQ($0x12345678, LIMIT)
        EXPECT_EQ($SMBASE, BASE)
        mov     REV, %eax
        and     $0x20000, %eax
        EXPECT_EQ($0x20000, %eax)               # SMBASE can move
        jmp     2f
1:      movl    $-1, COUNT
2:      EXPECT_EQ($1, COUNT)

        TEST("segments, tables and control registers come back")
        mov     %cr0, %edx
        mov     %cr4, %ebp
        mov     $0x455, %eax
        mov     %eax, %dr7
        mov     $DATA16, %eax
        mov     %eax, %fs
        SMI
        mov     %cr0, %eax
        EXPECT_EQ(%edx, %eax)
        mov     %cr4, %eax
        EXPECT_EQ(%ebp, %eax)
        mov     %dr7, %eax
        EXPECT_EQ($0x455, %eax)
        mov     $0x400, %eax
        mov     %eax, %dr7
        sgdt    table
        movzwl  table, %eax
        EXPECT_EQ($gdt_end - gdt - 1, %eax)
        EXPECT_EQ($gdt, table + 2)
        sidt    table
        EXPECT_EQ($idt, table + 2)
        str     %eax
        movzwl  %ax, %eax
        EXPECT_EQ($TSS, %eax)
        TRY(movl %fs:0x10000, %eax)             # its limit is 64 KiB still
        EXPECT_FAULT(13, 0)
        mov     $DATA, %eax
        mov     %eax, %fs

        TEST("what the handler puts into the area is loaded")
        CLEAR
        movl    $SET_EAX, ORDER
        xor     %eax, %eax
        SMI
        EXPECT_EQ($0xabcd1234, %eax)

        TEST("NMI, interrupt and SMI wait for RSM")
        CLEAR
        movl    $SEND, ORDER
        movl    $idt_nmi, hook
        mov     fault_count, %edx
        TRY(sti; SMI; \
sent_at: nop; nop; cli)
        cli
        movl    $0, hook
        EXPECT_EQ($2, COUNT)                    # the second SMI came at once
        EXPECT_EQ($1, nmi_count)
        EXPECT_VECTOR(0x40)
        EOI
        sub     fault_count, %edx
        EXPECT_EQ($-2, %edx)

        TEST("RSM returns to ring 3")
        CLEAR
        mov     $user_smi, %eax
        TRY(jmp enter_user)
        EXPECT_VECTOR(0x30)
        EXPECT_EQ($1, COUNT)
        EXPECT_EQ($UCODE, fault_cs)
        EXPECT_EQ($UDATA, fault_ss)

        TEST("RSM returns to virtual-8086 mode")
        CLEAR
        mov     $v86_code, %esi
        mov     $LOW, %edi
        mov     $v86_end - v86_code, %ecx
        rep movsb
        mov     $0x30, %al
        call    timer
        TRY(jmp enter_v86)
        movl    $0x10000, IOAPIC + 0x10
        EXPECT_VECTOR(0x30)
        EXPECT_EQ($1, COUNT)
        mov     fault_flags, %eax
        and     $0x20000, %eax
        EXPECT_EQ($0x20000, %eax)
        EXPECT_EQ($LOW >> 4, fault_cs)

        TEST("RSM returns to real mode")
        CLEAR
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
        EXPECT_EQ($1, COUNT)
        EXPECT_EQ($0x00505678, %ebx)

        TEST("RSM returns to 64-bit mode")
        CLEAR
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
leave:  mov     %cr0, %eax
        and     $0x7fffffff, %eax
        mov     %eax, %cr0
        mov     $0xc0000080, %ecx
        rdmsr
        and     $~0x100, %eax
        wrmsr
        mov     %cr4, %eax
        and     $~0x20, %eax
        mov     %eax, %cr4
        EXPECT_EQ($1, COUNT)
        EXPECT_EQ($0x500, EFER)                 # as saved
        EXPECT_EQ($1, long_same)
        EXPECT_EQ($0x500, long_efer)

        TEST("SMBASE moves with RSM")
        CLEAR
        movl    $MOVE, ORDER
        SMI
        EXPECT_EQ($0x3000, CS)
        movl    $0, ORDER
        SMI
        EXPECT_EQ($MOVED >> 4, CS)
        EXPECT_EQ($MOVED, BASE)
        EXPECT_EQ($2, COUNT)

        TEST("RSM outside is #UD")
        TRY(rsm)
        EXPECT_VECTOR(6)

        UNLESS_KVM(no_halt)                     # which keeps no note of HLT in the area
        TEST("an SMI ends HLT, and RSM resumes it if the area says so")
        CLEAR
        movl    $NO_REHALT, ORDER
        mov     $0x30, %al                      # mode 0: once
        call    timer
        hlt
        EXPECT_EQ($1, COUNT)
        EXPECT_EQ($1, HALTED)
        CLEAR                                   # periodic: HLT goes on twice, then ORDER ends it
        mov     $0x34, %al
        call    timer
        hlt
        mov     $0x30, %al
        out     %al, $0x43
        movl    $0x10000, IOAPIC + 0x10
        mov     COUNT, %eax
        cmp     $3, %eax
        jae     1f
        EXPECT_EQ($3, %eax)
1:      EXPECT_EQ($1, HALTED)
no_halt:
        ret

/* Channel 0 in the mode of AL, 10 ms, as an SMI by pin 2. */
timer:  out     %al, $0x43
        movl    $0x15, IOAPIC
        movl    $0, IOAPIC + 0x10
        movl    $0x14, IOAPIC
        movl    $0x0200, IOAPIC + 0x10
        mov     $0x9c, %al
        out     %al, $0x40
        mov     $0x2e, %al
        out     %al, $0x40
        ret

idt_nmi:                                        # an NMI on the way: note it and go back to it
        cmpl    $2, vector
        jne     1f
        incl    nmi_count
        add     $4, %esp                        # of the call; then PUSHA's image, the vector
        popa
        add     $4, %esp
        iret
1:      ret

user_smi: SMI
        int     $0x30

enter_v86:
        push    $0
        push    $0
        push    $SEEN >> 4                      # ds
        push    $SEEN >> 4
        push    $0x900
        push    $0xff0
        push    $0x23002
        push    $LOW >> 4
        push    $0
        iret

        .code16
v86_code:                                       # the APIC is beyond its segments: by the timer
        cmpb    $0, 0
        je      v86_code
        int     $0x30
v86_end:

real_code:
        mov     $DATA, %ax
        mov     %ax, %ds
        mov     %esp, %ebp
        mov     %cr0, %eax
        and     $~1, %al
        mov     %eax, %cr0
        ljmp    $0, $LOW + real_at - real_code
real_at:
        mov     $0x5678, %bx
        mov     $0x50, %dx
        addr32 movl $0x4200, APIC + 0x300
        jmp     .+2
        movzwl  %bx, %ebx
        shl     $16, %edx
        or      %edx, %ebx
        mov     %cr0, %eax
        or      $1, %al
        mov     %eax, %cr0
        ljmpl   $CODE, $back32
real_end:

/* At CS:8000h, CS's base SMBASE; everything else is flat. */
handler:
        xor     %eax, %eax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %cs, %ax
        movzwl  %ax, %ebx
        mov     %ebx, CS
        shl     $4, %ebx                        # SMBASE
        mov     %bx, %bp
        incl    COUNT
        mov     %cr0, %eax
        mov     %eax, CR0
        mov     %cr4, %eax
        mov     %eax, CR4
        mov     %dr7, %eax
        mov     %eax, DR7
        mov     $0x5ffc, %esp
        pushfl
        popl    FLAGS
        addr32 mov 0x600000, %eax
        mov     %eax, LIMIT
        addr32 mov SAVE + 0xfc(%ebx), %eax
        mov     %eax, REV
        addr32 mov SAVE + 0x100(%ebx), %eax
        mov     %eax, BASE
        addr32 movzbl SAVE + 0xc9(%ebx), %eax
        mov     %eax, HALTED
        addr32 mov SAVE + 0xd0(%ebx), %eax
        mov     %eax, EFER
        addr32 mov SAVE + 0x178(%ebx), %eax
        mov     %eax, EIP
        testb   $SET_EAX, ORDER
        jz      1f
        addr32 movl $0xabcd1234, SAVE + 0x1f8(%ebx)
1:      testb   $MOVE, ORDER
        jz      1f
        addr32 movl $MOVED, SAVE + 0x100(%ebx)
1:      testb   $NO_REHALT, ORDER
        jz      1f
        addr32 movb $0, SAVE + 0xc9(%ebx)
1:      cmpl    $3, COUNT                       # enough for a periodic timer
        jb      1f
        addr32 movb $0, SAVE + 0xc9(%ebx)
1:      testb   $SEND, ORDER
        jz      1f
        movl    $0, ORDER
        mov     COUNT, %edx
        addr32 movl $0x44040, APIC + 0x300
        addr32 movl $0x4400, APIC + 0x300
        addr32 movl $0x4200, APIC + 0x300
        jmp     .+2
        cmp     COUNT, %edx                     # nothing came in here
        je      1f
        movl    $0x100, COUNT
1:      rsm
handler_end:

        .code32
/* 4 GiB of 2 MiB pages from 0, in four tables. */
long_tables:
        movl    $PML4 + 0x1003, PML4
        xor     %ecx, %ecx
        mov     $PML4 + 0x2003, %eax
1:      mov     %eax, PML4 + 0x1000(, %ecx, 8)
        add     $0x1000, %eax
        inc     %ecx
        cmp     $4, %ecx
        jb      1b
        xor     %ecx, %ecx
        mov     $0x83, %eax
1:      mov     %eax, PML4 + 0x2000(, %ecx, 8)
        add     $0x200000, %eax
        inc     %ecx
        cmp     $2048, %ecx
        jb      1b
        ret

        .code64
long_code:
        movabs  $0xfedcba9876543210, %r15
        mov     %r15, %r8
        mov     $APIC, %eax
        movl    $0x4200, 0x300(%rax)
        jmp     .+2
        xor     %ecx, %ecx
        cmp     %r15, %r8
        jne     1f
        movabs  $0xfedcba9876543210, %rdx
        cmp     %rdx, %r15
        sete    %cl
1:      mov     %ecx, long_same(%rip)
        mov     $0xc0000080, %ecx
        rdmsr
        mov     %eax, long_efer(%rip)
        mov     $leave, %eax
        push    $CODE
        push    %rax
        lretq
        .code32

        .bss
        .align  16
saved_esp: .skip 4
table:  .skip   8
nmi_count: .skip 4
long_same: .skip 4
long_efer: .skip 4
