"""The live generator as a piece of a page, and the page that `vgan export` writes of it."""

import json
import re

import pytest

from tests.support.drawn import drawn_network
from vgan_tutorial import cli, live
from vgan_tutorial.datasets import make_shapes_pack
from vgan_tutorial.training import TrainingConfig, save_generator, start


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A generator as `vgan train` leaves it."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    config = TrainingConfig(frames=8, size=16)
    save_generator(folder, start(config), config)
    return folder


def test_the_page_stands_alone(run, tmp_path, capsys):
    page = tmp_path / "live.html"
    cli.main(["export", str(run), "--web", str(page), "--title", "A & B"])
    text = page.read_text(encoding="utf-8")
    assert str(page) in capsys.readouterr().out
    assert "<title>A &amp; B</title>" in text
    assert not re.findall(r'(?:src|href)="(?!data:)', text)
    assert "default-src 'none'" in text


@pytest.fixture
def told(tmp_path):
    """A generator that was told the three motions of tiny."""
    folder = tmp_path / "told"
    config = TrainingConfig(frames=8, size=16, classes=3)
    save_generator(folder, start(config), config)
    return folder


def names_on(page):
    text = re.search(r'<script type="application/json">(.*?)</script>', page.read_text("utf-8"))
    assert text
    return json.loads(text[1])["factors"][0]["values"]


def test_classes_have_the_names_that_are_given_or_else_those_of_the_data(told, tmp_path):
    page = tmp_path / "live.html"
    command = ["export", str(told), "--web", str(page)]
    cli.main([*command, "--class-names", "round", "to and fro", "up and down"])
    assert names_on(page) == ["round", "to and fro", "up and down"]
    cli.main(command)  # the folder does not say what it was trained on
    assert names_on(page) == ["class 1", "class 2", "class 3"]
    (told / "data.json").write_text('{"data": "tiny"}')
    cli.main(command)
    assert names_on(page) == ["circular", "horizontal", "vertical"]
    pack = make_shapes_pack(tmp_path / "packs", "tiny", actors=1, clips=1)
    (told / "data.json").write_text(json.dumps({"data": str(pack)}))
    cli.main(command)
    assert names_on(page) == ["Circular", "Horizontal", "Vertical"]  # the names of its folders
    (told / "data.json").write_text('{"data": "/not/there"}')
    cli.main(command)
    assert names_on(page) == ["class 1", "class 2", "class 3"]
    with pytest.raises(SystemExit, match="2 names of classes for a generator with 3 classes"):
        cli.main([*command, "--class-names", "round", "straight"])


def test_bad_input_ends_in_one_line(run, tmp_path):
    with pytest.raises(SystemExit, match="nothing to write: give --web"):
        cli.main(["export", str(run)])
    with pytest.raises(SystemExit, match="not a trained generator"):
        cli.main(["export", str(tmp_path), "--web", str(tmp_path / "live.html")])


def test_the_live_generator_needs_a_text_for_those_who_do_not_see():
    with pytest.raises(ValueError, match="alt is empty"):
        live.player(drawn_network(), alt=" ")


def test_the_same_generator_gives_the_same_page():
    network = drawn_network()
    page = live.player(network, alt="Four clips.", caption="<b>").html
    assert page == live.player(network, alt="Four clips.", caption="<b>").html
    assert "<figcaption>&lt;b&gt;</figcaption>" in page
    assert page != live.player(network, alt="Four clips.", seed=1).html


def test_notebooks_are_given_the_live_page():
    shown = live.player(drawn_network(), alt="Four clips.")
    assert shown._repr_mimebundle_()["text/plain"] == "[Four clips.]"
    assert 'class="vgan-live"' in shown._repr_mimebundle_()["text/html"]
