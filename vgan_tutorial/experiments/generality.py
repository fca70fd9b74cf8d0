"""What a generator can draw at all: the painter and the tile generator, fitted to the same films.

`python -m vgan_tutorial.experiments.generality` writes the record that chapter 4 reads. There is
no adversary: weights and latents are optimised together, so that each latent gives its film
(generative latent optimisation, Bojanowski et al., ICML 2018). Whatever error is left, after
training that nothing disturbs, is the wiring's or the optimiser's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import grid_sample, interpolate
from tqdm.auto import tqdm

from vgan_tutorial.experiments.records import (
    CPU,
    RECORDS,
    Record,
    add_tensors,
    check_counts,
    command_line,
    open_record,
    origin,
    run_command,
    save_record,
)
from vgan_tutorial.generators import ContentMotionGenerator, PainterGenerator
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.layers import channels_last, initialise
from vgan_tutorial.pixels import to_uint8
from vgan_tutorial.types import Clips

FRAMES, SIZE, FILMS = 8, 16, 16
KEPT = 3  # films that are stored with their copies: the first ones
# Adam as in no game: nobody pushes back, so momentum helps, and the rate may fall to zero.
RATE, BETAS = 0.005, (0.9, 0.99)

# Every number of the latent may be fitted, so the painter chooses nothing.
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "painter": lambda: PainterGenerator(FRAMES, SIZE, choices=0),
    "tile": lambda: ContentMotionGenerator(FRAMES, SIZE),
}


def make_record(
    output: Path = RECORDS / "generality/fits.json",
    steps: int = 1000,
    every: int = 50,
    seed: int = 0,
) -> None:
    """Fit both generators to the same films, and record how near they come.

    Args:
        output: JSON file to write, or to go on with.
        steps: Number of Adam steps of each generator.
        every: Number of steps from one measurement to the next.
        seed: Seed of films, weights and latents.

    Raises:
        ValueError: if the file holds fits of other settings.
    """
    check_counts(steps=steps, every=every)
    torch.set_num_threads(1)
    films = draw_films(FILMS, torch.Generator().manual_seed(seed))
    record = open_record(output, _begun(output, steps, every, seed))
    record.setdefault("baselines", baselines(films))
    add_tensors(output, {"films": to_uint8(films[:KEPT])})
    fits = record.setdefault("fits", {})
    for name, build in NETWORKS.items():
        if name in fits:
            continue  # fitted before the last interruption
        network, latents, curve = fit(build(), films, steps, every, seed)
        with torch.no_grad():
            copies: Clips = network(latents)
        fits[name] = {
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "steps": [step for step, _ in curve],
            "psnr": [round(value, 2) for _, value in curve],
            "psnr_of_films": [
                round(psnr(copy, film), 2) for copy, film in zip(copies, films, strict=True)
            ],
        }
        add_tensors(output, {name: to_uint8(copies[:KEPT])})
        save_record(output, record)


def fit(
    network: nn.Module, films: Clips, steps: int, every: int, seed: int = 0
) -> tuple[nn.Module, Tensor, list[tuple[int, float]]]:
    """Optimise weights and latents together until every latent gives its film.

    The rate falls to zero along half a cosine.

    Args:
        network: Generator of clips of the films' shape; it is initialised here.
        films: Clips to copy.
        steps: Number of Adam steps.
        every: Number of steps from one measurement to the next.
        seed: Seed of weights and latents.

    Returns:
        The network, the latents, and (step, PSNR over all films in dB) pairs.
    """
    draw = torch.Generator().manual_seed(seed)
    channels_last(initialise(network, draw))
    latents = spread(network, sample_latent(network, len(films), draw)).requires_grad_(True)
    optimiser = torch.optim.Adam([*network.parameters(), latents], lr=RATE, betas=BETAS)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    curve = []
    for step in tqdm(range(steps), desc=type(network).__name__):
        copies = network(latents)
        error = (copies - films).square().mean()
        if step % every == 0:
            curve.append((step, decibels(error.item())))
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        falling.step()
    with torch.no_grad():
        curve.append((steps, psnr(network(latents), films)))
    return network, latents.detach(), curve


def spread(network: nn.Module, latents: Float[Tensor, "films latent"]) -> Tensor:
    """Give every film a figure and a move of its own, where a network chooses between such.

    A choice has no slope, so the optimiser cannot mend it: two films that begin with one figure
    would have to share it. Nothing is given away, since there are more figures than films.
    """
    if isinstance(network, ContentMotionGenerator):
        apart = torch.special.ndtri((torch.arange(len(latents)) + 0.5) / len(latents))
        latents[:, 0] = latents[:, network.content] = apart
    return latents


def psnr(copy: Tensor, film: Tensor) -> float:
    """Peak signal-to-noise ratio in decibels: 10 log10(2^2 / mean squared error), on [-1, 1]."""
    return decibels((copy - film).square().mean().item())


def decibels(error: float) -> float:
    """PSNR of a mean squared error between values in [-1, 1]."""
    return 10 * math.log10(2**2 / max(error, 1e-12))


def baselines(films: Clips) -> dict[str, float]:
    """PSNR of two copies that need no network: each film's mean colour, and its mean frame."""
    dull = {"mean colour": films.mean((2, 3, 4), keepdim=True), "mean frame": films.mean(2, True)}
    return {name: round(psnr(copy, films), 2) for name, copy in dull.items()}


