/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/smi_test.c: SMIs of the q35 board with two CPUs: what firmware agrees upon, whom an SMI
 * reaches, and what guest code sees inside and outside of system-management mode.
 */
#include <string.h>
#include "accel/tcg/tcg.h"
#include "hw/i386/pc.h"
#include "hw/nvram/fw_cfg.h"
#include "target/i386/exec_system.h"

#define APM_PORT 0xb2u
#define SMI_EN   0x630u
#define SMRAM    0x9du
#define PROGRAM  0x1000u
#define SEEN     0x2000u
/* Entries are SMBASE + 0x8000; each handler counts at 0x100 from there. */
#define COUNTER(cpu) (0xa0100u + (cpu)*0x8000u)
#define SMBASE(cpu)  (0x98000u + (cpu)*0x8000u)

/* clang-format off */
static const uint8_t handler[] = {
    0x2e, 0xff, 0x06, 0x00, 0x81,   /* inc word cs:[0x8100] */
    0x0f, 0xaa,                     /* rsm */
};
static const uint8_t program[] = {
    0xb0, 0x01,                     /* mov al, 1 */
    0xe6, APM_PORT,                 /* out APM_PORT, al */
    0xbe, 0x00, 0xa0,               /* mov si, 0xa000 */
    0x8e, 0xde,                     /* mov ds, si */
    0xa1, 0x00, 0x01,               /* mov ax, [0x100]: the counter, which is not there */
    0x31, 0xdb,                     /* xor bx, bx */
    0x8e, 0xdb,                     /* mov ds, bx */
    0xa3, 0x00, 0x20,               /* mov [SEEN], ax */
    0xf4,                           /* hlt */
};
/* clang-format on */

struct fixture {
    struct machine *m;
    struct pc *pc;
};

/* As firmware leaves it; port 0xB2 raises SMIs. */
static void restart(struct fixture *f)
{
    device_reset_all(f->m);
    f->pc->program_chipset(f->pc);
    address_space_store(&f->m->io, SMI_EN, 0x21, 4);
}

static void set_up(struct fixture *f, gconstpointer engine)
{
    g_autoptr(GError) error = NULL;

    f->m = machine_new();
    machine_lock(f->m);
    clock_virtual_manual(f->m);
    f->m->config.ram_size = 32 << 20;
    f->m->config.cpus = 2;
    f->m->config.accel = g_strdup(engine ? engine : "tcg");
    g_assert_true(q35_init(f->m, &error));
    g_assert_no_error(error);
    f->pc = f->m->board;
    restart(f);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    machine_free(f->m);
}

static uint64_t io_load(struct fixture *f, unsigned port, unsigned size)
{
    return address_space_load(&f->m->io, port, size);
}

static void config_write(struct fixture *f, unsigned devfn, unsigned reg, uint32_t v, unsigned size)
{
    address_space_store(&f->m->io, 0xcf8, 0x80000000u | devfn << 8 | (reg & ~3u), 4);
    address_space_store(&f->m->io, 0xcfc + (reg & 3), v, size);
}

/* The number of a file of fw_cfg's directory. */
static uint16_t file_key(struct fixture *f, const char *name)
{
    uint32_t count = 0;

    address_space_store(&f->m->io, FW_CFG_PORT, FW_CFG_FILE_DIR, 2);
    for (unsigned i = 0; i < 4; i++) {
        count = count << 8 | (uint32_t)io_load(f, FW_CFG_PORT + 1, 1);
    }
    while (count-- > 0) {
        char row[64];

        for (unsigned i = 0; i < sizeof(row); i++) {
            row[i] = (char)io_load(f, FW_CFG_PORT + 1, 1);
        }
        if (strcmp(row + 8, name) == 0) {
            return (uint16_t)((uint8_t)row[4] << 8 | (uint8_t)row[5]);
        }
    }
    g_assert_not_reached();
}

static uint8_t first_byte(struct fixture *f, const char *name)
{
    address_space_store(&f->m->io, FW_CFG_PORT, file_key(f, name), 2);
    return (uint8_t)io_load(f, FW_CFG_PORT + 1, 1);
}

static void request_features(struct fixture *f, uint8_t features)
{
    uint32_t request[4] = { GUINT32_TO_BE(
                                (uint32_t)file_key(f, "etc/smi/requested-features") << 16 | 0x18),
                            GUINT32_TO_BE(8), 0, GUINT32_TO_BE(0x3010) };

    address_space_write(&f->m->memory, 0x3000, request, sizeof(request));
    address_space_store(&f->m->memory, 0x3010, features, 8);
    address_space_store(&f->m->io, FW_CFG_DMA_PORT, 0, 4);
    address_space_store(&f->m->io, FW_CFG_DMA_PORT + 4, GUINT32_TO_BE(0x3000), 4);
    g_assert_cmphex(address_space_load(&f->m->memory, 0x3000, 4), ==, 0);
}

static bool smi_pending(struct fixture *f, unsigned cpu)
{
    bool pending = f->pc->cpus[cpu]->pending & PENDING_SMI;

    cpu_clear_pending(f->pc->cpus[cpu], PENDING_SMI);
    return pending;
}

