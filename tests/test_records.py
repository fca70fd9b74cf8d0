"""Records go on where they stopped, refuse other settings, and still hold what they say."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from vgan_tutorial import records
from vgan_tutorial.oracle import judge, summarise
from vgan_tutorial.records import check_same, open_record, save_record, versions
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
        patch.setattr(records.os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            save_record(path, ORIGIN | {"rows": [1, 2]})
    assert open_record(path, ORIGIN)["rows"] == [1]


def test_the_same_is_what_a_file_gives_back(tmp_path):
    check_same(tmp_path, "betas", [0.0, 0.9], (0.0, 0.9))
    with pytest.raises(ValueError, match=r"made with betas \[0.5, 0.9\]"):
        check_same(tmp_path, "betas", [0.5, 0.9], (0.0, 0.9))


def test_versions_name_what_a_result_depends_on():
    assert {"python", "torch", "vgan-tutorial"} <= versions().keys()
