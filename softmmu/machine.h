/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/machine.h: everything that makes one running machine; there is no other global state.
 *
 * Thread: the main loop runs devices and timers under the machine lock (machine_lock); vCPU threads
 *         take it for device access.  The lock is not recursive: machine_locked() tells whether this
 *         thread holds it.
 */
#ifndef SOFTMMU_MACHINE_H
#define SOFTMMU_MACHINE_H

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "softmmu/clock.h"
#include "softmmu/device.h"
#include "softmmu/iothread.h"
#include "softmmu/irq.h"
#include "softmmu/memory.h"
#include "softmmu/vcpu.h"

enum run_state {
    RUN_STATE_PRELAUNCH, /* -S, before the first cont */
    RUN_STATE_RUNNING,
    RUN_STATE_PAUSED,
    RUN_STATE_DEBUG,     /* a debugger's breakpoint or step: m->debugger.stop says which */
    RUN_STATE_SUSPENDED, /* the guest sleeps (ACPI S3): time goes on, a wake event resets the machine */
    RUN_STATE_SAVE_VM,        /* stopped while a snapshot is made, */
    RUN_STATE_RESTORE_VM,     /* or gone back to */
    RUN_STATE_INMIGRATE,      /* -incoming: waits for another machine's state */
    RUN_STATE_FINISH_MIGRATE, /* the last part of it is sent */
    RUN_STATE_POSTMIGRATE,    /* it was: somebody else has the guest now */
    RUN_STATE_SHUTDOWN,
    RUN_STATE_INTERNAL_ERROR,
    RUN_STATE_GUEST_PANICKED,
    RUN_STATE_WATCHDOG, /* -action watchdog=pause: it went off */
    RUN_STATE_COUNT
};
/* QEMU's names: "prelaunch", "running", "paused", "suspended", "shutdown", ... */
extern const char *const run_state_names[RUN_STATE_COUNT];
/* The guest stands still and nothing may reach it: frames wait, clocks stand. */
bool run_state_is_stopped(enum run_state state);

#define MAX_SERIAL   4
#define MAX_PARALLEL 3
#define MAX_PFLASH   2

/* -boot: what firmware tries.  Letters: a, b floppy, c disk, d CD, n network. */
struct boot_options {
    char *order, *once;     /* letters; NULL: the board's default; once: until the first reset */
    bool menu, strict;      /* strict: only what has a bootindex */
    int64_t menu_wait;      /* ms that the menu waits; -1: firmware's default */
    int64_t reboot_timeout; /* ms until the next try when nothing boots; -1: never */
};

/* A file for firmware: -fw_cfg, -option-rom. */
struct firmware_file {
    char *name;
    GBytes *data;
    int32_t bootindex; /* -1: none */
};

/* What the command line asks for; strings are owned here and freed with the machine. */
/* -smp: what CPUs are parts of, and how many there might be.  All 0: nothing was said. */
struct cpu_topology {
    unsigned max_cpus, sockets, dies, cores, threads;
};

/* -numa.  A CPU is on one node; distances are the ACPI specification's: 10 is a node's own. */
#define NUMA_NODES 128u
struct numa_node {
    uint64_t mem; /* bytes */
    char *memdev; /* the id of the memory backend; NULL: none */
};
struct numa_config {
    unsigned n_nodes; /* 0: nothing was said */
    struct numa_node nodes[NUMA_NODES];
    uint8_t cpu_node[255]; /* by the CPU's number */
    bool has_distances;
    uint8_t distance[NUMA_NODES][NUMA_NODES];
};

