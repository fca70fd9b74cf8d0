"""Fetch, unpack and pack a data set, killed ever later, in a process of its own.

Reads from its input, pickled: a data set, a folder, and after how many milliseconds to kill. For
each of those it prints the exit codes of the run that is killed and of the run after it.
"""

import os
import pickle
import signal
import sys
import traceback
from pathlib import Path

from vgan_tutorial.datasets import DataSet
from vgan_tutorial.datasets.acquire.preparing import prepare


def attempt(data_set: DataSet, folder: Path, milliseconds: int | None) -> int:
    """Run in a copy of this process; an alarm without a handler ends it there and then."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        if milliseconds is not None:
            signal.setitimer(signal.ITIMER_REAL, milliseconds / 1000)
        prepare(data_set, folder, size=16, frames=4, progress=False, say=lambda _: None)
        code = 0
    except BaseException:
        traceback.print_exc()
    os._exit(code)


if __name__ == "__main__":
    data_set, root, moments = pickle.load(sys.stdin.buffer)
    for moment in moments:
        folder = root / str(moment)
        print(
            moment, attempt(data_set, folder, moment), attempt(data_set, folder, None), flush=True
        )
