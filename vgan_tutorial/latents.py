"""Latents, and the classes that they choose or that labels give, as vectors with one entry."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vgan_tutorial.devices import send
from vgan_tutorial.types import Labels


def sample_latent(
    network: nn.Module, batch: int, generator: torch.Generator
) -> Float[Tensor, "batch *latent"]:
    """Standard normal latents for a generator network, on the device of its weights."""
    shape: tuple[int, ...] = network.latent_shape  # type: ignore[assignment]
    drawn = torch.randn(batch, *shape, generator=generator, device=generator.device)
    return send(drawn, next(network.parameters()).device)


def class_vector(
    latent: Float[Tensor, "batch latent"], labels: Labels | None, classes: int
) -> Float[Tensor, "batch classes"]:
    """One entry 1 for each clip's class, the others 0.

    The class is given by `labels`, or chosen by the first number of each latent: its cumulative
    probability, uniform from 0 to 1, is cut into equal parts. So standard normal latents draw all
    classes equally often.

    Args:
        latent: Latents, of which only the first numbers are read.
        labels: Classes from 0 to `classes` - 1, or None.
        classes: Number of classes.

    Raises:
        ValueError: if there is not one label for every latent.
    """
    if labels is None:
        share = torch.special.ndtr(latent[:, 0])
        labels = (share * classes).long().clamp(max=classes - 1)
    if len(labels) != len(latent):
        raise ValueError(f"there are {len(labels)} labels for {len(latent)} latents")
    return nn.functional.one_hot(labels.long(), classes).to(latent)


def choose(
    latent: Float[Tensor, "batch length"], choices: int, picks: int = 1
) -> Float[Tensor, "batch longer"]:
    """Read the first numbers of a standard normal latent as choices, all choices equally likely.

    A number's cumulative probability, which is uniform from 0 to 1, is cut into equal parts. Its
    choice is written as a vector with one entry that is not zero, scaled to a mean square of 1 like
    the rest of the latent, which follows.

    Args:
        latent: Latents.
        choices: Number of things that each choice is between.
        picks: Number of choices.
    """
    share = torch.special.ndtr(latent[:, :picks])
    chosen = (share * choices).long().clamp(max=choices - 1)
    one_hot = nn.functional.one_hot(chosen, choices).flatten(1) * choices**0.5
    return torch.cat([one_hot.to(latent), latent[:, picks:]], dim=1)


def one_per_clip(labels: Labels | None, clips: int, classes: int) -> Int[Tensor, "clips classes"]:
    """Each clip's class as a row with one 1 and zeros.

    Raises:
        ValueError: unless there is one label for every clip.
    """
    if labels is None or len(labels) != clips:
        given = "none" if labels is None else len(labels)
        raise ValueError(f"{clips} clips need a label each, and {given} were given")
    return nn.functional.one_hot(labels.long(), classes)


def refuse_labels(labels: Labels | None, network: nn.Module) -> None:
    """Raise a `ValueError` if labels were given to a network that cannot be told classes."""
    if labels is not None:
        raise ValueError(f"labels were given to a {type(network).__name__} with no classes")
