/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/monitor.c: a session: line editor in front, commands behind, a character device below.
 *
 * Invariant: nothing is printed while a mux shows another front (active is false).
 * Thread:    main loop, machine lock held.
 */
#include <string.h>
#include "chardev/chardev.h"
#include "monitor/command.h"
#include "monitor/line_edit.h"
#include "monitor/monitor.h"
#include "util/version.h"
#include "softmmu/machine.h"

#define RECEIVE_MAX 256

struct monitor {
    struct machine *machine;
    struct chardev *chardev;
    struct line_edit edit;
    bool active; /* has the terminal */
    bool greeted;
};

static void print(void *opaque, const char *text, size_t n)
{
    struct monitor *mon = opaque;

    if (mon->active) {
        chardev_write(mon->chardev, text, n);
    }
}

/* Lines of commands end in \n: terminals in raw mode need \r\n. */
static void print_lines(struct monitor *mon, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");

        print(mon, text, n);
        text += n;
        if (*text == '\n') {
            print(mon, "\r\n", 2);
            text++;
        }
    }
}

static void greet(struct monitor *mon)
{
    if (!mon->greeted) {
        mon->greeted = true;
        print_lines(mon, "Rhea " RHEA_VERSION " monitor - type 'help' for more information\n");
    }
    line_edit_prompt(&mon->edit);
}

static void accept_line(void *opaque, const char *line)
{
    struct monitor *mon = opaque;
    g_autoptr(GString) out = g_string_new(NULL);

    mon->machine->monitor = mon;
    monitor_execute(mon->machine, line, out);
    mon->machine->monitor = NULL;
    print_lines(mon, out->str);
    if (mon->machine->shutdown_requested == SHUTDOWN_NONE) {
        line_edit_prompt(&mon->edit);
    }
}

const GPtrArray *monitor_history(const struct monitor *mon)
{
    return mon->edit.history;
}

/* The first word from the commands, the second after help and info from theirs. */
static GPtrArray *complete(void *opaque, const char *line)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    const char *word = strrchr(line, ' ');
    const struct command *table = NULL;

    (void)opaque;
    if (!word || g_str_has_prefix(line, "help ") || g_str_has_prefix(line, "? ")) {
        table = monitor_commands;
    }
    if (word && (g_str_has_prefix(line, "info ") || g_str_has_prefix(line, "help info "))) {
        table = info_commands;
    }
    word = word ? word + 1 : line;
    for (; table && table->names; table++) {
        g_autofree char *name = g_strndup(table->names, strcspn(table->names, "|"));

        if (g_str_has_prefix(name, word)) {
            g_ptr_array_add(names, g_steal_pointer(&name));
        }
    }
    return names;
}

static size_t can_receive(void *opaque)
{
    (void)opaque;
    return RECEIVE_MAX;
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct monitor *mon = opaque;

    line_edit_input(&mon->edit, buf, n);
}

static void event(void *opaque, enum chardev_event what)
{
    struct monitor *mon = opaque;

    switch (what) {
    case CHARDEV_OPENED:
        if (mon->active && !mon->greeted) {
            greet(mon);
        }
        break;
    case CHARDEV_CLOSED: /* who comes next is greeted, too */
        mon->greeted = false;
        line_edit_forget(&mon->edit);
        break;
    case CHARDEV_MUX_IN:
        mon->active = true;
        if (mon->greeted) {
            print_lines(mon, "\n");
            line_edit_prompt(&mon->edit);
        } else {
            print_lines(mon, "\n");
            greet(mon);
        }
        break;
    case CHARDEV_MUX_OUT:
        print_lines(mon, "\n");
        mon->active = false;
        break;
    default:
        break;
    }
}

struct monitor *monitor_new(struct machine *m, struct chardev *c, GError **error)
{
    struct monitor *mon = g_new0(struct monitor, 1);
    struct chardev_front front = {
        .can_receive = can_receive, .receive = receive, .event = event, .opaque = mon
    };

    mon->machine = m;
    mon->chardev = c;
    mon->active = true;
    mon->edit.prompt = MONITOR_PROMPT;
    mon->edit.accept = accept_line;
    mon->edit.print = print;
    mon->edit.complete = complete;
    mon->edit.opaque = mon;
    line_edit_init(&mon->edit);
    if (!chardev_attach(c, &front, error)) {
        line_edit_clear(&mon->edit);
        g_free(mon);
        return NULL;
    }
    return mon;
}

void monitor_free(struct monitor *mon)
{
    if (mon) {
        chardev_detach(mon->chardev, mon);
        line_edit_clear(&mon->edit);
        g_free(mon);
    }
}
