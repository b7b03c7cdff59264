/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/virtio.c: virtio devices for people and programs: `info virtio*`, x-query-virtio*.
 *
 * Paths are those of the object tree: of the device behind a PCI function, or of one that has its own bus.
 * Thread: main loop, machine lock held, and the lock of the device's iothread around its state.
 */
#include <inttypes.h>
#include <string.h>
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_pci.h"
#include "monitor/command.h"
#include "monitor/qmp_command.h"
#include "monitor/qom.h"
#include "monitor/virtio_element.h"
#include "monitor/virtio_names.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/text.h"

#define BACKEND      "/virtio-backend"
#define LEGACY_ALIGN 4096

/* NULL: no virtio device. */
static struct virtio_device *virtio_of(struct device *dev)
{
    g_autofree char *backend = device_virtio_backend(dev);

    if (backend) {
        return &((struct virtio_pci_function *)dev)->v;
    }
    return dev->type->bus == BUS_VIRTIO ? &((struct virtio_mmio_function *)dev)->v : NULL;
}

static char *path_of(const struct device *dev)
{
    g_autofree char *path = device_path(dev);

    return g_strconcat(path, dev->type->bus == BUS_PCI ? BACKEND : NULL, NULL);
}

/* "virtio-blk" */
static char *name_of(const struct device *dev)
{
    const char *name = dev->type->name, *end = strstr(name, "-pci");

    end = end ? end : strstr(name, "-device");
    return end ? g_strndup(name, (size_t)(end - name)) : g_strdup(name);
}

static struct device *find(struct machine *m, const char *path, GError **error)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct device *dev = g_ptr_array_index(m->devices, i);
        g_autofree char *at = path_of(dev);

        if (strcmp(at, path) == 0 && virtio_of(dev)) {
            return dev;
        }
    }
    set_error(error, "Path %s is not a VirtIODevice", path);
    return NULL;
}

static struct virtio_queue *find_queue(struct machine *m, json_t *args, struct device **dev,
                                       GError **error)
{
    int64_t n = qmp_int(args, "queue", 0);
    struct virtio_queue *vq;

    *dev = find(m, qmp_str(args, "path", ""), error);
    if (!*dev) {
        return NULL;
    }
    vq = n <= UINT16_MAX ? virtio_queue_at(virtio_of(*dev), (unsigned)n) : NULL;
    if (!vq) {
        set_error(error, "Invalid virtqueue number %" PRId64, n);
    }
    return vq;
}

/* x-query-virtio ------------------------------------------------------------------------------ */

bool qmp_x_query_virtio(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct machine *m = qmp_machine(s);

    (void)args;
    (void)error;
    *result = json_array();
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct device *dev = g_ptr_array_index(m->devices, i);
        g_autofree char *path = path_of(dev), *name = name_of(dev);

        if (virtio_of(dev)) {
            json_array_append_new(*result,
                                  json_pack("{s:o, s:s}", "path", qmp_text(path), "name", name));
        }
    }
    return true;
}

/* {statuses: ["..."], unknown-statuses?}, {transports, dev-features, unknown-dev-features?} */
static json_t *bits(uint64_t value, const struct virtio_bit_name *names, uint64_t *unknown)
{
    json_t *list = json_array();

    for (; names->text; names++) {
        if (value >> names->bit & 1) {
            json_array_append_new(list, json_string(names->text));
            value &= ~(UINT64_C(1) << names->bit);
        }
    }
    *unknown = value;
    return list;
}

static json_t *describe_status(uint8_t status)
{
    uint64_t unknown;
    json_t *o = json_pack("{s:o}", "statuses", bits(status, virtio_status_names, &unknown));

    if (unknown) {
        json_object_set_new(o, "unknown-statuses", json_integer((json_int_t)unknown));
    }
    return o;
}

static json_t *describe_features(const struct virtio_device *v, uint64_t features)
{
    uint64_t unknown;
    json_t *o = json_object();

    json_object_set_new(o, "transports", bits(features, virtio_transport_names, &unknown));
    json_object_set_new(o, "dev-features",
                        bits(unknown, virtio_feature_names(v->ops->id), &unknown));
    if (unknown) {
        json_object_set_new(o, "unknown-dev-features", json_integer((json_int_t)unknown));
    }
    return o;
}