struct machine_config {
    const struct board_type *board;
    uint64_t ram_size;    /* bytes */
    char *memory_backend; /* -machine memory-backend=: RAM is this one's; NULL: its own */
    bool mem_prealloc;    /* -mem-prealloc: the default of memory backends */
    bool no_mem_merge, no_dump_guest_core; /* the same, of -machine */
    uint64_t max_ram_below_4g;             /* bytes; 0: the board's */
    unsigned cpus;
    struct cpu_topology topology;
    struct numa_config numa;
    char *cpu_model;                    /* "-cpu" verbatim: NAME[,+feat,-feat,...] */
    char *accel;                        /* "tcg" */
    char *accel_why;                    /* one clause; NULL: it was asked for */
    bool accel_emulates;                /* by a KVM without hardware below it */
    char *kernel, *initrd, *append;     /* initrd: comma-separated list; ",," is a comma */
    char *name;                         /* -name */
    GPtrArray *smbios;                  /* char *: each -smbios verbatim */
    GPtrArray *acpi_tables;             /* GByteArray *: what each -acpitable makes */
    char *uuid;                         /* -uuid; NULL: none */
    struct chardev *serial[MAX_SERIAL]; /* NULL: port not present */
    struct chardev *parallel[MAX_PARALLEL];
    int64_t rtc_base; /* seconds since 1970 at start; INT64_MIN: the host's time */
    bool rtc_localtime;
    bool snapshot;     /* -snapshot */
    bool no_reboot;    /* a reset ends the program */
    bool no_shutdown;  /* a power-off pauses instead */
    unsigned panic;    /* enum panic_action */
    unsigned watchdog; /* enum watchdog_action */
    bool start_paused; /* -S */
    bool no_acpi, no_hpet, no_smm, no_fd_bootchk;
    char *oem_id, *oem_table_id;                /* of ACPI tables; NULL: the default */
    uint8_t escape;                             /* -echr; 0: Ctrl-A */
    bool usb;                                   /* the board has a USB controller */
    bool no_pic, no_pit, no_rtc, no_isa_serial; /* microvm only */
    char *bios;                /* -bios; NULL: the board's default when there is no kernel */
    char *pflash[MAX_PFLASH];  /* -machine pflash0=, pflash1=: ids of drives; NULL: if=pflash */
    GPtrArray *data_dirs;      /* char *: where firmware is looked for, in this order */
    GPtrArray *firmware_files; /* struct firmware_file * */
    struct boot_options boot;
    bool serial_console; /* firmware's screen is the first serial port, too */
    char
        *pcspk_audiodev; /* -machine pcspk-audiodev=: where the speaker is heard; NULL: the first */
    bool curses;         /* -display curses: the terminal is the screen's */
    bool has_viewer;     /* somebody can look at screens, text consoles among them */
};

/* One machine type: `-machine NAME`.  hw/i386/boards.c lists them. */
struct board_type {
    const char *name, *alias, *description;
    bool is_default;
    uint64_t default_ram; /* bytes */
    unsigned max_cpus;
    unsigned ide_buses, ide_units; /* where drives of if=ide go: units on each bus; 0: none */
    bool has_cd, has_floppy;       /* an empty drive is there by default: index 2, and the first */
    const char *card;              /* the network card that is there by default; NULL: none */
    /* Builds the whole machine from m->config: parts, wires, firmware or kernel. */
    bool (*init)(struct machine *m, GError **error);
};
extern const struct board_type *const board_types[]; /* NULL-terminated: hw/i386/boards.c */

/* -action panic=: what a guest's panic does; SHUTDOWN: what the end of a guest does. */
enum panic_action {
    PANIC_ACTION_SHUTDOWN,
    PANIC_ACTION_PAUSE,
    PANIC_ACTION_EXIT_FAILURE,
    PANIC_ACTION_NONE,
    PANIC_ACTION_COUNT
};
extern const char *const panic_action_names[PANIC_ACTION_COUNT];

/* -action watchdog=: what a watchdog that goes off does (hw/misc/watchdog.h). */
enum watchdog_action {
    WATCHDOG_ACTION_RESET,
    WATCHDOG_ACTION_SHUTDOWN, /* presses the power button */
    WATCHDOG_ACTION_POWEROFF,
    WATCHDOG_ACTION_PAUSE,
    WATCHDOG_ACTION_DEBUG,
    WATCHDOG_ACTION_NONE,
    WATCHDOG_ACTION_INJECT_NMI,
    WATCHDOG_ACTION_COUNT
};
extern const char *const watchdog_action_names[WATCHDOG_ACTION_COUNT];

enum shutdown_cause {
    SHUTDOWN_NONE,
    SHUTDOWN_GUEST_SHUTDOWN, /* ACPI S5 and the like */
    SHUTDOWN_GUEST_RESET,
    SHUTDOWN_GUEST_PANIC,
    SHUTDOWN_HOST_SIGNAL,
    SHUTDOWN_HOST_MONITOR, /* quit */
    SHUTDOWN_HOST_RESET,   /* system_reset */
    SHUTDOWN_HOST_UI,      /* its window was closed */
    SHUTDOWN_DEBUG_EXIT,   /* isa-debug-exit and the like: exit_status is set */
};

enum wake_cause { WAKE_MONITOR = 1 << 0, WAKE_POWER_BUTTON = 1 << 1, WAKE_RTC = 1 << 2 };

/* Called under the lock when the run state changed (monitor, displays). */
struct run_state_listener {
    void (*changed)(struct run_state_listener *l, enum run_state state);
    struct run_state_listener *next;
};

#define MACHINE_MAX_VCPUS 255

/* Run after devices and vCPUs were reset: a kernel's registers, blobs that belong in RAM. */
struct reset_hook {
    void (*fn)(void *opaque);
    void *opaque;
};

struct machine {
    struct machine_config config;
    const struct cpu_support *cpu_support; /* target/i386/cpu_support.h; NULL: the interpreter's */

