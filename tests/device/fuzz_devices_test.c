/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/fuzz_devices_test.c: every board of board_types and every type of device_types survives
 * a guest that does anything (fuzz_machine.h).  What is added to these lists is fuzzed without a word
 * here, but for the options that it cannot do without.
 *
 * RHEA_FUZZ_SEED=N chooses another sequence, RHEA_FUZZ_STEPS=N its length; a failure names the seed.
 */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/device/fuzz_machine.h"
#include "tests/device/tpm_player.h"
#include "util/text.h"

#define DEFAULT_STEPS 20000
#define DEFAULT_SEED  20

/* "%s" is the folder with the images. */
static const struct {
    const char *name; /* of a board or a device type */
    const char *args;
} needs[] = {
    { "pc-i440fx-7.2", "-vga std -audiodev none,id=a -machine pcspk-audiodev=a -bios %s/bios "
                       "-hda %s/disk -cdrom %s/cd -fda %s/floppy" },
    { "pc-q35-7.2", "-vga std -drive if=pflash,format=raw,file=%s/flash -drive "
                    "if=pflash,format=raw,file=%s/bios -hda %s/disk -cdrom %s/cd" },
    { "microvm", "-kernel %s/kernel -serial null -device isa-vga -device pvpanic" },
    { "ide-hd", "-drive if=none,format=raw,id=d,file=%s/disk -device ide-hd,drive=d" },
    { "ide-cd", "-drive if=none,format=raw,media=cdrom,id=d,file=%s/cd -device ide-cd,drive=d" },
    { "ahci", "-device ahci,id=a -drive if=none,format=raw,id=d,file=%s/disk -device "
              "ide-hd,drive=d,bus=a.0" },
    { "piix3-ide", "-hda %s/disk -cdrom %s/cd" }, /* it is there already */
    { "pcie-root-port", "-M q35 -device pcie-root-port" },
    { "pcie-pci-bridge", "-M q35 -device pcie-pci-bridge" },
    { "virtio-blk-device", "-M microvm -vga none -kernel %s/kernel -drive "
                           "if=virtio,format=raw,file=%s/disk" },
    { "virtio-blk-pci", "-drive if=virtio,format=raw,file=%s/disk" },
    { "virtio-blk-pci-transitional", "-drive if=none,format=raw,id=d,file=%s/disk -device "
                                     "virtio-blk-pci-transitional,drive=d,num-queues=3,packed=on" },
    { "virtio-blk-pci-non-transitional", "-drive if=none,format=raw,id=d,file=%s/disk -device "
                                         "virtio-blk-pci-non-transitional,drive=d" },
    { "virtio-scsi-device", "-M microvm -vga none -kernel %s/kernel -drive "
                            "if=scsi,format=raw,file=%s/disk" },
    { "virtio-scsi-pci", "-drive if=scsi,format=raw,file=%s/disk -drive "
                         "if=scsi,media=cdrom,format=raw,file=%s/cd" },
    { "scsi-hd", "-drive if=none,format=raw,id=d,file=%s/disk -device virtio-scsi-pci,packed=on "
                 "-device scsi-hd,drive=d" },
    { "scsi-cd", "-drive if=none,format=raw,id=d,media=cdrom,file=%s/cd -device virtio-scsi-pci "
                 "-device scsi-cd,drive=d" },
    { "nvme", "-drive if=none,format=raw,id=d,file=%s/disk -device nvme,drive=d,serial=s" },
    { "virtio-rng-device", "-M microvm -vga none -kernel %s/kernel -device virtio-rng-device" },
    { "e1000", "-nic hubport,hubid=0,model=e1000 -nic hubport,hubid=0,model=e1000" },
    { "e1000e", "-nic hubport,hubid=0,model=e1000e -nic hubport,hubid=0,model=e1000e" },
    { "ne2k_pci", "-nic hubport,hubid=0,model=ne2k_pci -nic hubport,hubid=0,model=ne2k_pci" },
    { "pcnet", "-nic hubport,hubid=0,model=pcnet -nic hubport,hubid=0,model=pcnet" },
    { "rtl8139", "-nic hubport,hubid=0,model=rtl8139 -nic hubport,hubid=0,model=rtl8139" },
    { "virtio-net-device", "-M microvm -vga none -kernel %s/kernel -nic hubport,hubid=0 -nic "
                           "hubport,hubid=0" },
    { "virtio-net-pci", "-nic hubport,hubid=0,model=virtio-net-pci -net nic,model=virtio" },
    { "virtio-net-pci-transitional", "-netdev user,id=n,restrict=on -device "
                                     "virtio-net-pci-transitional,netdev=n,packed=on" },
    { "virtio-9p-device", "-M microvm -vga none -kernel %s/kernel -fsdev "
                          "local,id=f,path=%s,security_model=none,readonly=on "
                          "-device virtio-9p-device,fsdev=f,mount_tag=t" },
    { "virtio-9p-pci", "-virtfs local,path=%s,mount_tag=t,security_model=none,readonly=on" },
    { "virtio-9p-pci-transitional",
      "-fsdev local,id=f,path=%s,security_model=none,readonly=on -device "
      "virtio-9p-pci-transitional,fsdev=f,mount_tag=t,packed=on" },
    { "virtio-9p-pci-non-transitional",
      "-fsdev local,id=f,path=%s,security_model=none,readonly=on -device "
      "virtio-9p-pci-non-transitional,fsdev=f,mount_tag=t" },
    { "virtio-fs-device", "-M microvm -vga none -kernel %s/kernel -fsdev "
                          "local,id=f,path=%s,security_model=none,readonly=on "
                          "-device virtio-fs-device,fsdev=f,tag=t" },
    { "virtio-fs-pci", "-fsdev local,id=f,path=%s,security_model=none,readonly=on -device "
                       "virtio-fs-pci,fsdev=f,tag=t,num-request-queues=2,packed=on" },
    { "virtio-balloon-device",
      "-M microvm -vga none -kernel %s/kernel -device virtio-balloon-device" },
    { "virtio-balloon-pci",
      "-device virtio-balloon-pci,free-page-reporting=on,guest-stats-polling-interval=1" },
    { "virtio-serial-device", "-M microvm -vga none -kernel %s/kernel -chardev null,id=c -device "
                              "virtio-serial-device -device virtconsole,chardev=c" },
    { "virtio-serial-pci", "-device virtio-serial-pci,vectors=4" },
    { "virtio-serial-pci-transitional",
      "-device virtio-serial-pci-transitional,max_ports=1 -device virtconsole" },
    { "virtconsole",
      "-chardev ringbuf,id=c -device virtio-serial-pci,packed=on -device virtconsole,chardev=c" },
    { "virtserialport",
      "-chardev ringbuf,id=c -device virtio-serial-pci -device virtserialport,chardev=c,name=n" },
    { "qemu-xhci",
      "-device qemu-xhci -device usb-kbd -device usb-hub -device usb-tablet,port=2.1" },
    { "nec-usb-xhci", "-device nec-usb-xhci,msix=off,p3=0,p2=9,slots=3,intrs=2 -device usb-mouse" },
    { "usb-hub",
      "-device qemu-xhci -device usb-hub,port=3 -device usb-hub,port=3.2,ports=3 -device "
      "usb-kbd,port=3.2.3" },
    { "usb-kbd", "-device qemu-xhci -device usb-kbd,usb_version=1" },
    { "usb-mouse", "-device qemu-xhci -device usb-mouse" },
    { "usb-tablet", "-device qemu-xhci,p2=1 -device usb-tablet" },
    { "usb-storage", "-drive if=none,format=raw,id=d,file=%s/disk -device qemu-xhci -device "
                     "usb-storage,drive=d -drive if=none,format=raw,id=e,file=%s/cd,media=cdrom "
                     "-device usb-storage,drive=e" },
    { "usb-serial", "-chardev null,id=c -device qemu-xhci -device usb-serial,chardev=c" },
    { "usb-uas",
      "-drive if=none,format=raw,id=d,file=%s/disk -device qemu-xhci -device usb-uas -device "
      "scsi-hd,drive=d" },
    { "usb-bot",
      "-drive if=none,format=raw,id=d,file=%s/disk -device qemu-xhci -device usb-bot -device "
      "scsi-hd,drive=d,lun=2" },
    { "tpm-tis",
      "-chardev socket,id=c,path=%s/tpm -tpmdev emulator,id=t,chardev=c -device tpm-tis,tpmdev=t" },
    { "tpm-crb",
      "-chardev socket,id=c,path=%s/tpm -tpmdev emulator,id=t,chardev=c -device tpm-crb,tpmdev=t" },
    { "isa-vga", "-vga none -device isa-vga" },
    { "virtio-gpu-device", "-M microvm -vga none -kernel %s/kernel -device virtio-gpu-device" },
    { "virtio-gpu-pci", "-device virtio-gpu-pci,max_outputs=2,packed=on" },
    { "virtio-keyboard-device",
      "-M microvm -vga none -kernel %s/kernel -device virtio-keyboard-device" },
    { "virtio-mouse-device", "-M microvm -vga none -kernel %s/kernel -device virtio-mouse-device" },
    { "virtio-tablet-device",
      "-M microvm -vga none -kernel %s/kernel -device virtio-tablet-device" },
    { "AC97", "-audiodev none,id=a,timer-period=1000 -device AC97,audiodev=a" },
    { "hda-output", "-device intel-hda -device hda-output,mixer=off" },
    { "hda-duplex", "-device ich9-intel-hda -device hda-duplex -device hda-output" },
    { "hda-micro", "-device intel-hda,msi=off -device hda-micro" },
    { "ramfb", "-vga none -device ramfb" },
    { "isa-serial", "-chardev null,id=c -device isa-serial,chardev=c" },
    { "loader", "-device loader,addr=0x1000,data=1,data-len=8" },
    { "isa-parallel", "-chardev ringbuf,id=c -device isa-parallel,chardev=c" },
    { "pci-serial", "-chardev ringbuf,id=c -device pci-serial,chardev=c" },
    { "pci-serial-2x", "-chardev null,id=c -device pci-serial-2x,chardev2=c" },
    { "pci-serial-4x", "-chardev ringbuf,id=c -device pci-serial-4x,chardev1=c" },
    { "isa-debugcon", "-chardev null,id=c -device isa-debugcon,chardev=c" },
};

