/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/x87_control.c: control instructions and the environment images of FNSTENV and FNSAVE
 * (SDM vol. 1, 8.1.10, figures 8-9 to 8-12).  Thread: the vCPU's own.
 */
#include "target/i386/x87_exec.h"

void x_fincdecstp(struct x86_cpu *cpu, const struct insn *i) /* D9 F6: decrement, F7: increment */
{
    x87_record(cpu, i);
    x87_set_cc(cpu, X87_C1, 0);
    cpu->x87.top = (cpu->x87.top + (i->modrm & 1 ? 1 : -1)) & 7;
}

/* FFREE (DD C0) and FFREEP (DF C0), which pops. */
void x_ffree(struct x86_cpu *cpu, const struct insn *i)
{
    x87_record(cpu, i);
    x87_set_cc(cpu, X87_C1, 0);
    cpu->x87.empty |= (uint8_t)(1u << x87_physical(cpu, i->modrm & 7));
    if ((i->opcode & 7) == 7) {
        x87_pop(cpu);
    }
}

void x_fnop(struct x86_cpu *cpu, const struct insn *i)
{
    x87_record(cpu, i);
}

/* FNENI, FNDISI, FNSETPM: of the 8087 and 80287, ignored since. */
void x_f_nothing(struct x86_cpu *cpu, const struct insn *i)
{
    (void)cpu;
    (void)i;
}

void x_fninit(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    x87_init(cpu);
}

void x_fnclex(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    cpu->x87.status &= (uint16_t) ~(FLOAT_ALL | X87_SF);
    x87_update_summary(cpu);
}

void x_fnstcw(struct x86_cpu *cpu, const struct insn *i)
{
    x87_store(cpu, i, cpu->x87.control, 2);
}

void x_fldcw(struct x86_cpu *cpu, const struct insn *i)
{
    x87_set_control_word(cpu, (uint16_t)x87_load(cpu, i, 2));
}

void x_fnstsw(struct x86_cpu *cpu, const struct insn *i)
{
    x87_store(cpu, i, x87_status_word(cpu), 2);
}

void x_fnstsw_ax(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    reg_write(cpu, R_RAX, x87_status_word(cpu), 2);
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v & 0xffff);
    put16(p + 2, v >> 16);
}

static unsigned get16(const uint8_t *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | (uint32_t)get16(p + 2) << 16;
}

/* Real and virtual-8086 mode hold linear addresses and no selectors. */
static bool real_format(const struct x86_cpu *cpu)
{
    return !cpu->protected_mode || cpu->vm86;
}

static unsigned env_size(const struct insn *i)
{
    return i->opsize == 2 ? 14 : 28;
}

static void build_env(const struct x86_cpu *cpu, const struct insn *i, uint8_t *env)
{
    const struct x87_state *x = &cpu->x87;
    uint16_t words[3] = { x->control, x87_status_word(cpu), x87_full_tag_word(cpu) };
    unsigned step = i->opsize == 2 ? 2 : 4;
    uint32_t ip = (uint32_t)x->ip, dp = (uint32_t)x->dp;

    if (real_format(cpu)) {
        ip += (uint32_t)x->cs << 4;
        dp += (uint32_t)x->ds << 4;
    }
    if (step == 2) {
        for (unsigned n = 0; n < 3; n++) {
            put16(env + n * 2, words[n]);
        }
        put16(env + 6, ip & 0xffff);
        put16(env + 8, real_format(cpu) ? (ip >> 4 & 0xf000) | x->opcode : x->cs);
        put16(env + 10, dp & 0xffff);
        put16(env + 12, real_format(cpu) ? dp >> 4 & 0xf000 : x->ds);
        return;
    }
    for (unsigned n = 0; n < 3; n++) {
        put32(env + n * 4, 0xffff0000u | words[n]);
    }
    if (real_format(cpu)) {
        put32(env + 12, 0xffff0000u | (ip & 0xffff));
        put32(env + 16, (ip >> 16) << 12 | x->opcode);
        put32(env + 20, 0xffff0000u | (dp & 0xffff));
        put32(env + 24, (dp >> 16) << 12);
    } else {
        put32(env + 12, ip);
        put32(env + 16, (uint32_t)x->opcode << 16 | x->cs);
        put32(env + 20, dp);
        put32(env + 24, 0xffff0000u | x->ds);
    }
}

