/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * os.c: programs that ask the kernel for something, over and over.
 */
#include "tests/bench/c/bench.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { PAGE = 4096, COW_PAGES = 256, TOUCHED = 16 };

static uint64_t run_getppid(uint64_t n)
{
    uint64_t same = 0;
    long parent = syscall(SYS_getppid);

    while (n--) {
        same += syscall(SYS_getppid) == parent;
    }
    return same;
}

static uint64_t run_rw(uint64_t n)
{
    int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
    char buffer[512];
    uint64_t bytes = 0;

    while (n--) {
        bytes += read(zero, buffer, sizeof(buffer)) + write(null, buffer, sizeof(buffer));
    }
    return bytes;
}

static void ended_well(pid_t pid)
{
    int status;

    if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
        die("a child failed");
    }
}

static uint64_t run_pipe(uint64_t n)
{
    int to[2], from[2];
    uint64_t sum = 0;
    uint8_t byte = 0;
    pid_t pid;

    if (pipe(to) || pipe(from)) {
        die("no pipe");
    }
    pid = fork();
    if (pid == 0) {
        close(to[1]);
        while (read(to[0], &byte, 1) == 1) {
            byte += 3;
            if (write(from[1], &byte, 1) != 1) {
                _exit(1);
            }
        }
        _exit(0);
    }
    while (n--) {
        if (write(to[1], &byte, 1) != 1 || read(from[0], &byte, 1) != 1) {
            die("the pipe broke");
        }
        sum += byte;
    }
    close(to[1]);
    ended_well(pid);
    return sum;
}

static uint64_t run_fork(uint64_t n)
{
    uint64_t ended = 0;

    while (n--) {
        pid_t pid = fork();

        if (pid == 0) {
            _exit(0);
        }
        ended_well(pid);
        ended++;
    }
    return ended;
}

static uint64_t run_exec(uint64_t n)
{
    uint64_t ended = 0;

    while (n--) {
        pid_t pid = fork();

        if (pid == 0) {
            execl("/proc/self/exe", "os", "true", "1", NULL);
            _exit(1);
        }
        ended_well(pid);
        ended++;
    }
    return ended;
}

static uint64_t run_true(uint64_t n)
{
    _exit(n != 1);
}

static uint8_t *pages(size_t size)
{
    uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        die("no memory");
    }
    return p;
}

static uint64_t run_mmap(uint64_t n)
{
    uint64_t sum = 0;

    while (n--) {
        uint8_t *p = pages(TOUCHED * PAGE);

        for (int i = 0; i < TOUCHED; i++) {
            p[i * PAGE] = i + n;
        }
        sum += p[3 * PAGE];
        munmap(p, TOUCHED * PAGE);
    }
    return sum;
}

/* A child writes to every page that it shares with its parent. */
static uint64_t run_cow(uint64_t n)
{
    uint8_t *p = pages(COW_PAGES * PAGE);
    uint64_t ended = 0;

    memset(p, 1, COW_PAGES * PAGE);
    while (n--) {
        pid_t pid = fork();

        if (pid == 0) {
            for (int i = 0; i < COW_PAGES; i++) {
                p[i * PAGE] += 1;
            }
            _exit(p[7 * PAGE] != 2);
        }
        ended_well(pid);
        ended += p[7 * PAGE];
    }
    return ended;
}

static volatile uint64_t caught;
static uint8_t *protected_page;

static void on_signal(int number)
{
    (void)number;
    caught++;
}

static void on_fault(int number)
{
    (void)number;
    caught++;
    mprotect(protected_page, PAGE, PROT_READ | PROT_WRITE);
}

static uint64_t run_signal(uint64_t n)
{
    signal(SIGUSR1, on_signal);
    while (n--) {
        raise(SIGUSR1);
    }
    return caught;
}

static uint64_t run_segv(uint64_t n)
{
    protected_page = pages(PAGE);
    signal(SIGSEGV, on_fault);
    while (n--) {
        mprotect(protected_page, PAGE, PROT_READ);
        *(volatile uint8_t *)protected_page = n;
    }
    return caught + *protected_page;
}

/* Files are made, written, renamed, looked at, read and removed. */
static uint64_t run_files(uint64_t n)
{
    const char *folder = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
    char name[64], other[80], buffer[3000] = "";
    uint64_t sum = 0;

    snprintf(name, sizeof(name), "%s/rhea-bench-%d", folder, getpid());
    snprintf(other, sizeof(other), "%s.renamed", name);
    while (n--) {
        int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

        if (fd < 0 || write(fd, buffer, sizeof(buffer)) != sizeof(buffer)) {
            die("cannot write a file");
        }
        sum += lseek(fd, 100, SEEK_SET) + read(fd, buffer, sizeof(buffer));
        close(fd);
        sum += rename(name, other) == 0;
        sum += access(other, R_OK) == 0;
        sum += unlink(other) == 0;
    }
    return sum;
}

static uint64_t run_clock(uint64_t n)
{
    struct timespec last = { 0 }, t;
    uint64_t ordered = 0;

    while (n--) {
        clock_gettime(CLOCK_MONOTONIC, &t);
        ordered += t.tv_sec > last.tv_sec || (t.tv_sec == last.tv_sec && t.tv_nsec >= last.tv_nsec);
        last = t;
    }
    return ordered;
}

int main(int argc, char **argv)
{
    static const struct job jobs[] = {
        { "getppid", run_getppid },
        { "rw", run_rw },
        { "pipe", run_pipe },
        { "fork", run_fork },
        { "exec", run_exec },
        { "true", run_true },
        { "mmap", run_mmap },
        { "cow", run_cow },
        { "signal", run_signal },
        { "segv", run_segv },
        { "files", run_files },
        { "clock", run_clock },
        { NULL, NULL },
    };

    return run_job(jobs, argc, argv);
}
