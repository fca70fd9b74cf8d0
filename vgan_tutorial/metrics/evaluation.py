"""Every metric in one pass over a stream of clips, in memory that does not grow with the clips.

Clips come in batches, on any device, and are let go; a few numbers of each are kept, on the CPU,
which has the double precision that not every device has. The kernel distance and the
neighbours compare all pairs, which takes time and memory that grow with the square of the number
of clips, so they look at the first clips only: `pairwise` says how many.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vgan_tutorial.metrics.classifier import FEATURES, load_classifier
from vgan_tutorial.metrics.content import content_distance, motion_control
from vgan_tutorial.metrics.distances import (
    Moments,
    frechet_distance,
    frechet_floor,
    kernel_distance,
)
from vgan_tutorial.metrics.fvd import LOGITS
from vgan_tutorial.metrics.judged import BandedSummary, summarise_with_bands
from vgan_tutorial.metrics.neighbours import copying_share, expected_coverage, neighbour_scores
from vgan_tutorial.oracle import Verdict, join_verdicts, judge
from vgan_tutorial.shapes import Preset

# What can be asked for, and what it needs besides generated clips.
METRICS = {
    "judge": "the preset that the generator was trained on",
    "motion": "a preset, and a generator that was told each clip's motion",
    "content": "",
    "frechet": "real clips",
    "kernel": "real clips",
    "neighbours": "real clips",
    "copies": "the clips that the generator was trained on, and held-out ones",
    "fvd": "real clips, and the I3D network",
}
COMPARING = {"frechet", "kernel", "neighbours", "copies", "fvd"}  # with real clips

# Batches whose verdicts are joined into one. Many small results, each between the large ones that
# come and go, would leave holes in the memory that nothing else fits into.
JOINED = 8

Batch = Float[Tensor, "_ 3 time height width"]
Figures = dict[str, int | float]


class Kept:
    """What is kept of a stream of clips.

    Args:
        metrics: names in `METRICS`; nothing is computed that none of them needs.
        pairwise: number of clips whose features are kept whole.
        preset: for the judge and the motion score.
        i3d: for FVD; see `I3DFeatures`.
    """

    def __init__(
        self,
        metrics: Collection[str],
        pairwise: int = 5000,
        preset: Preset | None = None,
        i3d: Callable[[Batch], Tensor] | None = None,
    ) -> None:
        self.metrics, self.pairwise, self.preset = metrics, pairwise, preset
        self.i3d = i3d if "fvd" in metrics else None
        self.clips = 0
        self.moments, self.logits = Moments.empty(FEATURES), Moments.empty(LOGITS)
        self.content = Moments.empty(1)
        self.as_asked = 0
        self._features: list[Tensor] = []
        self._verdicts: list[Verdict] = []

    @torch.no_grad()
    def add(self, clips: Batch, wanted: Int[Tensor, " wanted"] | None = None) -> None:
        """Take in a batch.

        Args:
            clips: batch of clips in model range.
            wanted: the motion that each was to have, an index into the preset's list.
        """
        if "judge" in self.metrics and self.preset is not None:
            self._verdicts.append(judge(clips, self.preset))
            if len(self._verdicts) == JOINED:
                self._verdicts = [join_verdicts(self._verdicts)]
        if "motion" in self.metrics and self.preset is not None and wanted is not None:
            self.as_asked += int(motion_control(clips, wanted, self.preset).sum())
        if "content" in self.metrics:
            self.content.add(content_distance(clips)[:, None].cpu())
        if COMPARING & set(self.metrics):
            features = load_classifier("clip", clips.device).features(clips).cpu()
            self.moments.add(features)
            if self.clips < self.pairwise:  # a copy, as a part would hold on to its whole
                self._features.append(features[: self.pairwise - self.clips].clone())
        if self.i3d is not None:
            self.logits.add(self.i3d(clips).cpu())
        self.clips += len(clips)

    @property
    def features(self) -> Float[Tensor, "clips features"]:
        """Of the first `pairwise` clips."""
        return torch.cat(self._features)

    def summary(self) -> BandedSummary:
        """The judge's, with bands."""
        assert self.preset is not None
        return summarise_with_bands(join_verdicts(self._verdicts), self.preset)


