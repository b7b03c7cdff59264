/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/monitor_info_test.c: what the human monitor and QMP's texts for people tell of a PC whose CPU does not
 * run: page tables, the local APIC, memory, objects, and what this program has not.
 */
#include <glib/gstdio.h>
#include <string.h>
#include "hw/intc/apic.h"
#include "monitor/command.h"
#include "monitor/monitor.h"
#include "monitor/qmp_command.h"
#include "target/i386/cpu.h"
#include "tests/unit/pc_rig.h"

#define RAM_SIZE (16u << 20)
#define TOP      0x100000u /* the tables */
#define NX       (UINT64_C(1) << 63)

struct fixture {
    struct machine *m;
    struct x86_cpu *cpu;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->m = pc_new("pc", 2, RAM_SIZE);
    f->cpu = x86_cpu_of(f->m->vcpus[0]);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    machine_free(f->m);
}

static char *run(struct fixture *f, const char *line)
{
    GString *out = g_string_new(NULL);

    monitor_execute(f->m, line, out);
    g_test_message("%s: %s", line, out->str);
    return g_string_free(out, FALSE);
}

static void prints(struct fixture *f, const char *line, const char *text)
{
    g_autofree char *out = run(f, line);

    g_assert_cmpstr(out, ==, text);
}

static void matches(struct fixture *f, const char *line, const char *pattern)
{
    g_autofree char *out = run(f, line);

    g_assert_true(g_regex_match_simple(pattern, out, G_REGEX_MULTILINE, 0));
}

/* Page tables --------------------------------------------------------------------------------- */

static void put(struct fixture *f, uint64_t addr, uint64_t value, unsigned size)
{
    address_space_store(&f->m->memory, addr, value, size);
}

static void paging_off(struct fixture *f, gconstpointer data)
{
    (void)data;
    prints(f, "info tlb", "PG disabled\n");
    prints(f, "info mem", "PG disabled\n");
}

static void tables_of_32_bits(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->cpu->cr0 |= 0x80000001;
    f->cpu->cr3 = TOP;
    put(f, TOP, 0x101007, 4);         /* a table */
    put(f, TOP + 4 * 1, 0xc00087, 4); /* 4 MiB with PSE, else a table elsewhere */
    put(f, 0x101000 + 4 * 5, 0x9067, 4);
    put(f, 0x101000 + 4 * 6, 0xa005, 4);
    put(f, 0x101000 + 4 * 7, 0xb005, 4);
    f->cpu->cr4 |= 0x10;
    prints(f, "info tlb",
           "0000000000005000: 0000000000009000 ---DA--UW\n"
           "0000000000006000: 000000000000a000 -------U-\n"
           "0000000000007000: 000000000000b000 -------U-\n"
           "0000000000400000: 0000000000c00000 --P----UW\n");
    prints(f, "info mem",
           "0000000000005000-0000000000006000 0000000000001000 urw\n"
           "0000000000006000-0000000000008000 0000000000002000 ur-\n"
           "0000000000400000-0000000000800000 0000000000400000 urw\n");
    f->cpu->cr4 &= ~(uint64_t)0x10;
    matches(f, "info tlb", "^0000000000007000: .*\n$");
}

static void tables_of_pae(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->cpu->cr0 |= 0x80000001;
    f->cpu->cr4 |= 0x20;
    f->cpu->cr3 = TOP + 0x20; /* 32 bytes aligned */
    put(f, TOP + 0x20 + 8 * 3, 0x101001, 8);
    put(f, 0x101000 + 8 * 2, NX | 0x8000e3, 8);
    put(f, 0x101000 + 8 * 3, 0x102003, 8);
    put(f, 0x102000 + 8 * 511, 0x5007, 8);
    prints(f, "info tlb",
           "00000000c0400000: 0000000000800000 X-PDA---W\n"
           "00000000c07ff000: 0000000000005000 -------UW\n");
    prints(f, "info mem",
           "00000000c0400000-00000000c0600000 0000000000200000 -rw\n"
           "00000000c07ff000-00000000c0800000 0000000000001000 -rw\n");
}

static void set_long_mode(struct fixture *f)
{
    f->cpu->cr0 |= 0x80000001;
    f->cpu->cr4 |= 0x20;
    f->cpu->efer |= EFER_LMA;
    f->cpu->cr3 = TOP;
}

