/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/qtest/commands.c: the commands of a test, as libqtest's users know them.
 *
 * Numbers are decimal, 0x hexadecimal or 0 octal.  Memory is what DMA sees, ports what a CPU does.
 * Thread: main loop, machine lock held.
 */
#include <inttypes.h>
#include <string.h>
#include "accel/qtest/internal.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/text.h"

#define MEMSET_MAX (1ull << 32)
#define CHUNK      65536u

struct command;
typedef bool command_fn(struct qtest *q, const struct command *c, char **words, GString *answer,
                        GError **error);

struct command {
    const char *name;
    const char *args; /* for messages */
    unsigned min, max;
    command_fn *run;
    unsigned size; /* of an access, in bytes */
    bool stepped;  /* only where the clock moves by command */
};

static bool number(const char *text, const char *what, uint64_t max, uint64_t *out, GError **error)
{
    if (!parse_uint(text, 0, max, out)) {
        set_error(error, "%s is '%s', must be a number up to 0x%" PRIx64, what, text, max);
        return false;
    }
    return true;
}

static uint64_t mask_of(unsigned size)
{
    return size == 8 ? UINT64_MAX : (1ull << 8 * size) - 1;
}

/* Ports and memory, one access ---------------------------------------------------------------- */

static bool run_out(struct qtest *q, const struct command *c, char **words, GString *answer,
                    GError **error)
{
    uint64_t port, value;

    (void)answer;
    if (!number(words[1], "the port", UINT16_MAX, &port, error) ||
        !number(words[2], "the value", UINT64_MAX, &value, error)) {
        return false;
    }
    address_space_store(&qtest_machine(q)->io, port, value & mask_of(c->size), c->size);
    return true;
}

static bool run_in(struct qtest *q, const struct command *c, char **words, GString *answer,
                   GError **error)
{
    uint64_t port;

    if (!number(words[1], "the port", UINT16_MAX, &port, error)) {
        return false;
    }
    g_string_append_printf(answer, " 0x%04" PRIx64,
                           address_space_load(&qtest_machine(q)->io, port, c->size));
    return true;
}

static bool run_store(struct qtest *q, const struct command *c, char **words, GString *answer,
                      GError **error)
{
    uint64_t addr, value;

    (void)answer;
    if (!number(words[1], "the address", UINT64_MAX, &addr, error) ||
        !number(words[2], "the value", UINT64_MAX, &value, error)) {
        return false;
    }
    address_space_store(&qtest_machine(q)->memory, addr, value & mask_of(c->size), c->size);
    return true;
}

static bool run_load(struct qtest *q, const struct command *c, char **words, GString *answer,
                     GError **error)
{
    uint64_t addr;

    if (!number(words[1], "the address", UINT64_MAX, &addr, error)) {
        return false;
    }
    g_string_append_printf(answer, " 0x%016" PRIx64,
                           address_space_load(&qtest_machine(q)->memory, addr, c->size));
    return true;
}

/* Memory, many bytes -------------------------------------------------------------------------- */

/* words[1] and words[2] of what moves bytes: neither nothing nor beyond the end. */
static bool range(char **words, uint64_t max, uint64_t *addr, uint64_t *size, GError **error)
{
    if (!number(words[1], "the address", UINT64_MAX, addr, error) ||
        !number(words[2], "the size", max, size, error)) {
        return false;
    }
    if (*size == 0 || *addr + (*size - 1) < *addr) {
        set_error(error, "the size is %" PRIu64 ", must be 1 to 0x%" PRIx64, *size,
                  MIN(max - 1, UINT64_MAX - *addr) + 1);
        return false;
    }
    return true;
}

static bool run_read(struct qtest *q, const struct command *c, char **words, GString *answer,
                     GError **error)
{
    g_autofree uint8_t *bytes = NULL;
    uint64_t addr, size;

    (void)c;
    if (!range(words, QTEST_TRANSFER_MAX, &addr, &size, error)) {
        return false;
    }
    bytes = g_malloc(size);
    address_space_read(&qtest_machine(q)->memory, addr, bytes, size);
    g_string_append(answer, " 0x");
    for (uint64_t i = 0; i < size; i++) {
        g_string_append_c(answer, "0123456789abcdef"[bytes[i] >> 4]);
        g_string_append_c(answer, "0123456789abcdef"[bytes[i] & 15]);
    }
    return true;
}

