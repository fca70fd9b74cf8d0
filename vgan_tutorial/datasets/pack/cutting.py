"""From a film to the clips of a pack: which frames, which square, which shots."""

import hashlib
import sys
import zlib
from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from jaxtyping import Float, UInt8

from vgan_tutorial.errors import VideoError
from vgan_tutorial.preprocessing import indices_at_rate, motion_place, shrink_frame, thumbnail
from vgan_tutorial.shots import shot_starts
from vgan_tutorial.video_io import (
    FrameChange,
    VideoInfo,
    iter_frames,
    iter_timed_frames,
    missing_frames,
    probe,
)

Crop = Literal["centre", "motion"]


@dataclass(frozen=True)
class Cut:
    """What is taken of every film. The arguments are those of `pack_videos`.

    Raises:
        ValueError: a setting is out of range, or excludes another.
    """

    size: int = 64
    frames: int = 16
    stride: int = 1
    fps: float | None = None
    crop: Crop = "centre"
    shots: bool = False

    def __post_init__(self) -> None:
        if min(self.size, self.frames, self.stride) < 1:
            raise ValueError(
                "size, frames and stride must be positive: "
                f"{self.size}, {self.frames}, {self.stride}"
            )
        if self.fps is not None and not 0 < self.fps < float("inf"):
            raise ValueError(f"fps must be positive, got {self.fps}")
        if self.fps is not None and self.stride != 1:
            raise ValueError("give fps or stride, not both: each of them says how far frames are")
        if self.crop not in ("centre", "motion"):
            raise ValueError(f"crop is 'centre' or 'motion', got {self.crop!r}")

    def settings(self) -> dict[str, Any]:
        """What a pack keeps of it. Packs from before there was a choice stay what they were."""
        told: dict[str, Any] = {"size": self.size, "frames": self.frames, "stride": self.stride}
        if self.fps is not None:
            told["fps"] = self.fps
        if self.crop != "centre":
            told["crop"] = self.crop
        if self.shots:
            told["shots"] = True
        return told

    @property
    def looks_first(self) -> bool:
        """Whether a film is decoded twice, at first for its times and thumbnails."""
        return self.fps is not None or self.crop != "centre" or self.shots

    def rate(self, fps: float | None) -> float | None:
        """Frames a second of what is kept of a film with so many."""
        if self.fps is not None:
            return float(self.fps)
        return None if fps is None else round(fps / self.stride, 6)

    def spacing(self) -> str:
        """How far frames are apart, in words."""
        return f"stride {self.stride}" if self.fps is None else f"{self.fps:g} frames a second"


@dataclass(frozen=True)
class Outcome:
    """The outcome of reading one film; it travels between processes."""

    rows: list[dict[str, Any]] = field(default_factory=list)  # empty if the film is bad
    shortfall: str | None = None
    problem: str = ""
    remedy: str = ""
    shots: int = 1
    lost: dict[int, str] = field(default_factory=dict)  # why shots are left out, by their number


@dataclass(frozen=True)
class Shot:
    """One stretch of a film: where it ends, what is kept of it, and where its square lies."""

    stop: int
    wanted: Collection[int]
    place: float = 0.5


def read_film(path: Path, cut: Cut, array: BinaryIO) -> Outcome:
    """Decode a film and write the frames that are kept, cut and shrunk, shot after shot."""
    try:
        info = probe(path)
        shots = _plan(path, cut) if cut.looks_first else [_whole(cut)]
        lengths = [len(shot.wanted) for shot in shots]
        if cut.looks_first and max(lengths) < cut.frames:
            return _too_short(max(lengths), len(shots), cut)
        kept = [shot if len(shot.wanted) >= cut.frames else Shot(shot.stop, ()) for shot in shots]
        decoded, written = _write(path, kept, cut, array)
    except VideoError as error:
        return Outcome(problem=error.problem, remedy=error.remedy)
    shortfall = missing_frames(info, decoded)
    if max(frames for frames, _ in written) < cut.frames:
        return _too_short(written[0][0], 1, cut, shortfall)
    about = _about(info, path, cut)
    rows = [
        {"shot": number, "frames": frames, "crc32": crc, **about}
        for number, (frames, crc) in enumerate(written, 1)
        if frames
    ]
    lost = {
        number: f"too short: {length} frames with {cut.spacing()}, {cut.frames} wanted"
        for number, (length, shot) in enumerate(zip(lengths, kept, strict=True), 1)
        if not shot.wanted
    }
    return Outcome(rows, shortfall, shots=len(shots), lost=lost)


