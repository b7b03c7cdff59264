/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/device_list.c: every device type there is, one row each: declare it, then list it.
 * `-device help`, `-device NAME` and the boards find types here and nowhere else.
 * Thread: constant.
 */
#include <stddef.h>
#include "softmmu/device.h"

/* clang-format off */

extern const struct device_type debug_exit_type, ferr_type, i440fx_type, i8042_type, pci_host_type, piix3_type;
extern const struct device_type microvm_pm_type, piix4_pm_type, port80_type, port92_type, pvpanic_type, pvpanic_pci_type;
extern const struct device_type apic_type, hpet_type, i8254_kernel_type, i8254_type, i8259_type, ioapic_type;
extern const struct device_type bochs_display_type, isa_vga_type, secondary_vga_type, vga_type;
extern const struct device_type cirrus_vga_type, ramfb_type, virtio_gpu_device_type, virtio_gpu_pci_type, virtio_vga_type;
extern const struct device_type virtio_keyboard_device_type, virtio_keyboard_pci_type, virtio_mouse_device_type;
extern const struct device_type virtio_mouse_pci_type, virtio_tablet_device_type, virtio_tablet_pci_type;
extern const struct device_type ac97_type, hda_duplex_type, hda_micro_type, hda_output_type, ich9_intel_hda_type;
extern const struct device_type es1370_type, intel_hda_type, pcspk_type, sb16_type;
extern const struct device_type isa_debugcon_type, isa_serial_type, mc146818rtc_type;
extern const struct device_type loader_type;
extern const struct device_type isa_parallel_type, pci_serial_type, pci_serial_2x_type, pci_serial_4x_type;
extern const struct device_type fw_cfg_type;

extern const struct device_type ich9_lpc_type, mch_type, pci_bridge_type, pcie_pci_bridge_type;
extern const struct device_type edu_type, pc_testdev_type, pci_testdev_type;
extern const struct device_type pcie_root_port_type, q35_pci_host_type;
extern const struct device_type i6300esb_type, ib700_type, ich9_ahci_type;
extern const struct device_type virtio_blk_device_type, virtio_blk_pci_type;
extern const struct device_type virtio_blk_pci_non_transitional_type, virtio_blk_pci_transitional_type;
extern const struct device_type e1000_type, e1000e_type, ne2k_pci_type, pcnet_type, rtl8139_type;
extern const struct device_type virtio_net_device_type, virtio_net_pci_type;
extern const struct device_type virtio_net_pci_non_transitional_type, virtio_net_pci_transitional_type;
extern const struct device_type nvme_type, scsi_cd_type, scsi_hd_type, virtio_scsi_device_type, virtio_scsi_pci_type;
extern const struct device_type virtio_scsi_pci_non_transitional_type, virtio_scsi_pci_transitional_type;
extern const struct device_type tpm_crb_type, tpm_tis_type;
extern const struct device_type vmcoreinfo_type, vmgenid_type;
extern const struct device_type virtio_mmio_type, virtio_rng_device_type, virtio_rng_pci_type;
extern const struct device_type virtio_rng_pci_non_transitional_type, virtio_rng_pci_transitional_type;
extern const struct device_type virtio_balloon_device_type, virtio_balloon_pci_type;
extern const struct device_type virtio_balloon_pci_non_transitional_type, virtio_balloon_pci_transitional_type;
extern const struct device_type virtio_serial_device_type, virtio_serial_pci_type, virtconsole_type, virtserialport_type;
extern const struct device_type virtio_serial_pci_non_transitional_type, virtio_serial_pci_transitional_type;
extern const struct device_type fdc_type, i8237_type, ide_cd_type, ide_hd_type, pflash_cfi01_type, piix3_ide_type;
extern const struct device_type nec_usb_xhci_type, qemu_xhci_type;
extern const struct device_type ich9_usb_ehci1_type, ich9_usb_ehci2_type, piix3_usb_uhci_type, piix4_usb_uhci_type, usb_ehci_type;
extern const struct device_type ich9_usb_uhci1_type, ich9_usb_uhci2_type, ich9_usb_uhci3_type;
extern const struct device_type ich9_usb_uhci4_type, ich9_usb_uhci5_type, ich9_usb_uhci6_type;
extern const struct device_type usb_bot_type, usb_hub_type, usb_kbd_type, usb_mouse_type, usb_serial_type, usb_storage_type, usb_tablet_type, usb_uas_type;

