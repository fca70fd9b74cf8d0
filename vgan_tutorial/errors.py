"""What can be wrong with data, as exceptions whose message says what to do about it."""

from __future__ import annotations

import os
from pathlib import Path


class DataError(Exception):
    """Data that cannot be used: a file, a folder, a pack, a list or an archive.

    The message names the file or folder, says what is wrong with it or what was expected instead,
    and ends with what to do. The subclasses say which kind of file it is about.

    Attributes:
        path: file or folder.
        problem: what is wrong with it, and what was expected.
        remedy: what to do about it.
    """

    def __init__(self, path: str | os.PathLike[str], problem: str, remedy: str) -> None:
        super().__init__(f"{printable(path)}: {problem}. {remedy}.")
        self.path = Path(path)
        self.problem = problem
        self.remedy = remedy


class VideoError(DataError):
    """A video file that cannot be read or written."""


class FetchError(DataError):
    """A file that could not be fetched, or is not the one that was expected."""


class UnpackError(DataError):
    """An archive that cannot be unpacked, or must not be."""


def printable(path: str | os.PathLike[str]) -> str:
    """A path as text that any terminal and any file takes; odd bytes become escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
