/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/options.h: the command line as data.  Parsing makes no machine and touches no file but -readconfig's; what
 * needs one is in setup.c.
 *
 * Thread: the program's first, before any other.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "cli/sandbox.h"
#include "softmmu/machine.h"

/* -monitor, -mon, -qmp: a chardev's text or "chardev:ID". */
struct monitor_option {
    char *chardev;
    bool control, pretty; /* QMP */
};

struct display_type;
struct options {
    GString *output; /* what a help option prints */
    bool done;       /* print `output` and leave with status 0 */

    const struct board_type *board;  /* NULL: the default one */
    uint64_t ram_size;               /* bytes; 0: the board's default */
    uint64_t max_ram, ram_slots;     /* -m maxmem=, slots=; 0: not given */
    char *mem_path, *memory_backend; /* -mem-path; -machine memory-backend= */
    bool mem_prealloc, mem_lock;     /* the latter: -overcommit */
    bool mem_merge, dump_guest_core;
    uint64_t max_ram_below_4g; /* bytes; 0: the board's */
    GPtrArray *numas;          /* -numa, texts as given */
    struct numa_config numa;   /* the same, understood */
    unsigned cpus;
    struct cpu_topology topology;
    char *cpu_model, *kernel, *initrd, *append, *name;
    char *pflash[2]; /* -machine pflash0=, pflash1=: ids of drives */
    GPtrArray
        *accels; /* char *: "NAME,PROPS", tried in this order; empty: the fastest that works */
    char *accel_refused;  /* why an accelerator that was asked for is not among them */
    char *kernel_irqchip; /* -machine kernel-irqchip=; NULL: nothing was said */
    int64_t rtc_base;     /* INT64_MIN: the host's time */
    bool rtc_localtime;
    bool only_migratable, no_reboot, no_shutdown, start_paused, perfmap, no_acpi, no_hpet, no_smm;
    bool smm_on; /* asked for by name */
    bool no_pic, no_pit, no_rtc, no_isa_serial, no_fd_bootchk;
    char *oem_id, *oem_table_id; /* of ACPI tables; NULL: the default */
    bool usb;

    bool nographic, nodefaults;
    const struct display_type *display; /* NULL: nothing was said */
    GPtrArray *display_opts;            /* struct option_pair *; of the former */
    GPtrArray *vncs;                    /* -vnc */
    bool full_screen, no_quit, has_viewer;
    char *layout; /* -k */
    bool vga_given;
    GPtrArray *audiodevs; /* GPtrArray of struct option_pair: of each -audiodev and -audio */
    char *pcspk_audiodev;
    GPtrArray *tpmdevs; /* -tpmdev, texts as given */
    const char *vga;    /* the device that -vga names; NULL: none */
    bool serial_given, monitor_given;
    GPtrArray *monitors; /* struct monitor_option * */
    /* Each option's text as given. */
    GPtrArray *parallels;
    GPtrArray *serials, *chardevs, *devices, *globals, *drives, *blockdevs, *objects;
    GPtrArray *fds;                           /* -add-fd */
    bool snapshot;                            /* -snapshot: every drive */
    bool net_given;                           /* some option about network */
    GPtrArray *netdevs, *nics, *nets, *cards; /* cards: "MODEL,PROPS" of -nic and -net nic */

    /* Firmware (firmware_options.c); texts as given. */
    char *bios;
    struct boot_options *boot;
    GPtrArray *data_dirs, *fw_cfg, *option_roms, *debugcons, *smbios, *acpi_tables;
    char *uuid;

    char *log_items, *log_file, *pidfile, *loadvm, *incoming;
    char *qtest, *qtest_log;                  /* -qtest, -qtest-log */
    char *gdb;                                /* -gdb, -s; NULL: none */
    char *process_name;                       /* -name process= */
    bool daemonize, timestamps, message_name; /* the latter: -msg */
    struct sandbox_options sandbox;
    char *runas, *chroot_dir; /* runas: the user's name, "" for numbers; NULL: stay */
    uid_t uid;
    gid_t gid;
    bool async_teardown, seed_given;
    uint64_t seed;
    char *log_filter, *dump_vmstate; /* -dfilter; the file of -dump-vmstate */
    bool singlestep;
    uint8_t escape;           /* -echr; 0: Ctrl-A */
    unsigned panic, watchdog; /* enum panic_action, enum watchdog_action */
    GPtrArray *warnings;      /* char *, to print before the machine starts */
};

/* The argument's text, NULL where the option takes none.  False and *error: one line. */
typedef bool option_fn(struct options *o, const char *arg, GError **error);

struct option_row {
    const char *name; /* without the dash */
    const char *arg;  /* as in the help; NULL: takes none */
    const char *help;
    option_fn *run; /* NULL: known to QEMU's users but not supported: `help` says what to do */
};

extern const struct option_row option_rows[]; /* options.c; ends with name NULL */

