/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest.h: what the guests in guest_*.S begin with: a multiboot image in flat 32-bit
 * protected mode with its own GDT, TSS and IDT.  guests.py says how they are built and run.
 *
 * A guest is a row of TESTs; each prints "ok NAME" on COM1 when the next begins.  A failing EXPECT
 * prints the line and leaves.  TRY runs instructions that may fault: the handler notes what it saw and
 * control goes on behind them, in ring 0, with registers as before the fault and the old stack.
 */
/* clang-format off */
#define CODE   0x08
#define DATA   0x10
#define UCODE  0x1b
#define UDATA  0x23
#define TSS    0x28
#define TSS2   0x30
#define GATE   0x3b /* call gate, RPL 3 */
#define CODE64 0x40
#define CODE16 0x48
#define DATA16 0x50
#define STAR_USER 0x5b /* SYSRET takes 8 more as SS and 16 more as CS */
#define UCODE64 0x6b
#define COM1   0x3f8
#define EXIT   0xf4

#define TEST(name) call begin_test; .asciz name; 7:
/* To `label`, if KVM runs this: its signature in CPUID. */
#define UNLESS_KVM(label) \
        mov $0x40000000, %eax; cpuid; cmp $0x4b4d564b, %ebx; je label
#define EXPECT_EQ(value, place) cmpl value, place; je 8f; pushl place; pushl $__LINE__; call fail; 8:
#define EXPECT_ZF je 8f; pushl $0; pushl $__LINE__; call fail; 8:
#define TRY(...) \
        movl $9f, resume; movl %esp, resume_esp; movl $-1, vector; \
        __VA_ARGS__; \
9:
#define EXPECT_NO_FAULT EXPECT_EQ($-1, vector)
#define EXPECT_VECTOR(n) EXPECT_EQ($n, vector)
#define EXPECT_FAULT(n, e) EXPECT_EQ($n, vector) EXPECT_EQ($(e), error)
#define EXPECT_PF(e, at) EXPECT_FAULT(14, e) EXPECT_EQ($(at), fault_cr2)

        .text
        .globl  _start
        .align  4
        .long   0x1badb002, 0, -0x1badb002

_start: cli
        cld
        mov     $stack_top, %esp
        lgdt    gdt_pointer
        ljmp    $CODE, $1f
1:      mov     $DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     %eax, %fs
        mov     %eax, %gs
        movl    $stack0_top, tss + 4
        movl    $DATA, tss + 8
        movl    $tss, %eax
        mov     $gdt + TSS, %edi
        call    set_base
        movl    $tss2, %eax
        mov     $gdt + TSS2, %edi
        call    set_base
        mov     $TSS, %eax
        ltr     %ax
        xor     %ecx, %ecx                      # 256 gates of DPL 3
        mov     $idt, %edi
2:      lea     stubs(, %ecx, 8), %eax
        mov     %ax, (%edi)
        movw    $CODE, 2(%edi)
        movw    $0xee00, 4(%edi)
        shr     $16, %eax
        mov     %ax, 6(%edi)
        add     $8, %edi
        inc     %ecx
        cmp     $128, %ecx
        jb      2b
        lidt    idt_pointer
        mov     $10, %al                        # firmware may have left the line unfinished
        call    putc
        call    main
        call    finish
        mov     $0x10, %al
        out     %al, $EXIT
1:      hlt
        jmp     1b

set_base:                                       # of the descriptor at edi: eax
        mov     %ax, 2(%edi)
        shr     $16, %eax
        mov     %al, 4(%edi)
        mov     %ah, 7(%edi)
        ret

putc:   push    %edx
        push    %eax
        mov     $COM1 + 5, %edx
1:      in      %dx, %al
        test    $0x20, %al
        jz      1b
        pop     %eax
        mov     $COM1, %edx
        out     %al, %dx
        pop     %edx
        ret

puts:   lodsb                                   # at esi
        test    %al, %al
        jz      1f
        call    putc
        jmp     puts
1:      ret

puthex: mov     $8, %ecx                        # ebx
1:      rol     $4, %ebx
        mov     %ebx, %eax
        and     $15, %eax
        mov     digits(%eax), %al
        call    putc
        loop    1b
        mov     $32, %al
        call    putc
        ret