static struct {
    char *dir;
    uint32_t seed;
    unsigned steps;
    GHashTable *fuzzed; /* names of types that were part of a machine */
} all;

static const char *const images[][2] = {
    { "bios", "65536" },  { "flash", "65536" }, { "disk", "4194304" },
    { "kernel", "4096" }, { "cd", "409600" },   { "floppy", "1474560" },
};

/* A multiboot kernel (Multiboot 0.6.96, 3.1.1) of its header alone, for boards without firmware. */
static const uint32_t multiboot[] = {
    0x1badb002, 0x10000, -(0x1badb002u + 0x10000u), 0x100000, 0x100000, 0, 0, 0x100000,
};

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = g_getenv(name);
    uint64_t v = otherwise;

    if (text && !parse_uint(text, 0, UINT32_MAX, &v)) {
        g_error("%s is '%s', must be a number", name, text);
    }
    return v;
}

static char *tpm_socket(void)
{
    return g_build_filename(all.dir, "tpm", NULL);
}

static void make_images(void)
{
    g_autofree char *tpm = NULL;

    all.dir = g_dir_make_tmp("rhea-fuzz-XXXXXX", NULL);
    tpm = tpm_socket();
    tpm_player_serve(tpm);
    for (unsigned i = 0; i < G_N_ELEMENTS(images); i++) {
        g_autofree char *path = g_build_filename(all.dir, images[i][0], NULL);

        g_assert_true(g_file_set_contents(path, (const char *)multiboot, sizeof(multiboot), NULL));
        g_assert_cmpint(truncate(path, atoi(images[i][1])), ==, 0);
    }
}

