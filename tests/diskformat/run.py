#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stores that the C code wrote, read by reader.py and by the C reader: both must find the same records,
with the same times and the same bytes. Each store is also read without its checkpoints.

    run.py BUILD_DIR
"""
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout

import reader
from crc32c import crc32c

BUILD = os.path.realpath(sys.argv[1] if len(sys.argv) > 1 else "build")
MATLANG, MATLANGD = os.path.join(BUILD, "matlang"), os.path.join(BUILD, "matlangd")
MAKE_STORE = os.path.join(BUILD, "tests/e2e/make_store")
DUMP, WRITE_CUT = (os.path.join(BUILD, "tests/diskformat", p) for p in ("dump_store", "write_cut"))
BOOT_ID = "/proc/sys/kernel/random/boot_id"
CUTS = 40
passed = failed = skipped = 0


def check(name, problems):
    global passed, failed
    if problems:
        failed += 1
        print(f"  FAIL    {name}")
        for p in problems[:10]:
            print(f"    {p}")
    else:
        passed += 1


def skip(why):
    global skipped
    skipped += 1
    print(f"SKIP: {why}")


def run(*args, **kwargs):
    return subprocess.run(args, capture_output=True, text=True, check=False, **kwargs)


def by_document(path, from_segments):
    """What reader.py says: (lines, problems)."""
    try:
        store = reader.Store(path, from_segments)
        out = io.StringIO()
        reader.dump(store, out)
    except (reader.Unreadable, reader.Damage) as e:
        return [], [f"reader.py: {e}"]
    return [json.loads(line) for line in out.getvalue().splitlines()], [f"reader.py: {d}" for d in store.damage]


def differences(ours, theirs, dates=True, marks=True):
    """Of the lines both readers have: superblock, records, names, locks. What is the store's own C does not show."""
    aside = {"sample_utc"} if dates else {"sample_utc", "utc", "clock"}
    for kind in ("superblock", "record", "name", "lock"):
        a = [x for x in ours if x["type"] == kind and x.get("kind") not in ("lock", "mark", "minutes")]
        b = [x for x in theirs if x["type"] == kind]
        for x, y in zip(a, b):
            for key in sorted(x.keys() | y.keys()):
                # A clock record's own sample shows in C only as its time.
                if x.get(key) != y.get(key) and key not in aside:
                    yield f"{kind} {x.get('position', '')}: {key}: {x.get(key)} by the document, {y.get(key)} in C"
        if len(a) != len(b):
            more, fewer = (a, b) if len(a) > len(b) else (b, a)
            where = "the document" if more is a else "C"
            yield f"{kind}: {len(a)} by the document, {len(b)} in C; only by {where}: {more[len(fewer)]}"
    locked = sum(x["locked"] for x in ours if x["type"] == "segment")
    for x in theirs:
        if marks and x["type"] == "segments" and x["locked"] != locked:
            yield f"{locked} segments locked by the document, {x['locked']} in C"


def compare(name, path, least=1, clean=True, forgets=False):
    """Reads the store both ways; returns the lines of reader.py. `forgets`: samples of the clock went
    with recycled segments, so that without the checkpoint's some records have other dates."""
    c = run(DUMP, path)
    theirs = [json.loads(line) for line in c.stdout.splitlines()]
    problems = [f"C: {c.stderr.strip() or c.returncode}"] if c.returncode else []
    for from_segments in (False, True):
        ours, damage = by_document(path, from_segments)
        problems += damage + list(differences(ours, theirs, not (from_segments and forgets),
                                               not from_segments))
        records = [x for x in ours if x["type"] == "record"]
        if len(records) < least:
            problems.append(f"only {len(records)} records")
        check(name + (", without checkpoints" if from_segments else ""), problems)
        problems = []
        if from_segments:
            continue
        result = ours
    if clean and not any(x["type"] == "checkpoint" and x["clean"] for x in result):
        check(f"{name}: closed", ["the checkpoint is not marked so"])
    return result


def kinds(lines):
    return {x["kind"] for x in lines if x["type"] == "record"}


def makes(path, *args):
    r = run(MAKE_STORE, path, *args)
    if r.returncode:
        check(f"make_store {path}", [r.stderr])


