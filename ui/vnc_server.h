/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/vnc_server.h: servers and clients of VNC, inside ui/vnc*.c.
 *
 * Source: RFC 6143 (the RFB protocol), and the community's rfbproto for what is newer.
 * Invariants: a client sends nothing more than is asked for at once (`need` bytes); while it does not read what
 *             was written, nothing more is made for it and nothing of it is read; it is freed by the main loop
 *             alone, after vnc_client_end.
 * Thread:     main loop, machine lock held.
 */
#ifndef UI_VNC_SERVER_H
#define UI_VNC_SERVER_H

#include <zlib.h>
#include "softmmu/event.h"
#include "ui/viewer.h"
#include "ui/websocket.h"
#include "util/tls.h"

#define VNC_PORT           5900u
#define VNC_WEBSOCKET_PORT 5700u
#define VNC_CHALLENGE      16u
#define VNC_CLIENTS_MAX    64u /* of a server, those that are still shaking hands among them */
#define VNC_STREAMS        5u  /* of zlib: ZRLE's, and Tight's four */

enum vnc_share { VNC_SHARE_EXCLUSIVE, VNC_SHARE_FORCE, VNC_SHARE_IGNORE };

struct vnc_server {
    struct machine *machine;
    char *id;
    bool needs_password, reverse;
    struct tls_creds *tls; /* NULL: nothing is encrypted */
    char *password;        /* NULL: none is set, nobody gets in */
    int64_t expires;       /* seconds since 1970 */
    enum vnc_share share;
    unsigned max_connections;
    int fd, web_fd; /* that listen; -1: none */
    GSource *watch, *web_watch;
    char *unix_path;
    GPtrArray *clients; /* struct vnc_client * */
};

struct vnc {
    GPtrArray *servers; /* struct vnc_server * */
};

struct vnc_pixels { /* a client's pixel format */
    unsigned bytes;
    bool big;
    bool compact;          /* 3 bytes of 4 say everything: */
    unsigned compact_from; /* the first of them */
    bool plain;            /* red, green, blue of 8 bits: Tight sends them in this order */
    uint32_t red[256], green[256], blue[256];
};

struct vnc_client;
/* Takes exactly the bytes asked for, and asks for more. */
typedef void vnc_step(struct vnc_client *c, const uint8_t *data);

/* A pointer of the card that a client draws itself. */
enum vnc_cursor { VNC_CURSOR_NONE, VNC_CURSOR_MASK, VNC_CURSOR_ALPHA };

struct vnc_client {
    struct vnc_server *server;
    struct machine *machine;
    int fd;
    char *address; /* of the peer, as text */
    GSource *read_watch, *write_watch, *deadline, *end;
    bool ending, closing;        /* closing: after what is written has gone */
    bool feeding;                /* vnc_client_feed runs; a command may turn the loop below it */
    bool connected, initialized; /* what events were told */
    bool skip_auth;

    struct websocket *web;        /* NULL: a plain socket */
    GByteArray *in, *out, *wire;  /* bytes of RFB; of the socket */
    size_t wire_head, need, skip; /* skip: bytes to drop first */
    vnc_step *step;
    void (*tls_then)(
        struct vnc_client *c); /* TLS begins when what is written has gone, then this */

    unsigned minor; /* 3, 7 or 8 */
    uint8_t challenge[VNC_CHALLENGE];

    struct viewer viewer;
    struct vnc_pixels pixels;
    unsigned width, height; /* what the client knows */
    int encoding;
    int level; /* of compression, 0 to 9 */
    bool can_resize, resized, requested, relative, knows_relative;
    bool can_extend, tell_size; /* ExtendedDesktopSize, and one is to be sent */
    unsigned size_reason, size_result;
    unsigned want_width, want_height; /* of a message that is being read */
    enum vnc_cursor cursor;
    bool cursor_known, cursor_shown; /* what the client was told of it */
    unsigned cursor_serial;
    bool wants_keys, told_keys; /* QEMU's key events with scan codes */
    uint8_t *dirty;             /* a byte for each tile of the client's screen */
    unsigned tiles_wide, tiles_high;
    z_stream streams[VNC_STREAMS];
    bool stream_open[VNC_STREAMS];
    GByteArray *packed; /* between a rectangle and zlib */

