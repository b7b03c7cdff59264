/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/tpm_test.c: tpm-tis and tpm-crb in front of a swtpm that a thread plays (tpm_player.h). */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "chardev/chardev.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/tpm/swtpm.h"
#include "hw/tpm/tpm.h"
#include "tests/device/fuzz.h"
#include "tests/device/tpm_player.h"
#include "util/text.h"

#define BASE TPM_MMIO_BASE
/* The third is not there. */
#define BLOB_LEN(i) ((i) == 3 ? 0 : 10 + 20 * (i))

enum {
    TIS_ACCESS = 0x00,
    TIS_INT_ENABLE = 0x08,
    TIS_INT_STATUS = 0x10,
    TIS_STS = 0x18,
    TIS_FIFO = 0x24
};
enum {
    CRB_LOC_STATE = 0x00,
    CRB_LOC_CTRL = 0x08,
    CRB_REQ = 0x40,
    CRB_STS = 0x44,
    CRB_START = 0x4c,
    CRB_DATA = 0x80
};

struct fixture {
    struct rig *r;
    struct tpm_player p;
    struct device *dev;
};

static bool add_tpm(struct fixture *f, const char *options, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(options, "type");

    return tpm_add(f->r->m, opts, error);
}

static void begin(struct fixture *f, uint32_t capabilities)
{
    g_autofree char *spec = NULL;
    g_autoptr(GPtrArray) opts = NULL;
    g_autoptr(GError) error = NULL;
    int fds[2];

    f->r = rig_new();
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    f->p.control = fds[0];
    f->p.data = -1;
    f->p.capabilities = capabilities;
    for (unsigned i = 1; i < 4; i++) {
        f->p.blob_len[i] = BLOB_LEN(i);
        memset(f->p.blobs[i], (int)(0x10 + i), sizeof(f->p.blobs[i]));
    }
    f->p.thread = g_thread_new("swtpm", tpm_player_run, &f->p);
    spec = g_strdup_printf("socket,id=c,fd=%d", fds[1]);
    opts = parse_options(spec, "backend");
    g_assert_nonnull(chardev_new_options(f->r->m, "socket", "c", opts, &error));
    g_assert_no_error(error);
}

static void set_up(struct fixture *f, gconstpointer type)
{
    g_autoptr(GError) error = NULL;

    f->p.v1 = strcmp(type, "1.2") == 0;
    begin(f, UINT32_MAX);
    rig_device_realize(f->r, rig_device_new(f->r, &fw_cfg_type, NULL));
    g_assert_true(add_tpm(f, "emulator,id=t,chardev=c", &error));
    g_assert_no_error(error);
    f->dev = rig_device(f->r, strcmp(type, "1.2") == 0 ? "tpm-tis" : type, "tpmdev=t");
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
    shutdown(f->p.control, SHUT_RDWR);
    g_thread_join(f->p.thread);
    close(f->p.control);
    if (f->p.data >= 0) {
        close(f->p.data);
    }
}

/* TIS ------------------------------------------------------------------------------------------- */

static uint32_t tis(struct fixture *f, unsigned locality, unsigned reg, unsigned size)
{
    return (uint32_t)rig_load(f->r, BASE + 0x1000 * locality + reg, size);
}

static void set_tis(struct fixture *f, unsigned locality, unsigned reg, uint32_t v, unsigned size)
{
    rig_store(f->r, BASE + 0x1000 * locality + reg, v, size);
}

static const uint8_t command[14] = { 0x80, 1, 0, 0, 0, 14, 0, 0, 1, 0x7b, 'a', 'b', 'c', 'd' };

static void send_command(struct fixture *f, unsigned locality)
{
    set_tis(f, locality, TIS_STS, 0x40, 1);
    g_assert_cmphex(tis(f, locality, TIS_STS, 1) & 0xc0, ==, 0xc0);
    for (unsigned i = 0; i < sizeof(command); i++) {
        set_tis(f, locality, TIS_FIFO, command[i], 1);
        /* It expects more until the last byte. */
        g_assert_cmphex(tis(f, locality, TIS_STS, 1) & 0x08, ==, i + 1 < sizeof(command) ? 8 : 0);
    }
    set_tis(f, locality, TIS_STS, 0x20, 1);
}