static void remove_images(void)
{
    g_autofree char *tpm = tpm_socket();

    g_unlink(tpm);
    for (unsigned i = 0; i < G_N_ELEMENTS(images); i++) {
        g_autofree char *path = g_build_filename(all.dir, images[i][0], NULL);

        g_unlink(path);
    }
    g_rmdir(all.dir);
    g_free(all.dir);
}

/* The options of a name, or NULL. */
static char *args_of(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(needs); i++) {
        if (strcmp(needs[i].name, name) == 0) {
            g_auto(GStrv) parts = g_strsplit(needs[i].args, "%s", -1);

            return g_strjoinv(all.dir, parts);
        }
    }
    return NULL;
}

static void run(const char *name, const char *command_line, GHashTable *usual)
{
    g_autofree char *line =
        g_strconcat(command_line, " -nodefaults -display none -m 16M -snapshot", NULL);
    struct fuzz_machine *f;

    g_test_message("RHEA_FUZZ_SEED=%u RHEA_FUZZ_STEPS=%u: %s", all.seed, all.steps, line);
    f = fuzz_machine_new(line, all.seed ^ g_str_hash(name));
    f->usual = usual;
    for (unsigned i = 0; i < f->m->devices->len; i++) {
        const struct device *dev = g_ptr_array_index(f->m->devices, i);

        g_hash_table_add(all.fuzzed, (gpointer)dev->type->name);
    }
    fuzz_machine_run(f, all.steps);
    fuzz_machine_free(f);
}

