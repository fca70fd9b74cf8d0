"""Folders of videos, splits that do not leak, and the packed form that training reads."""

from vgan_tutorial.datasets.epochs import EpochLoader, EpochSampler
from vgan_tutorial.datasets.folders import (
    Problem,
    Split,
    VideoEntry,
    VideoFolder,
    group_of,
    scan_folder,
    split_by_clip,
    split_by_group,
)
from vgan_tutorial.datasets.inspecting import Inspection, contact_sheet, inspect
from vgan_tutorial.datasets.official import (
    HMDB51,
    UCF101,
    OfficialLists,
    official_split,
    read_hmdb51_lists,
    read_ucf101_lists,
)
from vgan_tutorial.datasets.packed import PackedClip, PackedClips, Window, batches
from vgan_tutorial.datasets.packing import PackReport, pack_videos
from vgan_tutorial.datasets.shapes_videos import make_shapes_pack, write_shapes_videos

__all__ = [
    "HMDB51",
    "UCF101",
    "EpochLoader",
    "EpochSampler",
    "Inspection",
    "OfficialLists",
    "PackReport",
    "PackedClip",
    "PackedClips",
    "Problem",
    "Split",
    "VideoEntry",
    "VideoFolder",
    "Window",
    "batches",
    "contact_sheet",
    "group_of",
    "inspect",
    "make_shapes_pack",
    "official_split",
    "pack_videos",
    "read_hmdb51_lists",
    "read_ucf101_lists",
    "scan_folder",
    "split_by_clip",
    "split_by_group",
    "write_shapes_videos",
]
