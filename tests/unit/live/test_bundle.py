"""The bundle holds the network: its weights as their types say, its latents, its classes."""

import json
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.drawn import drawn_network, drawn_painter, latents_for
from tests.support.seeds import seeded
from tests.unit.live.test_programs import AGREEMENT
from vgan_tutorial.latents import Factor, choose, class_vector
from vgan_tutorial.live import bundle as web


def test_script_asks_for_the_class_that_pytorch_is_given(node, clips_of_script):
    """The class is what the latent's first number says, and each class has paths of its own."""
    network = drawn_network(classes=3)
    names = ["circular", "horizontal", "vertical"]
    bundle = web.make_bundle(network, "float16", class_names=names)
    assert bundle["factors"] == [{"name": "class", "values": tuple(names), "moves": True}]
    latent = latents_for(network, 1).repeat(3, 1)
    latent[:, 0] = torch.tensor(node("return [0, 1, 2].map(n => live.standsFor(n, 3))", 0))
    clips = clips_of_script(bundle, latent)
    expected = network(latent, labels=torch.arange(3))
    assert (clips - expected).abs().max() < AGREEMENT
    # Another class would be seen.
    assert torch.pdist(expected.flatten(1), p=torch.inf).min() > 4 * AGREEMENT


def test_four_starting_points_show_the_classes_in_turn():
    network = drawn_network(classes=3)
    latents = torch.tensor(web.make_bundle(network)["latents"])
    assert class_vector(latents, None, 3).argmax(dim=1).tolist() == [0, 1, 2, 0]
    (factor,) = web.make_bundle(network)["factors"]
    assert factor["values"] == ("class 1", "class 2", "class 3")
    assert web.make_bundle(drawn_network())["factors"] == []
    several = web.make_bundle(drawn_painter(classes=(2, 3)))["factors"]
    assert [factor["name"] for factor in several] == ["factor 1", "factor 2"]
    assert several[1]["values"] == ("1", "2", "3")


def test_script_reads_every_checkpoint_of_whole_numbers(clips_of_script):
    networks = [drawn_network(seed=seed) for seed in (1, 2)]
    latents = latents_for(networks[0])
    bundle = web.make_bundle([("a", networks[0]), ("b", networks[1])], "int8")
    for checkpoint in range(2):
        clips = clips_of_script(bundle, latents, checkpoint)
        expected = web.read_bundle(bundle, checkpoint)(latents)
        torch.testing.assert_close(clips, expected, atol=1e-4, rtol=0)


def test_script_chooses_as_pytorch_does(node):
    latents = torch.cat([torch.linspace(-6, 6, 4001), torch.tensor([-40.0, 40.0])])
    got = node("return data.map(z => live.chosen(z, 64))", latents.tolist())
    assert got == choose(latents[:, None], 64).argmax(dim=1).tolist()
    shares = node("return data.map(live.share)", latents.tolist())
    expected = torch.special.ndtr(latents.double()).tolist()
    np.testing.assert_allclose(shares, expected, atol=1e-12)
    code = "return data.map(n => live.chosen(live.standsFor(n, 64), 64))"
    assert node(code, list(range(64))) == list(range(64))


@pytest.mark.parametrize(("classes", "places"), [(0, [0, 3]), (5, [0, 1, 4])])
def test_script_mixes_latents_to_unit_variance_but_not_their_choices(node, classes, places):
    latents = torch.randn(4, 500, generator=seeded(0)).double()
    begin = int(classes > 0)
    halves = f"[{{choices: 9, begin: {begin}}}, {{choices: 1, begin: {begin + 3}}}, {{choices: 0}}]"
    factors = "[{}]" if classes else "[]"
    places_of = f"live.choicePlaces({{factors: {factors}, halves: {halves}}})"
    code = f"return live.mix(data, live.corners(0.3, 0.8), {places_of})"
    mixed = torch.tensor(node(code, latents.tolist()), dtype=torch.float64)
    weights = torch.tensor([0.7 * 0.2, 0.3 * 0.2, 0.7 * 0.8, 0.3 * 0.8], dtype=torch.float64)
    expected = weights @ latents / weights.norm()
    expected[places] = latents[2, places]  # the nearest corner's choices
    torch.testing.assert_close(mixed, expected)
    assert mixed.std() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("build", [drawn_network, drawn_painter])
