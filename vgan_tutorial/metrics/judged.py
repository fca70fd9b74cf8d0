"""The exact judge's figures with confidence bands."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import torch
from jaxtyping import Float
from torch import Tensor

from vgan_tutorial.oracle import Summary, Verdict, summarise
from vgan_tutorial.shapes import Preset


@dataclass(frozen=True)
class Band:
    """A figure, and the interval that holds the true one with the chosen confidence."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class BandedSummary:
    """`summary`, and bands for those of its figures that are means over clips.

    Validity and motion validity are shares of clips, so they have Wilson's interval. The other
    bands are bootstrapped, and have no width where all clips agree.

    Found cells and the histogram distance have no band here. Resampling can only lose cells and
    only roughen a histogram, so their resampled figures all lie to one side. What a perfect
    generator would score with as many clips is `histogram_floor`.
    """

    summary: Summary
    validity: Band
    motion_validity: Band
    shape_consistency: Band
    colour_consistency: Band
    size_spread: Band
    histogram_floor: float

    def __str__(self) -> str:
        names = ("validity", "motion_validity", "shape_consistency", "colour_consistency")
        lines = [f"{name.replace('_', ' '):20}{getattr(self, name)}" for name in names]
        summary = self.summary
        return "\n".join(
            [
                *lines,
                f"{'size spread':20}{self.size_spread}",
                f"{'cells found':20}{summary.cells_found} of {summary.cells}",
                f"{'histogram distance':20}{summary.histogram_distance:.3f} "
                f"(a perfect generator: about {self.histogram_floor:.3f})",
            ]
        )


def bootstrap(
    values: Float[Tensor, "clips *figures"],
    generator: torch.Generator,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> list[Band]:
    """Percentile bands of means: draw as many clips again, with replacement.

    For a share not near 0 or 1 the band is close to (eq-share-band). Where all clips agree it has
    no width: for shares see `wilson`.

    Args:
        values: one row a clip, one column a figure; or a single figure a clip.
        generator: source of the resampling's randomness, on the CPU.
        resamples: number of draws.
        confidence: confidence of each band on its own.

    Returns:
        one band a figure.

    Raises:
        ValueError: without clips, or with a confidence outside 0 to 1.
    """
    if len(values) == 0 or not 0 < confidence < 1:
        raise ValueError(f"{len(values)} clips and confidence {confidence}: need some, and 0 to 1")
    table = values.reshape(len(values), -1).cpu().double()
    # Written into one table: small results that stay, each between large ones that go, would leave
    # a trail of holes in the memory, for 50,000 clips once more than a gigabyte of them.
    means = torch.empty(resamples, table.shape[1], dtype=torch.float64)
    for row in means:
        row.copy_(table[torch.randint(len(table), (len(table),), generator=generator)].mean(0))
    tail = (1 - confidence) / 2
    ends = torch.quantile(means, torch.tensor([tail, 1 - tail], dtype=torch.float64), dim=0)
    return [Band(*triple) for triple in zip(table.mean(0).tolist(), *ends.tolist(), strict=True)]


def wilson(good: int, clips: int, confidence: float = 0.95) -> Band:
    """Wilson's interval for the share of good clips (eq-wilson).

    All true shares p that are at most z standard errors, sqrt(p (1 - p) / clips), from the share
    that was found. It stays within 0 to 1, and has a width even when all clips are good or none is.

    Source: Wilson, Journal of the American Statistical Association 22, 1927.

    Args:
        good: number of good clips.
        clips: number of clips, at least one.
        confidence: chance that the interval holds the true share; z follows from it.

    Raises:
        ValueError: without clips, with more good ones than clips, or a confidence outside 0 to 1.
    """
    if not 0 <= good <= clips or clips == 0 or not 0 < confidence < 1:
        raise ValueError(
            f"{good} good of {clips} clips, confidence {confidence}: need some clips, no more good "
            "ones than clips, and a confidence between 0 and 1"
        )
    z, share = NormalDist().inv_cdf((1 + confidence) / 2), good / clips
    shrink = 1 + z**2 / clips
    centre = (share + z**2 / (2 * clips)) / shrink
    half = z * math.sqrt(share * (1 - share) / clips + (z / (2 * clips)) ** 2) / shrink
    low, high = 0.0 if good == 0 else centre - half, 1.0 if good == clips else centre + half
    return Band(share, low, high)  # at the edge without a rounding error


def summarise_with_bands(
    verdict: Verdict,
    preset: Preset,
    seed: int = 0,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> BandedSummary:
    """The judge's summary of a set of clips, with bands: `wilson` for shares, else `bootstrap`.

    The bands hold the chance of the draw of *clips*. That another training run would have come
    out differently is not in them: for that, train again with other seeds.
    """
    columns = torch.stack(
        [
            verdict.shape_consistency,
            verdict.colour_consistency,
            verdict.size_spread,
        ],
        dim=1,
    )
    bands = bootstrap(columns, torch.Generator().manual_seed(seed), resamples, confidence)
    clips, good = len(verdict.valid), int(verdict.motion_valid.sum())
    shape, colour, size = bands
    return BandedSummary(
        summary=summarise(verdict, preset),
        validity=wilson(int(verdict.valid.sum()), clips, confidence),
        motion_validity=wilson(good, clips, confidence),
        shape_consistency=shape,
        colour_consistency=colour,
        size_spread=size,
        histogram_floor=histogram_floor(good, preset.cells),
    )


def histogram_floor(clips: int, cells: int) -> float:
    """Histogram distance that a perfect generator scores on average (eq-histogram-floor).

    sqrt((cells - 1) / (2 pi clips)), from the normal approximation of each cell's count; close
    once there are a few clips a cell. At most 1.
    """
    return min(1.0, math.sqrt((cells - 1) / (2 * math.pi * clips))) if clips else 1.0
