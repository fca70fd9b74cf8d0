"""A trained generator as a bundle: the text from which the script in a page draws its clips.

A bundle is text (JSON): the sizes of the network, a few latents to start from, and its weights in
base64. It may hold several checkpoints of one network, so that a page can show the same latent
before and after training. `assets/network.js` reads it.

Most weights are 16-bit floats. The outline's, which are most of the bytes, may be 8-bit whole
numbers with a scale for each row, that is for each number that a layer gives: a scale for the whole
tensor would be that of its largest row, and would round all others as coarsely. The path's are
few, and a clip depends on them most: when a sharp edge moves by a hundredth of a pixel, the pixels
under it change by a hundredth of their range. So those stay 32-bit floats.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.generators import ContentMotionGenerator
from vgan_tutorial.latents import choose, class_vector, sample_latent

FORMAT = "vgan-tutorial content-motion 2"
# What the generator is built with.
SIZES = (
    *("frames", "size", "content", "motion", "kinds", "moves"),
    *("waves", "cells", "span", "classes"),
)
PRECISIONS = ("float16", "int8")  # of the outline's weights
TYPES = {"float32": "<f4", "float16": "<f2", "int8": "i1"}  # as numpy writes them
HALF_LIMIT = 700_000  # bytes; checkpoints that take more as 16-bit floats are stored as int8
LARGEST_HALF = 65_504.0  # the largest number of 16 bits
CORNERS = 4  # latents to start from, one for each corner of the map
PREFIX = "data:application/octet-stream;base64,"

Checkpoints = Sequence[tuple[str, nn.Module]]


def make_bundle(
    generator: nn.Module | Checkpoints,
    precision: str | None = None,
    seed: int = 0,
    class_names: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Describe a content-motion generator, or checkpoints of one, for the script in the page.

    Args:
        generator: a `ContentMotionGenerator`, or pairs of a label and one, earliest first.
        precision: type of the outline's weights, "float16" or "int8"; by default float16 where
            all checkpoints together take less than about 700 kB that way, else int8.
        seed: seed of the four latents that the page starts from.
        class_names: names of the classes that the generator is told, in their order; by default
            "class 1" and so on.

    Returns:
        A dictionary that JSON can hold. `tensors` lists names, shapes and types in the order in
        which each checkpoint's `weights` hold them, row by row, little-endian; before the whole
        numbers of a tensor come its rows' scales, 32-bit floats. `latents` are the four starting
        points, and `directions` unit vectors as the function of that name gives.

    Raises:
        ValueError: for another kind of generator, checkpoints of different networks, weights that
            are not finite or too large for 16 bits, or not one name for every class.
    """
    checkpoints = _as_checkpoints(generator)
    last = checkpoints[-1][1]
    tensors = _tensors(last)
    count = sum(tensor.numel() for tensor in tensors.values())
    if precision is None:
        precision = "float16" if 2 * count * len(checkpoints) <= HALF_LIMIT else "int8"
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; choose one of {', '.join(PRECISIONS)}")
    packed = [_packed(label, network, precision) for label, network in checkpoints]
    return {
        "format": FORMAT,
        **_sizes(last),
        "class_names": _class_names(last.classes, class_names),
        "precision": precision,
        "tensors": [
            [name, list(tensor.shape), _type_of(name, precision)]
            for name, tensor in tensors.items()
        ],
        "latents": [[round(value, 4) for value in row] for row in _corners(last, seed).tolist()],
        "directions": {
            who: [[round(value, 5) for value in row] for row in rows.tolist()]
            for who, rows in zip(("content", "motion"), directions(last, seed), strict=True)
        },
        "checkpoints": packed,
    }


def read_bundle(bundle: dict[str, Any], checkpoint: int = -1) -> ContentMotionGenerator:
    """The generator that a bundle describes, with its weights as rounded as they are stored.

    Args:
        bundle: a bundle as `make_bundle` makes it.
        checkpoint: number of the checkpoint, the last by default.

    Raises:
        ValueError: if the bundle is of another format.
    """
    if bundle.get("format") != FORMAT:
        raise ValueError(f"expected a bundle of format {FORMAT!r}, got {bundle.get('format')!r}")
    network = ContentMotionGenerator(**{name: bundle[name] for name in SIZES})
    stored = bundle["checkpoints"][checkpoint]
    payload = base64.b64decode(stored["weights"].removeprefix(PREFIX))
    weights, start = {}, 0
    for name, shape, kind in bundle["tensors"]:
        rows = shape[0] if kind == "int8" else 0
        scales = np.frombuffer(payload, TYPES["float32"], rows, start)[:, None] if rows else 1
        start += 4 * rows
        values = np.frombuffer(payload, TYPES[kind], int(np.prod(shape)), start)
        start += values.nbytes
        weights[name] = torch.from_numpy(values.astype(np.float32).reshape(shape) * scales)
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)