def test_weights_are_rounded_as_their_types_say(build):
    network = build()
    bundle = web.make_bundle(network, "int8")
    back = web.read_bundle(bundle).state_dict()
    types = {name: kind for name, _, kind in bundle["tensors"]}
    assert set(types.values()) == {"float32", "float16", "int8"}
    for name, tensor in network.state_dict().items():
        error = (back[name] - tensor).abs()
        if types[name] == "float32":
            assert (error == 0).all()
        elif types[name] == "float16":  # eleven bits
            assert (error <= tensor.abs() * 2**-11 + 2**-25).all(), name
        else:  # 255 steps in every row
            step = tensor.flatten(1).abs().amax(dim=1) / 127
            assert (error.flatten(1) <= step[:, None] * 0.5001).all(), name
            largest = back[name].flatten(1).abs().amax(dim=1)
            torch.testing.assert_close(largest, 127 * step)


def test_exact_paths_keep_moving_edges_where_they_are():
    """Why the path's few weights are stored whole: as whole numbers they would cost the most."""
    network = drawn_network("small")
    latents = latents_for(network, 32)
    bundle = web.make_bundle(network, "int8")
    exact: Any = web.read_bundle(bundle)
    rounded: Any = web.read_bundle(bundle)
    for parameter in rounded.path.parameters():
        step = parameter.abs().max() / 127 + 1e-12
        parameter.copy_((parameter / step).round() * step)
    first, second = ((each(latents) - network(latents)).abs().max() for each in (exact, rounded))
    assert 2 * first < second


def test_many_checkpoints_are_stored_as_whole_numbers():
    network = drawn_network("small")
    one, many = (web.make_bundle([("x", network)] * count) for count in (1, 3))
    assert one["precision"] == "float16"
    assert many["precision"] == "int8"


def test_page_weight():
    """The small preset's bundle stays far below 4 MB, and its checkpoints below 220 kB each."""
    network = drawn_network("small")
    one = len(web.bundle_text(web.make_bundle(network)))
    many = len(web.bundle_text(web.make_bundle([("x", network)] * 6)))
    print(f"bundle at 16x32x32: {one:,} bytes; six checkpoints {many:,} bytes")
    assert one < 400_000
    assert many < 6 * 220_000


def test_bundle_text_cannot_end_its_script_element():
    bundle = web.make_bundle([("</script><b>", drawn_network())])
    text = web.bundle_text(bundle)
    assert "<" not in text
    assert json.loads(text) == bundle


def test_making_a_bundle_leaves_the_generator_as_it_was():
    network = drawn_network().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    first = web.make_bundle(network, seed=1)
    assert first == web.make_bundle(network, seed=1)
    assert first["latents"] != web.make_bundle(network, seed=2)["latents"]
    assert network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_what_cannot_be_exported_is_refused():
    network = drawn_network()
    broken: Any = drawn_network()
    broken.path[0].weight[0, 0] = float("nan")
    for bad, message in (
        ([], "no checkpoint is given"),
        ([("a", network), ("b", drawn_network("small"))], "'b' is of another network than 'a'"),
        ([("a", network), ("b", drawn_painter())], "'b' is of another network than 'a'"),
        (broken, r"path\.0\.weight holds nan"),
    ):
        with pytest.raises(ValueError, match=message):
            web.make_bundle(bad)
    for classes, names in ((0, ["up"]), (3, ["up", "down"])):
        with pytest.raises(ValueError, match=f"{len(names)} names .* {classes} classes"):
            web.make_bundle(drawn_network(classes=classes), class_names=names)
    told, factors = drawn_painter(classes=(2, 3)), [Factor("act", ("up", "down"))]
    with pytest.raises(ValueError, match=r"2 names of classes for .* with 2 x 3 classes"):
        web.make_bundle(told, class_names=factors)
    with pytest.raises(ValueError, match="precision is 'int4'"):
        web.make_bundle(network, "int4")
    with pytest.raises(ValueError, match="expected a bundle of format"):
        web.read_bundle({"format": "other"})
