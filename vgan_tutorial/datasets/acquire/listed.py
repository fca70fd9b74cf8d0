"""A folder of the videos that official lists name, from an archive of each.

Every stage looks first at what is there. It passes over what is done and right, and goes on where
an earlier run was stopped, at whatever moment that was.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from vgan_tutorial.datasets.acquire.unpacking import unpack
from vgan_tutorial.datasets.data_set import DataSet, Job
from vgan_tutorial.datasets.lists import Official, OfficialLists
from vgan_tutorial.errors import DataError
from vgan_tutorial.files import replace_file
from vgan_tutorial.video_io import SUFFIXES

logger = logging.getLogger(__name__)


def prepare_listed(data_set: DataSet, job: Job) -> Path:
    """Unpack the official lists, then the videos, and look whether every listed one is there.

    It is the `prepare` of a data set with `official` lists and the files "videos" and "lists".
    Where the lists or the videos are in `job.root` already, nothing is fetched for them.

    Raises:
        DataError: something cannot be fetched or unpacked, or is not complete in the end.
    """
    assert data_set.official is not None
    official = data_set.official
    lists = _prepare_lists(official, job)
    _prepare_videos(official, job, lists)
    return job.root / official.videos


def _prepare_lists(official: Official, job: Job) -> OfficialLists:
    folder = job.root / official.lists
    if folder.exists():
        job.say(f"{folder}: the official lists are there")
        return check_lists(official, folder)
    path = job.fetch("lists")
    partial = job.root / (official.lists + ".partial")
    unpack(path, partial, _place_list, progress=job.progress)
    lists = check_lists(official, partial)
    os.replace(partial, folder)
    job.say(f"{folder}: the official lists are unpacked")
    return lists


def _place_list(name: str) -> str | None:
    path = PurePosixPath(name)
    return path.name if path.suffix.lower() == ".txt" else None


def check_lists(official: Official, folder: Path) -> OfficialLists:
    """Read all three splits and count them; return the first.

    Raises:
        DataError: a list is missing or damaged, or a count is not the official one.
    """
    splits = {split: official.read(folder, split) for split in official.counts}
    for split, lists in splits.items():
        found = len(lists.train), len(lists.test)
        if found != official.counts[split]:
            raise DataError(
                folder,
                f"split {split} has {found[0]} training and {found[1]} test files where "
                f"{official.counts[split]} are expected",
                "Remove the folder and give the command again",
            )
    return splits[1]


def _prepare_videos(official: Official, job: Job, lists: OfficialLists) -> None:
    folder = job.root / official.videos
    mark = job.root / (official.videos + ".done")
    if not missing_videos(folder, lists) and _unchanged(folder, mark):
        job.say(f"{folder}: all {official.clips} videos are there")
    else:
        path = job.fetch("videos")
        unpack(path, folder, _placer(lists), progress=job.progress)
        job.say(f"{folder}: unpacked {path.name}")
    missing = missing_videos(folder, lists)
    if missing:
        raise DataError(
            folder,
            f"lacks {len(missing)} of the {official.clips} videos in the official lists, such as "
            f"{missing[0]}",
            "The archive is not the complete data set: fetch it again",
        )
    state = json.dumps(_state(folder)) + "\n"
    if not mark.exists() or mark.read_text(encoding="utf-8") != state:
        replace_file(mark, state)


def _placer(lists: OfficialLists) -> Callable[[str], str | None]:
    """The place of each video, whatever folders the archive has: its name in the lists."""
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
