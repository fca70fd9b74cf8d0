"""Show clips, figures and source code in the notebooks and on the pages made from them.

Every picture carries alternative text, for readers who do not see it: the functions refuse to
show one without. Clips are stored at their own size and enlarged by the browser, so that a
16 x 16 clip costs a few kilobytes. Players need no kernel and no network.
"""

import base64
import hashlib
import html
import inspect
import io
import json
import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from vgan_tutorial.preprocessing import to_uint8

ModelClips = Float[Tensor, "batch 3 time height width"]
ModelClip = Float[Tensor, "3 time height width"]
StoredClips = UInt8[np.ndarray, "batch time height width 3"]
StoredClip = UInt8[np.ndarray, "time height width 3"]
Clips = ModelClips | ModelClip | StoredClips | StoredClip
Picture = UInt8[np.ndarray, "height width 3"]
Sheet = UInt8[np.ndarray, "sheet_height sheet_width 4"]
Sheets = UInt8[np.ndarray, "time sheet_height sheet_width 4"]
Pictures = UInt8[np.ndarray, "count height width _"]

# Okabe and Ito's eight colours stay apart for every common kind of colour blindness. Yellow is
# left out: it is too pale for a line on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
LINES = ("-", "--", "-.", ":")
LOSSLESS_BYTES = 200_000
PIXELS, CLIP, DRAWING = "vgan-pixels", "vgan-clip", "vgan-drawing"  # classes of the style sheet
FIGURE_SCALE = 0.5  # figures are drawn at twice their size on the page, for fine screens


def set_style() -> None:
    """Set matplotlib's defaults for the book: legible, colour-blind-safe, on white."""
    plt.rcParams.update(
        {
            "figure.figsize": (7.0, 3.6),
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "figure.constrained_layout.use": True,
            "axes.prop_cycle": plt.cycler(color=COLOURS),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.alpha": 0.3,
            "font.size": 11,
            "lines.linewidth": 1.8,
            "legend.frameon": False,
            "image.cmap": "viridis",
        }
    )


def show_strip(
    clips: Clips,
    alt: str,
    caption: str | None = None,
    columns: int | None = None,
    labels: Sequence[str] = (),
    size: int | None = None,
) -> None:
    """Show the frames of one or several clips side by side, one row a clip.

    Args:
        clips: clips in model range, or uint8 as stored.
        alt: what the picture shows, in a sentence.
        caption: a line under the picture.
        columns: how many frames to show of each clip, evenly spaced; all if not given.
        labels: a short name for each row.
        size: width of a frame on the page, in pixels.
    """
    _display(strip_html(clips, alt, caption, columns, labels, size), alt)


def show_player(
    clips: Clips,
    alt: str,
    fps: int | float = 8,
    caption: str | None = None,
    columns: int | None = None,
    size: int | None = None,
) -> None:
    """Show one clip, or a grid of clips, in a player with a play button and a slider.

    Args:
        clips: clips in model range, or uint8 as stored.
        alt: what the clips show, in a sentence.
        fps: frames a second.
        caption: a line under the player.
        columns: clips in a row of the grid.
        size: width of one clip on the page, in pixels.
    """
    _display(player_html(clips, alt, fps, caption, columns, size), alt)


def show_scrubber(
    stages: Sequence[Clips | Picture | Figure],
    labels: Sequence[str],
    alt: str,
    caption: str | None = None,
    fps: int | float | None = None,
    columns: int | None = None,
    size: int | None = None,
) -> None:
    """Show a slider over stages, such as steps of training; it needs no kernel.

    Args:
        stages: one picture, matplotlib figure or set of clips for each stage, all of one size.
            Figures are drawn at their own dpi and then closed.
        labels: a short text for each stage, such as "step 200".
        alt: what the stages show, in a sentence.
        caption: a line under the slider.
        fps: frames a second of the clips (8 if not given), or stages a second of pictures (2).
        columns: clips in a row of the grid.
        size: width of a picture or of one clip on the page, in pixels.
    """
    _display(scrubber_html(stages, labels, alt, caption, fps, columns, size), alt)


def show_figure(figure: Figure, alt: str, caption: str | None = None) -> None:
    """Show a matplotlib figure with alternative text and a caption, then close it."""
    _display(figure_html(figure, alt, caption), alt)


