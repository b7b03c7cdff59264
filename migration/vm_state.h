/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/vm_state.h: streams in the place that an image has for a machine's state.
 * Thread: main loop, machine lock held, while no transfer of the node runs.
 */
#ifndef MIGRATION_VM_STATE_H
#define MIGRATION_VM_STATE_H

#include "block/node.h"
#include "migration/stream.h"

struct vm_state_out {
    struct stream_out stream;
    struct block_node *node;
    GByteArray *buffer;
    uint64_t offset; /* of the buffer's first byte */
};

void vm_state_out_init(struct vm_state_out *o, struct block_node *node);
bool vm_state_out_flush(struct vm_state_out *o, GError **error);
void vm_state_out_clear(struct vm_state_out *o);

/* Of the snapshot `id`, which has so many bytes. */
struct vm_state_in {
    struct stream_in stream;
    struct block_node *node;
    const char *id;
    uint8_t *buffer;
    uint64_t offset, size; /* of the next byte to buffer; of all */
    size_t at, len;        /* in the buffer */
};

void vm_state_in_init(struct vm_state_in *in, struct block_node *node, const char *id,
                      uint64_t size);
void vm_state_in_clear(struct vm_state_in *in);

#endif
