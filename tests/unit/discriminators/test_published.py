"""Discriminators against their published form: sizes, layers, and what each structure promises.

Deliberate deviations are listed in the docstring of each network, under "Departures".
"""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from tests.support.seeds import seeded
from vgan_tutorial.discriminators import (
    ArticleDiscriminator,
    DualDiscriminator,
    MoCoGANDiscriminator,
    MoCoGANVideoDiscriminator,
    PatchDiscriminator,
    ProjectionHead,
    ResidualDiscriminator,
    ShrinkingBlock,
    StackedDiscriminator,
    TGANDiscriminator,
    clip_singular_values,
    cut_singular_values,
    sample_frames,
)
from vgan_tutorial.layers import MinibatchStd, initialise, receptive_field
from vgan_tutorial.oracle import DAMAGES
from vgan_tutorial.shapes import MovingShapes


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed))


def clips_of(count=4, seed=0):
    return MovingShapes("tiny", seed).batch(count)[0]


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def small_residual(**options):
    sizes = {"frames": 8, "size": 16, "channels": 8, "shown": 3}
    return initialise(ResidualDiscriminator(**(sizes | options)), seeded()).eval()


def small_mocogan(**options):
    network = MoCoGANDiscriminator(frames=8, size=16, channels=8, **options)
    return initialise(network, seeded()).eval()


def convolutions(network, clips):
    """Shapes without the batch that come out of every convolution, in order."""
    shapes = []
    hooks = [
        module.register_forward_hook(lambda layer, args, out: shapes.append(tuple(out.shape[1:])))
        for module in network.modules()
        if isinstance(module, (nn.Conv2d, nn.Conv3d))
    ]
    with torch.no_grad():
        network(clips)
    for hook in hooks:
        hook.remove()
    return shapes


# Published sizes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "published"),
    [
        (PatchDiscriminator, 663_296),
        (MoCoGANVideoDiscriminator, 11_056_896),
        (lambda: MoCoGANVideoDiscriminator(classes=6), 11_253_504),
        (lambda: MoCoGANDiscriminator(classes=6), 663_296 + 11_253_504),
        (TGANDiscriminator, 11_033_281),
    ],
)
def test_the_published_number_of_parameters(build, published):
    assert parameters(build()) == published


def test_mocogans_video_critic_has_the_published_layers():
    """Space halves, time loses three frames a layer."""
    shapes = convolutions(MoCoGANVideoDiscriminator(classes=6), torch.zeros(2, 3, 16, 64, 64))
    published = [(64, 13, 32, 32), (128, 10, 16, 16), (256, 7, 8, 8), (512, 4, 4, 4), (7, 1, 1, 1)]
    assert shapes == published


def test_tgans_critic_has_the_published_layers():
    shapes = convolutions(TGANDiscriminator(), torch.zeros(2, 3, 16, 64, 64))
    published = [(64, 8, 32, 32), (128, 4, 16, 16), (256, 2, 8, 8), (512, 1, 4, 4), (1, 1, 1, 1)]
    assert shapes == published


def test_a_patch_is_46_pixels_wide():
    network = PatchDiscriminator(channels=4)
    layers = [layer for block in network.blocks for layer in block.children()]
    assert receptive_field([*layers, network.head]) == 46
    assert network.scores(torch.zeros(1, 3, 2, 64, 64)).shape == (1, 2, 4, 4)


# What each of them sees -------------------------------------------------------------------------


def test_the_patch_critic_does_not_know_the_order():
    network = initialise(PatchDiscriminator(8, 16, 8, normalisation="none"), seeded())
    clips = clips_of()
    shuffled = DAMAGES["shuffled frames"](clips, seeded())
    assert not torch.equal(shuffled, clips)
    torch.testing.assert_close(network(shuffled), network(clips))


@pytest.mark.parametrize("build", [small_mocogan, small_residual])
def test_of_a_pair_only_one_knows_the_order(build):
    network, clips = build(), clips_of()
    shuffled = DAMAGES["shuffled frames"](clips, seeded())
    with torch.no_grad():
        (frames, motion), (same_frames, other_motion) = (
            network.scores(shown) for shown in (clips, shuffled)
        )
        torch.testing.assert_close(same_frames, frames, atol=1e-5, rtol=1e-4)
        assert (other_motion - motion).abs().max() > 1e-3
        torch.testing.assert_close(network(clips), frames + motion)


