"""Peak memory of packing ever more small files, in a process of its own.

python -m tests.support.memory FOLDER COUNT COUNT ...

Prints a JSON object: MiB at the beginning ("0"), and at most until each count of files is packed.
"""

import json
import os
import resource
import sys
from pathlib import Path

from tests.support.videos import write_lossless
from vgan_tutorial.datasets import pack_videos


def link_many(root: Path, count: int) -> Path:
    """A folder of `count` small videos; they are one file under many names."""
    folder = root / f"set-{count}" / "Run"
    folder.mkdir(parents=True)
    one = root / f"one-{count}.avi"
    write_lossless(one, frames=16, height=32, width=32)
    for number in range(count):
        os.link(one, folder / f"v_Run_g{number // 100:03d}_c{number % 100:03d}.avi")
    return folder.parent


def peak() -> float:
    """The most memory that this process has held so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the process that started this one held
        words = status.read_text().split()
        return int(words[words.index("VmHWM:") + 1]) / 2**10
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def main(folder: str, *counts: str) -> None:
    found = {"0": peak()}
    for count in counts:
        source = link_many(Path(folder), int(count))
        pack_videos(source, Path(folder) / f"pack-{count}", 32, 16, progress=False)
        found[count] = peak()
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
