/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/info_memory.c: `info mtree`, `ramblock`, `roms`, `memdev` and the like: what memory there is, and the
 * commands that turn one kind of address into another.
 * Thread: machine lock held.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "hw/nvram/fw_cfg.h"
#include "monitor/command.h"
#include "monitor/qmp_command.h"
#include "softmmu/machine.h"
#include "target/i386/mem.h"
#include "util/error.h"

/* info mtree ---------------------------------------------------------------------------------- */

/* [-f] [-D]: flat views; regions that are switched off, too. */
bool command_info_mtree(struct machine *m, const char *args, GString *out, GError **error)
{
    g_auto(GStrv) words = g_strsplit(args, " ", -1);
    bool flat = false, disabled = false;

    for (unsigned i = 0; words[i]; i++) {
        if (strcmp(words[i], "-f") == 0) {
            flat = true;
        } else if (strcmp(words[i], "-D") == 0) {
            disabled = true;
        } else if (*words[i]) {
            set_error(error, "info mtree: '%s' is not supported; it takes -f and -D", words[i]);
            return false;
        }
    }
    if (flat) {
        mem_print_flat(m, out);
    } else {
        mem_print_tree(m, disabled, out);
    }
    return true;
}

/* RAM and ROM --------------------------------------------------------------------------------- */

bool command_info_ramblock(struct machine *m, const char *args, GString *out, GError **error)
{
    uint64_t offset = 0;

    (void)args;
    (void)error;
    g_string_append_printf(out, "%24s %8s  %18s %18s %18s\n", "Block Name", "PSize", "Offset",
                           "Used", "Total");
    for (const struct ram_block *r = m->ram_blocks; r; r = r->next) {
        if (!r->retired) {
            g_string_append_printf(out,
                                   "%24s %8s  0x%016" PRIx64 " 0x%016" PRIx64 " 0x%016" PRIx64 "\n",
                                   r->name, "4 KiB", offset, r->size, r->size);
            offset += r->size;
        }
    }
    return true;
}

static void print_rom_regions(const struct mem_region *mr, uint64_t base, unsigned depth,
                              GString *out)
{
    if (!mr->enabled || depth > 64) {
        return;
    }
    if (mr->kind == MEM_ROM) {
        g_string_append_printf(out,
                               "addr=%016" PRIx64 " size=0x%06" PRIx64 " mem=rom name=\"%s\"\n",
                               base, mr->size, mr->name);
    }
    for (const struct mem_region *c = mr->first_child; c; c = c->next_sibling) {
        print_rom_regions(c, base + c->addr, depth + 1, out);
    }
}

/* Chips, then what firmware finds in fw_cfg. */
bool command_info_roms(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)error;
    print_rom_regions(&m->system_memory, 0, 0, out);
    for (unsigned i = 0; i < m->devices->len; i++) {
        const struct fw_cfg *fw = g_ptr_array_index(m->devices, i);

        for (unsigned k = 0; fw->dev.type == &fw_cfg_type && k < fw->files->len; k++) {
            const struct fw_cfg_file *f = &g_array_index(fw->files, struct fw_cfg_file, k);

            g_string_append_printf(out, "fw=%s size=0x%06x name=\"%s\"\n", f->name,
                                   f->data ? (unsigned)g_bytes_get_size(f->data) : f->len, f->name);
        }
    }
    return true;
}

static const char *on_off(json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key)) ? "true" : "false";
}

bool command_info_memdev(struct machine *m, const char *args, GString *out, GError **error)
{
    json_t *list = NULL, *o;
    size_t i;

    (void)args;
    if (!qmp_call(m, qmp_query_memdev, NULL, &list, error)) {
        return false;
    }
    json_array_foreach(list, i, o)
    {
        g_string_append_printf(out,
                               "memory backend: %s\n  size:  %" JSON_INTEGER_FORMAT
                               "\n  merge: %s\n  dump: %s\n  prealloc: %s\n  share: %s\n"
                               "  reserve: %s\n  policy: %s\n  host nodes: \n",
                               json_string_value(json_object_get(o, "id")),
                               json_integer_value(json_object_get(o, "size")), on_off(o, "merge"),
                               on_off(o, "dump"), on_off(o, "prealloc"), on_off(o, "share"),
                               on_off(o, "reserve"),
                               json_string_value(json_object_get(o, "policy")));
    }
    g_string_append_c(out, '\n');
    json_decref(list);
    return true;
}

bool command_info_memory_size_summary(struct machine *m, const char *args, GString *out,
                                      GError **error)
{
    json_t *o = NULL;

    (void)args;
    if (!qmp_call(m, qmp_query_memory_size_summary, NULL, &o, error)) {
        return false;
    }
    g_string_append_printf(
        out, "base memory: %" JSON_INTEGER_FORMAT "\nplugged memory: %" JSON_INTEGER_FORMAT "\n",
        json_integer_value(json_object_get(o, "base-memory")),
        json_integer_value(json_object_get(o, "plugged-memory")));
    json_decref(o);
    return true;
}

