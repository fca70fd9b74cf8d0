"""How many threads PyTorch computes with on a CPU: found by a short measurement, not by habit.

More threads are quicker only while each has a core for itself. They wait for each other many times
in a step, so on a busy machine all wait for the one whose core is doing something else. And layers
as small as this book's may give a second thread too little to do even on a quiet machine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import torch

ROUNDS = 3  # of a piece of work with each number of threads, after one that warms up
GAIN = 0.9  # of the time with fewer threads is the most that more threads may take
LOST = 2.0  # times as long as the quickest so far, and a number of threads is not tried again
SLOWER = 2.0  # times as long as measured, and it is measured again
PATIENCE = 20  # steps between looks at the clock
TRIES = 4  # measurements at most: where neighbours come and go they would cost more than they save


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def convolve() -> None:
    """A piece of work such as the book's networks do all day: a convolution, and its gradients."""
    clips = torch.ones(16, 8, 8, 16, 16, requires_grad=True)
    kernels = torch.ones(8, 8, 3, 3, 3, requires_grad=True)
    for _ in range(4):
        torch.nn.functional.conv3d(clips, kernels, padding=1).sum().backward()


def choose_threads(
    work: Callable[[], object] = convolve, most: int | None = None
) -> tuple[int, float]:
    """Try numbers of threads on some work, and keep the one with which it is quickest.

    The numbers are 1, 2, 4 and so on. All take part in every round, so that all meet the same
    disturbances, until one is far behind. More threads must save a tenth of the time, or fewer are
    kept: those lose less if the machine becomes busy later.

    Args:
        work: Piece of what is to be done, such as a training step.
        most: Number of threads at most; by default as many as PyTorch has now, which is what the
            variable OMP_NUM_THREADS says, if it is set.

    Returns:
        Number of threads, which PyTorch now has, and seconds that the work took with it.
    """
    most = torch.get_num_threads() if most is None else most
    counts = [2**power for power in range(most.bit_length()) if 2**power <= most]
    if work is not convolve:  # a short race first: on a busy machine a long one would take minutes
        counts = list(_race(convolve, counts))
    spent = _race(work, counts)
    best = min(spent)
    for count, each in spent.items():
        if each < GAIN * spent[best]:
            best = count
    torch.set_num_threads(best)
    return best, spent[best] / ROUNDS


def _race(work: Callable[[], object], counts: list[int]) -> dict[int, float]:
    """Seconds of all rounds, for the numbers of threads that did not fall far behind."""
    spent = _still_good({count: _seconds(work, count) for count in counts})  # warms up
    spent = dict.fromkeys(spent, 0.0)
    for _ in range(ROUNDS):
        spent = _still_good({count: each + _seconds(work, count) for count, each in spent.items()})
    return spent


def _still_good(spent: dict[int, float]) -> dict[int, float]:
    limit = LOST * min(spent.values())
    return {count: each for count, each in spent.items() if each <= limit}


def _seconds(work: Callable[[], object], count: int) -> float:
    torch.set_num_threads(count)
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Pace:
    """Chooses the threads for many steps, and chooses again if they become much slower.

    One thread stays: there is nothing safer to change to.

    Args:
        work: A step that is taken only to measure.
        most: Number of threads at most; by default the cores that this process may use.

    Attributes:
        threads: Number of threads of the last choice.
        seconds: Time that a step took then.
    """

    def __init__(self, work: Callable[[], object], most: int | None = None) -> None:
        self.work, self.most = work, cores() if most is None else most
        self.tries, self.done, self.began = 0, 0, 0.0
        self._choose()

    def step(self) -> None:
        """Call this after every step; now and then it looks at the clock."""
        self.done += 1
        if self.done < PATIENCE or self.threads == 1 or self.tries == TRIES:
            return
        if (time.perf_counter() - self.began) / self.done > SLOWER * self.seconds:
            self._choose()
        self.done, self.began = 0, time.perf_counter()

    def _choose(self) -> None:
        self.threads, self.seconds = choose_threads(self.work, self.most)
        self.tries += 1
        self.done, self.began = 0, time.perf_counter()
