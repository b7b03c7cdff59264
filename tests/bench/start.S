# SPDX-License-Identifier: GPL-2.0-or-later
#
# start.S: a multiboot 1 guest (Multiboot Specification 0.6.96, 3.1) whose first instructions leave
# through isa-debug-exit at port 0xf4: the time that an emulator takes to get here and out again.

        .text
        .globl  _start
        .align  4
        .long   0x1badb002, 0, -0x1badb002

_start: mov     $0xf4, %dx
        mov     $0x21, %eax
        out     %eax, %dx
1:      hlt
        jmp     1b
