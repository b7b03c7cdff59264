/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/state_test.c: state rows to a stream and back; streams that must be refused. */
#include <string.h>
#include "softmmu/machine.h"

struct part {
    uint16_t reload;
    bool gate;
};

struct thing {
    uint8_t u8;
    uint32_t u32;
    uint64_t u64;
    int32_t i32;
    bool flag;
    uint16_t array[3];
    uint8_t buf[5];
    struct part parts[2];
    struct timer timer;
    uint8_t newer;
};

static const struct state_row part_rows[] = {
    STATE_INT(struct part, reload, 1, "count"),
    STATE_INT(struct part, gate, 1, "gate"),
    { 0 },
};

#define COMMON_ROWS                                                                                \
    STATE_INT(struct thing, u8, 1, ""), STATE_INT(struct thing, u32, 1, ""),                       \
        STATE_INT(struct thing, u64, 1, ""), STATE_INT(struct thing, i32, 1, ""),                  \
        STATE_INT(struct thing, flag, 1, ""), STATE_ARRAY(struct thing, array, 1, ""),             \
        STATE_BUF(struct thing, buf, 1, ""), STATE_SUB(struct thing, parts, 2, part_rows, 1, ""),  \
        STATE_TIMER_ROW(struct thing, timer, 1, "")

static const struct state_row old_rows[] = { COMMON_ROWS, { 0 } };
static const struct state_row rows[] = { COMMON_ROWS,
                                         STATE_INT(struct thing, newer, 2, ""),
                                         { 0 } };

static void nothing(void *opaque)
{
    (void)opaque;
}

static void fill(struct thing *t, struct machine *m)
{
    *t = (struct thing){
        .u8 = 0x12,
        .u32 = 0x12345678,
        .u64 = 0x123456789abcdef0,
        .i32 = -5,
        .flag = true,
        .array = { 1, 2, 0xffff },
        .buf = "abcd",
        .parts = { { 7, true }, { 9, false } },
        .newer = 3,
    };
    timer_init(&t->timer, m, CLOCK_KIND_VIRTUAL, nothing, t);
}

static struct machine *new_machine(void)
{
    struct machine *m = machine_new();

    machine_lock(m);
    clock_virtual_manual(m);
    return m;
}

