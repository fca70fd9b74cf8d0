"""The classifier whose features the distances use."""

import math

import pytest
import torch

from vgan_tutorial import metrics
from vgan_tutorial.metrics.classifier import HEADS, ShapesClassifier, accuracy, extract_features
from vgan_tutorial.shapes import PRESETS, MovingShapes


def _weights():
    from importlib.resources import files

    return files("vgan_tutorial.metrics") / "weights"


@pytest.mark.parametrize("preset", ["tiny", "small"])
def test_shipped_classifiers_are_as_good_as_their_record_says(preset):
    record = (_weights() / "README.txt").read_text(encoding="utf-8")
    for kind in ("clip", "frame"):
        found = accuracy(metrics.load_classifier(kind), PRESETS[preset], clips=300, seed=7)
        (line,) = [row for row in record.splitlines() if row.split()[:2] == [kind, preset]]
        for factor, share in found.items():
            stated = float(line.split(f"{factor} ")[1].split("%")[0]) / 100
            assert share == pytest.approx(stated, abs=0.03)
            assert share > 0.8


def test_the_clip_classifier_sees_motion_and_the_frame_classifier_cannot():
    clips, _ = MovingShapes("tiny", seed=4).batch(20)
    backwards = clips.flip(2)
    frames = metrics.load_classifier("frame").features
    whole = metrics.load_classifier("clip").features
    there, back = frames(clips).unflatten(0, (20, 8)), frames(backwards).unflatten(0, (20, 8))
    torch.testing.assert_close(there, back.flip(1))
    assert (whole(clips) - whole(backwards)).abs().mean() > 0.05


def test_features_of_real_clips_have_unit_variance():
    clips = torch.cat(
        [extract_features(MovingShapes(p, 12).batch(200)[0]) for p in ("tiny", "small")]
    )
    spread = clips.std(0)
    assert (spread > 0.8).all()
    assert (spread < 1.2).all()


def test_classifier_heads_and_sizes():
    network = ShapesClassifier("clip")
    for preset in ("tiny", "full"):
        clips, _ = MovingShapes(preset, seed=0).batch(2)
        logits = network(clips)
        assert {name: part.shape[1] for name, part in logits.items()} == {
            name: len(words) for name, words in HEADS.items()
        }
    assert "motion" not in ShapesClassifier("frame")(clips)
    with pytest.raises(ValueError, match="kind"):
        ShapesClassifier("video")


def test_extract_features_streams_and_refuses_nothing_silently():
    clips, _ = MovingShapes("tiny", seed=5).batch(10)
    whole = extract_features(clips)
    assert whole.shape == (10, 64)
    torch.testing.assert_close(extract_features(clips.split(3)), whole, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="no clips"):
        extract_features(clips[:0])
    with pytest.raises(ValueError, match="NaN"):
        extract_features(clips * math.nan)
