/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/kvm_probe_test.c: why KVM cannot be used, and whether hardware is behind it: each cause by a folder
 * with a /proc and /sys of its own and a model of the device.  tests/boot/kvm_refusals.py has the program say the same
 * in namespaces.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "accel/kvm/probe.h"
#include "tests/device/kvm_model.h"

#define VMX    "flags\t\t: fpu vme vmx sse2\n"
#define SVM    "flags\t\t: fpu svm hypervisor\n"
#define PLAIN  "flags\t\t: fpu vmmcall svme\n" /* names that only contain them */
#define VM     "flags\t\t: fpu hypervisor sse2\n"
#define DRIVER "235 autofs\n232 kvm\n"

/* A line's causes, and what is said. */
struct row {
    int open_errno;
    const char *cpuinfo, *misc;
    const char *files; /* separated by blanks; folders end with '/' */
    enum kvm_cause cause;
    const char *why, *what; /* parts of the texts; NULL: none */
};

/* clang-format off */
static const struct row rows[] = {
    { 0,      VMX,   DRIVER, "sys/module/kvm_intel/", KVM_USABLE, NULL, NULL },
    { ENOENT, VMX,   "",     "sys/module/kvm/", KVM_NO_NODE, "there is no /dev/kvm: the kernel's module kvm_intel is not loaded", "modprobe kvm_intel" },
    { ENOENT, SVM,   "",     "sys/module/kvm/", KVM_NO_NODE, "the kernel's module kvm_amd is not loaded", "modprobe kvm_amd" },
    { ENOENT, SVM,   "",     "sys/module/kvm/ .dockerenv", KVM_NO_NODE, "module kvm_amd is not loaded", "on the container's host" },
    { ENOENT, PLAIN, "",     "sys/module/kvm/", KVM_NO_NODE, "shows no hardware virtualization (neither vmx nor svm", "in the firmware's setup" },
    { ENOENT, VM,    "",     "sys/module/kvm/", KVM_NO_NODE, "shows no hardware virtualization", "its host must allow nested virtualization" },
    { ENOENT, VMX,   DRIVER, "sys/module/kvm_intel/", KVM_NO_NODE, "though the kernel has KVM: the node is missing", "mknod -m 660 /dev/kvm c 10 232" },
    { ENOENT, VMX,   DRIVER, "sys/module/kvm_intel/ .dockerenv", KVM_NO_NODE, "in this container, though the kernel has KVM", "--device /dev/kvm" },
    { ENOENT, VMX,   DRIVER, "sys/module/kvm_intel/ run/.containerenv", KVM_NO_NODE, "in this container", "--device /dev/kvm" },
    { ENOENT, VMX,   DRIVER, "sys/module/kvm_intel/ run/systemd/container", KVM_NO_NODE, "in this container", "--device /dev/kvm" },
    { ENOENT, VMX,   "",     "", KVM_NO_NODE, "there is no /dev/kvm", "dmesg" },
    { ENODEV, VMX,   "",     "sys/module/kvm/", KVM_NO_DRIVER, "/dev/kvm is there, but no driver is behind it: the kernel's module kvm_intel is not loaded", "modprobe kvm_intel" },
    { ENXIO,  VM,    "",     "sys/module/kvm/", KVM_NO_DRIVER, "no driver is behind it, and the processor shows no hardware", "nested virtualization" },
    { EPERM,  VMX,   DRIVER, "sys/module/kvm_intel/ .dockerenv", KVM_NOT_ALLOWED, "may not be opened by anybody in this container", "--device /dev/kvm" },
    { EPERM,  VMX,   DRIVER, "sys/module/kvm_intel/", KVM_NOT_ALLOWED, "may not be opened by anybody in this control group", "c 10:232 rw" },
    { EMFILE, VMX,   DRIVER, "sys/module/kvm_intel/", KVM_BUSY, "cannot open '/dev/kvm': Too many open files", NULL },
};
/* clang-format on */

static void put_file(const char *root, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(root, name, NULL), *dir = g_path_get_dirname(path);

    g_mkdir_with_parents(g_str_has_suffix(name, "/") ? path : dir, 0755);
    if (!g_str_has_suffix(name, "/")) {
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
    }
}

static char *make_root(const struct row *row)
{
    char *root = g_dir_make_tmp("rhea-kvm-probe-XXXXXX", NULL);
    g_auto(GStrv) files = g_strsplit(row->files, " ", -1);

    put_file(root, "proc/cpuinfo", row->cpuinfo);
    put_file(root, "proc/misc", row->misc);
    for (unsigned i = 0; files[i]; i++) {
        if (files[i][0]) {
            put_file(root, files[i], "");
        }
    }
    return root;
}

static void remove_tree(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *inner = g_build_filename(path, name, NULL);

        remove_tree(inner);
    }
    g_clear_pointer(&dir, g_dir_close);
    g_remove(path);
}

static void check_part(const char *text, const char *part)
{
    if (!part) {
        g_assert_null(text);
        return;
    }
    g_test_message("%s", text);
    g_assert_nonnull(text);
    g_assert_nonnull(strstr(text, part));
    g_assert_null(strchr(text, '\n'));
}

static void each_cause_is_told(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *root = make_root(&rows[i]);
        struct kvm_model *k = kvm_model_new();
        struct kvm_probe p;

        k->open_errno = rows[i].open_errno;
        kvm_probe("/dev/kvm", &k->host, root, &p);
        g_assert_cmpint(p.cause, ==, rows[i].cause);
        check_part(p.why, rows[i].why);
        check_part(p.what, rows[i].what);
        kvm_probe_clear(&p);
        kvm_model_free(k);
        remove_tree(root);
    }
}

