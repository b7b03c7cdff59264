/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/probe.c: see probe.h.  Each cause is told by evidence: what open says, who the node's owner and
 * group are, what /proc and /sys tell of the processor and of the kernel's modules.
 *
 * Thread: the program's first.
 * Source: Linux, Documentation/virt/kvm/api.rst, 4.1 and 4.4; Documentation/admin-guide/cgroup-v1/devices.rst.
 */
#include "accel/kvm/probe.h"
#include "accel/kvm/ioctl.h"
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DEVICE      "/dev/kvm"
#define API_VERSION 12 /* since Linux 2.6.22, and the last: api.rst 4.1 */

#define GET_API_VERSION 0xae00ul /* _IO(KVMIO, ...): the same on every host */
#define CHECK_EXTENSION 0xae03ul

/* What nothing works without, and since when Linux has it. */
static const struct capability {
    unsigned number;
    const char *name, *since;
} needed[] = {
    /* clang-format off */
    { 3,   "KVM_CAP_USER_MEMORY",     "2.6.23" },
    { 4,   "KVM_CAP_SET_TSS_ADDR",    "2.6.24" },
    { 7,   "KVM_CAP_EXT_CPUID",       "2.6.26" },
    { 14,  "KVM_CAP_MP_STATE",        "2.6.26" },
    { 41,  "KVM_CAP_VCPU_EVENTS",     "2.6.33" },
    { 50,  "KVM_CAP_DEBUGREGS",       "2.6.35" },
    { 55,  "KVM_CAP_XSAVE",           "2.6.36" },
    { 56,  "KVM_CAP_XCRS",            "2.6.36" },
    { 136, "KVM_CAP_IMMEDIATE_EXIT",  "4.12"   },
    /* clang-format on */
};

/* What is known of the host, beside what the node itself answers. */
struct surroundings {
    const char *module; /* that would drive this processor's virtualization; NULL: it has none */
    const char *feature;
    bool virtual; /* a hypervisor runs this system */
    bool loaded;  /* that module is */
    bool modules; /* /sys tells which are loaded */
    char *other;  /* another module that runs guests, without hardware; NULL: none */
    bool driver;  /* the kernel has /dev/kvm, whether or not there is a node */
    bool container;
};

static char *below(const char *root, const char *path)
{
    return g_strconcat(root ? root : "", path, NULL);
}

static bool exists(const char *root, const char *path)
{
    g_autofree char *full = below(root, path);

    return access(full, F_OK) == 0;
}

/* A word of a line, between blanks. */
static bool has_word(const char *line, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = strstr(line, word); p; p = strstr(p + 1, word)) {
        if (p > line && g_ascii_isspace(p[-1]) && (!p[n] || g_ascii_isspace(p[n]))) {
            return true;
        }
    }
    return false;
}

/* The first processor's line; others are the same. */
static void read_cpuinfo(const char *root, struct surroundings *s)
{
    g_autofree char *path = below(root, "/proc/cpuinfo"), *line = NULL;
    FILE *f = fopen(path, "re");
    size_t size = 0;

    while (f && getline(&line, &size, f) > 0) {
        if (g_str_has_prefix(line, "flags")) {
            bool vmx = has_word(line, "vmx"), svm = has_word(line, "svm");

            s->feature = vmx ? "vmx" : svm ? "svm" : NULL;
            s->module = vmx ? "kvm_intel" : svm ? "kvm_amd" : NULL;
            s->virtual = has_word(line, "hypervisor");
            break;
        }
    }
    if (f) {
        fclose(f);
    }
}

static void read_modules(const char *root, struct surroundings *s)
{
    g_autofree char *path = below(root, "/sys/module");
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;

    s->modules = dir != NULL;
    while (dir && (name = g_dir_read_name(dir))) {
        if (s->module && strcmp(name, s->module) == 0) {
            s->loaded = true;
        } else if (g_str_has_prefix(name, "kvm_") && strcmp(name, "kvm_intel") != 0 &&
                   strcmp(name, "kvm_amd") != 0) {
            g_free(s->other);
            s->other = g_strdup(name);
        }
    }
    g_clear_pointer(&dir, g_dir_close);
}

