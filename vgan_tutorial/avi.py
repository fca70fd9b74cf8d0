"""When a frame of an AVI file can be found by its number, without decoding from the beginning.

An AVI file stores the compressed frames of a stream in *chunks*, one after the other, and ends with
an index that has an entry for each chunk. OpenCV seeks frame n by the n-th entry: it goes back to a
key frame and decodes from there. That gives the same frame as decoding from the beginning only if
every chunk holds exactly one frame, and frames are stored in the order in which they are shown. In
the files of UCF101 that were looked at, both hold. In those of HMDB51, neither does: they contain
B-frames, which are predicted from later frames; some chunks hold two frames, and an empty chunk
follows each of those to keep the count.

No header says which kind a file is, so `seeks_exactly` looks at every chunk.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
from collections.abc import Iterator, Sequence

# MPEG-4 Part 2 (ISO/IEC 14496-2, section 6.2.5) begins a frame with this code. The two bits after
# it say how the frame is coded.
START_CODE = b"\x00\x00\x01\xb6"
I_FRAME, P_FRAME = 0, 1  # on its own; predicted from the one before. The others are B-frames.
LEAST_BYTES = 12  # in a chunk: a shorter one may only say "no change", which decodes to no frame
KEY_FRAME = 16  # flag of a key frame in the index
Entry = tuple[bytes, int, int, int]  # of the index: name of the chunk, flags, offset, length


def seeks_exactly(path: str | os.PathLike[str], fps: float | None) -> bool:
    """Whether seeking frame n of an AVI file is certain to give the n-th frame.

    True for a complete file with a single video stream, coded as MPEG-4 Part 2 (XVID, DivX and so
    on), in which every chunk is where the index says and holds one frame, there are no B-frames,
    and the index marks the key frames. False means only that nothing is certain.

    Damage within the compressed frames is not noticed, because AVI files have no checksums.

    Args:
        path: AVI file.
        fps: frames per second as OpenCV reports them. OpenCV turns a frame's number into a time
            with it, so it must agree with the file's own frame rate.
    """
    if fps is None:
        return False
    try:
        with (
            open(path, "rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            return _one_frame_per_chunk(data, fps)
    except (OSError, LookupError, ValueError, struct.error):  # as damaged headers raise
        return False


def _one_frame_per_chunk(data: mmap.mmap, fps: float) -> bool:
    """Whether the headers, the index and the chunks of a file agree, and each chunk is a frame."""
    if data[:4] != b"RIFF" or data[8:12] != b"AVI ":
        return False
    # Some files have foreign bytes after their end, so the length in the header counts.
    chunks = dict(_chunks(data, 12, min(len(data), 8 + _number(data, 4))))
    if not {b"hdrl", b"movi", b"idx1"} <= chunks.keys():
        return False
    streams = [span for name, span in _chunks(data, *chunks[b"hdrl"]) if name == b"strl"]
    headers = [data[slice(*dict(_chunks(data, *span))[b"strh"])] for span in streams]
    videos = [number for number, header in enumerate(headers) if header[:4] == b"vids"]
    if len(videos) != 1:
        return False
    scale, rate, start, declared = struct.unpack_from("<4I", headers[videos[0]], 20)
    names = (b"%02ddc" % videos[0], b"%02ddb" % videos[0])
    begin, end = chunks[b"idx1"]
    rows = struct.iter_unpack("<4sIII", data[begin : end - (end - begin) % 16])
    entries: list[Entry] = [row for row in rows if row[0] in names]
    if start != 0 or len(entries) != declared or not entries or not entries[0][1] & KEY_FRAME:
        return False
    same_rate = math.isclose(rate, fps * scale, rel_tol=1e-6)
    return same_rate and _index_is_right(data, chunks[b"movi"][0] - 4, entries)


def _chunks(data: mmap.mmap, begin: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Name of each chunk or list between two offsets, and where its contents begin and end."""
    while begin + 8 <= end:
        name, length = data[begin : begin + 4], _number(data, begin + 4)
        if name == b"LIST":
            yield data[begin + 8 : begin + 12], (begin + 12, begin + 8 + length)
        elif name == b"\x00\x00\x00\x00":
            raise ValueError("zeros where a chunk should be")
        else:
            yield name, (begin + 8, begin + 8 + length)
        begin += 8 + length + length % 2


def _index_is_right(data: mmap.mmap, movie: int, entries: Sequence[Entry]) -> bool:
    """Whether every entry points to a chunk with one frame of its kind, each after the last one."""
    # Offsets count from the name of the list, or with some writers from the beginning of the file.
    first_name, _, first_offset, _ = entries[0]
    base = movie if _at(data, movie + first_offset, 4) == first_name else 0
    reached = 0
    for name, flags, offset, length in entries:
        begin = base + offset
        if begin < reached or length < LEAST_BYTES:
            return False
        if _at(data, begin, 4) != name or _number(data, begin + 4) != length:
            return False
        reached = begin + 8 + length
        if reached > len(data) or _coding(data, begin + 8, reached) != (
            I_FRAME if flags & KEY_FRAME else P_FRAME
        ):
            return False
    return True


def _coding(data: mmap.mmap, begin: int, end: int) -> int | None:
    """How the frame between two offsets is coded; None if there is not exactly one."""
    found = data.find(START_CODE, begin, end - 1)
    if found < 0 or data.find(START_CODE, found + 1, end) >= 0:
        return None
    return data[found + len(START_CODE)] >> 6


def _number(data: mmap.mmap, offset: int) -> int:
    return int.from_bytes(_at(data, offset, 4), "little")


def _at(data: mmap.mmap, offset: int, length: int) -> bytes:
    return data[offset : offset + length]
