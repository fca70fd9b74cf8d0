"""One process at a time: a lock that the system lets go when its holder ends, however it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


class InUseError(ValueError):
    """Another process works on the same folder."""


@contextmanager
def locked(path: str | os.PathLike[str], what: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a lock while the block runs.

    Args:
        path: file of the lock; it is made, and removed at the end.
        what: what the lock is for, in the message of the error.

    Raises:
        InUseError: if another process holds it.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InUseError(
            f"{what} is in use by another process: wait for its end, or stop it"
        ) from error
    try:
        yield
    finally:
        if sys.platform != "win32":  # where an open file cannot be removed
            Path(path).unlink(missing_ok=True)
        lock.release()
