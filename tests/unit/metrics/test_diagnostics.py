"""What tells an illness of training, and what a network has learnt: the measures themselves."""

import math

import pytest
import torch
from torch import nn

from tests.support.seeds import seeded
from vgan_tutorial.generators import ContentMotionGenerator, MoCoGANGenerator, TGANGenerator
from vgan_tutorial.generators.painter import PainterGenerator
from vgan_tutorial.layers import initialise
from vgan_tutorial.metrics.diagnostics import (
    checkers,
    disentanglement,
    halves,
    linear_probe,
    right_answers,
    split_latent,
    steepest,
    variety,
)
from vgan_tutorial.shapes import Factors, draw_batch, draw_clips, get_preset
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


class Factory(nn.Module):
    """Real clips whose factors are read from known places of the latent, in order of the factors.

    Content is the first three numbers, motion the last two.
    """

    def __init__(self, shape: int, colour: int, motion: int, size: int, phase: int) -> None:
        super().__init__()
        self.content, self.motion, self.latent_shape = 3, 2, (5,)
        self.places = (shape, colour, motion, size, phase)
        self.unused = nn.Parameter(torch.zeros(1))

    def factors(self, latent: torch.Tensor) -> Factors:
        shape, colour, motion, size, phase = torch.special.ndtr(latent[:, self.places]).T
        preset = get_preset("tiny")
        low, high = preset.radius
        kinds = (preset.shapes, preset.colours, preset.motions)
        cut = [(x * len(k)).long() for x, k in zip((shape, colour, motion), kinds, strict=True)]
        return Factors(cut[0], cut[1], cut[2], low + (high - low) * size, phase)

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        return draw_clips(self.factors(latent), get_preset("tiny"))


def test_a_network_that_keeps_its_halves_apart_is_called_so():
    found = disentanglement(Factory(0, 1, 3, 2, 4))
    assert found.valid == 1
    assert found.same_content.shape == found.same_content.colour == 1
    assert found.same_content.size == pytest.approx(0, abs=0.01)
    assert found.same_motion.motion == 1
    assert found.same_content.motion < 0.6  # a third of pairs, but for luck in eight motions
    assert 0.3 < found.same_motion.shape < 0.7
    assert found.same_motion.size > 0.05


def test_a_network_that_swaps_its_halves_is_found_out():
    found = disentanglement(Factory(3, 4, 0, 3, 1))  # motion paints, content moves
    assert found.same_content.motion == 1
    assert found.same_content.shape < 1
    assert found.same_content.colour < 1
    assert found.same_motion.shape == found.same_motion.colour == 1
    assert found.same_motion.motion < 0.6
    assert found.same_content.size > 0.05


def test_one_factor_alone_may_leak():
    found = disentanglement(Factory(0, 3, 4, 2, 4))  # the colour comes with the motion
    assert found.same_content.shape == 1 > found.same_content.colour
    assert found.same_motion.colour == 1


def test_by_chance_is_what_pairs_that_share_nothing_show():
    network = Factory(0, 1, 3, 2, 4)
    found = disentanglement(network, contents=24, motions=24, seed=5)
    latent = torch.randn(24, 5, generator=seeded(5))
    for name in ("shape", "colour", "motion"):
        kind = getattr(network.factors(latent), name)
        apart = (kind[:, None] == kind).float().sum() - 24
        assert getattr(found.neither, name) == pytest.approx(float(apart) / (24 * 23), abs=1e-4)


def test_clips_that_the_judge_cannot_read_do_not_count():
    class HalfNoise(Factory):
        def forward(self, latent: torch.Tensor) -> torch.Tensor:
            clips = super().forward(latent)
            noise = 2 * torch.rand(clips.shape, generator=seeded()) - 1
            return torch.where((latent[:, 0] > 0)[:, None, None, None, None], clips, noise)

    found = disentanglement(HalfNoise(0, 1, 3, 2, 4))
    assert 0.2 < found.valid < 0.8
    assert found.same_content.colour == 1
    assert found.neither.shape == 1  # of the two shapes only one is left


@pytest.mark.parametrize("build", [ContentMotionGenerator, PainterGenerator])
def test_generators_with_halves_can_be_asked(build):
    network = initialise(build(8, 16), seeded()).eval()
    found = disentanglement(network, contents=4, motions=4)
    assert 0 <= found.valid <= 1
    if found.valid == 0:
        assert math.isnan(found.same_content.shape)
    assert halves(network)["who"] > 0


def test_halves_are_where_the_network_has_them():
    walk = MoCoGANGenerator(8, 16, content=6, motion=2, classes=0, channels=4)
    content, motion = split_latent(walk, torch.zeros(2, *walk.latent_shape))
    assert (content.shape[1], motion.shape[1]) == (6, 2 * 9)
    for network, reason in (
        (TGANGenerator(8, 16, channels=2), "with no content and motion"),
        (PainterGenerator(8, 16, classes=3), "with classes"),
    ):
        with pytest.raises(ValueError, match=reason):
            split_latent(network, torch.zeros(2, *network.latent_shape))


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