struct options *options_new(void);
void options_free(struct options *o);
/* argv[0] is skipped.  Stops at the first help option.  False and *error: a line for the user. */
bool options_parse(struct options *o, int argc, char **argv, GError **error);
/* What the options mean together: defaults, and combinations that make no sense. */
bool options_finish(struct options *o, GError **error);
void options_print_help(GString *out);
/* query-command-line-options: [{option, parameters}], of one option or of all. */
struct json_t *options_describe(const char *only);
/* The row of an option by the name that options_describe gives it; NULL: there is none. */
const struct option_row *options_find_group(const char *group);
/* The i-th property of -machine; NULL behind the last. */
const char *machine_option_name(unsigned i);
void options_warn(struct options *o, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* options.c */
option_fn option_kernel, option_initrd, option_append;
/* dump_vmstate.c: writes the file. */
bool dump_vmstate(const char *path, const struct board_type *board, GError **error);
/* config_file.c */
option_fn option_readconfig, option_set;
/* memory_options.c */
option_fn option_memory, option_overcommit;
bool memory_options_finish(struct options *o, GError **error);
/* Before the board is made, after objects are: what its RAM is made of. */
bool memory_setup(struct machine *m, const struct options *o, GError **error);
/* At the end of the setup: -overcommit mem-lock=on. */
bool memory_lock(const struct options *o, GError **error);
/* numa_options.c */
option_fn option_numa;
bool numa_options_finish(struct options *o, GError **error);
bool numa_setup(struct machine *m, const struct options *o, GError **error);
/* process_options.c */
option_fn option_sandbox, option_runas, option_seed, option_echr, option_compat, option_rotate,
    option_portrait, option_async_teardown;
/* -chroot and -runas, once everything is open. */
bool process_confine(const struct options *o, GError **error);
/* Before the machine is made: -seed, -async-teardown. */
bool process_begin(const struct options *o, GError **error);
/* machine_properties.c: rows of -machine */
option_fn machine_memory_backend, machine_mem_merge, machine_dump_guest_core, machine_fd_bootchk,
    machine_max_ram_below_4g, machine_i8042, machine_sata, machine_smbus, machine_nvdimm,
    machine_hmat, machine_bypass_iommu, machine_suppress_vmdesc, machine_memory_encryption,
    machine_kernel_irqchip, machine_oem_id, machine_oem_table_id;
/* smp.*, boot.*, memory.* of a -machine. */
bool machine_nested(struct options *o, const GPtrArray *opts, GError **error);
bool machine_is_nested(const char *key);
/* accel_options.c */
option_fn option_accel, option_enable_kvm;
bool accel_options_finish(struct options *o, GError **error);
/* accel_setup.c: chooses an engine and begins with it: before the board is made. */
bool accel_setup(struct machine *m, struct options *o, GError **error);
/* machine_options.c */
option_fn option_machine, option_smp, option_cpu, option_rtc, option_action, option_watchdog_action,
    option_global;
/* firmware_options.c */
option_fn option_bios, option_data_dir, option_boot, option_fw_cfg, option_option_rom,
    option_debugcon, option_smbios, option_uuid, option_acpitable;
void firmware_options_init(struct options *o);
void firmware_options_clear(struct options *o);
/* device_options.c */
option_fn option_serial, option_monitor, option_mon, option_chardev, option_display, option_device,
    option_nographic, option_curses, option_sdl, option_vnc, option_usbdevice, option_parallel,
    option_vga, option_qmp, option_qmp_pretty;
void options_add_monitor(struct options *o, const char *chardev, bool control, bool pretty);

struct machine;
/* fd_options.c */
option_fn option_add_fd;
/* Before anything else is opened. */
bool fds_setup(const struct options *o, GError **error);

/* audio_options.c */
option_fn option_audiodev, option_audio, option_audio_help;
/* The back ends that the options name; before the board is made.  Machine lock held. */
bool audio_setup(struct machine *m, const struct options *o, GError **error);

/* tpm_options.c */
option_fn option_tpmdev;
/* After character devices are there, before devices are.  Machine lock held. */
bool tpm_setup(struct machine *m, const struct options *o, GError **error);

/* net_options.c */
option_fn option_netdev, option_nic, option_net;
/* The back ends that the options name; before the board is made. Machine lock held. */
bool net_setup(struct machine *m, struct options *o, GError **error);
/* Is this -object one of net_setup's? */
bool net_is_filter(const char *object);
/* After the board is made: -device for each card. */
bool net_add_devices(struct machine *m, struct options *o, GError **error);

/* drive_options.c */
option_fn option_object, option_blockdev, option_drive, option_hda, option_hdb, option_hdc,
    option_hdd, option_cdrom, option_fda, option_pflash, option_fdb, option_snapshot;
/* -object: those that character devices need (early), or all others. */
bool objects_setup(struct machine *m, const struct options *o, bool early, GError **error);
/* The drives that the options name, and objects; before the board is made.  Machine lock held. */
bool drives_setup(struct machine *m, const struct options *o, GError **error);
/* After the board is made: -device for each drive of if=virtio and if=scsi. */
bool drives_add_devices(struct machine *m, struct options *o, GError **error);
/* The same: every drive that it should have attached has a device. */
bool drives_check(struct machine *m, GError **error);

#endif
