/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/options_test.c: the command line: every option of the table once, and what is refused, with
 * its message.
 */
#include <glib/gstdio.h>
#include "config.h"
#include <string.h>
#include <unistd.h>
#include "cli/options.h"
#include "softmmu/machine.h"
#include "util/text.h"

/* Parses a command line written with single blanks. */
static bool parse(struct options *o, const char *line, GError **error)
{
    g_autofree char *text = g_strdup_printf("rhea-system-x86_64%s%s", *line ? " " : "", line);
    g_auto(GStrv) argv = g_strsplit(text, " ", -1);

    return options_parse(o, (int)g_strv_length(argv), argv, error) &&
           (o->done || options_finish(o, error));
}

static const char *item(const GPtrArray *list, unsigned i)
{
    return i < list->len ? g_ptr_array_index(list, i) : NULL;
}

#define K "-kernel k "

/* clang-format off */
static const struct row {
    const char *line;
    size_t offset;      /* of a member of struct options */
    enum { NOTHING, FLAG, BYTE, NUMBER, TEXT, FIRST, SECOND, MONITOR, QMP, PRETTY, HELP, WARNS } kind;
    uint64_t number;
    const char *text;
} rows[] = {
    { K "-readconfig /dev/null",   0,                NOTHING, 0, NULL },
#define AT(member) offsetof(struct options, member)
    { "-h",                        0,                NOTHING, 0, NULL },
    { "-help",                     0,                HELP, 0, "QEMU-compatible" },
    { "--help",                    0,                HELP, 0, "-kernel FILE" },
    { "-version",                  0,                HELP, 0, "Rhea version" },
    { "--version",                 0,                HELP, 0, "Rhea version" },
    { K "-machine pc",             0,                NOTHING, 0, NULL },
    { K "-machine type=pc,accel=tcg,usb=off,acpi=off", AT(no_acpi), FLAG, 1, NULL },
    { K "-machine pc,accel=kvm:tcg", AT(accels),     FIRST, 0, "kvm" },
    { K "-machine pc,accel=kvm:tcg", AT(accels),     SECOND, 0, "tcg" },
    { K "-machine pc,hpet=off",    AT(no_hpet),      FLAG, 1, NULL },
    { K "-machine pc,usb=on",      AT(usb),          FLAG, 1, NULL },
    { K "-usb -machine usb=off",   AT(usb),          FLAG, 0, NULL },
    { K "-usb",                    AT(usb),          FLAG, 1, NULL },
    { K "-usbdevice tablet",       AT(usb),          FLAG, 1, NULL },
    { "-machine help",             0,                HELP, 0, "(default)" },
    { "-M help",                   0,                HELP, 0, "(alias of" },
    { "-M none",                   0,                NOTHING, 0, NULL },
    { K "-cpu max,+avx,-sse3",     AT(cpu_model),    TEXT, 0, "max,+avx,-sse3" },
    { "-cpu help",                 0,                HELP, 0, "" },
    { K "-accel tcg",              AT(accels),       FIRST, 0, "tcg" },
    { K "-accel qtest",            AT(accels),       FIRST, 0, "qtest" },
    { K "-machine accel=qtest:tcg", AT(accels),       FIRST, 0, "qtest" },
    { K "-qtest unix:/tmp/q",      AT(qtest),        TEXT, 0, "unix:/tmp/q" },
    { K "-qtest-log none",         AT(qtest_log),    TEXT, 0, "none" },
    { K "-accel tcg,engine=interp", AT(accels),       FIRST, 0, "tcg,engine=interp" },
    { K "-accel tcg,thread=single", AT(accels),       FIRST, 0, "tcg,thread=single" },
    { K "-enable-kvm -accel tcg",  AT(accels),       FIRST, 0, "kvm" },
    { K "-enable-kvm -accel tcg",  AT(accels),       SECOND, 0, "tcg" },
    { K "-enable-kvm -accel kvm,dirty-ring-size=4096", AT(accels), FIRST, 0, "kvm,dirty-ring-size=4096" },
    { K "-accel accel=kvm,kernel-irqchip=split,kvm-shadow-mem=64M,device=/dev/kvm,notify-vmexit=disable", AT(accels), FIRST, 0,
      "kvm,kernel-irqchip=split,kvm-shadow-mem=64M,device=/dev/kvm,notify-vmexit=disable" },
    { K "-accel xen -accel tcg",   0,                WARNS, 0, "xen is not supported (use -accel tcg): going on with tcg" },
    { "-accel help",               0,                HELP, 0, "tcg" },
    { K,                           AT(accels),       FIRST, 0, NULL },
    { K "-smp 1",                  AT(cpus),         NUMBER, 1, NULL },
    { K "-smp 6",                  AT(topology.cores), NUMBER, 6, NULL },
    { K "-smp 6",                  AT(topology.sockets), NUMBER, 1, NULL },
    { K "-smp 8,sockets=2,threads=2", AT(topology.cores), NUMBER, 2, NULL },
    { K "-smp 8,cores=2,threads=2", AT(topology.sockets), NUMBER, 2, NULL },
    { K "-smp 8,sockets=2,cores=2", AT(topology.threads), NUMBER, 2, NULL },
    { K "-smp sockets=2,dies=2,cores=3,threads=2", AT(cpus), NUMBER, 24, NULL },
    { K "-smp 2,clusters=1",       AT(cpus),         NUMBER, 2, NULL },
    { K "-smp 2,maxcpus=4",        AT(cpus),         NUMBER, 2, NULL },
    { K "-smp 2,maxcpus=4",        AT(topology.cores), NUMBER, 4, NULL },
    { K "-accel tcg,thread=multi", AT(accels),       FIRST, 0, "tcg,thread=multi" },
    { K "-smp cpus=1,sockets=1,cores=1,threads=1,maxcpus=1", AT(cpus), NUMBER, 1, NULL },
    { K "-m 64",                   AT(ram_size),     NUMBER, 64ull << 20, NULL },
    { K "-m 2G",                   AT(ram_size),     NUMBER, 2ull << 30, NULL },
    { K "-m 1.5G",                 AT(ram_size),     NUMBER, 3ull << 29, NULL },
    { K "-m size=512M",            AT(ram_size),     NUMBER, 512ull << 20, NULL },
    { K "-m 512M,slots=2,maxmem=1G", AT(max_ram),    NUMBER, 1ull << 30, NULL },
    { K "-m 512M,slots=2,maxmem=1G", 0,              WARNS, 0, "slots=2 has no effect" },
    { K "-mem-path /x",            AT(mem_path),     TEXT, 0, "/x" },
    { K "-mem-prealloc",           AT(mem_prealloc), FLAG, 1, NULL },
    { K "-M memory-backend=b",     AT(memory_backend), TEXT, 0, "b" },
    { K "-M smp.cpus=4,smp.threads=2", AT(topology.threads), NUMBER, 2, NULL },
    { K "-M memory.size=64M,memory.max-size=1G", AT(max_ram), NUMBER, 1ull << 30, NULL },
    { K "-M dump-guest-core=off,mem-merge=off", AT(dump_guest_core), FLAG, 0, NULL },
    { K "-M max-ram-below-4g=1G",  AT(max_ram_below_4g), NUMBER, 1ull << 30, NULL },
    { "-M kernel=k,append=a",      AT(append),       TEXT, 0, "a" },
    { "-M firmware=f",             AT(bios),         TEXT, 0, "f" },
    { K "-accel tcg -M kernel_irqchip=split", 0,     WARNS, 0, "it is kvm's" },
    { K "-M kernel_irqchip=split", AT(kernel_irqchip), TEXT, 0, "split" },
    { K "-overcommit mem-lock=on", AT(mem_lock),     FLAG, 1, NULL },
    { K "-overcommit cpu-pm=on",   0,                WARNS, 0, "cpu-pm=on has no effect" },
    { K "-numa node,mem=64 -numa node,mem=64 -smp 4,sockets=2", AT(numa.nodes[1].mem), NUMBER, 64ull << 20, NULL },
    { K "-numa node,cpus=1 -smp 2", 0,               WARNS, 0, "CPU 0: they are on node 0" },
    { K "-device e1000,id=n -set device.n.mac=52:54:00:00:00:01", AT(devices), FIRST, 0, "e1000,id=n,mac=52:54:00:00:00:01" },
    { K "-drive file=a,id=d.e -set drive.d.e.file=b,c", AT(drives), FIRST, 0, "file=a,id=d.e,file=b,,c" },
    { K "-seed 0x10",              AT(seed),         NUMBER, 16, NULL },
    { K "-echr 0x14",              AT(escape),       BYTE, 0x14, NULL },
    { K "-sandbox on,spawn=deny",  AT(sandbox.no_spawn), FLAG, 1, NULL },
    { K "-sandbox on,elevateprivileges=children", AT(sandbox.no_privileges), FLAG, 0, NULL },
    { K "-sandbox on -sandbox off", AT(sandbox.on),  FLAG, 0, NULL },
    { K "-runas 12:34",            AT(runas),        TEXT, 0, "" },
    { K "-runas root",             AT(runas),        TEXT, 0, "root" },
    { K "-chroot /x",              AT(chroot_dir),   TEXT, 0, "/x" },
    { K "-async-teardown",         AT(async_teardown), FLAG, 1, NULL },
    { K "-compat deprecated-input=accept,unstable-output=accept", 0, NOTHING, 0, NULL },
    { K "-rotate 90",              0,                WARNS, 0, "-rotate has no effect" },
    { K "-portrait",               0,                WARNS, 0, "-portrait has no effect" },
    { "-no-fd-bootchk",            AT(no_fd_bootchk), FLAG, 1, NULL },
    { "-M fd-bootchk=off",         AT(no_fd_bootchk), FLAG, 1, NULL },
    { K "-acpitable sig=ABCD,data=x", AT(acpi_tables), FIRST, 0, "sig=ABCD,data=x" },
    { K "-name guest",             AT(name),         TEXT, 0, "guest" },
    { K "-name guest=g,debug-threads=on", AT(name),  TEXT, 0, "g" },
    { K "-rtc base=utc",           AT(rtc_base),     NUMBER, (uint64_t)INT64_MIN, NULL },
    { K "-rtc base=localtime",     AT(rtc_localtime), FLAG, 1, NULL },
    { K "-rtc base=2006-06-17T16:01:21,clock=host,driftfix=none", AT(rtc_base), NUMBER, 1150560081, NULL },
    { K "-rtc base=utc,driftfix=slew", 0,            WARNS, 0, "driftfix=slew has no effect" },
    { K "-rtc clock=rt",           0,                WARNS, 0, "as with clock=vm" },
    { K "-rtc clock=vm",           AT(rtc_base),     NUMBER, (uint64_t)INT64_MIN, NULL },
    { K "-dfilter 0x1000+0x10,2..3", AT(log_filter), TEXT, 0, "0x1000+0x10,2..3" },
    { K "-singlestep",             AT(singlestep),   FLAG, 1, NULL },
    { K "-dump-vmstate f",         AT(dump_vmstate), TEXT, 0, "f" },
    { K "-rtc 2006-06-17",         AT(rtc_base),     NUMBER, 1150502400, NULL },
    { K "-boot order=c",           0,                WARNS, 0, "-boot order=c has no effect" },
    { K "-no-acpi",                AT(no_acpi),      FLAG, 1, NULL },
    { K "-no-hpet",                AT(no_hpet),      FLAG, 1, NULL },
    { "-kernel vmlinuz",           AT(kernel),       TEXT, 0, "vmlinuz" },
    { K "-initrd a,b",             AT(initrd),       TEXT, 0, "a,b" },
    { K "-append console=ttyS0",   AT(append),       TEXT, 0, "console=ttyS0" },
    { K "-nographic",              AT(serials),      FIRST, 0, "mon:stdio" },
    { K "-nographic -monitor none", AT(serials),     FIRST, 0, "stdio" },
    { K "-nographic -serial null", AT(monitors),     MONITOR, 0, "stdio" },
    { K "-nographic -serial mon:stdio", AT(monitors), MONITOR, 0, NULL },
    { K "-nographic -nodefaults",  AT(serials),      FIRST, 0, NULL },
    { K "-display none",           AT(serials),      FIRST, 0, "null" },
    { K "-display none",           AT(warnings),     FIRST, 0, NULL },
    { K "-display curses",         AT(serials),      FIRST, 0, "vc" },
    { K "-display curses",         AT(warnings),     FIRST, 0, NULL },
    { K "-display curses,charset=cp437 -serial pty", AT(monitors), MONITOR, 0, "vc" },
    { K "-curses",                 AT(devices),      FIRST, 0, "VGA,addr=02" },
    { K "-curses -display none",   AT(has_viewer),   FLAG, 0, NULL },
    /* Where it is not built in this is a text. */
    { CONFIG_SDL ? K "-sdl" : K "-append -sdl", 0,   NOTHING, 0, NULL },
    { K "-vnc :1",                 AT(has_viewer),   FLAG, 1, NULL },
    { K "-vnc :1",                 AT(serials),      FIRST, 0, "vc" },
    { K "-vnc :1 -vnc none",       AT(has_viewer),   FLAG, 0, NULL },
    { K "-display vnc=:1,password=off", AT(vncs),    FIRST, 0, ":1,password=off" },
    { K "-vnc unix:v,share=force-shared,lossy -monitor none", AT(devices), FIRST, 0, "VGA,addr=02" },
    { K "-display none -k de",     AT(layout),       TEXT, 0, "de" },
    { K "-display none -full-screen", AT(full_screen), FLAG, 1, NULL },
    { K "-display none -no-quit",  AT(no_quit),      FLAG, 1, NULL },
    { K,                           0,                WARNS, 0, "no desktop for a window" },
    { "-display help",             0,                HELP, 0, "none" },
    { K "-vga none",               0,                NOTHING, 0, NULL },
    { K "-vga std",                AT(devices),      FIRST, 0, "VGA,addr=02" },
    { K "-vga cirrus",             AT(devices),      FIRST, 0, "cirrus-vga,addr=02" },
    { K "-vga virtio",             AT(devices),      FIRST, 0, "virtio-vga,addr=02" },
    { K "-serial pty -serial file:x", AT(serials),   SECOND, 0, "file:x" },
    { K "-serial none -display none", AT(serials),   FIRST, 0, "none" },
    { K "-parallel none -parallel file:x", AT(parallels), SECOND, 0, "file:x" },
    { K "-monitor pty",            AT(monitors),     MONITOR, 0, "pty" },
    { K "-mon chardev=m,mode=readline", AT(monitors), MONITOR, 0, "chardev:m" },
    { K "-mon m,mode=control,id=q", AT(monitors),    QMP, 0, "chardev:m" },
    { K "-mon m,mode=control,pretty=on", AT(monitors), PRETTY, 0, "chardev:m" },
    { K "-qmp stdio",              AT(monitors),     QMP, 0, "stdio" },
    { K "-qmp-pretty unix:q,server=on", AT(monitors), PRETTY, 0, "unix:q,server=on" },
    { K "-nographic -qmp none",    AT(monitors),     MONITOR, 0, NULL },
    { K "-device {\"driver\":\"isa-debug-exit\"}", AT(devices), FIRST, 0, "{\"driver\":\"isa-debug-exit\"}" },
    { K "-name g,process=p",       AT(process_name), TEXT, 0, "p" },
    { K "-display none -daemonize", AT(daemonize),   FLAG, 1, NULL },
    { K "-action panic=pause",     AT(panic),        NUMBER, PANIC_ACTION_PAUSE, NULL },
    { K "-action watchdog=inject-nmi", AT(watchdog), NUMBER, WATCHDOG_ACTION_INJECT_NMI, NULL },
    { K "-watchdog-action pause",  AT(watchdog),     NUMBER, WATCHDOG_ACTION_PAUSE, NULL },
    { K "-action panic=exit-failure", AT(panic),     NUMBER, PANIC_ACTION_EXIT_FAILURE, NULL },
    { K "-action panic=none",      AT(panic),        NUMBER, PANIC_ACTION_NONE, NULL },
    { K "-msg timestamp=on",       AT(timestamps),   FLAG, 1, NULL },
    { K "-msg guest-name=on",      AT(message_name), FLAG, 1, NULL },
    { K "-chardev stdio,id=m,mux=on", AT(chardevs),  FIRST, 0, "stdio,id=m,mux=on" },
    { K "-add-fd fd=3,set=1",      AT(fds),          FIRST, 0, "fd=3,set=1" },
    { "-chardev help",             0,                HELP, 0, "pty" },
    { K "-device isa-debug-exit,iobase=0xf4", AT(devices), FIRST, 0, "isa-debug-exit,iobase=0xf4" },
    { "-device help",              0,                HELP, 0, "name \"isa-debug-exit\"" },
    { "-device ?",                 0,                HELP, 0, "name \"isa-debug-exit\"" },
    { "-device isa-debug-exit,help", 0,              HELP, 0, "isa-debug-exit" },
    { K "-global a.b=c",           AT(globals),      FIRST, 0, "a.b=c" },
    { K "-global driver=a,property=b,value=c", AT(globals), FIRST, 0, "a.b=c" },
    { K "-drive file=a.img,format=raw,if=none,id=d,cache=none", AT(drives), FIRST, 0, "file=a.img,format=raw,if=none,id=d,cache=none" },
    { K "-drive driver=qcow2,file.filename=a,iops=10,cache.direct=on", AT(drives), FIRST, 0, "driver=qcow2,file.filename=a,iops=10,cache.direct=on" },
    { K "-drive file=a,aio=io_uring", AT(drives),    FIRST, 0, "file=a,aio=io_uring" },
    { K "-object secret,id=s,data=a", AT(objects),  FIRST, 0, "secret,id=s,data=a" },
    { K "-blockdev driver=file,node-name=n,filename=a", AT(blockdevs), FIRST, 0, "driver=file,node-name=n,filename=a" },
    { "-drive format=help",        0,                HELP, 0, "raw" },
    { K "-hda a.img",              AT(drives),       FIRST, 0, "file=a.img,index=0,media=disk" },
    { K "a.img",                   AT(drives),       FIRST, 0, "file=a.img,index=0,media=disk" },
    { K "-hdb a,b",                AT(drives),       FIRST, 0, "file=a,,b,index=1,media=disk" },
    { K "-hdc a.img",              AT(drives),       FIRST, 0, "file=a.img,index=2,media=disk" },
    { K "-hdd a.img",              AT(drives),       FIRST, 0, "file=a.img,index=3,media=disk" },
    { K "-cdrom a.iso",            AT(drives),       FIRST, 0, "file=a.iso,index=2,media=cdrom" },
    { K "-fda a.img",              AT(drives),       FIRST, 0, "file=a.img,if=floppy,index=0" },
    { K "-fdb a.img",              AT(drives),       FIRST, 0, "file=a.img,if=floppy,index=1" },
    { K "-pflash a.fd",            AT(drives),       FIRST, 0, "file=a.fd,if=pflash" },
    { K "-snapshot",               AT(snapshot),     FLAG, 1, NULL },
    { K "-net none",               0,                NOTHING, 0, NULL },
    { K "-nic none",               0,                NOTHING, 0, NULL },
    { K "-netdev user,id=n",       0,                NOTHING, 0, NULL },
    { K "-S",                      AT(start_paused), FLAG, 1, NULL },
    { K "-s",                      AT(gdb),          TEXT, 0, "tcp::1234" },
    { K "-gdb none",               AT(gdb),          TEXT, 0, "none" },
    { K "-no-reboot",              AT(no_reboot),    FLAG, 1, NULL },
    { K "--no-reboot",             AT(no_reboot),    FLAG, 1, NULL },
    { K "-no-shutdown",            AT(no_shutdown),  FLAG, 1, NULL },
    { K "-only-migratable",        AT(only_migratable), FLAG, 1, NULL },
    { K "-perfmap",                AT(perfmap),      FLAG, 1, NULL },
    { K "-action reboot=shutdown", AT(no_reboot),    FLAG, 1, NULL },
    { K "-action shutdown=pause",  AT(no_shutdown),  FLAG, 1, NULL },
    { K "-no-reboot -action reboot=reset", AT(no_reboot), FLAG, 0, NULL },
    { K "-nodefaults",             AT(serials),      FIRST, 0, NULL },
    { K "-no-user-config",         0,                NOTHING, 0, NULL },
    { K "-d int -d unimp",         AT(log_items),    TEXT, 0, "int,unimp" },
    { "-d help",                   0,                HELP, 0, "guest_errors" },
    { K "-D log.txt",              AT(log_file),     TEXT, 0, "log.txt" },
    { K "-msg timestamp=off",      0,                NOTHING, 0, NULL },
    { K "-pidfile p",              AT(pidfile),      TEXT, 0, "p" },
    { K "-incoming defer",         AT(incoming),     TEXT, 0, "defer" },
    { K "-loadvm t",               AT(loadvm),       TEXT, 0, "t" },
    { "-L dir -L other",           AT(data_dirs),    SECOND, 0, "other" },
    { "-audiodev help",            0,                HELP, 0, "Available audio drivers:\nnone\n" },
    { "-audio model=help",         0,                HELP, 0, "Intel 82801AA AC97 Audio" },
    { "-audio-help",               0,                HELP, 0, "-audiodev id=wav,driver=wav\n" },
    { K "-audio none,model=hda",   AT(devices),      FIRST, 0, "intel-hda" },
    { K "-audio none,model=ac97",  AT(devices),      FIRST, 0, "AC97,audiodev=audiodev0" },
    { K "-audio none,model=pcspk,id=q", AT(pcspk_audiodev), TEXT, 0, "q" },
    { K "-audiodev none,id=a -machine pcspk-audiodev=a", AT(pcspk_audiodev), TEXT, 0, "a" },
    { "-tpmdev help",              0,                HELP, 0, "emulator   swtpm" },
    { K "-tpmdev emulator,id=t,chardev=c", AT(tpmdevs), FIRST, 0, "emulator,id=t,chardev=c" },
    { "-L help",                   0,                HELP, 0, "/usr/share/seabios" },
    { "-bios rom.bin",             AT(bios),         TEXT, 0, "rom.bin" },
    { "-boot order=cda,menu=on,once=n,strict=on,splash-time=5000,reboot-timeout=-1", AT(warnings), SECOND, 0, NULL },
    { "-smbios type=1,serial=x",   AT(smbios),       FIRST, 0, "type=1,serial=x" },
    { "-uuid 01234567-89ab-cdef-0123-456789abcdef", AT(uuid), TEXT, 0, "01234567-89ab-cdef-0123-456789abcdef" },
    { "-fw_cfg name=opt/x,string=a", AT(fw_cfg),     FIRST, 0, "name=opt/x,string=a" },
    { "-fw_cfg opt/x,file=a",      AT(fw_cfg),       FIRST, 0, "opt/x,file=a" },
    { "-fw_cfg etc/x,string=a",    0,                WARNS, 0, "should begin with 'opt/'" },
    { "-option-rom a.rom,bootindex=1", AT(option_roms), FIRST, 0, "a.rom,bootindex=1" },
    { "-debugcon null",            AT(debugcons),    FIRST, 0, "null" },
    { "-machine smm=off",          AT(no_smm),       FLAG, 1, NULL },
};
/* clang-format on */

