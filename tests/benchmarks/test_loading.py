"""What packing buys: a random packed clip against decoding the same clip from its file."""

import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from jaxtyping import UInt8

from vgan_tutorial.datasets import PackedClips, batches, pack_videos
from vgan_tutorial.preprocessing import centre_crop, resize
from vgan_tutorial.video_io import read_video, write_video

FRAMES, SIZE, LENGTH = 16, 64, 240
LEAST_RATIO = 200

pytestmark = pytest.mark.benchmark


def film(seed: int) -> UInt8[np.ndarray, "time height width 3"]:
    """A slow pan over a blotchy texture: as large and long as a clip of UCF101, as hard to code."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (30, 60, 3), np.uint8)
    scene = cv2.resize(coarse, (560, 240), interpolation=cv2.INTER_CUBIC)
    return np.stack([scene[:, time : time + 320] for time in range(LENGTH)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("films")
    (root / "set" / "Pan").mkdir(parents=True)
    for seed in range(4):
        path = root / "set" / "Pan" / f"v_Pan_g{seed + 1:02d}_c01.avi"
        write_video(path, film(seed), 25.0)
    pack_videos(root / "set", root / "pack", SIZE, FRAMES, progress=False)
    return root


def milliseconds(action: Callable[[], object], repeats: int) -> float:
    """Median time of one call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def test_packed_clip_is_hundreds_of_times_cheaper_than_decoding(folder: Path, capsys) -> None:
    files = sorted((folder / "set" / "Pan").iterdir())
    packed = PackedClips(folder / "pack", FRAMES)
    draw = np.random.default_rng(0)

    def pick() -> tuple[int, int]:
        return int(draw.integers(len(files))), int(draw.integers(LENGTH - FRAMES + 1))

    def decode() -> np.ndarray:
        index, start = pick()
        clip = read_video(files[index], start, FRAMES)
        return resize(centre_crop(clip, 240, 240), SIZE, SIZE)

    def read() -> np.ndarray:
        index, start = pick()
        return packed.window(index, start).copy()  # a copy, so that every byte is really read

    clip = packed.window(1, 100)
    decoded = resize(centre_crop(read_video(files[1], 100, FRAMES), 240, 240), SIZE, SIZE)
    np.testing.assert_array_equal(clip, decoded)  # the two ways give the same clip

    packed_ms = milliseconds(read, 2000)
    decoded_ms = milliseconds(decode, 40)
    ratio = decoded_ms / packed_ms
    with capsys.disabled():
        print(
            f"\none random {FRAMES}-frame clip at {SIZE}²: decoded {decoded_ms:.1f} ms, "
            f"packed {packed_ms:.4f} ms, ratio {ratio:.0f}"
        )
    assert ratio >= LEAST_RATIO


def test_batches_per_second(folder: Path, capsys) -> None:
    packed = PackedClips(folder / "pack", FRAMES)
    for name, hold_bytes in {"held": 2**30, "mapped": 0}.items():
        stream = batches(packed, 32, torch.Generator().manual_seed(0), hold_bytes=hold_bytes)
        next(stream)
        spent = milliseconds(partial(next, stream), 20)
        with capsys.disabled():
            print(f"\n32 clips ready for the model, {name}: {spent:.1f} ms", end="")
        assert spent < 1000  # a training step costs about this; loading must not double it
