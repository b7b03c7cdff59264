/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/code_change_test.c: what the engine keeps and what it gives up when code changes, and that
 * code which runs often is translated wherever it lies.  That it runs right is guest_smc.S's part.
 * Thread: the test's own, beside the vCPU's.
 */
#include "accel/tcg/block.h"
#include "accel/tcg/tcg.h"
#include "accel/tcg/trace.h"
#include "accel/tcg/translator.h"
#include "target/i386/exec_int.h"
#include "tests/insn/system_rig.h"

#define ROUNDS   10000
#define FUNCTION 0x20000u /* of free RAM */

static struct system_rig *engine_rig(void)
{
    struct system_rig *r = system_rig_new("max");
    struct machine *m = r->m;

    rig_long(r, 0);
    machine_lock(m);
    m->config.accel = g_strdup("tcg,engine=translate,tb-size=1");
    r->cpu->vcpu.ops = &tcg_vcpu_ops;
    m->vcpus[m->n_vcpus++] = &r->cpu->vcpu;
    machine_unlock(m);
    return r;
}

static void engine_rig_free(struct system_rig *r)
{
    vcpu_destroy_all(r->m);
    /* The rig's memory goes after its engine, unlike a machine's. */
    r->m->memory.listeners = r->m->smm_memory.listeners = NULL;
    r->m->code_watches = NULL;
    system_rig_free(r);
}

static bool halted(struct system_rig *r)
{
    bool now;

    vcpu_pause_all(r->m);
    now = r->cpu->halted;
    vcpu_resume_all(r->m);
    return now;
}

/* From RIG_CODE on.  The machine's lock is held. */
static void begin(struct system_rig *r)
{
    g_autoptr(GError) error = NULL;

    r->cpu->regs[R_RIP] = RIG_CODE;
    r->cpu->regs[R_RSP] = RIG_STACK0;
    r->cpu->halted = false;
    if (!r->cpu->engine) {
        g_assert_true(vcpu_start_all(r->m, &error));
    }
    vcpu_resume_all(r->m);
}

/* Runs from RIG_CODE to a HLT.  The instructions that the interpreter executed. */
static uint64_t run(struct system_rig *r)
{
    struct machine *m = r->m;
    uint64_t before = r->cpu->executed;

    machine_lock(m);
    begin(r);
    while (!halted(r)) {
        machine_unlock(m);
        g_usleep(1000);
        machine_lock(m);
    }
    vcpu_pause_all(m);
    machine_unlock(m);
    return r->cpu->executed - before;
}

static void put(struct system_rig *r, uint32_t at, const void *bytes, unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        rig_store(r, at + k, ((const uint8_t *)bytes)[k], 1);
    }
}

#define PUT(r, at, text) put(r, at, text, sizeof(text) - 1)

/* Calls `function` ROUNDS times, and adds up in EBX what it returns. */
static void put_loop(struct system_rig *r, uint32_t function)
{
    PUT(r, RIG_CODE,
        "\xb9\x00\x00\x00\x00" /*    mov ecx, ROUNDS */
        "\x31\xdb"             /*    xor ebx, ebx */
        "\xe8\x00\x00\x00\x00" /* 1: call function */
        "\x01\xc3"             /*    add ebx, eax */
        "\xff\xc9"             /*    dec ecx */
        "\x75\xf5"             /*    jnz 1b */
        "\xf4");               /*    hlt */
    rig_store(r, RIG_CODE + 1, ROUNDS, 4);
    rig_store(r, RIG_CODE + 8, function - (RIG_CODE + 12), 4);
}

static void an_instruction_in_two_pages_is_translated(void)
{
    struct system_rig *r = engine_rig();
    const uint32_t at = FUNCTION + 0xffd;
    uint64_t interpreted;

    put_loop(r, at);
    PUT(r, at, "\xb8\x03\x00\x00\x00\xc3"); /* mov eax, 3; ret */
    interpreted = run(r);
    g_assert_cmphex(r->cpu->regs[R_RBX], ==, 3 * ROUNDS);
    g_assert_cmpuint(interpreted, <, ROUNDS);
    engine_rig_free(r);
}

