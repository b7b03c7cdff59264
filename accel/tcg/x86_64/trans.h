/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/trans.h: one translation in the making, and what its parts do for each other.
 *
 * Invariants: wherever the code can be left, the guest's arithmetic flags are in memory
 *             (memory_flags), or what made them can be done again (desc); `host_flags` says whether
 *             the host's EFLAGS hold them as well.
 *             R15 holds the host address of the group in force, cpu->window those of others whose check
 *             was passed; R13 and R14 live within one instruction, but in a stretch (stretch.c).
 * Thread:     the vCPU's own.
 */
#ifndef ACCEL_TCG_X86_64_TRANS_H
#define ACCEL_TCG_X86_64_TRANS_H

#include "accel/tcg/x86_64/backend.h"
#include "accel/tcg/x86_64/emit_rows.h"
#include "target/i386/mmu.h"
#include "target/i386/operand.h"

#define MAX_INSNS    MAX(BLOCK_MAX_INSNS, TRACE_MAX_INSNS)
#define MAX_SITES    (4 * MAX_INSNS)
#define MAX_ACCESSES (2 * MAX_INSNS)
#define MAX_SWAPS    8
#define MAX_STRETCH  5
#define MAX_SINGLES  16 /* checks of groups that lead to code without groups */
#define MAX_LINKS    (2 * TRACE_MAX_BLOCKS + 3 + MAX_SINGLES)
#define MAX_WAYS     (4 * TRACE_MAX_BLOCKS + 8)
#define MAX_MOVES    2048

/* The instruction that made the flags, as long as its operands are where they were. */
enum desc_kind {
    DESC_NONE,
    DESC_CMP,  /* a compared with b */
    DESC_TEST, /* a AND b */
    DESC_ADD,  /* a is the sum of something and b */
    DESC_SUB,  /* a is something less b */
    DESC_NEG,  /* a is the negative of something */
    DESC_SHL,  /* a shifted by b, an immediate: neither 0 nor beyond the operand */
    DESC_SHR,
    DESC_SAR,
    DESC_INC, /* a is something more by one; CF is cpu->flag_carry */
    DESC_DEC,
};

enum desc_source {
    SOURCE_REG,
    SOURCE_IMM,
    SOURCE_SLOT, /* cpu->flag_operand */
    SOURCE_CARRY /* cpu->flag_carry */
};

struct flag_desc {
    uint8_t kind, size, a_source, a, b_source, b;
    int32_t imm;
};

/* A linear address: registers of the guest, a displacement, the base of a segment. */
struct address {
    uint8_t base, index, scale; /* R_ZERO: none */
    uint8_t seg;                /* its number + 1; 0: none that adds anything */
    bool addr32, addr16;        /* the sum is cut to 32 bits, and to 16 */
    int64_t disp;
};

/* An access to memory and the group that it belongs to. */
struct access {
    uint8_t insn;
    bool implicit; /* the stack's, not the operand's */
    bool write;
    bool masked;     /* not all of it may be accessed */
    uint8_t aligned; /* to so many bytes, or it faults; 0: need not be */
    uint8_t size;
    int16_t group;   /* -1: on its own */
    int64_t offset;  /* from the group's key */
    int64_t from[2]; /* what base and index are ahead of the key's values */
    struct address address;
};

/* Accesses that share one check: the same registers with different displacements. */
struct group {
    uint32_t key[2]; /* values of base and index */
    uint8_t scale, seg;
    bool addr32, addr16, write, in_register, closed;
    bool checked;    /* the check stands before where code is emitted now */
    bool hoisted;    /* before the loop that the trace is */
    bool in_host[2]; /* base and index are in registers of the host at each access */
    uint8_t part;    /* with `moves`: which of the two moves */
    int16_t moves;   /* hoisted: so many bytes a turn, by a register that the access adds; or 0 */
    uint8_t aligned; /* where it moves: aligned accesses were checked before the loop, to so much */
    int8_t window;   /* in cpu->window, where its host address is kept; -1: none */
    int8_t host;     /* the host register that has it, too, or -1: mapping.c */
    uint8_t first, last; /* instructions: that of the check, and of the last access */
    bool early;          /* `first` makes none of its accesses: plan.c */
    uint16_t uses;
    int64_t low, high;  /* offsets covered: [low, high) */
    int64_t early_disp; /* of the first access's operand, by registers as they are before `first` */
};

