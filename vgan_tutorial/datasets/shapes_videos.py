"""Moving Shapes as real video files, in UCF101's layout: a data set that leaves nothing unknown.

An "actor" is one shape with one colour and one size. It performs every kind of motion (the
class) several times, each time from another phase. All clips of an actor form a group, as the
clips of one recording do in UCF101.
"""

import os
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int, UInt8

from vgan_tutorial.datasets.pack.format import write_csv
from vgan_tutorial.datasets.pack.write import pack_videos
from vgan_tutorial.pixels import to_uint8
from vgan_tutorial.shapes import Factors, Preset, draw_clips, get_preset
from vgan_tutorial.video_io import write_video

FACTORS = "factors.csv"
FACTOR_COLUMNS = ("name", "class", "group", "shape", "colour", "motion", "size", "phase")


def write_shapes_videos(
    root: str | os.PathLike[str],
    preset: str | Preset = "tiny",
    actors: int = 40,
    clips: int = 4,
    *,
    seed: int = 0,
    frames: int = 32,
    height: int = 96,
    width: int = 128,
    fps: float = 25.0,
    codec: str = "XVID",
) -> list[dict[str, str]]:
    """Write `<root>/<Class>/v_<Class>_gNN_cNN.avi` and the table of factors, `factors.csv`.

    The shapes are drawn in the central square; black bars fill the rest, so that a loader has
    something to crop.

    Args:
        root: folder to write to; made if it is not there.
        preset: shapes, colours and motions that there are, or the name of a preset.
        actors: number of groups. Shapes and colours take turns, sizes are drawn.
        clips: clips of each actor in each class.
        seed: number that decides sizes and phases.
        frames: frames in a clip. Paths keep the preset's period and repeat.
        height: height of the files in pixels, even.
        width: width of the files in pixels, even.
        fps: frames per second that the files declare.
        codec: code of the codec; see `video_io.WRITABLE`.

    Returns:
        The rows of `factors.csv`: name, class, group, shape, colour, motion, size, phase.

    Raises:
        VideoError: a file cannot be written.
        ValueError: the size is odd.
    """
    preset = get_preset(preset)
    root = Path(root)
    for motion in preset.motions:
        (root / motion.capitalize()).mkdir(parents=True, exist_ok=True)
    draw = torch.Generator().manual_seed(seed)
    rows = []
    for actor in range(actors):
        factors = _actor(preset, actor, clips, draw)
        # One turn of the path is drawn, and repeated: every later turn looks the same.
        turn = to_uint8(draw_clips(factors, preset, preset.period, min(height, width))).numpy()
        films = _pad(turn[:, np.arange(frames) % preset.period], height, width)
        for index, film in enumerate(films):
            row = _row(factors, preset, index, actor, index % clips)
            write_video(root / row["name"], film, fps, codec)
            rows.append(row)
    rows.sort(key=lambda row: row["name"])
    write_csv(root / FACTORS, FACTOR_COLUMNS, rows)
    return rows


def make_shapes_pack(
    folder: str | os.PathLike[str],
    preset: str | Preset = "tiny",
    actors: int = 40,
    clips: int = 4,
    *,
    seed: int = 0,
    progress: bool = False,
) -> Path:
    """Write Moving Shapes as video files, pack them at the preset's size, return the pack's path.

    This is the data set that the training chapter reads: `PackedClips(make_shapes_pack(folder),
    frames=8)`. Everything goes through files, codec and loader, as real data would. What is there
    already is used again.

    Args:
        folder: folder for the videos and the pack, each in one named after the settings.
        preset: see `write_shapes_videos`; its size becomes the pack's.
        actors: see `write_shapes_videos`.
        clips: see `write_shapes_videos`.
        seed: see `write_shapes_videos`.
        progress: show a bar while packing.
    """
    preset = get_preset(preset)
    name = f"{preset.name}-{actors}x{clips}-seed{seed}"
    videos = Path(folder) / f"videos-{name}"
    pack = Path(folder) / f"pack-{name}"
    if not pack.exists():
        if not (videos / FACTORS).exists():  # it is written last
            write_shapes_videos(videos, preset, actors, clips, seed=seed)
        pack_videos(videos, pack, preset.size, preset.frames, progress=progress)
    return pack


def _actor(preset: Preset, actor: int, clips: int, draw: torch.Generator) -> Factors:
    """All films of one actor: every motion, `clips` times each."""
    batch = clips * len(preset.motions)
    smallest, largest = preset.radius
    size = smallest + (largest - smallest) * torch.rand(1, generator=draw)
    look = actor % (len(preset.shapes) * len(preset.colours))
    return Factors(
        shape=_filled(batch, look % len(preset.shapes)),
        colour=_filled(batch, look // len(preset.shapes)),
        motion=torch.arange(len(preset.motions)).repeat_interleave(clips),
        size=size.expand(batch),
        phase=torch.rand(batch, generator=draw),
    )


def _filled(batch: int, value: int) -> Int[torch.Tensor, " batch"]:
    return torch.full((batch,), value)


def _pad(
    clips: UInt8[np.ndarray, "batch time side side 3"], height: int, width: int
) -> UInt8[np.ndarray, "batch time height width 3"]:
    side = clips.shape[2]
    top, left = (height - side) // 2, (width - side) // 2
    bars = (top, height - side - top), (left, width - side - left)
    return np.pad(clips, ((0, 0), (0, 0), *bars, (0, 0)))


def _row(factors: Factors, preset: Preset, index: int, actor: int, clip: int) -> dict[str, str]:
    names = factors.names(preset, index)
    label = names["motion"].capitalize()
    group = f"g{actor + 1:02d}"
    return {
        "name": f"{label}/v_{label}_{group}_c{clip + 1:02d}.avi",
        "class": label,
        "group": group,
        **names,
        "size": f"{float(factors.size[index]):.6f}",
        "phase": f"{float(factors.phase[index]):.6f}",
    }
