/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/version.h: what -version and `info version` print. */
#ifndef UTIL_VERSION_H
#define UTIL_VERSION_H

#define RHEA_VERSION "0.1.0"

#endif
