"""From a video file to a clip of a fixed size: sample, crop, resize.

What comes out is uint8 (time, height, width, channel), as clips are stored. `pixels` takes it from
there to what a model eats.
"""

import logging
import os
from functools import partial
from typing import Literal

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int, UInt8

from vgan_tutorial.errors import VideoError
from vgan_tutorial.video_io import FrameChange, count_frames, read_video

logger = logging.getLogger(__name__)

ShortRule = Literal["error", "bounce"]

THUMBNAIL = 32  # longer side in pixels of the frames in which motion and shots are looked for
NOISE = 2  # grey levels by which a pixel of a thumbnail may change without motion
LATE = 0.3  # of a film's own interval: so much later may a frame come than the time asked for


def centre_crop(
    clip: UInt8[np.ndarray, "time height width 3"], height: int, width: int
) -> UInt8[np.ndarray, "time new_height new_width 3"]:
    """Cut the middle `height` x `width` pixels out of every frame; a view, nothing is copied.

    Raises:
        ValueError: the frame is smaller than the crop.
    """
    _check_crop(clip.shape[1:3], height, width)
    top = (clip.shape[1] - height) // 2
    left = (clip.shape[2] - width) // 2
    return clip[:, top : top + height, left : left + width]


def random_crop(
    clip: UInt8[np.ndarray, "time height width 3"],
    height: int,
    width: int,
    generator: torch.Generator,
) -> UInt8[np.ndarray, "time new_height new_width 3"]:
    """Cut the same randomly placed `height` x `width` window out of every frame; a view.

    One place for the whole clip: a new place for each frame would add a shake that the camera
    never made, and a video model would learn it.

    Raises:
        ValueError: the frame is smaller than the crop.
    """
    _check_crop(clip.shape[1:3], height, width)
    top = _draw(clip.shape[1] - height + 1, generator)
    left = _draw(clip.shape[2] - width + 1, generator)
    return clip[:, top : top + height, left : left + width]


def resize(
    clip: UInt8[np.ndarray, "time height width 3"],
    height: int,
    width: int,
    *,
    antialias: bool = True,
) -> UInt8[np.ndarray, "time new_height new_width 3"]:
    """Resize every frame.

    Shrinking averages over the area that each new pixel covers (eq-area-filter), so that fine
    detail fades instead of turning into false patterns; enlarging interpolates linearly.

    Args:
        clip: uint8 (time, height, width, 3).
        height: new height in pixels.
        width: new width in pixels.
        antialias: False interpolates between the nearest four pixels whatever the reduction, as
            many loaders do. It is here to be compared with.

    Raises:
        ValueError: a side is not positive.
    """
    if height < 1 or width < 1:
        raise ValueError(f"the new size must be positive, got {height} x {width}")
    if not antialias:
        return np.stack([cv2.resize(frame, (width, height)) for frame in clip])
    return np.stack([_resize_frame(frame, height, width) for frame in clip])


def frame_indices(
    length: int, frames: int, stride: int = 1, start: int = 0, short: ShortRule = "error"
) -> Int[np.ndarray, " frames"]:
    """Choose the frames start + k * stride (eq-frame-window) of a clip of `length` frames.

    Args:
        length: frames that the clip has.
        frames: frames wanted.
        stride: step between them; a stride of 2 halves the frame rate.
        start: first frame of the window.
        short: rule for when the window does not fit. "error" raises. "bounce" plays the clip to
            its end and back again (0 1 2 1 0 1 ...) and logs that it did: the motion stays smooth,
            but half of it runs backwards.

    Raises:
        ValueError: the window does not fit and `short` is "error"; or the clip has a single frame,
            which holds no motion to continue; or a value is out of range.
    """
    if frames < 1 or stride < 1 or start < 0:
        raise ValueError(f"bad window: frames {frames}, stride {stride}, start {start}")
    wanted = start + stride * np.arange(frames)
    if wanted[-1] < length:
        return wanted
    shortage = (
        f"the clip has {length} frames, but {frames} frames from frame {start} "
        f"with stride {stride} need {wanted[-1] + 1}"
    )
    if short == "error" or length < 2:
        raise ValueError(f"{shortage}; take fewer frames or a smaller stride")
    logger.warning("%s: played forwards and backwards", shortage)
    there_and_back = 2 * length - 2
    phase = wanted % there_and_back
    return np.minimum(phase, there_and_back - phase)


