"""Every operation of the page's script against PyTorch."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.support.drawn import finished
from tests.support.seeds import normal
from vgan_tutorial.generators.painter import ModulatedConv, turn
from vgan_tutorial.latents import choose
from vgan_tutorial.live.program import Program

RUN = """
return data.map(({op, inputs, tensors, settings, wanted, fast}) => {
  vganProducts.fast = fast;
  const typed = ({shape, data}) => ({shape, data: Float32Array.from(data)});
  const kept = {}, given = [inputs.map(typed), tensors.map(typed)];
  // twice: what a layer keeps serves the second time
  const once = () => vganOperations[op](...given, settings, kept, wanted);
  const first = Array.from(once().data), {shape, data} = once();
  if (!first.every((number, i) => number === data[i])) return "changes";
  return {shape, data: first};
});
"""


def as_value(tensor: Tensor) -> dict:
    """A picture with its channels last, or whatever else, as the script holds it."""
    if tensor.ndim == 4:
        tensor = tensor.movedim(1, -1)
    return {"shape": list(tensor.shape), "data": tensor.flatten().tolist()}


@pytest.fixture
def run(node):
    """The answer of one operation, by the kernel; it must be that of the plain script too."""

    def of(op, inputs, tensors=(), wanted=None, **settings):
        job = {"op": op, "inputs": [as_value(each) for each in inputs], "settings": settings}
        job["tensors"] = [
            {"shape": list(each.shape), "data": each.flatten().tolist()} for each in tensors
        ]
        job["wanted"] = wanted
        fast, plain = node(RUN, [{**job, "fast": True}, {**job, "fast": False}])
        np.testing.assert_allclose(fast["data"], plain["data"], atol=1e-5)
        answer = torch.tensor(fast["data"]).reshape(fast["shape"])
        return answer.movedim(-1, 1) if answer.ndim == 4 else answer

    return of


def same(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def weights_of(layer: nn.Module) -> tuple[Program, dict]:
    """A layer as the one operation of a program."""
    program = Program(nn.Sequential(finished(layer)))
    program.chain(0, [layer])
    return program, program.operations[-1]


LAYERS: dict[str, Any] = {
    "linear": (lambda: nn.Linear(5, 7), (3, 5)),
    "linear of a picture": (lambda: nn.Linear(5, 7, bias=False), (1, 5)),
    "convolution": (lambda: nn.Conv2d(5, 7, 3, padding=1), (2, 5, 6, 4)),
    "narrower": (lambda: nn.Conv2d(3, 9, (2, 5), padding=(0, 1), bias=False), (2, 3, 6, 8)),
    "pointwise": (lambda: nn.Conv2d(8, 3, 1), (1, 8, 3, 3)),
    "doubling": (lambda: nn.ConvTranspose2d(5, 6, 4, 2, 1), (2, 5, 3, 4)),
    "uneven": (lambda: nn.ConvTranspose2d(5, 6, 3, 2, 1, output_padding=1), (2, 5, 3, 4)),
    "from one place": (lambda: nn.ConvTranspose2d(5, 6, 4, bias=False), (3, 5, 1, 1)),
    "thrice": (lambda: nn.ConvTranspose2d(2, 3, (5, 3), (3, 2), (1, 0)), (1, 2, 4, 2)),
    "full": (lambda: nn.ConvTranspose2d(2, 3, 3, 1, 0), (1, 2, 4, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(run, name):
    build, shape = LAYERS[name]
    layer = build()
    program, operation = weights_of(layer)
    tensors = [program.tensors[number].value for number in operation.pop("tensors")]
    if layer.bias is not None:
        assert torch.equal(tensors[1], layer.bias)
        tensors[1] = normal(*layer.bias.shape, seed=4)
        layer.bias.copy_(tensors[1])
    operation.pop("from")
    features = normal(*shape)
    same(run(operation.pop("op"), [features], tensors, **operation), layer(features))


@pytest.mark.parametrize(
    ("layer", "norm", "shape"),
    [
        (nn.Linear(4, 6, bias=False), nn.BatchNorm1d(6), (3, 4)),
        (nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), (2, 4, 5, 5)),
        (nn.ConvTranspose2d(4, 6, 4, 2, 1, bias=False), nn.BatchNorm2d(6), (2, 4, 3, 3)),
    ],
)
def test_a_normalisation_goes_into_the_layer_before_it(run, layer, norm, shape):
    network = finished(nn.Sequential(layer, norm))
    norm.bias.copy_(normal(6))
    program = Program(network)
    program.chain(0, network)
    (operation,) = program.operations[1:]
    features = normal(*shape)
    expected = network(features)
    tensors = [program.tensors[number].value for number in operation.pop("tensors")]
    operation.pop("from")
    same(run(operation.pop("op"), [features], tensors, **operation), expected)
    for tensor in program.tensors:  # back into the network
        tensor.put(tensor.value.clone())
    same(network(features), expected)
    assert not norm.running_mean.any()


def test_transposed_convolutions_along_time(run):
    """A line is a picture of height 1."""
    layer = nn.ConvTranspose1d(5, 6, 4, 2, 1)
    program, operation = weights_of(layer)
    tensors = [program.tensors[number].value for number in operation.pop("tensors")]
    operation.pop("from")
    line = normal(2, 5, 3)
    found = run(operation.pop("op"), [line[:, :, None]], tensors, **operation)
    same(found, layer(line)[:, :, None])


def test_modulated_convolutions(run):
    block = finished(ModulatedConv(5, 7, 3))
    block.bias.copy_(normal(7, 1, 1, seed=5))
    features, steering = normal(2, 5, 4, 4), normal(2, 3, seed=1)
    tensors = [block.weight.weight, block.bias]
    settings = {"padding": [1, 1], "gain": math.sqrt(2)}
    found = run("modulated", [features, block.scale(steering)], tensors, **settings)
    grown = run("enlarge", [found], shape=[8, 8])
    same(run("leaky_relu", [grown], slope=0.2), block(features, steering))


def test_recurrence(run):
    network = finished(nn.GRU(4, 4, batch_first=True))
    rows = normal(6, 4)
    tensors = [network.weight_ih_l0, network.weight_hh_l0, network.bias_ih_l0, network.bias_hh_l0]
    expected, _ = network(rows[None, 1:], rows[None, :1])
    same(run("gru", [rows], tensors), expected[0])


@pytest.mark.parametrize(
    ("before", "after"), [((4, 4), (8, 8)), ((3, 5), (7, 6)), ((1, 2), (4, 5))]
)
def test_enlarging(run, before, after):
    picture = normal(2, 3, *before)
    expected = functional.interpolate(picture, after, mode="bilinear")
    same(run("enlarge", [picture], shape=list(after)), expected)


def test_activations(run):
    features = torch.cat([normal(2, 60), torch.tensor([[0.0, 50.0, -50.0]]).repeat(2, 1)], dim=1)
    same(run("leaky_relu", [features], slope=0.2), functional.leaky_relu(features, 0.2))
    same(run("relu", [features]), features.relu())
    same(run("tanh", [features]), features.tanh())
    same(run("sigmoid", [features]), features.sigmoid())
    same(run("affine", [features], scale=0.8, shift=0.1), 0.8 * features + 0.1)


def test_latents(run):
    latent = normal(1, 9)
    same(run("slice", [latent], begin=2, end=5), latent[:, 2:5])
    same(run("reshape", [latent], shape=[3, 3]), latent.reshape(3, 3))
    same(run("choose", [latent], choices=7, scale=math.sqrt(7)), choose(latent, 7))
    same(run("normalise", [latent]), functional.normalize(latent, dim=1) * 3)
    same(run("uniform", [latent]), 2 * torch.special.ndtr(latent) - 1)
    same(run("unflatten", [latent], shape=[-1, 1, 3]), latent.unflatten(1, (3, 1, 3)))


def test_rows(run):
    first, second = normal(4, 3), normal(4, 2, seed=1)
    same(run("concatenate", [first, second]), torch.cat([first, second], dim=1))
    pictures = normal(2, 3, 4, 5), normal(2, 1, 4, 5, seed=1)
    same(run("concatenate", list(pictures)), torch.cat(pictures, dim=1))
    same(run("repeat", [first[:1]], rows=3), first[:1].repeat(3, 1))
    same(run("pick", [pictures[0]], wanted=[1]), pictures[0][1:])
    same(run("pick", [first]), first)
    same(run("constant", [], [first[0]]), first[:1])
    turns = torch.tensor([0.4, 1.1])
    angles = torch.arange(5)[:, None] * turns
    same(run("clock", [], [turns], frames=5), torch.cat([angles.sin(), angles.cos()], dim=1))
    motion = normal(1, 4)
    same(run("turn", [motion], [turns], frames=5), turn(motion, angles)[0])


def test_tiles(run):
    """Laid as PyTorch's `grid_sample` lays them, and over the frame's edge too."""
    tile, centres = normal(1, 1, 4, 4), torch.tensor([[0.5, 0.4], [0.1, 0.95]])
    pixels = (torch.arange(8) + 0.5) / 8
    x, y = ((pixels - centres[..., None]) * 2 / 0.55).unbind(1)
    grid = torch.stack(torch.broadcast_tensors(x[:, None], y[..., None]), dim=-1)
    expected = functional.grid_sample(tile.expand(2, -1, -1, -1), grid, align_corners=False)
    same(run("tile", [tile, centres], size=8, span=0.55), expected)
    mask, figure, ground = normal(2, 1, 3, 3), normal(1, 3), normal(1, 3, seed=1)
    laid = mask * figure[:, :, None, None] + (1 - mask) * ground[:, :, None, None]
    same(run("overlay", [mask, figure, ground]), laid)


def test_layers_that_the_page_cannot_run_are_refused():
    for layer, message in (
        (nn.Conv2d(4, 4, 3, stride=2), r"cannot run Conv2d\(4, 4.*stride=\(2, 2\)"),
        (nn.ConvTranspose2d(4, 4, 1, stride=2), "cannot run ConvTranspose2d"),
        (nn.Conv2d(4, 4, 3, groups=2), "cannot run Conv2d"),
        (nn.Softplus(), "cannot run Softplus in a chain"),
        (nn.Upsample((8, 8)), "cannot run Upsample in a chain"),
        (nn.Upsample(scale_factor=2, mode="bilinear"), "cannot run Upsample in a chain"),
        (
            nn.Upsample((8, 8), mode="bilinear", align_corners=True),
            "cannot run Upsample in a chain",
        ),
    ):
        network = nn.Sequential(layer)
        with pytest.raises(ValueError, match=message):
            Program(network).chain(0, network)
