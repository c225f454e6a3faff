# SPDX-License-Identifier: GPL-2.0-or-later
"""CRC-32C (Castagnoli), in nothing but Python, yet quick over whole frames.

A table takes one byte at a time. What is long is first folded: x^5685 + x^1362 + x^426 + 1 is a
multiple of the CRC's polynomial (found by searching the powers of x modulo it; `_check_fold` proves
it at import), and over GF(2) so is the same with all exponents doubled, any number of times. So the
highest terms of a long message may be replaced by three shifted copies of themselves further
down, which Python's integers do at the speed of the machine, until little is left.
"""

POLYNOMIAL = 0x82F63B78  # reflected: bit 31 is x^0
FOLD = (5685, 1362, 426)


def _table():
    out = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (POLYNOMIAL if byte & 1 else 0)
        out.append(byte)
    return out


TABLE = _table()


def _check_fold():
    power, remainder = 1 << 31, 0  # x^0, reflected
    for i in range(FOLD[0] + 1):
        if i == 0 or i in FOLD:
            remainder ^= power
        power = power >> 1 ^ (POLYNOMIAL if power & 1 else 0)
    if remainder:
        raise AssertionError("the fold is no multiple of the polynomial")


_check_fold()


def _fold(data):
    """Bytes with the same remainder, 711 at most."""
    bits = len(data) * 8
    # Little-endian: bit i is the i-th the CRC takes in, the term of x^(bits - 1 - i).
    value = int.from_bytes(data, "little")
    while bits >= FOLD[0] + 8:
        scale = 1
        while FOLD[0] * scale * 2 + 8 <= bits:
            scale *= 2
        a, b, c = (f * scale for f in FOLD)
        # x^p = x^(p-a+b) + x^(p-a+c) + x^(p-a): the top terms, none of which may come back up.
        take = min(bits - a, a - b) & ~7
        top = value & (1 << take) - 1
        value = (value ^ top << a - b ^ top << a - c ^ top << a) >> take
        bits -= take
    return value.to_bytes(bits // 8, "little")


def crc32c(data):
    data = bytes(data)
    crc = 0xFFFFFFFF
    if len(data) >= 1024:
        # The initial value is the same as its exclusive-or into the first four bytes.
        data = _fold((int.from_bytes(data[:4], "little") ^ crc).to_bytes(4, "little") + data[4:])
        crc = 0
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF
