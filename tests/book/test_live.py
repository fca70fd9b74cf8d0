"""The live generator in a real browser, on a page opened from disk: pictures, controls, times."""

from typing import Any

import pytest
import torch

from tests.book.browser import opened, page_faults
from tests.book.live_pages import (
    STILL,
    bundle_of,
    drawn,
    latent,
    pixels,
    press,
    slider,
    written,
)
from tests.support.drawn import SMOOTH, drawn_network, drawn_painter, latents_for
from tests.unit.live.test_programs import AGREEMENT
from vgan_tutorial import live
from vgan_tutorial.latents import Factor
from vgan_tutorial.pixels import to_uint8

pytestmark = pytest.mark.browser

CHOICES = ("Figure", "Move")
NAMES = ["circular", "horizontal", "<b>vertical"]  # a name is text, whatever it holds
DIRECTIONS = [f"{name}, {order} direction" for name in CHOICES for order in ("first", "second")]


@pytest.fixture(scope="module")
def network():
    return drawn_network("tiny")


@pytest.fixture(scope="module")
def url(network, tmp_path_factory):
    """A page with two checkpoints of which the last is `network`."""
    checkpoints = [("step 0", drawn_network("tiny", seed=9)), ("step 100", network)]
    return written(tmp_path_factory.mktemp("live"), checkpoints)


@pytest.fixture(scope="module")
def told():
    """A network that is told one of three classes."""
    return drawn_network("tiny", classes=3)


@pytest.fixture(scope="module")
def told_url(told, tmp_path_factory):
    checkpoints = [("step 0", drawn_network("tiny", seed=9, classes=3)), ("step 100", told)]
    return written(tmp_path_factory.mktemp("told"), checkpoints, class_names=NAMES)


def frame(page):
    return int(page.locator("canvas").get_attribute("data-frame"))


def wait_for_another_frame(page, than):
    """Look in every drawn frame: slower looks can keep step with the loop and miss its frames."""
    page.evaluate(
        """than => new Promise((found, missed) => {
            const canvas = document.querySelector('canvas');
            const same = () => canvas.dataset.frame === than;
            const look = () => same() ? requestAnimationFrame(look) : found();
            setTimeout(() => missed(new Error('the frame stayed ' + than)), 30000);
            look();
        })""",
        str(than),
    )


def test_the_canvas_shows_what_pytorch_draws(browser, url, network):
    with opened(browser, url, **STILL) as (page, faults):
        for name in ("New sample", "Keep who, change how", "Map between four samples"):
            slider(page, "Frame").fill("5")
            expected = to_uint8(network(latent(page)[None]))[0, 5].numpy().astype(int)
            assert abs(pixels(page) - expected).max() <= 1
            press(page, name)
        assert faults == []


@pytest.mark.parametrize(("preset", "classes"), [("small", 0), ("small", 4), ("full", 0)])
def test_chromium_agrees_with_pytorch(browser, tmp_path, preset, classes):
    """Clips through the page's own bundle, and the median time for one."""
    network = drawn_network(preset, classes=classes)
    latents = latents_for(network, 4)
    with opened(browser, written(tmp_path, network), **STILL) as (page, faults):
        clips, median = drawn(page, latents, times=40)
        assert faults == []
    expected = network(latents)
    assert (clips.reshape(expected.shape) - expected).abs().max() < AGREEMENT
    print(f"{preset}, {classes} classes: {median:.1f} ms a clip (median of 40)")


@pytest.mark.parametrize("page", ["url", "told_url"])
def test_live_pages_are_good_pages(browser, page, request):
    assert page_faults(browser, request.getfixturevalue(page)) == []


FACTORS = [
    Factor("act", ("up", "down")),
    Factor("hair", ("green", "<b>red", "grey"), moves=False),
]


@pytest.fixture(scope="module")
def dressed_url(tmp_path_factory):
    network = drawn_painter(classes=(2, 3), choices=0)
    return written(tmp_path_factory.mktemp("dressed"), [("", network)], class_names=FACTORS)