# The films --------------------------------------------------------------------------------------


def draw_films(count: int, generator: torch.Generator) -> Clips:
    """Films of all that the tile generator's wiring leaves out.

    A camera moves over a blotchy ground. Before it two things with a texture of their own go
    their own ways: a disc, and a square that can pass in front of it. Nothing is periodic. Places
    are measured in half widths of the frame, from its middle; time goes from -1/2 to 1/2.
    """
    time = torch.linspace(-0.5, 0.5, FRAMES)

    def straight(speed: float) -> Float[Tensor, "count time 2"]:
        """Ways through the middle of time, each at its own pace, up to `speed` a film."""
        return speed * _between(-1.0, 1.0, generator, count, 1, 2) * time[:, None]

    camera = straight(1.2)
    window = _grid() / 2 + camera[:, :, None, None] / 2  # the ground is twice as wide as a frame
    clips = _look(0.85 * _texture(count, 6, generator) - 0.15, window)
    for inside in (_in_disc, _in_square):
        middle = _between(-0.5, 0.5, generator, count, 1, 2) + straight(1.2) - camera
        radius = _between(0.3, 0.45, generator, count, 1, 1, 1)
        place = (_grid() - middle[:, :, None, None]) / radius[..., None]
        mask = (inside(place) * radius * SIZE / 2 + 0.5).clamp(0, 1)[:, None]
        paint = _look(0.7 * _texture(count, 3, generator) + 0.3, place)  # brighter, to stand out
        clips = mask * paint + (1 - mask) * clips
    return clips


def _between(low: float, high: float, generator: torch.Generator, *shape: int) -> Tensor:
    return low + (high - low) * torch.rand(*shape, generator=generator)


def _texture(count: int, cells: int, generator: torch.Generator) -> Float[Tensor, "count 3 64 64"]:
    """Random colours on a coarse lattice, and smooth between."""
    coarse = _between(-1.0, 1.0, generator, count, 3, cells, cells)
    return interpolate(coarse, (64, 64), mode="bicubic").clamp(-1, 1)


def _grid() -> Float[Tensor, "height width 2"]:
    """Where each pixel of a frame lies, (x, y) from -1 to 1."""
    axis = (torch.arange(SIZE) + 0.5) * 2 / SIZE - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x, y], dim=-1)


def _look(texture: Tensor, places: Float[Tensor, "count time height width 2"]) -> Clips:
    """What a texture shows at some places in every frame."""
    rows = places.flatten(1, 2)
    seen = grid_sample(texture, rows, padding_mode="border", align_corners=False)
    return seen.unflatten(2, places.shape[1:3])


def _in_disc(place: Tensor) -> Tensor:
    """How far inside a disc of radius 1 a place lies; less than 0 is outside."""
    return 1 - place.norm(dim=-1)


def _in_square(place: Tensor) -> Tensor:
    """The same for a square from -1 to 1."""
    return 1 - place.abs().amax(dim=-1)


def _begun(output: Path, steps: int, every: int, seed: int) -> Record:
    """Where the record comes from."""
    return origin(
        command_line("generality", output=output, steps=steps, every=every, seed=seed),
        CPU,
        threads=1,
        films=FILMS,
        frames=FRAMES,
        size=SIZE,
        steps=steps,
        every=every,
        seed=seed,
        rate=RATE,
        betas=BETAS,
    )


if __name__ == "__main__":
    run_command(make_record)
