/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/options.c: the table of options, the parser that walks it, the help that it prints.
 * Thread: the program's first.
 */
#include <stdlib.h>
#include <string.h>
#include "cli/options.h"
#include "util/version.h"
#include "softmmu/machine.h"
#include "ui/display.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

#define PROGRAM "rhea-system-x86_64"

/* Handlers of one line. ----------------------------------------------------------------------- */

static bool set_text(char **to, const char *arg)
{
    g_free(*to);
    *to = g_strdup(arg);
    return true;
}

#define TEXT_OPTION(member)                                                                        \
    static bool option_##member(struct options *o, const char *arg, GError **error)                \
    {                                                                                              \
        (void)error;                                                                               \
        return set_text(&o->member, arg);                                                          \
    }
#define FLAG_OPTION(member)                                                                        \
    static bool option_##member(struct options *o, const char *arg, GError **error)                \
    {                                                                                              \
        (void)arg;                                                                                 \
        (void)error;                                                                               \
        o->member = true;                                                                          \
        return true;                                                                               \
    }

bool option_kernel(struct options *o, const char *arg, GError **error)
{
    (void)error;
    return set_text(&o->kernel, arg);
}

bool option_initrd(struct options *o, const char *arg, GError **error)
{
    (void)error;
    return set_text(&o->initrd, arg);
}

bool option_append(struct options *o, const char *arg, GError **error)
{
    (void)error;
    return set_text(&o->append, arg);
}

TEXT_OPTION(loadvm)
TEXT_OPTION(incoming)
TEXT_OPTION(log_file)
TEXT_OPTION(pidfile)
TEXT_OPTION(mem_path)
TEXT_OPTION(log_filter)
TEXT_OPTION(dump_vmstate)
TEXT_OPTION(chroot_dir)
TEXT_OPTION(qtest)
TEXT_OPTION(qtest_log)
FLAG_OPTION(no_reboot)
FLAG_OPTION(no_shutdown)
FLAG_OPTION(only_migratable)
FLAG_OPTION(perfmap)
FLAG_OPTION(start_paused)
FLAG_OPTION(no_acpi)
FLAG_OPTION(no_hpet)
FLAG_OPTION(usb)
FLAG_OPTION(nodefaults)
FLAG_OPTION(daemonize)
FLAG_OPTION(mem_prealloc)
FLAG_OPTION(singlestep)
FLAG_OPTION(no_fd_bootchk)
FLAG_OPTION(full_screen)
FLAG_OPTION(no_quit)
TEXT_OPTION(layout)

static bool option_help(struct options *o, const char *arg, GError **error)
{
    (void)arg;
    (void)error;
    options_print_help(o->output);
    o->done = true;
    return true;
}

static bool option_version(struct options *o, const char *arg, GError **error)
{
    (void)arg;
    (void)error;
    g_string_append(o->output, "Rhea version " RHEA_VERSION " (" PROGRAM ")\n");
    o->done = true;
    return true;
}

static bool option_gdb(struct options *o, const char *arg, GError **error)
{
    (void)error;
    return set_text(&o->gdb, arg);
}

static bool option_s(struct options *o, const char *arg, GError **error)
{
    (void)arg;
    return option_gdb(o, "tcp::1234", error);
}

static bool option_name(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "guest");

    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);
        bool on;

        if (strcmp(p->key, "guest") == 0) {
            set_text(&o->name, p->value);
        } else if (strcmp(p->key, "process") == 0) {
            set_text(&o->process_name, p->value);
        } else if (strcmp(p->key, "debug-threads") != 0) {
            set_error(error, "-name: no property '%s'; it takes: guest, process, debug-threads",
                      p->key);
            return false;
        } else if (!parse_bool(p->value, &on)) { /* threads have names anyway */
            set_error(error, "-name: debug-threads is '%s', must be on or off", p->value);
            return false;
        }
    }
    return true;
}

