"""The package's step against the plain loop. The table in the book: `throughput.py` beside this."""

import pytest

from tests.benchmarks import throughput


def test_the_mended_plain_loop_is_the_packages_step():
    """So the ladder ends where it says, and what it measures is nothing but speed."""
    assert throughput.same_gradients()


@pytest.mark.benchmark
@pytest.mark.parametrize("preset", throughput.BATCH)
def test_the_packages_step_is_faster_than_the_plain_loop(preset, capsys):
    found = throughput.measure(preset, rounds=3)
    with capsys.disabled():
        print(preset, found["times_as_fast"])
    assert found["times_as_fast"]["the package's step"] >= 1.5