static void wait_for_data(struct fixture *f, unsigned locality)
{
    while (!(tis(f, locality, TIS_STS, 1) & 0x10)) {
        machine_iterate(f->r->m, true);
    }
}

static void tis_carries_a_command(struct fixture *f, gconstpointer type)
{
    uint8_t response[14];

    g_assert_cmphex(tis(f, 0, TIS_ACCESS, 1), ==, 0x81);
    g_assert_cmphex(tis(f, 0, TIS_STS, 4), ==, 0xffffffff); /* not active */
    set_tis(f, 0, TIS_ACCESS, 2, 1);
    g_assert_cmphex(tis(f, 0, TIS_ACCESS, 1), ==, 0xa1);
    send_command(f, 0);
    wait_for_data(f, 0);
    g_assert_cmpuint(tis(f, 0, TIS_STS, 4) >> 8 & 0xffff, ==, 14);
    g_assert_cmpuint(tis(f, 0, TIS_STS, 4) >> 26 & 3, ==, strcmp(type, "1.2") == 0 ? 0 : 1);
    for (unsigned again = 0; again < 2; again++) {
        for (unsigned i = 0; i < 14; i += 2) {
            uint32_t v = tis(f, 0, TIS_FIFO, 2);

            response[i] = (uint8_t)v;
            response[i + 1] = (uint8_t)(v >> 8);
        }
        g_assert_cmphex(tpm_player_get32(response + 6), ==, 0);
        g_assert_cmpmem(response + 10, 4, "abcd", 4);
        g_assert_cmphex(tis(f, 0, TIS_STS, 1) & 0x10, ==, 0);
        set_tis(f, 0, TIS_STS, 0x02, 1); /* once more */
        g_assert_cmphex(tis(f, 0, TIS_STS, 1) & 0x10, ==, 0x10);
    }
    g_assert_cmpint(g_atomic_int_get(&f->p.locality), ==, 0);
}

static void tis_interrupts(struct fixture *f, gconstpointer data)
{
    (void)data;
    set_tis(f, 0, TIS_ACCESS, 2, 1);
    set_tis(f, 0, TIS_INT_ENABLE, 0x80000081, 4);
    set_tis(f, 0, TIS_STS, 0x40, 1);
    g_assert_true(f->r->lines[5].level);
    g_assert_cmphex(tis(f, 0, TIS_INT_STATUS, 4), ==, 0x80);
    set_tis(f, 0, TIS_INT_STATUS, 0x80, 4);
    g_assert_false(f->r->lines[5].level);
    send_command(f, 0);
    set_tis(f, 0, TIS_INT_STATUS, 0x80, 4);
    wait_for_data(f, 0);
    g_assert_true(f->r->lines[5].level);
    g_assert_cmphex(tis(f, 0, TIS_INT_STATUS, 4), ==, 0x01);
}

static void localities_take_turns(struct fixture *f, gconstpointer data)
{
    (void)data;
    set_tis(f, 1, TIS_ACCESS, 2, 1);
    set_tis(f, 0, TIS_ACCESS, 2, 1);
    g_assert_cmphex(tis(f, 0, TIS_ACCESS, 1), ==, 0x83);
    g_assert_cmphex(tis(f, 1, TIS_ACCESS, 1), ==, 0xa5); /* somebody waits */
    set_tis(f, 0, TIS_ACCESS, 8, 1);                     /* the lower one cannot seize it */
    g_assert_cmphex(tis(f, 1, TIS_ACCESS, 1), ==, 0xa5);
    set_tis(f, 2, TIS_ACCESS, 8, 1);
    g_assert_cmphex(tis(f, 2, TIS_ACCESS, 1), ==, 0xa5);
    g_assert_cmphex(tis(f, 1, TIS_ACCESS, 1) & 0x30, ==, 0x10);
    set_tis(f, 1, TIS_ACCESS, 0x10, 1);
    g_assert_cmphex(tis(f, 1, TIS_ACCESS, 1) & 0x30, ==, 0);
    send_command(f, 2);
    wait_for_data(f, 2);
    g_assert_cmpint(g_atomic_int_get(&f->p.locality), ==, 2);
    rig_check_state(f->r, f->dev);
    set_tis(f, 2, TIS_ACCESS, 0x20, 1); /* gives it to the one that waits */
    g_assert_cmphex(tis(f, 0, TIS_ACCESS, 1), ==, 0xa1);
    g_assert_cmphex(tis(f, 0, TIS_STS, 1) & 0xd0, ==, 0);
    set_tis(f, 4, TIS_ACCESS, 2, 1); /* the chipset's */
    g_assert_cmphex(tis(f, 4, TIS_ACCESS, 1), ==, 0xff);
}