def _whole(cut: Cut) -> Shot:
    """All of a film, however long it is: nobody has looked."""
    return Shot(sys.maxsize, range(0, sys.maxsize, cut.stride))


def _plan(path: Path, cut: Cut) -> list[Shot]:
    """Look through a film once, and say what to keep of it."""
    times, small = _look(path)
    starts = shot_starts(small) if cut.shots else [0]
    stops = [*starts[1:], len(small)]
    try:
        return [
            Shot(
                stop,
                _wanted(times, start, stop, cut),
                motion_place(small[start:stop]) if cut.crop == "motion" else 0.5,
            )
            for start, stop in zip(starts, stops, strict=True)
        ]
    except ValueError as error:
        raise VideoError(path, str(error), "Ask for a lower rate, or leave it out") from error


def _look(
    path: Path,
) -> tuple[Float[np.ndarray, " time"], UInt8[np.ndarray, "time height width"]]:
    looked = [(time, frame.mean(2)) for time, frame in iter_timed_frames(path, thumbnail)]
    if not looked:
        raise VideoError(path, "opens, but not one frame decodes", "Copy or convert it again")
    times, small = zip(*looked, strict=True)
    if len({frame.shape for frame in small}) > 1:
        raise VideoError(path, "has frames of different shapes", "Convert it to one size")
    return np.array(times), np.stack(small).round().astype(np.uint8)


def _wanted(times: Float[np.ndarray, " time"], start: int, stop: int, cut: Cut) -> Collection[int]:
    if cut.fps is None or stop - start == 1:
        return range(start, stop, cut.stride)
    chosen = start + indices_at_rate(times[start:stop] - times[start], cut.fps)
    return dict.fromkeys(chosen.tolist())


def _write(
    path: Path, shots: Sequence[Shot], cut: Cut, array: BinaryIO
) -> tuple[int, list[tuple[int, int]]]:
    """Write what is wanted: how many frames decoded; of each shot how many are kept, their CRC."""
    stops, written, decoded = [shot.stop for shot in shots[:-1]], [(0, 0)] * len(shots), 0
    for decoded, frame in enumerate(iter_frames(path, change=_follow(shots, cut.size)), 1):
        number = bisect_right(stops, decoded - 1)
        if decoded - 1 in shots[number].wanted:
            data = frame.tobytes()
            array.write(data)
            frames, crc = written[number]
            written[number] = frames + 1, zlib.crc32(data, crc)
    return decoded, written


def _follow(shots: Sequence[Shot], size: int) -> FrameChange:
    """Shrink every frame as its shot asks for; it is called once a frame, in order."""
    stops, numbers = [shot.stop for shot in shots[:-1]], count()

    def change(frame: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "size size 3"]:
        return shrink_frame(frame, size, shots[bisect_right(stops, next(numbers))].place)

    return change


def _too_short(length: int, shots: int, cut: Cut, shortfall: str | None = None) -> Outcome:
    which = f"the longest of its {shots} shots has " if shots > 1 else ""
    closer = "smaller stride" if cut.fps is None else "higher rate"
    return Outcome(
        problem=f"too short: {which}{length} frames with {cut.spacing()}, {cut.frames} wanted",
        remedy=f"Ask for fewer frames or a {closer}",
        shortfall=shortfall,
    )


def _about(info: VideoInfo, path: Path, cut: Cut) -> dict[str, Any]:
    """What the table says of the film that a clip is from."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "fps": cut.rate(info.fps),
        "width": info.width,
        "height": info.height,
        "codec": info.codec,
        "sha256": digest,
    }
