/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/kvm_guest.c: runs one of the guests in guest_*.S by the host's processor, through
 * /dev/kvm, as the measure of what the engines do.  guests.py builds it from this file alone.
 * A KVM without VT-x or SVM below it emulates what is not in ring 3, and measures nothing.
 *
 *     kvm_guest guest.elf
 *
 * The machine: one CPU with what KVM offers, 64 MiB of RAM that SMM sees too, KVM's interrupt
 * controllers and timer, COM1's transmitter on stdout, isa-debug-exit.  The exit status is what the
 * guest gave to the latter, 77 where there is no such KVM (stdout says why), 2 when the guest died.
 * Thread: one; SIGALRM ends a guest that hangs.
 * Source: Linux, Documentation/virt/kvm/api.rst.
 */
#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM_SIZE    (64u << 20)
#define COM1        0x3f8
#define COM1_LSR    0x3fd
#define EXIT_PORT   0xf4
#define MAX_CPUID   256
#define MAX_SECONDS 20

enum { STATUS_DIED = 2, STATUS_SKIP = 77 };

struct kvm_guest {
    int kvm, vm, vcpu;
    struct kvm_run *run;
    uint8_t *ram;
};

static void skip(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    exit(STATUS_SKIP);
}

static void die(const char *what)
{
    printf("kvm_guest: %s\n", what);
    exit(STATUS_DIED);
}

static void need(int result, const char *what)
{
    if (result < 0) {
        skip(what);
    }
}

static void need_hardware(void)
{
    unsigned eax, ebx, ecx = 0, edx;
    bool vmx = __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & 1u << 5);
    bool svm = __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && (ecx & 1u << 2);

    if (!vmx && !svm) {
        puts("this processor offers neither VT-x nor SVM, so that its KVM is an emulator");
        exit(STATUS_SKIP);
    }
}

static void make_vm(struct kvm_guest *g)
{
    uint64_t identity = 0xfffbc000;
    struct kvm_pit_config pit = { 0 };
    int spaces;

    g->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    need(g->kvm, "/dev/kvm");
    g->vm = ioctl(g->kvm, KVM_CREATE_VM, 0);
    need(g->vm, "KVM_CREATE_VM");
    need(ioctl(g->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity), "KVM_SET_IDENTITY_MAP_ADDR");
    need(ioctl(g->vm, KVM_SET_TSS_ADDR, 0xfffbd000), "KVM_SET_TSS_ADDR");
    need(ioctl(g->vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
    need(ioctl(g->vm, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");
    g->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (g->ram == MAP_FAILED) {
        skip("mmap");
    }
    spaces = ioctl(g->kvm, KVM_CHECK_EXTENSION, KVM_CAP_MULTI_ADDRESS_SPACE);
    for (int space = 0; space < (spaces > 1 ? 2 : 1); space++) { /* the second is SMM's */
        struct kvm_userspace_memory_region region = { .slot = (uint32_t)space << 16,
                                                      .memory_size = RAM_SIZE,
                                                      .userspace_addr = (uintptr_t)g->ram };

        need(ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
    }
}

static void make_vcpu(struct kvm_guest *g)
{
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + MAX_CPUID * sizeof(cpuid->entries[0]));
    int size = ioctl(g->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

    g->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 0);
    need(g->vcpu, "KVM_CREATE_VCPU");
    need(size, "KVM_GET_VCPU_MMAP_SIZE");
    g->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
    if (g->run == MAP_FAILED || !cpuid) {
        skip("mmap");
    }
    cpuid->nent = MAX_CPUID;
    need(ioctl(g->kvm, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID");
    need(ioctl(g->vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
    free(cpuid);
}

/* The entry point, once the segments of the image are in RAM. */
static uint32_t load(struct kvm_guest *g, const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *image = malloc(RAM_SIZE);
    size_t n = file && image ? fread(image, 1, RAM_SIZE, file) : 0;
    Elf32_Ehdr e;

    if (n < sizeof(e)) {
        die("cannot read the image");
    }
    fclose(file);
    memcpy(&e, image, sizeof(e));
    for (unsigned k = 0; k < e.e_phnum; k++) {
        uint64_t at = (uint64_t)e.e_phoff + k * sizeof(Elf32_Phdr);
        Elf32_Phdr p;

        if (at + sizeof(p) > n) {
            die("the image's program headers are cut");
        }
        memcpy(&p, image + at, sizeof(p));
        if (p.p_type != PT_LOAD) {
            continue;
        }
        if (p.p_filesz > RAM_SIZE || p.p_paddr > RAM_SIZE - p.p_filesz ||
            (uint64_t)p.p_offset + p.p_filesz > n) {
            die("the image does not fit");
        }
        memcpy(g->ram + p.p_paddr, image + p.p_offset, p.p_filesz);
    }
    free(image);
    return e.e_entry;
}

/* As a multiboot loader leaves it: flat 32-bit protected mode. */
static void set_start(struct kvm_guest *g, uint32_t entry)
{
    struct kvm_regs regs = { .rip = entry, .rflags = 2, .rax = 0x2badb002 };
    struct kvm_segment data = {
        .limit = 0xffffffff, .selector = 0x10, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1
    };
    struct kvm_segment code = data;
    struct kvm_sregs sregs;

    need(ioctl(g->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
    code.selector = 8;
    code.type = 11;
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.cr0 = 0x11;
    need(ioctl(g->vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
    need(ioctl(g->vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

static void io(struct kvm_guest *g)
{
    uint8_t *data = (uint8_t *)g->run + g->run->io.data_offset;
    size_t n = (size_t)g->run->io.size * g->run->io.count;

    if (g->run->io.direction == KVM_EXIT_IO_IN) {
        memset(data, g->run->io.port == COM1_LSR ? 0x60 : 0xff, n);
    } else if (g->run->io.port == COM1) {
        fwrite(data, 1, n, stdout);
    } else if (g->run->io.port == EXIT_PORT) {
        exit(data[0] << 1 | 1);
    }
}

static void run(struct kvm_guest *g)
{
    char text[128];

    for (;;) {
        if (ioctl(g->vcpu, KVM_RUN, 0) < 0 && errno != EINTR) {
            die(strerror(errno));
        }
        switch (g->run->exit_reason) {
        case KVM_EXIT_IO:
            io(g);
            break;
        case KVM_EXIT_MMIO:
            memset(g->run->mmio.data, 0xff, sizeof(g->run->mmio.data));
            break;
        case KVM_EXIT_INTR:
            break;
        case KVM_EXIT_SHUTDOWN:
            die("the guest shut down");
            break;
        default:
            snprintf(text, sizeof(text), "exit %u, suberror %u", g->run->exit_reason,
                     g->run->internal.suberror);
            die(text);
        }
    }
}

int main(int argc, char **argv)
{
    struct kvm_guest g = { 0 };

    if (argc != 2) {
        die("one argument: the guest's image");
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(MAX_SECONDS);
    need_hardware();
    make_vm(&g);
    make_vcpu(&g);
    set_start(&g, load(&g, argv[1]));
    run(&g);
    return STATUS_DIED;
}