def plot_curves(
    log: Sequence[Mapping[str, Any]],
    *keys: str,
    alt: str,
    caption: str | None = None,
    x: str = "step",
    xlabel: str | None = None,
    ylabel: str = "value",
    labels: Mapping[str, str] | None = None,
    logy: bool = False,
) -> None:
    """Plot columns of a training log against the step and show the figure.

    A record that lacks a key is left out of that key's curve. Curves differ in colour and in
    line style.

    Args:
        log: records as in the JSON-lines log.
        keys: the columns to draw.
        alt: what the curves show, in a sentence.
        caption: a line under the figure.
        x: the column on the horizontal axis.
        xlabel: its name, with the unit; the column's name if not given.
        ylabel: name of the vertical axis, with the unit.
        labels: names for the legend where they should differ from the keys.
        logy: whether the vertical axis is logarithmic.

    Raises:
        ValueError: if no key is given, or the log has no record with a key.
    """
    _require_alt(alt)
    if not keys:
        raise ValueError("plot_curves needs at least one key of the log to draw")
    figure, axes = plt.subplots()
    for index, key in enumerate(keys):
        points = [(record[x], record[key]) for record in log if x in record and key in record]
        if not points:
            plt.close(figure)
            known = sorted({name for record in log for name in record})
            raise ValueError(f"no record of the log holds both {x!r} and {key!r}; it has {known}")
        label = (labels or {}).get(key, key.replace("_", " "))
        axes.plot(*zip(*points, strict=True), label=label, linestyle=LINES[index % len(LINES)])
    axes.set(xlabel=xlabel or x.replace("_", " "), ylabel=ylabel)
    if logy:
        axes.set_yscale("log")
    if len(keys) > 1:
        axes.legend()
    show_figure(figure, alt, caption)


def show_source(*objects: Callable[..., Any] | type) -> None:
    """Show the source of functions or classes as the package runs it, highlighted."""
    for item in objects:
        text = source_markdown(item)
        _display_bundle({"text/markdown": text, "text/plain": text})


def source_markdown(item: Callable[..., Any] | type) -> str:
    """The real source of a function or class, as a highlighted block with its file's name."""
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(item))).rstrip()
    name = f"{item.__module__.replace('.', '/')}.py"
    return f"`{name}`\n\n```python\n{source}\n```"


