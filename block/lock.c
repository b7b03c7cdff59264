/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/lock.c: image locks that work between Rhea and QEMU's programs.
 *
 * Each permission has two bytes of the file, which need not exist: a read lock on 100 + n says "I use
 * permission n", one on 200 + n says "nobody else may use it".  Whoever opens takes the read locks
 * and then asks whether a write lock on the opposite bytes would be refused.  The locks belong to
 * the open file description and go with its last descriptor (fcntl(2), "Open file description locks").
 *
 * Thread: under the machine lock.
 */
#include <errno.h>
#include <fcntl.h>
#include "block/driver.h"
#include "util/error.h"

enum { USED_BASE = 100, UNSHARED_BASE = 200 };

static const struct permission {
    const char *name;
    unsigned n;
    bool uses[2], unshares[2]; /* of who reads only, of who writes too */
} permissions[] = {
    /* clang-format off */
    { "consistent read", 0, { true,  true  }, { false, false } },
    { "write",           1, { false, true  }, { true,  true  } },
    { "resize",          3, { false, false }, { true,  false } },
    /* clang-format on */
};

static bool lock_byte(int fd, off_t at, GError **error)
{
    struct flock fl = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };

    if (fcntl(fd, F_OFD_SETLK, &fl) == 0) {
        return true;
    }
    set_errno_error(error, "cannot lock byte %ld", (long)at);
    return false;
}

/* Somebody else holds a lock on the byte. */
static bool is_held(int fd, off_t at)
{
    struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };

    return fcntl(fd, F_OFD_GETLK, &fl) == 0 && fl.l_type != F_UNLCK;
}

bool block_lock_image(int fd, const char *filename, bool write, bool force_share, GError **error)
{
    struct flock probe = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1 };

    if (force_share || fcntl(fd, F_OFD_GETLK, &probe) != 0) {
        return true; /* or a file system without locks: nothing to hold on to */
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(permissions); i++) {
        const struct permission *p = &permissions[i];

        if ((p->uses[write] && !lock_byte(fd, USED_BASE + p->n, error)) ||
            (p->unshares[write] && !lock_byte(fd, UNSHARED_BASE + p->n, error))) {
            g_prefix_error(error, "%s: ", filename);
            return false;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(permissions); i++) {
        const struct permission *p = &permissions[i];
        bool wanted = p->uses[write] && is_held(fd, UNSHARED_BASE + p->n);
        bool shared = p->unshares[write] && is_held(fd, USED_BASE + p->n);

        if (wanted || shared) {
            set_error(error, "%s: Failed to get %s\"%s\" lock: is another process using the image?",
                      filename, wanted ? "" : "shared ", p->name);
            return false;
        }
    }
    return true;
}
