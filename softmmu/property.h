/* SPDX-License-Identifier: GPL-2.0-or-later */
/* softmmu/property.h: what device.c and device_help.c need of property.c.  Thread: machine lock. */
#ifndef SOFTMMU_PROPERTY_H
#define SOFTMMU_PROPERTY_H

#include "softmmu/device.h"

/* "uint16" */
const char *property_type_name(enum property_type type);
/* The i-th row of a type; NULL at the end. */
const struct property *property_at(const struct device_type *type, unsigned i);
/* Its value is the id of something else. */
bool property_is_reference(enum property_type type);
/* The value of one that is neither a string nor a reference. */
uint64_t property_number(struct device *dev, const struct property *p);
void property_set_defaults(struct device *dev);
void property_free_all(struct device *dev);
/* A number, bool or address as text; the caller frees. */
char *property_number_text(enum property_type type, uint64_t v);

#endif