static bool option_log_items(struct options *o, const char *arg, GError **error)
{
    char *both;

    (void)error;
    if (strcmp(arg, "help") == 0 || strcmp(arg, "?") == 0) {
        log_print_help(o->output);
        o->done = true;
        return true;
    }
    both = o->log_items ? g_strdup_printf("%s,%s", o->log_items, arg) : g_strdup(arg);
    g_free(o->log_items);
    o->log_items = both;
    return true;
}

static bool option_no_user_config(struct options *o, const char *arg, GError **error)
{
    (void)o;
    (void)arg;
    (void)error;
    return true; /* there are no configuration files */
}

static bool option_msg(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "timestamp");

    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);
        bool is_name = strcmp(p->key, "guest-name") == 0;

        if (!is_name && strcmp(p->key, "timestamp") != 0) {
            set_error(error, "-msg: no property '%s'; it takes: timestamp, guest-name", p->key);
            return false;
        }
        if (!parse_bool(p->value, is_name ? &o->message_name : &o->timestamps)) {
            set_error(error, "-msg: %s is '%s', must be on or off", p->key, p->value);
            return false;
        }
    }
    return true;
}

/* clang-format off */
const struct option_row option_rows[] = {
    { "h",           NULL, "show this help and leave",                                            option_help },
    { "help",        NULL, "show this help and leave",                                            option_help },
    { "version",     NULL, "show the version and leave",                                          option_version },

    { "machine",     "NAME[,accel=ACCEL][,prop=VALUE]|help", "the kind of machine",               option_machine },
    { "M",           "NAME[,prop=VALUE]|help", "the same as -machine",                            option_machine },
    { "cpu",         "NAME[,+feature][,-feature]|help", "the CPU model and its features",          option_cpu },
    { "accel",       "kvm|tcg|qtest[,prop=VALUE]|help", "what runs the guest's code (default: kvm where hardware is behind it, or tcg)", option_accel },
    { "enable-kvm",  NULL, "the same as -accel kvm",                                              option_enable_kvm },
    { "smp",         "N[,sockets=S][,dies=D][,clusters=1][,cores=C][,threads=T][,maxcpus=M]", "number of CPUs",         option_smp },
    { "m",           "[size=]SIZE[,slots=N,maxmem=SIZE]", "guest memory in MiB, or with a suffix: 512M, 2G", option_memory },
    { "mem-path",    "FILE", "guest memory is this file, or one in this folder",                  option_mem_path },
    { "mem-prealloc", NULL, "take guest memory from the host at the start",                       option_mem_prealloc },
    { "numa",        "node[,nodeid=N][,cpus=N[-M]][,memdev=ID][,mem=SIZE] or dist,src=N,dst=M,val=D or cpu,node-id=N[,socket-id=S][,core-id=C][,thread-id=T]", "which CPUs and memory are near each other", option_numa },
    { "overcommit",  "[mem-lock=on|off][,cpu-pm=on|off]", "mem-lock: memory of this program stays in RAM", option_overcommit },
    { "name",        "TEXT[,process=NAME][,debug-threads=on|off]", "a name for the machine, and for the process", option_name },
    { "rtc",         "[base=utc|localtime|DATETIME][,clock=host|vm|rt][,driftfix=none|slew]", "what the clock starts with",  option_rtc },
    { "boot",        "[order=]DRIVES[,once=DRIVES][,menu=on|off][,strict=on|off][,splash-time=MS][,reboot-timeout=MS]", "what firmware boots: a, b floppy, c disk, d CD, n network", option_boot },
    { "bios",        "FILE", "the firmware (default: bios-256k.bin of SeaBIOS)",                  option_bios },
    { "L",           "DIR|help", "look for firmware there first",                                 option_data_dir },
    { "option-rom",  "FILE[,bootindex=N]", "an option ROM for the firmware",                      option_option_rom },
    { "fw_cfg",      "[name=]NAME,file=FILE|string=TEXT", "a file for firmware and guests (opt/...)", option_fw_cfg },
    { "smbios",      "type=N,field=VALUE|file=FILE", "what SMBIOS tables say: types 0, 1, 2, 3, 4, 8, 11, 17, 41", option_smbios },
    { "acpitable",   "[sig=TEXT][,rev=N][,oem_id=TEXT][,oem_table_id=TEXT][,oem_rev=N][,asl_compiler_id=TEXT][,asl_compiler_rev=N],data=FILE[:FILE]|file=FILE[:FILE]", "one more ACPI table: data is what follows its header, file all of it", option_acpitable },
    { "uuid",        "UUID", "the machine's UUID in the SMBIOS tables",                           option_uuid },
    { "no-acpi",     NULL, "without ACPI tables",                                                 option_no_acpi },
    { "usb",         NULL, "with a USB controller, the same as -machine usb=on",                  option_usb },
    { "usbdevice",   "keyboard|mouse|tablet", "-usb, and that device",                            option_usbdevice },
    { "no-hpet",     NULL, "without the high precision event timer",                              option_no_hpet },

    { "no-fd-bootchk", NULL, "floppies boot without a signature, too",                            option_no_fd_bootchk },

    { "kernel",      "FILE", "boot this kernel: bzImage, ELF vmlinux or multiboot",               option_kernel },
    { "initrd",      "FILE[,FILE]", "initial RAM disk, or multiboot modules 'FILE args,FILE'",    option_initrd },
    { "append",      "TEXT", "the kernel's command line",                                         option_append },

    { "object",      "iothread,id=ID or secret,id=ID,data=TEXT|file=PATH[,format=raw|base64] or throttle-group,id=ID[,x-bps-total=N...] or filter-dump,id=ID,netdev=ID,file=PATH[,maxlen=N]", "a thread for disks, a key for encrypted images, limits that drives share, a network's frames in a file", option_object },
    { "blockdev",    "driver=NAME,node-name=NAME[,OPTIONS] or JSON", "an image that -device drive=NAME uses", option_blockdev },
    { "drive",       "file=FILE[,if=ide|floppy|none][,media=disk|cdrom][,format=raw][,prop=VALUE]", "a drive and its image", option_drive },
    { "hda",         "FILE", "the image of the first IDE disk (hdb, hdc, hdd: of the others)",    option_hda },
    { "hdb",         "FILE", "the image of the second IDE disk",                                  option_hdb },
    { "hdc",         "FILE", "the image of the third IDE disk",                                   option_hdc },
    { "hdd",         "FILE", "the image of the fourth IDE disk",                                  option_hdd },
    { "cdrom",       "FILE", "the image in the CD-ROM drive (the third IDE drive)",               option_cdrom },
    { "pflash",      "FILE", "the image in the next flash chip: firmware, then its variables",   option_pflash },
    { "fda",         "FILE", "the image in the first floppy drive",                               option_fda },
    { "fdb",         "FILE", "the image in the second floppy drive",                              option_fdb },
    { "snapshot",    NULL, "what guests write to drives is forgotten at the end",                 option_snapshot },

    { "nographic",   NULL, "no window; console and monitor share this terminal (Ctrl-A h)",       option_nographic },
    { "display",     "none|curses|sdl[,PROP=VALUE]|vnc=ADDRESS|web=[HOST:]PORT|help", "what shows the machine: a window, this terminal, VNC, a browser", option_display },
    { "curses",      NULL, "the same as -display curses",                                         option_curses },
    { "vga",         "std|cirrus|virtio|none|help", "the graphics card",                                             option_vga },
    { "sdl",         NULL, "the same as -display sdl",                                            option_sdl },
    { "full-screen", NULL, "the window begins with the whole screen",                             option_full_screen },
    { "no-quit",     NULL, "the same as -display sdl,window-close=off",                           option_no_quit },
    { "vnc",         "[HOST]:D|unix:PATH|none[,PROP=VALUE]", "show the machine to VNC clients",   option_vnc },
    { "k",           "LANGUAGE", "keyboard layout of what VNC clients and 'type' send: de, fr, en-us ...", option_layout },
    { "serial",      "CHARDEV|none", "where a serial port goes (repeat for more ports)",          option_serial },
    { "parallel",    "CHARDEV|none", "where a parallel port goes (repeat for more ports)",        option_parallel },
    { "debugcon",    "CHARDEV", "a debug console on port 0xe9 (-global isa-debugcon.iobase=0x402)", option_debugcon },
    { "monitor",     "CHARDEV|none", "where the monitor goes",                                    option_monitor },
    { "mon",         "[chardev=]ID[,mode=readline|control][,pretty=on|off]", "a monitor on a -chardev; control: QMP", option_mon },
    { "qmp",         "CHARDEV", "where QMP goes, the monitor for programs",                       option_qmp },
    { "qmp-pretty",  "CHARDEV", "the same, in lines that people can read",                        option_qmp_pretty },
    { "chardev",     "BACKEND,id=ID[,mux=on][,logfile=FILE][,prop=VALUE]|help", "a character device: stdio, pty, file, pipe, socket, ringbuf, null", option_chardev },
    { "add-fd",      "fd=N,set=M[,opaque=TEXT]", "an inherited descriptor for paths /dev/fdset/M",   option_add_fd },
    { "device",      "NAME[,prop=VALUE]|help|NAME,help", "add a device, or show its properties",  option_device },
    { "global",      "DRIVER.PROP=VALUE", "a default for a property of all devices of a type",        option_global },
    { "netdev",      "TYPE,id=ID[,prop=VALUE]|help or JSON", "a network back end: user, tap, bridge, socket, stream, dgram, hubport",  option_netdev },
    { "nic",         "none|[TYPE][,model=CARD][,mac=MAC][,prop=VALUE]", "a network card and its back end", option_nic },
    { "net",         "none|nic[,model=CARD][,macaddr=MAC]|TYPE[,prop=VALUE]", "a card or a back end at hub 0", option_net },

    { "tpmdev",      "emulator,id=ID,chardev=ID|help", "a TPM that swtpm emulates, at the socket of its --ctrl", option_tpmdev },
    { "audiodev",    "DRIVER,id=ID[,prop=VALUE]|help or JSON", "where sound goes: none, wav, alsa, pa, sdl",  option_audiodev },
    { "audio",       "DRIVER,model=CARD[,prop=VALUE]|help", "an audiodev and the card that uses it: ac97, hda, ...", option_audio },
    { "audio-help",  NULL, "show -audiodev for each driver and leave",                            option_audio_help },

    { "S",           NULL, "do not start the CPU: 'cont' in the monitor does",                    option_start_paused },
    { "gdb",         "CHARDEV|none", "gdb debugs the guest there: tcp::PORT, unix:PATH,server=on,wait=off", option_gdb },
    { "s",           NULL, "the same as -gdb tcp::1234",                                           option_s },
    { "qtest",       "CHARDEV", "a test drives the machine from there: -accel qtest",             option_qtest },
    { "qtest-log",   "FILE|none", "what the test sends and gets (default: standard error)",       option_qtest_log },
    { "loadvm",      "TAG", "start from what 'savevm TAG' saved into the disks",                   option_loadvm },
    { "incoming",    "tcp:HOST:PORT|unix:PATH|exec:COMMAND|fd:N|file:PATH|defer", "wait for a machine that 'migrate' sends", option_incoming },
    { "no-reboot",   NULL, "leave instead of rebooting",                                          option_no_reboot },
    { "only-migratable", NULL, "refuse what would keep the machine from being migrated",              option_only_migratable },
    { "no-shutdown", NULL, "pause instead of leaving when the guest powers off",                  option_no_shutdown },
    { "action",      "reboot=reset|shutdown,shutdown=poweroff|pause,panic=shutdown|pause|exit-failure|none,watchdog=reset|shutdown|poweroff|pause|debug|none|inject-nmi", "what guest events do",     option_action },
    { "watchdog-action", "ACTION", "the same as -action watchdog=ACTION",                         option_watchdog_action },
    { "nodefaults",  NULL, "no default serial port, monitor, screen, network card and empty drives",                                  option_nodefaults },
    { "no-user-config", NULL, "accepted: no configuration files are read",                        option_no_user_config },
    { "d",           "ITEM[,ITEM]|help", "log these items",                                       option_log_items },
    { "D",           "FILE", "log to FILE instead of standard error",                             option_log_file },
    { "dfilter",     "RANGE[,RANGE]", "log code of these addresses only: START+LENGTH, START-LENGTH, FIRST..LAST", option_log_filter },
    { "singlestep",  NULL, "run one instruction at a time (slow; -d exec,cpu shows each)",        option_singlestep },
    { "dump-vmstate", "FILE", "write what devices save, as JSON, and leave",                     option_dump_vmstate },
    { "perfmap",     NULL, "write /tmp/perf-PID.map, so that perf names translated code",         option_perfmap },
    { "readconfig",  "FILE", "take options from a file: [GROUP \"ID\"], then lines KEY = \"VALUE\"", option_readconfig },
    { "set",         "GROUP.ID.ARG=VALUE", "one more property of an option with an id that was given before", option_set },
    { "seed",        "NUMBER", "the guest's random numbers are a sequence that repeats",          option_seed },
    { "echr",        "NUMBER", "the character before keys of a shared terminal (default: 1, Ctrl-A)", option_echr },
    { "sandbox",     "on|off[,obsolete=allow|deny][,elevateprivileges=allow|deny|children][,spawn=allow|deny][,resourcecontrol=allow|deny]", "the kernel refuses system calls that are not needed", option_sandbox },
    { "runas",       "USER|UID:GID", "become this user before the guest starts",                  option_runas },
    { "chroot",      "DIR", "see only this folder of the host from when the guest starts",        option_chroot_dir },
    { "async-teardown", NULL, "memory is freed by another process after the end",                 option_async_teardown },
    { "compat",      "[deprecated-input=accept][,deprecated-output=accept][,unstable-input=accept][,unstable-output=accept]", "what becomes of parts of QMP that are old or new", option_compat },
    { "rotate",      "DEGREES", "accepted: for the displays of another kind of machine",         option_rotate },
    { "portrait",    NULL, "the same as -rotate 90",                                              option_portrait },
    { "msg",         "[timestamp=on|off][,guest-name=on|off]", "what messages begin with",        option_msg },
    { "daemonize",   NULL, "go on in the background once everything is ready",                    option_daemonize },
    { "pidfile",     "FILE", "write the process id to FILE",                                      option_pidfile },

    /* What QEMU has and Rhea has not yet: refused with this advice. */
    { "icount",      "OPTIONS", "instruction counting is not supported yet",                      NULL },
    { "sd",          "FILE", "the boards have no SD card slot: use -drive if=ide or if=virtio",  NULL },
    { "mtdblock",    "FILE", "the boards have no such flash: use -pflash",                        NULL },
    { "iscsi",       "OPTIONS", "iSCSI is not supported: the host's kernel has it (iscsiadm)",    NULL },
    { "xen-domid",   "ID", "Xen is not supported",                                                NULL },
    { "xen-attach",  NULL, "Xen is not supported",                                                NULL },
    { "xen-domid-restrict", NULL, "Xen is not supported",                                         NULL },
    { "spice",       "OPTIONS", "SPICE is not supported; use -vnc or -display",                   NULL },
    { "dtb",         "FILE", "a PC has no device tree",                                           NULL },
    { "win2k-hack",  NULL, "not supported: install Windows 2000 with a disk of if=scsi",          NULL },
    { "enable-sync-profile", NULL, "not supported: perf lock shows locks",                        NULL },
    { "trace",       "OPTIONS", "not supported: -d ITEM logs what the guest does",                NULL },
    { "plugin",      "FILE", "plugins are not supported; -d exec and gdb show what runs",         NULL },
    { "preconfig",   NULL, "not supported: -S waits once the machine is there",                   NULL },
    { "fsdev",       "OPTIONS", "shared folders are not supported yet; use -netdev user,smb=",    NULL },
    { "virtfs",      "OPTIONS", "shared folders are not supported yet; use -netdev user,smb=",    NULL },
    { 0 }
};
/* clang-format on */

