/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/commands.c: the table of commands, and running a line.
 * Thread: machine lock held.
 */
#include <inttypes.h>
#include <string.h>
#include "migration/migration.h"
#include "monitor/command.h"
#include "monitor/monitor.h"
#include "softmmu/machine.h"
#include "target/i386/cpu.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

static bool cmd_help(struct machine *m, const char *args, GString *out, GError **error)
{
    const struct command *c;

    (void)m;
    if (!*args) {
        for (c = monitor_commands; c->names; c++) {
            command_print_help("", c, out);
        }
        return true;
    }
    if (strcmp(args, "info") == 0) {
        for (c = info_commands; c->names; c++) {
            command_print_help("info ", c, out);
        }
        return true;
    }
    if (g_str_has_prefix(args, "info ")) {
        const char *sub = args + 5;

        sub += strspn(sub, " ");
        c = command_find(info_commands, sub);
        if (!c) {
            command_set_unknown(info_commands, "info", sub, error);
            return false;
        }
        command_print_help("info ", c, out);
        return true;
    }
    if (strcmp(args, "log") == 0) {
        log_print_help(out);
        return true;
    }
    c = command_find(monitor_commands, args);
    if (!c) {
        command_set_unknown(monitor_commands, "command", args, error);
        return false;
    }
    command_print_help("", c, out);
    return true;
}

static bool cmd_quit(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)out;
    (void)error;
    machine_request_shutdown(m, SHUTDOWN_HOST_MONITOR);
    return true;
}

static bool cmd_stop(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)out;
    (void)error;
    if (m->run_state == RUN_STATE_RUNNING) {
        machine_set_run_state(m, RUN_STATE_PAUSED);
    } else if (m->run_state == RUN_STATE_INMIGRATE) {
        m->config.start_paused = true;
    }
    return true;
}

static bool cmd_cont(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)out;
    switch (m->run_state) {
    case RUN_STATE_PRELAUNCH:
    case RUN_STATE_PAUSED:
    case RUN_STATE_DEBUG:
    case RUN_STATE_WATCHDOG:
    case RUN_STATE_POSTMIGRATE: /* its disks may still be away */
        if (!migration_take_back(m, error)) {
            return false;
        }
        machine_set_run_state(m, RUN_STATE_RUNNING);
        return true;
    case RUN_STATE_INMIGRATE: /* when it is there */
        m->config.start_paused = false;
        return true;
    case RUN_STATE_RUNNING:
    case RUN_STATE_SUSPENDED: /* system_wakeup wakes it */
        return true;
    case RUN_STATE_SAVE_VM:
        set_error(error, "There is a dump in process, please wait.");
        return false;
    default:
        set_error(error, "the machine is in state '%s': use system_reset first",
                  run_state_names[m->run_state]);
        return false;
    }
}

static bool cmd_system_reset(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)out;
    if (m->run_state == RUN_STATE_INMIGRATE || m->run_state == RUN_STATE_FINISH_MIGRATE) {
        set_error(error, "the machine is being migrated");
        return false;
    }
    machine_request_reset(m, SHUTDOWN_HOST_RESET); /* with -no-reboot the end */
    return true;
}

static bool cmd_system_powerdown(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)out;
    (void)error;
    machine_request_powerdown(m);
    return true;
}

static bool cmd_system_wakeup(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)out;
    if (m->run_state != RUN_STATE_SUSPENDED) {
        set_error(error, "Unable to wake up: guest is not in suspended state");
        return false;
    }
    machine_request_wakeup(m, WAKE_MONITOR);
    return true;
}

static bool cmd_nmi(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)out;
    if (m->n_vcpus == 0) {
        set_error(error, "this machine has no CPU");
        return false;
    }
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        cpu_set_pending(x86_cpu_of(m->vcpus[i]), PENDING_NMI);
    }
    return true;
}

static bool cmd_log(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)m;
    if (!*args) {
        log_print_help(out);
        return true;
    }
    if (strcmp(args, "none") == 0) {
        log_mask = 0;
        return true;
    }
    return log_set_items(args, error);
}

