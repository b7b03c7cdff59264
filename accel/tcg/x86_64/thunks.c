/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/thunks.c: the code that every block shares: entry, exit, calls of the interpreter, and the
 * inline lookup of jump targets.
 *
 * In translated code guest registers are where host_registers says; R13 to R15 are scratch (stretch.c).  The CPU is
 * reached by its address, which is below 2 GiB.  Flags are in the host's EFLAGS or in cc_op, cc_dst and
 * cc_src.  Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/backend.h"
#include <sys/mman.h>
#include "target/i386/mmu.h"
#include "target/i386/operand.h"
#include "util/error.h"

#define CODE_BUFFER_SIZE (128u << 20)
#define MAX_GROUP_FAILS  16 /* then a block is translated without groups */

/* In memory are those that compilers use least: 0.7 to 2.5 % of all operands of programs, R12 to R14 take 3 to 5. */
/* clang-format off */
const int8_t host_registers[16] = {
    [R_RAX] = H_RAX, [R_RCX] = H_RCX, [R_RDX] = H_RDX, [R_RBX] = H_RBX,
    [R_RSP] = H_R12, [R_RBP] = H_RBP, [R_RSI] = H_RSI, [R_RDI] = H_RDI,
    [R_R8] = H_R8, [R_R9] = -1, [R_R10] = -1, [R_R11] = -1,
    [R_R12] = H_R9, [R_R13] = H_R10, [R_R14] = H_R11, [R_R15] = -1,
};
/* clang-format on */

/* Guest registers that have one of the host, all or those that C code may change, to memory or from there. */
static void emit_move_state(struct emit *e, bool store, bool all)
{
    for (unsigned guest = 0; guest < G_N_ELEMENTS(host_registers); guest++) {
        int host = host_registers[guest];
        bool kept = host == H_RBX || host == H_RBP || host == H_R12;

        if (host < 0 || (kept && !all)) {
            continue;
        }
        if (store) {
            emit_store(e, (unsigned)host, rm_cpu(CPU_REG(guest)));
        } else {
            emit_load(e, (unsigned)host, rm_cpu(CPU_REG(guest)));
        }
    }
}

static void emit_store_state(struct emit *e)
{
    emit_move_state(e, true, true);
}

void emit_load_state(struct emit *e)
{
    emit_move_state(e, false, true);
}

/* The arithmetic flags as EFLAGS bits to the low half of cc_src, and cc_op says so.  Uses R14; EFLAGS stay. */
void emit_save_flags(struct emit *e)
{
    static const uint8_t to_ax[] = {
        0x0f, 0x90, 0xc0,             /* seto al */
        0x0f, 0xb6, 0xc0,             /* movzx eax, al */
        0x8d, 0x04, 0xc5, 0, 0, 0, 0, /* lea eax, [rax * 8]: OF where bits 8 to 15 have it */
        0x9f,                         /* lahf: SF ZF AF PF CF */
    };

    emit_insn(e, E_W, 0x89, H_RAX, rm_reg(H_R14));
    emit_bytes(e, to_ax, sizeof(to_ax));
    emit_insn(e, 0, 0x88, 4 /* ah */, rm_cpu(CPU_FLAGS_LOW));
    emit_insn(e, 0, 0x88, H_RAX, rm_cpu(CPU_FLAGS_HIGH));
    emit_insn(e, E_W, 0x89, H_R14, rm_reg(H_RAX));
    emit_insn(e, 0, 0xc7, 0, rm_cpu(offsetof(struct x86_cpu, cc_op)));
    emit32(e, CC_FLAGS << 2);
}

/* The other way; uses R14.  Of the upper byte OF counts, as a signed overflow; TF and DF are clear there. */
void emit_restore_flags(struct emit *e)
{
    static const uint8_t from_ax[] = {
        0x04, 0x78, /* add al, 0x78: overflows for 8 */
        0x9e,       /* sahf */
    };

    emit_insn(e, E_W, 0x89, H_RAX, rm_reg(H_R14));
    emit_insn(e, 0, 0x8a, H_RAX, rm_cpu(CPU_FLAGS_HIGH));
    emit_insn(e, 0, 0x8a, 4 /* ah */, rm_cpu(CPU_FLAGS_LOW));
    emit_bytes(e, from_ax, sizeof(from_ax));
    emit_insn(e, E_W, 0x89, H_R14, rm_reg(H_RAX));
}

