/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/tpm.c: which TPMs there are, for people and for QMP.
 * Thread: main loop, machine lock held.
 */
#include "hw/tpm/tpm.h"
#include "monitor/command.h"
#include "monitor/qmp_command.h"
#include "softmmu/machine.h"

/* Those that a device is in front of. */
bool command_info_tpm(struct machine *m, const char *args, GString *out, GError **error)
{
    unsigned n = 0;

    (void)args;
    (void)error;
    for (unsigned i = 0; tpm_at(m, i); i++) {
        const struct tpm *t = tpm_at(m, i);

        if (!tpm_model(t)) {
            continue;
        }
        g_string_append_printf(out, "%s tpm%u: model=%s\n  \\ %s: type=emulator,chardev=%s\n",
                               n ? "" : "TPM device:\n", n, tpm_model(t), tpm_id(t),
                               tpm_chardev(t));
        n++;
    }
    return true;
}

bool qmp_query_tpm(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct machine *m = qmp_machine(s);

    (void)args;
    (void)error;
    *result = json_array();
    for (unsigned i = 0; tpm_at(m, i); i++) {
        const struct tpm *t = tpm_at(m, i);

        if (tpm_model(t)) {
            json_array_append_new(*result,
                                  json_pack("{s:s, s:s, s:{s:s, s:{s:s}}}", "id", tpm_id(t),
                                            "model", tpm_model(t), "options", "type", "emulator",
                                            "data", "chardev", tpm_chardev(t)));
        }
    }
    return true;
}

bool qmp_query_tpm_models(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)s;
    (void)args;
    (void)error;
    *result = json_pack("[s, s]", tpm_tis_type.name, tpm_crb_type.name);
    return true;
}

bool qmp_query_tpm_types(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)s;
    (void)args;
    (void)error;
    *result = json_pack("[s]", "emulator");
    return true;
}
