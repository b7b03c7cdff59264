/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/moo_test.c: real-mode instructions as a real 80286 executed them, run by the whole
 * engine from decoded blocks, one test an opcode.
 *
 * The captures are in $MOO_DIR, or ../shared/data/moo286 beside the checkout; without them the test
 * skips.  What later processors do otherwise is in moo_later.c, and is compared as exactly.
 * Thread: one, which is the vCPU's and no registered one.
 */
#include "tests/insn/moo_later.h"
#include <string.h>
#include <unistd.h>
#include "accel/tcg/tcg.h"
#include "target/i386/exec_int.h"
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"

#define RAM_SIZE    (16u << 20)
#define OP_HLT      0xf4
#define REAL_FLAGS  0x0fd5 /* the flags that a 286 in real mode can set */
#define MAX_SECONDS 300    /* a file */

struct moo_rig {
    struct machine *m;
    struct mem_region ram;
    struct x86_cpu *cpu;
};

struct moo_file {
    struct moo_rig *rig;
    char *path;
    unsigned cases, failed, later, unknown;
    struct moo_want want;
};

/* Everywhere: a case of which the capture does not know what it writes. */
static void clear_all(struct moo_rig *r)
{
    memset(r->ram.ram->host, OP_HLT, RAM_SIZE);
    ram_written(r->m, r->ram.ram, 0, RAM_SIZE);
}

static struct moo_rig *moo_rig_new(void)
{
    struct moo_rig *r = g_new0(struct moo_rig, 1);
    g_autoptr(GError) error = NULL;

    r->m = machine_new();
    machine_lock(r->m);
    clock_virtual_manual(r->m);
    mem_region_init_ram(&r->ram, r->m, "ram", RAM_SIZE, &error);
    g_assert_no_error(error);
    mem_region_add(&r->m->system_memory, 0, &r->ram, 0);
    r->cpu = cpu_new(r->m, 0, "max", &error);
    g_assert_no_error(error);
    r->cpu->vcpu.machine = r->m;
    r->cpu->memory = &r->m->memory;
    r->cpu->vcpu.ops = &tcg_vcpu_ops;
    g_assert_true(tcg_vcpu_ops.init(&r->cpu->vcpu, &error));
    machine_unlock(r->m);
    clear_all(r);
    return r;
}

static void moo_rig_free(struct moo_rig *r)
{
    tcg_vcpu_ops.destroy(&r->cpu->vcpu);
    machine_lock(r->m);
    cpu_free(r->cpu);
    mem_region_destroy(&r->ram);
    machine_free(r->m);
    g_free(r);
}

static void poke(struct moo_rig *r, uint32_t at, uint8_t v)
{
    at &= RAM_SIZE - 1;
    r->ram.ram->host[at] = v;
    ram_written(r->m, r->ram.ram, at, 1);
}

static void load_case(struct moo_rig *r, const struct moo_case *c)
{
    static const uint8_t segment[SEG_COUNT] = { MOO_ES, MOO_CS, MOO_SS, MOO_DS, MOO_DS, MOO_DS };
    struct x86_cpu *cpu = r->cpu;

    for (unsigned k = 0; k < c->ram.n; k++) {
        poke(r, c->ram.byte[k].at, c->ram.byte[k].v);
    }
    machine_lock(r->m);
    tcg_vcpu_ops.reset(&cpu->vcpu);
    machine_unlock(r->m);
    for (unsigned k = 0; k < 8; k++) {
        cpu->regs[k] = c->before[MOO_AX + k];
    }
    for (unsigned k = 0; k < SEG_COUNT; k++) {
        segment_set_real(&cpu->seg[k], c->before[segment[k]]);
    }
    cpu->regs[R_RIP] = c->before[MOO_IP];
    cpu->eflags = (c->before[MOO_FLAGS] & REAL_FLAGS & ~FLAGS_ARITH) | 2;
    flags_set(cpu, c->before[MOO_FLAGS]);
    cpu_update_mode(cpu);
}

