"""Small generators to look at."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from tests.support.seeds import seeded
from vgan_tutorial.generators import (
    GENERATORS,
    ContentMotionGenerator,
    MoCoGANGenerator,
    ResidualGenerator,
)
from vgan_tutorial.layers import ConditionalBatchNorm, SelfAttention, initialise
from vgan_tutorial.shapes import PRESETS


def build(name: str, preset: str = "tiny", **more: Any) -> Any:
    shape = PRESETS[preset]
    return initialise(GENERATORS[name](frames=shape.frames, size=shape.size, **more), seeded())


def parameters(*networks: nn.Module) -> int:
    """How many numbers they learn."""
    return sum(parameter.numel() for network in networks for parameter in network.parameters())


def shapes_through(
    layers: Iterable[nn.Module], features: Tensor, kind: type | tuple[type, ...]
) -> list[tuple[int, ...]]:
    """Shapes without the batch after every layer of a kind."""
    shapes = []
    with torch.no_grad():
        for layer in layers:
            features = layer(features)
            if isinstance(layer, kind):
                shapes.append(tuple(features.shape[1:]))
    return shapes


def small_mocogan(**options: Any) -> MoCoGANGenerator:
    sizes: dict[str, Any] = {
        "frames": 8,
        "size": 16,
        "content": 5,
        "motion": 4,
        "classes": 3,
        "channels": 8,
    }
    return initialise(MoCoGANGenerator(**(sizes | options)), seeded()).eval()


def small_content_motion() -> ContentMotionGenerator:
    return initialise(ContentMotionGenerator(4, 16, classes=3), seeded()).eval()


def small_residual(**options: Any) -> ResidualGenerator:
    sizes: dict[str, Any] = {"frames": 5, "size": 16, "latent": 12, "channels": 8, "classes": 3}
    network = initialise(ResidualGenerator(**(sizes | options)), seeded())
    for module in network.modules():
        if isinstance(module, SelfAttention):
            module.gate.data.fill_(0.5)
        if isinstance(module, ConditionalBatchNorm):
            module.steer.data.mul_(10)  # steering is weak in a fresh network
    return network.eval()
