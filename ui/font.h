/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ui/font.h: the font of text consoles.  Thread: constant. */
#ifndef UI_FONT_H
#define UI_FONT_H

#include <stdint.h>

#define FONT_WIDTH   8u
#define FONT_HEIGHT  16u
#define FONT_UNKNOWN '?' /* stands for characters that the font lacks */

/* FONT_HEIGHT rows, bit 7 leftmost. */
const uint8_t *font_glyph(uint32_t ch);

#endif