static bool warned(const struct options *o, const char *text)
{
    for (unsigned i = 0; i < o->warnings->len; i++) {
        if (strstr(item(o->warnings, i), text)) {
            return true;
        }
    }
    return false;
}

static void check_monitor(const GPtrArray *monitors, const char *chardev, bool control, bool pretty)
{
    const struct monitor_option *mon = monitors->len ? g_ptr_array_index(monitors, 0) : NULL;

    g_assert_cmpstr(mon ? mon->chardev : NULL, ==, chardev);
    g_assert_true(!mon || mon->control == control);
    g_assert_true(!mon || mon->pretty == pretty);
}

static void check_row(const struct row *row, const struct options *o)
{
    const char *at = (const char *)o + row->offset;

    switch (row->kind) {
    case NOTHING:
        break;
    case FLAG:
        g_assert_cmpint(*(const bool *)at, ==, (int)row->number);
        break;
    case BYTE:
        g_assert_cmpuint(*(const uint8_t *)at, ==, row->number);
        break;
    case NUMBER: {
        bool small = row->offset == offsetof(struct options, panic) ||
                     (row->offset >= offsetof(struct options, cpus) &&
                      row->offset < offsetof(struct options, topology) + sizeof(o->topology));
        uint64_t number = small ? *(const unsigned *)at : *(const uint64_t *)at;

        g_assert_cmpuint(number, ==, row->number);
        break;
    }
    case TEXT:
        g_assert_cmpstr(*(char *const *)at, ==, row->text);
        break;
    case FIRST:
        g_assert_cmpstr(item(*(GPtrArray *const *)at, 0), ==, row->text);
        break;
    case SECOND:
        g_assert_cmpstr(item(*(GPtrArray *const *)at, 1), ==, row->text);
        break;
    case MONITOR:
        check_monitor(*(GPtrArray *const *)at, row->text, false, false);
        break;
    case QMP:
        check_monitor(*(GPtrArray *const *)at, row->text, true, false);
        break;
    case PRETTY:
        check_monitor(*(GPtrArray *const *)at, row->text, true, true);
        break;
    case HELP:
        g_assert_true(o->done);
        g_assert_nonnull(strstr(o->output->str, row->text));
        break;
    case WARNS:
        g_assert_true(warned(o, row->text));
        break;
    }
}