/* /proc/misc lists the drivers of such nodes: "232 kvm". */
static bool has_driver(const char *root)
{
    g_autofree char *path = below(root, "/proc/misc"), *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && has_word(text, "kvm");
}

/* What docker, podman, systemd-nspawn and LXC leave, and what control groups are called by them. */
static bool in_container(const char *root)
{
    static const char *const names[] = { "docker", "kubepods", "containerd", "/lxc", "libpod" };
    g_autofree char *path = below(root, "/proc/1/cgroup"), *text = NULL;

    if (exists(root, "/.dockerenv") || exists(root, "/run/.containerenv") ||
        exists(root, "/run/systemd/container")) {
        return true;
    }
    if (!root && g_getenv("container")) {
        return true;
    }
    if (g_file_get_contents(path, &text, NULL, NULL)) {
        for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
            if (strstr(text, names[i])) {
                return true;
            }
        }
    }
    return false;
}

static void look_around(const char *root, struct surroundings *s)
{
    memset(s, 0, sizeof(*s));
    read_cpuinfo(root, s);
    read_modules(root, s);
    s->driver = has_driver(root);
    s->container = in_container(root);
}

static void G_GNUC_PRINTF(3, 4)
    refuse(struct kvm_probe *p, enum kvm_cause cause, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    p->cause = cause;
    g_free(p->why);
    p->why = g_strdup_vprintf(fmt, args);
    va_end(args);
}

static void G_GNUC_PRINTF(2, 3) advise(struct kvm_probe *p, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    g_free(p->what);
    p->what = g_strdup_vprintf(fmt, args);
    va_end(args);
}

/* Why nothing is behind a node, or why there is none.  `what` begins the clause. */
static void refuse_driver(struct kvm_probe *p, enum kvm_cause cause, const char *what,
                          const struct surroundings *s)
{
    if (s->driver && cause == KVM_NO_NODE) {
        if (s->container) {
            refuse(p, cause, "%s in this container, though the kernel has KVM", what);
            advise(p, "start the container with --device " DEVICE);
        } else {
            refuse(p, cause, "%s, though the kernel has KVM: the node is missing", what);
            advise(p, "run 'mknod -m 660 " DEVICE " c 10 232' as root");
        }
    } else if (!s->module) {
        refuse(p, cause,
               "%s, and the processor shows no hardware virtualization (neither vmx nor svm in "
               "/proc/cpuinfo)",
               what);
        if (s->virtual) {
            advise(p, "this system is a virtual machine: its host must allow nested "
                      "virtualization");
        } else {
            advise(p, "if the processor has VT-x or AMD-V, turn it on in the firmware's setup");
        }
    } else if (s->modules && !s->loaded) {
        refuse(p, cause, "%s: the kernel's module %s is not loaded", what, s->module);
        advise(p,
               "run 'modprobe %s' as root%s; if that fails, dmesg says why (firmware may have "
               "turned virtualization off)",
               s->module, s->container ? " on the container's host" : "");
    } else {
        refuse(p, cause, "%s", what);
        advise(p, s->container ? "start the container with --device " DEVICE
                               : "look for 'kvm' in what dmesg prints");
    }
}

static char *user_name(uid_t uid)
{
    const struct passwd *pw = getpwuid(uid);

    return pw ? g_strdup(pw->pw_name) : g_strdup_printf("%u", (unsigned)uid);
}

static char *group_name(gid_t gid)
{
    const struct group *gr = getgrgid(gid);

    return gr ? g_strdup(gr->gr_name) : g_strdup_printf("%u", (unsigned)gid);
}