def strip_html(
    clips: Clips,
    alt: str,
    caption: str | None = None,
    columns: int | None = None,
    labels: Sequence[str] = (),
    size: int | None = None,
) -> str:
    """The HTML that `show_strip` shows."""
    _require_alt(alt)
    rows = as_stored(clips)
    if labels and len(labels) != len(rows):
        raise ValueError(f"{len(rows)} clips but {len(labels)} labels: give one label a clip")
    _, time, height, width, _ = rows.shape
    columns = min(columns or time, time)
    shown = np.linspace(0, time - 1, columns).round().astype(int)
    sheet = _tile(rows[:, shown].reshape(-1, height, width, 3), columns)
    scale = _scale(width, size, min(160, 640 // columns))
    image = _img(sheet, alt, scale, _kind(scale))
    names = "".join(f"<span>{html.escape(label)}</span>" for label in labels)
    body = f'<div class="vgan-rows"><div>{names}</div>{image}</div>' if labels else image
    if columns > 1:
        body += '<div class="vgan-time" aria-hidden="true">time →</div>'
    return _figure(body, caption)


def player_html(
    clips: Clips,
    alt: str,
    fps: int | float = 8,
    caption: str | None = None,
    columns: int | None = None,
    size: int | None = None,
) -> str:
    """The HTML that `show_player` shows."""
    _require_alt(alt)
    stored = as_stored(clips)
    columns = columns or _square(len(stored))
    scale = _scale(stored.shape[3], size, min(192, 480 // columns))
    return _player(grid(stored, columns), (), alt, caption, fps, scale, _kind(scale))


def scrubber_html(
    stages: Sequence[Clips | Picture | Figure],
    labels: Sequence[str],
    alt: str,
    caption: str | None = None,
    fps: int | float | None = None,
    columns: int | None = None,
    size: int | None = None,
) -> str:
    """The HTML that `show_scrubber` shows."""
    _require_alt(alt)
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
        scale = _scale(width, size and size * width // _cell_width(stages[0]), 480)
        kind = _kind(scale)
    rate = fps or (8 if frames > 1 else 2)
    return _player(np.concatenate(sheets), labels, alt, caption, rate, scale, kind)


def figure_html(figure: Figure, alt: str, caption: str | None = None) -> str:
    """The HTML that `show_figure` shows; closes the figure."""
    _require_alt(alt)
    return _figure(_img(_rasterise(figure, FIGURE_SCALE), alt, FIGURE_SCALE, DRAWING), caption)


def as_stored(clips: Clips) -> StoredClips:
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


def _stage(stage: Clips | Picture | Figure, columns: int | None) -> Sheets:
    if isinstance(stage, Figure):
        return _rasterise(stage, 1.0)[None]
    if isinstance(stage, np.ndarray) and stage.ndim == 3:
        return _with_alpha(stage[None])
    stored = as_stored(stage)
    return grid(stored, columns or _square(len(stored)))


def _cell_width(stage: Clips | Picture) -> int:
    return stage.shape[-2] if isinstance(stage, np.ndarray) else stage.shape[-1]


def _square(count: int) -> int:
    return math.ceil(math.sqrt(count))


def _scale(width: int, size: int | None, room: int) -> float:
    """How much to enlarge: to the size asked for, else by the whole number that fits the room."""
    return size / width if size else float(max(1, room // width))


def _kind(scale: float) -> str:
    """How the browser should draw a clip: enlarged ones with sharp pixels."""
    return PIXELS if scale > 1 else CLIP


def grid(stored: StoredClips, columns: int) -> Sheets:
    """One picture a frame, with all clips side by side."""
    return np.stack([_tile(frames, columns) for frames in stored.swapaxes(0, 1)])


def _tile(pictures: Pictures, columns: int) -> Sheet:
    """Lay pictures out in rows, with a transparent gap between neighbours."""
    rows = math.ceil(len(pictures) / columns)
    pictures = _with_alpha(pictures)
    missing = rows * columns - len(pictures)
    gap = _gap(pictures.shape[2])
    padded = np.pad(pictures, ((0, missing), (0, gap), (0, gap), (0, 0)))
    _, height, width, _ = padded.shape
    cells = padded.reshape(rows, columns, height, width, 4).swapaxes(1, 2)
    return cells.reshape(rows * height, columns * width, 4)[:-gap, :-gap]


def _gap(width: int) -> int:
    """Pixels between neighbours on a sheet: a sixteenth of a picture, within limits."""
    return min(4, max(1, width // 16))


def _with_alpha(pictures: Pictures) -> Pictures:
    if pictures.shape[-1] == 4:
        return pictures
    return np.pad(pictures, ((0, 0), (0, 0), (0, 0), (0, 1)), constant_values=255)


def _rasterise(figure: Figure, scale: float) -> Sheet:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi / scale)
    plt.close(figure)
    return np.asarray(Image.open(buffer).convert("RGBA"))


def _img(picture: Sheet, alt: str, scale: float, kind: str) -> str:
    height, width, _ = picture.shape
    # dark-light tells the theme to leave the colours as they are when it is dark
    return (
        f'<img class="{kind} dark-light" alt="{html.escape(alt)}" src="{_encode(picture)}" '
        f'width="{round(width * scale)}" height="{round(height * scale)}">'
    )


def _encode(picture: Sheet) -> str:
    """A data URI: lossless WebP, or lossy where that would be large."""
    buffer = io.BytesIO()
    image = Image.fromarray(picture)
    image.save(buffer, "webp", lossless=True, quality=80)
    if buffer.tell() > LOSSLESS_BYTES:
        buffer = io.BytesIO()
        image.save(buffer, "webp", quality=80)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _player(
    pictures: Pictures,
    labels: Sequence[str],
    alt: str,
    caption: str | None,
    fps: int | float,
    scale: float,
    kind: str,
) -> str:
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
        "gap": _gap(width),
        "shown": round(width * scale),
        "fps": fps,
        "autoplay": frames > 1,
    }
    image = _img(_tile(pictures, columns), alt, min(scale, 640 / (width * columns)), kind)
    script = f"<script>{_asset('player.js')}</script>"
    return _figure(image, caption, html.escape(json.dumps(setup))) + script


def _sheet_columns(count: int, frames: int, width: int) -> int:
    """Frames in a row of the sheet, so that it is neither too wide nor too tall for WebP."""
    columns = min(frames, 8) if frames > 1 else _square(count)
    return max(1, min(columns, 16_000 // (width + _gap(width))))


def _figure(body: str, caption: str | None, setup: str = "") -> str:
    text = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    # The same content gives the same name, so that running a notebook again changes nothing.
    name = hashlib.sha256((body + setup).encode()).hexdigest()[:10]
    data = f' data-vgan="{setup}"' if setup else ""
    style = f"<style>{_asset('player.css')}</style>"
    return f'{style}<figure class="vgan-figure" id="vgan-{name}"{data}>{body}{text}</figure>'


def _asset(name: str) -> str:
    return (files("vgan_tutorial") / "assets" / name).read_text(encoding="utf-8")


def _require_alt(alt: str) -> None:
    if not alt.strip():
        raise ValueError("alt is empty: say in a sentence what a reader would see in the picture")


def _display(page: str, alt: str) -> None:
    _display_bundle({"text/html": page, "text/plain": f"[{alt}]"})


def _display_bundle(bundle: Mapping[str, str]) -> None:
    from IPython.display import display  # only notebooks need it

    display(dict(bundle), raw=True)
