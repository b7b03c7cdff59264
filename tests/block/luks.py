#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Encrypted images, as the format luks and within qcow2: both tools read what the other one wrote, cryptsetup
opens them, keys are asked for, and fields of a header are bounded."""
import json
import random
import shutil
import struct
import sys

from images import MIB, QEMU_IMG, RHEA_IMG, RHEA_IO, expect, expect_equal, main, need, run

SECRET = ["--object", "secret,id=s,data=open sesame"]
FAST = "key-secret=s,iter-time=10"
# options of create | what cryptsetup calls the cipher
CIPHERS = (("", "aes xts-plain64 sha256 512"),
           ("cipher-alg=aes-128,cipher-mode=xts,ivgen-alg=plain,hash-alg=sha1", "aes xts-plain sha1 256"),
           ("cipher-alg=aes-256,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256", "aes cbc-essiv:sha256 sha256 256"),
           ("cipher-alg=serpent-256,hash-alg=sha512", "serpent xts-plain64 sha512 512"),
           ("cipher-alg=twofish-256,cipher-mode=cbc,ivgen-alg=plain64", "twofish cbc-plain64 sha256 256"),
           ("cipher-alg=aes-192,cipher-mode=cbc,hash-alg=ripemd160", "aes cbc-plain64 ripemd160 192"),
           ("cipher-alg=cast5-128,cipher-mode=cbc", "cast5 cbc-plain64 sha256 128"))


def luks(path):
    return f"driver=luks,file.filename={path},key-secret=s"


def qcow2(path):
    return f"driver=qcow2,file.filename={path},encrypt.format=luks,encrypt.key-secret=s"


def qcow2_options(options):
    parts = ["encrypt.format=luks"] + [f"encrypt.{o}" for o in options.split(",") if o]
    return ",".join(parts)


def raw_file(folder, name, size=3 * MIB):
    path = f"{folder}/{name}"
    with open(path, "wb") as file:
        file.write(random.Random(name).randbytes(size))
    return path


def create(tool, kind, path, options, size="3M"):
    options = f"{FAST},{options}" if options else FAST
    if kind == "qcow2":
        options = qcow2_options(options)
    run(tool, "create", "-q", *SECRET, "-f", kind, "-o", options, path, size)


def both_ways(folder):
    """What one tool writes, the other one reads, whoever made the image: the first cipher by each, the others by turns."""
    need("qemu-img")
    data = raw_file(folder, "data")
    hands = ((RHEA_IMG, QEMU_IMG, RHEA_IMG), (QEMU_IMG, RHEA_IMG, QEMU_IMG), (RHEA_IMG, RHEA_IMG, QEMU_IMG))
    for kind, target in (("luks", luks), ("qcow2", qcow2)):
        for number, (options, cipher) in enumerate(CIPHERS):
            if cipher.endswith(" 192"):
                continue                # Debian 12's qemu-img fails an assertion
            for maker, writer, reader in (hands[number % 3],) if number else hands:
                path = f"{folder}/a.{kind}"
                create(maker, kind, path, options)
                run(writer, "convert", "-n", *SECRET, "-f", "raw", data, "--target-image-opts", target(path))
                out = run(reader, "compare", *SECRET, "--image-opts", target(path),
                          f"driver=raw,file.filename={data}").out
                expect("Images are identical" in out, out)


def cryptsetup_opens(folder):
    need("cryptsetup")
    for options, cipher in CIPHERS:
        path = f"{folder}/c.luks"
        create(RHEA_IMG, "luks", path, options)
        said = dict(line.split(":", 1) for line in run("cryptsetup", "luksDump", path).out.splitlines()
                    if ":" in line and not line.startswith((" ", "\t")))
        got = " ".join(said[key].strip() for key in ("Cipher name", "Cipher mode", "Hash spec", "MK bits"))
        expect_equal(got, cipher)
        done = run("cryptsetup", "luksOpen", "--test-passphrase", path, "--key-file", "-", stdin="open sesame",
                   status=None)
        if "device-mapper" in done.err:
            continue                    # the kernel has not this cipher
        expect_equal(done.status, 0, done)
        run("cryptsetup", "luksOpen", "--test-passphrase", path, "--key-file", "-", stdin="wrong", status=2)


def cryptsetup_makes(folder):
    """A header of cryptsetup's with two keys: each opens it."""
    need("cryptsetup")
    path = f"{folder}/m.luks"
    with open(path, "wb") as file:
        file.truncate(8 * MIB)
    run("cryptsetup", "-q", "luksFormat", "--type", "luks1", "--pbkdf-force-iterations", "1000", path, "-",
        stdin="first")
    with open(f"{folder}/second", "w", encoding="ascii") as file:
        file.write("second")
    run("cryptsetup", "-q", "luksAddKey", "--pbkdf-force-iterations", "1000", "--key-file", "-", path,
        f"{folder}/second", stdin="first")
    for key, status in (("first", 0), ("second", 0), ("third", 1)):
        run(RHEA_IO, "--object", f"secret,id=s,data={key}", "--image-opts", "-c", "read 0 4k", luks(path),
            status=status)


