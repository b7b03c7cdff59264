/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/channel.h: where a machine goes to or comes from: tcp:HOST:PORT, unix:PATH, exec:COMMAND, fd:N,
 * file:PATH[,offset=N].
 *
 * Nothing waits longer than until channel_cancel, but for the look-up of a name.
 * Thread: the migration's; channel_cancel from any.
 */
#ifndef MIGRATION_CHANNEL_H
#define MIGRATION_CHANNEL_H

#include <sys/types.h>
#include "migration/stream.h"

struct channel {
    struct stream_out out;
    struct stream_in in;
    char *uri;
    int fd;        /* -1: closed */
    int given;     /* for fd:, until it is opened; -1: none */
    int listener;  /* -1: none; only until somebody connects */
    int cancel_fd; /* an eventfd: readable once cancelled */
    int alarm_fd;  /* an eventfd: readable once nothing more is to be read */
    pid_t child;   /* of exec:; 0: none */
    bool two_way;  /* the other side answers */
    bool is_file;
    GByteArray *to_write;
    uint8_t *buffer; /* bytes [at, len) were read and not taken yet */
    size_t at, len;
    bool more;                /* who listens goes on: channel_accept_beside */
    struct multifd_in *lanes; /* multifd.h; NULL: none */
};

/* A name of this form; nothing is opened. */
bool channel_check_uri(const char *uri, GError **error);
/*
 * `given`: a descriptor that "fd:" means whatever follows it, taken over, also when it fails; -1: none.
 * NULL and *error: there is no descriptor left.
 */
struct channel *channel_new(const char *uri, int given, GError **error);
void channel_free(struct channel *c);
void channel_cancel(struct channel *c);
bool channel_is_cancelled(const struct channel *c);
/* Waits so long, unless it is cancelled. */
void channel_sleep(struct channel *c, unsigned ms);

bool channel_open_out(struct channel *c, GError **error);
/* Listens, where somebody is to connect; what is there already is opened. */
bool channel_open_in(struct channel *c, GError **error);
/* Waits for who connects. */
bool channel_accept(struct channel *c, GError **error);

/* One more connection to where `c` is connected; waits for it.  What cancels one cancels the other.  NULL and *error. */
struct channel *channel_open_beside(struct channel *c, GError **error);
/* The same of who connects to c's address. */
struct channel *channel_accept_beside(struct channel *c, GError **error);
/* Reads end, as if the stream did; writes go on.  Any thread. */
void channel_end_reads(struct channel *c);
/* Reads and writes end.  Any thread that knows that it is open. */
void channel_shut(struct channel *c);

/* There is something to be read, or the end. */
bool channel_has_input(const struct channel *c);
/* Reads and forgets until the other side closes, for two seconds at most. */
void channel_drain(struct channel *c);
bool channel_flush(struct channel *c, GError **error);
/* All was written: to the disk, or read by a command that ended well. */
bool channel_finish(struct channel *c, GError **error);

#endif
