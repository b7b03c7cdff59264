/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/bench/c/disk.c: random requests of 4 KiB on a disk, without the guest's page cache, one after the
 * other: disk DEVICE read|write COUNT.  It says on standard output when it starts and ends, with a sum of
 * what it read.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int main(int argc, char **argv)
{
    int write_it = argc == 4 && strcmp(argv[2], "write") == 0;
    int fd = argc == 4 ? open(argv[1], O_RDWR | O_DIRECT) : -1;
    long count = argc == 4 ? atol(argv[3]) : 0;
    off_t blocks = fd >= 0 ? lseek(fd, 0, SEEK_END) / BLOCK : 0;
    uint64_t x = 88172645463325252ull, sum = 0;
    uint8_t *buf;
    int64_t start;

    if (fd < 0 || blocks == 0 || posix_memalign((void **)&buf, BLOCK, BLOCK)) {
        return 1;
    }
    memset(buf, 0x5a, BLOCK);
    printf("DISK-START %s\n", argv[2]);
    fflush(stdout);
    start = now();
    for (long i = 0; i < count; i++) {
        off_t at;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        at = (off_t)(x % (uint64_t)blocks) * BLOCK;
        memcpy(buf + 8, &x, 8);
        if ((write_it ? pwrite(fd, buf, BLOCK, at) : pread(fd, buf, BLOCK, at)) != BLOCK) {
            return 2;
        }
        sum = sum * 31 + buf[i % BLOCK];
    }
    printf("DISK-END %s %lld ns, sum %llx\n", argv[2], (long long)(now() - start) / count,
           (unsigned long long)sum);
    return 0;
}
