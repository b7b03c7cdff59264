/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/info_paging.c: `info tlb` and `info mem`: what the chosen CPU's page tables map (SDM vol. 3, ch. 4).
 *
 * Invariant: tables are the guest's and may point anywhere, at themselves, too: how many are read and how
 *            much is printed is bounded.
 * Thread:    machine lock held, the CPUs standing still.
 */
#include <inttypes.h>
#include "monitor/command.h"
#include "softmmu/machine.h"
#include "target/i386/cpu.h"

#define MAX_TABLES (1u << 17)
#define MAX_LINES  200000u

#define ENTRY_P         0x001u
#define ENTRY_W         0x002u
#define ENTRY_U         0x004u
#define ENTRY_T         0x008u
#define ENTRY_C         0x010u
#define ENTRY_A         0x020u
#define ENTRY_D         0x040u
#define ENTRY_PS        0x080u
#define ENTRY_G         0x100u
#define ENTRY_NX        (UINT64_C(1) << 63)
#define ADDRESS         UINT64_C(0x000ffffffffff000)
#define NO_RIGHTS_LEVEL 30 /* the four entries above PAE's tables have no rights */

struct level {
    uint8_t shift, bits;
    bool may_be_large;
};

static const struct paging {
    unsigned entry_size, levels;
    struct level level[4];
} modes[] = {
    { 4, 2, { { 22, 10, true }, { 12, 10, false } } },
    { 8, 3, { { 30, 2, false }, { 21, 9, true }, { 12, 9, false } } },
    { 8, 4, { { 39, 9, false }, { 30, 9, true }, { 21, 9, true }, { 12, 9, false } } },
};

struct walk {
    struct x86_cpu *cpu;
    const struct paging *mode;
    GString *out;
    unsigned tables, lines; /* so far */
    bool large_pages;       /* CR4.PSE, or another mode than 32-bit */
    /* info mem: a run of pages with the same rights */
    bool ranges;
    uint64_t start, end, rights; /* rights 0: none */
};

static bool full(const struct walk *w)
{
    return w->tables >= MAX_TABLES || w->lines >= MAX_LINES;
}

static uint64_t canonical(const struct walk *w, uint64_t linear)
{
    return w->mode->levels == 4 && linear >> 47 & 1 ? linear | 0xffff000000000000ull : linear;
}

/* A page ------------------------------------------------------------------------------------- */

static void print_page(struct walk *w, uint64_t linear, uint64_t entry, uint64_t size)
{
    static const struct {
        uint64_t bit;
        char letter;
    } flags[] = {
        { ENTRY_NX, 'X' }, { ENTRY_G, 'G' }, { ENTRY_PS, 'P' }, { ENTRY_D, 'D' }, { ENTRY_A, 'A' },
        { ENTRY_C, 'C' },  { ENTRY_T, 'T' }, { ENTRY_U, 'U' },  { ENTRY_W, 'W' },
    };
    uint64_t large = size > GUEST_PAGE_SIZE ? ENTRY_PS : 0;

    g_string_append_printf(w->out, "%016" PRIx64 ": %016" PRIx64 " ", canonical(w, linear),
                           entry & ADDRESS & ~(size - 1));
    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++) {
        uint64_t bits = flags[i].bit == ENTRY_PS ? large : entry & flags[i].bit;

        g_string_append_c(w->out, bits ? flags[i].letter : '-');
    }
    g_string_append_c(w->out, '\n');
    w->lines++;
}

static void end_range(struct walk *w)
{
    if (w->rights) {
        g_string_append_printf(w->out, "%016" PRIx64 "-%016" PRIx64 " %016" PRIx64 " %cr%c\n",
                               canonical(w, w->start), canonical(w, w->end), w->end - w->start,
                               w->rights & ENTRY_U ? 'u' : '-', w->rights & ENTRY_W ? 'w' : '-');
        w->lines++;
    }
    w->rights = 0;
}

static void add_to_range(struct walk *w, uint64_t linear, uint64_t rights, uint64_t size)
{
    if (w->rights != rights || w->end != linear) {
        end_range(w);
        w->start = linear;
        w->rights = rights;
    }
    w->end = linear + size;
}

/* Tables ------------------------------------------------------------------------------------- */

static void walk_table(struct walk *w, unsigned depth, uint64_t base, uint64_t linear,
                       uint64_t rights)
{
    const struct level *l = &w->mode->level[depth];
    unsigned entry_size = w->mode->entry_size;
    uint8_t table[GUEST_PAGE_SIZE];

    w->tables++;
    address_space_read(w->cpu->memory, base, table, (uint64_t)entry_size << l->bits);
    for (unsigned i = 0; i < 1u << l->bits && !full(w); i++, linear += 1ull << l->shift) {
        uint64_t entry = 0, mine;

        for (unsigned byte = entry_size; byte-- > 0;) {
            entry = entry << 8 | table[i * entry_size + byte];
        }
        if (!(entry & ENTRY_P)) {
            continue;
        }
        mine = w->mode->levels == 3 && l->shift == NO_RIGHTS_LEVEL ? rights : rights & entry;
        if (l->shift > 12 && !(l->may_be_large && entry & ENTRY_PS && w->large_pages)) {
            walk_table(w, depth + 1, entry & ADDRESS, linear, mine);
        } else if (w->ranges) {
            add_to_range(w, linear, mine, 1ull << l->shift);
        } else {
            print_page(w, linear, entry, 1ull << l->shift);
        }
    }
}

static bool walk_all(struct machine *m, bool ranges, GString *out, GError **error)
{
    struct x86_cpu *cpu = cpu_access_begin(m, error);
    unsigned mode;

    if (!cpu) {
        return false;
    }
    if (!(cpu->cr0 & CR0_PG)) {
        g_string_append(out, "PG disabled\n");
    } else {
        struct walk w = { .cpu = cpu, .out = out, .ranges = ranges };

        mode = !(cpu->cr4 & CR4_PAE) ? 0 : cpu->efer & EFER_LMA ? 2 : 1;
        w.mode = &modes[mode];
        w.large_pages = mode > 0 || cpu->cr4 & CR4_PSE;
        walk_table(&w, 0, cpu->cr3 & (mode == 1 ? 0xffffffe0ull : ADDRESS), 0,
                   ENTRY_P | ENTRY_W | ENTRY_U);
        end_range(&w);
        if (full(&w)) {
            g_string_append_printf(out, "... and more: the first %u lines of %u tables\n", w.lines,
                                   w.tables);
        }
    }
    cpu_access_end(m);
    return true;
}

bool command_info_tlb(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    return walk_all(m, false, out, error);
}

bool command_info_mem(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    return walk_all(m, true, out, error);
}