static void monitor_option_free(gpointer p)
{
    struct monitor_option *mon = p;

    g_free(mon->chardev);
    g_free(mon);
}

struct options *options_new(void)
{
    struct options *o = g_new0(struct options, 1);

    o->output = g_string_new(NULL);
    o->cpus = 1;
    o->rtc_base = INT64_MIN;
    o->mem_merge = o->dump_guest_core = true;
    o->numas = g_ptr_array_new_with_free_func(g_free);
    o->audiodevs = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    o->tpmdevs = g_ptr_array_new_with_free_func(g_free);
    o->fds = g_ptr_array_new_with_free_func(g_free);
    o->parallels = g_ptr_array_new_with_free_func(g_free);
    o->serials = g_ptr_array_new_with_free_func(g_free);
    o->monitors = g_ptr_array_new_with_free_func(monitor_option_free);
    o->chardevs = g_ptr_array_new_with_free_func(g_free);
    o->devices = g_ptr_array_new_with_free_func(g_free);
    o->globals = g_ptr_array_new_with_free_func(g_free);
    o->drives = g_ptr_array_new_with_free_func(g_free);
    o->netdevs = g_ptr_array_new_with_free_func(g_free);
    o->nics = g_ptr_array_new_with_free_func(g_free);
    o->nets = g_ptr_array_new_with_free_func(g_free);
    o->cards = g_ptr_array_new_with_free_func(g_free);
    o->blockdevs = g_ptr_array_new_with_free_func(g_free);
    o->objects = g_ptr_array_new_with_free_func(g_free);
    o->warnings = g_ptr_array_new_with_free_func(g_free);
    o->accels = g_ptr_array_new_with_free_func(g_free);
    o->vncs = g_ptr_array_new_with_free_func(g_free);
    firmware_options_init(o);
    return o;
}

