"""Moving Shapes: an endless stream of small, exactly labelled video clips.

Every clip shows one flat-coloured shape on black that moves along a closed path around the
centre of the frame. Five factors make a clip, and nothing else does:

* shape, colour and motion are choices from short lists (a *cell* is one combination);
* size is the radius of the disc with the same area, as a share of the frame's width;
* phase is where on its path the shape starts, in turns (0 to 1).

Because the factors are known, `vgan_tutorial.oracle` can read them back and count, instead of
estimate, how good a generator is. The idea of a synthetic set with exact labels follows the
"shape motion" data of MoCoGAN (Tulyakov et al., CVPR 2018, section 4); the factors are our own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vgan_tutorial.devices import send, table
from vgan_tutorial.types import Clips

Field = Float[Tensor, "*#grid"]

# Red, green, blue in [0, 1]. The squared difference of any two is at least a fifth of the energy
# of either, so that the judge cannot mix them up; most differ in lightness too, which helps
# colour-blind readers.
COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.90, 0.15, 0.10),
    "green": (0.05, 0.75, 0.45),
    "blue": (0.20, 0.35, 1.00),
    "yellow": (1.00, 0.90, 0.15),
    "purple": (0.70, 0.20, 0.80),
    "white": (0.95, 0.95, 0.95),
}


def _disc(x: Field, y: Field, radius: Field) -> Field:
    return torch.hypot(x, y) - radius


def _square(x: Field, y: Field, radius: Field) -> Field:
    half_side = radius * math.sqrt(math.pi) / 2
    return torch.maximum(x.abs(), y.abs()) - half_side


def _triangle(x: Field, y: Field, radius: Field) -> Field:
    """Equilateral, one corner up: the largest of the distances to its three sides."""
    inner_radius = radius * math.sqrt(math.pi / (3 * math.sqrt(3)))
    slanted = math.sqrt(3) / 2 * x.abs() - y / 2
    return torch.maximum(slanted, y) - inner_radius


# Signed distance to the outline, negative inside, y pointing down. All three shapes of one
# `radius` have the same area, so size says nothing about shape.
SHAPES: dict[str, Callable[[Field, Field, Field], Field]] = {
    "disc": _disc,
    "square": _square,
    "triangle": _triangle,
}

# Direction of the displacement from the centre at an angle of the path.
MOTIONS: dict[str, Callable[[Field], tuple[Field, Field]]] = {
    "horizontal": lambda angle: (torch.cos(angle), torch.zeros_like(angle)),
    "vertical": lambda angle: (torch.zeros_like(angle), torch.cos(angle)),
    "circular": lambda angle: (torch.cos(angle), torch.sin(angle)),
    "diagonal": lambda angle: (torch.cos(angle), torch.cos(angle)),
}

AMPLITUDE = 0.22  # of every path, as a share of the frame's width


@dataclass(frozen=True)
class Preset:
    """A named size of the data set: how large its clips are and which factors they have."""

    name: str
    frames: int  # of a clip; also the period of every path, so that clips loop
    size: int  # height and width in pixels
    shapes: tuple[str, ...]
    colours: tuple[str, ...]
    motions: tuple[str, ...]
    radius: tuple[float, float]  # smallest and largest, as a share of the width

    @property
    def period(self) -> int:
        """Frames in one turn of a path."""
        return self.frames

    @property
    def cells(self) -> int:
        """Number of combinations of shape, colour and motion."""
        return len(self.shapes) * len(self.colours) * len(self.motions)

    def palette(self, device: torch.device | str = "cpu") -> Float[Tensor, "colours 3"]:
        """RGB of the preset's colours, in [0, 1]."""
        return table(tuple(COLOURS[name] for name in self.colours), torch.device(device))


_TINY = Preset(
    "tiny",
    frames=8,
    size=16,
    shapes=("disc", "square"),
    colours=("red", "green", "blue", "yellow"),
    motions=("horizontal", "vertical", "circular"),
    radius=(0.16, 0.22),
)
_SMALL = Preset(
    "small",
    frames=16,
    size=32,
    shapes=tuple(SHAPES),
    colours=tuple(COLOURS),
    motions=tuple(MOTIONS),
    radius=(0.12, 0.18),
)
PRESETS: dict[str, Preset] = {
    "tiny": _TINY,
    "small": _SMALL,
    "full": replace(_SMALL, name="full", size=64),
}


