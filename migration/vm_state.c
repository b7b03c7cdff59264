/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migration/vm_state.c: see vm_state.h, also for the thread. */
#include "migration/vm_state.h"
#include <string.h>
#include "util/error.h"

#define BUFFER (1u << 20)

static bool write_out(struct vm_state_out *o, size_t len, GError **error)
{
    int ret = len ? block_vm_state_write(o->node, o->offset, o->buffer->data, len) : 0;

    if (ret != 0) {
        set_error(error, "%s: cannot write the machine's state: %s", o->node->filename,
                  g_strerror(-ret));
        return false;
    }
    o->offset += len;
    g_byte_array_remove_range(o->buffer, 0, (guint)len);
    return true;
}

static bool write_bytes(struct stream_out *s, const void *data, size_t len, GError **error)
{
    struct vm_state_out *o = (struct vm_state_out *)s;

    g_byte_array_append(o->buffer, data, (guint)len);
    while (o->buffer->len >= BUFFER) {
        if (!write_out(o, BUFFER, error)) {
            return false;
        }
    }
    return true;
}

void vm_state_out_init(struct vm_state_out *o, struct block_node *node)
{
    *o = (struct vm_state_out){ .stream.write = write_bytes, .node = node };
    o->buffer = g_byte_array_new();
}

bool vm_state_out_flush(struct vm_state_out *o, GError **error)
{
    return write_out(o, o->buffer->len, error);
}

void vm_state_out_clear(struct vm_state_out *o)
{
    g_byte_array_unref(o->buffer);
}

static bool fill(struct vm_state_in *in, GError **error)
{
    size_t n = (size_t)MIN(in->size - in->offset, BUFFER);
    int ret = n ? block_vm_state_read(in->node, in->id, in->offset, in->buffer, n) : 0;

    if (ret != 0) {
        set_error(error, "%s: cannot read the machine's state: %s", in->node->filename,
                  g_strerror(-ret));
        return false;
    }
    if (n == 0) {
        set_error(error, "the stream ends in it");
        return false;
    }
    in->offset += n;
    in->at = 0;
    in->len = n;
    return true;
}

static bool read_bytes(struct stream_in *s, void *data, size_t len, GError **error)
{
    struct vm_state_in *in = (struct vm_state_in *)s;
    uint8_t *to = data;

    while (len > 0) {
        size_t n = MIN(len, in->len - in->at);

        if (n == 0) {
            if (!fill(in, error)) {
                return false;
            }
            continue;
        }
        memcpy(to, in->buffer + in->at, n);
        in->at += n;
        to += n;
        len -= n;
    }
    return true;
}

void vm_state_in_init(struct vm_state_in *in, struct block_node *node, const char *id,
                      uint64_t size)
{
    *in = (struct vm_state_in){ .stream.read = read_bytes, .node = node, .id = id, .size = size };
    in->buffer = g_malloc(BUFFER);
}

void vm_state_in_clear(struct vm_state_in *in)
{
    g_free(in->buffer);
}
