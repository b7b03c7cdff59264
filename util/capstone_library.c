/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/capstone_library.c: see capstone_library.h. */
#define CAPSTONE_LIBRARY_ITSELF
#include "util/capstone_library.h"

#if CONFIG_CAPSTONE
struct capstone_library capstone_library;

bool capstone_library_load(void)
{
    static const char *const names[] = { CAPSTONE_FUNCTIONS(LIBRARY_NAME) };
    static GMutex lock;
    static bool loaded;
    bool ok;

    g_mutex_lock(&lock);
    loaded = loaded || library_load("libcapstone.so." G_STRINGIFY(CS_API_MAJOR), names,
                                    &capstone_library, G_N_ELEMENTS(names), NULL);
    ok = loaded;
    g_mutex_unlock(&lock);
    return ok;
}
#else
bool capstone_library_load(void)
{
    return false;
}
#endif
