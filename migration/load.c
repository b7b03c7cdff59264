/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migration/load.c: see load.h, also for the thread. */
#include "migration/load.h"
#include <string.h>
#include "migration/ram_pack.h"
#include "util/error.h"

/* *listed: the blocks are known to be this machine's. */
static bool take(struct stream_in *in, struct section *s, const GPtrArray *blocks,
                 struct saved *saved, bool apply, bool *listed, GError **error)
{
    if (strcmp(s->name, "blocks") == 0) {
        *listed = true;
        return ram_check_list(blocks, s, error);
    }
    if (strcmp(s->name, "ram") == 0 || g_str_has_prefix(s->name, "ram-")) {
        if (!*listed) {
            set_error(error, "section 'ram' %u: section 'blocks' must come first", s->instance);
            return false;
        }
        return ram_unpack(s, error) && ram_load(blocks, s, apply, error);
    }
    if (strcmp(s->name, "mapped") == 0) {
        if (!in->map || !apply || !*listed) {
            set_error(error, "section 'mapped' 0: only a file that -incoming reads can have it");
            return false;
        }
        return in->map(in, blocks, s, error);
    }
    if (strcmp(s->name, "multifd") == 0) {
        if (!in->join || !apply || !*listed) {
            set_error(error, "section 'multifd' 0: capability 'multifd' is not on here");
            return false;
        }
        return in->join(in, blocks, s, error);
    }
    return !saved || saved_add(saved, s, error);
}

bool load_sections(struct stream_in *in, const GPtrArray *blocks, struct saved *saved, bool apply,
                   GError **error)
{
    struct section s = { 0 };
    bool ok = stream_check_begin(in, error), listed = false;

    while (ok) {
        ok = stream_get(in, &s, error);
        if (!ok || section_is_end(&s)) {
            break;
        }
        ok = take(in, &s, blocks, saved, apply, &listed, error);
    }
    section_clear(&s);
    stream_in_clear(in);
    ok = ok && (!in->join || in->join(in, blocks, NULL, error));
    if (ok && !listed) {
        set_error(error, "section 'blocks' 0 is missing");
        return false;
    }
    return ok;
}
