"""Every displayed equation of chapter 4, checked as mathematics: ``test_`` plus its label."""

import cmath
import math

import pytest
import torch
from torch import nn

from tests.support.seeds import seeded
from vgan_tutorial.generators import ArticleGenerator, ContentMotionGenerator, VGANGenerator
from vgan_tutorial.generators.painter import ModulatedConv, PainterGenerator
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.layers import initialise, receptive_field


def positive(network):
    """Only positive weights and no rectifier: no path from input to output can cancel."""
    for parameter in network.parameters():
        parameter.data = parameter.data.abs() + 0.1
    return network


def reached(network, size, position):
    """Which inputs along an axis one output depends on, read from the gradient."""
    signal = torch.ones(1, 1, size, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(signal)[0, 0, position], signal)
    return gradient[0, 0].nonzero()[:, 0]


@pytest.mark.parametrize(
    "layers", [[(3, 1)], [(4, 2)], [(4, 2), (4, 2)], [(3, 1), (5, 3), (4, 2)], [(7, 1), (4, 2)]]
)
def test_eq_field_convolution(layers):
    network = positive(nn.Sequential(*(nn.Conv1d(1, 1, k, s) for k, s in layers)))
    seen = reached(network, size=200, position=5)
    field = 1
    for kernel, stride in reversed(layers):
        field = stride * (field - 1) + kernel
    assert len(seen) == seen.max() - seen.min() + 1 == field == receptive_field(network)


@pytest.mark.parametrize(
    ("kernel", "stride"),
    [(kernel, stride) for kernel in (2, 3, 4, 5, 6) for stride in (1, 2, 3) if kernel >= stride],
)
@pytest.mark.parametrize("after", [1, 2, 7])
def test_eq_field_transposed(kernel, stride, after):
    """The largest field over all ways in which a window can lie on the grid is the formula's."""
    network = positive(
        nn.Sequential(nn.ConvTranspose1d(1, 1, kernel, stride), nn.Conv1d(1, 1, after))
    )
    fields = [reached(network, size=60, position=30 + shift) for shift in range(stride)]
    largest = max(int(seen.max() - seen.min()) + 1 for seen in fields)
    assert largest == (after + kernel - 2) // stride + 1 == receptive_field(network)
    if kernel == stride:  # pixels dealt out from channels: the same window, put in another way
        rest = network[1]
        assert receptive_field([nn.PixelShuffle(stride), rest]) == largest


def test_eq_independent_frames():
    """Each frame is a function of its own noise; the frames' covariance over clips is nought."""
    network = initialise(ArticleGenerator(frames=2, size=8, channels=4), seeded()).eval()
    noise = sample_latent(network, 4000, seeded(1))
    with torch.no_grad():
        clips = network(noise)
        alone = network.frame_network(noise[:, :, 1])
    torch.testing.assert_close(clips[:, :, 1], alone)
    first, second = (clips[:, :, index].flatten(1) for index in (0, 1))
    first, second = (frame - frame.mean(0) for frame in (first, second))
    scale = first.std(0)[:, None] * second.std(0)
    correlation = first.T @ second / len(clips) / scale
    assert correlation.abs().max() < 6 / math.sqrt(len(clips))  # six standard errors
    itself = (first.T @ first / len(clips)).diagonal() / first.std(0).square()
    assert itself.min() > 0.99  # the same yardstick finds what is there


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(4, 2, 1), (3, 2, 1), (5, 3, 0)])
def test_eq_transposed_convolution(kernel, stride, padding):
    signal = torch.randn(7, dtype=torch.float64, generator=seeded())
    weight = torch.randn(kernel, dtype=torch.float64, generator=seeded(1))
    expected = nn.functional.conv_transpose1d(
        signal[None, None], weight[None, None], stride=stride, padding=padding
    )[0, 0]
    for index in range(len(expected)):
        taps = [(j, index + padding - stride * j) for j in range(len(signal))]
        value = sum(signal[j] * weight[tap] for j, tap in taps if 0 <= tap < kernel)
        assert float(value) == pytest.approx(float(expected[index]), abs=1e-12)


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(4, 2, 1), (3, 2, 1), (4, 1, 0)])
@pytest.mark.parametrize("inputs", [1, 4, 9])
def test_eq_transposed_size(inputs, kernel, stride, padding):
    layer = nn.ConvTranspose1d(1, 1, kernel, stride, padding)
    size = layer(torch.zeros(1, 1, inputs)).shape[-1]
    assert size == (inputs - 1) * stride - 2 * padding + kernel
    if (kernel, stride, padding) == (4, 2, 1):
        assert size == 2 * inputs