/* While the TPM works the guest gives up; the next command is not answered by the last one's response. */
static void aborted_commands_leave_nothing(struct fixture *f, gconstpointer data)
{
    (void)data;
    set_tis(f, 0, TIS_ACCESS, 2, 1);
    send_command(f, 0);
    set_tis(f, 0, TIS_STS, 0x40, 1);
    while (!(tis(f, 0, TIS_STS, 1) & 0x40)) {
        g_assert_cmphex(tis(f, 0, TIS_STS, 1) & 0x10, ==, 0);
        machine_iterate(f->r->m, true);
    }
    send_command(f, 0);
    wait_for_data(f, 0);
}

/* What is too long is cut, and refused by its header. */
static void long_commands_fail(struct fixture *f, gconstpointer data)
{
    (void)data;
    set_tis(f, 0, TIS_ACCESS, 2, 1);
    set_tis(f, 0, TIS_STS, 0x40, 1);
    for (unsigned i = 0; i < 5000; i++) {
        set_tis(f, 0, TIS_FIFO, i == 4 ? 0x7f : 0, 1); /* size 0x7f00 */
    }
    g_assert_cmphex(tis(f, 0, TIS_STS, 1) & 0x08, ==, 0);
    set_tis(f, 0, TIS_STS, 0x20, 1);
    wait_for_data(f, 0);
    g_assert_cmpuint(tis(f, 0, TIS_STS, 4) >> 8 & 0xffff, ==, 10);
}

static void huge_responses_break_it(struct fixture *f, gconstpointer data)
{
    uint8_t response[10];

    (void)data;
    g_atomic_int_set(&f->p.huge, 1);
    set_tis(f, 0, TIS_ACCESS, 2, 1);
    for (unsigned turn = 0; turn < 2; turn++) { /* the second one is not sent at all */
        send_command(f, 0);
        wait_for_data(f, 0);
        for (unsigned i = 0; i < 10; i++) {
            response[i] = (uint8_t)tis(f, 0, TIS_FIFO, 1);
        }
        g_assert_cmphex(tpm_player_get32(response + 6), ==, 0x101); /* TPM_RC_FAILURE */
    }
}

/* The program behind it ends while the guest waits. */
static void gone_it_fails(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_atomic_int_set(&f->p.silent, 1);
    set_tis(f, 0, TIS_ACCESS, 2, 1);
    send_command(f, 0);
    shutdown(f->p.control, SHUT_RDWR);
    wait_for_data(f, 0);
    f->dev->type->reset(f->dev); /* nobody waits for anybody */
}

/* CRB ------------------------------------------------------------------------------------------- */

