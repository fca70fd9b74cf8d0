"""The generators as diagrams: what is drawn by chance, what is learnt, what comes out.

Every function takes a network and reads the numbers in the boxes from it, by the names of its
parts: nothing here imports a network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

from vgan_tutorial.display.diagrams import Box, diagram, shapes, written
from vgan_tutorial.display.page import Shown

Arrows = list[tuple[str, str]]
LEGEND = " Dashed: drawn by chance. Filled: learnt. Plain: what is made of them."


def article(network: nn.Module) -> Shown:
    """The article's generator: a frame from a noise image."""
    made = shapes(network)
    frame = (3, *made[""][-2:])
    boxes = {"noise": Box("noise image", written(frame), 0, 2, 8, "random")}
    names = ("convolution, halves", "transposed, doubles", "convolution, paints")
    for row, (name, part) in enumerate(zip(names, ("2", "5", "7"), strict=True), 1):
        boxes[part] = Box(name, written(made[f"frame_network.{part}"]), row, 2, 8)
    boxes["frame"] = Box("one frame", written(frame), 4, 2, 8, "data")
    return diagram(
        boxes,
        _chain("noise", "2", "5", "7", "frame"),
        "A chain of five boxes from a noise image of the frame's size through three layers to one "
        "frame. No arrow joins one frame with another.",
        "The article's generator. It runs once a frame; no arrow leads to another frame." + LEGEND,
    )


def vgan(network: nn.Module) -> Shown:
    """VGAN with two streams."""
    made = shapes(network)
    boxes = {"latent": Box("latent", written(network_latent(network)), 0, 3, 6, "random")}
    steps = _every_third(made, "video")
    for row, name in enumerate(steps, 1):
        boxes[name] = Box("3-D transposed", written(made[name]), row, 0, 7)
    stills = _every_third(made, "background")[: len(steps)]
    for row, name in enumerate(stills, 1):
        boxes[name] = Box("2-D transposed", written(made[name]), row, 7, 5)
    last = len(steps) + 1
    boxes["f"] = Box("foreground f", written(made["foreground"]), last, 0, 4)
    boxes["m"] = Box("mask m", written(made["mask"]), last, 4, 4)
    boxes["b"] = Box("background b", written(made["background"]), last, 8, 4)
    boxes["clip"] = Box("m f + (1 − m) b", written(made[""]), last + 1, 2, 8, "data")
    arrows = _chain("latent", *steps) + _chain("latent", *stills)
    arrows += [(steps[-1], "f"), (steps[-1], "m"), (stills[-1], "b")]
    return diagram(
        boxes,
        [*arrows, ("f", "clip"), ("m", "clip"), ("b", "clip")],
        "One latent feeds two columns of boxes. The left one grows a block of time, height and "
        "width, and ends in a foreground and a mask; the right one grows one still picture, the "
        "background. The three meet in the clip.",
        "VGAN with two streams. Shapes are channels × time × height × width; the right column has "
        "no time.",
    )


def tgan(network: nn.Module) -> Shown:
    """TGAN: one network for time, one for pictures."""
    made = shapes(network)
    latent = written(network_latent(network))
    boxes = {"latent": Box("latent", latent, 0, 3, 6, "random")}
    steps = _every_third(made, "temporal")
    for row, name in enumerate(steps, 1):
        boxes[name] = Box("1-D transposed", written(made[name]), row, 6, 6)
    row = len(steps) + 1
    boxes["codes"] = Box("a code a frame", written(made["temporal"]), row, 6, 6)
    boxes["shared"] = Box("linear", written(made["from_latent"]), row + 1, 0, 6)
    boxes["own"] = Box("linear, each frame", written(made["from_code"]), row + 1, 6, 6)
    painted = _every_third(made, "image")
    for place, name in enumerate(painted, row + 2):
        boxes[name] = Box("2-D transposed", written(made[name]), place, 2, 8)
    last = row + 2 + len(painted)
    boxes["paint"] = Box("convolution, tanh", written(made["image"]), last, 2, 8)
    boxes["clip"] = Box("frames", written(made[""]), last + 1, 2, 8, "data")
    arrows = [*_chain("latent", *steps, "codes", "own"), ("latent", "shared")]
    arrows += [("shared", painted[0]), ("own", painted[0])]
    return diagram(
        boxes,
        [*arrows, *_chain(*painted, "paint", "clip")],
        "The latent goes two ways. On the right, transposed convolutions along time turn it into "
        "a code for every frame. On the left it is kept. Both become features of 4 by 4, which a "
        "picture network doubles until they are frames.",
        "TGAN. On the right, channels × time; below, what is done for every frame.",
    )


