/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/luks_header.c: the LUKS1 header: bounds, key slots, new headers, what `info` says.
 * Thread: the main one.
 */
#include <string.h>
#include "block/luks.h"
#include "config.h"
#include "util/error.h"

#define SLOT_ACTIVE    0x00ac71f3u
#define SLOT_INACTIVE  0x0000deadu
#define AT_SLOTS       208u
#define SLOT_BYTES     48u
#define MIN_ITERATIONS 1000u
#define MAX_ITERATIONS 100000000u /* half a minute of a fast processor */

/* clang-format off */
static const struct block_bound bounds[] = {
    { "version",        6,   2, 1, 1 },
    { "payload-offset", 104, 4, 1, 1u << 20 }, /* sectors */
    { "key-bytes",      108, 4, 1, LUKS_MAX_KEY },
    { "mk-digest-iter", 164, 4, 1, MAX_ITERATIONS },
    { 0 }
};
/* Within a slot that is in use. */
static const struct block_bound slot_bounds[] = {
    { "iterations of a key slot",          4,  4, 1, MAX_ITERATIONS },
    { "key-material-offset of a key slot", 40, 4, 2, 1u << 20 },
    { "stripes of a key slot",             44, 4, 1, LUKS_STRIPES },
    { 0 }
};
/* clang-format on */

static uint64_t whole_sectors(uint64_t bytes)
{
    return (bytes + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
}

void luks_free(struct luks *l)
{
    if (l) {
        luks_cipher_free(l->cipher);
        luks_cipher_spec_clear(&l->spec);
        pthread_rwlock_destroy(&l->partial);
        g_free(l->filename);
        g_free(l->hash);
        g_free(l->uuid);
        g_free(l);
    }
}

static struct luks *luks_alloc(const char *filename)
{
    struct luks *l = g_new0(struct luks, 1);

    l->filename = g_strdup(filename);
    pthread_rwlock_init(&l->partial, NULL);
    return l;
}

/* Reading --------------------------------------------------------------------------------------- */

static bool is_inactive_slot(const uint8_t *at)
{
    return block_field_be(at, 4) == SLOT_INACTIVE;
}

/* The key material of slots in use is between header and payload, and no two share a sector. */
static bool check_places(const struct luks *l, uint64_t room, GError **error)
{
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        const struct luks_slot *s = &l->slots[i];
        uint64_t start = (uint64_t)s->sector * BLOCK_SECTOR;
        uint64_t end = start + whole_sectors((uint64_t)l->key_bytes * s->stripes);

        if (s->active && !block_bound_one(l->filename, "end of a slot's key material", end, start,
                                          MIN(l->payload, room), error)) {
            return false;
        }
        for (unsigned k = 0; k < i && s->active; k++) {
            const struct luks_slot *other = &l->slots[k];
            uint64_t at = (uint64_t)other->sector * BLOCK_SECTOR;

            if (other->active && start < at + (uint64_t)l->key_bytes * other->stripes && at < end) {
                set_error(error, "%s: the key material of slots %u and %u overlaps", l->filename, k,
                          i);
                return false;
            }
        }
    }
    return block_bound_one(l->filename, "payload-offset in bytes", l->payload, LUKS_HEADER, room,
                           error);
}

static bool take_slots(struct luks *l, const uint8_t *b, GError **error)
{
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        const uint8_t *at = b + AT_SLOTS + i * SLOT_BYTES;
        struct luks_slot *s = &l->slots[i];

        s->active = block_field_be(at, 4) == SLOT_ACTIVE;
        if (!s->active && !is_inactive_slot(at)) {
            set_error(error, "%s: key slot %u is neither in use nor free (0x%x)", l->filename, i,
                      (unsigned)block_field_be(at, 4));
            return false;
        }
        if (s->active && !block_bounds_check(l->filename, at, false, slot_bounds, error)) {
            return false;
        }
        s->iterations = (uint32_t)block_field_be(at + 4, 4);
        memcpy(s->salt, at + 8, LUKS_SALT);
        s->sector = (uint32_t)block_field_be(at + 40, 4);
        s->stripes = (uint32_t)block_field_be(at + 44, 4);
    }
    return true;
}

