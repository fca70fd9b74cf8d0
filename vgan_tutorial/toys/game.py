"""The training loop of the toys: two players, a loss by name, and mistakes to switch on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.losses import (
    ADVERSARIAL_LOSSES,
    ARTICLE_AS_PRINTED,
    AdversarialLoss,
    clip_weights,
    gradient_penalty,
    r1_penalty,
    r2_penalty,
)
from vgan_tutorial.toys.data import TOYS, sample_toy
from vgan_tutorial.toys.players import build_mlp, spectral_normalise

RESTRAINTS = ("none", "clip", "gp", "gp-one-sided", "r1", "r2", "r1+r2", "spectral")
MISTAKES = ("none", "forgotten-detach", "sigmoid-twice", "swapped-labels", "same-loss")


@dataclass(frozen=True)
class Game:
    """Everything that decides how a toy game goes.

    Attributes:
        data: name of the toy.
        loss: name of the adversarial loss.
        restraint: name of what holds the discriminator back.
        strength: the clipping limit for "clip", the whole factor in front of a penalty otherwise
            (lambda for "gp", gamma/2 for "r1" and "r2").
        mistake: one named mistake to switch on.
        steps: generator steps.
        discriminator_steps: discriminator steps before each generator step.
        batch: points a batch.
        latent: numbers in a latent code.
        width: units in each of the two hidden layers of both players.
        rate: Adam's learning rate, for both players.
        betas: Adam's two averaging factors; its own default is (0.9, 0.999).
        snapshots: number of pictures to keep, evenly spaced, both ends among them.
        seed: decides the weights, the data and the codes.
    """

    data: str = "ring"
    loss: str = "non-saturating"
    restraint: str = "none"
    strength: float = 1.0
    mistake: str = "none"
    steps: int = 1000
    discriminator_steps: int = 1
    batch: int = 128
    latent: int = 2
    width: int = 64
    rate: float = 2e-3
    betas: tuple[float, float] = (0.5, 0.9)
    snapshots: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse names that nothing answers to."""
        for kind, name, known in (
            ("data", self.data, TOYS),
            ("loss", self.loss, ADVERSARIAL_LOSSES),
            ("restraint", self.restraint, RESTRAINTS),
            ("mistake", self.mistake, MISTAKES),
        ):
            if name not in known:
                raise ValueError(f"unknown {kind} {name!r}; choose from {', '.join(known)}")


@dataclass(frozen=True)
class Snapshot:
    """The game at one moment: generated samples from a fixed set of codes."""

    step: int
    samples: Float[Tensor, "count dimensions"]
    arrows: Float[Tensor, "count dimensions"]  # where the generator's loss pushes each sample
    logits: Callable[[Float[Tensor, "points dimensions"]], Float[Tensor, " points"]]


@dataclass
class Run:
    """A finished game."""

    game: Game
    generator: nn.Sequential
    discriminator: nn.Sequential
    log: list[dict[str, float]] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)

    def sample(self, count: int, seed: int = 1) -> Float[Tensor, "count dimensions"]:
        """Draw samples from the trained generator."""
        rng = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            return self.generator(torch.randn(count, self.game.latent, generator=rng))


class Optimisers(NamedTuple):
    """One optimiser for each player: neither may ever step for the other."""

    generator: torch.optim.Optimizer
    discriminator: torch.optim.Optimizer


