"""Writes Motion-JPEG in AVI: JPEG pictures one after another, with an index."""

from __future__ import annotations

import struct
from pathlib import Path


def _chunk(tag: bytes, data: bytes) -> bytes:
    return tag + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _list(kind: bytes, data: bytes) -> bytes:
    return _chunk(b"LIST", kind + data)


def write(path: Path, frames: list[bytes], size: tuple[int, int], fps: int) -> None:
    """One video stream of JPEG `frames` of `size` (width, height)."""
    width, height = size
    largest = max(map(len, frames))
    header = struct.pack(
        "<14I", 1_000_000 // fps, largest * fps, 0, 0x10, len(frames), 0, 1, largest, width, height, 0, 0, 0, 0
    )
    stream = struct.pack(
        "<4s4sIHHIIIIIIIIHHHH",
        *(b"vids", b"MJPG", 0, 0, 0, 0, 1, fps, 0, len(frames), largest, 0xFFFFFFFF, 0, 0, 0, width, height),
    )
    picture = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", width * height * 3, 0, 0, 0, 0)
    headers = _list(
        b"hdrl",
        _chunk(b"avih", header) + _list(b"strl", _chunk(b"strh", stream) + _chunk(b"strf", picture)),
    )
    movie, index = b"", b""
    for frame in frames:
        index += struct.pack("<4sIII", b"00dc", 0x10, 4 + len(movie), len(frame))
        movie += _chunk(b"00dc", frame)
    body = b"AVI " + headers + _list(b"movi", movie) + _chunk(b"idx1", index)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
