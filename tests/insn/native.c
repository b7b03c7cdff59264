/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/native.c: the interpreter's side of native.h, the comparison, and random instructions.
 */
#include <setjmp.h>
#include <string.h>
#include "target/i386/host_vec.h"
#include "target/i386/mem.h"
#include "target/i386/operand.h"
#include "tests/insn/native_amd.h"
#include "tests/insn/native_coverage.h"
#include "tests/insn/native_host.h"

#define COMPARED_FLAGS (FLAGS_ARITH | FLAG_DF)

/* A CPU in flat 64-bit code with paging off, which hardware has not, but the interpreter allows. */
static struct x86_cpu *flat_cpu(struct machine *m)
{
    struct x86_cpu *cpu = g_new0(struct x86_cpu, 1);

    cpu->vcpu.machine = m;
    cpu->memory = &m->memory;
    memset(cpu->features, 0xff, sizeof(cpu->features));
    cpu->a20_mask = UINT64_MAX;
    cpu->phys_bits = 40;
    cpu->linear_bits = 48;
    cpu->code_size = cpu->stack_size = 8;
    cpu->code64 = cpu->long_mode = cpu->protected_mode = true;
    cpu->efer = EFER_LME | EFER_LMA;
    cpu->cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_MP;
    cpu->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_FSGSBASE;
    cpu->xcr0 = 3;
    cpu->bank = TLB_KERNEL;
    for (unsigned k = 0; k < SEG_COUNT; k++) {
        segment_set(&cpu->seg[k], 8, 0, 0xffffffff,
                    ATTR_P | ATTR_S | ATTR_W | ATTR_A | ATTR_G | ATTR_DB |
                        (k == SEG_CS ? ATTR_CODE | ATTR_L : 0));
    }
    cpu->delivering = -1;
    memset(cpu->tlb.exec, 0xff, sizeof(cpu->tlb.exec)); /* TLB_NO_EXEC */
    for (unsigned b = 0; b < TLB_BANKS; b++) {
        for (unsigned k = 0; k < TLB_SIZE; k++) {
            struct tlb_entry *e = &cpu->tlb.entry[b][k];

            e->read_tag = e->write_tag = TLB_NO_TAG(k);
        }
    }
    return cpu;
}

static uint64_t environment(const char *name, uint64_t otherwise)
{
    const char *text = g_getenv(name);

    return text && *text ? g_ascii_strtoull(text, NULL, 0) : otherwise;
}

struct native *native_new(void)
{
    struct native *n = g_new0(struct native, 1);

    n->seed = 0x9e3779b97f4a7c15ull * (1 + environment("RHEA_FIRST", 0));
    n->times = (unsigned)environment("RHEA_TIMES", 1);
    n->coverage = native_coverage_new();
    n->amd_host = native_amd_host();
    n->has_host = native_host_init(n);
    n->machine = machine_new();
    machine_lock(n->machine);
    if (!mem_region_init_ram(&n->ram, n->machine, "arena", NATIVE_ARENA_SIZE, NULL)) {
        g_error("no memory for the arena");
    }
    mem_region_add(&n->machine->system_memory, NATIVE_ARENA, &n->ram, 0);
    machine_unlock(n->machine);
    n->arena = n->ram.ram->host;
    if (n->has_host && !native_host_alias(n, n->ram.ram->host)) {
        g_error("cannot map the arena at %#llx", NATIVE_ARENA);
    }
    n->cpu = flat_cpu(n->machine);
    return n;
}

/* The arena's four pages, user and writable; everything else is not present. */
static void write_tables(struct native *n, bool read_only)
{
    uint64_t *t = (uint64_t *)(void *)n->tables.ram->host;

    memset(t, 0, 0x4000);
    t[NATIVE_ARENA >> 39 & 511] = (NATIVE_TABLES + 0x1000) | 7;
    t[512 + (NATIVE_ARENA >> 30 & 511)] = (NATIVE_TABLES + 0x2000) | 7;
    t[1024 + (NATIVE_ARENA >> 21 & 511)] = (NATIVE_TABLES + 0x3000) | 7;
    for (unsigned k = 0; k < NATIVE_ARENA_SIZE >> 12; k++) {
        bool last = k == (NATIVE_ARENA_SIZE >> 12) - 1;

        t[1536 + (NATIVE_ARENA >> 12 & 511) + k] =
            (NATIVE_ARENA + k * 4096) | (last && read_only ? 5 : 7);
    }
}

void native_user_pages(struct native *n)
{
    struct x86_cpu *cpu = n->cpu;

    machine_lock(n->machine);
    if (!mem_region_init_ram(&n->tables, n->machine, "tables", 0x4000, NULL)) {
        g_error("no memory for page tables");
    }
    mem_region_add(&n->machine->system_memory, NATIVE_TABLES, &n->tables, 0);
    machine_unlock(n->machine);
    n->user_pages = true;
    write_tables(n, false);
    cpu->cr0 |= CR0_PG | CR0_WP;
    cpu->cr3 = NATIVE_TABLES;
    cpu->cpl = 3;
    cpu->bank = TLB_USER;
    for (unsigned k = 0; k < SEG_COUNT; k++) {
        cpu->seg[k].selector = k == SEG_CS ? 0x33 : k >= SEG_FS ? 0 : 0x2b;
        cpu->seg[k].attr |= ATTR_DPL;
    }
    tlb_flush(cpu);
}

void native_protect(struct native *n, bool read_only)
{
    write_tables(n, read_only);
    native_host_protect(n, read_only);
    tlb_flush(n->cpu);
}

bool native_set_code32(struct native *n, bool code32)
{
    struct x86_cpu *cpu = n->cpu;

    if (code32 && !native_host_has_code32(n)) {
        return false;
    }
    n->code32 = code32;
    cpu->code64 = !code32;
    cpu->code_size = cpu->stack_size = code32 ? 4 : 8;
    segment_set(&cpu->seg[SEG_CS], code32 ? 0x23 : 0x33, 0, UINT32_MAX,
                ATTR_P | ATTR_S | ATTR_DPL | ATTR_W | ATTR_A | ATTR_G | ATTR_CODE |
                    (code32 ? ATTR_DB : ATTR_L));
    return true;
}

bool native_use_avx(struct native *n)
{
    unsigned bits = n->has_host ? native_host_use_avx(n) : 0;

    n->avx = bits >= 256;
    n->avx512 = bits == 512;
    n->cpu->xcr0 = n->avx512 ? 0xe7 : n->avx ? 7 : 3;
    return n->avx;
}

bool native_skip(const struct native *n)
{
    if (!n->has_host) {
        g_test_skip("the host is not x86-64 Linux");
    }
    return !n->has_host;
}

void native_free(struct native *n)
{
    native_coverage_free(n->coverage);
    if (n->has_host) {
        native_host_free(n);
    }
    machine_lock(n->machine);
    if (n->user_pages) {
        mem_region_destroy(&n->tables);
    }
    mem_region_destroy(&n->ram);
    machine_free(n->machine);
    host_vec_free(n->cpu->host_vec);
    g_free(n->cpu);
    g_free(n);
}

