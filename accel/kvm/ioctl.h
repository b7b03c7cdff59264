/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/ioctl.h: all that this engine asks of the kernel, as a table of functions, so that a test can put a
 * model in the kernel's place.
 * Thread: any; a model takes its own lock.
 */
#ifndef ACCEL_KVM_IOCTL_H
#define ACCEL_KVM_IOCTL_H

#include <stddef.h>
#include <stdint.h>

/* Each gives -1 (map: NULL) and sets errno where it fails. */
struct kvm_host {
    int (*open)(struct kvm_host *h, const char *path); /* for reading and writing, close-on-exec */
    int (*ioctl)(struct kvm_host *h, int fd, unsigned long request, void *arg);
    void *(*map)(struct kvm_host *h, int fd, size_t size,
                 uint64_t offset); /* shared, read and write */
    void (*unmap)(struct kvm_host *h, void *at, size_t size);
    void (*close)(struct kvm_host *h, int fd);
    int (*eventfd)(struct kvm_host *h); /* counts from 0, does not block, close-on-exec */
    /* Before the first vCPU: guests of this process may use an XSAVE component that Linux does not give unasked. */
    int (*permit_xsave)(struct kvm_host *h, unsigned bit);
};

/* The kernel's. */
extern struct kvm_host kvm_real_host;

/* An ioctl's argument that is a number, and no address. */
static inline void *kvm_value(uint64_t v)
{
    return (void *)(uintptr_t)v;
}

#endif
