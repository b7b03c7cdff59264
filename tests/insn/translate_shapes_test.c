/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/translate_shapes_test.c: how many host instructions typical guest code becomes, in line, up
 * to where control leaves the straight path.  A change of the translator shows here as a diff: when
 * it is meant, the new table that a failure prints goes in place of the old one.  And that much code lies on huge pages.
 * Thread: the test's own.
 */
#include <stdio.h>
#include <sys/mman.h>
#include "accel/tcg/tcg.h"
#include "accel/tcg/translator.h"
#include "tests/insn/system_rig.h"
#include "util/map.h"

#define MAX_COUNT 200

struct shape {
    const char *name, *bytes; /* guest code; HLT follows */
    unsigned len, count;
};

#define SHAPE(name, bytes, count)                                                                  \
    {                                                                                              \
        name, bytes, sizeof(bytes) - 1, count                                                      \
    }

/* clang-format off */
static const struct shape shapes[] = {
    SHAPE("hlt",                 "",                                    3),
    SHAPE("add rax,rbx",         "\x48\x01\xd8",                        7),
    SHAPE("mov r12,rax",         "\x49\x89\xc4",                        4),
    SHAPE("lea rax,[rbx+rcx*4]", "\x48\x8d\x04\x8b",                    4),
    SHAPE("mov rax,[rbx+8]",     "\x48\x8b\x43\x08",                    11),
    SHAPE("mov [rbx+8],rax",     "\x48\x89\x43\x08",                    11),
    SHAPE("two loads off rbx",   "\x48\x8b\x43\x08\x48\x8b\x4b\x10",    13),
    SHAPE("two loads off rbx, two off rcx", "\x48\x8b\x43\x08\x48\x8b\x51\x10\x48\x8b\x73\x10\x48\x8b\x79\x08", 25),
    SHAPE("two loads off rip",   "\x48\x8b\x05\x00\x01\x00\x00\x48\x8b\x1d\x00\x01\x00\x00", 9),
    SHAPE("mov rax,gs:[0x28]",   "\x65\x48\x8b\x04\x25\x28\x00\x00\x00", 13),
    SHAPE("push rbp",            "\x55",                                10),
    SHAPE("push rbp; push rbx",  "\x55\x53",                            13),
    SHAPE("pop rbp",             "\x5d",                                10),
    SHAPE("push [rbx]",          "\xff\x33",                            20),
    SHAPE("mov rax,[rsp+8]",     "\x48\x8b\x44\x24\x08",            9),
    SHAPE("mov rax,[rsp+4096]",  "\x48\x8b\x84\x24\x00\x10\x00\x00", 11),
    SHAPE("cmp rax,rbx; jz",     "\x48\x39\xd8\x74\x01\x90",            3),
    SHAPE("cmp [rbx],1; jz",     "\x83\x3b\x01\x74\x01\x90",            12),
    SHAPE("call",                "\xe8\x01\x00\x00\x00\x90",            13),
    SHAPE("ret",                 "\xc3",                                16),
    SHAPE("add r10,rax",         "\x49\x01\xc2",                        8),
    SHAPE("shl r10,3",           "\x49\xc1\xe2\x03",                    11),
    SHAPE("add r10d,eax",        "\x41\x01\xc2",                        10),
    SHAPE("and rax,r10",         "\x4c\x21\xd0",                        7),
    SHAPE("mov rax,r10",         "\x4c\x89\xd0",                        4),
    SHAPE("andn rax,r10,r11",    "\xc4\xc2\xa8\xf2\xc3",                14),
    SHAPE("adox rax,r10",        "\xf3\x49\x0f\x38\xf6\xc2",            21),
    SHAPE("r9, r10 by turns",    "\x4d\x8d\x0c\x01\x4f\x8d\x14\x0a\x4f\x8d\x0c\x11\x4f\x8d\x14\x0a\x90", 11),
    SHAPE("the same behind mov rax,[rbx]", "\x48\x8b\x03\x4d\x8d\x0c\x01\x4f\x8d\x14\x0a\x4f\x8d\x0c\x11\x4f\x8d\x14\x0a\x90", 19),
    SHAPE("movups xmm0,[rbx]",   "\x0f\x10\x03",                        13),
    SHAPE("dec; mov rbx,[rcx]; jnz", "\xff\xc8\x48\x8b\x19\x75\x01\x90", 20),
    SHAPE("adc; mov rbx,[rcx]; jc",  "\x11\xc8\x48\x8b\x19\x72\x01\x90", 25),
    SHAPE("ucomisd xmm0,xmm1; ja",   "\x66\x0f\x2e\xc1\x77\x01\x90", 8),
    SHAPE("ucomisd xmm0,xmm1; jp",   "\x66\x0f\x2e\xc1\x7a\x01\x90", 14),
    SHAPE("paddd xmm0,xmm1",     "\x66\x0f\xfe\xc1",                    6),
    SHAPE("rep movsb",           "\xf3\xa4",                            6),
    SHAPE("pushf",               "\x9c",                                16),
    SHAPE("cli",                 "\xfa",                                4),
    SHAPE("sti; nop",            "\xfb\x90",                            6),
    SHAPE("swapgs",              "\x0f\x01\xf8",                        8),
    SHAPE("mfence",              "\x0f\xae\xf0",                        4),
    SHAPE("cpuid",               "\x0f\xa2",                            6),
    SHAPE("syscall",             "\x0f\x05",                            3),
};
/* clang-format on */

