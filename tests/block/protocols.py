#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Protocols and layers: http, NBD, null-co, blkdebug, blkverify, copy-on-read, throttle."""
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
import time

from images import RHEA_IO
from qcow2_disk import Failed, Image, expect, rhea, run, tap

MIB = 1 << 20


class Ranges(http.server.SimpleHTTPRequestHandler):
    """Python's own server has no ranges."""

    def do_GET(self):
        path = self.translate_path(self.path)
        with open(path, "rb") as file:
            data = file.read()
        wanted = self.headers.get("Range")
        if wanted:
            first, last = wanted[len("bytes="):].split("-")
            data = data[int(first):int(last) + 1]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def over_http(work):
    if "libcurl" in refusal("http"):
        return
    path = os.path.join(work, "a.qcow2")
    rhea(f"create qcow2 {path} size=4M", f"open driver=qcow2,file.filename={path}", "write 1000000 2000000 5")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Ranges, directory=work))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/a.qcow2"
    try:
        rhea(f"open driver=qcow2,read-only=on,file.driver=http,file.url={url}", "read 0 1000000 0",
             "read 1000000 2000000 5", "read 3000000 1000000 0")
        rhea('open {"driver":"qcow2","read-only":true,"file":"json"}'.replace('"json"', f'{{"driver":"http","url":"{url}"}}'),
             "read 1000000 512 5")
        with Image() as image:
            ok, text = image.answer(f"open driver=raw,read-only=on,file.driver=http,file.url={url}x")
            expect((ok, "CURL: Error opening file" in text), (False, True), text)
            ok, text = image.answer(f"open driver=raw,file.driver=http,file.url={url}")
            expect((ok, "read-only" in text), (False, True), text)
    finally:
        server.shutdown()


def refusal(driver):
    with Image() as image:
        return image.answer(f"open driver={driver},read-only=on")[1]


