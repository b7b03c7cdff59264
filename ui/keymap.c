/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ui/keymap.c: see keymap.h.  Source: the layout of IBM's US keyboard.  Thread: constant. */
#include "ui/keymap.h"

#include <string.h>

/* Runs of neighbouring keys: their characters alone and with Shift. */
static const struct {
    uint16_t first;
    const char *plain, *shifted;
} runs[] = {
    /* clang-format off */
    { 0x02, "1234567890-=",  "!@#$%^&*()_+" },
    { 0x10, "qwertyuiop[]",  "QWERTYUIOP{}" },
    { 0x1e, "asdfghjkl;'`",  "ASDFGHJKL:\"~" },
    { 0x2b, "\\zxcvbnm,./",  "|ZXCVBNM<>?" },
    { 0x39, " ",             " " },
    /* clang-format on */
};

static bool find(char ch, struct key_chord *chord)
{
    for (unsigned i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        const char *plain = strchr(runs[i].plain, ch), *shifted = strchr(runs[i].shifted, ch);

        if (plain || shifted) {
            chord->key = (uint16_t)(runs[i].first +
                                    (plain ? plain - runs[i].plain : shifted - runs[i].shifted));
            chord->shift = !plain;
            return true;
        }
    }
    return false;
}

bool keymap_of_char(uint32_t ch, struct key_chord *chord)
{
    static const struct {
        char ch;
        uint8_t key;
    } named[] = { { '\b', 0x0e }, { 0x7f, 0x0e }, { '\t', 0x0f },
                  { '\r', 0x1c }, { '\n', 0x1c }, { 0x1b, 0x01 } };

    *chord = (struct key_chord){ 0 };
    for (unsigned i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        if (ch == (uint32_t)named[i].ch) {
            chord->key = named[i].key;
            return true;
        }
    }
    if (ch < 0x20) { /* Ctrl-@ to Ctrl-_ */
        chord->ctrl = true;
        ch = ch >= 1 && ch <= 26 ? ch + 'a' - 1 : ch + '@';
        chord->ctrl = find((char)ch, chord);
        return chord->ctrl;
    }
    return ch < 0x7f && find((char)ch, chord);
}