void options_free(struct options *o)
{
    char *const texts[] = { o->cpu_model,    o->kernel_irqchip, o->accel_refused, o->kernel,
                            o->initrd,       o->append,         o->name,          o->log_items,
                            o->log_file,     o->pidfile,        o->gdb,           o->loadvm,
                            o->process_name, o->incoming,       o->mem_path,      o->runas,
                            o->chroot_dir,   o->memory_backend, o->oem_id,        o->oem_table_id,
                            o->qtest,        o->qtest_log,      o->log_filter,    o->dump_vmstate,
                            o->layout,       o->pcspk_audiodev };
    GPtrArray *const lists[] = { o->netdevs,   o->nics,    o->nets,      o->cards,    o->fds,
                                 o->serials,   o->drives,  o->blockdevs, o->monitors, o->chardevs,
                                 o->devices,   o->globals, o->warnings,  o->objects,  o->numas,
                                 o->parallels, o->vncs,    o->audiodevs, o->accels,   o->tpmdevs };

    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_free(texts[i]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(lists); i++) {
        g_ptr_array_unref(lists[i]);
    }
    for (unsigned i = 0; i < MAX_PFLASH; i++) {
        g_free(o->pflash[i]);
    }
    for (unsigned i = 0; i < NUMA_NODES; i++) {
        g_free(o->numa.nodes[i].memdev);
    }
    g_clear_pointer(&o->display_opts, g_ptr_array_unref);
    firmware_options_clear(o);
    g_string_free(o->output, TRUE);
    g_free(o);
}

