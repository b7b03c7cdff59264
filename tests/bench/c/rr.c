/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rr ADDRESS PORT COUNT: one byte there and back over TCP, COUNT times: "RR-END COUNT n ns". */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1, count;
    long long start;
    char byte = 1;

    if (argc != 4 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
        return 2;
    }
    to.sin_port = htons((unsigned short)atoi(argv[2]));
    count = atoi(argv[3]);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
        perror("rr");
        return 1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    printf("RR-START\n");
    fflush(stdout);
    start = now();
    for (int i = 0; i < count; i++) {
        if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1) {
            perror("rr");
            return 1;
        }
    }
    printf("RR-END COUNT %d %lld ns\n", count, now() - start);
    return 0;
}
