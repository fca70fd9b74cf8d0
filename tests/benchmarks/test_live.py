"""How long the generator in the page takes for a clip, in headless Chromium."""

import pytest

from tests.book.browser import chromium, launched, opened
from tests.book.live_pages import STILL, drawn, written
from tests.support.drawn import drawn_painter, latents_for

pytestmark = pytest.mark.benchmark

MOST = 60  # milliseconds for a clip of the painter


def test_a_clip_of_the_painter(tmp_path):
    """16 frames of 32 x 32 pixels, by the kernel and plainly: it has to take less than half."""
    if not chromium():
        pytest.skip("no Chromium: on Debian and Ubuntu, `apt install chromium`")
    network = drawn_painter(16, 32)
    latents = latents_for(network, 4)
    with launched() as browser, opened(browser, written(tmp_path, network), **STILL) as (page, _):
        _, kernel = drawn(page, latents, times=60)
        _, plain = drawn(page, latents, times=12, fast=False)
    print(f"painter 16x32x32: {kernel:.1f} ms by the kernel, {plain:.1f} ms plainly (medians)")
    assert kernel <= MOST
    assert 2 * kernel < plain
