"""Sheets of the right layout, drawn by the tests: nobody's art, and every pose is another."""

from pathlib import Path

import numpy as np
from PIL import Image

from vgan_tutorial.sprites.sheets import ACTIONS, DIRECTIONS, PARTS

COUNTS = {"body": 3, "shoes": 2, "bottomwear": 2, "topwear": 2, "hair": 3}
PAINTS = [(230, 60, 40), (40, 200, 90), (60, 90, 240), (240, 220, 60)]
SHARES = {"body": 0.9, "shoes": 1.0, "bottomwear": 0.75, "topwear": 0.6, "hair": 0.5}


def write_sheets(folder: Path, counts: dict[str, int] = COUNTS) -> Path:
    """Write `<part>/<number>.png` for every part, and return the folder."""
    for part in PARTS:
        for number in range(counts[part]):
            path = folder / part / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draw_sheet(part, number)).save(path)
    return folder


def draw_sheet(part: str, number: int) -> np.ndarray:
    """One sheet: (1344, 832, 4), uint8."""
    sheet = np.zeros((21 * 64, 13 * 64, 4), np.uint8)
    for place, action in enumerate(ACTIONS.values()):
        for row in DIRECTIONS.values():
            for pose in range(action.poses):
                top, left = 64 * (action.row + row), 64 * (action.column + pose)
                cell = sheet[top : top + 64, left : left + 64]
                draw_part(cell, part, number, place, row, pose)
    return sheet


def draw_part(cell: np.ndarray, part: str, number: int, action: int, row: int, pose: int) -> None:
    """A block of colour; the body has an arm that says which act and pose it is."""
    paint = [round(SHARES[part] * value) for value in PAINTS[number]]
    lean = (0, -4, 0, 4)[row]  # up, left, down, right
    x = 26 + lean
    blocks = {
        "body": [(14, x, 40, 12)],
        "shoes": [(54, x - 2, 6, 16)],
        "bottomwear": [(40, x, 14, 12)],
        "topwear": [(26, x - 1, 14, 14)],
        "hair": [(8 - row, x - 2, 10, 16)],
    }[part]
    if part == "body":
        blocks.append((22 + 4 * pose, x + (14 if row % 2 else -14), 6, 12))
        blocks.append((4, 4 + 14 * action, 4, 8))
    for top, left, height, width in blocks:
        cell[top : top + height, left : left + width] = (*paint, 255)
