"""The classifiers of Moving Shapes whose features the metrics compare.

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

from vgan_tutorial.experiments.records import (
    CPU,
    check_counts,
    command_line,
    origin,
    run_command,
)
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

    {command}

in {seconds:.0f} seconds of one core's time ({device}, torch {torch}, commit {commit}).
clip.safetensors reads shape, colour and motion from whole clips; frame.safetensors reads shape and
colour from single frames. Weights are in half precision. Right answers on {clips:,} fresh clips of
each preset, measured with the stored weights:

{table}
"""


def make_record(
    output: Path, steps: int = 600, seed: int = 0, clips: int = 1000, threads: int = 1
) -> None:
    """Train both classifiers, store them in half precision, and state their accuracy.

    Args:
        output: Folder for clip.safetensors, frame.safetensors and README.txt.
        steps: Number of steps of each training.
        seed: Seed of the weights and the training clips.
        clips: Number of fresh clips of each preset that the accuracy is measured on.
        threads: Number of the CPU's threads.
    """
    check_counts(steps=steps, clips=clips, threads=threads)
    torch.set_num_threads(threads)
    begun = origin(command_line("classifier", output=output, steps=steps, seed=seed), CPU)
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
        **begun,
        torch=begun["versions"]["torch"],
        seconds=seconds,
        clips=clips,
        table="\n".join(lines),
    )
    (output / "README.txt").write_text(record, encoding="utf-8")
    print(record)


if __name__ == "__main__":
    run_command(make_record)
