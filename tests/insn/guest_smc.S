/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_smc.S: code that changes itself: the next instruction, one further on in the same
 * block, one across a page's end, through another linear address, by string instructions, in a loop.
 */
#include "guest.h"

#define FAR 0x600000 /* RAM that nothing else uses */
#define TWO 0x620000 /* and pages for an instruction that lies in two */

#define SLOT (FAR + 0x5000)

/*
 * insn has an immediate of so many bytes, of which the first changes before each twelve executions;
 * `same` does the same with EBX.  EAX, EBP, SLOT and the flags must agree.
 */
#define PATCH(bytes, load, ...) \
        mov $150, %ecx; \
1:      mov %cl, 7f - bytes; \
        mov $12, %esi; \
2:      load 7f - bytes, %ebx; \
        mov $0x7f, %eax; mov %eax, %ebp; mov %eax, SLOT; \
        PATCH_INSNS(__VA_ARGS__); \
        xor (%esp), %edi; xor %ebp, 4(%esp); xor %eax, 8(%esp); xor SLOT, %edx; \
        or 4(%esp), %edx; or 8(%esp), %edx; \
        add $12, %esp; and $0x8c5, %edi; or %edi, %edx; \
        jne 9f; \
        dec %esi; jnz 2b; \
        dec %ecx; jnz 1b; \
9:      EXPECT_EQ($0, %edx)
#define PATCH_INSNS(insn, to, same, to2) \
        insn, to; \
7:      pushf; pop %edi; push %eax; push %ebp; mov SLOT, %edx; \
        mov $0x7f, %eax; mov %eax, %ebp; mov %eax, SLOT; \
        same, to2; \
        pushf

main:
        TEST("the next instruction")
        movb    $42, next + 1
next:   mov     $1, %al
        movzx   %al, %eax
        EXPECT_EQ($42, %eax)

        TEST("further on in the same block")
        mov     $2, %ebx
        movl    $77, further + 1
        inc     %ebx
        inc     %ebx
further: mov    $1, %eax
        EXPECT_EQ($77, %eax)
        EXPECT_EQ($4, %ebx)

        TEST("an opcode, in a loop")
        xor     %ebx, %ebx
        mov     $8, %ecx
1:      xorb    $0x08, turn                     # inc ebx (43), dec ebx (4b)
turn:   .byte   0x43
        loop    1b
        EXPECT_EQ($0, %ebx)

        TEST("REP STOSB over what follows")
        mov     $4, %ecx
        mov     $over, %edi
        mov     $0x90, %al
        xor     %ebx, %ebx
        rep stosb
over:   inc     %ebx
        inc     %ebx
        inc     %ebx
        inc     %ebx
        EXPECT_EQ($0, %ebx)

        TEST("a called function, many times")
        movl    $0x000000b8, FAR                # mov $imm, %eax; ret
        movl    $0x0000c300, FAR + 4
        xor     %ebx, %ebx
        mov     $100, %ecx
1:      mov     %ecx, FAR + 1
        mov     $FAR, %edx
        call    *%edx
        add     %eax, %ebx
        loop    1b
        EXPECT_EQ($5050, %ebx)

        TEST("an immediate that is patched often: ADD eAX")
        PATCH(4, mov, add $0x11223300, %eax, add %ebx, %eax)
        TEST("SUB with a byte")
        PATCH(1, movsbl, sub $5, %eax, sub %ebx, %eax)
        TEST("XOR of a register")
        PATCH(4, mov, xor $0x11223300, %ebp, xor %ebx, %ebp)
        TEST("CMP AL")
        PATCH(1, mov, cmp $5, %al, cmp %bl, %al)
        TEST("AND to memory")
        PATCH(4, mov, andl $0x11223300, SLOT, and %ebx, SLOT)
        TEST("OR to a byte of memory")
        PATCH(1, mov, orb $5, SLOT, or %bl, SLOT)
        TEST("ADC of 16 bits")
        PATCH(2, mov, adcw $0x1100, %ax, adc %bx, %ax)
        TEST("MOV to memory")
        PATCH(4, mov, movl $0x11223300, SLOT, mov %ebx, SLOT)
        TEST("MOV to a byte of memory")
        PATCH(1, mov, movb $5, SLOT + 1, mov %bl, SLOT + 1)
        TEST("MOV to a register")
        PATCH(4, mov, mov $0x11223300, %eax, mov %ebx, %eax)
        TEST("MOV to AH")
        PATCH(1, mov, mov $5, %ah, mov %bl, %ah)
        TEST("TEST of memory")
        PATCH(4, mov, testl $0x11223300, SLOT, test %ebx, SLOT)
        TEST("TEST of AL")
        PATCH(1, mov, test $5, %al, test %bl, %al)

        TEST("one in a loop changes its own")
        xor     %edx, %edx
        mov     $200, %ecx
