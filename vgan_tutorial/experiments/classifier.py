"""Train the classifiers of Moving Shapes that the metrics compare features of.

`python -m vgan_tutorial.experiments.classifier --output vgan_tutorial/metrics/weights`
"""

from __future__ import annotations

import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from tqdm.auto import tqdm

from vgan_tutorial.experiments.records import run_command
from vgan_tutorial.layers import initialise
from vgan_tutorial.metrics.classifier import (
    ShapesClassifier,
    accuracy,
    extract_features,
    label,
)
from vgan_tutorial.shapes import PRESETS, MovingShapes


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

    python -m vgan_tutorial.experiments.classifier --output {output} --steps {steps} --seed {seed}

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
