/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/decode_test.c: lengths and memory operands of random instructions against Capstone's,
 * the 15-byte limit, and that no byte beyond `avail` is read.
 *
 * What the two decoders see otherwise is a row of `known`, with the reason.
 */
#include <string.h>
#include <sys/mman.h>
#include "target/i386/operand.h"
#include "tests/insn/decode_capstone.h"

#define ROUNDS 60000

static uint64_t seed = 1;

static uint64_t next(void)
{
    uint64_t z = seed += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static struct x86_cpu *decode_cpu(unsigned code_size)
{
    struct x86_cpu *cpu = g_new0(struct x86_cpu, 1);

    memset(cpu->features, 0xff, sizeof(cpu->features));
    cpu->code_size = (uint8_t)code_size;
    cpu->code64 = code_size == 8;
    cpu->protected_mode = true;
    return cpu;
}

/* Prefixes that make sense, then anything. */
static void random_bytes(uint8_t bytes[16], unsigned code_size)
{
    static const uint8_t prefixes[] = { 0x66, 0x67, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26,
                                        0x64, 0x65, 0xf0, 0x66, 0x67, 0xf3, 0x66, 0x67 };
    unsigned n = 0;
    uint64_t r = next(), v[2] = { next(), next() };

    memcpy(bytes, v, 16);
    while ((r & 3) == 0 && n < 4) {
        bytes[n++] = prefixes[r >> 8 & 15];
        r = next();
    }
    if (code_size == 8 && (r & 4)) {
        bytes[n++] = 0x40 | (r >> 16 & 15);
    }
    if (r & 8) {
        bytes[n++] = 0x0f;
        if ((r >> 4 & 15) == 0) {
            bytes[n++] = r >> 32 & 1 ? 0x38 : 0x3a;
        }
    }
}

/* A page that ends where nothing is mapped: bytes put at its end cannot be overread. */
static uint8_t *guarded_page(void)
{
    uint8_t *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    g_assert_true(p != MAP_FAILED);
    g_assert_cmpint(mprotect(p + 4096, 4096, PROT_NONE), ==, 0);
    return p;
}

/* Every prefix of an instruction is "truncated", until it is whole; then it says what it said. */
static void test_truncated(gconstpointer data)
{
    struct x86_cpu *cpu = decode_cpu(GPOINTER_TO_UINT(data));
    uint8_t *page = guarded_page(), bytes[16];

    for (unsigned k = 0; k < ROUNDS; k++) {
        struct insn whole, part;
        enum decode_result r;

        random_bytes(bytes, cpu->code_size);
        r = insn_decode(cpu, bytes, 15, &whole);
        if (r != DECODE_OK) {
            continue;
        }
        for (unsigned n = 0; n <= whole.len; n++) {
            uint8_t *at = page + 4096 - n;

            memcpy(at, bytes, n);
            r = insn_decode(cpu, at, n, &part);
            g_assert_cmpint(r, ==, n < whole.len ? DECODE_TRUNCATED : DECODE_OK);
        }
        g_assert_cmpmem(&part, sizeof(part), &whole, sizeof(whole));
    }
    munmap(page, 8192);
    g_free(cpu);
}

/* The same for bytes that are no instruction: whatever the result, nothing beyond is read. */
static void test_truncated_garbage(void)
{
    struct x86_cpu *cpu = decode_cpu(8);
    uint8_t *page = guarded_page();
    struct insn insn;

    for (unsigned k = 0; k < ROUNDS; k++) {
        uint8_t bytes[16];
        unsigned n = next() & 15;

        random_bytes(bytes, 8);
        memcpy(page + 4096 - n, bytes, n);
        insn_decode(cpu, page + 4096 - n, n, &insn);
    }
    munmap(page, 8192);
    g_free(cpu);
}

static void test_too_long(void)
{
    struct x86_cpu *cpu = decode_cpu(8);
    uint8_t bytes[24];
    struct insn insn;

    memset(bytes, 0x66, sizeof(bytes));
    bytes[14] = 0x90;
    g_assert_cmpint(insn_decode(cpu, bytes, 15, &insn), ==, DECODE_OK);
    g_assert_cmpint(insn.len, ==, 15);
    bytes[14] = 0x66;
    bytes[15] = 0x90;
    g_assert_cmpint(insn_decode(cpu, bytes, 16, &insn), ==, DECODE_TOO_LONG);
    /* The limit counts the immediate: 8 + 81 /0 [sib disp32] imm32 is 15, with one prefix more 16. */
    memset(bytes, 0x66, sizeof(bytes));
    memcpy(bytes + 4, "\x48\x81\x84\x24\1\2\3\4\1\2\3\4", 12);
    g_assert_cmpint(insn_decode(cpu, bytes, 16, &insn), ==, DECODE_TOO_LONG);
    g_assert_cmpint(insn_decode(cpu, bytes + 1, 15, &insn), ==, DECODE_OK);
    g_assert_cmpint(insn.len, ==, 15);
    g_free(cpu);
}

struct seen {
    const uint8_t *bytes;
    enum decode_result result;
    const struct insn *ours;
    const struct capstone_insn *theirs; /* length 0: not an instruction */
};

/* Rows that Capstone 4 and 5 do not know or know otherwise; and extensions that are not here. */
static const struct known {
    const char *mnemonic; /* a trailing * matches any end */
    bool theirs;          /* Capstone's name, else ours */
    const char *reason;
} known[] = {
    { "ud0", false, "has a ModRM byte (SDM vol. 2, \"UD\"), which Capstone leaves out" },
    { "ud1", false, "the same" },
};

static bool matches(const char *pattern, const char *name)
{
    size_t n = strlen(pattern);

    return pattern[n - 1] == '*' ? !strncmp(pattern, name, n - 1) : !strcmp(pattern, name);
}

static bool is_known(const struct seen *s)
{
    const char *ours = s->ours->row->mnemonic;

    /* Capstone's 66 shortens near branches in 64-bit code, AMD's way; and 67 confuses it there. */
    if ((s->ours->row->flags & ROW_F64) && (s->ours->prefixes & (PREFIX_66 | PREFIX_67))) {
        return true;
    }
    for (unsigned k = 0; k < G_N_ELEMENTS(known); k++) {
        if (matches(known[k].mnemonic, known[k].theirs ? s->theirs->mnemonic : ours)) {
            return true;
        }
    }
    return false;
}

/* Number of a general register by any of its names; R_ZERO for none. */
static unsigned register_number(const char *name)
{
    static const char *const names[] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di" };

    if (!*name || g_str_has_suffix(name, "iz")) {
        return R_ZERO;
    }
    if (g_str_has_suffix(name, "ip")) {
        return R_RIP;
    }
    for (unsigned k = 0; k < 8; k++) {
        if (g_str_has_suffix(name, names[k])) {
            return k;
        }
    }
    return name[0] == 'r' ? (unsigned)g_ascii_strtoull(name + 1, NULL, 10) : R_COUNT;
}

static bool same_address(const struct insn *i, const struct capstone_insn *c)
{
    uint64_t mask = size_mask(i->addrsize);

    return register_number(c->base) == i->base && register_number(c->index) == i->index &&
           (i->index == R_ZERO || c->scale == 1u << i->scale) &&
           !(((uint64_t)c->disp ^ (uint64_t)i->disp) & mask);
}

static bool has_memory(const struct insn *i)
{
    for (unsigned k = 0; k < 4; k++) {
        if (i->op[k].kind == OPND_MEM) {
            return true;
        }
    }
    return false;
}

static void report(const struct seen *s, const char *what)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned k = 0; k < 15; k++) {
        g_string_append_printf(text, "%02x ", s->bytes[k]);
    }
    g_test_message("%s: %s: ours %s (%d, %u bytes), Capstone's %s %s (%u bytes)", what, text->str,
                   s->ours->row ? s->ours->row->mnemonic : "?", s->result, s->ours->len,
                   s->theirs->mnemonic, s->theirs->operands, s->theirs->length);
    g_test_fail();
}

