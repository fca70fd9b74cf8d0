"""Content that stays, and motion that was asked for."""

import pytest

from tests.support.seeds import seeded
from vgan_tutorial import metrics
from vgan_tutorial.oracle import DAMAGES
from vgan_tutorial.shapes import PRESETS, MovingShapes


def test_content_distance_sees_colour_and_nothing_else():
    clips, _ = MovingShapes("tiny", seed=6).batch(32)
    rng = seeded(0)
    assert metrics.content_distance(clips).mean() < 3
    for harmless in ("shuffled frames", "frozen"):
        assert metrics.content_distance(DAMAGES[harmless](clips, rng)).mean() < 3
    assert metrics.content_distance(DAMAGES["changed colour"](clips, rng)).mean() > 50
    assert metrics.content_distance(DAMAGES["blank"](clips, rng)).max() == 0
    with pytest.raises(ValueError, match="one"):
        metrics.content_distance(clips[:, :, :1])


def test_motion_control_recognises_the_wanted_motion():
    preset = PRESETS["tiny"]
    clips, factors = MovingShapes(preset, seed=7).batch(60)
    right = metrics.motion_control(clips, factors.motion, preset)
    assert right.float().mean() > 0.95
    wrong = metrics.motion_control(clips, (factors.motion + 1) % 3, preset)
    assert wrong.float().mean() < 0.05
    turned = metrics.motion_control(clips.mT, factors.motion, preset)  # sideways is now up and down
    assert turned[factors.motion < 2].float().mean() < 0.05
