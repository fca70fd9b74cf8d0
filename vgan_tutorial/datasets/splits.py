"""Divisions into train, validation and test: by group, which does not leak, and by clip."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Split:
    """Indices of the clips that each part holds, in ascending order."""

    train: list[int]
    validation: list[int]
    test: list[int]


def split_by_group(
    groups: Sequence[str], shares: tuple[float, float, float] = (0.7, 0.15, 0.15), seed: int = 0
) -> Split:
    """Divide clips so that no group is in two parts.

    Args:
        groups: group of each clip.
        shares: parts of all clips that train, validation and test should get; met as nearly as
            whole groups allow.
        seed: number that decides which groups go where. The order of the clips plays no part in it.

    Raises:
        ValueError: the shares do not add up to 1, or a part with a share would stay empty.
    """
    names = sorted(set(groups))
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))
    members: dict[str, list[int]] = {names[place]: [] for place in order.tolist()}
    for index, group in enumerate(groups):
        members[group].append(index)
    return _deal(list(members.values()), shares, "groups")


def split_by_clip(
    groups: Sequence[str], shares: tuple[float, float, float] = (0.7, 0.15, 0.15), seed: int = 0
) -> Split:
    """Divide clips one by one, whatever their group. It leaks: it is here to show how much.

    Takes and raises the same as `split_by_group`.
    """
    order = torch.randperm(len(groups), generator=torch.Generator().manual_seed(seed))
    return _deal([[index] for index in order.tolist()], shares, "clips")


def _deal(units: list[list[int]], shares: tuple[float, float, float], what: str) -> Split:
    """Hand out units in order; a unit goes to the part in which its middle falls."""
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"the shares must be positive and add up to 1, got {shares}")
    total = sum(map(len, units))
    borders = np.cumsum(shares)[:2] * total
    parts: tuple[list[int], ...] = ([], [], [])
    dealt = 0
    for unit in units:
        parts[int(np.searchsorted(borders, dealt + len(unit) / 2))].extend(unit)
        dealt += len(unit)
    if any(share > 0 and not part for share, part in zip(shares, parts, strict=True)):
        raise ValueError(f"{len(units)} {what} are too few to divide into {shares}")
    return Split(*map(sorted, parts))
