/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/sandbox.h: -sandbox: what the kernel lets this program do from now on. */
#ifndef CLI_SANDBOX_H
#define CLI_SANDBOX_H

#include <glib.h>
#include <stdbool.h>

struct sandbox_options {
    bool on;
    bool obsolete;                     /* obsolete=allow: old system calls stay */
    bool no_privileges;                /* elevateprivileges=deny */
    bool no_children_privileges;       /* elevateprivileges=children */
    bool no_spawn, no_resourcecontrol; /* spawn=deny, resourcecontrol=deny */
};

/* Of all threads, and of those to come. False and *error: the host cannot. */
bool sandbox_enter(const struct sandbox_options *o, GError **error);

#endif
