"""Films of a head that talks, drawn here: a face of smooth blotches before a plain wall."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from vgan_tutorial.datasets.acquire.mouths import Box, Speaker
from vgan_tutorial.video_io import write_video

SPEAKER = Speaker(
    reference="bbaf2n",
    eyes=Box(top=20, left=30, height=24, width=40),
    mouth=Box(top=40, left=34, height=32, width=32),
    frames=14,
)


def blotches(height: int, width: int, seed: int) -> UInt8[np.ndarray, "height width 3"]:
    """Something smooth that resembles nothing else, with more red in it than blue."""
    coarse = np.random.default_rng(seed).uniform(0, 1, (height // 4, width // 4)).astype(np.float32)
    fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    return (fine[..., None] * (120, 100, 60) + (100, 80, 70)).astype(np.uint8)


def head_clip(
    down: int = 0, right: int = 0, frames: int = SPEAKER.frames, seed: int = 1
) -> UInt8[np.ndarray, "time height width 3"]:
    """A face that sits so far lower and further right than in the film of reference."""
    clip = np.full((frames, 96, 112, 3), (60, 120, 160), np.uint8)
    clip[:, 14 + down : 70 + down, 26 + right : 74 + right] = blotches(56, 48, seed)
    for time in range(frames):
        open_by = 2 + time % 4  # the mouth
        clip[time, 54 + down : 54 + down + open_by, 42 + right : 58 + right] = (90, 20, 20)
    return clip


def write_head(path: Path, clip: UInt8[np.ndarray, "time height width 3"]) -> None:
    """Write a lossless film, whatever its suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path.with_suffix(".avi"), clip, 25.0, "FFV1")
    path.with_suffix(".avi").rename(path)
