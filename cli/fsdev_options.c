/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/fsdev_options.c: -fsdev and -virtfs, from text to shared folders and to -device texts.
 * Thread: the program's first; fsdev_setup with the machine lock held.
 */
#include <string.h>
#include "cli/options.h"
#include "fsdev/fsdev.h"
#include "util/error.h"
#include "util/json_pairs.h"
#include "util/text.h"

static GPtrArray *parse(const char *option, const char *arg, GError **error)
{
    GPtrArray *pairs = json_or_options(arg, "fsdriver", error);

    if (!pairs && error) {
        g_prefix_error(error, "%s: ", option);
    }
    return pairs;
}

static bool keep(struct options *o, const char *option, GPtrArray *pairs, GError **error)
{
    if (!fsdev_check_options(pairs, error)) {
        if (error) {
            g_prefix_error(error, "%s: ", option);
        }
        return false;
    }
    g_ptr_array_add(o->fsdevs, g_ptr_array_ref(pairs));
    return true;
}

bool option_fsdev(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) pairs = parse("-fsdev", arg, error);

    return pairs && keep(o, "-fsdev", pairs, error);
}

/* Takes a key out; its value (the caller's), or NULL. */
static char *take(GPtrArray *pairs, const char *key)
{
    char *value = g_strdup(options_get(pairs, key));

    for (unsigned i = pairs->len; i-- > 0;) {
        if (strcmp(((struct option_pair *)g_ptr_array_index(pairs, i))->key, key) == 0) {
            g_ptr_array_remove_index(pairs, i);
        }
    }
    return value;
}

static void add_pair(GPtrArray *pairs, const char *key, const char *value)
{
    struct option_pair *p = g_new0(struct option_pair, 1);

    p->key = g_strdup(key);
    p->value = g_strdup(value);
    g_ptr_array_add(pairs, p);
}

/* The tag is the id of the folder, unless another is given. */
bool option_virtfs(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) pairs = parse("-virtfs", arg, error);
    g_autofree char *tag = NULL, *quoted_tag = NULL, *quoted_id = NULL;
    g_auto(GStrv) tag_parts = NULL, id_parts = NULL;

    if (!pairs) {
        return false;
    }
    tag = take(pairs, "mount_tag");
    if (!tag || !*tag) {
        set_error(error, "-virtfs: mount_tag is missing: "
                         "local,path=FOLDER,mount_tag=TAG,security_model=MODEL");
        return false;
    }
    if (!options_get(pairs, "id")) {
        add_pair(pairs, "id", tag);
    }
    if (!keep(o, "-virtfs", pairs, error)) {
        return false;
    }
    tag_parts = g_strsplit(tag, ",", -1);
    id_parts = g_strsplit(options_get(pairs, "id"), ",", -1);
    quoted_tag = g_strjoinv(",,", tag_parts);
    quoted_id = g_strjoinv(",,", id_parts);
    g_ptr_array_add(o->devices,
                    g_strdup_printf("virtio-9p-pci,fsdev=%s,mount_tag=%s", quoted_id, quoted_tag));
    return true;
}

bool fsdev_setup(struct machine *m, const struct options *o, GError **error)
{
    for (unsigned i = 0; i < o->fsdevs->len; i++) {
        const GPtrArray *pairs = g_ptr_array_index(o->fsdevs, i);

        if (!fsdev_new(m, pairs, error)) {
            g_prefix_error(error, "-fsdev %s: ", options_get(pairs, "id"));
            return false;
        }
    }
    return true;
}
