/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/luks_cipher.c: ciphers, hashes and initialization vectors by the names that LUKS has for them, on
 * libgcrypt.
 *
 * A handle of the library is of one thread at a time: those that are idle wait on a list.
 * Thread: any; the mutex guards the list.
 */
#include "block/luks.h"
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include "config.h"
#include "util/error.h"

#if CONFIG_GCRYPT
#include <gcrypt.h>

/* clang-format off */
static const struct alg {
    const char *alg, *name; /* with its size, and as headers have it */
    int id;
    unsigned key, block;    /* bytes */
} algs[] = {
    { "aes-128",     "aes",     GCRY_CIPHER_AES128,     16, 16 },
    { "aes-192",     "aes",     GCRY_CIPHER_AES192,     24, 16 },
    { "aes-256",     "aes",     GCRY_CIPHER_AES256,     32, 16 },
    { "cast5-128",   "cast5",   GCRY_CIPHER_CAST5,      16, 8 },
    { "serpent-128", "serpent", GCRY_CIPHER_SERPENT128, 16, 16 },
    { "serpent-192", "serpent", GCRY_CIPHER_SERPENT192, 24, 16 },
    { "serpent-256", "serpent", GCRY_CIPHER_SERPENT256, 32, 16 },
    { "twofish-128", "twofish", GCRY_CIPHER_TWOFISH128, 16, 16 },
    { "twofish-256", "twofish", GCRY_CIPHER_TWOFISH,    32, 16 },
};
static const struct hash {
    const char *name;
    int id;
} hashes[] = {
    { "sha1",      GCRY_MD_SHA1 },   { "sha224", GCRY_MD_SHA224 }, { "sha256",    GCRY_MD_SHA256 },
    { "sha384",    GCRY_MD_SHA384 }, { "sha512", GCRY_MD_SHA512 }, { "ripemd160", GCRY_MD_RMD160 },
    { "whirlpool", GCRY_MD_WHIRLPOOL },
};
static const struct mode {
    const char *name;
    int id;
} modes[] = {
    { "ecb", GCRY_CIPHER_MODE_ECB }, { "cbc", GCRY_CIPHER_MODE_CBC }, { "xts", GCRY_CIPHER_MODE_XTS },
};
/* clang-format on */

struct handle {
    gcry_cipher_hd_t data, iv; /* iv: of essiv, else NULL */
    struct handle *next;
};

struct luks_cipher {
    const struct alg *alg, *iv_alg; /* iv_alg: NULL without essiv */
    int mode;
    bool plain32; /* the number's low 32 bits alone */
    uint8_t key[LUKS_MAX_KEY], iv_key[LUKS_MAX_DIGEST];
    size_t key_bytes;
    pthread_mutex_t mutex;
    struct handle *idle;
};

/* The library wants to be told once that nobody sets it up. */
static void start_library(void)
{
    static gsize started;

    if (g_once_init_enter(&started)) {
        (void)gcry_check_version(NULL);
        if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
            gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
            gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
        }
        g_once_init_leave(&started, 1);
    }
}

static const struct alg *find_alg(const char *alg)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(algs); i++) {
        if (strcmp(algs[i].alg, alg) == 0) {
            return &algs[i];
        }
    }
    return NULL;
}

static int find_hash(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(hashes); i++) {
        if (strcmp(hashes[i].name, name) == 0) {
            return hashes[i].id;
        }
    }
    return 0;
}

static int find_mode(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        if (strcmp(modes[i].name, name) == 0) {
            return modes[i].id;
        }
    }
    return 0;
}

const char *luks_alg_of(const char *name, const char *mode, size_t key_bytes)
{
    size_t bytes = strcmp(mode, "xts") == 0 ? key_bytes / 2 : key_bytes;

    for (unsigned i = 0; i < G_N_ELEMENTS(algs); i++) {
        if (strcmp(algs[i].name, name) == 0 && algs[i].key == bytes) {
            return algs[i].alg;
        }
    }
    return NULL;
}

char *luks_alg_name(const char *alg)
{
    return g_strdup(find_alg(alg)->name);
}

size_t luks_digest_bytes(const char *hash)
{
    int id = find_hash(hash);

    return id ? gcry_md_get_algo_dlen(id) : 0;
}

