"""Toy data in one and two dimensions, and two ways to measure samples against them."""

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

RING_MODES = 8
RING_RADIUS = 2.0
RING_SPREAD = 0.1


def two_bumps(count: int, generator: torch.Generator) -> Float[Tensor, "count 1"]:
    """A one-dimensional mixture: 40 % around -1.5 (spread 0.3), 60 % around 1 (spread 0.4)."""
    left = torch.rand(count, 1, generator=generator) < 0.4
    noise = torch.randn(count, 1, generator=generator)
    return torch.where(left, -1.5 + 0.3 * noise, 1.0 + 0.4 * noise)


@cache
def ring_centres() -> Float[Tensor, "modes 2"]:
    """Centres of the ring's eight Gaussians, evenly spaced on a circle of radius 2."""
    angles = 2 * math.pi * torch.arange(RING_MODES) / RING_MODES
    return RING_RADIUS * torch.stack([angles.cos(), angles.sin()], dim=1)


def ring(count: int, generator: torch.Generator) -> Float[Tensor, "count 2"]:
    """Eight equally likely Gaussians on a ring: the classic test for mode collapse."""
    chosen = torch.randint(RING_MODES, (count,), generator=generator)
    noise = torch.randn(count, 2, generator=generator)
    return ring_centres()[chosen] + RING_SPREAD * noise


def two_moons(count: int, generator: torch.Generator) -> Float[Tensor, "count 2"]:
    """Two half circles that reach into each other, with a little noise."""
    angle = math.pi * torch.rand(count, generator=generator)
    upper = torch.rand(count, generator=generator) < 0.5
    across = torch.where(upper, angle.cos(), 1.0 - angle.cos()) - 0.5
    up = torch.where(upper, angle.sin(), 0.5 - angle.sin()) - 0.25
    noise = torch.randn(count, 2, generator=generator)
    return 1.5 * torch.stack([across, up], dim=1) + 0.08 * noise


def spiral(count: int, generator: torch.Generator) -> Float[Tensor, "count 2"]:
    """One arm that turns one and a half times while it grows, with a little noise."""
    along = torch.rand(count, generator=generator).sqrt()  # the square root evens out the density
    angle = 3 * math.pi * along
    noise = torch.randn(count, 2, generator=generator)
    return 2.2 * (along * torch.stack([angle.cos(), angle.sin()])).T + 0.06 * noise


TOYS: dict[str, Callable[[int, torch.Generator], Float[Tensor, "count dimensions"]]] = {
    "two-bumps": two_bumps,
    "ring": ring,
    "two-moons": two_moons,
    "spiral": spiral,
}


def sample_toy(
    name: str, count: int, generator: torch.Generator
) -> Float[Tensor, "count dimensions"]:
    """Draw ``count`` points of the toy called ``name``.

    Raises:
        ValueError: no toy has this name.
    """
    if name not in TOYS:
        raise ValueError(f"no toy called {name!r}; choose from {', '.join(TOYS)}")
    return TOYS[name](count, generator)


class Coverage(NamedTuple):
    """How well samples cover the ring."""

    modes: int  # of the eight Gaussians, how many receive at least one in a hundred samples
    good: float  # share of samples within three spreads of some centre


def count_modes(samples: Float[Tensor, "count 2"]) -> Coverage:
    """Count the ring's modes that the samples hit, and the share of samples that hit any.

    A sample belongs to the nearest centre if it lies within three spreads of it. A mode counts as
    hit when at least 1 % of all samples belong to it; a fair share would be 12.5 %.
    """
    distance, nearest = torch.cdist(samples, ring_centres()).min(dim=1)
    close = distance <= 3 * RING_SPREAD
    counts = torch.bincount(nearest[close], minlength=RING_MODES)
    return Coverage(int((counts >= 0.01 * len(samples)).sum()), close.float().mean().item())


class Shares(NamedTuple):
    """Where samples lie on the ring, as shares of all; what these leave lies elsewhere."""

    good: float  # within three spreads of some centre
    near: float  # three to five spreads from the nearest centre
    bridges: float  # farther off, but within half a unit of the circle: between two modes


def locate(samples: Float[Tensor, "count 2"]) -> Shares:
    """Share of samples that are good, near a mode, and on the bridges between modes."""
    distance = torch.cdist(samples, ring_centres()).min(dim=1).values
    good, around = distance <= 3 * RING_SPREAD, distance <= 5 * RING_SPREAD
    on_circle = (samples.norm(dim=1) - RING_RADIUS).abs() <= 0.5
    parts = (good, around & ~good, on_circle & ~around)
    return Shares(*(part.float().mean().item() for part in parts))


def wasserstein_1d(
    first: Float[Tensor, " count"], second: Float[Tensor, " count"]
) -> Float[Tensor, ""]:
    """Wasserstein-1 distance of two equally large samples on a line (eq-wasserstein-line).

    On a line the cheapest transport never crosses: the smallest goes to the smallest, and so on.
    """
    return (first.sort().values - second.sort().values).abs().mean()
