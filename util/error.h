/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/error.h: the one GError domain, and its two ways to fill it. */
#ifndef UTIL_ERROR_H
#define UTIL_ERROR_H

#include <glib.h>

#define RHEA_ERROR (g_quark_from_static_string("rhea"))

enum rhea_error { RHEA_ERROR_GENERIC, RHEA_ERROR_NOT_FOUND, RHEA_ERROR_ERRNO };

/* One line without a full stop: names the option, file or field, the value seen and those allowed. */
void set_error(GError **error, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* The same, followed by ": " and strerror(errno). */
void set_errno_error(GError **error, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

#endif
