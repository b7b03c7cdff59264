/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/host_vec.c: stubs that run one vector instruction on the host.
 *
 * Registers in a stub: ModRM.reg is vector 0, ECX or K2; VEX.vvvv vector 1 or K3; ModRM.r/m vector
 * 2, EAX, K4 or [RDX]; the immediate's register vector 3; the write mask K1.  RDI is the frame and
 * RSI points to vectors.
 * Invariants: code is written through one mapping of a memfd and run through another, so that no
 *             page is ever writable and executable; a full table or area is emptied and filled
 *             anew.  SIGFPE and SIGILL are this file's, and go on to who had them before unless a stub
 *             runs.
 * Thread:     the vCPU's own.
 */
#include "target/i386/host_vec.h"
#include "util/log.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

/* clang-format off */
#define CODE_SIZE  (1u << 20)
#define HOST_MXCSR 0x1f80u
#define STUB_MAX   192u
#define TABLE_BITS 13
#define TABLE_SIZE (1u << TABLE_BITS)
enum { VECTOR_REG, VECTOR_VVVV, VECTOR_RM, VECTOR_IS4 };
enum { K_MASK = 1, K_REG, K_VVVV, K_RM };
enum { GPR_RM = 0, GPR_REG = 1, GPR_MEM = 2 }; /* EAX, ECX, RDX */
#define FRAME(field) ((uint8_t)offsetof(struct host_vec_frame, field))
/* clang-format on */

struct stub {
    uint64_t key; /* 0: free */
    host_vec_fn *fn;
};

struct host_vec {
    uint8_t *write, *run;
    unsigned used, count;
    bool wide; /* 512-bit registers */
    bool k64;  /* mask registers of 64 bits */
    struct stub table[TABLE_SIZE];
};

/* Features that mean nothing without the AVX-512 state. */
static bool needs_avx512(unsigned feature)
{
    static const uint16_t list[] = {
        X86_AVX512F,          X86_AVX512DQ,    X86_AVX512_IFMA,  X86_AVX512CD,    X86_AVX512BW,
        X86_AVX512VL,         X86_AVX512_VBMI, X86_AVX512_VBMI2, X86_AVX512_VNNI, X86_AVX512_BITALG,
        X86_AVX512_VPOPCNTDQ, X86_AVX512_FP16, X86_AVX512_BF16,
    };

    for (unsigned n = 0; n < G_N_ELEMENTS(list); n++) {
        if (list[n] == feature) {
            return true;
        }
    }
    return false;
}

bool host_vec_has(unsigned feature)
{
    /* Where each feature word is, and what XCR0 must have for AVX and for AVX-512. */
    static const struct {
        uint32_t leaf, sub, reg;
    } words[FEAT_WORDS] = {
        [FEAT_1_ECX] = { 1, 0, 2 },   [FEAT_7_0_EBX] = { 7, 0, 1 }, [FEAT_7_0_ECX] = { 7, 0, 2 },
        [FEAT_7_0_EDX] = { 7, 0, 3 }, [FEAT_7_1_EAX] = { 7, 1, 0 },
    };
    uint32_t r[4] = { 0, 0, 0, 0 }, low, high;

    if (feature / 32 >= FEAT_WORDS || !words[feature / 32].leaf) {
        return false;
    }
    if (!__get_cpuid_count(1, 0, &r[0], &r[1], &r[2], &r[3]) || !(r[2] >> 27 & 1)) {
        return false; /* no XGETBV */
    }
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & 6) != 6 || (needs_avx512(feature) && (low & 0xe6) != 0xe6)) {
        return false;
    }
    r[0] = r[1] = r[2] = r[3] = 0;
    __get_cpuid_count(words[feature / 32].leaf, words[feature / 32].sub, &r[0], &r[1], &r[2],
                      &r[3]);
    return r[words[feature / 32].reg] >> (feature % 32) & 1;
}

/* Exceptions ----------------------------------------------------------------------------------- */

/* A signal handler is the process's: so are these. */
static __thread const struct host_vec *running;
static __thread struct host_vec_frame *running_frame;
static struct sigaction previous[2];
static const int handled[2] = { SIGFPE, SIGILL };
static pthread_mutex_t handler_lock = PTHREAD_MUTEX_INITIALIZER;