void luks_digest(const char *hash, const void *data, size_t len, uint8_t *out)
{
    start_library();
    gcry_md_hash_buffer(find_hash(hash), out, data, len);
}

bool luks_pbkdf2(const char *hash, const void *pass, size_t n_pass, const uint8_t salt[LUKS_SALT],
                 uint64_t iterations, void *out, size_t len, GError **error)
{
    gcry_error_t ret;

    start_library();
    ret = gcry_kdf_derive(pass, n_pass, GCRY_KDF_PBKDF2, find_hash(hash), salt, LUKS_SALT,
                          (unsigned long)iterations, len, out);
    if (ret) {
        set_error(error, "cannot derive a key: %s", gcry_strerror(ret));
    }
    return !ret;
}

void luks_random(void *out, size_t len)
{
    start_library();
    gcry_randomize(out, len, GCRY_STRONG_RANDOM);
}

/* The cipher that encrypts numbers of sectors with the hash of the key: as wide as the hash. */
static const struct alg *essiv_alg(const struct luks_cipher_spec *s)
{
    const struct alg *alg = find_alg(s->alg);
    const char *name =
        s->iv_hash ? luks_alg_of(alg->name, "cbc", luks_digest_bytes(s->iv_hash)) : NULL;

    return name ? find_alg(name) : NULL;
}

size_t luks_key_bytes(const struct luks_cipher_spec *s, GError **error)
{
    const struct alg *alg = find_alg(s->alg);
    int mode = find_mode(s->mode);

    if (!alg) {
        set_error(error, "Algorithm '%s' is not supported", s->alg);
    } else if (!mode) {
        set_error(error, "Cipher mode '%s' is not supported", s->mode);
    } else if (mode == GCRY_CIPHER_MODE_XTS && (alg->block != 16 || alg->key == 24)) {
        set_error(error, "XTS mode does not go with cipher '%s'", s->alg);
    } else if (strcmp(s->iv, "essiv") == 0 && !s->iv_hash) {
        set_error(error, "IV generator 'essiv' needs a hash");
    } else if (strcmp(s->iv, "essiv") == 0 && !essiv_alg(s)) {
        set_error(error, "IV generator 'essiv:%s' does not go with cipher '%s'", s->iv_hash,
                  s->alg);
    } else if (strcmp(s->iv, "essiv") != 0 && strcmp(s->iv, "plain") != 0 &&
               strcmp(s->iv, "plain64") != 0) {
        set_error(error, "IV generator '%s' is not supported", s->iv);
    } else {
        return mode == GCRY_CIPHER_MODE_XTS ? alg->key * 2 : alg->key;
    }
    return 0;
}

/* Handles --------------------------------------------------------------------------------------- */

static void handle_free(struct handle *h)
{
    gcry_cipher_close(h->data);
    gcry_cipher_close(h->iv);
    g_free(h);
}

/* NULL: the library has no room. */
static struct handle *handle_new(struct luks_cipher *c)
{
    struct handle *h = g_new0(struct handle, 1);

    if (gcry_cipher_open(&h->data, c->alg->id, c->mode, 0) ||
        gcry_cipher_setkey(h->data, c->key, c->key_bytes) ||
        (c->iv_alg && (gcry_cipher_open(&h->iv, c->iv_alg->id, GCRY_CIPHER_MODE_ECB, 0) ||
                       gcry_cipher_setkey(h->iv, c->iv_key, c->iv_alg->key)))) {
        handle_free(h);
        return NULL;
    }
    return h;
}

static struct handle *handle_get(struct luks_cipher *c)
{
    struct handle *h;

    pthread_mutex_lock(&c->mutex);
    h = c->idle;
    if (h) {
        c->idle = h->next;
    }
    pthread_mutex_unlock(&c->mutex);
    return h ? h : handle_new(c);
}

static void handle_put(struct luks_cipher *c, struct handle *h)
{
    pthread_mutex_lock(&c->mutex);
    h->next = c->idle;
    c->idle = h;
    pthread_mutex_unlock(&c->mutex);
}

