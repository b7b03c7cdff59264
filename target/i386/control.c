/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/control.c: control registers and EFER: what may be written, and what follows from it.
 *
 * Invariant: EFER.LMA is set exactly while CR0.PG and EFER.LME are.
 * Thread: the vCPU's own; the local APIC's CR8 under the machine lock, never held across a raise.
 * Source: SDM vol. 3, 2.5 and 4.1.2, 4.4.1, 4.10.4.
 */
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"

#define CR0_WRITABLE                                                                               \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)
#define CR0_FLUSHES (CR0_PE | CR0_WP | CR0_PG)
#define CR4_FLUSHES (CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP)
/* Changes that make PAE paging read the PDPTEs again. */
#define CR4_RELOADS  (CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP)
#define CR3_NO_FLUSH (1ull << 63)

static const struct {
    uint32_t bit;
    uint16_t feature;
} cr4_bits[] = {
    /* clang-format off */
    { CR4_VME,        X86_VME },
    { CR4_PVI,        X86_VME },
    { CR4_TSD,        X86_TSC },
    { CR4_DE,         X86_DE },
    { CR4_PSE,        X86_PSE },
    { CR4_PAE,        X86_PAE },
    { CR4_MCE,        X86_MCE },
    { CR4_PGE,        X86_PGE },
    { CR4_PCE,        X86_BASE },
    { CR4_OSFXSR,     X86_FXSR },
    { CR4_OSXMMEXCPT, X86_SSE },
    { CR4_UMIP,       X86_UMIP },
    { CR4_FSGSBASE,   X86_FSGSBASE },
    { CR4_PCIDE,      X86_PCID },
    { CR4_OSXSAVE,    X86_XSAVE },
    { CR4_SMEP,       X86_SMEP },
    { CR4_SMAP,       X86_SMAP },
    /* clang-format on */
};

uint64_t cr4_allowed(const struct x86_cpu *cpu)
{
    uint64_t bits = 0;

    for (unsigned n = 0; n < G_N_ELEMENTS(cr4_bits); n++) {
        bits |= cpu_has(cpu, cr4_bits[n].feature) ? cr4_bits[n].bit : 0;
    }
    return bits;
}

static bool pae_paging(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
    return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(efer & EFER_LME);
}

bool load_pdptes(struct x86_cpu *cpu, uint64_t cr3)
{
    uint64_t reserved = 0x1e6 | ~((1ull << cpu->phys_bits) - 1);
    uint64_t at = cr3 & 0xffffffe0, pdpte[4];

    for (unsigned n = 0; n < 4; n++) {
        pdpte[n] = address_space_load(cpu->memory, (at + n * 8) & cpu->a20_mask, 8);
        if ((pdpte[n] & 1) && (pdpte[n] & reserved)) {
            return false;
        }
    }
    memcpy(cpu->pdpte, pdpte, sizeof(pdpte));
    return true;
}

static void cr0_write(struct x86_cpu *cpu, uint64_t v)
{
    uint64_t old = cpu->cr0, efer = cpu->efer;

    if (v >> 32 || ((v & CR0_PG) && !(v & CR0_PE)) || ((v & CR0_NW) && !(v & CR0_CD))) {
        raise_gp0(cpu);
    }
    v = (v & CR0_WRITABLE) | CR0_ET;
    if ((v & ~old & CR0_PG)) {
        if (efer & EFER_LME) {
            if (!(cpu->cr4 & CR4_PAE) || (cpu->seg[SEG_CS].attr & ATTR_L)) {
                raise_gp0(cpu);
            }
            efer |= EFER_LMA;
        }
    } else if (old & ~v & CR0_PG) {
        if (cpu->code64 || (cpu->cr4 & CR4_PCIDE)) {
            raise_gp0(cpu);
        }
        efer &= ~(uint64_t)EFER_LMA;
    }
    if (((v ^ old) & (CR0_PG | CR0_CD | CR0_NW)) && pae_paging(v, cpu->cr4, efer) &&
        !load_pdptes(cpu, cpu->cr3)) {
        raise_gp0(cpu);
    }
    cpu->cr0 = v;
    cpu->efer = efer;
    if ((v ^ old) & CR0_FLUSHES) {
        tlb_flush(cpu);
    }
    cpu_update_mode(cpu);
}

/* Bit 63 under PCIDE: what the soft TLB holds of the new PCID stays valid. */
static void cr3_write(struct x86_cpu *cpu, uint64_t v)
{
    bool keep = false;

    if (cpu->long_mode) {
        uint64_t allowed = (1ull << cpu->phys_bits) - 1;

        if (cpu->cr4 & CR4_PCIDE) {
            keep = v & CR3_NO_FLUSH;
            v &= ~CR3_NO_FLUSH;
        }
        if (v & ~allowed) {
            raise_gp0(cpu);
        }
    } else {
        v = (uint32_t)v;
    }
    cr3_load(cpu, v, keep);
}

void cr3_load(struct x86_cpu *cpu, uint64_t v, bool keep)
{
    if (pae_paging(cpu->cr0, cpu->cr4, cpu->efer) && !load_pdptes(cpu, v)) {
        raise_gp0(cpu);
    }
    tlb_load_cr3(cpu, v, keep);
}

