"""Two processes that train one pair: the same run as one process, and no waiting for the dead."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.support.mini import PRESET, change
from tests.support.two_processes import JOINED, VARIANTS
from vgan_tutorial.datasets import PackedClips, make_shapes_pack
from vgan_tutorial.training import load_checkpoint, read_log, shapes_source, train

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.slow  # Python and torch start three times


@pytest.fixture(scope="module")
def launched(tmp_path_factory):
    """The folder after two processes have done their work there, and what they printed."""
    folder = tmp_path_factory.mktemp("two")
    make_shapes_pack(folder, "tiny", actors=5, clips=1).rename(folder / "pack")
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"]
    command += ["--num_processes", "2", "--main_process_port", "0"]  # any port that is free
    command += ["-m", "tests.support.two_processes", str(folder)]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=600, cwd=ROOT, env=environment
    )
    return folder, done


def squares(optimiser: torch.optim.Optimizer) -> torch.Tensor:
    """Adam's averages of squared gradients: they hold every gradient of the run."""
    parts = optimiser.state_dict()["state"].values()
    return torch.cat([part["exp_avg_sq"].flatten() for part in parts])


@pytest.mark.parametrize("name", VARIANTS)
def test_two_processes_are_the_same_run_as_one(launched, name):
    """Losses, penalties, gradients and averages are those of the joined batch, but for rounding."""
    folder, done = launched
    assert (folder / name / "checkpoint.pt").exists(), done.stderr
    assert (folder / "processes").read_text() == "2"
    config = change(**{**vars(JOINED), **VARIANTS[name]})
    one, log = train(config, shapes_source(PRESET), progress=False)
    two, _ = load_checkpoint(folder / name / "checkpoint.pt")
    for mine, theirs in zip(log, read_log(folder / name), strict=True):
        for figure in mine.keys() - {"seconds"}:
            assert mine[figure] == pytest.approx(theirs[figure], rel=1e-3, abs=1e-3), figure
    for player in ("discriminator", "generator"):
        alone, joined = (squares(getattr(state, f"{player}_optimiser")) for state in (one, two))
        torch.testing.assert_close(joined, alone, rtol=1e-2, atol=1e-4 * alone.max().item())
    assert torch.equal(one.randomness.get_state(), two.randomness.get_state())


def test_clips_that_cannot_be_shared_out_evenly_do_not_hang(launched):
    folder, _ = launched
    assert len(PackedClips(folder / "pack", frames=2)) % 2 == 1
    assert load_checkpoint(folder / "uneven" / "checkpoint.pt")[0].step == 3
    for rank in (0, 1):
        assert "choose a multiple of 2" in (folder / f"refused-{rank}").read_text()


def test_all_processes_stop_with_the_same_step(launched):
    folder, _ = launched
    steps = [json.loads((folder / f"stopped-{rank}").read_text()) for rank in (0, 1)]
    assert steps[0] == steps[1]
    assert load_checkpoint(folder / "stopped" / "checkpoint.pt")[0].step == steps[0]


def test_a_killed_process_ends_the_run_with_a_message_and_a_checkpoint_to_go_on_from(launched):
    folder, done = launched
    assert done.returncode != 0
    assert "another process of this run has ended" in done.stderr
    state, config = load_checkpoint(folder / "killed" / "checkpoint.pt")
    assert state.step == 6
    on, _ = train(change(**{**vars(config), "steps": 7}), shapes_source(PRESET), folder / "killed")
    assert on.step == 7
