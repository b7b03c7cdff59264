/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gdbstub/packet.c: see packet.h.  Thread: any. */
#include "gdbstub/packet.h"

#define CTRL_C 3

static const char digits[] = "0123456789abcdef";

static void add_data(struct packet_reader *r, uint8_t byte)
{
    if (r->n == PACKET_MAX) {
        r->too_long = true;
    } else {
        r->data[r->n++] = (char)byte;
    }
}

static enum packet_event read_idle(struct packet_reader *r, uint8_t byte)
{
    switch (byte) {
    case '$':
        r->state = READ_DATA;
        r->n = 0;
        r->sum = 0;
        r->too_long = false;
        return PACKET_NOTHING;
    case '+':
        return PACKET_ACK;
    case '-':
        return PACKET_NAK;
    case CTRL_C:
        return PACKET_INTERRUPT;
    default: /* noise on the line */
        return PACKET_NOTHING;
    }
}

static void read_data(struct packet_reader *r, uint8_t byte)
{
    if (r->state == READ_ESCAPED) {
        add_data(r, byte ^ 0x20);
        r->state = READ_DATA;
    } else if (byte == '#') {
        r->state = READ_SUM1;
        return;
    } else if (byte == '}') {
        r->state = READ_ESCAPED;
    } else if (byte == '$') { /* the end of the one before was lost */
        read_idle(r, byte);
        return;
    } else {
        add_data(r, byte);
    }
    r->sum += byte;
}

enum packet_event packet_read(struct packet_reader *r, uint8_t byte, bool any_sum)
{
    int digit = g_ascii_xdigit_value((char)byte);

    switch (r->state) {
    case READ_IDLE:
        return read_idle(r, byte);
    case READ_DATA:
    case READ_ESCAPED:
        read_data(r, byte);
        return PACKET_NOTHING;
    case READ_SUM1:
        r->given = digit < 0 ? 0 : (uint8_t)(digit << 4);
        r->state = READ_SUM2;
        r->too_long |= digit < 0;
        return PACKET_NOTHING;
    default:
        r->state = READ_IDLE;
        r->data[r->n] = '\0';
        if (r->too_long || digit < 0 || (!any_sum && (r->given | digit) != r->sum)) {
            return PACKET_BAD;
        }
        return PACKET_DONE;
    }
}

void packet_append(GString *to, const char *data, size_t n)
{
    uint8_t sum = 0;

    g_string_append_c(to, '$');
    for (size_t k = 0; k < n; k++) {
        char c = data[k];

        if (c == '$' || c == '#' || c == '}' || c == '*') {
            g_string_append_c(to, '}');
            sum += '}';
            c ^= 0x20;
        }
        g_string_append_c(to, c);
        sum += (uint8_t)c;
    }
    g_string_append_printf(to, "#%02x", sum);
}

bool packet_hex(const char **p, uint64_t *v)
{
    unsigned n = 0;

    for (*v = 0; g_ascii_isxdigit(**p); (*p)++) {
        if (n++ == 16) {
            return false;
        }
        *v = *v << 4 | (uint64_t)g_ascii_xdigit_value(**p);
    }
    return n > 0;
}

void packet_append_hex(GString *to, const uint8_t *bytes, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        g_string_append_c(to, digits[bytes[k] >> 4]);
        g_string_append_c(to, digits[bytes[k] & 15]);
    }
}

bool packet_parse_hex(const char *text, uint8_t *bytes, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        int high = g_ascii_xdigit_value(text[2 * k]);
        int low = high < 0 ? -1 : g_ascii_xdigit_value(text[2 * k + 1]);

        if (low < 0) {
            return false;
        }
        bytes[k] = (uint8_t)(high << 4 | low);
    }
    return true;
}
