"""Files that the tests make: good videos, and the ways in which real ones go wrong."""

import struct
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8

from vgan_tutorial.experiments.films import frame_numbers, numbered_clip, write_coded
from vgan_tutorial.video_io import write_video

__all__ = [
    "declare_frames",
    "decode_with_pyav",
    "frame_numbers",
    "moving_clip",
    "numbered_clip",
    "truncate",
    "turn_clockwise",
    "web_page",
    "write_coded",
    "write_lossless",
    "write_with_pyav",
]


def moving_clip(
    frames: int = 12, height: int = 48, width: int = 64, seed: int = 0
) -> UInt8[np.ndarray, "time height width 3"]:
    """A bright block that moves over a smooth gradient; every frame and every channel differs."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    clip = np.zeros((frames, height, width, 3), np.uint8)
    clip[..., 0] = 120 * x // width
    clip[..., 1] = 90 * y // height
    clip[..., 2] = rng.integers(20, 60)
    for time in range(frames):
        left = int(time * (width - 12) / max(1, frames - 1))
        clip[time, 10:22, left : left + 12] = (250, 200, 40)
    return clip


def write_lossless(
    path: Path, frames: int = 12, height: int = 48, width: int = 64, seed: int = 0
) -> UInt8[np.ndarray, "time height width 3"]:
    """Write a lossless file and return the clip that it holds."""
    clip = moving_clip(frames, height, width, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, clip, 25.0, "FFV1")
    return clip


def write_with_pyav(path: Path, frames: UInt8[np.ndarray, "time height width *rgb"]) -> None:
    """Write lossless FFV1 with PyAV, which takes odd sizes and greyscale (three axes) too."""
    grey = frames.ndim == 3
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "gray" if grey else "bgr0"
        for array in frames:
            frame = av.VideoFrame.from_ndarray(array, format="gray" if grey else "rgb24")
            container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        container.mux(stream.encode())


def decode_with_pyav(path: Path) -> UInt8[np.ndarray, "time height width 3"]:
    """An independent decoder."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def truncate(path: Path, share: float = 0.5) -> None:
    """Cut a file short, as an interrupted copy does."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def web_page(path: Path) -> None:
    path.write_text("<!DOCTYPE html>\n<html><body>404: no such file</body></html>")


def declare_frames(path: Path, count: int) -> None:
    """Make an AVI's header claim another number of frames, in both places where it does."""
    data = bytearray(path.read_bytes())
    for chunk, offset in ((b"avih", 24), (b"strh", 40)):
        place = data.index(chunk) + offset
        data[place : place + 4] = (count & 0xFFFFFFFF).to_bytes(4, "little")
    path.write_bytes(data)


def turn_clockwise(path: Path) -> None:
    """Ask players to turn an MP4 by 90 degrees, as a telephone held upright does."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 44  # a version 0 box: the matrix is ten words in
    matrix = (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    data[place : place + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)