bool qmp_x_query_virtio_status(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct device *dev = find(qmp_machine(s), qmp_str(args, "path", ""), error);
    g_autofree char *name = dev ? name_of(dev) : NULL;
    struct virtio_device *v;
    bool pci;

    if (!dev) {
        return false;
    }
    v = virtio_of(dev);
    pci = dev->type->bus == BUS_PCI;
    virtio_lock(v);
    *result = json_pack(
        "{s:s, s:i, s:b, s:o, s:o, s:o, s:i, s:o, s:i, s:i}", "name", name, "device-id",
        (int)v->ops->id, "vhost-started", 0, "host-features", describe_features(v, v->offered),
        "guest-features", describe_features(v, v->features), "backend-features",
        describe_features(v, 0), "num-vqs", (int)v->n_queues, "status", describe_status(v->status),
        "isr", pci ? ((struct virtio_pci *)dev)->isr : 0, "queue-sel",
        pci ? ((struct virtio_pci *)dev)->queue_select : 0);
    json_object_update_new(
        *result, json_pack("{s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:s, s:o}", "vm-running",
                           dev->machine->run_state == RUN_STATE_RUNNING, "broken",
                           v->status & VIRTIO_NEEDS_RESET, "disabled", 0, "use-started", 1,
                           "started", v->status & VIRTIO_DRIVER_OK, "start-on-kick", 0,
                           "disable-legacy-check", 0, "use-guest-notifier-mask", 1, "device-endian",
                           "little", "bus-name", qmp_text(dev->bus && !pci ? dev->bus->name : "")));
    virtio_unlock(v);
    return true;
}

bool qmp_x_query_virtio_queue_status(struct qmp_session *s, json_t *args, json_t **result,
                                     GError **error)
{
    struct device *dev;
    struct virtio_queue *vq = find_queue(qmp_machine(s), args, &dev, error);
    g_autofree char *name = vq ? name_of(dev) : NULL;

    if (!vq) {
        return false;
    }
    virtio_lock(vq->v);
    *result = json_pack(
        "{s:s, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:i, s:b}", "name", name,
        "queue-index", (int)vq->index, "inuse", (int)vq->in_flight, "vring-num", (int)vq->size,
        "vring-num-default", (int)vq->max_size, "vring-align", (json_int_t)LEGACY_ALIGN,
        "vring-desc", (json_int_t)vq->desc, "vring-avail", (json_int_t)vq->driver, "vring-used",
        (json_int_t)vq->device, "used-idx", (int)vq->used_idx, "last-avail-idx", (int)vq->avail_idx,
        "shadow-avail-idx", (int)vq->avail_idx, "signalled-used",
        (int)(uint16_t)(vq->used_idx - vq->unsignalled), "signalled-used-valid", vq->enabled);
    virtio_unlock(vq->v);
    return true;
}

bool qmp_x_query_virtio_queue_element(struct qmp_session *s, json_t *args, json_t **result,
                                      GError **error)
{
    struct device *dev;
    struct virtio_queue *vq = find_queue(qmp_machine(s), args, &dev, error);
    g_autofree char *name = vq ? name_of(dev) : NULL;

    if (!vq) {
        return false;
    }
    virtio_lock(vq->v);
    *result = virtio_describe_element(vq, name, (int)qmp_int(args, "index", -1), error);
    virtio_unlock(vq->v);
    return *result != NULL;
}

/* No device of this program has its queues in the host's kernel. */
bool qmp_x_query_virtio_vhost_queue_status(struct qmp_session *s, json_t *args, json_t **result,
                                           GError **error)
{
    struct device *dev = find(qmp_machine(s), qmp_str(args, "path", ""), error);

    (void)result;
    if (dev) {
        set_error(error, "Error: vhost device has not started yet");
    }
    return false;
}

/* The human monitor --------------------------------------------------------------------------- */

