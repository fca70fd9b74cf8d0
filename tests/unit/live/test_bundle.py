"""The bundle holds the network, and the page's script computes what PyTorch does."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

import vgan_tutorial
from tests.support.seeds import seeded
from vgan_tutorial.generators import ContentMotionGenerator, VGANGenerator
from vgan_tutorial.latents import choose, class_vector, sample_latent
from vgan_tutorial.layers import initialise
from vgan_tutorial.live import bundle as web
from vgan_tutorial.shapes import PRESETS

ASSETS = Path(vgan_tutorial.__file__).parent / "live" / "assets"
SCRIPTS = [str(ASSETS / name) for name in ("latents.js", "network.js")]  # all that needs no page
AGREEMENT = 5e-3  # between script and PyTorch, in model range, with 16-bit weights
SMOOTH = {"kinds": 1, "moves": 1}  # a generator without choices


def drawn_network(preset="tiny", seed=0, **sizes):
    """A generator with random weights of the size that training leaves them at."""
    network = ContentMotionGenerator(PRESETS[preset].frames, PRESETS[preset].size, **sizes)
    initialise(network, seeded(seed), std=0.08)
    with torch.no_grad():
        network.background.copy_(torch.tensor([-2.0, 0.0, 0.5]))
    return network.eval().requires_grad_(False)


def latents_for(network, count=6, seed=3):
    return sample_latent(network, count, seeded(seed))


@pytest.fixture(scope="module")
def node():
    """Run JavaScript with the page's network loaded, on data from Python; it returns JSON."""
    program = shutil.which("node")
    if not program:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            "no node: on Debian and Ubuntu, `apt install nodejs` (only this test needs it)"
        )

    def run(code, data):
        source = (
            f"{json.dumps(SCRIPTS)}.forEach(name => require(name));"
            "const live = globalThis.vganLive;"
            "const data = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
            f"process.stdout.write(JSON.stringify((() => {{ {code} }})()));"
        )
        done = subprocess.run(
            [program, "-e", source], input=json.dumps(data), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


CLIPS = """
const network = live.decode(data.bundle, data.checkpoint);
return data.latents.map(latent =>
  Buffer.from(live.toClip(live.generate(network, latent)).buffer).toString("base64"));
"""


def clips_of_script(node, bundle, latents, checkpoint=0):
    data = {"bundle": bundle, "latents": latents.tolist(), "checkpoint": checkpoint}
    flat = [np.frombuffer(base64.b64decode(text), "<f4") for text in node(CLIPS, data)]
    shape = (len(latents), 3, bundle["frames"], bundle["size"], bundle["size"])
    return torch.from_numpy(np.stack(flat)).reshape(shape)


@pytest.mark.parametrize(
    ("preset", "sizes"),
    [*((preset, {}) for preset in PRESETS), ("small", {"classes": 4}), ("tiny", SMOOTH)],
)
def test_script_agrees_with_pytorch(node, preset, sizes):
    network = drawn_network(preset, **sizes)
    latents = latents_for(network)
    bundle = web.make_bundle(network, "float16")
    clips = clips_of_script(node, bundle, latents)
    assert (clips - network(latents)).abs().max() < AGREEMENT
    # With the same rounded weights only the order of sums differs.
    assert (clips - web.read_bundle(bundle)(latents)).abs().max() < 1e-4
    assert clips.std(dim=(2, 3, 4)).amax(dim=1).min() > 0.05  # something to see in every clip


def test_script_asks_for_the_class_that_pytorch_is_given(node):
    """The class is what the latent's first number says, and each class has paths of its own."""
    network = drawn_network(classes=3)
    names = ["circular", "horizontal", "vertical"]
    bundle = web.make_bundle(network, "float16", class_names=names)
    assert bundle["class_names"] == names
    latent = latents_for(network, 1).repeat(3, 1)
    latent[:, 0] = torch.tensor(node("return [0, 1, 2].map(n => live.standsFor(n, 3))", 0))
    clips = clips_of_script(node, bundle, latent)
    expected = network(latent, labels=torch.arange(3))
    assert (clips - expected).abs().max() < AGREEMENT
    # Another class would be seen.
    assert torch.pdist(expected.flatten(1), p=torch.inf).min() > 10 * AGREEMENT


def test_four_starting_points_show_the_classes_in_turn():
    network = drawn_network(classes=3)
    latents = torch.tensor(web.make_bundle(network)["latents"])
    assert class_vector(latents, None, 3).argmax(dim=1).tolist() == [0, 1, 2, 0]
    assert web.make_bundle(network)["class_names"] == ["class 1", "class 2", "class 3"]
    assert web.make_bundle(drawn_network())["class_names"] == []


def test_script_reads_every_checkpoint_of_whole_numbers(node):
    networks = [drawn_network(seed=seed) for seed in (1, 2)]
    latents = latents_for(networks[0])
    bundle = web.make_bundle([("a", networks[0]), ("b", networks[1])], "int8")
    for checkpoint in range(2):
        clips = clips_of_script(node, bundle, latents, checkpoint)
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
    sizes = f"{{classes: {classes}, content: 3}}"
    code = f"return live.mix(data, live.corners(0.3, 0.8), live.choicePlaces({sizes}))"
    mixed = torch.tensor(node(code, latents.tolist()), dtype=torch.float64)
    weights = torch.tensor([0.7 * 0.2, 0.3 * 0.2, 0.7 * 0.8, 0.3 * 0.8], dtype=torch.float64)
    expected = weights @ latents / weights.norm()
    expected[places] = latents[2, places]  # the nearest corner's choices
    torch.testing.assert_close(mixed, expected)
    assert mixed.std() == pytest.approx(1, abs=0.1)


def test_weights_are_rounded_as_their_types_say():
    network = drawn_network()
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
            step = tensor.abs().amax(dim=1, keepdim=True) / 127
            assert (error <= step * 0.5001).all(), name
            torch.testing.assert_close(back[name].abs().amax(dim=1, keepdim=True), 127 * step)


def test_exact_paths_keep_moving_edges_where_they_are():
    """Why the path's few weights are stored whole: as whole numbers they would cost the most."""
    network = drawn_network("full")
    latents = latents_for(network, 32)
    exact = web.read_bundle(web.make_bundle(network, "int8"))
    rounded = web.read_bundle(web.make_bundle(network, "int8"))
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


def test_directions_change_more_than_any_other():
    network = drawn_network()
    content, motion = web.directions(network)
    for rows in (content, motion):
        torch.testing.assert_close(rows @ rows.T, torch.eye(2), atol=1e-5, rtol=0)
    latents = latents_for(network, 64, seed=0)

    def change(step):
        moved = latents.clone()
        moved[:, network.content + 1 :] += 1e-2 * step
        before, after = (network.draw_path(z[:, network.content :]) for z in (latents, moved))
        return (after - before).square().sum().item()

    others = torch.randn(50, 8, generator=seeded(0))
    others = others / others.norm(dim=1, keepdim=True)
    most = change(motion[0])
    assert most > max(change(other) for other in others)
    apart = others - (others @ motion[0])[:, None] * motion[0]
    apart = apart / apart.norm(dim=1, keepdim=True)
    assert most > change(motion[1]) > max(change(other) for other in apart)


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
    broken = drawn_network()
    broken.path[0].weight[0, 0] = float("nan")
    for bad, message in (
        (VGANGenerator(16, 16, channels=4), "a ContentMotionGenerator, not a VGANGenerator"),
        ([], "no checkpoint is given"),
        ([("a", network), ("b", drawn_network("small"))], "'b' is of another network than 'a'"),
        (broken, r"path\.0\.weight holds nan"),
    ):
        with pytest.raises(ValueError, match=message):
            web.make_bundle(bad)
    for classes, names in ((0, ["up"]), (3, ["up", "down"])):
        with pytest.raises(ValueError, match=f"{len(names)} names .* {classes} classes"):
            web.make_bundle(drawn_network(classes=classes), class_names=names)
    with pytest.raises(ValueError, match="precision is 'int4'"):
        web.make_bundle(network, "int4")
    with pytest.raises(ValueError, match="expected a bundle of format"):
        web.read_bundle({"format": "other"})