static void crb_carries_a_command(struct fixture *f, gconstpointer data)
{
    uint8_t response[14];

    (void)data;
    g_assert_cmphex(tis(f, 0, CRB_LOC_STATE, 4), ==, 0x81);
    rig_write(f->r, BASE + CRB_DATA, command, sizeof(command)); /* not granted */
    g_assert_cmphex(tis(f, 0, CRB_DATA, 4), ==, 0);
    set_tis(f, 0, CRB_LOC_CTRL, 1, 4);
    g_assert_cmphex(tis(f, 0, CRB_LOC_STATE, 4), ==, 0x83);
    g_assert_cmphex(tis(f, 0, CRB_STS, 4), ==, 2);
    set_tis(f, 0, CRB_REQ, 1, 4);
    g_assert_cmphex(tis(f, 0, CRB_REQ, 4), ==, 0);
    g_assert_cmphex(tis(f, 0, CRB_STS, 4), ==, 0);
    g_assert_cmphex(tis(f, 0, 0x5c, 4), ==, BASE + CRB_DATA);
    g_assert_cmpuint(tis(f, 0, 0x58, 4), ==, 0xf80);
    for (unsigned i = 0; i < sizeof(command); i++) {
        set_tis(f, 0, CRB_DATA + i, command[i], 1);
    }
    set_tis(f, 0, CRB_START, 1, 4);
    g_assert_cmphex(tis(f, 0, CRB_START, 4), ==, 1);
    set_tis(f, 0, CRB_DATA + 6, 0x77, 4); /* while it works */
    while (tis(f, 0, CRB_START, 4)) {
        machine_iterate(f->r->m, true);
    }
    rig_read(f->r, BASE + CRB_DATA, response, sizeof(response));
    g_assert_cmphex(tpm_player_get32(response + 6), ==, 0);
    g_assert_cmpmem(response + 10, 4, "abcd", 4);
    rig_check_state(f->r, f->dev);
    set_tis(f, 0, CRB_REQ, 2, 4);
    g_assert_cmphex(tis(f, 0, CRB_STS, 4), ==, 2);
    set_tis(f, 0, CRB_LOC_CTRL, 2, 4);
    g_assert_cmphex(tis(f, 0, CRB_LOC_STATE, 4), ==, 0x81);
}

/* SeaBIOS does not ask it to get ready: its capability says that it need not. */
static void crb_starts_out_of_idle(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(tis(f, 0, 0x30, 4) & 0x20f, ==, 0x201);
    set_tis(f, 0, CRB_LOC_CTRL, 1, 4);
    for (unsigned i = 0; i < sizeof(command); i++) {
        set_tis(f, 0, CRB_DATA + i, command[i], 1);
    }
    set_tis(f, 0, CRB_START, 1, 4);
    g_assert_cmphex(tis(f, 0, CRB_STS, 4), ==, 0);
    while (tis(f, 0, CRB_START, 4)) {
        machine_iterate(f->r->m, true);
    }
    g_assert_cmphex(tis(f, 0, CRB_DATA + 6, 4), ==, 0);
}

static void crb_wants_a_tpm_2(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *says = NULL;

    (void)data;
    f->p.v1 = true;
    begin(f, UINT32_MAX);
    g_assert_true(add_tpm(f, "emulator,id=t,chardev=c", &error));
    says = rig_device_error(f->r, &tpm_crb_type, "tpmdev=t");
    g_assert_nonnull(strstr(says, "is a TPM 1.2, must be a TPM 2.0"));
}

/* Both ------------------------------------------------------------------------------------------ */

/* A command in flight ends first; the blobs go out and come back, and then it starts. */
static void state_has_the_blobs(struct fixture *f, gconstpointer data)
{
    int inits = g_atomic_int_get(&f->p.inits);
    g_autoptr(GByteArray) saved = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    size_t pos = 0;

    (void)data;
    set_tis(f, 0, TIS_ACCESS, 2, 1);
    send_command(f, 0);
    device_save(f->dev, saved);
    g_assert_cmphex(tis(f, 0, TIS_STS, 1) & 0x10, ==, 0x10);
    memset(f->p.blobs, 0, sizeof(f->p.blobs));
    memset(f->p.blob_len, 0, sizeof(f->p.blob_len));
    f->dev->type->reset(f->dev);
    g_assert_true(device_load(f->dev, saved->data, saved->len, &pos, &error));
    g_assert_no_error(error);
    g_assert_cmpint(g_atomic_int_get(&f->p.inits), ==, inits + 2);
    g_assert_cmphex(f->p.init_flags, ==, SWTPM_DELETE_VOLATILE);
    for (unsigned i = 1; i < 4; i++) {
        g_assert_cmpuint(f->p.blob_len[i], ==, BLOB_LEN(i));
        g_assert_cmphex(f->p.blobs[i][0], ==, BLOB_LEN(i) ? 0x10 + i : 0);
        g_assert_cmphex(f->p.blobs[i][BLOB_LEN(i)], ==, 0);
    }
    g_assert_cmphex(tis(f, 0, TIS_STS, 1) & 0x10, ==, 0x10);
}