/* splitmix64: a fixed seed, so that a failure comes again. */
uint64_t native_random(struct native *n)
{
    uint64_t z = n->seed += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

uint64_t native_interesting(struct native *n)
{
    /* clang-format off */
    static const uint32_t singles[] = {
        0, 0x80000000, 1, 0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x7f800000,
        0xff800000, 0x7f800001, 0x7fc00000, 0xffc00000, 0x7fffffff, 0xffffffff, 0x3f800000,
        0xbf800000, 0x3f000000, 0x40200000, 0xc0200000, 0x4effffff, 0x4f000000, 0xcf000000,
        0x5f000000, 0x33800000, 0x4b000001, 0x00800001,
    };
    static const uint64_t doubles[] = {
        0, 1ull << 63, 1, 0x000fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff,
        0x7ff0000000000000, 0xfff0000000000000, 0x7ff0000000000001, 0x7ff8000000000000,
        0xfff8000000000000, 0x3ff0000000000000, 0xbff0000000000000, 0x3fe0000000000000,
        0x4004000000000000, 0x41dfffffffe00000, 0x41e0000000000000, 0xc1e0000000100000,
        0x43e0000000000000, 0x47efffffe0000000, 0x36a0000000000000, 0x380fffffffffffff,
        0x7fffffffffffffff, 0xffffffffffffffff, 0x8000800080008000, 0x7fff8000ffff0001,
    };
    /* clang-format on */
    uint64_t r = native_random(n), v = native_random(n);

    switch (r & 7) {
    case 0:
        return singles[(r >> 8) % G_N_ELEMENTS(singles)] |
               (uint64_t)singles[(r >> 32) % G_N_ELEMENTS(singles)] << 32;
    case 1:
        return doubles[(r >> 8) % G_N_ELEMENTS(doubles)];
    case 2: /* singles of near exponents */
        return (v & 0x83ffffff83ffffffull) | 0x3c0000003c000000ull;
    case 3: /* a double of near exponent */
        return (v & 0x803fffffffffffffull) | 0x3fc0000000000000ull;
    case 4:
        return v >> (r >> 8 & 63);
    case 5:
        return v & 0x0303030303030303ull; /* short byte strings with zeros and repeats */
    default:
        return v;
    }
}

static void put(uint8_t *p, uint64_t v, unsigned size)
{
    memcpy(p, &v, size);
}

void native_randomize(struct native *n, struct native_state *s)
{
    memset(s, 0, sizeof(*s));
    put(s->fx + FX_CONTROL, 0x37f, 2);
    put(s->fx + FX_STATUS, native_random(n) & 0x3800, 2); /* TOP */
    put(s->fx + FX_MXCSR, 0x1f80, 4);
    for (unsigned k = 0; k < 8; k++) {
        put(s->fx + FX_ST(k), native_interesting(n), 8);
        put(s->fx + FX_ST(k) + 8, 0xffff, 2);
    }
    for (unsigned k = 0; k < 32; k++) {
        put(s->fx + FX_XMM(0) + 8 * k, native_interesting(n), 8);
    }
    for (unsigned k = 0; k < 16; k++) {
        s->gpr[k] = native_interesting(n);
    }
    for (unsigned k = 0; n->avx && k < 32 * 8; k++) {
        if (n->avx512 || (k < 16 * 8 && k % 8 < 4)) {
            put(s->zmm[k / 8] + k % 8 * 8, native_interesting(n), 8);
        }
    }
    for (unsigned k = 0; n->avx512 && k < 8; k++) {
        s->k[k] = native_random(n) & (native_random(n) | -(native_random(n) & 1));
    }
    s->gpr[R_RSI] = NATIVE_MIDDLE + (native_random(n) & 0x3f0);
    s->gpr[R_RDI] = NATIVE_MIDDLE - 0x400 + (native_random(n) & 0xff);
    s->gpr[R_RBX] = NATIVE_MIDDLE + 0x800 + (native_random(n) & 0xff);
    s->gpr[R_RSP] = NATIVE_MIDDLE - 0x800;
    s->flags = 0x202 | (native_random(n) & FLAGS_ARITH);
    s->vector = -1;
    for (unsigned k = 0; k < NATIVE_ARENA_SIZE; k += 8) {
        put(n->arena + k, native_interesting(n), 8);
    }
}

void native_put(struct native_state *s, unsigned offset, uint64_t v, unsigned size)
{
    put(s->fx + offset, v, size);
}

uint64_t native_get(const struct native_state *s, unsigned offset, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, s->fx + offset, size);
    return v;
}

static void guest_load(const struct native *n, const struct native_state *s)
{
    struct x86_cpu *cpu = n->cpu;
    uint16_t status;

    memcpy(cpu->regs, s->gpr, sizeof(s->gpr));
    cpu->eflags = (uint32_t)(s->flags & ~(uint64_t)FLAGS_ARITH);
    flags_set(cpu, (uint32_t)s->flags);
    memcpy(&cpu->x87.control, s->fx + FX_CONTROL, 2);
    memcpy(&status, s->fx + FX_STATUS, 2);
    cpu->x87.top = status >> 11 & 7;
    cpu->x87.status = status & ~0x3800u;
    cpu->x87.empty = (uint8_t)~s->fx[FX_TAG];
    memcpy(&cpu->x87.opcode, s->fx + FX_OPCODE, 2);
    memcpy(&cpu->x87.ip, s->fx + FX_IP, 8);
    memcpy(&cpu->x87.dp, s->fx + FX_DP, 8);
    cpu->x87.cs = cpu->x87.ds = 0;
    for (unsigned k = 0; k < 8; k++) {
        struct float80 *r = &cpu->x87.reg[(cpu->x87.top + k) & 7];

        memcpy(&r->mant, s->fx + FX_ST(k), 8);
        memcpy(&r->sexp, s->fx + FX_ST(k) + 8, 2);
    }
    memcpy(&cpu->mxcsr, s->fx + FX_MXCSR, 4);
    if (n->avx) {
        memcpy(cpu->vec, s->zmm, sizeof(s->zmm));
        memcpy(cpu->kmask, s->k, sizeof(s->k));
    }
    for (unsigned k = 0; k < 16; k++) {
        memcpy(cpu->vec[k].b, s->fx + FX_XMM(k), 16);
    }
}