    struct mem_region system_memory; /* container, 2^64 */
    struct mem_region system_io;     /* container, 64 KiB */
    /* What system-management mode sees: its own, with smm_system, an alias, below. */
    struct mem_region smm_overlay, smm_system;
    struct address_space memory, io;
    struct address_space smm_memory; /* what a CPU in system-management mode sees */
    struct address_space *address_spaces;
    struct ram_block *ram_blocks;
    struct code_watch *code_watches;
    struct dirty_listener *dirty_listeners;
    unsigned mem_transaction_depth;
    bool mem_changed, ram_retired, ram_pinned;
    /* A20 is off: physical address bit 20 of the CPU is forced to 0 (lock; vCPUs flush on change). */
    bool a20_masked;

    GPtrArray *devices;         /* every realized device, in realize order */
    unsigned anonymous_devices; /* that -device made without an id */
    GPtrArray *globals;         /* struct device_global *, in the order given: the last one wins */
    struct bus *buses;
    GPtrArray *iothreads;       /* struct iothread *, in the order of their creation */
    GPtrArray *memory_backends; /* struct memory_backend *, in the order of their creation */
    GPtrArray *chardevs;        /* struct chardev *, in the order of their creation */
    /* Set by chardev/, which softmmu cannot call: PROPERTY_CHARDEV's look-up and text, and the end. */
    struct chardev *(*find_chardev)(struct machine *m, const char *label);
    const char *(*chardev_label)(const struct chardev *c);
    void (*free_chardevs)(struct machine *m);
    GHashTable *tls_creds; /* id to struct tls_creds *: softmmu/tls_store.h; NULL: none */
    GPtrArray *rngs;       /* struct rng *: chardev/rng.h; NULL: none */
    void (*free_rngs)(struct machine *m);
    GPtrArray *tpms; /* struct tpm *: hw/tpm/tpm.h; NULL: none */
    void (*free_tpms)(struct machine *m);
    GPtrArray *fsdevs; /* struct fsdev *: fsdev/fsdev.h; NULL: none */
    void (*free_fsdevs)(struct machine *m);
    struct display_console *displays; /* ui/surface.h */
    struct input_queue *input;        /* ui/input.h; NULL until somebody asks for it */
    void (*free_input)(struct machine *m);
    struct screens *screens; /* ui/screen.h; the same */
    void (*free_screens)(struct machine *m);
    /* Set by cli/: the text of an -object secret, which the caller frees; NULL: there is none. */
    char *(*find_secret)(struct machine *m, const char *id);
    struct vnc *vnc; /* ui/vnc.h; the same */
    void (*free_vnc)(struct machine *m);
    /* The same of block/: drives, their workers and requests. */
    struct block_pool *block;
    struct block_backend *(*find_drive)(struct machine *m, const char *id);
    const char *(*drive_id)(const struct block_backend *blk);
    /* Set by cli/: drive_add, with -drive's options. */
    bool (*add_drive)(struct machine *m, const char *options, GError **error);
    /* The same: query-command-line-options; NULL: all options. */
    struct json_t *(*describe_options)(const char *only);
    void (*release_drive)(struct block_backend *blk); /* its device was removed */
    void (*free_drives)(struct machine *m);
    /* The same of net/: back ends, cards, cables. */
    struct net_pool *net;
    struct net_client *(*find_netdev)(struct machine *m, const char *id);
    const char *(*netdev_id)(const struct net_client *c);
    void (*free_net)(struct machine *m);
    struct audio_backend *audio; /* audio/; NULL: none yet */
    void (*free_audio)(struct machine *m);
    struct qmp *qmp; /* monitor/qmp.h */
    struct monitor
        *monitor; /* monitor/monitor.h: whose line is being carried out; NULL: no person's */

    struct migration *migration; /* migration/; NULL: never */
    void (*free_migration)(struct machine *m);
    struct dump_job *dump; /* monitor/; NULL: never */
    void (*free_dump)(struct machine *m);

    struct vcpu *vcpus[MACHINE_MAX_VCPUS];
    unsigned n_vcpus;
    struct kvm *kvm; /* accel/kvm/; NULL: another engine */
    void (*free_kvm)(struct machine *m);
    unsigned monitor_cpu; /* whose registers and memory the monitor shows */
    unsigned exclusive_depth;
    GThread *exclusive_owner; /* nobody else gets the lock while set */

    enum run_state run_state;
    struct run_state_listener *run_listeners;
    struct event_listener *event_listeners; /* softmmu/event.h */
    GArray *reset_hooks;                    /* struct reset_hook, in the order of registration */
    bool was_reset;
    struct debugger debugger;
    struct gdbstub *gdbstub; /* gdbstub/; NULL: there is none */
    /* Set by cli/: the monitor's gdbserver, with -gdb's text. */
    bool (*set_gdbserver)(struct machine *m, const char *device, GError **error);
    bool requests_queued; /* the main loop is told to look at the following */
    enum shutdown_cause shutdown_requested;
    enum shutdown_cause reset_requested;
    bool powerdown_requested, suspend_requested;
    unsigned wake_requested; /* enum wake_cause; 0: none */
    unsigned waking; /* the cause, while machine_reset runs because of it: RAM is the sleeper's */
    bool quit;       /* main loop: leave */
    int exit_status;
    struct irq powerdown_irq; /* the board's power button */

