"""A small classifier of Moving Shapes clips, whose hidden features the distances compare.

Two networks of one kind are shipped in `weights/`: "clip" sees whole clips and reads shape,
colour and motion; "frame" sees one frame at a time and reads shape and colour. Both were made by

    python -m vgan_tutorial.experiments.classifier --output vgan_tutorial/metrics/weights

and `weights/README.txt`, which the same command writes, states how often they are right.

They play the part that networks trained on photographs and on Kinetics play in published metrics.
A distance on their features is a Fréchet or kernel distance on *these* features. It is not FID and
not FVD, and its numbers compare with nothing but each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn import functional

from vgan_tutorial.shapes import (
    COLOURS,
    MOTIONS,
    SHAPES,
    Factors,
    MovingShapes,
    Preset,
)
from vgan_tutorial.types import Clips

FEATURES = 64  # numbers that describe a clip, or a frame
FRAMES, SIZE = 16, 32  # what clips are brought to before the network sees them
HEADS: dict[str, tuple[str, ...]] = {
    "shape": tuple(SHAPES),
    "colour": tuple(COLOURS),
    "motion": tuple(MOTIONS),
}
CHANNELS = (3, 16, 32, 64, 64)


class ShapesClassifier(nn.Module):
    """Four strided convolutions, a layer of features, and one linear head for each factor.

    Clips of any length and size are first brought to 16 frames of 32 x 32 pixels: larger frames
    are averaged down, smaller ones and short clips are interpolated linearly. So one network
    serves all presets.

    Args:
        kind: "clip" convolves over time, height and width; "frame" sees every frame on its own,
            and has no head for motion.
    """

    def __init__(self, kind: str = "clip") -> None:
        super().__init__()
        if kind not in ("clip", "frame"):
            raise ValueError(f'kind is "clip" or "frame", not {kind!r}')
        self.kind = kind
        depth, stride = (3, 2) if kind == "clip" else (1, 1)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(CHANNELS):
            padding = (depth // 2, 1, 1)
            layers += [
                nn.Conv3d(inputs, outputs, (depth, 3, 3), (stride, 2, 2), padding),
                nn.ReLU(),
            ]
        self.trunk = nn.Sequential(*layers, nn.Flatten(), nn.Linear(CHANNELS[-1] * 4, FEATURES))
        self.heads = nn.ModuleDict(
            {
                factor: nn.Linear(FEATURES, len(names))
                for factor, names in HEADS.items()
                if kind == "clip" or factor != "motion"
            }
        )

    def features(self, clips: Clips) -> Float[Tensor, "samples features"]:
        """64 numbers for each clip; for kind "frame", for each frame, clip after clip.

        Args:
            clips: clips in model range [-1, 1]. Values outside it are taken as they are.
        """
        return self.trunk(self._prepare(clips))

    def forward(self, clips: Clips) -> dict[str, Float[Tensor, "samples _"]]:
        """Logits of every factor's names, in the order of `HEADS`."""
        hidden = functional.relu(self.features(clips))
        return {factor: head(hidden) for factor, head in self.heads.items()}

    def _prepare(self, clips: Tensor) -> Tensor:
        time, height, width = clips.shape[2:]
        if self.kind == "frame":
            clips = clips.transpose(1, 2).flatten(0, 1).unsqueeze(2)
            time = 1
        frames = FRAMES if self.kind == "clip" else 1
        if height > SIZE and width > SIZE:
            clips = functional.adaptive_avg_pool3d(clips, (time, SIZE, SIZE))
        return functional.interpolate(clips, (frames, SIZE, SIZE), mode="trilinear")


@cache
def load_classifier(kind: str = "clip", device: torch.device | str = "cpu") -> ShapesClassifier:
    """The shipped network of that kind, ready to use; its weights are stored in half precision."""
    network = ShapesClassifier(kind)
    stored = (files("vgan_tutorial.metrics") / "weights" / f"{kind}.safetensors").read_bytes()
    network.load_state_dict({name: tensor.float() for name, tensor in load(stored).items()})
    return network.to(device).eval().requires_grad_(False)


@torch.no_grad()
def extract_features(
    clips: Clips | Iterable[Float[Tensor, "_ 3 time height width"]],
    extractor: Callable[[Tensor], Tensor] | None = None,
    chunk: int = 64,
) -> Float[Tensor, "samples features"]:
    """Features of all clips, a chunk at a time.

    Args:
        clips: clips in model range, one tensor or a stream of batches.
        extractor: maps clips to features; by default the shipped clip classifier, where they are.
        chunk: clips that pass through the extractor together.

    Raises:
        ValueError: if there are no clips, or if a feature is not finite.
    """
    extractor = extractor or _shipped_features
    batches = [clips] if isinstance(clips, Tensor) else clips
    parts = [extractor(part) for batch in batches for part in batch.split(chunk) if len(part)]
    if not parts:
        raise ValueError("there are no clips to take features of")
    features = torch.cat(parts)
    if not torch.isfinite(features).all():
        raise ValueError("a feature is NaN or infinite: look for bad values in the clips")
    return features


def _shipped_features(clips: Tensor) -> Tensor:
    return load_classifier("clip", clips.device).features(clips)


def label(
    factors: Factors, preset: Preset, factor: str, frames: int = 1
) -> Int[Tensor, " samples"]:
    """The factor's index in `HEADS`, each repeated for every frame of its clip."""
    names = getattr(preset, f"{factor}s")
    chosen: Tensor = getattr(factors, factor)
    table = torch.tensor([HEADS[factor].index(name) for name in names], device=chosen.device)
    return table[chosen].repeat_interleave(frames)


@torch.no_grad()
def accuracy(
    network: ShapesClassifier, preset: Preset, clips: int = 1000, seed: int = 1
) -> dict[str, float]:
    """Share of fresh clips (or frames) whose factor the network names rightly."""
    device = next(network.parameters()).device
    stream, right = MovingShapes(preset, seed, device), dict.fromkeys(network.heads, 0)
    total = 0
    for start in range(0, clips, 50):
        batch, factors = stream.batch(min(50, clips - start))
        frames = batch.shape[2] if network.kind == "frame" else 1
        for factor, logits in network(batch).items():
            truth = label(factors, preset, factor, frames)
            right[factor] += int((logits.argmax(1) == truth).sum())
        total += len(batch) * frames
    return {factor: count / total for factor, count in right.items()}
