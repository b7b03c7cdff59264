/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/sites.c: filling sites, the pages that places in translated code found last (struct tlb_site),
 * from the soft TLB; and those that see many pages.
 *
 * Invariant: a site is a copy of an entry of the soft TLB, and all are emptied when any of its tags is taken away.
 * Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/backend.h"

/* An element of 32 bits of an array in the CPU. */
static struct emit_rm rm_cpu_element(size_t array, unsigned index)
{
    return (struct emit_rm){ true, true, H_NONE, (uint8_t)index, 2, (int32_t)array };
}

/* R14 is a site that was filled.  One that is filled all the time is noted as mixed.  Uses RAX, RCX. */
static void emit_count_fill(struct emit *e)
{
    const size_t left = offsetof(struct x86_cpu, tlb.site_left),
                 when = offsetof(struct x86_cpu, tlb.site_time);
    const struct emit_rm n_mixed = rm_cpu(offsetof(struct x86_cpu, tlb.n_mixed_sites));
    uint8_t *few, *seldom, *full;

    emit_insn(e, 0, 0x89, H_R14, rm_reg(H_RCX));
    emit_insn(e, 0, 0x81, 5, rm_reg(H_RCX)); /* sub */
    emit32(e, (uint32_t)e->cpu + (uint32_t)offsetof(struct x86_cpu, tlb.site));
    emit_insn(e, 0, 0xc1, 5, rm_reg(H_RCX)); /* shr */
    emit8(e, 4);
    emit_insn(e, 0, 0xff, 1, rm_cpu_element(left, H_RCX)); /* dec */
    few = emit_jump(e, CC_NZ);
    emit_insn(e, 0, 0xc7, 0, rm_cpu_element(left, H_RCX));
    emit32(e, SITE_FILLS);
    emit_store(e, H_RDX, rm_cpu(offsetof(struct x86_cpu, site_save[2])));
    emit8(e, 0x0f);
    emit8(e, 0x31); /* rdtsc */
    emit_insn(e, 0, 0x89, H_RAX, rm_reg(H_RDX));
    emit_insn(e, 0, 0x2b, H_RDX, rm_cpu_element(when, H_RCX));
    emit_insn(e, 0, 0x89, H_RAX, rm_cpu_element(when, H_RCX));
    emit_insn(e, 0, 0x81, 7, rm_reg(H_RDX));
    emit32(e, SITE_FILLS * SITE_CYCLES);
    emit_load(e, H_RDX, rm_cpu(offsetof(struct x86_cpu, site_save[2])));
    seldom = emit_jump(e, CC_A);
    emit_insn(e, 0, 0x8b, H_RAX, n_mixed);
    emit_insn(e, 0, 0x83, 7, rm_reg(H_RAX));
    emit8(e, TLB_MIXED_SITES);
    full = emit_jump(e, CC_AE);
    emit_insn(e, 0, 0x89, H_RCX, rm_cpu_element(offsetof(struct x86_cpu, tlb.site_mixed), H_RAX));
    emit_insn(e, 0, 0xff, 0, n_mixed); /* inc */
    patch_jump(few, e->p);
    patch_jump(seldom, e->p);
    patch_jump(full, e->p);
}

