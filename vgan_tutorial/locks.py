"""One process at a time: a file whose lock the system lets go when its holder ends.

The lock belongs to the open file and not to the file's name. So a process that is killed leaves a
file behind and no lock, and the next one takes it: nobody has to tell an old lock from a live one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        file.seek(2**30)  # this byte is locked, far from those that others read
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class InUseError(ValueError):
    """Another process works on the same folder."""


@contextmanager
def locked(path: str | os.PathLike[str], what: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a lock while the block runs.

    Args:
        path: file of the lock; it is made, holds the process's number, and is removed at the end.
        what: what the lock is for, in the message of the error.

    Raises:
        InUseError: if another process holds it.
    """
    path = Path(path)
    with open(path, "a+b") as file:
        try:
            _lock(file)
            taken = _is_still(file, path)  # or its holder has removed it meanwhile, and is done
        except OSError:
            taken = False
        if not taken:
            raise InUseError(f"{what} is in use{_by_whom(path)}: wait for its end, or stop it")
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        try:
            yield
        finally:
            if sys.platform != "win32":  # where an open file cannot be removed
                path.unlink(missing_ok=True)
    if sys.platform == "win32":
        with suppress(OSError):  # somebody else may have taken it
            path.unlink(missing_ok=True)


def _is_still(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _by_whom(path: Path) -> str:
    try:
        number = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
    return f" by the process {number}" if number.isdigit() else " by another process"
