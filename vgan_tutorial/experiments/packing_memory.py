"""Peak memory of packing ever more small files, in a process of its own.

`python -m vgan_tutorial.experiments.packing_memory FOLDER COUNT COUNT ...` prints a JSON object:
MiB at the beginning ("0"), and at most until each count of files is packed. `loading` runs it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import tyro

from vgan_tutorial.datasets import pack_videos
from vgan_tutorial.experiments.films import numbered_clip
from vgan_tutorial.experiments.records import check_counts, run_command
from vgan_tutorial.video_io import write_video


def link_many(root: Path, count: int) -> Path:
    """A folder of so many small videos; they are one file under many names."""
    folder = root / f"set-{count}" / "Run"
    folder.mkdir(parents=True)
    one = root / f"one-{count}.avi"
    write_video(one, numbered_clip(16), 25.0, "FFV1")
    for number in range(count):
        os.link(one, folder / f"v_Run_g{number // 100:03d}_c{number % 100:03d}.avi")
    return folder.parent


def peak() -> float:
    """The most memory that this process has held so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the process that started this one held
        words = status.read_text().split()
        return int(words[words.index("VmHWM:") + 1]) / 2**10
    import resource  # which Windows lacks

    scale = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def measure(
    folder: Annotated[Path, tyro.conf.Positional],
    counts: Annotated[tuple[int, ...], tyro.conf.Positional],
    /,
) -> None:
    """Pack ever more small files and print the peak of memory after each.

    Args:
        folder: Folder for the files and their packs.
        counts: Numbers of files, in ascending order.
    """
    check_counts(counts=min(counts, default=1))
    found = {"0": peak()}
    for count in counts:
        source = link_many(folder, count)
        pack_videos(source, folder / f"pack-{count}", 32, 16, progress=False)
        found[str(count)] = peak()
    print(json.dumps(found))


if __name__ == "__main__":
    run_command(measure)