finish: cmpl    $0, name
        je      1f
        mov     $text_ok, %esi
        call    puts
        mov     name, %esi
        call    puts
        mov     $10, %al
        call    putc
1:      ret

begin_test:                                     # the name follows the call
        pusha
        call    finish
        mov     32(%esp), %esi
        mov     %esi, name
1:      lodsb
        test    %al, %al
        jnz     1b
        mov     %esi, 32(%esp)
        popa
        ret

fail:   mov     $text_not, %esi                 # return address, line, value
        call    puts
        mov     name, %esi
        call    puts
        mov     $text_line, %esi
        call    puts
        mov     4(%esp), %ebx
        call    puthex
        mov     8(%esp), %ebx
        call    puthex
        mov     vector, %ebx
        call    puthex
        mov     error, %ebx
        call    puthex
        mov     fault_cr2, %ebx
        call    puthex
        mov     fault_eip, %ebx
        call    puthex
        mov     $10, %al
        call    putc
        mov     $1, %al
        out     %al, $EXIT
1:      hlt
        jmp     1b

/* An exception: with an error code or without, the frame is made the same. */
        .align  8
stubs:
        .set    n, 0
        .rept   128
        .align  8
        push    $n
        jmp     common
        .set    n, n + 1
        .endr

common: pusha
        cld
        mov     $DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     32(%esp), %eax
        mov     %eax, vector
        lea     36(%esp), %esi
        movl    $0, error
        cmp     $8, %eax
        je      1f
        cmp     $17, %eax
        je      1f
        cmp     $10, %eax
        jb      2f
        cmp     $14, %eax
        ja      2f
1:      lodsl
        mov     %eax, error
2:      lodsl
        mov     %eax, fault_eip
        lodsl
        mov     %eax, fault_cs
        lodsl
        mov     %eax, fault_flags
        lodsl
        mov     %eax, fault_esp
        lodsl
        mov     %eax, fault_ss
        mov     %cr2, %eax
        mov     %eax, fault_cr2
        mov     %esp, %esi                      # PUSHA's image
        mov     $fault_regs, %edi
        mov     $8, %ecx
        rep movsl
        incl    fault_count
        cmpl    $0, hook
        je      1f
        call    *hook
1:      popa
        mov     resume_esp, %esp
        jmp     *resume

/* Ring 3: the code at eax, a stack of its own.  It comes back by int $0x30 or a fault. */
enter_user:
        mov     $UDATA, %ecx
        mov     %ecx, %ds
        mov     %ecx, %es
        push    $UDATA
        pushl   %ss:user_esp
        pushl   $0x3002                         # IOPL 3
        push    $UCODE
        push    %eax
        iret

        .section .rodata
digits: .ascii  "0123456789abcdef"
text_ok: .asciz "ok "
text_not: .asciz "not ok "
text_line: .asciz ": line, value, vector, error, cr2, eip "

        .data
        .align  8
gdt:    .quad   0
        .quad   0x00cf9b000000ffff, 0x00cf93000000ffff
        .quad   0x00cffb000000ffff, 0x00cff3000000ffff
        .quad   0x0000890000000067, 0x0000890000000067  # TSS, TSS2
        .quad   0                                       # GATE
        .quad   0x00af9b000000ffff
        .quad   0x00009b000000ffff, 0x000093000000ffff
        .quad   0, 0x00cff3000000ffff, 0x00affb000000ffff
gdt_end:
gdt_pointer:
        .word   gdt_end - gdt - 1
        .long   gdt
idt_pointer:
        .word   128 * 8 - 1
        .long   idt
user_esp: .long user_top

        .bss
        .align  16
idt:    .skip   128 * 8
tss:    .skip   104
tss2:   .skip   104
name:   .skip   4
resume: .skip   4
resume_esp: .skip 4
hook:   .skip   4
vector: .skip   4
error:  .skip   4
fault_eip: .skip 4
fault_cs: .skip 4
fault_flags: .skip 4
fault_esp: .skip 4
fault_ss: .skip 4
fault_cr2: .skip 4
fault_count: .skip 4
fault_regs: .skip 32    /* edi esi ebp esp ebx edx ecx eax */
        .skip   8192
stack_top:
        .skip   4096
stack0_top:
        .skip   4096
user_top:
        .text
