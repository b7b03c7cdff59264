/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/migration.h: a machine goes on in another process: from tcp:, unix:, exec:, fd: or file: of this one to
 * -incoming of that.
 *
 * While the guest runs its RAM is sent, then what it wrote meanwhile, until the rest fits in the time that it may stand
 * still; then the rest, the devices and the disks' locks.  Where the other side can answer it says when all is loaded,
 * and starts only when told to: until then the guest goes on here if anything fails.
 *
 * Thread: main loop, machine lock held.  A thread of its own sends or receives.
 */
#ifndef MIGRATION_MIGRATION_H
#define MIGRATION_MIGRATION_H

#include "softmmu/machine.h"

enum migration_status {
    MIGRATION_NONE,
    MIGRATION_SETUP,
    MIGRATION_ACTIVE,
    MIGRATION_PRE_SWITCHOVER, /* the guest stands still until migration_continue, */
    MIGRATION_DEVICE,         /* and what is left of it goes */
    MIGRATION_CANCELLING,
    MIGRATION_CANCELLED,
    MIGRATION_COMPLETED,
    MIGRATION_FAILED,
    MIGRATION_STATUS_COUNT
};
extern const char *const migration_status_names[MIGRATION_STATUS_COUNT]; /* "none" ... as in QMP */

/* What query-migrate says.  Times in ms; -1: not known. */
struct migration_info {
    enum migration_status status;
    bool incoming;
    const char *error; /* why it failed; NULL: it did not.  Until the next migration */
    int64_t total_time, setup_time, downtime, expected_downtime;
    uint64_t transferred,
        multifd_bytes; /* bytes: on the wire, of these over channels of multifd, */
    uint64_t precopy_bytes, downtime_bytes; /* while the guest ran, and stood still */
    uint64_t remaining, total;              /* bytes: of RAM still to be sent, of RAM */
    unsigned cpu_throttle;                  /* percent; 0: none */
    uint64_t duplicate, normal;             /* pages of zeroes, others */
    uint64_t dirty_syncs, dirty_pages_rate; /* looks for written pages; pages a second */
    double mbps;                            /* Mbit/s, of the last round */
    uint64_t pages_per_second;
};
void migration_query(struct machine *m, struct migration_info *info);

/*
 * Starts; false and *error: it cannot.  `fd`: a descriptor for "fd:", taken over, also when it fails; -1: the
 * number that follows names one that the program was started with.
 */
bool migration_start(struct machine *m, const char *uri, int fd, GError **error);
/* Ends it soon; the guest goes on here.  None runs: nothing. */
void migration_cancel(struct machine *m);
/* Capability pause-before-switchover: it goes on.  False and *error: it waits for nobody. */
bool migration_continue(struct machine *m, GError **error);
/* The other side does not answer: it fails.  None runs: nothing. */
void migration_cut(struct machine *m);
/* Is one on its way, out or in? */
bool migration_is_running(struct machine *m);

/*
 * -incoming: before the first drive is opened.  The machine's start then waits for migration_incoming, or for the end of
 * what that began.
 */
void migration_expect(struct machine *m);
bool migration_is_expected(struct machine *m);
/* -incoming URI, or migrate_incoming URI after -incoming defer; `fd` as above. */
bool migration_incoming(struct machine *m, const char *uri, int fd, GError **error);

/* They were handed over, and not taken back. */
bool migration_disks_are_away(struct machine *m);
/* `cont` after a migration: takes the disks back.  False and *error: somebody has them. */
bool migration_take_back(struct machine *m, GError **error);

/* Parameters and capabilities: rows, so that there is one place for names and bounds. */
enum migration_parameter {
    MIGRATION_ANNOUNCE_INITIAL,
    MIGRATION_ANNOUNCE_MAX,
    MIGRATION_ANNOUNCE_ROUNDS,
    MIGRATION_ANNOUNCE_STEP,
    MIGRATION_MAX_BANDWIDTH,
    MIGRATION_DOWNTIME_LIMIT,
    MIGRATION_MULTIFD_CHANNELS,
    MIGRATION_MULTIFD_COMPRESSION, /* enum stream_packing */
    MIGRATION_MULTIFD_ZLIB_LEVEL,
    MIGRATION_MULTIFD_ZSTD_LEVEL,
    MIGRATION_THROTTLE_TRIGGER,
    MIGRATION_THROTTLE_INITIAL,
    MIGRATION_THROTTLE_INCREMENT,
    MIGRATION_THROTTLE_TAILSLOW,
    MIGRATION_THROTTLE_MAX,
    MIGRATION_PARAMETER_COUNT
};
enum migration_parameter_kind {
    MIGRATION_NUMBER,
    MIGRATION_SIZE, /* the monitor takes suffixes; alone it counts MiB */
    MIGRATION_BOOL,
    MIGRATION_CHOICE,
};
struct migration_parameter_row {
    const char *name, *unit; /* "max-bandwidth", " bytes/second" */
    uint64_t def, min, max;
    enum migration_parameter_kind kind;
    const char *choices; /* of CHOICE: "none|zlib"; the value is which */
    const char *help;
};
extern const struct migration_parameter_row migration_parameters[MIGRATION_PARAMETER_COUNT];
uint64_t migration_parameter(struct machine *m, enum migration_parameter p);
/* CHOICE: its word.  Freed by the caller. */
char *migration_parameter_word(struct machine *m, enum migration_parameter p);
bool migration_set_parameter(struct machine *m, enum migration_parameter p, uint64_t value,
                             GError **error);
/* By name, as the monitor takes it. */
bool migration_set_parameter_text(struct machine *m, const char *name, const char *value,
                                  GError **error);

struct migration_capability_row {
    const char *name;
    const char *refused; /* why it cannot be on; NULL: it can */
};
extern const struct migration_capability_row migration_capabilities[]; /* ends with name NULL */
bool migration_capability(struct machine *m, unsigned row);
bool migration_capability_named(struct machine *m, const char *name);
bool migration_set_capability(struct machine *m, const char *name, bool on, GError **error);

#endif
