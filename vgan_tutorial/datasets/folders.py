"""A folder of videos: one folder a class, or all of them in one folder, which is then the class."""

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import UInt8
from torch.utils.data import Dataset

from vgan_tutorial.datasets.catalogue import CATALOGUE
from vgan_tutorial.datasets.pack.format import Problem
from vgan_tutorial.errors import DataError, printable
from vgan_tutorial.preprocessing import ShortRule, preprocess_video
from vgan_tutorial.video_io import SUFFIXES

logger = logging.getLogger(__name__)

# Suffixes that videos have too. They are told by their contents once they are opened, so another
# suffix does; but files of these are often something else, or pictures.
OTHERS = frozenset(
    {".3gp", ".3g2", ".asf", ".divx", ".gif", ".m2ts", ".mts", ".mxf", ".ts", ".vob", ".y4m"}
)


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
    """List the videos in a folder, sorted by name, and what was passed over and why.

    The videos are in `<root>/<class>/`, or all of them directly in `root`: then they are of one
    class, which has the name of the folder. Files are told by their suffix and not opened: a folder
    of 13,320 takes a second.

    Raises:
        DataError: the folder is missing, or holds no video, or holds videos both beside and inside
            folders, so that the class of those beside them is not known.
    """
    root = Path(root)
    if not root.is_dir():
        problem = "is a file, not a folder" if root.exists() else "there is no such folder"
        raise DataError(
            root, problem, "Give the folder that holds the videos, or one for each class"
        )
    files, folders = _divide(sorted(root.iterdir()))
    loose = [path for path in files if _why_skip(path) is None]
    entries: list[VideoEntry] = []
    skipped: list[Problem] = []
    for folder in folders:
        try:
            held = sorted(folder.iterdir())
        except OSError as error:
            reason = f"a folder that cannot be listed ({error.strerror})"
            skipped.append(Problem(folder.name, "skipped", reason))
            continue
        _list_class(folder, held, f"{folder.name}/", entries, skipped)
    if entries and loose:
        raise _mixed(root, loose, entries)
    if loose:
        skipped += [Problem(path.name, "skipped", "a folder without videos") for path in folders]
        _list_class(root, files, "", entries, skipped)
    else:
        skipped += [Problem(path.name, "skipped", _why_not_class(path)) for path in files]
    skipped.sort(key=lambda problem: problem.name)
    for item in skipped:
        logger.info("%s: skipped, %s", item.name, item.reason)
    if not entries:
        raise DataError(
            root,
            "holds no video, neither itself nor in a class folder",
            f"Expected files such as {root.name}/clip.mp4, or {root.name}/SomeClass/clip.mp4 "
            f"({len(skipped)} skipped)",
        )
    return entries, skipped


def _divide(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """What is no folder to look into, and what is."""
    files: list[Path] = []
    folders: list[Path] = []
    for path in paths:
        (folders if path.is_dir() and not path.name.startswith(".") else files).append(path)
    return files, folders


def _list_class(
    folder: Path,
    files: Iterable[Path],
    prefix: str,
    entries: list[VideoEntry],
    skipped: list[Problem],
) -> None:
    """Sort the files of one class into videos and the rest."""
    label = folder.name or folder.resolve().name  # "." has a name only once it is resolved
    for file in files:
        reason = _why_skip(file)
        if reason:
            skipped.append(Problem(prefix + file.name, "skipped", reason))
        else:
            group = group_of(f"{label}/{file.name}")
            entries.append(VideoEntry(file, prefix + file.name, label, group))


def _mixed(root: Path, loose: Sequence[Path], entries: Sequence[VideoEntry]) -> DataError:
    labels = sorted({entry.label for entry in entries})
    return DataError(
        root,
        f"holds videos beside its class folders ({_some([p.name for p in loose])}) and in them "
        f"({_some([entry.name for entry in entries])}), so the class of the first is not known",
        f"Move the first into a folder of their own beside {_some(labels)}, or give a folder that "
        "holds one kind only",
    )


def _some(names: Sequence[str]) -> str:
    """A few names, and how many there are."""
    rest = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(map(printable, names[:2])) + rest


def _why_not_class(path: Path) -> str:
    return "a hidden folder" if path.is_dir() else "not inside a class folder"


def _why_skip(path: Path) -> str | None:
    if path.name.startswith("."):
        return "a hidden folder" if path.is_dir() else "a hidden file"
    if path.is_dir():
        return "a folder inside a class folder"
    if path.suffix.lower() not in SUFFIXES:
        remedy = ": rename it to .mp4 if it is one" if path.suffix.lower() in OTHERS else ""
        return f"the suffix {path.suffix!r} is not a video's{remedy}"
    if path.exists() and not path.is_file():  # a pipe, say: to open it would be to wait
        return "not a regular file"
    return None


class VideoFolder(Dataset[tuple[UInt8[np.ndarray, "time height width 3"], int]]):
    """Clips decoded from files as they are asked for: the plain way, and the slow one.

    `folder[i]` is the first window of file i and the index of its class in `classes`. For
    training, pack the folder once (`pack_videos`) and read `PackedClips`.

    Args:
        root: folder of videos, or of one folder for each class; see `scan_folder`.
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
