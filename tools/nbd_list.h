/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/nbd_list.h: asks an NBD server what it exports.  Thread: the main one. */
#ifndef TOOLS_NBD_LIST_H
#define TOOLS_NBD_LIST_H

/* Prints the exports; `path` of a UNIX socket, or (NULL) address and port.  The exit status. */
int nbd_list(const char *path, const char *address, const char *port);

#endif