def rack(name, rest):
    return f"{name}=rack:{name}?width=320&height=240&{rest}"


def crc():
    check("CRC-32C: the document's examples",
          [] if (crc32c(b"123456789"), crc32c(bytes(32))) == (0xE3069283, 0x8A9136AA) else ["other results"])


def known_contents(top):
    path = os.path.join(top, "known")
    makes(path, "--frames", "60", "--gap", "10,3", "--away", "20", "--motion", "30,5", "--what", "3", "--torn", "9",
          rack("jpeg", "fps=30&frame_kb=80"), rack("small", "fps=30&frame_kb=5"), rack("raw", "fps=20&format=nv12"))
    lines = compare("gathered and direct frames, ledger, motion, events", path, 180)
    missing = {"frame", "loss", "motion", "event", "clock", "camera"} - kinds(lines)
    check("every kind of record is there", [f"no {k}" for k in missing])
    first = next(x for x in lines if x.get("kind") == "frame")
    out = subprocess.run([sys.executable, reader.__file__, path, "--payload", str(first["position"])],
                         capture_output=True, check=False).stdout
    check("a payload taken out", [] if len(out) == first["bytes"] and out[:2] == b"\xff\xd8" else ["is no JPEG"])
    broken_copy(top, path)


def broken_copy(top, path):
    """reader.py and this suite notice a changed byte: what agrees is not merely both looking away."""
    copy = os.path.join(top, "broken")
    shutil.copytree(path, copy)
    lines, _ = by_document(path, False)
    frame = [x for x in lines if x.get("kind") == "frame"][5]
    store = reader.Store(path)
    index = next(s.index for s in store.log if s.sequence == frame["position"] // store.super.segment_bytes)
    with open(os.path.join(copy, "volume-0.matlang"), "r+b") as f:
        f.seek(store.super.segments_offset + index * store.super.segment_bytes
               + frame["position"] % store.super.segment_bytes + frame["bytes"] // 2)
        byte = f.read(1)
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte[0] ^ 0x10]))
    changed, damage = by_document(copy, False)
    check("a flipped bit is noticed", [] if damage and len(changed) != len(lines) else ["it was not"])
    theirs = [json.loads(line) for line in run(DUMP, copy).stdout.splitlines()]
    # C leaves out the frame alone as well; against the whole store both differ.
    check("a flipped bit: the same is left over", list(differences(changed, theirs)))
    check("a missing record is noticed", [] if list(differences(lines, theirs)) else ["it was not"])


def info(store):
    r = run(MATLANG, "store", "info", store, "--json")
    return json.loads(r.stdout) if r.returncode == 0 else {"position": 0, "being_written": False}


def wait_until(what, condition):
    for _ in range(600):
        if condition():
            return True
        time.sleep(0.05)
    check(what, ["it never came"])
    return False


def record(store, mebibytes, *, boot=None, end=signal.SIGTERM):
    """matlangd until the log has grown so far, in a boot of its own when asked."""
    command = [MATLANGD, "--store", store, "--config", "/dev/null", "--set", "storage/commit_ms=100"]
    for i, kb in enumerate((4, 12, 90)):
        command += ["--camera", rack(f"m{i}", f"fps=60&frame_kb={kb}")]
    if boot:
        command = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" ' + BOOT_ID + ' && exec "$@"', boot, *command]
    target = info(store)["position"] + int(mebibytes * 2**20)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as p:
        wait_until(f"{store}: footage", lambda: p.poll() is not None or info(store)["position"] >= target)
        p.send_signal(end)
        _, err = p.communicate(timeout=60)
    if p.returncode not in (0, -end):
        check("matlangd", [f"exit {p.returncode}: {err[-300:]}"])
    # What a killed process has under way still reaches the disk; then its lock is gone.
    wait_until(f"{store}: its end", lambda: not info(store)["being_written"])


def create(path, size, parity=0):
    r = run(MATLANG, "store", "create", *path.split(","), "--size", size, "--segment", "1M", "--sparse",
            *(["--parity", str(parity)] if parity else []))
    if r.returncode:
        check(f"store create {path}", [r.stderr])