/* A loop through a function that changes between two passes: a trace of each. */
static void a_trace_goes_with_a_block_of_it(void)
{
    struct system_rig *r = engine_rig();
    struct tcg *t;

    PUT(r, RIG_CODE,
        "\x31\xdb"                         /*    xor ebx, ebx */
        "\xbe\x02\x00\x00\x00"             /*    mov esi, 2 */
        "\xb9\x00\x00\x00\x00"             /* 1: mov ecx, ROUNDS */
        "\xe8\x00\x00\x00\x00"             /* 2: call FUNCTION */
        "\x01\xc3"                         /*    add ebx, eax */
        "\xff\xc9"                         /*    dec ecx */
        "\x75\xf5"                         /*    jnz 2b */
        "\xc6\x04\x25\x01\x00\x02\x00\x05" /*    mov byte [FUNCTION + 1], 5 */
        "\xff\xce"                         /*    dec esi */
        "\x75\xe4"                         /*    jnz 1b */
        "\xf4");                           /*    hlt */
    rig_store(r, RIG_CODE + 8, ROUNDS, 4);
    rig_store(r, RIG_CODE + 13, FUNCTION - (RIG_CODE + 17), 4);
    PUT(r, FUNCTION, "\xb8\x03\x00\x00\x00\xc3"); /* mov eax, 3; ret */
    (void)run(r);
    t = r->cpu->engine;
    g_assert_cmphex(r->cpu->regs[R_RBX], ==, (3 + 5) * ROUNDS);
    g_assert_cmpuint(t->n_traces, >=, 2);
    engine_rig_free(r);
}

static const struct block *first_trace(const struct system_rig *r)
{
    const struct tcg *t = r->cpu->engine;

    for (unsigned h = 0; h < t->hash_size; h++) {
        for (const struct block *b = t->hash[h]; b; b = b->hash_next) {
            if (b->traces) {
                return b->traces;
            }
        }
    }
    return NULL;
}

/* Its loop begins where the look-up knows code, the first block's own. */
static void a_recorded_trace_is_translated(void)
{
    struct system_rig *r = engine_rig();
    const struct block *trace;

    PUT(r, RIG_CODE,
        "\xff\xc3" /* 1: inc ebx */
        "\xeb\x00" /*    jmp 2f */
        "\xff\xc9" /* 2: dec ecx */
        "\x75\xf8" /*    jnz 1b */
        "\xf4");   /*    hlt */
    r->cpu->regs[R_RBX] = 0;
    r->cpu->regs[R_RCX] = 10 * ROUNDS;
    (void)run(r);
    g_assert_cmpuint(r->cpu->regs[R_RBX], ==, 10 * ROUNDS);
    trace = first_trace(r);
    g_assert_nonnull(trace);
    g_assert_nonnull(trace->code);
    engine_rig_free(r);
}

/* Instructions of the host in the first loop of a piece of code that JB closes; 0: there is none. */
static unsigned loop_length(struct x86_cpu *cpu, const struct code *c)
{
    const uint8_t *at[200], *p = c->entry;

    for (unsigned n = 0; n < G_N_ELEMENTS(at); n++) {
        struct insn i;

        g_assert_cmpint(insn_decode(cpu, p, 15, &i), ==, DECODE_OK);
        at[n] = p;
        p += i.len;
        for (unsigned k = 0; k <= n && i.row->exec == x_jcc && (i.opcode & 15) == 2; k++) {
            if (at[k] == p + i.imm) {
                return n - k + 1;
            }
        }
    }
    return 0;
}