const struct device_type *const device_types[] = {
    &ac97_type,
    &apic_type,
    &bochs_display_type,
    &cirrus_vga_type,
    &debug_exit_type,
    &e1000_type,
    &e1000e_type,
    &edu_type,
    &es1370_type,
    &fdc_type,
    &fw_cfg_type,
    &ferr_type,
    &hda_duplex_type,
    &hda_micro_type,
    &hda_output_type,
    &hpet_type,
    &i440fx_type,
    &i8042_type,
    &i8237_type,
    &i8254_kernel_type,
    &i8254_type,
    &i8259_type,
    &i6300esb_type,
    &ib700_type,
    &ich9_lpc_type,
    &ich9_ahci_type,
    &ide_cd_type,
    &ide_hd_type,
    &ich9_intel_hda_type,
    &intel_hda_type,
    &ioapic_type,
    &isa_debugcon_type,
    &isa_parallel_type,
    &loader_type,
    &pci_serial_type,
    &pci_serial_2x_type,
    &pci_serial_4x_type,
    &isa_serial_type,
    &isa_vga_type,
    &mc146818rtc_type,
    &mch_type,
    &ne2k_pci_type,
    &nvme_type,
    &pci_bridge_type,
    &pc_testdev_type,
    &pci_host_type,
    &pci_testdev_type,
    &pcie_pci_bridge_type,
    &pcie_root_port_type,
    &pflash_cfi01_type,
    &pcnet_type,
    &pcspk_type,
    &piix3_type,
    &piix3_ide_type,
    &piix4_pm_type, &microvm_pm_type,
    &port80_type,
    &port92_type,
    &pvpanic_type,
    &pvpanic_pci_type,
    &ramfb_type,
    &rtl8139_type,
    &sb16_type,
    &scsi_cd_type,
    &scsi_hd_type,
    &secondary_vga_type,
    &q35_pci_host_type,
    &qemu_xhci_type, &nec_usb_xhci_type, &usb_ehci_type, &ich9_usb_ehci1_type, &ich9_usb_ehci2_type,
    &piix3_usb_uhci_type, &piix4_usb_uhci_type, &ich9_usb_uhci1_type, &ich9_usb_uhci2_type,
    &ich9_usb_uhci3_type, &ich9_usb_uhci4_type, &ich9_usb_uhci5_type, &ich9_usb_uhci6_type,
    &usb_bot_type, &usb_hub_type, &usb_kbd_type, &usb_mouse_type, &usb_serial_type, &usb_storage_type, &usb_tablet_type, &usb_uas_type,
    &tpm_crb_type,
    &tpm_tis_type,
    &vga_type,
    &virtio_blk_device_type,
    &virtio_blk_pci_type,
    &virtio_blk_pci_non_transitional_type,
    &virtio_blk_pci_transitional_type,
    &virtio_gpu_device_type,
    &virtio_gpu_pci_type,
    &virtio_vga_type,
    &virtio_keyboard_device_type,
    &virtio_keyboard_pci_type,
    &virtio_mouse_device_type,
    &virtio_mouse_pci_type,
    &virtio_tablet_device_type,
    &virtio_tablet_pci_type,
    &virtio_mmio_type,
    &virtio_net_device_type,
    &virtio_net_pci_type,
    &virtio_net_pci_non_transitional_type,
    &virtio_net_pci_transitional_type,
    &virtio_rng_device_type,
    &virtio_rng_pci_type,
    &virtio_rng_pci_non_transitional_type,
    &virtio_rng_pci_transitional_type,
    &virtio_scsi_device_type,
    &virtio_scsi_pci_type,
    &virtio_scsi_pci_non_transitional_type,
    &virtio_scsi_pci_transitional_type,
    &virtio_balloon_device_type,
    &virtio_balloon_pci_type,
    &virtio_balloon_pci_non_transitional_type,
    &virtio_balloon_pci_transitional_type,
    &virtio_serial_device_type,
    &virtio_serial_pci_type,
    &virtio_serial_pci_non_transitional_type,
    &virtio_serial_pci_transitional_type,
    &virtconsole_type,
    &virtserialport_type,
    &vmcoreinfo_type,
    &vmgenid_type,
    NULL
};

/* Of types that are listed above, and of those that will be. */
const struct device_alias device_aliases[] = {
    { "ac97",              "AC97" },
    { "ahci",              "ich9-ahci" },
    { "e1000-82540em",     "e1000" },
    { "es1370",            "ES1370" },
    { "lsi",               "lsi53c895a" },
    { "virtio-9p",         "virtio-9p-pci" },
    { "virtio-balloon",    "virtio-balloon-pci" },
    { "virtio-blk",        "virtio-blk-pci" },
    { "virtio-gpu",        "virtio-gpu-pci" },
    { "virtio-input-host", "virtio-input-host-pci" },
    { "virtio-iommu",      "virtio-iommu-pci" },
    { "virtio-keyboard",   "virtio-keyboard-pci" },
    { "virtio-mouse",      "virtio-mouse-pci" },
    { "virtio-net",        "virtio-net-pci" },
    { "virtio-rng",        "virtio-rng-pci" },
    { "virtio-scsi",       "virtio-scsi-pci" },
    { "virtio-serial",     "virtio-serial-pci" },
    { "virtio-tablet",     "virtio-tablet-pci" },
    { 0 }
};
/* clang-format on */
