"""Writes the applicability domain: the ECFP4 bits of the training molecules, with the data sets of each.

Format (little-endian): "STRDOM01", u32 bits, u32 radius, u32 D, D x (u16 length, UTF-8 name), u32 count, then
count x (u16 mask of data sets, varint number of on bits, first bit and gaps as varints).
"""

from __future__ import annotations

import struct

import numpy as np

MAGIC = b"STRDOM01"


def varint(value: int) -> bytes:
    """LEB128: seven bits a byte, low bits first."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode(names: list[str], masks: list[int], on_bits: list[list[int]], bits: int = 2048, radius: int = 2) -> bytes:
    """File contents; equal fingerprints are written once, with their masks joined."""
    joined: dict[tuple[int, ...], int] = {}
    for mask, on in zip(masks, on_bits, strict=True):
        if mask:
            joined[tuple(on)] = joined.get(tuple(on), 0) | mask
    out = bytearray(MAGIC) + struct.pack("<III", bits, radius, len(names))
    for name in names:
        raw = name.encode()
        out += struct.pack("<H", len(raw)) + raw
    out += struct.pack("<I", len(joined))
    for on, mask in joined.items():
        out += struct.pack("<H", mask) + varint(len(on))
        previous = 0
        for bit in on:
            out += varint(bit - previous)
            previous = bit
    return bytes(out)


def masks_of(targets: np.ndarray) -> list[int]:
    """Bit t of a row's mask: the row has a label for task t."""
    known = ~np.isnan(targets)
    return [int(sum(1 << t for t in range(known.shape[1]) if row[t])) for row in known]
