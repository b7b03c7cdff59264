/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/exec_string.c: MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS with their repeat prefixes.
 *
 * Registers are brought up to date after every element, so that a fault or an interrupt restarts
 * the instruction where it stood.  One execution does a bounded number of elements and then begins
 * the instruction again, which is where interrupts are taken.  Runs inside a page of RAM go by
 * host memory functions.  Thread: the vCPU's own.
 */
#include "target/i386/exec_int.h"
#include "target/i386/operand.h"

#define ELEMENTS_AT_ONCE 8192

/* What one string instruction works with; offsets and count wrap to the address size. */
struct string_run {
    uint64_t mask; /* of the address size */
    unsigned addrsize;
    int64_t step;  /* bytes an element, negative with DF */
    uint64_t left; /* elements to do in this execution; 1 without a prefix */
    bool repeat;
};

/* Traps come after each element, and show what it left. */
static bool traps_each_element(const struct x86_cpu *cpu)
{
    return (cpu->eflags & FLAG_TF) || (cpu->dr[7] & 0xff) || cpu->vcpu.debug.slow;
}

static struct string_run string_begin(struct x86_cpu *cpu, const struct insn *i)
{
    struct string_run s = {
        .mask = size_mask(i->addrsize),
        .addrsize = i->addrsize,
        .step = cpu->eflags & FLAG_DF ? -(int64_t)i->size : (int64_t)i->size,
        .left = 1,
        .repeat = i->prefixes & (PREFIX_REP | PREFIX_REPNE),
    };

    if (s.repeat) {
        s.left = cpu->regs[R_RCX] & s.mask;
        if (s.left > ELEMENTS_AT_ONCE) {
            s.left = ELEMENTS_AT_ONCE;
        }
        if (s.left && traps_each_element(cpu)) {
            s.left = 1;
        }
    }
    return s;
}

static void advance(struct x86_cpu *cpu, const struct string_run *s, unsigned reg, uint64_t n)
{
    uint64_t v = cpu->regs[reg] + (uint64_t)s->step * n;

    reg_write(cpu, reg, v, s->addrsize);
}

static void count_down(struct x86_cpu *cpu, struct string_run *s, uint64_t n)
{
    s->left -= n;
    if (s->repeat) {
        reg_write(cpu, R_RCX, cpu->regs[R_RCX] - n, s->addrsize);
    }
}

/*
 * Elements left in the guest's counter: run the instruction again.  What interrupts it there pushes
 * RF, since its breakpoint has been met (SDM vol. 3, 2.3).
 */
static void string_end(struct x86_cpu *cpu, const struct string_run *s)
{
    if (s->repeat && (cpu->regs[R_RCX] & s->mask)) {
        cpu->regs[R_RIP] = cpu->insn_start;
        cpu->eflags |= FLAG_RF;
        cpu->stop_block = true;
    }
}

/*
 * How many elements from this offset can be done as one run of host memory: forward, within one
 * page, one segment check for all.  *host is set when the result is not zero.
 */
static uint64_t host_run(struct x86_cpu *cpu, const struct insn *i, const struct string_run *s,
                         unsigned seg, unsigned reg, bool write, uint8_t **host)
{
    uint64_t off = cpu->regs[reg] & s->mask, n = s->left, linear, room;

    if (s->step < 0 || n < 8) {
        return 0;
    }
    linear = segment_linear(cpu, seg, off, i->size, write);
    room = (4096 - (linear & 4095)) / i->size;
    n = MIN(n, room);
    if (n < 2 || off + n * i->size - 1 > s->mask) {
        return 0;
    }
    segment_linear(cpu, seg, off, (unsigned)(n * i->size), write);
    *host = mem_host(cpu, linear, (unsigned)(n * i->size), write, cpu->bank);
    return *host ? n : 0;
}

/* A run that would meet the segment's limit is done element by element, so that it faults in place. */
static bool run_in_limit(struct x86_cpu *cpu, unsigned seg, uint64_t off, uint64_t bytes)
{
    const struct segment *sg = &cpu->seg[seg];

    if (cpu->code64) {
        return true;
    }
    return !(sg->attr & ATTR_CODE) && !(sg->attr & ATTR_E) && off + bytes - 1 <= sg->limit;
}