int run_insn(struct x86_cpu *cpu, const struct insn *i, uint64_t rip)
{
    bool x87 = cpu->x87_ready;
    unsigned generation = cpu->tlb.generation;

    x87_settle(cpu, i, rip);
    flags_normalise(cpu);
    cpu->insn_start = rip;
    cpu->regs[R_RIP] = rip + i->len;
    i->exec(cpu, i);
    flags_normalise(cpu);
    update_vectors_usable(cpu);
    return x87_lost(cpu, i, x87) || cpu->stop_block || cpu->tlb.generation != generation;
}

/* call rax with the stack moved by `adjust` bytes for alignment */
static void emit_aligned_call(struct emit *e, unsigned adjust)
{
    if (adjust) {
        emit_lea(e, H_RSP, rm_mem(H_RSP, -(int)adjust));
    }
    emit_insn(e, 0, 0xff, 2, rm_reg(H_RAX));
    if (adjust) {
        emit_lea(e, H_RSP, rm_mem(H_RSP, (int)adjust));
    }
}

/* Arguments in R14 (instruction) and R13 (its rip); state is stored first. */
void emit_call_interpreter(struct backend *k, thunk_fn *run, unsigned adjust)
{
    struct emit *e = &k->e;

    emit_store_state(e);
    emit_call(e, k->store_vectors);
    emit_mov_imm(e, H_RDI, (uint32_t)e->cpu);
    emit_insn(e, E_W, 0x89, H_R14, rm_reg(H_RSI));
    emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_RDX));
    emit_mov_imm(e, H_RAX, (uintptr_t)run);
    emit_aligned_call(e, adjust);
}

static void emit_entry(struct backend *k)
{
    static const uint8_t saved[] = { H_RBX, H_RBP, H_R12, H_R13, H_R14, H_R15 };
    struct emit *e = &k->e;
    uint8_t *no_return;

    k->enter = (struct code_link * (*)(struct x86_cpu *, const void *))(void *)(e->p + e->to_exec);
    for (unsigned n = 0; n < G_N_ELEMENTS(saved); n++) {
        emit_insn(e, 0, 0xff, 6, rm_reg(saved[n]));
    }
    emit_lea(e, H_RSP, rm_mem(H_RSP, -8));
    emit_bytes(e, "\x6a\x00\x4c\x8d\x2d\x00\x00\x00\x00", 9); /* push 0; lea r13, [rip + ...] */
    no_return = e->p - 4;
    emit_insn(e, 0, 0xff, 6, rm_reg(H_R13));
    emit_store(e, H_RSP, rm_cpu(offsetof(struct x86_cpu, return_base)));
    emit_lea(e, H_R13, rm_mem(H_RSP, -RETURNS * RETURN_SIZE));
    emit_store(e, H_R13, rm_cpu(offsetof(struct x86_cpu, return_limit)));
    emit_insn(e, E_W, 0x89, H_RSI, rm_reg(H_R13));
    emit_load_state(e);
    emit_insn(e, 0, 0xff, 4, rm_reg(H_R13));

    /* R13: RIP; R14: what enter() returns */
    k->exit_to = e->p;
    emit_store(e, H_R13, rm_cpu(CPU_REG(R_RIP)));
    k->exit = e->p;
    emit_store_state(e);
    emit_call(e, k->store_vectors);
    emit_insn(e, E_W, 0x89, H_R14, rm_reg(H_RAX));
    k->epilogue = e->p;
    emit_load(e, H_RSP, rm_cpu(offsetof(struct x86_cpu, return_base)));
    emit_lea(e, H_RSP, rm_mem(H_RSP, 8 + RETURN_SIZE));
    for (unsigned n = G_N_ELEMENTS(saved); n-- > 0;) {
        emit_insn(e, 0, 0x8f, 0, rm_reg(saved[n]));
    }
    emit8(e, 0xc3);

    /* A return to 0, R13, that found the address which no call pushed. */
    patch_jump(no_return, e->p);
    emit_insn(e, 0, 0x31, H_R14, rm_reg(H_R14));
    patch_jump(emit_jump(e, -1), k->exit_to);
}

/*
 * Called by code: comes back, with vectors at the level, unless the function returns true.  `flags`:
 * the host's EFLAGS are made the guest's, too.
 */
