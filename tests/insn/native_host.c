/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/native_host.c: runs one instruction on the host, every register loaded and stored.
 *
 * The switch has no register to spare, hence its file-scope variables.  A fault ends in a signal
 * handler on a stack of its own, which takes the state from the signal's context.
 */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include "target/i386/host_vec.h"
#include "tests/insn/native_host.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

struct native_state *native_current;
uint64_t native_host_rsp, native_target, native_saved;
uint8_t native_taken;   /* the branch was */
uint8_t native_vectors; /* 1: 256-bit vectors are switched too; 2: 512 bits and mask registers */
struct {
    uint32_t offset;
    uint16_t selector;
} __attribute__((packed)) native_far = { NATIVE_CODE, 0x23 };
void native_switch(struct native_state *s, const void *code);
void native_switch32(struct native_state *s, const void *code);
void native_return(void);
void native_return_taken(void);

/* Linux's selectors of flat user code and data. */
enum { USER_DATA = 0x2b, USER_CODE64 = 0x33 };
/* In the page of code: jumps that 64-bit code reaches, for the way back from 32-bit code. */
enum { BACK = 0xe00, BACK_TAKEN = 0xe40 };

/* Offsets: fx 0, gpr 512 (in the order of enum x86_reg), flags 640. */
_Static_assert(offsetof(struct native_state, gpr) == 512, "native_switch knows the layout");
_Static_assert(offsetof(struct native_state, flags) == 640, "native_switch knows the layout");
_Static_assert(offsetof(struct native_state, zmm) == 704, "native_load_avx knows the layout");

/* clang-format off */
__asm__(
    ".text\n.globl native_switch\nnative_switch:\n"
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "mov %rdi, native_current(%rip)\n mov %rsi, native_target(%rip)\n"
    "mov %rsp, native_host_rsp(%rip)\n"
    "cmpb $0, native_vectors(%rip); je 1f; call native_load_avx; 1:\n"
    "fxrstor64 (%rdi)\n"
    "pushq 640(%rdi); popfq\n"
    "mov 512(%rdi), %rax; mov 520(%rdi), %rcx; mov 528(%rdi), %rdx; mov 536(%rdi), %rbx\n"
    "mov 544(%rdi), %rsp; mov 552(%rdi), %rbp; mov 560(%rdi), %rsi\n"
    "mov 576(%rdi), %r8;  mov 584(%rdi), %r9;  mov 592(%rdi), %r10; mov 600(%rdi), %r11\n"
    "mov 608(%rdi), %r12; mov 616(%rdi), %r13; mov 624(%rdi), %r14; mov 632(%rdi), %r15\n"
    "mov 568(%rdi), %rdi\n"
    "jmp *native_target(%rip)\n"
    ".globl native_switch32\nnative_switch32:\n"
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "mov %rdi, native_current(%rip)\n"
    "mov %rsp, native_host_rsp(%rip)\n"
    "mov $0x2b, %ecx; mov %ecx, %ds; mov %ecx, %es\n"
    "cmpb $0, native_vectors(%rip); je 1f; call native_load_avx; 1:\n"
    "fxrstor64 (%rdi)\n"
    "pushq 640(%rdi); popfq\n"
    "mov 512(%rdi), %rax; mov 520(%rdi), %rcx; mov 528(%rdi), %rdx; mov 536(%rdi), %rbx\n"
    "mov 544(%rdi), %rsp; mov 552(%rdi), %rbp; mov 560(%rdi), %rsi\n"
    "mov 568(%rdi), %rdi\n"
    "ljmp *native_far(%rip)\n"
    ".globl native_return_taken\nnative_return_taken:\n"
    "movb $1, native_taken(%rip)\n"
    ".globl native_return\nnative_return:\n"
    "mov %rdi, native_saved(%rip)\n mov native_current(%rip), %rdi\n"
    "mov %rax, 512(%rdi); mov %rcx, 520(%rdi); mov %rdx, 528(%rdi); mov %rbx, 536(%rdi)\n"
    "mov %rsp, 544(%rdi); mov %rbp, 552(%rdi); mov %rsi, 560(%rdi)\n"
    "mov %r8, 576(%rdi);  mov %r9, 584(%rdi);  mov %r10, 592(%rdi); mov %r11, 600(%rdi)\n"
    "mov %r12, 608(%rdi); mov %r13, 616(%rdi); mov %r14, 624(%rdi); mov %r15, 632(%rdi)\n"
    "mov native_saved(%rip), %rax; mov %rax, 568(%rdi)\n"
    "mov native_host_rsp(%rip), %rsp\n"
    "pushfq; popq 640(%rdi)\n"
    "fxsave64 (%rdi)\n"
    "cmpb $0, native_vectors(%rip); je 1f; call native_store_avx; 1:\n"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "cld; fninit; ldmxcsr native_default_mxcsr(%rip)\n"
    "ret\n"
    "native_load_avx:\n"
    "cmpb $2, native_vectors(%rip); je 2f\n"
    ".irp v, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vmovups 704+64*\\v(%rdi), %ymm\\v\n.endr\n"
    "ret\n"
    "2: .irp v, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "vmovups 704+64*\\v(%rdi), %zmm\\v\n.endr\n"
    ".irp v, 0,1,2,3,4,5,6,7\n kmovq 2752+8*\\v(%rdi), %k\\v\n.endr\n"
    "ret\n"
    "native_store_avx:\n"
    "cmpb $2, native_vectors(%rip); je 2f\n"
    ".irp v, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vmovups %ymm\\v, 704+64*\\v(%rdi)\n.endr\n"
    "vzeroupper; ret\n"
    "2: .irp v, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "vmovups %zmm\\v, 704+64*\\v(%rdi)\n.endr\n"
    ".irp v, 0,1,2,3,4,5,6,7\n kmovq %k\\v, 2752+8*\\v(%rdi)\n.endr\n"
    "vzeroupper; ret\n"
    ".section .rodata\nnative_default_mxcsr: .long 0x1f80\n.text\n");
