"""What holds for every generator: shapes, ranges, gradients, one clip a latent."""

import pytest
import torch
from torch import nn

from tests.support.generators import build, small_content_motion, small_mocogan, small_residual
from tests.support.seeds import seeded
from vgan_tutorial.generators import GENERATORS
from vgan_tutorial.latents import class_vector, sample_latent
from vgan_tutorial.shapes import PRESETS


@pytest.mark.parametrize("preset", ["tiny", "small"])
@pytest.mark.parametrize("name", GENERATORS)
def test_clips_have_the_presets_shape_and_range(name, preset):
    shape = PRESETS[preset]
    network = build(name, preset)
    with torch.no_grad():
        clips = network(3 * sample_latent(network, 2, seeded()))
    assert clips.shape == (2, 3, shape.frames, shape.size, shape.size)
    assert clips.isfinite().all()
    assert clips.abs().max() <= 1
    assert clips.std() > 1e-4  # a blank clip has the right shape too


@pytest.mark.parametrize("name", GENERATORS)
def test_a_batch_of_one_in_evaluation_mode(name):
    network = build(name).eval()
    latent = sample_latent(network, 4, seeded())
    with torch.no_grad():
        alone, together = network(latent[2:3]), network(latent)[2:3]
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", GENERATORS)
def test_a_gradient_reaches_every_parameter(name):
    network = build(name)
    for gate in (parameter for parameter in network.parameters() if parameter.ndim == 0):
        gate.data.fill_(0.5)  # a gate that starts at nought lets nothing through at first
    clips = network(sample_latent(network, 4, seeded()))
    weights = torch.randn(clips.shape, generator=seeded(1))
    (clips * weights).sum().backward()
    stuck = [
        key
        for key, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    assert not stuck


@pytest.mark.parametrize("name", GENERATORS)
def test_no_clip_depends_on_another_ones_latent(name):
    network = build(name).eval()
    latent = sample_latent(network, 3, seeded()).requires_grad_(True)
    (gradient,) = torch.autograd.grad(network(latent)[1].square().sum(), latent)
    reached = gradient.flatten(1).abs().amax(1) > 0
    assert reached.tolist() == [False, True, False]


@pytest.mark.parametrize("build", [small_mocogan, small_residual, small_content_motion])
def test_a_class_changes_only_its_own_clip(build):
    network = build()
    latent = sample_latent(network, 4, seeded())
    with torch.no_grad():
        before = network(latent, torch.tensor([0, 1, 2, 0]))
        after = network(latent, torch.tensor([0, 1, 0, 0]))
    changed = (after - before).abs().flatten(1).amax(1)
    assert (changed > 1e-5).tolist() == [False, False, True, False]
    assert (changed[[0, 1, 3]] == 0).all()


@pytest.mark.parametrize("build", [small_mocogan, small_residual, small_content_motion])
def test_labels_replace_the_latents_choice(build):
    network = build()
    latent = sample_latent(network, 6, seeded())
    chosen = class_vector(latent, None, 3).argmax(1)
    with torch.no_grad():
        torch.testing.assert_close(network(latent, chosen), network(latent))
        moved = torch.cat([latent[:, :1] + 10, latent[:, 1:]], dim=1)  # another choice
        torch.testing.assert_close(network(moved, chosen), network(latent))


def test_break_batch_norm_epsilon():
    """The second argument of a batch norm is eps: 0.8 there leaves quiet channels quiet."""
    quiet = 0.1 * torch.randn(64, 4, 8, 8, generator=seeded())
    slip, right = nn.BatchNorm2d(4, 0.8), nn.BatchNorm2d(4, momentum=0.8)
    assert (slip.eps, slip.momentum) == (0.8, 0.1)
    assert right(quiet).std().item() == pytest.approx(1, abs=0.01)
    assert slip(quiet).std().item() < 0.2


def test_break_contents_repeated_wrongly():
    """`repeat` hands the frames of one clip to the contents of all; `repeat_interleave` does not.

    Signature: a clip's frames depend on other clips' contents. With one clip nobody can tell.
    """

    def codes(content, path, spread):
        time = path.shape[1]
        rows = content.repeat(time, 1) if spread == "repeat" else content.repeat_interleave(time, 0)
        return torch.cat([rows, path.flatten(0, 1)], 1).unflatten(0, path.shape[:2])

    def contents_seen(batch, spread):
        """How many clips' contents enter the frames of the first clip."""
        content = torch.randn(batch, 5, generator=seeded(), requires_grad=True)
        path = torch.randn(batch, 6, 2, generator=seeded(1))
        (gradient,) = torch.autograd.grad(codes(content, path, spread)[0].sum(), content)
        return int(gradient.any(1).sum())

    assert contents_seen(4, "repeat") == 4
    assert contents_seen(4, "repeat_interleave") == 1
    assert contents_seen(1, "repeat") == contents_seen(1, "repeat_interleave") == 1


def test_break_classes_dealt_out_with_repeat():
    """`repeat` on rows that lie clip by clip feeds frames the vectors of other clips."""
    vectors, frames = torch.arange(3), 4
    right = vectors.repeat_interleave(frames).unflatten(0, (3, frames))
    wrong = vectors.repeat(frames).unflatten(0, (3, frames))
    assert (right == vectors[:, None]).all()
    assert right.shape == wrong.shape
    assert (wrong == vectors[:, None]).float().mean().item() == 0.5