/* Instructions up to the first unconditional jump, itself included. */
static unsigned count_line(struct x86_cpu *cpu, const uint8_t *code)
{
    unsigned count = 0;

    while (count < MAX_COUNT) {
        struct insn i;

        g_assert_cmpint(insn_decode(cpu, code, 15, &i), ==, DECODE_OK);
        code += i.len;
        count++;
        if (i.map == MAP_1 && (i.opcode == 0xe9 || (i.opcode == 0xff && (i.modrm >> 3 & 7) == 4))) {
            return count;
        }
    }
    return 0;
}

static struct system_rig *translating_rig(const char *accel)
{
    struct system_rig *r = system_rig_new("max");
    g_autoptr(GError) error = NULL;

    rig_long(r, 0);
    r->m->config.accel = g_strdup(accel);
    g_assert_true(tcg_vcpu_ops.init(&r->cpu->vcpu, &error));
    return r;
}

static void translating_rig_free(struct system_rig *r)
{
    tcg_vcpu_ops.destroy(&r->cpu->vcpu);
    system_rig_free(r);
}

/* The block at RIG_CODE once more. */
static const struct code *retranslate(struct system_rig *r)
{
    struct x86_cpu *cpu = r->cpu;
    struct tcg *t = cpu->engine;
    struct code *volatile c = NULL;

    cpu->regs[R_RIP] = RIG_CODE;
    if (setjmp(cpu->unwind) == 0) {
        c = translator_translate(t, block_find(t), RIG_CODE, 0);
    }
    g_assert_nonnull(c);
    return c;
}

static const struct code *translate(struct system_rig *r, const struct shape *s)
{
    block_cache_flush(r->cpu->engine);
    for (unsigned n = 0; n <= s->len; n++) {
        rig_store(r, RIG_CODE + n, n == s->len ? 0xf4 : (uint8_t)s->bytes[n], 1);
    }
    return retranslate(r);
}

/* As it stands in the table. */
static void print_row(GString *out, const struct shape *s, unsigned count)
{
    g_string_append_printf(out, "    SHAPE(\"%s\", \"", s->name);
    for (unsigned n = 0; n < s->len; n++) {
        g_string_append_printf(out, "\\x%02x", (uint8_t)s->bytes[n]);
    }
    g_string_append_printf(out, "\", %u),", count);
    if (count != s->count) {
        g_string_append_printf(out, " /* was %u */", s->count);
    }
    g_string_append_c(out, '\n');
}

static bool host_rotates(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("bmi2");
#else
    return false;
#endif
}

static void test_shapes(void)
{
    g_autoptr(GString) table = g_string_new(NULL);
    struct system_rig *r;
    bool same = true;

    if (!translator_available()) {
        g_test_skip("no translator for this host");
        return;
    }
    if (!host_rotates()) {
        g_test_skip("this host has no BMI2: checks are an instruction longer than the table says");
        return;
    }
    r = translating_rig("tcg,engine=translate,tb-size=1");
    for (unsigned n = 0; n < G_N_ELEMENTS(shapes); n++) {
        unsigned count = count_line(r->cpu, translate(r, &shapes[n])->entry);

        same = same && count == shapes[n].count;
        print_row(table, &shapes[n], count);
    }
    if (!same) {
        fputs(table->str, stderr);
        g_test_fail();
    }
    translating_rig_free(r);
}

/* KiB of huge pages, shared ones, in mappings that can be executed. */
static unsigned long huge_code(void)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned long kib = 0, one;
    bool code = false;

    g_assert_true(g_file_get_contents("/proc/self/smaps", &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (unsigned n = 0; lines[n]; n++) {
        if (sscanf(lines[n], "ShmemPmdMapped: %lu", &one) == 1) {
            kib += code ? one : 0;
        } else if (strchr(lines[n], '-') && strcspn(lines[n], ":") > strcspn(lines[n], " ")) {
            code = strstr(lines[n], " r-xs ");
        }
    }
    return kib;
}

/* Kernels before 6.1 do not, nor hosts that deny shared memory huge pages. */
static bool host_collapses(void)
{
    void *at = map_huge_aligned(HUGE_PAGE, PROT_NONE, 0);
    bool does;

    g_assert_nonnull(at);
    g_assert_true(mmap(at, HUGE_PAGE, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at);
    memset(at, 1, HUGE_PAGE);
    does = madvise(at, HUGE_PAGE, 25 /* MADV_COLLAPSE */) == 0;
    munmap(at, HUGE_PAGE);
    return does;
}

static void test_huge_pages(void)
{
    static const struct shape chase = { "mov rax,[rax]", "\x48\x8b\x00", 3, 0 };
    struct system_rig *r;
    const uint8_t *first;

    if (!translator_available() || !host_collapses()) {
        g_test_skip("no translator for this host, or it does not collapse shared memory");
        return;
    }
    r = translating_rig("tcg,engine=translate,tb-size=16");
    first = translate(r, &chase)->entry;
    g_assert_cmpuint(huge_code(), ==, 0);
    for (unsigned n = 0; n < 100; n++) {
        rig_store(r, RIG_CODE + 3 * n, 0x008b48, 4);
    }
    rig_store(r, RIG_CODE + 300, 0xf4, 1);
    while (retranslate(r)->entry < first + 3 * HUGE_PAGE) {
    }
    g_assert_cmpuint(huge_code(), >=,
                     HUGE_PAGE >> 10); /* a host short of memory may not give all three */
    translating_rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/translate/shapes", test_shapes);
    g_test_add_func("/translate/huge-pages", test_huge_pages);
    return g_test_run();
}
