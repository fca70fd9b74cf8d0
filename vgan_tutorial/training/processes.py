"""Several processes that train one pair of players together.

Every process holds the whole pair, and all processes draw the same random numbers. Each takes its
own share of the clips and latents of a step; then they replace their gradients by the mean of all.
That is the gradient of the joined batch, so a run is the same run whatever the number of processes,
but for rounding and for what is drawn for each clip: noise, augmentations, the frames for a critic.
Batch normalisation takes its statistics from all processes (`batch_norm`). The minibatch standard
deviation of a critic does not: it compares the clips of one process, so with such a critic another
number of processes gives another run.

PyTorch's wrapper for this, DistributedDataParallel, hooks into the backward pass, which the
gradient penalties run twice. Averaging after the backward pass needs no such care.

A process that does not answer is waited for no longer than `TIMEOUT`. On a CPU a
`ProcessLostError` then says so. On GPUs the program does not wait for what they do, so no line of
it can raise: NCCL's watchdog writes a message and ends the process, and the launcher the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import parse_flag_from_env, reduce
from torch import Tensor, nn

from vgan_tutorial.shapes import Factors
from vgan_tutorial.sprites import Acts
from vgan_tutorial.training.config import TrainingConfig

Rows = TypeVar("Rows", Tensor, Factors, Acts, None)

TIMEOUT = timedelta(minutes=10)  # longer than one process judges or saves while the others wait


class ProcessLostError(RuntimeError):
    """Another process of this run has ended or does not answer."""


@cache
def processes() -> PartialState:
    """Who trains together, which of them this process is, and on which device it works.

    A run that was launched with several processes is joined together at the first call. Without
    a GPU, or where ACCELERATE_USE_CPU asks for it, they talk through gloo on the CPU.

    Raises:
        ProcessLostError: if not all of them come within `TIMEOUT`.
    """
    on_cpu = parse_flag_from_env("ACCELERATE_USE_CPU") or not torch.accelerator.is_available()
    try:
        return PartialState(cpu=on_cpu, timeout=TIMEOUT)
    except torch.distributed.DistError as error:
        raise ProcessLostError(
            f"not all processes of this run came together within {TIMEOUT}: was the same command "
            f"started on every machine, with the address and port of the first? ({error})"
        ) from error


def process_count() -> int:
    """How many processes train together; 1 unless the run was launched with more."""
    return processes().num_processes


def check_shares(config: TrainingConfig) -> None:
    """Raise a `ValueError` unless every process gets as many clips as the others."""
    parts = process_count() * config.accumulate
    if config.batch % parts:
        raise ValueError(
            f"a batch of {config.batch} clips cannot be shared out to {process_count()} processes "
            f"in {config.accumulate} part(s) each: choose a multiple of {parts}"
        )


def own_share(rows: Rows) -> Rows:
    """The rows that this process works on: every n-th, if there are n processes."""
    if rows is None or process_count() == 1:
        return rows
    return rows[own_rows()]


def own_rows() -> slice:
    """The places in a batch that are this process's."""
    return slice(processes().process_index, None, process_count())


@torch.no_grad()
def average_gradients(network: nn.Module) -> None:
    """Replace the gradients, and running statistics, by their means over all processes.

    Raises:
        ProcessLostError: if another process has ended.
    """
    if process_count() == 1:
        return
    tensors = [each.grad for each in network.parameters() if each.grad is not None]
    tensors += [each for each in network.buffers() if each.is_floating_point()]
    means = _mean(torch.cat([tensor.flatten().float() for tensor in tensors]))
    for tensor, mean in zip(tensors, means.split([t.numel() for t in tensors]), strict=True):
        tensor.copy_(mean.view_as(tensor))


def average_figures(figures: dict[str, Tensor]) -> dict[str, Tensor]:
    """Figures of this process's share become those of the batch. All processes must ask together.

    Raises:
        ProcessLostError: if another process has ended.
    """
    if process_count() == 1:
        return figures
    means = _mean(torch.stack([value.float() for value in figures.values()]))
    return dict(zip(figures, means, strict=True))


def any_process(flag: bool) -> bool:
    """Whether the flag is up in one process at least. All processes must ask together."""
    if process_count() == 1:
        return flag
    return _mean(torch.tensor(float(flag), device=processes().device)).item() > 0


@torch.compiler.disable
def sum_over_processes(tensor: Tensor) -> Tensor:
    """The sum of the tensors that all processes give, which can be derived as often as wanted.

    Raises:
        ProcessLostError: if another process has ended, here or in the backward pass.
    """
    return _Sum.apply(tensor)


class _Sum(torch.autograd.Function):
    """Every process's loss depends on the sum, so a term's gradient is the sum of all gradients."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        with answering():
            return reduce(tensor, "sum")

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _Sum.apply(gradient)


def _mean(tensor: Tensor) -> Tensor:
    with answering():
        return reduce(tensor, "mean")


@contextmanager
def answering() -> Iterator[None]:
    """Inside it the other processes are waited for, and an error says that one is lost."""
    try:
        yield
    except RuntimeError as error:
        raise ProcessLostError(
            "another process of this run has ended or does not answer. The last checkpoint is "
            f"whole: start the run again and it goes on from there. ({error})"
        ) from error