/* "xts-plain64", "cbc-essiv:sha256", "ecb" */
static bool take_cipher(struct luks *l, const char *name, const char *mode, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(mode, "-", 2);
    g_auto(GStrv) iv = g_strsplit(parts[0] && parts[1] ? parts[1] : "plain", ":", 2);
    const char *alg;
    size_t bytes;

    l->spec.mode = g_strdup(parts[0] ? parts[0] : "");
    l->spec.iv = g_strdup(iv[0] ? iv[0] : "");
    l->spec.iv_hash = g_strdup(iv[0] ? iv[1] : NULL);
    alg = luks_alg_of(name, l->spec.mode, l->key_bytes);
    if (!alg) {
        if (CONFIG_GCRYPT) {
            set_error(error, "%s: cipher '%s' with mode '%s' and %u bytes of key is not supported",
                      l->filename, name, mode, l->key_bytes);
        } else {
            (void)luks_key_bytes(&l->spec, error);
        }
        return false;
    }
    l->spec.alg = g_strdup(alg);
    bytes = luks_key_bytes(&l->spec, error);
    return bytes && block_bound_one(l->filename, "key-bytes", l->key_bytes, bytes, bytes, error);
}

static bool take_header(struct luks *l, const uint8_t *b, GError **error)
{
    g_autofree char *name = g_strndup((const char *)b + 8, 32);
    g_autofree char *mode = g_strndup((const char *)b + 40, 32);

    if (!block_bounds_check(l->filename, b, false, bounds, error)) {
        return false;
    }
    l->hash = g_strndup((const char *)b + 72, 32);
    l->payload = block_field_be(b + 104, 4) * BLOCK_SECTOR;
    l->key_bytes = (uint32_t)block_field_be(b + 108, 4);
    memcpy(l->master_digest, b + 112, LUKS_MASTER_HASH);
    memcpy(l->master_salt, b + 132, LUKS_SALT);
    l->master_iterations = (uint32_t)block_field_be(b + 164, 4);
    l->uuid = g_strndup((const char *)b + 168, 40);
    if (!g_utf8_validate(l->uuid, -1, NULL)) {
        set_error(error, "%s: the UUID is no text", l->filename);
        return false;
    }
    if (!take_cipher(l, name, mode, error) || !take_slots(l, b, error)) {
        return false;
    }
    if (!luks_digest_bytes(l->hash)) {
        set_error(error, "%s: hash '%s' is not supported", l->filename, l->hash);
        return false;
    }
    return true;
}

struct luks *luks_open(struct block_node *file, uint64_t at, uint64_t room, const char *filename,
                       GError **error)
{
    struct luks *l = luks_alloc(filename);
    uint8_t b[LUKS_HEADER];

    if (block_node_read(file, at, b, sizeof(b)) != 0) {
        set_error(error, "%s: Unable to read LUKS header", filename);
    } else if (memcmp(b, LUKS_MAGIC, 6) != 0) {
        set_error(error, "%s: Volume is not in LUKS format", filename);
    } else if (take_header(l, b, error) && check_places(l, room, error)) {
        return l;
    }
    luks_free(l);
    return NULL;
}

/* The anti-forensic splitter (specification, 2.4) ------------------------------------------------ */

/* Each piece as long as a digest becomes the hash of its number and itself. */
static void diffuse(const char *hash, uint8_t *block, size_t len)
{
    size_t digest = luks_digest_bytes(hash);

    for (uint32_t i = 0; i * digest < len; i++) {
        size_t n = MIN(digest, len - i * digest);
        uint8_t in[4 + LUKS_MAX_DIGEST], out[LUKS_MAX_DIGEST];
        uint32_t number = GUINT32_TO_BE(i);

        memcpy(in, &number, 4);
        memcpy(in + 4, block + i * digest, n);
        luks_digest(hash, in, 4 + n, out);
        memcpy(block + i * digest, out, n);
    }
}

static void add_stripe(uint8_t *sum, const uint8_t *stripe, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum[i] ^= stripe[i];
    }
}

