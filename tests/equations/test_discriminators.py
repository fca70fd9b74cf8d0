"""Every displayed equation of chapter 5, checked as mathematics: ``test_`` plus its label."""

import math
from itertools import pairwise, permutations

import pytest
import torch
from torch import nn

from tests.support.seeds import seeded
from vgan_tutorial.discriminators import ArticleDiscriminator, VideoDiscriminator
from vgan_tutorial.layers import initialise
from vgan_tutorial.losses import largest_singular_value
from vgan_tutorial.oracle import DAMAGES
from vgan_tutorial.shapes import MovingShapes


def frame_wise(frames=4):
    return initialise(ArticleDiscriminator(frames, size=16, channels=8), seeded()).double()


def test_eq_frame_mean():
    clips = torch.randn(3, 3, 4, 16, 16, dtype=torch.float64, generator=seeded())
    network = frame_wise()
    each = [network.frame_network(clips[:, :, time])[:, 0] for time in range(4)]
    torch.testing.assert_close(network(clips), sum(each) / 4)


def test_eq_frame_order():
    """All 24 orders of four frames score the same; a critic of motion tells them apart."""
    clips = torch.randn(2, 3, 4, 16, 16, dtype=torch.float64, generator=seeded())
    network = frame_wise()
    video = VideoDiscriminator(4, 16, channels=8, normalisation="none")
    video = initialise(video, seeded()).double()
    for order in permutations(range(4)):
        torch.testing.assert_close(network(clips[:, :, list(order)]), network(clips))
        if order != (0, 1, 2, 3):
            assert (video(clips[:, :, list(order)]) - video(clips)).abs().max() > 1e-6


@pytest.mark.parametrize("threshold", [-0.3, 0.0, 0.2])
def test_eq_half_right(threshold):
    """Equal scores: for any threshold one of the pair is called right and one wrong."""
    clips = MovingShapes("tiny", 0).batch(64)[0].double()
    shuffled = DAMAGES["shuffled frames"](clips, seeded(1))
    network = initialise(ArticleDiscriminator(8, 16, channels=8), seeded()).double()
    with torch.no_grad():
        scores = network(clips), network(shuffled)
    threshold = scores[0].median() + threshold * scores[0].std() + 1e-9  # in the thick of them
    right = (scores[0] > threshold).double().mean() + (scores[1] <= threshold).double().mean()
    assert right.item() / 2 == 0.5


def test_eq_spliced():
    """The score of a clip put together from two halves is the mean of two clips' scores."""
    first, second = MovingShapes("tiny", 3).batch(2)[0].double().split(1)
    network = initialise(ArticleDiscriminator(8, 16, channels=8), seeded()).double()
    spliced = torch.cat([first[:, :, :4], second[:, :, 4:]], 2)
    counterpart = torch.cat([second[:, :, :4], first[:, :, 4:]], 2)
    scores = network(spliced) + network(counterpart)
    torch.testing.assert_close(scores, network(first) + network(second))


def test_eq_logit():
    """s = log(D / (1 - D)) undoes D = sigmoid(s), and log D has a gradient where D rounds to 0."""
    logits = torch.linspace(-12, 12, 49, dtype=torch.float64)
    probability = 1 / (1 + (-logits).exp())
    torch.testing.assert_close((probability / (1 - probability)).log(), logits)
    torch.testing.assert_close(probability, torch.sigmoid(logits))


def test_eq_power_iteration():
    """The estimate climbs to the largest singular value, and never passes it."""
    matrix = torch.randn(12, 20, dtype=torch.float64, generator=seeded())
    values = torch.linalg.svdvals(matrix)
    right = nn.functional.normalize(
        torch.randn(20, dtype=torch.float64, generator=seeded(1)), dim=0
    )
    estimates = []
    for _ in range(60):
        left = nn.functional.normalize(matrix @ right, dim=0)
        right = nn.functional.normalize(matrix.T @ left, dim=0)
        estimates.append((left @ matrix @ right).item())
    assert all(later >= earlier - 1e-12 for earlier, later in pairwise(estimates))
    assert estimates[-1] == pytest.approx(values[0].item(), rel=1e-6)
    assert estimates[-1] <= values[0].item() + 1e-12
    package = largest_singular_value(matrix, iterations=60, generator=seeded(1))
    assert package.item() == pytest.approx(values[0].item(), rel=1e-6)