/*
 * For larger pieces the C library takes REP MOVSB, which is an order slower on some hosts (Zen 4) where
 * a destination's low bits are just above its source's.
 */
static void copy_in_pieces(uint8_t *to, const uint8_t *from, size_t bytes)
{
    for (size_t n; bytes; to += n, from += n, bytes -= n) {
        n = MIN(bytes, 1024);
        guest_ram_copy(to, from, n);
    }
}

void x_movs(struct x86_cpu *cpu, const struct insn *i)
{
    struct string_run s = string_begin(cpu, i);

    while (s.left) {
        uint8_t *from, *to;
        uint64_t n = 0, m;

        if (s.left >= 8 &&
            run_in_limit(cpu, i->seg, cpu->regs[R_RSI] & s.mask, MIN(s.left * i->size, 4096)) &&
            run_in_limit(cpu, SEG_ES, cpu->regs[R_RDI] & s.mask, MIN(s.left * i->size, 4096))) {
            n = host_run(cpu, i, &s, i->seg, R_RSI, false, &from);
            m = n ? host_run(cpu, i, &s, SEG_ES, R_RDI, true, &to) : 0;
            n = MIN(n, m);
        }
        if (n) {
            size_t bytes = n * i->size, gap = (size_t)(to - from);

            /* A destination just above its source repeats the bytes between them. */
            if (to > from && gap < bytes) {
                for (size_t b = 0; b < bytes; b += i->size) {
                    guest_ram_copy(to + b, from + b, i->size);
                }
            } else {
                copy_in_pieces(to, from, bytes);
            }
        } else {
            uint64_t v = segment_load(cpu, i->seg, cpu->regs[R_RSI] & s.mask, i->size);

            segment_store(cpu, SEG_ES, cpu->regs[R_RDI] & s.mask, v, i->size);
            n = 1;
        }
        advance(cpu, &s, R_RSI, n);
        advance(cpu, &s, R_RDI, n);
        count_down(cpu, &s, n);
        if (cpu->stop_block) {
            break;
        }
    }
    string_end(cpu, &s);
}

static void fill(uint8_t *to, uint64_t v, unsigned size, uint64_t n)
{
    uint64_t k;

    if (size == 1 || v == 0) {
        guest_ram_fill(to, v & 0xff, n * size);
        return;
    }
    guest_ram_store(to, v, size);
    for (k = size; k < n * size; k *= 2) { /* what is filled already, once more behind it */
        guest_ram_copy(to + k, to, MIN(k, n * size - k));
    }
}

void x_stos(struct x86_cpu *cpu, const struct insn *i)
{
    struct string_run s = string_begin(cpu, i);
    uint64_t v = reg_read(cpu, R_RAX, i->size);

    while (s.left) {
        uint8_t *to;
        uint64_t n = 0;

        if (s.left >= 8 &&
            run_in_limit(cpu, SEG_ES, cpu->regs[R_RDI] & s.mask, MIN(s.left * i->size, 4096))) {
            n = host_run(cpu, i, &s, SEG_ES, R_RDI, true, &to);
        }
        if (n) {
            fill(to, v, i->size, n);
        } else {
            segment_store(cpu, SEG_ES, cpu->regs[R_RDI] & s.mask, v, i->size);
            n = 1;
        }
        advance(cpu, &s, R_RDI, n);
        count_down(cpu, &s, n);
        if (cpu->stop_block) {
            break;
        }
    }
    string_end(cpu, &s);
}

void x_lods(struct x86_cpu *cpu, const struct insn *i)
{
    struct string_run s = string_begin(cpu, i);

    while (s.left) {
        uint64_t v = segment_load(cpu, i->seg, cpu->regs[R_RSI] & s.mask, i->size);

        reg_write(cpu, R_RAX, v, i->size);
        advance(cpu, &s, R_RSI, 1);
        count_down(cpu, &s, 1);
    }
    string_end(cpu, &s);
}

