/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_fpu.S: x87 and SSE as the system sees them: which exception an unmasked one
 * becomes, CR0's and CR4's bits, the forms of the environment, MXCSR; NMIs and task switches.
 */
#include "guest.h"

#define APIC 0xfee00000
#define NMI movl $0x4400, APIC + 0x300; jmp .+2
#define LOW 0x7000
#define CR(n, off, on) mov %cr##n, %eax; and $~(off), %eax; or $(on), %eax; mov %eax, %cr##n
#define MP 2
#define EM 4
#define TS 8
#define NE 0x20
#define OSFXSR 0x200
#define OSXMMEXCPT 0x400
#define WORD_IS(value, place) movzwl place, %eax; EXPECT_EQ($(value), %eax)

main:   mov     $0xff, %al
        out     %al, $0x21
        out     %al, $0xa1
        movl    $0x1ff, APIC + 0xf0
        movl    $0, APIC + 0x310
        CR(0, EM | TS, NE | MP)
        CR(4, 0, OSFXSR | OSXMMEXCPT)

        TEST("an unmasked x87 exception comes with the next waiting instruction")
        fninit
        fldcw   unmasked
        fld1
        TRY(fdivs zero; fnstsw %ax; \
mf_at:  fld1)
        EXPECT_VECTOR(16)
        EXPECT_EQ($mf_at, fault_eip)
        and     $0x8084, %eax                   # busy, summary, zero divide
        EXPECT_EQ($0x8084, %eax)
        TRY(fwait)
        EXPECT_VECTOR(16)
        TRY(fnclex; fwait)
        EXPECT_NO_FAULT

        UNLESS_KVM(no_ferr)                     # which wires no FERR#
        TEST("without CR0.NE it is IRQ 13")
        CR(0, NE, 0)
        mov     $0x0a, %al                      # read the request registers
        out     %al, $0xa0
        fninit
        fldcw   unmasked
        fld1
        fdivs   zero
        in      $0xa0, %al
        and     $0x20, %eax
        EXPECT_EQ($0x20, %eax)
        fninit
        mov     $0, %al
        out     %al, $0xf0
        CR(0, 0, NE)
no_ferr:
        TEST("CR0.TS and EM: #NM, WAIT with MP alone")
        CR(0, 0, TS)
        TRY(fld1)
        EXPECT_VECTOR(7)
        TRY(fwait)
        EXPECT_VECTOR(7)
        TRY(movaps %xmm0, %xmm1)
        EXPECT_VECTOR(7)
        TRY(emms)
        EXPECT_VECTOR(7)
        CR(0, MP, 0)
        TRY(fwait)
        EXPECT_NO_FAULT
        clts
        mov     %cr0, %eax
        and     $TS, %eax
        EXPECT_EQ($0, %eax)
        CR(0, 0, EM)
        TRY(fld1)
        EXPECT_VECTOR(7)
        TRY(movaps %xmm0, %xmm1)
        EXPECT_VECTOR(6)
        TRY(emms)
        EXPECT_VECTOR(6)
        TRY(fwait)
        EXPECT_NO_FAULT
        CR(0, EM, MP)

        TEST("CR4.OSFXSR and OSXMMEXCPT")
        CR(4, OSFXSR, 0)
        TRY(movaps %xmm0, %xmm1)
        EXPECT_VECTOR(6)
        TRY(fxsave area)
        EXPECT_NO_FAULT
        TRY(movq %mm0, %mm1)
        EXPECT_NO_FAULT
        emms
        CR(4, 0, OSFXSR)
        ldmxcsr mx_unmasked
        movss   one, %xmm0
        TRY( \
xm_at:  divss zero, %xmm0)
        EXPECT_VECTOR(19)
        EXPECT_EQ($xm_at, fault_eip)
        stmxcsr area
        EXPECT_EQ($0x1d84, area)
        CR(4, OSXMMEXCPT, 0)
        TRY(divss zero, %xmm0)
        EXPECT_VECTOR(6)
        CR(4, 0, OSXMMEXCPT)

        TEST("MXCSR: reserved bits are #GP, nothing is loaded then")
        ldmxcsr mx_default
        TRY(ldmxcsr mx_reserved)
        EXPECT_FAULT(13, 0)
        stmxcsr area
        EXPECT_EQ($0x1f80, area)
        fxsave  area
        EXPECT_EQ($0xffff, area + 28)           # MXCSR_MASK, with DAZ
        movl    $0x10000, area + 24
        TRY(fxrstor area)
        EXPECT_FAULT(13, 0)
        TRY(fxsave area + 8)
        EXPECT_FAULT(13, 0)

        TEST("the environment in 32-bit and 16-bit protected form")
        fninit
        mov     $area, %edi
        mov     $-1, %eax
        mov     $64, %ecx
        rep stosl
