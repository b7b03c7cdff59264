/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/balloon.c: the memory balloon, for people and for QMP.
 * Thread: main loop, machine lock held.
 */
#include "hw/virtio/virtio_balloon.h"

#include <inttypes.h>
#include "monitor/command.h"
#include "monitor/qmp_command.h"
#include "util/error.h"

bool command_balloon(struct machine *m, const char *args, GString *out, GError **error)
{
    uint64_t mib;

    (void)out;
    if (!expression_parse(&args, cpu_access_register, m, &mib, error)) {
        return false;
    }
    if (mib > UINT64_MAX >> 20) {
        set_error(error, "balloon: the target is %" PRIu64 " MiB, which is too much", mib);
        return false;
    }
    return balloon_set_target(m, mib << 20, error);
}

bool command_info_balloon(struct machine *m, const char *args, GString *out, GError **error)
{
    uint64_t bytes;

    (void)args;
    if (!balloon_query(m, &bytes, error)) {
        return false;
    }
    g_string_append_printf(out, "balloon: actual=%" PRIu64 "\n", bytes >> 20);
    return true;
}

static bool is_there(struct machine *m, uint64_t *bytes, GError **error)
{
    if (!balloon_query(m, bytes, NULL)) {
        qmp_set_error(error, QMP_ERROR_DEVICE_NOT_ACTIVE, "No balloon device has been activated");
        return false;
    }
    return true;
}

bool qmp_query_balloon(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    uint64_t bytes;

    (void)args;
    if (!is_there(qmp_machine(s), &bytes, error)) {
        return false;
    }
    *result = json_pack("{s:I}", "actual", (json_int_t)bytes);
    return true;
}

bool qmp_balloon(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    uint64_t bytes;

    (void)result;
    return is_there(qmp_machine(s), &bytes, error) &&
           balloon_set_target(qmp_machine(s), (uint64_t)qmp_int(args, "value", 0), error);
}
