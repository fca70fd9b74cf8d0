"""From an address on the web to a pack: fetch, unpack, check and pack UCF101 or HMDB51.

Every stage looks first at what is there. It passes over what is done and right, and goes on where
an earlier run was stopped, at whatever moment that was.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vgan_tutorial.datasets.fetching import Download, fetch_any, verify, write_whole
from vgan_tutorial.datasets.folders import SUFFIXES
from vgan_tutorial.datasets.official import (
    HMDB51,
    UCF101,
    OfficialLists,
    read_hmdb51_lists,
    read_ucf101_lists,
)
from vgan_tutorial.datasets.packing import PackReport, pack_videos
from vgan_tutorial.datasets.unpacking import unpack
from vgan_tutorial.video_io import VideoError

logger = logging.getLogger(__name__)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """Where a data set comes from, and what it must hold.

    Attributes:
        name: short name.
        terms: what its makers ask of those who use it; shown before anything is fetched.
        videos: copies of the archive of videos, the official one first.
        lists: copies of the archive of official lists.
        videos_folder: what the folder of videos is called, within the data set's folder.
        lists_folder: what the folder of lists is called.
        read: reads the lists of one split.
        counts: number of training and test files in each split.
        clips: number of files in all.
    """

    name: str
    terms: str
    videos: tuple[Download, ...]
    lists: tuple[Download, ...]
    videos_folder: str
    lists_folder: str
    read: Callable[[Path, int], OfficialLists]
    counts: Mapping[int, tuple[int, int]]
    clips: int


SOURCES = {
    "ucf101": Source(
        name="ucf101",
        terms=(
            "UCF101 was made by Khurram Soomro, Amir Roshan Zamir and Mubarak Shah\n"
            "(arXiv:1212.0402, 2012) from videos that people had put on YouTube. We found no\n"
            "licence for it: keep to research, and cite its makers.\n"
            "See https://www.crcv.ucf.edu/data/UCF101.php"
        ),
        videos=(
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
        lists=(
            Download(
                "UCF101TrainTestSplits-RecognitionTask.zip",
                "https://www.crcv.ucf.edu/data/UCF101/UCF101TrainTestSplits-RecognitionTask.zip",
                113_943,
                "5c0d1a53b8ed364a2ac830a73f405e51bece7d98ce1254fd19ed4a36b224bd27",
            ),
        ),
        videos_folder=UCF101.VIDEOS,
        lists_folder=UCF101.LISTS,
        read=read_ucf101_lists,
        counts={1: (9537, 3783), 2: (9586, 3734), 3: (9624, 3696)},
        clips=13_320,
    ),
    "hmdb51": Source(
        name="hmdb51",
        terms=(
            "HMDB51 was made by Hildegard Kuehne, Hueihan Jhuang, Estibaliz Garrote,\n"
            "Tomaso Poggio and Thomas Serre (ICCV 2011). It is licensed under CC BY 4.0: name\n"
            "its makers wherever you show it.\n"
            "See https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/"
        ),
        videos=(
            Download(
                "hmdb51_org.rar",
                "http://serre-lab.clps.brown.edu/wp-content/uploads/2013/10/hmdb51_org.rar",
                sha256="9e714a0d8b76104d76e932764a7ca636f929fff66279cda3f2e326fa912a328e",
            ),
        ),
        lists=(
            Download(
                "test_train_splits.rar",
                "http://serre-lab.clps.brown.edu/wp-content/uploads/2013/10/test_train_splits.rar",
                sha256="229c94f845720d01eb3946d39f39292ea962d50a18136484aa47c1eba251d2b7",
            ),
        ),
        videos_folder=HMDB51.VIDEOS,
        lists_folder=HMDB51.LISTS,
        read=read_hmdb51_lists,
        counts=dict.fromkeys((1, 2, 3), (3570, 1530)),
        clips=6_766,
    ),
}


def prepare(
    source: Source,
    root: str | os.PathLike[str],
    *,
    archive: str | os.PathLike[str] | None = None,
    lists_archive: str | os.PathLike[str] | None = None,
    size: int = 64,
    frames: int = 16,
    pack: bool = True,
    workers: int = 1,
    progress: bool = True,
    say: Say = print,
) -> PackReport | None:
    """Bring a data set from the web, an archive or an unpacked folder into the packed form.

    `root` gets `downloads`, the official lists, the videos in one folder a class, and the pack.
    Where the lists or the videos are in `root` already, nothing is fetched for them.

    Args:
        source: one of `SOURCES`.
        root: the data set's folder.
        archive: the archive of videos, if it is on disk already.
        lists_archive: the archive of lists, if it is on disk already.
        size: side of the packed frames in pixels.
        frames: leave shorter clips out of the pack.
        pack: whether to pack.
        workers: processes that decode while packing.
        progress: show bars.
        say: takes the terms of use and a line on each stage.

    Returns:
        The report of the packing, None if there was none.

    Raises:
        VideoError: something cannot be fetched or unpacked, or is not complete in the end.
    """
    for given in (archive, lists_archive):
        if given is not None and not Path(given).is_file():
            raise VideoError(given, "there is no such file", "Check the spelling")
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    say(source.terms)
    lists = _prepare_lists(source, root, lists_archive, progress, say)
    _prepare_videos(source, root, lists, archive, progress, say)
    if not pack:
        return None
    return pack_videos(
        root / source.videos_folder,
        root / f"{source.name}-{size}",
        size,
        frames,
        workers=workers,
        progress=progress,
    )


def _prepare_lists(
    source: Source, root: Path, archive: str | os.PathLike[str] | None, progress: bool, say: Say
) -> OfficialLists:
    folder = root / source.lists_folder
    if folder.exists():
        say(f"{folder}: the official lists are there")
        return check_lists(source, folder)
    path = _archive(source.lists, root, archive, progress)
    partial = root / (source.lists_folder + ".partial")
    unpack(path, partial, _place_list, progress=progress)
    lists = check_lists(source, partial)
    os.replace(partial, folder)
    say(f"{folder}: the official lists are unpacked")
    return lists


def _place_list(name: str) -> str | None:
    path = PurePosixPath(name)
    return path.name if path.suffix.lower() == ".txt" else None


def check_lists(source: Source, folder: Path) -> OfficialLists:
    """Read all three splits and count them; return the first.

    Raises:
        VideoError: a list is missing or damaged, or a count is not the official one.
    """
    splits = {split: source.read(folder, split) for split in source.counts}
    for split, lists in splits.items():
        found = len(lists.train), len(lists.test)
        if found != source.counts[split]:
            raise VideoError(
                folder,
                f"split {split} has {found[0]} training and {found[1]} test files where "
                f"{source.counts[split]} are expected",
                "Remove the folder and give the command again",
            )
    return splits[1]


def _prepare_videos(
    source: Source,
    root: Path,
    lists: OfficialLists,
    archive: str | os.PathLike[str] | None,
    progress: bool,
    say: Say,
) -> None:
    folder = root / source.videos_folder
    mark = root / (source.videos_folder + ".done")
    if not missing_videos(folder, lists) and _unchanged(folder, mark):
        say(f"{folder}: all {source.clips} videos are there")
    else:
        path = _archive(source.videos, root, archive, progress)
        unpack(path, folder, _placer(lists), progress=progress)
        say(f"{folder}: unpacked {path.name}")
    missing = missing_videos(folder, lists)
    if missing:
        raise VideoError(
            folder,
            f"lacks {len(missing)} of the {source.clips} videos in the official lists, such as "
            f"{missing[0]}",
            "The archive is not the complete data set: fetch it again",
        )
    state = json.dumps(_state(folder)) + "\n"
    if not mark.exists() or mark.read_text(encoding="utf-8") != state:
        write_whole(mark, state)


def _placer(lists: OfficialLists) -> Callable[[str], str | None]:
    """Where each video goes, whatever folders the archive has: to the name in the lists."""
    listed = {PurePosixPath(name).name.casefold(): name for name in lists.names}

    def place(name: str) -> str | None:
        path = PurePosixPath(name)
        if path.suffix.lower() not in SUFFIXES:
            return None
        where = listed.get(path.name.casefold())
        if where is None:
            logger.warning("%s is in the archive and in no official list: left out", name)
        return where

    return place


def missing_videos(folder: str | os.PathLike[str], lists: OfficialLists) -> list[str]:
    """The names in the lists that no file with any contents answers to, whatever their case."""
    there = {name.casefold() for name, size in _sizes(Path(folder)).items() if size}
    return [name for name in lists.names if name.casefold() not in there]


def _archive(
    downloads: tuple[Download, ...],
    root: Path,
    given: str | os.PathLike[str] | None,
    progress: bool,
) -> Path:
    """The archive that was named, checked if it bears a name that we know, or a fetched one."""
    if given is None:
        return fetch_any(downloads, root / "downloads", progress=progress)
    path = Path(given)
    known = {download.name.casefold(): download for download in downloads}.get(path.name.casefold())
    if known:
        verify(path, known.size, known.sha256, progress=progress)
    return path


def _sizes(folder: Path) -> dict[str, int]:
    """Size of every file in a class folder, by "class/file"."""
    if not folder.is_dir():
        return {}
    return {
        f"{label.name}/{file.name}": file.stat().st_size
        for label in sorted(folder.iterdir())
        if label.is_dir()
        for file in sorted(label.iterdir())
        if file.is_file()
    }


def _state(folder: Path) -> dict[str, int | str]:
    sizes = _sizes(folder)
    lines = "".join(f"{name}\0{size}\n" for name, size in sizes.items())
    digest = hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()
    return {"files": len(sizes), "bytes": sum(sizes.values()), "sha256": digest}


def _unchanged(folder: Path, mark: Path) -> bool:
    """Whether names and sizes are those of the last complete run, if there was one."""
    if not mark.exists():
        return True
    try:
        same = json.loads(mark.read_text(encoding="utf-8")) == _state(folder)
    except ValueError:
        same = False
    if not same:
        logger.warning("%s: has changed since it was complete, unpacking again", folder)
    return same
