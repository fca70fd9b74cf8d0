"""What tells an illness of training, and what a network has learnt."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from vgan_tutorial.latents import sample_latent
from vgan_tutorial.losses import total_score
from vgan_tutorial.oracle import judge
from vgan_tutorial.shapes import Preset, draw_batch, get_preset
from vgan_tutorial.types import Clips


def variety(
    clips: Float[Tensor, "count 3 time height width"], preset: str | Preset = "tiny"
) -> float:
    """Mean distance between two clips, over that between two real ones: 0 if all are the same."""
    randomness = torch.Generator().manual_seed(0)
    real, _ = draw_batch(get_preset(preset), len(clips), randomness, clips.device)
    own, theirs = (torch.pdist(group.flatten(1)).mean() for group in (clips, real))
    return (own / theirs).item()


def split_latent(
    network: nn.Module, latent: Float[Tensor, "batch latent"]
) -> tuple[Float[Tensor, "batch content"], Float[Tensor, "batch motion"]]:
    """Content and motion half of the latents of a network that has both, and no classes.

    Raises:
        ValueError: for a network whose latent is not made of these two.
    """
    content, motion = getattr(network, "content", None), getattr(network, "motion", None)
    told = bool(getattr(network, "classes", 0))
    if told or not (isinstance(content, int) and isinstance(motion, int)):
        kind = "with classes" if told else "with no content and motion"
        raise ValueError(f"the latent of a {type(network).__name__} {kind} has no two halves")
    return latent[:, :content], latent[:, content:]


def halves(
    network: nn.Module, preset: str | Preset = "tiny", count: int = 192, seed: int = 1
) -> dict[str, float]:
    """Variety of a generator's clips, and how much of it content and motion latent bring.

    Args:
        network: generator with a content and a motion half, for clips of the preset.
        preset: whose real clips set the scale.
        count: number of clips that are drawn each time.
        seed: seed of the latents.

    Returns:
        Variety of clips as they come ("both"), of clips that share one motion latent and so differ
        in who is seen ("who"), and of clips that share one content latent ("how").

    Raises:
        ValueError: for a network without these halves.
    """
    both = sample_latent(network, count, torch.Generator().manual_seed(seed))
    content, motion = split_latent(network, both)
    who = torch.cat([content, motion[:1].expand_as(motion)], dim=1)
    how = torch.cat([content[:1].expand_as(content), motion], dim=1)
    with torch.no_grad():
        drawn = {"both": network(both), "who": network(who), "how": network(how)}
    return {name: variety(clips, preset) for name, clips in drawn.items()}


@dataclass(frozen=True)
class Alike:
    """How often two clips of some kind of pair agree; nan where no such pair is valid."""

    shape: float  # share of pairs that show the same shape
    colour: float  # share of pairs that show the same colour
    motion: float  # share of pairs that move in the same way
    size: float  # mean difference of the sizes, over their mean


@dataclass(frozen=True)
class Disentanglement:
    """What stays when one half of the latent is held and the other is new."""

    valid: float  # share of clips that the judge can read, motion included
    same_content: Alike  # pairs that share the content latent only
    same_motion: Alike  # pairs that share the motion latent only
    neither: Alike  # pairs that share nothing: what agrees by chance


@torch.no_grad()
def disentanglement(
    network: nn.Module,
    preset: str | Preset = "tiny",
    contents: int = 32,
    motions: int = 8,
    seed: int = 1,
) -> Disentanglement:
    """Draw every content with every motion, and let the exact judge compare the clips by pairs.

    Only pairs count in which the judge accepts both clips, so a network that draws badly is not
    called entangled for it: see `Disentanglement.valid`.

    Args:
        network: generator with a content and a motion half, for clips of the preset.
        preset: whose factors the judge reads.
        contents: number of content latents.
        motions: number of motion latents.
        seed: seed of the latents.

    Raises:
        ValueError: for a network without these halves.
    """
    latent = sample_latent(network, max(contents, motions), torch.Generator().manual_seed(seed))
    content, motion = split_latent(network, latent)
    rows = torch.arange(contents).repeat_interleave(motions)
    columns = torch.arange(motions).repeat(contents)
    verdict = judge(network(torch.cat([content[rows], motion[columns]], 1)), get_preset(preset))
    good, factors = verdict.motion_valid.cpu(), verdict.factors.to("cpu")
    once = torch.ones(len(rows), len(rows), dtype=torch.bool).triu(1)  # each pair once
    pairs = once & good[:, None] & good
    shared, moved = rows[:, None] == rows, columns[:, None] == columns

    def compare(which: Bool[Tensor, "clips clips"]) -> Alike:
        one, other = (factors[index] for index in (pairs & which).nonzero().unbind(1))
        return Alike(
            shape=(one.shape == other.shape).float().mean().item(),
            colour=(one.colour == other.colour).float().mean().item(),
            motion=(one.motion == other.motion).float().mean().item(),
            size=2 * ((one.size - other.size).abs().mean() / (one.size + other.size).mean()).item(),
        )

    return Disentanglement(
        valid=good.float().mean().item(),
        same_content=compare(shared),
        same_motion=compare(moved),
        neither=compare(~shared & ~moved),
    )


def checkers(clips: Float[Tensor, "count 3 time height width"]) -> float:
    """Share of the pixels' variance in the pattern that changes sign from pixel to pixel.

    In the discrete Fourier transform of a frame it is the coefficient of the highest frequency in
    both directions.
    """
    spectrum = torch.fft.fft2(clips).abs().square()
    spectrum[..., 0, 0] = 0  # the mean is not variance
    height, width = clips.shape[-2:]
    share = spectrum[..., height // 2, width // 2].sum() / spectrum.sum().clamp(min=1e-12)
    return share.item()


def company(
    together: Float[Tensor, "count 3 time height width"],
    alone: Float[Tensor, "count 3 time height width"],
) -> float:
    """How much clips change with those that they are drawn with: 0 if not at all.

    Mean distance between a clip drawn in a batch and the clip of the same latent drawn alone, over
    the mean distance between two clips of the batch.
    """
    change = (together - alone).flatten(1).norm(dim=1).mean()
    return (change / torch.pdist(together.flatten(1)).mean().clamp(min=1e-12)).item()


def right_answers(real: Float[Tensor, " clips"], fake: Float[Tensor, " clips"]) -> float:
    """Share of right answers on one half of the clips; the threshold is chosen on the other."""
    (real_known, real_new), (fake_known, fake_new) = real.chunk(2), fake.chunk(2)
    candidates = torch.cat([real_known, fake_known])
    called_real = (real_known[:, None] > candidates).float().mean(0)
    called_fake = (fake_known[:, None] <= candidates).float().mean(0)
    threshold = candidates[(called_real + called_fake).argmax()]
    right = (real_new > threshold).float().mean() + (fake_new <= threshold).float().mean()
    return right.item() / 2


def steepest(network: nn.Module, clips: Clips) -> float:
    """The largest norm of the score's gradient at any of the clips: at most the Lipschitz constant.

    For a network in evaluation mode whose score of a clip depends on that clip alone.
    """
    clips = clips.clone().requires_grad_(True)
    (slopes,) = torch.autograd.grad(total_score(network(clips)).sum(), clips)
    return slopes.flatten(1).norm(dim=1).max().item()


def linear_probe(
    seen: Float[Tensor, "known features"],
    classes: Int[Tensor, " known"],
    unseen: Float[Tensor, "new features"],
    truth: Int[Tensor, " new"],
    decay: float = 1e-2,
) -> float:
    """Share of new clips whose class a linear layer names, fitted to the known ones.

    Features are standardised with the known clips' mean and standard deviation. The layer minimises
    cross entropy plus `decay` times half the squared weights, which has a single minimum.
    """
    mean, std = seen.mean(0), seen.std(0).clamp(min=1e-6)
    seen, unseen = (seen - mean) / std, (unseen - mean) / std
    layer = nn.Linear(seen.shape[1], int(max(classes.max(), truth.max())) + 1).to(seen)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=60, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        optimiser.zero_grad()
        loss = cross_entropy(layer(seen), classes) + decay / 2 * layer.weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(objective)
    return (layer(unseen).argmax(1) == truth).float().mean().item()
