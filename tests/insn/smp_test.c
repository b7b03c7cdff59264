/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/smp_test.c: two vCPUs on threads of their own, in real mode, hence interpreted: what the
 * thread sanitizer can watch.  tests/boot/smp.py asks more, of translated code, too.
 * Thread: the test's, beside those of the vCPUs.
 */
#include "accel/tcg/tcg.h"
#include "target/i386/mem.h"
#include "tests/insn/system_rig.h"

#define ROUNDS  1000
#define COUNT   0x1000u /* where the programs lie */
#define WRITER  0x1100u
#define READER  0x1200u
#define ALIGNED 0x3000u
#define SPLIT   0x3fffu /* crosses into the next page */
#define ON_CODE 0x1ff0u /* in the page of the programs */
#define PATCHED 0x6001u /* mov ax, imm16; ret */
#define BAD     0x7008u

/* clang-format off */
static const uint8_t count[] = {
    0xb9, ROUNDS & 0xff, ROUNDS >> 8,   /*    mov  cx, ROUNDS */
    0x66, 0xf0, 0xff, 0x06, 0x00, 0x30, /* 1: lock inc dword [ALIGNED] */
    0x66, 0xf0, 0xff, 0x06, 0xff, 0x3f, /*    lock inc dword [SPLIT] */
    0x66, 0xf0, 0xff, 0x06, 0xf0, 0x1f, /*    lock inc dword [ON_CODE] */
    0xe2, 0xec,                         /*    loop 1b */
    0xf4,                               /*    hlt */
};
static const uint8_t writer[] = {
    0xbe, 0x01, 0x00,                                  /*    mov  si, 1 */
    0x89, 0x36, 0x02, 0x60,                            /* 1: mov  [PATCHED + 1], si */
    0x89, 0x36, 0x00, 0x70,                            /*    mov  [0x7000], si */
    0xf3, 0x90,                                        /* 2: pause */
    0x39, 0x36, 0x04, 0x70,                            /*    cmp  [0x7004], si */
    0x75, 0xf8,                                        /*    jne  2b */
    0x46,                                              /*    inc  si */
    0x81, 0xfe, (ROUNDS + 1) & 0xff, (ROUNDS + 1) >> 8, /*   cmp  si, ROUNDS + 1 */
    0x75, 0xe9,                                        /*    jne  1b */
    0xf4,                                              /*    hlt */
};
static const uint8_t reader[] = {
    0xbe, 0x01, 0x00,                                  /*    mov  si, 1 */
    0xf3, 0x90,                                        /* 1: pause */
    0x39, 0x36, 0x00, 0x70,                            /*    cmp  [0x7000], si */
    0x75, 0xf8,                                        /*    jne  1b */
    0x0f, 0xa2,                                        /*    cpuid */
    0xb8, PATCHED & 0xff, PATCHED >> 8,                /*    mov  ax, PATCHED */
    0xff, 0xd0,                                        /*    call ax */
    0x39, 0xf0,                                        /*    cmp  ax, si */
    0x75, 0x0c,                                        /*    jne  3f */
    0x89, 0x36, 0x04, 0x70,                            /*    mov  [0x7004], si */
    0x46,                                              /*    inc  si */
    0x81, 0xfe, (ROUNDS + 1) & 0xff, (ROUNDS + 1) >> 8, /*   cmp  si, ROUNDS + 1 */
    0x75, 0xe2,                                        /*    jne  1b */
    0xf4,                                              /*    hlt */
    0x89, 0x36, 0x08, 0x70,                            /* 3: mov  [BAD], si */
    0xbe, ROUNDS & 0xff, ROUNDS >> 8,                  /*    mov  si, ROUNDS: the writer goes on */
    0x89, 0x36, 0x04, 0x70,                            /*    mov  [0x7004], si */
    0xf4,                                              /*    hlt */
};
/* clang-format on */

struct pair {
    struct system_rig *r;
    struct x86_cpu *cpu[2];
};

static void start_at(struct x86_cpu *cpu, uint16_t ip)
{
    for (unsigned s = 0; s < SEG_COUNT; s++) {
        segment_set_real(&cpu->seg[s], 0);
    }
    cpu->regs[R_RIP] = ip;
    cpu->regs[R_RSP] = 0x9000 + (unsigned)cpu->vcpu.index * 0x1000;
    cpu->halted = cpu->wait_sipi = false;
    cpu_update_mode(cpu);
}

static bool both_halted(struct pair *p)
{
    bool halted;

    vcpu_pause_all(p->r->m);
    halted = p->cpu[0]->halted && p->cpu[1]->halted;
    vcpu_resume_all(p->r->m);
    return halted;
}

/* Runs one program on each CPU until both halt. */
static void run_pair(struct pair *p, uint16_t ip0, uint16_t ip1)
{
    struct machine *m = p->r->m;
    g_autoptr(GError) error = NULL;

    start_at(p->cpu[0], ip0);
    start_at(p->cpu[1], ip1);
    machine_lock(m);
    g_assert_true(vcpu_start_all(m, &error));
    vcpu_resume_all(m);
    while (!both_halted(p)) {
        machine_unlock(m);
        g_usleep(1000);
        machine_lock(m);
    }
    vcpu_pause_all(m);
    machine_unlock(m);
}

static struct pair pair_new(void)
{
    struct pair p = { .r = system_rig_new("qemu64") };
    struct machine *m = p.r->m;

    machine_lock(m);
    m->config.accel = g_strdup("tcg,engine=interp");
    p.cpu[0] = p.r->cpu;
    p.cpu[1] = cpu_new(m, 1, "qemu64", NULL);
    for (unsigned k = 0; k < 2; k++) {
        p.cpu[k]->vcpu.ops = &tcg_vcpu_ops;
        m->vcpus[m->n_vcpus++] = &p.cpu[k]->vcpu;
    }
    machine_unlock(m);
    memcpy(p.r->ram.ram->host + COUNT, count, sizeof(count));
    memcpy(p.r->ram.ram->host + WRITER, writer, sizeof(writer));
    memcpy(p.r->ram.ram->host + READER, reader, sizeof(reader));
    return p;
}

static void pair_free(struct pair *p)
{
    vcpu_destroy_all(p->r->m);
    cpu_free(p->cpu[1]);
    /* The rig's memory goes after its engines, unlike a machine's. */
    p->r->m->memory.listeners = p->r->m->smm_memory.listeners = NULL;
    p->r->m->code_watches = NULL;
    system_rig_free(p->r);
}

static void locked_increments_are_not_lost(void)
{
    struct pair p = pair_new();

    run_pair(&p, COUNT, COUNT);
    g_assert_cmpuint(rig_load(p.r, ALIGNED, 4), ==, 2 * ROUNDS);
    g_assert_cmpuint(rig_load(p.r, SPLIT, 4), ==, 2 * ROUNDS);
    g_assert_cmpuint(rig_load(p.r, ON_CODE, 4), ==, 2 * ROUNDS);
    pair_free(&p);
}

static void code_of_another_cpu_is_seen_after_cpuid(void)
{
    struct pair p = pair_new();

    rig_store(p.r, PATCHED, 0xc30000b8, 4);
    run_pair(&p, WRITER, READER);
    g_assert_cmpuint(rig_load(p.r, BAD, 2), ==, 0);
    g_assert_cmpuint(rig_load(p.r, PATCHED + 1, 2), ==, ROUNDS);
    pair_free(&p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/smp/locked", locked_increments_are_not_lost);
    g_test_add_func("/smp/code", code_of_another_cpu_is_seen_after_cpuid);
    return g_test_run();
}