def test_eq_adjoint():
    """<C x, y> = <x, C^T y>, where C^T is the transposed convolution with the same weight."""
    for dimensions in (1, 2, 3):
        convolve = getattr(nn.functional, f"conv{dimensions}d")
        transpose = getattr(nn.functional, f"conv_transpose{dimensions}d")
        weight = torch.randn(5, 3, *(4,) * dimensions, dtype=torch.float64, generator=seeded())
        x = torch.randn(2, 3, *(8,) * dimensions, dtype=torch.float64, generator=seeded(1))
        y = torch.randn(2, 5, *(4,) * dimensions, dtype=torch.float64, generator=seeded(2))
        left = (convolve(x, weight, stride=2, padding=1) * y).sum()
        right = (x * transpose(y, weight, stride=2, padding=1)).sum()
        torch.testing.assert_close(left, right)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (4, 2), (5, 2), (6, 3), (4, 3), (2, 1)])
def test_eq_overlap(kernel, stride):
    """How many inputs paint on an output: from the formula, and with weights of one."""
    painted = nn.functional.conv_transpose1d(
        torch.ones(1, 1, 20), torch.ones(1, 1, kernel), stride=stride
    )[0, 0]
    for index in range(kernel, len(painted) - kernel):
        count = sum(1 for tap in range(kernel) if (index - tap) % stride == 0)
        assert painted[index] == count
    inside = painted[kernel : len(painted) - kernel]
    assert bool((inside == inside[0]).all()) == (kernel % stride == 0)


def test_eq_two_streams():
    network = VGANGenerator(frames=8, size=16, channels=8).eval()
    latent = sample_latent(network, 3, seeded())
    with torch.no_grad():
        foreground, mask, background = network.streams(latent)
        clips = network(latent)
    assert background.shape[2] == 1  # one picture for all frames
    assert mask.min() >= 0
    assert mask.max() <= 1
    for time in range(8):
        m, f = mask[:, :, time], foreground[:, :, time]
        torch.testing.assert_close(clips[:, :, time], m * f + (1 - m) * background[:, :, 0])


def test_eq_content_motion(monkeypatch):
    """Every frame is one function of the same content and of where the motion is at its time."""
    network = initialise(ContentMotionGenerator(frames=8, size=16), seeded()).eval()
    latent = sample_latent(network, 2, seeded())
    content, motion = latent.split([network.content, network.motion], 1)
    with torch.no_grad():
        clips, path = network(latent), network.draw_path(motion, 8)
        # two clips whose motion is at the same point must show the same frame
        other = torch.cat([content, motion.flip(0)], 1)
        swapped = network(other)
    assert path.shape[:2] == (2, 8)
    assert (clips - swapped).abs().max() > 1e-3
    with torch.no_grad():
        again = network(torch.cat([content, motion], 1), frames=3)
        colour, mask, ground = network.streams(latent)
    torch.testing.assert_close(again, clips[:, :, :3], atol=1e-5, rtol=1e-4)
    painted = mask * colour + (1 - mask) * ground
    torch.testing.assert_close(clips, painted, atol=1e-5, rtol=1e-4)
    elsewhere = network.draw_path(motion.flip(0), 8)
    elsewhere[:, 5] = path[:, 5]  # other motions that meet the first ones in one frame
    monkeypatch.setattr(network, "draw_path", lambda *_: elsewhere)
    with torch.no_grad():
        met = network(latent)
    torch.testing.assert_close(met[:, :, 5], clips[:, :, 5], atol=1e-5, rtol=1e-4)
    assert (met[:, :, 4] - clips[:, :, 4]).abs().max() > 1e-3
    for parameter in network.parameters():  # whatever the weights, it shows a clip
        parameter.data *= 100
    with torch.no_grad():
        loud = network.streams(latent)
    assert all(part.abs().max() <= 1 for part in loud)
    assert loud[1].min() >= 0
    assert max(part.abs().max() for part in loud) > 0.9


def test_eq_great_circle():
    """Between two independent standard normal latents every point is standard normal too."""
    first, second = (torch.randn(20_000, 6, generator=seeded(seed)) for seed in (0, 1))
    for angle in (0.0, 0.3, math.pi / 4, math.pi / 2):
        between = math.cos(angle) * first + math.sin(angle) * second
        assert between.mean(0).abs().max() < 0.04
        assert (between.T.cov() - torch.eye(6)).abs().max() < 0.05
    halfway = (first + second) / 2
    assert halfway.var(0).mean().item() == pytest.approx(0.5, abs=0.02)  # a straight line shrinks


def test_eq_mapping():
    """The layers that paint are shown f(c), and nothing else of the content."""
    network = initialise(PainterGenerator(frames=4, size=16), seeded()).eval()
    latent = sample_latent(network, 3, seeded())
    with torch.no_grad():
        content, motion = network.split(latent)
        codes, style = network.move(motion), network.mapping(content)
        torch.testing.assert_close(network.synthesise(style, codes), network(latent))
        network.mapping.register_forward_hook(lambda *_: style.flip(0))
        torch.testing.assert_close(network.synthesise(style.flip(0), codes), network(latent))


