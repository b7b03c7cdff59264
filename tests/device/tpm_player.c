/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/tpm_player.c: see tpm_player.h. */
#include "tests/device/tpm_player.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "hw/tpm/swtpm.h"
#include "hw/tpm/tpm.h"

uint32_t tpm_player_get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> (24 - 8 * i));
    }
}

static void reply(int fd, const uint32_t *words, unsigned n)
{
    uint8_t bytes[32];

    for (unsigned i = 0; i < n; i++) {
        put32(bytes + 4 * i, words[i]);
    }
    g_assert_cmpint(write(fd, bytes, 4 * n), ==, 4 * n);
}

/* With the data socket, once. */
static ssize_t receive(struct tpm_player *p, uint8_t *buf, size_t n)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = { buf, n };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
    };
    ssize_t got = recvmsg(p->control, &msg, 0);
    struct cmsghdr *h = got > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

    if (h && h->cmsg_type == SCM_RIGHTS) {
        memcpy(&p->data, CMSG_DATA(h), sizeof(int));
    }
    return got;
}

static void set_state(struct tpm_player *p, const uint8_t *args)
{
    uint32_t type = tpm_player_get32(args + 4), len = tpm_player_get32(args + 8);

    g_assert_cmpuint(type, <, 4);
    g_assert_cmpuint(len, <=, sizeof(p->blobs[0]));
    p->blob_len[type] = len;
    g_assert_cmpint(recv(p->control, p->blobs[type], len, MSG_WAITALL), ==, len);
}

static void get_state(struct tpm_player *p, const uint8_t *args)
{
    uint32_t type = tpm_player_get32(args + 4), at = tpm_player_get32(args + 8);
    uint32_t n = MIN(p->blob_len[type] - at, 16); /* in pieces */

    if (p->blob_len[type] == 0) {
        reply(p->control, (uint32_t[]){ 0x800, 0, 0, 0 }, 4); /* there is none */
        return;
    }
    reply(p->control, (uint32_t[]){ 0, 2, p->blob_len[type], n }, 4);
    g_assert_cmpint(write(p->control, p->blobs[type] + at, n), ==, n);
}

static void control(struct tpm_player *p, uint32_t command, const uint8_t *args)
{
    switch (command) {
    case SWTPM_GET_CAPABILITY:
        reply(p->control, (uint32_t[]){ 0, p->capabilities }, 2);
        return;
    case SWTPM_GET_ESTABLISHED:
        reply(p->control, (uint32_t[]){ 0, 0 }, 2);
        return;
    case SWTPM_SET_BUFFER_SIZE:
        reply(p->control, (uint32_t[]){ 0, tpm_player_get32(args), 10, 4096 }, 4);
        return;
    case SWTPM_GET_STATE:
        get_state(p, args);
        return;
    case SWTPM_SET_STATE:
        set_state(p, args);
        break;
    case SWTPM_INIT:
        g_atomic_int_inc(&p->inits);
        p->init_flags = tpm_player_get32(args);
        break;
    case SWTPM_STOP:
        g_atomic_int_inc(&p->stops);
        break;
    case SWTPM_SET_LOCALITY:
        g_atomic_int_set(&p->locality, args[0]);
        break;
    case SWTPM_CANCEL:
        reply(p->control, (uint32_t[]){ p->v1 ? 9 : 0 }, 1); /* TPM_FAIL: a TPM 1.2 cannot */
        return;
    default:
        break;
    }
    reply(p->control, (uint32_t[]){ 0 }, 1);
}

/* Tag, size, code 0, and the command's own bytes behind its header. */
static void answer(struct tpm_player *p)
{
    uint8_t in[TPM_BUFFER_MAX];
    ssize_t n = read(p->data, in, sizeof(in));

    if (n <= 0 || g_atomic_int_get(&p->silent)) {
        return;
    }
    put32(in + 6, 0);
    in[0] = p->v1 ? 0 : in[0];
    if (g_atomic_int_get(&p->huge)) {
        put32(in + 2, 0x7fffffff);
    }
    g_assert_cmpint(write(p->data, in, (size_t)n), ==, n);
}

gpointer tpm_player_run(gpointer opaque)
{
    struct tpm_player *p = opaque;

    while (true) {
        GPollFD fds[] = { { p->control, G_IO_IN, 0 }, { p->data, G_IO_IN, 0 } };
        /* Its arguments: bytes that come with the command. */
        static const uint8_t sizes[] = {
            [SWTPM_INIT] = 4,       [SWTPM_SET_LOCALITY] = 4, [SWTPM_RESET_ESTABLISHED] = 4,
            [SWTPM_GET_STATE] = 12, [SWTPM_SET_STATE] = 12,   [SWTPM_SET_BUFFER_SIZE] = 4
        };
        uint8_t args[16] = { 0 }, command[4];

        g_poll(fds, p->data >= 0 ? 2 : 1, -1);
        if (fds[1].revents && p->data >= 0) {
            answer(p);
        }
        if (!fds[0].revents) {
            continue;
        }
        if (receive(p, command, 4) != 4) {
            return NULL;
        }
        if (tpm_player_get32(command) < sizeof(sizes) && sizes[tpm_player_get32(command)]) {
            g_assert_cmpint(recv(p->control, args, sizes[tpm_player_get32(command)], MSG_WAITALL),
                            ==, sizes[tpm_player_get32(command)]);
        }
        control(p, tpm_player_get32(command), args);
    }
}

static gpointer serve(gpointer opaque)
{
    int listener = GPOINTER_TO_INT(opaque);

    while (true) {
        struct tpm_player p = { .data = -1,
                                .capabilities = UINT32_MAX,
                                .blob_len = { 0, 8, 8, 0 } };

        p.control = accept(listener, NULL, NULL);
        g_assert_cmpint(p.control, >=, 0);
        tpm_player_run(&p);
        close(p.control);
        close(p.data);
    }
    return NULL;
}

void tpm_player_serve(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpuint(strlen(path), <, sizeof(addr.sun_path));
    memcpy(addr.sun_path, path, strlen(path));
    g_assert_cmpint(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_cmpint(listen(listener, 1), ==, 0);
    g_thread_unref(g_thread_new("swtpm", serve, GINT_TO_POINTER(listener)));
}