static void round_trip_keeps_every_row(void)
{
    struct machine *m = new_machine();
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    struct thing a, b = { 0 };
    size_t pos = 0;

    fill(&a, m);
    timer_arm(&a.timer, 4711);
    timer_init(&b.timer, m, CLOCK_KIND_VIRTUAL, nothing, &b);
    state_save(rows, &a, out);
    state_load(rows, &b, out->data, out->len, &pos, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(pos, ==, out->len);
    g_assert_cmpuint(b.u8, ==, a.u8);
    g_assert_cmpuint(b.u32, ==, a.u32);
    g_assert_cmpuint(b.u64, ==, a.u64);
    g_assert_cmpint(b.i32, ==, -5);
    g_assert_true(b.flag);
    g_assert_cmpmem(b.array, sizeof(b.array), a.array, sizeof(a.array));
    g_assert_cmpmem(b.buf, sizeof(b.buf), a.buf, sizeof(a.buf));
    g_assert_cmpuint(b.parts[0].reload, ==, 7);
    g_assert_true(b.parts[0].gate);
    g_assert_cmpuint(b.parts[1].reload, ==, 9);
    g_assert_true(b.timer.armed);
    g_assert_cmpint(b.timer.deadline, ==, 4711);
    g_assert_cmpuint(b.newer, ==, 3);
    machine_free(m);
}

static void older_section_leaves_newer_rows_alone(void)
{
    struct machine *m = new_machine();
    g_autoptr(GByteArray) out = g_byte_array_new(), future = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    struct thing a, b;
    size_t pos = 0;

    fill(&a, m);
    fill(&b, m);
    b.newer = 42;
    state_save(old_rows, &a, out);
    g_assert_true(state_load(rows, &b, out->data, out->len, &pos, &error));
    g_assert_cmpuint(b.newer, ==, 42);
    state_save(rows, &a, future);
    pos = 0;
    g_assert_false(state_load(old_rows, &b, future->data, future->len, &pos, &error));
    g_assert_nonnull(strstr(error->message, "version 2"));
    machine_free(m);
}

static void check_refused(struct machine *m, const uint8_t *data, size_t len)
{
    g_autoptr(GError) error = NULL;
    struct thing b, before;
    size_t pos = 0;

    memset(&b, 0x5a, sizeof(b));
    b.flag = b.parts[0].gate = b.parts[1].gate = false;
    timer_init(&b.timer, m, CLOCK_KIND_VIRTUAL, nothing, &b);
    memcpy(&before, &b, sizeof(b));
    g_assert_false(state_load(rows, &b, data, len, &pos, &error));
    g_assert_nonnull(error);
    g_assert_cmpuint(pos, ==, 0);
    g_assert_cmpmem(&b, sizeof(b), &before, sizeof(before));
}

static void streams_cut_anywhere_are_refused(void)
{
    struct machine *m = new_machine();
    g_autoptr(GByteArray) out = g_byte_array_new();
    struct thing a;

    fill(&a, m);
    state_save(rows, &a, out);
    for (size_t len = 0; len < out->len; len++) {
        g_autofree uint8_t *copy = g_memdup2(out->data, len); /* for the address sanitizer */

        check_refused(m, copy, len);
    }
    machine_free(m);
}

/* Bytes of names, types, sizes, counts and bools: any other value is refused. */
static void corrupted_streams_are_refused_or_load_a_value(void)
{
    struct machine *m = new_machine();
    g_autoptr(GByteArray) out = g_byte_array_new();
    struct thing a;
    unsigned refused = 0;

    fill(&a, m);
    state_save(rows, &a, out);
    for (size_t i = 0; i < out->len; i++) {
        struct thing b;
        size_t pos = 0;

        fill(&b, m);
        out->data[i] ^= 0xff;
        if (!state_load(rows, &b, out->data, out->len, &pos, NULL)) {
            refused++;
            check_refused(m, out->data, out->len);
        }
        timer_disarm(&b.timer);
        out->data[i] ^= 0xff;
    }
    g_assert_cmpuint(refused, >, out->len / 2);
    machine_free(m);
}

static void bool_takes_nothing_but_0_and_1(void)
{
    static const struct state_row one[] = { STATE_INT(struct thing, flag, 1, ""), { 0 } };
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    struct thing a = { .flag = true };
    size_t pos = 0;

    state_save(one, &a, out);
    out->data[out->len - 2] = 2;
    g_assert_false(state_load(one, &a, out->data, out->len, &pos, &error));
    g_assert_cmpstr(error->message, ==, "field 'flag' is 2, must be 0 or 1");
}

static void missing_and_repeated_rows_are_refused(void)
{
    static const struct state_row one[] = { STATE_INT(struct thing, u8, 1, ""), { 0 } };
    static const struct state_row two[] = { STATE_INT(struct thing, u8, 1, ""),
                                            STATE_INT(struct thing, u32, 1, ""),
                                            { 0 } };
    static const struct state_row twice[] = { STATE_INT(struct thing, u8, 1, ""),
                                              STATE_INT(struct thing, u8, 1, ""),
                                              { 0 } };
    g_autoptr(GByteArray) out = g_byte_array_new(), doubled = g_byte_array_new();
    g_autoptr(GError) error = NULL, error2 = NULL;
    struct thing a = { 0 };
    size_t pos = 0;

    state_save(one, &a, out);
    g_assert_false(state_load(two, &a, out->data, out->len, &pos, &error));
    g_assert_cmpstr(error->message, ==, "field 'u32' is missing");
    state_save(twice, &a, doubled);
    g_assert_false(state_load(one, &a, doubled->data, doubled->len, &pos, &error2));
    g_assert_cmpstr(error2->message, ==, "repeated field 'u8'");
}

static void print_gives_a_line_a_row(void)
{
    struct machine *m = new_machine();
    g_autoptr(GString) out = g_string_new(NULL);
    struct thing a;

    fill(&a, m);
    state_print(rows, &a, out);
    g_assert_nonnull(strstr(out->str, "u32=0x12345678\n"));
    g_assert_nonnull(strstr(out->str, "array=0x1,0x2,0xffff\n"));
    g_assert_nonnull(strstr(out->str, "parts[1].reload=0x9\n"));
    g_assert_nonnull(strstr(out->str, "timer=off\n"));
    machine_free(m);
}

struct holder {
    uint8_t before;
    GByteArray *blob;
    uint8_t after;
};
#define BLOB_MAX 1000

static const struct state_row holder_rows[] = {
    STATE_INT(struct holder, before, 1, ""),
    STATE_BLOB_ROW(struct holder, blob, BLOB_MAX, 1, ""),
    STATE_INT(struct holder, after, 1, ""),
    { 0 },
};

/* Of any length up to its bound; a stream that is cut or too long changes nothing. */
static void blobs_have_their_own_length(void)
{
    static const unsigned sizes[] = { 0, 1, 999, BLOB_MAX, BLOB_MAX + 1 };

    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        struct holder a = { 1, g_byte_array_new(), 2 }, b = { 0, g_byte_array_new(), 0 };
        g_autoptr(GByteArray) out = g_byte_array_new();
        g_autoptr(GError) error = NULL;
        size_t pos = 0;
        bool good = sizes[i] <= BLOB_MAX;

        g_byte_array_set_size(a.blob, sizes[i]);
        if (sizes[i]) {
            memset(a.blob->data, 7, sizes[i]);
        }
        g_byte_array_append(b.blob, (const uint8_t *)"old", 3);
        state_save(holder_rows, &a, out);
        for (size_t len = 0; len < out->len; len += 1 + len / 7) {
            size_t at = 0;

            g_assert_false(state_load(holder_rows, &b, out->data, len, &at, NULL));
            g_assert_cmpuint(b.blob->len, ==, 3);
        }
        g_assert_true(state_load(holder_rows, &b, out->data, out->len, &pos, &error) == good);
        if (good) {
            g_assert_cmpmem(a.blob->data, a.blob->len, b.blob->data, b.blob->len);
            g_assert_cmpuint(b.after, ==, 2);
        } else {
            g_assert_nonnull(strstr(error->message, "'blob'"));
            g_assert_cmpuint(b.blob->len, ==, 3);
        }
        g_byte_array_unref(a.blob);
        g_byte_array_unref(b.blob);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state/round-trip", round_trip_keeps_every_row);
    g_test_add_func("/state/versions", older_section_leaves_newer_rows_alone);
    g_test_add_func("/state/truncated", streams_cut_anywhere_are_refused);
    g_test_add_func("/state/corrupted", corrupted_streams_are_refused_or_load_a_value);
    g_test_add_func("/state/bool", bool_takes_nothing_but_0_and_1);
    g_test_add_func("/state/missing", missing_and_repeated_rows_are_refused);
    g_test_add_func("/state/blob", blobs_have_their_own_length);
    g_test_add_func("/state/print", print_gives_a_line_a_row);
    return g_test_run();
}
