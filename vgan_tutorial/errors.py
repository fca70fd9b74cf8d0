"""What can be wrong with data, as exceptions whose message says what to do about it."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from unicodedata import category


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
    """A path as text on one line, without orders to the terminal: odd bytes become escapes.

    A name may hold a line's end, or a sequence that colours the screen or clears it.
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(
        _escaped(each) if category(each) in ("Cc", "Zl", "Zp") else each for each in text
    )


def is_utf8(path: str | os.PathLike[str]) -> bool:
    """Whether a path is text: on Linux its bytes need not be."""
    try:
        os.fsencode(path).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def take_any_text() -> None:
    """Let the output and the error stream print whatever they are given, as escapes if need be.

    Where they lead into a file or a pipe, on Windows or with an old locale, their encoding lacks
    most letters, and a report would be lost for one of them.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