/* The key is what the last stripe is, xor what the others came to: `sum` of all but the last. */
static void sum_stripes(const char *hash, const uint8_t *stripes, uint32_t n, size_t len,
                        uint8_t *sum)
{
    memset(sum, 0, len);
    for (uint32_t i = 0; i + 1 < n; i++) {
        add_stripe(sum, stripes + i * len, len);
        diffuse(hash, sum, len);
    }
}

/* Key slots ------------------------------------------------------------------------------------- */

static struct luks_cipher *slot_cipher(const struct luks *l, const struct luks_slot *s,
                                       const void *pass, size_t n, GError **error)
{
    uint8_t key[LUKS_MAX_KEY];
    struct luks_cipher *c = NULL;

    if (luks_pbkdf2(l->hash, pass, n, s->salt, s->iterations, key, l->key_bytes, error)) {
        c = luks_cipher_new(&l->spec, key, error);
    }
    explicit_bzero(key, sizeof(key));
    return c;
}

static bool digest_of_key(const struct luks *l, const uint8_t *key, uint8_t out[LUKS_MASTER_HASH],
                          GError **error)
{
    return luks_pbkdf2(l->hash, key, l->key_bytes, l->master_salt, l->master_iterations, out,
                       LUKS_MASTER_HASH, error);
}

/* 1: `key` is the volume's; 0: the passphrase is not this slot's; -1 and *error. */
static int try_slot(const struct luks *l, const struct luks_slot *s, struct block_node *file,
                    uint64_t at, const void *pass, size_t n, uint8_t *key, GError **error)
{
    size_t split = (size_t)l->key_bytes * s->stripes, room = whole_sectors(split);
    struct luks_cipher *c = slot_cipher(l, s, pass, n, error);
    g_autofree uint8_t *material = g_malloc0(room);
    uint8_t digest[LUKS_MASTER_HASH];
    int ret = -1;

    if (!c) {
        return -1;
    }
    if (block_node_read(file, at + (uint64_t)s->sector * BLOCK_SECTOR, material, room) != 0 ||
        luks_crypt(c, false, 0, material, room) != 0) {
        set_error(error, "%s: Failed to read key material", l->filename);
    } else {
        sum_stripes(l->hash, material, s->stripes, l->key_bytes, key);
        add_stripe(key, material + split - l->key_bytes, l->key_bytes);
        if (digest_of_key(l, key, digest, error)) {
            ret = memcmp(digest, l->master_digest, LUKS_MASTER_HASH) == 0;
        }
    }
    explicit_bzero(material, room);
    luks_cipher_free(c);
    return ret;
}

bool luks_unlock(struct luks *l, struct block_node *file, uint64_t at, const void *pass, size_t n,
                 GError **error)
{
    uint8_t key[LUKS_MAX_KEY];
    int ret = 0;

    for (unsigned i = 0; i < LUKS_SLOTS && ret == 0; i++) {
        if (l->slots[i].active) {
            ret = try_slot(l, &l->slots[i], file, at, pass, n, key, error);
        }
    }
    if (ret == 0) {
        set_error(error, "Invalid password, cannot unlock any keyslot");
    } else if (ret > 0) {
        l->cipher = luks_cipher_new(&l->spec, key, error);
    }
    explicit_bzero(key, sizeof(key));
    return l->cipher != NULL;
}

const void *luks_secret(const struct block_options *o, const char *prefix,
                        struct block_graph *graph, size_t *n, GError **error)
{
    g_autofree char *name = g_strconcat(prefix, "key-secret", NULL);
    const char *id = block_options_get(o, name);
    const void *secret = id ? block_graph_secret(graph, id, n) : NULL;

    if (!id) {
        set_error(error, "Parameter '%s' is required for cipher", name);
    } else if (!secret) {
        set_error(error, "No secret with id '%s'", id);
    }
    return secret;
}

/* Making ---------------------------------------------------------------------------------------- */

static const char *option(const struct block_options *o, const struct block_option_row *rows,
                          const char *prefix, const char *name)
{
    g_autofree char *key = g_strconcat(prefix, name, NULL);

    return block_option_string(o, rows, key);
}

