"""A trained generator as a bundle: the text from which the script in a page draws its clips.

A bundle is text (JSON): the operations of the network, a few latents to start from, and its
weights in base64. It may hold several checkpoints of one network, so that a page can show the same
latent before and after training. `assets/network.js` runs it.

Most weights are 16-bit floats. Large weights, which are most of the bytes, may be 8-bit whole
numbers with a scale for each row, that is for each number that a layer gives: a scale for the whole
tensor would be that of its largest row, and would round all others as coarsely. What a clip
depends on most stays 32-bit, see `programs`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.latents import Factor, factor_counts, sample_latent
from vgan_tutorial.live.directions import directions
from vgan_tutorial.live.program import Program, Stored
from vgan_tutorial.live.programs import KINDS, Half, kind_of
from vgan_tutorial.types import Classes

FORMAT = "vgan-tutorial program 2"
PRECISIONS = ("float16", "int8")  # of the large weights
TYPES = {"float32": "<f4", "float16": "<f2", "int8": "i1"}  # as numpy writes them
LARGE = 8_192  # numbers of a weight from which on it may be stored as whole numbers
HALF_LIMIT = 700_000  # bytes; checkpoints that take more as 16-bit floats are stored as int8
LARGEST_HALF = 65_504.0  # the largest number of 16 bits
CORNERS = 4  # latents to start from, one for each corner of the map
PREFIX = "data:application/octet-stream;base64,"

Checkpoints = Sequence[tuple[str, nn.Module]]
ClassNames = Sequence[str] | Sequence[Factor]


def make_bundle(
    generator: nn.Module | Checkpoints,
    precision: str | None = None,
    seed: int = 0,
    class_names: ClassNames | None = None,
) -> dict[str, Any]:
    """Describe a generator, or checkpoints of one, for the script in the page.

    Args:
        generator: Generator of a kind that the page can run (see `programs`), or pairs of a label
            and one, earliest first.
        precision: Type of the large weights, "float16" or "int8"; by default float16 where all
            checkpoints together take less than about 700 kB that way, else int8.
        seed: Seed of the four latents that the page starts from.
        class_names: Names of the classes that the generator is told, in their order, or what each
            factor of a class is called; by default "class 1" and so on.

    Returns:
        A dictionary that JSON can hold. `program` lists the operations. `tensors` lists names,
        shapes and types in the order in which each checkpoint's `weights` hold them, row by row,
        little-endian; before the whole numbers of a tensor come its rows' scales, 32-bit floats.
        `latents` are the four starting points; `halves` say what the numbers of a latent are
        about, each with the unit vectors that `directions` gives.

    Raises:
        ValueError: for another kind of generator, checkpoints of different networks, weights that
            are not finite or too large for 16 bits, or not one name for every class or value.
    """
    checkpoints = _as_checkpoints(generator)
    last = checkpoints[-1][1]
    described = _described(last)
    program, halves = _written(last)
    if precision is None:
        count = sum(tensor.value.numel() for tensor in program.tensors)
        precision = "float16" if 2 * count * len(checkpoints) <= HALF_LIMIT else "int8"
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; choose one of {', '.join(PRECISIONS)}")
    packed = [_packed(label, network, precision) for label, network in checkpoints]
    classes = described.get("classes", 0)
    samples = KINDS[described["kind"]].samples
    return {
        "format": FORMAT,
        "network": described,
        "frames": described["frames"],
        "size": described["size"],
        "factors": [asdict(factor) for factor in _factors(classes, class_names)],
        "precision": precision,
        "program": program.operations,
        "tensors": [
            [tensor.name, list(tensor.value.shape), _type_of(tensor, precision)]
            for tensor in program.tensors
        ],
        "latents": _rounded(_corners(last, classes, seed), 4),
        "halves": [
            {**asdict(half), "directions": _rounded(directions(last, half, seed, samples), 5)}
            for half in halves
        ],
        "checkpoints": packed,
    }


def read_bundle(bundle: dict[str, Any], checkpoint: int = -1) -> nn.Module:
    """The generator that a bundle describes, with its weights as rounded as they are stored.

    A batch normalisation is in the weights before it, and does nothing itself but add.

    Args:
        bundle: a bundle as `make_bundle` makes it.
        checkpoint: number of the checkpoint, the last by default.

    Raises:
        ValueError: if the bundle is of another format.
    """
    if bundle.get("format") != FORMAT:
        raise ValueError(f"expected a bundle of format {FORMAT!r}, got {bundle.get('format')!r}")
    arguments = dict(bundle["network"])
    network = KINDS[arguments.pop("kind")].network(**arguments).eval().requires_grad_(False)
    stored = bundle["checkpoints"][checkpoint]
    payload = base64.b64decode(stored["weights"].removeprefix(PREFIX))
    start = 0
    program, _ = _written(network)
    for tensor, (_, shape, kind) in zip(program.tensors, bundle["tensors"], strict=True):
        rows = shape[0] if kind == "int8" else 1
        scales = np.ones(1, np.float32)
        if kind == "int8":
            scales = np.frombuffer(payload, TYPES["float32"], rows, start)
            start += scales.nbytes
        values = np.frombuffer(payload, TYPES[kind], int(np.prod(shape)), start)
        start += values.nbytes
        numbers = values.astype(np.float32).reshape(rows, -1) * scales[:, None]
        tensor.put(torch.from_numpy(numbers.reshape(shape)))
    return network


def _written(network: nn.Module) -> tuple[Program, list[Half]]:
    program = Program(network)
    halves = KINDS[kind_of(network)].write(network, program)
    return program, halves


def _as_checkpoints(generator: nn.Module | Checkpoints) -> list[tuple[str, nn.Module]]:
    pairs = [("", generator)] if isinstance(generator, nn.Module) else list(generator)
    if not pairs:
        raise ValueError("no checkpoint is given: give a generator, or (label, generator) pairs")
    described = [_described(network) for _, network in pairs]
    for (label, _), is_like in zip(pairs, described, strict=True):
        if is_like != described[0]:
            raise ValueError(
                f"checkpoint {label!r} is of another network than {pairs[0][0]!r}: "
                f"{is_like} instead of {described[0]}"
            )
    return [(str(label), network) for label, network in pairs]


def _described(network: nn.Module) -> dict[str, Any]:
    kind = kind_of(network)
    return {"kind": kind, **KINDS[kind].arguments(network)}


def _factors(classes: Classes, names: ClassNames | None) -> list[Factor]:
    """What the generator is told, with names."""
    counts = factor_counts(classes)
    if names is None and len(counts) == 1:
        names = [f"class {number + 1}" for number in range(counts[0])]
    if names is None:
        numbered = [tuple(str(number + 1) for number in range(count)) for count in counts]
        return [Factor(f"factor {place}", values) for place, values in enumerate(numbered, 1)]
    given = [each for each in names if isinstance(each, Factor)]
    if not given and names:
        given = [Factor("class", tuple(str(name) for name in names))]
    found = tuple(len(factor.values) for factor in given)
    if found != counts:
        raise ValueError(
            f"there are {_listed(found)} names of classes for a generator with {_listed(counts)} "
            "classes"
        )
    return given


def _listed(counts: Sequence[int]) -> str:
    return " x ".join(map(str, counts)) or "0"


def _corners(network: nn.Module, classes: Classes, seed: int) -> Float[Tensor, "corners latent"]:
    """Latents to start from; the first factor's values come in turn, so that all are seen."""
    latents = sample_latent(network, CORNERS, torch.Generator().manual_seed(seed)).cpu().flatten(1)
    for count in factor_counts(classes)[:1]:
        latents[:, 0] = torch.special.ndtri((torch.arange(CORNERS) % count + 0.5) / count)
    return latents


