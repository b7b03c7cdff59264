/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/net/eeprom.c: see eeprom.h. A command is a one, two bits of what, six of where. Thread: machine lock. */
#include "hw/net/eeprom.h"

enum { COMMAND_BITS = 9, COMMAND_READ = 6 };

void nic_eeprom_reset(struct nic_eeprom *e)
{
    e->bits = e->left = 0;
    e->in = 0;
    e->clock = false;
    e->data = true; /* ready */
}

/* A rising clock: a bit goes in, or the next one comes out. */
static void step(struct nic_eeprom *e, bool in)
{
    if (e->left > 0) {
        e->data = e->out >> 15;
        e->out = (uint16_t)(e->out << 1);
        e->left--;
        return;
    }
    if (e->bits == 0 && !in) {
        return; /* a command begins with a one */
    }
    e->in = e->in << 1 | in;
    if (++e->bits < COMMAND_BITS) {
        return;
    }
    if (e->in >> 6 == COMMAND_READ) {
        e->out = e->words[e->in & (EEPROM_WORDS - 1)];
        e->left = 16;
        e->data = false; /* the dummy bit */
    }
    e->bits = 0;
    e->in = 0;
}

void nic_eeprom_wires(struct nic_eeprom *e, bool select, bool clock, bool data)
{
    bool rises = clock && !e->clock;

    if (!select) {
        nic_eeprom_reset(e);
    } else if (rises) {
        step(e, data);
    }
    e->clock = clock;
}

void nic_eeprom_post_load(struct nic_eeprom *e)
{
    e->left = e->left > 16 ? 16 : e->left;
}

const struct state_row nic_eeprom_state[] = {
    STATE_INT(struct nic_eeprom, in, 1, "bits of a command"),
    STATE_INT(struct nic_eeprom, out, 1, "bits of the answer"),
    STATE_INT(struct nic_eeprom, bits, 1, "how many came"),
    STATE_INT(struct nic_eeprom, left, 1, "how many are left"),
    STATE_INT(struct nic_eeprom, clock, 1, "the clock's wire"),
    STATE_INT(struct nic_eeprom, data, 1, "the device's data wire"),
    { 0 },
};
