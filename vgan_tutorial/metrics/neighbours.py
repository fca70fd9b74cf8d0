"""What nearest neighbours tell: fidelity and variety apart, and whether clips were copied."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

Real = Float[Tensor, "reals features"]
Fake = Float[Tensor, "fakes features"]


@dataclass(frozen=True)
class NeighbourScores:
    """Four figures from balls around samples, each reaching to its k-th neighbour in its own set.

    Precision and density say how good the fakes are, recall and coverage how much of the real
    set they reach. All are between 0 and 1 but the density, which may exceed 1.
    """

    precision: float  # share of fakes inside some real ball
    recall: float  # share of reals inside some fake ball
    density: float  # real balls around a fake, over k
    coverage: float  # share of real balls that hold a fake


def neighbour_scores(real: Real, fake: Fake, k: int = 5, chunk: int = 1024) -> NeighbourScores:
    """Precision, recall, density and coverage of fakes (eq-precision-recall, eq-density-coverage).

    Sources: Kynkäänniemi et al., NeurIPS 2019 (precision and recall); Naeem et al., ICML 2020
    (density and coverage).

    Args:
        real: features of real clips.
        fake: features of generated ones. Figures depend on both numbers and on k: compare only
            with equal ones.
        k: which neighbour a ball reaches.
        chunk: rows of the distance table held at once.

    Raises:
        ValueError: if a set has no k-th neighbour to reach.
    """
    if min(len(real), len(fake)) <= k:
        raise ValueError(f"k = {k} needs more samples than {len(real)} real and {len(fake)} fake")
    real_radius = _radius(real, k, chunk)
    fake_radius = _radius(fake, k, chunk)
    balls = torch.zeros(len(fake), device=fake.device)  # real balls around each fake
    recalled, covered = [], []
    for rows, radius in zip(real.split(chunk), real_radius.split(chunk), strict=True):
        distance = _distances(rows, fake)  # some of the reals, all fakes
        balls += (distance < radius[:, None]).sum(0)
        recalled.append((distance < fake_radius).any(1))
        covered.append(distance.amin(1) < radius)
    return NeighbourScores(
        precision=(balls > 0).float().mean().item(),
        recall=torch.cat(recalled).float().mean().item(),
        density=(balls.mean() / k).item(),
        coverage=torch.cat(covered).float().mean().item(),
    )


def expected_coverage(real: int, fake: int, k: int = 5) -> float:
    """Coverage of fakes from the real distribution itself (eq-coverage-of-equals).

    A real ball misses every fake with chance prod_j (n - j) / (n + m - j), j = 1 to k, with n
    reals and m fakes: among all other samples, the k nearest must be real ones.
    """
    missed = 1.0
    for j in range(1, k + 1):
        missed *= (real - j) / (real + fake - j)
    return 1 - missed


def nearest(
    queries: Fake, targets: Real, chunk: int = 1024
) -> tuple[Float[Tensor, " fakes"], Int[Tensor, " fakes"]]:
    """Distance from each query to its nearest target, and which target that is."""
    parts = [_distances(rows, targets).min(1) for rows in queries.split(chunk)]
    return torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts])


def copying_share(
    fake: Fake, training: Real, held_out: Float[Tensor, "held_out features"]
) -> float:
    """Share of fakes whose nearest neighbour is a training clip (eq-copying-share).

    Training and held-out clips come from one distribution, and there are as many of each. A
    generator that only learnt the distribution has no reason to be nearer to either: 1/2. One
    that stores clips is nearer to those it was shown: up to 1. Ties count half.

    The comparison with held-out clips follows the three-sample test of Meehan, Chaudhuri and
    Dasgupta (AISTATS 2020), which compares whole distributions of distances.

    Raises:
        ValueError: if there are not as many training as held-out clips.
    """
    if len(training) != len(held_out):
        raise ValueError(
            f"{len(training)} training and {len(held_out)} held-out clips: the larger set has "
            "nearer neighbours by its number alone; give as many of each"
        )
    to_training, to_held_out = nearest(fake, training)[0], nearest(fake, held_out)[0]
    nearer, tied = to_training < to_held_out, to_training == to_held_out
    return (nearer.float() + 0.5 * tied.float()).mean().item()


def _distances(
    rows: Float[Tensor, "rows features"], others: Float[Tensor, "others features"]
) -> Float[Tensor, "rows others"]:
    # The quick form by matrix product loses the small distances that matter here.
    return torch.cdist(rows, others, compute_mode="donot_use_mm_for_euclid_dist")


def _radius(features: Real, k: int, chunk: int) -> Float[Tensor, " reals"]:
    """Distance of each sample to its k-th nearest other one."""
    parts = [_distances(rows, features).kthvalue(k + 1, dim=1) for rows in features.split(chunk)]
    return torch.cat([part.values for part in parts])
