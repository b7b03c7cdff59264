/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/tpm_player.h: a swtpm that a thread plays: it answers control commands, and each command of a TPM with
 * the bytes that it had, behind a header that says success.
 * Thread: the player's, until its socket is shut; the test looks at ints atomically, at the rest between answers.
 */
#ifndef TESTS_DEVICE_TPM_PLAYER_H
#define TESTS_DEVICE_TPM_PLAYER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What the thread is, and what it was asked. */
struct tpm_player {
    int control, data;
    GThread *thread; /* the test's */
    bool v1;
    uint32_t capabilities;
    int inits, stops;
    int locality, silent, huge; /* silent: commands get no answer */
    uint32_t init_flags;
    uint8_t blobs[4][64];
    uint32_t blob_len[4];
};

uint32_t tpm_player_get32(const uint8_t *p);
/* A thread's function; opaque is a struct tpm_player with control, data (-1) and capabilities. */
gpointer tpm_player_run(gpointer opaque);
/* One for each connection to the socket there, until the program ends. */
void tpm_player_serve(const char *path);

#endif
