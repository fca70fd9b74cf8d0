"""A small classifier of Moving Shapes clips, whose hidden features the distances compare.

Two networks of one kind are shipped in `weights/`: "clip" sees whole clips and reads shape,
colour and motion; "frame" sees one frame at a time and reads shape and colour. Both were made by

    python -m vgan_tutorial.metrics.classifier --output vgan_tutorial/metrics/weights

and `weights/README.txt`, which the same command writes, states how often they are right.

They play the part that networks trained on photographs and on Kinetics play in published metrics.
A distance on their features is a Fréchet or kernel distance on *these* features. It is not FID and
not FVD, and its numbers compare with nothing but each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float, Int
from safetensors.torch import load, save_file
from torch import Tensor, nn
from torch.nn import functional
from tqdm.auto import tqdm

from vgan_tutorial.layers import initialise
from vgan_tutorial.records import run_command
from vgan_tutorial.shapes import (
    COLOURS,
    MOTIONS,
    PRESETS,
    SHAPES,
    Factors,
    MovingShapes,
    Preset,
)

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

    def features(
        self, clips: Float[Tensor, "batch 3 time height width"]
    ) -> Float[Tensor, "samples features"]:
        """64 numbers for each clip; for kind "frame", for each frame, clip after clip.

        Args:
            clips: in model range [-1, 1]. Values outside it are taken as they are.
        """
        return self.trunk(self._prepare(clips))

    def forward(
        self, clips: Float[Tensor, "batch 3 time height width"]
    ) -> dict[str, Float[Tensor, "samples _"]]:
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
def load_classifier(kind: str = "clip") -> ShapesClassifier:
    """The shipped network of that kind, ready to use; its weights are stored in half precision."""
    network = ShapesClassifier(kind)
    stored = (files("vgan_tutorial.metrics") / "weights" / f"{kind}.safetensors").read_bytes()
    network.load_state_dict({name: tensor.float() for name, tensor in load(stored).items()})
    return network.eval().requires_grad_(False)


@torch.no_grad()
def extract_features(
    clips: Float[Tensor, "batch 3 time height width"]
    | Iterable[Float[Tensor, "_ 3 time height width"]],
    extractor: Callable[[Tensor], Tensor] | None = None,
    chunk: int = 64,
) -> Float[Tensor, "samples features"]:
    """Features of all clips, a chunk at a time.

    Args:
        clips: in model range, one tensor or a stream of batches.
        extractor: maps clips to features; the shipped clip classifier by default.
        chunk: clips that pass through the extractor together.

    Raises:
        ValueError: if there are no clips, or if a feature is not finite.
    """
    extractor = extractor or load_classifier("clip").features
    batches = [clips] if isinstance(clips, Tensor) else clips
    parts = [extractor(part) for batch in batches for part in batch.split(chunk) if len(part)]
    if not parts:
        raise ValueError("there are no clips to take features of")
    features = torch.cat(parts)
    if not torch.isfinite(features).all():
        raise ValueError("a feature is NaN or infinite: look for bad values in the clips")
    return features


def label(
    factors: Factors, preset: Preset, factor: str, frames: int = 1
) -> Int[Tensor, " samples"]:
    """The factor's index in `HEADS`, each repeated for every frame of its clip."""
    names = getattr(preset, f"{factor}s")
    table = torch.tensor([HEADS[factor].index(name) for name in names])
    return table[getattr(factors, factor)].repeat_interleave(frames)


@torch.no_grad()
def accuracy(
    network: ShapesClassifier, preset: Preset, clips: int = 1000, seed: int = 1
) -> dict[str, float]:
    """Share of fresh clips (or frames) whose factor the network names rightly."""
    stream, right = MovingShapes(preset, seed), dict.fromkeys(network.heads, 0)
    total = 0
    for start in range(0, clips, 50):
        batch, factors = stream.batch(min(50, clips - start))
        frames = batch.shape[2] if network.kind == "frame" else 1
        for factor, logits in network(batch).items():
            truth = label(factors, preset, factor, frames)
            right[factor] += int((logits.argmax(1) == truth).sum())
        total += len(batch) * frames
    return {factor: count / total for factor, count in right.items()}