    bool ctrl, alt, caps;
    unsigned pointer_x, pointer_y;
    bool pointer_known;
};

/* vnc.c: one that does not listen itself; web_fd: where its clients came from, which it owns. */
struct vnc_server *vnc_server_new(struct machine *m, const char *id, int web_fd);
void vnc_server_free(gpointer server);

/* vnc_client.c */
struct vnc_client *vnc_client_new(struct vnc_server *s, int fd, bool web, bool skip_auth);
void vnc_client_free(struct vnc_client *c);
/* Bytes that were read from the socket already. */
void vnc_client_feed(struct vnc_client *c, const uint8_t *data, size_t n);
/* Soon, on the main loop. */
void vnc_client_end(struct vnc_client *c);
void vnc_ask(struct vnc_client *c, size_t need, vnc_step *step);
void vnc_put(struct vnc_client *c, const void *data, size_t n);
void vnc_put8(struct vnc_client *c, unsigned v);
void vnc_put16(struct vnc_client *c, unsigned v);
void vnc_put32(struct vnc_client *c, uint32_t v);
void vnc_flush(struct vnc_client *c);
/* Everything has gone to the socket. */
bool vnc_is_drained(const struct vnc_client *c);
/* `then` when the bytes that were written have gone, and TLS is begun: only what is encrypted is read from then on. */
void vnc_start_tls(struct vnc_client *c, void (*then)(struct vnc_client *c));

/* vnc_handshake.c: from the version to ServerInit; then vnc_messages_begin. */
void vnc_handshake_begin(struct vnc_client *c);
/* vnc_messages.c */
void vnc_messages_begin(struct vnc_client *c);
/* vnc_keys.c */
void vnc_key(struct vnc_client *c, uint32_t keysym, uint16_t key, bool down);
void vnc_pointer(struct vnc_client *c, unsigned buttons, unsigned x, unsigned y);

/* vnc_update.c: the picture's changes, and sending them. */
void vnc_update_init(struct vnc_client *c);
void vnc_update_clear(struct vnc_client *c);
/* rfbproto, "ExtendedDesktopSize": what is answered to a client that wants another size. */
enum { VNC_SIZE_OK, VNC_SIZE_PROHIBITED, VNC_SIZE_NO_MEMORY, VNC_SIZE_INVALID, VNC_SIZE_FORWARDED };
void vnc_tell_size(struct vnc_client *c, unsigned result);
/* A client said anew what it understands. */
void vnc_update_abilities(struct vnc_client *c);
void vnc_mark(struct vnc_client *c, unsigned x, unsigned y, unsigned width, unsigned height);
/* Sends what is dirty if the client asked and has read what came before. */
void vnc_update(struct vnc_client *c);

/* vnc_encode.c */
enum { VNC_RAW = 0, VNC_HEXTILE = 5, VNC_TIGHT = 7, VNC_ZRLE = 16 };
bool vnc_encodes(int encoding);
/* pixels: width * height, 0x00RRGGBB; appends what follows the rectangle's header. */
void vnc_encode(struct vnc_client *c, const uint32_t *pixels, unsigned width, unsigned height);
void vnc_encode_clear(struct vnc_client *c);
/* False: no client may have such a format. */
bool vnc_set_pixels(struct vnc_pixels *p, const uint8_t format[16]);
void vnc_put_pixel(const struct vnc_pixels *p, uint32_t rgb, uint8_t *out);

/* Of a pointer's picture: what follows the header. */
void vnc_put_cursor(struct vnc_client *c, const struct display_cursor *p);

/* vnc_info.c */
void vnc_event(struct vnc_client *c, enum event_id id);

#endif