void options_warn(struct options *o, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_ptr_array_add(o->warnings, g_strdup_vprintf(fmt, ap));
    va_end(ap);
}

static void print_row(const struct option_row *row, GString *out)
{
    g_autofree char *left =
        g_strdup_printf("-%s%s%s", row->name, row->arg ? " " : "", row->arg ? row->arg : "");

    if (strlen(left) <= 26) {
        g_string_append_printf(out, "  %-26s %s\n", left, row->help);
    } else {
        g_string_append_printf(out, "  %s\n  %26s %s\n", left, "", row->help);
    }
}

void options_print_help(GString *out)
{
    const struct option_row *row;

    g_string_append(out,
                    "Rhea " RHEA_VERSION ": a PC emulator with a QEMU-compatible command line\n"
                    "usage: " PROGRAM " [options] [-kernel FILE]\n\n"
                    "Options (with one dash or two):\n");
    for (row = option_rows; row->name; row++) {
        if (row->run) {
            print_row(row, out);
        }
    }
    g_string_append(out, "\nNot supported yet, and refused:\n");
    for (row = option_rows; row->name; row++) {
        if (!row->run) {
            print_row(row, out);
        }
    }
    g_string_append(out, "\nWith -nographic: Ctrl-A h helps, Ctrl-A x leaves, Ctrl-A c switches "
                         "to the monitor.\n");
}