/* A store to a page with code asks the engine, as if from another thread, to come out once. */
static void run_to_halt(struct x86_cpu *cpu)
{
    while (!cpu->halted) {
        atomic_store(&cpu->vcpu.exit_request, false);
        tcg_vcpu_ops.run(&cpu->vcpu);
    }
}

/* The captured processor's memory comes back to HLT everywhere. */
static void clear_case(struct moo_rig *r, const struct moo_case *c, const struct moo_want *w)
{
    const struct moo_ram *sets[] = { &c->ram, &w->ram };

    for (unsigned s = 0; s < 2; s++) {
        for (unsigned k = 0; k < sets[s]->n; k++) {
            poke(r, sets[s]->byte[k].at, OP_HLT);
        }
    }
}

/* Comparison ---------------------------------------------------------------------------------- */

static uint16_t reg_now(const struct x86_cpu *cpu, enum moo_reg n)
{
    static const uint8_t segment[] = { SEG_ES, SEG_CS, SEG_SS, SEG_DS };

    if (n <= MOO_DI) {
        return (uint16_t)cpu->regs[n];
    }
    if (n <= MOO_DS) {
        return cpu->seg[segment[n - MOO_ES]].selector;
    }
    return n == MOO_IP ? (uint16_t)cpu->regs[R_RIP] : (uint16_t)cpu_eflags(cpu);
}

static void compare_regs(struct moo_rig *r, const struct moo_want *w, GString *out)
{
    for (unsigned k = 0; k < MOO_REGS; k++) {
        uint16_t mask = k == MOO_FLAGS ? REAL_FLAGS & ~w->undefined : 0xffff;
        uint16_t got = reg_now(r->cpu, k) & mask, want = w->reg[k] & mask;

        if (got != want) {
            g_string_append_printf(out, " %s %04x, not %04x;", moo_reg_names[k], got, want);
        }
    }
}

static void compare_ram(struct moo_rig *r, const struct moo_want *w, GString *out)
{
    /* Of IP, CS and FLAGS the last; the capture's flag_address is rounded down to a word. */
    uint32_t flags = w->reg[MOO_SS] * 16u + (uint16_t)(w->reg[MOO_SP] + 4);

    for (unsigned k = 0; k < w->ram.n; k++) {
        uint32_t at = w->ram.byte[k].at;
        uint8_t got = r->ram.ram->host[at & (RAM_SIZE - 1)], want = w->ram.byte[k].v, mask = 0xff;

        if (w->exception >= 0 && (at == flags || at == flags + 1)) {
            mask = (uint8_t) ~(w->undefined >> (at == flags ? 0 : 8));
        }
        if ((got ^ want) & mask) {
            g_string_append_printf(out, " [%06x] %02x, not %02x;", at, got, want);
        }
    }
}

/* What the shorter form of the instruction leaves; its own bytes are those of the longer. */
static void want_shorter(struct moo_rig *r, const struct moo_case *c, struct moo_want *w)
{
    g_autofree struct moo_case *shorter = g_memdup2(c, sizeof(*c));

    moo_shorten(shorter);
    load_case(r, shorter);
    run_to_halt(r->cpu);
    for (unsigned k = 0; k < MOO_REGS; k++) {
        w->reg[k] = reg_now(r->cpu, k);
    }
    for (unsigned k = 0; k < w->ram.n; k++) {
        uint32_t at = w->ram.byte[k].at;
        uint32_t in_code = at - (c->before[MOO_CS] * 16u + c->before[MOO_IP]);

        if (in_code >= c->n_bytes) {
            w->ram.byte[k].v = r->ram.ram->host[at & (RAM_SIZE - 1)];
        }
    }
    clear_all(r);
}

