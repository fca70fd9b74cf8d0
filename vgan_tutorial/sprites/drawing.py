"""Characters that act: which they are, and their pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vgan_tutorial.devices import send, table
from vgan_tutorial.latents import join_values
from vgan_tutorial.sprites.sheets import (
    ACT_NAMES,
    ACTIONS,
    CELL,
    DIRECTIONS,
    FIRST_POSES,
    LENGTHS,
    Sheets,
)
from vgan_tutorial.types import Clips

GROUND = 128  # of 255: a grey ground, on which dark and light hair can be told


@dataclass
class Acts:
    """What a batch of clips shows, as indices into the lists of `sheets`."""

    parts: Int[Tensor, "batch parts"]  # number of each part's sheet, in the order of PARTS
    action: Int[Tensor, " batch"]
    direction: Int[Tensor, " batch"]
    start: Int[Tensor, " batch"]  # pose of the first frame

    def __len__(self) -> int:
        return len(self.action)

    def __getitem__(self, index: slice | Tensor) -> Acts:
        """Those of some of the clips."""
        return Acts(*(getattr(self, field.name)[index] for field in fields(self)))

    def to(self, device: torch.device | str) -> Acts:
        """The same on another device."""
        return Acts(*(send(getattr(self, field.name), device) for field in fields(self)))

    @property
    def cell(self) -> Int[Tensor, " batch"]:
        """Action and direction as one number: a place in `ACT_NAMES`."""
        return self.action * len(DIRECTIONS) + self.direction

    def labels(self, counts: Sequence[int]) -> Int[Tensor, " batch"]:
        """Act and the sheet of every part as one number, see `latents.read_labels`.

        Args:
            counts: Number of sheets of each part.
        """
        return join_values([self.cell, *self.parts.T], [len(ACT_NAMES), *counts])

    def poses(self, frames: int) -> Int[Tensor, "batch frames"]:
        """Number of the pose in every frame: one after the other, and round again."""
        device = self.action.device
        length = table(LENGTHS, device)[self.action]
        first = table(FIRST_POSES, device)[self.action] + self.direction * length
        turn = self.start[:, None] + torch.arange(frames, device=device)
        return first[:, None] + turn % length[:, None]


def draw_poses(
    sheets: Sheets, parts: Int[Tensor, "rows parts"], poses: Int[Tensor, " rows"], size: int = CELL
) -> Float[Tensor, "rows 3 size size"]:
    """Characters in poses, as intensities in [0, 1] on the grey ground.

    The sheets are shrunk first, and then laid over each other.

    Raises:
        ValueError: if `size` does not divide 64.
    """
    picture: Tensor | float = GROUND / 255
    for number, layer in enumerate(sheets.layers(size)):
        cells = layer[parts[:, number], poses]
        picture = cells[:, :3] + (1 - cells[:, 3:]) * picture
    assert isinstance(picture, Tensor)
    return picture


def draw_acts(sheets: Sheets, acts: Acts, frames: int = 8, size: int = CELL) -> Clips:
    """A clip of each act in model range [-1, 1], one pose a frame."""
    parts = acts.parts.repeat_interleave(frames, dim=0)
    pictures = draw_poses(sheets, parts, acts.poses(frames).flatten(), size)
    return pictures.unflatten(0, (-1, frames)).transpose(1, 2) * 2 - 1


def every_character(counts: Sequence[int]) -> Int[Tensor, "characters parts"]:
    """Every choice of a sheet for each part, in an order that is shuffled once and for all."""
    choices = torch.cartesian_prod(*(torch.arange(count) for count in counts))
    shuffle = torch.Generator().manual_seed(math.prod(counts))
    return choices[torch.randperm(len(choices), generator=shuffle)]


def split_characters(counts: Sequence[int], part: str) -> Int[Tensor, "characters parts"]:
    """Characters to train on, to choose by, to test with: four fifths, a tenth, a tenth.

    No character is in two parts, and every sheet can be in each.

    Args:
        counts: number of sheets of each part of the body.
        part: "train", "validation", "test", or "all".

    Raises:
        ValueError: for another part.
    """
    characters = every_character(counts)
    first, second = len(characters) * 8 // 10, len(characters) * 9 // 10
    parts = {
        "all": slice(None),
        "train": slice(first),
        "validation": slice(first, second),
        "test": slice(second, None),
    }
    if part not in parts:
        raise ValueError(f"no part is called {part!r}; choose one of {', '.join(parts)}")
    return characters[parts[part]]


def sample_acts(
    characters: Int[Tensor, "characters parts"], batch: int, generator: torch.Generator
) -> Acts:
    """Acts of characters, all factors uniform and independent of each other."""
    device = generator.device

    def choice(count: int) -> Tensor:
        return torch.randint(count, (batch,), generator=generator, device=device)

    who, action, direction = choice(len(characters)), choice(len(ACTIONS)), choice(len(DIRECTIONS))
    lengths = table(LENGTHS, device)
    start = torch.rand(batch, generator=generator, device=device) * lengths[action]
    return Acts(characters.to(device)[who], action, direction, start.long())
