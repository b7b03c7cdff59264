/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_cpu.c: boards and CPU models that there are, and what a model's features come to.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "monitor/qmp_command.h"
#include "softmmu/machine.h"
#include "target/i386/cpu_request.h"
#include "util/error.h"
#include "util/log.h"

static json_t *describe_board(const struct board_type *b)
{
    bool is_pc = g_str_has_prefix(b->name, "pc-"), has_cpus = b->default_ram > 0;

    return json_pack("{s:s, s:s*, s:o*, s:i, s:b, s:b, s:b, s:s*, s:s*}", "name", b->name, "alias",
                     b->alias, "is-default", b->is_default ? json_true() : NULL, "cpu-max",
                     (int)b->max_cpus, "hotpluggable-cpus", is_pc, "numa-mem-supported", 0,
                     "deprecated", 0, "default-cpu-type", has_cpus ? "max-x86_64-cpu" : NULL,
                     "default-ram-id",
                     is_pc      ? "pc.ram"
                     : has_cpus ? "microvm.ram"
                                : "ram");
}

bool qmp_query_machines(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)s;
    (void)args;
    (void)error;
    *result = json_array();
    for (unsigned i = 0; board_types[i]; i++) {
        json_array_append_new(*result, describe_board(board_types[i]));
    }
    return true;
}

bool qmp_query_hotpluggable_cpus(struct qmp_session *s, json_t *args, json_t **result,
                                 GError **error)
{
    const struct machine *m = qmp_machine(s);
    unsigned n = MAX(m->n_vcpus, m->config.topology.max_cpus);

    (void)args;
    if (m->n_vcpus == 0) {
        set_error(error, "machine does not support hot-plugging CPUs");
        return false;
    }
    *result = json_array();
    for (unsigned i = n; i-- > 0;) { /* the last one first, as QEMU has them */
        const struct cpu_model *model = x86_cpu_of(m->vcpus[0])->model;
        g_autofree char *type = g_strdup_printf("%s-x86_64-cpu", model->name);
        g_autofree char *path = g_strdup_printf("/machine/unattached/device[%u]", i);

        json_array_append_new(*result, json_pack("{s:s, s:i, s:o, s:s*}", "type", type,
                                                 "vcpus-count", 1, "props", qmp_cpu_place(m, i),
                                                 "qom-path", i < m->n_vcpus ? path : NULL));
    }
    return true;
}

/* Models -------------------------------------------------------------------------------------- */

/* A CPU that is nowhere, for a look at what -cpu's text means; NULL and *error. */
static struct x86_cpu *parse_model(struct machine *m, const char *text, GError **error)
{
    g_autofree char *quiet = g_strconcat(text, ",check=off", NULL);
    struct x86_cpu *cpu = g_new0(struct x86_cpu, 1);

    cpu->vcpu.machine = m;
    if (!cpu_model_parse(cpu, quiet, error)) {
        g_free(cpu->own_model);
        g_free(cpu);
        return NULL;
    }
    return cpu;
}

static void free_model(struct x86_cpu *cpu)
{
    g_free(cpu->own_model);
    g_free(cpu);
}

static void add_text(void *opaque, const char *name)
{
    json_array_append_new(opaque, json_string(name));
}

struct definitions {
    const struct machine *machine;
    json_t *list;
};

static void add_definition(void *opaque, const char *name, const char *summary)
{
    const struct definitions *d = opaque;
    g_autofree char *type = g_strdup_printf("%s-x86_64-cpu", name);
    json_t *lacks = json_array();
    const struct cpu_version *version;
    struct cpu_model model;
    bool fixed;

    (void)summary;
    if (!cpu_model_find(name, &model, &version)) {
        json_decref(lacks);
        return;
    }
    cpu_model_lacks(d->machine->cpu_support, &model, version, add_text, lacks);
    fixed = model.features != NULL; /* "max" is what there is */
    json_array_append_new(d->list, json_pack("{s:s, s:s, s:o, s:b, s:b, s:b}", "name", name,
                                             "typename", type, "unavailable-features", lacks,
                                             "static", strcmp(name, "base") == 0, "migration-safe",
                                             fixed, "deprecated", 0));
}

bool qmp_query_cpu_definitions(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct definitions d = { qmp_machine(s), json_array() };

    (void)args;
    (void)error;
    cpu_model_each_name(add_definition, &d);
    *result = d.list;
    return true;
}

/* ",feat=on,vendor=..." of the properties given; false and *error. */
static bool append_props(json_t *props, GString *text, GError **error)
{
    const char *key;
    json_t *value;

    if (props && !json_is_object(props)) {
        set_error(error, "Invalid parameter type for 'model.props', expected: object");
        return false;
    }
    json_object_foreach(props, key, value)
    {
        g_string_append_printf(text, ",%s=", key);
        if (json_is_boolean(value)) {
            g_string_append(text, json_is_true(value) ? "on" : "off");
        } else if (json_is_integer(value)) {
            g_string_append_printf(text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        } else if (json_is_string(value) && !strchr(json_string_value(value), ',')) {
            g_string_append(text, json_string_value(value));
        } else {
            set_error(error, "Invalid parameter type for 'model.props.%s', expected: boolean", key);
            return false;
        }
    }
    return true;
}

static json_t *all_props(const struct x86_cpu *cpu)
{
    const struct cpu_model *m = cpu->model;
    json_t *props = json_object();

    for (const struct cpu_feature_name *f = cpu_feature_names; f->name; f++) {
        json_object_set_new(props, f->name, json_boolean(cpu_has(cpu, f->feature)));
    }
    json_object_set_new(props, "vendor", json_string(m->vendor));
    json_object_set_new(props, "model-id", json_string(m->brand ? m->brand : ""));
    json_object_set_new(props, "family", json_integer(m->family));
    json_object_set_new(props, "model", json_integer(m->model));
    json_object_set_new(props, "stepping", json_integer(m->stepping));
    json_object_set_new(props, "level", json_integer(m->level));
    json_object_set_new(props, "xlevel", json_integer(m->xlevel));
    return props;
}

/* Static: the model "base", and all that makes it this one. */
bool qmp_query_cpu_model_expansion(struct qmp_session *s, json_t *args, json_t **result,
                                   GError **error)
{
    json_t *model = json_object_get(args, "model");
    const char *name = qmp_str(model, "name", "");
    bool fixed = strcmp(qmp_str(args, "type", ""), "static") == 0;
    g_autoptr(GString) text = g_string_new(name);
    const struct cpu_version *version;
    struct cpu_model found;
    struct x86_cpu *cpu;

    (void)s;
    if (!cpu_model_find(name, &found, &version)) {
        set_error(error, "CPU model '%s' not found", name);
        return false;
    }
    if (!append_props(json_object_get(model, "props"), text, error)) {
        return false;
    }
    cpu = parse_model(qmp_machine(s), text->str, error);
    if (!cpu) {
        return false;
    }
    *result = json_pack("{s:{s:s, s:o}}", "model", "name", fixed ? "base" : name, "props",
                        all_props(cpu));
    free_model(cpu);
    return true;
}
