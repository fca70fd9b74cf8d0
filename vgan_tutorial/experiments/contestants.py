"""Who takes part in the comparison: six pairs of networks, and the recipes that they train by.

The published pairs come twice: with the loss and the optimiser of their paper, and with the
recommended recipe, which is `TrainingConfig`'s defaults. The painter and the tile generator are
this book's, and their recipes too.

What a published recipe differs in from the paper: the networks have the widths of `pairings`,
weights are drawn by He's rule, and the package's loop trains: one batch of fakes serves both
players, and the discriminator moves first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.optim import Adam, Optimizer, RMSprop

from vgan_tutorial.discriminators import DualDiscriminator
from vgan_tutorial.experiments.pairings import PAIRINGS, Pairing
from vgan_tutorial.experiments.records import Record
from vgan_tutorial.generators import PainterGenerator, VGANGenerator
from vgan_tutorial.shapes import Preset
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.state import TrainingState


@dataclass(frozen=True)
class Contestant:
    """Two players and how they are trained."""

    players: Pairing
    settings: dict[str, Any] = field(default_factory=dict)  # what differs from the defaults
    optimiser: Callable[..., Optimizer] | None = None  # in place of the loop's Adam


def priced_vgan(price: float = 0.1, **sizes: int) -> VGANGenerator:
    """VGAN's generator, which pays `price` times its mask's mean (Vondrick et al., NeurIPS 2016).

    The price is added to the gradient that comes back to the mask, as in the authors' code: so the
    loop need not know of it.
    """
    network = PAIRINGS["VGAN + VGAN"].generator(**sizes)
    assert isinstance(network, VGANGenerator)
    assert network.mask is not None

    def add_price(module: nn.Module, inputs: tuple[Tensor, ...], mask: Tensor) -> None:
        share = price / mask.numel()
        if mask.requires_grad:
            mask.register_hook(lambda slope: slope + share)

    network.mask.register_forward_hook(add_price)
    return network


_PAINTER = Pairing(PainterGenerator, DualDiscriminator, "recommends")
_VGAN, _TGAN = PAIRINGS["VGAN + VGAN"], PAIRINGS["TGAN + TGAN"]
_MOCOGAN, _RESIDUAL = PAIRINGS["MoCoGAN + MoCoGAN"], PAIRINGS["residual + residual"]
_CROSS_ENTROPY: dict[str, Any] = {
    "loss": "non-saturating",
    "penalty": 0.0,
    "learning_rate": 2e-4,
    "betas": (0.5, 0.999),
}

# In the order in which they run.
CONTESTANTS: dict[str, Contestant] = {
    "painter, recommended": Contestant(_PAINTER),
    "MoCoGAN, recommended": Contestant(_MOCOGAN),
    "VGAN, recommended": Contestant(_VGAN),
    "TGAN, recommended": Contestant(_TGAN),
    "residual, recommended": Contestant(_RESIDUAL),
    "tile, recommended": Contestant(PAIRINGS["content-motion + stacked"], {"penalty": 1.0}),
    # Tulyakov et al., CVPR 2018; the weights' decay is in the authors' code. This contestant alone
    # is told labels, the kinds of motion, for the category loss. The noise that the authors may
    # add before every layer is left out, as their code leaves it out unless asked.
    "MoCoGAN, published": Contestant(
        replace(_MOCOGAN, discriminator=partial(_MOCOGAN.discriminator, classes=3)),
        {**_CROSS_ENTROPY, "batch": 32, "classes": 3},
        partial(Adam, betas=(0.5, 0.999), weight_decay=1e-5),
    ),
    # Vondrick et al., NeurIPS 2016, section 2.4 and the authors' code.
    "VGAN, published": Contestant(
        replace(_VGAN, generator=priced_vgan), {**_CROSS_ENTROPY, "batch": 64}
    ),
    # Saito et al., ICCV 2017, section 4; rate and batch are those of the authors' code.
    "TGAN, published": Contestant(
        _TGAN,
        {
            "loss": "wasserstein",
            "penalty": 0.0,
            "singular_values_every": 5,
            "learning_rate": 5e-5,
            "batch": 32,
        },
        partial(RMSprop, alpha=0.99, eps=1e-8),
    ),
    # DVD-GAN: Clark et al., arXiv:1907.06571. Its batch of 512 is not affordable here, and there
    # are no classes.
    "residual, published": Contestant(
        _RESIDUAL,
        {
            "loss": "hinge",
            "penalty": 0.0,
            "discriminator_steps": 2,
            "learning_rate": 1e-4,
            "discriminator_learning_rate": 2e-4,
            "betas": (0.0, 0.999),
            "batch": 32,
        },
    ),
}


def begin(name: str, preset: Preset, seed: int) -> tuple[TrainingState, TrainingConfig]:
    """A contestant's run before its first step."""
    contestant = CONTESTANTS[name]
    shape: dict[str, Any] = {"frames": preset.frames, "size": preset.size, "seed": seed}
    config = TrainingConfig(**shape, **contestant.settings)
    state = contestant.players.start(config)
    if contestant.optimiser is not None:  # its rate is set before every step, as Adam's is
        state.generator_optimiser = contestant.optimiser(state.generator.parameters())
        state.discriminator_optimiser = contestant.optimiser(state.discriminator.parameters())
    return state, config


def describe(name: str, preset: Preset) -> Record:
    """A contestant's settings, and the sizes of its players."""
    state, _ = begin(name, preset, seed=0)
    optimiser = state.generator_optimiser
    return {
        "changes": CONTESTANTS[name].settings,
        "optimiser": type(optimiser).__name__,
        "weight_decay": optimiser.defaults["weight_decay"],
        "generator_parameters": _parameters(state.generator),
        "discriminator_parameters": _parameters(state.discriminator),
    }


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
