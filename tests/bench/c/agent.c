/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * agent.c: runs programs that are asked for on standard input, one line each, and says how they
 * ended. It is process 1 of the guest ("agent guest", on the serial console) and runs on the host
 * too ("agent native"), so that both sides start the same files in the same way.
 *
 *   in   run PATH ARG...     a no-break space is a blank inside an argument; the working
 *                            directory holds the files
 *   out  @begin              the preparation is over (clock_starts() of bench.h); guest only: an
 *                            empty line is awaited before the program goes on
 *   out  @done               the program ended
 *   out  @end STATUS HASH CPU WALL TEXT   seconds; TEXT is what it wrote to standard error
 *   in   quit                the end of the guest, or of the agent
 *
 * One thread. What a program prints goes to a memory file, of which only a hash is told.
 */
#include "tests/bench/c/bench.h"

#include <fcntl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

enum { WORDS = 64, ERROR_TEXT = 200, KLOG_CONSOLE_LEVEL = 8 };

struct run {
    bool guest;
    int out, err;  /* memory files */
    int begin, go; /* our ends of the pipes of clock_starts() */
    double before; /* CPU seconds of the preparation */
    double start;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void prepare_guest(void)
{
    struct termios tty;

    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
    klogctl(KLOG_CONSOLE_LEVEL, NULL, 1); /* only panics between our lines */
    tcgetattr(0, &tty);
    tty.c_lflag &= ~(ECHO | ECHOE | ECHOK | ISIG);
    tty.c_oflag &= ~OPOST;
    tcsetattr(0, TCSANOW, &tty);
    if (chdir("/bench")) {
        die("no /bench");
    }
}

static void child(char **words, int out, int err, int begin, int go)
{
    static char *const environment[] = { "LC_ALL=C",
                                         "PATH=/nowhere",
                                         "HOME=/",
                                         "PYTHONHOME=usr",
                                         "PYTHONDONTWRITEBYTECODE=1",
                                         "PYTHONHASHSEED=7",
                                         "PERL_HASH_SEED=0",
                                         "PERL5LIB=usr/lib/x86_64-linux-gnu/perl-base",
                                         "OPENSSL_CONF=/dev/null",
                                         NULL };
    int from[] = { open("/dev/null", O_RDONLY), out, err, begin, go };

    for (int fd = 0; fd < 5; fd++) {
        from[fd] = fcntl(from[fd], F_DUPFD, 16); /* none stands where another one goes */
    }
    for (int fd = 0; fd < 5; fd++) {
        dup2(from[fd], fd);
    }
    for (int fd = 5; fd < 64; fd++) {
        close(fd);
    }
    execve(words[0], words, environment);
    perror(words[0]);
    _exit(127);
}

/* Waits until every process of the program has closed its end of the pipe. */
static void follow(struct run *run)
{
    char line[16];

    while (read(run->begin, &run->before, sizeof(run->before)) == sizeof(run->before)) {
        if (run->guest) {
            printf("@begin\n");
            if (!fgets(line, sizeof(line), stdin)) {
                exit(1);
            }
        }
        run->start = now();
        if (write(run->go, "g", 1) != 1) {
            break;
        }
    }
}

static uint64_t hash_file(int fd)
{
    uint64_t sum = 0xcbf29ce484222325ull;
    static char buffer[1 << 16];
    ssize_t size;

    lseek(fd, 0, SEEK_SET);
    while ((size = read(fd, buffer, sizeof(buffer))) > 0) {
        for (ssize_t i = 0; i < size; i++) {
            sum = mix(sum, (unsigned char)buffer[i]);
        }
    }
    return sum;
}

static void report(struct run *run, int status, const struct rusage *use, double wall)
{
    double cpu = use->ru_utime.tv_sec + use->ru_stime.tv_sec +
                 (use->ru_utime.tv_usec + use->ru_stime.tv_usec) / 1e6;
    char text[ERROR_TEXT + 1] = "";
    ssize_t size;

    printf("@done\n");
    lseek(run->err, 0, SEEK_SET);
    size = read(run->err, text, ERROR_TEXT);
    for (ssize_t i = 0; i < size; i++) {
        text[i] = text[i] < ' ' || text[i] > '~' ? ' ' : text[i];
    }
    printf("@end %d %016" PRIx64 " %.6f %.6f %s\n",
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), hash_file(run->out),
           cpu - run->before, wall, text);
}

static void run_program(bool guest, char **words)
{
    struct run run = { .guest = guest,
                       .out = memfd_create("out", 0),
                       .err = memfd_create("err", 0) };
    int begin[2], go[2], status;
    struct rusage use;
    pid_t pid;

    if (run.out < 0 || run.err < 0 || pipe(begin) || pipe(go)) {
        die("no files for the program");
    }
    run.start = now();
    pid = fork();
    if (pid == 0) {
        child(words, run.out, run.err, begin[1], go[0]);
    }
    close(begin[1]);
    close(go[0]);
    run.begin = begin[0];
    run.go = go[1];
    follow(&run);
    wait4(pid, &status, 0, &use);
    report(&run, status, &use, now() - run.start);
    close(run.begin);
    close(run.go);
    close(run.out);
    close(run.err);
}

static char *with_blanks(char *word)
{
    for (char *at; (at = strstr(word, "\u00a0"));) {
        *at = ' ';
        memmove(at + 1, at + 2, strlen(at + 2) + 1);
    }
    return word;
}

int main(int argc, char **argv)
{
    bool guest = argc > 1 && !strcmp(argv[1], "guest");
    char line[4096], *words[WORDS + 1];

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (guest) {
        prepare_guest();
    }
    printf("@ready\n");
    while (fgets(line, sizeof(line), stdin)) {
        unsigned n = 0;

        for (char *word = strtok(line, " \n"); word && n < WORDS; word = strtok(NULL, " \n")) {
            words[n++] = with_blanks(word);
        }
        words[n] = NULL;
        if (n > 1 && !strcmp(words[0], "run")) {
            run_program(guest, words + 1);
        } else if (n && !strcmp(words[0], "quit")) {
            break;
        }
    }
    if (guest) {
        reboot(RB_POWER_OFF);
    }
    return 0;
}
