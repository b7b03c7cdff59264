/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/gdbstub_rig.h: CPUs that run a few instructions in real mode, and the client's end of a character device
 * whose other end a gdbstub has.
 */
#ifndef TESTS_UNIT_GDBSTUB_RIG_H
#define TESTS_UNIT_GDBSTUB_RIG_H

#include <string.h>
#include "accel/tcg/tcg.h"
#include "chardev/backend.h"
#include "gdbstub/gdbstub.h"
#include "gdbstub/packet.h"
#include "softmmu/machine.h"
#include "target/i386/cpu.h"

#define RIG_RAM  0x100000
#define RIG_CODE 0x1000
#define RIG_DATA 0x2000
#define WAIT_US  (20 * G_USEC_PER_SEC)

/*
 * 1000: inc ax
 * 1001: mov [2000],ax
 * 1004: mov bx,[2000]
 * 1008: jmp 1000
 */
static const uint8_t rig_program[] = { 0x40, 0xa3, 0x00, 0x20, 0x8b, 0x1e, 0x00, 0x20, 0xeb, 0xf6 };

struct gdb_rig {
    struct machine *m;
    struct mem_region ram;
    struct x86_cpu *cpus[2];
    struct chardev *c;
    GString *got; /* what the stub has sent, up to what was looked at */
};

/* A character device without a host's side. */
struct line {
    struct chardev base;
    GString *out;
};

static inline size_t line_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    g_string_append_len(((struct line *)c)->out, (const char *)buf, (gssize)n);
    return n;
}

static const struct chardev_type line_type = { .name = "line",
                                               .size = sizeof(struct line),
                                               .write = line_write };

static inline struct gdb_rig *gdb_rig_new_model(const char *accel, unsigned cpus, const char *model)
{
    struct gdb_rig *r = g_new0(struct gdb_rig, 1);
    g_autoptr(GError) error = NULL;

    r->m = machine_new();
    machine_lock(r->m);
    r->m->config.accel = g_strdup(accel);
    r->m->config.start_paused = true;
    mem_region_init_ram(&r->ram, r->m, "rig.ram", RIG_RAM, &error);
    g_assert_no_error(error);
    mem_region_add(&r->m->system_memory, 0, &r->ram, 0);
    memcpy(r->ram.ram->host + RIG_CODE, rig_program, sizeof(rig_program));
    for (unsigned k = 0; k < cpus; k++) {
        r->cpus[k] = cpu_new(r->m, (int)k, model, &error);
        g_assert_no_error(error);
        r->cpus[k]->vcpu.ops = &tcg_vcpu_ops;
        r->m->vcpus[r->m->n_vcpus++] = &r->cpus[k]->vcpu;
    }
    r->got = g_string_new(NULL);
    r->c = backend_alloc(r->m, &line_type, "gdb");
    ((struct line *)r->c)->out = r->got;
    g_assert_nonnull(gdbstub_new(r->m, r->c, &error));
    machine_start(r->m, &error);
    g_assert_no_error(error);
    for (unsigned k = 0; k < cpus; k++) {
        segment_set_real(&r->cpus[k]->seg[SEG_CS], 0);
        r->cpus[k]->regs[R_RIP] = RIG_CODE;
        r->cpus[k]->halted = r->cpus[k]->wait_sipi = false;
        cpu_update_mode(r->cpus[k]);
    }
    return r;
}

static inline struct gdb_rig *gdb_rig_new(const char *accel, unsigned cpus)
{
    return gdb_rig_new_model(accel, cpus, "max");
}

static inline void gdb_rig_free(struct gdb_rig *r)
{
    gdbstub_free(r->m->gdbstub);
    vcpu_destroy_all(r->m);
    for (unsigned k = 0; k < G_N_ELEMENTS(r->cpus); k++) {
        cpu_free(r->cpus[k]);
    }
    mem_region_destroy(&r->ram);
    machine_free(r->m);
    g_string_free(r->got, TRUE);
    g_free(r);
}

static inline void rig_feed(struct gdb_rig *r, const char *bytes, size_t n)
{
    for (size_t k = 0; k < n; k += 1000) {
        r->c->front.receive(r->c->front.opaque, (const uint8_t *)bytes + k, MIN(n - k, 1000));
    }
}

static inline void rig_send_bytes(struct gdb_rig *r, const char *packet, size_t n)
{
    g_autoptr(GString) text = g_string_new(NULL);

    packet_append(text, packet, n);
    rig_feed(r, text->str, text->len);
}

static inline void rig_send(struct gdb_rig *r, const char *packet)
{
    rig_send_bytes(r, packet, strlen(packet));
}

/* The next packet; the loop turns until it is there.  To be freed. */
static inline char *rig_receive(struct gdb_rig *r)
{
    int64_t deadline = g_get_monotonic_time() + WAIT_US;
    char *end, *begin, *packet;

    for (;;) {
        begin = strchr(r->got->str, '$');
        end = begin ? strchr(begin, '#') : NULL;
        if (end && end[1] && end[2]) {
            packet = g_strndup(begin + 1, (size_t)(end - begin) - 1);
            g_string_erase(r->got, 0, end + 3 - r->got->str);
            return packet;
        }
        machine_iterate(r->m, false);
        machine_unlock(r->m);
        g_usleep(100);
        machine_lock(r->m);
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
}

static inline void rig_expect(struct gdb_rig *r, const char *reply)
{
    g_autofree char *got = rig_receive(r);

    g_assert_cmpstr(got, ==, reply);
}

static inline void rig_ask(struct gdb_rig *r, const char *packet, const char *reply)
{
    g_test_message("%s", packet);
    rig_send(r, packet);
    rig_expect(r, reply);
}

/* Some guest code runs meanwhile. */
static inline void rig_wait(struct gdb_rig *r, unsigned ms)
{
    for (unsigned k = 0; k < ms; k++) {
        machine_iterate(r->m, false);
        machine_unlock(r->m);
        g_usleep(1000);
        machine_lock(r->m);
    }
}

/* The test's data is a pointer to a function that is run under each engine. */
typedef void engine_test(const char *engine);

static inline void run_under_engines(gconstpointer test)
{
    static const char *const engines[] = { "tcg,engine=interp", "tcg" };

    for (unsigned k = 0; k < G_N_ELEMENTS(engines); k++) {
        g_test_message("%s", engines[k]);
        (*(engine_test *const *)test)(engines[k]);
    }
}

#endif