static void tables_of_64_bits(struct fixture *f, gconstpointer data)
{
    (void)data;
    set_long_mode(f);
    put(f, TOP + 8 * 511, 0x101003, 8);
    put(f, 0x101000 + 8 * 510, 0x102003, 8);
    put(f, 0x101000 + 8 * 511, 0x40000183, 8);
    put(f, 0x102000 + 8 * 511, 0x200081, 8);
    prints(f, "info tlb",
           "ffffffffbfe00000: 0000000000200000 --P------\n"
           "ffffffffc0000000: 0000000040000000 -GP-----W\n");
    prints(f, "info mem",
           "ffffffffbfe00000-ffffffffc0000000 0000000000200000 -r-\n"
           "ffffffffc0000000-0001000000000000 0000000040000000 -rw\n");
    prints(f, "gva2gpa 0xffffffffbfe12345", "gpa: 0x212345\n");
    prints(f, "gva2gpa 0x12345", "Unmapped\n");
}

/* 2^36 pages by one table that is all of its levels. */
static void tables_that_have_no_end_are_cut(struct fixture *f, gconstpointer data)
{
    static const char *const lines[] = { "info tlb", "info mem" };

    (void)data;
    set_long_mode(f);
    for (unsigned i = 0; i < 512; i++) {
        put(f, TOP + 8 * i, TOP | 7, 8);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *out = run(f, lines[i]);

        g_assert_cmpuint(strlen(out), <, 16u << 20);
        g_assert_nonnull(strstr(out, "... and more: "));
    }
}

/* The local APIC ------------------------------------------------------------------------------ */

static void lapic_shows_its_registers(struct fixture *f, gconstpointer data)
{
    (void)data;
    address_space_store(&f->m->memory, 0xfee000f0, 0x1ff, 4);
    address_space_store(&f->m->memory, 0xfee00320, 0x20031, 4);
    address_space_store(&f->m->memory, 0xfee003e0, 0x3, 4);
    address_space_store(&f->m->memory, 0xfee00380, 1000, 4);
    address_space_store(&f->m->memory, 0xfee00080, 0x40, 4);
    apic_msi(f->m, 0xfee00000, 0x4031); /* vector 0x31 to APIC 0 */
    matches(f, "info lapic", "^dumping local APIC state for CPU 0 $");
    matches(f, "info lapic", "^LVTT\t 0x00020031 active-hi edge  +periodic +Fixed +\\(vec 49\\)$");
    matches(f, "info lapic",
            "^Timer\t DCR=0x3 \\(divide by 16\\) initial_count = 1000 current_count = \\d+$");
    matches(f, "info lapic", "^SPIV\t 0x000001ff APIC enabled, focus=off, spurious vec 255$");
    matches(f, "info lapic", "^ISR\t \\(none\\)\nIRR\t 49 $");
    matches(f, "info lapic", "^APR 0x00 TPR 0x40 DFR 0x0f LDR 0x00 PPR 0x40$");
    matches(f, "info lapic 1", "^dumping local APIC state for CPU 1 (.|\n)*APIC disabled");
    prints(f, "info lapic 2", "No CPU available\n");
    matches(f, "info lapic x", "'x' is no APIC id");
    f->m->monitor_cpu = 1;
    matches(f, "info lapic", "state for CPU 1 ");
}

/* Memory -------------------------------------------------------------------------------------- */

static void memory_is_told(struct fixture *f, gconstpointer data)
{
    (void)data;
    matches(f, "info ramblock", "^ +Block Name +PSize +Offset +Used +Total\n");
    matches(f, "info ramblock",
            "^ +pc\\.ram +4 KiB  0x[0-9a-f]{16} 0x0000000001000000 0x0000000001000000$");
    matches(f, "info roms", "^fw=etc/system-states size=0x000006 name=\"etc/system-states\"$");
    prints(f, "info memory_size_summary", "base memory: 16777216\nplugged memory: 0\n");
    matches(f, "info memdev", "^memory backend: pc\\.ram\n  size:  16777216\n  merge: true\n");
    matches(f, "gpa2hva 0x1000", "^Host virtual address for 0x1000 \\(pc\\.ram\\) is 0x[0-9a-f]+$");
    prints(f, "gpa2hva 0x8000000000", "No memory is mapped at address 0x8000000000\n");
    prints(f, "gpa2hva 0xfec00000", "Memory at address 0xfec00000 is not RAM\n");
    matches(f, "gpa2hva 1 2", "extra characters");
    matches(f, "info mtree -x", "'-x' is not supported; it takes -f and -D");
}

static void host_addresses_are_right(struct fixture *f, gconstpointer data)
{
    g_autofree char *out = NULL;
    void *host = NULL;

    (void)data;
    put(f, 0x5678, 0xfeedface, 4);
    out = run(f, "gpa2hva 0x5678");
    g_assert_cmpint(sscanf(strstr(out, " is "), " is %p", &host), ==, 1);
    g_assert_cmphex(*(uint32_t *)host, ==, 0xfeedface);
}

