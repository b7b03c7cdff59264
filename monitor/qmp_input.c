/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_input.c: keys and pointers for the guest, its screen and its memory as files.
 * Thread: main loop, machine lock held.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "monitor/command.h"
#include "monitor/qmp_command.h"
#include "monitor/qom.h"
#include "softmmu/machine.h"
#include "ui/input.h"
#include "ui/surface.h"
#include "util/error.h"

#define MAX_KEYS    16u
#define MAX_HOLD_MS 60000
#define HOLD_MS     100

/* Keys ---------------------------------------------------------------------------------------- */

/* {"type": "qcode", "data": "ctrl"} or a number of scan code set 1, 0x80 added where 0xe0 precedes. */
static bool key_of(json_t *value, uint16_t *key, GError **error)
{
    json_t *data = json_object_get(value, "data");

    if (json_is_string(data)) {
        const char *name = json_string_value(data);

        *key = input_key_of_name(name, strlen(name)); /* 0: a key that no keyboard here has */
        return true;
    }
    if (json_integer_value(data) < 0 || json_integer_value(data) > 0xff) {
        set_error(error, "Parameter 'keys' expects codes from 0 to 255");
        return false;
    }
    *key = (uint16_t)json_integer_value(data);
    if (*key & 0x80) {
        *key = 0xe000 | (*key & 0x7f);
    }
    return true;
}

bool qmp_send_key(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    json_t *keys = json_object_get(args, "keys"), *value;
    int64_t hold = qmp_int(args, "hold-time", HOLD_MS);
    uint16_t codes[MAX_KEYS];
    unsigned n = 0;
    size_t i;

    (void)result;
    if (json_array_size(keys) > MAX_KEYS || hold < 0 || hold > MAX_HOLD_MS) {
        set_error(error, "send-key: at most %u keys, held for at most %d ms", MAX_KEYS,
                  MAX_HOLD_MS);
        return false;
    }
    json_array_foreach(keys, i, value)
    {
        if (!key_of(value, &codes[n], error)) {
            return false;
        }
        n += codes[n] != 0;
    }
    if (!input_chord(qmp_machine(s), codes, n, (unsigned)hold)) {
        set_error(error, "too many keys wait for the guest already");
        return false;
    }
    return true;
}

/* Events of devices --------------------------------------------------------------------------- */

static bool send_key_event(struct machine *m, json_t *data, GError **error)
{
    uint16_t key;

    if (!key_of(json_object_get(data, "key"), &key, error)) {
        return false;
    }
    if (key && !input_key(m, key, qmp_bool(data, "down", false))) {
        set_error(error, "too many keys wait for the guest already");
        return false;
    }
    return true;
}

static const struct {
    const char *name;
    uint8_t button; /* 0: the wheel */
    int dz;
} buttons[] = {
    { "left", INPUT_LEFT, 0 }, { "middle", INPUT_MIDDLE, 0 }, { "right", INPUT_RIGHT, 0 },
    { "side", INPUT_SIDE, 0 }, { "extra", INPUT_EXTRA, 0 },   { "wheel-up", 0, -1 },
    { "wheel-down", 0, 1 },
};

/* `held`: buttons that are down, by this command's events. */
static bool send_button(struct machine *m, json_t *data, uint8_t *held)
{
    const char *name = qmp_str(data, "button", "");
    bool down = qmp_bool(data, "down", false);

    for (unsigned i = 0; i < G_N_ELEMENTS(buttons); i++) {
        if (strcmp(buttons[i].name, name) != 0) {
            continue;
        }
        if (buttons[i].button) {
            *held = down ? *held | buttons[i].button : *held & ~buttons[i].button;
            input_buttons(m, *held);
        } else if (down) {
            input_move(m, 0, 0, buttons[i].dz);
        }
    }
    return true; /* wheel-left and wheel-right: no pointer here has them */
}

/* Both axes of a position, or one of a motion. */
struct position {
    int x, y;
    bool moved;
};

static int clamp(json_t *data)
{
    return (int)CLAMP(qmp_int(data, "value", 0), -INPUT_ABS_MAX, INPUT_ABS_MAX);
}