def _rounded(rows: Float[Tensor, "rows numbers"], digits: int) -> list[list[float]]:
    return [[round(value, digits) for value in row] for row in rows.tolist()]


def _type_of(tensor: Stored, precision: str) -> str:
    if tensor.exact:
        return "float32"
    return precision if tensor.value.ndim > 1 and tensor.value.numel() >= LARGE else "float16"


@torch.no_grad()
def _packed(label: str, network: nn.Module, precision: str) -> dict[str, Any]:
    pieces = []
    for tensor in _written(network)[0].tensors:
        values = tensor.value.detach().float().cpu().numpy()
        largest, kind = float(np.abs(values).max()), _type_of(tensor, precision)
        if not largest <= LARGEST_HALF:
            raise ValueError(
                f"{tensor.name} holds {largest}, which 16 bits cannot: did training diverge?"
            )
        if kind == "int8":
            rows = values.reshape(len(values), -1)
            scales = np.abs(rows).max(axis=1, keepdims=True) / np.float32(127)
            scales[scales == 0] = 1
            pieces.append(scales.astype(TYPES["float32"]).tobytes())
            values = np.round(rows / scales).clip(-127, 127)
        pieces.append(values.astype(TYPES[kind]).tobytes())
    text = base64.b64encode(b"".join(pieces)).decode()
    return {"label": label, "weights": PREFIX + text}


def bundle_text(bundle: dict[str, Any]) -> str:
    """The bundle as one line of JSON that is safe inside a script element of a page."""
    return json.dumps(bundle, separators=(",", ":")).replace("<", "\\u003c")
