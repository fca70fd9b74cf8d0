"""Where a run's clips come from."""

import dataclasses

import pytest

from tests.support.mini import CONFIG, PRESET, change
from tests.support.seeds import seeded
from vgan_tutorial.oracle import judge
from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.training import shapes_source, train


def test_a_source_that_ends_or_has_no_labels_is_named():
    with pytest.raises(ValueError, match="has ended"):
        train(CONFIG, lambda batch, randomness: iter(()), progress=False)
    config = change(generator="mocogan", discriminator="residual", classes=3, size=16)
    source = shapes_source(dataclasses.replace(PRESET, size=16))
    with pytest.raises(ValueError, match="gives no labels: open it with labelled=True"):
        train(config, source, progress=False)


def test_clips_of_the_wrong_size_are_named():
    with pytest.raises(ValueError, match=r"\(4, 3, 8, 16, 16\).*\(4, 3, 2, 8, 8\)"):
        train(CONFIG, shapes_source("tiny"), progress=False)


def test_labels_of_shapes_are_places_in_the_alphabet():
    clips, labels = next(shapes_source(labelled=True)(24, seeded(0)))
    seen = judge(clips, PRESETS["tiny"]).factors
    names = [seen.names(PRESETS["tiny"], clip)["motion"] for clip in range(24)]
    assert names == [["circular", "horizontal", "vertical"][label] for label in labels]
