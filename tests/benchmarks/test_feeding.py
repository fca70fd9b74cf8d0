"""What it costs to feed a step from a pack, against the step: `make benchmarks` prints both.

Processor time is compared, of all threads, and the least of several turns: both are steadier than
the clock where other programs run.
"""

import time
from collections.abc import Callable

import pytest

from tests.support.seeds import seeded
from vgan_tutorial.datasets import PackedClips, make_shapes_pack
from vgan_tutorial.recipes import get_recipe
from vgan_tutorial.training import pack_source, start, train_step

pytestmark = pytest.mark.benchmark

LEAST_RATIO = 10


def seconds(work: Callable[[], object], times: int, rounds: int = 5) -> float:
    """Processor time of one of `times`, in the best round; the first call is not measured."""
    work()
    spent = []
    for _ in range(rounds):
        begin = time.process_time()
        for _ in range(times):
            work()
        spent.append(time.process_time() - begin)
    return min(spent) / times


def test_a_pack_feeds_a_step_of_the_full_recipe(tmp_path, capsys):
    """32 clips of 16 frames of 64x64 pixels: read, and made floats, ten times as fast as needed."""
    config = get_recipe("full").config
    packed = PackedClips(make_shapes_pack(tmp_path, "full", actors=6, clips=2), config.frames)
    clips = pack_source(packed)(config.batch, seeded(0))
    read = seconds(lambda: next(clips), 20)
    real, state = next(clips), start(config)
    step = seconds(lambda: train_step(state, real, config), config.penalty_every, rounds=3)
    with capsys.disabled():
        times = f"{step / read:.0f} times"
        print(f"\na batch {1000 * read:.1f} ms, a step {1000 * step:.0f} ms: {times}")
    assert step >= LEAST_RATIO * read
