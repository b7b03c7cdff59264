/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * branch.c: programs of indirect jumps: calls through tables, and an interpreter of bytecode.
 */
#include "tests/bench/c/bench.h"

struct shape;

struct shape_class {
    uint64_t (*area)(const struct shape *shape);
    void (*grow)(struct shape *shape, unsigned by);
};

struct shape {
    const struct shape_class *class;
    uint32_t width, height;
};

/* clang-format off */
static uint64_t square_area(const struct shape *s)   { return (uint64_t)s->width * s->width; }
static uint64_t oblong_area(const struct shape *s)   { return (uint64_t)s->width * s->height; }
static uint64_t triangle_area(const struct shape *s) { return (uint64_t)s->width * s->height / 2; }
static uint64_t frame_area(const struct shape *s)    { return 2ull * (s->width + s->height); }

static void grow_width(struct shape *s, unsigned by)  { s->width = (s->width + by) & 1023; }
static void grow_height(struct shape *s, unsigned by) { s->height = (s->height ^ by) & 1023; }
/* clang-format on */
static void grow_both(struct shape *s, unsigned by)
{
    s->width = (s->width + by) & 511;
    s->height = (s->height + 1) & 511;
}

static uint64_t run_virtual(uint64_t n)
{
    static const struct shape_class classes[] = {
        { square_area, grow_width },
        { oblong_area, grow_height },
        { triangle_area, grow_both },
        { frame_area, grow_width },
    };
    static struct shape shapes[64];
    uint64_t seed = 5, sum = 0;

    for (int i = 0; i < 64; i++) {
        shapes[i] = (struct shape){ &classes[next_random(&seed) % 4], i * 7 + 1, i * 3 + 2 };
    }
    while (n--) {
        for (int i = 0; i < 64; i++) {
            struct shape *shape = &shapes[i];

            sum += shape->class->area(shape);
            shape->class->grow(shape, i);
        }
    }
    return sum;
}

enum op { PUSH, LOAD, STORE, ADD, SUB, MUL, XOR, SHR, LESS, JUMP_IF, DUP, SWAP, DROP, END };

/* for (i = 0; i != limit; i++) sum = (sum * 31 ^ i) + (sum >> 3), in 21 instructions a turn. */
/* clang-format off */
static const uint8_t program[] = {
    PUSH, 0, STORE, 1,                                  /* i */
    LOAD, 0, PUSH, 31, MUL, LOAD, 1, XOR,               /* 4: */
    LOAD, 0, PUSH, 3, SHR, ADD, DUP, STORE, 0,
    LOAD, 1, SWAP, DROP, PUSH, 1, ADD, DUP, STORE, 1,
    LOAD, 2, LESS, JUMP_IF, 4, END,
};
/* clang-format on */

static void interpret(uint64_t *variables)
{
    uint64_t stack[16], *top = stack, value;
    const uint8_t *pc = program;

    for (;;) {
        /* clang-format off */
        switch ((enum op)*pc++) {
        case PUSH:    *top++ = *pc++; break;
        case LOAD:    *top++ = variables[*pc++]; break;
        case STORE:   variables[*pc++] = *--top; break;
        case ADD:     top--; top[-1] += top[0]; break;
        case SUB:     top--; top[-1] -= top[0]; break;
        case MUL:     top--; top[-1] *= top[0]; break;
        case XOR:     top--; top[-1] ^= top[0]; break;
        case SHR:     top--; top[-1] >>= top[0] & 63; break;
        case LESS:    top--; top[-1] = top[-1] < top[0]; break;
        case JUMP_IF: pc = *--top ? program + *pc : pc + 1; break;
        case DUP:     *top = top[-1]; top++; break;
        case SWAP:    value = top[-1]; top[-1] = top[-2]; top[-2] = value; break;
        case DROP:    top--; break;
        case END:     return;
        }
        /* clang-format on */
    }
}

static uint64_t run_bytecode(uint64_t n)
{
    uint64_t variables[3] = { 1, 0, n };

    interpret(variables);
    return variables[0];
}

int main(int argc, char **argv)
{
    static const struct job jobs[] = {
        { "virtual", run_virtual },
        { "bytecode", run_bytecode },
        { NULL, NULL },
    };

    return run_job(jobs, argc, argv);
}