static void set_env_pointers(struct x86_cpu *cpu, const struct insn *i, const uint8_t *env)
{
    struct x87_state *x = &cpu->x87;

    x->cs = x->ds = 0;
    if (i->opsize == 2) {
        x->ip = get16(env + 6);
        x->dp = get16(env + 10);
        if (real_format(cpu)) {
            x->ip |= (uint64_t)(get16(env + 8) & 0xf000) << 4;
            x->dp |= (uint64_t)(get16(env + 12) & 0xf000) << 4;
            x->opcode = get16(env + 8) & 0x7ff;
        } else {
            x->cs = (uint16_t)get16(env + 8);
            x->ds = (uint16_t)get16(env + 12);
        }
    } else if (real_format(cpu)) {
        x->ip = get16(env + 12) | (uint64_t)(get32(env + 16) >> 12 & 0xffff) << 16;
        x->dp = get16(env + 20) | (uint64_t)(get32(env + 24) >> 12 & 0xffff) << 16;
        x->opcode = get16(env + 16) & 0x7ff;
    } else {
        x->ip = get32(env + 12);
        x->cs = (uint16_t)get16(env + 16);
        x->opcode = get16(env + 18) & 0x7ff;
        x->dp = get32(env + 20);
        x->ds = (uint16_t)get16(env + 24);
    }
}

static void load_env(struct x86_cpu *cpu, const struct insn *i, const uint8_t *env)
{
    unsigned step = i->opsize == 2 ? 2 : 4;

    x87_set_control_word(cpu, (uint16_t)get16(env));
    x87_set_status_word(cpu, (uint16_t)get16(env + step));
    x87_set_full_tag_word(cpu, (uint16_t)get16(env + 2 * step));
    set_env_pointers(cpu, i, env);
}

/* Then masks every exception. */
void x_fnstenv(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned len = env_size(i);
    uint8_t env[28];

    build_env(cpu, i, env);
    mem_write_bytes(cpu, operand_linear(cpu, i, len, true), env, len, cpu->bank);
    x87_set_control_word(cpu, cpu->x87.control | FLOAT_ALL);
}

void x_fldenv(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned len = env_size(i);
    uint8_t env[28];

    mem_read_bytes(cpu, operand_linear(cpu, i, len, false), env, len, cpu->bank);
    load_env(cpu, i, env);
}

/* The environment and ST(0) to ST(7), 10 bytes each; then as FNINIT. */
void x_fnsave(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned len = env_size(i);
    uint8_t image[28 + 80];

    build_env(cpu, i, image);
    for (unsigned n = 0; n < 8; n++) {
        struct float80 r = x87_get(cpu, n);

        memcpy(image + len + n * 10, &r.mant, 8);
        memcpy(image + len + n * 10 + 8, &r.sexp, 2);
    }
    len += 80;
    mem_write_bytes(cpu, operand_linear(cpu, i, len, true), image, len, cpu->bank);
    x87_init(cpu);
}

void x_frstor(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned len = env_size(i);
    uint8_t image[28 + 80];

    mem_read_bytes(cpu, operand_linear(cpu, i, len + 80, false), image, len + 80, cpu->bank);
    load_env(cpu, i, image);
    for (unsigned n = 0; n < 8; n++) {
        struct float80 *r = &cpu->x87.reg[x87_physical(cpu, n)];

        memcpy(&r->mant, image + len + n * 10, 8);
        memcpy(&r->sexp, image + len + n * 10 + 8, 2);
    }
}