/* A copy: each turn of it is as many instructions as the guest's, in which addresses are in registers. */
static void a_copying_loop_stays_as_short(void)
{
    struct system_rig *r = engine_rig();
    const struct block *trace;

    PUT(r, RIG_CODE,
        "\x31\xc9"                     /*    xor ecx, ecx */
        "\x48\x8b\x04\xce"             /* 1: mov rax, [rsi + rcx * 8] */
        "\x48\x89\x04\xcf"             /*    mov [rdi + rcx * 8], rax */
        "\x48\x83\xc1\x01"             /*    add rcx, 1 */
        "\x48\x81\xf9\x00\x00\x00\x00" /*    cmp rcx, ROUNDS */
        "\x75\xeb"                     /*    jnz 1b */
        "\xf4");                       /*    hlt */
    rig_store(r, RIG_CODE + 17, ROUNDS, 4);
    r->cpu->regs[R_RSI] = 0x40000;
    r->cpu->regs[R_RDI] = 0x60000;
    for (unsigned n = 0; n < ROUNDS; n++) {
        rig_store(r, 0x40000 + 8 * n, n * 7, 8);
    }
    (void)run(r);
    for (unsigned n = 0; n < ROUNDS; n++) {
        g_assert_cmphex(rig_load(r, 0x60000 + 8 * n, 8), ==, n * 7);
    }
    trace = first_trace(r);
    g_assert_nonnull(trace);
    g_assert_cmpuint(loop_length(r->cpu, trace->code), ==, 5);
    engine_rig_free(r);
}

static unsigned call_depth_after(const struct insn *i, unsigned depth, bool last)
{
    x86_exec_fn *fn = i->row->exec;

    if (fn == x_ret) {
        g_assert_true(depth > 0 || last);
        return depth - (depth > 0);
    }
    return depth + (fn == x_call && !last);
}

/* Calls F, whose code is right behind RIG_CODE's jump, from behind it; then looks at all traces. */
static void check_traces_of_calls(const void *f, unsigned n, unsigned at_least)
{
    struct system_rig *r = engine_rig();
    const struct tcg *t;
    unsigned traces = 0;

    PUT(r, RIG_CODE, "\xe9\x00\x00\x00\x00"); /* jmp FUNCTION */
    rig_store(r, RIG_CODE + 1, FUNCTION - (RIG_CODE + 5), 4);
    put(r, RIG_CODE + 5, f, n);
    PUT(r, FUNCTION,
        "\xb9\x00\x00\x00\x00" /*    mov ecx, ROUNDS */
        "\x31\xc0\x31\xdb"     /*    xor eax, eax; xor ebx, ebx */
        "\x31\xd2"             /*    xor edx, edx */
        "\xe8\x00\x00\x00\x00" /* 2: call F */
        "\xff\xc0"             /*    inc eax */
        "\xff\xc9"             /*    dec ecx */
        "\x75\xf5"             /*    jnz 2b */
        "\xf4");               /*    hlt */
    rig_store(r, FUNCTION + 1, ROUNDS, 4);
    rig_store(r, FUNCTION + 12, RIG_CODE + 5 - (FUNCTION + 16), 4);
    (void)run(r);
    g_assert_cmpuint(r->cpu->regs[R_RBX], ==, ROUNDS / 2);
    g_assert_cmpuint(r->cpu->regs[R_RDX], ==, ROUNDS);
    t = r->cpu->engine;
    for (unsigned h = 0; h < t->hash_size; h++) {
        for (const struct block *b = t->hash[h]; b; b = b->hash_next) {
            for (const struct block *k = b->traces; k; k = k->path->next, traces++) {
                unsigned depth = 0;

                for (unsigned i = 0; i < k->n; i++) {
                    depth = call_depth_after(&k->insn[i], depth, i == k->n - 1u);
                }
                g_assert_cmpuint(depth, ==, 0);
            }
        }
    }
    g_assert_cmpuint(traces, >=, at_least);
    engine_rig_free(r);
}

static void a_trace_ends_with_the_function_it_began_in(void)
{
    static const char f[] = "\xa8\x01" /* F: test al, 1 */
                            "\x74\x02" /*    jz 1f */
                            "\xff\xc3" /*    inc ebx */
                            "\xff\xc2" /* 1: inc edx */
                            "\xc3";    /*    ret */

    check_traces_of_calls(f, sizeof(f) - 1, 2);
}