def told(folder):
    """info prints what qemu-img prints, and needs no key."""
    need("qemu-img")
    for kind in ("luks", "qcow2"):
        path = f"{folder}/i.{kind}"
        create(RHEA_IMG, kind, path, "cipher-mode=cbc,ivgen-alg=essiv")
        for output in ("human", "json"):
            words = ("info", f"--output={output}", path)
            expect_equal(run(RHEA_IMG, *words).out, run(QEMU_IMG, *words).out)
    expect_equal(json.loads(run(RHEA_IMG, "measure", *SECRET, "--output=json", "-O", "luks", "-o", FAST, "--size",
                                "1G").out)["required"], 1075810304)


def random_writes(folder):
    """Parts of sectors and clusters, zeroes and discards, over a backing file and through a snapshot."""
    base, path = raw_file(folder, "base"), f"{folder}/w.qcow2"
    options = qcow2_options(FAST) + f",backing_file={base},backing_fmt=raw,cluster_size=4k"
    run(RHEA_IMG, "create", "-q", *SECRET, "-f", "qcow2", "-o", options, path)
    model = bytearray(open(base, "rb").read())
    rng = random.Random(5)
    commands = []
    for i in range(400):
        at = rng.randrange(len(model) - 20000)
        size = rng.choice((1, 100, 512, 700, 4096, rng.randrange(1, 20000)))
        byte = rng.randrange(1, 256)
        if i % 10 == 9:
            commands += ["-c", f"write -z {at} {size}"]
            byte = 0
        else:
            commands += ["-c", f"write -P {byte} {at} {size}"]
        model[at:at + size] = bytes([byte]) * size
    run(RHEA_IO, *SECRET, "--image-opts", *commands[:400], qcow2(path))
    run(RHEA_IMG, "snapshot", "-q", *SECRET, "--image-opts", "-c", "one", qcow2(path))
    run(RHEA_IO, *SECRET, "--image-opts", *commands[400:], qcow2(path))
    run(RHEA_IMG, "check", "-q", path)
    run(RHEA_IMG, "resize", "-q", *SECRET, "--image-opts", qcow2(path), "4M")
    with open(f"{folder}/model", "wb") as file:
        file.write(model + bytes(MIB))
    words = ("compare", *SECRET, "--image-opts", qcow2(path), f"driver=raw,file.filename={folder}/model")
    for tool in [RHEA_IMG] + ([QEMU_IMG] if shutil.which(QEMU_IMG) else []):
        expect("Images are identical" in run(tool, *words).out, tool)


def stays_hidden(folder):
    """Nothing of the data is in the file as it is, and an empty image reads as zeroes where it says so."""
    for kind, target in (("luks", luks), ("qcow2", qcow2)):
        path = f"{folder}/h.{kind}"
        create(RHEA_IMG, kind, path, "")
        run(RHEA_IO, *SECRET, "--image-opts", "-c", "write -P 0x41 0 1M", target(path))
        with open(path, "rb") as file:
            expect(b"A" * 16 not in file.read(), "the data is in the file")
    path = f"{folder}/p.qcow2"
    run(RHEA_IMG, "create", "-q", *SECRET, "-f", "qcow2", "-o", qcow2_options(FAST) + ",preallocation=metadata",
        path, "1M")
    run(RHEA_IO, *SECRET, "--image-opts", "-c", "write -P 7 1000 10", "-c", "read -P 0 0 1000", "-c", "read -P 7 1000 10",
        "-c", "read -P 0 1010 64k", qcow2(path))


def refused(folder):
    path, other = f"{folder}/r.luks", f"{folder}/r.qcow2"
    create(RHEA_IMG, "luks", path, "")
    create(RHEA_IMG, "qcow2", other, "")
    wrong = ["--object", "secret,id=s,data=wrong"]
    cases = (([RHEA_IO, "-c", "read 0 1", path], "Parameter 'key-secret' is required for cipher"),
             ([RHEA_IO, "-c", "read 0 1", other], "Parameter 'encrypt.key-secret' is required for cipher"),
             ([RHEA_IO, "-c", "read 0 1", "--image-opts", luks(path)], "No secret with id 's'"),
             ([RHEA_IO, *wrong, "-c", "read 0 1", "--image-opts", luks(path)],
              "Invalid password, cannot unlock any keyslot"),
             ([RHEA_IO, *wrong, "-c", "read 0 1", "--image-opts", qcow2(other)],
              "Invalid password, cannot unlock any keyslot"),
             ([RHEA_IMG, "create", *SECRET, "-f", "luks", "-o", FAST + ",cipher-alg=rot-13", f"{folder}/x", "1M"],
              "Algorithm 'rot-13' is not supported"),
             ([RHEA_IMG, "create", *SECRET, "-f", "qcow2", "-o", "encrypt.format=aes,encrypt.key-secret=s",
               f"{folder}/x", "1M"], "AES encryption of qcow2 is not supported"),
             ([RHEA_IMG, "create", "-f", "qcow2", "-o", "encryption=on", f"{folder}/x", "1M"],
              "AES encryption of qcow2 is not supported"),
             ([RHEA_IMG, "convert", *SECRET, "-c", "-n", "--image-opts", "--target-image-opts", luks(path), qcow2(other)],
              ""))
    for words, text in cases:
        said = run(*words, status=1)
        expect(text in said.err + said.out, said)


