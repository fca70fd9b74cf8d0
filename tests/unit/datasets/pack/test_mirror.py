"""Mirror images in the loader: half of the clips, whole clips, and nothing else is changed."""

from itertools import islice

import pytest
import torch

from tests.support.seeds import seeded
from vgan_tutorial.datasets import PackedClips, batches, pack_videos, write_shapes_videos


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mirror")
    write_shapes_videos(folder / "videos", "tiny", actors=2, clips=1)
    return PackedClips(
        pack_videos(folder / "videos", folder / "pack", 16, 8, progress=False).path, 8
    )


@pytest.mark.parametrize("hold_bytes", [0, 1 << 30])
def test_half_of_the_clips_come_mirrored(packed, hold_bytes):
    stored = torch.from_numpy(packed.array.copy())
    assert len(stored) > 8
    found = 0
    for clips, _ in islice(batches(packed, 40, seeded(), hold_bytes=hold_bytes, mirror=True), 2):
        assert clips.shape == (40, 3, 8, 16, 16)
        levels = ((clips + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 4, 1)
        for clip in levels:
            as_stored = any(torch.equal(clip, stored[i : i + 8]) for i in range(len(stored) - 7))
            turned = clip.flip(2)
            as_turned = any(torch.equal(turned, stored[i : i + 8]) for i in range(len(stored) - 7))
            assert as_stored or as_turned
            found += not as_stored
    assert 10 < found < 60


def test_without_it_nothing_changes(packed):
    plain = next(batches(packed, 8, seeded()))
    asked = next(batches(packed, 8, seeded(), mirror=False))
    assert all(torch.equal(one, other) for one, other in zip(plain, asked, strict=True))
