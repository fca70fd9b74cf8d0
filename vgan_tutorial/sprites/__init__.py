"""Sprites: game characters that act, drawn in layers, and the exact judge that reads them back."""

from vgan_tutorial.sprites.drawing import (
    Acts,
    draw_acts,
    draw_poses,
    every_character,
    sample_acts,
    split_characters,
)
from vgan_tutorial.sprites.judge import ActVerdict, SpritesJudge
from vgan_tutorial.sprites.sheets import (
    ACT_NAMES,
    ACTIONS,
    DIRECTIONS,
    FACTORS,
    PARTS,
    Sheets,
    has_sheets,
    read_sheets,
)
from vgan_tutorial.sprites.summary import ActSummary, judged_acts, summarise_acts

__all__ = [
    "ACTIONS",
    "ACT_NAMES",
    "DIRECTIONS",
    "FACTORS",
    "PARTS",
    "ActSummary",
    "ActVerdict",
    "Acts",
    "Sheets",
    "SpritesJudge",
    "draw_acts",
    "draw_poses",
    "every_character",
    "has_sheets",
    "judged_acts",
    "read_sheets",
    "sample_acts",
    "split_characters",
    "summarise_acts",
]
