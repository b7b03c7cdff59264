/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/gdbstub_state_test.c: registers and memory by the remote protocol. */
#include "tests/unit/gdbstub_rig.h"

/* The number of a register, by the description; -1: there is none. */
static int number_of(struct gdb_rig *r, const char *name)
{
    g_autofree char *key = g_strdup_printf("<reg name=\"%s\"", name);
    g_autoptr(GString) xml = g_string_new(NULL);
    const char *at;

    for (bool more = true; more;) {
        g_autofree char *ask =
            g_strdup_printf("qXfer:features:read:target.xml:%x,1000", (unsigned)xml->len);
        g_autofree char *part = NULL;

        rig_send(r, ask);
        part = rig_receive(r);
        more = part[0] == 'm';
        g_string_append(xml, part + 1);
    }
    at = strstr(xml->str, key);
    return at ? (int)strtoul(strstr(at, "regnum=\"") + 8, NULL, 10) : -1;
}

static void registers_hold_what_was_written(void)
{
    static const struct {
        const char *name, *value, *then; /* then: NULL: the value; "": refused */
    } rows[] = {
        { "rax", "1122334455667788", NULL },
        { "r15", "8877665544332211", NULL },
        { "eflags", "d70a0000", NULL },
        { "eflags", "00000000", "02000000" },
        { "ds", "34120000", NULL },
        { "ds", "00000100", "" },
        { "st0", "00000000000000c0ff3f", NULL },
        { "fctrl", "7f030000", NULL },
        { "fstat", "00380000", NULL },
        { "fop", "ff070000", NULL },
        { "xmm15", "000102030405060708090a0b0c0d0e0f", NULL },
        { "mxcsr", "801f0000", NULL },
        { "mxcsr", "00000100", "" },
        { "fs_base", "0000000000800000", "" }, /* not canonical */
        { "fs_base", "000000000080ffff", NULL },
        { "k_gs_base", "0010000000000000", NULL },
        { "cr2", "8877665544332211", NULL },
        { "cr0", "1000000080000000", "" }, /* paging without protection */
        { "cr3", "0030000000000000", NULL },
        { "rip", "0000000001000000", "" },
        { "rip", "0010000000000000", NULL },
    };
    struct gdb_rig *r = gdb_rig_new("tcg", 1);

    for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++) {
        int number = number_of(r, rows[k].name);
        g_autofree char *write = g_strdup_printf("P%x=%s", number, rows[k].value);
        g_autofree char *read = g_strdup_printf("p%x", number);
        bool refused = rows[k].then && !*rows[k].then;

        rig_ask(r, write, refused ? "E22" : "OK");
        if (!refused) {
            rig_ask(r, read, rows[k].then ? rows[k].then : rows[k].value);
        }
    }
    g_assert_cmphex(r->cpus[0]->regs[R_RAX], ==, 0x8877665544332211);
    g_assert_cmphex(r->cpus[0]->seg[SEG_DS].base, ==, 0x12340);
    gdb_rig_free(r);
}

/* Each part of a vector register is a register of gdb's. */
static void wide_vectors_come_in_parts(void)
{
    static const struct {
        const char *name;
        enum x86_feature needs;
        unsigned vec, at, n;
    } rows[] = {
        { "xmm3", X86_SSE, 3, 0, 16 },         { "ymm3h", X86_AVX, 3, 16, 16 },
        { "ymm15h", X86_AVX, 15, 16, 16 },     { "xmm16", X86_AVX512F, 16, 0, 16 },
        { "ymm31h", X86_AVX512F, 31, 16, 16 }, { "zmm0h", X86_AVX512F, 0, 32, 32 },
        { "zmm31h", X86_AVX512F, 31, 32, 32 },
    };
    struct gdb_rig *r = gdb_rig_new("tcg", 1);
    struct x86_cpu *cpu = r->cpus[0];

    for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++) {
        int number = number_of(r, rows[k].name);
        g_autoptr(GString) write = g_string_new(NULL), bytes = g_string_new(NULL);
        g_autofree char *read = g_strdup_printf("p%x", number);

        if (!cpu_has(cpu, rows[k].needs)) {
            g_assert_cmpint(number, ==, -1);
            continue;
        }
        for (unsigned b = 0; b < rows[k].n; b++) {
            cpu->vec[rows[k].vec].b[rows[k].at + b] = (uint8_t)(k * 32 + b);
        }
        packet_append_hex(bytes, cpu->vec[rows[k].vec].b + rows[k].at, rows[k].n);
        rig_ask(r, read, bytes->str);
        bytes->str[0] = bytes->str[0] == 'f' ? '0' : 'f';
        g_string_printf(write, "P%x=%s", number, bytes->str);
        rig_ask(r, write->str, "OK");
        rig_ask(r, read, bytes->str);
    }
    if (cpu_has(cpu, X86_AVX512F)) {
        g_autofree char *write = g_strdup_printf("P%x=0102030405060708", number_of(r, "k7"));

        rig_ask(r, write, "OK");
        g_assert_cmphex(cpu->kmask[7], ==, 0x0807060504030201);
    }
    gdb_rig_free(r);
}

