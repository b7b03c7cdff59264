/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/curses_keys.c: see curses_keys.h.  Source: curs_getch(3x); keys with modifiers have no KEY_ code
 * but names of the terminal's description: kUP5 is Ctrl-Up (user_caps(5)).
 * Thread: main loop.
 */
#include "config.h"
#if CONFIG_CURSES
#include <curses.h>
#endif
#include <glib.h>
#include <string.h>
#include "ui/curses_keys.h"

#if CONFIG_CURSES

enum { SHIFT = 1, ALT = 2, CTRL = 4 };

static const struct special {
    uint32_t code;
    uint16_t key;
    unsigned modifiers;
    const char *bytes;
    const char *name; /* of the terminal's description, for a digit behind it */
} specials[] = {
    /* clang-format off */
    { KEY_UP,        0xe048, 0,     "\033[A",  "kUP"  },
    { KEY_DOWN,      0xe050, 0,     "\033[B",  "kDN"  },
    { KEY_RIGHT,     0xe04d, 0,     "\033[C",  "kRIT" },
    { KEY_LEFT,      0xe04b, 0,     "\033[D",  "kLFT" },
    { KEY_HOME,      0xe047, 0,     "\033[1~", "kHOM" },
    { KEY_END,       0xe04f, 0,     "\033[4~", "kEND" },
    { KEY_PPAGE,     0xe049, 0,     "\033[5~", "kPRV" },
    { KEY_NPAGE,     0xe051, 0,     "\033[6~", "kNXT" },
    { KEY_IC,        0xe052, 0,     "\033[2~", "kIC"  },
    { KEY_DC,        0xe053, 0,     "\033[3~", "kDC"  },
    { KEY_BACKSPACE, 0x000e, 0,     "\177",    NULL   },
    { KEY_ENTER,     0x001c, 0,     "\r",      NULL   },
    { KEY_B2,        0x004c, 0,     "",        NULL   },
    { KEY_BTAB,      0x000f, SHIFT, "",        NULL   },
    { KEY_SR,        0xe048, SHIFT, "",        NULL   },
    { KEY_SF,        0xe050, SHIFT, "",        NULL   },
    { KEY_SRIGHT,    0xe04d, SHIFT, "",        NULL   },
    { KEY_SLEFT,     0xe04b, SHIFT, "",        NULL   },
    { KEY_SHOME,     0xe047, SHIFT, "",        NULL   },
    { KEY_SEND,      0xe04f, SHIFT, "",        NULL   },
    { KEY_SPREVIOUS, 0xe049, SHIFT, "",        NULL   },
    { KEY_SNEXT,     0xe051, SHIFT, "",        NULL   },
    { KEY_SIC,       0xe052, SHIFT, "",        NULL   },
    { KEY_SDC,       0xe053, SHIFT, "",        NULL   },
    /* clang-format on */
};

static void set(struct key_chord *chord, uint16_t key, unsigned modifiers)
{
    chord->key = key;
    chord->shift = modifiers & SHIFT;
    chord->ctrl = modifiers & CTRL;
    chord->alt = modifiers & ALT;
}

/* F1 to F12; 13 to 24 are those with Shift, 25 to 36 with Ctrl, 37 to 48 with both, then Alt. */
static bool function_key(uint32_t code, struct key_chord *chord)
{
    static const unsigned modifiers[] = { 0, SHIFT, CTRL, CTRL | SHIFT, ALT };
    uint32_t n = code - KEY_F(1);

    if (code < KEY_F(1) || n / 12 >= G_N_ELEMENTS(modifiers)) {
        return false;
    }
    set(chord, (uint16_t)(n % 12 < 10 ? 0x3b + n % 12 : 0x57 + n % 12 - 10), modifiers[n / 12]);
    return true;
}

/* "kUP5": the digit is 1 plus Shift 1, Alt 2, Ctrl 4. */
static bool named_key(uint32_t code, struct key_chord *chord)
{
    const char *name = keyname((int)code);
    size_t len = name ? strlen(name) : 0;

    for (unsigned i = 0; len > 1 && i < G_N_ELEMENTS(specials); i++) {
        const struct special *s = &specials[i];

        if (s->name && strlen(s->name) == len - 1 && strncmp(s->name, name, len - 1) == 0 &&
            name[len - 1] >= '2' && name[len - 1] <= '8') {
            set(chord, s->key, (unsigned)(name[len - 1] - '1'));
            return true;
        }
    }
    return false;
}

static const struct special *find_special(uint32_t code)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(specials); i++) {
        if (specials[i].code == code) {
            return &specials[i];
        }
    }
    return NULL;
}

bool curses_key_chord(const struct curses_key *k, struct key_chord *chord)
{
    const struct special *s;

    *chord = (struct key_chord){ 0 };
    if (!k->special) {
        if (!keymap_of_char(k->code, chord)) {
            return false;
        }
    } else if ((s = find_special(k->code))) {
        set(chord, s->key, s->modifiers);
    } else if (!function_key(k->code, chord) && !named_key(k->code, chord)) {
        return false;
    }
    chord->alt |= k->alt;
    return true;
}

unsigned curses_key_bytes(const struct curses_key *k, char bytes[16])
{
    const struct special *s = k->special ? find_special(k->code) : NULL;
    unsigned n = 0;

    if (k->special && !s) {
        return 0;
    }
    if (k->alt) {
        bytes[n++] = 0x1b;
    }
    if (s) {
        memcpy(bytes + n, s->bytes, strlen(s->bytes));
        return n + (unsigned)strlen(s->bytes);
    }
    return n + (unsigned)g_unichar_to_utf8(k->code, bytes + n);
}

#endif
