/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/tpm/tpm.c: see tpm.h, also for the thread.  The one type there is, "emulator", is swtpm: a control channel,
 * which is the chardev's socket, and commands over a socket of their own, whose other end goes to swtpm.
 */
#include "hw/tpm/tpm.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "chardev/chardev.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/tpm/swtpm.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

#define CONTROL_TIMEOUT_MS 10000
#define COMMAND_TIMEOUT_MS 60000 /* the making of keys takes long */
#define NO_LOCALITY        0xffu

struct tpm {
    struct machine *machine;
    char *id;
    struct chardev *chr;
    struct swtpm control;
    enum tpm_version version;
    uint32_t capabilities, buffer_size;
    bool ready; /* it was found to work */
    bool established, broken, attached;
    char *why; /* it is broken */
    struct tpm_front front;
    int fd; /* commands and responses; -1: not yet */
    GSource *watch;
    uint8_t locality; /* which swtpm was told last */
    /* The command in flight; buf NULL: none. */
    uint8_t *buf;
    uint32_t got;
};

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Responses ------------------------------------------------------------------------------------- */

static void stop_watching(struct tpm *t)
{
    if (t->watch) {
        g_source_destroy(t->watch);
        g_source_unref(t->watch);
        t->watch = NULL;
    }
}

/* TPM 1.2, part 2: TPM_TAG_RSP_COMMAND, TPM_FAIL.  TPM 2.0, part 2: TPM_ST_NO_SESSIONS, TPM_RC_FAILURE. */
static void put_failure(struct tpm *t)
{
    static const uint8_t v1[TPM_HEADER_SIZE] = { 0x00, 0xc4, 0, 0, 0, TPM_HEADER_SIZE, 0, 0, 0, 9 };
    static const uint8_t v2[TPM_HEADER_SIZE] = { 0x80, 0x01, 0, 0, 0, TPM_HEADER_SIZE, 0, 0, 1, 1 };

    memcpy(t->buf, t->version == TPM_VERSION_2_0 ? v2 : v1, TPM_HEADER_SIZE);
    t->got = TPM_HEADER_SIZE;
}

static void complete(struct tpm *t)
{
    uint32_t len = t->got;

    stop_watching(t);
    t->buf = NULL;
    t->got = 0;
    t->front.completed(t->front.opaque, len);
}

static void fail_soon(void *opaque);

static void break_it(struct tpm *t, const char *why)
{
    stop_watching(t);
    if (t->buf && t->attached) { /* unless whoever found it out does it */
        machine_call_soon(t->machine, fail_soon, t);
    }
    if (!t->broken && t->ready) {
        report_warning("tpmdev '%s': %s: the guest's TPM fails from now on", t->id, why);
    }
    if (!t->broken) {
        t->why = g_strdup(why);
    }
    t->broken = true;
}

/* Reads what there is.  True: the response is whole, or there will be none. */
static bool read_response(struct tpm *t)
{
    while (true) {
        uint32_t wanted = t->got < 6 ? TPM_HEADER_SIZE : load_be32(t->buf + 2);
        ssize_t n;

        if (wanted < TPM_HEADER_SIZE || wanted > t->buffer_size) {
            g_autofree char *why = g_strdup_printf("a response of %u bytes, must have %u to %u",
                                                   wanted, TPM_HEADER_SIZE, t->buffer_size);

            break_it(t, why);
            put_failure(t);
            return true;
        }
        if (t->got >= wanted) {
            return true;
        }
        n = recv(t->fd, t->buf + t->got, wanted - t->got, MSG_DONTWAIT);
        if (n > 0) {
            t->got += (uint32_t)n;
        } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return false;
        } else {
            break_it(t, n == 0 ? "it has gone" : g_strerror(errno));
            put_failure(t);
            return true;
        }
    }
}

static gboolean response_ready(gint fd, GIOCondition condition, gpointer opaque)
{
    struct tpm *t = opaque;

    (void)fd;
    (void)condition;
    if (read_response(t)) {
        complete(t);
    }
    return G_SOURCE_CONTINUE; /* complete has removed it */
}