/* clang-format on */

static sigjmp_buf escape;
static bool running;
static uint8_t signal_stack[65536];

static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
/* ucontext's register numbers in the order of enum x86_reg. */
static const int context_gpr[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                     REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                     REG_R12, REG_R13, REG_R14, REG_R15 };

/* Where a component of XSAVE's standard form is on this host. */
static const uint8_t *component(const uint8_t *area, unsigned n)
{
    uint32_t eax = 0, offset = 0, ecx = 0, edx = 0;

    __get_cpuid_count(0xd, n, &eax, &offset, &ecx, &edx);
    return area + offset;
}

/* Vectors and masks of a signal frame, which has the standard form (SDM vol. 1, 13.4). */
static void take_avx(struct native_state *s, const uint8_t *area)
{
    uint64_t present;

    memcpy(&present, area + 512, 8);
    memset(s->zmm, 0, sizeof(s->zmm));
    memset(s->k, 0, sizeof(s->k));
    for (unsigned k = 0; k < 16; k++) {
        memcpy(s->zmm[k], area + FX_XMM(k), 16);
        if (present & 4) {
            memcpy(s->zmm[k] + 16, component(area, 2) + 16 * k, 16);
        }
        if (present & 0x40) {
            memcpy(s->zmm[k] + 32, component(area, 6) + 32 * k, 32);
        }
        if (present & 0x80) {
            memcpy(s->zmm[16 + k], component(area, 7) + 64 * k, 64);
        }
    }
    if (present & 0x20) {
        memcpy(s->k, component(area, 5), sizeof(s->k));
    }
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;
    struct native_state *s = native_current;

    (void)info;
    if (!running) {
        signal(sig, SIG_DFL);
        return;
    }
    for (unsigned k = 0; k < 16; k++) {
        s->gpr[k] = (uint64_t)uc->uc_mcontext.gregs[context_gpr[k]];
    }
    s->flags = (uint64_t)uc->uc_mcontext.gregs[REG_EFL];
    memcpy(s->fx, uc->uc_mcontext.fpregs, sizeof(s->fx));
    if (native_vectors) {
        take_avx(s, (const uint8_t *)uc->uc_mcontext.fpregs);
    }
    s->vector = (int)uc->uc_mcontext.gregs[REG_TRAPNO];
    s->error = (uint32_t)uc->uc_mcontext.gregs[REG_ERR];
    s->cr2 = (uint64_t)uc->uc_mcontext.gregs[REG_CR2];
    s->rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
    siglongjmp(escape, 1);
}

unsigned native_host_use_avx(struct native *n)
{
    (void)n;
    native_vectors = host_vec_has(X86_AVX512BW) ? 2 : host_vec_has(X86_AVX2) ? 1 : 0;
    return native_vectors * 256u;
}

bool native_host_init(struct native *n)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) };

    n->code = mmap((void *)(uintptr_t)NATIVE_CODE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (n->code == MAP_FAILED || sigaltstack(&stack, NULL)) {
        return false;
    }
    /* 64-bit processes begin with null selectors here; the tests want the guest's. */
    __asm__ volatile("mov %0, %%ds\n mov %0, %%es" : : "r"(USER_DATA));
    for (unsigned k = 0; k < G_N_ELEMENTS(signals); k++) {
        sigaction(signals[k], &action, NULL);
    }
    return true;
}

void native_host_free(struct native *n)
{
    native_vectors = 0;
    munmap(n->code, 4096);
    munmap(n->arena, NATIVE_ARENA_SIZE);
}

/* Guest RAM is private: shared memory takes its place, and is mapped once more. */
bool native_host_alias(struct native *n, void *host)
{
    void *arena = (void *)(uintptr_t)NATIVE_ARENA;
    int fd = memfd_create("arena", MFD_CLOEXEC);
    bool ok = fd >= 0 && !ftruncate(fd, NATIVE_ARENA_SIZE) &&
              mmap(host, NATIVE_ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
                   0) != MAP_FAILED &&
              mmap(arena, NATIVE_ARENA_SIZE, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0) != MAP_FAILED;

    if (fd >= 0) {
        close(fd);
    }
    n->arena = arena;
    return ok;
}

