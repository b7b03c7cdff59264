/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/block.h: block back ends: what a disk, a CD drive or a floppy drive of the guest reads and
 * writes.
 *
 * A `struct block_backend` is a drive slot: an id, error policies, and a tree of nodes (a format over a
 * protocol) while there is a medium in it.  A device attaches its front, embeds one
 * `struct block_request` for each transfer that it keeps in flight, and is called back on the main
 * loop, or on the drive's iothread.
 *
 * Invariants: `done` is called exactly once for each submitted request that was not cancelled, never
 *             from within block_submit.  Drivers run on worker threads without the machine lock and
 *             touch nothing but their node and the request's buffers.
 * Thread:     everything here under the machine lock; requests of a drive with an iothread under that one's
 *             lock alone (block_set_iothread).  Nothing but block_drain, block_cancel and the `_now`
 *             functions waits for the host.
 */
#ifndef BLOCK_BLOCK_H
#define BLOCK_BLOCK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "block/ring.h"

struct machine;
struct block_node;
struct block_backend;
struct block_live;
struct block_context;
struct iothread;

#define BLOCK_SECTOR 512u

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_WRITE_ZEROES };
#define BLOCK_OPS (BLOCK_WRITE_ZEROES + 1)

/* What an error does: werror= and rerror= of -drive. */
enum block_on_error {
    BLOCK_ON_ERROR_REPORT,
    BLOCK_ON_ERROR_IGNORE,
    BLOCK_ON_ERROR_STOP,   /* pause the machine, try again when it goes on */
    BLOCK_ON_ERROR_ENOSPC, /* the same when the host's disk is full, else report */
};

/* Where the board puts the drive: if= of -drive. */
enum block_interface {
    BLOCK_IF_NONE,
    BLOCK_IF_IDE,
    BLOCK_IF_FLOPPY,
    BLOCK_IF_PFLASH,
    BLOCK_IF_VIRTIO,
    BLOCK_IF_SCSI
};

enum block_cache {
    BLOCK_CACHE_WRITEBACK,
    BLOCK_CACHE_NONE,         /* O_DIRECT */
    BLOCK_CACHE_WRITETHROUGH, /* a flush after every write */
    BLOCK_CACHE_DIRECTSYNC,   /* both */
    BLOCK_CACHE_UNSAFE,       /* flushes are ignored */
};

struct block_options;
struct block_graph;

struct block_open_options {
    const char *filename;
    const char *format;                  /* NULL: found out */
    const struct block_options *options; /* of the node, dotted; NULL: none.  See block/options.h */
    struct block_graph *graph;           /* where names of nodes are; NULL: nowhere */
    bool read_only;
    bool auto_read_only; /* read-only rather than an error where the host allows no writing */
    bool copy_on_read;   /* what comes from backing files is kept in the image */
    const struct block_options *throttle; /* throttle.h: limits, and their "group"; NULL: none */
    bool snapshot;                        /* writes go to an anonymous temporary file */
    bool discard;                         /* discard=unmap */
    bool no_backing;  /* the backing file is not opened: for tools that look at one layer */
    bool force_share; /* others may write meanwhile: for a look that need not be consistent */
    const char *aio;  /* threads, native or io_uring for files; NULL: what is best */
    bool no_io;       /* nothing will be transferred: encrypted images need no key */
    /*
     * Another machine has the image and will hand it over: nothing is locked or written until block_activate_all.
     * Set by the graph, for what is to be writable.
     */
    bool inactive;
    bool check; /* opened to be checked: a damaged image is no error where that can be */
    enum block_cache cache;
};

/* What a back end tells the device in front of it. */
struct block_front {
    /* The medium went or came.  May be NULL when the medium cannot change. */
    void (*media_changed)(void *opaque, bool present);
    /* block_size is another one, the medium the same.  May be NULL. */
    void (*resized)(void *opaque);
    /* The person asks for the medium of a locked tray; may be NULL. */
    void (*eject_request)(void *opaque);
    bool (*is_locked)(void *opaque); /* may be NULL */
    /* Of a drive with a tray; else NULL. */
    bool (*tray_is_open)(void *opaque);
    void (*move_tray)(void *opaque, bool open);
};