static void watch_response(struct tpm *t)
{
    t->watch = g_unix_fd_source_new(t->fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
    g_source_set_callback(t->watch, G_SOURCE_FUNC(response_ready), t, NULL);
    g_source_attach(t->watch, t->machine->context);
}

/* What was not sent, or will not be answered. */
static void fail_soon(void *opaque)
{
    struct tpm *t = opaque;

    if (t->buf && !t->watch) {
        put_failure(t);
        complete(t);
    }
}

/* Control --------------------------------------------------------------------------------------- */

static bool control(struct tpm *t, enum swtpm_command command, const uint32_t *args,
                    unsigned n_args, uint32_t *results, unsigned n_results)
{
    g_autoptr(GError) error = NULL;

    if (t->broken) {
        return false;
    }
    if (!swtpm_call(&t->control, command, args, n_args, results, n_results, -1, &error)) {
        break_it(t, error->message);
        return false;
    }
    return true;
}

/* A locality is the first byte of its structure. */
static bool set_locality(struct tpm *t, uint8_t locality)
{
    const uint32_t arg = (uint32_t)locality << 24;

    if (t->locality == locality) {
        return true;
    }
    t->locality = locality;
    return control(t, SWTPM_SET_LOCALITY, &arg, 1, NULL, 0);
}

static void read_established(struct tpm *t)
{
    uint32_t word = 0;

    if (control(t, SWTPM_GET_ESTABLISHED, NULL, 0, &word, 1)) {
        t->established = word >> 24;
    }
}

/* STOP is over; tells the buffer's size and starts it. */
static bool start_it(struct tpm *t, uint32_t buffer_size, uint32_t flags)
{
    uint32_t sizes[3]; /* as set, the least, the most */

    if (!control(t, SWTPM_SET_BUFFER_SIZE, &buffer_size, 1, sizes, G_N_ELEMENTS(sizes))) {
        return false;
    }
    if (sizes[0] < TPM_HEADER_SIZE || sizes[0] > buffer_size) {
        g_autofree char *why = g_strdup_printf("its buffer has %u bytes, must have %u to %u",
                                               sizes[0], TPM_HEADER_SIZE, buffer_size);

        break_it(t, why);
        return false;
    }
    t->buffer_size = sizes[0];
    t->locality = NO_LOCALITY;
    if (!control(t, SWTPM_INIT, &flags, 1, NULL, 0)) {
        return false;
    }
    read_established(t);
    return !t->broken;
}

void tpm_restart(struct tpm *t, uint32_t buffer_size)
{
    tpm_finish(t);
    t->buffer_size = buffer_size;
    if (control(t, SWTPM_STOP, NULL, 0, NULL, 0)) {
        start_it(t, buffer_size, 0);
    }
}

bool tpm_established(const struct tpm *t)
{
    return t->established;
}

void tpm_reset_established(struct tpm *t, uint8_t locality)
{
    const uint32_t arg = (uint32_t)locality << 24;

    if (control(t, SWTPM_RESET_ESTABLISHED, &arg, 1, NULL, 0)) {
        read_established(t);
    }
}

/* Commands -------------------------------------------------------------------------------------- */

uint32_t tpm_buffer_size(const struct tpm *t)
{
    return t->buffer_size;
}

bool tpm_is_busy(const struct tpm *t)
{
    return t->buf != NULL;
}

void tpm_submit(struct tpm *t, uint8_t locality, uint8_t *buf, uint32_t len)
{
    g_assert(!t->buf && len <= t->buffer_size);
    t->buf = buf;
    t->got = 0;
    if (!t->broken && (len < TPM_HEADER_SIZE || load_be32(buf + 2) != len)) {
        put_failure(t); /* swtpm waits for the rest */
        machine_call_soon(t->machine, fail_soon, t);
        return;
    }
    if (!t->broken && set_locality(t, locality) && send(t->fd, buf, len, MSG_NOSIGNAL) != len) {
        break_it(t, g_strerror(errno));
    }
    if (t->broken) {
        machine_call_soon(t->machine, fail_soon, t);
    } else {
        watch_response(t);
    }
}

void tpm_cancel(struct tpm *t)
{
    g_autoptr(GError) error = NULL;

    if (t->buf && !t->broken && (t->capabilities & SWTPM_CAN_CANCEL) &&
        !swtpm_cancel(&t->control, &error)) {
        break_it(t, error->message);
    }
}

void tpm_finish(struct tpm *t)
{
    gint64 end = g_get_monotonic_time() + COMMAND_TIMEOUT_MS * 1000;

    while (t->buf && !t->broken && !read_response(t)) {
        struct pollfd p = { .fd = t->fd, .events = POLLIN };
        gint64 left = (end - g_get_monotonic_time()) / 1000;

        if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR)) {
            break_it(t, "it does not answer");
        }
    }
    if (t->buf) {
        if (t->broken) {
            put_failure(t);
        }
        complete(t);
    }
}

/* State ----------------------------------------------------------------------------------------- */