def test_the_temporal_critic_is_shown_pooled_pixels():
    """A pattern that 2x2 averages remove is invisible to it, and not to the spatial critic."""
    network, clips = small_residual(), clips_of()
    board = (torch.arange(16)[:, None] + torch.arange(16)) % 2 * 2.0 - 1
    with torch.no_grad():
        frames, motion = network.scores(clips)
        checked_frames, checked_motion = network.scores(clips + 0.3 * board)
    torch.testing.assert_close(checked_motion, motion, atol=1e-5, rtol=1e-4)
    assert (checked_frames - frames).abs().max() > 1e-3


@pytest.mark.parametrize("build", [small_mocogan, small_residual])
def test_frames_are_drawn_with_the_randomness_that_is_passed_in(build):
    network, clips = build(), clips_of()
    with torch.no_grad():
        first, again, other = (
            network.scores(clips, generator=seeded(seed))[0] for seed in (1, 1, 2)
        )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_sampled_frames_are_frames_in_order_and_none_twice():
    numbers = torch.arange(10.0).expand(500, 1, 10)[..., None, None]
    chosen = sample_frames(numbers, 4, seeded())[:, 0, :, 0, 0]
    assert (chosen.diff(dim=1) > 0).all()
    shares = torch.bincount(chosen.flatten().long(), minlength=10) / 500
    assert (shares - 0.4).abs().max() < 0.08
    assert len(chosen.unique(dim=0)) > 100  # each clip its own choice
    assert sample_frames(numbers, 4, None) is numbers
    assert sample_frames(numbers, 10, seeded()) is numbers


@pytest.mark.parametrize("frames", [1, 2, 3, 7, 8, 13])
def test_pairs_judge_any_number_of_frames(frames):
    clips = normal(2, 3, frames, 16, 16)
    for kind in (MoCoGANDiscriminator, ResidualDiscriminator):
        assert kind(frames=frames, size=16, channels=4)(clips).shape == (2,)


@pytest.mark.parametrize("frames", [1, 2, 4, 8, 32])
def test_tgans_critic_halves_any_power_of_two(frames):
    network = TGANDiscriminator(frames=frames, size=32, channels=4)
    assert network(normal(2, 3, frames, 32, 32)).shape == (2,)


def test_noise_before_every_convolution_needs_randomness():
    network = small_mocogan(noise=0.5)
    clips = clips_of()
    with torch.no_grad():
        assert torch.equal(network(clips), network(clips))
        first, again, other = (network.video(clips, generator=seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    noises = []
    for layer in (*(block[0] for block in network.video.blocks), network.video.head):
        layer.register_forward_hook(lambda layer, args, out: noises.append(args[0]))
    network.video(torch.zeros(2, 3, 8, 16, 16), generator=seeded())
    network.video(torch.zeros(2, 3, 8, 16, 16))
    noisy, quiet = noises[: len(noises) // 2], noises[len(noises) // 2 :]
    assert all((one - other).std() > 0.4 for one, other in zip(noisy, quiet, strict=True))


def test_categories_have_their_own_logits():
    network = small_mocogan(classes=3).video
    logits, categories = network.score_and_classify(clips_of())
    assert (logits.shape, categories.shape) == ((4,), (4, 3))
    torch.testing.assert_close(network(clips_of()), logits)


def test_features_are_what_the_head_sees():
    network, clips = small_residual(classes=0), clips_of()
    features = network.features(clips)
    spatial, temporal = features.split([network.spatial_head.linear.in_features, 8], dim=1)
    with torch.no_grad():
        expected = network.spatial_head(spatial) + network.temporal_head(temporal)
        torch.testing.assert_close(network(clips), expected)
    assert small_mocogan().features(clips).shape == (4, 4 * 8 + 2 * 8)
    assert PatchDiscriminator(8, 16, 4).features(clips).shape == (4, 16, 8, 2, 2)
    assert TGANDiscriminator(8, 16, 4).features(clips).shape == (4, 8, 2, 4, 4)
    article = initialise(ArticleDiscriminator(8, 16, 4), seeded())
    with torch.no_grad():
        last = article.frame_network[-1](article.features(clips))[:, 0]
        torch.testing.assert_close(article(clips), last)


# Classes ----------------------------------------------------------------------------------------


def stacked(classes=3):
    return initialise(StackedDiscriminator(8, 16, 8, classes), seeded()).eval()


def dual(classes=3):
    return initialise(DualDiscriminator(8, 16, 8, 8, classes=classes), seeded()).eval()


def test_the_stacked_critics_projection_is_the_published_one():
    network, clips, labels = stacked(), clips_of(), torch.tensor([2, 0, 1, 1])
    with torch.no_grad():
        hidden = network.head[:-1](network.features(clips))
        expected = network.head(network.features(clips))[:, 0]
        expected = expected + (network.embedding.weight.T[labels] * hidden).sum(1)
        torch.testing.assert_close(network(clips, labels), expected)


@pytest.mark.parametrize("build", [stacked, dual])
def test_labels_and_classes_go_together(build):
    with pytest.raises(ValueError, match="4 clips need a label each, and none were given"):
        build()(clips_of())
    with pytest.raises(ValueError, match="4 clips need a label each, and 3 were given"):
        build()(clips_of(), torch.zeros(3).long())
    with pytest.raises(ValueError, match=r"labels were given to a .*Discriminator with no classes"):
        build(classes=0)(clips_of(), torch.zeros(4).long())


@pytest.mark.parametrize("build", [small_residual, stacked, dual])
def test_a_label_changes_only_its_own_logit(build):
    network, clips = build(classes=3), clips_of()
    with torch.no_grad():
        before = network(clips, torch.tensor([0, 1, 2, 0]))
        after = network(clips, torch.tensor([0, 1, 0, 0]))
    assert (before != after).tolist() == [False, False, True, False]


def test_projection_follows_its_formula():
    head = initialise(ProjectionHead(5, 3), seeded()).eval()
    assert head.embedding is not None
    features, labels = normal(6, 5), torch.tensor([2, 0, 1, 1, 2, 0])
    vectors, direction = head.embedding.weight, head.linear.weight
    assert isinstance(vectors, torch.Tensor)
    assert isinstance(direction, torch.Tensor)
    chosen = vectors.T[labels]  # e_y
    expected = features @ direction[0] + (chosen * features).sum(1) + head.linear.bias
    torch.testing.assert_close(head(features, labels), expected)


def test_every_layer_of_the_residual_critic_is_spectrally_normal():
    network = small_residual(classes=3)
    layers = [module for module in network.modules() if isinstance(module, (nn.Conv3d, nn.Linear))]
    for layer in layers:
        assert parametrize.is_parametrized(layer, "weight")
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
        assert largest == pytest.approx(1, abs=0.05)


def test_a_shrinking_block_halves_and_adds_its_shortcut():
    block = initialise(ShrinkingBlock(4, 6, along_time=3, first=True), seeded()).eval()
    clips = normal(2, 4, 6, 8, 8)
    found = block.two(block.one(clips).relu())
    half = nn.functional.avg_pool3d(found + block.shortcut(clips), 2)
    torch.testing.assert_close(block(clips), half)


# The batch's spread -----------------------------------------------------------------------------


def test_one_clip_over_and_over_gives_itself_away():
    """Signature of collapse: the added channel falls to nearly 0."""
    layer = MinibatchStd(group=4)
    varied = normal(8, 3, 5, 5)
    same = varied[:1].expand(8, -1, -1, -1)
    torch.testing.assert_close(layer(varied)[:, :3], varied)
    expected = varied.unflatten(0, (2, 4)).std(1, unbiased=False).mean((1, 2, 3))
    torch.testing.assert_close(layer(varied)[:, 3, 0, 0], expected.repeat_interleave(4))
    assert layer(same)[:, 3].max() < 1e-3
    assert layer(varied)[:, 3].min() > 0.5
    assert layer(varied[:1])[:, 3].max() < 1e-3  # a batch of one has no spread
    assert layer(varied[:3]).shape == (3, 4, 5, 5)


def test_the_temporal_critic_can_be_shown_the_batchs_spread():
    network, clips = small_residual(minibatch_std=True), clips_of()
    with torch.no_grad():
        assert network(clips).shape == (4,)
        changed = network(torch.cat([clips[:1], clips[:1], clips[:1], clips[:1]]))
        assert (changed[0] - network(clips)[0]).abs() > 1e-4  # the same clip in other company
        alone = small_residual()
        torch.testing.assert_close(alone(clips[:1]), alone(clips)[:1], atol=1e-5, rtol=1e-4)


# Singular value clipping ------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(8, 30), (30, 8), (8, 8), (1, 20)])
def test_cutting_agrees_with_the_full_decomposition(shape):
    matrix = normal(*shape, seed=3) / 2
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    expected = left @ torch.diag(values.clamp(max=1.0)) @ right
    assert values.max() > 1
    torch.testing.assert_close(cut_singular_values(matrix, 1.0), expected, atol=1e-5, rtol=1e-4)


def test_a_matrix_of_lower_rank_is_cut_too():
    matrix = 3 * normal(6, 1) @ normal(1, 9, seed=1)
    cut = cut_singular_values(matrix, 1.0)
    torch.testing.assert_close(torch.linalg.matrix_norm(cut, 2), torch.tensor(1.0))
    assert torch.linalg.matrix_rank(cut, atol=1e-4) == 1
    assert not cut_singular_values(torch.zeros(3, 5), 1.0).any()


def test_clipping_acts_on_every_fifth_step_and_on_every_layer():
    network = TGANDiscriminator(frames=4, size=16, channels=4)
    for parameter in network.parameters():
        parameter.data.mul_(20).add_(0.5)
    for buffer in network.buffers():
        if buffer.ndim:
            buffer.add_(3.0)
    before = copy.deepcopy(network.state_dict())
    for step in (1, 2, 3, 4):
        clip_singular_values(network, step)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    clip_singular_values(network, 5)
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            largest = torch.linalg.matrix_norm(module.weight.flatten(1), 2).item()
            assert largest == pytest.approx(1, abs=1e-4)
        if isinstance(module, nn.BatchNorm3d):
            assert module.running_var is not None
            assert (module.weight <= (module.running_var + module.eps).sqrt()).all()


def test_clipping_twice_is_clipping_once():
    network = initialise(TGANDiscriminator(frames=4, size=16, channels=4), seeded())
    clip_singular_values(network)
    once = copy.deepcopy(network.state_dict())
    clip_singular_values(network)
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, once[key], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PatchDiscriminator(size=20), "16, 24, 32, … in steps of 8, not 20"),
        (lambda: PatchDiscriminator(size=8), "in steps of 8, not 8"),
        (lambda: PatchDiscriminator(frames=0), "at least one frame, not 0"),
        (lambda: PatchDiscriminator(normalisation="layer"), '"batch" or "none", not'),
        (lambda: MoCoGANVideoDiscriminator(size=20), "20 pixels cannot be built"),
        (lambda: MoCoGANVideoDiscriminator(frames=0), "at least one frame, not 0"),
        (lambda: TGANDiscriminator(frames=12), "1, 2, 4, 8, 16, 32, …, not 12"),
        (lambda: TGANDiscriminator(size=20), "20 pixels cannot be built"),
        (lambda: ResidualDiscriminator(size=8), "8 pixels cannot be built; choose one of 16, 32"),
        (lambda: ResidualDiscriminator(frames=0), "at least one frame is needed, not 0"),
        (lambda: ResidualDiscriminator(shown=0), "16 with 0 shown"),
        (lambda: small_residual(classes=3)(clips_of()), "4 clips need a label each, and none"),
        (
            lambda: small_residual(classes=3)(clips_of(), torch.tensor([1])),
            "4 clips need a label each, and 1 were given",
        ),
        (lambda: small_residual()(clips_of(), torch.tensor([1] * 4)), "with no classes"),
        (lambda: sample_frames(clips_of(), 0, seeded()), "at least one frame must be shown"),
        (lambda: clip_singular_values(nn.Linear(2, 2), every=0), "not every 0"),
    ],
)
def test_what_cannot_be_done_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
