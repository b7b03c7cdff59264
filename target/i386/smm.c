/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/smm.c: system-management mode: what an SMI saves, the state it starts with, and RSM.
 *
 * The save area has AMD64's layout and revision, which firmware knows for CPUs with and without
 * long mode; segments' attributes are descriptor bits 8-23 of the high word, as elsewhere here.
 *
 * Invariants: in_smm chooses the address space (cpu->memory); SMRAM is in the one of this mode only.
 *             What RSM loads is the guest's: each value is checked or cut to what it may be.
 * Thread:     the vCPU's own, at an instruction boundary, no lock held.
 * Source:     SDM vol. 3, ch. 31; AMD64 APM vol. 2, 10.2 and table 10-1.
 */
#include <inttypes.h>
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"
#include "util/log.h"

#define SMM_ENTRY    0x8000u
#define SMM_AREA     0xfe00u /* from SMBASE */
#define SMM_SIZE     0x200u
#define SMM_REVISION 0x00020064u /* AMD64's area, SMBASE can be relocated */

/* Offsets in the area. */
enum {
    SMM_SEGMENTS = 0x00, /* ES CS SS DS FS GS, 16 bytes each */
    SMM_GDT = 0x60,
    SMM_LDT = 0x70,
    SMM_IDT = 0x80,
    SMM_TR = 0x90,
    SMM_AUTO_HALT = 0xc9,
    SMM_NMI_MASK = 0xca,
    SMM_EFER = 0xd0,
    SMM_REVISION_ID = 0xfc,
    SMM_SMBASE = 0x100,
    SMM_CR4 = 0x148,
    SMM_CR3 = 0x150,
    SMM_CR0 = 0x158,
    SMM_DR7 = 0x160,
    SMM_DR6 = 0x168,
    SMM_RFLAGS = 0x170,
    SMM_RIP = 0x178,
    SMM_R15 = 0x180, /* ... R8 */
};

/* What follows R8. */
static const uint8_t low_registers[] = { R_RDI, R_RSI, R_RBP, R_RSP, R_RBX, R_RDX, R_RCX, R_RAX };

#define ATTR_ALL (0xf0ffu)

static void set(uint8_t *area, unsigned off, uint64_t v, unsigned size)
{
    v = GUINT64_TO_LE(v);
    memcpy(area + off, &v, size);
}

static uint64_t get(const uint8_t *area, unsigned off, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, area + off, size);
    return GUINT64_FROM_LE(v);
}

/* Entry --------------------------------------------------------------------------------------- */

static void save_segment(uint8_t *area, unsigned off, const struct segment *s)
{
    set(area, off, s->selector, 2);
    set(area, off + 2, s->attr, 2);
    set(area, off + 4, s->limit, 4);
    set(area, off + 8, s->base, 8);
}

static void save_table(uint8_t *area, unsigned off, const struct desc_table *t)
{
    set(area, off + 4, t->limit, 2);
    set(area, off + 8, t->base, 8);
}

static void save_state(const struct x86_cpu *cpu, uint8_t *area)
{
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        save_segment(area, SMM_SEGMENTS + 16 * i, &cpu->seg[i]);
    }
    save_table(area, SMM_GDT, &cpu->gdt);
    save_table(area, SMM_IDT, &cpu->idt);
    save_segment(area, SMM_LDT, &cpu->ldt);
    save_segment(area, SMM_TR, &cpu->tr);
    set(area, SMM_AUTO_HALT, cpu->halted, 1);
    set(area, SMM_NMI_MASK, cpu->nmi_blocked, 1);
    set(area, SMM_EFER, cpu->efer, 8);
    set(area, SMM_REVISION_ID, SMM_REVISION, 4);
    set(area, SMM_SMBASE, cpu->smbase, 4);
    set(area, SMM_CR4, cpu->cr4, 8);
    set(area, SMM_CR3, cpu->cr3, 8);
    set(area, SMM_CR0, cpu->cr0, 8);
    set(area, SMM_DR7, cpu->dr[7], 8);
    set(area, SMM_DR6, cpu->dr[6], 8);
    set(area, SMM_RFLAGS, cpu_eflags(cpu), 8);
    set(area, SMM_RIP, cpu->regs[R_RIP], 8);
    for (unsigned i = 0; i < 8; i++) {
        set(area, SMM_R15 + 8 * i, cpu->regs[R_R15 - i], 8);
        set(area, SMM_R15 + 64 + 8 * i, cpu->regs[low_registers[i]], 8);
    }
}

/* SDM vol. 3, table 31-4: real mode, but segments reach 4 GiB. */
static void enter_state(struct x86_cpu *cpu)
{
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        segment_set(&cpu->seg[i], 0, 0, 0xffffffff, ATTR_G | ATTR_P | ATTR_S | ATTR_W | ATTR_A);
    }
    segment_set(&cpu->seg[SEG_CS], (uint16_t)(cpu->smbase >> 4), cpu->smbase, 0xffffffff,
                ATTR_G | ATTR_P | ATTR_S | ATTR_CODE | ATTR_W | ATTR_A);
    cpu->regs[R_RIP] = SMM_ENTRY;
    cpu->cr0 &= ~(uint64_t)(CR0_PE | CR0_EM | CR0_TS | CR0_PG);
    cpu->cr4 = 0;
    cpu->efer = 0;
    cpu->dr[7] = 0x400;
    cpu->eflags = 2;
    flags_set(cpu, 0);
    cpu->halted = false;
    cpu->nmi_blocked = true; /* until IRET or RSM */
    cpu->intr_shadow = cpu->ss_shadow = cpu->trap_pending = false;
    cpu->dr6_pending = 0;
    cpu->stop_block = true;
    cpu_update_mode(cpu);
}