static void guest_store(const struct native *n, struct native_state *s)
{
    const struct x86_cpu *cpu = n->cpu;

    if (n->avx) {
        memcpy(s->zmm, cpu->vec, sizeof(s->zmm));
        memcpy(s->k, cpu->kmask, sizeof(s->k));
    }
    memcpy(s->gpr, cpu->regs, sizeof(s->gpr));
    s->flags = cpu_eflags(cpu);
    put(s->fx + FX_CONTROL, cpu->x87.control, 2);
    put(s->fx + FX_STATUS, (cpu->x87.status & ~0x3800u) | (cpu->x87.top & 7u) << 11, 2);
    s->fx[FX_TAG] = (uint8_t)~cpu->x87.empty;
    for (unsigned k = 0; k < 8; k++) {
        const struct float80 *r = &cpu->x87.reg[(cpu->x87.top + k) & 7];

        put(s->fx + FX_ST(k), r->mant, 8);
        put(s->fx + FX_ST(k) + 8, r->sexp, 2);
    }
    put(s->fx + FX_MXCSR, cpu->mxcsr, 4);
    for (unsigned k = 0; k < 16; k++) {
        memcpy(s->fx + FX_XMM(k), cpu->vec[k].b, 16);
    }
}

/* A repeated string instruction begins again after a number of elements: it is run to its end. */
static void run_guest(struct native *n, const uint8_t *bytes, unsigned len, struct native_state *s,
                      bool specialise)
{
    struct x86_cpu *cpu = n->cpu;
    struct insn insn;

    guest_load(n, s);
    cpu->insn_start = NATIVE_CODE;
    cpu->stop_block = false;
    s->vector = -1;
    insn_decode(cpu, bytes, len, &insn);
    if (specialise && insn.exec == insn.row->exec) {
        insn_specialise(&insn, cpu->code64);
    }
    if (!setjmp(cpu->unwind)) {
        do {
            cpu->regs[R_RIP] = NATIVE_CODE + len;
            insn.exec(cpu, &insn);
        } while (cpu->regs[R_RIP] == NATIVE_CODE);
        s->rip = cpu->regs[R_RIP];
    } else {
        s->vector = cpu->exc_vector;
        s->rip = NATIVE_CODE;
        s->error = cpu->exc_error;
        s->cr2 = cpu->cr2;
    }
    guest_store(n, s);
}

void native_run_guest(struct native *n, const uint8_t *bytes, unsigned len, struct native_state *s)
{
    run_guest(n, bytes, len, s, false);
}

/* One difference, as a line of hex. */
static void print_difference(const char *what, unsigned n, const void *start, const void *host,
                             const void *guest, unsigned size)
{
    const uint8_t *values[3] = { start, host, guest };
    static const char *const names[3] = { "before", "host", "guest" };
    GString *line = g_string_new(NULL);

    g_string_printf(line, "  %s %u:", what, n);
    for (unsigned k = 0; k < 3; k++) {
        g_string_append_printf(line, " %s ", names[k]);
        for (unsigned b = size; b-- > 0;) {
            g_string_append_printf(line, "%02x", values[k][b]);
        }
    }
    g_test_message("%s", line->str);
    g_string_free(line, TRUE);
}

static bool same(const char *what, unsigned n, const void *start, const void *host,
                 const void *guest, unsigned size)
{
    if (!memcmp(host, guest, size)) {
        return true;
    }
    print_difference(what, n, start, host, guest, size);
    return false;
}