/* What G loops through is a trace before F is one, which therefore ends within G. */
static void a_trace_ends_at_a_call_that_does_not_return(void)
{
    static const char f[] = "\xa8\x01"             /* F: test al, 1 */
                            "\x74\x02"             /*    jz 1f */
                            "\xff\xc3"             /*    inc ebx */
                            "\xff\xc2"             /* 1: inc edx */
                            "\xe8\x01\x00\x00\x00" /*    call G */
                            "\xc3"                 /*    ret */
                            "\xbf\x03\x00\x00\x00" /* G: mov edi, 3 */
                            "\xff\xcf"             /* 1: dec edi */
                            "\x75\xfc"             /*    jnz 1b */
                            "\xc3";                /*    ret */

    check_traces_of_calls(f, sizeof(f) - 1, 2);
}

/* The immediate changes before each 10th call: translated once it is known to, the function stays so. */
static void a_patched_immediate_keeps_its_block(void)
{
    struct system_rig *r = engine_rig();
    struct tcg *t;

    PUT(r, RIG_CODE,
        "\xb9\x00\x00\x00\x00"         /*    mov ecx, ROUNDS */
        "\x31\xdb"                     /*    xor ebx, ebx */
        "\x89\x0c\x25\x04\x00\x02\x00" /* 1: mov [FUNCTION + 4], ecx */
        "\xbf\x0a\x00\x00\x00"         /*    mov edi, 10 */
        "\xe8\x00\x00\x00\x00"         /* 2: call FUNCTION */
        "\x01\xc3"                     /*    add ebx, eax */
        "\xff\xcf"                     /*    dec edi */
        "\x75\xf5"                     /*    jnz 2b */
        "\xff\xc9"                     /*    dec ecx */
        "\x75\xe5"                     /*    jnz 1b */
        "\xf4");                       /*    hlt */
    rig_store(r, RIG_CODE + 1, ROUNDS, 4);
    rig_store(r, RIG_CODE + 20, FUNCTION - (RIG_CODE + 24), 4);
    PUT(r, FUNCTION, "\x31\xc0\x81\xc0\x00\x00\x00\x00\xc3"); /* xor eax, eax; add eax, imm; ret */
    (void)run(r);
    t = r->cpu->engine;
    g_assert_cmphex(r->cpu->regs[R_RBX], ==, 10 * (ROUNDS * (ROUNDS + 1) / 2));
    g_assert_cmpuint(t->n_invalidated, <, 20);
    engine_rig_free(r);
}

/* Stores that met a page with code. */
struct slow_stores {
    struct code_watch watch;
    unsigned n;
};

static void count_store(struct code_watch *w, struct ram_block *ram, uint64_t offset, uint64_t len)
{
    (void)ram;
    (void)offset;
    (void)len;
    ((struct slow_stores *)(void *)w)->n++;
}

/*
 * A function of NOPs is written a byte at a time, and called once.  When that has happened a few times
 * its page is given up at the first store, and the others do not meet code any more.
 */
static void a_page_of_code_that_runs_once_is_given_up_soon(void)
{
    struct system_rig *r = engine_rig();
    struct slow_stores slow = { .watch.written = count_store };

    code_watch_add(r->m, &slow.watch);
    PUT(r, RIG_CODE,
        "\xb9\x00\x00\x00\x00"     /*    mov ecx, ROUNDS */
        "\xba\x3c\x00\x00\x00"     /* 1: mov edx, 60 */
        "\xc6\x82\x01\x00\x02\x00" /* 2: mov byte [edx + FUNCTION + 1], */
        "\x90"                     /*        0x90 */
        "\xff\xca"                 /*    dec edx */
        "\x75\xf5"                 /*    jnz 2b */
        "\x88\x0c\x25\x01\x00\x02" /*    mov [FUNCTION + 1], */
        "\x00"                     /*        cl */
        "\xe8\x00\x00\x00\x00"     /*    call FUNCTION */
        "\xff\xc9"                 /*    dec ecx */
        "\x75\xe0"                 /*    jnz 1b */
        "\xf4");                   /*    hlt */
    rig_store(r, RIG_CODE + 1, ROUNDS, 4);
    rig_store(r, RIG_CODE + 29, FUNCTION - (RIG_CODE + 33), 4);
    PUT(r, FUNCTION, "\xb0\x00"); /* mov al, imm */
    rig_store(r, FUNCTION + 62, 0xc3, 1);
    (void)run(r);
    g_assert_cmphex(r->cpu->regs[R_RAX] & 0xff, ==, 1);
    g_assert_cmpuint(slow.n, >, ROUNDS / 2);
    g_assert_cmpuint(slow.n, <, 3 * ROUNDS);
    engine_rig_free(r);
}

