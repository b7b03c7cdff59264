/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_msrs.S: what RDMSR, WRMSR, XSETBV and the control registers take and refuse:
 * MTRRs, PAT, EFER, system-call MSRs, CR0, CR4, CR8 and debug registers in 32-bit mode; and what
 * CPUID says of them.
 */
#include "guest.h"

#define WRITE(msr, high, low) \
        mov $(msr), %ecx; mov $(high), %edx; mov $(low), %eax; TRY(wrmsr)
#define TAKES(msr, high, low) WRITE(msr, high, low) EXPECT_NO_FAULT \
        mov $(msr), %ecx; rdmsr; EXPECT_EQ($(low), %eax) EXPECT_EQ($(high), %edx)
#define REFUSES(msr, high, low) WRITE(msr, high, low) EXPECT_FAULT(13, 0)
#define KEEP(msr) mov $(msr), %ecx; rdmsr; mov %eax, kept; mov %edx, kept + 4
#define RESTORE(msr) mov $(msr), %ecx; mov kept, %eax; mov kept + 4, %edx; wrmsr
#define CR_TAKES(n, v) mov $(v), %eax; TRY(mov %eax, %cr##n) EXPECT_NO_FAULT
#define CR_REFUSES(n, v) mov $(v), %eax; TRY(mov %eax, %cr##n) EXPECT_FAULT(13, 0)

main:   TEST("the PAT takes the six types")
        KEEP(0x277)
        TAKES(0x277, 0x00070406, 0x01050406)
        REFUSES(0x277, 0x00070406, 0x01050402)
        REFUSES(0x277, 0x00070406, 0x01050403)
        REFUSES(0x277, 0x08070406, 0x01050406)
        REFUSES(0x277, 0x00070406, 0x01058406)  # the upper bits of a byte
        mov     $0x277, %ecx
        rdmsr
        EXPECT_EQ($0x01050406, %eax)            # what is refused changes nothing
        RESTORE(0x277)

        TEST("MTRRCAP is read-only and says what is there")
        mov     $0xfe, %ecx
        rdmsr
        mov     %eax, %ebx
        and     $0x500, %ebx
        EXPECT_EQ($0x500, %ebx)                 # fixed ranges, write-combining
        movzbl  %al, %ebx                       # variable ranges
        cmp     $8, %ebx
        jae     1f
        EXPECT_EQ($8, %ebx)
