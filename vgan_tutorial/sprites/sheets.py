"""Sheets of game characters: five layers of clothes and hair, laid over each other.

The layers are those of the Liberated Pixel Cup, in the choice that Li and Mandt made for their
benchmark (Disentangled Sequential Autoencoder, ICML 2018). A sheet holds one garment, in every pose
of every action, as cells of 64x64 pixels; every sheet has the same layout, so one cell of each,
laid over each other, is a character in that pose.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

from vgan_tutorial.errors import DataError
from vgan_tutorial.latents import Factor

CELL = 64  # height and width of a cell, in pixels

# The layers from the lowest to the topmost, each with the number of its sheets.
PARTS: dict[str, int] = {"body": 7, "shoes": 3, "bottomwear": 7, "topwear": 7, "hair": 10}


@dataclass(frozen=True)
class Action:
    """Where the poses of an action are: in a row for each direction, one beside the other."""

    row: int  # of the first of four directions
    column: int  # of the first pose
    poses: int


# Walking has one pose more, which stands still; it is not part of the round. Actions, and the
# directions in which a character looks, are in the order of the alphabet, as classes of a pack are.
ACTIONS: dict[str, Action] = {
    "cast": Action(0, 0, 7),
    "slash": Action(12, 0, 6),
    "thrust": Action(4, 0, 8),
    "walk": Action(8, 1, 8),
}
DIRECTIONS: dict[str, int] = {"down": 2, "left": 1, "right": 3, "up": 0}  # with their rows
ACT_NAMES = tuple(f"{action}-{direction}" for action in ACTIONS for direction in DIRECTIONS)
FACTORS = (  # of a clip: what a class can say of it
    Factor("act", ACT_NAMES),
    Factor("body", ("light", "tan", "blue", "lilac", "brown", "dark", "orc"), moves=False),
    Factor("shoes", ("brown", "golden", "steel"), moves=False),
    Factor(
        "bottomwear",
        ("white", "golden armour", "red", "steel armour", "blue", "green", "skirt"),
        moves=False,
    ),
    Factor(
        "topwear",
        ("brown", "blue", "white", "plate armour", "leather", "suit", "chain mail"),
        moves=False,
    ),
    Factor(
        "hair",
        (
            "green",
            "blue, tied up",
            "orange",
            "white",
            "rose",
            "violet",
            "half shaved",
            "red",
            "pink",
            "golden",
        ),
        moves=False,
    ),
)
LENGTHS = tuple(action.poses for action in ACTIONS.values())

# Poses are numbered: action by action, within it direction by direction.
FIRST_POSES = tuple(len(DIRECTIONS) * sum(LENGTHS[:place]) for place in range(len(LENGTHS)))
POSES = len(DIRECTIONS) * sum(LENGTHS)


class Sheets:
    """The cells of all sheets.

    Attributes:
        cells: for each part, red, green, blue and opacity of every pose of every sheet.
    """

    def __init__(self, cells: Mapping[str, UInt8[Tensor, "sheets poses 4 64 64"]]) -> None:
        self.cells = dict(cells)
        self._layers: dict[int, list[Tensor]] = {}

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of sheets of each part."""
        return tuple(len(cells) for cells in self.cells.values())

    def layers(self, size: int = CELL) -> list[Float[Tensor, "sheets poses 4 size size"]]:
        """Every part's cells, shrunk by averaging squares: colours times opacity, opacity.

        Raises:
            ValueError: if `size` does not divide 64.
        """
        if size < 1 or CELL % size:
            raise ValueError(f"sprites are {CELL} pixels high, and {size} does not divide {CELL}")
        if size not in self._layers:
            self._layers[size] = [_shrunk(cells, size) for cells in self.cells.values()]
        return self._layers[size]

    def to(self, device: torch.device | str) -> Sheets:
        """The same sheets on another device."""
        return Sheets({part: cells.to(device) for part, cells in self.cells.items()})


def _shrunk(
    cells: UInt8[Tensor, "sheets poses 4 64 64"], size: int
) -> Float[Tensor, "sheets poses 4 size size"]:
    shrunk = []
    for sheet in cells:  # one at a time, for memory
        whole = sheet.float() / 255
        weighted = torch.cat([whole[:, :3] * whole[:, 3:], whole[:, 3:]], dim=1)
        shrunk.append(avg_pool2d(weighted, CELL // size))
    return torch.stack(shrunk)


def has_sheets(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder looks like one of sheets: it has `0.png` for every part."""
    return all(Path(folder, part, "0.png").is_file() for part in PARTS)


def read_sheets(folder: str | os.PathLike[str]) -> Sheets:
    """Read `body/0.png`, `body/1.png`, … and so on for every part.

    Raises:
        DataError: a part has no sheet, or a sheet is no picture of 832 by 1,344 pixels.
    """
    cells = {}
    for part in PARTS:
        files = sorted(Path(folder, part).glob("*.png"), key=lambda path: (len(path.name), path))
        if not files:
            raise DataError(
                Path(folder, part), "holds no sheets (0.png, 1.png, ...)", "Fetch the sprites again"
            )
        cells[part] = torch.stack([_read_cells(path) for path in files])
    return Sheets(cells)


def _read_cells(path: Path) -> UInt8[Tensor, "poses 4 64 64"]:
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGBA"))
    except OSError as error:
        raise DataError(path, f"cannot be read as a picture: {error}", "Fetch it again") from error
    if pixels.shape != (21 * CELL, 13 * CELL, 4):
        height, width, _ = pixels.shape
        raise DataError(
            path, f"has {width} by {height} pixels where a sheet has 832 by 1344", "Fetch it again"
        )
    grid = torch.from_numpy(pixels.copy()).unflatten(0, (21, CELL)).unflatten(2, (13, CELL))
    table = grid.permute(0, 2, 4, 1, 3)  # row, column, channel, height, width
    return torch.cat(
        [
            table[action.row + turn, action.column : action.column + action.poses]
            for action in ACTIONS.values()
            for turn in DIRECTIONS.values()
        ]
    )
