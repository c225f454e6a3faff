# SPDX-License-Identifier: GPL-2.0-or-later
"""The structures of docs/DISK_FORMAT.md, each taken apart and checked by itself. Numbers of sections in
comments are the page's. What finds them in a volume is in reader.py."""
import struct

from crc32c import crc32c

BLOCK = 4096
SUPER_AT = (0, 65536)
CHUNK_MAGIC = 0x4B434C4D
FREE, SEALED, OPEN, BAD = range(4)
NO_SEGMENT = 0xFFFFFFFF
LOCK, HOLD = 16, 17
MINUTES = 20
NAMES = {1: "frame", 2: "loss", 3: "motion", 4: "event", 5: "clock", 6: "note", 7: "camera", LOCK: "mark",
         HOLD: "lock", MINUTES: "minutes"}
# §2.3: fields behind the common part, in order, and their struct codes.
FIELDS = {
    1: ("sequence flags fourcc width height nplanes", "<IIIHHI"),
    2: ("cause estimated count first last", "<IIQqq"),
    3: ("sequence cols rows cell moved level _ width height zones _", "<IHHHHHHIIII"),
    4: ("phase zones number start end peak preroll postroll cols rows cell peak_cells level what width height _",
        "<IIQqqqqqHHHHHHIII"),
    5: ("sample_utc error_us synchronised boot_id", "<qII16s"),
    6: ("", "<"),
    7: ("", "<"),
    LOCK: ("", "<"),
    HOLD: ("", "<"),
    MINUTES: ("", "<"),
}


class Damage(Exception):
    """Something is not as the page says."""


class Unreadable(Exception):
    """No store that this program can read."""


def check_block(data, magic, what):
    """What every block with a magic has in common."""
    if data[:8] != magic:
        raise Damage(f"{what}: no magic")
    if struct.unpack_from("<I", data, BLOCK - 4)[0] != crc32c(data[:BLOCK - 4]):
        raise Damage(f"{what}: checksum")
    if struct.unpack_from("<I", data, 8)[0] != 1:
        raise Damage(f"{what}: version")


class Clock:
    """§2.5"""

    def __init__(self, data, at):
        self.mono, self.utc, self.error_us, flags = struct.unpack_from("<qqII", data, at)
        self.synchronised = bool(flags & 1)
        self.none = not any(data[at:at + 24])


class Super:
    """§1.1"""

    def __init__(self, data):
        what = "superblock"
        # The features come first: a version or a bit we do not know is no damage.
        if data[:8] == b"MATLANG\0" and struct.unpack_from("<I", data, BLOCK - 4)[0] == crc32c(data[:BLOCK - 4]):
            version, _, self.compat, self.ro_compat, self.incompat = struct.unpack_from("<IIQQQ", data, 8)
            if version != 1 or self.incompat & ~1:
                raise Unreadable(f"version {version}, incompatible features {self.incompat:#x}")
        check_block(data, b"MATLANG\0", what)
        self.store, self.volume = data[40:56], data[56:72]
        (self.volume_index, self.volumes, self.parity, self.segment_bytes, self.segments, self.cameras_max,
         self.volume_bytes, self.segments_offset, area0, area1, self.area_bytes,
         self.created) = struct.unpack_from("<IIIIIIQQQQQq", data, 72)
        self.area_offset = (area0, area1)
        size = self.segment_bytes
        if not 1 <= self.volumes <= 32 or not 0 <= self.parity <= 3 or not self.parity < self.volumes:
            raise Damage(f"{what}: volumes or parity")
        if (self.volumes > 1) != bool(self.incompat & 1) or self.volume_index >= self.volumes:
            raise Damage(f"{what}: volumes")
        data_volumes = self.volumes - self.parity
        self.unit = BLOCK * data_volumes
        part = size // data_volumes
        if struct.unpack_from("<I", data, 12)[0] != BLOCK or not 1 << 20 <= size <= 1 << 30:
            raise Damage(f"{what}: block or segment size")
        if size % self.unit or part & part - 1:
            raise Damage(f"{what}: segment size")
        if not 4 <= self.segments <= 1 << 20 or not 1 <= self.cameras_max <= 65535:
            raise Damage(f"{what}: segments or cameras")
        if (self.segments_offset - (1 << 20)) % self.unit or self.area_bytes % self.unit:
            raise Damage(f"{what}: offsets")
        self.bytes = (1 << 20) + data_volumes * (self.volume_bytes - (1 << 20))
        if self.segments_offset + self.segments * size > self.bytes:
            raise Damage(f"{what}: more segments than room")


