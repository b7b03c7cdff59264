/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/vnc.c: VNC servers: `info vnc`, passwords, clients that come with a descriptor; for people and programs.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "monitor/command.h"
#include "monitor/qmp_command.h"
#include "softmmu/machine.h"
#include "ui/vnc.h"
#include "util/error.h"

/* For people ------------------------------------------------------------------------------------ */

bool command_info_vnc(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)error;
    vnc_print(m, out);
    return true;
}

/* PROTOCOL VALUE [-d DISPLAY] [ACTION]; the words that stay, and the display. */
static char **split(const char *command, const char *args, unsigned most, char **display,
                    GError **error)
{
    g_auto(GStrv) words = NULL;
    unsigned to = 0;

    if (!*args || !g_shell_parse_argv(args, NULL, &words, NULL)) {
        set_error(error, "%s: give it PROTOCOL VALUE [-d DISPLAY]", command);
        return NULL;
    }
    for (unsigned i = 0; words[i]; i++) {
        if (strcmp(words[i], "-d") == 0 && words[i + 1]) {
            g_free(words[i++]);
            g_free(*display);
            *display = words[i];
        } else {
            words[to++] = words[i];
        }
    }
    words[to] = NULL;
    if (to < 2 || to > most || strcmp(words[0], "vnc") != 0) {
        set_error(error,
                  to >= 2 && to <= most
                      ? "%s: the protocol is not vnc, which is the only one there is"
                      : "%s: give it PROTOCOL VALUE [-d DISPLAY]",
                  command);
        return NULL;
    }
    return g_steal_pointer(&words);
}

static bool check_connected(const char *action, GError **error)
{
    if (action && strcmp(action, "keep") != 0) {
        set_error(error, "parameter 'connected' must be 'keep' when 'protocol' is 'vnc'");
        return false;
    }
    return true;
}

bool command_set_password(struct machine *m, const char *args, GString *out, GError **error)
{
    g_autofree char *display = NULL;
    g_auto(GStrv) words = split("set_password", args, 3, &display, error);

    (void)out;
    return words && check_connected(words[2], error) &&
           vnc_set_password(m, display, words[1], error);
}

bool command_expire_password(struct machine *m, const char *args, GString *out, GError **error)
{
    g_autofree char *display = NULL;
    g_auto(GStrv) words = split("expire_password", args, 2, &display, error);

    (void)out;
    return words && vnc_expire_password(m, display, words[1], error);
}

/* "password PASSWORD", what follows `change vnc`. */
bool command_change_vnc(struct machine *m, const char *args, GError **error)
{
    g_auto(GStrv) words = g_strsplit(args + strspn(args, " "), " ", 2);

    if (g_strcmp0(words[0], "password") != 0 || !words[1]) {
        set_error(error, "change vnc: only the password can be changed: change vnc password TEXT");
        return false;
    }
    return vnc_set_password(m, NULL, words[1], error);
}

/* For programs ---------------------------------------------------------------------------------- */

bool qmp_query_vnc(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)args;
    (void)error;
    *result = vnc_query(qmp_machine(s));
    return true;
}

bool qmp_query_vnc_servers(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)args;
    (void)error;
    *result = vnc_query_servers(qmp_machine(s));
    return true;
}

static bool check_protocol(json_t *args, GError **error)
{
    if (strcmp(qmp_str(args, "protocol", ""), "vnc") != 0) {
        set_error(error, "Invalid parameter 'protocol': only 'vnc' is there");
        return false;
    }
    return true;
}

bool qmp_set_password(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return check_protocol(args, error) &&
           check_connected(qmp_str(args, "connected", NULL), error) &&
           vnc_set_password(qmp_machine(s), qmp_str(args, "display", NULL),
                            qmp_str(args, "password", ""), error);
}

bool qmp_expire_password(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return check_protocol(args, error) &&
           vnc_expire_password(qmp_machine(s), qmp_str(args, "display", NULL),
                               qmp_str(args, "time", ""), error);
}

bool qmp_change_vnc_password(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return vnc_set_password(qmp_machine(s), NULL, qmp_str(args, "password", ""), error);
}

bool qmp_add_client(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *name = qmp_str(args, "fdname", "");
    int fd, type = 0;
    socklen_t len = sizeof(type);

    (void)result;
    if (strcmp(qmp_str(args, "protocol", ""), "vnc") != 0) {
        set_error(error, "protocol '%s' is invalid", qmp_str(args, "protocol", ""));
        return false;
    }
    if (qmp_bool(args, "tls", false)) {
        set_error(error, "add_client: tls is not supported");
        return false;
    }
    fd = qmp_named_fd(s, name);
    if (fd < 0) {
        set_error(error, "File descriptor named '%s' has not been found", name);
        return false;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM) {
        set_error(error, "add_client: file descriptor '%s' is not a stream socket", name);
        close(fd);
        return false;
    }
    if (!vnc_add_client(qmp_machine(s), fd, qmp_bool(args, "skipauth", false), error)) {
        close(fd);
        return false;
    }
    return true;
}
