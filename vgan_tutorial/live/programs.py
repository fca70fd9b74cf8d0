"""How each generator that the page can run is written as a program.

One function for each kind of network adds the operations and says which numbers of a latent are
about what; another says with which arguments the network is built again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from vgan_tutorial.generators import (
    ContentMotionGenerator,
    DCGANGenerator,
    MoCoGANGenerator,
    PainterGenerator,
    TGANGenerator,
)
from vgan_tutorial.latents import factor_counts
from vgan_tutorial.live.program import Program
from vgan_tutorial.types import Classes


@dataclass(frozen=True)
class Half:
    """Numbers of a latent that belong together, from `begin` to `end`.

    Args:
        title: Heading of its controls: who is seen, how it moves, or the latent that is not split.
        noun: Name of what its first number chooses.
        begin: Place of its first number.
        end: Place behind its last.
        choices: Number of choices of its first number; 0 if that is a number like the others.
        rows: Number of equal rows, one for every frame; a direction is the same in all of them.
    """

    title: str
    noun: str
    begin: int
    end: int
    choices: int = 0
    rows: int = 1


@dataclass(frozen=True)
class Kind:
    """A kind of network.

    Args:
        network: Class of the network.
        arguments: Function that gives the arguments with which it is built again.
        write: Function that writes it as a program.
        samples: Number of latents that its directions are worked out from.
    """

    network: type[nn.Module]
    arguments: Callable[[Any], dict[str, Any]]
    write: Callable[[Any, Program], list[Half]]
    samples: int


def kind_of(network: nn.Module) -> str:
    """Name of the kind of a network.

    Raises:
        ValueError: for a network that the page cannot run.
    """
    for name, kind in KINDS.items():
        if isinstance(network, kind.network):
            return name
    names = ", ".join(kind.network.__name__ for kind in KINDS.values())
    raise ValueError(f"the page cannot run a {type(network).__name__}, only one of {names}")


def _split(
    classes: Classes, content: int, motion: int, choices: tuple[int, int] = (0, 0), rows: int = 1
) -> list[Half]:
    """Who and how, after the numbers that choose the class; `rows` are those of the motion."""
    begin = len(factor_counts(classes))
    middle = begin + content
    return [
        Half("Who", "Figure", begin, middle, choices[0]),
        Half("How", "Move", middle, middle + motion, choices[1], rows),
    ]


# Content-motion ----------------------------------------------------------------------------------


def _content_motion_arguments(network: ContentMotionGenerator) -> dict[str, Any]:
    names = ("frames", "size", "content", "motion", "kinds", "moves", "waves", "cells", "span")
    return {name: getattr(network, name) for name in (*names, "classes")}


def _content_motion(network: ContentMotionGenerator, program: Program) -> list[Half]:
    """A figure on a tile, which is laid over every frame where the path says.

    The path's weights stay exact: when a sharp edge moves by a hundredth of a pixel, the pixels
    under it change by a hundredth of their range.
    """
    choices = network.kinds, network.moves
    who, how = _split(network.classes, network.content, network.motion, choices)
    content = program.choose(program.slice(who.begin, who.end), network.kinds)
    outline = program.add("sigmoid", program.chain(content, network.outline))
    colour = program.add("tanh", program.chain(content, network.colour))
    steered = program.choose(program.slice(how.begin, how.end), network.moves)
    if network.classes:
        told = program.choose(program.slice(0, 1), network.classes)
        steered = program.add("concatenate", steered, told)
    turns = 2 * math.pi / network.frames * torch.arange(1.0, network.waves + 1)
    waves = program.constant("frequencies", turns)
    clock = program.add("clock", tensors=[waves], frames=network.frames)
    repeated = program.add("repeat", steered, rows=network.frames)
    steered = program.add("pick", program.add("concatenate", repeated, clock))
    centres = program.add("sigmoid", program.chain(steered, network.path, exact=True))
    centres = program.add("affine", centres, scale=0.8, shift=0.1)
    mask = program.add("tile", outline, centres, size=network.size, span=network.span)
    background = program.add("constant", tensors=[program.store(network.background)])
    program.add("overlay", mask, colour, program.add("tanh", background))
    return [who, how]


# Painter -----------------------------------------------------------------------------------------


def _painter_arguments(network: Any) -> dict[str, Any]:
    first, last = network.layout[0], network.blocks[-1].weight
    style = network.mapping[-1].out_features
    return {
        "frames": network.frames,
        "size": 4 * 2 ** sum(block.enlarge for block in network.blocks),
        "content": network.content,
        "motion": network.motion,
        "code": first.in_features,
        "channels": last.out_channels,
        "widest": first.out_features // 16,
        "style": style,
        "choices": network.choices,
        "picks": max(1, network.picks),
        "steady": network.steady,
        "classes": network.classes,
    }


def _painter(network: Any, program: Program) -> list[Half]:
    """Modulated convolutions, steered by the clip's style and every frame's code.

    What makes style and codes is exact: these weights are few, and every layer hears of them.
    """
    choices = network.choices, 0
    who, how = _split(network.classes, network.content, network.motion, choices)
    content, motion = program.slice(who.begin, who.end), program.slice(how.begin, how.end)
    if network.picks > 1:
        first = range(who.begin, who.begin + network.picks)
        picked = [program.choose(program.slice(n, n + 1), network.choices) for n in first]
        content = program.add("concatenate", *picked, program.slice(first.stop, who.end))
    elif network.choices:
        content = program.choose(content, network.choices)
    else:
        content = program.add("normalise", content)
    if network.classes:
        told = [
            program.choose(program.slice(place, place + 1), count)
            for place, count in enumerate(factor_counts(network.classes))
        ]
        content = program.add("concatenate", content, *told)
    style = program.chain(content, network.mapping, exact=True)
    frequencies = program.constant("frequencies", network.frequencies)
    timed = program.add("turn", motion, tensors=[frequencies], frames=network.frames)
    if network.classes:
        side = program.add("concatenate", *told) if len(told) > 1 else told[0]
        repeated = program.add("repeat", side, rows=network.frames)
        timed = program.add("concatenate", timed, repeated)
    codes = program.chain(timed, network.clock, exact=True)
    styles = program.add("repeat", style, rows=network.frames)
    steering = program.add("pick", program.add("concatenate", styles, codes))
    features, size = program.chain(program.add("pick", codes), network.layout), 4
    if network.steady:
        features = program.add("normalise", features)
    for block in network.blocks:
        scales = program.chain(steering, [block.scale])
        tensors = [program.store(block.weight.weight), program.store(block.bias)]
        features = program.add(
            "modulated", features, scales, tensors=tensors, padding=[1, 1], gain=math.sqrt(2)
        )
        if block.enlarge:
            size *= 2
            features = program.add("enlarge", features, shape=[size, size])
        features = program.add("leaky_relu", features, slope=0.2)
    tinting = program.add("pick", styles) if network.steady else steering
    scales = program.chain(tinting, [network.tint])
    tensors = [program.store(network.paint.weight), program.store(network.paint.bias)]
    painted = program.add("modulated", features, scales, tensors=tensors, padding=[1, 1])
    program.add("tanh", painted)
    return [who, how]


# Networks with DCGAN's decoder -------------------------------------------------------------------


def _decoder_size(decoder: nn.Sequential) -> int:
    doubling = [layer for layer in decoder if isinstance(layer, nn.ConvTranspose2d)]
    return 4 * 2 ** (len(doubling) - 1)


def _dcgan_arguments(network: Any) -> dict[str, Any]:
    frames, latent = network.latent_shape
    last = network.decoder[-2]
    return {
        "frames": frames,
        "size": _decoder_size(network.decoder),
        "latent": latent,
        "channels": last.in_channels,
        "kernel": last.kernel_size[0],
    }


def _dcgan(network: Any, program: Program) -> list[Half]:
    """A latent of its own for every frame."""
    frames, latent = network.latent_shape
    codes = program.add("pick", program.add("reshape", 0, shape=[frames, latent]))
    program.chain(codes, network.decoder)
    return [Half("Latent", "Clip", 0, frames * latent, rows=frames)]


def _mocogan_arguments(network: Any) -> dict[str, Any]:
    moving = network.latent_shape[0] - bool(network.classes) - network.content
    return {
        "frames": moving // network.motion - 1,
        "size": _decoder_size(network.decoder),
        "content": network.content,
        "motion": network.motion,
        "classes": network.classes,
        "channels": network.decoder[-2].in_channels,
    }


def _mocogan(network: Any, program: Program) -> list[Half]:
    """The content beside the states of a recurrent network, which hears every frame's noise."""
    moving = network.latent_shape[0] - bool(network.classes) - network.content
    rows = moving // network.motion
    who, how = _split(network.classes, network.content, moving, rows=rows)
    fixed = program.slice(who.begin, who.end)
    if network.classes:
        place = program.slice(0, 1)
        told = program.add("choose", place, choices=network.classes, scale=1)
        fixed = program.add("concatenate", fixed, told)
    noise = program.slice(how.begin, how.end)
    noise = program.add("reshape", noise, shape=[rows, network.motion])
    motion = program.recurrent(noise, network.recurrent)
    repeated = program.add("repeat", fixed, rows=rows - 1)
    codes = program.add("pick", program.add("concatenate", repeated, motion))
    program.chain(codes, network.decoder)
    return [who, how]


