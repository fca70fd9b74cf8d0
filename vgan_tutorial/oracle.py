"""The exact judge: reads the factors of Moving Shapes back from the pixels of any clip.

The judge renders and compares. For a clip it searches the one shape, colour and size, and the
position in every frame, whose rendering is nearest to the clip in squared error. What the
rendering cannot explain is the *residual*. Nothing is learnt and nothing is estimated, so a
generator cannot please the judge in any other way than by drawing what the data set holds.

A clip is *valid* when the residual is at most `VALID_RESIDUAL` of the rendering's energy. Its
*motion is valid* when the path, too, stays close to a legal one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from vgan_tutorial.shapes import Factors, Preset, draw_mask, draw_masks, draw_path, get_preset
from vgan_tutorial.types import Clips

VALID_RESIDUAL = 0.12  # of the rendering's energy; real clips stay under 0.01
VALID_PATH = 1 / 16  # RMS distance to the nearest legal path, as a share of the frame's width

_COARSE = 32  # largest frame of the coarse search, in pixels
_RADII = 3  # sizes tried in the coarse search
_PHASES = 256  # phases tried when a path is compared with the legal ones
_REFINEMENTS = 3  # rounds of Gauss-Newton steps
_CHUNK = 2**25  # numbers held at once in the coarse search


@dataclass
class Verdict:
    """What the judge read from each clip of a batch."""

    factors: Factors  # the best explanation
    path: Float[Tensor, "batch time 2"]  # centre in each frame, (x, y) as shares of the width
    residual: Float[Tensor, " batch"]  # squared error / energy of the rendering
    path_error: Float[Tensor, " batch"]  # RMS distance to the nearest legal path, share of width
    shape_consistency: Float[Tensor, " batch"]  # share of frames that show the clip's shape
    colour_consistency: Float[Tensor, " batch"]  # share of frames that show the clip's colour
    size_spread: Float[Tensor, " batch"]  # standard deviation over time of size / mean size

    @property
    def valid(self) -> Bool[Tensor, " batch"]:
        """One shape, colour and size, with a free position a frame, explains the clip."""
        return self.residual <= VALID_RESIDUAL

    @property
    def motion_valid(self) -> Bool[Tensor, " batch"]:
        """The clip is valid, and its path is a legal one."""
        return self.valid & (self.path_error <= VALID_PATH)


@dataclass(frozen=True)
class Summary:
    """The judge's figures for a set of clips, all shares between 0 and 1 but the counts."""

    clips: int
    validity: float  # share of valid clips
    motion_validity: float  # share of clips whose motion is valid too
    cells_found: int  # cells that at least one clip with valid motion falls in
    cells: int  # cells that there are
    histogram_distance: float  # total variation, found cells against uniform; 1 if none is found
    shape_consistency: float  # mean over clips
    colour_consistency: float  # mean over clips
    size_spread: float  # mean over clips

    @property
    def coverage(self) -> float:
        """Share of the cells that were found."""
        return self.cells_found / self.cells

    def __str__(self) -> str:
        return (
            f"{self.validity:.0%} valid, {self.motion_validity:.0%} with valid motion, "
            f"{self.cells_found} of {self.cells} cells, "
            f"histogram distance {self.histogram_distance:.2f} ({self.clips} clips)"
        )