def secrets_come_from_files(folder):
    path = f"{folder}/s.luks"
    create(RHEA_IMG, "luks", path, "")
    for name, text, form in (("raw", "open sesame", "raw"), ("base64", "b3BlbiBzZXNhbWU=", "base64")):
        with open(f"{folder}/{name}", "w", encoding="ascii") as file:
            file.write(text)
        run(RHEA_IO, "--object", f"secret,id=s,file={folder}/{name},format={form}", "--image-opts", "-c", "read 0 1",
            luks(path))


def bounded(folder):
    """Fields of a header that cannot be are named."""
    path = f"{folder}/b.luks"
    create(RHEA_IMG, "luks", path, "")
    good = open(path, "rb").read()
    slot = 208
    cases = ((6, ">H", 2, "version is 2, must be 1"), (104, ">I", 0, "payload-offset is 0"),
             (104, ">I", 0xffffff, "payload-offset is 16777215"), (104, ">I", 100, "end of a slot's key material"),
             (108, ">I", 4096, "key-bytes is 4096, must be 1 to 64"), (108, ">I", 33, "key-bytes is 33, must be 32"),
             (164, ">I", 0xffffffff, "mk-digest-iter is 4294967295"), (164, ">I", 0, "mk-digest-iter is 0"),
             (slot, ">I", 7, "key slot 0 is neither in use nor free (0x7)"),
             (slot + 4, ">I", 0xffffffff, "iterations of a key slot is 4294967295"),
             (slot + 40, ">I", 0, "key-material-offset of a key slot is 0"),
             (slot + 44, ">I", 0xffffffff, "stripes of a key slot is 4294967295"),
             (8, ">8s", b"rot13\0\0\0", "cipher 'rot13' with mode 'xts-plain64'"),
             (40, ">16s", b"xts-benbi\0\0\0\0\0\0\0", "IV generator 'benbi' is not supported"),
             (72, ">8s", b"md4\0\0\0\0\0", "hash 'md4' is not supported"))
    for at, form, value, text in cases:
        bad = bytearray(good)
        bad[at:at + struct.calcsize(form)] = struct.pack(form, value)
        with open(path, "wb") as file:
            file.write(bad)
        said = run(RHEA_IMG, "info", "--image-opts", f"driver=luks,file.filename={path}", status=1)
        expect(text in said.err, f"{text}: {said}")


def extension_is_bounded(folder):
    path = f"{folder}/e.qcow2"
    create(RHEA_IMG, "qcow2", path, "")
    good = open(path, "rb").read()
    at = good.index(struct.pack(">II", 0x0537be77, 16))
    for offset, value, text in ((8, 3, "modulo the cluster size is 3"), (8, 1 << 40, "offset of the encryption header"),
                                (16, 1 << 40, "length of the encryption header"), (0, 0x1234567800000010, "is missing")):
        bad = bytearray(good)
        bad[at + offset:at + offset + 8] = struct.pack(">Q", value)
        with open(path, "wb") as file:
            file.write(bad)
        said = run(RHEA_IMG, "info", path, status=1)
        expect(text in said.err, f"{text}: {said}")


if __name__ == "__main__":
    if "libgcrypt" in run(RHEA_IMG, "create", *SECRET, "-f", "luks", "-o", FAST, "/dev/null", "1M", status=None).err:
        print("1..0 # SKIP this build has no libgcrypt")
        sys.exit(0)
    main([
        ("each tool reads what the other one wrote", both_ways),
        ("cryptsetup opens our images", cryptsetup_opens),
        ("images of cryptsetup with two keys", cryptsetup_makes),
        ("info is qemu-img's and needs no key", told),
        ("random writes over a backing file", random_writes),
        ("data is not in the file as it is", stays_hidden),
        ("missing and wrong keys and unknown ciphers are explained", refused),
        ("secrets come from files", secrets_come_from_files),
        ("fields of the header are bounded", bounded),
        ("the header extension of qcow2 is bounded", extension_is_bounded),
    ])
