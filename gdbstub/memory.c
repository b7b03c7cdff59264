/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdbstub/memory.c: m, M, X: memory as the chosen vCPU sees it, or physical memory.
 *
 * Thread: main loop, machine lock held, vCPUs stopped.
 */
#include <string.h>
#include "gdbstub/stub.h"
#include "target/i386/mem.h"

/* From an address to the end of its page: is it there, and where?  Gives the bytes that may be accessed. */
static size_t translate(struct gdbstub *g, uint64_t addr, size_t n, uint64_t *phys)
{
    *phys = g->physical ? addr : mmu_debug_translate(stub_cpu(g), addr);
    return *phys == UINT64_MAX ? 0 : MIN(n, GUEST_PAGE_SIZE - (size_t)(addr & ~GUEST_PAGE_MASK));
}

static struct address_space *memory_of(struct gdbstub *g)
{
    return g->physical ? &g->machine->memory : stub_cpu(g)->memory;
}

/* How many of the bytes are there. */
static size_t read_memory(struct gdbstub *g, uint64_t addr, uint8_t *to, size_t n)
{
    size_t done = 0;

    while (done < n) {
        uint64_t phys;
        size_t step = translate(g, addr + done, n - done, &phys);

        if (!step || !address_space_read(memory_of(g), phys, to + done, step)) {
            break;
        }
        done += step;
    }
    return done;
}

/* All or, as far as pages go, nothing. */
static bool write_memory(struct gdbstub *g, uint64_t addr, const uint8_t *from, size_t n)
{
    uint64_t phys;
    size_t step;

    for (size_t done = 0; done < n; done += step) {
        step = translate(g, addr + done, n - done, &phys);
        if (!step) {
            return false;
        }
    }
    for (size_t done = 0; done < n; done += step) {
        step = translate(g, addr + done, n - done, &phys);
        if (!step || !address_space_write(memory_of(g), phys, from + done, step)) {
            return false;
        }
    }
    return true;
}

/* "addr,length", and what follows. */
static bool parse_range(const char **p, uint64_t *addr, uint64_t *n, char end)
{
    if (!packet_hex(p, addr) || *(*p)++ != ',' || !packet_hex(p, n) || **p != end) {
        return false;
    }
    *p += end != '\0';
    return true;
}

void command_read_memory(struct gdbstub *g, const char *args, size_t size, GString *reply)
{
    uint8_t buf[PACKET_MAX / 2];
    uint64_t addr, n;
    size_t done;

    (void)size;
    if (!parse_range(&args, &addr, &n, '\0')) {
        reply_error(reply, GDB_EINVAL);
        return;
    }
    n = MIN(n, sizeof(buf)); /* gdb asks for the rest */
    done = read_memory(g, addr, buf, n);
    if (n && !done) {
        reply_error(reply, GDB_EFAULT);
        return;
    }
    packet_append_hex(reply, buf, done);
}

void command_write_memory(struct gdbstub *g, const char *args, size_t size, GString *reply)
{
    uint8_t buf[PACKET_MAX / 2];
    const char *p = args;
    uint64_t addr, n;

    if (!parse_range(&p, &addr, &n, ':') || n > sizeof(buf) || size - (size_t)(p - args) != n * 2 ||
        !packet_parse_hex(p, buf, n)) {
        reply_error(reply, GDB_EINVAL);
    } else if (!write_memory(g, addr, buf, n)) {
        reply_error(reply, GDB_EFAULT);
    } else {
        reply_ok(reply);
    }
}

void command_write_binary(struct gdbstub *g, const char *args, size_t size, GString *reply)
{
    const char *p = args;
    uint64_t addr, n;

    if (!parse_range(&p, &addr, &n, ':') || size - (size_t)(p - args) != n) {
        reply_error(reply, GDB_EINVAL);
    } else if (!write_memory(g, addr, (const uint8_t *)p, n)) {
        reply_error(reply, GDB_EFAULT);
    } else {
        reply_ok(reply);
    }
}
