/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/process_options.c: options about this program as a process of the host: -sandbox -runas -chroot
 * -async-teardown -seed -echr -compat, and those that are accepted and mean nothing here.
 * Thread: the program's first.
 */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "cli/options.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/random.h"
#include "util/text.h"

/* -sandbox ---------------------------------------------------------------------------------------- */

/* One row for each value of a property; `offset` is of a bool of struct sandbox_options. */
static const struct sandbox_row {
    const char *key, *value;
    size_t offset;
    bool set;
} sandbox_rows[] = {
#define AT(member) offsetof(struct sandbox_options, member)
    /* clang-format off */
    { "enable",            "on",       AT(on), true },
    { "enable",            "off",      AT(on), false },
    { "obsolete",          "allow",    AT(obsolete), true },
    { "obsolete",          "deny",     AT(obsolete), false },
    { "elevateprivileges", "allow",    AT(no_privileges), false },
    { "elevateprivileges", "deny",     AT(no_privileges), true },
    { "elevateprivileges", "children", AT(no_children_privileges), true },
    { "spawn",             "allow",    AT(no_spawn), false },
    { "spawn",             "deny",     AT(no_spawn), true },
    { "resourcecontrol",   "allow",    AT(no_resourcecontrol), false },
    { "resourcecontrol",   "deny",     AT(no_resourcecontrol), true },
/* clang-format on */
#undef AT
};

static bool sandbox_property(struct options *o, const struct option_pair *p, GError **error)
{
    g_autoptr(GString) allowed = g_string_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(sandbox_rows); i++) {
        const struct sandbox_row *row = &sandbox_rows[i];

        if (strcmp(row->key, p->key) != 0) {
            continue;
        }
        if (strcmp(row->value, p->value) == 0) {
            *(bool *)((char *)&o->sandbox + row->offset) = row->set;
            return true;
        }
        g_string_append_printf(allowed, "%s%s", allowed->len ? ", " : "", row->value);
    }
    if (allowed->len) {
        set_error(error, "-sandbox: invalid argument for %s: '%s', must be one of: %s", p->key,
                  p->value, allowed->str);
    } else {
        set_error(
            error,
            "-sandbox: Invalid parameter '%s'; it takes: enable, obsolete, elevateprivileges, "
            "spawn, resourcecontrol",
            p->key);
    }
    return false;
}

bool option_sandbox(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "enable");

    for (unsigned i = 0; i < opts->len; i++) {
        if (!sandbox_property(o, g_ptr_array_index(opts, i), error)) {
            return false;
        }
    }
    return true;
}

/* -runas, -chroot --------------------------------------------------------------------------------- */

bool option_runas(struct options *o, const char *arg, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(arg, ":", 2);
    const struct passwd *pw = getpwnam(arg);
    uint64_t uid, gid;

    if (pw) {
        uid = pw->pw_uid;
        gid = pw->pw_gid;
    } else if (!parts[0] || !parts[1] || !parse_uint(parts[0], 0, UINT32_MAX - 1, &uid) ||
               !parse_uint(parts[1], 0, UINT32_MAX - 1, &gid)) {
        set_error(error, "-runas: User \"%s\" doesn't exist (and is not <uid>:<gid>)", arg);
        return false;
    }
    g_free(o->runas);
    o->runas = pw ? g_strdup(arg) : g_strdup("");
    o->uid = (uid_t)uid;
    o->gid = (gid_t)gid;
    return true;
}

bool process_confine(const struct options *o, GError **error)
{
    if (o->chroot_dir && (chroot(o->chroot_dir) < 0 || chdir("/") < 0)) {
        set_errno_error(error, "-chroot: chroot to '%s' failed", o->chroot_dir);
        return false;
    }
    if (!o->runas) {
        return true;
    }
    if (setgid(o->gid) < 0) {
        set_errno_error(error, "-runas: failed to setgid(%u)", (unsigned)o->gid);
        return false;
    }
    /* A name's further groups; a number has none. */
    if ((*o->runas ? initgroups(o->runas, o->gid) : setgroups(1, &o->gid)) < 0) {
        set_errno_error(error, "-runas: failed to take the groups of %u", (unsigned)o->gid);
        return false;
    }
    if (setuid(o->uid) < 0) {
        set_errno_error(error, "-runas: failed to setuid(%u)", (unsigned)o->uid);
        return false;
    }
    if (o->uid != 0 && setuid(0) == 0) {
        set_error(error, "-runas: dropping privileges failed: root can be had again");
        return false;
    }
    return true;
}

