/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/ich9_smi.c: which CPUs an SMI of port 0xB2 reaches: the one that wrote, or all, if firmware
 * asked for that.  It asks through three files of fw_cfg: it reads what there is, writes what it
 * wants, and selects the answer, which stays until a reset.
 *
 * Source:     EDK II, OvmfPkg/SmmControl2Dxe/README of the protocol (SmiFeatures).
 * Invariants: smi_features is within SMI_FEATURES, and 0 unless smi_features_ok.
 * Thread:     under the machine lock.
 */
#include <inttypes.h>
#include <string.h>
#include "hw/i386/ich9_lpc.h"
#include "hw/nvram/fw_cfg.h"
#include "util/log.h"

enum smi_feature { SMI_BROADCAST = 1 << 0 };
#define SMI_FEATURES ((uint64_t)SMI_BROADCAST)

static void answer(void *opaque)
{
    struct ich9_lpc *s = opaque;
    uint64_t wanted;

    if (s->smi_features_ok) {
        return;
    }
    memcpy(&wanted, s->smi_request, sizeof(wanted));
    wanted = GUINT64_FROM_LE(wanted);
    if (wanted & ~SMI_FEATURES) {
        log_line(LOG_GUEST_ERRORS,
                 "ICH9: firmware wants SMI features 0x%" PRIx64 ", which are not all there",
                 wanted);
        return;
    }
    s->smi_features = wanted;
    s->smi_features_ok = 1;
}

bool ich9_smi_add_files(struct ich9_lpc *s, struct fw_cfg *fw, GError **error)
{
    return !s->smi.handler ||
           (fw_cfg_add_file_int(fw, "etc/smi/supported-features", SMI_FEATURES, 8, error) &&
            fw_cfg_add_writable(fw, "etc/smi/requested-features", s->smi_request,
                                sizeof(s->smi_request), NULL, NULL, error) &&
            fw_cfg_add_answer(fw, "etc/smi/features-ok", &s->smi_features_ok, 1, answer, s, error));
}

void ich9_smi_reset(struct ich9_lpc *s)
{
    memset(s->smi_request, 0, sizeof(s->smi_request));
    s->smi_features = 0;
    s->smi_features_ok = 0;
}

void ich9_smi_post_load(struct ich9_lpc *s)
{
    s->smi_features_ok = s->smi_features_ok == 1;
    s->smi_features &= s->smi_features_ok ? SMI_FEATURES : 0;
}

void ich9_smi_raise(struct ich9_lpc *s)
{
    irq_pulse(s->smi_features & SMI_BROADCAST ? &s->smi_all : &s->smi);
}
