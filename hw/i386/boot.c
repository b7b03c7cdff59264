/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/boot.c: direct boot: recognizes the kernel file, and at every reset copies its blobs to
 * RAM and puts the CPU into the entry state.  An unpacked kernel and its initrd are as large as much of
 * what the guest will use: they are let go then, and the next reset reads the files again.
 * Thread: under the machine lock, vCPUs stopped.
 */
#include "hw/i386/boot_internal.h"
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "softmmu/machine.h"
#include "target/i386/mem.h"
#include "target/i386/operand.h"
#include "util/error.h"
#include "util/log.h"

#define MAX_FILE (2ull << 30)

static void blob_clear(gpointer p)
{
    struct boot_blob *blob = p;

    g_clear_pointer(&blob->data, g_bytes_unref);
}

GBytes *boot_read_file(const char *kind, const char *path, GError **error)
{
    FILE *f = fopen(path, "rbe");
    struct stat st;
    g_autofree uint8_t *data = NULL;
    size_t got;
    GBytes *bytes = NULL;

    if (!f) {
        set_errno_error(error, "could not open %s file '%s'", kind, path);
        return NULL;
    }
    if (fstat(fileno(f), &st) < 0) {
        set_errno_error(error, "could not read %s file '%s'", kind, path);
    } else if (!S_ISREG(st.st_mode)) {
        set_error(error, "could not read %s file '%s': it is not a regular file", kind, path);
    } else if ((uint64_t)st.st_size > MAX_FILE) {
        set_error(error, "%s file '%s' has %" PRIu64 " bytes, must be at most %llu", kind, path,
                  (uint64_t)st.st_size, MAX_FILE);
    } else {
        data = g_malloc((size_t)st.st_size + 1);
        got = fread(data, 1, (size_t)st.st_size, f);
        if (got != (size_t)st.st_size) {
            errno = ferror(f) ? errno : EIO;
            set_errno_error(error, "could not read %s file '%s'", kind, path);
        } else {
            bytes = g_bytes_new_take(g_steal_pointer(&data), got);
        }
    }
    fclose(f);
    return bytes;
}

/* Is [addr, addr + size) RAM of the low map? */
static bool is_ram(const struct boot_image *b, uint64_t addr, uint64_t size)
{
    uint64_t at = addr, end = addr + size;

    if (end < addr) {
        return false;
    }
    for (unsigned k = 0; k < b->cfg.n_e820 && at < end; k++) {
        const struct e820_entry *e = &b->cfg.e820[k];

        if (e->type == E820_RAM && e->addr <= at && e->addr + e->size > at) {
            at = e->addr + e->size;
        }
    }
    return at >= end;
}

static const struct boot_blob *overlapping(const struct boot_image *b, uint64_t addr, uint64_t size)
{
    for (unsigned k = 0; k < b->blobs->len; k++) {
        const struct boot_blob *blob = &g_array_index(b->blobs, struct boot_blob, k);

        if (addr < blob->addr + blob->size && blob->addr < addr + size) {
            return blob;
        }
    }
    return NULL;
}

bool boot_add(struct boot_image *b, const char *what, uint64_t addr, uint64_t size, GBytes *data,
              GError **error)
{
    struct boot_blob blob = { what, addr, size, data };
    const struct boot_blob *other;

    if (!size) {
        g_clear_pointer(&data, g_bytes_unref);
        return true;
    }
    if (!is_ram(b, addr, size)) {
        set_error(error,
                  "%s of '%s' wants 0x%" PRIx64 " bytes at 0x%" PRIx64
                  ", where the machine has no RAM; give it more with -m",
                  what, b->cfg.kernel, size, addr);
        g_clear_pointer(&data, g_bytes_unref);
        return false;
    }
    other = overlapping(b, addr, size);
    if (other) {
        set_error(error, "%s of '%s' at 0x%" PRIx64 " overlaps its %s at 0x%" PRIx64, what,
                  b->cfg.kernel, addr, other->what, other->addr);
        g_clear_pointer(&data, g_bytes_unref);
        return false;
    }
    g_array_append_val(b->blobs, blob);
    return true;
}

uint64_t boot_find_room(struct boot_image *b, uint64_t size, uint64_t limit)
{
    uint64_t at;

    limit = MIN(limit, b->cfg.acpi_start);
    if (size > limit) {
        return 0;
    }
    at = (limit - size) & GUEST_PAGE_MASK;
    while (at >= 0x100000) {
        const struct boot_blob *other = overlapping(b, at, size);

        if (!other) {
            return is_ram(b, at, size) ? at : 0;
        }
        if (other->addr < size) {
            return 0;
        }
        at = (other->addr - size) & GUEST_PAGE_MASK;
    }
    return 0;
}

char **boot_split_list(const char *text)
{
    GPtrArray *parts = g_ptr_array_new();
    GString *part = g_string_new(NULL);

    for (const char *p = text; *p; p++) {
        if (*p == ',' && p[1] != ',') {
            g_ptr_array_add(parts, g_string_free(part, FALSE));
            part = g_string_new(NULL);
        } else {
            p += *p == ',';
            g_string_append_c(part, *p);
        }
    }
    g_ptr_array_add(parts, g_string_free(part, FALSE));
    g_ptr_array_add(parts, NULL);
    return (char **)g_ptr_array_free(parts, FALSE);
}

/* What a file that nobody recognizes begins with: as a text when it is one, else in hexadecimal. */
static char *file_beginning(const uint8_t *file, size_t len)
{
    GString *hex = g_string_new(NULL), *text = g_string_new("the text \"");
    bool printable = true;

    for (size_t k = 0; k < MIN(len, 8) && file[k] != '\n'; k++) {
        g_string_append_printf(hex, "%s%02x", k ? " " : "", file[k]);
        g_string_append_c(text, (char)file[k]);
        printable &= g_ascii_isprint(file[k]);
    }
    g_string_append_c(text, '"');
    g_string_free(printable ? hex : text, TRUE);
    return g_string_free(printable ? text : hex, FALSE);
}

static bool load_kernel(struct boot_image *b, GError **error)
{
    g_autofree char *begins = NULL;
    g_autoptr(GBytes) bytes = boot_read_file("kernel", b->cfg.kernel, error);
    const uint8_t *file;
    size_t len;

    if (!bytes) {
        return false;
    }
    file = g_bytes_get_data(bytes, &len);
    if (len == 0) {
        set_error(error, "kernel file '%s' is empty", b->cfg.kernel);
        return false;
    }
    if (boot_is_linux(file, len)) {
        return boot_load_linux(b, file, len, error);
    }
    if (boot_is_multiboot(file, len)) {
        return boot_load_multiboot(b, file, len, error);
    }
    if (boot_is_elf(file, len)) {
        return boot_load_pvh(b, file, len, error);
    }
    begins = file_beginning(file, len);
    set_error(error,
              "kernel file '%s' (%zu bytes, beginning with %s) is not a kernel that can be booted: "
              "it must be a Linux bzImage, an ELF image with a PVH note, or a multiboot image",
              b->cfg.kernel, len, begins);
    return false;
}

struct boot_image *boot_load(struct machine *m, const struct boot_config *cfg, GError **error)
{
    struct boot_image *b = g_new0(struct boot_image, 1);

    b->machine = m;
    b->cfg = *cfg;
    b->cfg.kernel = g_strdup(cfg->kernel);
    b->cfg.initrd = g_strdup(cfg->initrd);
    b->cfg.append = g_strdup(cfg->append ? cfg->append : "");
    b->cfg.e820 = g_memdup2(cfg->e820, cfg->n_e820 * sizeof(cfg->e820[0]));
    b->blobs = g_array_new(FALSE, FALSE, sizeof(struct boot_blob));
    g_array_set_clear_func(b->blobs, blob_clear);
    if (!load_kernel(b, error)) {
        boot_free(b);
        return NULL;
    }
    return b;
}

void boot_free(struct boot_image *b)
{
    if (!b) {
        return;
    }
    g_array_free(b->blobs, TRUE);
    g_free((char *)b->cfg.kernel);
    g_free((char *)b->cfg.initrd);
    g_free((char *)b->cfg.append);
    g_free(b->more);
    g_free((struct e820_entry *)b->cfg.e820);
    g_free(b);
}

static void write_zeroes(struct address_space *as, uint64_t addr, uint64_t size)
{
    static const uint8_t zeroes[65536];

    while (size) {
        uint64_t n = MIN(size, sizeof(zeroes));

        address_space_write(as, addr, zeroes, n);
        addr += n;
        size -= n;
    }
}

