/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/memory_options.c: -m -mem-path -mem-prealloc -overcommit, and what they make of memory backends.
 * Thread: the program's first; memory_setup and memory_lock with the machine lock held.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include "cli/options.h"
#include "softmmu/machine.h"
#include "softmmu/memory_backend.h"
#include "util/error.h"
#include "util/text.h"

#define MIN_RAM   (1ull << 20)
#define MAX_RAM   (1ull << 40) /* 1 TiB: what 40 physical address bits reach */
#define MAX_SLOTS 256u
/* The backend that -mem-path and -mem-prealloc make. */
#define OWN_BACKEND "pc.ram"

static bool check_maximum(const struct options *o, uint64_t size, GError **error)
{
    if (o->ram_slots && !o->max_ram) {
        set_error(error, "-m: slots specified but no max-size: maxmem=SIZE is missing");
        return false;
    }
    if (o->max_ram && o->max_ram < size) {
        set_error(error,
                  "-m: invalid value of maxmem: maximum memory size (0x%" PRIx64
                  ") must be at least the initial memory size (0x%" PRIx64 ")",
                  o->max_ram, size);
        return false;
    }
    if (o->ram_slots && o->max_ram == size) {
        set_error(
            error,
            "-m: invalid value of maxmem: memory slots were specified but maximum memory size "
            "(0x%" PRIx64 ") is equal to the initial memory size (0x%" PRIx64 ")",
            o->max_ram, size);
        return false;
    }
    return true;
}

static bool memory_property(struct options *o, const struct option_pair *p, GError **error)
{
    bool size = strcmp(p->key, "size") == 0;
    uint64_t v;

    if (strcmp(p->key, "slots") == 0) {
        if (!parse_uint(p->value, 0, MAX_SLOTS, &o->ram_slots)) {
            set_error(error, "-m: slots is '%s', must be 0 to %u", p->value, MAX_SLOTS);
            return false;
        }
        return true;
    }
    if (!size && strcmp(p->key, "maxmem") != 0) {
        set_error(error, "-m: no property '%s'; it takes: size, slots, maxmem", p->key);
        return false;
    }
    /* maxmem without a suffix is in bytes */
    if (!parse_size(p->value, size ? 1u << 20 : 1, &v)) {
        set_error(error, "-m: the %s is '%s', must be a number%s or have a suffix: 512M, 2G",
                  p->key, p->value, size ? " of MiB" : " of bytes");
        return false;
    }
    if (v < MIN_RAM || v > MAX_RAM) {
        set_error(error, "-m: the %s is '%s', must be 1M to 1T", p->key, p->value);
        return false;
    }
    v = (v + GUEST_PAGE_SIZE - 1) & GUEST_PAGE_MASK;
    *(size ? &o->ram_size : &o->max_ram) = v;
    return true;
}

bool option_memory(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "size");

    if (opts->len == 0) {
        set_error(error, "-m: the size is '', must be a number of MiB or have a suffix: 512M, 2G");
        return false;
    }
    for (unsigned i = 0; i < opts->len; i++) {
        if (!memory_property(o, g_ptr_array_index(opts, i), error)) {
            return false;
        }
    }
    return true;
}

bool option_overcommit(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, NULL);

    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);
        bool lock = strcmp(p->key, "mem-lock") == 0, on;

        if (!lock && strcmp(p->key, "cpu-pm") != 0) {
            set_error(error, "-overcommit: Invalid parameter '%s'; it takes: mem-lock, cpu-pm",
                      p->key);
            return false;
        }
        if (!parse_bool(p->value, &on)) {
            set_error(error, "-overcommit: %s is '%s', must be on or off", p->key, p->value);
            return false;
        }
        if (lock) {
            o->mem_lock = on;
        } else if (on) {
            options_warn(o, "-overcommit cpu-pm=on has no effect: it is hardware virtualization's");
        }
    }
    return true;
}

