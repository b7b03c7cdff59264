/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/tcg.c: the run loop: blocks one after another, events between them.
 *
 * Faults unwind to the setjmp in tcg_run and are delivered there.  At a block's end the loop looks
 * at what needs an instruction boundary: requests to leave, interrupts, shadows, single steps.
 * Thread: the vCPU's own, no lock held.
 */
#include "accel/tcg/tcg.h"
#include <inttypes.h>
#include "accel/tcg/block.h"
#include "accel/tcg/trace.h"
#include "accel/tcg/translator.h"
#include "softmmu/machine.h"
#include "target/i386/exec_system.h"
#include "target/i386/mem.h"
#include "target/i386/mmu.h"
#include "target/i386/x87.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

/* Of one block at one address, beside the general one. */
#define MAX_VARIANTS 4

/*
 * Beyond the code segment's limit: #GP(0) at the first instruction that crosses it.  A segment of
 * 4 GiB has no end to cross: EIP goes on from 0.
 */
static void check_limit(struct x86_cpu *cpu, const struct block *b)
{
    const struct segment *cs = &cpu->seg[SEG_CS];

    if (cs->limit == UINT32_MAX) {
        cpu->regs[R_RIP] = cpu->insn_start = (uint32_t)cpu->regs[R_RIP];
        return;
    }
    if (cpu->regs[R_RIP] + b->insn[0].len - 1 > cs->limit) {
        raise_gp0(cpu);
    }
}

/* Of at most `max` instructions: one alone where the block is not all within the code segment. */
static const struct insn *end_within_limit(struct x86_cpu *cpu, const struct block *b, unsigned max)
{
    if (!block_within_limit(cpu, b)) {
        check_limit(cpu, b);
        return b->insn + 1;
    }
    return b->insn + MIN(b->n, max);
}

static void log_execution(struct x86_cpu *cpu)
{
    if (!log_wants_address(cpu->regs[R_RIP])) {
        return;
    }
    log_line(LOG_EXEC, "exec: cpu %d: 0x%016" PRIx64, cpu->vcpu.index, cpu->regs[R_RIP]);
    if (log_enabled(LOG_CPU)) {
        g_autoptr(GString) text = g_string_new(NULL);

        x87_to_memory(cpu);
        cpu_print_state(cpu, text);
        log_write("%s", text->str);
    }
}

/* The instructions of a block, one after another, until the end or a request to stop. */
static inline void run_insns(struct tcg *t, struct x86_cpu *cpu, const struct block *b,
                             const struct insn *end)
{
    const struct insn *i = b->insn;

    t->running = b;
    t->running_rip = cpu->regs[R_RIP];
    do {
        uint64_t rip = cpu->regs[R_RIP];

        cpu->insn_start = rip;
        cpu->regs[R_RIP] = rip + i->len;
        i->exec(cpu, i);
        i++;
    } while (i != end && G_LIKELY(!cpu->stop_block));
    cpu->executed += (uint64_t)(i - b->insn);
}

/* One block with every check: logs, the code segment's limit, at most `max` instructions. */
static void run_block(struct tcg *t, struct x86_cpu *cpu, unsigned max)
{
    struct block *b;
    const struct insn *end;

    cpu->insn_start = cpu->regs[R_RIP];
    b = block_find(t);
    end = end_within_limit(cpu, b, max);
    if (log_mask & (1u << LOG_EXEC | 1u << LOG_CPU)) {
        log_execution(cpu);
    }
    run_insns(t, cpu, b, end);
    t->running = NULL;
}

/* Another execution of a block that has no code; true: it is worth translating. */
static bool ran_enough(const struct tcg *t, struct block *b)
{
    return ++b->runs >=
           (t->n_translated < FIRST_TRANSLATIONS ? TRANSLATE_AFTER_FIRST : TRANSLATE_AFTER);
}

/*
 * The translated code of a block where control stands now, made if the block runs often; or NULL.  It
 * is of the variant asked for, or of variant 0 where that will do.
 */
static struct code *code_of(struct tcg *t, struct x86_cpu *cpu, struct block *b, uint64_t variant)
{
    struct code *general = NULL;
    unsigned variants = 0;
    uint64_t key = translator_key(cpu);
    int mode = translator_mode(cpu);

