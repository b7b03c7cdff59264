/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/pc_flash.c: flash chips in the firmware's place: unit 0 ends at 4 GiB, unit 1 lies below it,
 * and the end of unit 0 shows below 1 MiB.
 *
 * Invariants: pc->flash[i] is NULL from the first unit on that is not there.
 * Thread:     under the machine lock.
 */
#include "hw/i386/pc.h"

#include "util/error.h"

#define FLASH_LOW_SIZE (128u << 10)
#define FLASH_ROOM     (16u << 20) /* both, below 4 GiB: the APICs' registers lie below that */

/* The drive of a unit: -machine pflashN=, else if=pflash.  *drive NULL: none; false and *error. */
static bool find_drive(struct machine *m, unsigned unit, struct block_backend **drive,
                       GError **error)
{
    const char *id = m->config.pflash[unit];

    *drive = block_backend_at(m, BLOCK_IF_PFLASH, 0, (int)unit);
    if (!id) {
        return true;
    }
    if (*drive) {
        set_error(error, "-machine pflash%u=%s: -drive if=pflash,unit=%u is there already", unit,
                  id, unit);
        return false;
    }
    *drive = block_backend_find(m, id);
    if (!*drive) {
        set_error(error, "-machine pflash%u=%s: there is no drive '%s'; give -drive if=none,id=%s",
                  unit, id, id, id);
    }
    return *drive != NULL;
}

static bool add_chip(struct pc *pc, unsigned unit, struct block_backend *drive, uint64_t end,
                     GError **error)
{
    struct pflash *flash = (struct pflash *)device_new(pc->machine, &pflash_cfi01_type);

    flash->drive = drive;
    if (!device_realize(&flash->dev, NULL, error)) {
        device_free(&flash->dev);
        return false;
    }
    if (flash->size > end - ((4ull << 30) - FLASH_ROOM)) {
        set_error(error,
                  "flash memory: drive '%s' has %u bytes, the units together must have at "
                  "most 16 MiB",
                  drive->id, flash->size);
        device_free(&flash->dev);
        return false;
    }
    pc->flash[unit] = flash;
    mem_region_add(&pc->pci_memory, end - flash->size, &flash->mem, 0);
    return true;
}

bool pc_add_flash(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    uint64_t end = 4ull << 30, low;
    bool gap = false;

    for (unsigned unit = 0; unit < MAX_PFLASH; unit++) {
        struct block_backend *drive;

        if (!find_drive(m, unit, &drive, error)) {
            return false;
        }
        if (drive && gap) {
            set_error(error, "flash memory: unit %u needs a unit %u", unit, unit - 1);
            return false;
        }
        gap = !drive;
        if (drive && !add_chip(pc, unit, drive, end, error)) {
            return false;
        }
        end -= drive ? pc->flash[unit]->size : 0;
    }
    if (pc->flash[0]) {
        low = MIN(pc->flash[0]->size, FLASH_LOW_SIZE);
        mem_region_init_alias(&pc->flash_low, m, "isa-bios", &pc->flash[0]->mem,
                              pc->flash[0]->size - low, low);
        mem_region_add(&pc->pci_memory, (1u << 20) - low, &pc->flash_low, 1);
    }
    return true;
}
