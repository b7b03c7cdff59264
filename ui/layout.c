/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/layout.c: see layout.h.  Keys without characters are a table; characters of a US keyboard are keymap.c's, of
 * other layouts libxkbcommon's, with the descriptions of Debian's package xkb-data.
 * Sources: X11's keysymdef.h (names and values), the Linux kernel's input-event-codes.h, rfb protocol, 7.5.4.
 * Thread: main loop, machine lock held.
 */
#include "config.h"
#if CONFIG_XKBCOMMON
#include <xkbcommon/xkbcommon.h>
#endif
#include <string.h>
#include "ui/input.h"
#include "ui/layout.h"
#include "util/error.h"
#include "util/text.h"

/* clang-format off */
static const struct {
    uint32_t keysym;
    uint16_t key;
} named[] = {
    { 0xff08, 0x0e }, { 0xff09, 0x0f }, { 0xfe20, 0x0f }, { 0xff0d, 0x1c }, { 0xff13, INPUT_KEY_PAUSE },
    { 0xff14, 0x46 }, { 0xff15, 0x54 }, { 0xff1b, 0x01 }, { 0xffff, 0xe053 },
    { 0xff50, 0xe047 }, { 0xff51, 0xe04b }, { 0xff52, 0xe048 }, { 0xff53, 0xe04d }, { 0xff54, 0xe050 },
    { 0xff55, 0xe049 }, { 0xff56, 0xe051 }, { 0xff57, 0xe04f }, { 0xff61, 0xe037 }, { 0xff63, 0xe052 },
    { 0xff67, 0xe05d }, { 0xff6b, 0xe046 }, { 0xff7f, 0x45 },
    { 0xff8d, 0xe01c }, { 0xff95, 0x47 }, { 0xff96, 0x4b }, { 0xff97, 0x48 }, { 0xff98, 0x4d }, { 0xff99, 0x50 },
    { 0xff9a, 0x49 }, { 0xff9b, 0x51 }, { 0xff9c, 0x4f }, { 0xff9d, 0x4c }, { 0xff9e, 0x52 }, { 0xff9f, 0x53 },
    { 0xffaa, 0x37 }, { 0xffab, 0x4e }, { 0xffac, 0x7e }, { 0xffad, 0x4a }, { 0xffae, 0x53 }, { 0xffaf, 0xe035 },
    { 0xffb0, 0x52 }, { 0xffb1, 0x4f }, { 0xffb2, 0x50 }, { 0xffb3, 0x51 }, { 0xffb4, 0x4b }, { 0xffb5, 0x4c },
    { 0xffb6, 0x4d }, { 0xffb7, 0x47 }, { 0xffb8, 0x48 }, { 0xffb9, 0x49 }, { 0xffbd, 0x59 },
    { 0xffbe, 0x3b }, { 0xffbf, 0x3c }, { 0xffc0, 0x3d }, { 0xffc1, 0x3e }, { 0xffc2, 0x3f }, { 0xffc3, 0x40 },
    { 0xffc4, 0x41 }, { 0xffc5, 0x42 }, { 0xffc6, 0x43 }, { 0xffc7, 0x44 }, { 0xffc8, 0x57 }, { 0xffc9, 0x58 },
    { 0xffe1, 0x2a }, { 0xffe2, 0x36 }, { 0xffe3, 0x1d }, { 0xffe4, 0xe01d }, { 0xffe5, 0x3a },
    { 0xffe7, 0xe05b }, { 0xffe8, 0xe05c }, { 0xffe9, 0x38 }, { 0xffea, 0xe038 }, { 0xffeb, 0xe05b },
    { 0xffec, 0xe05c }, { 0xfe03, 0xe038 }, { 0xff7e, 0xe038 },
};

/* QEMU's name; xkb's layout and variant. */
static const struct {
    const char *name, *layout, *variant;
} layouts[] = {
    { "ar", "ara", "" },       { "bepo", "fr", "bepo" }, { "cz", "cz", "" },      { "da", "dk", "" },
    { "de", "de", "" },        { "de-ch", "ch", "" },    { "en-gb", "gb", "" },   { "en-us", "us", "" },
    { "es", "es", "" },        { "et", "ee", "" },       { "fi", "fi", "" },      { "fo", "fo", "" },
    { "fr", "fr", "nodeadkeys" }, { "fr-be", "be", "" }, { "fr-ca", "ca", "fr" }, { "fr-ch", "ch", "fr" },
    { "hr", "hr", "" },        { "hu", "hu", "" },       { "is", "is", "" },      { "it", "it", "" },
    { "ja", "jp", "" },        { "lt", "lt", "" },       { "lv", "lv", "" },      { "mk", "mk", "" },
    { "nl", "nl", "" },        { "no", "no", "" },       { "pl", "pl", "" },      { "pt", "pt", "" },
    { "pt-br", "br", "" },     { "ru", "ru", "" },       { "sl", "si", "" },      { "sv", "se", "" },
    { "th", "th", "" },        { "tr", "tr", "" },
};
/* clang-format on */

struct layout {
    GHashTable *keys; /* keysym to struct key_chord * */
};

static const char *layout_name(void *opaque, unsigned i)
{
    (void)opaque;
    return i < G_N_ELEMENTS(layouts) ? layouts[i].name : NULL;
}

uint32_t keysym_of_char(uint32_t ch)
{
    if ((ch >= 0x20 && ch < 0x7f) || (ch >= 0xa0 && ch < 0x100)) {
        return ch;
    }
#if CONFIG_XKBCOMMON
    return xkb_utf32_to_keysym(ch);
#else
    return ch >= 0x100 && ch < 0x110000 ? 0x1000000 | ch : 0;
#endif
}

uint32_t keysym_char(uint32_t keysym)
{
    if ((keysym >= 0x20 && keysym < 0x7f) || (keysym >= 0xa0 && keysym < 0x100)) {
        return keysym;
    }
    if ((keysym & 0xff000000) == 0x1000000) {
        return keysym & 0xffffff;
    }
#if CONFIG_XKBCOMMON
    return keysym < 0xfe00 ? xkb_keysym_to_utf32(keysym) : 0;
#else
    return 0;
#endif
}

bool layout_find(const struct layout *l, uint32_t keysym, struct key_chord *chord)
{
    const struct key_chord *found;

    *chord = (struct key_chord){ 0 };
    for (unsigned i = 0; i < G_N_ELEMENTS(named); i++) {
        if (named[i].keysym == keysym) {
            chord->key = named[i].key;
            return true;
        }
    }
    if (!l) {
        return keysym >= 0x20 && keysym < 0x7f && keymap_of_char(keysym, chord);
    }
    found = g_hash_table_lookup(l->keys, GUINT_TO_POINTER(keysym));
    if (found) {
        *chord = *found;
    }
    return found != NULL;
}

void layout_free(struct layout *l)
{
    if (l) {
        g_hash_table_unref(l->keys);
        g_free(l);
    }
}

#if CONFIG_XKBCOMMON

/* xkb's key codes are evdev's and 8; evdev's are those of set 1 up to 88. */
static uint16_t key_of_evdev(unsigned code)
{
    static const struct {
        unsigned code;
        uint16_t key;
    } others[] = { { 89, 0x73 }, { 92, 0x79 }, { 93, 0x70 }, { 94, 0x7b }, { 124, 0x7d } };

    for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
        if (others[i].code == code) {
            return others[i].key;
        }
    }
    return code >= 1 && code <= 58 ? (uint16_t)code : code == 86 ? 0x56 : 0;
}

/* The symbols of one key: alone, with Shift, with AltGr, with both.  The first key that has one keeps it. */
static void add_key(struct layout *l, struct xkb_keymap *map, xkb_keycode_t code)
{
    uint16_t key = code >= 8 ? key_of_evdev(code - 8) : 0;
    unsigned levels = key ? MIN(xkb_keymap_num_levels_for_key(map, code, 0), 4) : 0;

    for (unsigned level = 0; level < levels; level++) {
        struct key_chord chord = { .key = key, .shift = level & 1, .alt = level & 2 };
        const xkb_keysym_t *syms;
        int n = xkb_keymap_key_get_syms_by_level(map, code, 0, level, &syms);

        if (n == 1 && !g_hash_table_contains(l->keys, GUINT_TO_POINTER(syms[0]))) {
            g_hash_table_insert(l->keys, GUINT_TO_POINTER(syms[0]),
                                g_memdup2(&chord, sizeof(chord)));
        }
    }
}

/* Levels that need less come first: a symbol on two keys is typed the simple way. */
static bool fill(struct layout *l, const char *name, const char *variant)
{
    struct xkb_context *context = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
    struct xkb_rule_names names = {
        .rules = "evdev", .model = "pc105", .layout = name, .variant = variant
    };
    struct xkb_keymap *map =
        context ? xkb_keymap_new_from_names(context, &names, XKB_KEYMAP_COMPILE_NO_FLAGS) : NULL;

    for (xkb_keycode_t code = 8; map && code < 8 + 128; code++) {
        add_key(l, map, code);
    }
    if (context) {
        xkb_context_unref(context);
    }
    if (map) {
        xkb_keymap_unref(map);
    }
    return map != NULL;
}

struct layout *layout_new(const char *name, GError **error)
{
    g_autofree char *closest = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(layouts); i++) {
        if (strcmp(layouts[i].name, name) == 0) {
            struct layout *l = g_new0(struct layout, 1);

            l->keys = g_hash_table_new_full(NULL, NULL, NULL, g_free);
            if (fill(l, layouts[i].layout, layouts[i].variant)) {
                return l;
            }
            layout_free(l);
            set_error(error, "-k %s: the descriptions of layouts are missing (Debian's xkb-data)",
                      name);
            return NULL;
        }
    }
    closest = closest_names(name, layout_name, NULL);
    set_error(error, "-k: there is no layout '%s'%s%s", name, closest ? "; closest: " : "",
              closest ? closest : "");
    return NULL;
}

#else

/* Only the one that is built in. */
struct layout *layout_new(const char *name, GError **error)
{
    g_autofree char *closest = closest_names(name, layout_name, NULL);

    if (strcmp(name, "en-us") == 0) {
        struct layout *l = g_new0(struct layout, 1);

        l->keys = g_hash_table_new_full(NULL, NULL, NULL, g_free);
        for (uint32_t ch = 0x20; ch < 0x7f; ch++) {
            struct key_chord *chord = g_new0(struct key_chord, 1);

            keymap_of_char(ch, chord);
            g_hash_table_insert(l->keys, GUINT_TO_POINTER(ch), chord);
        }
        return l;
    }
    set_error(error,
              "-k %s: this program was built without keyboard layouts: install Debian's "
              "libxkbcommon-dev, then run configure and make%s%s",
              name, closest ? "; closest: " : "", closest ? closest : "");
    return NULL;
}

#endif