static bool send_event(struct machine *m, json_t *event, struct position *at, uint8_t *held,
                       GError **error)
{
    const char *type = qmp_str(event, "type", "");
    json_t *data = json_object_get(event, "data");
    bool is_x = strcmp(qmp_str(data, "axis", ""), "x") == 0;

    if (strcmp(type, "key") == 0) {
        return send_key_event(m, data, error);
    }
    if (strcmp(type, "btn") == 0) {
        return send_button(m, data, held);
    }
    if (strcmp(type, "rel") == 0) {
        input_move(m, is_x ? clamp(data) : 0, is_x ? 0 : clamp(data), 0);
        return true;
    }
    *(is_x ? &at->x : &at->y) = MAX(clamp(data), 0);
    at->moved = true;
    return true;
}

bool qmp_input_send_event(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct machine *m = qmp_machine(s);
    struct position at = { 0 };
    uint8_t held = 0;
    json_t *event;
    size_t i;

    (void)result;
    if (json_object_get(args, "device") &&
        !qom_find_device(m, qmp_str(args, "device", ""), error)) {
        return false;
    }
    json_array_foreach(json_object_get(args, "events"), i, event)
    {
        if (!send_event(m, event, &at, &held, error)) {
            return false;
        }
    }
    if (at.moved) {
        input_move_to(m, at.x, at.y);
    }
    return true;
}

/* Files --------------------------------------------------------------------------------------- */

bool qmp_screendump(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct machine *m = qmp_machine(s);
    int64_t head = qmp_int(args, "head", 0);
    struct device *device = NULL;

    (void)result;
    if (json_object_get(args, "head") && !json_object_get(args, "device")) {
        set_error(error, "'head' must be specified together with 'device'");
        return false;
    }
    if (json_object_get(args, "device")) {
        device = qom_find_device(m, qmp_str(args, "device", ""), error);
        if (!device) {
            return false;
        }
    }
    return screendump(m, device, (unsigned)CLAMP(head, 0, UINT16_MAX),
                      qmp_str(args, "filename", ""), qmp_str(args, "format", "ppm"), error);
}

/* `cpu`: the address is what it sees, else physical. */
static bool save(struct machine *m, struct x86_cpu *cpu, json_t *args, GError **error)
{
    const char *path = qmp_str(args, "filename", "");
    uint64_t at = (uint64_t)qmp_int(args, "val", 0), left = (uint64_t)qmp_int(args, "size", 0);
    FILE *f = fopen(path, "wbe");
    uint8_t buf[4096];
    bool ok = f != NULL;

    if (!f) {
        set_error(error, "Could not open '%s': %s", path, g_strerror(errno));
        return false;
    }
    while (ok && left > 0) {
        unsigned n = (unsigned)MIN(left, sizeof(buf) - at % sizeof(buf));

        if (cpu && !cpu_access_read(m, cpu, false, at, buf, n)) {
            set_error(error,
                      "Invalid addr 0x%016" G_GINT64_MODIFIER "x/size %" G_GINT64_FORMAT
                      " specified",
                      (uint64_t)qmp_int(args, "val", 0), qmp_int(args, "size", 0));
            ok = false;
        } else if (!cpu) {
            address_space_read(&m->memory, at, buf, n);
        }
        if (ok && fwrite(buf, 1, n, f) != n) {
            set_error(error, "An IO error has occurred: '%s': %s", path, g_strerror(errno));
            ok = false;
        }
        at += n;
        left -= n;
    }
    if (fclose(f) != 0 && ok) {
        set_error(error, "An IO error has occurred: '%s': %s", path, g_strerror(errno));
        ok = false;
    }
    return ok;
}

#define SAVE_MAX (64ll << 30) /* the guest waits meanwhile */

static bool check_size(json_t *args, GError **error)
{
    if (qmp_int(args, "size", 0) > SAVE_MAX) {
        set_error(error, "Parameter 'size' expects at most 64 GiB");
        return false;
    }
    return true;
}

bool qmp_memsave(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct machine *m = qmp_machine(s);
    int64_t cpu = qmp_int(args, "cpu-index", 0);
    unsigned before = m->monitor_cpu;
    struct x86_cpu *access;
    bool ok;

    (void)result;
    if (cpu < 0 || cpu >= m->n_vcpus) {
        set_error(error, "Parameter 'cpu-index' expects a CPU number");
        return false;
    }
    if (!check_size(args, error)) {
        return false;
    }
    m->monitor_cpu = (unsigned)cpu;
    access = cpu_access_begin(m, error);
    ok = access && save(m, access, args, error);
    if (access) {
        cpu_access_end(m);
    }
    m->monitor_cpu = before;
    return ok;
}

bool qmp_pmemsave(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return check_size(args, error) && save(qmp_machine(s), NULL, args, error);
}
