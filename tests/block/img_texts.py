#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""rhea-img beside qemu-img: scripts of commands are run with each of them in a folder of its own, and
what each command prints and how it ends is the same.  Dates, sizes on the host and ids that are drawn
are taken out first; JSON is compared as values."""
import json
import os
import re
import sys

from images import Failed, QEMU_IMG, QEMU_IO, RHEA_IMG, expect_equal, main, need, random_disk, run

# Commands that begin with "io" are of qemu-io and prepare images, "raw" makes a raw file with data.
SCRIPTS = {
    "create": [
        "create -f qcow2 a.qcow2 64M", "create -q a.raw 64M", "create a2.raw 1G",
        "create -f qcow2 -b a.qcow2 -F qcow2 b.qcow2", "create -f qcow2 -b a.qcow2 b2.qcow2",
        "create -f qcow2 -o cluster_size=4k,lazy_refcounts=on,preallocation=metadata c.qcow2 10M",
        "create -f vdi a.vdi 64M", "create -f vpc a.vpc 64M", "create -f vmdk a.vmdk 64M",
        "create -f parallels a.par 64M", "create -f qcow2 -o size=1M d.qcow2",
        "create -u -f qcow2 -b nope -F raw e.qcow2 1M",
    ],
    "create, refused": [
        "create -f qcow2 x.qcow2", "create -f qcow2 x.qcow2 5M 6M", "create -f bochs x 5M", "create",
        "create --bad", "create -u -f qcow2 -b nope -F raw x.qcow2", "create -f qcow2 -b nope -F raw x",
        "create -f vdi -b a -F raw x.vdi",
        "create -f qcow2 /nonexistent/x.qcow2 5M", "create -f qcow2 -F raw x.qcow2 1M", "create -f foo x 1M",
        "create -f qcow2 -o foo=1 x.qcow2 4M", "create -f qcow2 -o lazy_refcounts=maybe x.qcow2 1M",
        "create -f qcow2 x.qcow2 foo", "create -f qcow2 -o data_file_raw=on x.qcow2 1M",
        "create -f vmdk -o hwversion=6,compat6=on x.vmdk 4M", "create -f qcow2 -o cluster_size=3k x.qcow2 4M",
        "create -f qcow2 -o refcount_bits=3 x.qcow2 4M", "create -f qcow2 -o cluster_size=4k,extended_l2=on x.qcow2 4M",
    ],
    "create, odd sizes": ["create -f raw a.raw 1000", "create -f qcow2 a.qcow2 1000", "create -f raw b.raw 1.5M",
                          "info a.raw", "info a.qcow2", "info b.raw"],
    "create, options": [
        "create -f qcow2 -o compat=0.10 v2.qcow2 4M", "info --output=json v2.qcow2",
        "create -f qcow2 -o compat=v3,refcount_bits=1 r1.qcow2 4M", "info --output=json r1.qcow2",
        "create -f qcow2 -o compression_type=zstd z.qcow2 4M", "info --output=json z.qcow2",
        "create -f qcow2 -o extended_l2=on e.qcow2 4M", "info e.qcow2",
        "create -f qcow2 -o data_file=d.raw d.qcow2 4M", "info d.qcow2", "info --output=json d.qcow2",
        "create -f vmdk -o subformat=monolithicFlat,adapter_type=lsilogic f.vmdk 4M", "info f.vmdk",
    ],
    "the command line": ["", "foo", "info", "info a b", "info --output=xml a", "check -r foo a", "map a b",
                         "snapshot -c x -d y a", "snapshot -l", "compare a", "resize a", "rebase b",
                         "amend a", "bitmap a b", "bitmap --add a", "dd if=a", "dd if=a of=b foo=1",
                         "dd if=a of=b bs=0", "convert a", "measure", "measure --size 1G a", "bench",
                         "bench --flush-interval=1 a", "map --start-offset=foo a", "measure -O qcow2 --size foo",
                         "dd if=a of=b count=foo", "bitmap -F qcow2 --merge b a c", "dd if=a of=b count=-1",
                         "bitmap --add -g foo a b"],
    "info": [
        "create -q -f qcow2 a.qcow2 64M", "create -q -f qcow2 -b a.qcow2 -F qcow2 b.qcow2", "create -q a.raw 1000K",
        "create -q -f vdi a.vdi 64M", "create -q -f vpc a.vpc 64M",
        "create -q -f vmdk -o subformat=twoGbMaxExtentSparse a.vmdk 5G",
        "info a.qcow2", "info b.qcow2", "info a.raw", "info a.vdi", "info a.vpc", "info a.vmdk",
        "info --output=json a.qcow2", "info --output=json b.qcow2", "info --output=json a.raw",
        "info --output=json a.vmdk",
        "info --backing-chain b.qcow2", "info --backing-chain --output=json b.qcow2", "info nope",
        "info --image-opts driver=qcow2,file.filename=a.qcow2", "info -f qcow2 -U a.qcow2",
        'info json:{"driver":"qcow2","file":{"driver":"file","filename":"a.qcow2"}}',
    ],
    "map": [
        "create -q -f qcow2 a.qcow2 64M", "io -c|write -P 1 0 64k|write -P 2 1M 128k|write -z 4M 64k|a.qcow2",
        "create -q -f qcow2 -b a.qcow2 -F qcow2 b.qcow2", "io -c|write -P 3 64k 64k|b.qcow2",
        "map a.qcow2", "map --output=json a.qcow2", "map b.qcow2", "map --output=json b.qcow2",
        "map --output=json --start-offset=32k --max-length=64k b.qcow2",
        "io -c|write -c -P 4 8M 64k|b.qcow2", "map --output=json b.qcow2", "map b.qcow2",
        "create -q -f vmdk a.vmdk 1M", "io -c|write 64k 64k|a.vmdk", "map --output=json a.vmdk",
    ],
    "check": ["create -q -f qcow2 a.qcow2 64M", "io -c|write 0 64k|write 1M 64k|a.qcow2", "check a.qcow2",
              "check --output=json a.qcow2", "check -q a.qcow2", "create -q a.raw 1M", "check a.raw",
              "create -q -f vdi a.vdi 1M", "check a.vdi"],
    "snapshots": ["create -q -f qcow2 a.qcow2 4M", "snapshot -l a.qcow2", "snapshot -c one a.qcow2",
                  "io -c|write -P 5 0 64k|a.qcow2", "snapshot -c two a.qcow2", "snapshot -l a.qcow2",
                  "info a.qcow2", "info --output=json a.qcow2", "snapshot -a one a.qcow2", "map --output=json a.qcow2",
                  "snapshot -d one a.qcow2", "create -q a.raw 1M", "snapshot -l a.raw"],
    "compare": ["raw a.raw 1", "raw b.raw 1", "raw c.raw 2", "convert -O qcow2 a.raw a.qcow2",
                "compare -f raw a.raw a.qcow2", "compare -f raw -F raw a.raw b.raw",
                "compare -f raw -F raw a.raw c.raw", "compare -q -f raw -F raw a.raw c.raw", "compare a.raw nope",
                "resize -q -f raw b.raw 4M", "compare -f raw -F raw a.raw b.raw",
                "compare -s -f raw -F raw a.raw b.raw", "io -f raw -c|write -P 1 3000k 1|b.raw",
                "compare -f raw -F raw b.raw a.raw", "compare -p -f raw -F raw a.raw a.raw"],
    "measure": ["measure -O qcow2 --size 1G", "measure -O qcow2 --size 1G --output=json",
                "measure -O raw --size 1G", "raw a.raw 3", "convert -O qcow2 a.raw a.qcow2",
                "measure -O raw a.qcow2", "measure -f raw -O qcow2 a.raw",
                "measure -O qcow2 a.qcow2", "measure -f raw -O qcow2 --output=json a.raw", "measure -O vdi --size 1G"],
    "resize": ["create -q a.raw 1G", "resize -f raw a.raw +1G", "resize -f raw a.raw 1G",
               "resize -f raw --shrink a.raw 1G", "resize -f raw --shrink a.raw -1M", "info a.raw",
               "resize -f raw --shrink a.raw -5G", "resize -f raw --preallocation=foo a.raw +1M",
               "resize a.raw foo", "create -q -f qcow2 a.qcow2 4M", "resize a.qcow2 8M", "resize a.qcow2 1M",
               "create -q -f vdi a.vdi 1M", "resize a.vdi 2M"],
    "rebase": ["raw a.raw 4", "raw b.raw 5", "create -q -f qcow2 -b a.raw -F raw t.qcow2",
               "io -c|write -P 9 64k 64k|t.qcow2", "rebase -b b.raw -F raw t.qcow2", "info t.qcow2",
               "rebase -b nope -F raw t.qcow2", "rebase -u -b nope -F raw t.qcow2", "rebase -u -b a.raw -F raw t.qcow2",
               "rebase -u -b a.raw -F foo t.qcow2", "rebase -b b.raw t.qcow2", "rebase -b '' t.qcow2", "info --output=json t.qcow2"],
    "commit": ["raw a.raw 6", "create -q -f qcow2 -b a.raw -F raw t.qcow2", "io -c|write -P 9 64k 64k|t.qcow2",
               "commit t.qcow2", "map --output=json t.qcow2", "commit -d t.qcow2", "commit -b nope t.qcow2",
               "commit -f raw a.raw"],
    "amend": ["create -q -f qcow2 a.qcow2 4M", "amend -o lazy_refcounts=on a.qcow2", "info a.qcow2",
              "create -q a.raw 1M", "amend -f raw -o size=1M a.raw", "snapshot -c s a.qcow2"],
    "bitmaps": ["create -q -f qcow2 a.qcow2 10M", "bitmap --add a.qcow2 b0", "bitmap --add -g 4k a.qcow2 b1",
                "bitmap --disable a.qcow2 b1", "info a.qcow2", "info --output=json a.qcow2",
                "bitmap --merge b0 a.qcow2 b1", "bitmap --remove --add a.qcow2 b1", "bitmap --clear a.qcow2 b0",
                "bitmap --remove a.qcow2 b0", "info a.qcow2"],
    "convert": ["raw a.raw 7", "convert -O qcow2 a.raw a.qcow2", "convert -c -O raw a.qcow2 d.raw",
                "convert -n a.qcow2 nope", "convert -O qcow2 -S 3 a.qcow2 d.qcow2",
                "convert -O qcow2 -m 99 a.qcow2 d.qcow2", "convert -O qcow2 -c -C a.qcow2 d.qcow2",
                "convert --target-image-opts a.qcow2 driver=raw,file.filename=d.raw",
                "convert -t foo a.qcow2 d.raw", "convert -B a.raw -O qcow2 a.qcow2 d.qcow2",
                "convert --target-is-zero a.qcow2 d.qcow2", "convert --bitmaps -O raw a.qcow2 d.raw",
                "convert -O foo a.qcow2 x", "convert -f foo a.qcow2 x", "convert -r 0 a.qcow2 d.raw",
                "create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2", "commit -r 0 t.qcow2"],
    "dd": ["raw a.raw 8", "dd if=a.raw of=b.raw bs=1M count=1", "info b.raw", "dd -O qcow2 if=a.raw of=c.qcow2 bs=1k skip=3",
           "info c.qcow2", "compare -f raw a.raw b.raw"],
    "bench": ["raw a.raw 9", "bench -c 100 -s 4k -f raw a.raw", "bench -f raw -c 10 -d 1 --flush-interval=1 -w a.raw",
              "bench -c 100 -w --pattern=1 --flush-interval=10 -f raw a.raw"],
}

GUESS = re.compile(r"WARNING: Image format was not specified.*?restrictions\.\n|"
                   r"WARNING: Image format was not specified.*?-f raw\n", re.S)


def plain(text):
    """What may differ is taken out."""
    text = GUESS.sub("", text).rstrip("\n")
    text = re.sub(r"^(qemu|rhea)-img", "img", text, flags=re.M).replace("'qemu-img --help'", "'img --help'")
    text = text.replace("'rhea-img --help'", "'img --help'")
    text = re.sub(r"^disk size: .*", "disk size: D", text, flags=re.M)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "DATE", text)
    text = re.sub(r"^    cid: \d+", "    cid: C", text, flags=re.M)
    text = re.sub(r"Run completed in .* seconds", "Run completed", text)
    text = re.sub(r"(\s+\(\d+\.\d\d/100%\)\r?)+", " PROGRESS", text)
    return text


def without_drawn(value):
    """JSON without what the host or chance decides."""
    if isinstance(value, dict):
        return {key: without_drawn(item) for key, item in value.items()
                if key not in ("actual-size", "cid", "date-sec", "date-nsec")}
    if isinstance(value, list):
        return [without_drawn(item) for item in value]
    return value


def perform(tool, command, folder):
    if command.startswith("raw "):
        _, name, seed = command.split()
        random_disk(f"{folder}/{name}", 2 << 20, seed)
        return None
    if command.startswith("io "):
        first, *rest = command[3:].split("|")
        words = [QEMU_IO] + first.split()[:-1]
        for text in rest[:-1]:
            words += ["-c", text]
        run(*words, rest[-1], cwd=folder)
        return None
    words = ["" if word == "''" else word for word in command.split()]
    done = run(tool, *words, cwd=folder, status=None)
    out = done.out
    if "json" in command and out.startswith(("{", "[")):
        try:
            out = without_drawn(json.loads(out))
        except ValueError as error:
            raise Failed(f"{error}:\n{done}") from None
        return command, out, plain(done.err), done.status
    return command, plain(out), plain(done.err), done.status


def script(name):
    def test(folder):
        need(QEMU_IMG, QEMU_IO)
        trouble = []
        for side in ("theirs", "ours"):
            os.mkdir(f"{folder}/{side}")
        for command in SCRIPTS[name]:
            said = [perform(tool, command, f"{folder}/{side}")
                    for tool, side in ((QEMU_IMG, "theirs"), (RHEA_IMG, "ours"))]
            try:
                expect_equal(said[1], said[0], command)
            except Failed as error:
                trouble.append(str(error))
        if trouble:
            raise Failed("\n".join(trouble))
    return test


if __name__ == "__main__":
    sys.exit(main([(name, script(name)) for name in SCRIPTS]))
