"""UCF101 and HMDB51 with their official splits, and validation carved from train by group.

Both data sets come with three divisions into train and test, as lists of file names. Results are
only comparable on the same list. The three are not three thirds of one experiment: what one list
tests, another trains on, so scores are averaged over splits and models never carried across.
"""

import logging
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from vgan_tutorial.datasets.folders import Split, VideoFolder, group_of, split_by_group
from vgan_tutorial.preprocessing import ShortRule
from vgan_tutorial.video_io import VideoError

logger = logging.getLogger(__name__)

Part = Literal["train", "validation", "test"]

UCF101_LINE = re.compile(r"(?P<name>[^/]+/[^/]+\.avi)(?:\s+(?P<label>\d+))?")
UCF101_CLASS = re.compile(r"(?P<number>\d+)\s+(?P<label>\S+)")
HMDB51_LINE = re.compile(r"(?P<name>[^/]+\.avi)\s+(?P<part>[012])")
HMDB51_FILE = re.compile(r"(?P<label>.+)_test_split(?P<split>[123])\.txt")


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


def read_ucf101_lists(folder: str | os.PathLike[str], split: int = 1) -> OfficialLists:
    """Read `classInd.txt`, `trainlist0N.txt` and `testlist0N.txt`.

    Lines may end in either way. Labels count from 1 in the files and from 0 here; lines of a test
    list may carry one or not.

    Raises:
        VideoError: a list is missing, has a line that cannot be read, or contradicts another.
        ValueError: `split` is not 1, 2 or 3.
    """
    _check_split(split)
    folder = Path(folder)
    numbered = [_match(UCF101_CLASS, path, line) for path, line in _lines(folder / "classInd.txt")]
    if [int(found["number"]) for found in numbered] != list(range(1, len(numbered) + 1)):
        raise VideoError(folder / "classInd.txt", "does not count its classes 1, 2, 3, ...", AGAIN)
    classes = [found["label"] for found in numbered]
    train = _ucf101_names(folder / f"trainlist0{split}.txt", classes)
    test = _ucf101_names(folder / f"testlist0{split}.txt", classes)
    return _checked(folder, OfficialLists(classes, train, test))


def read_hmdb51_lists(folder: str | os.PathLike[str], split: int = 1) -> OfficialLists:
    """Read `<class>_test_splitN.txt` for every class: 0 is unused, 1 train, 2 test.

    Raises:
        VideoError: there are no lists, or one has a line that cannot be read.
        ValueError: `split` is not 1, 2 or 3.
    """
    _check_split(split)
    folder = Path(folder)
    files = {}
    for path in sorted(folder.glob("*.txt")):
        found = HMDB51_FILE.fullmatch(path.name)
        if found and int(found["split"]) == split:
            files[found["label"]] = path
    if not files:
        wanted = f"Expected files such as wave_test_split{split}.txt"
        raise VideoError(folder, "holds no list of HMDB51", wanted)
    parts: dict[str, list[str]] = {"0": [], "1": [], "2": []}
    for label, file in files.items():
        for path, line in _lines(file):
            row = _match(HMDB51_LINE, path, line)
            parts[row["part"]].append(f"{label}/{row['name']}")
    return _checked(folder, OfficialLists(list(files), parts["1"], parts["2"], parts["0"]))


def official_split(
    names: Sequence[str], lists: OfficialLists, validation: float = 0.0, seed: int = 0
) -> Split:
    """Divide files, or the clips of a pack, as official lists do.

    Names are compared without regard to case: UCF101's folder `HandstandPushups` holds files that
    call themselves `HandStandPushups`, and copies of the data set differ in which they spell how.
    Files that no list names are left out; their number is logged, and so is that of listed files
    that are not there.

    Args:
        names: "class/file.avi" of each file: `[entry.name for entry in folder.entries]` or
            `[clip.name for clip in packed.clips]`.
        lists: from `read_ucf101_lists` or `read_hmdb51_lists`.
        validation: share of the training files to set aside for validation, as whole groups.
        seed: draws which groups those are.

    Returns:
        Indices into `names`.

    Raises:
        ValueError: no name is in the lists, or there are too few groups to set some aside.
    """
    places = {name.casefold(): index for index, name in enumerate(names)}
    train = _found(lists.train, places)
    test = _found(lists.test, places)
    _log_mismatch(lists, places)
    if not train and not test:
        example = lists.train[0] if lists.train else "none"
        raise ValueError(
            f"none of the {len(names)} names is in the official lists, which hold names such as "
            f"{example!r}"
        )
    if not validation or not train:
        return Split(train, [], test)
    groups = [group_of(names[index]) for index in train]
    carved = split_by_group(groups, (1 - validation, validation, 0.0), seed)
    kept, aside = ([train[place] for place in part] for part in (carved.train, carved.validation))
    return Split(kept, aside, test)