def evaluate(
    metrics: Collection[str],
    fake: Iterable[tuple[Batch, Int[Tensor, " wanted"] | None]],
    real: Iterable[Batch] | None = None,
    held_out: Iterable[Batch] | None = None,
    *,
    preset: Preset | None = None,
    i3d: Callable[[Batch], Tensor] | None = None,
    pairwise: int = 5000,
) -> tuple[Figures, BandedSummary | None]:
    """Figures of generated clips, each under its own name, and the judge's with bands.

    Args:
        metrics: names in `METRICS`.
        fake: batches of generated clips, with the motions that were asked for or None.
        real: batches of real clips, as many; for "copies" those that were trained on.
        held_out: batches of real clips that were not, as many.
        preset: preset of Moving Shapes.
        i3d: the network that FVD is defined with; see `I3DFeatures`.
        pairwise: number of clips that kernel distance, neighbours and copies look at.

    Raises:
        ValueError: if a metric is unknown, or what it needs is missing.
    """
    _check(metrics, {"preset": preset, "real": real, "held_out": held_out, "i3d": i3d})
    made = Kept(metrics, pairwise, preset, i3d)
    asked = True
    for clips, wanted in fake:
        asked = asked and wanted is not None
        made.add(clips, wanted)
    if "motion" in metrics and not asked:
        raise ValueError(f"the metric motion needs {METRICS['motion']}")
    figures: Figures = {"clips": made.clips}
    summary = made.summary() if "judge" in metrics else None
    if summary is not None:
        figures |= asdict(summary.summary)
    if "motion" in metrics:
        figures["motion_score"] = made.as_asked / made.clips
    if "content" in metrics:
        figures["content_distance"] = made.content.mean.item()
    if real is not None:
        truth = _keep(real, Kept(metrics, pairwise, i3d=i3d))
        figures |= compare(metrics, truth, made)
    if "copies" in metrics and real is not None and held_out is not None:
        other = _keep(held_out, Kept(metrics, pairwise))
        figures["copying_share"] = copying_share(made.features, truth.features, other.features)
    return figures, summary


def compare(metrics: Collection[str], real: Kept, fake: Kept) -> Figures:
    """The figures that put generated clips beside real ones."""
    figures: Figures = {"real_clips": real.clips}
    if "content" in metrics:
        figures["content_distance_of_real"] = real.content.mean.item()
    if "frechet" in metrics:
        figures["frechet_distance"] = frechet_distance(real.moments, fake.moments)
        figures["frechet_floor"] = frechet_floor(real.moments, real.clips, fake.clips)
    if {"kernel", "neighbours"} & set(metrics):
        one, other = real.features, fake.features
        figures["compared_in_pairs"] = min(len(one), len(other))
    if "kernel" in metrics:
        figures["kernel_distance"] = kernel_distance(one, other)
    if "neighbours" in metrics:
        figures |= asdict(neighbour_scores(one, other))
        figures["coverage_of_a_perfect_generator"] = expected_coverage(len(one), len(other))
    if "fvd" in metrics:
        figures["fvd"] = frechet_distance(real.logits, fake.logits)
    return figures


def _keep(stream: Iterable[Batch], kept: Kept) -> Kept:
    for clips in stream:
        kept.add(clips)
    return kept


def _check(metrics: Collection[str], given: dict[str, object]) -> None:
    needs = {name: ["real"] for name in COMPARING}
    needs |= {"judge": ["preset"], "motion": ["preset"]}
    needs |= {"copies": ["real", "held_out"], "fvd": ["real", "i3d"]}
    for name in metrics:
        if name not in METRICS:
            raise ValueError(f"no metric is called {name!r}; choose from {', '.join(METRICS)}")
        if any(given[need] is None for need in needs.get(name, [])):
            raise ValueError(f"the metric {name} needs {METRICS[name]}")


def first(stream: Iterable[Batch], count: int) -> Iterator[Batch]:
    """The first `count` clips of a stream of batches; fewer if it ends."""
    for clips in stream:
        if count <= 0:
            return
        yield clips[:count]
        count -= len(clips)
