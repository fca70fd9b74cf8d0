"""Packing needs the same memory for many files as for a few."""

import json
import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="peak memory is read as POSIX has it")


def test_ten_times_the_files_need_no_more_memory(tmp_path):
    """`make benchmarks` does it with thousands."""
    program = "vgan_tutorial.experiments.packing_memory"
    command = [sys.executable, "-m", program, str(tmp_path), "40", "400"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    peak = json.loads(run.stdout)
    assert peak["400"] < 500
    assert peak["400"] - peak["40"] < 8  # all 400 clips as one array would be 19 MiB more
