"""The loader's recorded figures, which chapter 3 shows, are the ones that are asked of it."""

import json
from pathlib import Path

import pytest

from vgan_tutorial.experiments.loading import TARGETS, table

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
