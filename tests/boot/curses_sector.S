/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/boot/curses_sector.S: a boot sector for -display curses: a box of line characters, yellow on blue
 * and blinking, then the key codes of int 16h in hex.  'g' shows mode 13h until the next key.
 */
        .code16
        .globl _start
_start:
        ljmp $0, $1f
1:      xor %ax, %ax
        mov %ax, %ds
        mov %ax, %ss
        mov $0x7c00, %sp
        mov $0xb800, %ax
        mov %ax, %es
        cld
text_mode:
        mov $0x0003, %ax
        int $0x10
        mov $(10 * 160), %di            /* row 10 */
        mov $box, %si
        mov $(box_end - box), %cx
        mov $0x1e, %ah                  /* yellow on blue */
1:      lodsb
        stosw
        loop 1b
        mov $0x8f42, %ax                /* a bright B that blinks */
        stosw
next_key:
        xor %ah, %ah
        int $0x16
        cmp $'g', %al
        je graphics
        mov %ax, %dx
        mov $(12 * 160), %di            /* row 12: "KEY=xxxx" */
        mov $key, %si
        mov $4, %cx
        mov $0x07, %ah
1:      lodsb
        stosw
        loop 1b
        mov $4, %cx
1:      rol $4, %dx
        mov %dl, %al
        and $15, %al
        cmp $10, %al
        jb 2f
        add $('a' - '0' - 10), %al
2:      add $'0', %al
        stosw
        loop 1b
        jmp next_key
graphics:
        mov $0x0013, %ax
        int $0x10
        xor %ah, %ah
        int $0x16
        jmp text_mode

box:    .byte 0xc9, 0xcd, 0xcb, 0xbb, 0xb0, 0xdb, 0xe3, 0x01
box_end:
key:    .ascii "KEY="
        .org 510
        .word 0xaa55
