"""The metrics against independent implementations and known mathematics."""

import math
import tracemalloc

import numpy as np
import pytest
import torch
from prdc import compute_prdc
from scipy import linalg, spatial
from torch import Tensor, nn

from tests.support.seeds import seeded
from vgan_tutorial import metrics
from vgan_tutorial.metrics import Moments
from vgan_tutorial.metrics.classifier import HEADS, ShapesClassifier, accuracy, extract_features
from vgan_tutorial.metrics.fvd import prepare
from vgan_tutorial.oracle import DAMAGES, judge, summarise
from vgan_tutorial.shapes import PRESETS, MovingShapes


def normal(samples: int, features: int = 8, seed: int = 0) -> Tensor:
    """Correlated Gaussian features with a mean that is not zero."""
    rng = seeded(seed)
    mixing = torch.randn(features, features, generator=seeded(99))
    return torch.randn(samples, features, generator=rng) @ mixing + 2


# Moments and the Fréchet distance


def test_moments_of_a_stream_are_those_of_the_whole():
    features = normal(1000) + 1e4  # far from zero, where sums of squares cancel
    stream = Moments.of(features.split(37))
    parts = [Moments.of(part) for part in features.split(300)]
    joined = Moments.empty(8)
    for part in parts:
        joined.join(part)
    for moments in (stream, joined, Moments.of(features)):
        assert moments.count == 1000
        np.testing.assert_allclose(moments.mean, features.double().mean(0), rtol=1e-12)
        np.testing.assert_allclose(
            moments.covariance, np.cov(features.double().numpy().T), rtol=1e-8, atol=1e-8
        )


def test_fifty_thousand_samples_need_flat_memory():
    """Only the batch at hand is held: 500 batches leave no more behind than 5."""

    def peak(batches: int) -> int:
        rng = seeded(0)
        stream = (torch.from_numpy(np.zeros((100, 64)) + 1.0) for _ in range(batches))
        tracemalloc.start()
        moments = Moments.of(batch * torch.rand(64, generator=rng) for batch in stream)
        assert moments.count == 100 * batches
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(1)
    assert peak(500) < peak(5) + 100_000  # one batch alone is 51,200 bytes


@pytest.mark.parametrize("features", [1, 3, 16])
def test_frechet_distance_equals_scipy(features):
    real, fake = normal(400, features, 1), normal(300, features, 2) * 1.3 + 0.5
    first, second = (np.atleast_2d(np.cov(x.double().numpy().T)) for x in (real, fake))
    gap = real.double().mean(0) - fake.double().mean(0)
    expected = float(gap @ gap) + np.trace(first + second - 2 * linalg.sqrtm(first @ second).real)
    assert metrics.frechet_distance(real, fake) == pytest.approx(expected, rel=1e-6)
    assert metrics.frechet_distance(fake, real) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_survives_features_that_never_vary():
    """Singular covariances, on which a general matrix root fails or turns complex."""
    real = torch.cat([normal(100, 4), torch.zeros(100, 3)], 1)
    assert metrics.frechet_distance(real, real) == pytest.approx(0, abs=1e-5)
    assert metrics.frechet_distance(real, real + 1) == pytest.approx(7, rel=1e-5)
    few = normal(4, 8)  # fewer samples than features
    assert metrics.frechet_distance(few, few) == pytest.approx(0, abs=1e-4)


def test_distances_refuse_what_they_cannot_compare():
    with pytest.raises(ValueError, match="same extractor"):
        metrics.frechet_distance(normal(9, 3), normal(9, 4))
    with pytest.raises(ValueError, match="NaN"):
        metrics.frechet_distance(normal(9) * math.nan, normal(9))
    with pytest.raises(ValueError, match="at least two"):
        metrics.frechet_distance(normal(1), normal(9))
    with pytest.raises(ValueError, match="empty"):
        Moments.of(iter(()))
    with pytest.raises(ValueError, match="two samples"):
        metrics.kernel_distance(normal(1), normal(9))
    with pytest.raises(ValueError, match="features"):
        metrics.kernel_distance(normal(9, 3), normal(9, 4))