static const char *row_name(void *opaque, unsigned i)
{
    (void)opaque;
    return option_rows[i].name;
}

/* "-foo; closest: -bar, -baz" */
static void set_unknown(const char *given, const char *name, GError **error)
{
    g_autofree char *closest = closest_names(name, row_name, NULL);
    g_auto(GStrv) names = closest ? g_strsplit(closest, ", ", -1) : NULL;
    g_autofree char *joined = names ? g_strjoinv(", -", names) : NULL;

    if (joined) {
        set_error(error, "invalid option '%s'; closest: -%s", given, joined);
    } else {
        set_error(error, "invalid option '%s'; -help lists all", given);
    }
}

static const struct option_row *find_row(const char *name)
{
    for (const struct option_row *row = option_rows; row->name; row++) {
        if (strcmp(row->name, name) == 0) {
            return row;
        }
    }
    return NULL;
}

bool options_parse(struct options *o, int argc, char **argv, GError **error)
{
    for (int i = 1; i < argc && !o->done; i++) {
        const char *given = argv[i], *arg = NULL;
        const struct option_row *row;

        if (given[0] != '-') {
            if (!option_hda(o, given, error)) { /* an image alone is the first disk */
                return false;
            }
            continue;
        }
        row = find_row(given + (given[1] == '-' ? 2 : 1));
        if (!row) {
            set_unknown(given, given + (given[1] == '-' ? 2 : 1), error);
            return false;
        }
        if (!row->run) {
            set_error(error, "%s: %s", given, row->help);
            return false;
        }
        if (row->arg) {
            if (i + 1 >= argc) {
                set_error(error, "%s needs an argument: -%s %s", given, row->name, row->arg);
                return false;
            }
            arg = argv[++i];
        }
        if (!row->run(o, arg, error)) {
            return false;
        }
    }
    return true;
}

