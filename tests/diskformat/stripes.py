# SPDX-License-Identifier: GPL-2.0-or-later
"""Several volumes read as one, as docs/DISK_FORMAT.md §1.2 and §1.3 describe it."""
import glob
import os
import struct

from layout import BLOCK, SUPER_AT, Damage, Super, Unreadable, check_block

MEMBER_AT = (131072, 196608)
START = 1 << 20


def _tables():
    """Multiplication by each element of GF(2^8), polynomial 0x11d, as tables for bytes.translate."""
    def times(a, b):
        product = 0
        while b:
            if b & 1:
                product ^= a
            a = a << 1 ^ (0x11D if a & 0x80 else 0)
            b >>= 1
        return product
    return [bytes(times(a, b) for b in range(256)) for a in range(256)]


TIMES = _tables()
INVERSE = [0] + [TIMES[a].index(1) for a in range(1, 256)]


def power(base, n):
    result = 1
    for _ in range(n):
        result = TIMES[result][base]
    return result


def add(a, b):
    return (int.from_bytes(a, "little") ^ int.from_bytes(b, "little")).to_bytes(len(a), "little")


def row(role, k):
    """The coefficients of a role's block in terms of the data blocks."""
    if role < k:
        return [int(r == role) for r in range(k)]
    return [power(2, (role - k) * r) for r in range(k)]


def solve(have, k):
    """`have`: k pairs (role, block). The data blocks, by Gauss and Jordan."""
    lines = [(row(role, k), block) for role, block in have]
    for i in range(k):
        pivot = next(j for j in range(i, k) if lines[j][0][i])
        lines[i], lines[pivot] = lines[pivot], lines[i]
        factors, block = lines[i]
        inverse = INVERSE[factors[i]]
        lines[i] = ([TIMES[inverse][f] for f in factors], block.translate(TIMES[inverse]))
        for j in range(k):
            f = lines[j][0][i]
            if j != i and f:
                lines[j] = ([a ^ TIMES[f][b] for a, b in zip(lines[j][0], lines[i][0])],
                            add(lines[j][1], lines[i][1].translate(TIMES[f])))
    return [block for _, block in lines]


class Member:
    """§1.3"""

    def __init__(self, data, sb):
        check_block(data, b"MLMEMBER", "membership")
        (self.volumes, store, self.generation, self.random, self.in_sync, self.rebuilding,
         self.frontier) = struct.unpack_from("<I16sQQIIQ", data, 12)
        if store != sb.store or self.volumes != sb.volumes or not self.generation:
            raise Damage("membership: of another store")
        self.uuid = [data[64 + 16 * i:80 + 16 * i] for i in range(self.volumes)]

    def same(self, other):
        return (self.generation, self.random) == (other.generation, other.random)


class Volume:
    """One file, its superblock and what it says of the others."""

    def __init__(self, path, note):
        self.fd = os.open(path, os.O_RDONLY)
        self.super, self.member = None, None
        for at in SUPER_AT:
            try:
                self.super = self.super or Super(os.pread(self.fd, BLOCK, at))
            except Damage as e:
                note(f"{e} (copy at {at} of {path})")
        for at in MEMBER_AT if self.super else ():
            try:
                m = Member(os.pread(self.fd, BLOCK, at), self.super)
            except Damage:
                continue
            if not self.member or m.generation > self.member.generation:
                self.member = m


class Stripes:
    def __init__(self, directories, note):
        volumes = []
        for d in directories:
            for path in glob.glob(os.path.join(glob.escape(d), "volume-*.matlang")):
                v = Volume(path, note)
                if v.super and v.member:
                    volumes.append(v)
        if not volumes:
            raise Unreadable(f"no volume in {', '.join(directories)}")
        if len({v.super.store for v in volumes}) != 1:
            raise Unreadable("volumes of different stores")
        self.super = volumes[0].super
        self.k = self.super.volumes - self.super.parity
        highest = max(v.member.generation for v in volumes)
        top = [v.member for v in volumes if v.member.generation == highest]
        member = max(top, key=lambda m: sum(m.same(o) for o in top))
        self.volume = [None] * self.super.volumes
        self.limit = [0] * self.super.volumes  # before which file offset it counts
        for v in volumes:
            i = v.super.volume_index
            if v.super.volume != member.uuid[i] or v.member.generation + 1 < highest:
                continue
            if member.in_sync >> i & 1:
                self.limit[i] = self.super.volume_bytes
            elif member.rebuilding == i:
                self.limit[i] = member.frontier
            self.volume[i] = v
        if sum(limit == self.super.volume_bytes for limit in self.limit) < self.k:
            raise Unreadable(f"{self.k} volumes are needed")

    def _turn(self, offset):
        sb = self.super
        return 0 if offset < sb.segments_offset else (offset - sb.segments_offset) // sb.segment_bytes % sb.volumes

    def _block(self, role, turn, at):
        i = (role + turn) % self.super.volumes
        if at + BLOCK > self.limit[i]:
            return None
        try:
            data = os.pread(self.volume[i].fd, BLOCK, at)
        except OSError:
            return None
        return data if len(data) == BLOCK else None

    def block(self, number):
        stripe, role = divmod(number, self.k)
        at, turn = START + BLOCK * stripe, self._turn(START + BLOCK * number)
        data = self._block(role, turn, at)
        if data is not None:
            return data
        have = []
        for other in range(self.super.volumes):
            data = self._block(other, turn, at) if other != role else None
            if data is not None and len(have) < self.k:
                have.append((other, data))
        if len(have) < self.k:
            raise Damage(f"block {number}: too few volumes give their part")
        return solve(have, self.k)[role]

    def read(self, offset, size):
        if offset + size > self.super.bytes:
            raise Damage(f"the volumes end before {offset + size}")
        first, last = (offset - START) // BLOCK, (offset + size - 1 - START) // BLOCK
        data = b"".join(self.block(n) for n in range(first, last + 1))
        skip = offset - START - first * BLOCK
        return data[skip:skip + size]
