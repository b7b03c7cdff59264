/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/tpm/tpm.h: Trusted Platform Modules: what answers a guest's commands (-tpmdev), and what the interfaces in
 * front of it share.
 *
 * One command is in flight at most.  Its response comes from the main loop; whoever must wait for it (a save, a
 * reset) waits for a bounded time.
 *
 * Invariant: what does not answer as it should is broken: nothing is sent to it any more, and every command fails
 *            with the TPM's own code for it.
 * Thread:    under the machine lock.
 */
#ifndef HW_TPM_TPM_H
#define HW_TPM_TPM_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include "softmmu/device.h"

#define TPM_BUFFER_MAX 4096u
#define TPM_HEADER_SIZE                                                                            \
    10u /* of commands and responses: tag 16 bits, size 32, code 32; big-endian */
#define TPM_MMIO_BASE 0xfed40000u
#define TPM_LOG_FILE  "etc/tpm/log"
#define TPM_LOG_SIZE  (64u << 10)
#define TPM_STATE_MAX (1u << 20) /* of each blob */

enum tpm_version { TPM_VERSION_1_2 = 1, TPM_VERSION_2_0 };

struct tpm;

/* The interface in front of it. */
struct tpm_front {
    const char *model; /* the device type's name */
    /* The response of `len` bytes is in the buffer that tpm_submit was given. */
    void (*completed)(void *opaque, uint32_t len);
    void *opaque;
};

/* -tpmdev: TYPE,id=ID,chardev=ID.  False and *error. */
bool tpm_add(struct machine *m, const GPtrArray *opts, GError **error);
/* The same without a machine: are these options of a type that there is? */
bool tpm_check_options(const GPtrArray *opts, GError **error);
void tpm_print_types(GString *out);
/* The i-th of the machine; NULL behind the last. */
struct tpm *tpm_at(const struct machine *m, unsigned i);
const char *tpm_id(const struct tpm *t);
const char *tpm_chardev(const struct tpm *t);
/* NULL: no device is in front of it. */
const char *tpm_model(const struct tpm *t);
enum tpm_version tpm_version(const struct tpm *t);

/*
 * For devices: the one with that id, with a file for the firmware's log in fw_cfg.  NULL and *error: there is none,
 * or a device has it, or the machine has such a device already.
 */
struct tpm *tpm_attach(struct machine *m, const char *id, const struct tpm_front *front,
                       GError **error);
void tpm_detach(struct tpm *t);
/* A reset of the platform: waits for the command in flight, whose response is dropped. */
void tpm_restart(struct tpm *t, uint32_t buffer_size);
/* What the guest may fill of its buffer. */
uint32_t tpm_buffer_size(const struct tpm *t);
/* A command of len bytes in buf, which stays the caller's, and has room for tpm_buffer_size bytes of response. */
void tpm_submit(struct tpm *t, uint8_t locality, uint8_t *buf, uint32_t len);
bool tpm_is_busy(const struct tpm *t);
/* The command in flight need not be carried out; there is a response all the same. */
void tpm_cancel(struct tpm *t);
/* Waits for the response and delivers it. */
void tpm_finish(struct tpm *t);
bool tpm_established(const struct tpm *t);
void tpm_reset_established(struct tpm *t, uint8_t locality);

/* What a TPM holds, as its emulator has it: part of a device's state. */
enum tpm_blob { TPM_BLOB_PERMANENT, TPM_BLOB_VOLATILE, TPM_BLOB_SAVED, TPM_BLOB_COUNT };
struct tpm_state {
    GByteArray *permanent, *volatile_, *saved;
    uint32_t flags[TPM_BLOB_COUNT];
};
extern const struct state_row tpm_state_rows[];
void tpm_state_init(struct tpm_state *s);
void tpm_state_clear(struct tpm_state *s);
/* tpm_finish, and the blobs.  Empty blobs after a warning: it did not give them. */
void tpm_save(struct tpm *t, struct tpm_state *s);
bool tpm_load(struct tpm *t, const struct tpm_state *s, uint32_t buffer_size, GError **error);

/* For ACPI's tables. */
enum tpm_interface { TPM_INTERFACE_NONE, TPM_INTERFACE_TIS, TPM_INTERFACE_CRB };
enum tpm_interface tpm_find_interface(const struct machine *m, enum tpm_version *version);

extern const struct device_type tpm_tis_type, tpm_crb_type;

#endif
