"""The package's step against the plain loop."""

import pytest

from vgan_tutorial.experiments import throughput


@pytest.mark.benchmark
@pytest.mark.parametrize("critic", ["stacked", "dual"])
@pytest.mark.parametrize("preset", throughput.BATCH)
def test_the_packages_step_is_faster_than_the_plain_loop(preset, critic, capsys):
    found = throughput.measure_kind(critic, preset, throughput.BATCH[preset], 3, compiled=False)
    with capsys.disabled():
        print(f"\n{preset}, {critic}\n{throughput.table(found['rows'])}")
    assert found["rows"]["the package's step"]["times_as_fast"] >= 1.5
