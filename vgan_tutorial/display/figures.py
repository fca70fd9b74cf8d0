"""Matplotlib figures in the book's style, with alternative text."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from vgan_tutorial.display.page import DRAWING, Shown, figure_tag, img_tag, require_alt, shown
from vgan_tutorial.display.sheets import Sheet

# Okabe and Ito's eight colours stay apart for every common kind of colour blindness. Yellow is
# left out: it is too pale for a line on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
LINES = ("-", "--", "-.", ":")
CURVE_LEVELS = 32  # of each colour channel in a picture of curves: a third fewer bytes
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


def figure(
    drawing: Figure, alt: str, caption: str | None = None, levels: int | None = None
) -> Shown:
    """A matplotlib figure with alternative text and a caption; closes the figure.

    Args:
        drawing: any figure.
        alt: sentence that says what it shows.
        caption: line under it.
        levels: number of levels of each colour channel, if fewer than 256 will do; see `coarse`.

    Raises:
        ValueError: if alt is empty.
    """
    require_alt(alt)
    picture = rasterise(drawing, FIGURE_SCALE)
    picture = coarse(picture, levels) if levels else picture
    return shown(figure_tag(img_tag(picture, alt, FIGURE_SCALE, DRAWING), caption), alt)


def curves(
    log: Sequence[Mapping[str, Any]],
    *keys: str,
    alt: str,
    caption: str | None = None,
    x: str = "step",
    xlabel: str | None = None,
    ylabel: str = "value",
    labels: Mapping[str, str] | None = None,
    logy: bool = False,
) -> Shown:
    """A figure of columns of a training log against the step.

    A record that lacks a key is left out of that key's curve. Curves differ in colour and in
    line style.

    Args:
        log: records as in the JSON-lines log.
        keys: columns to draw.
        alt: sentence that says what the curves show.
        caption: line under the figure.
        x: column on the horizontal axis.
        xlabel: name of the horizontal axis, with the unit; the column's name if not given.
        ylabel: name of the vertical axis, with the unit.
        labels: names for the legend where they should differ from the keys.
        logy: logarithmic vertical axis instead of a linear one.

    Raises:
        ValueError: if alt is empty, no key is given, or the log has no record with a key.
    """
    require_alt(alt)
    if not keys:
        raise ValueError("curves needs at least one key of the log to draw")
    drawing, axes = plt.subplots()
    for index, key in enumerate(keys):
        points = [(record[x], record[key]) for record in log if x in record and key in record]
        if not points:
            plt.close(drawing)
            known = sorted({name for record in log for name in record})
            raise ValueError(f"no record of the log holds both {x!r} and {key!r}; it has {known}")
        label = (labels or {}).get(key, key.replace("_", " "))
        axes.plot(*zip(*points, strict=True), label=label, linestyle=LINES[index % len(LINES)])
    axes.set(xlabel=xlabel or x.replace("_", " "), ylabel=ylabel)
    if logy:
        axes.set_yscale("log")
    if len(keys) > 1:
        axes.legend()
    return figure(drawing, alt, caption, CURVE_LEVELS)


def coarse(picture: Sheet, levels: int) -> Sheet:
    """The picture with that many levels of each channel, from 0 to 255, at equal distances.

    Smoothed edges of lines and letters have hundreds of shades, which take most of a drawing's
    bytes. Nobody sees the difference there; in smooth colours one would.
    """
    step = 255 / (levels - 1)
    return np.round(np.round(picture / step) * step).astype(np.uint8)


def rasterise(drawing: Figure, scale: float) -> Sheet:
    """The pixels of a figure at its own dpi over `scale`; closes the figure."""
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png", dpi=drawing.dpi / scale)
    plt.close(drawing)
    return np.asarray(Image.open(buffer).convert("RGBA"))
