/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/fw_cfg_test.c: items, the directory, DMA, bootindex. */
#include "hw/misc/misc.h"
#include "hw/misc/vmgenid.h"
#include "hw/nvram/boot_order.h"
#include "hw/nvram/fw_cfg.h"
#include "tests/device/fuzz.h"
#include "tests/device/pci_rig.h"

#define REQUEST 0x1000u

struct fixture {
    struct mem_region memory;
    struct rig *r;
    struct fw_cfg *s;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->r = rig_new();
    pci_rig_host(f->r, &f->memory);
    f->s = (struct fw_cfg *)rig_device_new(f->r, &fw_cfg_type, NULL);
    rig_device_realize(f->r, &f->s->dev);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

static void add(struct fixture *f, const char *name, const char *text)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(fw_cfg_add_file(f->s, name, g_bytes_new(text, strlen(text)), &error));
    g_assert_no_error(error);
}

static void read_item(struct fixture *f, uint16_t key, void *buf, size_t len)
{
    rig_outw(f->r, 0x510, key);
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)buf)[i] = rig_inb(f->r, 0x511);
    }
}

/* The key and size of a file, from the directory as a guest reads it; 0: it is not there. */
static uint16_t find(struct fixture *f, const char *name, uint32_t *size)
{
    uint32_t count;
    uint8_t row[64];

    read_item(f, FW_CFG_FILE_DIR, &count, 4);
    for (uint32_t i = 0; i < GUINT32_FROM_BE(count); i++) {
        for (unsigned k = 0; k < sizeof(row); k++) {
            row[k] = rig_inb(f->r, 0x511);
        }
        g_assert_cmphex(row[63], ==, 0);
        if (strcmp((char *)row + 8, name) == 0) {
            *size = (uint32_t)row[0] << 24 | row[1] << 16 | row[2] << 8 | row[3];
            return (uint16_t)(row[4] << 8 | row[5]);
        }
    }
    return 0;
}

static char *file_text(struct fixture *f, const char *name)
{
    uint32_t size = 0;
    uint16_t key = find(f, name, &size);
    char *text = g_malloc0(size + 1);

    g_assert_cmphex(key, !=, 0);
    read_item(f, key, text, size);
    return text;
}

/* A DMA request; returns the control word that it leaves. */
static uint32_t dma(struct fixture *f, uint32_t control, uint32_t len, uint64_t addr)
{
    rig_store(f->r, REQUEST, GUINT32_TO_BE(control), 4);
    rig_store(f->r, REQUEST + 4, GUINT32_TO_BE(len), 4);
    rig_store(f->r, REQUEST + 8, GUINT64_TO_BE(addr), 8);
    rig_outl(f->r, 0x514, 0);
    rig_outl(f->r, 0x518, GUINT32_TO_BE(REQUEST));
    return GUINT32_FROM_BE((uint32_t)rig_load(f->r, REQUEST, 4));
}

static void items_are_read_by_bytes(struct fixture *f, gconstpointer data)
{
    char sig[6];
    uint32_t id;
    uint16_t cpus;

    (void)data;
    read_item(f, FW_CFG_SIGNATURE, sig, 6);
    g_assert_cmpmem(sig, 6, "QEMU\0\0", 6); /* beyond the end: zeroes */
    read_item(f, FW_CFG_ID, &id, 4);
    g_assert_cmphex(id, ==, 3);
    fw_cfg_set_int(f->s, FW_CFG_NB_CPUS, 0x1234, 2);
    read_item(f, FW_CFG_NB_CPUS, &cpus, 2);
    g_assert_cmphex(cpus, ==, 0x1234);
    read_item(f, 0x1234, sig, 4); /* nothing there */
    g_assert_cmpmem(sig, 4, "\0\0\0\0", 4);
}

