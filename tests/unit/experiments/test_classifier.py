"""The trainer of the metrics' classifiers."""

import pytest
import torch
from safetensors.torch import load_file

from vgan_tutorial.experiments import classifier
from vgan_tutorial.metrics.classifier import ShapesClassifier, extract_features
from vgan_tutorial.shapes import PRESETS, MovingShapes


def test_a_few_steps_leave_weights_and_say_where_they_come_from(tmp_path, monkeypatch):
    monkeypatch.setattr(classifier, "PRESETS", {"tiny": PRESETS["tiny"]})
    classifier.make_record(tmp_path, steps=1, clips=4)
    told = (tmp_path / "README.txt").read_text()
    assert f"experiments.classifier --output {tmp_path.as_posix()} --steps 1 --seed 0\n" in told
    assert "Right answers on 4 fresh clips" in told
    for kind in ("clip", "frame"):
        weights = load_file(tmp_path / f"{kind}.safetensors")
        assert {each.dtype for each in weights.values()} == {torch.float16}
        assert f"    {kind:6}tiny  shape" in told
    network = ShapesClassifier("clip")
    network.load_state_dict(load_file(tmp_path / "clip.safetensors"))
    features = extract_features(MovingShapes("tiny", 7).batch(100)[0], network.eval().features)
    assert features.std(0).median().item() == pytest.approx(1, abs=0.5)  # on real clips
