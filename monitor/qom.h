/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qom.h: the machine as QEMU's object model shows it: types that stand on each other, and a tree of
 * objects with properties.  A view, made when it is asked for: nothing is kept.
 *
 * Thread: main loop, machine lock held.
 */
#ifndef MONITOR_QOM_H
#define MONITOR_QOM_H

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include "softmmu/device.h"

struct machine;

/* Types (qom_types.c) ------------------------------------------------------------------------- */

struct qom_type {
    char *name, *parent; /* parent: NULL for "object" */
    bool abstract;
    const char *interface;            /* "user-creatable"; NULL: none */
    const struct device_type *device; /* NULL: no device */
};

/* struct qom_type *, freed with the array. */
GPtrArray *qom_types(void);
/* NULL: there is none. */
const struct qom_type *qom_type_find(const GPtrArray *types, const char *name);
/* Whether the type is that one, stands on it, or has that interface. */
bool qom_type_is(const GPtrArray *types, const struct qom_type *t, const char *name);
/* [{name, type, description?, default-value?}] of a type; `own`: without what all devices have. */
json_t *qom_type_properties(const GPtrArray *types, const struct qom_type *t, bool own);
/* "uint32" as QOM calls it. */
const char *qom_property_type(const struct property *p);
/* A value of that property. */
json_t *qom_number(enum property_type type, uint64_t v);

/* The tree (qom_tree.c) ----------------------------------------------------------------------- */

struct qom_node {
    void (*list)(struct machine *m, const struct qom_node *n, GPtrArray *out); /* NULL: none */
    void *object;
    unsigned index;
};

struct qom_property {
    char *name, *type;
    json_t *value; /* NULL: it cannot be read */
    struct qom_node child;
};

/* False and *error (DeviceNotFound): a path from "/", or the id of a device. */
bool qom_resolve(struct machine *m, const char *path, struct qom_node *out, GError **error);
/* struct qom_property *, freed with the array. */
GPtrArray *qom_list_node(struct machine *m, const struct qom_node *n);
/* "pc-q35-7.2-machine" */
char *qom_machine_type(const struct machine *m);
/* Those of every machine, for qom_type_properties. */
void qom_machine_properties(json_t *list);
/* The device at a path or of an id; NULL and *error. */
struct device *qom_find_device(struct machine *m, const char *path, GError **error);

#endif