/* Segments as both boot protocols ask for: flat, accessed, selectors 0x10 and 0x18. */
static void set_segments(struct boot_image *b, struct x86_cpu *cpu)
{
    struct address_space *as = &b->machine->memory;
    bool long64 = b->mode == BOOT_LONG64;
    const uint64_t gdt[5] = {
        0,
        0,
        long64 ? 0x00af9b000000ffffull : 0x00cf9b000000ffffull,
        0x00cf93000000ffffull,
        0x00008b0000000067ull, /* a busy TSS at 0, as the processor wants TR to look */
    };

    for (unsigned k = 0; k < G_N_ELEMENTS(gdt); k++) {
        address_space_store(as, BOOT_GDT + 8 * k, gdt[k], 8);
    }
    cpu->gdt.base = BOOT_GDT;
    cpu->gdt.limit = sizeof(gdt) - 1;
    cpu->idt.limit = 0;
    segment_set(&cpu->seg[SEG_CS], 0x10, 0, 0xffffffff,
                ATTR_G | (long64 ? ATTR_L : ATTR_DB) | ATTR_P | ATTR_S | ATTR_CODE | ATTR_W |
                    ATTR_A);
    for (unsigned s = 0; s < SEG_COUNT; s++) {
        if (s != SEG_CS) {
            segment_set(&cpu->seg[s], 0x18, 0, 0xffffffff,
                        ATTR_G | ATTR_DB | ATTR_P | ATTR_S | ATTR_W | ATTR_A);
        }
    }
}

/* Identity mapping of the first 4 GiB in 2 MiB pages. */
static void set_page_tables(struct boot_image *b, struct x86_cpu *cpu)
{
    struct address_space *as = &b->machine->memory;
    const uint64_t pdpt = BOOT_TABLES + 0x1000, pd = BOOT_TABLES + 0x2000;

    write_zeroes(as, BOOT_TABLES, 0x6000);
    address_space_store(as, BOOT_TABLES, pdpt | 3, 8);
    for (unsigned k = 0; k < 4; k++) {
        address_space_store(as, pdpt + 8 * k, (pd + 0x1000 * k) | 3, 8);
    }
    for (uint64_t k = 0; k < 4 * 512; k++) {
        address_space_store(as, pd + 8 * k, k << 21 | 0x83, 8);
    }
    cpu->cr3 = BOOT_TABLES;
    cpu->cr4 = CR4_PAE;
    cpu->efer = EFER_LME | EFER_LMA;
    cpu->cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
}

static struct boot_blob *command_line(struct boot_image *b)
{
    for (unsigned k = 0; k < b->blobs->len; k++) {
        struct boot_blob *blob = &g_array_index(b->blobs, struct boot_blob, k);

        if (blob->addr == BOOT_CMDLINE) {
            return blob;
        }
    }
    return NULL; /* of a multiboot kernel */
}

void boot_extend_append(struct boot_image *b, const char *more)
{
    g_free(b->more);
    b->more = g_strdup(more);
}

static void extend_command_line(struct boot_image *b)
{
    g_autofree char *text = g_strconcat(b->cfg.append, b->more, NULL);
    struct boot_blob *blob = command_line(b);
    size_t size = strlen(text) + 1;

    if (!b->more || !b->more[0]) {
        return;
    }
    if (!blob || size > BOOT_CMDLINE_MAX) {
        report_warning("the kernel is not told of its devices:%s", b->more);
        return;
    }
    g_bytes_unref(blob->data);
    blob->data = g_bytes_new(text, size);
    blob->size = size;
}

static void install_blobs(struct boot_image *b)
{
    struct address_space *as = &b->machine->memory;

    for (unsigned k = 0; k < b->blobs->len; k++) {
        const struct boot_blob *blob = &g_array_index(b->blobs, struct boot_blob, k);
        size_t len = 0;

        if (blob->data) {
            const void *data = g_bytes_get_data(blob->data, &len);

            address_space_write(as, blob->addr, data, len);
        }
        write_zeroes(as, blob->addr + len, blob->size - len);
    }
    g_array_set_size(b->blobs, 0);
    malloc_trim(0);
}

void boot_enter(struct boot_image *b, struct x86_cpu *cpu)
{
    g_autoptr(GError) error = NULL;

    if (!b->blobs->len && !load_kernel(b, &error)) {
        g_prefix_error(&error, "cannot boot again: ");
        machine_internal_error(b->machine, error->message);
        g_array_set_size(b->blobs, 0);
        cpu->halted = true;
        return;
    }
    extend_command_line(b);
    install_blobs(b);
    cpu->cr0 = CR0_PE | CR0_ET | CR0_NE;
    cpu->cr4 = 0;
    cpu->efer = 0;
    if (b->mode == BOOT_LONG64) {
        set_page_tables(b, cpu);
    }
    set_segments(b, cpu);
    for (unsigned r = 0; r < 16; r++) {
        cpu->regs[r] = 0;
    }
    cpu->regs[R_RAX] = b->eax;
    cpu->regs[R_RBX] = b->ebx;
    cpu->regs[R_RSI] = b->rsi;
    cpu->regs[R_RIP] = b->entry;
    cpu->mtrr_def_type = 0xc06; /* enabled, write-back: as firmware leaves it */
    cpu->eflags = 2;
    flags_set(cpu, 0);
    cpu_update_mode(cpu);
    tlb_flush(cpu);
}
