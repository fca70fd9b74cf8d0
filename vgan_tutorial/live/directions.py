"""The directions of a latent that change most of what a generator draws."""

from __future__ import annotations

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.latents import sample_latent
from vgan_tutorial.live.programs import Half

STEP = 0.02  # of a latent's number, over which the change of a clip is measured
BATCH = 8  # clips that are drawn together


def directions(
    generator: nn.Module, half: Half, seed: int = 0, samples: int = 4
) -> Float[Tensor, "2 length"]:
    """The two directions of a half of the latent that change most of the clip.

    With J the Jacobian of the clip in the half's numbers, a small step d changes the clip by J d.
    The mean of ‖J d‖² over latents is dᵀ E[JᵀJ] d, and the unit vectors d that make it largest are
    the first eigenvectors of E[JᵀJ]. The columns of J are differences over a small step. A
    direction is 0 at a choice, and the same in every row of a half that has rows.

    Args:
        generator: Generator, on any device; it is not changed.
        half: Half of its latent.
        seed: Seed of the latents.
        samples: Number of latents that the mean is taken over.

    Returns:
        Unit vectors, the one that changes more first, each with its largest entry positive.
    """
    network = copy.deepcopy(generator).cpu().float().eval().requires_grad_(False)
    basis = _basis(half)
    latents = sample_latent(network, samples, torch.Generator().manual_seed(seed))
    moments = [_second_moment(network, latent, half, basis) for latent in latents]
    second_moment = torch.stack(moments).mean(0)
    vectors = torch.linalg.eigh(second_moment).eigenvectors.T.flip(0)[:2]
    largest = vectors.gather(1, vectors.abs().argmax(dim=1, keepdim=True))
    return (vectors * largest.sign()).float() @ basis


def _basis(half: Half) -> Float[Tensor, "free length"]:
    """Orthonormal steps that a direction is put together from."""
    numbers = (half.end - half.begin) // half.rows
    steps = torch.eye(numbers)[int(half.choices > 0) :]
    return steps.repeat(1, half.rows) / half.rows**0.5


def _second_moment(
    network: nn.Module, latent: Tensor, half: Half, basis: Tensor
) -> Float[Tensor, "free free"]:
    """JᵀJ at a latent."""
    steps = torch.zeros(1 + len(basis), latent.numel())
    steps[1:, half.begin : half.end] = STEP * basis
    moved = (latent.flatten() + steps).unflatten(1, latent.shape)
    clips = torch.cat([network(batch).flatten(1) for batch in moved.split(BATCH)])
    jacobian = (clips[1:] - clips[0]) / STEP  # latent, output
    return (jacobian @ jacobian.T).double()
