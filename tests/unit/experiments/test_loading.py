"""The loader's recorded figures, which chapter 3 shows, are the ones that are asked of it."""

import json
from pathlib import Path

import pytest

from vgan_tutorial.experiments import loading
from vgan_tutorial.experiments.loading import TARGETS, make_record, table

RECORD = Path(__file__).parents[3] / "book" / "records" / "loading" / "measured.json"


@pytest.mark.parametrize("target", TARGETS)
def test_the_record_reaches_the_target(target):
    assert TARGETS[target](json.loads(RECORD.read_text(encoding="utf-8")))


def test_the_record_says_what_it_was_measured_with_and_can_be_shown():
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    assert record["machine"]["processor"]
    for name in ("numpy", "torch", "opencv-python-headless", "av"):
        assert record["machine"]["versions"][name][0].isdigit()
    assert "this package" in table(record)


def test_a_record_has_four_digits_and_an_origin(tmp_path, monkeypatch):
    found = json.loads(RECORD.read_text(encoding="utf-8"))
    monkeypatch.setattr(loading, "measure", lambda: found | {"packed_ms": 0.00123456})
    make_record(tmp_path / "measured.json")
    record = json.loads((tmp_path / "measured.json").read_text(encoding="utf-8"))
    assert record["packed_ms"] == 0.001235
    assert record["command"].endswith(f"loading --output {tmp_path.as_posix()}/measured.json")
    assert record.keys() == found.keys() | {"command", "commit", "device", "versions"}


def test_without_pyav_the_command_says_what_to_install(monkeypatch):
    monkeypatch.setattr(loading, "can", lambda name: name != "av")
    with pytest.raises(ValueError, match="pip install 'vgan-tutorial"):
        make_record()