static uint8_t *emit_returning_thunk(struct backend *k, thunk_fn *fn, enum vector_level level,
                                     bool flags)
{
    struct emit *e = &k->e;
    uint8_t *start = e->p, *leave, *unusable = NULL;

    emit_call_interpreter(k, fn, 8);
    emit_insn(e, 0, 0x85, H_RAX, rm_reg(H_RAX));
    leave = emit_jump(e, CC_NZ);
    if (level != VECTORS_NONE) {
        emit_call(e, k->fill_vectors[level]);
        unusable = emit_jump(e, CC_B);
    }
    emit_load_state(e);
    if (flags) {
        emit_restore_flags(e);
    }
    emit8(e, 0xc3);
    patch_jump(leave, e->p);
    if (unusable) {
        patch_jump(unusable, e->p);
    }
    emit_lea(e, H_RSP, rm_mem(H_RSP, 8));
    emit_insn(e, 0, 0x31, H_RAX, rm_reg(H_RAX));
    patch_jump(emit_jump(e, -1), k->epilogue);
    return start;
}

static void emit_interpreter_thunks(struct backend *k)
{
    for (unsigned level = VECTORS_NONE; level < VECTOR_LEVELS; level++) {
        k->interpret[level] = emit_returning_thunk(k, run_insn, level, true);
        k->load_x87[level] = emit_returning_thunk(k, enter_x87, level, true);
    }
    k->interpret_in_place = emit_returning_thunk(k, run_insn, VECTORS_NONE, false);
}

/* The rest of a block whose check failed, from instruction i on.  True: leave the code. */
static int run_rest(struct x86_cpu *cpu, struct block *b, const struct insn *i, uint64_t rip)
{
    const struct insn *end = b->insn + b->n;
    const struct tcg *t = cpu->engine;
    uint64_t died = t->n_invalidated;

    if (!b->ungrouped && ++b->group_fails == MAX_GROUP_FAILS) {
        b->ungrouped = true;
        translator_forget(cpu->engine, b);
    }
    flags_normalise(cpu);
    x87_settle(cpu, i, rip);
    cpu->regs[R_RIP] = rip;
    do {
        cpu->insn_start = cpu->regs[R_RIP];
        cpu->regs[R_RIP] += i->len;
        i->exec(cpu, i);
        i++;
    } while (i != end && !cpu->stop_block &&
             (!b->path || cpu->regs[R_RIP] == b->path->rip[i - b->insn]));
    return !translator_goes_on(cpu, died);
}

static void emit_rest(struct backend *k)
{
    struct emit *e = &k->e;

    k->interpret_rest = e->p;
    emit_store_state(e);
    emit_call(e, k->store_vectors);
    emit_mov_imm(e, H_RDI, (uint32_t)e->cpu);
    emit_insn(e, E_W, 0x89, H_R15, rm_reg(H_RSI));
    emit_insn(e, E_W, 0x89, H_R14, rm_reg(H_RDX));
    emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_RCX));
    emit_mov_imm(e, H_RAX, (uintptr_t)run_rest);
    emit_aligned_call(e, 0);
    emit_go_on(k);
}

/* Call: afterwards cc_src holds the flags. */
static void emit_normalise(struct backend *k)
{
    struct emit *e = &k->e;

    k->normalise = e->p;
    emit_move_state(e, true, false);
    emit_mov_imm(e, H_RDI, (uint32_t)e->cpu);
    emit_mov_imm(e, H_RAX, (uintptr_t)flags_normalise);
    emit_aligned_call(e, 8);
    emit_move_state(e, false, false);
    emit8(e, 0xc3);
}

/* fn: mmu_refill or its like. */
static void emit_refill_call(struct emit *e, uintptr_t fn)
{
    emit_mov_imm(e, H_RDI, (uint32_t)e->cpu);
    emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_RSI));
    emit_insn(e, MAP_0F, 0xb7, H_RDX, rm_reg(H_R14));
    emit_insn(e, E_W, 0x89, H_R14, rm_reg(H_RCX));
    emit_insn(e, E_W, 0xc1, 5, rm_reg(H_RCX));
    emit8(e, 16);
    emit_mov_imm(e, H_RAX, fn);
    emit_aligned_call(e, 8);
}