enum site_kind {
    SITE_RESUME, /* the interpreter does the instruction, then the code goes on behind it */
    SITE_REST,   /* the interpreter does the rest of the block */
    SITE_SINGLE, /* code without groups does: `link` */
    SITE_LAST,   /* the interpreter does the instruction, which is the last */
    SITE_CALL,   /* thunk is called, then the code goes on */
    SITE_PLAIN,  /* the same, and R13 stays what it is */
};

/* Two guest registers that have changed places, or one whose host register is lent to a group: mapping.c. */
struct swap {
    uint8_t in, out, host; /* `in` has the host register that is `out`'s; */
    int8_t window;         /* or this window has it; -1: `in` */
};

/* Instructions in which guest registers that are in memory else are in host registers: stretch.c. */
struct stretch {
    bool open;
    uint8_t end; /* before this instruction at the latest; or where one may begin */
    uint8_t n;
    struct {
        uint8_t in, host;
        int8_t out; /* whose host register that is, or -1: it is R13 or R14 */
    } reg[MAX_STRETCH];
    uint32_t written;
    int8_t host[16];        /* x->host outside */
    uint8_t *begin, *first; /* of its loads, of its first instruction */
};

/* A check that fails, out of line. */
struct site {
    uint8_t kind;    /* enum site_kind */
    uint8_t vectors; /* level that the code behind expects */
    bool refill;     /* a miss in the soft TLB may be mended: then check again */
    bool swapped;    /* registers are as the code has them */
    bool save;       /* flags go to memory by desc */
    uint16_t how;    /* of the refill: mmu_refill */
    uint16_t span;
    int32_t page;  /* a tlb_site's offset, or 0 */
    uint8_t *fill; /* what fills that */
    uint8_t link;
    bool in_r15;      /* the code at `checked` expects the linear address there, too */
    uint8_t *checked; /* behind the check: where a load that crosses goes on with a copy, or NULL */
    uint8_t *jump, *retry, *back;
    const struct insn *insn;
    uint64_t rip;
    const uint8_t *thunk;
    struct flag_desc desc;
    struct address address;
};

/* A way out of the block, out of line. */
struct way {
    uint8_t *jump[3]; /* lead here, or NULL */
    int link;         /* or -1: to the run loop */
    bool hot;         /* which is to record a trace there, of this variant */
    uint64_t variant;
    bool memory_flags, host_flags;
    bool swapped; /* as for a site */
    struct flag_desc desc;
    bool indirect;   /* R13 holds the target */
    bool lookup;     /* likewise, and it is looked up */
    uint8_t *again;  /* where it is looked up, if jump[1] comes from another's entry; or NULL */
    uint64_t target; /* else */
    int32_t rsp_add; /* where R13 holds it, before control gets there */
};

/* What in a piece of code depends on where the guest has it, or on where it stands: copy.c. */
enum move_kind {
    MOVE_ADDRESS,   /* a linear address; 64 bits as the next two, all others have 32 */
    MOVE_NEXT_PAGE, /* tlb_exec_key of the block's second page */
    MOVE_LINK,      /* the address of link `rel` */
    MOVE_EXEC_SLOT, /* the slot of an address among those of code, */
    MOVE_TLB_SLOT,  /* of the soft TLB */
    MOVE_COUNTER,   /* its counter of jumps back */
    MOVE_JUMP,      /* relative, to the code's other part, */
    MOVE_CALL,      /* or to what all code shares */
};

struct move {
    uint16_t at; /* from where the part begins */
    uint8_t kind;
    bool cold;   /* the part is that out of line */
    int32_t rel; /* the address: from the block's own on */
};

static inline unsigned move_bytes(enum move_kind kind)
{
    return kind <= MOVE_LINK ? 8 : 4;
}