/* What has been transferred, and how long that took, by enum block_op. */
struct block_stats {
    uint64_t bytes[BLOCK_OPS], operations[BLOCK_OPS], failed[BLOCK_OPS];
    int64_t time_us[BLOCK_OPS];
    uint64_t highest; /* the end of the last byte that was written */
};

struct block_backend {
    struct machine *machine;
    struct block_context *context; /* where its requests are begun and delivered */
    char *id;                      /* "ide0-hd0", or the user's id= */
    char *filename;                /* of the medium; NULL: none */
    struct block_node *root;       /* NULL: no medium */
    bool read_only, removable;
    bool write_cache; /* false: every write is followed by a flush */
    bool cdrom;       /* media=cdrom */
    enum block_on_error rerror, werror;
    enum block_interface interface;
    int bus, unit;                     /* on the interface */
    struct block_open_options options; /* for the next medium; strings are not kept */
    const struct block_front *front;
    void *front_opaque;
    GThreadPool *threads;   /* of a drive with limits; NULL: the machine's */
    struct block_live *job; /* beside the guest (live.h); NULL: none */
    bool of_node;           /* it came about for a node of -blockdev, whose name is its id */
    int io_error;           /* errno of what waits for the machine to go on; 0: nothing does */
    struct block_stats stats;
    unsigned in_flight; /* submitted and neither delivered nor cancelled */
    unsigned on_ring;   /* of these: not finished, and on the ring */
};

enum block_request_state {
    BLOCK_REQUEST_IDLE,
    BLOCK_REQUEST_RUNNING,  /* queued for, or on, a worker */
    BLOCK_REQUEST_FINISHED, /* waits for delivery */
    BLOCK_REQUEST_STOPPED,  /* failed; tried again when the machine goes on */
};

struct block_request {
    struct block_backend *blk;
    enum block_op op;
    uint64_t offset, bytes; /* bytes is the sum of the vectors for reads and writes */
    struct iovec *iov;      /* the caller's, like the memory it names, until done */
    int n_iov;
    void (*done)(void *opaque, int result); /* 0, or -errno */
    void *opaque;
    /* Private to block.c. */
    struct block_node *node;
    enum block_request_state state;
    int result;
    bool undecided;    /* STOPPED, and the main loop has not said yet whether it may be */
    bool through;      /* flush after the write */
    bool on_ring;      /* and not on a worker */
    int64_t submitted; /* g_get_monotonic_time */
    struct block_async async;
    struct block_request *next;
};

/* An empty drive slot in the machine's list.  NULL and *error: the id is taken. */
struct block_backend *block_backend_new(struct machine *m, const char *id, GError **error);
/* Cancels nothing: the front must have detached. */
void block_backend_free(struct block_backend *blk);
struct block_backend *block_backend_find(struct machine *m, const char *id);
/* Drive number i, in the order of their creation; NULL: there are no more. */
struct block_backend *block_backend_nth(struct machine *m, unsigned i);
/* The drive that the command line put at this place of an interface; NULL: none. */
struct block_backend *block_backend_at(struct machine *m, enum block_interface interface, int bus,
                                       int unit);
/* Opens an image into the empty slot and tells the front. */
bool block_backend_open(struct block_backend *blk, const struct block_open_options *o,
                        GError **error);
/*
 * Another image instead of the medium, as by block_backend_eject and _open, but an image that does not
 * open leaves the old medium in.
 */
bool block_backend_change(struct block_backend *blk, const struct block_open_options *o, bool force,
                          GError **error);
/* Takes the medium out; refused while the guest has locked the tray unless `force`. */
bool block_backend_eject(struct block_backend *blk, bool force, GError **error);

/*
 * drive_del: the id is free and the image closed.  A device in front is left without a medium, and takes
 * the drive with it.  False and *error: it is a node of -blockdev, or has a
 * job.
 */