    if (b->host2) { /* the code checks the second page, with flags in memory */
        if (!block_second_page_known(t, b)) {
            return NULL;
        }
        variant &= VARIANT_SINGLE;
    }
    if (b->traces && !b->dead) {
        struct block *trace = trace_find(t, b, variant);
        struct code *c = !trace        ? NULL
                         : trace->code ? trace->code
                                       : translator_translate(t, trace, cpu->regs[R_RIP], variant);

        if (trace && (!c || code_within_limit(cpu, c))) {
            return c;
        }
    }
    for (struct code *c = b->code_keys & code_key_bit(key) ? b->code : NULL; c; c = c->next) {
        if (c->key != key || c->mode != mode) {
            continue;
        }
        if (c->variant == variant) {
            return c;
        }
        if (c->variant == 0) {
            general = c;
        } else {
            variants++;
        }
    }
    if (b->dead || b->debug || (!general && !variants && !ran_enough(t, b))) {
        return NULL;
    }
    b->runs = 0;
    if (variants >= MAX_VARIANTS && !(variant & VARIANT_SINGLE)) {
        variant = 0;
        if (general) {
            return general;
        }
    }
    return translator_translate(t, b, cpu->regs[R_RIP], variant);
}

static bool wants_boundary(const struct x86_cpu *cpu)
{
    return cpu->stop_block || tcg_event_waits(cpu) ||
           atomic_load_explicit(&cpu->vcpu.exit_request, memory_order_relaxed);
}

/* Any breakpoint enabled in DR7. */
static bool debug_active(const struct x86_cpu *cpu)
{
    return cpu->dr[7] & 0xff;
}

static bool needs_boundary(const struct x86_cpu *cpu)
{
    return wants_boundary(cpu) || cpu->halted || cpu->intr_shadow ||
           (cpu->eflags & (FLAG_TF | FLAG_RF)) || debug_active(cpu);
}

/* Blocks of code in a mode that is translated, translated where that pays, until something wants a boundary. */
static void run_translated(struct tcg *t, struct x86_cpu *cpu)
{
    struct code_link *link = NULL;
    unsigned generation = 0;
    uint64_t died = 0, start = cpu->regs[R_RIP];

    cpu->insn_start = start;
    if (!cpu->hot && translator_resume(t, &link)) {
        generation = cpu->tlb.generation;
        died = t->n_invalidated;
        /*
         * Code that found its second page unknown got nowhere: its block is to be looked at.  What came
         * back to where it began may have halted there, or left an interrupt shadow.
         */
        if (cpu->regs[R_RIP] != start ? !link || wants_boundary(cpu) : needs_boundary(cpu)) {
            return;
        }
    }
    for (;;) {
        struct block *b;
        struct code *c;

        cpu->insn_start = cpu->regs[R_RIP];
        b = block_find(t);
        if (G_UNLIKELY(cpu->hot)) {
            cpu->hot = false;
            translator_cool(t, b->trace_tries);
            b->trace_tries += b->trace_tries < UINT8_MAX;
            trace_record(t, b);
            return;
        }
        c = code_of(t, cpu, b, link ? link->variant : 0);
        if (c && code_within_limit(cpu, c)) {
            /*
             * The link's own block may have died meanwhile; and page tables may have changed without
             * a flush.
             */
            if (link && link->target == c->key && generation == cpu->tlb.generation &&
                died == t->n_invalidated) {
                translator_patch(link, c);
            }
            link = translator_run(t, c);
            generation = cpu->tlb.generation;
            died = t->n_invalidated;
            if (!link) {
                return; /* by an instruction that may have changed anything, or a look-up that missed */
            }
        } else {
            link = NULL;
            run_insns(t, cpu, b, end_within_limit(cpu, b, b->n));
            t->running = NULL;
            if (!cpu->code64) {
                cpu->regs[R_RIP] = (uint32_t)cpu->regs[R_RIP];
            }
            if (b->system) {
                return;
            }
        }
        if (wants_boundary(cpu)) {
            return;
        }
    }
}

/* Blocks of 64-bit code from one to the next, until something wants a boundary. */
static void run_chain(struct tcg *t, struct x86_cpu *cpu)
{
    struct block *b;

    cpu->insn_start = cpu->regs[R_RIP];
    b = block_find(t);
    for (;;) {
        uint64_t start = cpu->regs[R_RIP];

        run_insns(t, cpu, b, b->insn + b->n);
        t->running = NULL;
        if (G_UNLIKELY(b->system || wants_boundary(cpu))) {
            return;
        }
        cpu->insn_start = cpu->regs[R_RIP];
        b = block_follow(t, b, start);
    }
}

/* A fault cut the running block short: what came before it did execute. */
static void count_cut_block(struct tcg *t, struct x86_cpu *cpu)
{
    const struct block *b = t->running;
    uint64_t rip = t->running_rip;

    for (unsigned k = 0; b && k < b->n && rip < cpu->insn_start; k++) {
        rip += b->insn[k].len;
        cpu->executed++;
    }
    t->running = NULL;
}

/*
 * One instruction with everything that single-stepping and breakpoints ask for.  after_ss: a load of
 * SS came before, which keeps an instruction breakpoint from being met (SDM vol. 3, 17.3.1.1).
 */