static const char *or_else(const char *value, const char *otherwise)
{
    return value ? value : otherwise;
}

struct luks *luks_new(const struct block_options *o, const struct block_option_row *rows,
                      const char *prefix, const char *filename, GError **error)
{
    struct luks *l = luks_alloc(filename);
    uint32_t slot_sectors;

    l->spec.alg = g_strdup(or_else(option(o, rows, prefix, "cipher-alg"), "aes-256"));
    l->spec.mode = g_strdup(or_else(option(o, rows, prefix, "cipher-mode"), "xts"));
    l->spec.iv = g_strdup(or_else(option(o, rows, prefix, "ivgen-alg"), "plain64"));
    l->hash = g_strdup(or_else(option(o, rows, prefix, "hash-alg"), "sha256"));
    if (strcmp(l->spec.iv, "essiv") == 0) {
        l->spec.iv_hash = g_strdup(or_else(option(o, rows, prefix, "ivgen-hash-alg"), "sha256"));
    }
    l->key_bytes = (uint32_t)luks_key_bytes(&l->spec, error);
    if (!l->key_bytes) {
        luks_free(l);
        return NULL;
    }
    if (!luks_digest_bytes(l->hash)) {
        set_error(error, "Hash algorithm '%s' is not supported", l->hash);
        luks_free(l);
        return NULL;
    }
    l->uuid = g_uuid_string_random();
    /* Each slot's key material begins at a multiple of 4 KiB. */
    slot_sectors = (uint32_t)(whole_sectors((uint64_t)l->key_bytes * LUKS_STRIPES) / BLOCK_SECTOR);
    slot_sectors = (slot_sectors + 7) & ~7u;
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        l->slots[i] =
            (struct luks_slot){ .sector = LUKS_KEY_OFFSET / BLOCK_SECTOR + i * slot_sectors,
                                .stripes = LUKS_STRIPES };
    }
    l->payload = LUKS_KEY_OFFSET + (uint64_t)LUKS_SLOTS * slot_sectors * BLOCK_SECTOR;
    return l;
}

/* Iterations that take so many milliseconds of this processor. */
static bool count_iterations(const struct luks *l, uint64_t ms, uint32_t *out, GError **error)
{
    uint8_t salt[LUKS_SALT] = { 0 }, key[LUKS_MAX_KEY];
    uint64_t n = 1u << 14, took;

    for (;; n *= 2) {
        gint64 began = g_get_monotonic_time();

        if (!luks_pbkdf2(l->hash, "passphrase", 10, salt, n, key, l->key_bytes, error)) {
            return false;
        }
        took = (uint64_t)MAX(g_get_monotonic_time() - began, 1);
        if (took > 20000) {
            *out = (uint32_t)CLAMP(n * ms * 1000 / took, MIN_ITERATIONS, MAX_ITERATIONS);
            return true;
        }
    }
}

static bool write_slot(const struct luks *l, const struct luks_slot *s, struct block_node *file,
                       uint64_t at, const void *pass, size_t n, const uint8_t *key, GError **error)
{
    size_t split = (size_t)l->key_bytes * s->stripes, room = whole_sectors(split);
    struct luks_cipher *c = slot_cipher(l, s, pass, n, error);
    g_autofree uint8_t *material = g_malloc0(room);
    uint8_t *last = material + split - l->key_bytes;
    int ret;

    if (!c) {
        return false;
    }
    luks_random(material, split - l->key_bytes);
    sum_stripes(l->hash, material, s->stripes, l->key_bytes, last);
    add_stripe(last, key, l->key_bytes);
    ret = luks_crypt(c, true, 0, material, room);
    luks_cipher_free(c);
    if (ret == 0) {
        ret = block_node_write(file, at + (uint64_t)s->sector * BLOCK_SECTOR, material, room);
    }
    if (ret != 0) {
        set_error(error, "%s: Failed to write key material: %s", l->filename, g_strerror(-ret));
    }
    return ret == 0;
}