def over_nbd(work):
    if "libnbd" in refusal("nbd"):
        return
    if not shutil.which("nbdkit"):
        print("# no nbdkit (Debian package nbdkit): NBD was not tried")
        return
    path, sock = os.path.join(work, "disk.raw"), os.path.join(work, "sock")
    with open(path, "wb") as file:
        file.truncate(8 * MIB)
    server = subprocess.Popen(["nbdkit", "-f", "-U", sock, "file", path], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if os.path.exists(sock):
                break
            time.sleep(0.05)
        where = f"file.driver=nbd,file.path={sock}"
        rhea(f"open driver=raw,{where}", "write 1000 3000000 3", "flush", "zero 2000000 500000 unmap",
             "read 2000000 500000 0", "read 1000 1999000 3")
        rhea(f"open driver=raw,read-only=on,file.driver=nbd,file.server.type=unix,file.server.path={sock}", "read 1000 1000 3")
        text = rhea(f"open driver=raw,{where}", "map")
        expect("z" in text and "d" in text, True, text)
        with open(path, "rb") as file:
            expect(file.read(1001)[-1], 3, "what nbdkit's file holds")
    finally:
        server.terminate()
        server.wait()


def keeps_nothing(_):
    rhea("open driver=null-co,size=1G,read-zeroes=on", "read 0 4096 0", "write 0 4096 1", "read 0 4096 0", "info")
    rhea("open driver=null-aio,size=1M", "write 0 1048576 7", "flush")


def errors_on_purpose(work):
    path = os.path.join(work, "a.raw")
    rhea(f"create raw {path} size=1M")
    with Image() as image:
        image.do(f"open driver=raw,file.driver=blkdebug,file.image.filename={path},"
                 "file.inject-error.0.event=write_aio,file.inject-error.0.errno=28,file.inject-error.0.sector=8,"
                 "file.inject-error.1.event=flush_to_disk,file.inject-error.1.once=on")
        image.do("write 0 4096 1")
        expect(image.answer("write 4096 512 1"), (False, "No space left on device"), "the sector of the rule")
        expect(image.answer("flush"), (False, "Input/output error"), "the first flush")
        image.do("flush")
    rules = os.path.join(work, "rules")
    with open(rules, "w", encoding="ascii") as file:
        file.write('[inject-error]\nevent = "read_aio"\nerrno = "5"\nonce = "on"\n')
    with Image() as image:
        image.do(f"open driver=raw,file.driver=blkdebug,file.config={rules},file.image.filename={path}")
        expect(image.answer("read 0 512 1")[0], False, "a read by the file's rule")
        image.do("read 0 512 1")


def errors_within_qcow2(work):
    """The second update of an L2 table fails, and what follows; a rule of another state rests."""
    path, rules = os.path.join(work, "a.qcow2"), os.path.join(work, "rules")
    rhea(f"create qcow2 {path} size=16M,cluster_size=4096")
    with open(rules, "w", encoding="ascii") as file:
        file.write('[inject-error]\nevent = "l2_update"\nstate = "2"\nerrno = "28"\niotype = "write"\n'
                   '[set-state]\nevent = "l2_update"\nstate = "1"\nnew_state = "2"\n'
                   '[inject-error]\nevent = "write_aio"\nstate = "3"\n')
    with Image() as image:
        image.do(f"open driver=qcow2,file.driver=blkdebug,file.config={rules},file.image.filename={path}")
        for command in ("write 0 4096 1", "flush", "write 8192 4096 1"):
            image.do(command)
        expect(image.answer("flush"), (False, "No space left on device"), "the second update")
        expect(image.answer("write 65536 4096 1"), (False, "No space left on device"), "what follows")
    for bad, said in (("event=l2_updat", "event 'l2_updat' is not supported"), ("event=none,state=x", "state is 'x'"),
                      ("event=none,errno=0", "errno is '0', must be 1 to 4095")):
        options = ",".join(f"file.inject-error.0.{word}" for word in bad.split(","))
        with Image() as image:
            ok, text = image.answer(f"open driver=raw,file.driver=blkdebug,file.image.filename={path},{options}")
            expect(not ok and said in text, True, f"{bad}: {text}")


def writes_that_fail_are_reported(work):
    """ENOSPC under qcow2: the error comes back, the image stays whole."""
    path = os.path.join(work, "a.qcow2")
    rhea(f"create qcow2 {path} size=16M,cluster_size=4096")
    with Image() as image:
        image.do(f"open driver=qcow2,file.driver=blkdebug,file.image.filename={path},"
                 "file.inject-error.0.event=write_aio,file.inject-error.0.errno=28,file.inject-error.0.sector=800")
        failed = [n for n in range(200) if not image.answer(f"write {n * 16384} 16384 {n % 255 + 1}")[0]]
        expect(bool(failed), True, "some write met the sector")
        image.answer("flush")
    text = rhea(f"open check=1,driver=qcow2,read-only=on,file.filename={path}", "check")
    expect("corruptions=0" in text, True, text)


def verified(work):
    raw, image_path = os.path.join(work, "a.raw"), os.path.join(work, "a.qcow2")
    rhea(f"create raw {raw} size=1M")
    rhea(f"create qcow2 {image_path} size=1M")
    options = f"driver=blkverify,raw.filename={raw},image.driver=qcow2,image.file.filename={image_path}"
    rhea(f"open {options}", "write 1000 5000 3", "read 1000 5000 3", "zero 2000 2000", "read 2000 2000 0")
    rhea(f"open driver=raw,file.filename={raw}", "write 1500 1 9")
    with Image() as image:
        image.do(f"open {options}")
        expect(image.answer("read 1024 4096 3")[0], False, "what differs")


def copied_on_read(work):
    base, top = os.path.join(work, "base.raw"), os.path.join(work, "top.qcow2")
    with open(base, "wb") as file:
        file.write(b"\5" * MIB)
    rhea(f"create qcow2 {top} size=1M,backing_file=base.raw,backing_fmt=raw")
    options = f"driver=copy-on-read,file.driver=qcow2,file.file.filename={top}"
    rhea(f"open {options}", "read 65536 65536 5", "write 65540 10 6", "read 65536 4 5", "read 65540 10 6")
    text = rhea(f"open driver=qcow2,read-only=on,file.filename={top}", "map")
    expect("65536+65536:d0" in text, True, text)


GROUP = "throttle-group,id=g"
THROTTLED = "driver=throttle,throttle-group=g,file.driver=null-co,file.size=1M"


def throttled(work):
    """Bursts as the limits allow them: seconds for seven transfers of 100000 bytes each."""
    cases = (("x-bps-total=1000000", 0.5, 1.5),             # 0.1 s of it at once
             ("limits.bps-read=1", 0, 0.4),                 # writes are free
             ("x-bps-write=1000000,x-bps-write-max=2000000", 0, 0.4),
             ("x-bps-total=10000,x-bps-total-max=1000000,x-bps-total-max-length=2", 0.35, 1.5),
             ("x-iops-total=20", 0.15, 1.2), ("x-iops-total=100,x-iops-size=10000", 0.4, 1.5))
    for limits, least, most in cases:
        start = time.monotonic()
        rhea(f"object {GROUP},{limits}", f"open {THROTTLED}", *["write 4096 100000 1"] * 7)
        took = time.monotonic() - start
        if not least <= took <= most * float(os.environ.get("RHEA_SLOW", "1")):
            raise Failed(f"{limits}: {took:.2f} s, not {least} to {most}")


def limits_together(work):
    """What numbers are refused, in QEMU's words."""
    tools = (["qemu-io"] if shutil.which("qemu-io") else []) + [RHEA_IO]
    for limits in ("x-bps-total=100000,x-bps-read=5", "limits.iops-total=1,limits.iops-write=5", "x-bps-total-max=1000",
                   "x-bps-total=100000,x-bps-total-max=10", "x-iops-size=512",
                   "x-bps-total=100,x-bps-total-max=100,x-bps-total-max-length=0",
                   "x-bps-total=100000,x-bps-total-max-length=3", "x-bps-total=10000000000000000", "x-foo=1", "bps-total=1",
                   "x-bps-total=1000,x-bps-total-max=10000000000000,x-bps-total-max-length=1000000000"):
        said = {run(tool, "--object", f"{GROUP},{limits}", "-c", "read 0 512", "--image-opts", THROTTLED,
                    ok=False).stdout.split(":", 1)[1] for tool in tools}
        if len(said) != 1 or "bytes" in str(said):
            raise Failed(f"{limits}: {said}")
    for options in (THROTTLED, THROTTLED.replace("throttle-group=g,", "")):
        said = {run(tool, "-c", "read 0 512", "--image-opts", options, ok=False).stdout.split(":", 1)[1] for tool in tools}
        if len(said) != 1:
            raise Failed(f"{options}: {said}")


if __name__ == "__main__":
    sys.exit(tap([
        ("images on a web server", over_http),
        ("disks that nbdkit serves", over_nbd),
        ("null-co and null-aio", keeps_nothing),
        ("blkdebug: errors on purpose", errors_on_purpose),
        ("blkdebug: errors at events of qcow2", errors_within_qcow2),
        ("writes that fail leave a whole image", writes_that_fail_are_reported),
        ("blkverify", verified),
        ("copy-on-read", copied_on_read),
        ("throttle groups let bursts through and no more", throttled),
        ("limits that do not go together", limits_together),
    ]))
