"""Estimates before a run: what they count is what there is."""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch

from tests.support.second_device import second_device
from tests.unit.cli.test_commands import vgan
from vgan_tutorial.training import TrainingConfig, estimating, start
from vgan_tutorial.training.estimating import (
    MEBI,
    Estimate,
    devices,
    duration,
    kept_for_backward,
    measure_run,
    state_bytes,
)

CPU = torch.device("cpu")
SHORT = TrainingConfig(batch=4, steps=100)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (89, "89 s"), (600, "10 min"), (9000, "2.5 h"), (2 * 86400, "2.0 days")],
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words


def test_an_estimate_multiplies_the_steps():
    found = measure_run(SHORT, CPU, rounds=1)
    assert found.seconds == pytest.approx(100 * found.seconds_per_step)
    assert 0 < found.state_mebibytes < found.peak_mebibytes
    assert "100 steps" in str(found)
    assert str(found).startswith("cpu, ")


def test_a_larger_batch_keeps_more_for_the_backward_pass_and_no_more_weights():
    small, large = (measure_run(replace(SHORT, batch=n), CPU, rounds=1) for n in (4, 8))
    assert large.state_mebibytes == small.state_mebibytes
    kept = [each.peak_mebibytes - each.state_mebibytes for each in (small, large)]
    assert 1.7 < kept[1] / kept[0] < 2.1


def test_the_state_is_five_copies_of_the_generator_and_four_of_the_discriminator():
    state = start(SHORT, CPU)
    sizes = [
        sum(each.numel() for each in network.parameters())
        for network in (state.generator, state.discriminator)
    ]
    assert state_bytes(state) == 4 * (5 * sizes[0] + 4 * sizes[1])


def test_what_is_kept_is_counted_once_and_only_while_it_is_kept():
    x = torch.ones(1000, requires_grad=True)
    with kept_for_backward() as kept:
        y = x.exp()  # keeps its result
        assert kept == [4000]
        z = y * y  # keeps it again, twice
        assert kept == [4000]
        z.sum().backward()
        del y, z
        x.exp().sum().backward()
        assert kept == [4000]
        two = x.exp(), x.exp()
        assert kept == [8000]
    del two
    w = torch.ones(1000)
    with kept_for_backward(besides=[w]) as kept:
        (x * w).sum().backward()
    assert kept == [0]  # for the slope in x the product keeps w, and nothing else


@pytest.mark.parametrize("counts", [True, False], ids=["as on CUDA", "as on MPS"])
def test_a_device_that_counts_no_memory_gets_a_lower_bound(counts, monkeypatch):
    known = {"reset_peak_memory_stats": Mock(), "max_memory_allocated": lambda: 7 * MEBI}
    module = SimpleNamespace(**known if counts else {})
    with second_device() as device:
        monkeypatch.setattr(torch, "get_device_module", lambda _: module)
        monkeypatch.setattr(estimating, "kept_for_backward", lambda _: nullcontext([3 * MEBI]))
        found = measure_run(SHORT, device, rounds=1)
        monkeypatch.undo()
    assert found.at_least is not counts
    assert found.peak_mebibytes == (7 if counts else found.state_mebibytes + 3)
    assert ("at least" in str(found)) is not counts


def test_the_cpu_is_always_a_device():
    assert devices()[-1] == CPU


def test_the_command_prints_a_line_for_every_device(capsys):
    vgan("estimate", "--recipe", "tiny", "--batch", 4, "--steps", 50)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(devices())
    assert "50 steps" in lines[-1]


def test_words_of_an_estimate():
    text = str(Estimate("cuda, a card", 8000, 0.25, 10.0, 2048.0))
    assert text == "cuda, a card: 8,000 steps of 250 ms take about 33 min, and 2,048 MiB"
