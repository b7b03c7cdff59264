/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/boot/bios_sector.S: a 16-bit boot program that exercises the firmware's services: int 10h, 11h,
 * 12h, 13h, 15h, 16h, 1Ah.  It prints the name of each test, and in the end PASS or FAIL, by int 10h
 * and on the debug console at port 0x402; then it leaves through isa-debug-exit at 0xf4 with 0x10 for
 * PASS or 0x11 for FAIL.
 *
 * Linked at 0x7c00.  As a boot sector it loads its further sectors from the drive in DL; an option
 * ROM (bios_rom.S) copies it whole and enters at `loaded` with DL = 0xff: there is no drive.
 */
        .code16
        .globl _start
#define SECTORS 4
#define BUFFER 0x9000
#define EXIT_PORT 0xf4
#define DEBUG_PORT 0x402

/* Fails the running test where the condition holds. */
#define FAIL_IF(cond) j##cond fail

_start:
        ljmp $0, $1f
1:      xor %ax, %ax
        mov %ax, %ds
        mov %ax, %es
        mov %ax, %ss
        mov $0x7c00, %sp
        sti
        mov %dl, drive
        mov $(0x0200 + SECTORS - 1), %ax        /* read what follows the first sector */
        mov $0x0002, %cx
        xor %dh, %dh
        mov $0x7e00, %bx
        int $0x13
        jc cannot_load
        jmp start
cannot_load:
        mov $text_load, %si
        call print
        mov $0x11, %al
        out %al, $EXIT_PORT
halt:   hlt
        jmp halt

/* SI: a text with a NUL. */
print:  lodsb
        test %al, %al
        jz 1f
        mov $DEBUG_PORT, %dx
        out %al, %dx
        mov $0x0e, %ah
        mov $0x0007, %bx
        int $0x10
        jmp print
1:      ret

text_load: .asciz "FAIL: cannot load\r\n"
drive:  .byte 0

        .org 0x1e0
loaded: ljmp $0, $1f                    /* the option ROM comes here */
1:      xor %ax, %ax
        mov %ax, %ds
        mov %dl, drive
        jmp start
        .org 0x1fe
        .word 0xaa55

start:  xor %ax, %ax
        mov %ax, %ds
        mov %ax, %es
        mov %ax, %ss
        mov $0x7c00, %sp
        cld
        sti
        mov $tests, %di
next:   mov (%di), %si                  /* name, function */
        test %si, %si
        jz passed
        push %di
        call print
        pop %di
        push %di
        call *2(%di)
        mov $text_ok, %si
        call print
        xor %ax, %ax
        mov %ax, %ds
        mov %ax, %es
        pop %di
        add $4, %di
        jmp next
passed: mov $text_pass, %si
        call print
        mov $0x10, %al
        out %al, $EXIT_PORT
        jmp halt

fail:   xor %ax, %ax
        mov %ax, %ds
        mov $text_fail, %si
        call print
        mov $0x11, %al
        out %al, $EXIT_PORT
        jmp halt

/* int 10h: the mode is one with text, and a character moves the cursor. */
video:  mov $0x0f00, %ax
        int $0x10
        and $0x7f, %al
        cmp $7, %al
        FAIL_IF(a)
        cmp $80, %ah
        FAIL_IF(ne)
        mov $0x0300, %ax
        xor %bx, %bx
        int $0x10
        push %dx
        mov $0x0e2a, %ax
        mov $0x0007, %bx
        int $0x10
        mov $0x0300, %ax
        xor %bx, %bx
        int $0x10
        pop %cx
        inc %cl
        cmp %cx, %dx
        FAIL_IF(ne)
        ret

/* int 11h, int 12h: what the BIOS data area says, too. */
equip:  int $0x11
        cmp 0x410, %ax
        FAIL_IF(ne)
        int $0x12
        cmp 0x413, %ax
        FAIL_IF(ne)
        cmp $512, %ax
        FAIL_IF(b)
        cmp $640, %ax
        FAIL_IF(a)
        ret

/* int 13h on the drive that it came from: geometry, the sector itself, one that is not there. */
disk:   mov drive, %dl
        cmp $0xff, %dl
        je nodisk
        xor %ax, %ax
        int $0x13
        FAIL_IF(c)
        mov drive, %dl
        mov $0x0800, %ax
        xor %di, %di
        mov %di, %es
        int $0x13
        FAIL_IF(c)
        test $0x3f, %cl
        FAIL_IF(z)
        xor %ax, %ax
        mov %ax, %es
        mov drive, %dl
        xor %dh, %dh
        mov $0x0201, %ax
        mov $0x0001, %cx
        mov $BUFFER, %bx
        int $0x13
        FAIL_IF(c)
        cmpw $0xaa55, BUFFER + 0x1fe
        FAIL_IF(ne)
        mov $BUFFER, %si
        mov $0x7c00, %di
        mov $24, %cx
        repe cmpsb
        FAIL_IF(ne)
        ret
/* No drive: an error, and no hang. */
nodisk: mov $0x0201, %ax
        mov $0x0001, %cx
        mov $0x009f, %dx
        mov $BUFFER, %bx
        int $0x13
        FAIL_IF(nc)
        test %ah, %ah
        FAIL_IF(z)
        ret

/* int 15h, E820h: a map with RAM at 1 MiB; E801h and 88h agree that there is some. */
memory: xor %ebx, %ebx
        xor %bp, %bp
