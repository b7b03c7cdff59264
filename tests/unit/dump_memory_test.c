/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/dump_memory_test.c: cores of a machine whose page tables are simple, many, or a maze. */
#include <elf.h>
#include <glib/gstdio.h>
#include "monitor/monitor.h"
#include "tests/unit/gdbstub_rig.h"

#define PML4 0x8000
#define PDPT 0x9000
#define PD   0xa000
#define PT   0xb000

static void store(struct gdb_rig *r, unsigned at, uint64_t v)
{
    memcpy(r->ram.ram->host + at, &v, sizeof(v));
}

static struct gdb_rig *new_rig(void)
{
    struct gdb_rig *r = gdb_rig_new("tcg", 2);

    for (unsigned k = 0; k < 2; k++) {
        struct x86_cpu *cpu = r->cpus[k];

        cpu->cr3 = PML4;
        cpu->cr4 = CR4_PAE;
        cpu->efer = EFER_LME | EFER_LMA;
        cpu->cr0 = CR0_PE | CR0_PG | CR0_ET;
        cpu_update_mode(cpu);
    }
    store(r, PML4 + 511 * 8, PDPT | 3);
    store(r, PDPT, PD | 3);
    store(r, PD, PT | 3);
    return r;
}

/* What the command writes, or NULL and what it says. */
static char *dump(struct gdb_rig *r, const char *option, size_t *n, GString *says)
{
    g_autofree char *dir = g_dir_make_tmp("rhea-dump-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "core", NULL);
    g_autofree char *line = g_strdup_printf("dump-guest-memory %s %s", option, path);
    char *data = NULL;

    monitor_execute(r->m, line, says);
    g_file_get_contents(path, &data, n, NULL);
    g_unlink(path);
    g_rmdir(dir);
    return data;
}

static void ram_is_at_its_address(void)
{
    struct gdb_rig *r = new_rig();
    g_autoptr(GString) says = g_string_new(NULL);
    size_t n;
    g_autofree char *core = dump(r, "", &n, says);
    const Elf64_Ehdr *e = (const Elf64_Ehdr *)core;
    const Elf64_Phdr *p = (const Elf64_Phdr *)(core + e->e_phoff);

    g_assert_cmpstr(says->str, ==, "");
    g_assert_cmpint(memcmp(core, ELFMAG, SELFMAG), ==, 0);
    g_assert_cmpuint(e->e_phnum, ==, 2);
    g_assert_cmpuint(p[0].p_type, ==, PT_NOTE);
    g_assert_cmpuint(p[0].p_filesz, ==, 2 * (12 + 8 + 336)); /* two CPUs */
    g_assert_cmphex(p[1].p_paddr, ==, 0);
    g_assert_cmphex(p[1].p_filesz, ==, RIG_RAM);
    g_assert_cmpuint(p[1].p_offset + p[1].p_filesz, ==, n);
    g_assert_cmpint(memcmp(core + p[1].p_offset, r->ram.ram->host, RIG_RAM), ==, 0);
    gdb_rig_free(r);
}

/* Two pages in a row are one range, what is not RAM is none. */
static void mappings_are_at_linear_addresses(void)
{
    struct gdb_rig *r = new_rig();
    g_autoptr(GString) says = g_string_new(NULL);
    g_autofree char *core = NULL;
    const Elf64_Phdr *p;
    size_t n;

    store(r, PT + 8, RIG_CODE | 3);
    store(r, PT + 16, (RIG_CODE + 0x1000) | 3);
    store(r, PT + 32, 0x50000 | 3);
    store(r, PT + 40, 0xfee00000 | 3);
    store(r, PD + 8, 0xfe000083);
    store(r, PDPT + 8, 0xfee00000 | 3); /* a table there would be a device */
    core = dump(r, "-p", &n, says);
    g_assert_cmpstr(says->str, ==, "");
    p = (const Elf64_Phdr *)(core + ((const Elf64_Ehdr *)core)->e_phoff);
    g_assert_cmpuint(((const Elf64_Ehdr *)core)->e_phnum, ==, 3);
    g_assert_cmphex(p[1].p_vaddr, ==, 0xffffff8000001000);
    g_assert_cmphex(p[1].p_paddr, ==, RIG_CODE);
    g_assert_cmphex(p[1].p_filesz, ==, 0x2000);
    g_assert_cmphex(p[2].p_vaddr, ==, 0xffffff8000004000);
    g_assert_cmpint(memcmp(core + p[1].p_offset, rig_program, sizeof(rig_program)), ==, 0);
    gdb_rig_free(r);
}

/* More than a header counts: a section says how many. */
static void many_mappings_have_a_header_of_their_own(void)
{
    struct gdb_rig *r = new_rig();
    g_autoptr(GString) says = g_string_new(NULL);
    g_autofree char *core = NULL;
    const Elf64_Ehdr *e;
    size_t n;

    for (unsigned k = 0; k < 512; k++) {
        store(r, PD + k * 8, PT | 3);
        store(r, PT + k * 8, (uint64_t)(200 - k % 100 * 2) << 12 | 3);
    }
    core = dump(r, "-p", &n, says);
    g_assert_cmpstr(says->str, ==, "");
    e = (const Elf64_Ehdr *)core;
    g_assert_cmpuint(e->e_phnum, ==, PN_XNUM);
    g_assert_cmpuint(e->e_shnum, ==, 1);
    g_assert_cmpuint(((const Elf64_Shdr *)(core + e->e_shoff))->sh_info, ==, 512 * 512 + 1);
    gdb_rig_free(r);
}

static void a_maze_is_refused(void)
{
    struct gdb_rig *r = new_rig();
    g_autoptr(GString) says = g_string_new(NULL);
    g_autofree char *core = NULL;
    size_t n;

    for (unsigned k = 0; k < 512; k++) {
        store(r, PML4 + k * 8, PML4 | 3);
    }
    core = dump(r, "-p", &n, says);
    g_assert_nonnull(strstr(says->str, "the guest has more than"));
    g_assert_null(core);
    r->cpus[0]->cr3 = r->cpus[1]->cr3 = 0xfff00000000; /* and tables that are not there are empty */
    g_string_truncate(says, 0);
    core = dump(r, "-p", &n, says);
    g_assert_cmpstr(says->str, ==, "");
    g_assert_cmpuint(((const Elf64_Ehdr *)core)->e_phnum, ==, 1);
    gdb_rig_free(r);
}

static void other_modes_have_tables_too(void)
{
    static const struct {
        uint64_t cr0, cr4;
        unsigned at; /* of an entry for a page of 2 or 4 MiB, or 0 */
        unsigned ranges;
    } rows[] = {
        { CR0_PE, 0, 0, 2 },                   /* no paging: linear is physical */
        { CR0_PE | CR0_PG, CR4_PSE, PML4, 2 }, /* 32 bits */
        { CR0_PE | CR0_PG, 0, PML4, 1 },       /* no large pages there: a table of nothing */
        { CR0_PE | CR0_PG, CR4_PAE, PDPT, 2 },
    };

    for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++) {
        struct gdb_rig *r = gdb_rig_new("tcg", 1);
        struct x86_cpu *cpu = r->cpus[0];
        g_autoptr(GString) says = g_string_new(NULL);
        g_autofree char *core = NULL;
        size_t n;

        cpu->cr3 = PML4;
        cpu->cr0 = rows[k].cr0;
        cpu->cr4 = rows[k].cr4;
        cpu->pdpte[0] = PDPT | 1;
        if (rows[k].at) {
            r->ram.ram->host[rows[k].at] = 0x83;
        }
        core = dump(r, "-p", &n, says);
        g_assert_cmpstr(says->str, ==, "");
        g_test_message("row %u", k);
        g_assert_cmpuint(((const Elf64_Ehdr *)core)->e_phnum, ==, rows[k].ranges);
        gdb_rig_free(r);
    }
}

