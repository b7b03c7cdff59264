/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/luks.h: LUKS1 encryption (LUKS On-Disk Format Specification, version 1.2.3): the header with its
 * key slots, and sectors in and out of what it protects.  For the format `luks` and for qcow2.
 *
 * A volume key encrypts the sectors; each of eight slots holds it under a passphrase, spread over many
 * stripes (AF splitter) so that erasing a slot destroys it.
 *
 * Invariant: everything in a header is bounded before use; sectors move only once the key is known.
 * Thread:    opening, unlocking and making in the main thread; luks_transfer on any, several at a time.
 */
#ifndef BLOCK_LUKS_H
#define BLOCK_LUKS_H

#include <pthread.h>
#include "block/driver.h"

#define LUKS_MAGIC       "LUKS\xba\xbe"
#define LUKS_HEADER      592u /* bytes; what follows up to the first key material is unused */
#define LUKS_SLOTS       8u
#define LUKS_STRIPES     4000u
#define LUKS_ITER_TIME   2000u /* milliseconds of key derivation when nobody says */
#define LUKS_KEY_OFFSET  4096u
#define LUKS_MAX_KEY     64u
#define LUKS_MAX_DIGEST  64u
#define LUKS_SALT        32u
#define LUKS_MASTER_HASH 20u

/* luks_cipher.c ------------------------------------------------------------------------------- */

/* What encrypts sectors: an algorithm, a mode, a generator of initialization vectors, a key. */
struct luks_cipher;
struct luks_cipher_spec {
    char *alg;     /* "aes-256" */
    char *mode;    /* "xts", "cbc" or "ecb" */
    char *iv;      /* "plain", "plain64" or "essiv" */
    char *iv_hash; /* of essiv: "sha256"; NULL: none */
};
void luks_cipher_spec_clear(struct luks_cipher_spec *s);
/* Bytes of the key.  0 and *error: there is no such combination. */
size_t luks_key_bytes(const struct luks_cipher_spec *s, GError **error);
/* "aes" and its size in a header to "aes-256"; NULL: there is none. */
const char *luks_alg_of(const char *name, const char *mode, size_t key_bytes);
/* "aes" of "aes-256" */
char *luks_alg_name(const char *alg);
struct luks_cipher *luks_cipher_new(const struct luks_cipher_spec *s, const void *key,
                                    GError **error);
void luks_cipher_free(struct luks_cipher *c);
/* Whole sectors of 512 bytes in place, the first of which has this number. */
int luks_crypt(struct luks_cipher *c, bool encrypt, uint64_t sector, uint8_t *buf, size_t len);
/* Of a hash of the name; 0 when there is none. */
size_t luks_digest_bytes(const char *hash);
void luks_digest(const char *hash, const void *data, size_t len, uint8_t *out);
bool luks_pbkdf2(const char *hash, const void *pass, size_t n_pass, const uint8_t salt[LUKS_SALT],
                 uint64_t iterations, void *out, size_t len, GError **error);
void luks_random(void *out, size_t len);

/* luks_header.c ------------------------------------------------------------------------------- */

struct luks_slot {
    bool active;
    uint32_t iterations, sector, stripes; /* sector: of the key material, from the header's start */
    uint8_t salt[LUKS_SALT];
};

struct luks {
    char *filename; /* for messages */
    struct luks_cipher_spec spec;
    char *hash, *uuid;
    uint64_t payload; /* bytes from the header's start to the first encrypted sector */
    uint32_t key_bytes, master_iterations;
    uint8_t master_digest[LUKS_MASTER_HASH], master_salt[LUKS_SALT];
    struct luks_slot slots[LUKS_SLOTS];
    struct luks_cipher *cipher; /* NULL: locked */
    pthread_rwlock_t partial;   /* held for writing by who changes part of a sector */
};

/* Reads the header at byte `at`, which with its key material has `room` bytes.  NULL and *error. */
struct luks *luks_open(struct block_node *file, uint64_t at, uint64_t room, const char *filename,
                       GError **error);
void luks_free(struct luks *l);
bool luks_unlock(struct luks *l, struct block_node *file, uint64_t at, const void *pass, size_t n,
                 GError **error);
/* Options of `create`, below `prefix` ("" or "encrypt."); `rows` has their defaults. */
struct luks *luks_new(const struct block_options *o, const struct block_option_row *rows,
                      const char *prefix, const char *filename, GError **error);
/* Makes a volume key and writes the header with one slot that `pass` opens. */
bool luks_write_new(struct luks *l, struct block_node *file, uint64_t at, const void *pass,
                    size_t n, uint64_t iter_time, GError **error);
/* Rows for `info`; `nested`: within what qcow2 says. */
void luks_info(const struct luks *l, bool nested, struct block_info_row *to);
/* The passphrase that option `prefix`key-secret names; NULL and *error. */
const void *luks_secret(const struct block_options *o, const char *prefix,
                        struct block_graph *graph, size_t *n, GError **error);

/* luks.c -------------------------------------------------------------------------------------- */

/*
 * Bytes at `at` of the file, whose sectors are numbered from `tweak` (bytes, which differs from `at` by
 * whole sectors).  Partial sectors are read first.  0 or -errno.
 */
int luks_transfer(struct luks *l, struct block_node *file, bool write, uint64_t at, uint64_t tweak,
                  const struct iovec *iov, int n);
extern const struct block_option_row luks_create_options[];

#endif
