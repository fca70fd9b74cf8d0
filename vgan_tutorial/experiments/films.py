"""Films that the measurements of the loader read, and the tests too: made here, from a seed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from jaxtyping import UInt8

LENGTH = 240  # frames of a film
BITS = 6  # of the number that a frame of `numbered_clip` carries


def film(seed: int) -> UInt8[np.ndarray, "time 240 320 3"]:
    """A slow pan over a blotchy texture: as large and long as a clip of UCF101, as hard to code."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (30, 60, 3), np.uint8)
    scene = cv2.resize(coarse, (560, 240), interpolation=cv2.INTER_CUBIC)
    return np.stack([scene[:, time : time + 320] for time in range(LENGTH)])


def numbered_clip(frames: int) -> UInt8[np.ndarray, "frames 48 64 3"]:
    """Every frame says its own number in black and white bars that survive any codec."""
    clip = np.zeros((frames, 48, 64, 3), np.uint8)
    for number in range(frames):
        for bit in range(BITS):
            clip[number, 8:40, 8 * bit + 8 : 8 * bit + 16] = 255 * (number >> bit & 1)
    return clip


def frame_numbers(clip: UInt8[np.ndarray, "time 48 64 3"]) -> list[int]:
    """The numbers that the frames say."""
    bars = [clip[:, 24, 8 * bit + 12].mean(-1) > 127 for bit in range(BITS)]
    return (np.stack(bars, 1) @ (1 << np.arange(BITS))).tolist()


def write_coded(
    path: Path,
    clip: UInt8[np.ndarray, "time height width 3"],
    codec: str,
    milliseconds: int | list[int] = 40,
) -> None:
    """Write with a codec of PyAV's, each frame shown for so long: a list varies the frame rate."""
    if isinstance(milliseconds, int):
        tick, each = Fraction(milliseconds, 1000), [1] * len(clip)
    else:
        tick, each = Fraction(1, 1000), milliseconds
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "a title"
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = clip.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.options = {"g": "12"}
        stream.codec_context.time_base = tick
        shown = 0
        for array, pause in zip(clip, each, strict=True):
            frame = av.VideoFrame.from_ndarray(array, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = shown, tick
            container.mux(stream.encode(frame))
            shown += pause
        container.mux(stream.encode())


def interlaced(
    moments: UInt8[np.ndarray, "time height width 3"],
) -> UInt8[np.ndarray, "half height width 3"]:
    """Frames of two moments each: odd lines of the first, even lines of the second."""
    frames = moments[: len(moments) // 2 * 2 : 2].copy()
    frames[:, ::2] = moments[1::2, ::2]
    return frames


def write_fields(path: Path, clip: UInt8[np.ndarray, "time height width 3"], codec: str) -> None:
    """Write frames as interlaced ones, the lower field first, as `interlaced` makes them."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = clip.shape[1:3]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        of_x264 = {"x264-params": "bff=1"}
        stream.options = of_x264 if codec == "libx264" else {"g": "12", "flags": "+ildct+ilme"}
        for array in clip:
            frame = av.VideoFrame.from_ndarray(array, format="rgb24").reformat(format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
