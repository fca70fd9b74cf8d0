"""The page's script draws what PyTorch draws, for every kind of network that it can run."""

import json

import pytest
import torch

from tests.support.drawn import (
    SMOOTH,
    drawn_dcgan,
    drawn_mocogan,
    drawn_network,
    drawn_painter,
    drawn_tgan,
    latents_for,
)
from vgan_tutorial.generators import VGANGenerator
from vgan_tutorial.live import bundle as web
from vgan_tutorial.live.programs import KINDS, kind_of

AGREEMENT = 16e-3  # between script and PyTorch, two grey levels, with 16-bit random weights
GREY = 2 / 256  # a step of stored pixels, in model range
NETWORKS = {
    "content-motion tiny": lambda: drawn_network("tiny"),
    "content-motion small with classes": lambda: drawn_network("small", classes=4),
    "content-motion full": lambda: drawn_network("full"),
    "content-motion smooth": lambda: drawn_network("tiny", **SMOOTH),
    "painter 16": lambda: drawn_painter(8, 16),
    "painter 16 with choices": lambda: drawn_painter(8, 16, choices=5),
    "painter 16 with classes": lambda: drawn_painter(8, 16, classes=3),
    "painter 16 with factors": lambda: drawn_painter(8, 16, classes=(3, 2, 4)),
    "painter 32": lambda: drawn_painter(16, 32),
    "painter steady with picks": lambda: drawn_painter(
        8, 16, content=6, choices=5, picks=3, steady=True, classes=3
    ),
    "painter 32 with choices and classes": lambda: drawn_painter(16, 32, choices=5, classes=3),
    "painter narrow": lambda: drawn_painter(
        5, 16, channels=6, widest=10, style=7, motion=6, code=5
    ),
    "dcgan": lambda: drawn_dcgan(),
    "dcgan 32": lambda: drawn_dcgan(3, 32),
    "dcgan uneven": lambda: drawn_dcgan(kernel=3),
    "mocogan": lambda: drawn_mocogan(classes=0),
    "mocogan with classes": lambda: drawn_mocogan(4, 32, classes=4),
    "tgan": lambda: drawn_tgan(),
    "tgan 32": lambda: drawn_tgan(4, 32),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_script_agrees_with_pytorch(clips_of_script, name):
    network = NETWORKS[name]()
    latents = latents_for(network, 3)
    bundle = web.make_bundle(network, "float16")
    clips = clips_of_script(bundle, latents)
    expected = network(latents)
    assert (clips - expected).abs().max() < AGREEMENT
    # With the same rounded weights only the order of sums differs.
    assert (clips - web.read_bundle(bundle)(latents)).abs().max() < 1e-4
    assert expected.std(dim=(2, 3, 4)).amax(dim=1).min() > 0.05  # something to see in every clip
    different = clips.unsqueeze(0) - clips.unsqueeze(1)
    assert different.abs().amax(dim=(2, 3, 4, 5)).fill_diagonal_(1).min() > 4 * AGREEMENT


@pytest.mark.parametrize("kind", KINDS)
def test_frames_can_be_drawn_alone(clips_of_script, kind):
    network = next(build() for name, build in NETWORKS.items() if name.startswith(kind))
    latents = latents_for(network, 2)
    bundle = web.make_bundle(network, "float16")
    every = clips_of_script(bundle, latents)
    some = clips_of_script(bundle, latents, frames=[3, 1])
    torch.testing.assert_close(some, every[:, :, [3, 1]], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["painter 32", "dcgan", "mocogan", "tgan", "content-motion tiny"])
def test_whole_numbers_cost_less_than_a_grey_level(name):
    network = NETWORKS[name]()
    latents = latents_for(network, 4)
    bundle = web.make_bundle(network, "int8")
    error = (web.read_bundle(bundle)(latents) - network(latents)).abs().mean()
    print(f"{name}: mean error {error:.1e} with whole numbers")
    assert error < GREY


@pytest.mark.parametrize("name", NETWORKS)
def test_a_bundle_says_how_the_network_is_built(name):
    network = NETWORKS[name]()
    kind = KINDS[kind_of(network)]
    again = kind.network(**kind.arguments(network))
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    assert {name: value.shape for name, value in again.state_dict().items()} == shapes
    assert getattr(again, "latent_shape") == network.latent_shape  # noqa: B009


def test_halves_are_what_the_networks_read(clips_of_script):
    """The content half changes who is seen in all frames alike, the motion half nothing before."""
    network = drawn_mocogan(classes=3)
    who, how = web.make_bundle(network)["halves"]
    assert (who["begin"], who["end"]) == (1, 13)
    assert (how["begin"], how["end"]) == (13, network.latent_shape[0])
    latents = latents_for(network, 1)
    fixed, noise = network.split(latents)
    torch.testing.assert_close(latents[:, who["begin"] : who["end"]], fixed[:, :12])
    torch.testing.assert_close(latents[:, how["begin"] : how["end"]], noise.flatten(1))
    painter = drawn_painter(classes=3, choices=0)
    for half, part in zip(
        web.make_bundle(painter)["halves"], painter.split(latents_for(painter, 1)), strict=True
    ):
        numbers = latents_for(painter, 1)[:, half["begin"] : half["end"]]
        direction = part[:, : numbers.shape[1]]
        assert torch.cosine_similarity(numbers, direction).item() == pytest.approx(1, abs=1e-5)


def test_networks_without_halves_have_one_latent():
    for network in (drawn_dcgan(), drawn_tgan()):
        (half,) = web.make_bundle(network)["halves"]
        assert (half["title"], half["begin"]) == ("Latent", 0)
        assert half["end"] == latents_for(network, 1).numel()


def test_the_script_knows_no_network_by_name(node):
    """The same operations under another name are the same clip."""
    bundle = web.make_bundle(drawn_painter())
    assert json.dumps(bundle["program"]).count("painter") == 0
    bundle["network"] = {"kind": "unheard of"}
    code = "return Array.from(live.generate(live.decode(data, 0), data.latents[0]).data).length"
    assert node(code, bundle) == 3 * 8 * 16 * 16
    bundle["program"][-1]["op"] = "magic"
    assert node("try { live.decode(data, 0) } catch (error) { return error.message }", bundle) == (
        "an unknown operation: magic"
    )


def test_other_networks_are_refused_with_what_is_supported():
    with pytest.raises(ValueError, match=r"run a VGANGenerator, only one of .*PainterGenerator"):
        web.make_bundle(VGANGenerator(16, 16, channels=4))


def test_page_weight():
    """The bundle of a painter stays below 1.5 MB."""
    size = len(web.bundle_text(web.make_bundle(NETWORKS["painter 32"]())))
    print(f"painter 16x32x32: {size:,} bytes")
    assert size < 1_500_000
