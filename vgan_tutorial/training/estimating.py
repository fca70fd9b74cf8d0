"""What a run will take, before it starts: a few real steps on a device, and a multiplication."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vgan_tutorial.latents import class_count
from vgan_tutorial.threads import Pace
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.state import TrainingState, start
from vgan_tutorial.training.step import train_step
from vgan_tutorial.types import Clips, Labels

MEBI = 2**20
PATIENCE = 30.0  # seconds: what would take longer to time is judged by a step or two
ROUNDS = 3  # of as many steps as lie between two penalties; the quickest one counts


@dataclass(frozen=True)
class Estimate:
    """What a run will take on one device, judged by a few of its steps.

    Attributes:
        device: in words.
        steps: of the whole run.
        seconds_per_step: the mean over a cycle of lazy penalties.
        state_mebibytes: weights, their gradients, the optimisers' two moments, the average.
        peak_mebibytes: the most memory that was allocated, where the device counts it.
        rough: whether only the first step or two were timed, as they took long.
        at_least: whether it does not (a CPU, or Apple's MPS): then the peak is the state and the
            largest sum of activations that were kept for a backward pass, a lower bound.
    """

    device: str
    steps: int
    seconds_per_step: float
    state_mebibytes: float
    peak_mebibytes: float
    at_least: bool = False
    rough: bool = False

    @property
    def seconds(self) -> float:
        """Of the whole run."""
        return self.steps * self.seconds_per_step

    def __str__(self) -> str:
        at_least = "at least " if self.at_least else ""
        about = "roughly" if self.rough else "about"
        return (
            f"{self.device}: {self.steps:,} steps of {1000 * self.seconds_per_step:,.0f} ms take "
            f"{about} {duration(self.seconds)}, and {at_least}{self.peak_mebibytes:,.0f} MiB"
        )


def duration(seconds: int | float) -> str:
    """Time in words, to two digits or so: "45 s", "12 min", "3.5 h", "2.1 days"."""
    for limit, unit, divisor, digits in (
        (90, "s", 1, 0),
        (90 * 60, "min", 60, 0),
        (36 * 3600, "h", 3600, 1),
    ):
        if seconds < limit:
            return f"{seconds / divisor:.{digits}f} {unit}"
    return f"{seconds / 86400:.1f} days"


def devices() -> list[torch.device]:
    """Every kind of device of this machine, the quickest first: an accelerator, then the CPU."""
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return [*([found] if found is not None else []), torch.device("cpu")]


def measure_run(config: TrainingConfig, device: torch.device, rounds: int = ROUNDS) -> Estimate:
    """Take some steps of a run, with clips of random pixels, and work out what all would take.

    What loading clips costs is not in it: see chapter 3 for that.

    Args:
        config: of the run.
        device: where it would run.
        rounds: how often a cycle of steps is timed, after one that warms up. Where that would
            take longer than `PATIENCE`, one or two steps are timed.

    Raises:
        ValueError: if the configuration's players cannot be built.
        RuntimeError: if the memory of the device does not suffice.
    """
    state = start(config, device)
    clips, labels = _random_clips(config, device)
    weights = [*state.generator.parameters(), *state.discriminator.parameters()]
    cycle = config.penalty_every if config.penalty else 1
    counter = _memory_counter(device)
    if counter is not None:
        counter.reset_peak_memory_stats()

    def timed(steps: int) -> float:
        began = time.perf_counter()
        for _ in range(steps):
            train_step(state, clips, config, labels)
        if device.type != "cpu":
            torch.accelerator.synchronize()
        return time.perf_counter() - began

    with kept_for_backward(weights) if counter is None else nullcontext([0]) as kept:
        first = timed(1)
    second = timed(1) if first < PATIENCE else first
    rough = second * cycle * (rounds + 1) > PATIENCE
    if rough:  # the first has a penalty if there is one, the second has none
        seconds = (first + (cycle - 1) * second) / cycle if cycle > 1 else second
    else:
        seconds = min([timed(cycle) for _ in range(rounds + 1)][1:]) / cycle
    own = state_bytes(state)
    peak = own + kept[0] if counter is None else counter.max_memory_allocated()
    sizes = own / MEBI, peak / MEBI
    lower = counter is None
    return Estimate(_words(device), config.steps, seconds, *sizes, at_least=lower, rough=rough)


def quickest_threads(config: TrainingConfig, device: torch.device) -> Pace:
    """Give PyTorch the number of threads with which steps of this run are quickest just now.

    It takes steps of a pair of players made for that: the run's own are not touched.

    Returns:
        What was found. Its method `step`, called after every step of the run, measures again if
        steps have become much slower.
    """
    state, (clips, labels) = start(config, device), _random_clips(config, device)

    def step() -> None:
        state.step = 0  # one with penalties, if there are any
        train_step(state, clips, config, labels)
        if device.type != "cpu":
            torch.accelerator.synchronize()

    return Pace(step)


def _random_clips(config: TrainingConfig, device: torch.device) -> tuple[Clips, Labels | None]:
    """What a step is given, of random pixels, with random labels if the networks are told them."""
    randomness = torch.Generator().manual_seed(config.seed)
    count = config.batch * config.discriminator_steps
    shape = (count, 3, config.frames, config.size, config.size)
    clips = (2 * torch.rand(shape, generator=randomness) - 1).to(device)
    if not config.classes:
        return clips, None
    labels = torch.randint(class_count(config.classes), (count,), generator=randomness)
    return clips, labels.to(device)


def state_bytes(state: TrainingState) -> int:
    """Bytes of the weights, of their gradients, of Adam's two moments and of the average."""
    trained = [*state.generator.parameters(), *state.discriminator.parameters()]
    copies = 4  # the weight, its gradient, and two moments
    return sum(copies * _bytes(each) for each in trained) + sum(
        _bytes(each) for each in state.averaged.parameters()
    )


@contextmanager
def kept_for_backward(besides: Iterable[Tensor] = ()) -> Iterator[list[int]]:
    """Count the bytes that are kept for backward passes inside the block, at their most.

    Args:
        besides: tensors that are there anyway, such as weights: they are not counted.

    Yields:
        A list whose one number is the largest sum so far. A storage that is kept several times is
        counted once; one that is let go no longer counts.
    """
    peak, now = [0], [0]
    held = {each.untyped_storage().data_ptr(): [1, 0] for each in besides}

    class Kept:
        """A tensor that is kept, and its share in the sum."""

        def __init__(self, tensor: Tensor) -> None:
            self.tensor, storage = tensor, tensor.untyped_storage()
            self.place = storage.data_ptr()
            entry = held.setdefault(self.place, [0, storage.nbytes()])
            if not entry[0]:
                now[0] += entry[1]
                peak[0] = max(peak[0], now[0])
            entry[0] += 1

        def __del__(self) -> None:
            entry = held[self.place]
            entry[0] -= 1
            if not entry[0]:
                now[0] -= entry[1]
                del held[self.place]

    with torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.tensor):
        yield peak


def _memory_counter(device: torch.device) -> Any:
    """PyTorch's module of a device, if it counts the most memory in use; Apple's MPS does not."""
    module = None if device.type == "cpu" else torch.get_device_module(device)
    return module if hasattr(module, "reset_peak_memory_stats") else None


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _words(device: torch.device) -> str:
    if device.type == "cpu":
        threads = torch.get_num_threads()
        return f"cpu, {threads} thread{'s' if threads > 1 else ''}"
    module = torch.get_device_module(device)
    name = module.get_device_name() if hasattr(module, "get_device_name") else sys.platform
    return f"{device.type}, {name}"