def mocogan(network: nn.Module) -> Shown:
    """MoCoGAN: a content and a recurrent walk."""
    made = shapes(network)
    time, motion = made["recurrent"]
    content, classes = getattr(network, "content"), getattr(network, "classes")  # noqa: B009
    boxes = {"content": Box("content", f"{content}", 0, 0, 4, "random")}
    if classes:
        boxes["category"] = Box("category", f"1 of {classes}", 0, 4, 3, "random")
    boxes["noise"] = Box("noise, every frame", f"{time} × {motion}", 0, 7, 5, "random")
    boxes["recurrent"] = Box("recurrent network", f"{time} × {motion}", 1, 6, 6)
    boxes["code"] = Box("one vector a frame", f"{content + motion + classes}", 2, 2, 8, "data")
    painted = _every_third(made, "decoder", 3)
    for row, name in enumerate(painted, 3):
        boxes[name] = Box("2-D transposed", written(made[name]), row, 2, 8)
    last = 3 + len(painted)
    boxes["paint"] = Box("2-D transposed, tanh", written(made["decoder"]), last, 2, 8)
    boxes["clip"] = Box("frames", written(made[""]), last + 1, 2, 8, "data")
    arrows = [*_chain("noise", "recurrent", "code", *painted, "paint", "clip"), ("content", "code")]
    return diagram(
        boxes,
        arrows + [("category", "code")] * bool(classes),
        "Content and category go straight to the vector of every frame. Noise, new in every "
        "frame, goes through a recurrent network first. One picture network paints each frame "
        "from its vector.",
        "MoCoGAN. Content and category hold for the clip; the recurrent network walks on, pushed "
        "by new noise in every frame.",
    )


