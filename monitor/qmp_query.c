/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_query.c: questions about the machine as a whole.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "chardev/chardev.h"
#include "config.h"
#include "hw/usb/usb.h"
#include "monitor/qmp_command.h"
#include "softmmu/machine.h"
#include "target/i386/topology.h"
#include "ui/input.h"
#include "util/error.h"

json_t *qmp_text(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);

    return json_string(valid);
}

bool qmp_query_status(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const struct machine *m = qmp_machine(s);

    (void)args;
    (void)error;
    *result =
        json_pack("{s:b, s:b, s:s}", "running", m->run_state == RUN_STATE_RUNNING, "singlestep",
                  m->debugger.one_insn, "status", run_state_names[m->run_state]);
    return true;
}

/* Clients take this for the interface's version, which is QEMU 7.2's. */
json_t *qmp_version(void)
{
    return json_pack("{s:{s:i, s:i, s:i}, s:s}", "qemu", "micro", 0, "minor", 2, "major", 7,
                     "package", "");
}

bool qmp_query_version(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)s;
    (void)args;
    (void)error;
    *result = qmp_version();
    return true;
}

bool qmp_query_name(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *name = qmp_machine(s)->config.name;

    (void)args;
    (void)error;
    *result = json_pack("{s:o*}", "name", name ? qmp_text(name) : NULL);
    return true;
}

bool qmp_query_uuid(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *uuid = qmp_machine(s)->config.uuid;

    (void)args;
    (void)error;
    *result = json_pack("{s:s}", "UUID", uuid ? uuid : "00000000-0000-0000-0000-000000000000");
    return true;
}

bool qmp_query_kvm(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    bool enabled = qmp_machine(s)->kvm != NULL;

    (void)args;
    (void)error;
    *result = json_pack("{s:b, s:b}", "enabled", enabled, "present", CONFIG_KVM);
    return true;
}

bool qmp_query_target(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)s;
    (void)args;
    (void)error;
    *result = json_pack("{s:s}", "arch", "x86_64");
    return true;
}

/* Where a CPU sits, as query-hotpluggable-cpus and device_add name it. */
json_t *qmp_cpu_place(const struct machine *m, unsigned index)
{
    struct topology t = topology_of(m);
    unsigned per_die = t.threads * t.cores, per_package = per_die * t.dies;
    json_t *place = json_pack("{s:i}", "socket-id", (int)(index / per_package));

    if (t.dies > 1) {
        json_object_set_new(place, "die-id", json_integer(index % per_package / per_die));
    }
    json_object_set_new(place, "core-id", json_integer(index % per_die / t.threads));
    json_object_set_new(place, "thread-id", json_integer(index % t.threads));
    return place;
}

bool qmp_query_cpus_fast(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const struct machine *m = qmp_machine(s);

    (void)args;
    (void)error;
    *result = json_array();
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        g_autofree char *path = g_strdup_printf("/machine/unattached/device[%u]", i);

        json_array_append_new(*result,
                              json_pack("{s:i, s:s, s:i, s:o, s:s}", "cpu-index", (int)i,
                                        "qom-path", path, "thread-id", m->vcpus[i]->thread_id,
                                        "props", qmp_cpu_place(m, i), "target", "x86_64"));
    }
    return true;
}

bool qmp_query_chardev(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const struct machine *m = qmp_machine(s);

    (void)args;
    (void)error;
    *result = json_array();
    for (unsigned i = 0; i < m->chardevs->len; i++) {
        const struct chardev *c = g_ptr_array_index(m->chardevs, i);

        json_array_append_new(
            *result, json_pack("{s:o, s:o, s:b}", "label", qmp_text(chardev_label(c)), "filename",
                               qmp_text(chardev_filename(c)), "frontend-open", chardev_is_used(c)));
    }
    return true;
}

bool qmp_query_chardev_backends(struct qmp_session *s, json_t *args, json_t **result,
                                GError **error)
{
    const char *name;

    (void)s;
    (void)args;
    (void)error;
    *result = json_array();
    for (unsigned i = 0; (name = chardev_type_name(i)); i++) {
        json_array_append_new(*result, json_pack("{s:s}", "name", name));
    }
    return true;
}

bool qmp_query_iothreads(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const struct machine *m = qmp_machine(s);

    (void)args;
    (void)error;
    *result = json_array();
    for (unsigned i = 0; i < m->iothreads->len; i++) {
        struct iothread *t = g_ptr_array_index(m->iothreads, i);

        json_array_append_new(*result,
                              json_pack("{s:o, s:i, s:I, s:I, s:I, s:I}", "id", qmp_text(t->id),
                                        "thread-id", atomic_load(&t->thread_id), "poll-max-ns",
                                        (json_int_t)t->options.poll_max_ns, "poll-grow",
                                        (json_int_t)t->options.poll_grow, "poll-shrink",
                                        (json_int_t)t->options.poll_shrink, "aio-max-batch",
                                        (json_int_t)t->options.aio_max_batch));
    }
    return true;
}

bool qmp_query_mice(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const struct input_handler *current = input_pointer_handler(qmp_machine(s)), *h;

    (void)args;
    (void)error;
    *result = json_array();
    for (unsigned i = 0; (h = input_handler_at(qmp_machine(s), i)); i++) {
        if (h->pointer) {
            json_array_append_new(*result,
                                  json_pack("{s:s, s:i, s:b, s:b}", "name", h->name, "index",
                                            (int)json_array_size(*result), "current", h == current,
                                            "absolute", h->absolute));
        }
    }
    return true;
}

bool qmp_query_usb(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);

    (void)args;
    (void)error;
    usb_print(qmp_machine(s), text);
    *result = json_pack("{s:s}", "human-readable-text", text->str);
    return true;
}

bool qmp_query_current_machine(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const struct board_type *board = qmp_machine(s)->config.board;

    (void)args;
    (void)error;
    /* A board that sleeps can be woken: all but microvm. */
    *result = json_pack("{s:b}", "wakeup-suspend-support",
                        board != NULL && g_str_has_prefix(board->name, "pc-"));
    return true;
}

bool qmp_query_memory_size_summary(struct qmp_session *s, json_t *args, json_t **result,
                                   GError **error)
{
    (void)args;
    (void)error;
    *result = json_pack("{s:I, s:i}", "base-memory", (json_int_t)qmp_machine(s)->config.ram_size,
                        "plugged-memory", 0);
    return true;
}
