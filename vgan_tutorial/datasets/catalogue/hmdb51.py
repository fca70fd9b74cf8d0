"""HMDB51: clips of human motion, from films and the web."""

import os
import re
from pathlib import Path, PurePosixPath

from vgan_tutorial.datasets.acquire.listed import prepare_listed
from vgan_tutorial.datasets.data_set import DataSet, Download
from vgan_tutorial.datasets.lists import (
    Official,
    OfficialLists,
    check_split,
    lines,
    match,
    without_doubles,
)
from vgan_tutorial.errors import DataError

LINE = re.compile(r"(?P<name>[^/]+\.avi)\s+(?P<part>[012])")
LIST = re.compile(r"(?P<label>.+)_test_split(?P<split>[123])\.txt")
# What follows the class in a file's name: visible body parts, camera motion, number of people,
# viewpoint, quality, number of the clip.
TAIL = r"_[a-z]_(cm|nm)_np\d+_(ba|fr|le|ri)_(bad|goo|med)_\d+"


def group_of(name: str) -> str | None:
    """The group of `wave/Film_wave_f_nm_np1_fr_med_3.avi` is "Film"; None for another form.

    The class is needed to tell where the film's title ends, so the name must have its folder.
    """
    path = PurePosixPath(name)
    label = re.escape(path.parent.name)
    found = re.fullmatch(rf"(?P<film>.+)_{label}{TAIL}", path.stem) if label else None
    return found["film"] if found else None


def read_hmdb51_lists(folder: str | os.PathLike[str], split: int = 1) -> OfficialLists:
    """Read `<class>_test_splitN.txt` for every class: 0 is unused, 1 train, 2 test.

    Raises:
        DataError: there are no lists, or one has a line that cannot be read.
        ValueError: `split` is not 1, 2 or 3.
    """
    check_split(split)
    folder = Path(folder)
    files = {}
    for path in sorted(folder.glob("*.txt")):
        found = LIST.fullmatch(path.name)
        if found and int(found["split"]) == split:
            files[found["label"]] = path
    if not files:
        wanted = f"Expected files such as wave_test_split{split}.txt"
        raise DataError(folder, "holds no list of HMDB51", wanted)
    parts: dict[str, list[str]] = {"0": [], "1": [], "2": []}
    for label, file in files.items():
        for path, line in lines(file):
            row = match(LINE, path, line)
            parts[row["part"]].append(f"{label}/{row['name']}")
    return without_doubles(folder, OfficialLists(list(files), parts["1"], parts["2"], parts["0"]))


OFFICIAL = Official(
    videos="hmdb51_org",
    lists="testTrainMulti_7030_splits",
    read=read_hmdb51_lists,
    counts=dict.fromkeys((1, 2, 3), (3570, 1530)),
    unused=1666,
    clips=6_766,
)

HMDB51 = DataSet(
    name="hmdb51",
    title="HMDB51",
    about="6,766 clips of 51 human motions, 2 GB",
    terms=(
        "HMDB51 was made by Hildegard Kuehne, Hueihan Jhuang, Estibaliz Garrote,\n"
        "Tomaso Poggio and Thomas Serre (ICCV 2011). It is licensed under CC BY 4.0: name\n"
        "its makers wherever you show it.\n"
        "See https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/"
    ),
    licence="CC BY 4.0",
    citation="kuehne2011hmdb",
    files={
        "videos": (
            Download(
                "hmdb51_org.rar",
                "http://serre-lab.clps.brown.edu/wp-content/uploads/2013/10/hmdb51_org.rar",
                sha256="9e714a0d8b76104d76e932764a7ca636f929fff66279cda3f2e326fa912a328e",
            ),
        ),
        "lists": (
            Download(
                "test_train_splits.rar",
                "http://serre-lab.clps.brown.edu/wp-content/uploads/2013/10/test_train_splits.rar",
                sha256="229c94f845720d01eb3946d39f39292ea962d50a18136484aa47c1eba251d2b7",
            ),
        ),
    },
    prepare=prepare_listed,
    official=OFFICIAL,
    group_of=group_of,
)
DATA_SETS = {"hmdb51": HMDB51}