/*
 * Two functions whose addresses have the same place in the table of look-ups are called in turn: neither takes the
 * other out of it.
 */
static void two_look_ups_of_one_place_stay_in_code(void)
{
    struct system_rig *r = engine_rig();
    const struct tcg *t;

    PUT(r, RIG_CODE,
        "\xb9\x00\x00\x00\x00" /*    mov ecx, ROUNDS */
        "\x31\xdb"             /*    xor ebx, ebx */
        "\xb8\x00\x00\x02\x00" /* 1: mov eax, FUNCTION */
        "\xff\xd0"             /*    call rax */
        "\xb8\x10\x00\x03\x00" /*    mov eax, 0x30010 */
        "\xff\xd0"             /*    call rax */
        "\xff\xc9"             /*    dec ecx */
        "\x75\xee"             /*    jnz 1b */
        "\xf4");               /*    hlt */
    rig_store(r, RIG_CODE + 1, ROUNDS, 4);
    PUT(r, FUNCTION, "\xff\xc3\xc3"); /* inc ebx; ret */
    PUT(r, 0x30010, "\xff\xc3\xc3");
    (void)run(r);
    t = r->cpu->engine;
    g_assert_cmpuint(r->cpu->regs[R_RBX], ==, 2 * ROUNDS);
    g_assert_cmpuint(t->n_entered, <, ROUNDS / 20);
    engine_rig_free(r);
}

/* A trace whose second page the soft TLB forgets, and which nothing but the trace leads to any more. */
static void a_trace_finds_its_pages_again(void)
{
    struct system_rig *r = engine_rig();
    const struct tcg *t;

    PUT(r, RIG_CODE,
        "\xbe\x03\x00\x00\x00" /*    mov esi, 3 */
        "\x31\xdb"             /*    xor ebx, ebx */
        "\xb9\x00\x00\x00\x00" /* 1: mov ecx, ROUNDS */
        "\x0f\x44\xc0"         /* 2: cmovz eax, eax: the trace takes flags over */
        "\x83\xfe\x03"         /*    cmp esi, 3 */
        "\x75\x05"             /*    jne 3f */
        "\xe8\x00\x00\x00\x00" /*    call FUNCTION */
        "\xff\xc3"             /* 3: inc ebx */
        "\xff\xc9"             /*    dec ecx */
        "\x75\xed"             /*    jnz 2b */
        "\x0f\x20\xd8"         /*    mov rax, cr3 */
        "\x0f\x22\xd8"         /*    mov cr3, rax */
        "\xff\xce"             /*    dec esi */
        "\x75\xde"             /*    jnz 1b */
        "\xf4");               /*    hlt */
    rig_store(r, RIG_CODE + 8, ROUNDS, 4);
    rig_store(r, RIG_CODE + 21, FUNCTION - (RIG_CODE + 25), 4);
    PUT(r, FUNCTION, "\xc3"); /* ret */
    (void)run(r);
    t = r->cpu->engine;
    g_assert_cmpuint(r->cpu->regs[R_RBX], ==, 3 * ROUNDS);
    g_assert_cmpuint(t->n_traces, >, 0);
    g_assert_cmpuint(t->n_entered, <, ROUNDS / 20);
    engine_rig_free(r);
}

#define ELSEWHERE        (1u << 30) /* linear */
#define ELSEWHERE_TABLES (RIG_PML4 + 0x2000u)

/* The page k of ELSEWHERE. */
static void map_elsewhere(struct system_rig *r, unsigned k, uint32_t page)
{
    rig_store(r, RIG_PML4 + 0x1008, ELSEWHERE_TABLES | 7, 8);
    rig_store(r, ELSEWHERE_TABLES, (ELSEWHERE_TABLES + 0x1000) | 7, 8);
    rig_store(r, ELSEWHERE_TABLES + 0x1000 + 8 * k, page | 7, 8);
}