    struct clock_state *clocks; /* softmmu/clock.c */
    GMainContext *context;
    GMainLoop *loop;
    struct soon_queue *soon; /* softmmu/main_loop.c */
    pthread_mutex_t mutex;   /* not GLib's, which the thread sanitizer does not know */
    _Atomic(GThread *) lock_owner;
    pthread_cond_t exclusive_cond; /* a vCPU left guest code, or an exclusive section ended */

    struct io_events *io_events; /* softmmu/io_event.h: the engine's; NULL: none */
    struct irqchip *irqchip; /* softmmu/irqchip.h: the engine's, in the host's kernel; NULL: none */

    void *board;                           /* the board's own struct */
    void (*board_free)(struct machine *m); /* after the devices' unrealize; may be NULL */

    struct clipboard *clipboard; /* ui/clipboard.h; NULL until somebody asks for it */
    void (*free_clipboard)(struct machine *m);
};

/* Nothing has run yet: what waits delays the start only, and a mistake ends it. */
static inline bool machine_is_starting(const struct machine *m)
{
    return !m->was_reset;
}

/* It stands still until somebody lets it go on. */
static inline bool machine_is_paused(const struct machine *m)
{
    return m->run_state == RUN_STATE_PAUSED || m->run_state == RUN_STATE_DEBUG ||
           m->run_state == RUN_STATE_WATCHDOG;
}

struct machine *machine_new(void);
/* Stops the vCPUs, frees devices, memory and config. */
void machine_free(struct machine *m);

void machine_lock(struct machine *m);
/* For threads that are no vCPUs: if nobody has it and nobody waits for an exclusive section.  Does not wait. */
bool machine_try_lock(struct machine *m);
void machine_unlock(struct machine *m);
bool machine_locked(struct machine *m);
/* Lock held: waits for cond, without the lock meanwhile.  Wakes spuriously: loop on the condition. */
void machine_wait(struct machine *m, pthread_cond_t *cond);

/*
 * Resets if nobody has, starts the vCPUs' threads and, unless config.start_paused, the guest.  Lock
 * held.  False and *error when an engine does not start.
 */
bool machine_start(struct machine *m, GError **error);
/*
 * Runs until quit; returns the exit status.  Called and returns with the lock held.  Whatever is
 * attached to m->context is dispatched with the lock held; only the wait for events is without it.
 */
int machine_run(struct machine *m);
/* machine_new and machine_free. */
void main_loop_init(struct machine *m);
void main_loop_destroy(struct machine *m);
/* One turn of the main loop, for tests and nested waits; lock held, or dropped while it waits. */
void machine_iterate(struct machine *m, bool may_block);

/*
 * Lock held, main loop: stops the vCPUs; resets the devices in realize order, then the vCPUs, then
 * calls the hooks in the order of their registration; lets the vCPUs go on when running.
 */
void machine_reset(struct machine *m);
void machine_add_reset_hook(struct machine *m, void (*fn)(void *opaque), void *opaque);

/* Lock held.  Starts or stops vCPUs and the virtual clock, tells the listeners.  The first start resets
 * the machine when nobody has. */
void machine_set_run_state(struct machine *m, enum run_state state);
void machine_add_run_listener(struct machine *m, struct run_state_listener *l);
void machine_del_run_listener(struct machine *m, struct run_state_listener *l);

/*
 * Requests from devices and monitors; any thread, lock held.  They are carried out by the main loop
 * with every vCPU stopped; the requesting vCPU leaves guest code at the end of its instruction.
 */
void machine_request_reset(struct machine *m, enum shutdown_cause cause);
void machine_request_shutdown(struct machine *m, enum shutdown_cause cause);
void machine_request_powerdown(struct machine *m); /* presses the power button */
/* Stops the vCPUs until a wake event; devices and clocks go on. */
void machine_request_suspend(struct machine *m);
/* Resets the machine and lets it run on with its RAM, if it is suspended by then. */
void machine_request_wakeup(struct machine *m, enum wake_cause cause);
/* Ends the program with this status, whatever -no-shutdown says. */
void machine_request_exit(struct machine *m, int status);
/* The engine cannot go on: logs `why`, pauses in internal-error. */
void machine_internal_error(struct machine *m, const char *why);

/* Runs fn once on the main loop under the lock; any thread. */
void machine_call_soon(struct machine *m, void (*fn)(void *opaque), void *opaque);

#endif
