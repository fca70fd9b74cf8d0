"""Decode and encode video files.

A video file is a *container* (AVI, MP4, WebM ...) around a compressed stream made by a *codec*.
OpenCV does the decompression here, through FFmpeg; see `decoders`. Two of its habits stop at this
module's door: it orders colours blue-green-red, and it answers a broken file with silence. What
leaves this module is RGB, and a file that cannot be read raises `VideoError`.
"""

import logging
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from vgan_tutorial.avi import seeks_exactly
from vgan_tutorial.decoders import Capture, opened, quiet, seconds_held
from vgan_tutorial.errors import VideoError, is_utf8
from vgan_tutorial.files import replacing

logger = logging.getLogger(__name__)

# What is done to each frame as it leaves the decoder, such as a crop or a smaller size.
FrameChange = Callable[
    [UInt8[np.ndarray, "height width 3"]], UInt8[np.ndarray, "new_height new_width 3"]
]

# Codecs that a plain `pip install` of OpenCV can write, with the container that suits them.
WRITABLE = {
    "XVID": ".avi",  # MPEG-4 Part 2, as in UCF101: small, lossy
    "MJPG": ".avi",  # one JPEG a frame: larger, every frame stands alone
    "FFV1": ".avi",  # lossless
    "mp4v": ".mp4",  # MPEG-4 Part 2 in MP4
}
# Suffixes of the files that are taken for videos in a folder.
SUFFIXES = frozenset(
    {".avi", ".mp4", ".m4v", ".mkv", ".mov", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv"}
)
# Seconds by which a whole file may end before its declared end: durations are rounded.
LATE_END = 0.1
# OpenCV seeks to a key frame at least 16 frames back: a frame nearer than this is decoded as soon.
LEAST_WORTH_SEEKING = 32


@dataclass(frozen=True)
class VideoInfo:
    """The claims of a file's header; its frames may tell another story.

    Attributes:
        path: video file.
        declared_frames: claimed number of frames, None when missing or absurd. Matroska, WebM, FLV
            and MPEG files claim none.
        fps: frames per second, None when missing or absurd.
        width: pixels.
        height: pixels.
        codec: four-character code of the stream, such as "FMP4" or "h264".
        seconds: claimed duration of the file, None when missing; that of the sound if it is longer.
        interlaced: whether the first frame holds two fields, which were filmed one after the other.
    """

    path: Path
    declared_frames: int | None
    fps: float | None
    width: int
    height: int
    codec: str
    seconds: float | None = None
    interlaced: bool = False


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """Read a file's header, and decode no more than its first frame.

    Raises:
        VideoError: the file is missing, unreadable or not a video.
    """
    with opened(path) as capture:
        return _info(Path(path), capture)


def iter_frames(
    path: str | os.PathLike[str],
    start: int = 0,
    stride: int = 1,
    *,
    strict: bool = False,
    change: FrameChange | None = None,
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Yield frames `start`, `start + stride`, ... as RGB until decoding stops.

    Frames come in the order in which they are shown, each of them once, whatever the times that
    the file gives them; a rotation that the file asks for is carried out.

    The declared count is never trusted: every HMDB51 clip holds one frame fewer than it declares,
    and a truncated AVI declares them all and ends early without an error. One missing frame is
    accepted. More are logged as a warning, or raise when `strict` (see `missing_frames`).

    Interlaced frames come with one of their two fields, and the lines between filled in from the
    surroundings (`decoders.deinterlaced`): as many frames as before, without combs.

    Frames before `start` are decoded and dropped, but for AVI files in which a frame can be sought
    by its number for certain (see `avi.seeks_exactly`; the files of UCF101 are of this kind).
    OpenCV seeks in others too, but it reckons a frame's number from its time: where the frame rate
    varies it lands on another frame and reports the one asked for (`make benchmarks` counts how
    often). Only decoding from the beginning would notice. When `strict` nothing is sought, so that
    every frame is counted.

    Args:
        path: video file.
        start: first frame to yield.
        stride: step between the frames that are kept.
        strict: True raises when the file holds at least two frames fewer than it declares.
        change: function for each frame. It must treat the three channels alike, as crops and
            resizing do: their order is mended afterwards, when fewer pixels are left to mend.

    Raises:
        VideoError: no frame decodes, or frames are missing and `strict` is set.
        ValueError: `start` is negative or `stride` is not positive.
    """
    if start < 0 or stride < 1:
        raise ValueError(f"start must be at least 0 and stride at least 1, got {start}, {stride}")
    with opened(path) as capture:
        info = _info(Path(path), capture)
        decoded = 0 if strict else _seek(capture, info, start)
        while capture.grab():
            if decoded >= start and (decoded - start) % stride == 0:
                frame = capture.retrieve()
                if frame is None:
                    break
                yield _to_rgb(change(frame) if change else frame)
            decoded += 1
    _check_count(info, decoded, strict)


def iter_timed_frames(
    path: str | os.PathLike[str], change: FrameChange | None = None
) -> Iterator[tuple[float, UInt8[np.ndarray, "height width 3"]]]:
    """Yield every frame as `iter_frames` does, with its time in seconds since the first one.

    Times always grow: a frame without one of its own (such as the last of HMDB51's clips) is taken
    to come a regular interval after the one before. Raises `VideoError` as `probe` does.
    """
    with opened(path) as capture:
        interval = 1 / (_info(Path(path), capture).fps or 25)
        first = last = None
        while capture.grab():
            told = capture.seconds()
            first = told if first is None else first
            time = told - first if last is None or told - first > last else last + interval
            frame = capture.retrieve()
            if frame is None:
                break
            yield time, _to_rgb(change(frame) if change else frame)
            last = time


def count_frames(path: str | os.PathLike[str]) -> int:
    """Count the frames of a file that decode, whatever it declares; none of them is kept.

    Raises:
        VideoError: no frame decodes.
    """
    with opened(path) as capture:
        info, decoded = _info(Path(path), capture), 0
        while capture.grab():
            decoded += 1
    _check_count(info, decoded, strict=False)
    return decoded


def read_video(
    path: str | os.PathLike[str],
    start: int = 0,
    frames: int | None = None,
    stride: int = 1,
    *,
    strict: bool = False,
    change: FrameChange | None = None,
) -> UInt8[np.ndarray, "time height width 3"]:
    """Decode a video file to RGB.

    Args:
        path: video file.
        start: first frame to return.
        frames: number of frames to return; None reads to the end.
        stride: step between the frames that are kept.
        strict: True raises when the file holds at least two frames fewer than it declares.
        change: function for each frame as it is decoded; see `iter_frames`.

    Returns:
        uint8 array (time, height, width, 3) in 0..255. Greyscale files come out as RGB with three
        equal channels.

    Raises:
        VideoError: the file cannot be read, or ends before the frames asked for. A clip is never
            padded here: `preprocessing.sample_frames` states the rules for that.
        ValueError: `start`, `frames` or `stride` is out of range.
    """
    if frames is not None and frames < 1:
        raise ValueError(f"frames must be at least 1, got {frames}")
    decoded = iter_frames(path, start, stride, strict=strict, change=change)
    clip = list(islice(decoded, frames))
    if not clip or (frames is not None and len(clip) < frames):
        wanted = "a frame" if frames is None else f"{frames} frames"
        raise VideoError(
            path,
            f"too short: wanted {wanted} from frame {start} with stride {stride}, "
            f"the file gives {len(clip)}",
            "Ask for fewer frames, an earlier start or a smaller stride",
        )
    shapes = sorted({frame.shape for frame in clip})
    if len(shapes) > 1:
        sizes = " and ".join(f"{height} x {width}" for height, width, _ in shapes)
        raise VideoError(path, f"has frames of different sizes ({sizes})", "Convert it to one size")
    return np.stack(clip)


def write_video(
    path: str | os.PathLike[str],
    clip: UInt8[np.ndarray, "time height width 3"],
    fps: float,
    codec: str = "XVID",
) -> None:
    """Encode an RGB clip; the file appears under its name only once it is complete.

    Args:
        path: file to write; the suffix chooses the container (see `WRITABLE`).
        clip: uint8 (time, height, width, 3), RGB, even height and width.
        fps: frames per second.
        codec: four-character code; "FFV1" is lossless, "XVID" small.

    Raises:
        VideoError: the codec or container cannot be written here.
        ValueError: the clip is empty, of the wrong type, or has an odd side (the encoder would
            silently drop its last row or column).
    """
    _check_writable_clip(clip, fps)
    path = Path(path)
    if not is_utf8(path):
        raise VideoError(path, "has a name that is not valid UTF-8", "Choose another name")
    height, width = clip.shape[1:3]
    with replacing(path, suffix=path.suffix, sync=False) as draft:
        with quiet():
            writer = cv2.VideoWriter(
                os.path.abspath(draft),
                cv2.CAP_FFMPEG,
                cv2.VideoWriter.fourcc(*f"{codec:4.4}"),
                fps,
                (width, height),
            )
            opened = writer.isOpened()
            for frame in clip if opened else ():
                writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
            writer.release()
        if not opened or not draft.is_file():
            raise VideoError(
                path,
                f"cannot be written with codec {codec!r}",
                f"Check that the folder exists, and use one of {WRITABLE}",
            )


def _info(path: Path, capture: Capture) -> VideoInfo:
    fps = capture.get(cv2.CAP_PROP_FPS)
    fourcc = int(capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
    letters = fourcc.to_bytes(4, "little").decode("latin-1")
    return VideoInfo(
        path=path,
        declared_frames=capture.facts.frames,
        fps=fps if math.isfinite(fps) and fps > 0 else None,
        width=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        height=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        codec="".join(letter if letter.isprintable() else "?" for letter in letters).strip(),
        seconds=capture.facts.seconds,
        interlaced=capture.facts.interlaced,
    )


def _seek(capture: Capture, info: VideoInfo, start: int) -> int:
    """Go to frame `start` if that is certain to be right; the number of the frame that is next."""
    if start < LEAST_WORTH_SEEKING or not seeks_exactly(info.path, info.fps):
        return 0
    return start if capture.seek(start) else 0


def _to_rgb(frame: UInt8[np.ndarray, "..."]) -> UInt8[np.ndarray, "height width 3"]:
    if frame.ndim == 2:
        return cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB)
    return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)


def _check_count(info: VideoInfo, decoded: int, strict: bool) -> None:
    """Compare what decoded with what was declared, once the end of the file is reached."""
    if decoded == 0:
        raise VideoError(
            info.path,
            f"opens, but not one frame decodes (codec {info.codec or 'unknown'})",
            "OpenCV's wheels cannot decode AV1: convert it with `ffmpeg -i FILE out.avi`"
            if info.codec.lower() in ("av01", "av1")
            else "The file is damaged or OpenCV lacks its codec: try `ffmpeg -i FILE out.avi`",
        )
    shortfall = missing_frames(info, decoded)
    if shortfall and strict:
        raise VideoError(info.path, shortfall, "Copy it again, or read it with strict=False")
    if shortfall:
        logger.warning("%s: %s; the frames that decode are used", info.path, shortfall)


def missing_frames(info: VideoInfo, decoded: int) -> str | None:
    """Describe frames that a file declares but does not hold; None when all is well.

    One missing frame is normal (all of HMDB51), so it is not reported. Where a container declares
    no number, its duration is looked at instead: if picture and sound both end before it, the file
    was cut off. Sound may well go on when the picture has ended.
    """
    if info.declared_frames is not None:
        if decoded >= info.declared_frames - 1:
            return None
        return f"only {decoded} of {info.declared_frames} declared frames decode"
    if info.seconds is None or info.fps is None or decoded >= info.seconds * info.fps - 2:
        return None
    held = seconds_held(info.path)
    if held is None or held > info.seconds - max(2 / info.fps, LATE_END):
        return None
    return f"ends after {held:.1f} of the {info.seconds:.1f} seconds that it declares"


def _check_writable_clip(clip: np.ndarray, fps: float) -> None:
    if clip.dtype != np.uint8 or clip.ndim != 4 or clip.shape[3] != 3 or clip.size == 0:
        raise ValueError(
            f"expected a uint8 clip (time, height, width, 3), got {clip.dtype} {clip.shape}"
        )
    if clip.shape[1] % 2 or clip.shape[2] % 2:
        raise ValueError(
            f"height and width must be even to be encoded whole, got {clip.shape[1:3]}: "
            "crop or pad the clip first"
        )
    if not fps > 0:
        raise ValueError(f"fps must be positive, got {fps}")