/* A trace whose second page is another from a time on, as one through a library is in another process. */
static void a_trace_whose_page_is_elsewhere_goes(void)
{
    struct system_rig *r = engine_rig();
    const struct tcg *t;

    map_elsewhere(r, 0, FUNCTION);
    PUT(r, RIG_CODE,
        "\xbe\x02\x00\x00\x00"             /*    mov esi, 2 */
        "\x31\xdb"                         /*    xor ebx, ebx */
        "\xb9\x00\x00\x00\x00"             /* 1: mov ecx, ROUNDS */
        "\xe8\x00\x00\x00\x00"             /* 2: call ELSEWHERE */
        "\x01\xc3"                         /*    add ebx, eax */
        "\xff\xc9"                         /*    dec ecx */
        "\x75\xf5"                         /*    jnz 2b */
        "\xc6\x04\x25\x01\x30\x01\x00\x10" /*    mov byte [ELSEWHERE_TABLES + 0x1001], 0x10 */
        "\x0f\x01\x3c\x25\x00\x00\x00\x40" /*    invlpg [ELSEWHERE] */
        "\xff\xce"                         /*    dec esi */
        "\x75\xdc"                         /*    jnz 1b */
        "\xf4");                           /*    hlt */
    rig_store(r, RIG_CODE + 8, ROUNDS, 4);
    rig_store(r, RIG_CODE + 13, ELSEWHERE - (RIG_CODE + 17), 4);
    PUT(r, FUNCTION, "\xb8\x03\x00\x00\x00\xc3"); /* mov eax, 3; ret */
    PUT(r, FUNCTION + 0x1000, "\xb8\x05\x00\x00\x00\xc3");
    (void)run(r);
    t = r->cpu->engine;
    g_assert_cmpuint(r->cpu->regs[R_RBX], ==, (3 + 5) * ROUNDS);
    g_assert_cmpuint(t->n_traces, >, 0);
    g_assert_cmpuint(t->n_entered, <, ROUNDS / 20);
    engine_rig_free(r);
}

/*
 * A loop whose jump back is passed by a trace that ends in a call, and which returns to where the trace begins: it begins
 * there because F, at first, returns by an indirect jump.  It ends by itself, long after it is asked to.
 */
static void a_trace_that_passes_a_jump_back_polls(void)
{
    const uint32_t turns = 1u << 30;
    struct system_rig *r = engine_rig();

    PUT(r, RIG_CODE,
        "\x74\x00"                 /* 1: je .+2: no trace begins here */
        "\xff\xc1"                 /*    inc ecx */
        "\x81\xf9\x00\x00\x00\x00" /*    cmp ecx, turns */
        "\x74\x07"                 /*    je 2f */
        "\xe8\x00\x00\x00\x00"     /*    call FUNCTION */
        "\xeb\xed"                 /*    jmp 1b */
        "\xf4");                   /* 2: hlt */
    rig_store(r, RIG_CODE + 6, turns, 4);
    rig_store(r, RIG_CODE + 13, FUNCTION - (RIG_CODE + 17), 4);
    PUT(r, FUNCTION,
        "\x81\xf9\x00\x00\x00\x00" /*    cmp ecx, 2 * ROUNDS */
        "\x72\x01"                 /*    jb 1f */
        "\xc3"                     /*    ret */
        "\x5a"                     /* 1: pop rdx */
        "\xff\xe2");               /*    jmp rdx */
    rig_store(r, FUNCTION + 2, 2 * ROUNDS, 4);
    machine_lock(r->m);
    r->cpu->regs[R_RCX] = 0;
    begin(r);
    machine_unlock(r->m);
    g_usleep(100000);
    machine_lock(r->m);
    vcpu_pause_all(r->m);
    machine_unlock(r->m);
    g_assert_cmpuint(r->cpu->regs[R_RCX], >, 2 * ROUNDS);
    g_assert_cmpuint(r->cpu->regs[R_RCX], <, turns);
    g_assert_nonnull(first_trace(r));
    engine_rig_free(r);
}

