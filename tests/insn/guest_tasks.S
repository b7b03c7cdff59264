/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_tasks.S: task switches that fault: in the old task before the switch, with nothing
 * changed, and in the new one after it; task gates that take such faults (SDM vol. 3, 7.3).
 */
#include "guest.h"

#define LDT   0x38          /* GATE's place */
#define TSS3  0x50          /* DATA16's: the task of the gate for #TS and #NP */
#define NT    0x4000

#define JUMP .byte 0xea; .long 0; .word TSS2
#define CALL .byte 0x9a; .long 0; .word TSS2
/* A field of the new task's TSS that is bad, and the switch to it. */
#define BAD(offset, value) call new_task; movl $(value), tss2 + (offset); TRY(JUMP)
#define TR_IS(value) str %eax; movzwl %ax, %eax; EXPECT_EQ($(value), %eax)
#define BUSY(selector, value) movzbl gdt + (selector) + 5, %eax; EXPECT_EQ($(value), %eax)
#define GATE_TO_TASK3(vector) \
        movl $TSS3 << 16, idt + (vector) * 8; movl $0xe500, idt + (vector) * 8 + 4

#define O_EIP 32
#define O_FLAGS 36
#define O_ESP 56
#define O_ES 72
#define O_CS 76
#define O_SS 80
#define O_DS 84
#define O_FS 88
#define O_GS 92
#define O_LDT 96

main:   movl    $103, gdt + TSS3
        mov     $tss3, %eax
        mov     $gdt + TSS3, %edi
        call    set_base
        movl    $0x00008200, gdt + LDT + 4      # an LDT of 8 bytes
        movl    $7, gdt + LDT

        TEST("what a TSS descriptor lacks is found in the old task")
        call    new_task
        movb    $0x09, gdt + TSS2 + 5
        TRY(JUMP)
        EXPECT_FAULT(11, TSS2)
        TR_IS(TSS)
        BUSY(TSS, 0x8b)
        call    new_task
        movb    $0x8b, gdt + TSS2 + 5
        TRY(CALL)
        EXPECT_FAULT(13, TSS2)
        BUSY(TSS, 0x8b)
        call    new_task
        movw    $102, gdt + TSS2
        TRY(JUMP)
        EXPECT_FAULT(10, TSS2)
        BUSY(TSS, 0x8b)
        BUSY(TSS2, 0x89)
        movw    $103, gdt + TSS2

        TEST("segments of the new task: #TS or #NP with their selector, in the new task")
        BAD(O_DS, 0x70)                         # beyond the limit
        EXPECT_FAULT(10, 0x70)
        call    in_new_task
        BAD(O_ES, LDT)                          # a system segment
        EXPECT_FAULT(10, LDT)
        call    in_new_task
        BAD(O_FS, DATA | 3)                     # RPL above DPL
        EXPECT_FAULT(10, DATA)
        call    in_new_task
        movl    $0x0000ffff, gdt + TSS3         # TSS3's place: data that is not present
        movl    $0x00cf1300, gdt + TSS3 + 4
        BAD(O_GS, TSS3)
        EXPECT_FAULT(11, TSS3)
        call    in_new_task
        BAD(O_ES, 3)                            # null is no fault until it is used
        EXPECT_NO_FAULT
        call    in_new_task

        TEST("EIP beyond the limit of CS is #GP in the new task")
        movl    $0x000000ff, gdt + TSS3         # 256 bytes of code
        movl    $0x00409b00, gdt + TSS3 + 4
        call    new_task
        movl    $TSS3, tss2 + O_CS
        movl    $0x100, tss2 + O_EIP
        TRY(JUMP)
        EXPECT_FAULT(13, 0)
        EXPECT_EQ($0x100, fault_eip)
        EXPECT_EQ($TSS3, fault_cs)
        TR_IS(TSS2)
        call    old_task

        TEST("without a stack such a fault needs a task of its own")
        movl    $103, gdt + TSS3
        movl    $0x8900, gdt + TSS3 + 4
        mov     $tss3, %eax
        mov     $gdt + TSS3, %edi
        call    set_base
        mov     idt + 80, %eax
        mov     idt + 84, %ebx
        mov     %eax, saved
        mov     %ebx, saved + 4
        GATE_TO_TASK3(10)
        GATE_TO_TASK3(12)
        BAD(O_SS, 0)
        EXPECT_EQ($0, task3_error)
        call    in_task3
        BAD(O_SS, CODE)
        EXPECT_EQ($CODE, task3_error)
        call    in_task3
        BAD(O_SS, UDATA)                        # DPL is not CPL
        EXPECT_EQ($UDATA & ~3, task3_error)
        call    in_task3
        BAD(O_LDT, DATA)
        EXPECT_EQ($DATA, task3_error)
        call    in_task3
        BAD(O_LDT, 4)                           # in the LDT
        EXPECT_EQ($4, task3_error)
        call    in_task3
        BAD(O_CS, DATA)
        EXPECT_EQ($DATA, task3_error)
        call    in_task3
        BAD(O_CS, 0)
        EXPECT_EQ($0, task3_error)
        call    in_task3
        mov     saved, %eax
        mov     %eax, idt + 80
        mov     saved + 4, %eax
        mov     %eax, idt + 84

        TEST("CALL links and nests, JMP does neither")
        call    new_task
        movl    $called, tss2 + O_EIP
        movl    $0, seen
        TRY(CALL)
        EXPECT_NO_FAULT
        EXPECT_EQ($1, seen)
        TR_IS(TSS)
        BUSY(TSS, 0x8b)
        BUSY(TSS2, 0x89)
        movzwl  tss2, %eax
        EXPECT_EQ($TSS, %eax)
        mov     seen_flags, %eax
        and     $NT, %eax
        EXPECT_EQ($NT, %eax)
        movzbl  seen_busy, %eax                 # both were
        EXPECT_EQ($0x8b, %eax)
        mov     %cr0, %eax
        and     $8, %eax
        EXPECT_EQ($8, %eax)
        clts

        TEST("IRET with NT to a task that is not busy, or none, is #TS in the old one")
        pushf
        orl     $NT, (%esp)
        popf
        movw    $TSS2, tss
        TRY(iret)
        EXPECT_FAULT(10, TSS2)
        TR_IS(TSS)
        pushf
        orl     $NT, (%esp)
        popf
        movw    $DATA, tss
        TRY(iret)
        EXPECT_FAULT(10, DATA)
        pushf
        orl     $NT, (%esp)
        popf
        movw    $0, tss
        TRY(iret)
        EXPECT_FAULT(10, 0)

        TEST("the old task's registers are in its TSS")
        call    new_task
        mov     $0x1a1a1a1a, %ebx
        mov     $0x2b2b2b2b, %ebp
        movl    $jumped, tss2 + O_EIP
        TRY(JUMP; \
jump_end: )
        EXPECT_EQ($0x1a1a1a1a, tss + 52)
        EXPECT_EQ($0x2b2b2b2b, tss + 60)
        EXPECT_EQ($jump_end, tss + 32)
        movzwl  tss + O_CS, %eax
        EXPECT_EQ($CODE, %eax)
        EXPECT_EQ($0x77, %ebx)
        TR_IS(TSS2)
        BUSY(TSS, 0x89)
        call    old_task
        ret

