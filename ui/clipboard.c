/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ui/clipboard.c: see clipboard.h, also for the thread. */
#include "ui/clipboard.h"

#include <glib.h>
#include <string.h>
#include "softmmu/machine.h"

struct clipboard {
    struct clipboard_peer *peers;
    char *text;
    bool from_guest; /* whose text it is */
    bool telling;    /* the other side will be told */
};

static void free_clipboard(struct machine *m)
{
    g_free(m->clipboard->text);
    g_free(m->clipboard);
    m->clipboard = NULL;
}

static struct clipboard *clipboard_of(struct machine *m)
{
    if (!m->clipboard) {
        m->clipboard = g_new0(struct clipboard, 1);
        m->free_clipboard = free_clipboard;
    }
    return m->clipboard;
}

void clipboard_add(struct machine *m, struct clipboard_peer *p)
{
    struct clipboard *c = clipboard_of(m);

    p->next = c->peers;
    c->peers = p;
}

void clipboard_remove(struct machine *m, struct clipboard_peer *p)
{
    for (struct clipboard_peer **at = &clipboard_of(m)->peers; *at; at = &(*at)->next) {
        if (*at == p) {
            *at = p->next;
            return;
        }
    }
}

static void tell(void *opaque)
{
    struct machine *m = opaque;
    struct clipboard *c = m->clipboard;

    c->telling = false;
    for (struct clipboard_peer *p = c->peers, *next; p; p = next) {
        next = p->next;
        if (p->guest != c->from_guest) {
            p->changed(p);
        }
    }
}

static bool has_agent(const struct clipboard *c)
{
    const struct clipboard_peer *p = c->peers;

    while (p && !p->guest) {
        p = p->next;
    }
    return p != NULL;
}

bool clipboard_set(struct machine *m, const struct clipboard_peer *from, const char *text,
                   size_t len)
{
    struct clipboard *c = clipboard_of(m);

    if (len > CLIPBOARD_MAX || memchr(text, 0, len) || !g_utf8_validate(text, (gssize)len, NULL)) {
        return false;
    }
    if (!from->guest && !has_agent(c)) {
        return true;
    }
    if (c->text && strlen(c->text) == len && memcmp(c->text, text, len) == 0) {
        return true; /* an echo, too: a desktop tells of what it was given */
    }
    g_free(c->text);
    c->text = g_strndup(text, len);
    c->from_guest = from->guest;
    if (!c->telling) { /* not on a vCPU */
        c->telling = true;
        machine_call_soon(m, tell, m);
    }
    return true;
}

const char *clipboard_text(const struct machine *m)
{
    return m->clipboard ? m->clipboard->text : NULL;
}
