"""Strips, players and scrubbers: clips that need no kernel and no network."""

import html
import json
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from vgan_tutorial.display.figures import rasterise
from vgan_tutorial.display.page import (
    DRAWING,
    Shown,
    asset,
    figure_tag,
    img_tag,
    kind_of,
    require_alt,
    scale_for,
    script_tag,
    shown,
)
from vgan_tutorial.display.sheets import (
    AnyClips,
    Picture,
    Pictures,
    Sheets,
    StoredClips,
    as_stored,
    gap_between,
    grid,
    square,
    tile,
    with_alpha,
)


def strip(
    clips: AnyClips,
    alt: str,
    caption: str | None = None,
    columns: int | None = None,
    labels: Sequence[str] = (),
    size: int | None = None,
) -> Shown:
    """The frames of one or several clips side by side, one row a clip.

    Args:
        clips: clips in model range, or uint8 as stored.
        alt: sentence that says what the picture shows.
        caption: line under the picture.
        columns: number of frames shown of each clip, evenly spaced; all if not given.
        labels: short name for each row.
        size: width of a frame on the page, in pixels.

    Raises:
        ValueError: if alt is empty, or there is not one label a clip.
    """
    require_alt(alt)
    rows = as_stored(clips)
    if labels and len(labels) != len(rows):
        raise ValueError(f"{len(rows)} clips but {len(labels)} labels: give one label a clip")
    columns = min(columns or rows.shape[1], rows.shape[1])
    image = strip_image(rows, alt, columns, size)
    names = "".join(f"<span>{html.escape(label)}</span>" for label in labels)
    body = f'<div class="vgan-rows"><div>{names}</div>{image}</div>' if labels else image
    if columns > 1:
        body += '<div class="vgan-time" aria-hidden="true">time →</div>'
    return shown(figure_tag(body, caption), alt)


def strip_image(rows: StoredClips, alt: str, columns: int, size: int | None = None) -> str:
    """The image of a strip: some frames of each clip, evenly spaced, one row a clip."""
    _, time, height, width, _ = rows.shape
    times = np.linspace(0, time - 1, columns).round().astype(int)
    sheet = tile(rows[:, times].reshape(-1, height, width, 3), columns)
    scale = scale_for(width, size, min(160, 640 // columns))
    return img_tag(sheet, alt, scale, kind_of(scale))


def player(
    clips: AnyClips,
    alt: str,
    fps: int | float = 8,
    caption: str | None = None,
    columns: int | None = None,
    size: int | None = None,
) -> Shown:
    """One clip, or a grid of clips, in a player with a play button and a slider.

    Args:
        clips: clips in model range, or uint8 as stored.
        alt: sentence that says what the clips show.
        fps: frames a second.
        caption: line under the player.
        columns: number of clips in a row of the grid.
        size: width of one clip on the page, in pixels.

    Raises:
        ValueError: if alt is empty.
    """
    require_alt(alt)
    stored = as_stored(clips)
    columns = columns or square(len(stored))
    scale = scale_for(stored.shape[3], size, min(192, 480 // columns))
    return _player(grid(stored, columns), (), alt, caption, fps, scale, kind_of(scale))


def scrubber(
    stages: Sequence[AnyClips | Picture | Figure],
    labels: Sequence[str],
    alt: str,
    caption: str | None = None,
    fps: int | float | None = None,
    columns: int | None = None,
    size: int | None = None,
) -> Shown:
    """A slider over stages, such as steps of training; it needs no kernel.

    Args:
        stages: picture, matplotlib figure or set of clips for each stage, all of one size.
            Figures are drawn at their own dpi and then closed.
        labels: short text for each stage, such as "step 200".
        alt: sentence that says what the stages show.
        caption: line under the slider.
        fps: frames a second of the clips (8 if not given), or stages a second of pictures (2).
        columns: number of clips in a row of the grid.
        size: width of a picture or of one clip on the page, in pixels.

    Raises:
        ValueError: if alt is empty, there is not one label a stage, or stages differ in size.
    """
    require_alt(alt)
    if not stages or len(stages) != len(labels):
        raise ValueError(f"{len(stages)} stages but {len(labels)} labels: give one label a stage")
    sheets = [_stage(stage, columns) for stage in stages]
    shapes = sorted({sheet.shape[:3] for sheet in sheets})
    if len(shapes) > 1:
        raise ValueError(f"stages differ in size (time, height, width): {shapes}")
    frames, _, width, _ = sheets[0].shape
    if isinstance(stages[0], Figure):
        scale, kind = (size or width) / width, DRAWING
    else:
        scale = scale_for(width, size and size * width // _cell_width(stages[0]), 480)
        kind = kind_of(scale)
    rate = fps or (8 if frames > 1 else 2)
    return _player(np.concatenate(sheets), labels, alt, caption, rate, scale, kind)


def _stage(stage: AnyClips | Picture | Figure, columns: int | None) -> Sheets:
    if isinstance(stage, Figure):
        return rasterise(stage, 1.0)[None]
    if isinstance(stage, np.ndarray) and stage.ndim == 3:
        return with_alpha(stage[None])
    stored = as_stored(stage)
    return grid(stored, columns or square(len(stored)))


def _cell_width(stage: AnyClips | Picture) -> int:
    return stage.shape[-2] if isinstance(stage, np.ndarray) else stage.shape[-1]


def _player(
    pictures: Pictures,
    labels: Sequence[str],
    alt: str,
    caption: str | None,
    fps: int | float,
    scale: float,
    kind: str,
) -> Shown:
    """Pictures on one sheet, and the script that plays them: stage after stage, frame by frame."""
    count, height, width, _ = pictures.shape
    frames = count // max(1, len(labels))
    columns = _sheet_columns(count, frames, width)
    setup = {
        "frames": frames,
        "labels": list(labels),
        "columns": columns,
        "width": width,
        "height": height,
        "gap": gap_between(width),
        "shown": round(width * scale),
        "fps": fps,
        "autoplay": frames > 1,
    }
    image = img_tag(tile(pictures, columns), alt, min(scale, 640 / (width * columns)), kind)
    script = script_tag(asset("display", "controls.js"), asset("display", "player.js"))
    return shown(figure_tag(image, caption, html.escape(json.dumps(setup))) + script, alt)


def _sheet_columns(count: int, frames: int, width: int) -> int:
    """Frames in a row of the sheet, so that it is neither too wide nor too tall for WebP."""
    columns = min(frames, 8) if frames > 1 else square(count)
    return max(1, min(columns, 16_000 // (width + gap_between(width))))
