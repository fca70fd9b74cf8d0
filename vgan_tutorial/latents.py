"""Latents, and the classes that they choose or that labels give, as vectors with one entry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vgan_tutorial.devices import send
from vgan_tutorial.types import Classes, Labels

Value = TypeVar("Value", int, Tensor)


@dataclass(frozen=True)
class Factor:
    """One of the things that a class says of a clip.

    Args:
        name: Name of the factor, such as "hair".
        values: Names of its values, in the order of their numbers.
        moves: Whether it is about how the clip moves, and not about who is seen.
    """

    name: str
    values: tuple[str, ...]
    moves: bool = True


def sample_latent(
    network: nn.Module, batch: int, generator: torch.Generator
) -> Float[Tensor, "batch *latent"]:
    """Standard normal latents for a generator network, on the device of its weights."""
    shape: tuple[int, ...] = network.latent_shape  # type: ignore[assignment]
    drawn = torch.randn(batch, *shape, generator=generator, device=generator.device)
    return send(drawn, next(network.parameters()).device)


def class_vector(
    latent: Float[Tensor, "batch latent"], labels: Labels | None, classes: Classes
) -> Float[Tensor, "batch classes"]:
    """One entry 1 for the value of each factor of each clip's class, the others 0.

    The class is given by `labels`, or chosen by the first numbers of each latent, one for each
    factor: its cumulative probability, uniform from 0 to 1, is cut into equal parts. So standard
    normal latents draw all classes equally often.

    Args:
        latent: Latents, of which only the first numbers are read.
        labels: Classes from 0, or None; see `read_labels`.
        classes: Number of classes, or the numbers of values of its factors.

    Raises:
        ValueError: if there is not one label for every latent.
    """
    counts = factor_counts(classes)
    if labels is None:
        share = torch.special.ndtr(latent[:, : len(counts)])
        values = [
            (share[:, place] * count).long().clamp(max=count - 1)
            for place, count in enumerate(counts)
        ]
        return one_hots(values, counts).to(latent)
    if len(labels) != len(latent):
        raise ValueError(f"there are {len(labels)} labels for {len(latent)} latents")
    return one_hots(read_labels(labels, counts), counts).to(latent)


def factor_counts(classes: Classes) -> tuple[int, ...]:
    """How many values each factor of a class has. Plain classes are one factor, 0 classes none."""
    if isinstance(classes, int):
        return (classes,) if classes else ()
    return tuple(classes)


def class_count(classes: Classes) -> int:
    """Number of classes: of all combinations, where they have factors."""
    return math.prod(factor_counts(classes)) if classes else 0


def join_values(values: Sequence[Value], counts: Sequence[int]) -> Value:
    """A label for the values of its factors, numbers or tensors of them: undoes `read_labels`."""
    label = values[0]
    for value, count in zip(values[1:], counts[1:], strict=True):
        label = label * count + value
    return label


def one_label(values: Sequence[int], classes: Classes) -> int:
    """The label of a class, given by the value of each of its factors; see `read_labels`.

    Raises:
        ValueError: if a value is out of range, or there is not one for every factor.
    """
    counts = factor_counts(classes)
    good = len(values) == len(counts)
    if not good or any(not 0 <= value < n for value, n in zip(values, counts, strict=True)):
        given, known = (", ".join(map(str, numbers)) for numbers in (values, counts))
        if len(counts) > 1:
            known = f"a number for each of {len(counts)} factors with {known} values"
        else:
            known = f"{known or 'no'} classes"
        raise ValueError(f"label is {given}, and the generator has {known}, counted from 0")
    return join_values(list(values), counts)


def labels_in_turn(classes: Classes, count: int, generator: torch.Generator) -> Labels:
    """Every class as often as any other; where they have factors, classes drawn at random."""
    if isinstance(classes, int):
        return torch.arange(count) % classes
    return torch.randint(class_count(classes), (count,), generator=generator)


def read_labels(labels: Labels, counts: Sequence[int]) -> list[Labels]:
    """The value of every factor. Labels count all combinations, the last factor goes round first.

    A label that is out of range gives the first factor a value that it does not have.

    Args:
        labels: Numbers from 0 to the product of `counts`, less 1.
        counts: Number of values of each factor.
    """
    values = []
    for count in reversed(counts[1:]):
        values.append(labels % count)
        labels = labels // count
    return [labels, *values[::-1]]


def one_hots(values: Sequence[Labels], counts: Sequence[int]) -> Int[Tensor, "clips values"]:
    """Each factor's value as a row with one 1 and zeros, side by side."""
    pairs = zip(values, counts, strict=True)
    return torch.cat([nn.functional.one_hot(value.long(), count) for value, count in pairs], dim=1)


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


def one_per_clip(
    labels: Labels | None, clips: int, classes: Classes
) -> Int[Tensor, "clips classes"]:
    """Each clip's class as a row with one 1 for each factor, and zeros.

    Raises:
        ValueError: unless there is one label for every clip.
    """
    if labels is None or len(labels) != clips:
        given = "none" if labels is None else len(labels)
        raise ValueError(f"{clips} clips need a label each, and {given} were given")
    counts = factor_counts(classes)
    return one_hots(read_labels(labels, counts), counts)


def refuse_labels(labels: Labels | None, network: nn.Module) -> None:
    """Raise a `ValueError` if labels were given to a network that cannot be told classes."""
    if labels is not None:
        raise ValueError(f"labels were given to a {type(network).__name__} with no classes")