def boots(top):
    """Each run in a boot of its own, as far as the store can tell."""
    fake = os.path.join(top, "boot_id")
    path = os.path.join(top, "boots")
    create(path, "48M")
    for n in range(3):
        with open(fake, "w", encoding="ascii") as f:
            f.write(f"{n:08x}-1111-4222-8333-444455556666\n")
        if run("unshare", "--mount", "mount", "--bind", fake, BOOT_ID).returncode:
            skip("no private mounts here: stores of several boots")
            return
        record(path, 2, boot=fake)
        lines = compare(f"boot {n + 1}", path, 20 * n)
    seen = {x["boot"] for x in lines if x["type"] == "record"}
    check("three boots", [] if seen == {1, 2, 3} else [f"boots {seen}"])


def recycled(top):
    path = os.path.join(top, "recycled")
    create(path, "12M")
    for n in range(3):
        record(path, 7)
        compare(f"recycled, run {n + 1}", path, 20)
    lines = compare("recycled", path, 20)
    first = min(x["sequence"] for x in lines if x["type"] == "segment")
    check("recycled: the beginning is gone", [] if first > 1 else ["the store never went round"])


def minutes(top):
    """Minute maps say what the motion records say, in stores that went round and were opened again."""
    path = os.path.join(top, "minutes")
    compared = 0
    for n in range(3):
        # Each time the pictures fill some of the segments, of which there are 24.
        args = () if n else ("--size", "26", "--segment", "1")
        makes(path, *args, "--frames", "70", "--motion", "1,70", *(["--again"] if n else []),
              rack("a", "fps=1&frame_kb=90"), rack("b", "fps=2&frame_kb=70"))
        compare(f"minute maps, run {n + 1}", path, 100)
        try:
            compared = reader.Store(path).check_minutes()
            check(f"minute maps, run {n + 1}: as the records", [])
        except reader.Damage as e:
            check(f"minute maps, run {n + 1}: as the records", [str(e)])
    check("minute maps: there are some", [] if compared > 3 else [f"only {compared} minutes"])


def striped(top):
    """Several volumes: all of them, and without as many as there is parity."""
    for volumes, parity in ((4, 1), (4, 2), (5, 3), (2, 0), (2, 1)):
        name = f"{volumes} volumes, {parity} parity"
        dirs = [os.path.join(top, f"v{volumes}{parity}{i}") for i in range(volumes)]
        create(",".join(dirs), "8M", parity)
        record(",".join(dirs), 2)
        record(",".join(dirs), 3, end=signal.SIGKILL)
        full = compare(name, ",".join(dirs), 20, clean=False)
        for lost in range(parity):
            left = dirs[lost + 1:] + [os.path.join(top, "nothing")] * (volumes - lost == 2)
            lines = compare(f"{name}, {lost + 1} lost", ",".join(left), 20, clean=False)
            same = [x for x in lines if x["type"] == "record"] == [x for x in full if x["type"] == "record"]
            check(f"{name}, {lost + 1} lost: the same", [] if same else ["other records"])
        lines, problems = by_document(",".join(dirs[parity + 1:] + [os.path.join(top, "nothing")]), False)
        check(f"{name}, one too many lost", [] if problems and not lines else ["it was read all the same"])


def killed(top):
    path = os.path.join(top, "killed")
    create(path, "24M")
    for n in range(4):
        record(path, 0.3 + 0.9 * n, end=signal.SIGKILL)
        compare(f"killed, time {n + 1}", path, 10, clean=False)


def cuts(top):
    path = os.path.join(top, "cut")
    os.mkdir(path)
    r = run(WRITE_CUT, path, str(CUTS))
    if r.returncode:
        check("write_cut", [r.stdout + r.stderr])
        return
    locks = 0
    for n in range(1, CUTS + 1):
        lines = compare(f"power cut {n}", os.path.join(path, str(n)), 0, clean=False, forgets=n % 5 == 4)
        locks += sum(x.get("kind") == "lock" for x in lines)
    check("locks among the power cuts", [] if locks else ["none"])


def main():
    top = tempfile.mkdtemp(prefix="matlang-diskformat-")
    try:
        crc()
        for part in (known_contents, boots, recycled, minutes, striped, killed, cuts):
            part(top)
    finally:
        shutil.rmtree(top)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
