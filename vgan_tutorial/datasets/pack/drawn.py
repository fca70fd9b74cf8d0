"""Pack clips that a program draws: there are no files to decode."""

import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8
from tqdm.auto import tqdm

from vgan_tutorial.datasets.pack.format import ARRAY, FORMAT, partial_of
from vgan_tutorial.datasets.pack.journal import Partial
from vgan_tutorial.datasets.pack.publishing import (
    alone,
    existing_pack,
    publish_pack,
    require_replaceable,
)
from vgan_tutorial.files import naming


class DrawnClip(NamedTuple):
    """A clip, its class, and the group of clips that share their source."""

    label: str
    group: str
    frames: UInt8[np.ndarray, "time size size 3"]


def pack_drawn(
    clips: Iterable[DrawnClip],
    out: str | os.PathLike[str],
    size: int,
    settings: Mapping[str, Any],
    *,
    total: int | None = None,
    progress: bool = True,
) -> None:
    """Write clips into a pack, one after the other; a clip is called "class/group".

    Interrupted, it goes on: clips that are there are passed over. Where the pack is there already,
    made with the same settings, nothing is done.

    Args:
        clips: clips to write, the same ones in the same order each time.
        out: folder of the pack.
        size: height and width of a frame in pixels.
        settings: what decides the clips: they are drawn anew when it changes.
        total: number of clips, for the progress bar.
        progress: show it.

    Raises:
        DataError: `out` is something else, or a pack that was made with other settings.
    """
    out = Path(out)
    told = {"format": FORMAT, "size": size, "stride": 1, **settings}
    if out.exists():
        existing_pack(out, told, strict=False)
        return
    with alone(out):
        if out.exists():  # another run has just made it
            existing_pack(out, told, strict=False)
            return
        _draw(clips, out, told, total, progress)


def _draw(
    clips: Iterable[DrawnClip],
    out: Path,
    told: Mapping[str, Any],
    total: int | None,
    progress: bool,
) -> None:
    partial = partial_of(out)
    require_replaceable(partial)
    with naming(partial / ARRAY), Partial(partial, told) as pack:
        done = pack.done
        for clip in tqdm(clips, desc="drawing", total=total, unit="clip", disable=not progress):
            name = f"{clip.label}/{clip.group}"
            if name in done:
                continue
            data = clip.frames.tobytes()
            pack.array.write(data)
            pack.record(
                {
                    "name": name,
                    "class": clip.label,
                    "group": clip.group,
                    "start": pack.total,
                    "frames": len(clip.frames),
                    "crc32": zlib.crc32(data),
                }
            )
        pack.finish([])
    publish_pack(partial, out)
