"""Official lists: which files of a data set train and which test, as its makers divided them."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vgan_tutorial.errors import DataError

AGAIN = "Unpack the official lists again"


@dataclass(frozen=True)
class OfficialLists:
    """One official division of a data set.

    Attributes:
        classes: names of the classes; a class's place here is its label.
        train: names of the files to train on, "class/file.avi".
        test: names of the files to test on.
        unused: names of the files that this split leaves aside (HMDB51 only).
    """

    classes: list[str]
    train: list[str]
    test: list[str]
    unused: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Every file that the lists name."""
        return self.train + self.test + self.unused


@dataclass(frozen=True)
class Official:
    """The divisions that the makers of a data set published.

    Attributes:
        videos: name of the folder of videos, within the data set's folder.
        lists: name of the folder of lists.
        read: reads the lists of one split.
        counts: number of training and test files in each split.
        unused: number of files that each split leaves aside.
        clips: number of files in all.
    """

    videos: str
    lists: str
    read: Callable[[Path, int], OfficialLists]
    counts: Mapping[int, tuple[int, int]]
    clips: int
    unused: int = 0


def check_split(split: int) -> None:
    """Refuse a split that is not one of the three.

    Raises:
        ValueError: `split` is not 1, 2 or 3.
    """
    if split not in (1, 2, 3):
        raise ValueError(f"the official splits are 1, 2 and 3, got {split}")


def lines(path: Path) -> Iterable[tuple[Path, str]]:
    """The lines of a list that hold anything, however they end, each with the list's path.

    Raises:
        DataError: there is no such list.
    """
    if not path.is_file():
        raise DataError(path, "there is no such list", "Give the folder of the official lists")
    text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    return ((path, line.strip()) for line in text.split("\n") if line.strip())


def match(pattern: re.Pattern[str], path: Path, line: str) -> re.Match[str]:
    """The parts of a line.

    Raises:
        DataError: the line is not of this form.
    """
    found = pattern.fullmatch(line)
    if not found:
        raise DataError(path, f"has a line that cannot be read, {line[:80]!r}", AGAIN)
    return found


def without_doubles(folder: Path, lists: OfficialLists) -> OfficialLists:
    """The lists, if they name every file once.

    Raises:
        DataError: a file is named twice.
    """
    seen: set[str] = set()
    for name in lists.names:
        if name.casefold() in seen:
            raise DataError(folder, f"its lists name {name} twice", AGAIN)
        seen.add(name.casefold())
    return lists
