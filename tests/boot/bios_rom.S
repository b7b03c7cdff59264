/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/boot/bios_rom.S: an option ROM that can be booted without a drive (its bootstrap entry
 * vector): it carries the program of bios_sector.S and runs it at 0x7c00.
 * Source: Plug and Play BIOS 1.0A, 3.2 and 3.3.
 */
        .code16
        .globl _start
#define ROM_BLOCKS 8                    /* of 512 bytes */
#define SECTORS 4
#define LOADED 0x7de0                   /* `loaded` of bios_sector.S */

_start: .word 0xaa55
        .byte ROM_BLOCKS
        jmp init
        .org 0x1a
        .word pnp - _start
        .org 0x20
pnp:    .ascii "$PnP"
        .byte 1, 2                      /* revision, length in 16 bytes */
        .word 0                         /* no further header */
        .byte 0, 0                      /* checksum: the test fills it in */
        .long 0                         /* device */
        .word 0, name - _start          /* maker, product */
        .byte 2, 0, 0                   /* class */
        .byte 0x64                      /* a boot device */
        .word 0, 0                      /* no BCV, no disconnect vector */
        .word boot - _start             /* BEV */
        .word 0, 0
name:   .asciz "Rhea BIOS test"

init:   mov $0x20, %ax                  /* there is a bootstrap device attached */
        lret

boot:   cld
        push %cs
        pop %ds
        xor %ax, %ax
        mov %ax, %es
        mov $(program - _start), %si
        mov $0x7c00, %di
        mov $(SECTORS * 256), %cx
        rep movsw
        mov $0xff, %dl
        ljmp $0, $LOADED

program:
        .incbin "bios_sector.bin"
        .org ROM_BLOCKS * 512
