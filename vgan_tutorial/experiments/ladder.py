"""The variants of a training step that `throughput` compares: a ladder of changes, one a rung."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from vgan_tutorial.experiments.published_loops import PUBLISHED, seeded, whole
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.layers import initialise
from vgan_tutorial.losses import (
    ADVERSARIAL_LOSSES,
    discriminator_loss,
    generator_loss,
    r1_penalty,
    r2_penalty,
    total_score,
)
from vgan_tutorial.training import (
    TrainingConfig,
    TrainingState,
    shapes_source,
    start,
    update_average,
)
from vgan_tutorial.training.disturb import Disturbed
from vgan_tutorial.training.graphs import can_record, stepper
from vgan_tutorial.training.processes import processes


@dataclass(frozen=True)
class Plain:
    """A step as one first writes it, and what can be mended about it."""

    lazy: bool = False  # the penalties come every n-th step, not in every one
    reused: bool = False  # the fakes of the discriminator's step serve the generator's too
    frozen: bool = False  # no gradients for weights that do not move, none through real clips
    packed: bool = False  # weights in channels-last order
    silent: bool = False  # no figure is read: the device need not be waited for
    near: bool = False  # clips are drawn on the device, not copied there


MENDED = Plain(lazy=True, reused=True, frozen=True, packed=True, silent=True, near=True)


@dataclass(frozen=True)
class Variant:
    """One way to train."""

    how: Plain | None = None  # None is the package's step
    changes: dict[str, Any] = field(default_factory=dict)  # of the configuration
    optional: bool = False  # left out, with the reason, where the device or PyTorch cannot do it
    paper: str = ""  # whose networks train in their own published loop instead
    tf32: bool = True  # convolutions of float32 may round to TF32, where there is such a thing

    @property
    def dtype(self) -> str:
        """The number format of its convolutions."""
        return "float32" if self.changes.get("precision", "no") == "no" else "bfloat16"


FUSED = {"fused": True}
HALF = FUSED | {"precision": "bf16"}
GRAPHS = {"graphs": True}
# Each row has everything that the rows above it have, but graphs, which compiled networks replace.
LADDER = {
    "the plain loop": Variant(Plain()),
    "penalties every 4th step": Variant(Plain(lazy=True)),
    "fakes used twice": Variant(Plain(lazy=True, reused=True)),
    "nothing computed for frozen weights": Variant(Plain(lazy=True, reused=True, frozen=True)),
    "channels last": Variant(replace(MENDED, silent=False, near=False)),
    "no figure read": Variant(replace(MENDED, near=False)),
    "clips drawn on the device": Variant(MENDED),
    "the package's step": Variant(),
    "fused Adam": Variant(changes=FUSED, optional=True),
    "bfloat16": Variant(changes=HALF, optional=True),
    "CUDA graphs": Variant(changes=HALF | GRAPHS, optional=True),
    "compiled networks": Variant(changes=HALF | {"compile": True}, optional=True),
}
# Number formats side by side, each in the quickest step that it has.
PRECISIONS = {
    "float32": Variant(changes=FUSED | GRAPHS, optional=True, tf32=False),
    "float32, rounded to TF32": Variant(changes=FUSED | GRAPHS, optional=True),
    "bfloat16": Variant(changes=HALF | GRAPHS, optional=True),
    "float16, scaled": Variant(changes=FUSED | {"precision": "fp16"}, optional=True),
}
KINDS = {
    "stacked": LADDER,
    "dual": LADDER,
    "precisions": PRECISIONS,
    "published": {f"{paper}, the plain loop": Variant(paper=paper) for paper in PUBLISHED},
}


def recommended(device: torch.device) -> str:
    """The row of the ladder that has all that pays on a device, without a compiler."""
    return {"cpu": "fused Adam", "cuda": "CUDA graphs"}.get(device.type, "bfloat16")


def plain_step(state: TrainingState, real: Tensor, config: TrainingConfig, how: Plain) -> None:
    """One step of each player, written out."""
    game = ADVERSARIAL_LOSSES[config.loss]
    every = config.penalty_every if how.lazy else 1
    fake = state.generator(sample_latent(state.generator, len(real), state.randomness))
    state.discriminator.requires_grad_(True)
    critic = Disturbed(state, config, real.device)  # draws the frames for a critic of frames
    total = discriminator_loss(game, critic(real), critic(fake.detach()))
    if state.step % every == 0:
        slopes = r1_penalty(critic.exact(), real) + r2_penalty(critic.exact(), fake.detach())
        total = total + every * config.penalty / 2 * slopes
    state.discriminator_optimiser.zero_grad()
    total.backward()
    state.discriminator_optimiser.step()
    if not how.reused:
        fake = state.generator(sample_latent(state.generator, len(real), state.randomness))
    state.discriminator.requires_grad_(not how.frozen)
    with torch.set_grad_enabled(not how.frozen):
        real_scores = critic(real)
    fake_scores = critic(fake)
    for_generator = generator_loss(game, real_scores, fake_scores)
    state.generator_optimiser.zero_grad()
    for_generator.backward()
    state.generator_optimiser.step()
    state.step += 1
    update_average(state.averaged, state.generator, config.ema, state.step)
    if not how.silent:
        scores = total_score(real_scores).mean(), total_score(fake_scores).mean()
        for figure in (total, for_generator, *scores):
            figure.item()


@dataclass
class Runner:
    """A pair of players of its own, and how it steps."""

    step: Callable[[Tensor], object]
    clips: Iterator[Tensor]
    device: torch.device
    state: TrainingState | None = None
    tf32: bool = True

    def run(self, steps: int) -> None:
        """Take so many steps."""
        torch.backends.cudnn.allow_tf32 = self.tf32
        for _ in range(steps):
            self.step(next(self.clips).to(self.device))


def build(variant: Variant, config: TrainingConfig, preset: str) -> Runner:
    """Fresh players, ready to take a variant's steps on the preset's clips."""
    device, how = processes().device, variant.how
    near = device if how is None or how.near else torch.device("cpu")
    clips = shapes_source(preset, near)(config.batch, seeded(config.seed))
    if variant.paper:
        players, loop = PUBLISHED[variant.paper]
        pair = [whole(initialise(each, seeded(0))) for each in players(config.frames, config.size)]
        return Runner(loop(*(each.to(device) for each in pair)), clips, device)
    config = replace(config, **variant.changes)
    if config.graphs and not can_record(config, device):
        raise RuntimeError("CUDA records steps, and there is none")
    state = start(config)
    if how is None:
        step = stepper(state, config)
        return Runner(lambda real: step(real, None), clips, device, state, variant.tf32)
    if not how.packed:
        for network in (state.generator, state.discriminator, state.averaged):
            for parameter in network.parameters():
                parameter.data = parameter.data.contiguous()
    return Runner(lambda real: plain_step(state, real, config, how), clips, device, state)


def same_gradients(critic: str = "stacked", preset: str = "tiny") -> bool:
    """Whether the plain loop with everything mended takes the package's steps, bit for bit."""
    config = replace(TrainingConfig(), batch=4, discriminator=critic)
    averages = []
    for variant in (LADDER["clips drawn on the device"], LADDER["the package's step"]):
        runner = build(variant, config, preset)
        runner.run(5)
        assert runner.state is not None
        averages.append(runner.state.averaged.parameters())
    return all(torch.equal(one, other) for one, other in zip(*averages, strict=True))
