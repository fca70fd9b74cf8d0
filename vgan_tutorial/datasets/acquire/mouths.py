"""Cut the mouth out of films of one speaker's head, at the same place of the face in each.

The speaker sits before the same wall in every film, a little higher or further left each time. So
no detector is needed: the eyes and the nose of one film, averaged over its first frames, are
looked for in the first frames of every other one. The mouth lies at the same distance from them.
What cannot be used is left out, and a table says why.
"""

import csv
import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from tqdm.auto import tqdm

from vgan_tutorial.errors import DataError, VideoError
from vgan_tutorial.files import replace_file
from vgan_tutorial.video_io import probe, read_video, write_video

logger = logging.getLogger(__name__)

FIRST = 10  # frames in which the face is looked for, before the speaker has begun to move much
LEAST_CORRELATION = 0.6  # in twelve films the face gave 0.72 to 1, the best other place 0.43
LEAST_CONTRAST = 10.0  # of a first frame; where the beginning was lost, decoders give plain grey
MOST_ORANGE = 120.0  # red less blue: 67 to 88 in a mouth as it should be, from 150 where tinted
MOST_MISSING = 1  # frames

Clip = UInt8[np.ndarray, "time height width 3"]
Picture = Float32[np.ndarray, "height width"]
Template = Float32[np.ndarray, "eyes_height eyes_width"]


@dataclass(frozen=True)
class Box:
    """A rectangle of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def of(self, picture: np.ndarray) -> np.ndarray:
        """The part of an array (height, width, ...) that lies in the rectangle; a view."""
        return picture[self.top : self.top + self.height, self.left : self.left + self.width]

    def moved(self, down: int, right: int) -> "Box":
        """The same rectangle elsewhere."""
        return Box(self.top + down, self.left + right, self.height, self.width)


@dataclass(frozen=True)
class Speaker:
    """Where to look in the films of a speaker.

    Attributes:
        reference: film in which `eyes` and `mouth` were measured.
        eyes: what is looked for: eyes and nose, which a speaking mouth does not change.
        mouth: what is cut out.
        frames: frames of a film.
    """

    reference: str
    eyes: Box
    mouth: Box
    frames: int


class NotUsableError(Exception):
    """A film that is left out; the message is the reason."""


def cut_mouths(
    films: Mapping[Path, Path], speaker: Speaker, dropped: Path, *, progress: bool = True
) -> dict[str, str]:
    """Cut the mouth out of each film, but for those that are there or were left out before.

    Args:
        films: path of the mouth's film for each film of the head.
        speaker: where to look; its reference is one of `films`.
        dropped: table to write, with the name of each film that was left out and the reason.
        progress: show a bar.

    Returns:
        The reason for each film that is left out, by its name.

    Raises:
        DataError: the film of reference cannot be used.
    """
    reasons = read_reasons(dropped)
    left = {
        head: mouth
        for head, mouth in films.items()
        if head.stem not in reasons and not mouth.exists()
    }
    if left:
        template = eyes_of(next(head for head in films if head.stem == speaker.reference), speaker)
    for head, mouth in tqdm(
        left.items(), desc="mouths", unit="film", disable=not (progress and left)
    ):
        try:
            clip = cut_mouth(head, template, speaker)
        except NotUsableError as error:
            logger.info("%s: left out, %s", head, error)
            reasons[head.stem] = str(error)
            _write_reasons(dropped, reasons)
            continue
        mouth.parent.mkdir(parents=True, exist_ok=True)
        write_video(mouth, clip, probe(head).fps or 25.0, "MJPG")
    _write_reasons(dropped, reasons)
    return reasons


def eyes_of(head: Path, speaker: Speaker) -> Template:
    """Eyes and nose in the film of reference.

    Raises:
        DataError: it cannot be read.
    """
    return np.ascontiguousarray(speaker.eyes.of(beginning(read_video(head, 0, FIRST))))


def cut_mouth(head: Path, template: Template, speaker: Speaker) -> Clip:
    """The mouth in a film of the head; the square stands still for the whole film.

    Args:
        head: film of the head.
        template: eyes and nose in the film of reference.
        speaker: where they lie there, and where the mouth does.

    Returns:
        uint8 clip (time, height, width, 3), RGB.

    Raises:
        NotUsableError: the film is damaged or short, shows no such face, or is tinted orange.
    """
    try:
        clip = read_video(head)
    except VideoError as error:
        raise NotUsableError(error.problem) from error
    if len(clip) < speaker.frames - MOST_MISSING:
        raise NotUsableError(f"only {len(clip)} of {speaker.frames} frames decode")
    contrast = float(clip[0].std(axis=(0, 1)).max())
    if contrast < LEAST_CONTRAST:
        raise NotUsableError(f"begins without a picture (contrast {contrast:.1f} of 255)")
    top, left, correlation = find(template, beginning(clip))
    if correlation < LEAST_CORRELATION:
        raise NotUsableError(f"shows no face that is like the others ({correlation:.2f} of 1)")
    box = speaker.mouth.moved(top - speaker.eyes.top, left - speaker.eyes.left)
    if not _is_inside(box, clip):
        raise NotUsableError("has the mouth at the border of the picture")
    mouth = clip[:, box.top : box.top + box.height, box.left : box.left + box.width]
    orange = float(mouth[..., 0].mean()) - float(mouth[..., 2].mean())
    if orange > MOST_ORANGE:
        raise NotUsableError(f"is tinted orange (red exceeds blue by {orange:.0f} of 255)")
    return mouth


def beginning(clip: Clip) -> Picture:
    """The mean of the first frames in grey; float32 (height, width) in 0..255."""
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in clip[:FIRST]]
    return np.asarray(np.mean(grey, axis=0), np.float32)


def find(template: Template, picture: Picture) -> tuple[int, int, float]:
    """Where a template fits a picture best, by normalised cross-correlation.

    For each place it is the correlation coefficient of the template's pixels with those under it,
    so that brightness and contrast play no part.

    Returns:
        Top, left, and the coefficient there, at most 1; -1 if the picture is too small.
    """
    if any(have < need for have, need in zip(picture.shape, template.shape, strict=True)):
        return 0, 0, -1.0
    scores = cv2.matchTemplate(picture, template, cv2.TM_CCOEFF_NORMED)
    top, left = np.unravel_index(int(scores.argmax()), scores.shape)
    return int(top), int(left), float(scores[top, left])


def read_reasons(table: Path) -> dict[str, str]:
    """The films that were left out, and why; none if there is no table yet.

    Raises:
        DataError: the table is of another form.
    """
    if not table.exists():
        return {}
    try:
        rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))
        return {row["film"]: row["reason"] for row in rows}
    except (ValueError, KeyError, csv.Error) as error:
        raise DataError(table, "is not a table of films and reasons", "Remove it") from error


def _write_reasons(table: Path, reasons: Mapping[str, str]) -> None:
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("film", "reason"))
    rows.writerows(sorted(reasons.items()))
    if not table.exists() or table.read_text(encoding="utf-8") != text.getvalue():
        replace_file(table, text.getvalue())


def _is_inside(box: Box, clip: Clip) -> bool:
    height, width = clip.shape[1:3]
    down, right = box.top + box.height, box.left + box.width
    return box.top >= 0 and box.left >= 0 and down <= height and right <= width
