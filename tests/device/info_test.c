/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/info_test.c: `info qtree|pci|mtree|pic|irq` show what is there, on each board, and what a
 * guest has done to it.
 */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include "monitor/monitor.h"
#include "tests/device/fuzz_machine.h"

struct fixture {
    struct fuzz_machine *f;
    char *kernel;
};

/* A multiboot kernel of its header alone, so that no firmware is needed. */
static void set_up(struct fixture *f, gconstpointer data)
{
    static const uint32_t header[] = {
        0x1badb002, 0x10000, -(0x1badb002u + 0x10000u), 0x100000, 0x100000, 0, 0, 0x100000,
    };
    g_autofree char *line = NULL;
    int fd = g_file_open_tmp("rhea-info-XXXXXX", &f->kernel, NULL);

    g_assert_cmpint(write(fd, header, sizeof(header)), ==, sizeof(header));
    close(fd);
    line = g_strdup_printf("%s -m 16M -kernel %s -nodefaults -display none", (const char *)data,
                           f->kernel);
    f->f = fuzz_machine_new(line, 0);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    fuzz_machine_free(f->f);
    g_unlink(f->kernel);
    g_free(f->kernel);
}

/* Each pattern is in what the command prints. */
static void check(struct fixture *f, const char *command, const char *const *patterns)
{
    g_autoptr(GString) out = g_string_new(NULL);

    monitor_execute(f->f->m, command, out);
    for (; *patterns; patterns++) {
        g_test_message("%s: %s", command, *patterns);
        if (!g_regex_match_simple(*patterns, out->str, G_REGEX_MULTILINE | G_REGEX_DOTALL, 0)) {
            g_error("'%s' does not show '%s' but:\n%s", command, *patterns, out->str);
        }
    }
}
#define CHECK(f, command, ...) check(f, command, (const char *const[]){ __VA_ARGS__, NULL })

static void store(struct fixture *f, uint16_t port, uint32_t value, unsigned size)
{
    address_space_store(&f->f->m->io, port, value, size);
}

static void pc_shows_its_parts(struct fixture *f, gconstpointer data)
{
    (void)data;
    CHECK(f, "info qtree", "^bus: main-system-bus$", "^    bus: pci\\.0$",
          "^ +dev: PIIX3, .*bus: isa\\.0", "dev: i8042,", "dev: edu, id \"e\"$.*addr = 05\\.0",
          "dev: isa-debug-exit, id \"\"$.*iobase = 244");
    CHECK(f, "info pci", "Bus  0, device   0, function 0:$.*8086:1237", "8086:7000", "8086:7010",
          "8086:7113", "device   5, function 0:$.*1234:11e8.*id \"e\"");
    CHECK(f, "info mtree", "^address-space: memory$", "^address-space: I/O$",
          "^ +0+f4-0+f7 \\(prio 0, i/o\\): isa-debug-exit$");
    CHECK(f, "info mtree -f",
          "^flat view of memory$.*0000000000100000-0000000000ffffff \\(ram\\): pc\\.ram");
}

static void a_bar_shows_where_it_is(struct fixture *f, gconstpointer data)
{
    (void)data;
    CHECK(f, "info pci", "BAR0: 32 bit memory at 0xffffffffffffffff");
    store(f, 0xcf8, 0x80002810, 4);
    store(f, 0xcfc, 0xe1200000, 4);
    store(f, 0xcf8, 0x80002804, 4);
    store(f, 0xcfc, 2, 2);
    CHECK(f, "info pci", "BAR0: 32 bit memory at 0xe1200000 \\[0xe12fffff\\]");
    CHECK(f, "info mtree -f", "^  00000000e1200000-00000000e12fffff \\(i/o\\): edu");
}

static void controllers_show_their_lines(struct fixture *f, gconstpointer data)
{
    (void)data;
    store(f, 0x20, 0x11, 1);
    store(f, 0x21, 0x20, 1);
    store(f, 0x21, 0x04, 1);
    store(f, 0x21, 0x01, 1);
    store(f, 0x21, 0xee, 1);
    CHECK(f, "info pic", "^pic0: irr=00 imr=ee isr=00 .* irq_base=20 ", "^pic1: irr=00 ",
          "^ioapic0: ver=0x20", "  lines 000000$");
    for (unsigned i = 0; i < 3; i++) {
        store(f, 0x2005, 1, 1); /* pc-testdev: line 5 */
        if (i < 2) {
            store(f, 0x2005, 0, 1);
        }
    }
    CHECK(f, "info pic", "^pic0: irr=20 ", "  lines 000020$");
    CHECK(f, "info irq", "isa-i8259:$.*^ *5: 3$");
    address_space_store(&f->f->m->memory, 0xfec00000, 0x10 + 2 * 7, 4);
    address_space_store(&f->f->m->memory, 0xfec00010, 0xa931, 4);
    CHECK(f, "info pic",
          "pin 7 +0x000000000000a931 dest=0 vec=49 +active-lo level +lowest +logical");
}

static void q35_shows_its_parts(struct fixture *f, gconstpointer data)
{
    (void)data;
    CHECK(f, "info qtree", "^    bus: pcie\\.0$", "dev: mch, ", "dev: ICH9-LPC, .*bus: isa\\.0",
          "dev: ich9-ahci, .*bus: ide\\.5", "dev: pcie-root-port, id \"rp\"");
    CHECK(f, "info pci", "8086:29c0", "8086:2918", "8086:2922", "PCI bridge");
    CHECK(f, "info mtree -f", "flat view of memory$", "\\(i/o\\): ioapic");
    CHECK(f, "info pic", "^ioapic0: ", "^pic0: ");
    CHECK(f, "info irq", "^IRQ statistics for ioapic:$");
}

static void microvm_shows_its_parts(struct fixture *f, gconstpointer data)
{
    (void)data;
    CHECK(f, "info qtree", "^bus: main-system-bus$", "dev: ioapic, ", "bus: isa\\.0",
          "dev: isa-debug-exit,");
    CHECK(f, "info mtree -f", "flat view of memory$.*\\(ram\\): ", "\\(i/o\\): ioapic");
    CHECK(f, "info mtree", "^ +0+f4-0+f7 .*isa-debug-exit");
    CHECK(f, "info pic", "^ioapic0: ");
    CHECK(f, "info irq", "^IRQ statistics for ioapic:$");
}

#define ADD(name, line, fn) g_test_add("/info/" name, struct fixture, line, set_up, fn, tear_down)
#define EXIT                "-device isa-debug-exit,iobase=0xf4,iosize=4"

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("pc", "-M pc -device edu,id=e,addr=5 " EXIT, pc_shows_its_parts);
    ADD("bar", "-M pc -device edu,addr=5", a_bar_shows_where_it_is);
    ADD("lines", "-M pc -device pc-testdev", controllers_show_their_lines);
    ADD("q35", "-M q35 -device pcie-root-port,id=rp", q35_shows_its_parts);
    ADD("microvm", "-M microvm " EXIT, microvm_shows_its_parts);
    return g_test_run();
}
