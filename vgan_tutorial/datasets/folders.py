"""A folder of videos, one folder a class, and its division into train, validation and test."""

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from jaxtyping import UInt8
from torch.utils.data import Dataset

from vgan_tutorial.preprocessing import ShortRule, preprocess_video
from vgan_tutorial.video_io import VideoError

logger = logging.getLogger(__name__)

SUFFIXES = frozenset(
    {".avi", ".mp4", ".m4v", ".mkv", ".mov", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv"}
)
UCF101_NAME = re.compile(r"v_(?P<label>.+)_(?P<group>g\d+)_c\d+")
# What follows the class in a name of HMDB51: visible body parts, camera motion, number of people,
# viewpoint, quality, number of the clip.
HMDB51_TAIL = r"_[a-z]_(cm|nm)_np\d+_(ba|fr|le|ri)_(bad|goo|med)_\d+"


@dataclass(frozen=True)
class VideoEntry:
    """One file of a folder of videos."""

    path: Path
    name: str  # relative to the root, with forward slashes
    label: str  # the class: the name of the folder that holds the file
    group: str  # files of one group share their source, so they must not be split


@dataclass(frozen=True)
class Problem:
    """Something in a folder that was not used, or not whole."""

    name: str  # relative to the root
    kind: str  # "skipped": not a video; "bad": cannot be used; "truncated": used in part
    reason: str


def group_of(name: str) -> str:
    """The group of a file: files of one group share their source and must not be divided.

    * UCF101's `v_Class_g07_c02.avi` is in "g07". Clips of one group were cut from the same
      recording: same people, same background. Its official splits keep group numbers together
      across all classes, and so do ours.
    * HMDB51's `wave/Film_wave_f_nm_np1_fr_med_3.avi` is in "Film". The class is needed to tell
      where the film's title ends, so this works only for a name with its folder.
    * Any other file is a group of its own, its stem.
    """
    path = PurePosixPath(name)
    match = UCF101_NAME.fullmatch(path.stem)
    if match:
        return match["group"]
    label = re.escape(path.parent.name)
    match = re.fullmatch(rf"(?P<film>.+)_{label}{HMDB51_TAIL}", path.stem) if label else None
    return match["film"] if match else path.stem


def scan_folder(root: str | os.PathLike[str]) -> tuple[list[VideoEntry], list[Problem]]:
    """List the videos in `<root>/<class>/`, sorted by name, and what was passed over and why.

    Files are told by their suffix and not opened: a folder of 13,320 takes a second.

    Raises:
        VideoError: the folder is missing, or no class folder in it holds a video.
    """
    root = Path(root)
    if not root.is_dir():
        problem = "is a file, not a folder" if root.exists() else "there is no such folder"
        raise VideoError(root, problem, "Give the folder that holds one folder for each class")
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
        raise VideoError(
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
        short: the rule for files that are too short; see `preprocessing.frame_indices`.

    Raises:
        VideoError: see `scan_folder`; and, when a clip is asked for, `preprocess_video`.
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


@dataclass(frozen=True)
class Split:
    """Indices of the clips that each part holds, in ascending order."""

    train: list[int]
    validation: list[int]
    test: list[int]


def split_by_group(
    groups: Sequence[str], shares: tuple[float, float, float] = (0.7, 0.15, 0.15), seed: int = 0
) -> Split:
    """Divide clips so that no group is in two parts.

    Args:
        groups: the group of each clip.
        shares: of the clips that train, validation and test should get; met as nearly as whole
            groups allow.
        seed: draws which groups go where. The order of the clips plays no part in it.

    Raises:
        ValueError: the shares do not add up to 1, or a part with a share would stay empty.
    """
    names = sorted(set(groups))
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))
    members: dict[str, list[int]] = {names[place]: [] for place in order.tolist()}
    for index, group in enumerate(groups):
        members[group].append(index)
    return _deal(list(members.values()), shares, "groups")


def split_by_clip(
    groups: Sequence[str], shares: tuple[float, float, float] = (0.7, 0.15, 0.15), seed: int = 0
) -> Split:
    """Divide clips one by one, whatever their group. It leaks: it is here to show how much.

    Takes and raises the same as `split_by_group`.
    """
    order = torch.randperm(len(groups), generator=torch.Generator().manual_seed(seed))
    return _deal([[index] for index in order.tolist()], shares, "clips")


def _deal(units: list[list[int]], shares: tuple[float, float, float], what: str) -> Split:
    """Hand out units in order; a unit goes to the part in which its middle falls."""
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"the shares must be positive and add up to 1, got {shares}")
    total = sum(map(len, units))
    borders = np.cumsum(shares)[:2] * total
    parts: tuple[list[int], ...] = ([], [], [])
    dealt = 0
    for unit in units:
        parts[int(np.searchsorted(borders, dealt + len(unit) / 2))].extend(unit)
        dealt += len(unit)
    if any(share > 0 and not part for share, part in zip(shares, parts, strict=True)):
        raise ValueError(f"{len(units)} {what} are too few to divide into {shares}")
    return Split(*map(sorted, parts))