/* The quick way first: it leaves the vector registers alone. */
static void emit_refill(struct backend *k, enum vector_level level)
{
    struct emit *e = &k->e;
    uint8_t *slow;

    k->refill[level] = e->p;
    emit_move_state(e, true, false);
    emit_refill_call(e, (uintptr_t)mmu_refill_quick);
    emit_insn(e, 0, 0x83, 7, rm_reg(H_RAX));
    emit8(e, REFILL_NEVER);
    emit_move_state(e, false, false);
    slow = emit_jump(e, CC_B);
    emit8(e, 0xc3);
    patch_jump(slow, e->p);
    emit_store_state(e);
    emit_call(e, k->store_vectors);
    emit_refill_call(e, (uintptr_t)mmu_refill);
    emit_insn(e, MAP_0F, 0xb6, H_R14, rm_reg(H_RAX));
    if (level != VECTORS_NONE) {
        emit_call(e, k->fill_vectors[level]); /* what was usable is */
    }
    emit_load_state(e);
    emit_insn(e, 0, 0x85, H_R14, rm_reg(H_R14));
    emit8(e, 0xc3);
}

/* Call: R13, a linear address, and R14, a size.  NZ: tlb.cross has what is there. */
static void emit_cross(struct backend *k)
{
    struct emit *e = &k->e;

    k->cross = e->p;
    emit_move_state(e, true, false);
    emit_mov_imm(e, H_RDI, (uint32_t)e->cpu);
    emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_RSI));
    emit_insn(e, 0, 0x89, H_R14, rm_reg(H_RDX));
    emit_mov_imm(e, H_RAX, (uintptr_t)mmu_cross_read);
    emit_aligned_call(e, 8);
    emit_insn(e, 0, 0x84, H_RAX, rm_reg(H_RAX)); /* test */
    emit_move_state(e, false, false);
    emit8(e, 0xc3);
}

/* Tables ----------------------------------------------------------------------------------------- */

struct code_entry *code_table(struct backend *k, const struct x86_cpu *cpu)
{
    int mode = translator_mode(cpu);
    unsigned kind = cpu->code64 ? 0 : mode & MODE_SEGMENTED ? 2 : 1;

    return mode < 0 ? NULL : k->table + (kind * 3 + cpu->bank) * k->table_size;
}

void update_tables(struct backend *k, struct x86_cpu *cpu)
{
    cpu->jump_table = code_table(k, cpu);
    cpu->jump_bank = cpu->tlb.exec[cpu->cpl == 3 ? TLB_USER : TLB_KERNEL];
}

/*
 * Each key has two places in a table, its own and that one's neighbour, which is the own place of other keys: the one
 * that was used last is in its own.
 */
static unsigned table_index(const struct backend *k, uint64_t rip)
{
    return (rip ^ rip >> 12) & (k->table_size - 1);
}

static struct code_entry *find_entry(const struct backend *k, struct code_entry *table,
                                     uint64_t key)
{
    unsigned own = table_index(k, key);

    return table[own].rip == key ? &table[own] : table[own ^ 1].rip == key ? &table[own ^ 1] : NULL;
}

/* Its own place, which is another's no more. */
static struct code_entry *take_entry(const struct backend *k, struct code_entry *table,
                                     uint64_t key)
{
    unsigned own = table_index(k, key);
    struct code_entry old = table[own];

    if (old.rip == key) {
        return &table[own];
    }
    if (table[own ^ 1].rip == key) {
        table[own] = table[own ^ 1];
        table[own ^ 1] = old;
    } else if (old.exec) {
        table[own ^ 1] = old;
    }
    return &table[own];
}

void emit_table_slot(const struct backend *k, struct emit *e)
{
    emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_R14));
    emit_insn(e, E_W, 0xc1, 5, rm_reg(H_R14));
    emit8(e, 12);
    emit_insn(e, 0, 0x31, H_R13, rm_reg(H_R14));
    emit_insn(e, 0, 0x81, 4, rm_reg(H_R14));
    emit32(e, k->table_size - 1);
    emit_insn(e, 0, 0xc1, 4, rm_reg(H_R14));
    emit8(e, 5);
}

/*
 * Call: R14, the address of the own entry of R13, holds another.  Z: it holds R13's now, which was in the other place.
 * Uses R14, R15.
 */
