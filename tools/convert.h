/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tools/convert.h: copying images into an image, on several threads.
 * Thread: convert_copy in the main thread; it makes the others and waits for them.
 */
#ifndef TOOLS_CONVERT_H
#define TOOLS_CONVERT_H

#include "block/node.h"
#include "tools/tool.h"

struct convert_source {
    struct block_node *node;
    uint64_t start; /* in the target: they follow each other */
};

struct convert_job {
    const struct convert_source *sources;
    unsigned n_sources;
    struct block_node *target;
    uint64_t size;
    uint64_t unit;   /* bytes that are written together: the target's cluster, or less */
    uint64_t sparse; /* so many zeroes are left out; 0: none are */
    bool zeroed;     /* the target reads as zeroes where nothing is written */
    bool backed;     /* of a source with a backing file its own layer alone is copied */
    bool compressed;
    bool out_of_order; /* writes need not be in the order of the disk */
    bool salvage, quiet;
    unsigned threads;
    uint64_t rate; /* bytes in a second; 0: no limit */
    struct tool_progress *progress;
};

/* False after a message. */
bool convert_copy(const struct convert_job *job);

#endif