1:      mov $0xe820, %eax
        mov $0x534d4150, %edx
        mov $20, %ecx
        mov $BUFFER, %di
        int $0x15
        FAIL_IF(c)
        cmp $0x534d4150, %eax
        FAIL_IF(ne)
        cmpl $0x100000, BUFFER
        jne 2f
        cmpl $1, BUFFER + 16
        FAIL_IF(ne)
        inc %bp
2:      test %ebx, %ebx
        jnz 1b
        cmp $1, %bp
        FAIL_IF(ne)
        mov $0xe801, %ax
        xor %cx, %cx
        xor %dx, %dx
        int $0x15
        FAIL_IF(c)
        test %ax, %ax
        FAIL_IF(z)
        mov $0x8800, %ax
        int $0x15
        FAIL_IF(c)
        test %ax, %ax
        FAIL_IF(z)
        ret

/* int 15h, 24h: the A20 gate; at 1 MiB is other memory than at 0 exactly while it is open. */
a20:    mov $0x2401, %ax
        int $0x15
        FAIL_IF(c)
        mov $0x2402, %ax
        int $0x15
        FAIL_IF(c)
        cmp $1, %al
        FAIL_IF(ne)
        mov $0xffff, %ax
        mov %ax, %fs
        movw $0x1234, 0x600
        movw $0x4321, %fs:0x610
        cmpw $0x1234, 0x600
        FAIL_IF(ne)
        mov $0x2400, %ax
        int $0x15
        FAIL_IF(c)
        movw $0x5678, %fs:0x610
        cmpw $0x5678, 0x600
        FAIL_IF(ne)
        mov $0x2401, %ax
        int $0x15
        FAIL_IF(c)
        cmpw $0x4321, %fs:0x610
        FAIL_IF(ne)
        ret

/* int 15h, 87h: a block moves to 2 MiB and back, through protected mode; C0h: the configuration. */
move:   movl $0x600df00d, BUFFER
        movb $0x20, gdt_to + 4
        movw $BUFFER, gdt_from + 2
        movb $0, gdt_from + 4
        call move_block
        movl $0, BUFFER
        movb $0x20, gdt_from + 4
        movw $0, gdt_from + 2
        movw $BUFFER, gdt_to + 2
        movb $0, gdt_to + 4
        call move_block
        cmpl $0x600df00d, BUFFER
        FAIL_IF(ne)
        mov $0xc000, %ax
        int $0x15
        FAIL_IF(c)
        cmpb $0xfc, %es:2(%bx)
        FAIL_IF(ne)
        ret
move_block:
        mov $0x8700, %ax
        mov $2, %cx
        mov $gdt, %si
        int $0x15
        FAIL_IF(c)
        ret

/* int 16h: no key; one that is put into the buffer comes out again. */
keys:   mov $0x0100, %ax
        int $0x16
        FAIL_IF(nz)
        mov $0x0200, %ax
        int $0x16
        test $0x0f, %al
        FAIL_IF(nz)
        mov $0x0500, %ax
        mov $0x1e61, %cx
        int $0x16
        test %al, %al
        FAIL_IF(nz)
        mov $0x0100, %ax
        int $0x16
        FAIL_IF(z)
        mov $0x0000, %ax
        int $0x16
        cmp $0x1e61, %ax
        FAIL_IF(ne)
        ret

/* int 1Ah: ticks pass; the clock shows BCD; the PCI BIOS finds the host bridge at 00:00.0. */
time:   xor %ax, %ax
        int $0x1a
        mov %dx, %bp
1:      hlt
        xor %ax, %ax
        int $0x1a
        cmp %bp, %dx
        je 1b
        mov $0x0200, %ax
        int $0x1a
        FAIL_IF(c)
        cmp $0x23, %ch
        FAIL_IF(a)
        cmp $0x59, %cl
        FAIL_IF(a)
        mov $0x0400, %ax
        int $0x1a
        FAIL_IF(c)
        cmp $0x20, %ch
        FAIL_IF(b)
        cmp $0x12, %dh
        FAIL_IF(a)
        ret
pci:    mov $0xb101, %ax
        int $0x1a
        FAIL_IF(c)
        cmp $0x20494350, %edx
        FAIL_IF(ne)
        mov $0xb109, %ax                        /* 00:00.0: vendor */
        xor %bx, %bx
        xor %di, %di
        int $0x1a
        FAIL_IF(c)
        cmp $0x8086, %cx
        FAIL_IF(ne)
        ret

tests:  .word name_video, video, name_equip, equip, name_disk, disk, name_memory, memory
        .word name_a20, a20, name_move, move, name_keys, keys, name_time, time, name_pci, pci, 0
name_video:  .asciz "int 10h video"
name_equip:  .asciz "int 11h, 12h equipment"
name_disk:   .asciz "int 13h disk"
name_memory: .asciz "int 15h memory map"
name_a20:    .asciz "int 15h A20"
name_move:   .asciz "int 15h block move"
name_keys:   .asciz "int 16h keyboard"
name_time:   .asciz "int 1Ah clock"
name_pci:    .asciz "int 1Ah PCI BIOS"
text_ok:     .asciz ": ok\r\n"
text_pass:   .asciz "PASS\r\n"
text_fail:   .asciz ": FAIL\r\n"

        .balign 8
gdt:    .quad 0, 0
gdt_from: .quad 0x0000930000000000 + 0xffff
gdt_to: .quad 0x0000930000000000 + 0xffff
        .quad 0, 0
        .org SECTORS * 512