static const struct board_type *default_board(void)
{
    for (unsigned i = 0; board_types[i]; i++) {
        if (board_types[i]->is_default) {
            return board_types[i];
        }
    }
    return board_types[0];
}

static bool is_display(const struct options *o, const char *name)
{
    return o->display && strcmp(o->display->name, name) == 0;
}

/* A window where there is a desktop, unless something else was asked for. */
static void choose_display(struct options *o)
{
    const struct display_type *window = display_type_find("sdl");

    if (!o->display && !o->nographic && !o->vncs->len) {
        if (display_type_is_there(window) && (getenv("DISPLAY") || getenv("WAYLAND_DISPLAY"))) {
            o->display = window;
        } else {
            options_warn(o, "there is no desktop for a window, going on as with -display none "
                            "(-nographic shows the console in this terminal, -vnc :0 the screen to "
                            "VNC clients)");
        }
    }
    if (!o->display) {
        o->display = display_type_find("none");
    }
    if (!o->display_opts) {
        o->display_opts = parse_options("", NULL);
    }
    o->has_viewer = o->display->open || o->vncs->len;
}

/*
 * Console defaults.  Serial port and monitor share the terminal under -nographic; else they are text
 * consoles of what shows the screen; where nothing does the port is there and its output vanishes.
 */
