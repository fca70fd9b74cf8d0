"""CUDA graphs: a step's hundreds of small operations, recorded once and sent as one.

The networks of this book are small. A large GPU is done with an operation before Python has asked
for the next one, and waits. A *graph* is the list of all operations of a step with
the places in memory that they read and write. To take another step, new clips, latents and learning
rates are put into these places, and the whole list is sent at once.

There are two graphs, for steps with and without the penalties. What a graph holds is fixed when it
is recorded, so steps that change from one to the next are taken the usual way: while blur or noise
fall, with TGAN's singular values, with compiled networks, in 16 bits with a scaler, and with
several processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.disturb import Disturbed
from vgan_tutorial.training.microbatches import Microbatch, chunks, draw_microbatches
from vgan_tutorial.training.processes import process_count
from vgan_tutorial.training.schedule import set_learning_rates
from vgan_tutorial.training.state import TrainingState
from vgan_tutorial.training.step import (
    Figures,
    average_share,
    move_average,
    players_step,
    train_step,
)
from vgan_tutorial.types import Clips, Labels

WARM_UP = 3  # steps of each kind before it is recorded: libraries choose how to compute

Step = Callable[[Clips, Labels | None], Figures]


def stepper(state: TrainingState, config: TrainingConfig) -> Step:
    """What takes the run's steps: `train_step`, or graphs of it if asked for and possible."""
    if config.graphs and can_record(config, next(state.generator.parameters()).device):
        return GraphedSteps(state, config)
    return lambda real, labels: train_step(state, real, config, labels)


def can_record(config: TrainingConfig, device: torch.device) -> bool:
    """Whether steps of a run can be recorded at all."""
    changing = config.singular_values_every or config.compile or config.precision == "fp16"
    return device.type == "cuda" and process_count() == 1 and not changing


@dataclass
class Recording:
    """A recorded step, and the places that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    critic: Disturbed
    batches: list[list[Microbatch]]
    share: Tensor  # of the way that the average moves
    figures: Figures


class GraphedSteps:
    """`train_step`, recorded after a few steps and replayed from then on.

    Args:
        state: Everything that changes. Its optimisers are changed so that they can be recorded.
        config: Everything else.
    """

    def __init__(self, state: TrainingState, config: TrainingConfig) -> None:
        self.state, self.config = state, config
        self.device = next(state.generator.parameters()).device
        self.stream = torch.cuda.Stream(self.device)
        self.taken: Counter[bool] = Counter()
        self.recordings: dict[bool, Recording] = {}
        for optimiser in state.optimisers:
            make_capturable(optimiser, self.device)

    def __call__(self, real: Clips, labels: Labels | None = None) -> Figures:
        """Take a step. See `train_step`."""
        labels = labels if self.config.classes else None
        self.stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(self.stream):
            figures = self._step(real, labels)
        torch.cuda.current_stream(self.device).wait_stream(self.stream)
        return figures

    def _step(self, real: Clips, labels: Labels | None) -> Figures:
        state, config = self.state, self.config
        penalised = bool(config.penalty) and state.step % config.penalty_every == 0
        critic = Disturbed(state, config, self.device)
        if critic.blur or critic.noise or self.taken[penalised] < WARM_UP:
            self.taken[penalised] += 1
            return train_step(state, real, config, labels)
        set_learning_rates(state.optimisers, state.step, config)
        batches = [
            draw_microbatches(state, clips, classes, config)
            for clips, classes in chunks(real, labels, config.discriminator_steps)
        ]
        if penalised not in self.recordings:
            self.recordings[penalised] = self._record(critic, batches)
        recording = self.recordings[penalised]
        put(batches, recording.batches)
        recording.critic.begin(state.step)
        state.step += 1
        recording.share.fill_(average_share(config.ema, state.step))
        recording.graph.replay()
        return {name: figure.clone() for name, figure in recording.figures.items()}

    def _record(self, critic: Disturbed, batches: list[list[Microbatch]]) -> Recording:
        """Write down a step without taking it."""
        state, config = self.state, self.config
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(critic.randomness)
        kept = [[copy_of(part) for part in batch] for batch in batches]
        share = torch.zeros((), device=self.device)
        pool = next(iter(self.recordings.values())).graph.pool() if self.recordings else None
        # only this thread's calls are recorded: another one may be reading clips ahead
        mode = "thread_local"
        with torch.cuda.graph(graph, pool, self.stream, capture_error_mode=mode):
            figures = players_step(state, critic, kept, config)
            move_average(state.averaged, state.generator, share)
        return Recording(graph, critic, kept, share, figures)


def make_capturable(optimiser: torch.optim.Optimizer, device: torch.device) -> None:
    """Move what Adam counts with to the device: learning rate, and number of the step."""
    for group in optimiser.param_groups:
        rate = torch.as_tensor(group["lr"], dtype=torch.float32)
        group |= {"lr": rate.to(device), "capturable": True}
    for moments in optimiser.state.values():
        moments["step"] = moments["step"].to(device)


def copy_of(part: Microbatch) -> Microbatch:
    """A microbatch at a place of its own."""
    labels = None if part.labels is None else part.labels.clone()
    return Microbatch(part.real.clone(), labels, part.latent.clone())


def put(batches: list[list[Microbatch]], places: list[list[Microbatch]]) -> None:
    """Copy clips, labels and latents to where a recorded step reads them."""
    pairs = zip(chain.from_iterable(batches), chain.from_iterable(places), strict=True)
    for new, old in pairs:
        old.real.copy_(new.real)
        old.latent.copy_(new.latent)
        if old.labels is not None and new.labels is not None:
            old.labels.copy_(new.labels)