def test_kernel_distance_equals_a_loop_and_needs_no_chunks():
    real, fake = normal(23, 4, 1).double(), normal(17, 4, 2).double()

    def kernel(x: Tensor, y: Tensor) -> float:
        return float((x @ y / 4 + 1) ** 3)

    def within(points: Tensor) -> float:
        pairs = [kernel(x, y) for i, x in enumerate(points) for j, y in enumerate(points) if i != j]
        return sum(pairs) / len(pairs)

    mixed = [kernel(x, y) for x in real for y in fake]
    expected = within(real) + within(fake) - 2 * sum(mixed) / len(mixed)
    for chunk in (1, 5, 1024):
        assert metrics.kernel_distance(real, fake, chunk) == pytest.approx(expected)
    # single precision input takes the same way
    found = metrics.kernel_distance(real.float(), fake.float())
    assert found == pytest.approx(expected, rel=1e-4)


# Neighbours


@pytest.mark.parametrize(("samples", "others", "k"), [(200, 200, 5), (150, 300, 3), (80, 60, 10)])
def test_neighbour_scores_equal_prdc(samples, others, k):
    real, fake = normal(samples, 6, 1), normal(others, 6, 2) * 1.2
    expected = compute_prdc(real.numpy(), fake.numpy(), nearest_k=k)
    for chunk in (16, 1024):
        found = metrics.neighbour_scores(real, fake, k, chunk)
        for name in ("precision", "recall", "density", "coverage"):
            assert getattr(found, name) == pytest.approx(expected[name], abs=1e-6), name


def test_neighbour_scores_know_the_extremes():
    real = normal(200)
    far = metrics.neighbour_scores(real, real + 1000)
    assert (far.precision, far.recall, far.density, far.coverage) == (0, 0, 0, 0)
    collapsed = metrics.neighbour_scores(real, real[:1] + 1e-3 * normal(200))
    assert collapsed.precision == 1.0
    assert collapsed.recall < 0.1
    assert collapsed.coverage < 0.2
    with pytest.raises(ValueError, match="more samples"):
        metrics.neighbour_scores(real[:5], real, k=5)


def test_nearest_and_copying_share():
    training, held_out = normal(300, seed=1), normal(300, seed=2)
    distance, index = metrics.nearest(training[:50], training, chunk=7)
    assert torch.equal(index, torch.arange(50))
    assert distance.max() == 0
    assert metrics.copying_share(training[:100] + 0.01, training, held_out) > 0.95
    assert metrics.copying_share(held_out[:100], training, held_out) == 0
    assert metrics.copying_share(normal(50, seed=3), training, training) == 0.5  # all tied
    with pytest.raises(ValueError, match="as many"):
        metrics.copying_share(training, training, held_out[:10])


@pytest.mark.parametrize("features", [2, 16])
def test_nearest_equals_scipy(features):
    queries, targets = normal(80, features, 1), normal(120, features, 2)
    expected = spatial.cKDTree(targets.numpy()).query(queries.numpy())
    distance, index = metrics.nearest(queries, targets, chunk=13)
    np.testing.assert_array_equal(index, expected[1])
    np.testing.assert_allclose(distance, expected[0], rtol=1e-5)


# The judge with bands


def test_bands_hold_the_truth_as_often_as_they_say():
    """Over many samples with a known share, about 95 of 100 bands hold it."""
    rng, held = seeded(0), 0
    for trial in range(200):
        values = (torch.rand(150, generator=rng) < 0.3).float()
        (band,) = metrics.bootstrap(values, seeded(trial), resamples=200)
        held += band.low <= 0.3 <= band.high
        assert band.low <= band.value <= band.high
    assert 0.89 <= held / 200 <= 0.985
    values = torch.randn(50, generator=rng)
    first, again, other = (metrics.bootstrap(values, seeded(s)) for s in (0, 0, 1))
    assert first == again
    assert first != other