/* REPE goes on while ZF is set, REPNE while it is clear. */
static bool compare_goes_on(const struct insn *i, bool equal)
{
    if (i->prefixes & PREFIX_REPNE) {
        return !equal;
    }
    return equal;
}

/*
 * Ends an execution of CMPS or SCAS, whose last element compared a with b.  One that will begin again
 * leaves the flags alone, unless a trap shows them.
 */
static void compare_end(struct x86_cpu *cpu, const struct insn *i, const struct string_run *s,
                        uint64_t a, uint64_t b, bool ended)
{
    bool again = s->repeat && !ended && (cpu->regs[R_RCX] & s->mask);

    if (!again || traps_each_element(cpu)) {
        flags_lazy(cpu, CC_SUB, i->size, a - b, b);
    }
    if (!ended) {
        string_end(cpu, s);
    }
}

/*
 * CMPS and SCAS: a fault finds the flags of before the instruction, whatever was compared before it
 * (SDM vol. 2, "REP").  CMPS reads ES:rDI first, as processors do.
 */
void x_cmps(struct x86_cpu *cpu, const struct insn *i)
{
    struct string_run s = string_begin(cpu, i);
    bool ended = false, any = s.left;
    uint64_t a = 0, b = 0;

    while (s.left && !ended) {
        b = segment_load(cpu, SEG_ES, cpu->regs[R_RDI] & s.mask, i->size);
        a = segment_load(cpu, i->seg, cpu->regs[R_RSI] & s.mask, i->size);
        advance(cpu, &s, R_RSI, 1);
        advance(cpu, &s, R_RDI, 1);
        count_down(cpu, &s, 1);
        ended = s.repeat && !compare_goes_on(i, a == b);
    }
    if (any) {
        compare_end(cpu, i, &s, a, b, ended);
    }
}

void x_scas(struct x86_cpu *cpu, const struct insn *i)
{
    struct string_run s = string_begin(cpu, i);
    uint64_t a = reg_read(cpu, R_RAX, i->size);
    bool ended = false, any = s.left;
    uint64_t b = 0;

    while (s.left && !ended) {
        b = segment_load(cpu, SEG_ES, cpu->regs[R_RDI] & s.mask, i->size);
        advance(cpu, &s, R_RDI, 1);
        count_down(cpu, &s, 1);
        ended = s.repeat && !compare_goes_on(i, a == b);
    }
    if (any) {
        compare_end(cpu, i, &s, a, b, ended);
    }
}

/* The destination is probed first: a port read cannot be taken back. */
void x_ins(struct x86_cpu *cpu, const struct insn *i)
{
    struct string_run s = string_begin(cpu, i);
    uint16_t port = (uint16_t)cpu->regs[R_RDX];

    check_io(cpu, port, i->size);
    while (s.left) {
        uint64_t linear = segment_linear(cpu, SEG_ES, cpu->regs[R_RDI] & s.mask, i->size, true);
        uint64_t v;

        mem_probe_write_slow(cpu, linear, i->size, cpu->bank);
        v = address_space_load(&cpu->vcpu.machine->io, port, i->size);
        linear_store(cpu, linear, v, i->size);
        advance(cpu, &s, R_RDI, 1);
        count_down(cpu, &s, 1);
        if (cpu->vcpu.exit_request) {
            break;
        }
    }
    string_end(cpu, &s);
}

void x_outs(struct x86_cpu *cpu, const struct insn *i)
{
    struct string_run s = string_begin(cpu, i);
    uint16_t port = (uint16_t)cpu->regs[R_RDX];

    check_io(cpu, port, i->size);
    while (s.left) {
        uint64_t v = segment_load(cpu, i->seg, cpu->regs[R_RSI] & s.mask, i->size);

        address_space_store(&cpu->vcpu.machine->io, port, v, i->size);
        advance(cpu, &s, R_RSI, 1);
        count_down(cpu, &s, 1);
        if (cpu->vcpu.exit_request) {
            break;
        }
    }
    string_end(cpu, &s);
}
