# SPDX-License-Identifier: GPL-2.0-or-later
#
# guest.S: the smallest guest: a multiboot 1 image (Multiboot Specification 0.6.96, 3.1) that says
# "GUEST-STARTED" on COM1 and then does what the last letter of its command line says:
#
#   t   triple fault: an interrupt with an empty IDT
#   k   reset through the keyboard controller (port 0x64, command 0xfe)
#   c   reset through port 0xcf9
#   d   leave through isa-debug-exit at 0xf4 with 0x21
#   D   the same with 0
#   e   echo COM1 with capitals made of small letters; 'q' leaves through isa-debug-exit with 0
#   h   halt with interrupts disabled
#   w   loop
#   m   write the number of the turn to each page from 2 to 6 MiB, which must have that of the turn before; say '.'
#       after each turn, "WRONG" and no more where memory is another one
#
# Assembled by boot.py: as --32, ld -m elf_i386 -Ttext=0x100000.

        .set    MAGIC, 0x1badb002
        .set    FLAGS, 0x00000000
        .set    COM1, 0x3f8
        .set    DEBUG_EXIT, 0xf4

        .text
        .globl  _start
        .align  4
        .long   MAGIC, FLAGS, -(MAGIC + FLAGS)

_start:
        cli
        mov     $stack_top, %esp
        mov     %ebx, %ebp                      # the multiboot information structure
        mov     $started, %esi
        call    print

        xor     %ebx, %ebx
        testl   $4, (%ebp)                      # flags bit 2: cmdline is valid
        jz      dispatch
        mov     16(%ebp), %esi
last:   lodsb
        test    %al, %al
        jz      dispatch
        mov     %al, %bl
        jmp     last

dispatch:
        mov     $table, %esi
1:      mov     (%esi), %eax
        test    %eax, %eax
        jz      unknown
        cmp     %ebx, %eax
        je      2f
        add     $8, %esi
        jmp     1b
2:      jmp     *4(%esi)

unknown:
        mov     $what, %esi
        call    print
        jmp     halt

triple:
        lidt    empty_idt
        int3

keyboard:
        in      $0x64, %al                      # wait for an empty input buffer
        test    $2, %al
        jnz     keyboard
        mov     $0xfe, %al
        out     %al, $0x64
        jmp     loop

reset_port:
        mov     $0xcf9, %dx
        mov     $0x02, %al
        out     %al, %dx
        mov     $0x06, %al
        out     %al, %dx
        jmp     loop

leave_21:
        mov     $0x21, %eax
        out     %eax, $DEBUG_EXIT
        jmp     loop

leave_0:
        xor     %eax, %eax
        out     %eax, $DEBUG_EXIT
        jmp     loop

echo:
        mov     $COM1 + 5, %dx                  # line status: bit 0 data ready
        in      %dx, %al
        test    $1, %al
        jz      echo
        mov     $COM1, %dx
        in      %dx, %al
        cmp     $'q', %al
        je      leave_0
        cmp     $'a', %al
        jb      1f
        cmp     $'z', %al
        ja      1f
        sub     $0x20, %al
1:      call    putchar
        jmp     echo

memory: xor     %ecx, %ecx
turn:   mov     $0x200000, %edi
1:      cmp     %ecx, (%edi)
        jne     wrong
        incl    (%edi)
        add     $0x1000, %edi
        cmp     $0x600000, %edi
        jb      1b
        inc     %ecx
        mov     $'.', %al
        call    putchar
        jmp     turn

wrong:  mov     $another, %esi
        call    print

halt:   hlt
        jmp     halt

loop:   pause
        jmp     loop

# putchar: %al to COM1.
putchar:
        mov     %al, %ah
        mov     $COM1 + 5, %dx                  # line status: bit 5 transmitter empty
1:      in      %dx, %al
        test    $0x20, %al
        jz      1b
        mov     $COM1, %dx
        mov     %ah, %al
        out     %al, %dx
        ret

# print: the string at %esi to COM1.
print:  lodsb
        test    %al, %al
        jz      1f
        call    putchar
        jmp     print
1:      ret

        .align  8
table:  .long   't', triple
        .long   'k', keyboard
        .long   'c', reset_port
        .long   'd', leave_21
        .long   'D', leave_0
        .long   'e', echo
        .long   'h', halt
        .long   'w', loop
        .long   'm', memory
        .long   0

empty_idt:
        .word   0
        .long   0

started: .asciz "GUEST-STARTED\r\n"
another: .asciz "WRONG\r\n"
what:   .asciz  "UNKNOWN LETTER\r\n"

        .bss
        .align  16
        .skip   4096
stack_top:
