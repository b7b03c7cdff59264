/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/guest_long.S: rules of 64-bit mode, in loops that a translator translates: faults with
 * exact state in hot code, canonical addresses, SYSCALL and SYSRET, IRETQ, SWAPGS, code that changes
 * itself, interrupts into loops, CMPXCHG16B, MSR and segment-base writes.
 *
 * Each test is a 64-bit function that returns 0 in EAX, or the number of the check that failed.
 */
#include "guest.h"

#define PML4 0x200000
#define APIC 0xfee00000
#define HOT 6000                                /* times: more than it takes to be translated, and traced */
#define CHECK(n, cond) cond 8f; mov $n, %eax; ret; 8:
#define LONG(name, function) TEST(name) mov $function, %eax; call run64; EXPECT_EQ($0, %eax)
/* 64-bit code has no other way to name what is linked at a 32-bit address. */
#define PUSH(symbol) mov $symbol, %edx; push %rdx
#define IS(symbol, place) mov $symbol, %edx; cmp %rdx, place
/* What TRY is in 32-bit code: vector in R12, error code in R13, RIP in R14, RBX as it was in R15. */
#define TRY64(...) lea 9f(%rip), %rax; mov %rax, resume64(%rip); mov %rsp, resume_rsp(%rip); \
        mov $-1, %r12; __VA_ARGS__; 9:

main:   call    long_tables
        mov     $0xff, %al
        out     %al, $0x21
        out     %al, $0xa1
        movl    $0x1ff, APIC + 0xf0
        mov     %cr4, %eax
        or      $0x620, %eax
        mov     %eax, %cr4

        LONG("a divide error in a hot loop leaves exact state", divide)
        LONG("a page fault in a hot loop leaves exact state", page)
        LONG("addresses that are not canonical: #GP, through the stack #SS", canonical)
        LONG("code that changes itself in a hot loop", changing)
        LONG("interrupts into a hot loop", interrupted)
        LONG("IRETQ: to ring 3, to an address that is not canonical, with SS null", iretq_rules)
        LONG("SYSCALL, SYSRET and SWAPGS", system_call)
        LONG("CMPXCHG16B: alignment, and what it writes", exchange16)
        LONG("FS and GS bases by segment loads, MSRs and WRFSBASE", bases)
        LONG("jumps and returns to addresses that are not canonical", far_away)
        LONG("what 64-bit mode has not is #UD", gone)
        LONG("32-bit results clear the upper half, 8 and 16-bit ones keep it", halves)
        LONG("REP with a 32-bit address size", rep32)
        LONG("hot accesses of ring 3 to a page mapped anew, read-only, and with code", mapped_anew)
        LONG("the same through its stack pointer", stack_mapped_anew)
        LONG("a hot loop pushes what a pointer that moves leads to", pushed)
        LONG("hot calls return to where the stack says, to 0, to code that changed, to a page mapped anew", returns)
        LONG("a recursion of 3 million calls, twice", recursion)
        LONG("a hot instruction on two pages, the second written, mapped anew, and gone", straddle)
        ret

/* Into 64-bit mode, calls the function at EAX, and back. */
run64:  mov     %eax, function64
        mov     $PML4, %eax
        mov     %eax, %cr3
        mov     $0xc0000080, %ecx
        rdmsr
        or      $0x101, %eax
        wrmsr
        mov     %cr0, %eax
        or      $0x80000000, %eax
        mov     %eax, %cr0
        ljmp    $CODE64, $1f
        .code64
1:      lidt    idt64_pointer(%rip)
        mov     function64(%rip), %eax
        call    *%rax
        mov     %eax, result64(%rip)
        lidt    idt32_pointer(%rip)
        mov     $2f, %eax
        push    $CODE
        push    %rax
        lretq
        .code32
2:      mov     $DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     %eax, %fs
        mov     %eax, %gs
        mov     %cr0, %eax
        and     $0x7fffffff, %eax
        mov     %eax, %cr0
        mov     $0xc0000080, %ecx
        rdmsr
        and     $~0x100, %eax
        wrmsr
        mov     result64, %eax
        ret

/* 1 GiB in 2 MiB pages, all user, 4 GiB - 1 GiB for the APIC; 0x40000000 on is not present. */
long_tables:
        movl    $PML4 + 0x1007, PML4
        movl    $PML4 + 0x2007, PML4 + 0x1000
        movl    $PML4 + 0x3007, PML4 + 0x1018
        xor     %ecx, %ecx
        mov     $0x87, %eax
1:      mov     %eax, PML4 + 0x2000(, %ecx, 8)
        lea     0xc0000000(%eax), %edx
        mov     %edx, PML4 + 0x3000(, %ecx, 8)
        add     $0x200000, %eax
        inc     %ecx
        cmp     $512, %ecx
        jb      1b
        xor     %ecx, %ecx                      # 16-byte gates, DPL 3
        mov     $idt64, %edi
2:      lea     stubs64(, %ecx, 8), %eax
        mov     %ax, (%edi)
        movw    $CODE64, 2(%edi)
        movw    $0xee00, 4(%edi)
        shr     $16, %eax
        mov     %ax, 6(%edi)
        add     $16, %edi
        inc     %ecx
        cmp     $128, %ecx
        jb      2b
        movl    $stack0_top, tss + 4            # RSP0
        movl    $0, tss + 8
        movl    $stack0_top - 2048, tss + 36    # IST1, for #SS
        movl    $0, tss + 40
        movb    $1, idt64 + 12 * 16 + 4
        ret

        .code64
        .align  8
stubs64:
        .set    n, 0
        .rept   128
        .align  8
        push    $n
        jmp     common64
        .set    n, n + 1
        .endr

common64:
        pop     %r12
        xor     %r13d, %r13d
        cmp     $8, %r12
        je      1f
        cmp     $17, %r12
        je      1f
        cmp     $10, %r12
        jb      2f
        cmp     $14, %r12
        ja      2f
1:      pop     %r13
2:      mov     (%rsp), %r14
        mov     8(%rsp), %rdx
        mov     %rdx, fault_cs64(%rip)
        mov     24(%rsp), %rdx
        mov     %rdx, fault_rsp(%rip)
        mov     %rbx, %r15
        mov     resume_rsp(%rip), %rsp
        jmp     *resume64(%rip)

divide: mov     $HOT, %esi
1:      TRY64(mov $5, %ebx; mov $100, %eax; xor %edx, %edx; mov %esi, %ecx; sub $1, %ecx; \
        inc %rbx; \
div_at: div %ecx; inc %rbx)
        lea     div_at(%rip), %rcx
        cmp     $1, %esi
        je      2f
        cmp     $-1, %r12
        CHECK(1, je)
        cmp     $7, %rbx
        CHECK(2, je)
        dec     %esi
        jmp     1b
2:      test    %r12, %r12
        CHECK(3, jz)
        cmp     %rcx, %r14
        CHECK(4, je)
        cmp     $6, %r15
        CHECK(5, je)
        xor     %eax, %eax
        ret

page:   mov     $HOT, %esi
1:      mov     $buffer64, %edi
        cmp     $1, %esi
        jne     2f
        mov     $0x40000004, %edi
2:      TRY64(mov $1, %ebx; add $2, %ebx; \
page_at: movl %ebx, (%rdi); add $4, %ebx)
        cmp     $1, %esi
        je      3f
        cmp     $-1, %r12
        CHECK(1, je)
        dec     %esi
        jmp     1b
3:      cmp     $14, %r12
        CHECK(2, je)
        cmp     $2, %r13                        # a write, not present, supervisor
        CHECK(3, je)
        IS(page_at, %r14)
        CHECK(4, je)
        cmp     $3, %r15
        CHECK(5, je)
        mov     %cr2, %rdx
        cmp     %rdi, %rdx
        CHECK(6, je)
        xor     %eax, %eax
        ret

canonical:
        mov     $HOT, %esi
1:      movabs  $0x0000800000000000, %rdi
        TRY64(mov (%rdi), %ebx)
        cmp     $13, %r12
        CHECK(1, je)
        test    %r13, %r13
        CHECK(2, jz)
        mov     %rdi, %rbp
        TRY64(mov (%rbp), %ebx)
        cmp     $12, %r12
        CHECK(3, je)
        add     $16, %rdi
        TRY64(mov %rdi, %rsp; push %rbx)
        cmp     $12, %r12
        CHECK(4, je)
        cmp     %rdi, fault_rsp(%rip)
        CHECK(5, je)
        movabs  $0x00007ffffffffffe, %rdi       # its end is beyond
        TRY64(mov (%rdi), %ebx)
        cmp     $13, %r12
        CHECK(6, je)
        TRY64(mov %ds:(%rbp), %ebx)             # an override that 64-bit mode ignores
        cmp     $12, %r12
        CHECK(7, je)
        dec     %esi
        jnz     1b
        xor     %eax, %eax
        ret

changing:
        mov     $HOT, %esi
        xor     %ebx, %ebx
1:      movl    %esi, 2f + 1(%rip)              # the immediate of the next
2:      mov     $0, %eax
        add     %eax, %ebx
        dec     %esi
        jnz     1b
        cmp     $HOT * (HOT + 1) / 2, %ebx
        CHECK(1, je)
        xor     %eax, %eax
        ret

interrupted:
        mov     $HOT, %esi
        mov     $APIC, %edi
1:      TRY64(movl $0x44040, 0x300(%rdi); sti; \
2:      inc %ebx; jmp 2b)
        cli
        movl    $0, 0xb0(%rdi)
        cmp     $0x40, %r12
        CHECK(1, je)
        dec     %esi
        jnz     1b
        xor     %eax, %eax
        ret

iretq_rules:
        mov     $HOT, %esi
1:      TRY64(push $UDATA; PUSH(user_top); push $0x3002; push $UCODE64; PUSH(user64); iretq)
        cmp     $0x30, %r12
        CHECK(1, je)
        cmpq    $UCODE64, fault_cs64(%rip)
        CHECK(2, je)
        IS(user_top, fault_rsp(%rip))
        CHECK(3, je)
        movabs  $0x0000800000000000, %rdi
        TRY64(push $UDATA; PUSH(user_top); push $2; push $UCODE64; push %rdi; \
iret_at: iretq)
        cmp     $13, %r12
        CHECK(4, je)
        test    %r13, %r13
        CHECK(5, jz)
        IS(iret_at, %r14)
        CHECK(6, je)
        mov     %rsp, %rdi
        TRY64(push $0; push %rdi; push $2; push $CODE64; PUSH(null_ss); iretq; \
null_ss: mov %ss, %ebx)                         # a null SS will do in ring 0
        cmp     $-1, %r12
        CHECK(7, je)
        test    %ebx, %ebx
        CHECK(8, jz)
        TRY64(push $0; PUSH(user_top); push $2; push $UCODE64; PUSH(user64); iretq)
        cmp     $13, %r12                       # but not in ring 3
        CHECK(9, je)
        dec     %esi
        jnz     1b
        mov     $DATA, %eax
        mov     %eax, %ss
        xor     %eax, %eax
        ret
user64: int     $0x30

system_call:
        mov     $0xc0000081, %ecx               # STAR: SYSRET's CS - 16, SYSCALL's CS
        mov     $(STAR_USER << 16) | CODE64, %edx
        xor     %eax, %eax
        wrmsr
        mov     $0xc0000082, %ecx
        mov     $entry, %eax
        xor     %edx, %edx
        wrmsr
        mov     $0xc0000084, %ecx
        mov     $0x3000, %eax                   # IOPL is masked
        wrmsr
        xor     %eax, %eax                      # IRETQ would make it null, and its base nothing
        mov     %eax, %gs
        mov     $0xc0000102, %ecx
        mov     $0x1234, %eax
        wrmsr
        mov     $0xc0000101, %ecx
        mov     $0x5678, %eax
        wrmsr
        mov     $HOT, %esi
1:      TRY64(push $UDATA; PUSH(user_top); push $0x3002; push $UCODE64; PUSH(user_call); iretq)
        cmp     $0x31, %r12
        CHECK(1, je)
        cmpq    $UCODE64, fault_cs64(%rip)
        CHECK(2, je)
        cmp     $0x3002, %ebp                   # R11 has the flags
        CHECK(3, je)
        test    $0x3000, %ebx                   # the handler's have not
        CHECK(4, jz)
        IS(called, %rdi)
        CHECK(5, je)
        dec     %esi
        jnz     1b
        mov     $0xc0000101, %ecx               # swapped twice each time
        rdmsr
        cmp     $0x5678, %eax
        CHECK(6, je)
        xor     %eax, %eax
        ret
user_call: syscall
called: int     $0x31
entry:  swapgs
        pushf
        pop     %rbx
        mov     %r11, %rbp
        mov     %rcx, %rdi
        swapgs
        sysretq

exchange16:
        mov     $HOT, %esi
1:      mov     $buffer64, %edi
        movq    $1, (%rdi)
        movq    $2, 8(%rdi)
        mov     $1, %eax
        mov     $2, %edx
        mov     $3, %ebx
        mov     $4, %ecx
        lock cmpxchg16b (%rdi)
        CHECK(1, jz)
        cmpq    $3, (%rdi)
        CHECK(2, je)
        cmpq    $4, 8(%rdi)
        CHECK(3, je)
        lock cmpxchg16b (%rdi)
        CHECK(4, jnz)
        cmp     $3, %rax
        CHECK(5, je)
        cmp     $4, %rdx
        CHECK(6, je)
        TRY64(cmpxchg16b 8(%rdi))
        cmp     $13, %r12
        CHECK(7, je)
        dec     %esi
        jnz     1b
        xor     %eax, %eax
        ret

bases:  mov     $0xc0000100, %ecx
        mov     $0xffff8000, %edx
        mov     $0x1000, %eax
        wrmsr
        mov     $DATA, %eax                     # a load takes the descriptor's base
        mov     %eax, %fs
        rdmsr
        or      %edx, %eax
        CHECK(1, jz)
        mov     %cr4, %rax
        or      $0x10000, %eax
        mov     %rax, %cr4
        movabs  $0xffff900000000008, %rdi
        wrfsbase %rdi
        rdfsbase %rbx
        cmp     %rdi, %rbx
        CHECK(2, je)
        mov     $-1, %rbx
        rdfsbase %ebx
        mov     $8, %edi
        cmp     %rdi, %rbx
        CHECK(3, je)
        movabs  $0x0000800000000000, %rdi
        TRY64(wrfsbase %rdi)
        cmp     $13, %r12
        CHECK(4, je)
        movabs  $0x00007ffffffffff8, %rdi
        wrfsbase %rdi
        TRY64(mov %fs:8, %ebx)                  # the sum is not canonical
        cmp     $13, %r12
        CHECK(5, je)
        wrfsbase %rax
        mov     %cr4, %rax
        and     $~0x10000, %eax
        mov     %rax, %cr4
        TRY64(rdfsbase %rax)
        cmp     $6, %r12
        CHECK(6, je)
        xor     %eax, %eax
        ret

far_away:
        mov     $HOT, %esi
1:      movabs  $0x0000800000000000, %rdi
        TRY64( \
jmp_at: jmp *%rdi)
        cmp     $13, %r12
        CHECK(1, je)
        IS(jmp_at, %r14)                   # the jump itself faults
        CHECK(2, je)
        TRY64(push %rdi; \
ret_at: ret)
        cmp     $13, %r12
        CHECK(3, je)
        IS(ret_at, %r14)
        CHECK(4, je)
        TRY64( \
call_at: call *%rdi)
        cmp     $13, %r12
        CHECK(5, je)
        IS(call_at, %r14)
        CHECK(6, je)
        dec     %esi
        jnz     1b
        xor     %eax, %eax
        ret

gone:   mov     $opcodes, %esi
1:      mov     (%rsi), %al
        mov     %al, 2f(%rip)
        TRY64(mov %eax, %eax; \
2:      nop; nop; nop; nop; nop; nop; nop)
        cmp     $6, %r12
        CHECK(1, je)
        inc     %esi
        cmpb    $0, (%rsi)
        jne     1b
        xor     %eax, %eax
        ret

halves: mov     $HOT, %esi
1:      mov     $-1, %rbx
        mov     %ebx, %ebx
        mov     $0xffffffff, %edi
        cmp     %rdi, %rbx
        CHECK(1, je)
        mov     $-1, %rbx
        xor     %bl, %bl
        mov     $0, %cx
        mov     $-256, %rdi
        cmp     %rdi, %rbx
        CHECK(2, je)
        mov     $-1, %rbx
        mov     %cx, %bx
        mov     $-65536, %rdi
        cmp     %rdi, %rbx
        CHECK(3, je)
        mov     $-1, %rbx
        cmp     %rbx, %rbx
        cmovne  %ebx, %ebx                      # false, and yet
        mov     $0xffffffff, %edi
        cmp     %rdi, %rbx
        CHECK(4, je)
        mov     $-1, %rbx
        xor     %eax, %eax
        bsf     %eax, %ecx
        CHECK(5, jz)
        dec     %esi
        jnz     1b
        xor     %eax, %eax
        ret

rep32:  mov     $HOT, %esi
1:      mov     %esi, %r8d
        movabs  $0x1200000000, %rdi
        mov     $buffer64, %edx
        add     %rdx, %rdi
        movabs  $0x3400000008, %rcx
        addr32 rep stosb
        test    %rcx, %rcx
        CHECK(1, jz)
        mov     $buffer64 + 8, %edx
        cmp     %rdx, %rdi
        CHECK(2, je)
        mov     %r8d, %esi
        dec     %esi
        jnz     1b
        xor     %eax, %eax
        ret

/* MOV imm32, EAX begins 3 bytes before a page's end; EAX is what all runs of it agree on, or 0. */
#define TWO_PAGES 0x40000ffd
run_straddling:
        mov     $HOT, %esi
        mov     $TWO_PAGES, %edi
        xor     %ebp, %ebp
1:      call    *%rdi
        test    %ebp, %ebp
        cmovz   %eax, %ebp
        cmp     %eax, %ebp
        jne     2f
        dec     %esi
        jnz     1b
        ret
2:      xor     %eax, %eax
        ret

#define TABLES64 0x610000
straddle:
        movq    $TABLES64 + 0x7, PML4 + 0x1008
        movq    $TABLES64 + 0x1007, TABLES64
        movq    $0x600007, TABLES64 + 0x1000
        movq    $0x601007, TABLES64 + 0x1008
        movl    $0x001111b8, 0x600ffd
        movl    $0x00c31111, 0x601000
        movl    $0x00c32222, 0x602000
        call    run_straddling
        cmp     $0x11111111, %eax
        CHECK(1, je)
        movb    $0x33, 0x601000
        call    run_straddling
        cmp     $0x11331111, %eax
        CHECK(2, je)
        movq    $0x602007, TABLES64 + 0x1008
        invlpg  0x40001000
        call    run_straddling
        cmp     $0x22221111, %eax
        CHECK(3, je)
        movq    $0, TABLES64 + 0x1008
        invlpg  0x40001000
        TRY64(mov $TWO_PAGES, %ebp; call *%rbp)
        cmp     $14, %r12
        CHECK(4, je)
        cmp     %rbp, %r14
        CHECK(5, je)
        mov     %cr2, %rdx
        cmp     $0x40001000, %rdx
        CHECK(6, je)
        movq    $0, PML4 + 0x1008
        mov     %cr3, %rax
        mov     %rax, %cr3
        xor     %eax, %eax
        ret

/*
 * Ring 3 adds up the word at WINDOW in a loop, and stores how often it has yet to do so 8 bytes behind;
 * the first time, which no trace does, elsewhere.  Or it does so by its stack pointer.
 */
#define WINDOW 0x40000000
#define SUMS   30000
#define SUM_UP mov $WINDOW, %edi; \
        TRY64(push $UDATA; PUSH(user_top); push $0x3002; push $UCODE64; push sum_code(%rip); iretq)
user_sum: mov   $SUMS, %ecx
        xor     %ebx, %ebx
        mov     $64, %edx
1:      add     (%rdi), %ebx
sum_store: mov  %ecx, 8(%rdi, %rdx)
        xor     %edx, %edx
        jmp     2f                              # another block: a trace of two
2:      dec     %ecx
        jnz     1b
        int     $0x30

user_stack_sum:
        mov     $WINDOW, %esp
        mov     $SUMS, %ecx
        xor     %ebx, %ebx
1:      add     (%rsp), %ebx
        jmp     2f
2:
stack_store: mov %ecx, 8(%rsp)
        dec     %ecx
        jnz     1b
        int     $0x30

stack_mapped_anew:
        movl    $user_stack_sum, sum_code(%rip)
        movl    $stack_store, sum_faults(%rip)
        call    mapped_anew
        movl    $user_sum, sum_code(%rip)
        movl    $sum_store, sum_faults(%rip)
        ret

mapped_anew:
        movq    $TABLES64 + 0x7, PML4 + 0x1008
        movq    $TABLES64 + 0x1007, TABLES64
        movq    $0x640007, TABLES64 + 0x1000
        movl    $1, 0x640000
        movl    $2, 0x641000
        SUM_UP
        cmp     $0x30, %r12
        CHECK(1, je)
        cmp     $SUMS, %r15
        CHECK(2, je)
        cmpl    $1, 0x640008
        CHECK(3, je)
        movq    $0x641007, TABLES64 + 0x1000
        invlpg  WINDOW
        SUM_UP
        cmp     $2 * SUMS, %r15
        CHECK(4, je)
        movq    $0x640005, TABLES64 + 0x1000    # for reading
        invlpg  WINDOW
        SUM_UP
        cmp     $14, %r12
        CHECK(5, je)
        cmp     $7, %r13
        CHECK(6, je)
        cmp     sum_faults(%rip), %r14
        CHECK(7, je)
        movq    $0x640007, TABLES64 + 0x1000
        mov     %cr3, %rax
        mov     %rax, %cr3
        SUM_UP
        cmp     $SUMS, %r15
        CHECK(8, je)
        movq    $0x641007, TABLES64 + 0x1000
        mov     %cr3, %rax
        mov     %rax, %cr3
        SUM_UP
        cmp     $2 * SUMS, %r15
        CHECK(9, je)
        movb    $0xb8, 0x641007                 # mov imm, %eax; ret
        movl    $7, 0x641008
        movb    $0xc3, 0x64100c
        mov     $0x641007, %edi
        mov     $HOT, %esi
2:      call    *%rdi
        cmp     $7, %eax
        CHECK(10, je)
        dec     %esi
        jnz     2b
        SUM_UP
        mov     $0x641007, %edi
        call    *%rdi
        cmp     $1, %eax
        CHECK(11, je)
        movq    $0, PML4 + 0x1008
        mov     %cr3, %rax
        mov     %rax, %cr3
        xor     %eax, %eax
        ret
/* Page WINDOW calls what EDI says, then gives 1 or 2, or what is there instead later: EBX is the sum of ESI calls. */
returns_to_page:
        movq    $0x640007, TABLES64 + 0x1000
        mov     %cr3, %rax
        mov     %rax, %cr3
        mov     $WINDOW, %ebp
        xor     %ebx, %ebx
1:      call    *%rbp
        add     %eax, %ebx
        dec     %esi
        jnz     1b
        ret
/* n: fewer than a trace takes, and more; each call finds the other number than that before if it is changed. */
#define RETURNS(n, function, times, sum) \
        mov $function, %edi; mov $times, %esi; call returns_to_page; cmp $sum, %ebx; CHECK(n, je)

returns:
        mov     $turn, %edi                     # where the stack says
        mov     $HOT, %esi
        xor     %ebx, %ebx
        xor     %ecx, %ecx
1:      call    *%rdi
        inc     %ebx
        jmp     3f