def play(game: Game) -> Run:
    """Train both players and return them with the log and the snapshots."""
    rng = torch.Generator().manual_seed(game.seed)
    dimensions = sample_toy(game.data, 1, rng).shape[1]
    generator = build_mlp(game.latent, dimensions, game.width, rng)
    discriminator = build_mlp(dimensions, 1, game.width, rng)
    if game.restraint == "spectral":
        spectral_normalise(discriminator, rng)
    run = Run(game, generator, discriminator)
    optimisers = Optimisers(_adam(generator, game), _adam(discriminator, game))
    codes, watched = torch.randn(300, game.latent, generator=rng), sample_toy(game.data, 300, rng)
    keep = {round(moment) for moment in torch.linspace(0, game.steps, game.snapshots).tolist()}
    for step in range(game.steps):
        if step in keep:
            run.snapshots.append(_look(run, step, codes))
        record = one_round(run, optimisers, rng)
        if step % max(1, game.steps // 100) == 0:
            record["generator gradient"] = _gradient_norm(generator)
            record["slope"] = r1_penalty(discriminator, watched).detach().sqrt()
            run.log.append({"step": step} | {name: v.item() for name, v in record.items()})
    run.snapshots.append(_look(run, game.steps, codes))
    return run


def _adam(player: nn.Module, game: Game) -> torch.optim.Optimizer:
    return torch.optim.Adam(player.parameters(), lr=game.rate, betas=game.betas, fused=True)


def one_round(run: Run, optimisers: Optimisers, rng: torch.Generator) -> dict[str, Tensor]:
    """Some discriminator steps, then one generator step, as in the original algorithm."""
    game, loss = run.game, _chosen_loss(run.game)
    optimisers.generator.zero_grad()
    for _ in range(game.discriminator_steps):
        real, fake = sample_toy(game.data, game.batch, rng), _generate(run, rng)
        if game.mistake != "forgotten-detach":
            fake = fake.detach()
        logits = _score(run, torch.cat([real, fake])).split(game.batch)  # one pass is cheaper
        swapped = game.mistake == "swapped-labels"
        discriminator_loss = loss.discriminator(*(reversed(logits) if swapped else logits))
        optimisers.discriminator.zero_grad()
        (discriminator_loss + _penalty(run, real, fake, rng)).backward()
        optimisers.discriminator.step()
        if game.restraint == "clip":
            clip_weights(run.discriminator, game.strength)

    leaked = _gradient_norm(run.generator)  # zero, unless somebody forgot to detach
    with torch.no_grad():
        real_logits = _score(run, real)
    generator_loss = loss.generator(real_logits, _score(run, _generate(run, rng)))
    generator_loss.backward(inputs=list(run.generator.parameters()))
    optimisers.generator.step()
    return {
        "discriminator loss": discriminator_loss.detach(),
        "generator loss": generator_loss.detach(),
        "real logit": logits[0].detach().mean(),
        "fake logit": logits[1].detach().mean(),
        "leaked gradient": leaked,
    }


def _chosen_loss(game: Game) -> AdversarialLoss:
    return ARTICLE_AS_PRINTED if game.mistake == "same-loss" else ADVERSARIAL_LOSSES[game.loss]


def _generate(run: Run, rng: torch.Generator) -> Float[Tensor, "batch dimensions"]:
    codes = torch.randn(run.game.batch, run.game.latent, generator=rng)
    return run.generator(codes)


def _score(run: Run, samples: Float[Tensor, "count dimensions"]) -> Float[Tensor, " count"]:
    """The discriminator's logits; with the mistake, probabilities that are passed off as logits."""
    logits = run.discriminator(samples).squeeze(1)
    return logits.sigmoid() if run.game.mistake == "sigmoid-twice" else logits


def _penalty(run: Run, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
    """The chosen penalty times its strength; zero for games without one."""
    restraint, player = run.game.restraint, run.discriminator
    total = torch.zeros(())
    if restraint in ("gp", "gp-one-sided"):
        one_sided = restraint == "gp-one-sided"
        total = gradient_penalty(player, real, fake, generator=rng, one_sided=one_sided)
    if restraint in ("r1", "r1+r2"):
        total = total + r1_penalty(player, real)
    if restraint in ("r2", "r1+r2"):
        total = total + r2_penalty(player, fake)
    return run.game.strength * total


def _gradient_norm(network: nn.Module) -> Float[Tensor, ""]:
    gradients = [p.grad.norm() for p in network.parameters() if p.grad is not None]
    return torch.stack(gradients).norm() if gradients else torch.zeros(())


def _look(run: Run, step: int, codes: Float[Tensor, "count latent"]) -> Snapshot:
    """Samples, the push that each one feels, and a frozen copy of the discriminator."""
    samples = run.generator(codes).detach().requires_grad_()
    scores = _score(run, samples)
    loss = _chosen_loss(run.game).generator(scores.detach(), scores) * len(codes)
    (gradient,) = torch.autograd.grad(loss, samples)
    weights = {name: value.clone() for name, value in run.discriminator.state_dict().items()}

    def logits(points: Float[Tensor, "points dimensions"]) -> Float[Tensor, " points"]:
        with torch.no_grad():
            return torch.func.functional_call(run.discriminator, weights, points).squeeze(1)

    return Snapshot(step, samples.detach(), -gradient, logits)