struct trans {
    struct tcg *t;
    struct backend *k;
    struct emit *e;
    struct block *b;
    uint8_t *entry;       /* where its code begins; it ends at e->p */
    uint8_t *cold;        /* the same of its code out of line, once that is emitted, and k->cold */
    uint64_t start, rip;  /* of the block, of the instruction */
    unsigned word;        /* bytes of an address and of an operand as code has them: 8, 4 or 2 */
    unsigned stack;       /* of the stack pointer */
    bool segmented;       /* MODE_SEGMENTED */
    uint32_t base;        /* of CS: 0 in 64-bit code */
    uint32_t reach;       /* the highest offset in CS that is relied on */
    uint64_t segment_key; /* translator_segment_key */
    uint64_t variant;     /* packed desc at the start, or 0: flags are in memory */
    unsigned n;           /* of the instruction */
    bool host_flags, memory_flags;
    bool memory_exact;                /* those in memory are CC_FLAGS */
    bool desc_fresh;                  /* desc is of the instruction being emitted */
    bool slot_used;                   /* which keeps a value in cpu->flag_operand */
    struct flag_desc desc;            /* kind DESC_NONE: unknown */
    enum vector_level vectors_loaded; /* at least so much is known to be in the host's registers */
    bool x87_loaded;                  /* the x87 is known to be in the host's */
    struct {                          /* instruction and data pointers: see x87.c */
        bool pending;                 /* of instructions `first` on: to be stored */
        unsigned first, last;
        int memory; /* the last with an operand in memory, or -1 */
        uint64_t last_rip, memory_rip;
        bool selectors; /* what this block has stored already: CS, */
        int ds;         /* and which data segment, or -1 */
    } x87;
    int8_t host[16]; /* host register of each guest register where code is emitted now, or -1 */
    struct swap swaps[MAX_SWAPS];
    unsigned n_swaps;
    bool swapped;
    struct stretch stretch;
    int32_t tlb;  /* offset of the bank in the CPU */
    int32_t page; /* offset of the site that the check used, or 0: a slot of the bank, by R14 */
    unsigned n_accesses, n_groups, n_early;
    uint8_t *loop;        /* where a trace that loops begins again, or NULL */
    uint8_t *move;        /* where it finds its pages anew, or NULL: loop.c */
    uint8_t leader;       /* the register that tells when; */
    int64_t leader_moves; /* by so much a turn */
    const struct insn
        *bound;           /* the loop's closing comparison, whose bound the limit keeps, or NULL */
    uint8_t *before_last; /* where the code of the last instruction but one begins */
    enum vector_level loop_vectors; /* vectors_loaded there */
    int active;                     /* the group that R15 holds, or -1 */
    unsigned active_aligned;        /* R15 is known to be a multiple of this, or 0 */
    bool known_aligned;             /* the operand of mem_begin */
    struct site *open[2];           /* of mem_begin and mem_decline: go on behind the instruction */
    unsigned n_sites, n_ways, n_links, n_singles, n_moves;
    bool moving;                  /* copies can be made: so far `moves` says all that they need */
    unsigned peek_low, peek_high; /* bytes of the page that liveness was read from */
    /* From here on not cleared: each element is set when it is taken. */
    uint32_t live[MAX_INSNS + 1]; /* flags read or shown from instruction n on */
    const char *how[MAX_INSNS];   /* for -d op */
    struct access accesses[MAX_ACCESSES];
    struct group groups[MAX_ACCESSES];
    struct way ways[MAX_WAYS];
    struct site sites[MAX_SITES];
    struct code_link links[MAX_LINKS]; /* in no order */
    uint8_t *link_self[MAX_LINKS];     /* where each one's own address goes in its stub */
    struct move moves[MAX_MOVES];
};