/* -async-teardown --------------------------------------------------------------------------------- */

/* Has this program's memory until that program has ended, so that the kernel frees it here. */
static int outlive(void *unused)
{
    sigset_t all;
    int sig;

    (void)unused;
    prctl(PR_SET_NAME, "cleanup");
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    close_range(0, UINT32_MAX, 0);
    sigemptyset(&all);
    sigaddset(&all, SIGHUP);
    while (getppid() != 1 && sigwait(&all, &sig) == 0 && sig != SIGHUP) {
    }
    _exit(0);
}

struct outlived {
    pid_t pid;
    bool runas;
    gid_t gid;
    uid_t uid;
};

/*
 * What -runas takes away this one must not keep: that program can write its stack.  The C library would tell the
 * threads of that program; and the signal is forgotten with another user.
 */
static int begin_outliving(void *opaque)
{
    const struct outlived *that = opaque;

    if (that->runas && (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setgid, that->gid) < 0 ||
                        syscall(SYS_setuid, that->uid) < 0)) {
        _exit(1);
    }
    prctl(PR_SET_PDEATHSIG, SIGHUP);
    /* It may have ended before it was asked. */
    return getppid() == that->pid ? outlive(NULL) : 0;
}

bool process_begin(const struct options *o, GError **error)
{
    static char stack[16 << 10] __attribute__((aligned(16))); /* the other's, while both live */
    static struct outlived self;

    if (o->seed_given) {
        guest_random_seed(o->seed);
    }
    if (!o->async_teardown) {
        return true;
    }
    self = (struct outlived){ getpid(), o->runas != NULL, o->gid, o->uid };
    if (clone(begin_outliving, stack + sizeof(stack), CLONE_VM, &self) < 0) {
        set_errno_error(error, "-async-teardown: cannot make the process that frees memory");
        return false;
    }
    return true;
}

/* Numbers ----------------------------------------------------------------------------------------- */

bool option_seed(struct options *o, const char *arg, GError **error)
{
    if (!parse_uint(arg, 0, UINT64_MAX, &o->seed)) {
        set_error(error, "-seed: Invalid seed number: %s, must be 0 to 2^64 - 1", arg);
        return false;
    }
    return o->seed_given = true;
}

bool option_echr(struct options *o, const char *arg, GError **error)
{
    uint64_t v;

    if (!parse_uint(arg, 1, 255, &v)) {
        set_error(error,
                  "-echr: Bad argument '%s', must be the number of a character: 1 to 255, or "
                  "0x01 to 0xff",
                  arg);
        return false;
    }
    o->escape = (uint8_t)v;
    return true;
}

/* -compat ----------------------------------------------------------------------------------------- */

bool option_compat(struct options *o, const char *arg, GError **error)
{
    static const char *const keys[] = { "deprecated-input", "deprecated-output", "unstable-input",
                                        "unstable-output", NULL };
    g_autoptr(GPtrArray) opts = parse_options(arg, NULL);

    (void)o;
    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (!g_strv_contains(keys, p->key)) {
            g_autofree char *all = g_strjoinv(", ", (char **)keys);

            set_error(error, "-compat: Invalid parameter '%s'; it takes: %s", p->key, all);
            return false;
        }
        if (strcmp(p->value, "accept") != 0) {
            set_error(error, "-compat: %s=%s is not supported; it can be: accept", p->key,
                      p->value);
            return false;
        }
    }
    return true;
}

/* Without an effect ------------------------------------------------------------------------------- */

bool option_rotate(struct options *o, const char *arg, GError **error)
{
    static const char *const angles[] = { "0", "90", "180", "270", NULL };

    if (!g_strv_contains(angles, arg)) {
        set_error(error, "-rotate: only 90, 180, 270 deg rotation is available, not '%s'", arg);
        return false;
    }
    options_warn(o, "-rotate has no effect: it is for the displays of another kind of machine");
    return true;
}

bool option_portrait(struct options *o, const char *arg, GError **error)
{
    (void)arg;
    (void)error;
    options_warn(o, "-portrait has no effect: it is for the displays of another kind of machine");
    return true;
}

bool option_async_teardown(struct options *o, const char *arg, GError **error)
{
    (void)arg;
    (void)error;
    return o->async_teardown = true;
}