1:      incb    own + 2
own:    add     $0, %edx                        # a byte, sign-extended
        loop    1b
        EXPECT_EQ($1412, %edx)                  # 1 to 127, and -128 to -56

        TEST("data beside code that runs often")
        movl    $0x000001b8, FAR + 0x3000       # mov $1, %eax; ret
        movl    $0x0000c300, FAR + 0x3004
        movl    $0, FAR + 0x3008
        movl    $0, FAR + 0x3ff0
        mov     $FAR + 0x3000, %edx
        xor     %ebx, %ebx
        mov     $300, %ecx
1:      call    *%edx
        add     %eax, %ebx
        incl    FAR + 0x3008                    # in its line
        add     %ecx, FAR + 0x3ff0              # and far away
        loop    1b
        EXPECT_EQ($300, %ebx)
        EXPECT_EQ($300, FAR + 0x3008)
        EXPECT_EQ($45150, FAR + 0x3ff0)
        movb    $2, FAR + 0x3001
        call    *%edx
        EXPECT_EQ($2, %eax)

        TEST("the second page of an instruction")
        movb    $0xb8, FAR + 0x1ffd
        movl    $0x11111111, FAR + 0x1ffe
        movb    $0xc3, FAR + 0x2002
        mov     $FAR + 0x1ffd, %edx
        call    *%edx
        EXPECT_EQ($0x11111111, %eax)
        movb    $0x22, FAR + 0x2001
        call    *%edx
        EXPECT_EQ($0x22111111, %eax)
        movb    $0x33, FAR + 0x1ffe
        call    *%edx
        EXPECT_EQ($0x22111133, %eax)

        TEST("through another linear address")
        call    paging_on
        movl    $0x000001b8, FAR
        movl    $0x0000c300, FAR + 4
        mov     $FAR, %edx
        call    *%edx
        EXPECT_EQ($1, %eax)
        movb    $9, FAR + 0x400001              # the same RAM
        call    *%edx
        EXPECT_EQ($9, %eax)

        TEST("another page behind the same address")
        movl    $0x000005b8, FAR + 0x1000
        movl    $0x0000c300, FAR + 0x1004
        movl    $FAR + 0x1003, 0x201800         # FAR is page 512 of the table
        invlpg  FAR
        call    *%edx
        EXPECT_EQ($5, %eax)

        TEST("another page behind an instruction in two, which runs often")
        movb    $0xb8, TWO + 0xffd              # mov $0x44332211, %eax; ret
        movl    $0x44332211, TWO + 0xffe
        movb    $0xc3, TWO + 0x1002
        movw    $0x6655, TWO + 0x2000           # what is behind it later
        movb    $0xc3, TWO + 0x2002
        xor     %ebx, %ebx
        mov     $50, %ecx
1:      mov     $TWO + 0xffd, %edx
        call    *%edx
        cmp     $0x44332211, %eax
        jne     2f
        inc     %ebx
2:      loop    1b
        EXPECT_EQ($50, %ebx)
        movl    $TWO + 0x2003, 0x201000 + ((TWO - 0x400000) / 0x1000 + 1) * 4
        invlpg  TWO + 0x1000
        call    *%edx
        EXPECT_EQ($0x66552211, %eax)
        movl    $0, 0x201000 + ((TWO - 0x400000) / 0x1000 + 1) * 4
        invlpg  TWO + 0x1000
        TRY(call *%edx)
        EXPECT_PF(0, TWO + 0x1000)
        movl    $TWO + 0x1003, 0x201000 + ((TWO - 0x400000) / 0x1000 + 1) * 4
        call    *%edx
        EXPECT_EQ($0x44332211, %eax)

        TEST("EIP goes from 4 GiB to 0")
        movl    $0x800083, 0x200000 + 0x3ff * 4
        movb    $0xc3, 0                        # ret
        movw    $0x4390, 0xfffffffe             # nop; inc %ebx
        xor     %ebx, %ebx
        mov     $0xfffffffe, %edx
        TRY(call *%edx)
        EXPECT_NO_FAULT
        EXPECT_EQ($1, %ebx)
        mov     %cr0, %eax
        and     $0x7fffffff, %eax
        mov     %eax, %cr0
        ret

/* 4 MiB pages by PSE; FAR's 4 MiB by a table, and once more 4 MiB above. */
paging_on:
        movl    $0x83, 0x200000
        movl    $0x201003, 0x200004
        movl    $0x201003, 0x200008
        movl    $0xfec00083, 0x200000 + 0x3fb * 4
        mov     $0x400003, %eax
        mov     $0x201000, %edi
        xor     %ecx, %ecx
1:      mov     %eax, (%edi, %ecx, 4)
        add     $0x1000, %eax
        inc     %ecx
        cmp     $1024, %ecx
        jb      1b
        mov     $0x200000, %eax
        mov     %eax, %cr3
        mov     %cr4, %eax
        or      $0x10, %eax
        mov     %eax, %cr4
        mov     %cr0, %eax
        or      $0x80000000, %eax
        mov     %eax, %cr0
        ret