class Header:
    """§2.1"""

    def __init__(self, data, sb, index):
        what = f"segment {index}: header"
        check_block(data, b"MLSEGMNT", what)
        (own, self.store, self.sequence, self.nonce, self.next, self.boot, self.boot_id) = struct.unpack_from(
            "<I16sQQII16s", data, 12)
        self.clock = Clock(data, 72)
        self.prev_sequence, self.prev_nonce, self.prev_end, size = struct.unpack_from("<QQII", data, 96)
        if own != index or self.store != sb.store or size != sb.segment_bytes:
            raise Damage(f"{what}: of another place or store")
        if self.sequence < 1 or self.nonce == 0 or self.boot < 1 or self.next in (index,) or self.next >= sb.segments:
            raise Damage(f"{what}: values")

    def use(self):
        return self.sequence, self.nonce


class Seal:
    """§2.4, the block; what its sections hold is read with `sections`."""

    def __init__(self, data, sb, index):
        what = f"segment {index}: seal"
        check_block(data, b"MLSEALED", what)
        (own, self.store, self.sequence, self.nonce, self.next, self.boot, self.boot_id, self.end, self.start,
         self.records, self.chunks, self.mono_least, self.mono_greatest) = struct.unpack_from(
             "<I16sQQII16sIIIIqq", data, 12)
        self.clocks = (Clock(data, 104), Clock(data, 128))
        self.table = [struct.unpack_from("<IIII", data, 152 + 16 * i) for i in range(3)]
        self.maps = struct.unpack_from("<QII", data, 4072)
        if own != index or self.store != sb.store:
            raise Damage(f"{what}: of another place or store")
        if self.start % sb.unit or not sb.unit <= self.end <= self.start <= sb.segment_bytes - sb.unit:
            raise Damage(f"{what}: end or start")
        least = self.start
        for offset, size, _, _ in self.table:
            if offset % 8 or offset < least or offset + size > sb.segment_bytes - BLOCK:
                raise Damage(f"{what}: sections")
            least = offset + size
        self.section = []

    def read_sections(self, sb, read):
        for n, (offset, size, _, crc) in enumerate(self.table):
            data = read(offset, size)
            if crc32c(data) != crc:
                raise Damage(f"seal: checksum of section {n}")
            self.section.append(data)

    def cameras(self):
        data, count = self.section[0], self.table[0][2]
        if len(data) != 128 * count:
            raise Damage("seal: size of section 0")
        for at in range(0, len(data), 128):
            number, length = struct.unpack_from("<II", data, at)
            if length > 64:
                raise Damage("seal: name")
            kinds = struct.unpack_from("<8I", data, at + 8)
            size, least, greatest = struct.unpack_from("<Qqq", data, at + 40)
            yield number, data[at + 64:at + 64 + length].decode(), kinds, size, least, greatest


class Record:
    """§2.3, the header at `at` of `data`, which ends at `limit`."""

    def __init__(self, data, at, limit):
        if limit - at < 32:
            raise Damage("record header: too short")
        (self.length, self.kind, _, self.camera, self.mono, self.offset, self.bytes,
         self.crc, _) = struct.unpack_from("<HBBIqIIII", data, at)
        if self.length % 8 or self.length < 32 or self.length > limit - at:
            raise Damage("record header: length")
        if self.camera > 65535 or self.offset % 8:
            raise Damage("record header: values")
        self.header = bytes(data[at:at + self.length])
        self.payload = None
        self.fields = {}
        names, code = FIELDS.get(self.kind, ("", "<"))
        if 32 + struct.calcsize(code) > self.length:
            raise Damage("record header: shorter than its kind needs")
        for name, value in zip(names.split(), struct.unpack_from(code, data, at + 32)):
            if name != "_":
                self.fields[name] = value
        if self.kind == 1:
            n = self.fields.pop("nplanes")
            if not 1 <= n <= 4 or 52 + 12 * n > self.length:
                raise Damage("frame: planes")
            self.fields["planes"] = [struct.unpack_from("<III", data, at + 52 + 12 * i) for i in range(n)]
            if any(o + b > self.bytes for o, b, _ in self.fields["planes"]):
                raise Damage("frame: a plane outside the payload")
        if self.kind == 2:
            self.fields["estimated"] &= 1
        if self.kind == 5:
            self.fields["synchronised"] &= 1
            self.fields["boot_id"] = self.fields["boot_id"].hex()

    def check(self):
        if len(self.payload) != self.bytes or crc32c(self.payload) != self.crc:
            raise Damage(f"{NAMES.get(self.kind, self.kind)} record at offset {self.offset}: checksum of the payload")


