/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/iov.c: runs of vectors and pieces of them.  Thread: any. */
#include <string.h>
#include "block/driver.h"

uint64_t block_iov_bytes(const struct iovec *iov, int n)
{
    uint64_t bytes = 0;

    for (int i = 0; i < n; i++) {
        bytes += iov[i].iov_len;
    }
    return bytes;
}

int block_iov_slice(const struct iovec *iov, int n, uint64_t skip, uint64_t len, struct iovec *out)
{
    int k = 0;

    for (int i = 0; i < n && len > 0; i++) {
        size_t piece;

        if (skip >= iov[i].iov_len) {
            skip -= iov[i].iov_len;
            continue;
        }
        piece = MIN(iov[i].iov_len - skip, len);
        out[k++] = (struct iovec){ (char *)iov[i].iov_base + skip, piece };
        len -= piece;
        skip = 0;
    }
    return k;
}

/* What to do with each piece: `flat` moves along. */
enum direction { TO_FLAT, FROM_FLAT, ZERO };

static void each_piece(const struct iovec *iov, int n, uint64_t skip, uint64_t len, uint8_t *flat,
                       enum direction direction)
{
    for (int i = 0; i < n && len > 0; i++) {
        uint8_t *at;
        size_t piece;

        if (skip >= iov[i].iov_len) {
            skip -= iov[i].iov_len;
            continue;
        }
        at = (uint8_t *)iov[i].iov_base + skip;
        piece = MIN(iov[i].iov_len - skip, len);
        if (direction == ZERO) {
            memset(at, 0, piece);
        } else {
            memcpy(direction == TO_FLAT ? flat : at, direction == TO_FLAT ? at : flat, piece);
            flat += piece;
        }
        len -= piece;
        skip = 0;
    }
}

void block_iov_read(const struct iovec *iov, int n, uint64_t skip, void *to, size_t len)
{
    each_piece(iov, n, skip, len, to, TO_FLAT);
}

void block_iov_write(const struct iovec *iov, int n, uint64_t skip, const void *from, size_t len)
{
    each_piece(iov, n, skip, len, (uint8_t *)from, FROM_FLAT);
}

void block_iov_zero(const struct iovec *iov, int n, uint64_t skip, uint64_t len)
{
    each_piece(iov, n, skip, len, NULL, ZERO);
}