void smm_enter(struct x86_cpu *cpu)
{
    uint8_t area[SMM_SIZE] = { 0 };

    log_line(LOG_INT, "SMI cs:rip=%04x:%016" PRIx64 " smbase=%08" PRIx64, cpu->seg[SEG_CS].selector,
             cpu->regs[R_RIP], cpu->smbase);
    cpu_set_smm(cpu, true);
    save_state(cpu, area);
    address_space_write(cpu->memory, (uint32_t)(cpu->smbase + SMM_AREA), area, sizeof(area));
    enter_state(cpu);
}

/* RSM ----------------------------------------------------------------------------------------- */

static uint64_t canonical(uint64_t linear)
{
    return (uint64_t)((int64_t)(linear << 16) >> 16);
}

static void restore_segment(const uint8_t *area, unsigned off, struct segment *s)
{
    segment_set(s, (uint16_t)get(area, off, 2), canonical(get(area, off + 8, 8)),
                (uint32_t)get(area, off + 4, 4), get(area, off + 2, 2) & ATTR_ALL);
}

static void restore_table(const uint8_t *area, unsigned off, struct desc_table *t)
{
    t->limit = (uint16_t)get(area, off + 4, 2);
    t->base = canonical(get(area, off + 8, 8));
}

/* What would be a #GP elsewhere is a shutdown here (SDM vol. 3, 31.5). */
static bool control_valid(struct x86_cpu *cpu, uint64_t cr0, uint64_t cr4, uint64_t efer)
{
    return !((cr0 & CR0_PG) && !(cr0 & CR0_PE)) && !((cr0 & CR0_NW) && !(cr0 & CR0_CD)) &&
           !(cr0 >> 32) && !(cr4 & ~cr4_allowed(cpu)) &&
           !((efer & EFER_LMA) && !((cr0 & CR0_PG) && (cr4 & CR4_PAE) && (efer & EFER_LME)));
}

static bool restore_control(struct x86_cpu *cpu, const uint8_t *area)
{
    uint64_t cr0 = get(area, SMM_CR0, 8) | CR0_ET, cr4 = get(area, SMM_CR4, 8);
    uint64_t cr3 = get(area, SMM_CR3, 8), efer = get(area, SMM_EFER, 8);
    bool lma = (cr0 & CR0_PG) && (efer & EFER_LME);

    if (!control_valid(cpu, cr0, cr4, efer)) {
        return false;
    }
    cpu->cr0 = 0; /* EFER.LME may change only without paging */
    cpu->efer = 0;
    if (!efer_write(cpu, efer & ~(uint64_t)EFER_LMA)) {
        return false;
    }
    cpu->efer |= lma ? EFER_LMA : 0;
    cpu->cr0 = cr0;
    cpu->cr4 = cr4;
    cpu->cr3 = cr3 & (lma ? (1ull << cpu->phys_bits) - 1 : 0xffffffffu);
    return !((cr0 & CR0_PG) && (cr4 & CR4_PAE) && !lma) || load_pdptes(cpu, cpu->cr3);
}

static void restore_registers(struct x86_cpu *cpu, const uint8_t *area)
{
    uint32_t flags = (uint32_t)get(area, SMM_RFLAGS, 8);
    uint64_t rip = get(area, SMM_RIP, 8);

    for (unsigned i = 0; i < SEG_COUNT; i++) {
        restore_segment(area, SMM_SEGMENTS + 16 * i, &cpu->seg[i]);
    }
    restore_table(area, SMM_GDT, &cpu->gdt);
    restore_table(area, SMM_IDT, &cpu->idt);
    restore_segment(area, SMM_LDT, &cpu->ldt);
    restore_segment(area, SMM_TR, &cpu->tr);
    for (unsigned i = 0; i < 8; i++) {
        cpu->regs[R_R15 - i] = get(area, SMM_R15 + 8 * i, 8);
        cpu->regs[low_registers[i]] = get(area, SMM_R15 + 64 + 8 * i, 8);
    }
    cpu->dr[6] = (uint32_t)get(area, SMM_DR6, 8) | 0xffff0ff0u;
    cpu->dr[7] = (uint32_t)get(area, SMM_DR7, 8) | 0x400u;
    cpu->eflags = (flags & 0x3f7700u) | 2;
    flags_set(cpu, flags & FLAGS_ARITH);
    cpu_update_mode(cpu);
    cpu->regs[R_RIP] = cpu->code64 ? canonical(rip) : (uint32_t)rip;
}

void x_rsm(struct x86_cpu *cpu, const struct insn *i)
{
    uint8_t area[SMM_SIZE];
    bool ok;

    (void)i;
    if (!cpu->in_smm) {
        raise_ud(cpu);
    }
    address_space_read(cpu->memory, (uint32_t)(cpu->smbase + SMM_AREA), area, sizeof(area));
    ok = restore_control(cpu, area);
    restore_registers(cpu, area);
    cpu->smbase = (uint32_t)get(area, SMM_SMBASE, 4);
    cpu->nmi_blocked = area[SMM_NMI_MASK] & 1;
    cpu->halted = area[SMM_AUTO_HALT] & 1;
    cpu->intr_shadow = cpu->ss_shadow = cpu->trap_pending = false;
    cpu->stop_block = true;
    cpu_set_smm(cpu, false);
    log_line(LOG_INT, "RSM cs:rip=%04x:%016" PRIx64, cpu->seg[SEG_CS].selector, cpu->regs[R_RIP]);
    if (!ok) {
        cpu_enter_shutdown(cpu, "RSM of an invalid state");
    }
}
