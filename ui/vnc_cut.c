/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/vnc_cut.c: text that is copied in the guest and at the client (RFC 6143, 7.5.6 and 7.6.4: Latin-1).
 * Thread: main loop, machine lock held.
 */
#include "ui/vnc_server.h"

#include <string.h>
#include "softmmu/machine.h"

#define SERVER_CUT_TEXT 3u

void vnc_cut_send(struct vnc_client *c)
{
    const char *text = clipboard_text(c->machine);
    g_autofree char *latin = NULL;
    gsize n = 0;

    if (!c->cut_pending || !vnc_is_drained(c)) {
        return; /* with the next request */
    }
    c->cut_pending = false;
    latin = g_convert_with_fallback(text, -1, "ISO-8859-1", "UTF-8", "?", NULL, &n, NULL);
    if (!latin) {
        return;
    }
    vnc_put8(c, SERVER_CUT_TEXT);
    vnc_put8(c, 0);
    vnc_put16(c, 0);
    vnc_put32(c, (uint32_t)n);
    vnc_put(c, latin, n);
    vnc_flush(c);
}

static void changed(struct clipboard_peer *p)
{
    struct vnc_client *c =
        (struct vnc_client *)((char *)p - offsetof(struct vnc_client, clipboard));

    c->cut_pending = true;
    vnc_cut_send(c);
}

void vnc_cut_take(struct vnc_client *c, const uint8_t *data, size_t n)
{
    g_autofree char *text =
        g_convert((const char *)data, (gssize)n, "UTF-8", "ISO-8859-1", NULL, NULL, NULL);

    if (text) {
        clipboard_set(c->machine, &c->clipboard, text, strlen(text));
    }
}

void vnc_cut_begin(struct vnc_client *c)
{
    c->clipboard.changed = changed;
    c->shares = true;
    clipboard_add(c->machine, &c->clipboard);
}

void vnc_cut_end(struct vnc_client *c)
{
    if (c->shares) {
        clipboard_remove(c->machine, &c->clipboard);
    }
}