static void board_survives(gconstpointer data)
{
    const struct board_type *board = data;
    g_autofree char *args = args_of(board->name);
    g_autofree char *line = g_strdup_printf("-M %s %s", board->name, args ? args : "-vga none");

    run(board->name, line, NULL);
}

/* On a pc, aiming at what was not there without it. */
static void device_survives(gconstpointer data)
{
    const struct device_type *type = data;
    bool has_vga = strstr(type->name, "VGA") || strstr(type->name, "vga");
    g_autofree char *base =
        g_strdup_printf("-M pc -bios %s/bios %s", all.dir, has_vga ? "-vga none" : "-vga std");
    g_autofree char *args = args_of(type->name), *line = NULL;
    g_autofree char *base_line = g_strconcat(base, " -nodefaults -display none -m 16M", NULL);
    struct fuzz_machine *without = fuzz_machine_new(base_line, 0);
    GHashTable *usual = fuzz_machine_regions(without);

    fuzz_machine_free(without);
    line = args ? g_strdup_printf("%s %s", base, args)
                : g_strdup_printf("%s -device %s", base, type->name);
    run(type->name, line, usual);
}

static void every_type_was_part_of_it(void)
{
    for (unsigned i = 0; device_types[i]; i++) {
        if (strcmp(device_types[i]->name, "kvm-pit") == 0) {
            continue; /* boards have it where a kernel has the chip: kvm_irqchip_test */
        }
        g_test_message("%s", device_types[i]->name);
        g_assert_true(g_hash_table_contains(all.fuzzed, device_types[i]->name));
    }
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    all.seed = (uint32_t)from_environment("RHEA_FUZZ_SEED", DEFAULT_SEED);
    all.steps = (unsigned)from_environment("RHEA_FUZZ_STEPS", DEFAULT_STEPS);
    all.fuzzed = g_hash_table_new(g_str_hash, g_str_equal);
    make_images();
    for (unsigned i = 0; board_types[i]; i++) {
        g_autofree char *path = g_strdup_printf("/fuzz/board/%s", board_types[i]->name);

        g_test_add_data_func(path, board_types[i], board_survives);
    }
    for (unsigned i = 0; device_types[i]; i++) {
        g_autofree char *path = g_strdup_printf("/fuzz/device/%s", device_types[i]->name);

        if (!device_types[i]->internal) {
            g_test_add_data_func(path, device_types[i], device_survives);
        }
    }
    g_test_add_func("/fuzz/types/every-one", every_type_was_part_of_it);
    status = g_test_run();
    g_hash_table_unref(all.fuzzed);
    remove_images();
    return status;
}
