"""The official splits of UCF101 and HMDB51, with validation carved from train by group.

Both data sets come with three divisions into train and test, as lists of file names. Results are
only comparable on the same list. The three are not three thirds of one experiment: what one list
tests, another trains on, so scores are averaged over splits and models never carried across.
"""

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

from vgan_tutorial.datasets.catalogue import hmdb51, ucf101
from vgan_tutorial.datasets.folders import VideoFolder, group_of
from vgan_tutorial.datasets.lists import Official, OfficialLists
from vgan_tutorial.datasets.splits import Split, split_by_group
from vgan_tutorial.errors import DataError
from vgan_tutorial.preprocessing import ShortRule

logger = logging.getLogger(__name__)

Part = Literal["train", "validation", "test"]


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
        lists: lists from `read_ucf101_lists` or `read_hmdb51_lists`.
        validation: share of the training files to set aside for validation, as whole groups.
        seed: number that decides which groups those are.

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


def _found(wanted: Iterable[str], places: dict[str, int]) -> list[int]:
    return sorted(places[name.casefold()] for name in wanted if name.casefold() in places)


def _log_mismatch(lists: OfficialLists, places: dict[str, int]) -> None:
    listed = {name.casefold() for name in lists.names}
    if missing := len(listed - places.keys()):
        logger.warning("%d of %d listed files are not there", missing, len(listed))
    if extra := len(places.keys() - listed):
        logger.warning("%d of %d files are in no list and are left out", extra, len(places))


class OfficialVideos(VideoFolder):
    """The files of one part of one official split; see `UCF101` and `HMDB51`."""

    OFFICIAL: ClassVar[Official]  # folders under the root, and how to read the lists

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
        lists = self.OFFICIAL.read(Path(root) / self.OFFICIAL.lists, split)
        videos = Path(root) / self.OFFICIAL.videos
        super().__init__(videos, frames, size, stride, short)
        self.lists = lists
        self.part = part
        names = [entry.name for entry in self.entries]
        chosen = getattr(official_split(names, lists, validation, seed), part)
        if not chosen:
            raise DataError(
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


class UCF101(OfficialVideos):
    """UCF101 (Soomro, Zamir and Shah, 2012), one part of one of its three official splits.

    `UCF101(root)[i]` is a clip and the index of its class in `classes`, which is the order of
    `classInd.txt`. For training, pack the videos once and use `official_split` on the pack.

    Args:
        root: folder with `UCF-101` (one folder a class) and `ucfTrainTestlist`.
        split: 1, 2 or 3.
        part: "train", "validation" or "test".
        validation: share of the training files that "validation" gets, as whole groups; "train"
            gets the rest.
        seed: number that decides the validation groups.
        frames: frames in a clip.
        size: side of a clip in pixels.
        stride: step between frames.
        short: rule for files that are too short; see `preprocessing.frame_indices`.

    Raises:
        DataError: a folder or list is missing or cannot be read, or the part is empty.
        ValueError: `split` is not 1, 2 or 3.
    """

    OFFICIAL = ucf101.OFFICIAL


class HMDB51(OfficialVideos):
    """HMDB51 (Kuehne et al., 2011), one part of one of its three official splits.

    Takes and raises the same as `UCF101`, with `hmdb51_org` (one folder a class) and
    `testTrainMulti_7030_splits` under `root`. Each class has 70 training and 30 test clips in a
    split; the rest are unused. A group is the film that a clip was cut from.
    """

    OFFICIAL = hmdb51.OFFICIAL