/* The site at R14 gets the tag of R13's page in a bank, and RAX its addend; or the jump where the bank has another page. */
static uint8_t *emit_copy_entry(struct emit *e, unsigned bank, bool write)
{
    const size_t first =
        offsetof(struct x86_cpu, tlb.entry) + bank * sizeof(((struct tlb *)0)->entry[0]);
    size_t tag = first + (write ? offsetof(struct tlb_entry, write_tag)
                                : offsetof(struct tlb_entry, read_tag));
    uint8_t *other;

    emit_store(e, H_RAX, rm_cpu(offsetof(struct x86_cpu, site_save[0])));
    emit_store(e, H_RCX, rm_cpu(offsetof(struct x86_cpu, site_save[1])));
    emit_insn(e, 0, 0x89, H_R13, rm_reg(H_RAX));
    emit_insn(e, 0, 0xc1, 5, rm_reg(H_RAX)); /* shr */
    emit8(e, 7);
    emit_insn(e, 0, 0x81, 4, rm_reg(H_RAX)); /* and */
    emit32(e, (TLB_SIZE - 1) << 5);
    emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_RCX));
    emit_insn(e, E_W, 0x81, 4, rm_reg(H_RCX));
    emit32(e, (uint32_t)-4096);
    emit_insn(e, E_W, 0x3b, H_RCX, rm_cpu_at(H_RAX, tag));
    other = emit_jump(e, CC_NZ);
    emit_load(e, H_RAX, rm_cpu_at(H_RAX, first + offsetof(struct tlb_entry, addend)));
    emit_store(e, H_RCX, rm_mem(H_R14, offsetof(struct tlb_site, tag)));
    return other;
}

static void emit_site_return(struct emit *e, uint8_t *other)
{
    emit_insn(e, 0, 0x39, H_RAX, rm_reg(H_RAX)); /* Z */
    patch_jump(other, e->p);
    emit_load(e, H_RAX, rm_cpu(offsetof(struct x86_cpu, site_save[0])));
    emit_load(e, H_RCX, rm_cpu(offsetof(struct x86_cpu, site_save[1])));
    emit8(e, 0xc3);
}

/* A site's page from bank TLB_USER, if it is there. */
static void emit_fill_site(struct backend *k, bool write)
{
    struct emit *e = &k->e;
    uint8_t *other, *logged;

    k->fill_site[write] = e->p;
    other = emit_copy_entry(e, TLB_USER, write);
    emit_insn(e, E_W, 0x83, 7, rm_mem(H_R14, offsetof(struct tlb_site, addend)));
    emit8(e, 0);
    emit_store(e, H_RAX, rm_mem(H_R14, offsetof(struct tlb_site, addend)));
    logged = emit_jump(e, CC_NZ);
    emit_insn(e, 0, 0x8b, H_RCX, rm_cpu(offsetof(struct x86_cpu, tlb.site_fills)));
    emit_insn(e, 0, 0x89, H_R14,
              (struct emit_rm){ true, true, H_NONE, H_RCX, 2,
                                (int32_t)offsetof(struct x86_cpu, tlb.site_log) });
    emit_insn(e, 0, 0xff, 0, rm_cpu(offsetof(struct x86_cpu, tlb.site_fills)));
    patch_jump(logged, e->p);
    emit_count_fill(e);
    emit_site_return(e, other);
}

static void emit_fill_stack(struct backend *k, unsigned bank, bool write)
{
    struct emit *e = &k->e;
    uint8_t *other;

    k->fill_stack[bank][write] = e->p;
    other = emit_copy_entry(e, bank, write);
    emit_store(e, H_RAX, rm_mem(H_R14, offsetof(struct tlb_site, addend)));
    emit_site_return(e, other);
}

void emit_site_thunks(struct backend *k)
{
    for (unsigned write = 0; write < 2; write++) {
        emit_fill_site(k, write);
        for (unsigned bank = 0; bank < TLB_BANKS; bank++) {
            emit_fill_stack(k, bank, write);
        }
    }
}

/* Their code has just run, so they are not freed yet. */
void sites_settle(struct tcg *t)
{
    struct tlb *tlb = &t->cpu->tlb;
    struct backend *k = t->backend;

    for (unsigned n = 0; n < tlb->n_mixed_sites; n++) {
        const struct site_owner *o = &k->site_owner[tlb->site_mixed[n]];

        k->mixed_sites[o->mixed / 64] |= 1ull << o->mixed % 64;
        if (!o->block->dead) {
            translator_forget(t, o->block);
        }
    }
    tlb->n_mixed_sites = 0;
}