static void step(struct tcg *t, struct x86_cpu *cpu, bool after_ss)
{
    struct vcpu_debug *debug = &cpu->vcpu.debug;

    cpu->trap_pending = cpu->eflags & FLAG_TF;
    if (debug->step || (cpu->eflags & FLAG_RF)) {
        debug->pass = true;
        debug->pass_at = translator_linear(cpu);
    }
    if (!(cpu->eflags & FLAG_RF) && !after_ss) {
        uint64_t rip = cpu->regs[R_RIP];

        cpu->insn_start = rip;
        if (debug_active(cpu) &&
            debug_insn_breakpoint(cpu,
                                  cpu->code64 ? rip : (uint32_t)(cpu->seg[SEG_CS].base + rip))) {
            raise_exception(cpu, EXC_DB);
        }
    }
    cpu->eflags &= ~FLAG_RF;
    run_block(t, cpu, 1);
    debug->pass = false;
    if (after_ss && cpu->ss_shadow) { /* of two loads in a row the second holds nothing back */
        cpu->intr_shadow = cpu->ss_shadow = false;
    }
    if ((cpu->trap_pending || cpu->dr6_pending) && !cpu->ss_shadow) {
        cpu_take_debug_traps(cpu);
    }
}

/* At least one block, in the way that suits the mode. */
static void run_blocks(struct tcg *t, struct x86_cpu *cpu)
{
    if (log_mask & (1u << LOG_EXEC | 1u << LOG_CPU)) {
        run_block(t, cpu, UINT_MAX);
    } else if (t->backend && translator_mode(cpu) >= 0) {
        run_translated(t, cpu);
    } else if (cpu->code64) {
        run_chain(t, cpu);
    } else {
        run_block(t, cpu, UINT_MAX);
    }
}

/* What the fast loop cannot pass over.  False: leave guest code. */
static bool boundary(struct tcg *t, struct x86_cpu *cpu)
{
    bool shadow = cpu->intr_shadow, after_ss = cpu->ss_shadow, stepping;
    uint32_t pending;

    if (atomic_exchange(&cpu->vcpu.exit_request, false) && atomic_load(&cpu->vcpu.leave)) {
        return false;
    }
    if (t->backend && translator_full(t)) {
        block_cache_flush(t);
    }
    block_cache_collect(t);
    /*
     * Collecting unlinks blocks, and none runs now.  A debugger that wants to look at each instruction gets
     * here again after it.
     */
    cpu->stop_block = cpu->vcpu.debug.slow;
    if (cpu->stop_block && debugger_wants_stop(&cpu->vcpu)) {
        return false;
    }
    pending = atomic_load_explicit(&cpu->pending, memory_order_acquire);
    if (pending & PENDING_FLUSH) {
        cpu_clear_pending(cpu, PENDING_FLUSH);
        tlb_flush(cpu);
    }
    if (pending & ~(uint32_t)PENDING_FLUSH && !shadow &&
        !(cpu->vcpu.debug.no_irq && !cpu->halted) && cpu_take_pending(cpu)) {
        cpu->vcpu.debug.stepped = true;
        return true;
    }
    if (cpu->halted) {
        block_cache_idle(t);
        return false;
    }
    stepping = (cpu->eflags & (FLAG_TF | FLAG_RF)) || debug_active(cpu) || after_ss ||
               cpu->vcpu.debug.slow;
    cpu->intr_shadow = cpu->ss_shadow = false;
    if (stepping) {
        cpu->vcpu.debug.stepped = true; /* whether or not it faults */
        step(t, cpu, after_ss);
    } else if (shadow && pending) {
        run_block(t, cpu, 1);
    } else {
        run_blocks(t, cpu); /* its first instruction is executed whatever comes meanwhile */
    }
    return true;
}

static void tcg_run(struct vcpu *v)
{
    struct x86_cpu *cpu = x86_cpu_of(v);
    struct tcg *t = cpu->engine;

    if (setjmp(cpu->unwind)) {
        /* A raise: the instruction did not happen.  Delivery may raise again, and come back here. */
        count_cut_block(t, cpu);
        cpu->regs[R_RIP] = cpu->insn_start;
        cpu_deliver_raised(cpu);
    }
    for (;;) {
        if (G_UNLIKELY(needs_boundary(cpu))) {
            if (!boundary(t, cpu)) {
                x87_to_memory(cpu);
                return;
            }
        } else {
            run_blocks(t, cpu);
        }
    }
}