def sample_frames(
    clip: UInt8[np.ndarray, "time height width 3"],
    frames: int,
    stride: int = 1,
    start: int = 0,
    *,
    generator: torch.Generator | None = None,
    short: ShortRule = "error",
) -> UInt8[np.ndarray, "frames height width 3"]:
    """Take a window of `frames` frames, `stride` apart.

    Args:
        clip: uint8 (time, height, width, 3).
        frames: frames wanted.
        stride: step between them.
        start: first frame of the window; ignored when a generator is given.
        generator: source of a start, drawn uniformly among those that fit.
        short: rule for a clip that is too short; see `frame_indices`.

    Raises:
        ValueError: see `frame_indices`.
    """
    if generator is not None:
        start = _draw(max(1, window_starts(len(clip), frames, stride)), generator)
    return clip[frame_indices(len(clip), frames, stride, start, short)]


def window_starts(length: int, frames: int, stride: int = 1) -> int:
    """Count the places where a window of `frames` frames fits; 0 when it fits nowhere."""
    return max(0, length - (frames - 1) * stride)


def indices_at_rate(times: Float[np.ndarray, " length"], fps: float) -> Int[np.ndarray, " frames"]:
    """Choose the frames that show at 0, 1 / fps, 2 / fps ... seconds: the last one begun by then.

    A frame counts as begun up to 0.3 of the film's own interval early, because the times that a
    telephone writes down tremble, and those of some containers are rounded to milliseconds.

    No frame is taken twice. In a film that is slower than asked for some would have to be: it would
    stutter, and at its own rate everything in it would move too fast beside the other films. Both
    teach a network a motion that nobody filmed, so it is an error. A rate that is 1 % too slow
    passes (29.97 frames a second for 30), with as many frames as there are.

    Args:
        times: when each frame is shown, in seconds, growing, from 0.
        fps: frames a second asked for.

    Raises:
        ValueError: the film is slower than that, as a whole or so unevenly that more than one in a
            hundred of the times have no frame of their own; or it has fewer than two frames.
    """
    if len(times) < 2:
        raise ValueError("has a single frame, so no frame rate")
    late = LATE * float(np.median(np.diff(times)))
    own = (len(times) - 1) / (times[-1] - times[0])
    if (len(times) - 1) / (times[-1] - times[0] - late) < 0.99 * fps:
        raise ValueError(f"has {own:.4g} frames a second, fewer than the {fps:g} asked for")
    wanted = np.arange(int((times[-1] + late) * fps) + 1) / fps
    shown = np.searchsorted(times, wanted + late, side="right") - 1
    chosen = np.unique(shown)
    if len(wanted) - len(chosen) > max(1, 0.01 * len(wanted)):
        raise ValueError(
            f"has an uneven frame rate: at {fps:g} frames a second, {len(wanted) - len(chosen)} of "
            f"{len(wanted)} frames would be repeated"
        )
    return chosen


def thumbnail(frame: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "..."]:
    """A frame whose longer side is 32 pixels, for a first look at a film; half a kilobyte in grey.

    Each pixel is the mean of many, so that the noise of a camera hardly shows.
    """
    longer = max(frame.shape[:2])
    height, width = (max(1, round(THUMBNAIL * side / longer)) for side in frame.shape[:2])
    return _resize_frame(frame, height, width)


