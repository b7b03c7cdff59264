#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux starts a watchdog and feeds it, or forgets it: what happens then is what -action says."""
import sys

from boot import Run, Scratch, guest_data, guest_file, main

TIMEOUT = 100
# Device, its driver.
DEVICES = (("ib700", "ib700wdt"), ("i6300esb", "i6300esb"))

SCRIPT = """
mount -t devtmpfs dev /dev
insmod /watchdog.ko
insmod /{driver}.ko {options} && [ -c /dev/watchdog ] || reboot -f
echo DRIVER-READY
{then}
"""
# Nothing closes the file in a way that would stop it.
FORGET = "exec 3>/dev/watchdog; echo x >&3; echo STARTED; sleep 1000\n"
FEED = """exec 3>/dev/watchdog
for i in 1 2 3 4 5 6 7 8; do echo x >&3; sleep 1; done
echo FED
echo V >&3
exec 3>&-
sleep 6
echo STILL-HERE
reboot -f
"""


def start(device, driver, then, *args):
    scratch = Scratch()
    options = {"ib700wdt": "timeout=4", "i6300esb": "heartbeat=4"}[driver]
    initrd = scratch.initrd(SCRIPT.format(driver=driver, options=options, then=then),
                            files=[(f"{name}.ko", guest_data("watchdogs", f"{name}.ko"))
                                   for name in ("watchdog", driver)])
    run = Run(["-nographic", "-no-user-config", "-kernel", guest_file("watchdogs"), "-initrd", initrd, "-append",
               "console=ttyS0 panic=-1", "-device", device, *args])
    run.scratch = scratch
    return run


def feeding_keeps_it(device, driver):
    with start(device, driver, FEED, "-no-reboot") as run:
        run.expect("DRIVER-READY", TIMEOUT)
        run.expect("FED", TIMEOUT)
        run.expect("STILL-HERE", TIMEOUT)       # it was stopped, too
        if run.finish(TIMEOUT) != 0:
            run.fail("did not end well")


def forgetting_resets(device, driver):
    with start(device, driver, FORGET) as run:
        at = run.expect("STARTED", TIMEOUT)
        run.expect("INIT-STARTED", TIMEOUT, at)


def forgetting_ends_under_no_reboot(device, driver):
    with start(device, driver, FORGET, "-no-reboot") as run:
        run.expect("STARTED", TIMEOUT)
        if run.finish(TIMEOUT) != 0:
            run.fail("did not end well")


def forgetting_interrupts(device, driver):
    with start(device, driver, FORGET, "-action", "watchdog=inject-nmi") as run:
        at = run.expect("STARTED", TIMEOUT)
        run.expect("NMI received for unknown reason", TIMEOUT, at)


def tests():
    for name, function in (("fed, it lets the guest be", feeding_keeps_it),
                           ("forgotten, it resets", forgetting_resets),
                           ("forgotten, it ends the program under -no-reboot", forgetting_ends_under_no_reboot),
                           ("forgotten, it sends an NMI under -action", forgetting_interrupts)):
        for device, driver in DEVICES:
            yield f"{device}: {name}", lambda f=function, d=device, k=driver: f(d, k)


# With --all alone: these take long, and others are near to them.
LONG = (
    "ib700: fed, it lets the guest be",
    "ib700: forgotten, it ends the program under -no-reboot",
    "ib700: forgotten, it sends an NMI under -action",
)


if __name__ == "__main__":
    sys.exit(main(list(tests()), LONG))
