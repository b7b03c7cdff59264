/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/user_smb.c: smb=: a folder of the host as \\\\10.0.2.4\\qemu, by Debian's samba, of which each connection of the
 * guest starts one. What it keeps is in a folder of its own, which goes with the back end (smb.conf(5)).
 * Thread: under the machine lock.
 */
#include "config.h"
#if CONFIG_SLIRP
#include <libslirp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "net/user.h"
#include "util/error.h"

static const unsigned ports[] = { 139, 445 };

static const char conf[] = "[global]\n"
                           "private dir=%1$s\n"
                           "interfaces=127.0.0.1\n"
                           "bind interfaces only=yes\n"
                           "pid directory=%1$s\n"
                           "lock directory=%1$s\n"
                           "state directory=%1$s\n"
                           "cache directory=%1$s\n"
                           "ncalrpc dir=%1$s/ncalrpc\n"
                           "log file=%1$s/log.smbd\n"
                           "smb passwd file=%1$s/smbpasswd\n"
                           "security = user\n"
                           "map to guest = Bad User\n"
                           "load printers = no\n"
                           "printing = bsd\n"
                           "disable spoolss = yes\n"
                           "usershare max shares = 0\n"
                           "[qemu]\n"
                           "path=%2$s\n"
                           "read only=no\n"
                           "guest ok=yes\n"
                           "force user=%3$s\n";

static char *find_smbd(void)
{
    char *path = g_find_program_in_path("smbd");

    if (!path && access("/usr/sbin/smbd", X_OK) == 0) {
        path = g_strdup("/usr/sbin/smbd");
    }
    return path;
}

static bool check(const char *shared, const char *smbd, const struct passwd *user, GError **error)
{
    if (!smbd) {
        set_error(error, "smb= needs samba: install Debian's package samba");
        return false;
    }
    if (!g_path_is_absolute(shared) || strpbrk(shared, "\r\n") ||
        access(shared, R_OK | X_OK) != 0) {
        set_error(error, "smb is '%s', must be the absolute path of a folder that you may read",
                  shared);
        return false;
    }
    if (!user) {
        set_error(error, "smb=: this user has no name");
        return false;
    }
    return true;
}

char *user_add_smb(struct net_user *u, const char *shared, struct in_addr server, GError **error)
{
    g_autofree char *smbd = find_smbd(), *text = NULL, *file = NULL, *command = NULL;
    const struct passwd *user = getpwuid(geteuid());
    char *folder;

    if (!check(shared, smbd, user, error)) {
        return NULL;
    }
    folder = g_dir_make_tmp("rhea-smb-XXXXXX", error);
    if (!folder) {
        return NULL;
    }
    text = g_strdup_printf(conf, folder, shared, user->pw_name);
    file = g_build_filename(folder, "smb.conf", NULL);
    command = g_strdup_printf("%s -l %s -s %s", smbd, folder, file);
    if (!g_file_set_contents(file, text, -1, error)) {
        user_remove_smb(folder);
        return NULL;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(ports); i++) {
        struct in_addr at = server;

        if (slirp_add_exec(u->slirp, command, &at, (int)ports[i]) < 0) {
            set_error(error, "smbserver must be a free address of the network");
            user_remove_smb(folder);
            return NULL;
        }
    }
    return folder;
}

/* Files, and folders of files: samba makes no deeper ones. */
static void remove_tree(const char *folder, unsigned depth)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        if (depth > 0 && g_file_test(path, G_FILE_TEST_IS_DIR) &&
            !g_file_test(path, G_FILE_TEST_IS_SYMLINK)) {
            remove_tree(path, depth - 1);
        } else {
            g_unlink(path);
        }
    }
    if (dir) {
        g_dir_close(dir);
    }
    g_rmdir(folder);
}

void user_remove_smb(char *folder)
{
    if (folder) {
        remove_tree(folder, 4);
    }
    g_free(folder);
}
#endif
