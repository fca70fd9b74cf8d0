"""What a step of training costs, from the plain loop to the package's, one change at a time.

`python -m tests.benchmarks.throughput --output book/records/throughput/cpu.json` measures on the
best device that there is and writes the record that the book reads. All variants take the same
steps with the same networks and batches, in turns, so that a busy machine slows all of them alike.
On the CPU the processor's time is counted and not the clock's, for the same reason.
"""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import tyro
from torch import Tensor

from vgan_tutorial.generators import sample_latent
from vgan_tutorial.losses import ADVERSARIAL_LOSSES, r1_penalty, r2_penalty
from vgan_tutorial.records import open_record, save_record, versions
from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.training import (
    TrainingConfig,
    TrainingState,
    shapes_source,
    start,
    train_step,
    update_average,
)
from vgan_tutorial.training.processes import processes


@dataclass(frozen=True)
class Plain:
    """A step as one first writes it, and what can be mended about it."""

    lazy: bool = False  # the penalties come every n-th step, not in every one
    reused: bool = False  # the fakes of the discriminator's turn serve the generator's too
    frozen: bool = False  # no gradients for weights that do not move, none through real clips
    packed: bool = False  # weights in channels-last order
    silent: bool = False  # no figure is read: the device need not be waited for
    near: bool = False  # clips are drawn on the device, not copied there


STEPS: dict[str, Plain | None] = {
    "the plain loop": Plain(),
    "penalties every 4th step": Plain(lazy=True),
    "fakes used twice": Plain(lazy=True, reused=True),
    "nothing computed for frozen weights": Plain(lazy=True, reused=True, frozen=True),
    "channels last": Plain(lazy=True, reused=True, frozen=True, packed=True),
    "no figure read": Plain(lazy=True, reused=True, frozen=True, packed=True, silent=True),
    "clips drawn on the device": Plain(True, True, True, True, True, True),
    "the package's step": None,
    "with fused Adam": None,
}
BATCH = {"tiny": 32, "small": 16, "full": 8}


def plain_step(state: TrainingState, real: Tensor, config: TrainingConfig, how: Plain) -> None:
    """One turn of each player, written out."""
    loss = ADVERSARIAL_LOSSES[config.loss]
    every = config.penalty_every if how.lazy else 1
    fake = state.generator(sample_latent(state.generator, len(real), state.randomness))
    state.discriminator.requires_grad_(True)
    real_logits, fake_logits = state.discriminator(real), state.discriminator(fake.detach())
    total = loss.discriminator(real_logits, fake_logits)
    if state.step % every == 0:
        slopes = r1_penalty(state.discriminator, real)
        slopes = slopes + r2_penalty(state.discriminator, fake.detach())
        total = total + every * config.penalty / 2 * slopes
    state.discriminator_optimiser.zero_grad()
    total.backward()
    state.discriminator_optimiser.step()
    if not how.reused:
        fake = state.generator(sample_latent(state.generator, len(real), state.randomness))
    state.discriminator.requires_grad_(not how.frozen)
    with torch.set_grad_enabled(not how.frozen):
        real_logits = state.discriminator(real)
    fake_logits = state.discriminator(fake)
    generator_loss = loss.generator(real_logits, fake_logits)
    state.generator_optimiser.zero_grad()
    generator_loss.backward()
    state.generator_optimiser.step()
    state.step += 1
    update_average(state.averaged, state.generator, config.ema, state.step)
    if not how.silent:
        for figure in (total, generator_loss, real_logits.mean(), fake_logits.mean()):
            figure.item()


