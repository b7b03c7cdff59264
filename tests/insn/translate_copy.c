/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/translate_copy.c: code that is copied to another linear address is what translating it there makes, byte for byte.
 * Thread: the vCPU's own.
 */
#include <inttypes.h>
#include "accel/tcg/x86_64/backend.h"
#include "tests/insn/translate_run.h"

#define FROM 0x00007f1234567000ull
#define TO   0x0000561200123000ull /* other slots, other keys */

/* What a translation leaves. */
struct made {
    struct code *code;
    uint8_t *hot, *cold;
    size_t size, cold_size;
};

static struct made make(struct tcg *t, struct block *b, uint64_t rip, uint64_t variant, bool copy)
{
    struct backend *k = t->backend;
    struct made m = { .hot = code_start(k), .cold = k->cold };

    k->no_copies = !copy;
    m.code = translator_translate(t, b, rip, variant);
    k->no_copies = false;
    m.size = (size_t)(k->e.p - m.hot);
    m.cold_size = (size_t)(k->cold - m.cold);
    return m;
}

/* Links are where malloc put them: their numbers, for their addresses. */
static void number_links(const struct made *m)
{
    for (uint64_t n = 0; n < m->code->n_links; n++) {
        uint64_t address = (uintptr_t)&m->code->links[n];
        uint8_t *at = memmem(m->cold, m->cold_size, &address, sizeof(address));

        g_assert_nonnull(at);
        memcpy(at, &n, sizeof(n));
    }
}

static bool same_links(const struct code *a, const struct code *b)
{
    bool same = a->n_links == b->n_links && a->key == b->key && a->reach == b->reach;

    for (unsigned n = 0; n < a->n_links && same; n++) {
        const struct code_link *p = &a->links[n], *q = &b->links[n];

        same = p->field == q->field && p->stub == q->stub && p->generic == q->generic &&
               p->key == q->key && p->variant == q->variant && p->page == q->page &&
               p->target == q->target && p->stays == q->stays && !p->to && !q->to;
    }
    return same;
}

static void check_block(struct bench *b, struct block *k, uint64_t variant, GString *out)
{
    struct tcg *t = b->cpu->engine;
    struct backend *backend = t->backend;
    uint64_t offset = (uintptr_t)k->host & 4095, copied = t->n_copied;
    struct made from = make(t, k, FROM + offset, variant, false), copy, fresh;
    g_autofree uint8_t *hot = NULL, *cold = NULL;

    if (!from.code || !from.code->image) {
        b->not_copied += from.code != NULL;
        return;
    }
    copy = make(t, k, TO + offset, variant, true);
    if (!copy.code) { /* the buffer is full */
        return;
    }
    g_assert_cmpuint(t->n_copied, ==, copied + 1);
    number_links(&copy);
    hot = g_memdup2(copy.hot, copy.size);
    cold = g_memdup2(copy.cold, copy.cold_size);
    backend->e.p = copy.hot;
    backend->cold = copy.cold;
    fresh = make(t, k, TO + offset, variant, false);
    g_assert_nonnull(fresh.code);
    number_links(&fresh);
    b->copied++;
    if (copy.size != fresh.size || copy.cold_size != fresh.cold_size ||
        memcmp(hot, fresh.hot, copy.size) != 0 || memcmp(cold, fresh.cold, copy.cold_size) != 0 ||
        !same_links(copy.code, fresh.code)) {
        g_string_append_printf(out,
                               "# a copy of the block at offset %" PRIx64 " of variant %" PRIx64
                               " is not what is translated\n",
                               offset, variant);
    }
}

void check_absolute_copies(struct bench *b)
{
    static const uint8_t code[] = {
        0xa1, 0x00, 0x78, 0x56, 0x34, 0x12, 0x7f, 0x00, 0x00, /* mov eax, [FROM + 0x800] */
        0xeb, 0x00,                                           /* a block each */
        0x67, 0x8b, 0x05, 0x10, 0x00, 0x00, 0x00,             /* mov eax, [eip + 16] */
        0xeb, 0x00,                                           /* */
        0x67, 0x8d, 0x05, 0x10, 0x00, 0x00, 0x00,             /* lea eax, [eip + 16] */
        0xf4,                                                 /* hlt */
    };
    g_autoptr(GString) out = g_string_new(NULL);
    unsigned before = b->not_copied;

    enter_mode(b, GEN_64, 3);
    gen_make(&b->c, b->cpu, 1);
    random_state(b);
    b->start.rip = GEN_CODE + 256;
    memcpy(b->start.code + 256, code, sizeof(code));
    run_engine(b, &b->engine);
    check_copies(b, out);
    g_assert_cmpstr(out->str, ==, "");
    g_assert_cmpuint(b->not_copied, ==, before + 3);
}

void check_copies(struct bench *b, GString *out)
{
    struct tcg *t = b->cpu->engine;
    const uint8_t *host = b->rig->ram.ram->host + CODE_PHYS;
    struct code_page *p = g_hash_table_lookup(t->pages, host);

    enter_mode(b, GEN_64, 3);
    for (unsigned l = 0; p && l < PAGE_LISTS; l++) {
        for (struct block *k = p->first[l]; k; k = k->page_next[0]) {
            uint64_t variant = k->code ? k->code->variant : 0;

            if (k->path || k->dead || k->debug || host_page(k->host) != host) {
                continue;
            }
            check_block(b, k, 0, out);
            if (variant && !k->host2) {
                check_block(b, k, variant, out);
            }
            translator_forget(t, k);
        }
    }
}