def test_summary_with_bands_agrees_with_the_summary():
    preset = PRESETS["tiny"]
    clips, _ = MovingShapes("tiny", seed=3).batch(60)
    clips[:15] = DAMAGES["shuffled frames"](clips[:15], seeded(0))
    verdict = judge(clips, preset)
    found, plain = metrics.summarise_with_bands(verdict, preset), summarise(verdict, preset)
    assert found.summary == plain
    names = ("validity", "motion_validity", "shape_consistency", "colour_consistency")
    for name in (*names, "size_spread"):
        assert getattr(found, name).value == pytest.approx(getattr(plain, name), abs=1e-6)
    assert found.validity.low == found.validity.high == 1.0
    assert found.motion_validity.low < plain.motion_validity < found.motion_validity.high
    assert found == metrics.summarise_with_bands(verdict, preset)  # the seed fixes it
    assert "motion validity" in str(found)
    assert f"of {preset.cells}" in str(found)
    with pytest.raises(ValueError, match="confidence"):
        metrics.bootstrap(torch.ones(3), torch.Generator(), confidence=95.0)


# The classifier


@pytest.mark.parametrize("preset", ["tiny", "small"])
def test_shipped_classifiers_are_as_good_as_their_record_says(preset):
    record = (_weights() / "README.txt").read_text(encoding="utf-8")
    for kind in ("clip", "frame"):
        found = accuracy(metrics.load_classifier(kind), PRESETS[preset], clips=300, seed=7)
        (line,) = [row for row in record.splitlines() if row.split()[:2] == [kind, preset]]
        for factor, share in found.items():
            stated = float(line.split(f"{factor} ")[1].split("%")[0]) / 100
            assert share == pytest.approx(stated, abs=0.03)
            assert share > 0.8


def _weights():
    from importlib.resources import files

    return files("vgan_tutorial.metrics") / "weights"


def test_the_clip_classifier_sees_motion_and_the_frame_classifier_cannot():
    clips, _ = MovingShapes("tiny", seed=4).batch(20)
    backwards = clips.flip(2)
    frames = metrics.load_classifier("frame").features
    whole = metrics.load_classifier("clip").features
    there, back = frames(clips).unflatten(0, (20, 8)), frames(backwards).unflatten(0, (20, 8))
    torch.testing.assert_close(there, back.flip(1))
    assert (whole(clips) - whole(backwards)).abs().mean() > 0.05


def test_features_of_real_clips_have_unit_variance():
    clips = torch.cat(
        [extract_features(MovingShapes(p, 12).batch(200)[0]) for p in ("tiny", "small")]
    )
    spread = clips.std(0)
    assert (spread > 0.8).all()
    assert (spread < 1.2).all()


def test_classifier_heads_and_sizes():
    network = ShapesClassifier("clip")
    for preset in ("tiny", "full"):
        clips, _ = MovingShapes(preset, seed=0).batch(2)
        logits = network(clips)
        assert {name: part.shape[1] for name, part in logits.items()} == {
            name: len(words) for name, words in HEADS.items()
        }
    assert "motion" not in ShapesClassifier("frame")(clips)
    with pytest.raises(ValueError, match="kind"):
        ShapesClassifier("video")


def test_extract_features_streams_and_refuses_nothing_silently():
    clips, _ = MovingShapes("tiny", seed=5).batch(10)
    whole = extract_features(clips)
    assert whole.shape == (10, 64)
    torch.testing.assert_close(extract_features(clips.split(3)), whole, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="no clips"):
        extract_features(clips[:0])
    with pytest.raises(ValueError, match="NaN"):
        extract_features(clips * math.nan)


# Content and motion


def test_content_distance_sees_colour_and_nothing_else():
    clips, _ = MovingShapes("tiny", seed=6).batch(32)
    rng = seeded(0)
    assert metrics.content_distance(clips).mean() < 3
    for harmless in ("shuffled frames", "frozen"):
        assert metrics.content_distance(DAMAGES[harmless](clips, rng)).mean() < 3
    assert metrics.content_distance(DAMAGES["changed colour"](clips, rng)).mean() > 50
    assert metrics.content_distance(DAMAGES["blank"](clips, rng)).max() == 0
    with pytest.raises(ValueError, match="one"):
        metrics.content_distance(clips[:, :, :1])