static void one_cpu_is_reached_unless_all_were_asked_for(struct fixture *f, gconstpointer data)
{
    (void)data;
    address_space_store(&f->m->io, APM_PORT, 1, 1);
    g_assert_true(smi_pending(f, 0));
    g_assert_false(smi_pending(f, 1));
    g_assert_cmphex(first_byte(f, "etc/smi/supported-features"), ==, 1);
    request_features(f, 1);
    address_space_store(&f->m->io, APM_PORT, 1, 1);
    g_assert_true(smi_pending(f, 0));
    g_assert_false(smi_pending(f, 1)); /* the answer was not looked at */
    g_assert_cmphex(first_byte(f, "etc/smi/features-ok"), ==, 1);
    address_space_store(&f->m->io, APM_PORT, 1, 1);
    g_assert_true(smi_pending(f, 0));
    g_assert_true(smi_pending(f, 1));
    request_features(f, 0); /* too late: it stays until a reset */
    g_assert_cmphex(first_byte(f, "etc/smi/features-ok"), ==, 1);
    address_space_store(&f->m->io, APM_PORT, 1, 1);
    g_assert_true(smi_pending(f, 1));
    restart(f);
    address_space_store(&f->m->io, APM_PORT, 1, 1);
    g_assert_false(smi_pending(f, 1));
}

static void unknown_features_are_refused(struct fixture *f, gconstpointer data)
{
    (void)data;
    request_features(f, 0x81);
    g_assert_cmphex(first_byte(f, "etc/smi/features-ok"), ==, 0);
    request_features(f, 0x01);
    g_assert_cmphex(first_byte(f, "etc/smi/features-ok"), ==, 1);
}

static void smi_lock_keeps_the_switch(struct fixture *f, gconstpointer data)
{
    (void)data;
    config_write(f, PCI_DEVFN(31, 0), ICH9_GEN_PMCON, ICH9_SMI_LOCK, 1);
    address_space_store(&f->m->io, SMI_EN, 0, 4);
    g_assert_cmphex(io_load(f, SMI_EN, 4), ==, 1);
    config_write(f, PCI_DEVFN(31, 0), ICH9_GEN_PMCON, 0, 1);
    address_space_store(&f->m->io, SMI_EN, 0, 4);
    g_assert_cmphex(io_load(f, SMI_EN, 4), ==, 1);
    restart(f);
    address_space_store(&f->m->io, SMI_EN, 0, 4);
    g_assert_cmphex(io_load(f, SMI_EN, 4), ==, 0);
}

static void tseg_base_is_noted_until_it_is_locked(struct fixture *f, gconstpointer data)
{
    (void)data;
    config_write(f, PCI_DEVFN(0, 0), 0xac, 0x7f0fffff, 4);
    g_assert_cmphex(pci_config_load(&f->pc->mch->pci, 0xac, 4), ==, 0x7f000000);
    config_write(f, PCI_DEVFN(0, 0), SMRAM, 0x1a, 1);
    config_write(f, PCI_DEVFN(0, 0), 0xac, 0, 4);
    g_assert_cmphex(pci_config_load(&f->pc->mch->pci, 0xac, 4), ==, 0x7f000000);
}

static void start_at(struct x86_cpu *cpu, uint16_t ip)
{
    for (unsigned s = 0; s < SEG_COUNT; s++) {
        segment_set_real(&cpu->seg[s], 0);
    }
    cpu->regs[R_RIP] = ip;
    cpu->smbase = SMBASE((unsigned)cpu->vcpu.index);
    cpu->halted = cpu->wait_sipi = false;
    cpu_update_mode(cpu);
}

static bool both_halted(struct fixture *f)
{
    bool halted;

    vcpu_pause_all(f->m);
    halted = f->pc->cpus[0]->halted && f->pc->cpus[1]->halted;
    vcpu_resume_all(f->m);
    return halted;
}

static unsigned count(struct fixture *f, unsigned cpu)
{
    return (unsigned)address_space_load(&f->m->smm_memory, COUNTER(cpu), 2);
}

/* Each CPU runs its own handler in SMRAM, which a program outside does not see. */
static void guest_code_runs_in_smram(struct fixture *f, gconstpointer engine)
{
    g_autoptr(GError) error = NULL;

    (void)engine;
    request_features(f, 1);
    first_byte(f, "etc/smi/features-ok");
    config_write(f, PCI_DEVFN(0, 0), SMRAM, 0x4a, 1); /* open */
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        address_space_write(&f->m->memory, SMBASE(cpu) + 0x8000, handler, sizeof(handler));
        address_space_store(&f->m->memory, COUNTER(cpu), 0, 2);
    }
    config_write(f, PCI_DEVFN(0, 0), SMRAM, 0x1a, 1); /* enabled, closed, locked */
    address_space_write(&f->m->memory, PROGRAM, program, sizeof(program));
    start_at(f->pc->cpus[0], PROGRAM);
    start_at(f->pc->cpus[1], PROGRAM + sizeof(program) - 1);
    g_assert_true(vcpu_start_all(f->m, &error));
    vcpu_resume_all(f->m);
    while (!both_halted(f) || count(f, 1) == 0) {
        machine_unlock(f->m);
        g_usleep(1000);
        machine_lock(f->m);
    }
    vcpu_pause_all(f->m);
    g_assert_cmpuint(count(f, 0), ==, 1);
    g_assert_cmpuint(count(f, 1), ==, 1);
    g_assert_cmphex(address_space_load(&f->m->memory, SEEN, 2), ==, 0xffff);
}

#define ADD(path, data, fn) g_test_add("/smi/" path, struct fixture, data, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("features", NULL, one_cpu_is_reached_unless_all_were_asked_for);
    ADD("features-unknown", NULL, unknown_features_are_refused);
    ADD("lock", NULL, smi_lock_keeps_the_switch);
    ADD("tseg-base", NULL, tseg_base_is_noted_until_it_is_locked);
    ADD("guest-interp", "tcg,engine=interp", guest_code_runs_in_smram);
    ADD("guest", "tcg", guest_code_runs_in_smram);
    return g_test_run();
}
