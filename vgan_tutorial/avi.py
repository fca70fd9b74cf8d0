"""The index of an AVI file, and when a frame can be sought by its number.

An AVI file stores the pictures of a stream in *chunks*, one after the other, and ends in an index
with an entry for each chunk. OpenCV seeks frame n by the n-th entry: it goes to a key frame before
it and counts from there. Decoding from the beginning arrives at the same frame only if every chunk
gives one picture, and pictures are shown in the order in which they are stored. In the files of
UCF101 that were looked at both hold. In those of HMDB51 neither does: pictures look ahead, two
share a chunk, and a chunk that gives none follows to keep the count.

No header tells one kind from the other, so `seeks_exactly` looks at every chunk.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
from collections.abc import Iterator, Sequence

# MPEG-4 Part 2 (ISO/IEC 14496-2, section 6.2.5) begins a picture with this code. The two bits after
# it say how the picture is stored.
PICTURE = b"\x00\x00\x01\xb6"
WHOLE, CHANGES = 0, 1  # alone, or as changes to the one before; the others may look ahead
LEAST_BYTES = 12  # of a chunk: a shorter one may only say "as before", which gives no picture
KEY_FRAME = 16  # the bit that marks one in the index
Entry = tuple[bytes, int, int, int]  # of the index: name of the chunk, flags, place, length


def seeks_exactly(path: str | os.PathLike[str], fps: float | None) -> bool:
    """Whether frame n of an AVI file is for certain the picture of its n-th chunk.

    True for a whole file with a single video stream, coded as MPEG-4 Part 2 (XVID, DivX and so
    on), in which every chunk is where the index says and holds one picture, no picture looks ahead,
    and the index marks the key frames. Of everything else it promises nothing.

    What it cannot see is damage within the compressed pictures, for an AVI has no checksums.

    Args:
        path: the file.
        fps: frames per second, by which the seeker turns a number into a time. Unless it is what
            the file says, he ends elsewhere.
    """
    if fps is None:
        return False
    try:
        with (
            open(path, "rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            return _one_picture_each(data, fps)
    except (OSError, LookupError, ValueError, struct.error):  # what a damaged header leads to
        return False


def _one_picture_each(data: mmap.mmap, fps: float) -> bool:
    if data[:4] != b"RIFF" or data[8:12] != b"AVI ":
        return False
    # Some files go on with bytes that are not theirs, so what they say of their length counts.
    parts = dict(_parts(data, 12, min(len(data), 8 + _number(data, 4))))
    if not {b"hdrl", b"movi", b"idx1"} <= parts.keys():
        return False
    streams = [place for name, place in _parts(data, *parts[b"hdrl"]) if name == b"strl"]
    headers = [data[slice(*dict(_parts(data, *place))[b"strh"])] for place in streams]
    videos = [number for number, header in enumerate(headers) if header[:4] == b"vids"]
    if len(videos) != 1:
        return False
    scale, rate, start, declared = struct.unpack_from("<4I", headers[videos[0]], 20)
    names = (b"%02ddc" % videos[0], b"%02ddb" % videos[0])
    begin, end = parts[b"idx1"]
    rows = struct.iter_unpack("<4sIII", data[begin : end - (end - begin) % 16])
    entries: list[Entry] = [row for row in rows if row[0] in names]
    if start != 0 or len(entries) != declared or not entries or not entries[0][1] & KEY_FRAME:
        return False
    timed = math.isclose(rate, fps * scale, rel_tol=1e-6)
    return timed and _in_place(data, parts[b"movi"][0] - 4, entries)


def _parts(data: mmap.mmap, begin: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Name of each chunk or list between two places, and where its contents begin and end."""
    while begin + 8 <= end:
        name, length = data[begin : begin + 4], _number(data, begin + 4)
        if name == b"LIST":
            yield data[begin + 8 : begin + 12], (begin + 12, begin + 8 + length)
        elif name == b"\x00\x00\x00\x00":
            raise ValueError("zeros where a chunk should be")
        else:
            yield name, (begin + 8, begin + 8 + length)
        begin += 8 + length + length % 2


def _in_place(data: mmap.mmap, movie: int, entries: Sequence[Entry]) -> bool:
    """Whether the chunks are where the entries say, one after the other, with a picture each."""
    # Places count from the name of the list, or with some writers from the beginning of the file.
    first_name, _, first_place, _ = entries[0]
    base = movie if _at(data, movie + first_place, 4) == first_name else 0
    reached = 0
    for name, flags, place, length in entries:
        begin = base + place
        if begin < reached or length < LEAST_BYTES:
            return False
        if _at(data, begin, 4) != name or _number(data, begin + 4) != length:
            return False
        reached = begin + 8 + length
        if reached > len(data) or _picture(data, begin + 8, reached) not in (
            (WHOLE,) if flags & KEY_FRAME else (CHANGES,)
        ):
            return False
    return True


def _picture(data: mmap.mmap, begin: int, end: int) -> int | None:
    """How the picture between two places is stored; None if there is not exactly one."""
    found = data.find(PICTURE, begin, end - 1)
    if found < 0 or data.find(PICTURE, found + 1, end) >= 0:
        return None
    return data[found + len(PICTURE)] >> 6


def _number(data: mmap.mmap, place: int) -> int:
    return int.from_bytes(_at(data, place, 4), "little")


def _at(data: mmap.mmap, place: int, length: int) -> bytes:
    return data[place : place + length]