static void files_have_names_and_keys(struct fixture *f, gconstpointer data)
{
    g_autofree char *a = NULL, *b = NULL, *c = NULL;
    g_autoptr(GError) error = NULL, error2 = NULL;
    g_autofree char *longest = g_strnfill(55, 'x'), *too_long = g_strnfill(56, 'x');
    uint32_t size;

    (void)data;
    add(f, "opt/a", "first");
    add(f, "opt/b", "the second");
    add(f, longest, "third");
    a = file_text(f, "opt/a");
    b = file_text(f, "opt/b");
    c = file_text(f, longest);
    g_assert_cmpstr(a, ==, "first");
    g_assert_cmpstr(b, ==, "the second");
    g_assert_cmpstr(c, ==, "third");
    g_assert_cmphex(find(f, "opt/none", &size), ==, 0);
    g_assert_false(fw_cfg_add_file(f->s, "opt/a", g_bytes_new("", 0), &error));
    g_assert_nonnull(strstr(error->message, "opt/a"));
    g_assert_false(fw_cfg_add_file(f->s, too_long, g_bytes_new("", 0), &error2));
    g_assert_nonnull(strstr(error2->message, "56"));
}

static void number_of_files_is_bounded(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    unsigned n = f->s->files->len;

    (void)data;
    for (; n < FW_CFG_FILES_MAX; n++) {
        g_autofree char *name = g_strdup_printf("opt/%u", n);

        add(f, name, name);
    }
    g_assert_false(fw_cfg_add_file(f->s, "opt/more", g_bytes_new("", 0), &error));
}

static void dma_selects_skips_and_reads(struct fixture *f, gconstpointer data)
{
    char buf[8];
    uint32_t size;
    uint16_t key;

    (void)data;
    add(f, "opt/a", "0123456789");
    key = find(f, "opt/a", &size);
    g_assert_cmphex(rig_inl(f->r, 0x514), ==, 0x554d4551); /* "QEMU", and then " CFG" */
    g_assert_cmphex(rig_inl(f->r, 0x518), ==, 0x47464320);
    rig_store(f->r, 0x2000, UINT64_MAX, 8);
    g_assert_cmphex(dma(f, (uint32_t)key << 16 | 8 | 2, 4, 0x2000), ==, 0);
    rig_read(f->r, 0x2000, buf, 5);
    g_assert_cmpmem(buf, 5, "0123\xff", 5);
    g_assert_cmphex(dma(f, 4, 4, 0), ==, 0);
    g_assert_cmphex(dma(f, 2, 6, 0x2000), ==, 0);
    rig_read(f->r, 0x2000, buf, 7);
    g_assert_cmpmem(buf, 7, "89\0\0\0\0\xff", 7); /* zeroes beyond the end */
    g_assert_cmphex(dma(f, 4, UINT32_MAX, 0), ==, 0);
}

static void dma_errors_are_told(struct fixture *f, gconstpointer data)
{
    uint32_t size;

    (void)data;
    add(f, "opt/a", "0123456789");
    rig_outw(f->r, 0x510, find(f, "opt/a", &size));
    g_assert_cmphex(dma(f, 2, 4, 0x7000000000), ==, 1); /* no memory there */
    g_assert_cmphex(dma(f, 2, UINT32_MAX, RIG_RAM_SIZE - 16), ==, 1);
    g_assert_cmphex(dma(f, 16, 4, 0x2000), ==, 1); /* read-only */
    rig_outl(f->r, 0x514, 0xffffffff);
    rig_outl(f->r, 0x518, 0xffffffff); /* no request there: nothing happens */
}

static void count_call(void *opaque)
{
    (*(unsigned *)opaque)++;
}

static void dma_writes_what_is_writable(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    uint8_t buf[8] = { 0 };
    unsigned calls = 0;
    uint32_t size, select;

    (void)data;
    g_assert_true(fw_cfg_add_writable(f->s, "etc/w", buf, 8, count_call, &calls, &error));
    select = (uint32_t)find(f, "etc/w", &size) << 16 | 8;
    g_assert_cmpuint(size, ==, 8);
    rig_store(f->r, 0x2000, 0x1122334455667788, 8);
    g_assert_cmphex(dma(f, select | 16, 8, 0x2000), ==, 0);
    g_assert_cmpuint(calls, ==, 1);
    g_assert_cmphex(buf[0], ==, 0x88);
    g_assert_cmphex(dma(f, select | 16, 9, 0x2000), ==, 1); /* it does not fit */
    g_assert_cmpuint(calls, ==, 1);
}