env_at: flds    one
        fnstenv area
        EXPECT_EQ($0xffff037f, area)
        EXPECT_EQ($0xffff3800, area + 4)
        EXPECT_EQ($0xffff3fff, area + 8)
        EXPECT_EQ($env_at, area + 12)
        mov     area + 20, %eax
        EXPECT_EQ($one, %eax)
        EXPECT_EQ($-1, area + 28)
        fldcw   masked                          # FNSTENV has masked everything
        data16 fnstenv area + 32
        WORD_IS(0x37f, area + 32)
        WORD_IS(0x3800, area + 34)
        WORD_IS(0x3fff, area + 36)
        EXPECT_EQ($-1, area + 46)
        fninit
        fldenv  area
        fnstsw  %ax
        and     $0x3800, %eax
        EXPECT_EQ($0x3800, %eax)

        TEST("FNSAVE takes 108 or 94 bytes, initialises, and FRSTOR undoes it")
        mov     $area, %edi
        mov     $-1, %eax
        mov     $64, %ecx
        rep stosl
        fninit
        fld1
        fldpi
        fnsave  area
        EXPECT_EQ($-1, area + 108)
        fnstsw  %ax
        movzwl  %ax, %eax
        EXPECT_EQ($0, %eax)
        frstor  area
        fnstsw  %ax
        movzwl  %ax, %eax
        EXPECT_EQ($0x3000, %eax)
        data16 fnsave area + 128
        EXPECT_EQ($-1, area + 128 + 94)
        data16 frstor area + 128
        fstpl   area
        EXPECT_EQ($0x400921fb, area + 4)
        fstpl   area
        EXPECT_EQ($0x3ff00000, area + 4)

        TEST("the environment in real-address form")
        mov     $real_code, %esi
        mov     $LOW, %edi
        mov     $real_end - real_code, %ecx
        rep movsb
        ljmp    $CODE16, $LOW
back32: mov     $DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     %eax, %fs
        mov     %eax, %gs
        mov     %ebp, %esp
        WORD_IS(0x37f, 0x6000)
        WORD_IS(0x6800 + real_one - real_code + 0x800, 0x600a)
        EXPECT_EQ($0xffff037f, 0x6020)

        TEST("an NMI holds off the next until IRET")
        movl    $in_nmi, hook
        movl    $0, nmi_depth
        mov     fault_count, %edx
        TRY(NMI; \
nmi_at: nop; nop)
        movl    $0, hook
        EXPECT_VECTOR(2)
        EXPECT_EQ($2, nmi_depth)                # the second came when the first had returned
        sub     fault_count, %edx
        EXPECT_EQ($-2, %edx)

        TEST("a far jump to a TSS, and what makes #TS, #NP and #GP of one")
        movl    $task, tss2 + 32
        movl    $2, tss2 + 36
        movl    $stack0_top, tss2 + 56
        movl    $DATA, tss2 + 72
        movl    $CODE, tss2 + 76
        movl    $DATA, tss2 + 80
        movl    $DATA, tss2 + 84
        movl    $DATA, tss2 + 88
        movl    $DATA, tss2 + 92
        movl    $0, task_count
        TRY(ljmp $TSS2, $0)
        EXPECT_NO_FAULT
        EXPECT_EQ($1, task_count)
        EXPECT_EQ($TS, task_ts)                 # the switch sets CR0.TS
        clts
        movzbl  gdt + TSS2 + 5, %eax
        EXPECT_EQ($0x89, %eax)                  # the jump back made it available
        movb    $0x8b, gdt + TSS2 + 5
        TRY(ljmp $TSS2, $0)                     # busy
        EXPECT_FAULT(13, TSS2)
        movb    $0x09, gdt + TSS2 + 5
        TRY(ljmp $TSS2, $0)                     # not present
        EXPECT_FAULT(11, TSS2)
        movb    $0x89, gdt + TSS2 + 5
        movb    $0x66, gdt + TSS2
        TRY(lcall $TSS2, $0)                    # a byte short
        EXPECT_FAULT(10, TSS2)
        movb    $0x67, gdt + TSS2
        pushf
        orl     $0x4000, (%esp)
        popf
        movl    $TSS2, tss
        TRY(iret)                               # NT, to a task that is not busy
        EXPECT_FAULT(10, TSS2)
        pushf
        andl    $~0x4000, (%esp)
        popf
        clts
        ret

task:   mov     %cr0, %eax
        and     $TS, %eax
        mov     %eax, task_ts
        incl    task_count
        ljmp    $TSS, $0
        jmp     task

in_nmi: cmpl    $2, vector
        jne     1f
        incl    nmi_depth
        cmpl    $1, nmi_depth
        jne     1f
        NMI
        cmpl    $1, nmi_depth                   # held off here
        jne     2f
        add     $4, %esp                        # back to the interrupted code: PUSHA's image, vector
        popa
        add     $4, %esp
        iret
2:      movl    $100, nmi_depth
1:      ret

        .code16
real_code:
        mov     $DATA16, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %esp, %ebp
        mov     %cr0, %eax
        and     $~1, %al
        mov     %eax, %cr0
        ljmp    $0, $LOW + real_at - real_code
real_at: mov    $0x680, %ax
        mov     %ax, %ds
        xor     %ax, %ax
        mov     %ax, %es
        mov     %ax, %ss
        fninit
        flds    LOW + real_one - real_code - 0x6800
        fnstenv %es:0x6000                      # 14 bytes: the operand's low 16 bits at 10
        fninit
        data32 fnstenv %es:0x6020
        mov     %cr0, %eax
        or      $1, %al
        mov     %eax, %cr0
        ljmpl   $CODE, $back32
real_one: .long 0x3f800000
real_end:

        .code32
        .data
        .align  16
one:    .long   0x3f800000
zero:   .long   0
mx_default: .long 0x1f80
mx_unmasked: .long 0x1d80
mx_reserved: .long 0x11f80
unmasked: .word 0x37b
masked: .word   0x37f

        .bss
        .align  16
area:   .skip   512
nmi_depth: .skip 4
task_count: .skip 4
task_ts: .skip  4