class _OfficialVideos(VideoFolder):
    """The files of one part of one official split; see `UCF101` and `HMDB51`."""

    VIDEOS: str  # folder of the videos, under the root
    LISTS: str  # folder of the official lists, under the root
    READ: Callable[[Path, int], OfficialLists]

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: int = 1,
        part: Part = "train",
        validation: float = 0.0,
        seed: int = 0,
        frames: int = 16,
        size: int = 64,
        stride: int = 1,
        short: ShortRule = "error",
    ) -> None:
        lists = type(self).READ(Path(root) / self.LISTS, split)
        videos = Path(root) / self.VIDEOS
        super().__init__(videos, frames, size, stride, short)
        self.lists = lists
        self.part = part
        names = [entry.name for entry in self.entries]
        chosen = getattr(official_split(names, lists, validation, seed), part)
        if not chosen:
            raise VideoError(
                videos,
                f"holds no file of the part {part!r} of this split",
                "Check the folder, or set validation above 0",
            )
        spelling = {label.casefold(): label for label in lists.classes}
        self.classes = lists.classes
        self.entries = [
            replace(entry, label=spelling[entry.label.casefold()])
            for entry in (self.entries[index] for index in chosen)
        ]


class UCF101(_OfficialVideos):
    """UCF101 (Soomro, Zamir and Shah, 2012), one part of one of its three official splits.

    `UCF101(root)[i]` is a clip and the index of its class in `classes`, which is the order of
    `classInd.txt`. For training, pack the videos once and use `official_split` on the pack.

    Args:
        root: folder with `UCF-101` (one folder a class) and `ucfTrainTestlist`.
        split: 1, 2 or 3.
        part: "train", "validation" or "test".
        validation: share of the training files that "validation" gets, as whole groups; "train"
            gets the rest.
        seed: draws the validation groups.
        frames: frames in a clip.
        size: side of a clip in pixels.
        stride: step between frames.
        short: the rule for files that are too short; see `preprocessing.frame_indices`.

    Raises:
        VideoError: a folder or list is missing or cannot be read, or the part is empty.
        ValueError: `split` is not 1, 2 or 3.
    """

    VIDEOS = "UCF-101"
    LISTS = "ucfTrainTestlist"
    READ = staticmethod(read_ucf101_lists)


class HMDB51(_OfficialVideos):
    """HMDB51 (Kuehne et al., 2011), one part of one of its three official splits.

    Takes and raises the same as `UCF101`, with `hmdb51_org` (one folder a class) and
    `testTrainMulti_7030_splits` under `root`. Each class has 70 training and 30 test clips in a
    split; the rest are unused. A group is the film that a clip was cut from.
    """

    VIDEOS = "hmdb51_org"
    LISTS = "testTrainMulti_7030_splits"
    READ = staticmethod(read_hmdb51_lists)


AGAIN = "Unpack the official lists again"


def _check_split(split: int) -> None:
    if split not in (1, 2, 3):
        raise ValueError(f"the official splits are 1, 2 and 3, got {split}")


def _lines(path: Path) -> Iterable[tuple[Path, str]]:
    """The lines of a list that hold anything, however they end."""
    if not path.is_file():
        raise VideoError(path, "there is no such list", "Give the folder of the official lists")
    text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    return ((path, line.strip()) for line in text.split("\n") if line.strip())


def _match(pattern: re.Pattern[str], path: Path, line: str) -> re.Match[str]:
    found = pattern.fullmatch(line)
    if not found:
        raise VideoError(path, f"has a line that cannot be read, {line[:80]!r}", AGAIN)
    return found


def _ucf101_names(path: Path, classes: list[str]) -> list[str]:
    labels = {label.casefold(): number for number, label in enumerate(classes, 1)}
    names = []
    for file, line in _lines(path):
        found = _match(UCF101_LINE, file, line)
        number = labels.get(found["name"].split("/")[0].casefold())
        if number is None or (found["label"] and int(found["label"]) != number):
            raise VideoError(file, f"contradicts classInd.txt in the line {line[:80]!r}", AGAIN)
        names.append(found["name"])
    return names


def _checked(folder: Path, lists: OfficialLists) -> OfficialLists:
    seen: set[str] = set()
    for name in lists.names:
        if name.casefold() in seen:
            raise VideoError(folder, f"its lists name {name} twice", AGAIN)
        seen.add(name.casefold())
    return lists


def _found(wanted: Iterable[str], places: dict[str, int]) -> list[int]:
    return sorted(places[name.casefold()] for name in wanted if name.casefold() in places)


def _log_mismatch(lists: OfficialLists, places: dict[str, int]) -> None:
    listed = {name.casefold() for name in lists.names}
    if missing := len(listed - places.keys()):
        logger.warning("%d of %d listed files are not there", missing, len(listed))
    if extra := len(places.keys() - listed):
        logger.warning("%d of %d files are in no list and are left out", extra, len(places))