class Minutes:
    """§2.6, the payload of a record of minute maps."""

    def __init__(self, data):
        what = "minute maps"
        if data[:8] != b"MLMINUTE":
            raise Damage(f"{what}: no magic")
        ranges, earlier, groups, self.tables, _, crc = struct.unpack_from("<IIIIII", data, 8)
        if self.tables != 32 + 16 * (ranges + earlier) + 56 * groups or self.tables > len(data) or earlier > 16:
            raise Damage(f"{what}: tables")
        if crc32c(data[:28] + data[32:self.tables]) != crc:
            raise Damage(f"{what}: checksum")
        self.covered = set()
        for i in range(ranges):
            first, count, _ = struct.unpack_from("<QII", data, 32 + 16 * i)
            self.covered.update(range(first, first + count))
        self.earlier = [struct.unpack_from("<QII", data, 32 + 16 * (ranges + i)) for i in range(earlier)]
        self.minutes, last = [], (0, 0)
        for i in range(groups):
            camera, boot, at, size, count, crc, least, greatest, first, final = struct.unpack_from(
                "<IIIIIIqqqq", data, 32 + 16 * (ranges + earlier) + 56 * i)
            if (camera, boot) <= last or at < self.tables or crc32c(data[at:at + size]) != crc:
                raise Damage(f"{what}: group of camera {camera}")
            last, mine = (camera, boot), []
            for _ in range(count):
                fields = struct.unpack_from("<qqQIIHHHHHHIII", data, at)
                skipped, kept = fields[-2:]
                bits = bytes(skipped) + data[at + 56:at + 56 + kept]
                mine.append((camera, boot, *fields[:-2], bits))
                at += 56 + (kept + 7 & ~7)
            if (min(m[2] for m in mine), max(m[3] for m in mine)) != (first, final) or least > greatest:
                raise Damage(f"{what}: sums of camera {camera}")
            self.minutes += mine


def hold_entries(payload):
    """§2.3, kind 17: (state, fields) of each entry."""
    at = 0
    while at + 48 <= len(payload):
        number, start, end, created, camera, state, why, who = struct.unpack_from("<QqqqIIHH", payload, at)
        texts = payload[at + 48:at + 48 + why + who]
        if state > 2 or camera > 65535 or len(texts) != why + who:
            raise Damage("lock record: an entry")
        yield state, {"number": number, "camera": camera, "from": start, "to": end, "created": created,
                      "why": texts[:why].decode(), "who": texts[why:].decode()}
        at += 48 + why + who + 7 & ~7
    if at != len(payload):
        raise Damage("lock record: length")


class Chunk:
    """§2.2"""

    def __init__(self, data, start):
        """`data`: all of it, from offset `start` of the segment."""
        (_, self.bytes, self.nonce, self.sequence, _, heads, count, flags, crc) = struct.unpack_from(
            "<IIQQIIII20xI", data, len(data) - 64)
        self.start, self.end, self.direct = start, start + self.bytes, bool(flags & 1)
        first = len(data) - 64 - heads
        if heads > len(data) - 64 or flags & ~1 or count < 1:
            raise Damage(f"chunk at {start}: trailer")
        if crc32c(data[first:-4]) != crc:
            raise Damage(f"chunk at {start}: checksum")
        self.records, at, behind = [], first, 0
        for _ in range(count):
            rec = Record(data, at, len(data) - 64)
            at += rec.length
            begin = rec.offset - start
            if begin < behind or begin + rec.bytes > first:
                raise Damage(f"chunk at {start}: payloads out of order")
            if any(data[behind:begin]):
                raise Damage(f"chunk at {start}: bytes between payloads")
            rec.payload = data[begin:begin + rec.bytes]
            behind = begin + rec.bytes
            self.records.append(rec)
        if at != len(data) - 64 or any(data[behind:first]):
            raise Damage(f"chunk at {start}: what is left is not zero")
        if self.direct and (count != 1 or self.records[0].kind != 1 or self.records[0].bytes != first):
            raise Damage(f"chunk at {start}: no direct frame")


class Segment:
    """One use of a segment that counts."""

    def __init__(self, index, header, seal):
        self.index, self.header, self.seal = index, header, seal
        self.sequence = header.sequence
        self.end = seal.end if seal else None  # None: where the chunks end
        self.chunks = None                     # when they were walked
        self.samples = (header.clock, header.clock)
        self.locked = False


class Sample:
    """A clock record as a sample."""

    none = False

    def __init__(self, rec):
        self.mono, self.utc = rec.mono, rec.fields["sample_utc"]
        self.synchronised = bool(rec.fields["synchronised"])