/* Addresses ----------------------------------------------------------------------------------- */

/* The one expression of a line. */
static bool parse_address(struct machine *m, const char *args, uint64_t *addr, GError **error)
{
    if (!expression_parse(&args, cpu_access_register, m, addr, error)) {
        return false;
    }
    args += strspn(args, " \t");
    if (*args) {
        set_error(error, "extra characters after the address: '%s'", args);
    }
    return !*args;
}

/* NULL and *error: nothing, or no RAM. */
static const uint8_t *host_of(struct machine *m, uint64_t addr, const char **name, GError **error)
{
    const struct mem_section *s = address_space_lookup(&m->memory, addr);

    if (!s) {
        set_error(error, "No memory is mapped at address 0x%" PRIx64, addr);
        return NULL;
    }
    if (!s->ram) {
        set_error(error, "Memory at address 0x%" PRIx64 " is not RAM", addr);
        return NULL;
    }
    *name = s->mr->name;
    return s->ram->host + s->ram_offset + (addr - s->start);
}

bool command_gpa2hva(struct machine *m, const char *args, GString *out, GError **error)
{
    const uint8_t *host;
    const char *name;
    uint64_t addr;

    if (!parse_address(m, args, &addr, error) || !(host = host_of(m, addr, &name, error))) {
        return false;
    }
    g_string_append_printf(out, "Host virtual address for 0x%" PRIx64 " (%s) is %p\n", addr, name,
                           (const void *)host);
    return true;
}

/* Linux's /proc/PID/pagemap: bit 63 present, bits 54-0 the frame, which root alone sees. */
static bool physical_of(const uint8_t *host, uint64_t *physical, GError **error)
{
    uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE), entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;

    if (fd >= 0) {
        got =
            pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)host / page_size * sizeof(entry)));
        close(fd);
    }
    if (got != sizeof(entry)) {
        set_errno_error(error, "Cannot read /proc/self/pagemap");
        return false;
    }
    if (!(entry >> 63) || !(entry & ((1ull << 55) - 1))) {
        set_error(error, entry >> 63 ? "The host does not tell physical addresses to this user"
                                     : "Page not present");
        return false;
    }
    *physical = (entry & ((1ull << 55) - 1)) * page_size + (uintptr_t)host % page_size;
    return true;
}

bool command_gpa2hpa(struct machine *m, const char *args, GString *out, GError **error)
{
    uint64_t addr, physical;
    const uint8_t *host;
    const char *name;

    if (!parse_address(m, args, &addr, error) || !(host = host_of(m, addr, &name, error)) ||
        !physical_of(host, &physical, error)) {
        return false;
    }
    g_string_append_printf(out, "Host physical address for 0x%" PRIx64 " (%s) is 0x%" PRIx64 "\n",
                           addr, name, physical);
    return true;
}

bool command_gva2gpa(struct machine *m, const char *args, GString *out, GError **error)
{
    uint64_t addr, physical;
    struct x86_cpu *cpu;

    if (!parse_address(m, args, &addr, error) || !(cpu = cpu_access_begin(m, error))) {
        return false;
    }
    physical = mmu_debug_translate(cpu, addr);
    cpu_access_end(m);
    if (physical == UINT64_MAX) {
        g_string_append(out, "Unmapped\n");
    } else {
        g_string_append_printf(out, "gpa: 0x%" PRIx64 "\n", physical);
    }
    return true;
}

/* memsave, pmemsave --------------------------------------------------------------------------- */

/* ADDR SIZE FILE: a word each, in quotes where there are blanks. */
static bool save(struct machine *m, const char *args, qmp_fn *fn, GError **error)
{
    g_auto(GStrv) words = NULL;
    uint64_t values[2];
    json_t *o;
    bool ok;
    int n = 0;

    if (!g_shell_parse_argv(*args ? args : "''", &n, &words, error)) {
        return false;
    }
    if (n != 3) {
        set_error(error, "give it an address, a size and a file: addr size file");
        return false;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (!parse_address(m, words[i], &values[i], error)) {
            return false;
        }
    }
    if (values[1] > INT64_MAX) {
        set_error(error, "the size is 0x%" PRIx64 ", must be less than 2^63", values[1]);
        return false;
    }
    o = json_pack("{s:I, s:I, s:o, s:i}", "val", (json_int_t)values[0], "size",
                  (json_int_t)values[1], "filename", qmp_text(words[2]), "cpu-index",
                  (int)m->monitor_cpu);
    ok = qmp_call(m, fn, o, NULL, error);
    json_decref(o);
    return ok;
}

bool command_memsave(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    return save(m, args, qmp_memsave, error);
}

bool command_pmemsave(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    return save(m, args, qmp_pmemsave, error);
}