static void emit_other_entry(struct backend *k)
{
    struct emit *e = &k->e;
    uint8_t *miss;

    k->other_entry = e->p;
    emit_insn(e, E_W, 0x83, 6, rm_reg(H_R14)); /* xor */
    emit8(e, sizeof(struct code_entry));
    emit_insn(e, E_W, 0x39, H_R13, rm_mem(H_R14, offsetof(struct code_entry, rip)));
    miss = emit_jump(e, CC_NZ);
    emit_insn(e, E_W, 0x83, 4, rm_reg(H_R14)); /* and */
    emit8(e, (uint8_t) - (2 * (int)sizeof(struct code_entry)));
    emit_insn(e, 0, 0xff, 6, rm_reg(H_R13)); /* push */
    for (unsigned at = 0; at < sizeof(struct code_entry); at += 8) {
        struct emit_rm one = rm_mem(H_R14, (int32_t)at);
        struct emit_rm other = rm_mem(H_R14, (int32_t)(at + sizeof(struct code_entry)));

        emit_load(e, H_R13, one);
        emit_load(e, H_R15, other);
        emit_store(e, H_R13, other);
        emit_store(e, H_R15, one);
    }
    emit_insn(e, 0, 0x8f, 0, rm_reg(H_R13)); /* pop */
    emit_insn(e, 0, 0x31, H_R15, rm_reg(H_R15));
    patch_jump(miss, e->p);
    emit8(e, 0xc3);
}

/*
 * For code that changed the mode: the same as branches.c emits inline, with the mode of now.  R13: the
 * key; RIP is in memory.
 */
static void emit_lookup(struct backend *k)
{
    struct emit *e = &k->e;
    uint8_t *miss[3], *again, *other;

    k->lookup = e->p;
    emit_insn(e, 0, 0x80, 7, rm_cpu(CPU_EXIT_REQUEST));
    emit8(e, 0);
    miss[0] = emit_jump(e, CC_NZ);
    again = e->p;
    emit_table_slot(k, e);
    emit_insn(e, E_W, 0x03, H_R14, rm_cpu(offsetof(struct x86_cpu, jump_table)));
    emit_insn(e, E_W, 0x39, H_R13, rm_mem(H_R14, offsetof(struct code_entry, rip)));
    other = emit_jump(e, CC_NZ);
    emit_insn(e, 0, 0x8b, H_R15, rm_mem(H_R14, offsetof(struct code_entry, slot)));
    emit_insn(e, E_W, 0x03, H_R15, rm_cpu(offsetof(struct x86_cpu, jump_bank)));
    emit_load(e, H_R15, rm_mem(H_R15, 0));
    emit_insn(e, E_W, 0x3b, H_R15, rm_mem(H_R14, offsetof(struct code_entry, key)));
    miss[2] = emit_jump(e, CC_NZ);
    emit_insn(e, 0, 0xff, 4, rm_mem(H_R14, offsetof(struct code_entry, exec)));
    patch_jump(other, e->p);
    emit_call(e, k->other_entry);
    patch_jump(emit_jump(e, CC_Z), again);
    miss[1] = emit_jump(e, -1);
    for (unsigned n = 0; n < G_N_ELEMENTS(miss); n++) {
        patch_jump(miss[n], e->p);
    }
    emit_load(e, H_R13, rm_cpu(CPU_REG(R_RIP)));
    k->leave = e->p;
    emit_insn(e, 0, 0x31, H_R14, rm_reg(H_R14));
    patch_jump(emit_jump(e, -1), k->exit_to);

    k->leave_hot = e->p;
    emit_insn(e, 0, 0xc6, 0, rm_cpu(offsetof(struct x86_cpu, hot)));
    emit8(e, 1);
    emit_store(e, H_R14, rm_cpu(offsetof(struct x86_cpu, hot_variant)));
    patch_jump(emit_jump(e, -1), k->leave);
}

void translator_hot_after(struct tcg *t, int32_t times)
{
    t->backend->hot_after = times;
    for (unsigned n = 0; n < CPU_HEAT; n++) {
        t->cpu->heat[n] = times;
    }
}

bool translator_available(void)
{
    return true;
}

static size_t tables_bytes(unsigned table_size)
{
    return (size_t)CODE_TABLES * table_size * sizeof(struct code_entry);
}

static bool is_low(const void *p, size_t size)
{
    return p && (uintptr_t)p + size - 1 <= INT32_MAX;
}

/* What was mapped, in part or all. */
static void free_backend(struct backend *k, unsigned table_size)
{
    if (k->e.start) {
        code_buffer_unmap(k);
    }
    if (k->table) {
        munmap(k->table, tables_bytes(table_size));
    }
    munmap(k, sizeof(*k));
}