/* HLT leads to where the run began, and where each goes on. */
static void a_halt_where_the_run_began_halts(void)
{
    struct system_rig *r = engine_rig();
    const unsigned runs = 100;

    PUT(r, RIG_CODE - 1,
        "\xf4"       /* 1: hlt */
        "\xff\xc3"   /*    inc ebx, the start */
        "\xeb\xfb"); /*    jmp 1b */
    r->cpu->regs[R_RBX] = 0;
    for (unsigned k = 1; k <= runs; k++) {
        (void)run(r);
        g_assert_cmpuint(r->cpu->regs[R_RBX], ==, k);
        g_assert_cmphex(r->cpu->regs[R_RIP], ==, RIG_CODE);
    }
    engine_rig_free(r);
}

/* A library's loop, at another address in each process. */
static void a_loop_has_a_trace_wherever_it_is_mapped(void)
{
    const unsigned places = 2 * TRACES_ELSEWHERE;
    struct system_rig *r = engine_rig();
    const struct tcg *t;

    for (unsigned k = 0; k < places; k++) {
        map_elsewhere(r, k, FUNCTION);
    }
    PUT(r, RIG_CODE,
        "\xbe\x00\x00\x00\x00"     /*    mov esi, places */
        "\x31\xdb"                 /*    xor ebx, ebx */
        "\xbf\x00\x00\x00\x40"     /*    mov edi, ELSEWHERE */
        "\xff\xd7"                 /* 1: call rdi */
        "\x81\xc7\x00\x10\x00\x00" /*    add edi, 0x1000 */
        "\xff\xce"                 /*    dec esi */
        "\x75\xf4"                 /*    jnz 1b */
        "\xf4");                   /*    hlt */
    rig_store(r, RIG_CODE + 1, places, 4);
    rig_store(r, RIG_CODE + 8, ELSEWHERE, 4);
    PUT(r, FUNCTION,
        "\xb9\x00\x00\x00\x00" /*    mov ecx, ROUNDS */
        "\x83\xc3\x03"         /* 1: add ebx, 3 */
        "\xff\xc9"             /*    dec ecx */
        "\x75\xf9"             /*    jnz 1b */
        "\xc3");               /*    ret */
    rig_store(r, FUNCTION + 1, ROUNDS, 4);
    (void)run(r);
    t = r->cpu->engine;
    g_assert_cmpuint(r->cpu->regs[R_RBX], ==, 3 * ROUNDS * places);
    g_assert_cmpuint(t->n_traces, >=, places);
    g_assert_cmpuint(t->n_invalidated, >=, places - TRACES_ELSEWHERE - 1); /* old ones went */
    engine_rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (translator_available()) {
        g_test_add_func("/code/two-pages", an_instruction_in_two_pages_is_translated);
        g_test_add_func("/code/trace", a_trace_goes_with_a_block_of_it);
        g_test_add_func("/code/trace-return", a_trace_ends_with_the_function_it_began_in);
        g_test_add_func("/code/trace-call", a_trace_ends_at_a_call_that_does_not_return);
        g_test_add_func("/code/trace-runs", a_recorded_trace_is_translated);
        g_test_add_func("/code/copy", a_copying_loop_stays_as_short);
        g_test_add_func("/code/patched", a_patched_immediate_keeps_its_block);
        g_test_add_func("/code/once", a_page_of_code_that_runs_once_is_given_up_soon);
        g_test_add_func("/code/look-ups", two_look_ups_of_one_place_stay_in_code);
        g_test_add_func("/code/trace-pages", a_trace_finds_its_pages_again);
        g_test_add_func("/code/trace-elsewhere", a_trace_whose_page_is_elsewhere_goes);
        g_test_add_func("/code/trace-places", a_loop_has_a_trace_wherever_it_is_mapped);
        g_test_add_func("/code/trace-polls", a_trace_that_passes_a_jump_back_polls);
        g_test_add_func("/code/halt", a_halt_where_the_run_began_halts);
    }
    return g_test_run();
}