static void put(uint8_t *at, unsigned size, uint64_t value)
{
    for (unsigned i = size; i > 0; i--, value >>= 8) {
        at[i - 1] = (uint8_t)value;
    }
}

static bool write_header(const struct luks *l, struct block_node *file, uint64_t at, GError **error)
{
    uint8_t b[LUKS_KEY_OFFSET] = LUKS_MAGIC;
    g_autofree char *name = luks_alg_name(l->spec.alg);
    int ret;

    put(b + 6, 2, 1);
    g_strlcpy((char *)b + 8, name, 32);
    g_snprintf((char *)b + 40, 32, "%s-%s%s%s", l->spec.mode, l->spec.iv,
               l->spec.iv_hash ? ":" : "", l->spec.iv_hash ? l->spec.iv_hash : "");
    g_strlcpy((char *)b + 72, l->hash, 32);
    put(b + 104, 4, l->payload / BLOCK_SECTOR);
    put(b + 108, 4, l->key_bytes);
    memcpy(b + 112, l->master_digest, LUKS_MASTER_HASH);
    memcpy(b + 132, l->master_salt, LUKS_SALT);
    put(b + 164, 4, l->master_iterations);
    g_strlcpy((char *)b + 168, l->uuid, 40);
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        const struct luks_slot *s = &l->slots[i];
        uint8_t *to = b + AT_SLOTS + i * SLOT_BYTES;

        put(to, 4, s->active ? SLOT_ACTIVE : SLOT_INACTIVE);
        put(to + 4, 4, s->iterations);
        memcpy(to + 8, s->salt, LUKS_SALT);
        put(to + 40, 4, s->sector);
        put(to + 44, 4, s->stripes);
    }
    ret = block_node_write(file, at, b, sizeof(b));
    if (ret != 0) {
        set_error(error, "%s: Unable to write LUKS header: %s", l->filename, g_strerror(-ret));
    }
    return ret == 0;
}

bool luks_write_new(struct luks *l, struct block_node *file, uint64_t at, const void *pass,
                    size_t n, uint64_t iter_time, GError **error)
{
    struct luks_slot *s = &l->slots[0];
    uint8_t key[LUKS_MAX_KEY];
    bool ok;

    luks_random(key, l->key_bytes);
    luks_random(l->master_salt, LUKS_SALT);
    luks_random(s->salt, LUKS_SALT);
    ok = count_iterations(l, iter_time, &s->iterations, error) &&
         count_iterations(l, iter_time / 8, &l->master_iterations, error) &&
         digest_of_key(l, key, l->master_digest, error);
    s->active = true;
    ok = ok && write_slot(l, s, file, at, pass, n, key, error) && write_header(l, file, at, error);
    if (ok) {
        l->cipher = luks_cipher_new(&l->spec, key, error);
    }
    explicit_bzero(key, sizeof(key));
    return ok && l->cipher;
}

/* Info ------------------------------------------------------------------------------------------ */

void luks_info(const struct luks *l, bool nested, struct block_info_row *to)
{
    struct block_info_row *list;

    block_info_string(to, "ivgen-alg", l->spec.iv);
    block_info_string(to, "hash-alg", l->hash);
    block_info_string(to, "cipher-alg", l->spec.alg);
    block_info_string(to, "uuid", l->uuid);
    if (l->spec.iv_hash) {
        block_info_string(to, "ivgen-hash-alg", l->spec.iv_hash);
    }
    if (nested) {
        block_info_string(to, "format", "luks");
    }
    block_info_string(to, "cipher-mode", l->spec.mode);
    list = block_info_list(to, "slots");
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        const struct luks_slot *s = &l->slots[i];
        struct block_info_row *row = block_info_tree(list, NULL);

        block_info_bool(row, "active", s->active);
        if (s->active) {
            block_info_uint(row, "iters", s->iterations);
        }
        block_info_uint(row, "key-offset", (uint64_t)s->sector * BLOCK_SECTOR);
        if (s->active) {
            block_info_uint(row, "stripes", s->stripes);
        }
    }
    block_info_uint(to, "payload-offset", l->payload);
    block_info_uint(to, "master-key-iters", l->master_iterations);
}
