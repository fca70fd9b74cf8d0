"""Clips and pictures as arrays of pixels: one convention, laid out side by side."""

import math

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from vgan_tutorial.pixels import to_uint8
from vgan_tutorial.types import Clips, StoredClip, StoredClips

ModelClip = Float[Tensor, "3 time height width"]
AnyClips = Clips | ModelClip | StoredClips | StoredClip
Picture = UInt8[np.ndarray, "height width 3"]
Sheet = UInt8[np.ndarray, "sheet_height sheet_width 4"]
Sheets = UInt8[np.ndarray, "time sheet_height sheet_width 4"]
Pictures = UInt8[np.ndarray, "count height width _"]


def as_stored(clips: AnyClips) -> StoredClips:
    """Clips in either convention, one or many, as a uint8 batch.

    Raises:
        ValueError: if the shape or the type is neither convention's.
    """
    if isinstance(clips, Tensor):
        batch = clips.detach().float().cpu()
        batch = batch[None] if batch.ndim == 4 else batch
        if batch.ndim != 5 or batch.shape[1] != 3:
            raise ValueError(f"expected (batch, 3, time, height, width), got {tuple(clips.shape)}")
        return np.asarray(to_uint8(batch))
    stored = clips[None] if clips.ndim == 4 else clips
    if stored.ndim != 5 or stored.shape[-1] != 3 or stored.dtype != np.uint8:
        raise ValueError(
            "expected uint8 of (batch, time, height, width, 3), "
            f"got {clips.dtype} of {clips.shape}; clips in model range must be tensors"
        )
    return stored


def grid(stored: StoredClips, columns: int) -> Sheets:
    """One picture a frame, with all clips side by side."""
    return np.stack([tile(frames, columns) for frames in stored.swapaxes(0, 1)])


def tile(pictures: Pictures, columns: int) -> Sheet:
    """Lay pictures out in rows, with a transparent gap between neighbours."""
    rows = math.ceil(len(pictures) / columns)
    pictures = with_alpha(pictures)
    missing = rows * columns - len(pictures)
    gap = gap_between(pictures.shape[2])
    padded = np.pad(pictures, ((0, missing), (0, gap), (0, gap), (0, 0)))
    _, height, width, _ = padded.shape
    cells = padded.reshape(rows, columns, height, width, 4).swapaxes(1, 2)
    return cells.reshape(rows * height, columns * width, 4)[:-gap, :-gap]


def gap_between(width: int) -> int:
    """Pixels between neighbours on a sheet: a sixteenth of a picture, within limits."""
    return min(4, max(1, width // 16))


def with_alpha(pictures: Pictures) -> Pictures:
    """Opaque pictures, if they have no transparency yet."""
    if pictures.shape[-1] == 4:
        return pictures
    return np.pad(pictures, ((0, 0), (0, 0), (0, 0), (0, 1)), constant_values=255)


def square(count: int) -> int:
    """Columns that make a grid of so many cells about as wide as tall."""
    return math.ceil(math.sqrt(count))
