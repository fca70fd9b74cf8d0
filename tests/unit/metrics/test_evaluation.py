"""All metrics in one pass: the same figures as from whole sets, in memory that does not grow."""

import tracemalloc
from dataclasses import asdict

import numpy as np
import pytest
import torch

from vgan_tutorial import metrics
from vgan_tutorial.experiments.meters import LiveTensors
from vgan_tutorial.metrics import evaluation
from vgan_tutorial.metrics.evaluation import Kept, evaluate, first
from vgan_tutorial.oracle import judge, summarise
from vgan_tutorial.shapes import PRESETS, MovingShapes

TINY = PRESETS["tiny"]


def shapes(seed: int, count: int = 40) -> torch.Tensor:
    return MovingShapes("tiny", seed).batch(count)[0]


def test_streams_give_the_figures_of_whole_sets():
    fake, real, other = (shapes(seed) for seed in (1, 2, 3))
    chosen = ("judge", "content", "frechet", "kernel", "neighbours", "copies")
    figures, summary = evaluate(
        chosen,
        ((part, None) for part in fake.split(7)),
        real.split(9),
        other.split(11),
        preset=TINY,
    )
    seen = [metrics.extract_features(clips) for clips in (fake, real, other)]
    expected = {
        "clips": 40,
        "frechet_distance": metrics.frechet_distance(seen[1], seen[0]),
        "kernel_distance": metrics.kernel_distance(seen[1], seen[0]),
        "content_distance": metrics.content_distance(fake).mean().item(),
        "content_distance_of_real": metrics.content_distance(real).mean().item(),
        "copying_share": metrics.copying_share(*seen),
        **vars(metrics.neighbour_scores(seen[1], seen[0])),
    }
    for name, value in expected.items():
        assert figures[name] == pytest.approx(value, rel=1e-3, abs=1e-5), name
    assert summary == metrics.summarise_with_bands(judge(fake, TINY), TINY)
    assert figures["validity"] == summary.summary.validity


def test_the_motion_score_is_the_share_of_clips_that_move_as_asked():
    clips, factors = MovingShapes("tiny", 4).batch(30)
    wanted = factors.motion.clone()
    wanted[:10] = (wanted[:10] + 1) % 3  # asked for another motion: a third fails
    pairs = zip(clips.split(8), wanted.split(8), strict=True)
    figures, _ = evaluate(("motion",), pairs, preset=TINY)
    assert figures["motion_score"] == pytest.approx(2 / 3, abs=0.05)
    with pytest.raises(ValueError, match=r"motion needs .* told each clip's motion"):
        evaluate(("motion",), [(clips, None)], preset=TINY)


def test_fifty_thousand_clips_need_no_more_memory_than_a_thousand(monkeypatch):
    """What is kept of a clip is its place among the first; here pixels and features are cheap."""

    class Pixels:
        def features(self, clips):
            return clips.flatten(1)[:, :64]

    monkeypatch.setattr(evaluation, "load_classifier", lambda kind, device: Pixels())

    def peak(count: int) -> int:
        kept = Kept(("frechet", "kernel"), pairwise=500)
        tracemalloc.start()  # sees numpy's memory, which these clips share
        for _ in range(count // 500):
            kept.add(torch.from_numpy(np.zeros((500, 3, 1, 8, 8), np.float32)))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (kept.clips, len(kept.features)) == (count, 500)
        return top

    peak(500)
    assert peak(50_000) < peak(1000) + 100_000  # one batch alone is 384,000 bytes


def test_the_first_clips_of_a_stream():
    parts = list(first(iter(shapes(5).split(16)), 20))
    assert [len(part) for part in parts] == [16, 4]
    assert torch.equal(torch.cat(parts), shapes(5)[:20])
    assert sum(len(part) for part in first(iter(shapes(5).split(16)), 100)) == 40


def test_fvd_is_measured_with_the_network_that_is_given():
    class StandIn:
        def __call__(self, clips):
            return clips.flatten(1)[:, :400]

    fake, real = shapes(6), shapes(7)
    figures, _ = evaluate(("fvd",), [(fake, None)], [real], i3d=StandIn())
    expected = metrics.frechet_distance(real.flatten(1)[:, :400], fake.flatten(1)[:, :400])
    assert figures["fvd"] == pytest.approx(expected, rel=1e-4)
    assert "frechet_distance" not in figures


def test_verdicts_are_joined_as_they_come():
    """Many small ones, kept apart, once cost 180 MiB for 50,000 clips."""
    kept = Kept(("judge",), preset=TINY)
    for clips in shapes(8).split(1):
        kept.add(clips)
        assert len(kept._verdicts) < evaluation.JOINED
    apart = asdict(kept.summary().summary)
    assert apart == pytest.approx(asdict(summarise(judge(shapes(8), TINY), TINY)), rel=1e-4)


@pytest.mark.slow
def test_the_tensors_of_an_evaluation_do_not_grow_with_its_clips():
    """The real judge and features, on a stream; numbers of a clip stay, about a hundred bytes."""

    def peak(count: int) -> int:
        clips = shapes(9, 16)
        with LiveTensors() as live:
            stream = ((clips.clone(), None) for _ in range(count // 16))
            real = (clips.clone() for _ in range(count // 16))
            evaluate(("judge", "frechet", "kernel"), stream, real, preset=TINY, pairwise=32)
        return live.peak

    peak(16)  # loads the classifier
    few, many = peak(32), peak(192)
    assert many < few + 200 * (192 - 32)
    assert few > 2e6  # what a batch needs is in it
