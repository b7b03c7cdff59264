/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/log.c: what was translated, for people: -d op, -d out_asm, and the map that perf
 * reads (-perfmap): /tmp/perf-PID.map, one line a block: host address, size, name.
 *
 * Lines of blocks that are gone stay in the map; perf takes the last that fits.
 * Thread: the vCPU's own; each vCPU appends whole lines to the one file.
 */
#include <inttypes.h>
#include <unistd.h>
#include "accel/tcg/x86_64/disassemble.h"
#include "accel/tcg/x86_64/trans.h"
#include "util/error.h"
#include "util/log.h"

/* "CPAZSO", a dot for each flag that nothing reads. */
static void print_flags(uint32_t live, GString *out)
{
    static const struct {
        uint32_t flag;
        char name;
    } flags[] = { { FLAG_CF, 'C' }, { FLAG_PF, 'P' }, { FLAG_AF, 'A' },
                  { FLAG_ZF, 'Z' }, { FLAG_SF, 'S' }, { FLAG_OF, 'O' } };

    for (unsigned k = 0; k < G_N_ELEMENTS(flags); k++) {
        g_string_append_c(out, live & flags[k].flag ? flags[k].name : '.');
    }
}

static unsigned sites_of(const struct trans *x, const struct insn *i)
{
    unsigned count = 0;

    for (unsigned n = 0; n < x->n_sites; n++) {
        count += x->sites[n].insn == i;
    }
    return count;
}

static void log_op(const struct trans *x)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned n = 0; n < x->b->n; n++) {
        const struct insn *i = &x->b->insn[n];
        uint64_t rip = rip_of(x, n);
        unsigned sites = sites_of(x, i);

        g_string_append_printf(text, "0x%016" PRIx64 ":  ", rip);
        print_flags(x->live[n], text);
        g_string_append_printf(text, "  %-8s", x->how[n] ? x->how[n] : "");
        g_string_append_printf(text, sites ? " %u site%s  " : "          ", sites,
                               sites == 1 ? " " : "s");
        insn_print(i, rip, text);
        g_string_append_c(text, '\n');
    }
    log_write("OP: 0x%016" PRIx64 " mode %02x\n%s", x->start, x->t->cpu->exec_mode, text->str);
}

static bool disassemble(const struct trans *x, const uint8_t *code, size_t size, GString *out)
{
    return host_disassemble(code, size, (uintptr_t)(code + x->e->to_exec), out);
}

static void log_out_asm(const struct trans *x, size_t size, size_t cold)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (disassemble(x, x->entry, size, text)) {
        g_string_append(text, "  -- out of line\n");
        disassemble(x, x->cold, cold, text);
    } else {
        g_string_append(text, "(built without capstone: no disassembly)\n");
    }
    log_write("OUT: 0x%016" PRIx64 " [size=%zu]\n%s", x->start, size + cold, text->str);
}

bool perf_map_open(struct tcg *t, struct backend *k, GError **error)
{
    g_autofree char *path = g_strdup_printf("/tmp/perf-%d.map", (int)getpid());

    if (!t->perf_map) {
        return true;
    }
    k->perf_map = fopen(path, t->cpu->vcpu.index == 0 ? "we" : "ae");
    if (!k->perf_map) {
        set_errno_error(error, "-perfmap: cannot write '%s'", path);
        return false;
    }
    setvbuf(k->perf_map, NULL, _IOLBF, BUFSIZ);
    fprintf(k->perf_map, "%" PRIx64 " %zx rhea thunks\n",
            (uint64_t)(uintptr_t)k->e.start + (uint64_t)k->e.to_exec,
            (size_t)(k->blocks_begin - k->e.start));
    return true;
}

void log_perf_map(const struct backend *k, uint64_t linear, const uint8_t *entry, size_t size,
                  const uint8_t *cold, size_t cold_size)
{
    if (k->perf_map) {
        fprintf(k->perf_map,
                "%" PRIx64 " %zx guest 0x%016" PRIx64 "\n%" PRIx64 " %zx out of line 0x%016" PRIx64
                "\n",
                (uint64_t)(uintptr_t)(entry + k->e.to_exec), size, linear,
                (uint64_t)(uintptr_t)(cold + k->e.to_exec), cold_size, linear);
    }
}

void log_translation(const struct trans *x)
{
    size_t size = (size_t)(x->e->p - x->entry), cold = (size_t)(x->k->cold - x->cold);

    if (log_enabled(LOG_OP) && log_wants_address(x->start)) {
        log_op(x);
    }
    if (log_enabled(LOG_OUT_ASM) && log_wants_address(x->start)) {
        log_out_asm(x, size, cold);
    }
    log_perf_map(x->k, x->start, x->entry, size, x->cold, cold);
}
