"""Write files so that they are there whole or not at all, whenever the process is killed.

A file is written beside its place, under a hidden name that ends with `.unfinished`, and renamed
once it is complete. Renaming is one step for the file system, so a kill leaves the old file or the
new one. Before that the file is forced onto the disk: after a power cut a name must not stand for
contents that were still on their way.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

Content = str | bytes | Callable[[BinaryIO], object]


def replace_file(path: str | os.PathLike[str], content: Content) -> None:
    """Write a file, or replace the one that is there, in one step.

    Args:
        path: file to write; its folder must be there.
        content: bytes, text (UTF-8; odd bytes of file names pass through), or a function that
            writes to the open file.
    """
    with replacing(path) as draft, open(draft, "wb") as file:
        if callable(content):
            _let_write(content, file)
        elif isinstance(content, str):
            file.write(content.encode("utf-8", "surrogateescape"))
        else:
            file.write(content)


@contextmanager
def replacing(
    path: str | os.PathLike[str], *, suffix: str = "", sync: bool = True
) -> Iterator[Path]:
    """Give a path to write to, and move what was written to its place when the block ends well.

    If the block raises, the draft is removed and the old file stays.

    Args:
        path: file to write or replace.
        suffix: what the draft's name must end with, where the writer goes by it.
        sync: False spares the wait for the disk, some milliseconds a file: for many files that
            can be made again, and that are checked when they are read.
    """
    path = Path(path)
    draft = draft_of(path, suffix)
    try:
        with naming(path):
            yield draft
            publish(draft, path, sync=sync)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Give the system's errors inside the block the name of a file, if they name none.

    An error while opening a file names it. One while writing, such as a full disk's, does not.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = os.fspath(path)
        raise


def publish(
    draft: str | os.PathLike[str], path: str | os.PathLike[str], *, sync: bool = True
) -> None:
    """Give a complete file its name, once it is on the disk."""
    if sync:
        with open(draft, "r+b") as file:
            os.fsync(file.fileno())
    os.replace(draft, path)


def draft_of(path: Path, suffix: str = "") -> Path:
    """The file's path until it is complete: hidden, and not found by its suffix."""
    name = path.name[-48:]  # the name itself may be as long as names can be
    return path.with_name(f".{name}.unfinished{suffix}")


def _let_write(write: Callable[[BinaryIO], object], file: BinaryIO) -> None:
    """Call a writer. If a write fails, raise the system's own error and not what it became.

    A library may turn it into one of its own, as PyTorch does: "unexpected pos 64 vs 0".
    """
    watched = _Watched(file)
    try:
        write(cast(BinaryIO, watched))
    except Exception as error:
        if watched.failure is not None and error is not watched.failure:
            raise watched.failure from error
        raise


class _Watched:
    """A file that remembers why a write failed."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.failure: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return self.file.write(data)
        except OSError as error:
            self.failure = self.failure or error
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)