/* All vCPUs' tables and states share the 2 GiB that code reaches. */
static unsigned choose_table_size(const struct machine *m)
{
    return m->n_vcpus <= 32 ? 65536 : m->n_vcpus <= 64 ? 32768 : m->n_vcpus <= 128 ? 8192 : 4096;
}

bool translator_init(struct tcg *t, size_t buffer, GError **error)
{
    size_t size = buffer ? buffer : CODE_BUFFER_SIZE;
    unsigned table_size = choose_table_size(t->cpu->vcpu.machine);
    struct backend *k = cpu_map_low(sizeof(*k), false);

    if (k) {
        k->table = cpu_map_low(tables_bytes(table_size), cpu_low_huge(t->cpu->vcpu.machine));
    }
    if (!is_low(t->cpu, sizeof(*t->cpu)) || !is_low(k, sizeof(*k)) ||
        !is_low(k->table, tables_bytes(table_size))) {
        set_error(error, "no memory below 2 GiB for what translated code reaches; "
                         "use -accel tcg,engine=interp");
        if (k) {
            free_backend(k, table_size);
        }
        return false;
    }
    if (!code_buffer_map(k, size, error)) {
        free_backend(k, table_size);
        return false;
    }
    k->table_size = table_size;
    k->e.p = k->e.start;
    k->e.cpu = (int32_t)(uintptr_t)t->cpu;
    find_host_features(k);
    emit_rows_init(k->emit_rows);
    emit_vector_state(k);
    emit_entry(k);
    emit_interpreter_thunks(k);
    for (unsigned level = VECTORS_NONE; level < VECTOR_LEVELS; level++) {
        emit_refill(k, level);
    }
    emit_cross(k);
    emit_site_thunks(k);
    emit_normalise(k);
    emit_other_entry(k);
    emit_lookup(k);
    emit_rest(k);
    emit_system_thunk(k);
    emit_string_thunks(k);
    emit_vector_thunks(k);
    k->blocks_begin = k->e.p;
    k->cold_begin = k->cold = k->e.p + (k->e.end - k->e.p) / 5 * 2;
    t->backend = k;
    translator_hot_after(t, TRACE_AFTER);
    t->cpu->host_mxcsr = 0x1f80; /* as C code expects it */
    init_x87(t->cpu);
    return perf_map_open(t, k, error);
}

void translator_destroy(struct tcg *t)
{
    struct backend *k = t->backend;

    if (k) {
        if (k->perf_map) {
            fclose(k->perf_map);
        }
        free_backend(k, k->table_size);
        t->backend = NULL;
    }
}

static uint64_t code_linear(const struct code *c)
{
    return c->mode & MODE_SEGMENTED ? (uint32_t)c->key : c->key;
}

/* The soft TLB must know the page, or every look-up of this code misses. */
static void enter_into_table(struct backend *k, struct x86_cpu *cpu, const struct code *c)
{
    uint64_t linear = code_linear(c);
    uint64_t key = tlb_exec_key(linear, (uintptr_t)host_page(c->block->host));
    unsigned slot = tlb_exec_slot(linear);

    if (c->variant == 0) {
        struct code_entry *entry = take_entry(k, cpu->jump_table, c->key);
        int32_t left = c->block->path         ? INT32_MAX
                       : entry->rip == c->key ? entry->left
                                              : k->hot_after;

        *entry = (struct code_entry){ c->key, c->entry + k->e.to_exec, key,
                                      slot * (uint32_t)sizeof(cpu->jump_bank[0]), left };
    }
    if (cpu->jump_bank[slot] != key) {
        mmu_fetch_host(cpu, linear);
    }
}

/* Code that expects nothing, from memory alone to memory. */
static struct code_link *enter(struct backend *k, struct x86_cpu *cpu, const void *code)
{
    struct tcg *t = cpu->engine;
    struct code_link *link;

    cpu->vectors_loaded = VECTORS_NONE;
    update_vectors_usable(cpu);
    update_x87_ready(cpu);
    cpu->tlb.n_mixed_sites = 0; /* of code that a fault left */
    t->n_entered++;
    link = k->enter(cpu, code);
    flags_normalise(cpu);
    if (G_UNLIKELY(cpu->tlb.n_mixed_sites)) {
        sites_settle(t);
        return NULL; /* the link may be of that code */
    }
    return link;
}

