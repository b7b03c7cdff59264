/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_paging.S: page faults and what they say, in PAE paging: rights of user and
 * supervisor, NX, WP, SMEP, SMAP, reserved bits, accessed and dirty bits; page crossings; repeated
 * string instructions that fault and go on.
 */
#include "guest.h"

#define PDPT 0x200000
#define PD   0x201000
#define PT   0x202000
#define AREA 0x400000 /* 4 KiB pages of the tests, backed by the same physical addresses */
#define PAGE(n) (AREA + (n) * 0x1000)
#define PTE(n)  (PT + (n) * 8)

/* The pages by number. */
#define U_RWX 0
#define U_RW  1
#define U_RO  2
#define S_RW  3
#define NONE  4
#define S_RO  5
#define U_RX  6
#define RSVD  7

#define U_READ  PAGE(U_RWX)
#define U_WRITE (PAGE(U_RWX) + 16)
#define U_JUMP  (PAGE(U_RWX) + 32)

/* A user-mode access: what (U_READ ...) at an address. */
#define USER(what, at) mov $(at), %ebx; mov $(what), %eax; TRY(jmp enter_user)

main:   call    paging_on

        TEST("user reads and writes where it may")
        USER(U_READ, PAGE(U_RW))
        EXPECT_VECTOR(0x30)
        USER(U_WRITE, PAGE(U_RW) + 8)
        EXPECT_VECTOR(0x30)
        USER(U_JUMP, PAGE(U_RX))
        EXPECT_VECTOR(0x30)

        TEST("user faults: error codes and CR2")
        USER(U_READ, PAGE(S_RW) + 4)
        EXPECT_PF(5, PAGE(S_RW) + 4)
        EXPECT_EQ($U_READ, fault_eip)
        USER(U_WRITE, PAGE(S_RW) + 8)
        EXPECT_PF(7, PAGE(S_RW) + 8)
        USER(U_WRITE, PAGE(U_RO))
        EXPECT_PF(7, PAGE(U_RO))
        USER(U_READ, PAGE(NONE))
        EXPECT_PF(4, PAGE(NONE))
        USER(U_WRITE, PAGE(NONE) + 12)
        EXPECT_PF(6, PAGE(NONE) + 12)

        TEST("no-execute")
        USER(U_JUMP, PAGE(U_RW))
        EXPECT_PF(0x15, PAGE(U_RW))
        EXPECT_EQ($PAGE(U_RW), fault_eip)
        USER(U_JUMP, PAGE(NONE))
        EXPECT_PF(0x14, PAGE(NONE))
        TRY(movl $PAGE(S_RW), %eax; jmp *%eax)
        EXPECT_PF(0x11, PAGE(S_RW))

        TEST("supervisor and WP")
        mov     %cr0, %eax
        and     $~0x10000, %eax
        mov     %eax, %cr0
        TRY(movl $1, PAGE(U_RO); movl $1, PAGE(S_RO))
        EXPECT_NO_FAULT
        mov     %cr0, %eax
        or      $0x10000, %eax
        mov     %eax, %cr0
        TRY(movl $1, PAGE(U_RO))
        EXPECT_PF(3, PAGE(U_RO))
        TRY(movl $1, PAGE(S_RO) + 4)
        EXPECT_PF(3, PAGE(S_RO) + 4)
        TRY(movl PAGE(NONE), %eax)
        EXPECT_PF(0, PAGE(NONE))
        TRY(movl %eax, PAGE(NONE))
        EXPECT_PF(2, PAGE(NONE))

        TEST("reserved bits")
        /* P is set with RSVD (SDM vol. 3, 4.7); not every emulator does, which is no matter here. */
        TRY(movl PAGE(RSVD) + 4, %eax)
        orl     $1, error
        EXPECT_PF(9, PAGE(RSVD) + 4)
        USER(U_WRITE, PAGE(RSVD))
        orl     $1, error
        EXPECT_PF(0xf, PAGE(RSVD))

        TEST("accessed and dirty")
        andl    $~0x60, PTE(S_RW)
        invlpg  PAGE(S_RW)
        mov     PAGE(S_RW), %eax
        mov     PTE(S_RW), %eax
        and     $0x60, %eax
        EXPECT_EQ($0x20, %eax)
        mov     %eax, PAGE(S_RW)
        mov     PTE(S_RW), %eax
        and     $0x60, %eax
        EXPECT_EQ($0x60, %eax)

        TEST("a write across pages changes nothing when the second faults")
        movl    $0x11223344, PAGE(S_RW) + 0xffc
        TRY(movl $-1, PAGE(S_RW) + 0xffe)
        EXPECT_PF(2, PAGE(NONE))
        EXPECT_EQ($0x11223344, PAGE(S_RW) + 0xffc)

        TEST("SMEP")
        mov     %cr4, %eax
        or      $1 << 20, %eax
        mov     %eax, %cr4
        TRY(mov $PAGE(U_RX), %eax; call *%eax)
        EXPECT_PF(0x11, PAGE(U_RX))
        TRY(mov PAGE(U_RX), %eax)
        EXPECT_NO_FAULT

        TEST("SMAP")
        mov     %cr4, %eax
        or      $1 << 21, %eax
        mov     %eax, %cr4
        clac
        TRY(mov PAGE(U_RW), %eax)
        EXPECT_PF(1, PAGE(U_RW))
        TRY(mov %eax, PAGE(U_RW) + 4)
        EXPECT_PF(3, PAGE(U_RW) + 4)
        stac
        TRY(mov %eax, PAGE(U_RW) + 4)
        EXPECT_NO_FAULT
        clac
        TRY(mov %eax, PAGE(U_RW) + 4)
        EXPECT_PF(3, PAGE(U_RW) + 4)
        mov     %cr4, %eax
        and     $~(3 << 20), %eax
        mov     %eax, %cr4

        TEST("REP MOVS stops at the fault and goes on")
        mov     $PAGE(S_RW), %esi
        mov     $PAGE(S_RW) + 0xff0, %edi
        mov     $64, %ecx
        TRY(rep movsb)
        EXPECT_PF(2, PAGE(NONE))
        EXPECT_EQ($PAGE(S_RW) + 16, fault_regs + 4)
        EXPECT_EQ($PAGE(NONE), fault_regs)
        EXPECT_EQ($48, fault_regs + 24)
        movl    $PAGE(NONE) | 3, PTE(NONE)
        mov     fault_regs, %edi
        mov     fault_regs + 4, %esi
        mov     fault_regs + 24, %ecx
        TRY(rep movsb)
        EXPECT_NO_FAULT
        EXPECT_EQ($0, %ecx)
        EXPECT_EQ($PAGE(NONE) + 48, %edi)

        TEST("REP STOSL downwards across a fault")
        movl    $0, PTE(NONE)
        invlpg  PAGE(NONE)
        mov     $PAGE(S_RO) + 8, %edi
        mov     $16, %ecx
        mov     %cr0, %eax
        and     $~0x10000, %eax
        mov     %eax, %cr0
        std
        TRY(rep stosl)
        cld
        EXPECT_PF(2, PAGE(NONE) + 0xffc)
        EXPECT_EQ($13, fault_regs + 24)
        EXPECT_EQ($PAGE(NONE) + 0xffc, fault_regs)

        TEST("a fault in delivery is a double fault")
        movl    $0, idt + 13 * 8 + 4            # #GP: not present
        TRY(mov $0x1234, %eax; mov %eax, %fs)
        EXPECT_FAULT(8, 0)
        mov     %cr0, %eax
        and     $0x7fffffff, %eax
        mov     %eax, %cr0
        ret

