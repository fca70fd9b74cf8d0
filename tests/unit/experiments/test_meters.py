"""Meters: operations, bytes and memory are those that one counts by hand."""

import torch
from torch import nn

from vgan_tutorial.experiments import meters
from vgan_tutorial.experiments.meters import LiveTensors
from vgan_tutorial.experiments.records import CPU


def test_operations_are_those_that_one_counts_by_hand():
    """An output of a convolution takes a product and a sum for each number that it depends on."""
    layer = nn.Conv3d(3, 5, (2, 4, 4), stride=(1, 2, 2), bias=False)
    clips = torch.randn(2, 3, 6, 10, 10)
    forward = 2 * (2 * 5 * 5 * 4 * 4) * (3 * 2 * 4 * 4)
    assert meters.count(lambda: layer(clips))[0] == forward
    assert meters.count(lambda: layer(clips).sum().backward())[0] == 2 * forward  # for the weights
    clips.requires_grad_()
    assert meters.count(lambda: layer(clips).sum().backward())[0] == 3 * forward  # and the inputs
    product = torch.randn(5, 10), torch.randn(10, 20)
    assert meters.count(lambda: torch.matmul(*product))[0] == 2 * 5 * 10 * 20


def test_bytes_moved_are_those_that_operators_read_and_write():
    first, second = torch.randn(5, 10), torch.randn(10, 20)
    expected = 4 * (5 * 10 + 10 * 20 + 5 * 20)
    assert meters.count(lambda: first @ second)[1] == expected
    assert meters.count(lambda: torch.empty(50).view(5, 10)[1:].t().detach())[1] == 0
    assert meters.count(lambda: first.t().reshape(50))[1] == 4 * 2 * 50  # a copy
    assert meters.count(lambda: first.mul_(first))[1] == 4 * 3 * 50  # two read, one written


def test_memory_is_the_most_that_is_alive_at_a_time():
    def run():
        first = torch.zeros(1000)
        second = first + 1
        del first
        return second + 1

    assert meters.peak_memory(run, CPU) == 2 * 4000


def test_rates_keep_the_best_look():
    rates = meters.Rates(CPU, scale=1)
    rates.side, rates.batch, rates.bytes = 64, 1, 2**16
    rates.look()
    before = rates.arithmetic("float32"), rates.bandwidth
    for _ in range(5):
        rates.look()
    assert 0 < before[0] <= rates.arithmetic("float32") < 1e15
    assert 0 < before[1] <= rates.bandwidth < 1e14
    assert rates.record()["bfloat16_teraflops"].keys() == {"product", "convolution"}


def test_live_tensors_are_counted_once_and_forgotten_when_freed():
    with LiveTensors() as live:
        first, second = torch.zeros(1000), torch.zeros(500)
        del first
        third = torch.zeros(200)
        third.view(2, 100).add_(1)  # neither a view nor a change in place is new
        assert live.alive == 4 * (500 + 200)
    assert live.peak == 4 * 1500
    assert second.sum() < third.sum()


def test_what_a_backward_pass_keeps_is_counted():
    """y = (2x)^2: the square keeps 2x, so three vectors live before the way back."""
    start = torch.ones(1000, requires_grad=True)
    with LiveTensors() as live:
        squares = (2 * start).square()
        assert live.alive == 4 * 2000
        squares.sum().backward()
    assert live.peak >= 4 * 3000