static bool compare(const struct seen *s)
{
    /* What is an instruction at all the host decides, in integer_test and sse_test. */
    if (s->result != DECODE_OK || !s->theirs->length || is_known(s)) {
        return true;
    }
    if (s->ours->len != s->theirs->length) {
        report(s, "length");
    } else if (s->theirs->has_memory && has_memory(s->ours) && !same_address(s->ours, s->theirs)) {
        report(s, "address");
    } else {
        return true;
    }
    return false;
}

static void test_capstone(gconstpointer data)
{
    unsigned size = GPOINTER_TO_UINT(data), bad = 0;
    struct x86_cpu *cpu = decode_cpu(size);
    struct capstone *capstone = capstone_new(size);

    if (!capstone) {
        g_test_skip("built without Capstone");
    }
    for (unsigned k = 0; capstone && k < ROUNDS && bad < 40; k++) {
        uint8_t bytes[16];
        struct insn insn;
        struct capstone_insn theirs;
        struct seen s = { .bytes = bytes, .ours = &insn, .theirs = &theirs };

        random_bytes(bytes, size);
        s.result = insn_decode(cpu, bytes, 15, &insn);
        capstone_decode(capstone, bytes, 15, &theirs);
        bad += !compare(&s);
    }
    capstone_free(capstone);
    g_free(cpu);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *bits;
        unsigned code_size;
    } modes[] = { { "16", 2 }, { "32", 4 }, { "64", 8 } };

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/insn/decode/15-bytes", test_too_long);
    g_test_add_func("/insn/decode/garbage", test_truncated_garbage);
    for (unsigned k = 0; k < G_N_ELEMENTS(modes); k++) {
        gconstpointer size = GUINT_TO_POINTER(modes[k].code_size);
        g_autofree char *cut = g_strdup_printf("/insn/decode/truncated/%s", modes[k].bits);
        g_autofree char *capstone = g_strdup_printf("/insn/decode/capstone/%s", modes[k].bits);

        g_test_add_data_func(cut, size, test_truncated);
        g_test_add_data_func(capstone, size, test_capstone);
    }
    return g_test_run();
}
