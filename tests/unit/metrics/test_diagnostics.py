"""What tells an illness of training, and what a network has learnt: the measures themselves."""

import pytest
import torch
from torch import nn

from tests.support.seeds import seeded
from vgan_tutorial.generators import ContentMotionGenerator
from vgan_tutorial.layers import initialise
from vgan_tutorial.metrics.diagnostics import (
    checkers,
    halves,
    linear_probe,
    right_answers,
    steepest,
    variety,
)
from vgan_tutorial.shapes import draw_batch, get_preset
from vgan_tutorial.training import sample


def real(seed: int = 1, count: int = 64) -> torch.Tensor:
    return draw_batch(get_preset("tiny"), count, seeded(seed))[0]


def test_checkers_are_the_share_of_the_pattern_that_alternates():
    board = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(8, 8).expand(2, 3, 8, 16, 16)
    assert checkers(board) == pytest.approx(1.0)
    assert checkers(board + 0.5) == pytest.approx(1.0)  # a mean is no variance
    assert checkers(torch.full((2, 3, 8, 16, 16), 0.3)) == 0
    stripes = torch.tensor([1.0, -1.0]).repeat(8).expand(2, 3, 8, 16, 16)
    assert checkers(board + stripes) == pytest.approx(0.5)
    assert checkers(real()) < 0.001


def test_variety_is_one_for_real_clips_and_nothing_for_copies():
    assert variety(real()[:1].expand(64, -1, -1, -1, -1)) == 0
    assert variety(real()) == pytest.approx(1, abs=0.05)
    assert variety(-1 + (real() + 1) / 2) == pytest.approx(0.5, abs=0.05)


def test_halves_tell_which_latent_still_matters():
    network = ContentMotionGenerator(8, 16)
    initialise(network, seeded(0), std=0.08)
    whole = halves(network)
    assert min(whole.values()) > 0.05
    assert whole["both"] == pytest.approx(variety(sample(network, 192, seed=1)), abs=1e-5)
    with torch.no_grad():
        for part in (network.outline, network.colour):
            next(part.parameters()).zero_()  # deaf to the content
    deaf = halves(network)
    assert deaf["who"] == 0 < deaf["how"]
    assert deaf["both"] == pytest.approx(deaf["how"], rel=0.01)


def test_equal_scores_are_right_half_the_time_and_apart_always():
    scores = torch.randn(200, generator=seeded())
    assert right_answers(scores, scores) == pytest.approx(0.5)
    assert right_answers(scores + 20, scores) == 1
    # Two halves that overlap: the share is that of the best threshold.
    uniform = torch.rand(20_000, generator=seeded())
    assert right_answers(uniform + 0.5, uniform.flip(0)) == pytest.approx(0.75, abs=0.01)


def test_the_steepest_slope_of_a_linear_score_is_its_weights_norm():
    layer = nn.Linear(3 * 8 * 16 * 16, 1)
    score = nn.Sequential(nn.Flatten(), layer, nn.Flatten(0))
    clips = torch.randn(4, 3, 8, 16, 16, generator=seeded())
    assert steepest(score, clips) == pytest.approx(layer.weight.norm().item(), rel=1e-5)


def test_a_linear_probe_reads_what_is_linear_and_not_what_is_not():
    features = torch.randn(400, 6, generator=seeded())
    linear = (features[:, 0] > features[:, 1]).long()
    product = (features[:, 0] * features[:, 1] > 0).long()
    parts = features[:200], features[200:]
    assert linear_probe(parts[0], linear[:200], parts[1], linear[200:]) > 0.93
    assert linear_probe(parts[0], product[:200], parts[1], product[200:]) < 0.65


def test_a_probe_minds_no_scale_of_the_features():
    features, classes = torch.randn(100, 4, generator=seeded()), torch.arange(100) % 3
    scale = torch.tensor([1e-3, 1.0, 50.0, 7.0])
    shares = [
        linear_probe(part[:50], classes[:50], part[50:], classes[50:])
        for part in (features, features * scale + 5)
    ]
    assert shares[0] == pytest.approx(shares[1], abs=0.03)