/* flags.c */
void find_live_flags(struct trans *x);
/* The flags that code at a linear address reads or shows at a fault before it writes them. */
uint32_t live_at(struct trans *x, uint64_t target);
/* Before host code that destroys EFLAGS and may leave: what the way out needs is kept. */
void flags_for_check(struct trans *x);
/* The guest's EFLAGS are in memory from here on; the host's stay. */
void flags_to_memory(struct trans *x);
/* Flags are about to be read from memory: as flags, not as what made them.  EFLAGS are lost. */
void need_exact_memory(struct trans *x);
void need_host_flags(struct trans *x);
/* Brings the flags where an instruction that is emitted as it stands wants them, and notes what it did. */
void flags_before(struct trans *x, const struct insn *i, unsigned n);
void flags_after(struct trans *x, const struct insn *i);
/* What made the flags is in cc_dst and cc_src, and this is to be cc_op. */
void flags_in_memory(struct trans *x, unsigned op);
/* Around the emission of instruction n: what it writes may be what desc needs. */
void desc_before(struct trans *x, unsigned n);
void desc_after(struct trans *x, unsigned n);
/* The host's EFLAGS made again; uses R14. */
void emit_recompute(struct trans *x, const struct flag_desc *d);
uint64_t desc_pack(const struct flag_desc *d);
struct flag_desc desc_unpack(uint64_t v);
/* Does it need one of these registers (a bit each)? */
bool desc_uses(const struct flag_desc *d, uint32_t registers);
/* What cpu->flag_operand must keep for instruction i to be described. */
enum slot_use {
    SLOT_NONE,
    SLOT_OPERAND, /* its operand from memory */
    SLOT_RESULT,  /* what it leaves in memory */
    SLOT_OLD,     /* its first operand, a register, as it was */
};
enum slot_use desc_slot(const struct insn *i);
/* Guest registers that an instruction writes, a bit each; all when in doubt. */
uint32_t registers_written(const struct x86_cpu *cpu, const struct insn *i);
/* Flags that an instruction may change. */
uint32_t flags_touched(const struct insn *i);
/* As a rule what made its flags can be described. */
bool flags_described(const struct insn *i);

/* mapping.c: registers that change places. */
/* Decides, for the whole of x->b; x->swapped says whether any do. */
void choose_mapping(struct trans *x);
/* Behind plan_accesses: lends host registers that a loop does not use to its groups. */
void lend_registers(struct trans *x);
/* Says how registers are where code is emitted next. */
void set_swapped(struct trans *x, bool swapped);
void emit_enter_mapping(struct trans *x);
/* Registers are as everyone expects them; true: they were not. */
bool emit_leave_mapping(struct trans *x);

/* stretch.c: R13 and R14 as guest registers. */
/*
 * Emits instruction n, no branch, in a stretch that goes on or that it begins; false: in none, and it is emitted as any other.
 */
bool emit_in_stretch(struct trans *x, unsigned n);
/* Registers are where they were before, if a stretch is open. */
void end_stretch(struct trans *x);

/* plan.c: which accesses share a check. */
void plan_accesses(struct trans *x);

/* loop.c: checks before the loop of a trace. */
/*
 * Group g, of a loop whose registers base and index are moved by so much each turn.  True: its check
 * may be made before the loop, if the leader that is then chosen can tell how far it holds.
 */
bool may_hoist(const struct trans *x, struct group *g, int64_t base, int64_t index);
/* Behind the last may_hoist; moves: what each register is moved by, in a turn. */
void choose_leader(struct trans *x, const int64_t *moves);
/* Emits the checks; x->loop is behind them. */
void emit_hoisted(struct trans *x);
/* Where a turn ends: to the next, if pointers move and all stay within their pages: at most 4096 turns without a poll. */
void emit_turn(struct trans *x);
/*
 * Before the closing branch: the next turn at once, where pages and bound leave no doubt; the comparison is made again
 * behind that.
 */
void emit_bounded_turn(struct trans *x);
/* The operand of an access of a group that moves. */
struct emit_rm moved_operand(struct trans *x, const struct access *acc);

/* address.c */
/* Where instruction n stands. */
static inline uint64_t rip_of(const struct trans *x, unsigned n)
{
    return block_rip(x->b, x->start, n);
}

/* Where an instruction pointer lies in memory. */
static inline uint64_t linear_of(const struct trans *x, uint64_t rip)
{
    return x->word == 8 ? rip : (uint32_t)(x->base + rip);
}

/* translator_key of an instruction pointer. */
static inline uint64_t key_of(const struct trans *x, uint64_t rip)
{
    return x->segment_key | linear_of(x, rip);
}

/* Outside 64-bit code the operand size says how much of a target counts. */
static inline uint64_t branch_target(const struct trans *x, uint64_t next, const struct insn *i)
{
    uint64_t target = next + i->imm;

    return x->word == 8 ? target : i->opsize == 2 ? (uint16_t)target : (uint32_t)target;
}

/* The form of an operand of so many bytes, not 1, on the stack or in a register. */
static inline unsigned size_form(unsigned size)
{
    return size == 8 ? E_W : size == 2 ? E_66 : 0;
}

