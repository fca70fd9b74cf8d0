"""All that training does, on a device that is not the CPU: see `tests.support.second_device`."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.mini import CONFIG, PRESET, change
from tests.support.second_device import second_device
from tests.support.sheets import write_sheets
from vgan_tutorial import metrics
from vgan_tutorial.live import make_bundle
from vgan_tutorial.metrics.diagnostics import disentanglement, halves, linear_probe
from vgan_tutorial.oracle import judge
from vgan_tutorial.shapes import PRESETS, draw_batch
from vgan_tutorial.sprites import SpritesJudge, draw_acts, every_character, read_sheets, sample_acts
from vgan_tutorial.training import (
    load_checkpoint,
    load_generator,
    load_stages,
    sample,
    shapes_judge,
    shapes_source,
    sprites_source,
    start,
    train,
    train_step,
)
from vgan_tutorial.training.watching import strips

TINY = PRESETS["tiny"]
KINDS = [
    {},
    {"generator": "painter", "discriminator": "dual"},
    {
        "generator": "painter",
        "discriminator": "dual",
        "augmentation": ("colour", "translation", "cutout"),
        "noise": 0.1,
    },
    {"blur": 1.0, "accumulate": 2, "penalty_every": 2, "classes": 4, "discriminator": "dual"},
    {"fused": True, "precision": "bf16", "discriminator_steps": 2},
]


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
    ):
        with pytest.raises(RuntimeError):
            wrong()


def test_a_clip_that_was_left_on_the_cpu_is_refused(elsewhere):
    state = start(CONFIG)
    with pytest.raises(RuntimeError, match="on the CPU"):
        train_step(state, next(shapes_source(PRESET)(4, state.randomness)), CONFIG)


@pytest.mark.parametrize("fields", KINDS, ids=str)
def test_a_run_is_the_same_run(fields, tmp_path):
    def figures(name: str, device: str) -> list[dict[str, float]]:
        config = change(judge_every=2, judge_clips=4, sample_every=3, best="validity", **fields)
        config = replace(config, steps=3, stages=(0, 2), precision="no")
        source = shapes_source(PRESET, device, config.classes > 0)
        options = {"judge": shapes_judge(PRESET), "progress": False}
        _, log = train(replace(config, steps=2), source, tmp_path / name, **options)
        _, log = train(config, source, tmp_path / name, **options)  # goes on
        return [{key: line[key] for key in line if key != "seconds"} for line in log]

    expected = figures("here", "cpu")
    with second_device() as device:
        found = figures("there", device)
        load_checkpoint(tmp_path / "there" / "best.pt")
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-3)
    files = [
        sorted(path.relative_to(tmp_path / name) for path in (tmp_path / name).rglob("*"))
        for name in ("here", "there")
    ]
    assert files[0] == files[1]
    assert (
        load_generator(tmp_path / "there")[0](
            torch.zeros(1, *start(change(**fields)).generator.latent_shape)
        ).device.type
        == "cpu"
    )