static void cr4_write(struct x86_cpu *cpu, uint64_t v)
{
    uint64_t old = cpu->cr4;

    if (v & ~cr4_allowed(cpu)) {
        raise_gp0(cpu);
    }
    if (cpu->long_mode && !(v & CR4_PAE)) {
        raise_gp0(cpu);
    }
    if ((v & ~old & CR4_PCIDE) && (!cpu->long_mode || (cpu->cr3 & 0xfff))) {
        raise_gp0(cpu);
    }
    if (((v ^ old) & CR4_RELOADS) && pae_paging(cpu->cr0, v, cpu->efer) &&
        !load_pdptes(cpu, cpu->cr3)) {
        raise_gp0(cpu);
    }
    cpu->cr4 = v;
    if ((v ^ old) & CR4_FLUSHES) {
        tlb_flush(cpu);
    }
    cpu_update_mode(cpu);
}

static void cr8_write(struct x86_cpu *cpu, uint64_t v)
{
    struct machine *m = cpu->vcpu.machine;

    if (v > 15) {
        raise_gp0(cpu);
    }
    if (cpu->apic) {
        machine_lock(m);
        cpu->apic->set_tpr(cpu->apic_opaque, (uint8_t)v);
        machine_unlock(m);
    }
}

static uint64_t cr8_read(struct x86_cpu *cpu)
{
    struct machine *m = cpu->vcpu.machine;
    uint64_t v = 0;

    if (cpu->apic) {
        machine_lock(m);
        v = cpu->apic->get_tpr(cpu->apic_opaque);
        machine_unlock(m);
    }
    return v;
}

void cr_write(struct x86_cpu *cpu, unsigned n, uint64_t v)
{
    switch (n) {
    case 0:
        cr0_write(cpu, v);
        break;
    case 2:
        cpu->cr2 = v;
        break;
    case 3:
        cr3_write(cpu, v);
        break;
    case 4:
        cr4_write(cpu, v);
        break;
    case 8:
        cr8_write(cpu, v);
        break;
    default:
        raise_ud(cpu);
    }
}

uint64_t cr_read(struct x86_cpu *cpu, unsigned n)
{
    switch (n) {
    case 0:
        return cpu->cr0;
    case 2:
        return cpu->cr2;
    case 3:
        return cpu->cr3;
    case 4:
        return cpu->cr4;
    case 8:
        return cr8_read(cpu);
    default:
        raise_ud(cpu);
    }
}

bool efer_write(struct x86_cpu *cpu, uint64_t v)
{
    uint64_t old = cpu->efer, allowed = EFER_LMA;

    allowed |= cpu_has(cpu, X86_SYSCALL) ? EFER_SCE : 0;
    allowed |= cpu_has(cpu, X86_LM) ? EFER_LME : 0;
    allowed |= cpu_has(cpu, X86_NX) ? EFER_NXE : 0;
    if ((v & ~allowed) || (((v ^ old) & EFER_LME) && (cpu->cr0 & CR0_PG))) {
        return false;
    }
    cpu->efer = (v & ~(uint64_t)EFER_LMA) | (old & EFER_LMA);
    if ((v ^ old) & EFER_NXE) {
        tlb_flush(cpu);
    }
    cpu_update_mode(cpu);
    return true;
}

/* The register is whole in 64-bit code, whatever the prefixes. */
void x_mov_from_cr(struct x86_cpu *cpu, const struct insn *i)
{
    reg_write(cpu, i->op[0].reg, cr_read(cpu, i->op[1].reg), cpu->code64 ? 8 : 4);
}

void x_mov_to_cr(struct x86_cpu *cpu, const struct insn *i)
{
    cr_write(cpu, i->op[0].reg, reg_read(cpu, i->op[1].reg, cpu->code64 ? 8 : 4));
    cpu->stop_block = true;
}

/* Bypasses segment limits; a non-canonical address does nothing. */
void x_invlpg(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t linear = insn_ea(cpu, i);

    if (!cpu->code64) {
        linear = (uint32_t)(linear + cpu->seg[i->seg].base);
    } else if (i->seg >= SEG_FS) {
        linear += cpu->seg[i->seg].base;
    }
    if (is_canonical(linear)) {
        tlb_flush_page(cpu, linear);
    }
}

enum { INVPCID_ADDRESS, INVPCID_CONTEXT, INVPCID_ALL_GLOBAL, INVPCID_ALL };

void x_invpcid(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t type = reg_read(cpu, i->op[0].reg, cpu->code64 ? 8 : 4);
    uint8_t raw[16];
    uint64_t pcid, linear;

    mem_read_bytes(cpu, operand_linear(cpu, i, 16, false), raw, 16, cpu->bank);
    memcpy(&pcid, raw, 8);
    memcpy(&linear, raw + 8, 8);
    if (type > INVPCID_ALL || (pcid >> 12)) {
        raise_gp0(cpu);
    }
    if (type <= INVPCID_CONTEXT && pcid && !(cpu->cr4 & CR4_PCIDE)) {
        raise_gp0(cpu);
    }
    switch (type) {
    case INVPCID_ADDRESS:
        if (!is_canonical(linear)) {
            raise_gp0(cpu);
        }
        tlb_flush_pcid_page(cpu, (unsigned)pcid, linear);
        break;
    case INVPCID_CONTEXT:
        tlb_flush_pcid(cpu, (unsigned)pcid);
        break;
    case INVPCID_ALL_GLOBAL:
        tlb_flush(cpu);
        break;
    default:
        tlb_flush_nonglobal(cpu);
    }
}