/* The host register of a guest register, or -1: it is in memory. */
int host_of(const struct trans *x, unsigned guest);
struct emit_rm guest_memory(unsigned guest);
/* A guest register where it is, to be read; or written, but for 32 bits in memory, where the others stay. */
struct emit_rm register_operand(const struct trans *x, unsigned guest);
/* A guest register in a host register: its own, or `scratch` loaded with it. */
unsigned in_register(struct trans *x, unsigned guest, unsigned scratch);
/* Effective address of the memory operand, without segment, to a register; uses R14. */
void emit_address(struct trans *x, const struct insn *i, unsigned to);
/* The linear address of the memory operand. */
struct address operand_address(const struct trans *x, const struct insn *i);
/* The linear address of something on the stack, at an offset from RSP or RBP. */
struct address stack_address(const struct trans *x, unsigned base, int64_t disp);
/* The host address of a group with a window, in a register, is kept there; and is in a register again, R13 perhaps. */
void emit_keep(struct trans *x, unsigned reg, const struct group *g);
unsigned kept_address(struct trans *x, const struct group *g);
/* A conditional jump that leads out of line. */
struct site *add_site(struct trans *x, uint8_t *jump, enum site_kind kind);
/* The checks of groups that stand before instruction n, which makes none of their accesses. */
void check_early(struct trans *x, unsigned n);
/* The check of a group before the loop of its trace; a: its lowest byte, by registers as they are there. */
void check_hoisted(struct trans *x, const struct access *a, struct group *g);
/* The same check alone. */
void check_span(struct trans *x, const struct access *a, const struct group *g);
/* The linear address to R13; EFLAGS are lost.  R14 is if base and index are in memory. */
void emit_linear(struct trans *x, const struct address *a);
/*
 * R13, the linear address a, becomes its distance from a tag, above 4096 - size if the check fails; R14 names the slot.
 * masked: the check has no site.
 */
void emit_probe(struct trans *x, const struct address *a, unsigned size, bool write, bool masked);
/* Behind a check of address a: its host address to R13. */
void emit_host_address(struct trans *x, const struct address *a, bool write);
/* Where the jump leads code that checks each access goes on, if that can be; else the interpreter. */
void single_at(struct trans *x, uint8_t *jump);
/*
 * What emitters use: the memory operand `op` of instruction n, checked, as an operand of the host's
 * instruction.  It may contain R13 and R15; R14 is free.  The host's EFLAGS are lost if there was a
 * check: flags_before comes after it.  mem_end comes right behind the last instruction emitted for n.
 */
struct emit_rm mem_begin(struct trans *x, unsigned n, const struct insn_operand *op, bool write);
void mem_end(struct trans *x);
/* The stack's word at an offset from RSP, or behind RBP. */
struct emit_rm stack_begin(struct trans *x, unsigned n, unsigned base, int32_t disp, bool write,
                           enum site_kind kind);
/* The same as mem_begin for an instruction that ends the block. */
struct emit_rm mem_begin_last(struct trans *x, unsigned n, const struct insn_operand *op);
/* Between the two, and flags_for_check: the interpreter takes it if the jump is taken. */
void mem_decline(struct trans *x, uint8_t *jump);
/* The same where a register is no multiple of so many bytes: the interpreter raises #GP. */
void decline_bits(struct trans *x, unsigned reg, unsigned size);
/* Moves the guest's stack pointer; no flag changes. */
void emit_add_rsp(struct trans *x, int32_t v);
void emit_sites(struct trans *x);

/* insns.c: false: the interpreter does it. */
bool emit_one(struct trans *x, unsigned n);
/* Is the operand size one that emitted instructions use the stack with? */
bool stack_operand(const struct trans *x, const struct insn *i);
void field_write_back(struct trans *x, const struct insn_operand *op, unsigned scratch);
unsigned immediate_bytes(const struct insn *i);

/* system.c: false: the interpreter does it in place. */
bool emit_system(struct trans *x, unsigned n);
/* Is it one of those that write at most the registers *written? */
bool system_writes(const struct insn *i, uint32_t *written);
/* The last instruction of a block that emit_branch refused. */
void emit_system_last(struct trans *x, unsigned n);

/* string.c: likewise */
bool emit_string(struct trans *x, unsigned n);

/* log.c: the code is complete. */
void log_translation(const struct trans *x);