def train_classifier(
    kind: str = "clip", steps: int = 600, batch: int = 48, rate: float = 2e-3, seed: int = 0
) -> ShapesClassifier:
    """Train a network on clips of the presets small and tiny in turn, all factors at once.

    Two half batches a step, one of each preset, by cross-entropy; Adam, with a rate that falls
    to zero along a line. Kind "frame" takes a quarter of the clips, for each holds many frames.
    """
    network = ShapesClassifier(kind)
    initialise(network, torch.Generator().manual_seed(seed))
    streams = [MovingShapes(name, seed + 100) for name in ("small", "tiny")]
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=steps)
    for _ in tqdm(range(steps), desc=kind, mininterval=5):
        loss = torch.zeros(())
        for stream in streams:
            clips, factors = stream.batch(batch // (8 if kind == "frame" else 2))
            frames = clips.shape[2] if kind == "frame" else 1
            for factor, logits in network(clips).items():
                truth = label(factors, stream.preset, factor, frames)
                loss = loss + functional.cross_entropy(logits, truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    network.eval().requires_grad_(False)
    _scale_features(network, [stream.batch(500)[0] for stream in streams])
    return network


def _scale_features(network: ShapesClassifier, batches: list[Tensor]) -> None:
    """Give every feature a variance of 1 on real clips, and change no logit.

    A rectifier lets a positive factor pass, so the heads can take back what the features lose.
    """
    features = torch.cat([extract_features(clips, network.features) for clips in batches])
    spread = features.std(0).clamp(min=1e-3)
    layer = network.trunk[-1]
    assert isinstance(layer, nn.Linear)
    layer.weight.div_(spread[:, None])
    layer.bias.div_(spread)
    for head in network.heads.values():
        assert isinstance(head, nn.Linear)
        head.weight.mul_(spread)


RECORD = """Two classifiers of Moving Shapes, for the metrics

Made by

    python -m vgan_tutorial.metrics.classifier --output {output} --steps {steps} --seed {seed}

in {seconds:.0f} seconds of one core's time (torch {torch}). clip.safetensors reads shape,
colour and motion from whole clips; frame.safetensors reads shape and colour from single frames.
Weights are in half precision. Right answers on {clips:,} fresh clips of each preset, measured with
the stored weights:

{table}
"""


def main(
    output: Path, steps: int = 600, seed: int = 0, clips: int = 1000, threads: int = 1
) -> None:
    """Train both classifiers, store them in half precision, and state their accuracy.

    Args:
        output: Folder for clip.safetensors, frame.safetensors and README.txt.
        steps: Of each training.
        seed: Of the weights and the training clips.
        clips: How many fresh clips of each preset to measure the accuracy on.
        threads: Of the CPU.
    """
    torch.set_num_threads(threads)
    output.mkdir(parents=True, exist_ok=True)
    begin, lines = time.process_time(), list[str]()
    networks = {kind: train_classifier(kind, steps, seed=seed).half() for kind in ("clip", "frame")}
    seconds = time.process_time() - begin
    for kind, network in networks.items():
        save_file(network.state_dict(), output / f"{kind}.safetensors")
        for name, preset in PRESETS.items():
            found = accuracy(network.float(), preset, clips, seed + 1)
            words = ", ".join(f"{factor} {share:.1%}" for factor, share in found.items())
            lines.append(f"    {kind:6}{name:6}{words}")
    record = RECORD.format(
        output=output.as_posix(),
        steps=steps,
        seed=seed,
        seconds=seconds,
        torch=torch.__version__,
        clips=clips,
        table="\n".join(lines),
    )
    (output / "README.txt").write_text(record, encoding="utf-8")
    print(record)


if __name__ == "__main__":
    run_command(main)