/* As emit_lookup does. */
bool translator_resume(struct tcg *t, struct code_link **link)
{
    struct backend *k = t->backend;
    struct x86_cpu *cpu = t->cpu;
    uint64_t key = translator_key(cpu), linear = translator_linear(cpu);
    const struct code_entry *entry;

    update_tables(k, cpu);
    entry = find_entry(k, cpu->jump_table, key);
    if (!entry || !entry->exec || cpu->jump_bank[tlb_exec_slot(linear)] != entry->key) {
        return false;
    }
    *link = enter(k, cpu, entry->exec);
    return true;
}

void translator_cool(struct tcg *t, unsigned tries)
{
    uint64_t key = translator_key(t->cpu);
    struct code_entry *entry = find_entry(t->backend, code_table(t->backend, t->cpu), key);
    /* Never 0: the jump back must pass for once, and lead to the trace. */
    int32_t times = MAX(t->backend->hot_after, 1) << MIN(tries, 12);

    t->cpu->heat[HEAT_INDEX(key)] = times;
    if (entry) {
        entry->left = times;
    }
}

struct code_link *translator_run(struct tcg *t, struct code *c)
{
    struct backend *k = t->backend;
    struct x86_cpu *cpu = t->cpu;

    update_tables(k, cpu);
    enter_into_table(k, cpu, c);
    return enter(k, cpu, c->entry + k->e.to_exec);
}

/* Takes a link out of the list of its target. */
static void unlink_target(struct code_link *link)
{
    struct code_link **at;
    const uint64_t none = 0;

    if (!link->to) {
        return;
    }
    for (at = &link->to->in; *at && *at != link; at = &(*at)->next) {
    }
    if (*at) {
        *at = link->next;
    }
    link->to = NULL;
    if (link->key) {
        memcpy(link->key, &none, 8);
    }
    patch_jump(link->field, link->stub);
    patch_jump(link->generic, link->generic + 4);
}

void translator_patch(struct code_link *link, struct code *to)
{
    const uint8_t *page = host_page(to->block->host);

    unlink_target(link);
    if (link->stays || (!link->key && link->page != page)) {
        return;
    }
    link->to = to;
    link->next = to->in;
    to->in = link;
    if (link->key) {
        uint64_t key = tlb_exec_key(code_linear(to), (uintptr_t)page);

        memcpy(link->key, &key, 8);
    }
    if (link->variant == to->variant) {
        patch_jump(link->field, to->entry);
    } else {
        patch_jump(link->generic, to->entry);
    }
}

/* Nothing finds the code by its address any more. */
static void remove_from_tables(struct backend *k, const struct code *c)
{
    for (unsigned n = 0; n < CODE_TABLES; n++) {
        struct code_entry *entry = find_entry(k, k->table + n * k->table_size, c->key);

        if (entry && entry->exec == c->entry + k->e.to_exec) {
            *entry = (struct code_entry){ 0 };
        }
    }
}

void translator_unlink(struct tcg *t, struct code *c)
{
    while (c->in) {
        unlink_target(c->in);
    }
    remove_from_tables(t->backend, c);
}

/* Of b's code all, or what is not needed for copies. */
static void forget(struct tcg *t, struct block *b, bool all)
{
    struct code *c = b->code, *next;

    b->code = NULL;
    b->code_keys = b->n_codes = 0;
    for (; c; c = next) {
        next = c->next;
        if (!all && c->image) {
            keep_code(b, c);
            continue;
        }
        translator_unlink(t, c);
        for (unsigned n = 0; n < c->n_links; n++) {
            unlink_target(&c->links[n]);
        }
        c->next = b->dead_code;
        b->dead_code = c;
    }
}

void translator_forget(struct tcg *t, struct block *b)
{
    forget(t, b, true);
}

void forget_copies(struct tcg *t, struct block *b)
{
    forget(t, b, false);
    if (b->n_codes > MAX_CODES / 2) {
        forget(t, b, true);
    }
}

void translator_reset(struct tcg *t)
{
    struct backend *k = t->backend;
    size_t tables = tables_bytes(k->table_size);

    k->n_sites[0] = k->n_sites[1] = 0;
    t->cpu->tlb.n_mixed_sites = 0;
    memset(k->mixed_sites, 0, sizeof(k->mixed_sites));

    k->e.p = k->blocks_begin;
    k->cold = k->cold_begin;
    k->n_huge = 0;
    k->e.full = false;
    if (madvise(k->table, tables, MADV_DONTNEED) != 0) { /* zeros, touched when used */
        memset(k->table, 0, tables);
    }
    t->n_code_resets++;
}