/* Field by field: what reserved bytes of the image hold does not matter. */
static bool compare_states(const struct native *n, const struct native_state *start,
                           const struct native_state *host, const struct native_state *guest,
                           uint32_t undefined, bool mmx)
{
    uint32_t mask = COMPARED_FLAGS & ~undefined,
             flags[3] = { (uint32_t)start->flags & mask, (uint32_t)host->flags & mask,
                          (uint32_t)guest->flags & mask };
    unsigned st = 8;
    bool ok = same("vector", 0, &start->vector, &host->vector, &guest->vector, 4);

    ok &= same("flags", 0, &flags[0], &flags[1], &flags[2], 4);
    ok &= same("rip", 0, &start->rip, &host->rip, &guest->rip, 8);
    if (n->user_pages && host->vector == EXC_PF && guest->vector == EXC_PF) {
        /* Of a masked access processors report some address in the page. */
        uint64_t mask = n->avx ? ~0xfffull : ~0ull;
        uint64_t cr2[3] = { start->cr2 & mask, host->cr2 & mask, guest->cr2 & mask };

        ok &= same("cr2", 0, &cr2[0], &cr2[1], &cr2[2], 8);
        /* Elsewhere the host's page tables are not the guest's: the kernel's half is present. */
        ok &= host->cr2 - NATIVE_ARENA + 4096 >= NATIVE_ARENA_SIZE + 8192 ||
              same("error", 0, &start->error, &host->error, &guest->error, 4);
    }
    /* 32-bit code leaves nothing defined in the upper halves, and cannot see R8 to R15. */
    for (unsigned k = 0; k < (n->code32 ? 8 : 16); k++) {
        ok &= same("gpr", k, &start->gpr[k], &host->gpr[k], &guest->gpr[k], n->code32 ? 4 : 8);
    }
    /* ROW_MMX resets TOP and the tags before an instruction that then faults; processors after. */
    if (mmx && host->vector >= 0) {
        st = 0;
    } else {
        ok &= same("x87 control, status", 0, start->fx, host->fx, guest->fx, 4);
        ok &= same("x87 tags", 0, start->fx + FX_TAG, host->fx + FX_TAG, guest->fx + FX_TAG, 1);
    }
    ok &= same("mxcsr", 0, start->fx + FX_MXCSR, host->fx + FX_MXCSR, guest->fx + FX_MXCSR, 4);
    for (unsigned k = 0; k < st; k++) {
        ok &= same("st", k, start->fx + FX_ST(k), host->fx + FX_ST(k), guest->fx + FX_ST(k), 10);
    }
    for (unsigned k = 0; k < 16; k++) {
        ok &=
            same("xmm", k, start->fx + FX_XMM(k), host->fx + FX_XMM(k), guest->fx + FX_XMM(k), 16);
    }
    for (unsigned k = 0; n->avx && k < (n->code32 ? 8 : 32); k++) {
        unsigned from = k < 16 ? 16 : 0;

        ok &= same("zmm", k, start->zmm[k] + from, host->zmm[k] + from, guest->zmm[k] + from,
                   64 - from);
    }
    for (unsigned k = 0; n->avx && k < 8; k++) {
        ok &= same("k", k, &start->k[k], &host->k[k], &guest->k[k], 8);
    }
    return ok;
}

static void print_bytes(const uint8_t *bytes, unsigned len, const struct insn *insn, bool quick)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned k = 0; k < len; k++) {
        g_string_append_printf(text, "%02x ", bytes[k]);
    }
    g_test_message("the above: %s(%s%s)", text->str, insn->row->mnemonic,
                   quick ? ", specialised" : "");
}

bool native_check(struct native *n, const uint8_t *bytes, unsigned len,
                  const struct native_state *start, uint32_t undefined)
{
    static uint8_t before[NATIVE_ARENA_SIZE], after[NATIVE_ARENA_SIZE];
    uint8_t *arena = n->ram.ram->host; /* writable whatever native_protect did */
    struct native_state host = *start;
    struct insn insn;

    memcpy(before, arena, sizeof(before));
    native_run_host(n, bytes, len, &host);
    memcpy(after, arena, sizeof(after));
    insn_decode(n->cpu, bytes, len, &insn);
    for (unsigned quick = 0; quick <= n->specialise; quick++) {
        struct native_state guest = *start;
        const struct native_case outcome = { .bytes = bytes,
                                             .insn = &insn,
                                             .code32 = n->code32,
                                             .start = start,
                                             .host = &host,
                                             .guest = &guest,
                                             .before = before,
                                             .after = after,
                                             .now = arena };
        bool ok;

        memcpy(arena, before, sizeof(before));
        run_guest(n, bytes, len, &guest, quick);
        if (n->amd_host && native_amd_settle(&outcome)) {
            n->left_out++;
            return true;
        }
        ok = compare_states(n, start, &host, &guest, undefined, insn.row->flags & ROW_MMX);
        if (memcmp(after, arena, sizeof(after))) {
            for (unsigned k = 0; k < NATIVE_ARENA_SIZE; k += 8) {
                ok &= same("memory", k, before + k, after + k, arena + k, 8);
            }
        }
        if (!ok) {
            print_bytes(bytes, len, &insn, quick);
            g_test_fail();
            return false;
        }
    }
    n->runs++;
    native_coverage_count(n->coverage, &insn, n->code32, host.vector >= 0);
    return true;
}