const struct state_row tpm_state_rows[] = {
    STATE_BLOB_ROW(struct tpm_state, permanent, TPM_STATE_MAX, 1, "what is kept without power"),
    STATE_BLOB_ROW(struct tpm_state, volatile_, TPM_STATE_MAX, 1, "what is not"),
    STATE_BLOB_ROW(struct tpm_state, saved, TPM_STATE_MAX, 1, "what the guest saved for a suspend"),
    STATE_ARRAY(struct tpm_state, flags, 1, "of each: is it encrypted?"),
    { 0 },
};

static const enum swtpm_blob_type blob_types[TPM_BLOB_COUNT] = { SWTPM_PERMANENT, SWTPM_VOLATILE,
                                                                 SWTPM_SAVED };

static GByteArray *blob_of(const struct tpm_state *s, unsigned i)
{
    return i == TPM_BLOB_PERMANENT  ? s->permanent
           : i == TPM_BLOB_VOLATILE ? s->volatile_
                                    : s->saved;
}

void tpm_state_init(struct tpm_state *s)
{
    s->permanent = g_byte_array_new();
    s->volatile_ = g_byte_array_new();
    s->saved = g_byte_array_new();
}

void tpm_state_clear(struct tpm_state *s)
{
    g_clear_pointer(&s->permanent, g_byte_array_unref);
    g_clear_pointer(&s->volatile_, g_byte_array_unref);
    g_clear_pointer(&s->saved, g_byte_array_unref);
}

void tpm_save(struct tpm *t, struct tpm_state *s)
{
    g_autoptr(GError) error = NULL;

    tpm_finish(t);
    for (unsigned i = 0; i < TPM_BLOB_COUNT; i++) {
        g_byte_array_set_size(blob_of(s, i), 0);
    }
    for (unsigned i = 0; i < TPM_BLOB_COUNT && !t->broken; i++) {
        if (!swtpm_get_state(&t->control, blob_types[i], TPM_STATE_MAX, blob_of(s, i), &s->flags[i],
                             &error)) {
            break_it(t, error->message);
            g_byte_array_set_size(s->permanent, 0);
        }
    }
}

bool tpm_load(struct tpm *t, const struct tpm_state *s, uint32_t buffer_size, GError **error)
{
    if (s->permanent->len == 0) {
        set_error(error,
                  "tpmdev '%s': the state has nothing of the TPM: it had failed when the "
                  "machine was saved",
                  t->id);
        return false;
    }
    tpm_finish(t);
    if (!control(t, SWTPM_STOP, NULL, 0, NULL, 0)) {
        set_error(error, "tpmdev '%s': the TPM has failed", t->id);
        return false;
    }
    for (unsigned i = 0; i < TPM_BLOB_COUNT; i++) {
        const GByteArray *blob = blob_of(s, i);

        if (blob->len && !swtpm_set_state(&t->control, blob_types[i], blob, s->flags[i], error)) {
            g_prefix_error(error, "tpmdev '%s': ", t->id);
            return false;
        }
    }
    if (!start_it(t, buffer_size, SWTPM_DELETE_VOLATILE)) {
        set_error(error, "tpmdev '%s': the TPM does not start with this state", t->id);
        return false;
    }
    return true;
}

/* Life ------------------------------------------------------------------------------------------ */

static size_t take_nothing(void *opaque)
{
    (void)opaque;
    return 0;
}

static void receive_nothing(void *opaque, const uint8_t *buf, size_t n)
{
    (void)opaque;
    (void)buf;
    (void)n;
}

static void chardev_event(void *opaque, enum chardev_event event)
{
    struct tpm *t = opaque;

    if (event == CHARDEV_CLOSED) {
        break_it(t, "it has closed the control channel");
        fail_soon(t);
    }
}

static void tpm_free(struct tpm *t)
{
    stop_watching(t);
    if (t->chr) {
        if (!t->broken && t->fd >= 0) {
            swtpm_call(&t->control, SWTPM_SHUTDOWN, NULL, 0, NULL, 0, -1, NULL);
        }
        chardev_detach(t->chr, t);
    }
    if (t->fd >= 0) {
        close(t->fd);
    }
    g_free(t->why);
    g_free(t->id);
    g_free(t);
}

static void free_all(struct machine *m)
{
    for (unsigned i = 0; i < m->tpms->len; i++) {
        tpm_free(g_ptr_array_index(m->tpms, i));
    }
    g_ptr_array_unref(m->tpms);
    m->tpms = NULL;
}