/* The first 4 MiB in large pages, then the test's pages. */
paging_on:
        movl    $PD | 1, PDPT
        movl    $0x000083, PD
        movl    $0x200083, PD + 8
        movl    $PT | 7, PD + 16
        mov     $users, %esi
        mov     $PAGE(U_RWX), %edi
        mov     $48, %ecx
        rep movsb
        movb    $0xcd, PAGE(U_RX)               # int $0x30
        movb    $0x30, PAGE(U_RX) + 1
        movw    $0x30cd, PAGE(U_RW)
        mov     $ptes, %esi
        mov     $PT, %edi
        mov     $16, %ecx
        rep movsl
        mov     $0xc0000080, %ecx               # EFER.NXE
        rdmsr
        or      $1 << 11, %eax
        wrmsr
        mov     $PDPT, %eax
        mov     %eax, %cr3
        mov     %cr4, %eax
        or      $0x20, %eax
        mov     %eax, %cr4
        mov     %cr0, %eax
        or      $0x80010000, %eax
        mov     %eax, %cr0
        ret

        .align  16
users:  mov     (%ebx), %eax
        int     $0x30
        .align  16
        mov     %eax, (%ebx)
        int     $0x30
        .align  16
        jmp     *%ebx
        .align  16

        .data
#define NX 0x80000000
ptes:   .long   PAGE(U_RWX) | 7, 0
        .long   PAGE(U_RW) | 7, NX
        .long   PAGE(U_RO) | 5, NX
        .long   PAGE(S_RW) | 3, NX
        .long   0, 0
        .long   PAGE(S_RO) | 1, NX
        .long   PAGE(U_RX) | 5, 0
        .long   PAGE(RSVD) | 7, 0x40000