/* Words and their sum, as older tools check memory: the 16-bit sum of bytes, rotated. */
static bool cmd_sum(struct machine *m, const char *args, GString *out, GError **error)
{
    uint64_t addr, size;
    uint16_t sum = 0;

    if (!expression_parse(&args, cpu_access_register, m, &addr, error) ||
        !expression_parse(&args, cpu_access_register, m, &size, error)) {
        return false;
    }
    if (size > 1u << 30) {
        set_error(error, "the size is %" PRIu64 ", must be at most 1 GiB", size);
        return false;
    }
    for (uint64_t done = 0; done < size;) {
        uint8_t buf[4096];
        uint64_t n = MIN(size - done, sizeof(buf));

        address_space_read(&m->memory, addr + done, buf, n);
        for (uint64_t i = 0; i < n; i++) {
            sum = (uint16_t)((sum >> 1 | sum << 15) + buf[i]); /* BSD checksum */
        }
        done += n;
    }
    g_string_append_printf(out, "%05d\n", sum);
    return true;
}

bool command_parse_cpu(struct machine *m, const char *args, uint64_t *n, GError **error)
{
    if (!parse_uint(args, 0, UINT32_MAX, n) || *n >= m->n_vcpus) {
        set_error(error, "CPU '%s': must be 0 to %u", args, MAX(m->n_vcpus, 1) - 1);
        return false;
    }
    return true;
}

static bool cmd_cpu(struct machine *m, const char *args, GString *out, GError **error)
{
    uint64_t n;

    (void)out;
    if (!command_parse_cpu(m, args, &n, error)) {
        return false;
    }
    m->monitor_cpu = (unsigned)n;
    return true;
}

static bool cmd_gdbserver(struct machine *m, const char *args, GString *out, GError **error)
{
    const char *device = *args ? args : "tcp::1234";

    if (!m->set_gdbserver) {
        set_error(error, "there is no gdb server in this program");
        return false;
    }
    if (!m->set_gdbserver(m, device, error)) {
        return false;
    }
    if (strcmp(device, "none") == 0) {
        g_string_append(out, "Disabled gdbserver\n");
    } else {
        g_string_append_printf(out, "Waiting for gdb connection on device '%s'\n", device);
    }
    return true;
}