@torch.no_grad()
def judge(clips: Clips, preset: Preset) -> Verdict:
    """Read shape, colour, size, path and motion back from clips in model range [-1, 1].

    Raises:
        ValueError: if the frames are not square, if a clip has a value that is not finite, or if
            the batch is empty.
    """
    batch, _, time, height, width = clips.shape
    if height != width:
        raise ValueError(
            f"the judge reads square frames; these are {height} high and {width} wide: crop first"
        )
    if batch == 0:
        raise ValueError("the judge was given no clips")
    if not torch.isfinite(clips).all():
        bad = (~torch.isfinite(clips)).flatten(1).any(1).nonzero()[:, 0].tolist()
        raise ValueError(f"clips {bad} hold NaN or infinite values; the judge cannot read them")
    small = min(width, _COARSE)
    table = len(preset.shapes) * _RADII * len(_positions(small, clips.device))
    chunk = max(1, _CHUNK // (time * len(preset.colours) * table))
    return join_verdicts([_judge_chunk(part.float(), preset) for part in clips.split(chunk)])


def summarise(verdict: Verdict, preset: Preset) -> Summary:
    """Validity, coverage, histogram distance and consistency of a judged set."""
    good = verdict.motion_valid
    counts = torch.bincount(verdict.factors.cell(preset)[good], minlength=preset.cells).float()
    distance = (counts / counts.sum() - 1 / preset.cells).abs().sum().item() / 2
    return Summary(
        clips=len(good),
        validity=verdict.valid.float().mean().item(),
        motion_validity=good.float().mean().item(),
        cells_found=int((counts > 0).sum()),
        cells=preset.cells,
        histogram_distance=distance if good.any() else 1.0,
        shape_consistency=verdict.shape_consistency.mean().item(),
        colour_consistency=verdict.colour_consistency.mean().item(),
        size_spread=verdict.size_spread.mean().item(),
    )


def judged(clips: Clips, preset: str | Preset, *names: str) -> dict[str, int | float]:
    """The judge's figures of clips, rounded to four digits: those named, or all of `Summary`."""
    preset = get_preset(preset)
    found = asdict(summarise(judge(clips, preset), preset))
    return {name: round(found[name], 4) for name in names or found}


# The coarse search: every shape, size and position at once --------------------------------------


def _positions(width: int, device: torch.device) -> Float[Tensor, "positions 2"]:
    """Centres tried: every pixel (every half pixel in frames under 32), where a shape fits."""
    steps = torch.arange(width * (2 if width < 32 else 1), device=device)
    line = (steps + 0.5) / len(steps)
    return torch.cartesian_prod(*2 * (line[(line - 0.5).abs() < 0.36],))


def _search(
    frames: Clips, preset: Preset
) -> tuple[
    Float[Tensor, "batch time shapes radii colours"],
    Float[Tensor, "batch time shapes radii colours 2"],
]:
    """Least squared error of each shape, size and colour in each frame, and the centre it is at.

    |x - c m|^2 = |x|^2 - 2 <x, c m> + |c|^2 |m|^2, where x is a frame, c a colour and m a mask.
    The middle term for all frames, colours and masks is one matrix product. Frames of more than
    32 pixels are averaged down first: this search only finds where the fine one starts.
    """
    time, width = frames.shape[2], frames.shape[-1]
    small = min(width, _COARSE)
    coarse = functional.adaptive_avg_pool3d(frames, (time, small, small))
    radii, positions = _radii(preset, frames.device), _positions(small, frames.device)
    shapes = torch.arange(len(preset.shapes), device=frames.device)
    table = (len(shapes), len(radii), len(positions))
    masks = draw_masks(
        shapes[:, None, None].expand(table),
        radii[:, None].expand(table),
        positions.expand(*table, 2),
        preset,
        small,
    ).flatten(-2)  # shapes, radii, positions, pixels
    palette = preset.palette(frames.device)
    tinted = torch.einsum("bctyx,kc->btkyx", coarse, palette)
    overlap = (tinted.reshape(-1, small**2) @ masks.flatten(0, 2).T).view(*tinted.shape[:3], *table)
    energy = palette.square().sum(1)[:, None, None, None] * masks.square().sum(-1)
    gain, where = (2 * overlap - energy).max(-1)  # batch, time, colours, shapes, radii
    errors = coarse.square().sum((1, 3, 4))[:, :, None, None, None] - gain
    return errors.movedim(2, -1), positions[where].movedim(2, -2)


def _radii(preset: Preset, device: torch.device) -> Float[Tensor, " radii"]:
    """Sizes tried in the coarse search."""
    return torch.linspace(*preset.radius, _RADII, device=device)


# The fine search: Gauss-Newton on positions and size --------------------------------------------


def _refine(
    target: Float[Tensor, "batch time height width"],
    shape: str,
    radius: Float[Tensor, " batch"],
    centre: Float[Tensor, "batch time 2"],
    limits: tuple[float, float],
) -> tuple[
    Float[Tensor, " batch"], Float[Tensor, "batch time 2"], Float[Tensor, "batch time height width"]
]:
    """Move the centres (one a frame) and the radius (one a clip) so that the mask fits `target`.

    Gauss-Newton steps in turn, on the centres and on the radius. Slopes are central differences,
    because the soft edge has corners; a step is kept only where it lowers the squared error.
    Returns the radius, the centres and the fitted mask.
    """
    width, time = target.shape[-1], target.shape[1]
    step = 0.5 / width  # half a pixel: wide enough to feel the soft edge
    right, down = step * torch.eye(2, device=target.device)
    damping = 1e-3 * width**2 * torch.eye(2, device=target.device)

    def render(radius: Tensor, centre: Tensor) -> Tensor:
        return draw_mask(shape, radius[:, None].expand(-1, time), centre, width)

    def slope(ahead: Tensor, behind: Tensor) -> Tensor:
        return (ahead - behind) / (2 * step)

    mask = render(radius, centre)
    for _ in range(_REFINEMENTS):
        by_x = slope(render(radius, centre + right), render(radius, centre - right))
        by_y = slope(render(radius, centre + down), render(radius, centre - down))
        gradient = torch.stack([by_x, by_y], -1).flatten(2, 3)  # batch, time, pixels, 2
        normal = gradient.mT @ gradient + damping
        move = torch.linalg.solve(normal, gradient.mT @ (target - mask).flatten(2)[..., None])
        trial = centre + move[..., 0].clamp(-1 / width, 1 / width)
        moved = render(radius, trial)
        better = _squared_error(moved, target) < _squared_error(mask, target)  # batch, time
        centre = torch.where(better[..., None], trial, centre)
        mask = torch.where(better[..., None, None], moved, mask)

        by_radius = slope(render(radius + step, centre), render(radius - step, centre))
        push = (by_radius * (target - mask)).sum((1, 2, 3))
        grown = (radius + push / by_radius.square().sum((1, 2, 3)).clamp(min=1e-6)).clamp(*limits)
        resized = render(grown, centre)
        better = _squared_error(resized, target).sum(1) < _squared_error(mask, target).sum(1)
        radius = torch.where(better, grown, radius)
        mask = torch.where(better[:, None, None, None], resized, mask)
    return radius, centre, mask


def _squared_error(
    mask: Float[Tensor, "batch time height width"], target: Float[Tensor, "batch time height width"]
) -> Float[Tensor, "batch time"]:
    return (mask - target).square().sum((2, 3))


# Putting a verdict together ---------------------------------------------------------------------


def _judge_chunk(clips: Clips, preset: Preset) -> Verdict:
    frames = (clips + 1) / 2  # intensities: black is 0, so that energy is the shape's alone
    errors, centres = _search(frames, preset)
    radii = _radii(preset, frames.device)
    candidates = [
        _explain(frames, shape, radii, errors, centres, preset)
        for shape in range(len(preset.shapes))
    ]
    residuals = torch.stack([candidate[0] for candidate in candidates])  # shapes, batch
    shape = residuals.argmin(0)

    def pick(position: int) -> Tensor:
        stacked = torch.stack([candidate[position] for candidate in candidates])
        return stacked[shape, torch.arange(len(shape), device=shape.device)]

    residual, colour, radius, path = map(pick, range(4))
    motion, phase, path_error = read_motion(path, preset)
    frame_shape, frame_radius, frame_colour = _best_of_each_frame(errors)
    frame_size = radii[frame_radius]
    return Verdict(
        factors=Factors(shape, colour, motion, radius, phase),
        path=path,
        residual=residual,
        path_error=path_error,
        shape_consistency=(frame_shape == shape[:, None]).float().mean(1),
        colour_consistency=(frame_colour == colour[:, None]).float().mean(1),
        size_spread=frame_size.std(1, correction=0) / frame_size.mean(1),
    )


def _explain(
    frames: Clips,
    shape_index: int,
    radii: Float[Tensor, " radii"],
    errors: Float[Tensor, "batch time shapes radii colours"],
    centres: Float[Tensor, "batch time shapes radii colours 2"],
    preset: Preset,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Best residual, colour, radius and path for one shape, kept through the whole clip."""
    batch, _, _, _, colours = errors.shape
    total = errors[:, :, shape_index].sum(1)  # batch, radii, colours
    best = total.flatten(1).argmin(1)
    size_index, colour = best // colours, best % colours
    rows = torch.arange(batch, device=best.device)
    centre = centres[rows, :, shape_index, size_index, colour]
    rgb = preset.palette(frames.device)[colour]  # batch, 3
    strength = rgb.square().sum(1)
    # The nearest multiple of the colour, pixel by pixel: what is left is another colour's.
    target = torch.einsum("bcthw,bc->bthw", frames, rgb) / strength[:, None, None, None]
    radius, centre, mask = _refine(
        target, preset.shapes[shape_index], radii[size_index], centre, preset.radius
    )
    rendering = mask[:, None] * rgb[:, :, None, None, None]
    energy = rendering.square().flatten(1).sum(1)
    residual = (frames - rendering).square().flatten(1).sum(1) / energy.clamp(min=1e-6)
    return residual, colour, radius, centre


def read_motion(
    path: Float[Tensor, "batch time 2"], preset: Preset
) -> tuple[Int[Tensor, " batch"], Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    """The legal path nearest to each path: its motion, its phase in turns, its RMS distance."""
    motions = torch.arange(len(preset.motions), device=path.device)
    phases = torch.arange(_PHASES, device=path.device) / _PHASES
    table = (len(motions), len(phases))
    legal = draw_path(
        motions[:, None].expand(table), phases.expand(table), preset, frames=path.shape[1]
    )  # motions, phases, time, 2
    distance = torch.cdist(path.flatten(1), legal.flatten(0, 1).flatten(1))
    nearest, index = distance.min(1)
    return index // _PHASES, phases[index % _PHASES], nearest / math.sqrt(path.shape[1])


def _best_of_each_frame(
    errors: Float[Tensor, "batch time shapes radii colours"],
) -> tuple[Int[Tensor, "batch time"], Int[Tensor, "batch time"], Int[Tensor, "batch time"]]:
    """Shape, radius and colour index of the best explanation of every frame on its own."""
    radii, colours = errors.shape[3:]
    best = errors.flatten(2).argmin(2)
    return best // (radii * colours), best // colours % radii, best % colours


def join_verdicts(parts: list[Verdict]) -> Verdict:
    """Concatenate verdicts along the batch."""

    def cat(of: list[Any], names: list[str]) -> list[Tensor]:
        return [torch.cat([getattr(each, name) for each in of]) for name in names]

    factors = cat([part.factors for part in parts], [field.name for field in fields(Factors)])
    return Verdict(Factors(*factors), *cat(parts, [field.name for field in fields(Verdict)][1:]))


# Ways to damage a clip, to test the judge (and, later, discriminators) --------------------------

Damage = Callable[
    [Clips, torch.Generator],
    Clips,
]


def add_noise(clips: Tensor, generator: torch.Generator) -> Tensor:
    """Add Gaussian noise of standard deviation 0.5 to every value."""
    noise = torch.randn(clips.shape, generator=generator, device=generator.device)
    return (clips + 0.5 * noise.to(clips.device)).clamp(-1, 1)


def shuffle_frames(clips: Tensor, generator: torch.Generator) -> Tensor:
    """Put the frames of every clip in a random order: the frames stay real, the motion goes."""
    batch, _, time = clips.shape[:3]
    order = torch.rand(batch, time, generator=generator, device=generator.device).argsort(1)
    return clips.gather(2, order.to(clips.device)[:, None, :, None, None].expand_as(clips))


def freeze(clips: Tensor, generator: torch.Generator) -> Tensor:
    """Repeat the first frame through the whole clip."""
    return clips[:, :, :1].expand_as(clips).clone()


def recolour_half(clips: Tensor, generator: torch.Generator) -> Tensor:
    """Change the colour in the second half of every clip: rotate the channels, empty the first."""
    half = clips.shape[2] // 2
    late = clips[:, :, half:].roll(1, dims=1)
    late[:, 0] = -1
    return torch.cat([clips[:, :, :half], late], dim=2)


def add_second_object(clips: Tensor, generator: torch.Generator) -> Tensor:
    """Lay every clip over its neighbour in the batch, turned upside down and mirrored."""
    return torch.maximum(clips, clips.roll(1, dims=0).flip((-1, -2)))


def blank(clips: Tensor, generator: torch.Generator) -> Tensor:
    """Black frames only."""
    return torch.full_like(clips, -1.0)


DAMAGES: dict[str, Damage] = {
    "noise": add_noise,
    "shuffled frames": shuffle_frames,
    "frozen": freeze,
    "changed colour": recolour_half,
    "two objects": add_second_object,
    "blank": blank,
}


def damaged(clips: Clips, seed: int = 0) -> Iterator[tuple[str, Clips]]:
    """Every damage's name with the damaged clips."""
    for name, damage in DAMAGES.items():
        yield name, damage(clips, torch.Generator().manual_seed(seed))
