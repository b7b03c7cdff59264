/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/vnc_handshake.c: the begin of a connection: version, TLS, password, ClientInit, ServerInit (RFC 6143, 7.1 to
 * 7.3; rfbproto, "VeNCrypt").
 *
 * The password's challenge is encrypted with DES by libgcrypt; without that no password can be asked for.
 * Thread: main loop, machine lock held.
 */
#include "config.h"
#if CONFIG_GCRYPT
#include <gcrypt.h>
#endif
#include <string.h>
#include "softmmu/machine.h"
#include "ui/vnc_server.h"
#include "util/error.h"

enum { SECURITY_FAILED = 0, SECURITY_NONE = 1, SECURITY_PASSWORD = 2, SECURITY_VENCRYPT = 19 };
/* Of VeNCrypt: TLS without certificates, and with them; none or the password follows. */
enum { VENCRYPT_TLS = 257, VENCRYPT_X509 = 260, VENCRYPT_PASSWORD = 1 };

static vnc_step take_client_init;

/* Within TLS, where that comes first. */
static unsigned inner_security(const struct vnc_client *c)
{
    return c->server->needs_password && !c->skip_auth ? SECURITY_PASSWORD : SECURITY_NONE;
}

/* A web socket is encrypted below RFB; who hands over a socket without authentication vouches for it. */
static unsigned security_of(const struct vnc_client *c)
{
    return c->server->tls && !c->web && !c->skip_auth ? SECURITY_VENCRYPT : inner_security(c);
}

/* 3.8 says why. */
static void refuse(struct vnc_client *c, const char *why)
{
    vnc_put32(c, 1);
    if (c->minor >= 8) {
        vnc_put32(c, (uint32_t)strlen(why));
        vnc_put(c, why, strlen(why));
    }
    c->closing = true;
}

static void accept(struct vnc_client *c)
{
    if (c->minor >= 8 || security_of(c) != SECURITY_NONE) {
        vnc_put32(c, 0);
    }
    vnc_ask(c, 1, take_client_init);
}

/* The password ---------------------------------------------------------------------------------- */

static bool random_bytes(uint8_t *to, size_t n)
{
#if CONFIG_GCRYPT
    gcry_create_nonce(to, n);
    return true;
#else
    memset(to, 0, n);
    return false;
#endif
}

/* RFC 6143, 7.2.2: the password is the key, padded with zeros, each byte's bits in reverse order. */
static bool encrypt(const char *password, const uint8_t in[VNC_CHALLENGE],
                    uint8_t out[VNC_CHALLENGE])
{
    uint8_t key[8] = { 0 };
    bool ok = false;

    for (unsigned i = 0; i < sizeof(key) && password[i]; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            key[i] |= (uint8_t)(((uint8_t)password[i] >> bit & 1) << (7 - bit));
        }
    }
#if CONFIG_GCRYPT
    gcry_cipher_hd_t cipher;

    if (gcry_cipher_open(&cipher, GCRY_CIPHER_DES, GCRY_CIPHER_MODE_ECB, 0) != 0) {
        return false;
    }
    gcry_cipher_ctl(cipher, GCRYCTL_SET_ALLOW_WEAK_KEY, NULL, 1);
    /* A weak key is reported and used. */
    ok = (gcry_cipher_setkey(cipher, key, sizeof(key)) & GPG_ERR_CODE_MASK) != GPG_ERR_INV_KEYLEN &&
         gcry_cipher_encrypt(cipher, out, VNC_CHALLENGE, in, VNC_CHALLENGE) == 0;
    gcry_cipher_close(cipher);
#else
    memcpy(out, in, VNC_CHALLENGE);
#endif
    return ok;
}

static bool is_right(const struct vnc_client *c, const uint8_t *answer)
{
    const struct vnc_server *s = c->server;
    uint8_t want[VNC_CHALLENGE];
    unsigned differs = 0;

    if (!s->password || g_get_real_time() / G_USEC_PER_SEC >= s->expires ||
        !encrypt(s->password, c->challenge, want)) {
        return false;
    }
    for (unsigned i = 0; i < sizeof(want); i++) {
        differs |= want[i] ^ answer[i];
    }
    return differs == 0;
}

static void take_answer(struct vnc_client *c, const uint8_t *data)
{
    if (is_right(c, data)) {
        accept(c);
    } else {
        refuse(c, "Authentication failed");
    }
}

static void begin_inner(struct vnc_client *c)
{
    if (inner_security(c) == SECURITY_NONE) {
        accept(c);
        return;
    }
    if (!random_bytes(c->challenge, sizeof(c->challenge))) {
        refuse(c, "This server was built without passwords");
        return;
    }
    vnc_put(c, c->challenge, sizeof(c->challenge));
    vnc_ask(c, sizeof(c->challenge), take_answer);
}

/* VeNCrypt -------------------------------------------------------------------------------------- */

