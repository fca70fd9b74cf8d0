"""Look at a folder of videos or a pack: a table of its classes, its health, a contact sheet."""

import hashlib
import os
import zlib
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw
from tqdm.auto import tqdm

from vgan_tutorial.datasets.folders import VideoEntry, scan_folder
from vgan_tutorial.datasets.pack.format import (
    TABLE,
    PackedClip,
    Problem,
    is_pack,
    read_problems,
    read_rows,
)
from vgan_tutorial.datasets.pack.read import PackedClips
from vgan_tutorial.errors import DataError, VideoError, printable
from vgan_tutorial.preprocessing import shrinker
from vgan_tutorial.video_io import count_frames, iter_frames, missing_frames, probe

CAPTION = 14  # pixels for a name under a picture
MOST_PIXELS = 300_000_000  # of a contact sheet: about two gigabytes while it is drawn
CHANGED = "changed"  # kind of a problem: a pack does not hold what was packed


@dataclass(frozen=True)
class Clip:
    """The facts about one clip, without its pictures.

    Attributes:
        name: "class/file"; "file" where all are in one folder.
        label: its class.
        group: clips of a group share their source.
        frames: number of frames; of a file, as declared or counted; None if the header does not
            say.
        fps: frames per second, None if the header does not say.
        width: pixels.
        height: pixels.
    """

    name: str
    label: str
    group: str
    frames: int | None
    fps: float | None
    width: int
    height: int


