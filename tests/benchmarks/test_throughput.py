"""The package's step against the plain loop. The table in the book: `throughput.py` beside this."""

import json

import pytest
import torch
from torch import nn

from vgan_tutorial.experiments import ladder, meters, throughput
from vgan_tutorial.training import TrainingConfig, build_generator
from vgan_tutorial.training.processes import processes

CPU = torch.device("cpu")
TINY = TrainingConfig(batch=4, penalty_every=2)
# A ladder for a few seconds: its ends, what may be left out, and a published loop.
SHORT = {
    "the plain loop": ladder.LADDER["the plain loop"],
    "the package's step": ladder.LADDER["the package's step"],
    "bfloat16": ladder.LADDER["bfloat16"],
    "MoCoGAN": ladder.Variant(paper="MoCoGAN"),
    "VGAN": ladder.Variant(paper="VGAN"),
}


@pytest.mark.parametrize("critic", ["stacked", "dual"])
def test_the_mended_plain_loop_is_the_packages_step(critic):
    """So the ladder ends where it says, and what it measures is nothing but speed."""
    assert ladder.same_gradients(critic)


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


def test_every_row_says_what_a_step_costs():
    rates = meters.Rates(processes().device)
    rows = throughput.measure(SHORT, TINY, "tiny", rounds=1, rates=rates)
    assert rows.keys() == SHORT.keys()
    for name, row in rows.items():
        assert 0 < row["share_of_arithmetic"] < 1.5, name
        assert 0 < row["share_of_bandwidth"] < 1.5, name
        assert row["clips_per_second"] * row["milliseconds"] == pytest.approx(4000, rel=0.05)
    plain, package = rows["the plain loop"], rows["the package's step"]
    assert package["gigaflop"] < 0.8 * plain["gigaflop"]  # half of the penalties, and one fake
    assert package["megabytes_moved"] < plain["megabytes_moved"]
    assert rows["bfloat16"]["gigaflop"] == package["gigaflop"]
    generator = build_generator(TINY)
    weights = sum(each.numel() for each in generator.parameters())
    assert package["peak_mebibytes"] > 5 * 4 * weights / 2**20  # gradients, Adam, the average


def test_what_a_device_cannot_do_is_left_out_with_the_reason(monkeypatch):
    def refuse(*_):
        raise RuntimeError("no compiler here\nand a long story")

    monkeypatch.setattr(nn.Module, "compile", refuse)
    variants = {name: ladder.LADDER[name] for name in ("fused Adam", "compiled networks")}
    rows = throughput.measure(variants, TINY, "tiny", 1, meters.Rates(processes().device))
    assert rows["compiled networks"] == {"skipped": "RuntimeError: no compiler here"}
    assert "left out: RuntimeError: no compiler here" in throughput.table(rows)
    needed = {"needed": ladder.Variant(changes={"compile": True})}
    with pytest.raises(RuntimeError, match="no compiler"):
        throughput.measure(needed, TINY, "tiny", 1, meters.Rates(CPU))


def test_a_record_is_gone_on_with_by_kind(tmp_path, monkeypatch, capsys):
    measured = []

    def fake(kind, preset, *_):
        measured.append((preset, kind))
        return {"rates": {}, "rows": {"only": {"skipped": "nothing"}}}

    monkeypatch.setattr(throughput, "measure_kind", fake)
    output = tmp_path / "record.json"
    throughput.main(output, presets=("tiny",), kinds=("stacked",))
    throughput.main(output, presets=("tiny", "small"), kinds=("stacked", "dual"))
    assert measured == [
        ("tiny", "stacked"),
        ("tiny", "dual"),
        ("small", "stacked"),
        ("small", "dual"),
    ]
    record = json.loads(output.read_text())
    assert record["recommended"] in ladder.LADDER
    assert record["sizes"]["tiny"].keys() == {"frames", "size", "batch", "stacked", "dual"}
    assert "left out: nothing" in capsys.readouterr().out


@pytest.mark.benchmark
@pytest.mark.parametrize("critic", ["stacked", "dual"])
@pytest.mark.parametrize("preset", throughput.BATCH)
def test_the_packages_step_is_faster_than_the_plain_loop(preset, critic, capsys):
    found = throughput.measure_kind(critic, preset, throughput.BATCH[preset], 3, compiled=False)
    with capsys.disabled():
        print(f"\n{preset}, {critic}\n{throughput.table(found['rows'])}")
    assert found["rows"]["the package's step"]["times_as_fast"] >= 1.5
