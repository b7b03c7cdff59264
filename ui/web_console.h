/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/web_console.h: a text console for a terminal in a browser: what it was sent goes out, what is typed comes in.
 * Thread: main loop, machine lock held.
 */
#ifndef UI_WEB_CONSOLE_H
#define UI_WEB_CONSOLE_H

#include <stddef.h>
#include <stdint.h>

struct machine;
struct vc;
struct web_console;

/* Takes over the socket; request: the HTTP request that came, `ended` is called when it is over. */
struct web_console *web_console_new(struct machine *m, struct vc *vc, int fd,
                                    const uint8_t *request, size_t n,
                                    void (*ended)(void *opaque, struct web_console *c),
                                    void *opaque);
void web_console_free(struct web_console *c);

#endif