def motion_place(small: UInt8[np.ndarray, "time height width"]) -> float:
    """Where along the longer side the square lies that holds most of what moves in a clip.

    Motion is the mean absolute difference of one grey frame and the next; differences of at most 2
    levels of 255 are taken for noise. Of the squares that hold the most, within 1 % of all motion,
    the middle one is chosen: what moves is then as far from both edges as it can be, and a still
    film gets its centre. It is one place for the whole clip, so that the picture does not jump. A
    camera that moves makes everything move, and the place then says little.

    Args:
        small: thumbnails in grey.

    Returns:
        0 for the left or upper end, 1 for the right or lower end, 0.5 for the centre.
    """
    change = np.abs(np.diff(small.astype(np.int16), axis=0))
    moved = np.where(change > NOISE, change, 0).sum(0, dtype=np.float64)
    side, length = sorted(moved.shape)
    before = np.append(0, np.cumsum(moved.sum(0 if moved.shape[1] == length else 1)))
    places = np.linspace(0, 1, 101)
    first, borders = places * (length - side), np.arange(length + 1)
    inside = np.interp(first + side, borders, before) - np.interp(first, borders, before)
    best = np.flatnonzero(inside >= inside.max() - 0.01 * before[-1])
    return float(places[best[len(best) // 2]])


def preprocess_video(
    path: str | os.PathLike[str],
    frames: int,
    size: int,
    stride: int = 1,
    start: int = 0,
    *,
    generator: torch.Generator | None = None,
    short: ShortRule = "error",
) -> UInt8[np.ndarray, "frames size size 3"]:
    """Turn a video file into a square clip: decode, sample frames, crop, resize.

    This is the function that the article leaves empty. Normalising comes last, in
    `pixels.to_model_range`, because bytes are four times smaller to store and to move than floats.

    Args:
        path: video file.
        frames: frames wanted.
        size: side of the clip in pixels.
        stride: step between frames.
        start: first frame of the window; ignored when a generator is given.
        generator: source of a random window and crop; without one, the crop is central, and
            decoding stops after the window.
        short: rule for a clip that is too short; see `frame_indices`.

    Raises:
        VideoError: the file cannot be read, or is too short.
    """
    if generator is None and short == "error":
        return read_video(path, start, frames, stride, change=shrinker(size))
    length = count_frames(path)  # whatever the header says
    if generator is not None:
        start = _draw(max(1, window_starts(length, frames, stride)), generator)
    try:
        wanted = frame_indices(length, frames, stride, start, short)
    except ValueError as error:
        raise VideoError(path, f"too short: {error}", "Or leave this file out") from error
    change = shrinker(size) if generator is None else _random_shrinker(size, generator)
    if wanted[-1] == start + (frames - 1) * stride:
        return read_video(path, start, frames, stride, change=change)
    return read_video(path, change=change)[wanted]  # there and back again


def shrinker(size: int, place: float = 0.5) -> FrameChange:
    """A `change` for `read_video` that cuts a frame to a square of full height and resizes that.

    Frame by frame, while a file is decoded, it gives the same as `centre_crop` and `resize` do
    with the whole clip, and a long file needs no more memory than its small frames.

    Args:
        size: side of the frames in pixels.
        place: of the square along the longer side, 0 to 1; see `motion_place`. 0.5 is the centre.
    """
    return partial(shrink_frame, size=size, place=place)


def shrink_frame(
    frame: UInt8[np.ndarray, "height width 3"], size: int, place: float = 0.5
) -> UInt8[np.ndarray, "size size 3"]:
    """Cut one frame to a square and resize it; see `shrinker`."""
    side = min(frame.shape[:2])
    top, left = (int(place * (length - side)) for length in frame.shape[:2])
    return _resize_frame(frame[top : top + side, left : left + side], size, size)


def _random_shrinker(size: int, generator: torch.Generator) -> FrameChange:
    """The same with a square that is drawn at the first frame, and kept: see `random_crop`."""
    places: list[int] = []

    def change(
        frame: UInt8[np.ndarray, "height width 3"],
    ) -> UInt8[np.ndarray, "size size 3"]:
        side = min(frame.shape[:2])
        if not places:
            places.extend(_draw(length - side + 1, generator) for length in frame.shape[:2])
        top, left = places
        return _resize_frame(frame[top : top + side, left : left + side], size, size)

    return change


def _check_crop(have: tuple[int, ...], height: int, width: int) -> None:
    if not (1 <= height <= have[0] and 1 <= width <= have[1]):
        raise ValueError(
            f"a crop of {height} x {width} does not fit frames of {have[0]} x {have[1]}: "
            "resize first or crop less"
        )


def _draw(choices: int, generator: torch.Generator) -> int:
    device = generator.device
    return int(torch.randint(choices, (1,), generator=generator, device=device))


def _resize_frame(
    frame: UInt8[np.ndarray, "height width 3"], height: int, width: int
) -> UInt8[np.ndarray, "new_height new_width 3"]:
    # Area averaging only makes sense for an axis that shrinks, so shrink first, then enlarge.
    smaller = (min(width, frame.shape[1]), min(height, frame.shape[0]))
    frame = cv2.resize(frame, smaller, interpolation=cv2.INTER_AREA)
    if smaller == (width, height):
        return frame
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR)
