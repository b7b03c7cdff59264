/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/error.c: fills GErrors of Rhea's one domain.  Thread: any. */
#include <errno.h>
#include <stdarg.h>
#include "util/error.h"

void set_error(GError **error, const char *fmt, ...)
{
    va_list ap;

    if (!error) {
        return;
    }
    va_start(ap, fmt);
    *error = g_error_new_valist(RHEA_ERROR, RHEA_ERROR_GENERIC, fmt, ap);
    va_end(ap);
}

void set_errno_error(GError **error, const char *fmt, ...)
{
    int saved = errno; /* formatting may change it */
    va_list ap;

    if (!error) {
        return;
    }
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    *error = g_error_new(RHEA_ERROR, RHEA_ERROR_ERRNO, "%s: %s", text, g_strerror(saved));
}
