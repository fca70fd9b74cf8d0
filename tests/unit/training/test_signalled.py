"""A batch system that stops a job: every process gets the signal, and the launcher passes it on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vgan_tutorial.training import load_checkpoint, read_log

TRAIN = "--steps 1000000 --batch 4 --log-every 5 --checkpoint-every 1000000 --generator dcgan"
PATIENCE = 300  # seconds until something must have happened

pytestmark = [
    pytest.mark.slow,  # Python and torch start three times
    pytest.mark.skipif(sys.platform != "linux", reason="/proc says who started whom"),
]


def family(process: int) -> list[int]:
    """A process, and all that it started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [process, *(each for child in children for each in family(int(child)))]


def wait_for_log(folder: Path, launcher: subprocess.Popen) -> None:
    end = time.monotonic() + PATIENCE
    while not read_log(folder):
        assert launcher.poll() is None, launcher.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_run_whose_processes_and_launcher_all_get_sigterm_saves(tmp_path):
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"]
    command += ["--num_processes", "2", "--main_process_port", "0", "--mixed_precision", "no"]
    command += ["-m", "vgan_tutorial.cli"]
    command += ["train", str(folder), *TRAIN.split()]
    with subprocess.Popen(
        command,
        env=os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as launcher:
        try:
            wait_for_log(folder, launcher)
            processes = family(launcher.pid)
            for process in processes:
                os.kill(process, signal.SIGTERM)
            said, _ = launcher.communicate(timeout=PATIENCE)
        finally:
            launcher.kill()
    assert len(processes) == 3
    assert "stopped by SIGTERM" in said
    assert load_checkpoint(folder / "checkpoint.pt")[0].step == read_log(folder)[-1]["step"]
    assert (folder / "generator.safetensors").exists()
