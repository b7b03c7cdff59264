/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/sandbox.c: see sandbox.h.  Source: QEMU's documentation of -sandbox; seccomp(2), libseccomp's manual.
 *
 * What no emulator ever calls ends the process; what features of this one may call (programs of -netdev tap,
 * exec: of a migration) fails with EPERM, which they report.
 * Thread: the program's first.
 */
#include "cli/sandbox.h"

#include "config.h"
#include "util/error.h"

#if CONFIG_SECCOMP
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>

/* clang-format off */
static const char *const always[] = {
    "reboot", "swapon", "swapoff", "syslog", "mount", "umount", "umount2", "kexec_load", "kexec_file_load",
    "init_module", "finit_module", "delete_module", "pivot_root", "acct", "settimeofday", "clock_settime",
    "afs_syscall", "break", "ftime", "getpmsg", "gtty", "lock", "mpx", "prof", "profil", "putpmsg", "security",
    "stty", "tuxcall", "ulimit", "vserver", NULL
};
static const char *const obsolete[] = {
    "readdir", "_sysctl", "bdflush", "create_module", "get_kernel_syms", "query_module", "sgetmask", "ssetmask",
    "sysfs", "uselib", "ustat", NULL
};
static const char *const privileges[] = {
    "setuid", "setgid", "setpgid", "setsid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid",
    "setfsgid", "setgroups", NULL
};
static const char *const spawn[] = { "fork", "vfork", "execve", "execveat", NULL };
static const char *const resourcecontrol[] = {
    "setpriority", "ioprio_set", "sched_setparam", "sched_setscheduler", "sched_setattr", "sched_setaffinity", NULL
};
/* clang-format on */

/* A name that this machine's kernels do not have needs no rule. */
static int forbid(scmp_filter_ctx ctx, const char *const *names, uint32_t action)
{
    int rc = 0;

    for (; *names && rc == 0; names++) {
        int nr = seccomp_syscall_resolve_name(*names);

        if (nr >= 0) {
            rc = seccomp_rule_add(ctx, action, nr, 0);
        }
    }
    return rc;
}

/* Threads are made with clone, too; the arguments of clone3 cannot be seen, so that libraries must use clone. */
static int forbid_processes(scmp_filter_ctx ctx)
{
    const struct scmp_arg_cmp no_thread =
        SCMP_A0(SCMP_CMP_MASKED_EQ, (scmp_datum_t)CLONE_THREAD, (scmp_datum_t)0);
    int rc = forbid(ctx, spawn, SCMP_ACT_ERRNO(EPERM));
    int clone3 = seccomp_syscall_resolve_name("clone3");

    rc = rc ? rc
            : seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, &no_thread);
    return rc || clone3 < 0 ? rc : seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), clone3, 0);
}

static int add_rules(scmp_filter_ctx ctx, const struct sandbox_options *o)
{
    int rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);

    rc = rc ? rc : forbid(ctx, always, SCMP_ACT_KILL_PROCESS);
    rc = rc || o->obsolete ? rc : forbid(ctx, obsolete, SCMP_ACT_KILL_PROCESS);
    rc = rc || !o->no_privileges ? rc : forbid(ctx, privileges, SCMP_ACT_ERRNO(EPERM));
    rc = rc || !o->no_spawn ? rc : forbid_processes(ctx);
    return rc || !o->no_resourcecontrol ? rc : forbid(ctx, resourcecontrol, SCMP_ACT_ERRNO(EPERM));
}

bool sandbox_enter(const struct sandbox_options *o, GError **error)
{
    scmp_filter_ctx ctx;
    int rc;

    if (!o->on) {
        return true;
    }
    if (o->no_children_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        set_errno_error(error, "-sandbox: failed to set no_new_privs: aborting");
        return false;
    }
    ctx = seccomp_init(SCMP_ACT_ALLOW);
    rc = ctx ? add_rules(ctx, o) : -ENOMEM;
    rc = rc ? rc : seccomp_load(ctx);
    seccomp_release(ctx);
    if (rc) {
        errno = -rc;
        set_errno_error(error, "-sandbox: failed to install seccomp syscall filter in the kernel");
    }
    return rc == 0;
}
#else
bool sandbox_enter(const struct sandbox_options *o, GError **error)
{
    if (o->on) {
        set_error(error, "-sandbox on: this program was built without libseccomp: install Debian's "
                         "libseccomp-dev, then run configure and make");
    }
    return !o->on;
}
#endif