@dataclass(frozen=True)
class Inspection:
    """The contents of a folder or a pack, and its problems."""

    path: Path
    kind: str  # "folder" or "pack"
    clips: list[Clip]
    problems: list[Problem]

    def __str__(self) -> str:
        labels = sorted({clip.label for clip in self.clips})
        lines = [(label, [c for c in self.clips if c.label == label]) for label in labels]
        rows = [_row(label, clips) for label, clips in lines]
        rows = [COLUMNS, *rows, _row("all", self.clips)]
        widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
        table = [
            "  ".join(
                cell.ljust(width) if place == 0 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        count = len(self.problems)
        health = [f"{count} {'problem' if count == 1 else 'problems'}" if count else "no problems"]
        health += [f"{p.kind:>10}  {printable(p.name)}: {p.reason}" for p in self.problems]
        return "\n".join([f"{printable(self.path)}: {self.kind}", *table, *health])


COLUMNS = ("class", "clips", "groups", "frames", "shortest", "longest", "fps", "pixels")


def inspect(
    path: str | os.PathLike[str], *, thorough: bool = False, progress: bool = True
) -> Inspection:
    """Look at a folder of videos or at a pack; files that are there twice are problems too.

    Args:
        path: folder of videos, or of one folder for each class, or a pack.
        thorough: True decodes every file of a folder and counts its frames, instead of believing
            the headers, and compares every clip of a pack with its checksum.
        progress: show a bar.

    Raises:
        DataError: there is no folder or no pack, or nothing in it is a video.
    """
    path = Path(path)
    if is_pack(path):
        return _inspect_pack(path, thorough, progress)
    entries, problems = scan_folder(path)
    clips = []
    for entry in tqdm(entries, "looking", unit="file", disable=not progress):
        try:
            clip, shortfall = _look(entry, thorough)
        except VideoError as error:
            problems.append(Problem(entry.name, "bad", error.problem))
            continue
        clips.append(clip)
        if shortfall:
            problems.append(Problem(entry.name, "truncated", shortfall))
    problems += _duplicates(_digests(entries))
    return Inspection(path, "folder", clips, sorted(problems, key=lambda p: p.name))


def contact_sheet(
    path: str | os.PathLike[str], count: int = 24, columns: int = 6, size: int = 96
) -> UInt8[np.ndarray, "height width 3"]:
    """The middle frame of `count` clips, spread evenly over all, with their classes underneath.

    Files that cannot be read are passed over: `inspect` names them.

    Args:
        path: folder of videos, or a pack.
        count: number of pictures, at most.
        columns: pictures in a row.
        size: side of a picture in pixels.

    Raises:
        DataError: there is nothing to show.
        ValueError: `count`, `columns` or `size` is not positive, or the sheet would be too large.
    """
    if min(count, columns, size) < 1:
        raise ValueError(f"count, columns and size must be positive: {count}, {columns}, {size}")
    if count * size * size > MOST_PIXELS:
        raise ValueError(f"{count} pictures of {size} pixels are too large: ask for fewer, smaller")
    path = Path(path)
    pictures = list(_pack_pictures(path, count) if is_pack(path) else _file_pictures(path, count))
    if not pictures:
        raise DataError(path, "has no picture to show", "Look at it with `vgan inspect`")
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * size, rows * (size + CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    shrink = shrinker(size)
    for place, (label, frame) in enumerate(pictures):
        left, top = place % columns * size, place // columns * (size + CAPTION)
        sheet.paste(Image.fromarray(shrink(frame)), (left, top))
        text = printable(label)
        while text and draw.textlength(text) > size - 4:
            text = text[:-1]
        draw.text((left + 2, top + size + 1), text, fill="black")
    return np.asarray(sheet)


def _inspect_pack(path: Path, thorough: bool, progress: bool) -> Inspection:
    packed = PackedClips(path, frames=1)
    problems = read_problems(path)
    clips = [
        Clip(c.name, c.label, c.group, c.frames, c.fps, packed.size, packed.size)
        for c in packed.clips
    ]
    if thorough:
        sums = _checksums(path)
        for clip in tqdm(packed.clips, "checking", unit="clip", disable=not progress):
            data = packed.array[clip.start : clip.start + clip.frames]
            if zlib.crc32(data.tobytes()) != sums[clip.name]:
                problems.append(Problem(clip.name, CHANGED, "its frames have changed since"))
    names = {clip.name: _file_of(clip) for clip in packed.clips}
    digests = [(names[clip.name], clip.sha256) for clip in packed.clips]
    return Inspection(path, "pack", clips, problems + _duplicates(digests))


def _file_of(clip: PackedClip) -> str:
    """The file that a clip was cut from: the shots of a film are one file."""
    film, _, shot = clip.name.rpartition("#")
    return film if film and shot.isdecimal() else clip.name


def _checksums(path: Path) -> dict[str, int]:
    """The checksum of each clip of a pack, as its table says."""
    try:
        return {row["name"]: int(row["crc32"]) for row in read_rows(path)}
    except (ValueError, KeyError, TypeError) as error:
        problem = f"is damaged: its {TABLE} lacks a checksum, or has one that is no number"
        raise DataError(path, problem, "Pack the videos again") from error


def _duplicates(digests: Iterable[tuple[str, str]]) -> list[Problem]:
    """Files of the same bytes as another before them, by their digests; "" is not known."""
    first: dict[str, str] = {}
    found = {}
    for name, digest in digests:
        if digest and first.setdefault(digest, name) != name:
            found[name] = Problem(name, "duplicate", f"the same file as {printable(first[digest])}")
    return list(found.values())


def _digests(entries: Sequence[VideoEntry]) -> Iterable[tuple[str, str]]:
    """Name and digest of the files that are as long as another; others have no duplicate."""
    sizes: dict[int, list[VideoEntry]] = {}
    for entry in entries:
        if entry.path.is_file():
            sizes.setdefault(entry.path.stat().st_size, []).append(entry)
    for size, alike in sizes.items():
        for entry in alike if size and len(alike) > 1 else ():
            try:
                with entry.path.open("rb") as file:
                    yield entry.name, hashlib.file_digest(file, "sha256").hexdigest()
            except OSError:
                continue  # `inspect` says so


def _look(entry: VideoEntry, thorough: bool) -> tuple[Clip, str | None]:
    info = probe(entry.path)
    frames, shortfall = info.declared_frames, None
    if thorough:
        frames = sum(1 for _ in iter_frames(entry.path))
        shortfall = missing_frames(info, frames)
    clip = Clip(entry.name, entry.label, entry.group, frames, info.fps, info.width, info.height)
    return clip, shortfall


def _row(label: str, clips: Sequence[Clip]) -> tuple[str, ...]:
    lengths = [clip.frames for clip in clips if clip.frames is not None]
    rates = sorted({f"{clip.fps:.4g}" for clip in clips if clip.fps}, key=float)
    sizes = sorted({(clip.width, clip.height) for clip in clips})
    return (
        printable(label),
        str(len(clips)),
        str(len({clip.group for clip in clips})),
        str(sum(lengths)) if lengths else "?",
        str(min(lengths, default="?")),
        str(max(lengths, default="?")),
        _range(rates),
        _range([f"{width}x{height}" for width, height in sizes]),
    )


def _range(values: Sequence[str]) -> str:
    if not values:
        return "?"
    return values[0] if len(values) == 1 else f"{values[0]}..{values[-1]}"


def _spread(total: int, count: int) -> list[int]:
    return [int(place) for place in np.linspace(0, total - 1, min(count, total)).round()]


def _pack_pictures(path: Path, count: int) -> Iterable[tuple[str, UInt8[np.ndarray, "..."]]]:
    packed = PackedClips(path, frames=1)
    for index in _spread(len(packed), count):
        clip = packed.clips[index]
        yield clip.label, packed.window(index, clip.frames // 2)[0]


def _file_pictures(path: Path, count: int) -> Iterable[tuple[str, UInt8[np.ndarray, "..."]]]:
    entries, _ = scan_folder(path)
    frames: dict[int, UInt8[np.ndarray, "..."]] = {}
    tried: set[int] = set()
    for place in _spread(len(entries), count):
        # where a file cannot be read, the nearest one that can takes its place
        for index in sorted(range(len(entries)), key=lambda index: abs(index - place)):
            if index in tried:
                continue
            tried.add(index)
            try:
                frames[index] = _middle_frame(entries[index].path)
            except VideoError:
                continue
            break
    for index in sorted(frames):
        yield entries[index].label, frames[index]


def _middle_frame(path: Path) -> UInt8[np.ndarray, "height width 3"]:
    """The frame in the middle, or the last one before it if the file ends early."""
    middle = (probe(path).declared_frames or count_frames(path)) // 2
    return deque(islice(iter_frames(path), middle + 1), maxlen=1).pop()
