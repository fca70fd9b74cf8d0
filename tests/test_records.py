"""The recorded runs: their weights still give what the record says."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from vgan_tutorial.oracle import judge, summarise
from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.training import load_generator, sample

RECORDS = Path(__file__).parents[1] / "book" / "records"
RUNS = sorted(path.parent.name for path in RECORDS.glob("*/judged.json"))


def test_the_book_has_a_recorded_run():
    assert "tiny" in RUNS


@pytest.mark.parametrize("name", RUNS)
def test_the_judge_still_finds_what_the_record_says(name):
    recorded = json.loads((RECORDS / name / "judged.json").read_text())
    preset = PRESETS[recorded["preset"]]
    network, config = load_generator(RECORDS / name)
    assert (config.frames, config.size) == (preset.frames, preset.size)
    clips = sample(network, recorded["clips"], recorded["seed"])
    found = asdict(summarise(judge(clips, preset), preset))
    # Rounding differs from processor to processor: a clip in a hundred may change sides.
    for figure in ("validity", "motion_validity", "shape_consistency", "colour_consistency"):
        assert found[figure] == pytest.approx(recorded[figure], abs=0.01)
    assert found["cells_found"] == recorded["cells_found"]
    assert found["histogram_distance"] == pytest.approx(recorded["histogram_distance"], abs=0.03)