def directions(
    generator: ContentMotionGenerator, seed: int = 0, samples: int = 64
) -> tuple[Float[Tensor, "2 content_rest"], Float[Tensor, "2 motion_rest"]]:
    """The two directions of either latent that change most of what it decides.

    With J the Jacobian of an output in the latent, a small step d changes the output by J d. The
    mean of ‖J d‖² over latents is dᵀ E[JᵀJ] d, and the unit vectors d that make it largest are
    the first eigenvectors of E[JᵀJ]. The outputs are outline and colour for the content, and the
    path for the motion; the first number of a latent is left out, because it is a choice, and so
    is the class.

    Args:
        generator: any `ContentMotionGenerator`, on any device; it is not changed.
        seed: seed of the latents.
        samples: number of latents that the mean is taken over.
    """
    network = copy.deepcopy(generator).cpu().float()
    latents = sample_latent(network, samples, torch.Generator().manual_seed(seed))
    kind = class_vector(latents, None, network.classes) if network.classes else None
    both = latents[:, -network.content - network.motion :]
    content, motion = both.split([network.content, network.motion], dim=1)

    def drawn(chosen: Tensor) -> Tensor:
        outline, colour = network.outline(chosen).sigmoid(), network.colour(chosen).tanh()
        # Every pixel of the figure has its colour, so that a colour weighs like an outline.
        return torch.cat([outline.flatten(1), colour * outline.shape[-1]], dim=1)

    def steered(rest: Tensor) -> Tensor:
        return network.draw_path(torch.cat([motion[:, :1], rest], dim=1), kind=kind).flatten(1)

    def painted(rest: Tensor) -> Tensor:
        return drawn(choose(torch.cat([content[:, :1], rest], dim=1), network.kinds))

    return _leading(painted, content[:, 1:]), _leading(steered, motion[:, 1:])


def _leading(output: Callable[[Tensor], Tensor], rest: Tensor) -> Tensor:
    """The first two eigenvectors of E[JᵀJ], the larger first, with their largest entry positive."""
    columns = [
        torch.func.jvp(output, (rest,), (axis.expand_as(rest).contiguous(),))[1]
        for axis in torch.eye(rest.shape[1])
    ]
    jacobian = torch.stack(columns, dim=2).detach().double()  # sample, output, latent
    second_moment = torch.einsum("noi,noj->ij", jacobian, jacobian)
    vectors = torch.linalg.eigh(second_moment).eigenvectors.T.flip(0)[:2]
    largest = vectors.gather(1, vectors.abs().argmax(dim=1, keepdim=True))
    return (vectors * largest.sign()).float()


def _as_checkpoints(
    generator: nn.Module | Checkpoints,
) -> list[tuple[str, ContentMotionGenerator]]:
    pairs = [("", generator)] if isinstance(generator, nn.Module) else list(generator)
    if not pairs:
        raise ValueError("no checkpoint is given: give a generator, or (label, generator) pairs")
    checked: list[tuple[str, ContentMotionGenerator]] = []
    for label, network in pairs:
        if not isinstance(network, ContentMotionGenerator):
            raise ValueError(
                f"the page runs a ContentMotionGenerator, not a {type(network).__name__}: train "
                "with --generator content-motion"
            )
        if checked and _sizes(network) != _sizes(checked[0][1]):
            raise ValueError(
                f"checkpoint {label!r} is of another network than {checked[0][0]!r}: "
                f"{_sizes(network)} instead of {_sizes(checked[0][1])}"
            )
        checked.append((str(label), network))
    return checked


def _class_names(classes: int, names: Sequence[str] | None) -> list[str]:
    if names is None:
        return [f"class {number + 1}" for number in range(classes)]
    if len(names) != classes:
        raise ValueError(
            f"there are {len(names)} names of classes for a generator with {classes} classes"
        )
    return [str(name) for name in names]


def _corners(network: ContentMotionGenerator, seed: int) -> Float[Tensor, "corners latent"]:
    """Latents to start from; those with a class take the classes in turn, so that all are seen."""
    latents = sample_latent(network, CORNERS, torch.Generator().manual_seed(seed)).cpu()
    if network.classes:
        middles = (torch.arange(CORNERS) % network.classes + 0.5) / network.classes
        latents[:, 0] = torch.special.ndtri(middles)
    return latents


def _sizes(network: ContentMotionGenerator) -> dict[str, int | float]:
    return {name: getattr(network, name) for name in SIZES}


def _tensors(network: ContentMotionGenerator) -> dict[str, Tensor]:
    return {name: value.detach().float().cpu() for name, value in network.state_dict().items()}


def _type_of(name: str, precision: str) -> str:
    part, kind = name.split(".")[0], name.split(".")[-1]
    if part == "path":
        return "float32"
    return precision if part == "outline" and kind == "weight" else "float16"


def _packed(label: str, network: ContentMotionGenerator, precision: str) -> dict[str, Any]:
    pieces = []
    for name, tensor in _tensors(network).items():
        values, largest = tensor.numpy(), float(tensor.abs().max())
        if not largest <= LARGEST_HALF:
            raise ValueError(f"{name} holds {largest}, which 16 bits cannot: did training diverge?")
        kind = _type_of(name, precision)
        if kind == "int8":
            scales = np.abs(values).max(axis=1, keepdims=True) / np.float32(127)
            scales[scales == 0] = 1
            pieces.append(scales.astype(TYPES["float32"]).tobytes())
            values = np.round(values / scales).clip(-127, 127)
        pieces.append(values.astype(TYPES[kind]).tobytes())
    text = base64.b64encode(b"".join(pieces)).decode()
    return {"label": label, "weights": PREFIX + text}


def bundle_text(bundle: dict[str, Any]) -> str:
    """The bundle as one line of JSON that is safe inside a script element of a page."""
    return json.dumps(bundle, separators=(",", ":")).replace("<", "\\u003c")
