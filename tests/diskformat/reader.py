#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a store as docs/DISK_FORMAT.md describes it, and from nothing but that page: so that the
page is enough, and the C code and the page agree. Numbers of sections in comments are the page's.

    reader.py DIR[,DIR...]              everything as JSON, an object a line
    reader.py DIR --from-segments       as if there were no checkpoint
    reader.py DIR --payload POSITION    the bytes of one record

Exit code 1 when anything is damaged, 2 when the store cannot be read.
"""
import argparse
import hashlib
import json
import os
import struct
import sys

from crc32c import crc32c
from layout import (BLOCK, CHUNK_MAGIC, HOLD, LOCK, NAMES, NO_SEGMENT, SEALED, SUPER_AT, Chunk, Clock, Damage, Header,
                    Minutes, Record, Sample, Seal, Segment, Super, Unreadable, check_block, hold_entries)
from stripes import Stripes


class Store:
    def __init__(self, directory, from_segments=False):
        self.damage = []
        self.stripes = None
        path = os.path.join(directory, "volume-0.matlang")
        if "," in directory:
            self.stripes = Stripes(directory.split(","), self._note)
            self.super = self.stripes.super
        else:
            try:
                self.fd = os.open(path, os.O_RDONLY)
            except OSError as e:
                raise Unreadable(str(e)) from e
            self.super = self._super()
        self.names = {}
        self.checkpoint = None if from_segments else self._newest_checkpoint()
        taken = self._from_checkpoint() if self.checkpoint else self._from_segments()
        self.log = sorted(taken.values(), key=lambda s: s.sequence)
        self.samples = dict(self.checkpoint["boots"]) if self.checkpoint else {}  # by boot
        for n, seg in enumerate(self.log):  # §5, 2: a segment ends where its successor says
            if n + 1 < len(self.log) and self.log[n + 1].header.prev_sequence == seg.sequence:
                seg.end = min(seg.end, self.log[n + 1].header.prev_end)
        self._learn()

    def _read(self, offset, size):
        if self.stripes:
            return self.stripes.read(offset, size)
        data = os.pread(self.fd, size, offset)
        if len(data) != size:
            raise Damage(f"the volume ends before {offset + size}")
        return data

    def _in(self, index):
        """Reads from the start of a segment."""
        base = self.super.segments_offset + index * self.super.segment_bytes
        return lambda offset, size: self._read(base + offset, size)

    def _note(self, e, index=None):
        text = str(e)
        self.damage.append(text if index is None or text.startswith("segment") else f"segment {index}: {text}")

    def _super(self):
        found = []
        for at in SUPER_AT:
            try:
                found.append(Super(self._read(at, BLOCK)))
            except Damage as e:
                self._note(f"{e} (copy at {at})")
        if not found:
            raise Unreadable("no superblock: " + "; ".join(self.damage))
        return found[0]

    def header(self, index):
        return Header(self._in(index)(0, BLOCK), self.super, index)

    def seal(self, index, header):
        """The seal, if it counts."""
        read = self._in(index)
        try:
            seal = Seal(read(self.super.segment_bytes - BLOCK, BLOCK), self.super, index)
            if (seal.sequence, seal.nonce) != header.use():
                return None
            seal.read_sections(self.super, read)
            return seal
        except Damage:
            return None

    def walk(self, index, header):
        """The chunks from the start on, until one is missing or damaged (§2.2); payloads checked."""
        read, at, unit = self._in(index), self.super.unit, self.super.unit
        limit = self.super.segment_bytes - unit
        while True:
            end = at + unit
            while end <= limit:
                magic, size, nonce, sequence, start = struct.unpack("<IIQQI36x", read(end - 64, 64))
                if magic == CHUNK_MAGIC and (sequence, nonce) == header.use() and start == at and start + size == end:
                    break
                end += unit
            if end > limit:
                return
            try:
                chunk = Chunk(read(at, end - at), at)
                for rec in chunk.records:
                    rec.check()
            except Damage:
                return
            yield chunk
            at = end

    def _tail(self, index, header):
        """§5, 1"""
        seg = Segment(index, header, self.seal(index, header))
        if not seg.seal:
            seg.chunks = list(self.walk(index, header))
            seg.end = seg.chunks[-1].end if seg.chunks else self.super.unit
        return seg

    def _checkpoint(self, offset):
        """§3"""
        sb, what = self.super, f"checkpoint at {offset}"
        data = self._read(offset, BLOCK)
        check_block(data, b"MLCHKPNT", what)
        (head, store, generation, sequence, durable, size, next_, segments, cameras, boots, clean,
         crc) = struct.unpack_from("<I16sQQQQIIIIII", data, 12)
        if store != sb.store or segments != sb.segments or size > sb.area_bytes or size < BLOCK or size % BLOCK:
            raise Damage(f"{what}: values")
        body = self._read(offset + BLOCK, size - BLOCK)
        if crc32c(body) != crc:
            raise Damage(f"{what}: checksum of the tables")
        if 80 * segments + 72 * (cameras + boots) > len(body) or next_ >= segments:
            raise Damage(f"{what}: tables")
        if head != NO_SEGMENT and head >= segments:
            raise Damage(f"{what}: head")
        names, samples = {}, {}
        for at in range(80 * segments + 72 * cameras, 80 * segments + 72 * (cameras + boots), 72):
            samples[struct.unpack_from("<I", body, at)[0]] = [Clock(body, at + 24), Clock(body, at + 48)]
        for i in range(cameras):
            number, length = struct.unpack_from("<II", body, 80 * segments + 72 * i)
            names[number] = body[80 * segments + 72 * i + 8:][:length].decode()
        return {
            "generation": generation, "head": head, "next": next_, "clean": bool(clean), "sequence": sequence,
            "durable": durable, "names": names, "boots": samples,
            "table": [struct.unpack_from("<QQBB2xIII", body, 80 * i) for i in range(segments)],
        }

    def _newest_checkpoint(self):
        found = []
        for n, offset in enumerate(self.super.area_offset):
            try:
                found.append(self._checkpoint(offset))
            except Damage as e:
                if any(self._read(offset, BLOCK)):  # never written: no damage
                    self._note(f"checkpoint area {n}: {e}")
        return max(found, key=lambda c: c["generation"], default=None)

    def _from_checkpoint(self):
        cp, taken = self.checkpoint, {}
        self.names.update(cp["names"])
        for index, (sequence, nonce, state, flags, _, _, end) in enumerate(cp["table"]):
            if state != SEALED or index == cp["head"]:
                continue
            try:
                header = self.header(index)
            except Damage as e:
                self._note(e, index)
                continue
            if header.use() != (sequence, nonce):
                continue  # used again since: the walk below takes it if it counts
            seg = Segment(index, header, self.seal(index, header))
            if not seg.seal:
                self._note("sealed, and the seal does not hold", index)
                seg.chunks = list(self.walk(index, header))
            seg.end = end
            taken[index] = seg
        tail = None
        if cp["head"] != NO_SEGMENT:
            header = self.header(cp["head"])
            if header.use() != cp["table"][cp["head"]][:2]:
                raise Unreadable("the head of the checkpoint is not there")
            tail = taken[cp["head"]] = self._tail(cp["head"], header)
        index = cp["next"]
        while True:
            taken.pop(index, None)  # given up
            try:
                header = self.header(index)
            except Damage:
                break  # never used, or torn
            if tail is None and header.prev_sequence:
                break
            if tail is not None and not follows(header, tail):
                break
            if tail is not None:
                tail.end = header.prev_end
            tail = taken[index] = self._tail(index, header)
            index = header.next
        return taken

    def _from_segments(self):
        headers = {}
        for index in range(self.super.segments):
            try:
                headers[index] = self.header(index)
            except Damage:
                pass
        uses = {h.use() for h in headers.values()}
        taken, tail = {}, None
        for index, header in sorted(headers.items(), key=lambda kv: kv[1].sequence):
            if tail is not None and (header.prev_sequence, header.prev_nonce) == tail.header.use():
                if not follows(header, tail):
                    continue
                tail.end = header.prev_end
            elif (header.prev_sequence, header.prev_nonce) in uses:
                continue  # names one that was not taken
            elif header.prev_sequence and not self.seal(index, header):
                continue
            tail = taken[index] = self._tail(index, header)
        if tail is not None:
            taken.pop(tail.header.next, None)
        return taken

    def stored(self, seg):
        """The records of a segment in log order, from its seal or else its chunks, with damage as
        Damage objects between them."""
        if not seg.seal:
            for chunk in seg.chunks:
                yield from (rec for rec in chunk.records if rec.offset < seg.end)
            return
        read, found = self._in(seg.index), []
        for n in (1, 2):
            data, count, at = seg.seal.section[n], seg.seal.table[n][2], 0
            for _ in range(count):
                rec = Record(data, at, len(data))
                at += rec.length
                if n == 1:
                    rec.payload = data[at:at + rec.bytes]
                    at += rec.bytes + 7 & ~7
                    if (rec.kind == 1) or any(data[at - (-rec.bytes % 8):at]):
                        raise Damage("seal: section 1")
                elif rec.kind != 1:
                    raise Damage("seal: section 2 has what is no frame")
                found.append(rec)
            if at != len(data):
                raise Damage(f"seal: section {n} is longer than its records")
        for rec in sorted(found, key=lambda r: r.offset):
            if rec.offset < seg.end:
                if rec.payload is None:
                    rec.payload = read(rec.offset, rec.bytes)
                yield rec

    def _learn(self):
        """Clock samples and names."""
        for seg in self.log:
            boot = self.samples.setdefault(seg.header.boot, [])
            if seg.seal:
                seg.samples = seg.seal.clocks
            boot += [seg.header.clock, *seg.samples]
            try:
                if seg.seal:
                    self.names.update((n, name) for n, name, *_ in seg.seal.cameras() if n)
                for rec in self.stored(seg):
                    if rec.kind == 5:
                        boot.append(Sample(rec))
                        if not seg.seal:
                            seg.samples = (seg.header.clock, boot[-1])
                    if rec.kind == 7:
                        self.names[rec.camera] = rec.payload.decode()
            except Damage as e:
                self._note(e, seg.index)

    def utc(self, seg, rec):
        """UTC and its quality (§2.5)."""
        boot = [s for s in self.samples.get(seg.header.boot, []) if not s.none]
        mine = [s for s in seg.samples if not s.none]
        if rec.kind == 5:
            best = Sample(rec)
        else:
            best = min(mine, key=lambda s: (not s.synchronised, abs(s.mono - rec.mono)), default=None)
            if best is None or not best.synchronised:
                latest = max(boot, key=lambda s: (s.synchronised, s.mono), default=None)
                if latest and (best is None or latest.synchronised):
                    best = latest
        if best is None:
            return 0, "unknown"
        return best.utc + rec.mono - best.mono, "synchronised" if best.synchronised else "free"

    def check_segment(self, seg):
        """Whether chunks and seal say the same: every byte of both has been looked at then."""
        if not seg.seal:
            return
        by_chunk, end, count = [], self.super.unit, 0
        for chunk in self.walk(seg.index, seg.header):
            if chunk.end > seg.end:
                break
            by_chunk += [(r.header, r.payload) for r in chunk.records]
            end, count = chunk.end, count + 1
        if end != seg.end:
            raise Damage(f"chunks end at {end}, the log at {seg.end}")
        if by_chunk != [(r.header, r.payload) for r in self.stored(seg)]:
            raise Damage("seal and chunks tell of different records")
        if seg.end == seg.seal.end:
            self._check_seal(seg, by_chunk, count)

    def _check_seal(self, seg, by_chunk, count):
        records = [Record(h, 0, len(h)) for h, _ in by_chunk]
        monos = [r.mono for r in records] or [0]
        seal = seg.seal
        if (seal.records, seal.chunks, seal.mono_least, seal.mono_greatest) != (
                len(records), count, min(monos), max(monos)):
            raise Damage("seal: sums")
        if (seal.next, seal.boot, seal.boot_id) != (seg.header.next, seg.header.boot, seg.header.boot_id):
            raise Damage("seal: next or boot is not the header's")
        last = -1
        for number, _, kinds, size, least, greatest in seal.cameras():
            mine = [r for r in records if r.camera == number]
            want = [0] * 8
            for r in mine:
                want[r.kind if 1 <= r.kind <= 7 else 0] += 1
            monos = [r.mono for r in mine]
            frames = sum(r.bytes for r in mine if r.kind == 1)
            if number <= last or not mine or (list(kinds), size, least, greatest) != (
                    want, frames, min(monos), max(monos)):
                raise Damage(f"seal: sums of camera {number}")
            last = number
        if {r.camera for r in records} != {c[0] for c in seal.cameras()}:
            raise Damage("seal: a camera is missing")

    def records(self):
        """(segment, record) of everything that is whole, in log order."""
        # Marks of segments: the checkpoint's, then those told since; locks: every segment begins with all.
        cp, locks, self.locks = self.checkpoint, {}, {}
        since = cp["table"][cp["head"]][0] if cp and cp["head"] != NO_SEGMENT else 0
        for index, entry in enumerate(cp["table"] if cp else []):
            locks[index, entry[0]] = bool(entry[3] & 1)
        for seg in self.log:
            try:
                self.check_segment(seg)
            except Damage as e:
                self._note(e, seg.index)
            try:
                for rec in self.stored(seg):
                    try:
                        rec.check()
                    except Damage as e:
                        self._note(e, seg.index)
                        continue
                    if rec.kind == HOLD:
                        self._hold(rec)
                    if rec.kind == LOCK and seg.sequence >= since:
                        for sequence, index, locked in struct.iter_unpack("<QII", rec.payload):
                            locks[index, sequence] = bool(locked)
                    yield seg, rec
            except Damage as e:
                self._note(e, seg.index)
        for seg in self.log:
            seg.locked = locks.get((seg.index, seg.sequence), False)

    def minute_maps(self):
        """The records of minute maps that the newest seals and the maps themselves lead to (§2.6)."""
        by_sequence, found, todo = {s.sequence: s for s in self.log}, {}, []
        for seg in reversed(self.log):
            if seg.seal and seg.seal.maps[0]:
                todo.append(seg.seal.maps)
                break
        while todo:
            position, size, tables = todo.pop()
            seg = by_sequence.get(position // self.super.segment_bytes)
            offset = position % self.super.segment_bytes
            if position in found or not seg or offset + size > seg.end:
                continue
            found[position] = maps = Minutes(self._in(seg.index)(offset, size))
            if maps.tables != tables:
                raise Damage("minute maps: size of the tables")
            todo += maps.earlier
        return [found[p] for p in sorted(found)]

    def check_minutes(self):
        """Whether the maps say what the motion records of the segments they cover say; how many were compared."""
        by_sequence, count = {s.sequence: s for s in self.log}, 0
        for maps in self.minute_maps():
            want = {}
            for seg in (by_sequence[n] for n in sorted(maps.covered) if n in by_sequence):
                for rec in (r for r in self.stored(seg) if r.kind == 3):
                    f = rec.fields
                    key = (rec.camera, seg.header.boot, rec.mono // 60_000_000_000, f["cols"], f["rows"], f["cell"])
                    want.setdefault(key, []).append((seg.sequence, rec))
            have = {(c, b, first // 60_000_000_000, cols, rows, cell): (first, last, seq, span, n, moved, level, zones, bits)
                    for c, b, first, last, seq, span, n, cols, rows, cell, moved, level, _, zones, bits in maps.minutes}
            whole = maps.covered <= by_sequence.keys()
            if not want.keys() <= have.keys() or (whole and want.keys() != have.keys()):
                raise Damage("minute maps: other minutes than the motion records have")
            for key, recs in want.items():
                first, last, seq, span, n, moved, level, zones, bits = have[key]
                union = [0] * ((key[3] * key[4] + 7) // 8)
                for _, rec in recs:
                    union = [a | b for a, b in zip(union, rec.payload)]
                mine = (min(r.mono for _, r in recs), max(r.mono for _, r in recs), recs[0][0],
                        recs[-1][0] - recs[0][0], len(recs), max(r.fields["moved"] for _, r in recs),
                        max(r.fields["level"] for _, r in recs))
                if whole and (mine != (first, last, seq, span, n, moved, level)
                              or bytes(union) != bits.ljust(len(union), b"\0")):
                    raise Damage(f"minute maps: minute {key} is not what its records say")
                if any(a & ~b for a, b in zip(union, bits.ljust(len(union), b"\0"))):
                    raise Damage(f"minute maps: minute {key} hides motion")
                count += 1
        return count

    def _hold(self, rec):
        for state, lock in hold_entries(rec.payload):
            if state == 2:
                self.locks = {}
            elif state == 1:
                self.locks[lock["number"]] = lock
            else:
                self.locks.pop(lock["number"], None)

    def position(self, seg, offset):
        return seg.sequence * self.super.segment_bytes + offset


def follows(header, tail):
    """§5, 2"""
    return (header.sequence > tail.sequence and (header.prev_sequence, header.prev_nonce) == tail.header.use()
            and header.prev_end <= tail.end)


def dump(store, out):
    def line(_type, **fields):
        print(json.dumps({"type": _type, **fields}), file=out)

    sb, cp = store.super, store.checkpoint
    line("superblock", store=sb.store.hex(), segments=sb.segments, segment_bytes=sb.segment_bytes, created=sb.created)
    if cp:
        line("checkpoint", **{k: cp[k] for k in ("generation", "head", "next", "clean", "sequence", "durable")})
    for seg, rec in store.records():
        utc, quality = store.utc(seg, rec)
        line("record", position=store.position(seg, rec.offset), kind=NAMES.get(rec.kind, str(rec.kind)),
             camera=rec.camera, boot=seg.header.boot, mono=rec.mono, utc=utc, clock=quality, bytes=rec.bytes,
             sha256=hashlib.sha256(rec.payload).hexdigest(), **rec.fields)
    for seg in store.log:
        line("segment", index=seg.index, sequence=seg.sequence, boot=seg.header.boot, end=seg.end,
             sealed=seg.seal is not None, locked=seg.locked)
    for _, lock in sorted(store.locks.items()):
        line("lock", **lock)
    for number, name in sorted(store.names.items()):
        line("name", camera=number, name=name)
    for what in store.damage:
        line("damage", what=what)


def main():
    parser = argparse.ArgumentParser(description="Reads a store as docs/DISK_FORMAT.md describes it.")
    parser.add_argument("directory")
    parser.add_argument("--from-segments", action="store_true", help="as if there were no checkpoint")
    parser.add_argument("--payload", type=int, metavar="POSITION", help="write the payload of one record")
    args = parser.parse_args()
    try:
        store = Store(args.directory, args.from_segments)
    except (Unreadable, Damage) as e:
        print(f"reader.py: {args.directory}: {e}", file=sys.stderr)
        return 2
    if args.payload is None:
        dump(store, sys.stdout)
        return 1 if store.damage else 0
    for seg, rec in store.records():
        if store.position(seg, rec.offset) == args.payload:
            sys.stdout.buffer.write(rec.payload)
            return 0
    print(f"reader.py: no record at position {args.payload}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
