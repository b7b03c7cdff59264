/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/backend.h: what back ends share: the base struct, the rows of types, and the layer for
 * those that sit on file descriptors.
 *
 * Invariants: a watch exists only while it can make progress (input: the front has room; output:
 *             something is queued), so that nothing spins.
 * Thread:     machine lock held in every function here; watches take it when the main loop has
 *             not (backend_enter).
 */
#ifndef CHARDEV_BACKEND_H
#define CHARDEV_BACKEND_H

#include <glib-unix.h>
#include <sys/types.h>
#include "chardev/chardev.h"

#define CHARDEV_QUEUE_MAX (1u << 20)

/* One kind of back end: a row of chardev_types (chardev/chardev.c). */
struct chardev_type {
    const char *name;
    const char *summary;
    const char *refused;     /* not NULL: known, but not supported; says what to use instead */
    const char *implied_key; /* what follows the colon of "NAME:..." */
    const char *const *keys; /* options it takes, NULL-terminated; NULL: none */
    size_t size;             /* of the struct that begins with struct chardev */
    bool (*open)(struct chardev *c, const GPtrArray *opts, GError **error);
    /* Takes what it can without blocking, 0 to n; NULL: the descriptors of struct chardev. */
    size_t (*write)(struct chardev *c, const uint8_t *buf, size_t n);
    /* Like read(2); NULL: of fd_in. */
    ssize_t (*read)(struct chardev *c, uint8_t *buf, size_t n);
    /* fd_in came to its end, or to an error.  NULL: there is no more input then. */
    void (*ended)(struct chardev *c);
    /* Optional: the other end is gone, but the front has no room for what it sent. */
    void (*hung_up)(struct chardev *c);
    int (*take_fd)(struct chardev *c); /* chardev_take_fd; NULL: none ever comes */
    /* Of lines of wire: see chardev.h.  NULL: it is none. */
    void (*set_line)(struct chardev *c, const struct chardev_line *line);
    void (*set_break)(struct chardev *c, bool on);
    void (*set_modem)(struct chardev *c, unsigned lines);
    bool (*get_modem)(struct chardev *c, unsigned *lines);
    void (*front_open)(struct chardev *c, bool open); /* chardev_set_front_open; may be NULL */
    void (*accept_input)(struct chardev *c);
    bool (*attach)(struct chardev *c, const struct chardev_front *front, GError **error);
    void (*detach)(struct chardev *c, const void *opaque);
    void (*close)(struct chardev *c);
};

struct chardev {
    const struct chardev_type *type;
    struct machine *machine;
    char *label, *filename;
    struct chardev_front front;
    bool attached;
    bool open; /* somebody is at the other end, as far as one knows */

    int fd_in, fd_out; /* -1: none; owned */
    bool in_ended;     /* end of file or an error: no more input */
    bool in_room;      /* what the watch of the input waits for: bytes, or else the end alone */
    bool hung_up;      /* the type was told */
    bool out_short;    /* the front was told to wait */
    bool out_broken;   /* the reader is gone: output is dropped */
    GSource *in_watch, *out_watch;
    int log_fd;        /* logfile=; -1: none */
    GByteArray *queue; /* output that the host has not taken; at most CHARDEV_QUEUE_MAX */
    size_t queue_head; /* bytes at its front that are written already */
};

/* Takes the machine lock unless this thread holds it; true: give it back with backend_leave. */
bool backend_enter(struct chardev *c);
void backend_leave(struct chardev *c, bool entered);

void backend_set_filename(struct chardev *c, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void backend_event(struct chardev *c, enum chardev_event event);
/* A switch among a back end's options, "on" or "off", or "noKEY"; false with *error. */
bool backend_flag(const char *type, const GPtrArray *opts, const char *key, bool otherwise,
                  bool *on, GError **error);
/* Allocates a back end of the type, with no descriptor, and lists it in the machine. */
struct chardev *backend_alloc(struct machine *m, const struct chardev_type *type,
                              const char *label);

/* On the machine's main loop; fn gets c.  Nothing when *watch is there already. */
void backend_add_watch(struct chardev *c, GSource **watch, int fd, GIOCondition condition,
                       GUnixFDSourceFunc fn);
void backend_remove_watch(GSource **watch);

/* chardev/fd.c ------------------------------------------------------------------------------- */

/* Takes over the descriptors (either may be -1; they may be equal). */
void fd_backend_set(struct chardev *c, int fd_in, int fd_out);
size_t fd_backend_write(struct chardev *c, const uint8_t *buf, size_t n);
/* (Re)starts reading when the front has room. */
void fd_backend_update_input(struct chardev *c);
/* Writes out the queue, waiting until the deadline (g_get_monotonic_time). */
void fd_backend_flush(struct chardev *c, int64_t deadline_us);
/* Closes the descriptors and forgets what is queued; others may be set then. */
void fd_backend_close(struct chardev *c);
/* Opens a second, non-blocking description of fd where possible, else a duplicate; -1 and errno. */
int fd_reopen_nonblocking(int fd, int flags);

/* chardev/logfile.c: false and *error: the file that the options name cannot be written. */
bool logfile_open(struct chardev *c, const GPtrArray *opts, GError **error);
void logfile_write(struct chardev *c, const uint8_t *buf, size_t n);

/* Types with a file of their own. */
extern const struct chardev_type chardev_null_type;    /* null.c */
extern const struct chardev_type chardev_stdio_type;   /* stdio.c */
extern const struct chardev_type chardev_pty_type;     /* pty.c */
extern const struct chardev_type chardev_file_type;    /* file.c */
extern const struct chardev_type chardev_pipe_type;    /* file.c */
extern const struct chardev_type chardev_socket_type;  /* socket.c */
extern const struct chardev_type chardev_mux_type;     /* mux.c */
extern const struct chardev_type chardev_ringbuf_type; /* ringbuf.c */
extern const struct chardev_type chardev_udp_type;     /* udp.c */
extern const struct chardev_type chardev_serial_type;  /* tty.c */
extern const struct chardev_type chardev_tty_type;     /* tty.c */
extern const struct chardev_type chardev_vdagent_type; /* ui/vdagent.c */
extern const struct chardev_type chardev_vc_type;      /* ui/vc.c */

/* A mux over `backend`, which it attaches to and owns.  NULL and *error: the backend is taken. */
struct chardev *mux_new(struct machine *m, const char *label, struct chardev *backend,
                        GError **error);
bool mux_in_use(const struct chardev *c);
void mux_send_break(struct chardev *c); /* to the front in focus */

#endif