/* What options mean together. */
bool memory_options_finish(struct options *o, GError **error)
{
    if (o->mem_path && o->memory_backend) {
        set_error(error, "'-mem-path' can't be used together with '-machine memory-backend'");
        return false;
    }
    if (!check_maximum(o, o->ram_size ? o->ram_size : o->board->default_ram, error)) {
        return false;
    }
    if (o->ram_slots) {
        options_warn(o,
                     "-m slots=%" PRIu64 " has no effect: there is no device that would be "
                     "memory in a slot",
                     o->ram_slots);
    }
    return true;
}

/* Setup ------------------------------------------------------------------------------------------- */

/* RAM is given by the host when it is touched: too much of it would end the program much later. */
static bool check_host(const struct machine *m, GError **error)
{
    g_autofree char *asked = NULL, *there = NULL;
    struct sysinfo info;
    uint64_t host;

    if (sysinfo(&info) < 0) {
        return true; /* nobody knows */
    }
    host = ((uint64_t)info.totalram + info.totalswap) * info.mem_unit;
    if (m->config.ram_size <= host) {
        return true;
    }
    asked = g_format_size_full(m->config.ram_size, G_FORMAT_SIZE_IEC_UNITS);
    there = g_format_size_full(host, G_FORMAT_SIZE_IEC_UNITS);
    set_error(error, "-m: the size is %s, this host has %s of memory and swap", asked, there);
    return false;
}

static bool add_own_backend(struct machine *m, const struct options *o, GError **error)
{
    const struct memory_backend_options mo = {
        .kind = o->mem_path ? MEMORY_BACKEND_FILE : MEMORY_BACKEND_RAM,
        .size = m->config.ram_size,
        .path = o->mem_path,
        .prealloc = o->mem_prealloc,
        .prealloc_threads = MAX(o->cpus, 1),
        .reserve = true,
        .merge = true,
        .dump = true,
    };

    if (memory_backend_find(m, OWN_BACKEND)) {
        set_error(error, "%s: the id '" OWN_BACKEND "' is needed for it, and is another object's",
                  o->mem_path ? "-mem-path" : "-mem-prealloc");
        return false;
    }
    m->config.memory_backend = g_strdup(OWN_BACKEND);
    return memory_backend_new(m, OWN_BACKEND, &mo, error) != NULL;
}

static bool use_backend(struct machine *m, const struct options *o, GError **error)
{
    const struct memory_backend *b = memory_backend_find(m, o->memory_backend);

    if (!b) {
        set_error(error, "-machine: Memory backend '%s' not found", o->memory_backend);
        return false;
    }
    if (o->ram_size && o->ram_size != b->options.size) {
        set_error(
            error,
            "Machine memory size does not match the size of the memory backend: -m has %" PRIu64
            " bytes, '%s' has %" PRIu64,
            o->ram_size, b->id, b->options.size);
        return false;
    }
    m->config.memory_backend = g_strdup(o->memory_backend);
    m->config.ram_size = b->options.size;
    return true;
}

bool memory_setup(struct machine *m, const struct options *o, GError **error)
{
    bool named = false;

    if ((o->memory_backend && !use_backend(m, o, error)) || !numa_setup(m, o, error)) {
        return false;
    }
    for (unsigned i = 0; i < m->config.numa.n_nodes; i++) {
        named |= m->config.numa.nodes[i].memdev != NULL;
    }
    if (o->memory_backend && named) {
        set_error(error, "-machine memory-backend= and -numa node,memdev= cannot be used together: "
                         "both say what the machine's memory is");
        return false;
    }
    if (o->memory_backend || named) {
        return true;
    }
    return check_host(m, error) &&
           ((!o->mem_path && !o->mem_prealloc) || add_own_backend(m, o, error));
}

bool memory_lock(const struct options *o, GError **error)
{
    if (o->mem_lock && mlockall(MCL_CURRENT | MCL_FUTURE) < 0) {
        set_errno_error(error,
                        "-overcommit mem-lock=on: locking memory failed (ulimit -l raises how "
                        "much may be locked)");
        return false;
    }
    return true;
}
