"""The article's "stability" term, which mentions an undefined x-bar, in its four readings.

Every function takes ``(real, fake)`` batches whose first axis is the batch and whose other axes are
anything: the squared norm sums over all of them, and the expectation averages over the batch. A
clip has many thousand values, so the weight lambda in front has to be small.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from vgan_tutorial.types import Scalar


def distance_to_mean(samples: Float[Tensor, "batch *rest"], mean: Float[Tensor, "*rest"]) -> Scalar:
    """``E||G(z) - mean||^2`` for a fixed mean (eq-content-decomposition).

    Minimising it pulls every sample to one point, so the samples' variance goes too. With real
    samples in place of generated ones it is the article's content term for the discriminator: a
    constant, with no gradient (eq-discriminator-content).
    """
    return _squared_norm(samples - mean).mean()


def literal_content(
    real: Float[Tensor, "real_batch *rest"], fake: Float[Tensor, "batch *rest"]
) -> Scalar:
    """First reading, word for word: x-bar is the mean of the real batch, a constant."""
    return distance_to_mean(fake, real.detach().mean(dim=0))


def matching_means(
    real: Float[Tensor, "real_batch *rest"], fake: Float[Tensor, "batch *rest"]
) -> Scalar:
    """Second reading: ``||E[G(z)] - E[x]||^2``, compare averages with averages (eq-matching-means).

    It keeps the first half of the literal term and drops the half that destroys diversity.
    """
    return (fake.mean(dim=0) - real.mean(dim=0)).square().sum()


def feature_matching(
    real_features: Sequence[Float[Tensor, "real_batch ..."]],
    fake_features: Sequence[Float[Tensor, "batch ..."]],
) -> Scalar:
    """Third reading: match the means of a discriminator's features (eq-feature-matching).

    ``sum over layers of ||E[f(G(z))] - E[f(x)]||^2``; the real features act as targets and get no
    gradient. Salimans et al. 2016, section 3.1.

    Raises:
        ValueError: the two lists do not hold the same number of layers, or hold none.
    """
    if len(real_features) != len(fake_features) or not real_features:
        raise ValueError(
            "feature matching needs the same layers from both batches, and at least one: "
            f"got {len(real_features)} real and {len(fake_features)} fake"
        )
    layers = zip(real_features, fake_features, strict=True)
    return torch.stack([matching_means(real.detach(), fake) for real, fake in layers]).sum()


def paired_reconstruction(
    real: Float[Tensor, "batch *rest"], fake: Float[Tensor, "batch *rest"]
) -> Scalar:
    """Fourth reading: ``E||G(x') - x||^2``, a target for each output (eq-paired-reconstruction).

    It needs pairs, as in prediction or inpainting, where the generator sees part of the very clip
    that it must return. Isola et al. 2017, section 3.1, use this idea with an L1 norm.
    """
    return _squared_norm(fake - real).mean()


def _squared_norm(batch: Float[Tensor, "batch *rest"]) -> Float[Tensor, " batch"]:
    return batch.flatten(start_dim=1).square().sum(dim=1)