static void options_do_what_they_say(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *line = g_strchomp(g_strdup(rows[i].line));
        struct options *o = options_new();

        g_test_message("%s", line);
        g_assert_true(parse(o, line, &error));
        g_assert_no_error(error);
        check_row(&rows[i], o);
        options_free(o);
    }
}

/* The table above names every option that is supported. */
static void every_option_is_tested(void)
{
    for (const struct option_row *r = option_rows; r->name; r++) {
        g_autofree char *pattern = g_strdup_printf("(^|[ -])-%s( |$)", r->name);
        bool found = !r->run;

        for (unsigned i = 0; i < G_N_ELEMENTS(rows) && !found; i++) {
            found = g_regex_match_simple(pattern, rows[i].line, 0, 0);
        }
        g_test_message("-%s", r->name);
        g_assert_true(found);
    }
}

static void unsupported_options_say_so(void)
{
    for (const struct option_row *r = option_rows; r->name; r++) {
        g_autofree char *line = g_strdup_printf("-%s%s", r->name, r->arg ? " x" : "");
        struct options *o = options_new();
        g_autoptr(GError) error = NULL;

        if (!r->run) {
            g_assert_false(parse(o, line, &error));
            g_assert_nonnull(strstr(error->message, r->help));
        }
        options_free(o);
    }
}

