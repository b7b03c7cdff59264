/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util/library.h: shared libraries that are loaded when they are first needed. Those of desktops and sound
 * bring dozens of others along, which would cost every start more than the rest of it.
 */
#ifndef UTIL_LIBRARY_H
#define UTIL_LIBRARY_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Loads `file` for good and puts the addresses of n functions into `to`, an array of function pointers. False
 * and *error: the library is not there, or lacks one of them; `to` is as it was. Thread: any, one at a time.
 */
bool library_load(const char *file, const char *const *names, void *to, size_t n, GError **error);

/*
 * A library's functions, FUNCTIONS being a macro that calls its argument with each name: a struct of pointers
 * with the functions' names, and the names as text. Calls go through #define NAME (table.NAME).
 */
#define LIBRARY_POINTER(name) __typeof__(name) *name;
#define LIBRARY_NAME(name)    #name,

#endif