static bool run_b64read(struct qtest *q, const struct command *c, char **words, GString *answer,
                        GError **error)
{
    g_autofree uint8_t *bytes = NULL;
    g_autofree char *text = NULL;
    uint64_t addr, size;

    (void)c;
    if (!range(words, QTEST_TRANSFER_MAX, &addr, &size, error)) {
        return false;
    }
    bytes = g_malloc(size);
    address_space_read(&qtest_machine(q)->memory, addr, bytes, size);
    text = g_base64_encode(bytes, size);
    g_string_append_printf(answer, " %s", text);
    return true;
}

/* Bytes that the text has not are zeroes. */
static bool run_write(struct qtest *q, const struct command *c, char **words, GString *answer,
                      GError **error)
{
    const char *text = words[3];
    g_autofree uint8_t *bytes = NULL;
    uint64_t addr, size;

    (void)c;
    (void)answer;
    if (!range(words, QTEST_TRANSFER_MAX, &addr, &size, error)) {
        return false;
    }
    if (!g_str_has_prefix(text, "0x")) {
        set_error(error, "the bytes must be 0x and two hexadecimal digits for each");
        return false;
    }
    bytes = g_malloc0(size);
    text += 2;
    for (uint64_t i = 0; i < size && text[0] && text[1]; i++, text += 2) {
        if (!g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1])) {
            set_error(error, "byte %" PRIu64 " is '%.2s', must be two hexadecimal digits", i, text);
            return false;
        }
        bytes[i] = (uint8_t)(g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]));
    }
    address_space_write(&qtest_machine(q)->memory, addr, bytes, size);
    return true;
}

static bool run_b64write(struct qtest *q, const struct command *c, char **words, GString *answer,
                         GError **error)
{
    g_autofree uint8_t *bytes = NULL;
    uint64_t addr, size;
    gsize found;

    (void)c;
    (void)answer;
    if (!range(words, QTEST_TRANSFER_MAX, &addr, &size, error)) {
        return false;
    }
    bytes = g_base64_decode(words[3], &found);
    address_space_write(&qtest_machine(q)->memory, addr, bytes, MIN(size, found));
    return true;
}

static bool run_memset(struct qtest *q, const struct command *c, char **words, GString *answer,
                       GError **error)
{
    uint64_t addr, size, value;
    uint8_t chunk[CHUNK];

    (void)c;
    (void)answer;
    if (!range(words, MEMSET_MAX, &addr, &size, error) ||
        !number(words[3], "the value", UINT8_MAX, &value, error)) {
        return false;
    }
    memset(chunk, (int)value, sizeof(chunk));
    for (uint64_t done = 0; done < size; done += CHUNK) {
        address_space_write(&qtest_machine(q)->memory, addr + done, chunk, MIN(size - done, CHUNK));
    }
    return true;
}

/* The clock ----------------------------------------------------------------------------------- */

static void step_to(struct machine *m, int64_t when, GString *answer)
{
    int64_t now = clock_now(m, CLOCK_KIND_VIRTUAL);

    if (when > now) {
        clock_step(m, when - now);
    }
    g_string_append_printf(answer, " %" PRId64, clock_now(m, CLOCK_KIND_VIRTUAL));
}

/* By so much, or to what is due next. */
static bool run_clock_step(struct qtest *q, const struct command *c, char **words, GString *answer,
                           GError **error)
{
    struct machine *m = qtest_machine(q);
    int64_t now = clock_now(m, CLOCK_KIND_VIRTUAL);
    uint64_t by;

    (void)c;
    if (!words[1]) {
        step_to(m, clock_next_deadline(m), answer);
        return true;
    }
    if (!number(words[1], "the time", (uint64_t)(INT64_MAX - now), &by, error)) {
        return false;
    }
    step_to(m, now + (int64_t)by, answer);
    return true;
}

static bool run_clock_set(struct qtest *q, const struct command *c, char **words, GString *answer,
                          GError **error)
{
    uint64_t when;

    (void)c;
    if (!number(words[1], "the time", INT64_MAX, &when, error)) {
        return false;
    }
    step_to(qtest_machine(q), (int64_t)when, answer);
    return true;
}

/* Lines, and what there is -------------------------------------------------------------------- */

static struct device *find_device(struct qtest *q, const char *name, GError **error)
{
    struct device *dev = qtest_find_device(qtest_machine(q), name);

    if (!dev) {
        set_error(error, "Unknown device");
    }
    return dev;
}

