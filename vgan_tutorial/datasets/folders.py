"""A folder of videos, one folder a class."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import UInt8
from torch.utils.data import Dataset

from vgan_tutorial.datasets.catalogue import CATALOGUE
from vgan_tutorial.datasets.pack.format import Problem
from vgan_tutorial.errors import DataError
from vgan_tutorial.preprocessing import ShortRule, preprocess_video
from vgan_tutorial.video_io import SUFFIXES

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class VideoEntry:
    """One file of a folder of videos."""

    path: Path
    name: str  # relative to the root, with forward slashes
    label: str  # the class: the name of the folder that holds the file
    group: str  # files of one group share their source, so they must not be split


def group_of(name: str) -> str:
    """The group of a file: files of one group share their source and must not be divided.

    Each data set of the catalogue knows the names of its own files: clips of UCF101 that were cut
    from one recording form a group, and clips of HMDB51 from one film. Any other file is a group of
    its own, its stem.

    Args:
        name: "class/file"; where a film's title ends in a name of HMDB51, only the class tells.
    """
    for data_set in CATALOGUE.values():
        group = data_set.group_of(name) if data_set.group_of else None
        if group is not None:
            return group
    return PurePosixPath(name).stem


def scan_folder(root: str | os.PathLike[str]) -> tuple[list[VideoEntry], list[Problem]]:
    """List the videos in `<root>/<class>/`, sorted by name, and what was passed over and why.

    Files are told by their suffix and not opened: a folder of 13,320 takes a second.

    Raises:
        DataError: the folder is missing, or no class folder in it holds a video.
    """
    root = Path(root)
    if not root.is_dir():
        problem = "is a file, not a folder" if root.exists() else "there is no such folder"
        raise DataError(root, problem, "Give the folder that holds one folder for each class")
    entries: list[VideoEntry] = []
    skipped: list[Problem] = []
    for path in sorted(root.iterdir()):
        if not path.is_dir():
            skipped.append(Problem(path.name, "skipped", "not inside a class folder"))
            continue
        for file in sorted(path.iterdir()):
            name = f"{path.name}/{file.name}"
            reason = _why_skip(file)
            if reason:
                skipped.append(Problem(name, "skipped", reason))
            else:
                entries.append(VideoEntry(file, name, path.name, group_of(name)))
    for item in skipped:
        logger.info("%s: skipped, %s", item.name, item.reason)
    if not entries:
        raise DataError(
            root,
            "holds no video in a class folder",
            f"Expected files such as {root.name}/SomeClass/clip.avi ({len(skipped)} skipped)",
        )
    return entries, skipped


def _why_skip(path: Path) -> str | None:
    if path.name.startswith("."):
        return "a hidden file"
    if path.is_dir():
        return "a folder inside a class folder"
    if path.suffix.lower() not in SUFFIXES:
        return f"the suffix {path.suffix!r} is not a video's"
    return None


class VideoFolder(Dataset[tuple[UInt8[np.ndarray, "time height width 3"], int]]):
    """Clips decoded from files as they are asked for: the plain way, and the slow one.

    `folder[i]` is the first window of file i and the index of its class in `classes`. For
    training, pack the folder once (`pack_videos`) and read `PackedClips`.

    Args:
        root: folder with one folder for each class.
        frames: frames in a clip.
        size: side of a clip in pixels.
        stride: step between frames.
        short: rule for files that are too short; see `preprocessing.frame_indices`.

    Raises:
        DataError: see `scan_folder`.
        VideoError: a clip is asked for and its file cannot be used; see `preprocess_video`.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        frames: int = 16,
        size: int = 64,
        stride: int = 1,
        short: ShortRule = "error",
    ) -> None:
        self.entries, self.skipped = scan_folder(root)
        self.classes = sorted({entry.label for entry in self.entries})
        self.frames = frames
        self.size = size
        self.stride = stride
        self.short = short

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> tuple[UInt8[np.ndarray, "time height width 3"], int]:
        entry = self.entries[index]
        clip = preprocess_video(entry.path, self.frames, self.size, self.stride, short=self.short)
        return clip, self.classes.index(entry.label)
