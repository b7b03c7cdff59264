/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/insn/system_rig.c: see system_rig.h. */
#include "tests/insn/system_rig.h"

struct system_rig *system_rig_new(const char *model)
{
    struct system_rig *r = g_new0(struct system_rig, 1);
    g_autoptr(GError) error = NULL;

    r->m = machine_new();
    machine_lock(r->m);
    clock_virtual_manual(r->m);
    mem_region_init_ram(&r->ram, r->m, "rig.ram", RIG_RAM_SIZE, &error);
    g_assert_no_error(error);
    mem_region_add(&r->m->system_memory, 0, &r->ram, 0);
    r->cpu = cpu_new(r->m, 0, model, &error);
    g_assert_no_error(error);
    machine_unlock(r->m);
    return r;
}

void system_rig_free(struct system_rig *r)
{
    machine_lock(r->m);
    cpu_free(r->cpu);
    mem_region_destroy(&r->ram);
    machine_free(r->m);
    g_free(r);
}

void rig_store(struct system_rig *r, uint32_t at, uint64_t v, unsigned size)
{
    memcpy(r->ram.ram->host + at, &v, size);
}

uint64_t rig_load(struct system_rig *r, uint32_t at, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, r->ram.ram->host + at, size);
    return v;
}

void rig_descriptor(struct system_rig *r, uint16_t selector, uint32_t base, uint32_t limit,
                    uint16_t attr)
{
    uint32_t at = RIG_GDT + (selector & ~7u);

    rig_store(r, at, (base & 0xffff) << 16 | (limit & 0xffff), 4);
    rig_store(r, at + 4,
              (base & 0xff000000) | (base >> 16 & 0xff) | (limit & 0xf0000) | (uint32_t)attr << 8,
              4);
}

void rig_gate(struct system_rig *r, unsigned vector, uint16_t selector, uint64_t offset,
              uint8_t type, unsigned ist)
{
    uint32_t at = RIG_IDT + vector * (r->cpu->long_mode ? 16 : 8);

    rig_store(r, at, (uint64_t)selector << 16 | (offset & 0xffff), 4);
    rig_store(r, at + 4, (offset & 0xffff0000) | (uint32_t)type << 8 | ist, 4);
    if (r->cpu->long_mode) {
        rig_store(r, at + 8, offset >> 32, 8);
    }
}

static void common_tables(struct system_rig *r, uint16_t mode)
{
    uint16_t data = 0xc000;

    rig_descriptor(r, SEL_CODE0, 0, 0xfffff, (uint16_t)(A_CODE | 0x8000 | mode));
    rig_descriptor(r, SEL_DATA0, 0, 0xfffff, A_DATA | data);
    rig_descriptor(r, SEL_CODE3, 0, 0xfffff, (uint16_t)(A_CODE | A_DPL3 | 0x8000 | mode));
    rig_descriptor(r, SEL_DATA3, 0, 0xfffff, A_DATA | A_DPL3 | data);
    rig_descriptor(r, SEL_TSS, RIG_TSS, 0x1ff, A_TSS32 | A_BUSY);
    rig_descriptor(r, SEL_TSS2, RIG_TSS2, 0x1ff, A_TSS32);
    r->cpu->gdt = (struct desc_table){ RIG_GDT, 0x7f };
    r->cpu->idt = (struct desc_table){ RIG_IDT, 0xfff };
    segment_set(&r->cpu->tr, SEL_TSS, RIG_TSS, 0x1ff, A_TSS32 | A_BUSY);
}

static void enter_level(struct system_rig *r, unsigned cpl, uint16_t mode)
{
    struct x86_cpu *cpu = r->cpu;
    uint16_t dpl = (uint16_t)(cpl << ATTR_DPL_SHIFT), data = cpl ? SEL_DATA3 : SEL_DATA0;

    for (unsigned s = 0; s < SEG_COUNT; s++) {
        segment_set(&cpu->seg[s], data, 0, UINT32_MAX, A_DATA | A_32 | dpl);
    }
    segment_set(&cpu->seg[SEG_CS], cpl ? SEL_CODE3 : SEL_CODE0, 0, UINT32_MAX,
                (uint16_t)(A_CODE | 0x8000 | mode | dpl));
    cpu->regs[R_RSP] = cpl ? RIG_STACK3 : RIG_STACK0;
    cpu->regs[R_RIP] = RIG_CODE;
    cpu->insn_start = RIG_CODE;
    cpu_update_mode(cpu);
}

void rig_protected(struct system_rig *r, unsigned cpl)
{
    common_tables(r, 0x4000);
    rig_store(r, RIG_TSS + 4, RIG_STACK0, 4);
    rig_store(r, RIG_TSS + 8, SEL_DATA0, 4);
    r->cpu->cr0 = CR0_PE | CR0_ET;
    enter_level(r, cpl, 0x4000);
}

void rig_long(struct system_rig *r, unsigned cpl)
{
    struct x86_cpu *cpu = r->cpu;

    common_tables(r, 0x2000);
    rig_store(r, RIG_TSS + 4, RIG_STACK0, 8);
    rig_store(r, RIG_PML4, (RIG_PML4 + 0x1000) | 7, 8);
    rig_store(r, RIG_PML4 + 0x1000, 0x87, 8); /* 1 GiB, user, writable */
    cpu->cr3 = RIG_PML4;
    cpu->cr4 = CR4_PAE | CR4_OSFXSR;
    cpu->efer = EFER_LME | EFER_LMA | EFER_SCE | EFER_NXE;
    cpu->cr0 = CR0_PE | CR0_PG | CR0_ET;
    enter_level(r, cpl, 0x2000);
    tlb_flush(cpu);
}

int rig_exec(struct system_rig *r, const char *bytes, unsigned len)
{
    struct x86_cpu *cpu = r->cpu;
    struct insn i;

    g_assert_cmpint(insn_decode(cpu, (const uint8_t *)bytes, len, &i), !=, DECODE_TRUNCATED);
    cpu->insn_start = cpu->regs[R_RIP];
    cpu->exc_error = 0;
    if (setjmp(cpu->unwind)) {
        cpu->regs[R_RIP] = cpu->insn_start;
        return cpu->exc_vector;
    }
    cpu->regs[R_RIP] += i.len;
    i.exec(cpu, &i);
    return -1;
}

int rig_deliver(struct system_rig *r, int vector, enum event_kind kind, bool has_error,
                uint32_t error)
{
    struct x86_cpu *cpu = r->cpu;

    cpu->insn_start = cpu->regs[R_RIP];
    cpu->exc_error = 0;
    if (setjmp(cpu->unwind)) {
        cpu->regs[R_RIP] = cpu->insn_start;
        return cpu->exc_vector;
    }
    cpu_deliver(cpu, vector, kind, has_error, error);
    return -1;
}

void rig_deliver_raised(struct system_rig *r)
{
    struct x86_cpu *cpu = r->cpu;

    if (setjmp(cpu->unwind)) {
        cpu->regs[R_RIP] = cpu->insn_start;
    }
    cpu_deliver_raised(cpu);
}
