"""Architectures as figures: boxes on a grid, and arrows between them, in one hand.

A diagram is drawn for a telephone, 340 units wide, so that it never has to be scrolled or shrunk;
a wide page enlarges it a little. Lines and letters take the page's own colour, in light and dark.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vgan_tutorial.display.page import Shown, figure_tag, require_alt, shown
from vgan_tutorial.latents import sample_latent

WIDTH = 340.0  # of the drawing; a unit is a pixel on a page of 360
COLUMNS = 12  # of the grid
LETTERS = {"label": 11.5, "note": 10.0}  # heights of the two sizes of type, in units
STYLE = """
.vgan-diagram { display: block; width: 100%; max-width: 30rem; height: auto; color: inherit; }
.vgan-diagram text { fill: currentColor; text-anchor: middle; font-family: inherit; }
.vgan-diagram .vgan-note { opacity: .85; }
.vgan-diagram .vgan-arrow { fill: none; stroke: currentColor; stroke-width: 1.1; }
.vgan-diagram .vgan-head { fill: currentColor; }
.vgan-diagram rect { stroke: currentColor; stroke-width: 1.1; fill: none; }
.vgan-diagram .vgan-random { stroke-dasharray: 4 3; }
.vgan-diagram .vgan-network { fill: #56b4e9; fill-opacity: .28; }
"""
KINDS = ("random", "network", "data")

_ROW, _GAP, _MARGIN = 38.0, 17.0, 2.0
_LETTER_WIDTH = 0.54  # of a letter, on average, as a share of its height


@dataclass(frozen=True)
class Box:
    """One part of an architecture.

    Attributes:
        label: What it is.
        note: Numbers under it, such as a shape.
        row: Row of the grid, from the top.
        column: Column of its left edge, from 0 to 11.
        width: Number of columns.
        kind: "random" for what is drawn by chance, "network" for what is learnt, "data" for what
            these make.
        rows: Number of rows, for a part that stands beside several others.
    """

    label: str
    note: str
    row: int
    column: int
    width: int
    kind: str = "network"
    rows: int = 1

    @property
    def left(self) -> float:
        """Left edge, in units."""
        return _MARGIN + self.column * _cell() + 3

    @property
    def right(self) -> float:
        """Right edge, in units."""
        return _MARGIN + (self.column + self.width) * _cell() - 3

    @property
    def top(self) -> float:
        """Upper edge, in units."""
        return _MARGIN + self.row * (_ROW + _GAP)

    @property
    def bottom(self) -> float:
        """Lower edge, in units."""
        return self.top + self.rows * (_ROW + _GAP) - _GAP


def diagram(
    boxes: dict[str, Box], arrows: Sequence[tuple[str, str]], alt: str, caption: str | None = None
) -> Shown:
    """Boxes on a grid of 12 columns, and arrows from box to box.

    Args:
        boxes: Parts by a name of their own.
        arrows: Pairs of these names: from, to. Boxes that stand side by side are joined sideways,
            others downwards.
        alt: Sentence that says what the diagram shows.
        caption: Line under it.

    Raises:
        ValueError: if alt is empty, an arrow names no box or points upwards, two boxes overlap, or
            a box is of no known kind, leaves the grid, or is too narrow for its words.
    """
    require_alt(alt)
    for name, box in boxes.items():
        _check(name, box)
    _check_apart(boxes)
    drawn = [_draw_arrow(boxes, *ends) for ends in arrows]
    drawn += [_draw_box(box) for box in boxes.values()]
    height = max(box.bottom for box in boxes.values()) + _MARGIN
    drawing = (
        f'<svg class="vgan-diagram" viewBox="0 0 {WIDTH:g} {height:g}" role="img" '
        f'aria-label="{html.escape(alt)}"><style>{STYLE}</style>'
        f"{''.join(drawn)}</svg>"
    )
    return shown(figure_tag(drawing, caption), alt)


def _cell() -> float:
    return (WIDTH - 2 * _MARGIN) / COLUMNS


def _check(name: str, box: Box) -> None:
    if box.kind not in KINDS:
        raise ValueError(f"box {name!r} is of kind {box.kind!r}; choose from {', '.join(KINDS)}")
    if box.column < 0 or box.column + box.width > COLUMNS:
        raise ValueError(f"box {name!r} leaves the {COLUMNS} columns of the grid")
    for text, size in ((box.label, "label"), (box.note, "note")):
        room = (box.right - box.left - 4) / (_LETTER_WIDTH * LETTERS[size])
        if len(text) > room:
            raise ValueError(f"box {name!r} has room for {int(room)} letters, not for {text!r}")


def _check_apart(boxes: dict[str, Box]) -> None:
    taken: dict[tuple[int, int], str] = {}
    for name, box in boxes.items():
        for row in range(box.row, box.row + box.rows):
            for column in range(box.column, box.column + box.width):
                other = taken.setdefault((row, column), name)
                if other != name:
                    raise ValueError(f"boxes {other!r} and {name!r} overlap")


def _draw_box(box: Box) -> str:
    """A rectangle with its words in the middle."""
    middle, centre = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    shape = (
        f'<rect class="vgan-{box.kind}" x="{box.left:.1f}" y="{box.top:.1f}" rx="5" '
        f'width="{box.right - box.left:.1f}" height="{box.bottom - box.top:.1f}"/>'
    )
    if not box.note:
        return shape + _words(box.label, "label", middle, centre + 4)
    label = _words(box.label, "label", middle, centre - 3)
    return shape + label + _words(box.note, "note", middle, centre + 11)


def _words(text: str, size: str, x: float, y: float) -> str:
    return (
        f'<text class="vgan-{size}" font-size="{LETTERS[size]:g}" x="{x:.1f}" y="{y:.1f}">'
        f"{html.escape(text)}</text>"
    )


def _draw_arrow(boxes: dict[str, Box], start: str, end: str) -> str:
    """A straight arrow where the boxes face each other, else one with two bends."""
    for name in (start, end):
        if name not in boxes:
            raise ValueError(f"an arrow names {name!r}, which is no box: {', '.join(boxes)}")
    one, other = boxes[start], boxes[end]
    top, bottom = max(one.top, other.top), min(one.bottom, other.bottom)
    if top < bottom:  # side by side
        y = (top + bottom) / 2
        start_x, end_x = (
            (one.right, other.left) if one.left < other.left else (one.left, other.right)
        )
        back = 6 if start_x > end_x else -6
        head = f"M{end_x:.1f} {y:.1f}l{back} -3v6z"
        return _path(f"M{start_x:.1f} {y:.1f}H{end_x:.1f}", head)
    if one.bottom > other.top:
        raise ValueError(f"the arrow from {start!r} to {end!r} points upwards")
    left, right = max(one.left, other.left), min(one.right, other.right)
    if left < right:  # one over the other
        x = (left + right) / 2
        line = f"M{x:.1f} {one.bottom:.1f}V{other.top:.1f}"
    else:
        x = (other.left + other.right) / 2
        turn = other.top - 2 * _GAP / 3
        line = f"M{(one.left + one.right) / 2:.1f} {one.bottom:.1f}V{turn:.1f}H{x:.1f}"
        line += f"V{other.top:.1f}"
    return _path(line, f"M{x:.1f} {other.top:.1f}l-3 -6h6z")


def _path(line: str, head: str) -> str:
    return f'<path class="vgan-arrow" d="{line}"/><path class="vgan-head" d="{head}"/>'


# The numbers in the boxes -----------------------------------------------------------------------


@torch.no_grad()
def shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Shape of what each part of a generator gives, by the part's name, for one clip.

    The first axis is left out: it counts the clips, or their frames where time is folded into it.
    The whole network's name is "".

    Args:
        network: Generator with `latent_shape`; it draws one clip, in evaluation mode.
    """
    found: dict[str, tuple[int, ...]] = {}

    def watch(name: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def note(_module: nn.Module, _inputs: object, output: object) -> None:
            first = output[0] if isinstance(output, tuple) else output
            if isinstance(first, Tensor):
                found[name] = tuple(first.shape[1:])

        return module.register_forward_hook(note)

    was_training = network.training
    hooks = [watch(name, module) for name, module in network.named_modules()]
    try:
        network.eval()(sample_latent(network, 1, torch.Generator().manual_seed(0)))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return found


def written(shape: Sequence[int]) -> str:
    """A shape as the boxes write it: 64 × 4 × 4."""
    return " × ".join(map(str, shape))