/* PATH [QUEUE [INDEX]]; the arguments of the query, or NULL and *error.  `numbers`: how many at least, at most. */
static json_t *parse(const char *args, unsigned min, unsigned max, GError **error)
{
    static const char *const keys[] = { "queue", "index" };
    g_auto(GStrv) words = g_strsplit(args, " ", -1);
    unsigned n = g_strv_length(words);
    json_t *o;

    if (n < min + 1 || n > max + 1) {
        set_error(error, "give it: path%s%s", max > 0 ? " queue" : "", max > 1 ? " [index]" : "");
        return NULL;
    }
    o = json_pack("{s:o}", "path", qmp_text(words[0]));
    for (unsigned i = 1; i < n; i++) {
        uint64_t value;

        if (!parse_uint(words[i], 0, UINT16_MAX, &value)) {
            set_error(error, "the %s is '%s', must be a number", keys[i - 1], words[i]);
            json_decref(o);
            return NULL;
        }
        json_object_set_new(o, keys[i - 1], json_integer((json_int_t)value));
    }
    return o;
}

bool command_info_virtio(struct machine *m, const char *args, GString *out, GError **error)
{
    json_t *list = NULL, *o;
    size_t i;

    (void)args;
    if (!qmp_call(m, qmp_x_query_virtio, NULL, &list, error)) {
        return false;
    }
    if (json_array_size(list) == 0) {
        g_string_append(out, "No VirtIO devices\n");
    }
    json_array_foreach(list, i, o)
    {
        g_string_append_printf(out, "%s [%s]\n", json_string_value(json_object_get(o, "path")),
                               json_string_value(json_object_get(o, "name")));
    }
    json_decref(list);
    return true;
}

static void print_list(json_t *list, bool more, GString *out)
{
    json_t *text;
    size_t i;

    if (json_array_size(list) == 0 && !more) {
        g_string_append_c(out, '\n');
    }
    json_array_foreach(list, i, text)
    {
        g_string_append_printf(out, "\t%s%s\n", json_string_value(text),
                               i + 1 < json_array_size(list) || more ? "," : "");
    }
}

static void print_features(const char *title, json_t *o, GString *out)
{
    json_t *mine = json_object_get(o, "dev-features"),
           *unknown = json_object_get(o, "unknown-dev-features");

    g_string_append_printf(out, "  %s features:\n", title);
    print_list(json_object_get(o, "transports"), json_array_size(mine) > 0, out);
    if (json_array_size(mine) > 0) {
        print_list(mine, false, out);
    }
    if (unknown) {
        g_string_append_printf(out, "  unknown-features(0x%016" PRIx64 ")\n",
                               (uint64_t)json_integer_value(unknown));
    }
}

/* A row for each member that is a number, a truth or a text. */
static void print_member(const char *label, int width, json_t *v, GString *out)
{
    g_string_append_printf(out, "  %-*s ", width, label);
    if (json_is_boolean(v)) {
        g_string_append(out, json_is_true(v) ? "true" : "false");
    } else if (json_is_string(v)) {
        g_string_append(out, json_string_value(v));
    } else {
        g_string_append_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    }
    g_string_append_c(out, '\n');
}

bool command_info_virtio_status(struct machine *m, const char *args, GString *out, GError **error)
{
    static const struct {
        const char *label, *key;
    } rows[] = {
        { "device_name:", "name" },
        { "device_id:", "device-id" },
        { "vhost_started:", "vhost-started" },
        { "bus_name:", "bus-name" },
        { "broken:", "broken" },
        { "disabled:", "disabled" },
        { "disable_legacy_check:", "disable-legacy-check" },
        { "started:", "started" },
        { "use_started:", "use-started" },
        { "start_on_kick:", "start-on-kick" },
        { "use_guest_notifier_mask:", "use-guest-notifier-mask" },
        { "vm_running:", "vm-running" },
        { "num_vqs:", "num-vqs" },
        { "queue_sel:", "queue-sel" },
        { "isr:", "isr" },
        { "endianness:", "device-endian" },
    };
    json_t *o = parse(args, 0, 0, error), *status = NULL;
    bool ok = o && qmp_call(m, qmp_x_query_virtio_status, o, &status, error);

    if (ok) {
        g_string_append_printf(out, "%s:\n", args);
        for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
            print_member(rows[i].label, 24, json_object_get(status, rows[i].key), out);
        }
        g_string_append(out, "  status:\n");
        print_list(json_object_get(json_object_get(status, "status"), "statuses"), false, out);
        print_features("Guest", json_object_get(status, "guest-features"), out);
        print_features("Host", json_object_get(status, "host-features"), out);
        print_features("Backend", json_object_get(status, "backend-features"), out);
    }
    json_decref(status);
    json_decref(o);
    return ok;
}