/* The answer is two numbers: success, and the capabilities. */
static bool check_capabilities(struct tpm *t, GError **error)
{
    const uint32_t needed = SWTPM_CAN_INIT | SWTPM_CAN_SHUTDOWN | SWTPM_CAN_GET_ESTABLISHED |
                            SWTPM_CAN_SET_LOCALITY | SWTPM_CAN_RESET_ESTABLISHED |
                            SWTPM_CAN_GET_STATE | SWTPM_CAN_SET_STATE | SWTPM_CAN_STOP |
                            SWTPM_CAN_SET_DATA_FD | SWTPM_CAN_SET_BUFFER_SIZE;

    if (!swtpm_call(&t->control, SWTPM_GET_CAPABILITY, NULL, 0, &t->capabilities, 1, -1, error)) {
        return false;
    }
    if (needed & ~t->capabilities) {
        set_error(error, "it can 0x%x, must be able to 0x%x: use a newer swtpm", t->capabilities,
                  needed);
        return false;
    }
    return true;
}

static bool open_data(struct tpm *t, GError **error)
{
    int fds[2];
    bool ok;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
        set_errno_error(error, "socketpair");
        return false;
    }
    ok = swtpm_call(&t->control, SWTPM_SET_DATA_FD, NULL, 0, NULL, 0, fds[1], error);
    close(fds[1]);
    if (!ok) {
        close(fds[0]);
        return false;
    }
    fcntl(fds[0], F_SETFL, fcntl(fds[0], F_GETFL) | O_NONBLOCK);
    t->fd = fds[0];
    return true;
}

/* A command and its response, at the start, when nothing else is in flight. */
static uint32_t ask(struct tpm *t, const uint8_t *command, uint32_t len, uint8_t *response)
{
    struct pollfd p = { .fd = t->fd, .events = POLLIN };

    if (send(t->fd, command, len, MSG_NOSIGNAL) != len) {
        return 0;
    }
    t->buf = response;
    t->got = 0;
    while (!t->broken && !read_response(t) && poll(&p, 1, CONTROL_TIMEOUT_MS) > 0) {
    }
    t->buf = NULL;
    return t->got;
}

/* Whichever family understands the other's header: TPM2_GetCapability without sessions answers with its own tag. */
static bool find_version(struct tpm *t, GError **error)
{
    /* TPM2_GetCapability(TPM_CAP_TPM_PROPERTIES, TPM_PT_FAMILY_INDICATOR, 1) */
    static const uint8_t get_family[] = { 0x80, 0x01, 0, 0, 0, 22, 0, 0, 0x01, 0x7a, 0,
                                          0,    0,    6, 0, 0, 1,  0, 0, 0,    0,    1 };
    uint8_t response[TPM_BUFFER_MAX];

    if (!control(t, SWTPM_STOP, NULL, 0, NULL, 0) || !start_it(t, TPM_BUFFER_MAX, 0) ||
        ask(t, get_family, sizeof(get_family), response) < TPM_HEADER_SIZE || t->broken) {
        set_error(error, "%s", t->why ? t->why : "it does not answer commands");
        return false;
    }
    t->version = response[0] == 0x80 ? TPM_VERSION_2_0 : TPM_VERSION_1_2;
    t->ready = control(t, SWTPM_STOP, NULL, 0, NULL, 0);
    if (!t->ready) {
        set_error(error, "%s", t->why);
    }
    return t->ready;
}

bool tpm_check_options(const GPtrArray *opts, GError **error)
{
    static const char *const keys[] = { "type", "id", "chardev" };
    const char *type = options_get(opts, "type");

    if (type && strcmp(type, "passthrough") == 0) {
        set_error(error, "type passthrough is not supported: the host's TPM is not handed to a "
                         "guest; use emulator with swtpm");
        return false;
    }
    if (!type || strcmp(type, "emulator") != 0) {
        set_error(error, "the type is '%s', must be emulator", type ? type : "");
        return false;
    }
    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);
        bool known = false;

        for (unsigned k = 0; k < G_N_ELEMENTS(keys); k++) {
            known |= strcmp(p->key, keys[k]) == 0;
        }
        if (!known) {
            set_error(error, "there is no '%s'; emulator has id, chardev", p->key);
            return false;
        }
    }
    for (unsigned k = 1; k < G_N_ELEMENTS(keys); k++) {
        if (!options_get(opts, keys[k])) {
            set_error(error, "%s=ID is missing", keys[k]);
            return false;
        }
    }
    return true;
}