static void reset_restarts_it(struct fixture *f, gconstpointer data)
{
    int inits = g_atomic_int_get(&f->p.inits), stops = g_atomic_int_get(&f->p.stops);

    (void)data;
    set_tis(f, 0, TIS_ACCESS, 2, 1);
    send_command(f, 0);
    f->dev->type->reset(f->dev);
    g_assert_cmpint(g_atomic_int_get(&f->p.inits), ==, inits + 1);
    g_assert_cmpint(g_atomic_int_get(&f->p.stops), ==, stops + 1);
    g_assert_cmphex(tis(f, 0, TIS_ACCESS, 1), ==, 0x81);
    set_tis(f, 0, TIS_ACCESS, 2, 1);
    send_command(f, 0);
    wait_for_data(f, 0);
}

static void there_is_one(struct fixture *f, gconstpointer data)
{
    g_autofree char *again = rig_device_error(f->r, &tpm_tis_type, "tpmdev=t");
    enum tpm_version version = 0;

    (void)data;
    g_assert_nonnull(strstr(again, "at most one TPM"));
    g_assert_cmpint(tpm_find_interface(f->r->m, &version), ==, TPM_INTERFACE_CRB);
    g_assert_cmpint(version, ==, TPM_VERSION_2_0);
}

static void bad_back_ends_are_refused(struct fixture *f, gconstpointer data)
{
    static const struct {
        const char *options, *says;
    } rows[] = {
        { "emulator,id=t,chardev=x", "there is no -chardev with id 'x'" },
        { "emulator,id=t,chardev=n", "is no socket that is connected" },
        { "emulator,id=t,chardev=c", "use a newer swtpm" },
    };
    g_autofree char *none = NULL;

    (void)data;
    begin(f, SWTPM_CAN_INIT);
    chardev_new(f->r->m, "n", "null", NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(add_tpm(f, rows[i].options, &error));
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, rows[i].says));
    }
    none = rig_device_error(f->r, &tpm_tis_type, "tpmdev=t");
    g_assert_nonnull(strstr(none, "tpmdev is 't', must be the id of a -tpmdev"));
}

static void random_accesses(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 3000; i++) {
        unsigned off = (unsigned)g_random_int_range(0, 0x5000),
                 size = 1u << g_random_int_range(0, 3);

        off = i % 3 ? off & 0x707f : off;
        rig_store(f->r, BASE + off, g_random_int(), size);
        rig_load(f->r, BASE + off, size);
        rig_poll(f->r);
    }
    rig_check_state(f->r, f->dev);
}

#define ADD(path, type, fn) g_test_add("/tpm/" path, struct fixture, type, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("tis", "tpm-tis", tis_carries_a_command);
    ADD("tis-1.2", "1.2", tis_carries_a_command);
    ADD("tis-interrupts", "tpm-tis", tis_interrupts);
    ADD("tis-localities", "tpm-tis", localities_take_turns);
    ADD("tis-abort", "tpm-tis", aborted_commands_leave_nothing);
    ADD("tis-abort-1.2", "1.2", aborted_commands_leave_nothing);
    ADD("tis-long", "tpm-tis", long_commands_fail);
    ADD("tis-huge", "tpm-tis", huge_responses_break_it);
    ADD("tis-gone", "tpm-tis", gone_it_fails);
    ADD("tis-state", "tpm-tis", state_has_the_blobs);
    ADD("tis-reset", "tpm-tis", reset_restarts_it);
    ADD("tis-random", "tpm-tis", random_accesses);
    ADD("crb", "tpm-crb", crb_carries_a_command);
    ADD("crb-idle", "tpm-crb", crb_starts_out_of_idle);
    ADD("crb-random", "tpm-crb", random_accesses);
    ADD("one", "tpm-crb", there_is_one);
    g_test_add("/tpm/crb-1.2", struct fixture, NULL, NULL, crb_wants_a_tpm_2, tear_down);
    g_test_add("/tpm/refused", struct fixture, NULL, NULL, bad_back_ends_are_refused, tear_down);
    return g_test_run();
}