def get_preset(preset: str | Preset) -> Preset:
    """The preset of that name; a `Preset` is returned as it is.

    Raises:
        ValueError: if there is no preset of that name.
    """
    if isinstance(preset, Preset):
        return preset
    if preset not in PRESETS:
        raise ValueError(f"no preset is called {preset!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[preset]


@dataclass
class Factors:
    """What a batch of clips shows. The first three are indices into the preset's lists."""

    shape: Int[Tensor, " batch"]
    colour: Int[Tensor, " batch"]
    motion: Int[Tensor, " batch"]
    size: Float[Tensor, " batch"]  # radius as a share of the width
    phase: Float[Tensor, " batch"]  # in turns, 0 to 1

    def __len__(self) -> int:
        return len(self.shape)

    def __getitem__(self, index: slice | Tensor) -> Factors:
        """The factors of some of the clips."""
        return Factors(*(getattr(self, field.name)[index] for field in fields(self)))

    def to(self, device: torch.device | str) -> Factors:
        """The same factors on another device."""
        return Factors(*(send(getattr(self, field.name), device) for field in fields(self)))

    def names(self, preset: Preset, index: int) -> dict[str, str]:
        """The three choices of one clip, by name."""
        return {
            "shape": preset.shapes[int(self.shape[index])],
            "colour": preset.colours[int(self.colour[index])],
            "motion": preset.motions[int(self.motion[index])],
        }

    def cell(self, preset: Preset) -> Int[Tensor, " batch"]:
        """The combination of shape, colour and motion as one number from 0 to `cells` - 1."""
        colour_and_shape = self.shape * len(preset.colours) + self.colour
        return colour_and_shape * len(preset.motions) + self.motion


_MOTION_WORDS = {
    "horizontal": "swings from side to side",
    "vertical": "swings up and down",
    "circular": "goes round in a circle, clockwise",
    "diagonal": "swings along the falling diagonal",
}


def describe(factors: Factors, preset: Preset, index: int = 0) -> str:
    """One clip in words, for alt text: "a red disc swings from side to side"."""
    names = factors.names(preset, index)
    return f"a {names['colour']} {names['shape']} {_MOTION_WORDS[names['motion']]}"


def sample_factors(preset: Preset, batch: int, generator: torch.Generator) -> Factors:
    """Draw the factors of `batch` clips, every factor uniform and independent of the others."""
    device = generator.device

    def choice(names: tuple[str, ...]) -> Tensor:
        return torch.randint(len(names), (batch,), generator=generator, device=device)

    shape, colour, motion = map(choice, (preset.shapes, preset.colours, preset.motions))
    smallest, largest = preset.radius
    size = smallest + (largest - smallest) * torch.rand(batch, generator=generator, device=device)
    phase = torch.rand(batch, generator=generator, device=device)
    return Factors(shape, colour, motion, size, phase)


def draw_path(
    motion: Int[Tensor, "*batch"],
    phase: Float[Tensor, "*batch"],
    preset: Preset,
    frames: int | None = None,
) -> Float[Tensor, "*batch time 2"]:
    """Centre of the shape in every frame: (x, y) as shares of the width, y pointing down."""
    turns = torch.arange(frames or preset.frames, device=phase.device) / preset.period
    angle = 2 * math.pi * (phase[..., None] + turns)
    every_motion = torch.stack(
        [torch.stack(MOTIONS[name](angle), dim=-1) for name in preset.motions]
    )  # motions, *batch, time, 2
    chosen = motion[None, ..., None, None].expand(1, *every_motion.shape[1:])
    return 0.5 + AMPLITUDE * every_motion.gather(0, chosen)[0]


def draw_masks(
    shape: Int[Tensor, "*batch"],
    radius: Float[Tensor, "*batch"],
    centre: Float[Tensor, "*batch 2"],
    preset: Preset,
    size: int | None = None,
) -> Float[Tensor, "*batch height width"]:
    """How much of each pixel the shape covers, 0 to 1, from the signed distance to its outline.

    A pixel whose centre lies d pixels inside the outline is covered 1/2 + d, clipped: exact for
    a straight edge along the grid, and a smooth edge everywhere else.
    """
    mask = radius.new_zeros(*radius.shape, *2 * (size or preset.size,))
    for index, name in enumerate(preset.shapes):
        here = (shape == index)[..., None, None]
        mask = torch.where(here, draw_mask(name, radius, centre, size or preset.size), mask)
    return mask


def draw_mask(
    name: str, radius: Float[Tensor, "*batch"], centre: Float[Tensor, "*batch 2"], size: int
) -> Float[Tensor, "*batch height width"]:
    """`draw_masks` where every mask is of the shape called `name`."""
    grid = (torch.arange(size, device=radius.device) + 0.5) / size
    x = grid - centre[..., 0, None, None]
    y = grid[:, None] - centre[..., 1, None, None]
    x, y = torch.broadcast_tensors(x, y)
    distance = SHAPES[name](x, y, radius[..., None, None])
    return (0.5 - distance * size).clamp(0, 1)


def draw_clips(
    factors: Factors, preset: Preset, frames: int | None = None, size: int | None = None
) -> Clips:
    """Draw clips with the given factors, in model range [-1, 1], on the factors' device.

    Args:
        factors: what each clip shows.
        preset: which shapes, colours and motions the indices mean.
        frames: length of the clips; the preset's own by default. Paths have the same period
            whatever the length, so a longer clip goes round more than once.
        size: height and width in pixels; the preset's own by default.
    """
    centre = draw_path(factors.motion, factors.phase, preset, frames)  # batch, time, 2
    frames = centre.shape[1]
    shape = factors.shape[:, None].expand(-1, frames)
    radius = factors.size[:, None].expand(-1, frames)
    mask = draw_masks(shape, radius, centre, preset, size)  # batch, time, height, width
    colour = preset.palette(mask.device)[factors.colour]  # batch, 3
    return 2 * mask[:, None] * colour[:, :, None, None, None] - 1


def draw_batch(
    preset: Preset, batch: int, generator: torch.Generator, device: torch.device | str | None = None
) -> tuple[Clips, Factors]:
    """Draw `batch` random clips and their factors.

    The factors come from `generator`, on its own device, and only then move to `device`: a
    generator on the CPU gives the same clips wherever they are drawn.
    """
    factors = sample_factors(preset, batch, generator).to(device or generator.device)
    return draw_clips(factors, preset), factors


class MovingShapes:
    """The endless stream: `MovingShapes("tiny", seed=0).batch(32)`.

    Args:
        preset: a preset or its name.
        seed: the same seed gives the same clips in the same order.
        device: where the clips are drawn.
    """

    def __init__(
        self, preset: str | Preset = "tiny", seed: int = 0, device: torch.device | str = "cpu"
    ) -> None:
        self.preset = get_preset(preset)
        self.generator = torch.Generator().manual_seed(seed)
        self.device = device

    def batch(self, batch: int) -> tuple[Clips, Factors]:
        """The next `batch` clips, in model range, and their factors."""
        return draw_batch(self.preset, batch, self.generator, self.device)
