/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/tpm/swtpm.c: see swtpm.h, also for the source and the thread. */
#include "hw/tpm/swtpm.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include "util/error.h"

#define WORDS_MAX 8u
#define NO_BLOB   0x800u /* TPM_RETRY: TPMLIB_GetState(3) has nothing of this kind */

static bool wait_for(struct swtpm *s, short events, GError **error)
{
    struct pollfd p = { .fd = s->fd, .events = events };
    int ready;

    do {
        ready = poll(&p, 1, s->timeout_ms);
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) {
        set_error(error, "it does not answer within %d s", s->timeout_ms / 1000);
    } else if (ready < 0) {
        set_errno_error(error, "poll");
    }
    return ready > 0;
}

static bool send_all(struct swtpm *s, const void *data, size_t len, int pass_fd, GError **error)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };

    for (size_t done = 0; done < len;) {
        struct iovec iov = { (char *)data + done, len - done };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
        ssize_t sent;

        if (pass_fd >= 0 && done == 0) {
            msg.msg_control = &control;
            msg.msg_controllen = sizeof(control);
            control.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
                                              .cmsg_level = SOL_SOCKET,
                                              .cmsg_type = SCM_RIGHTS };
            memcpy(CMSG_DATA(&control.align), &pass_fd, sizeof(int));
        }
        sent = sendmsg(s->fd, &msg, MSG_NOSIGNAL);
        if (sent > 0) {
            done += (size_t)sent;
        } else if (errno != EAGAIN && errno != EINTR) {
            set_errno_error(error, "the control channel");
            return false;
        } else if (!wait_for(s, POLLOUT, error)) {
            return false;
        }
    }
    return true;
}

static bool receive_all(struct swtpm *s, void *data, size_t len, GError **error)
{
    for (size_t done = 0; done < len;) {
        ssize_t got = recv(s->fd, (char *)data + done, len - done, MSG_DONTWAIT);

        if (got > 0) {
            done += (size_t)got;
        } else if (got == 0) {
            set_error(error, "it has closed the control channel");
            return false;
        } else if (errno != EAGAIN && errno != EINTR) {
            set_errno_error(error, "the control channel");
            return false;
        } else if (!wait_for(s, POLLIN, error)) {
            return false;
        }
    }
    return true;
}

static bool receive_words(struct swtpm *s, uint32_t *words, unsigned n, GError **error)
{
    if (!receive_all(s, words, n * sizeof(*words), error)) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        words[i] = GUINT32_FROM_BE(words[i]);
    }
    return true;
}

static bool send_words(struct swtpm *s, enum swtpm_command command, const uint32_t *args,
                       unsigned n, int pass_fd, GError **error)
{
    uint32_t words[1 + WORDS_MAX] = { GUINT32_TO_BE((uint32_t)command) };

    g_assert(n <= WORDS_MAX);
    for (unsigned i = 0; i < n; i++) {
        words[1 + i] = GUINT32_TO_BE(args[i]);
    }
    return send_all(s, words, (1 + n) * sizeof(words[0]), pass_fd, error);
}

static bool check_result(enum swtpm_command command, uint32_t result, GError **error)
{
    if (result) {
        set_error(error, "control command %u failed with TPM error 0x%x", (unsigned)command,
                  result);
    }
    return result == 0;
}

bool swtpm_call(struct swtpm *s, enum swtpm_command command, const uint32_t *args, unsigned n_args,
                uint32_t *results, unsigned n_results, int pass_fd, GError **error)
{
    uint32_t words[1 + WORDS_MAX];

    g_assert(n_results <= WORDS_MAX);
    if (!send_words(s, command, args, n_args, pass_fd, error) ||
        !receive_words(s, words, 1, error) || !check_result(command, words[0], error)) {
        return false;
    }
    if (!receive_words(s, words + 1, n_results, error)) {
        return false;
    }
    for (unsigned i = 0; i < n_results; i++) {
        results[i] = words[1 + i];
    }
    return true;
}

bool swtpm_cancel(struct swtpm *s, GError **error)
{
    uint32_t result;

    return send_words(s, SWTPM_CANCEL, NULL, 0, -1, error) && receive_words(s, &result, 1, error);
}

/* The answer: result, flags, the blob's size, bytes that follow. */
bool swtpm_get_state(struct swtpm *s, enum swtpm_blob_type type, size_t max, GByteArray *out,
                     uint32_t *flags, GError **error)
{
    uint32_t total = 0;

    g_byte_array_set_size(out, 0);
    do {
        const uint32_t args[] = { 0, (uint32_t)type, out->len };
        uint32_t words[4];
        size_t at = out->len;

        if (!send_words(s, SWTPM_GET_STATE, args, G_N_ELEMENTS(args), -1, error) ||
            !receive_words(s, words, G_N_ELEMENTS(words), error)) {
            return false;
        }
        if (words[0] == NO_BLOB && at == 0) {
            *flags = 0;
            return true;
        }
        if (!check_result(SWTPM_GET_STATE, words[0], error)) {
            return false;
        }
        total = words[2];
        if (total > max || words[3] > total - at || (words[3] == 0 && at < total)) {
            set_error(error, "a state of %u bytes, of which %u come at %zu: must be at most %zu",
                      total, words[3], at, max);
            return false;
        }
        *flags = words[1];
        g_byte_array_set_size(out, (guint)(at + words[3]));
        if (!receive_all(s, out->data + at, words[3], error)) {
            return false;
        }
    } while (out->len < total);
    return true;
}

bool swtpm_set_state(struct swtpm *s, enum swtpm_blob_type type, const GByteArray *blob,
                     uint32_t flags, GError **error)
{
    const uint32_t args[] = { flags, (uint32_t)type, blob->len };
    uint32_t result;

    return send_words(s, SWTPM_SET_STATE, args, G_N_ELEMENTS(args), -1, error) &&
           send_all(s, blob->data, blob->len, -1, error) && receive_words(s, &result, 1, error) &&
           check_result(SWTPM_SET_STATE, result, error);
}