/* clang-format off */
const struct command monitor_commands[] = {
    { "help|?",           "[cmd]",            "show the help",                                         cmd_help },
    { "quit|q",           "",                 "leave the emulator",                                    cmd_quit },
    { "info",             "[subcommand]",     "show various information about the machine's state",    command_info },
    { "stop|s",           "",                 "stop emulation",                                        cmd_stop },
    { "cont|c",           "",                 "resume emulation",                                      cmd_cont },
    { "cpu",              "index",            "choose the CPU that registers and memory are shown of", cmd_cpu },
    { "system_reset",     "",                 "reset the machine",                                     cmd_system_reset },
    { "system_wakeup",    "",                 "wake a guest that is suspended (ACPI S3)",              cmd_system_wakeup },
    { "system_powerdown", "",                 "press the power button",                                cmd_system_powerdown },
    { "x",                "/fmt addr",        "virtual memory dump starting at 'addr'",                command_x },
    { "xp",               "/fmt addr",        "physical memory dump starting at 'addr'",               command_xp },
    { "print|p",          "/fmt expr",        "print expression value (use $reg for CPU registers)",   command_print },
    { "i",                "/fmt addr",        "I/O port read",                                         command_in },
    { "o",                "/fmt addr value",  "I/O port write",                                        command_out },
    { "sum",              "addr size",        "compute the checksum of a memory region",               cmd_sum },
    { "screendump",       "filename [-f ppm|png] [device [head]]", "save a screen as a picture",         command_screendump },
    { "screentext",       "",                 "print the lines of a text screen",                      command_screentext },
    { "sendkey",          "keys [hold_ms]",   "send keys to the machine: sendkey ctrl-alt-f1",         command_sendkey },
    { "type",             "text",             "type text on the machine's keyboard (\\n: Return, \\t: Tab)", command_type },
    { "set_password",     "protocol password [-d display] [action-if-connected]", "set the password of VNC",  command_set_password },
    { "expire_password",  "protocol time [-d display]", "set when the password of VNC expires (now, never, +SECONDS, SECONDS)", command_expire_password },
    { "mouse_move",       "dx dy [dz]",       "move the mouse, turn its wheel",                        command_mouse_move },
    { "mouse_button",     "state",            "press mouse buttons (1=L, 2=M, 4=R), release the rest", command_mouse_button },
    { "eject",            "[-f] drive",       "take the medium out (-f: even when the guest locked it)", command_eject },
    { "change",           "[-f] drive filename [format [retain|read-only|read-write]]", "put another medium in", command_change },
    { "device_add",       "driver[,prop=value][,...]", "add device, like -device on the command line",  command_device_add },
    { "device_del",       "device",           "remove device",                                         command_device_del },
    { "drive_add",        "[[<domain>:]<bus>:]<slot> [file=file][,if=none][,id=id][,option=value]...", "add a drive, like -drive on the command line", command_drive_add },
    { "drive_del",        "device",           "remove host block device",                              command_drive_del },
    { "snapshot_blkdev",  "[-n] device [new-image-file] [format]", "go on in a new image over the drive's (-n: which is there already)", command_snapshot_blkdev },
    { "snapshot_blkdev_internal", "device name", "take a snapshot inside of the drive's image",         command_snapshot_blkdev_internal },
    { "snapshot_delete_blkdev_internal", "device name [id]", "delete a snapshot inside of the drive's image", command_snapshot_delete_blkdev_internal },
    { "drive_mirror",     "[-n] [-f] device target [format]", "copy the drive and what is written meanwhile (-n: the target is there, -f: the whole disk)", command_drive_mirror },
    { "drive_backup",     "[-n] [-f] [-c] device target [format]", "copy the drive as it is now (-n: the target is there, -f: the whole disk, -c: compressed)", command_drive_backup },
    { "block_stream",     "device [speed [base]]", "copy data from a backing file into a block device",  command_block_stream },
    { "block_job_set_speed", "device speed",  "set maximum speed for a background block operation",    command_block_job_set_speed },
    { "block_job_cancel", "[-f] device",      "stop an active background block operation (-f: even if it is ready)", command_block_job_cancel },
    { "block_job_complete", "device",         "end a mirror that is ready: the drive goes on in the target", command_block_job_complete },
    { "block_job_pause",  "device",           "pause an active background block operation",            command_block_job_pause },
    { "block_job_resume", "device",           "resume a paused background block operation",            command_block_job_resume },
    { "block_set_io_throttle", "device bps bps_rd bps_wr iops iops_rd iops_wr", "change I/O throttle limits for a block drive", command_block_set_io_throttle },
    { "block_resize",     "device size",      "resize a block image (a number alone counts MiB)",      command_block_resize },
    { "commit",           "device|all",       "write what the drive's image has into its backing file", command_commit },
    { "nbd_server_start", "[-a] [-w] host:port", "serve drives over NBD at host:port or unix:PATH (-a: all of them, -w: writable)", command_nbd_server_start },
    { "nbd_server_add",   "[-w] device [name]", "export a drive or a node over NBD (-w: writable)",     command_nbd_server_add },
    { "nbd_server_remove", "[-f] name",       "remove an export (-f: although it is in use)",          command_nbd_server_remove },
    { "nbd_server_stop",  "",                 "stop serving over NBD",                                 command_nbd_server_stop },
    { "chardev-add",      "args",             "add chardev",                                           command_chardev_add },
    { "chardev-change",   "id args",          "change chardev",                                        command_chardev_change },
    { "chardev-remove",   "id",               "remove chardev",                                        command_chardev_remove },
    { "chardev-send-break", "id",             "send a break on chardev",                               command_chardev_send_break },
    { "ringbuf_write",    "device data",      "Write to a ring buffer character device",               command_ringbuf_write },
    { "ringbuf_read",     "device size",      "Read from a ring buffer character device",              command_ringbuf_read },
    { "netdev_add",       "[user|tap|bridge|socket|stream|dgram|hubport],id=str[,prop=value][,...]", "add host network device", command_netdev_add },
    { "netdev_del",       "id",               "remove host network device",                            command_netdev_del },
    { "object_add",       "[filter-dump|iothread|secret|throttle-group],id=str[,prop=value][,...]", "create an object, like -object on the command line", command_object_add },
    { "object_del",       "id",               "remove an iothread, a secret or a filter-dump",         command_object_del },
    { "hostfwd_add",      "[netdev_id] [tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport", "redirect TCP or UDP connections from host to guest", command_hostfwd_add },
    { "hostfwd_remove",   "[netdev_id] [tcp|udp]:[hostaddr]:hostport", "remove host-to-guest TCP or UDP redirection", command_hostfwd_remove },
    { "announce_self",    "[interfaces] [id]", "Trigger GARP/RARP announcements", command_announce_self },
    { "set_link",         "name on|off",      "change the link status of a network adapter",           command_set_link },
    { "dump-guest-memory", "[-p] [-d] filename [begin length]", "write RAM and the CPUs' registers as an ELF core (-p: at linear addresses, -d: do not wait)", command_dump_guest_memory },
    { "gdbserver",        "[device|none]",    "let gdb debug the guest there (tcp::1234); none: stop that", cmd_gdbserver },
    { "savevm",           "[tag]",            "save the machine into its disks (without a tag: under a new name)", command_savevm },
    { "loadvm",           "tag",              "go back to a saved machine",                            command_loadvm },
    { "delvm",            "tag",              "forget a saved machine",                                command_delvm },
    { "migrate",          "[-d] uri",         "send the machine to tcp:HOST:PORT, unix:PATH, exec:COMMAND, fd:N or file:PATH (-d: do not wait for the end)", command_migrate },
    { "migrate_cancel",   "",                 "cancel the current migration",                          command_migrate_cancel },
    { "migrate_continue", "state",            "go on with a migration that waits in pre-switchover",   command_migrate_continue },
    { "migrate_incoming", "uri",              "take a machine from there, after -incoming defer",      command_migrate_incoming },
    { "migrate_set_capability", "capability state", "turn something about migration on or off",        command_migrate_set_capability },
    { "migrate_set_parameter", "parameter value", "set a number for migration: 'info migrate_parameters' lists them", command_migrate_set_parameter },
    { "wavcapture",       "path audiodev [frequency [bits [channels]]]", "capture audio to a wave file (default frequency=44100 bits=16 channels=2)", command_wavcapture },
    { "stopcapture",      "capture index",    "stop capture",                                          command_stopcapture },
    { "balloon",          "target",           "request VM to change its memory allocation (in MB)",    command_balloon },
    { "nmi",              "",                 "inject an NMI",                                         cmd_nmi },
    { "logfile",          "filename",         "output logs to 'filename'",                             command_logfile },
    { "singlestep",       "[on|off]",         "run emulation in singlestep mode or switch to normal mode", command_singlestep },
    { "memsave",          "addr size file",   "save to disk virtual memory dump starting at 'addr' of size 'size'", command_memsave },
    { "pmemsave",         "addr size file",   "save to disk physical memory dump starting at 'addr' of size 'size'", command_pmemsave },
    { "gpa2hva",          "addr",             "print the host virtual address corresponding to a guest physical address", command_gpa2hva },
    { "gpa2hpa",          "addr",             "print the host physical address corresponding to a guest physical address", command_gpa2hpa },
    { "gva2gpa",          "addr",             "print the guest physical address corresponding to a guest virtual address", command_gva2gpa },
    { "qom-list",         "path",             "list QOM properties",                                   command_qom_list },
    { "qom-get",          "path property",    "print QOM property",                                    command_qom_get },
    { "qom-set",          "[-j] path property value", "set QOM property (-j: the value is specified in json format)", command_qom_set },
    { "boot_set",         "bootdevice",       "define new values for the boot device list",            command_boot_set },
    { "mouse_set",        "index",            "set which mouse device receives events",                command_mouse_set },
    { "trace-event",      "name on|off [vcpu]", "changes status of a specific trace event",            command_trace_event },
    { "sync-profile",     "[on|off|reset]",   "print whether locks are profiled",                      command_sync_profile },
    { "replay_break",     "icount",           "set breakpoint at the specified instruction count",     NULL, NULL, "setting the breakpoint is allowed only in play mode" },
    { "replay_delete_break", "",              "remove replay breakpoint",                              NULL, NULL, "replay breakpoints are allowed only in play mode" },
    { "replay_seek",      "icount",           "replay execution to the specified instruction count",   NULL, NULL, "replay must be enabled to seek" },
    { "x_colo_lost_heartbeat", "",            "tell COLO that heartbeat is lost",                      NULL, NULL, "The feature 'colo' is not enabled" },
    { "exit_preconfig",   "",                 "exit the preconfig state",                              NULL, NULL, "The command is permitted only before machine initialization" },
    { "dumpdtb",          "filename",         "dump the FDT in dtb format to 'filename'",              NULL, NULL, "This machine doesn't have a FDT" },
    { "getfd",            "name",             "not supported: descriptors come through QMP's getfd",   NULL, NULL, "No file descriptor supplied via SCM_RIGHTS: use QMP's getfd" },
    { "closefd",          "name",             "not supported: descriptors come through QMP's getfd",   NULL, NULL, "no file descriptor has a name here: use QMP's getfd and closefd" },
    { "qemu-io",          "[-d] [device] \"[command]\"", "not supported: rhea-io runs such commands on images", NULL, NULL, "not supported: rhea-io runs such commands on images" },
    { "pcie_aer_inject_error", "[-a] [-c] id error_status", "not supported: errors of PCI Express are not modelled", NULL, NULL, "not supported: errors of PCI Express are not modelled" },
    { "watchdog_action",  "[reset|shutdown|poweroff|pause|debug|none|inject-nmi]", "change watchdog action", command_watchdog_action },
    { "log",              "item1[,...]|none", "turn on logging of these items; none: turn it off",     cmd_log },
    { 0 }
};
/* clang-format on */

