"""The networks that a run may compile (the configuration's `compile`) stay what they are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_compiled_networks_give_the_same(tmp_path):
    """In a folder of its own: a compiler that is killed leaves half a file to the next one."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.compiled"]
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["mocogan", "residual", "stacked"]