1:      REFUSES(0xfe, 0, 0x508)

        TEST("fixed MTRRs take the five types")
        KEEP(0x250)
        TAKES(0x250, 0x00010405, 0x06060606)
        REFUSES(0x250, 0, 7)
        REFUSES(0x250, 0, 2)
        REFUSES(0x250, 0, 0x300)
        REFUSES(0x250, 0x08000000, 0)
        RESTORE(0x250)
        KEEP(0x258)
        TAKES(0x258, 0, 0x06060606)
        RESTORE(0x258)
        KEEP(0x26f)
        TAKES(0x26f, 0x05050505, 0x05050505)
        REFUSES(0x26f, 0x05050505, 0x05050507)
        RESTORE(0x26f)

        TEST("variable MTRRs: types, reserved bits, the physical address width")
        KEEP(0x20e)
        TAKES(0x20e, 0, 0xc0000006)
        REFUSES(0x20e, 0, 0xc0000002)
        REFUSES(0x20e, 0, 0xc0000007)
        REFUSES(0x20e, 0, 0xc0000106)
        REFUSES(0x20e, 0x80000000, 6)
        RESTORE(0x20e)
        KEEP(0x20f)
        TAKES(0x20f, 0xf, 0xc0000800)
        REFUSES(0x20f, 0xf, 0xc0000801)
        REFUSES(0x20f, 0x80000000, 0xc0000800)
        RESTORE(0x20f)

        TEST("the default type: reserved bits")
        KEEP(0x2ff)
        TAKES(0x2ff, 0, 0xc06)
        TAKES(0x2ff, 0, 0x800)
        REFUSES(0x2ff, 0, 0xc02)
        REFUSES(0x2ff, 0, 0xc07)
        REFUSES(0x2ff, 0, 0x1c06)
        REFUSES(0x2ff, 0, 0xe06)
        REFUSES(0x2ff, 1, 0xc06)
        RESTORE(0x2ff)

        TEST("MSRs that are not there")
        mov     $0x12345678, %ecx
        TRY(rdmsr)
        EXPECT_FAULT(13, 0)
        TRY(wrmsr)
        EXPECT_FAULT(13, 0)
        mov     $0x26a - 0x10, %ecx             # between the fixed MTRRs
        TRY(rdmsr)
        EXPECT_FAULT(13, 0)
        mov     $user_rdmsr, %eax
        TRY(jmp enter_user)
        EXPECT_FAULT(13, 0)

        TEST("EFER: reserved bits; LMA is read-only")
        KEEP(0xc0000080)
        REFUSES(0xc0000080, 0, 2)
        REFUSES(0xc0000080, 1, 0)
        mov     $0xc0000080, %ecx
        xor     %edx, %edx
        mov     $0x801, %eax
        wrmsr
        rdmsr
        EXPECT_EQ($0x801, %eax)
        RESTORE(0xc0000080)

        TEST("addresses in MSRs are canonical")
        TAKES(0xc0000082, 0xffff8000, 0)
        REFUSES(0xc0000082, 0x00008000, 0)
        REFUSES(0xc0000102, 0x00ff0000, 0)
        REFUSES(0xc0000100, 0x00008000, 0)
        REFUSES(0xc0000101, 0xff7fffff, 0)
        REFUSES(0x175, 0x00008000, 0)
        REFUSES(0x176, 0x00008000, 0)
        TAKES(0x176, 0x00007fff, 0xffffffff)

        TEST("CR0: combinations that cannot be")
        mov     %cr0, %edx
        mov     %edx, %eax
        or      $0x80000000, %eax
        and     $~1, %eax
        TRY(mov %eax, %cr0)                     # PG without PE
        EXPECT_FAULT(13, 0)
        mov     %edx, %eax
        or      $0x20000000, %eax
        and     $~0x40000000, %eax
        TRY(mov %eax, %cr0)                     # NW without CD
        EXPECT_FAULT(13, 0)
        mov     %cr0, %eax
        EXPECT_EQ(%edx, %eax)
        mov     %edx, %eax
        and     $~0x10, %eax
        mov     %eax, %cr0                      # ET stays
        mov     %cr0, %eax
        EXPECT_EQ(%edx, %eax)
        mov     %edx, %eax
        or      $0x10000000, %eax               # a reserved bit is ignored
        TRY(mov %eax, %cr0)
        EXPECT_NO_FAULT
        mov     %cr0, %eax
        EXPECT_EQ(%edx, %eax)

        TEST("CR4: reserved bits, PCIDE outside long mode")
        mov     %cr4, %edx
        CR_REFUSES(4, 0x8000)
        CR_REFUSES(4, 0x80000000)
        CR_REFUSES(4, 0x20000)
        CR_TAKES(4, 0x600)
        mov     %edx, %cr4

        TEST("control and debug registers that are not there")
        TRY(.byte 0x0f, 0x20, 0xc8)             # mov %cr1, %eax
        EXPECT_VECTOR(6)
        TRY(.byte 0x0f, 0x20, 0xe8)             # mov %cr5, %eax
        EXPECT_VECTOR(6)
        TRY(.byte 0x0f, 0x22, 0xf8)             # mov %eax, %cr7
        EXPECT_VECTOR(6)
        TRY(.byte 0x0f, 0x24, 0xc0)             # mov %tr0, %eax
        EXPECT_VECTOR(6)
        mov     $user_cr, %eax
        TRY(jmp enter_user)
        EXPECT_FAULT(13, 0)

        TEST("CPUID: OSXSAVE and the enabled size follow CR4 and XCR0")
        mov     %cr4, %eax
        and     $~0x40000, %eax
        mov     %eax, %cr4
        mov     $1, %eax
        cpuid
        and     $0x0c000000, %ecx
        EXPECT_EQ($0x04000000, %ecx)            # XSAVE without OSXSAVE
        xor     %ecx, %ecx
        TRY(xgetbv)
        EXPECT_VECTOR(6)
        mov     %cr4, %eax
        or      $0x40600, %eax
        mov     %eax, %cr4
        mov     $1, %eax
        cpuid
        and     $0x0c000000, %ecx
        EXPECT_EQ($0x0c000000, %ecx)
        xor     %ecx, %ecx
        xgetbv
        mov     %eax, %esi
        xor     %edx, %edx
        mov     $1, %eax
        xsetbv
        mov     $0xd, %eax
        xor     %ecx, %ecx
        cpuid
        EXPECT_EQ($576, %ebx)
        cmp     %ebx, %ecx                      # what all features would need
        jae     1f
        EXPECT_EQ($576, %ecx)