/* This process is, whatever the database says. */
static bool in_group(gid_t gid)
{
    g_autofree gid_t *list = NULL;
    int n = getgroups(0, NULL);

    if (getegid() == gid || n <= 0) {
        return getegid() == gid;
    }
    list = g_new(gid_t, n);
    n = getgroups(n, list);
    for (int i = 0; i < n; i++) {
        if (list[i] == gid) {
            return true;
        }
    }
    return false;
}

/* The database says that the user is a member: of sessions to come. */
static bool is_member(uid_t uid, gid_t gid)
{
    const struct passwd *pw = getpwuid(uid);
    g_autofree char *name = pw ? g_strdup(pw->pw_name) : NULL;
    const struct group *gr;

    if (!pw) {
        return false;
    }
    if (pw->pw_gid == gid) {
        return true;
    }
    gr = getgrgid(gid);
    for (char **m = gr ? gr->gr_mem : NULL; m && *m; m++) {
        if (strcmp(*m, name) == 0) {
            return true;
        }
    }
    return false;
}

/* What would let this user in; the kernel looks at the first class that the user is of. */
static void advise_permission(struct kvm_probe *p, const char *device, const struct stat *st)
{
    g_autofree char *user = user_name(geteuid()), *group = group_name(st->st_gid);
    bool owner = geteuid() == st->st_uid, member = in_group(st->st_gid);
    unsigned shift = owner ? 6 : member ? 3 : 0;

    if ((st->st_mode >> shift & 06) == 06) {
        advise(p, "its mode would allow it: a security module, or a container's rules, do not");
    } else if (owner) {
        advise(p, "run 'chmod u+rw %s'", device);
    } else if (st->st_gid == 0) {
        advise(p,
               "as root give it a group (chgrp kvm %s; chmod 660 %s), and join that (usermod -aG "
               "kvm %s, then log in again)",
               device, device, user);
    } else if ((st->st_mode & 0060) != 0060) {
        advise(p, "run 'chmod g+rw %s' as root%s%s", device, member ? "" : ", and join group ",
               member ? "" : group);
    } else if (is_member(geteuid(), st->st_gid)) {
        advise(p,
               "you are a member of group %s, but not yet in this session: log in again, or run "
               "'newgrp %s'",
               group, group);
    } else {
        advise(p, "join group %s (as root 'usermod -aG %s %s', then log in again)", group, group,
               user);
    }
}

/* EACCES. */
static void refuse_permission(struct kvm_probe *p, const char *device)
{
    g_autofree char *user = user_name(geteuid()), *owner = NULL, *group = NULL;
    struct statvfs fs;
    struct stat st;

    if (stat(device, &st) != 0) {
        refuse(p, KVM_NO_PERMISSION, "'%s' cannot be reached by user %s", device, user);
        advise(p, "look at the permissions of the folders above it");
        return;
    }
    if (statvfs(device, &fs) == 0 && (fs.f_flag & ST_NODEV)) {
        refuse(p, KVM_NOT_ALLOWED, "'%s' is on a file system that is mounted with nodev", device);
        advise(p, "mount that without nodev, or put the node elsewhere (-accel kvm,device=PATH)");
        return;
    }
    owner = user_name(st.st_uid);
    group = group_name(st.st_gid);
    refuse(p, KVM_NO_PERMISSION,
           "user %s may not open '%s', which belongs to user %s and group %s with mode %04o", user,
           device, owner, group, (unsigned)st.st_mode & 07777);
    advise_permission(p, device, &st);
}