/* Random bytes of one opcode: prefix, REX or VEX, ModRM, immediates.  Returns how many. */
static unsigned random_insn(struct native *n, enum native_map map, unsigned op, unsigned prefix,
                            uint8_t *bytes)
{
    static const uint8_t prefixes[4] = { 0, 0x66, 0xf3, 0xf2 };
    static const uint8_t bases[4] = { 3, 6, 7, 6 }; /* rbx, rsi, rdi */
    uint64_t r = native_random(n);
    uint8_t rex = r & 1 ? 0x40 | (r >> 1 & 15) : 0, modrm;
    unsigned len = 0;

    if (r >> 8 & 1) {
        modrm = 0xc0 | (r >> 16 & 0x3f);
    } else {
        modrm = (r >> 16 & 0x38) | bases[r >> 24 & 3];
        rex &= ~1; /* the base stays */
    }
    if (map == NATIVE_VEX_0F38 || map == NATIVE_VEX_0F3A) {
        bytes[len++] = 0xc4;
        bytes[len++] = (uint8_t)((~rex & 7) << 5 | (map == NATIVE_VEX_0F38 ? 2 : 3));
        /* vvvv: 1111 where it is not used */
        bytes[len++] =
            (uint8_t)((rex & 8) << 4 | (map == NATIVE_VEX_0F38 ? r >> 32 & 0x78 : 0x78) | prefix);
    } else {
        if (prefix) {
            bytes[len++] = prefixes[prefix];
        }
        if (prefix >= 2 && (r >> 40 & 7) == 0) {
            bytes[len++] = 0x66; /* another operand size */
        }
        if (rex) {
            bytes[len++] = rex;
        }
        if (map != NATIVE_1) {
            bytes[len++] = 0x0f;
        }
        if (map == NATIVE_0F38 || map == NATIVE_0F3A) {
            bytes[len++] = map == NATIVE_0F38 ? 0x38 : 0x3a;
        }
    }
    bytes[len++] = (uint8_t)op;
    bytes[len++] = modrm;
    put(bytes + len, native_random(n), 8); /* displacements and immediates */
    return len + 8;
}

/* Opcodes that are prefixes, or lead to another map. */
static bool is_escape(enum native_map map, unsigned op)
{
    static const uint8_t escapes[] = { 0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x62, 0x64, 0x65,
                                       0x66, 0x67, 0xc4, 0xc5, 0xf0, 0xf2, 0xf3 };

    if (map != NATIVE_1) {
        return map == NATIVE_0F && (op == 0x38 || op == 0x3a);
    }
    return (op & 0xf0) == 0x40 || memchr(escapes, (int)op, sizeof(escapes));
}

void native_check_map(struct native *n, enum native_map map, unsigned rounds,
                      bool (*accept)(const struct insn *i))
{
    const uint32_t never = ROW_ENDS | ROW_CPL0 | ROW_IO;
    uint8_t bytes[24];
    struct insn insn;
    struct native_state s;

    for (unsigned op = 0; op < 256; op++) {
        for (unsigned prefix = 0; prefix < 4; prefix++) {
            unsigned bad = 0;

            if (is_escape(map, op)) {
                continue;
            }
            for (unsigned k = 0; k < rounds * n->times && bad < 2; k++) {
                unsigned len = random_insn(n, map, op, prefix, bytes);

                if (insn_decode(n->cpu, bytes, len, &insn) != DECODE_OK ||
                    (insn.row->flags & never) || !native_host_has(insn.row->feature) ||
                    (accept && !accept(&insn))) {
                    continue;
                }
                native_randomize(n, &s);
                if (native_random(n) & 1) { /* rounding, DAZ, FTZ, unmasked exceptions */
                    uint32_t r = (uint32_t)native_random(n);
                    uint32_t mxcsr = 0x1f80 | (r & 0xe040);

                    put(s.fx + FX_MXCSR, r & 0x10000 ? mxcsr : mxcsr & ~(r >> 16 & 0x1f80), 4);
                }
                bad += !native_check(n, bytes, insn.len, &s, insn.row->undefined);
            }
        }
    }
}
