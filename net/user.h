/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/user.h: -netdev user inside net/ and for the monitor: a network in this process, on libslirp.
 * Thread: under the machine lock. libslirp is entered on the main loop (sockets, timers) and by whoever
 *         sends, which may be a vCPU; never by two threads at a time.
 */
#ifndef NET_USER_H
#define NET_USER_H

#include <netinet/in.h>
#include <sys/socket.h>
#include "net/net.h"

struct net_user;
struct user_poll;
struct Slirp;

union user_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* A port of the host that leads into the guest. */
struct user_forward {
    bool udp;
    union user_address host, guest; /* of one family; guest 0.0.0.0: the first address of DHCP */
};

struct net_user {
    struct net_client client;
    struct Slirp *slirp;
    struct user_poll *poll;
    GArray *forwards;          /* struct user_forward */
    GPtrArray *guest_forwards; /* struct guest_forward *: user_guestfwd.c */
    char *smb_folder;          /* NULL: none */
};

/* The user back end of that id, or with NULL the first one. NULL and *error. */
struct net_user *user_find(struct machine *m, const char *id, GError **error);
/* "[tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport"; no address: 127.0.0.1; port 0: reported. */
bool user_add_hostfwd(struct net_user *u, const char *text, GError **error);
/* "[tcp|udp]:[hostaddr]:hostport" */
bool user_remove_hostfwd(struct net_user *u, const char *text, GError **error);

/* user_guestfwd.c: "[tcp]:server:port-tcp:host:port", "-unix:path", "-cmd:command" or a character device. */
bool user_add_guestfwd(struct net_user *u, const char *text, GError **error);
void user_free_guestfwds(struct net_user *u);
/* The text up to `end`, which is passed; the caller's. NULL: there is none. */
char *user_take(const char **text, char end);
bool user_parse_port(const char *text, unsigned least, uint16_t *port);

/* user_smb.c: a folder of the host at this address, by Debian's samba; its folder, or NULL and *error. */
char *user_add_smb(struct net_user *u, const char *shared, struct in_addr server, GError **error);
/* The folder of the above goes; NULL is nothing. */
void user_remove_smb(char *folder);

/* user_poll.c: libslirp's sockets as one source of the main loop. */
struct user_poll *user_poll_new(struct net_user *u);
void user_poll_free(struct user_poll *p);
/* A socket came or went: what was known of its number is forgotten; -1: of all numbers. */
void user_poll_forget(struct user_poll *p, int fd);
/* There may be new sockets to wait for. */
void user_poll_wake(struct user_poll *p);

#endif