def modulated(layer, features, steering):
    """What a layer computes before its enlargement, and with its length, as sums over channels."""
    scales = 1 + steering @ layer.scale.weight.T + layer.scale.bias
    kernels = layer.weight.weight
    rows = []
    for x, s in zip(features, scales, strict=True):
        y = []
        for w in kernels:
            terms = [
                nn.functional.conv2d(s[i] * x[i : i + 1], w[i][None, None], padding=1)
                for i in range(3)
            ]
            y.append(torch.stack(terms).sum(0)[0])
        lengths = [(s.square() * w.square().sum((1, 2))).sum().sqrt() for w in kernels]
        rows.append((torch.stack(y), torch.stack(lengths)[:, None, None]))
    return rows


@torch.no_grad()
def test_eq_modulation():
    """Scaled inputs, summed over the channels: the layer's own output, before it is divided."""
    layer = initialise(ModulatedConv(3, 4, 5), seeded())
    features = torch.randn(2, 3, 8, 8, generator=seeded(1))
    steering = torch.randn(2, 5, generator=seeded(2))
    expected = [y for y, _ in modulated(layer, features, steering)]
    inner = layer.weight(features * (1 + layer.scale(steering))[:, :, None, None])
    torch.testing.assert_close(inner, torch.stack(expected), rtol=1e-4, atol=1e-5)
    layer.scale.weight.zero_()  # and an A of zero changes nothing
    plain = layer.weight(features)
    torch.testing.assert_close(
        torch.stack([y for y, _ in modulated(layer, features, steering)]), plain
    )


@torch.no_grad()
def test_eq_demodulation():
    """Divided by its length the output has mean square 1, for independent inputs of that kind."""
    layer = initialise(ModulatedConv(3, 4, 5), seeded())
    layer.bias.copy_(torch.tensor([0.5, -0.3, 0.1, 0.7])[:, None, None])
    steering = torch.randn(1, 5, generator=seeded(2))
    features = torch.randn(1, 3, 400, 400, generator=seeded(1))
    ((y, lengths),) = modulated(layer, features, steering)
    squares = (y / lengths)[:, 1:-1, 1:-1].square().mean((1, 2))
    assert (squares - 1).abs().max() < 0.03
    assert (y[:, 1:-1, 1:-1].square().mean((1, 2)) - 1).abs().max() > 0.1  # not before
    grown = nn.functional.interpolate((y / lengths)[None], scale_factor=2, mode="bilinear")
    expected = nn.functional.leaky_relu(2**0.5 * grown + layer.bias, 0.2)
    torch.testing.assert_close(layer(features, steering), expected, rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_eq_motion_code():
    """A perceptron of where every pair of the motion latent has turned to."""
    network = initialise(PainterGenerator(frames=8, size=16, motion=6), seeded()).eval()
    motion = torch.randn(2, 6, generator=seeded(1))
    codes = network.move(motion, 20)
    for row in range(2):
        for time in (0, 5, 19):
            turned = [
                complex(*motion[row, 2 * k : 2 * k + 2].tolist())
                * cmath.exp(1j * time * network.frequencies[k].item())
                for k in range(3)
            ]
            where = [z.real for z in turned] + [z.imag for z in turned]
            expected = network.clock(torch.tensor(where))
            torch.testing.assert_close(codes[row, time], expected, rtol=1e-4, atol=1e-4)
    told = PainterGenerator(frames=8, size=16, motion=6, classes=3)  # a class joins every frame
    label = torch.tensor([[0.0, 3**0.5, 0.0]])
    begun = torch.cat([motion[:1, 0::2], motion[:1, 1::2], label], 1)  # at time 0 nothing turned
    torch.testing.assert_close(
        told.move(torch.cat([motion[:1], label], 1))[:, 0], told.clock(begun)
    )
    network.frequencies = 2 * math.pi / 8 * torch.arange(1.0, 4)
    periodic = network.move(motion, 20)
    for frame in (8, 16):  # whole turns in a clip bring every pair home
        torch.testing.assert_close(periodic[:, frame], periodic[:, 0], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_eq_golden_clock():
    """The second pair turns once in a clip, and no later frame is an earlier one again."""
    network = PainterGenerator(frames=8, size=16)
    golden = (1 + 5**0.5) / 2
    expected = torch.tensor([2 * math.pi / 8 * golden**k for k in (-1, 0, 1, 2)])
    torch.testing.assert_close(network.frequencies, expected)
    codes = initialise(network, seeded()).move(torch.randn(1, 8, generator=seeded(1)), 80)[0]
    assert torch.pdist(codes).min() > 0.01