void native_host_protect(struct native *n, bool read_only)
{
    mprotect(n->arena + NATIVE_ARENA_SIZE - 4096, 4096,
             read_only ? PROT_READ : PROT_READ | PROT_WRITE);
}

/* A jump to an address of 64 bits: jmp *0(%rip). */
static void put_jump(uint8_t *code, void (*to)(void))
{
    static const uint8_t jump[] = { 0xff, 0x25, 0, 0, 0, 0 };
    uint64_t address = (uint64_t)(uintptr_t)to;

    memcpy(code, jump, sizeof(jump));
    memcpy(code + sizeof(jump), &address, sizeof(address));
}

/* From 32-bit code back to 64-bit code within the page. */
static void put_far_jump(uint8_t *code, unsigned to)
{
    uint32_t offset = (uint32_t)NATIVE_CODE + to;
    uint16_t selector = USER_CODE64;

    code[0] = 0xea;
    memcpy(code + 1, &offset, sizeof(offset));
    memcpy(code + 5, &selector, sizeof(selector));
}

/* A processor that takes more bytes than `len` of what is none here must not run the rest of a jump. */
static void put_code(struct native *n, const uint8_t *bytes, unsigned len)
{
    uint8_t *target = n->code + (NATIVE_TARGET - NATIVE_CODE);
    struct insn insn;

    memcpy(n->code, bytes, len);
    if (insn_decode(n->cpu, bytes, len, &insn) == DECODE_UD) {
        memset(n->code + len, 0xcc, 16); /* int3 */
    } else if (n->code32) {
        put_far_jump(n->code + len, BACK);
        put_far_jump(target, BACK_TAKEN);
        put_jump(n->code + BACK, native_return);
        put_jump(n->code + BACK_TAKEN, native_return_taken);
    } else {
        put_jump(n->code + len, native_return);
        put_jump(target, native_return_taken);
    }
}

void native_run_host(struct native *n, const uint8_t *bytes, unsigned len, struct native_state *s)
{
    put_code(n, bytes, len);
    s->vector = -1;
    native_taken = 0;
    if (!sigsetjmp(escape, 1)) {
        running = true;
        if (n->code32) {
            native_switch32(s, n->code);
        } else {
            native_switch(s, n->code);
        }
        s->rip = native_taken ? NATIVE_TARGET : NATIVE_CODE + len;
    }
    running = false;
    n->faults += s->vector >= 0;
}

bool native_host_has_code32(struct native *n)
{
    static const uint8_t inc_eax[] = { 0x40 };
    struct native_state s = { .flags = 0x202 };
    bool was = n->code32;

    /* An image that FXRSTOR takes. */
    s.fx[FX_CONTROL] = 0x7f, s.fx[FX_CONTROL + 1] = 3;
    s.fx[FX_MXCSR] = 0x80, s.fx[FX_MXCSR + 1] = 0x1f;
    s.gpr[R_RSP] = NATIVE_MIDDLE;
    n->code32 = true;
    native_run_host(n, inc_eax, sizeof(inc_eax), &s);
    n->code32 = was;
    return s.vector < 0 && (uint32_t)s.gpr[R_RAX] == 1;
}

bool native_host_has(enum x86_feature feature)
{
    /* Where each feature word is: leaf, subleaf, register. */
    static const struct {
        uint32_t leaf, sub, reg;
    } words[FEAT_WORDS] = {
        [FEAT_1_EDX] = { 1, 0, 3 },
        [FEAT_1_ECX] = { 1, 0, 2 },
        [FEAT_7_0_EBX] = { 7, 0, 1 },
        [FEAT_7_0_ECX] = { 7, 0, 2 },
        [FEAT_7_0_EDX] = { 7, 0, 3 },
        [FEAT_80000001_EDX] = { 0x80000001, 0, 3 },
        [FEAT_80000001_ECX] = { 0x80000001, 0, 2 },
        [FEAT_D_1_EAX] = { 0xd, 1, 0 },
        [FEAT_7_1_EAX] = { 7, 1, 0 },
    };
    uint32_t r[4] = { 0, 0, 0, 0 };

    if (!words[feature / 32].leaf) {
        return false;
    }
    __get_cpuid_count(words[feature / 32].leaf, words[feature / 32].sub, &r[0], &r[1], &r[2],
                      &r[3]);
    return r[words[feature / 32].reg] >> (feature % 32) & 1;
}

#else

unsigned native_host_use_avx(struct native *n)
{
    (void)n;
    return 0;
}

bool native_host_init(struct native *n)
{
    (void)n;
    return false;
}

void native_host_free(struct native *n)
{
    (void)n;
}

bool native_host_alias(struct native *n, void *host)
{
    (void)n, (void)host;
    return false;
}

void native_run_host(struct native *n, const uint8_t *bytes, unsigned len, struct native_state *s)
{
    (void)n, (void)bytes, (void)len, (void)s;
}

bool native_host_has(enum x86_feature feature)
{
    (void)feature;
    return false;
}

void native_host_protect(struct native *n, bool read_only)
{
    (void)n, (void)read_only;
}

bool native_host_has_code32(struct native *n)
{
    (void)n;
    return false;
}

#endif
