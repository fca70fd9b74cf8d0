"""Small discriminators, and clips to show them."""

from typing import Any

import torch
from torch import Tensor, nn

from tests.support.seeds import seeded
from vgan_tutorial.discriminators import (
    DISCRIMINATORS,
    DualDiscriminator,
    MoCoGANDiscriminator,
    ResidualDiscriminator,
    StackedDiscriminator,
)
from vgan_tutorial.layers import initialise
from vgan_tutorial.shapes import PRESETS, MovingShapes


def build(name: str, preset: str = "tiny", **more: Any) -> Any:
    shape = PRESETS[preset]
    return initialise(DISCRIMINATORS[name](frames=shape.frames, size=shape.size, **more), seeded())


def clips_of(preset: str = "tiny", count: int = 4, seed: int = 0) -> Tensor:
    return MovingShapes(preset, seed).batch(count)[0]


def leaves(network: nn.Module) -> list[nn.Module]:
    """The layers of a network that is a plain chain, in order."""
    return [module for module in network.modules() if not list(module.children())]


def convolutions(network: nn.Module, clips: Tensor) -> list[tuple[int, ...]]:
    """Shapes without the batch that come out of every convolution, in order."""
    shapes = []
    hooks = [
        module.register_forward_hook(lambda layer, args, out: shapes.append(tuple(out.shape[1:])))
        for module in network.modules()
        if isinstance(module, (nn.Conv2d, nn.Conv3d))
    ]
    with torch.no_grad():
        network(clips)
    for hook in hooks:
        hook.remove()
    return shapes


def small_residual(**options: Any) -> ResidualDiscriminator:
    sizes: dict[str, Any] = {"frames": 8, "size": 16, "channels": 8, "shown": 3}
    return initialise(ResidualDiscriminator(**(sizes | options)), seeded()).eval()


def small_mocogan(**options: Any) -> Any:
    network = MoCoGANDiscriminator(frames=8, size=16, channels=8, **options)
    return initialise(network, seeded()).eval()


def stacked(classes: int = 3) -> Any:
    return initialise(StackedDiscriminator(8, 16, 8, classes), seeded()).eval()


def dual(classes: int = 3) -> DualDiscriminator:
    return initialise(DualDiscriminator(8, 16, 8, 8, classes=classes), seeded()).eval()
