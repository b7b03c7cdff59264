/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/info.c: the table of `info` subcommands.
 * Thread: machine lock held.
 */
#include <stdint.h>
#include <string.h>
#include "accel/tcg/tcg.h"
#include "hw/pci/pci.h"
#include "hw/usb/usb.h"
#include "monitor/command.h"
#include "util/version.h"
#include "softmmu/machine.h"
#include "target/i386/cpu.h"

/* Of the chosen CPU, of CPU N, or with -a of all. */
static bool info_registers(struct machine *m, const char *args, GString *out, GError **error)
{
    bool all = strcmp(args, "-a") == 0;
    uint64_t only = m->monitor_cpu;

    if (!all && *args && !command_parse_cpu(m, args, &only, error)) {
        return false;
    }
    if (!cpu_access_begin(m, error)) {
        return false;
    }
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        if (!all && i != only) {
            continue;
        }
        if (m->n_vcpus > 1) {
            g_string_append_printf(out, "\nCPU#%u\n", i);
        }
        cpu_print_state(x86_cpu_of(m->vcpus[i]), out);
    }
    cpu_access_end(m);
    return true;
}

static bool info_qtree(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)error;
    device_print_tree(m, out);
    return true;
}

static bool info_status(struct machine *m, const char *args, GString *out, GError **error)
{
    bool running = m->run_state == RUN_STATE_RUNNING;

    (void)args;
    (void)error;
    g_string_append_printf(out, "VM status: %s%s", running ? "running" : "paused",
                           m->debugger.one_insn ? " (single step mode)" : "");
    if (!running && m->run_state != RUN_STATE_PAUSED) {
        g_string_append_printf(out, " (%s)", run_state_names[m->run_state]);
    }
    g_string_append_c(out, '\n');
    if (m->config.accel) {
        g_string_append_printf(
            out, "accelerator: %s%s%s%s\n", m->config.accel, m->config.accel_why ? " (" : "",
            m->config.accel_why ? m->config.accel_why : "", m->config.accel_why ? ")" : "");
    }
    return true;
}

static bool info_version(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)m;
    (void)args;
    (void)error;
    g_string_append(out, "Rhea " RHEA_VERSION "\n");
    return true;
}

static bool info_name(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)error;
    if (m->config.name) {
        g_string_append_printf(out, "%s\n", m->config.name);
    }
    return true;
}

static bool info_cpus(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    if (!cpu_access_begin(m, error)) {
        return false;
    }
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        g_string_append_printf(out, "%c CPU #%u: thread_id=%d%s\n", i == m->monitor_cpu ? '*' : ' ',
                               i, m->vcpus[i]->thread_id,
                               x86_cpu_of(m->vcpus[i])->halted ? " (halted)" : "");
    }
    cpu_access_end(m);
    return true;
}

static bool info_jit(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    if (!cpu_access_begin(m, error)) {
        return false;
    }
    tcg_print_stats(m, out);
    cpu_access_end(m);
    return true;
}

static bool info_pci(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)error;
    pci_print(m, out);
    return true;
}

static bool info_usb(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)error;
    usb_print(m, out);
    return true;
}