/* The guest's kernel writes where its note lies; what the host can read stays as it was. */
static void vmcoreinfo_is_noted(struct fixture *f, gconstpointer data)
{
    struct device *dev = rig_device(f->r, "vmcoreinfo", NULL);
    g_autofree char *again = rig_device_error(f->r, &vmcoreinfo_type, NULL);
    uint64_t info[2];
    uint32_t size, select;
    uint16_t key = find(f, "etc/vmcoreinfo", &size);

    (void)data;
    g_assert_nonnull(strstr(again, "at most one vmcoreinfo"));
    g_assert_cmpuint(size, ==, 16);
    read_item(f, key, info, 16);
    g_assert_cmphex(info[0], ==, 1);
    select = (uint32_t)key << 16 | 8;
    rig_store(f->r, 0x2000, 0x00000400000107ff, 8); /* size 0x400, format 1, host format 0x7ff */
    rig_store(f->r, 0x2008, 0x123000, 8);
    g_assert_cmphex(dma(f, select | 16, 16, 0x2000), ==, 0);
    rig_check_state(f->r, dev);
    read_item(f, key, info, 16);
    g_assert_cmphex(info[0], ==, 0x0000040000010001);
    g_assert_cmphex(info[1], ==, 0x123000);
    dev->type->reset(dev);
    read_item(f, key, info, 16);
    g_assert_cmphex(info[0], ==, 1);
    g_assert_cmphex(info[1], ==, 0);
}

#define GUID "324e6eaf-d1d1-4bf6-bf41-b9bb6c91fb87"
static const uint8_t guid_bytes[] = { 0xaf, 0x6e, 0x4e, 0x32, 0xd1, 0xd1, 0xf6, 0x4b,
                                      0xbf, 0x41, 0xb9, 0xbb, 0x6c, 0x91, 0xfb, 0x87 };

/* What firmware does: the page into memory, and its address into the other file. */
static void place_vmgenid(struct fixture *f, uint64_t page)
{
    uint32_t size;
    uint32_t select = (uint32_t)find(f, VMGENID_GUID_FILE, &size) << 16 | 8;

    g_assert_cmpuint(size, ==, 4096);
    g_assert_cmphex(dma(f, select | 2, size, page), ==, 0);
    rig_store(f->r, 0x2000, page, 8);
    select = (uint32_t)find(f, VMGENID_ADDR_FILE, &size) << 16 | 8;
    g_assert_cmpuint(size, ==, 8);
    g_assert_cmphex(dma(f, select | 16, 8, 0x2000), ==, 0);
}

/* It is where the guest put it again, and the guest is told, when it was loaded. */
static void vmgenid_is_written_at_a_load(struct fixture *f, gconstpointer data)
{
    struct vmgenid *gen = (struct vmgenid *)rig_device(f->r, "vmgenid", "guid=" GUID);
    g_autofree char *again = rig_device_error(f->r, &vmgenid_type, NULL);
    g_autofree char *text = vmgenid_text(gen);
    uint8_t buf[16];

    (void)data;
    g_assert_nonnull(strstr(again, "at most one vmgenid"));
    g_assert_cmpstr(text, ==, GUID);
    gen->changed = rig_irq_sink(f->r, 7);
    place_vmgenid(f, 0x5000);
    rig_read(f->r, 0x5000 + 40, buf, 16);
    g_assert_cmpmem(buf, 16, guid_bytes, 16);
    rig_store(f->r, 0x5000 + 40, 0, 8);
    g_assert_cmpuint(f->r->lines[7].edges, ==, 0);
    rig_check_state(f->r, &gen->dev);
    g_assert_cmpuint(f->r->lines[7].edges, ==, 1);
    rig_read(f->r, 0x5000 + 40, buf, 16);
    g_assert_cmpmem(buf, 16, guid_bytes, 16);
    gen->dev.type->reset(&gen->dev);
    rig_store(f->r, 0x5000 + 40, 0, 8);
    rig_check_state(f->r, &gen->dev); /* the place is forgotten */
    g_assert_cmphex(rig_load(f->r, 0x5000 + 40, 8), ==, 0);
}

static void vmgenid_chooses_anew_by_itself(struct fixture *f, gconstpointer data)
{
    struct vmgenid *gen = (struct vmgenid *)rig_device(f->r, "vmgenid", NULL);
    uint8_t before[16], after[16];

    (void)data;
    place_vmgenid(f, 0x5000);
    rig_read(f->r, 0x5000 + 40, before, 16);
    rig_check_state(f->r, &gen->dev);
    rig_read(f->r, 0x5000 + 40, after, 16);
    g_assert_cmpint(memcmp(before, after, 16), !=, 0);
    place_vmgenid(f, 0x6000); /* the file has the new one */
    rig_read(f->r, 0x6000 + 40, before, 16);
    g_assert_cmpmem(before, 16, after, 16);
}