def test_motion_control_recognises_the_wanted_motion():
    preset = PRESETS["tiny"]
    clips, factors = MovingShapes(preset, seed=7).batch(60)
    right = metrics.motion_control(clips, factors.motion, preset)
    assert right.float().mean() > 0.95
    wrong = metrics.motion_control(clips, (factors.motion + 1) % 3, preset)
    assert wrong.float().mean() < 0.05
    turned = metrics.motion_control(clips.mT, factors.motion, preset)  # sideways is now up and down
    assert turned[factors.motion < 2].float().mean() < 0.05


# FVD with a stand-in for I3D


class StandIn(nn.Module):
    """Returns statistics of what it is given, so that the test sees range and size."""

    def forward(
        self,
        x: Tensor,
        rescale: bool = True,
        resize: bool = True,
        return_features: bool = False,
    ) -> Tensor:
        row = torch.stack(
            [
                x.amin((1, 2, 3, 4)),
                x.amax((1, 2, 3, 4)),
                x.mean((1, 2, 3, 4)),
                torch.full((x.shape[0],), float(x.shape[3]), device=x.device),
                torch.full((x.shape[0],), float(x.shape[4]), device=x.device),
                torch.full((x.shape[0],), float(x.shape[2]), device=x.device),
                torch.full((x.shape[0],), float(rescale), device=x.device),
                torch.full((x.shape[0],), float(resize), device=x.device),
                torch.full((x.shape[0],), float(return_features), device=x.device),
            ],
            1,
        )
        return torch.nn.functional.pad(row, (0, 391))


class Plain(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3, 4)).repeat(1, 134)[:, :400]


class TooFew(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3, 4))


@pytest.fixture
def scripted(tmp_path):
    def make(module: nn.Module):
        path = tmp_path / f"{type(module).__name__}.pt"
        torch.jit.save(torch.jit.script(module), str(path))
        return metrics.I3DFeatures(path)

    return make


def test_fvd_protocol_range_size_and_switches(scripted):
    clips, _ = MovingShapes("small", seed=8).batch(3)
    row = scripted(StandIn())(clips * 1.5)[0, :9].tolist()
    assert row[0] == pytest.approx(-1)
    assert row[1] <= 1
    assert row[3:6] == [224, 224, 16]
    assert row[6:] == [0, 0, 1]  # nothing is scaled or resized twice; features, not classes
    expected = nn.functional.interpolate(clips[:, :, 5], size=(224, 224), mode="bilinear")
    torch.testing.assert_close(prepare(clips)[:, :, 5], expected)


def test_fvd_is_the_frechet_distance_on_the_logits(scripted):
    extractor = scripted(Plain())
    real, fake = MovingShapes("small", seed=9).batch(8)[0], MovingShapes("small", 10).batch(6)[0]
    found = metrics.frechet_video_distance(real.split(3), fake.split(4), extractor)
    expected = metrics.frechet_distance(extractor(real), extractor(fake))
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert metrics.frechet_video_distance([real], [real], extractor) < 1e-4


def test_fvd_refuses_what_is_not_fvd(scripted, tmp_path):
    clips, _ = MovingShapes("small", seed=11).batch(2)
    with pytest.raises(ValueError, match="11 frames"):
        scripted(Plain())(clips[:, :, :10])
    with pytest.raises(ValueError, match="400"):
        scripted(TooFew())(clips)
    with pytest.raises(ValueError, match="NaN"):
        scripted(Plain())(clips * math.nan)
    with pytest.raises(FileNotFoundError, match="I3D"):
        metrics.I3DFeatures(tmp_path / "missing.pt")
    (tmp_path / "text.pt").write_text("not a network")
    with pytest.raises(ValueError, match="TorchScript"):
        metrics.I3DFeatures(tmp_path / "text.pt")