/* clang-format off */
const struct command info_commands[] = {
    { "balloon",   "", "show balloon information",                         command_info_balloon },
    { "block",     "[-v] [device]", "show the drives and what is in them (-v: their images)", command_info_block },
    { "blockstats", "", "show block device statistics",                    command_info_blockstats },
    { "block-jobs", "", "show progress of ongoing block device operations", command_info_block_jobs },
    { "capture",   "", "show capture information",                         command_info_capture },
    { "chardev",   "", "show the character devices",                       command_info_chardev },
    { "cpus",      "", "show each CPU and its host thread",                info_cpus },
    { "dump",      "", "show how far a dump of memory is",                 command_info_dump },
    { "history",   "", "show the command line history",                    command_info_history },
    { "hotpluggable-cpus", "", "show information about hotpluggable CPUs", command_info_hotpluggable_cpus },
    { "iothreads", "", "show iothreads",                                   command_info_iothreads },
    { "irq",       "", "show how often each interrupt line rose",          command_info_irq },
    { "jit",       "", "show instructions executed and the block cache",   info_jit },
    { "kvm",       "", "show KVM information",                             command_info_kvm },
    { "lapic",     "[apic-id]", "show local apic state (apic-id: local apic to read, default is which of current CPU)", command_info_lapic },
    { "mem",       "", "show the active virtual memory mappings",          command_info_mem },
    { "memdev",    "", "show memory backends",                             command_info_memdev },
    { "memory-devices", "", "show memory devices",                         NULL, "" },
    { "memory_size_summary", "", "show the amount of initially allocated and present hotpluggable (if enabled) memory in bytes", command_info_memory_size_summary },
    { "mice",      "", "show the pointing devices",                        command_info_mice },
    { "migrate",   "", "show migration status",                            command_info_migrate },
    { "migrate_capabilities", "", "show current migration capabilities",   command_info_migrate_capabilities },
    { "migrate_parameters", "", "show current migration parameters",       command_info_migrate_parameters },
    { "mtree",     "[-f][-D]", "show memory tree (-f: dump flat view for address spaces; -D: dump disabled regions)", command_info_mtree },
    { "name",      "", "show the machine's name",                          info_name },
    { "network",   "", "show the network state",                           command_info_network },
    { "numa",      "", "show NUMA information",                            command_info_numa },
    { "opcount",   "", "show dynamic compiler opcode counters",            NULL, "[TCG profiler not compiled]\n" },
    { "pci",       "", "show the PCI devices",                             info_pci },
    { "pic",       "", "show the interrupt controllers",                   command_info_pic },
    { "profile",   "", "show profiling information",                       NULL, NULL, "Internal profiler not compiled" },
    { "qdm",       "", "show the device model list",                       command_info_qdm },
    { "qom-tree",  "[path]", "show QOM composition tree",                  command_info_qom_tree },
    { "qtree",     "", "show the device tree",                             info_qtree },
    { "ramblock",  "", "display system ramblock information",              command_info_ramblock },
    { "rdma",      "", "show RDMA state",                                  NULL, "" },
    { "replay",    "", "show record/replay information",                   NULL, "Record/replay is not active\n" },
    { "rocker",    "name", "show rocker switch",                           command_info_rocker },
    { "rocker-of-dpa-flows", "name [tbl_id]", "show rocker OF-DPA flow tables", command_info_rocker },
    { "rocker-of-dpa-groups", "name [type]", "show rocker OF-DPA groups",  command_info_rocker },
    { "rocker-ports", "name", "show rocker ports",                         command_info_rocker },
    { "roms",      "", "show roms",                                        command_info_roms },
    { "sev",       "", "show SEV information",                             NULL, "SEV is not enabled\n" },
    { "sgx",       "", "show intel SGX information",                       NULL, "No EPC regions defined, SGX not available\n" },
    { "registers", "[-a|N]", "show the registers of the chosen CPU, of all, of CPU N", info_registers },
    { "snapshots", "", "show the currently saved machines",                command_info_snapshots },
    { "spice",     "", "show the spice server status",                     NULL, "Server: disabled\n" },
    { "stats",     "target [names] [provider]", "show statistics for the given target (vm or vcpu)", command_info_stats },
    { "status",    "", "show whether the machine runs",                    info_status },
    { "sync-profile", "[-m] [-n] [max]", "show synchronization profiling info", NULL, "sync-profile is off\n" },
    { "tlb",       "", "show virtual to physical memory mappings",         command_info_tlb },
    { "tpm",       "", "show the TPM device",                              command_info_tpm },
    { "trace-events", "[name] [vcpu]", "show available trace-events & their state", NULL, "" },
    { "usb",       "", "show the USB devices",                             info_usb },
    { "usernet",   "", "show user network stack connection states",        command_info_usernet },
    { "uuid",      "", "show the current VM UUID",                         command_info_uuid },
    { "vm-generation-id", "", "show Virtual Machine Generation ID",        command_info_vm_generation_id },
    { "virtio",    "", "list all available virtio devices",                command_info_virtio },
    { "virtio-status", "path", "display status of a given virtio device",  command_info_virtio_status },
    { "virtio-queue-status", "path queue", "display status of a given virtio queue", command_info_virtio_queue_status },
    { "virtio-queue-element", "path queue [index]", "display element of a given virtio queue", command_info_virtio_queue_element },
    { "virtio-vhost-queue-status", "path queue", "display status of a given vhost queue", command_info_virtio_vhost_queue_status },
    { "vnc",       "", "show the VNC servers and their clients",           command_info_vnc },
    { "version",   "", "show the version of the emulator",                 info_version },
    { 0 }
};
/* clang-format on */

bool command_info(struct machine *m, const char *args, GString *out, GError **error)
{
    g_autofree char *name = g_strndup(args, strcspn(args, " \t"));
    const struct command *c;

    if (!*name) {
        for (c = info_commands; c->names; c++) {
            command_print_help("info ", c, out);
        }
        return true;
    }
    c = command_find(info_commands, name);
    if (!c) {
        command_set_unknown(info_commands, "info", name, error);
        return false;
    }
    args += strlen(name);
    return command_run(c, m, args + strspn(args, " \t"), out, error);
}