/* open failed, with errno. */
static void explain_open(struct kvm_probe *p, const char *device, int err,
                         const struct surroundings *s)
{
    g_autofree char *no_node = g_strdup_printf("there is no %s", device);
    g_autofree char *no_driver = g_strdup_printf("%s is there, but no driver is behind it", device);

    switch (err) {
    case ENOENT:
    case ENOTDIR:
        if (strcmp(device, DEVICE) != 0) {
            refuse(p, KVM_NO_NODE, "%s", no_node);
            advise(p, "KVM's node is " DEVICE ", where nothing else was arranged");
            break;
        }
        refuse_driver(p, KVM_NO_NODE, no_node, s);
        break;
    case ENODEV:
    case ENXIO:
        refuse_driver(p, KVM_NO_DRIVER, no_driver, s);
        break;
    case EACCES:
        refuse_permission(p, device);
        break;
    case EPERM:
        refuse(p, KVM_NOT_ALLOWED, "'%s' may not be opened by anybody in this %s", device,
               s->container ? "container" : "control group");
        advise(p, s->container ? "start the container with --device " DEVICE
                               : "allow the device in the control group's rules (c 10:232 rw)");
        break;
    default:
        refuse(p, KVM_BUSY, "cannot open '%s': %s", device, g_strerror(err));
    }
}

static void check_interface(struct kvm_host *host, struct kvm_probe *p, const char *device, int fd)
{
    int version = host->ioctl(host, fd, GET_API_VERSION, NULL);

    if (version < 0) {
        refuse(p, KVM_NOT_KVM, "'%s' is not KVM's device", device);
        advise(p,
               "it should be a character device with numbers 10, 232: 'ls -l %s' shows what it "
               "is",
               device);
        return;
    }
    if (version != API_VERSION) {
        refuse(p, KVM_OLD_API, "the kernel's KVM speaks version %d of its interface, must be %d",
               version, API_VERSION);
        advise(p, "Linux has that since 2.6.22: use such a kernel");
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(needed); i++) {
        if (host->ioctl(host, fd, CHECK_EXTENSION, kvm_value(needed[i].number)) <= 0) {
            refuse(p, KVM_LACKS, "the kernel's KVM has no %s", needed[i].name);
            advise(p, "Linux has that since %s: use such a kernel", needed[i].since);
            return;
        }
    }
}

/*
 * Not by timing: the processor must say that it has virtualization, and its driver must be the one that is
 * loaded.  Where /sys is hidden the former must do.
 */
static void find_hardware(struct kvm_probe *p, const struct surroundings *s)
{
    p->hardware = s->module && (s->loaded || !s->modules);
    if (p->hardware) { /* the clause reads well behind the accelerator's name */
        p->behind = g_strdup_printf("%s in /proc/cpuinfo%s%s", s->feature, s->loaded ? ", " : "",
                                    s->loaded ? s->module : "");
    } else if (s->other) {
        p->behind =
            g_strdup_printf("no hardware virtualization is behind /dev/kvm, but %s", s->other);
    } else if (!s->module) {
        p->behind = g_strdup("no hardware virtualization is behind /dev/kvm: neither vmx nor svm "
                             "in /proc/cpuinfo");
    } else {
        p->behind = g_strdup_printf("no hardware virtualization is behind /dev/kvm: %s is not "
                                    "loaded",
                                    s->module);
    }
}

void kvm_probe(const char *device, struct kvm_host *host, const char *root, struct kvm_probe *p)
{
    struct surroundings s;
    int fd;

    memset(p, 0, sizeof(*p));
    if (!CONFIG_KVM) {
        refuse(p, KVM_NOT_BUILT, "this program was built without KVM");
        return;
    }
    host = host ? host : &kvm_real_host;
    look_around(root, &s);
    fd = host->open(host, device);
    if (fd < 0) {
        explain_open(p, device, errno, &s);
    } else {
        check_interface(host, p, device, fd);
        host->close(host, fd);
    }
    if (p->cause == KVM_USABLE) {
        find_hardware(p, &s);
    }
    g_free(s.other);
}

void kvm_probe_clear(struct kvm_probe *p)
{
    g_clear_pointer(&p->why, g_free);
    g_clear_pointer(&p->what, g_free);
    g_clear_pointer(&p->behind, g_free);
}

char *kvm_probe_text(const struct kvm_probe *p)
{
    return g_strconcat(p->why, p->what ? ": " : NULL, p->what, NULL);
}
