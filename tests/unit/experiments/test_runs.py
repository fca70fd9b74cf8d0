"""Records go on where they stopped, refuse other settings, and still hold what they say."""

import json
from pathlib import Path

import pytest

from vgan_tutorial import files
from vgan_tutorial.experiments.records import check_same, open_record, save_record, versions
from vgan_tutorial.experiments.runs import judged
from vgan_tutorial.recipes import get_recipe
from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.training import read_log
from vgan_tutorial.training.saving import read_config

RECORDS = Path(__file__).parents[3] / "book" / "records"
RUNS = sorted(path.parent.name for path in RECORDS.glob("*/record.json"))


def test_the_book_has_recorded_runs():
    assert RUNS == ["full", "small", "small-classes", "tiny"]


@pytest.mark.parametrize("name", RUNS)
def test_the_judge_still_finds_what_the_record_says(name):
    recorded = json.loads((RECORDS / name / "record.json").read_text())
    preset = PRESETS[recorded["data"]]
    found = judged(RECORDS / name, preset)
    # Rounding differs from processor to processor: a clip in a hundred may change sides.
    for figure in ("validity", "motion_validity", "shape_consistency", "colour_consistency"):
        assert found["judged"][figure] == pytest.approx(recorded["judged"][figure], abs=0.01)
    for figure, margin in (("cells_found", 0), ("histogram_distance", 0.03)):
        assert found["judged"][figure] == pytest.approx(recorded["judged"][figure], abs=margin)
    assert found["real"] == pytest.approx(recorded["real"], abs=0.01)
    assert found.get("told") == (
        pytest.approx(recorded["told"], abs=0.01) if "told" in recorded else None
    )


@pytest.mark.parametrize("name", RUNS)
def test_a_record_is_of_its_recipe_and_says_where_it_comes_from(name):
    recorded = json.loads((RECORDS / name / "record.json").read_text())
    assert recorded["recipe"] == name
    assert read_config(RECORDS / name) == get_recipe(name).config
    assert (
        recorded["steps"] == get_recipe(name).config.steps == read_log(RECORDS / name)[-1]["step"]
    )
    assert recorded["commit"]
    assert not recorded["commit"].endswith("dirty")
    stages = sorted((RECORDS / name / "stages").glob("*"))
    assert len(stages) == len(get_recipe(name).config.stages)


# What each recorded run must reach: the share of valid clips, also with valid motion, the cells
# found, and shape and colour kept, as a share of what real clips keep.
REACHED = {"tiny": (0.9, 24, 0.9), "small": (0.9, 72, 0.95), "small-classes": (0.9, 72, 0.9)}
REACHED |= {"full": (0.9, 71, 0.9)}


@pytest.mark.parametrize("name", RUNS)
def test_recorded_runs_reach_what_they_should(name):
    recorded = json.loads((RECORDS / name / "record.json").read_text())
    own, real = recorded["judged"], recorded["real"]
    validity, cells, kept = REACHED[name]
    assert min(own["validity"], own["motion_validity"]) >= validity
    assert own["cells_found"] >= cells
    for figure in ("shape_consistency", "colour_consistency"):
        assert own[figure] >= kept * real[figure]


ORIGIN = {"command": "python -m a --steps 5", "steps": 5, "betas": (0.0, 0.9)}


def test_a_record_goes_on_with_the_same_settings_however_they_were_written(tmp_path):
    path = tmp_path / "folder" / "record.json"
    save_record(path, open_record(path, ORIGIN) | {"rows": [1]})
    record = open_record(path, ORIGIN | {"command": "python -m a --steps=5"})
    assert record["rows"] == [1]
    assert record["command"] == ORIGIN["command"]


def test_a_record_of_other_settings_is_refused_and_stays(tmp_path):
    path = tmp_path / "record.json"
    save_record(path, open_record(path, ORIGIN))
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"made with steps 5, and now it is 6.*move the file away"):
        open_record(path, ORIGIN | {"steps": 6})
    with pytest.raises(ValueError, match="not a record of this command: KeyError"):
        open_record(path, ORIGIN | {"seeds": 3})
    assert path.read_bytes() == before


def test_what_is_no_record_is_named(tmp_path):
    path = tmp_path / "record.json"
    for text in ("", "[1, 2]", '"text"', "{"):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"record\.json is not a record of this command"):
            open_record(path, ORIGIN)


def test_a_kill_while_writing_leaves_the_old_record(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    save_record(path, ORIGIN | {"rows": [1]})

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            save_record(path, ORIGIN | {"rows": [1, 2]})
    assert open_record(path, ORIGIN)["rows"] == [1]


def test_the_same_is_what_a_file_gives_back(tmp_path):
    check_same(tmp_path, "betas", [0.0, 0.9], (0.0, 0.9))
    with pytest.raises(ValueError, match=r"made with betas \[0.5, 0.9\]"):
        check_same(tmp_path, "betas", [0.5, 0.9], (0.0, 0.9))


def test_versions_name_what_a_result_depends_on():
    assert {"python", "torch", "vgan-tutorial"} <= versions().keys()
