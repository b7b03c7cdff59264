/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accel/kvm/ioctl.c: the kernel itself behind ioctl.h's table.  Thread: any. */
#include "accel/kvm/ioctl.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __x86_64__
#include <asm/prctl.h>
#endif

static int real_open(struct kvm_host *h, const char *path)
{
    (void)h;
    return open(path, O_RDWR | O_CLOEXEC);
}

static int real_ioctl(struct kvm_host *h, int fd, unsigned long request, void *arg)
{
    (void)h;
    return ioctl(fd, request, arg);
}

static void *real_map(struct kvm_host *h, int fd, size_t size, uint64_t offset)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);

    (void)h;
    return p == MAP_FAILED ? NULL : p;
}

static void real_unmap(struct kvm_host *h, void *at, size_t size)
{
    (void)h;
    munmap(at, size);
}

static void real_close(struct kvm_host *h, int fd)
{
    (void)h;
    close(fd);
}

static int real_eventfd(struct kvm_host *h)
{
    (void)h;
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static int real_permit_xsave(struct kvm_host *h, unsigned bit)
{
    (void)h;
#ifdef __x86_64__
    return (int)syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_GUEST_PERM, bit);
#else
    (void)bit;
    errno = ENOSYS;
    return -1;
#endif
}

struct kvm_host kvm_real_host = {
    .open = real_open,
    .ioctl = real_ioctl,
    .map = real_map,
    .unmap = real_unmap,
    .close = real_close,
    .eventfd = real_eventfd,
    .permit_xsave = real_permit_xsave,
};
