"""Generators with random weights, as small as a test allows, and latents for them."""

from typing import Any

import torch
from torch import Tensor, nn

from tests.support.seeds import seeded
from vgan_tutorial.generators import (
    ContentMotionGenerator,
    DCGANGenerator,
    MoCoGANGenerator,
    PainterGenerator,
    TGANGenerator,
)
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.layers import initialise
from vgan_tutorial.shapes import PRESETS

SMOOTH = {"kinds": 1, "moves": 1}  # a content-motion generator without choices


def drawn_network(preset: str = "tiny", seed: int = 0, **sizes: Any) -> ContentMotionGenerator:
    """A content-motion generator with weights of the size that training leaves them at."""
    network = ContentMotionGenerator(PRESETS[preset].frames, PRESETS[preset].size, **sizes)
    initialise(network, seeded(seed), std=0.08)
    with torch.no_grad():
        network.background.copy_(torch.tensor([-2.0, 0.0, 0.5]))
    return network.eval().requires_grad_(False)


def drawn_painter(frames: int = 8, size: int = 16, seed: int = 0, **sizes: Any) -> PainterGenerator:
    return finished(PainterGenerator(frames, size, **sizes), seed)


def drawn_dcgan(frames: int = 4, size: int = 16, **sizes: Any) -> DCGANGenerator:
    return finished(DCGANGenerator(frames, size, latent=20, channels=8, **sizes))


def drawn_mocogan(frames: int = 5, size: int = 16, **sizes: Any) -> MoCoGANGenerator:
    return finished(MoCoGANGenerator(frames, size, content=12, motion=6, channels=8, **sizes))


def drawn_tgan(frames: int = 8, size: int = 16, **sizes: Any) -> TGANGenerator:
    return finished(TGANGenerator(frames, size, latent=20, channels=8, **sizes))


def finished(network: Any, seed: int = 0) -> Any:
    """Random weights, and normalisations that have seen something."""
    initialise(network, seeded(seed))
    for norm in network.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.normal_(0, 0.1, generator=seeded(1))
            norm.running_var.uniform_(0.5, 1.5, generator=seeded(2))
    return network.eval().requires_grad_(False)


def latents_for(network: nn.Module, count: int = 6, seed: int = 3) -> Tensor:
    return sample_latent(network, count, seeded(seed))