/* Into a pipe, which has no holes: the same bytes.  Nobody reads it at first, so that the dump waits. */
static void a_detached_one_is_asked_for(void)
{
    struct gdb_rig *r = new_rig();
    g_autoptr(GString) says = g_string_new(NULL);
    g_autofree char *line = NULL, *copy = g_malloc(4 << 20), *core = NULL;
    size_t n, at = 0;
    ssize_t got;
    int fds[2];

    memset(r->ram.ram->host + RIG_RAM / 2, 0x5a, RIG_RAM / 2); /* more than a pipe takes */
    core = dump(r, "", &n, says);
    g_assert_cmpint(pipe(fds), ==, 0);
    line = g_strdup_printf("dump-guest-memory -d /proc/self/fd/%d", fds[1]);
    monitor_execute(r->m, "info dump", says);
    g_assert_cmpstr(says->str, ==, "Status: completed\n");
    g_string_truncate(says, 0);
    monitor_execute(r->m, line, says);
    g_assert_cmpstr(says->str, ==, "");
    close(fds[1]);
    for (unsigned i = 0; i < 50; i++) {
        machine_iterate(r->m, false);
    }
    monitor_execute(r->m, "info dump", says);
    g_assert_true(g_str_has_prefix(says->str, "Status: active\nFinished: "));
    monitor_execute(r->m, line, says);
    monitor_execute(r->m, "cont", says);
    monitor_execute(r->m, "savevm x", says);
    g_assert_nonnull(
        strstr(strstr(strstr(says->str, "There is a dump in process") + 1, "There is a dump") + 1,
               "There is a dump"));
    while ((got = read(fds[0], copy + at, (4 << 20) - at)) > 0) {
        at += (size_t)got;
    }
    while (r->m->run_state == RUN_STATE_SAVE_VM) {
        machine_iterate(r->m, true);
    }
    g_assert_cmpmem(copy, at, core, n);
    g_string_truncate(says, 0);
    monitor_execute(r->m, "info dump", says);
    g_assert_cmpstr(says->str, ==, "Status: completed\n");
    close(fds[0]);
    gdb_rig_free(r);
}

/* Nobody ever reads it: the machine ends. */
static void a_detached_one_keeps_nobody(void)
{
    struct gdb_rig *r = new_rig();
    g_autoptr(GString) says = g_string_new(NULL);
    g_autofree char *line = NULL;
    int fds[2];

    memset(r->ram.ram->host, 0x5a, RIG_RAM);
    g_assert_cmpint(pipe(fds), ==, 0);
    line = g_strdup_printf("dump-guest-memory -d /proc/self/fd/%d", fds[1]);
    monitor_execute(r->m, line, says);
    g_assert_cmpstr(says->str, ==, "");
    g_usleep(50000);
    gdb_rig_free(r);
    close(fds[0]);
    close(fds[1]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dump-memory/ram", ram_is_at_its_address);
    g_test_add_func("/dump-memory/mappings", mappings_are_at_linear_addresses);
    g_test_add_func("/dump-memory/many-mappings", many_mappings_have_a_header_of_their_own);
    g_test_add_func("/dump-memory/maze", a_maze_is_refused);
    g_test_add_func("/dump-memory/detached", a_detached_one_is_asked_for);
    g_test_add_func("/dump-memory/end", a_detached_one_keeps_nobody);
    g_test_add_func("/dump-memory/other-modes", other_modes_have_tables_too);
    return g_test_run();
}
