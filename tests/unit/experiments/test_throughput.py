"""The ladder ends at the package's step, and every row of the table says what a step costs."""

import json

import pytest
from torch import nn

from vgan_tutorial.experiments import ladder, meters, throughput
from vgan_tutorial.experiments.records import CPU
from vgan_tutorial.training import TrainingConfig, build_generator
from vgan_tutorial.training.processes import processes

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
    rates = meters.Rates(processes().device)
    rates.side, rates.batch, rates.bytes = 64, 1, 2**16  # no rate is looked at here
    rows = throughput.measure(variants, TINY, "tiny", 1, rates)
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
    throughput.make_record(output, presets=("tiny",), kinds=("stacked",))
    throughput.make_record(output, presets=("tiny", "small"), kinds=("stacked", "dual"))
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
