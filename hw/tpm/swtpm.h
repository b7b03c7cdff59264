/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/tpm/swtpm.h: the control channel of swtpm: requests and answers, one after another, each waited for.
 *
 * Source: swtpm_ioctls(3): a command code and its structure, big-endian; answers begin with a result.
 * Thread: under the machine lock.
 */
#ifndef HW_TPM_SWTPM_H
#define HW_TPM_SWTPM_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
enum swtpm_command {
    SWTPM_GET_CAPABILITY = 1, SWTPM_INIT = 2, SWTPM_SHUTDOWN = 3, SWTPM_GET_ESTABLISHED = 4,
    SWTPM_SET_LOCALITY = 5, SWTPM_CANCEL = 9, SWTPM_RESET_ESTABLISHED = 11, SWTPM_GET_STATE = 12,
    SWTPM_SET_STATE = 13, SWTPM_STOP = 14, SWTPM_SET_DATA_FD = 16, SWTPM_SET_BUFFER_SIZE = 17,
};
enum swtpm_capability {
    SWTPM_CAN_INIT = 1 << 0, SWTPM_CAN_SHUTDOWN = 1 << 1, SWTPM_CAN_GET_ESTABLISHED = 1 << 2,
    SWTPM_CAN_SET_LOCALITY = 1 << 3, SWTPM_CAN_CANCEL = 1 << 5, SWTPM_CAN_RESET_ESTABLISHED = 1 << 7,
    SWTPM_CAN_GET_STATE = 1 << 8, SWTPM_CAN_SET_STATE = 1 << 9, SWTPM_CAN_STOP = 1 << 10,
    SWTPM_CAN_SET_DATA_FD = 1 << 12, SWTPM_CAN_SET_BUFFER_SIZE = 1 << 13,
};
enum swtpm_blob_type { SWTPM_PERMANENT = 1, SWTPM_VOLATILE = 2, SWTPM_SAVED = 3 };
/* clang-format on */
#define SWTPM_DELETE_VOLATILE 1u /* of INIT */

struct swtpm {
    int fd;         /* the socket; not owned */
    int timeout_ms; /* of each wait */
};

/*
 * Numbers of 32 bits out and in.  The answer's first one is the result, which is looked at here and not stored;
 * `pass_fd` goes along, or -1.  False and *error: the socket failed, or the result is an error.
 */
bool swtpm_call(struct swtpm *s, enum swtpm_command command, const uint32_t *args, unsigned n_args,
                uint32_t *results, unsigned n_results, int pass_fd, GError **error);
/* CANCEL, whatever comes of it: a TPM 1.2 answers that it cannot.  False and *error: the socket failed. */
bool swtpm_cancel(struct swtpm *s, GError **error);
/* A blob of at most `max` bytes. */
bool swtpm_get_state(struct swtpm *s, enum swtpm_blob_type type, size_t max, GByteArray *out,
                     uint32_t *flags, GError **error);
bool swtpm_set_state(struct swtpm *s, enum swtpm_blob_type type, const GByteArray *blob,
                     uint32_t flags, GError **error);

#endif