2:      inc     %ecx
3:      dec     %esi
        jnz     1b
        cmp     $HOT / 2, %ebx
        CHECK(1, je)
        cmp     $HOT / 2, %ecx
        CHECK(2, je)

        movq    $TABLES64 + 0x7, PML4 + 0x1008
        movq    $TABLES64 + 0x1007, TABLES64
        movl    $0x01b8d7ff, 0x640000           # call *%rdi; mov $1, %eax; ret
        movl    $0xc3000000, 0x640004
        movl    $0x02b8d7ff, 0x641000
        movl    $0xc3000000, 0x641004
        RETURNS(3, by_nobody, 500, 500)
        RETURNS(4, by_invlpg, 500, 750)
        RETURNS(5, by_cr3, 500, 750)
        RETURNS(6, by_code, 500, 750)
        RETURNS(7, by_nobody, HOT, HOT)
        RETURNS(8, by_invlpg, HOT, HOT * 3 / 2)
        RETURNS(9, by_cr3, HOT, HOT * 3 / 2)
        RETURNS(10, by_code, HOT, HOT * 3 / 2)

        mov     0, %rbx                         # to 0
        movw    $0xe7ff, 0                      # jmp *%rdi
        mov     $5f, %edi
        mov     $HOT, %esi
4:      push    $0
        ret
5:      dec     %esi
        jnz     4b
        mov     %rbx, 0
        movq    $0, PML4 + 0x1008
        mov     %cr3, %rax
        mov     %rax, %cr3
        xor     %eax, %eax
        ret

turn:   test    $1, %sil
        jz      9f
        mov     $2b, %eax
        mov     %rax, (%rsp)
9:      ret
by_invlpg:
        xorq    $0x1000, TABLES64 + 0x1000
        invlpg  WINDOW
        ret
by_cr3: xorq    $0x1000, TABLES64 + 0x1000
        mov     %cr3, %rax
        mov     %rax, %cr3
        ret
by_code: xorb   $3, 0x640003
by_nobody:
        ret

/* On a stack of its own, of 24 MB. */
#define DEPTH 3000000
recursion:
        mov     %rsp, %r8
        mov     $2, %edi
1:      mov     $0x3800000, %esp
        mov     $DEPTH, %esi
        xor     %ebx, %ebx
        call    deeper
        cmp     $DEPTH, %ebx
        jne     2f
        dec     %edi
        jnz     1b
2:      mov     %r8, %rsp
        cmp     $DEPTH, %ebx
        CHECK(1, je)
        xor     %eax, %eax
        ret
deeper: dec     %esi
        jz      9f
        call    deeper
9:      inc     %ebx
        ret

/* R15 has no host register of its own but where a loop names it more than others. */
pushed: mov     $words, %r15d
        mov     $HOT, %ecx
1:      mov     %rcx, (%r15)
        add     $8, %r15
        dec     %ecx
        jnz     1b
        mov     $words, %r15d
        mov     $HOT, %ecx
        xor     %edx, %edx
2:      push    (%r15)
        pop     %rax
        add     $8, %r15
        add     %rax, %rdx
        dec     %ecx
        jnz     2b
        cmp     $(HOT * (HOT + 1) / 2), %rdx
        CHECK(1, je)
        mov     $(words + 8 * HOT), %eax
        cmp     %rax, %r15
        CHECK(2, je)
        xor     %eax, %eax
        ret
        .code32

        .data
/* PUSH ES, POP SS, DAA, AAS, PUSHA, BOUND is EVEX, PUSHF.. ; far CALL and JMP, LES is VEX, AAM, INTO */
opcodes: .byte  0x06, 0x17, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x82, 0x9a, 0xea, 0xce, 0xd4, 0xd5, 0xd6, 0
sum_code: .long user_sum, 0     # what SUM_UP runs, and where that stores
sum_faults: .long sum_store, 0
idt64_pointer:
        .word   128 * 16 - 1
        .long   idt64, 0
idt32_pointer:
        .word   128 * 8 - 1
        .long   idt, 0

        .bss
        .align  16
idt64:  .skip   128 * 16
words:  .skip   8 * HOT
buffer64: .skip 32
function64: .skip 4
result64: .skip 4
resume64: .skip 8
resume_rsp: .skip 8
fault_cs64: .skip 8
fault_rsp: .skip 8