/* The row's, but of shifts and rotates those of the count (SDM vol. 2, "RCL" and "SAL"). */
static uint32_t undefined_flags(const struct moo_case *c, const struct insn *i)
{
    unsigned reg = i->modrm >> 3 & 7, count;

    switch (i->opcode) {
    case 0xc0:
    case 0xc1:
        count = i->imm & 31;
        break;
    case 0xd0:
    case 0xd1:
        count = 1;
        break;
    case 0xd2:
    case 0xd3:
        count = c->before[MOO_CX] & 31;
        break;
    default:
        return i->row->undefined;
    }
    if (!count) {
        return 0;
    }
    return (count != 1 ? FLAG_OF : 0) | (reg >= 4 ? FLAG_AF : 0) |
           (reg >= 4 && reg != 7 && count >= i->size * 8u ? FLAG_CF : 0);
}

static void run_case(const struct moo_case *c, void *opaque)
{
    struct moo_file *f = opaque;
    struct moo_rig *r = f->rig;
    struct moo_want *w = &f->want;
    g_autoptr(GString) out = g_string_new(NULL);
    const char *reason;
    struct insn i;

    f->cases++;
    load_case(r, c);
    insn_decode(r->cpu, c->bytes, MIN(c->n_bytes, 15), &i);
    moo_want_captured(w, c);
    w->undefined = undefined_flags(c, &i);
    reason = moo_want_later(w, c, &i);
    if (w->shorter) {
        want_shorter(r, c, w);
        load_case(r, c);
    }
    run_to_halt(r->cpu);
    if (!w->unknown) {
        compare_regs(r, w, out);
        compare_ram(r, w, out);
    }
    if (w->shorter) {
        clear_all(r);
    } else {
        clear_case(r, c, w);
    }
    f->later += reason != NULL;
    f->unknown += w->unknown;
    f->failed += out->len != 0;
    if (out->len && f->failed <= 3) {
        g_test_message("case %u, %s, exception %d%s%s:%s", c->index, c->name, c->exception,
                       reason ? ", " : "", reason ? reason : "", out->str);
    }
}

static void test_file(gconstpointer data)
{
    struct moo_file *f = (struct moo_file *)(uintptr_t)data;
    g_autoptr(GError) error = NULL;

    alarm(MAX_SECONDS); /* code that never halts */
    if (!moo_read(f->path, run_case, f, &error)) {
        g_test_message("%s", error->message);
        g_test_fail();
    }
    g_test_message("%s: %u cases, %u differ, %u as later processors do, %u not compared", f->path,
                   f->cases, f->failed, f->later, f->unknown);
    if (f->failed) {
        g_test_fail();
    }
}

