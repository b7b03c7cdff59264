/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crypto.c: fixed amounts of work for Debian's libcrypto.so.3, which picks its code by what the
 * processor says. Its headers are not needed: what is used of its interface stands below
 * (OpenSSL 3.0, EVP_EncryptInit(3), EVP_DigestInit(3), BN_mod_exp(3)).
 */
#include "tests/bench/c/bench.h"

enum { BLOCK = 1 << 14, BITS = 2048 };

void *EVP_CIPHER_CTX_new(void);
const void *EVP_aes_128_cbc(void), *EVP_aes_128_gcm(void), *EVP_chacha20_poly1305(void);
int EVP_EncryptInit_ex(void *c, const void *type, void *engine, const void *key, const void *iv);
int EVP_EncryptUpdate(void *c, void *out, int *out_size, const void *in, int in_size);
const void *EVP_sha256(void), *EVP_sha512(void);
int EVP_Digest(const void *data, size_t size, void *sum, unsigned *sum_size, const void *type,
               void *engine);
void *BN_new(void), *BN_CTX_new(void), *BN_bin2bn(const void *bytes, int size, void *to);
int BN_bn2binpad(const void *number, void *to, int size), BN_set_bit(void *number, int bit);
int BN_mod_exp(void *result, const void *base, const void *power, const void *modulus, void *ctx);

static uint64_t sum_of(const uint8_t *bytes, unsigned size)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < size; i++) {
        sum = mix(sum, bytes[i]);
    }
    return sum;
}

static uint64_t encrypt(const void *type, uint64_t n)
{
    static uint8_t data[BLOCK + 32], key[32] = "sixteen bytes, and sixteen more";
    void *ctx = EVP_CIPHER_CTX_new();
    int size;

    if (!EVP_EncryptInit_ex(ctx, type, NULL, key, key)) {
        die("libcrypto refuses the cipher");
    }
    clock_starts();
    while (n--) {
        EVP_EncryptUpdate(ctx, data, &size, data, BLOCK);
    }
    return sum_of(data, BLOCK);
}

static uint64_t digest(const void *type, uint64_t n)
{
    static uint8_t data[BLOCK];
    unsigned size;

    clock_starts();
    while (n--) {
        EVP_Digest(data, BLOCK, data + n % 64, &size, type, NULL);
    }
    return sum_of(data, 256);
}

static uint64_t aes_cbc(uint64_t n)
{
    return encrypt(EVP_aes_128_cbc(), n);
}
static uint64_t aes_gcm(uint64_t n)
{
    return encrypt(EVP_aes_128_gcm(), n);
}
static uint64_t chacha20(uint64_t n)
{
    return encrypt(EVP_chacha20_poly1305(), n);
}
static uint64_t sha256(uint64_t n)
{
    return digest(EVP_sha256(), n);
}
static uint64_t sha512(uint64_t n)
{
    return digest(EVP_sha512(), n);
}

static void *random_number(uint64_t seed)
{
    uint8_t bytes[BITS / 8];
    void *number;

    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = next_random(&seed);
    }
    number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    BN_set_bit(number, 0);
    return number;
}

/* What RSA with 2048 bits does for a signature, without the two primes. */
static uint64_t modexp(uint64_t n)
{
    void *modulus = random_number(1), *power = random_number(2), *base = random_number(3);
    void *ctx = BN_CTX_new();
    uint8_t bytes[BITS / 8];

    BN_set_bit(modulus, BITS - 1);
    clock_starts();
    while (n--) {
        BN_mod_exp(base, base, power, modulus, ctx);
    }
    BN_bn2binpad(base, bytes, sizeof(bytes));
    return sum_of(bytes, sizeof(bytes));
}

int main(int argc, char **argv)
{
    static const struct job jobs[] = {
        { "aes-cbc", aes_cbc }, { "aes-gcm", aes_gcm }, { "chacha20", chacha20 },
        { "sha256", sha256 },   { "sha512", sha512 },   { "modexp", modexp },
        { NULL, NULL },
    };

    return run_job(jobs, argc, argv);
}
