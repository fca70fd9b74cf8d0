"""The page with other networks than the one that carries a tile: the painter, DCGAN, MoCoGAN."""

import pytest
import torch

from tests.book.browser import opened, page_faults
from tests.book.live_pages import STILL, drawn, latent, pixels, press, slider, written
from tests.support.drawn import drawn_dcgan, drawn_mocogan, drawn_painter, latents_for
from tests.unit.live.test_programs import AGREEMENT
from vgan_tutorial.pixels import to_uint8

pytestmark = pytest.mark.browser

KEEP = ("Keep who, change how", "Keep how, change who")


@pytest.mark.parametrize(("fast", "steady"), [(True, False), (False, False), (True, True)])
def test_chromium_agrees_with_pytorch(browser, tmp_path, fast, steady):
    """By the kernel, which a page of its own allows itself to run, and plainly."""
    network = drawn_painter(16, 32, choices=0 if steady else 5, classes=3, steady=steady)
    latents = latents_for(network, 2)
    with opened(browser, written(tmp_path, network), **STILL) as (page, faults):
        assert page.evaluate("vganProducts.fast")
        clips, _ = drawn(page, latents, fast=fast)
        assert faults == []
    expected = network(latents)
    assert (clips.reshape(expected.shape) - expected).abs().max() < AGREEMENT


def test_a_painter_has_all_that_a_live_page_has(browser, tmp_path):
    """Training, classes, keep who, keep how, directions and the map."""
    network = drawn_painter(choices=4, classes=3)
    pairs = [("step 0", drawn_painter(seed=9, choices=4, classes=3)), ("step 100", network)]
    url = written(tmp_path, pairs, class_names=["round", "across", "down"])
    assert page_faults(browser, url) == []
    with opened(browser, url, **STILL) as (page, faults):
        assert page.get_by_role("status").inner_text().endswith(", round, step 100")
        for act in (
            lambda: page.get_by_role("radio", name="across").click(),
            lambda: slider(page, "Figure").fill("1"),
            lambda: slider(page, "Figure, first direction").fill("1.5"),
            lambda: slider(page, "Move, second direction").fill("-2"),
        ):
            before = pixels(page)
            act()
            assert (pixels(page) != before).any()
            expected = to_uint8(network(latent(page)[None]))[0, 0].numpy().astype(int)
            assert abs(pixels(page) - expected).max() <= 2
        for button, kept in zip(KEEP, [slice(0, 25), slice(25, 33)], strict=True):
            former = latent(page)
            press(page, button)
            same = latent(page).eq(former)
            assert same[kept].all()
            assert same.sum() == len(same[kept]) + int(kept.start > 0)  # and the class
        slider(page, "Training").fill("0")
        expected = to_uint8(pairs[0][1](latent(page)[None]))[0, 0].numpy().astype(int)
        assert abs(pixels(page) - expected).max() <= 2
        assert faults == []


def test_a_latent_without_halves_has_nothing_to_keep(browser, tmp_path):
    network = drawn_dcgan()
    with opened(browser, written(tmp_path, network), **STILL) as (page, faults):
        assert page.get_by_role("group", name="Latent").count() == 1
        assert not any(page.get_by_role("button", name=name).count() for name in KEEP)
        for act in (
            lambda: press(page, "New sample"),
            lambda: slider(page, "Clip, first direction").fill("2"),
            lambda: slider(page, "Frame").fill("2"),
            lambda: press(page, "New sample"),
        ):
            before = pixels(page)
            act()
            assert (pixels(page) != before).any()
            shown = int(str(page.locator("canvas").get_attribute("data-frame")))
            clip = network(latent(page).reshape(1, *network.latent_shape))
            assert abs(pixels(page) - to_uint8(clip)[0, shown].numpy().astype(int)).max() <= 1
        before = pixels(page)
        press(page, "Map between four samples")
        assert (pixels(page) == before).all()  # the sample that was shown is the first corner
        slider(page, "Across").fill("0.7")
        assert (pixels(page) != before).any()
        assert faults == []


def test_keeping_who_keeps_the_content_of_mocogan(browser, tmp_path):
    network = drawn_mocogan(classes=4)
    with opened(browser, written(tmp_path, network), **STILL) as (page, faults):
        start = latent(page)
        press(page, "Keep who, change how")
        moved = latent(page)
        assert torch.equal(moved[:13], start[:13])  # the class and the content
        assert (moved[13:] != start[13:]).all()
        page.get_by_role("radio", name="class 3").click()
        expected = to_uint8(network(latent(page)[None]))[0, 0].numpy().astype(int)
        assert abs(pixels(page) - expected).max() <= 1
        assert faults == []