/* Cases that the captures lack, as a 286 would leave them: #GP by 3000:0, #SS would be by 3000:10. */
static void test_later(gconstpointer rig)
{
#define REGS                                                                                       \
    "\"ax\":0,\"bx\":0,\"dx\":0,\"cs\":4096,\"ss\":8192,\"ds\":16384,\"es\":20480,\"ip\":256,"     \
    "\"flags\":2,"
#define RAM   "\"ram\":[[48,16],[49,0],[50,0],[51,48],[52,0],[53,0],[54,0],[55,48],"
#define GONE  "\"cs\":12288,\"ip\":1},\"ram\":["
#define FRAME "[131322,0],[131323,1],[131324,0],[131325,16],[131326,2],[131327,0]"
#define END   "]},\"exception\":{\"number\":13,\"flag_address\":0}}"
    static const char *const lines[] = {
        "{\"idx\":0,\"name\":\"pop ax\",\"bytes\":[88,244],\"initial\":{\"regs\":{" REGS
        "\"cx\":0,\"sp\":65535,\"bp\":0,\"si\":0,\"di\":0}," RAM "[65792,88],[65793,244]]},"
        "\"final\":{\"regs\":{\"sp\":65529," GONE
        "[196601,0],[196602,1],[196603,0],[196604,16],[196605,2],[196606,0]" END,
        "{\"idx\":1,\"name\":\"enter 4,2\",\"bytes\":[200,4,0,2,244],\"initial\":{\"regs\":{" REGS
        "\"cx\":0,\"sp\":256,\"bp\":1,\"si\":0,\"di\":0}," RAM
        "[65792,200],[65793,4],[65794,0],[65795,2],[65796,244]]},"
        "\"final\":{\"regs\":{\"sp\":250," GONE FRAME END,
        "{\"idx\":2,\"name\":\"rep movsw\",\"bytes\":[243,165,244],\"initial\":{\"regs\":{" REGS
        "\"cx\":5,\"sp\":256,\"bp\":0,\"si\":65531,\"di\":16}," RAM
        "[65792,243],[65793,165],[65794,244],[327675,1],[327676,2],[327677,3],[327678,4]]},"
        "\"final\":{\"regs\":{\"sp\":250,\"cx\":2,\"si\":1,\"di\":22," GONE FRAME
        ",[327696,1],[327697,2],[327698,3],[327699,4]" END,
        "{\"idx\":3,\"name\":\"ss outsw\",\"bytes\":[54,111,244],\"initial\":{\"regs\":{" REGS
        "\"cx\":5,\"sp\":256,\"bp\":0,\"si\":65535,\"di\":16}," RAM
        "[65792,54],[65793,111],[65794,244]]},"
        "\"final\":{\"regs\":{\"sp\":250,\"si\":1," GONE FRAME END,
        "{\"idx\":4,\"name\":\"aam 0\",\"bytes\":[212,0,244],\"initial\":{\"regs\":{" REGS
        "\"cx\":5,\"sp\":256,\"bp\":0,\"si\":0,\"di\":0},\"ram\":[[0,0],[1,0],[2,0],[3,48],"
        "[65792,212],[65793,0],[65794,244]]},\"final\":{\"regs\":{\"sp\":250,\"flags\":70," GONE
        "[131322,0],[131323,1],[131324,0],[131325,16],[131326,70],[131327,0]"
        "]},\"exception\":{\"number\":0,\"flag_address\":131326}}",
    };
#undef REGS
#undef RAM
#undef GONE
#undef FRAME
#undef END
    struct moo_file *f = g_new0(struct moo_file, 1);
    g_autofree struct moo_case *c = g_new0(struct moo_case, 1);

    f->rig = (struct moo_rig *)(uintptr_t)rig;
    for (unsigned k = 0; k < G_N_ELEMENTS(lines); k++) {
        g_assert_true(moo_parse(lines[k], c));
        run_case(c, f);
        g_assert_cmpuint(f->failed, ==, 0);
        g_assert_cmpuint(f->later, ==, k + 1);
    }
    g_free(f);
}

static void test_absent(void)
{
    g_test_skip("no captures: set MOO_DIR, or put them into ../shared/data/moo286");
}

static GPtrArray *files_of(const char *dir, struct moo_rig *rig)
{
    GPtrArray *files = g_ptr_array_new();
    g_autoptr(GDir) d = g_dir_open(dir, 0, NULL);
    const char *name;

    while (d && (name = g_dir_read_name(d))) {
        if (g_str_has_suffix(name, ".jsonl.gz")) {
            struct moo_file *f = g_new0(struct moo_file, 1);
            g_autofree char *opcode = g_strndup(name, strlen(name) - strlen(".jsonl.gz"));
            g_autofree char *test = g_strdup_printf("/insn/moo/%s", opcode);

            f->rig = rig;
            f->path = g_build_filename(dir, name, NULL);
            g_ptr_array_add(files, f);
            g_test_add_data_func(test, f, test_file);
        }
    }
    return files;
}

int main(int argc, char **argv)
{
    const char *dir = g_getenv("MOO_DIR");
    struct moo_rig *rig;
    GPtrArray *files;
    int status;

    g_test_init(&argc, &argv, NULL);
    rig = moo_rig_new();
    files = files_of(dir && *dir ? dir : "../shared/data/moo286", rig);
    g_test_add_data_func("/insn/moo-later", rig, test_later);
    if (!files->len) {
        g_test_add_func("/insn/moo", test_absent);
    }
    status = g_test_run();
    for (unsigned k = 0; k < files->len; k++) {
        struct moo_file *f = files->pdata[k];

        g_free(f->path);
        g_free(f);
    }
    g_ptr_array_free(files, TRUE);
    moo_rig_free(rig);
    return status;
}
