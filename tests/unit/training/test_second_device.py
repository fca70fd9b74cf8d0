"""All that training does, on a device that is not the CPU: see `tests.support.second_device`."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.mini import CONFIG, PRESET, change
from tests.support.second_device import DEVICE, second_device
from tests.support.sheets import write_sheets
from vgan_tutorial import metrics
from vgan_tutorial.display import as_stored
from vgan_tutorial.live import make_bundle
from vgan_tutorial.metrics.classifier import accuracy
from vgan_tutorial.metrics.diagnostics import disentanglement, halves, linear_probe
from vgan_tutorial.shapes import PRESETS, MovingShapes
from vgan_tutorial.sprites import SpritesJudge, draw_acts, every_character, read_sheets, sample_acts
from vgan_tutorial.training import (
    load_checkpoint,
    load_generator,
    load_stages,
    sample,
    save_generator,
    shapes_judge,
    shapes_source,
    start,
    train,
    train_step,
)

TINY = PRESETS["tiny"]
RUNS: dict[str, dict[str, Any]] = {
    "plain": {"accumulate": 2, "penalty_every": 2},
    "rounded": {"fused": True, "precision": "bf16", "discriminator_steps": 2},
    "told and disturbed": {
        "generator": "painter",
        "discriminator": "dual",
        "classes": len(PRESET.motions),
        "augmentation": ("colour", "translation", "cutout"),
        "blur": 1.0,
        "noise": 0.1,
    },
}


@pytest.fixture
def elsewhere():
    with second_device() as device:
        yield device


def test_the_second_device_has_values_and_refuses_what_a_gpu_refuses(elsewhere):
    here, there = torch.arange(3.0), torch.tensor([1.0, 2.0, 3.0], device=elsewhere)
    assert there.device == elsewhere
    assert (2 * there + torch.tensor(1.0)).tolist() == [3, 5, 7]
    assert there[torch.tensor([2, 0])].tolist() == [3, 1]
    assert torch.equal(there.cpu(), here + 1)
    for wrong in (
        lambda: here + there,
        lambda: torch.cat([here, there]),
        lambda: here[there.long() - 1],
        lambda: torch.randn(3, device=elsewhere, generator=torch.Generator()),
        lambda: torch.nn.Linear(3, 1)(there),
        lambda: np.asarray(there),
    ):
        with pytest.raises((RuntimeError, TypeError)):
            wrong()


def test_a_clip_that_was_left_on_the_cpu_is_refused(elsewhere):
    state = start(CONFIG)
    with pytest.raises(RuntimeError, match="on the CPU"):
        train_step(state, next(shapes_source(PRESET)(4, state.randomness)), CONFIG)


def log_of(folder, device="cpu", **fields):
    """The log of a run that is stopped after two steps and goes on."""
    config = change(judge_every=2, judge_clips=4, sample_every=3, best="validity", **fields)
    config = replace(config, steps=3, stages=(0, 2))
    source = shapes_source(PRESET, device, bool(config.classes))
    judge = shapes_judge(PRESET)
    train(replace(config, steps=2), source, folder, judge=judge, progress=False)
    _, log = train(config, source, folder, judge=judge, progress=False)
    return [{name: line[name] for name in line if name != "seconds"} for line in log]


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_the_same_run_and_leaves_the_same_files(name, tmp_path):
    exact = RUNS[name] | {"precision": "no", "fused": False}
    expected = log_of(tmp_path / "here", **exact)
    with second_device() as device:
        found = log_of(tmp_path / "there", device, **RUNS[name])
        restored, _ = load_checkpoint(tmp_path / "there" / "best.pt")
        assert next(restored.averaged.parameters()).device == device
    for line, other in zip(found, expected, strict=True):
        assert line == pytest.approx(other, rel=1e-3, abs=1e-3)
    files = [
        sorted(path.relative_to(folder) for path in folder.rglob("*"))
        for folder in (tmp_path / "here", tmp_path / "there")
    ]
    assert files[0] == files[1]
    networks = [load_generator(tmp_path / folder)[0] for folder in ("here", "there")]
    clips = [sample(network, 2) for network in networks]
    torch.testing.assert_close(*clips, rtol=0, atol=1e-3)


def test_generators_go_where_they_are_wanted_and_clips_come_from_there(tmp_path, elsewhere):
    log_of(tmp_path, device=elsewhere)
    stages = load_stages(tmp_path, elsewhere)
    network, _ = load_generator(tmp_path, elsewhere)
    for each in [network, *(stage for _, stage in stages)]:
        assert next(each.parameters()).device == elsewhere
    clips = sample(network, 2, device=elsewhere)
    assert clips.device == elsewhere
    assert sample(network, 2).device.type == "cpu"
    assert torch.equal(sample(network, 2), clips.cpu())
    assert as_stored(clips).dtype == np.uint8


def twice(figures, *tensors):
    """What a function says of tensors on the CPU, and of the same on the second device."""
    here = figures(*tensors)
    with second_device() as device:
        return here, figures(*(tensor.to(device) for tensor in tensors))


def test_the_judge_of_sprites_follows_the_clips(tmp_path):
    sheets = read_sheets(write_sheets(tmp_path))
    acts = sample_acts(every_character(sheets.counts), 4, torch.Generator().manual_seed(0))
    clips, judge = draw_acts(sheets, acts, 4, 32), SpritesJudge(sheets)
    for verdict in twice(judge, clips):
        assert torch.equal(verdict.acts.parts.cpu(), acts.parts)
    assert judge.known.device == DEVICE
    assert judge(clips).motion_valid.all()  # and back


def test_metrics_say_the_same_of_clips_on_any_device():
    clips, factors = MovingShapes(TINY).batch(12)

    def figures(clips, motions):
        halved = clips.chunk(2)
        found, summary = metrics.evaluate(
            [name for name in metrics.METRICS if name != "fvd"],
            [(halved[0], motions[:6])],
            [halved[1]],
            [halved[1]],
            preset=TINY,
        )
        assert summary is not None
        features = metrics.extract_features(clips)
        scores = asdict(metrics.neighbour_scores(features[:6], features[6:], k=2))
        return found | scores | {"kernel": metrics.kernel_distance(features[:6], features[6:])}

    here, there = twice(figures, clips, factors.motion)
    assert here == pytest.approx(there, rel=1e-3, abs=1e-4)


def test_diagnostics_and_the_page_look_at_a_network_on_any_device(tmp_path):
    config = change(frames=8, size=16)
    save_generator(tmp_path, start(config), config)

    def figures(device="cpu"):
        network, _ = load_generator(tmp_path, device)
        pairs = disentanglement(network, contents=3, motions=2)
        return halves(network, count=8), pairs.valid, make_bundle(network)

    (shares, valid, bundle), here = figures(), torch.randn(6, 3)
    with second_device() as device:
        found = figures(device)
        labels = torch.tensor([0, 1] * 3, device=device)
        assert 0 <= linear_probe(here.to(device), labels, here.to(device), labels) <= 1
        classifier = metrics.load_classifier("frame", device)
        assert set(accuracy(classifier, TINY, clips=2)) == {"shape", "colour"}
    assert found[0] == pytest.approx(shares, rel=1e-4)
    assert found[1:] == (valid, bundle)
