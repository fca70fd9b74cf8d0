"""The equations of chapter 8, and the mistake that it makes on purpose."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.support.seeds import normal, seeded
from vgan_tutorial.discriminators import StackedDiscriminator
from vgan_tutorial.layers import initialise
from vgan_tutorial.training import TrainingConfig, shapes_source, start, train_step

RECORDS = Path(__file__).parents[2] / "book" / "records"
SHORT = TrainingConfig(batch=4, discriminator="stacked")


def multiplications(config: TrainingConfig, steps: int) -> list[int]:
    """What each step costs, counted in floating-point operations of matrices."""
    state, found = start(config), []
    clips = shapes_source()(config.batch, state.randomness)
    for _ in range(steps):
        with FlopCounterMode(display=False) as counter:
            train_step(state, next(clips), config)
        found.append(counter.get_total_flops())
    return found


def test_eq_mean_step():
    without = multiplications(replace(SHORT, penalty=0.0), 1)[0]
    extra = multiplications(replace(SHORT, penalty_every=1), 1)[0] - without
    assert extra > without / 4  # or the equation would not matter
    for n in (1, 2, 3):
        every = multiplications(replace(SHORT, penalty_every=n), 2 * n)
        assert sum(every) / len(every) == pytest.approx(without + extra / n)


def test_eq_bfloat_rounding():
    """The bound holds for numbers of every size, and no smaller one does."""
    numbers = torch.rand(100_000, generator=seeded(0)).double() + 1
    for scale in (1e-20, 1.0, 3e20):
        x = (scale * numbers).float()
        error = ((x.bfloat16().float() - x).abs() / x).max().item()
        assert 0.99 * 2**-8 < error * (1 + 2**-8) <= 2**-8 * (1 + 2**-8)


def test_eq_step_time():
    """Steps that were measured on a GPU lie on the line, and on no line without a fixed time."""
    record = json.loads((RECORDS / "gpu" / "throughput.json").read_text())
    rows = [size["dual"]["rows"]["CUDA graphs"] for size in record["sizes"].values()]
    took = torch.tensor([row["milliseconds"] for row in rows])
    moved = torch.tensor([row["megabytes_moved"] / 1000 for row in rows])
    columns = torch.stack([torch.ones_like(moved), moved], 1)
    fixed, slope = torch.linalg.lstsq(columns, took[:, None]).solution[:, 0]
    assert (fixed + slope * moved - took).abs().max() < 0.05 * took.min()
    without = (moved @ took) / (moved @ moved)
    assert (without * moved - took).abs().max() > 0.5 * took.min()
    rate = record["sizes"]["full"]["dual"]["rates"]["copy_gigabytes"]
    assert 0.2 < 1000 / slope / rate < 0.4  # the share of the bandwidth that is reached


def test_break_going_on_from_the_weights_alone():
    """Signature: the same clips again. Fix: the state of the random numbers goes on too."""
    state = start(SHORT)

    def batches(state, count):
        stream, seen = shapes_source()(SHORT.batch, state.randomness), []
        for _ in range(count):
            seen.append(next(stream))
            train_step(state, seen[-1], SHORT)
        return seen

    before = batches(state, 2)
    careless = start(SHORT)
    careless.generator.load_state_dict(state.generator.state_dict())
    careless.discriminator.load_state_dict(state.discriminator.state_dict())
    assert all(map(torch.equal, before, batches(careless, 2)))
    right = start(SHORT)
    right.generator.load_state_dict(state.generator.state_dict())
    right.discriminator.load_state_dict(state.discriminator.state_dict())
    right.randomness.set_state(state.randomness.get_state())
    assert not any(map(torch.equal, before, batches(right, 2)))


def test_eq_factor_projection():
    """Two factors by hand: the vector of a class is the sum of its values' vectors."""
    network: Any = initialise(StackedDiscriminator(4, 8, classes=(3, 2)), seeded(0))
    clips = normal(6, 3, 4, 8, 8)
    act, hair = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([0, 0, 0, 1, 1, 1])
    with torch.no_grad():
        h = network.head[:-1](network.features(clips))
        w, b = network.head[-1].weight[0], network.head[-1].bias
        rows = network.embedding.weight.T
        for_act, for_hair = rows[:3], rows[3:]
        expected = [
            w @ h[n] + b[0] + for_act[act[n]] @ h[n] + for_hair[hair[n]] @ h[n] for n in range(6)
        ]
        torch.testing.assert_close(network(clips, 2 * act + hair), torch.stack(expected))
