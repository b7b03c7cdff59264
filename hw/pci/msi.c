/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/pci/msi.c: the MSI capability (PCI 3.0, 6.8.1): 64-bit addresses, no per-vector masks.
 * Its whole state is configuration space.  Thread: under the machine lock.
 */
#include "hw/pci/pci.h"

/* Offsets within the capability. */
enum { MSI_CONTROL = 2, MSI_ADDR = 4, MSI_ADDR_HIGH = 8, MSI_DATA = 12, MSI_SIZE = 14 };
/* Message control. */
enum { MSI_ENABLE = 1u << 0, MSI_ENABLED_SHIFT = 4, MSI_64BIT = 1u << 7 };

bool pci_msi_setup(struct pci_device *d, unsigned vectors)
{
    unsigned log2 = (unsigned)g_bit_nth_msf(vectors, -1);

    g_assert(vectors >= 1 && vectors <= 32 && (vectors & (vectors - 1)) == 0);
    d->msi_cap = pci_add_capability(d, PCI_CAP_ID_MSI, MSI_SIZE);
    if (!d->msi_cap) {
        return false;
    }
    pci_config_store(d, d->msi_cap + MSI_CONTROL, MSI_64BIT | log2 << 1, 2);
    pci_config_set_wmask(d, d->msi_cap + MSI_CONTROL, MSI_ENABLE | 7u << MSI_ENABLED_SHIFT, 2);
    pci_config_set_wmask(d, d->msi_cap + MSI_ADDR, ~3u, 4);
    pci_config_set_wmask(d, d->msi_cap + MSI_ADDR_HIGH, ~0u, 4);
    pci_config_set_wmask(d, d->msi_cap + MSI_DATA, 0xffff, 2);
    return true;
}

bool pci_msi_enabled(const struct pci_device *d)
{
    return d->msi_cap && (pci_config_load(d, d->msi_cap + MSI_CONTROL, 2) & MSI_ENABLE);
}

void pci_msi_send(struct pci_device *d, unsigned n)
{
    uint32_t control, data, capable, enabled;
    uint64_t addr;

    if (!pci_msi_enabled(d)) {
        return;
    }
    control = pci_config_load(d, d->msi_cap + MSI_CONTROL, 2);
    capable = control >> 1 & 7;
    enabled = MIN(control >> MSI_ENABLED_SHIFT & 7, capable);
    data = pci_config_load(d, d->msi_cap + MSI_DATA, 2);
    /* The function may change as many low bits of the data as it was given vectors (6.8.1.6). */
    data = (data & ~((1u << enabled) - 1)) | (n & ((1u << enabled) - 1));
    addr = pci_config_load(d, d->msi_cap + MSI_ADDR, 4) |
           (uint64_t)pci_config_load(d, d->msi_cap + MSI_ADDR_HIGH, 4) << 32;
    pci_send_message(d, addr, data);
}