static void memory_is_saved(struct fixture *f, gconstpointer data)
{
    g_autofree char *dir = g_dir_make_tmp("rhea-memsave-XXXXXX", NULL);
    g_autofree char *path = g_strdup_printf("%s/a file", dir), *bytes = NULL;
    g_autofree char *physical = g_strdup_printf("pmemsave 0x5000 0x1000+4 \"%s\"", path);
    g_autofree char *virtual = g_strdup_printf("memsave 0x5004 4 '%s'", path);
    gsize n;

    (void)data;
    put(f, 0x5000, 0x0807060504030201, 8);
    prints(f, physical, "");
    g_assert_true(g_file_get_contents(path, &bytes, &n, NULL));
    g_assert_cmpuint(n, ==, 0x1004);
    g_assert_cmpmem(bytes, 8, "\1\2\3\4\5\6\7\10", 8);
    g_clear_pointer(&bytes, g_free);
    prints(f, virtual, "");
    g_assert_true(g_file_get_contents(path, &bytes, &n, NULL));
    g_assert_cmpmem(bytes, n, "\5\6\7\10", 4);
    matches(f, "memsave 1 2", "give it an address, a size and a file");
    matches(f, "memsave", "give it an address, a size and a file");
    matches(f, "memsave 1 -1 x", "must be less than 2\\^63");
    matches(f, "pmemsave 0 1 /nonexistent/x", "Could not open '/nonexistent/x'");
    g_unlink(path);
    g_rmdir(dir);
}

/* Objects and settings ------------------------------------------------------------------------ */

static void objects_are_told(struct fixture *f, gconstpointer data)
{
    (void)data;
    prints(f, "qom-list", "/\n");
    matches(f, "qom-list /", "^machine \\(child<pc-i440fx-7\\.2-machine>\\)$");
    matches(f, "qom-list /nothing", "Device '/nothing' not found");
    prints(f, "qom-get /machine type", "\"pc-i440fx-7.2-machine\"\n");
    prints(f, "qom-get /machine/unattached/device[0] hotplugged", "false\n");
    matches(f, "qom-get /machine", "give it: path property");
    matches(f, "qom-set /machine acpi off", "cannot be changed any more");
    matches(f, "qom-set /machine nothing off",
            "Property 'pc-i440fx-7\\.2-machine\\.nothing' not found");
    matches(f, "qom-set -j /machine acpi {", "'\\{' is not JSON");
    matches(f, "info qom-tree", "^/machine \\(pc-i440fx-7\\.2-machine\\)\n  /");
    matches(f, "info qom-tree",
            "^  /unattached \\(container\\)\n    /device\\[0\\] \\(max-x86_64-cpu\\)\n");
    matches(f, "info qom-tree /objects", "^/objects \\(container\\)\n$");
    matches(f, "info qdm", "^name \"edu\", bus PCI, desc ");
}

static void settings_change(struct fixture *f, gconstpointer data)
{
    (void)data;
    prints(f, "boot_set nc", "boot device list now set to nc\n");
    g_assert_cmpstr(f->m->config.boot.order, ==, "nc");
    matches(f, "boot_set cz", "Invalid boot device 'z'");
    matches(f, "boot_set cac", "Boot device 'c' was given twice");
    matches(f, "boot_set abcd", "Too many boot devices");
    matches(f, "boot_set", "which drives");
    g_assert_cmpstr(f->m->config.boot.order, ==, "nc");
    prints(f, "watchdog_action pause", "");
    g_assert_cmpuint(f->m->config.watchdog, ==, WATCHDOG_ACTION_PAUSE);
    matches(f, "watchdog_action run", "invalid parameter value: 'run'; it can be: reset, shutdown");
    matches(f, "logfile /nonexistent/log", "/nonexistent/log");
    matches(f, "trace-event some on", "unknown event \"some\"");
    prints(f, "sync-profile", "sync-profile is off\n");
    matches(f, "sync-profile on", "not profiled");
}

