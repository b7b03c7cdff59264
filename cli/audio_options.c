/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/audio_options.c: -audiodev and -audio, from text to back ends and to -device texts of cards.
 * Thread: the program's first; audio_setup with the machine lock held.
 */
#include <string.h>
#include "audio/audio.h"
#include "cli/options.h"
#include "util/error.h"
#include "util/json_pairs.h"
#include "util/text.h"

/* Cards of -audio model=: their -device texts, "%s" the id of the back end. */
static const struct {
    const char *model, *summary, *devices[2];
} cards[] = {
    { "ac97", "Intel 82801AA AC97 Audio", { "AC97,audiodev=%s" } },
    { "es1370", "ENSONIQ AudioPCI ES1370", { "ES1370,audiodev=%s" } },
    { "hda", "Intel HD Audio", { "intel-hda", "hda-duplex,audiodev=%s" } },
    { "pcspk", "PC speaker", { NULL } },
    { "sb16", "Creative Sound Blaster 16", { "sb16,audiodev=%s" } },
};

static bool is_help(const char *text)
{
    return text && (strcmp(text, "help") == 0 || strcmp(text, "?") == 0);
}

static GPtrArray *parse(const char *arg, GError **error)
{
    GPtrArray *pairs = json_or_options(arg, "driver", error);

    if (!pairs && error) {
        g_prefix_error(error, "-audiodev: ");
    }
    return pairs;
}

bool option_audiodev(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) pairs = parse(arg, error);
    struct audio_options checked;

    if (!pairs) {
        return false;
    }
    if (is_help(options_get(pairs, "driver"))) {
        audio_print_drivers(o->output);
        o->done = true;
        return true;
    }
    if (!audio_parse_options(pairs, &checked, error)) {
        return false;
    }
    g_ptr_array_add(o->audiodevs, g_steal_pointer(&pairs));
    return true;
}

static void add_pair(GPtrArray *pairs, const char *key, const char *value)
{
    struct option_pair *p = g_new0(struct option_pair, 1);

    p->key = g_strdup(key);
    p->value = g_strdup(value);
    g_ptr_array_add(pairs, p);
}

/* Takes model= out of the pairs; the caller frees. */
static char *take_model(GPtrArray *pairs)
{
    char *model = g_strdup(options_get(pairs, "model"));

    for (unsigned i = pairs->len; i-- > 0;) {
        if (strcmp(((struct option_pair *)g_ptr_array_index(pairs, i))->key, "model") == 0) {
            g_ptr_array_remove_index(pairs, i);
        }
    }
    return model;
}

static bool add_card(struct options *o, const char *model, const char *id, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(cards); i++) {
        if (strcmp(cards[i].model, model) != 0) {
            continue;
        }
        for (unsigned k = 0; k < G_N_ELEMENTS(cards[i].devices) && cards[i].devices[k]; k++) {
            g_autoptr(GString) text = g_string_new(cards[i].devices[k]);

            g_string_replace(text, "%s", id, 0);
            g_ptr_array_add(o->devices, g_strdup(text->str));
        }
        if (!cards[i].devices[0]) {
            g_free(o->pcspk_audiodev);
            o->pcspk_audiodev = g_strdup(id);
        }
        return true;
    }
    set_error(error, "-audio: there is no model '%s'; '-audio model=help' lists them", model);
    return false;
}

bool option_audio(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) pairs = parse(arg, error);
    g_autofree char *model = pairs ? take_model(pairs) : NULL;
    struct audio_options checked;

    if (!pairs) {
        return false;
    }
    if (is_help(model)) {
        for (unsigned i = 0; i < G_N_ELEMENTS(cards); i++) {
            g_string_append_printf(o->output, "%-11s %s\n", cards[i].model, cards[i].summary);
        }
        o->done = true;
        return true;
    }
    if (is_help(options_get(pairs, "driver"))) {
        return option_audiodev(o, "help", error);
    }
    if (!model) {
        set_error(error, "-audio: must be DRIVER,model=CARD[,prop=VALUE]");
        return false;
    }
    if (!options_get(pairs, "id")) {
        add_pair(pairs, "id", "audiodev0");
    }
    if (!audio_parse_options(pairs, &checked, error) ||
        !add_card(o, model, options_get(pairs, "id"), error)) {
        return false;
    }
    g_ptr_array_add(o->audiodevs, g_steal_pointer(&pairs));
    return true;
}

bool option_audio_help(struct options *o, const char *arg, GError **error)
{
    const struct audio_driver *driver;

    (void)arg;
    (void)error;
    for (unsigned i = 0; (driver = audio_driver_at(i)); i++) {
        if (driver->available) {
            g_string_append_printf(o->output, "-audiodev id=%s,driver=%s\n", driver->name,
                                   driver->name);
        }
    }
    o->done = true;
    return true;
}

bool audio_setup(struct machine *m, const struct options *o, GError **error)
{
    for (unsigned i = 0; i < o->audiodevs->len; i++) {
        if (!audio_backend_add(m, g_ptr_array_index(o->audiodevs, i), error)) {
            g_prefix_error(error, "-audiodev: ");
            return false;
        }
    }
    return true;
}
