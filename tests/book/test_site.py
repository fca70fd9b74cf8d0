"""The built pages in a real browser, from disk and from a local server, with no network."""

import functools
import http.server
import threading

import numpy as np
import pytest

from tests.book.browser import PATIENCE, html_pages, lacking, opened, page_faults
from tests.book.pages import ROOT
from vgan_tutorial import display

pytestmark = pytest.mark.browser

SITE = ROOT / "_build" / "html"
LIMIT = 60_000_000  # bytes of the whole site
PAGES = [path.relative_to(SITE).as_posix() for path in html_pages(SITE)]
FRONT = "index.html"  # leads to the landing page


@pytest.fixture(scope="module")
def server():
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Say nothing: pytest's output is for the tests."""

    handler = functools.partial(Quiet, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_the_site_is_built():
    if not (SITE / FRONT).is_file():
        lacking("the site is not built: run `make test`, or `make book` first")
    assert "book/index.html" in PAGES
    assert sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file()) < LIMIT


def test_the_front_page_leads_to_the_book(browser):
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto((SITE / FRONT).as_uri())
    page.wait_for_url("**/book/index.html")
    page.close()


@pytest.mark.parametrize("page", [page for page in PAGES if page != FRONT])
def test_page_from_disk(browser, page):
    assert page_faults(browser, (SITE / page).as_uri()) == []


@pytest.mark.parametrize("page", [page for page in PAGES if page != FRONT])
def test_page_from_a_server(browser, server, page):
    with opened(browser, f"{server}/{page}") as (_, faults):
        assert faults == []


GOOD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A page</title>
<link rel="icon" href="data:,"><article><p>Words.</p>{}</article></html>"""


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<img alt="x" src="https://example.invalid/x.png">', "a network request"),
        ("<script>throw new Error('broken')</script>", "a page error: broken"),
        ('<img alt="x" src="nowhere.png">', "missing image"),
        ("<script src='nowhere.js'></script>", "not loaded"),
        ('<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">', "no alternative text"),
        ('<canvas width="2" height="2"></canvas>', "no alternative text"),
        ('<span class="math">\\(x\\)</span>', "unrendered mathematics"),
        ("<p>The sum $$x + y$$ is</p>", "unrendered mathematics"),
        ("<figure data-vgan='{}'></figure>", "a player shows nothing"),
        ("<figure id='x'><div class='vgan-live'></div></figure>", "did not start: x"),
        ('<a href="#nowhere">there</a>', "a link leads nowhere"),
        (
            '<div><script type="application/vnd.jupyter.widget-view+json">{}</script></div>',
            "a widget shows nothing",
        ),
        ('<div style="width: 500px">wide</div>', "pixels wide"),
        ('<p style="color: #aaa">pale</p>', "pale text"),
    ],
)
def test_a_bad_page_has_a_fault(browser, tmp_path, body, fault):
    page = tmp_path / "page.html"
    page.write_text(GOOD.format(""), encoding="utf-8")
    assert page_faults(browser, page.as_uri()) == []
    page.write_text(GOOD.format(body), encoding="utf-8")
    assert any(fault in found for found in page_faults(browser, page.as_uri()))


@pytest.fixture(scope="module")
def clips():
    """Four clips of five frames in which the green channel counts the frames."""
    clips = np.full((4, 5, 8, 8, 3), 200, dtype=np.uint8)
    clips[..., 1] = 40 * np.arange(1, 6).reshape(1, -1, 1, 1)
    return clips


def written(folder, *bodies):
    page = folder / "page.html"
    page.write_text(GOOD.format("".join(bodies)), encoding="utf-8")
    return page.as_uri()


def green(page):
    """What the first player shows: the green value of its top left pixel."""
    return page.evaluate(
        "document.querySelector('canvas').getContext('2d').getImageData(0, 0, 1, 1).data[1]"
    )


STILL = {"reduced_motion": "reduce"}


def test_players_and_strips_make_a_good_page(browser, tmp_path, clips):
    players = [display.player(clips, alt="clips").html, display.strip(clips, alt="strip").html]
    stages = display.scrubber([clips, clips], ["step 0", "step 9"], alt="stages").html
    assert page_faults(browser, written(tmp_path, *players, stages)) == []


def test_player_runs_loops_and_stops_on_click(browser, tmp_path, clips):
    url = written(tmp_path, display.player(clips, alt="clips", fps=10).html)
    with opened(browser, url, reduced_motion="no-preference") as (page, _):
        button = page.get_by_role("button", name="Pause")
        slider = page.get_by_role("slider", name="Frame", exact=True)
        # Looked at in every drawn frame: slower looks can keep step with the loop and miss a frame.
        for text in ("5 / 5", "1 / 5"):
            page.wait_for_function(
                "text => document.querySelector('.vgan-value').textContent.includes(text)", arg=text
            )
        button.click()
        frame = int(slider.input_value())
        assert green(page) == 40 * (frame + 1)
        page.wait_for_timeout(200)
        assert int(slider.input_value()) == frame
        page.get_by_role("button", name="Play").click()
        page.get_by_role("button", name="Pause").wait_for()


def test_player_obeys_the_keyboard(browser, tmp_path, clips):
    url = written(tmp_path, display.player(clips, alt="clips").html)
    with opened(browser, url, **STILL) as (page, _):
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        page.get_by_role("button", name="Pause").wait_for()
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        page.keyboard.press("Home")
        assert green(page) == 40
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert green(page) == 120
        slider = page.get_by_role("slider", name="Frame", exact=True)
        assert slider.get_attribute("aria-valuetext") == "3 / 5"


def test_player_waits_where_motion_is_not_wanted(browser, tmp_path, clips):
    url = written(tmp_path, display.player(clips, alt="clips", fps=50).html)
    with opened(browser, url, **STILL) as (page, _):
        page.wait_for_timeout(300)
        assert page.get_by_role("button", name="Play").count() == 1
        assert green(page) == 40


def test_scrubber_moves_between_stages(browser, tmp_path, clips):
    stages = [clips, 255 - clips]
    url = written(tmp_path, display.scrubber(stages, ["step 0", "step 9"], alt="stages").html)
    with opened(browser, url, **STILL) as (page, _):
        slider = page.get_by_role("slider", name="Stage", exact=True)
        assert slider.get_attribute("aria-valuetext") == "step 9"
        assert green(page) == 215
        slider.focus()
        page.keyboard.press("Home")
        assert slider.get_attribute("aria-valuetext") == "step 0"
        assert green(page) == 40


def test_the_strip_stands_in_where_scripts_do_not_run(browser, tmp_path, clips):
    url = written(tmp_path, display.player(clips, alt="clips").html)
    with opened(browser, url, java_script_enabled=False) as (page, _):
        assert page.get_by_role("img", name="clips").is_visible()
        assert page.get_by_role("button").count() == 0


def test_print_shows_the_strip(browser, tmp_path, clips):
    url = written(tmp_path, display.player(clips, alt="clips").html)
    with opened(browser, url) as (page, _):
        assert not page.locator("figure img").is_visible()
        page.emulate_media(media="print")
        assert page.locator("figure img").is_visible()
        assert not page.locator("canvas").is_visible()