static void vmgenid_wants_a_guid(struct fixture *f, gconstpointer data)
{
    g_autofree char *error = rig_device_error(f->r, &vmgenid_type, "guid=324e6eaf-d1d1-4bf6-bf41");

    (void)data;
    g_assert_nonnull(strstr(error, "guid is '324e6eaf-d1d1-4bf6-bf41', must be auto or XXXXXXXX-"));
}

/* Firmware finds the one on the ISA bus by this. */
static void pvpanic_tells_its_port(struct fixture *f, gconstpointer data)
{
    uint8_t port[2];
    uint32_t size;

    (void)data;
    rig_device(f->r, "pvpanic", "ioport=0x506");
    read_item(f, find(f, "etc/pvpanic-port", &size), port, 2);
    g_assert_cmpuint(size, ==, 2);
    g_assert_cmphex(port[0] | port[1] << 8, ==, 0x506);
    g_assert_cmphex(pvpanic_port(f->r->m), ==, 0x506);
}

static void bootindex_orders_the_file(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *before = file_text(f, "bootorder"), *text = NULL, *after = NULL;
    struct device *a, *b;

    (void)data;
    a = rig_device(f->r, "PIIX4_PM", "addr=3.0");
    b = rig_device(f->r, "pci-testdev", "addr=4.2");
    g_assert_cmpstr(before, ==, "");
    g_assert_true(boot_order_add(a, a, 2, "/drive@0/disk@1", &error));
    g_assert_true(boot_order_add(b, b, 1, NULL, &error));
    g_assert_true(boot_order_add(b, b, -1, NULL, &error)); /* not asked for */
    g_assert_true(boot_order_add_path(f->s, NULL, 7, "/rom@genroms/x", &error));
    text = file_text(f, "bootorder");
    g_assert_cmpstr(text, ==,
                    "/pci@i0cf8/pci@4,2\n/pci@i0cf8/pci@3/drive@0/disk@1\n/rom@genroms/x");
    g_assert_false(boot_order_add(a, a, 1, NULL, &error));
    g_assert_nonnull(strstr(error->message, "bootindex 1"));
    boot_order_remove(b);
    boot_order_set_strict(f->s, true);
    after = file_text(f, "bootorder");
    g_assert_cmpstr(after, ==, "/pci@i0cf8/pci@3/drive@0/disk@1\n/rom@genroms/x\nHALT");
}

static void state_survives(struct fixture *f, gconstpointer data)
{
    (void)data;
    add(f, "opt/a", "0123456789");
    rig_outw(f->r, 0x510, FW_CFG_SIGNATURE);
    rig_inb(f->r, 0x511);
    rig_outl(f->r, 0x514, 0x12345678);
    rig_check_state(f->r, &f->s->dev);
    g_assert_cmphex(rig_inb(f->r, 0x511), ==, 'E');
}

static void random_accesses(struct fixture *f, gconstpointer data)
{
    (void)data;
    add(f, "opt/a", "0123456789");
    fuzz_ports(f->r, 0x510, 16);
    rig_check_state(f->r, &f->s->dev);
}

#define ADD(path, fn) g_test_add("/fw-cfg/" path, struct fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("items", items_are_read_by_bytes);
    ADD("files", files_have_names_and_keys);
    ADD("bounds", number_of_files_is_bounded);
    ADD("dma", dma_selects_skips_and_reads);
    ADD("dma-errors", dma_errors_are_told);
    ADD("dma-write", dma_writes_what_is_writable);
    ADD("vmcoreinfo", vmcoreinfo_is_noted);
    ADD("vmgenid", vmgenid_is_written_at_a_load);
    ADD("vmgenid-auto", vmgenid_chooses_anew_by_itself);
    ADD("vmgenid-guid", vmgenid_wants_a_guid);
    ADD("pvpanic", pvpanic_tells_its_port);
    ADD("bootindex", bootindex_orders_the_file);
    ADD("state", state_survives);
    ADD("fuzz", random_accesses);
    return g_test_run();
}
