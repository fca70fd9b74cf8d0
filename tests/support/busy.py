"""A machine whose cores are kept busy, for a few seconds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SPIN = "print('busy', flush=True)\nwhile True: pass"


@contextmanager
def busy_cores(count: int) -> Iterator[None]:
    """Processes that do nothing, as fast as they can, and end with the block."""
    command = [sys.executable, "-c", SPIN]
    spinning = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(count)]
    try:
        for each in spinning:
            assert each.stdout is not None
            each.stdout.readline()  # it has begun
        yield
    finally:
        for each in spinning:
            each.kill()
            each.communicate()
