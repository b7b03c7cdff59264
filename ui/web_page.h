/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ui/web_page.h: the page of -display web, packed by gzip; size 0: it was not built.  Thread: constant. */
#ifndef UI_WEB_PAGE_H
#define UI_WEB_PAGE_H

extern const unsigned char web_page[];
extern const unsigned long web_page_size;

#endif
