/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/chardev.h: character back ends: where serial ports, consoles and monitors get and put bytes.
 *
 * One front end (a device or a monitor) is attached to a chardev; `mux` gives several fronts one
 * back end and switches between them with Ctrl-A c.
 *
 * Thread: main loop context, machine lock held; chardev_write may also be called from a vCPU thread
 *         that holds the lock.  Nothing blocks: what the host does not take at once is queued (bounded: 1 MiB,
 *         then the oldest write is refused by a short count).
 */
#ifndef CHARDEV_CHARDEV_H
#define CHARDEV_CHARDEV_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine;
struct chardev;

enum chardev_event {
    CHARDEV_OPENED,
    CHARDEV_CLOSED,
    CHARDEV_BREAK,
    CHARDEV_MUX_IN,
    CHARDEV_MUX_OUT
};

struct chardev_front {
    size_t (*can_receive)(void *opaque); /* bytes that receive() would take now */
    void (*receive)(void *opaque, const uint8_t *buf, size_t n);
    void (*event)(void *opaque, enum chardev_event event); /* may be NULL */
    void *opaque;
    /* It is on another chardev from now on (chardev_change). NULL: it cannot be. */
    void (*moved)(void *opaque, struct chardev *to);
    /* After a short count of chardev_write: there is room again. May be NULL. */
    void (*drained)(void *opaque);
};

/*
 * Makes a back end from -serial/-chardev/-monitor text: "stdio", "null", "pty", "file:PATH",
 * "mon:SPEC" (a mux with a monitor), "pipe:PATH", "tcp:HOST:PORT,server=on" (options.c).  Its id is `label`.  NULL and *error otherwise.
 */
struct chardev *chardev_new(struct machine *m, const char *label, const char *spec, GError **error);
/* The same from -chardev's "BACKEND,key=value,...": `opts` are pairs (util/text.h), id and mux allowed. */
struct chardev *chardev_new_options(struct machine *m, const char *backend, const char *label,
                                    const GPtrArray *opts, GError **error);
/* `-chardev help`: name and summary of each back end. */
void chardev_print_list(GString *out);
struct chardev *chardev_find(struct machine *m, const char *label);
void chardev_free(struct chardev *c);
const char *chardev_label(const struct chardev *c);
const char *chardev_backend(const struct chardev *c);  /* "pty" */
const char *chardev_filename(const struct chardev *c); /* "pty:/dev/pts/3" */

/* Takes over the chardev (a further front of a mux); the struct is copied.  False: it has a front already. */
bool chardev_attach(struct chardev *c, const struct chardev_front *front, GError **error);
/* Undoes chardev_attach for the front with this `opaque`: its callbacks are not called any more. */
void chardev_detach(struct chardev *c, const void *opaque);
/* Bytes taken, 0 to n.  c may be NULL: all bytes are taken and dropped. */
size_t chardev_write(struct chardev *c, const void *buf, size_t n);
/* A device or a monitor is attached. */
bool chardev_is_used(const struct chardev *c);
/* The name of the i-th back end that there is; NULL behind the last. */
const char *chardev_type_name(unsigned i);
/* Somebody is at the other end, as far as one knows. */
bool chardev_is_open(const struct chardev *c);
/* A socket that is connected is shut: for the front as if the other end were gone. */
void chardev_cut(struct chardev *c);
/*
 * The descriptor of a socket that is connected, for a front that takes no input (can_receive is 0) but reads and
 * writes itself; it stays the chardev's.  -1: this is none.
 */
int chardev_socket_fd(const struct chardev *c);
/* A descriptor that came with the input (SCM_RIGHTS), the first that was not taken: the caller's; -1: none. */
int chardev_take_fd(struct chardev *c);
/* A serial line's speed and format; lines of a modem as the computer's side names them. */
struct chardev_line {
    unsigned baud, data_bits, stop_bits; /* data_bits: 5 to 8 */
    char parity;                         /* 'N', 'E', 'O' */
};
enum chardev_modem {
    CHARDEV_DTR = 1 << 0,
    CHARDEV_RTS = 1 << 1,
    CHARDEV_CTS = 1 << 2,
    CHARDEV_DSR = 1 << 3,
    CHARDEV_DCD = 1 << 4,
    CHARDEV_RI = 1 << 5,
};
/* For back ends that are lines of wire; others, and NULL, do nothing. */
void chardev_set_line(struct chardev *c, const struct chardev_line *line);
void chardev_set_break(struct chardev *c, bool on);
void chardev_set_modem(struct chardev *c, unsigned lines); /* of DTR and RTS: those that are on */
/* False: there are no such lines. */
bool chardev_get_modem(struct chardev *c, unsigned *lines);
/* The front has room again: call after can_receive returned less than wanted. */
void chardev_accept_input(struct chardev *c);
/*
 * For monitors (change.c).  Another back end with the same label takes the place of the old one, whose front goes
 * over to it; it fails where there is a mux, or a front that cannot.
 */
bool chardev_change(struct machine *m, const char *label, const char *backend,
                    const GPtrArray *opts, GError **error);
/* Frees a chardev that has no front. */
bool chardev_remove(struct machine *m, const char *label, GError **error);
bool chardev_send_break(struct machine *m, const char *label, GError **error);

/* Of a ringbuf alone (ringbuf.c): the oldest bytes, which it has no more then; chardev_write adds some. */
bool chardev_is_ringbuf(const struct chardev *c);
size_t ringbuf_read(struct chardev *c, void *buf, size_t n);
size_t ringbuf_waiting(const struct chardev *c);

/* Writes out what is queued, waiting up to 1 s: before exit. */
void chardev_flush_all(struct machine *m);

#endif