struct luks_cipher *luks_cipher_new(const struct luks_cipher_spec *s, const void *key,
                                    GError **error)
{
    size_t key_bytes = luks_key_bytes(s, error);
    struct luks_cipher *c;
    struct handle *h;

    if (!key_bytes) {
        return NULL;
    }
    start_library();
    c = g_new0(struct luks_cipher, 1);
    c->alg = find_alg(s->alg);
    c->mode = find_mode(s->mode);
    c->key_bytes = key_bytes;
    memcpy(c->key, key, key_bytes);
    c->plain32 = strcmp(s->iv, "plain") == 0;
    if (strcmp(s->iv, "essiv") == 0) {
        c->iv_alg = essiv_alg(s);
        luks_digest(s->iv_hash, key, key_bytes, c->iv_key);
    }
    pthread_mutex_init(&c->mutex, NULL);
    h = handle_new(c);
    if (!h) {
        set_error(error, "libgcrypt does not take the key");
        luks_cipher_free(c);
        return NULL;
    }
    handle_put(c, h);
    return c;
}

void luks_cipher_free(struct luks_cipher *c)
{
    if (c) {
        while (c->idle) {
            struct handle *h = c->idle;

            c->idle = h->next;
            handle_free(h);
        }
        pthread_mutex_destroy(&c->mutex);
        explicit_bzero(c, sizeof(*c));
        g_free(c);
    }
}

static bool set_iv(const struct luks_cipher *c, struct handle *h, uint64_t sector)
{
    uint8_t iv[16] = { 0 };
    uint64_t number = GUINT64_TO_LE(c->plain32 ? sector & 0xffffffffu : sector);

    if (c->mode == GCRY_CIPHER_MODE_ECB) {
        return true;
    }
    memcpy(iv, &number, sizeof(number));
    return (!h->iv || gcry_cipher_encrypt(h->iv, iv, c->iv_alg->block, NULL, 0) == 0) &&
           gcry_cipher_setiv(h->data, iv, c->alg->block) == 0;
}

int luks_crypt(struct luks_cipher *c, bool encrypt, uint64_t sector, uint8_t *buf, size_t len)
{
    struct handle *h = handle_get(c);
    bool ok = h != NULL;

    for (size_t at = 0; at < len && ok; at += BLOCK_SECTOR, sector++) {
        ok = set_iv(c, h, sector) &&
             (encrypt ? gcry_cipher_encrypt(h->data, buf + at, BLOCK_SECTOR, NULL, 0)
                      : gcry_cipher_decrypt(h->data, buf + at, BLOCK_SECTOR, NULL, 0)) == 0;
    }
    if (h) {
        handle_put(c, h);
    }
    return ok ? 0 : -EIO;
}

#else

const char *luks_alg_of(const char *name, const char *mode, size_t key_bytes)
{
    (void)name, (void)mode, (void)key_bytes;
    return NULL;
}

char *luks_alg_name(const char *alg)
{
    return g_strdup(alg);
}

size_t luks_key_bytes(const struct luks_cipher_spec *s, GError **error)
{
    (void)s;
    set_error(error, "this build has no libgcrypt, which encryption needs");
    return 0;
}

struct luks_cipher *luks_cipher_new(const struct luks_cipher_spec *s, const void *key,
                                    GError **error)
{
    (void)key;
    (void)luks_key_bytes(s, error);
    return NULL;
}

void luks_cipher_free(struct luks_cipher *c)
{
    (void)c;
}

int luks_crypt(struct luks_cipher *c, bool encrypt, uint64_t sector, uint8_t *buf, size_t len)
{
    (void)c, (void)encrypt, (void)sector, (void)buf, (void)len;
    return -ENOTSUP;
}

size_t luks_digest_bytes(const char *hash)
{
    (void)hash;
    return 0;
}

void luks_digest(const char *hash, const void *data, size_t len, uint8_t *out)
{
    (void)hash, (void)data, (void)len, (void)out;
}

bool luks_pbkdf2(const char *hash, const void *pass, size_t n_pass, const uint8_t salt[LUKS_SALT],
                 uint64_t iterations, void *out, size_t len, GError **error)
{
    (void)hash, (void)pass, (void)n_pass, (void)salt, (void)iterations, (void)out, (void)len;
    set_error(error, "this build has no libgcrypt, which encryption needs");
    return false;
}

void luks_random(void *out, size_t len)
{
    (void)out, (void)len;
}

#endif

void luks_cipher_spec_clear(struct luks_cipher_spec *s)
{
    g_free(s->alg);
    g_free(s->mode);
    g_free(s->iv);
    g_free(s->iv_hash);
    *s = (struct luks_cipher_spec){ 0 };
}