/* A good TSS2, whose code comes back by `resume`. */
new_task:
        movb    $0x89, gdt + TSS2 + 5
        mov     $tss2, %eax
        mov     $gdt + TSS2, %edi
        call    set_base
        mov     $tss2, %edi
        mov     $26, %ecx
        xor     %eax, %eax
        rep stosl
        movl    $jumped, tss2 + O_EIP
        movl    $2, tss2 + O_FLAGS
        movl    $stack0_top, tss2 + O_ESP
        movl    $0x77, tss2 + 52
        movl    $CODE, tss2 + O_CS
        movl    $DATA, tss2 + O_SS
        movl    $DATA, tss2 + O_DS
        movl    $DATA, tss2 + O_ES
        mov     $tss3, %edi
        mov     $26, %ecx
        rep stosl
        movl    $task3, tss3 + O_EIP
        movl    $2, tss3 + O_FLAGS
        movl    $stack3, tss3 + O_ESP
        movl    $CODE, tss3 + O_CS
        movl    $DATA, tss3 + O_SS
        movl    $DATA, tss3 + O_DS
        movl    $DATA, tss3 + O_ES
        movl    $-1, task3_error
        ret

jumped: mov     $DATA, %eax
        mov     %eax, %es
        mov     resume_esp, %esp
        jmp     *resume

called: incl    seen
        pushf
        pop     seen_flags
        mov     gdt + TSS + 5, %al
        and     gdt + TSS2 + 5, %al
        mov     %al, seen_busy
        iret

task3:  mov     (%esp), %eax
        mov     %eax, task3_error
        mov     resume_esp, %esp
        jmp     *resume

/* The switch was made, and came from the first task; back to it. */
in_new_task:
        TR_IS(TSS2)
        BUSY(TSS, 0x89)
        BUSY(TSS2, 0x8b)
        jmp     old_task
in_task3:
        TR_IS(TSS3)
        BUSY(TSS2, 0x8b)                        # the interrupted task stays busy
        movzwl  tss3, %eax
        EXPECT_EQ($TSS2, %eax)
        movb    $0x89, gdt + TSS3 + 5
old_task:
        pushl   $2
        popf
        movb    $0x89, gdt + TSS + 5
        movb    $0x89, gdt + TSS2 + 5
        mov     $TSS, %eax
        ltr     %ax
        xor     %eax, %eax
        lldt    %ax
        mov     $DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     %eax, %fs
        mov     %eax, %gs
        clts
        ljmp    $CODE, $1f
1:      ret

        .data
        .align  8
saved:  .quad   0
seen:   .long   0
seen_flags: .long 0
seen_busy: .long 0
task3_error: .long 0

        .bss
        .align  128
tss3:   .skip   104
        .skip   1024
stack3:
