/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/vmgenid.c: see vmgenid.h, also for the sources and the thread.
 *
 * Invariant: the number in guest memory is `guid` whenever the guest runs, if its place is known.
 */
#include "hw/misc/vmgenid.h"

#include <string.h>
#include "hw/nvram/fw_cfg.h"
#include "softmmu/machine.h"
#include "util/error.h"

#define AUTO "auto"

/* A GUID's text is five numbers, of which the first three are little-endian in memory. */
static const uint8_t text_order[VMGENID_SIZE] = { 3, 2, 1,  0,  5,  4,  7,  6,
                                                  8, 9, 10, 11, 12, 13, 14, 15 };

static void set_guid(struct vmgenid *s, const char *text)
{
    for (unsigned i = 0; i < VMGENID_SIZE; i++, text += 2) {
        text += *text == '-';
        s->guid[text_order[i]] =
            (uint8_t)(g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]));
    }
}

char *vmgenid_text(const struct vmgenid *s)
{
    GString *out = g_string_new(NULL);

    for (unsigned i = 0; i < VMGENID_SIZE; i++) {
        g_string_append_printf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                               s->guid[text_order[i]]);
    }
    return g_string_free(out, FALSE);
}

static void choose_guid(struct vmgenid *s)
{
    g_autofree char *random = g_uuid_string_random();

    set_guid(s, strcmp(s->guid_text, AUTO) == 0 ? random : s->guid_text);
}

struct vmgenid *vmgenid_find(struct machine *m)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct device *dev = g_ptr_array_index(m->devices, i);

        if (dev->type == &vmgenid_type) {
            return (struct vmgenid *)dev;
        }
    }
    return NULL;
}

static void write_guid(struct vmgenid *s)
{
    uint64_t page;

    memcpy(&page, s->addr, sizeof(page));
    page = GUINT64_FROM_LE(page);
    if (page) {
        address_space_write(&s->dev.machine->memory, page + VMGENID_OFFSET, s->guid, VMGENID_SIZE);
    }
}

void vmgenid_place(struct vmgenid *s, uint64_t page)
{
    page = GUINT64_TO_LE(page);
    memcpy(s->addr, &page, sizeof(page));
    write_guid(s);
}

/* The guest reads the file: the number may be another one than at the last time. */
static void fill_page(void *opaque)
{
    struct vmgenid *s = opaque;

    memcpy(s->page + VMGENID_OFFSET, s->guid, VMGENID_SIZE);
}

static bool vmgenid_realize(struct device *dev, GError **error)
{
    struct vmgenid *s = (struct vmgenid *)dev;
    struct vmgenid *other;
    struct fw_cfg *fw = fw_cfg_find(dev->machine);

    if (!fw) {
        set_error(error, "vmgenid requires DMA write support in fw_cfg, which this machine type "
                         "does not provide");
        return false;
    }
    other = vmgenid_find(dev->machine);
    if (other && other != s) {
        set_error(error, "at most one vmgenid device is permitted");
        return false;
    }
    if (!s->guid_text ||
        (strcmp(s->guid_text, AUTO) != 0 && !g_uuid_string_is_valid(s->guid_text))) {
        set_error(error,
                  "vmgenid: guid is '%s', must be auto or "
                  "XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX with hexadecimal digits",
                  s->guid_text ? s->guid_text : "");
        return false;
    }
    choose_guid(s);
    return fw_cfg_add_answer(fw, VMGENID_GUID_FILE, s->page, VMGENID_PAGE, fill_page, s, error) &&
           fw_cfg_add_writable(fw, VMGENID_ADDR_FILE, s->addr, sizeof(s->addr), NULL, s, error);
}

/* Over a suspend the guest's tables stay, and so does what they point to. */
static void vmgenid_reset(struct device *dev)
{
    struct vmgenid *s = (struct vmgenid *)dev;

    if (!dev->machine->waking) {
        memset(s->addr, 0, sizeof(s->addr));
    }
}

static bool vmgenid_post_load(struct device *dev, GError **error)
{
    struct vmgenid *s = (struct vmgenid *)dev;

    (void)error;
    choose_guid(s);
    write_guid(s);
    irq_pulse(&s->changed);
    return true;
}

static const struct property vmgenid_props[] = {
    PROP_STRING(struct vmgenid, "guid", guid_text, AUTO,
                "the number; auto: a new one at each start and load"),
    { 0 },
};
static const struct state_row vmgenid_state[] = {
    STATE_BUF(struct vmgenid, addr, 1, "where the number lies, less 40"),
    { 0 },
};

const struct device_type vmgenid_type = {
    .name = "vmgenid",
    .summary = "a number that changes when the guest is loaded or copied",
    .bus = BUS_NONE,
    .size = sizeof(struct vmgenid),
    .props = vmgenid_props,
    .state = vmgenid_state,
    .realize = vmgenid_realize,
    .reset = vmgenid_reset,
    .post_load = vmgenid_post_load,
};