class Runner:
    """A pair of players of its own, and how it steps."""

    def __init__(self, how: Plain | None, config: TrainingConfig, preset: str) -> None:
        self.how, self.config, self.device = how, config, processes().device
        self.state = start(config)
        if how is not None and not how.packed:
            for network in (self.state.generator, self.state.discriminator, self.state.averaged):
                for parameter in network.parameters():
                    parameter.data = parameter.data.contiguous()
        near = self.device if how is None or how.near else torch.device("cpu")
        self.clips = shapes_source(preset, near)(config.batch, self.state.randomness)

    def seconds(self, steps: int) -> float:
        """What so many steps take."""
        wait_for(self.device)
        clock = time.process_time if self.device.type == "cpu" else time.perf_counter
        began = clock()
        for _ in range(steps):
            real = next(self.clips).to(self.device)
            if self.how is None:
                train_step(self.state, real, self.config)
            else:
                plain_step(self.state, real, self.config, self.how)
        wait_for(self.device)
        return clock() - began


def wait_for(device: torch.device) -> None:
    """Let a device that works on its own finish."""
    if device.type != "cpu":
        torch.accelerator.synchronize()


def measure(preset: str, rounds: int, batch: int | None = None) -> dict[str, Any]:
    """Milliseconds of a step in every variant: the least of some rounds of four steps.

    What else the machine does can only add to a round.
    """
    shape = PRESETS[preset]
    config = TrainingConfig(
        frames=shape.frames, size=shape.size, batch=batch or BATCH[preset], penalty_every=4
    )
    quick = replace(config, fused=True)
    runners = {
        name: Runner(how, quick if "fused" in name else config, preset)
        for name, how in STEPS.items()
    }
    times: dict[str, list[float]] = {name: [] for name in runners}
    for turn in range(rounds + 1):
        for name, runner in runners.items():
            spent = runner.seconds(config.penalty_every)
            if turn:  # the first round warms up
                times[name].append(1000 * spent / config.penalty_every)
    milliseconds = {name: round(min(found), 2) for name, found in times.items()}
    plain = milliseconds["the plain loop"]
    return {
        "frames": shape.frames,
        "size": shape.size,
        "batch": config.batch,
        "generator": config.generator,
        "discriminator": config.discriminator,
        "milliseconds": milliseconds,
        "times_as_fast": {name: round(plain / each, 2) for name, each in milliseconds.items()},
    }


def same_gradients(preset: str = "tiny") -> bool:
    """Whether the plain loop with everything mended takes the package's steps, bit for bit."""
    config = replace(TrainingConfig(), batch=4)
    mended = Runner(Plain(True, True, True, True, True, True), config, preset)
    package = Runner(None, config, preset)
    for runner in (mended, package):
        runner.seconds(5)
    pairs = zip(
        mended.state.averaged.parameters(), package.state.averaged.parameters(), strict=True
    )
    return all(torch.equal(one, other) for one, other in pairs)


def main(
    output: Path, presets: tuple[str, ...] = tuple(BATCH), rounds: int = 3, threads: int = 1
) -> None:
    """Measure all variants at the sizes of the presets and write the record.

    Args:
        output: JSON file to write, or to go on with.
        presets: Of Moving Shapes; only their clips' shapes matter.
        rounds: Of four steps, after one that warms up.
        threads: Of the CPU.
    """
    torch.set_num_threads(threads)
    device = processes().device
    name = torch.cuda.get_device_name() if device.type == "cuda" else platform.processor()
    origin = {
        "command": f"python -m tests.benchmarks.throughput --output {output} --rounds {rounds} "
        f"--threads {threads}",
        "device": f"{device.type} {name or platform.machine()}",
        "clock": "processor" if device.type == "cpu" else "wall",
        "rounds": rounds,
        "threads": threads,
        "versions": versions(),
    }
    record = open_record(output, origin)
    sizes = record.setdefault("sizes", {})
    for preset in presets:
        sizes[preset] = measure(preset, rounds)
        save_record(output, record)
        print(f"\n{preset}: {sizes[preset]['frames']} frames, batch {sizes[preset]['batch']}")
        for variant, each in sizes[preset]["milliseconds"].items():
            print(f"{variant:38}{each:10.1f} ms{sizes[preset]['times_as_fast'][variant]:8.2f}")


if __name__ == "__main__":
    tyro.cli(main)
