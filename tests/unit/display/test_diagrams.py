"""Architectures as figures: the numbers are the networks' own, and a telephone is wide enough."""

import re
from xml.etree import ElementTree

import pytest
from torch import nn

from vgan_tutorial import display
from vgan_tutorial.display.diagrams import COLUMNS, LETTERS, STYLE, WIDTH, Box, diagram, shapes
from vgan_tutorial.generators import GENERATORS

NARROW = 360 - 2 * 16  # pixels that a narrow page leaves for a figure


def small(name, **sizes):
    return GENERATORS[name](frames=8, size=32, **sizes)


def drawing(page):
    svg = re.search(r"<svg.*</svg>", page, re.DOTALL)
    assert svg is not None
    return ElementTree.fromstring(svg[0])


def words(page):
    return [text.text for text in drawing(page).iter("text")]


def test_shapes_are_those_of_the_parts():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.latent_shape = (5,)
            self.first, self.second = nn.Linear(5, 7), nn.GRU(7, 2)
            self.normal = nn.BatchNorm1d(7)

        def forward(self, latent):
            return self.second(self.normal(self.first(latent)))

    network = Two()
    assert shapes(network) == {"first": (7,), "normal": (7,), "second": (2,), "": (2,)}
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())
    assert network.normal.num_batches_tracked == 0  # looking has changed nothing


@pytest.mark.parametrize("name", display.DIAGRAMS)
def test_every_architecture_is_drawn_for_a_telephone(name):
    page = display.DIAGRAMS[name](small(name)).html
    svg = drawing(page)
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    assert width == WIDTH
    smallest = min(float(text.attrib["font-size"]) for text in svg.iter("text"))
    assert smallest * NARROW / width >= 9
    for rect in svg.iter("rect"):
        left, top = float(rect.attrib["x"]), float(rect.attrib["y"])
        assert left >= 0
        assert top >= 0
        assert left + float(rect.attrib["width"]) <= width
        assert top + float(rect.attrib["height"]) <= height
    assert svg.attrib["role"] == "img"
    assert len(svg.attrib["aria-label"]) > 80
    assert "id" not in {key for part in svg.iter() for key in part.attrib}  # a page has several


@pytest.mark.parametrize("name", display.DIAGRAMS)
def test_every_box_but_the_first_is_reached_and_every_arrow_ends_at_a_box(name):
    svg = drawing(display.DIAGRAMS[name](small(name)).html)
    boxes = [rect.attrib for rect in svg.iter("rect")]
    ends = [re.match(r"M([\d.]+) ([\d.]+)l", path.attrib["d"]) for path in svg.iter("path")]
    tips = [(float(end[1]), float(end[2])) for end in ends if end]
    for box in boxes:
        left, top = float(box["x"]), float(box["y"])
        right, bottom = left + float(box["width"]), top + float(box["height"])
        touched = [x for x, y in tips if left - 0.1 <= x <= right + 0.1 and top - 0.1 <= y < bottom]
        given = top < 5  # what is drawn by chance, and the time
        assert bool(touched) != given, box


@pytest.mark.parametrize(
    ("name", "sizes", "expected"),
    [
        ("vgan", {"channels": 16}, ["100", "16 × 4 × 16 × 16", "1 × 8 × 32 × 32"]),
        ("tgan", {"latent": 60}, ["60", "60 × 8", "128 × 8 × 8"]),
        ("mocogan", {"content": 30, "motion": 5, "classes": 3}, ["30", "1 of 3", "8 × 5", "38"]),
        ("residual", {"latent": 50}, ["50", "8 × 256 × 4 × 4", "64 × 16 × 16"]),
        ("content-motion", {"content": 12, "motion": 7}, ["12", "7", "1 × 16 × 16", "8 × 2"]),
        ("painter", {"code": 6, "style": 48, "motion": 6}, ["48 + 6", "8 × 6", "64 × 4 × 4"]),
        ("article", {"channels": 20}, ["3 × 32 × 32", "20 × 16 × 16"]),
    ],
)
def test_the_numbers_follow_the_network(name, sizes, expected):
    found = words(display.DIAGRAMS[name](small(name, **sizes)).html)
    assert set(expected) <= set(found)


def test_a_category_is_drawn_where_there_is_one():
    assert "category" in words(display.DIAGRAMS["mocogan"](small("mocogan", classes=4)).html)
    assert "category" not in words(display.DIAGRAMS["mocogan"](small("mocogan", classes=0)).html)


def test_colours_are_those_of_the_page():
    assert "currentColor" in STYLE
    assert not re.search(r"(black|white|#fff|#000)\b", STYLE)


ONE, OTHER = Box("one", "", 0, 0, 4), Box("other", "", 1, 0, 4)


@pytest.mark.parametrize(
    ("boxes", "arrows", "reason"),
    [
        ({"a": ONE}, [("a", "b")], "names 'b', which is no box"),
        ({"a": ONE, "b": OTHER}, [("b", "a")], "points upwards"),
        ({"a": ONE, "b": Box("b", "", 0, 3, 4)}, [], "'a' and 'b' overlap"),
        ({"a": Box("a", "", 0, 10, 4)}, [], f"leaves the {COLUMNS} columns"),
        ({"a": Box("a", "", 0, 0, 4, "magic")}, [], "choose from random, network, data"),
        ({"a": Box("much too long for it", "", 0, 0, 2)}, [], "has room for"),
    ],
)
def test_what_cannot_be_drawn_is_refused(boxes, arrows, reason):
    with pytest.raises(ValueError, match=reason):
        diagram(boxes, arrows, "alt")


def test_a_diagram_needs_words_for_those_who_do_not_see_it():
    with pytest.raises(ValueError, match="alt is empty"):
        diagram({"a": ONE}, [], " ")
    page = diagram({"a": Box("a < b", "", 0, 0, 6)}, [], 'the "first"').html
    assert words(page) == ["a < b"]
    assert drawing(page).attrib["aria-label"] == 'the "first"'


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (Box("below", "", 2, 0, 4), "V"),
        (Box("beside", "", 0, 6, 4), "H"),
        (Box("aside", "", 2, 8, 4), "VHV"),
    ],
)
def test_arrows_are_straight_where_boxes_face_each_other(other, line):
    (path, _head) = drawing(diagram({"a": ONE, "b": other}, [("a", "b")], "alt").html).iter("path")
    assert re.sub(r"[^VH]", "", path.attrib["d"]) == line


def test_letters_are_of_two_sizes():
    page = diagram({"a": Box("a", "1 × 2", 0, 0, 6)}, [], "alt").html
    sizes = [float(text.attrib["font-size"]) for text in drawing(page).iter("text")]
    assert sizes == [LETTERS["label"], LETTERS["note"]]
