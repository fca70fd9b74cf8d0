"""Folders of videos, splits that do not leak, and the packed form that training reads."""

from vgan_tutorial.datasets.catalogue import CATALOGUE
from vgan_tutorial.datasets.catalogue.hmdb51 import read_hmdb51_lists
from vgan_tutorial.datasets.catalogue.ucf101 import read_ucf101_lists
from vgan_tutorial.datasets.data_set import DataSet, Download, Job
from vgan_tutorial.datasets.epochs import EpochLoader, EpochSampler
from vgan_tutorial.datasets.folders import VideoEntry, VideoFolder, group_of, scan_folder
from vgan_tutorial.datasets.inspecting import Inspection, contact_sheet, inspect
from vgan_tutorial.datasets.lists import Official, OfficialLists
from vgan_tutorial.datasets.official import HMDB51, UCF101, official_split
from vgan_tutorial.datasets.pack.format import PackedClip, Problem, is_pack
from vgan_tutorial.datasets.pack.read import PackedClips, Window, batches
from vgan_tutorial.datasets.pack.write import PackReport, pack_videos
from vgan_tutorial.datasets.shapes_videos import make_shapes_pack, write_shapes_videos
from vgan_tutorial.datasets.splits import Split, split_by_clip, split_by_group

__all__ = [
    "CATALOGUE",
    "HMDB51",
    "UCF101",
    "DataSet",
    "Download",
    "EpochLoader",
    "EpochSampler",
    "Inspection",
    "Job",
    "Official",
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
    "is_pack",
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