static json_t *ring_member(json_t *status, const char *name)
{
    g_autofree char *key = g_strconcat("vring-", name, NULL);

    return json_object_get(status, key);
}

bool command_info_virtio_queue_status(struct machine *m, const char *args, GString *out,
                                      GError **error)
{
    static const struct {
        const char *label, *key;
    } rows[] = {
        { "device_name:", "name" },
        { "queue_index:", "queue-index" },
        { "inuse:", "inuse" },
        { "used_idx:", "used-idx" },
        { "signalled_used:", "signalled-used" },
        { "signalled_used_valid:", "signalled-used-valid" },
        { "last_avail_idx:", "last-avail-idx" },
        { "shadow_avail_idx:", "shadow-avail-idx" },
    };
    static const char *const ring[] = { "num", "num-default", "align" };
    static const char *const areas[] = { "desc", "avail", "used" };
    json_t *o = parse(args, 1, 1, error), *status = NULL;
    bool ok = o && qmp_call(m, qmp_x_query_virtio_queue_status, o, &status, error);

    if (ok) {
        g_string_append_printf(out, "%s:\n", qmp_str(o, "path", ""));
        for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
            print_member(rows[i].label, 21, json_object_get(status, rows[i].key), out);
        }
        g_string_append(out, "  VRing:\n");
        for (unsigned i = 0; i < G_N_ELEMENTS(ring); i++) {
            g_autofree char *label = g_strdelimit(g_strdup_printf("  %s:", ring[i]), "-", '_');

            print_member(label, 15, ring_member(status, ring[i]), out);
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(areas); i++) {
            g_autofree char *label = g_strdup_printf("%s:", areas[i]);

            g_string_append_printf(out, "    %-13s 0x%016" PRIx64 "\n", label,
                                   (uint64_t)json_integer_value(ring_member(status, areas[i])));
        }
    }
    json_decref(status);
    json_decref(o);
    return ok;
}

bool command_info_virtio_vhost_queue_status(struct machine *m, const char *args, GString *out,
                                            GError **error)
{
    json_t *o = parse(args, 1, 1, error);
    bool ok = o && qmp_call(m, qmp_x_query_virtio_vhost_queue_status, o, NULL, error);

    (void)out;
    json_decref(o);
    return ok;
}

static void print_ring(const char *title, json_t *ring, GString *out)
{
    const char *key;
    json_t *value;

    g_string_append_printf(out, "  %s:\n", title);
    json_object_foreach(ring, key, value)
    {
        g_string_append_printf(out, "    %s: %" JSON_INTEGER_FORMAT "\n", key,
                               json_integer_value(value));
    }
}

bool command_info_virtio_queue_element(struct machine *m, const char *args, GString *out,
                                       GError **error)
{
    json_t *o = parse(args, 1, 2, error), *e = NULL, *d, *flag;
    bool ok = o && qmp_call(m, qmp_x_query_virtio_queue_element, o, &e, error);
    size_t i, k;

    if (ok) {
        g_string_append_printf(
            out, "%s:\n  device_name: %s\n  index:   %" JSON_INTEGER_FORMAT "\n  desc:\n",
            qmp_str(o, "path", ""), json_string_value(json_object_get(e, "name")),
            json_integer_value(json_object_get(e, "index")));
        json_array_foreach(json_object_get(e, "descs"), i, d)
        {
            g_string_append_printf(out, "    addr 0x%" PRIx64 " len %" JSON_INTEGER_FORMAT,
                                   (uint64_t)json_integer_value(json_object_get(d, "addr")),
                                   json_integer_value(json_object_get(d, "len")));
            json_array_foreach(json_object_get(d, "flags"), k, flag)
            {
                g_string_append_printf(out, "%s%s", k ? ", " : " (", json_string_value(flag));
            }
            g_string_append(out, json_array_size(json_object_get(d, "flags")) ? ")\n" : "\n");
        }
        print_ring("avail", json_object_get(e, "avail"), out);
        print_ring("used", json_object_get(e, "used"), out);
    }
    json_decref(e);
    json_decref(o);
    return ok;
}