def residual(network: nn.Module) -> Shown:
    """The residual generator: a recurrent picture, then blocks that hear the latent."""
    made = shapes(network)
    count = len([name for name in made if name.count(".") == 1 and name.startswith("blocks.")])
    boxes = {"latent": Box("latent", written(network_latent(network)), 0, 2, 8, "random")}
    boxes["start"] = Box("linear", written((made["start"][0] // 16, 4, 4)), 1, 5, 7)
    boxes["motion"] = Box("recurrent, convolves", written(made["motion"]), 2, 5, 7)
    row, path = 3, ["start", "motion"]
    for step in range(count):
        name = f"blocks.{step}"
        boxes[name] = Box("residual block", written(made[name]), row, 5, 7)
        row, path = row + 1, [*path, name]
        if (look := f"attention.{step}") in made:
            boxes[look] = Box("self-attention", written(made[look]), row, 5, 7)
            row, path = row + 1, [*path, look]
    boxes["paint"] = Box("convolution, tanh", written(made["paint"]), row, 5, 7)
    boxes["clip"] = Box("frames", written(made[""]), row + 1, 5, 7, "data")
    boxes["scales"] = Box("scale, shift", "", 3, 0, 4, rows=row - 3)
    told = [("scales", f"blocks.{step}") for step in range(count)]
    return diagram(
        boxes,
        [("latent", "start"), ("latent", "scales"), *_chain(*path, "paint", "clip"), *told],
        "The latent starts a picture of 4 by 4, which a recurrent convolution moves on from frame "
        "to frame. Residual blocks double it until it is a frame, with one attention layer "
        "between. A box at the side carries the latent to every block.",
        "The residual generator. Each block's normalisations take scale and shift from the latent.",
    )


def tile(network: nn.Module) -> Shown:
    """The tile generator: one figure, carried along a path."""
    made = shapes(network)
    content, motion = getattr(network, "content"), getattr(network, "motion")  # noqa: B009
    clip = made[""]
    boxes = {
        "content": Box("content", f"{content}", 0, 0, 8, "random"),
        "motion": Box("motion", f"{motion}", 0, 8, 4, "random"),
        "colour": Box("colour", written(made["colour"]), 1, 0, 4),
        "outline": Box("outline", written(made["outline"]), 1, 4, 4),
        "path": Box("path", written(made["path"]), 1, 8, 4),
        "mask": Box("tile, laid where the path says", written((1, *clip[1:])), 2, 4, 8, "data"),
        "clip": Box("colour before a flat ground", written(clip), 3, 0, 12, "data"),
    }
    arrows = [("content", "colour"), ("content", "outline"), ("motion", "path")]
    arrows += [("outline", "mask"), ("path", "mask"), ("colour", "clip"), ("mask", "clip")]
    return diagram(
        boxes,
        arrows,
        "Content makes a colour and an outline; motion and time make a path. The outline is laid "
        "where the path says in every frame, and filled with the colour.",
        "The tile generator. The path is two numbers for every frame; nothing else moves.",
    )


def painter(network: nn.Module) -> Shown:
    """The painter: styles and codes that modulate every convolution."""
    made = shapes(network)
    content, motion = getattr(network, "content"), getattr(network, "motion")  # noqa: B009
    time, code = made["clock"]
    steps = [name for name in made if name.count(".") == 1 and name.startswith("blocks.")]
    width = made["mapping"][0]
    boxes = {
        "content": Box("content", f"{content}", 0, 0, 4, "random"),
        "motion": Box("motion, turned", f"{time} × {motion}", 0, 5, 7, "random"),
        "mapping": Box("mapping", written(made["mapping"]), 1, 0, 4),
        "clock": Box("perceptron", f"{time} × {code}", 1, 5, 7),
        "steering": Box("style, code", f"{width} + {code}", 2, 0, 4, "data", 2 + len(steps)),
        "layout": Box("linear", written(made["layout"]), 2, 5, 7),
        "paint": Box("convolution, tanh", written(made["paint"]), 3 + len(steps), 5, 7),
        "clip": Box("frames", written(made[""]), 4 + len(steps), 5, 7, "data"),
    }
    for row, name in enumerate(steps, 3):
        said = "modulated" if name == steps[-1] else "modulated, doubles"
        boxes[name] = Box(said, written(made[name]), row, 5, 7)
    arrows = [("content", "mapping"), ("motion", "clock")]
    arrows += [("mapping", "steering"), ("clock", "steering"), ("clock", "layout")]
    arrows += [("steering", name) for name in (*steps, "paint")]
    return diagram(
        boxes,
        [*arrows, *_chain("layout", *steps, "paint", "clip")],
        "Content goes through a mapping network and becomes a style; the motion latent, turned "
        "from frame to frame, becomes a code for every frame. The code makes the first features; "
        "both, side by side, steer every convolution after them, which double the features until "
        "they are frames.",
        "The painter. The style holds for the clip, the code for one frame. The code alone makes "
        "the first features; every layer after that hears both.",
    )


def network_latent(network: nn.Module) -> tuple[int, ...]:
    """Shape of a network's latent."""
    return tuple(getattr(network, "latent_shape"))  # noqa: B009


def _chain(*names: str) -> Arrows:
    """Arrows from each to the next."""
    return list(pairwise(names))


def _every_third(made: dict[str, tuple[int, ...]], part: str, first: int = 2) -> Sequence[str]:
    """The rectifiers of a chain of layer, normalisation, rectifier: one name for each of these."""
    inner = [name for name in made if name.rpartition(".")[0] == part]
    return inner[first::3]


# By the names of the networks in a configuration.
DIAGRAMS: dict[str, Callable[[nn.Module], Shown]] = {
    "article": article,
    "vgan": vgan,
    "tgan": tgan,
    "mocogan": mocogan,
    "residual": residual,
    "content-motion": tile,
    "painter": painter,
}
