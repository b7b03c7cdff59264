/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/cpu_access.c: registers and memory of the CPU that `cpu N` chose, for commands.
 *
 * Invariant: state is read between begin and end only, while the vCPUs stand between two instructions.
 * Thread:    machine lock held.
 */
#include <string.h>
#include "monitor/command.h"
#include "softmmu/machine.h"
#include "target/i386/cpu.h"
#include "target/i386/mem.h"
#include "target/i386/operand.h"
#include "util/error.h"

struct x86_cpu *cpu_access_begin(struct machine *m, GError **error)
{
    if (m->n_vcpus == 0) {
        set_error(error, "this machine has no CPU");
        return NULL;
    }
    vcpu_pause_all(m);
    return x86_cpu_of(m->vcpus[MIN(m->monitor_cpu, m->n_vcpus - 1)]);
}

void cpu_access_end(struct machine *m)
{
    /* A vCPU that asked for a reset or the like waits for the main loop, which lets it go on. */
    if (m->run_state == RUN_STATE_RUNNING && !m->requests_queued) {
        vcpu_resume_all(m);
    }
}

#define CPU(member) offsetof(struct x86_cpu, member), sizeof(((struct x86_cpu *)0)->member)
#define REG(r)      CPU(regs[r])

/* clang-format off */
static const struct register_row {
    const char *name;
    size_t offset, size;
} registers[] = {
    { "rax", REG(R_RAX) }, { "rcx", REG(R_RCX) }, { "rdx", REG(R_RDX) }, { "rbx", REG(R_RBX) },
    { "rsp", REG(R_RSP) }, { "rbp", REG(R_RBP) }, { "rsi", REG(R_RSI) }, { "rdi", REG(R_RDI) },
    { "r8",  REG(R_R8)  }, { "r9",  REG(R_R9)  }, { "r10", REG(R_R10) }, { "r11", REG(R_R11) },
    { "r12", REG(R_R12) }, { "r13", REG(R_R13) }, { "r14", REG(R_R14) }, { "r15", REG(R_R15) },
    { "rip", REG(R_RIP) }, { "sp",  REG(R_RSP) },
    { "eax", offsetof(struct x86_cpu, regs[R_RAX]), 4 }, { "ecx", offsetof(struct x86_cpu, regs[R_RCX]), 4 },
    { "edx", offsetof(struct x86_cpu, regs[R_RDX]), 4 }, { "ebx", offsetof(struct x86_cpu, regs[R_RBX]), 4 },
    { "esp", offsetof(struct x86_cpu, regs[R_RSP]), 4 }, { "ebp", offsetof(struct x86_cpu, regs[R_RBP]), 4 },
    { "esi", offsetof(struct x86_cpu, regs[R_RSI]), 4 }, { "edi", offsetof(struct x86_cpu, regs[R_RDI]), 4 },
    { "eip", offsetof(struct x86_cpu, regs[R_RIP]), 4 },
    { "es", CPU(seg[SEG_ES].selector) }, { "es.base", CPU(seg[SEG_ES].base) },
    { "cs", CPU(seg[SEG_CS].selector) }, { "cs_base", CPU(seg[SEG_CS].base) },
    { "ss", CPU(seg[SEG_SS].selector) }, { "ss_base", CPU(seg[SEG_SS].base) },
    { "ds", CPU(seg[SEG_DS].selector) }, { "ds_base", CPU(seg[SEG_DS].base) },
    { "fs", CPU(seg[SEG_FS].selector) }, { "fs_base", CPU(seg[SEG_FS].base) },
    { "gs", CPU(seg[SEG_GS].selector) }, { "gs_base", CPU(seg[SEG_GS].base) },
    { "cr0", CPU(cr0) }, { "cr2", CPU(cr2) }, { "cr3", CPU(cr3) }, { "cr4", CPU(cr4) },
    { "efer", CPU(efer) },
    { "dr6", CPU(dr[6]) }, { "dr7", CPU(dr[7]) },
};
/* clang-format on */

static bool read_register(struct x86_cpu *cpu, const char *name, uint64_t *value)
{
    if (strcmp(name, "pc") == 0) { /* linear, which the address of x is too */
        *value = cpu->regs[R_RIP] + cpu->seg[SEG_CS].base;
        return true;
    }
    if (strcmp(name, "eflags") == 0 || strcmp(name, "rflags") == 0) {
        *value = cpu_eflags(cpu);
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        if (strcmp(registers[i].name, name) == 0) {
            const char *at = (const char *)cpu + registers[i].offset;

            if (registers[i].size == 2) {
                *value = *(const uint16_t *)at;
            } else {
                *value = *(const uint64_t *)at & size_mask((unsigned)registers[i].size);
            }
            return true;
        }
    }
    return false;
}

bool cpu_access_register(void *opaque, const char *name, uint64_t *value)
{
    struct machine *m = opaque;
    struct x86_cpu *cpu = cpu_access_begin(m, NULL);
    bool found;

    if (!cpu) {
        return false;
    }
    found = read_register(cpu, name, value);
    cpu_access_end(m);
    return found;
}

bool cpu_access_read(struct machine *m, struct x86_cpu *cpu, bool physical, uint64_t addr,
                     void *buf, unsigned len)
{
    uint8_t *to = buf;

    if (physical) {
        return address_space_read(&m->memory, addr, buf, len);
    }
    while (len > 0) {
        unsigned step = MIN(len, GUEST_PAGE_SIZE - (unsigned)(addr & ~GUEST_PAGE_MASK));
        uint64_t phys = mmu_debug_translate(cpu, addr);

        if (phys == UINT64_MAX || !address_space_read(cpu->memory, phys, to, step)) {
            return false;
        }
        addr += step;
        to += step;
        len -= step;
    }
    return true;
}