static void help_shows_every_row(void)
{
    g_autoptr(GString) out = g_string_new(NULL);

    options_print_help(out);
    g_assert_nonnull(strstr(out->str, "QEMU-compatible"));
    for (const struct option_row *r = option_rows; r->name; r++) {
        g_autofree char *name = g_strdup_printf("  -%s", r->name);

        g_assert_nonnull(strstr(out->str, name));
        g_assert_nonnull(strstr(out->str, r->help));
    }
}

static void names_are_unique(void)
{
    for (const struct option_row *r = option_rows; r->name; r++) {
        for (const struct option_row *s = r + 1; s->name; s++) {
            g_assert_cmpstr(r->name, !=, s->name);
        }
    }
}

static void mistakes_get_one_clear_line(void)
{
    static const struct {
        const char *line, *says;
    } mistakes[] = {
        { "-foo", "invalid option '-foo'" },
        { "-nographic -display curses", "cannot be used with -nographic" },
        { "-curses -nographic", "cannot be used with -nographic" },
        { "-display curses,charset=x", "charset=x is not supported" },
        { "-kernl k", "invalid option '-kernl'; closest: -kernel" },
        { "--seral stdio", "invalid option '--seral'; closest: -serial" },
        { "-kernel", "-kernel needs an argument" },
        { K "-drive file=a,fromat=raw", "-drive: no property 'fromat'; closest: format" },
        { K "-drive file=a,if=sd", "if=sd is not supported" },
        { K "-drive file=a,cache=some", "cache is 'some', must be one of: writeback" },
        { K "-drive file=a,index=1,bus=0", "index cannot be used with bus and unit" },
        { "-", "invalid option '-'" },
        { "-initrd x", "-initrd is allowed only with -kernel" },
        { "-append x", "-append is allowed only with -kernel" },
        { "-boot order=cx", "'x' is not a drive" },
        { "-boot once=cc", "'c' is there twice" },
        { "-boot menu=perhaps", "menu is 'perhaps', must be on or off" },
        { "-boot splash-time=70000", "must be 0 to 65535 ms" },
        { "-boot colour=red", "no property 'colour'" },
        { "-fw_cfg opt/x", "must be name=NAME,file=FILE" },
        { "-fw_cfg opt/x,file=a,string=b", "must be name=NAME,file=FILE" },
        { "-fw_cfg opt/x,strong=b", "no property 'strong'" },
        { "-option-rom x,bootindex=-2", "bootindex is '-2'" },
        { K "-m 0", "the size is '0', must be 1M to 1T" },
        { K "-m 100000000G", "-m: the size is '100000000G'" },
        { K "-m -5", "-m: the size is '-5'" },
        { K "-m lots", "-m: the size is 'lots'" },
        { K "-m 1G,slots=2", "slots specified but no max-size" },
        { K "-m 1G,slots=2,maxmem=512M", "must be at least the initial memory size" },
        { K "-m 1G,slots=2,maxmem=1G", "equal to the initial memory size" },
        { K "-m 1G,slots=1000,maxmem=2G", "slots is '1000', must be 0 to 256" },
        { K "-m 1G,slits=2", "no property 'slits'" },
        { K "-mem-path x -machine memory-backend=b", "can't be used together" },
        { K "-machine mem-merge=x", "mem-merge is 'x', must be on or off" },
        { K "-machine nvdimm=on", "there are no NVDIMMs" },
        { K "-machine max-ram-below-4g=5G", "must be 1M to 4G" },
        { K "-machine memory-encryption=x", "not supported" },
        { K "-machine x-oem-id=toolong", "at most 6 characters" },
        { K "-machine smp.cors=2", "no property 'cors'" },
        { K "-overcommit foo=on", "Invalid parameter 'foo'" },
        { K "-numa foo", "the type is 'foo', must be node, dist or cpu" },
        { K "-numa node,cpus=9", "CPU index (9) should be smaller than maxcpus (1)" },
        { K "-numa node,cpus=0 -numa node,cpus=0", "already assigned to node-id: 0" },
        { K "-numa node,nodeid=1", "Node ID missing: 0" },
        { K "-numa node,nodeid=0 -numa node,nodeid=0", "Duplicate NUMA nodeid: 0" },
        { K "-numa node,nodeid=128", "nodeid is '128', must be 0 to 127" },
        { K "-numa node,initiator=0", "there is no HMAT" },
        { K "-numa hmat-lb,initiator=0", "there is no HMAT" },
        { K "-numa node,mem=1,memdev=x", "both mem= and memdev=" },
        { K "-numa node -numa dist,src=0,dst=1,val=20", "NUMA node is missing" },
        { K "-numa node -numa node -numa dist,src=0,dst=1,val=5", "it should be at least 10" },
        { K "-numa node -numa dist,src=0,dst=0,val=20", "for a node itself 10" },
        { K "-numa node -numa node -numa node -numa dist,src=0,dst=1,val=20",
          "between node 0 and 2 is missing" },
        { K "-numa node -numa cpu,node-id=0,socket-id=1", "socket-id is '1', must be 0 to 0" },
        { K "-numa cpu,node-id=0", "must be defined with -numa node" },
        { K "-set device.x.y=z", "there is no device \"x\" defined" },
        { K "-set foo", "can't parse" },
        { K "-set smp.x.y=z", "There is no option group 'smp'" },
        { K "-readconfig /nonexistent", "Could not open '/nonexistent'" },
        { K "-seed x", "Invalid seed number: x" },
        { K "-echr 256", "Bad argument '256'" },
        { K "-sandbox on,spawn=some", "invalid argument for spawn" },
        { K "-sandbox on,colour=red", "Invalid parameter 'colour'" },
        { K "-runas no-such-user", "doesn't exist (and is not <uid>:<gid>)" },
        { K "-compat deprecated-input=crash", "it can be: accept" },
        { K "-compat x=accept", "Invalid parameter 'x'" },
        { K "-rotate 45", "only 90, 180, 270" },
        { K "-smp 256", "256 CPUs are asked for, machine 'pc-i440fx-7.2' has at most 255" },
        { K "-smp 1,maxcpus=256", "at most 255" },
        { K "-smp 4,maxcpus=2", "maxcpus is 2, must be at least cpus (4)" },
        { "-M none -smp 2", "has at most 1" },
        { K "-smp 2 -accel tcg,thread=single", "2 CPUs have a thread each" },
        { K "-smp 0", "cpus is '0', must be" },
        { K "-smp 4,sockets=1,cores=2,threads=1", "must be maxcpus (4)" },
        { K "-smp 2,clusters=2", "clusters not supported by this machine" },
        { K "-smp 1,cors=2", "no property 'cors'" },
        { K "-M pcc", "unsupported machine type 'pcc'; closest: " },
        { K "-machine zzzzzzzz", "unsupported machine type 'zzzzzzzz'" },
        { K "-machine pc,acel=tcg", "no property 'acel'; closest: accel" },
        { K "-machine pc,usb=perhaps", "usb is 'perhaps', must be on or off" },
        { K "-machine pc,acpi=perhaps", "must be on or off" },
        { K "-accel xen", "xen is not supported (use -accel tcg)" },
        { K "-accel kvm,kernel-irqchp=on", "no property 'kernel-irqchp'; closest: kernel-irqchip" },
        { K "-accel kvm,kernel-irqchip=perhaps",
          "kernel-irqchip is 'perhaps', must be on, off or split" },
        { K "-accel kvm,dirty-ring-size=1000", "must be 0 or a power of two from 256 to 65536" },
        { K "-accel kvm,dirty-ring-size=131072", "must be 0 or a power of two" },
        { K "-accel kvm,kvm-shadow-mem=much", "kvm-shadow-mem is 'much'" },
        { K "-accel kvm,device=", "device is '', must be a path" },
        { K "-accel kvm,notify-vmexit=run",
          "notify-vmexit=run is not supported: it can be: disable" },
        { K "-accel kvm,notify-window=1", "there is no notify-vmexit" },
        { K "-accel tgc", "unknown accelerator 'tgc'; closest: tcg" },
        { K "-accel tcg,engine=warp", "engine is 'warp', must be interp or auto or translate" },
        { K "-accel tcg,thread=2", "thread is '2', must be multi or single" },
        { K "-accel tcg,foo=1", "no property 'foo'" },
        { K "-audiodev none", "must be DRIVER,id=ID" },
        { K "-audiodev {\"driver\":\"none\",\"id\":\"a\",\"x\":1}", "has no property 'x'" },
        { K "-audio none", "must be DRIVER,model=CARD" },
        { K "-audio none,model=gus", "there is no model 'gus'" },
        { K "-vga vmware", "this graphics card is not supported" },
        { K "-vga qxl", "SPICE's graphics card is not supported" },
        { K "-vga voodoo", "unknown vga type: voodoo" },
        { K "-display gtk", "there is no such display" },
        { K "-vnc 1", "must be [HOST]:DISPLAY" },
        { K "-vnc :1,share=x", "share is 'x'" },
        { K "-parallel null -parallel null -parallel null -parallel null", "at most 3" },
        { K "-rtc base=tomorrow", "base is 'tomorrow'" },
        { K "-rtc base=2006-02-30", "base is '2006-02-30', which is no day" },
        { K "-rtc clock=x", "clock=x is not supported" },
        { K "-rtc driftfix=some", "driftfix=some is not supported" },
        { K "-accel qtest,a=b", "-accel qtest: no property 'a'" },
        { K "-action watchdog=run", "watchdog=run is not supported; it can be: reset, shutdown" },
        { K "-watchdog-action run", "run is not supported; it can be: reset, shutdown" },
        { K "-action panic=run", "panic=run is not supported" },
        { K "-nographic -daemonize", "-daemonize cannot be used with -nographic" },
        { K "-name g,debug-threads=perhaps", "must be on or off" },
        { K "-action foo=bar", "no property 'foo'" },
        { K "-msg timestamp=later", "must be on or off" },
        { K "-msg colour=on", "no property 'colour'" },
        { K "-mon mode=readline", "chardev=ID is missing" },
        { K "-mon chardev=a,mode=query", "must be readline or control" },
        { K "-device {\"id\":\"x\"}", "'driver' is missing" },
        { K "-device {", "the JSON ends at column" },
        { K "-mon chardev=a,pretty=on", "for mode=control only" },
        { K "-mon chardev=a,mode=control,pretty=2", "must be on or off" },
        { K "-device isa-debug-exitt", "closest: isa-debug-exit" },
        { K "-device nosuchthing,help", "'nosuchthing' is not a valid device model name" },
        { K "-tpmdev passthrough,id=t,path=/dev/tpm0", "type passthrough is not supported" },
        { K "-tpmdev cuse,id=t", "the type is 'cuse', must be emulator" },
        { K "-tpmdev emulator,id=t", "chardev=ID is missing" },
        { K "-tpmdev emulator,chardev=c", "id=ID is missing" },
        { K "-tpmdev emulator,id=t,chardev=c,path=x",
          "there is no 'path'; emulator has id, chardev" },
        { K "-chardev stdio", "must be BACKEND,id=ID" },
        { K "-global x", "must be DEVICE.PROP=VALUE" },
        { K "-name a,b=c", "no property 'b'" },
        { K "-serial null -serial null -serial null -serial null -serial null", "at most 4" },
        { K "-usbdevice printer", "no device 'printer', must be keyboard, mouse or tablet" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(mistakes); i++) {
        g_autoptr(GError) error = NULL;
        struct options *o = options_new();

        g_assert_false(parse(o, mistakes[i].line, &error));
        g_test_message("%s: %s", mistakes[i].line, error->message);
        g_assert_nonnull(strstr(error->message, mistakes[i].says));
        g_assert_null(strchr(error->message, '\n'));
        options_free(o);
    }
}

static const char config_text[] = "# a comment\n"
                                  "[machine]\n"
                                  "  type = \"q35\"\n"
                                  "[memory]\n"
                                  "  size = \"64M\"\n"
                                  "[smp-opts]\n"
                                  "  cpus = \"2\"\n"
                                  "\n"
                                  "[device \"n0\"]\n"
                                  "  mac=\"52:54:00:00:00:01\"\n"
                                  "  driver = \"e1000\"\n"
                                  "[drive \"d\"]\n"
                                  "  file = \"a,b # c\"\n"
                                  "  if = \"none\"\n"
                                  "[global]\n"
                                  "  driver = \"e1000\"\n"
                                  "  property = \"p\"\n"
                                  "  value = \"v\"\n";

/* Parses "-kernel k -readconfig FILE" with that text in the file. */
static struct options *read_config(const char *text, GError **error)
{
    g_autofree char *path = NULL, *line = NULL;
    int fd = g_file_open_tmp("rhea-config-XXXXXX", &path, NULL);
    struct options *o = options_new();

    close(fd);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    line = g_strdup_printf(K "-readconfig %s -set device.n0.mac=1", path);
    parse(o, line, error);
    g_unlink(path);
    return o;
}

static void files_have_options(void)
{
    g_autoptr(GError) error = NULL;
    struct options *o = read_config(config_text, &error);

    g_assert_no_error(error);
    g_assert_cmpstr(o->board->alias, ==, "q35");
    g_assert_cmpuint(o->ram_size, ==, 64 << 20);
    g_assert_cmpuint(o->cpus, ==, 2);
    g_assert_cmpstr(item(o->devices, 0), ==, "e1000,id=n0,mac=52:54:00:00:00:01,mac=1");
    g_assert_cmpstr(item(o->drives, 0), ==, "id=d,file=a,,b # c,if=none");
    g_assert_cmpstr(item(o->globals, 0), ==, "e1000.p=v");
    options_free(o);
}

static void mistakes_in_files_have_a_line(void)
{
    static const struct {
        const char *text, *says;
    } mistakes[] = {
        { "[foo]\n", ":1: There is no option group 'foo'" },
        { "\n[icount]\n", ":2: There is no option group 'icount': " },
        { "a = \"b\"\n", ":1: no group defined" },
        { "[machine]\ntype = q35\n", ":2: parse error" },
        { "[machine]\ntype \"q35\"\n", ":2: parse error" },
        { "[machine]\nty pe = \"q35\"\n", ":2: parse error" },
        { "[device \"x]\n", ":1: parse error" },
        { "[device \"x\"\n", ":1: parse error" },
        { "# x\n[memory]\nsize = \"lots\"\n[smp-opts]\n", ":2: -m: the size is 'lots'" },
        { "[machine]\ntype = \"q36\"\n", ":1: unsupported machine type 'q36'" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(mistakes); i++) {
        g_autoptr(GError) error = NULL;
        struct options *o = read_config(mistakes[i].text, &error);

        g_assert_nonnull(error);
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, mistakes[i].says));
        options_free(o);
    }
}

