"""Damage video files at random and read them, in a process of its own: it may crash or hang.

    python -m tests.support.fuzzing FOLDER FIRST COUNT

FOLDER holds valid files. Each line that is printed is the outcome of one number.
"""

import faulthandler
import logging
import sys
from pathlib import Path

import numpy as np

from vgan_tutorial.errors import VideoError
from vgan_tutorial.preprocessing import preprocess_video
from vgan_tutorial.video_io import read_video

SECONDS = 60  # for one file of a few kilobytes, on a busy machine
DAMAGE = ("bytes", "header", "zeros", "cut", "hole", "twice", "noise")


def damage(data: bytes, kind: str, rng: np.random.Generator) -> bytes:
    """Damage a file's bytes in one of the ways of `DAMAGE`."""
    raw = np.frombuffer(data, np.uint8).copy()
    start = int(rng.integers(len(raw)))
    end = min(len(raw), start + int(rng.integers(1, 1 + len(raw) // 4)))
    if kind in ("bytes", "header"):
        reach = len(raw) if kind == "bytes" else min(400, len(raw))
        places = rng.integers(0, reach, int(rng.integers(1, 40)))
        raw[places] = rng.integers(0, 256, len(places))
    elif kind == "zeros":
        raw[start:end] = 0
    elif kind == "noise":
        raw[start:end] = rng.integers(0, 256, end - start)
    elif kind == "cut":
        raw = raw[:start]
    elif kind == "hole":
        raw = np.delete(raw, slice(start, end))
    elif kind == "twice":
        raw = np.insert(raw, start, raw[start:end])
    return raw.tobytes()


def outcome(path: Path) -> str:
    """Read a file whole and in part: "clip", or "error" if all ways say clearly what is wrong."""
    found = []
    for read in (
        lambda: read_video(path),
        lambda: preprocess_video(path, 4, 16, start=2),
        lambda: preprocess_video(path, 4, 16, start=40),  # which is sought in some files
    ):
        try:
            clip = read()
        except VideoError as error:
            found.append("error")
            clear = str(path) in str(error) and bool(error.problem) and bool(error.remedy)
        else:
            found.append("clip")
            clear = clip.dtype == np.uint8 and clip.ndim == 4 and clip.shape[-1] == 3
        if not clear:
            raise AssertionError(f"{path}: {found[-1]} is not what it should be")
    return "clip" if "clip" in found else "error"


def main(folder: str, first: str, count: str) -> None:
    logging.disable()  # warnings about missing frames, one a file
    files = sorted(Path(folder).iterdir())
    for number in range(int(first), int(first) + int(count)):
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        rng = np.random.default_rng(number)
        source, kind = files[number % len(files)], DAMAGE[number // len(files) % len(DAMAGE)]
        path = Path(folder).parent / f"damaged-{first}{source.suffix}"
        path.write_bytes(damage(source.read_bytes(), kind, rng))
        print(number, source.name, kind, end=" ", flush=True)
        print(outcome(path), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