def test_lists_ask_for_factors(browser, dressed_url):
    """How it moves stays until another way is asked for; the clip is the one of PyTorch."""
    network = drawn_painter(classes=(2, 3), choices=0)
    with opened(browser, dressed_url, **STILL) as (page, faults):
        hair = page.get_by_role("group", name="Who").get_by_role("combobox", name="Hair")
        act = page.get_by_role("group", name="How").get_by_role("combobox", name="Act")
        hair.select_option("<b>red")
        act.select_option("down")
        slider(page, "Frame").fill("5")
        assert status(page) == ["Hair <b>red", "act down"]
        start = latent(page)
        expected = network(start[None], labels=torch.tensor([1 * 3 + 1]))
        difference = pixels(page) - to_uint8(expected)[0, 5].numpy().astype(int)
        assert abs(difference).max() <= 2
        worn = set()
        for _ in range(12):
            press(page, "New sample")
            assert act.input_value() == "1"
            worn.add(hair.input_value())
        assert len(worn) > 1
        before = hair.input_value()
        press(page, "Keep who, change how")
        assert (hair.input_value(), act.input_value()) == (before, "1")
        assert faults == []


def test_two_generators_live_on_one_page(browser, tmp_path, network):
    body = live.player(network, "one").html + live.player(network, "two", seed=1).html
    page_file = tmp_path / "two.html"
    page_file.write_text(f"<!doctype html><link rel='icon' href='data:,'>{body}", encoding="utf-8")
    with opened(browser, page_file.as_uri(), **STILL) as (page, faults):
        assert page.locator("canvas").count() == 2
        assert page.get_by_role("group", name="Who").count() == 2
        assert faults == []


def test_keep_who_and_keep_how(browser, url, network):
    with opened(browser, url, **STILL) as (page, _):
        start = latent(page)
        press(page, "Keep who, change how")
        moved = latent(page)
        assert torch.equal(moved[: network.content], start[: network.content])
        assert (moved[network.content :] != start[network.content :]).all()
        press(page, "Keep how, change who")
        changed = latent(page)
        assert torch.equal(changed[network.content :], moved[network.content :])
        assert (changed[: network.content] != moved[: network.content]).all()
        press(page, "New sample")
        assert (latent(page) != changed).all()


@pytest.mark.parametrize("name", [*CHOICES, *DIRECTIONS])
def test_arrow_keys_move_every_slider(browser, url, name):
    with opened(browser, url, **STILL) as (page, _):
        control = slider(page, name)
        control.focus()
        page.keyboard.press("Home")
        before, said = pixels(page), control.get_attribute("aria-valuetext")
        page.keyboard.press("End")
        assert (pixels(page) != before).any()
        assert control.get_attribute("aria-valuetext") != said
        end = latent(page)
        page.keyboard.press("ArrowLeft")
        assert (latent(page) != end).any()


def test_choices_are_announced(browser, url):
    with opened(browser, url, **STILL) as (page, _):
        slider(page, "Figure").fill("41")
        slider(page, "Move").fill("7")
        text = page.get_by_role("status").text_content()
        assert text == "Figure 42 of 64, move 8 of 24, step 100"


def class_button(page, name):
    return page.get_by_role("radio", name=name, exact=True)


def status(page):
    """What is announced, in its parts."""
    return page.get_by_role("status").inner_text().split(", ")


def pressed(page):
    """The names of the pressed class buttons."""
    return [name for name in NAMES if class_button(page, name).is_checked()]


def test_class_buttons_ask_for_a_class(browser, told_url, told):
    """The figure and the rest of the motion stay; the clip is the one that PyTorch draws."""
    with opened(browser, told_url, **STILL) as (page, faults):
        group = page.get_by_role("group", name="How").get_by_role("radiogroup", name="Class")
        assert group.get_by_role("radio").count() == 3
        assert pressed(page) == NAMES[:1]  # the first of the four starting points
        slider(page, "Frame").fill("5")
        start, shown = latent(page), pixels(page)
        for label in (2, 1):
            class_button(page, NAMES[label]).click()
            assert pressed(page) == [NAMES[label]]
            assert torch.equal(latent(page)[1:], start[1:])
            expected = told(start[None], labels=torch.tensor([label]))
            difference = pixels(page) - to_uint8(expected)[0, 5].numpy().astype(int)
            assert abs(difference).max() <= 1
            assert (pixels(page) != shown).any()
            shown = pixels(page)
        assert status(page)[1] == "horizontal"
        assert status(page)[3] == "step 100"
        slider(page, "Training").fill("0")
        assert pressed(page) == ["horizontal"]
        assert faults == []


