"""The trainer of the metrics' classifiers."""

import pytest
import torch
from safetensors.torch import load_file

from vgan_tutorial.experiments.classifier import make_record, train_classifier
from vgan_tutorial.metrics.classifier import extract_features
from vgan_tutorial.shapes import MovingShapes


def test_a_few_steps_leave_weights_and_say_where_they_come_from(tmp_path):
    make_record(tmp_path, steps=1, clips=8)
    told = (tmp_path / "README.txt").read_text()
    assert f"experiments.classifier --output {tmp_path.as_posix()} --steps 1 --seed 0\n" in told
    assert "fresh clips of each preset" in told
    for kind in ("clip", "frame"):
        weights = load_file(tmp_path / f"{kind}.safetensors")
        assert {each.dtype for each in weights.values()} == {torch.float16}
        assert f"    {kind:6}tiny  shape" in told


def test_features_have_a_variance_of_one_on_real_clips():
    network = train_classifier(steps=2)
    clips = torch.cat([MovingShapes(name, 100).batch(300)[0] for name in ("tiny",)])
    spread = extract_features(clips, network.features).std(0)
    assert spread.median().item() == pytest.approx(1, abs=0.5)
