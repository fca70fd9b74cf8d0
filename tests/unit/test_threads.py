"""Threads are chosen by what a piece of work takes, with one core or with busy ones."""

import time

import pytest
import torch

from tests.support.busy import busy_cores
from vgan_tutorial import threads
from vgan_tutorial.threads import Pace, choose_threads, cores
from vgan_tutorial.training import TrainingConfig, start, train_step
from vgan_tutorial.training.estimating import quickest_threads

SMALL = TrainingConfig(batch=4)


@pytest.fixture(autouse=True)
def as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Machine:
    """A clock that a piece of work moves: by so many seconds for each number of threads."""

    def __init__(self, monkeypatch, **takes):
        self.takes = {int(name.removeprefix("with_")): each for name, each in takes.items()}
        self.now, self.counts = 0.0, []
        monkeypatch.setattr(threads, "convolve", lambda: None)  # the short race is a draw
        monkeypatch.setattr(threads.time, "perf_counter", lambda: self.now)

    def work(self):
        self.counts.append(torch.get_num_threads())
        self.now += self.takes[torch.get_num_threads()]


@pytest.mark.parametrize(
    ("takes", "best"),
    [
        ({"with_1": 1.0, "with_2": 0.6, "with_4": 0.4}, 4),
        ({"with_1": 1.0, "with_2": 0.6, "with_4": 0.58}, 2),  # too little is saved
        ({"with_1": 1.0, "with_2": 0.95, "with_4": 0.92}, 1),
        ({"with_1": 0.084, "with_2": 0.366, "with_4": 2.844}, 1),
        ({"with_1": 3.0, "with_2": 1.0, "with_4": 1.0}, 2),  # one thread is out of the race
    ],
)
def test_the_quickest_is_kept_and_fewer_where_more_save_little(takes, best, monkeypatch):
    machine = Machine(monkeypatch, **takes)
    assert choose_threads(machine.work, most=5) == (best, pytest.approx(takes[f"with_{best}"]))
    assert torch.get_num_threads() == best


def test_what_is_far_behind_is_tried_once_only(monkeypatch):
    machine = Machine(monkeypatch, with_1=1.0, with_2=0.9, with_4=30.0)
    choose_threads(machine.work, most=4)
    assert machine.counts == [1, 2, 4] + [1, 2] * threads.ROUNDS


def test_no_more_threads_are_tried_than_the_environment_allows():
    torch.set_num_threads(1)
    assert choose_threads()[0] == 1


def test_a_pace_that_is_lost_is_measured_again(monkeypatch):
    machine = Machine(monkeypatch, with_1=1.0, with_2=0.5)
    pace = Pace(machine.work, most=2)
    assert (pace.threads, pace.seconds) == (2, 0.5)

    def take_steps(seconds):
        for _ in range(threads.PATIENCE):
            machine.now += seconds
            pace.step()

    take_steps(0.9)  # slower, but not by far
    assert pace.tries == 1
    machine.takes = {1: 1.0, 2: 15.0}  # a neighbour comes
    take_steps(15.0)
    assert (pace.threads, pace.seconds, pace.tries) == (1, 1.0, 2)
    take_steps(15.0)  # one thread has nothing safer to change to
    assert pace.tries == 2


def test_a_machine_that_is_never_quiet_is_not_measured_for_ever(monkeypatch):
    machine = Machine(monkeypatch, with_1=4.0, with_2=2.0)
    pace = Pace(machine.work, most=2)
    for _ in range(20 * threads.PATIENCE):
        machine.now += 100.0
        pace.step()
    assert pace.tries == threads.TRIES


def test_a_short_race_spares_a_long_one(monkeypatch):
    """With as many threads as cores that are busy, a step could take half a minute."""
    machine = Machine(monkeypatch, with_1=1.0, with_2=30.0)
    monkeypatch.setattr(
        threads,
        "convolve",
        lambda: setattr(machine, "now", machine.now + torch.get_num_threads() ** 2),
    )
    assert choose_threads(machine.work, most=2)[0] == 1
    assert 2 not in machine.counts


@pytest.mark.slow
def test_with_all_cores_busy_threads_are_chosen_that_do_not_wait_for_each_other():
    """A step with them takes about as long as with one thread, and to find them takes a few."""
    state, config = start(SMALL), SMALL
    clips = torch.rand(config.batch, 3, config.frames, config.size, config.size)

    def seconds(count):
        torch.set_num_threads(count)
        began = time.perf_counter()
        train_step(state, clips, config)
        return time.perf_counter() - began

    with busy_cores(cores()):
        began = time.perf_counter()
        pace = quickest_threads(SMALL, torch.device("cpu"))
        took = time.perf_counter() - began
        one, chosen = (sum(seconds(count) for _ in range(3)) for count in (1, pace.threads))
    assert torch.get_num_threads() == pace.threads
    assert chosen < 3 * one
    assert took < 20 * one
