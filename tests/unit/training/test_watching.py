"""What is looked at while a run goes on."""

import sys

import numpy as np
import pytest
import torch

from tests.support.mini import change, run
from tests.support.seeds import seeded
from vgan_tutorial.training import shapes_source, watching


def test_strips_show_clips_as_rows():
    clips = next(shapes_source("tiny")(3, seeded(0)))
    picture = torch.from_numpy(np.array(watching.strips(clips))).view(3, 16, 8, 16, 3)
    shown = picture[1, :, 5].permute(2, 0, 1) / 127.5 - 1  # the second clip's sixth frame
    torch.testing.assert_close(shown, clips[1, :, 5], rtol=0, atol=0.01)


def test_tensorboard_gets_the_log(tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run(change(steps=3, tensorboard=True), tmp_path)
    _, log = run(change(tensorboard=True), tmp_path)
    found = events.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    curve = found.Scalars("generator_loss")
    assert [(point.step, pytest.approx(point.value)) for point in curve] == [
        (line["step"], line["generator_loss"]) for line in log
    ]


def test_tensorboard_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ValueError, match=r"pip install 'vgan-tutorial\[tensorboard\]'"):
        run(change(tensorboard=True), tmp_path)
