"""Films that were published as pictures: the square frames of one film in a row or a column."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError
from tqdm.auto import tqdm

from vgan_tutorial.datasets.data_set import Job
from vgan_tutorial.errors import DataError
from vgan_tutorial.video_io import count_frames, write_video

logger = logging.getLogger(__name__)

REFETCH = "Remove it if it is there, and fetch it again"


@dataclass(frozen=True)
class Strip:
    """A picture that holds a film.

    Attributes:
        key: key of the picture in `DataSet.files`.
        film: name of the film that is made of it, "class/file".
        frames: number of frames; a picture that gives another is not the one that was published.
    """

    key: str
    film: str
    frames: int


def prepare_strips(job: Job, strips: Sequence[Strip], folder: str, size: int, fps: float) -> Path:
    """Make a film of every strip, as Motion JPEG; the `prepare` of a data set calls it.

    Films that are there with all their frames stay as they are, and nothing is fetched for them.

    Args:
        job: request; its `root` gets `folder`.
        strips: pictures that are needed.
        folder: name of the folder of films.
        size: side of a frame in pixels.
        fps: frames per second of the films.

    Returns:
        The folder.

    Raises:
        DataError: a picture cannot be fetched, or is not what it should be.
    """
    target = job.root / folder
    missing = [strip for strip in strips if not _is_whole(target / strip.film, strip.frames)]
    paths = job.fetch_all([strip.key for strip in missing])
    bar = tqdm(missing, desc=folder, unit="film", disable=not (job.progress and missing))
    for strip, path in zip(bar, paths, strict=True):
        film = target / strip.film
        film.parent.mkdir(parents=True, exist_ok=True)
        write_video(film, read_strip(path, strip.frames, size), fps, "MJPG")
    job.say(f"{target}: all {len(strips)} videos are there")
    return target


def read_strip(
    path: str | os.PathLike[str], frames: int, size: int
) -> UInt8[np.ndarray, "frames size size 3"]:
    """Take a picture apart into its frames; its longer side is time.

    Args:
        path: picture of `frames` squares, side by side or below each other.
        frames: number of frames that it must hold.
        size: side of a frame in pixels.

    Returns:
        uint8 array (frames, size, size, 3) in 0..255, RGB.

    Raises:
        DataError: the file is no picture, is damaged, or has other sides.
    """
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise DataError(path, f"is not a picture that can be read ({error})", REFETCH) from error
    height, width = pixels.shape[:2]
    if (height, width) == (frames * size, size):  # time runs down
        return pixels.reshape(frames, size, size, 3)
    if (height, width) == (size, frames * size):  # time runs to the right
        return pixels.reshape(size, frames, size, 3).swapaxes(0, 1)
    raise DataError(
        path,
        f"has {width} x {height} pixels where {frames} frames of {size} x {size} are expected",
        REFETCH,
    )


def _is_whole(film: Path, frames: int) -> bool:
    """Whether a film is there and gives all its frames."""
    if not film.exists():
        return False
    try:
        found = count_frames(film)
    except DataError as error:
        logger.warning("%s", error)
        return False
    return found == frames