/* Does one of "quit|q" equal the name? */
static bool names_match(const char *names, const char *name)
{
    size_t len = strlen(name);

    for (const char *p = names; *p; p += *p == '|') {
        size_t n = strcspn(p, "|");

        if (n == len && strncmp(p, name, n) == 0) {
            return true;
        }
        p += n;
    }
    return false;
}

const struct command *command_find(const struct command *table, const char *name)
{
    for (; table->names; table++) {
        if (names_match(table->names, name)) {
            return table;
        }
    }
    return NULL;
}

void command_print_help(const char *prefix, const struct command *c, GString *out)
{
    g_string_append_printf(out, "%s%s%s%s -- %s\n", prefix, c->names, *c->params ? " " : "",
                           c->params, c->help);
}

static const char *full_name(void *opaque, unsigned i)
{
    return g_ptr_array_index((GPtrArray *)opaque, i);
}

void command_set_unknown(const struct command *table, const char *what, const char *name,
                         GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *closest = NULL;

    for (; table->names; table++) {
        g_ptr_array_add(names, g_strndup(table->names, strcspn(table->names, "|")));
    }
    g_ptr_array_add(names, NULL);
    closest = closest_names(name, full_name, names);
    set_error(error, "unknown %s: '%s'%s%s%s", what, name, closest ? " (closest: " : "",
              closest ? closest : "", closest ? ")" : "");
}

bool command_run(const struct command *c, struct machine *m, const char *args, GString *out,
                 GError **error)
{
    if (*args && !*c->params) {
        set_error(error, "%.*s: extraneous characters at the end of line",
                  (int)strcspn(c->names, "|"), c->names);
        return false;
    }
    if (c->run) {
        return c->run(m, args, out, error);
    }
    if (c->refuses) {
        set_error(error, "%s", c->refuses);
        return false;
    }
    g_string_append(out, c->says);
    return true;
}

/* The name ends at a blank or at the '/' of a format: "x/4i $pc". */
void monitor_execute(struct machine *m, const char *line, GString *out)
{
    g_autofree char *text = g_strstrip(g_strdup(line)), *name = NULL;
    g_autoptr(GError) error = NULL;
    const struct command *c;
    const char *args;
    size_t n = strcspn(text, " \t/");

    if (!*text) {
        return;
    }
    name = g_strndup(text, n);
    args = text + n + strspn(text + n, " \t");
    c = command_find(monitor_commands, name);
    if (!c) {
        command_set_unknown(monitor_commands, "command", name, &error);
    } else {
        command_run(c, m, args, out, &error);
    }
    if (error) {
        g_string_append_printf(out, "%s\n", error->message);
    }
}
