"""Two processes that train one pair: the same run as one process, and no waiting for the dead."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.support.mini import PRESET, change
from tests.support.two_processes import JOINED, PATIENCE, VARIANTS, preset_of
from vgan_tutorial.datasets import PackedClips, make_shapes_pack
from vgan_tutorial.training import load_checkpoint, read_log, shapes_source, train
from vgan_tutorial.training.sources import AHEAD, draw_windows

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "ACCELERATE_USE_CPU": "true"}

pytestmark = pytest.mark.slow  # Python and torch start three times


def launch(folder: Path, parts: str) -> subprocess.CompletedProcess[str]:
    """Two processes do their work in a folder."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"]
    command += ["--num_processes", "2", "--main_process_port", "0"]  # any port that is free
    command += ["-m", "tests.support.two_processes", str(folder), parts]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=600, cwd=ROOT, env=ENVIRONMENT
    )


@pytest.fixture(scope="module")
def launched(tmp_path_factory):
    """The folder after two processes have done their work there, and what they printed."""
    folder = tmp_path_factory.mktemp("two")
    make_shapes_pack(folder, "tiny", actors=5, clips=1).rename(folder / "pack")
    return folder, launch(folder, "all")


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
    one, log = train(config, shapes_source(preset_of(config)), progress=False)
    two, _ = load_checkpoint(folder / name / "checkpoint.pt")
    for mine, theirs in zip(log, read_log(folder / name), strict=True):
        for figure in mine.keys() - {"seconds"}:
            assert mine[figure] == pytest.approx(theirs[figure], rel=1e-3, abs=1e-3), figure
    for player in ("discriminator", "generator"):
        alone, joined = (squares(getattr(state, f"{player}_optimiser")) for state in (one, two))
        torch.testing.assert_close(joined, alone, rtol=1e-2, atol=1e-4 * alone.max().item())
        for mine, theirs in zip(
            getattr(one, player).buffers(), getattr(two, player).buffers(), strict=True
        ):
            torch.testing.assert_close(theirs, mine, rtol=1e-3, atol=1e-4)
    assert torch.equal(one.randomness.get_state(), two.randomness.get_state())


def test_clips_that_cannot_be_shared_out_evenly_do_not_hang(launched):
    folder, _ = launched
    assert len(PackedClips(folder / "pack", frames=2)) % 2 == 1
    assert load_checkpoint(folder / "uneven" / "checkpoint.pt")[0].step == 3
    for rank in (0, 1):
        assert "choose a multiple of 2" in (folder / f"refused-{rank}").read_text()


def test_each_process_reads_only_its_share_of_a_pack(launched):
    folder, _ = launched
    packed = PackedClips(folder / "pack", frames=2)
    batches = [draw_windows(packed, 4, 0, step) for step in range(3 + AHEAD)]
    for rank in (0, 1):
        own = [list(window) for batch in batches for window in batch[rank::2]]
        read = json.loads((folder / f"read-{rank}").read_text())
        assert 3 * 2 <= len(read) <= len(own)  # two in a step; some are not read in the end
        assert all(window in own for window in read)
        assert sorted(read[: 3 * 2]) == sorted(own[: 3 * 2])


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


def test_a_process_that_does_not_answer_is_given_up(tmp_path):
    done = launch(tmp_path, "silent")
    assert done.returncode == 0, done.stderr
    waited, message = json.loads((tmp_path / "gave up").read_text())
    assert PATIENCE / 2 < waited < 4 * PATIENCE
    assert "another process of this run has ended or does not answer" in message


def test_processes_that_do_not_come_together_are_named():
    """One of two, at an address where nobody else will come."""
    program = (
        "from datetime import timedelta\n"
        "from vgan_tutorial.training import processes\n"
        "processes.TIMEOUT = timedelta(seconds=1)\n"
        "processes.processes()"
    )
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0", "WORLD_SIZE": "2"}
    ranks = {"RANK": "0", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={**ENVIRONMENT, **meeting, **ranks},
    )
    assert done.returncode != 0
    assert "not all processes of this run came together within 0:00:01" in done.stderr
