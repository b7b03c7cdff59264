/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/no_translator.c: for hosts without a back end: the interpreter runs everything.
 * Only translator_available is ever called.
 */
#include "accel/tcg/translator.h"
#include "util/error.h"

bool translator_available(void)
{
    return false;
}

bool translator_init(struct tcg *t, size_t buffer, GError **error)
{
    (void)t;
    (void)buffer;
    set_error(error, "there is no translator for this host");
    return false;
}

void translator_destroy(struct tcg *t)
{
    (void)t;
}

struct code *translator_translate(struct tcg *t, struct block *b, uint64_t rip, uint64_t variant)
{
    (void)t;
    (void)b;
    (void)rip;
    (void)variant;
    return NULL;
}

struct code_link *translator_run(struct tcg *t, struct code *c)
{
    (void)t;
    (void)c;
    return NULL;
}

bool translator_resume(struct tcg *t, struct code_link **link)
{
    (void)t;
    (void)link;
    return false;
}

void translator_hot_after(struct tcg *t, int32_t times)
{
    (void)t;
    (void)times;
}

void translator_cool(struct tcg *t, unsigned tries)
{
    (void)t;
    (void)tries;
}

void translator_unlink(struct tcg *t, struct code *c)
{
    (void)t;
    (void)c;
}

void translator_patch(struct code_link *link, struct code *to)
{
    (void)link;
    (void)to;
}

void translator_forget(struct tcg *t, struct block *b)
{
    (void)t;
    (void)b;
}

void translator_reset(struct tcg *t)
{
    (void)t;
}

bool translator_full(struct tcg *t)
{
    (void)t;
    return false;
}

void translator_idle(struct tcg *t)
{
    (void)t;
}