/* The stub goes on at its area's first bytes, which return to the caller. */
static void on_signal(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    uint64_t rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
    const struct host_vec *h = running;
    const struct sigaction *next = &previous[sig == SIGILL];

    if (h && rip - (uint64_t)(uintptr_t)h->run < CODE_SIZE) {
        if (sig == SIGFPE) {
            running_frame->mxcsr = uc->uc_mcontext.fpregs->mxcsr;
            running_frame->raised = true;
        } else {
            running_frame->illegal = true;
        }
        uc->uc_mcontext.fpregs->mxcsr = HOST_MXCSR;
        uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)h->run;
    } else if (next->sa_flags & SA_SIGINFO) {
        next->sa_sigaction(sig, info, context);
    } else if (next->sa_handler != SIG_DFL && next->sa_handler != SIG_IGN) {
        next->sa_handler(sig);
    } else {
        signal(sig, SIG_DFL); /* the instruction raises it again */
    }
}

static void take_signals(void)
{
    struct sigaction mine = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK }, now;
    sigset_t set;

    sigemptyset(&set);
    pthread_mutex_lock(&handler_lock);
    for (unsigned n = 0; n < G_N_ELEMENTS(handled); n++) {
        sigaddset(&set, handled[n]);
        if (!sigaction(handled[n], NULL, &now) &&
            !((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_signal)) {
            previous[n] = now;
            sigaction(handled[n], &mine, NULL);
        }
    }
    pthread_mutex_unlock(&handler_lock);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void host_vec_run(struct host_vec *h, host_vec_fn *fn, struct host_vec_frame *frame)
{
    running_frame = frame;
    running = h;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    fn(frame);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    running = NULL;
}

/* vzeroupper; ret: where a stub ends after an exception. */
static const uint8_t stub_end[] = { 0xc5, 0xf8, 0x77, 0xc3 };
#define STUBS_FROM 16u

static struct host_vec *host_vec_new(void)
{
    struct host_vec *h = g_new0(struct host_vec, 1);
    int fd = memfd_create("vector stubs", MFD_CLOEXEC);

    h->wide = host_vec_has(X86_AVX512F);
    h->k64 = host_vec_has(X86_AVX512BW);
    h->write = h->run = MAP_FAILED;
    if (fd >= 0 && !ftruncate(fd, CODE_SIZE)) {
        h->write = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        h->run = mmap(NULL, CODE_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (h->write == MAP_FAILED || h->run == MAP_FAILED) {
        host_vec_free(h);
        return NULL;
    }
    memcpy(h->write, stub_end, sizeof(stub_end));
    h->used = STUBS_FROM;
    take_signals();
    return h;
}

void host_vec_free(struct host_vec *h)
{
    if (!h) {
        return;
    }
    if (h->write != MAP_FAILED) {
        munmap(h->write, CODE_SIZE);
    }
    if (h->run != MAP_FAILED) {
        munmap(h->run, CODE_SIZE);
    }
    g_free(h);
}

/* Emitting ------------------------------------------------------------------------------------- */

struct emitter {
    const struct host_vec *h;
    const struct insn *i;
    uint8_t *p;
};

static void emit(struct emitter *e, const uint8_t *bytes, unsigned n)
{
    memcpy(e->p, bytes, n);
    e->p += n;
}

#define EMIT(e, ...) emit(e, (const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }))

/* mov rsi, [rdi + pointer]; vmovups vector N, [rsi] or back (opcode 0x10, 0x11). */
static void emit_vector(struct emitter *e, unsigned n, uint8_t pointer, uint8_t opcode,
                        unsigned length)
{
    uint8_t modrm = (uint8_t)(n << 3 | 6);

    EMIT(e, 0x48, 0x8b, 0x77, pointer);
    if (length == 64) {
        EMIT(e, 0x62, 0xf1, 0x7c, 0x48, opcode, modrm);
    } else {
        EMIT(e, 0xc5, length == 32 ? 0xfc : 0xf8, opcode, modrm);
    }
}

/* kmovq, or kmovw: opcode 0x90 loads, 0x91 stores. */
static void emit_mask(struct emitter *e, unsigned k, uint8_t offset, uint8_t opcode)
{
    uint8_t modrm = (uint8_t)(0x47 | k << 3);

    if (e->h->k64) {
        EMIT(e, 0xc4, 0xe1, 0xf8, opcode, modrm, offset);
    } else {
        EMIT(e, 0xc5, 0xf8, opcode, modrm, offset);
    }
}

/* Where an operand comes from: its fields in the frame and its registers. */
enum operand_place { PLACE_NONE, PLACE_REG, PLACE_VVVV, PLACE_RM, PLACE_IS4 };

static enum operand_place operand_place(uint8_t code)
{
    switch (code) {
    case VV:
    case VVh:
    case VVx:
    case KG:
    case Gy:
    case Gd:
        return PLACE_REG;
    case HV:
    case HVh:
    case HVx:
    case KH:
        return PLACE_VVVV;
    case LV:
        return PLACE_IS4;
    case WV:
    case WVh:
    case WVx:
    case KR:
    case Ey:
    case Ed:
        return PLACE_RM;
    default:
        return PLACE_NONE;
    }
}

static const uint8_t vector_pointer[] = { FRAME(reg), FRAME(vvvv), FRAME(rm), FRAME(is4) };
static const uint8_t mask_offset[] = { FRAME(k_reg), FRAME(k_vvvv), FRAME(k_rm) };

/* General registers come last: loading vectors needs none of them, but the order is then plain. */
static void emit_load(struct emitter *e, unsigned n)
{
    enum operand_place place = operand_place(e->i->row->operands[n]);

    switch (e->i->op[n].kind) {
    case OPND_VEC:
        emit_vector(e, place - PLACE_REG, vector_pointer[place - PLACE_REG], 0x10,
                    avx_length(e->i));
        break;
    case OPND_K:
        emit_mask(e, K_REG + (place - PLACE_REG), mask_offset[place - PLACE_REG], 0x90);
        break;
    case OPND_MEM:
        EMIT(e, 0x48, 0x8b, 0x57, FRAME(rm)); /* mov rdx, [rdi + rm] */
        break;
    case OPND_REG:
        if (place == PLACE_RM) {
            EMIT(e, 0x48, 0x8b, 0x47, FRAME(gpr_rm)); /* mov rax, [rdi + gpr_rm] */
        }
        break;
    default:
        break;
    }
}

static void emit_store(struct emitter *e)
{
    enum operand_place place = operand_place(e->i->row->operands[0]);

    switch (e->i->op[0].kind) {
    case OPND_VEC:
        emit_vector(e, place - PLACE_REG, vector_pointer[place - PLACE_REG], 0x11,
                    e->h->wide ? 64 : 32);
        break;
    case OPND_K:
        emit_mask(e, K_REG + (place - PLACE_REG), mask_offset[place - PLACE_REG], 0x91);
        break;
    case OPND_REG:
        if (place == PLACE_RM) {
            EMIT(e, 0x48, 0x89, 0x47, FRAME(gpr_rm));
        } else {
            EMIT(e, 0x48, 0x89, 0x4f, FRAME(gpr_reg));
        }
        break;
    default:
        break;
    }
}

/* ModRM and vvvv of the instruction with the registers of stubs. */
static uint8_t stub_modrm(const struct insn *i, uint8_t *vvvv)
{
    const struct avx_row *r = avx_row(i);
    uint8_t modrm = r->group ? (uint8_t)((r->group - 1) << 3) : 0;

    for (unsigned n = 0; n < 4; n++) {
        unsigned kind = i->op[n].kind;

        switch (operand_place(i->row->operands[n])) {
        case PLACE_REG:
            modrm |= (kind == OPND_VEC ? VECTOR_REG : kind == OPND_K ? K_REG : GPR_REG) << 3;
            break;
        case PLACE_VVVV:
            *vvvv = kind == OPND_K ? K_VVVV : VECTOR_VVVV;
            break;
        case PLACE_RM:
            modrm |= kind == OPND_MEM   ? GPR_MEM
                     : kind == OPND_VEC ? 0xc0 | VECTOR_RM
                     : kind == OPND_K   ? 0xc0 | K_RM
                                        : 0xc0 | GPR_RM;
            break;
        default:
            break;
        }
    }
    return modrm;
}

static bool stub_w(const struct insn *i)
{
    const struct avx_row *r = avx_row(i);

    return r->w == W_IGNORED ? (i->rex & 8) != 0 : r->w == W1;
}

static void emit_insn(struct emitter *e)
{
    const struct insn *i = e->i;
    const struct avx_row *r = avx_row(i);
    uint8_t vvvv = 0, modrm = stub_modrm(i, &vvvv), w = stub_w(i) ? 0x80 : 0;
    uint8_t p1 = (uint8_t)(w | (~vvvv & 15) << 3 | r->prefix);

    if (i->imm2 & EVEX_IS) {
        EMIT(e, 0x62, 0xf0 | r->map, p1 | 4,
             (uint8_t)((i->imm2 & EVEX_Z ? 0x80 : 0) | i->vex_l << 5 | (i->imm2 & EVEX_B) | 8 |
                       (i->imm2 & EVEX_AAA ? K_MASK : 0)));
    } else {
        EMIT(e, 0xc4, 0xe0 | r->map, p1 | (uint8_t)(i->vex_l << 2));
    }
    EMIT(e, r->opcode, modrm);
    for (unsigned n = 0; n < 4; n++) {
        if (i->row->operands[n] == Ib) {
            EMIT(e, (uint8_t)i->imm);
        } else if (i->row->operands[n] == LV) {
            EMIT(e, VECTOR_IS4 << 4);
        }
    }
}

static void emit_stub(struct emitter *e)
{
    const struct avx_row *r = avx_row(e->i);

    if (e->i->imm2 & EVEX_AAA) {
        emit_mask(e, K_MASK, FRAME(mask), 0x90);
    }
    for (unsigned n = 0; n < 4; n++) {
        emit_load(e, n);
    }
    if (r->flags & AVX_FP) {
        EMIT(e, 0x0f, 0xae, 0x57, FRAME(mxcsr)); /* ldmxcsr */
    }
    emit_insn(e);
    if (r->insn.writes) {
        EMIT(e, 0x9c, 0x8f, 0x47, FRAME(flags)); /* pushfq; pop [rdi + flags] */
    }
    if (!(r->flags & AVX_CONST)) {
        emit_store(e);
    }
    if (r->flags & AVX_FP) {
        EMIT(e, 0x0f, 0xae, 0x5f, FRAME(mxcsr)); /* stmxcsr */
        EMIT(e, 0x0f, 0xae, 0x57, FRAME(host_mxcsr));
    }
    emit(e, stub_end, sizeof(stub_end));
}

/* Lookup --------------------------------------------------------------------------------------- */

/* All that two instructions with one stub share; never 0. */
static uint64_t stub_key(const struct insn *i)
{
    const struct avx_row *r = avx_row(i);
    bool evex = i->imm2 & EVEX_IS;
    uint64_t index = (uint64_t)(evex ? r - evex_rows : r - vex_rows);
    uint64_t imm = i->row->operands[3] == LV ? 0 : (uint8_t)i->imm;

    return 1 | index << 1 | imm << 16 | (uint64_t)i->vex_l << 24 |
           (uint64_t)(i->imm2 & (EVEX_Z | EVEX_B | EVEX_IS)) << 26 | /* bits 29 to 31 */
           (uint64_t)((i->imm2 & EVEX_AAA) != 0) << 32 | (uint64_t)stub_w(i) << 33 |
           (uint64_t)(i->modrm < 0xc0) << 34;
}

static host_vec_fn *make_stub(struct host_vec *h, const struct insn *i, uint64_t key)
{
    struct emitter e = { .h = h, .i = i };
    struct stub *s;
    unsigned slot;

    if (h->used + STUB_MAX > CODE_SIZE || h->count >= TABLE_SIZE * 3 / 4) {
        h->used = STUBS_FROM;
        h->count = 0;
        memset(h->table, 0, sizeof(h->table));
    }
    slot = (unsigned)(key * 0x9e3779b97f4a7c15ull >> (64 - TABLE_BITS));
    while (h->table[slot].key) {
        slot = (slot + 1) & (TABLE_SIZE - 1);
    }
    s = &h->table[slot];
    e.p = h->write + h->used;
    emit_stub(&e);
    s->key = key;
    s->fn = (host_vec_fn *)(void *)(h->run + h->used);
    h->used = (unsigned)(e.p - h->write + 15) & ~15u;
    h->count++;
    return s->fn;
}

host_vec_fn *host_vec_stub(struct x86_cpu *cpu, const struct insn *i)
{
    struct host_vec *h = cpu->host_vec;
    uint64_t key = stub_key(i);
    unsigned slot = (unsigned)(key * 0x9e3779b97f4a7c15ull >> (64 - TABLE_BITS));

    if (G_UNLIKELY(!h)) {
        h = cpu->host_vec = host_vec_new();
        if (!h) {
            log_line(LOG_UNIMP, "no executable memory for vector instructions");
            return NULL;
        }
    }
    while (h->table[slot].key) {
        if (G_LIKELY(h->table[slot].key == key)) {
            return h->table[slot].fn;
        }
        slot = (slot + 1) & (TABLE_SIZE - 1);
    }
    return make_stub(h, i, key);
}

#else

bool host_vec_has(unsigned feature)
{
    (void)feature;
    return false;
}

host_vec_fn *host_vec_stub(struct x86_cpu *cpu, const struct insn *i)
{
    (void)cpu, (void)i;
    return NULL;
}

void host_vec_run(struct host_vec *h, host_vec_fn *fn, struct host_vec_frame *frame)
{
    (void)h;
    fn(frame);
}

void host_vec_free(struct host_vec *h)
{
    (void)h;
}

#endif