/* -accel tcg[,engine=auto|interp|translate][,tb-size=MIB], checked by the command line. */
static bool init_engine(struct machine *m, struct tcg *t, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(m->config.accel ? m->config.accel : "tcg", "accel");
    const char *engine = options_get(opts, "engine"), *size = options_get(opts, "tb-size");
    uint64_t mib = 0;

    if (size && !parse_uint(size, 1, 1024, &mib)) {
        set_error(error, "-accel tcg: tb-size is '%s', must be 1 to 1024 (MiB)", size);
        return false;
    }
    t->perf_map = options_get(opts, "perfmap");
    if (engine && strcmp(engine, "interp") == 0) {
        return true;
    }
    if (!translator_available()) {
        if (engine && strcmp(engine, "translate") == 0) {
            set_error(error, "-accel tcg: there is no translator for this host; use engine=interp");
            return false;
        }
        return true;
    }
    return translator_init(t, mib << 20, error);
}

static bool tcg_init(struct vcpu *v, GError **error)
{
    struct x86_cpu *cpu = x86_cpu_of(v);
    struct tcg *t = g_new0(struct tcg, 1);

    (void)error;
    cpu->engine = t;
    tlb_init(cpu);
    block_cache_init(t, cpu);
    return init_engine(cpu->vcpu.machine, t, error);
}

static void tcg_destroy(struct vcpu *v)
{
    struct x86_cpu *cpu = x86_cpu_of(v);

    if (cpu->engine) {
        block_cache_destroy(cpu->engine);
        translator_destroy(cpu->engine);
        g_free(cpu->engine);
        cpu->engine = NULL;
    }
}

static bool tcg_has_work(struct vcpu *v)
{
    return cpu_has_work(x86_cpu_of(v));
}

static void tcg_reset(struct vcpu *v)
{
    struct x86_cpu *cpu = x86_cpu_of(v);

    cpu_reset(cpu, false);
    tlb_flush(cpu);
}

/* The vCPU comes to a boundary first. */
static void tcg_debug(struct vcpu *v, bool points)
{
    struct x86_cpu *cpu = x86_cpu_of(v);

    cpu->stop_block = true;
    if (points) {
        block_cache_drop_debug(cpu->engine);
        tlb_flush(cpu);
    }
}

void tcg_assist_init(struct vcpu *v)
{
    struct x86_cpu *cpu = x86_cpu_of(v);
    struct tcg *t = g_new0(struct tcg, 1);

    cpu->engine = t;
    tlb_init(cpu);
    block_cache_init(t, cpu);
}

unsigned tcg_assist(struct vcpu *v, unsigned n)
{
    struct x86_cpu *cpu = x86_cpu_of(v);
    struct tcg *t = cpu->engine;
    volatile unsigned done = 0;

    block_cache_flush(t);
    tlb_flush(cpu);
    if (setjmp(cpu->unwind)) {
        count_cut_block(t, cpu);
        cpu->regs[R_RIP] = cpu->insn_start;
        cpu_deliver_raised(cpu);
    }
    while (done < n && !cpu->halted) {
        bool after_ss = cpu->ss_shadow;

        done++;
        block_cache_collect(t);
        cpu->stop_block = cpu->intr_shadow = cpu->ss_shadow = false;
        step(t, cpu, after_ss);
    }
    return done;
}

const struct vcpu_ops tcg_vcpu_ops = {
    .name = "tcg",
    .init = tcg_init,
    .destroy = tcg_destroy,
    .run = tcg_run,
    .has_work = tcg_has_work,
    .reset = tcg_reset,
    .debug = tcg_debug,
};

uint64_t tcg_executed(struct machine *m)
{
    uint64_t n = 0;

    for (unsigned k = 0; k < m->n_vcpus; k++) {
        n += x86_cpu_of(m->vcpus[k])->executed;
    }
    return n;
}

bool tcg_translates(struct machine *m)
{
    const struct tcg *t = m->n_vcpus ? x86_cpu_of(m->vcpus[0])->engine : NULL;

    return t && t->backend;
}

void tcg_print_stats(struct machine *m, GString *out)
{
    g_string_append_printf(out, "guest instructions %" PRIu64 "%s\n", tcg_executed(m),
                           tcg_translates(m) ? ", interpreted ones only" : "");
    for (unsigned k = 0; k < m->n_vcpus; k++) {
        const struct tcg *t = x86_cpu_of(m->vcpus[k])->engine;

        if (!t) {
            continue;
        }
        g_string_append_printf(
            out,
            "CPU %u: instructions cached %u/%u, blocks decoded %" PRIu64 ", invalidated %" PRIu64
            ", cache drops %" PRIu64 ", translated %" PRIu64 ", copied %" PRIu64
            ", pages claimed %" PRIu64 ", given up %" PRIu64 ", cold blocks dropped %" PRIu64
            ", traces %" PRIu64 ", code entered %" PRIu64 "\n",
            k, t->insns, BLOCK_CACHE_INSNS, t->n_decoded, t->n_invalidated, t->n_flushed,
            t->n_translated, t->n_copied, t->n_claimed, t->n_given_up, t->n_swept, t->n_traces,
            t->n_entered);
    }
}