static void an_old_interface_is_refused(void)
{
    struct kvm_model *k = kvm_model_new();
    struct kvm_probe p;

    k->api_version = 10;
    kvm_probe("/dev/kvm", &k->host, "/nonexistent", &p);
    g_assert_cmpint(p.cause, ==, KVM_OLD_API);
    check_part(p.why, "speaks version 10 of its interface, must be 12");
    kvm_probe_clear(&p);
    kvm_model_fail(k, KVM_GET_API_VERSION, 1, ENOTTY);
    kvm_probe("/dev/kvm", &k->host, "/nonexistent", &p);
    g_assert_cmpint(p.cause, ==, KVM_NOT_KVM);
    check_part(p.why, "'/dev/kvm' is not KVM's device");
    kvm_probe_clear(&p);
    kvm_model_free(k);
}

static void what_a_kernel_lacks_is_named(void)
{
    static const struct {
        int cap;
        const char *name, *since;
    } caps[] = {
        { KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT", "4.12" },
        { KVM_CAP_XSAVE, "KVM_CAP_XSAVE", "2.6.36" },
        { KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY", "2.6.23" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(caps); i++) {
        struct kvm_model *k = kvm_model_new();
        struct kvm_probe p;

        kvm_model_cap(k, (unsigned)caps[i].cap, 0);
        kvm_probe("/dev/kvm", &k->host, "/nonexistent", &p);
        g_assert_cmpint(p.cause, ==, KVM_LACKS);
        check_part(p.why, caps[i].name);
        check_part(p.what, caps[i].since);
        kvm_probe_clear(&p);
        kvm_model_free(k);
    }
}

/* The flag and its module: one alone is not enough, unless /sys is hidden. */
static void hardware_is_behind_it_by_evidence(void)
{
    static const struct {
        struct row row;
        bool hardware;
        const char *behind;
    } cases[] = {
        { { 0, VMX, DRIVER, "sys/module/kvm_intel/" }, true, "vmx in /proc/cpuinfo, kvm_intel" },
        { { 0, SVM, DRIVER, "sys/module/kvm_amd/" }, true, "svm in /proc/cpuinfo, kvm_amd" },
        { { 0, VMX, DRIVER, "" }, true, "vmx in /proc/cpuinfo" },
        { { 0, VM, DRIVER, "sys/module/kvm_pvm/" }, false, "but kvm_pvm" },
        { { 0, VM, DRIVER, "sys/module/kvm_intel/" }, false, "neither vmx nor svm" },
        { { 0, SVM, DRIVER, "sys/module/kvm_pvm/" }, false, "but kvm_pvm" },
        { { 0, SVM, DRIVER, "sys/module/kvm/" }, false, "kvm_amd is not loaded" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *root = make_root(&cases[i].row);
        struct kvm_model *k = kvm_model_new();
        struct kvm_probe p;

        kvm_probe("/dev/kvm", &k->host, root, &p);
        g_assert_cmpint(p.cause, ==, KVM_USABLE);
        g_assert_true(p.hardware == cases[i].hardware);
        check_part(p.behind, cases[i].behind);
        kvm_probe_clear(&p);
        kvm_model_free(k);
        remove_tree(root);
    }
}

/* Of a real node and a real user, as far as this one may make them. */
static void permissions_name_the_group(void)
{
    g_autofree char *dir = g_dir_make_tmp("rhea-kvm-probe-XXXXXX", NULL);
    g_autofree char *node = g_build_filename(dir, "kvm", NULL);
    struct kvm_model *k = kvm_model_new();
    struct kvm_probe p;

    if (geteuid() != 0) {
        g_test_skip("only root can give files to others");
        kvm_model_free(k);
        remove_tree(dir);
        return;
    }
    g_assert_true(g_file_set_contents(node, "", 0, NULL));
    k->open_errno = EACCES;
    g_assert_cmpint(chown(node, 12345, 23456), ==, 0);
    g_assert_cmpint(chmod(node, 0660), ==, 0);
    kvm_probe(node, &k->host, dir, &p);
    g_assert_cmpint(p.cause, ==, KVM_NO_PERMISSION);
    check_part(p.why, "belongs to user 12345 and group 23456 with mode 0660");
    check_part(p.what, "join group 23456");
    kvm_probe_clear(&p);
    g_assert_cmpint(chmod(node, 0600), ==, 0);
    kvm_probe(node, &k->host, dir, &p);
    check_part(p.what, "chmod g+rw");
    kvm_probe_clear(&p);
    g_assert_cmpint(chmod(node, 0666), ==, 0);
    kvm_probe(node, &k->host, dir, &p);
    check_part(p.what, "its mode would allow it");
    kvm_probe_clear(&p);
    g_assert_cmpint(chown(node, 12345, 0), ==, 0);
    g_assert_cmpint(chmod(node, 0600), ==, 0);
    kvm_probe(node, &k->host, dir, &p);
    check_part(p.what, "chgrp kvm");
    kvm_probe_clear(&p);
    kvm_model_free(k);
    remove_tree(dir);
}

int main(int argc, char **argv)
{
    g_unsetenv("container");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kvm-probe/causes", each_cause_is_told);
    g_test_add_func("/kvm-probe/interface", an_old_interface_is_refused);
    g_test_add_func("/kvm-probe/capabilities", what_a_kernel_lacks_is_named);
    g_test_add_func("/kvm-probe/hardware", hardware_is_behind_it_by_evidence);
    g_test_add_func("/kvm-probe/permissions", permissions_name_the_group);
    return g_test_run();
}