static const struct numa_config *numa_of(struct options *o, const char *line)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(parse(o, line, &error));
    g_assert_no_error(error);
    return &o->numa;
}

static void cpus_and_distances_of_nodes(void)
{
    struct options *o = options_new();
    const struct numa_config *n =
        numa_of(o, K "-smp 8,sockets=2,cores=2,threads=2 -numa node -numa node");

    for (unsigned i = 0; i < 8; i++) { /* by socket */
        g_assert_cmpuint(n->cpu_node[i], ==, i / 4);
    }
    g_assert_cmpuint(n->distance[1][1], ==, 10);
    g_assert_cmpuint(n->distance[0][1], ==, 20);
    options_free(o);
    o = options_new();
    n = numa_of(
        o,
        K "-smp 8,sockets=2,cores=2,threads=2 -numa node,nodeid=1,cpus=0-1,cpus=7 -numa "
          "node,nodeid=0 "
          "-numa cpu,node-id=0,socket-id=1,thread-id=0 -numa cpu,node-id=0,core-id=1,socket-id=0 "
          "-numa cpu,node-id=1,socket-id=1,core-id=0,thread-id=1 -numa dist,src=1,dst=0,val=33");
    for (unsigned i = 0; i < 8; i++) {
        g_assert_cmpuint(n->cpu_node[i], ==, i < 2 || i == 5 || i == 7);
    }
    g_assert_cmpuint(n->distance[0][1], ==, 33);
    g_assert_cmpuint(n->distance[1][0], ==, 33);
    options_free(o);
}

int main(int argc, char **argv)
{
    g_unsetenv("DISPLAY");
    g_unsetenv("WAYLAND_DISPLAY");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/options/rows", options_do_what_they_say);
    g_test_add_func("/options/every-row-tested", every_option_is_tested);
    g_test_add_func("/options/unsupported", unsupported_options_say_so);
    g_test_add_func("/options/help", help_shows_every_row);
    g_test_add_func("/options/unique", names_are_unique);
    g_test_add_func("/options/readconfig", files_have_options);
    g_test_add_func("/options/readconfig-mistakes", mistakes_in_files_have_a_line);
    g_test_add_func("/options/numa", cpus_and_distances_of_nodes);
    g_test_add_func("/options/mistakes", mistakes_get_one_clear_line);
    return g_test_run();
}
