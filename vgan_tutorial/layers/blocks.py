"""The few pieces that generators and discriminators share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


def doublings(size: int, start: int = 4) -> int:
    """How often `start` must double to reach `size`.

    Raises:
        ValueError: if it never does, with the sizes that would work.
    """
    count, reached = 0, start
    while reached < size:
        count, reached = count + 1, reached * 2
    if reached != size or count == 0:
        allowed = ", ".join(str(start * 2**n) for n in range(1, 6))
        raise ValueError(f"a frame of {size} pixels cannot be built; choose one of {allowed}, …")
    return count


def per_frame(
    network: nn.Module, clips: Float[Tensor, "batch channels time height width"]
) -> Tensor:
    """Apply an image network to every frame on its own: time joins the batch, and comes back."""
    batch, _, time, _, _ = clips.shape
    frames = clips.transpose(1, 2).flatten(0, 1)  # batch * time, channels, height, width
    out = network(frames).unflatten(0, (batch, time))
    return out.transpose(1, 2) if out.ndim == 5 else out


def perceptron(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers of the given sizes with leaky rectifiers between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation whose scale and shift depend on a vector (BigGAN, appendix B).

    Each channel is normalised, then multiplied by 1 + s(v) and shifted by t(v), both linear in the
    vector v of the sample: of its class, its latent, or both.
    """

    def __init__(self, channels: int, steering: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.steer = nn.Parameter(torch.zeros(steering, 2 * channels))

    def forward(
        self,
        features: Float[Tensor, "rows channels height width"],
        vectors: Float[Tensor, "rows steering"],
    ) -> Float[Tensor, "rows channels height width"]:
        """Normalise each row's features and let the row's own vector scale and shift them."""
        scale, shift = (vectors @ self.steer)[:, :, None, None].chunk(2, dim=1)
        return self.norm(features) * (1 + scale) + shift


class SelfAttention(nn.Module):
    """Every place looks at every other (Zhang et al., ICML 2019, section 3; as in BigGAN).

    Place i takes the mean of the values g_j, weighted by softmax over j of <theta_i, phi_j>. Keys
    phi and values g are halved in size first, by the largest of every 2x2 places, as in BigGAN's
    code: the table of weights has a row for every place and a column for every fourth of them. The
    sum enters through a gate that starts at 0, so that the layer is at first not there.

    Departure: no spectral normalisation.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels < 8:
            raise ValueError(f"self-attention needs at least 8 channels, not {channels}")
        self.theta = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.phi = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.g = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.out = nn.Conv2d(channels // 2, channels, 1, bias=False)
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(
        self, features: Float[Tensor, "rows channels height width"]
    ) -> Float[Tensor, "rows channels height width"]:
        """The features plus what each place found elsewhere."""
        query = self.theta(features).flatten(2)  # rows, channels / 8, places
        key = nn.functional.max_pool2d(self.phi(features), 2).flatten(2)
        value = nn.functional.max_pool2d(self.g(features), 2).flatten(2)
        weights = (query.transpose(1, 2) @ key).softmax(dim=2)  # rows, places, fewer places
        found = (value @ weights.transpose(1, 2)).unflatten(2, features.shape[2:])
        return features + self.gate * self.out(found)


class MinibatchStd(nn.Module):
    """One more channel that says how much the clips of a batch differ (Karras et al., ICLR 2018).

    A generator that makes one clip over and over gives itself away here: the channel is near 0
    (section 3 of the paper). The standard deviation over a group of samples is taken at every place
    and averaged over everything but the group.

    This mixes samples on purpose. A gradient penalty that takes the gradient of the sum of all
    logits is then about the batch, not about single clips, and that works in practice: the paper
    itself trains with WGAN-GP, and StyleGAN2 and DIGAN with R1.

    Args:
        group: samples that are compared; a batch that is smaller, or that it does not divide, is
            one group. A batch of one has standard deviation 0.
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        self.group = group

    def forward(self, features: Float[Tensor, "batch *places"]) -> Float[Tensor, "batch *more"]:
        """The features with the standard deviation of their group as one more channel on axis 1."""
        batch = len(features)
        size = batch if batch % self.group else self.group
        groups = features.unflatten(0, (-1, size))  # groups, size, channels, …
        variance = (groups - groups.mean(1, keepdim=True)).square().mean(1)
        std = (variance + 1e-8).sqrt().flatten(1).mean(1).repeat_interleave(size)
        shape = (batch, 1, *features.shape[2:])
        channel = std.reshape(batch, *[1] * (features.ndim - 1)).expand(shape)
        return torch.cat([features, channel], dim=1)


# How far a network looks ------------------------------------------------------------------------