def test_class_buttons_work_with_the_keyboard(browser, told_url):
    with opened(browser, told_url, **STILL) as (page, _):
        class_button(page, NAMES[0]).focus()
        for key, place in (("ArrowRight", 1), ("ArrowDown", 2), ("ArrowRight", 0), ("ArrowUp", 2)):
            page.keyboard.press(key)
            assert pressed(page) == [NAMES[place]]
            assert status(page)[1] == NAMES[place]
        page.keyboard.press("Tab")  # one stop for all three
        focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
        assert focused == "Move"


def test_a_class_stays_until_another_is_asked_for(browser, told_url):
    with opened(browser, told_url, **STILL) as (page, _):
        class_button(page, NAMES[2]).click()
        asked = latent(page)[0]
        for name in ("New sample", "Keep who, change how", "Keep how, change who"):
            before = latent(page)
            press(page, name)
            assert latent(page)[0] == asked
            assert (latent(page) != before).any()
        slider(page, "Figure").fill("3")
        assert pressed(page) == [NAMES[2]]


def test_the_map_never_mixes_classes(browser, told_url):
    with opened(browser, told_url, **STILL) as (page, _):
        class_button(page, NAMES[2]).click()
        press(page, "Map between four samples")
        assert page.get_by_role("radio").count() == 0
        seen = [2, 1, 2, 0]  # of the corners: the one that was shown, and three of the bundle
        for press_first in (None, "New sample", "Keep who, change how"):
            if press_first:
                press(page, press_first)
            for corner, label in enumerate(seen):
                slider(page, "Across").fill(str(0.9 * (corner % 2) + 0.05))
                slider(page, "Down").fill(str(0.9 * (corner // 2) + 0.05))
                assert status(page)[1] == NAMES[label]
        press(page, "Keep how, change who")  # all corners take the class that is shown
        slider(page, "Across").fill("0")
        assert status(page)[1] == NAMES[0]
        press(page, "Map between four samples")
        assert pressed(page) == [NAMES[0]]


def test_classes_of_two_generators_do_not_meet(browser, tmp_path, told):
    body = live.player(told, alt="one").html + live.player(told, alt="two").html
    page_file = tmp_path / "two.html"
    page_file.write_text(f"<!doctype html><link rel='icon' href='data:,'>{body}", encoding="utf-8")
    with opened(browser, page_file.as_uri(), **STILL) as (page, _):
        page.get_by_role("radio", name="class 2").nth(1).click()
        checked = [radio.is_checked() for radio in page.get_by_role("radio").all()]
        assert checked == [True, False, False, False, True, False]


def test_a_generator_without_choices_has_no_sliders_for_them(browser, tmp_path):
    network = drawn_network("tiny", **SMOOTH)
    pairs = [("step 0", drawn_network("tiny", seed=9, **SMOOTH)), ("step 100", network)]
    with opened(browser, written(tmp_path, pairs), **STILL) as (page, faults):
        assert not any(slider(page, name).count() for name in CHOICES)
        assert page.get_by_role("radio").count() == 0
        assert status(page) == ["Step 100"]
        slider(page, DIRECTIONS[2]).fill("2")
        expected = to_uint8(network(latent(page)[None]))[0, 0].numpy().astype(int)
        assert abs(pixels(page) - expected).max() <= 1
        assert faults == []


def test_directions_stay_standard_normal_coordinates(browser, url, network):
    """A slider moves the latent along one unit vector and leaves the rest alone."""
    with opened(browser, url, **STILL) as (page, _):
        start = latent(page)
        slider(page, DIRECTIONS[0]).fill("1.5")
        direction = torch.tensor(bundle_of(page)["halves"][0]["directions"][0])
        step = (latent(page) - start)[: network.content]
        assert latent(page)[: network.content] @ direction == pytest.approx(1.5, abs=1e-3)
        assert abs(step @ direction) == pytest.approx(step.norm().item(), abs=1e-3)


def test_the_pad_moves_both_sliders(browser, url):
    with opened(browser, url, **STILL) as (page, _):
        box: Any = page.locator(".vgan-live-pad").first.bounding_box()
        page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.25 * box["height"])
        assert float(slider(page, DIRECTIONS[0]).input_value()) == pytest.approx(2.4, abs=0.1)
        assert float(slider(page, DIRECTIONS[1]).input_value()) == pytest.approx(-1.5, abs=0.1)


def test_the_map_mixes_four_samples(browser, url, network):
    with opened(browser, url, **STILL) as (page, _):
        first = latent(page)
        press(page, "Map between four samples")
        assert slider(page, "Figure").count() == 0
        torch.testing.assert_close(latent(page), first)
        samples = torch.tensor(bundle_of(page)["latents"])
        slider(page, "Across").fill("1")
        torch.testing.assert_close(latent(page), samples[1])
        slider(page, "Across").fill("0.4")
        slider(page, "Down").fill("0.7")
        weights = torch.tensor([0.6 * 0.3, 0.4 * 0.3, 0.6 * 0.7, 0.4 * 0.7])
        expected = weights @ samples / weights.norm()
        choices = [0, network.content]
        expected[choices] = samples[2, choices]
        torch.testing.assert_close(latent(page), expected)
        box: Any = page.locator(".vgan-live-chart").bounding_box()
        page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.5 * box["height"])
        assert float(slider(page, "Across").input_value()) == pytest.approx(1, abs=0.02)
        assert float(slider(page, "Down").input_value()) == pytest.approx(0.5, abs=0.02)
        press(page, "Keep who, change how")
        slider(page, "Across").fill("0.4")
        mixed = latent(page)
        slider(page, "Across").fill("1")
        assert not torch.equal(latent(page)[network.content :], mixed[network.content :])
        assert latent(page)[0] == mixed[0]


def test_training_swaps_the_weights_and_keeps_the_latent(browser, url):
    earlier = drawn_network("tiny", seed=9)
    with opened(browser, url, **STILL) as (page, _):
        before, shown = latent(page), pixels(page)
        control = slider(page, "Training")
        assert control.get_attribute("aria-valuetext") == "step 100"
        control.focus()
        page.keyboard.press("Home")
        assert control.get_attribute("aria-valuetext") == "step 0"
        assert torch.equal(latent(page), before)
        assert (pixels(page) != shown).any()
        expected = to_uint8(earlier(before[None]))[0, frame(page)].numpy().astype(int)
        assert abs(pixels(page) - expected).max() <= 1


def test_it_plays_and_stops(browser, url):
    with opened(browser, url) as (page, _):
        wait_for_another_frame(page, 0)
        press(page, "Pause")
        still = frame(page)
        page.wait_for_timeout(400)
        assert frame(page) == still
        page.get_by_role("button", name="Play").focus()
        page.keyboard.press("Space")
        wait_for_another_frame(page, still)
        page.emulate_media(reduced_motion="reduce")
        page.get_by_role("button", name="Play").wait_for()


def test_it_starts_still_where_motion_is_unwelcome(browser, url):
    with opened(browser, url, **STILL) as (page, _):
        page.wait_for_timeout(400)
        assert frame(page) == 0
        assert page.get_by_role("button", name="Play").is_visible()


def test_the_poster_stands_in(browser, url):
    with opened(browser, url, java_script_enabled=False) as (page, _):
        assert page.get_by_role("img", name="Four clips.").is_visible()
        assert page.get_by_text("The controls need scripts").is_visible()
        assert page.get_by_role("slider").count() == 0
    with opened(browser, url) as (page, _):
        assert not page.locator("figure > img").is_visible()
        page.emulate_media(media="print")
        assert page.locator("figure > img").is_visible()
        assert not page.locator("canvas").is_visible()
