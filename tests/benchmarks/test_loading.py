"""The loader reaches its figures here too: `make benchmarks` measures, and prints the table."""

from typing import Any

import pytest

from vgan_tutorial.experiments.loading import TARGETS, measure, table

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return measure()


def test_the_table(found: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\n" + table(found))


@pytest.mark.parametrize("target", TARGETS)
def test_target(found: dict[str, Any], target: str) -> None:
    assert TARGETS[target](found), table(found)