bool block_backend_del(struct block_backend *blk, GError **error);

/* What blockdev-* of QMP do.  A tray that is moved already stays. */
bool block_backend_open_tray(struct block_backend *blk, bool force, GError **error);
bool block_backend_close_tray(struct block_backend *blk, GError **error);
/* The tray, if there is one, is open; so it stays. */
bool block_backend_remove_medium(struct block_backend *blk, GError **error);
/* The same; the node's count is taken over, also when it fails. */
bool block_backend_insert_medium(struct block_backend *blk, struct block_node *node,
                                 GError **error);
/* The tray was moved: QMP's clients are told. */
void block_backend_tray_moved(struct block_backend *blk, bool open);

/* Whoever made the medium larger or smaller says so: tells the front, which tells the guest. */
void block_backend_resized(struct block_backend *blk);

/* A drive has one front.  False and *error when it has one already. */
bool block_attach(struct block_backend *blk, const struct block_front *front, void *opaque,
                  GError **error);
void block_detach(struct block_backend *blk);

static inline bool block_has_medium(const struct block_backend *blk)
{
    return blk && blk->root;
}
/* Bytes, a whole number of sectors; 0 without a medium. */
uint64_t block_size(const struct block_backend *blk);
bool block_read_only(const struct block_backend *blk);

/*
 * From now on the drive's requests belong to an iothread (NULL: to the main loop): block_submit,
 * block_cancel and what `done` does are then under its lock, and `done` is called on it.
 */
void block_set_iothread(struct block_backend *blk, struct iothread *t);
/* Machine lock held: the lock of the drive's iothread, if it has one.  Nests. */
void block_lock(struct block_backend *blk);
void block_unlock(struct block_backend *blk);
/* The same until the end of the caller's block: g_autoptr(block_guard) guard = block_guard_new(blk); */
typedef struct block_backend block_guard;
static inline block_guard *block_guard_new(struct block_backend *blk)
{
    block_lock(blk);
    return blk;
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(block_guard, block_unlock)

/* The request must be idle.  A range outside of the medium fails with -EIO. */
void block_submit(struct block_request *req);
static inline bool block_busy(const struct block_request *req)
{
    return __atomic_load_n(&req->state, __ATOMIC_RELAXED) != BLOCK_REQUEST_IDLE;
}
/* Waits until no worker touches the request's memory; its `done` is not called.  Idle ones: nothing. */
void block_cancel(struct block_request *req);
/* Waits for every request of the drive, also those that its callbacks submit; calls `done`. */
void block_drain(struct block_backend *blk);
/*
 * No transfer of an NBD client's runs from now on, until the main loop goes on to something else.  block_drain does so,
 * too.
 */
void block_exports_quiesce(struct machine *m);
/* Reads on this thread: for realize, which may look at a partition table.  0 or -errno. */
int block_read_now(struct block_backend *blk, uint64_t offset, void *buf, size_t len);

/* Jobs beside the guest, struct block_live *: for live.c. */
GPtrArray *block_jobs_of(struct machine *m);

/*
 * Hands all images over to another machine: what is cached is written, nothing more will be, the locks are free.  Drives
 * are drained.  False and *error: they are active again.
 */
bool block_inactivate_all(struct machine *m, GError **error);
/* Takes them over, or back: they are locked, and what is known of them is read anew.  Active ones: nothing. */
bool block_activate_all(struct machine *m, GError **error);
/* Can all images be handed over?  False and *error: one has a job or a format that cannot. */
bool block_can_inactivate(struct machine *m, GError **error);
/* The same, whatever jobs there are. */
bool block_formats_can_inactivate(struct machine *m, GError **error);
/* -only-migratable, before the first drive: what would keep the machine from going is not opened. */
void block_only_migratable(struct machine *m);
/* Before the first drive: images are opened inactive. */
void block_start_inactive(struct machine *m);

/* `info block`: of one drive (false: there is none), or (NULL) of all; verbose: with their images. */
bool block_print(struct machine *m, const char *id, bool verbose, GString *out);

#endif