static void facts_are_told(struct fixture *f, gconstpointer data)
{
    static const struct {
        const char *line, *prints;
    } rows[] = {
        { "info uuid", "00000000-0000-0000-0000-000000000000\n" },
        { "info kvm", "kvm support: disabled\n" },
        { "info numa", "0 nodes\n" },
        { "info memory-devices", "" },
        { "info history", "" },
        { "info stats vm", "" },
        { "info stats foo", "info stats: target is 'foo', must be vm or vcpu\n" },
        { "info replay", "Record/replay is not active\n" },
        { "info profile", "Internal profiler not compiled\n" },
        { "info rocker-ports r", "rocker r not found\n" },
        { "info sev", "SEV is not enabled\n" },
        { "info spice", "Server: disabled\n" },
        { "info tpm", "" },
        { "info vm-generation-id", "VM Generation ID device not found\n" },
        { "info sev now", "sev: extraneous characters at the end of line\n" },
        { "info blockstats", "" },
        { "replay_seek 5", "replay must be enabled to seek\n" },
        { "exit_preconfig", "The command is permitted only before machine initialization\n" },
    };

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        prints(f, rows[i].line, rows[i].prints);
    }
    matches(f, "info hotpluggable-cpus",
            "^Hotpluggable CPUs:\n  type: \"max-x86_64-cpu\"\n  vcpus_count: \"1\"\n  qom_path: "
            "\"/machine/unattached/device\\[1\\]\"\n  CPUInstance Properties:\n    socket-id: "
            "\"\\d\"\n");
}

static void nodes_are_told(struct fixture *f, gconstpointer data)
{
    struct numa_config *numa = &f->m->config.numa;

    (void)data;
    numa->n_nodes = 2;
    numa->nodes[0].mem = 64u << 20;
    numa->nodes[1].mem = 192u << 20;
    numa->cpu_node[0] = 1;
    prints(f, "info numa",
           "2 nodes\nnode 0 cpus: 1\nnode 0 size: 64 MB\nnode 0 plugged: 0 MB\nnode 1 cpus: 0\n"
           "node 1 size: 192 MB\nnode 1 plugged: 0 MB\n");
}

/* Virtio -------------------------------------------------------------------------------------- */

#define BACKEND "/machine/peripheral/b/virtio-backend"

static void virtio_devices_are_told(struct fixture *f, gconstpointer data)
{
    (void)data;
    prints(f, "info virtio", "No VirtIO devices\n");
    prints(f, "device_add virtio-balloon,id=b,packed=on", "");
    prints(f, "info virtio", BACKEND " [virtio-balloon]\n");
    matches(f, "info virtio-status " BACKEND,
            "^" BACKEND ":\n  device_name: +virtio-balloon\n  device_id: +5\n(.|\n)*  num_vqs: +3\n"
            "(.|\n)*  status:\n\n  Guest features:\n\n  Host features:\n\tVIRTIO_");
    matches(f, "info virtio-status " BACKEND, "^\tVIRTIO_F_RING_PACKED: .*,$");
    matches(f, "info virtio-status " BACKEND, "^\tVIRTIO_BALLOON_F_STATS_VQ: ");
    matches(
        f, "info virtio-queue-status " BACKEND " 1",
        "^" BACKEND ":\n  device_name: +virtio-balloon\n  queue_index: +1\n(.|\n)*"
        "  VRing:\n    num: +128\n    num_default: +128\n(.|\n)*    used: +0x0000000000000000\n");
    prints(f, "info virtio-queue-status " BACKEND " 3", "Invalid virtqueue number 3\n");
    matches(f, "info virtio-queue-status " BACKEND " x", "the queue is 'x'");
    matches(f, "info virtio-queue-status " BACKEND, "give it: path queue");
    matches(f, "info virtio-vhost-queue-status " BACKEND " 0", "vhost device has not started yet");
    prints(f, "info virtio-status /machine", "Path /machine is not a VirtIODevice\n");
}

/* Slot 5, BAR 4: where the common configuration of a modern function is; its queue 0 at 0x8000. */
static void give_it_a_queue(struct fixture *f, unsigned devfn, uint64_t bar)
{
    static const struct {
        uint8_t off, size;
        uint64_t value;
    } rows[] = {
        { 20, 1, 0 },      { 20, 1, 3 },      { 8, 4, 1 },  { 12, 4, 1 },
        { 20, 1, 11 },     { 22, 2, 0 },      { 24, 2, 8 }, { 32, 4, 0x8000 },
        { 40, 4, 0x9000 }, { 48, 4, 0xa000 }, { 28, 2, 1 },
    };
    uint32_t config = 0x80000000 | devfn << 8;

    for (unsigned i = 0; i < 3; i++) { /* BAR 4, its upper half, the command */
        static const uint8_t regs[] = { 0x20, 0x24, 0x04 };
        const uint32_t values[] = { (uint32_t)bar, 0, 6 };

        address_space_store(&f->m->io, 0xcf8, config | regs[i], 4);
        address_space_store(&f->m->io, 0xcfc, values[i], 4);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        put(f, bar + rows[i].off, rows[i].value, rows[i].size);
    }
}

