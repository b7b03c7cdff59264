/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/bench/loop.S: 400 million instructions of 64-bit code: multiply, add, shift, load, store. A
 * multiboot image that leaves by isa-debug-exit with status 33; docs/performance.md has the commands.
 */
        .text
        .globl  _start
        .align  4
        .long   0x1badb002, 0, -0x1badb002
_start: mov     $0x200000, %eax
        mov     %eax, %cr3
        movl    $0x201003, 0x200000
        movl    $0x202003, 0x201000
        movl    $0x83, 0x202000
        movl    $0x200083, 0x202008
        mov     %cr4, %eax
        or      $0x20, %eax
        mov     %eax, %cr4
        mov     $0xc0000080, %ecx
        rdmsr
        or      $0x100, %eax
        wrmsr
        mov     %cr0, %eax
        or      $0x80000001, %eax
        mov     %eax, %cr0
        lgdt    gp
        ljmp    $8, $l64
        .code64
l64:    mov     $40000000, %ecx
        mov     $data, %edi
        mov     $12345, %eax
1:      imul    $1103515245, %rax, %rax
        add     $12345, %rax
        mov     %rax, %rdx
        shr     $16, %rdx
        and     $255, %edx
        add     (%rdi,%rdx,8), %rax
        mov     %rax, (%rdi,%rdx,8)
        xor     %rdx, %rax
        dec     %ecx
        jnz     1b
        mov     $0xf4, %edx
        mov     $16, %al
        out     %al, %dx
        hlt
        .align  8
gdt:    .quad   0, 0x00af9b000000ffff
gp:     .word   15
        .long   gdt
        .bss
        .align  4096
data:   .skip   4096
