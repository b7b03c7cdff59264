/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/probe.h: can KVM be used here, if not why, what to do about it; and does hardware stand behind it?
 *
 * Thread: the program's first.
 */
#ifndef ACCEL_KVM_PROBE_H
#define ACCEL_KVM_PROBE_H

#include <glib.h>
#include <stdbool.h>

enum kvm_cause {
    KVM_USABLE,
    KVM_NO_NODE,       /* there is no such file */
    KVM_NO_PERMISSION, /* it is not this user's */
    KVM_NOT_ALLOWED,   /* a container's rules, or a mount's, keep it from everybody */
    KVM_NO_DRIVER,     /* the file is there, what answers is not */
    KVM_NOT_KVM,       /* something else answers */
    KVM_OLD_API,       /* it answers in another version */
    KVM_LACKS,         /* a capability that is needed */
    KVM_BUSY,          /* open fails otherwise */
    KVM_NOT_BUILT,     /* this program has no KVM */
};

struct kvm_host;

struct kvm_probe {
    enum kvm_cause cause;
    char *why;     /* one clause; NULL: it can be used */
    char *what;    /* to do about it; NULL: the same, or nothing is known */
    bool hardware; /* it runs guests by the processor's virtualization */
    char *behind;  /* the evidence of that, or of its absence: one clause */
};

/*
 * Of this device, by `host`; a test has a root of its own before /proc, /sys, /run and /.dockerenv.  `host` and `root`
 * NULL: the kernel's, and "".
 */
void kvm_probe(const char *device, struct kvm_host *host, const char *root, struct kvm_probe *p);
void kvm_probe_clear(struct kvm_probe *p);
/* "WHY: WHAT", what an error or a warning says. */
char *kvm_probe_text(const struct kvm_probe *p);

#endif
