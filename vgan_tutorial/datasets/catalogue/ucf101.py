"""UCF101: clips of human actions, from videos that people had put on YouTube."""

import os
import re
from pathlib import Path, PurePosixPath

from vgan_tutorial.datasets.acquire.listed import prepare_listed
from vgan_tutorial.datasets.data_set import DataSet, Download
from vgan_tutorial.datasets.lists import (
    AGAIN,
    Official,
    OfficialLists,
    check_split,
    lines,
    match,
    without_doubles,
)
from vgan_tutorial.errors import DataError

LINE = re.compile(r"(?P<name>[^/]+/[^/]+\.avi)(?:\s+(?P<label>\d+))?")
CLASS = re.compile(r"(?P<number>\d+)\s+(?P<label>\S+)")
FILE = re.compile(r"v_(?P<label>.+)_(?P<group>g\d+)_c\d+")


def group_of(name: str) -> str | None:
    """The group of `v_Class_g07_c02.avi` is "g07"; None for a name of another form.

    Clips of one group were cut from the same recording: same people, same background. The official
    splits keep group numbers together across all classes, and so do ours.
    """
    found = FILE.fullmatch(PurePosixPath(name).stem)
    return found["group"] if found else None


def read_ucf101_lists(folder: str | os.PathLike[str], split: int = 1) -> OfficialLists:
    """Read `classInd.txt`, `trainlist0N.txt` and `testlist0N.txt`.

    Lines may end in either way. Labels count from 1 in the files and from 0 here; lines of a test
    list may carry one or not.

    Raises:
        DataError: a list is missing, has a line that cannot be read, or contradicts another.
        ValueError: `split` is not 1, 2 or 3.
    """
    check_split(split)
    folder = Path(folder)
    numbered = [match(CLASS, path, line) for path, line in lines(folder / "classInd.txt")]
    if [int(found["number"]) for found in numbered] != list(range(1, len(numbered) + 1)):
        raise DataError(folder / "classInd.txt", "does not count its classes 1, 2, 3, ...", AGAIN)
    classes = [found["label"] for found in numbered]
    train = _ucf101_names(folder / f"trainlist0{split}.txt", classes)
    test = _ucf101_names(folder / f"testlist0{split}.txt", classes)
    return without_doubles(folder, OfficialLists(classes, train, test))


def _ucf101_names(path: Path, classes: list[str]) -> list[str]:
    labels = {label.casefold(): number for number, label in enumerate(classes, 1)}
    names = []
    for file, line in lines(path):
        found = match(LINE, file, line)
        number = labels.get(found["name"].split("/")[0].casefold())
        if number is None or (found["label"] and int(found["label"]) != number):
            raise DataError(file, f"contradicts classInd.txt in the line {line[:80]!r}", AGAIN)
        names.append(found["name"])
    return names


OFFICIAL = Official(
    videos="UCF-101",
    lists="ucfTrainTestlist",
    read=read_ucf101_lists,
    counts={1: (9537, 3783), 2: (9586, 3734), 3: (9624, 3696)},
    clips=13_320,
)

UCF101 = DataSet(
    name="ucf101",
    title="UCF101",
    about="13,320 clips of 101 human actions, 7 GB",
    terms=(
        "UCF101 was made by Khurram Soomro, Amir Roshan Zamir and Mubarak Shah\n"
        "(arXiv:1212.0402, 2012) from videos that people had put on YouTube. We found no\n"
        "licence for it: keep to research, and cite its makers.\n"
        "See https://www.crcv.ucf.edu/data/UCF101.php"
    ),
    licence="none stated",
    citation="soomro2012ucf101",
    files={
        "videos": (
            Download(
                "UCF101.rar", "https://www.crcv.ucf.edu/data/UCF101/UCF101.rar", 6_932_971_618
            ),
            Download(
                "UCF101_videos.zip",
                "https://storage.googleapis.com/thumos14_files/UCF101_videos.zip",
                6_960_400_115,
                "dabf56f573cd19c79e096563529fec8126a2a34e18e10c72eb621dd687532b0d",
            ),
        ),
        "lists": (
            Download(
                "UCF101TrainTestSplits-RecognitionTask.zip",
                "https://www.crcv.ucf.edu/data/UCF101/UCF101TrainTestSplits-RecognitionTask.zip",
                113_943,
                "5c0d1a53b8ed364a2ac830a73f405e51bece7d98ce1254fd19ed4a36b224bd27",
            ),
        ),
    },
    prepare=prepare_listed,
    official=OFFICIAL,
    group_of=group_of,
)
DATA_SETS = {"ucf101": UCF101}