static void put_desc(struct fixture *f, uint64_t at, uint64_t addr, uint32_t len,
                     uint32_t flags_next)
{
    put(f, at, addr, 8);
    put(f, at + 8, len, 4);
    put(f, at + 12, flags_next, 4);
}

static void elements_are_shown(struct fixture *f, gconstpointer data)
{
    (void)data;
    prints(f, "device_add virtio-rng-pci,id=b,addr=5,disable-legacy=on", "");
    prints(f, "info virtio-queue-element " BACKEND " 0", "Region caches not initialized\n");
    give_it_a_queue(f, 5 << 3, 0xe0000000);
    put(f, 0x9000, 0x00010000, 4); /* available: flags, index 1, then descriptor 3 */
    put(f, 0x9004, 3, 2);
    put_desc(f, 0x8030, 0x12000, 64, 0x00070001);
    put_desc(f, 0x8070, 0x13000, 1536, 2);
    prints(f, "info virtio-queue-element " BACKEND " 0",
           BACKEND
           ":\n  device_name: virtio-rng\n  index:   3\n  desc:\n    addr 0x12000 len 64 (next)\n"
           "    addr 0x13000 len 1536 (write)\n  avail:\n    flags: 0\n    idx: 1\n    ring: 3\n"
           "  used:\n    flags: 0\n    idx: 0\n");
    put_desc(f, 0x8030, 0x20000, 32, 4); /* a table of two */
    put_desc(f, 0x20000, 0x14000, 1, 0x00010001);
    put_desc(f, 0x20010, 0x15000, 2, 0x00010003); /* and so on */
    matches(f, "info virtio-queue-element " BACKEND " 0 0",
            "desc:\n    addr 0x14000 len 1 \\(next\\)\n    addr 0x15000 len 2 \\(next, write\\)\n  "
            "avail:");
    put_desc(f, 0x8030, 0x12000, 64, 0x00030001); /* a ring of one */
    matches(f, "info virtio-queue-element " BACKEND " 0 0",
            "(    addr 0x12000 len 64 \\(next\\)\n){8}  avail");
    put(f, 0x9004, 0xffff, 2);
    matches(f, "info virtio-queue-element " BACKEND " 0 0", "  index:   65535\n");
    matches(f, "info virtio-queue-element " BACKEND " 0 x", "the index is 'x'");
    matches(f, "info virtio-queue-element " BACKEND " 9", "Invalid virtqueue number 9");
}

static void single_steps_are_switched(struct fixture *f, gconstpointer data)
{
    (void)data;
    prints(f, "singlestep", "");
    g_assert_true(f->m->vcpus[1]->debug.slow);
    prints(f, "info status", "VM status: paused (single step mode) (prelaunch)\n");
    matches(f, "singlestep some", "unexpected option some");
    prints(f, "singlestep off", "");
    g_assert_false(f->m->vcpus[1]->debug.slow);
    prints(f, "info status", "VM status: paused (prelaunch)\n");
}

/* QMP's texts are the monitor's. */
static void programs_get_the_same_text(struct fixture *f, gconstpointer data)
{
    static const struct {
        const char *command, *line;
    } rows[] = {
        { "x-query-irq", "info irq" },   { "x-query-numa", "info numa" },
        { "x-query-rdma", "info rdma" }, { "x-query-ramblock", "info ramblock" },
        { "x-query-roms", "info roms" }, { "x-query-opcount", "info opcount" },
    };

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *out = run(f, rows[i].line);
        g_autoptr(GError) error = NULL;
        json_t *result = NULL;

        g_assert_true(
            qmp_call(f->m, qmp_command_find(rows[i].command)->run, NULL, &result, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(json_string_value(json_object_get(result, "human-readable-text")), ==, out);
        json_decref(result);
    }
}

#define ADD(name, fn) g_test_add("/info/" name, struct fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("paging-off", paging_off);
    ADD("paging-32", tables_of_32_bits);
    ADD("paging-pae", tables_of_pae);
    ADD("paging-64", tables_of_64_bits);
    ADD("paging-endless", tables_that_have_no_end_are_cut);
    ADD("lapic", lapic_shows_its_registers);
    ADD("memory", memory_is_told);
    ADD("host-addresses", host_addresses_are_right);
    ADD("memsave", memory_is_saved);
    ADD("objects", objects_are_told);
    ADD("settings", settings_change);
    ADD("facts", facts_are_told);
    ADD("nodes", nodes_are_told);
    ADD("virtio", virtio_devices_are_told);
    ADD("virtio-element", elements_are_shown);
    ADD("singlestep", single_steps_are_switched);
    ADD("qmp", programs_get_the_same_text);
    return g_test_run();
}
