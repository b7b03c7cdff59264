/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/library.c: see library.h. */
#include "util/library.h"

#include <dlfcn.h>
#include <string.h>
#include "util/error.h"

bool library_load(const char *file, const char *const *names, void *to, size_t n, GError **error)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    g_autofree void **found = g_new0(void *, n);

    if (!library) {
        set_error(error, "cannot load the library %s: %s", file, dlerror());
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        found[i] = dlsym(library, names[i]);
        if (!found[i]) {
            set_error(error, "the library %s has no function '%s'", file, names[i]);
            dlclose(library);
            return false;
        }
    }
    memcpy(to, found, n * sizeof(*found));
    return true;
}