/* copy.c */
/* Before anything is emitted. */
void moves_begin(struct trans *x);
/* The last bytes that were emitted depend on a linear address, or are the address of a link of that number. */
void note_move(struct trans *x, enum move_kind kind, uint64_t value);
/* An address of the block's own or relative to it. */
void emit_mov_linear(struct trans *x, unsigned reg, uint64_t linear);
/* The code is complete.  Bytes of what copies need, or 0: none can be made. */
size_t moves_end(struct trans *x);
void moves_keep(const struct trans *x, struct code_image *image);
/* Code of b at RIP, from what there is of it at another address, or NULL; to be entered as what is translated. */
struct code *copy_code(struct tcg *t, struct block *b, uint64_t rip, uint64_t variant);

/* vector.c: legacy encodings; avx.c: VEX and EVEX. */
bool emit_vector(struct trans *x, unsigned n);
bool emit_vex(struct trans *x, unsigned n);
/* The registers that an instruction needs, VECTORS_NONE if it is not emitted. */
enum vector_level vector_level(const struct trans *x, const struct insn *i);
enum vector_level vex_level(const struct trans *x, const struct insn *i);
/* Which operand of what these two emit is memory that is accessed as a whole, or -1. */
int vector_access(const struct trans *x, const struct insn *i, bool *write);
int vex_access(const struct trans *x, const struct insn *i, bool *write);
/* Is only a part of the memory operand accessed, as a mask says? */
bool vex_masked(const struct insn *i);
/* What the address of a memory operand must be a multiple of, or 0. */
unsigned vector_alignment(const struct insn *i, unsigned size);
unsigned vex_alignment(const struct insn *i, unsigned size);
/* The interpreter takes a memory operand that is not aligned to `size` bytes. */
void decline_unaligned(struct trans *x, struct emit_rm operand, unsigned size);
void emit_ldmxcsr(struct trans *x, unsigned n);
void emit_stmxcsr(struct trans *x, unsigned n);

/*
 * A comparison of floats that is instruction n, before and after flags_before, its emission and
 * flags_after: its operands stay in memory for C code to make the flags from.  The operand may be another.
 */
bool keeps_comparison(const struct trans *x, unsigned n);
struct emit_rm begin_comparison(struct trans *x, unsigned n, struct emit_rm operand);
void end_comparison(struct trans *x, unsigned n, unsigned reg, struct emit_rm operand);

/* vector_state.c: checks that vectors are in the host's registers, once a block. */
void need_vectors(struct trans *x, unsigned n);
/* Before a trace's loop: what all of it needs. */
void hoist_vectors(struct trans *x);
/* Where it closes: what stands there then. */
void vectors_for_loop(struct trans *x);

/* div.c */
bool emit_div(struct trans *x, unsigned n, const struct emit_row *row);

/* x87.c */
bool emit_x87(struct trans *x, unsigned n);
/* The interpreter may do anything to the x87's pointers. */
void forget_x87_pointers(struct trans *x);
/* Before instruction n, or at the block's end. */
void settle_x87_pointers(struct trans *x, unsigned n);
/* Does an x87 instruction write its operand in memory? */
bool x87_writes_memory(const struct insn *i);

/* branches.c */
/* Goes on at a linear address. */
void emit_goto(struct trans *x, uint64_t target);
/* At the start of a block that lies in two pages, with flags in memory: it leaves unless both are there. */
void emit_second_page_check(struct trans *x);
/* A branch within a trace: goes on with the next instruction, or leaves; false: not one of those. */
bool emit_trace_branch(struct trans *x, unsigned n);
/* The pages of a trace behind the first are where they were, or it is left. */
void emit_trace_pages(struct trans *x);
/* Once where a trace begins, if it goes on where code on its own would poll: it may be left before it closes, and come again. */
void emit_trace_poll(struct trans *x);
/* The last instruction when it is a branch; false: the interpreter does it and leaves. */
bool emit_branch(struct trans *x, unsigned n);
void emit_ways(struct trans *x);
/* At the start: segmented code leaves where CS ends before what it relies on. */
void emit_limit_check(struct trans *x);
/* Where a link leads unpatched: a jump to code of variant 0, then to the run loop. */
void emit_link_stub(struct trans *x, struct code_link *link);

#endif