static bool connect_it(struct tpm *t, const char *chardev, GError **error)
{
    struct chardev *c = chardev_find(t->machine, chardev);
    const struct chardev_front front = {
        take_nothing, receive_nothing, chardev_event, t, NULL, NULL
    };

    if (!c) {
        set_error(error, "there is no -chardev with id '%s'", chardev);
        return false;
    }
    t->control = (struct swtpm){ chardev_socket_fd(c), CONTROL_TIMEOUT_MS };
    if (t->control.fd < 0) {
        set_error(error,
                  "chardev '%s' is no socket that is connected: use "
                  "-chardev socket,id=%s,path=PATH with the path of swtpm's --ctrl",
                  chardev, chardev);
        return false;
    }
    if (!chardev_attach(c, &front, error)) {
        return false;
    }
    t->chr = c;
    return check_capabilities(t, error) && open_data(t, error) && find_version(t, error);
}

bool tpm_add(struct machine *m, const GPtrArray *opts, GError **error)
{
    const char *id = options_get(opts, "id");
    struct tpm *t;

    if (!tpm_check_options(opts, error)) {
        return false;
    }
    if (!m->tpms) {
        m->tpms = g_ptr_array_new();
        m->free_tpms = free_all;
    }
    for (unsigned i = 0; i < m->tpms->len; i++) {
        if (strcmp(tpm_id(tpm_at(m, i)), id) == 0) {
            set_error(error, "there is a tpmdev '%s' already", id);
            return false;
        }
    }
    t = g_new0(struct tpm, 1);
    t->machine = m;
    t->id = g_strdup(id);
    t->fd = -1;
    t->buffer_size = TPM_BUFFER_MAX;
    if (!connect_it(t, options_get(opts, "chardev"), error)) {
        g_prefix_error(error, "tpmdev '%s': ", id);
        tpm_free(t);
        return false;
    }
    g_ptr_array_add(m->tpms, t);
    return true;
}

void tpm_print_types(GString *out)
{
    g_string_append(out, "Supported TPM types (choose only one):\n"
                         "   emulator   swtpm, at a socket (chardev=ID)\n");
}

struct tpm *tpm_at(const struct machine *m, unsigned i)
{
    return m->tpms && i < m->tpms->len ? g_ptr_array_index(m->tpms, i) : NULL;
}

const char *tpm_id(const struct tpm *t)
{
    return t->id;
}

const char *tpm_chardev(const struct tpm *t)
{
    return chardev_label(t->chr);
}

const char *tpm_model(const struct tpm *t)
{
    return t->attached ? t->front.model : NULL;
}

enum tpm_version tpm_version(const struct tpm *t)
{
    return t->version;
}

/* Devices --------------------------------------------------------------------------------------- */

static bool add_log(struct machine *m, GError **error)
{
    struct fw_cfg *fw = fw_cfg_find(m);
    g_autofree uint8_t *zeroes = g_malloc0(TPM_LOG_SIZE);

    return !fw || fw_cfg_add_file(fw, TPM_LOG_FILE, g_bytes_new(zeroes, TPM_LOG_SIZE), error);
}

struct tpm *tpm_attach(struct machine *m, const char *id, const struct tpm_front *front,
                       GError **error)
{
    struct tpm *t = NULL;

    for (unsigned i = 0; tpm_at(m, i); i++) {
        struct tpm *other = tpm_at(m, i);

        if (other->attached) {
            set_error(error, "at most one TPM device is permitted");
            return NULL;
        }
        t = id && strcmp(other->id, id) == 0 ? other : t;
    }
    if (!t) {
        set_error(error, "%s: tpmdev is '%s', must be the id of a -tpmdev", front->model,
                  id ? id : "");
        return NULL;
    }
    if (!add_log(m, error)) {
        return NULL;
    }
    t->front = *front;
    t->attached = true;
    return t;
}

/* Its response, if there is one under way, is nobody's. */
void tpm_detach(struct tpm *t)
{
    stop_watching(t);
    t->buf = NULL;
    t->broken |= t->got > 0;
    t->attached = false;
}

enum tpm_interface tpm_find_interface(const struct machine *m, enum tpm_version *version)
{
    for (unsigned i = 0; tpm_at(m, i); i++) {
        const struct tpm *t = tpm_at(m, i);

        if (t->attached) {
            *version = t->version;
            return strcmp(t->front.model, tpm_tis_type.name) == 0 ? TPM_INTERFACE_TIS
                                                                  : TPM_INTERFACE_CRB;
        }
    }
    return TPM_INTERFACE_NONE;
}
