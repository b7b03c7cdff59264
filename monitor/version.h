/* SPDX-License-Identifier: GPL-2.0-or-later */
/* monitor/version.h: what -version and `info version` print. */
#ifndef MONITOR_VERSION_H
#define MONITOR_VERSION_H

#define RHEA_VERSION "0.1.0"

#endif