/* One without long mode has gdb's registers of i386, in their order. */
static void narrow_cpus_have_narrow_registers(void)
{
    struct gdb_rig *r = gdb_rig_new_model("tcg", 1, "pentium3");
    g_autofree char *all = NULL;

    r->cpus[0]->regs[R_RCX] = 0x12345678;
    rig_send(r, "qXfer:features:read:target.xml:0,80");
    all = rig_receive(r);
    g_assert_nonnull(strstr(all, "<architecture>i386</architecture>"));
    rig_ask(r, "p1", "78563412"); /* ECX */
    rig_ask(r, "p8", "00100000"); /* EIP */
    rig_ask(r, "P8=01100000", "OK");
    g_assert_cmphex(r->cpus[0]->regs[R_RIP], ==, 0x1001);
    g_assert_cmpint(number_of(r, "ymm0h"), ==, -1);
    g_assert_cmpint(number_of(r, "xmm8"), ==, -1);
    g_assert_cmpint(number_of(r, "fs_base"), ==, -1);
    g_assert_cmpint(number_of(r, "cr4"), >, number_of(r, "xmm7"));
    gdb_rig_free(r);
}

static void all_general_registers_at_once(void)
{
    struct gdb_rig *r = gdb_rig_new("tcg", 1);
    g_autofree char *before = NULL, *write = NULL, *after = NULL;

    r->cpus[0]->regs[R_RBX] = 0x1234;
    rig_send(r, "g");
    before = rig_receive(r);
    g_assert_cmpint(strncmp(before + 16, "3412000000000000", 16), ==, 0);
    g_assert_cmpint(strncmp(before + 16 * 16, "0010000000000000", 16), ==, 0);
    memcpy(before + 16, "7856", 4);
    write = g_strconcat("G", before, NULL);
    rig_ask(r, write, "OK");
    rig_send(r, "g");
    after = rig_receive(r);
    g_assert_cmpstr(before, ==, after);
    g_assert_cmphex(r->cpus[0]->regs[R_RBX], ==, 0x5678);
    rig_ask(r, "G12", "E22");
    gdb_rig_free(r);
}

static void memory_is_read_and_written(void)
{
    struct gdb_rig *r = gdb_rig_new("tcg", 1);
    static const char binary[] = "X2000,4:a}\x03}]\x01"; /* 'a', '#', '}', 1 */

    rig_ask(r, "m1000,4", "40a30020");
    rig_ask(r, "M2000,3:0102fe", "OK");
    rig_ask(r, "m2000,4", "0102fe00");
    rig_ask(r, "M2000,3:0102", "E22");
    rig_ask(r, "M2000,1:0x", "E22");
    rig_ask(r, "M2000,ffffffffffffffff:", "E22");
    g_assert_cmpint(binary[0], ==, 'X');
    rig_send_bytes(r, "X2000,4:a#}\x01", 12);
    rig_expect(r, "OK");
    rig_ask(r, "m2000,4", "61237d01");
    rig_ask(r, "X2000,0:", "OK");
    rig_ask(r, "m1000", "E22");
    rig_ask(r, "m1000,0", "");
    gdb_rig_free(r);
}

static void physical_memory_passes_page_tables_by(void)
{
    struct gdb_rig *r = gdb_rig_new("tcg", 1);
    struct x86_cpu *cpu = r->cpus[0];

    /* 32-bit paging: page 0 is mapped to 0x1000, nothing else. */
    memcpy(r->ram.ram->host + 0x8000, "\x07\x90\x00\x00", 4);
    memcpy(r->ram.ram->host + 0x9000, "\x07\x10\x00\x00", 4);
    cpu->cr3 = 0x8000;
    cpu->cr0 |= CR0_PE | CR0_PG;
    cpu_update_mode(cpu);
    rig_ask(r, "m0,2", "40a3");
    rig_ask(r, "m1000,2", "E14");
    rig_ask(r, "mffe,4", "0000"); /* as far as it goes */
    rig_ask(r, "Mfff,2:1111", "E14");
    rig_ask(r, "Qqemu.PhyMemMode:1", "OK");
    rig_ask(r, "m1000,2", "40a3");
    rig_ask(r, "M1ffe,4:aabbccdd", "OK");
    rig_ask(r, "m1ffc,8", "0000aabbccdd0000");
    gdb_rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gdbstub-state/registers", registers_hold_what_was_written);
    g_test_add_func("/gdbstub-state/wide-vectors", wide_vectors_come_in_parts);
    g_test_add_func("/gdbstub-state/narrow-cpus", narrow_cpus_have_narrow_registers);
    g_test_add_func("/gdbstub-state/all-registers", all_general_registers_at_once);
    g_test_add_func("/gdbstub-state/memory", memory_is_read_and_written);
    g_test_add_func("/gdbstub-state/physical-memory", physical_memory_passes_page_tables_by);
    return g_test_run();
}
