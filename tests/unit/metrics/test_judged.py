"""The judge's summary with bands."""

import pytest
import torch

from tests.support.seeds import seeded
from vgan_tutorial import metrics
from vgan_tutorial.oracle import DAMAGES, judge, summarise
from vgan_tutorial.shapes import PRESETS, MovingShapes


def test_bands_hold_the_truth_as_often_as_they_say():
    """Over many samples with a known share, about 95 of 100 bands hold it."""
    rng, held = seeded(0), 0
    for trial in range(200):
        values = (torch.rand(150, generator=rng) < 0.3).float()
        (band,) = metrics.bootstrap(values, seeded(trial), resamples=200)
        held += band.low <= 0.3 <= band.high
        assert band.low <= band.value <= band.high
    assert 0.89 <= held / 200 <= 0.985
    values = torch.randn(50, generator=rng)
    first, again, other = (metrics.bootstrap(values, seeded(s)) for s in (0, 0, 1))
    assert first == again
    assert first != other


def test_summary_with_bands_agrees_with_the_summary():
    preset = PRESETS["tiny"]
    clips, _ = MovingShapes("tiny", seed=3).batch(60)
    clips[:15] = DAMAGES["shuffled frames"](clips[:15], seeded(0))
    verdict = judge(clips, preset)
    found, plain = metrics.summarise_with_bands(verdict, preset), summarise(verdict, preset)
    assert found.summary == plain
    names = ("validity", "motion_validity", "shape_consistency", "colour_consistency")
    for name in (*names, "size_spread"):
        assert getattr(found, name).value == pytest.approx(getattr(plain, name), abs=1e-6)
    assert found.validity.low == pytest.approx(60 / (60 + 1.96**2), abs=1e-4)  # all are valid,
    assert found.validity.high == 1.0  # and still the band has a width
    assert found.motion_validity.low < plain.motion_validity < found.motion_validity.high
    assert found == metrics.summarise_with_bands(verdict, preset)  # the seed fixes it
    assert "motion validity" in str(found)
    assert f"of {preset.cells}" in str(found)
    with pytest.raises(ValueError, match="confidence"):
        metrics.bootstrap(torch.ones(3), torch.Generator(), confidence=95.0)


@pytest.mark.parametrize(("good", "clips", "level"), [(3, 2, 0.9), (0, 0, 0.9), (1, 2, 95.0)])
def test_what_is_no_share_has_no_interval(good, clips, level):
    with pytest.raises(ValueError, match=f"{good} good of {clips} clips"):
        metrics.wilson(good, clips, level)