1:      mov     %eax, %edi                      # every component that may be enabled, at once
        xor     %ecx, %ecx
        xor     %edx, %edx
        TRY(xsetbv)
        EXPECT_NO_FAULT
        mov     $0xd, %eax
        xor     %ecx, %ecx
        cpuid
        EXPECT_EQ(%ecx, %ebx)
        mov     %ecx, %ebp                      # each lies within that size
        mov     $2, %esi
2:      bt      %esi, %edi
        jnc     3f
        mov     $0xd, %eax
        mov     %esi, %ecx
        cpuid
        add     %ebx, %eax
        cmp     %ebp, %eax
        jbe     3f
        EXPECT_EQ(%ebp, %eax)
3:      inc     %esi
        cmp     $32, %esi
        jb      2b

        TEST("XSETBV refuses what cannot be enabled")
        xor     %ecx, %ecx
        xor     %edx, %edx
        mov     $2, %eax
        TRY(xsetbv)                             # without x87
        EXPECT_FAULT(13, 0)
        mov     $5, %eax
        TRY(xsetbv)                             # AVX without SSE
        EXPECT_FAULT(13, 0)
        mov     $0x27, %eax
        TRY(xsetbv)                             # a part of AVX-512
        EXPECT_FAULT(13, 0)
        mov     $3, %eax
        mov     $0x40000000, %edx
        TRY(xsetbv)
        EXPECT_FAULT(13, 0)
        xor     %edx, %edx
        mov     $1, %ecx
        TRY(xsetbv)                             # XCR1
        EXPECT_FAULT(13, 0)
        mov     $3, %ecx
        TRY(xgetbv)
        EXPECT_FAULT(13, 0)
        mov     $user_xsetbv, %eax
        TRY(jmp enter_user)
        EXPECT_FAULT(13, 0)

        TEST("CPUID: leaves beyond the last, the vendor, the address widths")
        xor     %eax, %eax
        cpuid
        cmp     $0xd, %eax
        jae     1f
        EXPECT_EQ($0xd, %eax)
1:      mov     $0x80000000, %eax
        cpuid
        cmp     $0x80000008, %eax
        jae     1f
        EXPECT_EQ($0x80000008, %eax)
1:      mov     $0x80000008, %eax
        cpuid
        movzbl  %ah, %ebx
        cmp     $48, %ebx
        jae     1f
        EXPECT_EQ($48, %ebx)
1:      mov     $7, %eax                        # a subleaf that is not there is empty
        mov     $100, %ecx
        cpuid
        EXPECT_EQ($0, %eax)
        EXPECT_EQ($0, %ebx)
        EXPECT_EQ($0, %ecx)
        EXPECT_EQ($0, %edx)
        ret

user_rdmsr: mov $0x10, %ecx
        rdmsr
user_cr: mov    %cr0, %eax
user_xsetbv: xor %ecx, %ecx
        xor     %edx, %edx
        mov     $3, %eax
        xsetbv

        .bss
kept:   .skip   8