static void finish_consoles(struct options *o)
{
    bool serial = !o->serial_given && !o->nodefaults;
    bool monitor = !o->monitor_given && !o->nodefaults;

    if (o->nographic && serial && monitor) {
        g_ptr_array_add(o->serials, g_strdup("mon:stdio"));
        return;
    }
    if (serial) {
        g_ptr_array_add(o->serials, g_strdup(o->nographic    ? "stdio"
                                             : o->has_viewer ? "vc"
                                                             : "null"));
    }
    if ((o->nographic || o->has_viewer) && monitor) {
        options_add_monitor(o, o->nographic ? "stdio" : "vc", false, false);
    }
}

static void add_pair(GPtrArray *opts, const char *key, const char *value)
{
    struct option_pair *p = g_new(struct option_pair, 1);

    *p = (struct option_pair){ g_strdup(key), g_strdup(value) };
    g_ptr_array_add(opts, p);
}

static bool finish_display(struct options *o, GError **error)
{
    choose_display(o);
    if (o->nographic && is_display(o, "curses")) {
        set_error(error, "-display curses cannot be used with -nographic: both want the terminal");
        return false;
    }
    if (o->daemonize && ((o->nographic && !o->nodefaults) || is_display(o, "curses"))) {
        set_error(error, "-daemonize cannot be used with %s, which wants the terminal",
                  o->nographic ? "-nographic" : "-display curses");
        return false;
    }
    if (o->daemonize && is_display(o, "web")) {
        set_error(error,
                  "-daemonize cannot be used with -display web: nobody would see its address");
        return false;
    }
    if (is_display(o, "sdl") && o->full_screen) {
        add_pair(o->display_opts, "full-screen", "on");
    }
    if (is_display(o, "sdl") && o->no_quit) {
        add_pair(o->display_opts, "window-close", "off");
    }
    return true;
}

bool options_finish(struct options *o, GError **error)
{
    if (!o->board) {
        o->board = default_board();
    }
    if (MAX(o->cpus, o->topology.max_cpus) > o->board->max_cpus) {
        set_error(error, "-smp: %u CPUs are asked for, machine '%s' has at most %u",
                  MAX(o->cpus, o->topology.max_cpus), o->board->name, o->board->max_cpus);
        return false;
    }
    if (!memory_options_finish(o, error) || !numa_options_finish(o, error)) {
        return false;
    }
    if (!accel_options_finish(o, error)) {
        return false;
    }
    if (o->loadvm && o->incoming) {
        set_error(error, "-loadvm and -incoming cannot be used together: both say what is started");
        return false;
    }
    if (!finish_display(o, error)) {
        return false;
    }
    if (!o->kernel && (o->initrd || o->append)) {
        set_error(error, "%s is allowed only with -kernel", o->initrd ? "-initrd" : "-append");
        return false;
    }
    /* Firmware has a screen unless told otherwise; a kernel booted directly has no BIOS to set one up. */
    if (!o->vga_given && !o->nodefaults && (!o->kernel || o->has_viewer) &&
        g_str_has_prefix(o->board->name, "pc-")) {
        o->vga = "VGA";
    }
    if (o->vga) {
        g_ptr_array_insert(o->devices, 0, g_strdup_printf("%s,addr=02", o->vga));
    }
    if (o->kernel && (o->boot->order || o->boot->once)) {
        options_warn(o, "-boot %s=%s has no effect: the kernel of -kernel is booted",
                     o->boot->order ? "order" : "once",
                     o->boot->order ? o->boot->order : o->boot->once);
    }
    if (o->serials->len > MAX_SERIAL) {
        set_error(error, "%u serial ports asked for, the machine has at most %d", o->serials->len,
                  MAX_SERIAL);
        return false;
    }
    if (o->parallels->len > MAX_PARALLEL) {
        set_error(error, "%u parallel ports asked for, the machine has at most %d",
                  o->parallels->len, MAX_PARALLEL);
        return false;
    }
    finish_consoles(o);
    return true;
}