static bool run_intercept_in(struct qtest *q, const struct command *c, char **words,
                             GString *answer, GError **error)
{
    struct device *dev = find_device(q, words[1], error);

    (void)c;
    (void)answer;
    return dev && qtest_watch_lines(q, dev, dev->type->inputs, error);
}

static bool run_intercept_out(struct qtest *q, const struct command *c, char **words,
                              GString *answer, GError **error)
{
    struct device *dev = find_device(q, words[1], error);

    (void)c;
    (void)answer;
    return dev && qtest_watch_lines(q, dev, dev->type->outputs, error);
}

static bool run_set_irq_in(struct qtest *q, const struct command *c, char **words, GString *answer,
                           GError **error)
{
    struct device *dev = find_device(q, words[1], error);
    uint64_t line, level;

    (void)c;
    (void)answer;
    return dev && number(words[3], "the line", UINT16_MAX, &line, error) &&
           number(words[4], "the level", UINT32_MAX, &level, error) &&
           qtest_set_line(dev, words[2], line, level != 0, error);
}

static bool run_endianness(struct qtest *q, const struct command *c, char **words, GString *answer,
                           GError **error)
{
    (void)q;
    (void)c;
    (void)words;
    (void)error;
    g_string_append(answer, " little");
    return true;
}

static bool run_module_load(struct qtest *q, const struct command *c, char **words, GString *answer,
                            GError **error)
{
    (void)q;
    (void)c;
    (void)answer;
    set_error(error, "there is no module '%s%s': nothing is loaded at run time", words[1],
              words[2]);
    return false;
}

/* clang-format off */
static const struct command commands[] = {
    { "outb",              "PORT VALUE",          2, 2, run_out,   1 },
    { "outw",              "PORT VALUE",          2, 2, run_out,   2 },
    { "outl",              "PORT VALUE",          2, 2, run_out,   4 },
    { "inb",               "PORT",                1, 1, run_in,    1 },
    { "inw",               "PORT",                1, 1, run_in,    2 },
    { "inl",               "PORT",                1, 1, run_in,    4 },
    { "writeb",            "ADDRESS VALUE",       2, 2, run_store, 1 },
    { "writew",            "ADDRESS VALUE",       2, 2, run_store, 2 },
    { "writel",            "ADDRESS VALUE",       2, 2, run_store, 4 },
    { "writeq",            "ADDRESS VALUE",       2, 2, run_store, 8 },
    { "readb",             "ADDRESS",             1, 1, run_load,  1 },
    { "readw",             "ADDRESS",             1, 1, run_load,  2 },
    { "readl",             "ADDRESS",             1, 1, run_load,  4 },
    { "readq",             "ADDRESS",             1, 1, run_load,  8 },
    { "read",              "ADDRESS SIZE",        2, 2, run_read },
    { "b64read",           "ADDRESS SIZE",        2, 2, run_b64read },
    { "write",             "ADDRESS SIZE BYTES",  3, 3, run_write },
    { "b64write",          "ADDRESS SIZE BYTES",  3, 3, run_b64write },
    { "memset",            "ADDRESS SIZE VALUE",  3, 3, run_memset },
    { "clock_step",        "[NS]",                0, 1, run_clock_step, .stepped = true },
    { "clock_set",         "NS",                  1, 1, run_clock_set,  .stepped = true },
    { "irq_intercept_in",  "DEVICE",              1, 1, run_intercept_in },
    { "irq_intercept_out", "DEVICE",              1, 1, run_intercept_out },
    { "set_irq_in",        "DEVICE NAME LINE LEVEL", 4, 4, run_set_irq_in },
    { "endianness",        "",                    0, 0, run_endianness },
    { "module_load",       "PREFIX NAME",         2, 2, run_module_load },
};
/* clang-format on */

static bool clock_is_stepped(const struct machine *m)
{
    return m->config.accel && g_str_has_prefix(m->config.accel, qtest_vcpu_ops.name);
}

bool qtest_execute(struct qtest *q, char **words, unsigned n, GString *answer, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        const struct command *c = &commands[i];

        if (strcmp(c->name, words[0]) != 0 || (c->stepped && !clock_is_stepped(qtest_machine(q)))) {
            continue;
        }
        if (n - 1 < c->min || n - 1 > c->max) {
            set_error(error, "%s takes: %s", c->name, *c->args ? c->args : "nothing");
            return false;
        }
        return c->run(q, c, words, answer, error);
    }
    set_error(error, "Unknown command '%s'", words[0]);
    return false;
}
