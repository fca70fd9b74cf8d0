"""What `vgan sample` writes: clips as moving pictures, films or frames, and clips between clips."""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor, nn

from vgan_tutorial import display
from vgan_tutorial.cli.outputs import check_output
from vgan_tutorial.display.sheets import gap_between
from vgan_tutorial.errors import printable
from vgan_tutorial.files import replacing
from vgan_tutorial.types import Clips, Labels
from vgan_tutorial.video_io import write_video

MOVING = (".webp", ".gif")
FILM, FRAMES = ".mp4", ".png"
LARGEST = 16_383  # pixels on a side that WebP can hold
MOST_PIXELS = 300_000_000  # of all frames of a picture: some gigabytes while it is written

Frames = UInt8[np.ndarray, "time height width 3"]


def check_name(picture: Path) -> None:
    """Refuse a file that cannot be written, before a network is read.

    Raises:
        ValueError: for a kind of file that holds no clips, or a folder that is not there.
    """
    if picture.suffix.lower() not in (*MOVING, FILM, FRAMES):
        raise ValueError(
            f"{printable(picture.name)} cannot be animated: name a .webp or a .gif, an .mp4, or a "
            ".png for a picture of each frame"
        )
    check_output(picture)


def check_size(frames: int, size: int, count: int, columns: int, scale: int) -> None:
    """Refuse a picture of more pixels than can be written, before clips are made.

    Args:
        frames: number of frames of a clip.
        size: its height and width.
        count: number of clips on the picture.
        columns: number of them in a row.
        scale: width of one of their pixels.

    Raises:
        ValueError: naming the size that was asked for.
    """
    across, down = min(columns, count), -(-count // columns)
    cell = (size + gap_between(size)) * scale
    width, height = across * cell, down * cell
    if max(width, height) > LARGEST or frames * width * height > MOST_PIXELS:
        raise ValueError(
            f"{count} clips in {across} columns make {frames} frames of {width:,} x {height:,} "
            "pixels, which is too large: give a smaller --scale or --count"
        )


def draw(network: nn.Module, latents: Tensor, labels: Labels | None, batch: int = 64) -> Clips:
    """The clips of some latents, on the CPU."""
    parts: Sequence[Tensor | None] = [None] * len(latents)
    if labels is not None:
        parts = labels.split(batch)
    with torch.no_grad():
        made = [
            network(latent, None if label is None else label.to(latent.device)).cpu()
            for latent, label in zip(latents.split(batch), parts, strict=False)
        ]
    return torch.cat(made)


def with_between(latents: Float[Tensor, "batch *latent"], steps: int) -> Float[Tensor, "_ *latent"]:
    """The latents, and `steps` more on the way from each to the next.

    The way is an arc: cos(t) a + sin(t) b, for t from 0 to a quarter of a turn. The squares of the
    two weights add up to 1, so what lies between two standard normal latents is one too. Half way
    along a straight line its variance would be a half, and no such latents were trained with.
    """
    if len(latents) == 1 or not steps:
        return latents
    angles = [math.pi / 2 * step / (steps + 1) for step in range(steps + 1)]
    path = [math.cos(t) * a + math.sin(t) * b for a, b in pairwise(latents) for t in angles]
    return torch.stack([*path, latents[-1]])


def write_clips(clips: Clips, picture: Path, columns: int, scale: int, fps: float) -> list[Path]:
    """All clips side by side in one file, or in one file for each frame; the files."""
    sheet = display.grid(display.as_stored(clips), min(columns, len(clips)))
    frames = sheet.repeat(scale, axis=1).repeat(scale, axis=2)
    suffix = picture.suffix.lower()
    if suffix == FILM:
        write_video(picture, _even(frames[..., :3]), fps, "mp4v")
        return [picture]
    images = [Image.fromarray(frame) for frame in frames]
    if suffix == FRAMES:
        files = _numbered(picture, "-frame-", len(images))
        for file, image in zip(files, images, strict=True):
            _save(file, image)
        return files
    more = {"save_all": True, "append_images": images[1:], "duration": 1000 / fps, "loop": 0}
    _save(picture, images[0], lossless=True, **more)
    return [picture]


def write_each(clips: Clips, picture: Path, scale: int, fps: float) -> list[Path]:
    """Each clip in a file of its own, which has its number in its name; the files."""
    names = _numbered(picture, "-", len(clips))
    written = [
        write_clips(clip[None], name, 1, scale, fps)
        for name, clip in zip(names, clips, strict=True)
    ]
    return [file for files in written for file in files]


def _numbered(picture: Path, between: str, count: int) -> list[Path]:
    """A name for each of so many files: clips-00.png to clips-15.png."""
    digits = len(str(count - 1))
    return [
        picture.with_name(f"{picture.stem}{between}{number:0{digits}}{picture.suffix}")
        for number in range(count)
    ]


def _save(file: Path, image: Image.Image, **options: Any) -> None:
    """Write a picture, whole or not at all."""
    with replacing(file, suffix=file.suffix, sync=False) as draft:
        image.save(draft, **options)


def _even(frames: Frames) -> UInt8[np.ndarray, "time even_height even_width 3"]:
    """The frames with even sides, which films must have: the last row or column is repeated."""
    _, height, width, _ = frames.shape
    return np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), "edge")