def _tgan_arguments(network: Any) -> dict[str, Any]:
    growing = [layer for layer in network.temporal if isinstance(layer, nn.ConvTranspose1d)]
    doubling = [layer for layer in network.image if isinstance(layer, nn.ConvTranspose2d)]
    return {
        "frames": 2 ** (len(growing) - 1),
        "size": 4 * 2 ** len(doubling),
        "latent": network.latent_shape[0],
        "channels": doubling[-1].out_channels,
    }


def _tgan(network: Any, program: Program) -> list[Half]:
    """A temporal generator writes a code for every frame; the latent stands beside each."""
    (latent,) = network.latent_shape
    frames = _tgan_arguments(network)["frames"]
    uniform = program.add("uniform", 0)
    moment = program.add("reshape", uniform, shape=[1, 1, 1, latent])
    codes = program.chain(moment, network.temporal)
    codes = program.add("pick", program.add("reshape", codes, shape=[frames, latent]))
    shared = program.chain(uniform, network.from_latent)
    shared = program.add("pick", program.add("repeat", shared, rows=frames))
    squares = program.chain(codes, network.from_code)
    program.chain(program.add("concatenate", shared, squares), network.image)
    return [Half("Latent", "Clip", 0, latent)]


KINDS: dict[str, Kind] = {
    "content-motion": Kind(
        ContentMotionGenerator, _content_motion_arguments, _content_motion, samples=12
    ),
    "painter": Kind(PainterGenerator, _painter_arguments, _painter, samples=4),
    "dcgan": Kind(DCGANGenerator, _dcgan_arguments, _dcgan, samples=1),
    "mocogan": Kind(MoCoGANGenerator, _mocogan_arguments, _mocogan, samples=2),
    "tgan": Kind(TGANGenerator, _tgan_arguments, _tgan, samples=2),
}