static unsigned subtype_of(const struct vnc_client *c)
{
    return (tls_creds_kind(c->server->tls) == TLS_X509 ? VENCRYPT_X509 : VENCRYPT_TLS) +
           (inner_security(c) == SECURITY_PASSWORD ? VENCRYPT_PASSWORD : 0);
}

static void take_subtype(struct vnc_client *c, const uint8_t *data)
{
    uint32_t type = (uint32_t)data[0] << 24 | data[1] << 16 | data[2] << 8 | data[3];

    vnc_put8(c, type == subtype_of(c));
    if (type != subtype_of(c)) {
        c->closing = true;
        return;
    }
    vnc_start_tls(c, begin_inner);
}

/* Version 0.2 is the only one in use. */
static void take_vencrypt_version(struct vnc_client *c, const uint8_t *data)
{
    bool known = data[0] == 0 && data[1] == 2;

    vnc_put8(c, !known);
    if (!known) {
        c->closing = true;
        return;
    }
    vnc_put8(c, 1);
    vnc_put32(c, subtype_of(c));
    vnc_ask(c, 4, take_subtype);
}

static void begin_security(struct vnc_client *c, unsigned type)
{
    if (type != SECURITY_VENCRYPT) {
        begin_inner(c);
        return;
    }
    vnc_put8(c, 0);
    vnc_put8(c, 2);
    vnc_ask(c, 2, take_vencrypt_version);
}

/* Version and security -------------------------------------------------------------------------- */

static void take_choice(struct vnc_client *c, const uint8_t *data)
{
    if (data[0] != security_of(c)) {
        refuse(c, "This type of security was not offered");
        return;
    }
    begin_security(c, data[0]);
}

/* "RFB 003.008\n" */
static void take_version(struct vnc_client *c, const uint8_t *data)
{
    unsigned type = security_of(c);

    if (memcmp(data, "RFB 003.", 8) != 0 || data[11] != '\n') {
        vnc_client_end(c);
        return;
    }
    c->minor = memcmp(data + 8, "008", 3) == 0 ? 8 : memcmp(data + 8, "007", 3) == 0 ? 7 : 3;
    if (c->minor == 3 && type == SECURITY_VENCRYPT) { /* it knows of none but the password */
        static const char why[] = "This server asks for TLS, which needs RFB 3.7";

        vnc_put32(c, SECURITY_FAILED);
        vnc_put32(c, sizeof(why) - 1);
        vnc_put(c, why, sizeof(why) - 1);
        c->closing = true;
        return;
    }
    if (c->minor == 3) {
        vnc_put32(c, type);
        begin_security(c, type);
        return;
    }
    vnc_put8(c, 1);
    vnc_put8(c, type);
    vnc_ask(c, 1, take_choice);
}

void vnc_handshake_begin(struct vnc_client *c)
{
    vnc_put(c, "RFB 003.008\n", 12);
    vnc_ask(c, 12, take_version);
}

/* ClientInit ------------------------------------------------------------------------------------ */

/* The others that have gone through their handshake. */
static unsigned others(const struct vnc_client *c, bool end_them)
{
    unsigned n = 0;

    for (unsigned i = 0; i < c->server->clients->len; i++) {
        struct vnc_client *other = g_ptr_array_index(c->server->clients, i);

        if (other == c || !other->initialized || other->ending) {
            continue;
        }
        n++;
        if (end_them) {
            vnc_client_end(other);
        }
    }
    return n;
}

static bool may_share(struct vnc_client *c, bool shared)
{
    const struct vnc_server *s = c->server;

    if (s->share == VNC_SHARE_FORCE && !shared) {
        return false;
    }
    if (s->share == VNC_SHARE_EXCLUSIVE && !shared) {
        others(c, true);
        return true;
    }
    return s->share == VNC_SHARE_IGNORE || others(c, false) < s->max_connections;
}

static void take_client_init(struct vnc_client *c, const uint8_t *data)
{
    /* 32 bits, depth 24, little endian, true colour, 255 each, red at 16. */
    static const uint8_t format[16] = { 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0 };
    const char *guest = c->machine->config.name;
    g_autofree char *name = guest ? g_strdup_printf("Rhea (%s)", guest) : g_strdup("Rhea");

    if (!may_share(c, data[0] != 0)) {
        vnc_client_end(c);
        return;
    }
    vnc_set_pixels(&c->pixels, format);
    viewer_open(&c->viewer); /* tells the size */
    vnc_put16(c, c->width);
    vnc_put16(c, c->height);
    vnc_put(c, format, sizeof(format));
    vnc_put32(c, (uint32_t)strlen(name));
    vnc_put(c, name, strlen(name));
    c->initialized = true;
    if (!c->connected) { /* a web socket: there is a client only now */
        c->connected = true;
        vnc_event(c, EVENT_VNC_CONNECTED);
    }
    vnc_event(c, EVENT_VNC_INITIALIZED);
    vnc_messages_begin(c);
}