@pytest.mark.parametrize(("kernel", "stride"), [(4, 2), (3, 1), (4, 4), (5, 2)])
@pytest.mark.parametrize("dimensions", [1, 2])
def test_eq_convolution_norm(kernel, stride, dimensions):
    """A convolution stretches by at most sqrt(patches that share a value) times its matrix's norm.

    The convolution is written out as a matrix, column by column, and its norm taken exactly.
    """
    convolve = getattr(nn.functional, f"conv{dimensions}d")
    shape = (2, *(9,) * dimensions)
    weight = torch.randn(3, 2, *(kernel,) * dimensions, dtype=torch.float64, generator=seeded())
    basis = torch.eye(math.prod(shape), dtype=torch.float64).reshape(-1, *shape)
    columns = convolve(basis, weight, stride=stride, padding=1).flatten(1)
    exact = torch.linalg.matrix_norm(columns, 2)
    flat = torch.linalg.matrix_norm(weight.flatten(1), 2)
    shared = math.ceil(kernel / stride) ** dimensions
    assert exact <= math.sqrt(shared) * flat + 1e-9
    if stride == kernel:
        torch.testing.assert_close(exact, flat)  # patches that do not overlap: equality


@pytest.mark.parametrize(("size", "shared"), [(4, 1), (5, 2), (6, 3), (7, 4), (9, 4)])
def test_eq_convolution_norm_with_few_places(size, shared):
    """A kernel of 4 that lies at one place has n = 1, at two places 2; never more than 4."""
    weight = torch.randn(3, 2, 4, dtype=torch.float64, generator=seeded())
    inputs = torch.eye(2 * size, dtype=torch.float64).reshape(-1, 2, size)
    columns = nn.functional.conv1d(inputs, weight).flatten(1)
    exact = torch.linalg.matrix_norm(columns, 2).item()
    flat = torch.linalg.matrix_norm(weight.flatten(1), 2).item()
    assert exact <= math.sqrt(shared) * flat + 1e-9
    if shared == 1:
        assert exact == pytest.approx(flat)
    covered = nn.functional.conv_transpose1d(
        torch.ones(1, 1, size - 3), torch.ones(1, 1, 4)
    )  # how many patches each input is in
    assert covered.max().item() == shared


def test_eq_slope_bound():
    """Nowhere is a network steeper than the product of its layers' bounds."""
    network = initialise(
        VideoDiscriminator(8, 16, channels=8, normalisation="none", spectral=True), seeded()
    )
    network.eval()
    clips = MovingShapes("tiny", 0).batch(16)[0].requires_grad_(True)
    (gradient,) = torch.autograd.grad(network(clips).sum(), clips)
    steepest = gradient.flatten(1).norm(dim=1).max().item()
    bound = 1.0
    for layer in network.modules():
        if isinstance(layer, nn.Conv3d):
            shared = math.prod(
                math.ceil(k / s) for k, s in zip(layer.kernel_size, layer.stride, strict=True)
            )
            if layer.kernel_size[-1] == 4 and layer.stride[-1] == 1:
                shared = 1  # the last layer looks once, at everything
            sigma = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
            bound *= math.sqrt(shared) * sigma
    assert 0 < steepest <= bound
    assert bound == pytest.approx(8, rel=0.1)  # two strided layers, sqrt(8) each


def test_eq_batch_norm():
    """The statistics are those of the whole batch: each output has a gradient to every clip."""
    batch = torch.randn(5, 2, 3, 4, 4, dtype=torch.float64, generator=seeded())
    layer = nn.BatchNorm3d(2).double().train()
    mean = batch.mean((0, 2, 3, 4), keepdim=True)
    variance = batch.var((0, 2, 3, 4), correction=0, keepdim=True)
    torch.testing.assert_close(layer(batch), (batch - mean) / (variance + layer.eps).sqrt())
